/*
 * due.h
 *    The statements of a claim: which accounts are due, their leases, and all that a run needs of them.
 *
 * All work within the caller's transaction. Accounts that are left out for now (poison.h) are not due.
 */
#ifndef DREAMSUITE_DUE_H
#define DREAMSUITE_DUE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

#include "platform/platform.h"

#define MAX_PLATFORMS 32

typedef struct Candidate
{
	pg_uuid_t user_id;
	const Platform *platform;
} Candidate;

/*
 * Leases due accounts, of each platform at most its room, and reads them: the rows of the result are for claimed_job(). Where
 * the last claim of a platform had all that it had room for this one goes on behind it; due_begin_again() is to be called where
 * something may have become due before that, and at least as often as what has is to be found.
 */
extern void due_claim_share(const int *room);
extern void due_begin_again(void);

/*
 * To be called with the jobs of due_claim_share(). `more`: the platform may have more that are due, as it had all that there
 * was room for, or was not looked at from the beginning. True where one had less than there was room for behind the last claim,
 * and is worth another look.
 */
extern bool due_note_claimed(List *jobs, const int *room, bool *more);

/* The same of those accounts in a part of a List of Candidate * that are due. */
extern void due_claim_named(List *candidates, int first, int count);

/* The due accounts of a platform: a List of Candidate *, in `context`. Nothing that is wide is read, and nothing locked. */
extern List *due_find(const Platform *platform, int most, MemoryContext context);

/* What comes next (calendar); TIME_UNKNOWN: nothing. */
typedef struct Ahead
{
	TimestampTz due[MAX_PLATFORMS]; /* an account of the platform is due, or no longer blocked */
	TimestampTz revocations;        /* the next token is to be revoked */
} Ahead;

extern void due_look_ahead(Ahead *ahead);

#endif
