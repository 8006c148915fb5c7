/*
 * app_token.c
 *    Tokens of the operator's apps: client credentials (Tidal), and Apple's developer token.
 *
 * They live in this process alone. One is fetched by whichever job needs it first; the others wait for it. A token is
 * given up a little before it ends, or when the app was registered anew.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <sodium.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/app_token.h"
#include "collect/authorise.h"
#include "collect/collector.h"
#include "collect/secret.h"
#include "collect/token_answer.h"
#include "collect/work.h"
#include "config.h"

#define MARGIN_S 60

typedef struct Waiter
{
	Job *job;
	void (*then)(Job *job);
} Waiter;

typedef struct AppToken
{
	const Platform *platform;
	MemoryContext secrets;
	char *token;            /* NULL: none */
	TimestampTz expires_at; /* calendar; of Apple's, which this machine signs, the clock */
	unsigned char app[32];  /* hash of the registration that it came from */
	int serial;
	bool fetching;
	List *waiting; /* Waiter * */
} AppToken;

static List *held = NIL; /* AppToken * */

static AppToken *
held_for(const Platform *platform)
{
	AppToken *found;
	ListCell *cell;
	MemoryContext old;

	foreach (cell, held)
	{
		found = lfirst(cell);
		if (found->platform == platform)
			return found;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	found = palloc0(sizeof(AppToken));
	found->platform = platform;
	found->secrets = secret_context_create(TopMemoryContext);
	held = lappend(held, found);
	MemoryContextSwitchTo(old);
	return found;
}

static bool
is_apple(const Job *job)
{
	return job->client.def->style == STYLE_MUSIC_USER;
}

static void
hash_app(const Job *job, unsigned char *hash)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, (const unsigned char *) job->client.id, strlen(job->client.id) + 1);
	crypto_generichash_update(&state, (const unsigned char *) job->client.secret, strlen(job->client.secret));
	crypto_generichash_final(&state, hash, 32);
}

bool
app_token_possible(const Job *job)
{
	const OAuthClient *client = &job->client;

	return client->def != NULL && (client->def->client_credentials || is_apple(job)) && client->id != NULL &&
		   client->secret != NULL;
}

static void
set_token(AppToken *found, const char *token, TimestampTz expires_at)
{
	secret_context_wipe(found->secrets);
	found->token = secret_copy(found->secrets, token);
	found->expires_at = expires_at;
	found->serial++;
}

/* A minute before it ends, of short ones the half. */
static TimestampTz
good_until(TimestampTz from, int64 lifetime)
{
	if (lifetime == 0)
		return TIME_UNKNOWN;
	return from + Max(lifetime - MARGIN_S, (lifetime + 1) / 2) * USECS_PER_SEC;
}

const char *
app_token(const Job *job, int *serial)
{
	const AppToken *found;

	if (!app_token_possible(job) || job->app_failed)
		return NULL;
	found = held_for(job->platform);
	*serial = found->serial;
	return found->token;
}

void
app_token_refused(const Job *job, int serial)
{
	AppToken *found = held_for(job->platform);

	if (found->serial == serial)
		set_token(found, NULL, TIME_UNKNOWN);
}

void
app_token_forget(const Job *job)
{
	ListCell *cell, *other;

	foreach (cell, held)
	{
		AppToken *found = lfirst(cell);

		foreach (other, found->waiting)
		{
			if (((Waiter *) lfirst(other))->job == job)
				found->waiting = foreach_delete_current(found->waiting, other);
		}
	}
}

/* The job does without a token of the app, where it can, or ends. */
static void
do_without(Job *job, ErrorClass error, const char *message)
{
	job->app_failed = true;
	if (!is_apple(job) && job->account.has_token)
		return;
	if (error == ERROR_OPERATOR)
		authorise_hold_app(job, message);
	job_stop(job, error, message);
}

/* Signs Apple's; nobody needs to be asked. */
static void
sign(Job *job, AppToken *found)
{
	char *team = json_id(job->client.extra, "team_id"), *key = json_id(job->client.extra, "key_id"), *token;
	const char *reason = "team_id and key_id are not registered";
	TimestampTz now = GetCurrentTimestamp();
	MemoryContext old = MemoryContextSwitchTo(job->secret_context);

	token = team != NULL && key != NULL
				? oauth_apple_token(job->client.secret, team, key, time_to_epoch(now), &reason)
				: NULL;
	MemoryContextSwitchTo(old);
	if (token != NULL)
		set_token(found, token, good_until(now, APPLE_TOKEN_SECONDS));
	else
		do_without(job, ERROR_OPERATOR, psprintf("no developer token can be signed: %s", reason));
}

static ErrorClass
fetched(Job *job, const HttpAnswer *http, void *arg)
{
	AppToken *found = arg;
	TokenAnswer answer = token_answer(job, TOKENS_OF_APP, http);
	List *waiting = found->waiting;
	ListCell *cell;

	found->fetching = false;
	found->waiting = NIL;
	if (answer.error == ERROR_NONE)
		set_token(found, answer.access_token, good_until(config_now(), answer.lifetime));
	foreach (cell, waiting)
	{
		Waiter *waiter = lfirst(cell);

		if (answer.error != ERROR_NONE)
			do_without(waiter->job, answer.error, psprintf("the app got no token: %s", answer.message));
		job_go_on(waiter->job, waiter->then);
	}
	list_free_deep(waiting);
	return answer.error;
}

bool
app_token_get(Job *job, void (*then)(Job *job))
{
	AppToken *found = held_for(job->platform);
	TimestampTz now = is_apple(job) ? GetCurrentTimestamp() : config_now();
	unsigned char app[32];
	MemoryContext old;
	Waiter *waiter;

	hash_app(job, app);
	if (memcmp(app, found->app, sizeof(app)) != 0)
	{
		memcpy(found->app, app, sizeof(app));
		set_token(found, NULL, TIME_UNKNOWN);
	}
	if (found->token != NULL && (found->expires_at == TIME_UNKNOWN || found->expires_at > now))
		return true;
	if (is_apple(job))
	{
		sign(job, found);
		return true;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	waiter = palloc(sizeof(Waiter));
	waiter->job = job;
	waiter->then = then;
	found->waiting = lappend(found->waiting, waiter);
	MemoryContextSwitchTo(old);
	if (!found->fetching)
	{
		HttpRequest request;

		old = MemoryContextSwitchTo(job->secret_context);
		request = oauth_client_credentials(&job->client);
		MemoryContextSwitchTo(old);
		found->fetching = true;
		collector_send(job, "token", &request, fetched, found);
	}
	return false;
}
