/*
 * day.c
 *    Values that come by hand or by file, merged into the days of an account.
 *
 * Whatever the number of days, there is one statement to read them, one to write them, one for their revisions, and one
 * repair of the changes that depend on them.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "collect/columns.h"
#include "collect/revise.h"
#include "config.h"
#include "imports/day.h"
#include "series/query.h"
#include "series/repair.h"

/* A day as it is stored. */
typedef struct StoredDay
{
	bool exists;
	int64 follower_count;
	int64 engagement_total;
	int64 content_count;
	Jsonb *metrics; /* NULL: there is no row */
} StoredDay;

/* ---- One day ---- */

const char *
fate_name(DayFate fate)
{
	static const char *const names[] = {"unchanged", "inserted", "updated"};

	return names[fate];
}

static int
field_number(const Platform *platform)
{
	int n = 0;

	while (platform->fields[n].name != NULL)
		n++;
	return n;
}

void
day_init(Day *day, const Platform *platform, DateADT date)
{
	day->date = date;
	day->values = palloc0(sizeof(JsonbValue) * field_number(platform)); /* jbvNull is 0 */
	day->fate = DAY_UNCHANGED;
}

static JsonbValue *
value_at(Day *day, const Platform *platform, const char *field, FieldType type)
{
	int i = platform_field_index(platform, field);

	if (i < 0 || platform->fields[i].type != type)
		elog(ERROR, "platform \"%s\" has no field \"%s\" of that type", platform->name, field);
	return &day->values[i];
}

void
day_count(Day *day, const Platform *platform, const char *field, int64 value)
{
	JsonbValue *at = value_at(day, platform, field, FIELD_COUNT);

	at->type = value == COUNT_UNKNOWN ? jbvNull : jbvNumeric;
	if (value != COUNT_UNKNOWN)
		at->val.numeric = int64_to_numeric(value);
}

void
day_number(Day *day, const Platform *platform, const char *field, double value)
{
	JsonbValue *at = value_at(day, platform, field, FIELD_NUMBER);

	at->type = isfinite(value) ? jbvNumeric : jbvNull;
	if (isfinite(value))
		at->val.numeric = DatumGetNumeric(DirectFunctionCall1(float8_numeric, Float8GetDatum(value)));
}

void
day_entries(Day *day, const Platform *platform, const char *field, Jsonb *entries)
{
	JsonbValue *at = value_at(day, platform, field, FIELD_ENTRIES);

	at->type = entries != NULL ? jbvBinary : jbvNull;
	if (entries != NULL)
	{
		at->val.binary.data = &entries->root;
		at->val.binary.len = VARSIZE(entries) - VARHDRSZ;
	}
}

bool
day_is_empty(const Day *day, const Platform *platform)
{
	for (int i = 0; platform->fields[i].name != NULL; i++)
	{
		if (day->values[i].type != jbvNull)
			return false;
	}
	return true;
}

DateADT
day_today(Datum user_id, const Platform *platform)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext caller = CurrentMemoryContext;
	Datum args[] = {user_id, CStringGetTextDatum(platform->name)};
	char *time_zone = NULL;
	int nest = query_begin();

	query_plan(
		&plan,
		"SELECT settings ->> 'time_zone' FROM dreamsuite.accounts WHERE user_id = $1 AND platform = $2", 2,
		(Oid[]){UUIDOID, TEXTOID});
	query_run(plan, args, true, SPI_OK_SELECT);
	if (SPI_processed > 0)
		time_zone = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (time_zone != NULL)
		time_zone = MemoryContextStrdup(caller, time_zone);
	query_end(nest);
	return local_date(config_now(), time_zone);
}

/* ---- Merging ---- */

static bool
stored_value(const StoredDay *stored, const char *name, JsonbValue *value)
{
	return stored->metrics != NULL && json_member(&stored->metrics->root, name, value) &&
		   value->type != jbvNull;
}

static Jsonb *
as_jsonb(const JsonbValue *value)
{
	return JsonbValueToJsonb((JsonbValue *) value);
}

static bool
same_value(const JsonbValue *a, const JsonbValue *b)
{
	Jsonb *left = as_jsonb(a), *right = as_jsonb(b);

	return compareJsonbContainers(&left->root, &right->root) == 0;
}

/* The stored object with what is given, with every key of the platform and those that are stored beside them. */
static Jsonb *
merged_metrics(const StoredDay *stored, const Day *day, const Platform *platform)
{
	JsonbParseState *state = NULL;
	JsonbValue key = {.type = jbvString};
	JsonbValue value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (stored->metrics != NULL)
	{
		JsonbIterator *it = JsonbIteratorInit(&stored->metrics->root);
		JsonbValue name;

		JsonbIteratorNext(&it, &name, true);
		while (JsonbIteratorNext(&it, &name, true) == WJB_KEY)
		{
			pushJsonbValue(&state, WJB_KEY, &name);
			JsonbIteratorNext(&it, &value, true);
			pushJsonbValue(&state, WJB_VALUE, &value);
		}
	}
	/* Of a key that is pushed twice the last value counts. */
	for (int i = 0; platform->fields[i].name != NULL; i++)
	{
		const char *name = platform->fields[i].name;

		if (day->values[i].type == jbvNull && stored_value(stored, name, &value))
			continue;
		key.val.string.val = (char *) name;
		key.val.string.len = strlen(name);
		pushJsonbValue(&state, WJB_KEY, &key);
		value = day->values[i];
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Is one of the comma-separated fields given? */
static bool
gives_any(const Day *day, const Platform *platform, const char *fields)
{
	char *copy = pstrdup(fields), *rest = NULL;

	for (char *name = strtok_r(copy, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
	{
		if (value_at((Day *) day, platform, name, FIELD_COUNT)->type != jbvNull)
			return true;
	}
	return false;
}

/* The sum of those that are known; COUNT_UNKNOWN where none is. */
static int64
sum_of(const Jsonb *metrics, const char *fields)
{
	char *copy = pstrdup(fields), *rest = NULL;
	int64 sum = COUNT_UNKNOWN;

	for (char *name = strtok_r(copy, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
		sum = sum_known(2, sum, json_count(&metrics->root, name));
	return sum;
}

/* A core column follows its fields where one of them is given, or where it is not known yet. */
static int64
core_value(const Day *day, const Platform *platform, const Jsonb *metrics, const char *fields, int64 stored)
{
	int64 sum;

	if (fields == NULL || (stored != COUNT_UNKNOWN && !gives_any(day, platform, fields)))
		return stored;
	sum = sum_of(metrics, fields);
	return sum == COUNT_UNKNOWN ? stored : sum;
}

static void
check_content_count(const Platform *platform, const Day *day, int64 content_count)
{
	if (content_count != COUNT_UNKNOWN && content_count > PG_INT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("content_count of platform \"%s\", date \"%s\" is out of range: " INT64_FORMAT,
							   platform->name,
							   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(day->date))),
							   content_count),
						errdetail("It is the metric \"%s\", and the column holds at most %d.",
								  platform->content, PG_INT32_MAX),
						errhint("Correct the value.")));
}

/* Says what becomes of the day, and adds a revision for each known value that changes. */
static void
compare_day(const StoredDay *stored, Day *day, const Platform *platform, Columns *revisions)
{
	day->fate = stored->exists ? DAY_UNCHANGED : DAY_INSERTED;
	for (int i = 0; platform->fields[i].name != NULL; i++)
	{
		const char *name = platform->fields[i].name;
		JsonbValue old;

		if (day->values[i].type == jbvNull)
			continue;
		if (!stored_value(stored, name, &old))
		{
			if (stored->exists)
				day->fate = DAY_UPDATED;
			continue;
		}
		if (same_value(&old, &day->values[i]))
			continue;
		day->fate = DAY_UPDATED;
		columns_row(revisions);
		column_date(revisions, day->date);
		column_text(revisions, name);
		column_jsonb(revisions, as_jsonb(&old));
		column_jsonb(revisions, as_jsonb(&day->values[i]));
	}
}

/* ---- Storage ---- */

static int64
count_at(HeapTuple tuple, TupleDesc desc, int column, Oid type)
{
	bool null;
	Datum value = SPI_getbinval(tuple, desc, column, &null);

	if (null)
		return COUNT_UNKNOWN;
	return type == INT4OID ? DatumGetInt32(value) : DatumGetInt64(value);
}

/* What is stored of the days. Their rows are locked: whoever corrects one by hand waits. */
static StoredDay *
read_days(Datum user_id, const Platform *platform, const Day *days, int count)
{
	static SPIPlanPtr plan = NULL;
	StoredDay *stored = palloc0(sizeof(StoredDay) * count);
	Columns *dates = columns_create(1, (Oid[]){DATEOID});
	Datum args[3];
	Oid types[3];
	int at = 0;

	for (int i = 0; i < count; i++)
	{
		stored[i].follower_count = stored[i].engagement_total = stored[i].content_count = COUNT_UNKNOWN;
		columns_row(dates);
		column_date(dates, days[i].date);
	}
	args[0] = user_id;
	args[1] = CStringGetTextDatum(platform->name);
	columns_values(dates, &args[2], &types[2]);
	query_plan(
		&plan,
		"SELECT date, follower_count, engagement_total, content_count, metrics FROM dreamsuite.daily_metrics"
		" WHERE user_id = $1 AND platform = $2 AND date = ANY ($3) ORDER BY date FOR UPDATE",
		3, (Oid[]){UUIDOID, TEXTOID, types[2]});
	query_run(plan, args, false, SPI_OK_SELECT);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple tuple = SPI_tuptable->vals[row];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool null;
		DateADT date = DatumGetDateADT(SPI_getbinval(tuple, desc, 1, &null));
		Jsonb *metrics;

		while (at < count && days[at].date < date)
			at++;
		if (at == count || days[at].date != date)
			continue;
		stored[at].exists = true;
		stored[at].follower_count = count_at(tuple, desc, 2, INT8OID);
		stored[at].engagement_total = count_at(tuple, desc, 3, INT8OID);
		stored[at].content_count = count_at(tuple, desc, 4, INT4OID);
		metrics = DatumGetJsonbP(SPI_getbinval(tuple, desc, 5, &null));
		if (JB_ROOT_IS_OBJECT(metrics))
			stored[at].metrics = metrics;
	}
	return stored;
}

static void
run_columns(const char *sql, Datum user_id, const Platform *platform, Columns *columns)
{
	Datum values[MAX_COLUMNS + 2];
	Oid types[MAX_COLUMNS + 2];

	if (columns->rows == 0)
		return;
	values[0] = user_id;
	types[0] = UUIDOID;
	values[1] = CStringGetTextDatum(platform->name);
	types[1] = TEXTOID;
	columns_values(columns, &values[2], &types[2]);
	if (SPI_execute_with_args(sql, columns->count + 2, types, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store what was given");
}

/*
 * A call that changed something is a run, dated as the newest day that it touched. So is each other day that a platform might
 * still correct: the run says that it has numbers by hand.
 */
static void
note_runs(Datum user_id, const Platform *platform, Columns *dates)
{
	run_columns(
		"INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, finished_at, outcome)"
		" SELECT $1, $2, j.date, pg_catalog.now(), pg_catalog.clock_timestamp(), 'manual'"
		" FROM (SELECT u.date, max(u.date) OVER () AS newest FROM unnest($3) AS u(date)) AS j"
		" WHERE j.date = j.newest"
		"  OR j.date >= (dreamsuite.calendar_now() AT TIME ZONE 'UTC')::date - " REVISED_DAYS
		" - 1 ORDER BY j.date",
		user_id, platform, dates);
}

static void
store_rows(Datum user_id, const Platform *platform, Columns *rows, Columns *revisions)
{
	repair_hold();
	PG_TRY();
	{
		run_columns(
			"INSERT INTO dreamsuite.daily_metrics AS d (user_id, platform, date, follower_count, engagement_total,"
			"  content_count, metrics, collected_at)"
			" SELECT $1, $2, j.date, j.follower_count, j.engagement_total, j.content_count::integer, j.metrics,"
			"  pg_catalog.clock_timestamp()"
			" FROM unnest($3, $4, $5, $6, $7) AS j(date, follower_count, engagement_total, content_count, metrics)"
			" ON CONFLICT (user_id, platform, date) DO UPDATE SET follower_count = excluded.follower_count,"
			"  engagement_total = excluded.engagement_total, content_count = excluded.content_count,"
			"  metrics = excluded.metrics, collected_at = excluded.collected_at",
			user_id, platform, rows);
	}
	PG_FINALLY();
	{
		repair_release();
	}
	PG_END_TRY();
	run_columns(
		"INSERT INTO dreamsuite.metric_revisions (user_id, platform, date, metric, old_value, new_value, observed_at)"
		" SELECT $1, $2, j.date, j.metric, j.old_value, j.new_value, dreamsuite.calendar_now()"
		" FROM unnest($3, $4, $5, $6) AS j(date, metric, old_value, new_value)",
		user_id, platform, revisions);
}

void
days_store(Datum user_id, const Platform *platform, Day *days, int count)
{
	static const Oid row_types[] = {DATEOID, INT8OID, INT8OID, INT8OID, JSONBOID};
	static const Oid revision_types[] = {DATEOID, TEXTOID, JSONBOID, JSONBOID};
	Columns *rows, *revisions, *dates;
	StoredDay *stored;
	DateADT first = 0, last = 0;
	int nest;

	if (count == 0)
		return;
	series_lock(user_id, platform->name);
	nest = query_begin();
	rows = columns_create(lengthof(row_types), row_types);
	revisions = columns_create(lengthof(revision_types), revision_types);
	dates = columns_create(1, (Oid[]){DATEOID});
	stored = read_days(user_id, platform, days, count);
	for (int i = 0; i < count; i++)
	{
		Jsonb *metrics;
		int64 content_count;

		CHECK_FOR_INTERRUPTS();
		compare_day(&stored[i], &days[i], platform, revisions);
		if (days[i].fate == DAY_UNCHANGED)
			continue;
		metrics = merged_metrics(&stored[i], &days[i], platform);
		content_count = core_value(&days[i], platform, metrics, platform->content, stored[i].content_count);
		check_content_count(platform, &days[i], content_count);
		if (rows->rows == 0)
			first = days[i].date;
		last = days[i].date;
		columns_row(dates);
		column_date(dates, days[i].date);
		columns_row(rows);
		column_date(rows, days[i].date);
		column_count(rows,
					 core_value(&days[i], platform, metrics, platform->audience, stored[i].follower_count));
		column_count(
			rows, core_value(&days[i], platform, metrics, platform->engagement, stored[i].engagement_total));
		column_count(rows, content_count);
		column_jsonb(rows, metrics);
	}
	if (rows->rows > 0)
	{
		store_rows(user_id, platform, rows, revisions);
		series_repair(user_id, platform->name, first, last);
		note_runs(user_id, platform, dates);
	}
	query_end(nest);
}
