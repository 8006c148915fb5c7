/*
 * oauth.h
 *    OAuth as the platforms speak it: addresses and requests are built, answers are read. Nothing here sends, runs SQL
 *    or reads a clock; whoever calls does (collect/connect.c for people, collect/authorise.c for the collector).
 *
 * What is built of secrets lies in CurrentMemoryContext and is wiped when that is reset: call with a context of
 * secret_context_create().
 */
#ifndef DREAMSUITE_OAUTH_H
#define DREAMSUITE_OAUTH_H

#include "postgres.h"

#include "dreamsuite.h"

#include "http/engine.h"
#include "platform/platform.h"

/* The operator's app at a platform. */
typedef struct OAuthClient
{
	const OAuthDef *def;
	const char *id;
	const char *secret; /* NULL: none */
	const JsonbContainer *extra;
} OAuthClient;

/* The habits that count for an account with these settings; NULL where the platform has no OAuth. */
extern const OAuthDef *oauth_habits(const Platform *platform, const JsonbContainer *settings);

/* The scopes asked for by default, ends with NULL. */
extern const char *const *oauth_default_scopes(const Platform *platform, const OAuthDef *def);

/* ---- The consent page ---- */

#define OAUTH_STATE_BYTES 43 /* base64url of 32 random bytes */
#define OAUTH_HASH_BYTES  32

/* A new state, and a new PKCE verifier; each OAUTH_STATE_BYTES and a NUL. The verifier is to be wiped. */
extern void oauth_random(char *text);

/* SHA-256 of a state: what is stored of it. */
extern void oauth_state_hash(unsigned char *hash, const char *state);

/*
 * The address of the consent page. verifier may be NULL where def->pkce is PKCE_NONE. palloc'd; it holds the state and
 * the challenge, neither of which is of use to anyone but the artist.
 */
extern char *oauth_authorize_url(const OAuthClient *client, const char *redirect_uri, List *scopes,
								 const char *state, const char *verifier);

/*
 * The code as a callback hands it over, in place: decoded once where it is percent-encoded (TikTok), without the "#_"
 * that Meta appends. False where it cannot be a code.
 */
extern bool oauth_clean_code(char *code);

/* ---- Requests ---- */

/*
 * Tokens for a code. This and what follows gives a request whose parts are palloc'd and hold secrets: send it at once and
 * delete the context. `redirect_uri` is that of authorize_url(); `verifier` is NULL without PKCE.
 */
extern HttpRequest
oauth_exchange(const OAuthClient *client, const char *code, const char *redirect_uri, const char *verifier);

/*
 * Renews by the refresh token, or (RENEW_FACEBOOK, RENEW_INSTAGRAM) by the token itself; short_lived: it came straight
 * from a code.
 */
extern HttpRequest oauth_renew(const OAuthClient *client, const char *token, bool short_lived);

/* A token of the app itself. */
extern HttpRequest oauth_client_credentials(const OAuthClient *client);

/* Ends a consent. */
extern HttpRequest oauth_revoke(const OAuthClient *client, const char *token);

/* The Pages of the person who consented; `after` is a cursor or NULL. And the permissions given. */
extern HttpRequest oauth_pages(const OAuthClient *client, const char *token, const char *after);
extern HttpRequest oauth_permissions(const OAuthClient *client, const char *token);

/* ---- Answers ---- */

/* What was asked. */
typedef enum TokenPurpose
{
	TOKENS_FOR_CODE,
	TOKENS_RENEWED,
	TOKENS_OF_APP
} TokenPurpose;

typedef struct TokenAnswer
{
	ErrorClass error;
	bool app_is_refused; /* ERROR_OPERATOR whoever's token it was: the platform does not take id and secret */
	const char *message; /* in the platform's words; the caller takes secrets out */
	TimestampTz wait_until; /* 0: none named */
	char *access_token;     /* ERROR_NONE: never NULL */
	char *refresh_token;    /* NULL: none came, the old one stays */
	int64 lifetime;         /* seconds; 0: does not expire */
	int64 refresh_lifetime; /* the same; 0: not told */
	List *scopes;           /* char * */
	bool scopes_told;       /* else they are those that were asked for */
	const char *account_id; /* NULL: not named */
} TokenAnswer;

/*
 * Reads what a token endpoint says. Secrets lie in CurrentMemoryContext, wiped with it; they are taken out of the body
 * before that is parsed. ERROR_AUTH_REVOKED: code or consent is of no use any more. ERROR_OPERATOR: the app is refused.
 */
extern TokenAnswer oauth_read_tokens(const OAuthDef *def, TokenPurpose purpose, const Answer *answer);

/* A Page, or the professional account that is linked to it. */
typedef struct PageFound
{
	const char *id;
	const char *name;
	char *access_token; /* of the Page; NULL where it did not come */
} PageFound;

/*
 * Reads a page of oauth_pages(): PageFound * are added to *found; *after is the cursor of the next page, NULL at the
 * end. accounts: the linked professional accounts (Instagram) rather than the Pages. ERROR_NONE or what went wrong.
 */
extern Verdict oauth_read_pages(const Answer *answer, bool accounts, List **found, char **after);

/* The permissions granted: char *. Returns false where the answer does not tell. */
extern bool oauth_read_permissions(const Answer *answer, List **scopes);

/*
 * Picks the Page: the one of that id, or the only one where the id is NULL. NULL, and *reason (a text for people that
 * lists what there is), where there is none or more than one.
 */
extern const PageFound *oauth_pick_page(List *found, const char *id, bool accounts, char **reason);

/* ---- Proofs ---- */

/* Meta's appsecret_proof: hex of HMAC-SHA256 of the token under the secret. Wiped as above. */
extern char *oauth_proof(const char *secret, const char *token);

#define APPLE_TOKEN_SECONDS (12 * 3600)

/*
 * Apple's developer token, a JWT signed ES256 by the key of the .p8 file, valid from `now` (seconds since 1970) for
 * APPLE_TOKEN_SECONDS. NULL, and *reason (static), where the key cannot sign. Wiped as above.
 */
extern char *
oauth_apple_token(const char *key, const char *team_id, const char *key_id, int64 now, const char **reason);

#endif
