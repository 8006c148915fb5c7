/*
 * score.c
 *    Which facts matter most, and a short list of different ones (INSIGHTS, section 9).
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/insight.h"

#define MMR_LAMBDA         0.7
#define MOST_PER_PLATFORM  2
#define CATEGORY_LEAST     0.15 /* the score from which a category has a place */
#define REPEATED_NOVELTY   0.2  /* the same kind, subject and direction as yesterday */
#define NEIGHBOUR_INTEREST 0.25 /* impact of a fact that belongs to no platform */

/* Share of the artist's audience that the platform reaches, on a log scale. */
static double
impact(const Run *run, const Fact *fact)
{
	double total = 0;
	double own = 0;

	if (!isnan(fact->weight))
		return fact->weight;
	if (fact->platform == NULL)
		return NEIGHBOUR_INTEREST;
	for (int i = 0; i < run->artist->outlet_count; i++)
	{
		const Outlet *outlet = &run->artist->outlets[i];
		int at = outlet->audience ? track_last(run, outlet->audience, run->as_of, 31) : -1;
		double size = at < 0 ? 0 : outlet->audience->series->values[at];

		total += size;
		if (outlet->platform == fact->platform)
			own = size;
	}
	/* an audience that is not known is no small one */
	return total <= 0 || own <= 0 ? 0.5 : log1p(own) / log1p(total);
}

static double
sureness(const Fact *fact)
{
	double width;

	switch (fact->evidence_class)
	{
		case EVIDENCE_EXACT:
			return 1;
		case EVIDENCE_TESTED:
			return 1 - Min(1, fact->q_value / 0.20);
		case EVIDENCE_FORECAST:
			width = fact->effect_hi - fact->effect_lo;
			return isnan(width) || fact->effect <= 0 ? 0.3 : Min(1, 1 / (1 + width / fact->effect));
		case EVIDENCE_HEURISTIC:
			break;
	}
	return 0.3;
}

/* Never 0: a small effect makes a fact small, not nothing. */
static double
effect_part(const Fact *fact)
{
	if (!isnan(fact->effect_size))
		return Max(0.05, Min(1, fact->effect_size));
	if (fact->effect_kind && strcmp(fact->effect_kind, "ratio") == 0 && fact->effect > 0)
		return Max(0.05, 1 - exp(-fabs(log(fact->effect)) / log(1.5)));
	if (fact->effect_kind && strcmp(fact->effect_kind, "r") == 0)
		return Min(1, fabs(fact->effect));
	return 0.5;
}

static int
compare_scores(const ListCell *a, const ListCell *b)
{
	const Fact *left = lfirst(a);
	const Fact *right = lfirst(b);

	if (left->score != right->score)
		return left->score > right->score ? -1 : 1;
	return strcmp(fact_id(left), fact_id(right));
}

void
score_facts(Run *run)
{
	static const double exponents[] = {
		[PART_IMPACT] = 0.35,    [PART_SURENESS] = 0.25, [PART_EFFECT] = 0.15,
		[PART_FRESHNESS] = 0.10, [PART_NOVELTY] = 0.15,
	};
	ListCell *cell;

	foreach (cell, run->facts)
	{
		Fact *fact = lfirst(cell);
		double score;

		fact->parts[PART_IMPACT] = impact(run, fact);
		fact->parts[PART_SURENESS] = sureness(fact);
		fact->parts[PART_EFFECT] = effect_part(fact);
		fact->parts[PART_FRESHNESS] = exp2(-(run->as_of - fact->window_end) / 7.0);
		fact->parts[PART_NOVELTY] = fact->status == FACT_CONTINUING ? REPEATED_NOVELTY : 1;
		fact->parts[PART_ACTION] = fact->action;
		score = fact->action;
		for (int i = 0; i < lengthof(exponents); i++)
			score *= pow(fact->parts[i], exponents[i]);
		/* far below what a test could tell, far above what a last bit of pow() may differ by */
		fact->score = rint(score * 1e6) / 1e6;
		for (int i = 0; i < PART_COUNT; i++)
			fact->parts[i] = rint(fact->parts[i] * 1e6) / 1e6;
	}
	list_sort(run->facts, compare_scores);
}

/* 0 to 1: would the second tell a reader of the first anything? */
static double
similarity(const Fact *a, const Fact *b)
{
	bool same_kind = strcmp(a->kind, b->kind) == 0;
	bool same_platform = a->platform == b->platform;
	bool same_metric = a->metric && b->metric && strcmp(a->metric, b->metric) == 0;

	if (same_kind && same_platform && same_metric)
		return 0.8;
	if (same_platform && same_metric)
		return 0.6;
	if (same_kind)
		return 0.4;
	if (same_platform)
		return 0.3;
	return a->category == b->category ? 0.2 : 0;
}

static bool
has_platforms(const Run *run)
{
	const Platform *first = NULL;
	ListCell *cell;

	foreach (cell, run->facts)
	{
		const Fact *fact = lfirst(cell);

		if (fact->platform && first && fact->platform != first)
			return true;
		if (fact->platform)
			first = fact->platform;
	}
	return false;
}

static bool
is_shown(const Fact *fact)
{
	return fact->status != FACT_RESOLVED && strcmp(fact->kind, "tests_run") != 0;
}

static int
count_platform(const List *picked, const Platform *platform)
{
	int n = 0;
	ListCell *cell;

	foreach (cell, picked)
		n += ((const Fact *) lfirst(cell))->platform == platform;
	return n;
}

/* Adds the fact that is best for its score and its difference from those picked; false where none may be added. */
static bool
pick_one(const Run *run, List **picked, int per_platform, int category)
{
	Fact *best = NULL;
	double best_worth = -1;
	ListCell *cell;

	foreach (cell, run->facts)
	{
		Fact *fact = lfirst(cell);
		double nearest = 0;
		double worth;
		ListCell *other;

		if (!is_shown(fact) || list_member_ptr(*picked, fact))
			continue;
		if (category >= 0 && (fact->category != (Category) category || fact->score < CATEGORY_LEAST))
			continue;
		if (fact->platform && count_platform(*picked, fact->platform) >= per_platform)
			continue;
		foreach (other, *picked)
			nearest = Max(nearest, similarity(fact, lfirst(other)));
		worth = MMR_LAMBDA * fact->score - (1 - MMR_LAMBDA) * nearest;
		if (best == NULL || worth > best_worth)
		{
			best = fact;
			best_worth = worth;
		}
	}
	if (best == NULL)
		return false;
	*picked = lappend(*picked, best);
	return true;
}

List *
pick_facts(const Run *run, int k)
{
	/* with a single platform there is nobody to make room for */
	int per_platform = has_platforms(run) ? MOST_PER_PLATFORM : PG_INT32_MAX;
	List *picked = NIL;

	/* each category has a place where it has something to say, in the order of their best facts */
	for (int i = 0; i < list_length(run->facts) && list_length(picked) < k; i++)
	{
		const Fact *fact = list_nth(run->facts, i);
		bool met = false;
		ListCell *cell;

		foreach (cell, picked)
			met |= ((const Fact *) lfirst(cell))->category == fact->category;
		if (!met && is_shown(fact))
			pick_one(run, &picked, per_platform, fact->category);
	}
	while (list_length(picked) < k && pick_one(run, &picked, per_platform, -1))
		;
	list_sort(picked, compare_scores);
	return picked;
}
