/*
 * extremes_test.c
 *    Every method on values that no platform sends: gaps everywhere, the largest and smallest doubles, steps, ties.
 *    The sanitizers are the judge; answers only must not be nonsense.
 */
#include "unit.h"
#include "stats/stats.h"
#include "stats/anomaly.h"
#include "stats/changepoint.h"
#include "stats/counts.h"
#include "stats/forecast.h"
#include "stats/goal.h"
#include "stats/leadlag.h"
#include "stats/multiplicity.h"
#include "stats/ranks.h"

#define MOST 260

static double
draw(StatsRandom *random, int kind)
{
	static const double odd[] = {0.0, -0.0, 1e308, -1e308, 1e-308, 5e-324, 1e15, -1.0, 0.1, 1e300};

	if (stats_random_below(random, 6) == 0 && kind % 2 == 0)
		return NAN;
	switch (kind / 2)
	{
		case 0:
			return odd[stats_random_below(random, 10)];
		case 1:
			return stats_random_below(random, 2);
		case 2:
			return 1e308 * (2.0 * stats_random_uniform(random) - 1.0);
		case 3:
			return 1e-310 * stats_random_uniform(random);
		default:
			return 1e12 + stats_random_below(random, 3);
	}
}

int
main(void)
{
	StatsRandom random = {2026};
	bool scores_inside = true, p_inside = true, ordered = true, indexes_inside = true;

	for (int round = 0; round < 300; round++)
	{
		double x[MOST], y[MOST], out[MOST], r[20], p[20];
		bool in_a[MOST];
		int changes[MOST], stratum[MOST];
		int n = stats_random_below(&random, MOST);
		int m = n > 0 ? stats_random_below(&random, n) : 0;
		int period = round % 3 == 0 ? 1 : (round % 3 == 1 ? 7 : 40);
		int count, steps;
		MannWhitney ranks;
		BrunnerMunzel munzel;
		Shift shift;
		SignedRank paired;
		Stratified stratified;
		SpikeEvent events[5];
		SpikeRule rule = {0.05, 1.3, 1.0};
		ForecastStep step[30];
		GoalEta eta;
		BreakCheck check;

		for (int i = 0; i < n; i++)
		{
			x[i] = draw(&random, round % 10);
			y[i] = draw(&random, (round / 10) % 10);
			in_a[i] = stats_random_below(&random, 2);
			stratum[i] = stats_random_below(&random, 4) - 2;
		}
		stats_anomaly_scores(x, n, period, out);
		for (int i = 0; i < n; i++)
			scores_inside = scores_inside && (isnan(out[i]) || (out[i] >= 0.0 && out[i] <= 1.0));
		stats_spike_events(x, n, period, round % 3, &rule, events, 5, &count, NULL);
		stats_phase_factors(x, n, period, out);

		stats_detect_changepoints(x, n, changes, &count);
		for (int i = 0; i < count; i++)
		{
			indexes_inside = indexes_inside && changes[i] > (i == 0 ? 0 : changes[i - 1]) && changes[i] < n;
			stats_check_break(x, 0, changes[i], n, 19, 1, &check);
		}

		stats_mann_whitney(x, m, y, n - m, &ranks);
		p_inside = p_inside && (isnan(ranks.p_value) || (ranks.p_value >= 0.0 && ranks.p_value <= 1.0));
		stats_brunner_munzel(x, m, y, n - m, &munzel);
		p_inside = p_inside && (isnan(munzel.p_value) || (munzel.p_value >= 0.0 && munzel.p_value <= 1.0));
		stats_brunner_munzel_permuted(x, m, y, n - m, 19, 1, &munzel);
		stats_hodges_lehmann(x, m, y, n - m, 0.9, &shift);
		ordered = ordered && !(shift.lo > shift.estimate) && !(shift.estimate > shift.hi);
		stats_signed_rank(x, n, 0.9, &paired);
		p_inside = p_inside && (isnan(paired.p_value) || (paired.p_value >= 0.0 && paired.p_value <= 1.0));
		ordered = ordered && !(paired.shift.lo > paired.shift.estimate) &&
				  !(paired.shift.estimate > paired.shift.hi);
		stats_van_elteren(x, in_a, stratum, n, 0.9, &stratified);
		p_inside = p_inside &&
				   (isnan(stratified.p_value) || (stratified.p_value >= 0.0 && stratified.p_value <= 1.0));

		stats_lead_lag(x, y, n, 19, r, p);
		for (int i = 0; i < 20; i++)
			p_inside = p_inside && (isnan(p[i]) || (p[i] >= 0.0 && p[i] <= 1.0)) && !(fabs(r[i]) > 1.0);
		stats_adjust_bh(p, 20, 0, p);

		stats_forecast(x, n, 30, 0.8, period, step, &steps);
		for (int h = 0; h < steps; h++)
			ordered = ordered && !(step[h].lo > step[h].mean) && !(step[h].mean > step[h].hi);
		stats_goal_eta(x, n, 1e6, 0.8, &eta);
		ordered = ordered && !(eta.lo > eta.days) && !(eta.days > eta.hi);
	}
	ok(scores_inside, "scores stay between 0 and 1");
	ok(p_inside, "p-values and correlations stay in their range");
	ok(ordered, "intervals hold their estimate");
	ok(indexes_inside, "change points ascend within the series");
	return done();
}
