/*
 * authorise.c
 *    The tokens of a job.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "collect/authorise.h"
#include "collect/collector.h"
#include "http/url.h"

void
authorise_begin(Job *job)
{
	collector_authorised(job);
}

void
authorise_request(Job *job, const Request *request, HttpRequest *http)
{
	TokenKind kind = request->step->token;
	const char *token = job->tokens.access_token;
	TokenStyle style = job->platform->oauth != NULL ? job->platform->oauth->style : STYLE_BEARER;

	http->headers = list_copy(request->headers);
	if (kind == TOKEN_NONE || token == NULL)
		return;
	switch (style)
	{
		case STYLE_BEARER:
			http->headers = lappend(http->headers, psprintf("Authorization: Bearer %s", token));
			break;
		case STYLE_OAUTH:
			http->headers = lappend(http->headers, psprintf("Authorization: OAuth %s", token));
			break;
		case STYLE_MUSIC_USER:
			http->headers = lappend(http->headers, psprintf("Music-User-Token: %s", token));
			break;
		case STYLE_QUERY:
		{
			StringInfoData url;

			initStringInfo(&url);
			appendStringInfo(&url, "%s%caccess_token=", http->url, strchr(http->url, '?') != NULL ? '&' : '?');
			url_encode(&url, token);
			http->url = url.data;
			break;
		}
	}
}

bool
authorise_again(Job *job, Request *request)
{
	return false;
}
