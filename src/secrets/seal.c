/*
 * seal.c
 *    Seals secrets and opens them.
 *
 * The lost keyring is what costs users of such extensions most: a service restarts without its key file, makes a new one,
 * and all that it reads is "invalid". Here a file is only made where this database has sealed nothing yet, the error
 * names the key and the file, and a key under a false id is known by its check value before it seals anything.
 */
#include "postgres.h"

#include <sodium.h>

#include "dreamsuite.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "secrets/keyring.h"
#include "secrets/seal.h"
#include "series/query.h"

/* Memory that is overwritten before it is given back. */
typedef struct WipedChunk
{
	MemoryContextCallback callback;
	Size size;
	char data[FLEXIBLE_ARRAY_MEMBER];
} WipedChunk;

static void
wipe_chunk(void *arg)
{
	WipedChunk *chunk = arg;

	sodium_memzero(chunk->data, chunk->size);
}

char *
seal_alloc(Size size)
{
	WipedChunk *chunk = palloc0(offsetof(WipedChunk, data) + size);

	chunk->size = size;
	chunk->callback.func = wipe_chunk;
	chunk->callback.arg = chunk;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &chunk->callback);
	return chunk->data;
}

/* The key that a sealed value names; 0 when it is no envelope. */
static int32
seal_key_id(const bytea *sealed)
{
	return envelope_key_id((const unsigned char *) VARDATA_ANY(sealed), VARSIZE_ANY_EXHDR(sealed));
}

/* The check value that this database keeps for the key: 1 the same, 0 another, -1 none. Within query_begin(). */
static int
compare_check_value(int32 key_id, const unsigned char *check)
{
	static SPIPlanPtr plan = NULL;
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(key_id)};
	int same = -1;

	/* Not read-only: sees what this statement, or another transaction that we waited for, has just inserted. */
	query_run(query_plan(&plan, "SELECT check_value FROM dreamsuite.key_checks WHERE key_id = $1", 1, types),
			  values, false, SPI_OK_SELECT);
	if (SPI_processed > 0)
	{
		bool isnull;
		Datum datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		bytea *kept = isnull ? NULL : DatumGetByteaPP(datum);

		same = kept != NULL && VARSIZE_ANY_EXHDR(kept) == ENVELOPE_CHECK_BYTES &&
			   memcmp(VARDATA_ANY(kept), check, ENVELOPE_CHECK_BYTES) == 0;
	}
	SPI_freetuptable(SPI_tuptable);
	return same;
}

/* Whether the loaded key is the one that sealed under its id in this database; unknown is true. Runs SQL. */
static bool
seal_key_is_right(int32 key_id, const unsigned char *key)
{
	unsigned char check[ENVELOPE_CHECK_BYTES];
	int nest = query_begin();
	int same;

	envelope_check_value(check, key_id, key);
	same = compare_check_value(key_id, check);
	query_end(nest);
	return same != 0;
}

static void
report_wrong_key(int32 key_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("key %d of the keyring is another key", key_id),
			 errdetail(
				 "Keyring file \"%s\" has a key %d that is not the one that sealed values in this database.",
				 keyring_path(), key_id),
			 errhint("Put the line of the right key %d back from a backup of the file.", key_id)));
}

/* Keeps the check value of a key that is about to seal, and refuses one that is not what its id says. */
static void
keep_check_value(const KeyfileKey *key)
{
	static SPIPlanPtr plan = NULL;
	Oid types[] = {INT4OID, BYTEAOID};
	unsigned char check[ENVELOPE_CHECK_BYTES];
	int nest = query_begin();
	int same;

	envelope_check_value(check, key->id, key->bytes);
	same = compare_check_value(key->id, check);
	if (same < 0)
	{
		bytea *value = palloc(VARHDRSZ + sizeof(check));
		Datum values[] = {Int32GetDatum(key->id), PointerGetDatum(value)};

		SET_VARSIZE(value, VARHDRSZ + sizeof(check));
		memcpy(VARDATA(value), check, sizeof(check));
		query_run(query_plan(&plan,
							 "INSERT INTO dreamsuite.key_checks (key_id, check_value) VALUES ($1, $2)"
							 " ON CONFLICT DO NOTHING",
							 2, types),
				  values, false, SPI_OK_INSERT);
		same = compare_check_value(key->id, check);
	}
	query_end(nest);
	if (same == 0)
		report_wrong_key(key->id);
}

int32
seal_any_key_used(void)
{
	static SPIPlanPtr plan = NULL;
	int nest = query_begin();
	int32 key_id = 0;

	query_run(query_plan(&plan,
						 "SELECT key_id FROM dreamsuite.key_checks ORDER BY created_at DESC, key_id LIMIT 1",
						 0, NULL),
			  NULL, false, SPI_OK_SELECT);
	if (SPI_processed > 0)
	{
		bool isnull;

		key_id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	query_end(nest);
	return key_id;
}

static void
report_no_key(int32 key_id)
{
	bool missing = keyring_load().trouble == KEYFILE_MISSING;

	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("key %d is not loaded", key_id),
		 missing ? errdetail("Keyring file \"%s\" does not exist.", keyring_path())
				 : errdetail("It is not in keyring file \"%s\".", keyring_path()),
		 errhint("Put it back from a backup of the file, or let dreamsuite.keyring_file name where it is. "
				 "If it is lost, DELETE FROM dreamsuite.key_checks WHERE key_id = %d, and let the "
				 "accounts be authorised again.",
				 key_id)));
}

void
seal_prepare_keyring(void)
{
	KeyfileResult result = keyring_load();
	int32 used;

	if (result.trouble == KEYFILE_MISSING)
	{
		used = seal_any_key_used();
		if (used == 0)
			keyring_create();
		/* Where a key was used, another backend may have made the file since we looked. */
		result = keyring_load();
		if (used != 0 && result.trouble == KEYFILE_MISSING)
			report_no_key(used);
	}
	if (result.trouble != KEYFILE_OK)
		keyring_report(result);
}

bytea *
seal_text(const SealContext *context, const char *secret, Size length, int32 *key_id)
{
	const KeyfileKey *key;
	bytea *sealed;

	if (length > SEAL_MOST_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("secret \"%s\" is too long", context->field),
				 errdetail("It has %zu bytes; %d is the most.", length, SEAL_MOST_BYTES),
				 errhint("Pass it as the platform gave it.")));
	seal_prepare_keyring();
	key = &keyring_keys()->keys[keyring_keys()->newest];
	keep_check_value(key);

	sealed = palloc(VARHDRSZ + length + ENVELOPE_OVERHEAD);
	SET_VARSIZE(sealed, VARHDRSZ + length + ENVELOPE_OVERHEAD);
	if (!envelope_seal((unsigned char *) VARDATA(sealed), key->id, key->bytes, context, secret, length))
		elog(ERROR, "cannot seal \"%s\" of platform \"%s\"", context->field, context->platform);
	if (key_id != NULL)
		*key_id = key->id;
	return sealed;
}

UnsealOutcome
unseal_quietly(const SealContext *context, const bytea *sealed, char **secret, Size *length)
{
	const unsigned char *envelope = (const unsigned char *) VARDATA_ANY(sealed);
	Size size = VARSIZE_ANY_EXHDR(sealed);
	int32 key_id = envelope_key_id(envelope, size);
	const KeyfileKey *key;

	*secret = NULL;
	if (key_id == 0)
		return UNSEAL_DAMAGED;
	key = keyring_find(key_id);
	if (key == NULL)
		return UNSEAL_NO_KEY;
	size -= ENVELOPE_OVERHEAD;
	*secret = seal_alloc(size + 1);
	if (!envelope_open(*secret, envelope, size + ENVELOPE_OVERHEAD, key->bytes, context))
	{
		*secret = NULL;
		return UNSEAL_REFUSED;
	}
	if (length != NULL)
		*length = size;
	return UNSEAL_OK;
}

char *
unseal(const SealContext *context, const bytea *sealed, Size *length)
{
	char *secret;
	int32 key_id = seal_key_id(sealed);

	switch (unseal_quietly(context, sealed, &secret, length))
	{
		case UNSEAL_OK:
			break;
		case UNSEAL_NO_KEY:
			report_no_key(key_id);
			break;
		case UNSEAL_DAMAGED:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("sealed \"%s\" of platform \"%s\" is damaged", context->field, context->platform),
					 errdetail("It is no envelope of version %d.", ENVELOPE_VERSION),
					 errhint("Restore the row from a backup, or let it be authorised or registered again.")));
			break;
		case UNSEAL_REFUSED:
			if (IsTransactionState() && !seal_key_is_right(key_id, keyring_find(key_id)->bytes))
				report_wrong_key(key_id);
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("sealed \"%s\" of platform \"%s\" failed authentication", context->field,
							context->platform),
					 errdetail(
						 "The value was changed, or was sealed for another account or field, or with another "
						 "key %d than that of keyring file \"%s\".",
						 key_id, keyring_path()),
					 errhint("Restore the row from a backup, or let it be authorised or registered again.")));
			break;
	}
	return secret;
}
