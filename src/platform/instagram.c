/*
 * instagram.c
 *    Instagram's Graph API: a professional account, its posts, reels and stories, and what their audience did.
 *
 * Two flavours: by Facebook login (graph.facebook.com, the default) and by Instagram login (graph.instagram.com,
 * settings.login "instagram"), which has neither batches nor collaborators. One refused metric fails a whole request,
 * so that metrics at risk are asked apart, and a refused one is left out and the rest asked again.
 *
 * Insights change for two days after they are told first. So the window that ended two days ago is asked for as well, for
 * the day that told of it.
 *
 * Requests of an account-day: profile 1, insights 2, stories 1, media 1 per 100 posts, media_insights with
 * settled_insights 1 (a batch of at most 50 parts, two on the first day; by Instagram login one each, and 2). Once the
 * posts were read to their end, paging stops at a known post older than 30 days: 6 requests on most days.
 *
 * instagram_values.c reads what is answered.
 *
 * API facts: https://developers.facebook.com/docs/instagram-platform (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/timestamp.h"

#include "http/url.h"
#include "platform/instagram.h"
#include "platform/meta.h"

#define INSTAGRAM_HOST "graph.instagram.com"

#define RECENT_DAYS 30

/* Guests may accept for a while after a post is out. */
#define INVITATION_DAYS 7

static const FieldDef fields[] = {
	{"follower_count", FIELD_COUNT, false, KIND_COUNTER, "followers", "profile.followers_count", "Followers"},
	{"follower_change_24h", FIELD_COUNT, false, KIND_CHANGE, "followers", "difference of stored days",
	 "Change of the followers over a day", "follower_count", 1},
	{"follower_change_7d", FIELD_COUNT, false, KIND_CHANGE, "followers", "difference of stored days",
	 "Change of the followers over 7 days", "follower_count", 7},
	{"follower_change_30d", FIELD_COUNT, false, KIND_CHANGE, "followers", "difference of stored days",
	 "Change of the followers over 30 days", "follower_count", 30},
	{"likes_total", FIELD_COUNT, false, KIND_COUNTER, "likes", "sum of media.like_count",
	 "Likes of all known posts, of those older than 30 days when last read; where hidden, from the post's insights"},
	{"comments_total", FIELD_COUNT, false, KIND_COUNTER, "comments", "sum of media.comments_count",
	 "Comments on all known posts, on those older than 30 days when last read"},
	{"engagement_rate", FIELD_NUMBER, false, KIND_RATE, "ratio",
	 "(likes_total + comments_total) / follower_count",
	 "Likes and comments of all posts for each follower; may exceed 1"},
	{"posts_count", FIELD_COUNT, false, KIND_GAUGE, "posts", "profile.media_count",
	 "Posts and reels, without stories"},
	{"stories_count", FIELD_COUNT, false, KIND_GAUGE, "stories", "number of stories",
	 "Stories that are up now"},
	{"reels_count", FIELD_COUNT, false, KIND_GAUGE, "reels", "media of the product type REELS",
	 "Known reels"},
	{"top_post_id", FIELD_TEXT, true, KIND_LIST, "id", "media with the most likes",
	 "The post with the most likes"},
	{"top_post_likes", FIELD_COUNT, true, KIND_GAUGE, "likes", "media with the most likes", "Its likes"},
	{"top_post_comments", FIELD_COUNT, true, KIND_GAUGE, "comments", "media with the most likes",
	 "Its comments"},
	{"profile_views", FIELD_COUNT, false, KIND_ROLLING, "views", "insights.profile_views",
	 "Views of the profile in the last 30 closed days", .window_days = 30},
	{"reach", FIELD_COUNT, false, KIND_ROLLING, "accounts", "insights.reach",
	 "Different accounts reached in the last 30 closed days", .window_days = 30},
	{"impressions", FIELD_COUNT, false, KIND_ROLLING, "views", "insights.views",
	 "Views of all content in the last 30 closed days", .window_days = 30},
	{"website_clicks", FIELD_COUNT, false, KIND_ROLLING, "clicks", "insights.website_clicks",
	 "Taps on the link in the profile in the last 30 closed days", .window_days = 30},
	{NULL},
};

/* Asked by begin() and next(), once the account's id is known. */
static bool
never(const Account *account)
{
	return false;
}

#define INSIGHTS_OF_POST META_VERSION "/{of}/insights?metric={metrics}"

#define AFTER PAGE_CURSOR, "paging.cursors.after", "after", "paging.next"

static const StepDef steps[] = {
	{"profile", NULL, META_VERSION "/{external_id}?fields=id,username,followers_count,media_count", PAGE_NONE,
	 .token = TOKEN_USER, .when = never},
	{"media", NULL, META_VERSION "/{of}/media", AFTER, .token = TOKEN_USER, .when = never, .holds = "data[]"},
	{"media_insights", NULL, INSIGHTS_OF_POST, PAGE_NONE, .token = TOKEN_USER, .per = true},
	{"stories", NULL, META_VERSION "/{of}/stories", AFTER, .token = TOKEN_USER, .when = never,
	 .holds = "data[]"},
	{"insights", NULL, META_VERSION "/{of}/insights", PAGE_NONE, .token = TOKEN_USER, .when = never},
	{"settled_insights", NULL, META_VERSION "/{of}/insights", PAGE_NONE, .token = TOKEN_USER, .per = true,
	 .optional = true},
	{NULL},
};

/* Braces would be taken for a variable of the path. */
#define OWN_ACCOUNTS                                                                                         \
	META_VERSION                                                                                             \
	"/me/"                                                                                                   \
	"accounts?fields=instagram_business_account%7Bid,username,followers_count,media_count%7D&limit=100"

#define MEDIA_FIELDS                                                                                         \
	"fields=id,caption,media_type,media_product_type,permalink,timestamp,like_count,comments_count&limit="   \
	"100"

#define STORY_FIELDS "fields=id,media_type,media_product_type,permalink,timestamp,caption&limit=100"

static bool
is_instagram_login(const Account *account)
{
	const char *login = account_setting(account, "login");

	return login != NULL && strcmp(login, "instagram") == 0;
}

static const char *
host(const Account *account)
{
	return is_instagram_login(account) ? INSTAGRAM_HOST : META_HOST;
}

/* ---- The account ---- */

/* Insights in two requests: the second pair is undocumented by now and may be refused any day. */
static const char *const pairs[] = {"reach,views", "profile_views,website_clicks"};

/* A series of days would be no answer, so that a total is asked for, over closed days. */
static void
ask_account(Plan *plan, const char *id)
{
	char *insights = psprintf(META_VERSION "/%s/insights?metric={metrics}&period=day&metric_type=total_value"
										   "&since={since30}&until={until}",
							  url_encoded(id));

	plan_ask_path(plan, "media", NULL, psprintf(META_VERSION "/%s/media?" MEDIA_FIELDS, url_encoded(id)));
	plan_ask_path(plan, "stories", NULL, psprintf(META_VERSION "/%s/stories?" STORY_FIELDS, url_encoded(id)));
	for (int i = 0; i < lengthof(pairs); i++)
		plan_ask_metrics(plan, "insights", NULL, insights, meta_metrics(plan, pairs[i]));
}

/*
 * The same of the window that ended when it was not yet settled: the parts of a batch that ask for it, or requests where there
 * are no batches. An account that was not known before this day has no earlier one.
 */
static List *
ask_settled(Plan *plan)
{
	const char *id = plan->account->external_id;
	char *window = psprintf("period=day&metric_type=total_value&since={since%d}&until={since%d}&",
							RECENT_DAYS + INSTAGRAM_SETTLED_DAYS, INSTAGRAM_SETTLED_DAYS);
	List *parts = NIL;

	for (int i = 0; id != NULL && i < lengthof(pairs); i++)
	{
		List *metrics = meta_metrics(plan, pairs[i]);

		if (is_instagram_login(plan->account))
			plan_ask_metrics(plan, "settled_insights", id,
							 psprintf(META_VERSION "/{of}/insights?%smetric={metrics}", window), metrics);
		else if (metrics != NIL)
			parts = lappend(parts, meta_insights_part(id, plan_expand(plan, window, NULL, NIL), metrics));
	}
	return parts;
}

static void
begin(Plan *plan)
{
	const char *id = plan->account->external_id;

	if (id != NULL)
	{
		plan_ask(plan, "profile", NULL);
		ask_account(plan, id);
		if (is_instagram_login(plan->account))
			ask_settled(plan);
	}
	else if (is_instagram_login(plan->account))
		plan_ask_path(plan, "profile", NULL,
					  META_VERSION "/me?fields=user_id,username,followers_count,media_count");
	else
		plan_ask_path(plan, "profile", NULL, OWN_ACCOUNTS);
}

/* ---- Posts ---- */

static TimestampTz
days_ago(const Plan *plan, int days)
{
	return plan->account->observed_at - days * USECS_PER_DAY;
}

static bool
more(const Plan *plan, const Request *request, const Answer *answer)
{
	if (json_length(json_array_in(answer->body, "data")) == 0)
		return false;
	return strcmp(request->step->name, "media") != 0 ||
		   !meta_page_is_settled(plan, answer->body, "timestamp");
}

/* ---- Insights of posts ---- */

/* The post or story as it was listed in this run; NULL where it was not. */
static const JsonbContainer *
listed(const Plan *plan, const char *listing, const char *id)
{
	JsonItems items = json_items(json_array_in(body(plan->responses, listing), "data"));
	const JsonbContainer *post;

	while (json_next_object(&items, &post))
	{
		char *found = json_id(post, "id");

		if (found != NULL && strcmp(found, id) == 0)
			return post;
	}
	return NULL;
}

/*
 * A metric that does not fit the kind fails the request. Likes only where the post hides them. A listed story need not
 * say that it is one.
 */
static List *
metrics_of(const Plan *plan, const char *id)
{
	const JsonbContainer *post = listed(plan, "media", id);
	const char *kind;
	char *metrics = "reach,views,saved,shares";

	if (post == NULL)
		return meta_metrics(plan, "reach,views,shares");
	kind = instagram_kind_of(post);
	if (!json_has(post, "like_count"))
		metrics = psprintf("%s,likes", metrics);
	if (kind != NULL && strcmp(kind, "reel") == 0)
		metrics = psprintf("%s,ig_reels_video_view_total_time", metrics);
	return meta_metrics(plan, metrics);
}

/* Does the post hide its likes, and were those that its insights told lost as well? */
static bool
lacks_likes(const Plan *plan, const JsonbContainer *post, const char *id)
{
	const ContentItem *item = contents_find(plan->known, id);

	return !json_has(post, "like_count") && item != NULL && item->likes == COUNT_UNKNOWN;
}

/*
 * Ids of a listing's first page, newest first, at most `room`: of posts those that are new or recent, or whose likes are
 * told nowhere else and were never heard.
 */
static List *
ids_worth_asking(const Plan *plan, const char *listing, int room)
{
	JsonItems items = json_items(json_array_in(body(plan->responses, listing), "data"));
	bool stories = strcmp(listing, "stories") == 0;
	const JsonbContainer *post;
	List *ids = NIL;

	while (list_length(ids) < room && json_next_object(&items, &post))
	{
		char *id = json_id(post, "id");

		if (id == NULL || instagram_kind_of(post) == NULL)
			continue;
		if (stories || !plan_knows(plan, id) || json_time(post, "timestamp") >= days_ago(plan, RECENT_DAYS) ||
			lacks_likes(plan, post, id))
			ids = lappend(ids, id);
	}
	return ids;
}

/*
 * Once both listings have come, or failed. Stories come first: tomorrow they are gone. Who made a post together with the
 * artist is asked when it is new, and while guests may still accept.
 */
static void
ask_media_insights(Plan *plan, const char *failing)
{
	static const char *const listings[] = {"media", "stories"};
	List *parts = NIL, *guests = NIL, *settled = NIL, *ids;
	ListCell *cell;
	bool alone = is_instagram_login(plan->account);
	int room = META_BATCH;

	for (int i = 0; i < lengthof(listings); i++)
	{
		const Bodies *pages = bodies(plan->responses, listings[i]);

		if (pages->count == 0 && !pages->partial && (failing == NULL || strcmp(failing, listings[i]) != 0))
			return;
	}
	if (!alone)
		settled = ask_settled(plan);
	room -= list_length(settled);
	ids = ids_worth_asking(plan, "stories", room);
	ids = list_concat(ids, ids_worth_asking(plan, "media", room - list_length(ids)));
	foreach (cell, ids)
	{
		char *id = lfirst(cell);
		const JsonbContainer *post = listed(plan, "media", id);
		List *metrics = metrics_of(plan, id);

		if (alone)
			plan_ask_metrics(plan, "media_insights", id, INSIGHTS_OF_POST, metrics);
		else if (metrics != NIL)
			parts = lappend(parts, meta_insights_part(id, "", metrics));
		if (post != NULL &&
			(!plan_knows(plan, id) || json_time(post, "timestamp") >= days_ago(plan, INVITATION_DAYS)))
			guests = lappend(guests, psprintf("%s" INSTAGRAM_GUESTS "?fields=id,username,invite_status", id));
	}
	if (!alone)
		meta_ask_batches(plan, "media_insights", list_concat(list_concat(parts, settled), guests));
}

/* What a part of a batch told: the account's own insights, or a post's. */
static const char *
step_of_part(const Plan *plan, const char *id)
{
	const char *own = plan->account->external_id;

	return own != NULL && strcmp(id, url_encoded(own)) == 0 ? "settled_insights" : "media_insights";
}

/* Where a metric of a part was refused, the rest of it is asked again. */
static bool
unpack(Plan *plan, Request *request, const Answer *answer)
{
	if (request->parts == NIL)
		return false;
	meta_ask_batches(plan, "media_insights", meta_unpack_batch(plan, request, answer, step_of_part));
	return true;
}

static void
next(Plan *plan, const Request *request, const Answer *answer)
{
	if (strcmp(request->step->name, "profile") == 0 && plan->account->external_id == NULL)
	{
		char *id = instagram_profile_id(instagram_own_profile(answer->body, plan->account));

		if (id != NULL)
			ask_account(plan, id);
	}
	else if ((strcmp(request->step->name, "media") == 0 || strcmp(request->step->name, "stories") == 0) &&
			 request->page == 0)
		ask_media_insights(plan, NULL);
}

static bool
failed(Plan *plan, Request *request, const Verdict *verdict)
{
	const char *step = request->step->name;

	if (meta_ask_less(plan, request, verdict))
		return true;
	if ((strcmp(step, "media") == 0 || strcmp(step, "stories") == 0) && request->page == 0)
		ask_media_insights(plan, step);
	/* Posts older than the professional account, and stories that hardly anyone saw, have no insights. */
	return strcmp(step, "media_insights") == 0 && verdict->error == ERROR_NOT_FOUND;
}

static Verdict
classify(const Answer *answer)
{
	return meta_classify(answer, "profile");
}

/* ---- The platform ---- */

static const char *const scopes[] = {"instagram_basic", "instagram_manage_insights", "pages_show_list",
									 "pages_read_engagement", NULL};

static const char *const hosts[] = {META_HOST, INSTAGRAM_HOST, "api.instagram.com", NULL};

static const char *const instagram_scopes[] = {"instagram_business_basic",
											   "instagram_business_manage_insights", NULL};

static const OAuthDef instagram_login = {
	.authorize_url = "https://www.instagram.com/oauth/authorize",
	.token_url = "https://api.instagram.com/oauth/access_token",
	.scope_separator = ",",
	.renewal = RENEW_INSTAGRAM,
	.scopes_given = "permissions",
	.account_given = "user_id",
	.style = STYLE_BEARER,
	.default_lifetime_s = 3600,
	.renew_ahead_s = 10 * SECS_PER_DAY,
	.scopes = instagram_scopes,
};

static const OAuthDef oauth = {
	.authorize_url = "https://www.facebook.com/v25.0/dialog/oauth",
	.token_url = "https://graph.facebook.com/v25.0/oauth/access_token",
	.scope_separator = ",",
	.token_by_get = true,
	.renewal = RENEW_FACEBOOK,
	.by_pages = true,
	.proof = true,
	.style = STYLE_BEARER,
	.default_lifetime_s = 60 * SECS_PER_DAY,
	.renew_ahead_s = 10 * SECS_PER_DAY,
	.by_login = &instagram_login,
};

const Platform platform_instagram = {
	.name = "instagram",
	.label = "Instagram",
	.status = STATUS_READY,
	.has_api = true,
	.needs_token = true,
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.audience = "follower_count",
	.engagement = "likes_total,comments_total",
	.content = "posts_count",
	.steps = steps,
	.settled_after_days = INSTAGRAM_SETTLED_DAYS,
	.requests_per_second = 5,
	.burst = 10,
	.host = host,
	.begin = begin,
	.next = next,
	.more = more,
	.unpack = unpack,
	.failed = failed,
	.classify = classify,
	.limits = meta_limits,
	.normalise = instagram_normalise,
};
