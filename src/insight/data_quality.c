/*
 * data_quality.c
 *    What is missing before more can be said, and how much was looked at.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/insight.h"
#include "insight/posts.h"

#define GAP_WINDOW 28
#define GAP_LEAST  3 /* missing days worth a word */
#define STALE_DAYS 3 /* behind the settled day */

/* How many days of numbers each method needs (INSIGHTS, section 10). */
static const struct
{
	int days;
	bool of_gains; /* of counters alone, whose daily gains mean something */
	const char *what;
} needs[] = {
	{8, true, "the growth of a week"},
	{21, true, "spikes"},
	{28, false, "records"},
	{42, true, "weekends, new levels and unusual weeks"},
	{60, true, "what moves together across platforms"},
};

/* Does the method say anything of such a track? */
static bool
is_needed(int need, const Track *track)
{
	return needs[need].of_gains ? track->daily || (need == 0 && track->role == ROLE_AUDIENCE)
								: track->role == ROLE_REACH;
}

/* The track that says most of the outlet. */
static const Track *
main_track(const Outlet *outlet)
{
	if (outlet->audience)
		return outlet->audience;
	if (outlet->consumption)
		return outlet->consumption;
	if (outlet->engagement)
		return outlet->engagement;
	for (int i = 0; i < outlet->track_count; i++)
	{
		if (outlet->tracks[i].role == ROLE_REACH)
			return &outlet->tracks[i];
	}
	return NULL;
}

static Fact *
quality_fact(Run *run, const char *kind, const Outlet *outlet, const Track *track)
{
	Fact *fact = run_fact(run, CATEGORY_DATA_QUALITY, kind, outlet, track);

	fact->evidence_class = EVIDENCE_EXACT;
	fact->method = "count of stored days";
	fact->effect_size = 0.3;
	run_add(run, fact);
	return fact;
}

static int
known_days(const Track *track, int from, int to)
{
	return to - Max(from, 0) + 1 - track_missing(track, from, to);
}

/* "13 more days of Instagram followers needed to see spikes" */
static void
need_days(Run *run, const Outlet *outlet, const Track *track)
{
	DateADT settled = outlet_settled(outlet, run);
	int at = Min(run_day(run, settled), run->artist->set->days - 1);
	int since = at < 0 ? 0 : Max(track_since(track, at), Max(track->series->first_known, 0));
	int known = at < since ? 0 : known_days(track, since, at);
	Fact *fact;
	StringInfoData extra;
	int next = 0;

	while (next < lengthof(needs) && (needs[next].days <= known || !is_needed(next, track)))
		next++;
	if (next == lengthof(needs))
		return;
	fact = quality_fact(run, "need_days", outlet, track);
	fact->unit = "days";
	fact->value = known;
	fact->baseline = needs[next].days;
	fact->effect = needs[next].days - known;
	fact->effect_kind = "difference";
	fact->n = known;
	if (known > 0)
		fact->window_start = series_date(run->artist->set, since);
	initStringInfo(&extra);
	appendStringInfoString(&extra, "\"needs\":[");
	for (int i = next; i < lengthof(needs); i++)
	{
		if (!is_needed(i, track))
			continue;
		json_next(&extra);
		appendStringInfoChar(&extra, '{');
		json_put_text(&extra, "for", needs[i].what);
		json_put_number(&extra, "days", needs[i].days);
		json_put_number(&extra, "more", needs[i].days - known);
		appendStringInfoChar(&extra, '}');
	}
	appendStringInfoChar(&extra, ']');
	fact->extra = extra.data;
	fact->action = 0.8;
	fact->sentence =
		psprintf("%d more day%s of %s needed to judge %s (%d of %d are there).", needs[next].days - known,
				 PLURAL(needs[next].days - known), say_metric(outlet->platform, track->series->metric),
				 needs[next].what, known, needs[next].days);
	fact->suggested_action = "Keep collecting every day.";
}

static void
gaps(Run *run, const Outlet *outlet, const Track *track)
{
	DateADT settled = outlet_settled(outlet, run);
	int at = Min(run_day(run, settled), run->artist->set->days - 1);
	int from = Max(at - GAP_WINDOW + 1, track->series->first_known);
	int last = track_last(run, track, settled, Max(run_day(run, settled) + 1, 1));
	int missing;
	Fact *fact;

	if (last < 0)
		return;
	if (run_day(run, settled) - last > STALE_DAYS)
	{
		int days = run_day(run, settled) - last;

		fact = quality_fact(run, "stale", outlet, track);
		fact->window_start = series_date(run->artist->set, last);
		fact->value = days;
		fact->unit = "days";
		fact->n_missing = days;
		fact->rows = evidence_rows(run, track, last, last, 2);
		fact->action = 1;
		fact->sentence =
			psprintf("No new %s since %s: %d days are missing.",
					 say_metric(outlet->platform, track->series->metric), say_date(fact->window_start), days);
		fact->suggested_action = "Look at dreamsuite.data_health().";
		return;
	}
	missing = last < from ? 0 : track_missing(track, from, last);
	if (missing < GAP_LEAST)
		return;
	fact = quality_fact(run, "gaps", outlet, track);
	fact->window_start = series_date(run->artist->set, from);
	fact->window_end = series_date(run->artist->set, last);
	fact->value = missing;
	fact->unit = "days";
	fact->n = last - from + 1 - missing;
	fact->n_missing = missing;
	fact->sentence = psprintf("%d of the last %d days of %s are missing; they are left out, not guessed.",
							  missing, last - from + 1, say_metric(outlet->platform, track->series->metric));
	fact->caveats = lappend(fact->caveats, psprintf("gap_days=%d", missing));
}

/* A counter that fell by more than half starts again. */
static void
resets(Run *run, const Outlet *outlet)
{
	DateADT settled = outlet_settled(outlet, run);

	for (int i = 0; i < outlet->track_count; i++)
	{
		const Track *track = &outlet->tracks[i];
		int at = Min(run_day(run, settled), run->artist->set->days - 1);
		int since = at < 0 ? 0 : track_since(track, at);
		int before = since - 1;
		Fact *fact;

		if (track->role == ROLE_OTHER || since <= at - GAP_WINDOW || since <= 0)
			continue;
		while (before > 0 && isnan(track->series->values[before]))
			before--;
		fact = quality_fact(run, "counter_reset", outlet, track);
		fact->direction = "down";
		fact->window_start = series_date(run->artist->set, before);
		fact->window_end = series_date(run->artist->set, since);
		fact->value = track->series->values[since];
		fact->baseline = track->series->values[before];
		fact->effect = fact->value - fact->baseline;
		fact->effect_kind = "difference";
		fact->rows = evidence_rows(run, track, before, since, 2);
		fact->caveats = lappend(fact->caveats, "reset");
		fact->action = 0.8;
		fact->sentence = psprintf(
			"%s fell from %s to %s on %s: removed content, a purge or another account. Trends begin anew there.",
			say_metric(outlet->platform, track->series->metric), say_number(fact->baseline),
			say_number(fact->value), say_date(fact->window_end));
	}
}

static void
need_posts(Run *run, const Outlet *outlet)
{
	int posts = 0;
	Fact *fact;

	for (int i = 0; i < outlet->post_count; i++)
	{
		const Post *post = &outlet->posts[i];

		posts += post->day <= run->as_of && !(isnan(post->interactions) && isnan(post->views));
	}
	if (posts == 0 || posts >= POSTS_LEAST)
		return;
	fact = quality_fact(run, "need_posts", outlet, NULL);
	fact->unit = "posts";
	fact->value = posts;
	fact->baseline = POSTS_LEAST;
	fact->effect = POSTS_LEAST - posts;
	fact->effect_kind = "difference";
	fact->n = posts;
	fact->method = "count of known content";
	fact->sentence = psprintf("%d more %s post%s needed to compare formats and times (%d of %d are there).",
							  POSTS_LEAST - posts, outlet->platform->label, PLURAL(POSTS_LEAST - posts),
							  posts, POSTS_LEAST);
}

void
quality_facts(Run *run)
{
	for (int i = 0; i < run->artist->outlet_count; i++)
	{
		const Outlet *outlet = &run->artist->outlets[i];
		const Track *track = main_track(outlet);

		if (track)
		{
			need_days(run, outlet, track);
			gaps(run, outlet, track);
		}
		resets(run, outlet);
		need_posts(run, outlet);
	}
}

/* How many patterns were tested and how many are told: a finding is worth what was looked at to find it. */
void
tests_run_fact(Run *run)
{
	Fact *fact = fact_create(CATEGORY_DATA_QUALITY, "tests_run");
	StringInfoData extra;
	int tests = 0;
	int reported = 0;

	fact->subject = "all";
	fact->subject_json = "{}";
	fact->settled_through = run->as_of;
	for (int i = 0; i < run->artist->outlet_count; i++)
		fact->settled_through = Min(fact->settled_through, outlet_settled(&run->artist->outlets[i], run));
	fact->window_start = run->artist->set->days > 0 ? run->artist->set->first : fact->settled_through;
	fact->window_end = fact->settled_through;
	fact->window_start = Min(fact->window_start, fact->window_end);
	initStringInfo(&extra);
	appendStringInfoString(&extra, "\"families\":[");
	for (int i = 0; i < FAMILY_COUNT; i++)
	{
		tests += run->tests[i];
		reported += run->reported[i];
		json_next(&extra);
		appendStringInfoChar(&extra, '{');
		json_put_text(&extra, "family", family_name(i));
		json_put_number(&extra, "tests_run", run->tests[i]);
		json_put_number(&extra, "tests_reported", run->reported[i]);
		json_put_number(&extra, "level", family_level(i));
		appendStringInfoChar(&extra, '}');
	}
	appendStringInfoChar(&extra, ']');
	json_put_number(&extra, "tests_run", tests);
	json_put_number(&extra, "tests_reported", reported);
	fact->extra = extra.data;
	fact->value = tests;
	fact->effect = reported;
	fact->effect_kind = "difference";
	fact->effect_size = 0.1;
	fact->unit = "tests";
	fact->method = "Benjamini-Hochberg within a family, Benjamini-Bogomolov over families";
	fact->evidence_class = EVIDENCE_EXACT;
	fact->status = FACT_CONTINUING;
	fact->sentence = psprintf("%d pattern%s tested, %d reported; the others may be chance.", tests,
							  tests == 1 ? " was" : "s were", reported);
	run_add(run, fact);
}
