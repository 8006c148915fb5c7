# Whoever leaves a transaction open over an account holds up that account and nobody else: it is stored when the
# transaction ends, once. And what goes wrong with claiming does not end the collector.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use DreamSuite;

my $now = '2026-03-01T07:00:00Z';
start_simulator('--now', $now, '--posts', '2', '--scale', '5000-5099:posts=2000,cadence=0');
my $node = new_node('locks', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none');
set_now($node, $now);

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub user { return "user_id = '" . user_id($_[0]) . "'"; }
sub log_since { return substr(slurp_file($node->logfile), $_[0]); }

# a session that has run these statements in a transaction, and leaves it open
sub hold
{
	my $session = $node->background_psql('postgres');
	$session->query_safe("BEGIN; $_[0]");
	return $session;
}
sub let_go { $_->query_safe('COMMIT'), $_->quit foreach @_; return; }

my $pid_sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'";
my $runs = 'SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.collection_runs WHERE requests > 0';
my $leased = "SELECT count(*) FROM dreamsuite.account_state WHERE lease_until IS NOT NULL AND ";

my $users = 24;
sql("SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'deezer', (4700 + i)::text)) FROM generate_series(1, $users) i");
collect($node);
is(sql($runs), "$users|$users", 'every account has its row of the day');
my $each = sql('SELECT max(requests) FROM dreamsuite.collection_runs');

# ---- rows of four accounts are held while all are collected a second time on the same day

sql('TRUNCATE dreamsuite.collection_runs');
control('stats', '{}');
control('faults', '[{"kind": "delay", "seconds": 1, "host": "api.deezer.com"}]');
my $offset = -s $node->logfile;
my $pid = sql($pid_sql);
my @holders = (
	hold('SELECT FROM dreamsuite.daily_metrics WHERE ' . user(1) . ' FOR UPDATE'),
	hold('SELECT FROM dreamsuite.content_items WHERE ' . user(2) . ' FOR UPDATE'),
	hold("SELECT dreamsuite.record_metrics('" . user_id(3) . "', 'deezer', '2026-03-01', '{\"playlists_count\": 5}')"));
my $call = $node->background_psql('postgres', on_error_stop => 0);
$call->query_until(qr/calling/, "\\echo calling\nCALL dreamsuite.collect();\n\\echo called\n");
ok(eventually($node, $leased . user(4), '1'), 'a run is under way');
push @holders, hold('SELECT FROM dreamsuite.account_state WHERE ' . user(4) . ' FOR UPDATE');
ok(eventually($node, $runs, ($users - 4) . '|' . ($users - 4)), 'all others are stored');
control('faults', '[]');
sql("SELECT dreamsuite.connect_account('" . user_id(99) . "', 'deezer', '4799')");
ok(within(3, sub { collect($node, "'" . user_id(99) . "'") }), 'and those that come later as fast as ever');
sleep 2;
is(sql($runs), ($users - 3) . '|' . ($users - 3), 'what is held waits');
is(sql($leased . "user_id < '" . user_id(99) . "'"), '4', 'under its leases');
like(log_since($offset), qr/accounts? (is|are) locked by (another transaction|other transactions)/, 'the log says so');
let_go(@holders);
ok(eventually($node, $runs, ($users + 1) . '|' . ($users + 1)), 'when the transactions end it is stored, once');
like($call->query_until(qr/called/, ''), qr/called/, 'and CALL collect() comes to its end');
$call->quit;
is(sql("SELECT DISTINCT outcome FROM dreamsuite.collection_runs WHERE requests > 0"), 'ok', 'every run is well');
is(sql("SELECT metrics ->> 'playlists_count', (metrics ->> 'fans_count')::bigint > 0 FROM dreamsuite.daily_metrics WHERE " . user(3)),
	'5|t', 'who recorded the same day meanwhile is not overwritten');
is(sql('SELECT count(*), count(*) FILTER (WHERE d.collected_at > r.started_at + interval \'1 second\') FROM dreamsuite.daily_metrics d JOIN dreamsuite.collection_runs r USING (user_id, platform, date) WHERE r.requests > 0'),
	($users + 1) . '|0', 'and every day says when it was asked for, however late it was stored');
is(simulator_stats('total'), sql('SELECT sum(requests) FROM dreamsuite.collection_runs'), 'nothing was asked twice');
is(sql($pid_sql), $pid, 'by the same collector');
unlike(log_since($offset), qr/could not|ERROR/, 'which had nothing to complain of');
is(sql('SELECT count(*) FROM dreamsuite.account_state WHERE lease_until IS NOT NULL'), '0', 'no lease is left');

# ---- a schedule waits for nobody

my $holder = hold("SELECT dreamsuite.pause_account('" . user_id(5) . "', 'deezer')");
set_now($node, '2026-03-02T07:00:00Z');
ok(within(3, sub { sql('SELECT dreamsuite.collect_due()') }), 'collect_due() does not wait for an account that is being paused');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-02'", $users), 'all others are collected');
let_go($holder);

# ---- tokens

sql("SELECT dreamsuite.register_app('spotify', 'client', 'secret-of-spotify', 'https://app.example/back')");
sql("SELECT dreamsuite.connect_account('" . user_id(1) . "', 'spotify', null, 'tok-spotify-77', 'ref-spotify-77', '2026-03-02T06:00:00Z')");
control('stats', '{}');
$holder = hold('SELECT FROM dreamsuite.account_secrets WHERE ' . user(1) . ' FOR UPDATE');
my $waiting = $node->background_psql('postgres', on_error_stop => 0);
$waiting->query_until(qr/calling/, "\\echo calling\nCALL dreamsuite.collect('" . user_id(1) . "', 'spotify');\n\\echo called\n");
sleep 2;
ok(within(3, sub { collect($node, "'" . user_id(9) . "'") }), 'tokens that cannot be stored yet hold up nobody else');
is(sql("SELECT count(*) FROM dreamsuite.daily_metrics WHERE platform = 'spotify'"), '0', 'nor are they used before');
let_go($holder);
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE platform = 'spotify'", '1'), 'then the account is collected');
$waiting->query_until(qr/called/, '');
$waiting->quit;
is(sql("SELECT updated_at > now() - interval '1 minute', expires_at > dreamsuite.calendar_now() FROM dreamsuite.account_secrets WHERE " . user(1)), 't|t',
	'with tokens that are kept');

# a platform that ends the old token at once; the server is stopped while the new one waits for its row
sql("SELECT dreamsuite.register_app('tiktok', 'client', 'secret-of-tiktok', 'https://app.example/back')");
sql("SELECT dreamsuite.connect_account('" . user_id(1) . "', 'tiktok', null, 'tok-tiktok-77', 'ref-tiktok-77', '2026-03-02T06:00:00Z')");
$holder = hold("SELECT FROM dreamsuite.account_secrets WHERE platform = 'tiktok' AND " . user(1) . ' FOR UPDATE');
$waiting = $node->background_psql('postgres', on_error_stop => 0);
$waiting->query_until(qr/calling/, "\\echo calling\nCALL dreamsuite.collect('" . user_id(1) . "', 'tiktok');\n");
sleep 2;
ok(within(5, sub { $node->stop('fast') }), 'the server is stopped without waiting for it');
eval { $_->quit } foreach $holder, $waiting;
$node->start;
ok(eventually($node, $pid_sql =~ s/SELECT pid/SELECT count(*)/r, '1', 30), 'it comes back');
collect($node, "'" . user_id(1) . "', 'tiktok'");
is(sql("SELECT last_outcome FROM dreamsuite.account_state WHERE platform = 'tiktok'") . (control('stats') =~ /"refresh_tokens_reused": ?\[\]/ ? '' : ' by a spent token'),
	'ok', 'and has kept the new token, which nobody could have got again');

# ---- the lease of somebody who is gone

set_now($node, '2026-03-03T07:00:00Z');
sql("UPDATE dreamsuite.account_state SET lease_token = gen_random_uuid(), lease_until = clock_timestamp() + interval '6 s' WHERE " . user(6));
sql('SELECT dreamsuite.collect_due()');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-03' AND platform = 'deezer'", $users - 1), 'all others are collected');
my $commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'";
sleep 1;
my $before = sql($commits);
sleep 1.5;
cmp_ok(sql($commits) - $before, '<', 4, 'it is waited for without a look at the database');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-03' AND " . user(6), '1', 12), 'when it has run out the account is collected');

# ---- a claim that fails

set_now($node, '2026-03-04T07:00:00Z');
sql(q{CREATE FUNCTION no_claims() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.lease_token IS NOT NULL THEN RAISE EXCEPTION 'nothing is claimed today'; END IF; RETURN NEW; END $$});
sql('CREATE TRIGGER no_claims BEFORE UPDATE ON dreamsuite.account_state FOR EACH ROW EXECUTE FUNCTION no_claims()');
$offset = -s $node->logfile;
$pid = sql($pid_sql);
sql('SELECT dreamsuite.collect_due()');
sleep 4;
my $complaints = () = log_since($offset) =~ /could not claim due accounts: nothing is claimed today/g;
cmp_ok($complaints, '>=', 2, 'it is tried again');
cmp_ok($complaints, '<=', 4, 'less and less often');
is(sql($pid_sql), $pid, 'by a collector that does not end');
sql('DROP TRIGGER no_claims ON dreamsuite.account_state');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-04' AND platform = 'deezer'", $users), 'until it succeeds');

# ---- more answers wait than are kept in memory: these accounts have some 5 MB each

my $many = 10;
set_now($node, '2026-03-05T07:00:00Z');
sql("SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'soundcloud', null, 'tok-soundcloud-' || i)) FROM generate_series(5000, 5000 + $many - 1) i");
my $of_many = "platform = 'soundcloud' AND user_id >= '" . user_id(5000) . "'";
$holder = hold("SELECT dreamsuite.record_metrics(user_id, platform, '2026-03-05', '{\"follower_count\": 5}') FROM dreamsuite.accounts WHERE $of_many");
sql('SELECT dreamsuite.collect_due()');
my $back = "SELECT count(*) FROM dreamsuite.account_state WHERE lease_until IS NULL AND next_due_at = dreamsuite.calendar_now() + interval '10 min' AND attempts = 0 AND $of_many";
my $kept = $leased . $of_many;
ok(eventually($node, "SELECT ($kept) BETWEEN 1 AND 7 AND ($back) + ($kept) = $many", 't', 30), 'those for which there is no memory are given back, to be collected again in ten minutes');
my $stays = sql($kept);
let_go($holder);
my $stored = "SELECT count(*) FROM dreamsuite.account_state WHERE lease_until IS NULL AND last_outcome = 'ok' AND $of_many";
ok(eventually($node, $stored, $stays), 'these are stored when the transaction ends');
is(sql($back), $many - $stays, 'and they alone');
set_now($node, '2026-03-05T07:10:00Z');
ok(eventually($node, $stored, $many, 30), 'those that were given back ten minutes later');
is(sql("SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.collection_runs WHERE outcome = 'ok' AND $of_many"), "$many|$many", 'once');
is(sql($pid_sql), $pid, 'by the same collector');

$node->stop;
done_testing();
