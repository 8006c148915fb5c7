/*
 * instagram_values.c
 *    What Instagram's answers say: the account, its posts and stories, and their insights.
 *
 * API facts: https://developers.facebook.com/docs/instagram-platform (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/timestamp.h"

#include "platform/instagram.h"
#include "platform/meta.h"
#include "platform/platform.h"

/* The professional account's id: by Instagram login "id" is known to the app alone, "user_id" to all. */
char *
instagram_profile_id(const JsonbContainer *profile)
{
	char *id = json_id(profile, "user_id");

	return id != NULL ? id : json_id(profile, "id");
}

static bool
is_own(const JsonbContainer *profile, const Account *account)
{
	char *id = instagram_profile_id(profile), *other = json_id(profile, "id");

	return account->external_id == NULL || id == NULL || strcmp(id, account->external_id) == 0 ||
		   (other != NULL && strcmp(other, account->external_id) == 0);
}

/* The account itself, or among the Pages of a person the first that has one; NULL where it is not there. */
const JsonbContainer *
instagram_own_profile(const JsonbContainer *body, const Account *account)
{
	JsonItems pages = json_items(json_array_in(body, "data"));
	const JsonbContainer *page;

	if (body == NULL || json_array_in(body, "data") == NULL)
		return body != NULL && is_own(body, account) ? body : NULL;
	while (json_next_object(&pages, &page))
	{
		const JsonbContainer *profile = json_object_in(page, "instagram_business_account");

		if (profile != NULL && is_own(profile, account))
			return profile;
	}
	return NULL;
}

/* What the API calls it: IMAGE, VIDEO or CAROUSEL_ALBUM, and FEED, REELS, STORY or AD. NULL for what is not counted. */
const char *
instagram_kind_of(const JsonbContainer *post)
{
	char *product = json_text(post, "media_product_type");
	char *type = json_text(post, "media_type");
	char *link = json_text(post, "permalink");

	if (product != NULL && strcmp(product, "AD") == 0)
		return NULL;
	if (product != NULL && strcmp(product, "STORY") == 0)
		return "story";
	if (product != NULL ? strcmp(product, "REELS") == 0 : link != NULL && strstr(link, "/reel/") != NULL)
		return "reel";
	if (type != NULL && strcmp(type, "VIDEO") == 0)
		return "video";
	if (type != NULL && strcmp(type, "CAROUSEL_ALBUM") == 0)
		return "carousel";
	return "photo";
}

static bool
is_post(const Normalised *out, const ContentItem *item)
{
	return item->kind == NULL || strcmp(item->kind, "story") != 0;
}

static bool
is_reel(const Normalised *out, const ContentItem *item)
{
	return item->kind != NULL && strcmp(item->kind, "reel") == 0;
}

/* Accepted invitations; the documentation itself writes "Accpeted". */
static void
read_guests(ContentItem *item, const JsonbContainer *guests)
{
	JsonItems items = json_items(guests);
	const JsonbContainer *guest;

	if (guests == NULL)
		return;
	item->collaborators = NIL;
	item->collaborators_known = true;
	while (json_next_object(&items, &guest))
	{
		char *name = json_text(guest, "username"), *status = json_text(guest, "invite_status");

		if (name != NULL && (status == NULL || pg_strncasecmp(status, "acc", 3) == 0))
			item->collaborators = lappend(item->collaborators, name);
	}
}

static void
keep(int64 *count, int64 value)
{
	if (value != COUNT_UNKNOWN)
		*count = value;
}

static void
read_item(Normalised *out, const JsonbContainer *post, const char *kind)
{
	char *id = json_id(post, "id"), *title = json_text(post, "caption"), *url = json_text(post, "permalink");
	TimestampTz published_at = json_time(post, "timestamp");
	ContentItem *item;

	if (id == NULL || kind == NULL)
		return;
	item = add_content(out, id, kind);
	if (title != NULL)
		item->title = title;
	if (url != NULL)
		item->url = url;
	if (published_at != TIME_UNKNOWN)
		item->published_at = published_at;
	/* What is hidden now stays what was known of it, from an earlier day or from its insights. */
	keep(&item->likes, json_count(post, "like_count"));
	keep(&item->comments, json_count(post, "comments_count"));
	read_guests(item, json_array_at(post, "collaborators.data"));
}

static void
read_post(Normalised *out, const JsonbContainer *post)
{
	read_item(out, post, instagram_kind_of(post));
}

static void
read_story(Normalised *out, const JsonbContainer *story)
{
	read_item(out, story, "story");
}

static void
read_post_insights(Normalised *out, const Entry *entry)
{
	const char *edge = entry->of != NULL ? strchr(entry->of, '/') : NULL;
	const char *id = edge != NULL ? pnstrdup(entry->of, edge - entry->of) : entry->of;
	ContentItem *item = id != NULL ? contents_find(out->content, id) : NULL;
	int64 watched = meta_lifetime(entry->body, "ig_reels_video_view_total_time");

	if (item == NULL)
		return;
	if (edge != NULL && strcmp(edge, INSTAGRAM_GUESTS) == 0)
	{
		read_guests(item, json_array_in(entry->body, "data"));
		return;
	}
	keep(&item->reach, meta_lifetime(entry->body, "reach"));
	keep(&item->views, meta_lifetime(entry->body, "views"));
	keep(&item->saves, meta_lifetime(entry->body, "saved"));
	keep(&item->shares, meta_lifetime(entry->body, "shares"));
	/* Asked where the post hides them; what an earlier day knew is older, and the listing's own word is the better one. */
	item->likes = Max(item->likes, meta_lifetime(entry->body, "likes"));
	if (item->comments == COUNT_UNKNOWN)
		item->comments = meta_lifetime(entry->body, "comments");
	if (watched != COUNT_UNKNOWN) /* milliseconds */
		item->watch_time_minutes = (watched + 30000) / 60000;
}

static int64
total_of(const Responses *responses, const char *step, const char *metric)
{
	const Bodies *answers = bodies(responses, step);
	int64 total = COUNT_UNKNOWN;

	for (int i = 0; i < answers->count && total == COUNT_UNKNOWN; i++)
		total = meta_total(answers->entries[i].body, metric);
	return total;
}

/* What the window that ended last had, and what is said by now of the one that ended some days before. */
static void
set_insights(const Responses *responses, Normalised *out)
{
	static const struct
	{
		const char *field, *metric;
	} insights[] = {
		{"reach", "reach"},
		{"impressions", "views"},
		{"profile_views", "profile_views"},
		{"website_clicks", "website_clicks"},
	};
	TimestampTz settled =
		local_midnight(out->account->observed_at, NULL) - INSTAGRAM_SETTLED_DAYS * USECS_PER_DAY;

	for (int i = 0; i < lengthof(insights); i++)
	{
		set_count(out, insights[i].field, total_of(responses, "insights", insights[i].metric));
		add_earlier(out, insights[i].field, settled, settled + USECS_PER_DAY,
					total_of(responses, "settled_insights", insights[i].metric), 0);
	}
}

/* Does one post at least tell what product it is? Else a reel and a video look alike. */
static bool
tells_products(const Responses *responses)
{
	const Bodies *pages = bodies(responses, "media");

	for (int i = 0; i < pages->count; i++)
	{
		JsonItems items = json_items(json_array_in(pages->entries[i].body, "data"));
		const JsonbContainer *post;

		while (json_next_object(&items, &post))
		{
			if (json_text(post, "media_product_type") != NULL || json_text(post, "permalink") != NULL)
				return true;
		}
	}
	return false;
}

static void
set_totals(Normalised *out, bool told)
{
	int64 likes = CONTENT_SUM(out, likes, is_post), comments = CONTENT_SUM(out, comments, is_post);
	List *top = content_top(out, offsetof(ContentItem, likes), is_post);
	const ContentItem *best = top != NIL ? linitial(top) : NULL;

	set_count(out, "likes_total", likes);
	set_count(out, "comments_total", comments);
	if (likes != COUNT_UNKNOWN && comments != COUNT_UNKNOWN && out->follower_count > 0)
		set_number(out, "engagement_rate", ((double) likes + comments) / out->follower_count);
	out->engagement_total = sum_known(2, likes, comments);
	if (told || content_number(out, is_reel) > 0 || content_number(out, is_post) == 0)
		set_count(out, "reels_count", content_number(out, is_reel));
	if (best != NULL && best->likes != COUNT_UNKNOWN)
	{
		set_text(out, "top_post_id", best->content_id);
		set_count(out, "top_post_likes", best->likes);
		set_count(out, "top_post_comments", best->comments);
	}
}

void
instagram_normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *profile = instagram_own_profile(body(responses, "profile"), out->account);
	const Bodies *stories = bodies(responses, "stories");
	int64 live = 0;

	out->external_id = instagram_profile_id(profile);
	out->handle = json_text(profile, "username");
	out->follower_count = json_count(profile, "followers_count");
	out->content_count = json_count(profile, "media_count");
	set_count(out, "follower_count", out->follower_count);
	set_count(out, "posts_count", out->content_count);

	meta_read(responses, out, "media", read_post);
	meta_read(responses, out, "stories", read_story);
	meta_mark_end(responses, out, "media");
	for (int i = 0; i < bodies(responses, "media_insights")->count; i++)
		read_post_insights(out, &bodies(responses, "media_insights")->entries[i]);

	if (listed_whole(responses, "stories"))
	{
		for (int i = 0; i < stories->count; i++)
			live += json_length(json_array_in(stories->entries[i].body, "data"));
		set_count(out, "stories_count", live);
	}
	if (listed_whole(responses, "media"))
		set_totals(out, tells_products(responses));

	set_insights(responses, out);
}
