/*
 * stats.h
 *    Words that every file of src/stats shares.
 *
 * src/stats is plain C over arrays of double: it knows nothing of PostgreSQL, asks no clock and keeps no state, so
 * the same input gives the same output, byte for byte. NaN means missing, and a result that cannot be known is NaN;
 * infinities are refused by callers before they get here (what happens otherwise is said per function).
 *
 * Memory: results go to memory of the caller. Working memory is malloc'd and freed inside; no function keeps or
 * returns memory of its own.
 */
#ifndef DREAMSUITE_STATS_H
#define DREAMSUITE_STATS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum StatsStatus
{
	STATS_OK = 0,
	STATS_TOO_FEW,  /* fewer values than the method needs: outputs are NaN or empty */
	STATS_NO_MEMORY /* malloc failed: outputs are undefined */
} StatsStatus;

#define STATS_UNKNOWN ((double) NAN)

/*
 * A small seeded generator (splitmix64: Steele, Lea and Flood 2014, 10.1145/2660193.2660195). Good enough to draw
 * permutations and simulated series, the same on every machine; no use for secrets.
 */
typedef struct StatsRandom
{
	uint64_t state;
} StatsRandom;

static inline uint64_t
stats_random_next(StatsRandom *random)
{
	uint64_t z = (random->state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static inline double
stats_random_uniform(StatsRandom *random)
{
	return (double) (stats_random_next(random) >> 11) * 0x1.0p-53;
}

/* Uniform in 0 .. limit - 1, limit > 0; the bias is below 2^-32 for every limit that fits an int. */
static inline int
stats_random_below(StatsRandom *random, int limit)
{
	return (int) (((stats_random_next(random) >> 32) * (uint64_t) limit) >> 32);
}

#endif
