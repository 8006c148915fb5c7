/*
 * authorise.c
 *    The tokens of a job, from a code to the header of a request.
 *
 * Before the first request: a code is exchanged, a token that is about to end is renewed, with Meta the account is found
 * among the Pages, a token of the app is got. Each step is committed (keep.c) before the next one uses it, so that a
 * crash between any two goes on from the last. On a refusal: one renewal, then the requests that were refused are asked
 * again; a second refusal means that the consent has ended.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/timestamp.h"

#include "collect/app_token.h"
#include "collect/authorise.h"
#include "collect/collector.h"
#include "collect/discover.h"
#include "collect/keep.h"
#include "collect/pace.h"
#include "collect/secret.h"
#include "collect/token_answer.h"
#include "collect/work.h"
#include "config.h"

#define RENEW_AHEAD_S  600 /* a run is over by then */
#define STILL_GOOD     (30 * USECS_PER_SEC)
#define EXCHANGE_TRIES 3
#define STRAY_REFUSALS                                                                                       \
	4 /* of one request, until its token is believed to be dead, where nothing else says so */
#define MOST_TRIES      8 /* of one request, whatever tokens it carried */
#define REFUSALS_OF_APP 3 /* one after the other, while no token was renewed: then it is not by accident */
#define SHORT_LIVED     (2 * USECS_PER_HOUR) /* Meta's tokens that come from a code */

static int renewals = 0;            /* under way, of tokens that rotate */
static int refusals[MAX_PLATFORMS]; /* of its app, since one of its tokens was renewed */

/* ---- What is held ---- */

/* The token that renews. */
static const char *
renewing_token(const Job *job)
{
	if (job->client.def->renewal == RENEW_BY_REFRESH_TOKEN || by_page_token(job))
		return job->tokens.refresh_token;
	return job->tokens.access_token;
}

static TimestampTz
renewal_time(const Job *job)
{
	return by_page_token(job) ? job->tokens.refresh_expires_at : job->tokens.expires_at;
}

static bool
ends_within(TimestampTz expires_at, int64 interval)
{
	return expires_at != TIME_UNKNOWN && expires_at - config_now() < interval;
}

static bool
access_token_is_good(const Job *job)
{
	return job->tokens.access_token != NULL && !ends_within(job->tokens.expires_at, STILL_GOOD);
}

static bool
can_renew(const Job *job)
{
	return job->client.def != NULL && job->client.def->renewal != RENEW_NEVER && job->client.id != NULL &&
		   renewing_token(job) != NULL && !job->renewed;
}

static bool
renewal_is_due(const Job *job)
{
	const OAuthDef *def = job->client.def;
	int64 ahead = (def->renew_ahead_s != 0 ? def->renew_ahead_s : RENEW_AHEAD_S) * USECS_PER_SEC;

	if (!can_renew(job))
		return false;
	/* What the app's own token gives needs none of the artist's. */
	if (def->client_credentials && app_token_possible(job) && !job->app_failed)
		return false;
	if (by_page_token(job) && job->tokens.access_token != NULL)
		return false;
	if (job->tokens.access_token == NULL && def->renewal == RENEW_BY_REFRESH_TOKEN)
		return true;
	return ends_within(renewal_time(job), ahead);
}

void
authorise_token_is_dead(Job *job, const char *reason)
{
	if (job->platform->needs_token)
	{
		job_set_status(job, "needs_reauth", reason);
		job_stop(job, ERROR_AUTH_REVOKED, reason);
		return;
	}
	job_note_error(job, ERROR_AUTH_REVOKED, reason);
	job_set_status(job, "active", psprintf("the artist must authorise again: %s", reason));
	job->tokens.access_token = NULL;
	job->tokens.refresh_token = NULL;
	job->account.has_token = false;
	job->account.scopes = NIL;
	job->token_dropped = true;
	job->token_serial++;
}

void
authorise_hold_app(const Job *job, const char *reason)
{
	pace_pause(pace_app(job->platform), config_now() + USECS_PER_HOUR, ERROR_OPERATOR, reason);
}

/* Goes on with the requests, or ends a job that was stopped. */
static void
authorised(Job *job)
{
	if (!job->stopped && strcmp(job->status, "pending") == 0 && job->new_status == NULL &&
		(job->account.has_token || !job->platform->needs_token))
		job_set_status(job, "active", NULL);
	collector_authorised(job);
}

/* ---- A code ---- */

/* The code came to nothing. Tokens that are held already, and public data, do not suffer from it. */
static void
exchange_failed(Job *job, ErrorClass error, const char *reason)
{
	reason = psprintf("the authorisation failed: %s", reason);
	if (job->account.has_token || (!job->platform->needs_token && job->account.external_id != NULL))
	{
		job_note_error(job, error, reason);
		job_set_status(job, "active", reason);
	}
	else
	{
		job_set_status(job, "failed", reason);
		job_stop(job, error, reason);
	}
	job->code = NULL;
	keep_tokens(job, (Keeping){.kind = KEEP_SPENT, .done = authorise_go_on});
}

static TimestampTz
end_of(int64 lifetime)
{
	return lifetime > 0 ? config_now() + lifetime * USECS_PER_SEC : TIME_UNKNOWN;
}

/* Takes over what a token endpoint gave. */
static void
take_tokens(Job *job, const TokenAnswer *answer)
{
	Tokens *tokens = &job->tokens;

	if (job->client.def->page_tokens)
	{
		/* The person's; the Page's own comes from the list of Pages. */
		tokens->refresh_token = secret_copy(job->secret_context, answer->access_token);
		tokens->refresh_expires_at = end_of(answer->lifetime);
	}
	else
	{
		tokens->access_token = secret_copy(job->secret_context, answer->access_token);
		tokens->expires_at = end_of(answer->lifetime);
		if (answer->refresh_token != NULL)
			tokens->refresh_token = secret_copy(job->secret_context, answer->refresh_token);
		if (answer->refresh_lifetime > 0)
			tokens->refresh_expires_at = end_of(answer->refresh_lifetime);
	}
	job->account.has_token = true;
	job->token_serial++;
}

/* The job's own copy: an answer lives with the secrets, and what is kept of a run outlives them. */
static List *
scopes_copy(const Job *job, List *scopes)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);
	List *copy = NIL;
	ListCell *cell;

	foreach (cell, scopes)
		copy = lappend(copy, pstrdup(lfirst(cell)));
	MemoryContextSwitchTo(old);
	return copy;
}

static ErrorClass exchanged(Job *job, const HttpAnswer *http, void *arg);

static void
exchange(Job *job)
{
	HttpRequest request;
	MemoryContext old;

	if (job->client.id == NULL)
	{
		exchange_failed(job, ERROR_OPERATOR, "no app is registered any more: see register_app()");
		return;
	}
	old = MemoryContextSwitchTo(job->secret_context);
	request = oauth_exchange(&job->client, job->code, job->code_redirect_uri, job->code_verifier);
	MemoryContextSwitchTo(old);
	job->exchange_tries++;
	collector_send(job, "exchange", &request, exchanged, NULL);
}

static ErrorClass
exchanged(Job *job, const HttpAnswer *http, void *arg)
{
	TokenAnswer answer = token_answer(job, TOKENS_FOR_CODE, http);
	const OAuthDef *def = job->client.def;

	switch (answer.error)
	{
		case ERROR_NONE:
			break;
		case ERROR_NETWORK:
		case ERROR_TIMEOUT:
		case ERROR_SERVER:
			/* Codes live for half a minute at X: tried at once, then after a back-off like every run. */
			if (job->exchange_tries < EXCHANGE_TRIES)
			{
				exchange(job);
				return answer.error;
			}
			/* FALLTHROUGH */
		case ERROR_RATE_LIMITED:
			job->blocked_until = Max(job->blocked_until, answer.wait_until);
			job_stop(job, answer.error, psprintf("the code could not be exchanged: %s", answer.message));
			return answer.error;
		default:
			exchange_failed(job, answer.error, answer.message);
			return answer.error;
	}
	if (answer.account_id != NULL && job->account.external_id != NULL &&
		strcmp(answer.account_id, job->account.external_id) != 0)
	{
		exchange_failed(job, ERROR_AUTH_REVOKED,
						"another account of the platform consented than the one connected");
		return ERROR_NONE;
	}
	/* Tokens of an earlier consent have no part in this one. */
	job->tokens = (Tokens){.expires_at = TIME_UNKNOWN, .refresh_expires_at = TIME_UNKNOWN};
	take_tokens(job, &answer);
	if (job->account.external_id == NULL && answer.account_id != NULL)
		job->account.external_id = MemoryContextStrdup(job->context, answer.account_id);
	/* Without a word on scopes, those asked for were granted (RFC 6749 section 5.1). */
	job->account.scopes = NIL;
	if (!answer.scopes_told || answer.scopes != NIL)
		job->account.scopes = scopes_copy(job, answer.scopes_told ? answer.scopes : job->code_scopes);
	job->code = NULL;
	keep_tokens(job, (Keeping){.kind = KEEP_EXCHANGED,
							   .scopes_told = true,
							   .activate = !def->by_pages && def->renewal != RENEW_INSTAGRAM,
							   .done = authorise_go_on});
	return ERROR_NONE;
}

/* ---- Renewal ---- */

/* Requests that were refused go on, or the way to the first of them does. */
static void
after_renewal(Job *job)
{
	if (job->phase == JOB_AUTHORISING)
		authorise_go_on(job);
	else
		authorised(job);
}

static ErrorClass
renewal_answered(Job *job, const HttpAnswer *http, void *arg)
{
	const OAuthDef *def = job->client.def;
	TokenAnswer answer = token_answer(job, TOKENS_RENEWED, http);
	bool used_is_refresh = def->renewal == RENEW_BY_REFRESH_TOKEN || by_page_token(job);
	const char *used = renewing_token(job), *reason;

	renewals -= def->rotates ? 1 : 0;
	job->renewing = false;
	job->renewed = true;
	if (answer.error == ERROR_NONE)
	{
		refusals[job->platform_index] = 0;
		take_tokens(job, &answer);
		if (answer.scopes != NIL)
			job->account.scopes = scopes_copy(job, answer.scopes);
		keep_tokens(job, (Keeping){.kind = KEEP_RENEWED,
								   .used = used,
								   .used_is_refresh = used_is_refresh,
								   .scopes_told = answer.scopes != NIL,
								   .done = after_renewal});
		return ERROR_NONE;
	}

	reason = psprintf("the token could not be renewed: %s", answer.message);
	if (job->held == NIL &&
		(access_token_is_good(job) || (by_page_token(job) && !ends_within(renewal_time(job), STILL_GOOD))))
	{
		/* It was ahead of time, so this run has a token. What has ended for good is told at once, before a day is lost. */
		if (answer.error == ERROR_AUTH_REVOKED && def->renewal == RENEW_BY_REFRESH_TOKEN)
		{
			job_note_error(job, ERROR_AUTH_REVOKED, reason);
			if (job->platform->needs_token)
				job_set_status(job, "needs_reauth", reason);
		}
		after_renewal(job);
	}
	else if (answer.error == ERROR_AUTH_REVOKED)
	{
		authorise_token_is_dead(job, reason);
		after_renewal(job);
	}
	else
	{
		/* Other words of that class may be about this token alone, and once a platform may be wrong. */
		if (answer.app_is_refused && ++refusals[job->platform_index] >= REFUSALS_OF_APP)
			authorise_hold_app(job, reason);
		job->blocked_until = Max(job->blocked_until, answer.wait_until);
		job_stop(job, answer.error, reason);
		after_renewal(job);
	}
	return answer.error;
}

static void
renew(Job *job)
{
	HttpRequest request;
	MemoryContext old = MemoryContextSwitchTo(job->secret_context);

	request = oauth_renew(&job->client, renewing_token(job), ends_within(renewal_time(job), SHORT_LIVED));
	MemoryContextSwitchTo(old);
	job->renewing = true;
	renewals += job->client.def->rotates ? 1 : 0;
	collector_send(job, "refresh", &request, renewal_answered, NULL);
}

/* ---- The way to the first request ---- */

void
authorise_go_on(Job *job)
{
	const OAuthDef *def = job->client.def;

	if (job->stopped || def == NULL)
		authorised(job);
	else if (job->code != NULL)
		exchange(job);
	else if (renewal_is_due(job))
		renew(job);
	else if (job->tokens.access_token != NULL && !job->renewed && !access_token_is_good(job) &&
			 !(def->client_credentials && app_token_possible(job) && !job->app_failed))
	{
		/* It has ended, and nothing renews it. */
		if (job->tokens.refresh_token != NULL && job->client.id == NULL)
			job_stop(job, ERROR_OPERATOR,
					 "the token has ended, and no app is registered to renew it: see register_app()");
		else
			authorise_token_is_dead(job, "the token has ended");
		authorise_go_on(job);
	}
	else if (discovery_is_due(job))
		discover(job);
	else if (!app_token_possible(job) || job->app_failed)
		authorised(job);
	else if (app_token_get(job, authorise_go_on))
		authorised(job);
}

void
authorise_begin(Job *job)
{
	authorise_go_on(job);
}

int
authorise_renewals(void)
{
	return renewals;
}

void
authorise_end(Job *job)
{
	app_token_forget(job);
}

/* ---- Refusals ---- */

/* Held requests go on with the new token of the app, or the job ends with what do_without() said. */
static void
after_app_token(Job *job)
{
	authorised(job);
}

static ErrorClass
app_token_was_refused(Job *job, Request *request, int serial)
{
	if (request->app_token == serial)
	{
		if (job->app_renewed && request->refusals >= STRAY_REFUSALS)
			return ERROR_OPERATOR;
		job->app_renewed = true;
		app_token_refused(job, serial);
	}
	job->held = lappend(job->held, request);
	if (app_token_get(job, after_app_token))
		after_app_token(job);
	return ERROR_NONE;
}

void
authorise_not_refused(Job *job, const Request *request)
{
	if (request != job->doubted)
		return;
	job->doubted = NULL;
	if (!job->renewing)
	{
		job->waiting = list_concat(job->waiting, job->held);
		job->held = NIL;
	}
}

ErrorClass
authorise_refused(Job *job, Request *request, const Verdict *verdict)
{
	bool apple = job->client.def != NULL && job->client.def->style == STYLE_MUSIC_USER;
	int serial = 0;
	const char *app = request_app_token(job, request, &serial);
	bool stray = ++request->refusals < STRAY_REFUSALS;

	/* Apple says 401 of the developer token and 403 of the artist's. */
	if (apple ? verdict->error == ERROR_AUTH_EXPIRED : request->step->token == TOKEN_APP)
	{
		if (app_token_possible(job) && !job->app_failed)
			return app_token_was_refused(job, request, app != NULL ? serial : request->app_token);
		if (!stray && (apple || job->tokens.access_token == NULL))
			return ERROR_OPERATOR;
	}
	if (job->token_dropped && (request->step->token == TOKEN_USER || request->token == job->token_serial))
		return ERROR_PERMISSION;
	if (job->renewing)
	{
		job->held = lappend(job->held, request);
		return ERROR_NONE;
	}
	if (request->token != job->token_serial && request->tries < MOST_TRIES)
	{
		/* Sent before the token that is held now came. */
		job->waiting = lappend(job->waiting, request);
		return ERROR_NONE;
	}
	if (verdict->error == ERROR_AUTH_EXPIRED && can_renew(job) &&
		job->client.def->renewal == RENEW_BY_REFRESH_TOKEN)
	{
		job->held = lappend(job->held, request);
		renew(job);
		return ERROR_NONE;
	}
	if (stray && request->tries < MOST_TRIES)
	{
		/* A consent is not given up for a stray refusal: people would have to give it again. One request finds out. */
		if (job->doubted == NULL)
			job->doubted = request;
		if (job->doubted == request)
			job->waiting = lappend(job->waiting, request);
		else
			job->held = lappend(job->held, request);
		return ERROR_NONE;
	}
	authorise_not_refused(job, request);
	if (job->platform->needs_token || job->tokens.access_token == NULL)
		return ERROR_AUTH_REVOKED;
	authorise_token_is_dead(job, verdict->message);
	if (request->step->token == TOKEN_USER)
		return ERROR_PERMISSION;
	job->waiting = lappend(job->waiting, request);
	return ERROR_NONE;
}
