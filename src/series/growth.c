/*
 * growth.c
 *    growth(): values of metrics by day, with their change over 1, 7 and 30 days.
 *
 * Every row of daily_metrics is read once, by a query that runs with the caller's rights and row security. It gives
 * short strings (row.h) in the order of accounts and days; they are taken one by one as the query produces them, so
 * memory does not grow with the number of rows. Per metric the last observations are at hand in a ring.
 */
#include "postgres.h"

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

/* Further days are read for at most so many spans by one query. An account needs two or fewer. */
#define MAX_SPANS 2048

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
	 * One day of all users: the query gives the day and the days exactly 1, 7 and 30 before it, which is all that most
	 * accounts need. What it gives of the others is kept, until the days that may stand in are read for many at once.
	 */
	bool one_day;
	Datum names;
	Datum seen[CHANGE_PERIODS]; /* rows of the account at hand, before the day itself */
	int seen_count;
	MemoryContext seen_context;
	MemoryContext again_context; /* of spans and kept rows */
	int span_count;
	DaySpan *spans;
	int again_count;
	int again_next;
	Datum *again; /* kept rows, and then all rows to go through again */

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
	self->seen_context =
		AllocSetContextCreate(CurrentMemoryContext, "dreamsuite growth seen", ALLOCSET_SMALL_SIZES);
	if (self->one_day)
		self->spans = palloc(sizeof(DaySpan) * MAX_SPANS);
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
	self->seen_count = 0;
	MemoryContextReset(self->seen_context);
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

/*
 * Which days before the one asked for does the account need besides those that the first query gave? A day that may
 * stand in for a missing one, and all of them where it has to be told whether the series is older.
 */
static void
missing_days(const Growth *self, bool *week, bool *month, bool *all)
{
	*week = *month = *all = false;
	for (int i = 0; i < self->count; i++)
	{
		const History *history = &self->metrics[i].history;
		bool has_month;
		bool has_week;

		if (!self->metrics[i].has || !row_knows(self->row, self->account_length, i))
			continue;
		has_month = history_at(history, self->date - 30) != NULL;
		has_week = history_at(history, self->date - 7) != NULL;
		*month |= !has_month;
		*week |= !has_week;
		*all |= !has_month && !has_week;
	}
}

static void
add_span(Growth *self, int first_back, int last_back)
{
	DaySpan *span = &self->spans[self->span_count++];

	span->user_id = datumCopy(self->user_id, false, UUID_LEN);
	span->platform = datumCopy(self->platform, false, -1);
	span->first = self->date - first_back;
	span->last = self->date - last_back;
}

/* Puts the account aside: its rows so far, and the days that are to be read. */
static void
set_aside(Growth *self, Datum row, bool week, bool month, bool all)
{
	MemoryContext before = MemoryContextSwitchTo(self->again_context);

	if (self->again == NULL)
		self->again = palloc(sizeof(Datum) * MAX_SPANS * (1 + CHANGE_PERIODS));
	if (all)
		add_span(self, CHANGE_REACH, 2);
	else
	{
		if (week)
			add_span(self, 8, 8);
		if (month)
			add_span(self, CHANGE_REACH, 31);
	}
	for (int i = 0; i < self->seen_count; i++)
		self->again[self->again_count++] = datumCopy(self->seen[i], false, -1);
	self->again[self->again_count++] = datumCopy(row, false, -1);
	MemoryContextSwitchTo(before);
}

/* By account and date. */
static int
compare_rows(const void *a, const void *b)
{
	bytea *left = DatumGetByteaPP(*(const Datum *) a);
	bytea *right = DatumGetByteaPP(*(const Datum *) b);
	int left_length = VARSIZE_ANY_EXHDR(left);
	int right_length = VARSIZE_ANY_EXHDR(right);
	int order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right), Min(left_length, right_length));

	return order ? order : left_length - right_length;
}

/* Reads the further days and lets growth_give() go through the accounts that were set aside. */
static void
read_again(Growth *self)
{
	MemoryContext before = MemoryContextSwitchTo(self->again_context);
	Datum *further;
	Datum *rows;
	int count = growth_read_spans(self->names, self->spans, self->span_count, &further);

	rows = palloc(sizeof(Datum) * (self->again_count + count));
	memcpy(rows, self->again, sizeof(Datum) * self->again_count);
	memcpy(rows + self->again_count, further, sizeof(Datum) * count);
	self->again = rows;
	self->again_count += count;
	qsort(rows, self->again_count, sizeof(Datum), compare_rows);
	self->again_next = 0;
	self->span_count = 0;
	MemoryContextSwitchTo(before);
}

void
growth_take(Growth *self, Datum row, bool isnull)
{
	bool week;
	bool month;
	bool all;

	if (isnull)
		return;
	if (unlikely(!self->scratch->isReset))
		MemoryContextReset(self->scratch);
	if (self->again_next > 0)
	{
		/* gone through */
		MemoryContextReset(self->again_context);
		self->again = NULL;
		self->again_count = self->again_next = 0;
	}
	take(self, row);
	if (!self->one_day)
		return;

	if (self->date < self->since)
	{
		MemoryContext before = MemoryContextSwitchTo(self->seen_context);

		self->seen[self->seen_count++] = datumCopy(row, false, -1);
		MemoryContextSwitchTo(before);
		return;
	}
	missing_days(self, &week, &month, &all);
	if (!week && !month)
		return;
	set_aside(self, row, week, month, all);
	self->next = self->count;
	if (self->span_count > MAX_SPANS - 2)
		read_again(self);
}

void
growth_end(Growth *self)
{
	if (self->span_count > 0)
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
		if (self->span_count > 0 || self->again_next >= self->again_count)
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
