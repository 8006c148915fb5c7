/*
 * youtube_files.h
 *    What the readers of YouTube Studio's files share.
 */
#ifndef DREAMSUITE_YOUTUBE_FILES_H
#define DREAMSUITE_YOUTUBE_FILES_H

#include "imports/import.h"

#define VIDEO_ID_LENGTH 11

/* The video's id without blanks before it; NULL where the cell holds something else (a country, a playlist). */
extern const char *youtube_video_id(const char *cell);

/* Reads "Chart data.csv": what each video gained on each day. */
extern void youtube_read_chart(Import *import);

#endif
