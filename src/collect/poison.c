/*
 * poison.c
 *    Accounts that cannot be claimed: a row of theirs that cannot be read or written.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "collect/poison.h"
#include "collect/retry.h"
#include "collect/transaction.h"
#include "config.h"
#include "http/url.h"

#define MOST_REMEMBERED 1000
#define PATIENCE_MS     100
#define SOONER          12 /* than other tries: nobody sees in SQL when it will be */

typedef struct Poison
{
	pg_uuid_t user_id;
	const Platform *platform;
	int times;         /* it was found in a row */
	TimestampTz until; /* clock: left out before; 0: its due time says when */
	char *message;     /* that was logged */
} Poison;

static List *remembered = NIL; /* Poison *, oldest first */

static Poison *
find(const pg_uuid_t *user_id, const Platform *platform)
{
	ListCell *cell;

	foreach (cell, remembered)
	{
		Poison *poison = lfirst(cell);

		if (poison->platform == platform && memcmp(&poison->user_id, user_id, UUID_LEN) == 0)
			return poison;
	}
	return NULL;
}

static void
forget(Poison *poison)
{
	remembered = list_delete_ptr(remembered, poison);
	if (poison->message != NULL)
		pfree(poison->message);
	pfree(poison);
}

static Poison *
remember(const pg_uuid_t *user_id, const Platform *platform)
{
	Poison *poison = find(user_id, platform);
	MemoryContext old;

	if (poison != NULL)
		return poison;
	if (list_length(remembered) >= MOST_REMEMBERED)
		forget(linitial(remembered));
	old = MemoryContextSwitchTo(TopMemoryContext);
	poison = palloc0(sizeof(Poison));
	poison->user_id = *user_id;
	poison->platform = platform;
	remembered = lappend(remembered, poison);
	MemoryContextSwitchTo(old);
	return poison;
}

/* ---- What is recorded ---- */

/* What both statements know: $1 user, $2 platform, $3 the day, $4 clock's now, $5 why. The account's own day may be what cannot be
 * read: it is that of UTC. */
#define SHARED_COUNT 5

/* $6 calendar's now, $7 a number between 0 and 1, for the spread of retry_backoff() */
static const char *const put_off_sql =
	"UPDATE dreamsuite.account_state AS s SET lease_token = NULL, lease_until = NULL, tried_on = $3,"
	"  attempts = CASE WHEN s.tried_on = $3 THEN s.attempts + 1 ELSE 1 END,"
	"  next_due_at = pg_catalog.to_timestamp(extract(epoch FROM $6)::float8 + (0.5 + 0.5 * $7) * LEAST(14400, 60 *"
	"   pg_catalog.power(4, CASE WHEN s.tried_on = $3 THEN LEAST(s.attempts, 9) ELSE 0 END))),"
	"  last_started_at = $4, last_finished_at = $4, last_outcome = 'failed', last_error_class = 'bad_response',"
	"  last_error = $5"
	" WHERE s.user_id = $1 AND s.platform = $2 AND (s.lease_until IS NULL OR s.lease_until <= $4)";

/* $6 the run */
static const char *const run_sql =
	"INSERT INTO dreamsuite.collection_runs (run_id, user_id, platform, date, started_at, finished_at, outcome,"
	"  error_class, error) VALUES ($6, $1, $2, $3, $4, $4, 'failed', 'bad_response', $5)";

typedef struct Record
{
	Datum shared[SHARED_COUNT];
	bool is_there; /* the account, and under no lease */
} Record;

static const Oid shared_types[] = {UUIDOID, TEXTOID, DATEOID, TIMESTAMPTZOID, TEXTOID};

static void
put_off(void *arg)
{
	static SPIPlanPtr plan;
	Record *record = arg;
	Oid types[SHARED_COUNT + 2];
	Datum values[SHARED_COUNT + 2];

	memcpy(types, shared_types, sizeof(shared_types));
	memcpy(values, record->shared, sizeof(record->shared));
	types[SHARED_COUNT] = TIMESTAMPTZOID;
	values[SHARED_COUNT] = TimestampTzGetDatum(config_now());
	types[SHARED_COUNT + 1] = FLOAT8OID;
	values[SHARED_COUNT + 1] = Float8GetDatum(compat_random());
	if (!transaction_begin("dreamsuite: putting an account off"))
		return;
	transaction_lock_timeout(PATIENCE_MS);
	transaction_execute(transaction_plan(&plan, put_off_sql, lengthof(types), types), values, NULL,
						SPI_OK_UPDATE);
	record->is_there = SPI_processed > 0;
	transaction_commit();
}

static void
add_run(void *arg)
{
	static SPIPlanPtr id_plan, plan;
	Record *record = arg;
	Oid types[SHARED_COUNT + 1];
	Datum values[SHARED_COUNT + 1];
	bool null;

	memcpy(types, shared_types, sizeof(shared_types));
	memcpy(values, record->shared, sizeof(record->shared));
	types[SHARED_COUNT] = INT8OID;
	if (!transaction_begin("dreamsuite: recording an account"))
		return;
	transaction_execute(transaction_plan(&id_plan,
										 "SELECT pg_catalog.nextval('dreamsuite.collection_runs_run_id_seq')",
										 0, NULL),
						NULL, NULL, SPI_OK_SELECT);
	values[SHARED_COUNT] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	transaction_execute(transaction_plan(&plan, run_sql, lengthof(types), types), values, NULL,
						SPI_OK_INSERT);
	transaction_commit();
}

/* ---- What the claim calls ---- */

static void
tell(Poison *poison, const ErrorData *error, bool is_recorded)
{
	if (poison->message != NULL && strcmp(poison->message, error->message) == 0)
		return;
	if (poison->message != NULL)
		pfree(poison->message);
	poison->message = MemoryContextStrdup(TopMemoryContext, error->message);
	ereport(
		WARNING,
		(errcode(error->sqlerrcode),
		 errmsg("could not claim platform \"%s\" of user \"%s\": %s", poison->platform->name,
				DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&poison->user_id))),
				error->message),
		 is_recorded
			 ? errdetail("It is tried again later; the others are collected.")
			 : errdetail("It is left out for a time, which could not be written to its account_state; the "
						 "others are collected.")));
}

void
poison_found(const pg_uuid_t *user_id, const Platform *platform, const ErrorData *error)
{
	TimestampTz now = GetCurrentTimestamp();
	Record record = {.is_there = true};
	Poison *poison;
	ErrorData *failure;

	record.shared[0] = UUIDPGetDatum(user_id);
	record.shared[1] = CStringGetTextDatum(platform->name);
	record.shared[2] = DateADTGetDatum(local_date(config_now(), NULL));
	record.shared[3] = TimestampTzGetDatum(now);
	record.shared[4] = CStringGetTextDatum(psprintf("could not be claimed: %s", url_redact(error->message)));
	failure = transaction_attempt(put_off, &record);
	if (failure == NULL && !record.is_there)
		return;
	poison = remember(user_id, platform);
	poison->times++;
	poison->until = failure != NULL ? now + retry_backoff(poison->times) / SOONER : 0;
	tell(poison, error, failure == NULL);
	if (failure != NULL)
		FreeErrorData(failure);
	failure = transaction_attempt(add_run, &record);
	if (failure != NULL)
		FreeErrorData(failure);
}

bool
poison_is_known(const pg_uuid_t *user_id, const Platform *platform)
{
	return find(user_id, platform) != NULL;
}

void
poison_over(List *jobs)
{
	ListCell *cell;

	if (remembered == NIL)
		return;
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		Poison *poison = find(&job->user_id, job->platform);

		if (poison != NULL)
			forget(poison);
	}
}

bool
poison_left_out(Datum *users, Datum *platforms_named)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum *ids = palloc(sizeof(Datum) * Max(list_length(remembered), 1));
	Datum *names = palloc(sizeof(Datum) * Max(list_length(remembered), 1));
	ListCell *cell;
	int n = 0;

	foreach (cell, remembered)
	{
		Poison *poison = lfirst(cell);

		if (poison->until <= now)
			continue;
		ids[n] = UUIDPGetDatum(&poison->user_id);
		names[n++] = CStringGetTextDatum(poison->platform->name);
	}
	*users = PointerGetDatum(construct_array(ids, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	*platforms_named = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	return n > 0;
}

TimestampTz
poison_next(void)
{
	TimestampTz now = GetCurrentTimestamp(), next = TIME_UNKNOWN;
	ListCell *cell;

	foreach (cell, remembered)
	{
		Poison *poison = lfirst(cell);

		if (poison->until > now)
			next = time_earlier(next, poison->until);
	}
	return next;
}
