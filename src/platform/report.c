/*
 * report.c
 *    Reports of YouTube Analytics: tables whose columns have names.
 *
 * API facts: https://developers.google.com/youtube/analytics/reference/reports/query (read 2026-11)
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "platform/report.h"

#define TOP_VIDEOS 10

JsonItems
report_rows(const JsonbContainer *report)
{
	return json_items(json_array_in(report, "rows"));
}

const JsonbContainer *
report_next_row(JsonItems *rows)
{
	JsonbValue value;

	while (json_next_value(rows, &value))
	{
		if (value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data))
			return value.val.binary.data;
	}
	return NULL;
}

/* A column's place; -1 where there is none of that name. Columns come in the order asked, but no promise says so. */
static int
column_of(const JsonbContainer *report, const char *name)
{
	JsonItems headers = json_items(json_array_in(report, "columnHeaders"));
	const JsonbContainer *header;

	for (int i = 0; json_next_object(&headers, &header); i++)
	{
		char *found = json_text(header, "name");

		if (found != NULL && strcmp(found, name) == 0)
			return i;
	}
	return -1;
}

bool
report_has_column(const JsonbContainer *report, const char *name)
{
	return column_of(report, name) >= 0;
}

static bool
cell_of(const JsonbContainer *report, const JsonbContainer *row, const char *name, JsonbValue *value)
{
	JsonItems cells = json_items(row);
	int column = column_of(report, name);

	for (int i = 0; json_next_value(&cells, value); i++)
	{
		if (i == column)
			return true;
	}
	return false;
}

double
report_number(const JsonbContainer *report, const JsonbContainer *row, const char *name)
{
	JsonbValue value;

	return cell_of(report, row, name, &value) ? json_value_number(&value) : NAN;
}

int64
report_count(const JsonbContainer *report, const JsonbContainer *row, const char *name)
{
	double number = report_number(report, row, name);

	return isnan(number) || fabs(number) >= 9e18 ? COUNT_UNKNOWN : (int64) rint(number);
}

char *
report_text(const JsonbContainer *report, const JsonbContainer *row, const char *name)
{
	JsonbValue value;

	if (!cell_of(report, row, name, &value) || value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* Most viewed first, then more comments, then the id. */
static int
compare_top(const ListCell *a, const ListCell *b)
{
	const ReportVideo *left = lfirst(a), *right = lfirst(b);

	if (left->views != right->views)
		return left->views > right->views ? -1 : 1;
	if (left->comments != right->comments)
		return left->comments > right->comments ? -1 : 1;
	return strcmp(left->id, right->id);
}

List *
report_top_videos(const JsonbContainer *report)
{
	JsonItems rows = report_rows(report);
	const JsonbContainer *row;
	List *top = NIL;

	while ((row = report_next_row(&rows)) != NULL)
	{
		ReportVideo *video = palloc(sizeof(ReportVideo));

		video->id = report_text(report, row, "video");
		video->views = report_count(report, row, "views");
		video->likes = report_count(report, row, "likes");
		video->comments = report_count(report, row, "comments");
		video->minutes = report_number(report, row, "estimatedMinutesWatched");
		if (video->id != NULL)
			top = lappend(top, video);
	}
	list_sort(top, compare_top);
	return list_truncate(top, TOP_VIDEOS);
}
