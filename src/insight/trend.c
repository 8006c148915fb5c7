/*
 * trend.c
 *    New levels and weekly habits of the daily counters.
 *
 * A change of level: one test per series, of the largest excursion of the cumulated sum (Brown, Durbin and Evans 1975;
 * Andrews 1993), so that the search for the day is paid for, with the variance of an autocorrelated series. Where it
 * is significant, the day comes from the change points of stats/changepoint.h, verified on both sides.
 *
 * Weekends: each week gives one difference, weekend against its other days; days of a week move together, so weeks are
 * what is counted.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/insight.h"
#include "insight/spikes.h"
#include "stats/changepoint.h"
#include "stats/counts.h"
#include "stats/robust.h"

#define LEVEL_DAYS  120 /* in which a change is looked for */
#define LEVEL_LEAST 42
#define LEVEL_SIDE  14 /* days on each side of a change */
#define LEVEL_FRESH 60 /* days ago at most */
#define LEVEL_NEAR  10 /* from the test's own split to the change point */
#define LEVEL_RATIO 1.3
#define LEVEL_DRAWS 199
#define MOST_RHO    0.9

#define WEEKEND_DAYS  182
#define WEEKEND_WEEKS 6
#define WEEKEND_SET   0x60 /* Saturday and Sunday, counted from Monday */
#define WEEKEND_RATIO 1.1
#define WEEKEND_GAIN  5 /* a usual day brings at least so many, or a ratio says little */

#define TRACKS_TESTED 3

typedef struct TrackTest
{
	const Outlet *outlet;
	const Track *track;
	int from, last; /* days looked at */
	int known;
	int split;        /* change: first day of the new level, by the test */
	double *y;        /* change: the series that was tested, from `from` on */
	SignedRank weeks; /* weekend */
	double p_value;
} TrackTest;

/* Gains on a scale where spread does not follow size; like a logarithm from 10 on, straight about 0. */
static double
bend(double gain)
{
	return asinh(gain / 2);
}

static double
unbend(double y)
{
	return 2 * sinh(y);
}

/* P(sup |Brownian bridge| > x), Kolmogorov's distribution. */
static double
bridge_sf(double x)
{
	double sum = 0;

	if (x < 0.2)
		return 1;
	for (int k = 1; k <= 20; k++)
		sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * x * x);
	return Max(0, Min(1, sum));
}

/*
 * The variance of a mean of many neighbours, times their number. Gains are a wandering level with noise of their own:
 * neighbours then resemble each other little, but for long. The lasting part comes from how the correlation falls from
 * one day to two; both are too small where a mean was taken off (Kendall 1954, 10.1093/biomet/41.3-4.403).
 */
static double
long_run_variance(const double *residual, int n, int known)
{
	double spread = stats_sd(residual, n);
	double near = stats_autocorrelation(residual, n, 1);
	double far = stats_autocorrelation(residual, n, 2);
	double rho;

	near += 2 * (1 + 3 * near) / known;
	far += 2 * (1 + 3 * far) / known;
	near = Max(0, Min(near, MOST_RHO));
	rho = near > 2 / sqrt(known) ? far / near : near;
	rho = Max(near, Min(rho, MOST_RHO));
	return spread * spread * (1 + 2 * near / (1 - rho));
}

/* Is there a change of level? Fills split and p_value. */
static bool
test_level(const Run *run, const Outlet *outlet, const Track *track, TrackTest *test)
{
	int last = Min(run_day(run, outlet_settled(outlet, run)), run->artist->set->days - 1);
	int from, n;
	double effects[7];
	double *work, *known;
	double mean, sum = 0, largest = 0, best = -1;
	double variance;
	int split = -1;
	int k = 0;
	double means[2] = {0, 0};

	if (last < 0)
		return false;
	from = Max(last - LEVEL_DAYS + 1, track_since(track, last) + 1);
	n = last - from + 1;
	if (n < LEVEL_LEAST)
		return false;
	test->y = palloc(sizeof(double) * n);
	work = palloc(sizeof(double) * n);
	known = palloc(sizeof(double) * n);
	for (int i = 0; i < n; i++)
		test->y[i] = bend(track->gains[from + i]);
	/* weeks begin at the same index whatever the day of the run is */
	stats_phase_effects(test->y, n, 7, effects);
	for (int i = 0; i < n; i++)
		test->y[i] -= effects[i % 7];
	stats_winsorise(test->y, n, 4, work);
	test->known = stats_compact(test->y, n, known);
	if (test->known < LEVEL_LEAST)
		return false;
	mean = stats_mean(known, test->known);
	for (int i = 0; i < n; i++)
	{
		double weight;

		if (isnan(test->y[i]))
			continue;
		sum += test->y[i] - mean;
		k++;
		largest = Max(largest, fabs(sum));
		if (k < LEVEL_SIDE || k > test->known - LEVEL_SIDE)
			continue;
		weight = sum * sum / ((double) k * (test->known - k));
		if (weight > best)
		{
			best = weight;
			split = i + 1;
		}
	}
	if (split < 0)
		return false;
	/* the spread about the two levels, so that a change does not hide itself */
	means[0] = stats_mean(test->y, split);
	means[1] = stats_mean(test->y + split, n - split);
	for (int i = 0; i < n; i++)
		work[i] = test->y[i] - means[i >= split];
	/* about two levels a wandering series looks too calm, about one a series with a change too restless */
	variance = sqrt(long_run_variance(work, n, test->known) * long_run_variance(test->y, n, test->known));
	test->outlet = outlet;
	test->track = track;
	test->from = from;
	test->last = last;
	test->split = split;
	test->p_value = variance > 0 ? bridge_sf(largest / sqrt(variance * test->known)) : 1;
	return true;
}

static void
level_fact(Run *run, const TrackTest *test, double q)
{
	int n = test->last - test->from + 1;
	int *changes;
	int count;
	int at = -1, before = 0, after = n;
	BreakCheck check;
	double ratio;
	double levels[2];
	double *work;
	Fact *fact;

	if (q > 2 * family_level(FAMILY_CHANGES))
		return;
	changes = palloc(sizeof(int) * n);
	if (stats_detect_changepoints(test->y, n, changes, &count) != STATS_OK)
		return;
	for (int i = 0; i < count; i++)
	{
		if (at < 0 || abs(changes[i] - test->split) < abs(at - test->split))
		{
			at = changes[i];
			before = i > 0 ? changes[i - 1] : 0;
			after = i + 1 < count ? changes[i + 1] : n;
		}
	}
	if (at < 0 || abs(at - test->split) > LEVEL_NEAR || at < n - LEVEL_FRESH)
		return;
	if (stats_check_break(test->y, before, at, after, LEVEL_DRAWS, 1, &check) != STATS_OK)
		return;
	work = palloc(sizeof(double) * n);
	levels[0] = unbend(stats_median(test->y + before, at - before, work));
	levels[1] = unbend(stats_median(test->y + at, after - at, work));
	ratio = (Max(levels[1], 0) + 1) / (Max(levels[0], 0) + 1);
	if (isnan(check.shift.estimate) || (ratio < LEVEL_RATIO && ratio > 1 / LEVEL_RATIO) ||
		(levels[1] > levels[0]) != (check.shift.estimate > 0))
		return;
	run->tested[FAMILY_CHANGES]++;
	fact = run_fact(run, CATEGORY_TREND, "change_point", test->outlet, test->track);
	fact->direction = levels[1] > levels[0] ? "up" : "down";
	fact->family = FAMILY_CHANGES;
	fact->evidence_class = EVIDENCE_TESTED;
	fact->q_value = q;
	run_add(run, fact);
	if (run->brief)
		return;

	fact->p_value = test->p_value;
	fact->window_start = series_date(run->artist->set, test->from + check.first);
	fact->window_end = series_date(run->artist->set, test->last);
	fact->value = levels[1];
	fact->baseline = levels[0];
	fact->effect = ratio;
	fact->effect_lo = exp(check.shift.lo);
	fact->effect_hi = exp(check.shift.hi);
	fact->effect_kind = "ratio";
	fact->n = check.n_after;
	fact->n_baseline = check.n_before;
	fact->n_missing = track_missing(test->track, test->from, test->last);
	fact->least = LEVEL_SIDE;
	fact->method = "largest excursion of the cumulated sum, change point by PELT, Hodges-Lehmann shift";
	fact->parameters =
		"\"days\":120,\"period\":7,\"least_side\":14,\"least_ratio\":1.3,\"interval_level\":0.9";
	fact->rows = evidence_rows(run, test->track, test->from + Max(at - 1, 0), test->last, 3);
	fact->extra =
		psprintf("\"change\":\"%s\",\"change_first\":\"%s\",\"change_last\":\"%s\",\"check_p\":%.6g",
				 date_text(series_date(run->artist->set, test->from + at)),
				 date_text(series_date(run->artist->set, test->from + check.first)),
				 date_text(series_date(run->artist->set, test->from + check.last)), check.p_value);
	add_source_caveats(fact, test->track, fact->n_missing);
	fact->action = 0.8;
	fact->sentence =
		psprintf("Your %s %s moved to a new level around %s: about %s a day since, %s a day before.",
				 test->outlet->platform->label, say_gains(test->outlet->platform, test->track),
				 say_date(series_date(run->artist->set, test->from + at)), say_number(rint(levels[1])),
				 say_number(rint(levels[0])));
}

/* ---- Weekends ---- */

static bool
test_weekend(const Run *run, const Outlet *outlet, const Track *track, TrackTest *test)
{
	int last = Min(run_day(run, outlet_settled(outlet, run)), run->artist->set->days - 1);
	double *y, *differences;
	int n;

	if (last < 0)
		return false;
	test->from = Max(last - WEEKEND_DAYS + 1, track_since(track, last) + 1);
	n = last - test->from + 1;
	if (n < 7 * WEEKEND_WEEKS)
		return false;
	y = palloc(sizeof(double) * n);
	differences = palloc(sizeof(double) * (n / 7 + 2));
	for (int i = 0; i < n; i++)
		y[i] = bend(track->gains[test->from + i]);
	test->known = stats_week_differences(y, n, weekday(series_date(run->artist->set, test->from)),
										 WEEKEND_SET, differences);
	if (test->known < WEEKEND_WEEKS)
		return false;
	if (stats_signed_rank(differences, test->known, 0.9, &test->weeks) != STATS_OK)
		return false;
	test->outlet = outlet;
	test->track = track;
	test->last = last;
	test->p_value = test->weeks.p_value;
	return true;
}

static void
weekend_fact(Run *run, const TrackTest *test, double q)
{
	const Shift *shift = &test->weeks.shift;
	double near = shift->estimate < 0 ? -shift->hi : shift->lo;
	double *work = palloc(sizeof(double) * (test->last - test->from + 1));
	double usual = stats_median(test->track->gains + test->from, test->last - test->from + 1, work);
	bool down = shift->estimate < 0;
	const char *what;
	bool plural;
	Fact *fact;

	if (q > 2 * family_level(FAMILY_WEEKEND) || isnan(near) || exp(near) < WEEKEND_RATIO ||
		usual < WEEKEND_GAIN)
		return;
	run->tested[FAMILY_WEEKEND]++;
	fact = run_fact(run, CATEGORY_TREND, "weekend_effect", test->outlet, test->track);
	fact->direction = down ? "down" : "up";
	fact->family = FAMILY_WEEKEND;
	fact->evidence_class = EVIDENCE_TESTED;
	fact->q_value = q;
	run_add(run, fact);
	if (run->brief)
		return;

	fact->p_value = test->p_value;
	fact->window_start = series_date(run->artist->set, test->from);
	fact->window_end = series_date(run->artist->set, test->last);
	fact->effect = exp(shift->estimate);
	fact->effect_lo = exp(shift->lo);
	fact->effect_hi = exp(shift->hi);
	fact->effect_kind = "ratio";
	fact->value = test->weeks.superiority;
	fact->n = test->known;
	fact->n_baseline = test->known;
	fact->n_missing = track_missing(test->track, test->from, test->last);
	fact->least = WEEKEND_WEEKS;
	fact->method = "signed ranks over weeks, Saturday and Sunday against the other days of the same week";
	fact->parameters = "\"weeks_most\":26,\"weeks_least\":6,\"interval_level\":0.9,\"least_ratio\":1.1";
	fact->rows = evidence_rows(run, test->track, test->from, test->last, 3);
	add_source_caveats(fact, test->track, fact->n_missing);
	fact->caveats = lappend(fact->caveats, "day_of_observation");
	what = say_gains(test->outlet->platform, test->track);
	plural = test->track->role == ROLE_CONSUMPTION;
	what = psprintf("%c%s", toupper((unsigned char) what[0]), what + 1);
	fact->sentence = psprintf(
		"%s %s on weekends on %s: %s %s than on the other days of the same weeks (%d weeks, "
		"%s to %s).%s",
		what, down ? (plural ? "drop" : "drops") : (plural ? "rise" : "rises"), test->outlet->platform->label,
		say_percent(100 * fabs(1 - fact->effect)), down ? "lower" : "higher", test->known,
		say_percent(100 * fabs(1 - (down ? fact->effect_hi : fact->effect_lo))),
		say_percent(100 * fabs(1 - (down ? fact->effect_lo : fact->effect_hi))),
		down ? " Consider scheduling posts differently." : "");
	fact->suggested_action = down ? "Schedule posts for working days, or try other ones on weekends."
								  : "Keep posting for the weekend.";
	fact->action = 1;
}

typedef bool (*TestTrack)(const Run *run, const Outlet *outlet, const Track *track, TrackTest *test);
typedef void (*TellTrack)(Run *run, const TrackTest *test, double q);

static void
test_tracks(Run *run, Family family, TestTrack test, TellTrack tell)
{
	Artist *artist = run->artist;
	int room = TRACKS_TESTED * artist->outlet_count + 1;
	TrackTest *tests = palloc0(sizeof(TrackTest) * room);
	double *p = palloc(sizeof(double) * room);
	double *q = palloc(sizeof(double) * room);
	int n = 0;

	for (int i = 0; i < artist->outlet_count; i++)
	{
		const Outlet *outlet = &artist->outlets[i];
		const Track *tracks[TRACKS_TESTED] = {outlet->audience, outlet->consumption, outlet->engagement};

		for (int j = 0; j < TRACKS_TESTED; j++)
		{
			if (tracks[j] && tracks[j]->daily && test(run, outlet, tracks[j], &tests[n]))
			{
				p[n] = tests[n].p_value;
				n++;
			}
		}
	}
	run_judge(run, family, p, n, q);
	for (int i = 0; i < n; i++)
		tell(run, &tests[i], q[i]);
}

void
trend_facts(Run *run)
{
	spike_facts(run);
	test_tracks(run, FAMILY_CHANGES, test_level, level_fact);
	test_tracks(run, FAMILY_WEEKEND, test_weekend, weekend_fact);
}
