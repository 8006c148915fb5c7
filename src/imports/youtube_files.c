/*
 * youtube_files.c
 *    The exports of YouTube Studio (advanced mode): "Table data.csv", "Chart data.csv", "Totals.csv".
 *
 * The period of a file stands in none of its columns. A table is taken as the channel's lifetime, as metrics holds it;
 * for another period the caller says so behind the kind ("table: 28 days"), and only what no period changes the meaning
 * of is taken. Where the channel's views are known, a table that covers clearly less of them is no lifetime's, whatever
 * the caller says. A table tells of the day on which it is imported.
 *
 * Format: the files themselves, in English (2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/hsearch.h"

#include "collect/columns.h"
#include "imports/cell.h"
#include "imports/import.h"
#include "imports/running.h"
#include "imports/youtube_files.h"
#include "series/query.h"

#define SHOWN_BYTES 40

/* A lifetime's table has at least this share of the channel's views; the rest is what views lag behind. */
#define LIFETIME_SHARE 0.9

/* How far back known totals are looked for. */
#define KNOWN_DAYS 60

/* ---- Columns ---- */

typedef struct TableColumns
{
	int content;
	int title;
	int published;
	int views;
	int hours;
	int click_rate;
	int duration;
	int likes;
	int comments;
	int shares;
} TableColumns;

static int
either_column(const Import *import, const char *name, const char *other)
{
	int column = import_column(import, name);

	return column >= 0 ? column : import_column(import, other);
}

static TableColumns
table_columns(const Import *import)
{
	return (TableColumns){
		.content = import_column(import, "content"),
		.title = import_column(import, "video title"),
		.published = import_column(import, "video publish time"),
		.views = import_column(import, "views"),
		.hours = import_column(import, "watch time (hours)"),
		.click_rate =
			either_column(import, "thumbnail click-through rate (%)", "impressions click-through rate (%)"),
		.duration = import_column(import, "average view duration"),
		.likes = import_column(import, "likes"),
		.comments = either_column(import, "comments added", "comments"),
		.shares = import_column(import, "shares"),
	};
}

/* The numbers of a row of a table. */
typedef struct TableRow
{
	int64 views;
	int64 likes;
	int64 comments;
	int64 shares;
	double hours;
	double click_rate;
	double duration;
} TableRow;

static bool
read_row(Import *import, const TableColumns *columns, TableRow *row)
{
	return import_count(import, columns->views, &row->views) &&
		   import_count(import, columns->likes, &row->likes) &&
		   import_count(import, columns->comments, &row->comments) &&
		   import_count(import, columns->shares, &row->shares) &&
		   import_number(import, columns->hours, &row->hours) &&
		   import_percent(import, columns->click_rate, &row->click_rate) &&
		   import_seconds(import, columns->duration, &row->duration);
}

static int64
minutes_of(double hours)
{
	return import_whole(hours * MINS_PER_HOUR);
}

const char *
youtube_video_id(const char *cell)
{
	cell += strspn(cell, " ");
	if (strlen(cell) != VIDEO_ID_LENGTH ||
		strspn(cell, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != VIDEO_ID_LENGTH)
		return NULL;
	return cell;
}

/* ---- Table: a row per video, and a total ---- */

/* What is known of the channel already. */
typedef struct Known
{
	int64 views;    /* the highest of the last days; COUNT_UNKNOWN */
	int64 minutes;  /* the same of the time watched */
	Jsonb *today;   /* metrics of the day; NULL: no row */
	bool collected; /* the day was */
} Known;

static int64
count_result(int column)
{
	bool null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &null);

	return null ? COUNT_UNKNOWN : DatumGetInt64(value);
}

static Known
read_known(const Import *import)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext caller = CurrentMemoryContext;
	Datum args[] = {import->user_id, CStringGetTextDatum(import->platform->name),
					DateADTGetDatum(import->today), Int32GetDatum(KNOWN_DAYS)};
	Known known = {0};
	int nest = query_begin();
	Datum today, collected;
	bool null;

	query_plan(
		&plan,
		"SELECT max((metrics ->> 'total_views')::numeric::bigint),"
		"  max((metrics ->> 'watch_time_minutes')::numeric::bigint),"
		"  (SELECT t.metrics FROM dreamsuite.daily_metrics t"
		"    WHERE t.user_id = $1 AND t.platform = $2 AND t.date = $3),"
		"  EXISTS (SELECT FROM dreamsuite.collection_runs r WHERE r.user_id = $1 AND r.platform = $2 AND r.date = $3"
		"    AND r.outcome IN ('ok', 'partial'))"
		" FROM dreamsuite.daily_metrics WHERE user_id = $1 AND platform = $2 AND date <= $3 AND date > $3 - $4",
		4, (Oid[]){UUIDOID, TEXTOID, DATEOID, INT4OID});
	query_run(plan, args, false, SPI_OK_SELECT);
	known.views = count_result(1);
	known.minutes = count_result(2);
	collected = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4, &null);
	known.collected = DatumGetBool(collected);
	today = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &null);
	if (!null)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		known.today = DatumGetJsonbPCopy(today);
		MemoryContextSwitchTo(spi);
	}
	query_end(nest);
	return known;
}

/* Is the table that of the channel's lifetime? A notice tells why not. */
static bool
is_lifetime(const Import *import, const Known *known, const TableRow *total)
{
	if (import->parameter != NULL && pg_strncasecmp(import->parameter, "life", 4) != 0)
		return false;
	if (known->views != COUNT_UNKNOWN && total->views != COUNT_UNKNOWN &&
		total->views < known->views * LIFETIME_SHARE)
	{
		ereport(NOTICE,
				(errmsg("the file is not of the channel's lifetime: only its click-through rate is taken"),
				 errdetail("It has " INT64_FORMAT " of " INT64_FORMAT " views.", total->views, known->views),
				 errhint("Export with the period \"Lifetime\".")));
		return false;
	}
	if (known->minutes != COUNT_UNKNOWN && minutes_of(total->hours) != COUNT_UNKNOWN &&
		minutes_of(total->hours) < known->minutes * LIFETIME_SHARE)
	{
		ereport(NOTICE,
				(errmsg("the file is not of the channel's lifetime: only its click-through rate is taken"),
				 errdetail("It has " INT64_FORMAT " of " INT64_FORMAT " minutes watched.",
						   minutes_of(total->hours), known->minutes),
				 errhint("Export with the period \"Lifetime\".")));
		return false;
	}
	return true;
}

static bool
is_known(const Known *known, const char *field)
{
	JsonbValue stored;

	return known->today != NULL && json_member(&known->today->root, field, &stored) && stored.type != jbvNull;
}

/* What the API tells better is taken only where it did not. */
static void
fill_count(Import *import, Day *day, const Known *known, const char *field, int64 value)
{
	if (!is_known(known, field))
		day_count(day, import->platform, field, value);
}

static void
take_total(Import *import, const Known *known, const TableRow *total, bool lifetime)
{
	Day *day = import_day(import, import->today);

	day_number(day, import->platform, "click_through_rate", total->click_rate);
	if (!lifetime)
		return;
	/* The API's totals end three days before those of the file: one of these among them would look like a leap and a fall. */
	if (!known->collected || !is_known(known, "watch_time_minutes"))
		day_count(day, import->platform, "watch_time_minutes", minutes_of(total->hours));
	if (!known->collected || !is_known(known, "average_view_duration"))
		day_number(day, import->platform, "average_view_duration", total->duration);
	fill_count(import, day, known, "total_views", total->views);
	fill_count(import, day, known, "likes_total", total->likes);
	fill_count(import, day, known, "comments_total", total->comments);
	fill_count(import, day, known, "shares_total", total->shares);
}

/* ---- Videos ---- */

typedef struct Video
{
	char id[VIDEO_ID_LENGTH + 1];
	char *title;
	DateADT published;
	bool dated;
	int64 views;
	int64 likes;
	int64 comments;
	int64 shares;
	int64 minutes;
	int row; /* of the import */
} Video;

typedef struct Videos
{
	Video *items;
	int count;
	int room;
} Videos;

static Video *
add_video(Videos *videos)
{
	if (videos->count == videos->room)
	{
		videos->room = Max(64, videos->room * 2);
		videos->items = videos->items == NULL ? palloc(sizeof(Video) * videos->room)
											  : repalloc(videos->items, sizeof(Video) * videos->room);
	}
	videos->items[videos->count] = (Video){0};
	return &videos->items[videos->count++];
}

/*
 * Merges the videos into content_items. Lifetime counts only grow, but for corrections that the API tells: the higher
 * one stays. Says in the import's rows what became of each.
 */
static void
store_videos(Import *import, const Videos *videos)
{
	static const Oid types[] = {INT4OID, TEXTOID, TEXTOID, DATEOID, INT8OID,
								INT8OID, INT8OID, INT8OID, INT8OID};
	Columns *columns;
	Datum values[lengthof(types) + 2];
	Oid value_types[lengthof(types) + 2];
	int nest;

	if (videos->count == 0)
		return;
	nest = query_begin();
	columns = columns_create(lengthof(types), types);
	for (int i = 0; i < videos->count; i++)
	{
		const Video *video = &videos->items[i];

		columns_row(columns);
		column_int(columns, video->row);
		column_text(columns, video->id);
		column_text(columns, video->title);
		column_datum(columns, DateADTGetDatum(video->published), !video->dated);
		column_count(columns, video->views);
		column_count(columns, video->likes);
		column_count(columns, video->comments);
		column_count(columns, video->shares);
		column_count(columns, video->minutes);
	}
	values[0] = import->user_id;
	value_types[0] = UUIDOID;
	values[1] = CStringGetTextDatum(import->platform->name);
	value_types[1] = TEXTOID;
	columns_values(columns, &values[2], &value_types[2]);
	if (SPI_execute_with_args(
			"WITH given AS (SELECT j.*, c.content_id IS NOT NULL AS known, c.views AS c_views, c.likes AS c_likes,"
			"    c.comments AS c_comments, c.shares AS c_shares, c.watch_time_minutes AS c_minutes"
			"  FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11)"
			"   AS j(at, content_id, title, published_on, views, likes, comments, shares, minutes)"
			"  LEFT JOIN dreamsuite.content_items c"
			"   ON c.user_id = $1 AND c.platform = $2 AND c.content_id = j.content_id),"
			" judged AS (SELECT g.*, NOT g.known OR COALESCE(g.views > COALESCE(g.c_views, -1)"
			"    OR g.likes > COALESCE(g.c_likes, -1) OR g.comments > COALESCE(g.c_comments, -1)"
			"    OR g.shares > COALESCE(g.c_shares, -1) OR g.minutes > COALESCE(g.c_minutes, -1), false) AS news"
			"  FROM given g),"
			" written AS (INSERT INTO dreamsuite.content_items AS c (user_id, platform, content_id, kind, published_at, title,"
			"   url, views, likes, comments, shares, watch_time_minutes, first_seen, last_seen, extra)"
			"  SELECT $1, $2, g.content_id, 'video', g.published_on::timestamp AT TIME ZONE 'UTC', g.title,"
			"   'https://www.youtube.com/watch?v=' || g.content_id, g.views, g.likes, g.comments, g.shares, g.minutes,"
			"   dreamsuite.calendar_now(), dreamsuite.calendar_now(), '{\"kind_by\": \"import\"}'"
			"  FROM judged g WHERE g.news"
			"  ON CONFLICT (user_id, platform, content_id) DO UPDATE SET"
			"   title = COALESCE(c.title, excluded.title), published_at = COALESCE(c.published_at, excluded.published_at),"
			"   views = GREATEST(c.views, excluded.views), likes = GREATEST(c.likes, excluded.likes),"
			"   comments = GREATEST(c.comments, excluded.comments), shares = GREATEST(c.shares, excluded.shares),"
			"   watch_time_minutes = GREATEST(c.watch_time_minutes, excluded.watch_time_minutes))"
			" SELECT g.at, g.known FROM judged g WHERE g.news",
			lengthof(values), value_types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not store the videos");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool null;
		int at = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null));
		bool known = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &null));

		import->rows[at].fate = known ? DAY_UPDATED : DAY_INSERTED;
	}
	query_end(nest);
}

/* Has the file told of the video already? */
static bool
told_before(HTAB *ids, const char *id)
{
	char key[VIDEO_ID_LENGTH + 1] = {0};
	bool found;

	memcpy(key, id, VIDEO_ID_LENGTH);
	hash_search(ids, key, HASH_ENTER, &found);
	return found;
}

static HTAB *
create_ids(void)
{
	HASHCTL control = {
		.keysize = VIDEO_ID_LENGTH + 1, .entrysize = VIDEO_ID_LENGTH + 1, .hcxt = CurrentMemoryContext};

	return hash_create("videos of a file", 512, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static void
read_table(Import *import)
{
	TableColumns columns = table_columns(import);
	TableRow total = {.views = COUNT_UNKNOWN, .hours = NAN, .click_rate = NAN, .duration = NAN};
	Known known = read_known(import);
	HTAB *ids = create_ids();
	Videos videos = {0};
	bool has_total = false, lifetime;

	while (import_next(import))
	{
		const char *cell = import_cell(import, columns.content), *id;
		TableRow row;
		Video *video;
		int year, month, day;

		if (!read_row(import, &columns, &row))
			continue;
		if (pg_strcasecmp(cell, "total") == 0)
		{
			if (has_total)
			{
				import_skip(import, "an earlier row has the total");
				continue;
			}
			total = row;
			has_total = true;
			import_row_of_day(import);
			continue;
		}
		id = youtube_video_id(cell);
		if (id == NULL || told_before(ids, id))
		{
			import_skip(import,
						id == NULL ? "\"%s\" is no video" : "an earlier row tells of the video \"%s\"",
						text_clip(cell, SHOWN_BYTES));
			continue;
		}
		video = add_video(&videos);
		strlcpy(video->id, id, sizeof(video->id));
		video->title = import_cell(import, columns.title)[0] == '\0'
						   ? NULL
						   : pstrdup(import_cell(import, columns.title));
		video->dated = cell_day(import_cell(import, columns.published), &year, &month, &day) == CELL_KNOWN;
		if (video->dated)
			video->published = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
		video->views = row.views;
		video->likes = row.likes;
		video->comments = row.comments;
		video->shares = row.shares;
		video->minutes = minutes_of(row.hours);
		video->row = import->row_count - 1;
	}
	lifetime = is_lifetime(import, &known, &total);
	if (has_total)
		take_total(import, &known, &total, lifetime);
	if (lifetime)
		store_videos(import, &videos);
	for (int i = 0; i < videos.count && !lifetime; i++)
		import->rows[videos.items[i].row].skipped = "counts of a video are kept for its lifetime alone";
}

/* ---- Totals: a row per day, one metric ---- */

/* Days tell a rate or a gain; of a gain the lifetime's total follows where one is known. */
static void
read_totals(Import *import)
{
	TableColumns columns = table_columns(import);
	int date_column = import_column(import, "date");
	Running *running =
		columns.hours < 0 ? NULL : running_begin(import, "watch minutes", "", "watch_time_minutes");

	while (import_next(import))
	{
		DateADT date;
		double hours, click_rate;

		if (pg_strcasecmp(import_cell(import, date_column), "total") == 0)
		{
			import_skip(import, "the total of a period that the file does not tell");
			continue;
		}
		if (!import_date(import, date_column, &date) || !import_number(import, columns.hours, &hours) ||
			!import_percent(import, columns.click_rate, &click_rate))
			continue;
		import_row_of_day(import);
		if (import_find_day(import, date) != NULL)
			import_skip(import, "an earlier row tells of the day");
		else if (columns.hours < 0 && columns.click_rate < 0)
			import_skip(import, "\"%s\" of a single day has no place in the metrics",
						text_clip(import->titles[import->columns - 1], SHOWN_BYTES));
		else if (isnan(hours) && isnan(click_rate))
			import_skip(import, "nothing is known of the day");
		else
		{
			day_number(import_day(import, date), import->platform, "click_through_rate", click_rate);
			if (!isnan(hours))
				import_row(import)->fate = running_gain(running, date, hours * 60);
		}
	}
	if (running != NULL)
		running_end(running);
}

/* The metrics of Studio that a chart can show, of which a file of totals has one. */
#define DAILY_METRICS                                                                                                  \
	"views,engaged views,watch time (hours),subscribers,subscribers gained,subscribers lost,impressions,"              \
	"thumbnail impressions,impressions click-through rate (%),thumbnail click-through rate (%),average view duration," \
	"average percentage viewed (%),likes,dislikes,comments added,shares,unique viewers"

const FileKind youtube_files[] = {
	{"youtube", "table", "table data,tabledata", "content,video title", "", "date",
	 "the period: \"lifetime\" (also without it), \"28 days\"", read_table},
	{"youtube", "chart", "chart data", "date,content", "", "", NULL, youtube_read_chart},
	{"youtube", "totals", "total", "date", DAILY_METRICS, "content,listeners,streams,song,title,author", NULL,
	 read_totals},
	{NULL},
};
