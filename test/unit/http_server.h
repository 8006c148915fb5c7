/*
 * http_server.h
 *    A small HTTP server in a child process, for tests of src/http: it answers what a path asks for and counts.
 *
 * Paths are /HOST/KIND/ARG/ID, where HOST is "a" or "b":
 *   slow   ARG milliseconds later, a body "HOST ID"
 *   big    at once, a body of ARG bytes that begins with "HOST ID "
 *   agent  at once, the User-Agent
 *   hang   never
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct HttpServerCounts
{
	int open, most_open;           /* connections */
	int begun;                     /* requests */
	int active[2], most_active[2]; /* requests that are not answered yet, of each host */
} HttpServerCounts;

typedef struct HttpServer
{
	int port; /* on 127.0.0.1 */
	pid_t pid;
	HttpServerCounts *counts; /* shared with the child */
} HttpServer;

/* To be called before there is a second thread. */
extern bool server_start(HttpServer *server);
extern void server_stop(HttpServer *server);

/* One of the counts as it is now. */
#define server_count(server, what) __atomic_load_n(&(server)->counts->what, __ATOMIC_SEQ_CST)

/* Counts begin anew, but for what is open. */
extern void server_forget(HttpServer *server);

#endif
