/*
 * backend.h
 *    The few functions of the server that src/http calls, for a program without one.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include "postgres.h"

#include <setjmp.h>

#include "storage/ipc.h"

/* Where an ERROR goes; its SQLSTATE. */
extern jmp_buf backend_error;
extern int backend_sqlstate;

/* Descriptors that are booked, and how many may be. */
extern int backend_booked;
extern int backend_bookable;

/* What is to be called when the process leaves. */
extern pg_on_exit_callback backend_at_exit;

#endif
