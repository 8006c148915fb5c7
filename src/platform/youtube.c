/*
 * youtube.c
 *    YouTube's Data API v3 and Analytics API v2: a channel, its uploads, and what viewers did.
 *
 * Counts of the Data API are strings, and those that the owner hides are left out. The subscriber count is rounded
 * down to three figures, for the owner as well. Quota is the project's: a unit for each request, also for a refused
 * one, until midnight in California. The thumbnails' click-through rate is told by downloaded reports alone; it
 * comes by import.
 *
 * Requests of an account-day: channel 1, uploads 1 per 50 videos, videos 1 per 50 videos, and with the scope
 * yt-analytics.readonly analytics 1, analytics_days 1 and analytics_videos 1. The uploads are only almost in order, so
 * once they were read to their end, paging stops at the first page that holds nothing new and nothing of the last 30 days:
 * 7 requests on most days, 4 of them units of quota.
 *
 * youtube_analytics.c asks and reads what viewers did.
 *
 * API facts: https://developers.google.com/youtube/v3/docs (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "platform/google.h"
#include "platform/listing.h"
#include "platform/report.h"
#include "platform/video.h"
#include "platform/youtube.h"

#define RECENT_DAYS 30

#define ANALYTICS_SCOPE "https://www.googleapis.com/auth/yt-analytics.readonly"

static const EntryKey top_video_keys[] = {
	{"video_id", FIELD_TEXT, false},
	{"title", FIELD_TEXT, false},
	{"views", FIELD_COUNT, false},
	{"likes", FIELD_COUNT, false},
	{"comments", FIELD_COUNT, false},
	{"watch_time_hours", FIELD_NUMBER, false},
	{NULL},
};

static const FieldDef fields[] = {
	{"subscriber_count", FIELD_COUNT, false, KIND_ROUNDED, "subscribers",
	 "channel.statistics.subscriberCount",
	 "Subscribers, rounded down to three figures; null where the channel hides them"},
	{"subscriber_change_24h", FIELD_COUNT, false, KIND_CHANGE, "subscribers", "difference of stored days",
	 "Change of the subscribers over a day", "subscriber_count", 1},
	{"subscriber_change_7d", FIELD_COUNT, false, KIND_CHANGE, "subscribers", "difference of stored days",
	 "Change of the subscribers over 7 days", "subscriber_count", 7},
	{"subscriber_change_30d", FIELD_COUNT, false, KIND_CHANGE, "subscribers", "difference of stored days",
	 "Change of the subscribers over 30 days", "subscriber_count", 30},
	{"total_views", FIELD_COUNT, false, KIND_COUNTER, "views", "channel.statistics.viewCount",
	 "Views of the channel's videos; since 2026-08-24 every start of playback counts"},
	{"views_change_24h", FIELD_COUNT, false, KIND_CHANGE, "views", "difference of stored days",
	 "Change of the views over a day", "total_views", 1},
	{"views_change_7d", FIELD_COUNT, false, KIND_CHANGE, "views", "difference of stored days",
	 "Change of the views over 7 days", "total_views", 7},
	{"views_change_30d", FIELD_COUNT, false, KIND_CHANGE, "views", "difference of stored days",
	 "Change of the views over 30 days", "total_views", 30},
	{"likes_total", FIELD_COUNT, false, KIND_COUNTER, "likes", "sum of videos.statistics.likeCount",
	 "Likes of all known videos that show them, of those older than 30 days when last read"},
	{"comments_total", FIELD_COUNT, false, KIND_COUNTER, "comments", "sum of videos.statistics.commentCount",
	 "Comments on all known videos that allow them, on those older than 30 days when last read"},
	{"shares_total", FIELD_COUNT, false, KIND_COUNTER, "shares", "analytics.shares",
	 "Shares since the channel began, without the last three days"},
	{"videos_count", FIELD_COUNT, false, KIND_GAUGE, "videos", "channel.statistics.videoCount",
	 "Public videos of the channel"},
	{"uploads_24h", FIELD_COUNT, false, KIND_ROLLING, "videos", "uploads published in the last 24 hours",
	 "Public videos of the last 24 hours", .window_days = 1},
	{"top_videos", FIELD_ENTRIES, false, KIND_LIST, "videos",
	 "analytics_videos, else videos of the last 30 days", "The most viewed videos of the last 30 days",
	 .entry = top_video_keys},
	{"watch_time_minutes", FIELD_COUNT, true, KIND_COUNTER, "minutes", "analytics.estimatedMinutesWatched",
	 "Time watched since the channel began, without the last three days"},
	{"average_view_duration", FIELD_NUMBER, true, KIND_RATE, "seconds", "analytics.averageViewDuration",
	 "How long a view lasts on average, since the channel began, without the last three days"},
	{"click_through_rate", FIELD_NUMBER, true, KIND_RATE, "ratio", "import or by hand",
	 "Share of the thumbnails shown that led to a view", .at_most = 1},
	{NULL},
};

static bool
is_unknown(const Account *account)
{
	return account->external_id == NULL;
}

/* Asked by begin() and next(). */
static bool
never(const Account *account)
{
	return false;
}

#define CHANNEL_PARTS                                                                                        \
	"/youtube/v3/channels?part=id,snippet,statistics,contentDetails"                                         \
	"&fields=kind,items(id,snippet(title,customUrl,publishedAt),statistics,contentDetails(relatedPlaylists)" \
	")"

static const StepDef steps[] = {
	{"channel", NULL, CHANNEL_PARTS "&mine=true", PAGE_NONE, .token = TOKEN_USER, .when = is_unknown},
	{"uploads", NULL,
	 "/youtube/v3/playlistItems?part=contentDetails,status&maxResults=50"
	 "&fields=nextPageToken,items(contentDetails,status)",
	 PAGE_CURSOR, "nextPageToken", "pageToken", .token = TOKEN_USER, .when = never,
	 .holds = "items[],pageInfo,nextPageToken,{}"},
	{"videos", NULL,
	 "/youtube/v3/videos?part=snippet,contentDetails,statistics,liveStreamingDetails,player&maxHeight=720"
	 "&fields=items(id,snippet(title,publishedAt,liveBroadcastContent),contentDetails(duration),statistics,"
	 "liveStreamingDetails(scheduledStartTime),player(embedWidth,embedHeight))",
	 PAGE_NONE, .token = TOKEN_USER, .when = never, .holds = "items[],pageInfo,{}"},
	{"analytics", "youtubeanalytics.googleapis.com", "/v2/reports", PAGE_NONE, .token = TOKEN_USER,
	 .per = true},
	{"analytics_days", "youtubeanalytics.googleapis.com", "/v2/reports?dimensions=day", PAGE_NONE,
	 .token = TOKEN_USER, .when = never, .holds = "rows[],columnHeaders[],kind", .optional = true},
	{"analytics_videos", "youtubeanalytics.googleapis.com",
	 "/v2/reports?dimensions=video&metrics=views,likes,comments,estimatedMinutesWatched&sort=-views&maxResults=50",
	 PAGE_NONE, .token = TOKEN_USER, .when = never, .holds = "rows[],columnHeaders[],kind"},
	{NULL},
};

/* With an id the answer is that channel's, whichever channel the token was made for. */
static void
begin(Plan *plan)
{
	if (plan->account->external_id != NULL)
		plan_ask_path(plan, "channel", NULL, CHANNEL_PARTS "&id={external_id}");
}

/* ---- The channel ---- */

/* The account's own entry of channels.list; NULL where it is not there. */
static const JsonbContainer *
own_channel(const JsonbContainer *list, const Account *account)
{
	JsonItems items = json_items(json_array_in(list, "items"));
	const JsonbContainer *channel;

	while (json_next_object(&items, &channel))
	{
		char *id = json_id(channel, "id");

		if (account->external_id == NULL || (id != NULL && strcmp(id, account->external_id) == 0))
			return channel;
	}
	return NULL;
}

/* ---- Uploads ---- */

static char *
upload_id(const JsonbContainer *upload)
{
	char *id = json_text_at(upload, "contentDetails.videoId");

	return id != NULL ? id : json_text_at(upload, "snippet.resourceId.videoId");
}

static TimestampTz
upload_time(const JsonbContainer *upload)
{
	return json_time(json_object_in(upload, "contentDetails"), "videoPublishedAt");
}

/* The owner sees private, unlisted and scheduled uploads as well; those that are gone have no time of publication. */
static bool
is_public(const JsonbContainer *upload)
{
	char *privacy = json_text_at(upload, "status.privacyStatus");

	if (upload_id(upload) == NULL || (privacy != NULL && strcmp(privacy, "public") != 0))
		return false;
	return json_object_in(upload, "contentDetails") == NULL || upload_time(upload) != TIME_UNKNOWN;
}

/* Does a page hold nothing but videos whose counts hardly change any more, of a list that was read to its end? */
static bool
page_is_settled(const Plan *plan, const JsonbContainer *page)
{
	JsonItems items = json_items(json_array_in(page, "items"));
	const JsonbContainer *upload;
	bool any = false;

	while (json_next_object(&items, &upload))
	{
		if (!is_public(upload))
			continue;
		any = true;
		if (!listing_is_settled(plan, upload_id(upload), upload_time(upload)))
			return false;
	}
	return any;
}

static bool
more(const Plan *plan, const Request *request, const Answer *answer)
{
	return !page_is_settled(plan, answer->body);
}

/* Asks the numbers of a page's videos: 50 are one request, so that old ones beside new ones cost nothing. */
static void
ask_videos(Plan *plan, const Request *request, const JsonbContainer *page)
{
	JsonItems items = json_items(json_array_in(page, "items"));
	const JsonbContainer *upload;
	StringInfoData ids;

	if (request->page > 0 && page_is_settled(plan, page))
		return;
	initStringInfo(&ids);
	while (json_next_object(&items, &upload))
	{
		if (is_public(upload))
			appendStringInfo(&ids, "%s%s", ids.len == 0 ? "" : ",", upload_id(upload));
	}
	if (ids.len > 0)
		request_param(plan_ask(plan, "videos", NULL), "id", ids.data);
}

static void
next(Plan *plan, const Request *request, const Answer *answer)
{
	const JsonbContainer *channel;
	char *id, *uploads;

	if (strcmp(request->step->name, "uploads") == 0)
		ask_videos(plan, request, answer->body);
	if (strcmp(request->step->name, "channel") != 0)
		return;
	channel = own_channel(answer->body, plan->account);
	id = json_id(channel, "id");
	uploads = json_text_at(channel, "contentDetails.relatedPlaylists.uploads");
	if (uploads != NULL && uploads[0] != '\0')
		request_param(plan_ask(plan, "uploads", NULL), "playlistId", uploads);
	if (id != NULL && account_has_scope(plan->account, ANALYTICS_SCOPE))
		youtube_ask_reports(plan, channel);
}

static bool
failed(Plan *plan, Request *request, const Verdict *verdict)
{
	const char *url = request->url;

	if (strcmp(request->step->name, "uploads") == 0)
	{
		/* A channel that never uploaded has no such list. */
		if (verdict->error == ERROR_NOT_FOUND && request->page == 0)
		{
			responses_add(plan->responses, request->step, NULL,
						  &json_parse("{\"items\":[]}", 12, NULL)->root);
			return true;
		}
		/* A page's token may die while we read; the list is begun anew once, told by its size of page. */
		if (verdict->error == ERROR_BAD_RESPONSE && request->page > 0 &&
			strstr(verdict->message, "invalidPageToken") != NULL && strstr(url, "maxResults=50") != NULL)
		{
			const char *list = strstr(url, "playlistId=") + strlen("playlistId=");

			plan_ask_path(plan, "uploads", NULL,
						  psprintf("/youtube/v3/playlistItems?part=contentDetails,status&maxResults=49"
								   "&fields=nextPageToken,items(contentDetails,status)&playlistId=%.*s",
								   (int) strcspn(list, "&"), list));
			return true;
		}
	}
	return youtube_report_failed(plan, request, verdict,
								 own_channel(body(plan->responses, "channel"), plan->account));
}

/* ---- Values ---- */

static void
read_upload(Normalised *out, const JsonbContainer *upload)
{
	const ContentItem *known;
	ContentItem *item;
	char *title = json_text_at(upload, "snippet.title");
	TimestampTz published_at = upload_time(upload);

	if (!is_public(upload))
		return;
	known = contents_find(out->content, upload_id(upload));
	item = add_content(out, upload_id(upload), known != NULL && known->kind != NULL ? known->kind : "video");
	if (published_at != TIME_UNKNOWN)
		item->published_at = published_at;
	if (title != NULL)
		item->title = title;
	if (item->url == NULL)
		item->url = psprintf("https://www.youtube.com/watch?v=%s", item->content_id);
}

static void
read_video(Normalised *out, const JsonbContainer *video)
{
	const JsonbContainer *snippet = json_object_in(video, "snippet");
	const JsonbContainer *statistics = json_object_in(video, "statistics");
	char *id = json_id(video, "id");
	char *privacy = json_text_at(video, "status.privacyStatus");
	char *title = json_text(snippet, "title");
	TimestampTz published_at = json_time(snippet, "publishedAt");
	int64 seconds = video_seconds(json_text_at(video, "contentDetails.duration"));
	const char *decided_by;
	ContentItem *item;

	if (id == NULL || (privacy != NULL && strcmp(privacy, "public") != 0))
		return;
	item = add_content(out, id, video_kind(video, seconds, &decided_by));
	if (title != NULL)
		item->title = title;
	if (published_at != TIME_UNKNOWN)
		item->published_at = published_at;
	item->url = psprintf(strcmp(item->kind, "short") == 0 ? "https://www.youtube.com/shorts/%s"
														  : "https://www.youtube.com/watch?v=%s",
						 id);
	if (statistics != NULL)
	{
		/* Absent is hidden now, whatever was shown before. */
		item->views = json_count(statistics, "viewCount");
		item->likes = json_count(statistics, "likeCount");
		item->comments = json_count(statistics, "commentCount");
	}
	content_extra_count(item, "duration_seconds", seconds);
	content_extra_text(item, "kind_by", decided_by);
}

static bool
is_recent(const Normalised *out, const ContentItem *item)
{
	return published_within(out, item, RECENT_DAYS);
}

static bool
is_listed(const Normalised *out, const ContentItem *item)
{
	return item->listed;
}

static List *
top_of_content(const Normalised *out)
{
	List *items = content_top(out, offsetof(ContentItem, views), is_recent);
	List *top = NIL;
	ListCell *cell;

	foreach (cell, items)
	{
		const ContentItem *item = lfirst(cell);
		ReportVideo *video = palloc(sizeof(ReportVideo));

		*video = (ReportVideo){item->content_id, item->views, item->likes, item->comments, NAN};
		top = lappend(top, video);
	}
	return top;
}

static void
set_top_videos(Normalised *out, List *top)
{
	EntriesBuilder builder;
	ListCell *cell;

	entries_begin(&builder);
	foreach (cell, top)
	{
		const ReportVideo *video = lfirst(cell);
		const ContentItem *item = contents_find(out->content, video->id);

		entry_begin(&builder);
		entry_text(&builder, "video_id", video->id);
		entry_text(&builder, "title", item != NULL ? item->title : NULL);
		entry_count(&builder, "views", video->views);
		entry_count(&builder, "likes", video->likes);
		entry_count(&builder, "comments", video->comments);
		entry_number(&builder, "watch_time_hours", video->minutes / MINS_PER_HOUR);
		entry_end(&builder);
	}
	set_entries(out, "top_videos", entries_end(&builder));
}

/* Runs `read` over the items of every page of a step. */
static void
read_items(const Responses *responses, Normalised *out, const char *step,
		   void (*read)(Normalised *, const JsonbContainer *))
{
	const Bodies *pages = bodies(responses, step);

	for (int i = 0; i < pages->count; i++)
	{
		JsonItems items = json_items(json_array_in(pages->entries[i].body, "items"));
		const JsonbContainer *item;

		while (json_next_object(&items, &item))
			read(out, item);
	}
}

/* A list without a page that was lost, whose last page names no next one, was read to its end. */
static void
mark_end(const Bodies *uploads, const Bodies *videos, Normalised *out)
{
	ContentItem *last = NULL;

	/* Videos whose numbers were lost would never be asked again. */
	if (uploads->count == 0 || uploads->partial || videos->partial ||
		json_has(uploads->entries[uploads->count - 1].body, "nextPageToken"))
		return;
	for (int i = 0; i < out->content->count; i++)
	{
		if (out->content->items[i]->listed)
			last = out->content->items[i];
	}
	if (last != NULL)
		listing_end(last);
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *channel = own_channel(body(responses, "channel"), out->account);
	const JsonbContainer *statistics = json_object_in(channel, "statistics");
	const JsonbContainer *snippet = json_object_in(channel, "snippet");
	const Bodies *uploads = bodies(responses, "uploads");
	const Bodies *videos = bodies(responses, "videos");
	bool listed, counted;
	int64 likes = COUNT_UNKNOWN, comments = COUNT_UNKNOWN, shares;

	out->external_id = json_id(channel, "id");
	out->handle = json_text(snippet, "customUrl");
	if (out->handle == NULL)
		out->handle = json_text(snippet, "title");

	if (!json_bool(statistics, "hiddenSubscriberCount", false))
		out->follower_count = json_count(statistics, "subscriberCount");
	out->content_count = json_count(statistics, "videoCount");
	set_count(out, "subscriber_count", out->follower_count);
	set_count(out, "total_views", json_count(statistics, "viewCount"));
	set_count(out, "videos_count", out->content_count);

	read_items(responses, out, "uploads", read_upload);
	mark_end(uploads, videos, out);
	read_items(responses, out, "videos", read_video);

	/* A page that was lost may hold anything; a channel without public uploads has no videos to be asked. */
	listed = !uploads->partial && (uploads->count > 0 || videos->count > 0);
	counted = listed && !videos->partial && (videos->count > 0 || content_number(out, is_listed) == 0);
	if (listed)
		set_count(out, "uploads_24h", content_last_24h(out, NULL));
	if (counted)
	{
		likes = CONTENT_SUM(out, likes, NULL);
		comments = CONTENT_SUM(out, comments, NULL);
	}
	set_count(out, "likes_total", likes);
	set_count(out, "comments_total", comments);
	shares = youtube_read_reports(responses, out);
	out->engagement_total = sum_known(3, likes, comments, shares);

	if (body(responses, "analytics_videos") != NULL)
		set_top_videos(out, report_top_videos(body(responses, "analytics_videos")));
	else if (counted)
		set_top_videos(out, top_of_content(out));
}

/* ---- The platform ---- */

static const char *const scopes[] = {"https://www.googleapis.com/auth/youtube.readonly", ANALYTICS_SCOPE,
									 NULL};

static const char *const hosts[] = {"www.googleapis.com", "youtubeanalytics.googleapis.com",
									"oauth2.googleapis.com", NULL};

static const OAuthDef oauth = {
	.authorize_url = "https://accounts.google.com/o/oauth2/v2/auth",
	.token_url = "https://oauth2.googleapis.com/token",
	.revoke_url = "https://oauth2.googleapis.com/revoke",
	/* Without both, a second consent gives no refresh token. */
	.authorize_extra = "access_type=offline&prompt=consent&include_granted_scopes=true",
	.pkce = PKCE_S256,
	.style = STYLE_BEARER,
	.default_lifetime_s = 3600,
};

/* The Data API's units; Analytics has a limit of its own, which is never near. */
static const QuotaDef quota = {.bucket = "www.googleapis.com", .units = 10000, .zone = GOOGLE_ZONE};

const Platform platform_youtube = {
	.name = "youtube",
	.label = "YouTube",
	.status = STATUS_READY,
	.has_api = true,
	.needs_token = true,
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.audience = "subscriber_count",
	.engagement = "likes_total,comments_total,shares_total",
	.content = "videos_count",
	.steps = steps,
	.settled_after_days = 3, /* Analytics corrects its days for a while */
	.requests_per_second = 20,
	.burst = 40,
	.quota = &quota,
	.begin = begin,
	.next = next,
	.more = more,
	.failed = failed,
	.classify = google_classify,
	.normalise = normalise,
};
