/*
 * listing.c
 *    Long listings, newest first: read whole once, later only as far as counts still change.
 *
 * Only the end of a listing shows that nothing is missing before it: a first run that was cut off leaves gaps. So the
 * last item of a whole listing is marked in its extra, and without that mark the next run reads to the end again.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/timestamp.h"

#include "platform/listing.h"
#include "platform/release.h"

#define END_MARK "listing_end"

void
listing_end(ContentItem *item)
{
	content_extra_count(item, END_MARK, 1);
}

bool
listing_was_read(const Plan *plan)
{
	for (int i = plan->known != NULL ? plan->known->count - 1 : -1; i >= 0; i--)
	{
		if (json_has(release_extra(plan->known->items[i]), END_MARK))
			return true;
	}
	return false;
}

bool
listing_is_settled(const Plan *plan, const char *content_id, TimestampTz published_at)
{
	return content_id != NULL && published_at != TIME_UNKNOWN && plan_knows(plan, content_id) &&
		   published_at < plan->account->observed_at - LISTING_FRESH_DAYS * USECS_PER_DAY &&
		   listing_was_read(plan);
}

bool
published_within(const Normalised *out, const ContentItem *item, int days)
{
	TimestampTz now = out->account->observed_at;

	return item->published_at != TIME_UNKNOWN && item->published_at <= now &&
		   item->published_at > now - days * USECS_PER_DAY;
}

char *
without_query(const char *url)
{
	return url == NULL ? NULL : pnstrdup(url, strcspn(url, "?#"));
}
