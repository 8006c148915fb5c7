/*
 * cards.c
 *    The top of the page: the artist, how fresh the numbers are, the totals, and a card for every platform.
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "dreamsuite.h"

#include "dashboard/html.h"
#include "dashboard/sections.h"
#include "dashboard/svg.h"

/* Older than this is worth a word. */
#define STALE_DAYS 1

/* A change that ended longer ago is none of the last days. */
#define CHANGE_DAYS 3

/* "sami.glass", "@samiglass" and "Sami Glass" are one name: letters and digits alone, in lower case. */
static char *
folded(const char *name)
{
	char *result = pstrdup(name);
	char *to = result;

	for (const char *c = name; *c; c++)
	{
		if (IS_HIGHBIT_SET(*c))
			*to++ = *c;
		else if (isalnum((unsigned char) *c))
			*to++ = pg_ascii_tolower((unsigned char) *c);
	}
	*to = '\0';
	return result;
}

const char *
artist_name(const Gathered *g)
{
	const char *best = NULL;
	int best_count = 0;

	for (int i = 0; i < g->card_count; i++)
	{
		const char *handle = g->cards[i].handle;
		char *name;
		int count = 0;

		if (handle == NULL || handle[0] == '\0')
			continue;
		name = folded(handle);
		for (int j = 0; j < g->card_count; j++)
			count += g->cards[j].handle && strcmp(folded(g->cards[j].handle), name) == 0;
		/* among the same names one that is written as a name: with a blank, without an @ */
		if (count > best_count || (count == best_count && best && strcmp(folded(best), name) == 0 &&
								   (strchr(handle, ' ') || (best[0] == '@' && handle[0] != '@'))))
		{
			best = handle;
			best_count = count;
		}
	}
	return best;
}

/* "today", "yesterday", "5 days ago" */
static char *
age_text(int days)
{
	if (days <= 0)
		return pstrdup("today");
	return days == 1 ? pstrdup("yesterday") : psprintf("%d days ago", days);
}

/* How much older than the page the number of a card is, where it has none its newest day; -1: it has nothing. */
static int
days_behind(const Gathered *g, const Card *card)
{
	int at = card->main ? card->at : card->newest;

	return at < 0 ? -1 : g->as_of - series_date(g->set, at);
}

/* ▲ +1.2k (+2.1%): the sign, the shape and a word say the direction, the colour only repeats it. `say` writes the number. */
static void
put_change(StringInfo out, double change, double base, char *(*say)(double value))
{
	const char *class = change > 0 ? "up" : change < 0 ? "down" : "flat";
	const char *shape = change > 0 ? "\xE2\x96\xB2" : change < 0 ? "\xE2\x96\xBC" : "=";

	if (isnan(change))
	{
		appendStringInfoString(out, "<span class=\"none\"><span aria-hidden=\"true\">\xE2\x80\x93</span>"
									"<span class=\"vh\">unknown</span></span>");
		return;
	}
	appendStringInfo(out, "<span class=\"%s\"><span aria-hidden=\"true\">%s</span> %s</span>", class, shape,
					 change == 0 ? "no change" : say(change));
	if (base > 0 && change != 0)
		appendStringInfo(out, " <span class=\"pct\">%s</span>", percent_signed(100 * change / base));
}

static void
put_total(StringInfo out, const char *label, const char *note)
{
	appendStringInfo(out, "</dd><dt>%s</dt>", label);
	if (note)
		appendStringInfo(out, "<dd class=\"note\">%s</dd>", note);
	appendStringInfoString(out, "</div>");
}

static void
put_totals(StringInfo out, const Gathered *g)
{
	double audience = 0, change[2] = {0, 0}, base[2] = {0, 0};
	int platforms_known = 0, changes_known[2] = {0, 0};
	int posts = 0;
	double interactions = 0;
	int reactions_known = 0;

	for (int i = 0; i < g->card_count; i++)
	{
		const Card *card = &g->cards[i];

		if (card->main == NULL || !card->main->audience)
			continue;
		audience += card->main->values[card->at];
		platforms_known++;
		for (int k = 0; k < 2; k++)
		{
			if (isnan(card->change[k]) || days_behind(g, card) > CHANGE_DAYS)
				continue;
			change[k] += card->change[k];
			base[k] += card->base[k];
			changes_known[k]++;
		}
	}
	for (int i = 0; i < g->post_count; i++)
	{
		if (g->posts[i].day <= g->as_of - 30)
			continue;
		posts++;
		if (isnan(g->posts[i].interactions))
			continue;
		interactions += g->posts[i].interactions;
		reactions_known++;
	}
	appendStringInfoString(out, "<dl class=\"totals\">");
	if (platforms_known > 0)
	{
		appendStringInfoString(out, "<div><dd class=\"big\">");
		html_number(out, audience);
		put_total(out, "Audience",
				  psprintf("on %d platform%s", platforms_known, platforms_known == 1 ? "" : "s"));
		for (int k = 0; k < 2; k++)
		{
			appendStringInfoString(out, "<div><dd class=\"big\">");
			put_change(out, changes_known[k] ? change[k] : NAN, base[k], number_signed);
			put_total(out, k == 0 ? "In 7 days" : "In 30 days",
					  changes_known[k] == platforms_known
						  ? NULL
						  : psprintf("known of %d of %d platforms", changes_known[k], platforms_known));
		}
	}
	if (posts > 0)
	{
		appendStringInfo(out, "<div><dd class=\"big\">%d", posts);
		put_total(out, "Posts in 30 days", NULL);
		if (reactions_known > 0)
		{
			appendStringInfoString(out, "<div><dd class=\"big\">");
			html_number(out, interactions);
			put_total(out, "Reactions to them", "likes, comments, shares, saves");
		}
	}
	appendStringInfoString(out, "</dl>");
}

void
section_head(StringInfo out, const Gathered *g)
{
	const char *name = artist_name(g);
	int fresh = 0, waiting = 0;
	int age = g->today - g->as_of;

	for (int i = 0; i < g->card_count; i++)
	{
		fresh +=
			g->cards[i].newest >= 0 && series_date(g->set, g->cards[i].newest) >= g->as_of - STALE_DAYS + 1;
		waiting += g->cards[i].newest < 0;
	}
	appendStringInfoString(
		out, "<header class=\"top\"><p class=\"brand\"><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\">"
			 "<path d=\"M3 12h3l2-6 4 13 3-10 2 3h4\"/></svg>Dream Suite</p><h1>");
	if (name)
		html_name(out, name, HTML_NAME_MOST);
	else
		appendStringInfoString(out, "Your numbers");
	appendStringInfoString(out, "</h1>");
	if (g->any)
	{
		appendStringInfoString(out, "<p class=\"fresh\">Numbers of ");
		html_day(out, g->as_of);
		if (g->newest && age >= 0)
			appendStringInfo(out, " <span class=\"chip %s\">%s</span>", age <= STALE_DAYS ? "good" : "warn",
							 age_text(age));
		appendStringInfo(out, " <span>%d of %d platforms up to date", fresh, g->card_count);
		if (waiting > 0)
			appendStringInfo(out, ", %d without numbers yet", waiting);
		appendStringInfoString(out, "</span></p>");
		put_totals(out, g);
	}
	appendStringInfoString(out, "</header>");
}

/* What is wrong with an account, in a word; NULL where nothing is. */
static const char *
trouble(const Card *card)
{
	static const struct
	{
		const char *status;
		const char *words;
	} words[] = {
		{"paused", "paused"},
		{"needs_reauth", "connect again"},
		{"pending", "waiting for access"},
		{"failed", "not connected"},
	};

	if (card->status == NULL)
		return "not connected";
	for (int i = 0; i < (int) lengthof(words); i++)
	{
		if (strcmp(card->status, words[i].status) == 0)
			return words[i].words;
	}
	return NULL;
}

static void
put_card(StringInfo out, const Gathered *g, const Card *card)
{
	const char *wrong = trouble(card);
	int behind = days_behind(g, card);

	appendStringInfo(out,
					 "<li class=\"card k%d\"><h3><span class=\"key\" aria-hidden=\"true\"></span>%s</h3>",
					 card->place, card->platform->label);
	if (card->handle && card->handle[0])
	{
		appendStringInfoString(out, "<p class=\"handle\">");
		html_name(out, card->handle, HTML_NAME_MOST);
		appendStringInfoString(out, "</p>");
	}
	if (card->main)
	{
		StringInfoData title;

		appendStringInfoString(out, "<p class=\"value\">");
		html_number(out, card->main->values[card->at]);
		appendStringInfo(out,
						 " <span class=\"unit\">%s</span></p><dl class=\"changes\"><div><dt>7 days</dt><dd>",
						 card->label);
		put_change(out, card->change[0], card->base[0], number_signed_short);
		appendStringInfoString(out, "</dd></div><div><dt>30 days</dt><dd>");
		put_change(out, card->change[1], card->base[1], number_signed_short);
		appendStringInfoString(out, "</dd></div>");
		if (card->second)
		{
			appendStringInfo(out, "<div class=\"second\"><dt>%s</dt><dd>", card->second_label);
			html_number(out, card->second->values[card->second->last_known]);
			appendStringInfoString(out, "</dd></div>");
		}
		appendStringInfoString(out, "</dl>");
		initStringInfo(&title);
		for (int i = g->chart_from; i <= card->at; i++)
		{
			if (isnan(card->main->values[i]))
				continue;
			appendStringInfo(&title, "%s %s: from %s on %s to %s on %s", card->platform->label, card->label,
							 number_full(card->main->values[i]), day_text(series_date(g->set, i)),
							 number_full(card->main->values[card->at]),
							 day_text(series_date(g->set, card->at)));
			break;
		}
		svg_sparkline(out, card->main->values + g->chart_from, g->set->days - g->chart_from, title.data);
	}
	else
		appendStringInfo(out, "<p class=\"value none\">\xE2\x80\x93</p><p class=\"wait\">%s</p>",
						 card->platform->has_api ? "No numbers yet."
												 : "Recorded by hand: see record_metrics().");
	if (wrong || behind >= STALE_DAYS)
	{
		appendStringInfoString(out, "<p class=\"state\">");
		if (wrong)
			appendStringInfo(out, "<span class=\"chip warn\">%s</span> ", wrong);
		if (behind >= STALE_DAYS)
			appendStringInfo(out, "<span class=\"chip warn\">%d day%s behind</span> ", behind,
							 behind == 1 ? "" : "s");
		if (wrong && card->reason && card->reason[0])
		{
			appendStringInfoString(out, "<span class=\"why\">");
			html_text(out, card->reason, HTML_REASON_MOST);
			appendStringInfoString(out, "</span>");
		}
		appendStringInfoString(out, "</p>");
	}
	appendStringInfoString(out, "</li>");
}

void
section_cards(StringInfo out, const Gathered *g)
{
	appendStringInfoString(
		out, "<section aria-labelledby=\"h-cards\"><h2 id=\"h-cards\">Platforms</h2><ul class=\"cards\">");
	/* those with a number first */
	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < g->card_count; i++)
		{
			if ((g->cards[i].main != NULL) == (pass == 0))
				put_card(out, g, &g->cards[i]);
		}
	}
	appendStringInfoString(out, "</ul></section>");
}
