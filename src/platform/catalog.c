/*
 * catalog.c
 *    The compiled registry as SQL sees it: metric_catalog() and the rows of the view platforms.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "platform/platform.h"
#include "srf.h"

/* The words of the product's interface. */
static const char *
type_word(FieldType type)
{
	switch (type)
	{
		case FIELD_COUNT:
		case FIELD_NUMBER:
			return "number";
		case FIELD_TEXT:
			return "string";
		case FIELD_TEXTS:
			return "string[]";
		case FIELD_ENTRIES:
			return "array";
	}
	pg_unreachable();
}

const char *
field_kind_name(FieldKind kind)
{
	switch (kind)
	{
		case KIND_COUNTER:
			return "counter";
		case KIND_GAUGE:
			return "gauge";
		case KIND_ROLLING:
			return "rolling";
		case KIND_ROUNDED:
			return "rounded";
		case KIND_RATE:
			return "rate";
		case KIND_CHANGE:
			return "change";
		case KIND_LIST:
			return "list";
	}
	pg_unreachable();
}

static const char *
status_word(PlatformStatus status)
{
	switch (status)
	{
		case STATUS_READY:
			return "ready";
		case STATUS_IN_PROGRESS:
			return "in_progress";
		case STATUS_PLANNED:
			return "planned";
	}
	pg_unreachable();
}

static void
put_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

DREAMSUITE_FUNCTION(dreamsuite_metric_catalog);
DREAMSUITE_FUNCTION(dreamsuite_platform_catalog);

/* metric_catalog() -> (platform, metric, json_type, nullable, kind, unit, source, description) */
Datum
dreamsuite_metric_catalog(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = srf_begin(fcinfo);

	for (int i = 0; platforms[i]; i++)
	{
		for (const FieldDef *field = platforms[i]->fields; field->name; field++)
		{
			Datum values[8];
			bool nulls[8] = {false};

			put_text(values, nulls, 0, platforms[i]->name);
			put_text(values, nulls, 1, field->name);
			put_text(values, nulls, 2, type_word(field->type));
			values[3] = BoolGetDatum(field->nullable);
			put_text(values, nulls, 4, field_kind_name(field->kind));
			put_text(values, nulls, 5, field->unit);
			put_text(values, nulls, 6, field->source);
			put_text(values, nulls, 7, field->description);
			tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}

/* platform_catalog() -> (place, name, label, status, has_api, scopes text[]) */
Datum
dreamsuite_platform_catalog(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = srf_begin(fcinfo);

	for (int i = 0; platforms[i]; i++)
	{
		const Platform *platform = platforms[i];
		Datum values[6];
		bool nulls[6] = {false};
		Datum *scopes;
		int n = 0;

		while (platform->scopes && platform->scopes[n])
			n++;
		scopes = palloc(sizeof(Datum) * Max(n, 1));
		for (int s = 0; s < n; s++)
			scopes[s] = CStringGetTextDatum(platform->scopes[s]);
		values[0] = Int32GetDatum(i + 1);
		put_text(values, nulls, 1, platform->name);
		put_text(values, nulls, 2, platform->label);
		put_text(values, nulls, 3, status_word(platform->status));
		values[4] = BoolGetDatum(platform->has_api);
		values[5] = PointerGetDatum(construct_array(scopes, n, TEXTOID, -1, false, TYPALIGN_INT));
		tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
	}
	return (Datum) 0;
}
