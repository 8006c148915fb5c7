/*
 * posts.h
 *    The content of an artist, in the order of publication, and comparisons of posts.
 */
#ifndef DREAMSUITE_POSTS_H
#define DREAMSUITE_POSTS_H

#include "insight/insight.h"
#include "stats/stats.h"
#include "stats/ranks.h"

#define POSTS_LEAST     20 /* of one platform, to compare them */
#define POST_AGE        7  /* days before a post's numbers say something */
#define GROUP_LEAST     5  /* posts of a group to be tested */
#define GROUP_RECOMMEND 8  /* and to be recommended */
#define GROUP_WEEKS     3  /* in which a group was posted: one viral week decides nothing */

/* Fills the posts of every outlet, published up to a month after the day. Connected to SPI; memory is of `context`. */
extern void posts_load(Artist *artist, DateADT as_of, MemoryContext context);

/* What posts are compared by. */
typedef enum CompareBy
{
	BY_KIND,    /* reels against photos */
	BY_WEEKDAY, /* Tuesdays against the other days of the same weeks */
	BY_DAYPART, /* the evening against the other hours */
	BY_SHARED,  /* with other artists against alone */
	BY_COUNT
} CompareBy;

/* "kind", "weekday", "daypart", "shared": as compare_posts() takes it. */
extern const char *compare_by_name(CompareBy by);

#define KINDS_MOST 8

/* The posts of an outlet that can be compared on a day, and their responses. */
typedef struct Sample
{
	const Outlet *outlet;
	int n;
	const Post **posts;            /* by time */
	int *kind;                     /* index of its kind among those of the sample */
	const char *kinds[KINDS_MOST]; /* those with most posts first */
	int kind_count;
	double *reaction; /* log of interactions (where none are known, of views) */
	double *reach;    /* log of views where all have them, else the reaction */
	bool early;       /* at the age of 7 days; else the counts of now */
	bool by_views;    /* `reach` is views */
	bool by_reaction; /* `reaction` is interactions */
} Sample;

/* Fills the sample with the posts that are old enough; n is 0 where too few are. palloc'd; points into the outlet. */
extern void sample_posts(const Run *run, const Outlet *outlet, Sample *sample);

#define WEEKEND_LEVEL 7

/* One comparison: a against b. */
typedef struct Cell
{
	const Sample *sample;
	CompareBy by;
	const char *a, *b; /* names of the groups */
	int level;         /* the weekday (WEEKEND_LEVEL: both days of the weekend), or the part of the day */
	int n_a, n_b;      /* posts of each group */
	int weeks_a, weeks_b;
	double z, p_value;  /* NaN: not tested, too few */
	signed char *group; /* per post: 1 a, 0 b, -1 neither */
} Cell;

/* The comparisons of a sample by one thing, appended to `cells`; returns how many there are now. */
extern int compare_cells(const Sample *sample, CompareBy by, Cell *cells, int count);
#define CELLS_MOST 64 /* of one sample */

/* The ratio of a to b with its 90 % interval, as logarithms. */
extern void cell_effect(const Cell *cell, Stratified *effect);

/* The posts as elements of the evidence: all of them, or the first `most` of each group. */
extern const char *cell_content(const Cell *cell, bool full, int most);

/* One post as an element of an evidence array. */
extern void put_post(StringInfo out, const Post *post, const char *group);

#endif
