# What was recorded or imported lives beside what is collected: nulls of an API never overwrite it, and a collector that
# stores at the same time as an import loses nothing.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('by_hand', "shared_preload_libraries = 'dreamsuite'");
my $user = user_id(1);

sub record
{
	my ($platform, $date, $metrics) = @_;

	return $node->safe_psql('postgres', "SELECT dreamsuite.record_metrics('$user', '$platform', '$date', '$metrics')");
}

sub metric
{
	my ($platform, $date, $key) = @_;

	return $node->safe_psql('postgres',
		"SELECT metrics -> '$key' FROM dreamsuite.daily_metrics WHERE user_id = '$user' AND platform = '$platform' AND date = '$date'");
}

set_now($node, '2026-03-01T06:00:00Z');
$node->safe_psql('postgres', "SELECT dreamsuite.connect_account('$user', 'deezer', '4711')");
$node->safe_psql('postgres', "SELECT dreamsuite.connect_account('$user', 'amazon_music')");

# Deezer tells nothing of a library without a profile, and it knows the fans better than a hand.
record('deezer', '2026-03-01', '{"favorite_tracks": 7, "fans_count": 1}');
record('deezer', '2026-02-28', '{"fans_count": 1}');
record('amazon_music', '2026-03-01', '{"playlist_placements": 4}');
like(collect($node), qr/2 of 2 accounts collected/, 'the day is collected');
is(metric('deezer', '2026-03-01', 'favorite_tracks'), '7', 'a null of the API leaves what was recorded');
my $fans = metric('deezer', '2026-03-01', 'fans_count');
cmp_ok($fans, '>', 1, 'a number of the API takes the place of the recorded one');
is($node->safe_psql('postgres', "SELECT follower_count, follower_change_24h FROM dreamsuite.daily_metrics WHERE platform = 'deezer' AND date = '2026-03-01'"),
	$fans . '|' . ($fans - 1), 'the change is that against the recorded day before');
is(metric('amazon_music', '2026-03-01', 'playlist_placements'), '4', 'a placeholder leaves what was recorded');
is($node->safe_psql('postgres', "SELECT platform, outcome, count(*) FROM dreamsuite.collection_runs GROUP BY 1, 2 ORDER BY 1, 2"),
	"amazon_music|manual|1\namazon_music|placeholder|1\ndeezer|manual|2\ndeezer|ok|1", 'every run is in the ledger');

# A second run of the day, after a correction by hand.
record('amazon_music', '2026-03-01', '{"playlist_placements": 5}');
collect($node);
is(metric('amazon_music', '2026-03-01', 'playlist_placements'), '5', 'a second run leaves a correction');
is($node->safe_psql('postgres', "SELECT old_value, new_value FROM dreamsuite.metric_revisions WHERE platform = 'amazon_music'"),
	'4|5', 'and the former value is kept');

# A late day repairs the days after it, collected ones too.
set_now($node, '2026-03-08T06:00:00Z');
collect($node);
record('deezer', '2026-03-07', '{"fans_count": 10}');
my $later = metric('deezer', '2026-03-08', 'fans_count');
is($node->safe_psql('postgres', "SELECT follower_change_24h FROM dreamsuite.daily_metrics WHERE platform = 'deezer' AND date = '2026-03-08'"),
	$later - 10, 'a recorded day repairs the collected day after it');

# Two writers of one account: the second waits for the first, and sees its day.
my $open = $node->background_psql('postgres');
$open->query_safe("BEGIN");
$open->query_safe("SELECT dreamsuite.record_metrics('$user', 'deezer', '2026-03-05', '{\"fans_count\": 100}')");
my $waiting = IPC::Run::start(
	[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c',
		"SELECT dreamsuite.record_metrics('$user', 'deezer', '2026-03-06', '{\"fans_count\": 130}')" ],
	'>', \my $out, '2>', \my $err);
ok(eventually($node, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", '1'), 'the second writer waits');
$open->query_safe("COMMIT");
$open->quit;
$waiting->finish;
is($node->safe_psql('postgres', "SELECT string_agg(follower_change_24h::text, ',' ORDER BY date) FROM dreamsuite.daily_metrics WHERE platform = 'deezer' AND date IN ('2026-03-06', '2026-03-07')"),
	'30,-120', 'and its change counts against the day of the first');

$node->stop;
done_testing();
