/*
 * revise.c
 *    Days that a platform corrects after they were stored.
 *
 * A series of rolling windows says of each earlier day what the platform holds for right now. A stored row took the newest
 * window that had ended when it was collected; what is said of that window today is compared with it. A difference that may
 * come of rounding alone is none. engagement_total follows the fields that it adds up. Days of which somebody recorded or
 * imported numbers keep them: they have a run of the outcome "manual". A day that was never stored stays missing.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "collect/columns.h"
#include "collect/revise.h"
#include "config.h"
#include "series/repair.h"

/*
 * When the platform was asked. Under dreamsuite.test_now the clock says nothing of that: at the same time of day as the newest.
 * (In a subquery of its own, which has no table, it would be beyond Citus; so would days by hand be, as EXISTS.)
 */
#define COLLECTED_AT                                                                                         \
	"CASE WHEN t.is_test THEN t.observed_at - (t.today - d.date) * interval '1 day' ELSE d.collected_at END"

/* Of two windows that a day may have told of, it is the later one. */
static const char *const revise_sql =
	"WITH told AS MATERIALIZED (SELECT * FROM batch"
	"  AS t(user_id, platform, today, metric, ends_at, until, value, slack, engages, observed_at, is_test)),"
	" days AS MATERIALIZED (SELECT DISTINCT ON (d.user_id, d.platform, d.date, t.metric) d.user_id, d.platform, d.date,"
	"   t.metric, d.metrics -> t.metric AS old, pg_catalog.to_jsonb(t.value) AS new,"
	"   CASE pg_catalog.jsonb_typeof(d.metrics -> t.metric) WHEN 'number' THEN (d.metrics -> t.metric)::numeric END AS was,"
	"   t.value, t.slack, t.engages, t.observed_at"
	"  FROM told t"
	"  JOIN dreamsuite.daily_metrics d ON d.user_id = t.user_id AND d.platform = t.platform"
	"   AND d.date >= t.today - " REVISED_DAYS " AND d.date < t.today"
	"  WHERE (t.ends_at <= " COLLECTED_AT ") AND (t.until > " COLLECTED_AT ")"
	"  ORDER BY d.user_id, d.platform, d.date, t.metric, t.ends_at DESC),"
	" others AS MATERIALIZED (SELECT * FROM days y WHERE y.was IS NULL OR pg_catalog.abs(y.was - y.value) > y.slack),"
	" by_hand AS MATERIALIZED (SELECT r.user_id, r.platform, r.date FROM others y"
	"  JOIN dreamsuite.collection_runs r ON r.user_id = y.user_id AND r.platform = y.platform AND r.date = y.date"
	"  WHERE r.outcome = 'manual'),"
	" changed AS MATERIALIZED (SELECT * FROM others y"
	"  WHERE (y.user_id, y.platform, y.date) NOT IN (SELECT h.user_id, h.platform, h.date FROM by_hand h)),"
	" kept AS (INSERT INTO dreamsuite.metric_revisions (user_id, platform, date, metric, old_value, new_value, observed_at)"
	"  SELECT c.user_id, c.platform, c.date, c.metric, c.old, c.new, c.observed_at FROM changed c"
	"  WHERE c.old <> 'null')"
	" UPDATE dreamsuite.daily_metrics d SET metrics = d.metrics || c.patch,"
	"  engagement_total = CASE WHEN pg_catalog.abs(COALESCE(d.engagement_total, 0) + c.engaged) < 9e18"
	"   THEN (COALESCE(d.engagement_total, 0) + c.engaged)::bigint ELSE d.engagement_total END"
	" FROM (SELECT h.user_id, h.platform, h.date, pg_catalog.jsonb_object_agg(h.metric, h.new) AS patch,"
	"   pg_catalog.sum(h.value - COALESCE(h.was, 0)) FILTER (WHERE h.engages) AS engaged"
	"  FROM changed h GROUP BY h.user_id, h.platform, h.date) c"
	" WHERE d.user_id = c.user_id AND d.platform = c.platform AND d.date = c.date"
	" RETURNING d.user_id, d.platform, d.date";

typedef struct Revised
{
	Datum user_id;
	char *platform;
	DateADT date;
} Revised;

/* Is the name one of the comma-separated list, which may be NULL? */
static bool
is_among(const char *list, const char *name)
{
	char *rest = list != NULL ? pstrdup(list) : NULL, *one;

	while ((one = strsep(&rest, ",")) != NULL)
	{
		if (strcmp(one, name) == 0)
			return true;
	}
	return false;
}

void
revise_days(List *jobs)
{
	static SPIPlanPtr plan;
	static const Oid types[] = {UUIDOID, TEXTOID, DATEOID, TEXTOID,        TIMESTAMPTZOID, TIMESTAMPTZOID,
								INT8OID, INT8OID, BOOLOID, TIMESTAMPTZOID, BOOLOID};
	Columns *columns = columns_create(lengthof(types), types);
	Revised *revised;
	ListCell *cell, *other;
	int n;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		foreach (other, job->result != NULL ? job->result->earlier : NIL)
		{
			const EarlierValue *earlier = lfirst(other);

			columns_row(columns);
			column_uuid(columns, &job->user_id);
			column_text(columns, job->platform->name);
			column_date(columns, job->date);
			column_text(columns, earlier->field);
			column_time(columns, earlier->ends_at);
			column_time(columns, earlier->until);
			column_count(columns, earlier->value);
			column_count(columns, earlier->slack);
			column_datum(columns, BoolGetDatum(is_among(job->platform->engagement, earlier->field)), false);
			column_time(columns, job->account.observed_at);
			column_datum(columns, BoolGetDatum(config_test_now[0] != '\0'), false);
		}
	}
	if (columns->rows == 0)
		return;
	columns_execute(&plan, revise_sql, columns, SPI_OK_UPDATE_RETURNING);
	n = (int) SPI_processed;
	revised = palloc(sizeof(Revised) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool null;

		revised[i].user_id = datumCopy(SPI_getbinval(tuple, desc, 1, &null), false, UUID_LEN);
		revised[i].platform = TextDatumGetCString(SPI_getbinval(tuple, desc, 2, &null));
		revised[i].date = DatumGetDateADT(SPI_getbinval(tuple, desc, 3, &null));
	}
	for (int i = 0; i < n; i++)
		series_repair(revised[i].user_id, revised[i].platform, revised[i].date, revised[i].date);
}
