/*
 * svg.c
 *    Sparklines and line charts.
 *
 * SVG 2, 9.3 (paths) and 13.5 (vector-effect). A point is a line of no length with round ends: unlike a circle it stays
 * round when the drawing is stretched.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "dashboard/svg.h"

#define SPARK_WIDTH  97.0 /* of 100: the last point needs room */
#define SPARK_HEIGHT 40.0
#define SPARK_ROOM   4.0 /* above and below, for the stroke and the last point */
#define CHART_SIZE   1000.0

/* A coordinate: one decimal, none where it is whole. */
static void
put_coordinate(StringInfo out, double value)
{
	double rounded = round(value * 10) / 10;

	if (rounded == floor(rounded))
		appendStringInfo(out, "%.0f", rounded + 0.0);
	else
		appendStringInfo(out, "%.1f", rounded);
}

static void
put_point(StringInfo out, char command, double x, double y)
{
	appendStringInfoChar(out, command);
	put_coordinate(out, x);
	appendStringInfoChar(out, ' ');
	put_coordinate(out, y);
}

/* The d of a path; an unknown day lifts the pen. */
static void
put_path(StringInfo out, const double *values, int n, double width, double lo, double hi, double top,
		 double height)
{
	bool drawing = false;

	for (int i = 0; i < n; i++)
	{
		double x = n > 1 ? width * i / (n - 1) : width / 2;
		double y;

		if (isnan(values[i]))
		{
			drawing = false;
			continue;
		}
		y = top + height * svg_top(values[i], lo, hi) / 100.0;
		put_point(out, drawing ? 'L' : 'M', x, y);
		/* a day alone between unknown ones is a point */
		if (!drawing && (i + 1 == n || isnan(values[i + 1])))
			appendStringInfoString(out, "h.01");
		drawing = true;
	}
}

void
svg_sparkline(StringInfo out, const double *values, int n, const char *title)
{
	double lo = INFINITY, hi = -INFINITY;
	int known = 0, first = -1, last = -1;
	double height = SPARK_HEIGHT - 2 * SPARK_ROOM;

	for (int i = 0; i < n; i++)
	{
		if (isnan(values[i]))
			continue;
		lo = fmin(lo, values[i]);
		hi = fmax(hi, values[i]);
		if (known++ == 0)
			first = i;
		last = i;
	}
	if (known < 2)
		return;
	appendStringInfo(out,
					 "<svg class=\"spark\" viewBox=\"0 0 100 40\" preserveAspectRatio=\"none\" role=\"img\">"
					 "<title>%s</title><path class=\"area\" d=\"",
					 title);
	/* the area joins known days across gaps, the line does not */
	put_point(out, 'M', SPARK_WIDTH * first / (n - 1), SPARK_HEIGHT);
	for (int i = first; i <= last; i++)
	{
		if (!isnan(values[i]))
			put_point(out, 'L', SPARK_WIDTH * i / (n - 1),
					  SPARK_ROOM + height * svg_top(values[i], lo, hi) / 100.0);
	}
	put_point(out, 'L', SPARK_WIDTH * last / (n - 1), SPARK_HEIGHT);
	appendStringInfoString(out, "z\"/><path class=\"line\" d=\"");
	put_path(out, values, n, SPARK_WIDTH, lo, hi, SPARK_ROOM, height);
	appendStringInfoString(out, "\"/><path class=\"dot\" d=\"");
	put_point(out, 'M', SPARK_WIDTH * last / (n - 1),
			  SPARK_ROOM + height * svg_top(values[last], lo, hi) / 100.0);
	appendStringInfoString(out, "h.01\"/></svg>");
}

void
svg_lines(StringInfo out, const char *id, const char *title, const char *desc, const SvgLine *lines,
		  int line_count, int n, double lo, double hi, const double *ticks, int tick_count, const int *marks,
		  int mark_count)
{
	appendStringInfo(out,
					 "<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" role=\"img\" "
					 "aria-labelledby=\"%s-t %s-d\"><title id=\"%s-t\">%s</title><desc id=\"%s-d\">%s</desc>",
					 id, id, id, title, id, desc);
	for (int i = 0; i < tick_count; i++)
	{
		appendStringInfo(out, "<path class=\"%s\" d=\"M0 ", ticks[i] == 0.0 ? "grid zero" : "grid");
		put_coordinate(out, CHART_SIZE * svg_top(ticks[i], lo, hi) / 100.0);
		appendStringInfoString(out, "H1000\"/>");
	}
	for (int i = 0; i < mark_count; i++)
	{
		appendStringInfoString(out, "<path class=\"mark\" d=\"");
		put_point(out, 'M', n > 1 ? CHART_SIZE * marks[i] / (n - 1) : CHART_SIZE / 2, 0);
		appendStringInfoString(out, "V1000\"/>");
	}
	for (int i = 0; i < line_count; i++)
	{
		appendStringInfo(out, "<path class=\"line %s\" d=\"", lines[i].class);
		put_path(out, lines[i].values, n, CHART_SIZE, lo, hi, 0, CHART_SIZE);
		appendStringInfo(out, "\"><title>%s</title></path>", lines[i].title);
	}
	appendStringInfoString(out, "</svg>");
}

int
svg_ticks(double lo, double hi, int most, double *ticks)
{
	static const double steps[] = {1, 2, 2.5, 5, 10};
	double raw = (hi - lo) / most;
	double power;
	double step = 0;
	int count = 0;

	if (!(raw > 0) || !isfinite(raw))
		return 0;
	power = pow(10, floor(log10(raw)));
	for (int i = 0; i < (int) lengthof(steps); i++)
	{
		step = steps[i] * power;
		if (step >= raw * (1 - 1e-9))
			break;
	}
	for (double k = ceil(lo / step - 1e-9); k * step <= hi + step * 1e-9 && count <= most; k++)
		ticks[count++] = k == 0 ? 0.0 : k * step;
	return count;
}
