/*
 * backend.c
 *    The few functions of the server that src/http calls.
 */
#include "backend.h"

#include "storage/fd.h"

jmp_buf backend_error;
int backend_sqlstate;
int backend_booked;
int backend_bookable;
pg_on_exit_callback backend_at_exit;

static int level;

bool
errstart(int elevel, const char *domain)
{
	level = elevel;
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int sqlerrcode)
{
	backend_sqlstate = sqlerrcode;
	return 0;
}

int
errcode_for_file_access(void)
{
	return errcode(errno == EMFILE || errno == ENFILE ? ERRCODE_INSUFFICIENT_RESOURCES : ERRCODE_IO_ERROR);
}

int
errcode_for_socket_access(void)
{
	return errcode(ERRCODE_INTERNAL_ERROR);
}

int
errmsg(const char *fmt, ...)
{
	return 0;
}

int
errdetail(const char *fmt, ...)
{
	return 0;
}

int
errhint(const char *fmt, ...)
{
	return 0;
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (level >= ERROR)
		longjmp(backend_error, 1);
}

bool
AcquireExternalFD(void)
{
	if (backend_booked >= backend_bookable)
		return false;
	backend_booked++;
	return true;
}

void
ReleaseExternalFD(void)
{
	backend_booked--;
}

void
before_shmem_exit(pg_on_exit_callback function, Datum arg)
{
	backend_at_exit = function;
}

#ifdef USE_ASSERT_CHECKING
#if PG_VERSION_NUM >= 160000
void
ExceptionalCondition(const char *condition, const char *file, int line)
#else
void
ExceptionalCondition(const char *condition, const char *type, const char *file, int line)
#endif
{
	fprintf(stderr, "%s:%d: %s\n", file, line, condition);
	abort();
}
#endif
