/*
 * pace.c
 *    Token buckets, quotas of a day, and pauses.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/pace.h"
#include "collect/transaction.h"
#include "config.h"
#include "srf.h"

/* A platform that is paced has no more accounts at work than it can ask for in so long. */
#define ROOM_SECONDS 10

DREAMSUITE_FUNCTION(dreamsuite_platform_limits);

struct Bucket
{
	char *name;
	const Platform *platform;
	bool is_app;

	/* tokens */
	double rate; /* a second; 0: unlimited */
	double burst;
	double tokens;
	double under_way;      /* taken, not answered yet */
	TimestampTz filled_at; /* clock */

	/* units of a day, or what the platform counts itself */
	double used;           /* NAN: not counted */
	double quota;          /* NAN: none */
	TimestampTz resets_at; /* calendar; 0: not known */
	const char *zone;      /* where the quota's day begins; NULL: we do not count */

	/* pause */
	TimestampTz paused_until; /* calendar; 0: not paused */
	ErrorClass why;
	char *reason;

	bool changed;
	bool pause_changed;        /* this must outlive a crash */
	bool stored, pause_stored; /* by the last pace_store(): written again where that is rolled back */
	struct Bucket *next;
};

/* There are a dozen buckets: a list is the fastest table. */
static Bucket *buckets = NULL;

static Bucket *
find_bucket(const Platform *platform, const char *name)
{
	const QuotaDef *quota = platform->quota;
	Bucket *bucket;

	for (bucket = buckets; bucket != NULL; bucket = bucket->next)
	{
		if (strcmp(bucket->name, name) == 0)
			return bucket;
	}
	bucket = MemoryContextAllocZero(TopMemoryContext, sizeof(Bucket));
	bucket->name = MemoryContextStrdup(TopMemoryContext, name);
	bucket->platform = platform;
	bucket->is_app = strcmp(name, platform->name) == 0;
	bucket->rate = bucket->is_app ? 0 : platform->requests_per_second;
	bucket->burst = Max(platform->burst, 1);
	bucket->tokens = bucket->burst;
	bucket->filled_at = GetCurrentTimestamp();
	bucket->used = bucket->quota = NAN;
	if (quota != NULL && strcmp(quota->bucket, name) == 0)
	{
		bucket->used = 0;
		bucket->quota = quota->units;
		bucket->zone = quota->zone;
	}
	bucket->next = buckets;
	buckets = bucket;
	return bucket;
}

Bucket *
pace_bucket(const Platform *platform, const Request *request)
{
	char host[256];
	const char *authority;

	if (request->step->bucket != NULL)
		return find_bucket(platform, request->step->bucket);
	authority = strstr(request->url, "://") + 3;
	strlcpy(host, authority, Min(sizeof(host), strcspn(authority, "/?") + 1));
	return find_bucket(platform, host);
}

Bucket *
pace_app(const Platform *platform)
{
	return find_bucket(platform, platform->name);
}

Bucket *
pace_widest(const Platform *platform, Bucket *bucket)
{
	return strcmp(bucket->name, platform->hosts[0]) == 0 ? pace_app(platform) : bucket;
}

/* Token buckets rest under test_base_url, unless a test wants them. */
static bool
paced(const Bucket *bucket)
{
	return bucket->rate > 0 && (config_test_base_url[0] == '\0' || config_test_pacing);
}

/* A new day of the quota begins where the calendar has reached it. */
static void
turn_day(Bucket *bucket, TimestampTz now)
{
	if (bucket->zone == NULL || now < bucket->resets_at)
		return;
	bucket->used = 0;
	bucket->resets_at = local_midnight(local_midnight(now, bucket->zone) + 36 * USECS_PER_HOUR, bucket->zone);
	bucket->changed = true;
}

static void
end_pause(Bucket *bucket)
{
	if (bucket->reason != NULL)
		pfree(bucket->reason);
	bucket->reason = NULL;
	bucket->paused_until = 0;
	bucket->changed = true;
}

/* Fills the bucket up to now. */
static void
fill(Bucket *bucket)
{
	TimestampTz now = GetCurrentTimestamp();
	double gained = (now - bucket->filled_at) / (double) USECS_PER_SEC * bucket->rate;

	bucket->tokens = Min(bucket->burst, bucket->tokens + Max(gained, 0));
	bucket->filled_at = now;
}

Pace
pace_take(Bucket *bucket, double cost)
{
	Pace pace = {0};
	TimestampTz now = config_now();

	turn_day(bucket, now);
	if (bucket->zone != NULL && bucket->used + cost > bucket->quota)
	{
		Bucket *widest = pace_widest(bucket->platform, bucket);

		pace_pause(widest, bucket->resets_at, ERROR_QUOTA_EXHAUSTED,
				   psprintf("the quota of %.0f units a day is used up", bucket->quota));
		if (widest != bucket)
			return pace_take(widest, 0);
	}
	if (bucket->paused_until != 0)
	{
		if (now < bucket->paused_until)
		{
			pace.paused_until = bucket->paused_until;
			pace.why = bucket->why;
			pace.reason = bucket->reason;
			return pace;
		}
		end_pause(bucket);
	}
	if (paced(bucket))
	{
		double share = Min(cost, bucket->burst);

		fill(bucket);
		if (bucket->tokens < share)
		{
			pace.wait_ms = Max(1, (long) ((share - bucket->tokens) / bucket->rate * 1000.0) + 1);
			return pace;
		}
		bucket->tokens -= share;
	}
	bucket->under_way += cost;
	if (bucket->zone != NULL)
	{
		/* Counted when it is sent: platforms count what they refuse as well. */
		bucket->used += cost;
		bucket->changed = true;
	}
	return pace;
}

void
pace_answered(Bucket *bucket, double cost)
{
	bucket->under_way = Max(0, bucket->under_way - cost);
}

void
pace_observe(Bucket *bucket, const LimitSeen *seen)
{
	if (seen->rate > 0 && seen->burst > 0)
	{
		bucket->rate = seen->rate;
		bucket->burst = Max(seen->burst, 1);
		/* What is under way is not yet in the platform's count. */
		bucket->tokens = Min(bucket->burst, seen->tokens - bucket->under_way);
		bucket->filled_at = GetCurrentTimestamp();
	}
	if (seen->quota > 0 && bucket->zone == NULL &&
		(isnan(bucket->used) || fabs(seen->used - bucket->used) >= 1 || seen->quota != bucket->quota))
	{
		bucket->used = seen->used;
		bucket->quota = seen->quota;
		bucket->resets_at = seen->resets_at;
		bucket->changed = true;
	}
	if (seen->pause_until > config_now())
		pace_pause(bucket, seen->pause_until, ERROR_RATE_LIMITED, "its limit is nearly used up");
}

void
pace_pause(Bucket *bucket, TimestampTz until, ErrorClass why, const char *reason)
{
	if (until <= bucket->paused_until)
		return;
	if (bucket->reason != NULL)
		pfree(bucket->reason);
	bucket->reason = reason != NULL ? MemoryContextStrdup(TopMemoryContext, reason) : NULL;
	bucket->paused_until = until;
	bucket->why = why;
	bucket->tokens = Min(bucket->tokens, 0);
	bucket->changed = bucket->pause_changed = true;
}

TimestampTz
pace_app_paused_until(const Platform *platform)
{
	Bucket *bucket = pace_app(platform);

	return bucket->paused_until > config_now() ? bucket->paused_until : TIME_UNKNOWN;
}

int
pace_room(const Platform *platform, int most)
{
	double rate = platform->requests_per_second;

	if (pace_app_paused_until(platform) != TIME_UNKNOWN)
		return 0;
	if (rate <= 0 || (config_test_base_url[0] != '\0' && !config_test_pacing))
		return most;
	return (int) Min(Max(most / 4, 1), Max(ROOM_LEAST, rate * ROOM_SECONDS));
}

/* ---- What outlives a restart ---- */

static TimestampTz
time_of(HeapTuple tuple, TupleDesc desc, int column)
{
	bool null;
	Datum value = SPI_getbinval(tuple, desc, column, &null);

	return null ? 0 : DatumGetTimestampTz(value);
}

static double
number_of(HeapTuple tuple, TupleDesc desc, int column)
{
	bool null;
	Datum value = SPI_getbinval(tuple, desc, column, &null);

	return null ? NAN : DatumGetFloat8(value);
}

/* Quotas that the operator was granted beyond the compiled-in ones. */
static void
load_quotas(void)
{
	static SPIPlanPtr plan;

	transaction_execute(
		transaction_plan(
			&plan,
			"SELECT p.platform, CASE WHEN q.text OPERATOR(pg_catalog.~) '^[0-9]{1,15}$' THEN q.text::bigint END"
			" FROM dreamsuite.apps p, LATERAL (SELECT p.extra ->> 'daily_quota') AS q(text)",
			0, NULL),
		NULL, NULL, SPI_OK_SELECT);
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		HeapTuple tuple = SPI_tuptable->vals[row];
		TupleDesc desc = SPI_tuptable->tupdesc;
		const Platform *platform = platform_find(SPI_getvalue(tuple, desc, 1));
		bool null;
		Datum units = SPI_getbinval(tuple, desc, 2, &null);

		if (platform != NULL && platform->quota != NULL)
			find_bucket(platform, platform->quota->bucket)->quota =
				!null && DatumGetInt64(units) > 0 ? DatumGetInt64(units) : platform->quota->units;
	}
}

void
pace_load(void)
{
	static SPIPlanPtr plan;

	transaction_execute(
		transaction_plan(&plan,
						 "SELECT bucket, platform, blocked_until, reason, error_class, used::float8,"
						 " resets_at, quota::float8 FROM dreamsuite.bucket_state",
						 0, NULL),
		NULL, NULL, SPI_OK_SELECT);
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		HeapTuple tuple = SPI_tuptable->vals[row];
		TupleDesc desc = SPI_tuptable->tupdesc;
		const Platform *platform = platform_find(SPI_getvalue(tuple, desc, 2));
		char *class = SPI_getvalue(tuple, desc, 5);
		TimestampTz until = time_of(tuple, desc, 3);
		Bucket *bucket;

		if (platform == NULL)
			continue;
		bucket = find_bucket(platform, SPI_getvalue(tuple, desc, 1));
		if (bucket->changed)
			continue;
		if (until != bucket->paused_until)
		{
			if (bucket->paused_until != 0)
				end_pause(bucket);
			if (until != 0)
				pace_pause(bucket, until,
						   class != NULL && strcmp(class, "quota_exhausted") == 0 ? ERROR_QUOTA_EXHAUSTED
						   : class != NULL && strcmp(class, "operator") == 0      ? ERROR_OPERATOR
																				  : ERROR_RATE_LIMITED,
						   SPI_getvalue(tuple, desc, 4));
		}
		bucket->used = number_of(tuple, desc, 6);
		bucket->resets_at = time_of(tuple, desc, 7);
		if (bucket->zone == NULL)
			bucket->quota = number_of(tuple, desc, 8);
		else if (isnan(bucket->used))
			bucket->used = 0;
		bucket->changed = bucket->pause_changed = false;
	}
	load_quotas();
}

void
pace_store(void)
{
	static SPIPlanPtr plan;
	Oid types[] = {TEXTOID,   TEXTOID,   TIMESTAMPTZOID, TEXTOID,       TEXTOID,
				   FLOAT8OID, FLOAT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID};

	for (Bucket *bucket = buckets; bucket != NULL; bucket = bucket->next)
	{
		bool is_paused = bucket->paused_until != 0;
		Datum values[9];
		char nulls[9];

		bucket->stored = bucket->changed;
		bucket->pause_stored = bucket->pause_changed;
		if (!bucket->changed)
			continue;
		if (bucket->pause_changed)
			ForceSyncCommit();
		values[0] = CStringGetTextDatum(bucket->name);
		values[1] = CStringGetTextDatum(bucket->platform->name);
		values[2] = TimestampTzGetDatum(bucket->paused_until);
		values[3] = bucket->reason != NULL ? CStringGetTextDatum(bucket->reason) : (Datum) 0;
		values[4] = CStringGetTextDatum(error_class_name(bucket->why));
		values[5] = Float8GetDatum(bucket->used);
		values[6] = Float8GetDatum(bucket->quota);
		values[7] = TimestampTzGetDatum(bucket->resets_at);
		values[8] = TimestampTzGetDatum(GetCurrentTimestamp());
		memset(nulls, ' ', sizeof(nulls));
		nulls[2] = nulls[4] = is_paused ? ' ' : 'n';
		nulls[3] = bucket->reason != NULL ? ' ' : 'n';
		nulls[5] = isnan(bucket->used) ? 'n' : ' ';
		nulls[6] = isnan(bucket->quota) ? 'n' : ' ';
		nulls[7] = bucket->resets_at == 0 ? 'n' : ' ';
		transaction_execute(
			transaction_plan(
				&plan,
				"INSERT INTO dreamsuite.bucket_state AS b"
				" (bucket, platform, blocked_until, reason, error_class, used, quota, resets_at, updated_at)"
				" VALUES ($1, $2, $3, $4, $5, $6::numeric, $7::numeric, $8, $9) ON CONFLICT (bucket) DO UPDATE"
				" SET blocked_until = excluded.blocked_until, reason = excluded.reason,"
				" error_class = excluded.error_class, used = excluded.used, quota = excluded.quota,"
				" resets_at = excluded.resets_at, updated_at = excluded.updated_at",
				lengthof(types), types),
			values, nulls, SPI_OK_INSERT);
		bucket->changed = bucket->pause_changed = false;
	}
}

void
pace_forget_stored(void)
{
	for (Bucket *bucket = buckets; bucket != NULL; bucket = bucket->next)
	{
		bucket->changed = bucket->changed || bucket->stored;
		bucket->pause_changed = bucket->pause_changed || bucket->pause_stored;
		bucket->stored = bucket->pause_stored = false;
	}
}

/* ---- What is compiled in ---- */

/* platform_limits() returns table(platform, bucket, per_second, burst, units_a_day, resets_at) */
Datum
dreamsuite_platform_limits(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = srf_begin(fcinfo);

	for (int i = 0; platforms[i] != NULL; i++)
	{
		const Platform *platform = platforms[i];
		const QuotaDef *quota = platform->quota;
		TimestampTz now = config_now();
		Datum values[6] = {0};
		bool nulls[6] = {false};

		if (!platform->has_api)
			continue;
		values[0] = CStringGetTextDatum(platform->name);
		values[1] = CStringGetTextDatum(quota != NULL ? quota->bucket : platform->hosts[0]);
		values[2] = Float8GetDatum(platform->requests_per_second);
		nulls[2] = platform->requests_per_second <= 0;
		values[3] = Int32GetDatum(platform->burst);
		nulls[4] = nulls[5] = quota == NULL;
		if (quota != NULL)
		{
			values[4] = Float8GetDatum(quota->units);
			values[5] = TimestampTzGetDatum(
				local_midnight(local_midnight(now, quota->zone) + 36 * USECS_PER_HOUR, quota->zone));
		}
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}
