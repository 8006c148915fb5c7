/*
 * no_translations.c
 *    Messages stay untranslated: preloaded beside libasan.
 *
 * libgpg-error, which a server loads by way of libldap, asks for its translations while it is being loaded. Under a preloaded
 * libasan (gcc 12, glibc 2.36) that leaves glibc's lock on translations unbalanced, and the next one who asks waits for ever.
 */
char *bindtextdomain(const char *domain, const char *directory);

char *
bindtextdomain(const char *domain, const char *directory)
{
	return (char *) directory;
}
