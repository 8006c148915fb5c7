/*
 * http_test.c
 *    Functions that drive src/http from SQL and from a background worker, for its tests.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <malloc.h>
#include <sys/resource.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "http/engine.h"

extern DREAMSUITE_EXPORT const Pg_magic_struct *Pg_magic_func(void);
extern DREAMSUITE_EXPORT void http_test_worker_main(Datum arg);

PG_MODULE_MAGIC;

DREAMSUITE_FUNCTION(http_test);
DREAMSUITE_FUNCTION(http_bench);
DREAMSUITE_FUNCTION(http_memory);
DREAMSUITE_FUNCTION(http_worker);
DREAMSUITE_FUNCTION(http_unattended);
DREAMSUITE_FUNCTION(http_forbid_threads);

static const char *const error_names[] = {
	[ERROR_NONE] = "ok",
	[ERROR_NETWORK] = "network",
	[ERROR_TIMEOUT] = "timeout",
	[ERROR_BAD_RESPONSE] = "bad_response",
	[ERROR_TOO_LARGE] = "too_large",
};

static const HttpOptions usual_options = {.max_connections = 100,
										  .max_host_connections = 100,
										  .connect_timeout_ms = 2000,
										  .idle_timeout_s = 30,
										  .max_body = 8 << 20,
										  .user_agent = "http_test/1.0"};

/* One call of http_test(). */
typedef struct Test
{
	HttpEngine *engine;
	ReturnSetInfo *rows;
	HttpRequest request; /* what every request has in common */
	char *follow;
	int answers, fail_at, cancel_at;
} Test;

typedef struct Sent
{
	Test *test;
	const char *url;
} Sent;

static char *
text_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* The elements of a text[] as char *. */
static List *
texts_arg(FunctionCallInfo fcinfo, int n)
{
	List *texts = NIL;
	Datum *elements;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	for (int i = 0; i < count; i++)
		texts = lappend(texts, TextDatumGetCString(elements[i]));
	return texts;
}

static void answered(HttpAnswer *answer, void *arg);

static void
send_one(Test *test, const char *url)
{
	Sent *sent = palloc(sizeof(Sent));
	HttpRequest request = test->request;

	sent->test = test;
	sent->url = url;
	request.url = url;
	http_send(test->engine, &request, answered, sent);
}

static void
answered(HttpAnswer *answer, void *arg)
{
	Sent *sent = arg;
	Test *test = sent->test;
	const char *retry_after = http_answer_header(answer, "Retry-After");
	const char *early = http_answer_header(answer, "X-Only-Early");
	Datum values[13];
	bool nulls[13] = {false};

	test->answers++;
	values[0] = Int32GetDatum(test->answers);
	values[1] = CStringGetTextDatum(sent->url);
	values[2] = Int32GetDatum(answer->status);
	values[3] = CStringGetTextDatum(error_names[answer->error]);
	values[4] = answer->error_text != NULL ? CStringGetTextDatum(answer->error_text) : (Datum) 0;
	nulls[4] = answer->error_text == NULL;
	values[5] = PointerGetDatum(cstring_to_text_with_len(answer->body, Min(answer->length, 2000)));
	values[6] = Int64GetDatum((int64) answer->length);
	values[7] = Float8GetDatum(answer->total_ms);
	values[8] = Int64GetDatum(answer->bytes);
	values[9] = BoolGetDatum(answer->reused);
	values[10] = Int32GetDatum(answer->http_version);
	values[11] = retry_after != NULL ? CStringGetTextDatum(retry_after) : (Datum) 0;
	nulls[11] = retry_after == NULL;
	values[12] = early != NULL ? CStringGetTextDatum(early) : (Datum) 0;
	nulls[12] = early == NULL;
	tuplestore_putvalues(test->rows->setResult, test->rows->setDesc, values, nulls);
	if (test->follow != NULL)
	{
		char *url = test->follow;

		test->follow = NULL;
		send_one(test, url);
	}
	if (test->answers == test->cancel_at)
		http_engine_cancel(test->engine);
	if (test->answers == test->fail_at)
		ereport(ERROR, (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("done has raised")));
}

/* Runs until nothing is under way; an error of `done` is a NOTICE and the loop goes on. */
static void
run_through_errors(Test *test)
{
	MemoryContext context = CurrentMemoryContext;

	while (http_engine_active(test->engine) > 0)
	{
		PG_TRY();
		{
			http_engine_run(test->engine, -1);
		}
		PG_CATCH();
		{
			ErrorData *error;

			MemoryContextSwitchTo(context);
			error = CopyErrorData();
			if (error->sqlerrcode != ERRCODE_RAISE_EXCEPTION)
				PG_RE_THROW();
			FlushErrorState();
			ereport(NOTICE, (errmsg("%s", error->message)));
		}
		PG_END_TRY();
	}
}

Datum
http_test(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "http_test", ALLOCSET_DEFAULT_SIZES);
	HttpOptions options = usual_options;
	Test test = {.rows = (ReturnSetInfo *) fcinfo->resultinfo};
	List *urls = texts_arg(fcinfo, 0);
	int repeat = PG_GETARG_INT32(13);
	ListCell *cell;

	compat_start_rows(fcinfo);
	options.test_base_url = text_arg(fcinfo, 1);
	options.max_connections = PG_GETARG_INT32(3);
	options.max_host_connections = PG_GETARG_INT32(4);
	options.connect_timeout_ms = PG_GETARG_INT32(5);
	options.idle_timeout_s = PG_GETARG_INT32(6);
	options.max_body = (size_t) PG_GETARG_INT64(7);
	options.ca_file = text_arg(fcinfo, 8);
	options.proxy = text_arg(fcinfo, 9);
	test.request.timeout_ms = PG_GETARG_INT32(2);
	test.request.headers = texts_arg(fcinfo, 10);
	test.request.body = text_arg(fcinfo, 11);
	test.request.method = test.request.body != NULL ? HTTP_POST : HTTP_GET;
	test.request.body_length = test.request.body != NULL ? strlen(test.request.body) : 0;
	test.request.content_type = text_arg(fcinfo, 12);
	test.fail_at = PG_GETARG_INT32(14);
	test.cancel_at = PG_GETARG_INT32(15);
	test.follow = text_arg(fcinfo, 16);

	test.engine = http_engine_create(context, &options);
	for (int i = 0; i < repeat; i++)
	{
		foreach (cell, urls)
			send_one(&test, lfirst(cell));
	}
	run_through_errors(&test);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* ---- Speed and memory ---- */

typedef struct Bench
{
	HttpEngine *engine;
	HttpRequest request;
	int left, failures;
} Bench;

static void
bench_answered(HttpAnswer *answer, void *arg)
{
	Bench *bench = arg;

	if (answer->error != ERROR_NONE || answer->status != 200)
		bench->failures++;
	if (bench->left-- > 0)
		http_send(bench->engine, &bench->request, bench_answered, bench);
}

Datum
http_bench(PG_FUNCTION_ARGS)
{
	static HttpEngine *kept = NULL;
	HttpOptions options = usual_options;
	int requests = PG_GETARG_INT32(2), connections = Min(PG_GETARG_INT32(3), requests);
	Bench bench = {.left = requests - connections};
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;
	instr_time start, end;
	Datum values[2];
	bool nulls[2] = {false};

	compat_start_rows(fcinfo);
	options.max_connections = options.max_host_connections = connections;
	options.test_base_url = text_arg(fcinfo, 1);
	if (options.test_base_url[0] == '\0')
		options.test_base_url = NULL;
	if (kept == NULL)
		kept = http_engine_create(
			AllocSetContextCreate(TopMemoryContext, "http_bench", ALLOCSET_DEFAULT_SIZES), &options);
	else
	{
		http_engine_cancel(kept); /* what a call that was interrupted has left */
		http_engine_configure(kept, &options);
	}
	bench.engine = kept;
	bench.request.url = text_arg(fcinfo, 0);
	bench.request.timeout_ms = 60000;
	INSTR_TIME_SET_CURRENT(start);
	for (int i = 0; i < connections; i++)
		http_send(kept, &bench.request, bench_answered, &bench);
	while (http_engine_active(kept) > 0)
		http_engine_run(kept, -1);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	values[0] = Float8GetDatum(INSTR_TIME_GET_DOUBLE(end));
	values[1] = Int32GetDatum(bench.failures);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	return (Datum) 0;
}

Datum
http_memory(PG_FUNCTION_ARGS)
{
	struct mallinfo2 info = mallinfo2();

	PG_RETURN_INT64((int64) (info.uordblks + info.hblkhd));
}

/* ---- The thread ---- */

typedef struct Unattended
{
	int answers;
	int64 bytes;
} Unattended;

static void
unattended_answered(HttpAnswer *answer, void *arg)
{
	Unattended *unattended = arg;

	unattended->answers++;
	unattended->bytes += answer->length;
}

/* Signals that some thread but the first takes. */
static int
threads_with_signals(int *threads)
{
	DIR *tasks = AllocateDir("/proc/self/task");
	struct dirent *entry;
	int with = 0;

	*threads = 0;
	while ((entry = ReadDir(tasks, "/proc/self/task")) != NULL)
	{
		char path[MAXPGPATH], line[256];
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		(*threads)++;
		if (atoi(entry->d_name) == MyProcPid)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		file = AllocateFile(path, "r");
		while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		{
			/* SIGTERM is the fifteenth, SIGUSR1 the tenth, SIGINT the second */
			uint64 blocked =
				strncmp(line, "SigBlk:", 7) == 0 ? strtoull(line + 7, NULL, 16) : ~UINT64CONST(0);

			with += (blocked & 0x4202) != 0x4202 ? 1 : 0;
		}
		if (file != NULL)
			FreeFile(file);
	}
	FreeDir(tasks);
	return with;
}

Datum
http_unattended(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "http_test", ALLOCSET_DEFAULT_SIZES);
	HttpOptions options = usual_options;
	HttpRequest request = {.url = text_arg(fcinfo, 0), .timeout_ms = 60000};
	Unattended unattended = {0};
	HttpEngine *engine;
	Datum values[5];
	bool nulls[5] = {false};
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;
	int threads;

	compat_start_rows(fcinfo);
	options.test_base_url = text_arg(fcinfo, 1);
	options.max_connections = PG_GETARG_INT32(4);
	engine = http_engine_create(context, &options);
	for (int i = 0; i < PG_GETARG_INT32(2); i++)
		http_send(engine, &request, unattended_answered, &unattended);
	http_engine_flush(engine);
	pg_usleep(PG_GETARG_INT32(3) * 1000L);
	values[3] = Int32GetDatum(threads_with_signals(&threads));
	values[2] = Int32GetDatum(threads);
	http_engine_run(engine, 0);
	values[0] = Int32GetDatum(unattended.answers);
	values[1] = Int64GetDatum(unattended.bytes);
	while (http_engine_active(engine) > 0)
		http_engine_run(engine, -1);
	values[4] = Int32GetDatum(unattended.answers);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* No thread more can be started in this session, unless it is root's. */
Datum
http_forbid_threads(PG_FUNCTION_ARGS)
{
	struct rlimit limit = {0, 0};

	PG_RETURN_BOOL(setrlimit(RLIMIT_NPROC, &limit) == 0);
}

/* ---- In a background worker ---- */

static void
worker_answered(HttpAnswer *answer, void *arg)
{
	ereport(LOG, (errmsg("http_test worker: status %d, %s", answer->status, error_names[answer->error])));
}

/* Waits for one address, as the collector does: no transaction, the server's own signal handlers. */
void
http_test_worker_main(Datum arg)
{
	HttpOptions options = usual_options;
	HttpRequest request = {.timeout_ms = 600000};
	HttpEngine *engine;

	options.idle_timeout_s = 600;
	options.test_base_url = MyBgworkerEntry->bgw_extra;
	request.url = MyBgworkerEntry->bgw_extra + strlen(MyBgworkerEntry->bgw_extra) + 1;
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	engine = http_engine_create(TopMemoryContext, &options);
	http_send(engine, &request, worker_answered, NULL);
	while (http_engine_active(engine) > 0)
		http_engine_run(engine, -1);
}

Datum
http_worker(PG_FUNCTION_ARGS)
{
	char *url = text_arg(fcinfo, 0), *base = text_arg(fcinfo, 1);
	BackgroundWorker worker = {.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
							   .bgw_start_time = BgWorkerStart_RecoveryFinished,
							   .bgw_restart_time = BGW_NEVER_RESTART,
							   .bgw_library_name = "http_test",
							   .bgw_function_name = "http_test_worker_main",
							   .bgw_name = "http_test worker",
							   .bgw_type = "http_test worker",
							   .bgw_main_arg = ObjectIdGetDatum(MyDatabaseId),
							   .bgw_notify_pid = MyProcPid};
	BackgroundWorkerHandle *handle;
	pid_t pid;

	if (strlen(base) + strlen(url) + 2 > sizeof(worker.bgw_extra))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("addresses are too long")));
	strcpy(worker.bgw_extra, base);
	strcpy(worker.bgw_extra + strlen(base) + 1, url);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle) ||
		WaitForBackgroundWorkerStartup(handle, &pid) != BGWH_STARTED)
		ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED), errmsg("no worker was started")));
	PG_RETURN_INT32(pid);
}
