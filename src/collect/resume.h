/*
 * resume.h
 *    Answers that outlive their run: an account that is tried again goes on from where it was stopped.
 *
 * A limit or an outage in the middle of twelve requests costs the rest of them later, not all of them again; and a limit
 * of a whole platform, which stops every account at work, would otherwise let none of them get through. Kept in memory
 * alone, within bounds, and not for long: a crash or a shortage costs requests, never correctness.
 */
#ifndef DREAMSUITE_RESUME_H
#define DREAMSUITE_RESUME_H

#include "collect/job.h"

/* Has the job answers that are worth keeping for its next try on this day? */
extern bool resume_is_worth_it(const Job *job);

/* Keeps the memory of a stored job for its next try; false where the caller is to delete it. */
extern bool resume_keep(Job *job);

/* How many accounts of the platform, which a limit stopped, may go on by now. */
extern int resume_ready(const Platform *platform);

/*
 * Forgets what is too old to go on with, and the answers of accounts that are gone: once a minute while there are any, and
 * at once after resume_look(). Returns the milliseconds until it is to be called again.
 */
extern long resume_tidy(void);
extern void resume_look(void);

/* Gives a job that was just claimed what its last run left, where that still fits. */
extern void resume_take(Job *job);

#endif
