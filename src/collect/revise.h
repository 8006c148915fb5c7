/*
 * revise.h
 *    Days that a platform corrects after they were stored.
 */
#ifndef DREAMSUITE_REVISE_H
#define DREAMSUITE_REVISE_H

#include "collect/job.h"

/* So many days before today may be corrected. Runs by hand are kept for as long: they tell which days are not. (For SQL) */
#define REVISED_DAYS "14"

/*
 * Corrects stored days of these jobs by what their answers say of earlier ones (Normalised.earlier): changed values are
 * stored, the former ones kept in metric_revisions, and what depends on them repaired. Within the transaction that stores
 * the jobs, after their own days, and with the repair held (repair_hold()).
 */
extern void revise_days(List *jobs);

#endif
