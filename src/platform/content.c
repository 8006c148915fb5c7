/*
 * content.c
 *    Content items of one account: found by id, summed, ranked. Unknown counts are left out, never taken for zero.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "common/hashfn.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "platform/platform.h"

#define TOP_ENTRIES 10

Contents *
contents_create(void)
{
	Contents *contents = palloc0(sizeof(Contents));

	contents->bucket_count = 64;
	contents->buckets = palloc0(sizeof(ContentItem *) * contents->bucket_count);
	return contents;
}

Contents *
contents_copy(const Contents *contents)
{
	Contents *copy = contents_create();

	for (int i = 0; i < contents->count; i++)
	{
		const ContentItem *item = contents->items[i];
		ContentItem *other = contents_item(copy, item->content_id), *next = other->next_in_bucket;

		*other = *item;
		other->next_in_bucket = next;
		other->collaborators = list_copy(item->collaborators);
	}
	return copy;
}

static uint32
hash_id(const char *content_id)
{
	return DatumGetUInt32(hash_any((const unsigned char *) content_id, strlen(content_id)));
}

ContentItem *
contents_find(const Contents *contents, const char *content_id)
{
	ContentItem *item;

	if (contents == NULL)
		return NULL;
	item = contents->buckets[hash_id(content_id) & (contents->bucket_count - 1)];
	while (item != NULL && strcmp(item->content_id, content_id) != 0)
		item = item->next_in_bucket;
	return item;
}

/* Puts the item at the head of its bucket. */
static void
link_item(Contents *contents, ContentItem *item)
{
	ContentItem **bucket = &contents->buckets[hash_id(item->content_id) & (contents->bucket_count - 1)];

	item->next_in_bucket = *bucket;
	*bucket = item;
}

ContentItem *
contents_item(Contents *contents, const char *content_id)
{
	ContentItem *item = contents_find(contents, content_id);

	if (item != NULL)
		return item;
	if (contents->count == contents->room)
	{
		int room = Max(32, contents->room * 2);

		if (contents->items == NULL)
			contents->items = palloc(sizeof(ContentItem *) * room);
		else
			contents->items = repalloc(contents->items, sizeof(ContentItem *) * room);
		contents->room = room;
	}
	if (contents->count == contents->bucket_count)
	{
		contents->bucket_count *= 4;
		contents->buckets = repalloc(contents->buckets, sizeof(ContentItem *) * contents->bucket_count);
		memset(contents->buckets, 0, sizeof(ContentItem *) * contents->bucket_count);
		for (int i = 0; i < contents->count; i++)
			link_item(contents, contents->items[i]);
	}
	item = palloc0(sizeof(ContentItem));
	item->content_id = pstrdup(content_id);
	item->published_at = TIME_UNKNOWN;
	item->likes = item->comments = item->shares = item->views = COUNT_UNKNOWN;
	item->reach = item->saves = item->watch_time_minutes = COUNT_UNKNOWN;
	contents->items[contents->count++] = item;
	link_item(contents, item);
	return item;
}

ContentItem *
add_content(Normalised *out, const char *content_id, const char *kind)
{
	ContentItem *item = contents_item(out->content, content_id);

	item->kind = kind;
	item->listed = true;
	return item;
}

/* Adds one pair to extra; a later value of the same key wins. */
static void
add_extra(ContentItem *item, const char *key, JsonbValue *value)
{
	JsonbParseState *state = NULL;
	JsonbValue name = {.type = jbvString};
	Jsonb *pair;

	name.val.string.val = (char *) key;
	name.val.string.len = strlen(key);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &name);
	pushJsonbValue(&state, WJB_VALUE, value);
	pair = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	item->extra = item->extra == NULL ? pair
									  : DatumGetJsonbP(DirectFunctionCall2(
											jsonb_concat, JsonbPGetDatum(item->extra), JsonbPGetDatum(pair)));
}

void
content_extra_text(ContentItem *item, const char *key, const char *value)
{
	JsonbValue text = {.type = jbvString};

	if (value == NULL)
		return;
	text.val.string.val = (char *) value;
	text.val.string.len = strlen(value);
	add_extra(item, key, &text);
}

void
content_extra_count(ContentItem *item, const char *key, int64 value)
{
	JsonbValue number = {.type = jbvNumeric};

	if (value == COUNT_UNKNOWN)
		return;
	number.val.numeric = int64_to_numeric(value);
	add_extra(item, key, &number);
}

static int64
count_at(const ContentItem *item, size_t offset)
{
	return *(const int64 *) ((const char *) item + offset);
}

int64
content_sum(const Normalised *out, size_t offset, ContentFilter filter)
{
	int64 sum = 0;
	bool known = false, passed = false;

	for (int i = 0; i < out->content->count; i++)
	{
		const ContentItem *item = out->content->items[i];
		int64 count = count_at(item, offset);

		if (filter != NULL && !filter(out, item))
			continue;
		passed = true;
		if (count == COUNT_UNKNOWN)
			continue;
		known = true;
		if (pg_add_s64_overflow(sum, count, &sum))
			return COUNT_UNKNOWN;
	}
	return known || !passed ? sum : COUNT_UNKNOWN;
}

int64
content_number(const Normalised *out, ContentFilter filter)
{
	int64 n = 0;

	for (int i = 0; i < out->content->count; i++)
	{
		if (filter == NULL || filter(out, out->content->items[i]))
			n++;
	}
	return n;
}

int64
content_last_24h(const Normalised *out, ContentFilter filter)
{
	TimestampTz now = out->account->observed_at;
	int64 n = 0, dated = 0, passed = 0;

	for (int i = 0; i < out->content->count; i++)
	{
		const ContentItem *item = out->content->items[i];

		if (filter != NULL && !filter(out, item))
			continue;
		passed++;
		if (item->published_at == TIME_UNKNOWN)
			continue;
		dated++;
		if (item->published_at > now - USECS_PER_DAY && item->published_at <= now)
			n++;
	}
	return dated == 0 && passed > 0 ? COUNT_UNKNOWN : n;
}

/* Which count content_top() ranks by; list_sort() has no room for an argument. */
static size_t top_by;

static int
compare_counts(int64 a, int64 b)
{
	/* COUNT_UNKNOWN is the least of all, so unknown counts come last. */
	return a > b ? -1 : a < b ? 1 : 0;
}

static int
compare_top(const ListCell *a, const ListCell *b)
{
	const ContentItem *left = lfirst(a), *right = lfirst(b);
	int order = compare_counts(count_at(left, top_by), count_at(right, top_by));

	if (order == 0)
		order = compare_counts(left->comments, right->comments);
	return order != 0 ? order : strcmp(left->content_id, right->content_id);
}

List *
content_top(const Normalised *out, size_t by, ContentFilter filter)
{
	List *items = NIL;

	for (int i = 0; i < out->content->count; i++)
	{
		if (filter == NULL || filter(out, out->content->items[i]))
			items = lappend(items, out->content->items[i]);
	}
	top_by = by;
	list_sort(items, compare_top);
	return list_truncate(items, TOP_ENTRIES);
}

int64
sum_known(int n, ...)
{
	va_list counts;
	int64 sum = 0;
	bool known = false;

	va_start(counts, n);
	for (int i = 0; i < n; i++)
	{
		int64 count = va_arg(counts, int64);

		if (count == COUNT_UNKNOWN)
			continue;
		known = true;
		if (pg_add_s64_overflow(sum, count, &sum))
		{
			known = false;
			break;
		}
	}
	va_end(counts);
	return known ? sum : COUNT_UNKNOWN;
}
