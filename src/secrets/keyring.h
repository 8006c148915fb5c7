/*
 * keyring.h
 *    The keys of this process: read from the keyring file when first needed, and again when the file changes. They lie in
 *    locked memory of libsodium, in no memory context and in no log.
 *
 * The file is named by dreamsuite.keyring_file. Where that is empty it is the data directory's path with ".keyring"
 * added: beside the data directory, never in it (/var/lib/postgresql/15/main.keyring on Debian,
 *    whose parent belongs to the server's user). One file serves all databases of a server. Name another place where only the
 *    data directory is a volume that outlives the machine, and copy the file to a standby, to the server that a dump or
 *    a base backup is restored on, and along with an upgrade to another major version: its path changes there.
 */
#ifndef DREAMSUITE_KEYRING_H
#define DREAMSUITE_KEYRING_H

#include "postgres.h"

#include "secrets/keyfile.h"

/* Path of the keyring file; valid until the next call. */
extern const char *keyring_path(void);

/* Reads the file where it was not read or has changed. On trouble no key is left; keyring_report() puts it into words. */
extern KeyfileResult keyring_load(void);

/* Raises the trouble as an error that names the file (ERRCODE_CONFIG_FILE_ERROR). */
pg_noreturn extern void keyring_report(KeyfileResult result);

/* The same in one sentence, palloc'd. */
extern char *keyring_describe(KeyfileResult result);

/* What was loaded; valid until the next keyring_load(). NULL before the first. */
extern const Keyfile *keyring_keys(void);

/* The key of that id, or NULL when it is not in the file. Raises what is wrong with the file, if it exists. */
extern const KeyfileKey *keyring_find(int32 id);

/* Makes the file with one key, unless another process was faster; adds a key. Both raise what is wrong. */
extern void keyring_create(void);
extern void keyring_add(void);

#endif
