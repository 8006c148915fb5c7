/*
 * fill.c
 *    The change fields of rows that are about to be stored: a batch at a time, in one or two queries.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "series/fields.h"
#include "series/metric.h"
#include "series/query.h"
#include "series/repair.h"

static int
compare_keys(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return (left > right) - (left < right);
}

typedef struct FillState
{
	const Sources *sources;
	History *histories; /* one per source */
	Number values[MAX_SOURCES];
} FillState;

/* Asks for the days of accounts and puts what they hold into the histories of their rows. */
static void
fetch_days(NewRow *rows, FillState *states, Datum *row_numbers, Datum *dates, int count)
{
	static SPIPlanPtr plan = NULL;
	Datum *users = palloc(sizeof(Datum) * count);
	Datum *names = palloc(sizeof(Datum) * count);
	Datum args[4];

	for (int i = 0; i < count; i++)
	{
		const NewRow *row = &rows[DatumGetInt32(row_numbers[i])];

		users[i] = row->user_id;
		names[i] = CStringGetTextDatum(row->platform->name);
	}
	args[0] = array_of(row_numbers, count, INT4OID);
	args[1] = array_of(users, count, UUIDOID);
	args[2] = array_of(names, count, TEXTOID);
	args[3] = array_of(dates, count, DATEOID);
	query_plan(&plan,
			   "SELECT k.row_number, d.date, d.follower_count, d.metrics"
			   "  FROM unnest($1, $2, $3, $4) AS k (row_number, user_id, platform, date)"
			   "  JOIN dreamsuite.daily_metrics d"
			   "    ON d.user_id = k.user_id AND d.platform = k.platform AND d.date = k.date",
			   4, (Oid[]){INT4ARRAYOID, UUIDARRAYOID, TEXTARRAYOID, DATEARRAYOID});
	query_run(plan, args, false, SPI_OK_SELECT);

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;
		FillState *state = &states[DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull))];
		DateADT date = DatumGetDateADT(SPI_getbinval(tuple, desc, 2, &isnull));
		Datum followers = SPI_getbinval(tuple, desc, 3, &isnull);
		Number follower_count = isnull ? NUMBER_UNKNOWN : number_from_int64(DatumGetInt64(followers));
		Jsonb *metrics = DatumGetJsonbP(SPI_getbinval(tuple, desc, 4, &isnull));
		Number values[MAX_SOURCES];

		read_sources(state->sources, &follower_count, &metrics->root, values);
		for (int s = 0; s < state->sources->source_count; s++)
			history_put(&state->histories[s], date, &values[s]);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Marks rows whose account has later days that depend on theirs. */
static void
mark_late(NewRow *rows, int count)
{
	static SPIPlanPtr plan = NULL;
	Datum *numbers = palloc(sizeof(Datum) * count);
	Datum *users = palloc(sizeof(Datum) * count);
	Datum *names = palloc(sizeof(Datum) * count);
	Datum *dates = palloc(sizeof(Datum) * count);
	Datum args[5];

	for (int i = 0; i < count; i++)
	{
		numbers[i] = Int32GetDatum(i);
		users[i] = rows[i].user_id;
		names[i] = CStringGetTextDatum(rows[i].platform->name);
		dates[i] = DateADTGetDatum(rows[i].date);
	}
	args[0] = array_of(numbers, count, INT4OID);
	args[1] = array_of(users, count, UUIDOID);
	args[2] = array_of(names, count, TEXTOID);
	args[3] = array_of(dates, count, DATEOID);
	args[4] = Int32GetDatum(CHANGE_REACH);
	query_plan(
		&plan,
		"SELECT DISTINCT k.row_number FROM unnest($1, $2, $3, $4) AS k (row_number, user_id, platform, date)"
		"  JOIN dreamsuite.daily_metrics d"
		"    ON d.user_id = k.user_id AND d.platform = k.platform AND d.date > k.date AND d.date <= k.date + $5",
		5, (Oid[]){INT4ARRAYOID, UUIDARRAYOID, TEXTARRAYOID, DATEARRAYOID, INT4OID});
	query_run(plan, args, false, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		Datum number = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		rows[DatumGetInt32(number)].late = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Does a change of the period still lack its baseline, though the value is known? */
static bool
lacks_baseline(const NewRow *row, const FillState *state, int days)
{
	const Sources *sources = state->sources;

	if (days == 1)
		return false; /* no other day than the day before will do */
	for (int i = 0; i < sources->field_count; i++)
	{
		const ChangeField *change = &sources->fields[i];

		if (change->field->change_days == days && state->values[change->source].known &&
			history_at(&state->histories[change->source], row->date - days) == NULL)
			return true;
	}
	return false;
}

/* Do the metrics say already what the changes are? So it is with an account's first days. */
static bool
changes_are_there(Jsonb *metrics, const Sources *sources, const Number *changes)
{
	for (int i = 0; i < sources->field_count; i++)
	{
		const char *name = sources->fields[i].field->name;
		JsonbValue found;

		if (changes[i].known ||
			getKeyJsonValueFromContainer(&metrics->root, name, strlen(name), &found) == NULL ||
			found.type != jbvNull)
			return false;
	}
	return true;
}

/* The metrics with their change fields replaced. */
static Jsonb *
replace_changes(Jsonb *metrics, const Sources *sources, const Number *changes)
{
	JsonbParseState *state = NULL;
	Datum patch;

	if (changes_are_there(metrics, sources, changes))
		return metrics;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < sources->field_count; i++)
		push_change(&state, sources->fields[i].field->name, &changes[i]);
	patch = JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(metrics), patch));
}

static void
fill_row(NewRow *row, const FillState *state)
{
	const Sources *sources = state->sources;
	Number *changes = palloc(sizeof(Number) * Max(sources->field_count, 1));
	Number change;
	bool fits;

	for (int i = 0; i < sources->field_count; i++)
	{
		const ChangeField *field = &sources->fields[i];

		changes[i] = change_over(&state->histories[field->source], row->date, &state->values[field->source],
								 field->field->change_days);
	}
	row->metrics = replace_changes(row->metrics, sources, changes);

	change = change_over(&state->histories[AUDIENCE], row->date, &state->values[AUDIENCE], 1);
	row->follower_change_known = change_as_int32(&change, &row->follower_change_24h, &fits);
	row->overflow = fits ? NULL : overflow_text(row->user_id, row->platform->name, row->date, &change);
}

/* A platform's sources are looked up once per batch. */
static const Sources *
sources_for_row(NewRow *rows, const FillState *states, int number)
{
	for (int i = number - 1; i >= 0; i--)
	{
		if (states[i].sources->platform == rows[number].platform)
			return states[i].sources;
	}
	return sources_of(rows[number].platform);
}

void
changes_fill(NewRow *rows, int count)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	FillState *states;
	int64 *keys;
	Datum *numbers;
	Datum *dates;
	int asked = 0;
	int nest;

	if (count == 0)
		return;
	nest = query_begin();
	scratch = AllocSetContextCreate(CurrentMemoryContext, "dreamsuite changes", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);

	/* in one order everywhere, so that two writers cannot wait for each other */
	keys = palloc(sizeof(int64) * count);
	for (int i = 0; i < count; i++)
		keys[i] = account_key(rows[i].user_id, rows[i].platform->name);
	qsort(keys, count, sizeof(int64), compare_keys);
	for (int i = 0; i < count; i++)
		DirectFunctionCall1(pg_advisory_xact_lock_int8, Int64GetDatum(keys[i]));

	states = palloc0(sizeof(FillState) * count);
	numbers = palloc(sizeof(Datum) * count * CHANGE_REACH);
	dates = palloc(sizeof(Datum) * count * CHANGE_REACH);
	for (int i = 0; i < count; i++)
	{
		FillState *state = &states[i];
		Number followers = rows[i].follower_count == COUNT_UNKNOWN
							   ? NUMBER_UNKNOWN
							   : number_from_int64(rows[i].follower_count);

		state->sources = sources_for_row(rows, states, i);
		state->histories = palloc(sizeof(History) * state->sources->source_count);
		for (int s = 0; s < state->sources->source_count; s++)
			history_init(&state->histories[s], scratch);
		read_sources(state->sources, &followers, &rows[i].metrics->root, state->values);
		rows[i].late = false;
		for (int p = 0; p < CHANGE_PERIODS; p++)
		{
			if (!state->sources->days_needed[p])
				continue;
			numbers[asked] = Int32GetDatum(i);
			dates[asked++] = DateADTGetDatum(rows[i].date - change_periods[p]);
		}
	}
	fetch_days(rows, states, numbers, dates, asked);

	/* the days that may stand in for a missing one; few accounts have any */
	asked = 0;
	for (int i = 0; i < count; i++)
	{
		for (int p = 0; p < CHANGE_PERIODS; p++)
		{
			if (!lacks_baseline(&rows[i], &states[i], change_periods[p]))
				continue;
			for (int back = 1; back <= change_periods[p] / 7; back++)
			{
				numbers[asked] = Int32GetDatum(i);
				dates[asked++] = DateADTGetDatum(rows[i].date - change_periods[p] - back);
			}
		}
	}
	if (asked > 0)
		fetch_days(rows, states, numbers, dates, asked);
	mark_late(rows, count);

	MemoryContextSwitchTo(caller);
	for (int i = 0; i < count; i++)
		fill_row(&rows[i], &states[i]);
	query_end(nest);
}
