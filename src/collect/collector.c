/*
 * collector.c
 *    The event loop: claim, ask, answer, store.
 *
 * One process per database, hundreds of transfers at once, no transaction while it waits for the network. Jobs wait in
 * three lists: asking (requests to be sent or under way), done (to be stored), and the engine's own transfers.
 * Whatever a platform does ends in one job; whatever the database does ends in one batch.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/authorise.h"
#include "collect/claim.h"
#include "collect/collector.h"
#include "collect/keep.h"
#include "collect/pace.h"
#include "collect/retry.h"
#include "collect/revoke.h"
#include "collect/store.h"
#include "collect/transaction.h"
#include "config.h"
#include "http/url.h"
#include "collect/secret.h"

#define STORE_BATCH        128  /* jobs of one transaction */
#define STORE_AFTER_MS     250  /* a finished job waits no longer for company */
#define TRIES_IN_A_RUN     3    /* of one request, network trouble and the like */
#define SHORT_WAIT_SECONDS 30   /* a pause that the run sits out */
#define IDLE_EXIT_MS       5000 /* a collector that nobody keeps leaves after this */
#define PRUNE_EVERY_MS     3600000

static MemoryContext collector_context;
static HttpEngine *engine;
static dlist_head asking = DLIST_STATIC_INIT(asking);
static List *done_jobs = NIL;
static int active_jobs = 0;    /* claimed and not yet stored */
static int transfers = 0;      /* under way */
static TimestampTz done_since; /* when the oldest job of done_jobs ended */
static bool claim_wanted = true;
static bool claim_after_store = false;
static TimestampTz next_due = TIME_UNKNOWN;

/* A request on its way. */
typedef struct Sent
{
	Job *job;
	Request *request; /* of the plan; NULL for one of authorise.c */
	const char *endpoint;
	double cost;
	TimestampTz at;
	JobAnswerDone done;
	void *arg;
} Sent;

/* When a request that failed may go again; kept in Request.mark. */
typedef struct Pause
{
	TimestampTz until; /* clock */
} Pause;

static void job_progress(Job *job);

/* ---- Jobs ---- */

void
job_note_error(Job *job, ErrorClass error, const char *text)
{
	MemoryContext old;

	if (job->error != ERROR_NONE)
		return;
	old = MemoryContextSwitchTo(job->context);
	job->error = error;
	job->error_text = text != NULL ? url_redact(text) : NULL;
	MemoryContextSwitchTo(old);
}

void
job_stop(Job *job, ErrorClass error, const char *text)
{
	/* What stops a run outranks what only hurt it. */
	if (!job->stopped)
		job->error = ERROR_NONE;
	job_note_error(job, error, text);
	job->stopped = true;
	job->waiting = NIL;
	job->held = NIL;
}

void
job_set_status(Job *job, const char *status, const char *reason)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	job->new_status = status;
	job->new_status_reason = reason != NULL ? url_redact(reason) : NULL;
	MemoryContextSwitchTo(old);
}

/* The same account? Some platforms name it by a bare id here and by a URN there: "soundcloud:users:42". */
static bool
same_account(const char *a, const char *b)
{
	const char *tail_a = strrchr(a, ':'), *tail_b = strrchr(b, ':');

	return strcmp(tail_a != NULL ? tail_a + 1 : a, tail_b != NULL ? tail_b + 1 : b) == 0;
}

/* A job has all its answers: normalise them and queue it for storing. */
static void
job_finish(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	if (job->placeholder || job->answered_ok > 0)
	{
		Responses *responses = job->plan != NULL ? job->plan->responses : responses_create(job->platform);

		job->result = platform_normalise(job->platform, &job->account, responses,
										 job->plan != NULL ? job->plan->known : NULL);
		if (job->account.external_id != NULL && job->result->external_id != NULL && !job->placeholder &&
			!same_account(job->account.external_id, job->result->external_id))
		{
			/* Another account answered: two series must not be mixed. */
			job->result = NULL;
			job_stop(job, ERROR_AUTH_REVOKED,
					 "the token belongs to another account of the platform than the one connected");
			job_set_status(job, "needs_reauth", job->error_text);
		}
		else
			job->metrics = normalised_metrics(job->result);
	}
	MemoryContextSwitchTo(old);
	authorise_end(job);
	secret_context_wipe(job->secret_context);
	job->tokens = (Tokens){.expires_at = TIME_UNKNOWN, .refresh_expires_at = TIME_UNKNOWN};
	job->phase = JOB_DONE;
	dlist_delete(&job->node);
	if (done_jobs == NIL)
		done_since = GetCurrentTimestamp();
	old = MemoryContextSwitchTo(collector_context);
	done_jobs = lappend(done_jobs, job);
	MemoryContextSwitchTo(old);
}

/* Takes over what the plan asks; ends the job when nothing is left to wait for. */
static void
job_progress(Job *job)
{
	/* What authorises it may have ended it already. */
	if (job->phase == JOB_DONE || job->keep != NULL)
		return;
	if (job->plan != NULL)
	{
		if (!job->stopped)
			job->waiting = list_concat(job->waiting, job->plan->pending);
		job->plan->pending = NIL;
	}
	if (job->phase == JOB_ASKING && job->in_flight == 0 && job->waiting == NIL && job->held == NIL)
		job_finish(job);
	else if (job->stopped && job->in_flight == 0)
		job_finish(job);
}

void
collector_authorised(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	if (job->phase == JOB_AUTHORISING && !job->stopped)
	{
		if (job->plan == NULL)
			job->plan = plan_create(job->platform, &job->account, contents_create(), config_max_pages);
		plan_begin(job->plan);
	}
	job->waiting = list_concat(job->waiting, job->held);
	job->held = NIL;
	job->phase = JOB_ASKING;
	MemoryContextSwitchTo(old);
	job_progress(job);
}

static void
job_begin(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	active_jobs++;
	dlist_push_tail(&asking, &job->node);
	job->phase = JOB_AUTHORISING;
	if (job->placeholder || job->stopped)
	{
		job->phase = JOB_ASKING;
		job_progress(job);
	}
	else
		authorise_begin(job);
	MemoryContextSwitchTo(old);
}

/* ---- Answers ---- */

static const char *
engine_header(const Answer *answer, const char *name)
{
	return http_answer_header(answer->header_arg, name);
}

/* What the transfer and the body say, as the platform's classify() wants it. */
static Answer
answer_from_http(const Request *request, const HttpAnswer *http)
{
	Answer answer = {.request = request,
					 .status = http->status,
					 .text = http->body,
					 .header = engine_header,
					 .header_arg = (void *) http,
					 .at = config_now()};
	Jsonb *parsed = http->length > 0 ? json_parse(http->body, http->length, NULL) : NULL;

	answer.body = parsed != NULL ? &parsed->root : NULL;
	return answer;
}

static LedgerEntry *
ledger_add(Job *job, const Sent *sent, const HttpAnswer *http)
{
	LedgerEntry *entry = palloc0(sizeof(LedgerEntry));

	entry->endpoint = sent->endpoint;
	entry->at = sent->at;
	entry->http_status = http->status;
	entry->error = http->error;
	entry->ms = http->total_ms;
	entry->bytes = http->bytes;
	entry->quota_cost = sent->cost;
	job->ledger = lappend(job->ledger, entry);
	job->bytes += http->bytes;
	job->quota_cost += sent->cost;
	return entry;
}

/* The request goes again after a while; false where it has been tried often enough. */
static bool
try_again(Job *job, Request *request)
{
	Pause *pause;
	int64 wait;

	if (request->tries >= TRIES_IN_A_RUN || job->stopped)
		return false;
	wait = (int64) (USECS_PER_SEC / 2) << (2 * (request->tries - 1));
	pause = palloc(sizeof(Pause));
	pause->until = GetCurrentTimestamp() + (int64) (wait * (0.5 + compat_random()));
	request->mark = pause;
	job->waiting = lappend(job->waiting, request);
	return true;
}

/* Rate limits and quotas: sits out what is short, else the job waits outside of the run. */
static void
obey_limit(Job *job, Request *request, const Verdict *verdict)
{
	TimestampTz now = config_now();
	TimestampTz until =
		verdict->wait_until != 0 ? verdict->wait_until : now + retry_default_wait(request->tries);
	bool frozen = config_test_now[0] != '\0';

	if (verdict->scope == BLOCK_BUCKET)
		pace_pause(job->platform, pace_bucket(request), until, verdict->message);
	if (verdict->scope == BLOCK_APP)
		pace_pause(job->platform, job->platform->name, until, verdict->message);
	if (!frozen && verdict->error == ERROR_RATE_LIMITED &&
		until - now <= SHORT_WAIT_SECONDS * USECS_PER_SEC && request->tries < 2 * TRIES_IN_A_RUN &&
		!job->stopped)
	{
		Pause *pause = palloc(sizeof(Pause));

		pause->until = GetCurrentTimestamp() + (until - now);
		request->mark = pause;
		job->waiting = lappend(job->waiting, request);
		return;
	}
	job->blocked_until = Max(job->blocked_until, until);
	plan_fail(job->plan, request, verdict);
	job_stop(job, verdict->error, verdict->message);
}

/* The request failed for good. Where the platform knows another way, or can do without it, nothing is lost. */
static void
give_up(Job *job, Request *request, const Verdict *verdict)
{
	int missing = list_length(job->plan->missing);

	plan_fail(job->plan, request, verdict);
	if (list_length(job->plan->missing) > missing)
		job_note_error(job, verdict->error, verdict->message);
}

static void judge(Job *job, Request *request, const Answer *answer, const Verdict *verdict);

/* A token was refused, and authorise.c knows no other. */
static void
token_refused(Job *job, Request *request, const Answer *answer, const Verdict *verdict)
{
	Verdict last = *verdict;

	last.error = authorise_refused(job, request, verdict);
	switch (last.error)
	{
		case ERROR_NONE:
			break;
		case ERROR_OPERATOR:
			last.scope = BLOCK_APP;
			last.message = psprintf("the platform refused the app's own token: %s", verdict->message);
			judge(job, request, answer, &last);
			break;
		case ERROR_AUTH_REVOKED:
			plan_fail(job->plan, request, &last);
			job_stop(job, ERROR_AUTH_REVOKED, verdict->message);
			job_set_status(job, "needs_reauth", verdict->message);
			break;
		default:
			judge(job, request, answer, &last);
			break;
	}
}

static void
judge(Job *job, Request *request, const Answer *answer, const Verdict *verdict)
{
	switch (verdict->error)
	{
		case ERROR_NONE:
			job->answered_ok++;
			plan_accept(job->plan, request, answer);
			break;
		case ERROR_NETWORK:
		case ERROR_TIMEOUT:
		case ERROR_SERVER:
			if (try_again(job, request))
				break;
			job_note_error(job, verdict->error, verdict->message);
			plan_fail(job->plan, request, verdict);
			break;
		case ERROR_BAD_RESPONSE:
			/* A body that is no JSON at all is the network's or a proxy's doing as often as the platform's. */
			if (answer->body == NULL && try_again(job, request))
				break;
			give_up(job, request, verdict);
			break;
		case ERROR_RATE_LIMITED:
		case ERROR_QUOTA_EXHAUSTED:
			obey_limit(job, request, verdict);
			break;
		case ERROR_AUTH_EXPIRED:
		case ERROR_AUTH_REVOKED:
			token_refused(job, request, answer, verdict);
			break;
		case ERROR_OPERATOR:
			/* One account's trouble with the app, which names its time, is not that of all. */
			if (verdict->scope == BLOCK_ACCOUNT && verdict->wait_until != 0)
				job->blocked_until = Max(job->blocked_until, verdict->wait_until);
			else
				pace_pause(job->platform, job->platform->name, config_now() + USECS_PER_HOUR,
						   verdict->message);
			plan_fail(job->plan, request, verdict);
			job_stop(job, ERROR_OPERATOR, verdict->message);
			break;
		case ERROR_METRIC_RETIRED:
			plan_fail(job->plan, request, verdict);
			break;
		case ERROR_PERMISSION:
		case ERROR_NOT_FOUND:
		case ERROR_TOO_LARGE:
			give_up(job, request, verdict);
			break;
	}
}

/* The engine's callback; may send further requests. */
static void
answered(HttpAnswer *http, void *arg)
{
	Sent *sent = arg;
	Job *job = sent->job;
	MemoryContext old = MemoryContextSwitchTo(job->context);
	LedgerEntry *entry = ledger_add(job, sent, http);

	transfers--;
	job->in_flight--;
	if (sent->done != NULL)
		entry->error = sent->done(job, http, sent->arg);
	else
	{
		Answer answer = answer_from_http(sent->request, http);
		Verdict verdict = {.error = http->error, .message = http->error_text};

		if (http->error == ERROR_NONE)
			verdict = job->platform->classify(&answer);
		entry->error = verdict.error;
		if (job->platform->cost != NULL)
		{
			double cost = verdict.error == ERROR_NONE ? job->platform->cost(sent->request, &answer) : 0;

			job->quota_cost += cost - entry->quota_cost;
			entry->quota_cost = cost;
		}
		judge(job, sent->request, &answer, &verdict);
	}
	MemoryContextSwitchTo(old);
	job_progress(job);
}

/* ---- Sending ---- */

static void
send_http(Job *job, const HttpRequest *request, Sent *sent)
{
	sent->job = job;
	sent->at = GetCurrentTimestamp();
	job->in_flight++;
	transfers++;
	http_send(engine, request, answered, sent);
}

void
collector_send(Job *job, const char *endpoint, const HttpRequest *request, JobAnswerDone done, void *arg)
{
	Sent *sent = MemoryContextAllocZero(job->context, sizeof(Sent));

	sent->endpoint = endpoint;
	sent->done = done;
	sent->arg = arg;
	send_http(job, request, sent);
}

void
collector_send_alone(const HttpRequest *request, HttpDone done, void *arg)
{
	http_send(engine, request, done, arg);
}

static void
send_step(Job *job, Request *request)
{
	HttpRequest http = {.url = request->url,
						.method = request->post ? HTTP_POST : HTTP_GET,
						.body = request->body,
						.body_length = request->body != NULL ? strlen(request->body) : 0,
						.content_type = request->content_type,
						.timeout_ms = config_request_timeout};
	Sent *sent = palloc0(sizeof(Sent));

	request->tries++;
	authorise_request(job, request, &http);
	sent->request = request;
	sent->endpoint = request->step->name;
	sent->cost = request->step->cost != 0 ? request->step->cost : 1;
	send_http(job, &http, sent);
	http_request_wipe(&http);
}

/*
 * Sends what may go now. Returns the milliseconds until more may, LONG_MAX where nothing waits for time.
 */
static long
dispatch(void)
{
	long wait = LONG_MAX;
	TimestampTz now = GetCurrentTimestamp();
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &asking)
	{
		Job *job = dlist_container(Job, node, iter.cur);
		MemoryContext old;
		List *ready;
		ListCell *cell;

		if (transfers >= config_max_connections)
			break;
		if (job->phase != JOB_ASKING || job->waiting == NIL)
			continue;
		old = MemoryContextSwitchTo(job->context);
		ready = job->waiting;
		job->waiting = NIL;
		foreach (cell, ready)
		{
			Request *request = lfirst(cell);
			Pause *pause = request->mark;
			TimestampTz paused_until;
			long pace = 0;

			if (job->stopped)
				break;
			if (pause != NULL && pause->until > now)
				pace = (long) ((pause->until - now) / 1000) + 1;
			else if (transfers < config_max_connections)
			{
				double cost = request->step->cost != 0 ? request->step->cost : 1;

				/* The platform's own bucket holds pauses of the whole app. */
				pace = pace_take(job->platform, job->platform->name, 0, &paused_until);
				if (pace == 0)
					pace = pace_take(job->platform, pace_bucket(request), cost, &paused_until);
				if (pace == 0)
				{
					send_step(job, request);
					continue;
				}
			}
			if (pace >= 0)
			{
				if (pace > 0)
					wait = Min(wait, pace);
				job->waiting = lappend(job->waiting, request);
			}
			else
			{
				Verdict verdict = {.error = ERROR_RATE_LIMITED,
								   .scope = BLOCK_ACCOUNT,
								   .wait_until = paused_until,
								   .message = "the platform asked for a pause"};

				obey_limit(job, request, &verdict);
			}
		}
		MemoryContextSwitchTo(old);
		if (job->in_flight == 0)
			job_progress(job);
	}
	return wait;
}

/* ---- Waking and starting ---- */

static volatile sig_atomic_t woken = false;
static int wake_at_commit = 0; /* process to be woken when this transaction has committed */

static void
handle_wake(SIGNAL_ARGS)
{
	int saved = errno;

	woken = true;
	SetLatch(MyLatch);
	errno = saved;
}

/* Work is visible to the collector only when it has committed, so the wake waits for that. */
static void
wake_after_commit(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && wake_at_commit != 0)
		kill(wake_at_commit, SIGUSR2);
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		wake_at_commit = 0;
}

int
collector_pid(void)
{
	int pid = 0;

	SPI_connect();
	if (SPI_execute(
			psprintf(
				"SELECT l.pid FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory'"
				" AND l.database = %u AND l.classid = %d AND l.objid = %d AND l.objsubid = 2 AND l.granted",
				MyDatabaseId, COLLECTOR_LOCK_CLASS, COLLECTOR_LOCK_OBJECT),
			true, 1) == SPI_OK_SELECT &&
		SPI_processed == 1)
		pid = atoi(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	SPI_finish();
	return pid;
}

bool
collector_start(Oid database, bool standing, TransactionId after, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {0};
	CollectorArgs args = {.database = database, .standing = standing, .after = after};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = standing ? MyProcPid : 0;
	strlcpy(worker.bgw_library_name, "dreamsuite", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dreamsuite_collector_main", sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "dreamsuite collector of database %u", database);
	strlcpy(worker.bgw_type, COLLECTOR_BACKEND_TYPE, sizeof(worker.bgw_type));
	memcpy(worker.bgw_extra, &args, sizeof(args));
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

bool
collector_wake(void)
{
	static bool registered = false, warned = false;
	int pid = collector_pid();

	if (!registered)
	{
		RegisterXactCallback(wake_after_commit, NULL);
		registered = true;
	}
	if (pid != 0)
	{
		wake_at_commit = pid;
		return true;
	}
	if (collector_start(MyDatabaseId, false, GetTopTransactionIdIfAny(), NULL))
		return true;
	if (!warned)
		ereport(WARNING, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
						  errmsg("no free worker slot for the dreamsuite collector"),
						  errdetail("The accounts stay due."), errhint("Raise max_worker_processes.")));
	warned = true;
	return false;
}

/* ---- The loop ---- */

static void
store_done(void)
{
	List *jobs = done_jobs;
	ListCell *cell;

	done_jobs = NIL;
	store_jobs(jobs, &next_due);
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		MemoryContextDelete(job->context);
		active_jobs--;
	}
	list_free(jobs);
	if (claim_after_store)
	{
		claim_wanted = true;
		claim_after_store = active_jobs > 0;
	}
}

/* Claims as many accounts as there is room for; more than one connection's worth, so that slow ones do not idle it. */
static void
claim_more(void)
{
	int room = Max(2 * config_max_connections, STORE_BATCH) - active_jobs;
	TimestampTz due;
	List *jobs;
	ListCell *cell;

	if (room < STORE_BATCH / 2 && active_jobs > 0)
		return;
	jobs = claim_due(collector_context, room, &due);
	if (list_length(jobs) < room)
	{
		claim_wanted = false;
		next_due = due;
	}
	foreach (cell, jobs)
		job_begin(lfirst(cell));
	list_free(jobs);
	revoke_send();
}

/* Milliseconds until the calendar reaches the time; LONG_MAX where it stands still or there is none. */
static long
until_due(void)
{
	TimestampTz now = config_now();

	if (next_due == TIME_UNKNOWN)
		return LONG_MAX;
	if (next_due <= now)
		return 0;
	if (config_test_now[0] != '\0')
		return LONG_MAX;
	return (long) Min((next_due - now) / 1000 + 1, INT_MAX);
}

static HttpOptions
http_options(void)
{
	return (HttpOptions){.max_connections = config_max_connections,
						 .max_host_connections = config_max_host_connections,
						 .connect_timeout_ms = config_connect_timeout,
						 .idle_timeout_s = Max(1, config_request_timeout / 2000),
						 .max_body = 8 * 1024 * 1024,
						 .ca_file = config_ca_file,
						 .proxy = config_proxy,
						 .test_base_url = config_test_base_url,
						 .user_agent = "dreamsuite/" DREAMSUITE_VERSION};
}

static void
reload(void)
{
	HttpOptions options;

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	options = http_options();
	http_engine_configure(engine, &options);
	claim_wanted = true;
}

/*
 * The lock that makes this process the collector of its database; false where another one is. `after` is the
 * transaction that asked for it: what it made due must be visible first.
 */
static bool
become_collector(TransactionId after)
{
	bool mine;

	if (!transaction_begin("dreamsuite: starting"))
		return false;
	if (TransactionIdIsValid(after))
		XactLockTableWait(after, NULL, NULL, XLTW_None);
	if (SPI_execute(psprintf("SELECT pg_catalog.pg_try_advisory_lock(%d, %d)", COLLECTOR_LOCK_CLASS,
							 COLLECTOR_LOCK_OBJECT),
					false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not ask for the collector's lock");
	mine = strcmp(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1), "t") == 0;
	if (mine)
		pace_load();
	else
		wake_at_commit = collector_pid();
	transaction_commit();
	if (wake_at_commit != 0)
		kill(wake_at_commit, SIGUSR2);
	return mine;
}

void
dreamsuite_collector_main(Datum arg)
{
	CollectorArgs args;
	HttpOptions options;
	TimestampTz idle_since = 0, pruned_at = 0;

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGUSR2, handle_wake);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(args.database, InvalidOid, 0);
	SetConfigOption("application_name", "dreamsuite " DREAMSUITE_VERSION, PGC_USERSET, PGC_S_SESSION);
	/* Rows that a crash takes back are collected again; tokens are committed on their own terms (authorise.c). */
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("TimeZone", "UTC", PGC_USERSET, PGC_S_SESSION);
	pgstat_report_activity(STATE_IDLE, NULL);

	collector_context =
		AllocSetContextCreate(TopMemoryContext, "dreamsuite collector", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(collector_context);
	if (RecoveryInProgress() || !become_collector(args.after))
		proc_exit(0);
	claim_release_all();
	options = http_options();
	engine = http_engine_create(
		AllocSetContextCreate(collector_context, "dreamsuite http", ALLOCSET_DEFAULT_SIZES), &options);
	ereport(LOG, (errmsg("dreamsuite collector started")));

	for (;;)
	{
		long wait;

		keep_flush();
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
			reload();
		if (woken)
		{
			/* What is due may be under lease until a job of ours is stored. */
			woken = false;
			claim_wanted = true;
			claim_after_store = active_jobs > 0;
		}
		if (until_due() == 0)
			claim_wanted = true;
		if (claim_wanted && config_enabled)
			claim_more();
		revoke_flush();
		wait = dispatch();
		if (done_jobs != NIL)
		{
			long age = (long) ((GetCurrentTimestamp() - done_since) / 1000);

			if (list_length(done_jobs) >= STORE_BATCH || age >= STORE_AFTER_MS ||
				list_length(done_jobs) == active_jobs)
			{
				store_done();
				idle_since = 0;
				continue;
			}
			wait = Min(wait, STORE_AFTER_MS - age);
		}
		if (active_jobs == 0)
		{
			TimestampTz now = GetCurrentTimestamp();

			if (pruned_at == 0 || now - pruned_at > PRUNE_EVERY_MS * INT64CONST(1000))
			{
				if (!ledger_prune())
					pruned_at = now;
				continue;
			}
			if (idle_since == 0)
				idle_since = now;
			if (!args.standing && (next_due == TIME_UNKNOWN || !config_enabled) && !revoke_busy())
			{
				long left = IDLE_EXIT_MS - (long) ((now - idle_since) / 1000);

				if (left <= 0)
					break;
				wait = Min(wait, left);
			}
			if (config_enabled)
				wait = Min(wait, until_due());
		}
		else
			idle_since = 0;
		MemoryContextSwitchTo(collector_context);
		http_engine_run(engine, wait == LONG_MAX ? -1 : wait);
	}
	ereport(LOG, (errmsg("dreamsuite collector ends: nothing is due")));
	proc_exit(0);
}
