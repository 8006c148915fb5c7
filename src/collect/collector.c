/*
 * collector.c
 *    The event loop: claim, ask, answer, store.
 *
 * One process per database, hundreds of transfers at once, no transaction while it waits for the network. Jobs wait in
 * three lists: asking (requests to be sent or under way), done (to be stored), and the engine's own transfers, which a
 * thread keeps going whatever happens here.
 * Whatever a platform does ends in one job; whatever the database does ends in one batch.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "collect/aside.h"
#include "collect/authorise.h"
#include "collect/collector.h"
#include "collect/cycle.h"
#include "collect/exchange.h"
#include "collect/heap.h"
#include "collect/keep.h"
#include "collect/pace.h"
#include "collect/place.h"
#include "collect/resume.h"
#include "collect/revoke.h"
#include "collect/store.h"
#include "collect/transaction.h"
#include "collect/upkeep.h"
#include "collect/work.h"
#include "config.h"

#define CLAIM_SHARE      5     /* accounts at work for a connection: with many, a statement is for many */
#define CLAIM_LEAST      128   /* the same in all, however few connections there may be */
#define STORE_BATCH      512   /* jobs of one transaction, at most */
#define STORE_LEAST      8     /* fewer are hardly worth one */
#define STORE_IDLE_US    2000  /* what a transaction should take while the network waits ... */
#define STORE_BUSY_US    64000 /* ... and where this process itself is the limit */
#define STORE_AFTER_MS   250   /* a finished job waits no longer for company */
#define REST_AFTER_MS    1000
#define IDLE_EXIT_MS     5000 /* a collector that nobody keeps leaves after this */
#define CLAIM_AGAIN_MS   1000
#define LONGEST_REST_MS  60000 /* after claims that failed */
#define MACHINE_AGAIN_MS 5000
#define LAST_WORDS_MS    600 /* termination is answered within a second */

static HttpEngine *engine;
static bool wanted[MAX_PLATFORMS]; /* the platform may have more due accounts than were claimed */
static TimestampTz wanted_at;      /* clock: since then each of them may */
static bool claim_wanted = true;
static bool claim_after_store = false;
static TimestampTz next_due = TIME_UNKNOWN;
static char *database_name;
static TimestampTz claimed_at;                /* clock: of the last claim that found nothing */
static TimestampTz lease_ends = TIME_UNKNOWN; /* clock: of somebody who is gone */
static TimestampTz claim_not_before = 0;      /* clock: the last claim failed */
static int failed_claims = 0;                 /* in a row */
static bool rested;                           /* since the last cycle */
static volatile sig_atomic_t woken = false;

static void
handle_wake(SIGNAL_ARGS)
{
	int saved = errno;

	woken = true;
	SetLatch(MyLatch);
	errno = saved;
}

/* Every platform is looked at again. */
static void
want_all(void)
{
	claim_wanted = true;
	memset(wanted, true, sizeof(wanted));
	due_begin_again();
	wanted_at = GetCurrentTimestamp();
}

/* Those whose rows someone else holds are put aside; the others are over. */
static void
store_list(List *jobs, bool patient)
{
	ListCell *cell;
	int newly = 0;

	store_jobs(jobs, patient, &next_due);
	foreach (cell, jobs)
	{
		Job *job = lfirst(cell);

		if (job->locked)
		{
			newly += job->times_aside == 0 ? 1 : 0;
			aside_put(job);
		}
		else if (!resume_keep(job))
			MemoryContextDelete(job->context);
	}
	list_free(jobs);
	if (newly > 0)
		ereport(LOG, (errmsg_plural("%d account is locked by another transaction",
									"%d accounts are locked by other transactions", newly, newly),
					  errdetail("What was collected is stored when that has ended.")));
}

static double store_us = 0; /* that a job took of late; 0: not known */

/*
 * How many finished jobs are worth a transaction. No answer is read while one is stored, and a request that depends on it
 * waits: as long as the network is waited for, few at a time cost nothing.
 */
static int
store_worth(bool busy)
{
	double most = store_us > 0 ? (busy ? STORE_BUSY_US : STORE_IDLE_US) / store_us : STORE_BATCH;

	return (int) Max(STORE_LEAST, Min(STORE_BATCH, most));
}

/* Stores the oldest of the finished jobs. */
static void
store_done(bool busy)
{
	int count = Min(list_length(work.done), store_worth(busy));
	TimestampTz began = GetCurrentTimestamp();
	List *jobs = list_truncate(list_copy(work.done), count);
	ListCell *cell;

	work.done = list_delete_first_n(work.done, count);
	/* Those that are asked for again may be among them. */
	if (claim_after_store)
	{
		foreach (cell, jobs)
			wanted[((Job *) lfirst(cell))->platform_index] = true;
	}
	work.done_since = began;
	work.count -= count;
	store_list(jobs, aside_jobs() == NIL);
	store_us += ((double) (GetCurrentTimestamp() - began) / count - store_us) / (store_us > 0 ? 4 : 1);
	transaction_outgrow_plans(count);
	claim_wanted = true;
	claim_after_store = claim_after_store && work.count > 0;
}

/* What is asked for again meanwhile could not be claimed before. */
static void
store_aside(void)
{
	List *jobs = aside_take();

	if (jobs == NIL)
		return;
	store_list(jobs, false);
	want_all();
}

/*
 * Claims the accounts that there is room for; more than one connection's worth, so that slow ones do not idle it. Waits
 * until it is worth a transaction: a quarter of all and half of what a platform may have at work has become free, or a
 * platform has next to nothing at work. Jobs that wait to be stored count no more: they use no connection.
 */
static void
claim_more(bool busy)
{
	int most = Max(CLAIM_SHARE * config_max_connections, CLAIM_LEAST);
	int done = list_length(work.done), at_work = work.count - done;
	bool worth = work.count == 0;
	Look look;
	List *jobs;
	ListCell *cell;

	/* What is heard faster than it can be stored would fill the memory. */
	for (int i = 0; platforms[i] != NULL && !worth && done <= 2 * store_worth(busy); i++)
		worth = wanted[i] && (work.of_platform[i] <= ROOM_LEAST / 2 ||
							  (at_work <= most * 3 / 4 &&
							   work.of_platform[i] <= (busy ? pace_room(platforms[i], most) / 2
															: pace_room(platforms[i], most) * 3 / 4)));
	claim_wanted = false;
	if (!worth)
		return;
	/* The platforms have something to do meanwhile. */
	(void) exchange_send();
	jobs = claim_due(work.context, most, work.of_platform, wanted, &look);
	if (look.failed)
	{
		long rest_ms = Min(LONGEST_REST_MS, CLAIM_AGAIN_MS << Min(failed_claims, 10));

		failed_claims++;
		claim_not_before = GetCurrentTimestamp() + rest_ms * INT64CONST(1000);
		claim_wanted = true;
	}
	else
	{
		failed_claims = 0;
		claim_not_before = 0;
		claimed_at = jobs == NIL && !look.again ? GetCurrentTimestamp() : 0;
		next_due = look.due;
		lease_ends = look.lease_ends;
		for (int i = 0; platforms[i] != NULL; i++)
			wanted[i] = look.more[i] && pace_room(platforms[i], most) > 0;
	}
	claim_wanted = claim_wanted || jobs != NIL || look.again;
	foreach (cell, jobs)
		job_begin(lfirst(cell));
	list_free(jobs);
	revoke_send();
}

/* While there is work the other platforms are looked at now and then: what is free would be shared with those that have nothing. */
static bool
may_want_all(void)
{
	return GetCurrentTimestamp() - wanted_at >= CLAIM_AGAIN_MS * INT64CONST(1000);
}

/* Milliseconds until then, at least 1. */
static long
until(TimestampTz then, TimestampTz now)
{
	return (long) Min((then - now) / 1000 + 1, INT_MAX);
}

/*
 * Milliseconds until an account is due, or no longer under the lease of somebody who is gone; LONG_MAX where the calendar
 * stands still or there is none. What could be claimed but for someone else who holds its row is looked for again after a
 * second.
 */
static long
until_due(void)
{
	TimestampTz now = config_now(), clock = GetCurrentTimestamp();
	long again = claimed_at != 0 ? Max(0, CLAIM_AGAIN_MS - (long) ((clock - claimed_at) / 1000)) : 0;
	long wait = LONG_MAX;

	if (next_due != TIME_UNKNOWN && next_due <= now)
		wait = again;
	else if (next_due != TIME_UNKNOWN && config_test_now[0] == '\0')
		wait = until(next_due, now);
	if (lease_ends != TIME_UNKNOWN)
		wait = Min(wait, lease_ends <= clock ? again : until(lease_ends, clock));
	return claim_not_before > clock ? until(claim_not_before, clock) : wait;
}

static HttpOptions
http_options(void)
{
	return (HttpOptions){.max_connections = config_max_connections,
						 .max_host_connections = config_max_host_connections,
						 .connect_timeout_ms = config_connect_timeout,
						 .idle_timeout_s = Max(1, config_request_timeout / 2000),
						 .max_body = 8 * 1024 * 1024,
						 .ca_file = config_ca_file,
						 .proxy = config_proxy,
						 .test_base_url = config_test_base_url,
						 .user_agent = "dreamsuite/" DREAMSUITE_VERSION};
}

static void
reload(void)
{
	HttpOptions options;
	char *before = pstrdup(config_collect_at);

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	options = http_options();
	http_engine_configure(engine, &options);
	upkeep_reload(strcmp(before, config_collect_at) != 0);
	pfree(before);
	want_all();
}

static void
flush_revocations(void *arg)
{
	revoke_flush();
}

static void
end_cycle(void *arg)
{
	cycle_end();
}

/* Is a collector of this database still wanted? A standing one leaves with its database's place in the list. */
static bool
is_served(bool standing)
{
	char *copy;
	List *names = NIL;
	ListCell *cell;
	bool listed = false;

	if (!config_enabled)
		return false;
	if (!standing)
		return true;
	copy = pstrdup(config_databases);
	if (SplitGUCList(copy, ',', &names))
	{
		foreach (cell, names)
			listed = listed || strcmp(lfirst(cell), database_name) == 0;
	}
	list_free(names);
	pfree(copy);
	return listed;
}

/*
 * Where a copy of this cluster on the same machine is collected by its own server, one collector that stands waits until it
 * has gone; one that was called for ends.
 */
static void
await_machine(bool standing)
{
	bool warned = false;

	for (int tries = PLACE_TRIES; !place_take_machine(tries); tries = 0)
	{
		if (!warned)
			ereport(WARNING, (errcode(ERRCODE_OBJECT_IN_USE),
							  errmsg("another server on this machine collects a copy of this database"),
							  errdetail("Both would ask for the same accounts, with the same tokens."),
							  errhint("Stop one of the two, or set dreamsuite.enabled to off in the copy.")));
		warned = true;
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (!standing || !is_served(true))
			proc_exit(0);
		pgstat_report_activity(STATE_IDLE, PLACE_WAITS);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, MACHINE_AGAIN_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	before_shmem_exit(place_leave_machine, (Datum) 0);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* While a refresh token is on its way that ends with the platform's answer, or is still to be kept, termination is answered by
 * the loop itself. */
static bool
run_engine(long wait)
{
	bool ended, hold = authorise_renewals() > 0 || keep_wait() != LONG_MAX;

	if (hold)
		HOLD_INTERRUPTS();
	ended = http_engine_run(engine, wait);
	/* What keeps tokens holds them on until they are kept; an error of a job forgets that they are held. */
	if (hold && InterruptHoldoffCount > 0 && !keep_waits())
		RESUME_INTERRUPTS();
	return ended;
}

/* A collector that shall end gives such answers a moment to come, and keeps them. */
static void
await_renewals(void)
{
	TimestampTz until = GetCurrentTimestamp() + LAST_WORDS_MS * INT64CONST(1000);

	while (ProcDiePending && authorise_renewals() > 0 && GetCurrentTimestamp() < until)
	{
		MemoryContextSwitchTo(work.context);
		(void) run_engine(50);
		keep_flush();
	}
}

/* A cycle's memory is given back when it has been over for a moment; returns the milliseconds until then. */
static long
rest(long idle_ms)
{
	if (rested)
		return LONG_MAX;
	if (idle_ms < REST_AFTER_MS)
		return REST_AFTER_MS - idle_ms;
	http_engine_rest(engine);
	heap_trim();
	rested = true;
	return LONG_MAX;
}

/*
 * Every statement here looks rows up by their keys, a few at a time. A plan made while tables are new and have no
 * statistics would read them whole, or intersect bitmaps of half a table, and it is kept.
 */
static void
set_planner(void)
{
	static const char *const off[] = {"enable_seqscan",   "enable_bitmapscan", "enable_hashjoin",
									  "enable_mergejoin", "enable_material",   "jit"};

	for (int i = 0; i < lengthof(off); i++)
		SetConfigOption(off[i], "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("max_parallel_workers_per_gather", "0", PGC_USERSET, PGC_S_SESSION);
	/* plan_cache_mode: see transaction.c */
}

void
dreamsuite_collector_main(Datum arg)
{
	CollectorArgs args;
	HttpOptions options;
	TimestampTz idle_since = 0;
	bool tidied;
	bool busy = false; /* the network has answers to be heard */

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGUSR2, handle_wake);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(args.database, InvalidOid, 0);
	SetConfigOption("application_name", "dreamsuite " DREAMSUITE_VERSION, PGC_USERSET, PGC_S_SESSION);
	/* Rows that a crash takes back are collected again; tokens are committed on their own terms (authorise.c). */
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("TimeZone", "UTC", PGC_USERSET, PGC_S_SESSION);
	/* What waited for a lock goes on with what it finds then, whatever the database's own default is. */
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_SESSION);
	set_planner();
	heap_keep();
	pgstat_report_activity(STATE_IDLE, NULL);

	work.context = AllocSetContextCreate(TopMemoryContext, "dreamsuite collector", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work.context);
	if (RecoveryInProgress() || !place_take(args.after))
		proc_exit(0);
	StartTransactionCommand();
	database_name = MemoryContextStrdup(TopMemoryContext, get_database_name(MyDatabaseId));
	CommitTransactionCommand();
	MemoryContextSwitchTo(work.context);
	await_machine(args.standing);
	transaction_patience(STORE_PATIENCE_MS);
	upkeep_start();
	(void) upkeep_tidy(&tidied);
	want_all();
	options = http_options();
	engine = http_engine_create(
		AllocSetContextCreate(work.context, "dreamsuite http", ALLOCSET_DEFAULT_SIZES), &options);
	exchange_start(engine);
	ereport(LOG, (errmsg("dreamsuite collector started")));

	for (;;)
	{
		long wait;
		bool served;

		keep_flush();
		await_renewals();
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
			reload();
		served = is_served(args.standing);
		if (woken)
		{
			/* What is due may be under lease until a job of ours is stored. */
			woken = false;
			resume_look();
			want_all();
			claim_after_store = work.count > 0;
		}
		if (work.has_ended)
		{
			work.has_ended = false;
			claim_wanted = true;
		}
		wait = Min(upkeep_tidy(&tidied), resume_tidy());
		if (tidied)
			want_all();
		store_aside();
		if (until_due() == 0 && (work.count == 0 || may_want_all()))
			want_all();
		/* Room that was kept for platforms of which nothing is due goes to the others the second time. */
		for (int round = 0; round < 2; round++)
		{
			if (claim_wanted && served && GetCurrentTimestamp() >= claim_not_before)
				claim_more(busy);
		}
		if (claim_wanted && served && claim_not_before != 0)
			wait = Min(wait, until(claim_not_before, GetCurrentTimestamp()));
		(void) transaction_try(flush_revocations, NULL, "forget revoked tokens");
		wait = Min(wait, exchange_send());
		if (work.done != NIL)
		{
			long age = (long) ((GetCurrentTimestamp() - work.done_since) / 1000);
			int finished = list_length(work.done);

			if (finished >= store_worth(busy) || age >= STORE_AFTER_MS || finished == work.count)
			{
				store_done(busy);
				idle_since = 0;
				if (work.count == 0)
				{
					collector_tell_waiting();
					continue;
				}
				/* What has come meanwhile is heard first, unless there is as much again to be stored. */
				if (list_length(work.done) >= store_worth(true))
					continue;
				wait = 0;
			}
			else if (finished >= store_worth(false))
				wait = 0;
			else
				wait = Min(wait, STORE_AFTER_MS - age);
		}
		if (work.count == 0)
		{
			TimestampTz now = GetCurrentTimestamp();

			/* Between two runs: this is where it may leave. */
			if (!served)
				break;
			if (idle_since == 0)
			{
				idle_since = now;
				rested = false;
				transaction_outgrow_plans(0);
				(void) transaction_try(end_cycle, NULL, "end the cycle");
			}
			if (!args.standing && next_due == TIME_UNKNOWN && lease_ends == TIME_UNKNOWN &&
				aside_jobs() == NIL && failed_claims == 0 && !upkeep_is_untidy() && !revoke_busy())
			{
				long left = IDLE_EXIT_MS - (long) ((now - idle_since) / 1000);

				if (left <= 0 && place_leave(&woken))
					break;
				wait = Min(wait, Max(left, 0));
			}
			wait = Min(wait, Min(until_due(), rest((long) ((now - idle_since) / 1000))));
		}
		else
			idle_since = 0;
		upkeep_leases();
		wait = Min(wait, Min(upkeep_prune(), Min(aside_wait(), keep_wait())));
		MemoryContextSwitchTo(work.context);
		busy = run_engine(wait == LONG_MAX ? -1 : wait);
	}
	ereport(LOG, (errmsg("dreamsuite collector ends: %s",
						 config_enabled ? "nothing is due" : "dreamsuite.enabled is off")));
	proc_exit(0);
}
