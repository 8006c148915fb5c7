/*
 * health.c
 *    The health of the data: one look says whether all is well, the rest says what is not and what to do.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "dashboard/html.h"
#include "dashboard/sections.h"

#define CHECKS_MOST 6

/* Columns of data_health(). */
enum
{
	HEALTH_PLATFORM,
	HEALTH_ITEM,
	HEALTH_STATE,
	HEALTH_DETAIL,
	HEALTH_HINT
};

/* Checks that every platform has; those of one metric are "metric: name". */
static bool
is_check(const Rows *rows, int i)
{
	return strchr(rows_text(rows, i, HEALTH_ITEM), ':') == NULL;
}

static bool
has_state(const Rows *rows, int i, const char *state)
{
	const char *own = rows_text(rows, i, HEALTH_STATE);

	return own && strcmp(own, state) == 0;
}

static bool
same_text(const Rows *rows, int i, int j, int column)
{
	const char *a = rows_text(rows, i, column);
	const char *b = rows_text(rows, j, column);

	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The metric of "metric: name", else the item. */
static const char *
item_name(const Rows *rows, int i)
{
	const char *item = rows_text(rows, i, HEALTH_ITEM);
	const char *colon = strchr(item, ':');

	if (colon == NULL)
		return item;
	return colon[1] == ' ' ? colon + 2 : colon + 1;
}

static void
put_platform(StringInfo out, const char *name)
{
	const char *label = label_of(name);

	html_text(out, label ? label : name, HTML_NAME_MOST);
}

static void
put_state(StringInfo out, const char *state)
{
	if (strcmp(state, "ok") == 0)
		appendStringInfoString(
			out, "<span class=\"tick\" aria-hidden=\"true\">\xE2\x9C\x93</span><span class=\"vh\">ok</span>");
	else
	{
		appendStringInfoString(out, "<span class=\"chip warn\">");
		html_text(out, plain_words(state), 20);
		appendStringInfoString(out, "</span>");
	}
}

/* Platforms against checks. */
static void
put_matrix(StringInfo out, const Rows *rows)
{
	const char *checks[CHECKS_MOST];
	int count = 0;

	for (int i = 0; i < rows->count; i++)
	{
		int j = 0;

		while (j < count && strcmp(checks[j], rows_text(rows, i, HEALTH_ITEM)) != 0)
			j++;
		if (j == count && count < CHECKS_MOST && is_check(rows, i))
			checks[count++] = rows_text(rows, i, HEALTH_ITEM);
	}
	appendStringInfoString(out, "<table class=\"health\"><caption class=\"vh\">State of each "
								"platform</caption><thead><tr><th scope=\"col\">Platform</th>");
	for (int j = 0; j < count; j++)
	{
		appendStringInfoString(out, "<th scope=\"col\">");
		html_text(out, plain_words(checks[j]), 20);
		appendStringInfoString(out, "</th>");
	}
	appendStringInfoString(out, "</tr></thead><tbody>");
	for (int from = 0; from < rows->count;)
	{
		int to = from;

		while (to < rows->count && same_text(rows, from, to, HEALTH_PLATFORM))
			to++;
		appendStringInfoString(out, "<tr><th scope=\"row\">");
		put_platform(out, rows_text(rows, from, HEALTH_PLATFORM));
		appendStringInfoString(out, "</th>");
		for (int j = 0; j < count; j++)
		{
			int i = from;

			while (i < to && strcmp(rows_text(rows, i, HEALTH_ITEM), checks[j]) != 0)
				i++;
			appendStringInfoString(out, "<td>");
			if (i < to && rows_text(rows, i, HEALTH_STATE))
				put_state(out, rows_text(rows, i, HEALTH_STATE));
			else
				appendStringInfoString(out,
									   "<span class=\"none\" aria-hidden=\"true\">\xE2\x80\x93</span><span "
									   "class=\"vh\">not checked</span>");
			appendStringInfoString(out, "</td>");
		}
		appendStringInfoString(out, "</tr>");
		from = to;
	}
	appendStringInfoString(out, "</tbody></table>");
}

/*
 * Rows that are not ok, with what to do: those of `unknown_metrics` or the others. Neighbours with the same words become one
 * entry. Returns how many rows there were; with out NULL it only counts.
 */
static int
put_list(StringInfo out, const Rows *rows, bool unknown_metrics)
{
	int count = 0;

	for (int i = 0; i < rows->count; i++)
	{
		int last = i;

		if (has_state(rows, i, "ok") ||
			(has_state(rows, i, "unknown") && !is_check(rows, i)) != unknown_metrics)
			continue;
		count++;
		if (out == NULL)
			continue;
		appendStringInfoString(out, "<li>");
		if (!unknown_metrics)
		{
			put_state(out, rows_text(rows, i, HEALTH_STATE) ? rows_text(rows, i, HEALTH_STATE) : "unknown");
			appendStringInfoChar(out, ' ');
		}
		appendStringInfoString(out, "<b>");
		put_platform(out, rows_text(rows, i, HEALTH_PLATFORM));
		appendStringInfoString(out, "</b>: ");
		html_text(out, metric_words(item_name(rows, i)), HTML_NAME_MOST);
		while (last + 1 < rows->count && same_text(rows, i, last + 1, HEALTH_PLATFORM) &&
			   same_text(rows, i, last + 1, HEALTH_STATE) && same_text(rows, i, last + 1, HEALTH_DETAIL) &&
			   same_text(rows, i, last + 1, HEALTH_HINT))
		{
			last++;
			count++;
			appendStringInfoString(out, ", ");
			html_text(out, metric_words(item_name(rows, last)), HTML_NAME_MOST);
		}
		appendStringInfoString(out, "<p>");
		html_text(out, rows_text(rows, i, HEALTH_DETAIL), HTML_TEXT_MOST);
		if (rows_text(rows, i, HEALTH_HINT) && rows_text(rows, i, HEALTH_HINT)[0])
		{
			appendStringInfoString(out, rows_text(rows, i, HEALTH_DETAIL) ? ": " : "");
			html_text(out, rows_text(rows, i, HEALTH_HINT), HTML_TEXT_MOST);
		}
		appendStringInfoString(out, "</p></li>");
		i = last;
	}
	return count;
}

void
section_health(StringInfo out, const Gathered *g)
{
	const Rows *rows = &g->health;
	int unknown;

	if (!rows->known || rows->count == 0)
		return;
	unknown = put_list(NULL, rows, true);
	appendStringInfoString(
		out, "<section class=\"panel wide\" aria-labelledby=\"h-health\"><h2 id=\"h-health\">Health of the "
			 "data</h2>"
			 "<p class=\"lead\">What is complete, what is missing, and what to do about it.</p>");
	if (put_list(NULL, rows, false) > 0)
	{
		appendStringInfoString(out, "<ul class=\"todo\">");
		put_list(out, rows, false);
		appendStringInfoString(out, "</ul>");
	}
	put_matrix(out, rows);
	if (unknown > 0)
	{
		appendStringInfo(
			out, "<details class=\"numbers\"><summary>%d number%s not known</summary><ul class=\"todo\">",
			unknown, unknown == 1 ? "" : "s");
		put_list(out, rows, true);
		appendStringInfoString(out, "</ul></details>");
	}
	appendStringInfoString(out, "</section>");
}
