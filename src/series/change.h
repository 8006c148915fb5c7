/*
 * change.h
 *    The one rule of change over N days, used by growth(), by the stored change fields and by the insight code.
 *
 * An observation is a day whose value is known. The baseline of an N-day change is the observation N days earlier,
 * else the nearest earlier one that is at most N/7 (whole) days older; without one the change is unknown. So a change
 * over 1 day needs the day before, over 7 days may reach back 8, over 30 days 34.
 */
#ifndef DREAMSUITE_CHANGE_H
#define DREAMSUITE_CHANGE_H

#include "postgres.h"

#include "platform/platform.h"
#include "series/number.h"
#include "utils/date.h"

/* The longest way back that a change may go: 30 days and 30/7 more. */
#define CHANGE_REACH 34

/* The periods of growth(), in the order of its columns. */
#define CHANGE_PERIODS 3
extern const int change_periods[CHANGE_PERIODS]; /* 1, 7, 30 */

/*
 * What a value and its changes are worth, the gravest last. All of it is told from the observations of the CHANGE_REACH
 * days before, so that it does not depend on how much of a series is read.
 */
typedef enum Quality
{
	QUALITY_EXACT,
	QUALITY_GAP, /* the series is older, but the day that a change needs is missing: the change is unknown, or
					  * spans more days than it says */
	QUALITY_ROUNDED, /* the platform rounds: small changes do not show */
	QUALITY_ROLLING, /* a total over the last days: differences are no daily gain, and a spike returns as a fall */
	QUALITY_RESET /* a counter lost more than half against a baseline, or against the observation before where it
					  * has none: removed content, a purge or a new account */
} Quality;

/* "exact", "gap" ...: as growth() says it. */
extern const char *quality_word(Quality quality);

/* The last observations of one series, by date. About 4 kB; clear it before the first use. */
#define HISTORY_DAYS 64 /* a power of two above CHANGE_REACH */
typedef struct History
{
	DateADT dates[HISTORY_DAYS]; /* of the observation in the same place; HISTORY_EMPTY */
	Number values[HISTORY_DAYS]; /* `big` of them is palloc'd by history_put() in `context` */
	MemoryContext context;
} History;

#define HISTORY_EMPTY PG_INT32_MIN

/* Forgets everything. `context` holds values that are too big for a word. */
extern void history_init(History *history, MemoryContext context);
extern void history_clear(History *history);

/* Takes an observation. Dates must not fall; an unknown value is no observation and is left out. */
extern void history_put(History *history, DateADT date, const Number *value);

/* The observation of a day not further back than CHANGE_REACH before the newest; NULL without one. */
static inline const Number *
history_at(const History *history, DateADT date)
{
	uint32 place = (uint32) date & (HISTORY_DAYS - 1);

	return history->dates[place] == date ? &history->values[place] : NULL;
}

/* The baseline of the change over `days` that ends on `date`; NULL without one. *exact (may be NULL): is it exactly
 * `days` earlier? */
extern const Number *change_baseline(const History *history, DateADT date, int days, bool *exact);

/* A value with its changes. */
typedef struct Change
{
	Number change[CHANGE_PERIODS];
	double percent[CHANGE_PERIODS]; /* NaN: unknown */
	Quality quality;
} Change;

/* Changes of the value on `date` against what the history holds of earlier days. */
extern void
change_compute(const History *history, DateADT date, const Number *value, FieldKind kind, Change *change);

#endif
