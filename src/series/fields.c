/*
 * fields.c
 *    The change fields of a platform and what they are made of.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "series/fields.h"
#include "series/metric.h"
#include "series/repair.h"

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

Sources *
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

void
read_sources(const Sources *sources, const Number *follower_count, const JsonbContainer *metrics,
			 Number *values)
{
	values[AUDIENCE] = metric_audience(sources->platform, follower_count, metrics);
	for (int i = 1; i < sources->source_count; i++)
		values[i] = metric_in_jsonb(metrics, sources->names[i]);
}

Number
change_over(const History *history, DateADT date, const Number *value, int days)
{
	const Number *base = change_baseline(history, date, days, NULL);

	return base ? number_subtract(value, base) : NUMBER_UNKNOWN;
}

/* Accounts are told apart by user and platform, so no text of a person is in the message. */
char *
overflow_text(Datum user_id, const char *platform, DateADT date, const Number *change)
{
	return psprintf(
		"follower_change_24h of user \"%s\", platform \"%s\", date \"%s\" is out of range: %s",
		DatumGetCString(DirectFunctionCall1(uuid_out, user_id)), platform,
		DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(date))),
		DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number_palloc_numeric(change)))));
}

bool
change_as_int32(const Number *change, int32 *value, bool *fits)
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

void
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

Datum
array_of(Datum *values, int count, Oid type)
{
	int16 length;
	bool by_value;
	char alignment;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_array(values, count, type, length, by_value, alignment));
}

int64
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

void
series_lock_shared(Datum user_id, const char *platform)
{
	DirectFunctionCall1(pg_advisory_xact_lock_shared_int8, Int64GetDatum(account_key(user_id, platform)));
}
