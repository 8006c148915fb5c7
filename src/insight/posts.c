/*
 * posts.c
 *    Reading an artist's content.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "insight/posts.h"
#include "series/query.h"

/* Bytes of a caption that evidence may show. */
#define TITLE_MOST 80

/* Releases that are announced are known before their day. */
#define DAYS_AHEAD 31

/* The newest posts of a platform that count; older ones say little of today's audience. */
#define POSTS_MOST 600

enum
{
	IN_PLATFORM = 1,
	IN_ID,
	IN_KIND,
	IN_TITLE,
	IN_PUBLISHED,
	IN_COLLABORATORS,
	IN_LIKES,
	IN_COMMENTS,
	IN_SHARES,
	IN_SAVES,
	IN_VIEWS,
	IN_REACH,
	IN_EARLY_LIKES,
	IN_EARLY_COMMENTS,
	IN_EARLY_SHARES,
	IN_EARLY_VIEWS
};

static const char *const query =
	"SELECT i.platform, i.content_id, i.kind, i.title, i.published_at, i.collaborators, i.likes, i.comments,"
	"       i.shares, i.saves, i.views, i.reach, h.likes, h.comments, h.shares, h.views"
	"  FROM dreamsuite.content_items i"
	"  LEFT JOIN dreamsuite.content_history h"
	"    ON h.user_id = i.user_id AND h.platform = i.platform AND h.content_id = i.content_id"
	"   AND h.date = (i.published_at AT TIME ZONE 'UTC')::date + 7"
	" WHERE i.user_id = $1 AND i.published_at < $2"
	" ORDER BY i.platform, i.published_at, i.content_id";

/* The sum of the counts [from, to] that are known; NaN where none is. */
static double
sum_counts(HeapTuple tuple, TupleDesc desc, int from, int to)
{
	double sum = NAN;

	for (int column = from; column <= to; column++)
	{
		bool isnull;
		Datum datum = SPI_getbinval(tuple, desc, column, &isnull);

		if (!isnull)
			sum = (isnan(sum) ? 0 : sum) + (double) DatumGetInt64(datum);
	}
	return sum;
}

static char *
get_text(HeapTuple tuple, TupleDesc desc, int column)
{
	bool isnull;
	Datum datum = SPI_getbinval(tuple, desc, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(datum);
}

/* No more of a caption than evidence shows. */
static char *
clip(char *title)
{
	int length;

	if (title == NULL)
		return NULL;
	length = strlen(title);
	title[pg_mbcliplen(title, length, TITLE_MOST)] = '\0';
	return title;
}

static List *
get_names(HeapTuple tuple, TupleDesc desc, int column)
{
	bool isnull;
	Datum datum = SPI_getbinval(tuple, desc, column, &isnull);
	Datum *elements;
	bool *nulls;
	int n;
	List *names = NIL;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(datum), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			names = lappend(names, clip(TextDatumGetCString(elements[i])));
	}
	return names;
}

static void
read_post(Post *post, HeapTuple tuple, TupleDesc desc, const Outlet *outlet)
{
	bool isnull;

	post->id = get_text(tuple, desc, IN_ID);
	post->kind = get_text(tuple, desc, IN_KIND);
	post->title = clip(get_text(tuple, desc, IN_TITLE));
	post->published_at = DatumGetTimestampTz(SPI_getbinval(tuple, desc, IN_PUBLISHED, &isnull));
	post->day = local_date(post->published_at, outlet->time_zone);
	post->hour =
		(post->published_at - local_midnight(post->published_at, outlet->time_zone)) / USECS_PER_HOUR;
	post->collaborators = get_names(tuple, desc, IN_COLLABORATORS);
	post->interactions = sum_counts(tuple, desc, IN_LIKES, IN_SAVES);
	post->views = sum_counts(tuple, desc, IN_VIEWS, IN_VIEWS);
	if (isnan(post->views))
		post->views = sum_counts(tuple, desc, IN_REACH, IN_REACH);
	post->early = sum_counts(tuple, desc, IN_EARLY_LIKES, IN_EARLY_SHARES);
	post->early_views = sum_counts(tuple, desc, IN_EARLY_VIEWS, IN_EARLY_VIEWS);
}

/* The outlet of a platform; made where content is all that is known of it. */
static Outlet *
outlet_of(Artist *artist, const char *platform)
{
	Outlet *outlet;

	for (int i = 0; i < artist->outlet_count; i++)
	{
		if (strcmp(artist->outlets[i].platform->name, platform) == 0)
			return &artist->outlets[i];
	}
	if (platform_find(platform) == NULL)
		return NULL;
	outlet = &artist->outlets[artist->outlet_count++];
	outlet->platform = platform_find(platform);
	outlet->time_zone = "UTC";
	return outlet;
}

void
posts_load(Artist *artist, DateADT as_of, MemoryContext context)
{
	static SPIPlanPtr plan = NULL;
	Datum values[2] = {artist->user_id,
					   TimestampTzGetDatum((as_of + DAYS_AHEAD) * (TimestampTz) USECS_PER_DAY)};
	uint64 begin = 0;

	query_plan(&plan, query, 2, (Oid[]){UUIDOID, TIMESTAMPTZOID});
	query_run(plan, values, true, SPI_OK_SELECT);
	while (begin < SPI_processed)
	{
		TupleDesc desc = SPI_tuptable->tupdesc;
		char *platform = get_text(SPI_tuptable->vals[begin], desc, IN_PLATFORM);
		Outlet *outlet = outlet_of(artist, platform);
		uint64 end = begin + 1;
		uint64 first;
		MemoryContext before;
		char *other;

		while (end < SPI_processed &&
			   strcmp(other = get_text(SPI_tuptable->vals[end], desc, IN_PLATFORM), platform) == 0)
		{
			pfree(other);
			end++;
		}
		if (outlet)
		{
			first = end - begin > POSTS_MOST ? end - POSTS_MOST : begin;
			before = MemoryContextSwitchTo(context);
			outlet->posts = palloc(sizeof(Post) * (end - first));
			for (uint64 i = first; i < end; i++)
				read_post(&outlet->posts[outlet->post_count++], SPI_tuptable->vals[i], desc, outlet);
			MemoryContextSwitchTo(before);
		}
		begin = end;
	}
}

/* Is `word` in the text, in any case, with no letter or digit beside it? */
static bool
has_word(const char *text, const char *word)
{
	int length = strlen(word);

	for (const char *at = text; *at; at++)
	{
		if (pg_strncasecmp(at, word, length) == 0 &&
			(at == text || !(isalnum((unsigned char) at[-1]) || IS_HIGHBIT_SET(at[-1]))) &&
			!(isalnum((unsigned char) at[length]) || IS_HIGHBIT_SET(at[length])))
			return true;
	}
	return false;
}

bool
post_is_shared(const Post *post)
{
	static const char *const words[] = {"feat", "ft", "featuring", "collab", "collaboration"};

	if (post->collaborators != NIL)
		return true;
	if (post->title == NULL)
		return false;
	for (int i = 0; i < lengthof(words); i++)
	{
		if (has_word(post->title, words[i]))
			return true;
	}
	/* "Song (with Ana)", "Ana x Ben": the words alone mean too much */
	return strstr(post->title, "(with ") != NULL || strstr(post->title, "[with ") != NULL ||
		   strstr(post->title, " x ") != NULL || strstr(post->title, " X ") != NULL ||
		   strstr(post->title, " \xC3\x97 ") != NULL;
}

void
put_post(StringInfo out, const Post *post, const char *group)
{
	json_next(out);
	appendStringInfoChar(out, '{');
	json_put_text(out, "content_id", post->id);
	json_put_text(out, "kind", post->kind);
	json_put_date(out, "date", post->day);
	json_put_number(out, "interactions", post->interactions);
	json_put_number(out, "views", post->views);
	json_put_text(out, "title", post->title);
	if (group)
		json_put_text(out, "group", group);
	appendStringInfoChar(out, '}');
}
