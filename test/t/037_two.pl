# Two who would collect: in one database, in two servers with copies of one cluster, and in a standby that takes over. No
# account is ever collected by both at a time.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use DreamSuite;

my $now = '2026-03-01T07:00:00Z';
start_simulator('--now', $now, '--posts', '1');
my $first = PostgreSQL::Test::Cluster->new('first');
$first->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$first->append_conf('postgresql.conf', $_) foreach ("shared_preload_libraries = 'dreamsuite'", 'log_statement = none',
	"dreamsuite.keyring_file = '" . $first->basedir . "/keyring'", 'max_worker_processes = 16',
	"dreamsuite.test_base_url = '" . simulator_address() . "'", "dreamsuite.test_now = '$now'");
$first->start;
$first->safe_psql('postgres', 'CREATE EXTENSION dreamsuite');

my $collectors = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector' AND datname = 'postgres'";
my $users = 20;

# requests of the servers since then that were under way at the same time for the same account
sub overlaps
{
	my ($since, @nodes) = @_;
	my (%asked, $overlaps);

	foreach my $node (@nodes)
	{
		push @{ $asked{ $_->[0] } }, [ $node->name, @$_[ 1, 2 ] ] foreach map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres',
			"SELECT user_id, extract(epoch FROM at), extract(epoch FROM at + ms * interval '1 ms') FROM dreamsuite.request_log WHERE at > '$since'");
	}
	$overlaps = 0;
	foreach my $user (values %asked)
	{
		foreach my $a (@$user)
		{
			$overlaps += grep { $_->[0] ne $a->[0] && $_->[1] < $a->[2] && $a->[1] < $_->[2] } @$user;
		}
	}
	return $overlaps;
}

# ---- a second collector in the same database

my $users_sql = "(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'deezer', (4700 + i)::text)";
ok(eventually($first, $collectors, '1', 70), 'a collector stands');
my $pid = $first->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'");
control('faults', '[{"kind": "delay", "seconds": 0.3, "host": "api.deezer.com"}]');
$first->safe_psql('postgres', "SELECT count(dreamsuite.connect_account$users_sql) FROM generate_series(1, $users) i");
my @starters = map { $first->background_psql('postgres') } 1 .. 4;
$_->query_until(qr/asked/, "SELECT dreamsuite.collect_due();\n\\echo asked\n") foreach @starters;
$_->quit foreach @starters;
is($first->safe_psql('postgres', $collectors), '1', 'whoever asks, there is one collector');
ok(eventually($first, 'SELECT count(*) FROM dreamsuite.daily_metrics', $users), 'every account is collected');
is($first->safe_psql('postgres', 'SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.collection_runs'), "$users|$users", 'once');
is(simulator_stats('total'), $first->safe_psql('postgres', 'SELECT sum(requests) FROM dreamsuite.collection_runs'), 'no other request was made');

# one that was called for, and one that the launcher would have stand beside it
$first->safe_psql('postgres', "ALTER SYSTEM SET dreamsuite.databases = ''");
$first->safe_psql('postgres', 'SELECT pg_reload_conf()');
ok(eventually($first, $collectors, '0'), 'the standing collector has left');
set_now($first, '2026-03-02T07:00:00Z');
control('stats', '{}');
$first->safe_psql('postgres', 'SELECT dreamsuite.collect_due()');
ok(eventually($first, 'SELECT count(*) > 0 FROM dreamsuite.account_state WHERE lease_until IS NOT NULL', 't'), 'another one is at work');
$first->safe_psql('postgres', "ALTER SYSTEM SET dreamsuite.databases = 'postgres'");
$first->safe_psql('postgres', 'SELECT pg_reload_conf()');
ok(eventually($first, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-02'", $users), 'it collects');
is(simulator_stats('total'), $first->safe_psql('postgres', "SELECT sum(requests) FROM dreamsuite.collection_runs WHERE date = '2026-03-02'"), 'alone');
$first->safe_psql('postgres', "ALTER SYSTEM SET dreamsuite.databases = ''");
$first->safe_psql('postgres', 'SELECT pg_reload_conf()');
ok(eventually($first, $collectors, '0', 20), 'and leaves');
$first->safe_psql('postgres', 'ALTER SYSTEM RESET dreamsuite.databases');
$first->safe_psql('postgres', 'SELECT pg_reload_conf()');
ok(eventually($first, $collectors, '1', 70), 'until it stands again');

# ---- two servers with copies of one cluster

$first->backup('copy');
my $second = PostgreSQL::Test::Cluster->new('second');
$second->init_from_backup($first, 'copy');
$second->start;
my $copied = $second->safe_psql('postgres', 'SELECT clock_timestamp()');
my $identity = 'SELECT system_identifier FROM pg_control_system()';
is($second->safe_psql('postgres', $identity), $first->safe_psql('postgres', $identity), 'a copy is taken for the same cluster');
my $tells = "SELECT hint FROM dreamsuite.status() WHERE item = 'collector'";
SKIP:
{
	skip 'only Linux tells of other servers', 7 unless $^O eq 'linux';
	ok(eventually($second, "SELECT ($tells) ~ 'another server on this machine'", 't', 30), 'its collector waits, and status() says why');
	like(slurp_file($second->logfile), qr/WARNING:  another server on this machine collects a copy of this database/, 'so does the log');
	control('stats', '{}');
	$second->safe_psql('postgres', "SELECT pg_reload_conf()");
	set_now($_, '2026-03-03T07:00:00Z') foreach $first, $second;
	$_->safe_psql('postgres', 'SELECT dreamsuite.collect_due()') foreach $second, $first;
	my $rows = "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-03'";
	ok(eventually($first, $rows, $users), 'the first collects');
	sleep 1;
	is($second->safe_psql('postgres', $rows), '0', 'the copy does not');
	is(simulator_stats('total'), $first->safe_psql('postgres', "SELECT sum(requests) FROM dreamsuite.collection_runs WHERE date = '2026-03-03'"), 'which asks nothing');

	# in the middle of a cycle the first one ends
	set_now($first, '2026-03-04T07:00:00Z');
	$first->safe_psql('postgres', 'SELECT dreamsuite.collect_due()');
	ok(eventually($first, 'SELECT count(*) > 0 FROM dreamsuite.account_state WHERE lease_until IS NOT NULL', 't'), 'the first is at work');
	$first->stop('immediate');
	ok(eventually($second, $rows, $users, 20), 'when it is gone the copy takes over');
	$first->start;
	is(overlaps($copied, $first, $second), 0, 'no account was asked for by both at a time');
}
$second->stop;

# ---- a standby stands by, and takes over

ok(eventually($first, $collectors, '1', 70), 'the first collects again');
$first->safe_psql('postgres', "SELECT dreamsuite.collect_due()");
ok(eventually($first, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-04'", $users, 30), 'what it had begun as well');
$first->backup('standby');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($first, 'standby', has_streaming => 1);
$standby->start;
set_now($first, '2026-03-05T07:00:00Z');
$standby->safe_psql('postgres', 'SELECT pg_reload_conf()');
$first->safe_psql('postgres', 'SELECT dreamsuite.collect_due()');
ok(eventually($first, "SELECT count(*) FROM dreamsuite.account_state WHERE lease_until IS NOT NULL", $users), 'the primary is at work');
is($standby->safe_psql('postgres', $collectors), '0', 'no collector runs beside it');
$first->wait_for_catchup($standby, 'replay', $first->lsn('insert'));
$first->stop('immediate');
$standby->append_conf('postgresql.auto.conf', "dreamsuite.test_now = '2026-03-05T07:00:00Z'");
$standby->safe_psql('postgres', 'SELECT pg_reload_conf()');
$standby->promote;
ok(eventually($standby, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-05'", $users, 70), 'after its promotion the standby goes on');
is($standby->safe_psql('postgres', "SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.daily_metrics WHERE date = '2026-03-05'"), "$users|$users",
	'with what was left, each account-day once');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM dreamsuite.account_state WHERE lease_until IS NOT NULL'), '0', 'under no lease of the primary');

$standby->stop;
done_testing();
