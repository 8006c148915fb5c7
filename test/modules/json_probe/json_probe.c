/*
 * json_probe.c
 *    For tests: parses bytes as the collector parses a body.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "platform/json.h"

extern DREAMSUITE_EXPORT const Pg_magic_struct *Pg_magic_func(void);

PG_MODULE_MAGIC;

DREAMSUITE_FUNCTION(probe_json);
DREAMSUITE_FUNCTION(probe_json_refusal);
DREAMSUITE_FUNCTION(probe_json_is);

/* probe_json(bytea) returns jsonb: null where it cannot be parsed */
Datum
probe_json(PG_FUNCTION_ARGS)
{
	bytea *body = PG_GETARG_BYTEA_PP(0);
	Jsonb *parsed = json_parse(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), NULL);

	if (parsed == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(parsed);
}

/* probe_json_refusal(bytea) returns text: why it cannot, null where it can */
Datum
probe_json_refusal(PG_FUNCTION_ARGS)
{
	bytea *body = PG_GETARG_BYTEA_PP(0);
	const char *reason;

	json_parse(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), &reason);
	if (reason == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}

/* probe_json_is(bytea, jsonb) returns boolean: the same bytes */
Datum
probe_json_is(PG_FUNCTION_ARGS)
{
	bytea *body = PG_GETARG_BYTEA_PP(0);
	Jsonb *expected = PG_GETARG_JSONB_P(1);
	Jsonb *parsed = json_parse(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), NULL);

	PG_RETURN_BOOL(parsed != NULL && VARSIZE(parsed) == VARSIZE(expected) &&
				   memcmp(parsed, expected, VARSIZE(parsed)) == 0);
}
