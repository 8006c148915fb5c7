/*
 * robust_test.c
 *    Median, MAD, quantiles, counts, multiplicity.
 */
#include "unit.h"
#include "stats/stats.h"
#include "stats/robust.h"
#include "stats/counts.h"
#include "stats/multiplicity.h"

#include <stdlib.h>

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
test_median(void)
{
	/* Leys et al. 2013, 10.1016/j.jesp.2013.03.013, section 2: MAD = 5.1891 with its constant 1.4826. */
	double leys[] = {1, 3, 3, 6, 8, 10, 10, 1000};
	double gaps[] = {NAN, 4, NAN, 1, 2};
	double none[] = {NAN, NAN};
	double far[] = {1, INFINITY, 2};
	double work[8];
	double big[2000], sorted[2000];
	StatsRandom random = {7};
	bool agree = true;

	near(stats_median(leys, 8, work), 7.0, 0, "median of Leys");
	near(1.4826 * stats_mad(leys, 8, 7.0, work), 5.1891, 1e-9, "MAD of Leys");
	near(stats_median(gaps, 5, work), 2.0, 0, "missing values are left out");
	ok(isnan(stats_median(none, 2, work)) && isnan(stats_median(none, 0, work)), "no value, no median");
	near(stats_median(gaps + 1, 1, work), 4.0, 0, "one value is its own median");
	near(stats_mad(gaps + 1, 1, 4.0, work), 0.0, 0, "and does not deviate");
	near(stats_median(far, 3, work), 2.0, 0, "infinity takes its place in the order");
	ok(isnan(stats_mad(far, 3, INFINITY, work)), "no deviation from infinity");

	for (int n = 1; n < 2000; n += 97)
	{
		for (int i = 0; i < n; i++)
			big[i] = sorted[i] = stats_random_below(&random, n % 2 == 0 ? 5 : 100000);
		qsort(sorted, n, sizeof(double), ascending);
		for (int k = 0; k < n; k += 1 + n / 7)
			agree = agree && stats_select_inplace(big, n, k) == sorted[k];
		agree = agree && stats_median_inplace(big, n) == 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
	}
	ok(agree, "selection agrees with sorting, with and without ties");
	near(stats_quantile_sorted((double[]){1, 2, 3, 4}, 4, 0.25), 1.75, 1e-15, "type 7 quartile of 1 2 3 4");
	near(stats_quantile_sorted((double[]){1, 2, 3, 4}, 4, 2.0), 4.0, 0, "quantiles end at the largest");
	ok(isnan(stats_quantile_sorted(big, 0, 0.5)), "no value, no quantile");
	near(stats_sd((double[]){2, 4, 4, 4, 5, 5, 7, 9}, 8), sqrt(32.0 / 7.0), 1e-14,
		 "standard deviation with n - 1");
	ok(isnan(stats_sd(leys, 1)), "one value has no standard deviation");
	near(stats_autocorrelation((double[]){1, -1, 1, -1, 1, -1, 1, -1}, 8, 1), -7.0 / 8.0, 1e-14,
		 "alternating values");
	near(stats_autocorrelation((double[]){3, 3, 3, 3}, 4, 1), 0.0, 0, "a constant is not correlated");
}

static void
test_counts(void)
{
	double week[70], factors[7], effects[7];
	int wrong = 0;

	near(stats_anscombe(0.0), 2.0 * sqrt(0.375), 1e-15, "Anscombe of 0");
	near(stats_anscombe(10.0), 2.0 * sqrt(10.375), 1e-15, "Anscombe of 10");
	for (double x = -50.0; x <= 50.0; x += 0.5)
	{
		wrong += fabs(stats_anscombe_inverse(stats_anscombe(x)) - x) > 1e-9;
		wrong += !(stats_anscombe(x + 0.5) > stats_anscombe(x));
	}
	ok(wrong == 0, "Anscombe ascends and has an inverse, also for purges");
	ok(isnan(stats_anscombe(NAN)), "missing stays missing");
	ok(stats_is_counts((double[]){1, NAN, 0}, 3) && !stats_is_counts((double[]){1, 0.5}, 2) &&
		   !stats_is_counts((double[]){-1}, 1),
	   "counts are whole and not negative");

	for (int i = 0; i < 70; i++)
		week[i] = i % 7 == 5 ? 200.0 : 100.0;
	ok(stats_phase_factors(week, 70, 7, factors) == STATS_OK, "ten weeks are enough for weekdays");
	near(factors[5], 1.0 + 10.0 / 13.0, 1e-12, "a day of double is shrunk by 10 / 13");
	near(factors[2], 1.0, 1e-12, "others stay");
	ok(stats_phase_effects(week, 70, 7, effects) == STATS_OK, "additive");
	near(effects[5], 100.0 * 10.0 / 13.0, 1e-12, "the additive form too");
	ok(stats_phase_factors(week, 20, 7, factors) == STATS_TOO_FEW && factors[5] == 1.0, "two weeks are not");
	for (int i = 0; i < 70; i++)
		week[i] = 0.0;
	ok(stats_phase_factors(week, 70, 7, factors) == STATS_OK && factors[0] == 1.0, "zeros have no ratio");
	for (int i = 0; i < 70; i++)
		week[i] = NAN;
	ok(stats_phase_factors(week, 70, 7, factors) == STATS_OK && factors[3] == 1.0, "nor have missing days");
}

static void
test_multiplicity(void)
{
	/* Benjamini and Hochberg 1995, section 4.1: of these 15, four are rejected at .05. */
	double p[] = {.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344,
				  .0459, .3240, .4262, .5719, .6528, .7590, 1.0};
	double q[15];
	double gaps[] = {.04, NAN, .01};
	int rejected = 0;

	ok(stats_adjust_bh(p, 15, 0, q) == STATS_OK, "adjusting");
	for (int i = 0; i < 15; i++)
		rejected += q[i] <= .05;
	ok(rejected == 4, "the example of the paper rejects four");
	near(q[3], .0095 * 15 / 4, 1e-15, "the fourth q-value");
	near(q[5], .0298 * 15 / 7, 1e-12, "a q-value is the least of those after it");
	near(q[14], 1.0, 0, "the largest");
	stats_adjust_bh(gaps, 3, 0, gaps);
	ok(gaps[0] == .04 && isnan(gaps[1]) && gaps[2] == .02,
	   "an unknown p-value stays unknown and is no test; in place");
	gaps[0] = .04;
	gaps[2] = .01;
	stats_adjust_bh(gaps, 3, 10, q);
	near(q[2], .1, 1e-15, "silent tests count when they are said");
	ok(stats_adjust_bh(p, 0, 0, q) == STATS_OK, "nothing to adjust");
}

int
main(void)
{
	test_median();
	test_counts();
	test_multiplicity();
	return done();
}
