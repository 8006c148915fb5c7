/*
 * meta.c
 *    What Instagram and Facebook share: Meta's Graph API, its errors, its usage headers, insights and listings.
 *
 * API facts: https://developers.facebook.com/docs/graph-api/guides/error-handling,
 * https://developers.facebook.com/docs/graph-api/overview/rate-limiting (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "platform/listing.h"
#include "platform/meta.h"
#include "platform/release.h"

#define LEAST_PAGE 10

/* ---- Errors ---- */

static const struct
{
	int code;
	int subcode; /* 0: any */
	ErrorClass error;
	BlockScope scope;
} codes[] = {
	/* A token of the wrong kind, or a person who lost the role: authorising again changes nothing. */
	{190, 2069032, ERROR_PERMISSION},
	{190, 492, ERROR_PERMISSION},
	{190, 0, ERROR_AUTH_REVOKED},
	{102, 0, ERROR_AUTH_REVOKED},
	{101, 0, ERROR_OPERATOR, BLOCK_APP},
	{200, 2069030, ERROR_NOT_FOUND}, /* not there for Pages of the new kind */
	{200, 2069031, ERROR_NOT_FOUND},
	{200, 2069033, ERROR_NOT_FOUND},
	{3, 0, ERROR_PERMISSION},
	{10, 0, ERROR_PERMISSION},
	{1705, 0, ERROR_PERMISSION},
	{100, 2108006, ERROR_NOT_FOUND}, /* older than the switch to a professional account */
	{100, 33, ERROR_NOT_FOUND},
	{100, 0, ERROR_BAD_RESPONSE},
	{2500, 0, ERROR_BAD_RESPONSE},
	{3001, 0, ERROR_BAD_RESPONSE},
	{21, 0, ERROR_NOT_FOUND},      /* moved to another id */
	{2874008, 0, ERROR_NOT_FOUND}, /* too few followers for insights */
	{2874010, 0, ERROR_NOT_FOUND},
	{1, 2853006, ERROR_PERMISSION}, /* the person lacks the Page's task */
	{1, 0, ERROR_SERVER},
	{2, 0, ERROR_SERVER},
	{4, 0, ERROR_RATE_LIMITED, BLOCK_APP},
	{17, 0, ERROR_RATE_LIMITED, BLOCK_ACCOUNT},
	{32, 0, ERROR_RATE_LIMITED, BLOCK_ACCOUNT},
	{341, 0, ERROR_RATE_LIMITED, BLOCK_ACCOUNT},
	{368, 0, ERROR_RATE_LIMITED, BLOCK_ACCOUNT},
	{613, 0, ERROR_RATE_LIMITED, BLOCK_ACCOUNT},
};

/* Points are told of Californian days. Of two that may be meant the later one is: see revise.c. */
#define LONGEST_DAY_HOURS 25

/* Minutes without a request after a limit was nearly met, where the header does not say how many it takes. */
#define PAUSE_MINUTES 15

typedef struct Usage
{
	int64 percent; /* the largest share of any limit */
	int64 minutes; /* the longest time until access is regained */
} Usage;

/*
 * The largest numbers of a usage header: {"<id>": [{"type", "call_count": 28, "total_time": 25, ...,
 * "estimated_time_to_regain_access": 12}, ...], ...}, or {"call_count": 28, ...} alone. Hosts name the shares differently.
 */
static Usage
usage_in(const Answer *answer, const char *name)
{
	static const char regain[] = "estimated_time_to_regain_access";
	const char *header = answer_header(answer, name);
	Jsonb *told = header != NULL ? json_parse(header, strlen(header), NULL) : NULL;
	JsonbIterator *it;
	JsonbValue value;
	JsonbIteratorToken token;
	bool is_wait = false;
	Usage usage = {0, 0};

	if (told == NULL)
		return usage;
	it = JsonbIteratorInit(&told->root);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			is_wait = value.val.string.len == strlen(regain) &&
					  strncmp(value.val.string.val, regain, value.val.string.len) == 0;
		else if (token == WJB_VALUE && is_wait)
			usage.minutes = Max(usage.minutes, json_value_count(&value));
		else if (token == WJB_VALUE)
			usage.percent = Max(usage.percent, json_value_count(&value));
	}
	return usage;
}

static int64
minutes_to_wait(const Answer *answer)
{
	return usage_in(answer, "x-business-use-case-usage").minutes;
}

void
meta_limits(const Answer *answer, LimitsSeen *seen)
{
	Usage app = usage_in(answer, "x-app-usage"), account = usage_in(answer, "x-business-use-case-usage");

	if (app.percent > 0)
	{
		seen->app.used = app.percent;
		seen->app.quota = 100;
	}
	if (app.percent >= META_ENOUGH)
		seen->app.pause_until = answer->at + PAUSE_MINUTES * USECS_PER_MINUTE;
	if (account.percent >= META_ENOUGH)
		seen->account.pause_until =
			answer->at +
			(account.minutes > 0 && account.minutes <= 24 * 60 ? account.minutes : PAUSE_MINUTES) *
				USECS_PER_MINUTE;
}

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool
has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
	{
		if ((at == text || !is_word_char(at[-1])) && !is_word_char(at[length]))
			return true;
	}
	return false;
}

/* Which of the metrics asked for a message refuses; NIL where it does not say. */
static List *
refused_metrics(const char *message, List *asked)
{
	const char *legal = strstr(message, "must be one of the following values");
	const char *gone = strstr(message, "no longer supported");
	const char *place = strstr(message, "metric[");
	List *refused = NIL;
	ListCell *cell;

	foreach (cell, asked)
	{
		const char *metric = lfirst(cell);

		/* metric[N] names the first alone; others that are gone lack in the list as well. */
		if (legal != NULL
				? (place != NULL && atoi(place + strlen("metric[")) == foreach_current_index(cell)) ||
					  !has_word(legal, metric)
				: gone != NULL && has_word(pnstrdup(message, gone - message), metric))
			refused = lappend(refused, lfirst(cell));
	}
	return refused;
}

static bool
is_metric_refusal(const char *message)
{
	return (strstr(message, "metric[") != NULL && strstr(message, "must be one of") != NULL) ||
		   (strstr(message, "metric is no longer supported") != NULL) ||
		   strstr(message, "must be a valid insights metric") != NULL;
}

/* error.code, else the "(#100)" that the message begins with; 0 where neither is there. */
static int
code_of(const JsonbContainer *error, const char *message)
{
	int64 code = json_count(error, "code");

	if (code == COUNT_UNKNOWN && strncmp(message, "(#", 2) == 0)
		code = atoi(message + 2);
	return code < 0 || code > PG_INT32_MAX ? 0 : (int) code;
}

static bool
is_use_case_limit(int64 code)
{
	return (code >= 80000 && code <= 80009) || code == 80014;
}

bool
meta_is_limit(int64 code)
{
	for (int i = 0; i < lengthof(codes); i++)
	{
		if (codes[i].code == code && codes[i].error == ERROR_RATE_LIMITED)
			return true;
	}
	return is_use_case_limit(code);
}

static void
judge_code(Verdict *result, int code, int64 subcode)
{
	for (int i = 0; i < lengthof(codes); i++)
	{
		bool same_code = codes[i].code == code || (code == 0 && codes[i].subcode != 0);

		if (same_code && (codes[i].subcode == 0 || codes[i].subcode == subcode))
		{
			result->error = codes[i].error;
			result->scope = codes[i].scope;
			return;
		}
	}
	if (code >= 200 && code <= 299)
		result->error = ERROR_PERMISSION;
	else if (is_use_case_limit(code))
	{
		/* Limits of a use case hold for one app and one account. */
		result->error = ERROR_RATE_LIMITED;
		result->scope = BLOCK_ACCOUNT;
	}
	if (result->error == ERROR_NONE)
		result->error = ERROR_BAD_RESPONSE;
}

static void
set_wait(Verdict *result, const Answer *answer, int code)
{
	int64 minutes = minutes_to_wait(answer);

	result->wait_until = retry_after(answer);
	if (answer->at == 0)
		return;
	if (minutes > 0 && minutes < 60 * 24 * 366)
		result->wait_until = answer->at + minutes * USECS_PER_MINUTE;
	else if (code == 368) /* blocked for abuse: asking on would make it worse */
		result->wait_until = answer->at + USECS_PER_DAY;
}

Verdict
meta_classify(const Answer *answer, const char *account_step)
{
	const JsonbContainer *error = json_object_in(answer->body, "error");
	const char *message = json_text(error, "message");
	Verdict result = classify_status(answer);
	int code;
	int64 subcode;

	if (error == NULL)
	{
		/* A failed exchange of a code has no error object. */
		message = json_text(answer->body, "error_message");
		if (message != NULL && json_has(answer->body, "error_type"))
			return verdict(ERROR_AUTH_REVOKED, message);
		if (result.error == ERROR_RATE_LIMITED)
		{
			result.scope = BLOCK_ACCOUNT;
			set_wait(&result, answer, 0);
		}
		return result;
	}

	if (message == NULL)
		message = "an error without a message";
	code = code_of(error, message);
	subcode = json_count(error, "error_subcode");
	judge_code(&result, code, subcode);
	if (is_metric_refusal(message))
	{
		result.error = ERROR_METRIC_RETIRED;
		result.metrics = refused_metrics(message, answer->request != NULL ? answer->request->metrics : NIL);
	}
	else if (strstr(message, "ot enough viewers") != NULL || subcode == 2874008 || subcode == 2874010)
		result.error = ERROR_NOT_FOUND;
	else if (code == 190 && strstr(message, "Page Access Token") != NULL)
		result.error = ERROR_PERMISSION;
	else if (code == 1 && strstr(message, "reduce the amount of data") != NULL)
		result.error = ERROR_TOO_LARGE;
	else if (strstr(message, "appsecret_proof") != NULL)
	{
		result.error = ERROR_OPERATOR;
		result.scope = BLOCK_APP;
	}
	else if (result.error == ERROR_BAD_RESPONSE && json_bool(error, "is_transient", false))
		result.error = ERROR_SERVER;
	else if (code == 100 && subcode == 33 && answer->request != NULL &&
			 strcmp(answer->request->step->name, account_step) == 0)
		result.error = ERROR_AUTH_REVOKED;
	if (result.error == ERROR_RATE_LIMITED)
		set_wait(&result, answer, code);
	result.message = message;
	return result;
}

/* ---- Insights ---- */

/* The entry of a metric, with that period where one is given; NULL where it is not there. */
static const JsonbContainer *
insight(const JsonbContainer *insights, const char *metric, const char *period)
{
	JsonItems items = json_items(json_array_in(insights, "data"));
	const JsonbContainer *item;

	while (json_next_object(&items, &item))
	{
		char *name = json_text(item, "name"), *of = json_text(item, "period");

		if (name != NULL && strcmp(name, metric) == 0 &&
			(period == NULL || (of != NULL && strcmp(of, period) == 0)))
			return item;
	}
	return NULL;
}

/* A point's value, a number or a map of numbers. */
static int64
point_value(const JsonbContainer *point)
{
	const JsonbContainer *map = json_object_in(point, "value");
	JsonbIterator *it;
	JsonbValue value;
	JsonbIteratorToken token;
	int64 sum = 0;

	if (map == NULL)
		return json_count(point, "value");
	it = JsonbIteratorInit((JsonbContainer *) map);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		int64 count = token == WJB_VALUE ? json_value_count(&value) : 0;

		if (count == COUNT_UNKNOWN || sum > PG_INT64_MAX - count)
			return COUNT_UNKNOWN;
		sum += count;
	}
	return sum;
}

int64
meta_total(const JsonbContainer *insights, const char *metric)
{
	return json_count(json_object_in(insight(insights, metric, NULL), "total_value"), "value");
}

int64
meta_lifetime(const JsonbContainer *insights, const char *metric)
{
	const JsonbContainer *found = insight(insights, metric, NULL);
	JsonItems points = json_items(json_array_in(found, "values"));
	const JsonbContainer *point;

	/* Several points are a series, or a breakdown: neither is the total. */
	if (points.count == 1 && json_next_object(&points, &point))
		return point_value(point);
	return json_count(json_object_in(found, "total_value"), "value");
}

int64
meta_newest(const JsonbContainer *insights, const char *metric, const char *period)
{
	JsonItems points = json_items(json_array_in(insight(insights, metric, period), "values"));
	const JsonbContainer *point;
	int64 newest = COUNT_UNKNOWN;

	while (json_next_object(&points, &point))
		newest = point_value(point);
	return newest;
}

void
meta_earlier(Normalised *out, const char *field, const JsonbContainer *insights, const char *metric,
			 const char *period)
{
	JsonItems points = json_items(json_array_in(insight(insights, metric, period), "values"));
	const JsonbContainer *point;

	while (json_next_object(&points, &point))
	{
		TimestampTz ends_at = json_time(point, "end_time");

		if (ends_at != TIME_UNKNOWN)
			add_earlier(out, field, ends_at, ends_at + LONGEST_DAY_HOURS * USECS_PER_HOUR, point_value(point),
						0);
	}
}

/* ---- Listings ---- */

void
meta_read(const Responses *responses, Normalised *out, const char *step,
		  void (*read)(Normalised *, const JsonbContainer *))
{
	const Bodies *pages = bodies(responses, step);

	for (int i = 0; i < pages->count; i++)
	{
		JsonItems items = json_items(json_array_in(pages->entries[i].body, "data"));
		const JsonbContainer *item;

		while (json_next_object(&items, &item))
			read(out, item);
	}
}

bool
meta_page_is_settled(const Plan *plan, const JsonbContainer *page, const char *time_key)
{
	JsonItems items = json_items(json_array_in(page, "data"));
	const JsonbContainer *post, *last = NULL;

	while (json_next_object(&items, &post))
		last = post;
	return last != NULL && listing_is_settled(plan, json_id(last, "id"), json_time(last, time_key));
}

void
meta_mark_end(const Responses *responses, Normalised *out, const char *step)
{
	const Bodies *pages = bodies(responses, step);
	const JsonbContainer *end = pages->count > 0 ? pages->entries[pages->count - 1].body : NULL;
	ContentItem *last = NULL;

	if (!listed_whole(responses, step) ||
		(json_text_at(end, "paging.next") != NULL && json_length(json_array_in(end, "data")) > 0))
		return;
	for (int i = 0; i < pages->count; i++)
	{
		JsonItems items = json_items(json_array_in(pages->entries[i].body, "data"));
		const JsonbContainer *item;

		while (json_next_object(&items, &item))
		{
			char *id = json_id(item, "id");
			ContentItem *found = id != NULL ? contents_find(out->content, id) : NULL;

			last = found != NULL ? found : last;
		}
	}
	if (last != NULL)
		listing_end(last);
}

/* ---- Asking ---- */

List *
meta_left(const Plan *plan, List *metrics)
{
	List *left = NIL;
	ListCell *cell, *other;

	foreach (cell, metrics)
	{
		char *name = lfirst(cell);
		bool refused = account_is_quarantined(plan->account, name);

		foreach (other, plan->refused)
			refused = refused || strcmp(lfirst(other), name) == 0;
		if (!refused)
			left = lappend(left, name);
	}
	return left;
}

List *
meta_metrics(const Plan *plan, const char *names)
{
	char *rest = pstrdup(names), *name;
	List *metrics = NIL;

	while ((name = strsep(&rest, ",")) != NULL)
		metrics = lappend(metrics, name);
	return meta_left(plan, metrics);
}

void
meta_refuse(Plan *plan, List *metrics)
{
	ListCell *cell;

	foreach (cell, metrics)
		plan->refused = append_distinct(plan->refused, lfirst(cell));
}

char *
meta_joined(List *metrics)
{
	StringInfoData joined;
	ListCell *cell;

	initStringInfo(&joined);
	foreach (cell, metrics)
		appendStringInfo(&joined, "%s%s", joined.len == 0 ? "" : "%2C", (char *) lfirst(cell));
	return joined.data;
}

bool
meta_ask_less(Plan *plan, const Request *request, const Verdict *verdict)
{
	const char *at = strstr(request->url, "&limit=");
	const char *rest;
	const char *path;
	int limit;
	Request *again;

	if (verdict->error != ERROR_TOO_LARGE || at == NULL)
		return false;
	limit = atoi(at + strlen("&limit="));
	if (limit <= LEAST_PAGE)
		return false;
	rest = at + strlen("&limit=");
	rest += strspn(rest, "0123456789");
	path = strchr(strstr(request->url, "://") + 3, '/');
	again =
		plan_ask_path(plan, request->step->name, request->of,
					  psprintf("%.*s&limit=%d%s", (int) (at - path), path, Max(limit / 2, LEAST_PAGE), rest));
	again->page = request->page;
	return true;
}
