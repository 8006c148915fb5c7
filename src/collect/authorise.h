/*
 * authorise.h
 *    The tokens of a job: exchanged, refreshed and put on its requests.
 */
#ifndef DREAMSUITE_AUTHORISE_H
#define DREAMSUITE_AUTHORISE_H

#include "collect/job.h"
#include "http/engine.h"

/* Sees to the tokens that the job needs, then calls collector_authorised(), or job_stop(). */
extern void authorise_begin(Job *job);

/* Puts the token that the request's step wants on it. Header lines are palloc'd; wipe them after sending. */
extern void authorise_request(Job *job, const Request *request, HttpRequest *http);

/*
 * The platform refused the token of a request (401). Refreshes it once, then the request is asked again: true. False
 * where that cannot help.
 */
extern bool authorise_again(Job *job, Request *request);

#endif
