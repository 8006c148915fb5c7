/*
 * normalise.c
 *    From answers to values: what a platform's normalise() fills, and the SQL function of that name.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "platform/platform.h"

DREAMSUITE_FUNCTION(dreamsuite_normalise);

/* ---- Values ---- */

static MetricValue *
value_of(Normalised *out, const char *field, FieldType type)
{
	int i = platform_field_index(out->platform, field);

	if (i < 0 || out->platform->fields[i].type != type)
		elog(ERROR, "platform \"%s\" has no field \"%s\" of that type", out->platform->name, field);
	return &out->values[i];
}

void
set_count(Normalised *out, const char *field, int64 value)
{
	*value_of(out, field, FIELD_COUNT) = (MetricValue){.known = value != COUNT_UNKNOWN, .count = value};
}

void
add_earlier(Normalised *out, const char *field, TimestampTz ends_at, TimestampTz until, int64 value,
			int64 slack)
{
	EarlierValue *earlier;

	(void) value_of(out, field, FIELD_COUNT);
	if (value == COUNT_UNKNOWN || ends_at == TIME_UNKNOWN)
		return;
	earlier = palloc(sizeof(EarlierValue));
	*earlier =
		(EarlierValue){.field = field, .ends_at = ends_at, .until = until, .value = value, .slack = slack};
	out->earlier = lappend(out->earlier, earlier);
}

void
set_number(Normalised *out, const char *field, double value)
{
	*value_of(out, field, FIELD_NUMBER) = (MetricValue){.known = isfinite(value), .number = value};
}

void
set_text(Normalised *out, const char *field, const char *value)
{
	*value_of(out, field, FIELD_TEXT) = (MetricValue){.known = value != NULL, .text = value};
}

void
set_texts(Normalised *out, const char *field, List *values)
{
	*value_of(out, field, FIELD_TEXTS) = (MetricValue){.known = true, .texts = values};
}

void
set_entries(Normalised *out, const char *field, Jsonb *entries)
{
	*value_of(out, field, FIELD_ENTRIES) = (MetricValue){.known = entries != NULL, .entries = entries};
}

/* ---- Building jsonb ---- */

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = (char *) key;
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_null(JsonbParseState **state, JsonbIteratorToken token)
{
	JsonbValue value = {.type = jbvNull};

	pushJsonbValue(state, token, &value);
}

static void
push_count(JsonbParseState **state, JsonbIteratorToken token, int64 count)
{
	JsonbValue value = {.type = jbvNumeric};

	if (count == COUNT_UNKNOWN)
	{
		push_null(state, token);
		return;
	}
	value.val.numeric = int64_to_numeric(count);
	pushJsonbValue(state, token, &value);
}

static void
push_number(JsonbParseState **state, JsonbIteratorToken token, double number)
{
	JsonbValue value = {.type = jbvNumeric};

	if (!isfinite(number))
	{
		push_null(state, token);
		return;
	}
	value.val.numeric = DatumGetNumeric(DirectFunctionCall1(float8_numeric, Float8GetDatum(number)));
	pushJsonbValue(state, token, &value);
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue value = {.type = jbvString};

	if (text == NULL)
	{
		push_null(state, token);
		return;
	}
	value.val.string.val = (char *) text;
	value.val.string.len = strlen(text);
	pushJsonbValue(state, token, &value);
}

static void
push_texts(JsonbParseState **state, List *texts)
{
	ListCell *cell;

	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach (cell, texts)
		push_text(state, WJB_ELEM, lfirst(cell));
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* An object or array that is built already, as the value of the last key. */
static void
push_jsonb(JsonbParseState **state, Jsonb *jsonb)
{
	JsonbValue value = {.type = jbvBinary};

	value.val.binary.data = &jsonb->root;
	value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	pushJsonbValue(state, WJB_VALUE, &value);
}

void
entries_begin(EntriesBuilder *builder)
{
	builder->state = NULL;
	pushJsonbValue(&builder->state, WJB_BEGIN_ARRAY, NULL);
}

void
entry_begin(EntriesBuilder *builder)
{
	pushJsonbValue(&builder->state, WJB_BEGIN_OBJECT, NULL);
}

void
entry_count(EntriesBuilder *builder, const char *key, int64 value)
{
	push_key(&builder->state, key);
	push_count(&builder->state, WJB_VALUE, value);
}

void
entry_number(EntriesBuilder *builder, const char *key, double value)
{
	push_key(&builder->state, key);
	push_number(&builder->state, WJB_VALUE, value);
}

void
entry_text(EntriesBuilder *builder, const char *key, const char *value)
{
	push_key(&builder->state, key);
	push_text(&builder->state, WJB_VALUE, value);
}

void
entry_end(EntriesBuilder *builder)
{
	pushJsonbValue(&builder->state, WJB_END_OBJECT, NULL);
}

Jsonb *
entries_end(EntriesBuilder *builder)
{
	return JsonbValueToJsonb(pushJsonbValue(&builder->state, WJB_END_ARRAY, NULL));
}

/* ---- The whole ---- */

Normalised *
platform_normalise(const Platform *platform, const Account *account, const Responses *responses,
				   Contents *known)
{
	Normalised *out = palloc0(sizeof(Normalised));
	int n = 0;

	while (platform->fields[n].name != NULL)
		n++;
	out->platform = platform;
	out->account = account;
	out->values = palloc0(sizeof(MetricValue) * n);
	out->follower_count = out->engagement_total = out->content_count = COUNT_UNKNOWN;
	out->content = known != NULL ? known : contents_create();
	if (platform->normalise != NULL)
		platform->normalise(responses, out);
	return out;
}

static void
push_metrics(JsonbParseState **state, const Normalised *out)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; out->platform->fields[i].name != NULL; i++)
	{
		const MetricValue *value = &out->values[i];

		push_key(state, out->platform->fields[i].name);
		if (!value->known)
		{
			push_null(state, WJB_VALUE);
			continue;
		}
		switch (out->platform->fields[i].type)
		{
			case FIELD_COUNT:
				push_count(state, WJB_VALUE, value->count);
				break;
			case FIELD_NUMBER:
				push_number(state, WJB_VALUE, value->number);
				break;
			case FIELD_TEXT:
				push_text(state, WJB_VALUE, value->text);
				break;
			case FIELD_TEXTS:
				push_texts(state, value->texts);
				break;
			case FIELD_ENTRIES:
				push_jsonb(state, value->entries);
				break;
		}
	}
}

Jsonb *
normalised_metrics(const Normalised *out)
{
	JsonbParseState *state = NULL;

	push_metrics(&state, out);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* The keys come in jsonb's own order, shorter first, so that nothing is left to be sorted. */
static void
push_content_item(JsonbParseState **state, const ContentItem *item)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_key(state, "url");
	push_text(state, WJB_VALUE, item->url);
	push_key(state, "kind");
	push_text(state, WJB_VALUE, item->kind);
	push_key(state, "extra");
	if (item->extra != NULL)
		push_jsonb(state, item->extra);
	else
	{
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	push_key(state, "likes");
	push_count(state, WJB_VALUE, item->likes);
	push_key(state, "reach");
	push_count(state, WJB_VALUE, item->reach);
	push_key(state, "saves");
	push_count(state, WJB_VALUE, item->saves);
	push_key(state, "title");
	push_text(state, WJB_VALUE, item->title);
	push_key(state, "views");
	push_count(state, WJB_VALUE, item->views);
	push_key(state, "shares");
	push_count(state, WJB_VALUE, item->shares);
	push_key(state, "comments");
	push_count(state, WJB_VALUE, item->comments);
	push_key(state, "content_id");
	push_text(state, WJB_VALUE, item->content_id);
	push_key(state, "published_at");
	push_text(state, WJB_VALUE, item->published_at == TIME_UNKNOWN ? NULL : time_to_iso(item->published_at));
	push_key(state, "collaborators");
	if (item->collaborators_known)
		push_texts(state, item->collaborators);
	else
		push_null(state, WJB_VALUE);
	push_key(state, "watch_time_minutes");
	push_count(state, WJB_VALUE, item->watch_time_minutes);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Jsonb *
normalised_document(const Normalised *out)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_key(&state, "metrics");
	push_metrics(&state, out);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);

	push_key(&state, "core");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_key(&state, "follower_count");
	push_count(&state, WJB_VALUE, out->follower_count);
	push_key(&state, "engagement_total");
	push_count(&state, WJB_VALUE, out->engagement_total);
	push_key(&state, "content_count");
	push_count(&state, WJB_VALUE, out->content_count);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);

	push_key(&state, "content");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < out->content->count; i++)
	{
		if (out->content->items[i]->listed)
			push_content_item(&state, out->content->items[i]);
	}
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* ---- SQL ---- */

/* Keeps one entry; the platform's error body, null and scalars count as lost. */
static void
add_entry(Responses *responses, const StepDef *step, const JsonbValue *value)
{
	const Platform *platform = responses->platform;
	const JsonbContainer *container = value->type == jbvBinary ? value->val.binary.data : NULL;
	const char *of = NULL;

	if (container != NULL && JsonContainerIsObject(container) && json_has(container, "of") &&
		json_has(container, "body"))
	{
		JsonbValue inner;

		of = json_id(container, "of");
		json_member(container, "body", &inner);
		container = inner.type == jbvBinary ? inner.val.binary.data : NULL;
	}
	if (container != NULL)
	{
		Answer answer = {.body = container};
		ErrorClass error = platform->classify(&answer).error;

		if (error != ERROR_NONE)
		{
			responses_lose(responses, step, error);
			return;
		}
	}
	responses_add(responses, step, of, container);
}

static Responses *
responses_from_jsonb(const Platform *platform, const Jsonb *given)
{
	Responses *responses = responses_create(platform);
	JsonbIterator *it;
	JsonbValue key, value;
	JsonbIteratorToken token;

	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("responses must be an object"),
						errdetail("It maps the name of a step to an array with one entry per page."),
						errhint("As in {\"profile\": [{...}]}.")));
	it = JsonbIteratorInit((JsonbContainer *) &given->root);
	token = JsonbIteratorNext(&it, &key, true);
	while ((token = JsonbIteratorNext(&it, &key, true)) == WJB_KEY)
	{
		char *name = pnstrdup(key.val.string.val, key.val.string.len);
		const StepDef *step = platform_step(platform, name);

		JsonbIteratorNext(&it, &value, true);
		if (step == NULL)
		{
			StringInfoData names;

			initStringInfo(&names);
			for (step = platform->steps; step != NULL && step->name != NULL; step++)
				appendStringInfo(&names, "%s%s", names.len == 0 ? "" : ", ", step->name);
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("unknown step \"%s\" for platform \"%s\"", name, platform->name),
							names.len == 0 ? errdetail("The platform has no API, so it has no steps.")
										   : errdetail("Its steps are %s.", names.data),
							errhint("Name the steps of the platform as keys of responses.")));
		}
		if (value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data))
		{
			JsonItems items = json_items(value.val.binary.data);
			JsonbValue entry;

			while (json_next_value(&items, &entry))
				add_entry(responses, step, &entry);
		}
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("responses of step \"%s\" must be an array", name),
					 errdetail("It has one entry per page."), errhint("As in {\"%s\": [{...}]}.", name)));
	}
	return responses;
}

/* The instant's calendar in a zone; false where it is out of range. */
static bool
local_time(TimestampTz instant, const char *time_zone, pg_tz **zone, struct pg_tm *tm)
{
	fsec_t fsec;
	int tz;

	*zone = time_zone != NULL ? pg_tzset(time_zone) : NULL;
	if (*zone == NULL)
		*zone = pg_tzset("UTC");
	return timestamp2tm(instant, &tz, tm, &fsec, NULL, *zone) == 0;
}

int
local_date(TimestampTz instant, const char *time_zone)
{
	struct pg_tm tm;
	pg_tz *zone;

	if (!local_time(instant, time_zone, &zone, &tm))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

TimestampTz
local_midnight(TimestampTz instant, const char *time_zone)
{
	struct pg_tm tm;
	pg_tz *zone;
	int tz;
	TimestampTz midnight;

	if (!local_time(instant, time_zone, &zone, &tm))
		return instant;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tz = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, 0, &tz, &midnight) != 0)
		return instant;
	return midnight;
}

/*
 * normalise(platform text, responses jsonb, observed_at timestamptz, settings jsonb) returns jsonb
 */
Datum
dreamsuite_normalise(PG_FUNCTION_ARGS)
{
	const Platform *platform = platform_get(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Jsonb *given = PG_GETARG_JSONB_P(1);
	TimestampTz observed_at = PG_GETARG_TIMESTAMPTZ(2);
	Jsonb *settings = PG_GETARG_JSONB_P(3);
	Account account = {.observed_at = observed_at, .has_token = true};

	if (TIMESTAMP_NOT_FINITE(observed_at))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("observed_at must be finite"),
						errhint("Give the time at which the answers came.")));
	if (!JB_ROOT_IS_OBJECT(settings))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("settings must be an object"),
						errdetail("They are the account's: external_id, artist_id and the like."),
						errhint("As in {\"external_id\": \"27\"}.")));
	account.settings = &settings->root;
	account.external_id = account_setting(&account, "external_id");
	account.local_midnight = local_midnight(observed_at, account_setting(&account, "time_zone"));
	PG_RETURN_JSONB_P(normalised_document(
		platform_normalise(platform, &account, responses_from_jsonb(platform, given), NULL)));
}
