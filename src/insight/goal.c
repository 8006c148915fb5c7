/*
 * goal.c
 *    Where a goal stands, when it will be reached, and what that says.
 *
 * A goal is a level ("10k followers"), or with a period a gain within the calendar week or month. The date comes from
 * how the pace changed in the artist's own past (stats/goal.h): an 80 % interval, or none where history is too short.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/uuid.h"

#include "insight/insight.h"
#include "stats/stats.h"
#include "stats/goal.h"

#define GOAL_COVER 0.8

/* A value as old as this still says where the goal stands. */
#define GOAL_BACK 31

static const Track *
find_track(const Run *run, const Goal *goal, const Outlet **outlet)
{
	const Series *series = series_find(run->artist->set, goal->platform->name, goal->metric);

	for (int i = 0; series && i < run->artist->outlet_count; i++)
	{
		*outlet = &run->artist->outlets[i];
		for (int j = 0; j < (*outlet)->track_count; j++)
		{
			if ((*outlet)->tracks[j].series == series)
				return &(*outlet)->tracks[j];
		}
	}
	return NULL;
}

static GoalDays
days_of(const Run *run, const Track *track)
{
	return (GoalDays){run->artist->set->first, run->artist->set->days, track->series->values, track->since};
}

/* The first day up to the one of the state on which the goal was reached, and whether it is today's number that is. */
static void
find_reached(const Run *run, const Track *track, const Goal *goal, GoalState *state)
{
	GoalDays days = days_of(run, track);
	DateADT first = goal->period ? Max(state->start, goal->starts_on) : goal->starts_on;
	int at = -1;

	state->holds = state->falling ? state->value <= goal->target : state->value >= goal->target;
	/* what was before the goal was set is not its merit */
	if (state->day >= goal->starts_on)
		at = goal_first_reached(goal, &days, state->start, run_day(run, first), state->at);
	state->reached = state->holds || at >= 0;
	state->reached_on = at >= 0 ? series_date(run->artist->set, at) : state->day;
	/* a first known number that is at the target does not tell when it got there */
	state->already =
		state->reached && (state->reached_on <= goal->starts_on ||
						   (goal->period == 0 && isnan(goal->baseline) && at == track->series->first_known));
}

/* When the target will be reached, from the levels up to `at`. Falling goals are turned round. */
static void
find_eta(const Track *track, double target, bool falling, GoalState *state)
{
	int since = track_since(track, state->at);
	int n = state->at - since + 1;
	double *level = palloc(sizeof(double) * n);
	GoalEta eta;

	for (int i = 0; i < n; i++)
		level[i] = falling ? -track->series->values[since + i] : track->series->values[since + i];
	if (stats_goal_eta(level, n, falling ? -target : target, GOAL_COVER, &eta) == STATS_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Failed while computing the date of a goal.")));
	state->eta = eta.verdict == GOAL_DATED || eta.verdict == GOAL_REACHED ? eta.days : NAN;
	state->eta_lo = eta.lo;
	state->eta_hi = eta.hi;
	state->windows = eta.windows;
	state->pooled = eta.pooled;
	pfree(level);
}

static const char *
say_goal(const Goal *goal)
{
	return psprintf("%s %s", say_target(goal->target), say_metric(goal->platform, goal->metric));
}

static const char *
say_period(const Goal *goal)
{
	return goal->period == 'w' ? "weekly" : "monthly";
}

/* "playlist placements", or for one of them "playlist placement" */
static const char *
say_some(const Goal *goal, double number)
{
	char *words = pstrdup(say_metric(goal->platform, goal->metric));
	int length = strlen(words);

	if (number == 1 && length > 1 && words[length - 1] == 's')
		words[length - 1] = '\0';
	return words;
}

/* A percentage that is not rounded to the whole before the whole is there. */
static double
short_of(double percent)
{
	return percent > 99 ? 99 : percent;
}

static const char *
goal_sentence(const Goal *goal, const GoalState *state)
{
	if (goal->period)
	{
		if (state->reached)
			return psprintf("You reached your %s goal of %s more %s on %s: %s so far.", say_period(goal),
							say_number(goal->target), say_metric(goal->platform, goal->metric),
							say_date(state->reached_on), say_number(state->value));
		return psprintf("%s more %s needed to hit your %s goal (%s of %s, %.0f day%s left).",
						say_number(state->remaining), say_some(goal, state->remaining), say_period(goal),
						say_number(state->value), say_number(goal->target),
						(double) (state->end - 1 - state->day), PLURAL(state->end - 1 - state->day));
	}
	if (state->already && state->holds)
		return psprintf("You had reached %s before this goal began; it is %s now.", say_goal(goal),
						say_number(state->value));
	if (state->reached && state->holds)
		return psprintf("You reached %s on %s.", say_goal(goal), say_date(state->reached_on));
	if (state->reached)
		return psprintf("You reached %s on %s; it is %s now.", say_goal(goal), say_date(state->reached_on),
						say_number(state->value));
	if (state->falling)
		return psprintf("You're %s of the way down to %s.", say_percent(floor(state->percent)),
						say_goal(goal));
	/* rounded down, so that 99.6 is not 100 */
	return psprintf("You're %s of the way to %s.", say_percent(short_of(state->percent)), say_goal(goal));
}

bool
goal_state(const Run *run, const Goal *goal, DateADT day, GoalState *state)
{
	const Outlet *outlet;
	const Track *track = find_track(run, goal, &outlet);
	double level;
	double offset = 0;
	int days_left;
	int base;

	memset(state, 0, sizeof(GoalState));
	state->eta = state->eta_lo = state->eta_hi = NAN;
	state->needed_per_day = state->pace = NAN;
	state->on_track = -1;
	if (track == NULL)
		return false;
	state->falling = goal_is_falling(goal);
	state->at = track_last(run, track, day, GOAL_BACK);
	if (state->at < 0)
		return false;
	state->day = series_date(run->artist->set, state->at);
	state->unit = track->series->unit;
	level = track->series->values[state->at];
	state->start = Min(goal->starts_on, state->day);
	state->end = goal->deadline;

	if (goal->period)
	{
		GoalDays days = days_of(run, track);

		/* the period of the day that is asked for, not of a value that is older */
		goal_period(goal->period, day, &state->start, &state->end);
		if (state->day < state->start - 1)
			return false;
		offset = goal_level_before(goal, &days, state->start, state->at);
		if (isnan(offset))
			return false;
	}
	state->value = level - offset;
	find_reached(run, track, goal, state);

	state->remaining = state->holds ? 0 : fabs(goal->target - state->value);
	if (state->holds)
		state->percent = 100;
	else if (state->falling)
		state->percent = Max(0, 100 * (goal->baseline - state->value) / (goal->baseline - goal->target));
	else
		state->percent = goal->target > 0 ? Max(0, 100 * state->value / goal->target) : 0;

	base = track_baseline(track, state->at, 7);
	if (base >= 0)
		state->pace = (level - track->series->values[base]) / (state->at - base);
	if (!state->reached)
		find_eta(track, goal->target + offset, state->falling, state);

	/* a deadline is the last day on which the goal may be reached; a period ends before its end */
	days_left = DATE_NOT_FINITE(state->end) ? -1 : state->end - (goal->period ? 1 : 0) - state->day;
	if (state->reached)
	{
		state->needed_per_day = 0;
		state->on_track = state->reached_on <= goal->deadline;
	}
	else if (days_left > 0)
	{
		state->needed_per_day = state->remaining / days_left;
		if (!isnan(state->eta))
			state->on_track = state->eta <= days_left;
		else if (!isnan(state->pace))
			state->on_track = (state->falling ? -state->pace : state->pace) >= state->needed_per_day;
	}
	else if (!DATE_NOT_FINITE(state->end))
		state->on_track = 0;
	state->sentence = goal_sentence(goal, state);
	return true;
}

/* ---- Facts ---- */

static Fact *
goal_fact(Run *run, const char *kind, const Goal *goal, const Outlet *outlet, const Track *track,
		  const GoalState *state)
{
	Fact *fact = run_fact(run, CATEGORY_GOAL, kind, outlet, track);
	char *id = DatumGetCString(DirectFunctionCall1(uuid_out, goal->goal_id));
	StringInfoData json;

	fact->subject = psprintf("%s.%s.%s", goal->platform->name, goal->metric, id);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_put_text(&json, "goal_id", id);
	json_put_text(&json, "platform", goal->platform->name);
	json_put_text(&json, "metric", goal->metric);
	json_put_number(&json, "target", goal->target);
	json_put_text(&json, "period", goal->period == 'w' ? "week" : goal->period == 'm' ? "month" : NULL);
	if (!DATE_NOT_FINITE(goal->deadline))
		json_put_date(&json, "deadline", goal->deadline);
	appendStringInfoChar(&json, '}');
	fact->subject_json = json.data;
	fact->window_start = Min(state->start, state->day);
	fact->window_end = state->day;
	fact->value = state->value;
	fact->baseline = goal->target;
	fact->n = 1;
	fact->evidence_class = EVIDENCE_EXACT;
	fact->weight = 1;
	fact->rows = evidence_rows(run, track, state->at, state->at, 2);
	add_source_caveats(fact, track, 0);
	if (state->day < fact->settled_through)
		fact->caveats = lappend(fact->caveats, psprintf("days_old=%d", fact->settled_through - state->day));
	return fact;
}

/* How far it is, as members of the evidence. */
static void
put_progress(StringInfo out, const Goal *goal, const GoalState *state)
{
	json_put_number(out, "remaining", state->remaining);
	json_put_number(out, "needed_per_day", state->needed_per_day);
	json_put_number(out, "pace_per_day", state->pace);
	if (goal->period == 0 && !isnan(goal->baseline) && state->day >= goal->starts_on)
	{
		json_put_number(out, "set_at", goal->baseline);
		if (goal->target != goal->baseline)
			json_put_number(out, "percent_since_set",
							100 * (state->value - goal->baseline) / (goal->target - goal->baseline));
	}
}

static void
progress_fact(Run *run, const Goal *goal, const Outlet *outlet, const Track *track, const GoalState *state)
{
	Fact *fact = goal_fact(run, goal->period ? "goal_gap" : "goal_progress", goal, outlet, track, state);
	StringInfoData extra;

	fact->direction = state->falling ? "down" : "up";
	fact->effect = state->percent;
	fact->effect_kind = "percent";
	fact->effect_size = Max(0.3, Min(1, state->percent / 100));
	fact->method = goal->period ? "gain since the period began" : "value as a share of the target";
	fact->action = 1;
	initStringInfo(&extra);
	put_progress(&extra, goal, state);
	fact->extra = extra.data;
	fact->sentence = state->sentence;
	if (!isnan(state->needed_per_day))
		fact->suggested_action = psprintf("Aim for %s a day until %s.", say_number(state->needed_per_day),
										  say_date(goal->period ? state->end - 1 : state->end));
	run_add(run, fact);
}

/*
 * The look before this one: the day before, or where days are missing the stored day before. What is settled since then
 * is told today for the first time.
 */
static DateADT
look_before(const Run *run)
{
	const SeriesSet *set = run->artist->set;

	for (int day = run_day(run, run->as_of); day >= 0 && day < set->days; day--)
	{
		bool stored = false;

		for (int i = 0; i < set->count && !stored; i++)
			stored = !isnan(set->series[i].values[day]);
		if (stored && series_date(set, day) < run->as_of)
			return series_date(set, day);
		if (!stored && series_date(set, day) == run->as_of)
			break;
	}
	return run->as_of - 1;
}

/* Told once, on the first look at which the day is settled. */
static void
reached_fact(Run *run, const Goal *goal, const Outlet *outlet, const Track *track, const GoalState *state)
{
	GoalState then = *state;
	Fact *fact;

	if (state->already || state->reached_on <= look_before(run) - outlet->platform->settled_after_days)
		return;
	/* said with the numbers of the day that reached it */
	then.day = state->reached_on;
	then.at = run_day(run, then.day);
	then.value += track->series->values[then.at] - track->series->values[state->at];
	then.start = goal->period ? state->start : then.day;
	then.holds = true;
	fact = goal_fact(run, "goal_reached", goal, outlet, track, &then);
	fact->direction = state->falling ? "down" : "up";
	fact->effect = 100;
	fact->effect_kind = "percent";
	fact->effect_size = 1;
	fact->method = "first day at the target";
	fact->sentence = goal_sentence(goal, &then);
	fact->suggested_action = "Set the next goal.";
	fact->action = 1;
	run_add(run, fact);
}

static void
eta_fact(Run *run, const Goal *goal, const Outlet *outlet, const Track *track, const GoalState *state)
{
	bool falling = state->falling;
	Fact *fact;

	if (isnan(state->eta) && (isnan(state->pace) || (falling ? -state->pace : state->pace) > 0))
		return;
	fact = goal_fact(run, isnan(state->eta) ? "goal_not_at_pace" : "goal_eta", goal, outlet, track, state);
	fact->direction = falling ? "down" : "up";
	fact->n_baseline = state->windows;
	if (isnan(state->eta))
	{
		fact->effect = state->pace;
		fact->effect_kind = "difference";
		fact->effect_size = 0.5;
		fact->method = "change over the last 7 days";
		fact->sentence = psprintf("At the present pace (%s%s a day) you do not reach %s.",
								  state->pace > 0 ? "+" : "", say_number(state->pace), say_goal(goal));
		fact->action = 0.8;
		run_add(run, fact);
		return;
	}
	fact->effect = ceil(state->eta);
	fact->effect_lo = state->eta_lo;
	fact->effect_hi = state->eta_hi;
	fact->effect_kind = "days";
	fact->effect_size = 0.5;
	/* how other counters behave is no evidence of this one */
	fact->evidence_class = state->windows == 0 ? EVIDENCE_HEURISTIC : EVIDENCE_FORECAST;
	fact->method =
		state->windows == 0
			? "pace of the last 7 days, 80 % interval by how the pace of other counters changes"
		: state->pooled
			? "conformal prediction from past changes of pace, 80 % interval, lengthened as that of other counters"
			: "conformal prediction from past changes of pace, 80 % interval";
	fact->parameters = "\"cover\":0.8,\"pace_days\":7,\"most_days\":180";
	fact->rows =
		evidence_rows(run, track, run->full ? track_since(track, state->at) : state->at - 7, state->at, 3);
	if (state->pooled)
		fact->caveats = lappend(fact->caveats, "short_history");
	if (state->windows == 0 && !isnan(state->eta_hi))
		fact->sentence = psprintf(
			"At the present pace (%s%s a day) you reach %s around %s. The history is too short to say how sure that is; "
			"of other counters, 8 of 10 would between %s and %s.",
			state->pace > 0 ? "+" : "", say_number(state->pace), say_goal(goal),
			say_date(state->day + (int) ceil(state->eta)), say_date(state->day + (int) floor(state->eta_lo)),
			say_date(state->day + (int) ceil(state->eta_hi)));
	else if (isnan(state->eta_hi))
	{
		fact->caveats = lappend(fact->caveats, "open_interval");
		fact->sentence = psprintf("At the present pace you reach %s around %s; it may take much longer.",
								  say_goal(goal), say_date(state->day + (int) ceil(state->eta)));
	}
	else if (ceil(state->eta_hi) == floor(state->eta_lo))
		fact->sentence = psprintf("At the present pace you reach %s around %s.", say_goal(goal),
								  say_date(state->day + (int) ceil(state->eta)));
	else
		fact->sentence = psprintf(
			"At the present pace you reach %s around %s, in 8 of 10 cases between %s and %s.", say_goal(goal),
			say_date(state->day + (int) ceil(state->eta)), say_date(state->day + (int) floor(state->eta_lo)),
			say_date(state->day + (int) ceil(state->eta_hi)));
	if (!DATE_NOT_FINITE(goal->deadline))
	{
		fact->suggested_action = state->on_track == 1
									 ? "Keep the pace: it holds for the deadline."
									 : psprintf("Raise the pace to %s a day to make the deadline.",
												say_number(state->needed_per_day));
		fact->action = 1;
	}
	else
		fact->action = 0.8;
	run_add(run, fact);
}

Fact *
goal_now_fact(Run *run, const Goal *goal)
{
	const Outlet *outlet = NULL;
	const Track *track = find_track(run, goal, &outlet);
	GoalState state;
	StringInfoData extra;
	Fact *fact;

	if (track == NULL || !goal_state(run, goal, run->as_of, &state))
		return NULL;
	fact = goal_fact(run, "goal_status", goal, outlet, track, &state);
	fact->direction = state.falling ? "down" : "up";
	fact->effect = state.percent;
	fact->effect_kind = "percent";
	fact->method = "the newest stored day";
	initStringInfo(&extra);
	put_progress(&extra, goal, &state);
	json_put_number(&extra, "eta_days", isnan(state.eta) ? NAN : ceil(state.eta));
	json_put_number(&extra, "eta_days_lo", isnan(state.eta_lo) ? NAN : floor(state.eta_lo));
	json_put_number(&extra, "eta_days_hi", isnan(state.eta_hi) ? NAN : ceil(state.eta_hi));
	fact->extra = extra.data;
	fact->sentence = state.sentence;
	if (state.day > fact->settled_through)
		fact->caveats = lappend(fact->caveats, "not_settled");
	return fact;
}

void
goal_facts(Run *run)
{
	for (int i = 0; i < run->artist->goal_count; i++)
	{
		const Goal *goal = &run->artist->goals[i];
		const Outlet *outlet = NULL;
		const Track *track = find_track(run, goal, &outlet);
		GoalState state;

		if (track == NULL || !goal_state(run, goal, outlet_settled(outlet, run), &state))
			continue;
		if (state.reached)
		{
			reached_fact(run, goal, outlet, track, &state);
			continue;
		}
		progress_fact(run, goal, outlet, track, &state);
		if (goal->period == 0)
			eta_fact(run, goal, outlet, track, &state);
	}
}
