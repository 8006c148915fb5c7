/*
 * careful.c
 *    A claim that failed is made again part by part.
 *
 * The due accounts are claimed in halves, and the halves in halves, each in a transaction of its own, down to the one that
 * cannot be claimed: it is put off (poison.c), and the others are at work meanwhile.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "collect/careful.h"
#include "collect/due.h"
#include "collect/poison.h"
#include "collect/transaction.h"
#include "config.h"

/* So many accounts that fail, and none that does not: then it is hardly their fault. Who mends it has a minute or so until they
 * are put off all the same, so that SQL shows them. */
#define ALL_FAIL    5
#define ALL_FAIL_IN 6 /* claims in a row */

static int failed_before = 0; /* claims in a row that came to nothing */

bool
careful_is_of_all(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_OPERATOR_INTERVENTION:
			return true;
		case ERRCODE_TRANSACTION_ROLLBACK:
			return failed_before == 0;
	}
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

/* Nothing further is claimed for a while. */
static void
give_up(Claiming *claiming, const ErrorData *error)
{
	ereport(WARNING, (errcode(error->sqlerrcode), errmsg("could not claim due accounts: %s", error->message),
					  errdetail("The collector tries again later.")));
	*claiming->look = (Look){.due = TIME_UNKNOWN, .lease_ends = TIME_UNKNOWN, .failed = true};
}

static void
look_for_room(void *arg)
{
	if (!transaction_begin("dreamsuite: claiming accounts one by one"))
		return;
	claiming_find_room(arg);
	transaction_commit();
}

static void
look_for_candidates(void *arg)
{
	Claiming *claiming = arg;
	MemoryContext old;
	List *found;

	if (!transaction_begin("dreamsuite: claiming accounts one by one"))
		return;
	found =
		due_find(claiming->platform, claiming->room[platform_index(claiming->platform)], claiming->context);
	old = MemoryContextSwitchTo(claiming->context);
	claiming->candidates = list_concat(claiming->candidates, found);
	MemoryContextSwitchTo(old);
	transaction_commit();
}

/* Claims some of the candidates. */
static void
claim_named(void *arg)
{
	Claiming *claiming = arg;

	if (!transaction_begin("dreamsuite: claiming accounts one by one"))
		return;
	due_claim_named(claiming->candidates, claiming->first, claiming->count);
	claiming_take_jobs(claiming);
	transaction_commit();
}

/* An account that could not be claimed, and why. */
typedef struct Refused
{
	const Candidate *candidate;
	ErrorData *error;
} Refused;

/*
 * Claims the candidates in ever smaller parts, until what fails is one account. The larger parts come first, so that those
 * that are well wait for none. Returns the List of Refused *; *trouble: the error after which no more was tried, or NULL.
 */
static List *
claim_in_parts(Claiming *claiming, List **jobs, ErrorData **trouble)
{
	int n = list_length(claiming->candidates);
	List *refused = NIL, *firsts = list_make1_int(0), *counts = list_make1_int(n);

	*trouble = NULL;
	while (firsts != NIL && n > 0)
	{
		int first = linitial_int(firsts), count = linitial_int(counts), half = (count + 1) / 2;
		ErrorData *error;

		CHECK_FOR_INTERRUPTS();
		firsts = list_delete_first(firsts);
		counts = list_delete_first(counts);
		claiming->first = first;
		claiming->count = count;
		error = transaction_attempt(claim_named, claiming);
		if (error == NULL)
		{
			*jobs = list_concat(*jobs, claiming->jobs);
			list_free(claiming->jobs);
			claiming->jobs = NIL;
			continue;
		}
		claiming_discard(claiming);
		if (careful_is_of_all(error))
		{
			*trouble = error;
			break;
		}
		if (count > 1)
		{
			firsts = lappend_int(lappend_int(firsts, first), first + half);
			counts = lappend_int(lappend_int(counts, half), count - half);
			FreeErrorData(error);
		}
		else
		{
			Refused *one = palloc(sizeof(Refused));

			one->candidate = list_nth(claiming->candidates, first);
			one->error = error;
			refused = lappend(refused, one);
		}
	}
	return refused;
}

/* Are there so many of them that it is not their fault? Those known from earlier do not count. */
static bool
too_many(List *refused)
{
	int news = 0;
	ListCell *cell;

	foreach (cell, refused)
	{
		const Refused *one = lfirst(cell);

		news += poison_is_known(&one->candidate->user_id, one->candidate->platform) ? 0 : 1;
	}
	return news >= ALL_FAIL && failed_before < ALL_FAIL_IN;
}

/* How many of them are of the platform. */
static int
candidates_of(const Claiming *claiming, const Platform *platform)
{
	int count = 0;
	ListCell *cell;

	foreach (cell, claiming->candidates)
		count += ((Candidate *) lfirst(cell))->platform == platform ? 1 : 0;
	return count;
}

void
careful_claim(Claiming *claiming, ErrorData *reason)
{
	bool blind = claiming->stage == STAGE_AHEAD;
	List *jobs = NIL, *refused;
	ErrorData *error;
	ListCell *cell;

	if (careful_is_of_all(reason) || claiming->stage == STAGE_PACE)
	{
		give_up(claiming, reason);
		return;
	}
	error = transaction_attempt(look_for_room, claiming);
	for (int i = 0; platforms[i] != NULL && error == NULL; i++)
	{
		claiming->platform = platforms[i];
		if (claiming->room[i] > 0)
			error = transaction_attempt(look_for_candidates, claiming);
		if (error != NULL && !careful_is_of_all(error))
		{
			ereport(WARNING, (errcode(error->sqlerrcode),
							  errmsg("could not look for due accounts of platform \"%s\": %s",
									 platforms[i]->name, error->message),
							  errdetail("Those of the other platforms are collected.")));
			FreeErrorData(error);
			error = NULL;
			blind = true;
		}
	}
	if (error != NULL)
	{
		give_up(claiming, error);
		return;
	}
	refused = claim_in_parts(claiming, &jobs, &error);
	claiming->jobs = jobs;
	if (error == NULL && (blind || refused == NIL || (jobs == NIL && too_many(refused))))
		error = reason;
	if (error == NULL || jobs != NIL)
	{
		foreach (cell, refused)
		{
			const Refused *one = lfirst(cell);

			poison_found(&one->candidate->user_id, one->candidate->platform, one->error);
		}
	}
	if (error != NULL)
	{
		give_up(claiming, error);
		return;
	}
	/* What comes next is seen by the next claim, which leaves those out. */
	claiming->look->due = config_now();
	for (int i = 0; platforms[i] != NULL; i++)
	{
		bool full = candidates_of(claiming, platforms[i]) >= claiming->room[i];

		claiming->look->more[i] = full || claiming->room[i] == 0;
	}
}

void
careful_note(bool failed)
{
	failed_before = failed ? failed_before + 1 : 0;
}
