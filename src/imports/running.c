/*
 * running.c
 *    Running totals from daily gains.
 *
 * A total that was derived is remembered as such beside its gain, so that a corrected gain can correct it; every other
 * known total is an observation that nothing here changes.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "collect/columns.h"
#include "imports/running.h"
#include "series/query.h"

typedef struct RunningDay
{
	bool has_gain;
	bool changed; /* gain or derived */
	bool observed;
	double gain;
	int64 derived; /* COUNT_UNKNOWN */
	int64 stored;  /* total in metrics; COUNT_UNKNOWN */
	double total;  /* NaN: unknown */
} RunningDay;

struct Running
{
	Import *import;
	const char *metric;
	const char *subject;
	const char *field;
	int count;
	RunningDay *days; /* from IMPORT_FIRST_DAY to today */
};

static RunningDay *
day_at(const Running *running, DateADT date)
{
	return date < IMPORT_FIRST_DAY || date > running->import->today ? NULL
																	: &running->days[date - IMPORT_FIRST_DAY];
}

static void
read_gains(Running *running)
{
	static SPIPlanPtr plan = NULL;
	Datum args[] = {running->import->user_id, CStringGetTextDatum(running->import->platform->name),
					CStringGetTextDatum(running->metric), CStringGetTextDatum(running->subject)};

	query_plan(&plan,
			   "SELECT date, gain, total FROM dreamsuite.imported_days"
			   " WHERE user_id = $1 AND platform = $2 AND metric = $3 AND subject = $4",
			   4, (Oid[]){UUIDOID, TEXTOID, TEXTOID, TEXTOID});
	query_run(plan, args, false, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool null;
		RunningDay *day = day_at(running, DatumGetDateADT(SPI_getbinval(tuple, desc, 1, &null)));
		Datum total;

		if (day == NULL)
			continue;
		day->has_gain = true;
		day->gain = DatumGetFloat8(SPI_getbinval(tuple, desc, 2, &null));
		total = SPI_getbinval(tuple, desc, 3, &null);
		if (!null)
			day->derived = DatumGetInt64(total);
	}
}

static void
read_totals(Running *running)
{
	static SPIPlanPtr plan = NULL;
	Datum args[] = {running->import->user_id, CStringGetTextDatum(running->import->platform->name),
					CStringGetTextDatum(running->field)};

	query_plan(&plan,
			   "SELECT date, (metrics ->> $3)::numeric::bigint FROM dreamsuite.daily_metrics"
			   " WHERE user_id = $1 AND platform = $2 AND metrics ->> $3 IS NOT NULL",
			   3, (Oid[]){UUIDOID, TEXTOID, TEXTOID});
	query_run(plan, args, false, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool null;
		RunningDay *day = day_at(running, DatumGetDateADT(SPI_getbinval(tuple, desc, 1, &null)));

		if (day != NULL)
			day->stored = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &null));
	}
}

Running *
running_begin(Import *import, const char *metric, const char *subject, const char *field)
{
	Running *running = palloc0(sizeof(Running));
	int nest;

	running->import = import;
	running->metric = metric;
	running->subject = subject;
	running->field = field;
	running->count = IMPORT_DAYS(import);
	running->days = palloc0(sizeof(RunningDay) * running->count);
	for (int i = 0; i < running->count; i++)
	{
		running->days[i].derived = running->days[i].stored = COUNT_UNKNOWN;
		running->days[i].total = NAN;
	}
	nest = query_begin();
	read_gains(running);
	if (field != NULL)
		read_totals(running);
	query_end(nest);
	return running;
}

DayFate
running_gain(Running *running, DateADT date, double gain)
{
	RunningDay *day = day_at(running, date);
	DayFate fate = !day->has_gain ? DAY_INSERTED : day->gain != gain ? DAY_UPDATED : DAY_UNCHANGED;

	day->has_gain = true;
	day->gain = gain;
	day->changed |= fate != DAY_UNCHANGED;
	return fate;
}

/* Total of the account in this very file; COUNT_UNKNOWN where the file has none. */
static int64
total_in_file(const Running *running, DateADT date)
{
	const Day *day = import_find_day(running->import, date);
	int i = platform_field_index(running->import->platform, running->field);

	return day == NULL || day->values[i].type != jbvNumeric ? COUNT_UNKNOWN
															: json_value_count(&day->values[i]);
}

/* From the days whose total is an observation to the days that follow, then to those before. */
static void
derive_totals(Running *running)
{
	RunningDay *days = running->days;

	for (int i = 0; i < running->count; i++)
	{
		int64 given = total_in_file(running, IMPORT_FIRST_DAY + i);

		days[i].observed =
			given != COUNT_UNKNOWN || (days[i].stored != COUNT_UNKNOWN && days[i].stored != days[i].derived);
		if (given != COUNT_UNKNOWN)
			days[i].total = given;
		else if (days[i].observed)
			days[i].total = days[i].stored;
		else if (i > 0 && days[i].has_gain && !isnan(days[i - 1].total))
			days[i].total = days[i - 1].total + days[i].gain;
	}
	for (int i = running->count - 2; i >= 0; i--)
	{
		double before;

		if (!isnan(days[i].total) || isnan(days[i + 1].total) || !days[i + 1].has_gain)
			continue;
		before = days[i + 1].total - days[i + 1].gain;
		if (before >= 0)
			days[i].total = before;
	}
}

static void
add_totals(Running *running)
{
	derive_totals(running);
	for (int i = 0; i < running->count; i++)
	{
		RunningDay *day = &running->days[i];
		int64 total;

		if (isnan(day->total) || day->observed || !day->has_gain)
			continue;
		total = import_whole(day->total);
		if (total != day->stored)
		{
			Day *target = import_day(running->import, IMPORT_FIRST_DAY + i);

			day_count(target, running->import->platform, running->field, total);
		}
		day->changed |= total != day->derived;
		day->derived = total;
	}
}

static void
store_gains(Running *running)
{
	static const Oid types[] = {DATEOID, FLOAT8OID, INT8OID};
	Columns *columns = columns_create(lengthof(types), types);
	Datum values[7] = {running->import->user_id, CStringGetTextDatum(running->import->platform->name),
					   CStringGetTextDatum(running->metric), CStringGetTextDatum(running->subject)};
	Oid value_types[7] = {UUIDOID, TEXTOID, TEXTOID, TEXTOID};

	for (int i = 0; i < running->count; i++)
	{
		if (!running->days[i].changed)
			continue;
		columns_row(columns);
		column_date(columns, IMPORT_FIRST_DAY + i);
		column_float(columns, running->days[i].gain);
		column_count(columns, running->days[i].derived);
	}
	if (columns->rows == 0)
		return;
	columns_values(columns, &values[4], &value_types[4]);
	if (SPI_execute_with_args(
			"INSERT INTO dreamsuite.imported_days (user_id, platform, metric, subject, date, gain, total)"
			" SELECT $1, $2, $3, $4, j.date, j.gain, j.total"
			" FROM unnest($5, $6, $7) AS j(date, gain, total)"
			" ON CONFLICT (user_id, platform, metric, subject, date)"
			"  DO UPDATE SET gain = excluded.gain, total = excluded.total",
			7, value_types, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store the gains of days");
}

void
running_end(Running *running)
{
	int nest;

	if (running->field != NULL)
		add_totals(running);
	nest = query_begin();
	store_gains(running);
	query_end(nest);
}
