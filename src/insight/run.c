/*
 * run.c
 *    One look at an artist: all categories, the judgement over families of tests, and the life of each fact.
 *
 * A tested fact is published when q <= alpha / 2, or q <= alpha on two settled days in a row; it is retracted when
 * q > 2 alpha. Nothing is stored: where the q-value of today does not decide, the days before are looked at again,
 * until one does.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "insight/insight.h"
#include "insight/spikes.h"
#include "stats/stats.h"
#include "stats/multiplicity.h"

/* So many days back at most; before them a doubtful fact counts as not published. */
#define MOST_LOOKS 5

void
run_add(Run *run, Fact *fact)
{
	run->facts = lappend(run->facts, fact);
}

Fact *
run_fact(Run *run, Category category, const char *kind, const Outlet *outlet, const Track *track)
{
	Fact *fact = fact_create(category, kind);

	fact->platform = outlet->platform;
	fact->settled_through = outlet_settled(outlet, run);
	fact->window_start = fact->window_end = fact->settled_through;
	if (track)
	{
		fact->metric = track->series->metric;
		fact->unit = track->series->unit;
		fact->subject = psprintf("%s.%s", outlet->platform->name, track->series->metric);
	}
	else
		fact->subject = outlet->platform->name;
	return fact;
}

void
run_judge(Run *run, Family family, const double *p, int n, double *q)
{
	double smallest = NAN;

	for (int i = 0; i < n; i++)
		run->tests[family] += !isnan(p[i]);
	if (run->tests[family] == 0)
		return;
	if (stats_adjust_bh(p, n, 0, q) == STATS_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while judging %d tests.", n)));
	/* the smallest q-value of Benjamini and Hochberg is the p-value of Simes for the family */
	for (int i = 0; i < n; i++)
	{
		if (!isnan(q[i]))
			smallest = isnan(smallest) ? q[i] : Min(smallest, q[i]);
	}
	run->simes[family] = smallest;
}

/*
 * An artist has several families, and each may raise a false alarm. Families are therefore selected first, by their
 * own p-values, and the q-values of the selected ones pay for it: factor[i] is what those of family i are multiplied
 * by (Benjamini and Bogomolov 2014, 10.1111/rssb.12028; with weights, Benjamini and Hochberg 1997,
 * 10.1111/1467-9469.00072).
 */
static void
family_factors(const Run *run, double *factor)
{
	double share[FAMILY_COUNT];
	double weights = 0;
	int selected = 0;

	for (int i = 0; i < FAMILY_COUNT; i++)
	{
		if (isnan(run->simes[i]))
			continue;
		weights += family_weight(i);
	}
	for (int i = 0; i < FAMILY_COUNT; i++)
	{
		factor[i] = weights / family_weight(i); /* families / weight, where the weights are 1 on average */
		share[i] = run->simes[i] / family_level(i) * factor[i];
	}
	for (int i = 0; i < FAMILY_COUNT; i++)
	{
		int as_small = 0;

		if (isnan(share[i]))
			continue;
		for (int j = 0; j < FAMILY_COUNT; j++)
			as_small += share[j] <= share[i];
		if (share[i] <= as_small)
			selected = Max(selected, as_small);
	}
	for (int i = 0; i < FAMILY_COUNT; i++)
		factor[i] /= Max(selected, 1);
}

static void (*const tell_category[CATEGORY_COUNT])(Run *run) = {
	[CATEGORY_GROWTH] = growth_facts,
	[CATEGORY_CONTENT] = content_facts,
	[CATEGORY_CROSS_PLATFORM] = cross_platform_facts,
	[CATEGORY_TREND] = trend_facts,
	[CATEGORY_GOAL] = goal_facts,
	[CATEGORY_DATA_QUALITY] = quality_facts,
};

/* The facts of a day with their q-values; nothing is decided yet. */
static Run *
look(Artist *artist, DateADT as_of, bool full, bool brief)
{
	Run *run = palloc0(sizeof(Run));
	double factor[FAMILY_COUNT];
	ListCell *cell;

	CHECK_FOR_INTERRUPTS();
	run->artist = artist;
	run->as_of = as_of;
	run->full = full;
	run->brief = brief;
	for (int i = 0; i < FAMILY_COUNT; i++)
		run->simes[i] = NAN;
	for (int i = 0; i < CATEGORY_COUNT; i++)
	{
		instr_time begin, end;

		INSTR_TIME_SET_CURRENT(begin);
		if (i != CATEGORY_DATA_QUALITY || !brief)
			tell_category[i](run);
		INSTR_TIME_SET_CURRENT(end);
		INSTR_TIME_SUBTRACT(end, begin);
		artist->ms[i] += INSTR_TIME_GET_MILLISEC(end);
	}

	family_factors(run, factor);
	foreach (cell, run->facts)
	{
		Fact *fact = lfirst(cell);

		if (!isnan(fact->q_value))
			fact->q_value = Min(1.0, fact->q_value * factor[fact->family]);
	}
	return run;
}

static const Fact *
find_same(const Run *run, const Fact *fact)
{
	ListCell *cell;

	foreach (cell, run->facts)
	{
		if (fact_same(lfirst(cell), fact))
			return lfirst(cell);
	}
	return NULL;
}

/* The looks at the days before, made when they are asked for. */
typedef struct Looks
{
	Artist *artist;
	DateADT as_of;
	Run *runs[MOST_LOOKS + 1]; /* 0 is as_of itself */
} Looks;

static const Run *
look_back(Looks *looks, int back)
{
	if (looks->runs[back] == NULL)
		looks->runs[back] = look(looks->artist, looks->as_of - back, false, true);
	return looks->runs[back];
}

/* Was the fact published `back` days before as_of? */
static bool
was_published(Looks *looks, const Fact *fact, int back)
{
	double level = family_level(fact->family);
	const Fact *then = find_same(look_back(looks, back), fact);

	if (then == NULL || isnan(then->q_value) || then->q_value > 2 * level)
		return false;
	if (then->q_value <= level / 2)
		return true;
	if (back == MOST_LOOKS)
		return false;
	if (then->q_value <= level)
	{
		const Fact *before = find_same(look_back(looks, back + 1), fact);

		if (before && before->q_value <= level)
			return true;
	}
	return was_published(looks, fact, back + 1);
}

/* Yesterday's advice that no longer holds. */
static Fact *
resolved_fact(const Run *run, const Fact *old)
{
	Fact *fact = fact_create(old->category, "resolved");

	fact->direction = old->direction;
	fact->platform = old->platform;
	fact->metric = old->metric;
	fact->subject = psprintf("%s.%s", old->kind, old->subject);
	fact->subject_json = old->subject_json;
	fact->settled_through = old->settled_through + 1;
	fact->window_start = old->window_start;
	fact->window_end = fact->settled_through;
	fact->method = "the same test a day later";
	fact->evidence_class = EVIDENCE_HEURISTIC;
	fact->status = FACT_RESOLVED;
	fact->effect_size = 0.1;
	fact->sentence =
		psprintf("No longer clear: what was said of %s (%s) does not hold on the newest numbers.",
				 old->platform ? say_metric(old->platform, old->metric) : "your platforms", old->kind);
	return fact;
}

static void
live(Looks *looks)
{
	Run *run = looks->runs[0];
	const Run *yesterday = look_back(looks, 1);
	List *kept = NIL;
	ListCell *cell;

	foreach (cell, run->facts)
	{
		Fact *fact = lfirst(cell);

		if (fact->family != FAMILY_NONE && !isnan(fact->q_value))
		{
			if (!was_published(looks, fact, 0))
				continue;
			run->reported[fact->family]++;
			fact->status = was_published(looks, fact, 1) ? FACT_CONTINUING : FACT_NEW;
		}
		else
			fact->status = find_same(yesterday, fact) ? FACT_CONTINUING : FACT_NEW;
		kept = lappend(kept, fact);
	}

	foreach (cell, yesterday->facts)
	{
		const Fact *old = lfirst(cell);

		/* what is bound to a day, a week or a release just grows old */
		if ((old->family != FAMILY_POSTS && old->family != FAMILY_WEEKEND && old->family != FAMILY_PAIRS) ||
			isnan(old->q_value) || find_same(run, old) != NULL)
			continue;
		if (was_published(looks, old, 1))
			kept = lappend(kept, resolved_fact(run, old));
	}
	run->facts = kept;
}

/* Where the time went: for test/bench/insight.sh. */
static void
tell_times(const Looks *looks)
{
	StringInfoData times;
	int made = 0;

	initStringInfo(&times);
	appendStringInfo(&times, "load %.2f", looks->artist->load_ms);
	for (int i = 0; i < CATEGORY_COUNT; i++)
		appendStringInfo(&times, ", %s %.2f", category_name(i), looks->artist->ms[i]);
	for (int i = 0; i <= MOST_LOOKS; i++)
		made += looks->runs[i] != NULL;
	ereport(DEBUG1, (errmsg_internal("insight in ms: %s (%d looks)", times.data, made)));
}

Run *
insight_run(Artist *artist, DateADT as_of, bool full)
{
	Looks looks = {.artist = artist, .as_of = as_of};
	Run *run;

	looks.runs[0] = run = look(artist, as_of, full, false);
	live(&looks);
	merge_platform_shocks(run);
	tests_run_fact(run);
	score_facts(run);
	if (message_level_is_interesting(DEBUG1))
		tell_times(&looks);
	return run;
}
