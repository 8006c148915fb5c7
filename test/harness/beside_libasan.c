/*
 * beside_libasan.c
 *    What a server needs beside a preloaded libasan. Preloaded before it.
 *
 * Messages stay untranslated: libgpg-error, which a server loads by way of libldap, asks for its translations while it is
 * being loaded. Under a preloaded libasan (gcc 12, glibc 2.36) that leaves glibc's lock on translations unbalanced, and the
 * next one who asks waits for ever.
 *
 * RTLD_DEEPBIND, which src/oauth/apple.c cannot do without, goes past libasan, which refuses it: the library's malloc() is
 * then the C library's, which matters to nobody who frees by the library's own functions.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

char *bindtextdomain(const char *domain, const char *directory);

char *
bindtextdomain(const char *domain, const char *directory)
{
	return (char *) directory;
}

void *
dlopen(const char *file, int mode)
{
	void *(*next)(const char *, int) = (void *(*) (const char *, int)) dlsym(RTLD_NEXT, "dlopen");

	if (mode & RTLD_DEEPBIND)
	{
		void *libc = next("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

		next = (void *(*) (const char *, int)) dlsym(libc, "dlopen");
	}
	return next(file, mode);
}
