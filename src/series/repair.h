/*
 * repair.h
 *    The stored change fields: KIND_CHANGE keys inside metrics, and follower_change_24h.
 *
 * A writer of daily_metrics has two ways:
 *
 *   - the collector's: changes_fill() before the upsert of a batch, then series_repair() for the rows that it reports
 *     as late (days after them are stored already), and goals_note() for the others;
 *   - everyone else's: write the rows, then series_repair() over the days that were touched.
 *
 * All run inside a transaction of the caller; none opens a subtransaction.
 */
#ifndef DREAMSUITE_REPAIR_H
#define DREAMSUITE_REPAIR_H

#include "postgres.h"

#include "platform/platform.h"
#include "utils/date.h"

/* A row that is about to be stored. */
typedef struct NewRow
{
	/* given */
	Datum user_id; /* uuid */
	const Platform *platform;
	DateADT date;
	int64 follower_count; /* COUNT_UNKNOWN */
	Jsonb *metrics; /* the platform's object; its change fields are replaced, palloc'd anew where needed */

	/* filled in */
	bool follower_change_known;
	int32 follower_change_24h;
	bool late;      /* later days are stored that may depend on this one: series_repair() them */
	char *overflow; /* not NULL: the change does not fit follower_change_24h; the text of the error.
							   * Then the change is left null and the caller decides (raise, or note it and go on). */
} NewRow;

/*
 * changes_fill
 *    Fills the change fields of rows that are not stored yet from what is stored of the days before: one or two
 *    queries for the whole batch. Rows of the batch do not see each other, so a batch holds one day per account.
 *
 * Needs a snapshot; connects to SPI itself. Results are palloc'd in the caller's context.
 */
extern void changes_fill(NewRow *rows, int count);

/*
 * series_repair
 *    Recomputes the change fields of the stored rows of an account dated from `from` to CHANGE_REACH days after `to`:
 *    those that can depend on the days from..to. Only rows whose values change are written. Returns how many.
 *    Goals that these days decide are noted as reached, or as no longer so (goals.h).
 *
 * user_id   uuid
 * platform  name; one that is not compiled in has no change fields but follower_change_24h
 *
 * Connects to SPI itself. Raises ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, naming account and date, where a change does not
 * fit follower_change_24h.
 */
extern int64 series_repair(Datum user_id, const char *platform, DateADT from, DateADT to);

/*
 * series_lock
 *    Lets one writer at a time work on the series of an account, until the end of the transaction; without it two who
 *    store different days at once would not see each other's. Both functions above take it. A writer that upserts
 *    first and repairs afterwards calls it before the upsert, so that it cannot block the collector and wait for it.
 */
extern void series_lock(Datum user_id, const char *platform);

/* Keeps writers away in the same way, but not others who share it. */
extern void series_lock_shared(Datum user_id, const char *platform);

/*
 * Between these the triggers of daily_metrics leave the repair to the caller. The end of a transaction releases what an
 * error left held; where an error is caught inside of one, release in PG_FINALLY.
 */
extern void repair_hold(void);
extern void repair_release(void);

#endif
