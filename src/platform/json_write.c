/*
 * json_write.c
 *    The second pass of json_parse(): jsonb's binary form, written in one go from the values of a text.
 *
 * The form is that of utils/jsonb.h: a header, an entry for each key and value, then their bytes. The server's own
 * pushJsonbValue() would do, but it builds a tree first: with it a page of posts takes four times as long as here, most of
 * what the collector does for it. test/t/070_json.pl holds the bytes against those of jsonb_in() on each version.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "platform/json_tokens.h"

#define FEW_KEYS     32
#define WHOLE_DIGITS 18 /* always fit an int64 */

typedef struct Out
{
	char *data;
	size_t length;
	size_t room;
} Out;

/* Room for so many bytes more; returns where they begin. */
static size_t
reserve(Out *out, size_t bytes)
{
	size_t at = out->length;

	if (out->room - out->length < bytes)
	{
		out->room = Max(out->room * 2, out->length + bytes);
		out->data = repalloc(out->data, out->room);
	}
	out->length += bytes;
	return at;
}

static void
append(Out *out, const void *data, size_t bytes)
{
	size_t at = reserve(out, bytes);

	memcpy(out->data + at, data, bytes);
}

/* Numbers and containers begin at multiples of four; the gap counts to them. */
static void
align(Out *out)
{
	append(out, "\0\0\0", INTALIGN(out->length) - out->length);
}

static Numeric
number_of(const Token *token)
{
	const char *s = token->text, *end = s + token->length;
	bool negative = *s == '-';
	int64 whole = 0;
	char *text;

	if (negative)
		s++;
	if (end - s <= WHOLE_DIGITS)
	{
		while (s < end && *s >= '0' && *s <= '9')
			whole = whole * 10 + (*s++ - '0');
		if (s == end)
			return int64_to_numeric(negative ? -whole : whole);
	}
	text = pnstrdup(token->text, token->length);
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

typedef struct Member
{
	const char *key;
	uint32 length;
	uint32 token; /* of the key; what comes later in the text is greater */
} Member;

/* jsonb's order of keys: by length, then by bytes. Of equal ones the last of the text comes first. */
static int
compare_members(const void *a, const void *b)
{
	const Member *left = a, *right = b;
	int order;

	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	order = memcmp(left->key, right->key, left->length);
	if (order != 0)
		return order;
	return left->token > right->token ? -1 : 1;
}

/* Sorts, and leaves the last of those that have the same key. Returns how many are left. */
static uint32
sort_members(Member *members, uint32 n)
{
	uint32 kept = 0;

	if (n > FEW_KEYS)
		qsort(members, n, sizeof(Member), compare_members);
	else
	{
		for (uint32 i = 1; i < n; i++)
		{
			Member member = members[i];
			uint32 to = i;

			for (; to > 0 && compare_members(&member, &members[to - 1]) < 0; to--)
				members[to] = members[to - 1];
			members[to] = member;
		}
	}
	for (uint32 i = 0; i < n; i++)
	{
		if (kept > 0 && members[kept - 1].length == members[i].length &&
			memcmp(members[kept - 1].key, members[i].key, members[i].length) == 0)
			continue;
		members[kept++] = members[i];
	}
	return kept;
}

static JEntry write_value(Out *out, const Token *tokens, const Token *token);

/* Puts an entry into its place; every so often it holds the offset of its end instead of its length. */
static void
put_entry(Out *out, size_t entries, uint32 index, JEntry entry, size_t start)
{
	size_t total = out->length - start;

	if (total > JENTRY_OFFLENMASK)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("an answer is too large for jsonb")));
	if (index % JB_OFFSET_STRIDE == 0)
		entry = (entry & JENTRY_TYPEMASK) | total | JENTRY_HAS_OFF;
	memcpy(out->data + entries + index * sizeof(JEntry), &entry, sizeof(JEntry));
}

static void
write_array(Out *out, const Token *tokens, const Token *token, size_t header)
{
	size_t entries = reserve(out, token->length * sizeof(JEntry)), start = out->length;
	const Token *value = token + 1;
	uint32 head = token->length | JB_FARRAY;

	memcpy(out->data + header, &head, sizeof(head));
	for (uint32 i = 0; i < token->length; i++, value = &tokens[value->next])
	{
		JEntry entry = write_value(out, tokens, value);

		put_entry(out, entries, i, entry, start);
	}
}

static void
write_object(Out *out, const Token *tokens, const Token *token, size_t header)
{
	Member few[FEW_KEYS];
	Member *members = token->length <= FEW_KEYS ? few : palloc(token->length * sizeof(Member));
	const Token *key = token + 1;
	size_t entries, start;
	uint32 n, head;

	for (uint32 i = 0; i < token->length; i++, key = &tokens[key[1].next])
		members[i] = (Member){key->text, key->length, key - tokens};
	n = sort_members(members, token->length);
	head = n | JB_FOBJECT;
	memcpy(out->data + header, &head, sizeof(head));
	entries = reserve(out, 2 * n * sizeof(JEntry));
	start = out->length;
	for (uint32 i = 0; i < n; i++)
	{
		append(out, members[i].key, members[i].length);
		put_entry(out, entries, i, JENTRY_ISSTRING | members[i].length, start);
	}
	for (uint32 i = 0; i < n; i++)
	{
		JEntry entry = write_value(out, tokens, &tokens[members[i].token + 1]);

		put_entry(out, entries, n + i, entry, start);
	}
	if (members != few)
		pfree(members);
}

/* Appends a value; returns its entry, with its length. */
static JEntry
write_value(Out *out, const Token *tokens, const Token *token)
{
	size_t start = out->length, header;
	Numeric number;

	switch (token->kind)
	{
		case TOKEN_NULL:
			return JENTRY_ISNULL;
		case TOKEN_FALSE:
			return JENTRY_ISBOOL_FALSE;
		case TOKEN_TRUE:
			return JENTRY_ISBOOL_TRUE;
		case TOKEN_STRING:
			append(out, token->text, token->length);
			return JENTRY_ISSTRING | token->length;
		case TOKEN_NUMBER:
			number = number_of(token);
			align(out);
			append(out, number, VARSIZE(number));
			pfree(number);
			return JENTRY_ISNUMERIC | (out->length - start);
		case TOKEN_ARRAY:
		case TOKEN_OBJECT:
			align(out);
			header = reserve(out, sizeof(uint32));
			if (token->kind == TOKEN_ARRAY)
				write_array(out, tokens, token, header);
			else
				write_object(out, tokens, token, header);
			return JENTRY_ISCONTAINER | (out->length - start);
	}
	return JENTRY_ISNULL;
}

Jsonb *
json_write(const Token *tokens, size_t length)
{
	Out out = {.room = length + length / 4 + 64};

	out.data = palloc(out.room);
	reserve(&out, VARHDRSZ);
	(void) write_value(&out, tokens, tokens);
	SET_VARSIZE(out.data, out.length);
	return (Jsonb *) out.data;
}
