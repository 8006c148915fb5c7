/*
 * forecast.h
 *    Point forecasts and intervals for short daily or weekly series.
 */
#ifndef DREAMSUITE_STATS_FORECAST_H
#define DREAMSUITE_STATS_FORECAST_H

#define STATS_FORECAST_LEAST 10  /* known values */
#define STATS_FORECAST_MOST  366 /* steps ahead */

typedef struct ForecastStep
{
	double mean;
	double lo, hi;
} ForecastStep;

/*
 * stats_forecast
 *    A mean of simple methods, each weighted by how well it would have forecast this series at past origins: naive;
 *    simple exponential smoothing; Theta as smoothing with half the drift (Assimakopoulos and Nikolopoulos 2000,
 *    10.1016/S0169-2070(00)00066-2; Hyndman and Billah 2003, 10.1016/S0169-2070(01)00143-1); Holt's line (1957); the
 *    damped line (Gardner and McKenzie 1985, 10.1287/mnsc.31.10.1237). Seasons of `period` values are taken out first
 *    when they are there.
 *
 *    Intervals are quantiles of the errors made k steps ahead at past origins, in units of the volatility at the
 *    origin, times the volatility now. They are wider by what those errors do not tell: errors of neighbouring origins
 *    overlap and count as fewer (Student's t with so many degrees of freedom), and the weights were fitted to them.
 *
 * x        n values in order; NaN is missing; those before the last 4,000 are not used
 * horizon  1 .. STATS_FORECAST_MOST
 * level    coverage of [lo, hi], in (0, 1)
 * period   1 .. STATS_PERIOD_MOST; 1 for no seasons
 * step     room for `horizon`
 * steps    how many were filled: no more than twice the number of known values
 *
 * When no known value is negative, neither is a forecast. Constant: the constant, with an interval of no width.
 * STATS_TOO_FEW (no steps) below STATS_FORECAST_LEAST known values.
 */
extern StatsStatus
stats_forecast(const double *x, int n, int horizon, double level, int period, ForecastStep *step, int *steps);

#endif
