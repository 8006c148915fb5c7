/*
 * poison.h
 *    Accounts that cannot be claimed: a row of theirs that cannot be read or written.
 *
 * Each is told of once in the server's log, recorded as a failed run, and put off with back-off like any other. Where not even
 * that can be written it is remembered here, and left out of claims for a time that grows. What mends the row is enough: the
 * next try claims it.
 */
#ifndef DREAMSUITE_POISON_H
#define DREAMSUITE_POISON_H

#include "collect/job.h"

/* Records an account that could not be claimed for this reason, in transactions of its own. */
extern void poison_found(const pg_uuid_t *user_id, const Platform *platform, const ErrorData *error);

/* Is it known since an earlier claim? */
extern bool poison_is_known(const pg_uuid_t *user_id, const Platform *platform);

/* These accounts were claimed: what was known against them is over. */
extern void poison_over(List *jobs);

/*
 * The accounts to be left out of claims by now, as arrays of user_id and platform in the current memory context; false where
 * there is none.
 */
extern bool poison_left_out(Datum *users, Datum *platforms);

/* When the first of them is tried again (clock); TIME_UNKNOWN: there is none. */
extern TimestampTz poison_next(void);

#endif
