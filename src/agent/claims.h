/*
 * claims.h
 *    Finds the numbers and the cited facts in the text of a language model, sentence by sentence.
 *
 * Pure: no PostgreSQL, no clock, no memory of its own. Takes any bytes; text is UTF-8, and what is not counts as unknown
 * characters. Works in one walk, with a look at the few words around each number.
 *
 * A number is a claim when it says something about the data: 1,234 · 12.3k · 1.2M · 15% · 3x · -4 · ten thousand ·
 * fifteen percent · doubled. Not claims are dates, times of day, years, ordinals (3rd), the numbers of a list, of a web
 * address and of names (U2, #5, step 2, top 10), periods (the last 7 days, a 30-day view, 24h), and small numbers written
 * as words (two posts).
 *
 * A fact is cited as [F:id]; several stand in one bracket or in a row. What is cited after a number, in its sentence, is
 * for that number; where nothing comes after it, what was cited before it. A citation right behind the full stop belongs
 * to the sentence before it. A sentence that cites nothing may borrow the next citation of its paragraph: that
 * can bear a number out, but nothing is held against the fact that was not said of it.
 */
#ifndef DREAMSUITE_CLAIMS_H
#define DREAMSUITE_CLAIMS_H

#include <stdbool.h>

typedef enum ClaimKind
{
	CLAIM_NONE,
	CLAIM_PLAIN,
	CLAIM_PERCENT,
	CLAIM_RATIO
} ClaimKind;

typedef enum ClaimHedge
{
	HEDGE_NONE,
	HEDGE_ABOUT, /* about, around, roughly, ~ */
	HEDGE_OVER,  /* over, more than, at least, 10k+ */
	HEDGE_UNDER  /* under, less than, up to, nearly */
} ClaimHedge;

typedef struct Claim
{
	int start, length; /* the number as it is written, with sign and unit; bytes of the text */
	ClaimKind kind;
	ClaimKind other; /* it may be read so too ("5 to 15%"); CLAIM_NONE: not */
	double value;    /* without sign */
	double slack;    /* half a unit of the last digit that is written */
	double rough;    /* unit of a rough number: that of its last digit but the zeros */
	ClaimHedge hedge;
	int sign;      /* written before it: -1, 1; 0: none */
	int direction; /* of the words around it: -1 fell, fewer; 1 grew, more; 0 unknown */
	double days;   /* how many days its unit has ("3 weeks": 7); 0: no duration */
	bool share;    /* "210% of" */
	int sentence, paragraph;
	int quote_start, quote_length; /* the quotation that it stands in; length 0: none */
	int cited, cited_count;        /* its citations: first and how many; 0: cites nothing */
	bool borrowed;                 /* they stand in a later sentence of the paragraph */
} Claim;

typedef struct Citation
{
	int start, length; /* the id, without brackets and "F:" */
	int sentence, paragraph;
	bool joined; /* stands right behind the one before it */
	bool used;   /* a claim stands on it */
} Citation;

/*
 * claims_find
 *    Fills `claims` and `citations` in the order of the text, each claim linked to its citations.
 *
 * Returns the number of claims, and by reference that of citations; -1 where there are more of either than there is
 * room for.
 */
extern int claims_find(const char *text, int length, Claim *claims, int most_claims, Citation *citations,
					   int most_citations, int *citation_count);

typedef enum ClaimFit
{
	FIT_NO,
	FIT_WRONG_WAY, /* the size is right, the direction is not */
	FIT_YES
} ClaimFit;

/*
 * claim_fit
 *    Does the claim say the number that is known, as exactly as it is written?
 *
 * change: the known number is a change whose sign says up or down, so that "fell 3%" is -3.
 */
extern ClaimFit claim_fit(const Claim *claim, double known, bool change);

#endif
