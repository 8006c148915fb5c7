/*
 * token_probe.c
 *    For tests: reads what a token endpoint says, and Meta's list of Pages, as the collector reads them.
 *
 * The extension itself has no function that gives a token out. Those here come from answers that the test hands in.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "oauth/oauth.h"

DREAMSUITE_FUNCTION(probe_tokens);
DREAMSUITE_FUNCTION(probe_pages);

static TokenPurpose
purpose_of(const char *name)
{
	if (strcmp(name, "code") == 0)
		return TOKENS_FOR_CODE;
	if (strcmp(name, "renewal") == 0)
		return TOKENS_RENEWED;
	if (strcmp(name, "app") == 0)
		return TOKENS_OF_APP;
	elog(ERROR, "unknown purpose \"%s\"", name);
}

static void
put(JsonbParseState **state, const char *key, char *text)
{
	JsonbValue name = {.type = jbvString, .val.string = {.val = (char *) key, .len = strlen(key)}};
	JsonbValue value = {.type = jbvNull};

	if (text != NULL)
		value = (JsonbValue){.type = jbvString, .val.string = {.val = text, .len = strlen(text)}};
	pushJsonbValue(state, WJB_KEY, &name);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* NULL where the answer does not tell: not the same as an empty list. */
static char *
joined(List *texts, bool told)
{
	StringInfoData text;
	ListCell *cell;

	if (!told)
		return NULL;
	initStringInfo(&text);
	foreach (cell, texts)
		appendStringInfo(&text, "%s%s", text.len > 0 ? " " : "", (char *) lfirst(cell));
	return text.data;
}

/*
 * probe_tokens(platform text, purpose text, status int, body text, settings jsonb) returns jsonb
 * purpose: code, renewal or app.
 */
Datum
probe_tokens(PG_FUNCTION_ARGS)
{
	const Platform *platform = platform_get(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	TokenPurpose purpose = purpose_of(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	char *body = text_to_cstring(PG_GETARG_TEXT_PP(3));
	Jsonb *settings = PG_GETARG_JSONB_P(4);
	Answer answer = {.status = PG_GETARG_INT32(2), .text = body};
	TokenAnswer tokens = oauth_read_tokens(oauth_habits(platform, &settings->root), purpose, &answer);
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put(&state, "error_class", (char *) error_class_name(tokens.error));
	put(&state, "message", (char *) tokens.message);
	put(&state, "access_token", tokens.access_token);
	put(&state, "refresh_token", tokens.refresh_token);
	put(&state, "lifetime", psprintf(INT64_FORMAT, tokens.lifetime));
	put(&state, "refresh_lifetime", psprintf(INT64_FORMAT, tokens.refresh_lifetime));
	put(&state, "scopes", joined(tokens.scopes, tokens.scopes_told));
	put(&state, "account_id", (char *) tokens.account_id);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* probe_pages(status int, body text, accounts boolean) returns jsonb: what was found, in lines "id name token" */
Datum
probe_pages(PG_FUNCTION_ARGS)
{
	char *body = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Answer answer = {.status = PG_GETARG_INT32(0), .text = body};
	List *found = NIL;
	ListCell *cell;
	char *after;
	Verdict verdict = oauth_read_pages(&answer, PG_GETARG_BOOL(2), &found, &after);
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put(&state, "error_class", (char *) error_class_name(verdict.error));
	put(&state, "after", after);
	foreach (cell, found)
	{
		const PageFound *page = lfirst(cell);

		put(&state, page->id,
			psprintf("%s %s", page->name != NULL ? page->name : "-",
					 page->access_token != NULL ? page->access_token : "-"));
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
