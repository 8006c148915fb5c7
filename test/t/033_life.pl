# The collector's life: schedules by dreamsuite.collect_at, several databases, settings that change, worker slots that run out,
# an extension that is dropped or updated under it, one collector only, progress that is told.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use DreamSuite;

start_simulator('--now', '2026-03-01T05:00:00Z', '--scale', '0-99999999:posts=0,cadence=0');
my $node = new_node('life', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none', 'max_worker_processes = 8',
	'dreamsuite.max_connections = 4', 'dreamsuite.max_host_connections = 4');
set_now($node, '2026-03-01T05:00:00Z');

sub sql { my ($query, $database) = @_; return $node->safe_psql($database // 'postgres', $query); }
sub alter { my ($setting) = @_; sql("ALTER SYSTEM $setting"); sql('SELECT pg_reload_conf()'); return; }
my $collectors = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'";

sub connect_users
{
	my ($first, $last, $settings) = @_;

	sql("SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'deezer', i::text, settings => '"
		  . ($settings // '{}') . "')) FROM generate_series($first, $last) i");
	return;
}

ok(eventually($node, $collectors, '1', 30), 'a standing collector runs');
is(sql("SELECT application_name ~ '^dreamsuite [0-9]' FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'"), 't',
	'its application_name tells the version');

# ---- dreamsuite.collect_at

connect_users(1, 8);
connect_users(9, 9, '{"time_zone": "Asia/Tokyo"}');
collect($node);
is(sql('SELECT count(next_due_at) FROM dreamsuite.account_state'), '0', 'without a schedule nothing is due by itself');
alter("SET dreamsuite.collect_at = '06:00'");
ok(eventually($node, 'SELECT count(next_due_at) FROM dreamsuite.account_state', '9'), 'dreamsuite.collect_at gives every account its next time on reload');
is(sql(q{SELECT bool_and(next_due_at >= '2026-03-02 06:00+00' AND next_due_at < '2026-03-02 06:30+00'), count(DISTINCT next_due_at) > 5
	FROM dreamsuite.account_state WHERE user_id <= '} . user_id(8) . q{'}), 't|t', 'spread over half an hour of the next day');
is(sql("SELECT next_due_at >= '2026-03-01 21:00+00' AND next_due_at < '2026-03-01 21:30+00' FROM dreamsuite.account_state WHERE user_id = '" . user_id(9) . "'"),
	't', 'in the time zone of the account');
set_now($node, '2026-03-01T21:30:00Z');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-02'", '1'), 'an account is collected when its time has come');
set_now($node, '2026-03-02T06:30:00Z');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-02'", '9'), 'and so are the others');
alter("SET dreamsuite.collect_at = '07:00'");
ok(eventually($node, "SELECT bool_and(next_due_at >= '2026-03-03 07:00+00') FROM dreamsuite.account_state WHERE user_id <= '" . user_id(8) . "'", 't'),
	'another time of day moves them');
alter('RESET dreamsuite.collect_at');
ok(eventually($node, 'SELECT count(next_due_at) FROM dreamsuite.account_state', '0'), 'none takes it back');

# ---- progress

connect_users(1, 40);
control('faults', '[{"kind": "5xx", "account": "5"}, {"kind": "delay", "seconds": 0.3}]');
set_now($node, '2026-03-03T06:00:00Z');
is(sql('SELECT dreamsuite.collect_due()'), '40', 'a cycle begins');
ok(eventually($node, "SELECT value ~ '^[1-9][0-9]* done, [0-9]+ failed, [0-9]+ waiting, [0-9]+ under way, [0-9]+ remaining since' AND hint ~ '^expected end 20' FROM dreamsuite.status() WHERE item = 'cycle'", 't'),
	'status() tells how far it is and when it will end');
is(sql('SELECT dreamsuite.collect_due()') > 0 ? 1 : 0, 1, 'a tick in the middle of it is answered');
my $said_by_call = collect($node);
like($said_by_call, qr/NOTICE:  \d+ of 40 accounts collected.*under way, about \d+ s left/s, 'CALL collect() tells the same in NOTICEs');
like($said_by_call, qr/ERROR:  1 of 40 accounts failed/, 'and which failed');
control('faults', '[]');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.status() WHERE item = 'last cycle' AND hint ~ 'tried again later'", '1'), 'afterwards status() tells of the last cycle');
is(sql("SELECT max(n) FROM (SELECT count(*) AS n FROM dreamsuite.collection_runs WHERE date = '2026-03-03' AND user_id <> '" . user_id(5) . "' GROUP BY user_id) t"),
	2, 'the tick collected nothing twice, the CALL everything once more');

# ---- enabled = off stops it between two runs

set_now($node, '2026-03-04T06:00:00Z');
control('faults', '[{"kind": "delay", "seconds": 0.7}]');
sql('SELECT dreamsuite.collect_due()');
ok(eventually($node, 'SELECT count(*) > 2 FROM dreamsuite.account_state WHERE lease_token IS NOT NULL', 't'), 'a run is under way');
my $at_work = sql('SELECT count(*) FROM dreamsuite.account_state WHERE lease_token IS NOT NULL');
alter('SET dreamsuite.enabled = off');
ok(eventually($node, $collectors, '0', 60), 'dreamsuite.enabled = off ends the collector');
cmp_ok(sql("SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-04'"), '>=', $at_work, 'after those at work were stored');
is(sql('SELECT count(*) FROM dreamsuite.account_state WHERE lease_token IS NOT NULL'), '0', 'and no lease is left');
control('faults', '[]');
alter('RESET dreamsuite.enabled');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-04'", '40', 60), 'on, the others follow');

# ---- several databases

sql('CREATE DATABASE second');
sql('CREATE EXTENSION dreamsuite', 'second');
sql("SELECT dreamsuite.connect_account('" . user_id(1) . "', 'deezer', '77')", 'second');
alter("SET dreamsuite.databases = 'postgres, second'");
ok(eventually($node, "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'", 'postgres second', 30),
	'each database of dreamsuite.databases has a collector');
ok(eventually($node, 'SELECT count(*) FROM pg_stat_database WHERE datname = \'second\'', '1'), 'it works there');
for (1 .. 100) { last if sql('SELECT count(*) FROM dreamsuite.daily_metrics', 'second') eq '1'; sleep 0.1; }
is(sql('SELECT count(*) FROM dreamsuite.daily_metrics', 'second'), '1', 'and collects what is due there');
alter('RESET dreamsuite.databases');
ok(eventually($node, $collectors, '1', 30), 'one that leaves the list is served no longer');

# ---- one collector

sql("ALTER SYSTEM SET dreamsuite.databases = ''");
sql('SELECT pg_reload_conf()');
ok(eventually($node, $collectors, '0', 30), 'no collector runs');
set_now($node, '2026-03-05T06:00:00Z');
control('stats', '{}');
control('faults', '[{"kind": "delay", "seconds": 0.05}]');
$node->pgbench('--no-vacuum --client=6 --jobs=2 --transactions=2', 0, [qr{processed: 12/12}], [qr{^(WARNING.*\n.*\n.*\n?)*$}],
	'six sessions call collect_due() at once', { due => "SELECT dreamsuite.collect_due();\n" });
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-05'", '40', 60), 'every account is collected');
cmp_ok(sql($collectors), '<=', 1, 'by one collector');
is(sql("SELECT count(*) FROM dreamsuite.collection_runs WHERE date = '2026-03-05'"), '40', 'each once');
is(simulator_stats('total'), 40 * 3, 'with no request too many');
control('faults', '[]');
ok(eventually($node, $collectors, '0', 30), 'a collector that nobody keeps leaves when nothing is due');
alter('RESET dreamsuite.databases');
ok(eventually($node, $collectors, '1', 30), 'the standing one is back');

# ---- the extension changes under it

control('faults', '[{"kind": "delay", "seconds": 0.5}]');
set_now($node, '2026-03-06T06:00:00Z');
sql('SELECT dreamsuite.collect_due()');
ok(eventually($node, 'SELECT count(*) > 2 FROM dreamsuite.account_state WHERE lease_token IS NOT NULL', 't'), 'in the middle of a run');
ok(within(2, sub { sql('DROP EXTENSION dreamsuite CASCADE') }), 'DROP EXTENSION does not wait for the network');
sleep 2;
is(sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector' AND state = 'active'"), '0', 'the collector rests');
control('faults', '[]');
sql('CREATE EXTENSION dreamsuite');
connect_users(1, 3);
like(collect($node), qr/3 of 3 accounts collected/, 'with the extension it works again');
sql("UPDATE pg_extension SET extversion = '99.9' WHERE extname = 'dreamsuite'");
set_now($node, '2026-03-07T06:00:00Z');
sql('SELECT dreamsuite.collect_due()');
sleep 2;
is(sql("SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-07'"), '0', 'SQL of another version is left alone');
my $log = slurp_file($node->logfile);
my $warnings = () = $log =~ /dreamsuite library is of version .*, its SQL of version "99\.9"/g;
is($warnings, 1, 'with one warning');
sql("UPDATE pg_extension SET extversion = (SELECT default_version FROM pg_available_extensions WHERE name = 'dreamsuite') WHERE extname = 'dreamsuite'");
like(collect($node), qr/3 of 3 accounts collected/, 'when they agree it goes on');

# ---- worker slots

$node->append_conf('postgresql.conf', "max_worker_processes = 2\n");
$node->stop;
$node->start;
ok(eventually($node, $collectors, '0', 5), 'with every slot taken no collector starts');
sleep 3;
$log = slurp_file($node->logfile);
my $short = () = $log =~ /WARNING:  no free worker slot for the dreamsuite collector of database/g;
is($short, 1, 'the launcher warns once');
is(sql("SELECT hint FROM dreamsuite.status() WHERE item = 'collector'"), 'every worker slot is taken: raise max_worker_processes', 'status() tells why');
my ($code, $out, $err) = $node->psql('postgres', 'SELECT dreamsuite.collect_due() FROM generate_series(1, 3); SELECT dreamsuite.collect_due()');
my $said = () = $err =~ /no free worker slot/g;
is($said, 0, 'nothing is due, so nothing is wanted');
set_now($node, '2026-03-08T06:00:00Z');
($code, $out, $err) = $node->psql('postgres', 'SELECT dreamsuite.collect_due(); SELECT dreamsuite.collect_due()');
$said = () = $err =~ /WARNING:  no free worker slot.*/g;
is("$said $out", "1 3\n3", 'a session is warned once, and its accounts stay due');
like(collect($node), qr/the collector could not be started.*max_worker_processes/s, 'CALL collect() says what to do');

$node->stop;
done_testing();
