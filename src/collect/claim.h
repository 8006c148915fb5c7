/*
 * claim.h
 *    Due accounts are claimed under a lease, in one short transaction.
 */
#ifndef DREAMSUITE_CLAIM_H
#define DREAMSUITE_CLAIM_H

#include "collect/job.h"

/* A lease outlasts every pause between two renewals (claim_renew); after a crash the next collector frees all at once. */
#define LEASE_SECONDS 1800

#define MAX_PLATFORMS 32

/* What a claim saw ahead. */
typedef struct Look
{
	TimestampTz due; /* calendar: the next account is due, or no longer blocked; TIME_UNKNOWN: none is */
	TimestampTz
		lease_ends; /* clock: of somebody who is gone; only where there is nothing to do. TIME_UNKNOWN: there is none */
	bool failed;             /* the claim could not be made; it has been logged, and nothing is known */
	int room[MAX_PLATFORMS]; /* of each platform, left after the claim; above 0 nothing more was due */
} Look;

/*
 * Claims due accounts and commits: about `most` are to be at work, shared among the platforms that may have due ones
 * (`wanted`), and of each no more than its pace allows (pace_room()); `active` are at work. Arrays are in the order of the
 * registry. Returns a List of Job *, each in its own child of `parent`. Raises nothing but what is to end the collector:
 * see Look.failed.
 */
extern List *claim_due(MemoryContext parent, int most, const int *active, const bool *wanted, Look *look);

/* Prolongs the leases of jobs that are still at work. */
extern void claim_renew(List *jobs);

/*
 * Frees every lease of this database that began before that time (clock): the caller holds the collector's lock, so nobody
 * works under them. False where some are left, because someone holds their rows.
 */
extern bool claim_release_all(TimestampTz before);

#endif
