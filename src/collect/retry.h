/*
 * retry.h
 *    How a run ended and what that means for the account: done for the day, again later, or waiting for people.
 */
#ifndef DREAMSUITE_RETRY_H
#define DREAMSUITE_RETRY_H

#include "collect/job.h"

#define MAX_TRIES_A_DAY 6

/* Tries of a day after which an account is believed to end the collector each time. Others end with it by chance. */
#define MAX_CRASHES_A_DAY 18

typedef enum Outcome
{
	OUTCOME_OK,
	OUTCOME_PARTIAL,
	OUTCOME_FAILED,
	OUTCOME_PLACEHOLDER
} Outcome;

/* "ok", "partial", "failed", "placeholder": as collection_runs has it. */
extern const char *outcome_name(Outcome outcome);

typedef struct Ending
{
	Outcome outcome;
	bool done;                 /* the day is finished: done_on moves */
	int attempts;              /* to be kept */
	TimestampTz next_due_at;   /* calendar; TIME_UNKNOWN: not scheduled */
	TimestampTz blocked_until; /* calendar; TIME_UNKNOWN: not blocked */
} Ending;

/* Is the account tried again on this day? Then what the run left may be asked further. */
extern bool retry_follows(const Job *job);

/* Judges a job that has answered all or was stopped (DESIGN section 7, error classes and what follows). */
extern Ending retry_ending(const Job *job);

/* Back-off before try number `attempts` + 1, in microseconds: 1, 4, 16 minutes and so on, at most 4 hours, spread over
 * a half to the whole of it, so that an outage does not end in a storm. */
extern int64 retry_backoff(int attempts);

/* The wait after "too many requests" where the platform named none: 5 s, doubled with each try of the request. */
extern int64 retry_default_wait(int tries);

/*
 * Gives every account that waits for no other reason its next time by dreamsuite.collect_at, or none. False where some are
 * left, because someone holds their rows.
 */
extern bool schedule_all(void);

#endif
