/*
 * network.c
 *    The thread that drives libcurl.
 *
 * Transfers beyond the limits wait in queues of ours, not in libcurl's, so that waiting for a connection does not use up
 * a transfer's own time-out.
 *
 * A process that leaves takes its threads with it only if none of them is inside a library that exit() tears down; so the
 * thread is stopped before.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "storage/fd.h"
#include "storage/ipc.h"

#include "http/network.h"

static HttpNetwork *all_running = NULL;
static bool leaving = false; /* the process ends */

static void
move_all(dlist_head *to, dlist_head *from)
{
	while (!dlist_is_empty(from))
		dlist_push_tail(to, dlist_pop_head_node(from));
}

static HttpTransfer *
first_of(dlist_head *list)
{
	return dlist_container(HttpTransfer, node, dlist_pop_head_node(list));
}

/* ---- In the thread: the way of a transfer ---- */

static HttpHandle *
take_handle(HttpNetwork *network)
{
	HttpHandle *handle = network->pool;

	if (handle == NULL)
		return handle_create();
	network->pool = handle->next;
	return handle;
}

static void
give_back_handle(HttpNetwork *network, HttpHandle *handle)
{
	handle_unload(handle);
	handle->next = network->pool;
	network->pool = handle;
}

static void
enqueue(HttpNetwork *network, HttpTransfer *transfer)
{
	HttpHost *host = transfer->host;

	if (!host->known)
	{
		dlist_init(&host->queue);
		host->known = true;
		host->next_known = network->hosts;
		network->hosts = host;
		network->host_count++;
	}
	dlist_push_tail(&host->queue, &transfer->node);
	network->queued++;
}

/* Hands a transfer to libcurl. What cannot be started is over at once. */
static void
start_transfer(HttpNetwork *network, HttpTransfer *transfer)
{
	HttpHandle *handle = take_handle(network);

	if (handle != NULL &&
		handle_load(handle, transfer, &network->options, network->generation, network->multi.share) &&
		curl_multi_add_handle(network->multi.multi, handle->easy) == CURLM_OK)
	{
		transfer->host->active++;
		network->active++;
		dlist_push_tail(&network->under_way, &transfer->node);
		return;
	}
	if (handle != NULL)
		give_back_handle(network, handle);
	transfer_give_up(transfer, "out of memory");
	dlist_push_tail(&network->over, &transfer->node);
}

/*
 * Starts what waits, as far as the limits allow. The hosts take turns, also from one call to the next: where connections are
 * short, one host with much to ask would have them all.
 */
static void
start_queued(HttpNetwork *network)
{
	int passed = 0; /* hosts in a row that start nothing */

	while (network->queued > 0 && network->active < network->options.max_connections &&
		   passed < network->host_count)
	{
		HttpHost *host = network->turn != NULL ? network->turn : network->hosts;

		network->turn = host->next_known;
		if (dlist_is_empty(&host->queue) || host->active >= network->options.max_host_connections)
		{
			passed++;
			continue;
		}
		passed = 0;
		network->queued--;
		start_transfer(network, first_of(&host->queue));
	}
}

/* Takes a transfer out of libcurl's hands; its place is free for another. */
static void
take_out(HttpNetwork *network, HttpTransfer *transfer)
{
	curl_multi_remove_handle(network->multi.multi, transfer->handle->easy);
	transfer->host->active--;
	network->active--;
	dlist_delete(&transfer->node);
}

/* Takes those that have ended, each with its answer. */
static void
take_over(HttpNetwork *network)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(network->multi.multi, &left)) != NULL)
	{
		CURLcode result = message->data.result;
		HttpTransfer *transfer = NULL;
		HttpHandle *handle;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &transfer);
		take_out(network, transfer); /* ends the life of `message` */
		handle = transfer->handle;
		transfer_end(transfer, result);
		give_back_handle(network, handle);
		dlist_push_tail(&network->over, &transfer->node);
	}
}

/* ---- Between the thread and its owner ---- */

static void
ring(int descriptor)
{
	uint64 one = 1;
	ssize_t ignored pg_attribute_unused() = write(descriptor, &one, sizeof(one));
}

static void
silence(int descriptor)
{
	uint64 count;
	ssize_t ignored pg_attribute_unused() = read(descriptor, &count, sizeof(count));
}

/* The mutex is held. Ends the wait of the thread, which is running: there is something for it to do. */
static void
call_thread(HttpNetwork *network)
{
	if (!network->called)
		ring(network->multi.call);
	network->called = true;
}

/* The mutex is held, or the thread does not run. */
static void
hand_over(HttpNetwork *network)
{
	dlist_iter iter;

	if (dlist_is_empty(&network->over))
		return;
	dlist_foreach(iter, &network->over)
	{
		network->unheard += dlist_container(HttpTransfer, node, iter.cur)->body.length;
	}
	move_all(&network->ended, &network->over);
	if (!network->rung)
		ring(network->bell);
	network->rung = true;
}

static void *
drive(void *arg)
{
	HttpNetwork *network = arg;

	for (;;)
	{
		bool stop, full;

		pthread_mutex_lock(&network->mutex);
		hand_over(network);
		if (network->called)
			silence(network->multi.call);
		network->called = false;
		while (!dlist_is_empty(&network->sent))
			enqueue(network, first_of(&network->sent));
		stop = network->stop;
		full = network->unheard >= NETWORK_MOST_UNHEARD;
		pthread_mutex_unlock(&network->mutex);
		if (stop)
			return NULL;
		if (!full)
			start_queued(network);
		multi_drive(&network->multi, dlist_is_empty(&network->over));
		take_over(network);
	}
}

/* ---- Its beginning and its end ---- */

/* At the end of the process. What is sent by others that end it is given up. */
static void
stop_all(int code, Datum arg)
{
	leaving = true;
	while (all_running != NULL)
		network_stop(all_running);
}

static bool
start(HttpNetwork *network)
{
	static bool registered = false;
	sigset_t old;
	int error;

	if (leaving)
		return false;
	if (!registered)
		before_shmem_exit(stop_all, (Datum) 0);
	registered = true;
	network->stop = false;
	block_signals(&old);
	error = pthread_create(&network->thread, NULL, drive, network);
	restore_signals(&old);
	if (error != 0)
		return false;
	network->running = true;
	network->next_running = all_running;
	all_running = network;
	return true;
}

void
network_stop(HttpNetwork *network)
{
	HttpNetwork **link = &all_running;

	if (!network->running)
		return;
	pthread_mutex_lock(&network->mutex);
	network->stop = true;
	call_thread(network);
	pthread_mutex_unlock(&network->mutex);
	pthread_join(network->thread, NULL);
	network->running = false;
	while (*link != network)
		link = &(*link)->next_running;
	*link = network->next_running;
}

/* Ends all that is not over yet, with an answer that says why. The thread does not run. */
static void
give_up_all(HttpNetwork *network, const char *why)
{
	dlist_mutable_iter iter;
	dlist_iter ended;
	sigset_t old;

	block_signals(&old);
	dlist_foreach_modify(iter, &network->under_way)
	{
		HttpTransfer *transfer = dlist_container(HttpTransfer, node, iter.cur);

		take_out(network, transfer);
		give_back_handle(network, transfer->handle);
		dlist_push_tail(&network->over, &transfer->node);
	}
	restore_signals(&old);
	for (HttpHost *host = network->hosts; host != NULL; host = host->next_known)
		move_all(&network->over, &host->queue);
	network->queued = 0;
	move_all(&network->over, &network->sent);
	dlist_foreach(ended, &network->over)
	{
		transfer_give_up(dlist_container(HttpTransfer, node, ended.cur), why);
	}
	hand_over(network);
}

void
network_resume(HttpNetwork *network)
{
	if (network->running || (network->queued == 0 && network->active == 0 && dlist_is_empty(&network->sent)))
		return;
	if (!start(network))
		give_up_all(network, "no thread can be started");
}

/* ---- For the owner ---- */

void
network_send(HttpNetwork *network, dlist_head *transfers)
{
	if (dlist_is_empty(transfers))
		return;
	pthread_mutex_lock(&network->mutex);
	move_all(&network->sent, transfers);
	if (network->running)
		call_thread(network);
	pthread_mutex_unlock(&network->mutex);
	network_resume(network);
}

bool
network_take_ended(HttpNetwork *network, dlist_head *transfers)
{
	bool some;

	pthread_mutex_lock(&network->mutex);
	if (network->rung)
		silence(network->bell);
	network->rung = false;
	some = !dlist_is_empty(&network->ended);
	move_all(transfers, &network->ended);
	pthread_mutex_unlock(&network->mutex);
	return some;
}

void
network_forget(HttpNetwork *network, HttpTransfer *transfer)
{
	bool full;

	pthread_mutex_lock(&network->mutex);
	full = network->unheard >= NETWORK_MOST_UNHEARD;
	network->unheard -= transfer->body.length;
	if (full && network->unheard < NETWORK_MOST_UNHEARD && network->running)
		call_thread(network);
	pthread_mutex_unlock(&network->mutex);
	transfer_free(transfer);
}

void
network_forget_all(HttpNetwork *network, dlist_head *transfers)
{
	while (!dlist_is_empty(transfers))
		network_forget(network, first_of(transfers));
}

/* ---- While the thread does not run ---- */

void
network_rest(HttpNetwork *network)
{
	sigset_t old;

	Assert(!network->running);
	block_signals(&old);
	while (network->pool != NULL)
	{
		HttpHandle *handle = network->pool;

		network->pool = handle->next;
		handle_free(handle);
	}
	restore_signals(&old);
}

void
network_cancel(HttpNetwork *network)
{
	Assert(!network->running);
	give_up_all(network, "it was cancelled");
	network_forget_all(network, &network->ended);
}

void
network_init(HttpNetwork *network)
{
	*network = (HttpNetwork){.multi = {.epoll = -1, .call = -1}, .bell = -1};
	dlist_init(&network->under_way);
	dlist_init(&network->over);
	dlist_init(&network->sent);
	dlist_init(&network->ended);
	pthread_mutex_init(&network->mutex, NULL);
}

void
network_open(HttpNetwork *network)
{
	multi_open(&network->multi);
	network->bell = multi_eventfd();
}

void
network_close(HttpNetwork *network)
{
	sigset_t old;

	network_stop(network);
	network_cancel(network);
	network_rest(network);
	block_signals(&old);
	multi_close(&network->multi);
	restore_signals(&old);
	if (network->bell >= 0)
	{
		close(network->bell);
		ReleaseExternalFD();
	}
	pthread_mutex_destroy(&network->mutex);
}
