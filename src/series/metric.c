/*
 * metric.c
 *    What the name of a metric means.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "lib/stringinfo.h"

#include "series/metric.h"

static const struct
{
	const char *name;
	MetricSource source;
	FieldKind kind;
} core_columns[] = {
	{"follower_count", METRIC_AUDIENCE, KIND_COUNTER},
	{"follower_change_24h", METRIC_CHANGE_24H, KIND_CHANGE},
	{"engagement_total", METRIC_ENGAGEMENT, KIND_COUNTER},
	{"content_count", METRIC_CONTENT, KIND_GAUGE},
};

MetricSource
metric_source(const char *name)
{
	for (int i = 0; i < lengthof(core_columns); i++)
	{
		if (strcmp(core_columns[i].name, name) == 0)
			return core_columns[i].source;
	}
	return METRIC_KEY;
}

static bool
is_number(const FieldDef *field)
{
	return field->type == FIELD_COUNT || field->type == FIELD_NUMBER;
}

/* engagement_total is what it adds up; a sum of totals of the last days is one. */
static FieldKind
engagement_kind(const Platform *platform)
{
	char *rest = pstrdup(platform->engagement), *name;
	FieldKind kind = KIND_COUNTER;

	while ((name = strsep(&rest, ",")) != NULL)
	{
		const FieldDef *field = platform_field(platform, name);

		if (field != NULL && field->kind == KIND_ROLLING)
			kind = KIND_ROLLING;
	}
	return kind;
}

bool
metric_find(const Platform *platform, const char *name, FieldKind *kind)
{
	const FieldDef *field = NULL;

	for (int i = 0; i < lengthof(core_columns); i++)
	{
		if (strcmp(core_columns[i].name, name) != 0)
			continue;
		/* the audience is what its field says: rounded, or a counter */
		if (core_columns[i].source == METRIC_AUDIENCE && platform && platform->audience)
			field = platform_field(platform, platform->audience);
		if (kind)
			*kind = field ? field->kind : core_columns[i].kind;
		if (kind && core_columns[i].source == METRIC_ENGAGEMENT && platform && platform->engagement)
			*kind = engagement_kind(platform);
		return true;
	}

	if (platform)
		field = platform_field(platform, name);
	if (field == NULL || !is_number(field))
		return false;
	if (kind)
		*kind = field->kind;
	return true;
}

bool
metric_is_given(const char *name)
{
	return strcmp(name, "playlist_placements") == 0 || strcmp(name, "editorial_playlists") == 0;
}

/* "a, b, c": every metric of the platform that is a number. */
static char *
number_names(const Platform *platform)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(core_columns); i++)
		appendStringInfo(&names, "%s%s", i == 0 ? "" : ", ", core_columns[i].name);
	for (const FieldDef *field = platform->fields; field->name; field++)
	{
		if (is_number(field) && metric_source(field->name) == METRIC_KEY)
			appendStringInfo(&names, ", %s", field->name);
	}
	return names.data;
}

void
metric_check(const Platform *platform, const char *name)
{
	bool named = false;

	if (platform)
	{
		if (metric_find(platform, name, NULL))
			return;
		if (platform_field(platform, name))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("metric \"%s\" of platform \"%s\" is not a number", name, platform->name),
							errdetail("Its numeric metrics are %s.", number_names(platform)),
							errhint("See dreamsuite.metric_catalog().")));
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unknown metric \"%s\" for platform \"%s\"", name, platform->name),
						errdetail("Its metrics are %s.", number_names(platform)),
						errhint("See dreamsuite.metric_catalog().")));
	}

	for (int i = 0; platforms[i]; i++)
	{
		if (metric_find(platforms[i], name, NULL))
			return;
		named |= platform_field(platforms[i], name) != NULL;
	}
	if (metric_source(name) != METRIC_KEY)
		return;
	if (named)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("metric \"%s\" is not a number", name),
				 errhint("See dreamsuite.metric_catalog() for the numeric metrics of each platform.")));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown metric \"%s\"", name),
					errdetail("No platform has a metric of that name."),
					errhint("See dreamsuite.metric_catalog() for the metrics of each platform.")));
}

Number
metric_in_jsonb(const JsonbContainer *metrics, const char *key)
{
	JsonbValue value;

	if (!JsonContainerIsObject(metrics) ||
		getKeyJsonValueFromContainer((JsonbContainer *) metrics, key, strlen(key), &value) == NULL ||
		value.type != jbvNumeric)
		return NUMBER_UNKNOWN;
	return number_from_numeric(value.val.numeric);
}

/* Keys of a jsonb object are ordered by length, then by bytes. */
static inline int
compare_key(const JsonbContainer *object, uint32 i, const char *key, int length)
{
	const char *base = (const char *) &object->children[JsonContainerSize(object) * 2];
	int have = getJsonbLength(object, i);

	if (have != length)
		return have > length ? 1 : -1;
	return memcmp(base + getJsonbOffset(object, i), key, length);
}

Number
metric_in_jsonb_near(const JsonbContainer *object, const char *key, int length, uint32 *near)
{
	uint32 count = JsonContainerSize(object);
	const char *base = (const char *) &object->children[count * 2];
	uint32 place = *near;
	JEntry entry;

	if (!JsonContainerIsObject(object))
		return NUMBER_UNKNOWN;
	if (unlikely(place >= count || compare_key(object, place, key, length) != 0))
	{
		uint32 low = 0;
		uint32 high = count;

		while (low < high)
		{
			int order;

			place = low + (high - low) / 2;
			order = compare_key(object, place, key, length);
			if (order == 0)
				break;
			if (order < 0)
				low = place + 1;
			else
				high = place;
		}
		if (low >= high)
			return NUMBER_UNKNOWN;
		*near = place;
	}
	entry = object->children[count + place];
	if (!JBE_ISNUMERIC(entry))
		return NUMBER_UNKNOWN;
	return number_from_numeric((Numeric) (base + INTALIGN(getJsonbOffset(object, count + place))));
}

Number
metric_audience(const Platform *platform, const Number *column, const JsonbContainer *metrics)
{
	if (column->known || platform == NULL || platform->audience == NULL)
		return *column;
	return metric_in_jsonb(metrics, platform->audience);
}
