/*
 * goals_sql.c
 *    set_goal(), drop_goal() and goal_status().
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "access.h"
#include "config.h"
#include "insight/insight.h"
#include "series/goals.h"
#include "series/metric.h"
#include "series/query.h"
#include "series/repair.h"
#include "srf.h"

/* Doubles, which goals are computed in, hold every whole number up to this. */
#define MOST_TARGET INT64CONST(1000000000000000)

DREAMSUITE_FUNCTION(dreamsuite_set_goal);
DREAMSUITE_FUNCTION(dreamsuite_drop_goal);
DREAMSUITE_FUNCTION(dreamsuite_goal_status);

static void
require(FunctionCallInfo fcinfo, int arg, const char *name, const char *hint)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name),
						errhint("%s", hint)));
}

/* The newest known value of the metric and its day: what the goal starts from. */
static bool
find_baseline(Datum user, const Platform *platform, const char *metric, Datum *value, DateADT *day)
{
	SeriesSet *set = series_load(user, DATEVAL_NOBEGIN, DATEVAL_NOEND);
	const Series *series = series_find(set, platform->name, metric);

	if (series == NULL || series->known == 0)
		return false;
	*value = DirectFunctionCall1(float8_numeric, Float8GetDatum(series->values[series->last_known]));
	*day = series_date(set, series->last_known);
	return true;
}

/* set_goal(user_id, platform, metric, target, period, deadline) -> goal_id */
Datum
dreamsuite_set_goal(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plan = NULL;
	const Platform *platform;
	const char *metric;
	Numeric target;
	Datum values[8];
	char nulls[8] = "       ";
	DateADT starts_on;
	pg_uuid_t *goal_id;
	bool isnull;
	int nest;

	require(fcinfo, 0, "user_id", "Pass the uuid of the artist's user.");
	access_check_user(PG_GETARG_UUID_P(0));
	require(fcinfo, 1, "platform", "See the view dreamsuite.platforms.");
	require(fcinfo, 2, "metric", "See dreamsuite.metric_catalog().");
	require(fcinfo, 3, "target", "It is the level to be reached, or with a period the gain.");
	platform = platform_get(TextDatumGetCString(PG_GETARG_DATUM(1)));
	metric = TextDatumGetCString(PG_GETARG_DATUM(2));
	metric_check(platform, metric);
	target = PG_GETARG_NUMERIC(3);
	if (numeric_is_nan(target) || numeric_is_inf(target))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("target must be a finite number"),
						errhint("It is a level of %s, or with a period a gain.", metric)));
	if (DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(target),
										 NumericGetDatum(int64_to_numeric(MOST_TARGET)))))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("target must be at most " INT64_FORMAT ", not %s", MOST_TARGET,
							   DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(target)))),
						errhint("It is a level of %s, or with a period a gain.", metric)));
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(target),
										 NumericGetDatum(int64_to_numeric(PG_ARGISNULL(4) ? 0 : 1)))) &&
		(PG_ARGISNULL(4) || !DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(target),
															  NumericGetDatum(int64_to_numeric(0))))))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("target must be %s, not %s", PG_ARGISNULL(4) ? "0 or more" : "more than 0",
							   DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(target)))),
						errhint("It is a level of %s, or with a period a gain.", metric)));
	if (!PG_ARGISNULL(4))
	{
		const char *period = TextDatumGetCString(PG_GETARG_DATUM(4));

		if (strcmp(period, "week") != 0 && strcmp(period, "month") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown period \"%s\"", period),
					 errdetail("A goal is for a week, for a month, or null for a level to be reached."),
					 errhint("Pass \"week\" or \"month\", or leave it out.")));
	}

	/* no day is stored between the look at the newest number and the goal, so none is missed */
	series_lock_shared(PG_GETARG_DATUM(0), platform->name);
	/* a goal begins where the numbers stand, which need not be today */
	if (find_baseline(PG_GETARG_DATUM(0), platform, metric, &values[6], &starts_on))
		nulls[6] = ' ';
	else
	{
		starts_on = local_date(config_now(), "UTC");
		values[6] = (Datum) 0;
		nulls[6] = 'n';
	}
	values[0] = PG_GETARG_DATUM(0);
	values[1] = CStringGetTextDatum(platform->name);
	values[2] = CStringGetTextDatum(metric);
	values[3] = NumericGetDatum(target);
	values[4] = PG_ARGISNULL(4) ? (Datum) 0 : PG_GETARG_DATUM(4);
	nulls[4] = PG_ARGISNULL(4) ? 'n' : ' ';
	values[5] = PG_ARGISNULL(5) ? (Datum) 0 : PG_GETARG_DATUM(5);
	nulls[5] = PG_ARGISNULL(5) ? 'n' : ' ';
	values[7] = DateADTGetDatum(starts_on);
	if (!PG_ARGISNULL(5))
	{
		DateADT deadline = PG_GETARG_DATEADT(5);

		if (DATE_NOT_FINITE(deadline) || deadline <= starts_on)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("deadline must be a day after %s", date_text(starts_on)),
					 errdetail("The goal begins on that day, with the newest number of \"%s\".", metric),
					 errhint("Leave the deadline out for a goal without one.")));
	}

	goal_id = palloc(sizeof(pg_uuid_t));
	nest = query_begin();
	query_plan(
		&plan,
		"INSERT INTO dreamsuite.goals (user_id, platform, metric, target, period, deadline, baseline, starts_on)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING goal_id",
		8, (Oid[]){UUIDOID, TEXTOID, TEXTOID, NUMERICOID, TEXTOID, DATEOID, NUMERICOID, DATEOID});
	if (SPI_execute_plan(plan, values, nulls, false, 1) != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "could not store the goal");
	memcpy(goal_id, DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)),
		   sizeof(pg_uuid_t));
	query_end(nest);
	goals_note(&(TouchedDays){PG_GETARG_DATUM(0), platform->name, starts_on, starts_on}, 1);
	PG_RETURN_UUID_P(goal_id);
}

/* drop_goal(goal_id) */
Datum
dreamsuite_drop_goal(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plan = NULL;
	Datum values[1];
	int nest;
	uint64 dropped;

	require(fcinfo, 0, "goal_id", "See dreamsuite.goal_status().");
	values[0] = PG_GETARG_DATUM(0);
	nest = query_begin();
	/* somebody else's goal is no different from one that is not there */
	query_plan(
		&plan,
		"DELETE FROM dreamsuite.goals WHERE goal_id = $1"
		" AND ((SELECT dreamsuite.sees_all_users()) OR user_id = (SELECT dreamsuite.current_user_id()))",
		1, (Oid[]){UUIDOID});
	query_run(plan, values, false, SPI_OK_DELETE);
	dropped = SPI_processed;
	query_end(nest);
	if (dropped == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("there is no goal \"%s\"", DatumGetCString(DirectFunctionCall1(uuid_out, values[0]))),
				 errhint("See dreamsuite.goal_status().")));
	PG_RETURN_VOID();
}

static void
put_number(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = !isfinite(value);
	if (isfinite(value))
		values[column] = Float8GetDatum(value);
}

static void
put_numeric(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = !isfinite(value);
	if (isfinite(value))
		values[column] = DirectFunctionCall1(float8_numeric, Float8GetDatum(value));
}

static void
put_day(Datum *values, bool *nulls, int column, DateADT from, double days)
{
	nulls[column] = !isfinite(days);
	if (isfinite(days))
		values[column] = DateADTGetDatum(from + (int) ceil(days));
}

/*
 * goal_status(user_id, as_of) -> (goal_id, platform, metric, target, value, percent, remaining, needed_per_day, pace,
 * eta, eta_lo, eta_hi, on_track, sentence)
 *
 * On the newest known numbers: a level is what it is, whether or not its day is settled.
 */
Datum
dreamsuite_goal_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info;
	DateADT as_of = PG_ARGISNULL(1) ? DATEVAL_NOEND : PG_GETARG_DATEADT(1);
	Artist artist;
	Run run = {.artist = &artist};

	require(fcinfo, 0, "user_id", "Pass the uuid of the artist's user.");
	if (!PG_ARGISNULL(1) && DATE_NOT_FINITE(as_of))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("as_of must be a day, not infinity"),
						errhint("Leave it out for the newest day that is stored.")));
	info = srf_begin(fcinfo);
	artist_load_numbers(&artist, PG_GETARG_DATUM(0), &as_of);
	run.as_of = as_of;
	for (int i = 0; i < artist.goal_count; i++)
	{
		const Goal *goal = &artist.goals[i];
		Datum values[14] = {goal->goal_id, CStringGetTextDatum(goal->platform->name),
							CStringGetTextDatum(goal->metric),
							DirectFunctionCall1(float8_numeric, Float8GetDatum(goal->target))};
		bool nulls[14] = {false};
		GoalState state;

		if (artist.set->days > 0 && goal_state(&run, goal, as_of, &state))
		{
			put_numeric(values, nulls, 4, state.value);
			put_number(values, nulls, 5, state.percent);
			put_numeric(values, nulls, 6, state.remaining);
			put_number(values, nulls, 7, state.needed_per_day);
			put_number(values, nulls, 8, state.pace);
			put_day(values, nulls, 9, state.day, state.eta);
			put_day(values, nulls, 10, state.day, floor(state.eta_lo));
			put_day(values, nulls, 11, state.day, state.eta_hi);
			nulls[12] = state.on_track < 0;
			values[12] = BoolGetDatum(state.on_track > 0);
			values[13] = CStringGetTextDatum(state.sentence);
		}
		else
		{
			for (int column = 4; column < 13; column++)
				nulls[column] = true;
			values[13] = CStringGetTextDatum(psprintf("No number of %s is known yet to measure the goal by.",
													  say_metric(goal->platform, goal->metric)));
		}
		tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
	}
	return (Datum) 0;
}
