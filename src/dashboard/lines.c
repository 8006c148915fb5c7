/*
 * lines.c
 *    Growth of every audience over 90 days in one chart, with what happened marked on it.
 *
 * Each line is the logarithm of value / first value, so that equal growth rates look equal whatever the size of an
 * audience, and the scale says percent.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "dashboard/html.h"
#include "dashboard/sections.h"
#include "dashboard/svg.h"

#define PLATFORMS_MOST 16
#define TICKS_MOST     6
#define EVENTS_MOST    10
#define EVENT_ROWS     3
#define EVENT_NEAR     9    /* days between two marks of one row, so that they do not meet on a phone */
#define LABEL_SPACE    6.25 /* percent of the chart's height that the name of a line takes: 20 of 320 px */

typedef struct Line
{
	const Card *card;
	double *values; /* logarithms, one per day of the chart */
	int first, last;
	double top;   /* of the end, percent */
	double label; /* where its name stands */
} Line;

typedef struct Event
{
	int day; /* of the chart */
	int row;
	bool release;
	const char *text;      /* title or sentence, not ours */
	const char *platforms; /* names joined by ','; may be NULL */
} Event;

static int
compare_lines(const void *a, const void *b)
{
	const Line *x = a;
	const Line *y = b;

	return x->top != y->top ? (x->top > y->top) - (x->top < y->top) : x->card->place - y->card->place;
}

static int
compare_events(const void *a, const void *b)
{
	const Event *x = a;
	const Event *y = b;

	return x->day != y->day ? x->day - y->day : (int) x->release - (int) y->release;
}

static int
make_lines(const Gathered *g, int days, Line *lines)
{
	int count = 0;

	for (int i = 0; i < g->card_count && count < PLATFORMS_MOST; i++)
	{
		const Series *series = g->cards[i].main;
		Line line = {.card = &g->cards[i], .first = -1};
		int known = 0;

		if (series == NULL || !series->audience)
			continue;
		line.values = palloc(sizeof(double) * days);
		for (int day = 0; day < days; day++)
		{
			double value = series->values[g->chart_from + day];

			line.values[day] = NAN;
			if (isnan(value) || value <= 0)
				continue;
			if (known++ == 0)
				line.first = day;
			line.last = day;
			line.values[day] = log(value / series->values[g->chart_from + line.first]);
		}
		if (known >= 2)
			lines[count++] = line;
	}
	return count;
}

/* Names stand where their lines end, moved apart where they would meet. */
static void
place_labels(Line *lines, int count)
{
	qsort(lines, count, sizeof(Line), compare_lines);
	for (int i = 0; i < count; i++)
	{
		lines[i].label = lines[i].top;
		if (i > 0 && lines[i].label < lines[i - 1].label + LABEL_SPACE)
			lines[i].label = lines[i - 1].label + LABEL_SPACE;
	}
	for (int i = count - 1; i >= 0; i--)
	{
		double most = i == count - 1 ? 100 - LABEL_SPACE / 2 : lines[i + 1].label - LABEL_SPACE;

		lines[i].label = fmin(lines[i].label, most);
	}
}

/*
 * Marks of the scale between lo and hi, as logarithms: round percents, or round factors where an audience more than doubled.
 * Returns how many there are; `labels` are palloc'd.
 */
static int
make_ticks(double lo, double hi, double *ticks, char **labels)
{
	static const double factors[] = {2, 10, 100, 1000, 1e6};
	double percents[TICKS_MOST + 2];
	double step = log(1e9);
	int count = 0;

	if (hi - lo <= log(2.5))
	{
		count = svg_ticks(100 * expm1(lo), 100 * expm1(hi), TICKS_MOST, percents);
		for (int i = 0; i < count; i++)
		{
			ticks[i] = log1p(percents[i] / 100);
			labels[i] = percents[i] == 0 ? "start" : percent_signed(percents[i]);
		}
		return count;
	}
	for (int i = lengthof(factors) - 1; i >= 0; i--)
	{
		if ((hi - lo) / log(factors[i]) <= TICKS_MOST)
			step = log(factors[i]);
	}
	for (double k = ceil(lo / step); k * step <= hi && count <= TICKS_MOST; k++)
	{
		ticks[count] = k == 0 ? 0.0 : k * step;
		labels[count++] = k == 0 ? "start" : psprintf("%s\xC3\x97", number_short(exp(k * step))); /* × */
	}
	return count;
}

/* Trend facts and releases in the days of the chart, by day; the facts first where there are too many. */
static int
make_events(const Gathered *g, int days, Event *events)
{
	DateADT from = series_date(g->set, g->chart_from);
	int last[EVENT_ROWS];
	int count = 0;

	for (int pass = 0; pass < 2; pass++)
	{
		const Rows *rows = pass == 0 ? &g->facts : &g->releases;

		for (int i = rows->count - 1; i >= 0 && count < EVENTS_MOST; i--)
		{
			Event event = {.release = pass == 1};
			DateADT day;

			if (pass == 0 && strcmp(rows_text(rows, i, FACT_CATEGORY), "trend") != 0)
				continue;
			if (!rows_date(rows, i, pass == 0 ? FACT_START : 0, &day) || day < from || day >= from + days)
				continue;
			event.day = day - from;
			event.text = rows_text(rows, i, pass == 0 ? FACT_SENTENCE : 1);
			event.platforms = pass == 0 ? NULL : rows_text(rows, i, 2);
			events[count++] = event;
		}
	}
	qsort(events, count, sizeof(Event), compare_events);
	for (int row = 0; row < EVENT_ROWS; row++)
		last[row] = -EVENT_NEAR;
	for (int i = 0; i < count; i++)
	{
		int row = 0;

		while (row < EVENT_ROWS - 1 && events[i].day - last[row] < EVENT_NEAR)
			row++;
		events[i].row = row;
		last[row] = events[i].day;
	}
	return count;
}

static void
put_platform_labels(StringInfo out, const char *names)
{
	bool first = true;

	for (int i = 0; platforms[i]; i++)
	{
		size_t length = strlen(platforms[i]->name);

		for (const char *at = names; (at = strstr(at, platforms[i]->name)) != NULL; at += length)
		{
			if ((at == names || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
			{
				appendStringInfo(out, "%s%s", first ? "" : ", ", platforms[i]->label);
				first = false;
				break;
			}
		}
	}
}

static void
put_events(StringInfo out, const Gathered *g, const Event *events, int count)
{
	if (count == 0)
		return;
	appendStringInfoString(out, "<ol class=\"events\">");
	for (int i = 0; i < count; i++)
	{
		appendStringInfo(out, "<li><span class=\"num%s\" aria-hidden=\"true\">%d</span><span>",
						 events[i].release ? " rel" : "", i + 1);
		html_day(out, series_date(g->set, g->chart_from + events[i].day));
		appendStringInfoString(out, events[i].release ? " \xC2\xB7 Release: " : " \xC2\xB7 ");
		if (events[i].release && events[i].text)
		{
			appendStringInfoString(out, "<b>");
			html_name(out, events[i].text, HTML_TITLE_MOST);
			appendStringInfoString(out, "</b> <span class=\"muted\">");
			put_platform_labels(out, events[i].platforms);
			appendStringInfoString(out, "</span>");
		}
		else
			html_text(out, events[i].text, HTML_TEXT_MOST);
		appendStringInfoString(out, "</span></li>");
	}
	appendStringInfoString(out, "</ol>");
}

/* The same numbers as a table: where each line began, where it was a third and two thirds of the way, where it ends. */
static void
put_table(StringInfo out, const Gathered *g, const Line *lines, int count, int days)
{
	int at[4] = {0, (days - 1) / 3, 2 * (days - 1) / 3, days - 1};

	appendStringInfoString(out, "<details class=\"numbers\"><summary>The numbers of this chart</summary>"
								"<table><caption class=\"vh\">Audience by platform and day</caption>"
								"<thead><tr><th scope=\"col\">Platform</th>");
	for (int i = 0; i < 4; i++)
		appendStringInfo(out, "<th scope=\"col\"%s>%s</th>", i == 1 || i == 2 ? " class=\"opt\"" : "",
						 day_short(series_date(g->set, g->chart_from + at[i])));
	appendStringInfoString(out, "<th scope=\"col\">Growth</th></tr></thead><tbody>");
	for (int i = 0; i < count; i++)
	{
		const Card *card = lines[i].card;

		appendStringInfo(out, "<tr><th scope=\"row\">%s</th>", card->platform->label);
		for (int j = 0; j < 4; j++)
		{
			appendStringInfo(out, "<td%s>", j == 1 || j == 2 ? " class=\"opt\"" : "");
			html_number(out, card->main->values[g->chart_from + at[j]]);
			appendStringInfoString(out, "</td>");
		}
		appendStringInfo(out, "<td>%s</td></tr>",
						 percent_signed(100 * expm1(lines[i].values[lines[i].last])));
	}
	appendStringInfoString(out, "</tbody></table></details>");
}

void
section_growth(StringInfo out, const Gathered *g)
{
	int days = g->set->days - g->chart_from;
	Line lines[PLATFORMS_MOST];
	SvgLine drawn[PLATFORMS_MOST];
	Event events[EVENTS_MOST];
	int marks[EVENTS_MOST];
	double ticks[TICKS_MOST + 2];
	char *labels[TICKS_MOST + 2];
	double lo = 0, hi = 0;
	int count = make_lines(g, days, lines);
	int event_count, tick_count;
	StringInfoData desc;

	if (count == 0)
		return;
	for (int i = 0; i < count; i++)
	{
		for (int day = 0; day < days; day++)
		{
			if (isnan(lines[i].values[day]))
				continue;
			lo = fmin(lo, lines[i].values[day]);
			hi = fmax(hi, lines[i].values[day]);
		}
	}
	/* a chart of tiny changes must not look like one of big ones: at least 2 percent */
	if (hi - lo < 0.02)
		hi = lo + 0.02;
	tick_count = make_ticks(lo, hi, ticks, labels);
	hi += (hi - lo) * 0.06;
	lo -= (hi - lo) * 0.04;
	for (int i = 0; i < count; i++)
		lines[i].top = svg_top(lines[i].values[lines[i].last], lo, hi);
	place_labels(lines, count);
	event_count = make_events(g, days, events);
	for (int i = 0; i < event_count; i++)
		marks[i] = events[i].day;

	initStringInfo(&desc);
	for (int i = 0; i < count; i++)
	{
		const Series *series = lines[i].card->main;
		const char *name = lines[i].card->platform->label;
		const char *grown = percent_signed(100 * expm1(lines[i].values[lines[i].last]));

		drawn[i] = (SvgLine){lines[i].values, psprintf("k%d", lines[i].card->place),
							 psprintf("%s %s, from %s to %s", name, grown,
									  number_full(series->values[g->chart_from + lines[i].first]),
									  number_full(series->values[g->chart_from + lines[i].last]))};
		appendStringInfo(&desc, "%s%s %s", i ? ", " : "", name, grown);
	}

	appendStringInfo(out, "<section class=\"panel wide\" aria-labelledby=\"h-growth\"><h2 "
						  "id=\"h-growth\">Growth of all audiences</h2>"
						  "<p class=\"lead\">Each line shows how far an audience has come since its first "
						  "day here, in percent.</p>"
						  "<div class=\"chart\"><div class=\"plot\"><div class=\"ys\" aria-hidden=\"true\">");
	for (int i = 0; i < tick_count; i++)
		appendStringInfo(out, "<span style=\"top:%.2f%%\">%s</span>", svg_top(ticks[i], lo, hi), labels[i]);
	appendStringInfo(out, "</div><div class=\"area\"><div class=\"flags\" aria-hidden=\"true\">");
	for (int i = 0; i < event_count; i++)
		appendStringInfo(out, "<span class=\"num%s\" style=\"left:%.2f%%;top:%dpx\">%d</span>",
						 events[i].release ? " rel" : "", days > 1 ? 100.0 * events[i].day / (days - 1) : 50,
						 events[i].row * 22, i + 1);
	appendStringInfoString(out, "</div>");
	svg_lines(out, "growth",
			  psprintf("Growth of audiences from %s to %s", day_text(series_date(g->set, g->chart_from)),
					   day_text(g->as_of)),
			  desc.data, drawn, count, days, lo, hi, ticks, tick_count, marks, event_count);
	appendStringInfoString(out, "<div class=\"xs\" aria-hidden=\"true\">");
	for (int i = 0; i <= 4; i++)
		appendStringInfo(out, "<span class=\"x%d\" style=\"left:%d%%\">%s</span>", i, 25 * i,
						 day_short(series_date(g->set, g->chart_from + (days - 1) * i / 4)));
	/* thin leaders from the ends of the lines to their names */
	appendStringInfoString(out, "</div></div><svg class=\"leaders\" viewBox=\"0 0 10 100\" "
								"preserveAspectRatio=\"none\" aria-hidden=\"true\">");
	for (int i = 0; i < count; i++)
		appendStringInfo(out, "<path class=\"k%d\" d=\"M0 %.2fL10 %.2f\"/>", lines[i].card->place,
						 lines[i].top, lines[i].label);
	appendStringInfoString(out, "</svg><div class=\"ends\" aria-hidden=\"true\">");
	for (int i = 0; i < count; i++)
		appendStringInfo(out,
						 "<span class=\"k%d\" style=\"top:%.2f%%\"><i class=\"key\"></i>%s <b>%s</b></span>",
						 lines[i].card->place, lines[i].label, lines[i].card->platform->label,
						 percent_signed(100 * expm1(lines[i].values[lines[i].last])));
	appendStringInfoString(out, "</div></div>");
	put_events(out, g, events, event_count);
	put_table(out, g, lines, count, days);
	appendStringInfoString(out, "</div></section>");
}
