# A metric that a platform retires costs itself alone: a few requests once, none on the next days, no other field; and after
# a week it is asked for again.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--scale', '0-99999999:posts=12,cadence=0');
my $node = new_node('quarantine', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none');
my $day = 0;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# the next day, or the one N days later, on which everything is collected
sub go_on
{
	$day += $_[0] // 1;
	set_now($node, sprintf('2026-03-%02dT06:00:00Z', $day));
	control('stats', '{}');
	unlike(collect($node), qr/ERROR/, "day $day is collected");
	return;
}
sub account { return "platform = '$_[0]' AND user_id = '" . user_id($_[1] // 11) . "'"; }
sub today { return account(@_) . sprintf(" AND date = '2026-03-%02d'", $day); }
sub cost { return sql('SELECT sum(requests) FROM dreamsuite.collection_runs WHERE ' . today(@_)); }
sub outcome { return sql('SELECT outcome, quarantined FROM dreamsuite.collection_runs WHERE ' . today(@_)); }
# fields that are null, but for those that wait for earlier days
sub unknown { return sql("SELECT string_agg(key, ',' ORDER BY key) FROM dreamsuite.daily_metrics, jsonb_each(metrics) WHERE value = 'null' AND key !~ '_change_' AND " . today(@_)); }
sub health { return sql("SELECT count(*) FROM dreamsuite.data_health('" . user_id(11) . "') WHERE platform = '$_[0]' AND item = 'quarantine: $_[1]' AND state = 'warning'"); }

# platform, what is retired, the field that it is
my @retired = (
	[ 'facebook', 'page_views_total', 'page_views' ],        # one of five, and the platform does not say which
	[ 'instagram', 'profile_views', 'profile_views' ],
	[ 'tiktok', 'share_count', 'total_shares' ]);            # one of nine, with its name
my @platforms = map { $_->[0] } @retired;

foreach my $platform (@platforms)
{
	sql("SELECT dreamsuite.connect_account('" . user_id($_) . "', '$platform', null, 'tok-$platform-$_')") foreach (11, 12);
}
go_on();
go_on();
my %usual = map { $_ => cost($_) } @platforms;
my %null = map { $_ => unknown($_) } @platforms;

# ---- the day on which they are retired

my $rules = join(',', map { qq({"kind": "retired", "platform": "$_->[0]", "metric": "$_->[1]", "account": "11"}) } @retired);
control('faults', "[$rules]");
go_on();
foreach (@retired)
{
	my ($platform, $metric, $field) = @$_;
	my %was = map { $_ => 1 } split /,/, $null{$platform};

	cmp_ok(cost($platform) - $usual{$platform}, '<=', 5, "$platform: at most five requests more");
	cmp_ok(cost($platform) - $usual{$platform}, '>', 0, 'some there are');
	is(join(',', grep { !$was{$_} } split /,/, unknown($platform)), $field, "nothing is unknown but $field");
	is(outcome($platform), "partial|{$metric}", 'the run names it');
	is(health($platform, $metric), 1, 'so does data_health()');
	is(sql("SELECT since = '2026-03-03 06:00+00', until = '2026-03-10 06:00+00' FROM dreamsuite.metric_quarantine WHERE metric = '$metric' AND " . account($platform)),
		't|t', 'it is left out for seven days');
	is(join('|', cost($platform, 12), outcome($platform, 12), unknown($platform, 12)), "$usual{$platform}|ok||$null{$platform}", 'another account has it still');
}

# ---- the days after

go_on();
foreach (@retired)
{
	my ($platform, $metric, $field) = @$_;

	cmp_ok(cost($platform), '<=', $usual{$platform}, "$platform: the next day costs no request more");
	like(unknown($platform), qr/(^|,)$field(,|$)/, 'the field is null, not 0');
	is(health($platform, $metric), 1, 'and data_health() says why');
}
is(simulator_stats('total'), sql('SELECT sum(requests) FROM dreamsuite.collection_runs WHERE date = ' . "'2026-03-04'"), 'the ledger knows every request');
go_on(5);
cmp_ok(cost($_), '<=', $usual{$_}, "$_: nor does the sixth") foreach @platforms;
go_on(1);
foreach (@retired)
{
	my ($platform, $metric, $field) = @$_;

	cmp_ok(cost($platform) - $usual{$platform}, '<=', 5, "$platform: after seven days it is tried, and refused again");
	is(outcome($platform), "partial|{$metric}", 'which the run tells');
	is(sql("SELECT until = '2026-03-17 06:00+00' FROM dreamsuite.metric_quarantine WHERE metric = '$metric' AND " . account($platform)), 't', 'for another week');
}

# ---- it comes back

control('faults', '[]');
go_on(7);
foreach (@retired)
{
	my ($platform, $metric, $field) = @$_;

	cmp_ok(cost($platform), '<=', $usual{$platform}, "$platform: when it is given again no request is lost");
	is(unknown($platform), $null{$platform}, "$field has its value");
	is(outcome($platform), 'ok|', 'the run lacks nothing');
	is(health($platform, $metric), 0, 'and data_health() is silent');
}

# ---- wherever in the list it stands

foreach my $metric (qw(page_media_view page_total_media_view_unique page_views_total page_post_engagements page_follows))
{
	control('faults', qq([{"kind": "retired", "platform": "facebook", "metric": "$metric", "account": "12"}]));
	sql('DELETE FROM dreamsuite.metric_quarantine');
	go_on();
	cmp_ok(cost('facebook', 12) - $usual{facebook}, '<=', 4, "one of five, $metric, costs at most four requests");
	is(outcome('facebook', 12), "partial|{$metric}", 'and is found');
}

$node->stop;
done_testing();
