/*
 * secrets_sql.c
 *    What the owner of the extension sees and does about keys: key_status() and rotate_keys().
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "secrets/keyring.h"
#include "secrets/seal.h"
#include "series/query.h"

DREAMSUITE_FUNCTION(dreamsuite_key_status);
DREAMSUITE_FUNCTION(dreamsuite_rotate_keys);

#define MOST_FIELDS    2
#define ROWS_PER_BATCH 500
#define MOST_PASSES    5 /* over rows that others changed meanwhile */

/* Every column with sealed values. A row is found by its key columns; the first is what its values are bound to. */
typedef struct SealedTable
{
	const char *name;
	SealKind kind;
	const char *subject; /* column; NULL for an app */
	Oid subject_type;
	const char *fields[MOST_FIELDS + 1];
} SealedTable;

static const SealedTable sealed_tables[] = {
	{"account_secrets", SEAL_ACCOUNT, "user_id", UUIDOID, {"access_token", "refresh_token"}},
	{"revocations", SEAL_ACCOUNT, "user_id", UUIDOID, {"access_token", "refresh_token"}},
	{"oauth_states", SEAL_STATE, "state_hash", BYTEAOID, {"verifier", "code"}},
	{"apps", SEAL_APP, NULL, InvalidOid, {"client_secret"}},
};

/* The tables refuse others by themselves; this refuses before the keyring file is touched, and says why. */
static void
require_owner(const char *function)
{
	int nest = query_begin();
	bool isnull, owner;

	if (SPI_execute("SELECT pg_has_role(current_user, extowner, 'USAGE') FROM pg_extension "
					"WHERE extname = 'dreamsuite'",
					true, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "extension dreamsuite is not installed");
	owner = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	query_end(nest);
	if (!owner)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for function %s", function),
						errdetail("Only the owner of the extension deals with keys."),
						errhint("Run it as the owner of extension dreamsuite or as a superuser.")));
}


/*
 * $1 ids, $2 times and $3 check values of the keys in the file, $4 the current id, $5 the file, $6 what is wrong with
 * it. %s: the head and the size of every sealed value.
 */
static const char *const status_query =
	"WITH held AS (SELECT * FROM unnest($1, $2, $3) AS h (key_id, created, check_value)),"
	" sealed AS (SELECT CASE WHEN size >= $7 AND get_byte(head, 0) = 1 THEN (get_byte(head, 1) << 24)"
	" | (get_byte(head, 2) << 16) | (get_byte(head, 3) << 8) | get_byte(head, 4) END AS key_id, count(*) AS n"
	" FROM (%s) AS v (head, size) GROUP BY 1),"
	" known AS (SELECT key_id FROM held UNION SELECT key_id FROM dreamsuite.key_checks"
	" UNION SELECT key_id FROM sealed),"
	" facts AS (SELECT k.key_id, coalesce(h.created::timestamptz, c.created_at) AS created_at,"
	" h.key_id IS NOT NULL AND (c.key_id IS NULL OR c.check_value = h.check_value) AS loaded,"
	" h.key_id IS NOT NULL AS held, coalesce(h.key_id = $4, false) AS is_current, coalesce(s.n, 0) AS n"
	" FROM known k LEFT JOIN held h USING (key_id) LEFT JOIN dreamsuite.key_checks c USING (key_id)"
	" LEFT JOIN sealed s ON s.key_id IS NOT DISTINCT FROM k.key_id)"
	" SELECT key_id, created_at, loaded, is_current, n, $5, CASE"
	" WHEN key_id IS NULL THEN 'These values are damaged: no key opens them. Let them be authorised or "
	"registered again.'"
	" WHEN held AND NOT loaded THEN format('The file has another key under this id. Put the line of the "
	"right key %%s"
	" back from a backup of the file.', key_id)"
	" WHEN NOT held AND $6 IS NOT NULL THEN $6"
	" WHEN NOT held AND n > 0 THEN format('Put the line of key %%s back from a backup of the file. If it is "
	"lost,"
	" let the accounts be authorised again.', key_id)"
	" WHEN NOT held THEN 'Nothing here is sealed with it: it is not missed.'"
	" WHEN NOT is_current AND n > 0 THEN 'Run rotate_keys() to seal these values with the current key.'"
	" WHEN NOT is_current THEN 'Nothing here is sealed with it. Its line may leave the file when no other"
	" database of the server and no backup needs it.' END"
	" FROM facts UNION ALL"
	" SELECT NULL, NULL, false, false, 0, $5, coalesce($6, 'The file is made when something is sealed "
	"first.')"
	" WHERE NOT EXISTS (SELECT FROM facts)"
	" ORDER BY is_current DESC, created_at DESC NULLS LAST, key_id";

static void
append_sealed_values(StringInfo sql)
{
	for (int t = 0; t < lengthof(sealed_tables); t++)
		for (int f = 0; sealed_tables[t].fields[f] != NULL; f++)
			appendStringInfo(sql,
							 "%sSELECT substr(%s, 1, 5), length(%s) FROM dreamsuite.%s WHERE %s IS NOT NULL",
							 sql->len > 0 ? " UNION ALL " : "", sealed_tables[t].fields[f],
							 sealed_tables[t].fields[f], sealed_tables[t].name, sealed_tables[t].fields[f]);
}

static bytea *
make_bytea(const void *data, Size length)
{
	bytea *made = palloc(VARHDRSZ + length);

	SET_VARSIZE(made, VARHDRSZ + length);
	memcpy(VARDATA(made), data, length);
	return made;
}

Datum
dreamsuite_key_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid types[] = {INT4ARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, INT4OID, TEXTOID, TEXTOID, INT4OID};
	Datum ids[KEYFILE_MOST_KEYS], times[KEYFILE_MOST_KEYS], checks[KEYFILE_MOST_KEYS];
	KeyfileResult result;
	const Keyfile *keys;
	StringInfoData values, sql;
	Datum args[lengthof(types)];
	char nulls[lengthof(types) + 1] = "       ";
	int nest;

	require_owner("key_status");
	compat_start_rows(fcinfo);

	result = keyring_load();
	keys = keyring_keys();
	for (int i = 0; i < keys->count; i++)
	{
		unsigned char check[ENVELOPE_CHECK_BYTES];

		envelope_check_value(check, keys->keys[i].id, keys->keys[i].bytes);
		ids[i] = Int32GetDatum(keys->keys[i].id);
		times[i] = CStringGetTextDatum(keys->keys[i].created);
		checks[i] = PointerGetDatum(make_bytea(check, sizeof(check)));
	}
	args[0] = PointerGetDatum(construct_array(ids, keys->count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	args[1] = PointerGetDatum(construct_array(times, keys->count, TEXTOID, -1, false, TYPALIGN_INT));
	args[2] = PointerGetDatum(construct_array(checks, keys->count, BYTEAOID, -1, false, TYPALIGN_INT));
	args[3] = Int32GetDatum(keys->count > 0 ? keys->keys[keys->newest].id : 0);
	args[4] = CStringGetTextDatum(keyring_path());
	args[6] = Int32GetDatum(ENVELOPE_OVERHEAD);

	nest = query_begin();
	initStringInfo(&values);
	append_sealed_values(&values);
	initStringInfo(&sql);
	appendStringInfo(&sql, status_query, values.data);

	/* A file that is not there yet is no trouble where nothing waits for it. */
	if (result.trouble == KEYFILE_OK)
		nulls[5] = 'n';
	else if (result.trouble == KEYFILE_MISSING && seal_any_key_used() == 0)
		nulls[5] = 'n';
	else
		args[5] = CStringGetTextDatum(keyring_describe(result));
	if (nulls[5] == 'n')
		args[5] = (Datum) 0;

	if (SPI_execute_with_args(sql.data, lengthof(types), types, args, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the use of keys");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(rows->setResult, SPI_tuptable->vals[i]);
	query_end(nest);
	PG_RETURN_NULL();
}

/* What a rotation has done so far. */
typedef struct Rotation
{
	bytea *start; /* first bytes of what the new key seals */
	int64 resealed;
	int64 unopened; /* of the latest pass: no key of ours opens them */
	int64 missed;   /* rows of the latest pass that others changed meanwhile */
} Rotation;

/* Opens and seals one value; the old one where it is null, new already or cannot be opened. */
static Datum
reseal_value(Rotation *rotation, const SealContext *context, Datum value, int32 *key_id)
{
	bytea *old = DatumGetByteaPP(value);
	char *secret;
	Size length;

	if (VARSIZE_ANY_EXHDR(old) > VARSIZE_ANY_EXHDR(rotation->start) &&
		memcmp(VARDATA_ANY(old), VARDATA_ANY(rotation->start), VARSIZE_ANY_EXHDR(rotation->start)) == 0)
		return value;
	if (unseal_quietly(context, old, &secret, &length) != UNSEAL_OK)
	{
		rotation->unopened++;
		return value;
	}
	return PointerGetDatum(seal_text(context, secret, length, key_id));
}

/* One row: values[0] is the subject where there is one, then platform, then the fields. */
static void
reseal_row(Rotation *rotation, const SealedTable *table, SPIPlanPtr update, HeapTuple tuple, TupleDesc desc)
{
	Datum args[2 + 2 * MOST_FIELDS + 1];
	char nulls[lengthof(args) + 1];
	SealContext context = {.kind = table->kind};
	bool isnull;
	int fields = 0, n = 0, changed = 0;
	int32 key_id = 0;

	memset(nulls, ' ', sizeof(nulls));
	if (table->subject != NULL)
	{
		args[n] = SPI_getbinval(tuple, desc, n + 1, &isnull);
		if (table->subject_type == UUIDOID)
		{
			context.subject = DatumGetUUIDP(args[n])->data;
			context.subject_length = UUID_LEN;
		}
		else
		{
			context.subject = VARDATA_ANY(DatumGetByteaPP(args[n]));
			context.subject_length = VARSIZE_ANY_EXHDR(DatumGetByteaPP(args[n]));
		}
		n++;
	}
	args[n] = SPI_getbinval(tuple, desc, n + 1, &isnull);
	context.platform = TextDatumGetCString(args[n]);
	n++;

	while (table->fields[fields] != NULL)
		fields++;
	for (int f = 0; f < fields; f++)
	{
		Datum old = SPI_getbinval(tuple, desc, n + f + 1, &isnull);
		Datum new = old;

		context.field = table->fields[f];
		if (isnull)
			nulls[n + f] = nulls[n + fields + f] = 'n';
		else
			new = reseal_value(rotation, &context, old, &key_id);
		changed += new != old;
		args[n + f] = old;
		args[n + fields + f] = new;
	}
	if (changed == 0)
		return;
	args[n + 2 * fields] = Int32GetDatum(key_id);
	if (SPI_execute_plan(update, args, nulls, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not update %s", table->name);
	if (SPI_processed > 0)
		rotation->resealed += changed;
	else
		rotation->missed++;
}

/* The query that finds what other keys have sealed, and the update of one row that nobody changed since. */
static void
write_statements(const SealedTable *table, StringInfo find, StringInfo update, int *nargs, Oid *types)
{
	int keys = table->subject != NULL ? 2 : 1;
	int fields = 0;

	while (table->fields[fields] != NULL)
		fields++;
	appendStringInfo(find, "SELECT %s%splatform", keys == 2 ? table->subject : "", keys == 2 ? ", " : "");
	appendStringInfo(update, "UPDATE dreamsuite.%s SET key_id = $%d", table->name, keys + 2 * fields + 1);
	for (int f = 0; f < fields; f++)
	{
		appendStringInfo(find, ", %s", table->fields[f]);
		appendStringInfo(update, ", %s = $%d", table->fields[f], keys + fields + f + 1);
	}
	appendStringInfo(find, " FROM dreamsuite.%s WHERE", table->name);
	appendStringInfo(update, " WHERE platform = $%d", keys);
	if (keys == 2)
		appendStringInfo(update, " AND %s = $1", table->subject);
	for (int f = 0; f < fields; f++)
	{
		appendStringInfo(find, "%s substr(%s, 1, 5) <> $1", f > 0 ? " OR" : "", table->fields[f]);
		appendStringInfo(update, " AND %s IS NOT DISTINCT FROM $%d", table->fields[f], keys + f + 1);
	}
	*nargs = 0;
	if (keys == 2)
		types[(*nargs)++] = table->subject_type;
	types[(*nargs)++] = TEXTOID;
	for (int f = 0; f < 2 * fields; f++)
		types[(*nargs)++] = BYTEAOID;
	types[(*nargs)++] = INT4OID;
}

static void
reseal_table(Rotation *rotation, const SealedTable *table)
{
	MemoryContext row_memory =
		AllocSetContextCreate(CurrentMemoryContext, "dreamsuite rotation", ALLOCSET_DEFAULT_SIZES);
	Oid find_types[] = {BYTEAOID};
	Datum find_args[] = {PointerGetDatum(rotation->start)};
	Oid types[2 + 2 * MOST_FIELDS + 1];
	StringInfoData find, update;
	SPIPlanPtr plan;
	Portal cursor;
	int nargs;

	initStringInfo(&find);
	initStringInfo(&update);
	write_statements(table, &find, &update, &nargs, types);
	plan = SPI_prepare(update.data, nargs, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", update.data, SPI_result_code_string(SPI_result));
	cursor = SPI_cursor_open_with_args(NULL, find.data, 1, find_types, find_args, NULL, false, 0);
	for (;;)
	{
		SPITupleTable *batch;
		uint64 n;

		SPI_cursor_fetch(cursor, true, ROWS_PER_BATCH);
		batch = SPI_tuptable;
		n = SPI_processed;
		for (uint64 i = 0; i < n; i++)
		{
			MemoryContext old = MemoryContextSwitchTo(row_memory);

			CHECK_FOR_INTERRUPTS();
			reseal_row(rotation, table, plan, batch->vals[i], batch->tupdesc);
			MemoryContextSwitchTo(old);
			MemoryContextReset(row_memory);
		}
		SPI_freetuptable(batch);
		if (n == 0)
			break;
	}
	SPI_cursor_close(cursor);
	SPI_freeplan(plan);
	MemoryContextDelete(row_memory);
}

Datum
dreamsuite_rotate_keys(PG_FUNCTION_ARGS)
{
	Rotation rotation = {0};
	unsigned char start[ENVELOPE_START_BYTES];
	int nest;

	require_owner("rotate_keys");

	/* The key comes first and stays: whatever happens to this transaction, what is sealed from now on uses it. */
	if (keyring_load().trouble == KEYFILE_MISSING)
		seal_prepare_keyring();
	else
	{
		keyring_add();
		seal_prepare_keyring();
	}
	envelope_start(start, keyring_keys()->keys[keyring_keys()->newest].id);
	rotation.start = make_bytea(start, sizeof(start));

	nest = query_begin();
	for (int pass = 0; pass < MOST_PASSES; pass++)
	{
		rotation.unopened = rotation.missed = 0;
		for (int t = 0; t < lengthof(sealed_tables); t++)
			reseal_table(&rotation, &sealed_tables[t]);
		if (rotation.missed == 0)
			break;
	}
	query_end(nest);

	if (rotation.unopened + rotation.missed > 0)
		ereport(WARNING, (errcode(ERRCODE_WARNING),
						  errmsg("%lld sealed values were left as they are",
								 (long long) (rotation.unopened + rotation.missed)),
						  errdetail("%lld cannot be opened, %lld rows were being changed by others.",
									(long long) rotation.unopened, (long long) rotation.missed),
						  errhint("See dreamsuite.key_status().")));
	PG_RETURN_INT64(rotation.resealed);
}
