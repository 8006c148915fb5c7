/*
 * ranks_internal.h
 *    Shared by the files that implement ranks.h.
 */
#ifndef DREAMSUITE_STATS_RANKS_INTERNAL_H
#define DREAMSUITE_STATS_RANKS_INTERNAL_H

/*
 * Doubled midranks of n values, whole numbers also under ties, in the order of the values. Returns the sum of t^3 - t
 * over groups of t ties, or -1 when memory fails.
 */
extern double stats_double_ranks(const double *x, int n, int *rank);

#endif
