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

#define INSIGHTS "/insights"

char *
meta_insights_part(const char *id, List *metrics)
{
	return psprintf("%s" INSIGHTS "?metric=%s", url_encoded(id), meta_joined(metrics));
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

static void
note_missing(Plan *plan, const Request *request, const Verdict *verdict)
{
	plan_lose(plan, request->step);
	plan->missing =
		lappend(plan->missing, psprintf("%s: %s", request->step->name, error_class_name(verdict->error)));
}

List *
meta_unpack_batch(Plan *plan, Request *request, const Answer *answer, const char *path)
{
	JsonItems elements = json_items(answer->body);
	JsonbValue element;
	List *again = NIL;
	ListCell *cell;
	bool noted = false;

	foreach (cell, request->parts)
	{
		char *part = lfirst(cell);
		char *id = pnstrdup(part, strcspn(part, "/"));
		char *edge = pnstrdup(part, strcspn(part, "?"));
		List *metrics = part_metrics(part);
		const JsonbContainer *body = NULL;
		Verdict verdict = {.error = ERROR_BAD_RESPONSE};

		if (json_next_value(&elements, &element))
			verdict = read_member(answer, &element, metrics, &body);
		if (verdict.error == ERROR_NONE)
			responses_add(plan->responses, request->step, metrics != NIL ? id : edge, body);
		else if (metrics == NIL || verdict.error == ERROR_NOT_FOUND)
			continue;
		else if (verdict.error == ERROR_TIMEOUT)
			plan_ask_metrics(plan, request->step->name, id, path, metrics);
		else if (verdict.error == ERROR_METRIC_RETIRED && verdict.metrics != NIL)
		{
			meta_refuse(plan, verdict.metrics);
			again = lappend(again, id);
		}
		else if (!noted)
		{
			note_missing(plan, request, &verdict);
			noted = true;
		}
	}
	return again;
}
