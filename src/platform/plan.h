/*
 * plan.h
 *    What is asked of a platform: the account, the steps, their requests, and what an answer means.
 *
 * All memory is palloc'd in the current context, which the caller throws away. See platform.h for the whole.
 */
#ifndef DREAMSUITE_PLAN_H
#define DREAMSUITE_PLAN_H

#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "nodes/pg_list.h"
#include "platform/json.h"

typedef struct Platform Platform;
typedef struct RequestPlan RequestPlan;
/* The server's planner has a Plan as well. A file that meets both (spi.h brings it) says RequestPlan. */
#ifndef PLANNODES_H
typedef RequestPlan Plan;
#endif

/* ---- What a platform knows of an account ---- */

typedef struct Account
{
	const char *external_id;        /* NULL: not known yet */
	const JsonbContainer *settings; /* an object; see account_setting() */
	bool has_token;                 /* a user's token is held */
	List *scopes;                   /* char *: granted; NIL with has_token: not known, assume all */
	TimestampTz observed_at;
	TimestampTz local_midnight; /* start of the metric date, in the account's time zone */
	List *quarantined;          /* char *: metrics of the API that are not to be asked now */
} Account;

/* A text setting (artist_id, profile_id, login, ...), a number as its digits; NULL where absent. */
extern char *account_setting(const Account *account, const char *key);

/* A list of texts (storefronts, tracked_playlists); NIL where absent. */
extern List *account_setting_list(const Account *account, const char *key);

/* Was the scope granted? True where the granted scopes are not known but a token is held. */
extern bool account_has_scope(const Account *account, const char *scope);

/* Is the metric not to be asked now, because the platform refused it lately? */
extern bool account_is_quarantined(const Account *account, const char *metric);

/* Digits alone, at least one: valid_id of platforms that number their accounts. */
extern bool id_is_number(const char *id);

/* ---- Requests ---- */

typedef enum TokenKind
{
	TOKEN_NONE,     /* public data */
	TOKEN_USER,     /* the artist's access token */
	TOKEN_USER_OPT, /* the artist's, where there is one */
	TOKEN_APP       /* a token of the app itself (client credentials, Apple's developer token) */
} TokenKind;

/* How a listing goes on. */
typedef enum Paging
{
	PAGE_NONE,
	PAGE_LINK,  /* page_at is a link, absolute or relative to the host; same origin only */
	PAGE_CURSOR /* page_at is a cursor, sent again as page_param; goes on while page_more (if set) is there */
} Paging;

typedef struct StepDef
{
	const char *name; /* the key in normalise()'s responses */
	const char *host; /* NULL: the platform's first */
	const char *path; /* template with query, "/artist/{external_id}/albums?limit=100"; see plan_expand() */
	Paging paging;
	const char *page_at;    /* path of the link or cursor in the answer */
	const char *page_param; /* PAGE_CURSOR */
	const char *page_more;  /* PAGE_CURSOR: a text that must be there to go on; NULL: the cursor itself */
	const char *link_base;  /* PAGE_LINK: what stands before a relative link, "/v2" */
	TokenKind token;
	bool per; /* asked once per parameter: entries are {"of": parameter, "body": answer} */
	bool (*when)(const Account *account); /* NULL: always. plan_begin() asks steps that are not `per` */
	const char *metrics; /* comma-separated metrics for {metrics}; quarantined ones are left out */
	double cost;         /* quota units; 0 means 1 */
	const char *bucket;  /* rate-limit bucket; NULL: the host */
	bool optional; /* its loss does not make the run partial (extras, what earlier days are held against) */
	const char *holds; /* what an answer must have, or it is none; see answer_holds(). NULL: nothing */
} StepDef;

typedef struct Request
{
	const StepDef *step;
	const char *of; /* parameter of a `per` step */
	List *parts;    /* char *: parameters of a batch that asks several at once; NIL otherwise */
	int page;       /* 0 for the first */
	bool post;
	char *url;                /* absolute, without any secret */
	char *body;               /* of a POST; NULL otherwise */
	const char *content_type; /* of a POST */
	List *headers;            /* char *: further "Name: value" lines, none secret */
	List *metrics;            /* char *: metrics that this request asks for; NIL where it names none */
	const char *path;         /* template that the metrics were put into */
	List *suspects;           /* char *: while a retired metric is searched: the others that may be it */
	List *rest;               /* char *: and those to be asked when it is found */
	const char *why;          /* of a request that was left: the error class that passes; NULL: not asked */
	int tries;                /* of this request, by the collector */
	int refusals;             /* of the token that it carried */
	int token;                /* which of the artist's tokens it carried, counted by the collector */
	int app_token;            /* and which of the app's */
	void *mark;               /* the collector's own */
} Request;

/*
 * plan_begin() asks every step that is not `per` and whose `when` holds, then calls platform->begin where set.
 * Each answer goes to plan_accept() (kept for normalise(), next page asked, platform->next called) or plan_fail().
 * Requests that are to be sent next lie in plan->pending until the collector takes them.
 */
struct RequestPlan
{
	const Platform *platform;
	const Account *account;
	struct Responses *responses; /* what has been answered so far */
	struct Contents *known;      /* content items stored by earlier runs */
	int max_pages;
	List *pending; /* Request *, first asked first */
	List *missing; /* char *: what is lost for this day, "media_insights: permission" */
	List *left; /* Request *: not asked, or failed for a reason that passes; plan_resume() asks them again */
	List *bounded; /* char *: steps that met max_pages */
	List *refused; /* char *: metrics found retired in this run */
};

/* A plan without a request. `known` may be NULL: nothing was stored before. All is palloc'd in the current context. */
extern RequestPlan *
plan_create(const Platform *platform, const Account *account, struct Contents *known, int max_pages);
extern void plan_begin(RequestPlan *plan);

/* Asks a step by name; `of` is the parameter of a `per` step, else NULL. Returns the request for changes. */
extern Request *plan_ask(RequestPlan *plan, const char *step, const char *of);

/* The same with its own path (template) in place of the step's. */
extern Request *plan_ask_path(RequestPlan *plan, const char *step, const char *of, const char *path);

/* The same for a list of metrics put into {metrics}; NULL, and no request, where the list is empty. */
extern Request *
plan_ask_metrics(RequestPlan *plan, const char *step, const char *of, const char *path, List *metrics);

/* Asks the page after `request` at an address that the platform made itself; NULL where max_pages is met. */
extern Request *plan_next_page(RequestPlan *plan, const Request *request, char *url);

/*
 * Replaces {external_id}, {of}, {metrics}, {KEY} of the settings, {now} (the observation), {since30} and {until} (begin and
 * end of the last 30 closed UTC days; {since7} and so on: so many days before {until}), all in seconds since 1970. Values
 * are percent-encoded.
 */
extern char *plan_expand(const RequestPlan *plan, const char *path, const char *of, List *metrics);

/* Adds a parameter to the request's address, percent-encoded. */
extern void request_param(Request *request, const char *name, const char *value);

/* Was the content item stored by an earlier run? */
extern bool plan_knows(const RequestPlan *plan, const char *content_id);

/* ---- Answers ---- */

typedef struct Answer
{
	const Request *request;     /* NULL when judged by the body alone */
	int status;                 /* HTTP; 0: not known */
	const JsonbContainer *body; /* NULL: not JSON */
	const char *text;           /* the bytes, for bodies that are not JSON; may be NULL */
	const char *(*header)(const struct Answer *answer, const char *name); /* NULL: none known */
	void *header_arg;
	TimestampTz at; /* when it came */
} Answer;

/* The value of a header, NULL where it is absent. */
extern const char *answer_header(const Answer *answer, const char *name);

typedef enum BlockScope
{
	BLOCK_ACCOUNT, /* this account waits */
	BLOCK_APP,     /* every account of the platform's app waits */
	BLOCK_BUCKET   /* every request of the same bucket waits */
} BlockScope;

/* What an answer means. Zero-initialised it is "ok". */
typedef struct Verdict
{
	ErrorClass error;
	BlockScope scope;       /* rate_limited, quota_exhausted, operator */
	TimestampTz wait_until; /* the time that the platform named; 0: none named */
	const char *message;    /* in the platform's words, or ours; never with a secret */
	List *metrics; /* char *: metric_retired: those that the answer names; NIL: it does not say which */
} Verdict;

/* What an answer, a good one too, tells of a limit. Begin with LIMIT_UNSEEN. */
typedef struct LimitSeen
{
	double used;             /* of the quota; NAN: not told */
	double quota;            /* units, or 100 where the platform tells percents; NAN: not told */
	TimestampTz resets_at;   /* when it begins anew; 0: not told */
	TimestampTz pause_until; /* to ask more before that would be refused; 0: nothing to fear */
	double tokens;           /* left in the platform's own token bucket; NAN: not told */
	double rate;             /* its tokens a second */
	double burst;            /* its size */
} LimitSeen;

#define LIMIT_UNSEEN ((LimitSeen){.used = NAN, .quota = NAN, .tokens = NAN, .rate = NAN, .burst = NAN})

typedef struct LimitsSeen
{
	LimitSeen app;     /* of every request of the app */
	LimitSeen bucket;  /* of the request's bucket */
	LimitSeen account; /* of every request for this account */
	LimitSeen step;    /* of this step for this account */
} LimitsSeen;

/* How an answer is judged when the platform itself has nothing special to say: by the HTTP status. */
extern Verdict classify_status(const Answer *answer);

/* Seconds or an HTTP date of Retry-After as a time; 0 where absent. */
extern TimestampTz retry_after(const Answer *answer);

/* The time, or 0 where it has passed or is more than a year ahead. */
extern TimestampTz believable_wait(const Answer *answer, TimestampTz until);

/* The platform's own clock, from the Date header; 0 where absent. */
extern TimestampTz answer_date(const Answer *answer);

/* When the next UTC day begins; 0 for 0. */
extern TimestampTz next_utc_midnight(TimestampTz at);

/* Is it a page for people in place of JSON? Networks in front of an API send such ones. */
extern bool answer_is_page(const Answer *answer);

/* A verdict on this account alone, with no time to wait for; `message` is not copied. */
extern Verdict verdict(ErrorClass error, const char *message);

/* A request of the plan that is not made in this run: what it would have told is missing, totals over it are unknown. */
extern void plan_drop(RequestPlan *plan, Request *request);

/* The request failed in this run for a reason that passes. The same, unless the platform knows another way. */
extern void plan_leave(RequestPlan *plan, Request *request, const Verdict *verdict);

/* Goes on with what an earlier run left: its requests are pending again. The account may have moved in memory. */
extern void plan_resume(RequestPlan *plan, const Account *account);

/* char *: what the run lacks, for good or because it was left; extras that few accounts have do not count. */
extern List *plan_missing(const RequestPlan *plan);

/* An entry of the step is lost for good. */
extern void plan_lose(RequestPlan *plan, const StepDef *step);

/* Keeps the answer for normalise(), asks the next page, lets the platform ask what follows. */
extern void plan_accept(RequestPlan *plan, Request *request, const Answer *answer);

/*
 * The request failed for good in this run: notes what is missing, and for a retired metric asks again without it
 * (where the answer does not name it, in halves).
 */
extern void plan_fail(RequestPlan *plan, Request *request, const Verdict *verdict);

#endif
