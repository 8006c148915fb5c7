/*
 * network.h
 *    The thread that drives libcurl: what is sent goes out and what comes in is heard whatever the process does meanwhile.
 *    Between engine.c and network.c only.
 *
 * The thread begins with the first transfer and ends when it is told to. It touches nothing of the server: no palloc, no
 * ereport, no latch. It takes transfers from one list and puts them into another, and rings a descriptor that the owner's
 * latch wait watches. All its signals are blocked, so that no handler of the server runs in it or in libcurl's resolver
 * threads, which inherit that.
 *
 * While it runs, all but what `mutex` guards is its own; while it does not, everything is the owner's.
 */
#ifndef DREAMSUITE_NETWORK_H
#define DREAMSUITE_NETWORK_H

#include "postgres.h"

#include <pthread.h>

#include "lib/ilist.h"

#include "http/engine.h"
#include "http/multi.h"
#include "http/transfer.h"

/* The transfers of one host: how many are under way, and which wait. There are few hosts and they stay. */
typedef struct HttpHost
{
	char *name;
	struct HttpHost *next; /* the owner's list */

	/* the thread's */
	bool known;
	int active;
	dlist_head queue;
	struct HttpHost *next_known;
} HttpHost;

typedef struct HttpNetwork
{
	HttpOptions options; /* changed while the thread does not run; the texts are the owner's */
	int generation;      /* of the options: to be raised when they change */

	HttpMulti multi;
	HttpHost *hosts;
	int queued; /* waiting for a place */
	int active; /* under way: each has a place */
	dlist_head under_way;
	dlist_head over; /* ended, not yet handed to the owner */
	HttpHandle *pool;

	pthread_t thread;
	bool running;
	int bell; /* readable where `ended` has something: for the owner's wait */

	pthread_mutex_t mutex;
	dlist_head sent;  /* from the owner */
	dlist_head ended; /* to the owner */
	size_t unheard;   /* bytes of bodies that have come and are not yet forgotten */
	bool stop;
	bool called; /* multi's own descriptor has been rung, and not heard yet */
	bool rung;   /* `bell`, the same */

	struct HttpNetwork *next_running;
} HttpNetwork;

/*
 * Readies *network, which must not move until network_close(). network_open() does what may fail: errors are those of
 * multi_open(), and ERRCODE_INSUFFICIENT_RESOURCES where no descriptor is left. network_close() frees what was there by then.
 */
extern void network_init(HttpNetwork *network);
extern void network_open(HttpNetwork *network);

/*
 * Hands over the transfers of a list, which is empty then, and starts the thread where it does not run. Where it cannot be
 * started they end at once, as if the network had failed.
 */
extern void network_send(HttpNetwork *network, dlist_head *transfers);

/* Moves what has ended to the end of a list; true where there was something. */
extern bool network_take_ended(HttpNetwork *network, dlist_head *transfers);

/* Wipes and frees a transfer that was taken, or not yet sent; or a list of such. */
extern void network_forget(HttpNetwork *network, HttpTransfer *transfer);
extern void network_forget_all(HttpNetwork *network, dlist_head *transfers);

/* Ends the thread, within the time of one round of libcurl. What is under way stays so, and goes on with the next thread. */
extern void network_stop(HttpNetwork *network);

/* Starts it again where transfers wait for it; false where that fails. */
extern bool network_resume(HttpNetwork *network);

/* Frees what is kept for the next transfers, but for open connections. The thread has been stopped. */
extern void network_rest(HttpNetwork *network);

/* Ends every transfer that was sent and not taken. The thread has been stopped. */
extern void network_cancel(HttpNetwork *network);

/* Stops the thread and frees everything. */
extern void network_close(HttpNetwork *network);

#endif
