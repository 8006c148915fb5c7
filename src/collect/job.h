/*
 * job.h
 *    One account on its way through one run: claimed, asked, answered, ready to be stored.
 *
 * A job lives in a memory context of its own, which is deleted when the job has been stored. Secrets live in a second
 * one, which is wiped first.
 */
#ifndef DREAMSUITE_JOB_H
#define DREAMSUITE_JOB_H

#include "postgres.h"

#include "dreamsuite.h"

#include "lib/ilist.h"
#include "utils/date.h"
#include "utils/uuid.h"

#include "oauth/oauth.h"
#include "platform/platform.h"

typedef enum JobPhase
{
	JOB_AUTHORISING, /* tokens are exchanged or refreshed */
	JOB_ASKING,      /* requests are under way or wait for their pace */
	JOB_DONE         /* every answer is there; waits to be stored */
} JobPhase;

/* A request that was made, for request_log. */
typedef struct LedgerEntry
{
	const char *endpoint;
	TimestampTz at;
	int http_status; /* 0: no answer */
	ErrorClass error;
	double ms;
	int64 bytes;
	double quota_cost;
} LedgerEntry;

typedef struct Tokens
{
	char *access_token;             /* NULL: none held */
	char *refresh_token;            /* NULL: none held */
	TimestampTz expires_at;         /* TIME_UNKNOWN: does not expire, or not known */
	TimestampTz refresh_expires_at; /* the same */
} Tokens;

typedef struct Job
{
	dlist_node node; /* in the list of its phase */
	MemoryContext context;
	MemoryContext secret_context; /* wiped on reset and delete */
	MemoryContext bodies;         /* of answers; goes when they have been read. NULL: there was none yet */

	/* From the claim */
	pg_uuid_t user_id;
	const Platform *platform;
	int platform_index; /* in the registry */
	pg_uuid_t lease_token;
	int64 run_id;
	int attempts;       /* of the day, this one included */
	DateADT date;       /* the metric date */
	TimestampTz due_at; /* calendar: since then */
	const char *status; /* of the account: active, pending, ... */
	TimestampTz started_at;
	Account account;
	bool identified;          /* the account's external_id was known */
	const char *handle;       /* that is stored; NULL: none */
	TimestampTz requested_at; /* clock: when somebody last asked for a run; TIME_UNKNOWN: nobody did */
	Tokens tokens;
	OAuthClient client; /* def NULL: the platform has no OAuth; id NULL: no app is registered */
	bool placeholder;   /* no credentials or no API: a row of nulls, no request */

	/* The authorisation code of a pending account, to be exchanged; NULL otherwise. */
	char *code;
	char *code_verifier;
	const char *code_redirect_uri;
	bytea *code_state_hash;
	List *code_scopes; /* char *: that were asked for */

	/* On the way */
	JobPhase phase;
	RequestPlan *plan;
	List *waiting; /* Request *: to be sent when their pace allows */
	int in_flight;
	List *held; /* Request *: refused for their token, asked again when there is a new one */

	/* Of authorise.c */
	Request *
		doubted; /* its refusal is not believed yet: it is asked again, others that are refused wait; or NULL */
	bool renewing;      /* a renewal is under way */
	bool renewed;       /* one was made in this run: a refusal after it means that the consent has ended */
	bool app_renewed;   /* the same of the app's token */
	bool app_failed;    /* the app got no token: the artist's own is used */
	bool token_dropped; /* the artist's is of no use; what needs none is collected */
	bool discovered;    /* the Pages were read in this run */
	int exchange_tries;
	int token_serial;     /* grows with every new access token */
	List *pages;          /* PageFound * */
	struct Keeping *keep; /* what is to be committed before it is used; NULL: nothing */

	/* For the ledger */
	List *ledger; /* LedgerEntry * */
	int64 bytes;
	double quota_cost;
	int answered_ok;

	/* The end */
	ErrorClass error; /* the first that ended or hurt the run */
	char *error_text;
	bool garbled;              /* an answer was no JSON at all, however often it was asked for */
	bool keeps_answers;        /* for its next try on this day */
	bool resumed;              /* it goes on with what an earlier run of the day left */
	bool held_back;            /* by a pause that was known before a request was made */
	bool stopped;              /* no further requests: revoked, rate limited, quota met, operator */
	TimestampTz blocked_until; /* the platform named it for this account; 0: none */
	const char *new_status;    /* NULL: unchanged */
	const char *new_status_reason;
	bool locked; /* somebody else held its rows when it was last to be stored */
	int times_aside;
	TimestampTz aside_until; /* clock: not stored before */
	Normalised *result;      /* NULL: nothing to store */
	Jsonb *metrics;
} Job;

/* The account is to be this from now on, for this reason (NULL: none); stored with the run. */
extern void job_set_status(Job *job, const char *status, const char *reason);

/* Ends the run of a job early: nothing further is asked, what is there is stored. The first error stays. */
extern void job_stop(Job *job, ErrorClass error, const char *text);

/* Notes an error that does not end the run. The first stays. */
extern void job_note_error(Job *job, ErrorClass error, const char *text);

#endif
