/*
 * work.h
 *    The jobs that the collector has claimed: at work, or done and waiting to be stored.
 */
#ifndef DREAMSUITE_WORK_H
#define DREAMSUITE_WORK_H

#include "collect/claim.h"
#include "collect/job.h"

/* The state of the process; there is one collector in it. */
typedef struct Work
{
	MemoryContext context;          /* lives as long as the process */
	dlist_head asking;              /* jobs at work */
	List *done;                     /* Job *: to be stored */
	TimestampTz done_since;         /* clock: since then the oldest of them waits */
	int count;                      /* of both */
	int of_platform[MAX_PLATFORMS]; /* at work, in the order of the registry */
	bool has_ended;                 /* one of them is done since the last look */
} Work;

extern Work work;

/* Takes a claimed job up: it is authorised, and its plan begins. */
extern void job_begin(Job *job);

/* Takes over what the plan asks; ends the job when nothing is left to wait for. */
extern void job_progress(Job *job);

/*
 * In PG_CATCH of what works on one job: an answer that breaks our own code is that account's bad luck alone. Returns the
 * message, in the job's memory. Raises again what must end the collector.
 */
extern char *job_caught(Job *job);

/* Calls `then` in the job's memory; what it raises ends the run of this job alone. */
extern void job_go_on(Job *job, void (*then)(Job *job));

#endif
