/*
 * youtube_chart.c
 *    "Chart data.csv" of YouTube Studio: what each video gained on each day, of one metric.
 *
 * Where the file goes back to the day of a video's publication, the gains add up to the counts that the video had at each
 * age: content_history, as if it had been collected from its first day. YouTube's days end in California, when the next
 * day is some hours old elsewhere; so the sum up to a day is what is seen on the day after. What was collected stays.
 *
 * Format: the files themselves, in English (2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "collect/columns.h"
#include "imports/cell.h"
#include "imports/import.h"
#include "imports/youtube_files.h"
#include "series/query.h"

/* content_history is kept of items so young. */
#define HISTORY_AGE_DAYS 30

/* The counts of content_history, and the columns of a chart that they come from. */
static const char *const count_columns[] = {"likes", "comments added", "shares", "views"};

typedef struct ChartRow
{
	char id[VIDEO_ID_LENGTH + 1];
	char *title;
	DateADT published;
	DateADT date;
	int64 gain;
	int row; /* of the import */
} ChartRow;

typedef struct Chart
{
	ChartRow *rows;
	int count;
	int room;
	DateADT first; /* day of the whole file */
} Chart;

/* Which column of content_history the chart's metric is; -1: none. *column is where it stands in the file. */
static int
find_metric(const Import *import, int *column)
{
	for (int i = 0; i < lengthof(count_columns); i++)
	{
		*column = import_column(import, count_columns[i]);
		if (*column >= 0)
			return i;
	}
	return -1;
}

static ChartRow *
add_row(Chart *chart)
{
	if (chart->count == chart->room)
	{
		chart->room = Max(256, chart->room * 2);
		chart->rows = chart->rows == NULL ? palloc(sizeof(ChartRow) * chart->room)
										  : repalloc(chart->rows, sizeof(ChartRow) * chart->room);
	}
	chart->rows[chart->count] = (ChartRow){0};
	return &chart->rows[chart->count++];
}

static int
compare_rows(const void *left, const void *right)
{
	const ChartRow *a = left, *b = right;
	int order = strcmp(a->id, b->id);

	if (order == 0)
		order = (a->date > b->date) - (a->date < b->date);
	return order != 0 ? order : (a->row > b->row) - (a->row < b->row);
}

static void
skip_rows(Import *import, const ChartRow *rows, int count, const char *reason)
{
	for (int i = 0; i < count; i++)
		import->rows[rows[i].row].skipped = pstrdup(reason);
}

/* Adds up the days of one video, as far as none is missing. */
static void
add_video(Import *import, const Chart *chart, const ChartRow *rows, int count, int metric, Columns *history)
{
	int64 sum = 0;

	if (chart->first > rows[0].published || rows[0].date > rows[0].published + 1)
	{
		skip_rows(import, rows, count, "the file does not go back to the video's publication");
		return;
	}
	for (int i = 0; i < count; i++)
	{
		if (i > 0 && rows[i].date == rows[i - 1].date)
		{
			skip_rows(import, &rows[i], count - i, "an earlier row tells of the video and day");
			return;
		}
		if (i > 0 && rows[i].date > rows[i - 1].date + 1)
		{
			skip_rows(import, &rows[i], count - i, "a day of the video before it is missing");
			return;
		}
		if (rows[i].date + 1 > import->today || rows[i].date + 1 > rows[i].published + HISTORY_AGE_DAYS)
		{
			skip_rows(import, &rows[i], count - i,
					  rows[i].date + 1 > import->today ? "the day is not over"
													   : "the video's history is kept for its first 30 days");
			return;
		}
		sum += rows[i].gain;
		columns_row(history);
		column_int(history, rows[i].row);
		column_text(history, rows[i].id);
		column_text(history, rows[i].title);
		column_date(history, rows[i].published);
		column_date(history, rows[i].date + 1);
		for (int c = 0; c < lengthof(count_columns); c++)
			column_count(history, c == metric ? sum : COUNT_UNKNOWN);
	}
}

/* Fills what is not known of the videos' days, and makes items of videos that are not known. */
static void
store_history(Import *import, Columns *history)
{
	Datum values[11] = {import->user_id, CStringGetTextDatum(import->platform->name)};
	Oid types[11] = {UUIDOID, TEXTOID};

	if (history->rows == 0)
		return;
	columns_values(history, &values[2], &types[2]);
	if (SPI_execute_with_args(
			"WITH given AS (SELECT j.*, h.content_id IS NOT NULL AS known,"
			"   (j.likes IS NOT NULL AND h.likes IS NULL) OR (j.comments IS NOT NULL AND h.comments IS NULL)"
			"   OR (j.shares IS NOT NULL AND h.shares IS NULL) OR (j.views IS NOT NULL AND h.views IS NULL) AS news"
			"  FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11)"
			"   AS j(at, content_id, title, published_on, date, likes, comments, shares, views)"
			"  LEFT JOIN dreamsuite.content_history h ON h.user_id = $1 AND h.platform = $2"
			"   AND h.content_id = j.content_id AND h.date = j.date),"
			" items AS (INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title, url,"
			"   first_seen, last_seen, extra)"
			"  SELECT DISTINCT ON (g.content_id) $1, $2, g.content_id, 'video', g.published_on::timestamp AT TIME ZONE 'UTC',"
			"   g.title, 'https://www.youtube.com/watch?v=' || g.content_id, dreamsuite.calendar_now(),"
			"   dreamsuite.calendar_now(), '{\"kind_by\": \"import\"}'"
			"  FROM given g WHERE g.news ORDER BY g.content_id"
			"  ON CONFLICT (user_id, platform, content_id) DO NOTHING),"
			" written AS (INSERT INTO dreamsuite.content_history AS h (user_id, platform, content_id, date, likes, comments,"
			"   shares, views)"
			"  SELECT $1, $2, g.content_id, g.date, g.likes, g.comments, g.shares, g.views FROM given g WHERE g.news"
			"  ON CONFLICT (user_id, platform, content_id, date) DO UPDATE SET"
			"   likes = COALESCE(h.likes, excluded.likes), comments = COALESCE(h.comments, excluded.comments),"
			"   shares = COALESCE(h.shares, excluded.shares), views = COALESCE(h.views, excluded.views))"
			" SELECT g.at, g.known FROM given g WHERE g.news",
			lengthof(values), types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not store the history of the videos");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool null;
		int at = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null));
		bool known = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &null));

		import->rows[at].fate = known ? DAY_UPDATED : DAY_INSERTED;
	}
}

static void
store_chart(Import *import, Chart *chart, int metric)
{
	static const Oid types[] = {INT4OID, TEXTOID, TEXTOID, DATEOID, DATEOID,
								INT8OID, INT8OID, INT8OID, INT8OID};
	Columns *history = columns_create(lengthof(types), types);
	int nest;

	/* The fates of the rows outlive the queries, so they are told before SPI has its own memory. */
	qsort(chart->rows, chart->count, sizeof(ChartRow), compare_rows);
	for (int from = 0, to = 0; from < chart->count; from = to)
	{
		while (to < chart->count && strcmp(chart->rows[to].id, chart->rows[from].id) == 0)
			to++;
		add_video(import, chart, &chart->rows[from], to - from, metric, history);
	}
	nest = query_begin();
	store_history(import, history);
	query_end(nest);
}

void
youtube_read_chart(Import *import)
{
	int date_column = import_column(import, "date");
	int content_column = import_column(import, "content");
	int title_column = import_column(import, "video title");
	int published_column = import_column(import, "video publish time");
	int metric_column;
	int metric = find_metric(import, &metric_column);
	Chart chart = {0};

	while (import_next(import))
	{
		const char *id = youtube_video_id(import_cell(import, content_column));
		int year, month, day;
		int64 gain;
		DateADT date;
		ChartRow *row;

		if (!import_date(import, date_column, &date) || !import_count(import, metric_column, &gain))
			continue;
		if (chart.count == 0 || date < chart.first)
			chart.first = date;
		if (metric < 0)
			import_skip(import, "\"%s\" of a single video and day has no place in the metrics",
						text_clip(import->titles[import->columns - 1], 40));
		else if (id == NULL)
			import_skip(import, "\"%s\" is no video", text_clip(import_cell(import, content_column), 40));
		else if (gain == COUNT_UNKNOWN)
			import_skip(import, "nothing is known of the day");
		else if (cell_day(import_cell(import, published_column), &year, &month, &day) != CELL_KNOWN)
			import_skip(import, "the day of the video's publication is not known");
		if (import_row(import)->skipped != NULL)
			continue;
		row = add_row(&chart);
		strlcpy(row->id, id, sizeof(row->id));
		row->title =
			import_cell(import, title_column)[0] == '\0' ? NULL : pstrdup(import_cell(import, title_column));
		row->published = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
		row->date = date;
		row->gain = gain;
		row->row = import->row_count - 1;
	}
	if (chart.count > 0)
		store_chart(import, &chart, metric);
}
