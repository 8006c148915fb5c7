/*
 * finder.h
 *    The state of the walk over a text, shared by claims.c and claim_number.c.
 */
#ifndef DREAMSUITE_FINDER_H
#define DREAMSUITE_FINDER_H

#include "agent/claims.h"
#include "agent/text.h"

typedef struct Finder
{
	Text text;
	Claim *claims;
	int claim_count, claim_most;
	Citation *citations;
	int citation_count, citation_most;
	bool full; /* there was no room for one more */
	int sentence, paragraph;
	int sentence_start;
	bool ended;      /* a full stop was read; what follows decides */
	bool line_start; /* nothing but marks of a list since the line began */
	int quote;       /* where the open quotation begins; -1: none */
	uint32_t quote_end;
} Finder;

static inline char
finder_byte(const Finder *f, int at)
{
	return at >= 0 && at < f->text.length ? f->text.bytes[at] : '\0';
}

static inline bool
is_digit_at(const Finder *f, int at)
{
	uint32_t rune;

	rune_at(&f->text, at, &rune);
	return digit_value(rune) >= 0;
}

/* ---- claim_number.c: each reads what begins at a place, adds a claim where it is one, and returns the place behind it ---- */

extern int read_number(Finder *f, int at);    /* at a digit */
extern int read_text_word(Finder *f, int at); /* at a letter; words may be numbers too */

/* "550e8400-e29b-41d4-a716-446655440000"; the place behind it, 0: none */
extern int skip_uuid(const Finder *f, int at);

#endif
