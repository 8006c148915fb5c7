/*
 * envelope.h
 *    The sealed form of a secret: encrypted, and bound to the one place where it belongs. Pure C over libsodium.
 */
#ifndef DREAMSUITE_ENVELOPE_H
#define DREAMSUITE_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENVELOPE_VERSION     1
#define ENVELOPE_KEY_BYTES   32
#define ENVELOPE_NONCE_BYTES 24
#define ENVELOPE_TAG_BYTES   16
#define ENVELOPE_CHECK_BYTES 16

/* version (1), key id (4, big-endian), nonce; the ciphertext and its tag follow */
#define ENVELOPE_START_BYTES  (1 + 4)
#define ENVELOPE_HEADER_BYTES (ENVELOPE_START_BYTES + ENVELOPE_NONCE_BYTES)
#define ENVELOPE_OVERHEAD     (ENVELOPE_HEADER_BYTES + ENVELOPE_TAG_BYTES)

/* Longest parts of a context. */
#define ENVELOPE_MOST_SUBJECT 64
#define ENVELOPE_MOST_NAME    63

typedef enum SealKind
{
	SEAL_ACCOUNT = 'A', /* subject: the 16 bytes of user_id */
	SEAL_APP = 'P',     /* no subject */
	SEAL_STATE = 'S'    /* subject: the hash of the state */
} SealKind;

/* Where a secret belongs. Sealed for one place, it opens nowhere else. */
typedef struct SealContext
{
	SealKind kind;
	const void *subject;
	size_t subject_length;
	const char *platform;
	const char *field; /* column: access_token, client_secret, ... */
} SealContext;

/*
 * envelope_seal
 *    Writes length + ENVELOPE_OVERHEAD bytes to `envelope`, under a fresh random nonce.
 *
 * key_id is positive and names the key for whoever opens it. False when a part of the context is too long or missing.
 * sodium_init() was called before.
 */
extern bool envelope_seal(unsigned char *envelope, int32_t key_id, const unsigned char *key,
						  const SealContext *context, const char *secret, size_t length);

/* Writes the ENVELOPE_START_BYTES with which everything begins that the key has sealed. */
extern void envelope_start(unsigned char *start, int32_t key_id);

/* The key that sealed it; 0 when these bytes are no envelope of a version we know. */
extern int32_t envelope_key_id(const unsigned char *envelope, size_t length);

/*
 * envelope_open
 *    Writes length - ENVELOPE_OVERHEAD bytes to `secret`. False, and nothing written but zeros, when the envelope was
 *    changed, was sealed for another context or with another key: the tag cannot tell which.
 */
extern bool envelope_open(char *secret, const unsigned char *envelope, size_t length,
						  const unsigned char *key, const SealContext *context);

/* A value that tells a key from every other without telling anything of the key. */
extern void envelope_check_value(unsigned char *check, int32_t key_id, const unsigned char *key);

#endif
