/*
 * metric.h
 *    What the name of a metric means: a core column of daily_metrics or a numeric key of its metrics.
 */
#ifndef DREAMSUITE_METRIC_H
#define DREAMSUITE_METRIC_H

#include "postgres.h"

#include "platform/platform.h"
#include "series/number.h"
#include "utils/jsonb.h"

typedef enum MetricSource
{
	METRIC_AUDIENCE,   /* follower_count: the column, else the platform's audience field */
	METRIC_CHANGE_24H, /* follower_change_24h */
	METRIC_ENGAGEMENT, /* engagement_total */
	METRIC_CONTENT,    /* content_count */
	METRIC_KEY         /* a key of metrics */
} MetricSource;

/* A metric by name; METRIC_KEY for every name that is no core column. */
extern MetricSource metric_source(const char *name);

/*
 * Has the platform this metric? *kind (may be NULL) is what its numbers are. Every platform has the core columns.
 * platform may be NULL, a platform that is not compiled in: then it has them alone.
 */
extern bool metric_find(const Platform *platform, const char *name, FieldKind *kind);

/*
 * Raises ERRCODE_INVALID_PARAMETER_VALUE where the metric is no number of the platform, or with platform NULL of no
 * platform at all; the error lists what there is.
 */
extern void metric_check(const Platform *platform, const char *name);

/* A level that others decide (playlist placements): most gauges are what the artist does, not what happens. */
extern bool metric_is_given(const char *name);

/* The core columns of a row, as far as they are known. */
typedef struct CoreValues
{
	Number follower_count;
	Number follower_change_24h;
	Number engagement_total;
	Number content_count;
} CoreValues;

/* A number inside metrics; unknown where the key is absent, null or no number. `big` points into the object. */
extern Number metric_in_jsonb(const JsonbContainer *metrics, const char *key);

/*
 * The same for a key that is looked up row after row: *place is where it was in the last row and is tried first, since
 * the rows of a platform have the same keys. Begin with 0.
 */
extern Number metric_in_jsonb_near(const JsonbContainer *metrics, const char *key, int length, uint32 *place);

/* The audience of a row: the column where it is known, else the platform's audience field. */
extern Number metric_audience(const Platform *platform, const Number *column, const JsonbContainer *metrics);

#endif
