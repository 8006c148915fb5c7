/*
 * compare.c
 *    Comparing the posts of one platform: by kind, weekday, time of day, and with others or alone.
 *
 * An account changes: it grows, and it takes up new formats. Posts are therefore compared with their neighbours in
 * time alone: ranks within blocks of posts that follow each other, weekdays within calendar weeks. A format that was
 * never posted beside another is not compared with it, however different their numbers are.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/posts.h"
#include "stats/strata.h"

/* Posts of one block, and the least that a last one holds. */
#define BLOCK_POSTS 12
#define BLOCK_LEAST 6

/* Share of the posts that must have a number for it to be used. */
#define SHARE_KNOWN 0.8

#define DAYPARTS 4

static const char *const by_names[BY_COUNT] = {"kind", "weekday", "daypart", "shared"};

const char *
compare_by_name(CompareBy by)
{
	return by_names[by];
}

static const char *
daypart_name(int part)
{
	static const char *const names[DAYPARTS] = {"00:00-06:00", "06:00-12:00", "12:00-18:00", "18:00-24:00"};

	return names[part];
}

/* Names the kinds that occur, those with most posts first. A kind beyond the eighth is compared with nothing. */
static void
list_kinds(Sample *sample)
{
	int posts[KINDS_MOST] = {0};
	int place[KINDS_MOST];
	const char *kinds[KINDS_MOST];
	int n = 0;

	sample->kind = palloc(sizeof(int) * (sample->n + 1));
	for (int i = 0; i < sample->n; i++)
	{
		int k = 0;

		while (k < n && strcmp(kinds[k], sample->posts[i]->kind) != 0)
			k++;
		if (k == n && n < KINDS_MOST)
			kinds[n++] = sample->posts[i]->kind;
		sample->kind[i] = k < n ? k : -1;
		if (k < n)
			posts[k]++;
	}
	for (int k = 0; k < n; k++)
	{
		place[k] = 0;
		for (int j = 0; j < n; j++)
			place[k] += posts[j] > posts[k] || (posts[j] == posts[k] && strcmp(kinds[j], kinds[k]) < 0);
		sample->kinds[place[k]] = kinds[k];
	}
	sample->kind_count = n;
	for (int i = 0; i < sample->n; i++)
	{
		if (sample->kind[i] >= 0)
			sample->kind[i] = place[sample->kind[i]];
	}
}

/* Is it old enough on the day, and one of those that stay? */
static bool
is_comparable(const Post *post, DateADT settled)
{
	return post->day <= settled - POST_AGE && strcmp(post->kind, "story") != 0;
}

void
sample_posts(const Run *run, const Outlet *outlet, Sample *sample)
{
	DateADT settled = outlet_settled(outlet, run);
	int early = 0, early_views = 0, reactions = 0, views = 0;
	int n = 0;

	memset(sample, 0, sizeof(Sample));
	sample->outlet = outlet;
	sample->posts = palloc(sizeof(Post *) * (outlet->post_count + 1));
	sample->reaction = palloc(sizeof(double) * (outlet->post_count + 1));
	sample->reach = palloc(sizeof(double) * (outlet->post_count + 1));
	for (int i = 0; i < outlet->post_count; i++)
	{
		const Post *post = &outlet->posts[i];

		if (!is_comparable(post, settled))
			continue;
		sample->posts[n++] = post;
		early += !isnan(post->early);
		early_views += !isnan(post->early_views);
		reactions += !isnan(post->interactions);
		views += !isnan(post->views);
	}
	sample->by_reaction = reactions >= SHARE_KNOWN * n;
	sample->early = early >= SHARE_KNOWN * n && n > 0;
	sample->by_views = n > 0 && (sample->early ? early_views >= SHARE_KNOWN * n : views >= SHARE_KNOWN * n);
	for (int i = 0; i < n; i++)
	{
		const Post *post = sample->posts[i];
		double reaction = sample->early ? post->early : post->interactions;
		double reach = sample->early ? post->early_views : post->views;

		if (!sample->by_reaction)
			reaction = reach;
		if (!sample->by_views)
			reach = reaction;
		if (isnan(reaction) || isnan(reach))
			continue;
		sample->posts[sample->n] = post;
		sample->reaction[sample->n] = log(reaction + 0.5);
		sample->reach[sample->n] = log(reach + 0.5);
		sample->n++;
	}
	list_kinds(sample);
}

static int
iso_week(DateADT day)
{
	return (day - weekday(day)) / 7;
}

/* Different weeks in which posts of the group were published. */
static int
count_weeks(const Sample *sample, const signed char *group, int side)
{
	int weeks = 0;
	int last = PG_INT32_MIN;

	for (int i = 0; i < sample->n; i++)
	{
		int week = iso_week(sample->posts[i]->day);

		if (group[i] == side && week != last)
		{
			weeks++;
			last = week;
		}
	}
	return weeks;
}

/* The strata: calendar weeks for weekdays, else blocks of neighbours. */
static int *
make_strata(const Sample *sample, CompareBy by)
{
	int *stratum = palloc(sizeof(int) * (sample->n + 1));

	for (int i = 0; i < sample->n; i++)
	{
		if (by == BY_WEEKDAY)
			stratum[i] = iso_week(sample->posts[i]->day);
		else
		{
			int block = i / BLOCK_POSTS;

			/* a short rest belongs to the block before */
			if (block > 0 && sample->n - block * BLOCK_POSTS < BLOCK_LEAST)
				block--;
			stratum[i] = block;
		}
	}
	return stratum;
}

/* Formats are compared by what people do, times by how many see it. */
static const double *
response(const Sample *sample, CompareBy by)
{
	return by == BY_KIND || by == BY_SHARED ? sample->reaction : sample->reach;
}

static void
finish_cell(Cell *cell, const StrataRanks *ranks)
{
	const Sample *sample = cell->sample;
	StrataTest test;

	cell->z = cell->p_value = NAN;
	for (int i = 0; i < sample->n; i++)
	{
		cell->n_a += cell->group[i] == 1;
		cell->n_b += cell->group[i] == 0;
	}
	cell->weeks_a = count_weeks(sample, cell->group, 1);
	cell->weeks_b = count_weeks(sample, cell->group, 0);
	if (cell->n_a < GROUP_LEAST || cell->n_b < GROUP_LEAST || sample->n < POSTS_LEAST ||
		cell->weeks_a < GROUP_WEEKS || cell->weeks_b < GROUP_WEEKS)
		return;
	if (stats_strata_test(ranks, cell->group, &test) != STATS_OK || test.n_a < GROUP_LEAST ||
		test.n_b < GROUP_LEAST)
		return;
	cell->z = test.z;
	cell->p_value = test.p_value;
}

static Cell *
new_cell(Cell *cells, int *count, const Sample *sample, CompareBy by, const char *a, const char *b, int level)
{
	Cell *cell = &cells[(*count)++];

	memset(cell, 0, sizeof(Cell));
	cell->sample = sample;
	cell->by = by;
	cell->a = a;
	cell->b = b;
	cell->level = level;
	cell->group = palloc(sample->n + 1);
	return cell;
}

static void
compare_kinds(const Sample *sample, Cell *cells, int *count, const StrataRanks *ranks)
{
	for (int a = 0; a < sample->kind_count; a++)
	{
		for (int b = a + 1; b < sample->kind_count; b++)
		{
			Cell *cell = new_cell(cells, count, sample, BY_KIND, sample->kinds[a], sample->kinds[b], 0);

			for (int i = 0; i < sample->n; i++)
				cell->group[i] = sample->kind[i] == a ? 1 : sample->kind[i] == b ? 0 : -1;
			finish_cell(cell, ranks);
		}
	}
}

static void
compare_levels(const Sample *sample, CompareBy by, Cell *cells, int *count, const StrataRanks *ranks)
{
	int levels = by == BY_WEEKDAY ? 8 : by == BY_DAYPART ? DAYPARTS : 1;

	for (int level = 0; level < levels; level++)
	{
		const char *a = by == BY_WEEKDAY   ? (level == WEEKEND_LEVEL ? "weekend" : say_weekday(level))
						: by == BY_DAYPART ? daypart_name(level)
										   : "with others";
		const char *b = by == BY_WEEKDAY ? "other days" : by == BY_DAYPART ? "other hours" : "alone";
		Cell *cell = new_cell(cells, count, sample, by, a, b, level);

		for (int i = 0; i < sample->n; i++)
		{
			const Post *post = sample->posts[i];

			if (by == BY_WEEKDAY)
				cell->group[i] =
					level == WEEKEND_LEVEL ? weekday(post->day) >= 5 : weekday(post->day) == level;
			else if (by == BY_DAYPART)
				cell->group[i] = Min(post->hour / 6, DAYPARTS - 1) == level;
			else
				cell->group[i] = post->shared;
		}
		finish_cell(cell, ranks);
	}
}

int
compare_cells(const Sample *sample, CompareBy by, Cell *cells, int count)
{
	StrataRanks ranks;
	int *stratum = make_strata(sample, by);

	if (stats_strata_rank(&ranks, response(sample, by), stratum, sample->n) != STATS_OK)
	{
		stats_strata_free(&ranks);
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while comparing posts.")));
	}
	if (by == BY_KIND)
		compare_kinds(sample, cells, &count, &ranks);
	else
		compare_levels(sample, by, cells, &count, &ranks);
	stats_strata_free(&ranks);
	return count;
}

void
cell_effect(const Cell *cell, Stratified *effect)
{
	const Sample *sample = cell->sample;
	const double *y = response(sample, cell->by);
	const int *strata = make_strata(sample, cell->by);
	double *values = palloc(sizeof(double) * (sample->n + 1));
	bool *in_a = palloc(sizeof(bool) * (sample->n + 1));

	for (int i = 0; i < sample->n; i++)
	{
		values[i] = cell->group[i] < 0 ? NAN : y[i];
		in_a[i] = cell->group[i] == 1;
	}
	if (stats_van_elteren(values, in_a, strata, sample->n, 0.9, effect) == STATS_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while comparing posts.")));
	pfree(values);
	pfree(in_a);
}

const char *
cell_content(const Cell *cell, bool full, int most)
{
	StringInfoData out;
	int shown[2] = {0, 0};

	initStringInfo(&out);
	/* the newest ones */
	for (int i = cell->sample->n - 1; i >= 0; i--)
	{
		int side = cell->group[i];

		if (side < 0 || (!full && shown[side] >= most))
			continue;
		shown[side]++;
		put_post(&out, cell->sample->posts[i], side == 1 ? cell->a : cell->b);
	}
	return out.data;
}
