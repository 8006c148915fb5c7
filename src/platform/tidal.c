/*
 * tidal.c
 *    TIDAL's API, JSON:API over HTTPS: an artist's followers and releases, places in tracked playlists.
 *
 * Everything is read with a token of the app. Attributes that an app may not read are left out, so an artist without
 * numberOfFollowers has an unknown count, never 0. Resources lie unordered in `included`; only the identifiers in
 * `data` and in relationships have an order. Plays are not told.
 *
 * Requests of an account-day: artist 1, albums 1 per 20, tracked_playlists 1 per 20 items up to the first hit, the
 * items filtered by the artist's name. An artist with up to 20 releases: 2, and 1 per tracked playlist.
 *
 * API facts: https://tidal-music.github.io/tidal-api-reference (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <ctype.h>
#include <math.h>

#include "utils/timestamp.h"

#include "platform/platform.h"
#include "platform/release.h"

#define LIMIT_PAUSE_S   5
#define MAX_FILTER      100 /* bytes of filter[query], at most 100 characters */
#define DEFAULT_COUNTRY "US"

static const FieldDef fields[] = {
	{"follower_count", FIELD_COUNT, true, KIND_COUNTER, "followers", "artist.numberOfFollowers",
	 "Followers of the artist"},
	{"playlist_placements", FIELD_COUNT, true, KIND_GAUGE, "playlists",
	 "tracked playlists with a track of the artist", "Tracked playlists that contain a track of the artist"},
	{NULL},
};

/* Asked by begin() and next(), which know the country. */
static bool
never(const Account *account)
{
	return false;
}

static const StepDef steps[] = {
	{"artist", NULL, "/v2/artists/{external_id}", PAGE_NONE, .token = TOKEN_APP, .when = never},
	{"albums", NULL, "/v2/artists/{external_id}/relationships/albums?include=albums.artists", PAGE_NONE,
	 .token = TOKEN_APP, .when = never, .cost = 5, .holds = "data[]"},
	{"tracked_playlists", NULL, "/v2/playlists/{of}/relationships/items?include=items.artists", PAGE_NONE,
	 .token = TOKEN_APP, .per = true, .cost = 5, .holds = "data[]"},
	{NULL},
};

/* Availability is per country: that of the first storefront. */
static Request *
ask(Plan *plan, const char *step, const char *of)
{
	List *codes = account_setting_list(plan->account, "storefronts");
	const char *given = codes != NIL ? linitial(codes) : DEFAULT_COUNTRY;
	char country[3] = DEFAULT_COUNTRY;
	Request *request = plan_ask(plan, step, of);

	if (strlen(given) == 2 && isalpha((unsigned char) given[0]) && isalpha((unsigned char) given[1]))
	{
		country[0] = pg_toupper(given[0]);
		country[1] = pg_toupper(given[1]);
	}
	request->headers = lappend(request->headers, "Accept: application/vnd.api+json");
	request_param(request, "countryCode", country);
	return request;
}

static void
begin(Plan *plan)
{
	if (plan->account->external_id == NULL)
		return;
	ask(plan, "artist", NULL);
	ask(plan, "albums", NULL);
}

/* ---- JSON:API ---- */

static bool
is_type(const JsonbContainer *resource, const char *type)
{
	char *given = json_text(resource, "type");

	return given != NULL && strcmp(given, type) == 0;
}

/* The resource that an identifier names: itself where it has attributes, else the one in `included`; NULL where the
 * answer lacks it. */
static const JsonbContainer *
resource_of(const JsonbContainer *page, const JsonbContainer *identifier)
{
	JsonItems items = json_items(json_array_in(page, "included"));
	const JsonbContainer *resource;
	char *id = json_id(identifier, "id");
	char *type = json_text(identifier, "type");

	if (json_object_in(identifier, "attributes") != NULL)
		return identifier;
	while (id != NULL && type != NULL && json_next_object(&items, &resource))
	{
		char *other = json_id(resource, "id");

		if (is_type(resource, type) && other != NULL && strcmp(other, id) == 0)
			return resource;
	}
	return NULL;
}

/* The only object of `data`, or the first of several. */
static const JsonbContainer *
first_data(const JsonbContainer *page)
{
	const JsonbContainer *data = json_object_in(page, "data");
	JsonItems items = json_items(json_array_in(page, "data"));

	if (data == NULL && !json_next_object(&items, &data))
		return NULL;
	return data;
}

/* Where the next page begins: links tell it twice, and either may be missing. */
static char *
next_cursor(const JsonbContainer *page)
{
	static const char *const names[] = {"page%5Bcursor%5D=", "page[cursor]="};
	char *link = json_text_at(page, "links.next");
	char *cursor = json_text_at(page, "links.meta.nextCursor");

	if (link == NULL || cursor != NULL)
		return link == NULL ? NULL : cursor;
	for (int i = 0; i < lengthof(names); i++)
	{
		char *at = strstr(link, names[i]);

		if (at != NULL)
			return pnstrdup(at + strlen(names[i]), strcspn(at + strlen(names[i]), "&"));
	}
	return NULL;
}

/* A relationship's link to its next page drops `include`, so the request is repeated with the cursor. */
static void
ask_next_page(Plan *plan, const Request *request, const JsonbContainer *page)
{
	const char *old = strstr(request->url, "&page%5Bcursor%5D=");
	char *cursor = next_cursor(page);
	Request following = {.url = old == NULL ? request->url : pnstrdup(request->url, old - request->url)};

	if (cursor == NULL)
		return;
	if (strchr(cursor, '%') != NULL) /* taken from the link: encoded already */
		following.url = psprintf("%s&page%%5Bcursor%%5D=%s", following.url, cursor);
	else
		request_param(&following, "page%5Bcursor%5D", cursor);
	if (strcmp(following.url, request->url) != 0)
		plan_next_page(plan, request, following.url);
}

/* ---- Playlists ---- */

static bool
is_by(const JsonbContainer *page, const JsonbContainer *item, const char *own)
{
	return holds_id(json_array_at(resource_of(page, item), "relationships.artists.data"), own);
}

static bool
features_artist(const JsonbContainer *page, const char *own)
{
	JsonItems items = json_items(json_array_in(page, "data"));
	const JsonbContainer *item;

	while (json_next_object(&items, &item))
	{
		if (is_by(page, item, own))
			return true;
	}
	return false;
}

/* The server looks for the artist's name, so that one page mostly does; whose track it is the ids decide. */
static void
ask_tracked(Plan *plan, const char *name)
{
	ListCell *cell;

	foreach (cell, account_setting_list(plan->account, "tracked_playlists"))
	{
		Request *request = ask(plan, "tracked_playlists", lfirst(cell));

		if (name != NULL)
			request_param(request, "filter%5Bquery%5D", text_clip(name, MAX_FILTER));
	}
}

static void
next(Plan *plan, const Request *request, const Answer *answer)
{
	if (strcmp(request->step->name, "artist") == 0)
		ask_tracked(plan, json_text_at(first_data(answer->body), "attributes.name"));
	else if (strcmp(request->step->name, "albums") == 0 ||
			 !features_artist(answer->body, plan->account->external_id))
		ask_next_page(plan, request, answer->body);
}

static bool
failed(Plan *plan, Request *request, const Verdict *verdict)
{
	/* Without the artist's name all items have to be read; without the artist there is nothing to look for. */
	if (strcmp(request->step->name, "artist") == 0 && verdict->error != ERROR_NOT_FOUND)
		ask_tracked(plan, NULL);
	/* The filter is young: where it is refused, go on without. */
	if (strcmp(request->step->name, "tracked_playlists") == 0 && verdict->error == ERROR_BAD_RESPONSE &&
		strstr(request->url, "filter%5Bquery%5D") != NULL)
	{
		ask(plan, "tracked_playlists", request->of);
		return true;
	}
	return false;
}

/* ---- Errors ---- */

/* A bucket of tokens: headers tell what the call cost and how fast it fills. */
static TimestampTz
refill_time(const Answer *answer)
{
	const char *cost = answer_header(answer, "x-ratelimit-requested-tokens");
	const char *rate = answer_header(answer, "x-ratelimit-replenish-rate");
	double seconds = cost != NULL && rate != NULL ? strtod(cost, NULL) / strtod(rate, NULL) : NAN;

	if (!isfinite(seconds) || seconds <= 0 || seconds > SECS_PER_HOUR)
		seconds = LIMIT_PAUSE_S;
	return answer->at + (int64) ceil(seconds) * USECS_PER_SEC;
}

/* The bucket is the platform's to tell: how much is left, and how fast it fills. */
static void
limits(const Answer *answer, LimitsSeen *seen)
{
	const char *left = answer_header(answer, "x-ratelimit-remaining");
	const char *rate = answer_header(answer, "x-ratelimit-replenish-rate");
	const char *burst = answer_header(answer, "x-ratelimit-burst-capacity");

	if (left == NULL || rate == NULL || burst == NULL)
		return;
	seen->bucket.tokens = Max(0, strtod(left, NULL));
	seen->bucket.rate = strtod(rate, NULL);
	seen->bucket.burst = strtod(burst, NULL);
}

/*
 * {"errors": [{"status", "code", "detail"}]}; the authorisation server's {"status", "error", "error_description"};
 * and {"status", "subStatus", "userMessage"} of older parts.
 */
static Verdict
classify(const Answer *answer)
{
	JsonItems errors = json_items(json_array_in(answer->body, "errors"));
	const JsonbContainer *error = answer->body;
	bool any = json_next_object(&errors, &error);
	char *auth_error = json_text(answer->body, "error");
	const char *message = json_text(error, "detail");
	int64 told = json_count(any ? error : answer->body, "status");
	Answer judged = *answer;
	Verdict result;

	if (message == NULL)
		message = json_text(answer->body, "error_description");
	if (message == NULL)
		message = json_text(answer->body, "userMessage");
	if (message == NULL)
		message = auth_error;
	if (judged.status == 0 && told != COUNT_UNKNOWN)
		judged.status = (int) Min(told, 999);

	result = classify_status(&judged);
	if (auth_error != NULL && strcmp(auth_error, "invalid_grant") == 0)
		result.error = ERROR_AUTH_REVOKED;
	else if (auth_error != NULL && strcmp(auth_error, "invalid_client") == 0)
	{
		result.error = ERROR_OPERATOR;
		result.scope = BLOCK_APP;
	}
	else if (result.error == ERROR_NONE && any)
		result = verdict(ERROR_BAD_RESPONSE, "an error of unknown shape");
	if (result.error == ERROR_RATE_LIMITED)
	{
		result.scope = BLOCK_APP;
		if (result.wait_until == 0 && answer->at != 0)
			result.wait_until = refill_time(answer);
	}
	if (message != NULL && result.error != ERROR_NONE)
		result.message = message;
	return result;
}

/* ---- Values ---- */

/* "Paper Lanterns", or "Paper Lanterns (Remix)" where it has a version. */
static char *
title_of(const JsonbContainer *attributes)
{
	char *title = json_text(attributes, "title");
	char *version = json_text(attributes, "version");

	return title != NULL && version != NULL && version[0] != '\0' ? psprintf("%s (%s)", title, version)
																  : title;
}

/* The address for people. */
static char *
sharing_url(const JsonbContainer *attributes)
{
	JsonItems items = json_items(json_array_in(attributes, "externalLinks"));
	const JsonbContainer *link;

	while (json_next_object(&items, &link))
	{
		char *type = json_text_at(link, "meta.type");

		if (type != NULL && strcmp(type, "TIDAL_SHARING") == 0)
			return json_text(link, "href");
	}
	return NULL;
}

/* Names in the order of the relationship; artists that the answer lacks are passed over. */
static void
read_artists(ContentItem *item, const JsonbContainer *page, const JsonbContainer *resource, const char *own)
{
	const JsonbContainer *artists = json_array_at(resource, "relationships.artists.data");
	JsonItems items = json_items(artists);
	const JsonbContainer *artist;

	if (artists == NULL)
		return;
	item->collaborators = NIL;
	item->collaborators_known = true;
	while (json_next_object(&items, &artist))
	{
		char *id = json_id(artist, "id");
		char *name = json_text_at(resource_of(page, artist), "attributes.name");

		if (name != NULL && (own == NULL || id == NULL || strcmp(id, own) != 0))
			item->collaborators = append_distinct(item->collaborators, name);
	}
}

static void
read_item(Normalised *out, const JsonbContainer *page, const JsonbContainer *resource, const char *kind,
		  const char *own)
{
	const JsonbContainer *attributes = json_object_in(resource, "attributes");
	char *id = json_id(resource, "id");
	ContentItem *item;

	if (id == NULL)
		return;
	/* Albums and tracks are numbered alike. */
	if (strcmp(kind, "track") == 0 && (item = contents_find(out->content, id)) != NULL &&
		strcmp(item->kind, "track") != 0)
		return;
	item = add_content(out, id, kind);
	item->title = title_of(attributes);
	item->url = sharing_url(attributes);
	release_date(item, json_text(attributes, "releaseDate"));
	read_artists(item, page, resource, own);
	content_extra_count(item, "total_tracks", json_count(attributes, "numberOfItems"));
	content_extra_text(item, "upc", json_text(attributes, "barcodeId"));
	content_extra_text(item, "isrc", json_text(attributes, "isrc"));
}

static void
read_albums(Normalised *out, const JsonbContainer *page, const char *own)
{
	JsonItems items = json_items(json_array_in(page, "data"));
	const JsonbContainer *identifier;

	while (json_next_object(&items, &identifier))
	{
		const JsonbContainer *album = resource_of(page, identifier);
		char *type = json_text_at(album, "attributes.albumType");
		const char *kind = "album"; /* and EP */

		if (!is_type(identifier, "albums") || album == NULL)
			continue;
		if (type == NULL)
			type = json_text_at(album, "attributes.type");
		if (type != NULL && pg_strcasecmp(type, "SINGLE") == 0)
			kind = "single";
		else if (type != NULL && pg_strcasecmp(type, "COMPILATION") == 0)
			kind = "compilation";
		read_item(out, page, album, kind, own);
	}
}

/* The artist's tracks of a playlist. */
static void
read_tracks(Normalised *out, const JsonbContainer *page, const char *own)
{
	JsonItems items = json_items(json_array_in(page, "data"));
	const JsonbContainer *identifier;

	while (json_next_object(&items, &identifier))
	{
		if (is_type(identifier, "tracks") && is_by(page, identifier, own))
			read_item(out, page, resource_of(page, identifier), "track", own);
	}
}

static void
normalise(const Responses *responses, Normalised *out)
{
	const JsonbContainer *artist = first_data(body(responses, "artist"));
	const JsonbContainer *attributes = json_object_in(artist, "attributes");
	const Bodies *albums = bodies(responses, "albums");
	const Bodies *tracked = bodies(responses, "tracked_playlists");
	const char *own = json_id(artist, "id");
	List *placed = NIL;

	if (own == NULL)
		own = out->account->external_id;
	else
		out->external_id = own;
	out->handle = json_text(attributes, "handle");
	if (out->handle == NULL)
		out->handle = json_text(attributes, "name");
	set_count(out, "follower_count", json_count(attributes, "numberOfFollowers"));
	out->follower_count = json_count(attributes, "numberOfFollowers");

	for (int i = 0; i < albums->count; i++)
		read_albums(out, albums->entries[i].body, own);
	for (int i = 0; i < tracked->count; i++)
	{
		const Entry *entry = &tracked->entries[i];

		if (own == NULL || !features_artist(entry->body, own))
			continue;
		placed = append_distinct(placed, pstrdup(entry->of != NULL ? entry->of : ""));
		read_tracks(out, entry->body, own);
	}
	if (own != NULL && tracked->count > 0 && read_to_end(tracked))
		set_count(out, "playlist_placements", list_length(placed));
}

/* ---- The platform ---- */

static const char *const scopes[] = {"user.read", NULL};

static const char *const hosts[] = {"openapi.tidal.com", "auth.tidal.com", "login.tidal.com", NULL};

static const OAuthDef oauth = {
	.authorize_url = "https://login.tidal.com/authorize",
	.token_url = "https://auth.tidal.com/v1/oauth2/token",
	.pkce = PKCE_S256,
	.public_clients = true,
	.rotates = true, /* sometimes: an answer without a refresh token leaves the old one in force */
	.client_credentials = true,
	.style = STYLE_BEARER,
	.default_lifetime_s = 3600,
};

/* Two calls in ten seconds: calls with includes cost several tokens of a small bucket. */
const Platform platform_tidal = {
	.name = "tidal",
	.label = "Tidal",
	.status = STATUS_PLANNED,
	.has_api = true,
	.needs_token = false,
	.id_example = "7804",
	.scopes = scopes,
	.hosts = hosts,
	.oauth = &oauth,
	.fields = fields,
	.audience = "follower_count",
	.steps = steps,
	.requests_per_second = 1, /* a call with includes costs 5, so that is one in five seconds */
	.burst = 5,
	.begin = begin,
	.next = next,
	.failed = failed,
	.classify = classify,
	.limits = limits,
	.normalise = normalise,
};
