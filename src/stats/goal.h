/*
 * goal.h
 *    When a growing counter reaches a target, with an interval that holds what it promises.
 */
#ifndef DREAMSUITE_STATS_GOAL_H
#define DREAMSUITE_STATS_GOAL_H

#define STATS_GOAL_WINDOWS 40  /* past windows that a horizon needs */
#define STATS_GOAL_MOST    180 /* days beyond which no date is named */

typedef enum GoalVerdict
{
	GOAL_DATED,       /* days is known; hi is NaN when the interval is open */
	GOAL_REACHED,     /* the last known level is the target or more: all three are 0 */
	GOAL_NOT_AT_PACE, /* the level did not rise in the last 7 days: all NaN */
	GOAL_TOO_FAR,     /* not within min(180, 2 x history) days at this pace; lo may be known */
	GOAL_TOO_LITTLE   /* fewer than eight days are known: all NaN */
} GoalVerdict;

typedef struct GoalEta
{
	GoalVerdict verdict;
	double days; /* from the last element of the array, median of what pace did in the past */
	double lo, hi;
	double rate; /* per day, over the last 7 days */
	int windows; /* past windows behind the answer, at the longest horizon that has enough */
	bool
		pooled; /* beyond that horizon, or altogether, the interval is how the pace of other counters changes */
} GoalEta;

/*
 * stats_goal_eta
 *    Rate-ratio conformal prediction: how the mean rate of the next H days compared with the rate of the last 7, at
 *    every past day, says how the rate from now on may compare with the present one. The date solves
 *    target - level = rate H exp(q), q a quantile of those log ratios at horizon H; a calibration in the manner of
 *    conformal prediction (Vovk, Gammerman and Shafer 2005), on overlapping windows.
 *
 *    Where fewer than STATS_GOAL_WINDOWS windows of that length lie in the past, a table of how the pace of simulated
 *    counters changes takes over: it lengthens what the series itself showed at shorter horizons, and stands alone where
 *    it showed nothing.
 *
 * level   n daily values of a counter; NaN is missing, inner gaps are bridged by a straight line; windows older than
 *         the last 730 do not count
 * target  finite
 * cover   coverage of [lo, hi], in (0, 1)
 */
extern StatsStatus stats_goal_eta(const double *level, int n, double target, double cover, GoalEta *eta);

#endif
