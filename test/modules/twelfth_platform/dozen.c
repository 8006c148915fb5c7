/*
 * dozen.c
 *    A made-up platform that is asked for twelve metrics at once, and refuses without saying which: what the search for a
 *    retired one costs.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "platform/platform.h"

#define DOZEN(X) X(a) X(b) X(c) X(d) X(e) X(f) X(g) X(h) X(i) X(j) X(k) X(l)

#define FIELD(name) {#name, FIELD_COUNT, true, KIND_GAUGE, "things", "insights." #name, "One of a dozen"},
static const FieldDef fields[] = {DOZEN(FIELD){NULL}};

static const StepDef steps[] = {
	{"insights", NULL, "/insights?metric={metrics}", PAGE_NONE, .metrics = "a,b,c,d,e,f,g,h,i,j,k,l"},
	{NULL},
};

static Verdict
classify(const Answer *answer)
{
	Verdict result = classify_status(answer);

	if (answer->status == 400)
		result.error = ERROR_METRIC_RETIRED;
	return result;
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const Bodies *answers = bodies(responses, "insights");

	for (int i = 0; i < answers->count; i++)
	{
		for (const FieldDef *field = fields; field->name != NULL; field++)
		{
			if (json_has(answers->entries[i].body, field->name))
				set_count(out, field->name, json_count(answers->entries[i].body, field->name));
		}
	}
}

static const char *const none[] = {NULL};
static const char *const hosts[] = {"dozen.example", NULL};

const Platform platform_dozen = {
	.name = "dozen",
	.label = "Dozen",
	.status = STATUS_PLANNED,
	.has_api = true,
	.needs_token = false,
	.id_example = "1",
	.scopes = none,
	.hosts = hosts,
	.fields = fields,
	.audience = "a",
	.content = "b",
	.steps = steps,
	.classify = classify,
	.normalise = normalise,
};
