/*
 * fact.c
 *    The record of a fact: its identity, its columns and the JSON of its evidence.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "insight/fact.h"

/* Part of every hash: another method makes another fact. */
#define METHOD_VERSION 1

static const char *const category_names[CATEGORY_COUNT] = {"growth", "content", "cross_platform",
														   "trend",  "goal",    "data_quality"};

/*
 * The level of a family, and its weight among the families: what asks for more certainty than it brings news (that two
 * platforms move together) has less of the artist's budget of errors than a spike.
 */
static const struct
{
	const char *name;
	double level;
	double weight;
} families[FAMILY_COUNT] = {
	[FAMILY_SPIKES] = {"spikes", 0.05, 2.0},        [FAMILY_PAST_SPIKES] = {"past_spikes", 0.05, 1.0},
	[FAMILY_WEEKS] = {"weeks", 0.10, 1.0},          [FAMILY_CHANGES] = {"change_points", 0.10, 0.75},
	[FAMILY_WEEKEND] = {"weekend", 0.10, 0.5},      [FAMILY_POSTS] = {"posts", 0.10, 1.0},
	[FAMILY_PAIRS] = {"platform_pairs", 0.10, 0.5}, [FAMILY_PROMOTION] = {"promotion", 0.10, 1.0},
};

const char *
category_name(Category category)
{
	return category_names[category];
}

const char *
family_name(Family family)
{
	return families[family].name;
}

double
family_level(Family family)
{
	return families[family].level;
}

double
family_weight(Family family)
{
	return families[family].weight;
}

Fact *
fact_create(Category category, const char *kind)
{
	Fact *fact = palloc0(sizeof(Fact));

	fact->category = category;
	fact->kind = kind;
	fact->value = fact->baseline = NAN;
	fact->effect = fact->effect_lo = fact->effect_hi = NAN;
	fact->effect_size = fact->weight = NAN;
	fact->p_value = fact->q_value = NAN;
	fact->n = fact->n_baseline = fact->n_missing = -1;
	fact->family = FAMILY_NONE;
	fact->action = 0.6;
	return fact;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool
fact_same(const Fact *a, const Fact *b)
{
	return same_text(a->kind, b->kind) && same_text(a->subject, b->subject) &&
		   same_text(a->direction, b->direction);
}

/* FNV-1a: the same on every machine. */
static uint32
hash_bytes_fnv(const char *bytes, int length)
{
	uint32 hash = UINT32_C(2166136261);

	for (int i = 0; i < length; i++)
		hash = (hash ^ (unsigned char) bytes[i]) * UINT32_C(16777619);
	return hash;
}

/* Shortest text that reads back as the same double; "null" for NaN. */
static void
append_number(StringInfo out, double value)
{
	char text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (!isfinite(value))
	{
		appendStringInfoString(out, "null");
		return;
	}
	double_to_shortest_decimal_buf(value, text);
	appendStringInfoString(out, text);
}

char *
fact_id(const Fact *fact)
{
	StringInfoData id;
	StringInfoData numbers;

	initStringInfo(&id);
	appendStringInfo(&id, "%s:", fact->kind);
	/* content ids may hold anything; an id is quoted in brackets and split at colons */
	for (const char *c = fact->subject; *c; c++)
		appendStringInfoChar(&id, isalnum((unsigned char) *c) || strchr("_.-@", *c) ? *c : '-');
	appendStringInfo(&id, ":%s..%s", date_text(fact->window_start), date_text(fact->window_end));

	initStringInfo(&numbers);
	appendStringInfo(&numbers, "%d %s %s %s ", METHOD_VERSION, id.data, fact->subject,
					 fact->direction ? fact->direction : "");
	append_number(&numbers, fact->value);
	append_number(&numbers, fact->baseline);
	append_number(&numbers, fact->effect);
	append_number(&numbers, fact->p_value);
	append_number(&numbers, fact->n);
	appendStringInfo(&id, ":%08x", hash_bytes_fnv(numbers.data, numbers.len));
	pfree(numbers.data);
	return id.data;
}

bool
fact_window_end(const char *id, DateADT *day)
{
	const char *end = strstr(id, "..");
	int year, month, dom;

	if (end == NULL || sscanf(end + 2, "%d-%2d-%2d:", &year, &month, &dom) != 3)
		return false;
	if (year < 1900 || year > 9999 || month < 1 || month > 12 || dom < 1 || dom > 31)
		return false;
	*day = date2j(year, month, dom) - POSTGRES_EPOCH_JDATE;
	return true;
}

const char *
fact_confidence(const Fact *fact)
{
	switch (fact->evidence_class)
	{
		case EVIDENCE_EXACT:
			return "high";
		case EVIDENCE_FORECAST:
			return "medium";
		case EVIDENCE_HEURISTIC:
			return "low";
		case EVIDENCE_TESTED:
			break;
	}
	if (fact->q_value <= 0.01 && fact->n >= 2 * fact->least)
		return "high";
	return fact->q_value <= 0.05 ? "medium" : "low";
}

/* ---- JSON ---- */

void
json_next(StringInfo out)
{
	if (out->len > 0 && out->data[out->len - 1] != '{' && out->data[out->len - 1] != '[')
		appendStringInfoChar(out, ',');
}

static void
put_key(StringInfo out, const char *key)
{
	json_next(out);
	appendStringInfo(out, "\"%s\":", key);
}

void
json_put_number(StringInfo out, const char *key, double value)
{
	put_key(out, key);
	append_number(out, value);
}

void
json_put_text(StringInfo out, const char *key, const char *value)
{
	put_key(out, key);
	if (value)
		escape_json(out, value);
	else
		appendStringInfoString(out, "null");
}

void
json_put_raw(StringInfo out, const char *key, const char *json)
{
	put_key(out, key);
	appendStringInfoString(out, json);
}

void
json_put_date(StringInfo out, const char *key, DateADT day)
{
	json_put_text(out, key, date_text(day));
}

const char *
date_text(DateADT day)
{
	char text[MAXDATELEN + 1];
	struct pg_tm tm;

	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, text);
	return pstrdup(text);
}

static Datum
jsonb_datum(const char *text)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
}

/* ---- Columns ---- */

static const char *const class_names[] = {"exact", "tested", "forecast", "heuristic"};
static const char *const status_names[] = {"new", "continuing", "resolved"};

static Datum
subject_datum(const Fact *fact)
{
	StringInfoData json;

	if (fact->subject_json)
		return jsonb_datum(fact->subject_json);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	if (fact->platform)
		json_put_text(&json, "platform", fact->platform->name);
	if (fact->metric)
		json_put_text(&json, "metric", fact->metric);
	appendStringInfoChar(&json, '}');
	return jsonb_datum(json.data);
}

static Datum
evidence_datum(const Fact *fact)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_put_text(&json, "status", status_names[fact->status]);
	if (fact->parameters)
	{
		json_next(&json);
		appendStringInfo(&json, "\"parameters\":{%s}", fact->parameters);
	}
	if (fact->rows)
	{
		json_next(&json);
		appendStringInfo(&json, "\"rows\":[%s]", fact->rows);
	}
	if (fact->content)
	{
		json_next(&json);
		appendStringInfo(&json, "\"content\":[%s]", fact->content);
	}
	if (fact->extra && fact->extra[0])
	{
		json_next(&json);
		appendStringInfoString(&json, fact->extra);
	}
	appendStringInfoChar(&json, '}');
	return jsonb_datum(json.data);
}

static Datum
parts_datum(const Fact *fact)
{
	static const char *const names[PART_COUNT] = {"impact",    "sureness", "effect",
												  "freshness", "novelty",  "action"};
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < PART_COUNT; i++)
		json_put_number(&json, names[i], fact->parts[i]);
	appendStringInfoChar(&json, '}');
	return jsonb_datum(json.data);
}

static Datum
caveats_datum(const List *caveats)
{
	Datum *elements = palloc(sizeof(Datum) * (list_length(caveats) + 1));
	int n = 0;
	ListCell *cell;

	foreach (cell, caveats)
		elements[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Filling the columns in their order. */
typedef struct Row
{
	Datum *values;
	bool *nulls;
	int at;
} Row;

static void
put_datum(Row *row, Datum value)
{
	row->values[row->at] = value;
	row->nulls[row->at++] = false;
}

static void
put_text(Row *row, const char *value)
{
	row->values[row->at] = value ? CStringGetTextDatum(value) : (Datum) 0;
	row->nulls[row->at++] = value == NULL;
}

static void
put_number(Row *row, double value)
{
	row->values[row->at] = Float8GetDatum(value);
	row->nulls[row->at++] = !isfinite(value);
}

static void
put_count(Row *row, int value)
{
	row->values[row->at] = Int32GetDatum(value);
	row->nulls[row->at++] = value < 0;
}

void
fact_columns(const Fact *fact, DateADT as_of, int tests, Datum *values, bool *nulls)
{
	Row row = {values, nulls, 0};

	put_text(&row, fact_id(fact));
	put_text(&row, category_name(fact->category));
	put_text(&row, fact->kind);
	put_text(&row, fact->direction);
	put_text(&row, fact->platform ? fact->platform->name : NULL);
	put_text(&row, fact->metric);
	put_datum(&row, subject_datum(fact));
	put_datum(&row, DateADTGetDatum(fact->window_start));
	put_datum(&row, DateADTGetDatum(fact->window_end));
	put_datum(&row, DateADTGetDatum(as_of));
	put_datum(&row, DateADTGetDatum(fact->settled_through));
	put_number(&row, fact->value);
	put_number(&row, fact->baseline);
	put_text(&row, fact->unit);
	put_number(&row, fact->effect);
	put_number(&row, fact->effect_lo);
	put_number(&row, fact->effect_hi);
	put_text(&row, fact->effect_kind);
	put_count(&row, fact->n);
	put_count(&row, fact->n_baseline);
	put_count(&row, fact->n_missing);
	put_text(&row, fact->method);
	put_text(&row, class_names[fact->evidence_class]);
	put_number(&row, fact->p_value);
	put_number(&row, fact->q_value);
	put_text(&row, fact->family == FAMILY_NONE ? NULL : family_name(fact->family));
	put_count(&row, fact->family == FAMILY_NONE ? -1 : tests);
	put_text(&row, fact_confidence(fact));
	put_datum(&row, evidence_datum(fact));
	put_number(&row, fact->score);
	put_datum(&row, parts_datum(fact));
	put_text(&row, fact->sentence);
	put_datum(&row, caveats_datum(fact->caveats));
	put_text(&row, fact->suggested_action);
	Assert(row.at == FACT_COLUMNS);
}
