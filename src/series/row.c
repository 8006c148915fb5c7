/*
 * row.c
 *    Takes the asked numbers out of a row of daily_metrics: the inner loop of growth().
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
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
	unsigned char place; /* in the registry, or ROW_STRANGER */
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
	result->place = ROW_STRANGER;
	for (int i = 0; platforms[i]; i++)
	{
		if (platforms[i] == platform)
			result->place = i;
	}
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

/* The number of a metric in a row. */
static inline Number
metric_value(FunctionCallInfo fcinfo, PlatformMetric *metric, const JsonbContainer **object)
{
	if (!metric->has)
		return NUMBER_UNKNOWN;
	if (metric->source == METRIC_AUDIENCE && !PG_ARGISNULL(3))
		return number_from_int64(PG_GETARG_INT64(3));
	if (metric->source == METRIC_CHANGE_24H && !PG_ARGISNULL(4))
		return number_from_int64(PG_GETARG_INT32(4));
	if (metric->source == METRIC_ENGAGEMENT && !PG_ARGISNULL(5))
		return number_from_int64(PG_GETARG_INT64(5));
	if (metric->source == METRIC_CONTENT && !PG_ARGISNULL(6))
		return number_from_int64(PG_GETARG_INT32(6));
	if (metric->key == NULL || PG_ARGISNULL(7))
		return NUMBER_UNKNOWN;
	if (*object == NULL)
		*object = &PG_GETARG_JSONB_P(7)->root;
	return metric_in_jsonb_near(*object, metric->key, metric->key_length, &metric->place);
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
	const pg_uuid_t *user;
	text *name;
	bytea *result;
	Size room;
	char *tag;
	char *at;
	uint32 hash;
	uint32 date;
	bool any = false;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(8))
		PG_RETURN_NULL();
	if (PG_GETARG_DATEADT(2) < ROW_MIN_DATE || PG_GETARG_DATEADT(2) > ROW_MAX_DATE)
		PG_RETURN_NULL();
	if (unlikely(plan == NULL || !get_fn_expr_arg_stable(fcinfo->flinfo, 8)))
	{
		if (plan)
			MemoryContextDelete(plan->context);
		plan = make_plan(fcinfo->flinfo->fn_mcxt, PG_GETARG_ARRAYTYPE_P(8));
		fcinfo->flinfo->fn_extra = plan;
	}

	name = PG_GETARG_TEXT_PP(1);
	platform = plan->last;
	if (unlikely(platform == NULL || platform->length != VARSIZE_ANY_EXHDR(name) ||
				 memcmp(platform->name, VARDATA_ANY(name), platform->length) != 0))
	{
		platform = plan_platform(plan, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
		plan->last = platform;
	}

	room = VARHDRSZ + ROW_NAME + platform->length + 1 + plan->count * (1 + sizeof(int64));
	result = palloc(room);
	user = PG_GETARG_UUID_P(0);
	hash = pg_hton32(hash_bytes(user->data, UUID_LEN));
	date = pg_hton32((uint32) (PG_GETARG_DATEADT(2) - ROW_MIN_DATE));
	at = VARDATA(result);
	memcpy(at, &hash, sizeof(hash));
	at[ROW_PLATFORM] = (char) platform->place;
	memcpy(at + ROW_DATE, (char *) &date + 1, 3);
	memcpy(at + ROW_USER, user->data, UUID_LEN);
	tag = at + ROW_NAME;
	if (platform->place == ROW_STRANGER)
	{
		memcpy(tag, platform->name, platform->length + 1);
		tag += platform->length + 1;
	}
	at = tag + plan->count;

	for (int i = 0; i < plan->count; i++, tag++)
	{
		Number value = metric_value(fcinfo, &platform->metrics[i], &object);

		if (!value.known)
		{
			*tag = ROW_UNKNOWN;
			continue;
		}
		any = true;
		if (likely(value.big == NULL))
		{
			uint64 zigzag = ((uint64) value.mantissa << 1) ^ (uint64) (value.mantissa >> 63);
			int length = 0;

			do
			{
				at[length++] = (char) zigzag;
				zigzag >>= 8;
			} while (zigzag);
			*tag = (char) (1 + value.scale * 8 + length - 1);
			at += length;
		}
		else
		{
			Size length = VARSIZE_ANY(value.big);
			Size tag_place = tag - (char *) result;
			Size at_place = at - (char *) result;

			room += length;
			result = repalloc(result, room);
			tag = (char *) result + tag_place;
			at = (char *) result + at_place;
			*tag = (char) ROW_BIG;
			memcpy(at, value.big, length);
			at += length;
		}
	}
	if (!any)
		PG_RETURN_NULL();
	SET_VARSIZE(result, at - (char *) result);
	PG_RETURN_BYTEA_P(result);
}

Number
row_big_number(const char **at)
{
	Size length;
	Numeric copy;

	/* its header tells its length; it lies unaligned */
	if (VARATT_IS_1B(*at))
		length = VARSIZE_1B(*at);
	else
	{
		uint32 header;

		memcpy(&header, *at, sizeof(header));
		length = VARSIZE_4B(&header);
	}
	copy = palloc(length);
	memcpy(copy, *at, length);
	*at += length;
	return (Number){.known = true, .big = copy};
}
