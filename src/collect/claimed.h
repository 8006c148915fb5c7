/*
 * claimed.h
 *    What a claim has read becomes jobs.
 */
#ifndef DREAMSUITE_CLAIMED_H
#define DREAMSUITE_CLAIMED_H

#include "collect/job.h"

/*
 * The job of a row of the last statement (claim.c), in a child of `parent`. A token that cannot be opened stops the job; that
 * something else cannot be read of the row is an error.
 */
extern Job *claimed_job(MemoryContext parent, int row);

/* Gives the jobs that will ask for more the content that earlier runs stored. Within the transaction. */
extern void claimed_load_known(List *jobs);

#endif
