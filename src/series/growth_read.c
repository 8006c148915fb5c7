/*
 * growth_read.c
 *    The arguments of growth(), and which rows of daily_metrics answer them.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/uuid.h"

#include "series/growth.h"
#include "series/query.h"
#include "series/row.h"

/* ---- Arguments ---- */

static void
read_metrics(GrowthArgs *args, ArrayType *array)
{
	Datum *elements;
	Datum *kept;
	bool *nulls;
	int n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("metrics must name at least one metric"),
				 errhint("See dreamsuite.metric_catalog().")));
	args->metrics = palloc(sizeof(char *) * n);
	kept = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		char *name;
		bool known = false;

		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("metrics must not contain null"),
							errhint("See dreamsuite.metric_catalog().")));
		name = TextDatumGetCString(elements[i]);
		for (int j = 0; j < args->count; j++)
			known |= strcmp(args->metrics[j], name) == 0;
		if (known)
			continue;
		metric_check(args->platform, name);
		kept[args->count] = elements[i];
		args->metrics[args->count++] = name;
	}
	args->names = PointerGetDatum(construct_array(kept, args->count, TEXTOID, -1, false, TYPALIGN_INT));
}

GrowthArgs
growth_args(const NullableDatum *given)
{
	GrowthArgs args = {.since = DATEVAL_NOBEGIN, .until = DATEVAL_NOEND};

	args.all_users = given[0].isnull;
	args.user_id = given[0].value;
	if (!given[1].isnull)
		args.platform = platform_get(TextDatumGetCString(given[1].value));
	if (given[2].isnull)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("metrics must not be null"),
						errhint("Leave it out for follower_count; see dreamsuite.metric_catalog().")));
	read_metrics(&args, DatumGetArrayTypeP(given[2].value));
	if (!given[3].isnull)
		args.since = DatumGetDateADT(given[3].value);
	if (!given[4].isnull)
		args.until = DatumGetDateADT(given[4].value);
	args.one_day = args.all_users && args.since == args.until && !DATE_NOT_FINITE(args.since);
	if (args.since > args.until)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("since must not be after until: \"%s\" is after \"%s\"",
							   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(args.since))),
							   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(args.until)))),
						errhint("Exchange them, or leave one out.")));
	return args;
}

/* ---- Rows ---- */

#define SELECT_ROWS                                                                                          \
	"SELECT dreamsuite.growth_row(d.user_id, d.platform, d.date, d.follower_count, d.follower_change_24h,"   \
	" d.engagement_total, d.content_count, d.metrics, $1)"                                                   \
	" FROM dreamsuite.daily_metrics d"

static void
add_param(ParamListInfo params, Oid type, Datum value)
{
	ParamExternData *param = &params->params[params->numParams++];

	param->ptype = type;
	param->value = value;
	param->isnull = false;
	param->pflags = PARAM_FLAG_CONST;
}

/* A day and the days exactly 1, 7 and 30 before it. */
static Datum
exact_days(DateADT day)
{
	Datum days[1 + CHANGE_PERIODS] = {DateADTGetDatum(day)};

	for (int p = 0; p < CHANGE_PERIODS; p++)
		days[1 + p] = DateADTGetDatum(day - change_periods[p]);
	return PointerGetDatum(
		construct_array(days, lengthof(days), DATEOID, sizeof(DateADT), true, TYPALIGN_INT));
}

char *
growth_query(const GrowthArgs *args, ParamListInfo *list)
{
	StringInfoData sql;
	ParamListInfo params = makeParamList(5);
	bool first = !DATE_NOT_FINITE(args->since);
	bool last = !DATE_NOT_FINITE(args->until);

	*list = params;
	params->numParams = 0;
	initStringInfo(&sql);
	add_param(params, TEXTARRAYOID, args->names);
	appendStringInfoString(&sql, SELECT_ROWS " WHERE d.user_id IS NOT NULL");
	if (!args->all_users)
	{
		add_param(params, UUIDOID, args->user_id);
		appendStringInfo(&sql, " AND d.user_id = $%d", params->numParams);
	}
	if (args->platform)
	{
		add_param(params, TEXTOID, CStringGetTextDatum(args->platform->name));
		appendStringInfo(&sql, " AND d.platform = $%d", params->numParams);
	}

	if (args->one_day)
	{
		add_param(params, DATEARRAYOID, exact_days(args->since));
		appendStringInfo(&sql, " AND d.date = ANY ($%d)", params->numParams);
	}
	else
	{
		if (first)
		{
			add_param(params, DATEOID, DateADTGetDatum(args->since - CHANGE_REACH));
			appendStringInfo(&sql, " AND d.date >= $%d", params->numParams);
		}
		if (last)
		{
			add_param(params, DATEOID, DateADTGetDatum(args->until));
			appendStringInfo(&sql, " AND d.date <= $%d", params->numParams);
		}
	}
	appendStringInfoString(&sql, " ORDER BY 1");
	return sql.data;
}

int
growth_read_spans(Datum names, const DaySpan *spans, int count, Datum **rows)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext caller = CurrentMemoryContext;
	int nest = query_begin();
	Datum *columns[4];
	Datum args[5];
	uint64 found;
	int kept = 0;

	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = palloc(sizeof(Datum) * count);
	for (int i = 0; i < count; i++)
	{
		columns[0][i] = spans[i].user_id;
		columns[1][i] = spans[i].platform;
		columns[2][i] = DateADTGetDatum(spans[i].first);
		columns[3][i] = DateADTGetDatum(spans[i].last);
	}
	args[0] = names;
	args[1] = PointerGetDatum(construct_array(columns[0], count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	args[2] = PointerGetDatum(construct_array(columns[1], count, TEXTOID, -1, false, TYPALIGN_INT));
	args[3] =
		PointerGetDatum(construct_array(columns[2], count, DATEOID, sizeof(DateADT), true, TYPALIGN_INT));
	args[4] =
		PointerGetDatum(construct_array(columns[3], count, DATEOID, sizeof(DateADT), true, TYPALIGN_INT));
	query_plan(&plan,
			   SELECT_ROWS " JOIN unnest($2, $3, $4, $5) AS a (user_id, platform, first, last)"
						   "   ON d.user_id = a.user_id AND d.platform = a.platform"
						   "  AND d.date BETWEEN a.first AND a.last",
			   5, (Oid[]){TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, DATEARRAYOID, DATEARRAYOID});
	query_run(plan, args, true, SPI_OK_SELECT);

	found = SPI_processed;
	MemoryContextSwitchTo(caller);
	*rows = palloc(sizeof(Datum) * (found + 1));
	for (uint64 i = 0; i < found; i++)
	{
		bool isnull;
		Datum row = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
			(*rows)[kept++] = datumCopy(row, false, -1);
	}
	query_end(nest);
	return kept;
}
