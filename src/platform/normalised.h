/*
 * normalised.h
 *    What is made of a platform's answers: the responses that normalise() reads, the content items and the metrics that it
 *    gives.
 *
 * All memory is palloc'd in the current context, which the caller throws away. See platform.h for the whole.
 */
#ifndef DREAMSUITE_NORMALISED_H
#define DREAMSUITE_NORMALISED_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "platform/json.h"
#include "platform/plan.h"

typedef struct Normalised Normalised;

/* ---- Responses: what normalise() reads ---- */

typedef struct Entry
{
	const char *of; /* NULL for a step that is not `per` */
	const JsonbContainer *body;
} Entry;

typedef struct Bodies
{
	const StepDef *step;
	Entry *entries;
	int count;
	int room;
	bool asked;   /* the step is there at all */
	bool partial; /* an entry is lacking: totals over a listing are unknown */
	bool lost;    /* one of those will not come any more */
	bool bounded; /* max_pages cut a listing off */
} Bodies;

typedef struct Responses
{
	const Platform *platform;
	Bodies *steps; /* one per step of the platform */
} Responses;

/* Nothing was asked or answered yet. */
extern Responses *responses_create(const Platform *platform);
extern void
responses_add(Responses *responses, const StepDef *step, const char *of, const JsonbContainer *body);

/* An entry that will not come. One of a `per` step that does not exist at the platform is no loss: it holds nothing. */
extern void responses_lose(Responses *responses, const StepDef *step, ErrorClass error);

/*
 * Is the body an answer to the step, by what it holds? step->holds names paths, comma-separated, one of which must be
 * there: "data[]" a list (empty, or of objects or arrays), "results{}" an object, "meta" anything; "[]" is the body itself as
 * a list, "{}" an object without members. Something else in place of a named list or object, null too, is no answer,
 * whatever stands beside it.
 */
extern bool answer_holds(const StepDef *step, const JsonbContainer *body);

/* The bodies of a step; never NULL. `count` is 0 where it is missing. */
extern const Bodies *bodies(const Responses *responses, const char *step);

/* The first body of a step, NULL where it is missing. */
extern const JsonbContainer *body(const Responses *responses, const char *step);

/* Did the listing arrive whole? False where the step is missing or an entry of it was lost. */
extern bool listed_whole(const Responses *responses, const char *step);

/* Is nothing lacking of what was asked: neither an entry that was lost, nor what lies behind max_pages? */
extern bool read_to_end(const Bodies *bodies);

/* ---- Content ---- */

typedef struct ContentItem
{
	const char *content_id;
	const char *kind;
	TimestampTz published_at; /* TIME_UNKNOWN */
	const char *title;
	const char *url;
	List *collaborators;      /* char * */
	bool collaborators_known; /* an empty list that the API gave is not the same as none given */
	int64 likes;
	int64 comments;
	int64 shares;
	int64 views;
	int64 reach;
	int64 saves;
	int64 watch_time_minutes;
	Jsonb *extra; /* NULL: {} */
	bool listed;  /* by this run; false: known from storage alone */
	struct ContentItem *next_in_bucket;
} ContentItem;

/* Items in the order in which they were first met, found by id. */
typedef struct Contents
{
	ContentItem **items;
	int count;
	int room;
	ContentItem **buckets;
	int bucket_count; /* a power of two */
} Contents;

extern Contents *contents_create(void);

/* A copy whose items may be changed; their texts are shared. */
extern Contents *contents_copy(const Contents *contents);

/* The item with that id, made where there is none: every count COUNT_UNKNOWN, time TIME_UNKNOWN, the rest NULL. */
extern ContentItem *contents_item(Contents *contents, const char *content_id);

/* The item, or NULL. */
extern ContentItem *contents_find(const Contents *contents, const char *content_id);

/* ---- What normalise() gives ---- */

typedef struct MetricValue
{
	bool known;
	int64 count;      /* FIELD_COUNT */
	double number;    /* FIELD_NUMBER */
	const char *text; /* FIELD_TEXT */
	List *texts;      /* FIELD_TEXTS: char * */
	Jsonb *entries;   /* FIELD_ENTRIES */
} MetricValue;

struct Normalised
{
	const Platform *platform;
	const Account *account;
	MetricValue *values; /* one per field of the platform */
	int64 follower_count;
	int64 engagement_total;
	int64 content_count;
	Contents *content;       /* known items and those of this run */
	const char *external_id; /* who the answer says the account is; NULL: it does not say */
	const char *handle;      /* its name at the platform; NULL: not said */
	List *earlier;           /* EarlierValue *: for days that are stored already */
};

/*
 * What the platform says now of a time that ended earlier. It was told before, to whoever asked between that end and the
 * next one, and may have been corrected since.
 */
typedef struct EarlierValue
{
	const char *field;
	TimestampTz ends_at;
	TimestampTz until; /* who asked from then on was told of a later time */
	int64 value;
	int64 slack; /* it is a sum of rounded numbers, and may be off by so much */
} EarlierValue;

/* Unknown values (COUNT_UNKNOWN, NaN, NULL) leave the field null. The name must be a field of the platform. */
extern void set_count(Normalised *out, const char *field, int64 value);
extern void set_number(Normalised *out, const char *field, double value);
extern void set_text(Normalised *out, const char *field, const char *value);
extern void set_texts(Normalised *out, const char *field, List *values);     /* NIL is the empty list */
extern void set_entries(Normalised *out, const char *field, Jsonb *entries); /* NULL leaves null */

/* Notes a whole number of a time that ended earlier; unknown ones are left out. */
extern void add_earlier(Normalised *out, const char *field, TimestampTz ends_at, TimestampTz until,
						int64 value, int64 slack);

/* The content item of this run with that id, marked as listed, with the kind. Known counts of storage stay until
 * they are overwritten. */
extern ContentItem *add_content(Normalised *out, const char *content_id, const char *kind);

/* Adds a pair to the item's extra. */
extern void content_extra_text(ContentItem *item, const char *key, const char *value);
extern void content_extra_count(ContentItem *item, const char *key, int64 value);

typedef bool (*ContentFilter)(const Normalised *out, const ContentItem *item);

/* Sum of a count over all items (listed or known) that the filter (may be NULL) lets pass; unknown ones are left
 * out; COUNT_UNKNOWN where none is known. offset: offsetof(ContentItem, likes) and the like.
 * An empty listing sums to 0. */
extern int64 content_sum(const Normalised *out, size_t offset, ContentFilter filter);
#define CONTENT_SUM(out, count, filter) content_sum(out, offsetof(ContentItem, count), filter)

/* How many items pass. */
extern int64 content_number(const Normalised *out, ContentFilter filter);

/* Published in the 24 hours before the observation; COUNT_UNKNOWN where an item lacks its time and none is in. */
extern int64 content_last_24h(const Normalised *out, ContentFilter filter);

/* At most ten items that pass, most `by` first, then more comments, then the smaller id; unknown counts last.
 * Returns a List of ContentItem *. */
extern List *content_top(const Normalised *out, size_t by, ContentFilter filter);

/* Sums that know the unknown: unknown parts are left out; COUNT_UNKNOWN where all are. */
extern int64 sum_known(int n, ...);

/* Builds a FIELD_ENTRIES value. */
typedef struct EntriesBuilder
{
	JsonbParseState *state;
	bool in_entry;
} EntriesBuilder;

/* An array of objects: entry_begin(), its pairs, entry_end() for each; entries_end() gives the whole. */
extern void entries_begin(EntriesBuilder *builder);
extern void entry_begin(EntriesBuilder *builder);
extern void entry_count(EntriesBuilder *builder, const char *key, int64 value);      /* unknown: null */
extern void entry_number(EntriesBuilder *builder, const char *key, double value);    /* NaN: null */
extern void entry_text(EntriesBuilder *builder, const char *key, const char *value); /* NULL: null */
extern void entry_end(EntriesBuilder *builder);
extern Jsonb *entries_end(EntriesBuilder *builder);

#endif
