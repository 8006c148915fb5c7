/*
 * report.h
 *    Reports of YouTube Analytics: tables whose columns have names.
 *
 *     JsonItems rows = report_rows(report);
 *     const JsonbContainer *row;
 *     while ((row = report_next_row(&rows)) != NULL)
 *         views = report_count(report, row, "views");
 */
#ifndef DREAMSUITE_REPORT_H
#define DREAMSUITE_REPORT_H

#include "postgres.h"

#include "platform/platform.h"

/* The rows, none where the report has none; the next one, NULL behind the last. */
extern JsonItems report_rows(const JsonbContainer *report);
extern const JsonbContainer *report_next_row(JsonItems *rows);

/* Does a header name the column? */
extern bool report_has_column(const JsonbContainer *report, const char *name);

/*
 * A cell by its column's name: NaN, COUNT_UNKNOWN or NULL where it is not there or of another type. Counts may be
 * negative: likes of a period are netted against those taken back.
 */
extern double report_number(const JsonbContainer *report, const JsonbContainer *row, const char *name);
extern int64 report_count(const JsonbContainer *report, const JsonbContainer *row, const char *name);
extern char *report_text(const JsonbContainer *report, const JsonbContainer *row, const char *name);

/* A row of a report by video. */
typedef struct ReportVideo
{
	const char *id;
	int64 views, likes, comments;
	double minutes; /* watched */
} ReportVideo;

/* The ten most viewed videos of a report by video: ReportVideo *. */
extern List *report_top_videos(const JsonbContainer *report);

#endif
