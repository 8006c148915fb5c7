/*
 * exchange.c
 *    What jobs ask is sent when its pace allows, and what comes back is judged (DESIGN section 7, error classes and what
 *    follows).
 *
 * Nothing here waits and nothing touches the database. Whatever a platform does ends in one job.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/authorise.h"
#include "collect/collector.h"
#include "collect/exchange.h"
#include "collect/keep.h"
#include "collect/pace.h"
#include "collect/retry.h"
#include "collect/work.h"
#include "config.h"

#define TRIES_IN_A_RUN     3  /* of one request, network trouble and the like */
#define SHORT_WAIT_SECONDS 30 /* a pause that the run sits out */

/* So many wait in the engine or are under way: a connection that is free finds work while answers are read and stored. */
#define SENT_AHEAD(connections) (5 * (connections))

static HttpEngine *engine;
static int transfers = 0;          /* under way */
static int sending[MAX_PLATFORMS]; /* the same by platform */

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

void
exchange_start(HttpEngine *started)
{
	engine = started;
}

/* ---- Answers ---- */

static const char *
engine_header(const Answer *answer, const char *name)
{
	return http_answer_header(answer->header_arg, name);
}

/* What the transfer and the body say, as the platform's classify() wants it. */
static Answer
answer_from_http(Job *job, const Request *request, const HttpAnswer *http)
{
	MemoryContext old;
	Jsonb *parsed;
	Answer answer = {.request = request,
					 .status = http->status,
					 .text = http->body,
					 .header = engine_header,
					 .header_arg = (void *) http,
					 .at = config_now()};

	if (job->bodies == NULL)
		job->bodies = AllocSetContextCreate(job->context, "dreamsuite bodies", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(job->bodies);
	parsed = http->length > 0 ? json_parse(http->body, http->length, NULL) : NULL;
	MemoryContextSwitchTo(old);
	answer.body = parsed != NULL ? &parsed->root : NULL;
	return answer;
}

static LedgerEntry *
ledger_add(Job *job, const Sent *sent, const HttpAnswer *http)
{
	LedgerEntry *entry = palloc0(sizeof(LedgerEntry));
	double quota_cost = sent->request != NULL ? step_quota_cost(job->platform, sent->request->step) : 0;

	entry->endpoint = sent->endpoint;
	entry->at = sent->at;
	entry->http_status = http->status;
	entry->error = http->error;
	entry->ms = http->total_ms;
	entry->bytes = http->bytes;
	entry->quota_cost = quota_cost;
	job->ledger = lappend(job->ledger, entry);
	job->bytes += http->bytes;
	job->quota_cost += quota_cost;
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
		verdict->wait_until > now ? verdict->wait_until : now + retry_default_wait(request->tries);
	bool frozen = config_test_now[0] != '\0';

	if (verdict->scope == BLOCK_BUCKET)
		pace_pause(pace_widest(job->platform, mark_of(job, request)->bucket), until, verdict->error,
				   verdict->message);
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
	plan_drop(job->plan, request);
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

/* The request failed for now: the next try of the day goes on from here. The last one does as the platform can. */
static void
leave(Job *job, Request *request, const Verdict *verdict)
{
	int left = list_length(job->plan->left);

	if (job->attempts >= MAX_TRIES_A_DAY)
	{
		give_up(job, request, verdict);
		return;
	}
	plan_leave(job->plan, request, verdict);
	if (list_length(job->plan->left) > left)
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
			last.message = psprintf(job->client.id != NULL
										? "the platform refused the app's own token: %s"
										: "no app is registered: see register_app(); the platform said: %s",
									verdict->message);
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
			leave(job, request, verdict);
			break;
		case ERROR_BAD_RESPONSE:
			/* A body that is no JSON at all is the network's or a proxy's doing as often as the platform's. */
			if (answer->body == NULL && try_again(job, request))
				break;
			job->garbled = job->garbled || answer->body == NULL;
			if (answer->body == NULL)
				leave(job, request, verdict);
			else
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
			plan_drop(job->plan, request);
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
	Answer answer = answer_from_http(job, sent->request, http);
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
	if (verdict.error != ERROR_AUTH_EXPIRED && verdict.error != ERROR_AUTH_REVOKED)
		authorise_not_refused(job, sent->request);
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
			authorise_not_refused(job, sent->request);
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
	sent->cost = step_cost(request->step);
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
	/* One host that hangs shall not hold every connection. */
	if (transfers >= SENT_AHEAD(config_max_connections) ||
		sending[job->platform_index] >= SENT_AHEAD(config_max_host_connections))
		return LONG_MAX;
	/* Pauses of the whole app first. */
	pace = pace_take(pace_app(job->platform), 0);
	if (pace.paused_until == 0)
		pace = pace_take(mark->bucket, step_cost(request->step));
	if (pace.paused_until != 0)
	{
		verdict.error = pace.why;
		verdict.wait_until = pace.paused_until;
		verdict.message = pace.reason != NULL ? pstrdup(pace.reason) : "the platform asked for a pause";
		job->held_back = true;
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

long
exchange_send(void)
{
	long wait = LONG_MAX;
	TimestampTz now = GetCurrentTimestamp();
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &work.asking)
	{
		Job *job = dlist_container(Job, node, iter.cur);
		MemoryContext old = MemoryContextSwitchTo(job->context);

		if (job->phase == JOB_ASKING && job->waiting != NIL && transfers < SENT_AHEAD(config_max_connections))
			wait = Min(wait, send_ready(job, now));
		MemoryContextSwitchTo(old);
		if (job->in_flight == 0)
			job_progress(job);
	}
	http_engine_flush(engine);
	/* What is to be committed is, before anything is waited for. */
	return keep_waits() ? 0 : wait;
}
