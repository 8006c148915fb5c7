/*
 * repair.c
 *    The stored change fields of daily_metrics, repaired after days were touched.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "series/fields.h"
#include "series/goals.h"
#include "series/metric.h"
#include "series/query.h"
#include "series/repair.h"

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
	known = change_as_int32(&change, &narrow, &fits);
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

		if (DATE_NOT_FINITE(date))
			continue; /* no day */
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
	goals_note(&(TouchedDays){user_id, platform, from, to}, 1);
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
