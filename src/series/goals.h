/*
 * goals.h
 *    When a goal is reached: the one rule, for the note in goals.reached_on and for what is told of goals.
 *
 * A goal is a level of a metric, or with a period a gain within the calendar week or month. A level is reached on the
 * first day, from the one on which the goal was set, whose number is at the target; that it falls again later undoes
 * nothing. A gain is reached anew in each period. The note follows the stored numbers: where the number of the day itself
 * is corrected or deleted, it moves to the day that is then the first, or is taken back.
 */
#ifndef DREAMSUITE_GOALS_H
#define DREAMSUITE_GOALS_H

#include "postgres.h"

#include "platform/platform.h"
#include "utils/date.h"

typedef struct Goal
{
	Datum goal_id;
	const Platform *platform;
	const char *metric;
	double target;
	char period;       /* 'w', 'm' or 0 */
	DateADT starts_on; /* day of the newest number when the goal was set */
	DateADT deadline;  /* DATEVAL_NOEND: none */
	double baseline;   /* that number; NaN: none was known */
} Goal;

/* The daily numbers that a goal is measured by. */
typedef struct GoalDays
{
	DateADT first;
	int days;
	const double *values; /* one per day; NaN: unknown */
	const int *since;     /* per day: first day of the stretch without a reset; NULL: no reset ever */
} GoalDays;

/*
 * Less of it is the goal: of a level that the artist sets (followed profiles), begun above the target. Of an audience
 * or of what a counter counts a lower target is one that is reached already.
 */
extern bool goal_is_falling(const Goal *goal);

/* First day of the week (Monday) or month that holds the day, and the first day after it. */
extern void goal_period(char period, DateADT day, DateADT *start, DateADT *end);

/*
 * What to subtract from the level at index `at` for the gain within the period that begins on `start`: the level at the
 * end of the day before, or of one up to three days earlier; else what was known when the goal was set in this period,
 * else the first number inside. NaN where none is known.
 */
extern double goal_level_before(const Goal *goal, const GoalDays *days, DateADT start, int at);

/*
 * Index of the first day in [from, to] on which the goal is reached, -1 where it is not. With a period, both lie in the
 * period that begins on `start`.
 */
extern int goal_first_reached(const Goal *goal, const GoalDays *days, DateADT start, int from, int to);

/* Days of an account that were stored, corrected or deleted. */
typedef struct TouchedDays
{
	Datum user_id;        /* uuid */
	const char *platform; /* name */
	DateADT from, to;     /* may be infinite */
} TouchedDays;

/*
 * goals_note
 *    Brings goals.reached_on up to date after days were touched, in the caller's transaction: one query for all, and one
 *    or two more for each goal that these days can decide. The caller holds series_lock() of each account, or
 *    series_lock_shared() where it makes a goal.
 *
 * Connects to SPI itself. Needs the rights of the extension's owner.
 */
extern void goals_note(const TouchedDays *touched, int count);

#endif
