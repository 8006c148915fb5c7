/*
 * release.h
 *    What the music platforms share: release dates and the artists of a release.
 */
#ifndef DREAMSUITE_RELEASE_H
#define DREAMSUITE_RELEASE_H

#include "postgres.h"

#include "platform/platform.h"

/*
 * Sets published_at from "2026-10-02", "2026-09" or "2026" (also with a time behind it, which is passed over).
 * A year or a month becomes its first day, and extra tells the precision as release_date_precision. What is no
 * date, and the placeholders of the year 0000 and of 1900-01-01, leave the item as it was.
 */
extern void release_date(ContentItem *item, const char *date);

/*
 * Sets the collaborators from an array of {"id", "name"}: names in the given order, once each, without the artist
 * `own` (NULL: unknown, nobody is left out). NULL for the array leaves the item as it was.
 */
extern void release_artists(ContentItem *item, const JsonbContainer *artists, const char *own);

/* Adds to the collaborators those of the array that are not among them yet. */
extern void release_guests(ContentItem *item, const JsonbContainer *artists, const char *own);

/* Is the id among those of an array of objects? */
extern bool holds_id(const JsonbContainer *array, const char *id);

/* The item's extra as an object; NULL where there is none. */
extern const JsonbContainer *release_extra(const ContentItem *item);

/* Appends the text to a list of char * unless it is there already. */
extern List *append_distinct(List *texts, char *text);

#endif
