/*
 * html.c
 *    Escaping, numbers and days for the page.
 *
 * What must be escaped: HTML Living Standard, 13.1.2.3 (attributes) and 13.2.5 (tokenisation). Directional controls:
 * Unicode Standard Annex #9, 2.1 to 2.4; a reader sees the order that was written, whatever a caption holds.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "mb/pg_wchar.h"
#include "utils/datetime.h"

#include "dashboard/html.h"

/* Marks that are drawn onto the letter before them, as many as a language needs. */
#define MARKS_MOST 4

#define LINK_MOST 2000

static bool
is_mark(pg_wchar c)
{
	return (c >= 0x0300 && c <= 0x036F) || (c >= 0x0483 && c <= 0x0489) || (c >= 0x1AB0 && c <= 0x1AFF) ||
		   (c >= 0x1DC0 && c <= 0x1DFF) || (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE20 && c <= 0xFE2F);
}

static bool
is_left_out(pg_wchar c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) ||
		   (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF || (c & 0xFFFE) == 0xFFFE;
}

static bool
is_blank(pg_wchar c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == 0x85 ||
		   c == 0x2028 || c == 0x2029;
}

void
html_text(StringInfo out, const char *text, int most)
{
	int written = 0;
	int marks = 0;
	bool blank = false;

	if (text == NULL)
		return;
	while (*text)
	{
		int length = pg_utf_mblen((const unsigned char *) text);
		pg_wchar c = utf8_to_unicode((const unsigned char *) text);
		const char *at = text;

		text += length;
		if (is_blank(c))
		{
			blank = written > 0;
			continue;
		}
		if (is_left_out(c))
			continue;
		marks = is_mark(c) ? marks + 1 : 0;
		if (marks > MARKS_MOST)
			continue;
		if (written + (blank ? 1 : 0) >= most)
		{
			appendStringInfoString(out, "\xE2\x80\xA6"); /* … */
			return;
		}
		if (blank)
		{
			appendStringInfoChar(out, ' ');
			written++;
			blank = false;
		}
		written++;
		switch (c)
		{
			case '&':
				appendStringInfoString(out, "&amp;");
				break;
			case '<':
				appendStringInfoString(out, "&lt;");
				break;
			case '>':
				appendStringInfoString(out, "&gt;");
				break;
			case '"':
				appendStringInfoString(out, "&quot;");
				break;
			case '\'':
				appendStringInfoString(out, "&#39;");
				break;
			case '`':
				appendStringInfoString(out, "&#96;");
				break;
			default:
				appendBinaryStringInfo(out, at, length);
		}
	}
}

void
html_name(StringInfo out, const char *text, int most)
{
	appendStringInfoString(out, "<bdi>");
	html_text(out, text, most);
	appendStringInfoString(out, "</bdi>");
}

bool
html_is_link(const char *url)
{
	if (url == NULL || strlen(url) > LINK_MOST)
		return false;
	if (pg_strncasecmp(url, "https://", 8) != 0 && pg_strncasecmp(url, "http://", 7) != 0)
		return false;
	for (const char *c = url; *c; c++)
	{
		if ((unsigned char) *c <= ' ' || *c == '\\' || *c == 0x7F)
			return false;
	}
	return true;
}

/* ---- Numbers ---- */

#define DASH  "\xE2\x80\x93" /* – */
#define MINUS "\xE2\x88\x92" /* − */

/* Digits of a whole number in groups of three. */
static char *
grouped(double value)
{
	char digits[64];
	StringInfoData out;
	int length;

	length = snprintf(digits, sizeof(digits), "%.0f", value);
	initStringInfo(&out);
	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0)
			appendStringInfoChar(&out, ',');
		appendStringInfoChar(&out, digits[i]);
	}
	return out.data;
}

/* Three figures, without a point that says nothing: 12.3, 124, 1.24, 5. */
static char *
three_figures(double value)
{
	int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	char *text = psprintf("%.*f", decimals, value);

	if (strchr(text, '.'))
	{
		char *end = text + strlen(text);

		while (end[-1] == '0')
			*--end = '\0';
		if (end[-1] == '.')
			end[-1] = '\0';
	}
	return text;
}

static char *
magnitude(double value)
{
	static const char *const units[] = {"k", "M", "B", "T"};

	if (value < 9999.5)
		return value == floor(value) || value >= 1000 ? grouped(value)
			   : value >= 0.01                        ? three_figures(value)
													  : psprintf("%.2g", value);
	for (int i = 0; i < 4; i++)
	{
		value /= 1000;
		/* zeros stay: 30.0k beside 35.9k */
		if (value < 999.5)
			return psprintf("%.*f%s", value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2, value, units[i]);
	}
	return psprintf("%.3g", value * 1e12);
}

char *
number_short(double value)
{
	if (!isfinite(value))
		return pstrdup(DASH);
	return psprintf("%s%s", value < 0 ? MINUS : "", magnitude(fabs(value)));
}

char *
number_full(double value)
{
	double size = fabs(value);

	if (!isfinite(value))
		return pstrdup("unknown");
	if (size != floor(size) && size < 1000)
		return psprintf("%s%.4g", value < 0 ? MINUS : "", size);
	return psprintf("%s%s", value < 0 ? MINUS : "", size < 1e15 ? grouped(size) : psprintf("%.6g", size));
}

char *
number_signed(double value)
{
	if (!isfinite(value))
		return pstrdup(DASH);
	return psprintf("%s%s", value > 0 ? "+" : value < 0 ? MINUS : "", magnitude(fabs(value)));
}

char *
number_signed_short(double value)
{
	double size = fabs(value);

	if (!isfinite(value) || size < 999.5 || size >= 9999.5)
		return number_signed(value);
	return psprintf("%s%.1fk", value > 0 ? "+" : MINUS, size / 1000);
}

char *
percent_signed(double value)
{
	double size = fabs(value);

	if (!isfinite(value))
		return pstrdup(DASH);
	if (size < 0.05)
		return pstrdup("0%");
	if (size < 9.95)
		return psprintf("%s%.1f%%", value > 0 ? "+" : MINUS, size);
	return psprintf("%s%s%%", value > 0 ? "+" : MINUS, size < 1e6 ? grouped(size) : magnitude(size));
}

char *
ratio_digits(double value)
{
	if (!isfinite(value))
		return pstrdup(DASH);
	return psprintf("%.*f", value < 0.995 ? 2 : value < 9.95 ? 1 : 0, value);
}

char *
ratio_text(double value)
{
	return isfinite(value) ? psprintf("%s\xC3\x97", ratio_digits(value)) : pstrdup(DASH); /* × */
}

/* ---- Names ---- */

char *
plain_words(const char *name)
{
	char *result = pstrdup(name ? name : "");

	for (char *c = result; *c; c++)
	{
		if (*c == '_')
			*c = ' ';
	}
	return result;
}

char *
sentence_case(const char *name)
{
	char *words = plain_words(name);

	words[0] = pg_toupper((unsigned char) words[0]);
	return words;
}

char *
metric_words(const char *name)
{
	char *words = plain_words(name);
	size_t length = strlen(words);

	if (length <= 6 || strcmp(words + length - 6, " count") != 0)
		return words;
	words[length - 6] = '\0';
	return psprintf("%s%s", words, words[length - 7] == 's' ? "" : "s");
}

/* ---- Days ---- */

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
										  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

char *
day_text(DateADT day)
{
	int year, month, dom;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &dom);
	return psprintf("%d %s %d", dom, month_names[month - 1], year);
}

char *
day_short(DateADT day)
{
	int year, month, dom;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &dom);
	return psprintf("%d %s", dom, month_names[month - 1]);
}

/* 2026-03-31 */
static char *
day_iso(DateADT day)
{
	int year, month, dom;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &dom);
	return psprintf("%04d-%02d-%02d", year, month, dom);
}

void
html_day(StringInfo out, DateADT day)
{
	appendStringInfo(out, "<time datetime=\"%s\">%s</time>", day_iso(day), day_text(day));
}

void
html_number(StringInfo out, double value)
{
	char *text = number_short(value);
	char *full = number_full(value);

	if (!isfinite(value))
		appendStringInfo(out,
						 "<span class=\"none\"><span aria-hidden=\"true\">%s</span>"
						 "<span class=\"vh\">unknown</span></span>",
						 text);
	else if (strcmp(text, full) == 0)
		appendStringInfoString(out, text);
	else
		appendStringInfo(out, "<data value=\"%.15g\" title=\"%s\">%s</data>", value, full, text);
}
