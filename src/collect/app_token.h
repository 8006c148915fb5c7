/*
 * app_token.h
 *    Tokens of the operator's apps: fetched or signed once, shared by all jobs of the platform.
 */
#ifndef DREAMSUITE_APP_TOKEN_H
#define DREAMSUITE_APP_TOKEN_H

#include "collect/job.h"

/* Has the platform such tokens, and is an app registered that can get one? */
extern bool app_token_possible(const Job *job);

/*
 * Sees to a token of the job's app. True: app_token() has it, or job->app_failed says that there is none. False: it is
 * being fetched, and `then` is called with the job when that has ended.
 */
extern bool app_token_get(Job *job, void (*then)(Job *job));

/* The token, NULL where there is none. Valid until the next call of app_token_get(). *serial tells it from others. */
extern const char *app_token(const Job *job, int *serial);

/* The platform refused this one. */
extern void app_token_refused(const Job *job, int serial);

/* The job ends: it waits for no token any more. */
extern void app_token_forget(const Job *job);

#endif
