/*
 * url.c
 *    Addresses.
 */
#include "postgres.h"

#include "http/url.h"

void
url_encode(StringInfo out, const char *text)
{
	for (const unsigned char *s = (const unsigned char *) text; *s != '\0'; s++)
	{
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
			strchr("-._~", *s) != NULL)
			appendStringInfoChar(out, *s);
		else
			appendStringInfo(out, "%%%02X", *s);
	}
}

void
url_pair(StringInfo out, const char *name, const char *value)
{
	if (out->len > 0 && out->data[out->len - 1] != '?')
		appendStringInfoChar(out, '&');
	appendStringInfo(out, "%s=", name);
	url_encode(out, value);
}

char *
url_origin(const char *url)
{
	const char *authority = strstr(url, "://");

	if (authority == NULL)
		return pstrdup("");
	authority += 3;
	return pnstrdup(url, authority + strcspn(authority, "/?#") - url);
}

char *
url_host(const char *url)
{
	const char *authority = strstr(url, "://");

	if (authority == NULL)
		return pstrdup("");
	return pnstrdup(authority + 3, strcspn(authority + 3, "/?#:"));
}

char *
url_without_param(const char *url, const char *name)
{
	size_t n = strlen(name);
	const char *query = strchr(url, '?');
	StringInfoData out;
	char separator = '?';

	if (query == NULL)
		return pstrdup(url);
	initStringInfo(&out);
	appendBinaryStringInfo(&out, url, query - url);
	while (*query != '\0')
	{
		const char *pair = query + 1;
		size_t length = strcspn(pair, "&");

		if (!(length > n && pair[n] == '=' && strncmp(pair, name, n) == 0))
		{
			appendStringInfoChar(&out, separator);
			appendBinaryStringInfo(&out, pair, length);
			separator = '&';
		}
		query = pair + length;
	}
	return out.data;
}

char *
url_under_base(const char *url, const char *base)
{
	static const char scheme[] = "https://";

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return pstrdup(url);
	return psprintf("%s/%s", base, url + sizeof(scheme) - 1);
}

/* Words that are followed by a secret. */
static const char *const secret_words[] = {
	"access_token", "refresh_token",   "id_token",      "client_secret", "app_secret", "fb_exchange_token",
	"input_token",  "appsecret_proof", "code_verifier", "code",          "secret",     "token",
	"password",     "api_key",         "key",           "authorization", "bearer",     "oauth",
	"basic",
};

/* The length of the secret word at `s`, where one begins and ends there; 0 otherwise. */
static size_t
secret_word(const char *text, const char *s)
{
	if (s > text && (isalnum((unsigned char) s[-1]) || s[-1] == '_'))
		return 0;
	for (int i = 0; i < lengthof(secret_words); i++)
	{
		size_t n = strlen(secret_words[i]);

		if (pg_strncasecmp(s, secret_words[i], n) == 0 && !isalnum((unsigned char) s[n]) && s[n] != '_')
			return n;
	}
	return 0;
}

char *
url_redact(const char *text)
{
	StringInfoData out;
	const char *s = text;

	initStringInfo(&out);
	while (*s != '\0')
	{
		size_t n = secret_word(text, s);
		const char *value = s + n, *end;
		bool assigned = false;

		if (n == 0)
		{
			appendStringInfoChar(&out, *s++);
			continue;
		}
		while (*value != '\0' && strchr("\"'=: \\", *value) != NULL)
			assigned = strchr("=:", *value++) != NULL || assigned;
		end = value + strcspn(value, "&\"' \t\r\n,;}\\");
		/* "code 190" and "token expired" are words; what is assigned, or is long, is a value. */
		if (end == value || secret_word(text, value) > 0 || (!assigned && end - value < 16) ||
			(end - value < 8 && strspn(value, "0123456789") == (size_t) (end - value)))
		{
			appendBinaryStringInfo(&out, s, value - s);
			s = value;
			continue;
		}
		appendBinaryStringInfo(&out, s, value - s);
		appendStringInfoString(&out, "***");
		s = end;
	}
	return out.data;
}
