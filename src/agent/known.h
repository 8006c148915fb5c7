/*
 * known.h
 *    The numbers that a fact says, in every form in which they may be said again.
 */
#ifndef DREAMSUITE_KNOWN_H
#define DREAMSUITE_KNOWN_H

#include "postgres.h"

#include "agent/claims.h"
#include "insight/insight.h"

typedef struct KnownFact KnownFact;

/* palloc'd in the current context; the fact must live as long. */
extern KnownFact *known_of_fact(const Fact *fact, const Run *run);

/*
 * known_fit
 *    Does the fact say what is claimed? `as` out: which of its numbers, where it does.
 *
 * answer  the text that the claim was found in, for what it quotes
 */
extern ClaimFit known_fit(const KnownFact *known, const Claim *claim, const char *answer, const char **as);

#endif
