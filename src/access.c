/*
 * access.c
 *    Who may act for which user: the rule itself is dreamsuite.check_user(), in sql/parts/15_access.sql.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"

#include "access.h"
#include "series/query.h"

void
access_check_user(const pg_uuid_t *user_id)
{
	static SPIPlanPtr plan = NULL;
	Datum values[] = {UUIDPGetDatum(user_id)};
	int nest = query_begin();

	query_plan(&plan, "SELECT dreamsuite.check_user($1)", 1, (Oid[]){UUIDOID});
	query_run(plan, values, true, SPI_OK_SELECT);
	query_end(nest);
}
