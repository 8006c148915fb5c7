/*
 * posts.c
 *    What posts tell: engagement by weekday, and the best of the last 30 days.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "dashboard/html.h"
#include "dashboard/sections.h"
#include "stats/stats.h"
#include "stats/robust.h"

/* Fewer posts of a cell say nothing; a row needs this many in all. */
#define CELL_LEAST 3
#define ROW_LEAST  14
#define SHRINK     3 /* few posts are pulled towards 1: n / (n + 3) of their logarithm */
#define NEAR_POSTS 5 /* on each side: an account grows, so a post is measured against its neighbours */
#define POST_AGE   7 /* days until most reactions have come */
#define BEST_POSTS 8
#define WEEKDAYS   7

static const char *const weekday_names[WEEKDAYS] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
													"Friday", "Saturday", "Sunday"};

/* ---- Engagement by weekday ---- */

/* Logarithms of reactions against the neighbours' median, by weekday. */
typedef struct Week
{
	int place; /* of the platform */
	int posts;
	int n[WEEKDAYS];
	double *values[WEEKDAYS];
} Week;

static void
week_put(Week *week, int weekday, double value, int room)
{
	if (week->values[weekday] == NULL)
		week->values[weekday] = palloc(sizeof(double) * room);
	week->values[weekday][week->n[weekday]++] = value;
	week->posts++;
}

/* Reads one platform's posts, [from, to), which are in the order of time. */
static void
read_week(const Gathered *g, int from, int to, Week *week, Week *all)
{
	double *reactions = palloc(sizeof(double) * (to - from + 1));
	int *weekdays = palloc(sizeof(int) * (to - from + 1));
	double near[2 * NEAR_POSTS];
	int n = 0;

	week->place = g->posts[from].place;
	for (int i = from; i < to; i++)
	{
		if (isnan(g->posts[i].interactions) || g->posts[i].day > g->as_of - POST_AGE)
			continue;
		reactions[n] = log(g->posts[i].interactions + 0.5);
		weekdays[n++] = g->posts[i].weekday;
	}
	if (n < ROW_LEAST)
		return;
	for (int i = 0; i < n; i++)
	{
		int count = 0;
		double value;

		for (int j = Max(0, i - NEAR_POSTS); j <= Min(n - 1, i + NEAR_POSTS); j++)
		{
			if (j != i)
				near[count++] = reactions[j];
		}
		value = reactions[i] - stats_median_inplace(near, count);
		week_put(week, weekdays[i], value, n);
		week_put(all, weekdays[i], value, g->post_count);
	}
}

/* Class of a cell's colour: three steps below and above what is usual. */
static int
shade(double ratio)
{
	static const double steps[] = {1.08, 1.25, 1.6};
	int level = 0;

	for (int i = 0; i < (int) lengthof(steps); i++)
	{
		if (ratio >= steps[i])
			level = i + 1;
		else if (ratio <= 1 / steps[i])
			level = -(i + 1);
	}
	return level;
}

static void
put_week(StringInfo out, const Week *week, const char *name, bool all)
{
	appendStringInfo(out, "<tr%s><th scope=\"row\">%s</th>", all ? " class=\"all\"" : "", name);
	for (int day = 0; day < WEEKDAYS; day++)
	{
		int n = week->n[day];
		double ratio =
			n >= CELL_LEAST ? exp(stats_median_inplace(week->values[day], n) * n / (n + SHRINK)) : NAN;
		int level = isnan(ratio) ? 0 : shade(ratio);

		if (isnan(ratio))
			appendStringInfo(out,
							 "<td class=\"few\"><span class=\"vh\">too few posts</span><span "
							 "aria-hidden=\"true\">\xE2\x80\x93</span>"
							 "<small>%d</small></td>",
							 n);
		else
			appendStringInfo(out,
							 "<td class=\"%s%d\">%s<small>%d<span class=\"vh\"> posts</span></small></td>",
							 level < 0 ? "lo" : "hi", abs(level), ratio_digits(ratio), n);
	}
	appendStringInfoString(out, "</tr>");
}

void
section_weekday(StringInfo out, const Gathered *g)
{
	Week *weeks = palloc0(sizeof(Week) * (g->card_count + 16));
	Week all = {0};
	int count = 0;

	for (int from = 0; from < g->post_count;)
	{
		int to = from;

		while (to < g->post_count && g->posts[to].place == g->posts[from].place)
			to++;
		read_week(g, from, to, &weeks[count], &all);
		count += weeks[count].posts > 0;
		from = to;
	}
	if (count == 0)
		return;
	appendStringInfoString(
		out,
		"<section class=\"panel\" aria-labelledby=\"h-week\"><h2 id=\"h-week\">Engagement by weekday</h2>"
		"<p class=\"lead\">Reactions to a post against the posts around it: 1.0 is usual, 1.5 half as much "
		"again. Small numbers count posts; few of them are pulled towards 1.</p>"
		"<table class=\"heat\"><caption class=\"vh\">Median reactions by platform and weekday, relative to "
		"neighbouring posts</caption>"
		"<thead><tr><td></td>");
	for (int day = 0; day < WEEKDAYS; day++)
		appendStringInfo(out, "<th scope=\"col\"><abbr title=\"%s\">%.3s</abbr></th>", weekday_names[day],
						 weekday_names[day]);
	appendStringInfoString(out, "</tr></thead><tbody>");
	for (int i = 0; i < count; i++)
		put_week(out, &weeks[i], platforms[weeks[i].place]->label, false);
	if (count > 1)
		put_week(out, &all, "All", true);
	appendStringInfoString(
		out, "</tbody></table><p class=\"scale\" aria-hidden=\"true\"><span>below usual</span>"
			 "<i class=\"lo3\"></i><i class=\"lo2\"></i><i class=\"lo1\"></i><i class=\"hi0\"></i>"
			 "<i class=\"hi1\"></i><i class=\"hi2\"></i><i class=\"hi3\"></i><span>above</span></p>"
			 "<p class=\"note\">Most differences between weekdays are chance. One that is not appears "
			 "among the facts.</p></section>");
}

/* ---- The best posts ---- */

static double
standing(const DashboardPost *post)
{
	return post->usual > 0 ? post->interactions / post->usual : NAN;
}

/* By reactions against what is usual on the platform; where that is unknown, by reactions. */
static int
compare_posts(const void *a, const void *b)
{
	const DashboardPost *x = *(const DashboardPost *const *) a;
	const DashboardPost *y = *(const DashboardPost *const *) b;
	double u = standing(x), v = standing(y);

	if (isnan(u) != isnan(v))
		return isnan(u) ? 1 : -1;
	if (isnan(u))
	{
		u = x->interactions;
		v = y->interactions;
	}
	if (u != v)
		return u > v ? -1 : 1;
	return x->day != y->day ? (x->day > y->day ? -1 : 1) : x->place - y->place;
}

void
section_posts(StringInfo out, const Gathered *g)
{
	const DashboardPost **best = palloc(sizeof(DashboardPost *) * (g->post_count + 1));
	int count = 0;

	for (int i = 0; i < g->post_count; i++)
	{
		if (g->posts[i].day > g->as_of - 30 && !isnan(g->posts[i].interactions))
			best[count++] = &g->posts[i];
	}
	if (count == 0)
		return;
	qsort(best, count, sizeof(DashboardPost *), compare_posts);
	appendStringInfoString(
		out,
		"<section class=\"panel\" aria-labelledby=\"h-posts\"><h2 id=\"h-posts\">Posts that stood out</h2>"
		"<p class=\"lead\">Of the last 30 days, by reactions against what is usual for the platform.</p><ol "
		"class=\"posts\">");
	for (int i = 0; i < Min(count, BEST_POSTS); i++)
	{
		const DashboardPost *post = best[i];
		double ratio = standing(post);
		bool titled = post->title && post->title[0];

		appendStringInfo(out, "<li class=\"k%d\"><div><p class=\"title\">", post->place);
		if (html_is_link(post->url))
		{
			appendStringInfoString(out, "<a rel=\"noopener noreferrer\" href=\"");
			html_text(out, post->url, 2000);
			appendStringInfoString(out, "\">");
		}
		if (titled)
			html_name(out, post->title, HTML_TITLE_MOST);
		else
			appendStringInfo(out, "<span class=\"muted\">%s without words</span>", "Post");
		appendStringInfo(out, "%s</p><p class=\"muted\"><span class=\"key\" aria-hidden=\"true\"></span>%s ",
						 html_is_link(post->url) ? "</a>" : "", platforms[post->place]->label);
		html_text(out, post->kind, 30);
		appendStringInfoString(out, ", ");
		html_day(out, post->day);
		appendStringInfoString(out, "</p></div><p class=\"score\">");
		if (!isnan(ratio))
			appendStringInfo(out, "<b>%s</b><small>usual</small>", ratio_text(ratio));
		appendStringInfoString(out, "<span>");
		html_number(out, post->interactions);
		appendStringInfoString(out, " reactions</span></p></li>");
	}
	appendStringInfoString(out, "</ol></section>");
}
