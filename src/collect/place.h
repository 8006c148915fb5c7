/*
 * place.h
 *    Who is the collector: one process of each database, one server of each machine.
 */
#ifndef DREAMSUITE_PLACE_H
#define DREAMSUITE_PLACE_H

#include <signal.h>

#include "access/transam.h"

/* In pg_stat_activity while place_take_machine() is awaited; status() knows it. */
#define PLACE_WAITS "dreamsuite: another server on this machine collects a copy of this database"

/* Tenths of a second that a predecessor of our own server may need to end. */
#define PLACE_TRIES 10

/*
 * Takes the lock that makes this process the collector of its database; false where another one is, which is woken then.
 * `after` is the transaction that asked for it: what it made due must be visible first.
 */
extern bool place_take(TransactionId after);

/*
 * Gives both places back. Whoever wanted to wake us before that (`woken`) is heard: then they are taken again, or the one who
 * has them is left to do the work. True where this process is to end.
 */
extern bool place_leave(volatile sig_atomic_t *woken);

/* Takes the place of this database on this machine; false where the collector of a copy has it. */
extern bool place_take_machine(int tries);

/* Gives it back; a before_shmem_exit() callback. */
extern void place_leave_machine(int code, Datum arg);

#endif
