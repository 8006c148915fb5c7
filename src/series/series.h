/*
 * series.h
 *    All daily series of a user, loaded in one pass for the insight code.
 *
 * A series is an array of double with one place per day and NaN where the value is not known. All series of a set have
 * the same days: values[i] belongs to the day first + i.
 */
#ifndef DREAMSUITE_SERIES_H
#define DREAMSUITE_SERIES_H

#include "postgres.h"

#include "series/change.h"

typedef struct Series
{
	const Platform *platform;
	const char *metric;    /* name of the field, or of the core column */
	const FieldDef *field; /* NULL: a core column */
	FieldKind kind;
	const char *unit;
	bool audience; /* the platform's audience */
	double *values;
	uint8 *quality;  /* Quality of each known day, by the observation before it */
	int known;       /* number of known days */
	int first_known; /* -1 where none is */
	int last_known;
} Series;

typedef struct SeriesSet
{
	DateADT first;
	int days;
	int count;
	Series *series; /* by platform as in the registry, then fields in their order, then core columns */
} SeriesSet;

/*
 * series_load
 *    Loads every numeric field of every platform that the user has rows of, but for fields of kind change, and the core
 *    columns engagement_total and content_count. The audience stands under the name of its field; where that is unknown
 *    in metrics, follower_count of the row is taken.
 *
 * user_id  uuid
 * since    DATEVAL_NOBEGIN: from the user's first day
 * until    DATEVAL_NOEND: to the user's last day
 *
 * A set of a user without rows has no series. One query, with the rights and the row security of the current user;
 * connects to SPI itself. Everything is palloc'd in the caller's context.
 */
extern SeriesSet *series_load(Datum user_id, DateADT since, DateADT until);

/* A series by name; "follower_count" finds the platform's audience. NULL where there is none. */
extern const Series *series_find(const SeriesSet *set, const char *platform, const char *metric);

/* The day of an index. */
static inline DateADT
series_date(const SeriesSet *set, int day)
{
	return set->first + day;
}

#endif
