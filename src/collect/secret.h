/*
 * secret.h
 *    Sealed columns, by name: sealed where a value is stored, opened into memory that is wiped.
 */
#ifndef DREAMSUITE_SECRET_H
#define DREAMSUITE_SECRET_H

#include "postgres.h"

#include "utils/uuid.h"

/*
 * Errors that are raised until the callback is popped keep the statement out of the server's log, as it holds a secret.
 * `callback` is a variable of the caller, to be popped with secret_show_statement().
 */
extern void secret_hide_statement(ErrorContextCallback *callback);
extern void secret_show_statement(ErrorContextCallback *callback);

/* A memory context for opened secrets, child of `parent`. Deleting it wipes as well. */
extern MemoryContext secret_context_create(MemoryContext parent);

/* Overwrites and frees what it holds. */
extern void secret_context_wipe(MemoryContext context);

/* A copy in the context, wiped with it; NULL for NULL. */
extern char *secret_copy(MemoryContext context, const char *value);

/*
 * Opens a sealed value of an account, an app or a state into the context; NULL for NULL. Raises what unseal() raises.
 * Works inside and outside of a transaction.
 */
extern char *secret_open_account(MemoryContext context, const pg_uuid_t *user_id, const char *platform,
								 const char *field, const bytea *sealed);
extern char *
secret_open_app(MemoryContext context, const char *platform, const char *field, const bytea *sealed);
extern char *secret_open_state(MemoryContext context, const bytea *state_hash, const char *platform,
							   const char *field, const bytea *sealed);

/* Seals a value; NULL for NULL. *key_id (may be NULL) is the key that sealed it. palloc'd. Needs a transaction. */
extern bytea *secret_seal_account(const pg_uuid_t *user_id, const char *platform, const char *field,
								  const char *value, int *key_id);
extern bytea *secret_seal_app(const char *platform, const char *field, const char *value, int *key_id);
extern bytea *secret_seal_state(const bytea *state_hash, const char *platform, const char *field,
								const char *value, int *key_id);

#endif
