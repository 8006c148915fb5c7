/*
 * day.h
 *    Values that come by hand or by file, merged into the days of an account.
 *
 * Only what is given is touched: an unknown value never overwrites a known one. The core columns, the stored changes and
 * metric_revisions follow.
 */
#ifndef DREAMSUITE_DAY_H
#define DREAMSUITE_DAY_H

#include "postgres.h"

#include "platform/platform.h"
#include "utils/date.h"
#include "utils/jsonb.h"

typedef enum DayFate
{
	DAY_UNCHANGED,
	DAY_INSERTED, /* there was no row of that day */
	DAY_UPDATED
} DayFate;

/* What is known of one day. */
typedef struct Day
{
	DateADT date;
	JsonbValue *values; /* one per field of the platform; jbvNull: not given */
	DayFate fate;       /* filled in by days_store() */
} Day;

/* The name of a fate as callers of SQL read it: "unchanged", "inserted", "updated". */
extern const char *fate_name(DayFate fate);

/* A day without any value. Memory is the current context's, here and in what follows. */
extern void day_init(Day *day, const Platform *platform, DateADT date);

/*
 * Values of a day; the field must be one of the platform's, and no change. COUNT_UNKNOWN, NaN and NULL give nothing.
 * Jsonb is not copied.
 */
extern void day_count(Day *day, const Platform *platform, const char *field, int64 value);
extern void day_number(Day *day, const Platform *platform, const char *field, double value);
extern void day_entries(Day *day, const Platform *platform, const char *field, Jsonb *entries);

/* Is anything given? */
extern bool day_is_empty(const Day *day, const Platform *platform);

/* The newest day that an account can have, by the calendar in its time zone (UTC without an account). Uses SPI. */
extern DateADT day_today(Datum user_id, const Platform *platform);

/*
 * Merges days into daily_metrics, records every known value that changes in metric_revisions, repairs the changes that
 * depend on the days, and notes the work as a run with the outcome "manual" unless nothing changed, a run for each day that
 * the platform might still correct.
 *
 * user_id  uuid
 * days     in the order of their dates, none twice; their fates are filled in
 *
 * Raises ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE where content_count or follower_change_24h cannot hold what follows.
 */
extern void days_store(Datum user_id, const Platform *platform, Day *days, int count);

#endif
