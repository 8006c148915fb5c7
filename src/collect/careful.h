/*
 * careful.h
 *    A claim on its way, and what becomes of one that fails.
 */
#ifndef DREAMSUITE_CAREFUL_H
#define DREAMSUITE_CAREFUL_H

#include "collect/claim.h"

/* What a claim is at when it fails. */
typedef enum Stage
{
	STAGE_PACE,
	STAGE_ACCOUNTS,
	STAGE_REVOCATIONS,
	STAGE_AHEAD
} Stage;

typedef struct Claiming
{
	MemoryContext parent;  /* of the jobs' */
	MemoryContext context; /* of the lists */
	int most;
	const int *active;
	const bool *wanted;
	Look *look;
	Stage stage;
	int room[MAX_PLATFORMS];
	bool ran_out; /* leases have */
	List *jobs;   /* Job *, of this transaction */

	/* Where accounts are claimed by their names */
	const Platform *platform; /* whose candidates are looked for */
	List *candidates;         /* Candidate * */
	int first, count;         /* of them, to be claimed */
} Claiming;

/* ---- claim.c ---- */

/* Reads the limits as they are known, and from them what is free. Within the transaction. */
extern void claiming_find_room(Claiming *claiming);

/* The rows of the last statement (due.c) join the jobs, with what is known of them. Within the transaction. */
extern void claiming_take_jobs(Claiming *claiming);

/* Takes back what a transaction that failed has left in memory. */
extern void claiming_discard(Claiming *claiming);

/* ---- careful.c ---- */

/*
 * Is the database as a whole in trouble, or somebody in the way? A conflict with someone else passes by itself; where it does
 * not, its cause is sought like others.
 */
extern bool careful_is_of_all(const ErrorData *error);

/* A claim failed for this reason: finds out which accounts are the cause, and claims the others. */
extern void careful_claim(Claiming *claiming, ErrorData *reason);

/* Did the last claim come to an end? */
extern void careful_note(bool failed);

#endif
