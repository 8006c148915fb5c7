/*
 * claim.h
 *    Due accounts are claimed under a lease, in one short transaction.
 */
#ifndef DREAMSUITE_CLAIM_H
#define DREAMSUITE_CLAIM_H

#include "collect/due.h"
#include "collect/job.h"

/*
 * What a claim saw ahead; TIME_UNKNOWN: nothing. `due` is the calendar's time at which the next account is due, or no longer
 * blocked; `lease_ends` the clock's at which a lease of somebody who is gone ends, where nothing is to be done, or the time
 * for which an account is left out.
 */
typedef struct Look
{
	TimestampTz due;
	TimestampTz lease_ends;
	bool failed; /* not all that is due could be looked for; it has been logged, and nothing is known */
	bool more[MAX_PLATFORMS]; /* the platform may have more that are due */
	bool again;               /* and this can be known at once: not all of what is due was looked at */
} Look;

/*
 * Claims due accounts and commits. One that cannot be claimed is put off, and keeps none of the others from it. About `most`
 * are to be at work, shared among the platforms that may have due ones (`wanted`), and of each no more than its pace allows
 * (pace_room()); `active` are at work. Arrays are in the order of the registry. Returns a List of Job *, each in its own child
 * of `parent`; also where look->failed. Raises nothing but what is to end the collector.
 */
extern List *claim_due(MemoryContext parent, int most, const int *active, const bool *wanted, Look *look);

#endif
