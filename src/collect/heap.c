/*
 * heap.c
 *    The collector's heap: kept while it works, given back when it rests. Elsewhere than with glibc both do nothing.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "collect/heap.h"

#define KEPT  (16 * 1024 * 1024)
#define BLOCK (1024 * 1024) /* larger ones go back to the system at once */

void
heap_keep(void)
{
#ifdef __GLIBC__
	/* One for this thread and one for that of the network, which would wait for each other; the resolver's share them. */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, KEPT);
	mallopt(M_TOP_PAD, BLOCK);
	mallopt(M_MMAP_THRESHOLD, BLOCK);
#endif
}

void
heap_trim(void)
{
#ifdef __GLIBC__
	(void) malloc_trim(0);
#endif
}
