/*
 * engine.h
 *    HTTPS in a loop: many transfers at once, driven by a thread of their own, heard in a latch wait.
 *
 * Knows nothing of platforms or of SQL. Network trouble is never an error here: it comes as an answer with an
 * ErrorClass. Errors are raised only by create, configure and http_send(), and never from inside libcurl; run raises what
 * CHECK_FOR_INTERRUPTS() and `done` do, and the engine can go on or be thrown away afterwards.
 *
 * An engine lives as long as its memory context; whatever libcurl holds is freed when that is reset or deleted.
 */
#ifndef DREAMSUITE_ENGINE_H
#define DREAMSUITE_ENGINE_H

#include "postgres.h"

#include "dreamsuite.h"

#include "nodes/pg_list.h"

typedef struct HttpEngine HttpEngine;
typedef struct HttpAnswer HttpAnswer;

typedef struct HttpOptions
{
	int max_connections;      /* transfers under way at once, and connections open; further transfers wait */
	int max_host_connections; /* transfers under way at once to one host */
	int connect_timeout_ms;   /* name, connection and TLS together */
	int idle_timeout_s; /* silence for so long, and libcurl's few seconds to be sure, ends a transfer; 0: never */
	size_t max_body;           /* bytes of a body, after decompression */
	const char *ca_file;       /* PEM; NULL or empty: the system's */
	const char *proxy;         /* NULL or empty: none, whatever the environment says */
	const char *test_base_url; /* NULL or empty: none; else https://HOST/PATH goes to {base}/HOST/PATH */
	const char *user_agent;
} HttpOptions;

typedef enum HttpMethod
{
	HTTP_GET,
	HTTP_POST
} HttpMethod;

typedef struct HttpRequest
{
	HttpMethod method;
	const char *url;  /* absolute, https */
	List *headers;    /* char *: "Name: value" */
	const char *body; /* of a POST */
	size_t body_length;
	const char *content_type; /* of a POST; NULL: application/x-www-form-urlencoded */
	int timeout_ms;           /* of the whole transfer, from its start; 1..600000 */
} HttpRequest;

/* Valid until `done` returns; what shall live longer is copied. */
struct HttpAnswer
{
	int status;       /* 0: none came */
	const char *body; /* NUL-terminated, may hold NULs; never NULL, empty where the transfer failed */
	size_t length;
	/*
	 * How the transfer ended; a status is no error. ERROR_NONE, ERROR_NETWORK, ERROR_TIMEOUT, ERROR_TOO_LARGE, or
	 * ERROR_BAD_RESPONSE for what is not HTTP or cannot be decompressed.
	 */
	ErrorClass error;
	const char *error_text; /* says in which phase; holds no secret; NULL for ERROR_NONE */
	double total_ms;        /* without the time in the queue */
	int64 bytes;            /* received on the wire: headers and body */
	bool reused;            /* over a connection that was open already */
	int http_version;       /* 10, 11, 20; 0: not known */
	const void *transfer;   /* the engine's own */
};

/*
 * Called once for each transfer, outside of libcurl and with CurrentMemoryContext as it was; may send and cancel. What it
 * raises passes through http_engine_run(); its transfer counts as answered.
 */
typedef void (*HttpDone)(HttpAnswer *answer, void *arg);

/*
 * Makes an engine in `context`. Descriptors are booked with the server; where it has too few to spare, a WARNING says so
 * and fewer connections are used. Errors: ERRCODE_FEATURE_NOT_SUPPORTED where libcurl cannot resolve names without
 * blocking, ERRCODE_INSUFFICIENT_RESOURCES where no descriptor is left.
 */
extern HttpEngine *http_engine_create(MemoryContext context, const HttpOptions *options);

/*
 * New options for transfers that begin from now on; the limits count at once, and the test base for what is sent from now on.
 * Texts are copied. Errors as above.
 */
extern void http_engine_configure(HttpEngine *engine, const HttpOptions *options);

/*
 * Queues a request, which goes to the network with the next http_engine_run() or http_engine_flush(); there it begins as
 * soon as the limits allow, in the order of its host. Everything is copied; the copy is wiped once `done` has returned.
 * Errors: ERRCODE_INVALID_PARAMETER_VALUE for an address that is not plain https://host[:port]/..., a header line with a line
 * break, or a time-out out of range; ERRCODE_OUT_OF_MEMORY.
 */
extern void http_send(HttpEngine *engine, const HttpRequest *request, HttpDone done, void *arg);

/*
 * Hands what is queued to the network and calls `done` of what has ended, of a few dozen at once. Returns when something has
 * ended, when the latch was set, or after timeout_ms (-1: never); true where something has ended. Resets the latch; the caller
 * checks what it was set for. What is under way goes on between the calls as well.
 * Answers interrupts, so it is not to be called with something half done.
 */
extern bool http_engine_run(HttpEngine *engine, long timeout_ms);

/* Hands what is queued to the network, without waiting: for an owner that will be busy for a while. */
extern void http_engine_flush(HttpEngine *engine);

/* Frees what is kept for the next transfers, but for open connections: for an owner that has nothing to ask for a while. */
extern void http_engine_rest(HttpEngine *engine);

/* Transfers that were sent and whose `done` has not been called. */
extern int http_engine_active(const HttpEngine *engine);

/* Ends every transfer without calling `done`. */
extern void http_engine_cancel(HttpEngine *engine);

/* The value of a header of the final response, case-insensitively; NULL where absent. Valid as the answer is. */
extern const char *http_answer_header(const HttpAnswer *answer, const char *name);

/* Wipes the header lines of a request that carry credentials, where the caller built them for one call. */
extern void http_request_wipe(HttpRequest *request);

#endif
