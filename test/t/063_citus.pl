# Where Citus is installed: what grows by the day is spread by user_id over a cluster of one node, and everything goes on.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my $lib = qx(pg_config --pkglibdir);
chomp $lib;
plan skip_all => 'Citus is not installed here: distribute() is not tested' unless -e "$lib/citus.so";

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('citus', "shared_preload_libraries = 'citus'", "citus.propagate_set_commands = 'local'");
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
$worker->append_conf('postgresql.conf', $_) foreach ("shared_preload_libraries = 'citus'", "wal_level = logical", "citus.local_hostname = '" . $node->host . "'");
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
is(sql("SELECT string_agg(replace(logicalrelid::text, 'dreamsuite.', ''), ' ' ORDER BY logicalrelid::text) FROM pg_dist_partition WHERE partmethod = 'h'"),
	'collection_runs content_history content_items daily_metrics goals imported_days metric_revisions request_log', 'what grows is distributed');
is(sql("SELECT count(DISTINCT colocationid) FROM pg_dist_partition WHERE partmethod = 'h'"), '1', 'the tables lie together');
is(sql("SELECT DISTINCT column_to_column_name(logicalrelid, partkey) FROM pg_dist_partition"), 'user_id', 'by user_id');
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
control('modes', '{"facebook_restates": 1}');
sql("SELECT dreamsuite.connect_account('$bob', 'facebook', access_token => 'tok-facebook-11')");
foreach (4, 5)
{
	set_now($node, "2026-03-0${_}T06:00:00Z");
	like(collect($node, "platform => 'facebook'"), qr/1 of 1 accounts collected/, "Facebook on the ${_}th");
}
is(sql("SELECT count(*) FROM dreamsuite.metric_revisions WHERE user_id = '$bob' AND platform = 'facebook' AND date = '2026-03-04'"), '4', 'corrects the day before');
control('faults', '[{"kind": "403", "platform": "facebook"}]');
set_now($node, '2026-03-06T06:00:00Z');
like(collect($node, "platform => 'facebook'"), qr/1 of 1 accounts failed.*facebook of user $bob: permission/s, 'what fails is named');
$node->stop;
done_testing();
