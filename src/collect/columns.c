/*
 * columns.c
 *    Rows for one set-based statement.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "collect/columns.h"
#include "collect/transaction.h"
#include "platform/json.h"

Columns *
columns_create(int count, const Oid *types)
{
	Columns *columns = palloc0(sizeof(Columns));

	Assert(count <= MAX_COLUMNS);
	columns->count = count;
	memcpy(columns->types, types, sizeof(Oid) * count);
	for (int i = 0; i < count; i++)
		columns->states[i] = initArrayResult(types[i], CurrentMemoryContext, false);
	columns->at = count;
	return columns;
}

void
columns_row(Columns *columns)
{
	Assert(columns->at == columns->count);
	columns->at = 0;
	columns->rows++;
}

void
column_datum(Columns *columns, Datum value, bool null)
{
	int i = columns->at++;

	Assert(i < columns->count);
	accumArrayResult(columns->states[i], value, null, columns->types[i], CurrentMemoryContext);
}

void
column_uuid(Columns *columns, const pg_uuid_t *value)
{
	column_datum(columns, UUIDPGetDatum(value), false);
}

void
column_text(Columns *columns, const char *value)
{
	column_datum(columns, value != NULL ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

void
column_count(Columns *columns, int64 value)
{
	column_datum(columns, Int64GetDatum(value), value == COUNT_UNKNOWN);
}

void
column_int(Columns *columns, int32 value)
{
	column_datum(columns, Int32GetDatum(value), false);
}

void
column_float(Columns *columns, double value)
{
	column_datum(columns, Float8GetDatum(value), isnan(value));
}

void
column_time(Columns *columns, TimestampTz value)
{
	column_datum(columns, TimestampTzGetDatum(value), value == TIME_UNKNOWN);
}

void
column_date(Columns *columns, int32 value)
{
	column_datum(columns, DateADTGetDatum(value), false);
}

void
column_jsonb(Columns *columns, Jsonb *value)
{
	column_datum(columns, value != NULL ? JsonbPGetDatum(value) : (Datum) 0, value == NULL);
}

void
columns_values(Columns *columns, Datum *values, Oid *array_types)
{
	for (int i = 0; i < columns->count; i++)
	{
		values[i] = makeArrayResult(columns->states[i], CurrentMemoryContext);
		array_types[i] = get_array_type(columns->types[i]);
	}
}

static char *
array_literal(List *texts)
{
	StringInfoData literal;
	ListCell *cell;

	initStringInfo(&literal);
	appendStringInfoChar(&literal, '{');
	foreach (cell, texts)
	{
		if (literal.len > 1)
			appendStringInfoChar(&literal, ',');
		appendStringInfoChar(&literal, '"');
		for (const char *s = lfirst(cell); *s != '\0'; s++)
		{
			if (*s == '"' || *s == '\\')
				appendStringInfoChar(&literal, '\\');
			appendStringInfoChar(&literal, *s);
		}
		appendStringInfoChar(&literal, '"');
	}
	appendStringInfoChar(&literal, '}');
	return literal.data;
}

void
column_texts(Columns *columns, List *texts, bool known)
{
	column_text(columns, known ? array_literal(texts) : NULL);
}

void
columns_execute(SPIPlanPtr *slot, const char *sql, Columns *columns, int expected)
{
	Datum values[MAX_COLUMNS];
	Oid types[MAX_COLUMNS];

	if (columns->rows == 0)
		return;
	columns_values(columns, values, types);
	transaction_execute(transaction_plan(slot, sql, columns->count, types), values, NULL, expected);
}
