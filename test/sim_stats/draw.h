/*
 * draw.h
 *    Random draws for the simulations, and the lines they print. Fixed seeds: every run prints the same.
 */
#ifndef DRAW_H
#define DRAW_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/stats.h"
#include "stats/distributions.h"

static StatsRandom draw;
static int failures;

static inline double
uniform(void)
{
	return stats_random_uniform(&draw);
}

static inline double
normal(void)
{
	return stats_normal_quantile(uniform() * 0.9999999999 + 5e-11);
}

/* Gamma of a whole shape, mean 1. */
static inline double
gamma_of(int shape)
{
	double sum = 0.0;

	for (int i = 0; i < shape; i++)
		sum -= log(1.0 - uniform());
	return sum / shape;
}

static inline double
poisson(double mean)
{
	double limit, product = 1.0;
	int k = -1;

	if (mean > 200.0)
		return fmax(floor(mean + sqrt(mean) * normal() + 0.5), 0.0);
	limit = exp(-mean);
	do
	{
		k++;
		product *= uniform();
	} while (product > limit);
	return k;
}

/* Negative binomial of size 5: the variance is mean + mean^2 / 5. */
static inline double
daily_count(double mean)
{
	return poisson(mean * gamma_of(5));
}

/* First-order autoregression of unit variance. */
static inline void
autoregression(double *x, int n, double rho)
{
	x[0] = normal();
	for (int i = 1; i < n; i++)
		x[i] = rho * x[i - 1] + sqrt(1.0 - rho * rho) * normal();
}

/* One line of the report: a rate and what it must not exceed (or fall short of). */
static inline void
report(const char *what, double rate, double least, double most)
{
	bool passed = rate >= least && rate <= most;

	printf("%-6s %-66s %6.3f   (", passed ? "ok" : "not ok", what, rate);
	if (least > 0.0)
		printf("%.2f to ", least);
	else
		printf("at most ");
	printf("%.2f)\n", most);
	failures += !passed;
}

#endif
