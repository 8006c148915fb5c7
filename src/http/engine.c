/*
 * engine.c
 *    HTTPS in a loop: queues of transfers, driven by libcurl (multi.c) inside a latch wait.
 *
 * The rules that keep libcurl and PostgreSQL apart:
 *   - a callback never raises and never pallocs;
 *   - every call of libcurl runs with all signals blocked, so that its resolver threads inherit a full mask and no
 *     handler of the server runs in them; none of these calls waits;
 *   - `done` is called when libcurl has returned and the transfer is out of its hands.
 *
 * Transfers beyond the limits wait in queues of ours, not in libcurl's, so that waiting for a connection does not use up
 * a transfer's own time-out.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "http/multi.h"
#include "http/transfer.h"
#include "http/url.h"

#define MAX_TIMEOUT_MS 600000

/* The transfers of one host: how many are under way, and which wait. There are few hosts and they stay. */
typedef struct HttpHost
{
	char *name;
	int active;
	dlist_head queue;
	struct HttpHost *next;
} HttpHost;

struct HttpEngine
{
	HttpOptions options; /* texts are copies in `context` */
	int generation;      /* of the options */
	MemoryContext context;
	MemoryContextCallback cleanup;
	HttpMulti multi;
	WaitEventSet *waits;
	uint32 wait_event;
	int reserved; /* descriptors booked with the server */
	int queued;   /* waiting for a place */
	int active;   /* under way: each has a place */
	int ended;    /* whose answer is not told yet: their connections are free for others */
	HttpHost *hosts;
	dlist_head under_way;
	dlist_head finished;
	HttpTransfer *reporting; /* its `done` is being called, or has raised */
	HttpHandle *pool;
	int handles; /* in use and pooled */
};

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

/* Back to the pool, which holds no more than there may be connections, and a few for answers that are still to be told. */
static void
give_back_handle(HttpEngine *engine, HttpHandle *handle)
{
	handle_reset(handle);
	if (engine->handles > engine->options.max_connections + engine->options.max_connections / 2)
	{
		handle_free(handle);
		engine->handles--;
		return;
	}
	handle->next = engine->pool;
	engine->pool = handle;
}

/* ---- The way of a transfer: queue, under way, finished, answered ---- */

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
	host->next = engine->hosts;
	engine->hosts = host;
	return host;
}

/* Hands a transfer to libcurl. What cannot be started is finished at once. */
static void
start_transfer(HttpEngine *engine, HttpTransfer *transfer)
{
	HttpHandle *handle = take_handle(engine);

	transfer->host->active++;
	engine->active++;
	if (handle != NULL &&
		handle_load(handle, transfer, &engine->options, engine->generation, engine->multi.share) &&
		curl_multi_add_handle(engine->multi.multi, handle->easy) == CURLM_OK)
	{
		transfer->handle = handle;
		dlist_push_tail(&engine->under_way, &transfer->node);
		return;
	}
	if (handle != NULL)
		give_back_handle(engine, handle);
	dlist_push_tail(&engine->finished, &transfer->node);
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

/* The transfer's place is free for another. */
static void
vacate(HttpEngine *engine, HttpTransfer *transfer)
{
	transfer->host->active--;
	engine->active--;
}

/* Takes ended transfers out of libcurl's hands. */
static void
collect_ended(HttpEngine *engine)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(engine->multi.multi, &left)) != NULL)
	{
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;
		HttpTransfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
		curl_multi_remove_handle(engine->multi.multi, easy); /* ends the life of `message` */
		transfer->result = result;
		vacate(engine, transfer);
		engine->ended++;
		dlist_delete(&transfer->node);
		dlist_push_tail(&engine->finished, &transfer->node);
	}
}

/* The end of a transfer that is in no list any more. */
static void
forget_transfer(HttpEngine *engine, HttpTransfer *transfer)
{
	if (transfer->handle != NULL)
		give_back_handle(engine, transfer->handle);
	transfer_free(transfer);
}

/* Lets go of the transfer whose answer has been told. */
static void
end_report(HttpEngine *engine)
{
	HttpTransfer *transfer = engine->reporting;
	sigset_t old;

	if (transfer == NULL)
		return;
	engine->reporting = NULL;
	block_signals(&old);
	forget_transfer(engine, transfer);
	restore_signals(&old);
}

/* Tells the owners of finished transfers; what they send meanwhile is queued. */
static bool
report_finished(HttpEngine *engine)
{
	char text[CURL_ERROR_SIZE + 128];
	bool any = false;

	while (!dlist_is_empty(&engine->finished))
	{
		HttpTransfer *transfer = dlist_container(HttpTransfer, node, dlist_pop_head_node(&engine->finished));
		HttpAnswer answer = transfer_answer(transfer, text, sizeof(text));

		engine->ended--;
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
	dlist_push_tail(&host->queue, &transfer->node);
	engine->queued++;
}

/* ---- The loop ---- */

/* One round of libcurl: starts what may start, feeds it what the network and the clock have, takes what has ended. */
static void
drive(HttpEngine *engine)
{
	sigset_t old;

	block_signals(&old);
	start_queued(engine);
	multi_drive(&engine->multi);
	collect_ended(engine);
	restore_signals(&old);
}

void
http_engine_flush(HttpEngine *engine)
{
	if (engine->queued > 0)
		drive(engine);
}

bool
http_engine_run(HttpEngine *engine, long timeout_ms)
{
	int64 until = timeout_ms < 0 ? PG_INT64_MAX : monotonic_now() + timeout_ms * INT64CONST(1000);
	bool woken = false, reported = false;

	/* Where the last `done` raised. */
	end_report(engine);
	http_engine_flush(engine);
	for (;;)
	{
		int64 wake = dlist_is_empty(&engine->finished) ? Min(until, engine->multi.timer) : 0;
		long wait = -1;
		WaitEvent events[3];
		int ready;

		if (wake != PG_INT64_MAX)
		{
			int64 now = monotonic_now();

			wait = wake <= now ? 0 : (long) Min((wake - now + 999) / 1000, INT_MAX);
		}
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
		drive(engine);
		/* Before the answers are told, their connections have something to do. */
		http_engine_flush(engine);
		reported = report_finished(engine);
		if (reported || woken || monotonic_now() >= until)
			break;
	}
	/* What `done` has sent goes out while the caller does something else. */
	if (reported)
		http_engine_flush(engine);
	return reported;
}

void
http_engine_rest(HttpEngine *engine)
{
	HttpHandle *handle;
	sigset_t old;

	block_signals(&old);
	while ((handle = engine->pool) != NULL)
	{
		engine->pool = handle->next;
		engine->handles--;
		handle_free(handle);
	}
	restore_signals(&old);
}

int
http_engine_active(const HttpEngine *engine)
{
	return engine->active + engine->ended + engine->queued;
}

/* ---- Cancelling ---- */

/* Ends the transfers of a list. */
static void
cancel_in(HttpEngine *engine, dlist_head *list)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		HttpTransfer *transfer = dlist_container(HttpTransfer, node, iter.cur);

		dlist_delete(iter.cur);
		if (list == &engine->under_way)
		{
			curl_multi_remove_handle(engine->multi.multi, transfer->handle->easy);
			vacate(engine, transfer);
		}
		else if (list == &engine->finished)
			engine->ended--;
		else
			engine->queued--;
		forget_transfer(engine, transfer);
	}
}

void
http_engine_cancel(HttpEngine *engine)
{
	sigset_t old;

	block_signals(&old);
	for (HttpHost *host = engine->hosts; host != NULL; host = host->next)
		cancel_in(engine, &host->queue);
	cancel_in(engine, &engine->under_way);
	cancel_in(engine, &engine->finished);
	restore_signals(&old);
}

/* ---- Birth, options and death ---- */

static char *
keep_text(MemoryContext context, const char *text)
{
	return text == NULL || text[0] == '\0' ? NULL : MemoryContextStrdup(context, text);
}

/* Books descriptors, so that the server's own files never lack one; fewer connections where it has none to spare. */
static void
reserve_descriptors(HttpEngine *engine)
{
	int wanted = engine->options.max_connections;

	while (engine->reserved < wanted && AcquireExternalFD())
		engine->reserved++;
	for (; engine->reserved > wanted; engine->reserved--)
		ReleaseExternalFD();
	if (engine->reserved == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("no file descriptors left for connections"),
				 errhint("Raise max_files_per_process.")));
	engine->options.max_connections = engine->reserved;
	if (engine->reserved < wanted)
		ereport(WARNING, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						  errmsg("only %d connections of %d can be open at once", engine->reserved, wanted),
						  errhint("Raise max_files_per_process to %d, or lower dreamsuite.max_connections.",
								  4 * wanted)));
}

void
http_engine_configure(HttpEngine *engine, const HttpOptions *options)
{
	HttpOptions former = engine->options;
	sigset_t old;

	engine->options = *options;
	engine->options.max_connections = Max(options->max_connections, 1);
	engine->options.max_host_connections = Max(options->max_host_connections, 1);
	engine->options.ca_file = keep_text(engine->context, options->ca_file);
	engine->options.proxy = keep_text(engine->context, options->proxy);
	engine->options.test_base_url = keep_text(engine->context, options->test_base_url);
	engine->options.user_agent = keep_text(engine->context, options->user_agent);
	engine->generation++;
	/* libcurl has copies of its own. */
	if (former.ca_file != NULL)
		pfree((char *) former.ca_file);
	if (former.proxy != NULL)
		pfree((char *) former.proxy);
	if (former.test_base_url != NULL)
		pfree((char *) former.test_base_url);
	if (former.user_agent != NULL)
		pfree((char *) former.user_agent);
	reserve_descriptors(engine);

	block_signals(&old);
	multi_limit(&engine->multi, engine->options.max_connections);
	restore_signals(&old);
}

/* Frees what is not palloc'd; called when the engine's context is reset or deleted, whatever the reason. */
static void
release_engine(void *arg)
{
	HttpEngine *engine = arg;
	sigset_t old;

	end_report(engine);
	http_engine_cancel(engine);
	if (engine->waits != NULL)
		FreeWaitEventSet(engine->waits); /* before the descriptor that it watches */
	block_signals(&old);
	while (engine->pool != NULL)
	{
		HttpHandle *handle = engine->pool;

		engine->pool = handle->next;
		handle_free(handle);
	}
	multi_close(&engine->multi);
	restore_signals(&old);
	for (; engine->reserved > 0; engine->reserved--)
		ReleaseExternalFD();
}

HttpEngine *
http_engine_create(MemoryContext context, const HttpOptions *options)
{
	HttpEngine *engine = MemoryContextAllocZero(context, sizeof(HttpEngine));

	engine->context = context;
	dlist_init(&engine->under_way);
	dlist_init(&engine->finished);
	engine->cleanup.func = release_engine;
	engine->cleanup.arg = engine;
	MemoryContextRegisterResetCallback(context, &engine->cleanup);
	multi_open(&engine->multi);

	engine->waits = compat_create_wait_event_set(context, 3);
	AddWaitEventToSet(engine->waits, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	if (IsUnderPostmaster)
		AddWaitEventToSet(engine->waits, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(engine->waits, WL_SOCKET_READABLE, engine->multi.epoll, NULL, NULL);
	engine->wait_event = compat_http_wait_event();
	http_engine_configure(engine, options);
	return engine;
}
