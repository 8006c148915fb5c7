/*
 * network.c
 *    The thread of an engine: curl_multi driven by one epoll descriptor.
 *
 * Rounds without an end: take what was sent, start what the limits allow, feed libcurl what the network and the clock
 * have, hand over what has ended, sleep. No call of libcurl here waits, so a round is short, and whoever wants the
 * thread to stand still (network_hold) has not to wait long.
 *
 * Transfers beyond the limits wait in queues of ours, not in libcurl's, so that waiting for a connection does not use up
 * a transfer's own time-out. libcurl's timer is a number that bounds the sleep: it needs no descriptor.
 *
 * libcurl: https://curl.se/libcurl/c/libcurl-multi.html (multi_socket)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "http/network.h"

#define MAX_EVENTS 128

int64
monotonic_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64CONST(1000000) + now.tv_nsec / 1000;
}

/* ---- libcurl's callbacks ---- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	HttpEngine *engine = arg;
	struct epoll_event event = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE)
	{
		epoll_ctl(engine->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (epoll_ctl(engine->epoll, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0 &&
		epoll_ctl(engine->epoll, known == NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
		return -1;
	if (known == NULL)
		curl_multi_assign(engine->multi, fd, engine);
	return 0;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	HttpEngine *engine = arg;

	engine->timer = timeout_ms < 0 ? NO_TIMER : monotonic_now() + timeout_ms * INT64CONST(1000);
	return 0;
}

/* ---- Handles ---- */

static HttpHandle *
take_handle(HttpEngine *engine)
{
	HttpHandle *handle = engine->pool;

	if (handle != NULL)
		engine->pool = handle->next;
	else if ((handle = handle_create()) != NULL)
		engine->handles++;
	return handle;
}

/* Back to the pool. As many again as there may be connections are with answers that wait to be told. */
static void
give_back_handle(HttpEngine *engine, HttpHandle *handle)
{
	handle_reset(handle);
	if (engine->handles > 2 * engine->options.max_connections)
	{
		handle_free(handle);
		engine->handles--;
		return;
	}
	handle->next = engine->pool;
	engine->pool = handle;
}

void
network_forget(HttpEngine *engine, HttpTransfer *transfer)
{
	if (transfer->handle != NULL)
		give_back_handle(engine, transfer->handle);
	transfer_free(transfer);
}

/* ---- A round ---- */

/* Hands a transfer to libcurl. What cannot be started has ended at once. */
static void
start_transfer(HttpEngine *engine, HttpTransfer *transfer)
{
	HttpHandle *handle = take_handle(engine);

	if (handle != NULL &&
		handle_load(handle, transfer, &engine->options, engine->generation, engine->share) &&
		curl_multi_add_handle(engine->multi, handle->easy) == CURLM_OK)
	{
		transfer->handle = handle;
		transfer->host->active++;
		engine->active++;
		dlist_push_tail(&engine->under_way, &transfer->node);
		return;
	}
	if (handle != NULL)
		give_back_handle(engine, handle);
	dlist_push_tail(&engine->ended, &transfer->node);
}

/* Starts what waits, as far as the limits allow; the hosts take turns. */
static void
start_queued(HttpEngine *engine)
{
	bool started = true;

	while (started && engine->queued > 0)
	{
		started = false;
		for (HttpHost *host = engine->hosts; host != NULL; host = host->next)
		{
			if (dlist_is_empty(&host->queue) || host->active >= engine->options.max_host_connections)
				continue;
			if (engine->active >= engine->options.max_connections)
				return;
			engine->queued--;
			start_transfer(engine, dlist_container(HttpTransfer, node, dlist_pop_head_node(&host->queue)));
			started = true;
		}
	}
}

/* Takes ended transfers out of libcurl's hands. */
static void
collect_ended(HttpEngine *engine)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(engine->multi, &left)) != NULL)
	{
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;
		HttpTransfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
		curl_multi_remove_handle(engine->multi, easy); /* ends the life of `message` */
		transfer->result = result;
		transfer->host->active--;
		engine->active--;
		dlist_delete(&transfer->node);
		dlist_push_tail(&engine->ended, &transfer->node);
	}
}

/* Gives libcurl what the descriptors have to say. */
static void
feed(HttpEngine *engine, const struct epoll_event *events, int count)
{
	int running;

	for (int i = 0; i < count; i++)
	{
		uint32_t what = events[i].events;
		int mask = (what & EPOLLIN ? CURL_CSELECT_IN : 0) | (what & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
				   (what & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
		eventfd_t ignored;

		if (events[i].data.fd == engine->wake_fd)
			eventfd_read(engine->wake_fd, &ignored);
		else
			curl_multi_socket_action(engine->multi, events[i].data.fd, mask, &running);
	}
	if (engine->timer <= monotonic_now())
	{
		engine->timer = NO_TIMER;
		curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

/* Moves a whole list; the one that it came from is empty then. */
static void
move_list(dlist_head *to, dlist_head *from)
{
	while (!dlist_is_empty(from))
		dlist_push_tail(to, dlist_pop_head_node(from));
}

/* Begins a round: false where there is to be none any more. */
static bool
begin_round(HttpEngine *engine, dlist_head *answered)
{
	pthread_mutex_lock(&engine->lock);
	engine->sleeps = false;
	while (engine->holds > 0 && !engine->ends)
		pthread_cond_wait(&engine->turn, &engine->lock);
	if (engine->ends)
	{
		pthread_mutex_unlock(&engine->lock);
		return false;
	}
	engine->busy = true;
	while (!dlist_is_empty(&engine->sent))
	{
		HttpTransfer *transfer = dlist_container(HttpTransfer, node, dlist_pop_head_node(&engine->sent));

		dlist_push_tail(&transfer->host->queue, &transfer->node);
		engine->queued++;
	}
	move_list(answered, &engine->answered);
	pthread_mutex_unlock(&engine->lock);
	return true;
}

/* Ends it; returns how long the thread may sleep, in milliseconds (-1: until it is woken). */
static int
end_round(HttpEngine *engine)
{
	int64 timer = engine->timer;
	bool tell;
	int64 wait = 0;

	pthread_mutex_lock(&engine->lock);
	tell = dlist_is_empty(&engine->finished) && !dlist_is_empty(&engine->ended);
	move_list(&engine->finished, &engine->ended);
	engine->busy = false;
	engine->sleeps = dlist_is_empty(&engine->sent) && dlist_is_empty(&engine->answered);
	if (engine->holds > 0)
		pthread_cond_broadcast(&engine->turn);
	if (engine->sleeps)
		wait = -1;
	pthread_mutex_unlock(&engine->lock);
	if (tell)
		eventfd_write(engine->done_fd, 1);
	if (wait != 0 && timer != NO_TIMER)
		wait = Min(Max((timer - monotonic_now() + 999) / 1000, 0), INT_MAX);
	return (int) wait;
}

static void *
network_main(void *arg)
{
	HttpEngine *engine = arg;
	struct epoll_event events[MAX_EVENTS];
	dlist_head answered;
	int ready = 0;

	dlist_init(&answered);
	while (begin_round(engine, &answered))
	{
		while (!dlist_is_empty(&answered))
			network_forget(engine, dlist_container(HttpTransfer, node, dlist_pop_head_node(&answered)));
		start_queued(engine);
		feed(engine, events, ready);
		collect_ended(engine);
		/* What has ended makes room for the next. */
		start_queued(engine);
		ready = epoll_wait(engine->epoll, events, MAX_EVENTS, end_round(engine));
	}
	return NULL;
}

/* ---- The owner's side ---- */

void
network_hold(HttpEngine *engine)
{
	pthread_mutex_lock(&engine->lock);
	engine->holds++;
	while (engine->busy)
		pthread_cond_wait(&engine->turn, &engine->lock);
	engine->holds--;
}

void
network_release(HttpEngine *engine)
{
	pthread_cond_broadcast(&engine->turn);
	pthread_mutex_unlock(&engine->lock);
	/* Its timer may be another one now. */
	eventfd_write(engine->wake_fd, 1);
}

void
network_send(HttpEngine *engine, HttpTransfer *transfer)
{
	pthread_mutex_lock(&engine->lock);
	dlist_push_tail(&engine->sent, &transfer->node);
	pthread_mutex_unlock(&engine->lock);
}

void
network_take(HttpEngine *engine)
{
	eventfd_t ignored;

	eventfd_read(engine->done_fd, &ignored);
	pthread_mutex_lock(&engine->lock);
	move_list(&engine->answers, &engine->finished);
	pthread_mutex_unlock(&engine->lock);
}

void
network_give_back(HttpEngine *engine, HttpTransfer *transfer)
{
	pthread_mutex_lock(&engine->lock);
	dlist_push_tail(&engine->answered, &transfer->node);
	pthread_mutex_unlock(&engine->lock);
}

void
network_wake(HttpEngine *engine)
{
	bool wake;

	pthread_mutex_lock(&engine->lock);
	wake = engine->sleeps && !(dlist_is_empty(&engine->sent) && dlist_is_empty(&engine->answered));
	if (wake)
		engine->sleeps = false;
	pthread_mutex_unlock(&engine->lock);
	if (wake)
		eventfd_write(engine->wake_fd, 1);
}

/* ---- Birth and death ---- */

bool
network_open(HttpEngine *engine)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = engine->wake_fd};

	engine->multi = curl_multi_init();
	engine->share = curl_share_init();
	if (engine->multi == NULL || engine->share == NULL ||
		epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->wake_fd, &event) != 0)
		return false;
	curl_share_setopt(engine->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
	curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
	curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_MULTIPLEX);
	return true;
}

int
network_start(HttpEngine *engine)
{
	sigset_t all, old;
	int error;

	/* It inherits the mask, and so do the resolver threads that it starts. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&engine->thread, NULL, network_main, engine);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	engine->runs = error == 0;
	return error;
}

void
network_stop(HttpEngine *engine)
{
	if (!engine->runs)
		return;
	engine->runs = false;
	pthread_mutex_lock(&engine->lock);
	engine->ends = true;
	pthread_cond_broadcast(&engine->turn);
	pthread_mutex_unlock(&engine->lock);
	eventfd_write(engine->wake_fd, 1);
	pthread_join(engine->thread, NULL);
}

void
network_close(HttpEngine *engine)
{
	while (engine->pool != NULL)
	{
		HttpHandle *handle = engine->pool;

		engine->pool = handle->next;
		handle_free(handle);
	}
	if (engine->multi != NULL)
		curl_multi_cleanup(engine->multi);
	if (engine->share != NULL)
		curl_share_cleanup(engine->share);
}
