/*
 * distributions_test.c
 *    Against tables: Abramowitz and Stegun 1964, tables 26.1 and 26.10, and closed forms.
 */
#include "unit.h"
#include "stats/stats.h"
#include "stats/distributions.h"

int
main(void)
{
	near(stats_normal_cdf(0.0), 0.5, 0, "half of the normal is below 0");
	near(stats_normal_cdf(1.0), 0.841344746068543, 1e-14, "normal at 1");
	near(stats_normal_sf(6.0), 9.865876450376981e-10, 1e-22, "the far tail keeps its digits");
	near(stats_normal_quantile(0.975), 1.959963984540054, 1e-13, "97.5 % of the normal");
	near(stats_normal_quantile(1e-12), -7.034483825301131, 1e-11, "a quantile far out");
	near(stats_normal_quantile(0.5), 0.0, 0, "the middle");
	ok(stats_normal_quantile(0.0) == -INFINITY && stats_normal_quantile(1.0) == INFINITY,
	   "quantiles at the ends");
	ok(isnan(stats_normal_quantile(1.1)) && isnan(stats_normal_quantile(NAN)),
	   "no quantile of what is no probability");

	near(stats_t_two_sided(2.2281388519862744, 10), 0.05, 1e-14, "t with 10 degrees of freedom");
	near(stats_t_two_sided(12.706204736174696, 1), 0.05, 1e-14, "t with 1");
	near(stats_t_sf(1.0, 1), 0.25, 1e-14, "the Cauchy distribution at 1");
	near(stats_t_sf(-1.0, 1), 0.75, 1e-14, "and at -1");
	near(stats_t_two_sided(2.0, 2), 1.0 - 2.0 / sqrt(6.0), 1e-14,
		 "t with 2 has the closed form 1 - t / sqrt(2 + t^2)");
	near(stats_t_two_sided(0.0, 5), 1.0, 0, "no distance, no evidence");
	near(stats_t_two_sided(INFINITY, 5), 0.0, 0, "an infinite distance");
	near(stats_t_two_sided(1.959963984540054, INFINITY), 0.05, 1e-12,
		 "infinite degrees of freedom are normal");
	near(stats_t_two_sided(1.96, 1e7), 2.0 * stats_normal_sf(1.96), 1e-6, "and very many nearly");
	ok(isnan(stats_t_two_sided(NAN, 5)) && isnan(stats_t_two_sided(1.0, 0)), "unknown stays unknown");

	near(stats_beta_inc(2, 3, 0.5), 0.6875, 1e-14, "I(2, 3) at 1/2 is 11/16");
	near(stats_beta_inc(1, 1, 0.3), 0.3, 1e-14, "I(1, 1) is the identity");
	near(stats_beta_inc(5, 2, 0.0), 0.0, 0, "at 0");
	ok(isnan(stats_beta_inc(-1, 2, 0.5)), "outside its domain");

	{
		StatsRandom random = {0};
		StatsRandom again = {0};
		bool same = true;
		bool inside = true;

		ok(stats_random_next(&random) == UINT64_C(0xE220A8397B1DCDAF),
		   "splitmix64 from seed 0, first value as published");
		stats_random_next(&again);
		for (int i = 0; i < 1000; i++)
		{
			double u = stats_random_uniform(&random);
			int k;

			same = same && u == stats_random_uniform(&again);
			k = stats_random_below(&random, 7);
			same = same && k == stats_random_below(&again, 7);
			inside = inside && u >= 0.0 && u < 1.0 && k >= 0 && k < 7;
		}
		ok(same, "the same seed gives the same numbers");
		ok(inside, "numbers lie in their range");
	}
	return done();
}
