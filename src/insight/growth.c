/*
 * growth.c
 *    What grew this week, what is a record, and whether the week was an unusual one.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/insight.h"
#include "stats/stats.h"
#include "stats/distributions.h"
#include "stats/robust.h"

/* Below this base a percentage says more than there is. */
#define LEAST_BASE 100

/* A smaller one would be said as 0%. */
#define LEAST_PERCENT 0.005

/* A number is of this week when it is at most so much older than the settled day. */
#define WEEK_SLACK 3

#define RECORD_DAYS  28 /* of history before a record is one */
#define RECORD_KNOWN 14
#define RECORD_FRESH 7

#define WEEKS_MOST  9 /* this week and the eight before */
#define WEEKS_LEAST 5 /* of those before */
#define WEEK_RATIO  1.3
#define WEEK_GAIN   10

/* {"platform":..., "metric":..., "date":..., "value":...} */
static void
put_row(StringInfo rows, const Run *run, const Track *track, int at)
{
	json_next(rows);
	appendStringInfoChar(rows, '{');
	json_put_text(rows, "platform", track->series->platform->name);
	json_put_text(rows, "metric", track->series->metric);
	json_put_date(rows, "date", series_date(run->artist->set, at));
	json_put_number(rows, "value", track->series->values[at]);
	appendStringInfoChar(rows, '}');
}

const char *
evidence_rows(const Run *run, const Track *track, int from, int to, int most)
{
	StringInfoData rows;
	int known = 0;
	int seen = 0;

	initStringInfo(&rows);
	from = Max(from, 0);
	for (int i = from; i <= to; i++)
		known += !isnan(track->series->values[i]);
	for (int i = from; i <= to; i++)
	{
		if (isnan(track->series->values[i]))
			continue;
		seen++;
		/* in short: the first and the last ones */
		if (run->full || seen == 1 || seen > known - (most - 1))
			put_row(&rows, run, track, i);
	}
	return rows.data;
}

void
add_source_caveats(Fact *fact, const Track *track, int missing)
{
	if (track->series->kind == KIND_ROUNDED)
		fact->caveats = lappend(fact->caveats, "rounded_source");
	if (track->series->kind == KIND_ROLLING)
		fact->caveats = lappend(fact->caveats, "rolling_window");
	if (missing > 0)
		fact->caveats = lappend(fact->caveats, psprintf("gap_days=%d", missing));
}

/* "this week", or what it was where a day is missing or the numbers are older than as_of says. */
static const char *
say_week(const Run *run, const Fact *fact)
{
	int days = fact->window_end - fact->window_start;

	if (days == 7 && fact->window_end >= fact->settled_through - WEEK_SLACK)
		return "this week";
	return psprintf("in the %d days to %s", days, say_date(fact->window_end));
}

/* "Your Instagram followers grew 15% this week" */
static void
week_growth(Run *run, const Outlet *outlet, const Track *track)
{
	DateADT settled = outlet_settled(outlet, run);
	int at = track_last(run, track, settled, WEEK_SLACK);
	int base = at < 0 ? -1 : track_baseline(track, at, 7);
	Fact *fact;
	double change, percent;
	const char *measure;

	if (base < 0)
		return;
	change = track->series->values[at] - track->series->values[base];
	if (change == 0)
		return;
	fact = run_fact(run, CATEGORY_GROWTH, "week_growth", outlet, track);
	fact->direction = change > 0 ? "up" : "down";
	run_add(run, fact);
	if (run->brief)
		return;

	fact->window_start = series_date(run->artist->set, base);
	fact->window_end = series_date(run->artist->set, at);
	fact->value = track->series->values[at];
	fact->baseline = track->series->values[base];
	fact->n = 1;
	fact->n_baseline = 1;
	fact->n_missing = track_missing(track, base, at);
	fact->method = "difference of two stored days";
	fact->evidence_class = EVIDENCE_EXACT;
	fact->rows = evidence_rows(run, track, base, at, 4);
	add_source_caveats(fact, track, fact->n_missing);
	measure = say_metric(outlet->platform, track->series->metric);
	percent = 100.0 * change / fact->baseline;
	if (fact->baseline >= LEAST_BASE && fabs(percent) >= LEAST_PERCENT)
	{
		fact->effect = percent;
		fact->effect_kind = "percent";
		fact->sentence = psprintf("Your %s %s %s %s, from %s to %s.", measure, change > 0 ? "grew" : "fell",
								  say_percent(fact->effect), say_week(run, fact), say_number(fact->baseline),
								  say_number(fact->value));
	}
	else
	{
		fact->effect = change;
		fact->effect_kind = "difference";
		if (fact->baseline < LEAST_BASE)
			fact->caveats = lappend(fact->caveats, "small_base");
		fact->sentence = psprintf("Your %s %s by %s %s, from %s to %s.", measure,
								  change > 0 ? "grew" : "fell", say_number(fabs(change)), say_week(run, fact),
								  say_number(fact->baseline), say_number(fact->value));
	}
	fact->effect_size = 1 - exp(-fabs(log((fact->value + 1) / (fact->baseline + 1))) / log(1.5));
}

/* What a counter gained in this week against the week before. */
static void
week_activity(Run *run, const Outlet *outlet, const Track *track)
{
	DateADT settled = outlet_settled(outlet, run);
	int at = track_last(run, track, settled, WEEK_SLACK);
	double gain, before;
	Fact *fact;

	if (at < 14 || at - 14 < track_since(track, at))
		return;
	gain = track->series->values[at] - track->series->values[at - 7];
	before = track->series->values[at - 7] - track->series->values[at - 14];
	if (isnan(gain) || isnan(before) || gain <= 0 || before < 0 || gain == before)
		return;
	fact = run_fact(run, CATEGORY_GROWTH, "week_activity", outlet, track);
	fact->direction = gain > before ? "up" : "down";
	run_add(run, fact);
	if (run->brief)
		return;

	fact->window_start = series_date(run->artist->set, at - 7);
	fact->window_end = series_date(run->artist->set, at);
	fact->value = gain;
	fact->baseline = before;
	fact->n = fact->n_baseline = 7;
	fact->n_missing = track_missing(track, at - 14, at);
	fact->method = "differences of stored days";
	fact->evidence_class = EVIDENCE_EXACT;
	fact->rows = evidence_rows(run, track, at - 14, at, 4);
	add_source_caveats(fact, track, fact->n_missing);
	fact->effect = before > 0 ? gain / before : gain;
	fact->effect_kind = before > 0 ? "ratio" : "difference";
	fact->effect_size = 1 - exp(-fabs(log(gain / Max(before, 1))) / log(1.5));
	if (before >= LEAST_BASE)
		fact->sentence = psprintf("Your %s this week: %s, %s %s than the week before (%s).",
								  say_metric(outlet->platform, track->series->metric), say_number(gain),
								  say_percent(100 * fabs(gain - before) / before),
								  gain > before ? "more" : "fewer", say_number(before));
	else
		fact->sentence = psprintf("Your %s this week: %s, after %s the week before.",
								  say_metric(outlet->platform, track->series->metric), say_number(gain),
								  say_number(before));
}

/* "Your Spotify monthly listeners hit a new record" */
static void
new_record(Run *run, const Outlet *outlet, const Track *track)
{
	const double *values = track->series->values;
	DateADT settled = outlet_settled(outlet, run);
	int last = Min(run_day(run, settled), run->artist->set->days - 1);
	int first = -1;
	int known = 0;
	int best = -1;
	int previous = -1; /* the record before, and how much was known then */
	int known_before = 0;
	Fact *fact;

	if (last < 0)
		return;
	for (int i = track_since(track, last); i <= last; i++)
	{
		if (isnan(values[i]))
			continue;
		if (first < 0)
			first = i;
		if (best < 0 || values[i] > values[best])
		{
			previous = best;
			best = i;
			known_before = known;
		}
		known++;
	}
	if (previous < 0 || best - first < RECORD_DAYS || known_before < RECORD_KNOWN ||
		best <= last - RECORD_FRESH)
		return;
	fact = run_fact(run, CATEGORY_GROWTH, "new_record", outlet, track);
	fact->direction = "up";
	run_add(run, fact);
	if (run->brief)
		return;

	fact->window_start = series_date(run->artist->set, first);
	fact->window_end = series_date(run->artist->set, best);
	fact->value = values[best];
	fact->baseline = values[previous];
	fact->effect = values[best] - values[previous];
	fact->effect_kind = "difference";
	fact->effect_size = 0.5;
	fact->n = 1;
	fact->n_baseline = known_before;
	fact->n_missing = track_missing(track, first, best);
	fact->method = "maximum of the stored days";
	fact->evidence_class = EVIDENCE_EXACT;
	fact->rows =
		run->full ? evidence_rows(run, track, first, best, 4) : evidence_rows(run, track, best, best, 4);
	add_source_caveats(fact, track, 0);
	fact->sentence = psprintf("Your %s hit a new record: %s %s, the highest in %d days of data.",
							  say_metric(outlet->platform, track->series->metric), say_number(fact->value),
							  say_of_day(track, fact->window_end), known_before + 1);
}

/* ---- Was the week unusual? ---- */

typedef struct WeekTest
{
	const Outlet *outlet;
	const Track *track;
	int at;
	int weeks; /* before this one */
	double gain, usual;
	double p_value;
} WeekTest;

/*
 * This week's gain against the median of the eight weeks before, on a scale where spread does not follow size. The
 * scale has the floors of INSIGHTS' day test: 5 % of the level and one Poisson standard deviation.
 */
static bool
test_week(const Run *run, const Outlet *outlet, const Track *track, WeekTest *test)
{
	double gains[WEEKS_MOST];
	double scaled[WEEKS_MOST];
	double work[WEEKS_MOST];
	int weeks = 0;
	int at = track_last(run, track, outlet_settled(outlet, run), 1);
	double centre, spread, floor_poisson;

	if (at < 0 || !track->daily)
		return false;
	for (int k = 0; k < WEEKS_MOST; k++)
	{
		int end = at - 7 * k;

		if (end - 7 < track_since(track, at))
			break;
		gains[weeks] = track->series->values[end] - track->series->values[end - 7];
		if (isnan(gains[weeks]))
		{
			if (k == 0)
				return false;
			continue;
		}
		scaled[weeks] = asinh(gains[weeks] / 2.0);
		weeks++;
	}
	if (weeks - 1 < WEEKS_LEAST)
		return false;
	centre = stats_median(scaled + 1, weeks - 1, work);
	spread = STATS_MAD_TO_SD * stats_mad(scaled + 1, weeks - 1, centre, work);
	test->usual = 2.0 * sinh(centre);
	floor_poisson = 1.0 / sqrt(Max(fabs(test->usual), 1.0));
	spread = Max(spread, Max(0.05, floor_poisson));
	test->outlet = outlet;
	test->track = track;
	test->at = at;
	test->weeks = weeks - 1;
	test->gain = gains[0];
	test->p_value = stats_t_two_sided((scaled[0] - centre) / (spread * sqrt(1.0 + 1.5 / test->weeks)), 3.0);
	return true;
}

static void
unusual_week(Run *run, const WeekTest *test, double q)
{
	double ratio = (test->gain + 1) / (test->usual + 1);
	Fact *fact;
	bool up = test->gain > test->usual;

	if (fabs(test->gain - test->usual) < WEEK_GAIN ||
		(test->usual > 0 && test->gain > 0 && ratio < WEEK_RATIO && ratio > 1 / WEEK_RATIO))
		return;
	run->tested[FAMILY_WEEKS]++;
	if (q > 2 * family_level(FAMILY_WEEKS))
		return;
	fact = run_fact(run, CATEGORY_GROWTH, "unusual_week", test->outlet, test->track);
	fact->direction = up ? "up" : "down";
	fact->family = FAMILY_WEEKS;
	fact->q_value = q;
	fact->evidence_class = EVIDENCE_TESTED;
	run_add(run, fact);
	if (run->brief)
		return;

	fact->window_start = series_date(run->artist->set, test->at - 7);
	fact->window_end = series_date(run->artist->set, test->at);
	fact->value = test->gain;
	fact->baseline = test->usual;
	fact->effect = test->gain - test->usual;
	fact->effect_kind = "difference";
	fact->effect_size = 1 - exp(-fabs(log(Max(ratio, 0.01))) / log(1.5));
	fact->n = test->weeks;
	fact->n_baseline = test->weeks;
	fact->n_missing = track_missing(test->track, test->at - 7 * WEEKS_MOST, test->at);
	fact->least = WEEKS_LEAST;
	fact->p_value = test->p_value;
	fact->method = "this week's gain against the median of up to 8 weeks before, scaled MAD, Student's t (3)";
	fact->parameters = "\"weeks\":8,\"degrees_of_freedom\":3,\"least_ratio\":1.3,\"least_gain\":10";
	fact->rows = evidence_rows(run, test->track, test->at - 7 * WEEKS_MOST, test->at, 9);
	add_source_caveats(fact, test->track, fact->n_missing);
	fact->action = 0.8;
	fact->sentence =
		psprintf("Your %s had an unusual week: %s%s, against a usual %s%s a week.",
				 say_metric(test->outlet->platform, test->track->series->metric), test->gain >= 0 ? "+" : "",
				 say_number(test->gain), test->usual >= 0 ? "+" : "", say_number(round(test->usual)));
}

void
growth_facts(Run *run)
{
	Artist *artist = run->artist;
	int room = 3 * artist->outlet_count + 1;
	WeekTest *tests = palloc(sizeof(WeekTest) * room);
	double *p = palloc(sizeof(double) * room);
	double *q = palloc(sizeof(double) * room);
	int n = 0;

	for (int i = 0; i < artist->outlet_count; i++)
	{
		const Outlet *outlet = &artist->outlets[i];
		const Track *tested[] = {outlet->audience, outlet->consumption};

		if (outlet->audience)
			week_growth(run, outlet, outlet->audience);
		if (outlet->consumption)
			week_activity(run, outlet, outlet->consumption);
		for (int j = 0; j < outlet->track_count; j++)
		{
			if (outlet->tracks[j].role == ROLE_REACH)
				new_record(run, outlet, &outlet->tracks[j]);
		}
		for (int j = 0; j < lengthof(tested); j++)
		{
			if (tested[j] && test_week(run, outlet, tested[j], &tests[n]))
			{
				p[n] = tests[n].p_value;
				n++;
			}
		}
	}
	run_judge(run, FAMILY_WEEKS, p, n, q);
	for (int i = 0; i < n; i++)
		unusual_week(run, &tests[i], q[i]);
}
