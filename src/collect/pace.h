/*
 * pace.h
 *    How fast each platform may be asked: token buckets, and pauses that a platform named.
 *
 * A bucket is a host, or what a step names (StepDef.bucket): requests of one bucket share a limit. Buckets fill in real
 * time; pauses follow the calendar of config_now().
 */
#ifndef DREAMSUITE_PACE_H
#define DREAMSUITE_PACE_H

#include "postgres.h"

#include "dreamsuite.h"

#include "platform/platform.h"

/* The bucket that a request draws from: the step's own, else the host of the address. palloc'd. */
extern char *pace_bucket(const Request *request);

/*
 * May a request of this cost go now? Then takes its share and returns 0. Otherwise the milliseconds until it may.
 * A paused bucket answers with *paused_until set and -1.
 */
extern long pace_take(const Platform *platform, const char *bucket, double cost, TimestampTz *paused_until);

/* The platform asked for a pause of the bucket. Kept until it is over, and stored by pace_store(). */
extern void pace_pause(const Platform *platform, const char *bucket, TimestampTz until, const char *reason);

/* Reads the stored pauses; within a transaction of transaction.h. */
extern void pace_load(void);

/* Writes pauses that are new since the last call; within a transaction of transaction.h. */
extern void pace_store(void);

#endif
