/*
 * content.c
 *    What the artist's own posts teach: formats, weekdays, times of day, work with others.
 *
 * All comparisons of all platforms are one family. A difference is told when it is significant and when even the
 * cautious end of its interval is worth acting on; otherwise "no clear difference" is the fact, and an experiment that
 * would settle it the advice.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/posts.h"
#include "stats/multiplicity.h"

#define RATIO_LEAST     1.1 /* the near end of the interval must reach it */
#define CONFOUNDED      0.3 /* Cramer's V of format and weekday, without its bias */
#define EVIDENCE_POSTS  5   /* of each group, in short */
#define TRY_POSTS_LEAST 3
#define TRY_DETECT      1.4 /* the difference that an experiment should be able to show */

/* "videos" where the artist posts nothing else, else "posts". */
static const char *
say_posts(const Sample *sample)
{
	return sample->kind_count == 1 ? say_kind(sample->kinds[0], false) : "posts";
}

/* Association of format and weekday, less what chance gives to so few posts (Bergsma 2013, 10.1016/j.jkss.2012.10.002). */
static double
format_by_weekday(const Cell *cell)
{
	const Sample *sample = cell->sample;
	int *first = palloc(sizeof(int) * sample->n);
	int *second = palloc(sizeof(int) * sample->n);
	bool used[7] = {false};
	int days = 0;
	int n = 0;
	double v;

	for (int i = 0; i < sample->n; i++)
	{
		first[i] = cell->group[i];
		second[i] = weekday(sample->posts[i]->day);
		if (cell->group[i] < 0)
			continue;
		n++;
		days += !used[second[i]];
		used[second[i]] = true;
	}
	v = stats_cramers_v(first, second, sample->n, 2, 7);
	return n > 1 ? sqrt(Max(0, v * v - (days - 1.0) / (n - 1.0))) : 0;
}

/* Are views what was compared? Else interactions. */
static bool
compares_views(const Cell *cell)
{
	return cell->by == BY_KIND || cell->by == BY_SHARED ? !cell->sample->by_reaction : cell->sample->by_views;
}

/* "2.1x to 4.3x", or nothing where so few posts allow no interval */
static const char *
say_interval(const Stratified *effect)
{
	if (isnan(effect->shift.lo) || isnan(effect->shift.hi))
		return "";
	return psprintf(", %s to %s", say_ratio(exp(effect->shift.lo)), say_ratio(exp(effect->shift.hi)));
}

static const char *
content_sentence(const Cell *cell, const Stratified *effect, bool recommend)
{
	const char *label = cell->sample->outlet->platform->label;
	double ratio = exp(effect->shift.estimate);
	const char *counts = psprintf("(%d and %d posts%s)", cell->n_a, cell->n_b, say_interval(effect));
	const char *posts = say_posts(cell->sample);
	const char *measure = compares_views(cell) ? "views" : "engagement";

	switch (cell->by)
	{
		case BY_KIND:
			if (recommend)
				return psprintf("Post more %s: they get %s the %s of %s on %s %s.", say_kind(cell->a, true),
								say_ratio(ratio), measure, say_kind(cell->b, false), label, counts);
			return psprintf("Your %s %s get %s the %s of %s %s.", label, say_kind(cell->a, false),
							say_ratio(ratio), measure, say_kind(cell->b, false), counts);
		case BY_WEEKDAY:
			if (cell->level == WEEKEND_LEVEL)
				return psprintf(
					"%s %s on weekends: your %s %s of Saturdays and Sundays perform %s %s than those of "
					"other days of the same weeks %s.%s",
					compares_views(cell) ? "Views" : "Engagement",
					compares_views(cell) ? (ratio > 1 ? "rise" : "drop") : (ratio > 1 ? "rises" : "drops"),
					label, posts, say_percent(100 * fabs(ratio - 1)), ratio > 1 ? "better" : "worse", counts,
					ratio > 1 ? "" : " Consider scheduling posts differently.");
			return psprintf(
				"Your %s %s posted on %ss perform %s %s than those of other days of the same weeks %s.",
				label, posts, cell->a, say_percent(100 * fabs(ratio - 1)), ratio > 1 ? "better" : "worse",
				counts);
		case BY_DAYPART:
			return psprintf("Your %s %s of %s (%s) perform %s %s than at other hours %s.", label, posts,
							cell->a, cell->sample->outlet->time_zone, say_percent(100 * fabs(ratio - 1)),
							ratio > 1 ? "better" : "worse", counts);
		default:
			return psprintf("Your %s %s with other artists get %s the %s of those alone %s.", label, posts,
							say_ratio(ratio), measure, counts);
	}
}

static const char *
content_kind(CompareBy by)
{
	static const char *const kinds[BY_COUNT] = {"format_effect", "weekday_effect", "daypart_effect",
												"collaboration_effect"};

	return kinds[by];
}

static const char *
cell_subject_json(const Cell *cell)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_put_text(&json, "platform", cell->sample->outlet->platform->name);
	json_put_text(&json, "by", compare_by_name(cell->by));
	json_put_text(&json, "group", cell->a);
	json_put_text(&json, "vs", cell->b);
	appendStringInfoChar(&json, '}');
	return json.data;
}

static const char *
content_action(const Cell *cell, bool up, bool recommend)
{
	if (!recommend)
		return "Watch: a few more posts will tell.";
	switch (cell->by)
	{
		case BY_KIND:
			return psprintf("Post more %s.", say_kind(cell->a, false));
		case BY_WEEKDAY:
			return cell->level == WEEKEND_LEVEL
					   ? (up ? "Post more on weekends." : "Post less on weekends.")
					   : psprintf("%s on %ss.", up ? "Post more" : "Post less", cell->a);
		case BY_DAYPART:
			return psprintf("%s at %s.", up ? "Post more" : "Post less", cell->a);
		default:
			return up ? "Make more with others." : "Make more alone.";
	}
}

static Fact *
cell_fact(Run *run, const char *kind, const Cell *cell)
{
	const Sample *sample = cell->sample;
	Fact *fact = run_fact(run, CATEGORY_CONTENT, kind, sample->outlet, NULL);

	fact->subject = psprintf("%s.%s-vs-%s", sample->outlet->platform->name, cell->a, cell->b);
	fact->subject_json = cell_subject_json(cell);
	fact->window_start = sample->posts[0]->day;
	fact->window_end = sample->posts[sample->n - 1]->day;
	fact->n = cell->n_a;
	fact->n_baseline = cell->n_b;
	fact->unit = compares_views(cell) ? "views" : "interactions";
	return fact;
}

static const char *
content_parameters(const Cell *cell)
{
	StringInfoData json;

	initStringInfo(&json);
	json_put_text(&json, "response", compares_views(cell) ? "log(views + 0.5)" : "log(interactions + 0.5)");
	json_put_text(&json, "strata", cell->by == BY_WEEKDAY ? "calendar weeks" : "blocks of 12 posts in a row");
	json_put_number(&json, "least_age_days", POST_AGE);
	json_put_raw(&json, "equal_age", cell->sample->early ? "true" : "false");
	json_put_number(&json, "interval_level", 0.9);
	json_put_text(&json, "time_zone", cell->sample->outlet->time_zone);
	return json.data;
}

/* Turns the groups round, so that the better format comes first. */
static void
swap_groups(Cell *cell)
{
	const char *name = cell->a;
	int n = cell->n_a;

	cell->a = cell->b;
	cell->b = name;
	cell->n_a = cell->n_b;
	cell->n_b = n;
	n = cell->weeks_a;
	cell->weeks_a = cell->weeks_b;
	cell->weeks_b = n;
	for (int i = 0; i < cell->sample->n; i++)
		cell->group[i] = cell->group[i] < 0 ? -1 : 1 - cell->group[i];
	cell->z = -cell->z;
}

static void
effect_fact(Run *run, Cell *cell, double q)
{
	Stratified effect;
	double near;
	Fact *fact;
	bool recommend;

	if (q > 2 * family_level(FAMILY_POSTS))
		return;
	if (cell->by == BY_KIND && cell->z < 0)
		swap_groups(cell);
	cell_effect(cell, &effect);
	/* the end of the interval that is nearer to no difference */
	near = effect.shift.estimate > 0 ? effect.shift.lo : -effect.shift.hi;
	if (isnan(near) || exp(near) < RATIO_LEAST)
		return;
	run->tested[FAMILY_POSTS]++;
	fact = cell_fact(run, content_kind(cell->by), cell);
	fact->direction = effect.shift.estimate > 0 ? "up" : "down";
	fact->family = FAMILY_POSTS;
	fact->q_value = q;
	fact->evidence_class = EVIDENCE_TESTED;
	run_add(run, fact);
	if (run->brief)
		return;

	recommend = cell->n_a >= GROUP_RECOMMEND && cell->n_b >= GROUP_RECOMMEND;
	fact->effect = exp(effect.shift.estimate);
	fact->effect_lo = exp(effect.shift.lo);
	fact->effect_hi = exp(effect.shift.hi);
	fact->effect_kind = "ratio";
	fact->value = effect.superiority;
	fact->p_value = cell->p_value;
	fact->least = GROUP_LEAST;
	fact->n = Min(cell->n_a, cell->n_b);
	fact->n_baseline = Max(cell->n_a, cell->n_b);
	fact->method = cell->by == BY_WEEKDAY
					   ? "Wilcoxon within weeks (van Elteren), Hodges-Lehmann ratio"
					   : "Wilcoxon within blocks of neighbours (van Elteren), Hodges-Lehmann ratio";
	fact->parameters = content_parameters(cell);
	fact->content = cell_content(cell, run->full, EVIDENCE_POSTS);
	fact->extra = psprintf("\"n_a\":%d,\"n_b\":%d,\"strata\":%d", cell->n_a, cell->n_b, effect.strata);
	if (!recommend)
		fact->caveats = lappend(fact->caveats, "small_sample");
	if (!cell->sample->early)
		fact->caveats = lappend(fact->caveats, "counts_of_today");
	if (cell->by == BY_KIND && format_by_weekday(cell) > CONFOUNDED)
		fact->caveats = lappend(fact->caveats, "confounded_with_weekday");
	fact->action = recommend ? 1 : 0.8;
	fact->sentence = content_sentence(cell, &effect, recommend);
	fact->suggested_action = content_action(cell, effect.shift.estimate > 0, recommend);
}

/* The two formats with most posts differ by nothing that could be shown. */
static void
no_difference(Run *run, const Cell *cell, double q)
{
	Stratified effect;
	Fact *fact;

	if (q <= 2 * family_level(FAMILY_POSTS) || cell->n_a < GROUP_RECOMMEND || cell->n_b < GROUP_RECOMMEND)
		return;
	cell_effect(cell, &effect);
	if (!(effect.shift.lo <= 0 && effect.shift.hi >= 0))
		return;
	fact = cell_fact(run, "no_clear_difference", cell);
	fact->direction = "flat";
	fact->effect = exp(effect.shift.estimate);
	fact->effect_lo = exp(effect.shift.lo);
	fact->effect_hi = exp(effect.shift.hi);
	fact->effect_kind = "ratio";
	fact->effect_size = 0.2;
	fact->evidence_class = EVIDENCE_HEURISTIC;
	fact->method = "Hodges-Lehmann ratio within blocks of neighbours, 90 % interval";
	fact->parameters = content_parameters(cell);
	fact->content = cell_content(cell, run->full, 2);
	fact->sentence =
		psprintf("No clear difference between %s and %s on %s so far (%d and %d posts%s).",
				 say_kind(cell->a, false), say_kind(cell->b, false), cell->sample->outlet->platform->label,
				 cell->n_a, cell->n_b, say_interval(&effect));
	run_add(run, fact);
}

/* Spread of a post about the others of its stratum, on the log scale. */
static double
residual_spread(const Sample *sample)
{
	double sum = 0;
	int n = 0;

	for (int i = 1; i < sample->n; i++)
	{
		double step = sample->reach[i] - sample->reach[i - 1];

		sum += step * step / 2;
		n++;
	}
	return n > 0 ? sqrt(sum / n) : NAN;
}

/*
 * The weekday that looks best but cannot be shown to be: how many posts would show a difference of 40 %. No claim is
 * made, the numbers of one account seldom allow one.
 */
static void
weekday_experiment(Run *run, const Sample *sample, const Cell *cells, int count, const double *q)
{
	const Cell *best = NULL;
	double spread = residual_spread(sample);
	int more;
	Fact *fact;

	for (int i = 0; i < count; i++)
	{
		const Cell *cell = &cells[i];

		if (cell->by != BY_WEEKDAY || cell->level == WEEKEND_LEVEL || cell->sample != sample)
			continue;
		if (!isnan(cell->p_value) && q[i] <= 2 * family_level(FAMILY_POSTS))
			return;
		if (cell->n_a >= TRY_POSTS_LEAST && !isnan(cell->z) && cell->z > 1.0 &&
			(best == NULL || cell->z > best->z))
			best = cell;
	}
	if (best == NULL || isnan(spread) || spread <= 0)
		return;
	/* two-sided 5 % over seven days, power 80 %: (2.69 + 0.84)^2 */
	more = (int) ceil(12.5 * spread * spread / (log(TRY_DETECT) * log(TRY_DETECT))) - best->n_a;
	more = Max(more, GROUP_RECOMMEND);
	fact = cell_fact(run, "experiment", best);
	fact->evidence_class = EVIDENCE_HEURISTIC;
	fact->method = "power of a comparison at 80 %, for a difference of 40 %";
	fact->value = best->n_a;
	fact->unit = "posts";
	fact->effect = more;
	fact->effect_kind = "difference";
	fact->effect_size = 0.3;
	fact->parameters = psprintf("\"detect_ratio\":1.4,\"power\":0.8");
	fact->content = cell_content(best, run->full, 2);
	fact->action = 1;
	fact->sentence =
		psprintf("Which weekday is best for your %s %s cannot be told yet. %s is worth a try: about %d more "
				 "there would show a difference of 40%% (%d so far).",
				 sample->outlet->platform->label, say_posts(sample), best->a, more, best->n_a);
	fact->suggested_action =
		psprintf("Post %d more on %ss and compare.", Min(more, GROUP_RECOMMEND), best->a);
	run_add(run, fact);
}

void
content_facts(Run *run)
{
	Artist *artist = run->artist;
	Sample *samples = palloc(sizeof(Sample) * (artist->outlet_count + 1));
	Cell *cells = palloc(sizeof(Cell) * (CELLS_MOST * artist->outlet_count + 1));
	double *p, *q;
	int count = 0;

	for (int i = 0; i < artist->outlet_count; i++)
	{
		const Outlet *outlet = &artist->outlets[i];

		samples[i].n = 0;
		if (outlet->post_count < POSTS_LEAST)
			continue;
		sample_posts(run, outlet, &samples[i]);
		if (samples[i].n < POSTS_LEAST)
			continue;
		for (int by = 0; by < BY_COUNT; by++)
			count = compare_cells(&samples[i], by, cells, count);
	}
	p = palloc(sizeof(double) * (count + 1));
	q = palloc(sizeof(double) * (count + 1));
	for (int i = 0; i < count; i++)
		p[i] = cells[i].p_value;
	run_judge(run, FAMILY_POSTS, p, count, q);
	for (int i = 0; i < count; i++)
	{
		if (!isnan(q[i]))
			effect_fact(run, &cells[i], q[i]);
	}
	if (run->brief)
		return;
	for (int i = 0; i < artist->outlet_count; i++)
	{
		if (samples[i].n < POSTS_LEAST)
			continue;
		for (int j = 0; j < count; j++)
		{
			if (cells[j].sample == &samples[i] && cells[j].by == BY_KIND)
			{
				if (!isnan(q[j]))
					no_difference(run, &cells[j], q[j]);
				break;
			}
		}
		weekday_experiment(run, &samples[i], cells, count, q);
	}
}
