/*
 * engine.c
 *    HTTPS in a loop: the owner's side of an engine. What goes over the network is network.c's.
 *
 * The rules that keep libcurl and PostgreSQL apart:
 *   - a callback never raises and never pallocs;
 *   - every call of libcurl runs with all signals blocked, so that its resolver threads inherit a full mask and no
 *     handler of the server runs in them; none of these calls waits;
 *   - `done` is called when libcurl has returned and the transfer is out of its hands;
 *   - the network's thread has ended before the process runs its exit handlers, of which OpenSSL has some.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "http/network.h"
#include "http/url.h"

#define MAX_TIMEOUT_MS  600000
#define OWN_DESCRIPTORS 3

static HttpEngine *engines = NULL;

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

/* ---- Sending and answering ---- */

/* The host's queue; it is made where there is none. Only this side adds to the list. */
static HttpHost *
find_host(HttpEngine *engine, const char *name)
{
	HttpHost *host;

	for (host = engine->hosts; host != NULL; host = host->next)
	{
		if (pg_strcasecmp(host->name, name) == 0)
			return host;
	}
	host = MemoryContextAllocZero(engine->context, sizeof(HttpHost));
	host->name = MemoryContextStrdup(engine->context, name);
	dlist_init(&host->queue);
	network_hold(engine);
	host->next = engine->hosts;
	engine->hosts = host;
	network_release(engine);
	return host;
}

/* Lets go of the transfer whose answer has been told. */
static void
end_report(HttpEngine *engine)
{
	HttpTransfer *transfer = engine->reporting;

	if (transfer == NULL)
		return;
	engine->reporting = NULL;
	network_give_back(engine, transfer);
}

/* Tells the owners of finished transfers; true where there were any. */
static bool
report_finished(HttpEngine *engine)
{
	char text[CURL_ERROR_SIZE + 128];
	bool any = false;

	network_take(engine);
	while (!dlist_is_empty(&engine->answers))
	{
		HttpTransfer *transfer = dlist_container(HttpTransfer, node, dlist_pop_head_node(&engine->answers));
		HttpAnswer answer = transfer_answer(transfer, text, sizeof(text));

		engine->outstanding--;
		engine->reporting = transfer;
		transfer->done(&answer, transfer->arg);
		end_report(engine);
		any = true;
	}
	return any;
}

void
http_send(HttpEngine *engine, const HttpRequest *request, HttpDone done, void *arg)
{
	HttpTransfer *transfer;
	HttpHost *host;
	char *host_name, *url = NULL;
	ListCell *cell;

	if (!url_is_plain_https(request->url))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("address is not https: \"%s\"", url_redact(request->url)),
						errhint("Only the platforms' own hosts are asked, and only over TLS.")));
	if (request->timeout_ms < 1 || request->timeout_ms > MAX_TIMEOUT_MS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("time-out of a request out of range: %d ms", request->timeout_ms),
						errdetail("It must be between 1 and %d.", MAX_TIMEOUT_MS)));
	foreach (cell, request->headers)
	{
		const char *line = lfirst(cell);

		if (strchr(line, ':') == NULL || strpbrk(line, "\r\n") != NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("a request header is not one line \"Name: value\"")));
	}
	if (request->content_type != NULL && strpbrk(request->content_type, "\r\n") != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a content type must not contain a line break")));

	host_name = url_host(request->url);
	host = find_host(engine, host_name);
	pfree(host_name);
	if (engine->options.test_base_url != NULL)
		url = url_under_base(request->url, engine->options.test_base_url);
	transfer = transfer_create(request, url != NULL ? url : request->url);
	if (url != NULL)
	{
		explicit_bzero(url, strlen(url));
		pfree(url);
	}
	if (transfer == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("A request could not be copied.")));
	transfer->host = host;
	transfer->done = done;
	transfer->arg = arg;
	transfer->plain = engine->options.test_base_url != NULL;
	engine->outstanding++;
	network_send(engine, transfer);
}

void
http_flush(HttpEngine *engine)
{
	network_wake(engine);
}

/* ---- The loop ---- */

void
http_engine_run(HttpEngine *engine, long timeout_ms)
{
	int64 until = timeout_ms < 0 ? PG_INT64_MAX : monotonic_now() + timeout_ms * INT64CONST(1000);
	bool woken = false, reported = false;

	/* Where the last `done` raised. */
	end_report(engine);
	http_flush(engine);
	do
	{
		long wait = -1;
		WaitEvent events[3];
		int ready;

		if (!dlist_is_empty(&engine->answers))
			wait = 0;
		else if (until != PG_INT64_MAX)
			wait = (long) Min(Max((until - monotonic_now() + 999) / 1000, 0), INT_MAX);
		ready = WaitEventSetWait(engine->waits, wait, events, lengthof(events), engine->wait_event);
		for (int i = 0; i < ready; i++)
		{
			if (events[i].events & WL_LATCH_SET)
			{
				ResetLatch(MyLatch);
				woken = true;
			}
		}
		CHECK_FOR_INTERRUPTS();
		reported = report_finished(engine);
	} while (!reported && !woken && monotonic_now() < until);
	/* What `done` has sent goes out while the caller does something else. */
	http_flush(engine);
}

int
http_engine_active(const HttpEngine *engine)
{
	return engine->outstanding;
}

/* ---- Cancelling ---- */

/* Ends the transfers of a list; NULL means every owner. */
static void
cancel_in(HttpEngine *engine, dlist_head *list, const void *owner)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		HttpTransfer *transfer = dlist_container(HttpTransfer, node, iter.cur);

		if (owner != NULL && transfer->owner != owner)
			continue;
		dlist_delete(iter.cur);
		if (list == &engine->under_way)
		{
			curl_multi_remove_handle(engine->multi, transfer->handle->easy);
			transfer->host->active--;
			engine->active--;
		}
		else if (list == &transfer->host->queue)
			engine->queued--;
		engine->outstanding--;
		network_forget(engine, transfer);
	}
}

static void
cancel(HttpEngine *engine, const void *owner)
{
	sigset_t old;

	block_signals(&old);
	network_hold(engine);
	cancel_in(engine, &engine->sent, owner);
	for (HttpHost *host = engine->hosts; host != NULL; host = host->next)
		cancel_in(engine, &host->queue, owner);
	cancel_in(engine, &engine->under_way, owner);
	cancel_in(engine, &engine->finished, owner);
	cancel_in(engine, &engine->answers, owner);
	network_release(engine);
	restore_signals(&old);
}

void
http_engine_cancel(HttpEngine *engine)
{
	cancel(engine, NULL);
}

void
http_engine_cancel_owner(HttpEngine *engine, const void *owner)
{
	Assert(owner != NULL);
	cancel(engine, owner);
}

/* ---- Birth, options and death ---- */

static char *
keep_text(MemoryContext context, const char *text)
{
	return text == NULL || text[0] == '\0' ? NULL : MemoryContextStrdup(context, text);
}

/* Books descriptors, so that the server's own files never lack one; fewer connections where it has none to spare. */
static int
reserve_descriptors(HttpEngine *engine, int wanted)
{
	while (engine->descriptors < wanted && AcquireExternalFD())
		engine->descriptors++;
	for (; engine->descriptors > wanted; engine->descriptors--)
		ReleaseExternalFD();
	if (engine->descriptors == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("no file descriptors left for connections"),
				 errhint("Raise max_files_per_process.")));
	if (engine->descriptors < wanted)
		ereport(
			WARNING,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("only %d connections of %d can be open at once", engine->descriptors, wanted),
			 errhint("Raise max_files_per_process to %d, or lower dreamsuite.max_connections.", 4 * wanted)));
	return engine->descriptors;
}

/* libcurl has copies of its own. */
static void
free_texts(const HttpOptions *options)
{
	const char *texts[] = {options->ca_file, options->proxy, options->test_base_url, options->user_agent};

	for (int i = 0; i < lengthof(texts); i++)
	{
		if (texts[i] != NULL)
			pfree((char *) texts[i]);
	}
}

void
http_engine_configure(HttpEngine *engine, const HttpOptions *options)
{
	HttpOptions former = engine->options, now = *options;
	sigset_t old;

	now.max_connections = reserve_descriptors(engine, Max(options->max_connections, 1));
	now.max_host_connections = Max(options->max_host_connections, 1);
	now.ca_file = keep_text(engine->context, options->ca_file);
	now.proxy = keep_text(engine->context, options->proxy);
	now.test_base_url = keep_text(engine->context, options->test_base_url);
	now.user_agent = keep_text(engine->context, options->user_agent);

	block_signals(&old);
	network_hold(engine);
	engine->options = now;
	engine->generation++;
	/* Idle connections count as well: the oldest is closed where a new one is needed. */
	curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long) now.max_connections);
	curl_multi_setopt(engine->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) now.max_connections);
	network_release(engine);
	restore_signals(&old);
	free_texts(&former);
}

/* Frees what is not palloc'd; called when the engine's context is reset or deleted, whatever the reason. */
static void
release_engine(void *arg)
{
	HttpEngine *engine = arg;
	int fds[] = {engine->epoll, engine->wake_fd, engine->done_fd};
	sigset_t old;

	for (HttpEngine **at = &engines; *at != NULL; at = &(*at)->next)
	{
		if (*at == engine)
		{
			*at = engine->next;
			break;
		}
	}
	end_report(engine);
	block_signals(&old);
	network_stop(engine);
	cancel(engine, NULL);
	while (!dlist_is_empty(&engine->answered))
		network_forget(engine, dlist_container(HttpTransfer, node, dlist_pop_head_node(&engine->answered)));
	network_close(engine);
	restore_signals(&old);
	if (engine->waits != NULL)
		FreeWaitEventSet(engine->waits);
	for (int i = 0; i < lengthof(fds); i++)
	{
		if (fds[i] >= 0)
			close(fds[i]);
	}
	for (int i = engine->descriptors + engine->own_descriptors; i > 0; i--)
		ReleaseExternalFD();
	pthread_cond_destroy(&engine->turn);
	pthread_mutex_destroy(&engine->lock);
}

/* At the end of the process contexts are not deleted, and threads would go on until the last moment. */
static void
stop_engines(int code, Datum arg)
{
	for (HttpEngine *engine = engines; engine != NULL; engine = engine->next)
		network_stop(engine);
}

static void
create_descriptors(HttpEngine *engine)
{
	for (; engine->own_descriptors < OWN_DESCRIPTORS; engine->own_descriptors++)
	{
		if (!AcquireExternalFD())
			ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
							errmsg("no file descriptor left for the network"),
							errhint("Raise max_files_per_process.")));
	}
	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	engine->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->epoll < 0 || engine->wake_fd < 0 || engine->done_fd < 0)
		ereport(ERROR, (errcode_for_socket_access(), errmsg("could not create an epoll descriptor: %m")));
}

/* libcurl's own objects; errors where this libcurl is of no use to a server. */
static void
create_multi(HttpEngine *engine)
{
	static bool initialised = false;
	bool usable, opened = false;
	sigset_t old;

	block_signals(&old);
	if (!initialised)
		initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	usable = initialised && (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) != 0;
	if (usable)
		opened = network_open(engine);
	restore_signals(&old);
	if (!usable)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("this libcurl cannot be used"),
						errdetail("It must resolve names without blocking (AsynchDNS)."),
						errhint("Install a libcurl that was built with the threaded resolver or c-ares.")));
	if (!opened)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("libcurl could not be started.")));
}

/* Starts its thread, which ends with the engine or with the process. */
static void
create_thread(HttpEngine *engine)
{
	static bool registered = false;
	int error;

	if (!registered)
		on_proc_exit(stop_engines, (Datum) 0);
	registered = true;
	engine->next = engines;
	engines = engine;
	error = network_start(engine);
	if (error != 0)
	{
		errno = error;
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						errmsg("could not start a thread for the network: %m")));
	}
}

HttpEngine *
http_engine_create(MemoryContext context, const HttpOptions *options)
{
	HttpEngine *engine = MemoryContextAllocZero(context, sizeof(HttpEngine));

	engine->context = context;
	engine->epoll = engine->wake_fd = engine->done_fd = -1;
	engine->timer = NO_TIMER;
	dlist_init(&engine->answers);
	dlist_init(&engine->sent);
	dlist_init(&engine->finished);
	dlist_init(&engine->answered);
	dlist_init(&engine->under_way);
	dlist_init(&engine->ended);
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->turn, NULL);
	engine->cleanup.func = release_engine;
	engine->cleanup.arg = engine;
	MemoryContextRegisterResetCallback(context, &engine->cleanup);
	create_descriptors(engine);
	create_multi(engine);

	engine->waits = compat_create_wait_event_set(context, 3);
	AddWaitEventToSet(engine->waits, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	if (IsUnderPostmaster)
		AddWaitEventToSet(engine->waits, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(engine->waits, WL_SOCKET_READABLE, engine->done_fd, NULL, NULL);
	engine->wait_event = compat_http_wait_event();
	http_engine_configure(engine, options);
	create_thread(engine);
	return engine;
}
