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
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "collect/due.h"
#include "collect/job.h"
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

/*
 * Those due, of each platform its share, so that the accounts of a slow one do not keep those of the others waiting. Skips what
 * another session holds. Those that are due at one time come in the order of most keys, so that what is read and stored of them
 * stands together. $4 platforms, $5 how many of each, $6 and $7 behind which due time and user.
 */
#define DUE_BY_SHARE(but)                                                                                    \
	"SELECT d.* FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),"        \
	"  pg_catalog.unnest($7)) AS p(platform, room, due, user_id)"                                            \
	" CROSS JOIN LATERAL (SELECT" DUE_COLUMNS " FROM dreamsuite.account_state s" ITS_ACCOUNT                 \
	"   WHERE s.platform = p.platform AND (s.next_due_at, s.user_id) > (p.due, p.user_id) AND" IS_DUE but    \
	"   ORDER BY s.next_due_at, s.user_id LIMIT p.room FOR UPDATE OF s SKIP LOCKED) d"                       \
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

/* What a run needs besides. `l` has its key, `account` its status. */
#define ITS_SECRETS(now)                                                                                     \
	" k.access_token, k.refresh_token, k.expires_at, k.refresh_expires_at,"                                  \
	" p.client_id, p.client_secret, p.extra,"                                                                \
	" c.code, c.verifier, c.redirect_uri AS code_redirect_uri, c.state_hash, c.scopes AS code_scopes,"       \
	" (SELECT pg_catalog.array_agg(q.metric) FROM dreamsuite.metric_quarantine q"                            \
	"   WHERE q.user_id = l.user_id AND q.platform = l.platform AND q.until > " now ") AS quarantined"

#define OF_ITS_SECRETS(account)                                                                                            \
	" LEFT JOIN dreamsuite.account_secrets k ON k.user_id = l.user_id AND k.platform = l.platform"                         \
	" LEFT JOIN dreamsuite.apps p ON p.platform = l.platform"                                                              \
	" LEFT JOIN LATERAL (SELECT o.code, o.verifier, o.redirect_uri, o.state_hash, o.scopes FROM dreamsuite.oauth_states o" \
	"   WHERE " account                                                                                                    \
	".status = 'pending' AND o.user_id = l.user_id AND o.platform = l.platform AND o.code IS NOT NULL"                     \
	"   ORDER BY o.completed_at DESC LIMIT 1) c ON true"

/* $3 lease seconds. Tries are counted by day. */
#define LEASE                                                                                                \
	" lease_until = $2 + pg_catalog.make_interval(secs => $3), last_started_at = $2, tried_on = due.day,"    \
	" attempts = CASE WHEN s.tried_on IS DISTINCT FROM due.day THEN 1 ELSE s.attempts + 1 END"

/* The due accounts, leased, with all that is narrow. One token is made for all that are claimed together, as it is only looked at
 * together with the account. */
#define CLAIM(due)                                                                                                                  \
	"WITH due AS MATERIALIZED (" due "),"                                                                                           \
	" leased AS ("                                                                                                                  \
	"  UPDATE dreamsuite.account_state s SET lease_token = (SELECT pg_catalog.gen_random_uuid())," LEASE                            \
	"  FROM due WHERE s.user_id = due.user_id AND s.platform = due.platform"                                                        \
	"  RETURNING due.*, s.next_due_at, s.lease_token, s.attempts, s.requested_at)"                                                  \
	" SELECT l.user_id, l.platform, l.next_due_at, l.lease_token, l.attempts, l.requested_at, l.external_id, l.handle, l.settings," \
	"  l.granted_scopes, l.status, pg_catalog.nextval('dreamsuite.collection_runs_run_id_seq') AS run_id," ITS_SECRETS(             \
		"$1") " FROM leased l" OF_ITS_SECRETS("l")

/* $8, $9 but these */
static const char *const share_sql = CLAIM(DUE_BY_SHARE(""));
static const char *const share_but_sql = CLAIM(DUE_BY_SHARE(BUT("$8", "$9")));
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

/*
 * Citus locks the rows of one user at a time, so there the accounts that are due are found over all nodes, and leased one by
 * one. $1, $2 as above, $3 lease seconds, $4 user, $5 platform, $6 token.
 */
static const char *const lease_one_sql =
	"UPDATE dreamsuite.account_state s SET lease_token = $6," LEASE " FROM (SELECT" DUE_COLUMNS
	" FROM dreamsuite.account_state s" ITS_ACCOUNT "   WHERE s.user_id = $4 AND s.platform = $5 AND" IS_DUE
	" FOR UPDATE OF s SKIP LOCKED) due"
	" WHERE s.user_id = $4 AND s.platform = $5 AND s.user_id = due.user_id";

/* What was leased, with all that is narrow. $1 users, $2 platforms, $3 runs, $4 calendar's now. */
static const char *const leased_sql =
	"SELECT l.user_id, l.platform, l.next_due_at, l.lease_token, l.attempts, l.requested_at, a.external_id, a.handle,"
	"  a.settings,"
	"  a.granted_scopes, a.status, j.run_id," ITS_SECRETS(
		"$4") " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS j(user_id, platform, run_id)"
			  " JOIN dreamsuite.account_state l ON l.user_id = j.user_id AND l.platform = j.platform"
			  " JOIN dreamsuite.accounts a ON a.user_id = l.user_id AND a.platform = l.platform" OF_ITS_SECRETS(
				  "a");

static const char *const runs_sql =
	"SELECT pg_catalog.nextval('dreamsuite.collection_runs_run_id_seq') FROM pg_catalog.generate_series(1, $1)";

static const char *const next_by_platform_sql =
	"SELECT s.platform,"
	"  pg_catalog.min(s.next_due_at) FILTER (WHERE s.blocked_until IS NULL OR s.blocked_until <= $1) AS due,"
	"  pg_catalog.min(s.blocked_until) FILTER (WHERE s.blocked_until > $1) AS blocked"
	" FROM dreamsuite.account_state s WHERE s.next_due_at IS NOT NULL AND s.lease_until IS NULL" BUT(
		"$3",
		"$4") " AND NOT EXISTS (SELECT FROM dreamsuite.platform_settings o WHERE o.platform = s.platform AND NOT o.enabled)"
			  " GROUP BY s.platform";

static const char *const next_revocation_sql =
	"SELECT pg_catalog.min(r.next_at) AS due FROM dreamsuite.revocations r";

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

/* Leases one of the accounts, if it is due and nobody holds it. */
static bool
lease_one(const Candidate *candidate)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, UUIDOID, TEXTOID, UUIDOID};
	Datum values[6];

	set_times(values);
	values[2] = Int32GetDatum(LEASE_SECONDS);
	values[3] = UUIDPGetDatum(&candidate->user_id);
	values[4] = CStringGetTextDatum(candidate->platform->name);
	values[5] = OidFunctionCall0(F_GEN_RANDOM_UUID);
	transaction_execute(transaction_plan(&plan, lease_one_sql, lengthof(types), types), values, NULL,
						SPI_OK_UPDATE);
	return SPI_processed > 0;
}

/* Numbers of runs for them, as an array. */
static Datum
new_runs(int count)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(count)}, *runs = palloc(sizeof(Datum) * Max(count, 1));
	bool null;

	transaction_execute(transaction_plan(&plan, runs_sql, 1, types), values, NULL, SPI_OK_SELECT);
	for (int i = 0; i < count; i++)
		runs[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null);
	return PointerGetDatum(
		construct_array(runs, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Leases and reads a part of a list, where the tables are distributed. */
static void
claim_one_by_one(List *candidates, int first, int count)
{
	static SPIPlanPtr plan;
	Oid types[] = {UUIDARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID};
	Datum values[4], *users = palloc(sizeof(Datum) * Max(count, 1)),
					 *names = palloc(sizeof(Datum) * Max(count, 1));
	int n = 0;

	for (int i = 0; i < count; i++)
	{
		Candidate *candidate = list_nth(candidates, first + i);

		if (!lease_one(candidate))
			continue;
		users[n] = UUIDPGetDatum(&candidate->user_id);
		names[n++] = CStringGetTextDatum(candidate->platform->name);
	}
	values[0] = PointerGetDatum(construct_array(users, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	values[1] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = new_runs(n);
	values[3] = TimestampTzGetDatum(config_now());
	transaction_execute(transaction_plan(&plan, leased_sql, lengthof(types), types), values, NULL,
						SPI_OK_SELECT);
}

static void
claim_share_one_by_one(const int *room)
{
	List *candidates = NIL;

	for (int i = 0; platforms[i] != NULL; i++)
	{
		if (room[i] > 0)
			candidates = list_concat(candidates, due_find(platforms[i], room[i], CurrentMemoryContext));
	}
	claim_one_by_one(candidates, 0, list_length(candidates));
}

/*
 * The place in the order of what is due up to which a platform's accounts have been claimed: a claim that begins there does not
 * walk past all that is under lease or has just been done.
 */
typedef struct Reached
{
	TimestampTz due; /* DT_NOBEGIN: the beginning */
	pg_uuid_t user_id;
} Reached;

static Reached reached[MAX_PLATFORMS];

void
due_begin_again(void)
{
	for (int i = 0; i < MAX_PLATFORMS; i++)
		reached[i] = (Reached){.due = DT_NOBEGIN};
}

void
due_claim_share(const int *room)
{
	static SPIPlanPtr plan, but_plan;
	Oid types[] = {TIMESTAMPTZOID,      TIMESTAMPTZOID, INT4OID,      TEXTARRAYOID, INT4ARRAYOID,
				   TIMESTAMPTZARRAYOID, UUIDARRAYOID,   UUIDARRAYOID, TEXTARRAYOID};
	Datum values[9], rooms[MAX_PLATFORMS], times[MAX_PLATFORMS], users[MAX_PLATFORMS];
	int n = 0;

	if (transaction_with_citus())
	{
		due_begin_again();
		claim_share_one_by_one(room);
		return;
	}
	for (; platforms[n] != NULL; n++)
	{
		rooms[n] = Int32GetDatum(room[n]);
		times[n] = TimestampTzGetDatum(reached[n].due);
		users[n] = UUIDPGetDatum(&reached[n].user_id);
	}
	set_times(values);
	values[2] = Int32GetDatum(LEASE_SECONDS);
	values[3] = platform_names();
	values[4] = PointerGetDatum(construct_array(rooms, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	values[5] = PointerGetDatum(
		construct_array(times, n, TIMESTAMPTZOID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[6] = PointerGetDatum(construct_array(users, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	if (poison_left_out(&values[7], &values[8]))
		transaction_execute(transaction_plan(&but_plan, share_but_sql, 9, types), values, NULL,
							SPI_OK_SELECT);
	else
		transaction_execute(transaction_plan(&plan, share_sql, 7, types), values, NULL, SPI_OK_SELECT);
}

bool
due_note_claimed(List *jobs, const int *room, bool *more)
{
	int claimed[MAX_PLATFORMS] = {0};
	bool again = false;
	ListCell *cell;

	for (int i = 0; platforms[i] != NULL; i++)
		more[i] = reached[i].due != DT_NOBEGIN;
	foreach (cell, jobs)
	{
		const Job *job = lfirst(cell);
		Reached *far = &reached[job->platform_index];

		claimed[job->platform_index]++;
		if (job->due_at > far->due ||
			(job->due_at == far->due && memcmp(&job->user_id, &far->user_id, UUID_LEN) > 0))
			*far = (Reached){job->due_at, job->user_id};
	}
	for (int i = 0; platforms[i] != NULL; i++)
	{
		if (claimed[i] < room[i])
		{
			again = again || more[i];
			reached[i] = (Reached){.due = DT_NOBEGIN};
		}
		else
			more[i] = true;
	}
	return again;
}

void
due_claim_named(List *candidates, int first, int count)
{
	static SPIPlanPtr plan;
	Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, UUIDARRAYOID, TEXTARRAYOID};
	Datum values[5], *users = palloc(sizeof(Datum) * count), *names = palloc(sizeof(Datum) * count);

	if (transaction_with_citus())
	{
		claim_one_by_one(candidates, first, count);
		return;
	}
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

/* What the rows of the last statement say, by platform; one of none is that of the tokens to be revoked. */
static void
read_ahead(Ahead *ahead, bool by_name)
{
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		bool null = false;
		int at = by_name ? platform_index(platform_get(result_text(row, "platform")))
						 : DatumGetInt32(result_column(row, "at", &null)) - 1;

		if (null)
			ahead->revocations = result_time(row, "due");
		else
			ahead->due[at] = time_earlier(result_time(row, "due"), result_time(row, "blocked"));
	}
}

static void
look_over_nodes(Datum *values, Ahead *ahead)
{
	static SPIPlanPtr plan, revocation_plan;
	Oid types[] = {TIMESTAMPTZOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID};

	transaction_execute(transaction_plan(&plan, next_by_platform_sql, 4, types), values, NULL, SPI_OK_SELECT);
	read_ahead(ahead, true);
	transaction_execute(transaction_plan(&revocation_plan, next_revocation_sql, 0, NULL), NULL, NULL,
						SPI_OK_SELECT);
	ahead->revocations = result_time(0, "due");
}

void
due_look_ahead(Ahead *ahead)
{
	static SPIPlanPtr plan, but_plan;
	Oid types[] = {TIMESTAMPTZOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID};
	Datum values[4];
	bool but;

	for (int i = 0; i < MAX_PLATFORMS; i++)
		ahead->due[i] = TIME_UNKNOWN;
	ahead->revocations = TIME_UNKNOWN;
	values[0] = TimestampTzGetDatum(config_now());
	values[1] = platform_names();
	but = poison_left_out(&values[2], &values[3]);
	if (transaction_with_citus())
	{
		look_over_nodes(values, ahead);
		return;
	}
	if (but)
		transaction_execute(transaction_plan(&but_plan, next_but_sql, 4, types), values, NULL, SPI_OK_SELECT);
	else
		transaction_execute(transaction_plan(&plan, next_sql, 2, types), values, NULL, SPI_OK_SELECT);
	read_ahead(ahead, false);
}
