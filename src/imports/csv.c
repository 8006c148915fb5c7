/*
 * csv.c
 *    A reader of comma-separated values that trusts nobody.
 *
 * Format: RFC 4180. A field is never longer than its text, so it is written over it: reading needs no memory.
 */
#include "imports/csv.h"

#include <string.h>

/* Length of the well-formed UTF-8 character at `at` (RFC 3629); 0 where it is none. */
static int
character_length(const unsigned char *at, size_t left)
{
	unsigned char low = 0x80, high = 0xBF;
	int length;

	if (at[0] < 0x80)
		return 1;
	if (at[0] < 0xC2 || at[0] > 0xF4)
		return 0;
	length = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
	if (left < (size_t) length)
		return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if (at[0] == 0xE0)
		low = 0xA0;
	else if (at[0] == 0xED)
		high = 0x9F;
	else if (at[0] == 0xF0)
		low = 0x90;
	else if (at[0] == 0xF4)
		high = 0x8F;
	if (at[1] < low || at[1] > high)
		return 0;
	for (int i = 2; i < length; i++)
	{
		if ((at[i] & 0xC0) != 0x80)
			return 0;
	}
	return length;
}

static bool
check_text(Csv *csv)
{
	const unsigned char *at = (const unsigned char *) csv->at;
	const unsigned char *end = (const unsigned char *) csv->end;
	int line = 1;

	while (at < end)
	{
		int length = character_length(at, end - at);

		if (length == 0 || *at == '\0')
		{
			csv->error = length == 0 ? "the text is not UTF-8" : "the text has a NUL character";
			csv->line = line;
			return false;
		}
		if (*at == '\n' || (*at == '\r' && (at + 1 == end || at[1] != '\n')))
			line++;
		at += length;
	}
	return true;
}

/* The delimiter that the first line has most of, outside quotes. */
static char
find_delimiter(const Csv *csv)
{
	static const char candidates[] = ",;\t";
	size_t counts[3] = {0};
	bool quoted = false;
	int best = 0;

	for (const char *at = csv->at; at < csv->end && (quoted || (*at != '\n' && *at != '\r')); at++)
	{
		const char *found = quoted ? NULL : strchr(candidates, *at);

		if (*at == '"')
			quoted = !quoted;
		else if (found != NULL)
			counts[found - candidates]++;
	}
	for (int i = 1; i < 3; i++)
	{
		if (counts[i] > counts[best])
			best = i;
	}
	return candidates[best];
}

bool
csv_open(Csv *csv, char *text, size_t length)
{
	memset(csv, 0, sizeof(*csv));
	csv->at = text;
	csv->end = text + length;
	csv->line = csv->next_line = 1;
	if (!check_text(csv))
		return false;
	if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		csv->at += 3;
	csv->delimiter = find_delimiter(csv);
	return true;
}

static CsvResult
fail(Csv *csv, const char *error)
{
	csv->error = error;
	csv->count = 0;
	return CSV_ERROR;
}

/* Passes over the end of a line; false where there is none. */
static bool
skip_line_end(Csv *csv)
{
	if (csv->at == csv->end || (*csv->at != '\n' && *csv->at != '\r'))
		return false;
	if (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n')
		csv->at++;
	csv->at++;
	csv->next_line++;
	return true;
}

/* Resolves the quoted field at csv->at into its own text; the result ends at *field_end. */
static bool
read_quoted(Csv *csv, char **field_end)
{
	char *to = csv->at;

	csv->at++;
	for (;;)
	{
		if (csv->at == csv->end)
		{
			fail(csv, "a quoted field has no end");
			return false;
		}
		if (*csv->at == '"')
		{
			csv->at++;
			if (csv->at == csv->end || *csv->at != '"')
				break;
		}
		else if (*csv->at == '\n' || (*csv->at == '\r' && (csv->at + 1 == csv->end || csv->at[1] != '\n')))
			csv->next_line++;
		*to++ = *csv->at++;
	}
	if (csv->at < csv->end && *csv->at != csv->delimiter && *csv->at != '\n' && *csv->at != '\r')
	{
		fail(csv, "a field goes on after its closing quote");
		return false;
	}
	*field_end = to;
	return true;
}

CsvResult
csv_next(Csv *csv)
{
	if (csv->error != NULL)
		return CSV_ERROR;
	while (skip_line_end(csv))
		;
	csv->count = 0;
	csv->line = csv->next_line;
	if (csv->at == csv->end)
		return CSV_END;
	for (;;)
	{
		char *field = csv->at, *field_end;
		bool more;

		if (csv->count == CSV_MAX_COLUMNS)
			return fail(csv, "a record has too many fields");
		if (csv->at < csv->end && *csv->at == '"')
		{
			if (!read_quoted(csv, &field_end))
				return CSV_ERROR;
		}
		else
		{
			while (csv->at < csv->end && *csv->at != csv->delimiter && *csv->at != '\n' && *csv->at != '\r')
				csv->at++;
			field_end = csv->at;
		}
		/* What ends the field is looked at before its place is taken by the zero. */
		more = csv->at < csv->end && *csv->at == csv->delimiter;
		if (more)
			csv->at++;
		else
			skip_line_end(csv);
		*field_end = '\0';
		csv->fields[csv->count++] = field;
		if (!more)
			return CSV_RECORD;
	}
}
