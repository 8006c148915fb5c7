/*
 * claim.h
 *    Due accounts are claimed under a lease, in one short transaction.
 */
#ifndef DREAMSUITE_CLAIM_H
#define DREAMSUITE_CLAIM_H

#include "collect/job.h"

/* A lease outlasts every run: the longest request time-out times the tries, pages included, is bounded by it. */
#define LEASE_SECONDS 1800

/*
 * Claims up to `limit` due accounts and commits. Returns a List of Job *, each in its own child of `parent`; NIL where
 * nothing is due. *next_due is when the next account is due or an expired lease is free, in the calendar's time;
 * TIME_UNKNOWN where there is none.
 */
extern List *claim_due(MemoryContext parent, int limit, TimestampTz *next_due);

/* Frees every lease of this database: the caller holds the collector's lock, so nobody works under them. */
extern void claim_release_all(void);

#endif
