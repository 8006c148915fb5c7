/*
 * deezer.c
 *    Deezer's public API: an artist's fans and releases, a profile's library.
 *
 * Artist data need no token. A profile's library comes by token (apps registered before 2024) or, where the
 * profile is public, by its number in settings.profile_id. Errors come with HTTP 200 and an "error" member, in
 * three shapes.
 *
 * Requests of an account-day: artist 1, albums 1 per 100, album 1 per album not met before, artist_playlists 1,
 * tracked_playlists 1 per 100 tracks up to the first hit (lists already found by artist_playlists are not asked),
 * favorite_tracks 1 and playlists 1 where a token or a profile is there. An artist alone, later days: 3. The user
 * is asked for only where there is no artist, since its name is all that it would give.
 *
 * API facts: https://developers.deezer.com/api (read 2026-11)
 */
#include "postgres.h"

#include "datatype/timestamp.h"

#include "platform/platform.h"
#include "platform/release.h"

/* 50 requests in 5 seconds per address, and no header says when to go on. */
#define QUOTA_PAUSE_S 5

static const FieldDef fields[] = {
	{"fans_count", FIELD_COUNT, true, KIND_COUNTER, "fans", "artist.nb_fan", "Fans of the artist"},
	{"album_count", FIELD_COUNT, true, KIND_GAUGE, "albums", "artist.nb_album",
	 "Releases of the artist, of every kind, in the country of the collector"},
	{"track_count", FIELD_COUNT, true, KIND_GAUGE, "tracks", "sum of album.nb_tracks",
	 "Tracks on the artist's own releases; null while one of them is not known"},
	{"favorite_tracks", FIELD_COUNT, false, KIND_GAUGE, "tracks", "favorite_tracks.total",
	 "Tracks among the profile's favourites"},
	{"playlists_count", FIELD_COUNT, false, KIND_GAUGE, "playlists", "playlists.total",
	 "Playlists in the profile's library, own and followed"},
	{"playlist_placements", FIELD_COUNT, true, KIND_GAUGE, "playlists",
	 "distinct artist_playlists.id, and tracked playlists with a track of the artist",
	 "Playlists that feature the artist; Deezer lists at most 100"},
	{NULL},
};

static bool
has_artist(const Account *account)
{
	return account->external_id != NULL;
}

static bool
has_profile(const Account *account)
{
	return account_setting(account, "profile_id") != NULL;
}

static bool
is_profile_alone(const Account *account)
{
	return has_profile(account) && !has_artist(account);
}

static const StepDef steps[] = {
	{"artist", NULL, "/artist/{external_id}", PAGE_NONE, .token = TOKEN_NONE, .when = has_artist},
	{"albums", NULL, "/artist/{external_id}/albums?limit=100", PAGE_LINK, "next", .token = TOKEN_NONE,
	 .when = has_artist, .holds = "data[]"},
	{"album", NULL, "/album/{of}", PAGE_NONE, .token = TOKEN_NONE, .per = true},
	{"artist_playlists", NULL, "/artist/{external_id}/playlists?limit=100", PAGE_LINK, "next",
	 .token = TOKEN_NONE, .when = has_artist, .holds = "data[]"},
	{"user", NULL, "/user/{profile_id}", PAGE_NONE, .token = TOKEN_USER_OPT, .when = is_profile_alone},
	{"favorite_tracks", NULL, "/user/{profile_id}/tracks?limit=1", PAGE_NONE, .token = TOKEN_USER_OPT,
	 .when = has_profile},
	{"playlists", NULL, "/user/{profile_id}/playlists?limit=1", PAGE_NONE, .token = TOKEN_USER_OPT,
	 .when = has_profile},
	{"tracked_playlists", NULL, "/playlist/{of}/tracks?limit=100", PAGE_LINK, "next", .token = TOKEN_NONE,
	 .per = true, .holds = "data[],tracks.data[]"},
	{NULL},
};

/* A token opens its own profile; a number in the settings goes before it. */
static void
begin(Plan *plan)
{
	const Account *account = plan->account;

	if (!account->has_token || has_profile(account))
		return;
	if (!has_artist(account))
		plan_ask_path(plan, "user", NULL, "/user/me");
	plan_ask_path(plan, "favorite_tracks", NULL, "/user/me/tracks?limit=1");
	plan_ask_path(plan, "playlists", NULL, "/user/me/playlists?limit=1");
}

/* An album's size never changes and only its own page tells it: once is enough. */
static void
ask_unknown_albums(Plan *plan, const JsonbContainer *page)
{
	JsonItems items = json_items(json_array_in(page, "data"));
	const JsonbContainer *album;

	while (json_next_object(&items, &album))
	{
		char *id = json_id(album, "id");
		const ContentItem *known = id != NULL && plan->known != NULL ? contents_find(plan->known, id) : NULL;

		if (id != NULL && json_count(release_extra(known), "nb_tracks") == COUNT_UNKNOWN)
			plan_ask(plan, "album", id);
	}
}

static bool
lists_id(const JsonbContainer *page, const char *id)
{
	return holds_id(json_array_in(page, "data"), id);
}

static void
next(Plan *plan, const Request *request, const Answer *answer)
{
	ListCell *cell;

	if (strcmp(request->step->name, "albums") == 0)
		ask_unknown_albums(plan, answer->body);
	else if (strcmp(request->step->name, "artist_playlists") == 0 && request->page == 0)
		foreach (cell, account_setting_list(plan->account, "tracked_playlists"))
			if (!lists_id(answer->body, lfirst(cell)))
				plan_ask(plan, "tracked_playlists", lfirst(cell));
}

/* A page of a playlist, or a playlist with its tracks inlined: does it hold a track of the artist? */
static bool
features_artist(const JsonbContainer *page, const char *own)
{
	const JsonbContainer *tracks = json_array_in(page, "data");
	JsonItems items = json_items(tracks != NULL ? tracks : json_array_at(page, "tracks.data"));
	const JsonbContainer *track;

	while (own != NULL && json_next_object(&items, &track))
	{
		char *artist = json_id(json_object_in(track, "artist"), "id");

		if ((artist != NULL && strcmp(artist, own) == 0) ||
			holds_id(json_array_in(track, "contributors"), own))
			return true;
	}
	return false;
}

/* One hit is enough. */
static bool
more(const Plan *plan, const Request *request, const Answer *answer)
{
	return strcmp(request->step->name, "tracked_playlists") != 0 ||
		   !features_artist(answer->body, plan->account->external_id);
}

static Verdict
classify_code(const Answer *answer, int64 code, const char *message)
{
	Verdict result;

	switch (code)
	{
		case 4: /* QUOTA: per address, whoever asks */
			result = verdict(ERROR_RATE_LIMITED, message);
			result.scope = BLOCK_BUCKET;
			if (answer->at != 0)
				result.wait_until = answer->at + QUOTA_PAUSE_S * USECS_PER_SEC;
			return result;
		case 200: /* PERMISSION: no token, or one without this right */
		case 901: /* INDIVIDUAL_ACCOUNT_NOT_ALLOWED: a member of a family plan */
			return verdict(ERROR_PERMISSION, message);
		case 300: /* TOKEN_INVALID: nothing can refresh it */
			return verdict(ERROR_AUTH_REVOKED, message);
		case 700: /* SERVICE_BUSY */
			return verdict(ERROR_SERVER, message);
		case 800: /* DATA_NOT_FOUND */
			return verdict(ERROR_NOT_FOUND, message);
		case COUNT_UNKNOWN: /* "An error has occured", without a code */
			return verdict(ERROR_SERVER, message);
		default: /* 100, 500, 501, 600: our request is wrong */
			return verdict(ERROR_BAD_RESPONSE, message);
	}
}

/* An answer is an error when it has an "error" member that is not an empty array; the code says which. */
static Verdict
classify(const Answer *answer)
{
	const JsonbContainer *error = json_object_in(answer->body, "error");
	const char *text = json_text(answer->body, "error");
	Verdict result;

	if (error != NULL)
		return classify_code(answer, json_integer(error, "code"), json_text(error, "message"));
	if (json_length(json_array_in(answer->body, "error")) > 0)
		return verdict(ERROR_BAD_RESPONSE, "an error of unknown shape");
	if (text != NULL && text[0] != '\0')
	{
		if (answer->status == 404 || strcmp(text, "Not Found") == 0)
			return verdict(ERROR_NOT_FOUND, text);
		result = classify_status(answer);
		return result.error != ERROR_NONE ? result : verdict(ERROR_SERVER, text);
	}
	/* Protection against robots answers with a page of its own. */
	if (answer->status == 403 && answer->body == NULL)
	{
		result = verdict(ERROR_RATE_LIMITED, "refused by Deezer's protection against robots");
		result.scope = BLOCK_BUCKET;
		return result;
	}
	return classify_status(answer);
}

static const char *
kind_of(const char *record_type)
{
	if (record_type != NULL && strcmp(record_type, "single") == 0)
		return "single";
	if (record_type != NULL && strncmp(record_type, "compil", 6) == 0) /* "compile", "compilation" */
		return "compilation";
	return "album"; /* and "ep" */
}

/* The first tracks of an album; they have no date of their own here. */
static void
read_tracks(Normalised *out, const JsonbContainer *album, const ContentItem *release, const char *own)
{
	JsonItems items = json_items(json_array_at(album, "tracks.data"));
	const JsonbContainer *track;

	while (json_next_object(&items, &track))
	{
		char *id = json_id(track, "id");
		const JsonbContainer *artist = json_object_in(track, "artist");
		char *artist_id = json_id(artist, "id");
		ContentItem *item;

		if (id == NULL || (own != NULL && artist_id != NULL && strcmp(artist_id, own) != 0 &&
						   !holds_id(json_array_in(track, "contributors"), own)))
			continue;
		/* Albums and tracks are counted apart at Deezer and may share a number. */
		item = contents_find(out->content, id);
		if (item != NULL && strcmp(item->kind, "track") != 0)
			id = psprintf("track:%s", id);
		item = add_content(out, id, "track");
		item->title = json_text(track, "title");
		item->url = json_text(track, "link");
		item->published_at = release->published_at;
		release_artists(item, json_array_in(track, "contributors"), own);
		content_extra_text(item, "album_id", release->content_id);
	}
}

/* An entry of the listing, or an album's own page, which adds its tracks and contributors. */
static void
read_album(Normalised *out, const JsonbContainer *album, const char *asked_for, const char *own)
{
	const char *id = json_id(album, "id");
	char *record_type = json_text(album, "record_type");
	const char *artist = json_id(json_object_in(album, "artist"), "id");
	int64 fans = json_count(album, "fans");
	ContentItem *item;

	if (id == NULL)
		id = asked_for;
	if (id == NULL || (json_has(album, "type") && !text_is(json_text(album, "type"), "album")))
		return;
	item = add_content(out, id, kind_of(record_type));
	if (json_text(album, "title") != NULL)
		item->title = json_text(album, "title");
	if (json_text(album, "link") != NULL)
		item->url = json_text(album, "link");
	if (fans != COUNT_UNKNOWN)
		item->likes = fans;
	release_date(item, json_text(album, "release_date"));
	release_artists(item, json_array_in(album, "contributors"), own);
	if (record_type != NULL && strcmp(record_type, "ep") == 0)
		content_extra_text(item, "record_type", record_type);
	content_extra_count(item, "nb_tracks", json_count(album, "nb_tracks"));
	content_extra_text(item, "upc", json_text(album, "upc"));
	if (artist != NULL && own != NULL && strcmp(artist, own) != 0)
		content_extra_text(item, "artist_id", artist);
	read_tracks(out, album, item, own);
}

/* Tracks on the listed albums of the artist's own; unknown as long as one of them is. */
static int64
count_tracks(const Normalised *out, const Responses *responses)
{
	const Bodies *pages = bodies(responses, "albums");
	int64 sum = 0;

	if (!listed_whole(responses, "albums") ||
		json_text(pages->entries[pages->count - 1].body, "next") != NULL)
		return COUNT_UNKNOWN;
	for (int i = 0; i < out->content->count; i++)
	{
		const ContentItem *item = out->content->items[i];
		int64 tracks = json_count(release_extra(item), "nb_tracks");

		/* extra names the artist of an album where it is another's. */
		if (!item->listed || strcmp(item->kind, "track") == 0 || json_has(release_extra(item), "artist_id"))
			continue;
		if (tracks == COUNT_UNKNOWN)
			return COUNT_UNKNOWN;
		sum += tracks;
	}
	return sum;
}

/* Playlists found by Deezer and tracked ones with a track of the artist, each once. */
static int64
count_placements(const Responses *responses, const char *own)
{
	const Bodies *found = bodies(responses, "artist_playlists");
	const Bodies *tracked = bodies(responses, "tracked_playlists");
	List *ids = NIL;

	if ((found->asked && !listed_whole(responses, "artist_playlists")) || !read_to_end(found) ||
		!read_to_end(tracked) || found->count + tracked->count == 0)
		return COUNT_UNKNOWN;
	for (int i = 0; i < found->count; i++)
	{
		JsonItems items = json_items(json_array_in(found->entries[i].body, "data"));
		const JsonbContainer *playlist;

		while (json_next_object(&items, &playlist))
		{
			char *id = json_id(playlist, "id");

			if (id != NULL)
				ids = append_distinct(ids, id);
		}
	}
	for (int i = 0; i < tracked->count; i++)
		if (features_artist(tracked->entries[i].body, own))
			ids = append_distinct(ids, pstrdup(tracked->entries[i].of != NULL ? tracked->entries[i].of : ""));
	return list_length(ids);
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *artist = body(responses, "artist");
	const char *own = json_id(artist, "id");

	if (own == NULL)
		own = out->account->external_id;
	else
		out->external_id = own;
	out->handle = json_text(artist != NULL ? artist : body(responses, "user"), "name");

	set_count(out, "fans_count", json_count(artist, "nb_fan"));
	set_count(out, "album_count", json_count(artist, "nb_album"));
	out->follower_count = json_count(artist, "nb_fan");

	for (int i = 0; i < bodies(responses, "albums")->count; i++)
	{
		JsonItems items = json_items(json_array_in(bodies(responses, "albums")->entries[i].body, "data"));
		const JsonbContainer *album;

		while (json_next_object(&items, &album))
			read_album(out, album, NULL, own);
	}
	for (int i = 0; i < bodies(responses, "album")->count; i++)
	{
		const Entry *entry = &bodies(responses, "album")->entries[i];

		read_album(out, entry->body, entry->of, own);
	}
	out->content_count = count_tracks(out, responses);
	set_count(out, "track_count", out->content_count);

	set_count(out, "playlist_placements", count_placements(responses, own));
	set_count(out, "favorite_tracks", json_count(body(responses, "favorite_tracks"), "total"));
	set_count(out, "playlists_count", json_count(body(responses, "playlists"), "total"));
}

static const char *const scopes[] = {"basic_access", "offline_access", NULL};

static const char *const hosts[] = {"api.deezer.com", "connect.deezer.com", NULL};

static const OAuthDef oauth = {
	.authorize_url = "https://connect.deezer.com/oauth/auth.php",
	.token_url = "https://connect.deezer.com/oauth/access_token.php?output=json",
	.client_id_name = "app_id",
	.client_secret_name = "secret",
	.scope_name = "perms",
	.scope_separator = ",",
	.token_by_get = true,
	.renewal = RENEW_NEVER,
	.style = STYLE_QUERY,
};

const Platform platform_deezer = {
	.name = "deezer",
	.label = "Deezer",
	.status = STATUS_PLANNED,
	.has_api = true,
	.needs_token = false,
	.valid_id = id_is_number,
	.id_example = "27",
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.audience = "fans_count",
	.content = "track_count",
	.steps = steps,
	.requests_per_second = 8,
	.burst = 10,
	.begin = begin,
	.next = next,
	.more = more,
	.classify = classify,
	.normalise = normalise,
};
