/*
 * prepare.c
 *    An artist's numbers made ready: which series mean what, daily gains, resets, the settled day.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "config.h"
#include "insight/insight.h"
#include "insight/posts.h"
#include "series/metric.h"
#include "series/query.h"

/* Older days say nothing of today. */
#define HISTORY_MOST 3653

static const char *const consumption_metrics[] = {"total_views", "total_streams", "total_plays"};

static bool
is_among(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static Role
role_of(const Series *series)
{
	if (series->audience)
		return ROLE_AUDIENCE;
	if (series->field == NULL)
		return strcmp(series->metric, "engagement_total") == 0 && series->platform->engagement &&
					   series->kind == KIND_COUNTER
				   ? ROLE_ENGAGEMENT
				   : ROLE_OTHER;
	if (is_among(series->metric, consumption_metrics, lengthof(consumption_metrics)))
		return ROLE_CONSUMPTION;
	if ((series->kind == KIND_ROLLING && series->field->window_days >= 7) || metric_is_given(series->metric))
		return ROLE_REACH;
	return ROLE_OTHER;
}

static void
prepare_track(Track *track, const Series *series, int days)
{
	int since = 0;

	track->series = series;
	track->role = role_of(series);
	track->daily = series->kind == KIND_COUNTER && track->role != ROLE_OTHER;
	for (int i = 0; i < days; i++)
	{
		if (series->quality[i] != QUALITY_RESET || isnan(series->values[i]))
			continue;
		if (track->since == NULL)
			track->since = palloc0(sizeof(int) * days);
		since = i;
		for (int j = i; j < days; j++)
			track->since[j] = since;
	}
	if (!track->daily)
		return;
	track->gains = palloc(sizeof(double) * days);
	track->p_values = palloc(sizeof(double) * days);
	for (int i = 0; i < days; i++)
	{
		track->p_values[i] = -1.0;
		track->gains[i] = i > track_since(track, i) ? series->values[i] - series->values[i - 1] : NAN;
	}
}

static void
prepare_outlets(Artist *artist)
{
	const SeriesSet *set = artist->set;
	Outlet *outlet = NULL;
	int room = 0;

	while (platforms[room])
		room++;
	artist->outlets = palloc0(sizeof(Outlet) * room);
	for (int i = 0; i < set->count; i++)
	{
		const Series *series = &set->series[i];
		Track *track;

		if (outlet == NULL || outlet->platform != series->platform)
		{
			outlet = &artist->outlets[artist->outlet_count++];
			outlet->platform = series->platform;
			outlet->time_zone = "UTC";
			outlet->tracks = palloc0(sizeof(Track) * set->count);
		}
		if (series->known == 0)
			continue;
		track = &outlet->tracks[outlet->track_count++];
		prepare_track(track, series, set->days);
		if (track->role == ROLE_AUDIENCE)
			outlet->audience = track;
		else if (track->role == ROLE_CONSUMPTION)
			outlet->consumption = track;
		else if (track->role == ROLE_ENGAGEMENT)
			outlet->engagement = track;
	}
}

static Outlet *
find_outlet(Artist *artist, const char *platform)
{
	for (int i = 0; i < artist->outlet_count; i++)
	{
		if (strcmp(artist->outlets[i].platform->name, platform) == 0)
			return &artist->outlets[i];
	}
	return NULL;
}

static void
load_time_zones(Artist *artist, MemoryContext context)
{
	static SPIPlanPtr plan = NULL;

	query_plan(&plan,
			   "SELECT platform, settings ->> 'time_zone' FROM dreamsuite.accounts"
			   " WHERE user_id = $1 AND settings ? 'time_zone'",
			   1, (Oid[]){UUIDOID});
	query_run(plan, &artist->user_id, true, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		Outlet *outlet = find_outlet(artist, SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1));
		char *zone = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 2);

		if (outlet && zone)
			outlet->time_zone = MemoryContextStrdup(context, zone);
	}
}

static void
load_goals(Artist *artist, MemoryContext context)
{
	static SPIPlanPtr plan = NULL;
	TupleDesc desc;

	query_plan(
		&plan,
		"SELECT goal_id, platform, metric, target::float8, period, starts_on, deadline, baseline::float8"
		"  FROM dreamsuite.goals WHERE user_id = $1 ORDER BY created_at, goal_id",
		1, (Oid[]){UUIDOID});
	query_run(plan, &artist->user_id, true, SPI_OK_SELECT);
	desc = SPI_tuptable->tupdesc;
	artist->goals = MemoryContextAllocZero(context, sizeof(Goal) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		Goal *goal = &artist->goals[artist->goal_count];
		MemoryContext before = MemoryContextSwitchTo(context);
		char *period = SPI_getvalue(tuple, desc, 5);
		bool isnull;
		Datum datum;

		goal->platform = platform_find(SPI_getvalue(tuple, desc, 2));
		goal->metric = SPI_getvalue(tuple, desc, 3);
		datum = SPI_getbinval(tuple, desc, 1, &isnull);
		goal->goal_id = PointerGetDatum(memcpy(palloc(UUID_LEN), DatumGetPointer(datum), UUID_LEN));
		goal->target = DatumGetFloat8(SPI_getbinval(tuple, desc, 4, &isnull));
		goal->period = period ? period[0] : 0;
		goal->starts_on = DatumGetDateADT(SPI_getbinval(tuple, desc, 6, &isnull));
		goal->deadline = DatumGetDateADT(SPI_getbinval(tuple, desc, 7, &isnull));
		if (isnull)
			goal->deadline = DATEVAL_NOEND;
		goal->baseline = DatumGetFloat8(SPI_getbinval(tuple, desc, 8, &isnull));
		if (isnull)
			goal->baseline = NAN;
		if (goal->platform)
			artist->goal_count++;
		MemoryContextSwitchTo(before);
	}
}

/* A day of the calendar that people use: sums of days and microseconds stay in range. */
static void
check_day(DateADT as_of)
{
	DateADT first = date2j(1900, 1, 1) - POSTGRES_EPOCH_JDATE;
	DateADT last = date2j(9999, 1, 1) - POSTGRES_EPOCH_JDATE;

	if (!DATE_NOT_FINITE(as_of) && (as_of < first || as_of >= last))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("as_of must be a day between 1900 and 9998, not %s", date_text(as_of)),
						errhint("Leave it out for the newest day that is stored.")));
}

/* The artist's days up to as_of, ten years of them at most; false where there are none. */
static bool
find_days(Datum user_id, DateADT as_of, DateADT *since, DateADT *until)
{
	static SPIPlanPtr plan = NULL;
	Datum values[2] = {
		user_id, DateADTGetDatum(DATE_NOT_FINITE(as_of) ? date2j(9999, 1, 1) - POSTGRES_EPOCH_JDATE : as_of)};
	int nest = query_begin();
	bool none;

	query_plan(&plan,
			   "SELECT min(date), max(date) FROM dreamsuite.daily_metrics"
			   " WHERE user_id = $1 AND date <= $2 AND date >= '1900-01-01'",
			   2, (Oid[]){UUIDOID, DATEOID});
	query_run(plan, values, true, SPI_OK_SELECT);
	*since = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &none));
	if (!none)
		*until = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &none));
	query_end(nest);
	if (none)
		return false;
	*since = Max(*since, *until - HISTORY_MOST);
	return true;
}

static bool
load(Artist *artist, Datum user_id, DateADT *as_of, bool posts)
{
	MemoryContext context = CurrentMemoryContext;
	instr_time begin, end;
	DateADT since = 0, until = 0;
	int nest;

	INSTR_TIME_SET_CURRENT(begin);
	memset(artist, 0, sizeof(Artist));
	artist->user_id = user_id;
	check_day(*as_of);
	if (find_days(user_id, *as_of, &since, &until))
		artist->set = series_load(user_id, since, until);
	else
		artist->set = palloc0(sizeof(SeriesSet));
	if (DATE_NOT_FINITE(*as_of))
		*as_of = artist->set->days > 0 ? until : local_date(config_now(), "UTC");
	prepare_outlets(artist);

	nest = query_begin();
	load_time_zones(artist, context);
	load_goals(artist, context);
	if (posts)
		posts_load(artist, *as_of, context);
	query_end(nest);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, begin);
	artist->load_ms = INSTR_TIME_GET_MILLISEC(end);
	return artist->outlet_count > 0;
}

bool
artist_load(Artist *artist, Datum user_id, DateADT *as_of)
{
	return load(artist, user_id, as_of, true);
}

bool
artist_load_numbers(Artist *artist, Datum user_id, DateADT *as_of)
{
	return load(artist, user_id, as_of, false);
}

/* ---- Days ---- */

DateADT
outlet_settled(const Outlet *outlet, const Run *run)
{
	return run->as_of - outlet->platform->settled_after_days;
}

int
run_day(const Run *run, DateADT day)
{
	return day - run->artist->set->first;
}

int
track_last(const Run *run, const Track *track, DateADT day, int back)
{
	int at = Min(run_day(run, day), run->artist->set->days - 1);

	for (int i = at; i >= 0 && i > run_day(run, day) - back; i--)
	{
		if (!isnan(track->series->values[i]))
			return i;
	}
	return -1;
}

int
track_since(const Track *track, int at)
{
	return track->since ? track->since[at] : 0;
}

int
track_baseline(const Track *track, int at, int days)
{
	for (int back = days; back <= days + days / 7; back++)
	{
		int i = at - back;

		if (i < track_since(track, at))
			return -1;
		if (!isnan(track->series->values[i]))
			return i;
	}
	return -1;
}

int
track_missing(const Track *track, int from, int to)
{
	int missing = 0;

	for (int i = Max(from, 0); i <= to; i++)
		missing += isnan(track->series->values[i]);
	return missing;
}

int
weekday(DateADT day)
{
	/* 2000-01-01, day 0, was a Saturday */
	int from_monday = (day + 5) % 7;

	return from_monday < 0 ? from_monday + 7 : from_monday;
}
