/*
 * due.c
 *    The statements of a claim: which accounts are due, their leases, and all that a run needs of them.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "collect/due.h"
#include "collect/leases.h"
#include "collect/poison.h"
#include "collect/result.h"
#include "collect/transaction.h"
#include "config.h"

/* $1 calendar's now, $2 clock's now */
#define IS_DUE                                                                                               \
	" s.next_due_at <= $1 AND (s.blocked_until IS NULL OR s.blocked_until <= $1)"                            \
	" AND (s.lease_until IS NULL OR s.lease_until <= $2)"

#define DUE_COLUMNS                                                                                          \
	" s.user_id, s.platform, dreamsuite.account_day($1, a.settings) AS day,"                                 \
	" a.external_id, a.handle, a.settings, a.granted_scopes, a.status"

#define ITS_ACCOUNT                                                                                          \
	" JOIN dreamsuite.accounts a ON a.user_id = s.user_id AND a.platform = s.platform"                       \
	"  AND a.status IN ('active', 'pending')"

/* Those due, of each platform its share, so that the accounts of a slow one do not keep those of the others waiting. Skips what
 * another session holds. $4 platforms, $5 how many of each. */
#define DUE_BY_SHARE(but)                                                                                    \
	"SELECT d.* FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5)) AS p(platform, room)"          \
	" CROSS JOIN LATERAL (SELECT" DUE_COLUMNS " FROM dreamsuite.account_state s" ITS_ACCOUNT                 \
	"   WHERE s.platform = p.platform AND" IS_DUE but                                                        \
	"   ORDER BY s.next_due_at LIMIT p.room FOR UPDATE OF s SKIP LOCKED) d"                                  \
	" WHERE NOT EXISTS (SELECT FROM dreamsuite.platform_settings o WHERE o.platform = p.platform AND NOT o.enabled)"

/* All but those that are left out for now (poison.c): users, platforms. */
#define BUT(users, platforms)                                                                                \
	" AND NOT EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest(" users "), pg_catalog.unnest(" platforms     \
	"))"                                                                                                     \
	"   AS x(user_id, platform) WHERE x.user_id = s.user_id AND x.platform = s.platform)"

/* Those of a list that are due. $4 users, $5 platforms. */
#define DUE_BY_NAME                                                                                          \
	"SELECT" DUE_COLUMNS                                                                                     \
	" FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5)) AS j(user_id, platform)"                 \
	" JOIN dreamsuite.account_state s ON s.user_id = j.user_id AND s.platform = j.platform" ITS_ACCOUNT      \
	" WHERE" IS_DUE " FOR UPDATE OF s SKIP LOCKED"

/* The due accounts, leased, with all that is narrow. $3 lease seconds. Tries are counted by day. One token is made for all that
 * are claimed together, as it is only looked at together with the account. */
#define CLAIM(due)                                                                                                         \
	"WITH due AS MATERIALIZED (" due "),"                                                                                  \
	" leased AS ("                                                                                                         \
	"  UPDATE dreamsuite.account_state s SET lease_token = (SELECT pg_catalog.gen_random_uuid()),"                         \
	"    lease_until = $2 + pg_catalog.make_interval(secs => $3), last_started_at = $2, tried_on = due.day,"               \
	"    attempts = CASE WHEN s.tried_on IS DISTINCT FROM due.day THEN 1 ELSE s.attempts + 1 END"                          \
	"  FROM due WHERE s.user_id = due.user_id AND s.platform = due.platform"                                               \
	"  RETURNING due.*, s.lease_token, s.attempts, s.requested_at)"                                                        \
	" SELECT l.user_id, l.platform, l.lease_token, l.attempts, l.requested_at, l.external_id, l.handle, l.settings,"       \
	"  l.granted_scopes, l.status,"                                                                                        \
	"  pg_catalog.nextval('dreamsuite.collection_runs_run_id_seq') AS run_id,"                                             \
	"  k.access_token, k.refresh_token, k.expires_at, k.refresh_expires_at,"                                               \
	"  p.client_id, p.client_secret, p.extra,"                                                                             \
	"  c.code, c.verifier, c.redirect_uri AS code_redirect_uri, c.state_hash, c.scopes AS code_scopes,"                    \
	"  (SELECT pg_catalog.array_agg(q.metric) FROM dreamsuite.metric_quarantine q"                                         \
	"   WHERE q.user_id = l.user_id AND q.platform = l.platform AND q.until > $1) AS quarantined"                          \
	" FROM leased l"                                                                                                       \
	" LEFT JOIN dreamsuite.account_secrets k ON k.user_id = l.user_id AND k.platform = l.platform"                         \
	" LEFT JOIN dreamsuite.apps p ON p.platform = l.platform"                                                              \
	" LEFT JOIN LATERAL (SELECT o.code, o.verifier, o.redirect_uri, o.state_hash, o.scopes FROM dreamsuite.oauth_states o" \
	"   WHERE l.status = 'pending' AND o.user_id = l.user_id AND o.platform = l.platform AND o.code IS NOT NULL"           \
	"   ORDER BY o.completed_at DESC LIMIT 1) c ON true"

/* $6, $7 but these */
static const char *const share_sql = CLAIM(DUE_BY_SHARE(""));
static const char *const share_but_sql = CLAIM(DUE_BY_SHARE(BUT("$6", "$7")));
static const char *const named_sql = CLAIM(DUE_BY_NAME);

/* Those due, from account_state alone: nothing that is wide is read. $4 platform, $5 how many, $6, $7 but these. */
static const char *const keys_sql =
	"SELECT s.user_id FROM dreamsuite.account_state s WHERE s.platform = $4 AND" IS_DUE BUT(
		"$6",
		"$7") " AND NOT EXISTS (SELECT FROM dreamsuite.platform_settings o WHERE o.platform = $4 AND NOT o.enabled)"
			  " ORDER BY s.next_due_at LIMIT $5";

/* When the next account of each platform is due, or no longer blocked; and the next token to be revoked, which is no
 * platform's matter. $1 calendar's now, $2 platforms, $3, $4 but these. */
#define WAITS " WHERE s.platform = p.platform AND s.next_due_at IS NOT NULL AND s.lease_until IS NULL"
#define NEXT(but)                                                                                                    \
	"SELECT p.at::integer AS at, due.at AS due, blocked.until AS blocked"                                            \
	" FROM pg_catalog.unnest($2) WITH ORDINALITY AS p(platform, at)"                                                 \
	" LEFT JOIN LATERAL (SELECT s.next_due_at FROM dreamsuite.account_state s" ITS_ACCOUNT WAITS but                 \
	"   AND (s.blocked_until IS NULL OR s.blocked_until <= $1)"                                                      \
	"   ORDER BY s.next_due_at LIMIT 1) AS due(at) ON true"                                                          \
	" LEFT JOIN LATERAL (SELECT s.blocked_until FROM dreamsuite.account_state s" ITS_ACCOUNT WAITS but               \
	"   AND s.blocked_until > $1 ORDER BY s.blocked_until LIMIT 1) AS blocked(until) ON true"                        \
	" WHERE NOT EXISTS (SELECT FROM dreamsuite.platform_settings o WHERE o.platform = p.platform AND NOT o.enabled)" \
	" UNION ALL SELECT NULL, pg_catalog.min(r.next_at), NULL FROM dreamsuite.revocations r"

static const char *const next_sql = NEXT("");
static const char *const next_but_sql = NEXT(BUT("$3", "$4"));

/* $1 and $2: calendar's and clock's now */
static void
set_times(Datum *values)
{
	values[0] = TimestampTzGetDatum(config_now());
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
}

static Datum
platform_names(void)
{
	Datum names[MAX_PLATFORMS];
	int n = 0;

	for (; platforms[n] != NULL; n++)
		names[n] = CStringGetTextDatum(platforms[n]->name);
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

void
due_claim_share(const int *room)
{
	static SPIPlanPtr plan, but_plan;
	Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID,     TEXTARRAYOID,
				   INT4ARRAYOID,   UUIDARRAYOID,   TEXTARRAYOID};
	Datum values[7], rooms[MAX_PLATFORMS];
	int n = 0;

	for (; platforms[n] != NULL; n++)
		rooms[n] = Int32GetDatum(room[n]);
	set_times(values);
	values[2] = Int32GetDatum(LEASE_SECONDS);
	values[3] = platform_names();
	values[4] = PointerGetDatum(construct_array(rooms, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	if (poison_left_out(&values[5], &values[6]))
		transaction_execute(transaction_plan(&but_plan, share_but_sql, 7, types), values, NULL,
							SPI_OK_SELECT);
	else
		transaction_execute(transaction_plan(&plan, share_sql, 5, types), values, NULL, SPI_OK_SELECT);
}

void
due_claim_named(List *candidates, int first, int count)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, UUIDARRAYOID, TEXTARRAYOID};
	Datum values[5], *users = palloc(sizeof(Datum) * count), *names = palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
	{
		Candidate *candidate = list_nth(candidates, first + i);

		users[i] = UUIDPGetDatum(&candidate->user_id);
		names[i] = CStringGetTextDatum(candidate->platform->name);
	}
	set_times(values);
	values[2] = Int32GetDatum(LEASE_SECONDS);
	values[3] = PointerGetDatum(construct_array(users, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	values[4] = PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
	transaction_execute(transaction_plan(&plan, named_sql, lengthof(types), types), values, NULL,
						SPI_OK_SELECT);
}

List *
due_find(const Platform *platform, int most, MemoryContext context)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, TEXTOID, INT4OID, UUIDARRAYOID, TEXTARRAYOID};
	Datum values[7];
	MemoryContext old;
	List *found = NIL;

	set_times(values);
	values[2] = Int32GetDatum(0);
	values[3] = CStringGetTextDatum(platform->name);
	values[4] = Int32GetDatum(most);
	(void) poison_left_out(&values[5], &values[6]);
	transaction_execute(transaction_plan(&plan, keys_sql, lengthof(types), types), values, NULL,
						SPI_OK_SELECT);
	old = MemoryContextSwitchTo(context);
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		Candidate *candidate = palloc(sizeof(Candidate));
		bool null;

		candidate->user_id = *DatumGetUUIDP(result_column(row, "user_id", &null));
		candidate->platform = platform;
		found = lappend(found, candidate);
	}
	MemoryContextSwitchTo(old);
	return found;
}

void
due_look_ahead(void)
{
	static SPIPlanPtr plan, but_plan;
	Oid types[] = {TIMESTAMPTZOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID};
	Datum values[4];

	values[0] = TimestampTzGetDatum(config_now());
	values[1] = platform_names();
	if (poison_left_out(&values[2], &values[3]))
		transaction_execute(transaction_plan(&but_plan, next_but_sql, 4, types), values, NULL, SPI_OK_SELECT);
	else
		transaction_execute(transaction_plan(&plan, next_sql, 2, types), values, NULL, SPI_OK_SELECT);
}
