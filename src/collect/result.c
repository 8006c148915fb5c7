/*
 * result.c
 *    Values of the last statement's rows, by the names of their columns.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "collect/result.h"
#include "platform/json.h"

/* Columns are read about in the order in which they stand: the one wanted is seldom far behind the last. */
Datum
result_column(int row, const char *name, bool *null)
{
	static int last = 0;
	TupleDesc desc = SPI_tuptable->tupdesc;

	for (int tried = 0; tried < desc->natts; tried++)
	{
		last = last >= desc->natts ? 1 : last + 1;
		if (strcmp(NameStr(TupleDescAttr(desc, last - 1)->attname), name) == 0)
			return SPI_getbinval(SPI_tuptable->vals[row], desc, last, null);
	}
	elog(ERROR, "there is no column \"%s\"", name);
}

char *
result_text(int row, const char *name)
{
	bool null;
	Datum value = result_column(row, name, &null);

	return null ? NULL : TextDatumGetCString(value);
}

TimestampTz
result_time(int row, const char *name)
{
	bool null;
	Datum value = result_column(row, name, &null);

	return null ? TIME_UNKNOWN : DatumGetTimestampTz(value);
}

int64
result_count(int row, const char *name)
{
	bool null;
	Datum value = result_column(row, name, &null);

	return null ? COUNT_UNKNOWN : DatumGetInt64(value);
}

bytea *
result_bytes(int row, const char *name)
{
	bool null;
	Datum value = result_column(row, name, &null);

	return null ? NULL : DatumGetByteaPCopy(value);
}

Jsonb *
result_jsonb(int row, const char *name)
{
	bool null;
	Datum value = result_column(row, name, &null);

	return null ? NULL : DatumGetJsonbPCopy(value);
}

List *
result_texts(int row, const char *name)
{
	bool null;
	Datum value = result_column(row, name, &null), *elements;
	bool *nulls;
	int n;
	List *texts = NIL;

	if (null)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			texts = lappend(texts, TextDatumGetCString(elements[i]));
	}
	return texts;
}
