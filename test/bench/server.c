/*
 * server.c
 *    A platform for the benchmarks: answers at once, or after an exact delay, faster than anyone asks.
 *
 *    server --port-file FILE [--delay MS] [--day YYYY-MM-DD]
 *
 * One thread, epoll, HTTP/1.1 with connections kept open; every body is built once. The path says which:
 *
 *    .../v2/user/info/...             TikTok's user; its open_id is the bearer token
 *    .../youtube/v3/channels...       a channel, whose id is that of the query
 *    .../youtube/v3/playlistItems...  50 uploads, one every other day before --day
 *    .../youtube/v3/videos...         the same 50 videos, 60 kB
 *    POST /delay/MS                   sets the delay
 *    POST /size/BYTES                 makes the page of videos at least so large
 *
 * Writes "PORT PID" to FILE when it listens on 127.0.0.1; ends on SIGTERM.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_REQUEST 8192
#define VIDEOS      50
#define PAGE_BYTES  60000

typedef struct Connection
{
	int fd;
	char request[MAX_REQUEST];
	size_t got;
	char *answer; /* being sent */
	size_t length, sent;
	int64_t due; /* microseconds; 0: nothing waits */
	struct Connection *next;
} Connection;

static char uploads_page[32 * 1024], *videos_page;
static long videos_size = PAGE_BYTES;
static time_t last_day;
static int epoll_fd;
static int64_t delay_us;

/* With one delay for all, what is due first was asked first. */
static Connection *first_waiting, **last_waiting = &first_waiting;

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- Bodies ---- */

/* Noon of the day so many days before `day`. */
static const char *
published(time_t day, int days_before)
{
	static char text[32];
	time_t at = day - days_before * 86400 - 43200;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&at));
	return text;
}

static void
build_pages(time_t day)
{
	char *to = uploads_page;

	to += sprintf(to, "{\"items\":[");
	for (int i = 0; i < VIDEOS; i++)
		to += sprintf(to,
					  "%s{\"contentDetails\":{\"videoId\":\"video%06d\",\"videoPublishedAt\":\"%s\"},"
					  "\"status\":{\"privacyStatus\":\"public\"}}",
					  i > 0 ? "," : "", i, published(day, 2 * i));
	sprintf(to, "]}");

	free(videos_page);
	to = videos_page = malloc(videos_size + 64 * 1024);
	if (to == NULL)
		fail("malloc");
	to += sprintf(to, "{\"items\":[");
	for (int i = 0; i < VIDEOS; i++)
	{
		char *start = to;
		size_t rest;

		to += sprintf(to,
					  "%s{\"id\":\"video%06d\",\"snippet\":{\"title\":\"Session %d, live in the studio\","
					  "\"publishedAt\":\"%s\",\"liveBroadcastContent\":\"none\"},\"contentDetails\":"
					  "{\"duration\":\"PT4M%dS\"},\"statistics\":{\"viewCount\":\"%d\",\"likeCount\":\"%d\","
					  "\"favoriteCount\":\"0\",\"commentCount\":\"%d\"},\"player\":{\"embedWidth\":\"1280\","
					  "\"embedHeight\":\"720\"},\"description\":\"",
					  i > 0 ? "," : "", i, i, published(day, 2 * i), i + 1, 90000 - 700 * i, 4100 - 31 * i,
					  300 - 3 * i);
		rest = videos_size / VIDEOS - (to - start) - 2;
		memset(to, 'x', rest);
		for (size_t word = 7; word < rest; word += 8)
			to[word] = ' ';
		to += rest;
		to += sprintf(to, "\"}");
	}
	sprintf(to, "]}");
}

static void
answer(Connection *c, int status, const char *body, size_t length)
{
	int head;

	c->answer = malloc(length + 256);
	if (c->answer == NULL)
		fail("malloc");
	head = sprintf(
		c->answer,
		"HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
		status, status == 200 ? "OK" : "Not Found", length);
	memcpy(c->answer + head, body, length);
	c->length = head + length;
	c->sent = 0;
}

/* Copies what follows `name` in the request up to one of `ends`; "none" where it is not there. */
static const char *
take(const char *request, const char *name, const char *ends)
{
	static char text[256];
	const char *at = strcasestr(request, name);
	size_t length;

	if (at == NULL)
		return "none";
	at += strlen(name);
	length = strcspn(at, ends);
	snprintf(text, sizeof(text), "%.*s", (int) length, at);
	return text;
}

static void
prepare(Connection *c)
{
	char body[2048], path[1024];
	int64_t delay = delay_us;

	snprintf(path, sizeof(path), "%.*s", (int) strcspn(c->request, "\r\n"), c->request);
	if (strstr(path, "/v2/user/info/") != NULL)
	{
		snprintf(
			body, sizeof(body),
			"{\"data\":{\"user\":{\"open_id\":\"%s\",\"display_name\":\"An artist\",\"follower_count\":48213,"
			"\"following_count\":211,\"likes_count\":912044,\"video_count\":318}},"
			"\"error\":{\"code\":\"ok\",\"message\":\"\",\"log_id\":\"20260301060000ABCDEF\"}}",
			take(c->request, "authorization: bearer ", "\r\n"));
		answer(c, 200, body, strlen(body));
	}
	else if (strstr(path, "/youtube/v3/channels") != NULL)
	{
		snprintf(
			body, sizeof(body),
			"{\"kind\":\"youtube#channelListResponse\",\"items\":[{\"id\":\"%s\",\"snippet\":{\"title\":\"An "
			"artist\",\"customUrl\":\"@anartist\",\"publishedAt\":\"2019-05-01T10:00:00Z\"},\"statistics\":"
			"{\"viewCount\":\"7331002\",\"subscriberCount\":\"48200\",\"hiddenSubscriberCount\":false,"
			"\"videoCount\":\"50\"},\"contentDetails\":{\"relatedPlaylists\":{\"likes\":\"\",\"uploads\":"
			"\"UUbench\"}}}]}",
			take(path, "&id=", "& "));
		answer(c, 200, body, strlen(body));
	}
	else if (strstr(path, "/youtube/v3/playlistItems") != NULL)
		answer(c, 200, uploads_page, strlen(uploads_page));
	else if (strstr(path, "/youtube/v3/videos") != NULL)
		answer(c, 200, videos_page, strlen(videos_page));
	else if (sscanf(path, "POST /delay/%ld", &delay_us) == 1)
	{
		delay_us *= 1000;
		delay = 0;
		answer(c, 200, "{}", 2);
	}
	else if (sscanf(path, "POST /size/%ld", &videos_size) == 1)
	{
		videos_size = videos_size < PAGE_BYTES ? PAGE_BYTES : videos_size;
		build_pages(last_day);
		delay = 0;
		answer(c, 200, "{}", 2);
	}
	else
	{
		delay = 0;
		answer(c, 404, "{}", 2);
	}
	c->due = delay > 0 ? now_us() + delay : 0;
}

/* ---- Connections ---- */

static void
drop(Connection *c)
{
	for (Connection **at = &first_waiting; *at != NULL; at = &(*at)->next)
	{
		if (*at != c)
			continue;
		*at = c->next;
		if (last_waiting == &c->next)
			last_waiting = at;
		break;
	}
	close(c->fd);
	free(c->answer);
	free(c);
}

static void
watch(Connection *c, uint32_t events, int how)
{
	struct epoll_event event = {.events = events, .data.ptr = c};

	if (epoll_ctl(epoll_fd, how, c->fd, &event) != 0)
		fail("epoll_ctl");
}

/* Sends what it can; false where the other side is gone. */
static bool
send_answer(Connection *c)
{
	while (c->sent < c->length)
	{
		ssize_t n = send(c->fd, c->answer + c->sent, c->length - c->sent, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		{
			watch(c, EPOLLOUT, EPOLL_CTL_MOD);
			return true;
		}
		if (n <= 0)
			return false;
		c->sent += n;
	}
	free(c->answer);
	c->answer = NULL;
	return true;
}

/* Reads a request (its body, if any, is short and comes with it); false where the other side is gone. */
static bool
receive(Connection *c)
{
	ssize_t n = recv(c->fd, c->request + c->got, MAX_REQUEST - 1 - c->got, 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return true;
	if (n <= 0 || c->answer != NULL)
		return false;
	c->got += n;
	c->request[c->got] = '\0';
	if (strstr(c->request, "\r\n\r\n") == NULL)
		return c->got < MAX_REQUEST - 1;
	c->got = 0;
	prepare(c);
	if (c->due == 0)
		return send_answer(c);
	c->next = NULL;
	*last_waiting = c;
	last_waiting = &c->next;
	return true;
}

static void
send_due(void)
{
	int64_t now = now_us();

	while (first_waiting != NULL && first_waiting->due <= now)
	{
		Connection *c = first_waiting;

		first_waiting = c->next;
		if (first_waiting == NULL)
			last_waiting = &first_waiting;
		c->due = 0;
		if (!send_answer(c))
			drop(c);
	}
}

static int
listen_anywhere(const char *port_file)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	FILE *file;

	if (fd < 0 || bind(fd, (struct sockaddr *) &address, size) != 0 || listen(fd, 1024) != 0 ||
		getsockname(fd, (struct sockaddr *) &address, &size) != 0)
		fail("listen");
	file = fopen(port_file, "w");
	if (file == NULL)
		fail(port_file);
	fprintf(file, "%d %d\n", ntohs(address.sin_port), (int) getpid());
	fclose(file);
	return fd;
}

static void
accept_all(int listener)
{
	int fd, on = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
	{
		Connection *c = calloc(1, sizeof(Connection));

		if (c == NULL)
			fail("calloc");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		c->fd = fd;
		watch(c, EPOLLIN, EPOLL_CTL_ADD);
	}
}

int
main(int argc, char **argv)
{
	const char *port_file = NULL, *day = "2026-03-01";
	struct epoll_event events[256];
	struct tm tm = {0};
	int listener;

	for (int i = 1; i + 1 < argc; i += 2)
	{
		if (strcmp(argv[i], "--port-file") == 0)
			port_file = argv[i + 1];
		else if (strcmp(argv[i], "--delay") == 0)
			delay_us = atol(argv[i + 1]) * 1000;
		else if (strcmp(argv[i], "--day") == 0)
			day = argv[i + 1];
	}
	if (port_file == NULL || strptime(day, "%Y-%m-%d", &tm) == NULL)
	{
		fprintf(stderr, "usage: %s --port-file FILE [--delay MS] [--day YYYY-MM-DD]\n", argv[0]);
		return 1;
	}
	last_day = timegm(&tm);
	build_pages(last_day);
	epoll_fd = epoll_create1(0);
	listener = listen_anywhere(port_file);
	if (epoll_fd < 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN}) != 0)
		fail("epoll");

	for (;;)
	{
		int64_t wait = first_waiting == NULL ? -1 : (first_waiting->due - now_us() + 999) / 1000;
		int n = epoll_wait(epoll_fd, events, 256, first_waiting == NULL ? -1 : wait < 0 ? 0 : (int) wait);

		for (int i = 0; i < n; i++)
		{
			Connection *c = events[i].data.ptr;
			bool alive = true;

			if (c == NULL)
			{
				accept_all(listener);
				continue;
			}
			if (events[i].events & EPOLLOUT)
			{
				alive = send_answer(c);
				if (alive && c->answer == NULL)
					watch(c, EPOLLIN, EPOLL_CTL_MOD);
			}
			else
				alive = receive(c);
			if (!alive)
				drop(c);
		}
		send_due();
	}
}
