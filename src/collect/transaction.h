/*
 * transaction.h
 *    The collector's short transactions. Between two of them it holds no snapshot and no lock.
 */
#ifndef DREAMSUITE_TRANSACTION_H
#define DREAMSUITE_TRANSACTION_H

#include "postgres.h"

#include "executor/spi.h"

/*
 * Begins a transaction with SPI connected, a snapshot and a lock on the extension that keeps it from being dropped.
 * Returns false, with nothing begun, where the extension is absent, being changed, or of another version.
 * `activity` is shown in pg_stat_activity.
 */
extern bool transaction_begin(const char *activity);

/* Commits and returns to the memory context that was current at the beginning. */
extern void transaction_commit(void);

/* After an error: rolls back, reports what there is to report, returns to that context. */
extern void transaction_abort(void);

/*
 * A plan that is prepared once and kept. `slot` is a static variable of the caller; plans are dropped when the extension
 * is another one than before.
 */
extern SPIPlanPtr transaction_plan(SPIPlanPtr *slot, const char *sql, int nargs, Oid *types);

/* Executes a kept plan; an error where the result is not `expected` (SPI_OK_SELECT, ...). */
extern void transaction_execute(SPIPlanPtr plan, Datum *values, const char *nulls, int expected);

#endif
