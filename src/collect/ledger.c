/*
 * ledger.c
 *    What each run was and cost: collection_runs, request_log, and the metrics that it found refused.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "collect/columns.h"
#include "collect/ledger.h"
#include "collect/revise.h"
#include "collect/transaction.h"
#include "config.h"

#define QUARANTINE_DAYS 7
#define PRUNE_BATCH     5000

char *
ledger_text(const Job *job)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	if (job->error_text != NULL)
		appendStringInfoString(&text, job->error_text);
	if (job->plan != NULL)
	{
		foreach (cell, plan_missing(job->plan))
			appendStringInfo(&text, "%smissing %s", text.len == 0 ? "" : "; ", (char *) lfirst(cell));
		foreach (cell, job->plan->bounded)
			appendStringInfo(&text, "%s%s: bounded by dreamsuite.max_pages", text.len == 0 ? "" : "; ",
							 (char *) lfirst(cell));
	}
	return text.len == 0 ? NULL : text.data;
}

bool
ledger_not_begun(const Job *job)
{
	return job->held_back && job->ledger == NIL;
}

void
ledger_store(List *jobs, const Ending *endings)
{
	static SPIPlanPtr runs_plan, requests_plan, quarantine_plan;
	static const Oid run_types[] = {INT8OID, UUIDOID, TEXTOID,    DATEOID, TIMESTAMPTZOID, TEXTOID,
									INT4OID, INT8OID, NUMERICOID, TEXTOID, TEXTOID,        TEXTOID};
	static const Oid request_types[] = {INT8OID, UUIDOID, TEXTOID,    TEXTOID, TIMESTAMPTZOID,
										INT4OID, TEXTOID, NUMERICOID, INT8OID, NUMERICOID};
	static const Oid quarantine_types[] = {UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Columns *runs = columns_create(lengthof(run_types), run_types);
	Columns *requests = columns_create(lengthof(request_types), request_types);
	Columns *quarantine = columns_create(lengthof(quarantine_types), quarantine_types);
	ListCell *cell, *other;

	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);
		List *refused = job->plan != NULL ? job->plan->refused : NIL;

		if (ledger_not_begun(job))
			continue;
		columns_row(runs);
		column_count(runs, job->run_id);
		column_uuid(runs, &job->user_id);
		column_text(runs, job->platform->name);
		column_date(runs, job->date);
		column_time(runs, job->started_at);
		column_text(runs, outcome_name(endings[foreach_current_index(cell)].outcome));
		column_int(runs, list_length(job->ledger));
		column_count(runs, job->bytes);
		column_numeric(runs, job->quota_cost, AS_IT_IS);
		column_text(runs, job->error != ERROR_NONE ? error_class_name(job->error) : NULL);
		column_text(runs, ledger_text(job));
		column_texts(runs, refused, refused != NIL);

		foreach (other, job->ledger)
		{
			const LedgerEntry *entry = lfirst(other);

			columns_row(requests);
			column_count(requests, job->run_id);
			column_uuid(requests, &job->user_id);
			column_text(requests, job->platform->name);
			column_text(requests, entry->endpoint);
			column_time(requests, entry->at);
			column_datum(requests, Int32GetDatum(entry->http_status), entry->http_status == 0);
			column_text(requests, error_class_name(entry->error));
			column_numeric(requests, entry->ms, 2);
			column_count(requests, entry->bytes);
			column_numeric(requests, entry->quota_cost, AS_IT_IS);
		}
		foreach (other, refused)
		{
			columns_row(quarantine);
			column_uuid(quarantine, &job->user_id);
			column_text(quarantine, job->platform->name);
			column_text(quarantine, lfirst(other));
			column_time(quarantine, job->account.observed_at);
			column_time(quarantine, job->account.observed_at + QUARANTINE_DAYS * USECS_PER_DAY);
		}
	}
	columns_execute(
		&runs_plan,
		"INSERT INTO dreamsuite.collection_runs (run_id, user_id, platform, date, started_at, finished_at,"
		"  outcome, requests, bytes, quota_cost, error_class, error, quarantined)"
		" SELECT j.run_id, j.user_id, j.platform, j.date, j.started_at, pg_catalog.clock_timestamp(),"
		"  j.outcome, j.requests, j.bytes, j.quota_cost, j.error_class, j.error,"
		"  j.quarantined::text[]"
		" FROM batch"
		"  AS j(run_id, user_id, platform, date, started_at, outcome, requests, bytes, quota_cost,"
		"  error_class, error, quarantined)",
		runs, SPI_OK_INSERT);
	columns_execute(
		&requests_plan,
		"INSERT INTO dreamsuite.request_log (run_id, user_id, platform, endpoint, at, http_status,"
		"  error_class, ms, bytes, quota_cost)"
		" SELECT j.run_id, j.user_id, j.platform, j.endpoint, j.at, j.http_status, j.error_class,"
		"  j.ms, j.bytes, j.quota_cost"
		" FROM batch AS j(run_id, user_id, platform,"
		"  endpoint, at, http_status, error_class, ms, bytes, quota_cost)",
		requests, SPI_OK_INSERT);
	columns_execute(
		&quarantine_plan,
		"INSERT INTO dreamsuite.metric_quarantine AS q (user_id, platform, metric, since, until, reason)"
		" SELECT DISTINCT j.user_id, j.platform, j.metric, j.since, j.until, 'refused by the platform'"
		" FROM batch AS j(user_id, platform, metric, since, until)"
		" ON CONFLICT (user_id, platform, metric) DO UPDATE SET until = excluded.until",
		quarantine, SPI_OK_INSERT);
}

bool
ledger_prune(void)
{
	int64 removed = 0;

	if (!transaction_begin("dreamsuite: pruning the ledger"))
		return false;
	for (int i = 0; i < 2; i++)
	{
		static const char *const statements[] = {
			"DELETE FROM dreamsuite.request_log WHERE (user_id, request_id) IN (SELECT user_id, request_id"
			" FROM dreamsuite.request_log WHERE at < $1 ORDER BY at LIMIT 5000%s)",
			"DELETE FROM dreamsuite.collection_runs WHERE (user_id, run_id) IN (SELECT user_id, run_id"
			" FROM dreamsuite.collection_runs WHERE started_at < $1 AND (outcome IS DISTINCT FROM 'manual'"
			"  OR started_at < pg_catalog.now() - interval '1 day' * (" REVISED_DAYS " + 1))"
			" ORDER BY started_at LIMIT 5000%s)"};
		static SPIPlanPtr plans[2];
		/* Citus locks no rows of several nodes: what somebody holds is waited for */
		char *statement = psprintf(statements[i], transaction_with_citus() ? "" : " FOR UPDATE SKIP LOCKED");
		Oid types[] = {TIMESTAMPTZOID};
		Datum values[] = {TimestampTzGetDatum(GetCurrentTimestamp() - config_run_retention * USECS_PER_DAY)};

		transaction_execute(transaction_plan(&plans[i], statement, 1, types), values, NULL, SPI_OK_DELETE);
		removed = Max(removed, (int64) SPI_processed);
	}
	transaction_commit();
	return removed == PRUNE_BATCH;
}
