/*
 * pages.c
 *    Meta: the Pages of the person who consented, the professional accounts linked to them, and appsecret_proof.
 *
 * https://developers.facebook.com/docs/graph-api/reference/user/accounts
 * https://developers.facebook.com/docs/graph-api/guides/secure-requests
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <sodium.h>

#include "config.h"
#include "oauth/form.h"
#include "oauth/lift.h"
#include "oauth/oauth.h"
#include "platform/meta.h"
#include "secrets/seal.h"

#define MANY 10 /* Pages that a reason lists */

char *
oauth_proof(const char *secret, const char *token)
{
	crypto_auth_hmacsha256_state state;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	char *proof = seal_alloc(2 * sizeof(mac) + 1);

	crypto_auth_hmacsha256_init(&state, (const unsigned char *) secret, strlen(secret));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *) token, strlen(token));
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2hex(proof, 2 * sizeof(mac) + 1, mac, sizeof(mac));
	explicit_bzero(&state, sizeof(state));
	explicit_bzero(mac, sizeof(mac));
	return proof;
}

static HttpRequest
ask(const OAuthClient *client, const char *token, const char *url, Form *form)
{
	HttpRequest request = {.method = HTTP_GET, .timeout_ms = config_request_timeout};
	size_t room = strlen(token) + sizeof("Authorization: Bearer ");
	char *line = seal_alloc(room);

	snprintf(line, room, "Authorization: Bearer %s", token);
	request.headers = list_make1(line);
	if (client->secret != NULL)
		form_add(form, "appsecret_proof", oauth_proof(client->secret, token));
	request.url = form_url(url, form);
	return request;
}

HttpRequest
oauth_pages(const OAuthClient *client, const char *token, const char *after)
{
	Form form = {0};

	form_add(&form, "fields", "id,name,access_token,tasks,instagram_business_account{id,username}");
	form_add(&form, "limit", "100");
	form_add(&form, "after", after);
	return ask(client, token, "https://" META_HOST META_VERSION "/me/accounts", &form);
}

HttpRequest
oauth_permissions(const OAuthClient *client, const char *token)
{
	Form form = {0};

	return ask(client, token, "https://" META_HOST META_VERSION "/me/permissions", &form);
}

/* The body without tokens, and what it is worth. */
static Verdict
parse(const Answer *answer, Lifted *lifted, const JsonbContainer **body)
{
	Answer judged = *answer;
	Jsonb *parsed;

	*lifted = lift_tokens(answer->text, strlen(answer->text));
	parsed = lifted->length > 0 ? json_parse(lifted->body, lifted->length, NULL) : NULL;
	*body = parsed != NULL ? &parsed->root : NULL;
	judged.body = *body;
	judged.text = lifted->body;
	return meta_classify(&judged, "");
}

Verdict
oauth_read_pages(const Answer *answer, bool accounts, List **found, char **after)
{
	Lifted lifted;
	const JsonbContainer *body, *page;
	Verdict result = parse(answer, &lifted, &body);
	JsonItems items = json_items(json_array_in(body, "data"));

	*after = NULL;
	if (result.error != ERROR_NONE)
		return result;
	while (json_next_object(&items, &page))
	{
		const JsonbContainer *linked = json_object_in(page, "instagram_business_account");
		PageFound *entry = palloc0(sizeof(PageFound));

		entry->id = json_id(accounts ? linked : page, "id");
		entry->name = json_text(accounts ? linked : page, accounts ? "username" : "name");
		entry->access_token = lifted_token(&lifted, json_text(page, "access_token"));
		if (entry->id != NULL)
			*found = lappend(*found, entry);
	}
	if (json_text_at(body, "paging.next") != NULL)
		*after = json_text_at(body, "paging.cursors.after");
	return result;
}

bool
oauth_read_permissions(const Answer *answer, List **scopes)
{
	Lifted lifted;
	const JsonbContainer *body, *entry;
	Verdict result = parse(answer, &lifted, &body);
	JsonItems items = json_items(json_array_in(body, "data"));

	if (result.error != ERROR_NONE || json_array_in(body, "data") == NULL)
		return false;
	while (json_next_object(&items, &entry))
	{
		char *name = json_text(entry, "permission");

		if (name != NULL && text_is(json_text(entry, "status"), "granted"))
			*scopes = lappend(*scopes, name);
	}
	return true;
}

const PageFound *
oauth_pick_page(List *found, const char *id, bool accounts, char **reason)
{
	const char *what = accounts ? "professional account" : "Page";
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	foreach (cell, found)
	{
		const PageFound *page = lfirst(cell);

		if (id != NULL && strcmp(id, page->id) == 0)
			return page;
		if (foreach_current_index(cell) < MANY)
			appendStringInfo(&names, "%s%s (%s)", names.len > 0 ? ", " : "", page->id,
							 page->name != NULL ? text_clip(page->name, 64) : "no name");
		else if (foreach_current_index(cell) == MANY)
			appendStringInfo(&names, " and %d more", list_length(found) - MANY);
	}
	if (id == NULL && list_length(found) == 1)
		return linitial(found);
	if (found == NIL)
		*reason =
			psprintf("the consent covers no %s; the person must choose one and grant pages_show_list", what);
	else if (id == NULL)
		*reason = psprintf("the consent covers several %ss: %s; name one as external_id by connect_account()",
						   what, names.data);
	else
		*reason = psprintf("the consent does not cover the %s %s, but %s", what, id, names.data);
	return NULL;
}
