/*
 * calendar.c
 *    Dates, times of day and years in a text: digits that claim nothing.
 */
#include <string.h>

#include "agent/text.h"

/* ASCII digits at a place: their number; the value of up to four. */
static int
ascii_digits(const Text *text, int at, int *value)
{
	int n = 0;

	*value = 0;
	while (at + n < text->length && text->bytes[at + n] >= '0' && text->bytes[at + n] <= '9')
	{
		if (n < 4)
			*value = *value * 10 + (text->bytes[at + n] - '0');
		n++;
	}
	return n;
}

static char
byte_at(const Text *text, int at)
{
	return at >= 0 && at < text->length ? text->bytes[at] : '\0';
}

static bool
is_month(const Text *text, int start, const char *word)
{
	return byte_at(text, start) >= 'A' && byte_at(text, start) <= 'Z' &&
		   word_in(
			   word,
			   "|january|february|march|april|may|june|july|august|september|october|november|december|jan|"
			   "feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|");
}

/* End of the month's name at a place; 0: none. */
static int
skip_month(const Text *text, int at)
{
	char word[WORD_MOST + 1];
	int end = read_word(text, at, word);

	if (end == at || !is_month(text, at, word))
		return 0;
	return byte_at(text, end) == '.' && end - at <= 4 ? end + 1 : end;
}

/* " 2026" or ", 2026" behind a day or a month. */
static int
skip_year(const Text *text, int at)
{
	int place = skip_spaces(text, byte_at(text, at) == ',' ? at + 1 : at);
	int year;

	return ascii_digits(text, place, &year) == 4 && year >= 1900 && year < 2100 ? place + 4 : at;
}

/* A day of the month, also as "3rd"; 0: it is none. */
static int
skip_day(const Text *text, int at)
{
	char word[WORD_MOST + 1];
	int day;
	int n = ascii_digits(text, at, &day);
	int end = at + n;
	int next = read_word(text, end, word);
	char after = byte_at(text, end);

	if (n < 1 || n > 2 || day < 1 || day > 31)
		return 0;
	if (next > end)
		return word_in(word, "|st|nd|rd|th|") ? next : 0;
	if (after == '%' ||
		((after == '.' || after == ',') && byte_at(text, end + 1) >= '0' && byte_at(text, end + 1) <= '9'))
		return 0;
	return end;
}

/* "-", "–", "to", "and" between two days; the place behind it, 0: none. */
static int
skip_until(const Text *text, int at)
{
	char word[WORD_MOST + 1];
	int place = skip_spaces(text, at);
	uint32_t rune;
	int width = rune_at(text, place, &rune);
	int end;

	if (rune == '-' || rune == 0x2013 || rune == 0x2014)
		return skip_spaces(text, place + width);
	end = read_word(text, place, word);
	return word_in(word, "|to|and|or|until|") ? skip_spaces(text, end) : 0;
}

/* "2026-06-03", with a time behind it or not; "2026-06"; "3/6/2026", "03.06.2026" */
static int
skip_numeric_date(const Text *text, int at)
{
	int a, b, c;
	int n = ascii_digits(text, at, &a);
	char separator = byte_at(text, at + n);
	int second = at + n + 1;
	int m = ascii_digits(text, second, &b);
	int end;

	if (n == 0 || m == 0 || (separator != '-' && separator != '/' && separator != '.'))
		return 0;
	end = second + m;
	if (n == 4 && a >= 1900 && a < 2100 && m == 2 && b >= 1 && b <= 12)
	{
		if (byte_at(text, end) == separator && ascii_digits(text, end + 1, &c) == 2 && c >= 1 && c <= 31)
		{
			end += 3;
			if (byte_at(text, end) == 'T')
			{
				end++;
				while (end < text->length && ((byte_at(text, end) >= '0' && byte_at(text, end) <= '9') ||
											  strchr(":.+-Z", byte_at(text, end))))
					end++;
			}
			return end;
		}
		return separator == '-' ? end : 0;
	}
	if (n <= 2 && m <= 2 && a >= 1 && a <= 31 && b >= 1 && b <= 31 && separator != '-' &&
		byte_at(text, end) == separator)
	{
		int years = ascii_digits(text, end + 1, &c);

		if ((years == 4 && c >= 1900 && c < 2100) || (years == 2 && separator == '/'))
			return end + 1 + years;
	}
	return 0;
}

/* "18:30", "6 pm", "6:30pm" */
static int
skip_time(const Text *text, int at)
{
	char word[WORD_MOST + 1];
	int hour, minute;
	int n = ascii_digits(text, at, &hour);
	int end = at + n;
	bool clock = false;
	int place;

	if (n < 1 || n > 2 || hour > 24)
		return 0;
	if (byte_at(text, end) == ':' && ascii_digits(text, end + 1, &minute) == 2 && minute < 60)
	{
		end += 3;
		clock = true;
		if (byte_at(text, end) == ':' && ascii_digits(text, end + 1, &minute) == 2)
			end += 3;
	}
	place = skip_spaces(text, end);
	n = read_word(text, place, word);
	if (word_in(word, "|am|pm|"))
		return n;
	if (word_in(word, "|a|p|") && byte_at(text, n) == '.' && (byte_at(text, n + 1) | 0x20) == 'm')
		return n + 2;
	if (strcmp(word, "o") == 0 && text->length - n >= 6 && memcmp(text->bytes + n, "'clock", 6) == 0)
		return n + 6;
	return clock ? end : 0;
}

/* "6" of "6-8 pm" and "18" of "18-20h"; the place behind it, 0: it is none */
static int
skip_first_hour(const Text *text, int at)
{
	int hour;
	int n = ascii_digits(text, at, &hour);
	int until = n >= 1 && n <= 2 && hour <= 24 ? skip_until(text, at + n) : 0;
	int m;

	if (until == 0)
		return 0;
	if (skip_time(text, until) > 0)
		return at + n;
	m = ascii_digits(text, until, &hour);
	return m >= 1 && m <= 2 && byte_at(text, until + m) == 'h' && !is_letter(byte_at(text, until + m + 1))
			   ? at + n
			   : 0;
}

/* A year that stands alone: "in 2026", "since 2024", "until 2027." */
static bool
is_year(const Text *text, int at, int end, int floor)
{
	char word[WORD_MOST + 1];
	int place = skip_spaces(text, end);
	char after = byte_at(text, place);

	if (word_before(text, at, floor, word) < 0)
		return false;
	if (word_in(word, "|in|since|during|year|early|late|mid|spring|summer|autumn|winter|"))
		return true;
	return word_in(word, "|of|from|until|till|through|by|before|after|end|to|and|") &&
		   (place >= text->length || (after != '\0' && strchr(".,;:!?)\n[", after)));
}

int
skip_calendar(const Text *text, int at, int floor)
{
	char word[WORD_MOST + 1];
	int value;
	int n = ascii_digits(text, at, &value);
	int end, start;

	if (n == 0)
		return 0;
	if ((end = skip_numeric_date(text, at)) > 0 || (end = skip_time(text, at)) > 0 ||
		(end = skip_first_hour(text, at)) > 0)
		return end;

	/* "3 June 2026", "3rd of June", "12-18 June", "between 12 and 18 June" */
	end = skip_day(text, at);
	if (end > 0)
	{
		int until = skip_until(text, end);
		int place = skip_spaces(text, end);
		int month;

		if (read_word(text, place, word) > place && strcmp(word, "of") == 0)
			place = skip_spaces(text, place + 2);
		month = skip_month(text, place);
		if (month == 0 && until > 0 && skip_day(text, until) > 0)
			month = skip_month(text, skip_spaces(text, skip_day(text, until)));
		if (month > 0)
			return skip_year(text, month);
	}

	/* "June 3, 2026", "June 12-18", "June 2026" */
	start = word_before(text, at, floor, word);
	if (start >= 0 && is_month(text, start, word))
	{
		if (end > 0)
		{
			int until = skip_until(text, end);
			int last = until > 0 ? skip_day(text, until) : 0;

			return skip_year(text, last > 0 && skip_month(text, skip_spaces(text, last)) == 0 ? last : end);
		}
		if (n == 4 && value >= 1900 && value < 2100)
			return at + 4;
	}
	if (n == 4 && value >= 1900 && value < 2100 && byte_at(text, at + 4) != '%' &&
		!is_letter(byte_at(text, at + 4)) && is_year(text, at, at + 4, floor))
		return at + 4;
	return 0;
}
