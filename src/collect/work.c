/*
 * work.c
 *    The way of a job: begun, authorised, asking, done.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "collect/authorise.h"
#include "collect/collector.h"
#include "collect/resume.h"
#include "collect/retry.h"
#include "collect/secret.h"
#include "collect/work.h"
#include "config.h"
#include "http/url.h"

Work work = {.asking = DLIST_STATIC_INIT(work.asking)};

void
job_note_error(Job *job, ErrorClass error, const char *text)
{
	MemoryContext old;

	if (job->error != ERROR_NONE)
		return;
	old = MemoryContextSwitchTo(job->context);
	job->error = error;
	job->error_text = text != NULL ? url_redact(text) : NULL;
	MemoryContextSwitchTo(old);
}

/* What a stopped job still wanted to ask is missing, and what it knows of those listings is no whole. */
static void
job_drop_requests(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);
	ListCell *cell;

	foreach (cell, job->waiting)
		plan_drop(job->plan, lfirst(cell));
	foreach (cell, job->held)
		plan_drop(job->plan, lfirst(cell));
	if (job->plan != NULL)
	{
		foreach (cell, job->plan->pending)
			plan_drop(job->plan, lfirst(cell));
		job->plan->pending = NIL;
	}
	job->waiting = job->held = NIL;
	MemoryContextSwitchTo(old);
}

void
job_stop(Job *job, ErrorClass error, const char *text)
{
	/* What stops a run outranks what only hurt it. */
	if (!job->stopped)
		job->error = ERROR_NONE;
	job_note_error(job, error, text);
	job->stopped = true;
	job_drop_requests(job);
}

void
job_set_status(Job *job, const char *status, const char *reason)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	job->new_status = status;
	job->new_status_reason = reason != NULL ? url_redact(reason) : NULL;
	MemoryContextSwitchTo(old);
}

/* The same account? Some platforms name it by a bare id here and by a URN there: "soundcloud:users:42". */
static bool
same_account(const char *a, const char *b)
{
	const char *tail_a = strrchr(a, ':'), *tail_b = strrchr(b, ':');

	return strcmp(tail_a != NULL ? tail_a + 1 : a, tail_b != NULL ? tail_b + 1 : b) == 0;
}

/* Errors that end the collector: what was asked of it, not what a body made of it. */
static bool
must_end(const ErrorData *error)
{
	return error->elevel >= FATAL || error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		   error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN;
}

char *
job_caught(Job *job)
{
	ErrorData *error;

	MemoryContextSwitchTo(job->context);
	error = CopyErrorData();
	if (must_end(error))
		PG_RE_THROW();
	FlushErrorState();
	ereport(WARNING, (errcode(error->sqlerrcode),
					  errmsg("could not work on platform \"%s\" of user \"%s\": %s", job->platform->name,
							 DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&job->user_id))),
							 error->message)));
	return error->message;
}

void
job_go_on(Job *job, void (*then)(Job *job))
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	PG_TRY();
	{
		then(job);
	}
	PG_CATCH();
	{
		job_stop(job, ERROR_BAD_RESPONSE, job_caught(job));
		job_progress(job);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
}

/* Reads the answers of a job. */
static void
job_normalise(Job *job)
{
	if (job->placeholder || job->answered_ok > 0)
	{
		Responses *responses = job->plan != NULL ? job->plan->responses : responses_create(job->platform);

		Contents *known = job->plan != NULL ? job->plan->known : NULL;

		/* What goes on later must not take what is read now for what was known before. */
		if (job->keeps_answers)
			known = contents_copy(known);
		job->result = platform_normalise(job->platform, &job->account, responses, known);
		if (job->account.external_id != NULL && job->result->external_id != NULL && !job->placeholder &&
			!same_account(job->account.external_id, job->result->external_id))
		{
			/* Another account answered: two series must not be mixed. */
			job->result = NULL;
			job_stop(job, ERROR_AUTH_REVOKED,
					 "the token belongs to another account of the platform than the one connected");
			job_set_status(job, "needs_reauth", job->error_text);
		}
		else
			job->metrics = normalised_metrics(job->result);
	}
}

/* The same; what cannot be read leaves the run without a result. */
static void
job_read(Job *job)
{
	PG_TRY();
	{
		job_normalise(job);
	}
	PG_CATCH();
	{
		job->result = NULL;
		job->metrics = NULL;
		job_note_error(job, ERROR_BAD_RESPONSE, job_caught(job));
	}
	PG_END_TRY();
}

/* A job has all its answers: normalise them and queue it for storing. */
static void
job_finish(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	job->keeps_answers = resume_is_worth_it(job);
	job_read(job);
	/* Where a token is needed it says whose account it is; there is always something to ask. */
	if (job->result == NULL && job->error == ERROR_NONE)
		job_note_error(
			job, ERROR_NOT_FOUND,
			"nothing says whose numbers to ask for: name the artist as external_id by connect_account()");
	/* What is stored is a copy; pages that wait for it would be most of the memory. */
	if (job->bodies != NULL && !job->keeps_answers)
	{
		MemoryContextDelete(job->bodies);
		job->bodies = NULL;
	}
	MemoryContextSwitchTo(old);
	authorise_end(job);
	secret_context_wipe(job->secret_context);
	job->tokens = (Tokens){.expires_at = TIME_UNKNOWN, .refresh_expires_at = TIME_UNKNOWN};
	job->phase = JOB_DONE;
	dlist_delete(&job->node);
	if (work.done == NIL)
		work.done_since = GetCurrentTimestamp();
	old = MemoryContextSwitchTo(work.context);
	work.done = lappend(work.done, job);
	work.of_platform[job->platform_index]--;
	work.has_ended = true;
	MemoryContextSwitchTo(old);
}

void
job_progress(Job *job)
{
	/* What authorises it may have ended it already. */
	if (job->phase == JOB_DONE || job->keep != NULL)
		return;
	if (job->stopped)
		job_drop_requests(job);
	else if (job->plan != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(job->context);

		job->waiting = list_concat(job->waiting, job->plan->pending);
		job->plan->pending = NIL;
		MemoryContextSwitchTo(old);
	}
	if (job->phase == JOB_ASKING && job->in_flight == 0 && job->waiting == NIL && job->held == NIL)
		job_finish(job);
	else if (job->stopped && job->in_flight == 0)
		job_finish(job);
}

void
collector_authorised(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	if (job->phase == JOB_AUTHORISING && !job->stopped)
	{
		if (job->plan == NULL)
			job->plan = plan_create(job->platform, &job->account, contents_create(), config_max_pages);
		if (job->resumed)
			plan_resume(job->plan, &job->account);
		else
			plan_begin(job->plan);
	}
	job->waiting = list_concat(job->waiting, job->held);
	job->held = NIL;
	job->phase = JOB_ASKING;
	MemoryContextSwitchTo(old);
	job_progress(job);
}

static void
job_authorise(Job *job)
{
	PG_TRY();
	{
		authorise_begin(job);
	}
	PG_CATCH();
	{
		job_stop(job, ERROR_BAD_RESPONSE, job_caught(job));
	}
	PG_END_TRY();
}

void
job_begin(Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	work.count++;
	work.of_platform[job->platform_index]++;
	dlist_push_tail(&work.asking, &job->node);
	/* Tries are counted before they are made, so those that took the collector with them count as well. */
	if (job->attempts > MAX_CRASHES_A_DAY)
		job_stop(job, ERROR_BAD_RESPONSE,
				 "tried too often on this day; the collector ended in the middle of it");
	if (job->placeholder || job->stopped)
	{
		job->phase = JOB_ASKING;
		job_progress(job);
	}
	else
	{
		job->phase = JOB_AUTHORISING;
		job_authorise(job);
	}
	MemoryContextSwitchTo(old);
}
