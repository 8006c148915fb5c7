# A hot standby answers questions: growth, series, facts, goals, the dashboard and the views, as the primary does. It
# collects nothing and says so, until it is promoted.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my $simulator = start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '3');
my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$primary->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'dreamsuite'
dreamsuite.databases = 'postgres'
dreamsuite.test_base_url = '$simulator'
dreamsuite.test_now = '2026-03-01T06:00:00Z'
dreamsuite.keyring_file = '${\ $primary->basedir }/keyring'
CONF
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION dreamsuite');
my $ann = user_id(1);
$primary->safe_psql('postgres', <<"SQL");
SELECT dreamsuite.connect_account('$ann', 'deezer', '4711');
SELECT dreamsuite.connect_account('$ann', 'tiktok', access_token => 'tok-tiktok-4711');
CREATE ROLE authenticated;
SELECT dreamsuite.grant_access('authenticated');
SQL
foreach my $day (map { sprintf '2026-03-%02d', $_ } 1 .. 9)
{
	set_now($primary, "${day}T06:00:00Z");
	collect($primary);
}
$primary->safe_psql('postgres', "SELECT dreamsuite.set_goal('$ann', 'deezer', 'follower_count', 1000000)");

$primary->backup('base');
ok(!-e $primary->backup_dir . '/base/keyring', 'a base backup holds no key');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->safe_psql('postgres', "SELECT dreamsuite.record_metrics('$ann', 'amazon_music', '2026-03-09', '{\"playlist_placements\": 2}')");
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'the standby stands by');

# Every function and view that only reads
my %questions = (
	'rows' => "SELECT * FROM dreamsuite.daily_metrics ORDER BY platform, date",
	'growth' => "SELECT * FROM dreamsuite.growth('$ann', metrics => '{follower_count}')",
	'growth, not in FROM' => "SELECT dreamsuite.growth('$ann', 'deezer')",
	'growth of all' => 'SELECT count(*), sum(value) FROM dreamsuite.growth()',
	'series' => "SELECT * FROM dreamsuite.metric_series('$ann', 'deezer', 'follower_count')",
	'leaders' => 'SELECT * FROM dreamsuite.growth_leaders()',
	'records' => "SELECT * FROM dreamsuite.record_high('$ann', 'deezer', 'follower_count')",
	'facts' => "SELECT * FROM dreamsuite.insight_facts('$ann')",
	'top facts' => "SELECT * FROM dreamsuite.top_facts('$ann')",
	'goals' => "SELECT * FROM dreamsuite.goal_status('$ann')",
	'dashboard' => "SELECT dreamsuite.dashboard('$ann')",
	'a view' => 'SELECT * FROM dreamsuite.tiktok_daily ORDER BY date',
	'catalog' => 'SELECT * FROM dreamsuite.metric_catalog()',
	'platforms' => 'SELECT * FROM dreamsuite.platforms',
	'a forecast' => "SELECT * FROM dreamsuite.forecast(ARRAY(SELECT value::float8 FROM dreamsuite.metric_series('$ann', 'deezer', 'follower_count')), 3)",
	'keys' => 'SELECT key_id, loaded FROM dreamsuite.key_status()');
foreach my $question (sort keys %questions)
{
	my $on_primary = $primary->safe_psql('postgres', $questions{$question});
	my ($code, $out, $err) = $standby->psql('postgres', $questions{$question});

	is($code, 0, "$question: is answered") or diag($err);
	is($out, $on_primary, 'as the primary answers');
}
like($standby->safe_psql('postgres', "SET request.jwt.claims = '{\"sub\": \"$ann\"}'; SET ROLE authenticated; SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.daily_metrics"), qr/^19\|1$/, 'policies hold there');
is($standby->safe_psql('postgres', "SET request.jwt.claims = '{\"sub\": \"" . user_id(2) . "\"}'; SET ROLE authenticated; SELECT count(*) FROM dreamsuite.growth()"), '0', 'for growth as well');

# What writes is refused, and nothing runs
foreach my $statement ('SELECT dreamsuite.collect_due()', 'CALL dreamsuite.collect()', "SELECT dreamsuite.pause_account('$ann', 'deezer')", "SELECT dreamsuite.record_metrics('$ann', 'deezer', '2026-03-01', '{\"fans_count\": 1}')")
{
	my ($code, $out, $err) = $standby->psql('postgres', $statement);

	like($err, qr/recovery|read-only transaction|standby/, "$statement is refused");
}
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dreamsuite%'"), '0', 'neither launcher nor collector runs');
my ($code, $out, $err) = $standby->psql('postgres', 'SELECT item, value FROM dreamsuite.status()');
is($code, 0, 'status() answers') or diag($err);
like($out, qr/^collector\|not running$/m, 'that no collector runs');

# ---- Promoted

$primary->stop;
$standby->promote;
ok(eventually($standby, "SELECT string_agg(backend_type, ' ' ORDER BY backend_type) FROM pg_stat_activity WHERE backend_type LIKE 'dreamsuite%'", 'dreamsuite collector dreamsuite launcher', 30),
	'a promotion starts the launcher and its collector');
set_now($standby, '2026-03-10T06:00:00Z');
like(collect($standby), qr/([1-9]\d*) of \1 accounts collected/, 'which goes on with the next day');
is($standby->safe_psql('postgres', "SELECT count(follower_change_24h) FROM dreamsuite.daily_metrics WHERE date = '2026-03-10' AND platform IN ('deezer', 'tiktok')"), '2', 'from where the primary ended');
$standby->stop;
done_testing();
