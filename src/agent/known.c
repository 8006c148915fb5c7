/*
 * known.c
 *    The numbers that a fact says: its columns, what follows from them, its sentence and its evidence.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "agent/known.h"

#define SENTENCE_NUMBERS 64

typedef struct Known
{
	double value;
	ClaimKind kind;
	bool change; /* its sign says up or down */
	bool share;  /* a percentage that is said with "of" */
	bool count;  /* how many were looked at: never what "gained 7" is about */
	bool aside;  /* stands beside what the fact says: a 0 of it is not what "0 followers" is about */
	double days; /* a duration in units of so many days; 0: none */
	const char *name;
} Known;

struct KnownFact
{
	Known *numbers;
	int count, room;
	Jsonb *evidence;
};

static Known *
add(KnownFact *fact, ClaimKind kind, double value, const char *name)
{
	static Known nowhere;

	if (!isfinite(value))
		return &nowhere;
	if (fact->count == fact->room)
	{
		fact->room *= 2;
		fact->numbers = repalloc(fact->numbers, sizeof(Known) * fact->room);
	}
	fact->numbers[fact->count] = (Known){.value = value, .kind = kind, .name = name};
	return &fact->numbers[fact->count++];
}

/* A value in the unit of the fact; quotients are also said in percent. */
static void
add_value(KnownFact *known, const Fact *fact, double value, const char *name)
{
	add(known, CLAIM_PLAIN, value, name);
	if (fact->unit && strcmp(fact->unit, "ratio") == 0)
		add(known, CLAIM_PERCENT, 100 * value, name);
	if (fact->unit && strcmp(fact->unit, "percent") == 0)
		add(known, CLAIM_PERCENT, value, name);
}

static void
add_effect(KnownFact *known, const Fact *fact, double effect, const char *name)
{
	const char *kind = fact->effect_kind ? fact->effect_kind : "";
	bool moves = fact->category != CATEGORY_GOAL && fact->category != CATEGORY_DATA_QUALITY;

	if (strcmp(kind, "percent") == 0)
	{
		add(known, CLAIM_PERCENT, effect, name)->change = moves;
		if (moves)
			add(known, CLAIM_RATIO, 1 + effect / 100, name);
	}
	else if (strcmp(kind, "ratio") == 0)
	{
		add(known, CLAIM_RATIO, effect, name);
		add(known, CLAIM_PERCENT, 100 * (effect - 1), name)->change = true;
		add(known, CLAIM_PERCENT, 100 * effect, name)->share = true;
	}
	else if (strcmp(kind, "days") == 0)
	{
		add(known, CLAIM_PLAIN, effect, name)->days = 1;
		add(known, CLAIM_PLAIN, floor(effect), name)->days = 1;
		add(known, CLAIM_PLAIN, ceil(effect), name)->days = 1;
	}
	else
	{
		add(known, CLAIM_PLAIN, effect, name)->change = moves && strcmp(kind, "difference") == 0;
		if (fact->unit && strcmp(fact->unit, "ratio") == 0)
			add(known, CLAIM_PERCENT, 100 * effect, name)->change = moves;
	}
}

/* What value and baseline say together. */
static void
add_derived(KnownFact *known, const Fact *fact)
{
	const char *kind = fact->effect_kind ? fact->effect_kind : "";
	double difference = fact->value - fact->baseline;

	if (fact->category == CATEGORY_GOAL)
	{
		add(known, CLAIM_PLAIN, fabs(difference), "what is left to the target");
		return;
	}
	if (fact->category == CATEGORY_DATA_QUALITY || strcmp(kind, "r") == 0 || strcmp(kind, "days") == 0)
		return;
	add(known, CLAIM_PLAIN, difference, "value minus baseline")->change = true;
	if (fact->baseline > 0)
	{
		add(known, CLAIM_PERCENT, 100 * difference / fact->baseline, "value against baseline")->change = true;
		add(known, CLAIM_RATIO, fact->value / fact->baseline, "value against baseline");
	}
}

/* The numbers of its words. */
static void
add_text(KnownFact *known, const char *text, const char *name)
{
	Claim *claims;
	Citation none[1];
	int citations;
	int n;

	if (text == NULL)
		return;
	claims = palloc(sizeof(Claim) * SENTENCE_NUMBERS);
	n = claims_find(text, strlen(text), claims, SENTENCE_NUMBERS, none, 1, &citations);
	for (int i = 0; i < n; i++)
	{
		int way = claims[i].sign != 0 ? claims[i].sign : claims[i].direction;
		Known *number = add(known, claims[i].kind, (way < 0 ? -1 : 1) * claims[i].value, name);

		number->change = way != 0;
		number->days = claims[i].days;
	}
	pfree(claims);
}

static bool
starts_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void
add_evidence(KnownFact *known)
{
	JsonbIterator *it = JsonbIteratorInit(&known->evidence->root);
	JsonbValue v;
	JsonbIteratorToken token;
	char *key = "";

	while ((token = JsonbIteratorNext(&it, &v, false)) != WJB_DONE)
	{
		double value;

		if (token == WJB_KEY)
			key = pnstrdup(v.val.string.val, v.val.string.len);
		if ((token != WJB_VALUE && token != WJB_ELEM) || v.type != jbvNumeric)
			continue;
		value = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(v.val.numeric)));
		if (starts_with(key, "pct") || starts_with(key, "percent"))
			add(known, CLAIM_PERCENT, value, key)->change = starts_with(key, "pct");
		else
		{
			Known *number = add(known, CLAIM_PLAIN, value, key);

			number->change = starts_with(key, "change_");
			number->aside = true;
			if (strstr(key, "days") != NULL)
				number->days = 1;
			if (fabs(value) < 1 && value != 0)
				add(known, CLAIM_PERCENT, 100 * value, key);
		}
	}
}

KnownFact *
known_of_fact(const Fact *fact, const Run *run)
{
	KnownFact *known = palloc0(sizeof(KnownFact));
	Datum values[FACT_COLUMNS];
	bool nulls[FACT_COLUMNS];
	int window = fact->window_end - fact->window_start;
	ListCell *cell;

	known->room = 64;
	known->numbers = palloc(sizeof(Known) * known->room);
	add_value(known, fact, fact->value, "value");
	add_value(known, fact, fact->baseline, "baseline");
	add_effect(known, fact, fact->effect, "effect");
	add_effect(known, fact, fact->effect_lo, "effect_lo");
	add_effect(known, fact, fact->effect_hi, "effect_hi");
	add_derived(known, fact);
	/* of 1 and 0 there is nothing to tell */
	if (fact->n > 1)
		add(known, CLAIM_PLAIN, fact->n, "n")->count = true;
	if (fact->n_baseline > 1)
		add(known, CLAIM_PLAIN, fact->n_baseline, "n_baseline")->count = true;
	if (fact->n_missing > 0)
		add(known, CLAIM_PLAIN, fact->n_missing, "n_missing")->count = true;
	add(known, CLAIM_PLAIN, fact->p_value, "p_value");
	add(known, CLAIM_PLAIN, fact->q_value, "q_value");
	if (fact->family != FAMILY_NONE)
		add(known, CLAIM_PLAIN, run->tests[fact->family], "tests_in_family")->count = true;
	add(known, CLAIM_PLAIN, window, "days of its window")->days = 1;
	add(known, CLAIM_PLAIN, window + 1, "days of its window")->days = 1;
	add_text(known, fact->sentence, "its sentence");
	add_text(known, fact->suggested_action, "its suggested action");
	add_text(known, fact->method, "its method");
	foreach (cell, fact->caveats)
		add_text(known, strchr((char *) lfirst(cell), '=') ? strchr((char *) lfirst(cell), '=') : NULL,
				 "its caveats");

	fact_columns(fact, run->as_of, 0, values, nulls);
	known->evidence = DatumGetJsonbP(values[FACT_EVIDENCE]);
	add_evidence(known);
	return known;
}

static ClaimFit
fit_number(const Known *number, const Claim *claim)
{
	Claim said = *claim;

	if (number->kind != claim->kind && number->kind != claim->other)
		return FIT_NO;
	if ((number->share && !claim->share) || (number->count && (claim->direction != 0 || claim->sign != 0)) ||
		(number->days > 0 && claim->days == 0) ||
		(number->aside && number->value == 0 && claim->direction == 0 && claim->sign == 0))
		return FIT_NO;
	/* "0 followers" is no p-value of 0.01 that was rounded */
	if (claim->value == 0 && number->kind == CLAIM_PLAIN && number->value != 0)
		return FIT_NO;
	/* three weeks are 21 days */
	if (number->days > 0)
	{
		said.value *= claim->days / number->days;
		said.slack *= claim->days / number->days;
		said.rough *= claim->days / number->days;
	}
	return claim_fit(&said, number->value, number->change);
}

/* Is the quotation a text of the evidence, word for word: a title that holds a number? */
static bool
is_quoted(const KnownFact *known, const char *quote, int length)
{
	JsonbIterator *it = JsonbIteratorInit(&known->evidence->root);
	JsonbValue v;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&it, &v, false)) != WJB_DONE)
	{
		if ((token == WJB_VALUE || token == WJB_ELEM) && v.type == jbvString && v.val.string.len == length &&
			memcmp(v.val.string.val, quote, length) == 0)
			return true;
	}
	return false;
}

ClaimFit
known_fit(const KnownFact *known, const Claim *claim, const char *answer, const char **as)
{
	ClaimFit best = FIT_NO;

	for (int i = 0; i < known->count; i++)
	{
		ClaimFit fit = fit_number(&known->numbers[i], claim);

		if (fit == FIT_YES)
		{
			*as = known->numbers[i].name;
			return FIT_YES;
		}
		best = Max(best, fit);
	}
	if (claim->quote_length > 0 && is_quoted(known, answer + claim->quote_start, claim->quote_length))
	{
		*as = "a quotation of its evidence";
		return FIT_YES;
	}
	return best;
}
