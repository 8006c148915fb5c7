/*
 * buffer.h
 *    Bytes that arrive from outside: malloc'd, capped, never raising, because libcurl's callbacks must not.
 */
#ifndef DREAMSUITE_BUFFER_H
#define DREAMSUITE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct HttpBuffer
{
	char *data; /* NUL-terminated once something was added; NULL before */
	size_t length;
	size_t room;
	size_t cap; /* the most it will hold */
} HttpBuffer;

typedef enum BufferResult
{
	BUFFER_OK,
	BUFFER_FULL,     /* over the cap; nothing was added */
	BUFFER_NO_MEMORY /* nothing was added */
} BufferResult;

/* Makes room for so many bytes in all, as far as it may hold them. A hint: where memory is lacking nothing happens. */
extern void buffer_expect(HttpBuffer *buffer, size_t length);

/* Copies `length` bytes to its end. */
extern BufferResult buffer_append(HttpBuffer *buffer, const char *data, size_t length);

/* Empties it. Memory up to `keep` bytes stays for the next use; it is wiped where `secret`. */
extern void buffer_reset(HttpBuffer *buffer, size_t keep, bool secret);

/* The same, and frees all of it. It may be used again. */
extern void buffer_free(HttpBuffer *buffer, bool secret);

#endif
