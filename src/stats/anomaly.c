/*
 * anomaly.c
 *    Days that stand out. See anomaly.h for sources.
 */
#include "stats/stats.h"
#include "stats/counts.h"
#include "stats/distributions.h"
#include "stats/robust.h"
#include "stats/anomaly.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW      STATS_ANOMALY_WINDOW
#define SMALL_COUNT 10.0

/* The spread of days is learnt from so many windows, each about its own level. */
#define WINDOWS 3

/* The scale on which one window is judged. */
typedef enum Curve
{
	CURVE_ANSCOMBE,
	CURVE_LOG1,
	CURVE_LOG,
	CURVE_PLAIN
} Curve;

static double
bend(double x, Curve curve)
{
	switch (curve)
	{
		case CURVE_ANSCOMBE:
			return stats_anscombe(x);
		case CURVE_LOG1:
			return x > 0.0 ? log1p(x) : (isnan(x) ? x : 0.0);
		case CURVE_LOG:
			return x > 0.0 ? log(x) : STATS_UNKNOWN;
		case CURVE_PLAIN:
			break;
	}
	return x;
}

static double
unbend(double y, Curve curve)
{
	switch (curve)
	{
		case CURVE_ANSCOMBE:
			return stats_anscombe_inverse(y);
		case CURVE_LOG1:
			return expm1(y);
		case CURVE_LOG:
			return exp(y);
		case CURVE_PLAIN:
			break;
	}
	return y;
}

/* The least scale that is believed at a level of `centre` (on the curve). */
static double
least_scale(double centre, Curve curve)
{
	switch (curve)
	{
		case CURVE_ANSCOMBE:
			return 1.0;
		case CURVE_LOG1:
			/* 5 % of the level, and one Poisson standard deviation of a count at it. */
			return fmax(0.05, exp(-0.5 * centre));
		case CURVE_LOG:
			return 0.05;
		case CURVE_PLAIN:
			break;
	}
	/* Where 0 is only a point on the scale (a rate, a level), a part of the level says little. */
	return 0.01 * fabs(centre);
}

/* What the days before a day say about it. */
typedef struct Expected
{
	Curve curve;
	int n;
	double centre; /* on the curve, for the day's phase */
	double scale;
	int behind; /* known days that the scale rests on */
	bool still; /* most days of the window are equal */
} Expected;

/* A walk along a series: what was learnt from the days before the present one. */
typedef struct Walk
{
	const double *x;
	int period;
	StatsScale scale;
	Curve curve;
	bool started;
	bool steady;     /* the scale is that of three windows, where it is more than that of the last */
	double *y;       /* x on the curve, as far back as anything looks */
	double *effects; /* by index modulo period */
} Walk;

/* Phase effects come from 8 periods, at least 56 days. */
static int
effect_span(int period)
{
	return 8 * period < 56 ? 56 : 8 * period;
}

/* How far anything looks back. */
static int
reach_back(int period)
{
	return effect_span(period) < WINDOWS * WINDOW ? WINDOWS * WINDOW : effect_span(period);
}

static bool
walk_start(Walk *walk, const double *x, int n, int period, StatsScale scale, bool steady)
{
	*walk = (Walk){x,
				   period,
				   scale,
				   CURVE_PLAIN,
				   false,
				   steady,
				   malloc(sizeof(double) * (n + 1)),
				   calloc(period, sizeof(double))};
	return walk->y != NULL && walk->effects != NULL;
}

static void
walk_end(Walk *walk)
{
	free(walk->y);
	free(walk->effects);
}

/*
 * Distances of the days before t from the level of their own window of 28 days, without phases; windows that are hardly
 * known are left out. Returns how many. `effects`: NULL for none.
 */
static int
distances(const double *y, int t, const double *effects, int period, double *distance)
{
	double window[WINDOW];
	int m = 0;

	for (int w = 0; w < WINDOWS; w++)
	{
		int end = t - w * WINDOW;
		int begin = end - WINDOW;
		int n = 0;
		double middle;

		if (begin < 0)
			break;
		for (int i = begin; i < end; i++)
		{
			if (!isnan(y[i]))
				distance[m + n++] = y[i] - (effects ? effects[i % period] : 0.0);
		}
		if (n < STATS_ANOMALY_LEAST)
			continue;
		memcpy(window, distance + m, sizeof(double) * n);
		middle = stats_median_inplace(window, n);
		for (int i = m; i < m + n; i++)
			distance[i] = fabs(distance[i] - middle);
		m += n;
	}
	return m;
}

/*
 * Goes to day t, every day in turn. Tells by *turned whether the curve is another than before. Weekdays change slowly:
 * looking again once a period is enough, and still only backwards.
 */
static StatsStatus
walk_to(Walk *walk, int t, Expected *expected, bool *turned)
{
	const double *x = walk->x;
	int from = t - WINDOW < 0 ? 0 : t - WINDOW;
	double window[WINDOW];
	double work[WINDOW];
	double middle, variance;
	double effect = 0.0;
	int equal = 0;
	Curve curve;

	/* The curve, by the size of what the window holds. */
	middle = stats_median(x + from, t - from, work);
	if (walk->scale == STATS_SCALE_PLAIN)
		curve = CURVE_PLAIN;
	else if (walk->scale == STATS_SCALE_LOG)
		curve = CURVE_LOG;
	else
		curve = middle >= SMALL_COUNT ? CURVE_LOG1 : CURVE_ANSCOMBE;
	*turned = !walk->started || curve != walk->curve;
	if (*turned || t % walk->period == 0)
	{
		/* A start at phase 0 keeps index modulo period and phase the same. */
		int start = t - effect_span(walk->period);
		StatsStatus status;

		start = start < 0 ? 0 : start + (walk->period - start % walk->period) % walk->period;
		for (int i = t - reach_back(walk->period) < 0 ? 0 : t - reach_back(walk->period); *turned && i < t;
			 i++)
			walk->y[i] = bend(x[i], curve);
		status = stats_phase_effects(walk->y + start, t - start, walk->period, walk->effects);
		if (status == STATS_NO_MEMORY)
			return status;
		walk->curve = curve;
		walk->started = true;
	}
	walk->y[t] = bend(x[t], curve);

	*expected = (Expected){curve, 0, STATS_UNKNOWN, STATS_UNKNOWN, 0, false};
	for (int i = from; i < t; i++)
		equal += x[i] == middle;
	for (int i = from; i < t; i++)
	{
		if (!isnan(walk->y[i]))
			window[expected->n++] = walk->y[i];
	}
	if (expected->n < STATS_ANOMALY_LEAST)
		return STATS_OK;

	/* Where most days are equal, weekdays would only be chance. */
	expected->still = 2 * equal > expected->n;
	variance = 1.0 + 0.5 * M_PI / expected->n;
	if (walk->period > 1 && !expected->still)
	{
		int k = 0;

		for (int i = from; i < t; i++)
		{
			if (!isnan(walk->y[i]))
				window[k++] -= walk->effects[i % walk->period];
		}
		effect = walk->effects[t % walk->period];
		variance += 0.1;
	}
	expected->centre = stats_median_inplace(window, expected->n);
	expected->scale = STATS_MAD_TO_SD * stats_mad(window, expected->n, expected->centre, work);
	expected->behind = expected->n;
	if (walk->steady && !expected->still && t >= WINDOWS * WINDOW)
	{
		double distance[WINDOWS * WINDOW];
		int m = distances(walk->y, t, walk->period > 1 ? walk->effects : NULL, walk->period, distance);

		if (m > expected->n)
		{
			expected->scale = fmax(expected->scale, STATS_MAD_TO_SD * stats_median_inplace(distance, m));
			expected->behind = m;
		}
	}
	if (expected->still)
	{
		/* What the few other days did is no surprise, as a counter that is rounded and moves in steps of 100. */
		for (int i = 0; i < expected->n; i++)
			expected->scale = fmax(expected->scale, 0.5 * fabs(window[i] - expected->centre));
	}
	/*
	 * The scale is that of a prediction: the median of n days is uncertain by pi / 2n of the variance, and a weekday
	 * effect from eight weeks by about a tenth.
	 */
	expected->scale = sqrt(variance) * fmax(expected->scale, least_scale(expected->centre, curve));
	expected->centre += effect;
	return STATS_OK;
}

static void
judge(double x, const Expected *expected, DayTest *test)
{
	double y = bend(x, expected->curve);

	*test = (DayTest){expected->n, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN};
	if (expected->n < STATS_ANOMALY_LEAST || isnan(y))
		return;
	test->baseline = unbend(expected->centre, expected->curve);
	test->upper = unbend(expected->centre + 2.0 * expected->scale, expected->curve);
	test->lower = unbend(expected->centre - 2.0 * expected->scale, expected->curve);
	if (expected->scale > 0.0)
		test->z = (y - expected->centre) / expected->scale;
	else
		test->z = y == expected->centre ? 0.0 : copysign(INFINITY, y - expected->centre);
}

/* The degrees of freedom of a scale from n days: heavy tails, as no window is normal. */
static double
degrees(int n)
{
	return fmax(3.0, 0.25 * n);
}

/*
 * The steadier the scale, the lighter the tails. Only upwards: the logarithm of a count has a longer tail below, where now
 * and then hardly anything comes.
 */
static double
tail(const Expected *expected, double z)
{
	return stats_t_two_sided(z, degrees(z > 0.0 ? expected->behind : expected->n));
}

StatsStatus
stats_day_test(const double *x, int t, int period, StatsScale scale, DayTest *test)
{
	/* Only what the day looks back at, from a day of phase 0. */
	int skipped = t - reach_back(period) - period;
	Expected expected = {CURVE_PLAIN, 0, STATS_UNKNOWN, STATS_UNKNOWN, 0, false};
	bool turned;
	Walk walk;
	StatsStatus status = STATS_NO_MEMORY;

	skipped = skipped < 0 ? 0 : skipped - skipped % period;
	x += skipped;
	t -= skipped;
	if (walk_start(&walk, x, t + 1, period, scale, true))
		status = walk_to(&walk, t, &expected, &turned);
	judge(x[t], &expected, test);
	test->p_value = tail(&expected, test->z);
	if (status == STATS_OK && isnan(test->z))
		status = STATS_TOO_FEW;
	walk_end(&walk);
	return status;
}

/* Whether x[t] is 1.15 times beyond everything of the seven days before it. */
static bool
is_local_peak(const double *x, int t, bool up)
{
	for (int i = t - 7 < 0 ? 0 : t - 7; i < t; i++)
	{
		if (isnan(x[i]))
			continue;
		if (up ? x[t] < (x[i] > 0.0 ? 1.15 * x[i] : x[i]) : x[t] > (x[i] > 0.0 ? x[i] / 1.15 : x[i]))
			return false;
	}
	return true;
}

static bool
is_alarm(double x, const DayTest *test, const SpikeRule *rule)
{
	double base = test->baseline;

	if (!(test->p_value <= rule->p_most) || fabs(x - base) < rule->gain_least)
		return false;
	if (!(base > 0.0))
		return true;
	return x > base ? x >= base * rule->ratio_least : x <= base / rule->ratio_least;
}

static SpikeEvent
close_event(const SpikeEvent *event, const double *x, int last, bool still_open)
{
	SpikeEvent closed = *event;

	closed.close = last;
	closed.still_open = still_open;
	closed.new_level = closed.close - closed.open + 1 > 21;
	for (int i = closed.open; i <= closed.close; i++)
	{
		if (!isnan(x[i]))
		{
			closed.lift += x[i] - closed.test.baseline;
			closed.known++;
		}
	}
	return closed;
}

StatsStatus
stats_spike_events(const double *x, int n, int period, StatsScale scale, const SpikeRule *rule,
				   SpikeEvent *events, int room, int *count, int *tests)
{
	Walk walk;
	SpikeEvent event = {0};
	StatsStatus status = STATS_OK;
	bool open = false;
	int quiet = 0;
	int last_loud = 0;

	*count = 0;
	if (tests != NULL)
		*tests = 0;
	if (!walk_start(&walk, x, n, period, scale, true))
		status = STATS_NO_MEMORY;
	for (int t = 0; t < n && status == STATS_OK; t++)
	{
		Expected expected;
		bool turned;

		status = walk_to(&walk, t, &expected, &turned);
		if (isnan(x[t]))
			continue;
		if (open)
		{
			if (event.up ? x[t] > event.test.upper : x[t] < event.test.lower)
			{
				quiet = 0;
				last_loud = t;
				if (event.up ? x[t] > x[event.peak] : x[t] < x[event.peak])
					event.peak = t;
			}
			else
				quiet++;
			if (quiet == 3)
				open = false;
		}
		else
		{
			DayTest test;

			judge(x[t], &expected, &test);
			if (isnan(test.z))
				continue;
			test.p_value = tail(&expected, test.z);
			if (tests != NULL)
				(*tests)++;
			if (is_alarm(x[t], &test, rule) && is_local_peak(x, t, test.z > 0.0))
			{
				event = (SpikeEvent){.open = t, .peak = t, .up = test.z > 0.0, .test = test};
				open = true;
				quiet = 0;
				last_loud = t;
			}
			if (!open)
				continue;
		}
		if (!open && *count < room)
			events[(*count)++] = close_event(&event, x, last_loud, false);
	}
	if (open && *count < room)
		events[(*count)++] = close_event(&event, x, last_loud, true);
	walk_end(&walk);
	return status;
}

/* How often a surprise of this size was seen so far, in steps of a tenth of a decade. */
#define SURPRISE_STEPS 80

typedef struct Record
{
	int count[SURPRISE_STEPS];
	int total;
} Record;

/*
 * The tail probability p of a model, corrected by how often the series itself showed such surprises: the model counts
 * as 100 values, and two alarms are forgiven, so that a second release is no less of a surprise.
 */
static double
calibrate(Record *record, double p)
{
	double surprise = -log10(fmax(p, 1e-8));
	int step = (int) (surprise * 10.0);
	double as_high = 0.0;
	double calibrated;

	if (step > SURPRISE_STEPS - 1)
		step = SURPRISE_STEPS - 1;
	for (int i = step; i < SURPRISE_STEPS; i++)
		as_high += record->count[i];
	as_high = fmax(as_high - 2.0, 0.0);
	calibrated = fmax(p, (as_high + 100.0 * p) / (record->total + 100.0));
	record->count[step]++;
	record->total++;
	return fmin(calibrated, 1.0);
}

/* The spread of residuals over some 300 values: 28 alone leave a scale that is itself noisy. */
typedef struct LongRun
{
	double scale;
	int seen;
} LongRun;

#define LONG_RUN 300

/* Mixes the scale of the window with the long run, once that is based on as many values as a window needs. */
static void
steady(Expected *expected, const LongRun *run)
{
	if (run->seen >= STATS_ANOMALY_LEAST && expected->n >= STATS_ANOMALY_LEAST)
		expected->scale = fmax(0.7 * expected->scale + 0.3 * run->scale, 0.9 * run->scale);
}

/* A running mean of absolute residuals, each clipped at three scales, on the scale of a standard deviation. */
static void
remember(LongRun *run, double residual, double scale)
{
	double size = fmin(1.2533141373155 * fabs(residual), 3.0 * scale);

	run->seen++;
	run->scale += (size - run->scale) / (run->seen < LONG_RUN ? run->seen : LONG_RUN);
}

/*
 * Each value is judged by the 28 before it (Hampel's residual, phase taken out, Student's t), which gives a tail
 * probability; that is corrected by the series' own record of surprises so far, because no model fits every series.
 * Whole values >= 0 are judged as counts until the first that is not.
 */
StatsStatus
stats_anomaly_scores(const double *x, int n, int period, double *score)
{
	Walk walk;
	StatsStatus status = STATS_OK;
	Record record = {{0}, 0};
	LongRun run = {0.0, 0};

	if (!walk_start(&walk, x, n, period, STATS_SCALE_COUNTS, false))
		status = STATS_NO_MEMORY;
	for (int t = 0; t < n && status == STATS_OK; t++)
	{
		Expected expected;
		DayTest test;
		bool turned;
		double window_scale, p;

		score[t] = STATS_UNKNOWN;
		if (!stats_is_counts(x + t, 1))
			walk.scale = STATS_SCALE_PLAIN;
		status = walk_to(&walk, t, &expected, &turned);
		if (turned)
			run = (LongRun){0.0, 0};
		window_scale = expected.scale;
		steady(&expected, &run);
		judge(x[t], &expected, &test);
		if (isnan(test.z))
			continue;
		/* The steadier the scale, the lighter the tails, here too. */
		p = stats_t_two_sided(test.z, degrees(test.n) + fmin(run.seen, 60) / 20.0);
		remember(&run, bend(x[t], expected.curve) - expected.centre, fmax(expected.scale, window_scale));
		score[t] = 1.0 / (1.0 + calibrate(&record, p) / STATS_SURPRISE);
	}
	walk_end(&walk);
	return status;
}
