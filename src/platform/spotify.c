/*
 * spotify.c
 *    Spotify's Web API: the library of a listener, the followers and releases of an artist.
 *
 * No link leads from the user to an artist: settings.artist_id names it (an id, a URI or an address). Listeners,
 * streams, saves, placements and places are told by no API; they stay null here and come by import or by hand.
 * Apps in development mode get neither followers nor more than 10 albums a page; which kind of app asks is seen
 * from the artist, so the albums are asked after it.
 *
 * Requests of an account-day: saved_tracks 1, playlists 1, following 1, each where its scope is granted; me 1 only
 * until the account is known by its id. With an artist: artist 1, albums 1 per 50 (10 in development mode), where
 * many releases are known already only what may be new; album_tracks once per own release, 20 of them at once
 * outside development mode. With up to 50 (10) releases, later days: 5.
 *
 * API facts: https://developer.spotify.com/documentation/web-api (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "http/url.h"
#include "platform/platform.h"
#include "platform/release.h"

#define DEVELOPMENT_PAGE 10
#define EXTENDED_PAGE    50
#define ALBUM_BATCH      20

/* A longer list of releases is not read anew every day. */
#define PAGES_WORTH_READING 4

#define LIMIT_PAUSE_S 30

static const EntryKey top_track_keys[] = {
	{"track_id", FIELD_TEXT, false}, {"track_name", FIELD_TEXT, false},     {"streams", FIELD_COUNT, false},
	{"saves", FIELD_COUNT, false},   {"playlist_adds", FIELD_COUNT, false}, {NULL},
};

static const FieldDef fields[] = {
	{"monthly_listeners", FIELD_COUNT, true, KIND_ROLLING, "listeners", "import or by hand",
	 "Different listeners of the last 28 days", .window_days = 28},
	{"follower_count", FIELD_COUNT, true, KIND_COUNTER, "followers", "artist.followers.total",
	 "Followers of the artist; hidden from apps in development mode"},
	{"total_streams", FIELD_COUNT, true, KIND_COUNTER, "streams", "import or by hand",
	 "Streams of all songs, all time"},
	{"streams_change_24h", FIELD_COUNT, true, KIND_CHANGE, "streams", "total_streams",
	 "Streams of the last day", .change_of = "total_streams", .change_days = 1},
	{"streams_change_7d", FIELD_COUNT, true, KIND_CHANGE, "streams", "total_streams",
	 "Streams of the last 7 days", .change_of = "total_streams", .change_days = 7},
	{"streams_change_30d", FIELD_COUNT, true, KIND_CHANGE, "streams", "total_streams",
	 "Streams of the last 30 days", .change_of = "total_streams", .change_days = 30},
	{"top_tracks", FIELD_ENTRIES, true, KIND_LIST, "tracks", "import or by hand", "The most streamed songs",
	 .entry = top_track_keys},
	{"playlist_placements", FIELD_COUNT, true, KIND_GAUGE, "playlists", "import or by hand",
	 "Playlists that contain a song of the artist"},
	{"editorial_playlists", FIELD_COUNT, true, KIND_GAUGE, "playlists", "import or by hand",
	 "Those of them that Spotify itself keeps"},
	{"top_cities", FIELD_TEXTS, true, KIND_LIST, "cities", "by hand",
	 "Cities with the most listeners, first the most"},
	{"top_countries", FIELD_TEXTS, true, KIND_LIST, "countries", "by hand",
	 "Countries with the most listeners, first the most"},
	{"saved_tracks_count", FIELD_COUNT, false, KIND_GAUGE, "tracks", "saved_tracks.total",
	 "Tracks that the user saved"},
	{"playlists_count", FIELD_COUNT, false, KIND_GAUGE, "playlists", "playlists.total",
	 "Playlists of the user, own and followed; private ones where the scope is granted"},
	{"following_count", FIELD_COUNT, false, KIND_GAUGE, "artists", "following.artists.total",
	 "Artists that the user follows"},
	{NULL},
};

static bool
is_unknown(const Account *account)
{
	return account->external_id == NULL;
}

static bool
may_read_library(const Account *account)
{
	return account_has_scope(account, "user-library-read");
}

static bool
may_read_follows(const Account *account)
{
	return account_has_scope(account, "user-follow-read");
}

/* Asked by begin() and next(), with the artist's bare id. */
static bool
never(const Account *account)
{
	return false;
}

static const StepDef steps[] = {
	{"me", NULL, "/v1/me", PAGE_NONE, .token = TOKEN_USER, .when = is_unknown},
	{"saved_tracks", NULL, "/v1/me/tracks?limit=1", PAGE_NONE, .token = TOKEN_USER, .when = may_read_library},
	{"playlists", NULL, "/v1/me/playlists?limit=1", PAGE_NONE, .token = TOKEN_USER},
	{"following", NULL, "/v1/me/following?type=artist&limit=1", PAGE_NONE, .token = TOKEN_USER,
	 .when = may_read_follows},
	{"artist", NULL, "/v1/artists/{artist_id}", PAGE_NONE, .token = TOKEN_USER, .when = never},
	{"albums", NULL, "/v1/artists/{artist_id}/albums", PAGE_LINK, "next", .token = TOKEN_USER, .when = never},
	{"album_tracks", NULL, "/v1/albums/{of}/tracks?limit=50", PAGE_LINK, "next", .token = TOKEN_USER,
	 .per = true},
	{NULL},
};

/* The id in "ID", "spotify:artist:ID" or "https://open.spotify.com/artist/ID?si=..."; NULL where it is none. */
static char *
own_artist(const Account *account)
{
	const char *given = account_setting(account, "artist_id");
	const char *at;
	size_t length;

	if (given == NULL)
		return NULL;
	if ((at = strstr(given, "artist:")) != NULL || (at = strstr(given, "artist/")) != NULL)
		given = at + strlen("artist/");
	length = strspn(given, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	if (length == 0 || strchr("?#/", given[length]) == NULL) /* finds the end of the text, too */
		return NULL;
	return pnstrdup(given, length);
}

static void
begin(Plan *plan)
{
	char *artist = own_artist(plan->account);

	if (artist != NULL)
		plan_ask_path(plan, "artist", NULL, psprintf("/v1/artists/%s", url_encoded(artist)));
}

/* ---- Releases ---- */

static bool
is_extended(const Plan *plan)
{
	return json_object_in(body(plan->responses, "artist"), "followers") != NULL;
}

static void
ask_albums(Plan *plan, const char *groups, int limit)
{
	plan_ask_path(plan, "albums", NULL,
				  psprintf("/v1/artists/%s/albums?include_groups=%s&limit=%d",
						   url_encoded(own_artist(plan->account)), groups, limit));
}

static bool
page_is_known(const Plan *plan, const JsonbContainer *page)
{
	JsonItems items = json_items(json_array_in(page, "items"));
	const JsonbContainer *album;

	while (json_next_object(&items, &album))
	{
		char *id = json_id(album, "id");

		if (id != NULL && !plan_knows(plan, id))
			return false;
	}
	return true;
}

static int
page_size(const Plan *plan)
{
	return is_extended(plan) ? EXTENDED_PAGE : DEVELOPMENT_PAGE;
}

/*
 * Is the list so long, and so far known, that only its new entries are worth a request? A tenth may be missing:
 * a listing counts editions twice.
 */
static bool
is_long(const Plan *plan, const JsonbContainer *page)
{
	int64 total = json_count(page, "total");

	return total != COUNT_UNKNOWN && total > PAGES_WORTH_READING * page_size(plan) && plan->known != NULL &&
		   plan->known->count >= total - total / 10;
}

/*
 * A release's guests are named on its tracks alone, and never change: each own release is asked once. Extra keeps
 * that it was.
 */
static void
ask_unknown_credits(Plan *plan, const JsonbContainer *page)
{
	char *own = own_artist(plan->account);
	JsonItems items = json_items(json_array_in(page, "items"));
	const JsonbContainer *album;
	List *ids = NIL;
	ListCell *cell;

	while (json_next_object(&items, &album))
	{
		char *id = json_id(album, "id");

		if (id == NULL || !holds_id(json_array_in(album, "artists"), own) ||
			json_has(release_extra(contents_find(plan->known, id)), "credits"))
			continue;
		ids = append_distinct(ids, id);
	}
	if (!is_extended(plan))
	{
		foreach (cell, ids)
			plan_ask(plan, "album_tracks", lfirst(cell));
		return;
	}
	while (ids != NIL)
	{
		StringInfoData path;
		List *parts = list_truncate(list_copy(ids), ALBUM_BATCH);

		initStringInfo(&path);
		foreach (cell, parts)
			appendStringInfo(&path, "%s%s", path.len == 0 ? "/v1/albums?ids=" : ",",
							 url_encoded(lfirst(cell)));
		plan_ask_path(plan, "album_tracks", NULL, path.data)->parts = parts;
		ids = list_copy_tail(ids, list_length(parts));
	}
}

static void
next(Plan *plan, const Request *request, const Answer *answer)
{
	if (strcmp(request->step->name, "artist") == 0)
		ask_albums(plan, "album,single,compilation,appears_on", page_size(plan));
	else if (strcmp(request->step->name, "albums") == 0)
	{
		ask_unknown_credits(plan, answer->body);

		/* Each group is listed newest first, one group after the other: more() stops each at what is known. */
		if (request->page == 0 && strstr(request->url, "groups=album") != NULL &&
			is_long(plan, answer->body) && page_is_known(plan, answer->body))
		{
			ask_albums(plan, "single", page_size(plan));
			ask_albums(plan, "compilation", page_size(plan));
			ask_albums(plan, "appears_on", page_size(plan));
		}
	}
}

static bool
more(const Plan *plan, const Request *request, const Answer *answer)
{
	const JsonbContainer *items = json_array_in(answer->body, "items");

	if (strcmp(request->step->name, "albums") != 0)
		return true;
	if (json_length(items) == 0)
		return false;
	if (!page_is_known(plan, answer->body))
		return true;
	/* A new release on the first page means reading on; so does a short list. */
	return strstr(request->url, "groups=album") != NULL &&
		   (request->page > 0 || !is_long(plan, answer->body));
}

/* Several albums at once carry their tracks within. */
static bool
unpack(Plan *plan, Request *request, const Answer *answer)
{
	JsonItems items;
	const JsonbContainer *album;

	if (request->parts == NIL)
		return false;
	items = json_items(json_array_in(answer->body, "albums"));
	while (json_next_object(&items, &album))
	{
		char *id = json_id(album, "id");

		if (id != NULL)
			responses_add(plan->responses, request->step, id, album);
	}
	return true;
}

/* An app that may not ask for so much at once says 400: ask for less, and once only. */
static bool
failed(Plan *plan, Request *request, const Verdict *verdict)
{
	if (strcmp(request->step->name, "albums") == 0 && verdict->error == ERROR_BAD_RESPONSE &&
		request->page == 0 && strstr(request->url, psprintf("limit=%d", EXTENDED_PAGE)) != NULL)
	{
		ask_albums(plan, "album,single,compilation,appears_on", DEVELOPMENT_PAGE);
		return true;
	}
	if (request->parts != NIL && (verdict->error == ERROR_PERMISSION || verdict->error == ERROR_NOT_FOUND))
	{
		ListCell *cell;

		foreach (cell, request->parts)
			plan_ask(plan, "album_tracks", lfirst(cell));
		return true;
	}
	return false;
}

/* ---- Errors ---- */

/* The accounts service: {"error": "invalid_grant", "error_description": ...}. */
static Verdict
classify_account_error(const Answer *answer, const char *error)
{
	char *message = json_text(answer->body, "error_description");
	Verdict result;

	if (message == NULL)
		message = pstrdup(error);
	if (strcmp(error, "invalid_grant") == 0)
		return verdict(ERROR_AUTH_REVOKED, message);
	if (strcmp(error, "invalid_client") == 0 || strcmp(error, "unauthorized_client") == 0)
	{
		result = verdict(ERROR_OPERATOR, message);
		result.scope = BLOCK_APP;
		return result;
	}
	result = classify_status(answer);
	return verdict(result.error != ERROR_NONE ? result.error : ERROR_BAD_RESPONSE, message);
}

static Verdict
classify_limit(const Answer *answer, const JsonbContainer *error, const char *message)
{
	char *reason = json_text(error, "reason");
	Verdict result = verdict(ERROR_RATE_LIMITED, message);

	/* The limit is the app's, and calls during a ban make it longer. */
	result.scope = BLOCK_APP;
	result.wait_until = retry_after(answer);
	if (reason != NULL && strcmp(reason, "QUOTA_EXCEEDED") == 0)
		result.error = ERROR_QUOTA_EXHAUSTED;
	else if (result.wait_until == 0 && answer->at != 0)
		result.wait_until = answer->at + LIMIT_PAUSE_S * USECS_PER_SEC;
	return result;
}

/* {"error": {"status", "message", "reason"}}; very old answers have "type" and "description" in place of them. */
static Verdict
classify(const Answer *answer)
{
	const JsonbContainer *error = json_object_in(answer->body, "error");
	char *account_error = json_text(answer->body, "error");
	int64 told = json_count(error, "status");
	const char *message = json_text(error, "message");
	Answer judged = *answer;
	Verdict result;

	if (account_error != NULL)
		return classify_account_error(answer, account_error);
	if (message == NULL)
		message = json_text(error, "description");
	if (answer->status == 0 && told != COUNT_UNKNOWN)
		judged.status = (int) Min(told, 999);

	if (judged.status == 429)
		return classify_limit(&judged, error, message != NULL ? message : "HTTP 429");
	/* Text, not JSON: the user is not on the app's list, or its owner's subscription lapsed. */
	if (judged.status == 403 && error == NULL && answer->text != NULL &&
		(strstr(answer->text, "ashboard") != NULL || strstr(answer->text, "not registered") != NULL))
	{
		result = verdict(ERROR_OPERATOR, "the user is not registered in the app's developer dashboard");
		result.scope = BLOCK_ACCOUNT;
		if (answer->at != 0)
			result.wait_until = answer->at + USECS_PER_DAY;
		return result;
	}
	result = classify_status(&judged);
	if (result.error == ERROR_NONE && error != NULL)
		result = verdict(ERROR_BAD_RESPONSE, "an error of unknown shape");
	if (message != NULL)
		result.message = message;
	return result;
}

/* ---- Values ---- */

static void
read_album(Normalised *out, const JsonbContainer *album, const char *own)
{
	char *id = json_id(album, "id");
	char *type = json_text(album, "album_type");
	char *group = json_text(album, "album_group");
	char *title = json_text(album, "name");
	char *url = json_text_at(album, "external_urls.spotify");
	const JsonbContainer *artists = json_array_in(album, "artists");
	const char *kind = "album";
	ContentItem *item;

	if (id == NULL)
		return;
	if (type != NULL && pg_strcasecmp(type, "single") == 0)
		kind = "single";
	else if (type != NULL && pg_strcasecmp(type, "compilation") == 0)
		kind = "compilation";
	item = add_content(out, id, kind);
	if (title != NULL && title[0] != '\0') /* a release that was taken down has an empty name */
		item->title = title;
	item->url = url != NULL ? url : psprintf("https://open.spotify.com/album/%s", id);
	release_date(item, json_text(album, "release_date"));
	content_extra_count(item, "total_tracks", json_count(album, "total_tracks"));
	content_extra_text(item, "upc", json_text_at(album, "external_ids.upc"));
	if (own != NULL && artists != NULL && !holds_id(artists, own))
		group = "appears_on";
	if (group != NULL && strcmp(group, "appears_on") == 0)
		content_extra_text(item, "album_group", group);
	/* Once its tracks were read, what is stored knows more than the listing. */
	if (!json_has(release_extra(item), "credits"))
		release_artists(item, artists, own);
}

/* A page of a release's tracks, or the release with its tracks within. */
static void
read_credits(Normalised *out, const Entry *entry, const char *own)
{
	const JsonbContainer *tracks = json_array_in(entry->body, "items");
	const char *id = json_has(entry->body, "album_type") ? json_id(entry->body, "id") : entry->of;
	ContentItem *item;
	JsonItems items;
	const JsonbContainer *track;

	if (json_has(entry->body, "album_type"))
		read_album(out, entry->body, own);
	if (tracks == NULL)
		tracks = json_array_at(entry->body, "tracks.items");
	item = id != NULL ? contents_find(out->content, id) : NULL;
	if (item == NULL || tracks == NULL)
		return;
	items = json_items(tracks);
	while (json_next_object(&items, &track))
	{
		const JsonbContainer *artists = json_array_in(track, "artists");

		/* On a compilation the tracks of others name nobody who worked with the artist. */
		if (own == NULL || holds_id(artists, own))
			release_guests(item, artists, own);
	}
	content_extra_text(item, "credits", "tracks");
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *me = body(responses, "me");
	const JsonbContainer *artist = body(responses, "artist");
	const char *own = own_artist(out->account);
	int64 followers;

	/* Users and playlists have followers, too. */
	if (json_has(artist, "type") && !text_is(json_text(artist, "type"), "artist"))
		artist = NULL;
	followers = json_count(json_object_in(artist, "followers"), "total");
	if (own == NULL)
		own = json_id(artist, "id");
	out->external_id = json_id(me, "account_id");
	if (out->external_id == NULL)
		out->external_id = json_id(me, "id");
	out->handle = json_text(artist, "name");
	if (out->handle == NULL && own == NULL)
		out->handle = json_text(me, "display_name");

	set_count(out, "follower_count", followers);
	out->follower_count = followers;
	set_count(out, "saved_tracks_count", json_count(body(responses, "saved_tracks"), "total"));
	set_count(out, "playlists_count", json_count(body(responses, "playlists"), "total"));
	set_count(out, "following_count",
			  json_count(json_object_in(body(responses, "following"), "artists"), "total"));

	for (int i = 0; i < bodies(responses, "albums")->count; i++)
	{
		JsonItems items = json_items(json_array_in(bodies(responses, "albums")->entries[i].body, "items"));
		const JsonbContainer *album;

		while (json_next_object(&items, &album))
			read_album(out, album, own);
	}
	for (int i = 0; i < bodies(responses, "album_tracks")->count; i++)
		read_credits(out, &bodies(responses, "album_tracks")->entries[i], own);
}

/* ---- The platform ---- */

static const char *const scopes[] = {
	"user-read-private",     "user-library-read",           "user-follow-read",
	"playlist-read-private", "playlist-read-collaborative", NULL};

static const char *const hosts[] = {"api.spotify.com", "accounts.spotify.com", NULL};

static const OAuthDef oauth = {
	.authorize_url = "https://accounts.spotify.com/authorize",
	.token_url = "https://accounts.spotify.com/api/token",
	.pkce = PKCE_S256,
	.basic_auth = true,
	.public_clients = true,
	.rotates = true, /* sometimes: an answer without a refresh token leaves the old one in force */
	.style = STYLE_BEARER,
	.default_lifetime_s = 3600,
};

const Platform platform_spotify = {
	.name = "spotify",
	.label = "Spotify",
	.status = STATUS_READY,
	.has_api = true,
	.needs_token = true,
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.audience = "follower_count",
	.steps = steps,
	.requests_per_second = 5,
	.burst = 10,
	.begin = begin,
	.next = next,
	.more = more,
	.unpack = unpack,
	.failed = failed,
	.classify = classify,
	.normalise = normalise,
};
