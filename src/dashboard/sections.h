/*
 * sections.h
 *    The parts of the page, each appended to `out`; a part without anything to show appends nothing.
 */
#ifndef DREAMSUITE_DASHBOARD_SECTIONS_H
#define DREAMSUITE_DASHBOARD_SECTIONS_H

#include "postgres.h"

#include "dashboard/gather.h"
#include "lib/stringinfo.h"

extern void section_head(StringInfo out, const Gathered *g);    /* name, freshness, totals */
extern void section_cards(StringInfo out, const Gathered *g);   /* one per platform */
extern void section_growth(StringInfo out, const Gathered *g);  /* all audiences over 90 days */
extern void section_weekday(StringInfo out, const Gathered *g); /* engagement by weekday */
extern void section_formats(StringInfo out, const Gathered *g); /* kinds of posts compared */
extern void section_posts(StringInfo out, const Gathered *g);   /* best posts of 30 days */
extern void section_goals(StringInfo out, const Gathered *g);
extern void section_facts(StringInfo out, const Gathered *g);
extern void section_health(StringInfo out, const Gathered *g);

/* The artist's name as most accounts write it; NULL where no account has one. */
extern const char *artist_name(const Gathered *g);

/* The style sheet. */
extern const char dashboard_style[];

/*
 * page
 *    The whole page, palloc'd text. Reads nothing: gather() did.
 */
extern StringInfo dashboard_page(const Gathered *g);

#endif
