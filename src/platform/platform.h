/*
 * platform.h
 *    The one interface between the house and a platform.
 *
 * A platform is a const value of tables and a few pure functions. It never opens a connection, never runs SQL and
 * never reads a clock: it is given answers and the time of observation, and gives requests and rows. All memory is
 * palloc'd in the current context, which the caller throws away.
 */
#ifndef DREAMSUITE_PLATFORM_H
#define DREAMSUITE_PLATFORM_H

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
typedef struct Normalised Normalised;

/* ---- Fields: what metrics holds ---- */

typedef enum FieldType
{
	FIELD_COUNT,  /* number, whole: bigint */
	FIELD_NUMBER, /* number, with a fraction: double precision */
	FIELD_TEXT,   /* string */
	FIELD_TEXTS,  /* string[] */
	FIELD_ENTRIES /* array of objects with the keys of `entry` */
} FieldType;

typedef enum FieldKind
{
	KIND_COUNTER, /* a total that only grows, but for corrections */
	KIND_GAUGE,   /* a level at the moment of asking */
	KIND_ROLLING, /* a total over the last days (window_days): never differenced by day */
	KIND_ROUNDED, /* a counter that the platform rounds before it tells it */
	KIND_RATE,    /* a quotient */
	KIND_CHANGE,  /* change_of over change_days; filled when the row is stored */
	KIND_LIST     /* text and lists: not a number */
} FieldKind;

/* A key of the entries of a FIELD_ENTRIES. */
typedef struct EntryKey
{
	const char *name;
	FieldType type; /* FIELD_COUNT, FIELD_NUMBER or FIELD_TEXT */
	bool nullable;  /* in the product's interface */
} EntryKey;

typedef struct FieldDef
{
	const char *name;
	FieldType type;
	bool nullable; /* in the product's interface; every field is null where unknown */
	FieldKind kind;
	const char *unit;   /* "followers", "views", "minutes", "ratio", ... */
	const char *source; /* where the API gives it, or how we compute it */
	const char *description;
	const char *change_of; /* KIND_CHANGE: the field it differs */
	int change_days;       /* KIND_CHANGE: 1, 7 or 30 */
	int window_days;       /* KIND_ROLLING */
	const EntryKey *entry; /* FIELD_ENTRIES: ends with a NULL name */
	double at_most;        /* FIELD_NUMBER: the highest value that can be; 0: no bound */
} FieldDef;

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
	const char
		*path; /* template with query, as in "/artist/{external_id}/albums?limit=100"; see plan_expand() */
	Paging paging;
	const char *page_at;    /* path of the link or cursor in the answer */
	const char *page_param; /* PAGE_CURSOR */
	const char
		*page_more; /* PAGE_CURSOR: path of a text that must be there to go on; NULL: the cursor itself */
	const char *link_base; /* PAGE_LINK: what stands before a relative link, "/v2" */
	TokenKind token;
	bool per; /* asked once per parameter: entries are {"of": parameter, "body": answer} */
	bool (*when)(const Account *account); /* NULL: always. plan_begin() asks steps that are not `per` */
	const char *metrics; /* comma-separated metrics for {metrics}; quarantined ones are left out */
	double cost;         /* quota units; 0 means 1 */
	const char *bucket;  /* rate-limit bucket; NULL: the host */
	bool optional;       /* its loss does not make the run partial (extras that few accounts have) */
	const char
		*holds; /* what one of an answer must have, so that a list that is not there is not taken for an empty
						* one; see answer_holds(). NULL: anything will do */
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
	int token,
		app_token; /* which of the artist's and of the app's tokens it carried, counted by the collector */
	void *mark;    /* the collector's own */
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
 * Replaces {external_id}, {of}, {metrics}, {now}, {since30} and {until} (seconds since 1970 of the observation and of the last
 * 30 closed UTC days; {since7} and so on)
 * and {KEY} of the settings, percent-encoded.
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

/* ---- Responses: what normalise() reads ---- */

typedef struct Entry
{
	const char *of; /* NULL for a step that is not `per` */
	const JsonbContainer *body;
} Entry;

typedef struct Bodies
{
	const StepDef *step;
	Entry *entries;
	int count;
	int room;
	bool asked;   /* the step is there at all */
	bool partial; /* an entry is lacking: totals over a listing are unknown */
	bool lost;    /* one of those will not come any more */
} Bodies;

typedef struct Responses
{
	const Platform *platform;
	Bodies *steps; /* one per step of the platform */
} Responses;

extern Responses *responses_create(const Platform *platform);
extern void
responses_add(Responses *responses, const StepDef *step, const char *of, const JsonbContainer *body);

/*
 * Is the body an answer to the step, by what it holds? step->holds names paths, comma-separated, one of which must be
 * there: "data[]" an array, "results{}" an object, "meta" anything; "[]" is the body itself as an array, "{}" an object
 * without members.
 */
extern bool answer_holds(const StepDef *step, const JsonbContainer *body);

/* The bodies of a step; never NULL. `count` is 0 where it is missing. */
extern const Bodies *bodies(const Responses *responses, const char *step);

/* The first body of a step, NULL where it is missing. */
extern const JsonbContainer *body(const Responses *responses, const char *step);

/* Did the listing arrive whole? False where the step is missing or an entry of it was lost. */
extern bool listed_whole(const Responses *responses, const char *step);

/* ---- Content ---- */

typedef struct ContentItem
{
	const char *content_id;
	const char *kind;
	TimestampTz published_at; /* TIME_UNKNOWN */
	const char *title;
	const char *url;
	List *collaborators;      /* char * */
	bool collaborators_known; /* an empty list that the API gave is not the same as none given */
	int64 likes;
	int64 comments;
	int64 shares;
	int64 views;
	int64 reach;
	int64 saves;
	int64 watch_time_minutes;
	Jsonb *extra; /* NULL: {} */
	bool listed;  /* by this run; false: known from storage alone */
	struct ContentItem *next_in_bucket;
} ContentItem;

/* Items in the order in which they were first met, found by id. */
typedef struct Contents
{
	ContentItem **items;
	int count;
	int room;
	ContentItem **buckets;
	int bucket_count; /* a power of two */
} Contents;

extern Contents *contents_create(void);

/* A copy whose items may be changed; their texts are shared. */
extern Contents *contents_copy(const Contents *contents);

/* The item with that id, made where there is none: every count COUNT_UNKNOWN, time TIME_UNKNOWN, the rest NULL. */
extern ContentItem *contents_item(Contents *contents, const char *content_id);

/* The item, or NULL. */
extern ContentItem *contents_find(const Contents *contents, const char *content_id);

/* ---- What normalise() gives ---- */

typedef struct MetricValue
{
	bool known;
	int64 count;      /* FIELD_COUNT */
	double number;    /* FIELD_NUMBER */
	const char *text; /* FIELD_TEXT */
	List *texts;      /* FIELD_TEXTS: char * */
	Jsonb *entries;   /* FIELD_ENTRIES */
} MetricValue;

struct Normalised
{
	const Platform *platform;
	const Account *account;
	MetricValue *values; /* one per field of the platform */
	int64 follower_count;
	int64 engagement_total;
	int64 content_count;
	Contents *content;       /* known items and those of this run */
	const char *external_id; /* who the answer says the account is; NULL: it does not say */
	const char *handle;      /* its name at the platform; NULL: not said */
	List *earlier;           /* EarlierValue *: for days that are stored already */
};

/*
 * What the platform says now of a time that ended earlier. It was told before, on the day whose observation came next after
 * that end, and may have been corrected since.
 */
typedef struct EarlierValue
{
	const char *field;
	TimestampTz ends_at;
	int64 value;
} EarlierValue;

/* Unknown values (COUNT_UNKNOWN, NaN, NULL) leave the field null. The name must be a field of the platform. */
extern void set_count(Normalised *out, const char *field, int64 value);
extern void set_number(Normalised *out, const char *field, double value);
extern void set_text(Normalised *out, const char *field, const char *value);
extern void set_texts(Normalised *out, const char *field, List *values);     /* NIL is the empty list */
extern void set_entries(Normalised *out, const char *field, Jsonb *entries); /* NULL leaves null */

/* Notes a whole number of a time that ended earlier; unknown ones are left out. */
extern void add_earlier(Normalised *out, const char *field, TimestampTz ends_at, int64 value);

/* The content item of this run with that id, marked as listed, with the kind. Known counts of storage stay until
 * they are overwritten. */
extern ContentItem *add_content(Normalised *out, const char *content_id, const char *kind);

/* Adds a pair to the item's extra. */
extern void content_extra_text(ContentItem *item, const char *key, const char *value);
extern void content_extra_count(ContentItem *item, const char *key, int64 value);

typedef bool (*ContentFilter)(const Normalised *out, const ContentItem *item);

/* Sum of a count over all items (listed or known) that the filter (may be NULL) lets pass; unknown ones are left
 * out; COUNT_UNKNOWN where none is known. offset: offsetof(ContentItem, likes) and the like.
 * An empty listing sums to 0. */
extern int64 content_sum(const Normalised *out, size_t offset, ContentFilter filter);
#define CONTENT_SUM(out, count, filter) content_sum(out, offsetof(ContentItem, count), filter)

/* How many items pass. */
extern int64 content_number(const Normalised *out, ContentFilter filter);

/* Published in the 24 hours before the observation; COUNT_UNKNOWN where an item lacks its time and none is in. */
extern int64 content_last_24h(const Normalised *out, ContentFilter filter);

/* At most ten items that pass, most `by` first, then more comments, then the smaller id; unknown counts last.
 * Returns a List of ContentItem *. */
extern List *content_top(const Normalised *out, size_t by, ContentFilter filter);

/* Sums that know the unknown: unknown parts are left out; COUNT_UNKNOWN where all are. */
extern int64 sum_known(int n, ...);

/* Builds a FIELD_ENTRIES value. */
typedef struct EntriesBuilder
{
	JsonbParseState *state;
	bool in_entry;
} EntriesBuilder;

extern void entries_begin(EntriesBuilder *builder);
extern void entry_begin(EntriesBuilder *builder);
extern void entry_count(EntriesBuilder *builder, const char *key, int64 value);      /* unknown: null */
extern void entry_number(EntriesBuilder *builder, const char *key, double value);    /* NaN: null */
extern void entry_text(EntriesBuilder *builder, const char *key, const char *value); /* NULL: null */
extern void entry_end(EntriesBuilder *builder);
extern Jsonb *entries_end(EntriesBuilder *builder);

/* ---- OAuth habits ---- */

typedef enum Pkce
{
	PKCE_NONE,
	PKCE_S256,    /* base64url, RFC 7636 */
	PKCE_S256_HEX /* TikTok's desktop flow */
} Pkce;

typedef enum TokenStyle
{
	STYLE_BEARER,    /* Authorization: Bearer TOKEN */
	STYLE_OAUTH,     /* Authorization: OAuth TOKEN */
	STYLE_QUERY,     /* access_token=TOKEN in the address */
	STYLE_MUSIC_USER /* Authorization: Bearer of the app; with TOKEN_USER also Music-User-Token: TOKEN */
} TokenStyle;

/* How a token that ends is renewed. */
typedef enum Renewal
{
	RENEW_BY_REFRESH_TOKEN, /* grant_type=refresh_token */
	RENEW_FACEBOOK,         /* grant_type=fb_exchange_token with the token itself, while it lives */
	RENEW_INSTAGRAM,        /* ig_exchange_token for a short-lived one, then ig_refresh_token */
	RENEW_NEVER             /* the artist authorises again */
} Renewal;

typedef struct OAuthDef
{
	const char *authorize_url; /* NULL: there is no code flow */
	const char *token_url;
	const char *revoke_url;         /* NULL: the platform has none */
	const char *client_id_name;     /* NULL: "client_id" */
	const char *client_secret_name; /* NULL: "client_secret" */
	const char *scope_name;         /* NULL: "scope" */
	const char *scope_separator;    /* NULL: a space */
	const char *authorize_extra;    /* further parameters, "access_type=offline&prompt=consent" */
	Pkce pkce;
	bool basic_auth;         /* client id and secret by HTTP Basic, not in the body */
	bool public_clients;     /* an app may do without a secret */
	bool revoke_json;        /* the revocation is {"access_token": TOKEN}, without client id and secret */
	bool revoke_access;      /* what is revoked is the access token, not the refresh token */
	bool token_by_get;       /* the token endpoint wants a GET (Deezer, Meta) */
	bool rotates;            /* each refresh ends the old refresh token */
	bool client_credentials; /* TOKEN_APP by grant_type=client_credentials */
	Renewal renewal;
	const char *dead_error;    /* of a refresh, beside invalid_grant: the consent has ended */
	const char *scopes_given;  /* member of the token answer with the granted scopes; NULL: "scope" */
	const char *account_given; /* member of the token answer that names the account; NULL: none does */
	bool by_pages;             /* Meta: the account is found among the Pages of the person who consented */
	bool page_tokens;          /* and it is the Page's own token that is used */
	bool proof;                /* Meta: requests carry appsecret_proof */
	TokenStyle style;
	int default_lifetime_s;    /* of an access token where the answer does not say; 0: does not expire */
	int renew_ahead_s;         /* before it ends a token is renewed; 0: ten minutes */
	const char *const *scopes; /* asked for by default; NULL: the platform's */
	const struct OAuthDef *by_login; /* in place of this one where settings.login is "instagram" */
} OAuthDef;

/* ---- The platform ---- */

/* Units that an app may spend in a day. An operator who was granted more says so in apps.extra.daily_quota. */
typedef struct QuotaDef
{
	const char *bucket; /* whose requests count, by StepDef.cost */
	double units;
	const char *zone; /* the day begins at midnight there */
} QuotaDef;

typedef enum PlatformStatus
{
	STATUS_READY,
	STATUS_IN_PROGRESS,
	STATUS_PLANNED
} PlatformStatus;

struct Platform
{
	const char *name;  /* "youtube" */
	const char *label; /* "YouTube" */
	PlatformStatus status;
	bool has_api;
	bool needs_token;                 /* nothing can be asked without the artist's token */
	bool (*valid_id)(const char *id); /* of external_id; NULL: any id will do */
	const char *id_example;           /* for hints; NULL: none */
	const char *const *scopes;        /* asked for by default; ends with NULL */
	const char *const *hosts;   /* every host that is ever asked, the first is the default; ends with NULL */
	const OAuthDef *oauth;      /* NULL: none */
	const FieldDef *fields;     /* ends with a NULL name */
	const char *audience;       /* the field that follower_count means; NULL: none */
	const char *engagement;     /* the fields that engagement_total adds up, comma-separated; NULL: none */
	const char *content;        /* the field that content_count means; NULL: none */
	const StepDef *steps;       /* ends with a NULL name */
	int settled_after_days;     /* a day's numbers may still change for so long */
	double requests_per_second; /* pace of each bucket, in units of StepDef.cost; 0: unlimited */
	int burst;
	const QuotaDef *quota; /* NULL: none */

	/* The host of the steps that name none, where it depends on the account. NULL: the first. */
	const char *(*host)(const Account *account);

	/* Asks more than the steps' `when` can say. May be NULL. */
	void (*begin)(RequestPlan *plan);

	/* Asks what follows from an answer. May be NULL. */
	void (*next)(RequestPlan *plan, const Request *request, const Answer *answer);

	/* Is the next page worth asking? NULL: yes. */
	bool (*more)(const RequestPlan *plan, const Request *request, const Answer *answer);

	/* Takes an answer apart into several entries (batches); returns false where it is an ordinary one. May be NULL. */
	bool (*unpack)(RequestPlan *plan, Request *request, const Answer *answer);

	/* Asks something else after a failure (fewer fields); returns true where it did, then nothing is missing yet. */
	bool (*failed)(RequestPlan *plan, Request *request, const Verdict *verdict);

	/* The quota_cost of a good answer, where it depends on what came; failures are free. NULL: the step's cost. */
	double (*cost)(const Request *request, const Answer *answer);

	/* What an answer means: body and headers first, status last. */
	Verdict (*classify)(const Answer *answer);

	/* What the headers of any answer tell of limits, so that we stop before them. NULL: nothing. */
	void (*limits)(const Answer *answer, LimitsSeen *seen);

	/* Fills metrics, core and content. Change fields are left null. Pure. */
	void (*normalise)(const Responses *responses, Normalised *out);
};

/* The registry, in the order of the product: eleven platforms, then NULL. */
extern const Platform *const platforms[];

/* By name; NULL where unknown. */
extern const Platform *platform_find(const char *name);

/* By name; an unknown one is an error that lists the platforms (ERRCODE_INVALID_PARAMETER_VALUE). */
extern const Platform *platform_get(const char *name);

/* Its place in the registry. */
extern int platform_index(const Platform *platform);

/* A field by name; NULL where the platform has none of that name. */
extern const FieldDef *platform_field(const Platform *platform, const char *name);
extern int platform_field_index(const Platform *platform, const char *name);

/* "counter", "gauge", ...: the kind as metric_catalog() says it. */
extern const char *field_kind_name(FieldKind kind);

/* A step by name; NULL where unknown. */
extern const StepDef *platform_step(const Platform *platform, const char *name);

/* "a, b, c": the names of the fields, for error details. */
extern char *platform_field_names(const Platform *platform);

/* Runs platform->normalise over responses and known content (may be NULL). */
extern Normalised *platform_normalise(const Platform *platform, const Account *account,
									  const Responses *responses, Contents *known);

/* The day of the instant in a time zone; an unknown zone or NULL is UTC. */
extern int local_date(TimestampTz instant, const char *time_zone); /* a DateADT */

/* Midnight that begins the day of the instant in a time zone; an unknown zone or NULL is UTC. */
extern TimestampTz local_midnight(TimestampTz instant, const char *time_zone);

/* The metrics object of a normalised answer, with every key of the platform. */
extern Jsonb *normalised_metrics(const Normalised *out);

/* {"metrics": ..., "core": ..., "content": [...]}: what the SQL function normalise() gives. */
extern Jsonb *normalised_document(const Normalised *out);

extern const Platform platform_instagram;
extern const Platform platform_facebook;
extern const Platform platform_spotify;
extern const Platform platform_youtube;
extern const Platform platform_tiktok;
extern const Platform platform_soundcloud;
extern const Platform platform_twitter;
extern const Platform platform_apple_music;
extern const Platform platform_deezer;
extern const Platform platform_amazon_music;
extern const Platform platform_tidal;

#endif
