/*
 * claim.c
 *    Due accounts are claimed under a lease, in one short transaction.
 *
 * The claim counts the try before the first request is made, so that a crash counts too, and reads all that the run
 * needs: settings, sealed tokens, known content, quarantine.
 *
 * Where that fails the accounts are claimed part by part (careful.c).
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/careful.h"
#include "collect/claim.h"
#include "collect/claimed.h"
#include "collect/cycle.h"
#include "collect/due.h"
#include "collect/leases.h"
#include "collect/pace.h"
#include "collect/poison.h"
#include "collect/resume.h"
#include "collect/revoke.h"
#include "collect/transaction.h"
#include "config.h"

#define REVOKE_AGAIN USECS_PER_MINUTE /* after it failed */

static TimestampTz revoke_not_before = 0; /* clock */

/* ---- What is free, and what comes next ---- */

/* Does some platform for which there was room have more that are due, as far as is known? */
static bool
may_be_more(const int *room, const Look *look)
{
	for (int i = 0; platforms[i] != NULL; i++)
	{
		if (room[i] > 0 && look->more[i])
			return true;
	}
	return false;
}

/* When the collector has to look again; within the transaction. */
static void
look_ahead(Claiming *claiming)
{
	Look *look = claiming->look;
	Ahead ahead;

	due_look_ahead(&ahead);
	for (int i = 0; platforms[i] != NULL; i++)
	{
		TimestampTz paused = pace_app_paused_until(platforms[i]);

		if (ahead.due[i] != TIME_UNKNOWN && paused != TIME_UNKNOWN)
			ahead.due[i] = Max(ahead.due[i], paused);
		look->due = time_earlier(look->due, ahead.due[i]);
	}
	if (ahead.revocations == TIME_UNKNOWN)
		return;
	if (revoke_not_before > GetCurrentTimestamp())
		look->lease_ends = time_earlier(look->lease_ends, revoke_not_before);
	else
		look->due = time_earlier(look->due, ahead.revocations);
}

/*
 * How many accounts of each platform may be claimed. What is free is shared among those that may have some, so that the
 * memory of the process is bounded; a few of each platform always find room, so that none waits for all the others.
 */
static void
share_room(int most, const int *active, const bool *wanted, int *room)
{
	int all = 0, sharing = 0;

	for (int i = 0; platforms[i] != NULL; i++)
	{
		all += active[i];
		sharing += wanted[i] ? 1 : 0;
	}
	for (int i = 0; platforms[i] != NULL; i++)
	{
		int share = Max(Max(most - all, 0) / Max(sharing, 1), ROOM_LEAST - active[i]);
		int begun = resume_ready(platforms[i]);

		/* What was begun, and comes first, is ended before more is begun: less is lost with the process. */
		if (begun > 0)
			share = Min(share, Max(begun, ROOM_LEAST - active[i]));
		room[i] = Max(0, Min(share, pace_room(platforms[i], most) - active[i]));
	}
}

static int
sum_of(const int *numbers)
{
	int sum = 0;

	for (int i = 0; platforms[i] != NULL; i++)
		sum += numbers[i];
	return sum;
}

/* ---- In one transaction ---- */

void
claiming_take_jobs(Claiming *claiming)
{
	ListCell *cell;

	for (int row = 0; row < (int) SPI_processed; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(claiming->context);

		claiming->jobs = lappend(claiming->jobs, claimed_job(claiming->parent, row));
		MemoryContextSwitchTo(old);
	}
	foreach (cell, claiming->jobs)
		resume_take(lfirst(cell));
	if (claiming->jobs != NIL)
		cycle_begin();
	claimed_load_known(claiming->jobs);
}

void
claiming_find_room(Claiming *claiming)
{
	claiming->stage = STAGE_PACE;
	pace_store();
	pace_load();
	share_room(claiming->most, claiming->active, claiming->wanted, claiming->room);
}

void
claiming_discard(Claiming *claiming)
{
	ListCell *cell;

	foreach (cell, claiming->jobs)
		MemoryContextDelete(((Job *) lfirst(cell))->context);
	list_free(claiming->jobs);
	claiming->jobs = NIL;
	pace_forget_stored();
	cycle_forget();
	revoke_forget();
	due_begin_again();
	*claiming->look = (Look){.due = TIME_UNKNOWN, .lease_ends = TIME_UNKNOWN};
}

/* The claim of whatever is due. */
static void
claim_share(void *arg)
{
	Claiming *claiming = arg;
	Look *look = claiming->look;

	if (!transaction_begin("dreamsuite: claiming due accounts"))
		return;
	claiming_find_room(claiming);
	claiming->stage = STAGE_ACCOUNTS;
	due_claim_share(claiming->room);
	claiming_take_jobs(claiming);
	look->again = due_note_claimed(claiming->jobs, claiming->room, look->more);

	claiming->stage = STAGE_REVOCATIONS;
	if (GetCurrentTimestamp() >= revoke_not_before)
		revoke_claim();
	claiming->stage = STAGE_AHEAD;
	if (claiming->jobs == NIL && sum_of(claiming->active) == 0)
		look->lease_ends = leases_next(&claiming->ran_out);
	/* The answer could only be "now", and costs a walk past everything that is under lease. */
	if (may_be_more(claiming->room, look))
		look->due = config_now();
	else
		look_ahead(claiming);
	transaction_commit();
}

/* Tokens that are to be revoked wait, because of one that cannot be read or written. */
static void
rest_revocations(const ErrorData *error)
{
	revoke_not_before = GetCurrentTimestamp() + REVOKE_AGAIN;
	ereport(WARNING,
			(errcode(error->sqlerrcode), errmsg("could not take tokens to be revoked: %s", error->message),
			 errdetail("The collector tries again later; accounts are collected meanwhile.")));
}

/* The same in ever smaller parts; only the list of jobs stays in the caller's memory. */
static void
claim_part_by_part(Claiming *claiming, ErrorData *reason)
{
	MemoryContext old = claiming->context;

	claiming->context = AllocSetContextCreate(old, "dreamsuite careful claim", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(claiming->context);
	careful_claim(claiming, reason);
	MemoryContextSwitchTo(old);
	claiming->jobs = list_copy(claiming->jobs);
	MemoryContextDelete(claiming->context);
	claiming->context = old;
}

List *
claim_due(MemoryContext parent, int most, const int *active, const bool *wanted, Look *look)
{
	Claiming claiming = {.parent = parent,
						 .context = CurrentMemoryContext,
						 .most = most,
						 .active = active,
						 .wanted = wanted,
						 .look = look};
	ErrorData *error;

	*look = (Look){.due = TIME_UNKNOWN, .lease_ends = TIME_UNKNOWN};
	error = transaction_attempt(claim_share, &claiming);
	if (error != NULL && claiming.stage == STAGE_REVOCATIONS && !careful_is_of_all(error))
	{
		claiming_discard(&claiming);
		rest_revocations(error);
		error = transaction_attempt(claim_share, &claiming);
	}
	if (error != NULL)
	{
		claiming_discard(&claiming);
		claim_part_by_part(&claiming, error);
		FreeErrorData(error);
	}
	careful_note(look->failed);
	poison_over(claiming.jobs);
	if (claiming.ran_out && !look->failed)
		look->lease_ends = time_earlier(look->lease_ends, leases_end());
	look->lease_ends = time_earlier(look->lease_ends, poison_next());
	return claiming.jobs;
}
