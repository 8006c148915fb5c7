# Limits of the platforms: what they named is waited for and outlives a crash, buckets and quotas stop us before they do,
# and quota_status() tells.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--scale', '0-99999999:posts=0,cadence=0', '--deezer-quota');
my $node = new_node('limits', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none');
set_now($node, '2026-03-01T06:00:00Z');

sub sql { return $node->safe_psql('postgres', shift); }

# connects accounts of the users FIRST..LAST
sub connect_users
{
	my ($platform, $first, $last) = @_;
	my $id = $platform eq 'deezer' ? 'i::text' : 'NULL';
	my $token = $platform eq 'deezer' ? 'NULL' : "'tok-$platform-' || i";

	sql("SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, '$platform', $id, $token)) FROM generate_series($first, $last) i");
	return;
}

# accounts whose last run lacks nothing
sub whole { my ($platform) = @_; return sql("SELECT count(*) FROM dreamsuite.account_state WHERE platform = '$platform' AND last_outcome = 'ok'"); }
sub setting { my ($name, $value) = @_; sql("ALTER SYSTEM SET dreamsuite.$name = $value"); sql('SELECT pg_reload_conf()'); return; }

# ---- an hour that the platform named

connect_users('spotify', 1, 8);
control('faults', '[{"kind": "429", "platform": "spotify", "until": "2026-03-01T07:00:00Z"}]');
like(collect($node), qr/API rate limit exceeded/, 'CALL collect() says that the platform refused');
my $refused = sql("SELECT count(*) FROM dreamsuite.request_log WHERE platform = 'spotify'");
cmp_ok($refused, '<=', 8 * 4, 'those under way learn of it');
is(sql("SELECT blocked_until = '2026-03-01 07:00+00', reason FROM dreamsuite.quota_status() WHERE platform = 'spotify' AND blocked_until IS NOT NULL"),
	't|API rate limit exceeded', 'quota_status() tells how long and why');
like(sql("SELECT value FROM dreamsuite.status() WHERE item = 'paused: spotify'"), qr/until 2026-03-01 07:00/, 'so does status()');

# what was under way when the pause was named does not count
control('stats', '{}');
set_now($node, '2026-03-01T06:59:00Z');
$node->stop('immediate');
$node->start;
like(collect($node), qr/spotify of user .* is not asked before 2026-03-01 07:00.*API rate limit exceeded/s, 'a crash does not forget the pause');
# whoever asks again and again in the hour, a new account too, asks in vain
connect_users('spotify', 9, 9);
foreach my $minute (5, 20, 35, 50, 59)
{
	set_now($node, sprintf('2026-03-01T06:%02d:59Z', $minute));
	sql('SELECT dreamsuite.collect_due()');
	sleep 0.4;
}
is(sql("SELECT count(*) FROM dreamsuite.request_log WHERE platform = 'spotify'"), $refused, 'nothing is asked before the named time');
is(simulator_stats('early_requests'), 0, 'says the platform as well');

setting('test_pacing', 'on');
sql("TRUNCATE dreamsuite.request_log");
set_now($node, '2026-03-01T07:00:00Z');
collect($node);
is(whole('spotify'), 9, 'then every account is collected');
cmp_ok(sql("SELECT count(*) FROM dreamsuite.request_log WHERE platform = 'spotify'"), '>', 30, 'with many requests');
# from any request to any later one no more than the burst and what the rate gives in that time
is(sql(q{SELECT count(*) FILTER (WHERE n > l.burst + l.per_second * seconds + 1), max(n) > l.burst
	FROM (SELECT b.nth - a.nth + 1 AS n, extract(epoch FROM b.at - a.at) AS seconds
		FROM (SELECT at, row_number() OVER (ORDER BY at) AS nth FROM dreamsuite.request_log WHERE platform = 'spotify') a
		JOIN (SELECT at, row_number() OVER (ORDER BY at) AS nth FROM dreamsuite.request_log WHERE platform = 'spotify') b ON b.nth >= a.nth) t,
	dreamsuite.platform_limits() l WHERE l.platform = 'spotify' GROUP BY l.burst}), '0|t', 'at the allowed rate: no storm follows')
  or diag(sql(q{SELECT count(*), max(at) - min(at) FROM dreamsuite.request_log}));
is(sql("SELECT blocked_until FROM dreamsuite.quota_status() WHERE bucket = 'spotify'"), '', 'and the pause is over');
is(sql("SELECT accounts, cost_per_account > 0, accounts_that_fit > 10000 FROM dreamsuite.quota_status() WHERE bucket = 'api.spotify.com'"),
	'9|t|t', 'quota_status() tells how many more accounts fit');
is(sql("SELECT used, \"left\" FROM dreamsuite.quota_status() WHERE bucket = 'api.spotify.com'"), '|', 'what is left of a limit that nobody counts is unknown');

# ---- Deezer: 50 requests in 5 seconds of one address

connect_users('deezer', 1, 40);
collect($node, "platform => 'deezer'");
is(whole('deezer'), 40, 'forty accounts of Deezer are collected');
is(sql("SELECT count(*), count(*) FILTER (WHERE error_class <> 'ok') FROM dreamsuite.request_log WHERE platform = 'deezer'"),
	'120|0', 'without a request that its quota refused');
setting('test_pacing', 'off');

# ---- a limit without a time: a few seconds

my $waits = "SELECT extract(epoch FROM blocked_until - dreamsuite.calendar_now()) FROM dreamsuite.account_state WHERE platform = 'deezer' AND user_id = '" . user_id(1) . "'";
set_now($node, '2026-03-01T07:10:00Z');
control('faults', '[{"kind": "answer", "host": "api.deezer.com", "status": 403, "body": "<html>Are you a robot?</html>"}]');
like(collect($node, "'" . user_id(1) . "', 'deezer'"), qr/rate_limited, refused by Deezer's protection/, 'a platform refuses without a time');
my $wait = sql($waits);
ok($wait >= 5 && $wait <= 10, 'it is left alone for five to ten seconds') or diag("$wait s");
is(sql("SELECT blocked_until - dreamsuite.calendar_now() BETWEEN interval '5 s' AND interval '10 s' FROM dreamsuite.quota_status() WHERE bucket = 'deezer'"), 't', 'by all accounts');
is(sql("SELECT attempts FROM dreamsuite.account_state WHERE platform = 'deezer' AND user_id = '" . user_id(1) . "'"), '0', 'which costs no try');
control('faults', '[]');
set_now($node, '2026-03-01T07:10:11Z');
ok(eventually($node, "SELECT last_outcome FROM dreamsuite.account_state WHERE platform = 'deezer' AND user_id = '" . user_id(1) . "'", 'ok'), 'then it is asked again');

# ---- YouTube: a quota of units, by the day in California

$node->safe_psql('postgres', q{SELECT dreamsuite.register_app('youtube', 'client', 'secret', 'https://app.example/back', '{"daily_quota": 20}')});
set_now($node, '2026-03-08T06:00:00Z');
is(sql("SELECT used, \"left\", resets_at = '2026-03-08 08:00+00' FROM dreamsuite.quota_status() WHERE bucket = 'www.googleapis.com'"),
	'0|20|t', 'before it is used the quota of the operator is there');
connect_users('youtube', 1, 12);
collect($node, "platform => 'youtube'");
my $first = whole('youtube');
cmp_ok($first, '>', 2, 'some accounts were collected');
cmp_ok($first, '<', 12, 'others were not');
my $used = "SELECT used FROM dreamsuite.quota_status() WHERE bucket = 'www.googleapis.com'";
cmp_ok(sql($used), '<=', 20, 'no more units were used than there are');
cmp_ok(sql($used), '>', 17, 'and hardly fewer');
is(sql("SELECT sum(quota_cost) FROM dreamsuite.collection_runs WHERE platform = 'youtube'"), sql($used), 'the runs tell them, without the reports of Analytics, which another quota counts');
is(sql("SELECT blocked_until = '2026-03-08 08:00+00', reason FROM dreamsuite.quota_status() WHERE bucket = 'youtube'"),
	't|the quota of 20 units a day is used up', 'until midnight in California');
$node->stop('immediate');
$node->start;
cmp_ok(sql($used), '>', 17, 'a crash does not forget what was used');
set_now($node, '2026-03-08T07:59:00Z');
my $asked = sql("SELECT count(*) FROM dreamsuite.request_log WHERE platform = 'youtube'");
collect($node, "platform => 'youtube'");
is(sql("SELECT count(*) FROM dreamsuite.request_log WHERE platform = 'youtube'"), $asked, 'nothing is asked before midnight');
set_now($node, '2026-03-08T08:00:00Z');
ok(eventually($node, "SELECT count(*) > $first FROM dreamsuite.account_state WHERE platform = 'youtube' AND last_outcome = 'ok'", 't'),
	'then the others are collected by themselves');
cmp_ok(sql($used), '<=', 20, 'from a quota that began anew');
set_now($node, '2026-03-08T12:00:00Z');
is(sql("SELECT resets_at = '2026-03-09 07:00+00' FROM dreamsuite.quota_status() WHERE bucket = 'www.googleapis.com'"), 't',
	'the day of the change to summer time ends an hour earlier');

# ---- Meta: usage is heeded before the limit is met

connect_users('facebook', 1, 10);
control('usage', '{"percent": 90, "minutes": 7}');
control('stats', '{}');
collect($node, "platform => 'facebook'");
cmp_ok(whole('facebook'), '<', 10, 'at 90 percent Meta is left alone');
is(sql("SELECT used, blocked_until > dreamsuite.calendar_now() FROM dreamsuite.quota_status() WHERE bucket = 'facebook'"), '90|t', 'quota_status() tells the percentage');
is(sql("SELECT count(*) FROM dreamsuite.request_log WHERE platform = 'facebook' AND error_class <> 'ok'"), '0', 'no request was refused');
control('usage', '{"percent": 3}');
set_now($node, '2026-03-08T12:30:00Z');
collect($node, "platform => 'facebook'");
is(whole('facebook'), 10, 'when it has calmed down every account is collected');

# ---- one account's limit is that account's

connect_users('instagram', 1, 5);
control('faults', '[{"kind": "429", "platform": "instagram", "account": "3", "until": "2026-03-08T13:00:00Z"}]');
collect($node, "platform => 'instagram'");
is(sql("SELECT count(*) FROM dreamsuite.account_state WHERE platform = 'instagram' AND last_outcome = 'ok'"), '4', 'an account that is limited does not stop the others');
is(sql("SELECT blocked_accounts FROM dreamsuite.quota_status() WHERE platform = 'instagram' LIMIT 1"), '1', 'and is counted');

# ---- an account that a limit stopped goes on where it was

sub asked_of { return sql("SELECT string_agg(endpoint || ' ' || n, ', ' ORDER BY endpoint) FROM (SELECT endpoint, count(*) AS n FROM dreamsuite.request_log WHERE platform = 'facebook' AND user_id = '" . user_id(20) . "' AND error_class = 'ok' GROUP BY 1) t"); }
my $facebook = "SELECT last_outcome, blocked_until > dreamsuite.calendar_now() FROM dreamsuite.account_state WHERE platform = 'facebook' AND user_id = '" . user_id(20) . "'";
control('faults', '[]');
set_now($node, '2026-03-09T06:00:00Z');
sql('UPDATE dreamsuite.account_state SET next_due_at = NULL');
connect_users('facebook', 20, 20);
collect($node, "platform => 'facebook', user_id => '" . user_id(20) . "'");
my $all = asked_of();
sql('TRUNCATE dreamsuite.request_log');
set_now($node, '2026-03-10T06:00:00Z');
control('faults', '[{"kind": "429", "platform": "facebook", "path": "/insights", "retry_after": 600, "times": 1}]');
collect($node, "platform => 'facebook', user_id => '" . user_id(20) . "'");
is(sql($facebook), 'partial|t', 'a limit in the middle stops a run');
set_now($node, '2026-03-10T06:15:00Z');
ok(eventually($node, $facebook, 'ok|'), 'when it has ended the account is collected whole');
is(asked_of(), $all, 'and only what was left was asked');

# ---- answers that wait for the rest of their run go with the account

my $collector = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'");

# runs that the collector has in memory
sub kept
{
	my $from = -s $node->logfile;

	sql("SELECT pg_log_backend_memory_contexts($collector)");
	for (1 .. 200)
	{
		my $log = slurp_file($node->logfile, $from);

		return scalar(() = $log =~ /; dreamsuite job:/g) if $log =~ /Grand total/;
		sleep 0.05;
	}
	die 'the collector does not tell its memory';
}

sub eventually_kept
{
	my ($runs) = @_;

	for (1 .. 50)
	{
		return 1 if kept() == $runs;
		sleep 0.1;
	}
	return 0;
}

# stops runs of these users in the middle, a day later than the last
my $day = 10;
sub stop_in_the_middle
{
	set_now($node, '2026-03-' . ++$day . 'T06:00:00Z');
	control('faults', '[{"kind": "429", "platform": "facebook", "path": "/insights", "retry_after": 600}]');
	collect($node, "platform => 'facebook', user_id => '" . user_id($_) . "'") foreach @_;
	control('faults', '[]');
	return;
}

sql("UPDATE dreamsuite.accounts SET status = 'paused'");
connect_users('facebook', 21, 23);
stop_in_the_middle(21, 22, 23);
ok(eventually_kept(3), 'what came before the limit is kept');
sql('SELECT dreamsuite.wake_collector()');
ok(eventually_kept(3), 'while the limit lasts');
sql("SELECT dreamsuite.forget_user('" . user_id(21) . "')");
ok(eventually_kept(2), 'forget_user() reaches the memory of the collector');
sql("SELECT dreamsuite.disconnect_account('" . user_id(22) . "', 'facebook')");
ok(eventually_kept(1), 'so does disconnect_account()');
# of a row that goes otherwise it learns at its next wake, or within a minute
sql("DELETE FROM dreamsuite.accounts WHERE user_id = '" . user_id(23) . "'");
sql('SELECT dreamsuite.wake_collector()');
ok(eventually_kept(0), 'and whoever deletes the row');

connect_users('facebook', 24, 24);
stop_in_the_middle(24);
ok(eventually_kept(1), 'the answers of another one are kept');
connect_users('facebook', 24, 24);
sql('SELECT dreamsuite.wake_collector()');
ok(eventually_kept(0), 'but not beyond another consent');
is(sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'"), $collector, 'all in the same collector');

$node->stop;
done_testing();
