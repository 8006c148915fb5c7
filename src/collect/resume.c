/*
 * resume.c
 *    Answers that outlive their run: an account that is tried again goes on from where it was stopped.
 *
 * What is kept is the memory of the job, its secrets wiped: the plan with its answers and with the requests that were
 * left. It belongs to one account as it was: other settings, another consent, a day that has turned, or somebody who asked
 * for a run begin anew. It is somebody's data: where the account goes, so does it, whoever removed the row.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/ilist.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/columns.h"
#include "collect/resume.h"
#include "collect/retry.h"
#include "collect/transaction.h"
#include "config.h"

#define MOST_BYTES_EACH (1024 * 1024)
#define MOST_BYTES      (40 * 1024 * 1024)
#define MOST_AGE        (2 * USECS_PER_HOUR) /* of the first answer: the values of a day should not be hours apart */
#define MOST_OFFERS     3
#define LOOK_AGAIN_MS   60000

typedef struct Kept
{
	dlist_node node; /* oldest first */
	int offered;     /* to so many claims */
	const Job *job;  /* stored; its tokens are gone */
	Size size;
} Kept;

static dlist_head kept = DLIST_STATIC_INIT(kept);
static Size kept_bytes = 0;
static TimestampTz look_at =
	0; /* clock: when what is kept is next compared with the accounts that are left */

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

static void
forget_old(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &kept)
	{
		Kept *found = dlist_container(Kept, node, iter.cur);

		if (is_too_old(found))
			MemoryContextDelete(take_out(found));
	}
}

/* The one of an account, or NULL. */
static Kept *
find(const pg_uuid_t *user_id, const char *platform)
{
	dlist_iter iter;

	dlist_foreach(iter, &kept)
	{
		Kept *found = dlist_container(Kept, node, iter.cur);

		if (memcmp(&found->job->user_id, user_id, UUID_LEN) == 0 &&
			strcmp(found->job->platform->name, platform) == 0)
			return found;
	}
	return NULL;
}

/* Forgets the answers of accounts that were removed, or connected again, since they came. */
static void
forget_gone(void *arg)
{
	static SPIPlanPtr plan;
	static const Oid types[] = {UUIDOID, TEXTOID, TIMESTAMPTZOID};
	Columns *columns;
	dlist_iter iter;

	if (!transaction_begin("dreamsuite: forgetting answers of accounts that are gone"))
		return;
	columns = columns_create(lengthof(types), types);
	dlist_foreach(iter, &kept)
	{
		const Job *job = dlist_container(Kept, node, iter.cur)->job;

		columns_row(columns);
		column_uuid(columns, &job->user_id);
		column_text(columns, job->platform->name);
		column_time(columns, job->started_at);
	}
	columns_execute(
		&plan,
		"SELECT j.user_id, j.platform FROM batch AS j(user_id, platform, started)"
		" WHERE NOT EXISTS (SELECT FROM dreamsuite.accounts a"
		"  WHERE a.user_id = j.user_id AND a.platform = j.platform AND a.connected_at < j.started)",
		columns, SPI_OK_SELECT);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool null;
		Datum user_id = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &null);
		Kept *found =
			find(DatumGetUUIDP(user_id), SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2));

		if (found != NULL)
			MemoryContextDelete(take_out(found));
	}
	transaction_commit();
}

void
resume_look(void)
{
	look_at = 0;
}

long
resume_tidy(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (dlist_is_empty(&kept))
		return LONG_MAX;
	if (now >= look_at)
	{
		forget_old();
		if (!dlist_is_empty(&kept))
			(void) transaction_try(forget_gone, NULL, "forget the answers of accounts that are gone");
		look_at = now + LOOK_AGAIN_MS * INT64CONST(1000);
	}
	return dlist_is_empty(&kept) ? LONG_MAX : Max(1, (long) ((look_at - now) / 1000));
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
		forget_old();
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
	Kept *found = find(&job->user_id, job->platform->name);

	if (found == NULL)
		return;
	if (!is_too_old(found) && still_fits(found->job, job))
		take_over(job, found);
	else
		MemoryContextDelete(take_out(found));
}
