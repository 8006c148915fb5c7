/*
 * insight_sql.c
 *    insight_facts(), top_facts(), compare_posts() and what explain_fact() stands on.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "insight/posts.h"
#include "srf.h"
#include "stats/multiplicity.h"

#define MOST_PICKED 1000

/* explain_fact() looks for the day on which the fact was told, from the end of its window on. */
#define EXPLAIN_DAYS 40

DREAMSUITE_FUNCTION(dreamsuite_insight_facts);
DREAMSUITE_FUNCTION(dreamsuite_top_facts);
DREAMSUITE_FUNCTION(dreamsuite_fact_in_full);
DREAMSUITE_FUNCTION(dreamsuite_compare_posts);

static Datum
get_user(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("user_id must not be null"),
						errhint("Facts are of one artist.")));
	return PG_GETARG_DATUM(0);
}

static DateADT
get_as_of(FunctionCallInfo fcinfo, int arg)
{
	DateADT day;

	if (PG_ARGISNULL(arg))
		return DATEVAL_NOEND;
	day = PG_GETARG_DATEADT(arg);
	if (DATE_NOT_FINITE(day))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("as_of must be a day, not infinity"),
						errhint("Leave it out for the newest day that is stored.")));
	return day;
}

/* Bits of the asked categories; all where the argument is null. */
static unsigned
get_categories(FunctionCallInfo fcinfo, int arg)
{
	Datum *elements;
	bool *nulls;
	int n;
	unsigned wanted = 0;

	if (PG_ARGISNULL(arg))
		return (1u << CATEGORY_COUNT) - 1;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		const char *name = nulls[i] ? "null" : TextDatumGetCString(elements[i]);
		int category = 0;

		while (category < CATEGORY_COUNT && (nulls[i] || strcmp(category_name(category), name) != 0))
			category++;
		if (category == CATEGORY_COUNT)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown category \"%s\"", name),
							errdetail("The categories are growth, content, cross_platform, trend, goal and "
									  "data_quality."),
							errhint("Leave it out for all of them.")));
		wanted |= 1u << category;
	}
	return wanted;
}

static void
put_fact(ReturnSetInfo *info, const Run *run, const Fact *fact)
{
	Datum values[FACT_COLUMNS];
	bool nulls[FACT_COLUMNS];

	fact_columns(fact, run->as_of, fact->family == FAMILY_NONE ? 0 : run->tests[fact->family], values, nulls);
	tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
}

/* insight_facts(user_id, as_of, categories) -> setof fact */
Datum
dreamsuite_insight_facts(PG_FUNCTION_ARGS)
{
	Datum user = get_user(fcinfo);
	DateADT as_of = get_as_of(fcinfo, 1);
	unsigned wanted = get_categories(fcinfo, 2);
	ReturnSetInfo *info = srf_begin(fcinfo);
	Artist artist;
	Run *run;
	ListCell *cell;

	/* everything is tested whatever is asked for: a filter must not change what is significant */
	if (!artist_load(&artist, user, &as_of))
		return (Datum) 0;
	run = insight_run(&artist, as_of, false);
	foreach (cell, run->facts)
	{
		const Fact *fact = lfirst(cell);

		if (wanted & (1u << fact->category))
			put_fact(info, run, fact);
	}
	return (Datum) 0;
}

/* top_facts(user_id, as_of, k) -> setof fact */
Datum
dreamsuite_top_facts(PG_FUNCTION_ARGS)
{
	Datum user = get_user(fcinfo);
	DateADT as_of = get_as_of(fcinfo, 1);
	int k = PG_ARGISNULL(2) ? 10 : PG_GETARG_INT32(2);
	ReturnSetInfo *info = srf_begin(fcinfo);
	Artist artist;
	Run *run;
	ListCell *cell;

	if (k < 1 || k > MOST_PICKED)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("k must be between 1 and %d, not %d", MOST_PICKED, k),
						errhint("dreamsuite.insight_facts() gives all facts.")));
	if (!artist_load(&artist, user, &as_of))
		return (Datum) 0;
	run = insight_run(&artist, as_of, false);
	foreach (cell, pick_facts(run, k))
		put_fact(info, run, lfirst(cell));
	return (Datum) 0;
}

static bool
put_if_found(ReturnSetInfo *info, Datum user, DateADT as_of, const char *id)
{
	Artist artist;
	Run *run;
	ListCell *cell;

	if (!artist_load(&artist, user, &as_of))
		return false;
	run = insight_run(&artist, as_of, true);
	foreach (cell, list_concat_copy(run->facts, latest_facts(run)))
	{
		const Fact *fact = lfirst(cell);

		if (strcmp(fact_id(fact), id) == 0)
		{
			put_fact(info, run, fact);
			return true;
		}
	}
	return false;
}

/* fact_in_full(user_id, fact_id) -> setof fact: the fact as of the newest day that tells it, evidence in full */
Datum
dreamsuite_fact_in_full(PG_FUNCTION_ARGS)
{
	Datum user = get_user(fcinfo);
	ReturnSetInfo *info = srf_begin(fcinfo);
	const char *id;
	DateADT day;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("fact_id must not be null"),
						errhint("Take a fact_id of dreamsuite.insight_facts().")));
	id = TextDatumGetCString(PG_GETARG_DATUM(1));
	if (put_if_found(info, user, DATEVAL_NOEND, id))
		return (Datum) 0;
	if (fact_window_end(id, &day))
	{
		for (int later = 0; later < EXPLAIN_DAYS; later++)
		{
			if (put_if_found(info, user, day + later, id))
				return (Datum) 0;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND), errmsg("there is no fact \"%s\"", id),
			 errdetail("The stored numbers of this artist do not tell it, or do not tell it any more."),
			 errhint("Take a fact_id of dreamsuite.insight_facts().")));
}

static CompareBy
get_by(FunctionCallInfo fcinfo, int arg)
{
	const char *name = PG_ARGISNULL(arg) ? "null" : TextDatumGetCString(PG_GETARG_DATUM(arg));

	for (int by = 0; by < BY_COUNT; by++)
	{
		if (!PG_ARGISNULL(arg) && strcmp(compare_by_name(by), name) == 0)
			return by;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("cannot compare posts by \"%s\"", name),
					errdetail("Posts are compared by kind, weekday, daypart or shared."),
					errhint("Pass one of them.")));
}

static void
put_unless_nan(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = !isfinite(value);
	values[column] = Float8GetDatum(value);
}

static void
put_cell(ReturnSetInfo *info, const Cell *cell, double q)
{
	Datum values[10] = {CStringGetTextDatum(cell->a), CStringGetTextDatum(cell->b), Int32GetDatum(cell->n_a),
						Int32GetDatum(cell->n_b)};
	bool nulls[10] = {false};
	Stratified effect = {.superiority = NAN, .shift = {NAN, NAN, NAN}};

	if (cell->n_a > 0 && cell->n_b > 0)
		cell_effect(cell, &effect);
	put_unless_nan(values, nulls, 4, exp(effect.shift.estimate));
	put_unless_nan(values, nulls, 5, exp(effect.shift.lo));
	put_unless_nan(values, nulls, 6, exp(effect.shift.hi));
	put_unless_nan(values, nulls, 7, effect.superiority);
	put_unless_nan(values, nulls, 8, cell->p_value);
	put_unless_nan(values, nulls, 9, q);
	tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
}

/* compare_posts(user_id, platform, by) -> (a, b, n_a, n_b, ratio, ratio_lo, ratio_hi, superiority, p_value, q_value) */
Datum
dreamsuite_compare_posts(PG_FUNCTION_ARGS)
{
	Datum user = get_user(fcinfo);
	const Platform *platform;
	CompareBy by;
	ReturnSetInfo *info;
	DateADT as_of = DATEVAL_NOEND;
	Artist artist;
	Run run = {.artist = &artist};
	Sample sample;
	Cell cells[CELLS_MOST];
	double p[CELLS_MOST], q[CELLS_MOST];
	int count;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("platform must not be null"),
						errhint("See the view dreamsuite.platforms.")));
	platform = platform_get(TextDatumGetCString(PG_GETARG_DATUM(1)));
	by = get_by(fcinfo, 2);
	info = srf_begin(fcinfo);
	artist_load(&artist, user, &as_of);
	run.as_of = as_of;
	for (int i = 0; i < artist.outlet_count; i++)
	{
		if (artist.outlets[i].platform != platform)
			continue;
		sample_posts(&run, &artist.outlets[i], &sample);
		if (sample.n == 0)
			break;
		count = compare_cells(&sample, by, cells, 0);
		for (int j = 0; j < count; j++)
			p[j] = cells[j].p_value;
		if (stats_adjust_bh(p, count, 0, q) == STATS_NO_MEMORY)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
							errdetail("Failed while comparing posts.")));
		for (int j = 0; j < count; j++)
		{
			if (cells[j].n_a > 0)
				put_cell(info, &cells[j], q[j]);
		}
	}
	return (Datum) 0;
}
