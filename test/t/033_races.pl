# Who changes an account while its run is under way is obeyed, and who makes one due is heard.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use DreamSuite;

my $now = '2026-03-01T07:00:00Z';
start_simulator('--now', $now, '--posts', '2');
my $node = new_node('races', "shared_preload_libraries = 'dreamsuite'", "dreamsuite.collect_at = '06:00'", 'log_statement = none');
set_now($node, $now);

my $collector = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector' AND datname = 'postgres'";
my $busy = "SELECT count(*) FROM dreamsuite.account_state WHERE lease_until IS NOT NULL AND user_id = ";

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub connect_account { return sql("SELECT dreamsuite.connect_account('" . user_id($_[0]) . "', 'deezer', '" . (4700 + $_[0]) . "')"); }
sub days_of { return sql("SELECT count(*) FROM dreamsuite.daily_metrics WHERE user_id = '" . user_id($_[0]) . "'"); }
sub stored { return eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE user_id = '" . user_id($_[0]) . "'", '1'); }

# an account whose first request is under way
sub begin_run
{
	connect_account($_[0]);
	return eventually($node, $busy . "'" . user_id($_[0]) . "'", '1');
}

ok(eventually($node, $collector, '1', 70), 'a collector stands');
sleep 1;

# ---- where collect_at is the schedule nobody calls collect_due()

connect_account(1);
ok(stored(1), 'the first account is collected when it is connected');

my $finished = "SELECT last_finished_at FROM dreamsuite.account_state WHERE user_id = '" . user_id(1) . "'";
my $first = sql($finished);
sql("SELECT dreamsuite.pause_account('" . user_id(1) . "', 'deezer')");
sql("SELECT dreamsuite.resume_account('" . user_id(1) . "', 'deezer')");
ok(eventually($node, "SELECT ($finished) > '$first'", 't'), 'and again when it is resumed');

sql("SELECT dreamsuite.register_app('spotify', 'client', 'a-secret-of-some-length', 'https://example.org/back')");
sql("SELECT dreamsuite.authorize_url('spotify', '" . user_id(2) . "')");
ok(stored(2), 'an account that waits for its consent gets its placeholder');

# ---- changes during a run

control('faults', '[{"kind": "delay", "seconds": 1, "host": "api.deezer.com"}]');
ok(begin_run(3), 'a run is under way');
sql("SELECT dreamsuite.disconnect_account('" . user_id(3) . "', 'deezer')");
connect_account(4);
ok(stored(4), 'another is stored');
is(days_of(3), '0', 'of an account that was disconnected meanwhile nothing is');
is(sql("SELECT count(*) FROM dreamsuite.content_items WHERE user_id = '" . user_id(3) . "'"), '0', 'nor its content');

ok(begin_run(5), 'a run is under way');
sql("UPDATE dreamsuite.account_state SET lease_token = gen_random_uuid() WHERE user_id = '" . user_id(5) . "'");
connect_account(6);
ok(stored(6), 'another is stored');
is(days_of(5), '0', 'a run that lost its lease writes nothing');
is(sql("SELECT count(*) FROM dreamsuite.collection_runs WHERE user_id = '" . user_id(5) . "'"), '0', 'not even of itself');

ok(begin_run(7), 'a run is under way');
sql("SELECT dreamsuite.pause_account('" . user_id(7) . "', 'deezer')");
ok(stored(7), 'what was asked before a pause is stored');
is(sql("SELECT status FROM dreamsuite.accounts WHERE user_id = '" . user_id(7) . "'"), 'paused', 'and the account stays paused');
like(collect($node, "'" . user_id(7) . "'"), qr/is paused and left alone/, 'nothing further is asked of it');

# ---- a long wait keeps nothing

control('faults', '[{"kind": "hang", "host": "api.deezer.com"}]');
connect_account(8);
my $psql = $node->background_psql('postgres', on_error_stop => 0);
$psql->query_until(qr/calling/, "\\echo calling\nCALL dreamsuite.collect('" . user_id(8) . "');\n");
sleep 3;
my $offset = -s $node->logfile;
sql("SELECT pg_log_backend_memory_contexts(pid) FROM pg_stat_activity WHERE query LIKE 'CALL dreamsuite.collect%' AND pid <> pg_backend_pid()");
my $log = '';
for (1 .. 100)
{
	$log = substr(slurp_file($node->logfile), $offset);
	last if $log =~ /Grand total/;
	sleep 0.05;
}
my @tables = $log =~ /SPI TupTable/g;
like($log, qr/Grand total/, 'the memory of a waiting CALL is told');
cmp_ok(scalar(@tables), '<', 4, 'its looks at the progress leave nothing behind');
sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL dreamsuite.collect%' AND pid <> pg_backend_pid()");
$psql->quit;

# ---- numbers by hand while the same day is stored, where the database's default is another isolation

control('faults', '[{"kind": "delay", "seconds": 1, "host": "api.deezer.com"}]');
sql('CREATE DATABASE other');
sql("ALTER DATABASE other SET default_transaction_isolation = 'repeatable read'");
$node->safe_psql('other', 'CREATE EXTENSION dreamsuite');
$node->safe_psql('other', "SELECT dreamsuite.connect_account('" . user_id(9) . "', 'deezer', '27')");
my $hand = $node->background_psql('other', on_error_stop => 0);
$hand->query_safe("BEGIN");
$hand->query_safe("SELECT dreamsuite.record_metrics('" . user_id(9) . "', 'deezer', '2026-03-01', '{\"playlists_count\": 5}')");
sleep 3;
is($node->safe_psql('other', 'SELECT count(*) FROM dreamsuite.collection_runs WHERE requests > 0'), '0', 'storing waits for who records the same day');
$hand->query_safe("COMMIT");
$hand->quit;
ok( $node->poll_query_until('other',
		"SELECT (metrics ->> 'fans_count')::bigint > 0 AND metrics ->> 'playlists_count' = '5' FROM dreamsuite.daily_metrics"),
	'both have their numbers in the row');
is($node->safe_psql('other', 'SELECT count(*), min(outcome) FROM dreamsuite.collection_runs WHERE requests > 0'), '1|ok', 'in one run');
unlike(slurp_file($node->logfile), qr/could not store/, 'and nothing failed');

# ---- many who start a collector at once

my @starters = map { $node->background_psql('other') } 1 .. 5;
$node->safe_psql('other',
	"SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'deezer', (100 + i)::text)) FROM generate_series(20, 39) i");
$_->query_until(qr/asked/, "SELECT dreamsuite.collect_due();\n\\echo asked\n") foreach @starters;
$_->quit foreach @starters;
ok($node->poll_query_until('other', 'SELECT count(*) = 21 FROM dreamsuite.daily_metrics'), 'every account is collected');
is( $node->safe_psql('other',
		"SELECT count(DISTINCT user_id), count(*) FROM dreamsuite.collection_runs WHERE user_id > '" . user_id(19) . "'"),
	'20|20', 'each by one of them, once');

$node->stop;
done_testing();
