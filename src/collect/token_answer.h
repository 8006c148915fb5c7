/*
 * token_answer.h
 *    What a token endpoint said to a job.
 */
#ifndef DREAMSUITE_TOKEN_ANSWER_H
#define DREAMSUITE_TOKEN_ANSWER_H

#include "collect/job.h"
#include "http/engine.h"

/* The answer as the platforms' readers want it; its body is not parsed. */
extern Answer token_raw_answer(const HttpAnswer *http);

/* Read into the job's secret context; network trouble is an error class too. The message holds no secret of the job. */
extern TokenAnswer token_answer(Job *job, TokenPurpose purpose, const HttpAnswer *http);

/* The text without the job's code, tokens and client secret, should a platform repeat one. palloc'd. */
extern char *token_free_text(const Job *job, const char *text);

#endif
