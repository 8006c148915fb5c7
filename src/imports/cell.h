/*
 * cell.h
 *    What a cell of an exported table says: counts, numbers, percentages, durations and days as people write them.
 *
 * Pure C, no PostgreSQL header. Blank cells and those that say "nothing" ("-", "n/a") are unknown, never zero.
 */
#ifndef DREAMSUITE_CELL_H
#define DREAMSUITE_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CellState
{
	CELL_BLANK, /* nothing is said */
	CELL_KNOWN,
	CELL_BAD /* something else than was asked for */
} CellState;

/*
 * A whole number of 0 or more, below 10^18. Thousands may be set apart by commas, points, apostrophes or blanks, if they
 * are: "1,234", "1.234", "1 234 567".
 */
extern CellState cell_count(const char *text, int64_t *value);

/*
 * A number of 0 or more with a fraction. A point is the decimal point; a comma is, where it cannot set thousands apart:
 * "48.2", "1,234.5", "1.234,5", "48,2".
 */
extern CellState cell_number(const char *text, double *value);

/* A percentage with or without its sign, as a ratio: "5.1" and "5.1 %" are 0.051. More than 100 is bad. */
extern CellState cell_percent(const char *text, double *ratio);

/* "H:MM:SS", "M:SS" or seconds, in seconds. */
extern CellState cell_seconds(const char *text, double *seconds);

/*
 * A day: "2026-09-14" (a time after it is passed over), "20260914", "2026/09/14", "14.9.2026", "Sep 14, 2026",
 * "14 September 2026". "09/14/2026" and "14/09/2026" are taken where only one reading is a day; else they are bad.
 */
extern CellState cell_day(const char *text, int *year, int *month, int *day);

/*
 * The name of a column in the form in which names are compared: without blanks at its ends, in lower case (ASCII),
 * underscores as blanks, each run of blanks as one. Cut to `room` - 1 bytes.
 */
extern void cell_name(const char *text, char *name, size_t room);

#endif
