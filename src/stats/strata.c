/*
 * strata.c
 *    Wilcoxon's test within strata (van Elteren 1960, Bull. Int. Stat. Inst. 37:351-361) for many groupings. See
 *    strata.h.
 */
#include "stats/stats.h"
#include "stats/distributions.h"
#include "stats/ranks_internal.h"
#include "stats/strata.h"

#include <stdlib.h>
#include <string.h>

StatsStatus
stats_strata_rank(StrataRanks *ranks, const double *y, const int *label, int n)
{
	size_t room = (size_t) n + 1;
	int *doubled = malloc(sizeof(int) * room);

	*ranks = (StrataRanks){0};
	ranks->n = n;
	ranks->stratum = malloc(sizeof(int) * room);
	ranks->score = malloc(sizeof(double) * room);
	ranks->size = malloc(sizeof(int) * room);
	if (!doubled || !ranks->stratum || !ranks->score || !ranks->size)
	{
		free(doubled);
		return STATS_NO_MEMORY;
	}
	for (int i = 0, end; i < n; i = end)
	{
		int count;

		for (end = i; end < n && label[end] == label[i]; end++)
			ranks->stratum[end] = ranks->strata;
		count = end - i;
		if (stats_double_ranks(y + i, count, doubled) < 0.0)
		{
			free(doubled);
			return STATS_NO_MEMORY;
		}
		for (int j = 0; j < count; j++)
			ranks->score[i + j] = (0.5 * doubled[j] - 0.5 * (count + 1)) / (count + 1);
		ranks->size[ranks->strata++] = count;
	}
	free(doubled);
	return STATS_OK;
}

void
stats_strata_free(StrataRanks *ranks)
{
	free(ranks->stratum);
	free(ranks->score);
	free(ranks->size);
	*ranks = (StrataRanks){0};
}

/*
 * The scores of the values that take part are a fixed set of numbers; under the null hypothesis group a is a random
 * subset of them. Mean and variance of its sum follow from sampling without replacement, ties included.
 */
StatsStatus
stats_strata_test(const StrataRanks *ranks, const signed char *group, StrataTest *test)
{
	double value = 0.0;
	double variance = 0.0;

	*test = (StrataTest){0, 0, 0, STATS_UNKNOWN, STATS_UNKNOWN};
	for (int i = 0, end; i < ranks->n; i = end)
	{
		int count[2] = {0, 0};
		double sum[2] = {0.0, 0.0};
		double squares = 0.0;
		double total, mean;

		for (end = i; end < ranks->n && ranks->stratum[end] == ranks->stratum[i]; end++)
		{
			int side = group[end];

			if (side != 0 && side != 1)
				continue;
			count[side]++;
			sum[side] += ranks->score[end];
			squares += ranks->score[end] * ranks->score[end];
		}
		if (count[0] == 0 || count[1] == 0)
			continue;
		total = count[0] + count[1];
		mean = (sum[0] + sum[1]) / total;
		test->n_a += count[1];
		test->n_b += count[0];
		test->strata++;
		value += sum[1] - count[1] * mean;
		variance +=
			count[1] * (double) count[0] / (total * (total - 1.0)) * fmax(squares - total * mean * mean, 0.0);
	}
	if (test->strata == 0)
		return STATS_TOO_FEW;
	test->z = variance > 0.0 ? value / sqrt(variance) : 0.0;
	test->p_value = fmin(2.0 * stats_normal_sf(fabs(test->z)), 1.0);
	return STATS_OK;
}
