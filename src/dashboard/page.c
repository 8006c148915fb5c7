/*
 * page.c
 *    The page as a whole: head, order of the sections, the page of an artist without data, and the foot.
 *
 * The page holds no script and asks for nothing: its Content-Security-Policy forbids both (CSP Level 3), so that a
 * mistake in escaping would still run nothing. The icon is a data URL, or a browser would ask the server for one.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "dashboard/html.h"
#include "dashboard/sections.h"

static void
put_head(StringInfo out, const Gathered *g)
{
	const char *name = artist_name(g);

	appendStringInfoString(
		out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
		"'unsafe-inline'; img-src data:; "
		"base-uri 'none'; form-action 'none'\">"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		"<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\">"
		"<meta name=\"robots\" content=\"noindex\"><title>");
	if (name)
	{
		html_text(out, name, HTML_NAME_MOST);
		appendStringInfoString(out, " \xC2\xB7 ");
	}
	appendStringInfoString(out, "Dream Suite</title><link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg "
								"xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E"
								"%3Crect width='24' height='24' rx='6' fill='%234a3fb5'/%3E%3Cpath d='M3 "
								"12h3l2-5 4 11 3-8 2 2h4' fill='none' "
								"stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E\"><style>");
	appendStringInfoString(out, dashboard_style);
	appendStringInfoString(
		out,
		"</style></head><body><a class=\"skip\" href=\"#main\">Skip to the numbers</a><div class=\"page\">");
}

static void
put_step(StringInfo out, const char *title, const char *words, const char *code)
{
	appendStringInfo(out, "<li><h3>%s</h3><p>%s</p><pre><code>%s</code></pre></li>", title, words, code);
}

/* What to do when nothing is known yet. */
static void
section_empty(StringInfo out, const Gathered *g)
{
	appendStringInfoString(out, "<section class=\"panel wide welcome\" aria-labelledby=\"h-next\">");
	if (g->card_count == 0)
	{
		appendStringInfoString(out, "<h2 id=\"h-next\">Nothing to show yet</h2>"
									"<p class=\"lead\">No account is connected, so there are no numbers. "
									"Three steps lead to a full page:</p><ol class=\"steps\">");
		put_step(out, "Connect an account", "Open the address that this gives you, and allow access:",
				 "SELECT dreamsuite.authorize_url('spotify', user_id);");
		put_step(out, "Collect", "The collector runs every day by itself. To start it now:",
				 "SELECT dreamsuite.collect_due();");
		put_step(out, "Come back", "Growth shows after two days, comparisons after some weeks:",
				 "SELECT dreamsuite.dashboard(user_id);");
	}
	else
	{
		appendStringInfoString(
			out, "<h2 id=\"h-next\">Waiting for the first numbers</h2>"
				 "<p class=\"lead\">Accounts are connected, but nothing is stored of them up to ");
		html_day(out, g->as_of);
		appendStringInfoString(out,
							   ". The next collection brings the first numbers.</p><ol class=\"steps\">");
		put_step(out, "Collect now", "The collector runs every day by itself. To start it at once:",
				 "SELECT dreamsuite.collect_due();");
		put_step(out, "See what is missing", "Accounts that wait for access are named with the reason:",
				 "SELECT * FROM dreamsuite.data_health(user_id);");
	}
	appendStringInfoString(out, "</ol></section>");
}

StringInfo
dashboard_page(const Gathered *g)
{
	StringInfo out = makeStringInfo();

	enlargeStringInfo(out, 128 * 1024);
	put_head(out, g);
	section_head(out, g);
	appendStringInfoString(out, "<main id=\"main\">");
	if (!g->any)
		section_empty(out, g);
	if (g->card_count > 0)
		section_cards(out, g);
	if (g->any)
	{
		section_growth(out, g);
		appendStringInfoString(out, "<div class=\"columns\"><div>");
		section_facts(out, g);
		appendStringInfoString(out, "</div><div>");
		section_goals(out, g);
		section_weekday(out, g);
		appendStringInfoString(out, "</div></div><div class=\"columns\"><div>");
		section_formats(out, g);
		appendStringInfoString(out, "</div><div>");
		section_posts(out, g);
		appendStringInfoString(out, "</div></div>");
	}
	section_health(out, g);
	appendStringInfo(
		out,
		"</main><footer><p>Drawn in your own database by Dream Suite %s. "
		"An unknown number is shown as \xE2\x80\x93, never as 0.</p></footer></div></body></html>\n",
		DREAMSUITE_VERSION);
	return out;
}
