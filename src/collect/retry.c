/*
 * retry.c
 *    How a run ended and what that means for the account.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "collect/result.h"
#include "collect/retry.h"
#include "collect/transaction.h"
#include "config.h"

DREAMSUITE_FUNCTION(dreamsuite_account_day);
DREAMSUITE_FUNCTION(dreamsuite_collect_time);

#define FIRST_BACKOFF   (USECS_PER_MINUTE)
#define LONGEST_BACKOFF (4 * USECS_PER_HOUR)

/* Accounts of one time zone do not all become due in the same second. */
#define COLLECT_SPREAD_SECONDS 1800

const char *
outcome_name(Outcome outcome)
{
	static const char *const names[] = {"ok", "partial", "failed", "placeholder"};

	return names[outcome];
}

int64
retry_backoff(int attempts)
{
	int64 backoff = FIRST_BACKOFF;

	for (int i = 1; i < attempts && backoff < LONGEST_BACKOFF; i++)
		backoff *= 4;
	backoff = Min(backoff, LONGEST_BACKOFF);
	return (int64) (backoff * (0.5 + 0.5 * compat_random()));
}

int64
retry_default_wait(int tries)
{
	return (int64) (5 * USECS_PER_SEC * (1 << Min(tries, 6)) * (0.5 + 0.5 * compat_random()));
}

/*
 * When an account is due by itself on a day (dreamsuite.collect_at, in its time zone, spread over half an hour by user);
 * TIME_UNKNOWN where that is not set.
 */
static TimestampTz
schedule_time(const pg_uuid_t *user_id, const char *zone_name, DateADT day)
{
	pg_tz *zone = zone_name != NULL ? pg_tzset(zone_name) : NULL;
	struct pg_tm tm = {0};
	TimestampTz due;
	uint32 spread;
	int tz;

	if (config_collect_at[0] == '\0')
		return TIME_UNKNOWN;
	if (zone == NULL)
		zone = pg_tzset("UTC");
	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = atoi(config_collect_at);
	tm.tm_min = atoi(config_collect_at + 3);
	tz = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, 0, &tz, &due) != 0)
		return TIME_UNKNOWN;
	spread = DatumGetUInt32(hash_any(user_id->data, UUID_LEN)) % COLLECT_SPREAD_SECONDS;
	return due + spread * USECS_PER_SEC;
}

/* The account's time zone of its settings; NULL: none, or not an object. */
static char *
zone_of(Jsonb *settings)
{
	Account account = {.settings = &settings->root};

	return JB_ROOT_IS_OBJECT(settings) ? account_setting(&account, "time_zone") : NULL;
}

/* account_day(at timestamptz, settings jsonb) returns date */
Datum
dreamsuite_account_day(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(local_date(PG_GETARG_TIMESTAMPTZ(0), zone_of(PG_GETARG_JSONB_P(1))));
}

/* collect_time(user_id uuid, settings jsonb, day date) returns timestamptz */
Datum
dreamsuite_collect_time(PG_FUNCTION_ARGS)
{
	TimestampTz due = schedule_time(PG_GETARG_UUID_P(0), zone_of(PG_GETARG_JSONB_P(1)), PG_GETARG_DATEADT(2));

	if (due == TIME_UNKNOWN)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(due);
}

/* Accounts that wait for another try, or for the end of a block, keep their time. $1 calendar's now. */
#define MAY_BE_SCHEDULED                                                                                     \
	" FROM dreamsuite.accounts a"                                                                            \
	" JOIN dreamsuite.account_state o ON o.user_id = a.user_id AND o.platform = a.platform"                  \
	" WHERE a.status IN ('active', 'pending') AND o.lease_token IS NULL"                                     \
	"  AND (o.next_due_at IS NULL OR (o.next_due_at > $1 AND o.attempts = 0))"                               \
	"  AND (o.blocked_until IS NULL OR o.blocked_until <= $1)"
#define ITS_TIME                                                                                             \
	" dreamsuite.collect_time(a.user_id, a.settings, GREATEST(dreamsuite.account_day($1, a.settings), o.done_on + 1))"
#define TO_BE_SCHEDULED MAY_BE_SCHEDULED " AND o.next_due_at IS DISTINCT FROM" ITS_TIME

static bool
some_unscheduled(Datum now)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID};

	transaction_execute(transaction_plan(&plan, "SELECT" TO_BE_SCHEDULED " LIMIT 1", 1, types), &now, NULL,
						SPI_OK_SELECT);
	return SPI_processed > 0;
}

/* All at once; *arg: are some left, because someone holds their rows? */
static void
schedule_together(void *arg)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(config_now())};

	if (!transaction_begin("dreamsuite: scheduling accounts"))
		return;
	transaction_execute(transaction_plan(&plan,
										 "UPDATE dreamsuite.account_state s SET next_due_at = l.due"
										 " FROM (SELECT o.user_id, o.platform," ITS_TIME
										 " AS due" TO_BE_SCHEDULED "  FOR NO KEY UPDATE OF o SKIP LOCKED) l"
										 " WHERE s.user_id = l.user_id AND s.platform = l.platform",
										 1, types),
						values, NULL, SPI_OK_UPDATE);
	*(bool *) arg = some_unscheduled(values[0]);
	transaction_commit();
}

typedef struct Unscheduled
{
	pg_uuid_t user_id;
	char *platform;
	bool done;
} Unscheduled;

/* Those whose time may have to be set. *arg: List of Unscheduled *. */
static void
find_unscheduled(void *arg)
{
	static SPIPlanPtr plan;
	MemoryContext caller = CurrentMemoryContext;
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(config_now())};
	List **found = arg;

	if (!transaction_begin("dreamsuite: scheduling accounts"))
		return;
	transaction_execute(transaction_plan(&plan, "SELECT o.user_id, o.platform" MAY_BE_SCHEDULED, 1, types),
						values, NULL, SPI_OK_SELECT);
	caller = MemoryContextSwitchTo(caller);
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		Unscheduled *one = palloc0(sizeof(Unscheduled));
		bool null;

		one->user_id = *DatumGetUUIDP(result_column(row, "user_id", &null));
		one->platform = result_text(row, "platform");
		*found = lappend(*found, one);
	}
	MemoryContextSwitchTo(caller);
	transaction_commit();
}

/* Sets the time of one of them; its `done` is false where someone holds its row. */
static void
schedule_one(void *arg)
{
	static SPIPlanPtr look_plan, plan;
	Unscheduled *one = arg;
	Oid types[] = {TIMESTAMPTZOID, UUIDOID, TEXTOID};
	Datum values[] = {TimestampTzGetDatum(config_now()), UUIDPGetDatum(&one->user_id),
					  CStringGetTextDatum(one->platform)};
	char nulls[] = "   ";

	if (!transaction_begin("dreamsuite: scheduling accounts"))
		return;
	transaction_execute(transaction_plan(&look_plan,
										 "SELECT a.settings, o.done_on" MAY_BE_SCHEDULED
										 " AND o.user_id = $2 AND o.platform = $3"
										 " FOR NO KEY UPDATE OF o SKIP LOCKED",
										 3, types),
						values, NULL, SPI_OK_SELECT);
	one->done = SPI_processed > 0;
	if (one->done)
	{
		bool null;
		char *zone = zone_of(result_jsonb(0, "settings"));
		DateADT day = local_date(config_now(), zone);
		Datum done_on = result_column(0, "done_on", &null);
		TimestampTz due =
			schedule_time(&one->user_id, zone, null ? day : Max(day, DatumGetDateADT(done_on) + 1));

		values[0] = TimestampTzGetDatum(due);
		nulls[0] = due == TIME_UNKNOWN ? 'n' : ' ';
		transaction_execute(transaction_plan(&plan,
											 "UPDATE dreamsuite.account_state s SET next_due_at = $1"
											 " WHERE s.user_id = $2 AND s.platform = $3",
											 3, types),
							values, nulls, SPI_OK_UPDATE);
	}
	transaction_commit();
}

/* One by one: a row that cannot be read or written is left as it is, and no other. */
static bool
schedule_alone(void)
{
	List *found = NIL;
	ListCell *cell;
	bool left = false;

	find_unscheduled(&found);
	foreach (cell, found)
	{
		Unscheduled *one = lfirst(cell);

		if (transaction_try(
				schedule_one, one,
				psprintf("schedule platform \"%s\" of user \"%s\"", one->platform,
						 DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&one->user_id))))))
			left = left || !one->done;
	}
	list_free_deep(found);
	return left;
}

bool
schedule_all(void)
{
	bool left = false;
	ErrorData *error;

	/* Citus locks the rows of one user at a time. */
	if (transaction_with_citus())
		return !schedule_alone();
	error = transaction_attempt(schedule_together, &left);
	if (error != NULL)
		left = schedule_alone();
	return !left;
}

bool
retry_follows(const Job *job)
{
	switch (job->error)
	{
		case ERROR_NETWORK:
		case ERROR_TIMEOUT:
		case ERROR_SERVER:
			return job->attempts < MAX_TRIES_A_DAY;
		case ERROR_BAD_RESPONSE:
			/* What was broken on its way may arrive in an hour; what the platform means to say will not change today. */
			return job->garbled && job->attempts < MAX_TRIES_A_DAY;
		case ERROR_RATE_LIMITED:
		case ERROR_QUOTA_EXHAUSTED:
		case ERROR_OPERATOR:
			return true;
		default:
			return false;
	}
}

Ending
retry_ending(const Job *job)
{
	Ending ending = {.attempts = job->attempts, .next_due_at = TIME_UNKNOWN, .blocked_until = TIME_UNKNOWN};
	TimestampTz now = config_now();
	bool whole = job->error == ERROR_NONE && (job->plan == NULL || plan_missing(job->plan) == NIL);

	if (job->placeholder)
		ending.outcome = OUTCOME_PLACEHOLDER;
	else if (job->result == NULL)
		ending.outcome = OUTCOME_FAILED;
	else
		ending.outcome =
			whole && job->plan->bounded == NIL && job->plan->refused == NIL ? OUTCOME_OK : OUTCOME_PARTIAL;

	switch (job->error)
	{
		case ERROR_NETWORK:
		case ERROR_TIMEOUT:
		case ERROR_SERVER:
		case ERROR_BAD_RESPONSE:
			if (retry_follows(job))
				ending.next_due_at = now + retry_backoff(job->attempts);
			break;
		case ERROR_RATE_LIMITED:
		case ERROR_QUOTA_EXHAUSTED:
			/* Waiting as told is no failed try. */
			ending.attempts = Max(job->attempts - 1, 0);
			ending.blocked_until =
				job->blocked_until != 0 ? job->blocked_until : now + retry_backoff(job->attempts);
			/* What was begun goes on before anything new is begun: due since yesterday, when it is blocked no more. */
			ending.next_due_at =
				job->keeps_answers ? job->account.observed_at - USECS_PER_DAY : ending.blocked_until;
			break;
		case ERROR_OPERATOR:
			/* Nothing an account can mend: it waits for its app, and is looked at again in an hour. */
			ending.attempts = Max(job->attempts - 1, 0);
			ending.next_due_at = now + USECS_PER_HOUR + (int64) (USECS_PER_HOUR * compat_random());
			break;
		default:
			break;
	}
	/* A limit that was nearly met keeps the account from being asked, whatever the day came to. */
	if (job->blocked_until > now)
		ending.blocked_until = job->blocked_until;
	if (ending.next_due_at == TIME_UNKNOWN)
	{
		ending.done = true;
		ending.attempts = 0;
		if (job->new_status == NULL || strcmp(job->new_status, "active") == 0)
			ending.next_due_at =
				schedule_time(&job->user_id, account_setting(&job->account, "time_zone"), job->date + 1);
	}
	return ending;
}
