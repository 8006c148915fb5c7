/*
 * network_test.c
 *    The thread of src/http/network.c under the thread sanitizer, against a small server (http_server.h): what is sent is
 *    answered once, whatever the owner does meanwhile, and nothing is left behind.
 */
#include "backend.h"

#include <dirent.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http/network.h"
#include "http_server.h"

#include "unit.h"

#define MOST     4000
#define PATIENCE 10000 /* milliseconds for what takes a second at most */
#define MEGABYTE (1024 * 1024)

static HttpServer server;
static const char *address = "127.0.0.1"; /* of the server */
static HttpNetwork network;
static HttpHost hosts[2];

/* What was asked, by its number, and what came of it. */
static struct
{
	const char *kind;
	int host, arg;
	int answers;
	ErrorClass error;
} asked[MOST];
static int asked_count;

static int answers, good, late; /* good: a body as it should be; late: waits that nothing ended */
static int order[MOST];         /* which answer came when */
static char agent[64];          /* the last body of that kind */
static bool reused;             /* of the last answer */

/* ---- What the owner does ---- */

/* New options; the thread does not run. */
static void
set_options(const char *user_agent, int connections)
{
	network.options.user_agent = user_agent;
	network.options.max_connections = connections;
	network.generation++;
	multi_limit(&network.multi, connections);
}

static void
begin(int connections, int host_connections)
{
	for (int i = 0; i < 2; i++)
		hosts[i] = (HttpHost){.name = i == 0 ? "a" : "b"};
	asked_count = answers = good = late = 0;
	server_forget(&server);
	network_init(&network);
	network_open(&network);
	network.options = (HttpOptions){
		.max_host_connections = host_connections, .connect_timeout_ms = 5000, .max_body = 8 * MEGABYTE};
	set_options("first", connections);
}

static int
open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* Puts some requests into a list. */
static void
ask(dlist_head *list, int count, int host, const char *kind, int arg, int timeout_ms)
{
	while (count-- > 0)
	{
		int id = asked_count++;
		HttpRequest request = {.method = HTTP_GET, .timeout_ms = timeout_ms};
		HttpTransfer *transfer;
		char url[128];

		snprintf(url, sizeof(url), "http://%s:%d/%s/%s/%d/%d", address, server.port, hosts[host].name, kind,
				 arg, id);
		transfer = transfer_create(&request, url);
		transfer->host = &hosts[host];
		transfer->arg = &asked[id];
		transfer->plain = true;
		asked[id].kind = kind;
		asked[id].host = host;
		asked[id].arg = arg;
		asked[id].answers = 0;
		dlist_push_tail(list, &transfer->node);
	}
}

static void
send_some(int count, int host, const char *kind, int arg)
{
	dlist_head list;

	dlist_init(&list);
	ask(&list, count, host, kind, arg, PATIENCE);
	network_send(&network, &list);
}

static bool
is_as_asked(const HttpAnswer *answer, int id)
{
	bool big = strcmp(asked[id].kind, "big") == 0;
	char text[32];
	size_t length;

	if (answer->error != ERROR_NONE || answer->status != 200)
		return false;
	if (strcmp(asked[id].kind, "agent") == 0)
	{
		snprintf(agent, sizeof(agent), "%s", answer->body);
		return true;
	}
	length = snprintf(text, sizeof(text), big ? "%s %d " : "%s %d", hosts[asked[id].host].name, id);
	if (answer->length != (big ? (size_t) asked[id].arg : length) || memcmp(answer->body, text, length) != 0)
		return false;
	return answer->body[answer->length] == '\0' && (!big || answer->body[answer->length - 1] == 'x');
}

/* Notes the answers of a list, and lets go of them. */
static void
hear(dlist_head *list)
{
	dlist_iter iter;

	dlist_foreach(iter, list)
	{
		HttpTransfer *transfer = dlist_container(HttpTransfer, node, iter.cur);
		int id = (typeof(&asked[0])) transfer->arg - asked;

		asked[id].answers++;
		asked[id].error = transfer->answer.error;
		good += is_as_asked(&transfer->answer, id);
		reused = transfer->answer.reused;
		order[answers++] = id;
	}
	network_forget_all(&network, list);
}

/* Waits for the bell and takes what there is; false where it does not ring. */
static bool
take(dlist_head *list, int timeout_ms)
{
	struct pollfd bell = {.fd = network.bell, .events = POLLIN};

	if (poll(&bell, 1, timeout_ms) <= 0)
		return false;
	network_take_ended(&network, list);
	return true;
}

/* Waits for so many answers in all. */
static void
hear_until(int wanted)
{
	dlist_head list;

	dlist_init(&list);
	while (answers < wanted && late == 0)
	{
		late += !take(&list, PATIENCE);
		hear(&list);
	}
}

static bool
each_once(void)
{
	for (int id = 0; id < asked_count; id++)
	{
		if (asked[id].answers != 1)
			return false;
	}
	return true;
}

/* Waits until the server has begun so many requests. */
static void
await_begun(int wanted)
{
	for (int i = 0; i < PATIENCE && server_count(&server, begun) < wanted; i++)
		poll(NULL, 0, 1);
}

/* Waits until the server has begun no request for a quarter of a second; how many it has begun by then. */
static int
all_begun(void)
{
	int before, now = server_count(&server, begun);

	do
	{
		before = now;
		poll(NULL, 0, 250);
		now = server_count(&server, begun);
	} while (now != before);
	return now;
}

static size_t
unheard(void)
{
	size_t bytes;

	pthread_mutex_lock(&network.mutex);
	bytes = network.unheard;
	pthread_mutex_unlock(&network.mutex);
	return bytes;
}

/* What waits and what is under way; the thread has been stopped. */
static int
unfinished(void)
{
	return network.queued + network.active + !dlist_is_empty(&network.sent) + !dlist_is_empty(&network.over) +
		   !dlist_is_empty(&network.ended) + !dlist_is_empty(&network.under_way);
}

/* A machine that has no thread left. */
static bool no_threads;
extern int
__real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg);
extern int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg);

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
	return no_threads ? EAGAIN : __real_pthread_create(thread, attributes, run, arg);
}

/* ---- The tests ---- */

static void
test_many(void)
{
	begin(20, 12);
	while (asked_count < 2000)
	{
		dlist_head list;

		send_some(17, 0, "slow", 1);
		send_some(8, 1, "slow", 2);
		dlist_init(&list);
		if (network_take_ended(&network, &list))
			hear(&list);
	}
	hear_until(asked_count);
	ok(answers == 2000 && each_once(), "what is sent while others come is answered, each once");
	ok(good == 2000, "with its own body");
	ok(late == 0, "and the bell rings for it");
	ok(server_count(&server, most_open) <= 20 && server_count(&server, most_open) >= 15,
	   "over the connections that there may be");
	ok(server_count(&server, most_active[0]) <= 12 && server_count(&server, most_active[1]) <= 12 &&
		   server_count(&server, most_active[0]) >= 6,
	   "within the limit of each host");
	network_stop(&network);
	ok(unfinished() == 0 && network.unheard == 0, "nothing is left then");
	network_close(&network);
}

/* Names are resolved by further threads, of libcurl. */
static void
test_names(void)
{
	int descriptors = open_descriptors();

	address = "localhost";
	begin(10, 10);
	send_some(10, 0, "slow", 1);
	network_stop(&network);
	network_resume(&network);
	hear_until(10);
	ok(good == 10, "a stop while names are resolved loses nothing");
	network_close(&network);
	for (int round = 0; round < 20; round++)
	{
		begin(3, 3);
		send_some(3, 0, "slow", 1);
		poll(NULL, 0, round % 4);
		network_close(&network);
	}
	for (int i = 0; i < PATIENCE && open_descriptors() > descriptors; i++)
		poll(NULL, 0, 1);
	ok(open_descriptors() == descriptors, "and an end closes what resolves them");
	address = "127.0.0.1";
}

/* A host with much to ask does not hold back one with little where connections are short, whichever came first. */
static void
test_turns(int much)
{
	dlist_head list;
	int last = 0;

	begin(1, 1);
	send_some(1, 0, "slow", 0);
	send_some(1, 1, "slow", 0);
	hear_until(2);
	dlist_init(&list);
	ask(&list, 60, much, "slow", 1, PATIENCE);
	ask(&list, 10, 1 - much, "slow", 1, PATIENCE);
	network_send(&network, &list);
	hear_until(72);
	for (int i = 0; i < answers; i++)
		last = asked[order[i]].host != much ? i : last;
	ok(good == 72 && last < 30, much == 0 ? "the hosts take turns" : "whichever came first");
	network_close(&network);
}

static void
test_stop(void)
{
	int stops = 0;

	begin(10, 10);
	send_some(500, 0, "slow", 1);
	send_some(100, 1, "slow", 3);
	while (answers < 600 && late == 0)
	{
		hear_until(answers + 1);
		network_stop(&network);
		if (++stops % 2 == 1)
			set_options("second", 3);
		else
			set_options("third", 10);
		network_resume(&network);
	}
	ok(good == 600 && each_once(), "a stop in the middle loses nothing");
	ok(stops > 20, "nor do many");
	network_stop(&network);
	set_options("last", 10);
	send_some(1, 0, "agent", 0);
	hear_until(601);
	is_text(agent, "last", "what is started later has the newest options");

	/* Fewer connections than are under way. */
	server_forget(&server);
	send_some(10, 0, "slow", 400);
	await_begun(10);
	network_stop(&network);
	set_options("last", 2);
	server_forget(&server);
	send_some(10, 0, "slow", 1);
	hear_until(621);
	ok(good == 621 && each_once(), "fewer connections than are under way: those end well");
	ok(server_count(&server, most_active[0]) == 10, "and no more are begun until there is a place");
	network_close(&network);
}

static void
test_timer(void)
{
	dlist_head list;

	begin(5, 5);
	dlist_init(&list);
	ask(&list, 1, 0, "hang", 0, 300);
	network_send(&network, &list);
	await_begun(1);
	network_stop(&network);
	poll(NULL, 0, 400);
	ok(!take(&list, 0), "nothing ends while the thread does not run");
	network_resume(&network);
	ok(take(&list, 2000), "a time-out that passed meanwhile ends its transfer then");
	hear(&list);
	ok(answers == 1 && asked[0].error == ERROR_TIMEOUT, "as one");
	network_close(&network);
}

static void
test_cancel(void)
{
	bool empty = true;

	begin(8, 8);
	for (int round = 0; round < 40; round++)
	{
		dlist_head list;

		send_some(20, round % 2, "slow", round % 4);
		send_some(4, 1, "big", 100000);
		hear_until(answers + round % 10);
		network_stop(&network);
		network_cancel(&network);
		dlist_init(&list);
		empty = unfinished() == 0 && network.unheard == 0 && hosts[0].active == 0 && hosts[1].active == 0 &&
				!network_take_ended(&network, &list) && empty;
	}
	ok(empty, "what is cancelled in the middle leaves nothing behind");
	ok(answers == good, "nor spoils what was heard before");
	send_some(50, 0, "slow", 1);
	hear_until(answers + 50);
	ok(late == 0 && answers == good, "and what is sent later is answered");
	network_close(&network);
}

static void
test_unheard(void)
{
	dlist_head kept;
	int most = NETWORK_MOST_UNHEARD / (4 * MEGABYTE) + 3;

	begin(4, 4);
	dlist_init(&kept);
	send_some(30, 0, "big", 4 * MEGABYTE);
	for (int i = 0; i < PATIENCE && unheard() < NETWORK_MOST_UNHEARD; i++)
		poll(NULL, 0, 1);
	/* When the last body that counts had come, three others were under way. */
	ok(unheard() >= NETWORK_MOST_UNHEARD && all_begun() <= most, "bodies that nobody hears hold back others");
	take(&kept, PATIENCE);
	ok(all_begun() <= most, "also once they are taken");
	hear(&kept);
	hear_until(30);
	ok(late == 0 && good == 30 && each_once(), "until they are forgotten");
	network_stop(&network);
	ok(network.unheard == 0, "and then nothing counts as unheard");
	network_close(&network);
}

static void
test_rest(void)
{
	begin(3, 3);
	send_some(9, 0, "slow", 1);
	hear_until(9);
	network_stop(&network);
	ok(network.pool != NULL, "handles are kept for the next transfers");
	network_rest(&network);
	ok(network.pool == NULL, "until the network rests");
	network_resume(&network);
	ok(!network.running, "there is no thread where nothing waits for one");
	send_some(1, 0, "slow", 1);
	hear_until(10);
	ok(good == 10 && reused, "the next takes a connection that was kept");
	network_close(&network);
}

/* Opens and closes a network; true where the first failed for lack of a descriptor. */
static bool
open_fails(void)
{
	network_init(&network);
	backend_sqlstate = 0;
	if (setjmp(backend_error) == 0)
		network_open(&network);
	network_close(&network);
	return backend_sqlstate == ERRCODE_INSUFFICIENT_RESOURCES;
}

static void
test_close(void)
{
	int descriptors = open_descriptors(), failures = 0, next;
	struct rlimit usual;

	begin(6, 6);
	send_some(3, 0, "hang", 0);
	send_some(40, 1, "slow", 1);
	hear_until(15);
	network_close(&network);
	ok(backend_booked == 0 && open_descriptors() == descriptors, "it closes whatever is under way");

	for (backend_bookable = 0; backend_bookable < 3; backend_bookable++)
		failures += open_fails() && backend_booked == 0 && open_descriptors() == descriptors;
	ok(failures == 3, "what was there when no more descriptors could be booked is closed");
	backend_bookable = 100;

	/* The lowest that is free, and up to two more; libcurl takes two where it can. */
	next = dup(STDIN_FILENO);
	close(next);
	getrlimit(RLIMIT_NOFILE, &usual);
	for (int more = 0; more < 3; more++)
	{
		struct rlimit low = {.rlim_cur = next + more, .rlim_max = usual.rlim_max};
		bool failed;

		setrlimit(RLIMIT_NOFILE, &low);
		failed = open_fails();
		setrlimit(RLIMIT_NOFILE, &usual);
		failures += failed && backend_booked == 0 && open_descriptors() == descriptors;
	}
	ok(failures == 6, "and when none could be made");
}

static void
test_no_thread(void)
{
	int before;

	begin(4, 4);
	no_threads = true;
	send_some(3, 0, "slow", 1);
	hear_until(3);
	ok(each_once() && asked[0].error == ERROR_NETWORK, "without a thread what is sent fails");
	no_threads = false;
	send_some(3, 0, "slow", 300);
	send_some(5, 0, "slow", 1);
	await_begun(4);
	network_stop(&network);
	no_threads = true;
	network_resume(&network);
	hear_until(11);
	ok(late == 0 && each_once(), "and so does what is under way where none can go on with it");
	ok(unfinished() == 0 && network.unheard == 0, "all of it");
	no_threads = false;
	before = good;
	send_some(5, 0, "slow", 1);
	hear_until(16);
	ok(good == before + 5, "with the next thread all is well");
	network_close(&network);
}

/* Ends with the process: nothing of src/http can be started afterwards. */
static void
test_exit(void)
{
	begin(4, 4);
	send_some(4, 0, "hang", 0);
	await_begun(4);
	backend_at_exit(0, (Datum) 0);
	ok(!network.running, "the thread ends before the process does");
	send_some(1, 1, "slow", 1);
	ok(!network.running, "and is not started again");
	network_close(&network);
}

int
main(void)
{
	/* A wake-up that is lost, or a list that is torn, may hang: that ends, and what was printed tells where. */
	alarm(300);
	setvbuf(stdout, NULL, _IOLBF, 0);
	backend_bookable = 100;
	if (!server_start(&server))
	{
		ok(false, "a server is started");
		return done();
	}
	test_many();
	test_names();
	test_turns(0);
	test_turns(1);
	test_stop();
	test_timer();
	test_cancel();
	test_unheard();
	test_rest();
	test_close();
	test_no_thread();
	test_exit();
	server_stop(&server);
	return done();
}
