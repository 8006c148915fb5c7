/*
 * ranks_test.c
 *    Against published examples and against trying every split.
 */
#include "unit.h"
#include "stats/stats.h"
#include "stats/robust.h"
#include "stats/ranks.h"

#include <stdlib.h>

/* p of the Mann-Whitney test by trying every split of at most 20 pooled values. */
static double
p_of_all_splits(const double *x, int n, int na)
{
	double observed = 0.0;
	int all = 0, extreme = 0;

	for (int pass = 0; pass < 2; pass++)
	{
		for (unsigned split = 0; split < 1u << n; split++)
		{
			double u = 0.0;

			if (__builtin_popcount(split) != na || (pass == 0 && split != (1u << na) - 1))
				continue;
			for (int i = 0; i < n; i++)
				for (int j = 0; j < n; j++)
					if ((split >> i & 1) && !(split >> j & 1))
						u += x[i] > x[j] ? 1.0 : x[i] == x[j] ? 0.5 : 0.0;
			u = fabs(u - 0.5 * na * (n - na));
			if (pass == 0)
				observed = u;
			else
			{
				all++;
				extreme += u >= observed - 1e-9;
			}
		}
	}
	return (double) extreme / all;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
test_mann_whitney(void)
{
	/* Hollander and Wolfe 1973, p. 69: permeability of membranes at term and at 12 to 26 weeks. W = 35, p = .2544. */
	double term[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
	double early[] = {1.15, 0.88, 0.90, 0.74, 1.21};
	double wild[] = {NAN, 1, INFINITY, 3, -INFINITY};
	MannWhitney result, other;
	Shift shift;
	double large_a[60], large_b[40];
	StatsRandom random = {11};
	bool agree = true;

	ok(stats_mann_whitney(term, 10, early, 5, &result) == STATS_OK && result.exact, "Hollander and Wolfe");
	near(result.u, 35.0, 0, "its U");
	near(result.p_value, 0.2544, 5e-5, "its p-value");
	near(result.superiority, 0.7, 1e-15, "its superiority");
	stats_mann_whitney(early, 5, term, 10, &other);
	near(other.p_value, result.p_value, 1e-15, "groups exchanged, the same p-value");
	near(other.superiority, 0.3, 1e-15, "and the superiority of the other");
	stats_hodges_lehmann(term, 10, early, 5, 0.95, &shift);
	near(shift.estimate, 0.305, 1e-12, "its Hodges-Lehmann estimate");
	near(shift.lo, -0.15, 1e-12, "lower end of its interval");
	near(shift.hi, 0.76, 1e-12, "upper end");

	for (int round = 0; round < 40; round++)
	{
		double x[10];
		int na = 1 + stats_random_below(&random, 7);
		int n = na + 1 + stats_random_below(&random, 10 - na - 1);

		for (int i = 0; i < n; i++)
			x[i] = stats_random_below(&random, round % 2 == 0 ? 4 : 1000);
		stats_mann_whitney(x, na, x + na, n - na, &result);
		agree = agree && fabs(result.p_value - p_of_all_splits(x, n, na)) < 1e-12;
	}
	ok(agree, "the exact p-value is that of all splits, with and without ties");

	for (int i = 0; i < 60; i++)
		large_a[i] = stats_random_below(&random, 50);
	for (int i = 0; i < 40; i++)
		large_b[i] = stats_random_below(&random, 50) + 20;
	stats_mann_whitney(large_a, 60, large_b, 40, &result);
	ok(!result.exact && result.p_value < 1e-4 && result.z < 0, "larger groups by the normal approximation");

	ok(stats_mann_whitney(wild, 3, wild + 3, 2, &result) == STATS_OK && result.n_a == 2 && result.u == 3.0,
	   "infinite values are ordered, missing ones dropped");
	ok(stats_mann_whitney(wild, 1, term, 3, &result) == STATS_TOO_FEW && isnan(result.p_value),
	   "an empty group");
	ok(stats_mann_whitney(term, 0, term, 0, &result) == STATS_TOO_FEW, "no value at all");
	stats_mann_whitney((double[]){2, 2, 2}, 3, (double[]){2, 2}, 2, &result);
	ok(result.p_value == 1.0 && result.superiority == 0.5 && result.z == 0.0, "all equal");
	stats_mann_whitney((double[]){2}, 1, (double[]){1}, 1, &result);
	ok(result.p_value == 1.0 && result.superiority == 1.0, "one against one proves nothing");
}

static void
test_hodges_lehmann(void)
{
	StatsRandom random = {3};
	double a[30], b[30], all[900];
	Shift shift;
	bool agree = true;

	for (int round = 0; round < 50; round++)
	{
		int n = 1 + stats_random_below(&random, 30);
		int m = 1 + stats_random_below(&random, 30);
		int pairs = 0;
		double median;

		for (int i = 0; i < n; i++)
			a[i] = stats_random_uniform(&random) * (round % 3 == 0 ? 1e-3 : 1e6) - 5.0;
		for (int j = 0; j < m; j++)
			b[j] = round % 4 == 0 ? stats_random_below(&random, 3) : stats_random_uniform(&random) * 1e6;
		for (int i = 0; i < n; i++)
			for (int j = 0; j < m; j++)
				all[pairs++] = a[i] - b[j];
		qsort(all, pairs, sizeof(double), ascending);
		median = 0.5 * all[(pairs - 1) / 2] + 0.5 * all[pairs / 2];
		stats_hodges_lehmann(a, n, b, m, 0.9, &shift);
		agree = agree && shift.estimate == median;
		agree = agree && (isnan(shift.lo) || (shift.lo <= median && median <= shift.hi));
	}
	ok(agree, "the estimate is the median of all differences");
	stats_hodges_lehmann((double[]){5}, 1, (double[]){3}, 1, 0.9, &shift);
	ok(shift.estimate == 2.0 && isnan(shift.lo) && isnan(shift.hi), "one against one has no interval");
	stats_hodges_lehmann((double[]){5, 5, 5, 5, 5}, 5, (double[]){5, 5, 5, 5, 5}, 5, 0.9, &shift);
	ok(shift.estimate == 0.0 && shift.lo == 0.0 && shift.hi == 0.0, "equal constants");
	stats_hodges_lehmann((double[]){INFINITY, 1}, 2, (double[]){1}, 1, 0.9, &shift);
	ok(isnan(shift.estimate), "no difference of infinities");
	ok(stats_hodges_lehmann(a, 0, b, 3, 0.9, &shift) == STATS_TOO_FEW && isnan(shift.estimate), "empty");
}

static void
test_brunner_munzel(void)
{
	/* Brunner and Munzel 2000, pain scores after surgery: statistic 3.1375, df 17.683, p = 0.005786. */
	double y[] = {1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1};
	double n[] = {3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4};
	BrunnerMunzel result, again;
	double before[28], after[28];

	ok(stats_brunner_munzel(n, 11, y, 14, &result) == STATS_OK, "pain scores");
	near(result.statistic, 3.1374674823029505, 1e-12, "their statistic");
	near(result.df, 17.682841979481548, 1e-9, "degrees of freedom");
	near(result.p_value, 0.0057862086661515377, 1e-12, "p-value");
	near(result.superiority, 0.788961038961039, 1e-12, "superiority");
	stats_brunner_munzel_permuted(n, 11, y, 14, 9999, 1, &result);
	near(result.p_value, 0.008, 0.003, "permuted, nearly the same");
	stats_brunner_munzel_permuted(n, 11, y, 14, 9999, 1, &again);
	ok(result.p_value == again.p_value, "the same seed gives the same p-value");
	stats_brunner_munzel((double[]){4, 5, 6}, 3, (double[]){1, 2, 3}, 3, &result);
	ok(result.statistic == INFINITY && isnan(result.df), "groups that do not overlap");
	near(result.p_value, 0.1, 1e-12, "have the p-value of the ranks");
	stats_brunner_munzel_permuted((double[]){4, 5, 6}, 3, (double[]){1, 2, 3}, 3, 999, 1, &result);
	near(result.p_value, 0.1, 1e-12, "all 20 splits are tried");
	stats_brunner_munzel((double[]){2, 2, 2}, 3, (double[]){2, 2}, 2, &result);
	ok(result.statistic == 0.0 && result.p_value == 1.0, "all equal");
	ok(stats_brunner_munzel((double[]){1}, 1, y, 14, &result) == STATS_TOO_FEW && isnan(result.p_value),
	   "one value");
	ok(stats_brunner_munzel_permuted(y, 0, y, 0, 99, 1, &result) == STATS_TOO_FEW, "empty");

	for (int i = 0; i < 28; i++)
	{
		before[i] = i % 7;
		after[i] = i % 7 + 10.0;
	}
	stats_brunner_munzel_blocks(before, 28, after, 28, 7, 999, 5, &result);
	near(result.p_value, 2.0 / 70.0, 1e-12, "four weeks against four: 2 of 70 splits of blocks");
	after[3] = before[20] = NAN;
	stats_brunner_munzel_blocks(before, 27, after, 28, 7, 999, 5, &result);
	ok(result.n_a == 26 && result.n_b == 27 && result.p_value <= 3.0 / 70.0, "with gaps and a short block");
}

static void
test_signed_rank(void)
{
	/* Hollander and Wolfe 1973, p. 29: depression before and after a tranquilizer. V = 40, p = 2 x .0195. */
	double first[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
	double second[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
	double difference[9];
	double days[28], weeks[6];
	double zeros[100];
	SignedRank result;

	for (int i = 0; i < 9; i++)
		difference[i] = first[i] - second[i];
	ok(stats_signed_rank(difference, 9, 0.95, &result) == STATS_OK && result.exact, "Hollander and Wolfe");
	near(result.w, 40.0, 0, "its V");
	near(result.p_value, 0.0390625, 1e-12, "its p-value");
	near(result.shift.estimate, 0.46, 1e-9, "the median of the Walsh averages");
	near(result.shift.lo, 0.010, 1e-9, "lower end");
	near(result.shift.hi, 0.786, 1e-9, "upper end");
	stats_signed_rank((double[]){0, 0, 0}, 3, 0.9, &result);
	ok(result.n == 0 && result.p_value == 1.0 && result.shift.estimate == 0.0, "no differences");
	ok(stats_signed_rank((double[]){NAN}, 1, 0.9, &result) == STATS_TOO_FEW && isnan(result.p_value),
	   "unknown");
	stats_signed_rank((double[]){2}, 1, 0.9, &result);
	ok(result.p_value == 1.0 && isnan(result.shift.lo), "one difference proves nothing");
	for (int i = 0; i < 100; i++)
		zeros[i] = i < 60 ? 1.0 + i : -1.0 - i * 0.5;
	stats_signed_rank(zeros, 100, 0.9, &result);
	ok(!result.exact && result.p_value > 0.0 && result.p_value < 1.0 && result.shift.lo <= result.shift.hi,
	   "many differences by the normal approximation");

	for (int i = 0; i < 28; i++)
		days[i] = i % 7 >= 5 ? 2.0 : 1.0;
	days[26] = days[27] = NAN;
	ok(stats_week_differences(days, 28, 0, 0x60, weeks) == 3, "a week without its weekend is no pair");
	near(weeks[0], 1.0, 1e-15, "weekend minus week");
	ok(stats_week_differences(days, 28, 3, 0x60, weeks) == 3, "cut weeks at both ends are no pairs");
}

static void
test_stratified(void)
{
	double y[] = {5, 6, 7, 1, 2, 3, 4, 105, 106, 107, 101, 102, 103, 104};
	bool in_a[] = {true, true, true, false, false, false, false,
				   true, true, true, false, false, false, false};
	int stratum[] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1};
	Stratified result;
	double z;

	ok(stats_van_elteren(y, in_a, stratum, 14, 0.9, &result) == STATS_OK, "two strata");
	/* By hand: W - E = 6 per stratum, variance 3 * 4 * 8 / 12 = 8, weights cancel: z = 12 / 4. */
	z = 12.0 / 4.0;
	near(result.z, z, 1e-12, "both strata speak");
	near(result.superiority, 1.0, 0, "every a beats every b of its stratum");
	near(result.shift.estimate, 3.5, 0.51, "the shift within strata, not the one between them");
	ok(result.shift.lo <= result.shift.estimate && result.shift.estimate <= result.shift.hi,
	   "inside its interval");
	for (int i = 0; i < 14; i++)
		stratum[i] = in_a[i];
	ok(stats_van_elteren(y, in_a, stratum, 14, 0.9, &result) == STATS_TOO_FEW && isnan(result.p_value),
	   "strata with one group each compare nothing");
	for (int i = 0; i < 14; i++)
	{
		stratum[i] = 0;
		y[i] = 1.0;
	}
	stats_van_elteren(y, in_a, stratum, 14, 0.9, &result);
	ok(result.p_value == 1.0 && result.superiority == 0.5, "all equal");
	ok(stats_van_elteren(y, in_a, stratum, 0, 0.9, &result) == STATS_TOO_FEW, "empty");

	{
		/* 10 20 / 30 40: chi-square 100 (10 40 - 20 30)^2 / (30 70 40 60) = 0.79365. */
		int first[100], second[100];

		for (int i = 0; i < 100; i++)
		{
			first[i] = i < 30 ? 0 : 1;
			second[i] = i < 10 || (i >= 30 && i < 60) ? 0 : 1;
		}
		near(stats_cramers_v(first, second, 100, 2, 2), sqrt(0.793650793650794 / 100), 1e-12, "Cramer's V");
		near(stats_cramers_v(first, first, 100, 2, 2), 1.0, 1e-12, "a label with itself");
		near(stats_cramers_v(first, second, 20, 2, 2), 0.0, 0, "a label that does not vary");
	}
}

int
main(void)
{
	test_mann_whitney();
	test_hodges_lehmann();
	test_brunner_munzel();
	test_signed_rank();
	test_stratified();
	return done();
}
