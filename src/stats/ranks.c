/*
 * ranks.c
 *    Two groups by ranks: Mann-Whitney, Hodges-Lehmann, signed ranks. See ranks.h for sources.
 */
#include "stats/stats.h"
#include "stats/distributions.h"
#include "stats/robust.h"
#include "stats/ranks.h"
#include "stats/ranks_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* See ranks_internal.h. */
double
stats_double_ranks(const double *x, int n, int *rank)
{
	int *order = malloc(sizeof(int) * (n + 1));
	double ties = 0.0;

	if (order == NULL || !stats_order(x, n, order))
	{
		free(order);
		return -1.0;
	}
	for (int i = 0; i < n;)
	{
		int j = i;
		double count;

		while (j + 1 < n && x[order[j + 1]] == x[order[i]])
			j++;
		count = j - i + 1;
		ties += count * count * count - count;
		for (int k = i; k <= j; k++)
			rank[order[k]] = i + j + 2;
		i = j + 1;
	}
	free(order);
	return ties;
}

/*
 * How many subsets of `size` of the n doubled ranks lie at least as far from the mean sum as `sum` does, as a share of
 * all. Counts stay exact in a double for every n*m <= STATS_EXACT_PAIRS. Negative when memory fails.
 */
static double
exact_subset_p(const int *rank, int n, int size, int sum)
{
	int total = 0;
	int width = size * 2 * n + 1; /* no sum of `size` doubled ranks is larger */
	double *count;
	double all = 0.0;
	double extreme = 0.0;
	double mean, distance;

	for (int i = 0; i < n; i++)
		total += rank[i];
	count = calloc((size_t) (size + 1) * width, sizeof(double));
	if (count == NULL)
		return -1.0;
	count[0] = 1.0;
	for (int i = 0; i < n; i++)
	{
		for (int k = (i + 1 < size ? i + 1 : size); k >= 1; k--)
		{
			double *to = count + (size_t) k * width;
			const double *from = to - width;

			for (int s = rank[i]; s < width; s++)
				to[s] += from[s - rank[i]];
		}
	}
	mean = (double) total * size / n;
	distance = fabs(sum - mean) - 1e-9;
	for (int s = 0; s < width; s++)
	{
		double here = count[(size_t) size * width + s];

		all += here;
		if (fabs(s - mean) >= distance)
			extreme += here;
	}
	free(count);
	return fmin(extreme / all, 1.0);
}

StatsStatus
stats_mann_whitney(const double *a, int na, const double *b, int nb, MannWhitney *result)
{
	double *pooled = malloc(sizeof(double) * ((size_t) na + nb + 1));
	int *rank = malloc(sizeof(int) * ((size_t) na + nb + 1));
	StatsStatus status = STATS_OK;
	double n, m, total, ties, deviation, variance;
	int64_t sum = 0;

	*result = (MannWhitney){0, 0, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, false};
	if (pooled == NULL || rank == NULL)
	{
		status = STATS_NO_MEMORY;
		goto done;
	}
	result->n_a = stats_compact(a, na, pooled);
	result->n_b = stats_compact(b, nb, pooled + result->n_a);
	if (result->n_a == 0 || result->n_b == 0)
	{
		status = STATS_TOO_FEW;
		goto done;
	}
	n = result->n_a;
	m = result->n_b;
	total = n + m;
	ties = stats_double_ranks(pooled, result->n_a + result->n_b, rank);
	if (ties < 0.0)
	{
		status = STATS_NO_MEMORY;
		goto done;
	}
	for (int i = 0; i < result->n_a; i++)
		sum += rank[i];
	result->u = 0.5 * sum - 0.5 * n * (n + 1.0);
	result->superiority = result->u / (n * m);

	deviation = result->u - 0.5 * n * m;
	variance = n * m / 12.0 * (total + 1.0 - (total > 1.0 ? ties / (total * (total - 1.0)) : 0.0));
	if (deviation == 0.0 || !(variance > 0.0))
		result->z = 0.0;
	else
		result->z = copysign(fmax(fabs(deviation) - 0.5, 0.0), deviation) / sqrt(variance);

	result->exact = n * m <= STATS_EXACT_PAIRS;
	if (result->exact)
	{
		/* The smaller group has the fewer subsets; its sum lies as far from its mean as the other's. */
		bool a_smaller = result->n_a <= result->n_b;
		int smaller = 0;

		for (int i = 0; i < result->n_a + result->n_b; i++)
			smaller += (i < result->n_a) == a_smaller ? rank[i] : 0;
		result->p_value =
			exact_subset_p(rank, result->n_a + result->n_b, a_smaller ? result->n_a : result->n_b, smaller);
		if (result->p_value < 0.0)
			status = STATS_NO_MEMORY;
	}
	else
		result->p_value = fmin(2.0 * stats_normal_sf(fabs(result->z)), 1.0);

done:
	free(pooled);
	free(rank);
	return status;
}

/*
 * Doubles as integers of the same order, so that a search by halving ends after 64 steps at an exact value.
 */
static int64_t
ordered_bits(double value)
{
	int64_t bits;

	value += 0.0; /* -0 becomes 0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits >= 0 ? bits : INT64_MIN - bits;
}

static double
from_ordered_bits(int64_t bits)
{
	double value;

	bits = bits >= 0 ? bits : INT64_MIN - bits;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* How many pairs have a[i] - b[j] <= limit; both sorted. */
static int64_t
pairs_below(const double *a, int n, const double *b, int m, double limit)
{
	int64_t count = 0;
	int j = m;

	/* Going up in a, ever fewer of the b (the largest ones) bring the difference down to the limit. */
	for (int i = 0; i < n; i++)
	{
		int low = m - j;

		while (low < m && a[i] - b[low] > limit)
			low++;
		j = m - low;
		count += j;
	}
	return count;
}

/* The k-th smallest (from 1) of all differences a - b of finite sorted values. */
static double
kth_difference(const double *a, int n, const double *b, int m, int64_t k)
{
	int64_t low = ordered_bits(a[0] - b[m - 1]);
	int64_t high = ordered_bits(a[n - 1] - b[0]);

	while (low < high)
	{
		int64_t middle = (low & high) + ((low ^ high) >> 1);

		if (pairs_below(a, n, b, m, from_ordered_bits(middle)) >= k)
			high = middle;
		else
			low = middle + 1;
	}
	return from_ordered_bits(low);
}

/*
 * The largest C with P(U < C) <= alpha / 2 under no difference and no ties; 0 when even U = 0 is too likely. Counts of
 * splits by U: the recursion of Mann and Whitney. Negative when memory fails.
 */
static int64_t
exact_critical(int n, int m, double tail)
{
	int width = n * m + 1;
	double *count = calloc((size_t) (n + 1) * width, sizeof(double));
	double all = 0.0;
	double below = 0.0;
	int critical = 0;

	if (count == NULL)
		return -1;
	/* Subsets of `n` of the ranks 1 .. n+m, summed as distance from the smallest sum: rank r as k-th adds r - k. */
	count[0] = 1.0;
	for (int r = 1; r <= n + m; r++)
	{
		for (int k = (r < n ? r : n); k >= 1; k--)
		{
			double *to = count + (size_t) k * width;
			const double *from = to - width;

			for (int u = width - 1; u >= r - k; u--)
				to[u] += from[u - (r - k)];
		}
	}
	for (int u = 0; u < width; u++)
		all += count[(size_t) n * width + u];
	for (int u = 0; u < width; u++)
	{
		below += count[(size_t) n * width + u] / all;
		if (below > tail)
			break;
		critical = u + 1;
	}
	free(count);
	return critical;
}

StatsStatus
stats_hodges_lehmann(const double *a, int na, const double *b, int nb, double level, Shift *shift)
{
	double *x = malloc(sizeof(double) * (na + 1));
	double *y = malloc(sizeof(double) * (nb + 1));
	StatsStatus status = STATS_OK;
	double tail = 0.5 * (1.0 - level);
	int64_t pairs, critical;
	int n, m;

	*shift = (Shift){STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN};
	if (x == NULL || y == NULL)
	{
		status = STATS_NO_MEMORY;
		goto done;
	}
	n = stats_compact(a, na, x);
	m = stats_compact(b, nb, y);
	if (n == 0 || m == 0)
	{
		status = STATS_TOO_FEW;
		goto done;
	}
	stats_sort(x, n);
	stats_sort(y, m);
	if (isinf(x[0]) || isinf(x[n - 1]) || isinf(y[0]) || isinf(y[m - 1]))
		goto done;

	pairs = (int64_t) n * m;
	shift->estimate = kth_difference(x, n, y, m, (pairs + 1) / 2);
	if (pairs % 2 == 0)
		shift->estimate = 0.5 * shift->estimate + 0.5 * kth_difference(x, n, y, m, pairs / 2 + 1);

	if (pairs <= STATS_EXACT_PAIRS)
		critical = n <= m ? exact_critical(n, m, tail) : exact_critical(m, n, tail);
	else
		critical =
			(int64_t) floor(0.5 * pairs + stats_normal_quantile(tail) * sqrt(pairs * (n + m + 1.0) / 12.0));
	if (critical < 0 && pairs <= STATS_EXACT_PAIRS)
		status = STATS_NO_MEMORY;
	else if (critical >= 1)
	{
		shift->lo = kth_difference(x, n, y, m, critical);
		shift->hi = kth_difference(x, n, y, m, pairs + 1 - critical);
	}

done:
	free(x);
	free(y);
	return status;
}

/*
 * Walsh averages (d[i] + d[j]) / 2, i <= j, of sorted d: how many are <= limit. Compared doubled, so that halving
 * rounds nothing.
 */
static int64_t
walsh_below(const double *d, int n, double twice)
{
	int64_t count = 0;
	int high = n - 1;

	for (int i = 0; i < n; i++)
	{
		while (high >= 0 && d[i] + d[high] > twice)
			high--;
		if (high >= i)
			count += high - i + 1;
		else
			break;
	}
	return count;
}

static double
kth_walsh(const double *d, int n, int64_t k)
{
	int64_t low = ordered_bits(d[0] + d[0]);
	int64_t high = ordered_bits(d[n - 1] + d[n - 1]);

	while (low < high)
	{
		int64_t middle = (low & high) + ((low ^ high) >> 1);

		if (walsh_below(d, n, from_ordered_bits(middle)) >= k)
			high = middle;
		else
			low = middle + 1;
	}
	return 0.5 * from_ordered_bits(low);
}

#define EXACT_SIGNED 50

/* Shares of all 2^n sign patterns by their sum of doubled ranks; share has room for total + 1. */
static void
signed_shares(const int *rank, int n, double *share, int total)
{
	memset(share, 0, sizeof(double) * (total + 1));
	share[0] = 1.0;
	for (int i = 0; i < n; i++)
	{
		for (int s = total; s >= 0; s--)
			share[s] = 0.5 * share[s] + (s >= rank[i] ? 0.5 * share[s - rank[i]] : 0.0);
	}
}

/* The largest C such that W < C has at most this probability, no ties; 0 when there is none. -1: no memory. */
static int64_t
signed_critical(int n, double tail)
{
	int total = n * (n + 1) / 2;
	double below = 0.0;
	int64_t critical = 0;
	int ranks[EXACT_SIGNED] = {0};
	double *share;

	if (n > EXACT_SIGNED)
	{
		double variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0;

		critical = (int64_t) floor(0.5 * total + stats_normal_quantile(tail) * sqrt(variance));
		return critical < 0 ? 0 : critical;
	}
	share = malloc(sizeof(double) * (total + 1));
	if (share == NULL)
		return -1;
	for (int i = 0; i < n; i++)
		ranks[i] = i + 1;
	signed_shares(ranks, n, share, total);
	for (int s = 0; s <= total; s++)
	{
		below += share[s];
		if (below > tail)
			break;
		critical = s + 1;
	}
	free(share);
	return critical;
}

StatsStatus
stats_signed_rank(const double *difference, int n, double level, SignedRank *result)
{
	double *known = malloc(sizeof(double) * (n + 1));
	double *size = malloc(sizeof(double) * (n + 1));
	int *rank = malloc(sizeof(int) * (n + 1));
	double *share = NULL;
	StatsStatus status = STATS_NO_MEMORY;
	int all, positive = 0;
	int total = 0;
	int sum = 0;
	double ties, mean, deviation;
	int64_t averages, critical;

	*result = (SignedRank){
		0, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, false, {STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN}};
	if (known == NULL || size == NULL || rank == NULL)
		goto done;
	all = stats_compact(difference, n, known);
	if (all == 0)
	{
		status = STATS_TOO_FEW;
		goto done;
	}
	stats_sort(known, all);

	/* Test, without the zeros. */
	for (int i = 0; i < all; i++)
	{
		if (known[i] != 0.0)
			size[result->n++] = fabs(known[i]);
	}
	ties = stats_double_ranks(size, result->n, rank);
	if (ties < 0.0)
		goto done;
	for (int i = 0, k = 0; i < all; i++)
	{
		if (known[i] == 0.0)
			continue;
		total += rank[k];
		if (known[i] > 0.0)
		{
			sum += rank[k];
			positive++;
		}
		k++;
	}
	result->w = 0.5 * sum;
	mean = 0.5 * total;
	deviation = fabs(sum - mean);
	result->superiority = result->n == 0 ? 0.5 : (double) positive / result->n;
	result->exact = result->n <= EXACT_SIGNED;
	if (result->exact)
	{
		share = malloc(sizeof(double) * (total + 1));
		if (share == NULL)
			goto done;
		signed_shares(rank, result->n, share, total);
		result->p_value = 0.0;
		for (int s = 0; s <= total; s++)
			result->p_value += fabs(s - mean) >= deviation - 1e-9 ? share[s] : 0.0;
		result->p_value = fmin(result->p_value, 1.0);
	}
	else
	{
		double count = result->n;
		double variance = count * (count + 1.0) * (2.0 * count + 1.0) / 24.0 - ties / 48.0;

		result->p_value = fmin(2.0 * stats_normal_sf(fmax(0.5 * deviation - 0.5, 0.0) / sqrt(variance)), 1.0);
	}

	/* Effect and interval, with the zeros. */
	status = STATS_OK;
	if (isinf(known[0]) || isinf(known[all - 1]))
		goto done;
	averages = (int64_t) all * (all + 1) / 2;
	result->shift.estimate = kth_walsh(known, all, (averages + 1) / 2);
	if (averages % 2 == 0)
		result->shift.estimate = 0.5 * result->shift.estimate + 0.5 * kth_walsh(known, all, averages / 2 + 1);
	critical = signed_critical(all, 0.5 * (1.0 - level));
	if (critical < 0)
		status = STATS_NO_MEMORY;
	else if (critical >= 1)
	{
		result->shift.lo = kth_walsh(known, all, critical);
		result->shift.hi = kth_walsh(known, all, averages + 1 - critical);
	}

done:
	free(known);
	free(size);
	free(rank);
	free(share);
	return status;
}

int
stats_week_differences(const double *x, int n, int first, unsigned days, double *out)
{
	int in_set = 0;
	int found = 0;

	for (int day = 0; day < 7; day++)
		in_set += (days >> day) & 1;
	for (int start = -first; start < n; start += 7)
	{
		double sum[2] = {0.0, 0.0};
		int count[2] = {0, 0};

		for (int day = 0; day < 7; day++)
		{
			int i = start + day;
			int side = (days >> day) & 1;

			if (i < 0 || i >= n || isnan(x[i]))
				continue;
			sum[side] += x[i];
			count[side]++;
		}
		if (count[0] > 0 && count[1] > 0 && 2 * count[1] >= in_set && 2 * count[0] >= 7 - in_set)
			out[found++] = sum[1] / count[1] - sum[0] / count[0];
	}
	return found;
}
