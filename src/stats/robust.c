/*
 * robust.c
 *    Median, median absolute deviation, quantiles. See robust.h.
 */
#include "stats/stats.h"
#include "stats/robust.h"

#include <stdlib.h>
#include <string.h>

int
stats_compact(const double *x, int n, double *out)
{
	int known = 0;

	for (int i = 0; i < n; i++)
	{
		if (!isnan(x[i]))
			out[known++] = x[i];
	}
	return known;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

void
stats_sort(double *x, int n)
{
	/* Windows are short and almost everything here sorts windows: insertion beats the call-back there. */
	if (n <= 32)
	{
		for (int i = 1; i < n; i++)
		{
			double value = x[i];
			int j = i - 1;

			for (; j >= 0 && x[j] > value; j--)
				x[j + 1] = x[j];
			x[j + 1] = value;
		}
		return;
	}
	qsort(x, n, sizeof(double), compare_doubles);
}

typedef struct Indexed
{
	double value;
	int index;
} Indexed;

static int
compare_indexed(const void *a, const void *b)
{
	const Indexed *x = a;
	const Indexed *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

bool
stats_order(const double *x, int n, int *order)
{
	Indexed *pairs;

	if (n <= 0)
		return true;
	pairs = malloc(sizeof(Indexed) * n);
	if (pairs == NULL)
		return false;
	for (int i = 0; i < n; i++)
		pairs[i] = (Indexed){x[i], i};
	qsort(pairs, n, sizeof(Indexed), compare_indexed);
	for (int i = 0; i < n; i++)
		order[i] = pairs[i].index;
	free(pairs);
	return true;
}

double
stats_select_inplace(double *x, int n, int k)
{
	int low = 0;
	int high = n - 1;
	int budget = 64;

	while (high - low > 8)
	{
		int middle = low + (high - low) / 2;
		double pivot;
		int i = low;
		int j = high;

		/* Unlucky pivots on crafted input must not make this quadratic. */
		if (--budget == 0)
			break;

		/* Median of three, to be linear on sorted input. */
		pivot = x[low] < x[high]
					? (x[middle] < x[low] ? x[low] : (x[middle] < x[high] ? x[middle] : x[high]))
					: (x[middle] < x[high] ? x[high] : (x[middle] < x[low] ? x[middle] : x[low]));
		while (i <= j)
		{
			while (x[i] < pivot)
				i++;
			while (x[j] > pivot)
				j--;
			if (i <= j)
			{
				double swap = x[i];

				x[i++] = x[j];
				x[j--] = swap;
			}
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			return x[k];
	}
	stats_sort(x + low, high - low + 1);
	return x[k];
}

double
stats_median_inplace(double *x, int n)
{
	double upper, lower;

	if (n <= 0)
		return STATS_UNKNOWN;
	upper = stats_select_inplace(x, n, n / 2);
	if (n % 2 == 1)
		return upper;
	/* Everything before n / 2 is no greater than it now: the lower middle is the largest of them. */
	lower = x[0];
	for (int i = 1; i < n / 2; i++)
		lower = x[i] > lower ? x[i] : lower;
	return lower == upper ? lower : 0.5 * lower + 0.5 * upper;
}

double
stats_median(const double *x, int n, double *work)
{
	return stats_median_inplace(work, stats_compact(x, n, work));
}

static double
stats_mad_inplace(double *x, int n, double centre)
{
	if (n <= 0 || !isfinite(centre))
		return STATS_UNKNOWN;
	for (int i = 0; i < n; i++)
		x[i] = fabs(x[i] - centre);
	return stats_median_inplace(x, n);
}

double
stats_mad(const double *x, int n, double centre, double *work)
{
	return stats_mad_inplace(work, stats_compact(x, n, work), centre);
}

double
stats_quantile_sorted(const double *sorted, int n, double p)
{
	double position, fraction;
	int below;

	if (n <= 0 || isnan(p))
		return STATS_UNKNOWN;
	position = fmin(fmax(p, 0.0), 1.0) * (n - 1);
	below = (int) floor(position);
	fraction = position - below;
	if (fraction == 0.0 || sorted[below] == sorted[below + 1] || isinf(sorted[below]))
		return sorted[below];
	return sorted[below] + fraction * (sorted[below + 1] - sorted[below]);
}

double
stats_mean(const double *x, int n)
{
	double sum = 0.0;
	int known = 0;

	for (int i = 0; i < n; i++)
	{
		if (!isnan(x[i]))
		{
			sum += x[i];
			known++;
		}
	}
	return known == 0 ? STATS_UNKNOWN : sum / known;
}

double
stats_sd(const double *x, int n)
{
	double mean = stats_mean(x, n);
	double sum = 0.0;
	int known = 0;

	for (int i = 0; i < n; i++)
	{
		if (!isnan(x[i]))
		{
			sum += (x[i] - mean) * (x[i] - mean);
			known++;
		}
	}
	return known < 2 ? STATS_UNKNOWN : sqrt(sum / (known - 1));
}

double
stats_autocorrelation(const double *x, int n, int lag)
{
	double mean = stats_mean(x, n);
	double variance = 0.0;
	double product = 0.0;
	int known = 0;
	int pairs = 0;

	for (int i = 0; i < n; i++)
	{
		if (isnan(x[i]))
			continue;
		variance += (x[i] - mean) * (x[i] - mean);
		known++;
		if (i >= lag && !isnan(x[i - lag]))
		{
			product += (x[i] - mean) * (x[i - lag] - mean);
			pairs++;
		}
	}
	if (pairs < 3 || !(variance > 0.0))
		return 0.0;
	/* Without gaps this is the usual biased estimate, which keeps |r| < 1; gaps only rescale the number of pairs. */
	product *= (double) (known - lag) / pairs;
	return fmin(fmax(product / variance, -0.999), 0.999);
}

void
stats_winsorise(double *x, int n, double width, double *work)
{
	double centre = stats_median(x, n, work);
	double reach = width * STATS_MAD_TO_SD * stats_mad(x, n, centre, work);

	if (!(reach > 0.0))
		return;
	for (int i = 0; i < n; i++)
	{
		if (x[i] > centre + reach)
			x[i] = centre + reach;
		else if (x[i] < centre - reach)
			x[i] = centre - reach;
	}
}
