/*
 * counts.c
 *    Daily counts: variance and weekday. See counts.h.
 */
#include "stats/stats.h"
#include "stats/robust.h"
#include "stats/counts.h"

#include <stdlib.h>

#define ANSCOMBE_ZERO 1.2247448713915890 /* 2 sqrt(3/8) */

double
stats_anscombe(double x)
{
	if (x < 0.0)
		return 2.0 * ANSCOMBE_ZERO - 2.0 * sqrt(0.375 - x);
	return 2.0 * sqrt(x + 0.375);
}

double
stats_anscombe_inverse(double y)
{
	if (y < ANSCOMBE_ZERO)
	{
		double mirrored = 0.5 * (2.0 * ANSCOMBE_ZERO - y);

		return 0.375 - mirrored * mirrored;
	}
	return 0.25 * y * y - 0.375;
}

bool
stats_is_counts(const double *x, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!isnan(x[i]) && (x[i] < 0.0 || x[i] != floor(x[i])))
			return false;
	}
	return true;
}

static StatsStatus
phases(const double *x, int n, int period, bool multiplicative, double *out)
{
	double neutral = multiplicative ? 1.0 : 0.0;
	double *around;
	double *distances;

	for (int phase = 0; phase < period; phase++)
		out[phase] = neutral;
	if (period < 2 || n < 3 * period)
		return STATS_TOO_FEW;
	around = malloc(sizeof(double) * period);
	distances = malloc(sizeof(double) * (n / period + 1));
	if (around == NULL || distances == NULL)
	{
		free(around);
		free(distances);
		return STATS_NO_MEMORY;
	}
	for (int phase = 0; phase < period; phase++)
	{
		int count = 0;

		for (int i = phase; i < n; i += period)
		{
			/* One whole period around i, so that each phase is in it once; at the ends, the nearest one. */
			int start = i - period / 2;
			double centre;

			if (isnan(x[i]))
				continue;
			start = start < 0 ? 0 : (start > n - period ? n - period : start);
			centre = stats_median(x + start, period, around);
			if (!multiplicative)
				distances[count++] = x[i] - centre;
			else if (centre > 0.0)
				distances[count++] = x[i] / centre;
		}
		if (count >= 3)
		{
			double weight = count / (count + 3.0);

			out[phase] = neutral + weight * (stats_median_inplace(distances, count) - neutral);
			if (multiplicative)
				out[phase] = fmax(out[phase], 0.1);
		}
	}
	free(around);
	free(distances);
	return STATS_OK;
}

StatsStatus
stats_phase_factors(const double *x, int n, int period, double *factors)
{
	return phases(x, n, period, true, factors);
}

StatsStatus
stats_phase_effects(const double *x, int n, int period, double *effects)
{
	return phases(x, n, period, false, effects);
}
