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

#define BACK_DAYS        2 /* a candidate is at most so much older than the event */
#define DRAWS            999
#define WEEKDAYS_LEAST   40
#define SPECIAL_P        0.025
#define CANDIDATES_SHOWN 5
#define SEED             UINT64_C(0x5eed)
#define EVENTS_MOST      24

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

/* The candidates of an event, in step; days count from the first post on. */
typedef struct Published
{
	int n;
	Candidate *candidates;
	const Post **posts;
	const Outlet **outlets;
} Published;

/* Everything that was published up to the event, on days that have a place in the series. */
static Published
list_published(const Run *run, const Outlet *outlet, int at, int *first)
{
	const Artist *artist = run->artist;
	Published all = {0};
	int room = 1;

	for (int i = 0; i < artist->outlet_count; i++)
		room += artist->outlets[i].post_count;
	all.candidates = palloc(sizeof(Candidate) * room);
	all.posts = palloc(sizeof(Post *) * room);
	all.outlets = palloc(sizeof(Outlet *) * room);
	*first = at;
	for (int i = 0; i < artist->outlet_count; i++)
	{
		const Outlet *other = &artist->outlets[i];

		for (int j = 0; j < other->post_count; j++)
		{
			const Post *post = &other->posts[j];
			int day = run_day(run, post->day);

			if (day < 0 || day > at)
				continue;
			all.candidates[all.n] = (Candidate){day, percentile(other, post), other == outlet};
			all.posts[all.n] = post;
			all.outlets[all.n++] = other;
			*first = Min(*first, day);
		}
	}
	/* before the first post no day could have had a candidate */
	for (int i = 0; i < all.n; i++)
		all.candidates[i].day -= *first;
	return all;
}

/* Work with others and releases: rare, so that one beside a spike says more than a post like every other. */
static Published
special_ones(const Published *all)
{
	Published special = {0};

	special.candidates = palloc(sizeof(Candidate) * (all->n + 1));
	special.posts = palloc(sizeof(Post *) * (all->n + 1));
	special.outlets = palloc(sizeof(Outlet *) * (all->n + 1));
	for (int i = 0; i < all->n; i++)
	{
		if (!all->posts[i]->shared && !all->posts[i]->release)
			continue;
		special.candidates[special.n] = all->candidates[i];
		special.posts[special.n] = all->posts[i];
		special.outlets[special.n++] = all->outlets[i];
	}
	return special;
}

static Placebo
judge(const Published *published, int day, const int *openings, int count)
{
	Placebo placebo;

	/* days of the same weekday where there are enough of them to tell anything, else all days */
	if (stats_placebo(day + 1, day, openings, count, published->candidates, published->n,
					  day >= 7 * WEEKDAYS_LEAST ? 7 : 1, BACK_DAYS, DRAWS, SEED, &placebo) == STATS_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while looking for what coincided with a spike.")));
	return placebo;
}

void
attribute_spike(const Run *run, const Outlet *outlet, int at, const SpikeEvent *events, int count, int slice,
				Attribution *result)
{
	int first;
	Published all = list_published(run, outlet, at, &first);
	Published special = special_ones(&all);
	Published *chosen = &special;
	int openings[EVENTS_MOST];
	StringInfoData json;

	memset(result, 0, sizeof(Attribution));
	count = Min(count, EVENTS_MOST);
	for (int i = 0; i < count; i++)
		openings[i] = events[i].open + slice - first;
	/* two looks: the first has to be twice as clear */
	result->placebo = judge(&special, at - first, openings, count);
	if (result->placebo.verdict != PLACEBO_LIKELY || result->placebo.p_value > SPECIAL_P)
	{
		result->placebo = judge(&all, at - first, openings, count);
		chosen = &all;
	}
	if (result->placebo.best >= 0)
		result->post = chosen->posts[result->placebo.best];
	initStringInfo(&json);
	for (int i = 0; i < all.n; i++)
	{
		if (stats_candidate_score(&all.candidates[i], at - first, BACK_DAYS) <= 0)
			continue;
		if (all.posts[i] == result->post)
			result->outlet = all.outlets[i];
		result->count++;
	}
	/* the best first */
	if (result->post)
		put_post(&json, result->post, result->outlet->platform->name);
	for (int i = all.n - 1, shown = 1; i >= 0 && (run->full || shown < CANDIDATES_SHOWN); i--)
	{
		if (all.posts[i] == result->post ||
			stats_candidate_score(&all.candidates[i], at - first, BACK_DAYS) <= 0)
			continue;
		put_post(&json, all.posts[i], all.outlets[i]->platform->name);
		shown++;
	}
	result->json = json.data;
}
