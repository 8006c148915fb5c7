/*
 * multi.c
 *    libcurl's transfers behind one epoll descriptor.
 *
 * The callbacks run inside libcurl: they never raise and never palloc.
 *
 * libcurl: https://curl.se/libcurl/c/libcurl-multi.html (multi_socket)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "storage/fd.h"

#include "http/multi.h"

#define MAX_EVENTS 64

/* ---- libcurl's callbacks ---- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	HttpMulti *multi = arg;
	struct epoll_event event = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE)
	{
		epoll_ctl(multi->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (epoll_ctl(multi->epoll, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0 &&
		epoll_ctl(multi->epoll, known == NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
		return -1;
	if (known == NULL)
		curl_multi_assign(multi->multi, fd, multi);
	return 0;
}

static int
on_timer(CURLM *easy_multi, long timeout_ms, void *arg)
{
	HttpMulti *multi = arg;

	multi->timer = timeout_ms < 0 ? MULTI_NO_TIMER : monotonic_now() + timeout_ms * INT64CONST(1000);
	return 0;
}

/* ---- Birth and death ---- */

/* libcurl's own objects; errors where this libcurl is of no use to a server. */
static void
start_libcurl(HttpMulti *multi)
{
	static bool initialised = false;
	bool usable;
	sigset_t old;

	block_signals(&old);
	if (!initialised)
		initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	usable = initialised && (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) != 0;
	if (usable)
	{
		multi->multi = curl_multi_init();
		multi->share = curl_share_init();
	}
	if (multi->multi != NULL && multi->share != NULL)
	{
		curl_share_setopt(multi->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
		curl_multi_setopt(multi->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
		curl_multi_setopt(multi->multi, CURLMOPT_SOCKETDATA, multi);
		curl_multi_setopt(multi->multi, CURLMOPT_TIMERFUNCTION, on_timer);
		curl_multi_setopt(multi->multi, CURLMOPT_TIMERDATA, multi);
		curl_multi_setopt(multi->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_MULTIPLEX);
	}
	restore_signals(&old);
	if (!usable)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("this libcurl cannot be used"),
						errdetail("It must resolve names without blocking (AsynchDNS)."),
						errhint("Install a libcurl that was built with the threaded resolver or c-ares.")));
	if (multi->multi == NULL || multi->share == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("libcurl could not be started.")));
}

/* Books a descriptor that is about to be made. */
static void
book_descriptor(void)
{
	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("no file descriptor left for the network"),
				 errhint("Raise max_files_per_process.")));
}

static int
booked(int descriptor)
{
	if (descriptor < 0)
	{
		int saved = errno;

		ReleaseExternalFD();
		errno = saved;
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not create a descriptor for the network: %m")));
	}
	return descriptor;
}

int
multi_eventfd(void)
{
	book_descriptor();
	return booked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void
multi_open(HttpMulti *multi)
{
	struct epoll_event event = {.events = EPOLLIN};

	*multi = (HttpMulti){.epoll = -1, .call = -1, .timer = MULTI_NO_TIMER};
	start_libcurl(multi);
	book_descriptor();
	multi->epoll = booked(epoll_create1(EPOLL_CLOEXEC));
	multi->call = multi_eventfd();
	event.data.fd = multi->call;
	if (epoll_ctl(multi->epoll, EPOLL_CTL_ADD, multi->call, &event) != 0)
		ereport(ERROR, (errcode_for_socket_access(), errmsg("could not watch a descriptor: %m")));
}

void
multi_limit(HttpMulti *multi, int connections)
{
	curl_multi_setopt(multi->multi, CURLMOPT_MAXCONNECTS, (long) connections);
	curl_multi_setopt(multi->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) connections);
}

void
multi_close(HttpMulti *multi)
{
	if (multi->multi != NULL)
		curl_multi_cleanup(multi->multi);
	if (multi->share != NULL)
		curl_share_cleanup(multi->share);
	for (int i = 0; i < 2; i++)
	{
		int descriptor = i == 0 ? multi->call : multi->epoll;

		if (descriptor < 0)
			continue;
		close(descriptor);
		ReleaseExternalFD();
	}
}

/* ---- A round ---- */

/* Milliseconds until the timer, rounded up: -1 where there is none. */
static int
until_timer(const HttpMulti *multi)
{
	int64 now;

	if (multi->timer == MULTI_NO_TIMER)
		return -1;
	now = monotonic_now();
	return multi->timer <= now ? 0 : (int) Min((multi->timer - now + 999) / 1000, INT_MAX);
}

void
multi_drive(HttpMulti *multi, bool wait)
{
	struct epoll_event events[MAX_EVENTS];
	int ready = epoll_wait(multi->epoll, events, MAX_EVENTS, wait ? until_timer(multi) : 0);
	int running;

	/* Where more are ready than these the next round has the others: the clock and the owner do not wait for them. */
	for (int i = 0; i < ready; i++)
	{
		uint32_t what = events[i].events;
		int mask = (what & EPOLLIN ? CURL_CSELECT_IN : 0) | (what & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
				   (what & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

		if (events[i].data.fd != multi->call)
			curl_multi_socket_action(multi->multi, events[i].data.fd, mask, &running);
	}
	if (multi->timer <= monotonic_now())
	{
		multi->timer = MULTI_NO_TIMER;
		curl_multi_socket_action(multi->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}
