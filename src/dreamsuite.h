/*
 * dreamsuite.h
 *    Words that every room of the house shares. Included right after postgres.h.
 */
#ifndef DREAMSUITE_H
#define DREAMSUITE_H

#include "fmgr.h"

#include "compat.h"

#define DREAMSUITE_VERSION "0.2.0"
#define DREAMSUITE_SCHEMA  "dreamsuite"

/*
 * What a request came to. The order is of no meaning; error_class_name() gives the text stored in
 * account_state, collection_runs and request_log.
 */
typedef enum ErrorClass
{
	ERROR_NONE = 0,        /* ok */
	ERROR_NETWORK,         /* no connection, reset, TLS failure */
	ERROR_TIMEOUT,         /* connect, idle or total time-out */
	ERROR_SERVER,          /* the platform's own trouble: 5xx, maintenance */
	ERROR_RATE_LIMITED,    /* wait, then go on */
	ERROR_QUOTA_EXHAUSTED, /* nothing more before the quota's day ends */
	ERROR_AUTH_EXPIRED,    /* refresh once, then retry */
	ERROR_AUTH_REVOKED,    /* the artist must authorise again */
	ERROR_PERMISSION,      /* this answer needs a right that was not granted */
	ERROR_NOT_FOUND,       /* the object is gone or was never there */
	ERROR_BAD_RESPONSE,    /* not what the API documents */
	ERROR_TOO_LARGE,       /* body over the cap */
	ERROR_METRIC_RETIRED,  /* one metric of the request is refused */
	ERROR_OPERATOR         /* billing, disabled app, wrong client: people must act */
} ErrorClass;

extern const char *error_class_name(ErrorClass error);

#endif
