/*
 * series.c
 *    All daily series of a user in one pass.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "series/metric.h"
#include "series/query.h"
#include "series/series.h"

/* Columns of the query. */
enum
{
	IN_PLATFORM = 1,
	IN_DATE,
	IN_FOLLOWERS,
	IN_ENGAGEMENT,
	IN_CONTENT,
	IN_METRICS
};

/* The series of one platform while they are loaded. */
typedef struct Loading
{
	const Platform *platform;
	bool met;
	int count; /* engagement_total and content_count are the last two */
	Series *series;
	Series *audience; /* NULL: the platform has none */

	/* The keys of the last row: those of the next are nearly always the same. */
	uint32 key_count;
	uint32 key_bytes;
	JEntry *key_entries;
	char *keys;
	Series **series_of_key; /* NULL for keys that are no series */
} Loading;

typedef struct Loader
{
	DestReceiver pub;
	MemoryContext context;
	MemoryContext scratch;
	DateADT first;
	int days;
	int platform_count;
	Loading *loadings;
	Loading *last;
} Loader;

static void
add_series(Loader *self, Loading *loading, const char *metric, const FieldDef *field)
{
	Series *series = &loading->series[loading->count++];

	series->platform = loading->platform;
	series->metric = metric;
	series->field = field;
	metric_find(loading->platform, metric, &series->kind);
	series->unit = field ? field->unit : NULL;
	series->audience =
		field && loading->platform->audience && strcmp(loading->platform->audience, metric) == 0;
	if (series->audience)
		loading->audience = series;
	series->first_known = -1;
	series->last_known = -1;
	series->values = palloc(sizeof(double) * self->days);
	series->quality = palloc0(self->days);
	for (int i = 0; i < self->days; i++)
		series->values[i] = NAN;
}

/* Makes room for a platform that the user turns out to have. */
static void
meet(Loader *self, Loading *loading)
{
	MemoryContext before = MemoryContextSwitchTo(self->context);
	int room = 2;

	for (const FieldDef *field = loading->platform->fields; field->name; field++)
		room++;
	loading->series = palloc0(sizeof(Series) * room);
	for (const FieldDef *field = loading->platform->fields; field->name; field++)
	{
		if ((field->type == FIELD_COUNT || field->type == FIELD_NUMBER) && field->kind != KIND_CHANGE)
			add_series(self, loading, field->name, field);
	}
	add_series(self, loading, "engagement_total", NULL);
	add_series(self, loading, "content_count", NULL);
	loading->met = true;
	MemoryContextSwitchTo(before);
}

static Loading *
find_loading(Loader *self, const text *name)
{
	const char *bytes = VARDATA_ANY(name);
	int length = VARSIZE_ANY_EXHDR(name);

	if (self->last && strncmp(self->last->platform->name, bytes, length) == 0 &&
		self->last->platform->name[length] == '\0')
		return self->last;
	for (int i = 0; i < self->platform_count; i++)
	{
		Loading *loading = &self->loadings[i];

		if (strncmp(loading->platform->name, bytes, length) != 0 || loading->platform->name[length] != '\0')
			continue;
		if (!loading->met)
			meet(self, loading);
		self->last = loading;
		return loading;
	}
	return NULL;
}

static double
column_value(TupleTableSlot *slot, int column, bool wide)
{
	bool isnull;
	Datum datum = slot_getattr(slot, column, &isnull);

	if (isnull)
		return NAN;
	return wide ? (double) DatumGetInt64(datum) : (double) DatumGetInt32(datum);
}

/* Learns which key is which series. */
static void
learn_keys(Loader *self, Loading *loading, const JsonbContainer *object)
{
	MemoryContext before = MemoryContextSwitchTo(self->context);
	uint32 count = JsonContainerSize(object);
	const char *base = (const char *) &object->children[count * 2];

	if (loading->key_entries)
	{
		pfree(loading->key_entries);
		pfree(loading->keys);
		pfree(loading->series_of_key);
	}
	loading->key_count = count;
	loading->key_bytes = count > 0 ? getJsonbOffset(object, count) : 0;
	loading->key_entries = palloc(sizeof(JEntry) * (count + 1));
	memcpy(loading->key_entries, object->children, sizeof(JEntry) * count);
	loading->keys = palloc(loading->key_bytes + 1);
	memcpy(loading->keys, base, loading->key_bytes);
	loading->series_of_key = palloc0(sizeof(Series *) * (count + 1));
	for (uint32 i = 0; i < count; i++)
	{
		const char *key = base + getJsonbOffset(object, i);
		int length = getJsonbLength(object, i);

		for (int s = 0; s < loading->count; s++)
		{
			Series *series = &loading->series[s];

			if (series->field && strncmp(series->metric, key, length) == 0 && series->metric[length] == '\0')
				loading->series_of_key[i] = series;
		}
	}
	MemoryContextSwitchTo(before);
}

/* Goes once through the values of a row. */
static void
read_metrics(Loader *self, Loading *loading, const JsonbContainer *object, int day)
{
	uint32 count = JsonContainerSize(object);
	const char *base = (const char *) &object->children[count * 2];
	uint32 offset;

	if (!JsonContainerIsObject(object) || count == 0)
		return;
	if (count != loading->key_count ||
		memcmp(loading->key_entries, object->children, sizeof(JEntry) * count) != 0 ||
		memcmp(loading->keys, base, loading->key_bytes) != 0)
		learn_keys(self, loading, object);

	offset = loading->key_bytes;
	for (uint32 i = 0; i < count; i++)
	{
		JEntry entry = object->children[count + i];
		Series *series = loading->series_of_key[i];

		if (series && JBE_ISNUMERIC(entry))
		{
			Number number = number_from_numeric((Numeric) (base + INTALIGN(offset)));

			series->values[day] = number_to_double(&number);
		}
		JBE_ADVANCE_OFFSET(offset, entry);
	}
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *receiver)
{
	Loader *self = (Loader *) receiver;
	MemoryContext before = MemoryContextSwitchTo(self->scratch);
	bool isnull;
	Loading *loading = find_loading(self, DatumGetTextPP(slot_getattr(slot, IN_PLATFORM, &isnull)));
	int day = DatumGetDateADT(slot_getattr(slot, IN_DATE, &isnull)) - self->first;

	if (loading && day >= 0 && day < self->days)
	{
		Jsonb *metrics = DatumGetJsonbP(slot_getattr(slot, IN_METRICS, &isnull));

		read_metrics(self, loading, &metrics->root, day);
		if (loading->audience && isnan(loading->audience->values[day]))
			loading->audience->values[day] = column_value(slot, IN_FOLLOWERS, true);
		loading->series[loading->count - 2].values[day] = column_value(slot, IN_ENGAGEMENT, true);
		loading->series[loading->count - 1].values[day] = column_value(slot, IN_CONTENT, false);
	}
	MemoryContextSwitchTo(before);
	if (!self->scratch->isReset)
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

/* What each known day is worth, by the observation before it. */
static void
judge(Series *series, int days)
{
	bool counter = series->kind == KIND_COUNTER || series->kind == KIND_ROUNDED;

	for (int day = 0; day < days; day++)
	{
		Quality quality = QUALITY_EXACT;

		if (isnan(series->values[day]))
			continue;
		if (series->known > 0)
		{
			if (counter && series->values[day] * 2 < series->values[series->last_known])
				quality = QUALITY_RESET;
			else if (series->last_known < day - 1)
				quality = QUALITY_GAP;
		}
		if (quality != QUALITY_RESET)
		{
			if (series->kind == KIND_ROLLING)
				quality = QUALITY_ROLLING;
			else if (series->kind == KIND_ROUNDED)
				quality = QUALITY_ROUNDED;
		}
		series->quality[day] = quality;
		if (series->known++ == 0)
			series->first_known = day;
		series->last_known = day;
	}
}

/* The days that the user has rows of, inside the asked ones; false where there are none. */
static bool
clip_days(Datum user_id, DateADT *since, DateADT *until)
{
	static SPIPlanPtr plan = NULL;
	HeapTuple tuple;
	TupleDesc desc;
	bool isnull;
	DateADT first;
	DateADT last;

	if (!DATE_NOT_FINITE(*since) && !DATE_NOT_FINITE(*until))
		return *since <= *until;
	query_plan(&plan,
			   "SELECT min(date), max(date) FROM dreamsuite.daily_metrics"
			   " WHERE user_id = $1 AND date > '-infinity' AND date < 'infinity'",
			   1, (Oid[]){UUIDOID});
	query_run(plan, &user_id, true, SPI_OK_SELECT);
	tuple = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	first = DatumGetDateADT(SPI_getbinval(tuple, desc, 1, &isnull));
	if (isnull)
		return false;
	last = DatumGetDateADT(SPI_getbinval(tuple, desc, 2, &isnull));
	if (DATE_NOT_FINITE(*since))
		*since = first;
	if (DATE_NOT_FINITE(*until))
		*until = last;
	return *since <= *until;
}

SeriesSet *
series_load(Datum user_id, DateADT since, DateADT until)
{
	SeriesSet *set = palloc0(sizeof(SeriesSet));
	Loader loader = {
		.pub = {.receiveSlot = receive_row,
				.rStartup = receiver_startup,
				.rShutdown = receiver_end,
				.rDestroy = receiver_end,
				.mydest = DestTuplestore},
		.context = CurrentMemoryContext,
	};
	ParamListInfo params = makeParamList(3);
	SPIExecuteOptions options = {.params = params, .read_only = true, .dest = (DestReceiver *) &loader};
	int nest;
	int room = 0;

	nest = query_begin();
	if (!clip_days(user_id, &since, &until))
	{
		query_end(nest);
		return set;
	}
	set->first = loader.first = since;
	set->days = loader.days = until - since + 1;

	while (platforms[loader.platform_count])
		loader.platform_count++;
	loader.loadings = palloc0(sizeof(Loading) * loader.platform_count);
	for (int i = 0; i < loader.platform_count; i++)
		loader.loadings[i].platform = platforms[i];
	loader.scratch =
		AllocSetContextCreate(CurrentMemoryContext, "dreamsuite series row", ALLOCSET_DEFAULT_SIZES);

	params->params[0] = (ParamExternData){user_id, false, PARAM_FLAG_CONST, UUIDOID};
	params->params[1] = (ParamExternData){DateADTGetDatum(since), false, PARAM_FLAG_CONST, DATEOID};
	params->params[2] = (ParamExternData){DateADTGetDatum(until), false, PARAM_FLAG_CONST, DATEOID};
	if (SPI_execute_extended("SELECT platform, date, follower_count, engagement_total, content_count, metrics"
							 "  FROM dreamsuite.daily_metrics WHERE user_id = $1 AND date BETWEEN $2 AND $3",
							 &options) != SPI_OK_SELECT)
		elog(ERROR, "could not read daily_metrics");

	for (int i = 0; i < loader.platform_count; i++)
		room += loader.loadings[i].count;
	MemoryContextSwitchTo(loader.context);
	set->series = palloc(sizeof(Series) * Max(room, 1));
	for (int i = 0; i < loader.platform_count; i++)
	{
		const Loading *loading = &loader.loadings[i];

		for (int j = 0; j < loading->count; j++)
		{
			set->series[set->count] = loading->series[j];
			judge(&set->series[set->count], set->days);
			set->count++;
		}
	}
	query_end(nest);
	return set;
}

const Series *
series_find(const SeriesSet *set, const char *platform, const char *metric)
{
	bool audience = metric_source(metric) == METRIC_AUDIENCE;

	for (int i = 0; i < set->count; i++)
	{
		const Series *series = &set->series[i];

		if (strcmp(series->platform->name, platform) == 0 &&
			(audience ? series->audience : strcmp(series->metric, metric) == 0))
			return series;
	}
	return NULL;
}
