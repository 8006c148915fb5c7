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
	IN_VIEWS
};

/*
 * With fewer posts than this many of them are young, and are compared at the age of 7 days where that is known. With
 * more the few young ones have neighbours of their own age; the history of thousands is not read for them.
 */
#define EARLY_MOST 60

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

/* Is `word` in the text, in any case, with no letter or digit beside it? */
static bool
has_word(const char *text, const char *word)
{
	int length = strlen(word);

	for (const char *at = text; *at; at++)
	{
		if ((*at | 0x20) == word[0] && pg_strncasecmp(at, word, length) == 0 &&
			(at == text || !(isalnum((unsigned char) at[-1]) || IS_HIGHBIT_SET(at[-1]))) &&
			!(isalnum((unsigned char) at[length]) || IS_HIGHBIT_SET(at[length])))
			return true;
	}
	return false;
}

/* Named others, or "feat.", "with", "x" in the title. */
static bool
is_shared(const Post *post)
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

static bool
is_release(const Post *post)
{
	static const char *const kinds[] = {"album", "single", "compilation", "track"};

	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(post->kind, kinds[i]) == 0)
			return true;
	}
	return false;
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
	post->early = post->early_views = NAN;
	post->shared = is_shared(post);
	post->release = is_release(post);
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

static int
by_time(const void *a, const void *b)
{
	const Post *left = a;
	const Post *right = b;

	if (left->published_at != right->published_at)
		return left->published_at < right->published_at ? -1 : 1;
	return strcmp(left->id, right->id);
}

/* Interactions and views of the artist's posts at the age of 7 days, on the platforms with few posts. */
static void
load_early(Artist *artist, ArrayType *platforms_asked)
{
	static SPIPlanPtr plan = NULL;
	Datum values[2] = {artist->user_id, PointerGetDatum(platforms_asked)};
	TupleDesc desc;

	query_plan(&plan,
			   "SELECT h.platform, h.content_id, h.likes, h.comments, h.shares, h.views"
			   "  FROM dreamsuite.content_items i"
			   "  JOIN dreamsuite.content_history h"
			   "    ON h.user_id = i.user_id AND h.platform = i.platform AND h.content_id = i.content_id"
			   "   AND h.date = (i.published_at AT TIME ZONE 'UTC')::date + 7"
			   " WHERE i.user_id = $1 AND h.user_id = $1 AND i.platform = ANY ($2)",
			   2, (Oid[]){UUIDOID, TEXTARRAYOID});
	query_run(plan, values, true, SPI_OK_SELECT);
	desc = SPI_tuptable->tupdesc;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		Outlet *outlet = outlet_of(artist, get_text(tuple, desc, 1));
		char *id = get_text(tuple, desc, 2);

		for (int j = 0; outlet && j < outlet->post_count; j++)
		{
			if (strcmp(outlet->posts[j].id, id) != 0)
				continue;
			outlet->posts[j].early = sum_counts(tuple, desc, 3, 5);
			outlet->posts[j].early_views = sum_counts(tuple, desc, 6, 6);
			break;
		}
	}
}

void
posts_load(Artist *artist, DateADT as_of, MemoryContext context)
{
	static SPIPlanPtr plan = NULL;
	Datum values[2] = {artist->user_id,
					   TimestampTzGetDatum((as_of + DAYS_AHEAD) * (TimestampTz) USECS_PER_DAY)};
	Datum *few;
	int few_count = 0;
	SPITupleTable *table;
	uint64 rows;
	Outlet **outlets;

	query_plan(
		&plan,
		"SELECT platform, content_id, kind, title, published_at, collaborators, likes, comments, shares, saves,"
		"       views"
		"  FROM dreamsuite.content_items WHERE user_id = $1 AND published_at < $2",
		2, (Oid[]){UUIDOID, TIMESTAMPTZOID});
	query_run(plan, values, true, SPI_OK_SELECT);
	table = SPI_tuptable;
	rows = SPI_processed;
	outlets = palloc(sizeof(Outlet *) * (rows + 1));
	for (uint64 i = 0; i < rows; i++)
	{
		outlets[i] = outlet_of(artist, get_text(table->vals[i], table->tupdesc, IN_PLATFORM));
		if (outlets[i])
			outlets[i]->post_count++;
	}
	for (int i = 0; i < artist->outlet_count; i++)
	{
		artist->outlets[i].posts =
			MemoryContextAlloc(context, sizeof(Post) * (artist->outlets[i].post_count + 1));
		artist->outlets[i].post_count = 0;
	}
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext before = MemoryContextSwitchTo(context);

		if (outlets[i])
			read_post(&outlets[i]->posts[outlets[i]->post_count++], table->vals[i], table->tupdesc,
					  outlets[i]);
		MemoryContextSwitchTo(before);
	}
	few = palloc(sizeof(Datum) * (artist->outlet_count + 1));
	for (int i = 0; i < artist->outlet_count; i++)
	{
		Outlet *outlet = &artist->outlets[i];

		qsort(outlet->posts, outlet->post_count, sizeof(Post), by_time);
		if (outlet->post_count > POSTS_MOST)
		{
			outlet->posts += outlet->post_count - POSTS_MOST;
			outlet->post_count = POSTS_MOST;
		}
		if (outlet->post_count >= POSTS_LEAST && outlet->post_count <= EARLY_MOST)
			few[few_count++] = CStringGetTextDatum(outlet->platform->name);
	}
	if (few_count > 0)
		load_early(artist, construct_array(few, few_count, TEXTOID, -1, false, TYPALIGN_INT));
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
