# A platform that corrects its last days is heard: the stored day is corrected, the former value is kept with the time of the
# observation, and no request more is made. Numbers by hand stay.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my @fields = ([ 'page_views', 'page_views_total' ], [ 'page_reach', 'page_total_media_view_unique' ],
	[ 'page_impressions', 'page_media_view' ], [ 'post_engagement', 'page_post_engagements' ]);
start_simulator('--now', '2026-03-04T06:00:00Z', '--posts', '6');
my $node = new_node('restated', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none');
my $account = "platform = 'facebook' AND user_id = '" . user_id(11) . "'";

sub sql { return $node->safe_psql('postgres', $_[0]); }

# what the platform holds in the end, of the time as which a day was collected
sub truth
{
	my ($at) = @_;
	my $truth = control("truth?platform=facebook&artist=11&at=$at");
	my @values;

	foreach (@fields)
	{
		my ($value) = $truth =~ /"$_->[1]": ?(\d+)/;
		push @values, $value;
	}
	return join('|', @values);
}
sub day { return sprintf('2026-03-%02d', $_[0]); }
sub stored { return sql('SELECT ' . join(', ', map { "metrics ->> '$_->[0]'" } @fields) . " FROM dreamsuite.daily_metrics WHERE $account AND date = '" . day($_[0]) . "'"); }
sub go_on
{
	set_now($node, day($_[0]) . 'T06:00:00Z');
	unlike(collect($node, "platform => 'facebook'"), qr/ERROR/, day($_[0]) . ' is collected');
	return;
}

control('modes', '{"facebook_restates": 3}');
sql("SELECT dreamsuite.connect_account('" . user_id(11) . "', 'facebook', null, 'tok-facebook-11')");

# ---- the last days are told a tenth too low; California changes its clocks on the 8th

go_on($_) foreach 4 .. 6;
my %told = map { $_ => stored($_) } 4 .. 6;
isnt($told{4}, truth('2026-03-04T06:00:00Z'), 'what is told at first is not yet what it will be');
is(sql('SELECT count(*) FROM dreamsuite.metric_revisions'), '0', 'told alike for three days, nothing is corrected');
sql("SELECT dreamsuite.record_metrics('" . user_id(11) . "', 'facebook', '2026-03-05', '{\"page_views\": 5}')");
go_on(7);
is(stored(4), truth('2026-03-04T06:00:00Z'), 'then the first day is corrected');
is(stored(6), $told{6}, 'younger ones are as they were');
is( sql("SELECT count(*), min(date), max(date), bool_and(observed_at = '2026-03-07 06:00+00') FROM dreamsuite.metric_revisions WHERE $account AND metric <> 'page_views' OR date <> '2026-03-05'"),
	'4|2026-03-04|2026-03-04|t', 'each former value is kept, with the time of the observation');
is(sql("SELECT string_agg(old_value #>> '{}', '|' ORDER BY array_position('{page_views,page_reach,page_impressions,post_engagement}', metric)) FROM dreamsuite.metric_revisions WHERE date = '2026-03-04'"),
	$told{4}, 'which are those that were told');
go_on($_) foreach 8 .. 12;
is(stored($_), truth(day($_) . 'T06:00:00Z'), day($_) . ' is as it ought to be') foreach 4, 6 .. 9;
is((split /\|/, stored(5))[0], '5', 'what was recorded by hand is not corrected');
is(sql('SELECT max(n) FROM (SELECT count(*) AS n FROM dreamsuite.metric_revisions WHERE ' . $account . ' GROUP BY date, metric) t'), '1', 'no day more than once');
is(sql("SELECT count(DISTINCT requests) FROM dreamsuite.collection_runs WHERE requests > 0 AND date > '2026-03-04'"), '1', 'without a request more');
is(sql("SELECT count(*) FROM dreamsuite.growth('" . user_id(11) . "', 'facebook', '{page_views}') g WHERE g.date = '2026-03-07' AND g.value = " . (split /\|/, truth('2026-03-07T06:00:00Z'))[0]),
	'1', 'growth() tells the corrected value');

# ---- by the clock: the time at which a day was collected decides which of the platform's days it is

control('modes', '{"facebook_restates": 0}');
control('now', '{"now": null}');
sql('ALTER SYSTEM RESET dreamsuite.test_now');
sql('SELECT pg_reload_conf()');
collect($node, "platform => 'facebook'");
my $today = sql("SELECT max(date) FROM dreamsuite.daily_metrics WHERE $account");
sql("INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics, collected_at) SELECT user_id, platform, date - n, metrics || '{\"page_views\": 1}',"
	  . " collected_at - n * interval '1 day' FROM dreamsuite.daily_metrics, generate_series(1, 2) n WHERE $account AND date = '$today'");
my @before = map { sql("SELECT to_char((now() - interval '$_ days') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')") } 1, 2;
collect($node, "platform => 'facebook'");
foreach my $n (1, 2)
{
	is(sql("SELECT metrics ->> 'page_views' FROM dreamsuite.daily_metrics WHERE $account AND date = '$today'::date - $n"),
		(split /\|/, truth($before[ $n - 1 ]))[0], "$n days ago");
}

$node->stop;
done_testing();
