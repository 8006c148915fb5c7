/*
 * keyfile.c
 *    The keyring file.
 *
 * A file is written beside its place, synchronised and then put there by link() or rename(): neither a crash nor a
 * reader ever meets a half-written one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "secrets/keyfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER "dreamsuite-keyring 1"
#define PREFACE                                                                                              \
	HEADER "\n# Whoever reads this file can open every token; whoever loses it can open none. Back it up, "  \
		   "apart from the database.\n"

static KeyfileResult
trouble(KeyfileTrouble what, int line)
{
	return (KeyfileResult){.trouble = what, .line = line};
}

static KeyfileResult
system_trouble(void)
{
	return (KeyfileResult){.trouble = KEYFILE_SYSTEM, .error = errno};
}

static const KeyfileResult fine = {KEYFILE_OK, 0, 0};

const KeyfileKey *
keyfile_find(const Keyfile *keyfile, int32_t id)
{
	for (int i = 0; i < keyfile->count; i++)
		if (keyfile->keys[i].id == id)
			return &keyfile->keys[i];
	return NULL;
}

/* Seconds since 1970 as 2026-03-01T06:00:00Z: of that shape two times compare like their texts. */
static void
format_time(time_t when, char *out)
{
	struct tm tm;

	gmtime_r(&when, &tm);
	if (strftime(out, KEYFILE_CREATED_BYTES + 1, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}

/* -1 for what is no time, or before 1970. */
static time_t
parse_time(const char *s)
{
	struct tm tm = {0};
	char again[KEYFILE_CREATED_BYTES + 1];
	time_t when;

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
			   &tm.tm_sec) != 6)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	when = timegm(&tm);
	format_time(when, again);
	return when >= 0 && strcmp(s, again) == 0 ? when : -1;
}

/* The next word of a line that ends at `end`; its length is 0 when there is none. */
static const char *
next_word(const char **at, const char *end, size_t *length)
{
	const char *word;

	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	word = *at;
	while (*at < end && **at != ' ' && **at != '\t')
		(*at)++;
	*length = *at - word;
	return word;
}

static bool
parse_key(KeyfileKey *key, const char *line, const char *end)
{
	const char *word;
	size_t length, decoded;
	int64_t id = 0;

	word = next_word(&line, end, &length);
	if (length == 0 || length > 10)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (!isdigit((unsigned char) word[i]))
			return false;
		id = id * 10 + (word[i] - '0');
	}
	if (id < 1 || id > INT32_MAX)
		return false;
	key->id = (int32_t) id;

	word = next_word(&line, end, &length);
	if (length != KEYFILE_CREATED_BYTES)
		return false;
	memcpy(key->created, word, length);
	key->created[length] = '\0';
	if (parse_time(key->created) < 0)
		return false;

	word = next_word(&line, end, &length);
	if (length == 0 ||
		sodium_base642bin(key->bytes, sizeof(key->bytes), word, length, NULL, &decoded, NULL,
						  sodium_base64_VARIANT_ORIGINAL) != 0 ||
		decoded != sizeof(key->bytes))
		return false;
	next_word(&line, end, &length);
	return length == 0;
}

static KeyfileResult
parse_lines(Keyfile *keyfile)
{
	const char *line = keyfile->text;
	const char *stop = keyfile->text + keyfile->length;

	for (int number = 1; line < stop; number++)
	{
		const char *newline = memchr(line, '\n', stop - line);
		const char *end = newline != NULL ? newline : stop;
		const char *next = newline != NULL ? newline + 1 : stop;

		/* Blanks at the end, a carriage return among them, mean nothing. */
		while (end > line && isspace((unsigned char) end[-1]))
			end--;
		if (number == 1)
		{
			if ((size_t) (end - line) != strlen(HEADER) || memcmp(line, HEADER, end - line) != 0)
				return trouble(KEYFILE_NO_HEADER, 1);
		}
		else if (end > line && *line != '#')
		{
			KeyfileKey *key = &keyfile->keys[keyfile->count];

			if (keyfile->count == KEYFILE_MOST_KEYS)
				return trouble(KEYFILE_FULL, number);
			if (!parse_key(key, line, end))
				return trouble(KEYFILE_BAD_LINE, number);
			if (keyfile_find(keyfile, key->id) != NULL)
				return trouble(KEYFILE_TWICE, number);
			if (keyfile->count == 0 || strcmp(key->created, keyfile->keys[keyfile->newest].created) >= 0)
				keyfile->newest = keyfile->count;
			keyfile->count++;
		}
		line = next;
	}
	if (keyfile->length == 0)
		return trouble(KEYFILE_NO_HEADER, 0);
	return keyfile->count > 0 ? fine : trouble(KEYFILE_EMPTY, 0);
}

KeyfileResult
keyfile_parse(Keyfile *keyfile)
{
	KeyfileResult result;

	keyfile->count = keyfile->newest = 0;
	sodium_memzero(keyfile->keys, sizeof(keyfile->keys));
	result = parse_lines(keyfile);
	if (result.trouble != KEYFILE_OK)
	{
		keyfile->count = 0;
		sodium_memzero(keyfile->keys, sizeof(keyfile->keys));
	}
	return result;
}

/* Directory of a path; `out` has PATH_MAX bytes. */
static bool
directory_of(const char *path, char *out)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t) (slash - path);

	if (length >= PATH_MAX)
	{
		errno = ENAMETOOLONG;
		return false;
	}
	if (slash == NULL)
		memcpy(out, ".", 2);
	else
	{
		memcpy(out, path, length);
		out[length] = '\0';
	}
	return true;
}

/*
 * Whether the file is, or would be, inside a directory. Links are followed, both on the way and at the end. A directory
 * that does not exist holds nothing: the trouble is that of the one to make the file in.
 */
static KeyfileResult
check_outside(const char *path, const char *forbidden)
{
	char directory[PATH_MAX];
	char *places[2];
	char *limit;
	KeyfileResult result = fine;
	size_t length;

	if (forbidden == NULL)
		return fine;
	if (!directory_of(path, directory))
		return system_trouble();
	limit = realpath(forbidden, NULL);
	if (limit == NULL)
		return system_trouble();
	places[0] = realpath(directory, NULL);
	if (places[0] == NULL)
	{
		result = system_trouble();
		free(limit);
		return result;
	}
	places[1] = realpath(path, NULL);
	length = strlen(limit);
	for (int i = 0; i < 2; i++)
	{
		if (places[i] != NULL && strncmp(places[i], limit, length) == 0 &&
			(places[i][length] == '\0' || places[i][length] == '/'))
			result = trouble(KEYFILE_INSIDE, 0);
		free(places[i]);
	}
	free(limit);
	return result;
}

static void
stamp_of(const struct stat *st, KeyfileStamp *stamp)
{
	memset(stamp, 0, sizeof(*stamp));
	stamp->device = st->st_dev;
	stamp->inode = st->st_ino;
	stamp->size = st->st_size;
	stamp->modified = st->st_mtim;
	stamp->changed = st->st_ctim;
}

KeyfileResult
keyfile_stamp(const char *path, KeyfileStamp *stamp)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOENT ? trouble(KEYFILE_MISSING, 0) : system_trouble();
	stamp_of(&st, stamp);
	return fine;
}

/* Opens, checks and reads. *fd stays open for the caller when all is well. */
static KeyfileResult
open_and_read(Keyfile *keyfile, const char *path, const char *forbidden, struct stat *st, int *fd)
{
	KeyfileResult result = check_outside(path, forbidden);

	if (result.trouble == KEYFILE_SYSTEM && result.error == ENOENT)
		return trouble(KEYFILE_MISSING, 0);
	if (result.trouble != KEYFILE_OK)
		return result;

	/* Not blocking, lest a pipe keep us. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return errno == ENOENT ? trouble(KEYFILE_MISSING, 0) : system_trouble();
	if (fstat(*fd, st) != 0)
		result = system_trouble();
	else if (!S_ISREG(st->st_mode))
		result = trouble(KEYFILE_NOT_A_FILE, 0);
	else if (st->st_uid != geteuid())
		result = trouble(KEYFILE_WRONG_OWNER, 0);
	else if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		result = trouble(KEYFILE_OPEN_TO_OTHERS, 0);
	else if (st->st_size > KEYFILE_MOST_BYTES)
		result = trouble(KEYFILE_TOO_LARGE, 0);

	keyfile->length = 0;
	while (result.trouble == KEYFILE_OK && keyfile->length < sizeof(keyfile->text))
	{
		ssize_t n = read(*fd, keyfile->text + keyfile->length, sizeof(keyfile->text) - keyfile->length);

		if (n == 0)
			break;
		if (n > 0)
			keyfile->length += n;
		else if (errno != EINTR)
			result = system_trouble();
	}
	if (result.trouble == KEYFILE_OK)
		result = keyfile_parse(keyfile);
	if (result.trouble != KEYFILE_OK)
	{
		close(*fd);
		*fd = -1;
	}
	return result;
}

static void
wipe_text(Keyfile *keyfile)
{
	sodium_memzero(keyfile->text, sizeof(keyfile->text));
	keyfile->length = 0;
}

static void
wipe(Keyfile *keyfile)
{
	sodium_memzero(keyfile, sizeof(*keyfile));
}

KeyfileResult
keyfile_read(Keyfile *keyfile, const char *path, const char *forbidden, KeyfileStamp *stamp)
{
	struct stat st;
	int fd = -1;
	KeyfileResult result = open_and_read(keyfile, path, forbidden, &st, &fd);

	if (result.trouble == KEYFILE_OK)
	{
		stamp_of(&st, stamp);
		wipe_text(keyfile);
		close(fd);
	}
	else
		wipe(keyfile);
	return result;
}

/* Now, or a second after the newest key where the clock is behind it: a new key is always the newest. */
static void
time_of_new_key(const Keyfile *keyfile, char *out)
{
	time_t now = time(NULL);

	if (keyfile->count > 0)
	{
		time_t newest = parse_time(keyfile->keys[keyfile->newest].created);

		if (now <= newest)
			now = newest + 1;
	}
	format_time(now, out);
}

/* Appends the line of a new key to the text. False when there is no room. */
static bool
append_new_key(Keyfile *keyfile)
{
	char created[KEYFILE_CREATED_BYTES + 1] = "";
	unsigned char bytes[ENVELOPE_KEY_BYTES];
	char encoded[sodium_base64_ENCODED_LEN(ENVELOPE_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL)];
	int32_t id;
	int n;
	bool ends = keyfile->length == 0 || keyfile->text[keyfile->length - 1] == '\n';
	size_t room = sizeof(keyfile->text) - keyfile->length;

	do
		id = 1 + (int32_t) randombytes_uniform(INT32_MAX);
	while (keyfile_find(keyfile, id) != NULL);
	time_of_new_key(keyfile, created);
	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2base64(encoded, sizeof(encoded), bytes, sizeof(bytes), sodium_base64_VARIANT_ORIGINAL);
	n = snprintf(keyfile->text + keyfile->length, room, "%s%ld %s %s\n", ends ? "" : "\n", (long) id, created,
				 encoded);
	sodium_memzero(bytes, sizeof(bytes));
	sodium_memzero(encoded, sizeof(encoded));
	if (n < 0 || (size_t) n >= room)
		return false;
	keyfile->length += n;
	return true;
}

static KeyfileResult
sync_directory(const char *path)
{
	char directory[PATH_MAX];
	KeyfileResult result = fine;
	int fd;

	if (!directory_of(path, directory))
		return system_trouble();
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return system_trouble();
	/* Some file systems cannot synchronise a directory, and need not. */
	if (fsync(fd) != 0 && errno != EBADF && errno != EINVAL)
		result = system_trouble();
	close(fd);
	return result;
}

/* Puts the text into place: over the file that is there, or only where there is none. */
static KeyfileResult
put_file(const Keyfile *keyfile, const char *path, bool replace)
{
	char temporary[PATH_MAX];
	KeyfileResult result = fine;
	size_t written = 0;
	int fd;

	if (snprintf(temporary, sizeof(temporary), "%s.%ld.%08x", path, (long) getpid(), randombytes_random()) >=
		(int) sizeof(temporary))
	{
		errno = ENAMETOOLONG;
		return system_trouble();
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return system_trouble();
	while (written < keyfile->length)
	{
		ssize_t n = write(fd, keyfile->text + written, keyfile->length - written);

		if (n > 0)
			written += n;
		else if (n == 0 || errno != EINTR)
		{
			if (n == 0)
				errno = ENOSPC;
			result = system_trouble();
			break;
		}
	}
	if (result.trouble == KEYFILE_OK && fsync(fd) != 0)
		result = system_trouble();
	if (close(fd) != 0 && result.trouble == KEYFILE_OK)
		result = system_trouble();
	if (result.trouble == KEYFILE_OK && replace && rename(temporary, path) != 0)
		result = system_trouble();
	/* The one who came first keeps the place. */
	if (result.trouble == KEYFILE_OK && !replace && link(temporary, path) != 0 && errno != EEXIST)
		result = system_trouble();
	if (!replace || result.trouble != KEYFILE_OK)
		unlink(temporary);
	return result.trouble == KEYFILE_OK ? sync_directory(path) : result;
}

KeyfileResult
keyfile_create(Keyfile *keyfile, const char *path, const char *forbidden)
{
	KeyfileResult result = check_outside(path, forbidden);

	if (result.trouble != KEYFILE_OK)
		return result;
	wipe(keyfile);
	keyfile->length = strlen(PREFACE);
	memcpy(keyfile->text, PREFACE, keyfile->length);
	result = append_new_key(keyfile) ? put_file(keyfile, path, false) : trouble(KEYFILE_TOO_LARGE, 0);
	wipe(keyfile);
	return result;
}

KeyfileResult
keyfile_add(Keyfile *keyfile, const char *path, const char *forbidden)
{
	char target[PATH_MAX];
	struct stat mine, there;
	int fd;
	KeyfileResult result;

	/* Through a link, the file that it points at is replaced, not the link. */
	if (realpath(path, target) == NULL)
		return errno == ENOENT ? trouble(KEYFILE_MISSING, 0) : system_trouble();
	result = open_and_read(keyfile, target, forbidden, &mine, &fd);
	if (result.trouble != KEYFILE_OK)
	{
		wipe(keyfile);
		return result;
	}

	/* Whoever holds the lock of the file that is in place may replace it, and what was read is then still true. */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		result = errno == EWOULDBLOCK || errno == EINTR ? trouble(KEYFILE_BUSY, 0) : system_trouble();
	else if (stat(target, &there) != 0)
		result = system_trouble();
	else if (there.st_ino != mine.st_ino || there.st_dev != mine.st_dev || there.st_size != mine.st_size ||
			 there.st_mtim.tv_sec != mine.st_mtim.tv_sec || there.st_mtim.tv_nsec != mine.st_mtim.tv_nsec)
		result = trouble(KEYFILE_BUSY, 0);
	else if (keyfile->count == KEYFILE_MOST_KEYS)
		result = trouble(KEYFILE_FULL, 0);
	else if (!append_new_key(keyfile))
		result = trouble(KEYFILE_TOO_LARGE, 0);
	else
		result = put_file(keyfile, target, true);
	close(fd);
	wipe(keyfile);
	return result;
}
