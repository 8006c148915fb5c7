/*
 * cell.c
 *    What a cell of an exported table says.
 */
#include "imports/cell.h"

#include <ctype.h>
#include <string.h>

#define MAX_DIGITS 18

/* Bytes of the blank at `at`: a space, a tab, or one of the spaces that set thousands apart (U+00A0, U+2009, U+202F). */
static int
blank_length(const char *at)
{
	if (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
		return 1;
	if (strncmp(at, "\xC2\xA0", 2) == 0)
		return 2;
	if (strncmp(at, "\xE2\x80\x89", 3) == 0 || strncmp(at, "\xE2\x80\xAF", 3) == 0)
		return 3;
	return 0;
}

/* The cell without blanks at its ends; false where it is too long to be a number or a day. */
static bool
trim(const char *text, char *out, size_t room)
{
	size_t length;

	while (blank_length(text) > 0)
		text += blank_length(text);
	length = strlen(text);
	for (;;)
	{
		size_t cut = 0;

		for (size_t width = 1; width <= 3 && width <= length && cut == 0; width++)
		{
			if (blank_length(text + length - width) == (int) width)
				cut = width;
		}
		if (cut == 0)
			break;
		length -= cut;
	}
	if (length >= room)
		return false;
	memcpy(out, text, length);
	out[length] = '\0';
	return true;
}

static bool
says_nothing(const char *text)
{
	static const char *const words[] = {"", "-", "--", "\xE2\x80\x93", "\xE2\x80\x94", "n/a", "N/A", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

/* ---- Numbers ---- */

/* A number as its digits and how many of them are behind the point. */
typedef struct Decimal
{
	int64_t digits;
	int scale;
} Decimal;

/* Are the digits after each of these marks in groups of three, the first group one to three long? */
static bool
groups_of_three(const char *text, const char *end, char mark)
{
	int run = 0;
	bool first = true;

	for (const char *at = text;; at++)
	{
		if (at < end && isdigit((unsigned char) *at))
		{
			run++;
			continue;
		}
		if (first ? (run < 1 || run > 3) : run != 3)
			return false;
		if (at == end)
			return !first;
		if (*at != mark)
			return false;
		first = false;
		run = 0;
	}
}

/* The last of the marks, and how many there are. */
static const char *
last_mark(const char *text, char mark, int *count)
{
	const char *last = NULL;

	*count = 0;
	for (const char *at = text; *at != '\0'; at++)
	{
		if (*at == mark)
		{
			last = at;
			(*count)++;
		}
	}
	return last;
}

/* Where the fraction begins: at a point or a comma, or at the end. NULL where the marks make no sense. */
static const char *
find_fraction(const char *text, bool whole, char *thousands)
{
	const char *end = text + strlen(text);
	int commas, points;
	const char *comma = last_mark(text, ',', &commas);
	const char *point = last_mark(text, '.', &points);
	const char *fraction = end;

	*thousands = '\0';
	if (comma != NULL && point != NULL)
	{
		fraction = comma > point ? comma : point;
		*thousands = *fraction == ',' ? '.' : ',';
		if ((*fraction == ',' ? commas : points) > 1 || !groups_of_three(text, fraction, *thousands))
			return NULL;
	}
	else if (comma != NULL || point != NULL)
	{
		char mark = comma != NULL ? ',' : '.';
		bool grouped = groups_of_three(text, end, mark) && *text != '0';

		if (grouped && (mark == ',' || whole || points > 1))
			*thousands = mark;
		else if (commas + points == 1)
			fraction = comma != NULL ? comma : point;
		else
			return NULL;
	}
	return fraction;
}

/* A number of 0 or more; false where it is none. `whole` decides what "1.234" is. */
static bool
parse_decimal(char *text, bool whole, Decimal *decimal)
{
	const char *fraction;
	char thousands;
	char *to = text;
	int digits = 0;

	/* Blanks and apostrophes between digits set thousands apart. */
	for (const char *at = text; *at != '\0';)
	{
		int skip = *at == '\'' ? 1 : strncmp(at, "\xE2\x80\x99", 3) == 0 ? 3 : blank_length(at);

		if (skip > 0)
		{
			if (to == text || !isdigit((unsigned char) to[-1]) || !isdigit((unsigned char) at[skip]))
				return false;
			at += skip;
			continue;
		}
		*to++ = *at++;
	}
	*to = '\0';
	fraction = find_fraction(text, whole, &thousands);
	if (fraction == NULL)
		return false;
	*decimal = (Decimal){0, 0};
	for (const char *at = text; *at != '\0'; at++)
	{
		if (at == fraction || (at < fraction && *at == thousands))
			continue;
		if (!isdigit((unsigned char) *at) || ++digits > MAX_DIGITS)
			return false;
		decimal->digits = decimal->digits * 10 + (*at - '0');
		if (at > fraction)
			decimal->scale++;
	}
	return digits > 0;
}

static double
power_of_ten(int exponent)
{
	double power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

CellState
cell_count(const char *text, int64_t *value)
{
	char cell[64];
	Decimal decimal;

	if (!trim(text, cell, sizeof(cell)))
		return CELL_BAD;
	if (says_nothing(cell))
		return CELL_BLANK;
	if (!parse_decimal(cell, true, &decimal))
		return CELL_BAD;
	for (; decimal.scale > 0; decimal.scale--)
	{
		if (decimal.digits % 10 != 0)
			return CELL_BAD;
		decimal.digits /= 10;
	}
	*value = decimal.digits;
	return CELL_KNOWN;
}

CellState
cell_number(const char *text, double *value)
{
	char cell[64];
	Decimal decimal;

	if (!trim(text, cell, sizeof(cell)))
		return CELL_BAD;
	if (says_nothing(cell))
		return CELL_BLANK;
	if (!parse_decimal(cell, false, &decimal))
		return CELL_BAD;
	*value = (double) decimal.digits / power_of_ten(decimal.scale);
	return CELL_KNOWN;
}

CellState
cell_percent(const char *text, double *ratio)
{
	char cell[64];
	Decimal decimal;
	size_t length;

	if (!trim(text, cell, sizeof(cell)))
		return CELL_BAD;
	if (says_nothing(cell))
		return CELL_BLANK;
	length = strlen(cell);
	if (cell[length - 1] == '%')
	{
		char bare[64];

		cell[length - 1] = '\0';
		trim(cell, bare, sizeof(bare));
		memcpy(cell, bare, strlen(bare) + 1);
	}
	if (!parse_decimal(cell, false, &decimal))
		return CELL_BAD;
	*ratio = (double) decimal.digits / power_of_ten(decimal.scale + 2);
	return *ratio <= 1 ? CELL_KNOWN : CELL_BAD;
}

CellState
cell_seconds(const char *text, double *seconds)
{
	char cell[64];
	char *part = cell, *next;
	double total = 0;
	int parts = 0;

	if (!trim(text, cell, sizeof(cell)))
		return CELL_BAD;
	if (says_nothing(cell))
		return CELL_BLANK;
	do
	{
		Decimal decimal;
		double value;

		next = strchr(part, ':');
		if (next != NULL)
			*next++ = '\0';
		if (!parse_decimal(part, false, &decimal) || ++parts > 3 || (next != NULL && decimal.scale > 0))
			return CELL_BAD;
		value = (double) decimal.digits / power_of_ten(decimal.scale);
		if (parts > 1 && value >= 60)
			return CELL_BAD;
		total = total * 60 + value;
		part = next;
	} while (next != NULL);
	*seconds = total;
	return CELL_KNOWN;
}

/* ---- Days ---- */

/* 1 to 12 of an English name of a month or its beginning of three letters or more; 0 where it is none. */
static int
month_number(const char *word, size_t length)
{
	static const char *const names[] = {"january",   "february", "march",    "april",
										"may",       "june",     "july",     "august",
										"september", "october",  "november", "december"};

	for (int month = 0; month < 12 && length >= 3; month++)
	{
		size_t i = 0;

		while (i < length && names[month][i] != '\0' && tolower((unsigned char) word[i]) == names[month][i])
			i++;
		if (i == length)
			return month + 1;
	}
	return 0;
}

static bool
is_day(int year, int month, int day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return year >= 1970 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
		   day <= lengths[month - 1] + (month == 2 && leap);
}

/* A day taken apart into three numbers, a month's name counting as one. */
typedef struct DayParts
{
	int values[3];
	int lengths[3];
	int count;
	int name_at; /* which of them was a name; -1: none */
	char mark;   /* what stood behind the first */
} DayParts;

static bool
split_day(const char *at, DayParts *parts)
{
	*parts = (DayParts){.name_at = -1};
	while (*at != '\0' && parts->count < 3)
	{
		const char *begin = at;
		int value = 0;

		if (isdigit((unsigned char) *at))
		{
			while (isdigit((unsigned char) *at) && at - begin < 8)
				value = value * 10 + (*at++ - '0');
		}
		else
		{
			while (isalpha((unsigned char) *at))
				at++;
			value = month_number(begin, at - begin);
			if (value == 0 || parts->name_at >= 0)
				return false;
			parts->name_at = parts->count;
		}
		parts->lengths[parts->count] = at - begin;
		parts->values[parts->count++] = value;
		if (parts->count == 1)
			parts->mark = *at;
		if (parts->count < 3)
		{
			while (*at != '\0' && strchr(" -/.,", *at) != NULL)
				at++;
		}
	}
	/* A time may follow the day. */
	return *at == '\0' || *at == ' ' || *at == 'T' || *at == ',';
}

CellState
cell_day(const char *text, int *year, int *month, int *day)
{
	char cell[64];
	DayParts parts;
	const int *v = parts.values;

	if (!trim(text, cell, sizeof(cell)))
		return CELL_BAD;
	if (says_nothing(cell))
		return CELL_BLANK;
	if (!split_day(cell, &parts))
		return CELL_BAD;
	if (parts.count == 1 && parts.lengths[0] == 8)
		*year = v[0] / 10000, *month = v[0] / 100 % 100, *day = v[0] % 100;
	else if (parts.count != 3)
		return CELL_BAD;
	else if (parts.name_at >= 0)
	{
		if (parts.name_at == 2 || parts.lengths[2] != 4)
			return CELL_BAD;
		*year = v[2], *month = v[parts.name_at], *day = v[1 - parts.name_at];
	}
	else if (parts.lengths[0] == 4)
		*year = v[0], *month = v[1], *day = v[2];
	else if (parts.lengths[2] != 4)
		return CELL_BAD;
	else if (parts.mark == '.')
		*year = v[2], *month = v[1], *day = v[0];
	else
	{
		/* Day first or month first: only where one of the readings is no day. */
		bool day_first = is_day(v[2], v[1], v[0]), month_first = is_day(v[2], v[0], v[1]);

		if (day_first && month_first && v[0] != v[1])
			return CELL_BAD;
		*year = v[2], *month = day_first ? v[1] : v[0], *day = day_first ? v[0] : v[1];
	}
	return is_day(*year, *month, *day) ? CELL_KNOWN : CELL_BAD;
}

/* ---- Names ---- */

void
cell_name(const char *text, char *name, size_t room)
{
	size_t length = 0;
	bool blank = false;

	while (*text != '\0')
	{
		int skip = *text == '_' ? 1 : blank_length(text);

		if (skip > 0)
		{
			blank = length > 0;
			text += skip;
			continue;
		}
		if (length + blank + 1 >= room)
			break;
		if (blank)
			name[length++] = ' ';
		blank = false;
		name[length++] = (char) tolower((unsigned char) *text++);
	}
	name[length] = '\0';
}
