/*
 * http_server.c
 *    A small HTTP server in a child process.
 */
#include "http_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_OPEN 128

typedef struct Connection
{
	int fd;
	char request[2048];
	size_t length;
	bool asked, answering;
	int host;
	long due; /* when it is answered; 0: never */
	char head[2048];
	size_t head_left, fill_left; /* yet to be written; the body goes on with a filling */
} Connection;

static HttpServerCounts *counts;
static Connection connections[MOST_OPEN];
static int open_count;
static char filling[64 * 1024];

static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
count(int *what, int *most, int change)
{
	int is = __atomic_add_fetch(what, change, __ATOMIC_SEQ_CST);

	if (most != NULL && is > __atomic_load_n(most, __ATOMIC_SEQ_CST))
		__atomic_store_n(most, is, __ATOMIC_SEQ_CST);
}

static void
hang_up(Connection *connection)
{
	if (connection->asked)
		count(&counts->active[connection->host], NULL, -1);
	count(&counts->open, NULL, -1);
	close(connection->fd);
	*connection = connections[--open_count];
}

/* Understands a request that has come whole, and readies its answer. */
static bool
understand(Connection *connection)
{
	char host, kind[16], *agent = strstr(connection->request, "User-Agent: ");
	int arg, id;
	char body[256];
	size_t length;

	if (sscanf(connection->request, "GET /%c/%15[a-z]/%d/%d ", &host, kind, &arg, &id) != 4)
		return false;
	connection->host = host == 'b';
	connection->asked = true;
	count(&counts->begun, NULL, 1);
	count(&counts->active[connection->host], &counts->most_active[connection->host], 1);
	connection->due = strcmp(kind, "hang") == 0 ? 0 : now_ms() + (strcmp(kind, "slow") == 0 ? arg : 0);
	if (strcmp(kind, "agent") == 0 && agent != NULL)
		snprintf(body, sizeof(body), "%.*s", (int) strcspn(agent + 12, "\r"), agent + 12);
	else
		snprintf(body, sizeof(body), strcmp(kind, "big") == 0 ? "%c %d " : "%c %d", host, id);
	length = strlen(body);
	connection->fill_left = strcmp(kind, "big") == 0 ? arg - length : 0;
	snprintf(connection->head, sizeof(connection->head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			 length + connection->fill_left, body);
	connection->head_left = strlen(connection->head);
	return true;
}

/* Reads what has come; false where the other side has gone. */
static bool
hear(Connection *connection)
{
	ssize_t got = recv(connection->fd, connection->request + connection->length,
					   sizeof(connection->request) - 1 - connection->length, MSG_DONTWAIT);

	if (got <= 0)
		return false;
	connection->length += got;
	connection->request[connection->length] = '\0';
	return connection->asked || strstr(connection->request, "\r\n\r\n") == NULL || understand(connection);
}

/* Writes as much of the answer as goes; false where the other side has gone. */
static bool
answer(Connection *connection)
{
	while (connection->head_left + connection->fill_left > 0)
	{
		bool head = connection->head_left > 0;
		size_t left = head ? connection->head_left : connection->fill_left;
		const char *from = head ? connection->head + strlen(connection->head) - left : filling;
		ssize_t put = send(connection->fd, from, !head && left > sizeof(filling) ? sizeof(filling) : left,
						   MSG_NOSIGNAL | MSG_DONTWAIT);

		if (put <= 0)
			return put < 0;
		if (head)
			connection->head_left -= put;
		else
			connection->fill_left -= put;
	}
	connection->asked = connection->answering = false;
	connection->length = 0;
	count(&counts->active[connection->host], NULL, -1);
	return true;
}

static void
serve(int listener)
{
	memset(filling, 'x', sizeof(filling));
	for (;;)
	{
		struct pollfd polls[MOST_OPEN + 1] = {
			{.fd = listener, .events = open_count < MOST_OPEN ? POLLIN : 0}};
		long now = now_ms(), wait = 1000;

		for (int i = 0; i < open_count; i++)
		{
			Connection *connection = &connections[i];

			polls[i + 1].fd = connection->fd;
			polls[i + 1].events = connection->answering ? POLLOUT : POLLIN;
			if (connection->asked && !connection->answering && connection->due > 0)
				wait = connection->due - now < wait ? connection->due - now : wait;
		}
		poll(polls, open_count + 1, wait < 0 ? 0 : (int) wait);
		now = now_ms();
		/* From the end, as one that hangs up leaves its place to the last. */
		for (int i = open_count - 1; i >= 0; i--)
		{
			Connection *connection = &connections[i];
			bool stays = true;

			if (polls[i + 1].revents != 0 && !connection->answering)
				stays = hear(connection);
			if (stays && connection->asked && connection->due > 0 && connection->due <= now)
			{
				connection->answering = true;
				stays = answer(connection);
			}
			if (!stays)
				hang_up(connection);
		}
		if (polls[0].revents & POLLIN)
		{
			int fd = accept(listener, NULL, NULL);

			if (fd >= 0)
			{
				connections[open_count++] = (Connection){.fd = fd};
				count(&counts->open, &counts->most_open, 1);
			}
		}
	}
}

bool
server_start(HttpServer *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED || listener < 0 || bind(listener, (struct sockaddr *) &address, size) != 0 ||
		listen(listener, MOST_OPEN) != 0 || getsockname(listener, (struct sockaddr *) &address, &size) != 0)
		return false;
	fflush(stdout);
	server->pid = fork();
	if (server->pid == 0)
	{
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener);
	}
	close(listener);
	server->port = ntohs(address.sin_port);
	server->counts = counts;
	return server->pid > 0;
}

void
server_stop(HttpServer *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
}

void
server_forget(HttpServer *server)
{
	HttpServerCounts *now = server->counts;

	__atomic_store_n(&now->begun, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&now->most_open, server_count(server, open), __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&now->most_active[i], server_count(server, active[i]), __ATOMIC_SEQ_CST);
}
