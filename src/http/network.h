/*
 * network.h
 *    The thread that works for an engine. Between engine.c and network.c only.
 *
 * The network goes on while the owner of the engine writes to the database: a thread of its own hands transfers to
 * libcurl and takes them back. It shares no more with the owner than what stands here, never touches the server (no
 * palloc, no ereport, no latch), and runs with all signals blocked. Transfers change hands in three lists under one
 * lock: sent, finished, answered.
 */
#ifndef DREAMSUITE_NETWORK_H
#define DREAMSUITE_NETWORK_H

#include "postgres.h"

#include <curl/curl.h>
#include <pthread.h>

#include "lib/ilist.h"
#include "storage/latch.h"

#include "http/transfer.h"

/* The transfers of one host: how many are under way, and which wait. There are few hosts and they stay. */
typedef struct HttpHost
{
	char *name;
	int active;
	dlist_head queue;
	struct HttpHost *next;
} HttpHost;

struct HttpEngine
{
	/* The owner's alone */
	MemoryContext context;
	MemoryContextCallback cleanup;
	WaitEventSet *waits;
	uint32 wait_event;
	int descriptors;         /* booked with the server for connections */
	int own_descriptors;     /* the same for those below */
	int outstanding;         /* sent, not answered */
	dlist_head answers;      /* taken from `finished`, to be told */
	HttpTransfer *reporting; /* its `done` is being called, or has raised */
	HttpEngine *next;        /* among the engines of this process */

	/* Under `lock` */
	pthread_mutex_t lock;
	pthread_cond_t turn;
	int holds;   /* the owner wants to touch what is the thread's */
	bool busy;   /* the thread does */
	bool sleeps; /* the thread has nothing to do until its descriptors or its timer tell it, or `wake` does */
	bool ends;
	dlist_head sent;     /* to be queued by the thread */
	dlist_head finished; /* to be taken by the owner; `done_fd` says that there are some */
	dlist_head answered; /* told: to be taken apart by the thread */

	/* The thread's while it is busy; else whoever has the lock may touch them */
	HttpOptions options; /* texts are copies in `context` */
	int generation;      /* of the options */
	CURLM *multi;
	CURLSH *share;
	int64 timer; /* when libcurl wants to be called, microseconds of the monotonic clock */
	int queued;  /* waiting for a place */
	int active;  /* under way */
	HttpHost *hosts;
	dlist_head under_way;
	dlist_head ended; /* on their way to `finished` */
	HttpHandle *pool;
	int handles; /* in use and pooled */

	/* They do not change */
	bool runs;
	pthread_t thread;
	int epoll, wake_fd, done_fd; /* -1: not there */
};

#define NO_TIMER PG_INT64_MAX

/* Microseconds of a clock that nobody sets. */
extern int64 monotonic_now(void);

/* Makes libcurl's multi handle for it. False where memory is lacking. */
extern bool network_open(HttpEngine *engine);

/* Starts the thread; 0, or an errno. */
extern int network_start(HttpEngine *engine);

/* Ends it; what is under way stays where it is. */
extern void network_stop(HttpEngine *engine);

/* Between these two the thread touches nothing. They do not nest, and nothing between them may raise. */
extern void network_hold(HttpEngine *engine);
extern void network_release(HttpEngine *engine);

/* Hands a transfer to the thread. */
extern void network_send(HttpEngine *engine, HttpTransfer *transfer);

/* Takes what has ended into `engine->answers`. */
extern void network_take(HttpEngine *engine);

/* Gives a transfer back that was told. */
extern void network_give_back(HttpEngine *engine, HttpTransfer *transfer);

/* What was sent and given back is seen to, also where the thread sleeps. */
extern void network_wake(HttpEngine *engine);

/* Ends a transfer that is in no list any more; within a hold. */
extern void network_forget(HttpEngine *engine, HttpTransfer *transfer);

/* Frees libcurl's objects; the thread has ended. */
extern void network_close(HttpEngine *engine);

#endif
