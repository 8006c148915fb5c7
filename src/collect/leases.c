/*
 * leases.c
 *    Leases are kept while a job is at work, and end where nobody works under them any more.
 *
 * Each is one statement over all of them. Where that fails it is done account by account: one row that cannot be written keeps
 * its own lease, and no other.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "collect/leases.h"
#include "collect/columns.h"
#include "collect/result.h"
#include "collect/transaction.h"
#include "config.h"

#define FAILED_AGAIN USECS_PER_MINUTE

/* ---- Statements ---- */

/* Whose leases, as a relation k that is locked; those whose row someone else holds are left out. */
#define OF_ALL(condition)                                                                                    \
	" FROM (SELECT o.user_id, o.platform FROM dreamsuite.account_state o WHERE " condition                   \
	"   ORDER BY o.user_id, o.platform FOR NO KEY UPDATE SKIP LOCKED) k"                                     \
	" WHERE s.user_id = k.user_id AND s.platform = k.platform"
#define OF_ONE(condition)                                                                                    \
	" FROM (SELECT o.user_id, o.platform FROM dreamsuite.account_state o"                                    \
	"   WHERE o.user_id = $1 AND o.platform = $2 AND " condition " FOR NO KEY UPDATE SKIP LOCKED) k"         \
	" WHERE s.user_id = $1 AND s.platform = $2 AND k.user_id = s.user_id"

#define END_LEASE "UPDATE dreamsuite.account_state s SET lease_token = NULL, lease_until = NULL"
#define RAN_OUT   "o.lease_until <= $3"

/*
 * Which of these accounts took the earlier collector with it, if one did, nobody knows. Those that were there more than once
 * come back later and apart, so that the innocent ones get through. (Citus takes no random() here, and no sum with an interval: it depends on the time zone.)
 */
#define RELEASE                                                                                              \
	END_LEASE                                                                                                \
	", next_due_at = CASE WHEN s.attempts < 3 THEN s.next_due_at ELSE pg_catalog.to_timestamp("              \
	"  $6 + LEAST(14400, 60 * pg_catalog.power(4, LEAST(s.attempts, 9) - 2)) * (0.5 + 0.5 *"                 \
	"  pg_catalog.abs(pg_catalog.hashtext(s.user_id::text OPERATOR(pg_catalog.||) s.platform)::float8 / 2147483648))) END"
#define OF_EARLIER "o.lease_token IS NOT NULL AND (o.last_started_at IS NULL OR o.last_started_at < $3)"

#define RENEW   "UPDATE dreamsuite.account_state s SET lease_until = $4"
#define IS_OURS "o.lease_token = $5"

#define KEYS(condition) "SELECT o.user_id, o.platform FROM dreamsuite.account_state o WHERE " condition

/* $1 user, $2 platform, $5 token: of one account alone. $3 and $4 are times, see the callers. */
typedef struct Statement
{
	const char *activity;
	const char *what; /* it does */
	const char *keys; /* whose leases are meant */
	const char *all;
	const char *one;
	SPIPlanPtr keys_plan, all_plan, one_plan;
} Statement;

/* $3 clock's now */
static Statement ending = {"dreamsuite: ending leases that ran out", "end the lease", KEYS(RAN_OUT),
						   END_LEASE OF_ALL(RAN_OUT), END_LEASE OF_ONE(RAN_OUT)};

/* $3 clock's time before which they began, $4 calendar's now */
static Statement freeing = {"dreamsuite: freeing leases of an earlier collector", "free the lease",
							KEYS(OF_EARLIER), RELEASE OF_ALL(OF_EARLIER), RELEASE OF_ONE(OF_EARLIER)};

/* $4 clock's time until which it holds */
static Statement renewal = {"dreamsuite: keeping leases", "keep the lease", NULL, NULL,
							RENEW OF_ONE(IS_OURS)};

/* The same of many. $1 users, $2 platforms, $3 tokens, $4 clock's time until which they hold. */
static const char *const renew_all_sql =
	RENEW " FROM (SELECT o.user_id, o.platform"
		  "   FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3))"
		  "    AS j(user_id, platform, lease_token)"
		  "   JOIN dreamsuite.account_state o ON o.user_id = j.user_id AND o.platform = j.platform"
		  "    AND o.lease_token = j.lease_token"
		  "   ORDER BY o.user_id, o.platform FOR NO KEY UPDATE OF o SKIP LOCKED) k"
		  " WHERE s.user_id = k.user_id AND s.platform = k.platform";

typedef struct Key
{
	pg_uuid_t user_id;
	const char *platform;
	pg_uuid_t token;
} Key;

static char *
text_of_user(const pg_uuid_t *user_id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(user_id)));
}

/* A lease that begins now. */
static TimestampTz
lease_end(void)
{
	return GetCurrentTimestamp() + LEASE_SECONDS * USECS_PER_SEC;
}

/* $6: the fourth as seconds of the epoch. */
static void
execute(SPIPlanPtr *slot, const char *sql, const Key *key, TimestampTz third, TimestampTz fourth,
		int expected)
{
	double seconds =
		fourth / (double) USECS_PER_SEC + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	Oid types[] = {UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, FLOAT8OID};
	Datum values[] = {UUIDPGetDatum(&key->user_id), CStringGetTextDatum(key->platform),
					  TimestampTzGetDatum(third),   TimestampTzGetDatum(fourth),
					  UUIDPGetDatum(&key->token),   Float8GetDatum(seconds)};

	transaction_execute(transaction_plan(slot, sql, lengthof(types), types), values, NULL, expected);
}

/* ---- One after the other ---- */

/* A statement of one account, or of all, in a transaction of its own. */
typedef struct Call
{
	Statement *statement;
	TimestampTz third, fourth;
	Key key;
	List *found; /* Key * */
} Call;

static void
find_keys(void *arg)
{
	Call *call = arg;
	MemoryContext old = CurrentMemoryContext;

	if (!transaction_begin(call->statement->activity))
		return;
	execute(&call->statement->keys_plan, call->statement->keys, &call->key, call->third, call->fourth,
			SPI_OK_SELECT);
	old = MemoryContextSwitchTo(old);
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		Key *key = palloc0(sizeof(Key));
		bool null;

		key->user_id = *DatumGetUUIDP(result_column(row, "user_id", &null));
		key->platform = result_text(row, "platform");
		call->found = lappend(call->found, key);
	}
	MemoryContextSwitchTo(old);
	transaction_commit();
}

static void
of_all(void *arg)
{
	Call *call = arg;

	if (!transaction_begin(call->statement->activity))
		return;
	execute(&call->statement->all_plan, call->statement->all, &call->key, call->third, call->fourth,
			SPI_OK_UPDATE);
	transaction_commit();
}

static void
of_one(void *arg)
{
	Call *call = arg;

	if (!transaction_begin(call->statement->activity))
		return;
	execute(&call->statement->one_plan, call->statement->one, &call->key, call->third, call->fourth,
			SPI_OK_UPDATE);
	transaction_commit();
}

/* Executes it for each of these accounts by itself; returns how many failed for another reason than a lock. */
static int
one_by_one(Call *call, List *keys)
{
	int failed = 0;
	ListCell *cell;

	foreach (cell, keys)
	{
		ErrorData *error;

		call->key = *(Key *) lfirst(cell);
		error = transaction_attempt(of_one, call);
		if (error == NULL)
			continue;
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		{
			failed++;
			ereport(WARNING,
					(errcode(error->sqlerrcode),
					 errmsg("could not %s of platform \"%s\" of user \"%s\": %s", call->statement->what,
							call->key.platform, text_of_user(&call->key.user_id), error->message),
					 errdetail("It runs out by itself.")));
		}
		FreeErrorData(error);
	}
	return failed;
}

/* For all that are meant: at once where that is possible. Returns how many failed. Citus locks the rows of one user at a time. */
static int
for_all(Statement *statement, TimestampTz third, TimestampTz fourth)
{
	Call call = {.statement = statement, .third = third, .fourth = fourth, .key = {.platform = ""}};
	ErrorData *error = NULL;
	int failed;

	if (!transaction_with_citus() && (error = transaction_attempt(of_all, &call)) == NULL)
		return 0;
	if (error != NULL)
		FreeErrorData(error);
	error = transaction_attempt(find_keys, &call);
	if (error != NULL)
	{
		ereport(WARNING, (errcode(error->sqlerrcode), errmsg("could not look for leases: %s", error->message),
						  errdetail("They run out by themselves.")));
		FreeErrorData(error);
		return 1;
	}
	failed = one_by_one(&call, call.found);
	list_free_deep(call.found);
	return failed;
}

/* ---- What the collector calls ---- */

static void
renew_all(void *arg)
{
	static SPIPlanPtr plan;
	static const Oid types[] = {UUIDOID, TEXTOID, UUIDOID};
	List *jobs = arg;
	Columns *columns;
	Datum values[MAX_COLUMNS];
	Oid array_types[MAX_COLUMNS];
	ListCell *cell;

	if (!transaction_begin(renewal.activity))
		return;
	columns = columns_create(lengthof(types), types);
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		columns_row(columns);
		column_uuid(columns, &job->user_id);
		column_text(columns, job->platform->name);
		column_uuid(columns, &job->lease_token);
	}
	columns_values(columns, values, array_types);
	array_types[3] = TIMESTAMPTZOID;
	values[3] = TimestampTzGetDatum(lease_end());
	transaction_execute(transaction_plan(&plan, renew_all_sql, 4, array_types), values, NULL, SPI_OK_UPDATE);
	transaction_commit();
}

void
leases_renew(List *jobs)
{
	Call call = {.statement = &renewal, .fourth = lease_end()};
	ErrorData *error = NULL;
	List *keys = NIL;
	ListCell *cell;

	if (!transaction_with_citus() && (error = transaction_attempt(renew_all, jobs)) == NULL)
		return;
	if (error != NULL)
		FreeErrorData(error);
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		Key *key = palloc(sizeof(Key));

		*key = (Key){job->user_id, job->platform->name, job->lease_token};
		keys = lappend(keys, key);
	}
	(void) one_by_one(&call, keys);
	list_free_deep(keys);
}

static bool
some_left(TimestampTz before)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(before)};
	bool left;

	if (!transaction_begin(freeing.activity))
		return false;
	transaction_execute(
		transaction_plan(&plan,
						 "SELECT FROM dreamsuite.account_state o WHERE o.lease_token IS NOT NULL"
						 " AND (o.last_started_at IS NULL OR o.last_started_at < $1) LIMIT 1",
						 1, types),
		values, NULL, SPI_OK_SELECT);
	left = SPI_processed > 0;
	transaction_commit();
	return left;
}

bool
leases_release(TimestampTz before)
{
	return for_all(&freeing, before, config_now()) > 0 || !some_left(before);
}

TimestampTz
leases_next(bool *ran_out)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(GetCurrentTimestamp())};
	TimestampTz earliest;

	transaction_execute(
		transaction_plan(&plan,
						 "SELECT pg_catalog.min(s.lease_until) FILTER (WHERE s.lease_until <= $1) AS ran_out,"
						 "  pg_catalog.min(s.lease_until) FILTER (WHERE s.lease_until > $1) AS next"
						 " FROM dreamsuite.account_state s WHERE s.lease_until IS NOT NULL",
						 1, types),
		values, NULL, SPI_OK_SELECT);
	earliest = result_time(0, "next");
	*ran_out = result_time(0, "ran_out") != TIME_UNKNOWN;
	return earliest;
}

TimestampTz
leases_end(void)
{
	TimestampTz now = GetCurrentTimestamp();

	return for_all(&ending, now, now) > 0 ? now + FAILED_AGAIN : now;
}
