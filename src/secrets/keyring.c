/*
 * keyring.c
 *    The keys of this process.
 */
#include "postgres.h"

#include <sodium.h>

#include "dreamsuite.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "config.h"
#include "secrets/keyring.h"

/* Somebody else changes the file: that takes milliseconds. */
#define TRIES_WHILE_BUSY    200
#define PAUSE_WHILE_BUSY_MS 50

/* sodium_malloc: between guard pages, locked where the limits allow it, left out of core dumps. */
static Keyfile *keys = NULL;
static Keyfile *scratch = NULL;

static bool loaded = false;
static KeyfileStamp loaded_stamp;
static char loaded_path[MAXPGPATH];
static TimestampTz looked_in = 0; /* the beginning of the transaction that last looked at the file */

static void
prepare(void)
{
	if (keys != NULL)
		return;
	if (sodium_init() < 0)
		ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR), errmsg("could not start libsodium")));
	if (scratch == NULL)
		scratch = sodium_malloc(sizeof(Keyfile));
	if (scratch != NULL)
		keys = sodium_malloc(sizeof(Keyfile));
	if (keys == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("No protected memory for the keys.")));
	sodium_memzero(keys, sizeof(Keyfile));
	sodium_memzero(scratch, sizeof(Keyfile));
}

const char *
keyring_path(void)
{
	static char path[MAXPGPATH];

	if (config_keyring_file != NULL && config_keyring_file[0] != '\0')
		strlcpy(path, config_keyring_file, sizeof(path));
	else
		snprintf(path, sizeof(path), "%s.keyring", DataDir);
	return path;
}

const Keyfile *
keyring_keys(void)
{
	return keys;
}

KeyfileResult
keyring_load(void)
{
	const char *path = keyring_path();
	KeyfileStamp stamp;
	KeyfileResult result;

	prepare();
	result = keyfile_stamp(path, &stamp);
	if (result.trouble == KEYFILE_OK && loaded && strcmp(path, loaded_path) == 0 &&
		memcmp(&stamp, &loaded_stamp, sizeof(stamp)) == 0)
		return result;

	loaded = false;
	if (result.trouble == KEYFILE_OK)
		result = keyfile_read(keys, path, DataDir, &loaded_stamp);
	else
		sodium_memzero(keys, sizeof(Keyfile));
	if (result.trouble == KEYFILE_OK)
	{
		loaded = true;
		strlcpy(loaded_path, path, sizeof(loaded_path));
	}
	return result;
}

/* A transaction that opens a thousand tokens looks at the file once. */
static bool
is_fresh(void)
{
	return loaded && IsTransactionState() && looked_in == GetCurrentTransactionStartTimestamp() &&
		   strcmp(keyring_path(), loaded_path) == 0;
}

static const char *
trouble_detail(KeyfileResult result)
{
	switch (result.trouble)
	{
		case KEYFILE_MISSING:
			return "The file does not exist.";
		case KEYFILE_SYSTEM:
			return psprintf("The system said: %s.", strerror(result.error));
		case KEYFILE_NOT_A_FILE:
			return "It is not a regular file.";
		case KEYFILE_WRONG_OWNER:
			return "It belongs to another user than the server runs as.";
		case KEYFILE_OPEN_TO_OTHERS:
			return "Group or others have a right to it.";
		case KEYFILE_INSIDE:
			return "It is inside the data directory, beside what its keys protect.";
		case KEYFILE_TOO_LARGE:
			return psprintf("It has more than %d bytes.", KEYFILE_MOST_BYTES);
		case KEYFILE_NO_HEADER:
			return "Its first line is not \"dreamsuite-keyring 1\".";
		case KEYFILE_BAD_LINE:
			return psprintf("Line %d is not \"id created key\".", result.line);
		case KEYFILE_TWICE:
			return psprintf("Line %d has the id of an earlier line.", result.line);
		case KEYFILE_FULL:
			return psprintf("It cannot have more than %d keys.", KEYFILE_MOST_KEYS);
		case KEYFILE_EMPTY:
			return "There is no key in it.";
		case KEYFILE_BUSY:
			return "Another process keeps changing it.";
		case KEYFILE_OK:
			break;
	}
	return "Nothing is wrong.";
}

static const char *
trouble_hint(KeyfileResult result)
{
	switch (result.trouble)
	{
		case KEYFILE_MISSING:
			return "Put the file back from its backup, or let dreamsuite.keyring_file name where it is.";
		case KEYFILE_SYSTEM:
			return "Let dreamsuite.keyring_file name a file in a directory in which the server's user may "
				   "write.";
		case KEYFILE_WRONG_OWNER:
		case KEYFILE_OPEN_TO_OTHERS:
			return "Its owner must be the server's user, its mode 0600.";
		case KEYFILE_INSIDE:
			return "Let dreamsuite.keyring_file name a file elsewhere; a base backup must not contain it.";
		case KEYFILE_FULL:
			return "Remove lines of old keys with which nothing is sealed; see dreamsuite.key_status().";
		case KEYFILE_BUSY:
			return "Try again.";
		default:
			return "Put the file back from its backup.";
	}
}

void
keyring_report(KeyfileResult result)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("could not use keyring file \"%s\"", keyring_path()),
			 errdetail_internal("%s", trouble_detail(result)), errhint("%s", trouble_hint(result))));
}

char *
keyring_describe(KeyfileResult result)
{
	return psprintf("%s %s", trouble_detail(result), trouble_hint(result));
}

const KeyfileKey *
keyring_find(int32 id)
{
	const KeyfileKey *key = is_fresh() ? keyfile_find(keys, id) : NULL;
	KeyfileResult result;

	if (key != NULL)
		return key;
	result = keyring_load();
	if (result.trouble == KEYFILE_MISSING)
		return NULL;
	if (result.trouble != KEYFILE_OK)
		keyring_report(result);
	looked_in = IsTransactionState() ? GetCurrentTransactionStartTimestamp() : 0;
	return keyfile_find(keys, id);
}

void
keyring_create(void)
{
	KeyfileResult result;

	prepare();
	result = keyfile_create(scratch, keyring_path(), DataDir);
	if (result.trouble != KEYFILE_OK)
		keyring_report(result);
	ereport(LOG, (errmsg("keyring file \"%s\" is in use", keyring_path()),
				  errhint("Back it up, apart from the database: without it no sealed token can be opened.")));
}

void
keyring_add(void)
{
	KeyfileResult result;

	prepare();
	for (int i = 0; i < TRIES_WHILE_BUSY; i++)
	{
		result = keyfile_add(scratch, keyring_path(), DataDir);
		if (result.trouble != KEYFILE_BUSY)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, PAUSE_WHILE_BUSY_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	if (result.trouble != KEYFILE_OK)
		keyring_report(result);
}
