/*
 * check.c
 *    check_claims(): does every number in a model's answer stand on a fact that says it?
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "agent/claims.h"
#include "agent/known.h"
#include "insight/insight.h"
#include "srf.h"

#define ANSWER_MOST 65536 /* bytes */
#define CLAIMS_MOST 4096
#define LOOKS_MOST  10 /* days on which facts that are not of today are looked for */

DREAMSUITE_FUNCTION(dreamsuite_check_claims);

/* A fact that the answer cites. */
typedef struct Cited
{
	const char *id;
	const Fact *fact; /* NULL: there is none */
	KnownFact *known;
} Cited;

typedef struct Check
{
	Datum user_id;
	const char *answer;
	Claim *claims;
	Citation *citations;
	int claim_count, citation_count;
	Cited **cited; /* per citation */
	List *facts;   /* Cited *, each id once */
	int unresolved;
} Check;

static Cited *
find_cited(Check *check, const char *id)
{
	Cited *cited;
	ListCell *cell;

	foreach (cell, check->facts)
	{
		cited = lfirst(cell);
		if (strcmp(cited->id, id) == 0)
			return cited;
	}
	cited = palloc0(sizeof(Cited));
	cited->id = id;
	check->facts = lappend(check->facts, cited);
	check->unresolved++;
	return cited;
}

/* Looks at one day for the facts that were not found yet. Memory is kept only where one was. */
static void
look_for_facts(Check *check, DateADT as_of)
{
	MemoryContext look =
		AllocSetContextCreate(CurrentMemoryContext, "facts of a day", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(look);
	Artist artist;
	bool found = false;

	CHECK_FOR_INTERRUPTS();
	if (artist_load(&artist, check->user_id, &as_of))
	{
		Run *run = insight_run(&artist, as_of, false);
		ListCell *cell;

		foreach (cell, list_concat_copy(run->facts, latest_facts(run)))
		{
			const Fact *fact = lfirst(cell);
			const char *id = fact_id(fact);
			ListCell *other;

			foreach (other, check->facts)
			{
				Cited *cited = lfirst(other);

				if (cited->fact != NULL || strcmp(cited->id, id) != 0)
					continue;
				cited->fact = fact;
				cited->known = known_of_fact(fact, run);
				check->unresolved--;
				found = true;
			}
		}
	}
	MemoryContextSwitchTo(before);
	if (!found)
		MemoryContextDelete(look);
}

/*
 * Facts are told on the newest day; an answer may be older, or about an earlier day. A fact is told from the end of its
 * window on, so the days after that are looked at: a day at a time, and that day for all facts.
 */
static void
resolve(Check *check, DateADT as_of)
{
	DateADT looked[LOOKS_MOST];
	int looks = 0;
	ListCell *cell;

	if (check->unresolved > 0)
		look_for_facts(check, as_of);
	foreach (cell, check->facts)
	{
		Cited *cited = lfirst(cell);
		DateADT day;

		if (cited->fact != NULL || !fact_window_end(cited->id, &day))
			continue;
		for (int later = 0; cited->fact == NULL && later < LOOKS_MOST && looks < LOOKS_MOST; later++)
		{
			bool seen = false;

			for (int i = 0; i < looks; i++)
				seen |= looked[i] == day + later;
			if (seen)
				continue;
			looked[looks++] = day + later;
			look_for_facts(check, day + later);
		}
	}
}

static void
put_row(ReturnSetInfo *info, const char *text, int length, const char *id, bool ok, const char *reason)
{
	Datum values[4];
	bool nulls[4] = {false, id == NULL, false, false};

	values[0] = PointerGetDatum(cstring_to_text_with_len(text, length));
	values[1] = id ? CStringGetTextDatum(id) : (Datum) 0;
	values[2] = BoolGetDatum(ok);
	values[3] = CStringGetTextDatum(reason);
	tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
}

/* Judges a claim by the facts that it cites, in their order; the first that says it is enough. */
static void
judge(ReturnSetInfo *info, const Check *check, const Claim *claim)
{
	const char *text = check->answer + claim->start;
	const Cited *against = NULL; /* a fact that says something else */
	const Cited *unknown = NULL;
	bool wrong_way = false;

	for (int i = 0; i < claim->cited_count; i++)
	{
		const Cited *cited = check->cited[claim->cited + i];
		const char *as;
		ClaimFit fit;

		if (cited->fact == NULL)
		{
			unknown = unknown ? unknown : cited;
			continue;
		}
		fit = known_fit(cited->known, claim, check->answer, &as);
		if (fit == FIT_YES)
		{
			put_row(info, text, claim->length, cited->id, true, psprintf("the fact says it: %s", as));
			return;
		}
		if (against == NULL || (fit == FIT_WRONG_WAY && !wrong_way))
			against = cited;
		wrong_way |= fit == FIT_WRONG_WAY;
	}
	if (claim->borrowed)
		put_row(info, text, claim->length, NULL, false, "cites no fact");
	else if (against)
		put_row(info, text, claim->length, against->id, false,
				psprintf("%s the fact, which says: %s", wrong_way ? "goes the other way than" : "contradicts",
						 against->fact->sentence));
	else if (unknown)
		put_row(info, text, claim->length, unknown->id, false, "unknown fact id");
	else
		put_row(info, text, claim->length, NULL, false, "cites no fact");
}

/* check_claims(user_id, answer, as_of) -> (claim, fact_id, ok, reason) */
Datum
dreamsuite_check_claims(PG_FUNCTION_ARGS)
{
	Check check = {0};
	DateADT as_of = PG_ARGISNULL(2) ? DATEVAL_NOEND : PG_GETARG_DATEADT(2);
	ReturnSetInfo *info = srf_begin(fcinfo);
	text *answer;
	int length;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("user_id must not be null"),
						errhint("An answer is about one artist.")));
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("answer must not be null"),
						errhint("An empty text claims nothing.")));
	if (!PG_ARGISNULL(2) && DATE_NOT_FINITE(as_of))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("as_of must be a day, not infinity"),
						errhint("Leave it out for the newest day that is stored.")));
	answer = PG_GETARG_TEXT_PP(1);
	length = VARSIZE_ANY_EXHDR(answer);
	if (length > ANSWER_MOST)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("answer is too long: %d bytes of at most %d", length, ANSWER_MOST),
						errhint("Check a long text paragraph by paragraph.")));

	check.user_id = PG_GETARG_DATUM(0);
	check.answer = VARDATA_ANY(answer);
	check.claims = palloc(sizeof(Claim) * CLAIMS_MOST);
	check.citations = palloc(sizeof(Citation) * CLAIMS_MOST);
	check.claim_count = claims_find(check.answer, length, check.claims, CLAIMS_MOST, check.citations,
									CLAIMS_MOST, &check.citation_count);
	if (check.claim_count < 0)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("answer has more than %d numbers or citations", CLAIMS_MOST),
						errhint("Check a long text paragraph by paragraph.")));

	check.cited = palloc(sizeof(Cited *) * Max(check.citation_count, 1));
	for (int i = 0; i < check.citation_count; i++)
		check.cited[i] =
			find_cited(&check, pnstrdup(check.answer + check.citations[i].start, check.citations[i].length));
	resolve(&check, as_of);

	for (int i = 0; i < check.claim_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		judge(info, &check, &check.claims[i]);
	}
	/* a fact that does not exist is reported even where no number stands on it */
	for (int i = 0; i < check.citation_count; i++)
	{
		const Citation *citation = &check.citations[i];

		if (!citation->used && check.cited[i]->fact == NULL)
			put_row(info, check.answer + citation->start, citation->length, check.cited[i]->id, false,
					"unknown fact id");
	}
	return (Datum) 0;
}
