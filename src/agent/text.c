/*
 * text.c
 *    Characters, words and numerals of a text in UTF-8.
 */
#include <math.h>
#include <string.h>

#include "agent/text.h"

int
rune_at(const Text *text, int at, uint32_t *rune)
{
	const unsigned char *s = (const unsigned char *) text->bytes + at;
	int left = text->length - at;
	int width;
	uint32_t value;

	*rune = 0;
	if (at < 0 || left <= 0)
		return 0;
	if (s[0] < 0x80)
	{
		*rune = s[0];
		return 1;
	}
	*rune = 0xFFFD;
	width = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
	if (s[0] < 0xC2 || s[0] > 0xF4 || left < width)
		return 1;
	value = s[0] & (0xFF >> (width + 1));
	for (int i = 1; i < width; i++)
	{
		if ((s[i] & 0xC0) != 0x80)
			return 1;
		value = value << 6 | (s[i] & 0x3F);
	}
	/* written longer than need be: a letter that is none of the bytes that a word is made of */
	if ((width == 3 && value < 0x800) || (width == 4 && value < 0x10000))
		return 1;
	*rune = value;
	return width;
}

int
rune_before(const Text *text, int at, uint32_t *rune)
{
	int start = at;

	*rune = 0;
	if (at <= 0)
		return 0;
	do
		start--;
	while (start > 0 && at - start < 4 && ((unsigned char) text->bytes[start] & 0xC0) == 0x80);
	if (rune_at(text, start, rune) != at - start)
	{
		*rune = 0xFFFD;
		return 1;
	}
	return at - start;
}

int
digit_value(uint32_t rune)
{
	/* zeros: ASCII, Arabic, Persian, Devanagari, Bengali, fullwidth */
	static const uint32_t zeros[] = {0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xFF10};

	for (int i = 0; i < (int) (sizeof(zeros) / sizeof(zeros[0])); i++)
	{
		if (rune >= zeros[i] && rune <= zeros[i] + 9)
			return (int) (rune - zeros[i]);
	}
	return -1;
}

bool
is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Spaces that keep the digits of a number together. */
static bool
is_fixed_space(uint32_t rune)
{
	return rune == 0xA0 || rune == 0x202F || rune == 0x2009 || rune == 0x2007;
}

bool
is_space(uint32_t rune)
{
	return rune == ' ' || rune == '\t' || is_fixed_space(rune);
}

int
skip_spaces(const Text *text, int at)
{
	uint32_t rune;
	int width;

	while ((width = rune_at(text, at, &rune)) > 0 && is_space(rune))
		at += width;
	return at;
}

int
read_word(const Text *text, int at, char *word)
{
	int length = 0;

	while (at < text->length && is_letter(text->bytes[at]))
	{
		if (length < WORD_MOST)
			word[length++] = text->bytes[at] | 0x20;
		at++;
	}
	word[length] = '\0';
	return at;
}

int
word_before(const Text *text, int at, int floor, char *word)
{
	int start;
	uint32_t rune;
	int width;

	word[0] = '\0';
	while (at > floor && (width = rune_before(text, at, &rune)) > 0)
	{
		if (!is_space(rune) && !(rune < 0x80 && strchr("*_~(\"',:=+$\n\r", (int) rune)) && rune != 0x2248 &&
			rune != 0x20AC && rune != 0xA3)
			break;
		at -= width;
	}
	start = at;
	while (start > floor && is_letter(text->bytes[start - 1]))
		start--;
	if (start >= at)
		return -1;
	read_word(text, start, word);
	return start;
}

bool
word_in(const char *word, const char *list)
{
	size_t length = strlen(word);
	const char *found = list;

	if (length == 0)
		return false;
	while ((found = strstr(found, word)) != NULL)
	{
		if (found > list && found[-1] == '|' && found[length] == '|')
			return true;
		found += length;
	}
	return false;
}

/* ---- Numerals ---- */

/* Digits from `at`: how many, added to the value. */
static int
read_digits(const Text *text, int *at, Numeral *numeral)
{
	uint32_t rune;
	int width;
	int n = 0;

	while ((width = rune_at(text, *at, &rune)) > 0 && digit_value(rune) >= 0)
	{
		int digit = digit_value(rune);

		numeral->value = numeral->value * 10 + digit;
		numeral->zeros = digit == 0 ? numeral->zeros + 1 : 0;
		numeral->digits++;
		*at += width;
		n++;
	}
	return n;
}

static int
count_digits(const Text *text, int at)
{
	Numeral ignored = {0};

	return read_digits(text, &at, &ignored);
}

/* Is there a separator of thousands at `at`, of the kind of `like` (0: any)? Returns its width. */
static int
separator_at(const Text *text, int at, uint32_t *like)
{
	uint32_t rune;
	int width = rune_at(text, at, &rune);

	if (width == 0 || (*like != 0 && rune != *like))
		return 0;
	if (rune != ',' && rune != '.' && rune != '\'' && rune != 0x2019 && !is_fixed_space(rune))
		return 0;
	*like = rune;
	return width;
}

/* Groups of thousands behind the first digits, also as in 1,23,456; false where what follows is none. */
static bool
read_groups(const Text *text, int *at, Numeral *numeral)
{
	Numeral grouped = *numeral;
	int place = *at;
	uint32_t like = 0;
	int groups = 0;
	int last = 0;
	int width;

	while ((width = separator_at(text, place, &like)) > 0)
	{
		int n = count_digits(text, place + width);

		if (n != 3 && !(n == 2 && like == ','))
			break;
		place += width;
		last = read_digits(text, &place, &grouped);
		groups++;
	}
	/* a single ".234" is a fraction */
	if (groups == 0 || last != 3 || (like == '.' && groups < 2))
		return false;
	*numeral = grouped;
	*at = place;
	return true;
}

bool
read_numeral(const Text *text, int at, Numeral *numeral)
{
	int place = at;
	int first;
	char point;

	memset(numeral, 0, sizeof(*numeral));
	numeral->start = at;
	numeral->unit = 1;
	numeral->whole = true;
	first = read_digits(text, &place, numeral);
	if (first == 0)
		return false;
	if (first <= 3)
		numeral->grouped = read_groups(text, &place, numeral);

	point = place < text->length ? text->bytes[place] : '\0';
	if (point == '.' || (point == ',' && !numeral->grouped))
	{
		int n = count_digits(text, place + 1);

		/* with a comma only as in "12,5" */
		if (n > 0 && (point == '.' || n <= 2))
		{
			double whole = numeral->value;

			place++;
			numeral->value = 0;
			n = read_digits(text, &place, numeral);
			numeral->unit = pow(10, -n);
			numeral->value = whole + numeral->value * numeral->unit;
			numeral->whole = false;
		}
	}
	numeral->end = place;
	return true;
}

static double
number_word(const char *word)
{
	static const struct
	{
		const char *word;
		double value;
	} words[] = {
		{"one", 1},       {"two", 2},        {"three", 3},     {"four", 4},       {"five", 5},
		{"six", 6},       {"seven", 7},      {"eight", 8},     {"nine", 9},       {"ten", 10},
		{"eleven", 11},   {"twelve", 12},    {"thirteen", 13}, {"fourteen", 14},  {"fifteen", 15},
		{"sixteen", 16},  {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19},  {"twenty", 20},
		{"thirty", 30},   {"forty", 40},     {"fifty", 50},    {"sixty", 60},     {"seventy", 70},
		{"eighty", 80},   {"ninety", 90},    {"hundred", 1e2}, {"thousand", 1e3}, {"million", 1e6},
		{"billion", 1e9},
	};

	for (int i = 0; i < (int) (sizeof(words) / sizeof(words[0])); i++)
	{
		if (strcmp(words[i].word, word) == 0)
			return words[i].value;
	}
	return 0;
}

bool
read_number_words(const Text *text, int at, Numeral *numeral, bool *scaled)
{
	char word[WORD_MOST + 1];
	double total = 0;  /* thousands and more that are complete */
	double group = 0;  /* below a thousand */
	double factor = 1; /* half */
	int end = at;
	int place = at;
	bool any = false;

	memset(numeral, 0, sizeof(*numeral));
	numeral->start = at;
	numeral->unit = 1;
	numeral->whole = true;
	*scaled = false;
	/* "a million", "half a million"; "a fifteen" is an article and a number */
	place = read_word(text, at, word);
	if (strcmp(word, "half") == 0)
	{
		factor = 0.5;
		place = read_word(text, skip_spaces(text, place), word);
	}
	if (word_in(word, "|a|an|"))
	{
		place = skip_spaces(text, place);
		read_word(text, place, word);
		if (number_word(word) < 100)
			return false;
		group = 1;
	}
	else if (factor != 1)
		return false;
	else
		place = at;

	for (;;)
	{
		int next = read_word(text, place, word);
		double value = number_word(word);

		if (strcmp(word, "and") == 0 && *scaled)
		{
			/* "one hundred and five" */
			place = skip_spaces(text, next);
			read_word(text, place, word);
			if (number_word(word) == 0 || number_word(word) >= 100)
				break;
			continue;
		}
		if (value == 0)
			break;
		if (value < 100)
		{
			group += value;
			numeral->unit = 1;
		}
		else
		{
			*scaled = true;
			numeral->unit = value;
			group = group == 0 ? value : group * value;
			if (value >= 1e3)
			{
				total += group;
				group = 0;
			}
		}
		any = true;
		end = next;
		place = skip_spaces(text, next);
		if (place < text->length && text->bytes[place] == '-')
			place++;
	}
	if (!any || (factor != 1 && !*scaled))
		return false;
	numeral->end = end;
	numeral->value = (total + group) * factor;
	numeral->unit *= factor;
	numeral->digits = 1;
	return true;
}
