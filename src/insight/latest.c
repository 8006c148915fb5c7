/*
 * latest.c
 *    The newest numbers of an artist as facts, so that a number which is no news can be quoted too.
 *
 * They stand in agent_context() and are known to explain_fact() and check_claims(); insight_facts() leaves them out,
 * because a number alone is no insight.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "insight/insight.h"

static const struct
{
	int days;
	const char *change, *percent;
} periods[] = {
	{1, "change_24h", "pct_24h"},
	{7, "change_7d", "pct_7d"},
	{30, "change_30d", "pct_30d"},
};

/* The members change_24h ... pct_30d; null where there is no baseline, as in growth(). */
static const char *
changes(const Track *track, int at)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < lengthof(periods); i++)
	{
		int base = track_baseline(track, at, periods[i].days);
		double before = base < 0 ? NAN : track->series->values[base];
		double change = track->series->values[at] - before;

		json_put_number(&out, periods[i].change, change);
		/* two decimals: what a reader rounds further is still the same number */
		json_put_number(&out, periods[i].percent, before > 0 ? rint(1e4 * change / before) / 100.0 : NAN);
	}
	return out.data;
}

static Fact *
latest_fact(Run *run, const Outlet *outlet, const Track *track)
{
	int at = track_last(run, track, run->as_of, PG_INT16_MAX);
	int base;
	Fact *fact;

	if (at < 0)
		return NULL;
	base = track_baseline(track, at, 7);
	fact = run_fact(run, CATEGORY_GROWTH, "latest", outlet, track);
	fact->window_start = fact->window_end = series_date(run->artist->set, at);
	fact->value = track->series->values[at];
	fact->n = 1;
	fact->method = "the newest stored day";
	fact->evidence_class = EVIDENCE_EXACT;
	fact->rows = evidence_rows(run, track, at, at, 2);
	fact->extra = changes(track, at);
	fact->sentence = psprintf("Your %s: %s %s.", say_metric(outlet->platform, track->series->metric),
							  say_number(fact->value), say_of_day(track, fact->window_end));
	if (base >= 0)
	{
		fact->baseline = track->series->values[base];
		fact->effect = fact->value - fact->baseline;
		fact->effect_kind = "difference";
		fact->direction = fact->effect > 0 ? "up" : fact->effect < 0 ? "down" : "flat";
		fact->n_baseline = 1;
	}
	add_source_caveats(fact, track, 0);
	if (fact->window_end > fact->settled_through)
		fact->caveats = lappend(fact->caveats, "not_settled");
	if (fact->window_end < run->as_of)
		fact->caveats = lappend(fact->caveats, psprintf("days_old=%d", run->as_of - fact->window_end));
	return fact;
}

List *
latest_facts(Run *run)
{
	List *facts = NIL;

	for (int i = 0; i < run->artist->outlet_count; i++)
	{
		const Outlet *outlet = &run->artist->outlets[i];

		for (int j = 0; j < outlet->track_count; j++)
		{
			Fact *fact =
				outlet->tracks[j].role == ROLE_OTHER ? NULL : latest_fact(run, outlet, &outlet->tracks[j]);

			if (fact)
				facts = lappend(facts, fact);
		}
	}
	for (int i = 0; i < run->artist->goal_count; i++)
	{
		Fact *fact = goal_now_fact(run, &run->artist->goals[i]);

		if (fact)
			facts = lappend(facts, fact);
	}
	return facts;
}
