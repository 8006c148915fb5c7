/*
 * twitter_errors.c
 *    What X's refusals mean, and what its headers tell of limits.
 *
 * Refusals come as problems (RFC 9457), as a list of errors, as an OAuth error or as plain text; some under HTTP 200.
 *
 * API facts: https://docs.x.com/x-api (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/timestamp.h"

#include "platform/platform.h"
#include "platform/twitter.h"

#define LIMIT_PAUSE_S (15 * 60)

/* Is the problem of that type? Types are addresses; their host is now one, now the other. */
static bool
is_problem(const JsonbContainer *problem, const char *name)
{
	char *type = json_text(problem, "type");
	const char *last = type != NULL ? strrchr(type, '/') : NULL;

	return last != NULL && strcmp(last + 1, name) == 0;
}

static Verdict
blocked(ErrorClass error, const char *message, TimestampTz until)
{
	Verdict result = verdict(error, message);

	result.scope = BLOCK_APP;
	result.wait_until = until;
	return result;
}

/* The windows that X counts requests in, and whose they are. */
static const struct
{
	const char *prefix;
	BlockScope scope;
} windows[] = {
	{"x-rate-limit", BLOCK_ACCOUNT}, /* of one endpoint */
	{"x-user-limit-24hour", BLOCK_ACCOUNT},
	{"x-app-limit-24hour", BLOCK_APP},
};

/*
 * When a window that is used up begins anew; 0 where it is not, or is not told. The reset is a time since 1970 by X's
 * clock: its distance from the Date header holds whatever our clock says. A refusal may come without the remaining count.
 */
static TimestampTz
window_reset(const Answer *answer, const char *prefix, bool refused)
{
	const char *remaining = answer_header(answer, psprintf("%s-remaining", prefix));
	const char *value = answer_header(answer, psprintf("%s-reset", prefix));
	TimestampTz reset = value != NULL ? time_from_epoch(strtoll(value, NULL, 10)) : TIME_UNKNOWN;
	TimestampTz date = answer_date(answer);

	if (reset == TIME_UNKNOWN || (remaining == NULL ? !refused : strcmp(remaining, "0") != 0))
		return 0;
	if (date != 0 && reset >= date && reset <= date + USECS_PER_DAY && answer->at != 0)
		reset = answer->at + (reset - date);
	return believable_wait(answer, reset);
}

static Verdict
classify_limit(const Answer *answer, const char *message)
{
	Verdict result = verdict(ERROR_RATE_LIMITED, message);

	result.scope = BLOCK_ACCOUNT;
	for (int i = 0; i < lengthof(windows); i++)
	{
		TimestampTz reset = window_reset(answer, windows[i].prefix, true);

		if (reset > result.wait_until)
		{
			result.wait_until = reset;
			result.scope = windows[i].scope;
		}
	}
	if (result.wait_until == 0)
		result.wait_until = retry_after(answer);
	if (result.wait_until == 0 && answer->at != 0)
		result.wait_until = answer->at + (int64) LIMIT_PAUSE_S * USECS_PER_SEC;
	return result;
}

/* The next request in a window that is used up would be refused. */
void
twitter_limits(const Answer *answer, LimitsSeen *seen)
{
	seen->step.pause_until = window_reset(answer, windows[0].prefix, false);
	seen->account.pause_until = window_reset(answer, windows[1].prefix, false);
	seen->app.pause_until = window_reset(answer, windows[2].prefix, false);
}

/* {"error": "invalid_request", "error_description": ...}: X says invalid_request of a token that ended. */
static Verdict
classify_token_error(const Answer *answer, const char *error)
{
	char *said = json_text(answer->body, "error_description");
	const char *message = said != NULL ? psprintf("%s: %s", error, said) : pstrdup(error);
	Verdict result;

	if (text_is(error, "invalid_client") || text_is(error, "unauthorized_client") ||
		text_is(error, "invalid_scope"))
		return blocked(ERROR_OPERATOR, message, 0);
	if (text_is(error, "invalid_grant") ||
		(text_is(error, "invalid_request") && (said == NULL || strncmp(said, "Missing", 7) != 0)))
		return verdict(ERROR_AUTH_REVOKED, message);
	result = classify_status(answer);
	return verdict(result.error != ERROR_NONE ? result.error : ERROR_BAD_RESPONSE, message);
}

/* "title: detail (the first error's own words)" */
static char *
message_of(const JsonbContainer *body, const JsonbContainer *error)
{
	char *title = json_text(body, "title"), *detail = json_text(body, "detail"), *more = NULL;
	StringInfoData message;

	if (title == NULL && detail == NULL)
	{
		title = json_text(error, "title");
		detail = json_text(error, "detail");
	}
	more = json_text(error, "message");
	initStringInfo(&message);
	appendStringInfoString(&message, title != NULL ? title : "");
	if (detail != NULL && detail[0] != '\0' && !text_is(detail, title != NULL ? title : ""))
		appendStringInfo(&message, "%s%s", message.len > 0 ? ": " : "", detail);
	if (more != NULL)
		appendStringInfo(&message, message.len > 0 ? " (%s)" : "%s", more);
	return message.len > 0 ? message.data : NULL;
}

/* What the type of a problem says, be it the whole answer or an entry of "errors". */
static Verdict
classify_problem(const Answer *answer, const JsonbContainer *problem, const char *message)
{
	char *title = json_text(problem, "title");
	char *reason = json_text(problem, "reason");

	/* No credits, for all users of the app, until somebody buys some. */
	if (is_problem(problem, "credits") || text_is(title, "CreditsDepleted") || answer->status == 402)
		return blocked(ERROR_OPERATOR, message, next_utc_midnight(answer->at));
	/* A plan's cap, whatever the windows have left. Its cycle is not told: look again once a day. */
	if (is_problem(problem, "usage-capped") || text_is(title, "UsageCapExceeded"))
		return blocked(ERROR_QUOTA_EXHAUSTED, message, next_utc_midnight(answer->at));
	if (is_problem(problem, "rate-limit-exceeded") || text_is(title, "Too Many Requests") ||
		json_integer(problem, "code") == 88)
		return classify_limit(answer, message);
	if (is_problem(problem, "client-forbidden") || text_is(reason, "client-not-enrolled") ||
		is_problem(problem, "unsupported-authentication"))
		return blocked(ERROR_OPERATOR, message, 0);
	if (is_problem(problem, "oauth1-permissions") ||
		(answer->status == 403 && message != NULL && strstr(message, "scope") != NULL))
		return verdict(ERROR_AUTH_REVOKED, message);
	if (is_problem(problem, "resource-not-found") || is_problem(problem, "resource-unavailable"))
		return verdict(ERROR_NOT_FOUND, message);
	if (is_problem(problem, "not-authorized-for-resource") ||
		is_problem(problem, "not-authorized-for-field") || is_problem(problem, "field-unauthorized") ||
		is_problem(problem, "disallowed-resource"))
		return verdict(ERROR_PERMISSION, message);
	if (is_problem(problem, "internal-error") || is_problem(problem, "field-hydration-failure"))
		return verdict(ERROR_SERVER, message);
	if (is_problem(problem, "invalid-request"))
		return verdict(ERROR_BAD_RESPONSE, message);
	return verdict(ERROR_NONE, NULL);
}

/*
 * With data, or the meta of an empty page, it is an answer, whatever "errors" says of single posts. Else the problem
 * decides, and the status where the problem has no type.
 */
Verdict
twitter_classify(const Answer *answer)
{
	const JsonbContainer *body = answer->body;
	const JsonbContainer *error = json_first_object(json_array_in(body, "errors"));
	char *token_error = json_text(body, "error");
	char *message = message_of(body, error);
	int64 told = json_count(body, "status");
	Answer judged = *answer;
	Verdict result;

	if (judged.status == 0 && told != COUNT_UNKNOWN && json_has(body, "title"))
		judged.status = (int) Min(told, 999);
	if (token_error != NULL)
		return classify_token_error(&judged, token_error);
	if (judged.status < 300 &&
		(json_has(body, "data") || json_object_in(body, "meta") != NULL || json_has(body, "access_token") ||
		 (body != NULL && JsonContainerIsArray(body))))
		return verdict(ERROR_NONE, NULL);

	result = classify_problem(&judged, body, message);
	if (result.error == ERROR_NONE)
		result = classify_problem(&judged, error, message);
	if (result.error != ERROR_NONE)
		return result;
	if (judged.status == 429)
		return classify_limit(&judged, message != NULL ? message : "HTTP 429");
	if (judged.status < 300 && answer_is_page(answer))
		return verdict(ERROR_SERVER, "a page in place of an answer");
	result = classify_status(&judged);
	if (result.error == ERROR_NONE)
		result = verdict(ERROR_BAD_RESPONSE, "an answer without data");
	if (message != NULL)
		result.message = message;
	return result;
}
