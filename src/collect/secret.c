/*
 * secret.c
 *    Secrets of a job: the sealed columns, opened into memory that is wiped.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "collect/secret.h"
#include "secrets/seal.h"

static void
hide(void *arg)
{
	errhidestmt(true);
}

void
secret_hide_statement(ErrorContextCallback *callback)
{
	callback->callback = hide;
	callback->arg = NULL;
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

void
secret_show_statement(ErrorContextCallback *callback)
{
	error_context_stack = callback->previous;
}

MemoryContext
secret_context_create(MemoryContext parent)
{
	return AllocSetContextCreate(parent, "dreamsuite secrets", ALLOCSET_SMALL_SIZES);
}

void
secret_context_wipe(MemoryContext context)
{
	/* What unseal() and seal_alloc() gave is overwritten by callbacks of the context. */
	MemoryContextReset(context);
}

char *
secret_copy(MemoryContext context, const char *value)
{
	MemoryContext old;
	size_t size;
	char *copy;

	if (value == NULL)
		return NULL;
	size = strlen(value) + 1;
	old = MemoryContextSwitchTo(context);
	copy = seal_alloc(size);
	MemoryContextSwitchTo(old);
	memcpy(copy, value, size);
	return copy;
}

static char *
open_into(MemoryContext context, const SealContext *place, const bytea *sealed)
{
	MemoryContext old;
	char *value;

	if (sealed == NULL)
		return NULL;
	old = MemoryContextSwitchTo(context);
	value = unseal(place, sealed, NULL);
	MemoryContextSwitchTo(old);
	return value;
}

static bytea *
seal_value(const SealContext *place, const char *value, int *key_id)
{
	int32 key = 0;
	bytea *sealed;

	if (value == NULL)
		return NULL;
	sealed = seal_text(place, value, strlen(value), &key);
	if (key_id != NULL)
		*key_id = key;
	return sealed;
}

char *
secret_open_account(MemoryContext context, const pg_uuid_t *user_id, const char *platform, const char *field,
					const bytea *sealed)
{
	SealContext place = seal_for_account(user_id, platform, field);

	return open_into(context, &place, sealed);
}

char *
secret_open_app(MemoryContext context, const char *platform, const char *field, const bytea *sealed)
{
	SealContext place = seal_for_app(platform, field);

	return open_into(context, &place, sealed);
}

char *
secret_open_state(MemoryContext context, const bytea *state_hash, const char *platform, const char *field,
				  const bytea *sealed)
{
	SealContext place;

	if (sealed == NULL)
		return NULL;
	place = seal_for_state(state_hash, platform, field);
	return open_into(context, &place, sealed);
}

bytea *
secret_seal_account(const pg_uuid_t *user_id, const char *platform, const char *field, const char *value,
					int *key_id)
{
	SealContext place = seal_for_account(user_id, platform, field);

	return seal_value(&place, value, key_id);
}

bytea *
secret_seal_app(const char *platform, const char *field, const char *value, int *key_id)
{
	SealContext place = seal_for_app(platform, field);

	return seal_value(&place, value, key_id);
}

bytea *
secret_seal_state(const bytea *state_hash, const char *platform, const char *field, const char *value,
				  int *key_id)
{
	SealContext place = seal_for_state(state_hash, platform, field);

	return seal_value(&place, value, key_id);
}
