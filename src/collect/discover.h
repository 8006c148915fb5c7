/*
 * discover.h
 *    Meta: the account among the Pages of the person who consented. A step of authorise.c.
 */
#ifndef DREAMSUITE_DISCOVER_H
#define DREAMSUITE_DISCOVER_H

#include "collect/job.h"

/* With Facebook the person's token stands in refresh_token, and finds the Page's, which does not end, anew. */
extern bool by_page_token(const Job *job);

/* Is it not known yet which Page, or not held its token? Never twice in a run. */
extern bool discovery_is_due(const Job *job);

/*
 * Asks for the permissions and the Pages. What is found is committed, then authorise_go_on() is called; so it is where the
 * account is not among them, with the job stopped.
 */
extern void discover(Job *job);

#endif
