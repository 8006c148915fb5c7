/*
 * aside.h
 *    Runs that are done, but whose rows another transaction holds: stored when that has ended.
 */
#ifndef DREAMSUITE_ASIDE_H
#define DREAMSUITE_ASIDE_H

#include "collect/job.h"

/*
 * Takes a job over that store_jobs() left with `locked` set. Where there are too many of them its answers are dropped: the
 * account is given back, not counted as tried, and collected again.
 */
extern void aside_put(Job *job);

/* Those that are to be tried again now, no longer kept here; NIL where there is none. A new List. */
extern List *aside_take(void);

/* Milliseconds until aside_take() gives one; LONG_MAX where nothing is kept. */
extern long aside_wait(void);

/* All that are kept, for their leases. Not to be changed. */
extern List *aside_jobs(void);

#endif
