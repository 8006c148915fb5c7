/*
 * heap.h
 *    The collector's heap: kept while it works, given back when it rests.
 */
#ifndef DREAMSUITE_HEAP_H
#define DREAMSUITE_HEAP_H

/* Keeps what is freed from going back to the system at once: the next batch needs it again, and it would have to be cleared. */
extern void heap_keep(void);

/*
 * Gives back every page that holds nothing. Blocks of memory contexts lie between those of libcurl, so that the heap's
 * holes would else grow a little from cycle to cycle for months.
 */
extern void heap_trim(void);

#endif
