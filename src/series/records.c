/*
 * records.c
 *    What a single series tells exactly: its values, its record, its streaks and the milestones it passed.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "series/growth.h"
#include "srf.h"

/* The smallest milestone; the next is ten times as much. */
#define FIRST_MILESTONE 1000

typedef struct Observation
{
	DateADT date;
	Number value;
	Number change; /* over one day */
	Datum quality;
} Observation;

typedef struct Observations
{
	MemoryContext context;
	int count;
	int room;
	Observation *items;
} Observations;

static Number
keep_number(Datum value, bool isnull)
{
	if (isnull)
		return NUMBER_UNKNOWN;
	/* the value lies in a place that is used again for the next row */
	return number_from_numeric(DatumGetNumeric(datumCopy(value, false, -1)));
}

static void
keep(void *arg, Datum *values, bool *nulls)
{
	Observations *self = arg;
	MemoryContext before = MemoryContextSwitchTo(self->context);
	Observation *item;

	if (self->count == self->room)
	{
		self->room = self->room ? self->room * 2 : 128;
		self->items = self->items ? repalloc(self->items, sizeof(Observation) * self->room)
								  : palloc(sizeof(Observation) * self->room);
	}
	item = &self->items[self->count++];
	item->date = DatumGetDateADT(values[OUT_DATE]);
	item->value = keep_number(values[OUT_VALUE], false);
	item->change = keep_number(values[OUT_CHANGE], nulls[OUT_CHANGE]);
	item->quality = datumCopy(values[OUT_QUALITY], false, -1);
	MemoryContextSwitchTo(before);
}

static void
require(FunctionCallInfo fcinfo, int arg, const char *name, const char *hint)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name),
						errhint("%s", hint)));
}

/* The series that the first three arguments name: user_id, platform and metric; `since` and `until` may follow. */
static Observations
load(FunctionCallInfo fcinfo)
{
	Observations result = {.context = CurrentMemoryContext};
	NullableDatum given[GROWTH_ARGS];
	GrowthArgs args;

	require(fcinfo, 0, "user_id", "Pass the uuid of the artist's user.");
	require(fcinfo, 1, "platform", "See the view dreamsuite.platforms.");
	require(fcinfo, 2, "metric", "See dreamsuite.metric_catalog().");
	given[0] = fcinfo->args[0];
	given[1] = fcinfo->args[1];
	given[2].isnull = false;
	given[2].value =
		PointerGetDatum(construct_array(&fcinfo->args[2].value, 1, TEXTOID, -1, false, TYPALIGN_INT));
	given[3] = PG_NARGS() > 3 ? fcinfo->args[3] : (NullableDatum){.isnull = true};
	given[4] = PG_NARGS() > 4 ? fcinfo->args[4] : (NullableDatum){.isnull = true};
	args = growth_args(given);
	growth_run(&args, GROWTH_ALL_COLUMNS, keep, &result);
	return result;
}

static void
put(ReturnSetInfo *info, Datum *values, bool *nulls)
{
	tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
}

DREAMSUITE_FUNCTION(dreamsuite_metric_series);
DREAMSUITE_FUNCTION(dreamsuite_record_high);
DREAMSUITE_FUNCTION(dreamsuite_growth_streaks);
DREAMSUITE_FUNCTION(dreamsuite_milestones);

/* metric_series(user_id, platform, metric, since, until) -> (date, value, quality) */
Datum
dreamsuite_metric_series(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = srf_begin(fcinfo);
	Observations series = load(fcinfo);

	for (int i = 0; i < series.count; i++)
	{
		const Observation *item = &series.items[i];
		Datum values[3] = {DateADTGetDatum(item->date), NumericGetDatum(number_palloc_numeric(&item->value)),
						   item->quality};

		put(info, values, (bool[3]){false});
	}
	return (Datum) 0;
}

/* record_high(user_id, platform, metric) -> (value, date, previous_value, previous_date, days, since, is_latest) */
Datum
dreamsuite_record_high(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = srf_begin(fcinfo);
	Observations series = load(fcinfo);
	int record = 0;
	int previous = -1; /* the record before this one */
	Datum values[7];
	bool nulls[7] = {false};

	if (series.count == 0)
		return (Datum) 0;
	for (int i = 1; i < series.count; i++)
	{
		if (number_compare(&series.items[i].value, &series.items[record].value) > 0)
		{
			previous = record;
			record = i;
		}
	}
	values[0] = NumericGetDatum(number_palloc_numeric(&series.items[record].value));
	values[1] = DateADTGetDatum(series.items[record].date);
	nulls[2] = nulls[3] = previous < 0;
	if (previous >= 0)
	{
		values[2] = NumericGetDatum(number_palloc_numeric(&series.items[previous].value));
		values[3] = DateADTGetDatum(series.items[previous].date);
	}
	values[4] = Int32GetDatum(series.count);
	values[5] = DateADTGetDatum(series.items[0].date);
	values[6] = BoolGetDatum(record == series.count - 1 && record > 0);
	put(info, values, nulls);
	return (Datum) 0;
}

static int
direction(const Observation *item)
{
	Number zero = number_from_int64(0);

	return item->change.known ? number_compare(&item->change, &zero) : 0;
}

/*
 * growth_streaks(user_id, platform, metric) -> (direction, since, until, days, change, is_latest)
 *
 * A streak is a run of days that each rose, or each fell, against the day before. A day that is unknown or brought no
 * change ends it.
 */
Datum
dreamsuite_growth_streaks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = srf_begin(fcinfo);
	Observations series = load(fcinfo);

	for (int first = 0; first < series.count;)
	{
		int way = direction(&series.items[first]);
		int last = first;
		Number change;
		Datum values[6];

		while (way != 0 && last + 1 < series.count &&
			   series.items[last + 1].date == series.items[last].date + 1 &&
			   direction(&series.items[last + 1]) == way)
			last++;
		if (last > first)
		{
			/* the day before the first is known: its change is */
			change = number_subtract(&series.items[last].value, &series.items[first - 1].value);
			values[0] = CStringGetTextDatum(way > 0 ? "up" : "down");
			values[1] = DateADTGetDatum(series.items[first].date);
			values[2] = DateADTGetDatum(series.items[last].date);
			values[3] = Int32GetDatum(last - first + 1);
			values[4] = NumericGetDatum(number_palloc_numeric(&change));
			values[5] = BoolGetDatum(last == series.count - 1);
			put(info, values, (bool[6]){false});
		}
		first = last + 1;
	}
	return (Datum) 0;
}

/*
 * milestones(user_id, platform, metric) -> (milestone, date, value)
 *
 * The day on which the series first reached 1,000, 10,000, 100,000 and so on. What was reached before the first
 * observation has no day and is left out.
 */
Datum
dreamsuite_milestones(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = srf_begin(fcinfo);
	Observations series = load(fcinfo);
	Number milestone = number_from_int64(FIRST_MILESTONE);

	for (int i = 0; i < series.count; i++)
	{
		const Observation *item = &series.items[i];

		while (number_compare(&item->value, &milestone) >= 0)
		{
			if (i > 0)
			{
				Datum values[3] = {NumericGetDatum(number_palloc_numeric(&milestone)),
								   DateADTGetDatum(item->date),
								   NumericGetDatum(number_palloc_numeric(&item->value))};

				put(info, values, (bool[3]){false});
			}
			/* bigger numbers than this count nothing */
			if (__builtin_mul_overflow(milestone.mantissa, (int64) 10, &milestone.mantissa))
				return (Datum) 0;
		}
	}
	return (Datum) 0;
}
