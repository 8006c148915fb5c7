/*
 * spikes.h
 *    Days that stand out, what coincided with them, and whether a whole platform moved.
 */
#ifndef DREAMSUITE_SPIKES_H
#define DREAMSUITE_SPIKES_H

#include "insight/insight.h"
#include "stats/stats.h"
#include "stats/anomaly.h"
#include "stats/placebo.h"

/* A spike is at least this far from the expected value, beside being significant. */
#define SPIKE_RATIO 1.3

/* And by so many of its unit. */
extern double spike_gain_least(const Track *track);

typedef struct Attribution
{
	Placebo placebo;
	const Post *post;     /* the best candidate; NULL: none */
	const Outlet *outlet; /* its platform */
	int count;            /* candidates of the event's days */
	const char *json;     /* elements of an array: all candidates */
} Attribution;

/* What was published on the day of the event or shortly before it. `at` is the opening day of the event. */
extern void attribute_spike(const Run *run, const Outlet *outlet, int at, const SpikeEvent *events, int count,
							int slice, Attribution *result);

/* "the collaboration post", "the release", "the reel" */
extern const char *say_post(const Post *post);

/*
 * Spikes of the run whose day moved many accounts of the platform in the same direction become one fact of the
 * platform. Reads the accounts that the caller may see.
 */
extern void merge_platform_shocks(Run *run);

/* spikes.c */
extern void spike_facts(Run *run);

#endif
