/*
 * network.h
 *    The thread that drives libcurl: what is sent goes out and what comes in is heard whatever the process does meanwhile.
 *    Between engine.c and network.c only.
 *
 * The thread begins with the first transfer and ends when it is told to. It touches nothing of the server: no palloc, no
 * ereport, no latch. It takes transfers from one list, puts those that have ended into another, and rings a descriptor that
 * the owner's latch wait watches. All its signals are blocked, so that no handler of the server runs in it or in libcurl's
 * resolver threads, which inherit that.
 *
 * While it runs, what it drives is its own, and what both touch is guarded by `mutex`; while it does not, everything is the
 * owner's. There is one owner: the server's own thread.
 */
#ifndef DREAMSUITE_NETWORK_H
#define DREAMSUITE_NETWORK_H

#include "postgres.h"

#include <pthread.h>

#include "lib/ilist.h"

#include "http/engine.h"
#include "http/multi.h"
#include "http/transfer.h"

/* Bytes of bodies that have come. With more of them no transfer is begun until the owner has heard some. */
#define NETWORK_MOST_UNHEARD (8 * 1024 * 1024)

/* The transfers of one host: how many are under way, and which wait. There are few hosts and they stay. */
typedef struct HttpHost
{
	char *name;
	struct HttpHost *next; /* the owner's list */

	/* the thread's, while it runs */
	bool known; /* the rest is set up, and it is in the network's list */
	int active;
	dlist_head queue;
	struct HttpHost *next_known;
} HttpHost;

typedef struct HttpNetwork
{
	/* Changed only while the thread does not run; the texts are the owner's. */
	HttpOptions options;
	int generation; /* of the options: to be raised when they are set and whenever they change */

	/* The thread's, while it runs. */
	HttpMulti multi;
	HttpHost *hosts;
	int host_count;
	HttpHost *turn; /* the host that may start a transfer next; NULL: the first */
	int queued;     /* waiting for a place */
	int active;     /* under way: each has a place */
	dlist_head under_way;
	dlist_head over; /* ended, not yet handed to the owner */
	HttpHandle *pool;

	/* The owner's. */
	pthread_t thread;
	bool running;
	int bell; /* readable where `ended` has something: for the owner's wait */
	struct HttpNetwork *next_running;

	/* Guarded by the mutex. */
	pthread_mutex_t mutex;
	dlist_head sent;  /* from the owner */
	dlist_head ended; /* to the owner */
	size_t unheard;   /* bytes of bodies that have come and are not yet forgotten */
	bool stop;
	bool called; /* multi's own descriptor has been rung, and not heard yet */
	bool rung;   /* `bell`, the same */
} HttpNetwork;

/*
 * Readies *network, which must not move until network_close(). network_open() does what may fail: errors are those of
 * multi_open() and multi_eventfd(). network_close() frees what was there by then.
 */
extern void network_init(HttpNetwork *network);
extern void network_open(HttpNetwork *network);

/*
 * Hands over the transfers of a list, which is empty then, and starts the thread where it does not run, like
 * network_resume().
 */
extern void network_send(HttpNetwork *network, dlist_head *transfers);

/* Moves what has ended to the end of a list, and silences the bell; true where there was something. */
extern bool network_take_ended(HttpNetwork *network, dlist_head *transfers);

/*
 * Wipes and frees a transfer that was taken, or never sent; or a list of such. Bodies count as unheard until then, and with
 * too many of them no further transfer is begun.
 */
extern void network_forget(HttpNetwork *network, HttpTransfer *transfer);
extern void network_forget_all(HttpNetwork *network, dlist_head *transfers);

/*
 * Ends the thread, within the time of one round of libcurl. What is under way stays so, and goes on with the next thread;
 * its time-outs go on meanwhile.
 */
extern void network_stop(HttpNetwork *network);

/*
 * Starts the thread where transfers wait for one and none runs. Where it cannot be started, or the process is leaving, all
 * of them end as if the network had failed.
 */
extern void network_resume(HttpNetwork *network);

/* Frees what is kept for the next transfers, but for open connections. The thread has been stopped. */
extern void network_rest(HttpNetwork *network);

/* Ends every transfer that was sent and not taken, and frees it. The thread has been stopped. */
extern void network_cancel(HttpNetwork *network);

/* Stops the thread and frees everything but what was taken. */
extern void network_close(HttpNetwork *network);

#endif
