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

/* Leases due accounts, of each platform at most its room, and reads them: the rows of the result are for claimed_job(). */
extern void due_claim_share(const int *room);

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
