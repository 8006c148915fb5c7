/*
 * pace.h
 *    How fast each platform may be asked: token buckets, quotas of a day, and pauses that a platform named.
 *
 * A bucket is a host, or what a step names (StepDef.bucket): requests of one bucket share a limit. The bucket named like
 * the platform holds what concerns the whole app. Buckets fill in real time; pauses and quota days follow the calendar
 * of config_now(). What must outlive a restart is kept in bucket_state.
 */
#ifndef DREAMSUITE_PACE_H
#define DREAMSUITE_PACE_H

#include "postgres.h"

#include "dreamsuite.h"

#include "platform/platform.h"

typedef struct Bucket Bucket;

/* Accounts of a platform that may be at work however slowly it is asked. */
#define ROOM_LEAST 4

/* The bucket that a request draws from: the step's own, else the host of the address. */
extern Bucket *pace_bucket(const Platform *platform, const Request *request);

/* The bucket of the platform's app: it holds pauses alone. */
extern Bucket *pace_app(const Platform *platform);

/*
 * Where a pause of the bucket is kept: the bucket of the app where it is that of the platform's main host, without which
 * no account gets far.
 */
extern Bucket *pace_widest(const Platform *platform, Bucket *bucket);

/* What pace_take() says of a request. */
typedef struct Pace
{
	long wait_ms;             /* 0: it may go, its share is taken; else how long to wait */
	TimestampTz paused_until; /* not 0: the bucket is paused until then */
	ErrorClass why;           /* of a pause: ERROR_RATE_LIMITED, ERROR_QUOTA_EXHAUSTED or ERROR_OPERATOR */
	const char *reason;       /* of a pause */
} Pace;

/* May a request of this cost go now? */
extern Pace pace_take(Bucket *bucket, double cost);

/* A request that pace_take() let go has been answered. */
extern void pace_answered(Bucket *bucket, double cost);

/* What an answer told of the bucket's limit: its own count goes before ours. */
extern void pace_observe(Bucket *bucket, const LimitSeen *seen);

/* A pause of the bucket until `until` (calendar). Kept until it is over, and stored by pace_store(). */
extern void pace_pause(Bucket *bucket, TimestampTz until, ErrorClass why, const char *reason);

/*
 * How many accounts of the platform may be at work at once, out of `most`: one that is asked slowly shall not take the
 * room of the others. 0 where its app is paused.
 */
extern int pace_room(const Platform *platform, int most);

/* The transaction of pace_store() was rolled back: what it wrote is to be written again. */
extern void pace_forget_stored(void);

/* When the pause of the platform's app ends; TIME_UNKNOWN where there is none. */
extern TimestampTz pace_app_paused_until(const Platform *platform);

/*
 * Brings memory and bucket_state in line: writes what has changed here, takes over what was changed there (a pause that
 * an operator ended). Within a transaction of transaction.h.
 */
extern void pace_store(void);
extern void pace_load(void);

#endif
