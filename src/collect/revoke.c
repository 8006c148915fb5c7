/*
 * revoke.c
 *    Tokens of disconnected accounts are revoked at the platform (RFC 7009 and its likes).
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "collect/collector.h"
#include "collect/revoke.h"
#include "collect/secret.h"
#include "collect/transaction.h"
#include "config.h"
#include "oauth/oauth.h"

#define MOST_TRIES 5

typedef struct Revocation
{
	MemoryContext context; /* holds all of it, secrets included */
	pg_uuid_t user_id;
	int64 id;
	bool last; /* of its tries */
	OAuthClient client;
	char *token; /* NULL: it cannot be revoked any more */
} Revocation;

/* One that is over: its row is to go. */
typedef struct Finished
{
	pg_uuid_t user_id;
	int64 id;
} Finished;

static List *taken = NIL;    /* Revocation * */
static List *finished = NIL; /* Finished * */
static int under_way = 0;

/* Citus takes no sum with an interval here: it depends on the time zone. */
#define TAKE                                                                                                 \
	"UPDATE dreamsuite.revocations r SET attempts = r.attempts + 1,"                                         \
	"  next_at = pg_catalog.to_timestamp(extract(epoch FROM $1)::float8 + 600 * (r.attempts + 1))"

/* $1 calendar's now, $2 most tries */
static const char *const take_sql =
	"WITH due AS MATERIALIZED (SELECT r.user_id, r.revocation_id FROM dreamsuite.revocations r WHERE r.next_at <= $1"
	"  ORDER BY r.next_at LIMIT 100 FOR UPDATE SKIP LOCKED),"
	" kept AS (" TAKE
	"  FROM due WHERE r.user_id = due.user_id AND r.revocation_id = due.revocation_id RETURNING r.*)"
	" SELECT k.revocation_id, k.user_id, k.platform, k.access_token, k.refresh_token, k.attempts >= $2,"
	"  p.client_id, p.client_secret"
	" FROM kept k LEFT JOIN dreamsuite.apps p ON p.platform = k.platform";

/* Citus locks the rows of one user at a time: which are due, and one of them, $3 user, $4 id. */
static const char *const due_sql =
	"SELECT r.user_id, r.revocation_id FROM dreamsuite.revocations r WHERE r.next_at <= $1 ORDER BY r.next_at LIMIT 100";

static const char *const take_one_sql =
	TAKE " FROM (SELECT o.user_id, o.revocation_id FROM dreamsuite.revocations o WHERE o.user_id = $3"
		 "   AND o.revocation_id = $4 AND o.next_at <= $1 FOR UPDATE SKIP LOCKED) due"
		 " WHERE r.user_id = $3 AND r.revocation_id = $4 AND r.user_id = due.user_id";

static const char *const taken_sql =
	"SELECT k.revocation_id, k.user_id, k.platform, k.access_token, k.refresh_token, k.attempts >= $2,"
	"  p.client_id, p.client_secret"
	" FROM dreamsuite.revocations k LEFT JOIN dreamsuite.apps p ON p.platform = k.platform"
	" WHERE k.user_id = $3 AND k.revocation_id = $4";

static Datum
column(int row, int number, bool *null)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, null);
}

/* Opens what is needed; what cannot be opened or revoked is left without a token, and dropped. */
static void
open_row(Revocation *entry, int row)
{
	bool null, no_access, no_refresh, no_secret;
	pg_uuid_t *user = DatumGetUUIDP(column(row, 2, &null));
	char *name = TextDatumGetCString(column(row, 3, &null));
	const Platform *platform = platform_find(name);
	Datum access = column(row, 4, &no_access), refresh = column(row, 5, &no_refresh), id, secret;

	entry->user_id = *user;
	entry->id = DatumGetInt64(column(row, 1, &null));
	entry->last = DatumGetBool(column(row, 6, &null));
	if (platform == NULL || platform->oauth == NULL || platform->oauth->revoke_url == NULL)
		return;
	entry->client.def = platform->oauth;
	id = column(row, 7, &null);
	if (null && !platform->oauth->revoke_json)
		return;
	entry->client.id = null ? "" : TextDatumGetCString(id);
	secret = column(row, 8, &no_secret);
	if (!no_secret)
		entry->client.secret =
			secret_open_app(entry->context, name, "client_secret", DatumGetByteaPCopy(secret));
	if (!no_access && (platform->oauth->revoke_access || no_refresh))
		entry->token =
			secret_open_account(entry->context, user, name, "access_token", DatumGetByteaPCopy(access));
	else if (!no_refresh)
		entry->token =
			secret_open_account(entry->context, user, name, "refresh_token", DatumGetByteaPCopy(refresh));
}

/* A row of the last statement is taken. */
static void
take_row(int row)
{
	MemoryContext context = secret_context_create(TopMemoryContext);
	MemoryContext old = MemoryContextSwitchTo(context);
	Revocation *entry = palloc0(sizeof(Revocation));

	entry->context = context;
	PG_TRY();
	{
		open_row(entry, row);
	}
	PG_CATCH();
	{
		/* A key that is missing now may be there at the next try. */
		MemoryContextSwitchTo(context);
		FlushErrorState();
		entry->client.def = NULL;
		entry->token = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	taken = lappend(taken, entry);
	MemoryContextSwitchTo(old);
}

static void
take_rows(void)
{
	for (int row = 0; row < (int) SPI_processed; row++)
		take_row(row);
}

static const Oid take_types[] = {TIMESTAMPTZOID, INT4OID, UUIDOID, INT8OID};

static void
take_one_by_one(Datum *values)
{
	static SPIPlanPtr due_plan, one_plan, taken_plan;
	SPITupleTable *due;
	int count;

	transaction_execute(transaction_plan(&due_plan, due_sql, 1, (Oid *) take_types), values, NULL,
						SPI_OK_SELECT);
	due = SPI_tuptable;
	count = (int) SPI_processed;
	for (int row = 0; row < count; row++)
	{
		bool null;

		values[2] = SPI_getbinval(due->vals[row], due->tupdesc, 1, &null);
		values[3] = SPI_getbinval(due->vals[row], due->tupdesc, 2, &null);
		transaction_execute(transaction_plan(&one_plan, take_one_sql, 4, (Oid *) take_types), values, NULL,
							SPI_OK_UPDATE);
		if (SPI_processed == 0)
			continue;
		transaction_execute(transaction_plan(&taken_plan, taken_sql, 4, (Oid *) take_types), values, NULL,
							SPI_OK_SELECT);
		take_rows();
	}
}

void
revoke_claim(void)
{
	static SPIPlanPtr plan;
	Datum values[4] = {TimestampTzGetDatum(config_now()), Int32GetDatum(MOST_TRIES)};

	if (transaction_with_citus())
	{
		take_one_by_one(values);
		return;
	}
	transaction_execute(transaction_plan(&plan, take_sql, 2, (Oid *) take_types), values, NULL,
						SPI_OK_SELECT);
	take_rows();
}

void
revoke_forget(void)
{
	ListCell *cell;

	foreach (cell, taken)
		MemoryContextDelete(((Revocation *) lfirst(cell))->context);
	list_free(taken);
	taken = NIL;
}

static void
finish(Revocation *entry, bool done)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	if (done || entry->last)
	{
		Finished *over = palloc(sizeof(Finished));

		*over = (Finished){entry->user_id, entry->id};
		finished = lappend(finished, over);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(entry->context);
}

/* A token that the platform does not know is revoked as well. */
static void
answered(HttpAnswer *http, void *arg)
{
	under_way--;
	finish(arg, http->error == ERROR_NONE && http->status < 500 && http->status != 429);
}

void
revoke_send(void)
{
	List *entries = taken;
	ListCell *cell;

	taken = NIL;
	foreach (cell, entries)
	{
		Revocation *entry = lfirst(cell);
		MemoryContext old;
		HttpRequest request;

		if (entry->token == NULL)
		{
			finish(entry, entry->client.def != NULL);
			continue;
		}
		old = MemoryContextSwitchTo(entry->context);
		request = oauth_revoke(&entry->client, entry->token);
		MemoryContextSwitchTo(old);
		collector_send_alone(&request, answered, entry);
		under_way++;
	}
	list_free(entries);
}

void
revoke_flush(void)
{
	static SPIPlanPtr plan;
	Oid types[] = {UUIDOID, INT8OID};
	List *over = finished;
	ListCell *cell;

	if (over == NIL || !transaction_begin("dreamsuite: forgetting revoked tokens"))
		return;
	finished = NIL;
	foreach (cell, over)
	{
		Finished *one = lfirst(cell);
		Datum values[] = {UUIDPGetDatum(&one->user_id), Int64GetDatum(one->id)};

		transaction_execute(
			transaction_plan(&plan,
							 "DELETE FROM dreamsuite.revocations WHERE user_id = $1 AND revocation_id ="
							 " (SELECT r.revocation_id FROM dreamsuite.revocations r"
							 "  WHERE r.user_id = $1 AND r.revocation_id = $2 FOR UPDATE SKIP LOCKED)",
							 lengthof(types), types),
			values, NULL, SPI_OK_DELETE);
	}
	transaction_commit();
	list_free_deep(over);
}

bool
revoke_busy(void)
{
	return under_way > 0 || finished != NIL || taken != NIL;
}
