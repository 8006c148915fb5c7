/*
 * repair.c
 *    The stored change fields of daily_metrics: filled before a batch is stored, repaired after days were touched.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "series/change.h"
#include "series/metric.h"
#include "series/query.h"
#include "series/repair.h"

/* What the change fields of a platform are made of. */
#define MAX_SOURCES 8
#define AUDIENCE    0 /* the first source: follower_count, for follower_change_24h */

typedef struct ChangeField
{
	const FieldDef *field;
	int source;
} ChangeField;

typedef struct Sources
{
	const Platform *platform; /* NULL: not compiled in */
	int source_count;
	const char *names[MAX_SOURCES];
	int field_count;
	ChangeField *fields;
	bool days_needed[CHANGE_PERIODS];
} Sources;

static int hold_depth = 0;

/* An error between hold and release ends the transaction, and the hold with it. */
static void
end_hold(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		hold_depth = 0;
}

void
repair_hold(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(end_hold, NULL);
		registered = true;
	}
	hold_depth++;
}

void
repair_release(void)
{
	if (hold_depth > 0)
		hold_depth--;
}

/* Which of change_periods is it? */
static int
period_of(int days)
{
	for (int i = 0; i < CHANGE_PERIODS; i++)
	{
		if (change_periods[i] == days)
			return i;
	}
	elog(ERROR, "no change is kept over %d days", days);
}

static Sources *
sources_of(const Platform *platform)
{
	Sources *sources = palloc0(sizeof(Sources));
	int room = 0;

	sources->platform = platform;
	sources->names[AUDIENCE] = NULL;
	sources->source_count = 1;
	sources->days_needed[period_of(1)] = true;
	if (platform == NULL)
		return sources;

	for (const FieldDef *field = platform->fields; field->name; field++)
		room++;
	sources->fields = palloc0(sizeof(ChangeField) * Max(room, 1));
	for (const FieldDef *field = platform->fields; field->name; field++)
	{
		ChangeField *change;
		int source;

		if (field->kind != KIND_CHANGE)
			continue;
		for (source = 1; source < sources->source_count; source++)
		{
			if (strcmp(sources->names[source], field->change_of) == 0)
				break;
		}
		if (source == sources->source_count)
		{
			if (source == MAX_SOURCES)
				elog(ERROR, "platform \"%s\" has changes of too many fields", platform->name);
			sources->names[sources->source_count++] = field->change_of;
		}
		change = &sources->fields[sources->field_count++];
		change->field = field;
		change->source = source;
		sources->days_needed[period_of(field->change_days)] = true;
	}
	return sources;
}

/* The values of a row that changes are made of. */
static void
read_sources(const Sources *sources, const Number *follower_count, const JsonbContainer *metrics,
			 Number *values)
{
	values[AUDIENCE] = metric_audience(sources->platform, follower_count, metrics);
	for (int i = 1; i < sources->source_count; i++)
		values[i] = metric_in_jsonb(metrics, sources->names[i]);
}

static Number
change_over(const History *history, DateADT date, const Number *value, int days)
{
	const Number *base = change_baseline(history, date, days, NULL);

	return base ? number_subtract(value, base) : NUMBER_UNKNOWN;
}

/* Accounts are told apart by user and platform, so no text of a person is in the message. */
static char *
overflow_text(Datum user_id, const char *platform, DateADT date, const Number *change)
{
	return psprintf(
		"follower_change_24h of user \"%s\", platform \"%s\", date \"%s\" is out of range: %s",
		DatumGetCString(DirectFunctionCall1(uuid_out, user_id)), platform,
		DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(date))),
		DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number_palloc_numeric(change)))));
}

/* The change as integer; false where it is unknown. *fits tells whether the column can hold it. */
static bool
as_int32(const Number *change, int32 *value, bool *fits)
{
	int64 wide;

	*fits = true;
	if (!change->known)
		return false;
	if (!number_to_int64(change, &wide) || wide < PG_INT32_MIN || wide > PG_INT32_MAX)
	{
		*fits = false;
		return false;
	}
	*value = (int32) wide;
	return true;
}

static void
push_change(JsonbParseState **state, const char *name, const Number *change)
{
	JsonbValue key = {.type = jbvString, .val.string = {.len = strlen(name), .val = (char *) name}};
	JsonbValue value = {.type = jbvNull};

	if (change->known)
	{
		value.type = jbvNumeric;
		value.val.numeric = number_palloc_numeric(change);
	}
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* An array of values that are not null. */
static Datum
array_of(Datum *values, int count, Oid type)
{
	int16 length;
	bool by_value;
	char alignment;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_array(values, count, type, length, by_value, alignment));
}

/* ---- Locks ---- */

static int64
account_key(Datum user_id, const char *platform)
{
	uint64 seed =
		hash_bytes_extended((const unsigned char *) platform, strlen(platform), UINT64CONST(0x6472656d));

	return (int64) hash_bytes_extended(DatumGetUUIDP(user_id)->data, UUID_LEN, seed);
}

void
series_lock(Datum user_id, const char *platform)
{
	DirectFunctionCall1(pg_advisory_xact_lock_int8, Int64GetDatum(account_key(user_id, platform)));
}

static int
compare_keys(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return (left > right) - (left < right);
}

/* ---- A batch that is not stored yet ---- */

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
	query_plan(&plan,
			   "SELECT k.row_number FROM unnest($1, $2, $3, $4) AS k (row_number, user_id, platform, date)"
			   " CROSS JOIN LATERAL (SELECT FROM dreamsuite.daily_metrics d"
			   "   WHERE d.user_id = k.user_id AND d.platform = k.platform"
			   "     AND d.date > k.date AND d.date <= k.date + $5 LIMIT 1) AS later",
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

/* The metrics with their change fields replaced. */
static Jsonb *
replace_changes(Jsonb *metrics, const Sources *sources, const Number *changes)
{
	JsonbParseState *state = NULL;
	Datum patch;

	if (sources->field_count == 0)
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
	row->follower_change_known = as_int32(&change, &row->follower_change_24h, &fits);
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

/* ---- Rows that are stored ---- */

typedef struct Corrections
{
	int count;
	Datum *dates;
	Datum *patches;
	Datum *changes;
	bool *unknown;
} Corrections;

static bool
same_number(const Number *a, const Number *b)
{
	if (a->known != b->known)
		return false;
	return !a->known || number_compare(a, b) == 0;
}

/* Compares a stored row with what its change fields should be, and notes what is to be written. */
static void
check_row(Datum user_id, const char *platform, const Sources *sources, const History *histories,
		  const Number *values, DateADT date, const JsonbContainer *metrics, const Number *stored_change,
		  Corrections *out)
{
	JsonbParseState *state = NULL;
	bool patched = false;
	Number change;
	int32 narrow = 0;
	bool fits;
	bool known;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < sources->field_count; i++)
	{
		const ChangeField *field = &sources->fields[i];
		Number stored = metric_in_jsonb(metrics, field->field->name);

		change =
			change_over(&histories[field->source], date, &values[field->source], field->field->change_days);
		if (same_number(&change, &stored))
			continue;
		push_change(&state, field->field->name, &change);
		patched = true;
	}

	change = change_over(&histories[AUDIENCE], date, &values[AUDIENCE], 1);
	known = as_int32(&change, &narrow, &fits);
	if (!fits)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("%s", overflow_text(user_id, platform, date, &change)),
						errdetail("The audience changed by more than an integer can hold in one day."),
						errhint("Correct follower_count of this day or of the day before.")));
	if (!patched && same_number(&change, stored_change))
		return;

	out->dates[out->count] = DateADTGetDatum(date);
	out->patches[out->count] =
		JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	out->changes[out->count] = Int32GetDatum(narrow);
	out->unknown[out->count] = !known;
	out->count++;
}

static void
write_corrections(Datum user_id, Datum platform, const Corrections *corrections)
{
	static SPIPlanPtr plan = NULL;
	int dims[1] = {corrections->count};
	int lower[1] = {1};
	Datum args[5];

	args[0] = user_id;
	args[1] = platform;
	args[2] = array_of(corrections->dates, corrections->count, DATEOID);
	args[3] = array_of(corrections->patches, corrections->count, JSONBOID);
	args[4] = PointerGetDatum(construct_md_array(corrections->changes, corrections->unknown, 1, dims, lower,
												 INT4OID, sizeof(int32), true, TYPALIGN_INT));
	query_plan(&plan,
			   "UPDATE dreamsuite.daily_metrics d"
			   "   SET metrics = d.metrics || c.patch, follower_change_24h = c.change"
			   "  FROM unnest($3, $4, $5) AS c (date, patch, change)"
			   " WHERE d.user_id = $1 AND d.platform = $2 AND d.date = c.date",
			   5, (Oid[]){UUIDOID, TEXTOID, DATEARRAYOID, JSONBARRAYOID, INT4ARRAYOID});

	repair_hold();
	PG_TRY();
	{
		query_run(plan, args, false, SPI_OK_UPDATE);
	}
	PG_FINALLY();
	{
		repair_release();
	}
	PG_END_TRY();
}

int64
series_repair(Datum user_id, const char *platform, DateADT from, DateADT to)
{
	static SPIPlanPtr plan = NULL;
	Corrections corrections = {0};
	Sources *sources;
	History *histories;
	Datum args[4];
	uint64 found;
	int nest;

	/* the reach of infinite dates is infinite */
	DateADT first = DATE_NOT_FINITE(from) ? DATEVAL_NOBEGIN : from - CHANGE_REACH;
	DateADT last = DATE_NOT_FINITE(to) ? DATEVAL_NOEND : to + CHANGE_REACH;

	series_lock(user_id, platform);
	nest = query_begin();
	args[0] = user_id;
	args[1] = CStringGetTextDatum(platform);
	args[2] = DateADTGetDatum(first);
	args[3] = DateADTGetDatum(last);
	query_plan(&plan,
			   "SELECT date, follower_count, follower_change_24h, metrics FROM dreamsuite.daily_metrics"
			   " WHERE user_id = $1 AND platform = $2 AND date BETWEEN $3 AND $4 ORDER BY date",
			   4, (Oid[]){UUIDOID, TEXTOID, DATEOID, DATEOID});
	query_run(plan, args, false, SPI_OK_SELECT);
	found = SPI_processed;

	sources = sources_of(platform_find(platform));
	histories = palloc(sizeof(History) * sources->source_count);
	for (int s = 0; s < sources->source_count; s++)
		history_init(&histories[s], CurrentMemoryContext);
	corrections.dates = palloc(sizeof(Datum) * (found + 1));
	corrections.patches = palloc(sizeof(Datum) * (found + 1));
	corrections.changes = palloc(sizeof(Datum) * (found + 1));
	corrections.unknown = palloc(sizeof(bool) * (found + 1));

	for (uint64 i = 0; i < found; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;
		DateADT date = DatumGetDateADT(SPI_getbinval(tuple, desc, 1, &isnull));
		Datum followers = SPI_getbinval(tuple, desc, 2, &isnull);
		Number follower_count = isnull ? NUMBER_UNKNOWN : number_from_int64(DatumGetInt64(followers));
		Datum change = SPI_getbinval(tuple, desc, 3, &isnull);
		Number stored_change = isnull ? NUMBER_UNKNOWN : number_from_int64(DatumGetInt32(change));
		Jsonb *metrics = DatumGetJsonbP(SPI_getbinval(tuple, desc, 4, &isnull));
		Number values[MAX_SOURCES];

		read_sources(sources, &follower_count, &metrics->root, values);
		if (DATE_NOT_FINITE(from) || date >= from)
			check_row(user_id, platform, sources, histories, values, date, &metrics->root, &stored_change,
					  &corrections);
		for (int s = 0; s < sources->source_count; s++)
			history_put(&histories[s], date, &values[s]);
	}
	if (corrections.count > 0)
		write_corrections(user_id, args[1], &corrections);
	query_end(nest);
	return corrections.count;
}

/* ---- SQL ---- */

DREAMSUITE_FUNCTION(dreamsuite_repair_changes);
DREAMSUITE_FUNCTION(dreamsuite_repair_changes_trigger);

/* repair_changes(user_id uuid, platform text) -> bigint: for rows that were written by plain INSERT or COPY. */
Datum
dreamsuite_repair_changes(PG_FUNCTION_ARGS)
{
	Datum user_id = PG_GETARG_DATUM(0);
	char *platform = text_to_cstring(PG_GETARG_TEXT_PP(1));

	platform_get(platform);
	PG_RETURN_INT64(series_repair(user_id, platform, DATEVAL_NOBEGIN, DATEVAL_NOEND));
}

/*
 * AFTER DELETE OR UPDATE ... FOR EACH STATEMENT, with the transition tables touched_old and, for an update,
 * touched_new.
 */
Datum
dreamsuite_repair_changes_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool update;
	uint64 count;
	SPITupleTable *accounts;
	int nest;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by the trigger manager", "repair_changes_trigger")));
	if (hold_depth > 0)
		PG_RETURN_POINTER(NULL);

	update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	nest = query_begin();
	if (SPI_register_trigger_data(trigger) != SPI_OK_TD_REGISTER)
		elog(ERROR, "could not read the transition tables");
	if (SPI_execute(update
						? "SELECT user_id, platform, min(date), max(date) FROM"
						  " (SELECT * FROM touched_old UNION ALL SELECT * FROM touched_new) AS touched"
						  " WHERE user_id IS NOT NULL GROUP BY user_id, platform ORDER BY user_id, platform"
						: "SELECT user_id, platform, min(date), max(date) FROM touched_old"
						  " WHERE user_id IS NOT NULL GROUP BY user_id, platform ORDER BY user_id, platform",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the transition tables");
	count = SPI_processed;
	accounts = SPI_tuptable;
	for (uint64 i = 0; i < count; i++)
	{
		HeapTuple tuple = accounts->vals[i];
		TupleDesc desc = accounts->tupdesc;
		bool isnull;
		Datum user_id = SPI_getbinval(tuple, desc, 1, &isnull);
		char *platform = TextDatumGetCString(SPI_getbinval(tuple, desc, 2, &isnull));
		DateADT from = DatumGetDateADT(SPI_getbinval(tuple, desc, 3, &isnull));
		DateADT to = DatumGetDateADT(SPI_getbinval(tuple, desc, 4, &isnull));

		CHECK_FOR_INTERRUPTS();
		series_repair(user_id, platform, from, to);
	}
	query_end(nest);
	PG_RETURN_POINTER(NULL);
}
