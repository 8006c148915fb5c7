/*
 * secret.c
 *    Secrets of a job.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "collect/secret.h"

MemoryContext
secret_context_create(MemoryContext parent)
{
	return AllocSetContextCreate(parent, "dreamsuite secrets", ALLOCSET_SMALL_SIZES);
}

void
secret_context_wipe(MemoryContext context)
{
	MemoryContextReset(context);
}

char *
secret_open_account(MemoryContext context, const pg_uuid_t *user_id, const char *platform, const char *field,
					const bytea *sealed)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	char *value = sealed != NULL ? pnstrdup(VARDATA_ANY(sealed), VARSIZE_ANY_EXHDR(sealed)) : NULL;

	MemoryContextSwitchTo(old);
	return value;
}

char *
secret_open_app(MemoryContext context, const char *platform, const char *field, const bytea *sealed)
{
	return secret_open_account(context, NULL, platform, field, sealed);
}

bytea *
secret_seal_account(const pg_uuid_t *user_id, const char *platform, const char *field, const char *value,
					int *key_id)
{
	return value != NULL ? (bytea *) cstring_to_text(value) : NULL;
}

bytea *
secret_seal_app(const char *platform, const char *field, const char *value, int *key_id)
{
	return secret_seal_account(NULL, platform, field, value, key_id);
}
