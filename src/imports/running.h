/*
 * running.h
 *    Running totals from daily gains: what an export says of single days, where metrics holds a total since the beginning.
 *
 * The gains are kept in imported_days. Where the total of one day is known (all-time numbers that were imported, recorded
 * or collected), the totals of the days around it follow, as far as no day in between is missing: exactly the platform's
 * own daily numbers come out as the stored changes. Without such a day the total stays unknown: the sum of some months
 * is not a lifetime's.
 */
#ifndef DREAMSUITE_RUNNING_H
#define DREAMSUITE_RUNNING_H

#include "postgres.h"

#include "imports/import.h"

typedef struct Running Running;

/*
 * What is stored of the gains of a metric. `subject` is "" for the account itself, else what the gains belong to (a song);
 * `field` is the field that holds the total, NULL where none does. Uses SPI; the result is the current context's.
 */
extern Running *running_begin(Import *import, const char *metric, const char *subject, const char *field);

/* The gain of a day, as the file has it; says what becomes of the stored one. */
extern DayFate running_gain(Running *running, DateADT date, double gain);

/* Adds the totals that follow to the import's days, and stores the gains. */
extern void running_end(Running *running);

#endif
