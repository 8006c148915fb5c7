/*
 * strata_test.c
 *    The test within strata against the one of ranks.h, which also gives the interval.
 */
#include "unit.h"
#include "stats/stats.h"
#include "stats/ranks.h"
#include "stats/strata.h"

#define N 60

int
main(void)
{
	StatsRandom random = {7};
	double y[N];
	int label[N];
	signed char group[N];
	bool in_a[N];
	StrataRanks ranks;
	StrataTest test;
	Stratified whole;

	for (int i = 0; i < N; i++)
	{
		label[i] = i / 12;
		group[i] = (signed char) stats_random_below(&random, 2);
		in_a[i] = group[i] == 1;
		/* levels differ between strata, values are tied, a is larger */
		y[i] = floor(10.0 * stats_random_uniform(&random)) + 100.0 * label[i] + 2.0 * in_a[i];
	}
	ok(stats_strata_rank(&ranks, y, label, N) == STATS_OK && ranks.strata == 5, "five strata");
	ok(stats_strata_test(&ranks, group, &test) == STATS_OK, "two groups");
	stats_van_elteren(y, in_a, label, N, 0.9, &whole);
	near(test.z, whole.z, 1e-12, "the statistic of van Elteren, with ties");
	near(test.p_value, whole.p_value, 1e-12, "and its p-value");
	ok(test.n_a == whole.n_a && test.n_b == whole.n_b && test.strata == whole.strata, "counts");

	/* the other way round */
	for (int i = 0; i < N; i++)
		group[i] = 1 - group[i];
	stats_strata_test(&ranks, group, &test);
	near(test.z, -whole.z, 1e-12, "the groups exchanged");

	/* a stratum with one group alone says nothing */
	for (int i = 0; i < 12; i++)
		group[i] = 1;
	stats_strata_test(&ranks, group, &test);
	ok(test.strata == 4, "a stratum without the other group is left out");

	/* values of a third group take part in nothing */
	for (int i = 0; i < N; i++)
		group[i] = i % 3 == 2 ? -1 : i % 3;
	stats_strata_test(&ranks, group, &test);
	ok(test.n_a == 20 && test.n_b == 20, "a third group is no part of the comparison");
	ok(test.p_value > 0.0 && test.p_value <= 1.0, "its p-value is one");

	for (int i = 0; i < N; i++)
		group[i] = 0;
	ok(stats_strata_test(&ranks, group, &test) == STATS_TOO_FEW && isnan(test.p_value), "one group alone");
	stats_strata_free(&ranks);

	ok(stats_strata_rank(&ranks, y, label, 0) == STATS_OK, "no values");
	ok(stats_strata_test(&ranks, group, &test) == STATS_TOO_FEW, "no values, no test");
	stats_strata_free(&ranks);

	for (int i = 0; i < N; i++)
	{
		y[i] = 3.0;
		group[i] = (signed char) (i % 2);
	}
	stats_strata_rank(&ranks, y, label, N);
	stats_strata_test(&ranks, group, &test);
	ok(test.z == 0.0 && test.p_value == 1.0, "all values equal");
	stats_strata_free(&ranks);
	return done();
}
