/*
 * account.c
 *    What a platform may know of an account.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "platform/platform.h"

char *
account_setting(const Account *account, const char *key)
{
	return json_id(account->settings, key);
}

List *
account_setting_list(const Account *account, const char *key)
{
	JsonItems items = json_items(json_array_in(account->settings, key));
	List *texts = NIL;
	char *text;

	while (json_next_text(&items, &text))
		texts = lappend(texts, text);
	return texts;
}

static bool
list_has(const List *texts, const char *text)
{
	ListCell *cell;

	foreach (cell, texts)
	{
		if (strcmp(lfirst(cell), text) == 0)
			return true;
	}
	return false;
}

bool
account_has_scope(const Account *account, const char *scope)
{
	if (!account->has_token)
		return false;
	return account->scopes == NIL || list_has(account->scopes, scope);
}

bool
account_is_quarantined(const Account *account, const char *metric)
{
	return list_has(account->quarantined, metric);
}

bool
id_is_number(const char *id)
{
	return id[0] != '\0' && id[strspn(id, "0123456789")] == '\0';
}
