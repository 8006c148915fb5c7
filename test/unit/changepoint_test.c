/*
 * changepoint_test.c
 *    Change points on a published series, on series with known answers, and on none.
 */
#include "unit.h"
#include "stats/stats.h"
#include "stats/changepoint.h"

#include <stdlib.h>

/* Yearly volume of the Nile at Aswan, 1871 to 1970 (Cobb 1978, Biometrika 65:243): it fell after 1898, index 28. */
static const double nile[100] = {
	1120, 1160, 963,  1210, 1160, 1160, 813,  1230, 1370, 1140, 995,  935,  1110, 994, 1020, 960,  1180,
	799,  958,  1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,  874, 694,  940,  833,
	701,  916,  692,  1020, 1050, 969,  831,  726,  456,  824,  702,  1120, 1100, 832, 764,  821,  768,
	845,  864,  862,  698,  845,  744,  796,  1040, 759,  781,  865,  845,  944,  984, 897,  822,  1010,
	771,  676,  649,  846,  812,  742,  801,  1040, 860,  874,  848,  890,  744,  749, 838,  1050, 918,
	986,  797,  923,  975,  815,  1020, 906,  901,  1170, 912,  746,  919,  718,  714, 740};

/* Least cost of any segmentation, by trying all of them for few values. */
static double
least_cost(const double *x, int from, int n, double penalty, int least)
{
	double best = INFINITY;

	for (int to = from + least; to <= n; to++)
	{
		double mean = 0.0;
		double cost = 0.0;

		if (to != n && n - to < least)
			continue;
		for (int i = from; i < to; i++)
			mean += x[i] / (to - from);
		for (int i = from; i < to; i++)
			cost += (x[i] - mean) * (x[i] - mean);
		if (to < n)
			cost += penalty + least_cost(x, to, n, penalty, least);
		best = fmin(best, cost);
	}
	return best;
}

static double
cost_of(const double *x, int n, double penalty, const int *changes, int count)
{
	double cost = penalty * count;

	for (int s = 0; s <= count; s++)
	{
		int from = s == 0 ? 0 : changes[s - 1];
		int to = s == count ? n : changes[s];
		double mean = 0.0;

		for (int i = from; i < to; i++)
			mean += x[i] / (to - from);
		for (int i = from; i < to; i++)
			cost += (x[i] - mean) * (x[i] - mean);
	}
	return cost;
}

int
main(void)
{
	StatsRandom random = {42};
	double x[20000];
	int changes[20000];
	int count;
	bool optimal = true;
	BreakCheck check;

	for (int round = 0; round < 60; round++)
	{
		int n = 6 + stats_random_below(&random, 14);
		int least = 1 + round % 3;
		double penalty = 0.5 + 4.0 * stats_random_uniform(&random);

		for (int i = 0; i < n; i++)
			x[i] = stats_random_below(&random, 6) + (i > n / 2 ? 3 : 0);
		stats_pelt(x, n, penalty, least, changes, &count);
		optimal = optimal &&
				  fabs(cost_of(x, n, penalty, changes, count) - least_cost(x, 0, n, penalty, least)) < 1e-9;
		for (int i = 0; i <= count; i++)
			optimal = optimal && (i == count ? n : changes[i]) - (i == 0 ? 0 : changes[i - 1]) >= least;
	}
	ok(optimal, "PELT finds the least cost of all segmentations");
	ok(stats_pelt(x, 0, 1.0, 1, changes, &count) == STATS_TOO_FEW && count == 0, "nothing to segment");
	ok(stats_pelt(x, 1, 1.0, 1, changes, &count) == STATS_OK && count == 0, "one value");

	ok(stats_detect_changepoints(nile, 100, changes, &count) == STATS_OK && count == 1 && changes[0] == 28,
	   "the Nile fell in 1899");
	ok(stats_check_break(nile, 0, 28, 100, 999, 1, &check) == STATS_OK && check.first <= 28 &&
		   check.last >= 28,
	   "the Nile's change, checked");
	near(check.p_value, 2.0 / 70.0, 1e-12, "no other split of its 8 blocks is as extreme");
	ok(check.shift.hi < -150 && check.shift.lo > -400 && check.shift.lo < check.shift.estimate,
	   "it fell by some 250");
	ok(check.superiority < 0.2, "a year after is seldom above one before");

	for (int i = 0; i < 200; i++)
		x[i] = 5.0 + 0.3 * i + stats_random_uniform(&random);
	ok(stats_detect_changepoints(x, 200, changes, &count) == STATS_OK && count == 0,
	   "steady growth is no change");
	for (int i = 100; i < 200; i++)
		x[i] += 20.0;
	ok(stats_detect_changepoints(x, 200, changes, &count) == STATS_OK && count == 1 &&
		   abs(changes[0] - 100) <= 1,
	   "a step on top of growth is one");
	for (int i = 0; i < 200; i++)
		x[i] = (i < 100 ? 0.0 : 0.5 * (i - 100)) + stats_random_uniform(&random);
	ok(stats_detect_changepoints(x, 200, changes, &count) == STATS_OK && count == 1 &&
		   abs(changes[0] - 100) <= 5,
	   "so is the beginning of growth");
	for (int i = 0; i < 100; i++)
		x[i] = (i % 3 == 1) ? NAN : (i < 50 ? 1.0 : 9.0) + 0.01 * (i * 7 % 11);
	stats_detect_changepoints(x, 100, changes, &count);
	ok(count == 1 && changes[0] == 50, "indexes count missing values");
	for (int i = 0; i < 100; i++)
		x[i] = 10.0 + (i * 7919 % 13) / 3.0 + (i == 60 ? 1e6 : 0.0);
	stats_detect_changepoints(x, 100, changes, &count);
	ok(count == 0, "one spike is no new level");
	for (int i = 0; i < 100; i++)
		x[i] = 0.1;
	ok(stats_detect_changepoints(x, 100, changes, &count) == STATS_OK && count == 0,
	   "a constant never changes");
	ok(stats_detect_changepoints(x, 13, changes, &count) == STATS_TOO_FEW && count == 0,
	   "13 values are too few");
	ok(stats_detect_changepoints(x, 0, changes, &count) == STATS_TOO_FEW, "so is none");
	for (int i = 0; i < 20000; i++)
		x[i] = stats_random_uniform(&random) + (i >= 12345 ? 1.0 : 0.0);
	stats_detect_changepoints(x, 20000, changes, &count);
	ok(count == 1 && abs(changes[0] - 12345) <= 3, "a long series, thinned and refined");
	ok(stats_check_break(x, 0, 3, 20000, 99, 1, &check) == STATS_TOO_FEW && isnan(check.p_value),
	   "three days are too few to check");
	return done();
}
