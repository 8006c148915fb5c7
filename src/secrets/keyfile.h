/*
 * keyfile.h
 *    The keyring file: reading it with care, making it, adding a key. Pure C over libsodium and POSIX.
 *
 * Text. The first line is "dreamsuite-keyring 1"; every other one is blank, a comment that starts with #, or a key:
 *
 *     id created key
 *
 * id is a whole number from 1 to 2147483647, chosen at random, so that the lines of two files can be put into one;
 * created is a UTC time such as 2026-03-01T06:00:00Z; key is 32 bytes in base64. The key created last seals (of two
 * created at once, the later line); all of them open.
 */
#ifndef DREAMSUITE_KEYFILE_H
#define DREAMSUITE_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "secrets/envelope.h"

#define KEYFILE_MOST_KEYS     64
#define KEYFILE_MOST_BYTES    32768
#define KEYFILE_CREATED_BYTES 20 /* 2026-03-01T06:00:00Z */

typedef struct KeyfileKey
{
	int32_t id;
	char created[KEYFILE_CREATED_BYTES + 1];
	unsigned char bytes[ENVELOPE_KEY_BYTES];
} KeyfileKey;

/* One place for everything that must not leak: the keys, and the text that they are read from. */
typedef struct Keyfile
{
	int count;
	int newest; /* index into keys; undefined when count is 0 */
	KeyfileKey keys[KEYFILE_MOST_KEYS];
	size_t length;
	char text[KEYFILE_MOST_BYTES];
} Keyfile;

typedef enum KeyfileTrouble
{
	KEYFILE_OK = 0,
	KEYFILE_MISSING,        /* there is no such file */
	KEYFILE_SYSTEM,         /* a call failed: see `error` */
	KEYFILE_NOT_A_FILE,     /* directory, pipe, ... */
	KEYFILE_WRONG_OWNER,    /* of another user */
	KEYFILE_OPEN_TO_OTHERS, /* group or others have a right to it */
	KEYFILE_INSIDE,         /* within the directory that it must be outside of */
	KEYFILE_TOO_LARGE,      /* more than KEYFILE_MOST_BYTES */
	KEYFILE_NO_HEADER,      /* the first line is not ours */
	KEYFILE_BAD_LINE,       /* see `line` */
	KEYFILE_TWICE,          /* an id is in two lines; see `line` */
	KEYFILE_FULL,           /* more than KEYFILE_MOST_KEYS keys */
	KEYFILE_EMPTY,          /* no key in it */
	KEYFILE_BUSY            /* someone else is changing it: try again soon */
} KeyfileTrouble;

typedef struct KeyfileResult
{
	KeyfileTrouble trouble;
	int line;  /* counted from 1; 0 when no line is to blame */
	int error; /* errno of KEYFILE_SYSTEM */
} KeyfileResult;

/* Tells whether a file was changed or replaced since it was read. */
typedef struct KeyfileStamp
{
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed;
} KeyfileStamp;

/* The stamp of the file now. */
extern KeyfileResult keyfile_stamp(const char *path, KeyfileStamp *stamp);

/* Reads keyfile->text into keyfile->keys. */
extern KeyfileResult keyfile_parse(Keyfile *keyfile);

/*
 * keyfile_read
 *    Reads and checks the file: regular, ours, closed to others, outside of `forbidden` (a directory; NULL: anywhere).
 *    keyfile->text is wiped in the end, and the keys too when something is wrong.
 */
extern KeyfileResult
keyfile_read(Keyfile *keyfile, const char *path, const char *forbidden, KeyfileStamp *stamp);

/*
 * keyfile_create
 *    Makes the file with one new key, readable by its owner alone, on disk when it returns. Whoever comes second of two
 *    finds the file of the first, which is no error. `keyfile` is scratch space and comes back wiped: read the file.
 */
extern KeyfileResult keyfile_create(Keyfile *keyfile, const char *path, const char *forbidden);

/*
 * keyfile_add
 *    Adds a key that is newer than the others; every line of the file stays as it is. Readers see the old file or the
 *    new one. `keyfile` is scratch space and comes back wiped: read the file.
 */
extern KeyfileResult keyfile_add(Keyfile *keyfile, const char *path, const char *forbidden);

/* The key of that id, or NULL. */
extern const KeyfileKey *keyfile_find(const Keyfile *keyfile, int32_t id);

#endif
