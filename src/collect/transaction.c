/*
 * transaction.c
 *    The collector's short transactions.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "collect/transaction.h"

#define FIRST_GOOD_FOR 100 /* accounts */

static MemoryContext home;
static Oid extension = InvalidOid;
static List *slots = NIL; /* SPIPlanPtr *: those to be forgotten with the extension */
static bool with_citus = false, mode_is_set = false;
static int patience_ms = 0;

/* The version in pg_extension, NULL where it is absent. */
static char *
installed_version(Oid oid)
{
	char *version = NULL;
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool null;
		Datum value = heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(rel), &null);

		if (!null)
			version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

static void
forget_plans(void)
{
	ListCell *cell;

	foreach (cell, slots)
	{
		SPIPlanPtr *slot = lfirst(cell);

		SPI_freeplan(*slot);
		*slot = NULL;
	}
	list_free(slots);
	slots = NIL;
}

/* Locks the extension against DROP and ALTER, then looks whether it is still the one that was found. */
static bool
lock_extension(void)
{
	Oid found = get_extension_oid("dreamsuite", true);
	char *version;

	if (!OidIsValid(found))
		return false;
	LockDatabaseObject(ExtensionRelationId, found, 0, AccessShareLock);
	if (get_extension_oid("dreamsuite", true) != found)
		return false;
	version = installed_version(found);
	if (version == NULL || strcmp(version, DREAMSUITE_VERSION) != 0)
	{
		static bool warned = false;

		if (!warned && version != NULL)
			ereport(
				WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dreamsuite library is of version \"%s\", its SQL of version \"%s\"",
						DREAMSUITE_VERSION, version),
				 errdetail("The collector rests until they agree."),
				 errhint(
					 "ALTER EXTENSION dreamsuite UPDATE, or restart the server to load the new library.")));
		warned = true;
		return false;
	}
	if (found != extension)
	{
		forget_plans();
		extension = found;
	}
	return true;
}

/*
 * Plans are made once and kept, unless tables may be distributed: Citus finds the node of a row by the value of its
 * parameter, and has no plan for a parameter without one.
 */
static void
set_plan_cache_mode(bool citus)
{
	if (mode_is_set && citus == with_citus)
		return;
	SetConfigOption("plan_cache_mode", citus ? "force_custom_plan" : "force_generic_plan", PGC_USERSET,
					PGC_S_SESSION);
	/* Rows that were locked one by one are changed over the same connections. */
	if (citus)
	{
		SetConfigOption("citus.multi_shard_modify_mode", "sequential", PGC_USERSET, PGC_S_SESSION);
		SetConfigOption("citus.propagate_set_commands", "local", PGC_USERSET, PGC_S_SESSION);
	}
	with_citus = citus;
	mode_is_set = true;
	forget_plans();
}

bool
transaction_with_citus(void)
{
	return with_citus;
}

/* Nodes of Citus that have a part in the transaction wait for locks no longer than this process. */
static void
tell_nodes(int lock_timeout_ms)
{
	if (with_citus &&
		SPI_execute(psprintf("SET LOCAL lock_timeout = %d", lock_timeout_ms), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not set lock_timeout");
}

/*
 * What several statements of one transaction change on other nodes is committed by Citus with the transaction only where it
 * stands in a block; else each of them is a transaction there. Returns whether Citus is here.
 */
static bool
begin_block(void)
{
	StartTransactionCommand();
	if (!OidIsValid(get_extension_oid("citus", true)))
		return false;
	BeginTransactionBlock();
	CommitTransactionCommand();
	StartTransactionCommand();
	return true;
}

bool
transaction_begin(const char *activity)
{
	bool citus;

	home = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	citus = begin_block();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, activity);
	if (!lock_extension())
	{
		transaction_commit();
		return false;
	}
	set_plan_cache_mode(citus);
	tell_nodes(patience_ms);
	return true;
}

void
transaction_commit(void)
{
	SPI_finish();
	PopActiveSnapshot();
	if (IsTransactionBlock())
		(void) EndTransactionBlock(false);
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	MemoryContextSwitchTo(home);
}

/* After an error: rolls back, reports what there is to report, returns to the memory context of the beginning. */
static void
transaction_abort(void)
{
	AbortOutOfAnyTransaction();
	pgstat_report_activity(STATE_IDLE, NULL);
	MemoryContextSwitchTo(home);
}

static void
set_lock_timeout(int ms, GucAction action)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", ms);
	(void) set_config_option("lock_timeout", text, PGC_USERSET, PGC_S_SESSION, action, true, 0, false);
}

void
transaction_patience(int ms)
{
	set_lock_timeout(ms, GUC_ACTION_SET);
	patience_ms = ms;
}

void
transaction_lock_timeout(int ms)
{
	set_lock_timeout(ms, GUC_ACTION_LOCAL);
	tell_nodes(ms);
}

ErrorData *
transaction_caught(MemoryContext caller)
{
	ErrorData *error;

	MemoryContextSwitchTo(caller);
	error = CopyErrorData();
	FlushErrorState();
	transaction_abort();
	MemoryContextSwitchTo(caller);
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
		error->elevel >= FATAL)
		ReThrowError(error);
	return error;
}

ErrorData *
transaction_attempt(void (*work)(void *arg), void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData *volatile error = NULL;

	PG_TRY();
	{
		work(arg);
	}
	PG_CATCH();
	{
		error = transaction_caught(caller);
	}
	PG_END_TRY();
	return error;
}

bool
transaction_try(void (*work)(void *arg), void *arg, const char *what)
{
	ErrorData *error = transaction_attempt(work, arg);

	if (error == NULL)
		return true;
	ereport(WARNING, (errcode(error->sqlerrcode), errmsg("could not %s: %s", what, error->message),
					  errdetail("The collector tries again later.")));
	FreeErrorData(error);
	return false;
}

SPIPlanPtr
transaction_plan(SPIPlanPtr *slot, const char *sql, int nargs, Oid *types)
{
	if (*slot == NULL)
	{
		MemoryContext old;
		SPIPlanPtr plan = SPI_prepare(sql, nargs, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
		*slot = plan;
		old = MemoryContextSwitchTo(TopMemoryContext);
		slots = lappend(slots, slot);
		MemoryContextSwitchTo(old);
	}
	return *slot;
}

void
transaction_outgrow_plans(int stored)
{
	static int64 stored_in_cycle = 0, good_for = FIRST_GOOD_FOR;

	if (stored == 0)
	{
		stored_in_cycle = 0;
		good_for = FIRST_GOOD_FOR;
	}
	stored_in_cycle += stored;
	if (stored_in_cycle < good_for)
		return;
	ResetPlanCache();
	good_for = 4 * stored_in_cycle;
}

void
transaction_execute(SPIPlanPtr plan, Datum *values, const char *nulls, int expected)
{
	int code = SPI_execute_plan(plan, values, nulls, false, 0);

	if (code != expected)
		elog(ERROR, "statement of the collector ended with %s", SPI_result_code_string(code));
}
