/*
 * meta.h
 *    What Instagram and Facebook share: Meta's Graph API, its errors, its usage headers and its batches.
 */
#ifndef DREAMSUITE_META_H
#define DREAMSUITE_META_H

#include "postgres.h"

#include "platform/platform.h"

#define META_HOST    "graph.facebook.com"
#define META_VERSION "/v25.0"

/* Asking stops at so many percent of a limit: calls over it lengthen the block. */
#define META_ENOUGH 85

/* What X-App-Usage and X-Business-Use-Case-Usage tell. */
extern void meta_limits(const Answer *answer, LimitsSeen *seen);

/* The most operations of a batch. */
#define META_BATCH 50

/*
 * What an answer means. Codes and subcodes decide; neither the HTTP status nor the error's type do. A metric that is
 * refused is named where the answer names it (by its place in the request, or as the one that the list of legal values
 * lacks). A missing object is the account itself where the step is `account_step`: then it must be linked again.
 * https://developers.facebook.com/docs/graph-api/guides/error-handling
 */
extern Verdict meta_classify(const Answer *answer, const char *account_step);

/* Is it the code of a limit? Those say nothing of a token. */
extern bool meta_is_limit(int64 code);

/* The part of a batch that asks the insights of an object; `window` is "", or parameters that end with "&". */
extern char *meta_insights_part(const char *id, const char *window, List *metrics);

/*
 * Asks several addresses, relative to the version, by as few POSTs as it takes. `parts` are those addresses (char *), each
 * an id with an edge behind it: "ID/insights?metric=a" or "ID/collaborators?fields=b".
 * https://developers.facebook.com/docs/graph-api/batch-requests
 */
extern void meta_ask_batches(RequestPlan *plan, const char *step, List *parts);

/*
 * Takes the answer of a batch apart into entries of the steps that `step_of` names for an object's id. Their parameter is
 * the id, with the edge behind it where it is another than insights. Objects without insights, and edges that were refused,
 * have no entry and are not missing. A part that timed out is asked alone. Returns the parts (char *) that are to be asked
 * again, without the metrics that were refused, which are in plan->refused.
 */
extern List *meta_unpack_batch(RequestPlan *plan, Request *request, const Answer *answer,
							   const char *(*step_of)(const RequestPlan *plan, const char *id));

/*
 * The value of a metric in an insights answer: total_value, or the single point of a lifetime metric. A daily series is
 * no total: COUNT_UNKNOWN. A map of counts ({"like": 3, "love": 1}) is summed.
 */
extern int64 meta_total(const JsonbContainer *insights, const char *metric);
extern int64 meta_lifetime(const JsonbContainer *insights, const char *metric);

/* The newest point of the metric's series with that period; COUNT_UNKNOWN where it has none. */
extern int64 meta_newest(const JsonbContainer *insights, const char *metric, const char *period);

/* The points of a series, as values of the field for the days on which they were the newest. */
extern void meta_earlier(Normalised *out, const char *field, const JsonbContainer *insights,
						 const char *metric, const char *period);

/* Runs `read` over the entries of every page of a listing. */
extern void meta_read(const Responses *responses, Normalised *out, const char *step,
					  void (*read)(Normalised *, const JsonbContainer *));

/*
 * Are the posts behind a page, which are listed newest first, all known and so old that their counts hardly change any
 * more? Its last post tells.
 */
extern bool meta_page_is_settled(const RequestPlan *plan, const JsonbContainer *page, const char *time_key);

/* Marks the last post of a listing that this run read to its end. */
extern void meta_mark_end(const Responses *responses, Normalised *out, const char *step);

/* Those of a list, and of a comma-separated one, that are neither quarantined nor refused in this run. */
extern List *meta_left(const RequestPlan *plan, List *metrics);
extern List *meta_metrics(const RequestPlan *plan, const char *names);

/* Adds metrics to those refused in this run, each once. */
extern void meta_refuse(RequestPlan *plan, List *metrics);

/* "a%2Cb": the list as the value of a parameter. */
extern char *meta_joined(List *metrics);

/*
 * Asks a page again with half its size where the platform says that it was too much; false where the size is at its
 * least or the failure is another.
 */
extern bool meta_ask_less(RequestPlan *plan, const Request *request, const Verdict *verdict);

#endif
