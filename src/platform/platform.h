/*
 * platform.h
 *    The one interface between the house and a platform.
 *
 * A platform is a const value of tables and a few pure functions. It never opens a connection, never runs SQL and
 * never reads a clock: it is given answers and the time of observation, and gives requests (plan.h) and rows
 * (normalised.h). All memory is palloc'd in the current context, which the caller throws away.
 */
#ifndef DREAMSUITE_PLATFORM_H
#define DREAMSUITE_PLATFORM_H

#include "postgres.h"

#include "dreamsuite.h"

#include "platform/normalised.h"
#include "platform/plan.h"

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

/* What a request of the step costs: in the pace of its bucket, and in the platform's quota, where that is its bucket's. */
extern double step_cost(const StepDef *step);
extern double step_quota_cost(const Platform *platform, const StepDef *step);

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
