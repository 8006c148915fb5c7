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

/* One stratum that holds both groups: a range of the arrays below. */
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
	double *values; /* grouped by stratum, within it a before b */
	double *shifted;
	int *rank;
	Stratum *stratum;
} Strata;

/* The weighted rank statistic after taking `shift` off group a; its standard deviation comes to *sd. */
static bool
weighted_statistic(const Strata *strata, double shift, double *value, double *sd)
{
	double sum = 0.0;
	double variance = 0.0;

	for (int s = 0; s < strata->strata; s++)
	{
		const Stratum *stratum = &strata->stratum[s];
		double n = stratum->count_a;
		double total = stratum->count;
		double m = total - n;
		double ranks = 0.0;
		double ties;

		for (int i = 0; i < stratum->count; i++)
		{
			double y = strata->values[stratum->start + i];

			strata->shifted[i] = i < stratum->count_a ? y - shift : y;
		}
		ties = stats_double_ranks(strata->shifted, stratum->count, strata->rank);
		if (ties < 0.0)
			return false;
		for (int i = 0; i < stratum->count_a; i++)
			ranks += 0.5 * strata->rank[i];
		sum += (ranks - 0.5 * n * (total + 1.0)) / (total + 1.0);
		variance +=
			n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0))) / ((total + 1.0) * (total + 1.0));
	}
	*value = sum;
	*sd = sqrt(fmax(variance, 0.0));
	return true;
}

/* The shift at which the statistic falls from above `aim` to below it; it never rises with the shift. */
static bool
crossing(const Strata *strata, double low, double high, double aim, double sd, double *shift)
{
	double at_low = low;
	double at_high = high;
	double value, ignored;

	/* Twice, for the lower and upper edge of a step that lies exactly on the aim; the answer is their middle. */
	for (int edge = 0; edge < 2; edge++)
	{
		double from = low;
		double to = high;

		for (int i = 0; i < 60 && to - from > 1e-12 * fmax(1.0, fabs(from)); i++)
		{
			double middle = 0.5 * from + 0.5 * to;

			if (!weighted_statistic(strata, middle, &value, &ignored))
				return false;
			if (edge == 0 ? value > aim * sd + 1e-9 : value >= aim * sd - 1e-9)
				from = middle;
			else
				to = middle;
		}
		*(edge == 0 ? &at_low : &at_high) = 0.5 * from + 0.5 * to;
	}
	*shift = 0.5 * at_low + 0.5 * at_high;
	return true;
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
	strata->shifted = malloc(sizeof(double) * room);
	strata->rank = malloc(sizeof(int) * room);
	strata->stratum = malloc(sizeof(Stratum) * room);
	if (label == NULL || order == NULL || item == NULL || strata->values == NULL || strata->shifted == NULL ||
		strata->rank == NULL || strata->stratum == NULL)
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
	double value, sd, low, high, wins, pairs, critical;
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

	status = STATS_NO_MEMORY;
	if (!weighted_statistic(&strata, 0.0, &value, &sd))
		goto done;
	result->z = sd > 0.0 ? value / sd : 0.0;
	result->p_value = fmin(2.0 * stats_normal_sf(fabs(result->z)), 1.0);

	low = INFINITY;
	high = -INFINITY;
	wins = pairs = 0.0;
	for (int s = 0; s < strata.strata; s++)
	{
		const Stratum *at = &strata.stratum[s];
		const double *a = strata.values + at->start;
		int m = at->count - at->count_a;
		double ranks = 0.0;

		result->n_a += at->count_a;
		result->n_b += m;
		if (stats_double_ranks(a, at->count, strata.rank) < 0.0)
			goto done;
		for (int i = 0; i < at->count_a; i++)
			ranks += 0.5 * strata.rank[i];
		wins += ranks - 0.5 * at->count_a * (at->count_a + 1.0);
		pairs += (double) at->count_a * m;
		for (int i = 0; i < at->count; i++)
			finite = finite && isfinite(a[i]);
		if (!finite)
			continue;
		{
			double least[2] = {INFINITY, INFINITY};
			double most[2] = {-INFINITY, -INFINITY};

			for (int i = 0; i < at->count; i++)
			{
				int side = i >= at->count_a;

				least[side] = fmin(least[side], a[i]);
				most[side] = fmax(most[side], a[i]);
			}
			low = fmin(low, least[0] - most[1]);
			high = fmax(high, most[0] - least[1]);
		}
	}
	result->superiority = wins / pairs;
	status = STATS_OK;
	if (!finite)
		goto done;

	/*
	 * Without ties in the shifted values the deviation is the same at every shift: the one of untied ranks inverts the
	 * test.
	 */
	critical = stats_normal_quantile(0.5 + 0.5 * level);
	sd = 0.0;
	for (int s = 0; s < strata.strata; s++)
	{
		double n_a = strata.stratum[s].count_a;
		double total = strata.stratum[s].count;

		sd += n_a * (total - n_a) / 12.0 / (total + 1.0);
	}
	sd = sqrt(sd);
	if (!crossing(&strata, low, high, 0.0, sd, &result->shift.estimate))
		status = STATS_NO_MEMORY;
	else
	{
		double least, most;

		/* With so few pairs that the extreme split is not rejected there is no interval. */
		if (!weighted_statistic(&strata, low - 1.0, &most, &value) ||
			!weighted_statistic(&strata, high + 1.0, &least, &value))
			status = STATS_NO_MEMORY;
		else if (most >= critical * sd && least <= -critical * sd &&
				 (!crossing(&strata, low, high, critical, sd, &result->shift.lo) ||
				  !crossing(&strata, low, high, -critical, sd, &result->shift.hi)))
			status = STATS_NO_MEMORY;
	}

done:
	free(strata.values);
	free(strata.shifted);
	free(strata.rank);
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
