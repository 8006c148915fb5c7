/*
 * discover.c
 *    Meta: which of the Pages of the person who consented is the account, and what that person allowed.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "collect/authorise.h"
#include "collect/collector.h"
#include "collect/discover.h"
#include "collect/keep.h"
#include "collect/secret.h"
#include "collect/token_answer.h"
#include "config.h"

bool
by_page_token(const Job *job)
{
	return job->client.def->page_tokens && job->tokens.refresh_token != NULL;
}

static void
discovery_failed(Job *job, ErrorClass error, const char *reason)
{
	if (error == ERROR_AUTH_REVOKED)
		authorise_token_is_dead(job, reason);
	else
		job_stop(job, error, reason);
	authorise_go_on(job);
}

static void
choose_page(Job *job)
{
	const OAuthDef *def = job->client.def;
	const char *used = by_page_token(job) ? job->tokens.refresh_token : job->tokens.access_token;
	char *reason = NULL;
	const PageFound *page = oauth_pick_page(job->pages, job->account.external_id, !def->page_tokens, &reason);

	if (page != NULL && def->page_tokens && page->access_token == NULL)
		reason = psprintf("the consent gives no token of the Page %s", page->id);
	if (reason != NULL)
	{
		job_set_status(job, "failed", reason);
		job_stop(job, ERROR_AUTH_REVOKED, reason);
		authorise_go_on(job);
		return;
	}
	job->account.external_id = MemoryContextStrdup(job->context, page->id);
	if (def->page_tokens)
	{
		job->tokens.access_token = secret_copy(job->secret_context, page->access_token);
		job->tokens.expires_at = TIME_UNKNOWN;
		job->token_serial++;
	}
	keep_tokens(job, (Keeping){.kind = KEEP_FOUND,
							   .used = used,
							   .used_is_refresh = by_page_token(job),
							   .scopes_told = job->account.scopes != NIL,
							   .activate = true,
							   .done = authorise_go_on});
}

static void ask_pages(Job *job, const char *after);

static ErrorClass
pages_answered(Job *job, const HttpAnswer *http, void *arg)
{
	Answer raw = token_raw_answer(http);
	Verdict verdict = {.error = http->error, .message = http->error_text};
	MemoryContext old = MemoryContextSwitchTo(job->secret_context);
	char *after = NULL;

	if (http->error == ERROR_NONE)
		verdict = oauth_read_pages(&raw, !job->client.def->page_tokens, &job->pages, &after);
	MemoryContextSwitchTo(old);
	/* Meta says itself what ends a consent; a bare 401 is the doing of something in between. */
	if (verdict.error == ERROR_AUTH_EXPIRED)
		verdict.error = ERROR_SERVER;
	if (verdict.error != ERROR_NONE)
	{
		const char *reason =
			psprintf("the Pages could not be listed: %s", token_free_text(job, verdict.message));

		if (verdict.error == ERROR_OPERATOR && verdict.scope == BLOCK_APP)
			authorise_hold_app(job, reason);
		job->blocked_until = Max(job->blocked_until, verdict.wait_until);
		discovery_failed(job, verdict.error, reason);
	}
	else if (after != NULL && list_length(job->pages) < 100 * config_max_pages)
		ask_pages(job, after);
	else
		choose_page(job);
	return verdict.error;
}

static void
ask_pages(Job *job, const char *after)
{
	MemoryContext old = MemoryContextSwitchTo(job->secret_context);
	HttpRequest request = oauth_pages(
		&job->client, by_page_token(job) ? job->tokens.refresh_token : job->tokens.access_token, after);

	MemoryContextSwitchTo(old);
	collector_send(job, "pages", &request, pages_answered, NULL);
}

/* A person may untick permissions; the token's answer does not tell. Without this answer all count as granted. */
static ErrorClass
permissions_answered(Job *job, const HttpAnswer *http, void *arg)
{
	Answer raw = token_raw_answer(http);
	List *granted = NIL;

	if (http->error == ERROR_NONE && oauth_read_permissions(&raw, &granted) && granted != NIL)
		job->account.scopes = granted;
	ask_pages(job, NULL);
	return http->error;
}

bool
discovery_is_due(const Job *job)
{
	const OAuthDef *def = job->client.def;

	if (!def->by_pages || job->discovered || !job->account.has_token)
		return false;
	return def->page_tokens ? job->tokens.access_token == NULL
							: strcmp(job->status, "pending") == 0 && job->tokens.access_token != NULL;
}

void
discover(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->secret_context);
	HttpRequest request = oauth_permissions(&job->client, by_page_token(job) ? job->tokens.refresh_token
																			 : job->tokens.access_token);

	MemoryContextSwitchTo(old);
	job->discovered = true;
	collector_send(job, "permissions", &request, permissions_answered, NULL);
}
