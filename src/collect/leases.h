/*
 * leases.h
 *    Leases are kept while a job is at work, and end where nobody works under them any more.
 */
#ifndef DREAMSUITE_LEASES_H
#define DREAMSUITE_LEASES_H

#include "collect/job.h"

/* A lease outlasts every pause between two renewals (leases_renew); after a crash the next collector frees all at once. */
#define LEASE_SECONDS 1800

/* Prolongs the leases of jobs that are still at work. Has transactions of its own. */
extern void leases_renew(List *jobs);

/*
 * Frees every lease of this database that began before that time (clock): the caller holds the collector's lock, so nobody
 * works under them. False where some are left, because someone holds their rows. Has transactions of its own.
 */
extern bool leases_release(TimestampTz before);

/*
 * When the next lease runs out (clock); TIME_UNKNOWN: there is none. *ran_out: some have. Reads all leases, for the moment when
 * nothing else is to be done. Within the caller's transaction.
 */
extern TimestampTz leases_next(bool *ran_out);

/*
 * Ends the leases that ran out, in transactions of its own: without them the accounts are looked ahead at like others. What
 * someone else holds is left. Returns when it is worth being called again where some are left (clock).
 */
extern TimestampTz leases_end(void);

#endif
