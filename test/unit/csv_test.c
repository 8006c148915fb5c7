/*
 * csv_test.c
 *    The reader of comma-separated values and the meaning of cells, with what spreadsheets and vandals write.
 */
#include "unit.h"

#include <stdlib.h>

#include "imports/cell.h"
#include "imports/csv.h"

/* The records of a text as "a|b/c|d", or its error as "! line: why". Exactly as much memory as the contract asks for. */
static const char *
read_all_of(const char *bytes, size_t length)
{
	static char out[4096];
	char *text = malloc(length + 1);
	size_t used = 0;
	Csv csv;
	CsvResult result = CSV_END;

	memcpy(text, bytes, length);
	text[length] = '?';
	out[0] = '\0';
	if (!csv_open(&csv, text, length))
		result = CSV_ERROR;
	else
	{
		while ((result = csv_next(&csv)) == CSV_RECORD)
		{
			for (int i = 0; i < csv.count; i++)
				used += snprintf(out + used, sizeof(out) - used, "%s%s",
								 i > 0      ? "|"
								 : used > 0 ? "/"
											: "",
								 csv.fields[i]);
		}
	}
	if (result == CSV_ERROR)
	{
		snprintf(out, sizeof(out), "! %d: %s", csv.line, csv.error);
		if (csv_next(&csv) != CSV_ERROR)
			snprintf(out, sizeof(out), "the error was forgotten");
	}
	else if (csv_next(&csv) != CSV_END)
		snprintf(out, sizeof(out), "the end was forgotten");
	free(text);
	return out;
}

#define read_all(text) read_all_of(text, sizeof(text) - 1)

static void
test_records(void)
{
	is_text(read_all(""), "", "no text, no record");
	is_text(read_all("\n\r\n\r"), "", "empty lines are no records");
	is_text(read_all("a,b\n1,2\n"), "a|b/1|2", "two records");
	is_text(read_all("a,b\n1,2"), "a|b/1|2", "the last line needs no end");
	is_text(read_all("a,b\r\n1,2\r\n"), "a|b/1|2", "CRLF");
	is_text(read_all("a,b\r1,2\r"), "a|b/1|2", "CR alone");
	is_text(read_all("\xEF\xBB\xBF"
					 "a,b"),
			"a|b", "a byte-order mark");
	is_text(read_all("\xEF\xBB\xBF"), "", "a byte-order mark alone");
	is_text(read_all("a,\n,"), "a|/|", "trailing commas are empty fields");
	is_text(read_all("a;b\n1;2,5"), "a|b/1|2,5", "semicolons");
	is_text(read_all("a\tb\n1,0\t2"), "a|b/1,0|2", "tabs");
	is_text(read_all("\"x;y;z\",b\n1,2"), "x;y;z|b/1|2", "delimiters inside quotes do not count");
}

static void
test_quotes(void)
{
	is_text(read_all("\"a,b\",c"), "a,b|c", "a comma inside quotes");
	is_text(read_all("\"say \"\"hi\"\"\",c"), "say \"hi\"|c", "doubled quotes");
	is_text(read_all("\"two\r\nlines\",c\nd,e"), "two\r\nlines|c/d|e", "a line end inside quotes");
	is_text(read_all("\"\",\"\""), "|", "empty quoted fields");
	is_text(read_all("\"\""), "", "a record of one empty quoted field is a record with nothing in it");
	is_text(read_all("a \"b\" c,d"), "a \"b\" c|d", "quotes inside an unquoted field");
	is_text(read_all("a\nb,\"c"), "! 2: a quoted field has no end", "a quote without end");
	is_text(read_all("\""), "! 1: a quoted field has no end", "a quote alone");
	is_text(read_all("\"\"\""), "! 1: a quoted field has no end", "three quotes");
	is_text(read_all("\"a\"b,c"), "! 1: a field goes on after its closing quote",
			"text after a closing quote");
	is_text(read_all("\"a\n\nb\"\nc,\"d\"e"), "! 4: a field goes on after its closing quote",
			"lines inside quotes are counted");
}

static void
test_bytes(void)
{
	is_text(read_all("a\nb\0c"), "! 2: the text has a NUL character", "NUL");
	is_text(read_all("a\r\nb\r\n\xFF"), "! 3: the text is not UTF-8", "a byte that never is");
	is_text(read_all("\xC3"), "! 1: the text is not UTF-8", "half a character at the end");
	is_text(read_all("\xE2\x80"), "! 1: the text is not UTF-8", "two thirds of a character");
	is_text(read_all("\xC0\xAF"), "! 1: the text is not UTF-8", "an overlong form");
	is_text(read_all("\xE0\x80\xAF"), "! 1: the text is not UTF-8", "an overlong form of three");
	is_text(read_all("\xED\xA0\x80"), "! 1: the text is not UTF-8", "a surrogate");
	is_text(read_all("\xF4\x90\x80\x80"), "! 1: the text is not UTF-8", "beyond Unicode");
	is_text(read_all("\xF0\x9F\x8E\xB5,\xC3\xA9"), "\xF0\x9F\x8E\xB5|\xC3\xA9", "music and accents");
}

static void
test_caps(void)
{
	char many[2 * CSV_MAX_COLUMNS];

	memset(many, ',', sizeof(many));
	many[CSV_MAX_COLUMNS - 1] = '\n';
	ok(strncmp(read_all_of(many, CSV_MAX_COLUMNS - 1), "!", 1) != 0, "as many columns as are allowed");
	is_text(read_all_of(many, sizeof(many)), "! 2: a record has too many fields", "one column too many");
}

/* Random bytes from a small alphabet that meets every branch. */
static void
test_vandals(void)
{
	static const char alphabet[] = "a1\"\",;\t\n\r\xC3\xA9 ";
	unsigned int seed = 7;

	for (int round = 0; round < 20000; round++)
	{
		char bytes[64];
		size_t length = 0;

		while (length < sizeof(bytes) && (seed = seed * 1103515245u + 12345u) % 61 != 0)
			bytes[length++] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		read_all_of(bytes, length);
	}
	ok(true, "nothing is read or written beyond the text");
}

static const char *
count_of(const char *text)
{
	static char out[32];
	int64_t value = 0;
	CellState state = cell_count(text, &value);

	snprintf(out, sizeof(out), "%lld", (long long) value);
	return state == CELL_KNOWN ? out : state == CELL_BLANK ? "blank" : "bad";
}

static const char *
show_number(CellState state, double value)
{
	static char out[32];

	snprintf(out, sizeof(out), "%.15g", value);
	return state == CELL_KNOWN ? out : state == CELL_BLANK ? "blank" : "bad";
}

static const char *
number_of(const char *text)
{
	double value = 0;
	CellState state = cell_number(text, &value);

	return show_number(state, value);
}

static const char *
percent_of(const char *text)
{
	double value = 0;
	CellState state = cell_percent(text, &value);

	return show_number(state, value);
}

static const char *
seconds_of(const char *text)
{
	double value = 0;
	CellState state = cell_seconds(text, &value);

	return show_number(state, value);
}

static const char *
day_of(const char *text)
{
	static char out[48];
	int year = 0, month = 0, day = 0;
	CellState state = cell_day(text, &year, &month, &day);

	snprintf(out, sizeof(out), "%04d-%02d-%02d", year, month, day);
	return state == CELL_KNOWN ? out : state == CELL_BLANK ? "blank" : "bad";
}

static void
test_numbers(void)
{
	is_text(count_of("1204"), "1204", "a count");
	is_text(count_of(" 0 "), "0", "zero is known");
	is_text(count_of(""), "blank", "an empty cell is unknown");
	is_text(count_of(" - "), "blank", "a dash is unknown");
	is_text(count_of("n/a"), "blank", "n/a is unknown");
	is_text(count_of("1,234,567"), "1234567", "thousands by commas");
	is_text(count_of("1.234"), "1234", "thousands by points");
	is_text(count_of("1'234"), "1234", "thousands by apostrophes");
	is_text(count_of("1\xC2\xA0"
					 "234"),
			"1234", "thousands by hard blanks");
	is_text(count_of("12\xE2\x80\xAF"
					 "345 "),
			"12345", "thousands by narrow blanks");
	is_text(count_of("7.0"), "7", "a fraction of nothing");
	is_text(count_of("7.5"), "bad", "a fraction");
	is_text(count_of("-7"), "bad", "a negative count");
	is_text(count_of("12,34"), "bad", "groups of two");
	is_text(count_of("1e3"), "bad", "an exponent");
	is_text(count_of("999999999999999999"), "999999999999999999", "eighteen digits");
	is_text(count_of("9999999999999999999"), "bad", "nineteen digits");
	is_text(count_of("11111111111111111111111111111111111111111111111111111111111111111111"), "bad",
			"a long cell");
	is_text(count_of(","), "bad", "a comma alone");
	is_text(number_of("48.2"), "48.2", "a decimal point");
	is_text(number_of("48,2"), "48.2", "a decimal comma");
	is_text(number_of("1,234.5"), "1234.5", "thousands and a point");
	is_text(number_of("1.234,5"), "1234.5", "thousands and a comma");
	is_text(number_of("1.234"), "1.234", "three digits after a point are a fraction");
	is_text(number_of("1,234"), "1234", "three digits after a comma are thousands");
	is_text(number_of("0.123"), "0.123", "no thousand begins with zero");
	is_text(number_of("1.2.3"), "bad", "two points");
	is_text(number_of("NaN"), "bad", "NaN");
	is_text(percent_of("5.1"), "0.051", "a percentage without its sign");
	is_text(percent_of("5,1 %"), "0.051", "a percentage with a comma and its sign");
	is_text(percent_of("100%"), "1", "the whole");
	is_text(percent_of("100.1"), "bad", "more than the whole");
	is_text(percent_of("%"), "bad", "a sign alone");
	is_text(percent_of(""), "blank", "no percentage");
	is_text(seconds_of("201"), "201", "seconds");
	is_text(seconds_of("3:21"), "201", "minutes and seconds");
	is_text(seconds_of("1:02:03"), "3723", "hours, minutes and seconds");
	is_text(seconds_of("0:01:33"), "93", "no hours");
	is_text(seconds_of("1:60"), "bad", "sixty seconds");
	is_text(seconds_of("1:2:3:4"), "bad", "four parts");
	is_text(seconds_of("1::2"), "bad", "an empty part");
}

static void
test_days(void)
{
	is_text(day_of("2026-09-14"), "2026-09-14", "ISO");
	is_text(day_of("2026-09-14T10:00:00Z"), "2026-09-14", "ISO with a time");
	is_text(day_of("2026/9/4"), "2026-09-04", "slashes, year first");
	is_text(day_of("20260914"), "2026-09-14", "eight digits");
	is_text(day_of("14.9.2026"), "2026-09-14", "points, day first");
	is_text(day_of("Sep 14, 2026"), "2026-09-14", "a month's name");
	is_text(day_of("september 4, 2026"), "2026-09-04", "its full name");
	is_text(day_of("14 Sept 2026"), "2026-09-14", "day first");
	is_text(day_of("09/14/2026"), "2026-09-14", "only month first makes sense");
	is_text(day_of("14/09/2026"), "2026-09-14", "only day first makes sense");
	is_text(day_of("09/10/2026"), "bad", "both make sense");
	is_text(day_of("10/10/2026"), "2026-10-10", "both are the same");
	is_text(day_of("2026-02-29"), "bad", "no leap year");
	is_text(day_of("2024-02-29"), "2024-02-29", "a leap year");
	is_text(day_of("2026-13-01"), "bad", "a thirteenth month");
	is_text(day_of("14.9.26"), "bad", "two digits are no year");
	is_text(day_of("Smarch 1, 2026"), "bad", "no month");
	is_text(day_of("2026-09"), "bad", "a month is no day");
	is_text(day_of("2026-09-14x"), "bad", "something after it");
	is_text(day_of(""), "blank", "nothing");
	is_text(day_of("Total"), "bad", "a word");
}

static void
test_names(void)
{
	char name[24];

	cell_name("  Monthly_Listeners ", name, sizeof(name));
	is_text(name, "monthly listeners", "case, blanks and underscores do not matter");
	cell_name("Video  title", name, sizeof(name));
	is_text(name, "video title", "a run of blanks is one");
	cell_name("a name that is longer than its room", name, sizeof(name));
	is_text(name, "a name that is longer t", "a long name is cut");
	cell_name("", name, sizeof(name));
	is_text(name, "", "no name");
}

int
main(void)
{
	test_records();
	test_quotes();
	test_bytes();
	test_caps();
	test_vandals();
	test_numbers();
	test_days();
	test_names();
	return done();
}
