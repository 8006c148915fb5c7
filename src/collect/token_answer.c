/*
 * token_answer.c
 *    What a token endpoint said to a job.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "collect/token_answer.h"
#include "config.h"
#include "http/url.h"

static const char *
header_of(const Answer *answer, const char *name)
{
	return http_answer_header(answer->header_arg, name);
}

Answer
token_raw_answer(const HttpAnswer *http)
{
	return (Answer){.status = http->status,
					.text = http->body,
					.header = header_of,
					.header_arg = (void *) http,
					.at = config_now()};
}

static char *
text_without(char *text, const char *secret)
{
	char *at;

	if (secret == NULL || strlen(secret) < 4)
		return text;
	while ((at = strstr(text, secret)) != NULL)
		text = psprintf("%.*s***%s", (int) (at - text), text, at + strlen(secret));
	return text;
}

char *
token_free_text(const Job *job, const char *text)
{
	char *clean = text_clip(text, 300);

	clean = text_without(clean, job->code);
	clean = text_without(clean, job->code_verifier);
	clean = text_without(clean, job->tokens.access_token);
	clean = text_without(clean, job->tokens.refresh_token);
	clean = text_without(clean, job->client.secret);
	return url_redact(clean);
}

TokenAnswer
token_answer(Job *job, TokenPurpose purpose, const HttpAnswer *http)
{
	TokenAnswer answer = {.error = http->error, .message = http->error_text};

	if (http->error == ERROR_NONE)
	{
		Answer raw = token_raw_answer(http);
		MemoryContext old = MemoryContextSwitchTo(job->secret_context);

		answer = oauth_read_tokens(job->client.def, purpose, &raw);
		MemoryContextSwitchTo(old);
	}
	if (answer.message != NULL)
		answer.message = token_free_text(job, answer.message);
	return answer;
}
