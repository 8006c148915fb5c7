/*
 * twitter.h
 *    The parts of X's platform that lie in files of their own.
 */
#ifndef DREAMSUITE_TWITTER_H
#define DREAMSUITE_TWITTER_H

#include "postgres.h"

#include "platform/platform.h"

/* As Platform has them: twitter_errors.c. */
extern Verdict twitter_classify(const Answer *answer);
extern void twitter_limits(const Answer *answer, LimitsSeen *seen);

#endif
