/*
 * spikes.c
 *    Days on which a counter gained far more, or far less, than the days before let expect.
 *
 * All days of the last four weeks of all daily counters are tested: those of the last week are one family, those of
 * the three weeks before another. Alarms that follow each other are one event (stats/anomaly.h). Rounded counters and
 * totals over the last days have no daily gains and are never tested: a rounding step is no spike, and the end of a 28-day
 * window no drop.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/posts.h"
#include "insight/spikes.h"

#define TESTED_DAYS   28
#define FRESH_DAYS    7
#define TRACKS_TESTED 3

/* Events are looked for in so many days. */
#define EVENT_DAYS  140
#define EVENTS_MOST 24
#define EVENT_P     0.02

typedef struct DayCandidate
{
	const Outlet *outlet;
	const Track *track;
	int at;
} DayCandidate;

double
spike_gain_least(const Track *track)
{
	switch (track->role)
	{
		case ROLE_CONSUMPTION:
			return 50;
		case ROLE_ENGAGEMENT:
			return 20;
		default:
			return 10;
	}
}

/*
 * Could an event open on the day? It is a local peak (or trough): 1.15 times the extreme of the seven days before, as
 * stats_spike_events() asks. Of other days nothing would be told, whatever their p-value.
 */
static bool
may_open(const double *gains, int at)
{
	double most = -INFINITY, least = INFINITY;

	for (int i = Max(at - 7, 0); i < at; i++)
	{
		if (isnan(gains[i]))
			continue;
		most = Max(most, gains[i]);
		least = Min(least, gains[i]);
	}
	return gains[at] >= 1.15 * Max(most, 0) || gains[at] <= (least > 0 ? least / 1.15 : least);
}

/* The p-value of a day, 1 where no event could open; kept, since it depends on earlier days alone. NaN: not testable. */
static double
day_p_value(const Track *track, int at)
{
	DayTest test;

	/* days before a reset say nothing of those after it */
	if (at - track_since(track, at) < STATS_ANOMALY_LEAST)
		return NAN;
	if (track->p_values[at] != -1.0)
		return track->p_values[at];
	if (isnan(track->gains[at]))
		return NAN;
	if (!may_open(track->gains, at))
		return track->p_values[at] = 1;
	if (stats_day_test(track->gains, at, 7, STATS_SCALE_COUNTS, &test) == STATS_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while testing days.")));
	return track->p_values[at] = test.p_value;
}

static const char *
say_gained(double gain)
{
	return psprintf("%s%s", gain >= 0 ? "+" : "", say_number(rint(gain)));
}

/* "on the day of the collaboration post", "2 days after the release" */
static const char *
say_when(DateADT day, const Post *post)
{
	int days = day - post->day;

	if (days == 0)
		return psprintf("on the day of %s", say_post(post));
	return psprintf("%s after %s of %s", days == 1 ? "a day" : psprintf("%d days", days), say_post(post),
					say_date(post->day));
}

/* The number is that of the highest (or lowest) day, which need not be the one on which the event began. */
static const char *
spike_sentence(const Outlet *outlet, const Track *track, const SpikeEvent *event, DateADT day,
			   const Attribution *attribution)
{
	const char *what = psprintf("Your %s %s %s", outlet->platform->label, say_gains(outlet->platform, track),
								event->up ? "spiked" : "dropped");
	bool grew = event->peak != event->open;
	const char *numbers = psprintf("%s%s, against a usual %s a day", say_gained(track->gains[event->peak]),
								   grew ? psprintf(" on %s", say_date(day + event->peak - event->open)) : "",
								   say_gained(event->test.baseline));

	if (!event->up)
		return psprintf("%s on %s: %s.", what, say_date(day), numbers);
	switch (attribution->placebo.verdict)
	{
		case PLACEBO_LIKELY:
			if (grew)
				return psprintf("%s %s, on %s: %s. The two coincided; that is no proof.", what,
								say_when(day, attribution->post), say_date(day), numbers);
			return psprintf("%s %s: %s on %s. The two coincided; that is no proof.", what,
							say_when(day, attribution->post), numbers, say_date(day));
		case PLACEBO_POSSIBLE:
			return psprintf("%s on %s: %s. It coincided with %s of %s, as many days do.", what, say_date(day),
							numbers, say_post(attribution->post), say_date(attribution->post->day));
		case PLACEBO_SEVERAL:
			return psprintf("%s on %s: %s. It coincided with %s of %s and %d other%s.", what, say_date(day),
							numbers, say_post(attribution->post), say_date(attribution->post->day),
							attribution->count - 1, PLURAL(attribution->count - 1));
		default:
			return psprintf("%s on %s: %s. No known post or release of those days explains it.", what,
							say_date(day), numbers);
	}
}

static const char *
verdict_name(PlaceboVerdict verdict)
{
	static const char *const names[] = {"unexplained", "possible", "several", "likely"};

	return names[verdict];
}

/* The gains around the event, as evidence. */
static const char *
gain_rows(const Run *run, const Track *track, int from, int to)
{
	StringInfoData rows;

	initStringInfo(&rows);
	for (int i = Max(from, 0); i <= to; i++)
	{
		if (isnan(track->gains[i]))
			continue;
		json_next(&rows);
		appendStringInfoChar(&rows, '{');
		json_put_text(&rows, "platform", track->series->platform->name);
		json_put_text(&rows, "metric", track->series->metric);
		json_put_date(&rows, "date", series_date(run->artist->set, i));
		json_put_number(&rows, "value", track->series->values[i]);
		json_put_number(&rows, "gain", track->gains[i]);
		appendStringInfoChar(&rows, '}');
	}
	return rows.data;
}

static void
describe(Run *run, Fact *fact, const Outlet *outlet, const Track *track, const SpikeEvent *event,
		 const SpikeEvent *events, int count, int slice)
{
	Attribution attribution;
	StringInfoData extra;
	int last = run_day(run, fact->settled_through);

	fact->window_start = series_date(run->artist->set, event->open);
	fact->window_end = series_date(run->artist->set, Min(event->close, last));
	fact->value = track->gains[event->peak];
	fact->baseline = event->test.baseline;
	fact->effect = (fact->value + 1) / Max(fact->baseline + 1, 1);
	if (!(fact->effect > 0))
		fact->effect = NAN;
	fact->effect_kind = "ratio";
	if (isnan(fact->effect))
	{
		fact->effect = fact->value - fact->baseline;
		fact->effect_kind = "difference";
	}
	fact->n = event->test.n;
	fact->n_baseline = event->test.n;
	fact->n_missing = track_missing(track, event->open - STATS_ANOMALY_WINDOW, event->open);
	fact->least = STATS_ANOMALY_LEAST;
	fact->method =
		"day against the 28 days before, weekday removed, scaled MAD of up to 84 days with floors, Student's t";
	fact->parameters =
		"\"window_days\":28,\"period\":7,\"least_ratio\":1.3,\"new_peak\":1.15,\"tested_days\":28";
	fact->rows = run->full ? gain_rows(run, track, event->open - STATS_ANOMALY_WINDOW, last)
						   : gain_rows(run, track, event->open - 1,
									   Max(event->peak, Min(event->close, event->open + 3)));
	add_source_caveats(fact, track, fact->n_missing);
	if (fact->n < 21)
		fact->caveats = lappend(fact->caveats, "small_sample");
	attribute_spike(run, outlet, event->open, events, count, slice, &attribution);
	initStringInfo(&extra);
	json_put_number(&extra, "lift", event->lift);
	json_put_raw(&extra, "still_open", event->still_open ? "true" : "false");
	if (event->up)
	{
		json_put_text(&extra, "attribution", verdict_name(attribution.placebo.verdict));
		json_put_number(&extra, "placebo_p", attribution.placebo.p_value);
		json_put_number(&extra, "placebo_days", attribution.placebo.days);
		fact->content = attribution.json;
	}
	fact->extra = extra.data;
	fact->action = event->up && attribution.placebo.verdict == PLACEBO_LIKELY ? 1 : 0.8;
	if (fact->action == 1)
		fact->suggested_action =
			psprintf("Do more like %s and see whether it happens again.", say_post(attribution.post));
	fact->sentence =
		spike_sentence(outlet, track, event, series_date(run->artist->set, event->open), &attribution);
}

/* The events of a track up to the settled day. Several days of a track may be surprising: it is walked once. */
typedef struct TrackEvents
{
	const Track *track;
	int slice; /* index of the day that events count from */
	int count;
	SpikeEvent events[EVENTS_MOST];
} TrackEvents;

static const TrackEvents *
events_of(Run *run, const DayCandidate *candidate)
{
	const Track *track = candidate->track;
	int last = Min(run_day(run, outlet_settled(candidate->outlet, run)), run->artist->set->days - 1);
	SpikeRule rule = {.p_most = EVENT_P, .ratio_least = SPIKE_RATIO, .gain_least = spike_gain_least(track)};
	TrackEvents *found;
	ListCell *cell;

	foreach (cell, run->spike_events)
	{
		found = lfirst(cell);
		if (found->track == track)
			return found;
	}
	found = palloc(sizeof(TrackEvents));
	found->track = track;
	found->slice = Max(Max(last - EVENT_DAYS + 1, 0), track_since(track, last));
	if (stats_spike_events(track->gains + found->slice, last - found->slice + 1, 7, STATS_SCALE_COUNTS, &rule,
						   found->events, EVENTS_MOST, &found->count, NULL) == STATS_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while looking for events.")));
	run->spike_events = lappend(run->spike_events, found);
	return found;
}

/* The event of the tested day, as a fact. Days of one event make one fact. */
static void
spike_fact(Run *run, const DayCandidate *candidate, Family family, double p, double q)
{
	const Track *track = candidate->track;
	const TrackEvents *all = events_of(run, candidate);
	const SpikeEvent *event = NULL;
	SpikeEvent moved;
	Fact *fact;
	ListCell *cell;

	for (int i = 0; i < all->count; i++)
	{
		if (all->events[i].open + all->slice <= candidate->at &&
			candidate->at <= all->events[i].close + all->slice)
			event = &all->events[i];
	}
	if (event == NULL)
		return; /* surprising, but not large enough, or the tail of an older event */
	moved = *event;
	moved.open += all->slice;
	moved.close += all->slice;
	moved.peak += all->slice;

	fact = run_fact(run, CATEGORY_TREND, moved.up ? "spike_up" : "spike_down", candidate->outlet, track);
	fact->subject = psprintf("%s@%s", fact->subject, date_text(series_date(run->artist->set, moved.open)));
	fact->direction = moved.up ? "up" : "down";
	foreach (cell, run->facts)
	{
		Fact *other = lfirst(cell);

		if (!fact_same(other, fact))
			continue;
		if (q < other->q_value)
		{
			other->family = family;
			other->q_value = q;
			other->p_value = p;
		}
		return;
	}
	run->tested[family]++;
	fact->family = family;
	fact->evidence_class = EVIDENCE_TESTED;
	fact->q_value = q;
	fact->p_value = p;
	run_add(run, fact);
	if (!run->brief)
		describe(run, fact, candidate->outlet, track, &moved, all->events, all->count, all->slice);
}

/* The days `from` .. `to` before the settled one. */
static void
test_days(Run *run, Family family, int from, int to)
{
	Artist *artist = run->artist;
	int room = (to - from + 1) * TRACKS_TESTED * artist->outlet_count + 1;
	DayCandidate *candidates = palloc(sizeof(DayCandidate) * room);
	double *p = palloc(sizeof(double) * room);
	double *q = palloc(sizeof(double) * room);
	int n = 0;

	for (int i = 0; i < artist->outlet_count; i++)
	{
		const Outlet *outlet = &artist->outlets[i];
		const Track *tracks[TRACKS_TESTED] = {outlet->audience, outlet->consumption, outlet->engagement};
		int last = run_day(run, outlet_settled(outlet, run));

		for (int j = 0; j < TRACKS_TESTED; j++)
		{
			if (tracks[j] == NULL || !tracks[j]->daily)
				continue;
			for (int at = Max(last - to, 0); at <= last - from && at < artist->set->days; at++)
			{
				p[n] = day_p_value(tracks[j], at);
				if (isnan(p[n]))
					continue;
				candidates[n++] = (DayCandidate){outlet, tracks[j], at};
			}
		}
	}
	run_judge(run, family, p, n, q);
	for (int i = 0; i < n; i++)
	{
		if (q[i] <= 2 * family_level(family))
			spike_fact(run, &candidates[i], family, p[i], q[i]);
	}
}

void
spike_facts(Run *run)
{
	test_days(run, FAMILY_SPIKES, 0, FRESH_DAYS - 1);
	test_days(run, FAMILY_PAST_SPIKES, FRESH_DAYS, TESTED_DAYS - 1);
}
