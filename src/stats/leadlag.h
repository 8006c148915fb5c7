/*
 * leadlag.h
 *    Does one daily series move before another? Pre-whitened cross-correlation.
 */
#ifndef DREAMSUITE_STATS_LEADLAG_H
#define DREAMSUITE_STATS_LEADLAG_H

#define STATS_LEADLAG_LEAST 30 /* days on which both residuals are known, per lag */

/*
 * stats_lead_lag
 *    Correlation of x on a day with y `lag` days later, lag = 0 .. max_lag, after taking out what makes any two series
 *    look related: counts are Anscombe transformed, weekday and linear trend removed, values clipped at +- 4 scaled
 *    MAD, both filtered by the autoregression of x (order <= 7 by AIC), y by its own first-order rest.
 *    See Dean and Dunsmuir 2016, 10.3758/s13428-015-0611-2.
 *
 * x, y     n daily increments (not levels) of the same days; NaN is missing
 * max_lag  >= 0
 * r        max_lag + 1 out; NaN where fewer than STATS_LEADLAG_LEAST pairs are known or a series does not vary
 * p_value  max_lag + 1 out; Fisher's z with the effective number of pairs of Pyper and Peterman (1998,
 *          10.1139/f98-104), not adjusted for the number of lags: see stats_adjust_bh()
 *
 * STATS_TOO_FEW (all NaN) when no lag can be judged.
 */
extern StatsStatus
stats_lead_lag(const double *x, const double *y, int n, int max_lag, double *r, double *p_value);

#endif
