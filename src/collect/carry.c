/*
 * carry.c
 *    The token that a request carries, and how: a header, a parameter, a proof beside it.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "collect/app_token.h"
#include "collect/authorise.h"
#include "oauth/form.h"

static void
add_header(HttpRequest *http, const char *start, const char *token)
{
	http->headers = lappend(http->headers, psprintf("%s%s", start, token));
}

const char *
request_app_token(const Job *job, const Request *request, int *serial)
{
	if (job->client.def == NULL ||
		(request->step->token != TOKEN_APP && job->client.def->style != STYLE_MUSIC_USER))
		return NULL;
	return app_token(job, serial);
}

void
authorise_request(Job *job, Request *request, HttpRequest *http)
{
	const OAuthDef *def = job->client.def;
	TokenKind kind = request->step->token;
	const char *user = job->tokens.access_token;
	const char *app = request_app_token(job, request, &request->app_token);
	MemoryContext old;
	Form form = {0};

	http->headers = list_copy(request->headers);
	if (kind == TOKEN_NONE)
		return;
	request->token = job->token_serial;
	if (def != NULL && def->style == STYLE_MUSIC_USER)
	{
		if (app != NULL || user != NULL)
			add_header(http, "Authorization: Bearer ", app != NULL ? app : user);
		if (kind != TOKEN_APP && user != NULL)
			add_header(http, "Music-User-Token: ", user);
		return;
	}
	if (app != NULL)
	{
		add_header(http, "Authorization: Bearer ", app);
		return;
	}
	if (user == NULL)
		return;
	switch (def != NULL ? def->style : STYLE_BEARER)
	{
		case STYLE_OAUTH:
			add_header(http, "Authorization: OAuth ", user);
			break;
		case STYLE_QUERY:
			form_add(&form, "access_token", user);
			break;
		default:
			add_header(http, "Authorization: Bearer ", user);
			break;
	}
	old = MemoryContextSwitchTo(job->secret_context);
	if (def != NULL && def->proof && job->client.secret != NULL)
		form_add(&form, "appsecret_proof", oauth_proof(job->client.secret, user));
	if (form.count > 0 && request->post && http->body != NULL)
	{
		http->body = form_text(psprintf("%s&", http->body), &form);
		http->body_length = strlen(http->body);
	}
	else if (form.count > 0)
		http->url = form_url(http->url, &form);
	MemoryContextSwitchTo(old);
}
