/*
 * dashboard_sql.c
 *    dashboard(user_id, as_of).
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/builtins.h"
#include "utils/date.h"

#include "dashboard/sections.h"

DREAMSUITE_FUNCTION(dreamsuite_dashboard);

Datum
dreamsuite_dashboard(PG_FUNCTION_ARGS)
{
	DateADT as_of = DATEVAL_NOEND;
	StringInfo page;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("user_id must not be null"),
				 errhint("Within a request, dreamsuite.current_user_id() is the user it is made for.")));
	if (!PG_ARGISNULL(1))
	{
		as_of = PG_GETARG_DATEADT(1);
		if (DATE_NOT_FINITE(as_of))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("as_of must be a day, not \"%s\"",
								   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(as_of)))),
							errhint("Leave it out for the newest stored day.")));
		/* within a year of the ends of the calendar the days before and after could not be named */
		if (as_of < DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE + 400 ||
			as_of > DATE_END_JULIAN - POSTGRES_EPOCH_JDATE - 400)
			ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
							errmsg("as_of is out of range: \"%s\"",
								   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(as_of)))),
							errhint("Leave it out for the newest stored day.")));
	}
	page = dashboard_page(gather(PG_GETARG_DATUM(0), as_of));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(page->data, page->len));
}
