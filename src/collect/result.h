/*
 * result.h
 *    Values of the last statement's rows (SPI_tuptable), by the names of their columns.
 *
 * What is returned by pointer is a copy in the current memory context, but for result_column(). A name that no column has
 * is an error.
 */
#ifndef DREAMSUITE_RESULT_H
#define DREAMSUITE_RESULT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

extern Datum result_column(int row, const char *name, bool *null);
extern char *result_text(int row, const char *name);       /* NULL: null */
extern TimestampTz result_time(int row, const char *name); /* TIME_UNKNOWN: null */
extern int64 result_count(int row, const char *name);      /* COUNT_UNKNOWN: null */
extern bytea *result_bytes(int row, const char *name);     /* NULL: null */
extern Jsonb *result_jsonb(int row, const char *name);     /* NULL: null */
extern List *result_texts(int row, const char *name);      /* char *; NIL: null */

#endif
