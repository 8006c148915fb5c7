/*
 * meta_batch.c
 *    Several questions to Meta's Graph API by one POST, and the answer taken apart.
 *
 * The batch itself succeeds whatever its members come to: each has a status and a body of its own, as text.
 *
 * API facts: https://developers.facebook.com/docs/graph-api/batch-requests (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "lib/stringinfo.h"

#include "http/url.h"
#include "platform/meta.h"
#include "platform/release.h"

#define INSIGHTS "/insights"

char *
meta_insights_part(const char *id, const char *window, List *metrics)
{
	return psprintf("%s" INSIGHTS "?%smetric=%s", url_encoded(id), window, meta_joined(metrics));
}

static void
ask_batch(Plan *plan, const char *step, List *parts)
{
	Request *request = plan_ask_path(plan, step, NULL, META_VERSION "/");
	Request form = {.url = pstrdup("")};
	StringInfoData batch;
	ListCell *cell;

	initStringInfo(&batch);
	foreach (cell, parts)
		appendStringInfo(&batch, "%s{\"method\":\"GET\",\"relative_url\":\"%s\"}", batch.len == 0 ? "[" : ",",
						 (char *) lfirst(cell));
	appendStringInfoChar(&batch, ']');
	request_param(&form, "include_headers", "false");
	request_param(&form, "batch", batch.data);
	request->post = true;
	request->body = form.url + 1; /* without its question mark */
	request->content_type = "application/x-www-form-urlencoded";
	request->parts = parts;
}

void
meta_ask_batches(Plan *plan, const char *step, List *parts)
{
	while (parts != NIL)
	{
		List *batch = list_truncate(list_copy(parts), META_BATCH);

		ask_batch(plan, step, batch);
		parts = list_copy_tail(parts, list_length(batch));
	}
}

/*
 * Reads one element of a batch's answer. `metrics` (char *) are those that the part asked for. The member's body comes in
 * *body; where the element timed out it is NULL and the verdict is ERROR_TIMEOUT.
 */
static Verdict
read_member(const Answer *batch, const JsonbValue *element, List *metrics, const JsonbContainer **body)
{
	const JsonbContainer *object = element->type == jbvBinary ? element->val.binary.data : NULL;
	Request request = {.step = batch->request->step, .metrics = metrics};
	Answer answer = {.request = &request, .at = batch->at};
	char *text = json_text(object, "body");
	int64 status = json_count(object, "code");
	Jsonb *parsed;

	*body = NULL;
	if (object == NULL)
		return verdict(ERROR_TIMEOUT, "the platform did not finish this part of a batch");
	parsed = text != NULL ? json_parse(text, strlen(text), NULL) : NULL;
	answer.status = status == COUNT_UNKNOWN ? 0 : (int) Min(status, 999);
	answer.body = *body = parsed != NULL ? &parsed->root : NULL;
	return meta_classify(&answer, "");
}

/* How much of a part that asks for insights stands before its metrics, which come last. */
static int
window_length(const char *part)
{
	return (int) (strstr(part, "metric=") - part);
}

/* The metrics of a part, NIL where it asks for something else than insights. */
static List *
part_metrics(const char *part)
{
	const char *at = strstr(part, "metric=");
	List *metrics = NIL;

	while (at != NULL && *at != '\0')
	{
		size_t length;

		at += *at == 'm' ? strlen("metric=") : strlen("%2C");
		length = strcspn(at, "%");
		metrics = lappend(metrics, pnstrdup(at, length));
		at += length;
	}
	return metrics;
}

/* The parts without the metrics that were refused; those of which nothing is left are out. */
static List *
with_less(const Plan *plan, List *parts)
{
	List *less = NIL;
	ListCell *cell;

	foreach (cell, parts)
	{
		const char *part = lfirst(cell);
		List *left = meta_left(plan, part_metrics(part));

		if (left != NIL)
			less = lappend(less, psprintf("%.*smetric=%s", window_length(part), part, meta_joined(left)));
	}
	return less;
}

/* A part as a request of its own. */
static void
ask_alone(Plan *plan, const StepDef *step, const char *id, const char *part, List *metrics)
{
	plan_ask_metrics(plan, step->name, id,
					 psprintf(META_VERSION "/%.*smetric={metrics}", window_length(part), part), metrics);
}

static void
note_missing(Plan *plan, const StepDef *step, const Verdict *verdict)
{
	plan_lose(plan, step);
	if (!step->optional)
		plan->missing =
			append_distinct(plan->missing, psprintf("%s: %s", step->name, error_class_name(verdict->error)));
}

List *
meta_unpack_batch(Plan *plan, Request *request, const Answer *answer,
				  const char *(*step_of)(const Plan *plan, const char *id))
{
	JsonItems elements = json_items(answer->body);
	JsonbValue element;
	List *again = NIL;
	ListCell *cell;

	foreach (cell, request->parts)
	{
		char *part = lfirst(cell);
		char *id = pnstrdup(part, strcspn(part, "/"));
		char *edge = pnstrdup(part, strcspn(part, "?"));
		List *metrics = part_metrics(part);
		const StepDef *step = platform_step(plan->platform, step_of(plan, id));
		const JsonbContainer *body = NULL;
		Verdict verdict = {.error = ERROR_BAD_RESPONSE};

		if (json_next_value(&elements, &element))
			verdict = read_member(answer, &element, metrics, &body);
		if (verdict.error == ERROR_NONE)
			responses_add(plan->responses, step, metrics != NIL ? id : edge, body);
		else if (metrics == NIL || verdict.error == ERROR_NOT_FOUND)
			continue;
		else if (verdict.error == ERROR_TIMEOUT)
			ask_alone(plan, step, id, part, metrics);
		else if (verdict.error == ERROR_METRIC_RETIRED && verdict.metrics != NIL)
		{
			meta_refuse(plan, verdict.metrics);
			again = lappend(again, part);
		}
		else
			note_missing(plan, step, &verdict);
	}
	return with_less(plan, again);
}
