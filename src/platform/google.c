/*
 * google.c
 *    Errors of Google's APIs, and when a quota's day ends.
 *
 * The reason decides, then the status in words, then the HTTP status: one status means many things. New services tell
 * the reason in details, old ones in errors, the token endpoint has a shape of its own.
 *
 * API facts: https://developers.google.com/youtube/v3/docs/errors (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "platform/google.h"

static const struct
{
	const char *reason;
	ErrorClass error;
	BlockScope scope;
} reasons[] = {
	{"quotaExceeded", ERROR_QUOTA_EXHAUSTED, BLOCK_APP},
	{"dailyLimitExceeded", ERROR_QUOTA_EXHAUSTED, BLOCK_APP},
	{"rateLimitExceeded", ERROR_RATE_LIMITED, BLOCK_BUCKET},
	{"RATE_LIMIT_EXCEEDED", ERROR_RATE_LIMITED, BLOCK_BUCKET},
	{"userRateLimitExceeded", ERROR_RATE_LIMITED, BLOCK_ACCOUNT},
	{"authError", ERROR_AUTH_EXPIRED},
	{"UNAUTHENTICATED", ERROR_AUTH_EXPIRED},
	{"youtubeSignupRequired", ERROR_AUTH_REVOKED}, /* a Google account without a channel */
	{"authenticatedUserAccountClosed", ERROR_AUTH_REVOKED},
	{"authenticatedUserAccountSuspended", ERROR_AUTH_REVOKED},
	{"accountDelegationForbidden", ERROR_AUTH_REVOKED},
	{"accessNotConfigured", ERROR_OPERATOR, BLOCK_APP},
	{"SERVICE_DISABLED", ERROR_OPERATOR, BLOCK_APP},
	{"keyInvalid", ERROR_OPERATOR, BLOCK_APP},
	{"API_KEY_INVALID", ERROR_OPERATOR, BLOCK_APP},
	{"insufficientPermissions", ERROR_PERMISSION},
	{"ACCESS_TOKEN_SCOPE_INSUFFICIENT", ERROR_PERMISSION},
	{"forbidden", ERROR_PERMISSION},
	{"channelForbidden", ERROR_PERMISSION},
	{"playlistItemsNotAccessible", ERROR_PERMISSION},
	{"playlistNotFound", ERROR_NOT_FOUND},
	{"channelNotFound", ERROR_NOT_FOUND},
	{"videoNotFound", ERROR_NOT_FOUND},
	{"backendError", ERROR_SERVER},
	{"internalError", ERROR_SERVER},
	{"invalidPageToken", ERROR_BAD_RESPONSE},
	{"badRequest", ERROR_BAD_RESPONSE},
	{"invalid", ERROR_BAD_RESPONSE},
	{"missingRequiredParameter", ERROR_BAD_RESPONSE},
};

/* The token endpoint's {"error": "invalid_grant", "error_description": ...}. */
static Verdict
classify_token_error(const Answer *answer, const char *error)
{
	char *message = json_text(answer->body, "error_description");
	Verdict result = classify_status(answer);

	if (strcmp(error, "invalid_grant") == 0)
		result.error = ERROR_AUTH_REVOKED;
	else if (strcmp(error, "invalid_client") == 0 || strcmp(error, "unauthorized_client") == 0)
	{
		result.error = ERROR_OPERATOR;
		result.scope = BLOCK_APP;
	}
	else if (result.error == ERROR_NONE)
		result.error = ERROR_BAD_RESPONSE;
	result.message = message != NULL ? message : error;
	return result;
}

/* Messages hold links in HTML. */
static char *
without_tags(const char *message)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const char *s = message; *s != '\0'; s++)
	{
		if (*s == '<' && strchr(s, '>') != NULL)
			s = strchr(s, '>');
		else
			appendStringInfoChar(&out, *s);
	}
	return out.data;
}

static const JsonbContainer *
first_object(const JsonbContainer *array)
{
	JsonItems items = json_items(array);
	const JsonbContainer *object;

	return json_next_object(&items, &object) ? object : NULL;
}

/* errors[0].reason, else the reason of details' ErrorInfo; NULL where neither is told. */
static char *
reason_of(const JsonbContainer *error)
{
	char *reason = json_text(first_object(json_array_in(error, "errors")), "reason");
	JsonItems details = json_items(json_array_in(error, "details"));
	const JsonbContainer *detail;

	while (reason == NULL && json_next_object(&details, &detail))
		reason = json_text(detail, "reason");
	return reason;
}

/* When a limit ends: at the platform's word, for a quota of the day at the next midnight in California. */
static void
set_wait(Verdict *result, const Answer *answer, const char *message)
{
	if (result->error == ERROR_RATE_LIMITED &&
		(strstr(message, "per day") != NULL || strstr(message, "PerDay") != NULL))
	{
		result->error = ERROR_QUOTA_EXHAUSTED;
		result->scope = BLOCK_APP;
	}
	if (result->error == ERROR_RATE_LIMITED)
		result->wait_until = retry_after(answer);
	else if (result->error == ERROR_QUOTA_EXHAUSTED && answer->at != 0)
		result->wait_until =
			local_midnight(local_midnight(answer->at, GOOGLE_ZONE) + 36 * USECS_PER_HOUR, GOOGLE_ZONE);
}

Verdict
google_classify(const Answer *answer)
{
	const JsonbContainer *error = json_object_in(answer->body, "error");
	char *token_error = json_text(answer->body, "error");
	char *kind = json_text(answer->body, "kind");
	char *message = json_text(error, "message");
	char *status = json_text(error, "status");
	char *reason;
	int64 code = json_count(error, "code");
	Answer judged = *answer;
	Verdict result;

	if (token_error != NULL)
		return classify_token_error(answer, token_error);
	if (judged.status == 0 && code != COUNT_UNKNOWN)
		judged.status = (int) Min(code, 999);
	result = classify_status(&judged);
	if (error == NULL)
	{
		/* A channel that is not there is told by a list without it. */
		if (result.error == ERROR_NONE && kind != NULL && strcmp(kind, "youtube#channelListResponse") == 0 &&
			json_length(json_array_in(answer->body, "items")) == 0)
			return verdict(ERROR_NOT_FOUND, "no such channel");
		return result;
	}

	reason = reason_of(error);
	message = message != NULL ? without_tags(message) : "an error without a message";
	if (result.error == ERROR_NONE)
		result.error = ERROR_BAD_RESPONSE;
	for (int i = 0; i < lengthof(reasons); i++)
	{
		if (reason != NULL && strcmp(reasons[i].reason, reason) == 0)
		{
			result.error = reasons[i].error;
			result.scope = reasons[i].scope;
		}
	}
	if (reason == NULL && status != NULL && strcmp(status, "RESOURCE_EXHAUSTED") == 0)
	{
		result.error = ERROR_RATE_LIMITED;
		result.scope = BLOCK_BUCKET;
	}
	set_wait(&result, answer, message);
	result.message = reason != NULL ? psprintf("%s: %s", reason, message) : message;
	return result;
}
