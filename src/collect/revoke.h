/*
 * revoke.h
 *    Tokens of disconnected accounts are revoked at the platform.
 *
 * disconnect_account() leaves them, sealed, in the table revocations. A revocation is tried a few times and then dropped:
 * the tokens end by themselves.
 */
#ifndef DREAMSUITE_REVOKE_H
#define DREAMSUITE_REVOKE_H

#include "postgres.h"

/* Takes what is due; within the transaction of a claim. */
extern void revoke_claim(void);

/* The transaction of revoke_claim() was rolled back: what it took is taken again. */
extern void revoke_forget(void);

/* Sends what was taken. Outside of a transaction. */
extern void revoke_send(void);

/* Removes what has been answered. Outside of a transaction. */
extern void revoke_flush(void);

/* Is one under way? */
extern bool revoke_busy(void);

#endif
