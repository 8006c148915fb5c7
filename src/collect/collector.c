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
#include "commands/dbcommands.h"
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
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

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
#define CLAIM_AGAIN_MS     1000

static MemoryContext collector_context;
static HttpEngine *engine;
static dlist_head asking = DLIST_STATIC_INIT(asking);
static List *done_jobs = NIL;
static int active_jobs = 0;        /* claimed and not yet stored */
static int active[MAX_PLATFORMS];  /* the same by platform */
static int sending[MAX_PLATFORMS]; /* under way, by platform */
static bool wanted[MAX_PLATFORMS]; /* the platform may have more due accounts than were claimed */
static int transfers = 0;          /* under way */
static TimestampTz done_since;     /* when the oldest job of done_jobs ended */
static bool claim_wanted = true;
static bool claim_after_store = false;
static TimestampTz next_due = TIME_UNKNOWN;
static char *database_name;
static TimestampTz claimed_at;  /* clock: of the last claim that found nothing */
static TimestampTz lease_check; /* clock: leases that could not be given back run out; 0: there are none */

/* A request on its way. */
typedef struct Sent
{
	Job *job;
	Request *request; /* of the plan; NULL for one of authorise.c */
	const char *endpoint;
	Bucket *bucket; /* NULL for one of authorise.c */
	double cost;
	TimestampTz at;
	JobAnswerDone done;
	void *arg;
} Sent;

/* What the collector knows of a request that waits; kept in Request.mark. */
typedef struct Mark
{
	Bucket *bucket;
	TimestampTz until; /* clock: one that failed goes again then; 0: at once */
} Mark;

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

/* What a stopped job still wanted to ask is missing, and what it knows of those listings is no whole. */
static void
job_drop_requests(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);
	ListCell *cell;

	foreach (cell, job->waiting)
		plan_drop(job->plan, lfirst(cell));
	foreach (cell, job->held)
		plan_drop(job->plan, lfirst(cell));
	if (job->plan != NULL)
	{
		foreach (cell, job->plan->pending)
			plan_drop(job->plan, lfirst(cell));
		job->plan->pending = NIL;
	}
	job->waiting = job->held = NIL;
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
	job_drop_requests(job);
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

/* Errors that end the collector: what was asked of it, not what a body made of it. */
static bool
must_end(const ErrorData *error)
{
	return error->elevel >= FATAL || error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		   error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN;
}

/*
 * In PG_CATCH of what works on one job: an answer that breaks our own code is that account's bad luck alone. Returns the
 * message, in the job's memory.
 */
static char *
job_caught(Job *job)
{
	ErrorData *error;

	MemoryContextSwitchTo(job->context);
	error = CopyErrorData();
	if (must_end(error))
		PG_RE_THROW();
	FlushErrorState();
	ereport(WARNING, (errcode(error->sqlerrcode),
					  errmsg("could not work on platform \"%s\" of user \"%s\": %s", job->platform->name,
							 DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&job->user_id))),
							 error->message)));
	return error->message;
}

/* Reads the answers of a job. */
static void
job_normalise(Job *job)
{
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
}

/* The same; what cannot be read leaves the run without a result. */
static void
job_read(Job *job)
{
	PG_TRY();
	{
		job_normalise(job);
	}
	PG_CATCH();
	{
		job->result = NULL;
		job->metrics = NULL;
		job_note_error(job, ERROR_BAD_RESPONSE, job_caught(job));
	}
	PG_END_TRY();
}

/* A job has all its answers: normalise them and queue it for storing. */
static void
job_finish(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	job_read(job);
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
	if (job->stopped)
		job_drop_requests(job);
	else if (job->plan != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(job->context);

		job->waiting = list_concat(job->waiting, job->plan->pending);
		job->plan->pending = NIL;
		MemoryContextSwitchTo(old);
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
job_authorise(Job *job)
{
	PG_TRY();
	{
		authorise_begin(job);
	}
	PG_CATCH();
	{
		job_stop(job, ERROR_BAD_RESPONSE, job_caught(job));
	}
	PG_END_TRY();
}

static void
job_begin(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	active_jobs++;
	active[job->platform_index]++;
	dlist_push_tail(&asking, &job->node);
	/* Tries are counted before they are made, so those that took the collector with them count as well. */
	if (job->attempts > MAX_TRIES_A_DAY)
		job_stop(job, ERROR_BAD_RESPONSE,
				 "tried too often on this day; the collector ended in the middle of it");
	if (job->placeholder || job->stopped)
	{
		job->phase = JOB_ASKING;
		job_progress(job);
	}
	else
	{
		job->phase = JOB_AUTHORISING;
		job_authorise(job);
	}
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

static Mark *
mark_of(Job *job, Request *request)
{
	if (request->mark == NULL)
	{
		Mark *mark = palloc0(sizeof(Mark));

		mark->bucket = pace_bucket(job->platform, request);
		request->mark = mark;
	}
	return request->mark;
}

/* The request goes again after so many microseconds. */
static void
ask_after(Job *job, Request *request, int64 wait)
{
	mark_of(job, request)->until = GetCurrentTimestamp() + wait;
	job->waiting = lappend(job->waiting, request);
}

/* The request goes again after a while; false where it has been tried often enough. */
static bool
try_again(Job *job, Request *request)
{
	int64 wait;

	if (request->tries >= TRIES_IN_A_RUN || job->stopped)
		return false;
	wait = (int64) (USECS_PER_SEC / 2) << (2 * (request->tries - 1));
	ask_after(job, request, (int64) (wait * (0.5 + compat_random())));
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
		pace_pause(mark_of(job, request)->bucket, until, verdict->error, verdict->message);
	if (verdict->scope == BLOCK_APP)
		pace_pause(pace_app(job->platform), until, verdict->error, verdict->message);
	if (!frozen && verdict->error == ERROR_RATE_LIMITED &&
		until - now <= SHORT_WAIT_SECONDS * USECS_PER_SEC && request->tries < 2 * TRIES_IN_A_RUN &&
		!job->stopped)
	{
		ask_after(job, request, until - now);
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
				pace_pause(pace_app(job->platform), config_now() + USECS_PER_HOUR, ERROR_OPERATOR,
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

/*
 * The platform says that a limit is nearly used up: what this account still wants to ask waits, as if it had been
 * refused. An account that wants nothing more is only not asked again too early.
 */
static void
heed_account_limit(Job *job, const Request *asked, const LimitSeen *seen, bool of_step)
{
	bool wants_more = false;
	ListCell *cell;

	if (seen->pause_until <= config_now() || job->stopped)
		return;
	foreach (cell, job->plan->pending)
		wants_more = wants_more || !of_step || ((Request *) lfirst(cell))->step == asked->step;
	foreach (cell, job->waiting)
		wants_more = wants_more || !of_step || ((Request *) lfirst(cell))->step == asked->step;
	if (of_step && !wants_more)
		return;
	job->blocked_until = Max(job->blocked_until, seen->pause_until);
	if (wants_more)
		job_stop(job, ERROR_RATE_LIMITED, "the platform's limit for this account is nearly used up");
}

/* What the headers tell of limits. */
static void
heed_limits(Job *job, Request *request, const Answer *answer)
{
	LimitsSeen seen = {LIMIT_UNSEEN, LIMIT_UNSEEN, LIMIT_UNSEEN, LIMIT_UNSEEN};

	if (job->platform->limits == NULL)
		return;
	job->platform->limits(answer, &seen);
	pace_observe(pace_app(job->platform), &seen.app);
	pace_observe(mark_of(job, request)->bucket, &seen.bucket);
	heed_account_limit(job, request, &seen.account, false);
	heed_account_limit(job, request, &seen.step, true);
}

/* Judges the answer to a request of the plan. */
static void
take_answer(Job *job, Sent *sent, LedgerEntry *entry, const HttpAnswer *http)
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
	heed_limits(job, sent->request, &answer);
}

/* Hands the answer to whom it concerns. */
static void
deliver(Job *job, Sent *sent, LedgerEntry *entry, const HttpAnswer *http)
{
	PG_TRY();
	{
		if (sent->done != NULL)
			entry->error = sent->done(job, http, sent->arg);
		else
			take_answer(job, sent, entry, http);
	}
	PG_CATCH();
	{
		char *message = job_caught(job);

		entry->error = ERROR_BAD_RESPONSE;
		if (sent->request != NULL && !job->stopped)
		{
			plan_drop(job->plan, sent->request);
			job_note_error(job, ERROR_BAD_RESPONSE, message);
		}
		else
			job_stop(job, ERROR_BAD_RESPONSE, message);
	}
	PG_END_TRY();
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
	sending[job->platform_index]--;
	job->in_flight--;
	if (sent->bucket != NULL)
		pace_answered(sent->bucket, sent->cost);
	deliver(job, sent, entry, http);
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
	sending[job->platform_index]++;
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

static double
step_cost(const Request *request)
{
	return request->step->cost != 0 ? request->step->cost : 1;
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
	sent->bucket = mark_of(job, request)->bucket;
	sent->cost = step_cost(request);
	send_http(job, &http, sent);
	http_request_wipe(&http);
}

/*
 * Sends a request, or says in how many milliseconds it may go: 0 for one that is off or gone, LONG_MAX for one that waits
 * for a free connection.
 */
static long
try_send(Job *job, Request *request, TimestampTz now)
{
	Mark *mark = mark_of(job, request);
	Pace pace;
	Verdict verdict = {.scope = BLOCK_ACCOUNT};

	if (mark->until > now)
		return (long) ((mark->until - now) / 1000) + 1;
	/* One host that hangs shall not hold every connection; a few more than it may use wait in the engine. */
	if (transfers >= config_max_connections ||
		sending[job->platform_index] >= config_max_host_connections + config_max_host_connections / 4)
		return LONG_MAX;
	/* Pauses of the whole app first. */
	pace = pace_take(pace_app(job->platform), 0);
	if (pace.paused_until == 0)
		pace = pace_take(mark->bucket, step_cost(request));
	if (pace.paused_until != 0)
	{
		verdict.error = pace.why;
		verdict.wait_until = pace.paused_until;
		verdict.message = pace.reason != NULL ? pstrdup(pace.reason) : "the platform asked for a pause";
		obey_limit(job, request, &verdict);
		return 0;
	}
	if (pace.wait_ms == 0)
		send_step(job, request);
	return pace.wait_ms;
}

/* Sends what a job may send now; returns the milliseconds until it may send more, LONG_MAX where that is no matter of time. */
static long
send_ready(Job *job, TimestampTz now)
{
	List *ready = job->waiting;
	ListCell *cell;
	volatile long wait = LONG_MAX;

	job->waiting = NIL;
	PG_TRY();
	{
		foreach (cell, ready)
		{
			long later;

			if (job->stopped)
			{
				plan_drop(job->plan, lfirst(cell));
				continue;
			}
			later = try_send(job, lfirst(cell), now);
			if (later == 0)
				continue;
			wait = Min(wait, later);
			job->waiting = lappend(job->waiting, lfirst(cell));
		}
	}
	PG_CATCH();
	{
		char *message = job_caught(job);

		foreach (cell, ready)
			plan_drop(job->plan, lfirst(cell));
		job_stop(job, ERROR_BAD_RESPONSE, message);
	}
	PG_END_TRY();
	list_free(ready);
	return wait;
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
		MemoryContext old = MemoryContextSwitchTo(job->context);

		if (job->phase == JOB_ASKING && job->waiting != NIL && transfers < config_max_connections)
			wait = Min(wait, send_ready(job, now));
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

/*
 * Work is visible to the collector only when it has committed, so the wake waits for that. A collector that left in the
 * meantime is replaced; nothing here can fail, and nothing may.
 */
static void
wake_after_commit(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && wake_at_commit != 0)
	{
		if (BackendPidGetProc(wake_at_commit) != NULL)
			kill(wake_at_commit, SIGUSR2);
		else
			(void) collector_start(MyDatabaseId, false, InvalidTransactionId, NULL);
	}
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

/* Every platform is looked at again. */
static void
want_all(void)
{
	claim_wanted = true;
	memset(wanted, true, sizeof(wanted));
}

static void
store_done(void)
{
	List *jobs = done_jobs;
	ListCell *cell;

	done_jobs = NIL;
	if (!store_jobs(jobs, &next_due))
		lease_check = GetCurrentTimestamp() + LEASE_SECONDS * USECS_PER_SEC;
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		active_jobs--;
		active[job->platform_index]--;
		claim_wanted = claim_wanted || wanted[job->platform_index];
		MemoryContextDelete(job->context);
	}
	list_free(jobs);
	if (claim_after_store)
	{
		want_all();
		claim_after_store = active_jobs > 0;
	}
}

/*
 * Claims the accounts that there is room for; more than one connection's worth, so that slow ones do not idle it. Waits
 * until it is worth a transaction: half of what a platform may have at work has become free.
 */
static void
claim_more(void)
{
	int most = Max(2 * config_max_connections, STORE_BATCH);
	bool worth = active_jobs == 0;
	Look look;
	List *jobs;
	ListCell *cell;

	for (int i = 0; platforms[i] != NULL; i++)
		worth = worth || (wanted[i] && active[i] <= pace_room(platforms[i], most) / 2);
	claim_wanted = false;
	if (!worth)
		return;
	jobs = claim_due(collector_context, most, active, &look);
	claimed_at = jobs == NIL ? GetCurrentTimestamp() : 0;
	next_due = look.due;
	for (int i = 0; platforms[i] != NULL; i++)
		wanted[i] = look.room[i] == 0;
	foreach (cell, jobs)
		job_begin(lfirst(cell));
	list_free(jobs);
	revoke_send();
}

/* Leases of jobs that take long are kept from running out. */
static void
keep_leases(void)
{
	static TimestampTz kept_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	List *jobs = NIL;
	dlist_iter iter;

	if (kept_at != 0 && now - kept_at < LEASE_SECONDS / 3 * USECS_PER_SEC)
		return;
	kept_at = now;
	dlist_foreach(iter, &asking) jobs = lappend(jobs, dlist_container(Job, node, iter.cur));
	if (jobs != NIL)
		claim_renew(jobs);
	list_free(jobs);
}

/*
 * Milliseconds until an account is due; LONG_MAX where the calendar stands still or there is none. What is due and could
 * not be claimed, because someone else holds its row, is looked for again after a second.
 */
static long
until_due(void)
{
	TimestampTz now = config_now(), clock = GetCurrentTimestamp();
	long wait = LONG_MAX;

	if (next_due != TIME_UNKNOWN && next_due <= now)
		wait = claimed_at != 0 ? Max(0, CLAIM_AGAIN_MS - (long) ((clock - claimed_at) / 1000)) : 0;
	else if (next_due != TIME_UNKNOWN && config_test_now[0] == '\0')
		wait = (long) Min((next_due - now) / 1000 + 1, INT_MAX);
	if (lease_check != 0)
		wait = Min(wait, Max(0, (long) ((lease_check - clock) / 1000)));
	return wait;
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
	char *before = pstrdup(config_collect_at);

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	options = http_options();
	http_engine_configure(engine, &options);
	if (strcmp(before, config_collect_at) != 0)
		schedule_all();
	pfree(before);
	want_all();
}

/* Is a collector of this database still wanted? A standing one leaves with its database's place in the list. */
static bool
is_served(bool standing)
{
	char *copy;
	List *names = NIL;
	ListCell *cell;
	bool listed = false;

	if (!config_enabled)
		return false;
	if (!standing)
		return true;
	copy = pstrdup(config_databases);
	if (SplitGUCList(copy, ',', &names))
	{
		foreach (cell, names)
			listed = listed || strcmp(lfirst(cell), database_name) == 0;
	}
	list_free(names);
	pfree(copy);
	return listed;
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
	{
		pace_load();
		database_name = MemoryContextStrdup(TopMemoryContext, get_database_name(MyDatabaseId));
	}
	else
		wake_at_commit = collector_pid();
	transaction_commit();
	if (wake_at_commit != 0)
		kill(wake_at_commit, SIGUSR2);
	return mine;
}

/*
 * Gives the collector's lock back. Whoever wanted to wake us before that is heard: then the lock is taken again, or the
 * one who has it is left to do the work. True where this process is to end.
 */
static bool
leave(void)
{
	bool ends;

	StartTransactionCommand();
	(void) DirectFunctionCall2(pg_advisory_unlock_int4, Int32GetDatum(COLLECTOR_LOCK_CLASS),
							   Int32GetDatum(COLLECTOR_LOCK_OBJECT));
	ends = !woken ||
		   !DatumGetBool(DirectFunctionCall2(pg_try_advisory_lock_int4, Int32GetDatum(COLLECTOR_LOCK_CLASS),
											 Int32GetDatum(COLLECTOR_LOCK_OBJECT)));
	CommitTransactionCommand();
	MemoryContextSwitchTo(collector_context);
	return ends;
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
	if (config_collect_at[0] != '\0')
		schedule_all();
	want_all();
	options = http_options();
	engine = http_engine_create(
		AllocSetContextCreate(collector_context, "dreamsuite http", ALLOCSET_DEFAULT_SIZES), &options);
	ereport(LOG, (errmsg("dreamsuite collector started")));

	for (;;)
	{
		long wait;
		bool served;

		keep_flush();
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
			reload();
		served = is_served(args.standing);
		if (woken)
		{
			/* What is due may be under lease until a job of ours is stored. */
			woken = false;
			want_all();
			claim_after_store = active_jobs > 0;
		}
		if (until_due() == 0)
		{
			lease_check = 0;
			want_all();
		}
		if (claim_wanted && served)
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

			/* Between two runs: this is where it may leave. */
			if (!served)
				break;
			if (pruned_at == 0 || now - pruned_at > PRUNE_EVERY_MS * INT64CONST(1000))
			{
				if (!ledger_prune())
					pruned_at = now;
				continue;
			}
			if (idle_since == 0)
				idle_since = now;
			if (!args.standing && next_due == TIME_UNKNOWN && lease_check == 0 && !revoke_busy())
			{
				long left = IDLE_EXIT_MS - (long) ((now - idle_since) / 1000);

				if (left <= 0 && leave())
					break;
				wait = Min(wait, Max(left, 0));
			}
			wait = Min(wait, until_due());
		}
		else
		{
			idle_since = 0;
			keep_leases();
		}
		MemoryContextSwitchTo(collector_context);
		http_engine_run(engine, wait == LONG_MAX ? -1 : wait);
	}
	ereport(LOG, (errmsg("dreamsuite collector ends: %s",
						 config_enabled ? "nothing is due" : "dreamsuite.enabled is off")));
	proc_exit(0);
}
