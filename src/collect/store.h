/*
 * store.h
 *    Finished jobs become rows: the day, the content, the ledger, the account's state, all in one transaction.
 */
#ifndef DREAMSUITE_STORE_H
#define DREAMSUITE_STORE_H

#include "collect/job.h"

/*
 * Stores finished jobs and frees their leases. Writes nothing for a job whose lease is lost. Where the batch cannot be
 * stored as a whole, each job is stored for itself, and one that cannot be is recorded as failed: one bad row never
 * stops the others. Needs no transaction; does not delete the jobs. False where even that could not be recorded, so that
 * leases are left to run out.
 *
 * *next_due (calendar's time; TIME_UNKNOWN) becomes the earliest time at which one of them is due again, if that is
 * earlier than it was.
 */
extern bool store_jobs(List *jobs, TimestampTz *next_due);

/* Removes ledger rows older than dreamsuite.run_retention, a few thousand at most; true where more are left. */
extern bool ledger_prune(void);

#endif
