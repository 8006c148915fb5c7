/*
 * columns.h
 *    Rows for one set-based statement, which reads them as a relation or as an array per column.
 */
#ifndef DREAMSUITE_COLUMNS_H
#define DREAMSUITE_COLUMNS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#define MAX_COLUMNS 24

typedef struct Columns
{
	int count; /* of columns */
	int rows;
	int at; /* the column that the next value goes to */
	Oid types[MAX_COLUMNS];
	int room; /* for rows */
	Datum *values;
	bool *nulls;
} Columns;

/* An empty set of columns with these element types. Memory is the current context's. */
extern Columns *columns_create(int count, const Oid *types);

#define AS_IT_IS (-1) /* digits of column_numeric() */

/* The values of a row, in the order of the columns; columns_row() begins it. What a Datum points to is not copied. */
extern void columns_row(Columns *columns);
extern void column_datum(Columns *columns, Datum value, bool null);
extern void column_uuid(Columns *columns, const pg_uuid_t *value);
extern void column_text(Columns *columns, const char *value); /* NULL: null */
extern void column_count(Columns *columns, int64 value);      /* COUNT_UNKNOWN: null */
extern void column_int(Columns *columns, int32 value);
extern void column_float(Columns *columns, double value);               /* NaN: null */
extern void column_numeric(Columns *columns, double value, int digits); /* NaN: null */
extern void column_time(Columns *columns, TimestampTz value);           /* TIME_UNKNOWN: null */
extern void column_date(Columns *columns, int32 value);
extern void column_jsonb(Columns *columns, Jsonb *value); /* NULL: null */

/* The names as the literal of a text[], so that lists of different lengths fit one column; null where they are not known. */
extern void column_texts(Columns *columns, List *texts, bool known);

/* The arrays as parameters of a statement, and their types. */
extern void columns_values(Columns *columns, Datum *values, Oid *array_types);

/*
 * Executes a kept statement (transaction_plan()) without parameters that reads the rows from the relation "batch", to whose
 * columns it gives names; does nothing where there are no rows. An array per column would have to be taken apart again,
 * value by value.
 */
extern void columns_execute(SPIPlanPtr *slot, const char *sql, Columns *columns, int expected);

#endif
