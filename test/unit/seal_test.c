/*
 * seal_test.c
 *    The envelope of a secret, and the keyring file.
 */
#include "unit.h"
#include "secrets/envelope.h"
#include "secrets/keyfile.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const unsigned char ann[16] = "ann-ann-ann-ann";
static const unsigned char bob[16] = "bob-bob-bob-bob";
static unsigned char key[ENVELOPE_KEY_BYTES];
static unsigned char other_key[ENVELOPE_KEY_BYTES];

static const SealContext place = {SEAL_ACCOUNT, ann, 16, "tiktok", "access_token"};

/* Whether an exact copy of the envelope, on the heap for the sanitizer's sake, opens. */
static bool
opens(const unsigned char *envelope, size_t length, const unsigned char *with, const SealContext *context)
{
	unsigned char *copy = malloc(length > 0 ? length : 1);
	char *secret = malloc(length > ENVELOPE_OVERHEAD ? length - ENVELOPE_OVERHEAD : 1);
	bool opened;

	memcpy(copy, envelope, length);
	opened = envelope_open(secret, copy, length, with, context);
	free(copy);
	free(secret);
	return opened;
}

static void
test_round_trip(void)
{
	size_t lengths[] = {0, 1, 31, 64, 8192};
	bool all = true;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		size_t n = lengths[i];
		char *secret = malloc(n + 1), *again = malloc(n + 1);
		unsigned char *envelope = malloc(n + ENVELOPE_OVERHEAD);

		randombytes_buf(secret, n);
		all = all && envelope_seal(envelope, 3, key, &place, secret, n);
		all = all && envelope_open(again, envelope, n + ENVELOPE_OVERHEAD, key, &place) &&
			  memcmp(secret, again, n) == 0;
		all = all && envelope_key_id(envelope, n + ENVELOPE_OVERHEAD) == 3;
		free(secret);
		free(again);
		free(envelope);
	}
	ok(all, "secrets of 0 to 8192 bytes come back, and the envelope names its key");
}

/* The format is a promise to every database that was dumped: bytes put together here by hand open. */
static void
test_format(void)
{
	unsigned char envelope[ENVELOPE_OVERHEAD + 5] = {1, 0x01, 0x02, 0x03, 0x04};
	unsigned char associated[128];
	char secret[5];
	size_t n = 0;

	memset(envelope + 5, 0x5a, ENVELOPE_NONCE_BYTES);
	memcpy(associated, "dreamsuite\1\1\2\3\4A\20", 17);
	n = 17;
	memcpy(associated + n, ann, 16);
	n += 16;
	memcpy(associated + n, "\6tiktok\14access_token", 20);
	n += 20;
	crypto_aead_xchacha20poly1305_ietf_encrypt(envelope + 29, NULL, (const unsigned char *) "token", 5,
											   associated, n, NULL, envelope + 5, key);
	ok(envelope_open(secret, envelope, sizeof(envelope), key, &place) && memcmp(secret, "token", 5) == 0,
	   "version, key id, nonce, ciphertext, tag; label, header, kind and three counted parts as associated "
	   "data");
	ok(envelope_key_id(envelope, sizeof(envelope)) == 0x01020304, "the key id is big-endian");
}

static void
test_refusals(void)
{
	const char *secret = "a token of some length";
	size_t n = strlen(secret) + ENVELOPE_OVERHEAD;
	unsigned char envelope[128], twin[128];
	SealContext wrong;
	bool any = false;

	envelope_seal(envelope, 3, key, &place, secret, strlen(secret));
	envelope_seal(twin, 3, key, &place, secret, strlen(secret));
	ok(opens(envelope, n, key, &place), "the right key and place open it");
	ok(memcmp(envelope, twin, n) != 0 && memcmp(envelope + 29, twin + 29, strlen(secret)) != 0,
	   "the same secret sealed twice has two envelopes");
	ok(!opens(envelope, n, other_key, &place), "another key does not");

	for (size_t bit = 0; bit < n * 8; bit++)
	{
		envelope[bit / 8] ^= 1 << bit % 8;
		any = any || opens(envelope, n, key, &place);
		envelope[bit / 8] ^= 1 << bit % 8;
	}
	ok(!any, "no envelope with one bit changed opens");
	for (size_t length = 0; length < n; length++)
		any = any || opens(envelope, length, key, &place);
	ok(!any, "no truncated envelope opens");
	ok(!opens(twin, n + 1, key, &place), "nor one with a byte more");

	wrong = place;
	wrong.subject = bob;
	ok(!opens(envelope, n, key, &wrong), "another user's place does not open it");
	wrong = place;
	wrong.platform = "twitter";
	ok(!opens(envelope, n, key, &wrong), "nor another platform's");
	wrong = place;
	wrong.field = "refresh_token";
	ok(!opens(envelope, n, key, &wrong), "nor another field");
	wrong = place;
	wrong.kind = SEAL_STATE;
	ok(!opens(envelope, n, key, &wrong), "nor a state with the same bytes");
	wrong = place;
	wrong.platform = "tikto";
	wrong.field = "kaccess_token";
	ok(!opens(envelope, n, key, &wrong), "nor parts that only join to the same text");
}

static void
test_contexts(void)
{
	char name[ENVELOPE_MOST_NAME + 2];
	unsigned char envelope[ENVELOPE_OVERHEAD + 1], subject[ENVELOPE_MOST_SUBJECT + 1] = {0};
	SealContext context = place;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	context.platform = name;
	ok(!envelope_seal(envelope, 1, key, &context, "s", 1), "a name that is too long is refused");
	context.platform = name + 1;
	context.field = name + 1;
	context.subject = subject;
	context.subject_length = ENVELOPE_MOST_SUBJECT;
	ok(envelope_seal(envelope, 1, key, &context, "s", 1) && opens(envelope, sizeof(envelope), key, &context),
	   "the longest of everything fits");
	context.subject_length++;
	ok(!envelope_seal(envelope, 1, key, &context, "s", 1), "a subject that is too long is refused");
	context.subject_length = 0;
	ok(!envelope_seal(envelope, 1, key, &context, "s", 1), "an account without a user is refused");
	context.kind = SEAL_APP;
	ok(envelope_seal(envelope, 1, key, &context, "s", 1), "an app has no subject");
	context.field = NULL;
	ok(!envelope_seal(envelope, 1, key, &context, "s", 1), "a place without a field is refused");
}

static void
test_check_value(void)
{
	unsigned char a[ENVELOPE_CHECK_BYTES], b[ENVELOPE_CHECK_BYTES];

	envelope_check_value(a, 3, key);
	envelope_check_value(b, 3, key);
	ok(memcmp(a, b, sizeof(a)) == 0, "a key has one check value");
	envelope_check_value(b, 3, other_key);
	ok(memcmp(a, b, sizeof(a)) != 0, "another key has another");
	envelope_check_value(b, 4, key);
	ok(memcmp(a, b, sizeof(a)) != 0, "so has the key under another id");
}

#define ZERO_KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define HEAD     "dreamsuite-keyring 1\n"

static Keyfile *keyfile;

static KeyfileResult
parse(const char *text)
{
	keyfile->length = strlen(text);
	memcpy(keyfile->text, text, keyfile->length);
	return keyfile_parse(keyfile);
}

static void
test_parse(void)
{
	static const struct
	{
		const char *text;
		KeyfileTrouble trouble;
		int line;
	} cases[] = {
		{"", KEYFILE_NO_HEADER, 0},
		{"\n" HEAD, KEYFILE_NO_HEADER, 1},
		{"dreamsuite-keyring 2\n", KEYFILE_NO_HEADER, 1},
		{HEAD, KEYFILE_EMPTY, 0},
		{HEAD "# nothing\n\n", KEYFILE_EMPTY, 0},
		{HEAD "0 2026-01-01T00:00:00Z " ZERO_KEY, KEYFILE_BAD_LINE, 2},
		{HEAD "2147483648 2026-01-01T00:00:00Z " ZERO_KEY, KEYFILE_BAD_LINE, 2},
		{HEAD "99999999999999999999 2026-01-01T00:00:00Z " ZERO_KEY, KEYFILE_BAD_LINE, 2},
		{HEAD "-1 2026-01-01T00:00:00Z " ZERO_KEY, KEYFILE_BAD_LINE, 2},
		{HEAD "1 2026-13-01T00:00:00Z " ZERO_KEY, KEYFILE_BAD_LINE, 2},
		{HEAD "1 2026-02-30T00:00:00Z " ZERO_KEY, KEYFILE_BAD_LINE, 2},
		{HEAD "1 2026-01-01 " ZERO_KEY, KEYFILE_BAD_LINE, 2},
		{HEAD "1 2026-01-01T00:00:00Z", KEYFILE_BAD_LINE, 2},
		{HEAD "1 2026-01-01T00:00:00Z QUJD", KEYFILE_BAD_LINE, 2},
		{HEAD "1 2026-01-01T00:00:00Z A" ZERO_KEY, KEYFILE_BAD_LINE, 2},
		{HEAD "1 2026-01-01T00:00:00Z " ZERO_KEY " more", KEYFILE_BAD_LINE, 2},
		{HEAD "1 2026-01-01T00:00:00Z " ZERO_KEY "\n\n1 2026-01-02T00:00:00Z " ZERO_KEY, KEYFILE_TWICE, 4},
	};
	bool all = true;
	char *many = malloc(KEYFILE_MOST_BYTES);
	size_t n;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		KeyfileResult result = parse(cases[i].text);

		if (result.trouble != cases[i].trouble || result.line != cases[i].line || keyfile->count != 0)
		{
			printf("# case %zu: trouble %d line %d\n", i, result.trouble, result.line);
			all = false;
		}
	}
	ok(all, "each kind of bad line is told by its number, and no key is kept");

	ok(parse(HEAD "  # a comment with a blank before it\n").trouble == KEYFILE_BAD_LINE,
	   "a comment starts its line");
	ok(parse("dreamsuite-keyring 1\r\n# c\r\n\r\n8\t2026-01-02T00:00:00Z  " ZERO_KEY " \r\n"
			 "2147483647 2026-01-01T00:00:00Z " ZERO_KEY)
				   .trouble == KEYFILE_OK &&
		   keyfile->count == 2 && keyfile->keys[1].id == 2147483647 && keyfile->keys[keyfile->newest].id == 8,
	   "line ends of Windows, tabs and no last newline are fine; the newest is the one created last");
	ok(parse(HEAD "1 2026-01-01T00:00:00Z " ZERO_KEY "\n2 2026-01-01T00:00:00Z " ZERO_KEY).trouble ==
			   KEYFILE_OK &&
		   keyfile->keys[keyfile->newest].id == 2,
	   "of two created at once the later line is newer");
	ok(keyfile_find(keyfile, 1) == &keyfile->keys[0] && keyfile_find(keyfile, 3) == NULL,
	   "keys are found by id");

	n = sprintf(many, "%s", HEAD);
	for (int i = 1; i <= KEYFILE_MOST_KEYS; i++)
		n += sprintf(many + n, "%d 2026-01-01T00:00:00Z %s\n", i, ZERO_KEY);
	ok(parse(many).trouble == KEYFILE_OK && keyfile->count == KEYFILE_MOST_KEYS, "the most keys fit");
	sprintf(many + n, "100 2026-01-01T00:00:00Z %s\n", ZERO_KEY);
	ok(parse(many).trouble == KEYFILE_FULL, "one more is refused");
	free(many);
}

static void
test_file(void)
{
	char directory[] = "/tmp/seal_test.XXXXXX";
	char path[64], link_path[64];
	KeyfileStamp stamp, later;
	int32_t first;
	int children = 0, status;
	FILE *file;

	if (!ok(mkdtemp(directory) != NULL, "a place for files"))
		return;
	snprintf(path, sizeof(path), "%s/keyring", directory);
	snprintf(link_path, sizeof(link_path), "%s/link", directory);
	ok(keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_MISSING, "no file yet");
	ok(keyfile_create(keyfile, path, directory).trouble == KEYFILE_INSIDE && access(path, F_OK) != 0,
	   "none is made in the forbidden directory");
	umask(0);
	ok(keyfile_create(keyfile, path, "/var").trouble == KEYFILE_OK && keyfile->count == 0, "it is made");
	ok(keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_OK && keyfile->count == 1,
	   "and read, whatever the umask: closed to others");
	first = keyfile->keys[0].id;
	ok(!sodium_is_zero(keyfile->keys[0].bytes, ENVELOPE_KEY_BYTES) &&
		   sodium_is_zero((unsigned char *) keyfile->text, sizeof(keyfile->text)),
	   "the key is there, the text that it was read from is wiped");
	keyfile_create(keyfile, path, "/var");
	keyfile_read(keyfile, path, "/var", &stamp);
	ok(keyfile->count == 1 && keyfile->keys[0].id == first, "made again, the first file stays");
	ok(keyfile_read(keyfile, path, directory, &stamp).trouble == KEYFILE_INSIDE && keyfile->count == 0,
	   "not read in the forbidden directory");
	keyfile_read(keyfile, path, "/var", &stamp);
	ok(keyfile_read(keyfile, path, "/tmp/seal_test", &later).trouble != KEYFILE_INSIDE,
	   "a directory whose name only begins alike is another one");

	ok(keyfile_add(keyfile, path, "/var").trouble == KEYFILE_OK &&
		   keyfile_stamp(path, &later).trouble == KEYFILE_OK && memcmp(&stamp, &later, sizeof(stamp)) != 0,
	   "an added key changes the stamp");
	ok(keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_OK && keyfile->count == 2 &&
		   keyfile->newest == 1 && strcmp(keyfile->keys[1].created, keyfile->keys[0].created) > 0,
	   "it is the newest, even within one second");
	symlink(path, link_path);
	ok(keyfile_add(keyfile, link_path, "/var").trouble == KEYFILE_OK &&
		   readlink(link_path, (char[64]){0}, 64) > 0 &&
		   keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_OK && keyfile->count == 3,
	   "through a link the file behind it gets the key");

	for (; children < 6; children++)
		if (fork() == 0)
		{
			int tries = 0;

			while (keyfile_add(keyfile, path, "/var").trouble == KEYFILE_BUSY && tries++ < 2000)
				usleep(1000);
			_exit(0);
		}
	while (wait(&status) > 0)
		;
	ok(keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_OK && keyfile->count == 9,
	   "six processes at once add six keys");

	chmod(path, 0640);
	ok(keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_OPEN_TO_OTHERS,
	   "group may read: refused");
	chmod(path, 0602);
	ok(keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_OPEN_TO_OTHERS,
	   "others may write: refused");
	chmod(path, 0600);
	file = fopen(path, "a");
	for (int i = 0; i < KEYFILE_MOST_BYTES; i++)
		fputc('#', file);
	fclose(file);
	ok(keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_TOO_LARGE, "too large: refused");
	if (geteuid() == 0)
	{
		truncate(path, 0);
		chown(path, 1, 1);
		ok(keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_WRONG_OWNER,
		   "another owner: refused");
	}
	unlink(path);
	unlink(link_path);
	mkfifo(path, 0600);
	ok(keyfile_read(keyfile, path, "/var", &stamp).trouble == KEYFILE_NOT_A_FILE,
	   "a pipe is refused, not waited for");
	unlink(path);
	ok(rmdir(directory) == 0, "no temporary file is left");
}

int
main(void)
{
	if (sodium_init() < 0)
		return 1;
	randombytes_buf(key, sizeof(key));
	randombytes_buf(other_key, sizeof(other_key));
	keyfile = sodium_malloc(sizeof(Keyfile));
	test_round_trip();
	test_format();
	test_refusals();
	test_contexts();
	test_check_value();
	test_parse();
	test_file();
	sodium_free(keyfile);
	return done();
}
