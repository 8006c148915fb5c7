/*
 * ranks.h
 *    Comparing two groups by ranks: tests, effects and intervals that one viral post cannot move.
 *
 * NaN is missing and dropped. Infinite values take part by their order in the tests; differences of infinities make an
 * estimate NaN. A group without a value gives STATS_TOO_FEW and NaN everywhere. p-values are two-sided. All values
 * equal: p = 1, superiority 0.5, shift 0.
 */
#ifndef DREAMSUITE_STATS_RANKS_H
#define DREAMSUITE_STATS_RANKS_H

/* Up to this many pairs n*m the Mann-Whitney test and its interval are exact. */
#define STATS_EXACT_PAIRS 400

typedef struct MannWhitney
{
	int n_a, n_b;       /* known values */
	double u;           /* pairs where a is larger, equal pairs counted half */
	double superiority; /* u / (n_a n_b): how often a random a beats a random b */
	double z;           /* normal score with continuity and tie correction, signed like u */
	double p_value;     /* exact (given the ties) up to STATS_EXACT_PAIRS, else from z */
	bool exact;
} MannWhitney;

/* Mann and Whitney (1947, 10.1214/aoms/1177730491). Exact p: P(|U - mean| >= observed) over all splits of the ranks. */
extern StatsStatus stats_mann_whitney(const double *a, int na, const double *b, int nb, MannWhitney *result);

typedef struct BrunnerMunzel
{
	int n_a, n_b;
	double statistic; /* positive when a tends to be larger; +-inf when the groups do not overlap */
	double df;        /* Welch-Satterthwaite; NaN when the groups do not overlap */
	double superiority;
	double p_value;
} BrunnerMunzel;

/*
 * Brunner and Munzel (2000, Biometrical Journal 42:17-25): equal superiority without equal variance; t approximation,
 * good from 10 values each. Fewer than 2 in a group: STATS_TOO_FEW. Groups that do not overlap have no variance: the
 * p-value is then that of the Mann-Whitney test.
 *
 * No fact is told by this one or the next: test/sim_stats/null.c holds the tests of facts against them.
 */
extern StatsStatus
stats_brunner_munzel(const double *a, int na, const double *b, int nb, BrunnerMunzel *result);

/*
 * The same statistic against its own permutation distribution (Neubert and Brunner 2007, 10.1016/j.csda.2006.05.024),
 * for small groups: p = (1 + draws at least as extreme) / (1 + draws), draws random splits from `seed`.
 */
extern StatsStatus stats_brunner_munzel_permuted(const double *a, int na, const double *b, int nb, int draws,
												 uint64_t seed, BrunnerMunzel *result);

/*
 * As above, but splits move whole blocks of `block` neighbouring days, for two stretches of one daily series that
 * touch: a before, b after. A last block may be short. All splits are tried when there are no more than `draws`.
 */
extern StatsStatus stats_brunner_munzel_blocks(const double *a, int na, const double *b, int nb, int block,
											   int draws, uint64_t seed, BrunnerMunzel *result);

typedef struct Shift
{
	double estimate;
	double lo, hi; /* NaN when no interval of that level exists for so few values */
} Shift;

/*
 * stats_hodges_lehmann
 *    Hodges and Lehmann (1963, 10.1214/aoms/1177704172): the median of all a - b, with the interval that the
 *    Mann-Whitney test does not reject at 1 - level. On logarithms, exp() of the three is a ratio.
 *
 * level  in (0, 1), as 0.9
 *
 * Time (n + m) log; no memory for the pairs.
 */
extern StatsStatus
stats_hodges_lehmann(const double *a, int na, const double *b, int nb, double level, Shift *shift);

typedef struct SignedRank
{
	int n;              /* differences that are known and not 0 */
	double w;           /* sum of the ranks of positive differences */
	double superiority; /* share of positive among positive and negative */
	double p_value;     /* exact (given the ties) up to 50 differences */
	bool exact;
	Shift shift; /* median of the means of all pairs of differences (zeros included), interval by inversion */
} SignedRank;

/*
 * stats_signed_rank
 *    Wilcoxon's test of paired differences, as one weekend-minus-week difference per week. Zeros are dropped from the
 *    test. STATS_TOO_FEW without a known difference; all differences 0: p = 1, shift 0.
 */
extern StatsStatus stats_signed_rank(const double *difference, int n, double level, SignedRank *result);

/*
 * stats_week_differences
 *    One difference per calendar week: mean of the days in the set minus mean of the others.
 *
 * x        n daily values, on a log or Anscombe scale
 * first    weekday of x[0], 0 .. 6
 * days     bit d set: weekday d belongs to the set (0x60 = days 5 and 6)
 * out      room for n / 7 + 2; returns how many. Only weeks where at least half of each side (rounded up) is known.
 *
 * Weeks start at weekday 0.
 */
extern int stats_week_differences(const double *x, int n, int first, unsigned days, double *out);

typedef struct Stratified
{
	int n_a, n_b; /* values in strata that hold both groups */
	int strata;   /* such strata */
	double z;
	double p_value;     /* normal approximation with tie correction */
	double superiority; /* over the pairs within strata */
	Shift shift;        /* a - b within strata: where the statistic crosses 0, and where it is rejected */
} Stratified;

/*
 * stats_van_elteren
 *    Wilcoxon's test within strata, weighted 1 / (N_s + 1) (van Elteren 1960, Bull. Int. Stat. Inst. 37:351-361).
 *
 * y        n values; NaN is dropped
 * in_a     whether each belongs to group a
 * stratum  any label, as the weekday when formats are compared
 *
 * STATS_TOO_FEW when no stratum holds both groups.
 */
extern StatsStatus stats_van_elteren(const double *y, const bool *in_a, const int *stratum, int n,
									 double level, Stratified *result);

/*
 * stats_cramers_v
 *    Association of two labels 0 .. k-1 and 0 .. l-1 over n items, 0 to 1 (Cramer 1946, ch. 21), without the small
 *    sample correction. Negative labels are left out. 0 when a label does not vary; NaN when memory fails.
 */
extern double stats_cramers_v(const int *first, const int *second, int n, int k, int l);

#endif
