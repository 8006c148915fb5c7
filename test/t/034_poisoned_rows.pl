# A row that cannot be read or written when its account is claimed: the others are collected, and what is wrong is told in SQL.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('poisoned', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none');
my $users = 50;

sub sql { return $node->safe_psql('postgres', shift); }
sub state_of { my ($user, $columns) = @_; return sql("SELECT $columns FROM dreamsuite.account_state WHERE user_id = '" . user_id($user) . "'"); }
sub collected { my ($day) = @_; return "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '$day'"; }

# times_told(USER): how often the server's log names it
sub times_told
{
	my ($user) = @_;
	my $id = user_id($user);
	my @lines = slurp_file($node->logfile) =~ /could not claim platform "deezer" of user "$id"/g;

	return scalar @lines;
}

# damage(TABLE, COLUMN, USER): the value, wide and kept out of line, loses its pieces
sub damage
{
	my ($table, $column, $user) = @_;
	my $toast = sql("SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'dreamsuite.$table'::regclass");

	sql("SELECT heap_force_kill('$toast'::regclass, ARRAY(SELECT t.ctid FROM $toast t))");
	my ($code, $out, $err) = $node->psql('postgres', "SELECT length($column\::text) FROM dreamsuite.$table WHERE user_id = '" . user_id($user) . "'");
	like($err, qr/missing chunk/, "$table.$column cannot be read");
	return;
}

set_now($node, '2026-03-01T06:00:00Z');
sql('CREATE EXTENSION pg_surgery');
sql("SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'deezer', i::text)) FROM generate_series(1, $users) i");
like(collect($node), qr/50 of 50 accounts collected/, 'a day before');
my $before = sql('SELECT count(*) FROM dreamsuite.content_items');

# ---- What is wrong

my $wide = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 400))";
set_now($node, '2026-03-02T06:00:00Z');
sql("UPDATE dreamsuite.accounts SET settings = jsonb_build_object('storefronts', $wide) WHERE user_id = '" . user_id(3) . "'");
damage('accounts', 'settings', 3);
sql("INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, title) SELECT '" . user_id(4) . "', 'deezer', 'wide', 'track', $wide");
damage('content_items', 'title', 4);
sql("INSERT INTO dreamsuite.account_secrets (user_id, platform, access_token) SELECT '" . user_id(6) . "', 'deezer', $wide" . '::bytea');
damage('account_secrets', 'access_token', 6);
sql("INSERT INTO dreamsuite.metric_quarantine (user_id, platform, metric, since, until) VALUES ('" . user_id(7) . "', 'deezer', 'fans_count', '2026-03-01', '2026-04-01')");
# what an operator added
sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused by %', TG_NAME; END $$});
sql("ALTER TABLE dreamsuite.account_state ADD CONSTRAINT never_leased CHECK (user_id <> '" . user_id(5) . "' OR lease_token IS NULL)");
sql("CREATE TRIGGER never_tried BEFORE UPDATE ON dreamsuite.account_state FOR EACH ROW WHEN (NEW.user_id = '" . user_id(1) . "' AND NEW.lease_token IS NOT NULL) EXECUTE FUNCTION refuse()");
sql("UPDATE dreamsuite.account_state SET next_due_at = dreamsuite.calendar_now() WHERE user_id = '" . user_id(2) . "'");
sql("CREATE TRIGGER never_changed BEFORE UPDATE ON dreamsuite.account_state FOR EACH ROW WHEN (NEW.user_id = '" . user_id(2) . "') EXECUTE FUNCTION refuse()");
my @poisoned = (1 .. 6);
my $well = $users - @poisoned;

# ---- The others

my $pid = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'");
is(sql('SELECT dreamsuite.collect_due()'), $users, 'a schedule makes all due');
ok(eventually($node, collected('2026-03-02'), $well, 10), 'the others are collected');
sleep 1;
is(sql(collected('2026-03-02')), $well, 'and they alone');
is(sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'"), $pid, 'by the same collector');
is(sql("SELECT count(*) FROM dreamsuite.account_state WHERE lease_token IS NOT NULL"), '0', 'no lease is left');

# ---- What is told

foreach ([ 1, qr/could not be claimed: refused by never_tried/ ], [ 3, qr/could not be claimed: missing chunk/ ], [ 4, qr/could not be claimed: missing chunk/ ],
	[ 5, qr/could not be claimed: .*never_leased/ ], [ 6, qr/could not be claimed: missing chunk/ ])
{
	my ($user, $cause) = @$_;
	my $state = state_of($user, "last_outcome, attempts, next_due_at BETWEEN dreamsuite.calendar_now() + interval '30 s' AND dreamsuite.calendar_now() + interval '60 s', last_error");

	like($state, qr/^failed\|1\|t\|$cause/, "user $user: the state of the account says why, and when it is tried again");
	like(sql("SELECT string_agg(error, ';') FROM dreamsuite.collection_runs WHERE user_id = '" . user_id($user) . "' AND outcome = 'failed'"), qr/^$cause/, "user $user: so does its run");
}
like(sql("SELECT string_agg(error, ';') FROM dreamsuite.collection_runs WHERE user_id = '" . user_id(2) . "' AND outcome = 'failed'"),
	qr/^could not be claimed: refused by never_changed/, 'user 2: where its state cannot be written its run says why');
is(times_told($_), 1, "user $_: the log tells it once") foreach @poisoned;
like(sql("SELECT last_error FROM dreamsuite.stale_accounts WHERE user_id = '" . user_id($_) . "'"), qr/^could not be claimed/, "user $_: stale_accounts shows it") foreach (1, 4, 5, 6);
like(sql("SELECT string_agg(detail, ' ') FROM dreamsuite.data_health('" . user_id(1) . "')"), qr/could not be claimed/, 'data_health() as well');
# user 2, whose next try nobody can write down, has one every few seconds
my ($failed) = sql('SELECT string_agg(item || value, \' \') FROM dreamsuite.status()') =~ /24 hours: failed(\d+)/;
cmp_ok($failed // 0, '>=', scalar @poisoned, 'and status()');
unlike(slurp_file($node->logfile), qr/leak/, 'nothing is left behind in the transactions');

# ---- What it costs

my $commits = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'";
sleep 1;
my $transactions = sql($commits);
sleep 3;
cmp_ok(sql($commits) - $transactions, '<', 40, 'what is put off costs no pass after the other');

# ---- Schedules

sub scheduled_at
{
	my ($time) = @_;

	sql('ALTER SYSTEM ' . ($time ? "SET dreamsuite.collect_at = '$time'" : 'RESET dreamsuite.collect_at'));
	sql('SELECT pg_reload_conf()');
	return;
}
my $scheduled = 'SELECT count(*) FROM dreamsuite.account_state WHERE attempts = 0 AND next_due_at > dreamsuite.calendar_now()';
my $times = "SELECT string_agg(user_id || ' ' || next_due_at, ', ' ORDER BY user_id) FROM dreamsuite.account_state WHERE attempts = 0 AND user_id NOT IN ('" . user_id(2) . "', '" . user_id(9) . "')";
sql("UPDATE dreamsuite.accounts SET settings = '{\"time_zone\": \"Asia/Tokyo\"}' WHERE user_id = '" . user_id(12) . "'");
scheduled_at('07:00');
ok(eventually($node, $scheduled, $well), 'all that can be are scheduled by the time of day');
my $together = sql($times);
scheduled_at();
ok(eventually($node, $scheduled, '0'), 'and no longer');

# user 9 cannot be scheduled, and somebody holds user 11
sql("CREATE TRIGGER never_scheduled BEFORE UPDATE ON dreamsuite.account_state FOR EACH ROW WHEN (NEW.user_id = '" . user_id(9) . "' AND NEW.lease_token IS NULL) EXECUTE FUNCTION refuse()");
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; SELECT FROM dreamsuite.account_state WHERE user_id = '" . user_id(11) . "' FOR UPDATE");
scheduled_at('07:00');
ok(eventually($node, $scheduled, $well - 2), 'one that cannot be scheduled keeps none of the others from it, nor does one that is held');
my $told = user_id(9);
like(slurp_file($node->logfile), qr/WARNING:  could not schedule platform "deezer" of user "$told": refused by never_scheduled/, 'the log tells which');
$holder->query_safe('COMMIT');
$holder->quit;
ok(eventually($node, $scheduled, $well - 1), 'who was held is scheduled when it is free');
is(sql($times), $together, 'at the times that all have together, in their own time zones');
sql('DROP TRIGGER never_scheduled ON dreamsuite.account_state');
scheduled_at();
ok(eventually($node, $scheduled, '0'), 'and no longer');

# ---- The next day

set_now($node, '2026-03-03T06:00:00Z');
my ($code, $out, $err) = $node->psql('postgres', 'CALL dreamsuite.collect()', timeout => 60);
is(sql(collected('2026-03-03')), $well, 'the next day the others are collected as well');
like($err, qr/WARNING: .*could not make platform "deezer" of user "@{[ user_id(2) ]}" due: refused/, 'CALL collect() says what cannot be made due');
like($err, qr/ERROR: .*6 of 50 accounts failed.*could not be claimed/s, 'and names those that failed');

# ---- Mended

sql('ALTER TABLE dreamsuite.account_state DROP CONSTRAINT never_leased; DROP TRIGGER never_tried ON dreamsuite.account_state; DROP TRIGGER never_changed ON dreamsuite.account_state');
sql("UPDATE dreamsuite.accounts SET settings = '{}' WHERE user_id = '" . user_id(3) . "'");
sql("DELETE FROM dreamsuite.content_items WHERE user_id = '" . user_id(4) . "' AND content_id = 'wide'");
sql("DELETE FROM dreamsuite.account_secrets WHERE user_id = '" . user_id(6) . "'");
set_now($node, '2026-03-03T06:30:00Z');
# user 2 waits the longer the more often it was tried
ok(eventually($node, collected('2026-03-03'), $users, 150), 'what is mended is collected by itself');
is(sql("SELECT count(*) FROM dreamsuite.account_state WHERE last_outcome = 'failed'"), '0', 'and nothing is held against it');

# ---- Those that fail together

sql("CREATE TRIGGER never_tried BEFORE UPDATE ON dreamsuite.account_state FOR EACH ROW WHEN (NEW.lease_token IS NOT NULL) EXECUTE FUNCTION refuse()");
set_now($node, '2026-03-04T06:00:00Z');
sql('SELECT dreamsuite.collect_due()');
ok(eventually($node, "SELECT pg_read_file('" . $node->logfile . "') ~ 'could not claim due accounts: refused by never_tried'", 't'), 'where all fail it is no fault of theirs');
is(sql("SELECT count(*) FROM dreamsuite.account_state WHERE last_outcome = 'failed'"), '0', 'and none is put off');
sql('DROP TRIGGER never_tried ON dreamsuite.account_state');
ok(eventually($node, collected('2026-03-04'), $users, 40), 'then all are collected');

# ---- Leases of a collector that has gone

sql("CREATE TRIGGER never_freed BEFORE UPDATE ON dreamsuite.account_state FOR EACH ROW WHEN (NEW.user_id = '" . user_id(8) . "' AND NEW.lease_token IS NULL) EXECUTE FUNCTION refuse()");
sql("UPDATE dreamsuite.account_state SET lease_token = gen_random_uuid(), lease_until = clock_timestamp() + interval '20 min' WHERE user_id IN ('" . user_id(8) . "', '" . user_id(9) . "')");
$node->restart;
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.account_state WHERE lease_token IS NOT NULL', '1'), 'one that cannot be ended keeps none of the others');

$node->stop;
done_testing();
