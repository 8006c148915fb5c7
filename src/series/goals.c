/*
 * goals.c
 *    The day on which a goal is reached, and its note in goals.reached_on. See goals.h for the rule.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "series/fields.h"
#include "series/goals.h"
#include "series/metric.h"
#include "series/query.h"

/* The start of a period may be read off a day up to this much earlier. */
#define START_BACK 3

/* ---- The rule ---- */

bool
goal_is_falling(const Goal *goal)
{
	FieldKind kind;

	return goal->period == 0 && goal->target < goal->baseline && metric_source(goal->metric) == METRIC_KEY &&
		   (goal->platform->audience == NULL || strcmp(goal->platform->audience, goal->metric) != 0) &&
		   !metric_is_given(goal->metric) && metric_find(goal->platform, goal->metric, &kind) &&
		   (kind == KIND_GAUGE || kind == KIND_RATE);
}

void
goal_period(char period, DateADT day, DateADT *start, DateADT *end)
{
	int year, month, dom;

	if (period == 'w')
	{
		*start = day - (j2day(day + POSTGRES_EPOCH_JDATE) + 6) % 7;
		*end = *start + 7;
		return;
	}
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &dom);
	*start = day - dom + 1;
	if (month == 12)
		*end = date2j(year + 1, 1, 1) - POSTGRES_EPOCH_JDATE;
	else
		*end = date2j(year, month + 1, 1) - POSTGRES_EPOCH_JDATE;
}

double
goal_level_before(const Goal *goal, const GoalDays *days, DateADT start, int at)
{
	int since = days->since ? days->since[at] : 0;
	int before = start - days->first - 1;

	for (int i = Min(before, days->days - 1); i > before - START_BACK && i >= since; i--)
	{
		if (!isnan(days->values[i]))
			return days->values[i];
	}
	if (goal->starts_on >= start && goal->starts_on <= days->first + at && !isnan(goal->baseline))
		return goal->baseline;
	for (int i = Max(before + 1, since); i <= at; i++)
	{
		if (!isnan(days->values[i]))
			return days->values[i];
	}
	return NAN;
}

int
goal_first_reached(const Goal *goal, const GoalDays *days, DateADT start, int from, int to)
{
	bool falling = goal_is_falling(goal);

	for (int i = Max(from, 0); i <= to && i < days->days; i++)
	{
		double value = days->values[i];

		if (!isnan(value) && goal->period)
			value -= goal_level_before(goal, days, start, i);
		/* an unknown number is at no target */
		if (falling ? value <= goal->target : value >= goal->target)
			return i;
	}
	return -1;
}

/* ---- The note ---- */

typedef struct Noted
{
	Goal goal;
	Datum user_id;
	bool is_reached;
	DateADT reached_on;
	DateADT from, to; /* the days that were touched */
} Noted;

/* The goal's metric in a row of (date, follower_count, engagement_total, content_count, metrics). */
static double
row_value(const Goal *goal, HeapTuple tuple, TupleDesc desc)
{
	MetricSource source = metric_source(goal->metric);
	const char *audience = goal->platform->audience;
	const char *key = source == METRIC_KEY ? goal->metric : source == METRIC_AUDIENCE ? audience : NULL;
	bool isnull;
	Datum datum;

	if (key)
	{
		Datum metrics = SPI_getbinval(tuple, desc, 5, &isnull);
		Number number = metric_in_jsonb(&DatumGetJsonbP(metrics)->root, key);

		if (number.known)
			return number_to_double(&number);
		if (audience == NULL || strcmp(key, audience) != 0)
			return NAN;
	}
	datum = SPI_getbinval(tuple, desc,
						  source == METRIC_ENGAGEMENT ? 3
						  : source == METRIC_CONTENT  ? 4
													  : 2,
						  &isnull);
	if (isnull)
		return NAN;
	return source == METRIC_CONTENT ? (double) DatumGetInt32(datum) : (double) DatumGetInt64(datum);
}

/* Where the stretches without a reset begin: the rule of a counter that fell by more than half. */
static int *
find_resets(const Goal *goal, const double *values, int days)
{
	int *since = NULL;
	double before = NAN;
	FieldKind kind = KIND_GAUGE;

	metric_find(goal->platform, goal->metric, &kind);
	if (kind != KIND_COUNTER && kind != KIND_ROUNDED)
		return NULL;
	for (int i = 0; i < days; i++)
	{
		if (isnan(values[i]))
			continue;
		if (values[i] * 2 < before)
		{
			if (since == NULL)
				since = palloc0(sizeof(int) * days);
			for (int j = i; j < days; j++)
				since[j] = i;
		}
		before = values[i];
	}
	return since;
}

static GoalDays
load_days(const Noted *noted, DateADT from, DateADT to)
{
	static SPIPlanPtr plan = NULL;
	Datum args[4] = {noted->user_id, CStringGetTextDatum(noted->goal.platform->name), DateADTGetDatum(from),
					 DateADTGetDatum(to)};
	GoalDays result = {.first = from};
	double *values = NULL;

	query_plan(&plan,
			   "SELECT date, follower_count, engagement_total, content_count, metrics"
			   "  FROM dreamsuite.daily_metrics WHERE user_id = $1 AND platform = $2"
			   "   AND date BETWEEN $3 AND $4 AND date < 'infinity' ORDER BY date DESC",
			   4, (Oid[]){UUIDOID, TEXTOID, DATEOID, DATEOID});
	query_run(plan, args, false, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		DateADT day =
			DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));

		/* the newest comes first */
		if (values == NULL)
		{
			result.days = day - from + 1;
			values = palloc_extended(sizeof(double) * (Size) result.days, MCXT_ALLOC_HUGE);
			for (int j = 0; j < result.days; j++)
				values[j] = NAN;
		}
		values[day - from] = row_value(&noted->goal, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	}
	SPI_freetuptable(SPI_tuptable);
	result.values = values;
	result.since = find_resets(&noted->goal, values, result.days);
	return result;
}

static void
write_note(const Noted *noted, bool is_reached, DateADT day)
{
	static SPIPlanPtr plan = NULL;
	Datum args[3] = {noted->user_id, noted->goal.goal_id, DateADTGetDatum(day)};

	if (is_reached == noted->is_reached && (!is_reached || day == noted->reached_on))
		return;
	query_plan(&plan, "UPDATE dreamsuite.goals SET reached_on = $3 WHERE user_id = $1 AND goal_id = $2", 3,
			   (Oid[]){UUIDOID, UUIDOID, DATEOID});
	if (SPI_execute_plan(plan, args, is_reached ? NULL : "  n", false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not note that a goal is reached");
}

static void
note_level(const Noted *noted)
{
	DateADT from = Max(noted->from, noted->goal.starts_on);
	bool undone; /* perhaps: the day of the note itself was touched */
	GoalDays days;
	int at;

	if (noted->to < from || (noted->is_reached && from > noted->reached_on))
		return;
	undone = noted->is_reached && noted->to >= noted->reached_on;
	days = load_days(noted, from, undone ? DATEVAL_NOEND : noted->to);
	at = goal_first_reached(&noted->goal, &days, 0, 0, days.days - 1);
	if (at >= 0 || undone)
		write_note(noted, at >= 0, days.first + at);
}

/* The last period that ends in [from, to] in which the goal is reached: the day; false where there is none. */
static bool
find_in_periods(const Noted *noted, DateADT from, DateADT to, DateADT *day)
{
	const Goal *goal = &noted->goal;
	GoalDays days;
	DateADT start, end;

	goal_period(goal->period, from, &start, &end);
	from = start;
	days = load_days(noted, from - START_BACK, to);
	for (DateADT last = days.first + days.days - 1; last >= from; last = start - 1)
	{
		int at;

		CHECK_FOR_INTERRUPTS();
		goal_period(goal->period, last, &start, &end);
		at = goal_first_reached(goal, &days, start, Max(start, goal->starts_on) - days.first,
								last - days.first);
		if (at >= 0)
		{
			*day = days.first + at;
			return true;
		}
	}
	return false;
}

static void
note_gain(const Noted *noted)
{
	const Goal *goal = &noted->goal;
	DateADT from = Max(noted->from, goal->starts_on - START_BACK);
	DateADT to = DATEVAL_NOEND;
	DateADT start, end;
	DateADT day = 0;
	bool found;

	if (noted->to < from)
		return;
	/* the last days of a period are where the next one starts from */
	if (!DATE_NOT_FINITE(noted->to))
	{
		goal_period(goal->period, noted->to + START_BACK, &start, &end);
		to = end - 1;
	}
	goal_period(goal->period, from, &start, &end);
	found = find_in_periods(noted, from, to, &day);
	if (noted->is_reached && noted->reached_on > to)
		return; /* a later period has the note */
	if (!found && noted->is_reached)
	{
		if (noted->reached_on < start)
			return; /* an earlier one keeps it */
		found = goal->starts_on < start && find_in_periods(noted, goal->starts_on, start - 1, &day);
	}
	write_note(noted, found, day);
}

/* The goals of the accounts that were touched. */
static Noted *
find_goals(const TouchedDays *touched, int count, int *found)
{
	static SPIPlanPtr plan = NULL;
	Datum *columns = palloc(sizeof(Datum) * count * 4);
	Datum args[4];
	Noted *result;

	for (int i = 0; i < count; i++)
	{
		columns[i] = touched[i].user_id;
		columns[count + i] = CStringGetTextDatum(touched[i].platform);
		columns[2 * count + i] = DateADTGetDatum(touched[i].from);
		columns[3 * count + i] = DateADTGetDatum(touched[i].to);
	}
	args[0] = array_of(columns, count, UUIDOID);
	args[1] = array_of(columns + count, count, TEXTOID);
	args[2] = array_of(columns + 2 * count, count, DATEOID);
	args[3] = array_of(columns + 3 * count, count, DATEOID);
	query_plan(&plan,
			   "SELECT g.user_id, g.goal_id, g.platform, g.metric, g.target::float8, g.period, g.starts_on,"
			   "  g.baseline::float8, g.reached_on, k.first, k.last"
			   "  FROM unnest($1, $2, $3, $4) AS k (user_id, platform, first, last)"
			   "  JOIN dreamsuite.goals g ON g.user_id = k.user_id AND g.platform = k.platform"
			   " WHERE isfinite(g.starts_on) ORDER BY g.user_id, g.goal_id",
			   4, (Oid[]){UUIDARRAYOID, TEXTARRAYOID, DATEARRAYOID, DATEARRAYOID});
	query_run(plan, args, false, SPI_OK_SELECT);
	result = palloc0(sizeof(Noted) * (SPI_processed + 1));
	*found = 0;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		Noted *noted = &result[*found];
		Goal *goal = &noted->goal;
		char *period = SPI_getvalue(tuple, desc, 6);
		bool isnull;

		goal->platform = platform_find(SPI_getvalue(tuple, desc, 3));
		if (goal->platform == NULL)
			continue;
		noted->user_id = SPI_getbinval(tuple, desc, 1, &isnull);
		goal->goal_id = SPI_getbinval(tuple, desc, 2, &isnull);
		goal->metric = SPI_getvalue(tuple, desc, 4);
		goal->target = DatumGetFloat8(SPI_getbinval(tuple, desc, 5, &isnull));
		goal->period = period ? period[0] : 0;
		goal->starts_on = DatumGetDateADT(SPI_getbinval(tuple, desc, 7, &isnull));
		goal->baseline = DatumGetFloat8(SPI_getbinval(tuple, desc, 8, &isnull));
		if (isnull)
			goal->baseline = NAN;
		noted->reached_on = DatumGetDateADT(SPI_getbinval(tuple, desc, 9, &isnull));
		noted->is_reached = !isnull;
		noted->from = DatumGetDateADT(SPI_getbinval(tuple, desc, 10, &isnull));
		noted->to = DatumGetDateADT(SPI_getbinval(tuple, desc, 11, &isnull));
		(*found)++;
	}
	return result;
}

void
goals_note(const TouchedDays *touched, int count)
{
	Noted *goals;
	int found;
	int nest;

	if (count == 0)
		return;
	nest = query_begin();
	goals = find_goals(touched, count, &found);
	for (int i = 0; i < found; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (goals[i].goal.period)
			note_gain(&goals[i]);
		else
			note_level(&goals[i]);
	}
	query_end(nest);
}
