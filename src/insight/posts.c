/*
 * posts.c
 *    Reading an artist's content.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "executor/spi.h"

#include "insight/posts.h"
#include "series/query.h"

void
posts_load(Artist *artist, DateADT as_of, MemoryContext context)
{
}
