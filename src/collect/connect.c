/*
 * connect.c
 *    authorize_url(), complete_authorization(): what an artist's consent begins and ends with.
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
#include "collect/arguments.h"
#include "collect/collector.h"
#include "collect/secret.h"
#include "config.h"
#include "oauth/oauth.h"
#include "secrets/seal.h"

DREAMSUITE_FUNCTION(dreamsuite_authorize_url);
DREAMSUITE_FUNCTION(dreamsuite_complete_authorization);
DREAMSUITE_FUNCTION(dreamsuite_platform_revokes);

#define STATE_MINUTES 10

static bytea *
bytes_of(const void *data, size_t length)
{
	bytea *made = palloc(VARHDRSZ + length);

	SET_VARSIZE(made, VARHDRSZ + length);
	memcpy(VARDATA(made), data, length);
	return made;
}

/* ---- authorize_url ---- */

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

	if (SPI_execute_with_args(
			"SELECT p.client_id, p.redirect_uri, p.extra,"
			"  (SELECT a.settings FROM dreamsuite.accounts a WHERE a.platform = $1 AND a.user_id = $2)"
			" FROM dreamsuite.apps p WHERE p.platform = $1",
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

/* Whose state it is; the row is locked by use_state(), which finds it by its user. */
static Datum
user_of_state(Datum state_hash, bool *is_there, bool *is_others)
{
	Oid types[] = {BYTEAOID, UUIDOID};
	Datum values[] = {state_hash, (Datum) 0};
	bool null;

	if (SPI_execute_with_args("SELECT o.user_id FROM dreamsuite.oauth_states o WHERE o.state_hash = $1", 1,
							  types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for the state");
	*is_there = SPI_processed > 0;
	*is_others = false;
	if (!*is_there)
		return (Datum) 0;
	values[1] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	if (SPI_execute_with_args("SELECT COALESCE(dreamsuite.current_user_id() <> $2, false)", 2, types, values,
							  NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for the user");
	*is_others = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	return values[1];
}

/* The state's row, locked; raises where it cannot be used. SPI is connected. */
static void
use_state(Datum state_hash, const Platform **platform, Datum *user_id)
{
	static const char again[] = "Begin again with dreamsuite.authorize_url().";
	Oid types[] = {BYTEAOID, TIMESTAMPTZOID, UUIDOID};
	Datum values[] = {state_hash, TimestampTzGetDatum(config_now()), (Datum) 0};
	HeapTuple row;
	TupleDesc desc;
	bool null, is_there, is_others;

	*user_id = values[2] = user_of_state(state_hash, &is_there, &is_others);
	if (is_there &&
		SPI_execute_with_args(
			"SELECT o.platform, o.completed_at IS NOT NULL, o.expires_at <= $2"
			" FROM dreamsuite.oauth_states o WHERE o.state_hash = $1 AND o.user_id = $3 FOR UPDATE",
			3, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for the state");
	if (!is_there || SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown state"),
				 errdetail("No authorisation was begun with it, or its account was disconnected since."),
				 errhint("%s", again)));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	*platform = platform_get(SPI_getvalue(row, desc, 1));
	if (is_others)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("the state belongs to another user"),
						errdetail("Whoever began an authorisation ends it."), errhint("%s", again)));
	access_check_user(DatumGetUUIDP(*user_id));
	if (DatumGetBool(SPI_getbinval(row, desc, 2, &null)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the state was used already"),
				 errdetail("A state is good for one use."), errhint("%s", again)));
	if (DatumGetBool(SPI_getbinval(row, desc, 3, &null)))
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
	Oid types[] = {UUIDOID, TEXTOID, BYTEAOID, BYTEAOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum values[7];
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
		SPI_execute_with_args("SELECT s.user_id FROM dreamsuite.account_state s"
							  " WHERE s.user_id = $1 AND s.platform = $2 FOR NO KEY UPDATE",
							  2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not lock the account");
	/* A run that was claimed before the lock was held is older than the code. */
	values[6] = TimestampTzGetDatum(GetCurrentTimestamp());
	if (SPI_execute_with_args("UPDATE dreamsuite.oauth_states SET code = $4, key_id = $5, completed_at = $7"
							  " WHERE state_hash = $3 AND user_id = $1",
							  7, types, values, NULL, false, 0) != SPI_OK_UPDATE ||
		SPI_execute_with_args(
			"UPDATE dreamsuite.account_state SET next_due_at = $6, attempts = 0, requested_at = $7"
			" WHERE user_id = $1 AND platform = $2",
			7, types, values, NULL, false, 0) != SPI_OK_UPDATE ||
		SPI_execute_with_args("UPDATE dreamsuite.accounts SET status = 'pending', status_reason = NULL,"
							  "  connected_at = $7 WHERE user_id = $1 AND platform = $2",
							  7, types, values, NULL, false, 0) != SPI_OK_UPDATE)
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
