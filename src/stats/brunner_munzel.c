/*
 * brunner_munzel.c
 *    The Brunner-Munzel test, by t approximation and by permutation. See ranks.h for sources.
 */
#include "stats/stats.h"
#include "stats/distributions.h"
#include "stats/robust.h"
#include "stats/ranks.h"

#include <stdlib.h>
#include <string.h>

/* Both groups in one ascending order: where runs of equal values end, and who belongs to a. */
typedef struct Pooled
{
	int n_a, n_b;
	bool *run_ends; /* by sorted position: the next value differs */
	bool *in_a;     /* by sorted position */
	int *order;     /* sorted position -> index in the pooled arrays, a before b */
	double *values;
} Pooled;

static void
pooled_free(Pooled *pooled)
{
	free(pooled->run_ends);
	free(pooled->in_a);
	free(pooled->order);
	free(pooled->values);
}

static StatsStatus
pooled_make(Pooled *pooled, const double *a, int na, const double *b, int nb)
{
	size_t room = (size_t) na + nb + 1;
	int total;

	pooled->run_ends = malloc(room * sizeof(bool));
	pooled->in_a = malloc(room * sizeof(bool));
	pooled->order = malloc(room * sizeof(int));
	pooled->values = malloc(room * sizeof(double));
	if (pooled->run_ends == NULL || pooled->in_a == NULL || pooled->order == NULL || pooled->values == NULL)
		return STATS_NO_MEMORY;
	pooled->n_a = stats_compact(a, na, pooled->values);
	pooled->n_b = stats_compact(b, nb, pooled->values + pooled->n_a);
	total = pooled->n_a + pooled->n_b;
	if (!stats_order(pooled->values, total, pooled->order))
		return STATS_NO_MEMORY;
	for (int i = 0; i < total; i++)
	{
		pooled->in_a[i] = pooled->order[i] < pooled->n_a;
		pooled->run_ends[i] =
			i == total - 1 || pooled->values[pooled->order[i]] != pooled->values[pooled->order[i + 1]];
	}
	return pooled->n_a < 2 || pooled->n_b < 2 ? STATS_TOO_FEW : STATS_OK;
}

/*
 * The statistic from placements: how many of the other group lie below a value, equal ones counted half. Placements
 * are the difference of pooled and within-group ranks, so their variances are those of the test.
 */
static double
statistic(const Pooled *pooled, const bool *in_a, double *superiority, double *df)
{
	double n = pooled->n_a;
	double m = pooled->n_b;
	double sum_a = 0.0, sum_b = 0.0, square_a = 0.0, square_b = 0.0;
	double seen_a = 0.0, seen_b = 0.0;
	double part_a, part_b, spread, difference;
	int total = pooled->n_a + pooled->n_b;

	for (int start = 0, end; start < total; start = end)
	{
		double here_a = 0.0, here_b = 0.0, below_a, below_b;

		end = start;
		do
		{
			here_a += in_a[end];
			here_b += !in_a[end];
		} while (!pooled->run_ends[end++]);
		below_a = seen_b + 0.5 * here_b;
		below_b = seen_a + 0.5 * here_a;
		sum_a += here_a * below_a;
		square_a += here_a * below_a * below_a;
		sum_b += here_b * below_b;
		square_b += here_b * below_b * below_b;
		seen_a += here_a;
		seen_b += here_b;
	}
	/* Placements are halves, so the sums are exact and equal groups give exactly 0. */
	part_a = n * fmax(square_a - sum_a * sum_a / n, 0.0) / (n - 1.0);
	part_b = m * fmax(square_b - sum_b * sum_b / m, 0.0) / (m - 1.0);
	spread = part_a + part_b;
	difference = sum_a / n - sum_b / m + 0.5 * (n - m);
	if (superiority != NULL)
		*superiority = sum_a / (n * m);
	if (df != NULL)
		*df = spread > 1e-9 ? spread * spread / (part_a * part_a / (n - 1.0) + part_b * part_b / (m - 1.0))
							: STATS_UNKNOWN;
	if (spread <= 1e-9)
		return difference == 0.0 ? 0.0 : copysign(INFINITY, difference);
	return n * m * difference / ((n + m) * sqrt(spread));
}

static BrunnerMunzel
unknown_result(const Pooled *pooled)
{
	return (BrunnerMunzel){pooled->n_a,   pooled->n_b,   STATS_UNKNOWN,
						   STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN};
}

StatsStatus
stats_brunner_munzel(const double *a, int na, const double *b, int nb, BrunnerMunzel *result)
{
	Pooled pooled = {0};
	StatsStatus status = pooled_make(&pooled, a, na, b, nb);

	*result = unknown_result(&pooled);
	if (status == STATS_OK)
	{
		result->statistic = statistic(&pooled, pooled.in_a, &result->superiority, &result->df);
		if (isfinite(result->statistic) && isfinite(result->df))
			result->p_value = stats_t_two_sided(result->statistic, result->df);
		else
		{
			MannWhitney ranks;

			status = stats_mann_whitney(a, na, b, nb, &ranks);
			result->p_value = ranks.p_value;
		}
	}
	pooled_free(&pooled);
	return status;
}

/* How many ways to choose k of n, as far as `limit`. */
static int64_t
choices(int n, int k, int64_t limit)
{
	int64_t ways = 1;

	for (int i = 1; i <= k; i++)
	{
		ways = ways * (n - k + i) / i;
		if (ways > limit)
			return limit + 1;
	}
	return ways;
}

/* The next combination of k of n in lexical order; false after the last. */
static bool
next_combination(int *chosen, int n, int k)
{
	for (int i = k - 1; i >= 0; i--)
	{
		if (chosen[i] < n - k + i)
		{
			chosen[i]++;
			for (int j = i + 1; j < k; j++)
				chosen[j] = chosen[j - 1] + 1;
			return true;
		}
	}
	return false;
}

/*
 * Draws splits of units (single values or blocks of neighbours) and counts those at least as extreme. unit_of maps a
 * pooled index to its unit; the first `units_a` units are a.
 */
static StatsStatus
permute(const Pooled *pooled, const int *unit_of, int units, int units_a, int draws, uint64_t seed,
		BrunnerMunzel *result)
{
	int total = pooled->n_a + pooled->n_b;
	StatsRandom random = {seed};
	double limit = fabs(result->statistic) * (1.0 - 1e-12);
	int *chosen = malloc(sizeof(int) * (units + 1));
	bool *unit_in_a = malloc(sizeof(bool) * (units + 1));
	bool *in_a = malloc(sizeof(bool) * (total + 1));
	Pooled split = *pooled;
	int64_t ways = choices(units, units_a, draws);
	bool all_ways = ways <= draws;
	int64_t tried = 0;
	int64_t extreme = 0;

	if (chosen == NULL || unit_in_a == NULL || in_a == NULL)
	{
		free(chosen);
		free(unit_in_a);
		free(in_a);
		return STATS_NO_MEMORY;
	}
	for (int i = 0; i < units; i++)
		chosen[i] = i;
	do
	{
		if (!all_ways)
		{
			/* The first units_a steps of a shuffle. */
			for (int i = 0; i < units_a; i++)
			{
				int j = i + stats_random_below(&random, units - i);
				int swap = chosen[i];

				chosen[i] = chosen[j];
				chosen[j] = swap;
			}
		}
		memset(unit_in_a, 0, sizeof(bool) * units);
		for (int i = 0; i < units_a; i++)
			unit_in_a[chosen[i]] = true;
		split.n_a = 0;
		for (int i = 0; i < total; i++)
		{
			in_a[i] = unit_in_a[unit_of[pooled->order[i]]];
			split.n_a += in_a[i];
		}
		split.n_b = total - split.n_a;
		tried++;
		if (split.n_a < 2 || split.n_b < 2 || fabs(statistic(&split, in_a, NULL, NULL)) >= limit)
			extreme++;
	} while (all_ways ? next_combination(chosen, units, units_a) : tried < draws);
	/* When all splits were tried the observed one is among them. */
	result->p_value = all_ways ? (double) extreme / tried : (1.0 + extreme) / (1.0 + tried);
	free(chosen);
	free(unit_in_a);
	free(in_a);
	return STATS_OK;
}

StatsStatus
stats_brunner_munzel_permuted(const double *a, int na, const double *b, int nb, int draws, uint64_t seed,
							  BrunnerMunzel *result)
{
	Pooled pooled = {0};
	StatsStatus status = pooled_make(&pooled, a, na, b, nb);

	*result = unknown_result(&pooled);
	if (status == STATS_OK)
	{
		int total = pooled.n_a + pooled.n_b;
		int *unit_of = malloc(sizeof(int) * total);

		result->statistic = statistic(&pooled, pooled.in_a, &result->superiority, &result->df);
		if (unit_of == NULL)
			status = STATS_NO_MEMORY;
		else
		{
			for (int i = 0; i < total; i++)
				unit_of[i] = i;
			status = permute(&pooled, unit_of, total, pooled.n_a, draws, seed, result);
		}
		free(unit_of);
	}
	pooled_free(&pooled);
	return status;
}

StatsStatus
stats_brunner_munzel_blocks(const double *a, int na, const double *b, int nb, int block, int draws,
							uint64_t seed, BrunnerMunzel *result)
{
	Pooled pooled = {0};
	StatsStatus status = pooled_make(&pooled, a, na, b, nb);

	*result = unknown_result(&pooled);
	if (status == STATS_OK)
	{
		int *unit_of = malloc(sizeof(int) * (pooled.n_a + pooled.n_b));
		int units_a = (na + block - 1) / block;
		int units_b = (nb + block - 1) / block;

		result->statistic = statistic(&pooled, pooled.in_a, &result->superiority, &result->df);
		if (unit_of == NULL)
			status = STATS_NO_MEMORY;
		else
		{
			int k = 0;

			/* Blocks touch the border between a and b, so that the short ones lie at the far ends. */
			for (int i = 0; i < na; i++)
			{
				if (!isnan(a[i]))
					unit_of[k++] = units_a - 1 - (na - 1 - i) / block;
			}
			for (int i = 0; i < nb; i++)
			{
				if (!isnan(b[i]))
					unit_of[k++] = units_a + i / block;
			}
			status = permute(&pooled, unit_of, units_a + units_b, units_a, draws, seed, result);
		}
		free(unit_of);
	}
	pooled_free(&pooled);
	return status;
}
