/*
 * probe.c
 *    A platform's judgement and plan without a network: what tests and curious operators ask.
 *
 * Pure, like the platforms themselves: answers are given, requests are told.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "platform/platform.h"

#define MAX_REQUESTS 1000

DREAMSUITE_FUNCTION(dreamsuite_classify_answer);
DREAMSUITE_FUNCTION(dreamsuite_plan_requests);

/* Headers come as an object with names in lower case. */
static const char *
given_header(const Answer *answer, const char *name)
{
	return json_text(answer->header_arg, name);
}

static const char *
scope_name(const Verdict *verdict)
{
	if (verdict->error != ERROR_RATE_LIMITED && verdict->error != ERROR_QUOTA_EXHAUSTED &&
		verdict->error != ERROR_OPERATOR)
		return NULL;
	return verdict->scope == BLOCK_ACCOUNT ? "account" : verdict->scope == BLOCK_APP ? "app" : "bucket";
}

static Jsonb *
first_entry(Jsonb *entries)
{
	JsonbValue *value = getIthJsonbValueFromContainer(&entries->root, 0);

	return JsonbValueToJsonb(value);
}

/*
 * classify_answer(platform text, status int, body text, headers jsonb, answered_at timestamptz, step text)
 * returns jsonb
 */
Datum
dreamsuite_classify_answer(PG_FUNCTION_ARGS)
{
	const Platform *platform = platform_get(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	char *bytes = text_to_cstring(PG_GETARG_TEXT_PP(2));
	Jsonb *parsed = json_parse(bytes, strlen(bytes), NULL);
	char *step = text_to_cstring(PG_GETARG_TEXT_PP(5));
	Request request = {.step = platform_step(platform, step)};
	Answer answer = {
		.request = request.step != NULL ? &request : NULL,
		.status = PG_GETARG_INT32(1),
		.body = parsed != NULL ? &parsed->root : NULL,
		.text = bytes,
		.header = given_header,
		.header_arg = &PG_GETARG_JSONB_P(3)->root,
		.at = PG_GETARG_TIMESTAMPTZ(4),
	};
	Verdict verdict;
	EntriesBuilder builder;
	ListCell *cell;

	if (platform->classify == NULL)
		PG_RETURN_NULL();
	verdict = platform->classify(&answer);
	entries_begin(&builder);
	entry_begin(&builder);
	entry_text(&builder, "error_class", error_class_name(verdict.error));
	entry_text(&builder, "scope", scope_name(&verdict));
	entry_text(&builder, "wait_until", verdict.wait_until == 0 ? NULL : time_to_iso(verdict.wait_until));
	entry_text(&builder, "message", verdict.message);
	foreach (cell, verdict.metrics)
		entry_text(&builder, psprintf("metric %d", foreach_current_index(cell) + 1), lfirst(cell));
	entry_end(&builder);
	PG_RETURN_JSONB_P(first_entry(entries_end(&builder)));
}

/* What earlier runs stored: [{"content_id", "kind", "title", "published_at", counts, "extra"}]. */
static Contents *
known_content(const JsonbContainer *given)
{
	Contents *known = contents_create();
	JsonItems items = json_items(given);
	const JsonbContainer *item;

	while (json_next_object(&items, &item))
	{
		char *id = json_id(item, "content_id");
		ContentItem *content;
		JsonbValue extra;

		if (id == NULL)
			continue;
		content = contents_item(known, id);
		content->kind = json_has(item, "kind") ? json_text(item, "kind") : "";
		content->title = json_text(item, "title");
		content->published_at = json_time(item, "published_at");
		content->likes = json_count(item, "likes");
		content->comments = json_count(item, "comments");
		content->shares = json_count(item, "shares");
		content->views = json_count(item, "views");
		if (json_member(item, "extra", &extra))
			content->extra = JsonbValueToJsonb(&extra);
	}
	return known;
}

static const JsonbContainer *
container_in(const JsonbContainer *object, const char *key)
{
	const JsonbContainer *found = json_object_in(object, key);

	return found != NULL ? found : json_array_in(object, key);
}

/* What answers are found by: the address, of a POST with its body behind. */
static char *
address_of(const Request *request)
{
	return request->post ? psprintf("%s %s", request->url, request->body) : request->url;
}

/* The answer given for an address: a body, or {"status", "body", "headers"}; nothing counts as lost. Returns its cost. */
static double
answer_request(Plan *plan, Request *request, const JsonbContainer *answers)
{
	const JsonbContainer *given = container_in(answers, address_of(request));
	Answer answer = {.request = request, .status = 200, .body = given, .at = plan->account->observed_at};
	Verdict verdict = {.error = ERROR_NETWORK};

	if (given != NULL && json_has(given, "status") && json_has(given, "body"))
	{
		answer.status = (int) json_integer(given, "status");
		answer.body = container_in(given, "body");
		answer.header = given_header;
		answer.header_arg = (void *) json_object_in(given, "headers");
	}
	if (given != NULL)
		verdict = plan->platform->classify(&answer);
	if (verdict.error == ERROR_NONE)
		plan_accept(plan, request, &answer);
	else
		plan_fail(plan, request, &verdict);
	if (plan->platform->cost != NULL)
		return verdict.error == ERROR_NONE ? plan->platform->cost(request, &answer) : 0;
	return step_quota_cost(plan->platform, request->step);
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue name = {.type = jbvString};

	name.val.string.val = (char *) key;
	name.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &name);
}

static void
push_list(JsonbParseState **state, const char *key, List *texts)
{
	ListCell *cell;

	push_key(state, key);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach (cell, texts)
	{
		JsonbValue text = {.type = jbvString};

		text.val.string.val = lfirst(cell);
		text.val.string.len = strlen(lfirst(cell));
		pushJsonbValue(state, WJB_ELEM, &text);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* "reach 2026-03-01T00:00:00Z 140": what the answers say of earlier days. */
static List *
earlier_texts(const Normalised *out)
{
	List *texts = NIL;
	ListCell *cell;

	foreach (cell, out->earlier)
	{
		const EarlierValue *earlier = lfirst(cell);
		char *slack = earlier->slack > 0 ? psprintf(" +-" INT64_FORMAT, earlier->slack) : "";

		texts = lappend(texts, psprintf("%s %s " INT64_FORMAT "%s", earlier->field,
										time_to_iso(earlier->ends_at), earlier->value, slack));
	}
	return texts;
}

/*
 * plan_requests(platform text, account jsonb, answers jsonb) returns jsonb
 */
Datum
dreamsuite_plan_requests(PG_FUNCTION_ARGS)
{
	static const char *const tokens[] = {"none", "user", "user if any", "app"};
	const Platform *platform = platform_get(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	const JsonbContainer *given = &PG_GETARG_JSONB_P(1)->root;
	const JsonbContainer *answers = &PG_GETARG_JSONB_P(2)->root;
	Account account = {
		.external_id = json_id(given, "external_id"),
		.settings = json_object_in(given, "settings"),
		.has_token = json_bool(given, "has_token", false),
		.observed_at = json_time(given, "observed_at"),
	};
	Contents *known = known_content(json_array_in(given, "known"));
	int64 max_pages = json_count(given, "max_pages");
	JsonItems scopes = json_items(json_array_in(given, "scopes"));
	JsonItems quarantined = json_items(json_array_in(given, "quarantined"));
	char *scope, *metric;
	Plan *plan;
	List *asked = NIL;
	JsonbParseState *state = NULL;
	JsonbValue document = {.type = jbvBinary}, number = {.type = jbvNumeric};
	Normalised *out;
	Jsonb *normalised;
	double cost = 0;

	while (json_next_text(&scopes, &scope))
		account.scopes = lappend(account.scopes, scope);
	while (json_next_text(&quarantined, &metric))
		account.quarantined = lappend(account.quarantined, metric);
	if (account.observed_at == TIME_UNKNOWN)
		account.observed_at = time_from_iso("2026-03-01T06:00:00Z");
	account.local_midnight = local_midnight(account.observed_at, account_setting(&account, "time_zone"));

	plan = plan_create(platform, &account, known,
					   max_pages == COUNT_UNKNOWN ? 100 : (int) Min(max_pages, MAX_REQUESTS));
	plan_begin(plan);
	while (plan->pending != NIL && list_length(asked) < MAX_REQUESTS)
	{
		Request *request = linitial(plan->pending);

		plan->pending = list_delete_first(plan->pending);
		asked =
			lappend(asked, psprintf("%s%s%s [%s] %s%s%s", request->step->name, request->of != NULL ? " " : "",
									request->of != NULL ? request->of : "", tokens[request->step->token],
									request->url, request->post ? " " : "",
									request->post && request->body != NULL ? request->body : ""));
		cost += answer_request(plan, request, answers);
	}

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_list(&state, "requests", asked);
	push_list(&state, "missing", plan_missing(plan));
	push_list(&state, "bounded", plan->bounded);
	push_list(&state, "refused", plan->refused);
	number.val.numeric = DatumGetNumeric(DirectFunctionCall1(float8_numeric, Float8GetDatum(cost)));
	push_key(&state, "quota_cost");
	pushJsonbValue(&state, WJB_VALUE, &number);
	out = platform_normalise(platform, &account, plan->responses, known);
	push_list(&state, "earlier", earlier_texts(out));
	normalised = normalised_document(out);
	push_key(&state, "normalised");
	document.val.binary.data = &normalised->root;
	document.val.binary.len = VARSIZE(normalised) - VARHDRSZ;
	pushJsonbValue(&state, WJB_VALUE, &document);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
