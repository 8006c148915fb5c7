/*
 * goal.c
 *    Date of a goal by rate-ratio conformal prediction. See goal.h.
 */
#include "stats/stats.h"
#include "stats/distributions.h"
#include "stats/robust.h"
#include "stats/goal.h"

#include <stdlib.h>

#define PACE         7
#define MOST_WINDOWS 730

/* Quantiles of log ratios at one horizon. */
typedef struct Ratios
{
	int windows;
	double low, middle, high;
} Ratios;

/* Bridges inner gaps by a straight line; returns the range of known values. */
static void
bridge(const double *level, int n, double *out, int *first, int *last)
{
	*first = n;
	*last = -1;
	for (int i = 0; i < n; i++)
	{
		out[i] = level[i];
		if (isnan(level[i]))
			continue;
		if (*last < 0)
			*first = i;
		for (int j = *last + 1; *last >= 0 && j < i; j++)
			out[j] = level[*last] + (level[i] - level[*last]) * (j - *last) / (i - *last);
		*last = i;
	}
}

/* Log of 0 or less is the worst that can be: -inf, which keeps its place among the quantiles. */
static double
log_or_worst(double x)
{
	return x > 0.0 ? log(x) : -INFINITY;
}

/*
 * Upper (lower) conformal quantile of m sorted values: the rank for coverage p is p (1 + 1 / independent) of them, at
 * most the largest. Windows overlap: those `horizon` days long that start within a week of each other say the same, so
 * that `independent` is m 7 / (7 + horizon).
 */
static double
conformal_quantile(const double *sorted, int m, int horizon, double p, bool upper)
{
	double independent = m * PACE / (double) (PACE + horizon);
	int from_end = m - (int) fmin(ceil(p * (1.0 + 1.0 / independent) * m - 1e-9), m);

	return upper ? sorted[m - 1 - from_end] : sorted[from_end];
}

static Ratios
ratios_at(const double *level, int first, int last, int horizon, double cover, double *work)
{
	Ratios ratios = {0, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN};
	int m = 0;

	if (last - horizon - first - PACE + 1 > MOST_WINDOWS)
		first = last - horizon - PACE + 1 - MOST_WINDOWS;
	for (int u = first + PACE; u + horizon <= last; u++)
	{
		double pace = (level[u] - level[u - PACE]) / PACE;

		if (pace > 0.0)
			work[m++] = log_or_worst((level[u + horizon] - level[u]) / horizon / pace);
	}
	ratios.windows = m;
	if (m < STATS_GOAL_WINDOWS)
		return ratios;
	stats_sort(work, m);
	ratios.middle = stats_quantile_sorted(work, m, 0.5);
	ratios.low = conformal_quantile(work, m, horizon, 0.5 + 0.5 * cover, false);
	ratios.high = conformal_quantile(work, m, horizon, 0.5 + 0.5 * cover, true);
	return ratios;
}

/*
 * The same of many counters: 10 %, median and 90 %. Made by test/sim_stats/pooled.c from counters that are drawn broadly
 * (pace that wanders, jumps, bursts, grows, declines).
 */
static const struct
{
	int horizon;
	double low, middle, high;
} pooled[] = {
	{1, -0.505, -0.039, 0.380}, {2, -0.396, -0.025, 0.326},  {4, -0.335, -0.014, 0.295},
	{7, -0.316, -0.008, 0.290}, {14, -0.324, -0.001, 0.316}, {28, -0.349, 0.010, 0.367},
	{56, -0.384, 0.021, 0.434}, {112, -0.445, 0.046, 0.550}, {180, -0.519, 0.070, 0.705},
};

#define POOLED_Z 1.2815515655446004 /* of the 90 % quantile */

/* Between the horizons of the table by a straight line over their logarithm. */
static Ratios
pooled_at(int horizon)
{
	int i = 1;
	double share;

	while (i < (int) (sizeof(pooled) / sizeof(pooled[0])) - 1 && pooled[i].horizon < horizon)
		i++;
	share = log((double) horizon / pooled[i - 1].horizon) /
			log((double) pooled[i].horizon / pooled[i - 1].horizon);
	return (Ratios){0, pooled[i - 1].low + share * (pooled[i].low - pooled[i - 1].low),
					pooled[i - 1].middle + share * (pooled[i].middle - pooled[i - 1].middle),
					pooled[i - 1].high + share * (pooled[i].high - pooled[i - 1].high)};
}

/*
 * The ratios at a horizon for which the series has too few windows of its own. Where it has them at a shorter horizon
 * (`own`, at `own_horizon`), they go on from there as those of other counters do. Where it has none at all, they are those
 * of other counters, wider by what small counts add: a week of k events tells the rate to 1 / sqrt(k).
 */
static Ratios
ratios_beyond(const Ratios *own, int own_horizon, int horizon, double rate, double cover)
{
	Ratios there = pooled_at(horizon);
	double below = there.middle - there.low;
	double above = there.high - there.middle;

	if (own_horizon > 0 && isfinite(own->middle))
	{
		Ratios here = pooled_at(own_horizon);

		below *= (own->middle - own->low) / (here.middle - here.low);
		above *= (own->high - own->middle) / (here.high - here.middle);
		there.middle += own->middle - here.middle;
	}
	else
	{
		double z = -stats_normal_quantile(0.5 - 0.5 * cover);
		double chance = POOLED_Z * POOLED_Z * (1.0 / (rate * PACE) + 1.0 / (rate * horizon));

		below = sqrt(below * below + chance) * z / POOLED_Z;
		above = sqrt(above * above + chance) * z / POOLED_Z;
	}
	there.low = there.middle - below;
	there.high = there.middle + above;
	return there;
}

/* Days until rate H exp(q(H)) reaches the gap, between whole days by a straight line; NaN while it does not. */
static double
first_reach(double before, double after, double gap, int day_before, int day)
{
	if (!(after >= gap))
		return STATS_UNKNOWN;
	if (!(before < gap) || isinf(after))
		return day;
	return day_before + (day - day_before) * (gap - before) / (after - before);
}

/* Every day of two weeks, then coarser: the quantiles change slowly there. */
static int
next_horizon(int day, int most)
{
	int next = day + (day < 14 ? 1 : day < 28 ? 2 : 7);

	return day < most && next > most ? most : next;
}

/* Days are counted from the end of the array, which may be later than the last known level. */
static double
days_from_end(double days, int since)
{
	return isnan(days) ? days : fmax(days - since, 0.0);
}

StatsStatus
stats_goal_eta(const double *level, int n, double target, double cover, GoalEta *eta)
{
	double *known = malloc(sizeof(double) * (n + 1));
	double *work = malloc(sizeof(double) * (n + 1));
	StatsStatus status = STATS_NO_MEMORY;
	int first, last, most, since;
	double gap;
	Ratios own = {0, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN};
	int own_horizon = 0;
	double reach_low = 0.0, reach_middle = 0.0, reach_high = 0.0;

	*eta = (GoalEta){GOAL_TOO_LITTLE, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, 0, false};
	if (known == NULL || work == NULL)
		goto done;
	status = STATS_OK;
	bridge(level, n, known, &first, &last);
	if (last < 0)
		goto done;
	gap = target - known[last];
	if (gap <= 0.0)
	{
		eta->verdict = GOAL_REACHED;
		eta->days = eta->lo = eta->hi = 0.0;
		goto done;
	}
	if (last - first < PACE)
		goto done;
	eta->rate = (known[last] - known[last - PACE]) / PACE;
	if (!(eta->rate > 0.0))
	{
		eta->verdict = GOAL_NOT_AT_PACE;
		goto done;
	}

	since = n - 1 - last;
	most = 2 * (last - first + 1) < STATS_GOAL_MOST ? 2 * (last - first + 1) : STATS_GOAL_MOST;
	for (int day = 1, before = 0; day <= most && isnan(eta->hi); before = day, day = next_horizon(day, most))
	{
		Ratios ratios = {0};
		double low, middle, high;

		if (!eta->pooled)
			ratios = ratios_at(known, first, last, day, cover, work);
		if (ratios.windows >= STATS_GOAL_WINDOWS)
		{
			own = ratios;
			own_horizon = day;
			eta->windows = ratios.windows;
		}
		else
		{
			eta->pooled = true;
			ratios = ratios_beyond(&own, own_horizon, day, eta->rate, cover);
		}
		/* Monotone in the horizon, as a level that is reached stays reached. */
		low = fmax(reach_low, eta->rate * day * exp(ratios.low));
		middle = fmax(reach_middle, eta->rate * day * exp(ratios.middle));
		high = fmax(reach_high, eta->rate * day * exp(ratios.high));
		if (isnan(eta->lo))
			eta->lo = first_reach(reach_high, high, gap, before, day);
		if (isnan(eta->days))
			eta->days = first_reach(reach_middle, middle, gap, before, day);
		if (isnan(eta->hi))
			eta->hi = first_reach(reach_low, low, gap, before, day);
		reach_low = low;
		reach_middle = middle;
		reach_high = high;
	}
	eta->verdict = isnan(eta->days) ? GOAL_TOO_FAR : GOAL_DATED;
	eta->lo = days_from_end(eta->lo, since);
	eta->days = days_from_end(eta->days, since);
	eta->hi = days_from_end(eta->hi, since);

done:
	free(known);
	free(work);
	return status;
}
