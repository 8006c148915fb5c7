/*
 * gather.c
 *    Reads everything that the page shows: one pass over the daily series, one over the posts, and what the insight
 *    functions say.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "config.h"
#include "dashboard/gather.h"
#include "series/metric.h"
#include "series/query.h"
#include "stats/stats.h"
#include "stats/robust.h"

/* Days that are loaded: those of the chart and the baseline of a change over 30 days. */
#define LOAD_DAYS (CHART_DAYS + CHANGE_REACH)

/* A number that is shown without its day is at most so old. */
#define SECOND_DAYS 7

/* Posts older than this say little of how posts do now. */
#define USUAL_DAYS  365
#define RECENT_DAYS 30
#define TITLE_MOST  300

/* The number that a card shows beside the audience, best first. */
typedef struct Shown
{
	const char *platform;
	const char *metric;
	const char *label;
} Shown;

static const Shown shown_main[] = {
	/* where there is no audience, or none is known */
	{"spotify", "monthly_listeners", "monthly listeners"},
	{"spotify", "total_streams", "streams"},
	{"apple_music", "playlist_placements", "playlist placements"},
	{"amazon_music", "playlist_placements", "playlist placements"},
	{"spotify", "playlists_count", "playlists"},
	{"apple_music", "library_songs_count", "songs in the library"},
};

static const Shown shown_second[] = {
	{"instagram", "reach", "reached in 30 days"},
	{"instagram", "likes_total", "likes"},
	{"facebook", "page_reach", "reached in 28 days"},
	{"facebook", "post_engagement", "engagement in 28 days"},
	{"spotify", "monthly_listeners", "monthly listeners"},
	{"spotify", "total_streams", "streams"},
	{"spotify", "saved_tracks_count", "saved tracks"},
	{"youtube", "total_views", "views"},
	{"tiktok", "total_likes", "likes"},
	{"soundcloud", "total_plays", "plays"},
	{"twitter", "likes_received", "likes in 30 days"},
	{"apple_music", "library_songs_count", "songs in the library"},
	{"deezer", "playlist_placements", "playlist placements"},
	{"deezer", "album_count", "albums"},
	{"tidal", "playlist_placements", "playlist placements"},
};

int
platform_place(const char *name)
{
	for (int i = 0; platforms[i]; i++)
	{
		if (strcmp(platforms[i]->name, name) == 0)
			return i;
	}
	return -1;
}

const char *
label_of(const char *name)
{
	int place = name ? platform_place(name) : -1;

	return place >= 0 ? platforms[place]->label : NULL;
}

double
rows_number(const Rows *rows, int row, int column)
{
	const char *text = rows_text(rows, row, column);

	return text ? strtod(text, NULL) : NAN;
}

bool
rows_date(const Rows *rows, int row, int column, DateADT *day)
{
	const char *text = rows_text(rows, row, column);
	int year, month, dom;

	if (text == NULL || sscanf(text, "%d-%d-%d", &year, &month, &dom) != 3)
		return false;
	*day = date2j(year, month, dom) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* Runs a query that gives text columns; connects to SPI itself. */
static void
read_rows(Rows *rows, const char *sql, int nargs, Oid *types, Datum *values)
{
	MemoryContext caller = CurrentMemoryContext;
	int nest = query_begin();
	TupleDesc desc;

	if (SPI_execute_with_args(sql, nargs, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read what the dashboard shows");
	MemoryContextSwitchTo(caller);
	desc = SPI_tuptable->tupdesc;
	rows->known = true;
	rows->count = SPI_processed;
	rows->columns = desc->natts;
	rows->cells = palloc(sizeof(char *) * Max(rows->count * rows->columns, 1));
	for (int i = 0; i < rows->count; i++)
	{
		for (int j = 0; j < rows->columns; j++)
			rows->cells[i * rows->columns + j] = SPI_getvalue(SPI_tuptable->vals[i], desc, j + 1);
	}
	query_end(nest);
}

bool
may_use(const char *name, int nargs, const Oid *types)
{
	Oid oid = LookupFuncName(list_make2(makeString(DREAMSUITE_SCHEMA), makeString(pstrdup(name))), nargs,
							 types, true);

	return OidIsValid(oid) && compat_may_execute(oid);
}

static bool
is_known(const Series *series)
{
	return series && series->known > 0;
}

/* The first of the choices that the artist has a number for, not older than `from`. */
static const Series *
choose(const SeriesSet *set, const Platform *platform, const Shown *choices, int count, int from,
	   const Series *other_than, const char **label)
{
	for (int i = 0; i < count; i++)
	{
		const Series *series;

		if (strcmp(choices[i].platform, platform->name) != 0)
			continue;
		series = series_find(set, platform->name, choices[i].metric);
		if (is_known(series) && series->last_known >= from && series != other_than)
		{
			*label = choices[i].label;
			return series;
		}
	}
	return NULL;
}

/* Change over `days` that ends on `at`, by the rule of series/change.h. */
static void
measure_change(const Series *series, int at, int days, double *change, double *base)
{
	*change = *base = NAN;
	for (int back = 0; back <= days / 7; back++)
	{
		int from = at - days - back;

		if (from >= 0 && !isnan(series->values[from]))
		{
			*base = series->values[from];
			*change = series->values[at] - *base;
			return;
		}
	}
}

static void
fill_card(Gathered *g, Card *card)
{
	const Platform *platform = card->platform;
	const Series *audience =
		platform->audience ? series_find(g->set, platform->name, "follower_count") : NULL;

	card->newest = -1;
	for (int i = 0; i < g->set->count; i++)
	{
		if (g->set->series[i].platform == platform)
			card->newest = Max(card->newest, g->set->series[i].last_known);
	}
	card->change[0] = card->change[1] = card->base[0] = card->base[1] = NAN;
	if (is_known(audience))
	{
		card->main = audience;
		card->label = audience->unit ? audience->unit : "followers";
	}
	else
		card->main = choose(g->set, platform, shown_main, lengthof(shown_main), 0, NULL, &card->label);
	if (card->main == NULL)
		return;
	card->at = card->main->last_known;
	measure_change(card->main, card->at, 7, &card->change[0], &card->base[0]);
	measure_change(card->main, card->at, 30, &card->change[1], &card->base[1]);
	/* it is shown without a day */
	card->second = choose(g->set, platform, shown_second, lengthof(shown_second),
						  g->set->days - 1 - SECOND_DAYS, card->main, &card->second_label);
}

/* Every platform that is connected or has a number, in the order of the registry. */
static void
gather_cards(Gathered *g)
{
	Rows accounts;
	int count = 0;

	read_rows(&accounts,
			  "SELECT platform, handle, status, status_reason FROM dreamsuite.accounts WHERE user_id = $1", 1,
			  (Oid[]){UUIDOID}, (Datum[]){g->user_id});
	while (platforms[count])
		count++;
	g->cards = palloc0(sizeof(Card) * count);
	for (int i = 0; i < count; i++)
	{
		Card card = {.platform = platforms[i], .place = i};
		bool met = false;

		for (int j = 0; j < accounts.count; j++)
		{
			if (strcmp(rows_text(&accounts, j, 0), platforms[i]->name) != 0)
				continue;
			met = true;
			card.handle = rows_text(&accounts, j, 1);
			card.status = rows_text(&accounts, j, 2);
			card.reason = rows_text(&accounts, j, 3);
		}
		fill_card(g, &card);
		if (met || card.newest >= 0)
			g->cards[g->card_count++] = card;
	}
}

/* Median interactions of each platform's posts of the last year that are older than a week. */
static void
fill_usual(Gathered *g)
{
	double *values = palloc(sizeof(double) * (g->post_count + 1));

	for (int from = 0; from < g->post_count;)
	{
		int to = from;
		int n = 0;
		double usual = NAN;

		for (; to < g->post_count && g->posts[to].place == g->posts[from].place; to++)
		{
			if (g->posts[to].day <= g->as_of - 7 && !isnan(g->posts[to].interactions))
				values[n++] = g->posts[to].interactions;
		}
		if (n >= 5)
			usual = stats_median_inplace(values, n);
		for (; from < to; from++)
			g->posts[from].usual = usual;
	}
}

/* The posts of a year, but for stories, which are gone in a day, and releases, which are shown elsewhere. */
static void
gather_posts(Gathered *g)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext caller = CurrentMemoryContext;
	int nest = query_begin();
	TupleDesc desc;

	query_plan(
		&plan,
		"SELECT c.platform, c.kind,"
		"       CASE WHEN c.published_at >= ($2 - $4)::timestamp AT TIME ZONE 'UTC' THEN left(c.title, $5) "
		"END,"
		"       CASE WHEN c.published_at >= ($2 - $4)::timestamp AT TIME ZONE 'UTC' THEN c.url END,"
		"       extract(isodow FROM l.at)::int - 1, l.at::date,"
		"       CASE WHEN coalesce(c.likes, c.comments, c.shares, c.saves) IS NOT NULL"
		"            THEN (coalesce(c.likes, 0)::float8 + coalesce(c.comments, 0) + coalesce(c.shares, 0)"
		"                  + coalesce(c.saves, 0)) END,"
		"       c.views::float8"
		"  FROM dreamsuite.content_items AS c"
		"  LEFT JOIN dreamsuite.accounts AS a ON a.user_id = c.user_id AND a.platform = c.platform,"
		"       LATERAL (SELECT c.published_at AT TIME ZONE coalesce(a.settings ->> 'time_zone', 'UTC') AS "
		"at) AS l"
		" WHERE c.user_id = $1 AND c.published_at > ($2 - $3)::timestamp AT TIME ZONE 'UTC'"
		"   AND l.at < $2 + 1 AND c.kind NOT IN ('story', 'album', 'single', 'compilation')"
		" ORDER BY c.platform, c.published_at, c.content_id",
		5, (Oid[]){UUIDOID, DATEOID, INT4OID, INT4OID, INT4OID});
	query_run(plan,
			  (Datum[]){g->user_id, DateADTGetDatum(g->as_of), Int32GetDatum(USUAL_DAYS),
						Int32GetDatum(RECENT_DAYS), Int32GetDatum(TITLE_MOST)},
			  true, SPI_OK_SELECT);
	MemoryContextSwitchTo(caller);
	desc = SPI_tuptable->tupdesc;
	g->posts = palloc0(sizeof(DashboardPost) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		DashboardPost *post = &g->posts[g->post_count];
		bool isnull;
		Datum value;

		post->place = platform_place(SPI_getvalue(tuple, desc, 1));
		if (post->place < 0)
			continue;
		post->kind = SPI_getvalue(tuple, desc, 2);
		post->title = SPI_getvalue(tuple, desc, 3);
		post->url = SPI_getvalue(tuple, desc, 4);
		post->weekday = DatumGetInt32(SPI_getbinval(tuple, desc, 5, &isnull));
		post->day = DatumGetDateADT(SPI_getbinval(tuple, desc, 6, &isnull));
		value = SPI_getbinval(tuple, desc, 7, &isnull);
		post->interactions = isnull ? NAN : DatumGetFloat8(value);
		value = SPI_getbinval(tuple, desc, 8, &isnull);
		post->views = isnull ? NAN : DatumGetFloat8(value);
		g->post_count++;
	}
	query_end(nest);
	fill_usual(g);
}

/* What came out in the days of the chart: one row for a work, however many platforms it is on. */
static void
gather_releases(Gathered *g)
{
	read_rows(&g->releases,
			  "SELECT to_char(min(r.day), 'YYYY-MM-DD'), min(r.title), string_agg(DISTINCT r.platform, ',')"
			  "  FROM (SELECT (c.published_at AT TIME ZONE 'UTC')::date AS day, left(c.title, 300) AS title, "
			  "c.platform"
			  "          FROM dreamsuite.content_items AS c"
			  "         WHERE c.user_id = $1 AND c.kind IN ('album', 'single', 'compilation')"
			  "           AND c.published_at >= $2::timestamp AT TIME ZONE 'UTC'"
			  "           AND c.published_at < ($3 + 1)::timestamp AT TIME ZONE 'UTC') AS r"
			  " GROUP BY lower(regexp_replace(r.title, ' - (single|ep)$', '', 'i'))"
			  " ORDER BY 1, 2 LIMIT 40",
			  3, (Oid[]){UUIDOID, DATEOID, DATEOID},
			  (Datum[]){g->user_id, DateADTGetDatum(g->as_of - CHART_DAYS + 1), DateADTGetDatum(g->as_of)});
}

static void
gather_facts(Gathered *g)
{
	static const Oid types[] = {UUIDOID, DATEOID, INT4OID};

	if (!may_use("top_facts", 3, types))
		return;
	read_rows(
		&g->facts,
		"SELECT f.fact_id, f.category, f.kind, f.direction, f.platform, f.metric, to_char(f.window_start, "
		"'YYYY-MM-DD'),"
		"       to_char(f.window_end, 'YYYY-MM-DD'), to_char(f.settled_through, 'YYYY-MM-DD'), f.value, "
		"f.baseline, f.unit, f.effect, f.effect_lo,"
		"       f.effect_hi, f.effect_kind, f.n, f.n_baseline, f.n_missing, f.method, f.evidence_class, "
		"f.q_value,"
		"       f.tests_in_family, f.confidence, f.sentence, array_to_string(f.caveats, ', '), "
		"f.suggested_action,"
		"       (SELECT string_agg(concat_ws(E'\\x1f', coalesce(p.post ->> 'date', ''), coalesce(p.post ->> "
		"'kind', ''),"
		"                                    left(translate(coalesce(p.post ->> 'title', ''), E'\\x1e\\x1f', "
		"''), 300),"
		"                                    coalesce(p.post ->> 'interactions', '')), E'\\x1e' ORDER BY p.n)"
		"          FROM jsonb_array_elements(CASE jsonb_typeof(f.evidence -> 'content')"
		"                                    WHEN 'array' THEN f.evidence -> 'content' ELSE '[]' END)"
		"               WITH ORDINALITY AS p(post, n) WHERE p.n <= 6),"
		"       (SELECT string_agg(concat_ws(E'\\x1f', coalesce(d.day ->> 'date', ''), coalesce(d.day ->> "
		"'value', '')),"
		"                          E'\\x1e' ORDER BY d.n)"
		"          FROM jsonb_array_elements(CASE jsonb_typeof(f.evidence -> 'rows')"
		"                                    WHEN 'array' THEN f.evidence -> 'rows' ELSE '[]' END)"
		"               WITH ORDINALITY AS d(day, n) WHERE d.n <= 8)"
		"  FROM dreamsuite.top_facts($1, $2, 10) AS f",
		2, (Oid[]){UUIDOID, DATEOID}, (Datum[]){g->user_id, DateADTGetDatum(g->as_of)});
	if (g->facts.columns != FACT_COLUMNS_SHOWN)
		elog(ERROR, "facts have %d columns, not %d", g->facts.columns, FACT_COLUMNS_SHOWN);
}

static void
gather_goals(Gathered *g)
{
	static const Oid types[] = {UUIDOID, DATEOID};

	if (!may_use("goal_status", 2, types))
		return;
	/* goal_status() loads all of the artist, also where there is no goal */
	read_rows(&g->goals, "SELECT 1 FROM dreamsuite.goals WHERE user_id = $1 LIMIT 1", 1, (Oid[]){UUIDOID},
			  (Datum[]){g->user_id});
	if (g->goals.count == 0)
		return;
	read_rows(&g->goals,
			  "SELECT s.platform, s.metric, s.target, s.value, s.percent, s.needed_per_day, s.pace, "
			  "to_char(s.eta, 'YYYY-MM-DD'),"
			  "       to_char(s.eta_lo, 'YYYY-MM-DD'), to_char(s.eta_hi, 'YYYY-MM-DD'), s.on_track, "
			  "s.sentence, g.period, to_char(g.deadline, 'YYYY-MM-DD'), g.baseline"
			  "  FROM dreamsuite.goal_status($1, $2) AS s"
			  "  LEFT JOIN dreamsuite.goals AS g ON g.user_id = $1 AND g.goal_id = s.goal_id"
			  " ORDER BY g.created_at, s.goal_id LIMIT 24",
			  2, (Oid[]){UUIDOID, DATEOID}, (Datum[]){g->user_id, DateADTGetDatum(g->as_of)});
}

static void
gather_health(Gathered *g)
{
	static const Oid types[] = {UUIDOID};

	/* it tells the health of today */
	if ((g->any && !g->newest) || !may_use("data_health", 1, types))
		return;
	read_rows(
		&g->health,
		"SELECT h.platform, h.item, h.state, h.detail, h.hint FROM dreamsuite.data_health($1) AS h LIMIT 120",
		1, (Oid[]){UUIDOID}, (Datum[]){g->user_id});
}

/* The newest stored day of the user; false where there is none. */
static bool
newest_day(Datum user_id, DateADT *day)
{
	Rows rows;

	read_rows(&rows,
			  "SELECT to_char(max(date), 'YYYY-MM-DD') FROM dreamsuite.daily_metrics WHERE user_id = $1 AND "
			  "date < 'infinity'",
			  1, (Oid[]){UUIDOID}, (Datum[]){user_id});
	return rows_date(&rows, 0, 0, day);
}

/* The chart begins with the first number in its days. */
static int
first_day(const Gathered *g)
{
	int least = Max(0, g->set->days - CHART_DAYS);
	int first = g->set->days - 1;

	for (int i = 0; i < g->card_count; i++)
	{
		const Series *series = g->cards[i].main;

		for (int day = least; series && day < first; day++)
		{
			if (!isnan(series->values[day]))
				first = day;
		}
	}
	return Max(first, 0);
}

Gathered *
gather(Datum user_id, DateADT as_of)
{
	Gathered *g = palloc0(sizeof(Gathered));
	DateADT newest;
	bool stored = newest_day(user_id, &newest);

	g->user_id = user_id;
	g->today = DatumGetDateADT(DirectFunctionCall1(timestamp_date, TimestampGetDatum(config_now())));
	g->as_of = as_of != DATEVAL_NOEND ? as_of : stored ? newest : g->today;
	g->newest = stored && g->as_of >= newest;
	g->set = series_load(user_id, g->as_of - LOAD_DAYS + 1, g->as_of);
	gather_cards(g);
	g->chart_from = first_day(g);
	for (int i = 0; i < g->card_count; i++)
		g->any = g->any || g->cards[i].newest >= 0;
	if (g->card_count > 0)
	{
		gather_posts(g);
		gather_releases(g);
		gather_facts(g);
		gather_goals(g);
		gather_formats(g);
		gather_health(g);
	}
	return g;
}
