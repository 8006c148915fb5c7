/*
 * responses.c
 *    What was answered: bodies by step, and how an answer is judged by its status and headers alone.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "platform/platform.h"

#define LONGEST_WAIT_DAYS 366

/* ---- Bodies by step ---- */

Responses *
responses_create(const Platform *platform)
{
	Responses *responses = palloc0(sizeof(Responses));
	int n = 0;

	while (platform->steps != NULL && platform->steps[n].name != NULL)
		n++;
	responses->platform = platform;
	responses->steps = palloc0(sizeof(Bodies) * Max(n, 1));
	for (int i = 0; i < n; i++)
		responses->steps[i].step = &platform->steps[i];
	return responses;
}

/* An empty array, or one that holds an object or a row: numbers and words alone list nothing. */
static bool
is_list(const JsonbContainer *array)
{
	JsonItems items = json_items(array);
	JsonbValue value;

	if (array == NULL || !JsonContainerIsArray(array))
		return false;
	while (json_next_value(&items, &value))
	{
		if (value.type == jbvBinary)
			return true;
	}
	return JsonContainerSize(array) == 0;
}

typedef enum Held
{
	HELD_NOT,  /* nothing is there */
	HELD_ELSE, /* something of another kind is there, or null */
	HELD
} Held;

static Held
held_at(const JsonbContainer *body, char *path)
{
	size_t length = strlen(path);
	const char *kind = length >= 2 && strchr("[{", path[length - 2]) != NULL ? path + length - 2 : "";
	char *name = pnstrdup(path, length - strlen(kind));
	char *dot = strrchr(name, '.');
	const JsonbContainer *parent = body;
	bool found;

	if (name[0] == '\0')
		found = strcmp(kind, "[]") == 0 ? is_list(body)
										: JsonContainerIsObject(body) && JsonContainerSize(body) == 0;
	else if (strcmp(kind, "[]") == 0)
		found = is_list(json_array_at(body, name));
	else if (strcmp(kind, "{}") == 0)
		found = json_object_at(body, name) != NULL;
	else
		found = false;
	if (found || name[0] == '\0')
		return found ? HELD : HELD_NOT;
	if (dot != NULL)
		parent = json_object_at(body, pnstrdup(name, dot - name));
	name = dot != NULL ? dot + 1 : name;
	if (!json_has(parent, name))
		return HELD_NOT;
	return kind[0] == '\0' ? HELD : HELD_ELSE;
}

bool
answer_holds(const StepDef *step, const JsonbContainer *body)
{
	char *paths, *path;
	bool held = step->holds == NULL;

	paths = held ? NULL : pstrdup(step->holds);
	while ((path = strsep(&paths, ",")) != NULL)
	{
		switch (held_at(body, path))
		{
			case HELD_NOT:
				break;
			case HELD_ELSE:
				return false;
			case HELD:
				held = true;
				break;
		}
	}
	return held;
}

void
responses_add(Responses *responses, const StepDef *step, const char *of, const JsonbContainer *body)
{
	Bodies *bodies = &responses->steps[step - responses->platform->steps];

	bodies->asked = true;
	if (body == NULL || !answer_holds(step, body))
	{
		bodies->partial = bodies->lost = true;
		return;
	}
	if (bodies->count == bodies->room)
	{
		bodies->room = Max(4, bodies->room * 2);
		if (bodies->entries == NULL)
			bodies->entries = palloc(sizeof(Entry) * bodies->room);
		else
			bodies->entries = repalloc(bodies->entries, sizeof(Entry) * bodies->room);
	}
	bodies->entries[bodies->count++] = (Entry){.of = of, .body = body};
}

void
responses_lose(Responses *responses, const StepDef *step, ErrorClass error)
{
	Bodies *bodies = &responses->steps[step - responses->platform->steps];

	bodies->asked = true;
	if (!step->per || error != ERROR_NOT_FOUND)
		bodies->partial = bodies->lost = true;
}

const Bodies *
bodies(const Responses *responses, const char *step)
{
	const StepDef *def = platform_step(responses->platform, step);

	if (def == NULL)
		elog(ERROR, "platform \"%s\" has no step \"%s\"", responses->platform->name, step);
	return &responses->steps[def - responses->platform->steps];
}

const JsonbContainer *
body(const Responses *responses, const char *step)
{
	const Bodies *found = bodies(responses, step);

	return found->count > 0 ? found->entries[0].body : NULL;
}

bool
listed_whole(const Responses *responses, const char *step)
{
	const Bodies *found = bodies(responses, step);

	return found->count > 0 && !found->partial;
}

bool
read_to_end(const Bodies *bodies)
{
	return !bodies->partial && !bodies->bounded;
}

/* ---- Verdicts ---- */

const char *
answer_header(const Answer *answer, const char *name)
{
	return answer->header == NULL ? NULL : answer->header(answer, name);
}

Verdict
verdict(ErrorClass error, const char *message)
{
	return (Verdict){.error = error, .message = message};
}

/* "Wed, 21 Oct 2026 07:28:00 GMT" (RFC 9110, 5.6.7); 0 where it is something else. */
static TimestampTz
http_date(const char *text)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
										 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char month[4];
	struct pg_tm tm = {0};
	Timestamp time;

	if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour,
			   &tm.tm_min, &tm.tm_sec) != 6)
		return 0;
	for (int i = 0; i < lengthof(months); i++)
	{
		if (strcmp(months[i], month) == 0)
			tm.tm_mon = i + 1;
	}
	if (tm.tm_mon == 0 || tm.tm_mday < 1 || tm.tm_mday > day_tab[isleap(tm.tm_year)][tm.tm_mon - 1] ||
		tm2timestamp(&tm, 0, NULL, &time) != 0)
		return 0;
	return time;
}

/* A wait that has passed, or that nobody could mean, is none: it would be no pause, or one without end. */
TimestampTz
believable_wait(const Answer *answer, TimestampTz until)
{
	return until <= answer->at || until > answer->at + LONGEST_WAIT_DAYS * USECS_PER_DAY ? 0 : until;
}

TimestampTz
retry_after(const Answer *answer)
{
	const char *value = answer_header(answer, "retry-after");
	char *end;
	long seconds;
	TimestampTz until;

	if (value == NULL)
		return 0;
	seconds = strtol(value, &end, 10);
	if (end != value && *end == '\0')
		return seconds < 0 || seconds > LONGEST_WAIT_DAYS * SECS_PER_DAY
				   ? 0
				   : answer->at + seconds * USECS_PER_SEC;
	until = http_date(value);
	return believable_wait(answer, until);
}

TimestampTz
answer_date(const Answer *answer)
{
	const char *value = answer_header(answer, "date");

	return value != NULL ? http_date(value) : 0;
}

TimestampTz
next_utc_midnight(TimestampTz at)
{
	return at == 0 ? 0 : at - ((at % USECS_PER_DAY) + USECS_PER_DAY) % USECS_PER_DAY + USECS_PER_DAY;
}

bool
answer_is_page(const Answer *answer)
{
	return answer->body == NULL && answer->text != NULL &&
		   answer->text[strspn(answer->text, " \t\r\n")] == '<';
}

Verdict
classify_status(const Answer *answer)
{
	int status = answer->status;

	if (status == 0 || (status >= 200 && status < 300))
	{
		if (answer->body == NULL && status != 204)
			return verdict(ERROR_BAD_RESPONSE, "the answer is not JSON");
		return verdict(ERROR_NONE, NULL);
	}
	switch (status)
	{
		case 401:
			return verdict(ERROR_AUTH_EXPIRED, "HTTP 401");
		case 403:
			return verdict(ERROR_PERMISSION, "HTTP 403");
		case 404:
		case 410:
			return verdict(ERROR_NOT_FOUND, psprintf("HTTP %d", status));
		case 408:
			return verdict(ERROR_TIMEOUT, "HTTP 408");
		case 429:
		{
			Verdict limited = verdict(ERROR_RATE_LIMITED, "HTTP 429");

			limited.scope = BLOCK_BUCKET;
			limited.wait_until = retry_after(answer);
			return limited;
		}
		default:
			if (status >= 500)
			{
				Verdict trouble = verdict(ERROR_SERVER, psprintf("HTTP %d", status));

				trouble.wait_until = retry_after(answer);
				return trouble;
			}
			return verdict(ERROR_BAD_RESPONSE, psprintf("HTTP %d", status));
	}
}
