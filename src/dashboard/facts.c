/*
 * facts.c
 *    Goals, and facts with their evidence, as the insight functions tell them.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "dashboard/html.h"
#include "dashboard/sections.h"

/* ---- Goals ---- */

static void
put_goal(StringInfo out, const Gathered *g, int i)
{
	const Rows *rows = &g->goals;
	const char *track = rows_text(rows, i, GOAL_ON_TRACK);
	const char *platform = rows_text(rows, i, GOAL_PLATFORM);
	double percent = rows_number(rows, i, GOAL_PERCENT);
	double target = rows_number(rows, i, GOAL_TARGET);
	double value = rows_number(rows, i, GOAL_VALUE);
	const char *period = rows_text(rows, i, GOAL_PERIOD);
	/* nothing is needed any more, also where the number fell again */
	bool reached = rows_number(rows, i, GOAL_NEEDED) == 0;
	double width = isnan(percent) ? 0 : fmax(0, fmin(100, percent));
	DateADT eta, lo, hi, deadline;
	int place = platform ? platform_place(platform) : -1;

	appendStringInfo(
		out, "<li class=\"goal k%d\"><div class=\"row\"><h3><span class=\"key\" aria-hidden=\"true\"></span>",
		Max(place, 0));
	html_text(out, place >= 0 ? platforms[place]->label : platform, HTML_NAME_MOST);
	appendStringInfoChar(out, ' ');
	html_text(out, metric_words(rows_text(rows, i, GOAL_METRIC)), HTML_NAME_MOST);
	if (period)
		appendStringInfo(out, " <span class=\"muted\">gained per %s</span>",
						 strcmp(period, "week") == 0 ? "week" : "month");
	appendStringInfoString(out, "</h3>");
	if (reached)
		appendStringInfoString(out, "<span class=\"chip good\">\xE2\x9C\x93 reached</span>");
	else if (track)
		appendStringInfo(out, "<span class=\"chip %s\">%s</span>", track[0] == 't' ? "good" : "warn",
						 track[0] == 't' ? "\xE2\x9C\x93 on track" : "\xE2\x96\xBC behind");
	appendStringInfo(out,
					 "</div><div class=\"bar\" role=\"img\" aria-label=\"%.0f percent\"><i "
					 "style=\"width:%.1f%%\"></i></div>"
					 "<p class=\"row\"><span><b>",
					 width, width);
	html_number(out, value);
	appendStringInfoString(out, "</b> of ");
	html_number(out, target);
	appendStringInfo(out, "</span><span>%s</span></p><p class=\"muted\">",
					 isnan(percent) ? "" : psprintf("%.0f%%", percent));
	if (!reached && rows_date(rows, i, GOAL_ETA, &eta))
	{
		appendStringInfoString(out, "Expected ");
		html_day(out, eta);
		if (rows_date(rows, i, GOAL_ETA_LO, &lo) && rows_date(rows, i, GOAL_ETA_HI, &hi))
			appendStringInfo(out, " <span class=\"nowrap\">(%s to %s)</span>", day_short(lo), day_text(hi));
		appendStringInfoString(out, ". ");
	}
	else if (!reached)
		appendStringInfoString(out, "No date can be told yet. ");
	if (rows_date(rows, i, GOAL_DEADLINE, &deadline))
		appendStringInfo(out, "Deadline %s. ", day_text(deadline));
	if (!reached && !isnan(rows_number(rows, i, GOAL_NEEDED)))
	{
		appendStringInfo(out, "Needs %s a day", number_short(rows_number(rows, i, GOAL_NEEDED)));
		if (!isnan(rows_number(rows, i, GOAL_PACE)))
			appendStringInfo(out, ", now %s", number_short(rows_number(rows, i, GOAL_PACE)));
		appendStringInfoChar(out, '.');
	}
	else if (!reached && !isnan(rows_number(rows, i, GOAL_PACE)))
		appendStringInfo(out, "Pace now %s a day.", number_signed(rows_number(rows, i, GOAL_PACE)));
	appendStringInfoString(out, "</p></li>");
}

void
section_goals(StringInfo out, const Gathered *g)
{
	if (!g->goals.known)
		return;
	appendStringInfoString(
		out, "<section class=\"panel\" aria-labelledby=\"h-goals\"><h2 id=\"h-goals\">Goals</h2>");
	if (g->goals.count == 0)
		appendStringInfoString(
			out, "<p class=\"lead\">No goal is set. A goal turns the pace of your numbers into a date:</p>"
				 "<pre><code>SELECT dreamsuite.set_goal(user_id, 'instagram',\n    'follower_count', "
				 "50000);</code></pre>");
	else
	{
		appendStringInfoString(out, "<ul class=\"goals\">");
		for (int i = 0; i < g->goals.count; i++)
			put_goal(out, g, i);
		appendStringInfoString(out, "</ul>");
	}
	appendStringInfoString(out, "</section>");
}

/* ---- Facts ---- */

/* A row of the evidence, unless there is nothing to say. */
static void
put_term(StringInfo out, const char *term, const char *definition)
{
	if (definition == NULL || definition[0] == '\0')
		return;
	appendStringInfo(out, "<div><dt>%s</dt><dd>", term);
	html_text(out, definition, HTML_TEXT_MOST);
	appendStringInfoString(out, "</dd></div>");
}

static char *
number_with_unit(double value, const char *unit)
{
	if (isnan(value))
		return NULL;
	return psprintf("%s%s%s", number_full(value), unit ? " " : "", unit ? unit : "");
}

/* An effect and its interval in the words of its kind. */
static char *
effect_text(const Rows *rows, int i)
{
	double effect = rows_number(rows, i, FACT_EFFECT);
	double lo = rows_number(rows, i, FACT_EFFECT_LO);
	double hi = rows_number(rows, i, FACT_EFFECT_HI);
	const char *kind = rows_text(rows, i, FACT_EFFECT_KIND);
	char *(*say)(double) = number_full;

	if (isnan(effect))
		return NULL;
	if (kind && strcmp(kind, "ratio") == 0)
		say = ratio_text;
	else if (kind && strcmp(kind, "percent") == 0)
		say = percent_signed;
	else if (kind && strcmp(kind, "difference") == 0)
		say = number_signed;
	if (isnan(lo) || isnan(hi))
		return psprintf("%s (%s)", say(effect), plain_words(kind));
	return psprintf("%s, between %s and %s (%s)", say(effect), say(lo), say(hi), plain_words(kind));
}

/* Splits at a separator, in place; returns how many parts, at most `most`. */
static int
split(char *text, char separator, char **parts, int most)
{
	int count = 0;

	while (text && count < most)
	{
		char *end = strchr(text, separator);

		parts[count++] = text;
		if (end == NULL)
			break;
		*end = '\0';
		text = end + 1;
	}
	return count;
}

static void
put_posts(StringInfo out, const char *packed)
{
	char *posts[8];
	int count;

	if (packed == NULL)
		return;
	count = split(pstrdup(packed), '\x1e', posts, lengthof(posts));
	appendStringInfoString(out, "<table><caption>Posts behind it</caption><tbody>");
	for (int i = 0; i < count; i++)
	{
		char *fields[4] = {"", "", "", ""};

		split(posts[i], '\x1f', fields, 4);
		appendStringInfoString(out, "<tr><td class=\"nowrap\">");
		html_text(out, fields[0], 10);
		appendStringInfoString(out, "</td><td>");
		html_text(out, fields[1], 30);
		appendStringInfoString(out, "</td><td>");
		html_name(out, fields[2][0] ? fields[2] : "\xE2\x80\x93", HTML_TITLE_MOST);
		appendStringInfoString(out, "</td><td>");
		if (fields[3][0])
			appendStringInfoString(out, number_short(strtod(fields[3], NULL)));
		appendStringInfoString(out, "</td></tr>");
	}
	appendStringInfoString(out, "</tbody></table>");
}

static void
put_days(StringInfo out, const char *packed)
{
	char *days[10];
	int count;

	if (packed == NULL)
		return;
	count = split(pstrdup(packed), '\x1e', days, lengthof(days));
	appendStringInfoString(out, "<table><caption>Days behind it</caption><tbody>");
	for (int i = 0; i < count; i++)
	{
		char *fields[2] = {"", ""};

		split(days[i], '\x1f', fields, 2);
		appendStringInfoString(out, "<tr><td class=\"nowrap\">");
		html_text(out, fields[0], 10);
		appendStringInfo(out, "</td><td>%s</td></tr>",
						 fields[1][0] ? number_full(strtod(fields[1], NULL)) : "unknown");
	}
	appendStringInfoString(out, "</tbody></table>");
}

static void
put_fact(StringInfo out, const Rows *rows, int i)
{
	const char *label = label_of(rows_text(rows, i, FACT_PLATFORM));
	int place = label ? platform_place(rows_text(rows, i, FACT_PLATFORM)) : -1;
	const char *confidence = rows_text(rows, i, FACT_CONFIDENCE);
	const char *class = rows_text(rows, i, FACT_CLASS);
	const char *unit = rows_text(rows, i, FACT_UNIT);
	double q = rows_number(rows, i, FACT_Q);
	DateADT start, end;

	appendStringInfo(out, "<li class=\"fact k%d\"><details><summary><span class=\"say\">", Max(place, 0));
	html_text(out, rows_text(rows, i, FACT_SENTENCE), HTML_TEXT_MOST);
	appendStringInfoString(out, "</span> <span class=\"tags\">");
	if (label)
		appendStringInfo(
			out, "<span class=\"tag\"><span class=\"key\" aria-hidden=\"true\"></span>%s</span> ", label);
	appendStringInfoString(out, "<span class=\"tag\">");
	html_text(out, plain_words(rows_text(rows, i, FACT_CATEGORY)), 30);
	appendStringInfoString(out, "</span> ");
	if (class)
	{
		appendStringInfoString(out, "<span class=\"tag\">");
		html_text(out, class, 30);
		if (confidence && strcmp(class, "exact") != 0)
		{
			appendStringInfoString(out, ", ");
			html_text(out, confidence, 30);
			appendStringInfoString(out, " confidence");
		}
		appendStringInfoString(out, "</span>");
	}
	appendStringInfoString(out, "</span></summary><dl class=\"evidence\">");
	if (rows_date(rows, i, FACT_START, &start) && rows_date(rows, i, FACT_END, &end))
		put_term(out, "Window",
				 start == end ? day_text(start) : psprintf("%s to %s", day_text(start), day_text(end)));
	/* where only a ratio was estimated, the value behind it is a logarithm */
	if (!isnan(rows_number(rows, i, FACT_BASELINE)) || rows_text(rows, i, FACT_EFFECT_KIND) == NULL ||
		strcmp(rows_text(rows, i, FACT_EFFECT_KIND), "ratio") != 0)
		put_term(out, "Value", number_with_unit(rows_number(rows, i, FACT_VALUE), unit));
	put_term(out, "Compared with", number_with_unit(rows_number(rows, i, FACT_BASELINE), unit));
	put_term(out, "Effect", effect_text(rows, i));
	if (rows_text(rows, i, FACT_N))
		put_term(out, "Observations",
				 rows_text(rows, i, FACT_N_BASELINE) ? psprintf("%s against %s", rows_text(rows, i, FACT_N),
																rows_text(rows, i, FACT_N_BASELINE))
													 : rows_text(rows, i, FACT_N));
	if (rows_number(rows, i, FACT_N_MISSING) > 0)
		put_term(out, "Missing", rows_text(rows, i, FACT_N_MISSING));
	put_term(out, "Method", plain_words(rows_text(rows, i, FACT_METHOD)));
	if (!isnan(q))
		put_term(out, "Chance",
				 psprintf("q = %.2g among %s tests", q,
						  rows_text(rows, i, FACT_TESTS) ? rows_text(rows, i, FACT_TESTS) : "?"));
	put_term(out, "Caveats", plain_words(rows_text(rows, i, FACT_CAVEATS)));
	put_term(out, "Next step", rows_text(rows, i, FACT_ACTION));
	appendStringInfoString(out, "<div><dt>Fact</dt><dd><code>");
	html_text(out, rows_text(rows, i, FACT_ID), 200);
	appendStringInfoString(out, "</code></dd></div></dl>");
	put_posts(out, rows_text(rows, i, FACT_POSTS));
	put_days(out, rows_text(rows, i, FACT_DAYS));
	appendStringInfoString(out, "</details></li>");
}

void
section_facts(StringInfo out, const Gathered *g)
{
	if (!g->facts.known)
		return;
	appendStringInfoString(
		out,
		"<section class=\"panel\" aria-labelledby=\"h-facts\"><h2 id=\"h-facts\">What the numbers say</h2>");
	if (g->facts.count == 0)
		appendStringInfoString(
			out, "<p class=\"lead\">Nothing stands out yet. Facts need some weeks of numbers.</p>");
	else
	{
		appendStringInfoString(out, "<p class=\"lead\">The facts most worth knowing. Open one to see its "
									"evidence.</p><ol class=\"facts\">");
		for (int i = 0; i < g->facts.count; i++)
			put_fact(out, &g->facts, i);
		appendStringInfoString(out, "</ol>");
	}
	appendStringInfoString(out, "</section>");
}
