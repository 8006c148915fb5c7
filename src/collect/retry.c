/*
 * retry.c
 *    How a run ended and what that means for the account.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "common/hashfn.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "collect/retry.h"
#include "config.h"

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

TimestampTz
retry_next_day(const Job *job)
{
	char *zone_name = account_setting(&job->account, "time_zone");
	pg_tz *zone = zone_name != NULL ? pg_tzset(zone_name) : NULL;
	struct pg_tm tm = {0};
	TimestampTz due;
	uint32 spread;
	int tz;

	if (config_collect_at[0] == '\0')
		return TIME_UNKNOWN;
	if (zone == NULL)
		zone = pg_tzset("UTC");
	j2date(job->date + 1 + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = atoi(config_collect_at);
	tm.tm_min = atoi(config_collect_at + 3);
	tz = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, 0, &tz, &due) != 0)
		return TIME_UNKNOWN;
	spread = DatumGetUInt32(hash_any(job->user_id.data, UUID_LEN)) % COLLECT_SPREAD_SECONDS;
	return due + spread * USECS_PER_SEC;
}

Ending
retry_ending(const Job *job)
{
	Ending ending = {.attempts = job->attempts, .next_due_at = TIME_UNKNOWN, .blocked_until = TIME_UNKNOWN};
	TimestampTz now = config_now();
	bool whole = job->error == ERROR_NONE && (job->plan == NULL || job->plan->missing == NIL);

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
			if (job->attempts < MAX_TRIES_A_DAY)
				ending.next_due_at = now + retry_backoff(job->attempts);
			break;
		case ERROR_RATE_LIMITED:
		case ERROR_QUOTA_EXHAUSTED:
			/* Waiting as told is no failed try. */
			ending.attempts = Max(job->attempts - 1, 0);
			ending.blocked_until =
				job->blocked_until != 0 ? job->blocked_until : now + retry_backoff(job->attempts);
			ending.next_due_at = ending.blocked_until;
			break;
		case ERROR_OPERATOR:
			/* Nothing an account can mend: it waits for its app, and is looked at again in an hour. */
			ending.attempts = Max(job->attempts - 1, 0);
			ending.next_due_at = now + USECS_PER_HOUR + (int64) (USECS_PER_HOUR * compat_random());
			break;
		default:
			break;
	}
	if (ending.next_due_at == TIME_UNKNOWN)
	{
		ending.done = true;
		ending.attempts = 0;
		if (job->new_status == NULL || strcmp(job->new_status, "active") == 0)
			ending.next_due_at = retry_next_day(job);
	}
	return ending;
}
