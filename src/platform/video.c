/*
 * video.c
 *    What kind of video YouTube shows: a Short, a live stream or a video, which no flag of the API tells.
 *
 * API facts: https://developers.google.com/youtube/v3/docs/videos (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "datatype/timestamp.h"

#include "platform/video.h"

/* Since 2024 a Short may be this long. */
#define SHORT_SECONDS 180

int64
video_seconds(const char *text)
{
	int64 total = 0;
	bool in_time = false;

	if (text == NULL || *text++ != 'P' || *text == '\0')
		return COUNT_UNKNOWN;
	for (; *text != '\0'; text++)
	{
		char *unit;
		long amount;

		if (*text == 'T' && !in_time)
		{
			in_time = true;
			continue;
		}
		if (*text < '0' || *text > '9')
			return COUNT_UNKNOWN;
		amount = strtol(text, &unit, 10);
		if (amount > 1000000)
			return COUNT_UNKNOWN;
		if (*unit == 'W' && !in_time)
			total += amount * 7 * SECS_PER_DAY;
		else if (*unit == 'D' && !in_time)
			total += amount * SECS_PER_DAY;
		else if (*unit == 'H' && in_time)
			total += amount * SECS_PER_HOUR;
		else if (*unit == 'M' && in_time)
			total += amount * SECS_PER_MINUTE;
		else if (*unit == 'S' && in_time)
			total += amount;
		else
			return COUNT_UNKNOWN;
		text = unit;
	}
	return total;
}

const char *
video_kind(const JsonbContainer *video, int64 seconds, const char **decided_by)
{
	const JsonbContainer *player = json_object_in(video, "player");
	int64 width = json_count(player, "embedWidth"), height = json_count(player, "embedHeight");
	char *broadcast = json_text_at(video, "snippet.liveBroadcastContent");

	if (json_object_in(video, "liveStreamingDetails") != NULL)
	{
		*decided_by = "liveStreamingDetails";
		return "live";
	}
	if (broadcast != NULL && strcmp(broadcast, "none") != 0)
	{
		*decided_by = "liveBroadcastContent";
		return "live";
	}
	*decided_by = "duration";
	if (seconds == COUNT_UNKNOWN)
		*decided_by = NULL;
	if (seconds == COUNT_UNKNOWN || seconds == 0 || seconds > SHORT_SECONDS)
		return "video";
	if (width != COUNT_UNKNOWN && height != COUNT_UNKNOWN)
	{
		*decided_by = "duration and shape";
		return width <= height ? "short" : "video";
	}
	return "short";
}
