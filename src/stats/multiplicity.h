/*
 * multiplicity.h
 *    q-values: p-values adjusted for the number of tests.
 */
#ifndef DREAMSUITE_STATS_MULTIPLICITY_H
#define DREAMSUITE_STATS_MULTIPLICITY_H

/*
 * stats_adjust_bh
 *    Benjamini and Hochberg (1995, 10.1111/j.2517-6161.1995.tb02031.x): q(i) = min over j >= i of p(j) m / j, for
 *    tests that are independent or positively dependent.
 *
 * p      n p-values in [0, 1]; NaN stays NaN and is not counted
 * tests  the number of tests that were run, when silent ones are not among p; smaller numbers, as 0, mean the
 *        number of known p
 * q      n values out, may be p itself
 */
extern StatsStatus stats_adjust_bh(const double *p, int n, int tests, double *q);

#endif
