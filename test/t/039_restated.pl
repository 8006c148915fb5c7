# A platform that corrects its last days is heard: the stored day is corrected, the former value is kept with the time of the
# observation, and days that were told rightly stay as they are. Numbers by hand stay.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

# fields as they are stored, and as the platform calls them
my %fields = (
	facebook => [
		[ 'page_views', 'page_views_total' ], [ 'page_reach', 'page_total_media_view_unique' ],
		[ 'page_impressions', 'page_media_view' ], [ 'post_engagement', 'page_post_engagements' ] ],
	instagram => [
		[ 'reach', 'reach' ], [ 'impressions', 'views' ],
		[ 'profile_views', 'profile_views' ], [ 'website_clicks', 'website_clicks' ] ],
	youtube => [ [ 'watch_time_minutes', 'estimatedMinutesWatched' ], [ 'shares_total', 'shares' ] ]);
# after how many days each tells the whole of a day, and how long after it was stored the day is asked for then
my %modes = (facebook => 3, instagram => 2, youtube => 4);
my %settled = (facebook => 3, instagram => 2, youtube => 1);
my %requests = (facebook => 4, instagram => 6, youtube => 7);
my @platforms = sort keys %fields;
my $user = user_id(11);

start_simulator('--now', '2026-03-04T06:00:00Z', '--posts', '6');
my $node = new_node('restated', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none',
	'dreamsuite.max_host_connections = 1');

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub day { return sprintf('2026-03-%02d', $_[0]); }

# what the platform holds in the end, of the time at which a day was collected
sub truth
{
	my ($platform, $at) = @_;
	my ($date, $time) = $at =~ /^2026-03-(\d+)T(.*)$/;
	my $held = $platform eq 'youtube' && defined $date ? day($date - 1) . "T$time" : $at;
	my $truth = control("truth?platform=$platform&artist=11&at=$held");
	my @values;

	foreach (@{ $fields{$platform} })
	{
		my ($value) = ($platform eq 'instagram' ? $truth =~ /"insights": ?(\{[^}]*\})/ : $truth =~ /(.*)/s)[0] =~ /"$_->[1]": ?(\d+)/;
		push @values, $value;
	}
	return join('|', @values);
}

sub stored
{
	my ($platform, $day, $of) = @_;

	return sql('SELECT ' . join(', ', map { "metrics ->> '$_->[0]'" } @{ $fields{$platform} })
		  . " FROM dreamsuite.daily_metrics WHERE platform = '$platform' AND user_id = '" . ($of // $user) . "' AND date = '" . day($day) . "'");
}

# is it what it ought to be? Minutes come as whole ones for each day, and are added up.
sub is_true
{
	my ($platform, $got, $at, $what) = @_;
	my ($minutes, $shares) = split /\|/, $got;
	my ($true_minutes, $true_shares) = split /\|/, truth($platform, $at);

	return is($got, truth($platform, $at), "$platform: $what") unless $platform eq 'youtube';
	cmp_ok(abs($minutes - $true_minutes), '<=', 10, "youtube: $what");
	return is($shares, $true_shares, "youtube: $what, to the share");
}

sub go_on
{
	foreach my $day (@_)
	{
		set_now($node, day($day) . 'T06:00:00Z');
		unlike(collect($node), qr/ERROR|partial/, day($day) . ' is collected');
	}
	return;
}

set_now($node, '2026-03-04T06:00:00Z');
sql("SELECT dreamsuite.connect_account('$user', '$_', '" . (control('artist?artist=11') =~ /"$_": ?"([^"]+)"/)[0] . "', 'tok-$_-11')")
  foreach @platforms;
sql("SELECT dreamsuite.connect_account('" . user_id(12) . "', 'instagram', '" . (control('artist?artist=11') =~ /"instagram": ?"([^"]+)"/)[0]
	  . "', 'tok-instagram-11', settings => '{\"login\": \"instagram\"}')");

# ---- as long as nothing is corrected, nothing is; California changes its clocks on the 8th

go_on(4 .. 9);
is(sql('SELECT count(*) FROM dreamsuite.metric_revisions'), '0', 'days that were told rightly are left alone');
foreach my $platform (@platforms)
{
	is_true($platform, stored($platform, 9), '2026-03-09T06:00:00Z', 'what is told at once is what is stored');
}
is(sql("SELECT count(*) FROM dreamsuite.growth('$user', 'youtube', '{watch_time_minutes}') WHERE change_24h > 0"), '5', 'youtube: no day looks like standstill, the newest neither');

# ---- the last days are told a tenth too low

control('modes', '{' . join(', ', map { "\"${_}_restates\": $modes{$_}" } @platforms) . '}');
go_on(10);
my %told = map { $_ => stored($_, 10) } @platforms;
foreach my $platform (@platforms)
{
	isnt($told{$platform}, truth($platform, '2026-03-10T06:00:00Z'), "$platform: what is told at first is not yet what it will be");
}
sql("SELECT dreamsuite.record_metrics('$user', '$_->[0]', '2026-03-10', '{\"$_->[1]\": 5}')")
  foreach ([ 'facebook', 'page_views' ], [ 'instagram', 'reach' ], [ 'youtube', 'watch_time_minutes' ]);
go_on(11);
%told = map { $_ => stored($_, 11) } @platforms;
foreach my $day (12 .. 18)
{
	go_on($day);
	foreach my $platform (@platforms)
	{
		my $after = $day - 11;

		is(stored($platform, 11), $told{$platform}, "$platform: $after days later the day is as it was") if $after < $settled{$platform};
		next if $after != $settled{$platform};
		is_true($platform, stored($platform, 11), '2026-03-11T06:00:00Z', 'then the day is corrected');
		is( sql("SELECT string_agg(old_value #>> '{}', '|' ORDER BY array_position('{" . join(',', map { $_->[0] } @{ $fields{$platform} }) . "}', metric)) FROM dreamsuite.metric_revisions"
				  . " WHERE user_id = '$user' AND platform = '$platform' AND date = '2026-03-11' AND observed_at = '" . day($day) . " 06:00+00'"),
			$told{$platform}, "$platform: what was told before is kept, with the time of the observation");
	}
}
foreach my $platform (@platforms)
{
	my $field = $fields{$platform}[0][0];

	is_true($platform, stored($platform, $_), day($_) . 'T06:00:00Z', day($_) . ' is as it ought to be') foreach 9, 12 .. 15;
	is((split /\|/, stored($platform, 10))[0], '5', "$platform: what was recorded by hand is not corrected");
	is(sql("SELECT max(n) FROM (SELECT count(*) AS n FROM dreamsuite.metric_revisions WHERE user_id = '$user' AND platform = '$platform' AND date > '2026-03-09' GROUP BY date, metric) t"),
		'1', "$platform: no day more than once");
	is(sql("SELECT string_agg(DISTINCT requests::text, ',') FROM dreamsuite.collection_runs WHERE user_id = '$user' AND platform = '$platform' AND outcome = 'ok' AND requests > 0 AND date > '2026-03-05'"), $requests{$platform}, "$platform: as many requests on each day");
	is(sql("SELECT value = " . (split /\|/, stored($platform, 13))[0] . ' AND change_24h = ' . ((split /\|/, stored($platform, 13))[0] - (split /\|/, stored($platform, 12))[0])
			  . " FROM dreamsuite.growth('$user', '$platform', '{$field}') WHERE date = '2026-03-13'"),
		't', "$platform: growth() tells the corrected value and its change");
}
is(sql("SELECT count(*) FROM dreamsuite.daily_metrics WHERE platform = 'youtube' AND user_id = '$user' AND engagement_total IS DISTINCT FROM (metrics ->> 'likes_total')::bigint + (metrics ->> 'comments_total')::bigint + (metrics ->> 'shares_total')::bigint"),
	'0', 'youtube: engagement_total follows the shares');
is(stored('instagram', 13, user_id(12)), truth('instagram', '2026-03-13T06:00:00Z'), 'by Instagram login as well');
is(sql("SELECT string_agg(DISTINCT n::text, ',') FROM (SELECT user_id, count(*) FILTER (WHERE endpoint = 'settled_insights') AS n FROM dreamsuite.request_log WHERE platform = 'instagram' GROUP BY user_id, run_id) t WHERE user_id = '" . user_id($_->[0]) . "'"),
	$_->[1], "instagram: $_->[1] requests more $_->[2]") foreach ([ 11, '0', 'in a batch' ], [ 12, '2', 'by Instagram login' ]);

# ---- what is said of earlier days may fail

control('faults', '[{"kind": "5xx", "status": 500, "platform": "youtube", "path": "reports", "skip": 2, "times": 3}]');
go_on(19);
is(control('faults') =~ /"hits": ?(\d+)/ ? $1 : 0, '3', 'the report of the last days fails, and fails again');
is(sql("SELECT outcome, error FROM dreamsuite.collection_runs WHERE platform = 'youtube' AND date = '2026-03-19'"), 'ok|', 'and is not missed');
is(sql("SELECT count(*) FROM dreamsuite.metric_revisions WHERE platform = 'youtube' AND observed_at = '2026-03-19 06:00+00'"), '0', 'on that day nothing is corrected');
control('faults', '[]');
go_on(20);
is_true('youtube', stored('youtube', $_), day($_) . 'T06:00:00Z', day($_) . ' is corrected a day later') foreach 18, 19;

# ---- a day that was collected in the first hour of a day of UTC told of the window that ended with that hour, and of no other

control('modes', '{"instagram_restates": 0}');
my $early = user_id(13);
sql("SELECT dreamsuite.connect_account('$early', 'instagram', '" . (control('artist?artist=11') =~ /"instagram": ?"([^"]+)"/)[0] . "', 'tok-instagram-11')");
foreach my $day (21 .. 24)
{
	set_now($node, day($day) . 'T00:30:00Z');
	unlike(collect($node, "'$early'"), qr/ERROR|partial/, day($day) . ' is collected half an hour after midnight');
}
is(sql("SELECT count(*) FROM dreamsuite.metric_revisions WHERE user_id = '$early'"), '0', 'instagram: nothing was corrected, so no day is');
is(stored('instagram', $_, $early), truth('instagram', day($_) . 'T00:30:00Z'), 'instagram: ' . day($_) . ' has its own window') foreach 21 .. 24;

# ---- by the clock: the time at which a day was collected decides which of the platform's days it is

control('modes', '{' . join(', ', map { "\"${_}_restates\": 0" } @platforms) . '}');
control('now', '{"now": null}');
sql('ALTER SYSTEM RESET dreamsuite.test_now');
sql('SELECT pg_reload_conf()');
collect($node);
foreach my $platform (@platforms)
{
	my $field = $fields{$platform}[0][0];
	my $account = "platform = '$platform' AND user_id = '$user'";
	my $today = sql("SELECT max(date) FROM dreamsuite.daily_metrics WHERE $account");
	my $was = sql("SELECT metrics ->> '$field' FROM dreamsuite.daily_metrics WHERE $account AND date = '$today'");

	sql("INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics, collected_at) SELECT user_id, platform, date - n, metrics || '{\"$field\": 1}',"
		  . " collected_at - n * interval '1 day' FROM dreamsuite.daily_metrics, generate_series(1, 2) n WHERE $account AND date = '$today'");
	collect($node, "platform => '$platform'");
	my @now = split /\n/, sql("SELECT metrics ->> '$field' FROM dreamsuite.daily_metrics WHERE $account AND date >= '$today'::date - 2 ORDER BY date");
	if ($platform eq 'youtube')
	{
		ok($now[0] > 1 && $now[0] < $now[1] && $now[1] < $now[2] && $now[2] == $was, 'youtube: a day before each other, by the clock');
	}
	else
	{
		my @before = map { sql("SELECT to_char((now() - interval '$_ days') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')") } 1, 2;

		is($now[0], (split /\|/, truth($platform, $before[1]))[0], "$platform: 2 days ago, by the clock");
		is($now[1], (split /\|/, truth($platform, $before[0]))[0], "$platform: 1 day ago, by the clock") if $platform eq 'facebook';
	}
}

# ---- days that a file tells of are asked for on the day of the import, not on theirs: all of them keep their numbers

{
	my $account = "platform = 'youtube' AND user_id = '$user'";
	my $minutes = "SELECT string_agg(metrics ->> 'watch_time_minutes', ' ' ORDER BY date) FROM dreamsuite.daily_metrics WHERE $account AND date > (SELECT max(date) - 3 FROM dreamsuite.daily_metrics WHERE $account)";
	my $before = sql($minutes);

	like(sql("SELECT string_agg(i.action, ' ') FROM (SELECT E'Date,Thumbnail click-through rate (%)\n' || string_agg(date || ',4.5', E'\n' ORDER BY date) AS csv FROM dreamsuite.daily_metrics WHERE $account AND date > (SELECT max(date) - 3 FROM dreamsuite.daily_metrics WHERE $account)) f, dreamsuite.import_csv('$user', 'youtube', 'totals', f.csv) i"),
		qr/^updated updated updated$/, 'a file tells of the click-through rate of three days');
	collect($node, "platform => 'youtube'");
	is(sql($minutes), $before, 'youtube: the time watched stays that of each day');
}

$node->stop;
done_testing();
