/*
 * html.h
 *    Building HTML in a StringInfo: everything that is not ours is escaped here and nowhere else.
 *
 * Markup of our own goes in with appendStringInfo(). Text of anybody else, also that of the platforms and of facts,
 * goes through html_text(), which is safe between tags and inside double quotes. The database is in UTF-8.
 */
#ifndef DREAMSUITE_DASHBOARD_HTML_H
#define DREAMSUITE_DASHBOARD_HTML_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/date.h"

/* For captions, names and links: longer ones are cut, with an ellipsis. */
#define HTML_NAME_MOST   60
#define HTML_REASON_MOST 100
#define HTML_TITLE_MOST  140
#define HTML_TEXT_MOST   600

/*
 * html_text
 *    Appends text, escaped and cut to `most` characters.
 *
 * White space becomes one blank. Left out are control characters, the characters that force a direction of writing
 * beyond their own text (U+202A to U+202E, U+2066 to U+2069; marks as U+200F stay), and more than four combining marks
 * in a row, which would draw over other lines. NULL appends nothing.
 */
extern void html_text(StringInfo out, const char *text, int most);

/* Text of unknown direction, isolated from what stands around it: <bdi>...</bdi>. */
extern void html_name(StringInfo out, const char *text, int most);

/* Is it an address that a reader may follow: https or http, no blanks, not endless? */
extern bool html_is_link(const char *url);

/* ---- Numbers: NaN gives a dash, never 0. All are palloc'd text without markup. ---- */

extern char *number_short(double value);        /* 9,876 · 12.3k · 1.24M */
extern char *number_full(double value);         /* 12,345 · 0.0345 */
extern char *number_signed(double value);       /* +1.2k · −35 · 0 */
extern char *number_signed_short(double value); /* +1.2k from 1,000 on */
extern char *percent_signed(double value);      /* +2.1% · −12% */
extern char *ratio_digits(double value);        /* 0.66 · 1.4 · 12 */
extern char *ratio_text(double value);          /* 1.4× */

/* ---- Names of ours as people read them, palloc'd ---- */

extern char *sentence_case(const char *name); /* "reel": Reel */
extern char *plain_words(const char *name);   /* "data_quality": data quality; "" for NULL */
extern char *metric_words(const char *name);  /* "follower_count": followers; "total_views": total views */

/* ---- Days ---- */

extern char *day_text(DateADT day);  /* 31 Mar 2026 */
extern char *day_short(DateADT day); /* 31 Mar */

/* <time datetime="2026-03-31">31 Mar 2026</time> */
extern void html_day(StringInfo out, DateADT day);

/* A short number that a screen reader and a pointer get in full. */
extern void html_number(StringInfo out, double value);

#endif
