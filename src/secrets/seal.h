/*
 * seal.h
 *    Seals secrets before they touch a row, and opens them for those who use them. No SQL function returns what is opened.
 */
#ifndef DREAMSUITE_SEAL_H
#define DREAMSUITE_SEAL_H

#include "postgres.h"

#include "utils/uuid.h"

#include "secrets/envelope.h"

/* Longest secret. */
#define SEAL_MOST_BYTES 65536

/* Where a secret belongs. What is pointed at is not copied. */
static inline SealContext
seal_for_account(const pg_uuid_t *user_id, const char *platform, const char *field)
{
	return (SealContext){SEAL_ACCOUNT, user_id->data, UUID_LEN, platform, field};
}

static inline SealContext
seal_for_app(const char *platform, const char *field)
{
	return (SealContext){SEAL_APP, NULL, 0, platform, field};
}

static inline SealContext
seal_for_state(const bytea *state_hash, const char *platform, const char *field)
{
	return (SealContext){SEAL_STATE, VARDATA_ANY(state_hash), VARSIZE_ANY_EXHDR(state_hash), platform, field};
}

/*
 * seal_text
 *    Seals a secret with the newest key; makes the keyring file where there is none and nothing was sealed before.
 *
 * secret     any bytes, at most SEAL_MOST_BYTES; stays the caller's to wipe
 * key_id     gets the id of the key (may be NULL)
 *
 * Returns a palloc'd bytea. Runs SQL, in the caller's transaction: the first time that a key seals, its check value is
 * kept in key_checks. Errors: ERRCODE_CONFIG_FILE_ERROR for the keyring file and for a key that is not the one of its id.
 */
extern bytea *seal_text(const SealContext *context, const char *secret, Size length, int32 *key_id);

/*
 * unseal
 *    Opens a sealed value; a NUL follows the last byte. `length` may be NULL.
 *
 * sealed     detoasted (PG_DETOAST_DATUM_PACKED)
 *
 * The result lies in CurrentMemoryContext and is wiped when that is reset or deleted, also by an error. Neither pfree nor
 * repalloc it. Works inside a transaction and, unlike seal_text(), outside.
 * Errors, none of which has a byte of the value in it: ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE when its key is not loaded
 * (names key and file), ERRCODE_DATA_CORRUPTED when it is no envelope, or was changed, or was moved here from
 * another account or field, ERRCODE_CONFIG_FILE_ERROR for the keyring file.
 */
extern char *unseal(const SealContext *context, const bytea *sealed, Size *length);

/* What became of a value that unseal_quietly() was to open. */
typedef enum UnsealOutcome
{
	UNSEAL_OK = 0,
	UNSEAL_NO_KEY,  /* its key is not in the keyring file */
	UNSEAL_DAMAGED, /* no envelope, or of a version we do not know */
	UNSEAL_REFUSED  /* changed, or sealed for another place or with another key */
} UnsealOutcome;

/* As unseal(), for callers who go on without the value: raises only what is wrong with the keyring file. */
extern UnsealOutcome
unseal_quietly(const SealContext *context, const bytea *sealed, char **secret, Size *length);

/*
 * seal_alloc
 *    Zeroed memory in CurrentMemoryContext for what is made of a secret (a header, a form body): wiped when that context is
 *    reset or deleted. Neither pfree nor repalloc it.
 */
extern char *seal_alloc(Size size);

/* The latest key that sealed something in this database, 0 for none. Runs SQL. */
extern int32 seal_any_key_used(void);

/* Makes the keyring file where there is none; an error where values wait for a file that is gone. Runs SQL. */
extern void seal_prepare_keyring(void);

#endif
