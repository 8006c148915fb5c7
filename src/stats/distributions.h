/*
 * distributions.h
 *    Distribution functions: normal, Student's t, and the incomplete beta behind it.
 *
 * NaN in, NaN out. Infinite arguments give the limits.
 */
#ifndef DREAMSUITE_STATS_DISTRIBUTIONS_H
#define DREAMSUITE_STATS_DISTRIBUTIONS_H

/* P(Z <= z) and P(Z > z) of the standard normal; both keep full relative precision in their own tail. */
extern double stats_normal_cdf(double z);
extern double stats_normal_sf(double z);

/* The z with P(Z <= z) = p; -inf at 0, inf at 1, NaN outside [0, 1]. */
extern double stats_normal_quantile(double p);

/* P(T > t) of Student's t with df > 0 degrees of freedom (not necessarily whole); NaN when df <= 0. */
extern double stats_t_sf(double t, double df);

/* P(|T| >= |t|): the two-sided p-value. */
extern double stats_t_two_sided(double t, double df);

/*
 * Regularised incomplete beta function I_x(a, b), a, b > 0, x in [0, 1]; by the continued fraction of DiDonato and
 * Morris (1992, 10.1145/131766.131776), evaluated by Lentz's method. NaN outside its domain.
 */
extern double stats_beta_inc(double a, double b, double x);

#endif
