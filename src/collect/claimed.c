/*
 * claimed.c
 *    What a claim has read becomes jobs.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/claimed.h"
#include "collect/result.h"
#include "collect/secret.h"
#include "collect/transaction.h"
#include "config.h"

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

/*
 * Opens what was sealed. A key that is missing ends the run of this account, not of the others. All is read before: a value
 * that is damaged is an error of the transaction.
 */
static void
open_secrets(Job *job, int row)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *platform = job->platform->name;
	bytea *access = result_bytes(row, "access_token"), *refresh = result_bytes(row, "refresh_token");
	bytea *client = result_bytes(row, "client_secret");
	bytea *code = result_bytes(row, "code"), *verifier = result_bytes(row, "verifier");

	job->code_state_hash = code != NULL ? result_bytes(row, "state_hash") : NULL;
	job->code_redirect_uri = code != NULL ? result_text(row, "code_redirect_uri") : NULL;
	job->code_scopes = code != NULL ? result_texts(row, "code_scopes") : NIL;
	PG_TRY();
	{

		job->tokens.access_token =
			secret_open_account(job->secret_context, &job->user_id, platform, "access_token", access);
		job->tokens.refresh_token =
			secret_open_account(job->secret_context, &job->user_id, platform, "refresh_token", refresh);
		job->client.secret = secret_open_app(job->secret_context, platform, "client_secret", client);
		if (code != NULL)
		{
			job->code = secret_open_state(job->secret_context, job->code_state_hash, platform, "code", code);
			job->code_verifier =
				secret_open_state(job->secret_context, job->code_state_hash, platform, "verifier", verifier);
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
read_job(MemoryContext context, int row)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Job *job = palloc0(sizeof(Job));
	Jsonb *settings, *extra;
	bool null;

	job->context = context;
	job->secret_context = secret_context_create(context);
	job->user_id = *DatumGetUUIDP(result_column(row, "user_id", &null));
	job->platform = platform_get(result_text(row, "platform"));
	job->platform_index = platform_index(job->platform);
	job->due_at = result_time(row, "next_due_at");
	job->lease_token = *DatumGetUUIDP(result_column(row, "lease_token", &null));
	job->run_id = result_count(row, "run_id");
	job->attempts = DatumGetInt32(result_column(row, "attempts", &null));
	job->status = result_text(row, "status");
	job->requested_at = result_time(row, "requested_at");
	job->started_at = GetCurrentTimestamp();

	settings = result_jsonb(row, "settings");
	job->account.settings = settings != NULL ? &settings->root : NULL;
	job->account.external_id = result_text(row, "external_id");
	job->identified = job->account.external_id != NULL;
	job->handle = result_text(row, "handle");
	job->account.scopes = result_texts(row, "granted_scopes");
	job->account.quarantined = result_texts(row, "quarantined");

	job->tokens.expires_at = result_time(row, "expires_at");
	job->tokens.refresh_expires_at = result_time(row, "refresh_expires_at");
	job->client.def = oauth_habits(job->platform, job->account.settings);
	job->client.id = result_text(row, "client_id");
	extra = result_jsonb(row, "extra");
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

Job *
claimed_job(MemoryContext parent, int row)
{
	MemoryContext context = AllocSetContextCreate(parent, "dreamsuite job", ALLOCSET_SMALL_SIZES);
	Job *volatile job = NULL;

	PG_TRY();
	{
		job = read_job(context, row);
	}
	PG_CATCH();
	{
		MemoryContextDelete(context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return job;
}

/* Content known of the claimed accounts. $1 users, $2 platforms. */
static const char *const known_sql =
	"SELECT c.user_id, c.platform, c.content_id, c.kind, c.published_at, c.likes, c.comments, c.shares, c.views,"
	"  c.reach, c.saves, c.watch_time_minutes, c.title, c.extra"
	" FROM ROWS FROM (pg_catalog.unnest($1::uuid[]), pg_catalog.unnest($2::text[])) AS j(user_id, platform)"
	" JOIN dreamsuite.content_items c ON c.user_id = j.user_id AND c.platform = j.platform";

void
claimed_load_known(List *jobs)
{
	static SPIPlanPtr plan;
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
	transaction_execute(transaction_plan(&plan, known_sql, 2, types), values, NULL, SPI_OK_SELECT);

	for (int row = 0; row < (int) SPI_processed; row++)
	{
		bool null;
		pg_uuid_t *user = DatumGetUUIDP(result_column(row, "user_id", &null));
		char *platform = result_text(row, "platform");
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
		item = contents_item(job->plan->known, result_text(row, "content_id"));
		item->kind = result_text(row, "kind");
		item->published_at = result_time(row, "published_at");
		item->likes = result_count(row, "likes");
		item->comments = result_count(row, "comments");
		item->shares = result_count(row, "shares");
		item->views = result_count(row, "views");
		item->reach = result_count(row, "reach");
		item->saves = result_count(row, "saves");
		item->watch_time_minutes = result_count(row, "watch_time_minutes");
		item->title = result_text(row, "title");
		item->extra = result_jsonb(row, "extra");
		MemoryContextSwitchTo(old);
	}
}
