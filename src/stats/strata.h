/*
 * strata.h
 *    Ranks within strata, made once, for many comparisons of the same values.
 *
 * stats_van_elteren() of ranks.h gives the interval too and takes its time; this is the test alone.
 */
#ifndef DREAMSUITE_STATS_STRATA_H
#define DREAMSUITE_STATS_STRATA_H

typedef struct StrataRanks
{
	int n;
	int *stratum; /* of each value: 0, 1, ... */
	int strata;
	double *score; /* (rank - mean rank) / (N + 1) within its stratum */
	int *size;     /* per stratum: N */
} StrataRanks;

/*
 * Ranks n known values; values of one stratum are neighbours. Free with stats_strata_free(), also after an error.
 * Any label will do for a stratum as long as neighbours that belong together share it.
 */
extern StatsStatus stats_strata_rank(StrataRanks *ranks, const double *y, const int *label, int n);
extern void stats_strata_free(StrataRanks *ranks);

typedef struct StrataTest
{
	int n_a, n_b; /* values in strata that hold both groups */
	int strata;   /* such strata */
	double z;     /* positive when a tends to be larger */
	double p_value;
} StrataTest;

/*
 * Group 1 against group 0; values with any other group are no part of the comparison, but keep their ranks: the
 * scores of their stratum are centred anew on the values that take part.
 *
 * STATS_TOO_FEW when no stratum holds both.
 */
extern StatsStatus stats_strata_test(const StrataRanks *ranks, const signed char *group, StrataTest *test);

#endif
