/*
 * keep.h
 *    New tokens are committed before their first use.
 */
#ifndef DREAMSUITE_KEEP_H
#define DREAMSUITE_KEEP_H

#include "collect/job.h"

typedef enum KeepKind
{
	KEEP_EXCHANGED, /* tokens for a code, which is spent now */
	KEEP_SPENT,     /* the code was refused */
	KEEP_RENEWED,   /* tokens in place of `used` */
	KEEP_FOUND      /* the account, and the Page's token where that is what is used */
} KeepKind;

typedef struct Keeping
{
	KeepKind kind;
	const char *used;     /* KEEP_RENEWED: the token that was presented */
	bool used_is_refresh; /* it is in the column refresh_token, else in access_token */
	bool scopes_told;     /* job->account.scopes are to be stored */
	bool activate;        /* the account is active from now on */
	void (*done)(Job *job);
} Keeping;

/*
 * Queues what is new in job->tokens, job->account and job->status; `done` is called by keep_flush() when it is committed,
 * not before. Where it cannot be, the job is stopped.
 */
extern void keep_tokens(Job *job, Keeping keeping);

/* Is something queued that was not tried yet? Interrupts are held then. */
extern bool keep_waits(void);

/*
 * Commits what is queued: one transaction, that waits for the disk. Then calls each `done`. Those whose rows someone else
 * holds are tried again after a moment, and where the process has been told to end for half a second at once.
 */
extern void keep_flush(void);

/* Milliseconds until keep_flush() has something to try again; LONG_MAX where there is nothing. */
extern long keep_wait(void);

#endif
