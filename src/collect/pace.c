/*
 * pace.c
 *    Token buckets and pauses.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/pace.h"
#include "collect/transaction.h"
#include "config.h"

typedef struct Bucket
{
	char *name;
	const Platform *platform;
	double tokens;
	TimestampTz filled_at;    /* clock */
	TimestampTz paused_until; /* calendar; 0: not paused */
	char *reason;
	bool changed;
	struct Bucket *next;
} Bucket;

/* There are a dozen buckets: a list is the fastest table. */
static Bucket *buckets = NULL;

static Bucket *
find_bucket(const Platform *platform, const char *name)
{
	Bucket *bucket;

	for (bucket = buckets; bucket != NULL; bucket = bucket->next)
	{
		if (strcmp(bucket->name, name) == 0)
			return bucket;
	}
	bucket = MemoryContextAllocZero(TopMemoryContext, sizeof(Bucket));
	bucket->name = MemoryContextStrdup(TopMemoryContext, name);
	bucket->platform = platform;
	bucket->tokens = platform->burst;
	bucket->filled_at = GetCurrentTimestamp();
	bucket->next = buckets;
	buckets = bucket;
	return bucket;
}

char *
pace_bucket(const Request *request)
{
	const char *authority;

	if (request->step->bucket != NULL)
		return pstrdup(request->step->bucket);
	authority = strstr(request->url, "://") + 3;
	return pnstrdup(authority, strcspn(authority, "/?"));
}

long
pace_take(const Platform *platform, const char *name, double cost, TimestampTz *paused_until)
{
	Bucket *bucket = find_bucket(platform, name);
	TimestampTz now;
	double rate = platform->requests_per_second, burst = Max(platform->burst, 1);

	if (bucket->paused_until != 0)
	{
		if (config_now() < bucket->paused_until)
		{
			*paused_until = bucket->paused_until;
			return -1;
		}
		bucket->paused_until = 0;
		bucket->changed = true;
	}
	if (rate <= 0 || (config_test_base_url[0] != '\0' && !config_test_pacing))
		return 0;
	now = GetCurrentTimestamp();
	bucket->tokens = Min(burst, bucket->tokens + (now - bucket->filled_at) / (double) USECS_PER_SEC * rate);
	bucket->filled_at = now;
	cost = Min(cost, burst);
	if (bucket->tokens >= cost)
	{
		bucket->tokens -= cost;
		return 0;
	}
	return Max(1, (long) ((cost - bucket->tokens) / rate * 1000.0) + 1);
}

void
pace_pause(const Platform *platform, const char *name, TimestampTz until, const char *reason)
{
	Bucket *bucket = find_bucket(platform, name);

	if (until <= bucket->paused_until)
		return;
	bucket->paused_until = until;
	bucket->tokens = 0;
	if (bucket->reason != NULL)
		pfree(bucket->reason);
	bucket->reason = reason != NULL ? MemoryContextStrdup(TopMemoryContext, reason) : NULL;
	bucket->changed = true;
}

void
pace_load(void)
{
	if (SPI_execute("SELECT bucket, platform, blocked_until, reason FROM dreamsuite.bucket_state"
					" WHERE blocked_until IS NOT NULL",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read bucket_state");
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		HeapTuple tuple = SPI_tuptable->vals[row];
		TupleDesc desc = SPI_tuptable->tupdesc;
		const Platform *platform = platform_find(SPI_getvalue(tuple, desc, 2));
		bool null;
		TimestampTz until = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 3, &null));

		if (platform == NULL)
			continue;
		pace_pause(platform, SPI_getvalue(tuple, desc, 1), until, SPI_getvalue(tuple, desc, 4));
	}
	for (Bucket *bucket = buckets; bucket != NULL; bucket = bucket->next)
		bucket->changed = false;
}

void
pace_store(void)
{
	static SPIPlanPtr plan;
	Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID};

	for (Bucket *bucket = buckets; bucket != NULL; bucket = bucket->next)
	{
		Datum values[4];
		char nulls[4] = {' ', ' ', ' ', ' '};

		if (!bucket->changed)
			continue;
		values[0] = CStringGetTextDatum(bucket->name);
		values[1] = CStringGetTextDatum(bucket->platform->name);
		values[2] = TimestampTzGetDatum(bucket->paused_until);
		nulls[2] = bucket->paused_until == 0 ? 'n' : ' ';
		values[3] = bucket->reason != NULL ? CStringGetTextDatum(bucket->reason) : (Datum) 0;
		nulls[3] = bucket->reason == NULL ? 'n' : ' ';
		transaction_execute(
			transaction_plan(
				&plan,
				"INSERT INTO dreamsuite.bucket_state AS b (bucket, platform, blocked_until, reason)"
				" VALUES ($1, $2, $3, $4) ON CONFLICT (bucket) DO UPDATE"
				" SET blocked_until = excluded.blocked_until, reason = excluded.reason,"
				" updated_at = pg_catalog.clock_timestamp()",
				4, types),
			values, nulls, SPI_OK_INSERT);
		bucket->changed = false;
	}
}
