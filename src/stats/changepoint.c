/*
 * changepoint.c
 *    Change points by penalised least squares, and their verification. See changepoint.h for sources.
 */
#include "stats/stats.h"
#include "stats/robust.h"
#include "stats/changepoint.h"

#include <stdlib.h>
#include <string.h>

#define MIN_SEGMENT 7

/* Sum of squared distances to the mean of x[from .. to), from running sums. */
static inline double
segment_cost(const double *sum, const double *square, int from, int to)
{
	double part = sum[to] - sum[from];
	double cost = square[to] - square[from] - part * part / (to - from);

	return cost > 0.0 ? cost : 0.0;
}

StatsStatus
stats_pelt(const double *x, int n, double penalty, int min_segment, int *changes, int *count)
{
	double *sum = malloc(sizeof(double) * (n + 1));
	double *square = malloc(sizeof(double) * (n + 1));
	double *best = malloc(sizeof(double) * (n + 1));
	int *previous = malloc(sizeof(int) * (n + 1));
	int *alive = malloc(sizeof(int) * (n + 1));
	int *expires = calloc(n + 1, sizeof(int));
	StatsStatus status = STATS_NO_MEMORY;
	double mean = stats_mean(x, n);
	int candidates = 0;

	*count = 0;
	if (sum == NULL || square == NULL || best == NULL || previous == NULL || alive == NULL || expires == NULL)
		goto done;
	status = STATS_TOO_FEW;
	if (n < 1)
		goto done;
	status = STATS_OK;

	/* Around the mean, so that a large level does not eat the digits of the squares. */
	sum[0] = square[0] = 0.0;
	for (int i = 0; i < n; i++)
	{
		double centred = x[i] - mean;

		sum[i + 1] = sum[i] + centred;
		square[i + 1] = square[i] + centred * centred;
	}
	best[0] = -penalty;
	previous[0] = 0;
	for (int to = 1; to <= n; to++)
	{
		int kept = 0;

		best[to] = INFINITY;
		previous[to] = 0;
		if (to >= 2 * min_segment || to == min_segment)
			alive[candidates++] = to - min_segment;
		for (int i = 0; i < candidates; i++)
		{
			double cost = best[alive[i]] + segment_cost(sum, square, alive[i], to);

			if (cost + penalty < best[to])
			{
				best[to] = cost + penalty;
				previous[to] = alive[i];
			}
		}
		/*
		 * A start that is worse than starting here cannot lead to the optimum (Killick et al., theorem 3.1), once a
		 * segment that starts here may end.
		 */
		for (int i = 0; i < candidates; i++)
		{
			int start = alive[i];

			if (expires[start] == 0 && best[start] + segment_cost(sum, square, start, to) > best[to])
				expires[start] = to + min_segment;
			if (expires[start] == 0 || to < expires[start])
				alive[kept++] = start;
		}
		candidates = kept;
	}
	for (int at = previous[n]; at > 0; at = previous[at])
		changes[(*count)++] = at;
	for (int i = 0; i < *count / 2; i++)
	{
		int swap = changes[i];

		changes[i] = changes[*count - 1 - i];
		changes[*count - 1 - i] = swap;
	}

done:
	free(sum);
	free(square);
	free(best);
	free(previous);
	free(alive);
	free(expires);
	return status;
}

/* Values minus the mean of their segment. */
static void
segment_residuals(const double *x, int n, const int *changes, int count, double *residual)
{
	for (int segment = 0; segment <= count; segment++)
	{
		int from = segment == 0 ? 0 : changes[segment - 1];
		int to = segment == count ? n : changes[segment];
		double mean = stats_mean(x + from, to - from);

		for (int i = from; i < to; i++)
			residual[i] = x[i] - mean;
	}
}

/*
 * One fixed setting: values clipped at the median +- 4 scaled MAD and divided by their standard deviation; PELT with
 * 3 log n per change and at least 7 values per segment; then again with the penalty raised by (1 + r) / (1 - r), at
 * most to 8 log n, where r is the correlation of neighbours that the first segmentation leaves.
 */
StatsStatus
stats_detect_changepoints(const double *x, int n, int *changes, int *count)
{
	double *known = malloc(sizeof(double) * (n + 1));
	double *work = malloc(sizeof(double) * (n + 1));
	int *place = malloc(sizeof(int) * (n + 1));
	StatsStatus status = STATS_NO_MEMORY;
	int m = 0;
	double sd, penalty, correlation;

	*count = 0;
	if (known == NULL || work == NULL || place == NULL)
		goto done;
	for (int i = 0; i < n; i++)
	{
		if (!isnan(x[i]))
		{
			known[m] = x[i];
			place[m++] = i;
		}
	}
	status = STATS_TOO_FEW;
	if (m < STATS_CHANGE_LEAST)
		goto done;
	status = STATS_OK;
	stats_winsorise(known, m, 4.0, work);
	sd = stats_sd(known, m);
	if (!(sd > 0.0))
		goto done;
	for (int i = 0; i < m; i++)
		known[i] /= sd;

	penalty = 3.0 * log(m);
	status = stats_pelt(known, m, penalty, MIN_SEGMENT, changes, count);
	if (status != STATS_OK || *count == 0)
		goto done;
	segment_residuals(known, m, changes, *count, work);
	correlation = fmax(stats_autocorrelation(work, m, 1), 0.0);
	penalty = fmin(penalty * (1.0 + correlation) / (1.0 - correlation), 8.0 * log(m));
	do
	{
		status = stats_pelt(known, m, penalty, MIN_SEGMENT, changes, count);
		penalty *= 1.5;
	} while (status == STATS_OK && *count > m / 14);
	for (int i = 0; i < *count; i++)
		changes[i] = place[changes[i]];

done:
	free(known);
	free(work);
	free(place);
	return status;
}

/* The splits of [from, to) nearly as good as the one at `at`, by squared distance to the means of both sides. */
static bool
split_range(const double *x, int from, int at, int to, int *first, int *last)
{
	int n = to - from;
	double *sum = malloc(sizeof(double) * (n + 1));
	double *square = malloc(sizeof(double) * (n + 1));
	int *index = malloc(sizeof(int) * (n + 1));
	bool enough = sum != NULL && square != NULL && index != NULL;

	*first = *last = at;
	if (enough)
	{
		int m = 0;
		int split = 0;
		double mean = stats_mean(x + from, n);
		double cost, variance;

		sum[0] = square[0] = 0.0;
		for (int i = from; i < to; i++)
		{
			if (isnan(x[i]))
				continue;
			if (i < at)
				split = m + 1;
			sum[m + 1] = sum[m] + (x[i] - mean);
			square[m + 1] = square[m] + (x[i] - mean) * (x[i] - mean);
			index[m++] = i;
		}
		if (split > 0 && split < m && m > 2)
		{
			cost = segment_cost(sum, square, 0, split) + segment_cost(sum, square, split, m);
			variance = cost / (m - 2);
			for (int k = 1; k < m; k++)
			{
				if (segment_cost(sum, square, 0, k) + segment_cost(sum, square, k, m) <=
					cost + 3.84 * variance)
				{
					*first = index[k] < *first ? index[k] : *first;
					*last = index[k] > *last ? index[k] : *last;
				}
			}
		}
	}
	free(sum);
	free(square);
	free(index);
	return enough;
}

StatsStatus
stats_check_break(const double *x, int from, int at, int to, int draws, uint64_t seed, BreakCheck *check)
{
	int start = at - 28 > from ? at - 28 : from;
	int end = at + 28 < to ? at + 28 : to;
	BrunnerMunzel ranks;
	StatsStatus status;

	*check = (BreakCheck){0,  0, STATS_UNKNOWN, STATS_UNKNOWN, {STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN},
						  at, at};
	status = stats_brunner_munzel_blocks(x + start, at - start, x + at, end - at, 7, draws, seed, &ranks);
	check->n_before = ranks.n_a;
	check->n_after = ranks.n_b;
	if (status != STATS_OK)
		return status;
	if (ranks.n_a < 7 || ranks.n_b < 7)
		return STATS_TOO_FEW;
	check->superiority = 1.0 - ranks.superiority;
	check->p_value = ranks.p_value;
	status = stats_hodges_lehmann(x + at, end - at, x + start, at - start, 0.9, &check->shift);
	if (status == STATS_OK && !split_range(x, from, at, to, &check->first, &check->last))
		status = STATS_NO_MEMORY;
	return status;
}
