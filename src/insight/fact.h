/*
 * fact.h
 *    One statement about an artist, with everything that a reader needs to check it.
 */
#ifndef DREAMSUITE_FACT_H
#define DREAMSUITE_FACT_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "platform/platform.h"
#include "utils/date.h"

typedef enum Category
{
	CATEGORY_GROWTH,
	CATEGORY_CONTENT,
	CATEGORY_CROSS_PLATFORM,
	CATEGORY_TREND,
	CATEGORY_GOAL,
	CATEGORY_DATA_QUALITY,
	CATEGORY_COUNT
} Category;

/* Tests that are judged together, so that many of them do not make chance look like a finding. */
typedef enum Family
{
	FAMILY_NONE = -1,
	FAMILY_SPIKES,      /* of the last week */
	FAMILY_PAST_SPIKES, /* of the three weeks before it */
	FAMILY_WEEKS,
	FAMILY_CHANGES,
	FAMILY_WEEKEND,
	FAMILY_POSTS,
	FAMILY_PAIRS,
	FAMILY_PROMOTION,
	FAMILY_COUNT
} Family;

typedef enum EvidenceClass
{
	EVIDENCE_EXACT,    /* arithmetic on stored numbers */
	EVIDENCE_TESTED,   /* a test with a q-value */
	EVIDENCE_FORECAST, /* an interval from past errors */
	EVIDENCE_HEURISTIC /* a rule of thumb, no claim */
} EvidenceClass;

typedef enum FactStatus
{
	FACT_NEW,
	FACT_CONTINUING,
	FACT_RESOLVED
} FactStatus;

/* The factors of a score, each 0 to 1. */
typedef enum ScorePart
{
	PART_IMPACT,
	PART_SURENESS,
	PART_EFFECT,
	PART_FRESHNESS,
	PART_NOVELTY,
	PART_ACTION,
	PART_COUNT
} ScorePart;

typedef struct Fact
{
	Category category;
	const char *kind;      /* "spike_up" */
	const char *direction; /* "up", "down", "flat"; NULL: none */
	const Platform *platform;
	const char *metric;
	const char *subject;      /* part of fact_id: what it is about, whatever its numbers are */
	const char *subject_json; /* the same as an object; NULL: platform and metric */
	DateADT window_start, window_end;
	DateADT settled_through;
	double value, baseline; /* NaN: none; so are the other numbers */
	const char *unit;
	double effect, effect_lo, effect_hi;
	const char *effect_kind;      /* ratio, difference, r, days, percent */
	int n, n_baseline, n_missing; /* -1: none */
	const char *method;
	EvidenceClass evidence_class;
	double p_value, q_value;
	Family family;
	int least;              /* the smallest n that the method accepts, for the confidence */
	const char *parameters; /* members of a JSON object, without braces */
	const char *rows;       /* elements of a JSON array: the days behind it */
	const char *content;    /* elements of a JSON array: the posts behind it */
	const char *extra;      /* further members of the evidence */
	FactStatus status;
	double effect_size; /* 0 to 1; NaN: from `effect` */
	double weight;      /* of the platform's share for the impact, NaN: from the audience */
	double action;      /* 1 has a next step, 0.8 watch, 0.6 information */
	double score;
	double parts[PART_COUNT];
	const char *sentence;
	List *caveats; /* char * */
	const char *suggested_action;
} Fact;

/* As the columns category and family have them. */
extern const char *category_name(Category category);
extern const char *family_name(Family family);

/* The level of a family: what share of its reported facts may be chance. */
extern double family_level(Family family);
extern double family_weight(Family family);

/* A fact with every number unknown, palloc'd. */
extern Fact *fact_create(Category category, const char *kind);

/* What stays the same from day to day: kind, subject and direction. */
extern bool fact_same(const Fact *a, const Fact *b);

/* kind:subject:window:hash; the hash is of the kind, the subject and the numbers. palloc'd. */
extern char *fact_id(const Fact *fact);

/* The end of the window that a fact_id names; false where the text is none. */
extern bool fact_window_end(const char *id, DateADT *day);

/* Has the tested fact a sureness that its family promises, by its q-value? "high", "medium", "low". */
extern const char *fact_confidence(const Fact *fact);

/* The columns of the composite type. `tests` is the number of tests of its family, 0 for none. */
#define FACT_COLUMNS  34
#define FACT_EVIDENCE 28 /* the place of the evidence among them */
extern void fact_columns(const Fact *fact, DateADT as_of, int tests, Datum *values, bool *nulls);

/* ---- JSON text for evidence ---- */

/* Appends "key": value with a comma before it where one is needed. NaN is null. */
extern void json_put_number(StringInfo out, const char *key, double value);
extern void json_put_text(StringInfo out, const char *key, const char *value); /* NULL: null */
extern void json_put_date(StringInfo out, const char *key, DateADT day);
extern void json_put_raw(StringInfo out, const char *key, const char *json);

/* Begins an element of an array: a comma where one is needed. */
extern void json_next(StringInfo out);

extern const char *date_text(DateADT day); /* 2026-06-30, palloc'd */

#endif
