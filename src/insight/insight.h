/*
 * insight.h
 *    What is known of an artist, and one look at it on one day.
 *
 * Everything is loaded once. The looks (Run) at a day and at the days before it give the same facts that were given
 * on those days, so the life of a fact is known without anything being stored.
 */
#ifndef DREAMSUITE_INSIGHT_H
#define DREAMSUITE_INSIGHT_H

#include "postgres.h"

#include "insight/fact.h"
#include "series/goals.h"
#include "series/series.h"
#include "utils/timestamp.h"

/* What the insight code asks of a series. */
typedef enum Role
{
	ROLE_OTHER,
	ROLE_AUDIENCE,    /* followers, subscribers, fans */
	ROLE_CONSUMPTION, /* a counter of streams, views or plays */
	ROLE_ENGAGEMENT,  /* engagement_total, where it is a counter */
	ROLE_REACH        /* a rolling total or a level whose records are news */
} Role;

typedef struct Track
{
	const Series *series;
	Role role;
	bool daily;    /* its daily increments mean something: a counter that is not rounded */
	double *gains; /* per day: value - value of the day before; NaN where one is unknown; NULL: not daily */
	int *since;    /* per day: first day of the stretch without a reset; NULL: no reset ever */
	double *p_values; /* of stats_day_test() per day, -1: not tested yet */
} Track;

typedef struct Post
{
	const char *id;
	const char *kind;
	const char *title; /* NULL: none; for evidence alone */
	TimestampTz published_at;
	DateADT day; /* in the account's time zone */
	int hour;
	List *collaborators; /* char * */
	bool shared;         /* made with others */
	bool release;        /* of music */
	double interactions; /* likes + comments + shares + saves that are known; NaN: none is */
	double views;
	double early; /* interactions at the age of 7 days, from content_history; NaN: unknown */
	double early_views;
} Post;

/* One platform of the artist. */
typedef struct Outlet
{
	const Platform *platform;
	const char *time_zone;
	Track *tracks;
	int track_count;
	const Track *audience; /* NULL: none */
	const Track *consumption;
	const Track *engagement;
	Post *posts; /* by time of publication */
	int post_count;
	int undated; /* posts without a time */
} Outlet;

typedef struct Artist
{
	Datum user_id;
	SeriesSet *set;
	Outlet *outlets;
	int outlet_count;
	Goal *goals;
	int goal_count;
	double load_ms; /* what loading took, and each category over all looks */
	double ms[CATEGORY_COUNT];
} Artist;

typedef struct Run
{
	Artist *artist;
	DateADT as_of;
	bool full;          /* evidence in full, not the first few rows */
	bool brief;         /* only what fact_same() and the life of a fact need */
	List *facts;        /* Fact * */
	List *spike_events; /* of spikes.c */
	int tests[FAMILY_COUNT];
	int tested[FAMILY_COUNT]; /* facts that passed the practical guards, whatever their q-value */
	int reported[FAMILY_COUNT];
	double simes[FAMILY_COUNT]; /* p-value that anything in the family is there; NaN: no tests */
} Run;

/* ---- prepare.c ---- */

/* Loads everything up to the day (DATEVAL_NOEND: to the newest). `as_of` out: that day; false where nothing is known. */
extern bool artist_load(Artist *artist, Datum user_id, DateADT *as_of);

/* The same without posts: all that goals need. */
extern bool artist_load_numbers(Artist *artist, Datum user_id, DateADT *as_of);

/* Last day of the outlet that will not change any more, and its place in the series (may be negative or beyond). */
extern DateADT outlet_settled(const Outlet *outlet, const Run *run);
extern int run_day(const Run *run, DateADT day);

/* Last day <= `day` and > `day` - `back` with a known value; -1 as index where there is none. */
extern int track_last(const Run *run, const Track *track, DateADT day, int back);

/* First day of the stretch that ends on `at` (an index) and holds no reset. */
extern int track_since(const Track *track, int at);

/* The rule of change.h: place of the baseline of a change over `days` that ends on `at`; -1: none. */
extern int track_baseline(const Track *track, int at, int days);

/* Days without a value in [from, to] (indexes). */
extern int track_missing(const Track *track, int from, int to);

/* Weekday of a date: 0 Monday .. 6 Sunday. */
extern int weekday(DateADT day);

/* ---- The categories: each adds its facts to the run and counts its tests ---- */

extern void growth_facts(Run *run);
extern void content_facts(Run *run);
extern void trend_facts(Run *run);
extern void cross_platform_facts(Run *run);
extern void goal_facts(Run *run);
extern void quality_facts(Run *run);
extern void tests_run_fact(Run *run);

/* ---- run.c ---- */

/* All facts of a day, with their life, scored, best first. */
extern Run *insight_run(Artist *artist, DateADT as_of, bool full);

/* The fact belongs to the run from now on; what it holds must live as long. */
extern void run_add(Run *run, Fact *fact);

/*
 * A family's p-values, judged together: q-values for its facts in the order in which they were tested. Notes the
 * tests and the family's own p-value (Simes 1986, 10.1093/biomet/73.3.751).
 */
extern void run_judge(Run *run, Family family, const double *p, int n, double *q);

/* Fills the fields that every fact of an outlet has. */
extern Fact *
run_fact(Run *run, Category category, const char *kind, const Outlet *outlet, const Track *track);

/* ---- growth.c: shared by the categories ---- */

/* The known days [from, to] of a track as elements of the evidence: all when run->full, else at most `most`. */
extern const char *evidence_rows(const Run *run, const Track *track, int from, int to, int most);

/* What a reader must know of the numbers: rounded_source, rolling_window, gap_days=N. */
extern void add_source_caveats(Fact *fact, const Track *track, int missing);

/* ---- score.c ---- */

/* Fills score and parts of every fact and sorts them, best first; ties by id. */
extern void score_facts(Run *run);

/* The k facts to be shown: best first, and different from each other. List of Fact *. */
extern List *pick_facts(const Run *run, int k);

/* ---- latest.c ---- */

/* The newest number of every telling metric with its changes, by platform, then every goal. List of Fact *. */
extern List *latest_facts(Run *run);

/* ---- goal.c ---- */

typedef struct GoalState
{
	DateADT day; /* of the value */
	int at;
	double value; /* level, or gain within the period */
	double percent;
	double remaining;
	double needed_per_day;      /* NaN: no end */
	double pace;                /* per day over the last 7 */
	DateADT start, end;         /* of the period; end may be DATEVAL_NOEND */
	double eta, eta_lo, eta_hi; /* days from `day`; NaN: unknown */
	int windows;
	bool pooled;        /* history is too short: the interval is (also) that of other counters */
	bool falling;       /* less of it is the goal */
	bool holds;         /* the number of today is at the target */
	bool reached;       /* it is, or it was on a day since the goal was set: the goal is done */
	bool already;       /* it was when the goal was set */
	DateADT reached_on; /* first day; only when reached */
	int on_track;       /* 1, 0, -1 unknown */
	const char *unit;
	const char *sentence;
} GoalState;

/* Where goal_status() says that a goal stands, as a fact; NULL where the metric has no value. */
extern Fact *goal_now_fact(Run *run, const Goal *goal);

/* Where a goal stands on the last known day up to `day`; false where the metric has no value. */
extern bool goal_state(const Run *run, const Goal *goal, DateADT day, GoalState *state);

/* ---- sentence.c ---- */

/* 12,345 · 1.25 · 0.034: whole from 100, else three figures. */
extern const char *say_number(double value);

/* 10k, 1.5M: for targets that are round. */
extern const char *say_target(double value);

/* 15%, 2.4% */
extern const char *say_percent(double percent);

/* 3x, 1.4x */
extern const char *say_ratio(double ratio);

/* "3 June 2026" */
extern const char *say_date(DateADT day);

/* "day" or "days" */
#define PLURAL(n) ((n) == 1 ? "" : "s")

/* "Instagram followers", "Spotify monthly listeners": platform and metric as people say them. */
extern const char *say_metric(const Platform *platform, const char *metric);

/* "on 29 June 2026"; of a total over the last days "in the 30 days to 29 June 2026". */
extern const char *say_of_day(const Track *track, DateADT day);

/* What a track gains a day: "follower growth", "views", "engagement". */
extern const char *say_gains(const Platform *platform, const Track *track);

/* "reels", "photos": a kind of content. */
extern const char *say_kind(const char *kind, bool capital);

/* "Monday" for 0. */
extern const char *say_weekday(int day);

#endif
