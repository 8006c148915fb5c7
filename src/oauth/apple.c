/*
 * apple.c
 *    Apple's developer token: a JWT that the app signs for itself, ES256 with the key of a .p8 file.
 *
 * libjwt is opened by hand. It stands on libjansson, whose json_object() bears the name of a function that the server
 * exports; linked in the ordinary way, libjwt would call the server's and crash it. Opened with RTLD_DEEPBIND it finds
 * its own first.
 *
 * https://developer.apple.com/documentation/applemusicapi/generating-developer-tokens
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <dlfcn.h>
#include <jwt.h>

#include "oauth/oauth.h"
#include "secrets/seal.h"

#define ROOM 2048 /* longer than the claims allow */

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0
#endif

static struct
{
	__typeof__(&jwt_new) create;
	__typeof__(&jwt_free) free;
	__typeof__(&jwt_add_header) add_header;
	__typeof__(&jwt_add_grant) add_grant;
	__typeof__(&jwt_add_grant_int) add_grant_int;
	__typeof__(&jwt_set_alg) set_alg;
	__typeof__(&jwt_encode_str) encode_str;
	void (*release)(void *); /* free() as the library knows it: a preloaded allocator does not reach it */
} lib;

/* Opens the library once; false where it is not there. */
static bool
open_library(void)
{
	static void *handle = NULL;

	if (handle == NULL)
		handle = dlopen(LIBJWT, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	if (handle == NULL)
		return false;
	lib.create = (__typeof__(lib.create)) dlsym(handle, "jwt_new");
	lib.free = (__typeof__(lib.free)) dlsym(handle, "jwt_free");
	lib.add_header = (__typeof__(lib.add_header)) dlsym(handle, "jwt_add_header");
	lib.add_grant = (__typeof__(lib.add_grant)) dlsym(handle, "jwt_add_grant");
	lib.add_grant_int = (__typeof__(lib.add_grant_int)) dlsym(handle, "jwt_add_grant_int");
	lib.set_alg = (__typeof__(lib.set_alg)) dlsym(handle, "jwt_set_alg");
	lib.encode_str = (__typeof__(lib.encode_str)) dlsym(handle, "jwt_encode_str");
	lib.release = (void (*)(void *)) dlsym(handle, "free");
	return lib.create != NULL && lib.free != NULL && lib.add_header != NULL && lib.add_grant != NULL &&
		   lib.add_grant_int != NULL && lib.set_alg != NULL && lib.encode_str != NULL && lib.release != NULL;
}

char *
oauth_apple_token(const char *key, const char *team_id, const char *key_id, int64 now, const char **reason)
{
	jwt_t *jwt = NULL;
	char *encoded = NULL, *token = seal_alloc(ROOM);

	/* From here on nothing raises. */
	if (!open_library())
		*reason = "the library " LIBJWT " cannot be opened";
	else if (lib.create(&jwt) != 0)
		*reason = "out of memory";
	else if (lib.add_header(jwt, "kid", key_id) != 0 || lib.add_grant(jwt, "iss", team_id) != 0 ||
			 lib.add_grant_int(jwt, "iat", (long) now) != 0 ||
			 lib.add_grant_int(jwt, "exp", (long) (now + APPLE_TOKEN_SECONDS)) != 0 ||
			 lib.set_alg(jwt, JWT_ALG_ES256, (const unsigned char *) key, (int) strlen(key)) != 0)
		*reason = "the claims of the token cannot be set";
	else if ((encoded = lib.encode_str(jwt)) == NULL)
		*reason = "the key is no private key of the curve P-256 in PEM";
	else if (strlcpy(token, encoded, ROOM) >= ROOM)
		*reason = "the token is too long";
	if (jwt != NULL)
		lib.free(jwt);
	if (encoded == NULL || token[0] == '\0' || strlen(encoded) >= ROOM)
		token = NULL;
	if (encoded != NULL)
	{
		explicit_bzero(encoded, strlen(encoded));
		lib.release(encoded);
	}
	return token;
}
