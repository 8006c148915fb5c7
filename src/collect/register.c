/*
 * register.c
 *    register_app(): the operator's app at a platform.
 *
 * Everything is checked before it is stored, Apple's key by signing with it. Errors never repeat a secret.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "collect/arguments.h"
#include "collect/secret.h"
#include "config.h"
#include "http/url.h"
#include "oauth/oauth.h"

DREAMSUITE_FUNCTION(dreamsuite_register_app);

#define MAX_CLIENT_ID    512
#define MAX_SECRET       8192
#define MAX_REDIRECT_URI 512 /* TikTok's limit, the shortest */

static bool
is_apple(const Platform *platform)
{
	return platform->oauth->style == STYLE_MUSIC_USER;
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
			"  key_id = excluded.key_id, updated_at = excluded.updated_at",
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
