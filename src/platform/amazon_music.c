/*
 * amazon_music.c
 *    Amazon Music: a placeholder. Its API is a closed beta that tells neither followers nor placements, so no
 *    request is ever made. Rows hold nulls and what is recorded by hand.
 *
 * API facts: https://developer.amazon.com/docs/music/landing_home.html (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "platform/platform.h"

static const FieldDef fields[] = {
	{"playlist_placements", FIELD_COUNT, true, KIND_GAUGE, "playlists", "by hand",
	 "Playlists that contain a song of the artist"},
	{"editorial_features", FIELD_TEXTS, true, KIND_LIST, "playlists", "by hand",
	 "Editorial playlists and stations that feature the artist"},
	{NULL},
};

static const StepDef steps[] = {
	{NULL},
};

static const char *const none[] = {NULL};

/* Nothing is asked, so nothing is answered. */
static Verdict
classify(const Answer *answer)
{
	return classify_status(answer);
}

const Platform platform_amazon_music = {
	.name = "amazon_music",
	.label = "Amazon Music",
	.status = STATUS_PLANNED,
	.has_api = false,
	.needs_token = false,
	.scopes = none,
	.hosts = none,
	.fields = fields,
	.steps = steps,
	.classify = classify,
};
