/*
 * growth.h
 *    The parts that the two ways of running growth() share: growth.c answers a call of the function, growth_scan.c
 *    streams it where it stands in FROM.
 */
#ifndef DREAMSUITE_GROWTH_H
#define DREAMSUITE_GROWTH_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/params.h"
#include "series/change.h"
#include "series/metric.h"
#include "utils/date.h"

/* Columns of growth(). */
enum
{
	OUT_USER,
	OUT_PLATFORM,
	OUT_METRIC,
	OUT_DATE,
	OUT_VALUE,
	OUT_CHANGE, /* one per period */
	OUT_PERCENT = OUT_CHANGE + CHANGE_PERIODS,
	OUT_QUALITY = OUT_PERCENT + CHANGE_PERIODS,
	OUT_COLUMNS
};

#define GROWTH_ARGS 5

typedef struct GrowthArgs
{
	bool all_users;
	Datum user_id;
	const Platform *platform; /* NULL: all */
	Datum names;              /* text[] without duplicates */
	int count;
	char **metrics;
	DateADT since; /* DATEVAL_NOBEGIN: from the first */
	DateADT until; /* DATEVAL_NOEND: to the last */
	bool one_day;  /* one day of all users */
} GrowthArgs;

/* Checks the arguments of growth() and raises what is wrong with them. */
extern GrowthArgs growth_args(const NullableDatum *args);

/* The text and parameters of the query that gives the rows (row.h) in order, and no other rows than needed. */
extern char *growth_query(const GrowthArgs *args, ParamListInfo *params);

/* Some days of an account. */
typedef struct DaySpan
{
	Datum user_id;  /* uuid */
	Datum platform; /* text */
	DateADT first;
	DateADT last;
} DaySpan;

/*
 * The rows (row.h) of some days of some accounts, in no order, without those that know nothing. Returns how many; palloc'd.
 * With the caller's rights; connects to SPI itself.
 */
extern int growth_read_spans(Datum names, const DaySpan *spans, int count, Datum **rows);

/* Turns rows of the query into rows of growth(). */
typedef struct Growth Growth;

/* Begins the answer; palloc'd in the current context, which must live until the last row was given. */
extern Growth *growth_begin(const GrowthArgs *args);

/* Takes the next row of the query. Its bytes must stay until the next call. */
extern void growth_take(Growth *growth, Datum row, bool isnull);

/* There is no further row of the query. growth_give() may have something to give yet. */
extern void growth_end(Growth *growth);

/*
 * Gives the next row of the answer; false where the next row of the query is due. Values stay valid until the next
 * call. Columns whose bit is not in `wanted` may be left null.
 */
extern bool growth_give(Growth *growth, Datum *values, bool *nulls, uint32 wanted);

#define GROWTH_ALL_COLUMNS ((uint32) (1 << OUT_COLUMNS) - 1)

/*
 * Runs the query and hands every row of the answer to `sink`, in the order of accounts and days. Values stay valid until
 * it returns. Connects to SPI itself.
 */
typedef void (*GrowthSink)(void *arg, Datum *values, bool *nulls);

extern void growth_run(const GrowthArgs *args, uint32 wanted, GrowthSink sink, void *arg);

/* Lets the planner stream growth(); called once, from _PG_init. */
extern void growth_scan_init(void);

#endif
