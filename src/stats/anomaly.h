/*
 * anomaly.h
 *    Days that stand out: causal scores, a test of a day with floors, and spike events that open and close.
 *
 * NaN is missing, infinities must not come here. Everything about a day uses that day and earlier ones alone.
 */
#ifndef DREAMSUITE_STATS_ANOMALY_H
#define DREAMSUITE_STATS_ANOMALY_H

#define STATS_ANOMALY_WINDOW 28 /* days before the tested one */
#define STATS_ANOMALY_LEAST  14 /* of them known */
#define STATS_PERIOD_MOST    366
#define STATS_SURPRISE       0.01 /* the tail probability whose score is 0.5 */

/* How values become residuals of one spread. */
typedef enum StatsScale
{
	STATS_SCALE_COUNTS, /* daily counts: Anscombe below a median of 10, log(x + 1) from there */
	STATS_SCALE_LOG,    /* positive levels and rates: log(x); a value <= 0 is missing */
	STATS_SCALE_PLAIN   /* anything */
} StatsScale;

typedef struct DayTest
{
	int n;           /* known days in the window */
	double baseline; /* what the day was expected to be, in units of x */
	double upper;    /* baseline + 2 scales, in units of x */
	double lower;    /* baseline - 2 scales */
	double z;        /* distance to the baseline in scales */
	double p_value;  /* two-sided, Student's t with a quarter of the days behind the scale, at least 3 */
} DayTest;

/*
 * stats_day_test
 *    Hampel's test of one day against the 28 days before it, with the weekday taken out (from the 56 days before).
 *
 * x       the series up to and including index t
 * period  7 for weekdays, 1 for none
 *
 * The scale is the scaled MAD of the 28 days, or that of the 84 days before, about the median of each 28, where it is
 * more: the days behind it count for values above the baseline. It is at least 5 % of the level (1 % on the plain scale)
 * and one Poisson standard deviation of a count, so that a window without spread does not alarm on + 1; where most days
 * are equal it is also half of what the others deviate. It grows by what the median and the weekday effects are uncertain.
 * STATS_TOO_FEW when fewer than 14 of the 28 days, or the day itself, are unknown: all fields but n NaN. Leys et al. 2013,
 * 10.1016/j.jesp.2013.03.013.
 */
extern StatsStatus stats_day_test(const double *x, int t, int period, StatsScale scale, DayTest *test);

typedef struct SpikeEvent
{
	int open, close; /* first and last day */
	int peak;        /* day of the largest (smallest) value */
	bool up;
	bool still_open; /* the series ended before three quiet days */
	bool new_level;  /* open for more than 21 days: ask the change points */
	DayTest test;    /* of the opening day; its baseline stays frozen while the event is open */
	double lift;     /* sum of value - baseline over the known days */
	int known;       /* of them */
} SpikeEvent;

typedef struct SpikeRule
{
	double p_most;      /* alarm when p <= this */
	double ratio_least; /* and value / baseline >= this (or <= 1 / this for a drop) */
	double gain_least;  /* and |value - baseline| >= this */
} SpikeRule;

/*
 * stats_spike_events
 *    Alarms merged to events: an event opens at an alarm that is also a new local peak (1.15 times the extreme of the
 *    seven days before), stays open while values are beyond two scales of the frozen baseline, and closes with the
 *    last such day after three quiet days. Missing days are neither quiet nor loud.
 *
 * events  room for `room`; later ones are dropped when there are more
 * tests   when not NULL, how many days were tested, for the adjustment of p-values
 */
extern StatsStatus
stats_spike_events(const double *x, int n, int period, StatsScale scale, const SpikeRule *rule,
				   SpikeEvent *events, int room, int *count, int *tests);

/*
 * stats_anomaly_scores
 *    A score from 0 to 1 per value with one threshold for all series: 0.5 is a surprise expected once in 100 ordinary
 *    values (STATS_SURPRISE), 0.9 once in 1,000. See anomaly.c for how.
 *
 * period  1 .. STATS_PERIOD_MOST; values one period apart resemble each other, 1 for none
 * score   n out; NaN where x is missing or fewer than 14 of the 28 values before are known
 */
extern StatsStatus stats_anomaly_scores(const double *x, int n, int period, double *score);

#endif
