/*
 * arguments.c
 *    Arguments of SQL functions about apps and accounts.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "collect/arguments.h"
#include "secrets/seal.h"

char *
text_argument(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

char *
secret_argument(FunctionCallInfo fcinfo, int i)
{
	text *value;
	char *copy;

	if (PG_ARGISNULL(i))
		return NULL;
	value = PG_GETARG_TEXT_PP(i);
	copy = seal_alloc(VARSIZE_ANY_EXHDR(value) + 1);
	memcpy(copy, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	return copy;
}

const Platform *
platform_argument(FunctionCallInfo fcinfo, int i)
{
	const Platform *platform;

	if (PG_ARGISNULL(i))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("platform must not be null"),
						errhint("See the view dreamsuite.platforms.")));
	platform = platform_get(text_argument(fcinfo, i));
	if (platform->oauth == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("platform \"%s\" has no authorisation", platform->name),
						errdetail("It has no API that is open to apps."),
						errhint("Its numbers are recorded by hand with dreamsuite.record_metrics().")));
	return platform;
}

bool
is_visible(const char *text, size_t most)
{
	size_t length = strlen(text);

	for (const unsigned char *s = (const unsigned char *) text; *s != '\0'; s++)
	{
		if (*s <= ' ' || *s >= 0x7F)
			return false;
	}
	return length >= 1 && length <= most;
}

List *
scopes_argument(FunctionCallInfo fcinfo, int i)
{
	List *scopes = NIL;
	Datum *elements;
	bool *nulls;
	int n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(i), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int e = 0; e < n; e++)
	{
		char *scope = nulls[e] ? NULL : TextDatumGetCString(elements[e]);

		if (scope == NULL || !is_visible(scope, 256) || strchr(scope, ',') != NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("invalid scope \"%s\"", scope != NULL ? text_clip(scope, 64) : "null"),
							errdetail("A scope is a word without blanks and commas."),
							errhint("Pass them as an array, or null for those that the platform needs.")));
		scopes = lappend(scopes, scope);
	}
	return scopes;
}
