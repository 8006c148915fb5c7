/*
 * exchange.h
 *    What jobs ask is sent when its pace allows, and what comes back is judged.
 */
#ifndef DREAMSUITE_EXCHANGE_H
#define DREAMSUITE_EXCHANGE_H

#include "http/engine.h"

/* Before anything else: the engine that carries the requests. */
extern void exchange_start(HttpEngine *engine);

/* Sends what may go now. Returns the milliseconds until more may, LONG_MAX where nothing waits for time. */
extern long exchange_send(void);

#endif
