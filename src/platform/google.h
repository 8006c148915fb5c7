/*
 * google.h
 *    Errors of Google's APIs.
 */
#ifndef DREAMSUITE_GOOGLE_H
#define DREAMSUITE_GOOGLE_H

#include "postgres.h"

#include "platform/platform.h"

/* Where quotas and the days of Analytics begin. */
#define GOOGLE_ZONE "America/Los_Angeles"

/*
 * What an answer means. A quota of the day is exhausted until the next midnight in California, for the whole project. The
 * message begins with Google's reason where it tells one.
 */
extern Verdict google_classify(const Answer *answer);

#endif
