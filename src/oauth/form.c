/*
 * form.c
 *    Names and values on their way into an address or a body.
 *
 * Lengths are known before anything is written, so that no half-built copy of a secret is left behind.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "oauth/form.h"
#include "secrets/seal.h"

void
form_add(Form *form, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (form->count == FORM_PAIRS)
		elog(ERROR, "a form has more than %d pairs", FORM_PAIRS);
	form->pairs[form->count].name = name;
	form->pairs[form->count].value = value;
	form->count++;
}

/* Writes the text percent-encoded, where `out` is not NULL; returns its length. */
static size_t
encode(char *out, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (const unsigned char *s = (const unsigned char *) text; *s != '\0'; s++)
	{
		bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
					 strchr("-._~", *s) != NULL;

		if (out != NULL && plain)
			out[n] = (char) *s;
		else if (out != NULL)
		{
			out[n] = '%';
			out[n + 1] = hex[*s >> 4];
			out[n + 2] = hex[*s & 15];
		}
		n += plain ? 1 : 3;
	}
	return n;
}

char *
form_text(const char *start, const Form *form)
{
	size_t size = strlen(start) + 1, n = strlen(start);
	char *text;

	for (int i = 0; i < form->count; i++)
		size += encode(NULL, form->pairs[i].name) + encode(NULL, form->pairs[i].value) + 2;
	text = seal_alloc(size);
	memcpy(text, start, n);
	for (int i = 0; i < form->count; i++)
	{
		if (i > 0)
			text[n++] = '&';
		n += encode(text + n, form->pairs[i].name);
		text[n++] = '=';
		n += encode(text + n, form->pairs[i].value);
	}
	text[n] = '\0';
	return text;
}

char *
form_url(const char *url, const Form *form)
{
	if (form->count == 0)
		return pstrdup(url);
	return form_text(psprintf("%s%c", url, strchr(url, '?') != NULL ? '&' : '?'), form);
}

char *
form_json(const char *name, const char *value)
{
	static const char end[] = "\"}";
	size_t room = strlen(name) + sizeof("{\"\": \"") + 2 * strlen(value) + sizeof(end);
	char *text = seal_alloc(room);
	size_t n = snprintf(text, room, "{\"%s\": \"", name);

	for (const char *s = value; *s != '\0'; s++)
	{
		if (*s == '"' || *s == '\\')
			text[n++] = '\\';
		text[n++] = *s;
	}
	memcpy(text + n, end, sizeof(end));
	return text;
}
