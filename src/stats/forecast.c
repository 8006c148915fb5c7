/*
 * forecast.c
 *    Forecasts by weighted exponential smoothing with conformal intervals. See forecast.h for sources.
 */
#include "stats/stats.h"
#include "stats/counts.h"
#include "stats/distributions.h"
#include "stats/robust.h"
#include "stats/forecast.h"

#include <stdlib.h>
#include <string.h>

/* Older values say little of the next ones, and this bounds the time. */
#define MOST_HISTORY 4000

/* However alike the past errors are, they count as this many that stand alone. */
#define LEAST_DEGREES 3.0

/* Smoothing weights that are fitted to a series. */
#define FITTED 2.0

typedef enum Method
{
	NAIVE,
	SMOOTH,
	THETA,
	HOLT,
	DAMPED,
	METHODS
} Method;

/*
 * What a method knows after each value: its forecast h steps later is level + trend (phi + ... + phi^h).
 */
typedef struct Track
{
	double *level;
	double *trend;
	double phi;
} Track;

/* phi + phi^2 + ... + phi^h */
static double
damped_steps(double phi, int h)
{
	return phi >= 1.0 ? h : phi * (1.0 - pow(phi, h)) / (1.0 - phi);
}

/*
 * Runs Holt's damped line over x from the state (level, trend) before x[0]; beta = 0 and trend = 0 is simple smoothing.
 * A missing value moves the state along its own forecast. Returns the mean squared error one step ahead.
 */
static double
run_line(const double *x, int n, double alpha, double beta, double phi, double level, double trend,
		 Track *track)
{
	double sum = 0.0;
	int known = 0;

	for (int t = 0; t < n; t++)
	{
		double foreseen = level + phi * trend;

		if (isnan(x[t]))
		{
			level = foreseen;
			trend *= phi;
		}
		else
		{
			double error = x[t] - foreseen;

			level = foreseen + alpha * error;
			trend = phi * trend + alpha * beta * error;
			sum += error * error;
			known++;
		}
		if (track != NULL)
		{
			track->level[t] = level;
			track->trend[t] = trend;
		}
	}
	return sum / known;
}

/* The best of a grid of smoothing weights, then of ever finer ones around it. */
static void
fit_line(const double *x, int n, bool with_trend, double phi, double level, double trend, double *alpha,
		 double *beta, double *error)
{
	double step_alpha = 0.2;
	double step_beta = 0.2;

	/* Values so large that their squares overflow have no best weights: any will do. */
	*error = INFINITY;
	*alpha = 0.5;
	*beta = with_trend ? 0.1 : 0.0;
	for (double a = 0.1; a < 1.0; a += 0.2)
	{
		for (double b = with_trend ? 0.02 : 0.0; b < (with_trend ? 0.7 : 0.01); b += 0.15)
		{
			double here = run_line(x, n, a, b, phi, level, trend, NULL);

			if (here < *error)
			{
				*error = here;
				*alpha = a;
				*beta = b;
			}
		}
	}
	while (step_alpha > 0.01)
	{
		double best_alpha = *alpha;
		double best_beta = *beta;
		bool moved = false;

		for (int direction = 0; direction < (with_trend ? 4 : 2); direction++)
		{
			double a = *alpha + (direction == 0 ? step_alpha : direction == 1 ? -step_alpha : 0.0);
			double b = *beta + (direction == 2 ? step_beta : direction == 3 ? -step_beta : 0.0);
			double here;

			a = fmin(fmax(a, 0.01), 1.0);
			b = with_trend ? fmin(fmax(b, 0.0), 1.0) : 0.0;
			here = run_line(x, n, a, b, phi, level, trend, NULL);
			if (here < *error)
			{
				*error = here;
				best_alpha = a;
				best_beta = b;
				moved = true;
			}
		}
		*alpha = best_alpha;
		*beta = best_beta;
		if (!moved)
		{
			step_alpha *= 0.5;
			step_beta *= 0.5;
		}
	}
}

/* Least squares slope of the known values up to each index; 0 until three are known. */
static void
slopes_so_far(const double *x, int n, double *slope)
{
	double count = 0.0, mean_t = 0.0, mean_x = 0.0, stt = 0.0, stx = 0.0;

	for (int t = 0; t < n; t++)
	{
		if (!isnan(x[t]))
		{
			double dt = t - mean_t;

			count += 1.0;
			mean_t += dt / count;
			stt += dt * (t - mean_t);
			stx += dt * (x[t] - mean_x) * (count - 1.0) / count;
			mean_x += (x[t] - mean_x) / count;
		}
		slope[t] = count >= 3.0 ? stx / stt : 0.0;
	}
}

static void
make_tracks(const double *x, int n, Track *tracks, double *work)
{
	const double damping[] = {0.8, 0.9, 0.95, 0.98};
	double first = STATS_UNKNOWN;
	double last = STATS_UNKNOWN;
	double start = 0.0;
	double alpha, beta, error;
	double least = INFINITY;
	double chosen_alpha = 0.5, chosen_beta = 0.1;
	int steps = 0;

	/* The first trend is that of the first few known values. */
	for (int t = 0; t < n && steps <= 8; t++)
	{
		if (isnan(x[t]))
			continue;
		if (isnan(first))
			first = x[t];
		else
			work[steps++] = x[t] - last;
		last = x[t];
	}
	start = stats_median_inplace(work, steps);

	last = first;
	for (int t = 0; t < n; t++)
	{
		last = isnan(x[t]) ? last : x[t];
		tracks[NAIVE].level[t] = last;
		tracks[NAIVE].trend[t] = 0.0;
	}
	tracks[NAIVE].phi = 1.0;

	fit_line(x, n, false, 1.0, first, 0.0, &alpha, &beta, &error);
	run_line(x, n, alpha, 0.0, 1.0, first, 0.0, &tracks[SMOOTH]);
	tracks[SMOOTH].phi = 1.0;

	slopes_so_far(x, n, tracks[THETA].trend);
	for (int t = 0; t < n; t++)
	{
		double drift = 0.5 * tracks[THETA].trend[t];

		/* Smoothing lags behind a line by its slope (1 - alpha) / alpha: half of that is the drift's share. */
		tracks[THETA].trend[t] = drift;
		tracks[THETA].level[t] = tracks[SMOOTH].level[t] + drift * (1.0 - alpha) / alpha;
	}
	tracks[THETA].phi = 1.0;

	fit_line(x, n, true, 1.0, first, start, &alpha, &beta, &error);
	run_line(x, n, alpha, beta, 1.0, first, start, &tracks[HOLT]);
	tracks[HOLT].phi = 1.0;

	for (int i = 0; i < (int) (sizeof(damping) / sizeof(damping[0])); i++)
	{
		fit_line(x, n, true, damping[i], first, start, &alpha, &beta, &error);
		if (error < least)
		{
			least = error;
			chosen_alpha = alpha;
			chosen_beta = beta;
			tracks[DAMPED].phi = damping[i];
		}
	}
	run_line(x, n, chosen_alpha, chosen_beta, tracks[DAMPED].phi, first, start, &tracks[DAMPED]);
}

/* One forecast of the weighted mean. */
static double
weighted(const Track *tracks, const double *weight, double steps[METHODS], int t)
{
	double sum = 0.0;

	for (int m = 0; m < METHODS; m++)
		sum += weight[m] * (tracks[m].level[t] + steps[m] * tracks[m].trend[t]);
	return sum;
}

/*
 * Weights by the fourth power of the inverse mean squared error over past origins and a few steps up to the horizon:
 * methods that do equally well share, one that does clearly worse has no say.
 */
static void
weigh(const double *x, int n, const Track *tracks, int origin, int horizon, double *weight)
{
	double error[METHODS] = {0.0};
	double total = 0.0;
	double tiny;
	int stride = 1 + (n - origin) / 200;
	int reach = horizon < (n - origin) / 2 ? horizon : (n - origin) / 2;

	reach = reach < 1 ? 1 : reach;
	for (int part = 1; part <= 4; part++)
	{
		int h = (reach * part + 3) / 4;

		for (int t = origin; t + h < n; t += stride)
		{
			if (isnan(x[t + h]))
				continue;
			for (int m = 0; m < METHODS; m++)
			{
				double made = tracks[m].level[t] + damped_steps(tracks[m].phi, h) * tracks[m].trend[t];

				error[m] += (x[t + h] - made) * (x[t + h] - made);
			}
		}
	}
	/* A method without any error (a constant, a line) must not divide by it. */
	tiny = fmax(1e-12 * error[NAIVE], 1e-300);
	for (int m = 0; m < METHODS; m++)
	{
		/* Relative to the naive method, so that the power stays in range. */
		weight[m] = pow(fmax(error[m], tiny) / fmax(error[NAIVE], tiny), -4.0);
		total += weight[m];
	}
	for (int m = 0; m < METHODS; m++)
		weight[m] /= total;
}

/*
 * Errors of neighbouring origins resemble each other, the more the further ahead they look: so many of m errors are worth
 * one that stands alone, by their lag-one autocorrelation as in Pyper and Peterman (1998, 10.1139/f98-104).
 */
static double
independence(const double *size, int m)
{
	double r = fmax(0.0, stats_autocorrelation(size, m, 1));

	return (1.0 - r) / (1.0 + r);
}

/* How much wider an interval is whose spread is known from so few errors: Student's t against the normal. */
static double
t_widening(double level, double degrees)
{
	double tail = 0.5 - 0.5 * level;
	double z = -stats_normal_quantile(tail);
	double low = z;
	double high = 4.0 * z + 4.0;

	for (int i = 0; i < 40; i++)
	{
		double middle = 0.5 * (low + high);

		if (stats_t_sf(middle, degrees) > tail)
			low = middle;
		else
			high = middle;
	}
	return low / z;
}

/* Half the width of the interval h steps ahead per unit of volatility, from past errors; NaN when they are too few. */
static double
reach_of_errors(const double *x, int n, const Track *tracks, const double *weight, const double *volatility,
				int origin, int h, double level, double *work)
{
	double steps[METHODS];
	double wider;
	int m = 0;
	int rank;

	for (int i = 0; i < METHODS; i++)
		steps[i] = damped_steps(tracks[i].phi, h);
	for (int t = origin; t + h < n; t++)
	{
		if (!isnan(x[t + h]))
			work[m++] = fabs(x[t + h] - weighted(tracks, weight, steps, t)) / volatility[t];
	}
	rank = (int) ceil(level * (m + 1) - 1e-9);
	if (rank > m || m < 4)
		return STATS_UNKNOWN;
	/* in order of time still */
	wider = t_widening(level, fmax(LEAST_DEGREES, (m - 1) * independence(work, m)));
	return wider * stats_select_inplace(work, m, rank - 1);
}

/* Whether the differences of x repeat themselves after `period`, by the test that M4 used on values. */
static bool
has_seasons(const double *x, int n, int period, double *work, double *spare)
{
	double limit = 1.0;

	if (period < 2 || n < 3 * period)
		return false;
	for (int t = 1; t < n; t++)
		work[t - 1] = x[t] - x[t - 1];
	/* One spike would hide the seasons of all other days. */
	stats_winsorise(work, n - 1, 4.0, spare);
	for (int lag = 1; lag < period; lag++)
	{
		double r = stats_autocorrelation(work, n - 1, lag);

		limit += 2.0 * r * r;
	}
	return stats_autocorrelation(work, n - 1, period) > 1.645 * sqrt(limit / n);
}

/* Everything after the memory is there. y: x without seasons. */
static StatsStatus
forecast_line(const double *y, int n, int horizon, double level, Track *tracks, double *volatility,
			  double *work, ForecastStep *step)
{
	int origin = n / 4 < 4 ? 4 : (n / 4 > 60 ? 60 : n / 4);
	double weight[METHODS];
	double steps[METHODS];
	double recent = 0.0;
	double steady;
	double fitted;
	double reach = 0.0;
	int measured = 0;
	int known = 0;

	make_tracks(y, n, tracks, work);
	weigh(y, n, tracks, origin, horizon, weight);

	/*
	 * Mean absolute error one step ahead, by half of the last twenty or so and by half of the last hundred, as a short
	 * memory alone makes intervals too narrow by chance. Both begin with that of the whole series.
	 */
	for (int i = 0; i < METHODS; i++)
		steps[i] = damped_steps(tracks[i].phi, 1);
	for (int t = 1; t < n; t++)
	{
		if (!isnan(y[t]))
		{
			recent += fabs(y[t] - weighted(tracks, weight, steps, t - 1));
			known++;
		}
	}
	recent /= known;
	steady = recent;
	volatility[0] = recent;
	for (int t = 1; t < n; t++)
	{
		if (!isnan(y[t]))
		{
			double error = fabs(y[t] - weighted(tracks, weight, steps, t - 1));

			recent += 0.05 * (error - recent);
			steady += 0.01 * (error - steady);
		}
		volatility[t] = 0.5 * recent + 0.5 * steady;
		if (!(volatility[t] > 0.0))
			volatility[t] = 1.0;
	}
	/* the past errors are those of weights that were fitted to them */
	fitted = sqrt((known + FITTED) / fmax(known - FITTED, 1.0));

	for (int h = 1; h <= horizon; h++)
	{
		double here = reach_of_errors(y, n, tracks, weight, volatility, origin, h, level, work);

		/* Errors do not shrink with the horizon; past the last step with errors they grow like those of a walk. */
		if (!isnan(here) && n - origin - h >= 12)
		{
			reach = fmax(reach, here);
			measured = h;
		}
		else if (measured == 0)
			reach = STATS_UNKNOWN;
		for (int i = 0; i < METHODS; i++)
			steps[i] = damped_steps(tracks[i].phi, h);
		step[h - 1].mean = weighted(tracks, weight, steps, n - 1);
		here = fitted * reach * volatility[n - 1] * (measured > 0 ? sqrt((double) h / measured) : 1.0);
		step[h - 1].lo = step[h - 1].mean - here;
		step[h - 1].hi = step[h - 1].mean + here;
	}
	return STATS_OK;
}

StatsStatus
stats_forecast(const double *x, int n, int horizon, double level, int period, ForecastStep *step, int *steps)
{
	double *memory = malloc(sizeof(double) * ((size_t) n * (2 * METHODS + 3) + period + 1));
	StatsStatus status = STATS_NO_MEMORY;
	Track tracks[METHODS];
	double *y, *work, *volatility, *season;
	double least = INFINITY;
	double most = -INFINITY;
	int known = 0;
	int lead = 0; /* unknown values at the start, which would let the first level drift */
	bool multiply;

	*steps = 0;
	if (memory == NULL)
		goto done;
	if (n > MOST_HISTORY)
	{
		/* Whole periods are left out, so that phases stay. */
		int left_out = (n - MOST_HISTORY + period - 1) / period * period;

		x += left_out;
		n -= left_out;
	}
	y = memory;
	work = y + n;
	volatility = work + n;
	for (int m = 0; m < METHODS; m++)
	{
		tracks[m].level = volatility + (size_t) (2 * m + 1) * n;
		tracks[m].trend = tracks[m].level + n;
	}
	season = volatility + (size_t) (2 * METHODS + 1) * n;

	for (int t = 0; t < n; t++)
	{
		if (!isnan(x[t]))
		{
			lead = known == 0 ? t : lead;
			least = fmin(least, x[t]);
			most = fmax(most, x[t]);
			known++;
		}
		y[t] = x[t];
	}
	status = STATS_TOO_FEW;
	if (known < STATS_FORECAST_LEAST)
		goto done;
	*steps = horizon < 2 * known ? horizon : 2 * known;
	if (least == most)
	{
		for (int h = 0; h < *steps; h++)
			step[h] = (ForecastStep){least, least, least};
		status = STATS_OK;
		goto done;
	}
	multiply = least > 0.0;
	for (int phase = 0; phase < period; phase++)
		season[phase] = multiply ? 1.0 : 0.0;
	if (has_seasons(x, n, period, work, volatility))
	{
		status = (multiply ? stats_phase_factors : stats_phase_effects)(x, n, period, season);
		if (status == STATS_NO_MEMORY)
			goto done;
	}
	for (int t = 0; t < n; t++)
		y[t] = multiply ? x[t] / season[t % period] : x[t] - season[t % period];

	status = forecast_line(y + lead, n - lead, *steps, level, tracks, volatility, work, step);
	for (int h = 0; h < *steps; h++)
	{
		double *value[] = {&step[h].mean, &step[h].lo, &step[h].hi};

		for (int i = 0; i < 3; i++)
		{
			double part = season[(n + h) % period];

			*value[i] = multiply ? *value[i] * part : *value[i] + part;
			if (least >= 0.0 && *value[i] < 0.0)
				*value[i] = 0.0;
		}
	}

done:
	free(memory);
	return status;
}
