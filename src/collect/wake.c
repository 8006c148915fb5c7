/*
 * wake.c
 *    How others find the collector, wake it, and start one where there is none.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <signal.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"

#include "collect/collector.h"
#include "config.h"
#include "series/query.h"

/*
 * The advisory lock of a database whose holder is its collector, as pg_locks shows it (classid, objid, objsubid). The
 * functions of SQL take locks of the kinds 1 and 2 (a key of 64 bits, two of 32), so nobody who may only send SQL can
 * keep the collector away.
 */
#define LOCK_CLASS   1685217619 /* "drSS" */
#define LOCK_OBJECT  1
#define LOCK_WAITERS 2 /* shared by those who wait for the collector to have nothing left to do */
#define LOCK_KIND    213

static int wake_at_commit = 0; /* process to be woken when this transaction has committed */

/*
 * Work is visible to the collector only when it has committed, so the wake waits for that. A collector that left in the
 * meantime is replaced; nothing here can fail, and nothing may.
 */
static void
wake_after_commit(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && wake_at_commit != 0)
	{
		if (BackendPidGetProc(wake_at_commit) == NULL || kill(wake_at_commit, SIGUSR2) != 0)
			(void) collector_start(MyDatabaseId, false, InvalidTransactionId, NULL);
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		wake_at_commit = 0;
}

static LOCKTAG
lock_tag(uint32 object)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, LOCK_CLASS, object, LOCK_KIND);
	return tag;
}

bool
collector_lock(void)
{
	LOCKTAG tag = lock_tag(LOCK_OBJECT);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
collector_unlock(void)
{
	LOCKTAG tag = lock_tag(LOCK_OBJECT);

	(void) LockRelease(&tag, ExclusiveLock, true);
}

int
collector_pid(void)
{
	int nest = query_begin();
	int pid = 0;

	if (SPI_execute(
			psprintf(
				"SELECT l.pid FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory'"
				" AND l.database = %u AND l.classid = %d AND l.objid = %d AND l.objsubid = %d AND l.granted",
				MyDatabaseId, LOCK_CLASS, LOCK_OBJECT, LOCK_KIND),
			true, 1) == SPI_OK_SELECT &&
		SPI_processed == 1)
		pid = atoi(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	query_end(nest);
	return pid;
}

void
collector_await(void)
{
	LOCKTAG tag = lock_tag(LOCK_WAITERS);

	(void) LockAcquire(&tag, ShareLock, false, false);
}

void
collector_tell_waiting(void)
{
	LOCKTAG tag = lock_tag(LOCK_WAITERS);
	VirtualTransactionId *waiting = GetLockConflicts(&tag, ExclusiveLock, NULL);

	for (int i = 0; VirtualTransactionIdIsValid(waiting[i]); i++)
	{
		PGPROC *proc = compat_proc_of(waiting[i]);

		/* Whoever has that place by now is woken for nothing. */
		if (proc != NULL)
			SetLatch(&proc->procLatch);
	}
	pfree(waiting);
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

void
collector_tell(void)
{
	if (config_enabled && config_collect_at[0] != '\0')
		(void) collector_wake();
}

bool
collector_remind(void)
{
	static bool registered = false;
	int pid = collector_pid();

	if (pid == 0)
		return false;
	if (!registered)
	{
		RegisterXactCallback(wake_after_commit, NULL);
		registered = true;
	}
	wake_at_commit = pid;
	return true;
}

bool
collector_wake(void)
{
	static bool warned = false;

	if (collector_remind())
		return true;
	if (collector_start(MyDatabaseId, false, GetTopTransactionIdIfAny(), NULL))
		return true;
	if (!warned)
		ereport(WARNING, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
						  errmsg("no free worker slot for the dreamsuite collector"),
						  errdetail("The accounts stay due."), errhint("Raise max_worker_processes.")));
	warned = true;
	return false;
}
