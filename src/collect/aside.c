/*
 * aside.c
 *    Runs that are done, but whose rows another transaction holds.
 *
 * A session that left a transaction open over an account's rows holds up that account and no other. Its answers stay in
 * memory, under their lease, and are stored when the rows are free: after a second, then 2, 4, ... at most 30. What is kept
 * is bounded; beyond that accounts are given back, to be collected again.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/aside.h"
#include "collect/transaction.h"
#include "collect/work.h"
#include "config.h"

#define FIRST_WAIT_MS      1000
#define LONGEST_WAIT_MS    30000
#define MOST_BYTES         (32 * 1024 * 1024)
#define GIVEN_BACK_MINUTES 10

static List *aside = NIL; /* Job * */
static Size bytes = 0;    /* of them */

static Size
bytes_of(const Job *job)
{
	return MemoryContextMemAllocated(job->context, true);
}

/* Its row may be locked as well: then its lease runs out. */
static void
give_back(void *arg)
{
	static SPIPlanPtr plan;
	Job *job = arg;
	Oid types[] = {UUIDOID, TEXTOID, UUIDOID, TIMESTAMPTZOID};
	Datum values[] = {UUIDPGetDatum(&job->user_id), CStringGetTextDatum(job->platform->name),
					  UUIDPGetDatum(&job->lease_token),
					  TimestampTzGetDatum(config_now() + GIVEN_BACK_MINUTES * USECS_PER_MINUTE)};

	if (!transaction_begin("dreamsuite: giving an account back"))
		return;
	transaction_execute(
		transaction_plan(
			&plan,
			"UPDATE dreamsuite.account_state AS s SET lease_token = NULL, lease_until = NULL, next_due_at = $4,"
			"  attempts = GREATEST(s.attempts - 1, 0)"
			" FROM (SELECT o.user_id FROM dreamsuite.account_state o"
			"   WHERE o.user_id = $1 AND o.platform = $2 AND o.lease_token = $3 FOR NO KEY UPDATE SKIP LOCKED) l"
			" WHERE s.user_id = $1 AND s.platform = $2 AND s.user_id = l.user_id",
			lengthof(types), types),
		values, NULL, SPI_OK_UPDATE);
	transaction_commit();
}

void
aside_put(Job *job)
{
	MemoryContext old;
	int64 wait_ms = Min(LONGEST_WAIT_MS, FIRST_WAIT_MS << Min(job->times_aside, 10));

	if (bytes + bytes_of(job) > MOST_BYTES)
	{
		(void) transaction_try(give_back, job, "give an account back");
		MemoryContextDelete(job->context);
		return;
	}
	job->times_aside++;
	job->aside_until = GetCurrentTimestamp() + wait_ms * INT64CONST(1000);
	old = MemoryContextSwitchTo(work.context);
	aside = lappend(aside, job);
	MemoryContextSwitchTo(old);
	bytes += bytes_of(job);
}

List *
aside_take(void)
{
	TimestampTz now = GetCurrentTimestamp();
	List *due = NIL;
	ListCell *cell;

	foreach (cell, aside)
	{
		Job *job = lfirst(cell);

		if (job->aside_until > now)
			continue;
		due = lappend(due, job);
		bytes -= bytes_of(job);
		aside = foreach_delete_current(aside, cell);
	}
	return due;
}

long
aside_wait(void)
{
	TimestampTz now = GetCurrentTimestamp();
	long wait = LONG_MAX;
	ListCell *cell;

	foreach (cell, aside)
		wait = Min(wait, Max(0, (long) ((((Job *) lfirst(cell))->aside_until - now) / 1000) + 1));
	return wait;
}

List *
aside_jobs(void)
{
	return aside;
}
