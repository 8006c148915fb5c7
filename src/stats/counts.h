/*
 * counts.h
 *    Daily counts: stabilising their variance and taking the weekday out.
 */
#ifndef DREAMSUITE_STATS_COUNTS_H
#define DREAMSUITE_STATS_COUNTS_H

/*
 * Anscombe (1948, 10.1093/biomet/35.3-4.246): 2 sqrt(x + 3/8), near unit variance for Poisson counts. Negative counts
 * (purges) are mirrored at 0, so that it stays continuous and ascending. The inverse is the plain algebraic one. NaN
 * stays NaN, infinities stay.
 */
extern double stats_anscombe(double x);
extern double stats_anscombe_inverse(double y);

/* True when every known value is a whole number >= 0 (and true of none known). */
extern bool stats_is_counts(const double *x, int n);

/*
 * stats_phase_factors
 *    Multiplicative weekday factors: per phase (index modulo period) the median ratio of a value to the median of the
 *    period around it, shrunk towards 1 by k / (k + 3) where k is the number of ratios.
 *
 * x        n daily values, normally >= 0; ratios to a median that is not positive are left out
 * period   >= 1; 7 for weekdays
 * factors  period values out; 1 where a phase has fewer than 3 ratios, never below 0.1
 *
 * STATS_TOO_FEW (all factors 1) below three periods.
 */
extern StatsStatus stats_phase_factors(const double *x, int n, int period, double *factors);

/*
 * stats_phase_effects
 *    The additive form, for values already on a log or Anscombe scale: per phase the median distance to the median of
 *    the period around it, shrunk towards 0 in the same way.
 */
extern StatsStatus stats_phase_effects(const double *x, int n, int period, double *effects);

#endif
