/*
 * claims_test.c
 *    What counts as a claim in a model's text, which facts it stands on, and what bears it out.
 */
#include "agent/claims.h"
#include "unit.h"

#include <stdlib.h>

#define MOST 64

static Claim claims[MOST];
static Citation citations[MOST];
static int claim_count, citation_count;

/* The claims of a text as "kind:value text<id,id" in one line; the same from a copy that ends where the text ends. */
static const char *
found(const char *text)
{
	static char out[4096];
	int length = strlen(text);
	char *copy = malloc(length ? length : 1);
	int used = 0;

	memcpy(copy, text, length);
	claim_count = claims_find(copy, length, claims, MOST, citations, MOST, &citation_count);
	out[0] = '\0';
	for (int i = 0; i < claim_count; i++)
	{
		const Claim *claim = &claims[i];
		static const char *const kinds[] = {"none", "", "%", "x"};

		used += snprintf(out + used, sizeof(out) - used, "%s%.10g%s", i ? " " : "", claim->value,
						 kinds[claim->kind]);
		for (int k = 0; k < claim->cited_count; k++)
			used += snprintf(out + used, sizeof(out) - used, "%c%.*s", claim->borrowed ? '~' : '<',
							 citations[claim->cited + k].length, copy + citations[claim->cited + k].start);
	}
	free(copy);
	return out;
}

/* A test is named by its text, in one line. */
static const char *
name_of(const char *text)
{
	static char name[256];

	snprintf(name, sizeof(name), "%s", text[0] ? text : "no text");
	for (char *c = name; *c; c++)
		*c = *c == '\n' ? '/' : *c == '#' ? '+' : *c;
	return name;
}

#define finds(text, wanted) is_text(found(text), wanted, name_of(text))

/* Does the first claim of the text say the known number? */
static ClaimFit
fit(const char *text, double known, bool change)
{
	found(text);
	return claim_count > 0 ? claim_fit(&claims[0], known, change) : FIT_NO;
}

#define says(text, known)        ok(fit(text, known, false) == FIT_YES, text " says " #known)
#define contradicts(text, known) ok(fit(text, known, false) == FIT_NO, text " contradicts " #known)
#define says_change(text, known) ok(fit(text, known, true) == FIT_YES, text " says a change of " #known)
#define wrong_way(text, known)                                                                               \
	ok(fit(text, known, true) == FIT_WRONG_WAY, text " goes the wrong way for " #known)

static void
test_numbers(void)
{
	finds("", "");
	finds("You have 11,500 followers.", "11500");
	finds("You have 12.3k followers", "12300");
	finds("1.2M views and 3B", "1200000 3000000000");
	finds("up 15%", "15%");
	finds("up 15 %", "15%");
	finds("up 15 percent, or 15 per cent", "15% 15%");
	finds("by 3 percentage points", "3%");
	finds("reels get 3x more, 2.5 × as many, 4 times as many, a 2-fold rise", "3x 2.5x 4x 2x");
	finds("**15%** of *3,000*", "15% 3000");
	finds("1,234,567 and 1,23,456 and 1.234.567 and 12,5", "1234567 123456 1234567 12.5");
	finds("12\xC2\xA0"
		  "345 and 12\xE2\x80\xAF"
		  "345",
		  "12345 12345");
	finds("3 thousand, 1.5 million, 2 lakh", "3000 1500000 200000");
	finds("12,345followers", "12345");
	finds("-4 and \xE2\x88\x92"
		  "5% and +6",
		  "4 5% 6");
	finds("10\xE2\x80\x93"
		  "15%, 1.4 to 2.1x, 10-12k",
		  "10 15% 1.4 2.1x 10000 12000");
	finds("5+6", "5 6");
	finds("$20 or \xE2\x82\xAC"
		  "30",
		  "20 30");
	finds("5 of 8, 8 out of 10", "5 8 8 10");
	finds("\xD9\xA1\xD9\xA5% \xEF\xBC\x91\xEF\xBC\x95%", "15% 15%");
	finds("15\xE4\xB8\x87 \xE5\xA2\x9E\xE5\x8A\xA0"
		  "15%",
		  "150000 15%");
	finds("posts 3 times a week", "3");
	finds("it grew by15% to12,000, _15%_ and _15_, USD500, #1% and x15%", "15% 12000 15% 15 500 1% 15%");
	finds("$15\\%$", "15%");
}

static void
test_words(void)
{
	finds("ten thousand followers", "10000");
	finds("half a million, a million, one hundred and five", "500000 1000000 105");
	finds("fifteen percent, a fifteen percent rise", "15% 15%");
	finds("twenty-five percent", "25%");
	finds("three times as many", "3x");
	finds("two posts, one of them, a few, three of your five reels", "");
	finds("followers doubled and views tripled", "2x 3x");
	finds("double-check it", "");
}

static void
test_not_claims(void)
{
	finds("on 2026-06-03, 2026-06-03T06:00:00Z, 2026-06, 3/6/2026, 03.06.2026", "");
	finds("3 June 2026, 3rd of June, June 3, June 3rd, 2026, June 2026, 12-18 June, June 12\xE2\x80\x93"
		  "18",
		  "");
	finds("between 12 and 18 June 2026", "");
	finds("from 28 May to 3 June", "");
	finds("in 2026, since 2024, by 2027.", "");
	finds("post at 18:00, 6 pm, 6:30pm, 7 p.m. or 8 o'clock", "");
	finds("1. First\n2. Second\n 3) Third", "");
	finds("U2, blink182, #5, @user99, step 2, top 10, week 23", "");
	finds("the 1st, 2nd and 3rd", "");
	finds("in the last 7 days, past 30 days, a 30-day view, 24h, 7d, 3 days ago", "");
	finds("see https://example.org/4711?x=12 and www.example.org/12", "");
	finds("goal 550e8400-e29b-41d4-a716-446655440000 and e50e8400-e29b-4104-8716-446655440000", "");
	finds("post 17912345678901234", "");
	finds("24/7", "");
	finds("between 6-8pm, 6 to 8 pm, 18-20h, from 18 to 20:30", "");
	finds("a 30-second clip", "");
	finds("snake_15, a_2_b", "");
	/* what only looks like one */
	finds("You gained 2050 followers", "2050");
	finds("grew by 2050 followers", "2050");
	finds("You may gain 15", "15");
	finds("this week 125 people, this week: 90", "125 90");
	finds("the top 10% of", "10%");
	finds("in 12 days", "12");
}

static void
test_citations(void)
{
	finds("It grew 15% [F:a].", "15%<a");
	finds("It grew 15%. [F:a]", "15%<a");
	finds("It grew 15%.[F:a] Views fell 3%.", "15%<a 3%");
	finds("It grew 15%\n[F:a]", "15%<a");
	finds("It grew 15%\nto 30 [F:a]", "15%<a 30<a");
	finds("It grew 15%.\n\nViews fell [F:a].", "15%");
	finds("[F:a] says it grew 15% to 30", "15%<a 30<a");
	finds("A grew 15% [F:a] and B 30% [F:b].", "15%<a 30%<b");
	finds("It grew 15% [F:a][F:b], [F:c].", "15%<a<b<c");
	finds("It grew 15% [F:a, F:b; c].", "15%<a<b<c");
	finds("- A: 15% [F:a]\n- B: 30%\n- C: 4 [F:c]", "15%<a 30% 4<c");
	finds("| A | 15% | [F:a] |\n| B | 30% | [F:b] |", "15%<a 30%<b");
	finds("It grew 15% [F:week_growth:instagram.follower_count:2026-01-01..2026-01-08:0a1b2c3d].",
		  "15%<week_growth:instagram.follower_count:2026-01-01..2026-01-08:0a1b2c3d");
	finds("It grew vs. May by 15% [F:a], e.g. 30 [F:b]. So 4.", "15%<a 30<b 4");
	finds("It grew 15%. Nothing explains it. [F:a]", "15%~a");
	finds("It grew 15%. Nothing explains it [F:a], but 3 posts.", "15%~a 3<a");
	finds("It grew 15%. Views fell 3% [F:a].", "15%~a 3%<a");
	finds("It grew 15%. Views fell 3%. [F:a]", "15%~a 3%<a");
	finds("It grew 15%.\nNothing explains it [F:a].", "15%");
	finds("unfinished 15% [F:a", "15%<a");
	finds("empty 15% [F:] [F: ]", "15%");
	finds("[F:a] [F:b]", "");
	ok(citation_count == 2 && !citations[0].used, "citations without a claim are found");
	found("\"I gained 50,000\" is what the post \"9 lives\" says: 3");
	ok(claim_count == 3 && claims[0].quote_length == 15 && claims[1].quote_length == 7 &&
		   claims[2].quote_length == 0,
	   "a claim knows the quotation that it stands in");
}

static void
test_fit(void)
{
	says("11,500", 11500);
	contradicts("11,500", 11501);
	says("12.3k", 12345);
	contradicts("12.3k", 12380);
	says("12k", 12345);
	contradicts("12,000", 12345);
	says("1.2M", 1249999);
	says("15%", 15.4);
	contradicts("15%", 15.6);
	says("15.4%", 15.44);
	says("3x", 2.6);
	contradicts("2.9x", 2.6);
	says("about 12,000", 11987);
	contradicts("about 12,000", 13000);
	says("over 10,000", 11500);
	contradicts("over 12,000", 11500);
	says("more than 10k", 11500);
	says("10k+ followers", 11500);
	contradicts("over 10,000", 150000);
	says("nearly 12,000", 11900);
	contradicts("nearly 12,000", 12100);
	says("~12k", 12345);
	says("ten thousand", 10400);
	says("doubled", 2.1);
	contradicts("doubled", 1.15);
	says("0.6", -0.6);
	ok(fit("+0.6", -0.6, false) == FIT_WRONG_WAY, "a sign that is written counts");
	contradicts("15", NAN);
	contradicts("15", INFINITY);

	says_change("it grew 15%", 15);
	wrong_way("it fell 15%", 15);
	says_change("it fell 15%", -15);
	wrong_way("it grew 15%", -15);
	wrong_way("15% fewer", 15);
	says_change("15% more", 15);
	says_change("more than 15% lower", -15.2);
	says_change("15%", -15);
	wrong_way("-15%", 15);
	says_change("it did not fall, 15%", 15);
	says_change("gained over 15%", 15.2);
}

/* Everything is found, or nothing is. */
static void
test_bounds(void)
{
	char many[MOST * 2 + 2];
	unsigned seed = 7;
	int broken = 0;

	for (int i = 0; i <= MOST; i++)
		memcpy(many + 2 * i, "5 ", 2);
	ok(claims_find(many, 2 * MOST, claims, MOST, citations, MOST, &citation_count) == MOST,
	   "as many as there is room for");
	ok(claims_find(many, 2 * MOST + 2, claims, MOST, citations, MOST, &citation_count) == -1,
	   "one more is said");

	/* any bytes, with pieces that mean something among them; the sanitizers watch */
	for (int round = 0; round < 200000; round++)
	{
		static const char *const pieces[] = {
			"[F:",  "]",        "15%", "1,234",   ".",          "\n",       "\xE2\x80\x93", "June ", " 2026",
			"18:3", "half ",    "a ",  "million", "more than ", "\"",       "\xC2\xA0",     "x",     "-",
			"www.", "https://", "12.", "e.g.",    "to ",        "\xF0\x9F", "\xE4\xB8\x87", "  ",    "k"};
		char text[200];
		int length = 0;
		char *copy;
		int pieces_left;

		seed = seed * 1103515245u + 12345u;
		pieces_left = (seed >> 16) % 20;
		while (pieces_left-- > 0)
		{
			seed = seed * 1103515245u + 12345u;
			if ((seed >> 16) % 5 == 0)
				text[length++] = (char) (seed >> 24);
			else
			{
				const char *piece = pieces[(seed >> 16) % (sizeof(pieces) / sizeof(pieces[0]))];

				memcpy(text + length, piece, strlen(piece));
				length += strlen(piece);
			}
		}
		copy = malloc(length ? length : 1);
		memcpy(copy, text, length);
		claim_count = claims_find(copy, length, claims, MOST, citations, MOST, &citation_count);
		for (int i = 0; i < claim_count; i++)
		{
			const Claim *claim = &claims[i];

			broken += claim->start < 0 || claim->length <= 0 || claim->start + claim->length > length ||
					  claim->cited + claim->cited_count > citation_count ||
					  (claim->quote_length > 0 && claim->quote_start + claim->quote_length > length);
			broken += i > 0 && claim->start < claims[i - 1].start + claims[i - 1].length;
		}
		free(copy);
	}
	ok(broken == 0, "any bytes give claims that lie in the text, one behind the other");
}

int
main(void)
{
	test_numbers();
	test_words();
	test_not_claims();
	test_citations();
	test_fit();
	test_bounds();
	return done();
}
