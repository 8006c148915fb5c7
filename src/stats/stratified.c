/*
 * stratified.c
 *    Comparing two groups within strata: van Elteren's test and shift; association of labels. See ranks.h for sources.
 */
#include "stats/stats.h"
#include "stats/distributions.h"
#include "stats/robust.h"
#include "stats/ranks.h"
#include "stats/ranks_internal.h"

#include <stdlib.h>
#include <string.h>

/* One stratum that holds both groups: a range of the values below. */
typedef struct Stratum
{
	int start;
	int count;
	int count_a;
} Stratum;

typedef struct Strata
{
	int total;
	int strata;
	double *values; /* grouped by stratum, within it a before b, each of the two ascending */
	Stratum *stratum;
} Strata;

/*
 * Twice the pairs of a stratum in which a is the larger after taking `shift` off it; a tied pair counts once. Both
 * groups are sorted, so one walk along the two does it. Exact: a count of pairs is an integer far below 2^53.
 */
static double
doubled_wins(const Strata *strata, const Stratum *stratum, double shift)
{
	const double *a = strata->values + stratum->start;
	const double *b = a + stratum->count_a;
	int m = stratum->count - stratum->count_a;
	int less = 0;
	int not_more = 0;
	double wins = 0.0;

	for (int i = 0; i < stratum->count_a; i++)
	{
		double value = a[i] - shift;

		while (less < m && b[less] < value)
			less++;
		while (not_more < m && b[not_more] <= value)
			not_more++;
		wins += less + not_more;
	}
	return wins;
}

/* The weighted rank statistic after taking `shift` off group a. */
static double
weighted_statistic(const Strata *strata, double shift)
{
	double sum = 0.0;

	for (int s = 0; s < strata->strata; s++)
	{
		const Stratum *stratum = &strata->stratum[s];
		double pairs = (double) stratum->count_a * (stratum->count - stratum->count_a);

		/* The rank sum of a less its mean is the number of pairs won less half of all pairs. */
		sum += 0.5 * (doubled_wins(strata, stratum, shift) - pairs) / (stratum->count + 1.0);
	}
	return sum;
}

/* The standard deviation of the statistic without shift, where ties make it smaller; negative when memory fails. */
static double
tied_deviation(const Strata *strata)
{
	int *rank = malloc(sizeof(int) * ((size_t) strata->total + 1));
	double variance = 0.0;

	if (rank == NULL)
		return -1.0;
	for (int s = 0; s < strata->strata; s++)
	{
		const Stratum *stratum = &strata->stratum[s];
		double n = stratum->count_a;
		double total = stratum->count;
		double ties = stats_double_ranks(strata->values + stratum->start, stratum->count, rank);

		if (ties < 0.0)
		{
			free(rank);
			return -1.0;
		}
		variance += n * (total - n) / 12.0 * (total + 1.0 - ties / (total * (total - 1.0))) /
					((total + 1.0) * (total + 1.0));
	}
	free(rank);
	return sqrt(fmax(variance, 0.0));
}

#define HALVINGS 60

/* Halves [from, to] until it is a point where the statistic falls from above `bound`; it never rises with the shift. */
static double
falls_below(const Strata *strata, double from, double to, int halvings, double bound)
{
	for (; halvings > 0 && to - from > 1e-12 * fmax(1.0, fabs(from)); halvings--)
	{
		double middle = 0.5 * from + 0.5 * to;

		if (weighted_statistic(strata, middle) > bound)
			from = middle;
		else
			to = middle;
	}
	return 0.5 * from + 0.5 * to;
}

/* The shift at which the statistic falls from above `aim` to below it. */
static double
crossing(const Strata *strata, double low, double high, double aim, double sd)
{
	double above = aim * sd + 1e-9;
	double below = aim * sd - 1e-9;

	for (int left = HALVINGS; left > 0 && high - low > 1e-12 * fmax(1.0, fabs(low)); left--)
	{
		double middle = 0.5 * low + 0.5 * high;
		double value = weighted_statistic(strata, middle);

		if (value > above)
			low = middle;
		else if (value < below)
			high = middle;
		else
		{
			/* A step that lies exactly on the aim: the answer is the middle of its edges. */
			return 0.5 * falls_below(strata, low, middle, left - 1, above) +
				   0.5 * falls_below(strata, middle, high, left - 1, below);
		}
	}
	return 0.5 * low + 0.5 * high;
}

/* Fills strata with the items whose stratum holds both groups. */
static StatsStatus
strata_make(Strata *strata, const double *y, const bool *in_a, const int *stratum, int n)
{
	size_t room = (size_t) n + 1;
	double *label = calloc(room, sizeof(double));
	int *order = malloc(sizeof(int) * room);
	int *item = malloc(sizeof(int) * room);
	StatsStatus status = STATS_NO_MEMORY;
	int known = 0;

	strata->values = malloc(sizeof(double) * room);
	strata->stratum = malloc(sizeof(Stratum) * room);
	if (label == NULL || order == NULL || item == NULL || strata->values == NULL || strata->stratum == NULL)
		goto done;
	for (int i = 0; i < n; i++)
	{
		if (!isnan(y[i]))
		{
			/* Within a stratum a sorts before b. */
			label[known] = 2.0 * stratum[i] + (in_a[i] ? 0.0 : 1.0);
			item[known++] = i;
		}
	}
	if (!stats_order(label, known, order))
		goto done;
	for (int i = 0, end; i < known; i = end)
	{
		int of = stratum[item[order[i]]];
		int count_a = 0;

		for (end = i; end < known && stratum[item[order[end]]] == of; end++)
			count_a += in_a[item[order[end]]];
		if (count_a == 0 || count_a == end - i)
			continue;
		strata->stratum[strata->strata++] = (Stratum){strata->total, end - i, count_a};
		for (int j = i; j < end; j++)
			strata->values[strata->total++] = y[item[order[j]]];
		stats_sort(strata->values + strata->total - (end - i), count_a);
		stats_sort(strata->values + strata->total - (end - i) + count_a, end - i - count_a);
	}
	status = strata->strata > 0 ? STATS_OK : STATS_TOO_FEW;
done:
	free(label);
	free(order);
	free(item);
	return status;
}

StatsStatus
stats_van_elteren(const double *y, const bool *in_a, const int *stratum, int n, double level,
				  Stratified *result)
{
	Strata strata = {0};
	StatsStatus status = strata_make(&strata, y, in_a, stratum, n);
	double sd, low, high, wins, pairs, critical;
	bool finite = true;

	*result = (Stratified){0,
						   0,
						   strata.strata,
						   STATS_UNKNOWN,
						   STATS_UNKNOWN,
						   STATS_UNKNOWN,
						   {STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN}};
	if (status != STATS_OK)
		goto done;

	sd = tied_deviation(&strata);
	if (sd < 0.0)
	{
		status = STATS_NO_MEMORY;
		goto done;
	}
	result->z = sd > 0.0 ? weighted_statistic(&strata, 0.0) / sd : 0.0;
	result->p_value = fmin(2.0 * stats_normal_sf(fabs(result->z)), 1.0);

	/*
	 * Without ties in the shifted values the deviation is the same at every shift: the one of untied ranks inverts the
	 * test.
	 */
	low = INFINITY;
	high = -INFINITY;
	wins = pairs = sd = 0.0;
	for (int s = 0; s < strata.strata; s++)
	{
		const Stratum *at = &strata.stratum[s];
		const double *a = strata.values + at->start;
		const double *b = a + at->count_a;
		int n_a = at->count_a;
		int n_b = at->count - n_a;

		result->n_a += n_a;
		result->n_b += n_b;
		wins += 0.5 * doubled_wins(&strata, at, 0.0);
		pairs += (double) n_a * n_b;
		sd += (double) n_a * n_b / 12.0 / (at->count + 1.0);
		finite = finite && isfinite(a[0]) && isfinite(a[n_a - 1]) && isfinite(b[0]) && isfinite(b[n_b - 1]);
		low = fmin(low, a[0] - b[n_b - 1]);
		high = fmax(high, a[n_a - 1] - b[0]);
	}
	sd = sqrt(sd);
	result->superiority = wins / pairs;
	if (!finite)
		goto done;

	critical = stats_normal_quantile(0.5 + 0.5 * level);
	result->shift.estimate = crossing(&strata, low, high, 0.0, sd);
	/* With so few pairs that the extreme split is not rejected there is no interval. */
	if (weighted_statistic(&strata, low - 1.0) >= critical * sd &&
		weighted_statistic(&strata, high + 1.0) <= -critical * sd)
	{
		result->shift.lo = crossing(&strata, low, high, critical, sd);
		result->shift.hi = crossing(&strata, low, high, -critical, sd);
	}

done:
	free(strata.values);
	free(strata.stratum);
	return status;
}

double
stats_cramers_v(const int *first, const int *second, int n, int k, int l)
{
	double *table = calloc((size_t) k * l + k + l + 1, sizeof(double));
	double *rows = table + (size_t) k * l;
	double *columns = rows + k;
	double total = 0.0;
	double chi2 = 0.0;
	int used_rows = 0;
	int used_columns = 0;

	if (table == NULL)
		return STATS_UNKNOWN;
	for (int i = 0; i < n; i++)
	{
		if (first[i] < 0 || second[i] < 0 || first[i] >= k || second[i] >= l)
			continue;
		table[first[i] * l + second[i]] += 1.0;
		rows[first[i]] += 1.0;
		columns[second[i]] += 1.0;
		total += 1.0;
	}
	for (int j = 0; j < l; j++)
		used_columns += columns[j] > 0.0;
	for (int i = 0; i < k; i++)
	{
		used_rows += rows[i] > 0.0;
		for (int j = 0; j < l; j++)
		{
			double expected = total > 0.0 ? rows[i] * columns[j] / total : 0.0;

			if (expected > 0.0)
				chi2 += (table[i * l + j] - expected) * (table[i * l + j] - expected) / expected;
		}
	}
	free(table);
	if (used_rows < 2 || used_columns < 2)
		return 0.0;
	return fmin(sqrt(chi2 / (total * ((used_rows < used_columns ? used_rows : used_columns) - 1))), 1.0);
}
