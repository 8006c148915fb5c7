/*
 * placebo.h
 *    Which post or release coincided with a spike, and would one have coincided with any other day too?
 */
#ifndef DREAMSUITE_STATS_PLACEBO_H
#define DREAMSUITE_STATS_PLACEBO_H

/* Something that may have moved a number: a post, a release, a playlist add. */
typedef struct Candidate
{
	int day;            /* index in the series; any order */
	double percentile;  /* its reach or engagement among the artist's own, 0 to 1; NaN counts as 0.5 */
	bool same_platform; /* as the series */
} Candidate;

/*
 * stats_candidate_score
 *    1/2 percentile + 1/4 2^-days + 1/4 for the same platform, 0 to 1; 0 when the candidate is later than the day or
 *    more than `back` days earlier.
 */
extern double stats_candidate_score(const Candidate *candidate, int day, int back);

typedef enum PlaceboVerdict
{
	PLACEBO_UNEXPLAINED, /* no candidate in the window */
	PLACEBO_POSSIBLE,    /* p > 0.05: such candidates are common */
	PLACEBO_SEVERAL,     /* p <= 0.05, but the next best scores more than half as high */
	PLACEBO_LIKELY       /* p <= 0.05 and twice the score of the next best */
} PlaceboVerdict;

typedef struct Placebo
{
	PlaceboVerdict verdict;
	int best;          /* index of the best candidate, -1 for none; of equal ones the first */
	double score;      /* its score; 0 for none */
	double next_score; /* of the second best; 0 for none */
	double p_value; /* share of placebo days whose best candidate scores as high; NaN without placebo days */
	int days;       /* different days that could serve as placebo */
} Placebo;

/*
 * stats_placebo
 *    The event of `day` against random other days of the same weekday.
 *
 * n                  days in the series
 * events, n_events   opening days of all events; placebo days keep 14 days away from each, and from `day`
 * period             7 for the same weekday, 1 for any day
 * back               candidates may be up to this many days older than the event
 * draws, seed        as 999; when no more days than draws can serve, each is taken once and nothing is random
 *
 * p = (1 + days with as high a score) / (1 + days). Without a candidate p is 1 where placebo days exist.
 */
extern StatsStatus
stats_placebo(int n, int day, const int *events, int n_events, const Candidate *candidates, int n_candidates,
			  int period, int back, int draws, uint64_t seed, Placebo *placebo);

#endif
