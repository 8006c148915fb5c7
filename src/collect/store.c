/*
 * store.c
 *    Finished jobs become rows, in one transaction for a batch.
 *
 * Every statement works on all rows of the batch at once (unnest() of several arrays cannot be qualified; the
 * collector's search_path is pinned). Nothing is written for a job whose lease is lost: another
 * collector may have taken the account over.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/columns.h"
#include "collect/cycle.h"
#include "collect/pace.h"
#include "collect/retry.h"
#include "collect/store.h"
#include "collect/transaction.h"
#include "config.h"
#include "series/goals.h"
#include "series/repair.h"

#define HISTORY_AGE_DAYS 30
#define QUARANTINE_DAYS  7

/* A kept statement over the columns of a set of rows. */
static void
execute_columns(SPIPlanPtr *slot, const char *sql, Columns *columns, int expected)
{
	Datum values[MAX_COLUMNS];
	Oid types[MAX_COLUMNS];

	if (columns->rows == 0)
		return;
	columns_values(columns, values, types);
	transaction_execute(transaction_plan(slot, sql, columns->count, types), values, NULL, expected);
}

/* ---- Leases ---- */

/* The jobs whose lease is still ours; their account_state rows are locked till the end of the transaction. */
static List *
jobs_with_lease(List *jobs)
{
	static SPIPlanPtr plan;
	static const Oid types[] = {UUIDOID, TEXTOID, UUIDOID, INT4OID};
	Columns *columns = columns_create(lengthof(types), types);
	List *kept = NIL;
	ListCell *cell;
	int i = 0;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		columns_row(columns);
		column_uuid(columns, &job->user_id);
		column_text(columns, job->platform->name);
		column_uuid(columns, &job->lease_token);
		column_int(columns, i++);
	}
	execute_columns(&plan,
					"SELECT j.at FROM unnest($1, $2, $3, $4) AS j(user_id, platform, lease_token, at)"
					" JOIN dreamsuite.account_state s ON s.user_id = j.user_id AND s.platform = j.platform"
					"  AND s.lease_token = j.lease_token"
					" ORDER BY s.user_id, s.platform FOR UPDATE OF s",
					columns, SPI_OK_SELECT);
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		bool null;
		int at = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &null));

		kept = lappend(kept, list_nth(jobs, at));
	}
	return kept;
}

/* ---- Days ---- */

static void
store_days(List *jobs)
{
	static SPIPlanPtr plan;
	static const Oid types[] = {UUIDOID, TEXTOID, DATEOID, INT8OID, INT4OID, INT8OID, INT8OID, JSONBOID};
	Columns *columns = columns_create(lengthof(types), types);
	NewRow *rows = palloc0(sizeof(NewRow) * Max(list_length(jobs), 1));
	TouchedDays *touched;
	int in_time = 0;
	ListCell *cell;
	int n = 0;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		if (job->result == NULL)
			continue;
		rows[n].user_id = UUIDPGetDatum(&job->user_id);
		rows[n].platform = job->platform;
		rows[n].date = job->date;
		rows[n].follower_count = job->result->follower_count;
		rows[n].metrics = job->metrics;
		n++;
	}
	if (n == 0)
		return;
	changes_fill(rows, n);
	n = 0;
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		NewRow *row = &rows[n];

		if (job->result == NULL)
			continue;
		if (row->overflow != NULL)
			job_note_error(job, ERROR_BAD_RESPONSE, row->overflow);
		if (job->result->content_count > PG_INT32_MAX)
		{
			job_note_error(job, ERROR_BAD_RESPONSE,
						   psprintf("content_count " INT64_FORMAT " is larger than an integer",
									job->result->content_count));
			job->result->content_count = COUNT_UNKNOWN;
		}
		columns_row(columns);
		column_uuid(columns, &job->user_id);
		column_text(columns, job->platform->name);
		column_date(columns, job->date);
		column_count(columns, job->result->follower_count);
		column_datum(columns, Int32GetDatum(row->follower_change_24h), !row->follower_change_known);
		column_count(columns, job->result->engagement_total);
		column_count(columns, job->result->content_count);
		column_jsonb(columns, row->metrics);
		n++;
	}
	/* What is known already is never overwritten by an unknown. */
	execute_columns(
		&plan,
		"INSERT INTO dreamsuite.daily_metrics AS d (user_id, platform, date, follower_count, follower_change_24h,"
		"  engagement_total, content_count, metrics, collected_at)"
		" SELECT j.user_id, j.platform, j.date, j.follower_count, j.follower_change_24h, j.engagement_total,"
		"  j.content_count::integer, j.metrics, pg_catalog.clock_timestamp()"
		" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS j(user_id, platform, date, follower_count,"
		"  follower_change_24h, engagement_total, content_count, metrics)"
		" ON CONFLICT (user_id, platform, date) DO UPDATE SET"
		"  follower_count = COALESCE(excluded.follower_count, d.follower_count),"
		"  follower_change_24h = COALESCE(excluded.follower_change_24h, d.follower_change_24h),"
		"  engagement_total = COALESCE(excluded.engagement_total, d.engagement_total),"
		"  content_count = COALESCE(excluded.content_count, d.content_count),"
		"  metrics = dreamsuite.merge_known(d.metrics, excluded.metrics),"
		"  collected_at = excluded.collected_at",
		columns, SPI_OK_INSERT);
	touched = palloc(sizeof(TouchedDays) * n);
	for (int i = 0; i < n; i++)
	{
		if (rows[i].late)
			series_repair(rows[i].user_id, rows[i].platform->name, rows[i].date, rows[i].date);
		else
			touched[in_time++] =
				(TouchedDays){rows[i].user_id, rows[i].platform->name, rows[i].date, rows[i].date};
	}
	goals_note(touched, in_time);
}

/* The same, with the repair of dependent days in our own hands. */
static void
store_days_held(List *jobs)
{
	repair_hold();
	PG_TRY();
	{
		store_days(jobs);
	}
	PG_FINALLY();
	{
		repair_release();
	}
	PG_END_TRY();
}

/* ---- Content ---- */

/* A text[] literal of names, so that lists of different lengths fit one column. */
static char *
array_literal(List *texts)
{
	StringInfoData literal;
	ListCell *cell;

	initStringInfo(&literal);
	appendStringInfoChar(&literal, '{');
	foreach (cell, texts)
	{
		if (literal.len > 1)
			appendStringInfoChar(&literal, ',');
		appendStringInfoChar(&literal, '"');
		for (const char *s = lfirst(cell); *s != '\0'; s++)
		{
			if (*s == '"' || *s == '\\')
				appendStringInfoChar(&literal, '\\');
			appendStringInfoChar(&literal, *s);
		}
		appendStringInfoChar(&literal, '"');
	}
	appendStringInfoChar(&literal, '}');
	return literal.data;
}

static void
store_content(List *jobs)
{
	static SPIPlanPtr items_plan, history_plan;
	static const Oid item_types[] = {UUIDOID, TEXTOID, TEXTOID, TEXTOID,        TIMESTAMPTZOID, TEXTOID,
									 TEXTOID, TEXTOID, INT8OID, INT8OID,        INT8OID,        INT8OID,
									 INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, JSONBOID};
	static const Oid history_types[] = {UUIDOID, TEXTOID, TEXTOID, DATEOID,
										INT8OID, INT8OID, INT8OID, INT8OID};
	Columns *items = columns_create(lengthof(item_types), item_types);
	Columns *history = columns_create(lengthof(history_types), history_types);
	ListCell *cell;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		Contents *content = job->result != NULL ? job->result->content : NULL;

		for (int i = 0; content != NULL && i < content->count; i++)
		{
			const ContentItem *item = content->items[i];

			if (!item->listed)
				continue;
			columns_row(items);
			column_uuid(items, &job->user_id);
			column_text(items, job->platform->name);
			column_text(items, item->content_id);
			column_text(items, item->kind);
			column_time(items, item->published_at);
			column_text(items, item->title);
			column_text(items, item->url);
			column_text(items, item->collaborators_known ? array_literal(item->collaborators) : NULL);
			column_count(items, item->likes);
			column_count(items, item->comments);
			column_count(items, item->shares);
			column_count(items, item->views);
			column_count(items, item->reach);
			column_count(items, item->saves);
			column_count(items, item->watch_time_minutes);
			column_time(items, job->account.observed_at);
			column_jsonb(items, item->extra);

			if (item->published_at == TIME_UNKNOWN ||
				item->published_at < job->account.observed_at - HISTORY_AGE_DAYS * USECS_PER_DAY ||
				(item->likes == COUNT_UNKNOWN && item->comments == COUNT_UNKNOWN &&
				 item->shares == COUNT_UNKNOWN && item->views == COUNT_UNKNOWN))
				continue;
			columns_row(history);
			column_uuid(history, &job->user_id);
			column_text(history, job->platform->name);
			column_text(history, item->content_id);
			column_date(history, job->date);
			column_count(history, item->likes);
			column_count(history, item->comments);
			column_count(history, item->shares);
			column_count(history, item->views);
		}
	}
	execute_columns(
		&items_plan,
		"INSERT INTO dreamsuite.content_items AS c (user_id, platform, content_id, kind, published_at, title, url,"
		"  collaborators, likes, comments, shares, views, reach, saves, watch_time_minutes, first_seen, last_seen, extra)"
		" SELECT j.user_id, j.platform, j.content_id, j.kind, j.published_at, j.title, j.url, j.collaborators::text[],"
		"  j.likes, j.comments, j.shares, j.views, j.reach, j.saves, j.watch_time_minutes, j.seen, j.seen,"
		"  COALESCE(j.extra, '{}')"
		" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
		"  AS j(user_id, platform, content_id, kind, published_at, title, url, collaborators, likes, comments, shares,"
		"  views, reach, saves, watch_time_minutes, seen, extra)"
		" ON CONFLICT (user_id, platform, content_id) DO UPDATE SET"
		"  kind = excluded.kind, published_at = COALESCE(excluded.published_at, c.published_at),"
		"  title = COALESCE(excluded.title, c.title), url = COALESCE(excluded.url, c.url),"
		"  collaborators = COALESCE(excluded.collaborators, c.collaborators),"
		"  likes = COALESCE(excluded.likes, c.likes), comments = COALESCE(excluded.comments, c.comments),"
		"  shares = COALESCE(excluded.shares, c.shares), views = COALESCE(excluded.views, c.views),"
		"  reach = COALESCE(excluded.reach, c.reach), saves = COALESCE(excluded.saves, c.saves),"
		"  watch_time_minutes = COALESCE(excluded.watch_time_minutes, c.watch_time_minutes),"
		"  last_seen = GREATEST(excluded.last_seen, c.last_seen), extra = c.extra || excluded.extra",
		items, SPI_OK_INSERT);
	execute_columns(
		&history_plan,
		"INSERT INTO dreamsuite.content_history AS h (user_id, platform, content_id, date, likes, comments, shares, views)"
		" SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)"
		" ON CONFLICT (user_id, platform, content_id, date) DO UPDATE SET"
		"  likes = COALESCE(excluded.likes, h.likes), comments = COALESCE(excluded.comments, h.comments),"
		"  shares = COALESCE(excluded.shares, h.shares), views = COALESCE(excluded.views, h.views)"
		" WHERE (h.likes, h.comments, h.shares, h.views)"
		"  IS DISTINCT FROM (excluded.likes, excluded.comments, excluded.shares, excluded.views)",
		history, SPI_OK_INSERT);
}

/* ---- Ledger and state ---- */

/* What the run says of itself: the first error, what is missing, what met max_pages. */
static char *
run_text(const Job *job)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	if (job->error_text != NULL)
		appendStringInfoString(&text, job->error_text);
	if (job->plan != NULL)
	{
		foreach (cell, job->plan->missing)
			appendStringInfo(&text, "%smissing %s", text.len == 0 ? "" : "; ", (char *) lfirst(cell));
		foreach (cell, job->plan->bounded)
			appendStringInfo(&text, "%s%s: bounded by dreamsuite.max_pages", text.len == 0 ? "" : "; ",
							 (char *) lfirst(cell));
	}
	return text.len == 0 ? NULL : text.data;
}

/* A pause met the account before its first request: it waits on, and there was no run. */
static bool
not_begun(const Job *job)
{
	return job->held_back && job->ledger == NIL;
}

static void
store_ledger(List *jobs, const Ending *endings)
{
	static SPIPlanPtr runs_plan, requests_plan, quarantine_plan;
	static const Oid run_types[] = {INT8OID, UUIDOID, TEXTOID,   DATEOID, TIMESTAMPTZOID, TEXTOID,
									INT4OID, INT8OID, FLOAT8OID, TEXTOID, TEXTOID,        TEXTOID};
	static const Oid request_types[] = {INT8OID, UUIDOID, TEXTOID,   TEXTOID, TIMESTAMPTZOID,
										INT4OID, TEXTOID, FLOAT8OID, INT8OID, FLOAT8OID};
	static const Oid quarantine_types[] = {UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Columns *runs = columns_create(lengthof(run_types), run_types);
	Columns *requests = columns_create(lengthof(request_types), request_types);
	Columns *quarantine = columns_create(lengthof(quarantine_types), quarantine_types);
	ListCell *cell, *other;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		List *refused = job->plan != NULL ? job->plan->refused : NIL;

		if (not_begun(job))
			continue;
		columns_row(runs);
		column_count(runs, job->run_id);
		column_uuid(runs, &job->user_id);
		column_text(runs, job->platform->name);
		column_date(runs, job->date);
		column_time(runs, job->started_at);
		column_text(runs, outcome_name(endings[foreach_current_index(cell)].outcome));
		column_int(runs, list_length(job->ledger));
		column_count(runs, job->bytes);
		column_float(runs, job->quota_cost);
		column_text(runs, job->error != ERROR_NONE ? error_class_name(job->error) : NULL);
		column_text(runs, run_text(job));
		column_text(runs, refused != NIL ? array_literal(refused) : NULL);

		foreach (other, job->ledger)
		{
			const LedgerEntry *entry = lfirst(other);

			columns_row(requests);
			column_count(requests, job->run_id);
			column_uuid(requests, &job->user_id);
			column_text(requests, job->platform->name);
			column_text(requests, entry->endpoint);
			column_time(requests, entry->at);
			column_datum(requests, Int32GetDatum(entry->http_status), entry->http_status == 0);
			column_text(requests, error_class_name(entry->error));
			column_float(requests, entry->ms);
			column_count(requests, entry->bytes);
			column_float(requests, entry->quota_cost);
		}
		foreach (other, refused)
		{
			columns_row(quarantine);
			column_uuid(quarantine, &job->user_id);
			column_text(quarantine, job->platform->name);
			column_text(quarantine, lfirst(other));
			column_time(quarantine, job->account.observed_at);
			column_time(quarantine, job->account.observed_at + QUARANTINE_DAYS * USECS_PER_DAY);
		}
	}
	execute_columns(
		&runs_plan,
		"INSERT INTO dreamsuite.collection_runs (run_id, user_id, platform, date, started_at, finished_at,"
		"  outcome, requests, bytes, quota_cost, error_class, error, quarantined)"
		" SELECT j.run_id, j.user_id, j.platform, j.date, j.started_at, pg_catalog.clock_timestamp(),"
		"  j.outcome, j.requests, j.bytes, j.quota_cost::numeric, j.error_class, j.error,"
		"  j.quarantined::text[]"
		" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
		"  AS j(run_id, user_id, platform, date, started_at, outcome, requests, bytes, quota_cost,"
		"  error_class, error, quarantined)",
		runs, SPI_OK_INSERT);
	execute_columns(
		&requests_plan,
		"INSERT INTO dreamsuite.request_log (run_id, user_id, platform, endpoint, at, http_status,"
		"  error_class, ms, bytes, quota_cost)"
		" SELECT j.run_id, j.user_id, j.platform, j.endpoint, j.at, j.http_status, j.error_class,"
		"  pg_catalog.round(j.ms::numeric, 2), j.bytes, j.quota_cost::numeric"
		" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS j(run_id, user_id, platform,"
		"  endpoint, at, http_status, error_class, ms, bytes, quota_cost)",
		requests, SPI_OK_INSERT);
	execute_columns(
		&quarantine_plan,
		"INSERT INTO dreamsuite.metric_quarantine AS q (user_id, platform, metric, since, until, reason)"
		" SELECT DISTINCT j.user_id, j.platform, j.metric, j.since, j.until, 'refused by the platform'"
		" FROM unnest($1, $2, $3, $4, $5) AS j(user_id, platform, metric, since, until)"
		" ON CONFLICT (user_id, platform, metric) DO UPDATE SET until = excluded.until",
		quarantine, SPI_OK_INSERT);
}

static void
store_accounts(List *jobs, const Ending *endings)
{
	static SPIPlanPtr state_plan, accounts_plan;
	static const Oid state_types[] = {UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID,
									  DATEOID, BOOLOID, TEXTOID,        TEXTOID,        TEXTOID};
	static const Oid account_types[] = {UUIDOID, TEXTOID, TEXTOID, TEXTOID,
										TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	Columns *states = columns_create(lengthof(state_types), state_types);
	Columns *accounts = columns_create(lengthof(account_types), account_types);
	ListCell *cell;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		const Ending *ending = &endings[foreach_current_index(cell)];
		const char *external_id = job->result != NULL ? job->result->external_id : NULL;
		const char *handle = job->result != NULL ? job->result->handle : NULL;

		columns_row(states);
		column_uuid(states, &job->user_id);
		column_text(states, job->platform->name);
		column_time(states, ending->next_due_at);
		column_time(states, ending->blocked_until);
		column_int(states, ending->attempts);
		column_datum(states, DateADTGetDatum(job->date), !ending->done);
		column_datum(states, BoolGetDatum(not_begun(job)), false);
		column_text(states, outcome_name(ending->outcome));
		column_text(states, job->error != ERROR_NONE ? error_class_name(job->error) : NULL);
		column_text(states, run_text(job));

		/* Seldom does a day tell anything new of who it is. */
		if (job->new_status == NULL && (external_id == NULL || job->identified) &&
			(handle == NULL || (job->handle != NULL && strcmp(handle, job->handle) == 0)))
			continue;
		columns_row(accounts);
		column_uuid(accounts, &job->user_id);
		column_text(accounts, job->platform->name);
		column_text(accounts, external_id);
		column_text(accounts, handle);
		column_text(accounts, job->new_status);
		column_text(accounts, job->new_status_reason);
		column_text(accounts, job->status);
		column_time(accounts, job->started_at);
	}
	/*
	 * A run that was asked for (a code that came is one) while the job was under way keeps the account due. One that a
	 * pause met before it began is as due as it was.
	 */
	execute_columns(
		&state_plan,
		"UPDATE dreamsuite.account_state AS s SET lease_token = NULL, lease_until = NULL,"
		"  next_due_at = CASE WHEN j.not_begun OR s.requested_at > s.last_started_at"
		"   THEN s.next_due_at ELSE j.next_due_at END,"
		"  blocked_until = CASE WHEN j.not_begun THEN s.blocked_until ELSE j.blocked_until END,"
		"  attempts = j.attempts, done_on = COALESCE(j.done_on, s.done_on),"
		"  last_finished_at = CASE WHEN j.not_begun THEN s.last_finished_at ELSE pg_catalog.clock_timestamp() END,"
		"  last_outcome = CASE WHEN j.not_begun THEN s.last_outcome ELSE j.outcome END,"
		"  last_error_class = CASE WHEN j.not_begun THEN s.last_error_class ELSE j.error_class END,"
		"  last_error = CASE WHEN j.not_begun THEN s.last_error ELSE j.error END"
		" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS j(user_id, platform, next_due_at,"
		"  blocked_until, attempts, done_on, not_begun, outcome, error_class, error)"
		" WHERE s.user_id = j.user_id AND s.platform = j.platform",
		states, SPI_OK_UPDATE);
	/*
	 * Who paused the account meanwhile, or connected it anew, is obeyed: what a run with the old token says of it counts no
	 * more. An identity that is known stays what it is.
	 */
	execute_columns(
		&accounts_plan,
		"UPDATE dreamsuite.accounts AS a SET external_id = COALESCE(a.external_id, j.external_id),"
		"  handle = COALESCE(j.handle, a.handle),"
		"  status = CASE WHEN a.status = j.was AND a.connected_at < j.started THEN COALESCE(j.status, a.status) ELSE a.status END,"
		"  status_reason = CASE WHEN a.status = j.was AND a.connected_at < j.started AND j.status IS NOT NULL THEN j.reason"
		"   ELSE a.status_reason END"
		" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS j(user_id, platform, external_id, handle,"
		"  status, reason, was, started)"
		" WHERE a.user_id = j.user_id AND a.platform = j.platform"
		"  AND ((a.external_id IS NULL AND j.external_id IS NOT NULL)"
		"   OR a.handle IS DISTINCT FROM COALESCE(j.handle, a.handle) OR j.status IS NOT NULL)",
		accounts, SPI_OK_UPDATE);
}

/* ---- A batch ---- */

/* Stores the jobs in one transaction. Raises where something cannot be stored. */
static void
store_batch(List *jobs, TimestampTz *next_due)
{
	Ending *endings;
	ListCell *cell;
	int done = 0, failed = 0;

	if (!transaction_begin("dreamsuite: storing"))
		return;
	jobs = jobs_with_lease(jobs);
	store_days_held(jobs);
	store_content(jobs);

	endings = palloc(sizeof(Ending) * Max(list_length(jobs), 1));
	foreach (cell, jobs)
		endings[foreach_current_index(cell)] = retry_ending(lfirst(cell));
	store_ledger(jobs, endings);
	store_accounts(jobs, endings);
	pace_store();
	for (int i = 0; i < list_length(jobs); i++)
	{
		TimestampTz due = endings[i].next_due_at;

		done += not_begun(list_nth(jobs, i)) ? 0 : 1;
		failed += !not_begun(list_nth(jobs, i)) && endings[i].outcome == OUTCOME_FAILED ? 1 : 0;
		if (due != TIME_UNKNOWN && (*next_due == TIME_UNKNOWN || due < *next_due))
			*next_due = due;
	}
	cycle_add(done, failed);
	transaction_commit();
}

/* The same, but an error is caught and rolled back; NULL where there was none. */
static ErrorData *
try_store(List *jobs, TimestampTz *next_due)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData *volatile failure = NULL;

	PG_TRY();
	{
		store_batch(jobs, next_due);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		failure = CopyErrorData();
		FlushErrorState();
		transaction_abort();
		MemoryContextSwitchTo(caller);
		/* Cancel and termination end the collector as they should. */
		if (failure->sqlerrcode == ERRCODE_QUERY_CANCELED || failure->elevel >= FATAL)
			ReThrowError(failure);
	}
	PG_END_TRY();
	return failure;
}

/*
 * What becomes of a run whose rows the database refused. Where it lacks room or the like, people must act and the account
 * comes again in an hour; a conflict with someone else passes; anything else is the fault of these rows.
 */
static ErrorClass
class_of_failure(const ErrorData *failure)
{
	switch (ERRCODE_TO_CATEGORY(failure->sqlerrcode))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'): /* system error */
			return ERROR_OPERATOR;
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_OPERATOR_INTERVENTION:
			return ERROR_SERVER;
	}
	return ERROR_BAD_RESPONSE;
}

bool
store_jobs(List *jobs, TimestampTz *next_due)
{
	bool recorded = true;
	ListCell *cell;

	if (try_store(jobs, next_due) == NULL)
		return true;
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		ErrorData *failure = try_store(list_make1(job), next_due);

		if (failure == NULL)
			continue;
		ereport(WARNING, (errcode(failure->sqlerrcode),
						  errmsg("could not store platform \"%s\" of user \"%s\": %s", job->platform->name,
								 DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&job->user_id))),
								 failure->message)));
		/* The run itself is recorded, without the row that could not be. */
		job->result = NULL;
		job->error = ERROR_NONE;
		job->error_text = NULL;
		job_note_error(job, class_of_failure(failure), psprintf("could not be stored: %s", failure->message));
		if (try_store(list_make1(job), next_due) != NULL)
		{
			recorded = false;
			ereport(WARNING, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("could not record the failure either"),
							  errdetail("The account is collected again when its lease has run out.")));
		}
	}
	return recorded;
}

bool
ledger_prune(void)
{
	int64 removed = 0;

	if (!transaction_begin("dreamsuite: pruning the ledger"))
		return false;
	for (int i = 0; i < 2; i++)
	{
		static const char *const statements[] = {
			"DELETE FROM dreamsuite.request_log WHERE (user_id, request_id) IN (SELECT user_id, request_id"
			" FROM dreamsuite.request_log WHERE at < $1 ORDER BY at LIMIT 5000)",
			"DELETE FROM dreamsuite.collection_runs WHERE (user_id, run_id) IN (SELECT user_id, run_id"
			" FROM dreamsuite.collection_runs WHERE started_at < $1 ORDER BY started_at LIMIT 5000)"};
		static SPIPlanPtr plans[2];
		Oid types[] = {TIMESTAMPTZOID};
		Datum values[] = {TimestampTzGetDatum(GetCurrentTimestamp() - config_run_retention * USECS_PER_DAY)};

		transaction_execute(transaction_plan(&plans[i], statements[i], 1, types), values, NULL,
							SPI_OK_DELETE);
		removed = Max(removed, (int64) SPI_processed);
	}
	transaction_commit();
	return removed == 5000;
}
