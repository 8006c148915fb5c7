/*
 * upkeep.h
 *    What the collector does now and then beside collecting. It waits for nobody, and what fails is done later.
 */
#ifndef DREAMSUITE_UPKEEP_H
#define DREAMSUITE_UPKEEP_H

#include "datatype/timestamp.h"

/* A collector that begins: leases of an earlier one (those that began before now) are to be freed, and accounts scheduled. */
extern void upkeep_start(void);

/* Settings have changed; with `schedule` the accounts are to be scheduled anew. */
extern void upkeep_reload(bool schedule);

/*
 * Frees the leases of an earlier collector and schedules accounts that have no time yet, if either is left to be done. Returns
 * the milliseconds until it is to be called again, LONG_MAX: no more. *changed: accounts may have become due. Has
 * transactions of its own.
 */
extern long upkeep_tidy(bool *changed);

/* Is there something left for upkeep_tidy()? */
extern bool upkeep_is_untidy(void);

/* Keeps the leases of jobs that take long from running out. Has a transaction of its own. */
extern void upkeep_leases(void);

/*
 * Takes old rows out of the ledger, a batch at a time so that nothing waits for it; returns the milliseconds until it is to be
 * called again. Has a transaction of its own.
 */
extern long upkeep_prune(void);

#endif
