/*
 * formats.c
 *    Kinds of posts compared: what compare_posts(user_id, platform, 'kind') says of every platform, from one load of the artist.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "catalog/pg_type.h"

#include "dashboard/html.h"
#include "dashboard/sections.h"
#include "insight/posts.h"

#define FORMATS_MOST 4 /* comparisons of a platform */

static int
compare_cells_by_p(const void *a, const void *b)
{
	const Cell *x = *(const Cell *const *) a;
	const Cell *y = *(const Cell *const *) b;

	return (x->p_value > y->p_value) - (x->p_value < y->p_value);
}

/* What is better comes first: it is easier to read that reels get 2x than that photos get 0.5x. */
static void
add_format(Gathered *g, int place, const Cell *cell)
{
	Format *format = &g->formats[g->format_count];
	Stratified effect;
	double sign;

	cell_effect(cell, &effect);
	if (!isfinite(effect.shift.estimate) || !isfinite(effect.shift.lo) || !isfinite(effect.shift.hi))
		return;
	sign = effect.shift.estimate < 0 ? -1 : 1;
	format->place = place;
	format->a = sign > 0 ? cell->a : cell->b;
	format->b = sign > 0 ? cell->b : cell->a;
	format->n_a = sign > 0 ? cell->n_a : cell->n_b;
	format->n_b = sign > 0 ? cell->n_b : cell->n_a;
	format->ratio = exp(sign * effect.shift.estimate);
	format->lo = exp(sign > 0 ? effect.shift.lo : -effect.shift.hi);
	format->hi = exp(sign > 0 ? effect.shift.hi : -effect.shift.lo);
	g->format_count++;
}

void
gather_formats(Gathered *g)
{
	static const Oid types[] = {UUIDOID, TEXTOID, TEXTOID};
	Artist artist;
	Run run = {.artist = &artist};
	DateADT as_of = g->as_of;

	if (g->post_count == 0 || !may_use("compare_posts", 3, types) ||
		!artist_load(&artist, g->user_id, &as_of))
		return;
	run.as_of = g->as_of;
	g->formats = palloc(sizeof(Format) * FORMATS_MOST * artist.outlet_count);
	for (int i = 0; i < artist.outlet_count; i++)
	{
		Sample *sample = palloc0(sizeof(Sample));
		Cell *cells = palloc(sizeof(Cell) * CELLS_MOST);
		Cell *tested[CELLS_MOST];
		int count, n = 0;

		sample_posts(&run, &artist.outlets[i], sample);
		/* the page speaks of reactions */
		count = sample->n > 0 && sample->by_reaction ? compare_cells(sample, BY_KIND, cells, 0) : 0;
		for (int j = 0; j < count; j++)
		{
			if (!isnan(cells[j].p_value))
				tested[n++] = &cells[j];
		}
		/* the clearest first */
		qsort(tested, n, sizeof(Cell *), compare_cells_by_p);
		for (int j = 0; j < Min(n, FORMATS_MOST); j++)
			add_format(g, platform_place(artist.outlets[i].platform->name), tested[j]);
	}
}

/* Place of a ratio on the scale from 1/2 to 8, in percent, never outside. */
static double
ratio_left(double ratio)
{
	return fmax(0, fmin(100, 25 + 25 * log2(ratio)));
}

static void
put_format(StringInfo out, const Format *format)
{
	bool clear = format->lo > 1;

	appendStringInfo(out, "<tr class=\"k%d%s\"><th scope=\"row\">", format->place, clear ? " clear" : "");
	html_text(out, sentence_case(format->a), 30);
	appendStringInfoString(out, " <span class=\"muted\">vs</span> ");
	html_text(out, plain_words(format->b), 30);
	appendStringInfo(
		out,
		"<small>%d and %d posts</small></th><td class=\"interval\" aria-hidden=\"true\"><i class=\"one\"></i>"
		"<i class=\"bar\" style=\"left:%.1f%%;width:%.1f%%\"></i><i class=\"est\" "
		"style=\"left:%.1f%%\"></i></td>",
		format->n_a, format->n_b, ratio_left(format->lo), ratio_left(format->hi) - ratio_left(format->lo),
		ratio_left(format->ratio));
	appendStringInfo(out, "<td class=\"ratio\"><b>%s</b><small><span>%s to %s</span>%s</small></td></tr>",
					 ratio_text(format->ratio), ratio_digits(format->lo), ratio_digits(format->hi),
					 clear ? "" : "<span class=\"vh\">, no clear difference</span>");
}

void
section_formats(StringInfo out, const Gathered *g)
{
	if (g->format_count == 0)
		return;
	appendStringInfoString(
		out,
		"<section class=\"panel\" aria-labelledby=\"h-formats\"><h2 id=\"h-formats\">Formats compared</h2>"
		"<p class=\"lead\">Reactions to one kind of post against another, with the interval that holds the "
		"truth 9 times in 10. "
		"A filled bar is clear of 1\xC3\x97.</p>"
		"<table class=\"ratios\"><caption class=\"vh\">Ratio of reactions between kinds of posts</caption>"
		"<thead><tr><th scope=\"col\">Comparison</th><td class=\"scale8\" aria-hidden=\"true\">"
		"<span style=\"left:0\">\xC2\xBD</span><span style=\"left:25%\">1\xC3\x97</span><span "
		"style=\"left:50%\">2\xC3\x97</span>"
		"<span style=\"left:75%\">4\xC3\x97</span><span style=\"left:100%\">8\xC3\x97</span></td>"
		"<th scope=\"col\"><span class=\"vh\">Ratio</span></th></tr></thead><tbody>");
	for (int i = 0; i < g->format_count; i++)
	{
		const Format *format = &g->formats[i];

		if (i == 0 || format->place != format[-1].place)
			appendStringInfo(out,
							 "<tr class=\"group k%d\"><th scope=\"rowgroup\" colspan=\"3\">"
							 "<span class=\"key\" aria-hidden=\"true\"></span>%s</th></tr>",
							 format->place, platforms[format->place]->label);
		put_format(out, format);
	}
	appendStringInfoString(out, "</tbody></table></section>");
}
