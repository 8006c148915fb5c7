/*
 * seal_probe.c
 *    For tests: calls the sealing of src/secrets from SQL. The extension itself has no function that opens a value, and this
 *    one does not give it out either: it compares.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "config.h"
#include "secrets/seal.h"

extern DREAMSUITE_EXPORT const Pg_magic_struct *Pg_magic_func(void);

PG_MODULE_MAGIC;

DREAMSUITE_FUNCTION(probe_seal);
DREAMSUITE_FUNCTION(probe_opens);
DREAMSUITE_FUNCTION(probe_wipes);

/* The library of the extension hides its own; this one follows the same setting. */
char *config_keyring_file;

static SealContext
context_of(FunctionCallInfo fcinfo)
{
	char *platform = text_to_cstring(PG_GETARG_TEXT_PP(2));
	char *field = text_to_cstring(PG_GETARG_TEXT_PP(3));
	bytea *subject = PG_GETARG_BYTEA_PP(1);

	config_keyring_file = pstrdup(GetConfigOption("dreamsuite.keyring_file", false, false));
	switch (PG_GETARG_CHAR(0))
	{
		case SEAL_ACCOUNT:
			if (VARSIZE_ANY_EXHDR(subject) != UUID_LEN)
				elog(ERROR, "a user has 16 bytes");
			return seal_for_account((const pg_uuid_t *) VARDATA_ANY(subject), platform, field);
		case SEAL_STATE:
			return seal_for_state(subject, platform, field);
		default:
			return seal_for_app(platform, field);
	}
}

/* probe_seal("char" kind, bytea subject, text platform, text field, text secret) -> bytea */
Datum
probe_seal(PG_FUNCTION_ARGS)
{
	SealContext context = context_of(fcinfo);
	text *secret = PG_GETARG_TEXT_PP(4);

	PG_RETURN_BYTEA_P(seal_text(&context, VARDATA_ANY(secret), VARSIZE_ANY_EXHDR(secret), NULL));
}

/* probe_opens("char" kind, bytea subject, text platform, text field, bytea sealed, text expected) -> boolean */
Datum
probe_opens(PG_FUNCTION_ARGS)
{
	SealContext context = context_of(fcinfo);
	text *expected = PG_GETARG_TEXT_PP(5);
	Size length;
	char *secret = unseal(&context, PG_GETARG_BYTEA_PP(4), &length);

	PG_RETURN_BOOL(length == VARSIZE_ANY_EXHDR(expected) && secret[length] == '\0' &&
				   memcmp(secret, VARDATA_ANY(expected), length) == 0);
}

/*
 * probe_wipes("char" kind, bytea subject, text platform, text field, bytea sealed) -> boolean
 * Whether an opened value is gone from its memory when its context is reset. The keeper block of a context stays
 * allocated across a reset, so that the place can still be looked at.
 */
Datum
probe_wipes(PG_FUNCTION_ARGS)
{
	SealContext context = context_of(fcinfo);
	bytea *sealed = PG_GETARG_BYTEA_PP(4);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "probe", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Size length;
	volatile char *secret = unseal(&context, sealed, &length);
	bool was_there = secret[0] != '\0';
	bool gone = true;

	MemoryContextSwitchTo(old);
	MemoryContextReset(memory);
	for (Size i = 0; i < length; i++)
		gone = gone && (secret[i] == '\0' || secret[i] == 0x7f);
	MemoryContextDelete(memory);
	PG_RETURN_BOOL(was_there && gone);
}
