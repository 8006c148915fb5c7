/*
 * due.h
 *    The statements of a claim: which accounts are due, their leases, and all that a run needs of them.
 *
 * All work within the caller's transaction. Accounts that are left out for now (poison.h) are not due.
 */
#ifndef DREAMSUITE_DUE_H
#define DREAMSUITE_DUE_H

#include "postgres.h"

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

/*
 * Looks for what comes next. The rows of the result are, for each platform, `at` (its place in the registry, from 1), `due` and
 * `blocked` (when an account is due, or no longer blocked); and one with `at` null, for the next token to be revoked.
 */
extern void due_look_ahead(void);

#endif
