/*
 * robust.h
 *    Median, median absolute deviation, quantiles, and helpers to handle arrays with missing values.
 *
 * Functions with "_inplace" reorder their argument, which must hold no NaN; the others take NaN as missing and need
 * `work`, room for n doubles. No values: NaN. One value: itself (and a deviation of 0). Constant: itself, 0. Infinite
 * values take part in medians and quantiles by their order; a deviation from an infinite median is NaN.
 */
#ifndef DREAMSUITE_STATS_ROBUST_H
#define DREAMSUITE_STATS_ROBUST_H

/* 1 / quantile_normal(3/4): makes the median absolute deviation estimate a normal's standard deviation. */
#define STATS_MAD_TO_SD 1.4826022185056018

/* Copies the values of x that are not NaN to out (room for n, may be x itself); returns how many. */
extern int stats_compact(const double *x, int n, double *out);

/* Sorts ascending; no NaN. */
extern void stats_sort(double *x, int n);

/* Fills order with 0 .. n-1 such that x[order[i]] ascends; equal values keep their order. No NaN. False: no memory. */
extern bool stats_order(const double *x, int n, int *order);

/* The k-th smallest (0-based) by quickselect; expected linear time, at worst n log n. */
extern double stats_select_inplace(double *x, int n, int k);

/* Median; the mean of the two middle values when n is even. */
extern double stats_median_inplace(double *x, int n);
extern double stats_median(const double *x, int n, double *work);

/* Median of |x - centre|, not scaled: multiply by STATS_MAD_TO_SD. */
extern double stats_mad(const double *x, int n, double centre, double *work);

/* Quantile of sorted values by linear interpolation (type 7 of Hyndman and Fan 1996); p is clamped to [0, 1]. */
extern double stats_quantile_sorted(const double *sorted, int n, double p);

/* Mean of the values that are known. */
extern double stats_mean(const double *x, int n);

/* Standard deviation with n - 1; NaN below two known values. */
extern double stats_sd(const double *x, int n);

/* Correlation of neighbours, over pairs where both are known; 0 when it is undefined (constant, fewer than 3 pairs). */
extern double stats_autocorrelation(const double *x, int n, int lag);

/* Clips known values to median +- width * scale (scaled MAD); nothing changes when the MAD is 0. In place. */
extern void stats_winsorise(double *x, int n, double width, double *work);

#endif
