/*
 * authorize.c
 *    The consent page of each platform: its address, with state and PKCE.
 *
 * Sources: RFC 6749 section 4.1.1, RFC 7636, and the platforms' own pages, whose differences stand in their OAuthDef.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <sodium.h>

#include "http/url.h"
#include "oauth/oauth.h"

const OAuthDef *
oauth_habits(const Platform *platform, const JsonbContainer *settings)
{
	const OAuthDef *def = platform->oauth;
	char *login = settings != NULL ? json_text(settings, "login") : NULL;

	if (def != NULL && def->by_login != NULL && login != NULL && strcmp(login, "instagram") == 0)
		return def->by_login;
	return def;
}

const char *const *
oauth_default_scopes(const Platform *platform, const OAuthDef *def)
{
	return def->scopes != NULL ? def->scopes : platform->scopes;
}

void
oauth_random(char *text)
{
	unsigned char bytes[32];

	if (sodium_init() < 0)
		elog(ERROR, "could not initialise libsodium");
	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2base64(text, OAUTH_STATE_BYTES + 1, bytes, sizeof(bytes),
					  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	explicit_bzero(bytes, sizeof(bytes));
}

void
oauth_state_hash(unsigned char *hash, const char *state)
{
	StaticAssertStmt(OAUTH_HASH_BYTES == crypto_hash_sha256_BYTES, "the hash of a state is SHA-256");
	crypto_hash_sha256(hash, (const unsigned char *) state, strlen(state));
}

/* RFC 7636 has it in base64url without padding, TikTok in hex. */
static char *
challenge_of(Pkce pkce, const char *verifier)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char *challenge = palloc(2 * sizeof(hash) + 1);

	crypto_hash_sha256(hash, (const unsigned char *) verifier, strlen(verifier));
	if (pkce == PKCE_S256_HEX)
		sodium_bin2hex(challenge, 2 * sizeof(hash) + 1, hash, sizeof(hash));
	else
		sodium_bin2base64(challenge, 2 * sizeof(hash) + 1, hash, sizeof(hash),
						  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return challenge;
}

static char *
joined(List *scopes, const char *separator)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, scopes)
		appendStringInfo(&text, "%s%s", text.len > 0 ? separator : "", (char *) lfirst(cell));
	return text.data;
}

char *
oauth_authorize_url(const OAuthClient *client, const char *redirect_uri, List *scopes, const char *state,
					const char *verifier)
{
	const OAuthDef *def = client->def;
	const char *config = client->extra != NULL ? json_id(client->extra, "config_id") : NULL;
	StringInfoData url;

	initStringInfo(&url);
	appendStringInfo(&url, "%s?", def->authorize_url);
	url_pair(&url, def->client_id_name != NULL ? def->client_id_name : "client_id", client->id);
	url_pair(&url, "redirect_uri", redirect_uri);
	url_pair(&url, "response_type", "code");
	/* Facebook Login for Business names a configuration in place of scopes. */
	if (config != NULL && def->by_pages)
		url_pair(&url, "config_id", config);
	else if (scopes != NIL)
		url_pair(&url, def->scope_name != NULL ? def->scope_name : "scope",
				 joined(scopes, def->scope_separator != NULL ? def->scope_separator : " "));
	url_pair(&url, "state", state);
	if (def->pkce != PKCE_NONE)
	{
		url_pair(&url, "code_challenge", challenge_of(def->pkce, verifier));
		url_pair(&url, "code_challenge_method", "S256");
	}
	if (def->authorize_extra != NULL)
		appendStringInfo(&url, "&%s", def->authorize_extra);
	return url.data;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
oauth_clean_code(char *code)
{
	size_t length = strlen(code), n = 0;

	if (length >= 2 && strcmp(code + length - 2, "#_") == 0)
		code[length -= 2] = '\0';
	for (size_t i = 0; i < length; i++)
	{
		int high = code[i] == '%' && i + 2 < length ? hex_digit(code[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(code[i + 2]) : -1;

		if (low >= 0)
		{
			code[n++] = (char) (high << 4 | low);
			i += 2;
		}
		else
			code[n++] = code[i];
	}
	explicit_bzero(code + n, length - n);
	for (size_t i = 0; i < n; i++)
	{
		if ((unsigned char) code[i] <= ' ' || (unsigned char) code[i] >= 0x7F)
			return false;
	}
	return n > 0 && n <= 4096;
}
