/*
 * gather.h
 *    Everything that the page shows of one artist, as of one day.
 */
#ifndef DREAMSUITE_DASHBOARD_GATHER_H
#define DREAMSUITE_DASHBOARD_GATHER_H

#include "postgres.h"

#include "series/series.h"

#define CHART_DAYS 91 /* 90 days of change have 91 ends */

/* Rows of a query as text; NULL is null. */
typedef struct Rows
{
	bool known; /* false: the function does not exist, or the caller may not use it */
	int count;
	int columns;
	char **cells;
} Rows;

static inline const char *
rows_text(const Rows *rows, int row, int column)
{
	return rows->cells[row * rows->columns + column];
}

/* A number of a row; NaN for null. */
extern double rows_number(const Rows *rows, int row, int column);

/* A date of a row, written as 2026-03-31 whatever DateStyle says: to_char(day, 'YYYY-MM-DD'). False for null. */
extern bool rows_date(const Rows *rows, int row, int column, DateADT *day);

/* A platform of the artist: connected, with rows, or both. */
typedef struct Card
{
	const Platform *platform;
	int place;          /* in the registry: chooses colour and dash */
	const char *handle; /* NULL: none */
	const char *status; /* of the account; NULL: rows without a connected account */
	const char *reason;
	const Series *main;        /* the number shown; NULL: none is known */
	const char *label;         /* "followers" */
	int at;                    /* index of the newest known value of `main` */
	double change[2], base[2]; /* over 7 and 30 days; NaN: no baseline */
	const Series *second;      /* a second number; NULL: none */
	const char *second_label;
	int newest; /* index of the newest day with anything known; -1: none */
} Card;

/* A post, in the order of platform and time. */
typedef struct DashboardPost
{
	int place; /* of the platform in the registry */
	const char *kind;
	const char *title; /* NULL but for recent ones */
	const char *url;
	int weekday; /* 0 Monday */
	DateADT day;
	double interactions; /* NaN: unknown */
	double views;
	double usual; /* median interactions of the platform's posts of a year; NaN: unknown */
} DashboardPost;

/* Two kinds of posts of a platform: how much more one gets. */
typedef struct Format
{
	int place;            /* of the platform */
	const char *a, *b;    /* kinds; a gets more */
	int n_a, n_b;         /* posts */
	double ratio, lo, hi; /* of reactions, with the 90 % interval */
} Format;

typedef struct Gathered
{
	Datum user_id;
	DateADT as_of;
	DateADT today;  /* by the calendar's clock */
	bool newest;    /* as_of is the newest stored day */
	bool any;       /* is anything stored up to as_of? */
	SeriesSet *set; /* CHART_DAYS and what their changes need */
	int chart_from; /* index of the first day of the chart */
	Card *cards;
	int card_count;
	DashboardPost *posts;
	int post_count;
	Rows releases; /* date, title, platform names joined by ',' */
	Rows facts;    /* FACT_* */
	Rows goals;    /* GOAL_* */
	Format *formats;
	int format_count;
	Rows health; /* platform, item, state, detail, hint */
} Gathered;

/* Columns of `facts`. */
enum
{
	FACT_ID,
	FACT_CATEGORY,
	FACT_KIND,
	FACT_DIRECTION,
	FACT_PLATFORM,
	FACT_METRIC,
	FACT_START,
	FACT_END,
	FACT_SETTLED,
	FACT_VALUE,
	FACT_BASELINE,
	FACT_UNIT,
	FACT_EFFECT,
	FACT_EFFECT_LO,
	FACT_EFFECT_HI,
	FACT_EFFECT_KIND,
	FACT_N,
	FACT_N_BASELINE,
	FACT_N_MISSING,
	FACT_METHOD,
	FACT_CLASS,
	FACT_Q,
	FACT_TESTS,
	FACT_CONFIDENCE,
	FACT_SENTENCE,
	FACT_CAVEATS,
	FACT_ACTION,
	FACT_POSTS, /* "date\x1fkind\x1ftitle\x1finteractions", records separated by \x1e */
	FACT_DAYS,  /* "date\x1fvalue" */
	FACT_COLUMNS_SHOWN
};

/* Columns of `goals`. */
enum
{
	GOAL_PLATFORM,
	GOAL_METRIC,
	GOAL_TARGET,
	GOAL_VALUE,
	GOAL_PERCENT,
	GOAL_NEEDED,
	GOAL_PACE,
	GOAL_ETA,
	GOAL_ETA_LO,
	GOAL_ETA_HI,
	GOAL_ON_TRACK,
	GOAL_SENTENCE,
	GOAL_PERIOD,
	GOAL_DEADLINE,
	GOAL_BASELINE
};

/*
 * gather
 *    Loads it all, with the rights and the row security of the current user; writes nothing. Memory is of the caller's
 *    context. `as_of` DATEVAL_NOEND: the newest stored day, or today where nothing is stored.
 */
extern Gathered *gather(Datum user_id, DateADT as_of);

/* The comparisons of kinds of posts, a part of gather(); in formats.c. */
extern void gather_formats(Gathered *g);

/* May the caller use a function of ours? It may have been left out of what was granted. */
extern bool may_use(const char *name, int nargs, const Oid *types);

/* The place of a platform in the registry; -1 where it is not compiled in. */
extern int platform_place(const char *name);

/* Its label; NULL for NULL and for one that is not compiled in. */
extern const char *label_of(const char *name);

#endif
