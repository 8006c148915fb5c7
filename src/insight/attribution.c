/*
 * attribution.c
 *    What was published around a spike. A day with a post is no rare day: how often other days would have had as good
 *    a candidate is part of the answer (stats/placebo.h). Never "caused", only "coincided with".
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/posts.h"
#include "insight/spikes.h"

#define BACK_DAYS      2 /* a candidate is at most so much older than the event */
#define DRAWS          999
#define WEEKDAYS_LEAST 40
#define SEED           UINT64_C(0x5eed)
#define EVENTS_MOST    24

const char *
say_post(const Post *post)
{
	if (post->release)
		return post->shared ? "the joint release" : "the release";
	if (post->shared)
		return "the collaboration post";
	return psprintf("the %s%s", post->kind, strcmp(post->kind, "status") == 0 ? " post" : "");
}

/* Share of the platform's posts that drew less. */
static double
percentile(const Outlet *outlet, const Post *post)
{
	double own = isnan(post->interactions) ? post->views : post->interactions;
	int below = 0;
	int known = 0;

	if (isnan(own))
		return NAN;
	for (int i = 0; i < outlet->post_count; i++)
	{
		const Post *other = &outlet->posts[i];
		double value = isnan(other->interactions) ? other->views : other->interactions;

		if (isnan(value))
			continue;
		known++;
		below += value < own;
	}
	return known > 1 ? (double) below / (known - 1) : NAN;
}

void
attribute_spike(const Run *run, const Outlet *outlet, const Track *track, int at, const SpikeEvent *events,
				int count, int slice, Attribution *result)
{
	const Artist *artist = run->artist;
	int room = 0;
	int n = 0;
	int first = at;
	int openings[EVENTS_MOST];
	Candidate *candidates;
	const Post **posts;
	const Outlet **outlets;
	StringInfoData json;

	memset(result, 0, sizeof(Attribution));
	for (int i = 0; i < artist->outlet_count; i++)
		room += artist->outlets[i].post_count;
	candidates = palloc(sizeof(Candidate) * (room + 1));
	posts = palloc(sizeof(Post *) * (room + 1));
	outlets = palloc(sizeof(Outlet *) * (room + 1));
	for (int i = 0; i < artist->outlet_count; i++)
	{
		const Outlet *other = &artist->outlets[i];

		for (int j = 0; j < other->post_count; j++)
		{
			const Post *post = &other->posts[j];
			int day = run_day(run, post->day);

			if (day < 0 || post->day > run->as_of)
				continue;
			candidates[n] = (Candidate){day, NAN, other == outlet};
			posts[n] = post;
			outlets[n++] = other;
			first = Min(first, day);
		}
	}
	/* the days from the first post on: before it no day could have had a candidate */
	for (int i = 0; i < n; i++)
	{
		candidates[i].percentile = percentile(outlets[i], posts[i]);
		candidates[i].day -= first;
	}
	count = Min(count, EVENTS_MOST);
	for (int i = 0; i < count; i++)
		openings[i] = events[i].open + slice - first;
	/* days of the same weekday where there are enough of them to tell anything, else all days */
	if (stats_placebo(at - first + 1, at - first, openings, count, candidates, n,
					  at - first >= 7 * WEEKDAYS_LEAST ? 7 : 1, BACK_DAYS, DRAWS, SEED,
					  &result->placebo) == STATS_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while looking for what coincided with a spike.")));
	if (result->placebo.best >= 0)
	{
		result->post = posts[result->placebo.best];
		result->outlet = outlets[result->placebo.best];
	}
	initStringInfo(&json);
	for (int i = 0; i < n; i++)
	{
		if (stats_candidate_score(&candidates[i], at - first, BACK_DAYS) <= 0)
			continue;
		if (result->count++ < 10 || run->full)
			put_post(&json, posts[i], outlets[i]->platform->name);
	}
	result->json = json.data;
}
