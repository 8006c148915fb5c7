/*
 * keep.c
 *    New tokens are committed before their first use.
 *
 * A platform that rotates refresh tokens ends the old one when it answers. From then on the new one is the account, so it
 * is committed at once, in a transaction of its own that waits for the disk (the collector's others do not), together
 * with those of other jobs that came at the same time. What remains is the moment between the platform's answer and
 * this commit: nobody but the platform could close it. SoundCloud, TikTok and X end the old token at once; the account
 * then needs a new authorisation, and says so. Google, Meta and Spotify (with a client secret) leave the old one in
 * force, and nothing is lost.
 *
 * The lease is not asked for: whoever holds it, a new pair must not be lost. What decides is whether the row still holds
 * the token that was presented. Where it does not, somebody stored a newer one. Where the row is gone, the account was
 * disconnected meanwhile, and the new token is left to be revoked.
 *
 * A row that someone else has locked is not waited for, because nothing else would go on meanwhile, and termination is held
 * back. Such tokens are tried again after a moment, and for a moment when the process is told to end.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/keep.h"
#include "collect/secret.h"
#include "collect/store.h"
#include "collect/transaction.h"
#include "collect/work.h"
#include "config.h"

#define TRIES           3
#define LOCKED_AGAIN_MS 500
#define LAST_TRIES_US   20000
#define LAST_WORDS_MS   500 /* whoever holds the row has been told to end as well, where the server stops */

static List *queue = NIL;  /* Job * */
static List *locked = NIL; /* Job *: someone else holds their rows */
static TimestampTz locked_until;

void
keep_tokens(Job *job, Keeping keeping)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	job->keep = palloc(sizeof(Keeping));
	*job->keep = keeping;
	MemoryContextSwitchTo(TopMemoryContext);
	/* Termination waits for the commit: between an answer and its commit there is nothing to be answered first. */
	if (InterruptHoldoffCount == 0)
		HOLD_INTERRUPTS();
	queue = lappend(queue, job);
	MemoryContextSwitchTo(old);
}

bool
keep_waits(void)
{
	return queue != NIL;
}

/* ---- Statements ---- */

static Datum
scopes_datum(List *scopes, char *null)
{
	Datum *values = palloc(sizeof(Datum) * Max(list_length(scopes), 1));
	ListCell *cell;

	*null = scopes == NIL ? 'n' : ' ';
	foreach (cell, scopes)
		values[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(values, list_length(scopes), TEXTOID, -1, false, TYPALIGN_INT));
}

static void
set_time(Datum *value, char *null, TimestampTz time)
{
	*value = TimestampTzGetDatum(time);
	*null = time == TIME_UNKNOWN ? 'n' : ' ';
}

static void
set_sealed(Datum *value, char *null, const Job *job, const char *field, const char *token, int *key_id)
{
	*null = token == NULL ? 'n' : ' ';
	*value = PointerGetDatum(secret_seal_account(&job->user_id, job->platform->name, field, token, key_id));
}

/* $1 user, $2 platform, $3 access, $4 refresh, $5 expires, $6 refresh expires, $7 key, $8 clock's now, $9 calendar's */
static const char *const secrets_sql =
	"INSERT INTO dreamsuite.account_secrets AS k (user_id, platform, access_token, refresh_token, expires_at,"
	"  refresh_expires_at, key_id, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
	" ON CONFLICT (user_id, platform) DO UPDATE SET access_token = excluded.access_token,"
	"  refresh_token = excluded.refresh_token, expires_at = excluded.expires_at,"
	"  refresh_expires_at = excluded.refresh_expires_at, key_id = excluded.key_id,"
	"  updated_at = excluded.updated_at";

static const char *const orphan_sql =
	"INSERT INTO dreamsuite.revocations (user_id, platform, access_token, refresh_token, next_at, key_id)"
	" VALUES ($1, $2, $3, $4, $9, $7)";

static void
execute_secrets(SPIPlanPtr *slot, const char *sql, const Job *job)
{
	Oid types[] = {UUIDOID,        TEXTOID, BYTEAOID,       BYTEAOID,      TIMESTAMPTZOID,
				   TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum values[9];
	char nulls[] = "         ";
	int key_id = 0;

	values[0] = UUIDPGetDatum(&job->user_id);
	values[1] = CStringGetTextDatum(job->platform->name);
	set_sealed(&values[2], &nulls[2], job, "access_token", job->tokens.access_token, &key_id);
	set_sealed(&values[3], &nulls[3], job, "refresh_token", job->tokens.refresh_token, &key_id);
	set_time(&values[4], &nulls[4], job->tokens.expires_at);
	set_time(&values[5], &nulls[5], job->tokens.refresh_expires_at);
	values[6] = Int32GetDatum(key_id);
	values[7] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[8] = TimestampTzGetDatum(config_now());
	transaction_execute(transaction_plan(slot, sql, lengthof(types), types), values, nulls, SPI_OK_INSERT);
}

/* Nobody is there any more who could use them. */
static void
leave_to_revoke(const Job *job)
{
	static SPIPlanPtr plan;

	if (job->client.def->revoke_url != NULL)
		execute_secrets(&plan, orphan_sql, job);
}

/* The code is spent; false where it was taken away meanwhile. */
static bool
spend_code(const Job *job)
{
	static SPIPlanPtr lock_plan, plan;
	Oid types[] = {BYTEAOID, UUIDOID};
	Datum values[] = {PointerGetDatum(job->code_state_hash), UUIDPGetDatum(&job->user_id)};

	transaction_execute(
		transaction_plan(&lock_plan,
						 "SELECT FROM dreamsuite.oauth_states WHERE state_hash = $1 AND user_id = $2"
						 " FOR NO KEY UPDATE NOWAIT",
						 2, types),
		values, NULL, SPI_OK_SELECT);

	transaction_execute(
		transaction_plan(&plan,
						 "UPDATE dreamsuite.oauth_states SET code = NULL, verifier = NULL, key_id = NULL"
						 " WHERE state_hash = $1 AND user_id = $2 AND code IS NOT NULL",
						 2, types),
		values, NULL, SPI_OK_UPDATE);
	return SPI_processed > 0;
}

/* Locks the account's row of a table. One that another transaction holds is an error, not waited for. */
static bool
lock_account(SPIPlanPtr *slot, const char *sql, const Job *job)
{
	Oid types[] = {UUIDOID, TEXTOID};
	Datum values[] = {UUIDPGetDatum(&job->user_id), CStringGetTextDatum(job->platform->name)};

	transaction_execute(transaction_plan(slot, sql, lengthof(types), types), values, NULL, SPI_OK_SELECT);
	return SPI_processed > 0;
}

/* Whoever connects the account anew, for the first time with tokens, holds its state. */
static void
lock_secrets(const Job *job)
{
	static SPIPlanPtr secrets_plan, state_plan;

	if (!lock_account(&secrets_plan,
					  "SELECT FROM dreamsuite.account_secrets k WHERE k.user_id = $1 AND k.platform = $2"
					  " FOR UPDATE NOWAIT",
					  job))
		(void) lock_account(&state_plan,
							"SELECT FROM dreamsuite.account_state s WHERE s.user_id = $1 AND s.platform = $2"
							" FOR NO KEY UPDATE NOWAIT",
							job);
}

typedef enum RowState
{
	ROW_AS_USED,
	ROW_CHANGED,
	ROW_GONE
} RowState;

/* Does the row, locked from here on, still hold the token that was presented? */
static RowState
lock_row(const Job *job)
{
	static SPIPlanPtr plan;
	bool refresh = job->keep->used_is_refresh, null;
	MemoryContext secrets;
	RowState state = ROW_CHANGED;
	char *held;
	Datum sealed;

	if (!lock_account(&plan,
					  "SELECT k.access_token, k.refresh_token FROM dreamsuite.account_secrets k"
					  " WHERE k.user_id = $1 AND k.platform = $2 FOR UPDATE NOWAIT",
					  job))
		return ROW_GONE;
	sealed = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, refresh ? 2 : 1, &null);
	if (null)
		return ROW_CHANGED;
	secrets = secret_context_create(CurrentMemoryContext);
	held = secret_open_account(secrets, &job->user_id, job->platform->name,
							   refresh ? "refresh_token" : "access_token", DatumGetByteaPP(sealed));
	if (strcmp(held, job->keep->used) == 0)
		state = ROW_AS_USED;
	MemoryContextDelete(secrets);
	return state;
}

/* $3 scopes or null, $4 external_id or null, $5 whether a pending account is active now */
static void
update_account(const Job *job)
{
	static SPIPlanPtr lock_plan, plan;
	Oid types[] = {UUIDOID, TEXTOID, TEXTARRAYOID, TEXTOID, BOOLOID};
	Datum values[5];
	char nulls[] = "     ";
	const char *id = job->account.external_id;

	(void) lock_account(&lock_plan,
						"SELECT FROM dreamsuite.accounts a WHERE a.user_id = $1 AND a.platform = $2"
						" FOR NO KEY UPDATE NOWAIT",
						job);
	values[0] = UUIDPGetDatum(&job->user_id);
	values[1] = CStringGetTextDatum(job->platform->name);
	values[2] = scopes_datum(job->keep->scopes_told ? job->account.scopes : NIL, &nulls[2]);
	values[3] = id != NULL ? CStringGetTextDatum(id) : (Datum) 0;
	nulls[3] = id == NULL ? 'n' : ' ';
	values[4] = BoolGetDatum(job->keep->activate);
	transaction_execute(
		transaction_plan(
			&plan,
			"UPDATE dreamsuite.accounts AS a SET granted_scopes = COALESCE($3, a.granted_scopes),"
			"  external_id = COALESCE(a.external_id, $4),"
			"  status = CASE WHEN $5 AND a.status = 'pending' THEN 'active' ELSE a.status END,"
			"  status_reason = CASE WHEN $5 AND a.status = 'pending' THEN NULL ELSE a.status_reason END"
			" WHERE a.user_id = $1 AND a.platform = $2"
			"  AND ($5 OR a.external_id IS NULL OR a.granted_scopes IS DISTINCT FROM $3)",
			lengthof(types), types),
		values, nulls, SPI_OK_UPDATE);
}

static void
keep_one(Job *job)
{
	static SPIPlanPtr secrets_plan;

	switch (job->keep->kind)
	{
		case KEEP_SPENT:
			spend_code(job);
			return;
		case KEEP_EXCHANGED:
			if (!spend_code(job))
			{
				leave_to_revoke(job);
				return;
			}
			lock_secrets(job);
			break;
		case KEEP_RENEWED:
		case KEEP_FOUND:
			switch (lock_row(job))
			{
				case ROW_AS_USED:
					break;
				case ROW_CHANGED:
					return;
				case ROW_GONE:
					if (job->keep->kind == KEEP_RENEWED)
						leave_to_revoke(job);
					return;
			}
			break;
	}
	execute_secrets(&secrets_plan, secrets_sql, job);
	if (job->keep->scopes_told || job->keep->activate || job->account.external_id != NULL)
		update_account(job);
}

/* ---- The transaction ---- */

static void
keep_all(List *jobs)
{
	ListCell *cell;

	if (!transaction_begin("dreamsuite: keeping new tokens"))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("extension dreamsuite is absent or being changed")));
	(void) set_config_option("synchronous_commit", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
							 0, false);
	foreach (cell, jobs)
		keep_one(lfirst(cell));
	transaction_commit();
}

/* The same, but an error is caught and rolled back; NULL where there was none. */
static ErrorData *
try_keep(List *jobs)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData *volatile failure = NULL;

	/* While interrupts are held a time-out would strike later, somewhere else. */
	transaction_patience(0);
	PG_TRY();
	{
		keep_all(jobs);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS(); /* an error forgets that they are held */
		failure = transaction_caught(caller);
	}
	PG_END_TRY();
	transaction_patience(STORE_PATIENCE_MS);
	return failure;
}

/* Keeps the tokens of one job, that could not be kept together with others. NULL, or why not. */
static ErrorData *
keep_alone(Job *job)
{
	List *alone = list_make1(job);
	ErrorData *failure = NULL;

	for (int try = 0; try < TRIES; try++)
	{
		if (failure != NULL)
			FreeErrorData(failure);
		failure = try_keep(alone);
		if (failure == NULL || failure->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
			break;
	}
	list_free(alone);
	return failure;
}

/* Takes over those that wait for a lock, where it is time or must be. */
static List *
take_queue(bool locked_too)
{
	List *jobs = queue;

	queue = NIL;
	if (locked_too)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		jobs = list_concat(jobs, locked);
		list_free(locked);
		locked = NIL;
		MemoryContextSwitchTo(old);
	}
	return jobs;
}

static void
stay_locked(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	locked = lappend(locked, job);
	locked_until = GetCurrentTimestamp() + LOCKED_AGAIN_MS * INT64CONST(1000);
	MemoryContextSwitchTo(old);
}

static void
warn_of(const Job *job, const ErrorData *failure)
{
	ereport(WARNING, (errcode(ERRCODE_IO_ERROR),
					  errmsg("could not keep new tokens of platform \"%s\": %s", job->platform->name,
							 failure->message),
					  errhint("If the account is refused from now on, its artist must authorise again.")));
}

/* Before the process ends as it was told to: those whose rows someone else holds are tried for a moment longer. */
static void
say_last_words(void)
{
	TimestampTz until = GetCurrentTimestamp() + LAST_WORDS_MS * INT64CONST(1000);
	ListCell *cell;

	foreach (cell, locked)
	{
		ErrorData *failure;

		while ((failure = keep_alone(lfirst(cell))) != NULL &&
			   failure->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE && GetCurrentTimestamp() < until)
			pg_usleep(LAST_TRIES_US);
		if (failure != NULL)
			warn_of(lfirst(cell), failure);
	}
	locked = NIL;
}

void
keep_flush(void)
{
	bool must_end = ProcDiePending;
	List *jobs, *kept = NIL;
	ErrorData *failure;
	ListCell *cell;

	if (queue == NIL && (must_end ? locked == NIL : keep_wait() > 0))
		return;
	jobs = take_queue(must_end || keep_wait() == 0);
	if (InterruptHoldoffCount == 0) /* the error of another job forgets that they are held */
		HOLD_INTERRUPTS();
	failure = try_keep(jobs);
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		ErrorData *own_failure = failure != NULL ? keep_alone(job) : NULL;

		if (own_failure != NULL && own_failure->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		{
			FreeErrorData(own_failure);
			stay_locked(job);
			continue;
		}
		if (own_failure != NULL)
		{
			warn_of(job, own_failure);
			job_stop(job, ERROR_OPERATOR, psprintf("new tokens could not be kept: %s", own_failure->message));
			FreeErrorData(own_failure);
		}
		kept = lappend(kept, job);
	}
	if (failure != NULL)
		FreeErrorData(failure);
	if (must_end)
		say_last_words();
	/* Whoever holds them besides, it was for these tokens. */
	while (InterruptHoldoffCount > 0)
		RESUME_INTERRUPTS();
	foreach (cell, kept)
	{
		Job *job = lfirst(cell);
		void (*done)(Job * job) = job->keep->done;

		if (job->keep->activate && !job->stopped && strcmp(job->status, "pending") == 0)
			job->status = "active";
		job->keep = NULL;
		job_go_on(job, done);
	}
	list_free(kept);
	list_free(jobs);
}

long
keep_wait(void)
{
	TimestampTz now = GetCurrentTimestamp();

	return locked == NIL ? LONG_MAX : now >= locked_until ? 0 : (long) ((locked_until - now) / 1000) + 1;
}
