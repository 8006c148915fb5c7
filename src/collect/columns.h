/*
 * columns.h
 *    Rows for one set-based statement: an array per column, to be unnested by the statement.
 */
#ifndef DREAMSUITE_COLUMNS_H
#define DREAMSUITE_COLUMNS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#define MAX_COLUMNS 24

typedef struct Columns
{
	int count; /* of columns */
	int rows;
	int at; /* the column that the next value goes to */
	Oid types[MAX_COLUMNS];
	ArrayBuildState *states[MAX_COLUMNS];
} Columns;

/* An empty set of columns with these element types. Memory is the current context's. */
extern Columns *columns_create(int count, const Oid *types);

/* The values of a row, in the order of the columns; columns_row() begins it. */
extern void columns_row(Columns *columns);
extern void column_datum(Columns *columns, Datum value, bool null);
extern void column_uuid(Columns *columns, const pg_uuid_t *value);
extern void column_text(Columns *columns, const char *value); /* NULL: null */
extern void column_count(Columns *columns, int64 value);      /* COUNT_UNKNOWN: null */
extern void column_int(Columns *columns, int32 value);
extern void column_float(Columns *columns, double value);     /* NaN: null */
extern void column_time(Columns *columns, TimestampTz value); /* TIME_UNKNOWN: null */
extern void column_date(Columns *columns, int32 value);
extern void column_jsonb(Columns *columns, Jsonb *value); /* NULL: null */

/* The names as the literal of a text[], so that lists of different lengths fit one column; null where they are not known. */
extern void column_texts(Columns *columns, List *texts, bool known);

/* The arrays as parameters of a statement, and their types. */
extern void columns_values(Columns *columns, Datum *values, Oid *array_types);

/* Executes a kept statement (transaction_plan()) over the rows; does nothing where there is none. */
extern void columns_execute(SPIPlanPtr *slot, const char *sql, Columns *columns, int expected);

#endif
