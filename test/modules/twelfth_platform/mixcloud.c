/*
 * mixcloud.c
 *    Mixcloud's public API: a profile's followers and its shows. The worked example of docs/adding_a_platform.md.
 *
 * Everything is public, no token is needed. external_id is the name in the profile's address. A show's "key" is its
 * path on the site and its id here.
 *
 * Requests of an account-day: user 1, cloudcasts 1 per 100. The first run lists all shows; later ones stop at known
 * ones older than 30 days.
 *
 * API facts: https://www.mixcloud.com/developers/ (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "platform/listing.h"
#include "platform/platform.h"

static const FieldDef fields[] = {
	/* name                  type         null  kind          unit         from */
	{"follower_count", FIELD_COUNT, true, KIND_COUNTER, "followers", "user.follower_count", "Followers"},
	{"follower_change_7d", FIELD_COUNT, true, KIND_CHANGE, "followers", "follower_count",
	 "Change of the followers in 7 days", .change_of = "follower_count", .change_days = 7},
	{"total_plays", FIELD_COUNT, true, KIND_COUNTER, "plays", "sum of cloudcasts.play_count",
	 "Plays of all shows"},
	{"favorites_total", FIELD_COUNT, true, KIND_COUNTER, "favorites", "sum of cloudcasts.favorite_count",
	 "How often shows were marked as favorites"},
	{"shows_count", FIELD_COUNT, true, KIND_GAUGE, "shows", "user.cloudcast_count", "Public shows"},
	{"shows_24h", FIELD_COUNT, true, KIND_ROLLING, "shows", "cloudcasts.created_time",
	 "Shows published in the last 24 hours", .window_days = 1},
	{NULL},
};

static const StepDef steps[] = {
	/* name         host  path                                   paging     link to the next page */
	{"user", NULL, "/{external_id}/", PAGE_NONE},
	{"cloudcasts", NULL, "/{external_id}/cloudcasts/?limit=100", PAGE_LINK, "paging.next"},
	{NULL},
};

/* Shows come newest first: behind a known old one there is nothing new. */
static bool
more(const Plan *plan, const Request *request, const Answer *answer)
{
	JsonItems items = json_items(json_array_in(answer->body, "data"));
	const JsonbContainer *show, *last = NULL;

	while (json_next_object(&items, &show))
		last = show;
	return !listing_is_settled(plan, json_text(last, "key"), json_time(last, "created_time"));
}

/*
 * An error is {"error": {"type", "message"}}; too many requests are a 403 of the type RateLimitException, whose
 * retry_after says for how many seconds.
 */
static Verdict
classify(const Answer *answer)
{
	const JsonbContainer *error = json_object_in(answer->body, "error");
	char *type = json_text(error, "type");
	int64 seconds = json_count(error, "retry_after");
	Verdict result = classify_status(answer);

	if (type != NULL && strcmp(type, "RateLimitException") == 0)
	{
		result.error = ERROR_RATE_LIMITED;
		result.scope = BLOCK_BUCKET;
		result.wait_until = retry_after(answer);
		if (seconds != COUNT_UNKNOWN)
			result.wait_until = answer->at + seconds * USECS_PER_SEC;
	}
	else if (error != NULL && result.error == ERROR_NONE)
		result.error = ERROR_BAD_RESPONSE;
	if (error != NULL)
		result.message = json_text(error, "message");
	return result;
}

/* NULL for what has no key. */
static ContentItem *
read_show(Normalised *out, const JsonbContainer *show)
{
	char *key = json_text(show, "key");
	ContentItem *item;

	if (key == NULL)
		return NULL;
	item = add_content(out, key, "track");
	item->title = json_text(show, "name");
	item->url = without_query(json_text(show, "url"));
	item->published_at = json_time(show, "created_time");
	item->views = json_count(show, "play_count");
	item->likes = json_count(show, "favorite_count");
	item->comments = json_count(show, "comment_count");
	item->shares = json_count(show, "repost_count");
	return item;
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *user = body(responses, "user");
	const Bodies *pages = bodies(responses, "cloudcasts");
	ContentItem *last = NULL;

	out->external_id = json_text(user, "username");
	out->handle = json_text(user, "name");
	out->follower_count = json_count(user, "follower_count");
	out->content_count = json_count(user, "cloudcast_count");
	set_count(out, "follower_count", out->follower_count);
	set_count(out, "shows_count", out->content_count);

	for (int i = 0; i < pages->count; i++)
	{
		JsonItems items = json_items(json_array_in(pages->entries[i].body, "data"));
		const JsonbContainer *show;

		while (json_next_object(&items, &show))
		{
			ContentItem *item = read_show(out, show);

			last = item != NULL ? item : last;
		}
	}
	/* A listing that lost a page has no totals: unknown is not the sum of what is left. */
	if (listed_whole(responses, "cloudcasts"))
	{
		/* Storage keeps the mark, so that later days know that the rest was read: see more(). */
		if (last != NULL && json_text_at(pages->entries[pages->count - 1].body, "paging.next") == NULL)
			listing_end(last);
		set_count(out, "total_plays", CONTENT_SUM(out, views, NULL));
		set_count(out, "favorites_total", CONTENT_SUM(out, likes, NULL));
		set_count(out, "shows_24h", content_last_24h(out, NULL));
		out->engagement_total = sum_known(3, CONTENT_SUM(out, likes, NULL), CONTENT_SUM(out, comments, NULL),
										  CONTENT_SUM(out, shares, NULL));
	}
}

static const char *const scopes[] = {NULL};

static const char *const hosts[] = {"api.mixcloud.com", NULL};

const Platform platform_mixcloud = {
	.name = "mixcloud",
	.label = "Mixcloud",
	.status = STATUS_PLANNED,
	.has_api = true,
	.needs_token = false,
	.id_example = "spartacus",
	.scopes = scopes,
	.hosts = hosts,
	.fields = fields,
	.audience = "follower_count",
	.content = "shows_count",
	.steps = steps,
	.requests_per_second = 2,
	.burst = 5,
	.more = more,
	.classify = classify,
	.normalise = normalise,
};
