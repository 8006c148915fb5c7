# Many accounts: one run collects them all, over no more connections than allowed, in memory that does not grow with them.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--scale', 'posts=0,cadence=0');
my $node = new_node('many', "shared_preload_libraries = 'dreamsuite'",
	'dreamsuite.max_connections = 64', 'dreamsuite.max_host_connections = 64');
set_now($node, '2026-03-01T06:00:00Z');

my $collector = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'";

# connects deezer accounts of the users FIRST..LAST
sub connect_users
{
	my ($first, $last) = @_;

	$node->safe_psql('postgres',
		"SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'deezer', (1000 + i)::text)) FROM generate_series($first, $last) i");
	return;
}

# memory of the collector in kB, without what it shares with the server
sub memory
{
	my $pid = $node->safe_psql('postgres', $collector);
	my ($kb) = slurp_file("/proc/$pid/status") =~ /RssAnon:\s+(\d+) kB/;

	return $kb;
}

connect_users(1, 2000);
like(collect($node), qr/2000 of 2000 accounts collected/, '2,000 accounts are collected in one run');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.daily_metrics'),
	'2000|2000', 'each once');
# the question itself takes one more
cmp_ok(simulator_stats('max_connections'), '<=', 64 + 1, 'over at most 64 connections');
cmp_ok(simulator_stats('max_connections'), '>', 8, 'many at once');
my $at_2000 = memory();

connect_users(2001, 20000);
# the first one is due again as soon as it is done, and earlier than all that the claims have come to by then
my $first = "user_id = '" . user_id(1) . "'";
my $meanwhile = $node->background_psql('postgres');
$meanwhile->query_until(qr/begun/, <<"SQL");
\\echo begun
DO \$\$
BEGIN
    WHILE (SELECT count(*) FROM dreamsuite.collection_runs WHERE $first) < 2 LOOP
        PERFORM pg_sleep(0.02);
    END LOOP;
    UPDATE dreamsuite.account_state SET next_due_at = '2026-02-01' WHERE $first;
END
\$\$;
SQL
like(collect($node), qr/20000 of 20000 accounts collected/, '20,000 accounts are collected in one run');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.daily_metrics'),
	'20000|20000', 'each once');
$meanwhile->quit;
my $runs = 'dreamsuite.collection_runs';
is($node->safe_psql('postgres', "SELECT count(*), (SELECT count(*) > 5000 FROM $runs WHERE started_at > max(r.started_at)) FROM $runs r WHERE $first"),
	'3|t', 'and what is due again meanwhile does not wait until the others are done');
cmp_ok(simulator_stats('max_connections'), '<=', 64 + 1, 'still over at most 64 connections');
my $at_20000 = memory();
note("memory at 2,000 accounts: $at_2000 kB, at 20,000: $at_20000 kB");
cmp_ok($at_20000, '<', $at_2000 * 1.15 + 2048, 'the memory of the collector is the same for 20,000 accounts as for 2,000');

$node->stop;
done_testing();
