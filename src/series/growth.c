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
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "series/growth.h"
#include "series/query.h"
#include "series/row.h"
#include "srf.h"

typedef struct GrowthMetric
{
	char *name;
	Datum name_datum;
	bool has; /* the account's platform */
	FieldKind kind;
	History history;
} GrowthMetric;

/* So many accounts are read again by one query. */
#define AGAIN_ACCOUNTS 512

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
	Datum platform;

	/*
	 * One day of all users: the first query gives the day and the days exactly 1, 7 and 30 before it, which is all that
	 * most accounts need. Those that lack one of them are kept here, and read again with every day that may count.
	 */
	bool one_day;
	Datum names;
	MemoryContext again_context; /* of the accounts kept, and of their rows */
	Datum *users;
	Datum *user_platforms;
	int kept;
	Datum *again; /* rows that were read again */
	int again_count;
	int again_next;

	/* the row at hand */
	const char *row;
	DateADT date;
	int next; /* metric; `count` when all are given */
	int32 buffers[1 + CHANGE_PERIODS][NUMBER_BYTES / sizeof(int32)];
};

Growth *
growth_begin(const GrowthArgs *args)
{
	Growth *self = palloc0(sizeof(Growth));

	self->context = CurrentMemoryContext;
	self->scratch =
		AllocSetContextCreate(CurrentMemoryContext, "dreamsuite growth row", ALLOCSET_DEFAULT_SIZES);
	self->again_context =
		AllocSetContextCreate(CurrentMemoryContext, "dreamsuite growth again", ALLOCSET_DEFAULT_SIZES);
	self->one_day = args->one_day;
	self->names = datumCopy(args->names, false, -1);
	self->users = palloc(sizeof(Datum) * AGAIN_ACCOUNTS);
	self->user_platforms = palloc(sizeof(Datum) * AGAIN_ACCOUNTS);
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
	self->platform = CStringGetTextDatum(row + ROW_PLATFORM);
	for (int i = 0; i < self->count; i++)
	{
		GrowthMetric *metric = &self->metrics[i];

		history_clear(&metric->history);
		metric->has = metric_find(platform, metric->name, &metric->kind);
	}
	MemoryContextSwitchTo(before);
}

/* Begins with a row of the query, or with one that was read again. */
static void
take(Growth *self, Datum datum)
{
	bytea *bytes = DatumGetByteaPP(datum);
	const char *row = VARDATA_ANY(bytes);

	if (self->account == NULL || VARSIZE_ANY_EXHDR(bytes) < self->account_length ||
		memcmp(row, self->account, self->account_length) != 0)
		begin_account(self, row, row_account_length(row));
	self->row = row;
	self->date = row_date(row, self->account_length);
	self->next = 0;
}

/* Has every metric that is known on this day been observed exactly 1, 7 and 30 days before? */
static bool
has_exact_days(const Growth *self)
{
	for (int i = 0; i < self->count; i++)
	{
		const GrowthMetric *metric = &self->metrics[i];

		if (!metric->has || !row_knows(self->row, self->account_length, i))
			continue;
		for (int p = 0; p < CHANGE_PERIODS; p++)
		{
			if (history_at(&metric->history, self->date - change_periods[p]) == NULL)
				return false;
		}
	}
	return true;
}

static void
read_again(Growth *self)
{
	MemoryContext before = MemoryContextSwitchTo(self->again_context);

	self->again_count = growth_read_accounts(self->names, self->since, self->users, self->user_platforms,
											 self->kept, &self->again);
	self->again_next = 0;
	self->kept = 0;
	MemoryContextSwitchTo(before);
}

void
growth_take(Growth *self, Datum row, bool isnull)
{
	MemoryContext before;

	if (isnull)
		return;
	MemoryContextReset(self->scratch);
	take(self, row);
	if (!self->one_day || self->date < self->since || has_exact_days(self))
		return;

	self->next = self->count;
	if (self->kept == 0)
		MemoryContextReset(self->again_context);
	before = MemoryContextSwitchTo(self->again_context);
	self->users[self->kept] = datumCopy(self->user_id, false, UUID_LEN);
	self->user_platforms[self->kept] = datumCopy(self->platform, false, -1);
	self->kept++;
	MemoryContextSwitchTo(before);
	if (self->kept == AGAIN_ACCOUNTS)
		read_again(self);
}

void
growth_end(Growth *self)
{
	if (self->kept > 0)
		read_again(self);
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
	nulls[OUT_USER] = false;
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

/* The next observation of the row at hand. */
static bool
give(Growth *self, Datum *values, bool *nulls, uint32 wanted)
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

bool
growth_give(Growth *self, Datum *values, bool *nulls, uint32 wanted)
{
	for (;;)
	{
		if (give(self, values, nulls, wanted))
			return true;
		while (self->again_next < self->again_count && self->again[self->again_next] == (Datum) 0)
			self->again_next++;
		if (self->again_next >= self->again_count)
			return false;
		MemoryContextReset(self->scratch);
		take(self, self->again[self->again_next++]);
	}
}

/* ---- The call ---- */

/* Takes the rows of the query as they come. */
typedef struct GrowthReceiver
{
	DestReceiver pub;
	Growth *growth;
	GrowthSink sink;
	void *arg;
	uint32 wanted;
} GrowthReceiver;

static void
give_rows(GrowthReceiver *self)
{
	Datum values[OUT_COLUMNS];
	bool nulls[OUT_COLUMNS];

	while (growth_give(self->growth, values, nulls, self->wanted))
		self->sink(self->arg, values, nulls);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *receiver)
{
	GrowthReceiver *self = (GrowthReceiver *) receiver;
	bool isnull;
	Datum row = slot_getattr(slot, 1, &isnull);

	growth_take(self->growth, row, isnull);
	give_rows(self);
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

void
growth_run(const GrowthArgs *args, uint32 wanted, GrowthSink sink, void *arg)
{
	GrowthReceiver receiver = {
		.pub = {.receiveSlot = receive_row,
				.rStartup = receiver_startup,
				.rShutdown = receiver_end,
				.rDestroy = receiver_end,
				.mydest = DestTuplestore},
		.sink = sink,
		.arg = arg,
		.wanted = wanted,
	};
	SPIExecuteOptions options = {.read_only = true, .dest = (DestReceiver *) &receiver};
	int nest = query_begin();
	int result;

	receiver.growth = growth_begin(args);
	result = SPI_execute_extended(growth_query(args, &options.params), &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not read daily_metrics: %s", SPI_result_code_string(result));
	growth_end(receiver.growth);
	give_rows(&receiver);
	query_end(nest);
}

static void
store_row(void *arg, Datum *values, bool *nulls)
{
	ReturnSetInfo *info = arg;

	tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
}

DREAMSUITE_FUNCTION(dreamsuite_growth);

/* growth(user_id uuid, platform text, metrics text[], since date, until date); see sql/parts/50_growth.sql. */
Datum
dreamsuite_growth(PG_FUNCTION_ARGS)
{
	GrowthArgs args;

	srf_begin(fcinfo);
	args = growth_args(fcinfo->args);
	growth_run(&args, GROWTH_ALL_COLUMNS, store_row, fcinfo->resultinfo);
	return (Datum) 0;
}
