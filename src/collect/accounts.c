/*
 * accounts.c
 *    connect_account() and what it demands of ids and settings.
 *
 * Everything is checked before the first row is written. Errors never repeat a token.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "collect/arguments.h"
#include "collect/collector.h"
#include "collect/secret.h"
#include "config.h"
#include "platform/platform.h"

#define MAX_ID    255
#define MAX_TOKEN 16384

DREAMSUITE_FUNCTION(dreamsuite_connect_account);
DREAMSUITE_FUNCTION(dreamsuite_merge_known);
DREAMSUITE_FUNCTION(dreamsuite_platform_needs_token);
DREAMSUITE_FUNCTION(dreamsuite_calendar_now);

/* ---- Checks ---- */

static void
check_id(const Platform *platform, const char *argument, const char *id)
{
	size_t length = strlen(id);
	bool ok = length >= 1 && length <= MAX_ID;

	for (const unsigned char *s = (const unsigned char *) id; ok && *s != '\0'; s++)
		ok = *s > ' ' && *s != 0x7F && strchr("/?#{}\"\\", *s) == NULL;
	if (ok && platform->valid_id != NULL && strcmp(argument, "external_id") == 0)
		ok = platform->valid_id(id);
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid %s \"%s\" for platform \"%s\"", argument, text_clip(id, 64), platform->name),
				 errdetail("An id is 1 to %d characters, without blanks, slashes or braces.", MAX_ID),
				 platform->id_example != NULL
					 ? errhint("It looks like \"%s\".", platform->id_example)
					 : errhint("Take it from the address of the account at the platform.")));
}

typedef enum SettingType
{
	SETTING_ID,
	SETTING_IDS,
	SETTING_ZONE,
	SETTING_LOGIN
} SettingType;

static const struct
{
	const char *key;
	SettingType type;
	const char *rule;
} settings_known[] = {
	{"artist_id", SETTING_ID, "It is text or a whole number."},
	{"profile_id", SETTING_ID, "It is text or a whole number."},
	{"storefronts", SETTING_IDS, "It is an array of texts such as [\"us\", \"de\"]."},
	{"tracked_playlists", SETTING_IDS, "It is an array of texts or whole numbers."},
	{"time_zone", SETTING_ZONE, "It is a time zone such as \"Europe/Berlin\"."},
	{"login", SETTING_LOGIN, "It is \"facebook\" or \"instagram\", for instagram alone."},
};

/* An id given as text or whole number, as text; NULL where it is neither. */
static char *
setting_id(const JsonbValue *value)
{
	if (value->type == jbvString && value->val.string.len > 0)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value->type == jbvNumeric && json_value_count(value) != COUNT_UNKNOWN)
		return psprintf(INT64_FORMAT, json_value_count(value));
	return NULL;
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, char *text)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = text;
	value.val.string.len = strlen(text);
	pushJsonbValue(state, token, &value);
}

/* Checks one setting and adds it, ids as text, to what will be stored; false where its type is wrong. */
static bool
take_setting(const Platform *platform, const char *key, SettingType type, const JsonbValue *value,
			 JsonbParseState **state)
{
	char *id = setting_id(value);

	push_text(state, WJB_KEY, pstrdup(key));
	switch (type)
	{
		case SETTING_ID:
			if (id == NULL)
				return false;
			check_id(platform, key, id);
			push_text(state, WJB_VALUE, id);
			return true;
		case SETTING_ZONE:
			if (value->type != jbvString || pg_tzset(id) == NULL)
				return false;
			push_text(state, WJB_VALUE, id);
			return true;
		case SETTING_LOGIN:
			if (value->type != jbvString || strcmp(platform->name, "instagram") != 0 ||
				(strcmp(id, "facebook") != 0 && strcmp(id, "instagram") != 0))
				return false;
			push_text(state, WJB_VALUE, id);
			return true;
		case SETTING_IDS:
		{
			JsonItems items;
			JsonbValue entry;

			if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
				return false;
			items = json_items(value->val.binary.data);
			pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
			while (json_next_value(&items, &entry))
			{
				id = setting_id(&entry);
				if (id == NULL)
					return false;
				check_id(platform, key, id);
				push_text(state, WJB_ELEM, id);
			}
			pushJsonbValue(state, WJB_END_ARRAY, NULL);
			return true;
		}
	}
	return false;
}

/* The settings as they are stored. Unknown keys and wrong types are errors that name them. */
static Jsonb *
check_settings(const Platform *platform, const Jsonb *given)
{
	JsonbParseState *state = NULL;
	JsonbIterator *it;
	JsonbValue key, value;

	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("settings must be an object"),
						errhint("As in {\"time_zone\": \"Europe/Berlin\"}.")));
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	it = JsonbIteratorInit((JsonbContainer *) &given->root);
	JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		char *name = pnstrdup(key.val.string.val, key.val.string.len);
		int i = 0;

		JsonbIteratorNext(&it, &value, true);
		while (i < lengthof(settings_known) && strcmp(settings_known[i].key, name) != 0)
			i++;
		if (i == lengthof(settings_known))
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown settings key \"%s\"", name),
				 errdetail(
					 "The keys are artist_id, profile_id, storefronts, tracked_playlists, time_zone, login."),
				 errhint("The account itself is named by external_id.")));
		if (!take_setting(platform, name, settings_known[i].type, &value, &state))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("invalid value of settings key \"%s\"", name),
							errdetail("%s", settings_known[i].rule),
							errhint("Leave the key out where it is not needed.")));
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
check_token(const char *argument, const char *token)
{
	size_t length;

	if (token == NULL)
		return;
	length = strlen(token);
	for (const unsigned char *s = (const unsigned char *) token; *s != '\0'; s++)
	{
		if (*s <= ' ' || *s == 0x7F)
			length = 0;
	}
	if (length == 0 || length > MAX_TOKEN)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid %s", argument),
						errdetail("A token is 1 to %d characters without blanks; the value is not shown.",
								  MAX_TOKEN),
						errhint("Pass it as the platform gave it.")));
}

/* ---- connect_account ---- */

/*
 * connect_account(user_id uuid, platform text, external_id text, access_token text, refresh_token text,
 *                 expires_at timestamptz, settings jsonb, scopes text[])
 */
Datum
dreamsuite_connect_account(PG_FUNCTION_ARGS)
{
	const Platform *platform;
	char *external_id, *access_token, *refresh_token;
	Jsonb *settings;
	pg_uuid_t *user_id;
	bool has_token;
	Datum values[13];
	char nulls[13];
	Oid types[] = {UUIDOID,  TEXTOID,  TEXTOID,        TEXTOID, TEXTARRAYOID,   JSONBOID, TIMESTAMPTZOID,
				   BYTEAOID, BYTEAOID, TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID, BOOLOID};
	int key_id = 0;
	ErrorContextCallback hidden;

	secret_hide_statement(&hidden);

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("user_id must not be null"),
						errhint("Pass the uuid of the artist's user.")));
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("platform must not be null"),
						errhint("See the view dreamsuite.platforms.")));
	user_id = PG_GETARG_UUID_P(0);
	platform = platform_get(text_argument(fcinfo, 1));
	external_id = text_argument(fcinfo, 2);
	access_token = text_argument(fcinfo, 3);
	refresh_token = text_argument(fcinfo, 4);
	if (external_id != NULL)
		check_id(platform, "external_id", external_id);
	check_token("access_token", access_token);
	check_token("refresh_token", refresh_token);
	if (!PG_ARGISNULL(5) && TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(5)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("expires_at must be finite"),
						errhint("Leave it out for a token that does not end.")));
	settings = check_settings(
		platform, PG_ARGISNULL(6) ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")))
								  : PG_GETARG_JSONB_P(6));
	has_token = access_token != NULL || refresh_token != NULL;
	if (!has_token && platform->has_api && !platform->needs_token && external_id == NULL &&
		!json_has(&settings->root, "profile_id"))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("external_id must not be null for platform \"%s\" without a token", platform->name),
				 errhint("Pass the id of the artist at the platform%s%s%s.",
						 platform->id_example != NULL ? ", such as \"" : "",
						 platform->id_example != NULL ? platform->id_example : "",
						 platform->id_example != NULL ? "\"" : "")));

	memset(nulls, ' ', sizeof(nulls));
	values[0] = UUIDPGetDatum(user_id);
	values[1] = CStringGetTextDatum(platform->name);
	values[2] = external_id != NULL ? CStringGetTextDatum(external_id) : (Datum) 0;
	nulls[2] = external_id == NULL ? 'n' : ' ';
	values[3] =
		CStringGetTextDatum(platform->has_api && platform->needs_token && !has_token ? "pending" : "active");
	if (PG_ARGISNULL(7))
	{
		Datum scopes[64];
		int n = 0;

		while (platform->scopes != NULL && platform->scopes[n] != NULL && n < lengthof(scopes))
		{
			scopes[n] = CStringGetTextDatum(platform->scopes[n]);
			n++;
		}
		values[4] = PointerGetDatum(construct_array(scopes, n, TEXTOID, -1, false, TYPALIGN_INT));
		nulls[4] = has_token && n > 0 ? ' ' : 'n';
	}
	else
	{
		(void) scopes_argument(fcinfo, 7);
		values[4] = PG_GETARG_DATUM(7);
	}
	values[5] = JsonbPGetDatum(settings);
	values[6] = TimestampTzGetDatum(config_now());
	values[7] =
		PointerGetDatum(secret_seal_account(user_id, platform->name, "access_token", access_token, &key_id));
	nulls[7] = access_token == NULL ? 'n' : ' ';
	values[8] = PointerGetDatum(
		secret_seal_account(user_id, platform->name, "refresh_token", refresh_token, &key_id));
	nulls[8] = refresh_token == NULL ? 'n' : ' ';
	values[9] = PG_ARGISNULL(5) ? (Datum) 0 : PG_GETARG_DATUM(5);
	nulls[9] = PG_ARGISNULL(5) ? 'n' : ' ';
	values[10] = Int32GetDatum(key_id);
	if (access_token != NULL)
		explicit_bzero(access_token, strlen(access_token));
	if (refresh_token != NULL)
		explicit_bzero(refresh_token, strlen(refresh_token));

	SPI_connect();
	/*
	 * The tables in the order in which the collector locks them. The clock is read when the locks are held: a run that was
	 * claimed before is older than the request and than the connection.
	 */
	if (SPI_execute_with_args("SELECT s.user_id FROM dreamsuite.account_state s"
							  " WHERE s.user_id = $1 AND s.platform = $2 FOR NO KEY UPDATE",
							  2, types, values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not lock the account");
	values[11] = TimestampTzGetDatum(GetCurrentTimestamp());
	if (SPI_execute_with_args(
			"INSERT INTO dreamsuite.account_state AS s (user_id, platform, next_due_at, requested_at, attempts)"
			" VALUES ($1, $2, $7, $12, 0)"
			" ON CONFLICT (user_id, platform) DO UPDATE SET next_due_at = excluded.next_due_at,"
			"  requested_at = excluded.requested_at, attempts = 0",
			12, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store the state of the account");
	if (has_token &&
		SPI_execute_with_args(
			"INSERT INTO dreamsuite.account_secrets AS k (user_id, platform, access_token, refresh_token, expires_at, key_id)"
			" VALUES ($1, $2, $8, $9, $10, $11)"
			" ON CONFLICT (user_id, platform) DO UPDATE SET access_token = excluded.access_token,"
			"  refresh_token = excluded.refresh_token, expires_at = excluded.expires_at, refresh_expires_at = NULL,"
			"  key_id = excluded.key_id, updated_at = excluded.updated_at",
			11, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store the sealed tokens");
	if (SPI_execute_with_args(
			"SELECT k.user_id FROM dreamsuite.account_secrets k WHERE k.user_id = $1 AND k.platform = $2", 2,
			types, values, nulls, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for tokens");
	values[12] = BoolGetDatum(SPI_processed > 0);
	/* $13: it has tokens. New settings for such an account leave its standing as it is; one that failed tries again. */
	if (SPI_execute_with_args(
			"INSERT INTO dreamsuite.accounts AS a (user_id, platform, external_id, status, granted_scopes, settings,"
			"  connected_at)"
			" VALUES ($1, $2, $3, $4, $5, $6, $12)"
			" ON CONFLICT (user_id, platform) DO UPDATE SET external_id = COALESCE(excluded.external_id, a.external_id),"
			"  status = CASE WHEN excluded.status = 'active' OR a.status = 'failed' OR NOT $13"
			"   THEN excluded.status ELSE a.status END,"
			"  status_reason = CASE WHEN excluded.status = 'active' OR a.status = 'failed' OR NOT $13"
			"   THEN NULL ELSE a.status_reason END,"
			"  granted_scopes = CASE WHEN excluded.status = 'active' OR NOT $13"
			"   THEN excluded.granted_scopes ELSE a.granted_scopes END,"
			"  settings = excluded.settings, connected_at = excluded.connected_at",
			13, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store the account");
	SPI_finish();
	secret_show_statement(&hidden);
	collector_tell();
	PG_RETURN_VOID();
}

/*
 * merge_known(older jsonb, newer jsonb) returns jsonb: the newer object, with the older one's value where the newer says
 * null or nothing. Only the top level is merged: entries of lists keep their nulls.
 */
Datum
dreamsuite_merge_known(PG_FUNCTION_ARGS)
{
	Jsonb *older = PG_GETARG_JSONB_P(0), *newer = PG_GETARG_JSONB_P(1);
	JsonbParseState *state = NULL;
	JsonbIterator *it;
	JsonbValue key, value, other;

	if (!JB_ROOT_IS_OBJECT(older) || !JB_ROOT_IS_OBJECT(newer))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("only objects can be merged")));
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	it = JsonbIteratorInit(&older->root);
	JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		JsonbIteratorNext(&it, &value, true);
		pushJsonbValue(&state, WJB_KEY, &key);
		if (getKeyJsonValueFromContainer(&newer->root, key.val.string.val, key.val.string.len, &other) !=
				NULL &&
			other.type != jbvNull)
			value = other;
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	it = JsonbIteratorInit(&newer->root);
	JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		JsonbIteratorNext(&it, &value, true);
		if (getKeyJsonValueFromContainer(&older->root, key.val.string.val, key.val.string.len, &other) !=
			NULL)
			continue;
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* platform_needs_token(platform text) returns boolean */
Datum
dreamsuite_platform_needs_token(PG_FUNCTION_ARGS)
{
	const Platform *platform = platform_get(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_BOOL(platform->has_api && platform->needs_token);
}

/* calendar_now() returns timestamptz */
Datum
dreamsuite_calendar_now(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(config_now());
}
