/*
 * time.c
 *    Times as platforms write them: ISO 8601 in its dialects, and seconds since 1970.
 *
 * By hand rather than through the server's timestamptz_in(), which raises for what it cannot read and would read a time
 * without an offset in the zone of the session.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "common/int.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "platform/json.h"

TimestampTz
time_earlier(TimestampTz a, TimestampTz b)
{
	if (a == TIME_UNKNOWN || b == TIME_UNKNOWN)
		return a == TIME_UNKNOWN ? b : a;
	return Min(a, b);
}

TimestampTz
time_from_epoch(int64 seconds)
{
	int64 since;

	if (seconds == COUNT_UNKNOWN ||
		pg_sub_s64_overflow(seconds, (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY,
							&since) ||
		pg_mul_s64_overflow(since, USECS_PER_SEC, &since) || !IS_VALID_TIMESTAMP(since))
		return TIME_UNKNOWN;
	return since;
}

int64
time_to_epoch(TimestampTz time)
{
	return time / USECS_PER_SEC - (time % USECS_PER_SEC < 0 ? 1 : 0) +
		   (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
}

char *
time_to_iso(TimestampTz time)
{
	struct pg_tm tm;
	fsec_t fsec;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		return NULL;
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour,
					tm.tm_min, tm.tm_sec);
}

/* `n` digits at *s, which moves on; -1 where there are fewer. */
static int
digits(const char **s, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*s)++)
	{
		if (**s < '0' || **s > '9')
			return -1;
		value = value * 10 + (**s - '0');
	}
	return value;
}

static bool
skip(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

TimestampTz
time_from_iso(const char *s)
{
	struct pg_tm tm = {0};
	int fraction = 0, offset = 0;
	Timestamp time;
	char separator;

	if (s == NULL)
		return TIME_UNKNOWN;
	tm.tm_year = digits(&s, 4);
	separator = *s;
	if (tm.tm_year < 0 || (separator != '-' && separator != '/'))
		return TIME_UNKNOWN;
	s++;
	tm.tm_mon = digits(&s, 2);
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || !skip(&s, separator))
		return TIME_UNKNOWN;
	tm.tm_mday = digits(&s, 2);
	if (tm.tm_mday < 1 || tm.tm_mday > day_tab[isleap(tm.tm_year)][tm.tm_mon - 1])
		return TIME_UNKNOWN;
	if (*s != '\0')
	{
		if (!skip(&s, 'T') && !skip(&s, ' '))
			return TIME_UNKNOWN;
		tm.tm_hour = digits(&s, 2);
		if (tm.tm_hour < 0 || tm.tm_hour > 23 || !skip(&s, ':'))
			return TIME_UNKNOWN;
		tm.tm_min = digits(&s, 2);
		if (tm.tm_min < 0 || tm.tm_min > 59)
			return TIME_UNKNOWN;
		if (skip(&s, ':'))
		{
			tm.tm_sec = digits(&s, 2);
			if (tm.tm_sec < 0 || tm.tm_sec > 60)
				return TIME_UNKNOWN;
			if (skip(&s, '.'))
			{
				int unit = 100000;

				if (*s < '0' || *s > '9')
					return TIME_UNKNOWN;
				for (; *s >= '0' && *s <= '9'; s++, unit /= 10)
					fraction += (*s - '0') * unit;
			}
		}
		skip(&s, ' ');
		if (*s == '+' || *s == '-')
		{
			int sign = *s++ == '-' ? -1 : 1;
			int hours = digits(&s, 2), minutes = 0;

			if (hours < 0 || hours > 15)
				return TIME_UNKNOWN;
			if (skip(&s, ':') || *s != '\0')
				minutes = digits(&s, 2);
			if (minutes < 0 || minutes > 59)
				return TIME_UNKNOWN;
			offset = sign * (hours * 3600 + minutes * 60);
		}
		else
			skip(&s, 'Z');
		if (*s != '\0')
			return TIME_UNKNOWN;
	}
	if (tm2timestamp(&tm, fraction, NULL, &time) != 0)
		return TIME_UNKNOWN;
	return time - (int64) offset * USECS_PER_SEC;
}
