/*
 * commands.c
 *    collect_due() and what else people and schedules say to the collector; CALL collect() is in call.c. None of them opens a
 *    connection to a platform: that is the collector's alone.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "collect/collector.h"
#include "collect/commands.h"
#include "config.h"

DREAMSUITE_FUNCTION(dreamsuite_collect_due);
DREAMSUITE_FUNCTION(dreamsuite_wake_collector);
DREAMSUITE_FUNCTION(dreamsuite_remind_collector);


/*
 * The accounts that a schedule may begin, and whose day is not done yet. $1 calendar's now. One whose row someone else holds
 * is left to the next call: a schedule waits for nobody.
 */
#define MARK "UPDATE dreamsuite.account_state s SET next_due_at = $1"
#define TO_BE_MARKED                                                                                         \
	" FROM dreamsuite.account_state o"                                                                       \
	" JOIN dreamsuite.accounts a ON a.user_id = o.user_id AND a.platform = o.platform"                       \
	"  AND a.status IN ('active', 'pending')"                                                                \
	" WHERE o.next_due_at IS NULL"
#define DAY_NOT_DONE " AND (o.done_on IS NULL OR o.done_on < dreamsuite.account_day($1, a.settings))"

static const char *const mark_sql =
	MARK " FROM (SELECT o.user_id, o.platform" TO_BE_MARKED DAY_NOT_DONE
		 "   ORDER BY o.user_id, o.platform FOR NO KEY UPDATE OF o SKIP LOCKED) l"
		 " WHERE s.user_id = l.user_id AND s.platform = l.platform AND s.next_due_at IS NULL";

/* The same account by account: which, and one of them, $2 user, $3 platform. */
static const char *const unmarked_sql =
	"SELECT o.user_id, o.platform" TO_BE_MARKED " ORDER BY o.user_id, o.platform";

static const char *const mark_one_sql =
	MARK " FROM (SELECT o.user_id, o.platform" TO_BE_MARKED
		 " AND o.user_id = $2 AND o.platform = $3" DAY_NOT_DONE "   FOR NO KEY UPDATE OF o SKIP LOCKED) l"
		 " WHERE s.user_id = $2 AND s.platform = $3 AND s.user_id = l.user_id AND s.next_due_at IS NULL";

/* One whose day cannot be read: the collector finds out what is wrong with it, and records it. */
static const char *const mark_unread_sql =
	MARK " FROM (SELECT o.user_id FROM dreamsuite.account_state o WHERE o.user_id = $2 AND o.platform = $3"
		 "   FOR NO KEY UPDATE SKIP LOCKED) l"
		 " WHERE s.user_id = $2 AND s.platform = $3 AND s.user_id = l.user_id AND s.next_due_at IS NULL";

static const char *const due_sql =
	"SELECT pg_catalog.count(*)::integer FROM dreamsuite.account_state s"
	" JOIN dreamsuite.accounts a ON a.user_id = s.user_id AND a.platform = s.platform AND a.status IN ('active', 'pending')"
	" WHERE s.next_due_at <= $1 AND (s.blocked_until IS NULL OR s.blocked_until <= $1)"
	"  AND NOT EXISTS (SELECT FROM dreamsuite.platform_settings o WHERE o.platform = s.platform AND NOT o.enabled)";

int
command_run(const char *sql, int count, Oid *types, Datum *values, const char *nulls, bool read_only)
{
	int nest = NewGUCNestLevel();
	int result;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	result = SPI_execute_with_args(sql, count, types, values, nulls, read_only, 0);
	AtEOXact_GUC(true, nest);
	return result;
}

/* The same, in a subtransaction; NULL, or what it raised. What is about the whole is raised again. */
static ErrorData *
try_to_run(const char *sql, int count, Oid *types, Datum *values)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		(void) command_run(sql, count, types, values, NULL, false);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	if (error != NULL && (error->elevel >= FATAL || error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
						  ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION))
		ReThrowError(error);
	return error;
}

/* Some account cannot be made due with the others: each by itself. */
static void
mark_one_by_one(Datum now)
{
	Oid types[] = {TIMESTAMPTZOID, UUIDOID, TEXTOID};
	SPITupleTable *found;
	uint64 count;

	if (command_run(unmarked_sql, 1, types, &now, NULL, true) != SPI_OK_SELECT)
		elog(ERROR, "could not look for due accounts");
	found = SPI_tuptable;
	count = SPI_processed;
	for (uint64 row = 0; row < count; row++)
	{
		bool null;
		Datum values[] = {now, SPI_getbinval(found->vals[row], found->tupdesc, 1, &null),
						  SPI_getbinval(found->vals[row], found->tupdesc, 2, &null)};

		CHECK_FOR_INTERRUPTS();
		if (try_to_run(mark_one_sql, 3, types, values) != NULL)
		{
			ErrorData *error = try_to_run(mark_unread_sql, 3, types, values);

			if (error != NULL)
				ereport(WARNING, (errcode(error->sqlerrcode),
								  errmsg("could not make platform \"%s\" of user \"%s\" due: %s",
										 SPI_getvalue(found->vals[row], found->tupdesc, 2),
										 SPI_getvalue(found->vals[row], found->tupdesc, 1), error->message),
								  errdetail("The others are collected.")));
		}
	}
}

/* collect_due() returns integer */
Datum
dreamsuite_collect_due(PG_FUNCTION_ARGS)
{
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(config_now())};
	bool null;
	int due;

	SPI_connect();
	/* Citus locks the rows of one user at a time. */
	if (OidIsValid(get_extension_oid("citus", true)) || try_to_run(mark_sql, 1, types, values) != NULL)
		mark_one_by_one(values[0]);
	if (command_run(due_sql, 1, types, values, NULL, false) != SPI_OK_SELECT)
		elog(ERROR, "could not look for due accounts");
	due = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	SPI_finish();
	if (due > 0 && config_enabled)
		collector_wake();
	PG_RETURN_INT32(due);
}

/* wake_collector() returns void */
Datum
dreamsuite_wake_collector(PG_FUNCTION_ARGS)
{
	if (config_enabled)
		collector_wake();
	PG_RETURN_VOID();
}

/* remind_collector() returns void */
Datum
dreamsuite_remind_collector(PG_FUNCTION_ARGS)
{
	(void) collector_remind();
	PG_RETURN_VOID();
}
