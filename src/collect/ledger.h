/*
 * ledger.h
 *    What each run was and cost.
 */
#ifndef DREAMSUITE_LEDGER_H
#define DREAMSUITE_LEDGER_H

#include "collect/job.h"
#include "collect/retry.h"

/* A pause met the account before its first request: it waits on, and there was no run. */
extern bool ledger_not_begun(const Job *job);

/* What the run says of itself: the first error, what is missing, what met max_pages. NULL: nothing. */
extern char *ledger_text(const Job *job);

/* The runs of these jobs, with their requests and what was found refused; endings are in the order of the jobs. */
extern void ledger_store(List *jobs, const Ending *endings);

/*
 * Removes ledger rows older than dreamsuite.run_retention, a few thousand at most; true where more are left. Runs by hand stay
 * for as long as their days may be corrected.
 */
extern bool ledger_prune(void);

#endif
