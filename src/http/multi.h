/*
 * multi.h
 *    libcurl's transfers behind one epoll descriptor, and the guard that keeps signals away from libcurl. Between engine.c
 *    and multi.c only.
 *
 * The timer is a number that bounds the caller's wait: it needs no descriptor.
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
	int epoll;     /* readable when multi_drive() has something to do */
	int64 timer;   /* when it is to be called at the latest, as monotonic_now(); MULTI_NO_TIMER: never */
} HttpMulti;

/* Around every call of libcurl: its resolver threads inherit a full mask, so no handler of the server runs in them. */
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

/* Feeds libcurl what the network and the clock have, without waiting. Signals blocked. */
extern void multi_drive(HttpMulti *multi);

/* Frees everything. No handle is in it any more; signals blocked. */
extern void multi_close(HttpMulti *multi);

#endif
