/*
 * rows.c
 *    The rows of finished jobs: the day, the content, its history.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "collect/columns.h"
#include "collect/revise.h"
#include "collect/rows.h"
#include "config.h"
#include "series/goals.h"
#include "series/repair.h"

#define HISTORY_AGE_DAYS 30

/* ---- Days ---- */

/* What a platform tells is of that time, however late it is stored: see revise.c. Under dreamsuite.test_now the clock's. */
static TimestampTz
asked_at(const Job *job)
{
	return config_test_now[0] != '\0' ? job->started_at : job->account.observed_at;
}

/* What gen_random_uuid() would give, from one look at the source of randomness for all of them. */
static pg_uuid_t *
new_ids(int count)
{
	pg_uuid_t *ids = palloc(sizeof(pg_uuid_t) * count);

	if (!pg_strong_random(ids, sizeof(pg_uuid_t) * count))
		elog(ERROR, "could not draw random numbers");
	for (int i = 0; i < count; i++)
	{
		ids[i].data[6] = (ids[i].data[6] & 0x0f) | 0x40;
		ids[i].data[8] = (ids[i].data[8] & 0x3f) | 0x80;
	}
	return ids;
}

static void
repairing_days(List *jobs)
{
	static SPIPlanPtr plan;
	static const Oid types[] = {UUIDOID, UUIDOID, TEXTOID, DATEOID,  INT8OID,
								INT4OID, INT8OID, INT8OID, JSONBOID, TIMESTAMPTZOID};
	Columns *columns = columns_create(lengthof(types), types);
	NewRow *rows = palloc0(sizeof(NewRow) * Max(list_length(jobs), 1));
	TouchedDays *touched;
	pg_uuid_t *ids;
	int in_time = 0;
	ListCell *cell;
	int n = 0;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		if (job->result == NULL)
			continue;
		rows[n].user_id = UUIDPGetDatum(&job->user_id);
		rows[n].platform = job->platform;
		rows[n].date = job->date;
		rows[n].follower_count = job->result->follower_count;
		rows[n].metrics = job->metrics;
		n++;
	}
	if (n == 0)
		return;
	changes_fill(rows, n);
	ids = new_ids(n);
	n = 0;
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		NewRow *row = &rows[n];

		if (job->result == NULL)
			continue;
		if (row->overflow != NULL)
			job_note_error(job, ERROR_BAD_RESPONSE, row->overflow);
		if (job->result->content_count > PG_INT32_MAX)
		{
			job_note_error(job, ERROR_BAD_RESPONSE,
						   psprintf("content_count " INT64_FORMAT " is larger than an integer",
									job->result->content_count));
			job->result->content_count = COUNT_UNKNOWN;
		}
		columns_row(columns);
		column_uuid(columns, &ids[n]);
		column_uuid(columns, &job->user_id);
		column_text(columns, job->platform->name);
		column_date(columns, job->date);
		column_count(columns, job->result->follower_count);
		column_datum(columns, Int32GetDatum(row->follower_change_24h), !row->follower_change_known);
		column_count(columns, job->result->engagement_total);
		column_count(columns, job->result->content_count);
		column_jsonb(columns, row->metrics);
		column_time(columns, asked_at(job));
		n++;
	}
	/* What is known already is never overwritten by an unknown. */
	columns_execute(
		&plan,
		"INSERT INTO dreamsuite.daily_metrics AS d (id, user_id, platform, date, follower_count, follower_change_24h,"
		"  engagement_total, content_count, metrics, collected_at)"
		" SELECT j.id, j.user_id, j.platform, j.date, j.follower_count, j.follower_change_24h, j.engagement_total,"
		"  j.content_count::integer, j.metrics, j.collected_at"
		" FROM batch AS j(id, user_id, platform, date, follower_count,"
		"  follower_change_24h, engagement_total, content_count, metrics, collected_at)"
		" ON CONFLICT (user_id, platform, date) DO UPDATE SET"
		"  follower_count = COALESCE(excluded.follower_count, d.follower_count),"
		"  follower_change_24h = COALESCE(excluded.follower_change_24h, d.follower_change_24h),"
		"  engagement_total = COALESCE(excluded.engagement_total, d.engagement_total),"
		"  content_count = COALESCE(excluded.content_count, d.content_count),"
		"  metrics = dreamsuite.merge_known(d.metrics, excluded.metrics),"
		"  collected_at = excluded.collected_at",
		columns, SPI_OK_INSERT);
	touched = palloc(sizeof(TouchedDays) * n);
	for (int i = 0; i < n; i++)
	{
		if (rows[i].late)
			series_repair(rows[i].user_id, rows[i].platform->name, rows[i].date, rows[i].date);
		else
			touched[in_time++] =
				(TouchedDays){rows[i].user_id, rows[i].platform->name, rows[i].date, rows[i].date};
	}
	goals_note(touched, in_time);
}

void
rows_store_days(List *jobs)
{
	repair_hold();
	PG_TRY();
	{
		repairing_days(jobs);
		revise_days(jobs);
	}
	PG_FINALLY();
	{
		repair_release();
	}
	PG_END_TRY();
}

/* ---- Content ---- */

void
rows_store_content(List *jobs)
{
	static SPIPlanPtr items_plan, history_plan;
	static const Oid item_types[] = {UUIDOID, TEXTOID, TEXTOID, TEXTOID,        TIMESTAMPTZOID, TEXTOID,
									 TEXTOID, TEXTOID, INT8OID, INT8OID,        INT8OID,        INT8OID,
									 INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, JSONBOID};
	static const Oid history_types[] = {UUIDOID, TEXTOID, TEXTOID, DATEOID,
										INT8OID, INT8OID, INT8OID, INT8OID};
	Columns *items = columns_create(lengthof(item_types), item_types);
	Columns *history = columns_create(lengthof(history_types), history_types);
	ListCell *cell;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		Contents *content = job->result != NULL ? job->result->content : NULL;

		for (int i = 0; content != NULL && i < content->count; i++)
		{
			const ContentItem *item = content->items[i];

			if (!item->listed)
				continue;
			columns_row(items);
			column_uuid(items, &job->user_id);
			column_text(items, job->platform->name);
			column_text(items, item->content_id);
			column_text(items, item->kind);
			column_time(items, item->published_at);
			column_text(items, item->title);
			column_text(items, item->url);
			column_texts(items, item->collaborators, item->collaborators_known);
			column_count(items, item->likes);
			column_count(items, item->comments);
			column_count(items, item->shares);
			column_count(items, item->views);
			column_count(items, item->reach);
			column_count(items, item->saves);
			column_count(items, item->watch_time_minutes);
			column_time(items, job->account.observed_at);
			column_jsonb(items, item->extra);

			if (item->published_at == TIME_UNKNOWN ||
				item->published_at < job->account.observed_at - HISTORY_AGE_DAYS * USECS_PER_DAY ||
				(item->likes == COUNT_UNKNOWN && item->comments == COUNT_UNKNOWN &&
				 item->shares == COUNT_UNKNOWN && item->views == COUNT_UNKNOWN))
				continue;
			columns_row(history);
			column_uuid(history, &job->user_id);
			column_text(history, job->platform->name);
			column_text(history, item->content_id);
			column_date(history, job->date);
			column_count(history, item->likes);
			column_count(history, item->comments);
			column_count(history, item->shares);
			column_count(history, item->views);
		}
	}
	columns_execute(
		&items_plan,
		"INSERT INTO dreamsuite.content_items AS c (user_id, platform, content_id, kind, published_at, title, url,"
		"  collaborators, likes, comments, shares, views, reach, saves, watch_time_minutes, first_seen, last_seen, extra)"
		" SELECT j.user_id, j.platform, j.content_id, j.kind, j.published_at, j.title, j.url, j.collaborators::text[],"
		"  j.likes, j.comments, j.shares, j.views, j.reach, j.saves, j.watch_time_minutes, j.seen, j.seen,"
		"  COALESCE(j.extra, '{}')"
		" FROM batch"
		"  AS j(user_id, platform, content_id, kind, published_at, title, url, collaborators, likes, comments, shares,"
		"  views, reach, saves, watch_time_minutes, seen, extra)"
		" ON CONFLICT (user_id, platform, content_id) DO UPDATE SET"
		"  kind = excluded.kind, published_at = COALESCE(excluded.published_at, c.published_at),"
		"  title = COALESCE(excluded.title, c.title), url = COALESCE(excluded.url, c.url),"
		"  collaborators = COALESCE(excluded.collaborators, c.collaborators),"
		"  likes = COALESCE(excluded.likes, c.likes), comments = COALESCE(excluded.comments, c.comments),"
		"  shares = COALESCE(excluded.shares, c.shares), views = COALESCE(excluded.views, c.views),"
		"  reach = COALESCE(excluded.reach, c.reach), saves = COALESCE(excluded.saves, c.saves),"
		"  watch_time_minutes = COALESCE(excluded.watch_time_minutes, c.watch_time_minutes),"
		"  last_seen = GREATEST(excluded.last_seen, c.last_seen), extra = c.extra || excluded.extra",
		items, SPI_OK_INSERT);
	columns_execute(
		&history_plan,
		"INSERT INTO dreamsuite.content_history AS h (user_id, platform, content_id, date, likes, comments, shares, views)"
		" SELECT * FROM batch"
		" ON CONFLICT (user_id, platform, content_id, date) DO UPDATE SET"
		"  likes = COALESCE(excluded.likes, h.likes), comments = COALESCE(excluded.comments, h.comments),"
		"  shares = COALESCE(excluded.shares, h.shares), views = COALESCE(excluded.views, h.views)"
		" WHERE (h.likes, h.comments, h.shares, h.views)"
		"  IS DISTINCT FROM (excluded.likes, excluded.comments, excluded.shares, excluded.views)",
		history, SPI_OK_INSERT);
}
