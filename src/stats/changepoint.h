/*
 * changepoint.h
 *    Where a daily series changed its level, and how sure that is.
 */
#ifndef DREAMSUITE_STATS_CHANGEPOINT_H
#define DREAMSUITE_STATS_CHANGEPOINT_H

#include "stats/ranks.h"

/*
 * stats_pelt
 *    The segmentation with the least sum of squared distances to segment means plus `penalty` per change, found
 *    exactly by PELT (Killick, Fearnhead and Eckley 2012, 10.1080/01621459.2012.737745). stats_detect_changepoints() searches so;
 *    by itself it is for tests, which hold it against every segmentation there is.
 *
 * x            n values, no NaN, no infinity
 * min_segment  >= 1, values per segment at least
 * changes      room for n / min_segment; the first index of every segment but the first, ascending
 * count        how many
 */
extern StatsStatus
stats_pelt(const double *x, int n, double penalty, int min_segment, int *changes, int *count);

/*
 * stats_detect_changepoints
 *    Change points of a series of any unit with one fixed setting; see changepoint.c for what it does.
 *
 * x        n values in order of time; NaN is missing
 * changes  room for n; 0-based index of the first known value of every segment but the first
 *
 * Never more changes than a fourteenth of the known values. Constant: none. STATS_TOO_FEW (and none) below
 * STATS_CHANGE_LEAST known values.
 */
#define STATS_CHANGE_LEAST 14
extern StatsStatus stats_detect_changepoints(const double *x, int n, int *changes, int *count);

typedef struct BreakCheck
{
	int n_before, n_after; /* known values compared, up to 28 days on each side */
	double superiority;    /* a value after beats one before */
	double p_value;        /* Brunner-Munzel, permuting blocks of 7 days */
	Shift shift;           /* after - before, Hodges-Lehmann, 90 % */
	int first, last;       /* the change lies in [first, last]: splits nearly as good as the best */
} BreakCheck;

/*
 * stats_check_break
 *    Verifies one change: days before and after, between the neighbouring changes.
 *
 * from, at, to  the change `at` between the segment [from, at) and the segment [at, to)
 *
 * `first` and `last` bound the splits of [from, to) whose cost is within 3.84 residual variances of the best.
 * STATS_TOO_FEW when a side has fewer than 7 known values.
 */
extern StatsStatus
stats_check_break(const double *x, int from, int at, int to, int draws, uint64_t seed, BreakCheck *check);

#endif
