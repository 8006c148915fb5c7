/*
 * engine.c
 *    HTTPS in a loop: curl_multi driven by one epoll descriptor inside a latch wait.
 *
 * The rules that keep libcurl and PostgreSQL apart:
 *   - a callback never raises and never pallocs: it writes to malloc'd buffers and returns;
 *   - every call of libcurl runs with all signals blocked, so that its resolver threads inherit a full mask and no
 *     handler of the server runs in them;
 *   - `done` is called when libcurl has returned and the transfer is out of its hands.
 *
 * Transfers beyond the limits wait in a queue of ours, not in libcurl's, so that waiting for a connection does not use
 * up a transfer's own time-out.
 *
 * libcurl: https://curl.se/libcurl/c/libcurl-multi.html (multi_socket)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <curl/curl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "http/buffer.h"
#include "http/engine.h"
#include "http/url.h"

#define MAX_HEADERS (64 * 1024)
#define KEEP_BODY   (256 * 1024) /* memory that a pooled transfer may keep for its next body */
#define MAX_EVENTS  64

/* Transfers of one host: how many are under way, and who waits for a place. */
typedef struct Host
{
	char *name;
	int active;
	struct Transfer *first, *last; /* queue */
	struct Host *next;
} Host;

typedef struct Transfer
{
	HttpEngine *engine;
	CURL *easy;
	int generation; /* of the options that the handle was made with */
	Host *host;
	HttpDone done;
	void *arg;
	struct curl_slist *headers; /* to be sent; wiped */
	char *post;                 /* to be sent; wiped */
	size_t post_length;
	Buffer body;
	Buffer received; /* header lines */
	bool too_large, no_memory;
	CURLcode result;
	char error[CURL_ERROR_SIZE];
	struct Transfer *next;      /* in a queue, the pool or the list of finished ones */
	struct Transfer *next_live; /* every transfer that is not pooled */
	struct Transfer **live_link;
} Transfer;

struct HttpEngine
{
	HttpOptions options; /* texts are copies in `context` */
	int generation;
	MemoryContext context;
	CURLM *multi;
	CURLSH *share;
	int epoll;
	WaitEventSet *waits;
	TimestampTz timer; /* when libcurl wants to be called; 0: no timer */
	int reserved;      /* descriptors booked with the server */
	int active;        /* in libcurl's hands */
	int queued;
	Host *hosts;
	Transfer *pool;
	Transfer *live;
	Transfer *finished, **finished_end;
	MemoryContextCallback cleanup;
};

/* ---- Signals ---- */

static void
block_signals(sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, old);
}

static void
restore_signals(const sigset_t *old)
{
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* ---- libcurl's callbacks: never raise ---- */

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	Transfer *transfer = arg;

	switch (buffer_append(&transfer->body, data, size * count))
	{
		case BUFFER_OK:
			return size * count;
		case BUFFER_FULL:
			transfer->too_large = true;
			break;
		case BUFFER_NO_MEMORY:
			transfer->no_memory = true;
			break;
	}
	return 0;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	Transfer *transfer = arg;
	size_t length = size * count;

	/* A new status line begins a new response: an interim one said nothing that counts. */
	if (length >= 5 && memcmp(data, "HTTP/", 5) == 0)
		buffer_reset(&transfer->received, MAX_HEADERS * 2, false);
	if (buffer_append(&transfer->received, data, length) != BUFFER_OK)
	{
		transfer->too_large = true;
		return 0;
	}
	return length;
}

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
	curl_multi_assign(engine->multi, fd, engine);
	return 0;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	HttpEngine *engine = arg;

	engine->timer = timeout_ms < 0 ? 0 : GetCurrentTimestamp() + timeout_ms * INT64CONST(1000);
	return 0;
}

/* ---- Options ---- */

static char *
keep_text(MemoryContext context, const char *text)
{
	return text == NULL || text[0] == '\0' ? NULL : MemoryContextStrdup(context, text);
}

/* Books descriptors, so that the server's own files never lack one; fewer connections where it has none to spare. */
static void
reserve_descriptors(HttpEngine *engine)
{
	while (engine->reserved < engine->options.max_connections && AcquireExternalFD())
		engine->reserved++;
	while (engine->reserved > engine->options.max_connections)
	{
		ReleaseExternalFD();
		engine->reserved--;
	}
	if (engine->reserved == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("no file descriptors left for connections"),
				 errhint("Raise max_files_per_process.")));
	if (engine->reserved < engine->options.max_connections)
		ereport(WARNING, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						  errmsg("only %d connections of %d can be open at once", engine->reserved,
								 engine->options.max_connections),
						  errhint("Raise max_files_per_process, or lower dreamsuite.max_connections.")));
	engine->options.max_connections = engine->reserved;
}

void
http_engine_configure(HttpEngine *engine, const HttpOptions *options)
{
	sigset_t old;

	/* The former texts stay: a reload is rare, and handles may still point to them. */
	engine->options = *options;
	engine->options.ca_file = keep_text(engine->context, options->ca_file);
	engine->options.proxy = keep_text(engine->context, options->proxy);
	engine->options.test_base_url = keep_text(engine->context, options->test_base_url);
	engine->options.user_agent = keep_text(engine->context, options->user_agent);
	engine->generation++;
	reserve_descriptors(engine);

	block_signals(&old);
	curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long) engine->options.max_connections);
	curl_multi_setopt(engine->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) engine->options.max_connections);
	restore_signals(&old);
}

/* What is the same for every transfer. Raises nothing: options that this libcurl lacks were ruled out at creation. */
static void
prepare_handle(Transfer *transfer)
{
	HttpEngine *engine = transfer->engine;
	const HttpOptions *options = &engine->options;
	CURL *easy = transfer->easy;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_SHARE, engine->share);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) options->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long) options->idle_timeout_s);
	curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy != NULL ? options->proxy : "");
	if (options->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
	if (options->user_agent != NULL)
		curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
		/* The one way to plain http is the test base, which leads to a port of this machine. */
#if CURL_AT_LEAST_VERSION(7, 85, 0)
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, options->test_base_url != NULL ? "http" : "https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
					 (long) (options->test_base_url != NULL ? CURLPROTO_HTTP : CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(
		easy, CURLOPT_HTTP_VERSION,
		(long) (options->test_base_url != NULL ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
#if CURL_AT_LEAST_VERSION(7, 87, 0)
	/* A name that does not resolve must not hold up the end of the process. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	transfer->generation = engine->generation;
}

/* ---- The life of a transfer ---- */

static Host *
find_host(HttpEngine *engine, const char *name)
{
	Host *host;

	for (host = engine->hosts; host != NULL; host = host->next)
	{
		if (strcmp(host->name, name) == 0)
			return host;
	}
	host = MemoryContextAllocZero(engine->context, sizeof(Host));
	host->name = MemoryContextStrdup(engine->context, name);
	host->next = engine->hosts;
	engine->hosts = host;
	return host;
}

/* Forgets what a transfer carried; secrets are overwritten. */
static void
wipe_transfer(Transfer *transfer)
{
	for (struct curl_slist *line = transfer->headers; line != NULL; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	if (transfer->post != NULL)
	{
		explicit_bzero(transfer->post, transfer->post_length);
		free(transfer->post);
		transfer->post = NULL;
	}
	/* Bodies of token answers are secrets too. */
	buffer_reset(&transfer->body, KEEP_BODY, transfer->body.length < KEEP_BODY);
	buffer_reset(&transfer->received, MAX_HEADERS * 2, false);
	transfer->too_large = transfer->no_memory = false;
	transfer->error[0] = '\0';
}

static void
free_transfer(Transfer *transfer)
{
	wipe_transfer(transfer);
	buffer_free(&transfer->body, false);
	buffer_free(&transfer->received, false);
	if (transfer->easy != NULL)
		curl_easy_cleanup(transfer->easy);
	free(transfer);
}

static void
link_live(HttpEngine *engine, Transfer *transfer)
{
	transfer->next_live = engine->live;
	transfer->live_link = &engine->live;
	if (engine->live != NULL)
		engine->live->live_link = &transfer->next_live;
	engine->live = transfer;
}

static void
unlink_live(Transfer *transfer)
{
	*transfer->live_link = transfer->next_live;
	if (transfer->next_live != NULL)
		transfer->next_live->live_link = transfer->live_link;
}

static void
pool_transfer(HttpEngine *engine, Transfer *transfer)
{
	unlink_live(transfer);
	wipe_transfer(transfer);
	transfer->next = engine->pool;
	engine->pool = transfer;
}

/* Hands a transfer to libcurl. Signals are blocked by the caller. */
static void
start_transfer(HttpEngine *engine, Transfer *transfer)
{
	transfer->host->active++;
	engine->active++;
	if (curl_multi_add_handle(engine->multi, transfer->easy) != CURLM_OK)
	{
		transfer->result = CURLE_OUT_OF_MEMORY;
		transfer->next = NULL;
		*engine->finished_end = transfer;
		engine->finished_end = &transfer->next;
	}
}

static bool
has_room(const HttpEngine *engine, const Host *host)
{
	return engine->active < engine->options.max_connections &&
		   host->active < engine->options.max_host_connections;
}

/* Starts what waits, as far as the limits allow; the hosts take turns. */
static void
start_queued(HttpEngine *engine)
{
	bool started = engine->queued > 0;

	while (started && engine->queued > 0)
	{
		started = false;
		for (Host *host = engine->hosts; host != NULL; host = host->next)
		{
			Transfer *transfer = host->first;

			if (transfer == NULL || !has_room(engine, host))
				continue;
			host->first = transfer->next;
			if (host->first == NULL)
				host->last = NULL;
			engine->queued--;
			start_transfer(engine, transfer);
			started = true;
		}
	}
}

/* Copies of what a request carries; false where memory is lacking. */
static bool
load_transfer(Transfer *transfer, const HttpRequest *request, const char *url)
{
	CURL *easy = transfer->easy;
	ListCell *cell;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, url);

	foreach (cell, request->headers)
	{
		struct curl_slist *longer = curl_slist_append(transfer->headers, lfirst(cell));

		if (longer == NULL)
			return false;
		transfer->headers = longer;
	}
	if (request->method == HTTP_POST)
	{
		char type[256];
		struct curl_slist *longer;

		snprintf(type, sizeof(type), "Content-Type: %s",
				 request->content_type != NULL ? request->content_type : "application/x-www-form-urlencoded");
		longer = curl_slist_append(transfer->headers, type);
		transfer->post = malloc(request->body_length + 1);
		if (longer == NULL || transfer->post == NULL)
			return false;
		transfer->headers = longer;
		transfer->post_length = request->body_length;
		if (request->body_length > 0)
			memcpy(transfer->post, request->body, request->body_length);
		transfer->post[request->body_length] = '\0';
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_length);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->post);
	}
	else
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) request->timeout_ms);
	transfer->body.cap = transfer->engine->options.max_body;
	transfer->received.cap = MAX_HEADERS;
	return code == CURLE_OK;
}

void
http_send(HttpEngine *engine, const HttpRequest *request, HttpDone done, void *arg)
{
	char *host_name = url_host(request->url), *url = (char *) request->url;
	Transfer *transfer = engine->pool;
	Host *host;
	sigset_t old;
	bool loaded;

	if (strncmp(request->url, "https://", 8) != 0 || host_name[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("address is not https: \"%s\"", url_redact(request->url)),
						errhint("Only the platforms' own hosts are asked, and only over TLS.")));
	host = find_host(engine, host_name);
	if (engine->options.test_base_url != NULL)
		url = url_under_base(request->url, engine->options.test_base_url);

	block_signals(&old);
	if (transfer != NULL)
		engine->pool = transfer->next;
	else
	{
		transfer = calloc(1, sizeof(Transfer));
		if (transfer != NULL && (transfer->easy = curl_easy_init()) == NULL)
		{
			free(transfer);
			transfer = NULL;
		}
	}
	loaded = transfer != NULL;
	if (loaded)
	{
		transfer->engine = engine;
		transfer->host = host;
		transfer->done = done;
		transfer->arg = arg;
		transfer->next = NULL;
		if (transfer->generation != engine->generation)
			prepare_handle(transfer);
		link_live(engine, transfer);
		loaded = load_transfer(transfer, request, url);
		if (!loaded)
			pool_transfer(engine, transfer);
		else if (has_room(engine, host) && host->first == NULL)
			start_transfer(engine, transfer);
		else
		{
			if (host->last != NULL)
				host->last->next = transfer;
			else
				host->first = transfer;
			host->last = transfer;
			engine->queued++;
		}
	}
	restore_signals(&old);
	if (url != request->url)
	{
		explicit_bzero(url, strlen(url));
		pfree(url);
	}
	pfree(host_name);
	if (!loaded)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("A request could not be prepared.")));
}

/* ---- Ends ---- */

/* In which phase a transfer was when it ended, by the time-stamps that are missing. */
static const char *
phase_of(CURL *easy)
{
	curl_off_t name = 0, connected = 0, secured = 0, sent = 0, first = 0;
	char *scheme = NULL;

	curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &name);
	curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
	curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
	curl_easy_getinfo(easy, CURLINFO_SCHEME, &scheme);
	if (name == 0)
		return "resolving the name";
	if (connected == 0)
		return "connecting";
	if (secured == 0 && sent == 0)
		return "securing the connection";
	return first == 0 ? "waiting for the answer" : "receiving the answer";
}

/* What the end of a transfer was, and a text that says it. */
static ErrorClass
classify_end(Transfer *transfer, char *text, size_t room)
{
	const char *phase = phase_of(transfer->easy);
	const char *detail = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(transfer->result);

	if (transfer->too_large)
	{
		snprintf(text, room, "the answer is larger than %zu bytes", transfer->engine->options.max_body);
		return ERROR_TOO_LARGE;
	}
	switch (transfer->result)
	{
		case CURLE_OK:
			return ERROR_NONE;
		case CURLE_OPERATION_TIMEDOUT:
			snprintf(text, room, "timed out while %s: %s", phase, detail);
			return ERROR_TIMEOUT;
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_BAD_CONTENT_ENCODING:
		case CURLE_UNSUPPORTED_PROTOCOL:
			snprintf(text, room, "not an answer: %s", detail);
			return ERROR_BAD_RESPONSE;
		default:
			snprintf(text, room, "failed while %s: %s", phase,
					 transfer->no_memory ? "out of memory" : detail);
			return ERROR_NETWORK;
	}
}

const char *
http_answer_header(const HttpAnswer *answer, const char *name)
{
	static char value[1024];
	const Transfer *transfer = answer->transfer;
	size_t n = strlen(name);
	const char *line = transfer->received.data;

	while (line != NULL && *line != '\0')
	{
		const char *end = strchr(line, '\n');
		size_t length = end != NULL ? (size_t) (end - line) : strlen(line);

		if (length > n && line[n] == ':' && pg_strncasecmp(line, name, n) == 0)
		{
			const char *start = line + n + 1, *stop = line + length;

			while (start < stop && (*start == ' ' || *start == '\t'))
				start++;
			while (stop > start && strchr(" \t\r", stop[-1]) != NULL)
				stop--;
			strlcpy(value, start, Min((size_t) (stop - start) + 1, sizeof(value)));
			return value;
		}
		line = end != NULL ? end + 1 : NULL;
	}
	return NULL;
}

/* Tells the owner of one finished transfer. */
static void
report_end(HttpEngine *engine, Transfer *transfer)
{
	char text[CURL_ERROR_SIZE + 128];
	char *safe = NULL;
	long status = 0, connects = 0, header_size = 0;
	curl_off_t total = 0, received = 0;
	HttpAnswer answer = {.transfer = transfer};

	answer.error = classify_end(transfer, text, sizeof(text));
	if (answer.error != ERROR_NONE)
		answer.error_text = safe = url_redact(text);
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &header_size);
	curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &total);
	curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
	answer.status = status;
	answer.body = transfer->body.data != NULL ? transfer->body.data : "";
	answer.length = transfer->body.length;
	answer.total_ms = total / 1000.0;
	answer.bytes = received + header_size;
	answer.reused = connects == 0;
	transfer->done(&answer, transfer->arg);
	if (safe != NULL)
		pfree(safe);
}

/* Takes ended transfers from libcurl into the list of finished ones. Signals are blocked by the caller. */
static void
collect_ended(HttpEngine *engine)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(engine->multi, &left)) != NULL)
	{
		Transfer *transfer;
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
		curl_multi_remove_handle(engine->multi, easy);
		transfer->result = result;
		transfer->next = NULL;
		*engine->finished_end = transfer;
		engine->finished_end = &transfer->next;
	}
}

void
http_engine_run(HttpEngine *engine, long timeout_ms)
{
	WaitEvent waits[2];
	TimestampTz now = GetCurrentTimestamp();
	struct epoll_event events[MAX_EVENTS];
	sigset_t old;
	int n = 0, ready;

	if (engine->finished != NULL)
		timeout_ms = 0;
	else if (engine->timer != 0)
	{
		long wait = engine->timer <= now ? 0 : (long) ((engine->timer - now + 999) / 1000);

		timeout_ms = timeout_ms < 0 ? wait : Min(timeout_ms, wait);
	}
	ready = WaitEventSetWait(engine->waits, timeout_ms, waits, lengthof(waits), compat_http_wait_event());
	for (int i = 0; i < ready; i++)
	{
		if (waits[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
	}
	CHECK_FOR_INTERRUPTS();

	block_signals(&old);
	do
	{
		int running;

		n = epoll_wait(engine->epoll, events, MAX_EVENTS, 0);
		for (int i = 0; i < n; i++)
		{
			int mask = (events[i].events & (EPOLLIN | EPOLLRDHUP) ? CURL_CSELECT_IN : 0) |
					   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
					   (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

			curl_multi_socket_action(engine->multi, events[i].data.fd, mask, &running);
		}
	} while (n == MAX_EVENTS);
	if (engine->timer != 0 && engine->timer <= GetCurrentTimestamp())
	{
		int running;

		engine->timer = 0;
		curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	collect_ended(engine);
	restore_signals(&old);

	while (engine->finished != NULL)
	{
		Transfer *transfer = engine->finished;

		engine->finished = transfer->next;
		if (engine->finished == NULL)
			engine->finished_end = &engine->finished;
		transfer->host->active--;
		engine->active--;
		report_end(engine, transfer);
		pool_transfer(engine, transfer);
	}
	block_signals(&old);
	start_queued(engine);
	restore_signals(&old);
}

int
http_engine_active(const HttpEngine *engine)
{
	return engine->active + engine->queued;
}

void
http_engine_cancel(HttpEngine *engine)
{
	sigset_t old;

	block_signals(&old);
	while (engine->live != NULL)
	{
		Transfer *transfer = engine->live;

		curl_multi_remove_handle(engine->multi, transfer->easy);
		pool_transfer(engine, transfer);
	}
	for (Host *host = engine->hosts; host != NULL; host = host->next)
	{
		host->active = 0;
		host->first = host->last = NULL;
	}
	engine->active = engine->queued = 0;
	engine->finished = NULL;
	engine->finished_end = &engine->finished;
	restore_signals(&old);
}

/* ---- Birth and death ---- */

/* Frees what is not palloc'd; called when the engine's context is reset or deleted, whatever the reason. */
static void
release_engine(void *arg)
{
	HttpEngine *engine = arg;
	sigset_t old;

	block_signals(&old);
	if (engine->multi != NULL)
	{
		http_engine_cancel(engine);
		while (engine->pool != NULL)
		{
			Transfer *transfer = engine->pool;

			engine->pool = transfer->next;
			free_transfer(transfer);
		}
		curl_multi_cleanup(engine->multi);
	}
	if (engine->share != NULL)
		curl_share_cleanup(engine->share);
	restore_signals(&old);
	if (engine->epoll >= 0)
	{
		close(engine->epoll);
		ReleaseExternalFD();
	}
	for (; engine->reserved > 0; engine->reserved--)
		ReleaseExternalFD();
}

HttpEngine *
http_engine_create(MemoryContext context, const HttpOptions *options)
{
	static bool initialised = false;
	HttpEngine *engine = MemoryContextAllocZero(context, sizeof(HttpEngine));
	sigset_t old;

	engine->context = context;
	engine->epoll = -1;
	engine->finished_end = &engine->finished;
	engine->cleanup.func = release_engine;
	engine->cleanup.arg = engine;
	MemoryContextRegisterResetCallback(context, &engine->cleanup);

	block_signals(&old);
	if (!initialised)
		initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	if (initialised && (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) != 0)
	{
		engine->multi = curl_multi_init();
		engine->share = curl_share_init();
	}
	if (engine->multi != NULL && engine->share != NULL)
	{
		curl_share_setopt(engine->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
		curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
		curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
		curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, on_timer);
		curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
		curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_MULTIPLEX);
	}
	restore_signals(&old);
	if (engine->multi == NULL || engine->share == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("this libcurl cannot be used"),
						errdetail("It must resolve names without blocking (AsynchDNS)."),
						errhint("Install a libcurl that was built with the threaded resolver or c-ares.")));

	if (!AcquireExternalFD())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("no file descriptor left for epoll"),
						errhint("Raise max_files_per_process.")));
	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (engine->epoll < 0)
	{
		ReleaseExternalFD();
		ereport(ERROR, (errcode_for_socket_access(), errmsg("could not create an epoll descriptor: %m")));
	}
	engine->waits = compat_create_wait_event_set(context, 3);
	AddWaitEventToSet(engine->waits, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(engine->waits, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(engine->waits, WL_SOCKET_READABLE, engine->epoll, NULL, NULL);
	http_engine_configure(engine, options);
	return engine;
}

void
http_request_wipe(HttpRequest *request)
{
	ListCell *cell;

	foreach (cell, request->headers)
	{
		char *line = lfirst(cell);

		if (pg_strncasecmp(line, "authorization:", 14) == 0)
			explicit_bzero(line, strlen(line));
	}
}
