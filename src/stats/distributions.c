/*
 * distributions.c
 *    Distribution functions: normal, Student's t, incomplete beta. See distributions.h for sources.
 */
#include "stats/stats.h"
#include "stats/distributions.h"

#include <float.h>

double
stats_normal_cdf(double z)
{
	return 0.5 * erfc(-z * M_SQRT1_2);
}

double
stats_normal_sf(double z)
{
	return 0.5 * erfc(z * M_SQRT1_2);
}

/*
 * The rational start of Abramowitz and Stegun 26.2.23 (error below 4.5e-4), then Halley steps on the distribution
 * function itself, which triple the correct digits each.
 */
double
stats_normal_quantile(double p)
{
	double tail, r, z;

	if (!(p >= 0.0 && p <= 1.0))
		return STATS_UNKNOWN;
	if (p == 0.0)
		return -INFINITY;
	if (p == 1.0)
		return INFINITY;
	if (p == 0.5)
		return 0.0;

	/* Always solved in the lower tail, where nothing cancels. */
	tail = p < 0.5 ? p : 1.0 - p;
	r = sqrt(-2.0 * log(tail));
	z = -(r - (2.515517 + r * (0.802853 + r * 0.010328)) /
				  (1.0 + r * (1.432788 + r * (0.189269 + r * 0.001308))));
	for (int i = 0; i < 3; i++)
	{
		double error = (stats_normal_cdf(z) - tail) * sqrt(2.0 * M_PI) * exp(0.5 * z * z);

		z -= error / (1.0 + 0.5 * z * error);
	}
	return p < 0.5 ? z : -z;
}

/* The continued fraction for I_x(a, b), good for x < (a + 1) / (a + b + 2). */
static double
beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1.0;
	double d = 1.0 - (a + b) * x / (a + 1.0);
	double h;

	d = 1.0 / (fabs(d) < tiny ? tiny : d);
	h = d;
	for (int m = 1; m <= 500; m++)
	{
		double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
		double step;

		d = 1.0 + even * d;
		d = 1.0 / (fabs(d) < tiny ? tiny : d);
		c = 1.0 + even / c;
		c = fabs(c) < tiny ? tiny : c;
		h *= d * c;

		d = 1.0 + odd * d;
		d = 1.0 / (fabs(d) < tiny ? tiny : d);
		c = 1.0 + odd / c;
		c = fabs(c) < tiny ? tiny : c;
		step = d * c;
		h *= step;
		if (fabs(step - 1.0) < 4.0 * DBL_EPSILON)
			break;
	}
	return h;
}

double
stats_beta_inc(double a, double b, double x)
{
	double front;

	if (!(a > 0.0 && b > 0.0 && x >= 0.0 && x <= 1.0))
		return STATS_UNKNOWN;
	if (x == 0.0 || x == 1.0)
		return x;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1.0) / (a + b + 2.0))
		return front * beta_fraction(a, b, x) / a;
	return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

double
stats_t_two_sided(double t, double df)
{
	if (isnan(t) || !(df > 0.0))
		return STATS_UNKNOWN;
	if (isinf(t))
		return 0.0;
	if (isinf(df))
		return 2.0 * stats_normal_sf(fabs(t));
	/* x = df / (df + t^2) loses its digits when t is near 0: there the complement is exact. */
	if (t * t < df)
		return 1.0 - stats_beta_inc(0.5, 0.5 * df, t * t / (df + t * t));
	return stats_beta_inc(0.5 * df, 0.5, df / (df + t * t));
}

double
stats_t_sf(double t, double df)
{
	double both = stats_t_two_sided(t, df);

	return t >= 0.0 ? 0.5 * both : 1.0 - 0.5 * both;
}
