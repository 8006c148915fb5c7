/*
 * init.c
 *    Loading of the library: settings, and with shared_preload_libraries the launcher.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "collect/launcher.h"
#include "config.h"
#include "series/growth.h"

extern DREAMSUITE_EXPORT const Pg_magic_struct *Pg_magic_func(void);
extern DREAMSUITE_EXPORT void _PG_init(void);

PG_MODULE_MAGIC;

DREAMSUITE_FUNCTION(dreamsuite_check_encoding);

/* Called by the server when it loads the library. */
void
_PG_init(void)
{
	config_init();
	growth_scan_init();
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
		launcher_register();
}

static const char *const error_class_names[] = {
	[ERROR_NONE] = "ok",
	[ERROR_NETWORK] = "network",
	[ERROR_TIMEOUT] = "timeout",
	[ERROR_SERVER] = "server_error",
	[ERROR_RATE_LIMITED] = "rate_limited",
	[ERROR_QUOTA_EXHAUSTED] = "quota_exhausted",
	[ERROR_AUTH_EXPIRED] = "auth_expired",
	[ERROR_AUTH_REVOKED] = "auth_revoked",
	[ERROR_PERMISSION] = "permission",
	[ERROR_NOT_FOUND] = "not_found",
	[ERROR_BAD_RESPONSE] = "bad_response",
	[ERROR_TOO_LARGE] = "too_large",
	[ERROR_METRIC_RETIRED] = "metric_retired",
	[ERROR_OPERATOR] = "operator",
};

const char *
error_class_name(ErrorClass error)
{
	return error_class_names[error];
}

/* The install script calls this first: names, titles and JSON of the platforms are Unicode. */
Datum
dreamsuite_check_encoding(PG_FUNCTION_ARGS)
{
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("dreamsuite needs a database in UTF8, not \"%s\"", GetDatabaseEncodingName()),
						errdetail("Names and titles of the platforms are Unicode text."),
						errhint("CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0.")));
	PG_RETURN_VOID();
}
