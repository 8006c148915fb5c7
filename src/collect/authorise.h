/*
 * authorise.h
 *    The tokens of a job: exchanged, renewed and put on its requests.
 */
#ifndef DREAMSUITE_AUTHORISE_H
#define DREAMSUITE_AUTHORISE_H

#include "collect/job.h"
#include "http/engine.h"

/* Sees to the tokens that the job needs, then calls collector_authorised(), or job_stop(). */
extern void authorise_begin(Job *job);

/* Puts the token that the request's step wants on it. Header lines are palloc'd; wipe them after sending. */
extern void authorise_request(Job *job, Request *request, HttpRequest *http);

/* The token of the app that the request carries, and which one it is; NULL: it carries the artist's, or none. */
extern const char *request_app_token(const Job *job, const Request *request, int *serial);

/*
 * The platform refused the token of a request: ERROR_AUTH_EXPIRED or ERROR_AUTH_REVOKED. ERROR_NONE: the request is asked
 * again, with a new token or without one. Else what the refusal comes to: ERROR_AUTH_REVOKED, ERROR_PERMISSION where only
 * this step is lost, ERROR_OPERATOR where it is the app's token.
 */
extern ErrorClass authorise_refused(Job *job, Request *request, const Verdict *verdict);

/* Whatever came of the request, its token was not refused: those that waited for the answer go on. */
extern void authorise_not_refused(Job *job, const Request *request);

/* The next step towards the first request, after an earlier one has come to an end; see authorise.c for the steps. */
extern void authorise_go_on(Job *job);

/*
 * The artist's token is of no use any more, for a reason that is told. Where the platform gives something without one, that
 * is still collected; else the job is stopped.
 */
extern void authorise_token_is_dead(Job *job, const char *reason);

/* The platform refuses the operator's app: all its accounts wait for an hour, or until it is registered anew. */
extern void authorise_hold_app(const Job *job, const char *reason);

/* How many refresh tokens are on their way that end with the platform's answer. */
extern int authorise_renewals(void);

/* The job has ended. */
extern void authorise_end(Job *job);

#endif
