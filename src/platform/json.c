/*
 * json.c
 *    Reading of answers: the accessors of json.h.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "common/int.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "platform/json.h"

/* ---- Members ---- */

bool
json_member(const JsonbContainer *object, const char *key, JsonbValue *value)
{
	if (object == NULL || !JsonContainerIsObject(object))
		return false;
	return getKeyJsonValueFromContainer((JsonbContainer *) object, key, strlen(key), value) != NULL;
}

/* The container that a value holds, if it is of the kind. */
static const JsonbContainer *
container_of(const JsonbValue *value, bool array)
{
	const JsonbContainer *container;

	if (value->type != jbvBinary)
		return NULL;
	container = value->val.binary.data;
	if (array ? !JsonContainerIsArray(container) : !JsonContainerIsObject(container))
		return NULL;
	return container;
}

const JsonbContainer *
json_object_in(const JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value) ? container_of(&value, false) : NULL;
}

const JsonbContainer *
json_array_in(const JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value) ? container_of(&value, true) : NULL;
}

/* Follows all but the last step of the path; *last is that one. */
static const JsonbContainer *
walk(const JsonbContainer *object, const char *path, const char **last)
{
	const char *dot;

	while (object != NULL && (dot = strchr(path, '.')) != NULL)
	{
		JsonbValue value;
		size_t n = dot - path;

		if (!JsonContainerIsObject(object) ||
			getKeyJsonValueFromContainer((JsonbContainer *) object, path, n, &value) == NULL)
			return NULL;
		object = container_of(&value, false);
		path = dot + 1;
	}
	*last = path;
	return object;
}

const JsonbContainer *
json_object_at(const JsonbContainer *object, const char *path)
{
	const char *last = path;
	const JsonbContainer *parent = walk(object, path, &last);

	return json_object_in(parent, last);
}

const JsonbContainer *
json_array_at(const JsonbContainer *object, const char *path)
{
	const char *last = path;
	const JsonbContainer *parent = walk(object, path, &last);

	return json_array_in(parent, last);
}

char *
json_text_at(const JsonbContainer *object, const char *path)
{
	const char *last = path;
	const JsonbContainer *parent = walk(object, path, &last);

	return json_text(parent, last);
}

bool
json_has(const JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value);
}

bool
json_is_null(const JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value) && value.type == jbvNull;
}

/* ---- Numbers ---- */

/* A decimal number without fraction ("12", "-3", "12.00") as int64, COUNT_UNKNOWN for every other text. */
static int64
decimal_to_whole(const char *s)
{
	bool negative = *s == '-';
	int64 whole = 0;

	if (negative)
		s++;
	if (*s < '0' || *s > '9')
		return COUNT_UNKNOWN;
	for (; *s >= '0' && *s <= '9'; s++)
	{
		if (pg_mul_s64_overflow(whole, 10, &whole) || pg_add_s64_overflow(whole, *s - '0', &whole))
			return COUNT_UNKNOWN;
	}
	if (*s == '.')
		s += 1 + strspn(s + 1, "0");
	if (*s != '\0')
		return COUNT_UNKNOWN;
	return negative ? -whole : whole;
}

/* A string that is nothing but a number: [-]digits[.digits]. Its text, NUL-terminated, in `out`. */
static bool
number_text(const JsonbValue *value, char *out, size_t room)
{
	int n = value->val.string.len, i = 0;
	const char *s = value->val.string.val;
	bool point = false, digit = false;

	if (n == 0 || (size_t) n >= room)
		return false;
	if (s[0] == '-')
		i = 1;
	for (; i < n; i++)
	{
		if (s[i] >= '0' && s[i] <= '9')
			digit = true;
		else if (s[i] == '.' && !point && digit)
			point = true;
		else
			return false;
	}
	memcpy(out, s, n);
	out[n] = '\0';
	return digit;
}

static int64
value_whole(const JsonbValue *value)
{
	char text[64];

	if (value->type == jbvNumeric)
	{
		char *decimal =
			DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		int64 whole = decimal_to_whole(decimal);

		pfree(decimal);
		return whole;
	}
	if (value->type == jbvString && number_text(value, text, sizeof(text)))
		return decimal_to_whole(text);
	return COUNT_UNKNOWN;
}

int64
json_value_count(const JsonbValue *value)
{
	int64 whole = value_whole(value);

	return whole < 0 ? COUNT_UNKNOWN : whole;
}

int64
json_count(const JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value) ? json_value_count(&value) : COUNT_UNKNOWN;
}

int64
json_integer(const JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value) ? value_whole(&value) : COUNT_UNKNOWN;
}

double
json_value_number(const JsonbValue *value)
{
	char text[64];
	double number;

	if (value->type == jbvNumeric)
		number = DatumGetFloat8(
			DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	else if (value->type == jbvString && number_text(value, text, sizeof(text)))
		number = strtod(text, NULL);
	else
		return NAN;
	return isfinite(number) ? number : NAN;
}

/* ---- Texts ---- */

char *
json_text(const JsonbContainer *object, const char *key)
{
	JsonbValue value;

	if (!json_member(object, key, &value) || value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

char *
json_id(const JsonbContainer *object, const char *key)
{
	JsonbValue value;

	if (!json_member(object, key, &value))
		return NULL;
	if (value.type == jbvString && value.val.string.len > 0)
		return pnstrdup(value.val.string.val, value.val.string.len);
	if (value.type == jbvNumeric)
	{
		char *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));

		if (strspn(text, "0123456789") == strlen(text))
			return text;
	}
	return NULL;
}

bool
json_bool(const JsonbContainer *object, const char *key, bool otherwise)
{
	JsonbValue value;

	return json_member(object, key, &value) && value.type == jbvBool ? value.val.boolean : otherwise;
}

bool
text_is(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

char *
text_unescape(char *text)
{
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;"};
	char *out = text;

	for (const char *in = text; in != NULL && *in != '\0'; out++)
	{
		size_t length = 1;

		*out = *in;
		for (int i = 0; i < lengthof(entities) && length == 1; i++)
		{
			if (strncmp(in, entities[i], strlen(entities[i])) == 0)
			{
				*out = "&<>"[i];
				length = strlen(entities[i]);
			}
		}
		in += length;
	}
	if (out != NULL)
		*out = '\0';
	return text;
}

char *
text_clip(const char *text, int bytes)
{
	int length = strlen(text);

	return pnstrdup(text, length <= bytes ? length : pg_mbcliplen(text, length, bytes));
}

TimestampTz
json_time(const JsonbContainer *object, const char *key)
{
	return time_from_iso(json_text(object, key));
}

/* ---- Arrays ---- */

JsonItems
json_items(const JsonbContainer *array)
{
	JsonItems items = {array, 0, 0};

	if (array != NULL && JsonContainerIsArray(array))
		items.count = JsonContainerSize(array);
	return items;
}

int
json_length(const JsonbContainer *array)
{
	return json_items(array).count;
}

bool
json_next_value(JsonItems *items, JsonbValue *value)
{
	JsonbValue *found;

	if (items->next >= items->count)
		return false;
	found = getIthJsonbValueFromContainer((JsonbContainer *) items->array, items->next++);
	*value = *found;
	pfree(found);
	return true;
}

bool
json_next_object(JsonItems *items, const JsonbContainer **object)
{
	JsonbValue value;

	while (json_next_value(items, &value))
	{
		*object = container_of(&value, false);
		if (*object != NULL)
			return true;
	}
	return false;
}

const JsonbContainer *
json_first_object(const JsonbContainer *array)
{
	JsonItems items = json_items(array);
	const JsonbContainer *object = NULL;

	return json_next_object(&items, &object) ? object : NULL;
}

bool
json_next_text(JsonItems *items, char **text)
{
	JsonbValue value;

	while (json_next_value(items, &value))
	{
		if (value.type == jbvString)
		{
			*text = pnstrdup(value.val.string.val, value.val.string.len);
			return true;
		}
	}
	return false;
}
