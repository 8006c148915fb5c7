/*
 * place.c
 *    Who is the collector: one process of each database, one server of each machine.
 *
 * Inside a server an advisory lock decides. Between servers nothing is shared but the machine. A copy of a data directory (a
 * clone, a restored backup, a standby that was promoted beside its primary) holds the same accounts and the same tokens:
 * two collectors would ask everything twice, and where refresh tokens rotate each would end the other's consent. What copies
 * have in common are the cluster's system identifier and the database's oid; they name a socket in the kernel's abstract
 * namespace (Linux: unix(7)), which one process can have. It leaves no file behind and ends with the process, however that
 * ends. Across machines, and elsewhere than on Linux, nothing could tell.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/fmgrprotos.h"

#include "collect/collector.h"
#include "collect/place.h"
#include "collect/transaction.h"

#define TRY_AGAIN_US 100000

static int machine = -1; /* the socket */
static volatile sig_atomic_t *called;

/* ---- The database ---- */

bool
place_take(TransactionId after)
{
	MemoryContext caller = CurrentMemoryContext;
	int other = 0;
	bool mine;

	if (TransactionIdIsValid(after))
	{
		/* Before the extension is locked: that transaction may be about to drop it. */
		StartTransactionCommand();
		XactLockTableWait(after, NULL, NULL, XLTW_None);
		CommitTransactionCommand();
		MemoryContextSwitchTo(caller);
	}
	if (!transaction_begin("dreamsuite: starting"))
		return false;
	mine = collector_lock();
	if (!mine)
		other = collector_pid();
	transaction_commit();
	if (other != 0)
		kill(other, SIGUSR2);
	return mine;
}

/* Whoever took this process for the collector until its end was heard by nobody: another one takes its place. */
static void
hear_last_call(int code, Datum arg)
{
	if (*called)
		(void) collector_start(MyDatabaseId, false, InvalidTransactionId, NULL);
}

bool
place_leave(volatile sig_atomic_t *woken)
{
	MemoryContext caller = CurrentMemoryContext;
	bool ends;

	place_leave_machine(0, (Datum) 0);
	StartTransactionCommand();
	collector_unlock();
	ends = !*woken || !collector_lock();
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	if (!ends)
		return !place_take_machine(0);
	called = woken;
	on_shmem_exit(hear_last_call, (Datum) 0);
	return true;
}

/* ---- The machine ---- */

bool
place_take_machine(int tries)
{
#ifdef __linux__
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
						  "dreamsuite/" UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* What the kernel does not offer here is no reason to collect nothing. */
	if (fd < 0)
		return true;
	while (bind(fd, (struct sockaddr *) &address, offsetof(struct sockaddr_un, sun_path) + 1 + length) != 0)
	{
		bool is_taken = errno == EADDRINUSE;

		if (!is_taken || tries-- <= 0)
		{
			close(fd);
			return !is_taken;
		}
		pg_usleep(TRY_AGAIN_US);
	}
	machine = fd;
#endif
	return true;
}

void
place_leave_machine(int code, Datum arg)
{
	if (machine >= 0)
		close(machine);
	machine = -1;
}
