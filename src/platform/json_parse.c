/*
 * json_parse.c
 *    From a body to jsonb, in two passes that no body can break.
 *
 * The first pass reads the text into a flat list of values; the second, json_write(), makes jsonb of it. The server's own
 * jsonb_in() copies byte by byte, which took the collector more time than the network.
 *
 * jsonb cannot hold three things that platforms do send: NUL characters, lone surrogates and invalid UTF-8. They become
 * U+FFFD, because one odd caption must not cost a whole page.
 *
 * The grammar is RFC 8259's.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "platform/json.h"
#include "platform/json_tokens.h"

#define MAX_DEPTH   64
#define REPLACEMENT "\xEF\xBF\xBD"

typedef struct Parser
{
	const char *s;
	const char *end;
	size_t length;
	Token *tokens;
	uint32 count;
	uint32 room;
	char *copies; /* of strings that could not stay as they are; NULL: there was none yet */
	char *free_copy;
	const char *reason;
} Parser;

/* ---- Strings ---- */

/* Four hexadecimal digits, or -1. */
static int
hex4(const char *s, const char *end)
{
	int value = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char c = s[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return value;
}

static bool
is_high_surrogate(int unit)
{
	return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool
is_low_surrogate(int unit)
{
	return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* Bytes of the character at s, which is no ASCII; 0 where it is not valid UTF-8. */
static int
character_length(const char *s, const char *end)
{
	int n = pg_utf_mblen((const unsigned char *) s);

	return n <= end - s && pg_utf8_islegal((const unsigned char *) s, n) ? n : 0;
}

/* Skips bytes that need no look: ASCII but for quotes, backslashes and control characters. Eight at a time. */
static const char *
skip_plain(const char *s, const char *end)
{
	const uint64 ones = UINT64CONST(0x0101010101010101), highs = ones << 7;

	while (end - s >= 8)
	{
		uint64 word, quotes, slashes;

		memcpy(&word, s, 8);
		quotes = word ^ (ones * '"');
		slashes = word ^ (ones * '\\');
		/* A byte is below n, or zero, where the subtraction borrows; a false alarm only ends the skipping early. */
		if ((((word - ones * 0x20) | (quotes - ones) | (slashes - ones) | word) & highs) != 0)
			break;
		s += 8;
	}
	while (s < end && (unsigned char) *s >= 0x20 && (unsigned char) *s < 0x80 && *s != '"' && *s != '\\')
		s++;
	return s;
}

/* Writes the character of an escape sequence, whose backslash p->s points at; false where there is no such sequence. */
static bool
copy_escape(Parser *p)
{
	static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int unit, low;

	if (p->end - p->s < 2)
		return false;
	if (p->s[1] != 'u')
	{
		found = p->s[1] != '\0' ? strchr(escapes, p->s[1]) : NULL;
		if (found == NULL)
			return false;
		*p->free_copy++ = meanings[found - escapes];
		p->s += 2;
		return true;
	}
	unit = hex4(p->s + 2, p->end);
	if (unit < 0)
		return false;
	p->s += 6;
	if (is_high_surrogate(unit) && p->end - p->s >= 6 && p->s[0] == '\\' && p->s[1] == 'u' &&
		is_low_surrogate(low = hex4(p->s + 2, p->end)))
	{
		unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
		p->s += 6;
	}
	if (unit == 0 || is_high_surrogate(unit) || is_low_surrogate(unit))
		unit = 0xFFFD;
	unicode_to_utf8(unit, (unsigned char *) p->free_copy);
	p->free_copy += pg_utf_mblen((const unsigned char *) p->free_copy);
	return true;
}

/*
 * A string, at its opening quote. It stays in the body where jsonb can hold it as it is. A copy is at most three times as
 * long: a bad byte becomes three.
 */
static bool
parse_string(Parser *p, Token *token)
{
	const char *start = ++p->s;
	char *copy = NULL;

	for (;;)
	{
		const char *plain = p->s;
		int n;

		p->s = skip_plain(p->s, p->end);
		if (copy != NULL)
		{
			memcpy(p->free_copy, plain, p->s - plain);
			p->free_copy += p->s - plain;
		}
		if (p->s == p->end)
			return false;
		if (*p->s == '"')
			break;
		n = (unsigned char) *p->s >= 0x80 ? character_length(p->s, p->end) : 0;
		if (copy == NULL && n == 0)
		{
			if (p->copies == NULL)
				p->free_copy = p->copies = palloc_extended(p->length * 3 + 8, MCXT_ALLOC_HUGE);
			copy = p->free_copy;
			memcpy(copy, start, p->s - start);
			p->free_copy += p->s - start;
		}
		if (*p->s == '\\')
		{
			if (!copy_escape(p))
				return false;
		}
		else if (n > 0)
		{
			if (copy != NULL)
			{
				memcpy(p->free_copy, p->s, n);
				p->free_copy += n;
			}
			p->s += n;
		}
		else if (*p->s == '\0' || (unsigned char) *p->s >= 0x80)
		{
			memcpy(p->free_copy, REPLACEMENT, 3);
			p->free_copy += 3;
			p->s++;
		}
		else
			return false; /* a control character */
	}
	token->kind = TOKEN_STRING;
	token->text = copy != NULL ? copy : start;
	token->length = copy != NULL ? p->free_copy - copy : p->s - start;
	p->s++;
	return true;
}

/* ---- Other values ---- */

static void
skip_blanks(Parser *p)
{
	while (p->s < p->end && (*p->s == ' ' || *p->s == '\t' || *p->s == '\n' || *p->s == '\r'))
		p->s++;
}

/* Is this the next character after blanks? Then it is passed. */
static bool
passes(Parser *p, char c)
{
	skip_blanks(p);
	if (p->s == p->end || *p->s != c)
		return false;
	p->s++;
	return true;
}

/* Passes digits; false where there is none. */
static bool
passes_digits(Parser *p)
{
	const char *start = p->s;

	while (p->s < p->end && *p->s >= '0' && *p->s <= '9')
		p->s++;
	return p->s > start;
}

static bool
parse_number(Parser *p, Token *token)
{
	const char *start = p->s, *digits;

	if (*p->s == '-')
		p->s++;
	digits = p->s;
	if (!passes_digits(p) || (*digits == '0' && p->s - digits > 1))
		return false;
	if (p->s < p->end && *p->s == '.')
	{
		p->s++;
		if (!passes_digits(p))
			return false;
	}
	if (p->s < p->end && (*p->s == 'e' || *p->s == 'E'))
	{
		p->s++;
		if (p->s < p->end && (*p->s == '+' || *p->s == '-'))
			p->s++;
		if (!passes_digits(p))
			return false;
	}
	token->kind = TOKEN_NUMBER;
	token->text = start;
	token->length = p->s - start;
	return true;
}

static bool
parse_word(Parser *p, Token *token, const char *word, TokenKind kind)
{
	size_t n = strlen(word);

	if ((size_t) (p->end - p->s) < n || memcmp(p->s, word, n) != 0)
		return false;
	p->s += n;
	token->kind = kind;
	return true;
}

/* A token at the end of the list: its index, because the list may move. */
static uint32
add_token(Parser *p)
{
	if (p->count == p->room)
	{
		p->room *= 2;
		p->tokens = repalloc_huge(p->tokens, p->room * sizeof(Token));
	}
	p->tokens[p->count].length = 0;
	return p->count++;
}

static bool parse_value(Parser *p, int depth);

/* What is between the brackets of an array, or the braces of an object. */
static bool
parse_inside(Parser *p, uint32 container, bool object, int depth)
{
	char closing = object ? '}' : ']';
	uint32 length = 0;

	if (depth > MAX_DEPTH)
	{
		p->reason = "nested too deeply";
		return false;
	}
	p->s++;
	p->tokens[container].kind = object ? TOKEN_OBJECT : TOKEN_ARRAY;
	if (passes(p, closing))
		return true;
	do
	{
		if (object)
		{
			uint32 key = add_token(p);

			skip_blanks(p);
			if (p->s == p->end || *p->s != '"' || !parse_string(p, &p->tokens[key]) || !passes(p, ':'))
				return false;
			p->tokens[key].next = p->count;
		}
		if (!parse_value(p, depth))
			return false;
		length++;
	} while (passes(p, ','));
	p->tokens[container].length = length;
	return passes(p, closing);
}

static bool
parse_value(Parser *p, int depth)
{
	uint32 index = add_token(p);
	Token *token = &p->tokens[index];
	bool ok;

	skip_blanks(p);
	switch (p->s < p->end ? *p->s : '\0')
	{
		case '{':
			ok = parse_inside(p, index, true, depth + 1);
			break;
		case '[':
			ok = parse_inside(p, index, false, depth + 1);
			break;
		case '"':
			ok = parse_string(p, token);
			break;
		case 'n':
			ok = parse_word(p, token, "null", TOKEN_NULL);
			break;
		case 't':
			ok = parse_word(p, token, "true", TOKEN_TRUE);
			break;
		case 'f':
			ok = parse_word(p, token, "false", TOKEN_FALSE);
			break;
		case '-':
		case '0' ... '9':
			ok = parse_number(p, token);
			break;
		default:
			ok = false;
	}
	p->tokens[index].next = p->count;
	return ok;
}

/* ---- json_parse() ---- */

Jsonb *
json_parse(const char *body, size_t length, const char **reason)
{
	MemoryContext context = CurrentMemoryContext;
	Parser p = {.room = length / 16 + 16};
	Jsonb *volatile parsed = NULL;
	const char *volatile why = NULL;

	if (length >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0)
	{
		body += 3;
		length -= 3;
	}
	p.s = body;
	p.end = body + length;
	p.length = length;
	p.tokens = palloc_extended(p.room * sizeof(Token), MCXT_ALLOC_HUGE);
	if (!parse_value(&p, 0))
		why = p.reason != NULL ? p.reason : "not valid JSON";
	else
	{
		skip_blanks(&p);
		if (p.s != p.end)
			why = "not valid JSON";
		else if (p.tokens[0].kind != TOKEN_ARRAY && p.tokens[0].kind != TOKEN_OBJECT)
			why = "not an object or array";
	}
	if (why == NULL)
	{
		PG_TRY();
		{
			parsed = json_write(p.tokens, p.length);
		}
		PG_CATCH();
		{
			int code = geterrcode();

			/* A number that numeric cannot hold. Cancel, lack of memory and the like are not ours to swallow. */
			if (ERRCODE_TO_CATEGORY(code) != ERRCODE_DATA_EXCEPTION &&
				ERRCODE_TO_CATEGORY(code) != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
				PG_RE_THROW();
			MemoryContextSwitchTo(context);
			FlushErrorState();
			why = "not valid JSON";
		}
		PG_END_TRY();
	}
	pfree(p.tokens);
	if (p.copies != NULL)
		pfree(p.copies);
	if (reason != NULL)
		*reason = why;
	return parsed;
}
