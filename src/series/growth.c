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

/* An account while its rows are gone through. */
typedef struct GrowthAccount
{
	struct GrowthAccount *next;
	pg_uuid_t user_id;
	char *stranger;         /* name of a platform that is not compiled in; NULL where it is */
	Datum platform;         /* text */
	const FieldKind *kinds; /* of the metrics */
	int seen_count;
	Datum seen[CHANGE_PERIODS]; /* one day of all users: rows before the day itself, palloc'd */
	History histories[FLEXIBLE_ARRAY_MEMBER];
} GrowthAccount;

/* Further days are read for at most so many spans by one query. An account needs two or fewer. */
#define MAX_SPANS 2048

struct Growth
{
	MemoryContext context;
	MemoryContext scratch; /* of one row of the query */
	DateADT since;         /* first day that is asked for */
	int count;
	char **names;
	Datum *name_datums;
	FieldKind **platform_kinds; /* by place in the registry; NULL: not met yet */
	Datum *platform_names;
	FieldKind *stranger_kinds;
	Datum qualities[QUALITY_RESET + 1];

	/* the account at hand, and the others of its prefix (row.h): seldom any */
	char prefix[ROW_PREFIX];
	GrowthAccount *account;
	GrowthAccount *live;
	GrowthAccount *spare;

	/*
	 * One day of all users: the query gives the day and the days exactly 1, 7 and 30 before it, which is all that most
	 * accounts need. What it gives of the others is kept, until the days that may stand in are read for many at once.
	 */
	bool one_day;
	Datum names_array;
	MemoryContext again_context; /* of spans and kept rows */
	int span_count;
	DaySpan *spans;
	int again_count;
	int again_next;
	Datum *again; /* kept rows, and then all rows to go through again */

	/* the row at hand */
	const char *tags;
	const char *at; /* value of the next metric */
	DateADT date;
	int next; /* metric; `count` when all are given */
	int32 buffers[1 + CHANGE_PERIODS][NUMBER_BYTES / sizeof(int32)];
};

/* What the metrics are on a platform; of one that lacks a metric no value comes. */
static FieldKind *
find_kinds(const Growth *self, const Platform *platform)
{
	FieldKind *kinds = palloc0(sizeof(FieldKind) * self->count);

	for (int i = 0; i < self->count; i++)
		metric_find(platform, self->names[i], &kinds[i]);
	return kinds;
}

Growth *
growth_begin(const GrowthArgs *args)
{
	Growth *self = palloc0(sizeof(Growth));
	int known = 0;

	self->context = CurrentMemoryContext;
	self->scratch =
		AllocSetContextCreate(CurrentMemoryContext, "dreamsuite growth row", ALLOCSET_DEFAULT_SIZES);
	self->again_context =
		AllocSetContextCreate(CurrentMemoryContext, "dreamsuite growth again", ALLOCSET_DEFAULT_SIZES);
	self->one_day = args->one_day;
	self->names_array = datumCopy(args->names, false, -1);
	if (self->one_day)
		self->spans = palloc(sizeof(DaySpan) * MAX_SPANS);
	self->since = args->since;
	self->count = args->count;
	self->next = args->count;
	self->names = palloc(sizeof(char *) * args->count);
	self->name_datums = palloc(sizeof(Datum) * args->count);
	for (int i = 0; i < args->count; i++)
	{
		self->names[i] = pstrdup(args->metrics[i]);
		self->name_datums[i] = CStringGetTextDatum(args->metrics[i]);
	}
	while (platforms[known])
		known++;
	self->platform_kinds = palloc0(sizeof(FieldKind *) * known);
	self->platform_names = palloc0(sizeof(Datum) * known);
	self->stranger_kinds = find_kinds(self, NULL);
	for (int i = 0; i <= QUALITY_RESET; i++)
		self->qualities[i] = CStringGetTextDatum(quality_word(i));
	return self;
}

/* Makes an account of the row's, out of a spare one where there is one. */
static GrowthAccount *
begin_account(Growth *self, const char *row)
{
	MemoryContext before = MemoryContextSwitchTo(self->context);
	GrowthAccount *account = self->spare;
	const char *stranger = row_stranger(row);

	if (account)
	{
		self->spare = account->next;
		for (int i = 0; i < self->count; i++)
			history_clear(&account->histories[i]);
	}
	else
	{
		account = palloc0(offsetof(GrowthAccount, histories) + sizeof(History) * self->count);
		for (int i = 0; i < self->count; i++)
			history_init(&account->histories[i], self->context);
	}
	account->next = self->live;
	self->live = account;
	memcpy(&account->user_id, row + ROW_USER, UUID_LEN);
	if (stranger)
	{
		account->stranger = pstrdup(stranger);
		account->platform = CStringGetTextDatum(stranger);
		account->kinds = self->stranger_kinds;
	}
	else
	{
		int place = (unsigned char) row[ROW_PLATFORM];

		if (self->platform_kinds[place] == NULL)
		{
			self->platform_kinds[place] = find_kinds(self, platforms[place]);
			self->platform_names[place] = CStringGetTextDatum(platforms[place]->name);
		}
		account->platform = self->platform_names[place];
		account->kinds = self->platform_kinds[place];
	}
	MemoryContextSwitchTo(before);
	return account;
}

static void
end_accounts(Growth *self)
{
	while (self->live)
	{
		GrowthAccount *account = self->live;

		self->live = account->next;
		if (account->stranger)
		{
			pfree(account->stranger);
			pfree(DatumGetPointer(account->platform));
			account->stranger = NULL;
		}
		while (account->seen_count > 0)
			pfree(DatumGetPointer(account->seen[--account->seen_count]));
		account->next = self->spare;
		self->spare = account;
	}
}

static inline bool
is_of(const GrowthAccount *account, const char *row)
{
	const char *stranger = row_stranger(row);

	if (memcmp(&account->user_id, row + ROW_USER, UUID_LEN) != 0)
		return false;
	return likely(stranger == NULL) || strcmp(account->stranger, stranger) == 0;
}

/* The account of a row: nearly always that of the row before. */
static GrowthAccount *
account_of(Growth *self, const char *row)
{
	if (self->account && memcmp(self->prefix, row, ROW_PREFIX) == 0)
	{
		if (is_of(self->account, row))
			return self->account;
		for (GrowthAccount *account = self->live; account; account = account->next)
		{
			if (is_of(account, row))
				return account;
		}
	}
	else
	{
		end_accounts(self);
		memcpy(self->prefix, row, ROW_PREFIX);
	}
	return begin_account(self, row);
}

/* Begins with a row of the query, or with one that was read again. */
static void
take(Growth *self, Datum datum)
{
	const char *row = VARDATA_ANY(DatumGetByteaPP(datum));

	self->account = account_of(self, row);
	self->tags = row_tags(row);
	self->at = self->tags + self->count;
	self->date = row_date(row);
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
		const History *history = &self->account->histories[i];
		bool has_month;
		bool has_week;

		if (self->tags[i] == ROW_UNKNOWN)
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

	span->user_id = datumCopy(UUIDPGetDatum(&self->account->user_id), false, UUID_LEN);
	span->platform = datumCopy(self->account->platform, false, -1);
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
	for (int i = 0; i < self->account->seen_count; i++)
		self->again[self->again_count++] = datumCopy(self->account->seen[i], false, -1);
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
	int count = growth_read_spans(self->names_array, self->spans, self->span_count, &further);

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
		MemoryContext before = MemoryContextSwitchTo(self->context);

		self->account->seen[self->account->seen_count++] = datumCopy(row, false, -1);
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
put_observation(Growth *self, int i, const Number *value, Datum *values, bool *nulls, uint32 wanted)
{
	Change change;

	values[OUT_USER] = UUIDPGetDatum(&self->account->user_id);
	nulls[OUT_USER] = false;
	values[OUT_PLATFORM] = self->account->platform;
	nulls[OUT_PLATFORM] = false;
	values[OUT_METRIC] = self->name_datums[i];
	nulls[OUT_METRIC] = false;
	values[OUT_DATE] = DateADTGetDatum(self->date);
	nulls[OUT_DATE] = false;
	put_number(values, nulls, OUT_VALUE, value, self->buffers[0]);
	if (wanted >> OUT_CHANGE == 0)
		return;

	change_compute(&self->account->histories[i], self->date, value, self->account->kinds[i], &change);
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
		MemoryContext before = MemoryContextSwitchTo(self->scratch);
		Number value = row_number((unsigned char) self->tags[i], &self->at);
		bool asked = self->date >= self->since;

		if (value.known)
		{
			if (asked)
				put_observation(self, i, &value, values, nulls, wanted);
			history_put(&self->account->histories[i], self->date, &value);
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
