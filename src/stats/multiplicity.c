/*
 * multiplicity.c
 *    q-values. See multiplicity.h for sources.
 */
#include "stats/stats.h"
#include "stats/robust.h"
#include "stats/multiplicity.h"

#include <stdlib.h>

StatsStatus
stats_adjust_bh(const double *p, int n, int tests, double *q)
{
	double *known = calloc(n + 1, sizeof(double));
	int *place = malloc(sizeof(int) * (n + 1));
	int *order = malloc(sizeof(int) * (n + 1));
	StatsStatus status = STATS_NO_MEMORY;

	if (known != NULL && place != NULL && order != NULL)
	{
		int count = 0;

		for (int i = 0; i < n; i++)
		{
			if (isnan(p[i]))
				q[i] = STATS_UNKNOWN;
			else
			{
				known[count] = p[i];
				place[count++] = i;
			}
		}
		if (stats_order(known, count, order))
		{
			double factor = tests > count ? tests : count;
			double least = 1.0;

			for (int i = count - 1; i >= 0; i--)
			{
				least = fmin(least, known[order[i]] * factor / (i + 1));
				q[place[order[i]]] = least;
			}
			status = STATS_OK;
		}
	}
	free(known);
	free(place);
	free(order);
	return status;
}
