/*
 * arrays.c
 *    The statistics of src/stats as SQL functions over float8 arrays.
 *
 * Null and NaN elements are missing. What is wrong with an argument is said before anything is computed; too little
 * data is no error but null, or no row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "dreamsuite.h"
#include "stats/stats.h"
#include "stats/anomaly.h"
#include "stats/changepoint.h"
#include "stats/forecast.h"
#include "stats/goal.h"
#include "stats/leadlag.h"
#include "stats/multiplicity.h"
#include "stats/ranks.h"

DREAMSUITE_FUNCTION(dreamsuite_detect_changepoints);
DREAMSUITE_FUNCTION(dreamsuite_anomaly_scores);
DREAMSUITE_FUNCTION(dreamsuite_compare_groups);
DREAMSUITE_FUNCTION(dreamsuite_adjust_pvalues);
DREAMSUITE_FUNCTION(dreamsuite_lead_lag);
DREAMSUITE_FUNCTION(dreamsuite_forecast);
DREAMSUITE_FUNCTION(dreamsuite_goal_eta);

/* Longest array: everything stays interruptible in a second or so, and a series of days is far shorter. */
#define MOST_ELEMENTS 1000000

typedef struct Series
{
	int n;
	double *x; /* palloc'd; null and NaN elements are NaN */
} Series;

/* The elements of argument `number`, which SQL knows as `name`. */
static Series
get_series(FunctionCallInfo fcinfo, int number, const char *name)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(number);
	Series series;
	Datum *elements;
	bool *nulls;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array \"%s\" has %d dimensions", name, ARR_NDIM(array)),
				 errdetail("A series is an array of one dimension, in order of time."),
				 errhint("Give one series at a time, for example with array_agg(value ORDER BY date).")));
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls,
					  &series.n);
	if (series.n > MOST_ELEMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("array \"%s\" has %d elements", name, series.n),
				 errdetail("At most %d are accepted.", MOST_ELEMENTS), errhint("Give a shorter window.")));
	series.x = palloc(sizeof(double) * (series.n + 1));
	for (int i = 0; i < series.n; i++)
	{
		series.x[i] = nulls[i] ? STATS_UNKNOWN : DatumGetFloat8(elements[i]);
		if (isinf(series.x[i]))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("element %d of array \"%s\" is infinite", i + 1, name),
							errhint("Use NULL or NaN for a value that is not known.")));
	}
	return series;
}

static int
get_int(FunctionCallInfo fcinfo, int number, const char *name, int least, int most)
{
	int value = PG_GETARG_INT32(number);

	if (value < least || value > most)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid %s: %d", name, value),
						errdetail("It must lie between %d and %d.", least, most),
						strcmp(name, "period") == 0
							? errhint("Use 7 for daily values with a weekly pattern, 1 for none.")
							: 0));
	return value;
}

static double
get_level(FunctionCallInfo fcinfo, int number)
{
	double level = PG_GETARG_FLOAT8(number);

	if (!(level > 0.0 && level < 1.0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid level: %g", level),
						errdetail("The level of an interval lies between 0 and 1, both excluded."),
						errhint("Use 0.8 for an interval that holds the true value 8 times in 10.")));
	return level;
}

/* Too few values are no error; true means that there is a result. */
static bool
has_result(StatsStatus status)
{
	if (status == STATS_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while computing statistics.")));
	return status == STATS_OK;
}

static Datum
unknown_as_null(double value, bool *isnull)
{
	*isnull = !isfinite(value);
	return *isnull ? (Datum) 0 : Float8GetDatum(value);
}

static Datum
float_array(const double *x, int n)
{
	Datum *elements = palloc(sizeof(Datum) * (n + 1));
	bool *nulls = palloc(sizeof(bool) * (n + 1));
	int lower = 1;

	if (n == 0)
		return PointerGetDatum(construct_empty_array(FLOAT8OID));
	for (int i = 0; i < n; i++)
		elements[i] = unknown_as_null(x[i], &nulls[i]);
	return PointerGetDatum(construct_md_array(elements, nulls, 1, &n, &lower, FLOAT8OID, sizeof(float8),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* A row of doubles for a function with OUT parameters. */
static Datum
float_record(FunctionCallInfo fcinfo, const double *values, int n)
{
	TupleDesc descriptor;
	Datum columns[8];
	bool nulls[8];

	Assert(n <= 8);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < n; i++)
		columns[i] = unknown_as_null(values[i], &nulls[i]);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), columns, nulls));
}

Datum
dreamsuite_detect_changepoints(PG_FUNCTION_ARGS)
{
	Series series = get_series(fcinfo, 0, "series");
	int *changes = palloc(sizeof(int) * (series.n + 1));
	Datum *elements;
	int count;

	if (!has_result(stats_detect_changepoints(series.x, series.n, changes, &count)))
		PG_RETURN_NULL();
	elements = palloc(sizeof(Datum) * (count + 1));
	for (int i = 0; i < count; i++)
		elements[i] = Int32GetDatum(changes[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

Datum
dreamsuite_anomaly_scores(PG_FUNCTION_ARGS)
{
	Series series = get_series(fcinfo, 0, "series");
	int period = get_int(fcinfo, 1, "period", 1, STATS_PERIOD_MOST);
	double *score = palloc(sizeof(double) * (series.n + 1));

	has_result(stats_anomaly_scores(series.x, series.n, period, score));
	PG_RETURN_DATUM(float_array(score, series.n));
}

/* Logarithms in place. */
static void
take_logs(const Series *series, const char *name)
{
	for (int i = 0; i < series->n; i++)
	{
		if (series->x[i] <= 0.0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("element %d of array \"%s\" is not positive: %g", i + 1, name, series->x[i]),
					 errdetail("Groups are compared by ratios, which need values greater than 0."),
					 errhint("Add a small constant such as 0.5 to counts that may be 0.")));
		series->x[i] = log(series->x[i]);
	}
}

Datum
dreamsuite_compare_groups(PG_FUNCTION_ARGS)
{
	Series a = get_series(fcinfo, 0, "a");
	Series b = get_series(fcinfo, 1, "b");
	MannWhitney ranks;
	Shift shift;
	double values[5];

	take_logs(&a, "a");
	take_logs(&b, "b");
	if (!has_result(stats_mann_whitney(a.x, a.n, b.x, b.n, &ranks)) ||
		!has_result(stats_hodges_lehmann(a.x, a.n, b.x, b.n, 0.9, &shift)))
		PG_RETURN_NULL();
	values[0] = ranks.p_value;
	values[1] = exp(shift.estimate);
	values[2] = exp(shift.lo);
	values[3] = exp(shift.hi);
	values[4] = ranks.superiority;
	PG_RETURN_DATUM(float_record(fcinfo, values, 5));
}

Datum
dreamsuite_adjust_pvalues(PG_FUNCTION_ARGS)
{
	Series series = get_series(fcinfo, 0, "p_values");

	for (int i = 0; i < series.n; i++)
	{
		if (series.x[i] < 0.0 || series.x[i] > 1.0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("element %d of array \"p_values\" is no probability: %g", i + 1, series.x[i]),
					 errhint("Values lie between 0 and 1; use NULL for a test that was not made.")));
	}
	has_result(stats_adjust_bh(series.x, series.n, 0, series.x));
	PG_RETURN_DATUM(float_array(series.x, series.n));
}

Datum
dreamsuite_lead_lag(PG_FUNCTION_ARGS)
{
	Series x = get_series(fcinfo, 0, "x");
	Series y = get_series(fcinfo, 1, "y");
	int max_lag = get_int(fcinfo, 2, "max_lag", 0, STATS_PERIOD_MOST);
	double *r = palloc(sizeof(double) * (max_lag + 1));
	double *p_value = palloc(sizeof(double) * (max_lag + 1));
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;

	if (x.n != y.n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arrays \"x\" and \"y\" differ in length: %d and %d", x.n, y.n),
				 errhint("Both hold the same days; use NULL for a day that is missing in one of them.")));
	compat_start_rows(fcinfo);
	if (!has_result(stats_lead_lag(x.x, y.x, x.n, max_lag, r, p_value)))
		return (Datum) 0;
	for (int lag = 0; lag <= max_lag; lag++)
	{
		Datum columns[3];
		bool nulls[3] = {false, false, false};

		if (isnan(r[lag]))
			continue;
		columns[0] = Int32GetDatum(lag);
		columns[1] = unknown_as_null(r[lag], &nulls[1]);
		columns[2] = unknown_as_null(p_value[lag], &nulls[2]);
		tuplestore_putvalues(rows->setResult, rows->setDesc, columns, nulls);
	}
	return (Datum) 0;
}

Datum
dreamsuite_forecast(PG_FUNCTION_ARGS)
{
	Series series = get_series(fcinfo, 0, "series");
	int horizon = get_int(fcinfo, 1, "horizon", 1, STATS_FORECAST_MOST);
	double level = get_level(fcinfo, 2);
	int period = get_int(fcinfo, 3, "period", 1, STATS_PERIOD_MOST);
	ForecastStep *step = palloc(sizeof(ForecastStep) * horizon);
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;
	int steps;

	compat_start_rows(fcinfo);
	if (!has_result(stats_forecast(series.x, series.n, horizon, level, period, step, &steps)))
		return (Datum) 0;
	for (int h = 0; h < steps; h++)
	{
		Datum columns[4];
		bool nulls[4] = {false, false, false, false};

		columns[0] = Int32GetDatum(h + 1);
		columns[1] = unknown_as_null(step[h].mean, &nulls[1]);
		columns[2] = unknown_as_null(step[h].lo, &nulls[2]);
		columns[3] = unknown_as_null(step[h].hi, &nulls[3]);
		tuplestore_putvalues(rows->setResult, rows->setDesc, columns, nulls);
	}
	return (Datum) 0;
}

Datum
dreamsuite_goal_eta(PG_FUNCTION_ARGS)
{
	Series series = get_series(fcinfo, 0, "series");
	double target = PG_GETARG_FLOAT8(1);
	double level = get_level(fcinfo, 2);
	GoalEta eta;
	double values[3];

	if (!isfinite(target))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid target: %g", target),
						errhint("A target is a finite level of the same unit as the series.")));
	has_result(stats_goal_eta(series.x, series.n, target, level, &eta));
	values[0] = eta.days;
	values[1] = eta.lo;
	values[2] = eta.hi;
	PG_RETURN_DATUM(float_record(fcinfo, values, 3));
}
