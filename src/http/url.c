/*
 * url.c
 *    Addresses: encoding, origins, the test base, and texts from which secrets are taken out.
 *
 * Syntax: RFC 3986.
 */
#include "http/url.h"

#include <ctype.h>

#define LONG_RUN 40 /* characters of a word that is taken for a key, whatever stands before it */

/* ---- Building ---- */

static bool
is_unreserved(unsigned char c)
{
	return isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* May the byte stand in an address as it is? */
static bool
may_stand(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '\\' && c != '#';
}

void
url_encode(StringInfo out, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (const unsigned char *s = (const unsigned char *) text; *s != '\0'; s++)
	{
		if (*s < 0x80 && is_unreserved(*s))
			appendStringInfoChar(out, *s);
		else
		{
			appendStringInfoChar(out, '%');
			appendStringInfoChar(out, hex[*s >> 4]);
			appendStringInfoChar(out, hex[*s & 15]);
		}
	}
}

char *
url_encoded(const char *text)
{
	StringInfoData out;

	initStringInfo(&out);
	url_encode(&out, text);
	return out.data;
}

char *
url_plain(const char *url)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const unsigned char *s = (const unsigned char *) url; *s != '\0'; s++)
	{
		if (may_stand(*s))
			appendStringInfoChar(&out, *s);
		else
			appendStringInfo(&out, "%%%02X", *s);
	}
	return out.data;
}

void
url_pair(StringInfo out, const char *name, const char *value)
{
	if (out->len > 0 && strchr("?&", out->data[out->len - 1]) == NULL)
		appendStringInfoChar(out, '&');
	url_encode(out, name);
	appendStringInfoChar(out, '=');
	url_encode(out, value);
}

/* ---- Taking apart ---- */

/* The parts of scheme://[user@]host[:port]; false for anything else. Nothing is copied. */
typedef struct Authority
{
	const char *scheme, *host, *port;
	int scheme_length, host_length, port_length; /* port_length 0: not written */
	bool user;
} Authority;

static bool
find_authority(const char *url, Authority *found)
{
	const char *colon = strstr(url, "://"), *start, *end, *at, *port;

	if (colon == NULL || colon == url || (size_t) (colon - url) != strcspn(url, ":/?#"))
		return false;
	start = colon + 3;
	end = start + strcspn(start, "/?#\\");
	found->user = false;
	for (at = start; at < end; at++)
	{
		if (*at == '@')
		{
			start = at + 1;
			found->user = true;
		}
	}
	port = end;
	if (start < end && *start == '[')
	{
		const char *bracket = memchr(start, ']', end - start);

		if (bracket == NULL || (bracket + 1 < end && bracket[1] != ':'))
			return false;
		port = bracket + 1;
	}
	else if (memchr(start, ':', end - start) != NULL)
		port = memchr(start, ':', end - start);
	found->scheme = url;
	found->scheme_length = (int) (colon - url);
	found->host = start;
	found->host_length = (int) (port - start);
	found->port = port < end ? port + 1 : end;
	found->port_length = (int) (end - found->port);
	return found->host_length > 0;
}

/* Schemes are the same in capitals (RFC 3986, 3.1). */
static bool
is_https(const Authority *authority)
{
	return authority->scheme_length == 5 && pg_strncasecmp(authority->scheme, "https", 5) == 0;
}

bool
url_is_plain_https(const char *url)
{
	Authority found;

	for (const unsigned char *s = (const unsigned char *) url; *s != '\0'; s++)
	{
		if (!may_stand(*s))
			return false;
	}
	if (!find_authority(url, &found) || found.user || !is_https(&found))
		return false;
	for (int i = 0; i < found.host_length; i++)
	{
		if (!isalnum((unsigned char) found.host[i]) && found.host[i] != '-' && found.host[i] != '.')
			return false;
	}
	for (int i = 0; i < found.port_length; i++)
	{
		if (!isdigit((unsigned char) found.port[i]))
			return false;
	}
	return found.port_length <= 5;
}

char *
url_origin(const char *url)
{
	Authority found;

	if (!find_authority(url, &found))
		return pstrdup("");
	return psprintf("%.*s://%.*s%s%.*s", found.scheme_length, found.scheme, found.host_length, found.host,
					found.port_length > 0 ? ":" : "", found.port_length, found.port);
}

static int
port_of(const Authority *authority)
{
	if (authority->port_length > 0)
		return authority->port_length <= 5 ? atoi(authority->port) : -1;
	return is_https(authority) ? 443 : 80;
}

bool
url_same_origin(const char *a, const char *b)
{
	Authority one, other;

	return find_authority(a, &one) && find_authority(b, &other) && !one.user && !other.user &&
		   one.scheme_length == other.scheme_length && one.host_length == other.host_length &&
		   pg_strncasecmp(one.scheme, other.scheme, one.scheme_length) == 0 &&
		   pg_strncasecmp(one.host, other.host, one.host_length) == 0 && port_of(&one) == port_of(&other);
}

char *
url_host(const char *url)
{
	Authority found;

	if (!find_authority(url, &found))
		return pstrdup("");
	return psprintf("%.*s", found.host_length, found.host);
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
	appendBinaryStringInfo(&out, url, (int) (query - url));
	while (*query != '\0' && *query != '#')
	{
		const char *pair = query + 1;
		size_t length = strcspn(pair, "&#");

		if (!(length >= n && strncmp(pair, name, n) == 0 && (length == n || pair[n] == '=')))
		{
			appendStringInfoChar(&out, separator);
			appendBinaryStringInfo(&out, pair, (int) length);
			separator = '&';
		}
		query = pair + length;
	}
	appendStringInfoString(&out, query);
	return out.data;
}

char *
url_under_base(const char *url, const char *base)
{
	static const char scheme[] = "https://";
	size_t length = strlen(base);

	if (pg_strncasecmp(url, scheme, sizeof(scheme) - 1) != 0)
		return pstrdup(url);
	while (length > 0 && base[length - 1] == '/')
		length--;
	return psprintf("%.*s/%s", (int) length, base, url + sizeof(scheme) - 1);
}

/* ---- Redaction ---- */

/* Names of what is secret, whole. */
static const char *const secret_names[] = {"code", "key", "sig", "pwd", "jwt", "cookie", "set-cookie"};

/* What names of secrets end in. */
static const char *const secret_ends[] = {
	"token",       "secret",    "password", "passwd",    "api_key",  "apikey",
	"api-key",     "assertion", "proof",    "signature", "verifier", "authorization_code",
	"private_key",
};

/* Words that announce credentials without an assignment. */
static const char *const schemes[] = {"bearer", "oauth", "basic", "token"};

static bool
is_one_of(const char *word, size_t length, const char *const *words, int count, bool whole)
{
	for (int i = 0; i < count; i++)
	{
		size_t n = strlen(words[i]);

		if ((whole ? length == n : length >= n) && pg_strncasecmp(word + length - n, words[i], n) == 0)
			return true;
	}
	return false;
}

static bool
is_name_char(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '-';
}

/* How a value stands behind a name. */
typedef enum Assignment
{
	NOT_ASSIGNED, /* token abc */
	SAID,         /* token: abc, as in a sentence or a header */
	ASSIGNED      /* token=abc, "token":"abc" */
} Assignment;

/* Bytes of what stands between a name and its value: = : " ' and blanks, plain or percent-encoded. */
static size_t
separator_length(const char *s, Assignment *assignment)
{
	const char *start = s;

	for (;; s++)
	{
		bool encoded = pg_strncasecmp(s, "%3D", 3) == 0 || pg_strncasecmp(s, "%3A", 3) == 0 ||
					   pg_strncasecmp(s, "%22", 3) == 0 || pg_strncasecmp(s, "%20", 3) == 0;

		if (encoded)
		{
			*assignment = s[1] == '3' ? ASSIGNED : *assignment;
			s += 2;
		}
		else if (*s == ':')
			*assignment = Max(*assignment, s[1] == ' ' ? SAID : ASSIGNED);
		else if (*s != '\0' && strchr("=\"'", *s) != NULL)
			*assignment = *s == '=' || *assignment == SAID ? ASSIGNED : *assignment;
		else if (*s == '\0' || strchr(" \t\\", *s) == NULL)
			return s - start;
	}
}

/* Bytes of a value: up to what ends it in a query, a header, JSON or a sentence. */
static size_t
value_length(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0' && strchr("&\"' \t\r\n,;<>(){}[]\\", s[n]) == NULL &&
		   pg_strncasecmp(s + n, "%26", 3) != 0 && pg_strncasecmp(s + n, "%22", 3) != 0)
		n++;
	return n;
}

/* Words of a sentence are no secrets: "token expired", "code: missing". A short number is an error's code. */
static bool
is_worth_hiding(const char *value, size_t length, Assignment assignment)
{
	bool digit = false;

	if (length == 0 || (length < 8 && strspn(value, "0123456789") >= length))
		return false;
	if (length == 4 && (strncmp(value, "null", 4) == 0 || strncmp(value, "true", 4) == 0))
		return false;
	for (size_t i = 0; i < length; i++)
		digit = digit || isdigit((unsigned char) value[i]);
	return assignment == ASSIGNED || length >= 16 || (assignment == SAID && (digit || length >= 12));
}

/* A run of letters and digits, both, that nobody writes by hand. */
static bool
looks_like_key(const char *word, size_t length)
{
	bool letter = false, digit = false;

	for (size_t i = 0; i < length; i++)
	{
		letter = letter || isalpha((unsigned char) word[i]);
		digit = digit || isdigit((unsigned char) word[i]);
	}
	return length >= LONG_RUN && letter && digit;
}

char *
url_redact(const char *text)
{
	const char *s = text;
	bool announced = false; /* "Authorization:" stands before */
	StringInfoData out;

	initStringInfo(&out);
	while (*s != '\0')
	{
		size_t word = 0, separator, value;
		Assignment assignment = announced ? ASSIGNED : NOT_ASSIGNED;
		bool scheme, authorization;

		while (is_name_char(s[word]))
			word++;
		if (word == 0)
		{
			/* The digits of an encoded character belong to no name. */
			int n = *s == '%' && isxdigit((unsigned char) s[1]) && isxdigit((unsigned char) s[2]) ? 3 : 1;

			appendBinaryStringInfo(&out, s, n);
			s += n;
			continue;
		}
		authorization = is_one_of(s, word, (const char *const[]){"authorization"}, 1, false);
		scheme = is_one_of(s, word, schemes, lengthof(schemes), true);
		if (!authorization && !scheme && !is_one_of(s, word, secret_names, lengthof(secret_names), true) &&
			!is_one_of(s, word, secret_ends, lengthof(secret_ends), false))
		{
			if (looks_like_key(s, word))
				appendStringInfoString(&out, "***");
			else
				appendBinaryStringInfo(&out, s, (int) word);
			s += word;
			announced = false;
			continue;
		}
		separator = separator_length(s + word, &assignment);
		value = value_length(s + word + separator);
		appendBinaryStringInfo(&out, s, (int) (word + separator));
		s += word + separator;
		/* "Authorization: Bearer x": the scheme is told, what follows it is not. */
		announced = authorization && assignment != NOT_ASSIGNED &&
					is_one_of(s, value, schemes, lengthof(schemes), true);
		if (!announced && separator > 0 &&
			is_worth_hiding(s, value, authorization && assignment != NOT_ASSIGNED ? ASSIGNED : assignment))
		{
			appendStringInfoString(&out, "***");
			s += value;
		}
	}
	return out.data;
}
