/*
 * transfer.h
 *    One request on its way, and the libcurl handle that carries it. Between engine.c and transfer.c only.
 *
 * A transfer is the copy of a request: one malloc'd block, wiped when it ends. It waits in its host's queue without a
 * handle. A handle (an easy handle with its buffers) is lent to it while it is under way; handles are kept and used
 * again, so that memory follows the connections and not the requests.
 */
#ifndef DREAMSUITE_TRANSFER_H
#define DREAMSUITE_TRANSFER_H

#include "postgres.h"

#include <curl/curl.h>

#include "lib/ilist.h"

#include "http/buffer.h"
#include "http/engine.h"

struct HttpHost;
struct HttpTransfer;

typedef struct HttpHandle
{
	CURL *easy;
	int generation; /* of the options that it was made with */
	bool plain;     /* set up for http to the test base */
	bool idle;      /* in the pool */
	size_t max_body;
	HttpBuffer body;
	HttpBuffer headers; /* lines of the final response, each ended by a NUL */
	bool too_large, headers_too_large, no_memory;
	char error[CURL_ERROR_SIZE];
	struct HttpHandle *next; /* in the pool */
} HttpHandle;

typedef struct HttpTransfer
{
	dlist_node node; /* in its host's queue, among those under way, or among the finished */
	struct HttpHost *host;
	HttpHandle *handle; /* NULL: waits, or could not be started */
	HttpDone done;
	void *arg;
	HttpMethod method;
	int timeout_ms;
	bool plain; /* its url is under the test base */
	CURLcode result;

	/* The copies, in this block */
	size_t size; /* of the block */
	char *url;
	struct curl_slist *headers;
	char *body;
	size_t body_length;
} HttpTransfer;

/* A copy of a request that has been checked; `url` is where it goes. NULL where memory is lacking. */
extern HttpTransfer *transfer_create(const HttpRequest *request, const char *url);

/* Wipes and frees it. It has no handle any more. */
extern void transfer_free(HttpTransfer *transfer);

/* NULL where memory is lacking. Like all that follow, to be called with signals blocked. */
extern HttpHandle *handle_create(void);

/*
 * Readies a handle to carry a transfer. Options that are the same for every transfer are set only where `generation` is a
 * new one. False where libcurl refuses one, for lack of memory.
 */
extern bool handle_load(HttpHandle *handle, const HttpTransfer *transfer, const HttpOptions *options,
						int generation, CURLSH *share);

/* Forgets what the last transfer brought; it is wiped where it may hold tokens. */
extern void handle_reset(HttpHandle *handle);

/* Wipes and frees it; it is in no multi handle. */
extern void handle_free(HttpHandle *handle);

/* The answer of a transfer that has ended; `text` is room for what went wrong. Nothing is palloc'd. */
extern HttpAnswer transfer_answer(const HttpTransfer *transfer, char *text, size_t room);

#endif
