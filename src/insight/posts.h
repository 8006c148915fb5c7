/*
 * posts.h
 *    The content of an artist, in the order of publication.
 */
#ifndef DREAMSUITE_POSTS_H
#define DREAMSUITE_POSTS_H

#include "insight/insight.h"

/* Fills the posts of every outlet, published up to the day. Connected to SPI; memory is of `context`. */
extern void posts_load(Artist *artist, DateADT as_of, MemoryContext context);

#endif
