/*
 * secret.h
 *    Secrets of a job: where they are opened, and how they are wiped.
 */
#ifndef DREAMSUITE_SECRET_H
#define DREAMSUITE_SECRET_H

#include "postgres.h"

#include "utils/uuid.h"

/* A memory context for opened secrets, child of `parent`. */
extern MemoryContext secret_context_create(MemoryContext parent);

/* Overwrites and frees what it holds. */
extern void secret_context_wipe(MemoryContext context);

/* Opens a sealed value of an account or an app into the context; NULL for NULL. Raises what the seal raises. */
extern char *secret_open_account(MemoryContext context, const pg_uuid_t *user_id, const char *platform,
								 const char *field, const bytea *sealed);
extern char *
secret_open_app(MemoryContext context, const char *platform, const char *field, const bytea *sealed);

/* Seals a value; NULL for NULL. *key_id (may be NULL) is the key that sealed it. palloc'd. */
extern bytea *secret_seal_account(const pg_uuid_t *user_id, const char *platform, const char *field,
								  const char *value, int *key_id);
extern bytea *secret_seal_app(const char *platform, const char *field, const char *value, int *key_id);

#endif
