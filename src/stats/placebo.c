/*
 * placebo.c
 *    Attribution of an event to a candidate, against placebo days. See placebo.h.
 */
#include "stats/stats.h"
#include "stats/placebo.h"

#include <stdlib.h>

#define CLEAR_DAYS 14

double
stats_candidate_score(const Candidate *candidate, int day, int back)
{
	int age = day - candidate->day;
	double percentile = isnan(candidate->percentile) ? 0.5 : fmin(fmax(candidate->percentile, 0.0), 1.0);

	if (age < 0 || age > back)
		return 0.0;
	return 0.5 * percentile + 0.25 * exp2(-age) + (candidate->same_platform ? 0.25 : 0.0);
}

static double
best_score(const Candidate *candidates, int n, int day, int back, int *best, double *next)
{
	double highest = 0.0;

	*best = -1;
	*next = 0.0;
	for (int i = 0; i < n; i++)
	{
		double score = stats_candidate_score(&candidates[i], day, back);

		if (score > highest)
		{
			*next = highest;
			highest = score;
			*best = i;
		}
		else if (score > *next)
			*next = score;
	}
	return highest;
}

static bool
is_clear(int candidate_day, int day, const int *events, int n_events)
{
	if (abs(candidate_day - day) < CLEAR_DAYS)
		return false;
	for (int i = 0; i < n_events; i++)
	{
		if (abs(candidate_day - events[i]) < CLEAR_DAYS)
			return false;
	}
	return true;
}

StatsStatus
stats_placebo(int n, int day, const int *events, int n_events, const Candidate *candidates, int n_candidates,
			  int period, int back, int draws, uint64_t seed, Placebo *placebo)
{
	int *clear = malloc(sizeof(int) * (n + 1));
	StatsRandom random = {seed};
	int as_high = 0;
	int tried;

	*placebo = (Placebo){PLACEBO_UNEXPLAINED, -1, 0.0, 0.0, STATS_UNKNOWN, 0};
	if (clear == NULL)
		return STATS_NO_MEMORY;
	placebo->score = best_score(candidates, n_candidates, day, back, &placebo->best, &placebo->next_score);

	/* The first `back` days have no full window before them. */
	for (int i = back; i < n; i++)
	{
		if ((i - day) % period == 0 && is_clear(i, day, events, n_events))
			clear[placebo->days++] = i;
	}
	tried = placebo->days < draws ? placebo->days : draws;
	for (int i = 0; i < tried; i++)
	{
		int at = placebo->days <= draws ? clear[i] : clear[stats_random_below(&random, placebo->days)];
		int ignored;
		double next;

		as_high += best_score(candidates, n_candidates, at, back, &ignored, &next) >= placebo->score;
	}
	if (tried > 0)
		placebo->p_value = (1.0 + as_high) / (1.0 + tried);
	if (placebo->best >= 0)
	{
		if (!(placebo->p_value <= 0.05))
			placebo->verdict = PLACEBO_POSSIBLE;
		else
			placebo->verdict = placebo->score >= 2.0 * placebo->next_score ? PLACEBO_LIKELY : PLACEBO_SEVERAL;
	}
	free(clear);
	return STATS_OK;
}
