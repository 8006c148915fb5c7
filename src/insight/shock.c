/*
 * shock.c
 *    When many accounts of a platform move on one day, the platform moved: a purge, a new way of counting, an outage.
 *
 * The accounts that the caller may see are looked at, and only where a spike is to be told.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "insight/spikes.h"
#include "series/query.h"

#define SHOCK_ACCOUNTS   5   /* with the artist's own */
#define SHOCK_SHARE_MANY 0.1 /* and that share */
#define SHOCK_SHARE      0.5 /* or that share of at least SHOCK_LEAST */
#define SHOCK_LEAST      3
#define SHOCK_P          0.001
#define DAYS_BEFORE      29

typedef struct Others
{
	int looked;
	int alarmed; /* in the direction of the spike */
} Others;

/* One account's level on the days [0, DAYS_BEFORE]: did its last day stand out, and how? */
static void
judge_account(const double *level, const Track *track, bool up, Others *others)
{
	double gains[DAYS_BEFORE];
	DayTest test;
	double gain;

	for (int i = 0; i < DAYS_BEFORE; i++)
		gains[i] = level[i + 1] - level[i];
	if (stats_day_test(gains, DAYS_BEFORE - 1, 1, STATS_SCALE_COUNTS, &test) != STATS_OK)
		return;
	others->looked++;
	gain = gains[DAYS_BEFORE - 1];
	if (test.p_value > SHOCK_P || fabs(gain - test.baseline) < spike_gain_least(track))
		return;
	others->alarmed += up ? gain > test.baseline : gain < test.baseline;
}

/* The platform's other accounts on the day. Values of a level: a core column, or a key of metrics. */
static Others
look_at_others(const Run *run, const Fact *fact, const Track *track, DateADT day)
{
	static SPIPlanPtr plan = NULL;
	Others others = {0};
	double level[DAYS_BEFORE + 1];
	Datum values[5] = {CStringGetTextDatum(fact->platform->name), DateADTGetDatum(day), run->artist->user_id,
					   CStringGetTextDatum(track->series->metric),
					   BoolGetDatum(track->role == ROLE_AUDIENCE)};
	char *last = NULL;
	int nest = query_begin();

	query_plan(
		&plan,
		"SELECT m.user_id::text, m.date,"
		"       CASE $4 WHEN 'engagement_total' THEN m.engagement_total::float8"
		"               ELSE COALESCE((m.metrics ->> $4)::float8, CASE WHEN $5 THEN m.follower_count END) END"
		"  FROM (SELECT o.user_id FROM dreamsuite.daily_metrics o"
		"         WHERE o.platform = $1 AND o.date = $2 AND o.user_id <> $3 ORDER BY o.user_id LIMIT 200) u"
		"  JOIN dreamsuite.daily_metrics m ON m.user_id = u.user_id AND m.platform = $1"
		"   AND m.date BETWEEN $2 - 29 AND $2"
		" ORDER BY 1, 2",
		5, (Oid[]){TEXTOID, DATEOID, UUIDOID, TEXTOID, BOOLOID});
	query_run(plan, values, true, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		char *user = SPI_getvalue(tuple, desc, 1);
		bool isnull;
		DateADT date = DatumGetDateADT(SPI_getbinval(tuple, desc, 2, &isnull));
		double value = DatumGetFloat8(SPI_getbinval(tuple, desc, 3, &isnull));

		if (last == NULL || strcmp(last, user) != 0)
		{
			if (last)
				judge_account(level, track, strcmp(fact->direction, "up") == 0, &others);
			for (int j = 0; j <= DAYS_BEFORE; j++)
				level[j] = NAN;
			last = user;
		}
		level[date - (day - DAYS_BEFORE)] = isnull ? NAN : value;
	}
	if (last)
		judge_account(level, track, strcmp(fact->direction, "up") == 0, &others);
	query_end(nest);
	return others;
}

static const Track *
find_track(const Run *run, const Fact *fact)
{
	for (int i = 0; i < run->artist->outlet_count; i++)
	{
		const Outlet *outlet = &run->artist->outlets[i];

		for (int j = 0; j < outlet->track_count && outlet->platform == fact->platform; j++)
		{
			if (strcmp(outlet->tracks[j].series->metric, fact->metric) == 0)
				return &outlet->tracks[j];
		}
	}
	return NULL;
}

/* The spike becomes what the platform did. */
static void
make_shock(Fact *fact, const Others *others)
{
	bool up = strcmp(fact->direction, "up") == 0;

	fact->kind = "platform_shock";
	fact->subject = psprintf("%s@%s", fact->platform->name, date_text(fact->window_start));
	fact->extra =
		psprintf("%s%s\"accounts_looked_at\":%d,\"accounts_moved\":%d", fact->extra ? fact->extra : "",
				 fact->extra && fact->extra[0] ? "," : "", others->looked + 1, others->alarmed + 1);
	fact->caveats = lappend(fact->caveats, "platform_wide");
	fact->content = NULL;
	fact->suggested_action = NULL;
	fact->action = 0.6;
	fact->sentence =
		psprintf("%d of %d %s accounts %s on %s, yours among them: the platform moved, not your audience.",
				 others->alarmed + 1, others->looked + 1, fact->platform->label, up ? "jumped" : "dropped",
				 say_date(fact->window_start));
}

/* Many, not only some of very many: on every day a few of 200 accounts have a spike of their own. */
static bool
is_shock(const Others *others)
{
	int moved = others->alarmed + 1;
	int accounts = others->looked + 1;

	if (moved >= SHOCK_ACCOUNTS && moved >= SHOCK_SHARE_MANY * accounts)
		return true;
	return accounts >= SHOCK_LEAST && moved >= SHOCK_SHARE * accounts;
}

static bool
is_spike(const Fact *fact)
{
	return (fact->family == FAMILY_SPIKES || fact->family == FAMILY_PAST_SPIKES) &&
		   fact->status != FACT_RESOLVED && fact->sentence != NULL;
}

void
merge_platform_shocks(Run *run)
{
	List *kept = NIL;
	ListCell *cell;

	foreach (cell, run->facts)
	{
		Fact *fact = lfirst(cell);
		const Track *track = is_spike(fact) ? find_track(run, fact) : NULL;
		Others others = {0};
		bool known = false;
		ListCell *other;

		if (track)
			others = look_at_others(run, fact, track, fact->window_start);
		if (track && is_shock(&others))
			make_shock(fact, &others);
		/* followers and engagement of one day are one shock */
		foreach (other, kept)
			known |= strcmp(fact->kind, "platform_shock") == 0 && fact_same(lfirst(other), fact);
		if (!known)
			kept = lappend(kept, fact);
		else
			run->reported[fact->family]--;
	}
	run->facts = kept;
}
