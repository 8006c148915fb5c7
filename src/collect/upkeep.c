/*
 * upkeep.c
 *    What the collector does now and then beside collecting: leases, the schedule, the ledger's old rows.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "executor/spi.h"
#include "utils/timestamp.h"

#include "collect/aside.h"
#include "collect/collector.h"
#include "collect/leases.h"
#include "collect/ledger.h"
#include "collect/retry.h"
#include "collect/transaction.h"
#include "collect/upkeep.h"
#include "collect/work.h"
#include "config.h"

#define TIDY_AGAIN_MS  5000 /* what somebody's locks kept from being done */
#define PRUNE_EVERY_MS 3600000
#define PRUNE_AGAIN_MS 200 /* where a batch was not enough */

static TimestampTz started_at;          /* clock */
static bool leases_left, schedule_left; /* rows that someone held are still to be put in order */
static TimestampTz tidy_at;             /* clock */
static TimestampTz prune_at;            /* clock */

void
upkeep_start(void)
{
	started_at = GetCurrentTimestamp();
	leases_left = true;
	schedule_left = config_collect_at[0] != '\0';
}

void
upkeep_reload(bool schedule)
{
	if (schedule)
	{
		schedule_left = true;
		tidy_at = 0;
	}
	prune_at = 0;
}

/* ---- Leases and the schedule ---- */

static void
find_leases(void *arg)
{
	leases_left = !leases_release(started_at);
}

static void
find_unscheduled(void *arg)
{
	schedule_left = !schedule_all();
}

long
upkeep_tidy(bool *changed)
{
	TimestampTz now = GetCurrentTimestamp();

	*changed = false;
	if (!upkeep_is_untidy())
		return LONG_MAX;
	if (now >= tidy_at)
	{
		if (leases_left)
			(void) transaction_try(find_leases, NULL, "free leases of an earlier collector");
		if (schedule_left)
			(void) transaction_try(find_unscheduled, NULL, "schedule accounts");
		*changed = true;
		tidy_at = now + TIDY_AGAIN_MS * INT64CONST(1000);
	}
	return upkeep_is_untidy() ? Max(1, (long) ((tidy_at - now) / 1000)) : LONG_MAX;
}

bool
upkeep_is_untidy(void)
{
	return leases_left || schedule_left;
}

void
upkeep_leases(void)
{
	static TimestampTz kept_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	List *jobs;
	dlist_iter iter;

	if (kept_at != 0 && now - kept_at < LEASE_SECONDS / 3 * USECS_PER_SEC)
		return;
	kept_at = now;
	jobs = list_copy(aside_jobs());
	dlist_foreach(iter, &work.asking) jobs = lappend(jobs, dlist_container(Job, node, iter.cur));
	if (jobs != NIL)
		leases_renew(jobs);
	list_free(jobs);
}

/* ---- The ledger ---- */

static void
prune_batch(void *more)
{
	*(bool *) more = ledger_prune();
}

long
upkeep_prune(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now >= prune_at)
	{
		bool more = false;

		(void) transaction_try(prune_batch, &more, "prune the ledger");
		prune_at = now + (more ? PRUNE_AGAIN_MS : PRUNE_EVERY_MS) * INT64CONST(1000);
	}
	return Max(1, (long) ((prune_at - now) / 1000));
}
