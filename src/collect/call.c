/*
 * call.c
 *    CALL collect(): makes accounts due, wakes the collector, and waits until each has an outcome.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "collect/collector.h"
#include "collect/commands.h"
#include "config.h"

DREAMSUITE_FUNCTION(dreamsuite_collect);

#define LOOK_EVERY_MS     100 /* and not before half of the time that the rest will take ... */
#define LOOK_SHARE        50  /* ... nor before so many times what a look takes */
#define SAY_EVERY_MS      2000
#define MARKED_AT_ONCE    1000 /* accounts that become due */
#define START_PATIENCE_MS 5000
#define LONG_PAUSE        USECS_PER_MINUTE

#define PAUSED_UNTIL "GREATEST(s.blocked_until, b.blocked_until)"

/* The accounts of the call, with what is to be said of those that are left alone. $1 user, $2 platform, $3 now, $4 and $5 after
 * which, $6 how many. */
static const char *const select_sql =
	/* of platforms there are few, and each account wants to know of its own */
	"WITH o AS MATERIALIZED (SELECT platform, enabled FROM dreamsuite.platform_settings),"
	" b AS MATERIALIZED (SELECT bucket, blocked_until, reason FROM dreamsuite.bucket_state)"
	" SELECT a.user_id, a.platform, a.status IN ('active', 'pending') AND COALESCE(o.enabled, true)"
	"   AND (" PAUSED_UNTIL " IS NULL OR " PAUSED_UNTIL " <= $3) AS is_ready, a.status, a.status_reason,"
	"  CASE WHEN " PAUSED_UNTIL " > $3 THEN pg_catalog.to_char(" PAUSED_UNTIL
	", 'YYYY-MM-DD HH24:MI:SSOF') END AS blocked,"
	"  CASE WHEN b.blocked_until > $3 THEN b.reason END AS blocked_reason,"
	"  COALESCE(o.enabled, true) AS enabled"
	" FROM dreamsuite.accounts a"
	" JOIN dreamsuite.account_state s ON s.user_id = a.user_id AND s.platform = a.platform"
	" LEFT JOIN o ON o.platform = a.platform"
	" LEFT JOIN b ON b.bucket = a.platform"
	" WHERE ($1 IS NULL OR a.user_id = $1) AND ($2 IS NULL OR a.platform = $2)"
	"  AND ($4 IS NULL OR (a.user_id, a.platform) > ($4, $5))"
	" ORDER BY a.user_id, a.platform LIMIT $6";

static const char *const make_due_sql = "SELECT dreamsuite.make_due($1, $2, $3, $4)";

/*
 * How far some accounts of the call are, and which of them are not done. $3 clock's time of the call, $4 calendar's time up to
 * which a pause is worth waiting for: an account whose platform must be left alone for longer, before it was asked, is not
 * waited for.
 */
#define IS_DONE "COALESCE(s.last_started_at >= $3 AND s.last_finished_at >= s.last_started_at, false)"

static const char *const progress_sql =
	"SELECT pg_catalog.count(*) FILTER (WHERE d.done)::integer,"
	"  pg_catalog.count(*) FILTER (WHERE d.done AND s.last_outcome = 'failed')::integer,"
	"  pg_catalog.count(*) FILTER (WHERE s.lease_until IS NOT NULL)::integer,"
	"  pg_catalog.count(*)::integer,"
	"  pg_catalog.count(*) FILTER (WHERE NOT d.done AND s.lease_until IS NULL"
	"   AND GREATEST(b.blocked_until, s.blocked_until) > $4)::integer,"
	"  pg_catalog.count(*) FILTER (WHERE s.next_due_at IS NOT NULL OR s.lease_until IS NOT NULL)::integer,"
	"  pg_catalog.array_agg(s.user_id) FILTER (WHERE NOT d.done),"
	"  pg_catalog.array_agg(s.platform) FILTER (WHERE NOT d.done)"
	" FROM ROWS FROM (pg_catalog.unnest($1::uuid[]), pg_catalog.unnest($2::text[])) AS j(user_id, platform)"
	" JOIN dreamsuite.account_state s ON s.user_id = j.user_id AND s.platform = j.platform"
	" LEFT JOIN dreamsuite.bucket_state b ON b.bucket = s.platform"
	" CROSS JOIN LATERAL (SELECT " IS_DONE ") AS d(done)";

/*
 * Accounts of the call that nobody will report: their account_state could not be written, neither to make them due nor to say
 * how they ended.
 */
#define IS_LOST                                                                                              \
	" NOT " IS_DONE " AND s.lease_until IS NULL AND (COALESCE(s.requested_at < $3, true)"                    \
	"  OR (s.user_id, s.platform) IN (SELECT r.user_id, r.platform FROM dreamsuite.collection_runs r"        \
	"   WHERE r.user_id = ANY ($1) AND r.started_at >= $3 AND r.outcome = 'failed'))"

#define HAS_FAILED "s.last_finished_at >= $3 AND s.last_outcome = 'failed'"

static const char *const lost_sql =
	"SELECT pg_catalog.count(*)::integer"
	" FROM ROWS FROM (pg_catalog.unnest($1::uuid[]), pg_catalog.unnest($2::text[])) AS j(user_id, platform)"
	" JOIN dreamsuite.account_state s ON s.user_id = j.user_id AND s.platform = j.platform WHERE" IS_LOST;

static const char *const failures_sql =
	"SELECT s.user_id::text, s.platform,"
	" CASE WHEN " HAS_FAILED " THEN s.last_error_class ELSE 'bad_response' END AS last_error_class,"
	" CASE WHEN " HAS_FAILED " THEN s.last_error"
	"  ELSE 'could not be claimed, and its account_state not be written' END AS last_error"
	" FROM ROWS FROM (pg_catalog.unnest($1::uuid[]), pg_catalog.unnest($2::text[])) AS j(user_id, platform)"
	" JOIN dreamsuite.account_state s ON s.user_id = j.user_id AND s.platform = j.platform"
	" WHERE (" HAS_FAILED ") OR (" IS_LOST ") ORDER BY 1, 2 LIMIT 5";

typedef struct Call
{
	MemoryContext context; /* of what follows, as the call commits on its way */
	int count;             /* accounts */
	Datum *users, *platforms;
	Datum last_user, last_platform; /* up to which accounts were looked at */
	Datum keys[4]; /* users, platforms, time of the call; of a look: end of a pause that is waited for */
} Call;

/* The users and platforms of some of the accounts, as arrays. */
static void
key_arrays(const Call *call, int first, int count, Datum *arrays)
{
	arrays[0] =
		PointerGetDatum(construct_array(call->users + first, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	arrays[1] =
		PointerGetDatum(construct_array(call->platforms + first, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static int
int_value(int column)
{
	bool null;

	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &null));
}

static char *
text_value(int row, const char *name)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						SPI_fnumber(SPI_tuptable->tupdesc, name));
}

/* Says why an account of the last statement is left alone. */
static void
say_left_alone(int row)
{
	char *status = text_value(row, "status"), *blocked = text_value(row, "blocked");
	char *user = text_value(row, "user_id"), *platform = text_value(row, "platform");

	if (strcmp(status, "active") != 0 && strcmp(status, "pending") != 0)
	{
		char *reason = text_value(row, "status_reason");

		ereport(NOTICE, (errmsg("%s of user %s is %s and left alone", platform, user, status),
						 reason != NULL ? errdetail("%s", reason) : 0,
						 strcmp(status, "paused") == 0 ? errhint("See dreamsuite.resume_account().")
													   : errhint("The artist must authorise it again.")));
	}
	else if (strcmp(text_value(row, "enabled"), "f") == 0)
		ereport(NOTICE, (errmsg("%s is switched off and left alone", platform),
						 errhint("See the table dreamsuite.platform_settings.")));
	else
	{
		char *reason = text_value(row, "blocked_reason");

		ereport(NOTICE, (errmsg("%s of user %s is not asked before %s", platform, user, blocked),
						 errdetail("%s", reason != NULL ? reason : "The platform asked for this pause.")));
	}
}

/*
 * The next accounts that the call means; those that can be collected now are added to it, the others named in NOTICEs. False
 * where there are no more.
 */
static bool
select_accounts(Call *call, FunctionCallInfo fcinfo)
{
	Oid types[] = {UUIDOID, TEXTOID, TIMESTAMPTZOID, UUIDOID, TEXTOID, INT4OID};
	Datum values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1),  TimestampTzGetDatum(config_now()),
					  call->last_user,    call->last_platform, Int32GetDatum(MARKED_AT_ONCE)};
	char nulls[] = {PG_ARGISNULL(0) ? 'n' : ' ',      PG_ARGISNULL(1) ? 'n' : ' ',      ' ',
					call->last_user == 0 ? 'n' : ' ', call->last_user == 0 ? 'n' : ' ', ' '};
	MemoryContext old;
	int rows;

	if (command_run(select_sql, 6, types, values, nulls, true) != SPI_OK_SELECT)
		elog(ERROR, "could not look for accounts");
	rows = (int) SPI_processed;
	if (rows == 0 && call->last_user == 0 && !PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("user \"%s\" has no account%s%s",
						DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0))),
						PG_ARGISNULL(1) ? "" : " on ",
						PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1))),
				 errhint("Connect one with dreamsuite.connect_account() or dreamsuite.authorize_url().")));
	if (rows == 0)
		return false;
	old = MemoryContextSwitchTo(call->context);
	call->users = repalloc_huge(call->users, sizeof(Datum) * (call->count + rows));
	call->platforms = repalloc_huge(call->platforms, sizeof(Datum) * (call->count + rows));
	for (int row = 0; row < rows; row++)
	{
		HeapTuple tuple = SPI_tuptable->vals[row];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool null;

		call->last_user = datumCopy(SPI_getbinval(tuple, desc, 1, &null), false, UUID_LEN);
		call->last_platform = datumCopy(SPI_getbinval(tuple, desc, 2, &null), false, -1);
		if (!DatumGetBool(SPI_getbinval(tuple, desc, 3, &null)))
		{
			say_left_alone(row);
			continue;
		}
		call->users[call->count] = call->last_user;
		call->platforms[call->count] = call->last_platform;
		call->count++;
	}
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
	return true;
}

/* Makes the accounts of the call due, those that it has from `first` on. */
static void
make_due(const Call *call, int first)
{
	Oid types[] = {UUIDARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum values[4] = {0, 0, TimestampTzGetDatum(config_now()), call->keys[2]};

	key_arrays(call, first, call->count - first, values);
	if (command_run(make_due_sql, 4, types, values, NULL, false) != SPI_OK_SELECT)
		elog(ERROR, "could not make accounts due");
	/* It may be through with the earlier ones. */
	if (first > 0)
		(void) collector_remind();
	else if (!collector_wake())
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED), errmsg("the collector could not be started"),
				 errhint("Raise max_worker_processes.")));
	SPI_commit();
}

/* Waits for so many milliseconds, or until somebody wakes this process. */
static void
wait_a_while(long wait_ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait_ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Finds the accounts of the call and makes them due, so many at a time that the collector is soon at work on the first. */
static void
begin_call(Call *call, FunctionCallInfo fcinfo)
{
	int marked = 0, portions = 0;
	TimestampTz began = GetCurrentTimestamp();

	call->context = CurrentMemoryContext;
	call->users = palloc(sizeof(Datum));
	call->platforms = palloc(sizeof(Datum));
	call->keys[2] = TimestampTzGetDatum(began);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	while (select_accounts(call, fcinfo))
	{
		if (call->count == marked)
			continue;
		make_due(call, marked);
		/* The collector has enough to do with so many for a while, and needs the processors more than this process. */
		if (call->count - marked == MARKED_AT_ONCE)
			wait_a_while((long) ((GetCurrentTimestamp() - began) / 1000) + 1);
		began = GetCurrentTimestamp();
		marked = call->count;
		portions++;
	}
	/* Most of them came after the first wake. A collector that was started by it may not have been there till now. */
	if (portions > 1)
	{
		(void) collector_wake();
		SPI_commit();
	}
	key_arrays(call, 0, call->count, call->keys);
}

/* Says how far it is, and when it will have ended if it goes on like that. */
static void
say_progress(int done, int failed, int running, int waiting, int total, TimestampTz began, TimestampTz now)
{
	int64 left = done > 0 ? (now - began) / done * (total - done - waiting) / USECS_PER_SEC : 0;

	ereport(NOTICE,
			(errmsg("%d of %d accounts collected%s%s, %d under way%s", done, total,
					failed > 0 ? psprintf(", %d failed", failed) : "",
					waiting > 0 ? psprintf(", %d told to wait", waiting) : "", running,
					done > 0 ? psprintf(", about %s left", left < 120 ? psprintf("%d s", (int) left)
																	  : psprintf("%d min", (int) (left / 60)))
							 : "")));
}

/*
 * Milliseconds until it is worth looking again, unless the collector says before that it is done. A look reads the state of
 * every account that is not done: many looks would take from the collector what it needs to come to an end.
 */
static long
until_look(int done, int total, TimestampTz began, TimestampTz looked)
{
	TimestampTz now = GetCurrentTimestamp();
	double left = done > 0 ? (now - began) / 1000.0 / done * (total - done) : 0;

	return Max(Max(LOOK_EVERY_MS, (now - looked) / 1000 * LOOK_SHARE), (long) Min(left / 2, SAY_EVERY_MS));
}

/* The accounts that the last look found not done are those of the next. */
static void
keep_open_keys(const Call *call, Datum *open_keys)
{
	MemoryContext old = MemoryContextSwitchTo(call->context);

	for (int i = 0; i < 2; i++)
	{
		bool null;
		Datum array = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 7 + i, &null);

		if (open_keys[i] != call->keys[i])
			pfree(DatumGetPointer(open_keys[i]));
		open_keys[i] = datumCopy(array, false, -1);
	}
	MemoryContextSwitchTo(old);
}

/* Waits until every account of the call has an outcome, or is told to wait. Returns how many failed. */
static int
wait_for_outcomes(Call *call, int *waiting)
{
	Oid types[] = {UUIDARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	TimestampTz began = GetCurrentTimestamp(), said = began, seen = began;
	int starts = 0, done = 0, failed = 0, seen_done = -1, said_done = -1;
	Datum open_keys[4];

	memcpy(open_keys, call->keys, sizeof(open_keys));
	/* Of many accounts that were made due just now hardly one is done. */
	if (call->count > MARKED_AT_ONCE)
	{
		collector_await();
		wait_a_while(LOOK_EVERY_MS);
	}
	for (;;)
	{
		int running, total, open;
		TimestampTz now = GetCurrentTimestamp();

		open_keys[3] = TimestampTzGetDatum(config_now() + (config_test_now[0] != '\0' ? 0 : LONG_PAUSE));
		/* Each look is a transaction of its own, so that nothing is held back while we wait. */
		if (command_run(progress_sql, 4, types, open_keys, NULL, true) != SPI_OK_SELECT)
			elog(ERROR, "could not look for progress");
		total = done + int_value(4);
		done += int_value(1);
		failed += int_value(2);
		running = int_value(3);
		*waiting = int_value(5);
		open = int_value(6);
		if (done < total)
			keep_open_keys(call, open_keys);
		SPI_freetuptable(SPI_tuptable); /* else each look would stay until the call ends */
		if (running > 0 || done != seen_done)
		{
			seen = now;
			seen_done = done;
		}
		else if (now - seen > START_PATIENCE_MS * INT64CONST(1000))
		{
			int lost;

			if (command_run(lost_sql, 3, types, call->keys, NULL, true) != SPI_OK_SELECT)
				elog(ERROR, "could not look for lost accounts");
			lost = int_value(1);
			SPI_freetuptable(SPI_tuptable);
			if (lost > 0 && done + *waiting + lost >= total)
				return failed + lost;
			/* Nobody works: a collector crashed, or could not start. */
			if (!config_enabled || (collector_pid() == 0 && (++starts > 3 || !collector_wake())))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("no collector runs: %d of %d accounts are still due", total - done, total),
						 errhint(config_enabled ? "Raise max_worker_processes, and see the server log."
												: "Set dreamsuite.enabled to on.")));
			if (collector_pid() != 0)
				collector_wake();
			seen = now;
		}
		SPI_commit();
		/* What is neither due nor under way any more was paused or disconnected meanwhile. */
		if (done + *waiting >= total || open == 0)
			return failed;
		if (now - said > SAY_EVERY_MS * INT64CONST(1000) && done != said_done)
		{
			say_progress(done, failed, running, *waiting, total, began, now);
			said = now;
			said_done = done;
		}
		collector_await();
		wait_a_while(until_look(done, total - *waiting, began, now));
	}
}

static void
raise_failures(Call *call, int failed)
{
	Oid types[] = {UUIDARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID};
	StringInfoData list;

	initStringInfo(&list);
	if (command_run(failures_sql, 3, types, call->keys, NULL, true) != SPI_OK_SELECT)
		elog(ERROR, "could not look for failures");
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		char *text = text_value(row, "last_error");

		appendStringInfo(&list, "%s%s of user %s: %s%s%s", row == 0 ? "" : "\n", text_value(row, "platform"),
						 text_value(row, "user_id"), text_value(row, "last_error_class"),
						 text != NULL ? ", " : "", text != NULL ? text : "");
	}
	ereport(
		ERROR,
		(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("%d of %d accounts failed", failed, call->count),
		 errdetail("%s", list.data),
		 errhint("What was collected is stored. See dreamsuite.status() and dreamsuite.collection_runs.")));
}

/* PROCEDURE collect(user_id uuid, platform text) */
Datum
dreamsuite_collect(PG_FUNCTION_ARGS)
{
	CallContext *context = (CallContext *) fcinfo->context;
	Call call = {0};
	int failed, waiting = 0;

	if (context == NULL || !IsA(context, CallContext) || context->atomic)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
			 errmsg("collect() cannot run inside a transaction block"),
			 errdetail("It commits between its steps, so that nothing is held while the network is awaited."),
			 errhint("Call it outside of BEGIN, and not from a function.")));
	if (!PG_ARGISNULL(1))
		(void) platform_get(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (!config_enabled)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("dreamsuite.enabled is off"), errhint("Set it to on, and reload.")));
	begin_call(&call, fcinfo);
	if (call.count == 0)
	{
		ereport(NOTICE, (errmsg("no account can be collected now")));
		SPI_finish();
		PG_RETURN_VOID();
	}
	failed = wait_for_outcomes(&call, &waiting);
	if (waiting > 0)
		ereport(NOTICE, (errmsg("%d of %d accounts wait, as their platform asked", waiting, call.count),
						 errhint("See dreamsuite.quota_status().")));
	if (failed > 0)
		raise_failures(&call, failed);
	ereport(NOTICE, (errmsg("%d of %d accounts collected", call.count - waiting, call.count)));
	SPI_finish();
	PG_RETURN_VOID();
}
