/*
 * growth.c
 *    growth(): values of metrics by day, with their change over 1, 7 and 30 days.
 *
 * Every row of daily_metrics is read once, by a query that runs with the caller's rights and row security. It gives
 * short strings (row.h) in the order of accounts and days; they are taken one by one as the query produces them, so
 * memory does not grow with the number of rows. Per metric the last observations are at hand in a ring.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "series/change.h"
#include "series/metric.h"
#include "series/query.h"
#include "series/row.h"

/* Columns of growth(). */
enum
{
	OUT_USER,
	OUT_PLATFORM,
	OUT_METRIC,
	OUT_DATE,
	OUT_VALUE,
	OUT_CHANGE, /* three */
	OUT_PERCENT = OUT_CHANGE + CHANGE_PERIODS,
	OUT_QUALITY = OUT_PERCENT + CHANGE_PERIODS,
	OUT_COLUMNS
};

typedef struct GrowthMetric
{
	char *name;
	Datum name_datum;
	bool has; /* the account's platform */
	FieldKind kind;
	History history;
} GrowthMetric;

/* Takes the rows of the query. */
typedef struct GrowthReceiver
{
	DestReceiver pub;
	MemoryContext context; /* of this call of growth() */
	MemoryContext scratch; /* of one row */
	Tuplestorestate *store;
	TupleDesc desc;
	DateADT since; /* first day that is asked for */
	int count;
	GrowthMetric *metrics;
	Datum qualities[QUALITY_RESET + 1];

	/* the account at hand */
	char *account; /* the part of the row that names it; NULL before the first */
	int account_length;
	Datum columns[OUT_COLUMNS];
	bool nulls[OUT_COLUMNS];
} GrowthReceiver;

/* ---- Arguments ---- */

typedef struct GrowthArgs
{
	bool all_users;
	Datum user_id;
	const Platform *platform; /* NULL: all */
	Datum names;              /* text[] without duplicates */
	int count;
	char **metrics;
	DateADT since; /* DATEVAL_NOBEGIN: from the first */
	DateADT until; /* DATEVAL_NOEND: to the last */
} GrowthArgs;

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

static GrowthArgs
read_args(FunctionCallInfo fcinfo)
{
	GrowthArgs args = {.since = DATEVAL_NOBEGIN, .until = DATEVAL_NOEND};

	args.all_users = PG_ARGISNULL(0);
	if (!args.all_users)
		args.user_id = PG_GETARG_DATUM(0);
	if (!PG_ARGISNULL(1))
		args.platform = platform_get(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("metrics must not be null"),
						errhint("Leave it out for follower_count; see dreamsuite.metric_catalog().")));
	read_metrics(&args, PG_GETARG_ARRAYTYPE_P(2));
	if (!PG_ARGISNULL(3))
		args.since = PG_GETARG_DATEADT(3);
	if (!PG_ARGISNULL(4))
		args.until = PG_GETARG_DATEADT(4);
	if (args.since > args.until)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("since must not be after until: \"%s\" is after \"%s\"",
							   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(args.since))),
							   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(args.until))))));
	return args;
}

/* ---- Reading ---- */

static void
add_param(ParamListInfo params, Oid type, Datum value)
{
	ParamExternData *param = &params->params[params->numParams++];

	param->ptype = type;
	param->value = value;
	param->isnull = false;
	param->pflags = PARAM_FLAG_CONST;
}

/* The rows that the answer needs, and no others: the asked days, and the days that their changes may go back to. */
static void
run_query(const GrowthArgs *args, DestReceiver *dest)
{
	StringInfoData sql;
	ParamListInfo params = makeParamList(7);
	SPIExecuteOptions options = {.params = params, .read_only = true, .dest = dest};
	const char *and = " WHERE";
	int result;

	params->numParams = 0;
	initStringInfo(&sql);
	add_param(params, TEXTARRAYOID, args->names);
	appendStringInfoString(&sql,
						   "SELECT dreamsuite.growth_row(d.user_id, d.platform, d.date, d.follower_count,"
						   " d.follower_change_24h, d.engagement_total, d.content_count, d.metrics, $1)"
						   " FROM dreamsuite.daily_metrics d");
	if (!args->all_users)
	{
		add_param(params, UUIDOID, args->user_id);
		appendStringInfo(&sql, "%s d.user_id = $%d", and, params->numParams);
		and = " AND";
	}
	if (args->platform)
	{
		add_param(params, TEXTOID, CStringGetTextDatum(args->platform->name));
		appendStringInfo(&sql, "%s d.platform = $%d", and, params->numParams);
		and = " AND";
	}
	if (!DATE_NOT_FINITE(args->until))
	{
		add_param(params, DATEOID, DateADTGetDatum(args->until));
		appendStringInfo(&sql, "%s d.date <= $%d", and, params->numParams);
		and = " AND";
	}
	if (!DATE_NOT_FINITE(args->since))
	{
		int month = change_periods[CHANGE_PERIODS - 1];

		add_param(params, DATEOID, DateADTGetDatum(args->since - CHANGE_REACH));
		appendStringInfo(&sql, "%s d.date >= $%d", and, params->numParams);
		if (!DATE_NOT_FINITE(args->until) && args->until - month < args->since - CHANGE_NEAR - 1)
		{
			/* a short window: the days between its week and its month are of no use */
			add_param(params, DATEOID, DateADTGetDatum(args->until - month));
			add_param(params, DATEOID, DateADTGetDatum(args->since - CHANGE_NEAR));
			appendStringInfo(&sql, " AND (d.date <= $%d OR d.date >= $%d)", params->numParams - 1,
							 params->numParams);
		}
	}
	appendStringInfoString(&sql, " ORDER BY 1");

	result = SPI_execute_extended(sql.data, &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not read daily_metrics: %s", SPI_result_code_string(result));
}

/* ---- Answering ---- */

static void
begin_account(GrowthReceiver *self, const char *row, int length)
{
	MemoryContext before = MemoryContextSwitchTo(self->context);
	const Platform *platform = platform_find(row + ROW_PLATFORM);

	if (self->account)
	{
		pfree(self->account);
		pfree(DatumGetPointer(self->columns[OUT_PLATFORM]));
	}
	self->account = palloc(length);
	memcpy(self->account, row, length);
	self->account_length = length;
	self->columns[OUT_USER] = PointerGetDatum(self->account + ROW_USER);
	self->nulls[OUT_USER] = row_user_is_null(row);
	self->columns[OUT_PLATFORM] = CStringGetTextDatum(row + ROW_PLATFORM);
	for (int i = 0; i < self->count; i++)
	{
		GrowthMetric *metric = &self->metrics[i];

		history_clear(&metric->history);
		metric->has = metric_find(platform, metric->name, &metric->kind);
	}
	MemoryContextSwitchTo(before);
}

static void
put_number(GrowthReceiver *self, int column, const Number *number, void *buffer)
{
	self->nulls[column] = !number->known;
	self->columns[column] = number->known ? NumericGetDatum(number_to_numeric(number, buffer)) : (Datum) 0;
}

static void
emit(GrowthReceiver *self, const GrowthMetric *metric, DateADT date, const Number *value)
{
	int32 buffers[1 + CHANGE_PERIODS][NUMBER_BYTES / sizeof(int32)];
	Change change;

	change_compute(&metric->history, date, value, metric->kind, &change);
	self->columns[OUT_METRIC] = metric->name_datum;
	self->columns[OUT_DATE] = DateADTGetDatum(date);
	put_number(self, OUT_VALUE, value, buffers[0]);
	for (int p = 0; p < CHANGE_PERIODS; p++)
	{
		put_number(self, OUT_CHANGE + p, &change.change[p], buffers[1 + p]);
		self->columns[OUT_PERCENT + p] = Float8GetDatum(change.percent[p]);
		self->nulls[OUT_PERCENT + p] = isnan(change.percent[p]);
	}
	self->columns[OUT_QUALITY] = self->qualities[change.quality];
	tuplestore_putvalues(self->store, self->desc, self->columns, self->nulls);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *receiver)
{
	GrowthReceiver *self = (GrowthReceiver *) receiver;
	bool isnull;
	Datum datum = slot_getattr(slot, 1, &isnull);
	MemoryContext before;
	const char *row;
	DateADT date;

	if (isnull)
		return true;

	before = MemoryContextSwitchTo(self->scratch);
	row = VARDATA_ANY(DatumGetByteaPP(datum));
	if (self->account == NULL || memcmp(row, self->account, self->account_length) != 0)
		begin_account(self, row, row_account_length(row));
	date = row_date(row, self->account_length);

	for (int i = 0; i < self->count; i++)
	{
		GrowthMetric *metric = &self->metrics[i];
		Number value;

		if (!metric->has)
			continue;
		value = row_number(row, self->account_length, i, self->count);
		if (!value.known)
			continue;
		if (date >= self->since)
			emit(self, metric, date, &value);
		history_put(&metric->history, date, &value);
	}
	MemoryContextSwitchTo(before);
	MemoryContextReset(self->scratch);
	return true;
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
receiver_end(DestReceiver *self)
{
}

static GrowthReceiver *
make_receiver(const GrowthArgs *args, Tuplestorestate *store, TupleDesc desc)
{
	GrowthReceiver *self = palloc0(sizeof(GrowthReceiver));

	self->pub.receiveSlot = receive_row;
	self->pub.rStartup = receiver_startup;
	self->pub.rShutdown = receiver_end;
	self->pub.rDestroy = receiver_end;
	self->pub.mydest = DestTuplestore;
	self->context = CurrentMemoryContext;
	self->scratch =
		AllocSetContextCreate(CurrentMemoryContext, "dreamsuite growth row", ALLOCSET_DEFAULT_SIZES);
	self->store = store;
	self->desc = desc;
	self->since = args->since;
	self->count = args->count;
	self->metrics = palloc(sizeof(GrowthMetric) * args->count);
	for (int i = 0; i < args->count; i++)
	{
		self->metrics[i].name = args->metrics[i];
		self->metrics[i].name_datum = CStringGetTextDatum(args->metrics[i]);
		history_init(&self->metrics[i].history, CurrentMemoryContext);
	}
	for (int i = 0; i <= QUALITY_RESET; i++)
		self->qualities[i] = CStringGetTextDatum(quality_word(i));
	return self;
}

DREAMSUITE_FUNCTION(dreamsuite_growth);

/* growth(user_id uuid, platform text, metrics text[], since date, until date); see sql/parts/50_growth.sql. */
Datum
dreamsuite_growth(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext per_query;
	MemoryContext before;
	GrowthArgs args;
	TupleDesc desc;
	Tuplestorestate *store;
	int nest;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("growth() was called where a set of rows is not accepted"),
						errhint("Call it in FROM.")));
	args = read_args(fcinfo);

	per_query = info->econtext->ecxt_per_query_memory;
	before = MemoryContextSwitchTo(per_query);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "growth() must return rows");
	desc = BlessTupleDesc(desc);
	store = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	info->returnMode = SFRM_Materialize;
	info->setResult = store;
	info->setDesc = desc;
	MemoryContextSwitchTo(before);

	nest = query_begin();
	run_query(&args, (DestReceiver *) make_receiver(&args, store, desc));
	query_end(nest);
	return (Datum) 0;
}
