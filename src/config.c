/*
 * config.c
 *    The settings dreamsuite.*: what each means, its unit, its limits, and why a value is refused.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "config.h"
#include "platform/json.h"

bool config_enabled = true;
char *config_databases = NULL;
char *config_collect_at = NULL;
int config_max_connections = 100;
int config_max_host_connections = 32;
int config_max_pages = 100;
int config_connect_timeout = 10000;
int config_request_timeout = 60000;
int config_run_retention = 90;
char *config_keyring_file = NULL;
char *config_ca_file = NULL;
char *config_proxy = NULL;
char *config_test_base_url = NULL;
char *config_test_now = NULL;
bool config_test_pacing = false;

/* A list of database names; a broken quote is found when it is set, not when the launcher starts. */
static bool
check_databases(char **value, void **extra, GucSource source)
{
	char *copy = pstrdup(*value);
	List *names = NIL;
	bool ok = SplitGUCList(copy, ',', &names);

	if (!ok)
		GUC_check_errdetail("It must be a comma-separated list of database names.");
	list_free(names);
	pfree(copy);
	return ok;
}

/* HH:MM on a 24-hour clock, or empty. */
static bool
check_collect_at(char **value, void **extra, GucSource source)
{
	const char *s = *value;

	if (s[0] == '\0')
		return true;
	if (strlen(s) == 5 && isdigit((unsigned char) s[0]) && isdigit((unsigned char) s[1]) && s[2] == ':' &&
		isdigit((unsigned char) s[3]) && isdigit((unsigned char) s[4]) && atoi(s) < 24 && atoi(s + 3) < 60)
		return true;
	GUC_check_errdetail("It must be a time of day such as 06:00, or empty.");
	return false;
}

/* SCHEME://[USER:PASSWORD@]HOST[:PORT], as libcurl takes it: a mistake would show as a network that is down. */
static bool
check_proxy(char **value, void **extra, GucSource source)
{
	static const char *const schemes[] = {"http://",    "https://",  "socks4://",
										  "socks4a://", "socks5://", "socks5h://"};
	const char *s = *value;

	if (s[0] == '\0')
		return true;
	for (int i = 0; i < lengthof(schemes); i++)
	{
		size_t n = strlen(schemes[i]);

		if (strncmp(s, schemes[i], n) == 0)
		{
			size_t host = strcspn(s + n, " \t\r\n/?#");
			const char *rest = s + n + host;

			if (host > 0 && (rest[0] == '\0' || strcmp(rest, "/") == 0))
				return true;
		}
	}
	/* It may hold a password, so it is not repeated. */
	GUC_check_errmsg("invalid value for parameter \"dreamsuite.proxy\"");
	GUC_check_errdetail(
		"It must be SCHEME://HOST:PORT, the scheme http, https, socks4, socks4a, socks5 or socks5h, or empty.");
	return false;
}

/* The one way to plain http: a port of this machine, for tests and demos. */
static bool
check_test_base_url(char **value, void **extra, GucSource source)
{
	static const char *const hosts[] = {"http://127.0.0.1:", "http://[::1]:", "http://localhost:"};
	const char *s = *value;

	if (s[0] == '\0')
		return true;
	for (int i = 0; i < lengthof(hosts); i++)
	{
		size_t n = strlen(hosts[i]);

		if (strncmp(s, hosts[i], n) == 0)
		{
			char *end;
			long port = isdigit((unsigned char) s[n]) ? strtol(s + n, &end, 10) : 0;

			if (port >= 1 && port <= 65535 && *end == '\0')
				return true;
		}
	}
	GUC_check_errdetail(
		"It must be http://127.0.0.1:PORT, http://[::1]:PORT or http://localhost:PORT, without a path.");
	return false;
}

/*
 * An ISO 8601 time; without an offset it is UTC. Kept in `extra` as a TimestampTz. Not through the server's own parser:
 * parallel workers set their settings one after the other, and names of zones may not be there yet.
 */
static bool
check_test_now(char **value, void **extra, GucSource source)
{
	TimestampTz instant, *kept;

	if ((*value)[0] == '\0')
		return true;
	instant = time_from_iso(*value);
	if (instant == TIME_UNKNOWN)
	{
		GUC_check_errdetail("It must be a timestamp such as 2026-03-01T06:00:00Z, or empty.");
		return false;
	}
	kept = compat_guc_malloc(sizeof(TimestampTz));
	if (kept == NULL)
		return false;
	*kept = instant;
	*extra = kept;
	return true;
}

static bool test_now_set = false;
static TimestampTz test_now;

static void
assign_test_now(const char *value, void *extra)
{
	test_now_set = extra != NULL;
	if (test_now_set)
		test_now = *(TimestampTz *) extra;
}

TimestampTz
config_now(void)
{
	return test_now_set ? test_now : GetCurrentTimestamp();
}

void
config_init(void)
{
	DefineCustomBoolVariable("dreamsuite.enabled", "Lets the collector run.",
							 "Off stops it between two runs; the accounts stay due.", &config_enabled, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("dreamsuite.databases", "Databases in which the launcher keeps a collector.",
							   "A comma-separated list; used when the library is preloaded.",
							   &config_databases, "postgres", PGC_SIGHUP, GUC_LIST_INPUT, check_databases,
							   NULL, NULL);
	DefineCustomStringVariable("dreamsuite.collect_at", "Time of day at which accounts become due, HH:MM.",
							   "In the time zone of each account; empty where pg_cron or a person decides.",
							   &config_collect_at, "", PGC_SIGHUP, 0, check_collect_at, NULL, NULL);
	DefineCustomIntVariable("dreamsuite.max_connections", "Open connections of one collector.", NULL,
							&config_max_connections, 100, 1, 1000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("dreamsuite.max_host_connections",
							"Open connections of one collector to one host.", NULL,
							&config_max_host_connections, 32, 1, 1000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("dreamsuite.max_pages", "Pages of one listing that one run reads at most.",
							"A run that met the limit says so.", &config_max_pages, 100, 1, 10000, PGC_SIGHUP,
							0, NULL, NULL, NULL);
	DefineCustomIntVariable("dreamsuite.connect_timeout", "Longest time to connect, with TLS.", NULL,
							&config_connect_timeout, 10000, 10, 600000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL,
							NULL);
	DefineCustomIntVariable("dreamsuite.request_timeout", "Longest time for one request.", NULL,
							&config_request_timeout, 60000, 100, 600000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL,
							NULL);
	DefineCustomIntVariable("dreamsuite.run_retention", "Days that collection_runs and request_log are kept.",
							NULL, &config_run_retention, 90, 1, 36500, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"dreamsuite.keyring_file", "File with the keys that seal tokens.",
		"Empty: a file beside the data directory. It must be readable by its owner alone.",
		&config_keyring_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("dreamsuite.ca_file", "Certificates that are trusted, in PEM.",
							   "Empty: those of the operating system. Verification cannot be switched off.",
							   &config_ca_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("dreamsuite.proxy", "Proxy for requests to the platforms.",
							   "SCHEME://HOST:PORT; empty: none.", &config_proxy, "", PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY, check_proxy, NULL, NULL);
	DefineCustomStringVariable("dreamsuite.test_base_url", "Sends https://HOST/PATH to this base, for tests.",
							   "Loopback only: http://127.0.0.1:PORT.", &config_test_base_url, "", PGC_SUSET,
							   GUC_SUPERUSER_ONLY, check_test_base_url, NULL, NULL);
	DefineCustomStringVariable("dreamsuite.test_now", "Freezes the calendar, for tests.",
							   "A time in UTC such as 2026-03-01T06:00:00Z.", &config_test_now, "", PGC_SUSET,
							   GUC_SUPERUSER_ONLY, check_test_now, assign_test_now, NULL);
	DefineCustomBoolVariable("dreamsuite.test_pacing", "Keeps the token buckets at work under test_base_url.",
							 NULL, &config_test_pacing, false, PGC_SUSET, GUC_SUPERUSER_ONLY, NULL, NULL,
							 NULL);
	MarkGUCPrefixReserved("dreamsuite");
}
