/*
 * cycle.h
 *    The cycle under way, for status(): from the first due account to the moment when none is due.
 */
#ifndef DREAMSUITE_CYCLE_H
#define DREAMSUITE_CYCLE_H

/* Accounts were claimed: a cycle begins, or one that a crash broke off goes on. Within the transaction of the claim. */
extern void cycle_begin(void);

/* The transaction of cycle_begin() was rolled back. */
extern void cycle_forget(void);

/* Runs have ended. Within the transaction that stores them. */
extern void cycle_add(int done, int failed);

/* Nothing is at work and nothing is due. In a transaction of its own, once for each cycle. */
extern void cycle_end(void);

#endif
