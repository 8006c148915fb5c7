/*
 * facebook.c
 *    Facebook's Graph API: a Page, its posts and videos, and what its audience did.
 *
 * Everything needs a Page's token; a person's may answer with empty lists. The old impressions are gone, what replaces
 * them counts views and viewers. An insights answer that refuses a metric does not say which, so that the refused one
 * is searched in halves. Posts that were never shared have no "shares".
 *
 * Requests of an account-day: page 1, insights 1, posts 1 per 100 posts, videos 1 per 100 videos. Once the posts were
 * read to their end, their paging stops at a known post older than 30 days: 4 requests on most days.
 *
 * API facts: https://developers.facebook.com/docs/graph-api/reference/page,
 * https://developers.facebook.com/docs/graph-api/reference/insights (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/timestamp.h"

#include "http/url.h"
#include "platform/meta.h"

/* The period of insights that comes nearest to a month: told once a day for the 28 days before. */
#define PERIOD "days_28"

/* Points of so many days before come with the newest, in the same answer: Meta corrects them for a while. */
#define RESTATED_DAYS "7"

static const FieldDef fields[] = {
	{"page_followers", FIELD_COUNT, false, KIND_COUNTER, "followers",
	 "page.followers_count, else insights.page_follows", "Followers of the Page"},
	{"page_likes", FIELD_COUNT, false, KIND_COUNTER, "likes", "page.fan_count", "People who like the Page"},
	{"post_engagement", FIELD_COUNT, false, KIND_ROLLING, "actions", "insights.page_post_engagements",
	 "Reactions, comments, shares and clicks on posts in the last 28 days", .window_days = 28},
	{"reactions_total", FIELD_COUNT, false, KIND_COUNTER, "reactions",
	 "sum of posts.reactions.summary.total_count",
	 "Reactions to all known posts, to those older than 30 days when last read"},
	{"comments_total", FIELD_COUNT, false, KIND_COUNTER, "comments",
	 "sum of posts.comments.summary.total_count",
	 "Comments on all known posts, on those older than 30 days when last read"},
	{"shares_total", FIELD_COUNT, false, KIND_COUNTER, "shares", "sum of posts.shares.count",
	 "Shares of all known posts, of those older than 30 days when last read"},
	{"posts_count", FIELD_COUNT, false, KIND_GAUGE, "posts",
	 "page.published_posts.summary.total_count, else number of posts", "Published posts"},
	{"videos_count", FIELD_COUNT, false, KIND_GAUGE, "videos", "number of videos", "Published videos"},
	{"page_views", FIELD_COUNT, false, KIND_ROLLING, "views", "insights.page_views_total",
	 "Views of the Page itself in the last 28 days", .window_days = 28},
	{"page_reach", FIELD_COUNT, false, KIND_ROLLING, "people", "insights.page_total_media_view_unique",
	 "Different people who viewed the Page's content in the last 28 days", .window_days = 28},
	{"page_impressions", FIELD_COUNT, false, KIND_ROLLING, "views", "insights.page_media_view",
	 "Views of the Page's content in the last 28 days", .window_days = 28},
	{NULL},
};

/* Asked by begin() and next(), once the Page's id is known. */
static bool
never(const Account *account)
{
	return false;
}

#define AFTER PAGE_CURSOR, "paging.cursors.after", "after", "paging.next"

static const StepDef steps[] = {
	{"page", NULL, META_VERSION "/me", PAGE_NONE, .token = TOKEN_USER, .when = never},
	{"posts", NULL, META_VERSION "/me/published_posts", AFTER, .token = TOKEN_USER, .when = never,
	 .holds = "data[]"},
	{"videos", NULL, META_VERSION "/me/videos", AFTER, .token = TOKEN_USER, .when = never, .holds = "data[]"},
	{"insights", NULL, META_VERSION "/me/insights", PAGE_NONE, .token = TOKEN_USER, .when = never},
	{NULL},
};

/* ---- Requests ---- */

#define PAGE_FIELDS                                                                                          \
	"fields=id,name,username,fan_count,followers_count,published_posts.limit(0).summary(total_count)"

/* Braces would be taken for a variable of the path. */
#define POST_FIELDS "fields=id,message,created_time,permalink_url,shares,attachments%7Bmedia_type,type%7D"

#define POST_SUMMARIES ",reactions.limit(0).summary(total_count),comments.limit(0).summary(total_count)"

#define PAGE_METRICS                                                                                         \
	"page_media_view,page_total_media_view_unique,page_views_total,page_post_engagements,page_follows"

#define POST_METRICS "post_media_view,post_total_media_view_unique"

/* The posts with their reactions and comments, and those of their insights that the list names. */
static void
ask_posts(Plan *plan, const char *id, bool summaries, List *metrics)
{
	char *insights = metrics == NIL ? "" : psprintf(",insights.metric(%s)", meta_joined(metrics));

	plan_ask_path(plan, "posts", NULL,
				  psprintf(META_VERSION "/%s/published_posts?%s%s%s&limit=100", url_encoded(id), POST_FIELDS,
						   summaries ? POST_SUMMARIES : "", insights));
}

static void
ask_page(Plan *plan, const char *id)
{
	ask_posts(plan, id, true, meta_metrics(plan, POST_METRICS));
	plan_ask_path(plan, "videos", NULL,
				  psprintf(META_VERSION "/%s/videos?fields=id,published&limit=100", url_encoded(id)));
	plan_ask_metrics(plan, "insights", NULL,
					 psprintf(META_VERSION "/%s/insights?metric={metrics}&period=" PERIOD
										   "&since={since" RESTATED_DAYS "}&until={now}",
							  url_encoded(id)),
					 meta_metrics(plan, PAGE_METRICS));
}

/* With a Page's token, "me" is the Page. */
static void
begin(Plan *plan)
{
	const char *id = plan->account->external_id;

	plan_ask_path(plan, "page", NULL,
				  psprintf(META_VERSION "/%s?" PAGE_FIELDS, id != NULL ? url_encoded(id) : "me"));
	if (id != NULL)
		ask_page(plan, id);
}

/* The Page itself, or its entry of a person's list of Pages; NULL where it is not there. */
static const JsonbContainer *
own_page(const JsonbContainer *body, const Account *account)
{
	JsonItems pages = json_items(json_array_in(body, "data"));
	const JsonbContainer *page = body;

	if (json_array_in(body, "data") != NULL && !json_next_object(&pages, &page))
		return NULL;
	do
	{
		char *id = json_id(page, "id");

		if (account->external_id == NULL || id == NULL || strcmp(id, account->external_id) == 0)
			return page;
	} while (json_next_object(&pages, &page));
	return NULL;
}

static bool
more(const Plan *plan, const Request *request, const Answer *answer)
{
	if (json_length(json_array_in(answer->body, "data")) == 0)
		return false;
	return strcmp(request->step->name, "posts") != 0 ||
		   !meta_page_is_settled(plan, answer->body, "created_time");
}

/* Which insights a request for posts asks. */
static List *
metrics_asked(const Request *request)
{
	char *names = pstrdup(POST_METRICS), *name;
	List *asked = NIL;

	while ((name = strsep(&names, ",")) != NULL)
	{
		if (strstr(request->url, name) != NULL)
			asked = lappend(asked, name);
	}
	return asked;
}

static void
next(Plan *plan, const Request *request, const Answer *answer)
{
	if (strcmp(request->step->name, "page") == 0 && plan->account->external_id == NULL)
	{
		char *id = json_id(own_page(answer->body, plan->account), "id");

		if (id != NULL)
			ask_page(plan, id);
	}
	else if (strcmp(request->step->name, "posts") == 0 && request->page == 0 &&
			 list_length(metrics_asked(request)) == 1 && list_length(meta_metrics(plan, POST_METRICS)) == 2)
		/* One alone was asked because both together were refused, and was given: the other is gone. */
		plan->refused = lappend(plan->refused, strstr(request->url, "post_media_view") != NULL
												   ? "post_total_media_view_unique"
												   : "post_media_view");
}

/* The posts matter more than what comes with them: without the right, or the metric, they are asked alone. */
static bool
ask_posts_again(Plan *plan, const Request *request, const Verdict *verdict)
{
	List *asked = metrics_asked(request);
	const char *path = strstr(request->url, META_VERSION "/") + strlen(META_VERSION "/");
	char *id = pnstrdup(path, strcspn(path, "/"));

	if (request->page > 0)
		return false;
	if (verdict->error == ERROR_PERMISSION && asked != NIL)
	{
		plan->missing = lappend(plan->missing, "posts: permission");
		ask_posts(plan, id, true, NIL);
		return true;
	}
	if (verdict->error == ERROR_PERMISSION && strstr(request->url, POST_SUMMARIES) != NULL)
	{
		/* Reactions and comments need pages_read_user_content. */
		ask_posts(plan, id, false, NIL);
		return true;
	}
	if (verdict->error != ERROR_METRIC_RETIRED || asked == NIL)
		return false;
	if (list_length(asked) > 1)
		ask_posts(plan, id, true, list_make1(linitial(asked)));
	else
	{
		plan->refused = lappend(plan->refused, linitial(asked));
		/* The first one is out; the second, where it was not tried yet, is next. */
		ask_posts(plan, id, true, meta_metrics(plan, POST_METRICS));
	}
	return true;
}

static bool
failed(Plan *plan, Request *request, const Verdict *verdict)
{
	if (meta_ask_less(plan, request, verdict))
		return true;
	if (strcmp(request->step->name, "posts") == 0)
		return ask_posts_again(plan, request, verdict);
	/* A Page with fewer than a hundred followers has no insights. */
	return strcmp(request->step->name, "insights") == 0 && verdict->error == ERROR_NOT_FOUND;
}

/* A person's token is answered as well, with the person. */
static Verdict
classify(const Answer *answer)
{
	Verdict result = meta_classify(answer, "page");

	if (result.error == ERROR_NONE && answer->request != NULL &&
		strcmp(answer->request->step->name, "page") == 0 && !json_has(answer->body, "fan_count") &&
		!json_has(answer->body, "followers_count") && !json_has(answer->body, "published_posts"))
		return verdict(ERROR_PERMISSION, "the token is not a Page's");
	return result;
}

/* ---- Values ---- */

/* Neither type nor status_type can be relied on: the address tells reels, the attachment the rest. */
static const char *
kind_of(const JsonbContainer *post)
{
	JsonItems attachments = json_items(json_array_at(post, "attachments.data"));
	const JsonbContainer *attachment = NULL;
	char *link = json_text(post, "permalink_url");
	char *type;

	if (link != NULL && strstr(link, "/reel/") != NULL)
		return "reel";
	if (link != NULL && strstr(link, "/videos/") != NULL)
		return "video";
	if (link != NULL && strstr(link, "/photos/") != NULL)
		return "photo";
	if (!json_next_object(&attachments, &attachment))
		return "status";
	type = json_text(attachment, "media_type");
	if (type == NULL)
		type = json_text(attachment, "type");
	if (type == NULL)
		return "status";
	if (strncmp(type, "video", strlen("video")) == 0)
		return "video";
	if (strcmp(type, "photo") == 0 || strcmp(type, "album") == 0)
		return "photo";
	return strcmp(type, "link") == 0 || strcmp(type, "share") == 0 ? "link" : "status";
}

static void
keep(int64 *count, int64 value)
{
	if (value != COUNT_UNKNOWN)
		*count = value;
}

static void
read_post(Normalised *out, const JsonbContainer *post)
{
	const JsonbContainer *insights = json_object_in(post, "insights");
	char *id = json_id(post, "id"), *title = json_text(post, "message"),
		 *url = json_text(post, "permalink_url");
	TimestampTz published_at = json_time(post, "created_time");
	ContentItem *item;

	if (id == NULL)
		return;
	item = add_content(out, id, kind_of(post));
	if (title != NULL)
		item->title = title;
	if (url != NULL)
		item->url = url;
	if (published_at != TIME_UNKNOWN)
		item->published_at = published_at;
	keep(&item->likes, json_count(json_object_at(post, "reactions.summary"), "total_count"));
	keep(&item->comments, json_count(json_object_at(post, "comments.summary"), "total_count"));
	item->shares = json_has(post, "shares") ? json_count(json_object_in(post, "shares"), "count") : 0;
	keep(&item->views, meta_lifetime(insights, "post_media_view"));
	keep(&item->reach, meta_lifetime(insights, "post_total_media_view_unique"));
}

static int64
count_videos(const Responses *responses)
{
	const Bodies *pages = bodies(responses, "videos");
	int64 n = 0;

	if (!listed_whole(responses, "videos") || !read_to_end(pages))
		return COUNT_UNKNOWN;
	for (int i = 0; i < pages->count; i++)
	{
		JsonItems items = json_items(json_array_in(pages->entries[i].body, "data"));
		const JsonbContainer *video;

		while (json_next_object(&items, &video))
		{
			if (json_bool(video, "published", true))
				n++;
		}
	}
	return n;
}

static int64
newest(const Responses *responses, const char *metric)
{
	const Bodies *answers = bodies(responses, "insights");
	int64 value = COUNT_UNKNOWN;

	for (int i = 0; i < answers->count && value == COUNT_UNKNOWN; i++)
		value = meta_newest(answers->entries[i].body, metric, PERIOD);
	return value;
}

/*
 * The newest point of a metric is the day's; where no period was asked, all come, and they mean different things. Those
 * before it were the newest of earlier days.
 */
static void
set_newest(const Responses *responses, Normalised *out, const char *field, const char *metric)
{
	const Bodies *answers = bodies(responses, "insights");

	set_count(out, field, newest(responses, metric));
	for (int i = 0; i < answers->count; i++)
		meta_earlier(out, field, answers->entries[i].body, metric, PERIOD);
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *page = own_page(body(responses, "page"), out->account);
	int64 reactions = COUNT_UNKNOWN, comments = COUNT_UNKNOWN, shares = COUNT_UNKNOWN;

	out->external_id = json_id(page, "id");
	out->handle = json_text(page, "username");
	if (out->handle == NULL)
		out->handle = json_text(page, "name");
	out->follower_count = json_count(page, "followers_count");
	if (out->follower_count == COUNT_UNKNOWN)
		out->follower_count = newest(responses, "page_follows");
	out->content_count = json_count(json_object_at(page, "published_posts.summary"), "total_count");

	meta_read(responses, out, "posts", read_post);
	meta_mark_end(responses, out, "posts");
	if (listed_whole(responses, "posts"))
	{
		reactions = CONTENT_SUM(out, likes, NULL);
		comments = CONTENT_SUM(out, comments, NULL);
		shares = CONTENT_SUM(out, shares, NULL);
		if (out->content_count == COUNT_UNKNOWN)
			out->content_count = content_number(out, NULL);
	}
	out->engagement_total = sum_known(3, reactions, comments, shares);

	set_count(out, "page_followers", out->follower_count);
	set_count(out, "page_likes", json_count(page, "fan_count"));
	set_count(out, "reactions_total", reactions);
	set_count(out, "comments_total", comments);
	set_count(out, "shares_total", shares);
	set_count(out, "posts_count", out->content_count);
	set_count(out, "videos_count", count_videos(responses));
	set_newest(responses, out, "post_engagement", "page_post_engagements");
	set_newest(responses, out, "page_views", "page_views_total");
	set_newest(responses, out, "page_reach", "page_total_media_view_unique");
	set_newest(responses, out, "page_impressions", "page_media_view");
}

/* ---- The platform ---- */

static const char *const scopes[] = {"pages_show_list",         "pages_read_engagement", "read_insights",
									 "pages_read_user_content", "business_management",   NULL};

static const char *const hosts[] = {META_HOST, NULL};

static const OAuthDef oauth = {
	.authorize_url = "https://www.facebook.com/v25.0/dialog/oauth",
	.token_url = "https://graph.facebook.com/v25.0/oauth/access_token",
	.scope_separator = ",",
	.token_by_get = true,
	.renewal = RENEW_FACEBOOK,
	.by_pages = true,
	.page_tokens = true,
	.proof = true,
	.style = STYLE_BEARER,
	.default_lifetime_s = 60 * SECS_PER_DAY, /* the person's; a Page's own does not expire */
	.renew_ahead_s = 10 * SECS_PER_DAY,
};

const Platform platform_facebook = {
	.name = "facebook",
	.label = "Facebook",
	.status = STATUS_READY,
	.has_api = true,
	.needs_token = true,
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.audience = "page_followers",
	.engagement = "reactions_total,comments_total,shares_total",
	.content = "posts_count",
	.steps = steps,
	.settled_after_days = 2, /* insights are refreshed once a day */
	.requests_per_second = 5,
	.burst = 10,
	.begin = begin,
	.next = next,
	.more = more,
	.failed = failed,
	.classify = classify,
	.limits = meta_limits,
	.normalise = normalise,
};
