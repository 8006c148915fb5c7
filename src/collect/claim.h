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
	int room[MAX_PLATFORMS]; /* of each platform, left after the claim; above 0 nothing more was due */
} Look;

/*
 * Claims due accounts and commits: about `most` are to be at work, shared among the platforms that may have due ones
 * (`wanted`), and of each no more than its pace allows (pace_room()); `active` are at work. Arrays are in the order of the
 * registry. Returns a List of Job *, each in its own child of `parent`.
 */
extern List *claim_due(MemoryContext parent, int most, const int *active, const bool *wanted, Look *look);

/* Prolongs the leases of jobs that are still at work. */
extern void claim_renew(List *jobs);

/* Frees every lease of this database: the caller holds the collector's lock, so nobody works under them. */
extern void claim_release_all(void);

#endif
