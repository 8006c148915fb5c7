/*
 * config.h
 *    The settings of the extension, dreamsuite.*. Read the variables; config.c defines what they may hold.
 */
#ifndef DREAMSUITE_CONFIG_H
#define DREAMSUITE_CONFIG_H

#include "postgres.h"

#include "datatype/timestamp.h"

extern bool config_enabled;
extern char *config_databases;     /* comma-separated; the launcher starts a collector in each */
extern char *config_collect_at;    /* time of day, HH:MM; empty: pg_cron or by hand */
extern int config_max_connections; /* open connections of one collector */
extern int config_max_host_connections;
extern int config_max_pages;       /* pages of one listing */
extern int config_connect_timeout; /* ms */
extern int config_request_timeout; /* ms, whole request */
extern int config_run_retention;   /* days */
extern char *config_keyring_file;
extern char *config_ca_file;
extern char *config_proxy;
extern char *config_test_base_url; /* http://127.0.0.1:PORT, tests only */
extern char *config_test_now;      /* ISO timestamp, tests only */
extern bool config_test_pacing;    /* token buckets work under test_base_url too */

/* Defines the settings; called once, from _PG_init. */
extern void config_init(void);

/*
 * The calendar's now: dreamsuite.test_now where it is set, else the clock. Metric dates, ages, due times,
 * back-off and quota days follow it; leases, time-outs and log times use GetCurrentTimestamp().
 */
extern TimestampTz config_now(void);

#endif
