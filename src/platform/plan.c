/*
 * plan.c
 *    What to ask of a platform for one account: first requests, pages, and the way around a retired metric.
 *
 * Pure: it is given answers and gives requests. Who sends them, when and with which token is the collector's affair.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "http/url.h"
#include "platform/platform.h"
#include "platform/release.h"

static void ask_metrics(Plan *plan, const Request *failed, List *metrics, List *suspects, List *rest);

Plan *
plan_create(const Platform *platform, const Account *account, Contents *known, int max_pages)
{
	Plan *plan = palloc0(sizeof(Plan));

	plan->platform = platform;
	plan->account = account;
	plan->responses = responses_create(platform);
	plan->known = known;
	plan->max_pages = max_pages;
	return plan;
}

void
plan_begin(Plan *plan)
{
	for (const StepDef *step = plan->platform->steps; step != NULL && step->name != NULL; step++)
	{
		if (!step->per && (step->when == NULL || step->when(plan->account)))
			plan_ask(plan, step->name, NULL);
	}
	if (plan->platform->begin != NULL)
		plan->platform->begin(plan);
}

bool
plan_knows(const Plan *plan, const char *content_id)
{
	return contents_find(plan->known, content_id) != NULL;
}

/* ---- Addresses ---- */

static char *
join(List *texts, const char *separator)
{
	StringInfoData joined;
	ListCell *cell;

	initStringInfo(&joined);
	foreach (cell, texts)
		appendStringInfo(&joined, "%s%s", joined.len == 0 ? "" : separator, (char *) lfirst(cell));
	return joined.data;
}

/* The text that stands for {name}; NULL where the account does not have it. */
static char *
variable(const Plan *plan, const char *name, const char *of, List *metrics)
{
	TimestampTz now = plan->account->observed_at;
	TimestampTz midnight = now - ((now % USECS_PER_DAY) + USECS_PER_DAY) % USECS_PER_DAY;

	if (strcmp(name, "of") == 0)
		return (char *) of;
	if (strcmp(name, "external_id") == 0)
		return (char *) plan->account->external_id;
	if (strcmp(name, "metrics") == 0)
		return join(metrics, ",");
	if (strcmp(name, "until") == 0)
		return psprintf(INT64_FORMAT, time_to_epoch(midnight));
	if (strcmp(name, "now") == 0)
		return psprintf(INT64_FORMAT, time_to_epoch(now));
	if (strncmp(name, "since", strlen("since")) == 0 && atoi(name + strlen("since")) > 0)
		return psprintf(INT64_FORMAT, time_to_epoch(midnight - atoi(name + strlen("since")) * USECS_PER_DAY));
	return account_setting(plan->account, name);
}

char *
plan_expand(const Plan *plan, const char *path, const char *of, List *metrics)
{
	StringInfoData expanded;
	const char *open;

	initStringInfo(&expanded);
	while ((open = strchr(path, '{')) != NULL)
	{
		const char *close = strchr(open, '}');
		char *name, *value;

		if (close == NULL)
			break;
		appendBinaryStringInfo(&expanded, path, open - path);
		name = pnstrdup(open + 1, close - open - 1);
		value = variable(plan, name, of, metrics);
		if (value == NULL)
			elog(ERROR, "path \"%s\" of platform \"%s\" needs \"%s\"", path, plan->platform->name, name);
		url_encode(&expanded, value);
		path = close + 1;
	}
	appendStringInfoString(&expanded, path);
	return expanded.data;
}

void
request_param(Request *request, const char *name, const char *value)
{
	StringInfoData url;

	initStringInfo(&url);
	appendStringInfo(&url, "%s%c%s=", request->url, strchr(request->url, '?') == NULL ? '?' : '&', name);
	url_encode(&url, value);
	request->url = url.data;
}

/* ---- Asking ---- */

static const StepDef *
step_of(const Plan *plan, const char *name)
{
	const StepDef *step = platform_step(plan->platform, name);

	if (step == NULL)
		elog(ERROR, "platform \"%s\" has no step \"%s\"", plan->platform->name, name);
	return step;
}

static Request *
add_request(Plan *plan, const StepDef *step, const char *of, char *url)
{
	Request *request = palloc0(sizeof(Request));

	request->step = step;
	request->of = of;
	/* links, and what is made of ids, come from answers: they are sent as addresses or not at all */
	request->url = url_plain(url);
	plan->pending = lappend(plan->pending, request);
	plan->responses->steps[step - plan->platform->steps].asked = true;
	return request;
}

static char *
step_url(const Plan *plan, const StepDef *step, const char *path, const char *of, List *metrics)
{
	const char *host = step->host;

	if (host == NULL)
		host = plan->platform->host != NULL ? plan->platform->host(plan->account) : plan->platform->hosts[0];
	return psprintf("https://%s%s", host, plan_expand(plan, path, of, metrics));
}

/* The metrics of the step that are not in quarantine. */
static List *
step_metrics(const Plan *plan, const StepDef *step)
{
	List *metrics = NIL;
	char *names = pstrdup(step->metrics), *name;

	while ((name = strsep(&names, ",")) != NULL)
	{
		if (!account_is_quarantined(plan->account, name))
			metrics = lappend(metrics, name);
	}
	return metrics;
}

Request *
plan_ask_path(Plan *plan, const char *name, const char *of, const char *path)
{
	const StepDef *step = step_of(plan, name);

	return add_request(plan, step, of, step_url(plan, step, path, of, NIL));
}

Request *
plan_ask(Plan *plan, const char *name, const char *of)
{
	const StepDef *step = step_of(plan, name);

	if (step->metrics == NULL)
		return add_request(plan, step, of, step_url(plan, step, step->path, of, NIL));
	return plan_ask_metrics(plan, name, of, step->path, step_metrics(plan, step));
}

Request *
plan_ask_metrics(Plan *plan, const char *name, const char *of, const char *path, List *metrics)
{
	const StepDef *step = step_of(plan, name);
	Request *request;

	if (metrics == NIL)
		return NULL;
	request = add_request(plan, step, of, step_url(plan, step, path, of, metrics));
	request->path = path;
	request->metrics = metrics;
	return request;
}

/* ---- Answers ---- */

/* The next page of a listing; NULL where this was the last. */
static char *
next_page(Plan *plan, const Request *request, const Answer *answer)
{
	const StepDef *step = request->step;
	char *at;

	if (step->paging == PAGE_NONE || (at = json_text_at(answer->body, step->page_at)) == NULL ||
		at[0] == '\0')
		return NULL;
	if (step->paging == PAGE_CURSOR)
	{
		Request next = {.url = url_without_param(request->url, step->page_param)};

		if (step->page_more != NULL && json_text_at(answer->body, step->page_more) == NULL)
			return NULL;
		request_param(&next, step->page_param, at);
		return next.url;
	}
	if (at[0] == '/')
		return psprintf("%s%s%s", url_origin(request->url), step->link_base != NULL ? step->link_base : "",
						url_without_param(at, "access_token"));
	/* As it would be asked, so that no spelling is taken for one host here and for another there. */
	at = url_plain(at);
	if (!url_same_origin(at, request->url))
	{
		/* A link that leads elsewhere is never followed: the platform's hosts are compiled in. */
		plan->missing = lappend(plan->missing, psprintf("%s: next page on a foreign host", step->name));
		plan_lose(plan, step);
		return NULL;
	}
	return url_without_param(at, "access_token");
}

Request *
plan_next_page(Plan *plan, const Request *request, char *url)
{
	Request *next;

	if (request->page + 1 >= plan->max_pages)
	{
		plan->bounded = lappend(plan->bounded, (char *) request->step->name);
		plan->responses->steps[request->step - plan->platform->steps].bounded = true;
		return NULL;
	}
	next = add_request(plan, request->step, request->of, url);
	next->page = request->page + 1;
	next->post = request->post;
	next->content_type = request->content_type;
	next->headers = request->headers;
	next->metrics = request->metrics;
	next->path = request->path;
	return next;
}

void
plan_accept(Plan *plan, Request *request, const Answer *answer)
{
	const Platform *platform = plan->platform;
	char *url;

	if (answer->body != NULL && request->parts == NIL && !answer_holds(request->step, answer->body))
	{
		Verdict other = verdict(ERROR_BAD_RESPONSE, "the answer is not what was asked for");

		plan_fail(plan, request, &other);
		return;
	}
	if (platform->unpack == NULL || !platform->unpack(plan, request, answer))
		responses_add(plan->responses, request->step, request->of, answer->body);

	/* A probe that was answered is not to blame: the retired metric is among the others. */
	if (request->suspects != NIL)
		ask_metrics(plan, request, NIL, request->suspects, request->rest);

	url = next_page(plan, request, answer);
	if (url != NULL && strcmp(url, request->url) != 0 &&
		(platform->more == NULL || platform->more(plan, request, answer)))
		plan_next_page(plan, request, url);
	if (platform->next != NULL)
		platform->next(plan, request, answer);
}

static void
refuse(Plan *plan, char *metric)
{
	ListCell *cell;

	/* Requests that went out together meet the same refusal. */
	foreach (cell, plan->refused)
	{
		if (strcmp(lfirst(cell), metric) == 0)
			return;
	}
	plan->refused = lappend(plan->refused, metric);
}

static List *
without(List *metrics, List *refused)
{
	List *kept = NIL;
	ListCell *cell, *other;

	foreach (cell, metrics)
	{
		bool found = false;

		foreach (other, refused)
			found = found || strcmp(lfirst(cell), lfirst(other)) == 0;
		if (!found)
			kept = lappend(kept, lfirst(cell));
	}
	return kept;
}

/*
 * Among `suspects` at least one metric is retired; `rest` are to be asked when it is found. One half is asked at a time:
 * a search among n costs log2(n) requests, and one for the rest.
 */
static void
ask_metrics(Plan *plan, const Request *failed, List *metrics, List *suspects, List *rest)
{
	Request *request;

	if (list_length(suspects) == 1)
	{
		refuse(plan, linitial(suspects));
		metrics = rest;
		suspects = rest = NIL;
	}
	else if (suspects != NIL)
	{
		int half = list_length(suspects) / 2;

		metrics = list_truncate(list_copy(suspects), half);
		suspects = list_copy_tail(suspects, half);
	}
	request = plan_ask_metrics(plan, failed->step->name, failed->of, failed->path, metrics);
	if (request != NULL)
	{
		request->page = failed->page;
		request->post = failed->post;
		request->body = failed->body;
		request->content_type = failed->content_type;
		request->headers = failed->headers;
		request->suspects = suspects;
		request->rest = rest;
	}
}

void
plan_fail(Plan *plan, Request *request, const Verdict *verdict)
{
	const StepDef *step = request->step;

	if (verdict->error == ERROR_METRIC_RETIRED && request->metrics != NIL)
	{
		List *named = NIL;
		ListCell *cell;

		foreach (cell, verdict->metrics)
		{
			if (without(list_make1(lfirst(cell)), request->metrics) == NIL)
				named = lappend(named, lfirst(cell));
		}
		if (named != NIL)
		{
			foreach (cell, named)
				refuse(plan, lfirst(cell));
			ask_metrics(plan, request,
						list_concat_copy(without(request->metrics, named),
										 list_concat_copy(request->suspects, request->rest)),
						NIL, NIL);
		}
		else
			ask_metrics(plan, request, NIL, request->metrics,
						list_concat_copy(request->suspects, request->rest));
		return;
	}
	if (plan->platform->failed != NULL && plan->platform->failed(plan, request, verdict))
		return;
	responses_lose(plan->responses, step, verdict->error);
	if (!step->optional)
		plan->missing =
			lappend(plan->missing, psprintf("%s: %s", step->name, error_class_name(verdict->error)));
}

/* ---- What is left for a later run ---- */

void
plan_lose(Plan *plan, const StepDef *step)
{
	Bodies *bodies = &plan->responses->steps[step - plan->platform->steps];

	bodies->partial = bodies->lost = true;
}

static void
leave(Plan *plan, Request *request, const char *why)
{
	plan->responses->steps[request->step - plan->platform->steps].partial = true;
	request->why = why;
	plan->left = lappend(plan->left, request);
}

void
plan_drop(Plan *plan, Request *request)
{
	leave(plan, request, NULL);
}

void
plan_leave(Plan *plan, Request *request, const Verdict *verdict)
{
	/* Some platforms' servers fail where a question is too much for them. */
	if (verdict->error == ERROR_SERVER && plan->platform->failed != NULL &&
		plan->platform->failed(plan, request, verdict))
		return;
	/* No later try of the day is worth what nobody misses. */
	if (request->step->optional)
		plan_lose(plan, request->step);
	else
		leave(plan, request, error_class_name(verdict->error));
}

void
plan_resume(Plan *plan, const Account *account)
{
	ListCell *cell;

	plan->account = account;
	for (const StepDef *step = plan->platform->steps; step != NULL && step->name != NULL; step++)
	{
		Bodies *bodies = &plan->responses->steps[step - plan->platform->steps];

		bodies->partial = bodies->lost;
	}
	foreach (cell, plan->left)
	{
		Request *request = lfirst(cell);

		request->tries = request->refusals = request->token = request->app_token = 0;
		request->mark = NULL;
	}
	plan->pending = list_concat(plan->pending, plan->left);
	plan->left = NIL;
}

List *
plan_missing(const Plan *plan)
{
	List *missing = list_copy(plan->missing);
	ListCell *cell;

	foreach (cell, plan->left)
	{
		const Request *request = lfirst(cell);
		char *text =
			psprintf("%s: %s", request->step->name, request->why != NULL ? request->why : "not asked");

		if (!request->step->optional)
			missing = append_distinct(missing, text);
	}
	return missing;
}
