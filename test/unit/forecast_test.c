/*
 * forecast_test.c
 *    Forecasts, goal dates, lead and lag, placebo: series whose answer is known, and those that have none. Coverage of
 *    the intervals is measured in ../sim_stats.
 */
#include "unit.h"
#include "stats/stats.h"
#include "stats/anomaly.h"
#include "stats/distributions.h"
#include "stats/forecast.h"
#include "stats/goal.h"
#include "stats/leadlag.h"
#include "stats/placebo.h"

static double
normal(StatsRandom *random)
{
	return stats_normal_quantile(stats_random_uniform(random) * 0.999999 + 5e-7);
}

static void
test_forecast(void)
{
	StatsRandom random = {9};
	double x[500], y[500];
	ForecastStep step[STATS_FORECAST_MOST], again[STATS_FORECAST_MOST];
	int steps;
	bool inside = true;

	for (int i = 0; i < 100; i++)
		x[i] = 20.0 + 3.0 * i;
	ok(stats_forecast(x, 100, 10, 0.8, 1, step, &steps) == STATS_OK && steps == 10, "a line");
	near(step[9].mean, 20.0 + 3.0 * 109, 0.5, "goes on");
	ok(step[9].hi - step[9].lo < 3.0, "with little doubt");
	for (int i = 0; i < 100; i++)
		x[i] = 7.0;
	stats_forecast(x, 100, 10, 0.8, 7, step, &steps);
	ok(steps == 10 && step[9].mean == 7.0 && step[9].lo == 7.0 && step[9].hi == 7.0, "a constant stays");
	for (int i = 0; i < 140; i++)
		x[i] = i % 7 == 6 ? 200.0 : 100.0;
	stats_forecast(x, 140, 7, 0.8, 7, step, &steps);
	ok(step[6].mean > 1.6 * step[5].mean, "a Sunday is foreseen");
	stats_forecast(x, 140, 7, 0.8, 1, step, &steps);
	ok(step[6].mean < 1.2 * step[5].mean, "but not when no period is asked for");

	for (int i = 0; i < 300; i++)
		x[i] = 50.0 + 10.0 * normal(&random);
	stats_forecast(x, 300, 28, 0.8, 7, step, &steps);
	for (int h = 0; h < 28; h++)
		inside = inside && step[h].lo <= step[h].mean && step[h].mean <= step[h].hi;
	ok(inside && fabs(step[27].mean - 50.0) < 4.0, "noise around a level is forecast as the level");
	ok(step[0].hi - step[0].lo > 20.0 && step[0].hi - step[0].lo < 33.0, "with the width that 8 in 10 need");
	stats_forecast(x, 300, 28, 0.95, 7, again, &steps);
	ok(again[0].hi - again[0].lo > step[0].hi - step[0].lo, "19 in 20 need more");
	stats_forecast(x, 300, 28, 0.8, 7, again, &steps);
	ok(memcmp(step, again, sizeof(ForecastStep) * 28) == 0, "the same input gives the same bytes");
	memcpy(y, x, sizeof(x));
	for (int i = 0; i < 300; i += 4)
		y[i] = NAN;
	y[0] = y[1] = y[299] = NAN;
	ok(stats_forecast(y, 300, 5, 0.8, 7, again, &steps) == STATS_OK && fabs(again[0].mean - 50.0) < 4.0,
	   "with gaps");
	for (int i = 0; i < 300; i++)
		x[i] = i % 11 == 0 ? 1.0 : 0.0;
	stats_forecast(x, 300, 28, 0.95, 1, step, &steps);
	inside = true;
	for (int h = 0; h < 28; h++)
		inside = inside && step[h].lo >= 0.0;
	ok(inside, "what never was negative is not forecast to be");
	ok(stats_forecast(x, 9, 5, 0.8, 7, step, &steps) == STATS_TOO_FEW && steps == 0, "9 values are too few");
	ok(stats_forecast(x, 0, 5, 0.8, 7, step, &steps) == STATS_TOO_FEW && steps == 0, "so is none");
	for (int i = 0; i < 10; i++)
		x[i] = i * i % 7;
	ok(stats_forecast(x, 10, 300, 0.8, 7, step, &steps) == STATS_OK && steps == 20,
	   "no further than twice the history");
	inside = true;
	for (int h = 0; h < 20; h++)
		inside = inside && isfinite(step[h].mean);
	ok(inside, "a forecast of ten values has a mean");
}

static void
test_goal(void)
{
	StatsRandom random = {10};
	double level[400];
	GoalEta eta;

	for (int i = 0; i < 200; i++)
		level[i] = 1000.0 + 10.0 * i;
	ok(stats_goal_eta(level, 200, 1000.0 + 10.0 * 229, 0.8, &eta) == STATS_OK && eta.verdict == GOAL_DATED,
	   "a steady pace");
	near(eta.days, 30.0, 1e-6, "reaches 300 more in 30 days");
	near(eta.lo, 30.0, 1e-6, "without");
	near(eta.hi, 30.0, 1e-6, "doubt");
	near(eta.rate, 10.0, 1e-12, "at 10 a day");
	level[199] = level[198] = NAN;
	stats_goal_eta(level, 200, 1000.0 + 10.0 * 229, 0.8, &eta);
	near(eta.days, 30.0, 1e-6, "days count from the end of the array, not from the last known level");
	level[100] = NAN;
	stats_goal_eta(level, 200, 1000.0 + 10.0 * 229, 0.8, &eta);
	near(eta.days, 30.0, 1e-6, "an inner gap is bridged");
	stats_goal_eta(level, 200, 2000.0, 0.8, &eta);
	ok(eta.verdict == GOAL_REACHED && eta.days == 0.0 && eta.hi == 0.0, "reached");
	stats_goal_eta(level, 200, 1e9, 0.8, &eta);
	ok(isnan(eta.days) && isnan(eta.lo) && eta.verdict == GOAL_TOO_FAR, "too far for any history");
	stats_goal_eta(level, 90, 1000.0 + 10.0 * 149, 0.8, &eta);
	ok(eta.pooled && eta.windows >= STATS_GOAL_WINDOWS,
	   "a horizon that history does not reach goes on from what it showed");
	near(eta.lo, eta.hi, 2.0, "which is a steady pace");
	stats_goal_eta(level, 20, 1000.0 + 10.0 * 29, 0.8, &eta);
	ok(eta.verdict == GOAL_DATED && eta.pooled && eta.windows == 0,
	   "a history without windows takes those of others");
	ok(eta.lo < 9.0 && eta.days > 8.0 && eta.days < 12.0 && eta.hi > 11.0, "whose pace changes");
	stats_goal_eta(level, 7, 2000.0, 0.8, &eta);
	ok(eta.verdict == GOAL_TOO_LITTLE && isnan(eta.days) && isnan(eta.lo), "seven days are too few");
	ok(stats_goal_eta(level, 0, 5.0, 0.8, &eta) == STATS_OK && eta.verdict == GOAL_TOO_LITTLE, "none is");
	ok(stats_goal_eta(level, 1, 2000.0, 0.8, &eta) == STATS_OK && eta.verdict == GOAL_TOO_LITTLE, "one is");
	for (int i = 0; i < 200; i++)
		level[i] = 500.0;
	stats_goal_eta(level, 200, 600.0, 0.8, &eta);
	ok(eta.verdict == GOAL_NOT_AT_PACE && isnan(eta.days), "a standstill never gets there");
	for (int i = 0; i < 200; i++)
		level[i] = 500.0 - i;
	stats_goal_eta(level, 200, 600.0, 0.8, &eta);
	ok(eta.verdict == GOAL_NOT_AT_PACE, "nor does a loss");
	for (int i = 1; i < 400; i++)
		level[i] = level[i - 1] + 40.0 * exp(0.5 * normal(&random));
	stats_goal_eta(level, 400, level[399] + 45.0 * 28, 0.8, &eta);
	ok(eta.verdict == GOAL_DATED && eta.lo < eta.days && eta.days < eta.hi, "a varying pace has an interval");
	ok(eta.lo > 14.0 && eta.hi < 56.0, "of use");
	{
		GoalEta wide;

		stats_goal_eta(level, 400, level[399] + 45.0 * 28, 0.95, &wide);
		ok(wide.lo <= eta.lo && wide.hi >= eta.hi, "more certainty needs more room");
	}
}

static void
test_lead_lag(void)
{
	StatsRandom random = {12};
	double x[300], y[300], noise[300];
	double r[15], p[15];
	int best = 0;

	for (int i = 0; i < 300; i++)
		noise[i] = 0.6 * (i > 0 ? noise[i - 1] : 0.0) + normal(&random);
	for (int i = 0; i < 300; i++)
	{
		x[i] = noise[i] + (i % 7 >= 5 ? 3.0 : 0.0) + 0.02 * i;
		y[i] = (i >= 3 ? 0.8 * noise[i - 3] : 0.0) + normal(&random) + (i % 7 >= 5 ? 4.0 : 0.0) - 0.01 * i;
	}
	ok(stats_lead_lag(x, y, 300, 14, r, p) == STATS_OK, "a series that follows another after 3 days");
	for (int lag = 1; lag <= 14; lag++)
		best = p[lag] < p[best] ? lag : best;
	ok(best == 3 && r[3] > 0.4 && p[3] < 1e-8, "is found at lag 3");
	ok(p[0] > 0.001 && p[10] > 0.001, "and not where it is not");
	for (int i = 0; i < 300; i += 9)
		x[i] = NAN;
	stats_lead_lag(x, y, 300, 14, r, p);
	ok(p[3] < 1e-6, "also with gaps");
	ok(stats_lead_lag(x, y, 29, 14, r, p) == STATS_TOO_FEW && isnan(r[0]), "29 days are too few");
	ok(stats_lead_lag(x, y, 0, 0, r, p) == STATS_TOO_FEW && isnan(p[0]), "so is none");
	for (int i = 0; i < 300; i++)
		x[i] = 5.0;
	ok(stats_lead_lag(x, y, 300, 14, r, p) == STATS_TOO_FEW && isnan(r[3]), "a constant leads nothing");
	for (int i = 0; i < 300; i++)
		x[i] = 5.0 + i % 7;
	ok(stats_lead_lag(x, y, 300, 14, r, p) == STATS_TOO_FEW, "nor does a mere weekday");
	for (int i = 0; i < 300; i++)
		x[i] = 0.1 * i;
	ok(stats_lead_lag(x, y, 300, 14, r, p) == STATS_TOO_FEW, "nor a mere line");
	stats_lead_lag(y, y, 300, 2, r, p);
	ok(r[0] > 0.99 && p[0] < 1e-12, "a series moves with itself");
}

static void
test_placebo(void)
{
	Candidate posts[60];
	Placebo placebo;
	int event = 200;

	/* A post of middling reach every tenth day, and the one of the event. */
	for (int i = 0; i < 40; i++)
		posts[i] = (Candidate){10 * i + 4, 0.5, true};
	posts[40] = (Candidate){200, 1.0, true};
	near(stats_candidate_score(&posts[40], 200, 2), 1.0, 1e-15, "best, same day, same platform: 1");
	near(stats_candidate_score(&posts[40], 202, 2), 0.5 + 0.0625 + 0.25, 1e-15, "two days later");
	near(stats_candidate_score(&posts[40], 203, 2), 0.0, 0, "out of the window");
	near(stats_candidate_score(&posts[40], 199, 2), 0.0, 0, "a cause does not come after");
	near(stats_candidate_score(&(Candidate){200, NAN, false}, 200, 2), 0.5, 1e-15,
		 "unknown reach counts as middling");
	ok(stats_placebo(400, event, &event, 1, posts, 41, 7, 2, 999, 1, &placebo) == STATS_OK,
	   "an event with its post");
	ok(placebo.best == 40 && placebo.verdict == PLACEBO_LIKELY && placebo.p_value <= 0.05,
	   "is likely explained");
	near(placebo.p_value, 1.0 / (1.0 + placebo.days), 1e-15, "no placebo day has as good a candidate");
	ok(placebo.days > 45 && placebo.days < 55, "placebo days are of the same weekday and far from the event");
	posts[41] = (Candidate){200, 0.9, true};
	stats_placebo(400, event, &event, 1, posts, 42, 7, 2, 999, 1, &placebo);
	ok(placebo.verdict == PLACEBO_SEVERAL && placebo.next_score > 0.9, "two posts that day: several");
	for (int i = 0; i < 40; i++)
		posts[i].percentile = 1.0;
	posts[40] = (Candidate){199, 1.0, true};
	stats_placebo(400, event, &event, 1, posts, 41, 1, 2, 20, 1, &placebo);
	ok(placebo.verdict == PLACEBO_POSSIBLE && placebo.p_value > 0.05,
	   "posts as good on many other days: only possible");
	stats_placebo(400, event, &event, 1, posts, 0, 7, 2, 999, 1, &placebo);
	ok(placebo.verdict == PLACEBO_UNEXPLAINED && placebo.best == -1 && placebo.p_value == 1.0,
	   "no candidate");
	stats_placebo(10, 5, NULL, 0, posts, 41, 7, 2, 999, 1, &placebo);
	ok(isnan(placebo.p_value) && placebo.days == 0, "no day far enough to compare with");
	ok(stats_placebo(0, 0, NULL, 0, posts, 0, 7, 2, 999, 1, &placebo) == STATS_OK && isnan(placebo.p_value),
	   "empty");
}

int
main(void)
{
	test_forecast();
	test_goal();
	test_lead_lag();
	test_placebo();
	return done();
}
