# Where Citus is installed: what grows by the day is spread by user_id over a cluster of one node, and everything goes on.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my $lib = qx(pg_config --pkglibdir);
chomp $lib;
plan skip_all => 'Citus is not installed here: distribute() is not tested' unless -e "$lib/citus.so";

my $base = start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('citus', "shared_preload_libraries = 'citus'", 'log_statement = none', "citus.propagate_set_commands = 'local'");
# Citus connects to its own node too, by TCP unless told
$node->append_conf('postgresql.conf', "citus.local_hostname = '" . $node->host . "'");
$node->reload;
my ($ann, $bob) = (user_id(1), user_id(2));

sub sql { return $node->safe_psql('postgres', shift) }

# tries(NAME, SQL): it goes through
sub tries
{
	my ($name, $sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', $sql);

	is($code, 0, $name) or diag("$sql: $err");
	return $out;
}

# a second node, that has the rows of half of the users
my $worker = PostgreSQL::Test::Cluster->new('worker');
$worker->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$worker->append_conf('postgresql.conf', $_) foreach ("shared_preload_libraries = 'citus'", "wal_level = logical", 'log_statement = none', "citus.local_hostname = '" . $node->host . "'");
$worker->start;
$worker->safe_psql('postgres', 'CREATE EXTENSION citus');

set_now($node, '2026-03-01T06:00:00Z');
sql('CREATE EXTENSION citus');
sql("SELECT citus_set_coordinator_host('" . $node->host . "', " . $node->port . "); SELECT citus_set_node_property('" . $node->host . "', " . $node->port . ", 'shouldhaveshards', true)");
sql("SELECT citus_add_node('" . $worker->host . "', " . $worker->port . ')');
# Citus comes to the other node as the role itself
sql('CREATE ROLE authenticated LOGIN; CREATE ROLE service_role LOGIN');
my $granted = "SELECT dreamsuite.grant_access('authenticated'); SELECT dreamsuite.grant_access('service_role', all_users => true)";
sql($granted);
sql("SELECT dreamsuite.connect_account('" . user_id($_) . "', 'deezer', '" . (100 + $_) . "')") foreach 1 .. 5;
sql("SELECT dreamsuite.connect_account('$ann', 'tiktok', access_token => 'tok-tiktok-4711', refresh_token => 'ref-tiktok-4711')");
like(collect($node), qr/6 of 6 accounts collected/, 'a day before');

# ---- Spread

sql('INSERT INTO dreamsuite.daily_metrics (platform, date, metrics) VALUES (\'deezer\', \'2026-01-01\', \'{}\')');
my ($code, $out, $err) = $node->psql('postgres', 'SELECT dreamsuite.distribute()');
like($err, qr/1 rows of daily_metrics have no user_id.*HINT/s, 'a row without a user is refused');
sql('DELETE FROM dreamsuite.daily_metrics WHERE user_id IS NULL');
tries('distribute()', 'SELECT dreamsuite.distribute()');
is(sql("SELECT string_agg(c.relname, ' ') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind = 'r'
	 AND NOT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = c.oid AND p.partmethod = 'h' AND column_to_column_name(p.logicalrelid, p.partkey) = 'user_id')"), '', 'every table with a user is distributed by it');
cmp_ok(sql("SELECT count(*) FROM pg_dist_partition WHERE partmethod = 'h'"), '>=', 14, 'and they are many');
is(sql("SELECT count(DISTINCT colocationid) FROM pg_dist_partition WHERE partmethod = 'h'"), '1', 'they lie together');
is(sql("SELECT string_agg(c.relname, ' ') FROM pg_class c WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = c.oid)"),
	'', 'the others are everywhere');
is(sql("SELECT count(DISTINCT nodeport) FROM pg_dist_shard JOIN pg_dist_placement USING (shardid) JOIN pg_dist_node USING (groupid) WHERE logicalrelid = 'dreamsuite.account_state'::regclass"), '2', 'on both nodes');
is(sql("SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'dreamsuite'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0"), '', 'what was here is here no more');
tries('distribute() once more', 'SELECT dreamsuite.distribute()');
is(sql('SELECT count(*) FROM dreamsuite.daily_metrics'), '6', 'the day before is there');

# ---- The collector

set_now($node, '2026-03-02T06:00:00Z');
like(collect($node), qr/6 of 6 accounts collected/, 'the day after');
is(sql('SELECT count(*) FROM dreamsuite.daily_metrics'), '12', 'every day is there');
is(sql("SELECT count(follower_change_24h) FROM dreamsuite.daily_metrics WHERE date = '2026-03-02'"), '6', 'with its change');
cmp_ok(sql('SELECT count(*) FROM dreamsuite.content_items'), '>', 0, 'content is there');
is(sql("SELECT count(*), count(DISTINCT run_id) FROM dreamsuite.collection_runs WHERE date = '2026-03-02'"), '6|6', 'so are the runs');
my $log = slurp_file($node->logfile);
unlike($log, qr/could not prune the ledger/, 'the ledger is pruned');

# ---- What is asked

is(sql('SELECT count(*) FROM dreamsuite.growth()'), '12', 'growth of all');
is(sql("SELECT count(change_24h) FROM dreamsuite.growth('$ann')"), '2', 'growth of one');
is(sql('SELECT count(*) FROM dreamsuite.growth_leaders(period => \'24h\')'), '6', 'leaders');
tries("$_->[0]", "SELECT count(*) FROM dreamsuite.$_->[1]") foreach (
	[ 'facts', "insight_facts('$ann')" ], [ 'top facts', "top_facts('$ann')" ], [ 'the dashboard', "dashboard('$ann')" ],
	[ 'context of an agent', "agent_context('$ann')" ], [ 'claims', "check_claims('$ann', 'You have 12 fans.')" ],
	[ 'state of the data', "data_health('$ann')" ], [ 'status', 'status()' ], [ 'quotas', 'quota_status()' ],
	[ 'a day by day summary', 'collection_summary' ], [ 'a summary of endpoints', 'endpoint_summary' ],
	[ 'accounts that are behind', 'stale_accounts' ], [ 'a typed view', 'deezer_daily' ],
	[ 'posts', "compare_posts('$ann', 'tiktok', 'weekday')" ], [ 'a series', "metric_series('$ann', 'deezer', 'fans_count')" ],
	[ 'a record', "record_high('$ann', 'deezer', 'fans_count')" ], [ 'streaks', "growth_streaks('$ann', 'deezer', 'fans_count')" ],
	[ 'milestones', "milestones('$ann', 'deezer', 'fans_count')" ]);

# ---- What is written

tries('a number by hand', "SELECT dreamsuite.record_metrics('$bob', 'deezer', '2026-02-28', '{\"fans_count\": 7}')");
is(sql("SELECT count(change_24h) FROM dreamsuite.growth('$bob')"), '2', 'and later days follow');
tries('a correction', "SELECT dreamsuite.record_metrics('$bob', 'deezer', '2026-02-28', '{\"fans_count\": 8}')");
is(sql("SELECT old_value, new_value FROM dreamsuite.metric_revisions WHERE user_id = '$bob' AND metric = 'fans_count'"), '7|8', 'is remembered');
sql("UPDATE dreamsuite.daily_metrics SET follower_count = follower_count + 1, metrics = metrics || '{\"fans_count\": 9}' WHERE user_id = '$bob' AND date = '2026-02-28'");
tries('changes are repaired', "SELECT dreamsuite.repair_changes('$bob', 'deezer')");
tries('a file', "SELECT count(*) FROM dreamsuite.import_csv('$ann', 'spotify', 'audience', E'date,listeners,streams,followers\\n2026-02-27,10,20,30\\n2026-02-28,11,21,31\\n')");
tries('a goal', "SELECT dreamsuite.set_goal('$ann', 'deezer', 'follower_count', 1000000)");
is(sql("SELECT count(*) FROM dreamsuite.goal_status('$ann')"), '1', 'is followed');
tries('and dropped', "SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goal_status('$ann')");
tries('a pause', "SELECT dreamsuite.pause_account('$ann', 'tiktok'); SELECT dreamsuite.resume_account('$ann', 'tiktok')");
tries('an end', "SELECT dreamsuite.disconnect_account('$ann', 'tiktok')");

# ---- Who sees what

sub sees
{
	my ($role, $sub) = @_;

	return tries("$role asks", "BEGIN; SET LOCAL ROLE $role; SET LOCAL request.jwt.claims = '{\"sub\": \"$sub\"}'; SELECT count(DISTINCT user_id), min(user_id::text) FROM dreamsuite.daily_metrics; COMMIT");
}

is(sees('authenticated', $bob), "1|$bob", 'a user sees the own rows');
is(sees('authenticated', user_id(99)), '0|', 'who has none sees none');
like(sees('service_role', $bob), qr/^5\|/, 'the service sees all');

tries('a user is forgotten', "SELECT dreamsuite.forget_user('$bob')");
is(sql("SELECT count(*) FROM dreamsuite.daily_metrics WHERE user_id = '$bob'"), '0', 'whole');

set_now($node, '2026-03-03T06:00:00Z');
like(collect($node), qr/4 of 4 accounts collected/, 'a third day');

# ---- Accounts over the nodes

sub account { my ($user, $platform) = @_; return "user_id = '" . user_id($user) . "' AND platform = '" . ($platform // 'deezer') . "'"; }

# by OAuth
sql("SELECT dreamsuite.register_app('$_', 'client-$_', 'secret-of-$_', 'https://app.example/back')") foreach qw(youtube tiktok);
my $url = sql("SELECT dreamsuite.authorize_url('youtube', '" . user_id(6) . "')");
my $head = qx(curl -s -o /dev/null -D - '$base/@{[ $url =~ m{^https://(.*)$} ]}');
my ($state) = $head =~ /[?&]state=([^&\s]*)/;
($code) = $head =~ /[?&]code=([^&\s]*)/;
tries('an authorisation', "SELECT dreamsuite.complete_authorization('$state', '$code')");
ok(eventually($node, "SELECT status FROM dreamsuite.accounts WHERE " . account(6, 'youtube'), 'active', 30), 'is exchanged') or
	diag(sql('SELECT status_reason, last_error FROM dreamsuite.accounts JOIN dreamsuite.account_state USING (user_id, platform) WHERE ' . account(6, 'youtube')));
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.daily_metrics WHERE ' . account(6, 'youtube'), '1'), 'and the account collected');
like(($node->psql('postgres', "SELECT dreamsuite.complete_authorization('$state', '$code')"))[2], qr/the state was used already/, 'a state is good for one use');
like(($node->psql('postgres', "SELECT dreamsuite.complete_authorization('x$state', '$code')"))[2], qr/unknown state/, 'and one that nobody was given is refused');

# tokens that have ended, and a metric that is retired
sql("SELECT dreamsuite.connect_account('" . user_id(7) . "', 'tiktok', null, 'tok-tiktok-77', 'ref-tiktok-77', '2026-03-01T06:00:00Z')");
sql("SELECT dreamsuite.connect_account('" . user_id(8) . "', 'tiktok', null, 'tok-tiktok-78')");
control('faults', '[{"kind": "retired", "platform": "tiktok", "metric": "share_count", "account": "78"}]');
my $sealed = sql('SELECT md5(refresh_token::text) FROM dreamsuite.account_secrets WHERE ' . account(7, 'tiktok'));
set_now($node, '2026-03-04T06:00:00Z');
like(collect($node), qr/7 of 7 accounts collected/, 'a fourth day');
isnt(sql('SELECT md5(refresh_token::text) FROM dreamsuite.account_secrets WHERE ' . account(7, 'tiktok')), $sealed, 'a refresh token that was used up is another now');
is(sql('SELECT metric FROM dreamsuite.metric_quarantine WHERE ' . account(8, 'tiktok')), 'share_count', 'what the platform refuses is in quarantine');
control('faults', '[]');
like(sql("SELECT dreamsuite.rotate_keys()"), qr/^[1-9]/, 'every sealed value has a new key');
set_now($node, '2026-03-05T06:00:00Z');
like(collect($node), qr/7 of 7 accounts collected/, 'which opens them on a fifth day');
unlike(control('stats'), qr/"refresh_tokens_reused": ?\[[^\]]/, 'no refresh token was used twice');

# one that cannot be claimed keeps none of the others from it
sql("ALTER TABLE dreamsuite.account_state ADD CONSTRAINT never_leased CHECK (user_id <> '" . user_id(5) . "' OR lease_token IS NULL)");
# one account, one collector: what somebody holds or has leased is left alone
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; SELECT 1 FROM dreamsuite.account_state WHERE ' . account(3) . ' FOR UPDATE');
sql("UPDATE dreamsuite.account_state SET lease_token = '" . user_id(99) . "', lease_until = now() + interval '20 min', last_started_at = now() WHERE " . account(4));
set_now($node, '2026-03-06T06:00:00Z');
my $today = "SELECT string_agg(right(user_id::text, 1), '' ORDER BY user_id) FROM dreamsuite.daily_metrics WHERE date = '2026-03-06'";
tries('a schedule', 'SELECT dreamsuite.collect_due()');
ok(eventually($node, $today, '1678', 30), 'the others are collected');
$holder->query_safe('COMMIT');
tries('a schedule again', 'SELECT dreamsuite.collect_due()');
ok(eventually($node, $today, '13678', 30), 'then the one that was held');
$holder->quit;
like(sql('SELECT last_error FROM dreamsuite.account_state WHERE ' . account(5)), qr/could not be claimed: .*never_leased/, 'why one could not be claimed is told');
sql('ALTER TABLE dreamsuite.account_state DROP CONSTRAINT never_leased');
set_now($node, '2026-03-06T06:10:00Z');
ok(eventually($node, $today, '135678', 30), 'it is when that is mended');
$node->restart;
tries('a new collector', 'SELECT dreamsuite.collect_due()');
ok(eventually($node, $today, '1345678', 30), 'the next collector frees the lease of the one before');
is(sql("SELECT count(*) FROM (SELECT FROM dreamsuite.collection_runs WHERE date = '2026-03-06' AND outcome <> 'failed' GROUP BY user_id, platform HAVING count(*) > 1) AS twice"), '0', 'none is collected twice');

# nor does an open transaction over rows of another table, on either node
my $again = 'SELECT count(*) FROM dreamsuite.collection_runs WHERE date = \'2026-03-06\' AND outcome <> \'failed\'';
my $runs = sql($again);
$holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN');
$holder->query_safe("SELECT 1 FROM dreamsuite.daily_metrics WHERE date = '2026-03-06' AND user_id = '" . user_id($_) . "' FOR UPDATE") foreach (1, 7, 8);
sql('UPDATE dreamsuite.account_state SET next_due_at = dreamsuite.calendar_now()');
tries('a second run of the day', 'SELECT dreamsuite.collect_due()');
ok(eventually($node, $again, $runs + 4, 30), 'what nobody holds is stored');
$holder->query_safe('COMMIT');
ok(eventually($node, $again, $runs + 7, 40), 'and the rest when it is free');
$holder->quit;

# by the time of day
sql("LOAD 'dreamsuite'; ALTER SYSTEM SET dreamsuite.collect_at = '07:00'");
sql('SELECT pg_reload_conf()');
tries('a schedule by the time of day', 'SELECT dreamsuite.collect_due()');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.account_state WHERE next_due_at::date = '2026-03-07'", '7', 30), 'names the time of all');
sql("LOAD 'dreamsuite'; ALTER SYSTEM RESET dreamsuite.collect_at");
sql('SELECT pg_reload_conf()');

# Who may see which accounts, as PostgREST asks: it sets the role and the claims by set_config(), which Citus keeps to itself.
# A function that runs before each request makes the claims known to the nodes.
sql(q{CREATE FUNCTION tell_nodes() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	EXECUTE format('SET LOCAL request.jwt.claims = %L', current_setting('request.jwt.claims', true)); END $$});
sub request
{
	my ($user, $sql) = @_;
	my $claims = '{"sub": "' . user_id($user) . '"}';

	return "BEGIN; DO \$\$ BEGIN PERFORM set_config('role', 'authenticated', true), set_config('request.jwt.claims', '$claims', true), tell_nodes(); END \$\$; $sql; COMMIT";
}
foreach my $user (1, 3, 7, 8)    # on either node
{
	my $account = "'" . user_id($user) . "', '" . ($user < 7 ? 'deezer' : 'tiktok') . "'";

	is(tries('a user asks', request($user, "SELECT string_agg(user_id::text, ' ') FROM dreamsuite.$_")), user_id($user), "user $user sees the own row of $_ alone") foreach qw(accounts account_state);
	foreach ([ 'pause_account', 'paused' ], [ 'resume_account', 'active' ])
	{
		my ($function, $status) = @$_;

		tries("$function()", request($user, "SELECT dreamsuite.$function($account)"));
		is(sql("SELECT status FROM dreamsuite.accounts WHERE user_id = '" . user_id($user) . "'"), $status, "it is $status");
	}
	like(($node->psql('postgres', request($user, "SELECT dreamsuite.pause_account('" . user_id(5) . "', 'deezer')")))[2], qr/permission denied for user/, 'and no other');
}
like(($node->psql('postgres', request(7, 'SELECT count(*) FROM dreamsuite.account_secrets')))[2], qr/permission denied/, 'nor a secret');

# the end of a consent
tries('an account is disconnected', "SELECT dreamsuite.disconnect_account('" . user_id(7) . "', 'tiktok')");
tries('a user with a consent is forgotten', "SELECT dreamsuite.forget_user('" . user_id(6) . "')");
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.revocations', '0', 30), 'their tokens are revoked');
my $stats = control('stats');
like($stats, qr{POST \Q$_\E}, "at $_") foreach ('open.tiktokapis.com/v2/oauth/revoke', 'oauth2.googleapis.com/revoke');
is(sql("SELECT count(*) FROM dreamsuite.$_ WHERE user_id IN ('" . user_id(6) . "')"), '0', "$_ has nothing of who is forgotten") foreach qw(accounts account_state account_secrets oauth_states daily_metrics collection_runs);
$log = slurp_file($node->logfile);
unlike($log, qr/WARNING:  (?!could not claim platform)/, 'nothing went wrong meanwhile');


# ---- Days that a platform corrects

control('modes', '{"facebook_restates": 1}');
sql("SELECT dreamsuite.connect_account('$bob', 'facebook', access_token => 'tok-facebook-11')");
foreach (8, 9)
{
	set_now($node, "2026-03-0${_}T06:00:00Z");
	like(collect($node, "platform => 'facebook'"), qr/1 of 1 accounts collected/, "Facebook on the ${_}th");
}
is(sql("SELECT count(*) FROM dreamsuite.metric_revisions WHERE user_id = '$bob' AND platform = 'facebook' AND date = '2026-03-08'"), '4', 'corrects the day before');
control('faults', '[{"kind": "403", "platform": "facebook"}]');
set_now($node, '2026-03-10T06:00:00Z');
like(collect($node, "platform => 'facebook'"), qr/1 of 1 accounts failed.*facebook of user $bob: permission/s, 'what fails is named');
$node->stop;
done_testing();
