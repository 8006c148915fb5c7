/*
 * store.h
 *    Finished jobs become rows: the day, the content, the ledger, the account's state, all in one transaction.
 */
#ifndef DREAMSUITE_STORE_H
#define DREAMSUITE_STORE_H

#include "collect/job.h"

/*
 * Rows that another transaction holds are waited for no longer than this. Most end before; and it is below the default of
 * deadlock_timeout, so that it is never the other one that has to give way.
 */
#define STORE_PATIENCE_MS 800

/*
 * Stores finished jobs and frees their leases. Writes nothing for a job whose lease is lost. Where the batch cannot be
 * stored as a whole, each job is stored for itself, and one that cannot be is recorded as failed: one bad row never
 * stops the others. Where even that cannot be recorded its lease is left to run out. Needs no transaction; does not delete
 * the jobs.
 *
 * Rows that another transaction holds are waited for (`patient`) for less than a second, else not at all to speak of: such
 * jobs come back with `locked` set, nothing written, to be stored later.
 *
 * *next_due (calendar's time; TIME_UNKNOWN) becomes the earliest time at which one of them is due again, if that is
 * earlier than it was.
 */
extern void store_jobs(List *jobs, bool patient, TimestampTz *next_due);

#endif
