/*
 * csv.h
 *    A reader of comma-separated values that trusts nobody: RFC 4180, and what spreadsheets make of it.
 *
 * Pure C: no memory of its own, no PostgreSQL header. The text is taken apart in place.
 */
#ifndef DREAMSUITE_CSV_H
#define DREAMSUITE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#define CSV_MAX_COLUMNS 128

typedef enum CsvResult
{
	CSV_RECORD, /* fields[0..count-1] hold the next record */
	CSV_END,
	CSV_ERROR /* error says why, line where */
} CsvResult;

typedef struct Csv
{
	char *fields[CSV_MAX_COLUMNS]; /* zero-terminated, quotes resolved; point into the text */
	int count;
	int line;          /* in which the record began, from 1 */
	const char *error; /* static text; NULL: none */

	/* the reader's own */
	char *at;
	char *end;
	int next_line;
	char delimiter;
} Csv;

/*
 * csv_open
 *    Begins to read. The text must stay while the fields are used; text[length] must be writable, and every byte may be
 *    changed.
 *
 * A byte-order mark is passed over. The delimiter is the one of comma, semicolon and tab that the first line has most
 * of. Returns false, with csv->error and csv->line, where the text has a NUL byte or is not UTF-8.
 */
extern bool csv_open(Csv *csv, char *text, size_t length);

/*
 * csv_next
 *    The next record. Lines end with LF, CRLF or CR; a quoted field may hold any of them. Empty lines are passed over. A
 *    quote inside an unquoted field stands for itself.
 *
 * Errors: a quoted field without an end, text after a closing quote, more than CSV_MAX_COLUMNS fields. After an error
 * or the end it keeps answering the same.
 */
extern CsvResult csv_next(Csv *csv);

#endif
