# Installed without a restart: any UTF-8 database will do, a collector starts when it is needed and leaves when it is not,
# and the extension can be dropped whatever the network does.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('install');
set_now($node, '2026-03-01T06:00:00Z');
my $collector = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'";

$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
my ($code, $out, $err) = $node->psql('latin', 'CREATE EXTENSION dreamsuite');
isnt($code, 0, 'a database in another encoding is refused');
like($err, qr/dreamsuite needs a database in UTF8, not "LATIN1"/, 'with the reason');
like($err, qr/HINT: .*ENCODING 'UTF8'/, 'and a hint');

is($node->safe_psql('postgres', $collector), '0', 'without preload no collector runs');
$node->safe_psql('postgres', "SELECT dreamsuite.connect_account('" . user_id(1) . "', 'deezer', '4711')");
is($node->safe_psql('postgres', 'SELECT dreamsuite.collect_due()'), '1', 'collect_due() counts the due account');
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.daily_metrics', '1'), 'and starts a collector that stores it');
ok(eventually($node, $collector, '0', 30), 'which leaves when nothing is due');

# an aborted transaction makes nothing due
$node->safe_psql('postgres', "UPDATE dreamsuite.account_state SET done_on = NULL");
$node->psql('postgres', 'BEGIN; SELECT dreamsuite.collect_due(); ROLLBACK');
sleep 1;
is($node->safe_psql('postgres', 'SELECT count(*) FROM dreamsuite.collection_runs'), '1', 'a call that is rolled back collects nothing');

# dropped in the middle of a request
ok(eventually($node, $collector, '0', 30), 'no collector is left');
control('faults', '[{"kind": "hang", "host": "api.deezer.com"}]');
$node->safe_psql('postgres', 'SELECT dreamsuite.collect_due()');
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.account_state WHERE lease_token IS NOT NULL', '1'), 'a request hangs');
ok(within(1, sub { $node->safe_psql('postgres', 'DROP EXTENSION dreamsuite CASCADE') }),
	'DROP EXTENSION does not wait for the network');
control('faults', '[]');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'");
$node->safe_psql('postgres', 'CREATE EXTENSION dreamsuite');
$node->safe_psql('postgres', "SELECT dreamsuite.connect_account('" . user_id(2) . "', 'deezer', '12')");
like(collect($node), qr/1 of 1 accounts collected/, 'created again, it collects again');

# no slot for a worker
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
$node->safe_psql('postgres', "UPDATE dreamsuite.account_state SET done_on = NULL, next_due_at = NULL");
($code, $out, $err) = $node->psql('postgres', 'SELECT dreamsuite.collect_due(); SELECT dreamsuite.collect_due()');
like($err, qr/WARNING: +no free worker slot for the dreamsuite collector/, 'a lack of worker slots is said');
like($err, qr/HINT: +Raise max_worker_processes/, 'with what to do');
is(() = $err =~ /no free worker slot/g, 1, 'once');
is($out, "1\n1", 'and the account stays due');
like(collect($node), qr/the collector could not be started/, 'CALL collect() says it too');

$node->stop;
done_testing();
