/*
 * events.c
 *    What surrounds a spike: whether a week is unusual, and how sure the lift of an event is. See anomaly.h.
 */
#include "stats/stats.h"
#include "stats/distributions.h"
#include "stats/robust.h"
#include "stats/anomaly.h"

#include <stdlib.h>

#define LEAST_STRETCHES 20
#define MOST_STRETCHES  60
#define QUIET_DAYS      3

StatsStatus
stats_week_test(const double *earlier, int n, double value, double least, DayTest *test)
{
	double *known = malloc(sizeof(double) * (n + 1));
	double *work = malloc(sizeof(double) * (n + 1));
	StatsStatus status = STATS_NO_MEMORY;

	*test = (DayTest){0, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN};
	if (known != NULL && work != NULL)
	{
		test->n = stats_compact(earlier, n, known);
		status = STATS_TOO_FEW;
		if (test->n >= STATS_WEEKS_LEAST && !isnan(value))
		{
			double scale;

			test->baseline = stats_median_inplace(known, test->n);
			scale = fmax(STATS_MAD_TO_SD * stats_mad(known, test->n, test->baseline, work), least);
			scale *= sqrt(1.0 + 0.5 * M_PI / test->n);
			test->upper = test->baseline + 2.0 * scale;
			test->lower = test->baseline - 2.0 * scale;
			test->z = (value - test->baseline) / scale;
			test->p_value = stats_t_two_sided(test->z, fmax(3.0, 0.25 * test->n));
			status = STATS_OK;
		}
	}
	free(known);
	free(work);
	return status;
}

/* Whether [from, to] keeps clear of all events. */
static bool
is_quiet(const SpikeEvent *events, int count, int from, int to)
{
	for (int i = 0; i < count; i++)
	{
		if (to >= events[i].open - QUIET_DAYS && from <= events[i].close + QUIET_DAYS)
			return false;
	}
	return true;
}

StatsStatus
stats_lift_interval(const double *x, int n, int period, StatsScale scale, const SpikeEvent *events, int count,
					const SpikeEvent *event, double level, double *lo, double *hi)
{
	int length = event->close - event->open + 1;
	int starts = n - length - STATS_ANOMALY_LEAST + 1;
	int stride = starts > MOST_STRETCHES ? (starts + MOST_STRETCHES - 1) / MOST_STRETCHES : 1;
	double size[MOST_STRETCHES];
	int m = 0;
	int rank;

	*lo = *hi = STATS_UNKNOWN;
	for (int t = STATS_ANOMALY_LEAST; t + length <= n && m < MOST_STRETCHES; t += stride)
	{
		DayTest test;
		double sum = 0.0;
		int known = 0;
		StatsStatus status;

		if (!is_quiet(events, count, t, t + length - 1))
			continue;
		status = stats_day_test(x, t, period, scale, &test);
		if (status == STATS_NO_MEMORY)
			return status;
		if (status != STATS_OK)
			continue;
		for (int i = t; i < t + length; i++)
		{
			if (!isnan(x[i]))
			{
				sum += x[i] - test.baseline;
				known++;
			}
		}
		/* As if every day of the event were known. */
		size[m++] = fabs(sum) * event->known / known;
	}
	rank = (int) ceil(level * (m + 1) - 1e-9);
	if (m < LEAST_STRETCHES || rank > m)
		return STATS_TOO_FEW;
	rank = rank < 1 ? 1 : rank;
	stats_sort(size, m);
	*lo = event->lift - size[rank - 1];
	*hi = event->lift + size[rank - 1];
	return STATS_OK;
}
