/*
 * bare_curl.c
 *    The limit for collecting: the same GETs with libcurl and epoll, and nothing else.
 *
 *    bare_curl BASE one|three ACCOUNTS CONNECTIONS
 *
 * BASE is what dreamsuite.test_base_url would be. `one` is a TikTok user, `three` a YouTube channel, its uploads and its
 * videos, each asked when the one before has been answered. Bodies are received and thrown away. Prints the seconds that
 * it took.
 */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

typedef struct Worker
{
	CURL *easy;
	struct curl_slist *headers;
	int account;
	int step;
} Worker;

static CURLM *multi;
static int epoll_fd;
static int64_t timer = -1; /* when libcurl wants to be called; -1: not */
static int next_account, accounts, steps, running_workers;
static const char *base;

static const char *const three_urls[] = {
	"%s/www.googleapis.com/youtube/v3/channels?part=id,snippet,statistics,contentDetails&id=UC%d",
	"%s/www.googleapis.com/youtube/v3/playlistItems?part=contentDetails,status&maxResults=50&playlistId=UU%d",
	"%s/www.googleapis.com/youtube/v3/videos?part=snippet,contentDetails,statistics&id=video%d",
};

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct epoll_event event = {.data.fd = fd};

	(void) easy;
	(void) arg;
	if (what == CURL_POLL_REMOVE)
		return epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL), 0;
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (epoll_ctl(epoll_fd, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0)
		return -1;
	curl_multi_assign(multi, fd, &multi);
	return 0;
}

static int
on_timer(CURLM *m, long timeout_ms, void *arg)
{
	(void) m;
	(void) arg;
	timer = timeout_ms < 0 ? -1 : now_us() + timeout_ms * 1000;
	return 0;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	(void) data;
	(void) arg;
	return size * count;
}

/* Asks the next request of the worker's account; at its end, the first of the next account. */
static void
ask(Worker *worker)
{
	char text[512];

	if (worker->step == steps)
	{
		worker->step = 0;
		worker->account = ++next_account;
		if (worker->account > accounts)
		{
			running_workers--;
			return;
		}
		curl_slist_free_all(worker->headers);
		snprintf(text, sizeof(text), "Authorization: Bearer token%d", worker->account);
		worker->headers = curl_slist_append(NULL, text);
		curl_easy_setopt(worker->easy, CURLOPT_HTTPHEADER, worker->headers);
	}
	if (steps == 1)
		snprintf(text, sizeof(text),
				 "%s/open.tiktokapis.com/v2/user/info/"
				 "?fields=open_id,display_name,follower_count,following_count,likes_count,video_count",
				 base);
	else
		snprintf(text, sizeof(text), three_urls[worker->step], base, worker->account);
	worker->step++;
	curl_easy_setopt(worker->easy, CURLOPT_URL, text);
	curl_multi_add_handle(multi, worker->easy);
}

static void
take_ended(void)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;
		Worker *worker;
		long status;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &worker);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (result != CURLE_OK || status != 200)
		{
			fprintf(stderr, "a request failed: %s, status %ld\n", curl_easy_strerror(result), status);
			exit(1);
		}
		curl_multi_remove_handle(multi, easy);
		ask(worker);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	Worker *workers;
	int connections, running;
	int64_t began;

	if (argc != 5)
	{
		fprintf(stderr, "usage: %s BASE one|three ACCOUNTS CONNECTIONS\n", argv[0]);
		return 1;
	}
	base = argv[1];
	steps = strcmp(argv[2], "one") == 0 ? 1 : 3;
	accounts = atoi(argv[3]);
	connections = atoi(argv[4]);

	curl_global_init(CURL_GLOBAL_ALL);
	multi = curl_multi_init();
	epoll_fd = epoll_create1(0);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) connections);
	workers = calloc(connections, sizeof(Worker));

	began = now_us();
	running_workers = connections;
	for (int i = 0; i < connections; i++)
	{
		Worker *worker = &workers[i];

		worker->easy = curl_easy_init();
		worker->step = steps;
		curl_easy_setopt(worker->easy, CURLOPT_PRIVATE, worker);
		curl_easy_setopt(worker->easy, CURLOPT_WRITEFUNCTION, on_body);
		curl_easy_setopt(worker->easy, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(worker->easy, CURLOPT_BUFFERSIZE, 65536L);
		ask(worker);
	}
	while (running_workers > 0)
	{
		int64_t wait = timer < 0 ? -1 : (timer - now_us() + 999) / 1000;
		int n = epoll_wait(epoll_fd, events, 256, timer < 0 ? -1 : wait < 0 ? 0 : (int) wait);

		for (int i = 0; i < n; i++)
		{
			uint32_t what = events[i].events;

			curl_multi_socket_action(multi, events[i].data.fd,
									 (what & EPOLLIN ? CURL_CSELECT_IN : 0) |
										 (what & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
										 (what & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
									 &running);
		}
		if (timer >= 0 && timer <= now_us())
		{
			timer = -1;
			curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		take_ended();
	}
	printf("%.6f\n", (now_us() - began) / 1e6);
	return 0;
}
