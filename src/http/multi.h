/*
 * multi.h
 *    libcurl's transfers behind one epoll descriptor, and the guard that keeps signals away from libcurl. Between network.c
 *    and multi.c only.
 *
 * The timer is a number that bounds the wait: it needs no descriptor.
 */
#ifndef DREAMSUITE_MULTI_H
#define DREAMSUITE_MULTI_H

#include "postgres.h"

#include <curl/curl.h>
#include <signal.h>
#include <time.h>

#define MULTI_NO_TIMER PG_INT64_MAX

typedef struct HttpMulti
{
	CURLM *multi;
	CURLSH *share; /* TLS sessions, for every handle */
	int epoll;     /* of libcurl's sockets, and of `call` */
	int call;      /* rung (an eventfd) to end a wait */
	int64 timer;   /* when libcurl is to be driven at the latest, as monotonic_now(); MULTI_NO_TIMER: never */
} HttpMulti;

/*
 * Around what libcurl does in the server's own thread, and where a thread is started: it inherits a full mask, so that no
 * handler of the server runs in it.
 */
static inline void
block_signals(sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, old);
}

static inline void
restore_signals(const sigset_t *old)
{
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* Microseconds of a clock that nobody sets. */
static inline int64
monotonic_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64CONST(1000000) + now.tv_nsec / 1000;
}

/*
 * Starts libcurl in *multi, which must not move until multi_close(). Errors: ERRCODE_FEATURE_NOT_SUPPORTED where libcurl
 * cannot resolve names without blocking, ERRCODE_INSUFFICIENT_RESOURCES where no descriptor is left,
 * ERRCODE_OUT_OF_MEMORY; multi_close() frees what was there by then.
 */
extern void multi_open(HttpMulti *multi);

/* How many connections may be open, idle ones too: the oldest is closed where a new one is needed. Signals blocked. */
extern void multi_limit(HttpMulti *multi, int connections);

/*
 * Feeds libcurl what the network and the clock have. Waits until there is something, or `call` was rung, where `wait`. Never
 * raises. Signals blocked.
 */
extern void multi_drive(HttpMulti *multi, bool wait);

/* A descriptor to be rung (an eventfd that never blocks), booked with the server. Errors: ERRCODE_INSUFFICIENT_RESOURCES. */
extern int multi_eventfd(void);

/* Frees everything. No handle is in it any more; signals blocked. */
extern void multi_close(HttpMulti *multi);

#endif
