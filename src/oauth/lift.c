/*
 * lift.c
 *    Takes tokens out of a JSON text before it is parsed.
 *
 * A scanner of strings is enough: outside of a string a quote begins one, and a token is the string after a colon after
 * one of the names. What is no JSON is none afterwards either; its parser says so.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "oauth/lift.h"
#include "secrets/seal.h"

static const char *const names[] = {"access_token", "refresh_token", "id_token"};

/* The end of the string whose first character is at `start`: the place of its closing quote; `length` where it lacks. */
static size_t
string_end(const char *body, size_t length, size_t start)
{
	size_t i = start;

	while (i < length && body[i] != '"')
		i += body[i] == '\\' ? 2 : 1;
	return Min(i, length);
}

static bool
is_token_name(const char *text, size_t length)
{
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0)
			return true;
	}
	return false;
}

static int
hex_value(const char *text)
{
	int value = 0;

	for (int i = 0; i < 4; i++)
	{
		if (!isxdigit((unsigned char) text[i]))
			return -1;
		value =
			value * 16 + (isdigit((unsigned char) text[i]) ? text[i] - '0'
														   : pg_tolower((unsigned char) text[i]) - 'a' + 10);
	}
	return value;
}

/* The string without its escapes; tokens are ASCII, so an escape of anything else makes it none (NULL). */
static char *
unescaped(const char *text, size_t length)
{
	char *token = seal_alloc(length + 1);
	size_t n = 0;

	for (size_t i = 0; i < length; i++)
	{
		int value = (unsigned char) text[i];

		if (value == '\\')
		{
			i++;
			if (i < length && text[i] == 'u')
			{
				value = i + 4 < length ? hex_value(text + i + 1) : -1;
				i += 4;
			}
			else
				value = i < length && strchr("\"\\/", text[i]) != NULL ? (unsigned char) text[i] : -1;
		}
		if (value <= ' ' || value >= 0x7F)
			return NULL;
		token[n++] = (char) value;
	}
	return token;
}

/* Links to further pages repeat the token of the request: "...?access_token=TOKEN&after=...". */
static void
blank_in_links(char *text, size_t length)
{
	static const char name[] = "access_token=";

	for (size_t i = 0; i + sizeof(name) < length; i++)
	{
		if (memcmp(text + i, name, sizeof(name) - 1) != 0)
			continue;
		for (i += sizeof(name) - 1; i < length && strchr("&\"\\# ", text[i]) == NULL; i++)
			text[i] = '*';
	}
}

Lifted
lift_tokens(const char *body, size_t length)
{
	Lifted lifted = {.body = seal_alloc(length + 1), .length = length};
	char *text = lifted.body;
	size_t i = 0;

	memcpy(text, body, length);
	blank_in_links(text, length);
	while (i < length)
	{
		size_t end, next;
		char *token;
		char mark[16];

		if (text[i] != '"')
		{
			i++;
			continue;
		}
		end = string_end(text, length, i + 1);
		next = end + 1;
		while (next < length && isspace((unsigned char) text[next]))
			next++;
		if (next >= length || text[next] != ':' || !is_token_name(text + i + 1, end - i - 1))
		{
			i = end + 1;
			continue;
		}
		next++;
		while (next < length && isspace((unsigned char) text[next]))
			next++;
		i = next;
		if (next >= length || text[next] != '"')
			continue;
		end = string_end(text, length, next + 1);
		if (end >= length)
			break;
		i = end + 1;
		snprintf(mark, sizeof(mark), "#%d", list_length(lifted.tokens));
		token = unescaped(text + next + 1, end - next - 1);
		/* A token shorter than its mark is none; neither is what has other characters. The text loses it all the same. */
		if (token == NULL || token[0] == '\0' || end - next - 1 < strlen(mark))
		{
			memset(text + next, ' ', end - next + 1);
			memcpy(text + next, "\"\"", 2);
			continue;
		}
		memset(text + next + 1, ' ', end - next);
		memcpy(text + next + 1, mark, strlen(mark));
		text[next + 1 + strlen(mark)] = '"';
		lifted.tokens = lappend(lifted.tokens, token);
	}
	return lifted;
}

char *
lifted_token(const Lifted *lifted, const char *mark)
{
	int n;

	if (mark == NULL || mark[0] != '#')
		return NULL;
	n = atoi(mark + 1);
	return n >= 0 && n < list_length(lifted->tokens) ? list_nth(lifted->tokens, n) : NULL;
}
