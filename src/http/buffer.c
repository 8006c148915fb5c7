/*
 * buffer.c
 *    Bytes that arrive from outside.
 */
#include "http/buffer.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 4096

static bool
make_room(HttpBuffer *buffer, size_t room)
{
	/* Not realloc(): it would leave what may be a token behind. */
	char *grown = malloc(room);

	if (grown == NULL)
		return false;
	if (buffer->data != NULL)
	{
		memcpy(grown, buffer->data, buffer->length);
		explicit_bzero(buffer->data, buffer->length);
		free(buffer->data);
	}
	grown[buffer->length] = '\0';
	buffer->data = grown;
	buffer->room = room;
	return true;
}

void
buffer_expect(HttpBuffer *buffer, size_t length)
{
	if (length <= buffer->cap && length + 1 > buffer->room)
		(void) make_room(buffer, length + 1);
}

BufferResult
buffer_append(HttpBuffer *buffer, const char *data, size_t length)
{
	if (length > buffer->cap || buffer->length > buffer->cap - length)
		return BUFFER_FULL;
	if (buffer->length + length + 1 > buffer->room)
	{
		size_t room = buffer->room < FIRST_ROOM ? FIRST_ROOM : buffer->room;

		while (room < buffer->length + length + 1)
			room *= 2;
		if (!make_room(buffer, room))
			return BUFFER_NO_MEMORY;
	}
	memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
	return BUFFER_OK;
}

void
buffer_reset(HttpBuffer *buffer, size_t keep, bool secret)
{
	if (buffer->data == NULL)
		return;
	if (secret)
		explicit_bzero(buffer->data, buffer->length); /* what was beyond it has been wiped before */
	if (buffer->room > keep)
	{
		free(buffer->data);
		buffer->data = NULL;
		buffer->room = 0;
	}
	else
		buffer->data[0] = '\0';
	buffer->length = 0;
}

void
buffer_free(HttpBuffer *buffer, bool secret)
{
	buffer_reset(buffer, 0, secret);
}
