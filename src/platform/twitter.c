/*
 * twitter.c
 *    X, the former Twitter, API v2: a profile's counters and its own posts.
 *
 * Every post that is read costs money, so the days after the first read the last 30 days and nothing else: that is
 * the window of every metric, and as long as a post's clicks are told. Reposts of others carry the original's
 * counters and never count. Two vocabularies are in use: tweet.fields with retweet_count, and since 2026 post.fields
 * with repost_count; both are read, the second is asked for where the first is refused.
 *
 * Requests of an account-day: me 1, tweets 1 per 100 posts of the last 30 days. Once, at the first run, tweets also
 * reads what is older, 1 per 100 of at most 3,200 posts; an attempt that was cut off goes on at the oldest known post.
 * With up to 100 posts a month, later days: 2, at $0.010 and $0.005 a post. The prices are those of 2026; X bills a
 * resource once a UTC day.
 *
 * twitter_errors.c knows what refusals and headers mean.
 *
 * API facts: https://docs.x.com/x-api (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "http/url.h"
#include "platform/listing.h"
#include "platform/platform.h"
#include "platform/release.h"
#include "platform/twitter.h"

#define DOLLARS_PER_USER 0.010
#define DOLLARS_PER_POST 0.005

/* X refuses the clicks of posts that turn 30 days old while the answer is on its way. */
#define WINDOW_MARGIN_S (10 * 60)

/* Views are counted since then; before, a 0 is no number (2022-12-15). */
#define FIRST_VIEWS_EPOCH INT64CONST(1671062400)

/* The `of` of the pages that are read once. */
#define OLDER "older"

static const EntryKey top_tweet_keys[] = {
	{"tweet_id", FIELD_TEXT, false},
	{"text", FIELD_TEXT, false},
	{"likes", FIELD_COUNT, false},
	{"retweets", FIELD_COUNT, false},
	{"replies", FIELD_COUNT, false},
	{"impressions", FIELD_COUNT, true},
	{NULL},
};

static const FieldDef fields[] = {
	{"follower_count", FIELD_COUNT, false, KIND_COUNTER, "followers", "me.public_metrics.followers_count",
	 "Followers of the profile"},
	{"follower_change_24h", FIELD_COUNT, false, KIND_CHANGE, "followers", "follower_count",
	 "Change of the followers since the day before", .change_of = "follower_count", .change_days = 1},
	{"following_count", FIELD_COUNT, false, KIND_GAUGE, "profiles", "me.public_metrics.following_count",
	 "Profiles that the profile follows"},
	{"tweets_count", FIELD_COUNT, false, KIND_GAUGE, "tweets", "me.public_metrics.tweet_count",
	 "Posts of the profile, reposts of others among them"},
	{"tweets_24h", FIELD_COUNT, false, KIND_ROLLING, "tweets", "tweets.created_at",
	 "Own posts, replies and quotes of the last 24 hours", .window_days = 1},
	{"likes_received", FIELD_COUNT, false, KIND_ROLLING, "likes", "sum of tweets.public_metrics.like_count",
	 "Likes of the own posts of the last 30 days", .window_days = 30},
	{"retweets_received", FIELD_COUNT, false, KIND_ROLLING, "retweets",
	 "sum of tweets.public_metrics.retweet_count",
	 "Retweets of the own posts of the last 30 days, quotes left out", .window_days = 30},
	{"replies_received", FIELD_COUNT, false, KIND_ROLLING, "replies",
	 "sum of tweets.public_metrics.reply_count", "Replies to the own posts of the last 30 days",
	 .window_days = 30},
	{"top_tweets", FIELD_ENTRIES, true, KIND_LIST, "tweets", "tweets of the last 7 days by like_count",
	 "The most liked own posts of the last 7 days", .entry = top_tweet_keys},
	{"profile_views", FIELD_COUNT, true, KIND_ROLLING, "views", "by hand",
	 "Visits to the profile; no API tells them", .window_days = 30},
	{"link_clicks", FIELD_COUNT, true, KIND_ROLLING, "clicks",
	 "sum of tweets.non_public_metrics.url_link_clicks",
	 "Clicks on links in the own posts of the last 30 days; null where no post has a link",
	 .window_days = 30},
	{NULL},
};

/* ---- Requests ---- */

/* Asked by begin() and next(), with a window of time. */
static bool
never(const Account *account)
{
	return false;
}

static const StepDef steps[] = {
	{"me", NULL, "/2/users/me?user.fields=public_metrics,protected,username,verified", PAGE_NONE,
	 .token = TOKEN_USER},
	{"tweets", NULL, "/2/users/{external_id}/tweets?max_results=100&exclude=retweets", PAGE_CURSOR,
	 "meta.next_token", "pagination_token", .token = TOKEN_USER, .when = never, .holds = "data[],meta,[]"},
	{NULL},
};

/* How the fields of a post are asked for. */
typedef struct Vocabulary
{
	const char *param;
	const char *fields;
} Vocabulary;

static const Vocabulary tweet_words = {"tweet.fields",
									   "created_at,public_metrics,referenced_tweets,note_tweet"};
static const Vocabulary post_words = {"post.fields", "created_at,public_metrics,referenced_posts,note_post"};

/* Asks the posts of a user: the last 30 days with their clicks, or what is older. */
static void
ask_tweets(Plan *plan, const char *user, bool older, const Vocabulary *words, bool with_clicks)
{
	TimestampTz since = plan->account->observed_at - LISTING_FRESH_DAYS * USECS_PER_DAY +
						(int64) WINDOW_MARGIN_S * USECS_PER_SEC;
	TimestampTz until = since;
	Request *request = plan_ask_path(plan, "tweets", older ? OLDER : NULL,
									 psprintf("/2/users/%s/tweets?max_results=100&exclude=retweets&%s=%s%s",
											  url_encoded(user), words->param, words->fields,
											  with_clicks ? ",non_public_metrics" : ""));

	if (!older)
	{
		request_param(request, "start_time", time_to_iso(since));
		return;
	}
	for (int i = 0; plan->known != NULL && i < plan->known->count; i++)
	{
		TimestampTz published = plan->known->items[i]->published_at;

		if (published != TIME_UNKNOWN && published < until)
			until = published;
	}
	request_param(request, "end_time", time_to_iso(until));
}

/* The user's id as X tells it; an id is digits, so that it can stand in a path. */
static char *
user_id(const Plan *plan)
{
	const char *id = plan->account->external_id;

	if (id == NULL)
		id = json_id(json_object_in(body(plan->responses, "me"), "data"), "id");
	return id == NULL || id[0] == '\0' || id[strspn(id, "0123456789")] != '\0' ? NULL : pstrdup(id);
}

static void
begin(Plan *plan)
{
	char *user = user_id(plan);

	if (user != NULL)
		ask_tweets(plan, user, false, &tweet_words, true);
}

static const Vocabulary *
words_of(const Request *request)
{
	return strstr(request->url, post_words.param) != NULL ? &post_words : &tweet_words;
}

static bool
asks_clicks(const Request *request)
{
	return strstr(request->url, "non_public_metrics") != NULL;
}

static void
next(Plan *plan, const Request *request, const Answer *answer)
{
	char *user = user_id(plan);

	if (user == NULL)
		return;
	if (strcmp(request->step->name, "me") == 0)
	{
		if (plan->account->external_id == NULL)
			ask_tweets(plan, user, false, &tweet_words, true);
	}
	else if (request->of == NULL && json_text_at(answer->body, "meta.next_token") == NULL &&
			 !listing_was_read(plan))
		ask_tweets(plan, user, true, words_of(request), false);
}

/* The words or the clicks may be refused: the posts themselves are worth another request. */
static bool
failed(Plan *plan, Request *request, const Verdict *verdict)
{
	const Vocabulary *words = words_of(request);
	char *user = user_id(plan);
	bool refused = verdict->error == ERROR_BAD_RESPONSE || verdict->error == ERROR_PERMISSION;

	if (strcmp(request->step->name, "tweets") != 0 || user == NULL || request->page > 0 || !refused)
		return false;
	if (verdict->error == ERROR_BAD_RESPONSE && words == &tweet_words && verdict->message != NULL &&
		strstr(verdict->message, tweet_words.param) != NULL)
		ask_tweets(plan, user, request->of != NULL, &post_words, asks_clicks(request));
	else if (asks_clicks(request))
		ask_tweets(plan, user, request->of != NULL, words, false);
	else
		return false;
	return true;
}

/* X bills what it returns: a user, or each post. */
static double
cost(const Request *request, const Answer *answer)
{
	if (strcmp(request->step->name, "me") == 0)
		return json_object_in(answer->body, "data") != NULL ? DOLLARS_PER_USER : 0;
	return json_length(json_array_in(answer->body, "data")) * DOLLARS_PER_POST;
}

/* ---- Values ---- */

/* A counter by its old or its new name. */
static int64
either_count(const JsonbContainer *object, const char *old_name, const char *new_name)
{
	int64 count = json_count(object, old_name);

	return count != COUNT_UNKNOWN ? count : json_count(object, new_name);
}

/* Does the post refer to another in that way? */
static bool
refers(const JsonbContainer *tweet, const char *type)
{
	const JsonbContainer *references = json_array_in(tweet, "referenced_tweets");
	JsonItems items = json_items(references != NULL ? references : json_array_in(tweet, "referenced_posts"));
	const JsonbContainer *reference;

	while (json_next_object(&items, &reference))
	{
		if (text_is(json_text(reference, "type"), type))
			return true;
	}
	return false;
}

static bool
is_repost(const JsonbContainer *tweet)
{
	return refers(tweet, "retweeted") || refers(tweet, "reposted");
}

/* A reply that quotes is a reply. */
static const char *
kind_of(const JsonbContainer *tweet)
{
	if (refers(tweet, "replied_to"))
		return "reply";
	return refers(tweet, "quoted") ? "quote" : "tweet";
}

/* The text of a long post stands apart; "text" is then cut. */
static char *
text_of(const JsonbContainer *tweet)
{
	char *text = json_text_at(tweet, "note_tweet.text");

	if (text == NULL)
		text = json_text_at(tweet, "note_post.text");
	return text_unescape(text != NULL ? text : json_text(tweet, "text"));
}

static int64
views_of(const JsonbContainer *tweet, TimestampTz published)
{
	int64 views = json_count(json_object_in(tweet, "public_metrics"), "impression_count");

	if (views == COUNT_UNKNOWN)
		views = json_count(json_object_in(tweet, "non_public_metrics"), "impression_count");
	if (views == 0 && published != TIME_UNKNOWN && published < time_from_epoch(FIRST_VIEWS_EPOCH))
		return COUNT_UNKNOWN;
	return views;
}

static void
read_tweet(Normalised *out, const JsonbContainer *tweet)
{
	const JsonbContainer *counts = json_object_in(tweet, "public_metrics");
	char *id = json_id(tweet, "id");
	ContentItem *item;

	if (id == NULL || is_repost(tweet))
		return;
	item = add_content(out, id, kind_of(tweet));
	item->published_at = json_time(tweet, "created_at");
	item->title = text_of(tweet);
	if (out->handle != NULL)
		item->url = psprintf("https://x.com/%s/status/%s", out->handle, id);
	item->likes = json_count(counts, "like_count");
	item->comments = json_count(counts, "reply_count");
	item->shares = either_count(counts, "retweet_count", "repost_count");
	item->views = views_of(tweet, item->published_at);
	item->saves = json_count(counts, "bookmark_count");
	content_extra_count(item, "quotes", json_count(counts, "quote_count"));
	content_extra_count(item, "link_clicks",
						json_count(json_object_in(tweet, "non_public_metrics"), "url_link_clicks"));
}

/*
 * The windows hold what was listed today: each day lists them whole, so a post that is known but not listed was
 * deleted, or lives on under the id of its next version.
 */
static bool
is_of_30_days(const Normalised *out, const ContentItem *item)
{
	return item->listed && published_within(out, item, 30);
}

static bool
is_of_7_days(const Normalised *out, const ContentItem *item)
{
	return item->listed && published_within(out, item, 7);
}

static bool
is_listed(const Normalised *out, const ContentItem *item)
{
	return item->listed;
}

static bool
is_listed_and_dated(const Normalised *out, const ContentItem *item)
{
	return item->listed && item->published_at != TIME_UNKNOWN;
}

static Jsonb *
top_tweets(List *tweets)
{
	EntriesBuilder builder;
	ListCell *cell;

	entries_begin(&builder);
	foreach (cell, tweets)
	{
		const ContentItem *item = lfirst(cell);

		entry_begin(&builder);
		entry_text(&builder, "tweet_id", item->content_id);
		entry_text(&builder, "text", item->title);
		entry_count(&builder, "likes", item->likes);
		entry_count(&builder, "retweets", item->shares);
		entry_count(&builder, "replies", item->comments);
		entry_count(&builder, "impressions", item->views);
		entry_end(&builder);
	}
	return entries_end(&builder);
}

/* Only posts with a link have clicks: where there is none, nothing is known. */
static int64
link_clicks(const Normalised *out)
{
	int64 sum = COUNT_UNKNOWN;

	for (int i = 0; i < out->content->count; i++)
	{
		const ContentItem *item = out->content->items[i];

		if (is_of_30_days(out, item))
			sum = sum_known(2, sum, json_count(release_extra(item), "link_clicks"));
	}
	return sum;
}

/* Pages of the last 30 days are missing when one was lost, or not asked any more, before the last of them came. */
static bool
recent_was_lost(const Bodies *pages)
{
	bool ended = false;

	for (int i = 0; i < pages->count; i++)
		ended = ended || (pages->entries[i].of == NULL &&
						  json_text_at(pages->entries[i].body, "meta.next_token") == NULL);
	return (pages->partial || pages->bounded) && !ended;
}

/* The last post of all, once the older ones were read to their end: what lies before is read no more. */
static void
mark_end(const Bodies *pages, Normalised *out)
{
	ContentItem *oldest = NULL;
	bool ended = false;

	for (int i = 0; i < pages->count; i++)
		ended = ended || (pages->entries[i].of != NULL &&
						  json_text_at(pages->entries[i].body, "meta.next_token") == NULL);
	for (int i = 0; ended && i < out->content->count; i++)
	{
		ContentItem *item = out->content->items[i];

		if (item->listed && item->published_at != TIME_UNKNOWN &&
			(oldest == NULL || item->published_at < oldest->published_at))
			oldest = item;
	}
	if (oldest != NULL)
		listing_end(oldest);
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *me = json_object_in(body(responses, "me"), "data");
	const JsonbContainer *counts = json_object_in(me, "public_metrics");
	const Bodies *pages = bodies(responses, "tweets");
	bool recent = false, clicks_told = false;

	out->external_id = json_id(me, "id");
	out->handle = json_text(me, "username");
	out->follower_count = json_count(counts, "followers_count");
	out->content_count = either_count(counts, "tweet_count", "post_count");
	set_count(out, "follower_count", out->follower_count);
	set_count(out, "following_count", json_count(counts, "following_count"));
	set_count(out, "tweets_count", out->content_count);

	for (int i = 0; i < pages->count; i++)
	{
		const JsonbContainer *page = pages->entries[i].body;
		JsonItems items = json_items(JsonContainerIsArray(page) ? page : json_array_in(page, "data"));
		const JsonbContainer *tweet;

		recent = recent || pages->entries[i].of == NULL;
		while (json_next_object(&items, &tweet))
		{
			read_tweet(out, tweet);
			clicks_told = clicks_told || json_object_in(tweet, "non_public_metrics") != NULL;
		}
	}
	mark_end(pages, out);

	/* Without a single time nobody knows what lies in the windows. */
	if (recent && (content_number(out, is_listed_and_dated) > 0 || content_number(out, is_listed) == 0) &&
		!recent_was_lost(pages))
	{
		int64 likes = CONTENT_SUM(out, likes, is_of_30_days);
		int64 retweets = CONTENT_SUM(out, shares, is_of_30_days);
		int64 replies = CONTENT_SUM(out, comments, is_of_30_days);

		set_count(out, "tweets_24h", content_last_24h(out, is_listed));
		set_count(out, "likes_received", likes);
		set_count(out, "retweets_received", retweets);
		set_count(out, "replies_received", replies);
		set_entries(out, "top_tweets",
					top_tweets(content_top(out, offsetof(ContentItem, likes), is_of_7_days)));
		/* Where the clicks were refused, posts carry those of an earlier day, the new ones none. */
		if (clicks_told)
			set_count(out, "link_clicks", link_clicks(out));
		out->engagement_total = sum_known(3, likes, retweets, replies);
	}
}

/* ---- The platform ---- */

static const char *const scopes[] = {"users.read", "tweet.read", "offline.access", NULL};

static const char *const hosts[] = {"api.x.com", NULL};

static const OAuthDef oauth = {
	.authorize_url = "https://x.com/i/oauth2/authorize",
	.token_url = "https://api.x.com/2/oauth2/token",
	.revoke_url = "https://api.x.com/2/oauth2/revoke",
	.pkce = PKCE_S256,
	.basic_auth = true,
	.public_clients = true,
	.dead_error = "invalid_request",
	.rotates = true,
	.style = STYLE_BEARER,
	.default_lifetime_s = 7200,
};

const Platform platform_twitter = {
	.name = "twitter",
	.label = "X (Twitter)",
	.status = STATUS_PLANNED,
	.has_api = true,
	.needs_token = true,
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.audience = "follower_count",
	.engagement = "likes_received,retweets_received,replies_received",
	.content = "tweets_count",
	.steps = steps,
	.requests_per_second = 10, /* windows are each user's: 75 and 900 in 15 minutes */
	.burst = 20,
	.begin = begin,
	.next = next,
	.failed = failed,
	.cost = cost,
	.limits = twitter_limits,
	.classify = twitter_classify,
	.normalise = normalise,
};
