/*
 * cycle.c
 *    The cycle under way, kept in collection_cycle.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "collect/cycle.h"
#include "collect/transaction.h"

static enum {
	CYCLE_UNKNOWN, /* an earlier collector may have left one */
	CYCLE_OPEN,
	CYCLE_CLOSED
} cycle = CYCLE_UNKNOWN;

void
cycle_begin(void)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(GetCurrentTimestamp())};

	if (cycle == CYCLE_OPEN)
		return;
	transaction_execute(
		transaction_plan(
			&plan,
			"INSERT INTO dreamsuite.collection_cycle AS c (started_at) VALUES ($1)"
			" ON CONFLICT (one_row) DO UPDATE SET started_at = excluded.started_at, ended_at = NULL,"
			"  done = 0, failed = 0 WHERE c.ended_at IS NOT NULL",
			1, types),
		values, NULL, SPI_OK_INSERT);
	cycle = CYCLE_OPEN;
}

void
cycle_forget(void)
{
	cycle = CYCLE_UNKNOWN;
}

void
cycle_add(int done, int failed)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT4OID, INT4OID};
	Datum values[] = {Int32GetDatum(done), Int32GetDatum(failed)};

	if (done == 0)
		return;
	transaction_execute(
		transaction_plan(
			&plan, "UPDATE dreamsuite.collection_cycle SET done = done + $1, failed = failed + $2", 2, types),
		values, NULL, SPI_OK_UPDATE);
}

void
cycle_end(void)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(GetCurrentTimestamp())};

	if (cycle == CYCLE_CLOSED || !transaction_begin("dreamsuite: ending a cycle"))
		return;
	transaction_execute(transaction_plan(&plan,
										 "UPDATE dreamsuite.collection_cycle SET ended_at = $1"
										 " WHERE ended_at IS NULL",
										 1, types),
						values, NULL, SPI_OK_UPDATE);
	transaction_commit();
	cycle = CYCLE_CLOSED;
}
