/*
 * anomaly.h
 *    Days that stand out: causal scores, tests with floors, and spike events that open and close.
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
	double
		p_value; /* two-sided, Student's t; degrees of freedom: a quarter of the days behind the scale, at least 3 */
} DayTest;

/*
 * stats_day_test
 *    Hampel's test of one day against the 28 days before it, with the weekday taken out (from the 56 days before).
 *
 * x       the series up to and including index t
 * period  7 for weekdays, 1 for none
 *
 * The scale is the scaled MAD of the 28 days, or that of the 84 days before, about the median of each 28, where it is
 * more: the days behind it count for values above the baseline. It is at least 5 % of the level (1 % on the plain scale) and one Poisson standard
 * deviation of a count, so that a window without spread does not alarm on + 1; where most days are equal it is also half
 * of what the others deviate. It grows by what the
 * median and the weekday effects are uncertain. STATS_TOO_FEW when fewer than 14 of the 28 days, or the day itself, are
 * unknown: all fields but n NaN. Leys et al. 2013, 10.1016/j.jesp.2013.03.013.
 */
extern StatsStatus stats_day_test(const double *x, int t, int period, StatsScale scale, DayTest *test);

/*
 * stats_week_test
 *    Is the growth of this week unusual? One value against at least STATS_WEEKS_LEAST earlier ones, as log growth of
 *    whole weeks: distance to their median in scaled MAD, Student's t as above.
 *
 * earlier  n values; NaN is missing
 * least    the least scale that is believed, as 0.005 for log growth; > 0
 *
 * baseline, upper and lower are in the units of the values. STATS_TOO_FEW with fewer known values, or value unknown.
 */
#define STATS_WEEKS_LEAST 5
extern StatsStatus stats_week_test(const double *earlier, int n, double value, double least, DayTest *test);

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
 * stats_lift_interval
 *    How far the lift of an event may be from what would have come anyway: sums of value - baseline over stretches of
 *    the same length without an event, each with the baseline frozen at its first day; the interval is lift -+ the
 *    conformal quantile of their size.
 *
 * events, count  all events of the series, as stats_spike_events() gave them
 * event          the one in question
 * level          in (0, 1)
 *
 * Up to 60 stretches are compared. STATS_TOO_FEW (both NaN) below 20, or when so few do not allow the level.
 */
extern StatsStatus
stats_lift_interval(const double *x, int n, int period, StatsScale scale, const SpikeEvent *events, int count,
					const SpikeEvent *event, double level, double *lo, double *hi);

/*
 * stats_anomaly_scores
 *    A score from 0 to 1 per value with one threshold for all series: 0.5 is a surprise expected once in 100 ordinary
 *    values (STATS_SURPRISE), 0.9 once in 1,000. See anomaly.c for how.
 *
 * period  1 .. STATS_PERIOD_MOST; values one period apart resemble each other, 1 for none
 * score   n out; NaN where x is missing or fewer than 14 of the 28 values before are known
 */
extern StatsStatus stats_anomaly_scores(const double *x, int n, int period, double *score);

/*
 * stats_generalised_esd
 *    Rosner (1983, 10.1080/00401706.1983.10487848): up to `most` outliers of a normal sample at level alpha, all of
 *    them at once, so one cannot hide the other. Not causal.
 *
 * outlier  room for `most`; indexes, most extreme first
 *
 * STATS_TOO_FEW below 15 known values. `most` is cut to a third of them.
 */
extern StatsStatus
stats_generalised_esd(const double *x, int n, int most, double alpha, int *outlier, int *count);

#endif
