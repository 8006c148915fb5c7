/*
 * video.h
 *    What kind of video YouTube shows.
 */
#ifndef DREAMSUITE_VIDEO_H
#define DREAMSUITE_VIDEO_H

#include "postgres.h"

#include "platform/platform.h"

/* Seconds of an ISO 8601 duration, "P1DT2H3M4S"; COUNT_UNKNOWN where it is none. */
extern int64 video_seconds(const char *duration);

/*
 * live, short or video, of an entry of videos.list. No flag tells a Short: it is at most three minutes long and not wider
 * than high; where the player's size is not told, the length alone decides. Premieres look like live streams.
 * *decided_by names what decided, NULL where nothing did.
 */
extern const char *video_kind(const JsonbContainer *video, int64 seconds, const char **decided_by);

#endif
