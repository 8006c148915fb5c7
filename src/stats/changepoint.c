/*
 * changepoint.c
 *    Change points by penalised least squares, and their verification. See changepoint.h for sources.
 */
#include "stats/stats.h"
#include "stats/robust.h"
#include "stats/changepoint.h"

#include <stdlib.h>
#include <string.h>

#define LEVEL_SEGMENT 7  /* least values on one level */
#define LINE_SEGMENT  10 /* and on one line */

/* More places than this are thinned before the search, so that long series stay fast. */
#define MOST_PLACES 2048

/* Running sums, for the cost of any stretch in constant time. */
typedef struct Sums
{
	double *x;  /* of x around its mean, so that a large level does not eat the digits of the squares */
	double *xx; /* of its square */
	double *tx; /* of index times x */
} Sums;

static bool
sums_make(Sums *sums, const double *x, int n)
{
	double mean = stats_mean(x, n);

	sums->x = malloc(sizeof(double) * 3 * ((size_t) n + 1));
	if (sums->x == NULL)
		return false;
	sums->xx = sums->x + n + 1;
	sums->tx = sums->xx + n + 1;
	sums->x[0] = sums->xx[0] = sums->tx[0] = 0.0;
	for (int i = 0; i < n; i++)
	{
		double centred = x[i] - mean;

		sums->x[i + 1] = sums->x[i] + centred;
		sums->xx[i + 1] = sums->xx[i] + centred * centred;
		sums->tx[i + 1] = sums->tx[i] + centred * i;
	}
	return true;
}

static void
sums_free(Sums *sums)
{
	free(sums->x);
}

/* Sum of squared distances of x[from .. to) to its mean, or to its line of least squares. */
static inline double
segment_cost(const Sums *sums, bool lines, int from, int to)
{
	double n = to - from;
	double sx = sums->x[to] - sums->x[from];
	double cost = sums->xx[to] - sums->xx[from] - sx * sx / n;

	if (lines)
	{
		double stt = n * (n * n - 1.0) / 12.0;
		double stx = sums->tx[to] - sums->tx[from] - 0.5 * (from + to - 1.0) * sx;

		if (stt > 0.0)
			cost -= stx * stx / stt;
	}
	return cost > 0.0 ? cost : 0.0;
}

/* Moves each change of a thinned search to its best place between its neighbours. */
static void
refine(const Sums *sums, bool lines, int n, int thin, int least, int *changes, int count)
{
	for (int i = 0; i < count; i++)
	{
		int from = i == 0 ? 0 : changes[i - 1];
		int to = i == count - 1 ? n : changes[i + 1];
		int start = changes[i] - thin > from + least ? changes[i] - thin : from + least;
		int end = changes[i] + thin < to - least ? changes[i] + thin : to - least;
		double best = INFINITY;

		for (int at = start; at <= end; at++)
		{
			double cost = segment_cost(sums, lines, from, at) + segment_cost(sums, lines, at, to);

			if (cost < best)
			{
				best = cost;
				changes[i] = at;
			}
		}
	}
}

static StatsStatus
search(const double *x, int n, bool lines, double penalty, int min_segment, int *changes, int *count)
{
	int thin = (n - 1) / MOST_PLACES + 1;
	int places = n / thin;
	int least = (min_segment + thin - 1) / thin;
	double *best = malloc(sizeof(double) * (places + 1));
	double *cost = malloc(sizeof(double) * (places + 1));
	int *previous = malloc(sizeof(int) * (places + 1));
	int *alive = malloc(sizeof(int) * (places + 1));
	int *expires = calloc(places + 1, sizeof(int));
	StatsStatus status = STATS_NO_MEMORY;
	Sums sums = {NULL, NULL, NULL};
	int candidates = 0;

	*count = 0;
	if (best == NULL || cost == NULL || previous == NULL || alive == NULL || expires == NULL ||
		!sums_make(&sums, x, n))
		goto done;
	status = STATS_OK;

	best[0] = -penalty;
	previous[0] = 0;
	for (int to = 1; to <= places; to++)
	{
		int end = to == places ? n : to * thin;
		int kept = 0;

		best[to] = INFINITY;
		previous[to] = 0;
		if (to >= 2 * least || to == least)
			alive[candidates++] = to - least;
		for (int i = 0; i < candidates; i++)
		{
			cost[i] = best[alive[i]] + segment_cost(&sums, lines, alive[i] * thin, end);
			if (cost[i] + penalty < best[to])
			{
				best[to] = cost[i] + penalty;
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

			if (expires[start] == 0 && cost[i] > best[to])
				expires[start] = to + least;
			if (expires[start] == 0 || to < expires[start])
				alive[kept++] = start;
		}
		candidates = kept;
	}
	for (int at = previous[places]; at > 0; at = previous[at])
		changes[(*count)++] = at * thin;
	for (int i = 0; i < *count / 2; i++)
	{
		int swap = changes[i];

		changes[i] = changes[*count - 1 - i];
		changes[*count - 1 - i] = swap;
	}
	if (thin > 1)
		refine(&sums, lines, n, thin, min_segment, changes, *count);

done:
	sums_free(&sums);
	free(best);
	free(cost);
	free(previous);
	free(alive);
	free(expires);
	return status;
}

StatsStatus
stats_pelt(const double *x, int n, double penalty, int min_segment, int *changes, int *count)
{
	*count = 0;
	return n < 1 ? STATS_TOO_FEW : search(x, n, false, penalty, min_segment, changes, count);
}

/* What the mean or line of its segment leaves of each value; returns the sum of squares. */
static double
residuals_of(const double *x, int n, bool lines, const int *changes, int count, double *residual)
{
	double sum = 0.0;

	for (int segment = 0; segment <= count; segment++)
	{
		int from = segment == 0 ? 0 : changes[segment - 1];
		int to = segment == count ? n : changes[segment];
		double mean = stats_mean(x + from, to - from);
		double middle = 0.5 * (from + to - 1.0);
		double stt = 0.0;
		double stx = 0.0;

		for (int i = from; i < to; i++)
		{
			stt += (i - middle) * (i - middle);
			stx += (i - middle) * (x[i] - mean);
		}
		for (int i = from; i < to; i++)
		{
			residual[i] = x[i] - mean - (lines && stt > 0.0 ? stx / stt * (i - middle) : 0.0);
			sum += residual[i] * residual[i];
		}
	}
	return sum;
}

/* One of the two readings of a series: levels, or lines. */
typedef struct Reading
{
	int *changes;
	int count;
	double squares;     /* what it leaves */
	double correlation; /* of neighbours in what it leaves, at least 0 */
} Reading;

/*
 * Searches twice: what the first segmentation leaves tells how much neighbours are correlated, and correlated noise
 * wanders, so that a change must be worth more: (1 + r) / (1 - r) times more, at most `most` log n. The unit of cost
 * is the variance that a single segment leaves.
 */
static StatsStatus
read_series(const double *x, int n, bool lines, double per_change, double most, double *residual,
			Reading *reading)
{
	double unit = residuals_of(x, n, lines, NULL, 0, residual) / (n - 1);
	int least = lines ? LINE_SEGMENT : LEVEL_SEGMENT;
	double penalty = per_change * log(n);
	StatsStatus status = STATS_OK;

	reading->count = 0;
	reading->squares = unit * (n - 1);
	reading->correlation = 0.0;
	if (!(unit > 1e-18))
		return STATS_OK;
	for (int pass = 0; pass < 2; pass++)
	{
		status = search(x, n, lines, penalty * unit, least, reading->changes, &reading->count);
		while (status == STATS_OK && reading->count > n / 14)
		{
			penalty *= 1.5;
			status = search(x, n, lines, penalty * unit, least, reading->changes, &reading->count);
		}
		if (status != STATS_OK)
			return status;
		reading->squares = residuals_of(x, n, lines, reading->changes, reading->count, residual);
		/* Kendall (1954, 10.1093/biomet/41.3-4.403): short segments make r too small, each by (1 + 4 r) / n. */
		reading->correlation = stats_autocorrelation(residual, n, 1);
		reading->correlation += (1.0 + 4.0 * reading->correlation) * (reading->count + 1) / n;
		reading->correlation = fmin(fmax(reading->correlation, 0.0), 0.9);
		penalty = fmin(penalty * (1.0 + reading->correlation) / (1.0 - reading->correlation), most * log(n));
	}
	return status;
}

/* What a reading costs in all: the fit, and its `numbers` (places, levels, slopes). */
static double
criterion(const Reading *reading, int n, double effective, int numbers)
{
	return effective * log(reading->squares / n + 1e-12) + numbers * log(n);
}

#define SPIKE_SPAN 9

/*
 * Pulls spikes in to the median of the nine values around them +- 4 scaled MAD of all such distances. A level that
 * lasts five days or a slope is in that median and stays as it is. Where most distances are 0 there is no scale: then
 * all deviating values are pulled in when they are few, and none when they are many.
 */
static void
clip_spikes(double *x, int n, double *centre, double *distance)
{
	double scale;
	int deviating = 0;

	for (int i = 0; i < n; i++)
	{
		double around[SPIKE_SPAN];
		int from = i - SPIKE_SPAN / 2;

		from = from < 0 ? 0 : (from > n - SPIKE_SPAN ? n - SPIKE_SPAN : from);
		memcpy(around, x + from, sizeof(around));
		centre[i] = stats_median_inplace(around, SPIKE_SPAN);
		distance[i] = fabs(x[i] - centre[i]);
		deviating += distance[i] > 0.0;
	}
	scale = STATS_MAD_TO_SD * stats_median_inplace(distance, n);
	if (scale == 0.0 && deviating > n / 14)
		return;
	for (int i = 0; i < n; i++)
		x[i] = fmin(fmax(x[i], centre[i] - 4.0 * scale), centre[i] + 4.0 * scale);
}

/*
 * One fixed setting. Spikes are pulled in and values standardised. The series is read twice by
 * PELT: as levels (3 log n per change, at most 8 log n after the correction for correlation, segments of 7 or more)
 * and as lines (4 log n, at most 12, segments of 10 or more), so that steady growth is no row of steps. The Bayesian
 * information criterion, over as many values as are independent of their neighbours, chooses the reading.
 */
StatsStatus
stats_detect_changepoints(const double *x, int n, int *changes, int *count)
{
	double *known = malloc(sizeof(double) * (n + 1));
	double *work = malloc(sizeof(double) * (n + 1));
	double *distance = malloc(sizeof(double) * (n + 1));
	int *place = malloc(sizeof(int) * (n + 1));
	Reading levels = {changes, 0, 0.0, 0.0};
	Reading lines = {malloc(sizeof(int) * (n + 1)), 0, 0.0, 0.0};
	StatsStatus status = STATS_NO_MEMORY;
	int m = 0;
	double mean, sd, effective;

	*count = 0;
	if (known == NULL || work == NULL || distance == NULL || place == NULL || lines.changes == NULL)
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
	clip_spikes(known, m, work, distance);
	mean = stats_mean(known, m);
	sd = stats_sd(known, m);
	if (!(sd > 1e-12 * fabs(mean)))
		goto done;
	for (int i = 0; i < m; i++)
		known[i] = (known[i] - mean) / sd;

	status = read_series(known, m, false, 3.0, 8.0, work, &levels);
	if (status == STATS_OK)
		status = read_series(known, m, true, 4.0, 12.0, work, &lines);
	if (status != STATS_OK)
		goto done;
	*count = levels.count;
	effective = m * (1.0 - lines.correlation) / (1.0 + lines.correlation);
	if (criterion(&lines, m, effective, 3 * lines.count + 2) <
		criterion(&levels, m, effective, 2 * levels.count + 1))
	{
		memcpy(changes, lines.changes, sizeof(int) * lines.count);
		*count = lines.count;
	}
	for (int i = 0; i < *count; i++)
		changes[i] = place[changes[i]];

done:
	free(known);
	free(work);
	free(distance);
	free(place);
	free(lines.changes);
	return status;
}

/* The splits of [from, to) nearly as good as the one at `at`, by squared distance to the means of both sides. */
static bool
split_range(const double *x, int from, int at, int to, int *first, int *last)
{
	double *known = malloc(sizeof(double) * (to - from + 1));
	int *index = malloc(sizeof(int) * (to - from + 1));
	Sums sums = {NULL, NULL, NULL};
	bool enough = false;

	*first = *last = at;
	if (known != NULL && index != NULL)
	{
		int m = 0;
		int split = 0;

		for (int i = from; i < to; i++)
		{
			if (isnan(x[i]))
				continue;
			split += i < at;
			index[m] = i;
			known[m++] = x[i];
		}
		enough = sums_make(&sums, known, m);
		if (enough && split > 0 && split < m && m > 2)
		{
			double cost = segment_cost(&sums, false, 0, split) + segment_cost(&sums, false, split, m);
			double limit = cost + 3.84 * cost / (m - 2);

			for (int k = 1; k < m; k++)
			{
				if (segment_cost(&sums, false, 0, k) + segment_cost(&sums, false, k, m) <= limit)
				{
					*first = index[k] < *first ? index[k] : *first;
					*last = index[k] > *last ? index[k] : *last;
				}
			}
		}
	}
	sums_free(&sums);
	free(known);
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
