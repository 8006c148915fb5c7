/*
 * tokens.c
 *    What token endpoints say: tokens, and refusals in five dialects.
 *
 * Sources: RFC 6749 sections 5.1 and 5.2; Meta's error object
 * (https://developers.facebook.com/docs/graph-api/guides/error-handling); the old error of api.instagram.com; Deezer's
 * plain text. A flat object is the rule; api.instagram.com wraps it in {"data": [...]} at times.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <ctype.h>

#include "oauth/lift.h"
#include "oauth/oauth.h"
#include "platform/meta.h"

/* ---- Refusals ---- */

static const struct
{
	const char *code;
	ErrorClass error;
} codes[] = {
	{"invalid_grant", ERROR_AUTH_REVOKED},
	{"access_denied", ERROR_AUTH_REVOKED},
	{"invalid_token", ERROR_AUTH_REVOKED},
	{"invalid_client", ERROR_OPERATOR},
	{"unauthorized_client", ERROR_OPERATOR},
	{"unsupported_grant_type", ERROR_OPERATOR},
	{"invalid_scope", ERROR_OPERATOR},
	{"invalid_request", ERROR_OPERATOR},
	{"redirect_uri_mismatch", ERROR_OPERATOR},
	{"org_internal", ERROR_OPERATOR},
	{"admin_policy_enforced", ERROR_AUTH_REVOKED},
	{"temporarily_unavailable", ERROR_SERVER},
	{"server_error", ERROR_SERVER},
	{"internal_error", ERROR_SERVER},
	{"rate_limit_exceeded", ERROR_RATE_LIMITED},
	{"slow_down", ERROR_RATE_LIMITED},
};

/* {"error": "invalid_grant", "error_description": "..."} */
static ErrorClass
classify_code(const OAuthDef *def, TokenPurpose purpose, const char *code, const char *text,
			  ErrorClass otherwise)
{
	if (def->dead_error != NULL && strcmp(code, def->dead_error) == 0)
	{
		if (purpose == TOKENS_RENEWED)
			return ERROR_AUTH_REVOKED;
		/* X says the same of a code that has ended and of a redirect address that is another. */
		if (purpose == TOKENS_FOR_CODE && text != NULL && strstr(text, "code was invalid") != NULL)
			return ERROR_AUTH_REVOKED;
	}
	for (int i = 0; i < lengthof(codes); i++)
	{
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].error;
	}
	return otherwise;
}

/* Meta says so in words, or that it does not know the app. */
static bool
meta_refuses_app(const JsonbContainer *error, const char *message)
{
	return (message != NULL && strstr(message, "client secret") != NULL) ||
		   json_integer(error, "code") == 101;
}

/* {"error": {"message": ..., "code": 190, "is_transient": false}} */
static ErrorClass
classify_meta(const JsonbContainer *error, const char *message)
{
	int64 code = json_integer(error, "code");

	if (meta_refuses_app(error, message))
		return ERROR_OPERATOR;
	if (meta_is_limit(code))
		return ERROR_RATE_LIMITED;
	if (code == 2 || (code == 1 && json_bool(error, "is_transient", false)))
		return ERROR_SERVER;
	if (code == 1)
		return ERROR_OPERATOR;
	return ERROR_AUTH_REVOKED;
}

/* Others answer with an object as well when something stands before their token server; it says nothing of the consent. */
static bool
speaks_meta(const OAuthDef *def)
{
	return def->renewal == RENEW_FACEBOOK || def->renewal == RENEW_INSTAGRAM;
}

/* A few words that were no JSON, so that nothing has seen to their bytes: what is not ASCII becomes a question mark. */
static char *
plain_words(const char *text)
{
	char *words = pnstrdup(text, 120);

	for (char *c = words; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	return words;
}

static void
read_refusal(const OAuthDef *def, TokenPurpose purpose, const Answer *answer, const JsonbContainer *body,
			 TokenAnswer *tokens)
{
	const JsonbContainer *meta = json_object_in(body, "error");
	char *code = json_text(body, "error"), *text = json_text(body, "error_description");
	Answer judged = *answer;
	Verdict by_status;

	/* Its own was not parsed before the tokens were taken out. */
	judged.body = body;
	by_status = classify_status(&judged);
	tokens->error = by_status.error;
	tokens->message = by_status.message;
	tokens->wait_until = by_status.wait_until;
	if (answer->status == 429 || answer->status >= 500)
	{
		tokens->error = answer->status == 429 ? ERROR_RATE_LIMITED : ERROR_SERVER;
		return;
	}
	if (meta != NULL && speaks_meta(def))
	{
		tokens->message = json_text(meta, "message");
		tokens->error = classify_meta(meta, tokens->message);
		tokens->app_is_refused = meta_refuses_app(meta, tokens->message);
	}
	else if (json_text(body, "error_message") != NULL)
	{
		tokens->message = json_text(body, "error_message");
		tokens->error = ERROR_AUTH_REVOKED;
	}
	else if (code != NULL)
	{
		tokens->message = text != NULL && text[0] != '\0' ? psprintf("%s (%s)", code, text) : code;
		tokens->error = classify_code(def, purpose, code, text,
									  answer->status == 401 ? ERROR_OPERATOR : ERROR_BAD_RESPONSE);
		tokens->app_is_refused = strcmp(code, "invalid_client") == 0;
	}
	else if (answer->status == 401 || answer->status == 403)
	{
		tokens->error = ERROR_OPERATOR;
		tokens->message = psprintf("HTTP %d", answer->status);
	}
	else if (body == NULL && answer->status == 200 && def->token_by_get && answer->text != NULL &&
			 isalpha((unsigned char) answer->text[0]))
	{
		/* Deezer refuses in a few plain words. */
		tokens->error = ERROR_AUTH_REVOKED;
		tokens->message = plain_words(answer->text);
	}
	else if (body == NULL && answer->status >= 200 && answer->status < 300)
	{
		/* What is no JSON was broken on its way, and is worth another try. */
		tokens->error = ERROR_SERVER;
		tokens->message = "the answer is not JSON";
	}
	else if (tokens->error == ERROR_NONE || tokens->error == ERROR_AUTH_EXPIRED)
	{
		tokens->error = ERROR_BAD_RESPONSE;
		tokens->message = "an answer without a token";
	}
	if (tokens->message == NULL)
		tokens->message = psprintf("HTTP %d", answer->status);
}

/* ---- Tokens ---- */

/* A text with blanks or commas between, or an array. False where it is absent. */
static bool
read_scopes(const JsonbContainer *body, const char *member, List **scopes)
{
	char *text = json_text(body, member), *scope;
	const JsonbContainer *array = json_array_in(body, member);

	if (array != NULL)
	{
		JsonItems items = json_items(array);

		while (json_next_text(&items, &scope))
			*scopes = lappend(*scopes, scope);
		return true;
	}
	if (text == NULL)
		return false;
	while ((scope = strsep(&text, " ,")) != NULL)
	{
		if (scope[0] != '\0')
			*scopes = lappend(*scopes, scope);
	}
	return true;
}

static int64
read_lifetime(const OAuthDef *def, TokenPurpose purpose, const JsonbContainer *body)
{
	int64 seconds = json_count(body, "expires_in");

	if (seconds == COUNT_UNKNOWN)
		seconds = json_count(body, "expires"); /* Deezer */
	if (seconds != COUNT_UNKNOWN)
		return Min(seconds, 100 * INT64CONST(365) * SECS_PER_DAY);
	/* What Meta gives for a code is short-lived, and exchanged at once. */
	if (purpose == TOKENS_FOR_CODE && (def->renewal == RENEW_FACEBOOK || def->renewal == RENEW_INSTAGRAM))
		return SECS_PER_HOUR;
	if (purpose == TOKENS_RENEWED && def->renewal == RENEW_INSTAGRAM)
		return 60 * SECS_PER_DAY;
	return def->default_lifetime_s;
}

TokenAnswer
oauth_read_tokens(const OAuthDef *def, TokenPurpose purpose, const Answer *answer)
{
	TokenAnswer tokens = {0};
	Lifted lifted = lift_tokens(answer->text, strlen(answer->text));
	Jsonb *parsed = lifted.length > 0 ? json_parse(lifted.body, lifted.length, NULL) : NULL;
	const JsonbContainer *body = parsed != NULL ? &parsed->root : NULL;
	const JsonbContainer *wrapped = json_first_object(json_array_in(body, "data"));

	if (wrapped != NULL)
		body = wrapped;
	tokens.access_token = lifted_token(&lifted, json_text(body, "access_token"));
	if (answer->status >= 400 || tokens.access_token == NULL)
	{
		tokens.access_token = NULL;
		read_refusal(def, purpose, answer, body, &tokens);
		return tokens;
	}
	tokens.refresh_token = lifted_token(&lifted, json_text(body, "refresh_token"));
	tokens.lifetime = read_lifetime(def, purpose, body);
	tokens.refresh_lifetime = Max(json_count(body, "refresh_expires_in"), 0);
	if (tokens.refresh_lifetime == 0)
		tokens.refresh_lifetime =
			Max(json_count(body, "refresh_token_expires_in"), 0); /* Google, time-limited consents */
	tokens.scopes_told =
		read_scopes(body, def->scopes_given != NULL ? def->scopes_given : "scope", &tokens.scopes);
	if (def->account_given != NULL)
		tokens.account_id = json_id(body, def->account_given);
	return tokens;
}
