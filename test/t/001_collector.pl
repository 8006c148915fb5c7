# The collector's life: it answers cancel, termination and DROP DATABASE whatever the network does, survives kill -9, and
# runs no SQL when there is nothing to do.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('collector', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none');
set_now($node, '2026-03-01T06:00:00Z');

my $collector = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'";

ok(eventually($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite launcher'", '1'),
	'a preloaded library has a launcher');
ok(eventually($node, "SELECT count(*) FROM ($collector) c", '1', 70), 'the launcher starts a collector');

# ---- the ordinary day

$node->safe_psql('postgres',
	"SELECT dreamsuite.connect_account('" . user_id(1) . "', 'deezer', '4711')");
$node->safe_psql('postgres',
	"SELECT dreamsuite.set_goal('" . user_id(1) . "', 'deezer', 'follower_count', target) FROM unnest('{1,1000000000000}'::numeric[]) AS target");
like(collect($node), qr/1 of 1 accounts collected/, 'CALL collect() waits for the outcome');
is($node->safe_psql('postgres', 'SELECT platform, date, follower_count > 0 FROM dreamsuite.daily_metrics'),
	'deezer|2026-03-01|t', 'the day is stored');
is($node->safe_psql('postgres', 'SELECT target, reached_on FROM dreamsuite.goals ORDER BY target'),
	"1|2026-03-01\n1000000000000|", 'a goal that the day reached is noted with it');
is($node->safe_psql('postgres', 'SELECT dreamsuite.collect_due()'), '0', 'a day that is done is not due again');

my $before = $node->safe_psql('postgres',
	'SELECT md5(string_agg((to_jsonb(d) - \'collected_at\')::text, \',\')) FROM dreamsuite.daily_metrics d');
collect($node);
is( $node->safe_psql('postgres',
		'SELECT md5(string_agg((to_jsonb(d) - \'collected_at\')::text, \',\')) FROM dreamsuite.daily_metrics d'),
	$before,
	'a second run of the day changes nothing but collected_at');

# ---- idle

my $backends = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'";
sleep 2;
my $query = "SELECT query_start FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'";
my $last = $node->safe_psql('postgres', $query);
sleep 3;
is($node->safe_psql('postgres', $query), $last, 'an idle collector runs no SQL');

# ---- a hanging platform

control('faults', '[{"kind": "hang", "host": "api.deezer.com"}]');
my $psql = $node->background_psql('postgres', on_error_stop => 0);
my $waiting = "SELECT count(*) FROM dreamsuite.account_state WHERE lease_until IS NOT NULL";

sub begin_hanging_call
{
	$psql->query_until(qr/calling/, "\\echo calling\nCALL dreamsuite.collect();\n");
	ok(eventually($node, $waiting, '1'), 'a request hangs');
	sleep 0.3;
	return;
}

begin_hanging_call();
ok( within(
		1,
		sub {
			$node->safe_psql('postgres',
				"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL dreamsuite.collect%' AND pid <> pg_backend_pid()");
			eventually($node,
				"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'CALL dreamsuite.collect%' AND pid <> pg_backend_pid()",
				'0');
		}),
	'a waiting CALL is cancelled within a second');

$node->safe_psql('postgres', 'CREATE DATABASE other');
ok(within(1, sub { $node->safe_psql('postgres', 'DROP DATABASE other') }),
	'DROP DATABASE of another database is answered within a second while a request hangs');

my $pid = $node->safe_psql('postgres', $collector);
ok( within(
		1,
		sub {
			$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
			eventually($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid", '0');
		}),
	'pg_terminate_backend ends a collector within a second while a request hangs');
control('faults', '[]');
ok(eventually($node, "SELECT count(*) FROM ($collector) c", '1', 70), 'the launcher starts another');

# ---- DROP DATABASE ... WITH (FORCE) of the collector's own database

$node->safe_psql('postgres', 'CREATE DATABASE mine');
$node->safe_psql('mine', 'CREATE EXTENSION dreamsuite');
$node->safe_psql('mine', "SELECT dreamsuite.connect_account('" . user_id(2) . "', 'deezer', '12')");
control('faults', '[{"kind": "hang", "host": "api.deezer.com"}]');
is($node->safe_psql('mine', 'SELECT dreamsuite.collect_due()'), '1', 'collect_due() starts a collector in a database of its own');
ok(eventually($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector' AND datname = 'mine'", '1'),
	'it runs there');
sleep 0.5;
ok(within(1, sub { $node->safe_psql('postgres', 'DROP DATABASE mine WITH (FORCE)') }),
	'DROP DATABASE WITH (FORCE) of its own database is answered within a second');
control('faults', '[]');

# ---- kill -9 in the middle of a run

$psql->quit;
$node->safe_psql('postgres',
	"SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'deezer', (100 + i)::text)) FROM generate_series(1, 200) i");
control('faults', '[{"kind": "delay", "seconds": 0.05, "host": "api.deezer.com"}]');
is($node->safe_psql('postgres', 'SELECT dreamsuite.collect_due()'), '200', '200 accounts are due');
ok(eventually($node, 'SELECT count(*) > 20 FROM dreamsuite.daily_metrics', 't', 60), 'the run is under way');
$pid = $node->safe_psql('postgres', $collector);
kill 'KILL', $pid;
ok($node->poll_query_until('postgres', 'SELECT true'), 'the server recovers');
control('faults', '[]');
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($collector) c"), 'with a collector');
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.daily_metrics', '200', 60), 'every account is collected');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT FROM dreamsuite.daily_metrics GROUP BY user_id, platform, date HAVING count(*) > 1) t'),
	'0', 'and each once');
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.account_state WHERE lease_token IS NOT NULL', '0'), 'no lease is left behind');

# ---- settings

$node->safe_psql('postgres', 'ALTER SYSTEM SET dreamsuite.enabled = off');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
ok(eventually($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'", '0'),
	'dreamsuite.enabled = off ends the collector');
like(collect($node), qr/dreamsuite\.enabled is off/, 'and CALL collect() says so');
$node->safe_psql('postgres', 'ALTER SYSTEM SET dreamsuite.enabled = on');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
ok(eventually($node, "SELECT count(*) FROM ($collector) c", '1', 70), 'on starts it again');

$node->stop;
done_testing();
