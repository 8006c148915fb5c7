# The change fields that the collector stores are those of the one rule: whatever days are missing, and when a day comes
# late. repair_changes() recomputes them all, so it must find nothing to write.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('changes', 'log_statement = none');

my $repaired = 'SELECT sum(dreamsuite.repair_changes(user_id, platform)) FROM dreamsuite.accounts';
my $user = user_id(1);

sub day
{
	return sprintf('2026-%02d-%02d', $_[0] <= 31 ? 3 : 4, $_[0] <= 31 ? $_[0] : $_[0] - 31);
}

set_now($node, day(1) . 'T06:00:00Z');
$node->safe_psql('postgres', qq(
	SELECT dreamsuite.connect_account('$user', 'youtube', access_token => 'tok-youtube-4711');
	SELECT dreamsuite.connect_account('$user', 'soundcloud', access_token => 'tok-soundcloud-4711');
	SELECT dreamsuite.connect_account('$user', 'deezer', '4711');));

# day 2 and day 30 and 31 are missed
foreach my $day (1, 3 .. 29, 32 .. 38)
{
	set_now($node, day($day) . 'T06:00:00Z');
	collect($node);
}
is($node->safe_psql('postgres', "SELECT platform, count(*), count(*) FILTER (WHERE follower_count > 0) FROM dreamsuite.daily_metrics GROUP BY platform ORDER BY platform"),
	"deezer|35|35\nsoundcloud|35|35\nyoutube|35|35", 'every day but the missed ones is stored');

is($node->safe_psql('postgres', qq(
	SELECT count(*), count(follower_change_24h), count(metrics ->> 'plays_change_24h'), count(metrics ->> 'plays_change_7d'),
	       count(metrics ->> 'plays_change_30d')
	  FROM dreamsuite.daily_metrics WHERE platform = 'soundcloud')),
	# 24 h: not days 1, 3 and 32; 7 days: from day 8, but not day 38; 30 days: days 32 (of day 1) to 38
	'35|32|32|28|7', 'changes are stored where they have a baseline');
is($node->safe_psql('postgres', $repaired), '0', 'they are what the rule says');

# day 30 comes after days that depend on it
set_now($node, day(30) . 'T06:00:00Z');
collect($node);
is($node->safe_psql('postgres', "SELECT count(*) FROM dreamsuite.daily_metrics WHERE date = '" . day(30) . "'"), '3', 'a late day is stored');
is($node->safe_psql('postgres', "SELECT metrics ->> 'plays_change_7d' IS NOT NULL FROM dreamsuite.daily_metrics WHERE platform = 'soundcloud' AND date = '" . day(38) . "'"),
	't', 'the day that lacked it has its change');
is($node->safe_psql('postgres', $repaired), '0', 'every stored change is right again');

# a day that is collected again
set_now($node, day(20) . 'T18:00:00Z');
collect($node);
is($node->safe_psql('postgres', $repaired), '0', 'so it is after a day was collected again');

done_testing();
