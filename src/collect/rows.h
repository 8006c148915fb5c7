/*
 * rows.h
 *    The rows of finished jobs: the day, the content, its history.
 */
#ifndef DREAMSUITE_ROWS_H
#define DREAMSUITE_ROWS_H

#include "collect/job.h"

/* The day of each job that has a result, with its changes; later days that depend on it are repaired. */
extern void rows_store_days(List *jobs);

/* The content that each job listed, and the counts of what is young. */
extern void rows_store_content(List *jobs);

#endif
