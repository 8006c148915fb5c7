/*
 * tiktok.c
 *    TikTok's Display API: a profile's counters and its public videos.
 *
 * Every answer is {"data", "error": {"code", "message", "log_id"}}; "ok" is an error code, and failures may come with
 * HTTP 200. Cursors are milliseconds, times of videos seconds. Users may refuse single scopes: only the fields of
 * granted ones are asked for, because one field too many loses the whole answer.
 *
 * Requests of an account-day: user 1, videos 1 per 20. Every run lists all videos: an old one may be seen by many again,
 * and the sum over the videos is all that tells their views.
 *
 * API facts: https://developers.tiktok.com/doc/display-api-overview (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "datatype/timestamp.h"

#include "platform/listing.h"
#include "platform/platform.h"

#define PAGE_SIZE 20

/* A sliding window of one minute. */
#define LIMIT_PAUSE_S 60

/* Seconds of the year 5138, milliseconds of 1973: what lies above is milliseconds. */
#define GREATEST_SECONDS INT64CONST(100000000000)

static const EntryKey top_video_keys[] = {
	{"video_id", FIELD_TEXT, false},
	{"views", FIELD_COUNT, false},
	{"likes", FIELD_COUNT, false},
	{"comments", FIELD_COUNT, false},
	{"shares", FIELD_COUNT, false},
	{"created_at", FIELD_TEXT, false},
	{NULL},
};

static const FieldDef fields[] = {
	{"follower_count", FIELD_COUNT, false, KIND_COUNTER, "followers", "user.follower_count",
	 "Followers of the profile"},
	{"follower_change_24h", FIELD_COUNT, false, KIND_CHANGE, "followers", "follower_count",
	 "Change of the followers since the day before", .change_of = "follower_count", .change_days = 1},
	{"following_count", FIELD_COUNT, false, KIND_GAUGE, "profiles", "user.following_count",
	 "Profiles that the profile follows"},
	{"total_views", FIELD_COUNT, false, KIND_COUNTER, "views", "sum of videos.view_count",
	 "Views of all public videos"},
	{"total_likes", FIELD_COUNT, false, KIND_COUNTER, "likes", "user.likes_count",
	 "Likes that the account received on all its videos, hidden ones too"},
	{"total_comments", FIELD_COUNT, false, KIND_COUNTER, "comments", "sum of videos.comment_count",
	 "Comments on all public videos"},
	{"total_shares", FIELD_COUNT, false, KIND_COUNTER, "shares", "sum of videos.share_count",
	 "Shares of all public videos"},
	{"video_count", FIELD_COUNT, false, KIND_GAUGE, "videos", "user.video_count", "Public videos"},
	{"videos_posted_24h", FIELD_COUNT, false, KIND_ROLLING, "videos", "videos.create_time",
	 "Videos published in the last 24 hours", .window_days = 1},
	{"top_videos", FIELD_ENTRIES, true, KIND_LIST, "videos", "videos of the last 7 days by view_count",
	 "The most viewed videos published in the last 7 days", .entry = top_video_keys},
	{"engagement_rate", FIELD_NUMBER, false, KIND_RATE, "ratio",
	 "(likes + comments + shares) / views of videos",
	 "Likes, comments and shares of the videos by their views"},
	{"average_views_per_video", FIELD_NUMBER, false, KIND_RATE, "views", "total_views / number of videos",
	 "Views of an average video"},
	{NULL},
};

/* ---- Requests ---- */

/* Asked by begin(), which knows the scopes. */
static bool
never(const Account *account)
{
	return false;
}

static const StepDef steps[] = {
	{"user", NULL, "/v2/user/info/?fields={metrics}", PAGE_NONE, .token = TOKEN_USER, .when = never},
	{"videos", NULL, "/v2/video/list/?fields={metrics}", PAGE_NONE, .token = TOKEN_USER, .when = never,
	 .metrics =
		 "id,create_time,title,video_description,share_url,like_count,comment_count,share_count,view_count",
	 .holds = "data.videos[],data.has_more"},
	{NULL},
};

static const struct
{
	const char *field;
	const char *scope;
} user_fields[] = {
	{"open_id", "user.info.basic"},         {"display_name", "user.info.basic"},
	{"username", "user.info.profile"},      {"follower_count", "user.info.stats"},
	{"following_count", "user.info.stats"}, {"likes_count", "user.info.stats"},
	{"video_count", "user.info.stats"},
};

/* The fields that the user's scopes unlock. */
static List *
granted_fields(const Account *account, bool with_profile)
{
	List *granted = NIL;

	for (int i = 0; i < lengthof(user_fields); i++)
	{
		if (account_has_scope(account, user_fields[i].scope) &&
			!account_is_quarantined(account, user_fields[i].field) &&
			(with_profile || strcmp(user_fields[i].scope, "user.info.profile") != 0))
			granted = lappend(granted, (char *) user_fields[i].field);
	}
	return granted;
}

static void
ask_user(Plan *plan, bool with_profile)
{
	plan_ask_metrics(plan, "user", NULL, platform_step(plan->platform, "user")->path,
					 granted_fields(plan->account, with_profile));
}

/* A page of videos is a POST, though its fields are in the address. */
static void
make_post(Request *request, int64 cursor)
{
	if (request == NULL)
		return;
	request->post = true;
	request->content_type = "application/json";
	if (cursor == COUNT_UNKNOWN)
		request->body = psprintf("{\"max_count\": %d}", PAGE_SIZE);
	else
		request->body = psprintf("{\"max_count\": %d, \"cursor\": " INT64_FORMAT "}", PAGE_SIZE, cursor);
}

static void
begin(Plan *plan)
{
	const Account *account = plan->account;

	/* Without the counters' scope the profile would only say who it is. */
	if (account_has_scope(account, "user.info.stats") || account->external_id == NULL)
		ask_user(plan, true);
	if (account_has_scope(account, "video.list"))
		make_post(plan_ask(plan, "videos", NULL), COUNT_UNKNOWN);
}

static TimestampTz
time_of(const JsonbContainer *video)
{
	int64 created = json_count(video, "create_time");

	if (created != COUNT_UNKNOWN && created > GREATEST_SECONDS)
		created /= 1000;
	return time_from_epoch(created);
}

static int64
cursor_of(const JsonbContainer *page)
{
	return json_count(json_object_in(page, "data"), "cursor");
}

static bool
has_more(const JsonbContainer *page)
{
	return json_bool(json_object_in(page, "data"), "has_more", false);
}

/* Short and even empty pages are no end: videos are filtered after the page was cut. */
static void
next(Plan *plan, const Request *request, const Answer *answer)
{
	const Bodies *pages = bodies(plan->responses, "videos");
	int64 cursor = cursor_of(answer->body);
	int64 before = pages->count > 1 ? cursor_of(pages->entries[pages->count - 2].body) : COUNT_UNKNOWN;

	if (strcmp(request->step->name, "videos") != 0 || !has_more(answer->body))
		return;
	if (cursor == COUNT_UNKNOWN || (before != COUNT_UNKNOWN && cursor >= before))
	{
		plan->missing = lappend(plan->missing, pstrdup("videos: the cursor does not decrease"));
		plan_lose(plan, request->step);
		return;
	}
	make_post(plan_next_page(plan, request, request->url), cursor);
}

/* One field too many loses the whole answer. The profile's name is the one that can be spared. */
static bool
failed(Plan *plan, Request *request, const Verdict *verdict)
{
	ListCell *cell;

	if (strcmp(request->step->name, "user") != 0 || verdict->error != ERROR_PERMISSION)
		return false;
	foreach (cell, request->metrics)
	{
		if (strcmp(lfirst(cell), "username") == 0)
		{
			ask_user(plan, false);
			return true;
		}
	}
	return false;
}

/* ---- Errors ---- */

/* The token endpoint, which has no envelope: {"error": "invalid_grant", "error_description", "log_id"}. */
static Verdict
classify_token_error(const Answer *answer, const char *error)
{
	char *message = json_text(answer->body, "error_description");
	Verdict result;

	message = message != NULL ? psprintf("%s: %s", error, message) : pstrdup(error);
	if (strcmp(error, "invalid_grant") == 0)
		return verdict(ERROR_AUTH_REVOKED, message);
	if (strcmp(error, "invalid_client") == 0 || strcmp(error, "unauthorized_client") == 0 ||
		strcmp(error, "invalid_scope") == 0 || strcmp(error, "invalid_request") == 0)
	{
		result = verdict(ERROR_OPERATOR, message);
		result.scope = BLOCK_APP;
		return result;
	}
	result = classify_status(answer);
	return verdict(result.error != ERROR_NONE ? result.error : ERROR_BAD_RESPONSE, message);
}

/* Does the message name the field, as a word of its own? */
static bool
names_field(const char *message, const char *field)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t length = strlen(field);

	for (const char *at = message; (at = strstr(at, field)) != NULL; at += length)
	{
		if ((at == message || strchr(word, at[-1]) == NULL) &&
			(at[length] == '\0' || strchr(word, at[length]) == NULL))
			return true;
	}
	return false;
}

/* A field that is no longer known costs itself alone, where the message names it. */
static Verdict
classify_invalid(const Answer *answer, const char *message)
{
	Verdict result = verdict(ERROR_BAD_RESPONSE, message);
	ListCell *cell;

	foreach (cell, answer->request != NULL ? answer->request->metrics : NIL)
	{
		/* "id" is a word of messages, too, and nothing can be kept without it. */
		if (strcmp(lfirst(cell), "id") != 0 && names_field(message, lfirst(cell)))
			result.metrics = lappend(result.metrics, lfirst(cell));
	}
	if (result.metrics != NIL)
		result.error = ERROR_METRIC_RETIRED;
	return result;
}

static Verdict
classify_code(const Answer *answer, const JsonbContainer *error, const char *code)
{
	char *said = json_text(error, "message");
	char *log_id = json_text(error, "log_id");
	char *message =
		psprintf("%s: %s (log_id %s)", code, said != NULL ? said : "", log_id != NULL ? log_id : "none");
	Verdict result;

	if (strcmp(code, "access_token_invalid") == 0)
		return verdict(ERROR_AUTH_EXPIRED, message);
	if (strcmp(code, "scope_not_authorized") == 0 || strcmp(code, "scope_permission_missed") == 0)
		return verdict(ERROR_PERMISSION, message);
	if (strcmp(code, "invalid_params") == 0)
		return classify_invalid(answer, message);
	if (strcmp(code, "internal_error") == 0)
		return verdict(ERROR_SERVER, message);
	if (strcmp(code, "rate_limit_exceeded") == 0 || answer->status == 429)
	{
		/* The limit is the app's, one for each endpoint. */
		result = verdict(ERROR_RATE_LIMITED, message);
		result.scope = BLOCK_BUCKET;
		result.wait_until = retry_after(answer);
		if (result.wait_until == 0 && answer->at != 0)
			result.wait_until = answer->at + LIMIT_PAUSE_S * USECS_PER_SEC;
		return result;
	}
	result = classify_status(answer); /* spam_risk_* and whatever else */
	return verdict(result.error != ERROR_NONE ? result.error : ERROR_BAD_RESPONSE, message);
}

/* The error's code decides, the HTTP status only where there is none. */
static Verdict
classify(const Answer *answer)
{
	const JsonbContainer *error = json_object_in(answer->body, "error");
	const JsonbContainer *data = json_object_in(answer->body, "data");
	char *code = json_id(error, "code"); /* old answers have 0 for "ok" */
	char *token_error = json_text(answer->body, "error");
	Verdict result;

	if (token_error != NULL)
		return classify_token_error(answer, token_error);
	if (code != NULL && strcmp(code, "ok") != 0 && strcmp(code, "0") != 0)
		return classify_code(answer, error, code);
	/* The API's first version, which was switched off: {"data": {"error_code", "description"}, "message"}. */
	if (json_count(data, "error_code") != COUNT_UNKNOWN && json_count(data, "error_code") != 0)
	{
		char *description = json_text(data, "description");

		return verdict(json_count(data, "error_code") == 10010 ? ERROR_AUTH_REVOKED : ERROR_BAD_RESPONSE,
					   description != NULL ? description : "an error of the API's first version");
	}
	if (answer->status < 300 && answer_is_page(answer))
		return verdict(ERROR_SERVER, "a page in place of an answer");
	result = classify_status(answer);
	if (result.error == ERROR_RATE_LIMITED && result.wait_until == 0 && answer->at != 0)
		result.wait_until = answer->at + LIMIT_PAUSE_S * USECS_PER_SEC;
	if (result.error != ERROR_NONE)
		return result;
	if (error != NULL && code == NULL)
		return verdict(ERROR_SERVER, "an error without a code");
	/* Tokens come without an envelope. */
	if (data == NULL && !json_has(answer->body, "access_token"))
		return verdict(ERROR_BAD_RESPONSE, "an answer without data");
	return verdict(ERROR_NONE, NULL);
}

/* ---- Values ---- */

static void
read_video(Normalised *out, const JsonbContainer *video)
{
	char *id = json_id(video, "id");
	char *title = json_text(video, "title");
	char *url = without_query(json_text(video, "share_url"));
	ContentItem *item;

	if (id == NULL)
		return;
	item = add_content(out, id, url != NULL && strstr(url, "/photo/") != NULL ? "photo" : "video");
	item->published_at = time_of(video);
	if (title == NULL || title[0] == '\0')
		title = json_text(video, "video_description");
	item->title = title;
	item->url = url;
	item->views = json_count(video, "view_count");
	item->likes = json_count(video, "like_count");
	item->comments = json_count(video, "comment_count");
	item->shares = json_count(video, "share_count");
}

static Jsonb *
top_videos(const Normalised *out, List *videos)
{
	EntriesBuilder builder;
	ListCell *cell;

	entries_begin(&builder);
	foreach (cell, videos)
	{
		const ContentItem *item = lfirst(cell);

		entry_begin(&builder);
		entry_text(&builder, "video_id", item->content_id);
		entry_count(&builder, "views", item->views);
		entry_count(&builder, "likes", item->likes);
		entry_count(&builder, "comments", item->comments);
		entry_count(&builder, "shares", item->shares);
		entry_text(&builder, "created_at", time_to_iso(item->published_at));
		entry_end(&builder);
	}
	return entries_end(&builder);
}

static bool
has_views(const Normalised *out, const ContentItem *item)
{
	return item->views != COUNT_UNKNOWN;
}

static bool
is_of_this_week(const Normalised *out, const ContentItem *item)
{
	return published_within(out, item, 7);
}

static bool
is_dated(const Normalised *out, const ContentItem *item)
{
	return item->published_at != TIME_UNKNOWN;
}

/* Both rates are over the videos whose views are known. */
static void
set_rates(Normalised *out)
{
	int64 views = CONTENT_SUM(out, views, has_views);
	int64 videos = content_number(out, has_views);
	int64 engagement = sum_known(3, CONTENT_SUM(out, likes, has_views), CONTENT_SUM(out, comments, has_views),
								 CONTENT_SUM(out, shares, has_views));

	if (views == COUNT_UNKNOWN)
		return;
	if (videos > 0)
		set_number(out, "average_views_per_video", (double) views / videos);
	if (views > 0 && engagement != COUNT_UNKNOWN)
		set_number(out, "engagement_rate", (double) engagement / views);
}

/* Pages come newest first: where max_pages cut them off, the days are known, the sums over all are not. */
static bool
listed_to_end(const Responses *responses)
{
	const Bodies *pages = bodies(responses, "videos");

	return listed_whole(responses, "videos") && !has_more(pages->entries[pages->count - 1].body);
}

static void
normalise_videos(const Responses *responses, Normalised *out)
{
	const Bodies *pages = bodies(responses, "videos");

	for (int i = 0; i < pages->count; i++)
	{
		JsonItems items = json_items(json_array_at(pages->entries[i].body, "data.videos"));
		const JsonbContainer *video;

		while (json_next_object(&items, &video))
			read_video(out, video);
	}
	if (!listed_whole(responses, "videos"))
		return;
	set_count(out, "videos_posted_24h", content_last_24h(out, NULL));
	if (content_number(out, is_dated) > 0 || out->content->count == 0)
		set_entries(out, "top_videos",
					top_videos(out, content_top(out, offsetof(ContentItem, views), is_of_this_week)));
	if (!listed_to_end(responses))
		return;

	set_count(out, "total_views", CONTENT_SUM(out, views, NULL));
	set_count(out, "total_comments", CONTENT_SUM(out, comments, NULL));
	set_count(out, "total_shares", CONTENT_SUM(out, shares, NULL));
	set_rates(out);
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *user = json_object_at(body(responses, "user"), "data.user");
	int64 comments = COUNT_UNKNOWN, shares = COUNT_UNKNOWN;

	out->external_id = json_id(user, "open_id");
	out->handle = json_text(user, "username");
	if (out->handle == NULL)
		out->handle = json_text(user, "display_name");

	out->follower_count = json_count(user, "follower_count");
	out->content_count = json_count(user, "video_count");
	set_count(out, "follower_count", out->follower_count);
	set_count(out, "following_count", json_count(user, "following_count"));
	set_count(out, "total_likes", json_count(user, "likes_count"));
	set_count(out, "video_count", out->content_count);

	normalise_videos(responses, out);
	if (listed_to_end(responses))
	{
		comments = CONTENT_SUM(out, comments, NULL);
		shares = CONTENT_SUM(out, shares, NULL);
	}
	out->engagement_total = sum_known(3, json_count(user, "likes_count"), comments, shares);
}

/* ---- The platform ---- */

static const char *const scopes[] = {"user.info.basic", "user.info.profile", "user.info.stats", "video.list",
									 NULL};

static const char *const hosts[] = {"open.tiktokapis.com", NULL};

static const OAuthDef oauth = {
	.authorize_url = "https://www.tiktok.com/v2/auth/authorize/",
	.token_url = "https://open.tiktokapis.com/v2/oauth/token/",
	.revoke_url = "https://open.tiktokapis.com/v2/oauth/revoke/",
	.client_id_name = "client_key",
	.scope_separator = ",",
	.pkce = PKCE_S256_HEX, /* desktop apps must, web apps may */
	.revoke_access = true,
	.rotates = true,
	.account_given = "open_id",
	.style = STYLE_BEARER,
	.default_lifetime_s = 7200,
};

const Platform platform_tiktok = {
	.name = "tiktok",
	.label = "TikTok",
	.status = STATUS_IN_PROGRESS,
	.has_api = true,
	.needs_token = true,
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.audience = "follower_count",
	.engagement = "total_likes,total_comments,total_shares",
	.content = "video_count",
	.steps = steps,
	.requests_per_second = 9, /* 600 in a minute, for each endpoint */
	.burst = 20,
	.begin = begin,
	.next = next,
	.failed = failed,
	.classify = classify,
	.normalise = normalise,
};
