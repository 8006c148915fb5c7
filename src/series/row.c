/*
 * row.c
 *    Takes the asked numbers out of a row of daily_metrics: the inner loop of growth().
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "series/row.h"

/* What a metric is on one platform. */
typedef struct PlatformMetric
{
	bool has;
	MetricSource source;
	const char *key; /* of metrics; NULL: none */
	int key_length;
	uint32 place; /* where the key was in the last row: rows of a platform have the same keys */
} PlatformMetric;

/* A platform as it is met in the rows. */
typedef struct PlatformPlan
{
	char *name;
	int length;
	PlatformMetric *metrics;
	struct PlatformPlan *next;
} PlatformPlan;

/* Kept from row to row. */
typedef struct RowPlan
{
	MemoryContext context;
	int count;
	char **names;
	PlatformPlan *platforms;
	PlatformPlan *last;
} RowPlan;

static RowPlan *
make_plan(MemoryContext parent, ArrayType *metrics)
{
	MemoryContext context = AllocSetContextCreate(parent, "dreamsuite row plan", ALLOCSET_SMALL_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	RowPlan *plan = palloc0(sizeof(RowPlan));
	Datum *elements;

	plan->context = context;
	deconstruct_array(metrics, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &plan->count);
	plan->names = palloc(sizeof(char *) * Max(plan->count, 1));
	for (int i = 0; i < plan->count; i++)
		plan->names[i] = TextDatumGetCString(elements[i]);
	MemoryContextSwitchTo(before);
	return plan;
}

static PlatformPlan *
plan_platform(RowPlan *plan, const char *name, int length)
{
	MemoryContext before;
	PlatformPlan *result;
	const Platform *platform;

	for (result = plan->platforms; result; result = result->next)
	{
		if (result->length == length && memcmp(result->name, name, length) == 0)
			return result;
	}

	before = MemoryContextSwitchTo(plan->context);
	result = palloc0(sizeof(PlatformPlan));
	result->name = pnstrdup(name, length);
	result->length = length;
	result->metrics = palloc0(sizeof(PlatformMetric) * Max(plan->count, 1));
	result->next = plan->platforms;
	plan->platforms = result;
	platform = platform_find(result->name);
	for (int i = 0; i < plan->count; i++)
	{
		PlatformMetric *metric = &result->metrics[i];

		metric->has = metric_find(platform, plan->names[i], NULL);
		metric->source = metric_source(plan->names[i]);
		if (metric->source == METRIC_KEY)
			metric->key = plan->names[i];
		else if (metric->source == METRIC_AUDIENCE && platform)
			metric->key = platform->audience;
		else if (metric->source == METRIC_CHANGE_24H && platform && platform_field(platform, plan->names[i]))
			metric->key = plan->names[i];
		metric->key_length = metric->key ? strlen(metric->key) : 0;
	}
	MemoryContextSwitchTo(before);
	return result;
}

DREAMSUITE_FUNCTION(dreamsuite_growth_row);

/*
 * growth_row(user_id uuid, platform text, date date, follower_count bigint, follower_change_24h int,
 *            engagement_total bigint, content_count int, metrics jsonb, names text[]) -> bytea
 *
 * Null where the account, the day or all of the asked numbers are unknown.
 */
Datum
dreamsuite_growth_row(PG_FUNCTION_ARGS)
{
	RowPlan *plan = fcinfo->flinfo->fn_extra;
	const JsonbContainer *object = NULL;
	PlatformPlan *platform;
	text *name;
	char *bytes;
	int name_length;
	int account_length;
	int n;
	bytea *result;
	Size used;
	uint32 date;
	bool any = false;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(8))
		PG_RETURN_NULL();
	if (unlikely(plan == NULL || !get_fn_expr_arg_stable(fcinfo->flinfo, 8)))
	{
		if (plan)
			MemoryContextDelete(plan->context);
		plan = make_plan(fcinfo->flinfo->fn_mcxt, PG_GETARG_ARRAYTYPE_P(8));
		fcinfo->flinfo->fn_extra = plan;
	}

	name = PG_GETARG_TEXT_PP(1);
	name_length = VARSIZE_ANY_EXHDR(name);
	platform = plan->last;
	if (unlikely(platform == NULL || platform->length != name_length ||
				 memcmp(platform->name, VARDATA_ANY(name), name_length) != 0))
	{
		platform = plan_platform(plan, VARDATA_ANY(name), name_length);
		plan->last = platform;
	}

	n = plan->count;
	account_length = ROW_PLATFORM + name_length + 1;
	used = account_length + sizeof(uint32) + n + n * sizeof(int64);
	result = palloc(VARHDRSZ + used);
	bytes = VARDATA(result);

	memcpy(bytes + ROW_USER, PG_GETARG_UUID_P(0)->data, UUID_LEN);
	memcpy(bytes + ROW_PLATFORM, VARDATA_ANY(name), name_length);
	bytes[ROW_PLATFORM + name_length] = '\0';
	date = pg_hton32((uint32) PG_GETARG_DATEADT(2) ^ 0x80000000);
	memcpy(bytes + account_length, &date, sizeof(date));

	for (int i = 0; i < n; i++)
	{
		PlatformMetric *metric = &platform->metrics[i];
		Number value = NUMBER_UNKNOWN;
		uint8 tag = ROW_UNKNOWN;
		int64 word = 0;

		if (!metric->has)
			;
		else if (metric->source == METRIC_AUDIENCE && !PG_ARGISNULL(3))
			value = number_from_int64(PG_GETARG_INT64(3));
		else if (metric->source == METRIC_CHANGE_24H && !PG_ARGISNULL(4))
			value = number_from_int64(PG_GETARG_INT32(4));
		else if (metric->source == METRIC_ENGAGEMENT && !PG_ARGISNULL(5))
			value = number_from_int64(PG_GETARG_INT64(5));
		else if (metric->source == METRIC_CONTENT && !PG_ARGISNULL(6))
			value = number_from_int64(PG_GETARG_INT32(6));
		else if (metric->key && !PG_ARGISNULL(7))
		{
			if (object == NULL)
				object = &PG_GETARG_JSONB_P(7)->root;
			value = metric_in_jsonb_near(object, metric->key, metric->key_length, &metric->place);
		}

		if (value.known)
		{
			any = true;
			if (likely(value.big == NULL))
			{
				tag = value.scale + 1;
				word = value.mantissa;
			}
			else
			{
				Size length = VARSIZE_ANY(value.big);

				result = repalloc(result, VARHDRSZ + used + length);
				bytes = VARDATA(result);
				tag = ROW_BIG;
				word = used;
				memcpy(bytes + used, value.big, length);
				used += length;
			}
		}
		bytes[account_length + sizeof(uint32) + i] = (char) tag;
		memcpy(bytes + account_length + sizeof(uint32) + n + i * sizeof(int64), &word, sizeof(word));
	}
	if (!any)
		PG_RETURN_NULL();

	SET_VARSIZE(result, VARHDRSZ + used);
	PG_RETURN_BYTEA_P(result);
}

Number
row_number(const char *row, int account_length, int i, int n)
{
	const char *tags = row + account_length + sizeof(uint32);
	uint8 tag = (uint8) tags[i];
	int64 word;

	if (tag == ROW_UNKNOWN)
		return NUMBER_UNKNOWN;
	memcpy(&word, tags + n + i * sizeof(int64), sizeof(word));
	if (unlikely(tag == ROW_BIG))
	{
		const char *stored = row + word;
		Size length;
		Numeric copy;

		/* its first word tells its length; it lies unaligned */
		if (VARATT_IS_1B(stored))
			length = VARSIZE_1B(stored);
		else
		{
			uint32 header;

			memcpy(&header, stored, sizeof(header));
			length = VARSIZE_4B(&header);
		}
		copy = palloc(length);
		memcpy(copy, stored, length);
		return (Number){.known = true, .big = copy};
	}
	return (Number){.known = true, .scale = tag - 1, .mantissa = word};
}
