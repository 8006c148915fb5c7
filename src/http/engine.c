/*
 * engine.c
 *    HTTPS in a loop: what the server's own thread does of it. It checks what is to be sent, waits, and tells what came.
 *
 * libcurl runs in a thread of its own (network.c): a connection need not wait until a transaction has been committed, nor
 * what is to be stored until TLS has been spoken. The rules that keep libcurl and PostgreSQL apart:
 *   - that thread, and every callback of libcurl, neither raises nor pallocs, and takes no signal;
 *   - `done` is called here, when the transfer is out of its hands.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "http/network.h"
#include "http/url.h"

#define MAX_TIMEOUT_MS 600000
#define MOST_REPORTED  32 /* answers of one run: the owner has other things to do as well */

struct HttpEngine
{
	HttpNetwork network; /* the texts of its options are copies in `context` */
	MemoryContext context;
	MemoryContextCallback cleanup;
	WaitEventSet *waits;
	uint32 wait_event;
	int reserved; /* descriptors booked with the server */
	HttpHost *hosts;
	int transfers;           /* sent, and their answers not told yet */
	dlist_head outgoing;     /* to be handed to the network */
	dlist_head incoming;     /* have come from it, to be told */
	HttpTransfer *reporting; /* its `done` is being called, or has raised */
};

/* ---- Answers ---- */

/* Lets go of the transfer whose answer has been told. */
static void
end_report(HttpEngine *engine)
{
	HttpTransfer *transfer = engine->reporting;

	engine->reporting = NULL;
	if (transfer != NULL)
		network_forget(&engine->network, transfer);
}

/* Tells the owners of transfers that have come; what they send meanwhile is put to the others. */
static bool
report_incoming(HttpEngine *engine)
{
	int reported = 0;

	for (; reported < MOST_REPORTED && !dlist_is_empty(&engine->incoming); reported++)
	{
		HttpTransfer *transfer = dlist_container(HttpTransfer, node, dlist_pop_head_node(&engine->incoming));

		engine->transfers--;
		engine->reporting = transfer;
		transfer->done(&transfer->answer, transfer->arg);
		end_report(engine);
	}
	return reported > 0;
}

/* ---- Requests ---- */

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
	host->next = engine->hosts;
	engine->hosts = host;
	return host;
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
	if (engine->network.options.test_base_url != NULL)
		url = url_under_base(request->url, engine->network.options.test_base_url);
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
	transfer->plain = engine->network.options.test_base_url != NULL;
	dlist_push_tail(&engine->outgoing, &transfer->node);
	engine->transfers++;
}

/* ---- The loop ---- */

void
http_engine_flush(HttpEngine *engine)
{
	network_send(&engine->network, &engine->outgoing);
}

/* Milliseconds until then, rounded up; -1 where that is never. */
static long
until(int64 then)
{
	int64 now;

	if (then == PG_INT64_MAX)
		return -1;
	now = monotonic_now();
	return then <= now ? 0 : (long) Min((then - now + 999) / 1000, INT_MAX);
}

bool
http_engine_run(HttpEngine *engine, long timeout_ms)
{
	int64 end = timeout_ms < 0 ? PG_INT64_MAX : monotonic_now() + timeout_ms * INT64CONST(1000);
	bool woken = false, reported = false;

	/* Where the last `done` raised. */
	end_report(engine);
	http_engine_flush(engine);
	network_resume(&engine->network);
	for (;;)
	{
		WaitEvent events[3];
		int ready = WaitEventSetWait(engine->waits, dlist_is_empty(&engine->incoming) ? until(end) : 0,
									 events, lengthof(events), engine->wait_event);

		for (int i = 0; i < ready; i++)
		{
			if (events[i].events & WL_LATCH_SET)
			{
				ResetLatch(MyLatch);
				woken = true;
			}
		}
		CHECK_FOR_INTERRUPTS();
		network_take_ended(&engine->network, &engine->incoming);
		reported = report_incoming(engine);
		if (reported || woken || monotonic_now() >= end)
			break;
	}
	/* What `done` has sent goes out while the caller does something else. */
	http_engine_flush(engine);
	return reported;
}

void
http_engine_rest(HttpEngine *engine)
{
	network_stop(&engine->network);
	network_rest(&engine->network);
	network_resume(&engine->network);
}

int
http_engine_active(const HttpEngine *engine)
{
	return engine->transfers;
}

void
http_engine_cancel(HttpEngine *engine)
{
	network_stop(&engine->network);
	network_cancel(&engine->network);
	network_forget_all(&engine->network, &engine->outgoing);
	network_forget_all(&engine->network, &engine->incoming);
	engine->transfers = 0;
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
	int wanted = engine->network.options.max_connections;

	while (engine->reserved < wanted && AcquireExternalFD())
		engine->reserved++;
	for (; engine->reserved > wanted; engine->reserved--)
		ReleaseExternalFD();
	if (engine->reserved == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("no file descriptors left for connections"),
				 errhint("Raise max_files_per_process.")));
	engine->network.options.max_connections = engine->reserved;
	if (engine->reserved < wanted)
		ereport(WARNING, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						  errmsg("only %d connections of %d can be open at once", engine->reserved, wanted),
						  errhint("Raise max_files_per_process to %d, or lower dreamsuite.max_connections.",
								  4 * wanted)));
}

void
http_engine_configure(HttpEngine *engine, const HttpOptions *options)
{
	HttpNetwork *network = &engine->network;
	HttpOptions former = network->options, now = *options;
	sigset_t old;

	now.max_connections = Max(options->max_connections, 1);
	now.max_host_connections = Max(options->max_host_connections, 1);
	now.ca_file = keep_text(engine->context, options->ca_file);
	now.proxy = keep_text(engine->context, options->proxy);
	now.test_base_url = keep_text(engine->context, options->test_base_url);
	now.user_agent = keep_text(engine->context, options->user_agent);
	network_stop(network);
	network->options = now;
	network->generation++;
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
	multi_limit(&network->multi, network->options.max_connections);
	restore_signals(&old);
	network_resume(network);
}

/* Frees what is not palloc'd; called when the engine's context is reset or deleted, whatever the reason. */
static void
release_engine(void *arg)
{
	HttpEngine *engine = arg;

	end_report(engine);
	http_engine_cancel(engine);
	if (engine->waits != NULL)
		FreeWaitEventSet(engine->waits); /* before the descriptor that it watches */
	network_close(&engine->network);
	for (; engine->reserved > 0; engine->reserved--)
		ReleaseExternalFD();
}

HttpEngine *
http_engine_create(MemoryContext context, const HttpOptions *options)
{
	HttpEngine *engine = MemoryContextAllocZero(context, sizeof(HttpEngine));

	engine->context = context;
	dlist_init(&engine->outgoing);
	dlist_init(&engine->incoming);
	network_init(&engine->network);
	engine->cleanup.func = release_engine;
	engine->cleanup.arg = engine;
	MemoryContextRegisterResetCallback(context, &engine->cleanup);
	network_open(&engine->network);

	engine->waits = compat_create_wait_event_set(context, 3);
	AddWaitEventToSet(engine->waits, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	if (IsUnderPostmaster)
		AddWaitEventToSet(engine->waits, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(engine->waits, WL_SOCKET_READABLE, engine->network.bell, NULL, NULL);
	engine->wait_event = compat_http_wait_event();
	http_engine_configure(engine, options);
	return engine;
}
