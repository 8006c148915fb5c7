/*
 * apple_music.h
 *    What the requests and the values of Apple Music share.
 */
#ifndef DREAMSUITE_APPLE_MUSIC_H
#define DREAMSUITE_APPLE_MUSIC_H

#include "postgres.h"

#include "platform/platform.h"

/* The number behind "offset=" or "limit=" in an address; unknown where it has none. */
extern int64 apple_number_in(const char *url, const char *name);

/* The chart of the most played of a type ("songs", "albums"); NULL where the page has none. */
extern const JsonbContainer *apple_most_played(const JsonbContainer *page, const char *type);

/* The playlist that a page begins with; NULL on pages of its tracks alone. */
extern const JsonbContainer *apple_playlist_of(const JsonbContainer *page);

/* The tracks on a page of a playlist, its first or a later one. */
extern const JsonbContainer *apple_tracks_of(const JsonbContainer *page);

/* Is one of the tracks on the page the artist's? content: the artist's albums, or NULL. */
extern bool apple_features_artist(const JsonbContainer *page, const char *own, const Contents *content);

/* As Platform has it. */
extern void apple_normalise(const Responses *responses, Normalised *out);

#endif
