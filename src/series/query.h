/*
 * query.h
 *    Running our own SQL from C with a search_path that nobody else can bend.
 */
#ifndef DREAMSUITE_QUERY_H
#define DREAMSUITE_QUERY_H

#include "postgres.h"

#include "executor/spi.h"
#include "utils/guc.h"

/* Connects to SPI with search_path pg_catalog; returns what query_end() wants back. */
static inline int
query_begin(void)
{
	int nest = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	return nest;
}

/* After an error the end of the (sub)transaction does the same. */
static inline void
query_end(int nest)
{
	SPI_finish();
	AtEOXact_GUC(true, nest);
}

/* Prepares a statement once per session. */
static inline SPIPlanPtr
query_plan(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types)
{
	if (*plan == NULL)
	{
		SPIPlanPtr prepared = SPI_prepare(sql, nargs, types);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
		*plan = prepared;
	}
	return *plan;
}

/* Runs a prepared statement; `expected` is SPI_OK_SELECT and the like. */
static inline void
query_run(SPIPlanPtr plan, Datum *values, bool read_only, int expected)
{
	int result = SPI_execute_plan(plan, values, NULL, read_only, 0);

	if (result != expected)
		elog(ERROR, "unexpected result of a statement: %s", SPI_result_code_string(result));
}

#endif
