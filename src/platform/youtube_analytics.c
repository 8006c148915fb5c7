/*
 * youtube_analytics.c
 *    YouTube Analytics of a channel: what was shared and watched since it began, and what the last days had of it.
 *
 * The newest days are not there yet, for up to 72 hours, and a day that is there is corrected for some days more. So totals
 * are asked through a day that ended 72 hours ago: each stored day counts one day of Analytics more than the one before it,
 * and which one is known. What the last days had of the total says what it is by now through each of them.
 *
 * API facts: https://developers.google.com/youtube/analytics/channel_reports,
 * https://developers.google.com/youtube/analytics/revision_history (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/timestamp.h"

#include "platform/google.h"
#include "platform/report.h"
#include "platform/youtube.h"

/* A day is told for certain when so many more are over. */
#define LATE_DAYS 3

/* So many days are asked again: corrections come within a week, and a day may fail. */
#define RESTATED_DAYS 10

#define TOP_DAYS 30

/* ---- Days ---- */

static char *
day_text(TimestampTz midnight)
{
	return pnstrdup(time_to_iso(midnight), strlen("2026-03-01"));
}

/* Noon in California, which is the same day in UTC; no change of the clocks moves it into another. */
static TimestampTz
pacific_noon(TimestampTz now, int days_ago)
{
	return local_midnight(now, GOOGLE_ZONE) + 12 * USECS_PER_HOUR - days_ago * USECS_PER_DAY;
}

/* Days of Analytics are Californian. */
static char *
pacific_day(TimestampTz now, int days_ago)
{
	return day_text(pacific_noon(now, days_ago));
}

/* When the channel began; YouTube itself did in 2005. */
static char *
first_day(const JsonbContainer *channel)
{
	TimestampTz began = json_time(json_object_in(channel, "snippet"), "publishedAt");

	return began != TIME_UNKNOWN ? day_text(began) : "2005-02-14";
}

static const char *
later_day(const char *a, const char *b)
{
	return strcmp(a, b) > 0 ? a : b;
}

/* ---- Requests ---- */

/* Of this channel by name: "MINE" may be another one of the same person. */
static void
ask_report(Plan *plan, Request *request, const JsonbContainer *channel, const char *since, int days_ago)
{
	request_param(request, "ids", psprintf("channel==%s", json_id(channel, "id")));
	request_param(request, "startDate", since);
	request_param(request, "endDate", pacific_day(plan->account->observed_at, days_ago));
}

static void
ask_lifetime(Plan *plan, const JsonbContainer *channel, const char *metrics)
{
	Request *request = plan_ask(plan, "analytics", "lifetime");

	ask_report(plan, request, channel, first_day(channel), LATE_DAYS + 1);
	request_param(request, "metrics", metrics);
}

static void
ask_days(Plan *plan, const JsonbContainer *channel, const char *metrics)
{
	Request *request = plan_ask(plan, "analytics_days", NULL);
	const char *since = pacific_day(plan->account->observed_at, LATE_DAYS + RESTATED_DAYS);

	ask_report(plan, request, channel, later_day(since, first_day(channel)), LATE_DAYS + 1);
	request_param(request, "metrics", metrics);
}

void
youtube_ask_reports(Plan *plan, const JsonbContainer *channel)
{
	TimestampTz now = plan->account->observed_at;

	ask_report(plan, plan_ask(plan, "analytics_videos", NULL), channel, pacific_day(now, TOP_DAYS), 1);
	/* Of a channel so young there is nothing yet, and a span that ends before it begins is an error. */
	if (strcmp(first_day(channel), pacific_day(now, LATE_DAYS + 1)) > 0)
		return;
	ask_lifetime(plan, channel, "shares,estimatedMinutesWatched,averageViewDuration");
	ask_days(plan, channel, "shares,estimatedMinutesWatched");
}

/* Which metrics go together changes; without the shares it is the oldest report there is. */
bool
youtube_report_failed(Plan *plan, const Request *request, const Verdict *verdict,
					  const JsonbContainer *channel)
{
	if (verdict->error != ERROR_BAD_RESPONSE || strstr(request->url, "shares") == NULL || channel == NULL)
		return false;
	if (strcmp(request->step->name, "analytics") == 0)
		ask_lifetime(plan, channel, "estimatedMinutesWatched,averageViewDuration");
	else if (strcmp(request->step->name, "analytics_days") == 0)
		ask_days(plan, channel, "estimatedMinutesWatched");
	else
		return false;
	return true;
}

/* ---- Values ---- */

/* What the days of a report had of a metric, the newest first: as many days as were asked for. */
typedef struct Days
{
	bool told[RESTATED_DAYS];
	int64 values[RESTATED_DAYS];
} Days;

/*
 * False where the report cannot be understood: days that were not asked for, or twice, or without a number. A day that it
 * lacks had nothing, or has nothing yet.
 */
static bool
read_days(const JsonbContainer *report, const char *metric, TimestampTz now, Days *days)
{
	JsonItems rows = report_rows(report);
	const JsonbContainer *row;
	bool any = false;

	*days = (Days){0};
	while ((row = report_next_row(&rows)) != NULL)
	{
		char *day = report_text(report, row, "day");
		int64 value = report_count(report, row, metric);
		int i = 0;

		while (i < RESTATED_DAYS && day != NULL && strcmp(day, pacific_day(now, LATE_DAYS + 1 + i)) != 0)
			i++;
		if (day == NULL || i == RESTATED_DAYS || days->told[i] || value < 0)
			return false;
		days->told[i] = any = true;
		days->values[i] = value;
	}
	return any;
}

/*
 * Through an earlier day, the total is what it is now less what the days since then had. The stored day that counted as far
 * was collected between the midnights at which that day, and the next one, had been over for so long. Minutes are rounded in
 * each row.
 */
static void
note_earlier(const Responses *responses, Normalised *out, const char *field, const char *metric, int64 total,
			 bool is_rounded)
{
	const JsonbContainer *report = body(responses, "analytics_days");
	TimestampTz now = out->account->observed_at;
	Days days;
	int n = 0;

	if (total == COUNT_UNKNOWN || report == NULL || !read_days(report, metric, now, &days))
		return;
	for (int i = 0; i <= RESTATED_DAYS; i++)
	{
		add_earlier(out, field, local_midnight(pacific_noon(now, i), GOOGLE_ZONE),
					local_midnight(pacific_noon(now, i - 1), GOOGLE_ZONE), total, is_rounded ? n : 0);
		if (i == RESTATED_DAYS || days.values[i] > total)
			return;
		total -= days.values[i];
		n += days.told[i];
	}
}

/* A total: what was taken back is netted, but there was never more of it than there was. */
static int64
total_of(const JsonbContainer *report, const JsonbContainer *row, const char *metric)
{
	int64 count = report_count(report, row, metric);

	return count < 0 ? COUNT_UNKNOWN : count;
}

/* The report over all time is the one without a dimension. */
int64
youtube_read_reports(const Responses *responses, Normalised *out)
{
	const Bodies *reports = bodies(responses, "analytics");

	for (int i = 0; i < reports->count; i++)
	{
		const JsonbContainer *report = reports->entries[i].body;
		JsonItems rows = report_rows(report);
		const JsonbContainer *row = report_next_row(&rows);
		int64 shares, minutes;

		if (row == NULL || report_has_column(report, "day") || report_has_column(report, "video"))
			continue;
		shares = total_of(report, row, "shares");
		minutes = total_of(report, row, "estimatedMinutesWatched");
		set_count(out, "shares_total", shares);
		set_count(out, "watch_time_minutes", minutes);
		set_number(out, "average_view_duration", report_number(report, row, "averageViewDuration"));
		note_earlier(responses, out, "shares_total", "shares", shares, false);
		note_earlier(responses, out, "watch_time_minutes", "estimatedMinutesWatched", minutes, true);
		return shares;
	}
	return COUNT_UNKNOWN;
}
