/*
 * columns.c
 *    Rows for one set-based statement.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/queryenvironment.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "collect/columns.h"
#include "collect/transaction.h"
#include "platform/json.h"

#define MOST_MEMORY_KB (256 * 1024)
#define PLANNED_ROWS   100 /* whatever the first batch has: the plan is kept */

Columns *
columns_create(int count, const Oid *types)
{
	Columns *columns = palloc0(sizeof(Columns));

	Assert(count <= MAX_COLUMNS);
	columns->count = count;
	memcpy(columns->types, types, sizeof(Oid) * count);
	columns->at = count;
	columns->room = 64;
	columns->values = palloc(sizeof(Datum) * count * columns->room);
	columns->nulls = palloc(sizeof(bool) * count * columns->room);
	return columns;
}

void
columns_row(Columns *columns)
{
	Assert(columns->at == columns->count);
	if (columns->rows == columns->room)
	{
		columns->room *= 2;
		columns->values = repalloc_huge(columns->values, sizeof(Datum) * columns->count * columns->room);
		columns->nulls = repalloc_huge(columns->nulls, sizeof(bool) * columns->count * columns->room);
	}
	columns->at = 0;
	columns->rows++;
}

void
column_datum(Columns *columns, Datum value, bool null)
{
	size_t place = (size_t) columns->count * (columns->rows - 1) + columns->at++;

	Assert(columns->at <= columns->count);
	columns->values[place] = value;
	columns->nulls[place] = null;
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

/* Whole numbers, and those of few digits, are spared the text that a cast from float8 goes through. */
void
column_numeric(Columns *columns, double value, int digits)
{
	double scaled = digits == AS_IT_IS ? value : rint(value * pow(10, digits));

	if (isnan(value))
		column_datum(columns, (Datum) 0, true);
	else if (fabs(scaled) < 1e15 && scaled == rint(scaled))
		column_datum(columns, NumericGetDatum(int64_div_fast_to_numeric((int64) scaled, Max(digits, 0))),
					 false);
	else
		column_datum(columns, DirectFunctionCall1(float8_numeric, Float8GetDatum(value)), false);
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
	int dims[] = {columns->rows}, bounds[] = {1};
	Datum *elements = palloc_extended(sizeof(Datum) * Max(columns->rows, 1), MCXT_ALLOC_HUGE);
	bool *nulls = palloc_extended(sizeof(bool) * Max(columns->rows, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < columns->count; i++)
	{
		Oid type = columns->types[i];
		int16 length;
		bool by_value;
		char align;

		get_typlenbyvalalign(type, &length, &by_value, &align);
		for (int row = 0; row < columns->rows; row++)
		{
			elements[row] = columns->values[(size_t) columns->count * row + i];
			nulls[row] = columns->nulls[(size_t) columns->count * row + i];
		}
		values[i] = PointerGetDatum(construct_md_array(elements, nulls, columns->rows > 0 ? 1 : 0, dims,
													   bounds, type, length, by_value, align));
		array_types[i] = get_array_type(type);
	}
	pfree(elements);
	pfree(nulls);
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

/* The rows as a relation that statements can read by its name. */
static EphemeralNamedRelation
relation_of(const Columns *columns)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	TupleDesc desc = CreateTemplateTupleDesc(columns->count);
	Tuplestorestate *store = tuplestore_begin_heap(false, false, MOST_MEMORY_KB);

	for (int i = 0; i < columns->count; i++)
		TupleDescInitEntry(desc, i + 1, psprintf("column%d", i + 1), columns->types[i], -1, 0);
	for (int row = 0; row < columns->rows; row++)
		tuplestore_putvalues(store, desc, &columns->values[(size_t) columns->count * row],
							 &columns->nulls[(size_t) columns->count * row]);
	relation->md.name = pstrdup("batch");
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = PLANNED_ROWS;
	relation->reldata = store;
	return relation;
}

/* The same with an array per column: Citus sends parameters to its nodes, but no relation that only this process has. */
static void
execute_with_arrays(SPIPlanPtr *slot, const char *sql, Columns *columns, int expected)
{
	const char *place = strstr(sql, " FROM batch");
	Datum values[MAX_COLUMNS];
	Oid types[MAX_COLUMNS];
	StringInfoData text;

	Assert(place != NULL);
	initStringInfo(&text);
	appendBinaryStringInfo(&text, sql, place - sql);
	for (int i = 0; i < columns->count; i++)
		appendStringInfo(&text, "%s$%d", i == 0 ? " FROM unnest(" : ", ", i + 1);
	appendStringInfo(&text, ")%s", place + strlen(" FROM batch"));
	columns_values(columns, values, types);
	transaction_execute(transaction_plan(slot, text.data, columns->count, types), values, NULL, expected);
}

void
columns_execute(SPIPlanPtr *slot, const char *sql, Columns *columns, int expected)
{
	EphemeralNamedRelation relation;

	if (columns->rows == 0)
		return;
	if (transaction_with_citus())
	{
		execute_with_arrays(slot, sql, columns, expected);
		return;
	}
	relation = relation_of(columns);
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not name the rows of a batch");
	transaction_execute(transaction_plan(slot, sql, 0, NULL), NULL, NULL, expected);
	SPI_unregister_relation(relation->md.name);
	tuplestore_end(relation->reldata);
}
