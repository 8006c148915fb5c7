/*
 * apple_music_values.c
 *    What the Apple Music API's answers say: releases, places in charts and playlists, the size of a library.
 *
 * API facts: https://developer.apple.com/documentation/applemusicapi (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "utils/formatting.h"

#include "platform/apple_music.h"
#include "platform/platform.h"
#include "platform/release.h"

/* The number behind "offset=" or "limit=" in an address; unknown where it has none. */
int64
apple_number_in(const char *url, const char *name)
{
	const char *at = url != NULL ? strstr(url, name) : NULL;

	return at != NULL && at[strlen(name)] >= '0' && at[strlen(name)] <= '9'
			   ? strtol(at + strlen(name), NULL, 10)
			   : COUNT_UNKNOWN;
}

const JsonbContainer *
apple_most_played(const JsonbContainer *page, const char *type)
{
	JsonItems charts = json_items(json_array_in(json_object_in(page, "results"), type));
	const JsonbContainer *chart;

	while (json_next_object(&charts, &chart))
	{
		char *name = json_text(chart, "chart");

		if (name == NULL || strcmp(name, "most-played") == 0)
			return chart;
	}
	return NULL;
}

/* The playlist that a page begins with; NULL on pages of its tracks alone. */
const JsonbContainer *
apple_playlist_of(const JsonbContainer *page)
{
	JsonItems items = json_items(json_array_in(page, "data"));
	const JsonbContainer *first;
	char *type;

	if (!json_next_object(&items, &first) || (type = json_text(first, "type")) == NULL ||
		strcmp(type, "playlists") != 0)
		return NULL;
	return first;
}

const JsonbContainer *
apple_tracks_of(const JsonbContainer *page)
{
	const JsonbContainer *playlist = apple_playlist_of(page);

	return playlist != NULL ? json_array_at(playlist, "relationships.tracks.data")
							: json_array_in(page, "data");
}

/*
 * Is the song or album the artist's? Its artists say so where the answer has them; otherwise an album is known by its
 * id, and a song by that of its album in ".../album/name/ID?i=SONG".
 */
static bool
is_by(const JsonbContainer *entry, const char *own, const Contents *content)
{
	const JsonbContainer *artists = json_array_at(entry, "relationships.artists.data");
	char *id = json_id(entry, "id");
	char *url = json_text_at(entry, "attributes.url");
	char *album;

	if (json_length(artists) > 0)
		return holds_id(artists, own);
	if (content == NULL)
		return false;
	if (id != NULL && contents_find(content, id) != NULL)
		return true;
	if (url == NULL)
		return false;
	url[strcspn(url, "?")] = '\0';
	album = strrchr(url, '/');
	if (album == NULL)
		return false;
	return contents_find(content, strncmp(album, "/id", 3) == 0 ? album + 3 : album + 1) != NULL;
}

bool
apple_features_artist(const JsonbContainer *page, const char *own, const Contents *content)
{
	JsonItems items = json_items(apple_tracks_of(page));
	const JsonbContainer *track;

	while (own != NULL && json_next_object(&items, &track))
	{
		if (is_by(track, own, content))
			return true;
	}
	return false;
}

/* A library's total; counted where the answer does not tell it and every page is there. */
static int64
library_total(const Responses *responses, const char *step)
{
	const Bodies *pages = bodies(responses, step);
	int64 sum = 0;

	for (int i = 0; i < pages->count; i++)
	{
		const JsonbContainer *page = pages->entries[i].body;
		int64 total = json_count(json_object_in(page, "meta"), "total");
		char *type;

		if (total != COUNT_UNKNOWN)
			return total;
		type = json_text(json_first_object(json_array_in(page, "data")), "type");
		if (json_array_in(page, "data") == NULL || (type != NULL && strncmp(type, "library-", 8) != 0))
			return COUNT_UNKNOWN;
		sum += json_length(json_array_in(page, "data"));
	}
	if (!listed_whole(responses, step) || json_text(pages->entries[pages->count - 1].body, "next") != NULL)
		return COUNT_UNKNOWN;
	return sum;
}

/* Co-artists have names where the answer includes them; one without a name leaves all of them unknown. */
static void
read_artists(Normalised *out, ContentItem *item, const JsonbContainer *artists, const char *own)
{
	JsonItems items = json_items(artists);
	const JsonbContainer *artist;
	List *names = NIL;

	if (artists == NULL)
		return;
	while (json_next_object(&items, &artist))
	{
		char *id = json_id(artist, "id");
		char *name = json_text_at(artist, "attributes.name");

		if (own != NULL && id != NULL && strcmp(id, own) == 0)
			out->handle = name != NULL ? name : out->handle;
		else if (name != NULL)
			names = append_distinct(names, name);
		else
			return;
	}
	item->collaborators = names;
	item->collaborators_known = true;
}

static void
read_album(Normalised *out, const JsonbContainer *album, const char *own)
{
	const JsonbContainer *attributes = json_object_in(album, "attributes");
	char *id = json_id(album, "id");
	ContentItem *item;

	if (id == NULL || (json_has(album, "type") && !text_is(json_text(album, "type"), "albums")))
		return;
	item = add_content(out, id,
					   json_bool(attributes, "isCompilation", false) ? "compilation"
					   : json_bool(attributes, "isSingle", false)    ? "single"
																	 : "album");
	if (json_text(attributes, "name") != NULL)
		item->title = json_text(attributes, "name");
	if (json_text(attributes, "url") != NULL)
		item->url = json_text(attributes, "url");
	release_date(item, json_text(attributes, "releaseDate"));
	read_artists(out, item, json_array_at(album, "relationships.artists.data"), own);
	content_extra_count(item, "total_tracks", json_count(attributes, "trackCount"));
	content_extra_text(item, "upc", json_text(attributes, "upc"));
}

typedef struct Position
{
	const char *chart;
	int64 rank;
	const char *country;
} Position;

static int
compare_positions(const ListCell *a, const ListCell *b)
{
	const Position *left = lfirst(a), *right = lfirst(b);

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	if (strcmp(left->country, right->country) != 0)
		return strcmp(left->country, right->country);
	return -strcmp(left->chart, right->chart); /* songs before albums */
}

/* Entries of the chart on earlier pages of the same storefront. */
static int64
entries_before(const Bodies *pages, int i, const char *type)
{
	int64 sum = 0;

	for (int j = 0; j < i; j++)
	{
		if (pages->entries[j].of != NULL && strcmp(pages->entries[j].of, pages->entries[i].of) == 0)
			sum += json_length(json_array_in(apple_most_played(pages->entries[j].body, type), "data"));
	}
	return sum;
}

/*
 * The rank is offset + index + 1. The offset stands in the chart's own address, else follows from that of the next
 * page, else from the pages before.
 */
static List *
read_chart(List *positions, const Bodies *pages, int i, const char *type, const char *label,
		   const Normalised *out)
{
	const JsonbContainer *chart = apple_most_played(pages->entries[i].body, type);
	const JsonbContainer *data = json_array_in(chart, "data");
	char *href = json_text(chart, "href");
	int64 limit = apple_number_in(href, "limit=");
	int64 offset = apple_number_in(href, "offset=");
	int64 following = apple_number_in(json_text(chart, "next"), "offset=");
	JsonItems items = json_items(data);
	JsonbValue value;

	if (limit == COUNT_UNKNOWN)
		limit = json_length(data);
	if (offset == COUNT_UNKNOWN)
		offset = following != COUNT_UNKNOWN && following >= limit ? following - limit
																  : entries_before(pages, i, type);
	for (int64 rank = offset + 1; json_next_value(&items, &value); rank++)
	{
		Position *position;

		if (value.type != jbvBinary || !is_by(value.val.binary.data, out->account->external_id, out->content))
			continue;
		position = palloc(sizeof(Position));
		*position = (Position){.chart = label,
							   .rank = rank,
							   .country = asc_toupper(pages->entries[i].of, strlen(pages->entries[i].of))};
		positions = lappend(positions, position);
	}
	return positions;
}

static void
read_charts(const Responses *responses, Normalised *out)
{
	const Bodies *pages = bodies(responses, "charts");
	List *positions = NIL;
	ListCell *cell;
	EntriesBuilder builder;

	if (out->account->external_id == NULL || pages->count == 0)
		return;
	for (int i = 0; i < pages->count; i++)
	{
		if (pages->entries[i].of == NULL)
			continue;
		positions = read_chart(positions, pages, i, "songs", "Top Songs", out);
		positions = read_chart(positions, pages, i, "albums", "Top Albums", out);
	}
	/* The chart of a storefront that was lost may hold the only ones. */
	if (positions == NIL && pages->partial)
		return;
	list_sort(positions, compare_positions);
	entries_begin(&builder);
	foreach (cell, positions)
	{
		const Position *position = lfirst(cell);

		entry_begin(&builder);
		entry_text(&builder, "chart_name", position->chart);
		entry_count(&builder, "position", position->rank);
		entry_text(&builder, "country", position->country);
		entry_end(&builder);
	}
	set_entries(out, "chart_positions", entries_end(&builder));
}

/* Counts the playlist once; an editorial one that is no chart is named. */
static void
add_playlist(const JsonbContainer *playlist, const char *id, List **ids, List **names)
{
	const JsonbContainer *attributes = json_object_in(playlist, "attributes");
	char *type = json_text(attributes, "playlistType");
	char *name = json_text(attributes, "name");
	int before = list_length(*ids);

	if (id == NULL || (json_has(playlist, "type") && !text_is(json_text(playlist, "type"), "playlists")))
		return;
	*ids = append_distinct(*ids, pstrdup(id));
	if (list_length(*ids) > before && name != NULL && type != NULL && strcmp(type, "editorial") == 0 &&
		!json_bool(attributes, "isChart", false))
		*names = append_distinct(*names, name);
}

static void
read_placements(const Responses *responses, Normalised *out, const char *own)
{
	const Bodies *found = bodies(responses, "playlists");
	const Bodies *tracked = bodies(responses, "tracked_playlists");
	List *ids = NIL, *names = NIL;

	if ((found->asked && !listed_whole(responses, "playlists")) || !read_to_end(found) ||
		!read_to_end(tracked) || found->count + tracked->count == 0 || (found->count == 0 && own == NULL))
		return;
	for (int i = 0; i < found->count; i++)
	{
		JsonItems items = json_items(json_array_in(found->entries[i].body, "data"));
		const JsonbContainer *playlist;

		while (json_next_object(&items, &playlist))
			add_playlist(playlist, json_id(playlist, "id"), &ids, &names);
	}
	for (int i = 0; i < tracked->count; i++)
	{
		const char *of = tracked->entries[i].of;
		const JsonbContainer *playlist = NULL;

		if (!apple_features_artist(tracked->entries[i].body, own, out->content))
			continue;
		/* Later pages hold tracks alone; what the playlist is stands on its first. */
		for (int j = 0; j <= i && playlist == NULL; j++)
		{
			const char *other = tracked->entries[j].of;

			if (j == i || (of != NULL && other != NULL && strcmp(other, of) == 0))
				playlist = apple_playlist_of(tracked->entries[j].body);
		}
		if (of == NULL)
			of = json_id(playlist, "id");
		add_playlist(playlist, of != NULL ? of : "", &ids, &names);
	}
	set_count(out, "playlist_placements", list_length(ids));
	set_texts(out, "editorial_placements", names);
}

void
apple_normalise(const Responses *responses, Normalised *out)
{
	const char *own = out->account->external_id;

	for (int i = 0; i < bodies(responses, "albums")->count; i++)
	{
		JsonItems items = json_items(json_array_in(bodies(responses, "albums")->entries[i].body, "data"));
		const JsonbContainer *album;

		while (json_next_object(&items, &album))
			read_album(out, album, own);
	}
	read_charts(responses, out);
	read_placements(responses, out, own);
	set_count(out, "library_songs_count", library_total(responses, "library_songs"));
	set_count(out, "playlists_count", library_total(responses, "library_playlists"));
}
