/*
 * launcher.c
 *    Keeps a collector in each database of dreamsuite.databases, where the library is preloaded.
 *
 * The launcher itself is connected to no database, so it never stands in the way of DROP DATABASE. A collector that
 * ended is started again, later each time: where the extension is not installed it ends at once.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "collect/collector.h"
#include "collect/launcher.h"
#include "config.h"

#define FIRST_RESTART_MS   1000
#define LONGEST_RESTART_MS 60000

typedef struct Served
{
	char *database;
	BackgroundWorkerHandle *handle; /* NULL: not running */
	TimestampTz started_at;
	TimestampTz start_at; /* not before */
	long restart_ms;
	bool listed;
	struct Served *next;
} Served;

static Served *served = NULL;
static bool warned_of_slots = false;

void
launcher_register(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "dreamsuite", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dreamsuite_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "dreamsuite launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, LAUNCHER_BACKEND_TYPE, sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

/*
 * Brings the list in line with dreamsuite.databases. The collector of a database that left it, or of any when
 * dreamsuite.enabled is off, sees that itself and ends after its run.
 */
static void
read_databases(void)
{
	char *copy = pstrdup(config_databases);
	List *names = NIL;
	ListCell *cell;
	Served **link;

	for (Served *s = served; s != NULL; s = s->next)
		s->listed = false;
	if (config_enabled && SplitGUCList(copy, ',', &names))
	{
		foreach (cell, names)
		{
			Served *s;

			for (s = served; s != NULL && strcmp(s->database, lfirst(cell)) != 0; s = s->next)
				;
			if (s == NULL)
			{
				s = MemoryContextAllocZero(TopMemoryContext, sizeof(Served));
				s->database = MemoryContextStrdup(TopMemoryContext, lfirst(cell));
				s->restart_ms = FIRST_RESTART_MS;
				s->next = served;
				served = s;
			}
			s->listed = true;
		}
	}
	for (link = &served; *link != NULL;)
	{
		Served *s = *link;

		if (s->listed)
		{
			link = &s->next;
			continue;
		}
		if (s->handle != NULL)
			pfree(s->handle);
		*link = s->next;
		pfree(s->database);
		pfree(s);
	}
	list_free(names);
	pfree(copy);
}

/*
 * The database of that name, InvalidOid where there is none. By a scan, because a process without a database cannot count
 * on the indexes of the catalogs.
 */
static Oid
find_database(const char *name)
{
	MemoryContext old = CurrentMemoryContext;
	Oid found = InvalidOid;
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (strcmp(NameStr(database->datname), name) == 0 && database->datallowconn)
			found = database->oid;
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	return found;
}

static void
start_collector(Served *s, TimestampTz now)
{
	Oid database = find_database(s->database);
	MemoryContext old;

	s->start_at = now + s->restart_ms * INT64CONST(1000);
	s->restart_ms = Min(s->restart_ms * 2, LONGEST_RESTART_MS);
	if (!OidIsValid(database))
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	if (collector_start(database, true, InvalidTransactionId, &s->handle))
		s->started_at = now;
	else
	{
		s->handle = NULL;
		if (!warned_of_slots)
			ereport(WARNING, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
							  errmsg("no free worker slot for the dreamsuite collector of database \"%s\"",
									 s->database),
							  errdetail("It is tried again."), errhint("Raise max_worker_processes.")));
		warned_of_slots = true;
	}
	MemoryContextSwitchTo(old);
}

/* Looks after every database; returns the milliseconds until the next look is worth it. */
static long
look_around(void)
{
	TimestampTz now = GetCurrentTimestamp();
	long wait = LONGEST_RESTART_MS;

	for (Served *s = served; s != NULL; s = s->next)
	{
		pid_t pid;

		if (s->handle != NULL)
		{
			if (GetBackgroundWorkerPid(s->handle, &pid) != BGWH_STOPPED)
				continue;
			pfree(s->handle);
			s->handle = NULL;
			/* One that worked for a while is started again without delay. */
			if (now - s->started_at > LONGEST_RESTART_MS * INT64CONST(1000))
			{
				s->restart_ms = FIRST_RESTART_MS;
				s->start_at = 0;
			}
		}
		if (s->start_at <= now)
			start_collector(s, now);
		if (s->handle == NULL)
			wait = Min(wait, Max(1, (long) ((s->start_at - now) / 1000)));
	}
	return wait;
}

void
dreamsuite_launcher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", "dreamsuite " DREAMSUITE_VERSION, PGC_USERSET, PGC_S_SESSION);
	pgstat_report_activity(STATE_IDLE, NULL);
	read_databases();

	for (;;)
	{
		long wait;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			read_databases();
			for (Served *s = served; s != NULL; s = s->next)
				s->start_at = 0;
		}
		wait = look_around();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
