/*
 * envelope.c
 *    The sealed form of a secret.
 *
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) as libsodium has it: its nonce of 24 bytes may be random for any number
 * of values. The associated data are the header without the nonce and the place where the secret belongs, so that
 * neither a relabelled key id nor a value moved to another row or column opens.
 */
#include "secrets/envelope.h"

#include <sodium.h>
#include <string.h>

#define LABEL "dreamsuite"

/* label, version, key id, kind, and three parts with a length byte each */
#define MOST_ASSOCIATED                                                                                      \
	(sizeof(LABEL) - 1 + ENVELOPE_START_BYTES + 1 + 3 + ENVELOPE_MOST_SUBJECT + 2 * ENVELOPE_MOST_NAME)

static void
put_key_id(unsigned char *out, int32_t key_id)
{
	out[0] = (uint32_t) key_id >> 24;
	out[1] = (uint32_t) key_id >> 16;
	out[2] = (uint32_t) key_id >> 8;
	out[3] = (uint32_t) key_id;
}

static size_t
put_part(unsigned char *out, const void *part, size_t length)
{
	out[0] = (unsigned char) length;
	if (length > 0)
		memcpy(out + 1, part, length);
	return 1 + length;
}

/* Each part is preceded by its length: no two contexts give the same bytes. 0 for a context that does not fit. */
static size_t
associated_data(unsigned char *out, const unsigned char *header, const SealContext *context)
{
	size_t platform = context->platform != NULL ? strlen(context->platform) : 0;
	size_t field = context->field != NULL ? strlen(context->field) : 0;
	size_t n = sizeof(LABEL) - 1;

	if (platform == 0 || platform > ENVELOPE_MOST_NAME || field == 0 || field > ENVELOPE_MOST_NAME ||
		context->subject_length > ENVELOPE_MOST_SUBJECT ||
		(context->subject_length == 0) != (context->kind == SEAL_APP))
		return 0;
	memcpy(out, LABEL, n);
	memcpy(out + n, header, ENVELOPE_START_BYTES);
	n += ENVELOPE_START_BYTES;
	out[n++] = (unsigned char) context->kind;
	n += put_part(out + n, context->subject, context->subject_length);
	n += put_part(out + n, context->platform, platform);
	n += put_part(out + n, context->field, field);
	return n;
}

void
envelope_start(unsigned char *start, int32_t key_id)
{
	start[0] = ENVELOPE_VERSION;
	put_key_id(start + 1, key_id);
}

bool
envelope_seal(unsigned char *envelope, int32_t key_id, const unsigned char *key, const SealContext *context,
			  const char *secret, size_t length)
{
	unsigned char associated[MOST_ASSOCIATED];
	unsigned char *nonce = envelope + ENVELOPE_START_BYTES;
	size_t n;

	envelope_start(envelope, key_id);
	n = associated_data(associated, envelope, context);
	if (n == 0)
		return false;
	randombytes_buf(nonce, ENVELOPE_NONCE_BYTES);
	return crypto_aead_xchacha20poly1305_ietf_encrypt(envelope + ENVELOPE_HEADER_BYTES, NULL,
													  (const unsigned char *) secret, length, associated, n,
													  NULL, nonce, key) == 0;
}

int32_t
envelope_key_id(const unsigned char *envelope, size_t length)
{
	uint32_t id;

	if (length < ENVELOPE_OVERHEAD || envelope[0] != ENVELOPE_VERSION)
		return 0;
	id = (uint32_t) envelope[1] << 24 | (uint32_t) envelope[2] << 16 | (uint32_t) envelope[3] << 8 |
		 (uint32_t) envelope[4];
	return id <= INT32_MAX ? (int32_t) id : 0;
}

bool
envelope_open(char *secret, const unsigned char *envelope, size_t length, const unsigned char *key,
			  const SealContext *context)
{
	unsigned char associated[MOST_ASSOCIATED];
	size_t n;

	if (envelope_key_id(envelope, length) == 0)
		return false;
	n = associated_data(associated, envelope, context);
	return n > 0 && crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *) secret, NULL, NULL,
															   envelope + ENVELOPE_HEADER_BYTES,
															   length - ENVELOPE_HEADER_BYTES, associated, n,
															   envelope + ENVELOPE_START_BYTES, key) == 0;
}

void
envelope_check_value(unsigned char *check, int32_t key_id, const unsigned char *key)
{
	/* Keyed BLAKE2b: whoever reads the value learns nothing of the key. */
	unsigned char message[sizeof(LABEL) - 1 + sizeof(" key check ") - 1 + 4];
	size_t n = sizeof(message) - 4;

	memcpy(message, LABEL " key check ", n);
	put_key_id(message + n, key_id);
	crypto_generichash(check, ENVELOPE_CHECK_BYTES, message, sizeof(message), key, ENVELOPE_KEY_BYTES);
}
