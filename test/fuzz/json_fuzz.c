/*
 * json_fuzz.c
 *    Any bytes as the body of an answer. The jsonb that comes of it is walked: every entry lies within it, keys are in their
 *    order, text is UTF-8.
 *
 * The parser runs without a server: what it takes from one is below.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "platform/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- What the server would give ---- */

MemoryContext CurrentMemoryContext = NULL;
sigjmp_buf *PG_exception_stack = NULL;
ErrorContextCallback *error_context_stack = NULL;

/* What lives now: an error leaves some behind, which its memory context would free. */
static void *live[8192];
static int live_count;

static void
forget(void *pointer)
{
	for (int i = live_count - 1; i >= 0; i--)
	{
		if (live[i] == pointer)
		{
			live[i] = live[--live_count];
			return;
		}
	}
	abort();
}

static void *
keep(void *pointer)
{
	if (live_count == lengthof(live))
		abort();
	return live[live_count++] = pointer;
}

void *
palloc(Size size)
{
	return keep(malloc(size > 0 ? size : 1));
}

void *
palloc_extended(Size size, int flags)
{
	return palloc(size);
}

void *
repalloc(void *pointer, Size size)
{
	forget(pointer);
	return keep(realloc(pointer, size));
}

void *
repalloc_huge(void *pointer, Size size)
{
	return repalloc(pointer, size);
}

void
pfree(void *pointer)
{
	forget(pointer);
	free(pointer);
}

char *
pnstrdup(const char *in, Size length)
{
	char *copy = palloc(length + 1);

	memcpy(copy, in, length);
	copy[length] = '\0';
	return copy;
}

/* Errors: a number that numeric cannot hold is one; nothing else should be. */
void
pg_re_throw(void)
{
	abort();
}

int
geterrcode(void)
{
	return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
}

void
FlushErrorState(void)
{
}

bool
errstart(int elevel, const char *domain)
{
	abort();
}

bool
errstart_cold(int elevel, const char *domain)
{
	abort();
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	abort();
}

int
errcode(int sqlerrcode)
{
	abort();
}

int
errmsg(const char *fmt, ...)
{
	abort();
}

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

/* Eight bytes that hold no number; the number's own form is the server's business. */
static Numeric
some_number(void)
{
	char *number = palloc(8);

	memset(number, 0, 8);
	SET_VARSIZE(number, 8);
	return (Numeric) number;
}

Numeric
int64_to_numeric(int64 value)
{
	return some_number();
}

Datum
numeric_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_NULL();
}

/* numeric_in() of what is left of the grammar; it raises beyond 131,072 digits. */
Datum
DirectFunctionCall3Coll(PGFunction func, Oid collation, Datum text, Datum type, Datum typmod)
{
	char *s = DatumGetCString(text), *e = strpbrk(s, "eE");
	bool too_large = strspn(s, "-0123456789.eE+") != strlen(s) || (e != NULL && labs(atol(e + 1)) > 1000);

	if (too_large)
		siglongjmp(*PG_exception_stack, 1);
	return NumericGetDatum(some_number());
}

/* ---- The walk ---- */

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_text(const char *s, uint32 length)
{
	for (uint32 i = 0; i < length;)
	{
		int n = pg_utf_mblen((const unsigned char *) s + i);

		check(s[i] != '\0' && i + n <= length && pg_utf8_islegal((const unsigned char *) s + i, n));
		i += n;
	}
}

/* Where entry i ends, counted from the first byte behind the entries. */
static uint32
end_of(const JEntry *entries, uint32 i)
{
	uint32 end = 0;

	for (;; i--)
	{
		end += JBE_OFFLENFLD(entries[i]);
		if (JBE_HAS_OFF(entries[i]) || i == 0)
			return end;
	}
}

static void
check_container(const JsonbContainer *container, uint32 size, int depth)
{
	bool object = (container->header & JB_FOBJECT) != 0;
	uint32 n = JsonContainerSize(container), count = object ? 2 * n : n, start = 0;
	const char *base = (const char *) &container->children[count];

	check(depth <= 64 && size >= sizeof(uint32) + count * sizeof(JEntry));
	size -= sizeof(uint32) + count * sizeof(JEntry);
	for (uint32 i = 0; i < count; i++)
	{
		JEntry entry = container->children[i];
		uint32 end = end_of(container->children, i);

		check(end >= start && end <= size);
		if (JBE_ISSTRING(entry))
			check_text(base + start, end - start);
		if (object && i < n)
		{
			check(JBE_ISSTRING(entry));
			if (i > 0)
			{
				uint32 before = i > 1 ? end_of(container->children, i - 2) : 0;

				check(start - before < end - start || (start - before == end - start &&
													   memcmp(base + before, base + start, end - start) < 0));
			}
		}
		if (JBE_ISCONTAINER(entry))
			check_container((const JsonbContainer *) INTALIGN(base + start), end - start, depth + 1);
		start = end;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = malloc(size > 0 ? size : 1);
	const char *reason;
	Jsonb *parsed;

	memcpy(body, data, size);
	parsed = json_parse(body, size, &reason);
	check((parsed == NULL) == (reason != NULL));
	free(body);
	if (parsed != NULL)
	{
		check_container(&parsed->root, VARSIZE(parsed) - VARHDRSZ, 1);
		pfree(parsed);
	}
	/* The texts of the few numbers that numeric_in() reads stay until the body has been read. */
	while (live_count > 0)
		free(live[--live_count]);
	return 0;
}
