/*
 * resume.c
 *    Answers that outlive their run: an account that is tried again goes on from where it was stopped.
 *
 * What is kept is the memory of the job, its secrets wiped: the plan with its answers and with the requests that were
 * left. It belongs to one account as it was: other settings, another consent, a day that has turned, or somebody who asked
 * for a run begin anew.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "lib/ilist.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/resume.h"
#include "collect/retry.h"
#include "config.h"

#define MOST_BYTES_EACH (1024 * 1024)
#define MOST_BYTES      (40 * 1024 * 1024)
#define MOST_AGE        (2 * USECS_PER_HOUR) /* of the first answer: the values of a day should not be hours apart */
#define MOST_OFFERS     3

typedef struct Kept
{
	dlist_node node; /* oldest first */
	int offered;     /* to so many claims */
	const Job *job;  /* stored; its tokens are gone */
	Size size;
} Kept;

static dlist_head kept = DLIST_STATIC_INIT(kept);
static Size kept_bytes = 0;

bool
resume_is_worth_it(const Job *job)
{
	return job->plan != NULL && job->plan->left != NIL && job->answered_ok > 0 && !job->token_dropped &&
		   retry_follows(job) && MemoryContextMemAllocated(job->context, true) <= MOST_BYTES_EACH;
}

/* Takes it out of the list; the memory is the caller's from now on. */
static MemoryContext
take_out(Kept *found)
{
	dlist_delete(&found->node);
	kept_bytes -= found->size;
	return found->job->context;
}

static bool
is_too_old(const Kept *found)
{
	return config_now() - found->job->account.observed_at > MOST_AGE;
}

void
resume_forget_old(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &kept)
	{
		Kept *found = dlist_container(Kept, node, iter.cur);

		if (is_too_old(found))
			MemoryContextDelete(take_out(found));
	}
}

bool
resume_keep(Job *job)
{
	Kept *found;
	Size size;

	if (!job->keeps_answers || !resume_is_worth_it(job))
		return false;
	size = MemoryContextMemAllocated(job->context, true);
	if (kept_bytes + size > MOST_BYTES)
		resume_forget_old();
	/* Those that are kept come first when their time has come, so an older one is worth more than this one. */
	if (kept_bytes + size > MOST_BYTES)
		return false;
	found = MemoryContextAlloc(job->context, sizeof(Kept));
	found->job = job;
	found->size = size;
	found->offered = 0;
	dlist_push_tail(&kept, &found->node);
	kept_bytes += size;
	return true;
}

int
resume_ready(const Platform *platform)
{
	TimestampTz now = config_now();
	int ready = 0;
	dlist_iter iter;

	dlist_foreach(iter, &kept)
	{
		Kept *found = dlist_container(Kept, node, iter.cur);
		const Job *job = found->job;

		/* One that no claim takes has gone, or somebody holds it. */
		if (job->platform == platform && job->blocked_until != 0 && job->blocked_until <= now &&
			found->offered++ < MOST_OFFERS)
			ready++;
	}
	return ready;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_texts(List *a, List *b)
{
	ListCell *cell, *other;

	if (list_length(a) != list_length(b))
		return false;
	forboth(cell, a, other, b)
	{
		if (!same_text(lfirst(cell), lfirst(other)))
			return false;
	}
	return true;
}

static bool
same_settings(const JsonbContainer *a, const JsonbContainer *b)
{
	return a == b || (a != NULL && b != NULL &&
					  compareJsonbContainers((JsonbContainer *) a, (JsonbContainer *) b) == 0);
}

/* Would the plan of the earlier run be that of this one? What the platform refused meanwhile is out of it already. */
static bool
still_fits(const Job *earlier, const Job *job)
{
	const char *id = earlier->account.external_id;

	if (id == NULL && earlier->result != NULL)
		id = earlier->result->external_id;
	return earlier->date == job->date && !job->placeholder && !job->stopped && job->code == NULL &&
		   (job->requested_at == TIME_UNKNOWN || job->requested_at <= earlier->started_at) &&
		   strcmp(earlier->status, job->status) == 0 && same_text(id, job->account.external_id) &&
		   earlier->account.has_token == job->account.has_token &&
		   same_texts(earlier->account.scopes, job->account.scopes) &&
		   same_settings(earlier->account.settings, job->account.settings);
}

static void
take_over(Job *job, Kept *found)
{
	const Job *earlier = found->job;

	MemoryContextSetParent(take_out(found), job->context);
	job->resumed = true;
	job->plan = earlier->plan;
	job->answered_ok = earlier->answered_ok;
	/* The windows of the day end where its first answer was asked for. */
	job->account.observed_at = earlier->account.observed_at;
	job->account.local_midnight = earlier->account.local_midnight;
}

void
resume_take(Job *job)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &kept)
	{
		Kept *found = dlist_container(Kept, node, iter.cur);

		if (found->job->platform != job->platform ||
			memcmp(&found->job->user_id, &job->user_id, UUID_LEN) != 0)
			continue;
		if (!is_too_old(found) && still_fits(found->job, job))
			take_over(job, found);
		else
			MemoryContextDelete(take_out(found));
		return;
	}
}
