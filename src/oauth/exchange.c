/*
 * exchange.c
 *    Token requests: a code for tokens, a renewal, a token of the app itself, a revocation.
 *
 * Sources: RFC 6749 sections 4.1.3, 4.4.2 and 6, RFC 7009, and for Meta's exchanges of tokens
 * https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived and
 * https://developers.facebook.com/docs/instagram-platform/reference/refresh_access_token
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <sodium.h>

#include "config.h"
#include "oauth/form.h"
#include "oauth/oauth.h"
#include "secrets/seal.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

static const char *
id_name(const OAuthDef *def)
{
	return def->client_id_name != NULL ? def->client_id_name : "client_id";
}

static const char *
secret_name(const OAuthDef *def)
{
	return def->client_secret_name != NULL ? def->client_secret_name : "client_secret";
}

/* Authorization: Basic base64(id:secret), RFC 7617. */
static char *
basic_header(const OAuthClient *client)
{
	static const char start[] = "Authorization: Basic ";
	size_t plain_length = strlen(client->id) + 1 + strlen(client->secret);
	size_t room = sodium_base64_ENCODED_LEN(plain_length, sodium_base64_VARIANT_ORIGINAL);
	char *plain = seal_alloc(plain_length + 1);
	char *line = seal_alloc(sizeof(start) + room);

	snprintf(plain, plain_length + 1, "%s:%s", client->id, client->secret);
	memcpy(line, start, sizeof(start));
	sodium_bin2base64(line + strlen(start), room, (unsigned char *) plain, plain_length,
					  sodium_base64_VARIANT_ORIGINAL);
	return line;
}

/* A request to the token endpoint, or to another address of the auth server, with the client's credentials. */
static HttpRequest
request_to(const char *url, const OAuthClient *client, Form *form)
{
	const OAuthDef *def = client->def;
	HttpRequest request = {.method = HTTP_POST, .timeout_ms = config_request_timeout};

	request.headers = list_make1((char *) "Accept: application/json");
	if (def->basic_auth && client->secret != NULL)
		request.headers = lappend(request.headers, basic_header(client));
	else
	{
		form_add(form, id_name(def), client->id);
		form_add(form, secret_name(def), client->secret);
	}
	if (def->token_by_get)
	{
		request.method = HTTP_GET;
		request.url = form_url(url, form);
		return request;
	}
	request.url = url;
	request.body = form_text("", form);
	request.body_length = strlen(request.body);
	request.content_type = FORM_TYPE;
	return request;
}

HttpRequest
oauth_exchange(const OAuthClient *client, const char *code, const char *redirect_uri, const char *verifier)
{
	Form form = {0};

	/* Deezer knows neither grant_type nor redirect_uri here, Facebook no grant_type; both pass over what they do not know. */
	if (!client->def->token_by_get)
		form_add(&form, "grant_type", "authorization_code");
	form_add(&form, "code", code);
	form_add(&form, "redirect_uri", redirect_uri);
	form_add(&form, "code_verifier", verifier);
	return request_to(client->def->token_url, client, &form);
}

HttpRequest
oauth_renew(const OAuthClient *client, const char *token, bool short_lived)
{
	Form form = {0};

	switch (client->def->renewal)
	{
		case RENEW_FACEBOOK:
			form_add(&form, "grant_type", "fb_exchange_token");
			form_add(&form, "fb_exchange_token", token);
			break;
		case RENEW_INSTAGRAM:
		{
			HttpRequest request = {.method = HTTP_GET, .timeout_ms = config_request_timeout};

			form_add(&form, "grant_type", short_lived ? "ig_exchange_token" : "ig_refresh_token");
			if (short_lived)
				form_add(&form, "client_secret", client->secret);
			form_add(&form, "access_token", token);
			request.url = form_url(short_lived ? "https://graph.instagram.com/access_token"
											   : "https://graph.instagram.com/refresh_access_token",
								   &form);
			return request;
		}
		default:
			form_add(&form, "grant_type", "refresh_token");
			form_add(&form, "refresh_token", token);
			break;
	}
	return request_to(client->def->token_url, client, &form);
}

HttpRequest
oauth_client_credentials(const OAuthClient *client)
{
	Form form = {0};

	form_add(&form, "grant_type", "client_credentials");
	return request_to(client->def->token_url, client, &form);
}

HttpRequest
oauth_revoke(const OAuthClient *client, const char *token)
{
	Form form = {0};

	if (client->def->revoke_json)
	{
		HttpRequest request = {.method = HTTP_POST,
							   .url = client->def->revoke_url,
							   .content_type = "application/json",
							   .timeout_ms = config_request_timeout};

		request.body = form_json("access_token", token);
		request.body_length = strlen(request.body);
		return request;
	}
	form_add(&form, "token", token);
	return request_to(client->def->revoke_url, client, &form);
}
