/*
 * spotify_files.c
 *    The exports of Spotify for Artists: audience timeline, songs, one song's timeline, playlists.
 *
 * Columns are found by name, whatever their order; those that mean nothing here are passed over. The window of a table
 * of songs or playlists stands only in the file's name; the caller says it behind the kind ("songs: all"). Tables without
 * dates tell of the day on which they are imported.
 *
 * Format: the files themselves, as artists export them (2026-11); https://artists.spotify.com/faq/stats
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "common/int.h"

#include "imports/import.h"
#include "imports/running.h"

#define TOP_TRACKS 10

/* ---- Audience: a row per day ---- */

static void
read_audience(Import *import)
{
	int date_column = import_column(import, "date");
	int listeners_column = import_column(import, "monthly listeners");
	int followers_column = import_column(import, "followers");
	int streams_column = import_column(import, "streams");
	Running *running = running_begin(import, "streams", "", "total_streams");

	while (import_next(import))
	{
		DateADT date;
		int64 listeners, followers, streams;
		Day *day;

		if (!import_date(import, date_column, &date) || !import_count(import, listeners_column, &listeners) ||
			!import_count(import, followers_column, &followers) ||
			!import_count(import, streams_column, &streams))
			continue;
		if (listeners == COUNT_UNKNOWN && followers == COUNT_UNKNOWN && streams == COUNT_UNKNOWN)
		{
			import_skip(import, "nothing is known of the day");
			continue;
		}
		if (import_find_day(import, date) != NULL)
		{
			import_skip(import, "an earlier row tells of the day");
			continue;
		}
		day = import_day(import, date);
		day_count(day, import->platform, "monthly_listeners", listeners);
		day_count(day, import->platform, "follower_count", followers);
		import_row_of_day(import);
		if (streams != COUNT_UNKNOWN)
			import_row(import)->fate = running_gain(running, date, (double) streams);
	}
	running_end(running);
}

/* ---- Songs: a row per song, totals of a window ---- */

typedef struct Song
{
	char *name;
	int64 listeners;
	int64 streams;
	int64 saves;
} Song;

static int
compare_songs(const void *left, const void *right)
{
	const Song *a = left, *b = right;

	if (a->streams != b->streams)
		return a->streams > b->streams ? -1 : 1;
	return strcmp(a->name, b->name);
}

static Jsonb *
top_tracks(Song *songs, int count, bool all_time)
{
	EntriesBuilder entries;

	qsort(songs, count, sizeof(Song), compare_songs);
	entries_begin(&entries);
	for (int i = 0; i < count && i < TOP_TRACKS; i++)
	{
		entry_begin(&entries);
		entry_text(&entries, "track_id", NULL); /* the file does not tell it */
		entry_text(&entries, "track_name", songs[i].name);
		entry_count(&entries, "streams", songs[i].streams);
		entry_count(&entries, "saves", all_time && songs[i].saves == 0 ? COUNT_UNKNOWN : songs[i].saves);
		entry_count(&entries, "playlist_adds", COUNT_UNKNOWN);
		entry_end(&entries);
	}
	return entries_end(&entries);
}

/* The table of all time has no listeners and no saves: it says 0 for every song. */
static bool
looks_all_time(const Song *songs, int count)
{
	bool streamed = false;

	for (int i = 0; i < count; i++)
	{
		if ((songs[i].listeners != COUNT_UNKNOWN && songs[i].listeners > 0) ||
			(songs[i].saves != COUNT_UNKNOWN && songs[i].saves > 0))
			return false;
		streamed |= songs[i].streams > 0;
	}
	return streamed;
}

static void
read_songs(Import *import)
{
	int name_column = import_column(import, "song");
	int listeners_column = import_column(import, "listeners");
	int streams_column = import_column(import, "streams");
	int saves_column = import_column(import, "saves");
	int count = 0, room = 64;
	Song *songs = palloc(sizeof(Song) * room);
	int64 total = 0;
	bool whole = true, all_time;
	Day *day;

	while (import_next(import))
	{
		Song song = {.name = pstrdup(import_cell(import, name_column))};

		if (!import_count(import, listeners_column, &song.listeners) ||
			!import_count(import, streams_column, &song.streams) ||
			!import_count(import, saves_column, &song.saves))
			continue;
		if (song.name[0] == '\0' || song.streams == COUNT_UNKNOWN)
		{
			import_skip(import, song.name[0] == '\0' ? "the song has no name" : "its streams are not known");
			continue;
		}
		if (count == room)
			songs = repalloc(songs, sizeof(Song) * (room *= 2));
		songs[count++] = song;
		whole &= !pg_add_s64_overflow(total, song.streams, &total);
		import_row_of_day(import);
	}
	for (int i = 0; i < import->row_count; i++)
		whole &= import->rows[i].skipped == NULL;
	if (count == 0)
		return;
	all_time =
		import->parameter != NULL ? strncmp(import->parameter, "all", 3) == 0 : looks_all_time(songs, count);
	day = import_day(import, import->today);
	day_entries(day, import->platform, "top_tracks", top_tracks(songs, count, all_time));
	/* A sum that lacks a song is no lifetime total. */
	if (all_time && whole)
	{
		day_count(day, import->platform, "total_streams", total);
		running_end(running_begin(import, "streams", "", "total_streams"));
	}
}

/* ---- One song: a row per day ---- */

/* The file does not name the song, and no field holds the streams of one: they are kept beside the days. */
static void
read_song(Import *import)
{
	int date_column = import_column(import, "date");
	int streams_column = import_column(import, "streams");
	Running *running =
		import->parameter == NULL ? NULL : running_begin(import, "song streams", import->parameter, NULL);

	while (import_next(import))
	{
		DateADT date;
		int64 streams;

		if (!import_date(import, date_column, &date) || !import_count(import, streams_column, &streams))
			continue;
		if (running == NULL)
			import_skip(
				import,
				"the file does not say which song it is: add the title to the kind, as in \"song: My Title\"");
		else if (streams == COUNT_UNKNOWN)
			import_skip(import, "the streams are not known");
		else
			import_row(import)->fate = running_gain(running, date, (double) streams);
	}
	if (running != NULL)
		running_end(running);
}

/* ---- Playlists: a row per playlist ---- */

static void
read_playlists(Import *import)
{
	int title_column = import_column(import, "title");
	int author_column = import_column(import, "author");
	int64 placements = 0, editorial = 0;
	Day *day;

	while (import_next(import))
	{
		if (import_cell(import, title_column)[0] == '\0')
		{
			import_skip(import, "the playlist has no title");
			continue;
		}
		placements++;
		if (pg_strcasecmp(import_cell(import, author_column), "spotify") == 0)
			editorial++;
		import_row_of_day(import);
	}
	if (placements == 0)
		return; /* a file without rows may be a broken one */
	day = import_day(import, import->today);
	day_count(day, import->platform, "playlist_placements", placements);
	day_count(day, import->platform, "editorial_playlists", editorial);
}

const FileKind spotify_files[] = {
	{"spotify", "audience", "audience timeline,timeline", "date,listeners", "", "song,title", NULL,
	 read_audience},
	{"spotify", "songs", "song table", "song,streams", "", "date",
	 "the window: \"all\", \"1year\", \"28day\"", read_songs},
	{"spotify", "song", "song timeline,track timeline", "date,streams", "", "listeners,followers,song,title",
	 "the song's title", read_song},
	{"spotify", "playlists", "playlist table", "title,author", "", "date",
	 "the window: \"all\", \"1year\", \"28day\"", read_playlists},
	{NULL},
};
