/*
 * claim.c
 *    Due accounts are claimed under a lease, in one short transaction.
 *
 * The claim counts the try before the first request is made, so that a crash counts too, and reads all that the run
 * needs: settings, sealed tokens, known content, quarantine.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "collect/claim.h"
#include "collect/columns.h"
#include "collect/cycle.h"
#include "collect/pace.h"
#include "collect/resume.h"
#include "collect/revoke.h"
#include "collect/transaction.h"
#include "config.h"
#include "collect/secret.h"

/*
 * The due accounts, leased, with all that is narrow. $1 calendar's now, $2 clock's now, $3 lease seconds, $4 platforms,
 * $5 how many of each. Skips what is blocked by the platform and what another session holds. Each platform has its own
 * share, so that the accounts of a slow one do not keep those of the others waiting. Tries are counted by day.
 */
static const char *const claim_sql =
	"WITH due AS MATERIALIZED ("
	"  SELECT d.* FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5)) AS p(platform, room)"
	"  CROSS JOIN LATERAL (SELECT s.user_id, s.platform, dreamsuite.account_day($1, a.settings) AS day,"
	"     a.external_id, a.handle, a.settings, a.granted_scopes, a.status"
	"    FROM dreamsuite.account_state s"
	"    JOIN dreamsuite.accounts a ON a.user_id = s.user_id AND a.platform = s.platform"
	"     AND a.status IN ('active', 'pending')"
	"    WHERE s.platform = p.platform AND s.next_due_at <= $1"
	"     AND (s.blocked_until IS NULL OR s.blocked_until <= $1)"
	"     AND (s.lease_until IS NULL OR s.lease_until <= $2)"
	"    ORDER BY s.next_due_at LIMIT p.room FOR UPDATE OF s SKIP LOCKED) d"
	"  WHERE NOT EXISTS (SELECT FROM dreamsuite.platform_settings o WHERE o.platform = p.platform AND NOT o.enabled)),"
	" leased AS ("
	"  UPDATE dreamsuite.account_state s SET lease_token = pg_catalog.gen_random_uuid(),"
	"    lease_until = $2 + pg_catalog.make_interval(secs => $3), last_started_at = $2, tried_on = due.day,"
	"    attempts = CASE WHEN s.tried_on IS DISTINCT FROM due.day THEN 1 ELSE s.attempts + 1 END"
	"  FROM due WHERE s.user_id = due.user_id AND s.platform = due.platform"
	"  RETURNING due.*, s.lease_token, s.attempts, s.requested_at)"
	" SELECT l.user_id, l.platform, l.lease_token, l.attempts, l.requested_at, l.external_id, l.handle, l.settings, l.granted_scopes,"
	"  l.status,"
	"  pg_catalog.nextval('dreamsuite.collection_runs_run_id_seq') AS run_id,"
	"  k.access_token, k.refresh_token, k.expires_at, k.refresh_expires_at,"
	"  p.client_id, p.client_secret, p.extra,"
	"  c.code, c.verifier, c.redirect_uri AS code_redirect_uri, c.state_hash, c.scopes AS code_scopes,"
	"  (SELECT pg_catalog.array_agg(q.metric) FROM dreamsuite.metric_quarantine q"
	"   WHERE q.user_id = l.user_id AND q.platform = l.platform AND q.until > $1) AS quarantined"
	" FROM leased l"
	" LEFT JOIN dreamsuite.account_secrets k ON k.user_id = l.user_id AND k.platform = l.platform"
	" LEFT JOIN dreamsuite.apps p ON p.platform = l.platform"
	" LEFT JOIN LATERAL (SELECT o.code, o.verifier, o.redirect_uri, o.state_hash, o.scopes FROM dreamsuite.oauth_states o"
	"   WHERE l.status = 'pending' AND o.user_id = l.user_id AND o.platform = l.platform AND o.code IS NOT NULL"
	"   ORDER BY o.completed_at DESC LIMIT 1) c ON true";

/* Content known of the claimed accounts. $1 users, $2 platforms. */
static const char *const known_sql =
	"SELECT c.user_id, c.platform, c.content_id, c.kind, c.published_at, c.likes, c.comments, c.shares, c.views,"
	"  c.reach, c.saves, c.watch_time_minutes, c.title, c.extra"
	" FROM ROWS FROM (pg_catalog.unnest($1::uuid[]), pg_catalog.unnest($2::text[])) AS j(user_id, platform)"
	" JOIN dreamsuite.content_items c ON c.user_id = j.user_id AND c.platform = j.platform";

/* When the next account of each platform is due, or no longer blocked; and the next token to be revoked, which is no
 * platform's matter. $1 calendar's now, $2 platforms. */
static const char *const next_sql =
	"SELECT p.at::integer AS at, due.at AS due, blocked.until AS blocked"
	" FROM pg_catalog.unnest($2) WITH ORDINALITY AS p(platform, at)"
	" LEFT JOIN LATERAL (SELECT s.next_due_at FROM dreamsuite.account_state s"
	"   JOIN dreamsuite.accounts a ON a.user_id = s.user_id AND a.platform = s.platform"
	"    AND a.status IN ('active', 'pending')"
	"   WHERE s.platform = p.platform AND s.next_due_at IS NOT NULL AND s.lease_until IS NULL"
	"    AND (s.blocked_until IS NULL OR s.blocked_until <= $1)"
	"   ORDER BY s.next_due_at LIMIT 1) AS due(at) ON true"
	" LEFT JOIN LATERAL (SELECT s.blocked_until FROM dreamsuite.account_state s"
	"   JOIN dreamsuite.accounts a ON a.user_id = s.user_id AND a.platform = s.platform"
	"    AND a.status IN ('active', 'pending')"
	"   WHERE s.platform = p.platform AND s.blocked_until > $1 AND s.next_due_at IS NOT NULL AND s.lease_until IS NULL"
	"   ORDER BY s.blocked_until LIMIT 1) AS blocked(until) ON true"
	" WHERE NOT EXISTS (SELECT FROM dreamsuite.platform_settings o WHERE o.platform = p.platform AND NOT o.enabled)"
	" UNION ALL SELECT NULL, pg_catalog.min(r.next_at), NULL FROM dreamsuite.revocations r";

/*
 * Leases that ran out are nobody's: without them the accounts are looked ahead at like others. Those that are left run out
 * later, or someone holds their row. Both read all leases, and are for the moment when nothing else is to be done. $1
 * clock's now.
 */
static const char *const expired_sql =
	"UPDATE dreamsuite.account_state s SET lease_token = NULL, lease_until = NULL"
	" FROM (SELECT o.user_id, o.platform FROM dreamsuite.account_state o WHERE o.lease_until <= $1"
	"   ORDER BY o.user_id, o.platform FOR NO KEY UPDATE SKIP LOCKED) l"
	" WHERE s.user_id = l.user_id AND s.platform = l.platform";

static const char *const leases_sql =
	"SELECT pg_catalog.min(s.lease_until) FROM dreamsuite.account_state s WHERE s.lease_until IS NOT NULL";

/* Leases of jobs that take long go on; one whose row someone else holds has time until the next round. $1 users, $2 platforms, $3 tokens, $4 clock's now, $5 lease seconds. */
static const char *const renew_sql =
	"UPDATE dreamsuite.account_state s SET lease_until = $4 + pg_catalog.make_interval(secs => $5)"
	" FROM (SELECT o.user_id, o.platform, o.lease_token"
	"   FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3))"
	"    AS j(user_id, platform, lease_token)"
	"   JOIN dreamsuite.account_state o ON o.user_id = j.user_id AND o.platform = j.platform"
	"    AND o.lease_token = j.lease_token"
	"   ORDER BY o.user_id, o.platform FOR NO KEY UPDATE OF o SKIP LOCKED) l"
	" WHERE s.user_id = l.user_id AND s.platform = l.platform AND s.lease_token = l.lease_token";

/* ---- Values of a row ---- */

/* Columns are read about in the order in which they stand: the one wanted is seldom far behind the last. */
static Datum
column(int row, const char *name, bool *null)
{
	static int last = 0;
	TupleDesc desc = SPI_tuptable->tupdesc;

	for (int tried = 0; tried < desc->natts; tried++)
	{
		last = last >= desc->natts ? 1 : last + 1;
		if (strcmp(NameStr(TupleDescAttr(desc, last - 1)->attname), name) == 0)
			return SPI_getbinval(SPI_tuptable->vals[row], desc, last, null);
	}
	elog(ERROR, "there is no column \"%s\"", name);
}

static char *
text_column(int row, const char *name)
{
	bool null;
	Datum value = column(row, name, &null);

	return null ? NULL : TextDatumGetCString(value);
}

static TimestampTz
time_column(int row, const char *name)
{
	bool null;
	Datum value = column(row, name, &null);

	return null ? TIME_UNKNOWN : DatumGetTimestampTz(value);
}

static int64
count_column(int row, const char *name)
{
	bool null;
	Datum value = column(row, name, &null);

	return null ? COUNT_UNKNOWN : DatumGetInt64(value);
}

static bytea *
bytes_column(int row, const char *name)
{
	bool null;
	Datum value = column(row, name, &null);

	return null ? NULL : DatumGetByteaPCopy(value);
}

static Jsonb *
jsonb_column(int row, const char *name)
{
	bool null;
	Datum value = column(row, name, &null);

	return null ? NULL : DatumGetJsonbPCopy(value);
}

static List *
texts_column(int row, const char *name)
{
	bool null;
	Datum value = column(row, name, &null), *elements;
	bool *nulls;
	int n;
	List *texts = NIL;

	if (null)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			texts = lappend(texts, TextDatumGetCString(elements[i]));
	}
	return texts;
}

/* ---- Claiming ---- */

static SPIPlanPtr claim_plan, known_plan, next_plan, expired_plan, leases_plan, renew_plan;

/* The metric date: the day of the observation where the account lives. */
static void
set_day(Job *job)
{
	TimestampTz now = config_now();
	char *zone = account_setting(&job->account, "time_zone");

	job->account.observed_at = now;
	job->account.local_midnight = local_midnight(now, zone);
	job->date = local_date(now, zone);
}

/* Opens what was sealed. A key that is missing ends the run of this account, not of the others. */
static void
open_secrets(Job *job, int row)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		const char *platform = job->platform->name;
		bytea *code = bytes_column(row, "code");

		job->tokens.access_token = secret_open_account(job->secret_context, &job->user_id, platform,
													   "access_token", bytes_column(row, "access_token"));
		job->tokens.refresh_token = secret_open_account(job->secret_context, &job->user_id, platform,
														"refresh_token", bytes_column(row, "refresh_token"));
		job->client.secret = secret_open_app(job->secret_context, platform, "client_secret",
											 bytes_column(row, "client_secret"));
		if (code != NULL)
		{
			job->code_state_hash = bytes_column(row, "state_hash");
			job->code = secret_open_state(job->secret_context, job->code_state_hash, platform, "code", code);
			job->code_verifier = secret_open_state(job->secret_context, job->code_state_hash, platform,
												   "verifier", bytes_column(row, "verifier"));
			job->code_redirect_uri = text_column(row, "code_redirect_uri");
			job->code_scopes = texts_column(row, "code_scopes");
		}
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		job_stop(job, ERROR_OPERATOR, error->message);
	}
	PG_END_TRY();
}

static Job *
job_from_row(MemoryContext parent, int row)
{
	MemoryContext context = AllocSetContextCreate(parent, "dreamsuite job", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Job *job = palloc0(sizeof(Job));
	Jsonb *settings, *extra;
	bool null;

	job->context = context;
	job->secret_context = secret_context_create(context);
	job->user_id = *DatumGetUUIDP(column(row, "user_id", &null));
	job->platform = platform_get(text_column(row, "platform"));
	job->platform_index = platform_index(job->platform);
	job->lease_token = *DatumGetUUIDP(column(row, "lease_token", &null));
	job->run_id = count_column(row, "run_id");
	job->attempts = DatumGetInt32(column(row, "attempts", &null));
	job->status = text_column(row, "status");
	job->requested_at = time_column(row, "requested_at");
	job->started_at = GetCurrentTimestamp();

	settings = jsonb_column(row, "settings");
	job->account.settings = settings != NULL ? &settings->root : NULL;
	job->account.external_id = text_column(row, "external_id");
	job->identified = job->account.external_id != NULL;
	job->handle = text_column(row, "handle");
	job->account.scopes = texts_column(row, "granted_scopes");
	job->account.quarantined = texts_column(row, "quarantined");

	job->tokens.expires_at = time_column(row, "expires_at");
	job->tokens.refresh_expires_at = time_column(row, "refresh_expires_at");
	job->client.def = oauth_habits(job->platform, job->account.settings);
	job->client.id = text_column(row, "client_id");
	extra = jsonb_column(row, "extra");
	job->client.extra = extra != NULL ? &extra->root : NULL;

	set_day(job);
	open_secrets(job, row);
	job->account.has_token = job->tokens.access_token != NULL || job->tokens.refresh_token != NULL;
	job->placeholder = !job->platform->has_api ||
					   (strcmp(job->status, "pending") == 0 && job->code == NULL && !job->account.has_token &&
						(job->platform->needs_token || job->account.external_id == NULL));
	MemoryContextSwitchTo(old);
	return job;
}

/* The content stored by earlier runs, for the jobs that will ask for more. */
static void
load_known(List *jobs)
{
	Oid types[] = {UUIDARRAYOID, TEXTARRAYOID};
	int n = 0, at = 0;
	Datum *users = palloc(sizeof(Datum) * list_length(jobs));
	Datum *names = palloc(sizeof(Datum) * list_length(jobs));
	Job **order = palloc(sizeof(Job *) * list_length(jobs));
	Datum values[2];
	ListCell *cell;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		if (job->placeholder || job->resumed)
			continue;
		order[n] = job;
		users[n] = UUIDPGetDatum(&job->user_id);
		names[n] = CStringGetTextDatum(job->platform->name);
		n++;
	}
	if (n == 0)
		return;
	values[0] = PointerGetDatum(construct_array(users, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	values[1] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	transaction_execute(transaction_plan(&known_plan, known_sql, 2, types), values, NULL, SPI_OK_SELECT);

	for (int row = 0; row < (int) SPI_processed; row++)
	{
		bool null;
		pg_uuid_t *user = DatumGetUUIDP(column(row, "user_id", &null));
		char *platform = text_column(row, "platform");
		MemoryContext old;
		ContentItem *item;
		Job *job;

		/* Rows of one account come together, so the next account is seldom far. */
		for (int tried = 0; tried < n; tried++, at = (at + 1) % n)
		{
			if (memcmp(&order[at]->user_id, user, UUID_LEN) == 0 &&
				strcmp(order[at]->platform->name, platform) == 0)
				break;
		}
		job = order[at];
		old = MemoryContextSwitchTo(job->context);
		if (job->plan == NULL)
			job->plan = plan_create(job->platform, &job->account, contents_create(), config_max_pages);
		item = contents_item(job->plan->known, text_column(row, "content_id"));
		item->kind = text_column(row, "kind");
		item->published_at = time_column(row, "published_at");
		item->likes = count_column(row, "likes");
		item->comments = count_column(row, "comments");
		item->shares = count_column(row, "shares");
		item->views = count_column(row, "views");
		item->reach = count_column(row, "reach");
		item->saves = count_column(row, "saves");
		item->watch_time_minutes = count_column(row, "watch_time_minutes");
		item->title = text_column(row, "title");
		item->extra = jsonb_column(row, "extra");
		MemoryContextSwitchTo(old);
	}
}

/* Did some platform get as many accounts as it had room for? Then it may have more that are due. */
static bool
may_be_more(const int *room, const Look *look)
{
	for (int i = 0; platforms[i] != NULL; i++)
	{
		if (room[i] > 0 && look->room[i] == 0)
			return true;
	}
	return false;
}

/* When the collector has to look again; within the transaction. */
static void
look_ahead(Datum now, Datum names, Look *look)
{
	Oid types[] = {TIMESTAMPTZOID, TEXTARRAYOID};
	Datum values[] = {now, names};

	transaction_execute(transaction_plan(&next_plan, next_sql, 2, types), values, NULL, SPI_OK_SELECT);
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		bool null;
		Datum at = column(row, "at", &null);
		TimestampTz paused = null ? TIME_UNKNOWN : pace_app_paused_until(platforms[DatumGetInt32(at) - 1]);
		TimestampTz due = time_earlier(time_column(row, "due"), time_column(row, "blocked"));

		if (due != TIME_UNKNOWN && paused != TIME_UNKNOWN)
			due = Max(due, paused);
		look->due = time_earlier(look->due, due);
	}
}

/* Ends the leases that ran out; returns when the next one does (clock). Within the transaction. */
static TimestampTz
end_leases(Datum clock)
{
	Oid types[] = {TIMESTAMPTZOID};
	bool null;
	Datum until;

	transaction_execute(transaction_plan(&expired_plan, expired_sql, 1, types), &clock, NULL, SPI_OK_UPDATE);
	transaction_execute(transaction_plan(&leases_plan, leases_sql, 0, NULL), NULL, NULL, SPI_OK_SELECT);
	until = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	return null ? TIME_UNKNOWN : DatumGetTimestampTz(until);
}

/*
 * How many accounts of each platform may be claimed. What is free is shared among those that may have some, so that the
 * memory of the process is bounded; a few of each platform always find room, so that none waits for all the others.
 */
static void
share_room(int most, const int *active, const bool *wanted, int *room)
{
	int all = 0, sharing = 0;

	for (int i = 0; platforms[i] != NULL; i++)
	{
		all += active[i];
		sharing += wanted[i] ? 1 : 0;
	}
	for (int i = 0; platforms[i] != NULL; i++)
	{
		int share = Max(Max(most - all, 0) / Max(sharing, 1), ROOM_LEAST - active[i]);
		int begun = resume_ready(platforms[i]);

		/* What was begun, and comes first, is ended before more is begun: less is lost with the process. */
		if (begun > 0)
			share = Min(share, Max(begun, ROOM_LEAST - active[i]));
		room[i] = Max(0, Min(share, pace_room(platforms[i], most) - active[i]));
	}
}

static int
sum_of(const int *numbers)
{
	int sum = 0;

	for (int i = 0; platforms[i] != NULL; i++)
		sum += numbers[i];
	return sum;
}

/* The claim itself; jobs join *jobs as they are made. */
static void
claim(MemoryContext parent, int most, const int *active, const bool *wanted, Look *look, List **jobs)
{
	Oid claim_types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, TEXTARRAYOID, INT4ARRAYOID};
	Datum values[5], names[MAX_PLATFORMS], rooms[MAX_PLATFORMS];
	MemoryContext list_context = CurrentMemoryContext;
	int room[MAX_PLATFORMS], n = 0;
	ListCell *cell;

	if (!transaction_begin("dreamsuite: claiming due accounts"))
		return;
	pace_store();
	pace_load();
	share_room(most, active, wanted, look->room);
	memcpy(room, look->room, sizeof(room));
	for (; platforms[n] != NULL; n++)
	{
		names[n] = CStringGetTextDatum(platforms[n]->name);
		rooms[n] = Int32GetDatum(look->room[n]);
	}
	values[0] = TimestampTzGetDatum(config_now());
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = Int32GetDatum(LEASE_SECONDS);
	values[3] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[4] = PointerGetDatum(construct_array(rooms, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	transaction_execute(transaction_plan(&claim_plan, claim_sql, 5, claim_types), values, NULL,
						SPI_OK_SELECT);
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(list_context);

		*jobs = lappend(*jobs, job_from_row(parent, row));
		MemoryContextSwitchTo(old);
	}
	foreach (cell, *jobs)
		resume_take(lfirst(cell));
	foreach (cell, *jobs)
		look->room[((Job *) lfirst(cell))->platform_index]--;
	if (*jobs != NIL)
		cycle_begin();
	load_known(*jobs);
	revoke_claim();
	if (*jobs == NIL && sum_of(active) == 0)
		look->lease_ends = end_leases(values[1]);
	/* The answer could only be "now", and costs a walk past everything that is under lease. */
	if (may_be_more(room, look))
		look->due = config_now();
	else
		look_ahead(values[0], values[3], look);
	transaction_commit();
}

List *
claim_due(MemoryContext parent, int most, const int *active, const bool *wanted, Look *look)
{
	MemoryContext caller = CurrentMemoryContext;
	List *volatile jobs = NIL;

	*look = (Look){.due = TIME_UNKNOWN, .lease_ends = TIME_UNKNOWN};
	PG_TRY();
	{
		claim(parent, most, active, wanted, look, (List **) &jobs);
	}
	PG_CATCH();
	{
		ErrorData *error = transaction_caught(caller);
		ListCell *cell;

		ereport(WARNING,
				(errcode(error->sqlerrcode), errmsg("could not claim due accounts: %s", error->message),
				 errdetail("The collector tries again later.")));
		FreeErrorData(error);
		foreach (cell, jobs)
			MemoryContextDelete(((Job *) lfirst(cell))->context);
		list_free(jobs);
		jobs = NIL;
		pace_forget_stored();
		cycle_forget();
		revoke_forget();
		*look = (Look){.due = TIME_UNKNOWN, .lease_ends = TIME_UNKNOWN, .failed = true};
	}
	PG_END_TRY();
	return jobs;
}

void
claim_renew(List *jobs)
{
	static const Oid types[] = {UUIDOID, TEXTOID, UUIDOID};
	Columns *columns;
	Datum values[MAX_COLUMNS];
	Oid array_types[MAX_COLUMNS];
	ListCell *cell;

	if (!transaction_begin("dreamsuite: keeping leases"))
		return;
	columns = columns_create(lengthof(types), types);
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		columns_row(columns);
		column_uuid(columns, &job->user_id);
		column_text(columns, job->platform->name);
		column_uuid(columns, &job->lease_token);
	}
	columns_values(columns, values, array_types);
	array_types[3] = TIMESTAMPTZOID;
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	array_types[4] = INT4OID;
	values[4] = Int32GetDatum(LEASE_SECONDS);
	transaction_execute(transaction_plan(&renew_plan, renew_sql, 5, array_types), values, NULL,
						SPI_OK_UPDATE);
	transaction_commit();
}

bool
claim_release_all(TimestampTz before)
{
	static SPIPlanPtr release_plan, left_plan;
	Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(config_now()), TimestampTzGetDatum(before)};
	bool left;

	if (!transaction_begin("dreamsuite: freeing leases of an earlier collector"))
		return true;
	/*
	 * Which of these accounts took the collector with it, if one did, nobody knows. Those that were there more than once
	 * come back later and apart, so that the innocent ones get through.
	 */
	transaction_execute(
		transaction_plan(
			&release_plan,
			"UPDATE dreamsuite.account_state s SET lease_token = NULL, lease_until = NULL,"
			" next_due_at = CASE WHEN s.attempts < 3 THEN s.next_due_at ELSE $1 + pg_catalog.make_interval(secs =>"
			"  LEAST(14400, 60 * pg_catalog.power(4, LEAST(s.attempts, 9) - 2)) * (0.5 + 0.5 * pg_catalog.random())) END"
			" FROM (SELECT o.user_id, o.platform FROM dreamsuite.account_state o"
			"   WHERE o.lease_token IS NOT NULL AND (o.last_started_at IS NULL OR o.last_started_at < $2)"
			"   ORDER BY o.user_id, o.platform FOR NO KEY UPDATE SKIP LOCKED) l"
			" WHERE s.user_id = l.user_id AND s.platform = l.platform",
			2, types),
		values, NULL, SPI_OK_UPDATE);
	transaction_execute(
		transaction_plan(&left_plan,
						 "SELECT FROM dreamsuite.account_state s WHERE s.lease_token IS NOT NULL"
						 " AND (s.last_started_at IS NULL OR s.last_started_at < $1) LIMIT 1",
						 1, types),
		&values[1], NULL, SPI_OK_SELECT);
	left = SPI_processed > 0;
	transaction_commit();
	return !left;
}
