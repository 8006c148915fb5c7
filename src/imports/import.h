/*
 * import.h
 *    An imported file on its way into the days of an account: what its readers share.
 *
 * import.c recognises the file and tells each row's fate; the readers of a platform's files (spotify_files.c,
 * youtube_files.c) say what the columns mean.
 */
#ifndef DREAMSUITE_IMPORT_H
#define DREAMSUITE_IMPORT_H

#include "postgres.h"

#include "imports/csv.h"
#include "imports/day.h"

typedef struct Import Import;

/* A kind of file: how it is called and recognised, and what reads it. */
typedef struct FileKind
{
	const char *platform;
	const char *name;  /* what import_csv() calls it */
	const char *also;  /* other names, comma-separated, in the form of cell_name() with blanks for dashes */
	const char *needs; /* columns that it has, comma-separated, in the form of cell_name() */
	const char *any;   /* and one of these at least; "" where the others suffice */
	const char *lacks; /* columns that only other kinds have; "" where there are none */
	const char *parameter; /* what may stand behind the name, for people; NULL: nothing */
	void (*read)(Import *import);
} FileKind;

extern const FileKind spotify_files[]; /* end with a NULL name */
extern const FileKind youtube_files[];

/* What became of one row of the file. */
typedef struct RowFate
{
	bool dated;  /* rows of a file without dates are of today */
	bool of_day; /* it tells of its date's day, so the day's fate is also its own */
	DateADT date;
	char *skipped; /* why; NULL: it was used */
	DayFate fate;  /* of what was stored beside the day (content, gains); the day's own is added at the end */
} RowFate;

struct Import
{
	Datum user_id;
	const Platform *platform;
	const FileKind *kind;
	const char *parameter; /* behind the kind's name: "lifetime", a song's title; NULL */
	DateADT today;         /* the day of what the file does not date */
	Csv csv;
	int columns;
	char **names;  /* of columns, in the form of cell_name() */
	char **titles; /* of columns, as they stand in the file */
	RowFate *rows;
	int row_count;
	int row_room;
	Day *days;
	int day_count;
	int day_room;
	int *day_at; /* place in days + 1 of each date from IMPORT_FIRST_DAY to today; 0: none */
};

/* 1970-01-01: no export knows an earlier day. */
#define IMPORT_FIRST_DAY (-10957)

/* How many days there are from the first to today. */
#define IMPORT_DAYS(import) ((import)->today - IMPORT_FIRST_DAY + 1)

/* The column with that name; -1 where there is none. */
extern int import_column(const Import *import, const char *name);

/* Goes to the next row; false at the end. Rows that do not fit the columns are skipped by themselves. */
extern bool import_next(Import *import);

/* The fate of the row that is being read. */
extern RowFate *import_row(Import *import);

/* The row is not used; the reason is told to the caller of import_csv(). */
extern void import_skip(Import *import, const char *format, ...) pg_attribute_printf(2, 3);

/* The cell of the row; "" where the column is -1 or the row is short. */
extern const char *import_cell(const Import *import, int column);

/*
 * The meaning of a cell; a cell that means something else makes the row skipped, then they return false. Blank cells
 * give COUNT_UNKNOWN and NaN. (A date must be there and not be in the future.)
 */
extern bool import_count(Import *import, int column, int64 *value);
extern bool import_number(Import *import, int column, double *value);
extern bool import_percent(Import *import, int column, double *ratio);
extern bool import_seconds(Import *import, int column, double *seconds);
extern bool import_date(Import *import, int column, DateADT *date);

/* The nearest whole number; COUNT_UNKNOWN for NaN and for what no bigint holds. */
extern int64 import_whole(double value);

/* The day with that date, made where there is none; valid until the next call. */
extern Day *import_day(Import *import, DateADT date);

/* The day if something is said of it already, else NULL. */
extern Day *import_find_day(const Import *import, DateADT date);

/* The row tells of the day of its date: its fate is the day's. */
extern void import_row_of_day(Import *import);

#endif
