/*
 * record.c
 *    record_metrics(): numbers that a person types, checked by name and type.
 *
 * It needs no connected account: an artist may record what a platform without an API shows on its screens.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/uuid.h"

#include "access.h"
#include "imports/day.h"

#define SHOWN_BYTES 64

DREAMSUITE_FUNCTION(dreamsuite_record_metrics);

/* What a value of the type is, for people. */
static const char *
type_rule(FieldType type)
{
	switch (type)
	{
		case FIELD_COUNT:
			return "a whole number of 0 or more";
		case FIELD_NUMBER:
			return "a number of 0 or more";
		case FIELD_TEXT:
			return "a text";
		case FIELD_TEXTS:
			return "an array of texts";
		case FIELD_ENTRIES:
			return "an array of objects";
	}
	pg_unreachable();
}

static char *
shown(const JsonbValue *value)
{
	Jsonb *jsonb = JsonbValueToJsonb((JsonbValue *) value);

	return text_clip(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)), SHOWN_BYTES);
}

static char *
entry_keys(const FieldDef *field)
{
	StringInfoData keys;

	initStringInfo(&keys);
	for (int i = 0; field->entry[i].name != NULL; i++)
		appendStringInfo(&keys, "%s%s", i == 0 ? "" : ", ", field->entry[i].name);
	return keys.data;
}

pg_noreturn static void
refuse_value(const FieldDef *field, const JsonbValue *value, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value of metric \"%s\": %s", field->name, shown(value)),
					errdetail_internal("%s", detail),
					field->type == FIELD_ENTRIES ? errhint("Each entry has the keys %s.", entry_keys(field))
												 : errhint("See dreamsuite.metric_catalog().")));
}

/* Counts and numbers; the value becomes what is stored (2.0 becomes 2). */
static bool
take_scalar(FieldType type, double at_most, JsonbValue *value)
{
	switch (type)
	{
		case FIELD_COUNT:
		{
			int64 count = value->type == jbvNumeric ? json_value_count(value) : COUNT_UNKNOWN;

			if (count == COUNT_UNKNOWN)
				return false;
			value->val.numeric = int64_to_numeric(count);
			return true;
		}
		case FIELD_NUMBER:
		{
			double number = value->type == jbvNumeric ? json_value_number(value) : NAN;

			return isfinite(number) && number >= 0 && (at_most == 0 || number <= at_most);
		}
		default:
			return value->type == jbvString;
	}
}

static void
check_texts(const FieldDef *field, const JsonbValue *value)
{
	JsonItems items = json_items(value->val.binary.data);
	JsonbValue item;

	while (json_next_value(&items, &item))
	{
		if (item.type != jbvString)
			refuse_value(field, &item, "It is an array of texts.");
	}
}

/* Every entry has exactly the keys, each of its type or null where it is not known. */
static void
check_entries(const FieldDef *field, const JsonbValue *value)
{
	JsonItems items = json_items(value->val.binary.data);
	JsonbValue item, member;
	int number = 0;

	while (json_next_value(&items, &item))
	{
		const JsonbContainer *entry = item.type == jbvBinary ? item.val.binary.data : NULL;
		int keys = 0;

		number++;
		if (entry == NULL || !JsonContainerIsObject(entry))
			refuse_value(field, &item, psprintf("Entry %d is no object.", number));
		for (const EntryKey *key = field->entry; key->name != NULL; key++)
		{
			keys++;
			if (!json_member(entry, key->name, &member))
				refuse_value(field, &item, psprintf("Entry %d lacks the key \"%s\".", number, key->name));
			if (member.type != jbvNull && !take_scalar(key->type, 0, &member))
				refuse_value(field, &item,
							 psprintf("\"%s\" of entry %d is %s, or null where it is not known.", key->name,
									  number, type_rule(key->type)));
		}
		if (JsonContainerSize(entry) != keys)
			refuse_value(field, &item, psprintf("Entry %d has a key too many.", number));
	}
}

static void
check_value(const FieldDef *field, JsonbValue *value)
{
	bool is_array = value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);

	if (field->kind == KIND_CHANGE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("metric \"%s\" is computed and cannot be recorded", field->name),
						errdetail("It is the change of \"%s\" over %d day(s).", field->change_of,
								  field->change_days),
						errhint("Record \"%s\"; its changes follow.", field->change_of)));
	if (value->type == jbvNull)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("metric \"%s\" must not be null", field->name),
						errdetail("What is not known never overwrites what is known."),
						errhint("Leave the key out; what is stored stays.")));
	if (field->type == FIELD_TEXTS && is_array)
		check_texts(field, value);
	else if (field->type == FIELD_ENTRIES && is_array)
		check_entries(field, value);
	else if (field->type == FIELD_TEXTS || field->type == FIELD_ENTRIES ||
			 !take_scalar(field->type, field->at_most, value))
		refuse_value(field, value,
					 field->at_most > 0 ? psprintf("It is a number from 0 to %g.", field->at_most)
										: psprintf("It is %s.", type_rule(field->type)));
}

static void
take_metrics(Day *day, const Platform *platform, const Jsonb *given)
{
	JsonbIterator *it;
	JsonbValue key, value;

	if (!JB_ROOT_IS_OBJECT(given) || JB_ROOT_COUNT(given) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("metrics must be an object with at least one key"),
						errdetail("The metrics of platform \"%s\" are %s.", platform->name,
								  platform_field_names(platform)),
						errhint("As in {\"%s\": ...}.", platform->fields[0].name)));
	it = JsonbIteratorInit((JsonbContainer *) &given->root);
	JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		char *name = pnstrdup(key.val.string.val, key.val.string.len);
		int i = platform_field_index(platform, name);

		JsonbIteratorNext(&it, &value, true);
		if (i < 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("unknown metric \"%s\" for platform \"%s\"", text_clip(name, SHOWN_BYTES),
								   platform->name),
							errdetail("Its metrics are %s.", platform_field_names(platform)),
							errhint("See dreamsuite.metric_catalog().")));
		check_value(&platform->fields[i], &value);
		day->values[i] = value;
	}
}

static void
check_date(Datum user_id, const Platform *platform, DateADT date)
{
	DateADT today = day_today(user_id, platform);

	if (DATE_NOT_FINITE(date))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("date must be finite"),
						errhint("Pass the day on which the numbers were seen.")));
	if (date > today)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("date \"%s\" is in the future",
							   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(date)))),
						errdetail("Today is %s in the time zone of the account.",
								  DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(today)))),
						errhint("Pass the day on which the numbers were seen.")));
}

/* record_metrics(user_id uuid, platform text, date date, metrics jsonb) returns void */
Datum
dreamsuite_record_metrics(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"user_id", "platform", "date", "metrics"};
	static const char *const hints[] = {"Pass the uuid of the artist's user.",
										"See the view dreamsuite.platforms.",
										"Pass the day on which the numbers were seen.",
										"Pass an object of metrics; see dreamsuite.metric_catalog()."};
	const Platform *platform;
	Day day;

	if (!PG_ARGISNULL(0))
		access_check_user(PG_GETARG_UUID_P(0));
	for (int i = 0; i < lengthof(arguments); i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not be null", arguments[i]), errhint("%s", hints[i])));
	}
	platform = platform_get(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	day_init(&day, platform, PG_GETARG_DATEADT(2));
	take_metrics(&day, platform, PG_GETARG_JSONB_P(3));
	check_date(PG_GETARG_DATUM(0), platform, day.date);
	days_store(PG_GETARG_DATUM(0), platform, &day, 1);
	PG_RETURN_VOID();
}
