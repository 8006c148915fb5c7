/*
 * collector.h
 *    The collector: the one process of a database that talks to the platforms.
 */
#ifndef DREAMSUITE_COLLECTOR_H
#define DREAMSUITE_COLLECTOR_H

#include "access/transam.h"
#include "postmaster/bgworker.h"

#include "collect/job.h"
#include "http/engine.h"

#define COLLECTOR_BACKEND_TYPE "dreamsuite collector"
#define LAUNCHER_BACKEND_TYPE  "dreamsuite launcher"

/* Arguments of the worker, in bgw_extra. */
typedef struct CollectorArgs
{
	Oid database;
	bool standing;       /* started by the launcher: stays when there is nothing to do */
	TransactionId after; /* the transaction that asked for it, to be waited for */
} CollectorArgs;

/* Main function of the background worker. */
extern DREAMSUITE_EXPORT void dreamsuite_collector_main(Datum arg);

/*
 * Wakes the collector of this database, or starts one. Returns false, after one WARNING with a hint, where no worker slot
 * is free.
 */
extern bool collector_wake(void);

/* Wakes the collector of this database when the transaction commits; false where there is none. */
extern bool collector_remind(void);

/*
 * The same where dreamsuite.collect_at is the schedule: an account became due, and nobody else would say so. Elsewhere
 * collect_due() finds it.
 */
extern void collector_tell(void);

/*
 * Until its transaction ends this process is one of those that collector_tell_waiting() wakes by their latch, when the
 * collector has nothing left to do.
 */
extern void collector_await(void);
extern void collector_tell_waiting(void);

/* Registers a collector as a dynamic worker; false where no slot is free. */
extern bool
collector_start(Oid database, bool standing, TransactionId after, BackgroundWorkerHandle **handle);

/* The lock that makes a process the collector of its database, for the session; false where another one has it. */
extern bool collector_lock(void);
extern void collector_unlock(void);

/* Process id of the collector of this database; 0 where there is none. Needs a transaction. */
extern int collector_pid(void);

/* ---- For the rooms that send on behalf of a job (authorise.c) ---- */

/*
 * Sends a request of a job that is no step of its plan. `done` is called with the answer, never from inside libcurl, and
 * says what it came to; the ledger and the count of transfers are kept here. `endpoint` is what request_log shows.
 */
typedef ErrorClass (*JobAnswerDone)(Job *job, const HttpAnswer *answer, void *arg);
extern void
collector_send(Job *job, const char *endpoint, const HttpRequest *request, JobAnswerDone done, void *arg);

/* Sends a request that is no job's. */
extern void collector_send_alone(const HttpRequest *request, HttpDone done, void *arg);

/*
 * The job is authorised, needs no token, or was stopped: its plan begins, requests that were held are asked again, or it
 * ends.
 */
extern void collector_authorised(Job *job);

#endif
