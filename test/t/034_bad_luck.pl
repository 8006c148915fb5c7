# One bad account, one poisoned body, one row that cannot be stored: none stops the others. And tries are counted, spread and
# come to an end.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--scale', '0-99999999:posts=0,cadence=0');
my $node = new_node('bad_luck', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none', 'dreamsuite.request_timeout = 2s');
set_now($node, '2026-03-01T06:00:00Z');

sub sql { return $node->safe_psql('postgres', shift); }
sub state_of { my ($user, $columns) = @_; return sql("SELECT $columns FROM dreamsuite.account_state WHERE user_id = '" . user_id($user) . "'"); }

my $users = 30;
sql("SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'deezer', i::text)) FROM generate_series(1, $users) i");

# ---- bodies

control('faults', <<'JSON');
[{"kind": "deep", "account": "1"}, {"kind": "garbage", "account": "2"}, {"kind": "too_large", "account": "3"},
 {"kind": "empty", "account": "4"}, {"kind": "truncate", "account": "5"}, {"kind": "reset", "account": "6"},
 {"kind": "5xx", "account": "7"}, {"kind": "hang", "account": "8"}, {"kind": "403", "account": "9"}]
JSON
# ---- rows
sql("ALTER TABLE dreamsuite.daily_metrics ADD CONSTRAINT unstorable CHECK (user_id <> '" . user_id(10) . "')");
# a conflict with someone else passes by itself
sql(q{CREATE FUNCTION quarrel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.user_id = '} . user_id(11) . q{' THEN RAISE EXCEPTION 'quarrel' USING ERRCODE = 'deadlock_detected'; END IF; RETURN NEW; END $$});
sql('CREATE TRIGGER quarrel BEFORE INSERT ON dreamsuite.daily_metrics FOR EACH ROW EXECUTE FUNCTION quarrel()');
# a full disk is for people to mend
sql(q{CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.user_id = '} . user_id(12) . q{' THEN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END IF; RETURN NEW; END $$});
sql('CREATE TRIGGER full_disk BEFORE INSERT ON dreamsuite.daily_metrics FOR EACH ROW EXECUTE FUNCTION full_disk()');

my $pid = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'");
like(collect($node), qr/ERROR:.*of 30 accounts failed.*HINT:/s, 'CALL collect() names those that failed');
is(sql("SELECT count(*) FROM dreamsuite.daily_metrics d WHERE user_id > '" . user_id(12) . "'"), $users - 12, 'the others are stored');
is(sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'"), $pid, 'by the same collector');
is(state_of(1, 'last_error_class'), 'bad_response', 'a body that is too deep');
is(state_of(2, 'last_error_class'), 'bad_response', 'garbage');
is(state_of(3, 'last_error_class'), 'too_large', 'a body over the cap');
like(state_of(4, 'last_error_class'), qr/bad_response/, 'an empty one');
like(state_of(6, 'last_error_class'), qr/network/, 'a connection that is reset');
is(state_of(7, 'last_error_class'), 'server_error', 'an outage');
is(state_of(8, 'last_error_class'), 'timeout', 'a server that hangs');
is(state_of(10, 'last_outcome, last_error_class'), 'failed|bad_response', 'a row that no table takes');
like(state_of(10, 'last_error'), qr/could not be stored: .*unstorable/, 'and the reason is told');
is(state_of(11, 'last_error_class, next_due_at > dreamsuite.calendar_now(), done_on'), 'server_error|t|', 'a conflict is tried again');
is(state_of(12, "last_error_class, next_due_at >= dreamsuite.calendar_now() + interval '1 hour', done_on"), 'operator|t|', 'a full disk waits for people');
is(sql('SELECT count(*) FROM dreamsuite.account_state WHERE lease_token IS NOT NULL'), '0', 'every lease is given back');

# ---- tries

is(state_of(7, "next_due_at - dreamsuite.calendar_now() BETWEEN interval '30 s' AND interval '60 s'"), 't', 'the second try follows within a minute');
sub try_again
{
	my ($step) = @_;
	my $now = sql("SELECT to_char(max(next_due_at) AT TIME ZONE 'UTC' + interval '1 s', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM dreamsuite.account_state WHERE user_id = '" . user_id(7) . "'");
	my $before = sql("SELECT count(*) FROM dreamsuite.collection_runs WHERE user_id = '" . user_id(7) . "'");

	set_now($node, $now);
	eventually($node, "SELECT count(*) > $before FROM dreamsuite.collection_runs WHERE user_id = '" . user_id(7) . "'", 't');
	return;
}
my @gaps;
for (2 .. 6)
{
	push @gaps, state_of(7, 'extract(epoch FROM next_due_at - dreamsuite.calendar_now())::integer');
	try_again();
}
note("waits: @gaps seconds");
cmp_ok($gaps[$_], '>', $gaps[ $_ - 1 ] * 1.5, "wait " . ($_ + 1) . " is longer") foreach (1 .. 3);
cmp_ok($gaps[4], '<=', 4 * 3600, 'and none longer than four hours');
is(state_of(7, 'attempts, done_on, next_due_at'), '0|2026-03-01|', 'after the sixth try the day is given up');
is(sql("SELECT count(*) FROM dreamsuite.collection_runs WHERE user_id = '" . user_id(7) . "'"), '6', 'six tries there were');
control('faults', '[]');
sql('ALTER TABLE dreamsuite.daily_metrics DROP CONSTRAINT unstorable');
sql('DROP TRIGGER quarrel ON dreamsuite.daily_metrics; DROP TRIGGER full_disk ON dreamsuite.daily_metrics');
set_now($node, '2026-03-02T06:00:00Z');
is(collect($node) =~ /30 of 30 accounts collected/ ? 1 : 0, 1, 'the next day everything is well again');

# ---- an outage of an hour does not end in a storm

sql('TRUNCATE dreamsuite.collection_runs');
control('faults', '[{"kind": "5xx", "host": "api.deezer.com"}]');
set_now($node, '2026-03-03T06:00:00Z');
collect($node);
is(sql(q{SELECT count(DISTINCT next_due_at) > 25, max(next_due_at) - min(next_due_at) > interval '15 s' FROM dreamsuite.account_state}), 't|t',
	'accounts that failed together are not tried again together');

# ---- a row that someone else holds

control('faults', '[]');
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; SELECT FROM dreamsuite.account_state WHERE user_id = '" . user_id(20) . "' FOR UPDATE");
set_now($node, '2026-03-04T06:00:00Z');
sql('SELECT dreamsuite.collect_due()');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-04'", $users - 1), 'a row that is locked does not stop the others');
sleep 1;
my $commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'";
my $before = sql($commits);
sleep 3;
cmp_ok(sql($commits) - $before, '<', 20, 'and is waited for without spinning');
$holder->query_safe('COMMIT');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-04'", $users, 10), 'then it is collected');
$holder->quit;

$node->stop;
done_testing();
