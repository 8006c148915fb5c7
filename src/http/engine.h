/*
 * engine.h
 *    HTTPS in a loop: many transfers at once, driven from a latch wait.
 *
 * Knows nothing of platforms or of SQL. Network trouble is never an error here: it comes as an answer with an
 * ErrorClass. Errors are raised only by create, configure and send, and never from inside libcurl.
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
	int max_connections;       /* open at once; further transfers wait for one */
	int max_host_connections;  /* the same for one host */
	int connect_timeout_ms;    /* name, connection and TLS together */
	int idle_timeout_s;        /* no byte for so long ends a transfer */
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

/* Valid until `done` returns. */
struct HttpAnswer
{
	int status;       /* 0: none came */
	const char *body; /* NUL-terminated; never NULL */
	size_t length;
	ErrorClass error; /* ERROR_NONE, ERROR_NETWORK, ERROR_TIMEOUT or ERROR_TOO_LARGE; a status is no error */
	const char *error_text; /* says in which phase; NULL for ERROR_NONE */
	double total_ms;
	int64 bytes;    /* received on the wire: headers and body */
	bool reused;    /* over a connection that was open already */
	void *transfer; /* the engine's own */
};

/* Called once for each transfer, outside of libcurl; may send further requests. Must not raise. */
typedef void (*HttpDone)(HttpAnswer *answer, void *arg);

/*
 * Makes an engine that lives as long as `context`. Errors: ERRCODE_FEATURE_NOT_SUPPORTED where libcurl cannot resolve
 * names without blocking, ERRCODE_INSUFFICIENT_RESOURCES where descriptors are lacking.
 */
extern HttpEngine *http_engine_create(MemoryContext context, const HttpOptions *options);

/* New options for transfers that start from now on. */
extern void http_engine_configure(HttpEngine *engine, const HttpOptions *options);

/*
 * Starts a transfer. Everything is copied; what was copied is wiped when the transfer ends. Errors:
 * ERRCODE_INVALID_PARAMETER_VALUE for an address that is not https, ERRCODE_OUT_OF_MEMORY.
 */
extern void http_send(HttpEngine *engine, const HttpRequest *request, HttpDone done, void *arg);

/*
 * Waits at most timeout_ms (-1: without end) for the latch, the network or a timer, and calls `done` of what has ended.
 * Returns after one round of that. Resets the latch; the caller checks what it was set for. Answers interrupts.
 */
extern void http_engine_run(HttpEngine *engine, long timeout_ms);

/* Transfers under way. */
extern int http_engine_active(const HttpEngine *engine);

/* Ends every transfer without calling `done`. */
extern void http_engine_cancel(HttpEngine *engine);

/* The value of a header of the final response, case-insensitively; NULL where absent. Valid as the answer is. */
extern const char *http_answer_header(const HttpAnswer *answer, const char *name);

/* Wipes what a request points to of headers and body, where the caller built them for one call. */
extern void http_request_wipe(HttpRequest *request);

#endif
