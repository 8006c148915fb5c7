/*
 * launcher.h
 *    Keeps a collector in each database of dreamsuite.databases.
 */
#ifndef DREAMSUITE_LAUNCHER_H
#define DREAMSUITE_LAUNCHER_H

#include "postgres.h"

#include "dreamsuite.h"

/* Registers the launcher; while shared_preload_libraries are loaded. */
extern void launcher_register(void);

/* Where the launcher's process begins; it ends when the server does. `arg` means nothing. */
extern DREAMSUITE_EXPORT void dreamsuite_launcher_main(Datum arg);

#endif
