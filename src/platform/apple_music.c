/*
 * apple_music.c
 *    The Apple Music API: an artist's places in charts and playlists, a listener's library.
 *
 * The catalogue is read with the developer token alone. /me needs the listener's music user token beside it, and is
 * sent it alone, so that a 403 of the catalogue never means that the artist must sign in again. Nobody is told
 * streams, listeners or followers.
 *
 * Charts and playlists exist per storefront: those of settings.storefronts, "us" where there are none. The first is
 * home: albums and tracked playlists are read there.
 *
 * Requests of an account-day: charts 1 per storefront and 50 ranks, at most 4 (songs and albums share them); albums
 * 1 per 100; playlists 1 per storefront and page; tracked_playlists 1 per 100 tracks up to the first hit, none for
 * those found by playlists; library_songs 1 and library_playlists 1 where the answer tells its total. An artist in
 * one storefront: 6.
 *
 * apple_music_values.c reads what is answered.
 *
 * API facts: https://developer.apple.com/documentation/applemusicapi (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/formatting.h"
#include "utils/timestamp.h"

#include "platform/apple_music.h"
#include "platform/platform.h"
#include "platform/release.h"

#define CHART_PAGE         50
#define CHART_DEPTH        200 /* a larger offset is an error */
#define LIMIT_PAUSE_S      15
#define DEFAULT_STOREFRONT "us"
#define WITH_ARTISTS       "&include%5Bsongs%5D=artists&include%5Balbums%5D=artists"

static const EntryKey chart_keys[] = {
	{"chart_name", FIELD_TEXT, false},
	{"position", FIELD_COUNT, false},
	{"country", FIELD_TEXT, false},
	{NULL},
};

static const FieldDef fields[] = {
	{"playlist_placements", FIELD_COUNT, true, KIND_GAUGE, "playlists",
	 "distinct playlists.id, and tracked playlists with a song of the artist",
	 "Playlists that feature the artist"},
	{"editorial_placements", FIELD_TEXTS, true, KIND_LIST, "playlists",
	 "names of those with playlistType editorial", "Names of Apple's own playlists that feature the artist"},
	{"chart_positions", FIELD_ENTRIES, true, KIND_LIST, "positions", "charts: offset + index + 1",
	 "Places of the artist's songs and albums in the most-played charts, best first", .entry = chart_keys},
	{"library_songs_count", FIELD_COUNT, true, KIND_GAUGE, "songs", "library_songs.meta.total, else counted",
	 "Songs in the user's library"},
	{"playlists_count", FIELD_COUNT, true, KIND_GAUGE, "playlists",
	 "library_playlists.meta.total, else counted", "Playlists in the user's library"},
	{NULL},
};

static bool
has_token(const Account *account)
{
	return account->has_token;
}

/* Asked by begin() and next(), which know the storefront. */
static bool
never(const Account *account)
{
	return false;
}

static const StepDef steps[] = {
	{"library_songs", NULL, "/v1/me/library/songs?limit=1", PAGE_NONE, .token = TOKEN_USER,
	 .when = has_token},
	{"library_playlists", NULL, "/v1/me/library/playlists?limit=1", PAGE_NONE, .token = TOKEN_USER,
	 .when = has_token},
	{"charts", NULL, "/v1/catalog/{of}/charts?types=songs,albums&chart=most-played&limit=50" WITH_ARTISTS,
	 PAGE_NONE, .token = TOKEN_APP, .per = true, .holds = "results{},errors[],message,{}"},
	{"albums", NULL, "/v1/catalog/STOREFRONT/artists/{external_id}/albums?limit=100&include=artists",
	 PAGE_NONE, .token = TOKEN_APP, .when = never, .holds = "data[],errors[],message"},
	{"playlists", NULL, "/v1/catalog/STOREFRONT/artists/{external_id}/view/featured-playlists?limit=100",
	 PAGE_NONE, .token = TOKEN_APP, .when = never, .holds = "data[],errors[],message"},
	{"tracked_playlists", NULL,
	 "/v1/catalog/STOREFRONT/playlists/{of}?include=tracks&include%5Bsongs%5D=artists", PAGE_NONE,
	 .token = TOKEN_APP, .per = true, .holds = "data[],errors[],message"},
	{NULL},
};

/* Codes of two letters in lower case, each once; the default where none is set. */
static List *
storefronts(const Account *account)
{
	List *codes = NIL;
	ListCell *cell;

	foreach (cell, account_setting_list(account, "storefronts"))
	{
		char *code = asc_tolower(lfirst(cell), strlen(lfirst(cell)));

		if (strlen(code) == 2 && strspn(code, "abcdefghijklmnopqrstuvwxyz") == 2)
			codes = append_distinct(codes, code);
	}
	return codes != NIL ? codes : list_make1(DEFAULT_STOREFRONT);
}

static char *
in_storefront(const Plan *plan, const char *step, const char *storefront)
{
	const char *path = platform_step(plan->platform, step)->path;
	const char *at = strstr(path, "STOREFRONT");

	return psprintf("%.*s%s%s", (int) (at - path), path, storefront, at + strlen("STOREFRONT"));
}

static void
begin(Plan *plan)
{
	List *codes = storefronts(plan->account);
	ListCell *cell;

	if (plan->account->external_id == NULL)
		return;
	foreach (cell, codes)
		plan_ask(plan, "charts", lfirst(cell));
	plan_ask_path(plan, "albums", NULL, in_storefront(plan, "albums", linitial(codes)));
	plan_ask_path(plan, "playlists", NULL, in_storefront(plan, "playlists", linitial(codes)));
}

/* ---- Paging ---- */

/*
 * Links to the next page drop limit and include, so only their offset is taken. Views forget even that there is
 * nothing more: an offset that does not grow ends the listing.
 */
static void
ask_offset(Plan *plan, const Request *request, int64 offset)
{
	const char *old = strstr(request->url, "offset=");
	Request following = {.url = request->url};

	if (offset == COUNT_UNKNOWN || (old != NULL && offset <= apple_number_in(old, "offset=")))
		return;
	if (old != NULL) /* the last parameter, and the character before it */
		following.url = pnstrdup(request->url, old - request->url - 1);
	request_param(&following, "offset", psprintf(INT64_FORMAT, offset));
	plan_next_page(plan, request, following.url);
}

/* A library tells its total; where it does not, all of it has to be counted. */
static void
next_of_library(Plan *plan, const Request *request, const JsonbContainer *page)
{
	char *link = json_text(page, "next");
	int64 offset = apple_number_in(link, "offset=");

	if (link == NULL || json_count(json_object_in(page, "meta"), "total") != COUNT_UNKNOWN)
		return;
	if (request->page > 0)
		ask_offset(plan, request, offset);
	else if (offset != COUNT_UNKNOWN)
		plan_next_page(plan, request,
					   psprintf("%.*s?limit=100&offset=" INT64_FORMAT, (int) strcspn(request->url, "?"),
								request->url, offset));
}

static void
next_of_chart(Plan *plan, const Request *request, const JsonbContainer *page)
{
	int64 offset = apple_number_in(request->url, "offset=");

	offset = (offset == COUNT_UNKNOWN ? 0 : offset) + CHART_PAGE;
	if (offset < CHART_DEPTH && (json_text(apple_most_played(page, "songs"), "next") != NULL ||
								 json_text(apple_most_played(page, "albums"), "next") != NULL))
		ask_offset(plan, request, offset);
}

/* ---- Playlists ---- */

static bool
found_playlist(const Responses *responses, const char *id)
{
	const Bodies *pages = bodies(responses, "playlists");

	for (int i = 0; i < pages->count; i++)
	{
		if (holds_id(json_array_in(pages->entries[i].body, "data"), id))
			return true;
	}
	return false;
}

/* One storefront after the other, so that in the end only tracked playlists not found before are asked. */
static void
after_playlists(Plan *plan, const Request *request)
{
	List *codes = storefronts(plan->account);
	ListCell *cell;

	foreach (cell, codes)
	{
		if (strstr(request->url, psprintf("/catalog/%s/", (char *) lfirst(cell))) == NULL)
			continue;
		if (lnext(codes, cell) != NULL)
		{
			plan_ask_path(plan, "playlists", NULL,
						  in_storefront(plan, "playlists", lfirst(lnext(codes, cell))));
			return;
		}
	}
	foreach (cell, account_setting_list(plan->account, "tracked_playlists"))
	{
		if (!found_playlist(plan->responses, lfirst(cell)))
			plan_ask_path(plan, "tracked_playlists", lfirst(cell),
						  in_storefront(plan, "tracked_playlists", linitial(codes)));
	}
}

/* The tracks beyond the first hundred, until one is the artist's. */
static void
next_of_tracked(Plan *plan, const Request *request, const JsonbContainer *page)
{
	const JsonbContainer *playlist = apple_playlist_of(page);
	char *link =
		playlist != NULL ? json_text_at(playlist, "relationships.tracks.next") : json_text(page, "next");

	if (link == NULL || apple_features_artist(page, plan->account->external_id, plan->known))
		return;
	if (playlist == NULL)
		ask_offset(plan, request, apple_number_in(link, "offset="));
	else
		plan_next_page(plan, request,
					   psprintf("%.*s/tracks?limit=100&include%%5Bsongs%%5D=artists&offset=" INT64_FORMAT,
								(int) strcspn(request->url, "?"), request->url,
								apple_number_in(link, "offset=") == COUNT_UNKNOWN
									? json_length(apple_tracks_of(page))
									: apple_number_in(link, "offset=")));
}

static void
next(Plan *plan, const Request *request, const Answer *answer)
{
	const char *step = request->step->name;

	if (strncmp(step, "library_", 8) == 0)
		next_of_library(plan, request, answer->body);
	else if (strcmp(step, "charts") == 0)
		next_of_chart(plan, request, answer->body);
	else if (strcmp(step, "tracked_playlists") == 0)
		next_of_tracked(plan, request, answer->body);
	else
	{
		int before = list_length(plan->pending);

		ask_offset(plan, request, apple_number_in(json_text(answer->body, "next"), "offset="));
		if (strcmp(step, "playlists") == 0 && list_length(plan->pending) == before)
			after_playlists(plan, request);
	}
}

static bool
failed(Plan *plan, Request *request, const Verdict *verdict)
{
	/* Charts with their artists can be too much for Apple's servers: without them our albums tell what is ours. */
	if (strcmp(request->step->name, "charts") == 0 && request->page == 0 && verdict->error == ERROR_SERVER &&
		strstr(request->url, WITH_ARTISTS) != NULL)
	{
		plan_ask_path(
			plan, "charts", request->of,
			psprintf("/v1/catalog/{of}/charts?types=songs,albums&chart=most-played&limit=%d", CHART_PAGE));
		return true;
	}
	if (strcmp(request->step->name, "playlists") != 0)
		return false;
	/* How much a view gives at once is not documented: where a hundred is refused, take its own page. */
	if (verdict->error == ERROR_BAD_RESPONSE && strstr(request->url, "?limit=100") != NULL &&
		request->page == 0)
	{
		plan_ask_path(plan, "playlists", NULL,
					  pnstrdup(strstr(request->url, "/v1/"), strcspn(strstr(request->url, "/v1/"), "?")));
		return true;
	}
	after_playlists(plan, request);
	return false;
}

/* ---- Errors ---- */

/* {"errors": [{"status", "code", "title", "detail"}]}; the main one is first. */
static Verdict
classify(const Answer *answer)
{
	JsonItems errors = json_items(json_array_in(answer->body, "errors"));
	const JsonbContainer *error = NULL;
	const char *step = answer->request != NULL ? answer->request->step->name : NULL;
	bool library = step != NULL && strncmp(step, "library_", 8) == 0;
	bool any = json_next_object(&errors, &error);
	char *code = any ? json_id(error, "code") : NULL;
	const char *message = any ? json_text(error, "detail") : json_text(answer->body, "message");
	Answer judged = *answer;
	Verdict result;

	if (message == NULL && any)
		message = json_text(error, "title");
	if (judged.status == 0 && any && json_count(error, "status") != COUNT_UNKNOWN)
		judged.status = (int) Min(json_count(error, "status"), 999);
	else if (judged.status == 0 && message != NULL && strstr(message, "capacity exceeded") != NULL)
		judged.status = 429;
	result = classify_status(&judged);
	if (result.error == ERROR_NONE && any)
		result = verdict(ERROR_BAD_RESPONSE, "an error of unknown shape");
	if (message != NULL)
		result.message = message;

	switch (judged.status)
	{
		case 400:
			if (code != NULL && strcmp(code, "40015") == 0) /* the subscription lacks this */
				result.error = ERROR_PERMISSION;
			break;
		case 403:
			if (library || (step == NULL && code != NULL && strcmp(code, "40300") == 0))
				result.error = ERROR_AUTH_REVOKED;
			else
			{
				result.error = ERROR_OPERATOR;
				result.scope = BLOCK_APP;
			}
			break;
		case 404:
			/* Nothing related, or not in this storefront: an empty list. An artist without albums is a wrong id. */
			if (code != NULL &&
				(strcmp(code, "40403") == 0 ||
				 (strcmp(code, "40400") == 0 && !library && (step == NULL || strcmp(step, "albums") != 0))))
				return (Verdict){.error = ERROR_NONE};
			if (message != NULL && strstr(message, "No related resources") != NULL)
				return (Verdict){.error = ERROR_NONE};
			break;
		case 429:
			/* Of the developer token, so of everybody; hammering makes it longer. */
			result.scope = BLOCK_APP;
			if (result.wait_until == 0 && answer->at != 0)
				result.wait_until = answer->at + LIMIT_PAUSE_S * USECS_PER_SEC;
			break;
	}
	return result;
}

/* ---- The platform ---- */

static const char *const scopes[] = {NULL};

static const char *const hosts[] = {"api.music.apple.com", NULL};

/* No redirect, no code, no refresh: MusicKit hands out the user's token, the app signs its own. */
static const OAuthDef oauth = {
	.renewal = RENEW_NEVER,
	.style = STYLE_MUSIC_USER,
};

const Platform platform_apple_music = {
	.name = "apple_music",
	.label = "Apple Music",
	.status = STATUS_IN_PROGRESS,
	.has_api = true,
	.needs_token = false,
	.valid_id = id_is_number,
	.id_example = "178834",
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.steps = steps,
	.requests_per_second = 2,
	.burst = 4,
	.begin = begin,
	.next = next,
	.failed = failed,
	.classify = classify,
	.normalise = apple_normalise,
};
