/*
 * soundcloud.c
 *    SoundCloud's public API: a profile's counters and its tracks.
 *
 * The profile's own likes_count, reposts_count and comments_count are what the user gave, not received: those numbers
 * come from the tracks. Ids are urns ("soundcloud:tracks:700"); older answers have a number in "id". Counters that
 * an artist hides are null or 0 and unknown either way.
 *
 * Requests of an account-day: me 1, tracks 1 per 200. Every run lists all tracks: old ones have most of the plays, and the
 * sum over the tracks is all that tells them.
 *
 * API facts: https://developers.soundcloud.com/docs/api/guide (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "datatype/timestamp.h"

#include "platform/listing.h"
#include "platform/platform.h"
#include "platform/release.h"

/* Where the platform names no time. */
#define LIMIT_PAUSE_S 30

/* A header with a value above is a time since 1970, below it a pause. */
#define LEAST_EPOCH INT64CONST(1000000000)

static const EntryKey top_track_keys[] = {
	{"track_id", FIELD_COUNT, false},
	{"title", FIELD_TEXT, false},
	{"plays", FIELD_COUNT, false},
	{"likes", FIELD_COUNT, false},
	{"reposts", FIELD_COUNT, false},
	{"comments", FIELD_COUNT, false},
	{NULL},
};

static const FieldDef fields[] = {
	{"follower_count", FIELD_COUNT, false, KIND_COUNTER, "followers", "me.followers_count",
	 "Followers of the profile"},
	{"follower_change_24h", FIELD_COUNT, false, KIND_CHANGE, "followers", "follower_count",
	 "Change of the followers since the day before", .change_of = "follower_count", .change_days = 1},
	{"total_plays", FIELD_COUNT, false, KIND_COUNTER, "plays", "sum of tracks.playback_count",
	 "Plays of all tracks, all time"},
	{"plays_change_24h", FIELD_COUNT, false, KIND_CHANGE, "plays", "total_plays", "Plays of the last day",
	 .change_of = "total_plays", .change_days = 1},
	{"plays_change_7d", FIELD_COUNT, false, KIND_CHANGE, "plays", "total_plays", "Plays of the last 7 days",
	 .change_of = "total_plays", .change_days = 7},
	{"plays_change_30d", FIELD_COUNT, false, KIND_CHANGE, "plays", "total_plays", "Plays of the last 30 days",
	 .change_of = "total_plays", .change_days = 30},
	{"likes_total", FIELD_COUNT, false, KIND_COUNTER, "likes", "sum of tracks.favoritings_count",
	 "Likes of all tracks"},
	{"reposts_total", FIELD_COUNT, false, KIND_COUNTER, "reposts", "sum of tracks.reposts_count",
	 "Reposts of all tracks"},
	{"comments_total", FIELD_COUNT, false, KIND_COUNTER, "comments", "sum of tracks.comment_count",
	 "Comments on all tracks"},
	{"tracks_count", FIELD_COUNT, false, KIND_GAUGE, "tracks", "me.track_count", "Public tracks"},
	{"tracks_uploaded_24h", FIELD_COUNT, false, KIND_ROLLING, "tracks", "tracks.created_at",
	 "Tracks uploaded in the last 24 hours", .window_days = 1},
	{"top_tracks", FIELD_ENTRIES, true, KIND_LIST, "tracks", "tracks by playback_count",
	 "The most played tracks, all time", .entry = top_track_keys},
	{NULL},
};

/* ---- Requests ---- */

static const StepDef steps[] = {
	{"me", NULL, "/me", PAGE_NONE, .token = TOKEN_USER},
	{"tracks", NULL, "/me/tracks?limit=200&linked_partitioning=true", PAGE_LINK, "next_href",
	 .token = TOKEN_USER, .holds = "collection[],[]"},
	{NULL},
};

/* A page is {"collection", "next_href"}; without linked partitioning the bare array. */
static const JsonbContainer *
tracks_of(const JsonbContainer *page)
{
	return page != NULL && JsonContainerIsArray(page) ? page : json_array_in(page, "collection");
}

/* The number at the end of the urn, else the urn itself; "id" where there is no urn. */
static char *
track_id(const JsonbContainer *track)
{
	char *urn = json_text(track, "urn");
	const char *last;

	if (urn == NULL || urn[0] == '\0')
		return json_id(track, "id");
	last = strrchr(urn, ':');
	if (last != NULL && last[1] != '\0' && last[1 + strspn(last + 1, "0123456789")] == '\0')
		return pstrdup(last + 1);
	return urn;
}

/* ---- Errors ---- */

/* reset_time stands in errors[].meta; other depths have been seen. */
static TimestampTz
reset_time(const JsonbContainer *body)
{
	const JsonbContainer *error = json_first_object(json_array_in(body, "errors"));
	const JsonbContainer *places[] = {
		json_object_in(error, "meta"), json_object_at(error, "meta.rate_limit"), error,
		json_object_in(body, "meta"),  json_object_at(body, "meta.rate_limit"),  body};

	for (int i = 0; i < lengthof(places); i++)
	{
		TimestampTz time = json_time(places[i], "reset_time");

		if (time != TIME_UNKNOWN)
			return time;
	}
	return 0;
}

/* A gateway sends -1 and 0 where it has no time to name. */
static TimestampTz
reset_header(const Answer *answer)
{
	const char *value = answer_header(answer, "x-ratelimit-reset");
	int64 seconds = value != NULL ? strtoll(value, NULL, 10) : 0;

	if (seconds <= 0)
		return 0;
	if (seconds >= LEAST_EPOCH)
		return time_from_epoch(seconds);
	return answer->at + seconds * USECS_PER_SEC;
}

/* The status alone says that it is a limit; bodies differ, down to plain text. Limits are the app's. */
static Verdict
classify_limit(const Answer *answer, const char *message)
{
	Verdict result = verdict(ERROR_RATE_LIMITED, message != NULL ? message : "HTTP 429");
	TimestampTz named[] = {reset_time(answer->body), reset_header(answer), retry_after(answer)};

	result.scope = BLOCK_APP;
	if (answer->at == 0)
		return result;
	result.wait_until = answer->at + LIMIT_PAUSE_S * USECS_PER_SEC;
	for (int i = 0; i < lengthof(named); i++)
	{
		if (believable_wait(answer, named[i]) != 0)
		{
			result.wait_until = named[i];
			break;
		}
	}
	return result;
}

/* Token answers: the new host says {"error": "invalid_grant"}, the old one {"code": 401, "error_code": ...}. */
static bool
is_grant_error(const char *code)
{
	return text_is(code, "invalid_grant");
}

static bool
is_client_error(const char *code)
{
	return text_is(code, "invalid_client") || text_is(code, "unauthorized_client") ||
		   text_is(code, "unsupported_grant_type") || text_is(code, "invalid_scope");
}

/* The status that a body tells of itself: "code", "status" or the start of errors[].error_message; 0: none. */
static int
told_status(const JsonbContainer *body)
{
	int64 code = json_count(body, "code");
	const char *text = json_text(json_first_object(json_array_in(body, "errors")), "error_message");

	if (text == NULL)
		text = json_text(body, "status");
	if (code == COUNT_UNKNOWN && text != NULL)
		code = strtol(text, NULL, 10);
	return code >= 400 && code <= 599 ? (int) code : 0;
}

static Verdict
classify(const Answer *answer)
{
	char *error = json_text(answer->body, "error");
	char *code = json_text(answer->body, "error_code");
	char *message = json_text(answer->body, "message");
	const JsonbContainer *first = json_first_object(json_array_in(answer->body, "errors"));
	Answer judged = *answer;
	Verdict result;

	if (judged.status == 0)
		judged.status = told_status(answer->body);
	if (code == NULL)
		code = error != NULL ? error : message;
	if (message == NULL || message[0] == '\0')
		message = json_text(first, "error_message");
	if (message == NULL)
		message = error;

	if (judged.status == 429 || text_is(code, "rate_limit_exceeded") || text_is(error, "Rate Limit Exceeded"))
		return classify_limit(answer, message);
	if (is_grant_error(code))
		return verdict(ERROR_AUTH_REVOKED, message);
	if (is_client_error(code))
	{
		result = verdict(ERROR_OPERATOR, message);
		result.scope = BLOCK_APP;
		return result;
	}
	/* A page of the network in front of SoundCloud: an outage, not a refusal. */
	if ((judged.status == 403 || judged.status < 300) && answer_is_page(answer))
		return verdict(ERROR_SERVER, "a page in place of an answer");

	result = classify_status(&judged);
	if (result.error == ERROR_NONE && (error != NULL || first != NULL || told_status(answer->body) != 0))
		result = verdict(ERROR_BAD_RESPONSE, "an error of unknown shape");
	if (result.error != ERROR_NONE && message != NULL)
		result.message = message;
	return result;
}

/* ---- Values ---- */

/* An artist who hides the statistics of a track leaves 0 or nothing; neither is a number. */
static int64
visible_count(const JsonbContainer *track, const char *key, const char *revealed)
{
	int64 count = json_count(track, key);

	return count == 0 && !json_bool(track, revealed, true) ? COUNT_UNKNOWN : count;
}

static void
read_track(Normalised *out, const JsonbContainer *track)
{
	char *id = track_id(track);
	char *kind = json_text(track, "kind");
	ContentItem *item;

	if (id == NULL || (kind != NULL && strcmp(kind, "track") != 0))
		return;
	item = add_content(out, id, "track");
	item->published_at = json_time(track, "created_at");
	item->title = json_text(track, "title");
	item->url = without_query(json_text(track, "permalink_url"));
	item->views = visible_count(track, "playback_count", "reveal_stats");
	item->likes = visible_count(track, "favoritings_count", "reveal_stats");
	if (!json_has(track, "favoritings_count") || json_is_null(track, "favoritings_count"))
		item->likes = visible_count(track, "likes_count", "reveal_stats");
	item->comments = visible_count(track, "comment_count", "reveal_comments");
	item->shares = json_count(track, "reposts_count");
	if (json_text(track, "sharing") != NULL)
		content_extra_text(item, "sharing", json_text(track, "sharing"));
}

/* A whole number, or unknown: track_id is a number at the product, ids are texts here. */
static int64
number_of(const char *id)
{
	int64 number;
	char *end;

	errno = 0;
	number = strtoll(id, &end, 10);
	return errno == 0 && *end == '\0' && number >= 0 ? number : COUNT_UNKNOWN;
}

static Jsonb *
top_tracks(List *tracks)
{
	EntriesBuilder builder;
	ListCell *cell;

	entries_begin(&builder);
	foreach (cell, tracks)
	{
		const ContentItem *item = lfirst(cell);

		entry_begin(&builder);
		entry_count(&builder, "track_id", number_of(item->content_id));
		entry_text(&builder, "title", item->title);
		entry_count(&builder, "plays", item->views);
		entry_count(&builder, "likes", item->likes);
		entry_count(&builder, "reposts", item->shares);
		entry_count(&builder, "comments", item->comments);
		entry_end(&builder);
	}
	return entries_end(&builder);
}

static bool
is_public(const Normalised *out, const ContentItem *item)
{
	return !text_is(json_text(release_extra(item), "sharing"), "private");
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *me = body(responses, "me");
	const Bodies *pages = bodies(responses, "tracks");
	int64 likes = COUNT_UNKNOWN, reposts = COUNT_UNKNOWN, comments = COUNT_UNKNOWN;

	out->external_id = json_text(me, "urn");
	if (out->external_id == NULL)
		out->external_id = json_id(me, "id");
	out->handle = json_text(me, "username");
	out->follower_count = json_count(me, "followers_count");
	out->content_count = json_count(me, "track_count");

	for (int i = 0; i < pages->count; i++)
	{
		JsonItems items = json_items(tracks_of(pages->entries[i].body));
		const JsonbContainer *track;

		while (json_next_object(&items, &track))
			read_track(out, track);
	}
	if (listed_whole(responses, "tracks"))
		set_count(out, "tracks_uploaded_24h", content_last_24h(out, NULL));
	/* Where max_pages cut the list off, the newest tracks are known, the sums over all are not. */
	if (listed_whole(responses, "tracks") &&
		json_text(pages->entries[pages->count - 1].body, "next_href") == NULL)
	{
		likes = CONTENT_SUM(out, likes, NULL);
		reposts = CONTENT_SUM(out, shares, NULL);
		comments = CONTENT_SUM(out, comments, NULL);
		if (out->content_count == COUNT_UNKNOWN && me != NULL)
			out->content_count = content_number(out, is_public);
		set_count(out, "total_plays", CONTENT_SUM(out, views, NULL));
		set_entries(out, "top_tracks", top_tracks(content_top(out, offsetof(ContentItem, views), NULL)));
	}
	set_count(out, "follower_count", out->follower_count);
	set_count(out, "likes_total", likes);
	set_count(out, "reposts_total", reposts);
	set_count(out, "comments_total", comments);
	set_count(out, "tracks_count", out->content_count);
	out->engagement_total = sum_known(3, likes, reposts, comments);
}

/* ---- The platform ---- */

/* The API knows no scopes. */
static const char *const scopes[] = {NULL};

static const char *const hosts[] = {"api.soundcloud.com", "secure.soundcloud.com", NULL};

static const OAuthDef oauth = {
	.authorize_url = "https://secure.soundcloud.com/authorize",
	.token_url = "https://secure.soundcloud.com/oauth/token",
	.revoke_url = "https://secure.soundcloud.com/sign-out",
	.pkce = PKCE_S256,
	.revoke_json = true,
	.revoke_access = true,
	.rotates = true,
	.style = STYLE_OAUTH,
	.default_lifetime_s = 3599,
};

const Platform platform_soundcloud = {
	.name = "soundcloud",
	.label = "SoundCloud",
	.status = STATUS_IN_PROGRESS,
	.has_api = true,
	.needs_token = true,
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.audience = "follower_count",
	.engagement = "likes_total,reposts_total,comments_total",
	.content = "tracks_count",
	.steps = steps,
	.requests_per_second = 10, /* no limit is documented for reading */
	.burst = 20,
	.classify = classify,
	.normalise = normalise,
};
