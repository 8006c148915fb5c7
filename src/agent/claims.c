/*
 * claims.c
 *    The walk over a model's text, its sentences and citations; and whether a claim says a number.
 */
#include <math.h>
#include <string.h>

#include "agent/finder.h"

#define ID_MOST        512 /* bytes of a citation */
#define QUOTATION_MOST 500

/* Has the running sentence a number that nothing is cited for yet? */
static bool
is_uncited(const Finder *f)
{
	int last_claim = f->claim_count > 0 && f->claims[f->claim_count - 1].sentence == f->sentence
						 ? f->claims[f->claim_count - 1].start
						 : -1;
	int last_citation = f->citation_count > 0 ? f->citations[f->citation_count - 1].start : -1;

	return last_claim >= 0 && last_citation < last_claim;
}

static void
begin_sentence(Finder *f, int at)
{
	f->sentence++;
	f->sentence_start = at;
	f->ended = false;
}

/* ---- Citations ---- */

static bool
is_citation(const Finder *f, int at)
{
	return f->text.length - at >= 3 && memcmp(f->text.bytes + at, "[F:", 3) == 0;
}

/* Is there nothing but "," ";" "&" "and" and brackets between two citations? */
static bool
is_joined(const Finder *f, int from, int to)
{
	while (from < to)
	{
		char word[WORD_MOST + 1];
		int end = read_word(&f->text, from, word);

		if (end > from)
		{
			if (strcmp(word, "and") != 0)
				return false;
			from = end;
		}
		else if (finder_byte(f, from) == '\0' || strchr(" \t,;&[]", finder_byte(f, from)) == NULL)
			return false;
		else
			from++;
	}
	return true;
}

static void
add_citation(Finder *f, int start, int end)
{
	Citation *before = f->citation_count > 0 ? &f->citations[f->citation_count - 1] : NULL;
	int from = start - (start >= 2 && memcmp(f->text.bytes + start - 2, "F:", 2) == 0 ? 2 : 0);

	while (end > start && (finder_byte(f, end - 1) == ' ' || finder_byte(f, end - 1) == '\t'))
		end--;
	if (end == start)
		return;
	if (f->citation_count == f->citation_most)
	{
		f->full = true;
		return;
	}
	f->citations[f->citation_count++] =
		(Citation){.start = start,
				   .length = end - start,
				   .sentence = f->sentence,
				   .paragraph = f->paragraph,
				   .joined = before && before->sentence == f->sentence &&
							 is_joined(f, before->start + before->length, from)};
}

/* "[F:id]", "[F:id, F:id]"; returns the place behind it. */
static int
read_citation(Finder *f, int at)
{
	int start = at + 3;
	int end;

	for (end = start; end < f->text.length && end - start < ID_MOST; end++)
	{
		char c = f->text.bytes[end];

		if (c == ']' || c == '\n' || c == '[')
			break;
		if (c == ',' || c == ';')
		{
			add_citation(f, start, end);
			start = skip_spaces(&f->text, end + 1);
			if (f->text.length - start >= 2 && memcmp(f->text.bytes + start, "F:", 2) == 0)
				start += 2;
			end = start - 1;
		}
	}
	add_citation(f, start, end < start ? start : end);
	return finder_byte(f, end) == ']' ? end + 1 : end;
}

/* ---- The walk ---- */

/* "https://...", "www...": their digits say nothing. Returns the place behind it; 0: none. */
static int
skip_address(const Finder *f, int at)
{
	int left = f->text.length - at;
	int end = at;

	if (!(left > 8 && (memcmp(f->text.bytes + at, "https://", 8) == 0 ||
					   memcmp(f->text.bytes + at, "http://", 7) == 0)) &&
		!(left > 4 && memcmp(f->text.bytes + at, "www.", 4) == 0))
		return 0;
	while (end < f->text.length && finder_byte(f, end) != '\0' &&
		   strchr(" \t\n\r)>]\"", finder_byte(f, end)) == NULL)
		end++;
	return end;
}

/* Does the full stop at a place end the sentence? */
static bool
ends_sentence(const Finder *f, int at)
{
	char word[WORD_MOST + 1];
	char after = finder_byte(f, at + 1);
	int start;

	if (finder_byte(f, at) == '.')
	{
		start = word_before(&f->text, at, f->sentence_start, word);
		if (start >= 0 && is_letter(finder_byte(f, at - 1)) &&
			(word_in(
				 word,
				 "|vs|approx|mr|mrs|ms|dr|feat|ft|st|ca|incl|no|vol|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|"
				 "nov|dec|") ||
			 (word[1] == '\0' && finder_byte(f, start - 1) == '.')))
			return false;
		if (start >= 0 && start == at - 1 && is_letter(finder_byte(f, at + 1)))
			return false; /* "e.g." */
	}
	return after == '\0' || strchr(" \t\r\n\"')]*_[", after) != NULL || (unsigned char) after >= 0x80;
}

/* Opens or closes a quotation. */
static void
see_quote(Finder *f, int at, uint32_t rune, int width)
{
	if (f->quote >= 0 && (rune == f->quote_end || rune == '\n' || at - f->quote > QUOTATION_MOST))
	{
		bool closed = rune == f->quote_end && at - f->quote <= QUOTATION_MOST;

		for (int i = f->claim_count - 1; i >= 0 && f->claims[i].quote_start == f->quote; i--)
			f->claims[i].quote_length = closed ? at - f->quote : 0;
		f->quote = -1;
		return;
	}
	if (f->quote >= 0)
		return;
	if (rune == '"' || rune == 0x201C || rune == 0xAB || rune == 0x201E)
	{
		f->quote = at + width;
		f->quote_end = rune == '"' ? '"' : rune == 0xAB ? 0xBB : rune == 0x201E ? 0x201C : 0x201D;
	}
}

/* After a full stop or a line end: does the sentence go on? */
static void
go_on_or_begin(Finder *f, int at, bool new_line, uint32_t rune)
{
	if (is_citation(f, at) && (is_uncited(f) || !new_line))
		return;
	if (new_line && !f->ended && ((rune >= 'a' && rune <= 'z') || rune == '(' || rune == '['))
		return;
	begin_sentence(f, at);
	f->paragraph += new_line;
}

static void
link_citations(Finder *f)
{
	int next = 0;

	for (int i = 0; i < f->claim_count; i++)
	{
		Claim *claim = &f->claims[i];
		int first;

		while (next < f->citation_count && f->citations[next].start < claim->start)
			next++;
		first = next;
		if (first == f->citation_count || f->citations[first].sentence != claim->sentence)
		{
			int before = first - 1;

			if (before >= 0 && f->citations[before].sentence == claim->sentence)
			{
				/* nothing behind it: what stands before */
				while (f->citations[before].joined)
					before--;
				first = before;
			}
			else if (first == f->citation_count || f->citations[first].paragraph != claim->paragraph)
				continue;
			else
				claim->borrowed = true;
		}
		claim->cited = first;
		claim->cited_count = 1;
		while (first + claim->cited_count < f->citation_count &&
			   f->citations[first + claim->cited_count].joined)
			claim->cited_count++;
		for (int k = 0; k < claim->cited_count && !claim->borrowed; k++)
			f->citations[first + k].used = true;
	}
}

int
claims_find(const char *bytes, int length, Claim *claims, int most_claims, Citation *citations,
			int most_citations, int *citation_count)
{
	Finder f = {.text = {bytes, length},
				.claims = claims,
				.claim_most = most_claims,
				.citations = citations,
				.citation_most = most_citations,
				.line_start = true,
				.quote = -1};
	bool new_line = false;
	int at = 0;

	while (at < length && !f.full)
	{
		uint32_t rune;
		int width = rune_at(&f.text, at, &rune);
		int end;

		if (rune == '\n')
		{
			see_quote(&f, at, rune, width);
			/* an empty line ends every sentence */
			if (new_line)
				f.ended = true;
			new_line = f.line_start = true;
			at += width;
			continue;
		}
		if (is_space(rune) || rune == '\r')
		{
			at += width;
			continue;
		}
		if ((f.ended || new_line) &&
			(is_citation(&f, at) || rune >= 0x80 || strchr("\"')]*_", (int) rune) == NULL))
			go_on_or_begin(&f, at, new_line, rune);
		new_line = false;

		if (is_citation(&f, at))
			at = read_citation(&f, at);
		else if ((end = skip_address(&f, at)) > 0 || (end = skip_uuid(&f, at)) > 0)
			at = end;
		else if (digit_value(rune) >= 0)
			at = read_number(&f, at);
		else if (rune < 0x80 && is_letter((int) rune))
			at = read_text_word(&f, at);
		else
		{
			see_quote(&f, at, rune, width);
			if (((rune == '.' || rune == '!' || rune == '?') && ends_sentence(&f, at)) || rune == 0x3002 ||
				rune == 0xFF01 || rune == 0xFF1F)
				f.ended = true;
			at += width;
			/* marks of lists, headings and quotations leave the line at its start */
			if (rune < 0x80 && strchr("*->#+_|", (int) rune) != NULL)
				continue;
		}
		f.line_start = false;
	}
	if (f.full)
		return -1;
	link_citations(&f);
	*citation_count = f.citation_count;
	return f.claim_count;
}

/* ---- Judgement ---- */

ClaimFit
claim_fit(const Claim *claim, double known, bool change)
{
	double size = fabs(known);
	double low = claim->value - claim->slack;
	double high = claim->value + claim->slack;
	double most;
	double blur;

	if (!isfinite(known) || !isfinite(claim->value))
		return FIT_NO;
	switch (claim->hedge)
	{
		case HEDGE_NONE:
			break;
		case HEDGE_ABOUT:
			low = claim->value - fmax(claim->slack, claim->rough / 2);
			high = claim->value + fmax(claim->slack, claim->rough / 2);
			break;
		case HEDGE_OVER:
			most = fmax(claim->rough, claim->value / 4);
			low = claim->value;
			high = claim->value + most;
			break;
		case HEDGE_UNDER:
			most = fmax(claim->rough, claim->value / 4);
			low = claim->value - most;
			high = claim->value;
			break;
	}
	/* the last bits of a double are no difference */
	blur = 1e-9 * fmax(size, claim->value) + 1e-12;
	if (size < low - blur || size > high + blur)
		return FIT_NO;
	if (size <= blur)
		return FIT_YES;
	if (change)
	{
		int said = claim->sign != 0 ? claim->sign : claim->direction;

		return said != 0 && (said > 0) != (known > 0) ? FIT_WRONG_WAY : FIT_YES;
	}
	return claim->sign != 0 && (claim->sign > 0) != (known > 0) ? FIT_WRONG_WAY : FIT_YES;
}
