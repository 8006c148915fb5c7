/*
 * cross_platform.c
 *    What moves together across platforms, and where a release is best told of.
 *
 * Totals do not tell who the people are: that an audience "is the same" cannot be known from them. What can be tested
 * is whether one platform's days follow another's.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/posts.h"
#include "insight/spikes.h"
#include "stats/counts.h"
#include "stats/leadlag.h"
#include "stats/multiplicity.h"
#include "stats/robust.h"

#define PAIR_DAYS    180
#define PAIR_LEAST   60 /* days on which both are known */
#define PAIR_OUTLETS 6  /* those with most audience: every pair costs significance */
#define PAIR_LAGS    14
#define PAIR_R       0.3
#define EVENT_Z      4.0  /* a day beyond it belongs to an event */
#define CALM_P       0.01 /* of the one lag that was chosen already */
#define EVENT_TAIL   7    /* days after a release that belong to it */

#define RELEASE_DAYS  28 /* a release is new for so long */
#define REACH_POSTS   30 /* the newest posts say what a post reaches */
#define REACH_LEAST   10
#define REACH_OUTLETS 11
#define REACH_RATIO   1.1

/* ---- Lead and lag ---- */

typedef struct Activity
{
	const Outlet *outlet;
	const Track *track;
	double size;  /* of the audience */
	double *x;    /* gains of the window */
	double *calm; /* the same without the days of events */
} Activity;

/* The series that says how much happens on the platform. */
static const Track *
activity_track(const Outlet *outlet)
{
	const Track *tracks[] = {outlet->consumption, outlet->engagement, outlet->audience};

	for (int i = 0; i < lengthof(tracks); i++)
	{
		if (tracks[i] && tracks[i]->daily)
			return tracks[i];
	}
	return NULL;
}

/* Days far from what is usual, and the days after releases, are unknown in the calm series. */
static void
calm_down(const Run *run, Activity *activity, int from, int n)
{
	double *y = palloc(sizeof(double) * n);
	double *work = palloc(sizeof(double) * n);
	double effects[7];
	double centre, spread;

	for (int i = 0; i < n; i++)
		y[i] = stats_anscombe(activity->x[i]);
	stats_phase_effects(y, n, 7, effects);
	for (int i = 0; i < n; i++)
		y[i] -= effects[i % 7];
	centre = stats_median(y, n, work);
	spread = STATS_MAD_TO_SD * stats_mad(y, n, centre, work);
	activity->calm = palloc(sizeof(double) * n);
	for (int i = 0; i < n; i++)
		activity->calm[i] = spread > 0 && fabs(y[i] - centre) > EVENT_Z * spread ? NAN : activity->x[i];
	for (int i = 0; i < run->artist->outlet_count; i++)
	{
		const Outlet *outlet = &run->artist->outlets[i];

		for (int j = 0; j < outlet->post_count; j++)
		{
			int day = run_day(run, outlet->posts[j].day) - from;

			for (int k = day; k <= day + EVENT_TAIL && outlet->posts[j].release; k++)
			{
				if (k >= 0 && k < n)
					activity->calm[k] = NAN;
			}
		}
	}
}

static int
by_size(const void *a, const void *b)
{
	const Activity *left = a;
	const Activity *right = b;

	if (left->size != right->size)
		return left->size > right->size ? -1 : 1;
	return strcmp(left->outlet->platform->name, right->outlet->platform->name);
}

/* The largest platforms' activities over the same window; *from and *n are the days. */
static int
list_activities(const Run *run, Activity *activities, int *from, int *n)
{
	const Artist *artist = run->artist;
	int count = 0;
	int last = artist->set->days - 1;

	for (int i = 0; i < artist->outlet_count; i++)
	{
		const Outlet *outlet = &artist->outlets[i];
		const Track *track = activity_track(outlet);
		int settled = run_day(run, outlet_settled(outlet, run));
		int at;

		if (track == NULL || settled < PAIR_LEAST || track->series->known < PAIR_LEAST)
			continue;
		at = outlet->audience ? track_last(run, outlet->audience, run->as_of, 31) : -1;
		activities[count].outlet = outlet;
		activities[count].track = track;
		activities[count++].size = at < 0 ? 0 : outlet->audience->series->values[at];
		last = Min(last, settled);
	}
	qsort(activities, count, sizeof(Activity), by_size);
	count = Min(count, PAIR_OUTLETS);
	*from = Max(last - PAIR_DAYS + 1, 0);
	*n = last - *from + 1;
	for (int i = 0; i < count; i++)
	{
		activities[i].x = palloc(sizeof(double) * Max(*n, 1));
		for (int j = 0; j < *n; j++)
			activities[i].x[j] = *from + j > track_since(activities[i].track, last)
									 ? activities[i].track->gains[*from + j]
									 : NAN;
		activities[i].calm = NULL;
	}
	return count;
}

static int
both_known(const double *x, const double *y, int n, int lag)
{
	int known = 0;

	for (int i = 0; i + lag < n; i++)
		known += !isnan(x[i]) && !isnan(y[i + lag]);
	return known;
}

typedef struct PairTest
{
	const Activity *x, *y;
	int lag;
	double r;
} PairTest;

static bool
is_plural(const char *words)
{
	return words[0] && words[strlen(words) - 1] == 's';
}

static void
pair_fact(Run *run, PairTest *test, double p, double q, int lo, int hi, int from, int n)
{
	double r[PAIR_LAGS + 1], calm_p[PAIR_LAGS + 1];
	const char *what, *other, *when;
	bool calm;
	int known = both_known(test->x->x, test->y->x, n, test->lag);
	Fact *fact;

	if (q > 2 * family_level(FAMILY_PAIRS) || fabs(test->r) < PAIR_R || known < PAIR_LEAST)
		return;
	run->tested[FAMILY_PAIRS]++;
	fact = run_fact(run, CATEGORY_CROSS_PLATFORM, "lead_lag", test->x->outlet, test->x->track);
	fact->subject =
		psprintf("%s.%s-then-%s.%s", test->x->outlet->platform->name, test->x->track->series->metric,
				 test->y->outlet->platform->name, test->y->track->series->metric);
	fact->direction = test->r > 0 ? "up" : "down";
	fact->family = FAMILY_PAIRS;
	fact->evidence_class = EVIDENCE_TESTED;
	fact->q_value = q;
	run_add(run, fact);
	if (run->brief)
		return;

	if (test->x->calm == NULL)
		calm_down(run, (Activity *) test->x, from, n);
	if (test->y->calm == NULL)
		calm_down(run, (Activity *) test->y, from, n);
	/* does it hold on days on which nothing special happened? */
	calm = stats_lead_lag(test->x->calm, test->y->calm, n, PAIR_LAGS, r, calm_p) == STATS_OK &&
		   !isnan(calm_p[test->lag]) && calm_p[test->lag] <= CALM_P && r[test->lag] * test->r > 0;
	fact->p_value = p;
	fact->settled_through = series_date(run->artist->set, from + n - 1);
	fact->window_start = series_date(run->artist->set, from);
	fact->window_end = fact->settled_through;
	fact->effect = test->r;
	fact->effect_kind = "r";
	fact->value = test->lag;
	fact->unit = "days";
	fact->n = known;
	fact->n_baseline = known;
	fact->n_missing = n - test->lag - known;
	fact->least = PAIR_LEAST;
	fact->method = "pre-whitened cross-correlation of daily gains, Benjamini-Hochberg over lags and pairs";
	fact->parameters = "\"days\":180,\"max_lag\":14,\"least_r\":0.3,\"least_days\":60";
	fact->subject_json =
		psprintf("{\"leads\":{\"platform\":\"%s\",\"metric\":\"%s\"},\"follows\":{\"platform\":\"%s\","
				 "\"metric\":\"%s\"},\"lag\":%d}",
				 test->x->outlet->platform->name, test->x->track->series->metric,
				 test->y->outlet->platform->name, test->y->track->series->metric, test->lag);
	fact->extra = psprintf("\"lag\":%d,\"lag_lo\":%d,\"lag_hi\":%d,\"holds_without_events\":%s", test->lag,
						   lo, hi, calm ? "true" : "false");
	fact->rows = psprintf("%s,%s", evidence_rows(run, test->x->track, from, from + n - 1, 2),
						  evidence_rows(run, test->y->track, from, from + n - 1, 2));
	fact->caveats = lappend(fact->caveats, "correlation");
	if (!calm)
		fact->caveats = lappend(fact->caveats, "around_events");
	what = psprintf("%s %s", test->x->outlet->platform->label,
					say_gains(test->x->outlet->platform, test->x->track));
	other = psprintf("%s %s", test->y->outlet->platform->label,
					 say_gains(test->y->outlet->platform, test->y->track));
	when = test->lag == 0   ? "on the same day"
		   : test->lag == 1 ? "the next day"
							: psprintf("%d days later", test->lag);
	if (calm)
		fact->sentence = psprintf("On days your %s %s, your %s %s %s (r = %.2f over %d days).", what,
								  is_plural(what) ? "rise" : "rises", other,
								  test->r > 0 ? (is_plural(other) ? "rise" : "rises")
											  : (is_plural(other) ? "fall" : "falls"),
								  when, test->r, known);
	else
		fact->sentence =
			psprintf("Your %s and your %s move together around releases and other big days (%s, r = %.2f "
					 "over %d days).",
					 what, other, when, test->r, known);
	fact->suggested_action =
		test->lag > 0 && test->r > 0 && calm
			? psprintf("Have something ready on %s when %s moves.", test->y->outlet->platform->label,
					   test->x->outlet->platform->label)
			: "Watch both.";
	fact->action = test->lag > 0 ? 1 : 0.8;
}

static void
pair_facts(Run *run)
{
	Artist *artist = run->artist;
	Activity *activities = palloc(sizeof(Activity) * (artist->outlet_count + 1));
	int from, n;
	int count = list_activities(run, activities, &from, &n);
	int room = count * count * (PAIR_LAGS + 1) + 1;
	PairTest *tests = palloc(sizeof(PairTest) * room);
	double *p = palloc(sizeof(double) * room);
	double *q = palloc(sizeof(double) * room);
	int tested = 0;

	if (count < 2 || n < PAIR_LEAST)
		return;
	for (int a = 0; a < count; a++)
	{
		for (int b = 0; b < count; b++)
		{
			double r[PAIR_LAGS + 1], pairs_p[PAIR_LAGS + 1];

			if (a == b || both_known(activities[a].x, activities[b].x, n, 0) < PAIR_LEAST)
				continue;
			if (stats_lead_lag(activities[a].x, activities[b].x, n, PAIR_LAGS, r, pairs_p) != STATS_OK)
				continue;
			/* the same day is the same test in both directions */
			for (int lag = a < b ? 0 : 1; lag <= PAIR_LAGS; lag++)
			{
				if (isnan(pairs_p[lag]))
					continue;
				tests[tested] = (PairTest){&activities[a], &activities[b], lag, r[lag]};
				p[tested++] = pairs_p[lag];
			}
		}
	}
	run_judge(run, FAMILY_PAIRS, p, tested, q);
	/* of each ordered pair the clearest lag, with those that are nearly as clear */
	for (int i = 0, end; i < tested; i = end)
	{
		int best = i;
		int lo, hi;
		double near;

		for (end = i; end < tested && tests[end].x == tests[i].x && tests[end].y == tests[i].y; end++)
		{
			if (p[end] < p[best])
				best = end;
		}
		near = 1 / sqrt(Max(both_known(tests[best].x->x, tests[best].y->x, n, tests[best].lag) - 3, 1));
		lo = hi = tests[best].lag;
		for (int j = i; j < end; j++)
		{
			if (tests[j].r * tests[best].r > 0 && fabs(tests[j].r) >= fabs(tests[best].r) - near)
			{
				lo = Min(lo, tests[j].lag);
				hi = Max(hi, tests[j].lag);
			}
		}
		pair_fact(run, &tests[best], p[best], q[best], lo, hi, from, n);
	}
}

/* ---- Where to tell of a release ---- */

typedef struct Reach
{
	const Outlet *outlet;
	int n;
	const Post *posts[REACH_POSTS];
	double y[REACH_POSTS]; /* log of views */
	double middle;         /* median of y */
	int release_posts;     /* published within 3 days after a release */
	double lift;           /* their median over that of the others, log; 0 without enough of them */
} Reach;

/* The newest release of a music platform: out for less than four weeks, or announced. */
static const Post *
find_release(const Run *run, const Outlet **outlet)
{
	const Post *found = NULL;

	for (int i = 0; i < run->artist->outlet_count; i++)
	{
		const Outlet *other = &run->artist->outlets[i];

		for (int j = other->post_count - 1; j >= 0; j--)
		{
			const Post *post = &other->posts[j];

			if (!post->release || post->day <= run->as_of - RELEASE_DAYS)
				continue;
			/* Spotify first: the same release is on every platform */
			if (found == NULL || post->day > found->day ||
				(post->day == found->day && strcmp(other->platform->name, "spotify") == 0))
			{
				found = post;
				*outlet = other;
			}
			break;
		}
	}
	return found;
}

static bool
follows_release(const Run *run, const Post *post)
{
	for (int i = 0; i < run->artist->outlet_count; i++)
	{
		const Outlet *outlet = &run->artist->outlets[i];

		for (int j = 0; j < outlet->post_count; j++)
		{
			int days = post->day - outlet->posts[j].day;

			if (outlet->posts[j].release && days >= 0 && days <= 3)
				return true;
		}
	}
	return false;
}

/* What the newest posts of a platform reached, at an age at which that is known. */
static bool
measure_reach(const Run *run, const Outlet *outlet, Reach *reach)
{
	DateADT settled = outlet_settled(outlet, run);
	double near[REACH_POSTS], other[REACH_POSTS], work[REACH_POSTS];
	int others = 0;

	memset(reach, 0, sizeof(Reach));
	reach->outlet = outlet;
	for (int i = outlet->post_count - 1; i >= 0 && reach->n < REACH_POSTS; i--)
	{
		const Post *post = &outlet->posts[i];

		if (post->day > settled - POST_AGE || post->release || strcmp(post->kind, "story") == 0)
			continue;
		if (isnan(post->views))
			continue;
		reach->posts[reach->n] = post;
		reach->y[reach->n++] = log(post->views + 0.5);
	}
	if (reach->n < REACH_LEAST)
		return false;
	for (int i = 0; i < reach->n; i++)
	{
		if (follows_release(run, reach->posts[i]))
			near[reach->release_posts++] = reach->y[i];
		else
			other[others++] = reach->y[i];
	}
	reach->middle = stats_median(reach->y, reach->n, work);
	if (reach->release_posts >= 3 && others >= 3)
		reach->lift = stats_median(near, reach->release_posts, work) - stats_median(other, others, work);
	return true;
}

/*
 * "Promote your new Spotify release on TikTok": where a typical post reaches most, with the lift of posts that followed
 * a release (shrunken, as there are few). Told only where the first beats every other platform; the largest p-value
 * of those comparisons is that of the claim.
 */
static void
promotion_fact(Run *run)
{
	Reach *reaches = palloc(sizeof(Reach) * (run->artist->outlet_count + 1));
	int count = 0;
	int best = -1, second = -1;
	const Outlet *where = NULL;
	const Post *release = find_release(run, &where);
	double p = 0, q;
	double worth[REACH_OUTLETS + 1];
	Shift shift = {NAN, NAN, NAN};
	StringInfoData content, ranking;
	Fact *fact;

	if (release == NULL)
		return;
	for (int i = 0; i < run->artist->outlet_count && count < REACH_OUTLETS; i++)
	{
		if (!measure_reach(run, &run->artist->outlets[i], &reaches[count]))
			continue;
		worth[count] = reaches[count].middle + reaches[count].lift * reaches[count].release_posts /
												   (reaches[count].release_posts + 5.0);
		if (best < 0 || worth[count] > worth[best])
			best = count;
		count++;
	}
	if (count < 2)
		return;
	for (int i = 0; i < count; i++)
	{
		MannWhitney test;

		if (i == best)
			continue;
		if (second < 0 || worth[i] > worth[second])
			second = i;
		if (stats_mann_whitney(reaches[best].y, reaches[best].n, reaches[i].y, reaches[i].n, &test) !=
			STATS_OK)
			return;
		p = Max(p, test.superiority > 0.5 ? test.p_value : 1);
	}
	run_judge(run, FAMILY_PROMOTION, &p, 1, &q);
	if (q > 2 * family_level(FAMILY_PROMOTION))
		return;
	if (stats_hodges_lehmann(reaches[best].y, reaches[best].n, reaches[second].y, reaches[second].n, 0.9,
							 &shift) != STATS_OK ||
		isnan(shift.lo) || exp(shift.lo) < REACH_RATIO)
		return;
	run->tested[FAMILY_PROMOTION]++;
	fact = run_fact(run, CATEGORY_CROSS_PLATFORM, "release_promotion", reaches[best].outlet, NULL);
	fact->subject =
		psprintf("%s.%s-on-%s", where->platform->name, release->id, reaches[best].outlet->platform->name);
	fact->family = FAMILY_PROMOTION;
	fact->evidence_class = EVIDENCE_TESTED;
	fact->direction = "up";
	fact->q_value = q;
	run_add(run, fact);
	if (run->brief)
		return;

	fact->p_value = p;
	fact->subject_json =
		psprintf("{\"release_platform\":\"%s\",\"platform\":\"%s\",\"vs\":\"%s\"}", where->platform->name,
				 reaches[best].outlet->platform->name, reaches[second].outlet->platform->name);
	fact->window_start = reaches[best].posts[reaches[best].n - 1]->day;
	fact->window_end = reaches[best].posts[0]->day;
	fact->value = exp(reaches[best].middle) - 0.5;
	fact->baseline = exp(reaches[second].middle) - 0.5;
	fact->unit = "views";
	fact->effect = exp(shift.estimate);
	fact->effect_lo = exp(shift.lo);
	fact->effect_hi = exp(shift.hi);
	fact->effect_kind = "ratio";
	fact->n = reaches[best].n;
	fact->n_baseline = reaches[second].n;
	fact->least = REACH_LEAST;
	fact->method =
		"Mann-Whitney of views per post, first platform against every other, largest p; Hodges-Lehmann ratio";
	fact->parameters = "\"posts_most\":30,\"posts_least\":10,\"least_age_days\":7,\"interval_level\":0.9";
	initStringInfo(&content);
	put_post(&content, release, "release");
	for (int i = 0; i < reaches[best].n && (run->full || i < 5); i++)
		put_post(&content, reaches[best].posts[i], reaches[best].outlet->platform->name);
	for (int i = 0; i < reaches[second].n && (run->full || i < 5); i++)
		put_post(&content, reaches[second].posts[i], reaches[second].outlet->platform->name);
	fact->content = content.data;
	initStringInfo(&ranking);
	appendStringInfoString(&ranking, "\"ranking\":[");
	for (int i = 0; i < count; i++)
	{
		json_next(&ranking);
		appendStringInfoChar(&ranking, '{');
		json_put_text(&ranking, "platform", reaches[i].outlet->platform->name);
		json_put_number(&ranking, "median_views", rint(exp(reaches[i].middle) - 0.5));
		json_put_number(&ranking, "posts", reaches[i].n);
		json_put_number(&ranking, "release_posts", reaches[i].release_posts);
		json_put_number(&ranking, "release_lift", rint(exp(reaches[i].lift) * 1000) / 1000);
		appendStringInfoChar(&ranking, '}');
	}
	appendStringInfoChar(&ranking, ']');
	fact->extra = ranking.data;
	fact->caveats = lappend(fact->caveats, "views_are_counted_differently");
	fact->sentence = psprintf(
		"Promote your new %s release on %s for maximum reach: a typical post there reaches %s "
		"views, %s as many as on %s (%d and %d posts).",
		where->platform->label, reaches[best].outlet->platform->label, say_number(rint(fact->value)),
		say_ratio(fact->effect), reaches[second].outlet->platform->label, reaches[best].n, reaches[second].n);
	fact->suggested_action = psprintf("Post about the release on %s.", reaches[best].outlet->platform->label);
	fact->action = 1;
}

void
cross_platform_facts(Run *run)
{
	pair_facts(run);
	promotion_fact(run);
}
