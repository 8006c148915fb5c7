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
	int room[MAX_PLATFORMS]; /* of each platform, left after the claim: above 0 nothing more was due */
} Look;

/*
 * Claims due accounts and commits: of each platform as many as it may have at work (pace_room() of `most`) beyond those
 * that are (`active`, in the order of the registry). Returns a List of Job *, each in its own child of `parent`.
 */
extern List *claim_due(MemoryContext parent, int most, const int *active, Look *look);

/* Prolongs the leases of jobs that are still at work. */
extern void claim_renew(List *jobs);

/* Frees every lease of this database: the caller holds the collector's lock, so nobody works under them. */
extern void claim_release_all(void);

#endif
