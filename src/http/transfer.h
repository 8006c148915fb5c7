/*
 * transfer.h
 *    One request on its way, its answer, and the libcurl handle that carries both. Between engine.c, network.c and
 *    transfer.c only.
 *
 * A transfer is the copy of a request: one malloc'd block, wiped when it is freed, and two buffers for what comes back. It
 * waits in its host's queue without a handle. A handle (an easy handle with its buffers) is lent to it while it is under way;
 * handles are kept and used again, so that memory follows the connections and not the requests.
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
	struct HttpTransfer *transfer;
	struct HttpHandle *next; /* in the pool */
} HttpHandle;

typedef struct HttpTransfer
{
	dlist_node node; /* in the list of those that are as far as it is */
	struct HttpHost *host;
	HttpHandle *handle; /* while it is under way */
	HttpDone done;
	void *arg;
	HttpMethod method;
	int timeout_ms;
	bool plain; /* its url is under the test base */

	/* The copies, in this block */
	size_t size; /* of the block */
	char *url;
	struct curl_slist *request_headers;
	char *request_body;
	size_t request_length;

	/* What came */
	HttpBuffer body;
	HttpBuffer headers; /* lines of the final response, each ended by a NUL */
	bool too_large, headers_too_large, no_memory;
	char error[CURL_ERROR_SIZE];
	char text[CURL_ERROR_SIZE + 128]; /* `error_text` of the answer */
	HttpAnswer answer;                /* once it has ended */
} HttpTransfer;

/* A copy of a request that has been checked; `url` is where it goes. NULL where memory is lacking. */
extern HttpTransfer *transfer_create(const HttpRequest *request, const char *url);

/* Wipes and frees it. It has no handle any more. */
extern void transfer_free(HttpTransfer *transfer);

/* NULL where memory is lacking. Like all that follow, to be called with signals blocked; nothing is palloc'd or raised. */
extern HttpHandle *handle_create(void);

/*
 * Readies a handle to carry a transfer. Options that are the same for every transfer are set only where `generation` is a
 * new one. False where libcurl refuses one, for lack of memory.
 */
extern bool handle_load(HttpHandle *handle, HttpTransfer *transfer, const HttpOptions *options,
						int generation, CURLSH *share);

/* Lets go of its transfer; it is in no multi handle. */
extern void handle_unload(HttpHandle *handle);

/* The same, and frees it. */
extern void handle_free(HttpHandle *handle);

/* Fills in the answer of a transfer that has ended, while its handle is still loaded with it. */
extern void transfer_end(HttpTransfer *transfer, CURLcode result);

/* The same of one that no handle carries, or none any more; `why` is no secret. */
extern void transfer_give_up(HttpTransfer *transfer, const char *why);

#endif
