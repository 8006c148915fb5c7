/*
 * listing.h
 *    Long listings, newest first: read whole once, later only as far as counts still change.
 */
#ifndef DREAMSUITE_LISTING_H
#define DREAMSUITE_LISTING_H

#include "postgres.h"

#include "platform/platform.h"

/* Counts of older items are taken from storage. */
#define LISTING_FRESH_DAYS 30

/* Marks an item as the last one of a listing that was read to its end. Storage keeps the mark. */
extern void listing_end(ContentItem *item);

/* Did an earlier run read the listing to its end? */
extern bool listing_was_read(const RequestPlan *plan);

/*
 * Is everything behind this entry known and old? True for a known item, published more than LISTING_FRESH_DAYS before
 * the observation, of a listing that was read to its end.
 */
extern bool listing_is_settled(const RequestPlan *plan, const char *content_id, TimestampTz published_at);

/* Was the item published in the last days before the observation? */
extern bool published_within(const Normalised *out, const ContentItem *item, int days);

/* The address without its query and fragment; NULL for NULL. */
extern char *without_query(const char *url);

#endif
