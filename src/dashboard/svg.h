/*
 * svg.h
 *    Drawing series: lines that stretch with the page while every word stays text of its own size.
 *
 * A drawing is an <svg> that fills its box in both directions (preserveAspectRatio none, strokes that do not scale).
 * Words never stand inside it: they are HTML beside it, placed in percent, so that they stay readable on a phone.
 */
#ifndef DREAMSUITE_DASHBOARD_SVG_H
#define DREAMSUITE_DASHBOARD_SVG_H

#include "postgres.h"

#include "lib/stringinfo.h"

/*
 * svg_sparkline
 *    A small line of n values (NaN breaks it), its area and its last point. `title` is ours or escaped by the caller; it
 *    is what a screen reader says. Draws nothing where no two values are known.
 */
extern void svg_sparkline(StringInfo out, const double *values, int n, const char *title);

/* One line of svg_lines(). */
typedef struct SvgLine
{
	const double *values; /* on the scale of the chart; NaN breaks the line */
	const char *class;
	const char *title; /* escaped */
} SvgLine;

/*
 * svg_lines
 *    Lines over n days in a box of 1000 x 1000, lo at the bottom and hi at the top, with grid lines at `ticks` and
 *    upright lines at the days `marks`. title and desc are escaped; `id` makes their names unique.
 */
extern void svg_lines(StringInfo out, const char *id, const char *title, const char *desc,
					  const SvgLine *lines, int line_count, int n, double lo, double hi, const double *ticks,
					  int tick_count, const int *marks, int mark_count);

/* Place of a value between lo (100) and hi (0), in percent from the top. */
static inline double
svg_top(double value, double lo, double hi)
{
	return hi > lo ? 100.0 * (hi - value) / (hi - lo) : 50.0;
}

/*
 * svg_ticks
 *    Round values between lo and hi, both included, at most `most`: steps of 1, 2, 2.5 or 5 times a power of ten.
 *    Returns how many; `ticks` has room for `most` + 1.
 */
extern int svg_ticks(double lo, double hi, int most, double *ticks);

#endif
