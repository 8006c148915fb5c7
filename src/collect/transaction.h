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

/* Is Citus in the database, so that tables may be distributed? Known from the first transaction on. */
extern bool transaction_with_citus(void);

/* Commits and returns to the memory context that was current at the beginning. */
extern void transaction_commit(void);

/*
 * A plan that is prepared once and kept. `slot` is a static variable of the caller; plans are dropped when the extension
 * is another one than before.
 */
extern SPIPlanPtr transaction_plan(SPIPlanPtr *slot, const char *sql, int nargs, Oid *types);

/*
 * So many accounts were stored; 0: a cycle has ended. A plan is kept, though it was made for the tables as they were: one for
 * an empty table takes any index, and would read all rows of a platform for each account until the server has gathered
 * statistics. While tables may be growing from nothing, plans are made anew whenever four times as much has been stored.
 */
extern void transaction_outgrow_plans(int stored);

/*
 * How long transactions wait from now on for what another one has locked, before they raise ERRCODE_LOCK_NOT_AVAILABLE; 0: as
 * long as it takes. transaction_lock_timeout(): the one that was begun.
 */
extern void transaction_patience(int ms);
extern void transaction_lock_timeout(int ms);

/*
 * In PG_CATCH: rolls back and returns what was raised, in the memory of `caller`, which becomes current. Raises again what
 * is to end the collector.
 */
extern ErrorData *transaction_caught(MemoryContext caller);

/* Does a piece of work that has a transaction of its own. What it raises is rolled back and returned; NULL: nothing. */
extern ErrorData *transaction_attempt(void (*work)(void *arg), void *arg);

/*
 * Does a piece of work that has a transaction of its own. What it raises is rolled back and logged as a warning that "could
 * not" do `what`; false then.
 */
extern bool transaction_try(void (*work)(void *arg), void *arg, const char *what);

/* Executes a kept plan; an error where the result is not `expected` (SPI_OK_SELECT, ...). */
extern void transaction_execute(SPIPlanPtr plan, Datum *values, const char *nulls, int expected);

#endif
