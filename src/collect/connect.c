/*
 * connect.c
 *    register_app(), authorize_url(), complete_authorization(): what people do so that an artist can consent.
 *
 * No request is made here: the collector exchanges the code. A state is random, kept as a hash, bound to its user, good
 * for ten minutes and for one use. Errors never repeat a state, a code or a secret.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "access.h"
#include "collect/collector.h"
#include "collect/secret.h"
#include "config.h"
#include "http/url.h"
#include "oauth/oauth.h"
#include "secrets/seal.h"

DREAMSUITE_FUNCTION(dreamsuite_register_app);
DREAMSUITE_FUNCTION(dreamsuite_authorize_url);
DREAMSUITE_FUNCTION(dreamsuite_complete_authorization);
DREAMSUITE_FUNCTION(dreamsuite_platform_revokes);
DREAMSUITE_FUNCTION(dreamsuite_wake_collector);

#define STATE_MINUTES    10
#define MAX_CLIENT_ID    512
#define MAX_SECRET       8192
#define MAX_REDIRECT_URI 512 /* TikTok's limit, the shortest */

static char *
text_argument(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/* The argument in memory that is wiped; NULL for null. */
static char *
secret_argument(FunctionCallInfo fcinfo, int i)
{
	text *value;
	char *copy;

	if (PG_ARGISNULL(i))
		return NULL;
	value = PG_GETARG_TEXT_PP(i);
	copy = seal_alloc(VARSIZE_ANY_EXHDR(value) + 1);
	memcpy(copy, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	return copy;
}

static const Platform *
platform_argument(FunctionCallInfo fcinfo, int i)
{
	const Platform *platform;

	if (PG_ARGISNULL(i))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("platform must not be null"),
						errhint("See the view dreamsuite.platforms.")));
	platform = platform_get(text_argument(fcinfo, i));
	if (platform->oauth == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("platform \"%s\" has no authorisation", platform->name),
						errdetail("It has no API that is open to apps."),
						errhint("Its numbers are recorded by hand with dreamsuite.record_metrics().")));
	return platform;
}

static bytea *
bytes_of(const void *data, size_t length)
{
	bytea *made = palloc(VARHDRSZ + length);

	SET_VARSIZE(made, VARHDRSZ + length);
	memcpy(VARDATA(made), data, length);
	return made;
}

/* ---- register_app ---- */

static bool
is_apple(const Platform *platform)
{
	return platform->oauth->style == STYLE_MUSIC_USER;
}

static bool
is_visible(const char *text, size_t most)
{
	size_t length = strlen(text);

	for (const unsigned char *s = (const unsigned char *) text; *s != '\0'; s++)
	{
		if (*s <= ' ' || *s >= 0x7F)
			return false;
	}
	return length >= 1 && length <= most;
}

static void
check_redirect_uri(const char *uri)
{
	char *host = url_host(uri);
	bool loopback =
		strncmp(uri, "http://", 7) == 0 &&
		(strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 || strcmp(host, "localhost") == 0);

	if (!is_visible(uri, MAX_REDIRECT_URI) || strchr(uri, '#') != NULL ||
		!(loopback || (strncmp(uri, "https://", 8) == 0 && host[0] != '\0')))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid redirect_uri \"%s\"", text_clip(uri, 128)),
			 errdetail(
				 "It is an https address without a fragment, at most %d characters; http only on this machine.",
				 MAX_REDIRECT_URI),
			 errhint("Pass it exactly as it is registered at the platform.")));
}

static const struct
{
	const char *key;
	const char *rule;
} extra_known[] = {
	{"team_id", "It is the 10 characters of the developer team, for apple_music alone."},
	{"key_id", "It is the 10 characters that name the key, for apple_music alone."},
	{"login", "It is \"facebook\" or \"instagram\", for instagram alone."},
	{"config_id",
	 "It is the configuration of Facebook Login for Business, for facebook and instagram alone."},
	{"daily_quota",
	 "It is the units that the app may spend in a day, a whole number above 0, for youtube alone."},
};

static bool
extra_is_good(const Platform *platform, const char *key, const char *value)
{
	if (value == NULL)
		return false;
	if (strcmp(key, "login") == 0)
		return platform->oauth->by_login != NULL &&
			   (strcmp(value, "facebook") == 0 || strcmp(value, "instagram") == 0);
	if (strcmp(key, "config_id") == 0)
		return platform->oauth->by_pages && is_visible(value, 64);
	if (strcmp(key, "daily_quota") == 0)
		return platform->quota != NULL && strlen(value) <= 15 &&
			   strspn(value, "0123456789") == strlen(value) && strspn(value, "0") < strlen(value);
	return is_apple(platform) && strlen(value) == 10 && is_visible(value, 10);
}

static void
check_extra(const Platform *platform, Jsonb *extra)
{
	JsonbIterator *it;
	JsonbValue key, value;

	if (!JB_ROOT_IS_OBJECT(extra))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("extra must be an object"),
						errhint("As in {\"team_id\": \"A1B2C3D4E5\", \"key_id\": \"F6G7H8I9J0\"}.")));
	it = JsonbIteratorInit(&extra->root);
	JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		char *name = pnstrdup(key.val.string.val, key.val.string.len);
		int i = 0;

		JsonbIteratorNext(&it, &value, true);
		while (i < lengthof(extra_known) && strcmp(extra_known[i].key, name) != 0)
			i++;
		if (i == lengthof(extra_known))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("unknown extra key \"%s\"", text_clip(name, 64)),
							errdetail("The keys are team_id, key_id, login, config_id, daily_quota."),
							errhint("Secrets belong into client_secret, which is sealed.")));
		if (!extra_is_good(platform, name, json_id(&extra->root, name)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value of extra key \"%s\"", name), errdetail("%s", extra_known[i].rule),
					 errhint("Leave the key out where it is not needed.")));
	}
}

/* Apple's secret is the key that signs: it shows now whether it can. */
static void
check_apple_key(const char *key, const JsonbContainer *extra)
{
	const char *reason = NULL;

	if (!json_has(extra, "team_id") || !json_has(extra, "key_id"))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("extra must hold team_id and key_id for platform \"apple_music\""),
						errhint("As in {\"team_id\": \"A1B2C3D4E5\", \"key_id\": \"F6G7H8I9J0\"}.")));
	if (oauth_apple_token(key, json_id(extra, "team_id"), json_id(extra, "key_id"), 0, &reason) == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid client_secret for platform \"apple_music\""),
						errdetail("It cannot sign: %s; the value is not shown.", reason),
						errhint("Pass the text of the .p8 file, with its first and last line.")));
}

static void
check_secret(const Platform *platform, const char *secret)
{
	size_t length = secret != NULL ? strlen(secret) : 0;

	if (secret == NULL && platform->oauth->public_clients)
		return;
	if (secret == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("client_secret must not be null for platform \"%s\"", platform->name),
						errhint("Take it from the app's page at the platform.")));
	for (const unsigned char *s = (const unsigned char *) secret; *s != '\0'; s++)
	{
		if (*s == 0x7F || (is_apple(platform) ? *s < ' ' && *s != '\n' && *s != '\r' : *s <= ' '))
			length = 0;
	}
	if (length == 0 || length > MAX_SECRET)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid client_secret"),
				 errdetail("It is 1 to %d characters without blanks; the value is not shown.", MAX_SECRET),
				 errhint("Pass it as the platform gave it.")));
}

/* register_app(platform text, client_id text, client_secret text, redirect_uri text, extra jsonb) returns void */
Datum
dreamsuite_register_app(PG_FUNCTION_ARGS)
{
	ErrorContextCallback hidden;
	const Platform *platform;
	char *client_id = text_argument(fcinfo, 1), *secret = secret_argument(fcinfo, 2);
	char *redirect_uri = text_argument(fcinfo, 3);
	Jsonb *extra = PG_ARGISNULL(4) ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")))
								   : PG_GETARG_JSONB_P(4);
	Oid types[] = {TEXTOID, TEXTOID, BYTEAOID, TEXTOID, JSONBOID, INT4OID};
	Datum values[6];
	char nulls[] = "      ";
	int key_id = 0;

	secret_hide_statement(&hidden);
	platform = platform_argument(fcinfo, 0);
	if (client_id == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("client_id must not be null"),
						errhint("Take it from the app's page at the platform%s.",
								is_apple(platform) ? "; for Apple it is the media identifier" : "")));
	if (!is_visible(client_id, MAX_CLIENT_ID))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid client_id \"%s\"", text_clip(client_id, 64)),
						errdetail("It is 1 to %d characters without blanks.", MAX_CLIENT_ID),
						errhint("Pass it as the platform gave it.")));
	check_extra(platform, extra);
	check_secret(platform, secret);
	if (is_apple(platform))
		check_apple_key(secret, &extra->root);
	else if (redirect_uri == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("redirect_uri must not be null for platform \"%s\"", platform->name),
						errhint("Pass the address that the platform sends artists back to.")));
	if (redirect_uri != NULL)
		check_redirect_uri(redirect_uri);

	values[0] = CStringGetTextDatum(platform->name);
	values[1] = CStringGetTextDatum(client_id);
	values[2] = PointerGetDatum(secret_seal_app(platform->name, "client_secret", secret, &key_id));
	nulls[2] = secret == NULL ? 'n' : ' ';
	values[3] = redirect_uri != NULL ? CStringGetTextDatum(redirect_uri) : (Datum) 0;
	nulls[3] = redirect_uri == NULL ? 'n' : ' ';
	values[4] = JsonbPGetDatum(extra);
	values[5] = Int32GetDatum(key_id);
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	SPI_connect();
	if (SPI_execute_with_args(
			"INSERT INTO dreamsuite.apps AS p (platform, client_id, client_secret, redirect_uri, extra, key_id)"
			" VALUES ($1, $2, $3, $4, $5, $6)"
			" ON CONFLICT (platform) DO UPDATE SET client_id = excluded.client_id,"
			"  client_secret = excluded.client_secret, redirect_uri = excluded.redirect_uri, extra = excluded.extra,"
			"  key_id = excluded.key_id, updated_at = pg_catalog.now()",
			6, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store the app");
	/* What waited for people to act waits no longer. */
	types[1] = TIMESTAMPTZOID;
	values[1] = TimestampTzGetDatum(config_now());
	if (SPI_execute_with_args(
			"UPDATE dreamsuite.bucket_state SET blocked_until = NULL, reason = NULL, error_class = NULL"
			" WHERE platform = $1 AND error_class = 'operator' AND blocked_until > $2",
			2, types, values, NULL, false, 0) != SPI_OK_UPDATE ||
		SPI_execute_with_args("UPDATE dreamsuite.account_state SET next_due_at = $2"
							  " WHERE platform = $1 AND last_error_class = 'operator' AND next_due_at > $2",
							  2, types, values, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not free the accounts of the app");
	SPI_finish();
	secret_show_statement(&hidden);
	PG_RETURN_VOID();
}

/* ---- authorize_url ---- */

static List *
scopes_argument(FunctionCallInfo fcinfo, int i)
{
	List *scopes = NIL;
	Datum *elements;
	bool *nulls;
	int n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(i), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int e = 0; e < n; e++)
	{
		char *scope = nulls[e] ? NULL : TextDatumGetCString(elements[e]);

		if (scope == NULL || !is_visible(scope, 256) || strchr(scope, ',') != NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("invalid scope \"%s\"", scope != NULL ? text_clip(scope, 64) : "null"),
							errdetail("A scope is a word without blanks and commas."),
							errhint("Pass them as an array, or null for those that the platform needs.")));
		scopes = lappend(scopes, scope);
	}
	return scopes;
}

/* The app and what the account already says of itself. */
typedef struct Registered
{
	OAuthClient client;
	char *redirect_uri;
	Jsonb *settings; /* NULL: there is no account yet */
} Registered;

/* SPI is connected. */
static Registered
registered_app(const Platform *platform, Datum user_id)
{
	Oid types[] = {TEXTOID, UUIDOID};
	Datum values[] = {CStringGetTextDatum(platform->name), user_id}, value;
	Registered found = {0};
	bool null;

	if (SPI_execute_with_args("SELECT p.client_id, p.redirect_uri, p.extra, a.settings FROM dreamsuite.apps p"
							  " LEFT JOIN dreamsuite.accounts a ON a.platform = p.platform AND a.user_id = $2"
							  " WHERE p.platform = $1",
							  2, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for the app");
	if (SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("no app is registered for platform \"%s\"", platform->name),
						errhint("The operator registers one with dreamsuite.register_app().")));
	found.client.id = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	found.redirect_uri = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &null);
	if (!null)
		found.client.extra = &DatumGetJsonbPCopy(value)->root;
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4, &null);
	if (!null)
		found.settings = DatumGetJsonbPCopy(value);
	return found;
}

/* An account that waits for its consent; one that is there already stays as it is until the code comes. */
static void
make_account(const Platform *platform, Datum user_id, const char *login)
{
	Oid types[] = {UUIDOID, TEXTOID, TEXTOID};
	Datum values[] = {user_id, CStringGetTextDatum(platform->name),
					  login != NULL ? CStringGetTextDatum(login) : (Datum) 0};
	char nulls[] = {' ', ' ', login != NULL ? ' ' : 'n'};

	if (SPI_execute_with_args(
			"INSERT INTO dreamsuite.accounts AS a (user_id, platform, status, settings)"
			" VALUES ($1, $2, 'pending', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('login', $3)))"
			" ON CONFLICT (user_id, platform) DO UPDATE SET"
			"  settings = a.settings OPERATOR(pg_catalog.||) excluded.settings"
			"  WHERE excluded.settings OPERATOR(pg_catalog.<>) '{}' AND NOT a.settings OPERATOR(pg_catalog.?) 'login'",
			3, types, values, nulls, false, 0) != SPI_OK_INSERT ||
		SPI_execute_with_args("INSERT INTO dreamsuite.account_state (user_id, platform, next_due_at)"
							  " VALUES ($1, $2, dreamsuite.collect_time($1, '{}',"
							  "  dreamsuite.account_day(dreamsuite.calendar_now(), '{}')))"
							  " ON CONFLICT (user_id, platform) DO NOTHING",
							  2, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store the account");
}

static void
keep_state(const Platform *platform, Datum user_id, const char *state, const char *verifier, List *scopes,
		   const char *redirect_uri)
{
	Oid types[] = {BYTEAOID, UUIDOID, TEXTOID, TEXTARRAYOID, TEXTOID, BYTEAOID, INT4OID, TIMESTAMPTZOID};
	Datum values[8];
	char nulls[] = "        ";
	unsigned char hash[OAUTH_HASH_BYTES];
	Datum *texts = palloc(sizeof(Datum) * Max(list_length(scopes), 1));
	bytea *state_hash;
	ListCell *cell;
	int key_id = 0;

	oauth_state_hash(hash, state);
	state_hash = bytes_of(hash, sizeof(hash));
	foreach (cell, scopes)
		texts[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	values[0] = PointerGetDatum(state_hash);
	values[1] = user_id;
	values[2] = CStringGetTextDatum(platform->name);
	values[3] =
		PointerGetDatum(construct_array(texts, list_length(scopes), TEXTOID, -1, false, TYPALIGN_INT));
	values[4] = CStringGetTextDatum(redirect_uri);
	values[5] = PointerGetDatum(secret_seal_state(state_hash, platform->name, "verifier", verifier, &key_id));
	nulls[5] = verifier == NULL ? 'n' : ' ';
	values[6] = Int32GetDatum(key_id);
	nulls[6] = verifier == NULL ? 'n' : ' ';
	values[7] = TimestampTzGetDatum(config_now());
	/* A state is remembered for a day after its end, so that a late or second use is told apart from a forged one. */
	if (SPI_execute_with_args(
			"DELETE FROM dreamsuite.oauth_states WHERE expires_at < $1 - pg_catalog.make_interval(days => 1)",
			1, &types[7], &values[7], NULL, false, 0) != SPI_OK_DELETE ||
		SPI_execute_with_args(
			"INSERT INTO dreamsuite.oauth_states (state_hash, user_id, platform, scopes, redirect_uri, verifier, key_id,"
			"  created_at, expires_at)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8 + pg_catalog.make_interval(mins => " CppAsString2(
				STATE_MINUTES) "))",
			8, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store the state");
}

/* authorize_url(platform text, user_id uuid, scopes text[]) returns text */
Datum
dreamsuite_authorize_url(PG_FUNCTION_ARGS)
{
	const Platform *platform = platform_argument(fcinfo, 0);
	char state[OAUTH_STATE_BYTES + 1], *verifier = NULL, *url, *login = NULL;
	List *scopes = NIL;
	MemoryContext caller = CurrentMemoryContext, old;
	Registered app;

	if (!PG_ARGISNULL(1))
		access_check_user(PG_GETARG_UUID_P(1));
	if (platform->oauth->authorize_url == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("platform \"%s\" has no page for consent", platform->name),
						errdetail("A music user token comes from MusicKit, in a web page or app of yours."),
						errhint("Pass it to dreamsuite.connect_account() as access_token.")));
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("user_id must not be null"),
						errdetail("Without claims of a request there is no current user."),
						errhint("Pass the uuid of the artist's user.")));
	if (!PG_ARGISNULL(2))
		scopes = scopes_argument(fcinfo, 2);

	SPI_connect();
	app = registered_app(platform, PG_GETARG_DATUM(1));
	if (platform->oauth->by_login != NULL && app.client.extra != NULL)
		login = json_text(app.client.extra, "login");
	if (app.settings != NULL && json_has(&app.settings->root, "login"))
		login = json_text(&app.settings->root, "login");
	app.client.def = platform->oauth;
	if (login != NULL && strcmp(login, "instagram") == 0)
		app.client.def = platform->oauth->by_login;
	if (PG_ARGISNULL(2))
	{
		const char *const *asked = oauth_default_scopes(platform, app.client.def);

		for (int i = 0; asked[i] != NULL; i++)
			scopes = lappend(scopes, (char *) asked[i]);
	}
	make_account(platform, PG_GETARG_DATUM(1), login);
	oauth_random(state);
	if (app.client.def->pkce != PKCE_NONE)
	{
		verifier = seal_alloc(OAUTH_STATE_BYTES + 1);
		oauth_random(verifier);
	}
	keep_state(platform, PG_GETARG_DATUM(1), state, verifier, scopes, app.redirect_uri);
	old = MemoryContextSwitchTo(caller);
	url = oauth_authorize_url(&app.client, app.redirect_uri, scopes, state, verifier);
	MemoryContextSwitchTo(old);
	SPI_finish();
	collector_tell();
	explicit_bzero(state, sizeof(state));
	PG_RETURN_TEXT_P(cstring_to_text(url));
}

/* ---- complete_authorization ---- */

/* The state's row, locked; raises where it cannot be used. SPI is connected. */
static void
use_state(Datum state_hash, const Platform **platform, Datum *user_id)
{
	static const char again[] = "Begin again with dreamsuite.authorize_url().";
	Oid types[] = {BYTEAOID, TIMESTAMPTZOID};
	Datum values[] = {state_hash, TimestampTzGetDatum(config_now())};
	HeapTuple row;
	TupleDesc desc;
	bool null;

	if (SPI_execute_with_args("SELECT o.platform, o.user_id, o.completed_at IS NOT NULL, o.expires_at <= $2,"
							  "  COALESCE(dreamsuite.current_user_id() <> o.user_id, false)"
							  " FROM dreamsuite.oauth_states o WHERE o.state_hash = $1 FOR UPDATE",
							  2, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for the state");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown state"),
				 errdetail("No authorisation was begun with it, or its account was disconnected since."),
				 errhint("%s", again)));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	*platform = platform_get(SPI_getvalue(row, desc, 1));
	*user_id = SPI_getbinval(row, desc, 2, &null);
	if (DatumGetBool(SPI_getbinval(row, desc, 5, &null)))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("the state belongs to another user"),
						errdetail("Whoever began an authorisation ends it."), errhint("%s", again)));
	access_check_user(DatumGetUUIDP(*user_id));
	if (DatumGetBool(SPI_getbinval(row, desc, 3, &null)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the state was used already"),
				 errdetail("A state is good for one use."), errhint("%s", again)));
	if (DatumGetBool(SPI_getbinval(row, desc, 4, &null)))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the state has expired"),
						errdetail("A state is good for %d minutes.", STATE_MINUTES), errhint("%s", again)));
}

/* complete_authorization(state text, code text) returns void */
Datum
dreamsuite_complete_authorization(PG_FUNCTION_ARGS)
{
	char *state = secret_argument(fcinfo, 0), *code = secret_argument(fcinfo, 1);
	const Platform *platform;
	unsigned char hash[OAUTH_HASH_BYTES];
	bytea *state_hash;
	Oid types[] = {UUIDOID, TEXTOID, BYTEAOID, BYTEAOID, INT4OID, TIMESTAMPTZOID};
	Datum values[6];
	int key_id = 0;
	ErrorContextCallback hidden;

	secret_hide_statement(&hidden);
	if (state == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("state must not be null"),
			 errhint("Pass the parameter state of the address that the platform sent the artist back to.")));
	if (code == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("code must not be null"),
			 errdetail("Without a code the artist did not consent; the parameter error says why."),
			 errhint("Pass the parameter code of the address that the platform sent the artist back to.")));
	if (!oauth_clean_code(code))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid code"),
						errdetail("A code is 1 to 4096 visible characters; the value is not shown."),
						errhint("Pass it as it came.")));
	oauth_state_hash(hash, state);
	state_hash = bytes_of(hash, sizeof(hash));

	SPI_connect();
	values[2] = PointerGetDatum(state_hash);
	use_state(values[2], &platform, &values[0]);
	values[1] = CStringGetTextDatum(platform->name);
	values[3] = PointerGetDatum(secret_seal_state(state_hash, platform->name, "code", code, &key_id));
	values[4] = Int32GetDatum(key_id);
	values[5] = TimestampTzGetDatum(config_now());
	explicit_bzero(code, strlen(code));
	/* An older code of the account that still waits is of no interest any more. */
	if (SPI_execute_with_args(
			"UPDATE dreamsuite.oauth_states SET code = NULL, verifier = NULL, key_id = NULL"
			" WHERE user_id = $1 AND platform = $2 AND state_hash <> $3 AND code IS NOT NULL",
			3, types, values, NULL, false, 0) != SPI_OK_UPDATE ||
		SPI_execute_with_args("UPDATE dreamsuite.oauth_states SET code = $4, key_id = $5,"
							  "  completed_at = pg_catalog.clock_timestamp() WHERE state_hash = $3",
							  5, types, values, NULL, false, 0) != SPI_OK_UPDATE ||
		SPI_execute_with_args("UPDATE dreamsuite.account_state SET next_due_at = $6, attempts = 0,"
							  "  requested_at = pg_catalog.clock_timestamp()"
							  " WHERE user_id = $1 AND platform = $2",
							  6, types, values, NULL, false, 0) != SPI_OK_UPDATE ||
		SPI_execute_with_args("UPDATE dreamsuite.accounts SET status = 'pending', status_reason = NULL,"
							  "  connected_at = pg_catalog.clock_timestamp()"
							  " WHERE user_id = $1 AND platform = $2",
							  2, types, values, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not store the code");
	SPI_finish();
	secret_show_statement(&hidden);
	if (config_enabled)
		collector_wake();
	PG_RETURN_VOID();
}

/* platform_revokes(platform text) returns boolean */
Datum
dreamsuite_platform_revokes(PG_FUNCTION_ARGS)
{
	const Platform *platform = platform_get(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_BOOL(platform->oauth != NULL && platform->oauth->revoke_url != NULL);
}

/* wake_collector() returns void */
Datum
dreamsuite_wake_collector(PG_FUNCTION_ARGS)
{
	if (config_enabled)
		collector_wake();
	PG_RETURN_VOID();
}
