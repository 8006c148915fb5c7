/*
 * json.h
 *    Reading of answers: typed accessors over jsonb that know the ways of the platforms.
 *
 * A count may come as a number, a string of digits or a float without a fraction. Absent, null and nonsense are
 * all "unknown", and unknown is never zero. Nothing here raises for what an answer contains.
 * Accessors take NULL as the container and then answer unknown, so that they can be chained.
 * Text is palloc'd in the current memory context.
 */
#ifndef DREAMSUITE_JSON_H
#define DREAMSUITE_JSON_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#define COUNT_UNKNOWN PG_INT64_MIN
#define TIME_UNKNOWN  DT_NOBEGIN /* no platform existed before the beginning of time */

/*
 * Parses a body. Invalid UTF-8, lone surrogates and NUL characters, which jsonb cannot hold, become U+FFFD.
 * Returns NULL where the body is not JSON, is nested deeper than 64 levels, or is a bare scalar; then *reason (may be
 * NULL) is a static text that tells why. Needs no transaction.
 */
extern Jsonb *json_parse(const char *body, size_t length, const char **reason);

/*
 * The member of an object: a container, or NULL where it is absent or of another type. (json_object is a name of the
 * server itself.)
 */
extern const JsonbContainer *json_object_in(const JsonbContainer *object, const char *key);
extern const JsonbContainer *json_array_in(const JsonbContainer *object, const char *key);

/* The same at the end of a path of objects, "paging.cursors". */
extern const JsonbContainer *json_object_at(const JsonbContainer *object, const char *path);
extern const JsonbContainer *json_array_at(const JsonbContainer *object, const char *path);

/* Is the member there at all (null counts as there)? Is it JSON null? */
extern bool json_has(const JsonbContainer *object, const char *key);
extern bool json_is_null(const JsonbContainer *object, const char *key);

/* A count: 0 or more; COUNT_UNKNOWN where absent, null, negative, fractional or beyond bigint. */
extern int64 json_count(const JsonbContainer *object, const char *key);

/* A whole number that may be negative; COUNT_UNKNOWN as above. */
extern int64 json_integer(const JsonbContainer *object, const char *key);

/* Text; NULL where absent, null or not a string. json_text_at follows a path of objects. */
extern char *json_text(const JsonbContainer *object, const char *key);
extern char *json_text_at(const JsonbContainer *object, const char *path);

/* An identifier, given as text or as a whole number of any size, as text; NULL where absent or empty. */
extern char *json_id(const JsonbContainer *object, const char *key);

/* true or false; `otherwise` where it is neither. */
extern bool json_bool(const JsonbContainer *object, const char *key, bool otherwise);

/* ISO 8601 in the ways that platforms write it (offset as Z, +00:00 or +0000, with or without fraction; a missing
 * offset is UTC, also "YYYY/MM/DD HH:MM:SS +0000"); TIME_UNKNOWN where it is none. */
extern TimestampTz json_time(const JsonbContainer *object, const char *key);

/* The same for a text, and for seconds since 1970. */
extern TimestampTz time_from_iso(const char *text);
extern TimestampTz time_from_epoch(int64 seconds);

/* The earlier of two times; the other where one is TIME_UNKNOWN. */
extern TimestampTz time_earlier(TimestampTz a, TimestampTz b);

/* ISO 8601 in UTC, "2026-03-01T06:00:00Z"; seconds since 1970. */
extern char *time_to_iso(TimestampTz time);
extern int64 time_to_epoch(TimestampTz time);

/* The entries of an array, in order:
 *
 *     JsonItems items = json_items(json_array_in(body, "data"));
 *     const JsonbContainer *item;
 *     while (json_next_object(&items, &item)) ...
 *
 * json_next_object passes over entries that are no objects (null entries of a page). */
typedef struct JsonItems
{
	const JsonbContainer *array;
	uint32 next;
	uint32 count;
} JsonItems;

extern JsonItems json_items(const JsonbContainer *array);
extern bool json_next_object(JsonItems *items, const JsonbContainer **object);
extern bool json_next_text(JsonItems *items, char **text);        /* strings only */
extern bool json_next_value(JsonItems *items, JsonbValue *value); /* every entry */

/* The first object of the array; NULL where there is none. */
extern const JsonbContainer *json_first_object(const JsonbContainer *array);

/* Number of entries; 0 for NULL. */
extern int json_length(const JsonbContainer *array);

/* The member as it is; false where absent. Points into the container. */
extern bool json_member(const JsonbContainer *object, const char *key, JsonbValue *value);

/* The value as a count, a number, an id. Same rules as above. */
extern int64 json_value_count(const JsonbValue *value);
extern double json_value_number(const JsonbValue *value);

/* Are they the same? NULL is no text. */
extern bool text_is(const char *text, const char *word);

/* Replaces &amp;, &lt; and &gt; by what they stand for, in place. */
extern char *text_unescape(char *text);

/* Text cut to at most `bytes` at a character's border. */
extern char *text_clip(const char *text, int bytes);

#endif
