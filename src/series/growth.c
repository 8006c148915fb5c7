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

#include "series/growth.h"
#include "series/query.h"
#include "series/row.h"

typedef struct GrowthMetric
{
	char *name;
	Datum name_datum;
	bool has; /* the account's platform */
	FieldKind kind;
	History history;
} GrowthMetric;

struct Growth
{
	MemoryContext context;
	MemoryContext scratch; /* of one row of the query */
	DateADT since;         /* first day that is asked for */
	int count;
	GrowthMetric *metrics;
	Datum qualities[QUALITY_RESET + 1];

	/* the account at hand */
	char *account; /* the part of the row that names it; NULL before the first */
	int account_length;
	Datum user_id;
	bool user_is_null;
	Datum platform;

	/* the row at hand */
	const char *row;
	DateADT date;
	int next; /* metric; `count` when all are given */
	int32 buffers[1 + CHANGE_PERIODS][NUMBER_BYTES / sizeof(int32)];
};

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

char *
growth_query(const GrowthArgs *args, ParamListInfo *list)
{
	StringInfoData sql;
	ParamListInfo params = makeParamList(7);
	const char *and = " WHERE";

	*list = params;
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

	return sql.data;
}

/* ---- Answering ---- */

Growth *
growth_begin(const GrowthArgs *args)
{
	Growth *self = palloc0(sizeof(Growth));

	self->context = CurrentMemoryContext;
	self->scratch =
		AllocSetContextCreate(CurrentMemoryContext, "dreamsuite growth row", ALLOCSET_DEFAULT_SIZES);
	self->since = args->since;
	self->count = args->count;
	self->next = args->count;
	self->metrics = palloc(sizeof(GrowthMetric) * args->count);
	for (int i = 0; i < args->count; i++)
	{
		self->metrics[i].name = pstrdup(args->metrics[i]);
		self->metrics[i].name_datum = CStringGetTextDatum(args->metrics[i]);
		history_init(&self->metrics[i].history, CurrentMemoryContext);
	}
	for (int i = 0; i <= QUALITY_RESET; i++)
		self->qualities[i] = CStringGetTextDatum(quality_word(i));
	return self;
}

static void
begin_account(Growth *self, const char *row, int length)
{
	MemoryContext before = MemoryContextSwitchTo(self->context);
	const Platform *platform = platform_find(row + ROW_PLATFORM);

	if (self->account)
	{
		pfree(self->account);
		pfree(DatumGetPointer(self->platform));
	}
	self->account = palloc(length);
	memcpy(self->account, row, length);
	self->account_length = length;
	self->user_id = PointerGetDatum(self->account + ROW_USER);
	self->user_is_null = row_user_is_null(row);
	self->platform = CStringGetTextDatum(row + ROW_PLATFORM);
	for (int i = 0; i < self->count; i++)
	{
		GrowthMetric *metric = &self->metrics[i];

		history_clear(&metric->history);
		metric->has = metric_find(platform, metric->name, &metric->kind);
	}
	MemoryContextSwitchTo(before);
}

void
growth_take(Growth *self, Datum datum, bool isnull)
{
	bytea *bytes;
	const char *row;

	if (isnull)
		return;
	MemoryContextReset(self->scratch);
	bytes = DatumGetByteaPP(datum);
	row = VARDATA_ANY(bytes);
	if (self->account == NULL || VARSIZE_ANY_EXHDR(bytes) < self->account_length ||
		memcmp(row, self->account, self->account_length) != 0)
		begin_account(self, row, row_account_length(row));
	self->row = row;
	self->date = row_date(row, self->account_length);
	self->next = 0;
}

static inline void
put_number(Datum *values, bool *nulls, int column, const Number *number, void *buffer)
{
	nulls[column] = !number->known;
	values[column] = number->known ? NumericGetDatum(number_to_numeric(number, buffer)) : (Datum) 0;
}

/* Fills the columns of one observation. */
static void
put_observation(Growth *self, const GrowthMetric *metric, const Number *value, Datum *values, bool *nulls,
				uint32 wanted)
{
	Change change;

	values[OUT_USER] = self->user_id;
	nulls[OUT_USER] = self->user_is_null;
	values[OUT_PLATFORM] = self->platform;
	nulls[OUT_PLATFORM] = false;
	values[OUT_METRIC] = metric->name_datum;
	nulls[OUT_METRIC] = false;
	values[OUT_DATE] = DateADTGetDatum(self->date);
	nulls[OUT_DATE] = false;
	put_number(values, nulls, OUT_VALUE, value, self->buffers[0]);
	if (wanted >> OUT_CHANGE == 0)
		return;

	change_compute(&metric->history, self->date, value, metric->kind, &change);
	for (int p = 0; p < CHANGE_PERIODS; p++)
	{
		put_number(values, nulls, OUT_CHANGE + p, &change.change[p], self->buffers[1 + p]);
		values[OUT_PERCENT + p] = Float8GetDatum(change.percent[p]);
		nulls[OUT_PERCENT + p] = isnan(change.percent[p]);
	}
	values[OUT_QUALITY] = self->qualities[change.quality];
	nulls[OUT_QUALITY] = false;
}

bool
growth_give(Growth *self, Datum *values, bool *nulls, uint32 wanted)
{
	while (self->next < self->count)
	{
		int i = self->next++;
		GrowthMetric *metric = &self->metrics[i];
		MemoryContext before;
		Number value;
		bool asked = self->date >= self->since;

		if (!metric->has)
			continue;
		before = MemoryContextSwitchTo(self->scratch);
		value = row_number(self->row, self->account_length, i, self->count);
		if (value.known)
		{
			if (asked)
				put_observation(self, metric, &value, values, nulls, wanted);
			history_put(&metric->history, self->date, &value);
		}
		MemoryContextSwitchTo(before);
		if (value.known && asked)
			return true;
	}
	return false;
}

/* ---- The call ---- */

/* Takes the rows of the query as they come. */
typedef struct GrowthReceiver
{
	DestReceiver pub;
	Growth *growth;
	Tuplestorestate *store;
	TupleDesc desc;
} GrowthReceiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *receiver)
{
	GrowthReceiver *self = (GrowthReceiver *) receiver;
	Datum values[OUT_COLUMNS];
	bool nulls[OUT_COLUMNS];
	bool isnull;
	Datum row = slot_getattr(slot, 1, &isnull);

	growth_take(self->growth, row, isnull);
	while (growth_give(self->growth, values, nulls, GROWTH_ALL_COLUMNS))
		tuplestore_putvalues(self->store, self->desc, values, nulls);
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

DREAMSUITE_FUNCTION(dreamsuite_growth);

/* growth(user_id uuid, platform text, metrics text[], since date, until date); see sql/parts/50_growth.sql. */
Datum
dreamsuite_growth(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	GrowthReceiver receiver = {
		.pub = {.receiveSlot = receive_row,
				.rStartup = receiver_startup,
				.rShutdown = receiver_end,
				.rDestroy = receiver_end,
				.mydest = DestTuplestore},
	};
	SPIExecuteOptions options = {.read_only = true, .dest = (DestReceiver *) &receiver};
	MemoryContext before;
	GrowthArgs args;
	int nest;
	int result;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("growth() was called where a set of rows is not accepted"),
						errhint("Call it in FROM.")));
	args = growth_args(fcinfo->args);

	before = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &receiver.desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "growth() must return rows");
	receiver.desc = BlessTupleDesc(receiver.desc);
	receiver.store =
		tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	info->returnMode = SFRM_Materialize;
	info->setResult = receiver.store;
	info->setDesc = receiver.desc;
	MemoryContextSwitchTo(before);

	nest = query_begin();
	receiver.growth = growth_begin(&args);
	result = SPI_execute_extended(growth_query(&args, &options.params), &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not read daily_metrics: %s", SPI_result_code_string(result));
	query_end(nest);
	return (Datum) 0;
}
