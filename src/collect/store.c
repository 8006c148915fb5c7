/*
 * store.c
 *    Finished jobs become rows, in one transaction for a batch.
 *
 * Every statement works on all rows of the batch at once. Nothing is written for a job whose lease is lost: another
 * collector may have taken the account over. And nobody's open transaction stops the others: what it holds is stored
 * later (aside.c).
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/columns.h"
#include "collect/cycle.h"
#include "collect/ledger.h"
#include "collect/pace.h"
#include "collect/retry.h"
#include "collect/rows.h"
#include "collect/store.h"
#include "collect/transaction.h"

#define IMPATIENCE_MS 20
#define MOST_LOCKED   25 /* of a batch that are waited for one by one: the rest comes later */

/* ---- Leases ---- */

static Columns *
lease_columns(List *jobs)
{
	static const Oid types[] = {UUIDOID, TEXTOID, UUIDOID, INT4OID};
	Columns *columns = columns_create(lengthof(types), types);
	ListCell *cell;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		columns_row(columns);
		column_uuid(columns, &job->user_id);
		column_text(columns, job->platform->name);
		column_uuid(columns, &job->lease_token);
		column_int(columns, foreach_current_index(cell));
	}
	return columns;
}

/* The jobs that the last statement named by their places in the list. */
static List *
jobs_named(List *jobs)
{
	List *named = NIL;

	for (int row = 0; row < (int) SPI_processed; row++)
	{
		bool null;
		Datum at = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &null);

		named = lappend(named, list_nth(jobs, DatumGetInt32(at)));
	}
	return named;
}

#define LEASES_SQL                                                                                           \
	"SELECT j.at FROM batch AS j(user_id, platform, lease_token, at)"                                        \
	" JOIN dreamsuite.account_state s ON s.user_id = j.user_id AND s.platform = j.platform"                  \
	"  AND s.lease_token = j.lease_token"

/* The same of one job; is it the lease's row that the statement found? */
static bool
finds_lease(SPIPlanPtr *slot, const char *sql, const Job *job)
{
	Oid types[] = {UUIDOID, TEXTOID, UUIDOID};
	Datum values[] = {UUIDPGetDatum(&job->user_id), CStringGetTextDatum(job->platform->name),
					  UUIDPGetDatum(&job->lease_token)};

	transaction_execute(transaction_plan(slot, sql, lengthof(types), types), values, NULL, SPI_OK_SELECT);
	return SPI_processed > 0;
}

#define LEASE_SQL                                                                                            \
	"SELECT s.lease_token FROM dreamsuite.account_state s"                                                   \
	" WHERE s.user_id = $1 AND s.platform = $2 AND s.lease_token = $3"

/* Citus locks the rows of one user at a time. */
static List *
jobs_with_lease_one_by_one(List *jobs)
{
	static SPIPlanPtr lock_plan, look_plan;
	List *ours = NIL;
	ListCell *cell;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		if (finds_lease(&lock_plan, LEASE_SQL " FOR UPDATE OF s SKIP LOCKED", job))
			ours = lappend(ours, job);
		else
			job->locked = finds_lease(&look_plan, LEASE_SQL, job);
	}
	return ours;
}

/*
 * The jobs whose lease is still ours; their account_state rows are locked till the end of the transaction. Those whose row
 * someone else holds, so that nobody knows yet, are marked as locked.
 */
static List *
jobs_with_lease(List *jobs)
{
	static SPIPlanPtr lock_plan, look_plan;
	List *ours, *others;
	ListCell *cell;

	if (transaction_with_citus())
		return jobs_with_lease_one_by_one(jobs);
	columns_execute(&lock_plan, LEASES_SQL " ORDER BY s.user_id, s.platform FOR UPDATE OF s SKIP LOCKED",
					lease_columns(jobs), SPI_OK_SELECT);
	ours = jobs_named(jobs);
	others = list_difference_ptr(jobs, ours);
	if (others != NIL)
	{
		columns_execute(&look_plan, LEASES_SQL, lease_columns(others), SPI_OK_SELECT);
		foreach (cell, jobs_named(others))
			((Job *) lfirst(cell))->locked = true;
	}
	return ours;
}

/* ---- Accounts ---- */

static void
store_accounts(List *jobs, const Ending *endings)
{
	static SPIPlanPtr state_plan, accounts_plan;
	static const Oid state_types[] = {UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
									  INT4OID, DATEOID, BOOLOID,        TEXTOID,
									  TEXTOID, TEXTOID, TIMESTAMPTZOID};
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
		column_datum(states, BoolGetDatum(ledger_not_begun(job)), false);
		column_text(states, outcome_name(ending->outcome));
		column_text(states, job->error != ERROR_NONE ? error_class_name(job->error) : NULL);
		column_text(states, ledger_text(job));
		column_time(states, GetCurrentTimestamp());

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
	columns_execute(
		&state_plan,
		"UPDATE dreamsuite.account_state AS s SET lease_token = NULL, lease_until = NULL,"
		"  next_due_at = CASE WHEN j.not_begun OR s.requested_at > s.last_started_at"
		"   THEN s.next_due_at ELSE j.next_due_at END,"
		"  blocked_until = CASE WHEN j.not_begun THEN s.blocked_until ELSE j.blocked_until END,"
		"  attempts = j.attempts, done_on = COALESCE(j.done_on, s.done_on),"
		"  last_finished_at = CASE WHEN j.not_begun THEN s.last_finished_at ELSE j.now END,"
		"  last_outcome = CASE WHEN j.not_begun THEN s.last_outcome ELSE j.outcome END,"
		"  last_error_class = CASE WHEN j.not_begun THEN s.last_error_class ELSE j.error_class END,"
		"  last_error = CASE WHEN j.not_begun THEN s.last_error ELSE j.error END"
		" FROM batch AS j(user_id, platform, next_due_at,"
		"  blocked_until, attempts, done_on, not_begun, outcome, error_class, error, now)"
		" WHERE s.user_id = j.user_id AND s.platform = j.platform",
		states, SPI_OK_UPDATE);
	/*
	 * Who paused the account meanwhile, or connected it anew, is obeyed: what a run with the old token says of it counts no
	 * more. An identity that is known stays what it is.
	 */
	columns_execute(
		&accounts_plan,
		"UPDATE dreamsuite.accounts AS a SET external_id = COALESCE(a.external_id, j.external_id),"
		"  handle = COALESCE(j.handle, a.handle),"
		"  status = CASE WHEN a.status = j.was AND a.connected_at < j.started THEN COALESCE(j.status, a.status) ELSE a.status END,"
		"  status_reason = CASE WHEN a.status = j.was AND a.connected_at < j.started AND j.status IS NOT NULL THEN j.reason"
		"   ELSE a.status_reason END"
		" FROM batch AS j(user_id, platform, external_id, handle,"
		"  status, reason, was, started)"
		" WHERE a.user_id = j.user_id AND a.platform = j.platform"
		"  AND ((a.external_id IS NULL AND j.external_id IS NOT NULL)"
		"   OR a.handle IS DISTINCT FROM COALESCE(j.handle, a.handle) OR j.status IS NOT NULL)",
		accounts, SPI_OK_UPDATE);
}

/* ---- A batch ---- */

/* Stores the jobs in one transaction. Raises where something cannot be stored, or is locked for longer than lock_wait_ms. */
static void
store_batch(List *jobs, int lock_wait_ms, TimestampTz *next_due)
{
	Ending *endings;
	ListCell *cell;
	int done = 0, failed = 0;

	if (!transaction_begin("dreamsuite: storing"))
		return;
	transaction_lock_timeout(lock_wait_ms);
	jobs = jobs_with_lease(jobs);
	rows_store_days(jobs);
	rows_store_content(jobs);

	endings = palloc(sizeof(Ending) * Max(list_length(jobs), 1));
	foreach (cell, jobs)
		endings[foreach_current_index(cell)] = retry_ending(lfirst(cell));
	ledger_store(jobs, endings);
	store_accounts(jobs, endings);
	pace_store();
	for (int i = 0; i < list_length(jobs); i++)
	{
		TimestampTz due = endings[i].next_due_at, blocked = endings[i].blocked_until;

		done += ledger_not_begun(list_nth(jobs, i)) ? 0 : 1;
		failed += !ledger_not_begun(list_nth(jobs, i)) && endings[i].outcome == OUTCOME_FAILED ? 1 : 0;
		if (due != TIME_UNKNOWN && blocked != TIME_UNKNOWN)
			due = Max(due, blocked);
		if (due != TIME_UNKNOWN && (*next_due == TIME_UNKNOWN || due < *next_due))
			*next_due = due;
	}
	cycle_add(done, failed);
	transaction_commit();
}

static void
mark_locked(List *jobs, bool locked)
{
	ListCell *cell;

	foreach (cell, jobs)
		((Job *) lfirst(cell))->locked = locked;
}

/* The same, but an error is caught and rolled back; NULL where there was none. */
static ErrorData *
try_store(List *jobs, int lock_wait_ms, TimestampTz *next_due)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData *volatile failure = NULL;

	mark_locked(jobs, false);
	PG_TRY();
	{
		store_batch(jobs, lock_wait_ms, next_due);
	}
	PG_CATCH();
	{
		failure = transaction_caught(caller);
		pace_forget_stored();
		mark_locked(jobs, failure->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE);
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

/* The same of one job, whose failure is recorded in place of the row that could not be stored. */
static void
store_alone(Job *job, int lock_wait_ms, TimestampTz *next_due)
{
	List *jobs = list_make1(job);
	ErrorData *failure = try_store(jobs, lock_wait_ms, next_due), *again = NULL;

	if (failure != NULL && !job->locked)
	{
		ereport(WARNING, (errcode(failure->sqlerrcode),
						  errmsg("could not store platform \"%s\" of user \"%s\": %s", job->platform->name,
								 DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&job->user_id))),
								 failure->message)));
		job->result = NULL;
		job->error = ERROR_NONE;
		job->error_text = NULL;
		job_note_error(job, class_of_failure(failure), psprintf("could not be stored: %s", failure->message));
		again = try_store(jobs, lock_wait_ms, next_due);
		if (again != NULL && !job->locked)
			ereport(WARNING, (errcode(again->sqlerrcode), errmsg("could not record the failure either"),
							  errdetail("The account is collected again when its lease has run out.")));
	}
	if (failure != NULL)
		FreeErrorData(failure);
	if (again != NULL)
		FreeErrorData(again);
	list_free(jobs);
}

void
store_jobs(List *jobs, bool patient, TimestampTz *next_due)
{
	int lock_wait_ms = patient ? STORE_PATIENCE_MS : IMPATIENCE_MS;
	int locked = 0;
	ListCell *cell;

	if (list_length(jobs) > 1)
	{
		ErrorData *failure = try_store(jobs, lock_wait_ms, next_due);

		if (failure == NULL)
			return;
		FreeErrorData(failure);
		lock_wait_ms = IMPATIENCE_MS;
	}
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		if (locked < MOST_LOCKED)
			store_alone(job, lock_wait_ms, next_due);
		else
			job->locked = true;
		locked += job->locked ? 1 : 0;
	}
}
