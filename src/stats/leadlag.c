/*
 * leadlag.c
 *    Pre-whitened cross-correlation. See leadlag.h for sources.
 */
#include "stats/stats.h"
#include "stats/counts.h"
#include "stats/distributions.h"
#include "stats/robust.h"
#include "stats/leadlag.h"

#include <stdlib.h>

#define MOST_ORDER 7

/* Least squares on weekdays and a line together: within weekdays, both index and value lose their mean first. */
static void
remove_week_and_trend(double *x, int n)
{
	double mean_t[7] = {0.0};
	double mean_x[7] = {0.0};
	int known[7] = {0};
	double stt = 0.0;
	double stx = 0.0;
	double slope;

	for (int i = 0; i < n; i++)
	{
		if (isnan(x[i]))
			continue;
		known[i % 7]++;
		mean_t[i % 7] += (i - mean_t[i % 7]) / known[i % 7];
		mean_x[i % 7] += (x[i] - mean_x[i % 7]) / known[i % 7];
	}
	for (int i = 0; i < n; i++)
	{
		if (isnan(x[i]))
			continue;
		x[i] -= mean_x[i % 7];
		stt += (i - mean_t[i % 7]) * (i - mean_t[i % 7]);
		stx += (i - mean_t[i % 7]) * x[i];
	}
	slope = stt > 0.0 ? stx / stt : 0.0;
	for (int i = 0; i < n; i++)
		x[i] -= slope * (i - mean_t[i % 7]);
}

static void
prepare(const double *x, int n, double *out, double *work)
{
	bool counts = stats_is_counts(x, n);

	for (int i = 0; i < n; i++)
		out[i] = counts ? stats_anscombe(x[i]) : x[i];
	remove_week_and_trend(out, n);
	stats_winsorise(out, n, 4.0, work);
}

/*
 * Autoregression by Levinson and Durbin's recursion, its order (0 .. most) by Akaike's criterion. Gaps can make
 * autocorrelations impossible together: the recursion stops before a reflection outside (-1, 1).
 */
static int
fit_autoregression(const double *x, int n, int most, double *best)
{
	double rho[MOST_ORDER + 1];
	double phi[MOST_ORDER + 1] = {0.0};
	double previous[MOST_ORDER + 1];
	double error = 1.0;
	double least = 0.0;
	int known = 0;
	int order = 0;

	for (int i = 0; i < n; i++)
		known += !isnan(x[i]);
	for (int lag = 1; lag <= most; lag++)
		rho[lag] = stats_autocorrelation(x, n, lag);
	for (int p = 1; p <= most; p++)
	{
		double reflection = rho[p];
		double criterion;

		for (int j = 1; j < p; j++)
			reflection -= phi[j] * rho[p - j];
		reflection /= error;
		if (!(fabs(reflection) < 0.999))
			break;
		for (int j = 1; j < p; j++)
			previous[j] = phi[j];
		phi[p] = reflection;
		for (int j = 1; j < p; j++)
			phi[j] = previous[j] - reflection * previous[p - j];
		error *= 1.0 - reflection * reflection;
		criterion = known * log(error) + 2.0 * p;
		if (criterion < least)
		{
			least = criterion;
			order = p;
			for (int j = 1; j <= p; j++)
				best[j] = phi[j];
		}
	}
	return order;
}

/*
 * What the autoregression does not foresee. A missing value is foreseen for the sake of later ones, and stays missing
 * in the result, as the first `order` values do. In place; `filled` has room for n.
 */
static void
whiten(double *x, int n, const double *phi, int order, double *filled)
{
	for (int i = 0; i < n; i++)
	{
		double foreseen = 0.0;

		for (int j = 1; j <= order && j <= i; j++)
			foreseen += phi[j] * filled[i - j];
		filled[i] = isnan(x[i]) ? foreseen : x[i];
		x[i] = i < order ? STATS_UNKNOWN : x[i] - foreseen;
	}
}

/* Correlation of x[i] with y[i + lag] over known pairs. */
static double
correlation_at(const double *x, const double *y, int n, int lag, int *pairs)
{
	double sx = 0.0, sy = 0.0, sxx = 0.0, syy = 0.0, sxy = 0.0;
	double mx, my;
	int count = 0;

	for (int i = 0; i + lag < n; i++)
	{
		if (isnan(x[i]) || isnan(y[i + lag]))
			continue;
		sx += x[i];
		sy += y[i + lag];
		count++;
	}
	*pairs = count;
	if (count < STATS_LEADLAG_LEAST)
		return STATS_UNKNOWN;
	mx = sx / count;
	my = sy / count;
	for (int i = 0; i + lag < n; i++)
	{
		if (isnan(x[i]) || isnan(y[i + lag]))
			continue;
		sxx += (x[i] - mx) * (x[i] - mx);
		syy += (y[i + lag] - my) * (y[i + lag] - my);
		sxy += (x[i] - mx) * (y[i + lag] - my);
	}
	/* What is left of a series that does not vary is rounding. */
	if (!(sxx > 1e-18 * count) || !(syy > 1e-18 * count))
		return STATS_UNKNOWN;
	return fmin(fmax(sxy / sqrt(sxx * syy), -1.0), 1.0);
}

StatsStatus
stats_lead_lag(const double *x, const double *y, int n, int max_lag, double *r, double *p_value)
{
	double *a = malloc(sizeof(double) * (n + 1));
	double *b = malloc(sizeof(double) * (n + 1));
	double *work = malloc(sizeof(double) * (n + 1));
	StatsStatus status = STATS_NO_MEMORY;
	double phi[MOST_ORDER + 1];
	double rho_a, rho_b, shrink;
	double sd_a, sd_b;
	int order;

	for (int lag = 0; lag <= max_lag; lag++)
		r[lag] = p_value[lag] = STATS_UNKNOWN;
	if (a == NULL || b == NULL || work == NULL)
		goto done;
	status = STATS_TOO_FEW;
	sd_a = stats_sd(x, n);
	sd_b = stats_sd(y, n);
	if (!(sd_a > 0.0) || !(sd_b > 0.0))
		goto done;
	prepare(x, n, a, work);
	prepare(y, n, b, work);
	/* Units do not matter from here on, and a scale of one lets the checks for no variation be absolute. */
	sd_a = stats_sd(a, n);
	sd_b = stats_sd(b, n);
	if (!(sd_a > 1e-9 * fabs(stats_mean(x, n))) || !(sd_b > 1e-9 * fabs(stats_mean(y, n))))
		goto done;
	for (int i = 0; i < n; i++)
	{
		a[i] /= sd_a;
		b[i] /= sd_b;
	}

	order = fit_autoregression(a, n, MOST_ORDER, phi);
	whiten(a, n, phi, order, work);
	whiten(b, n, phi, order, work);
	order = fit_autoregression(b, n, 1, phi);
	whiten(b, n, phi, order, work);

	rho_a = stats_autocorrelation(a, n, 1);
	rho_b = stats_autocorrelation(b, n, 1);
	shrink = fmin((1.0 - rho_a * rho_b) / (1.0 + rho_a * rho_b), 1.0);
	for (int lag = 0; lag <= max_lag && lag < n; lag++)
	{
		int pairs;
		/* Seven weekdays and a slope were fitted to each series. */
		double effective;

		r[lag] = correlation_at(a, b, n, lag, &pairs);
		if (isnan(r[lag]))
			continue;
		effective = fmax((pairs - 8) * shrink, 4.0);
		p_value[lag] = fabs(r[lag]) >= 1.0
						   ? 0.0
						   : fmin(2.0 * stats_normal_sf(fabs(atanh(r[lag])) * sqrt(effective - 3.0)), 1.0);
		status = STATS_OK;
	}

done:
	free(a);
	free(b);
	free(work);
	return status;
}
