# A chaos run: accounts on ten platforms for some days, while a fifth of all requests goes wrong (those to token servers too),
# the collector is killed and the server crashes. Shared by 035_chaos.pl and, in full size, test/chaos/chaos.pl.
#
# The simulator's day stands still at 06:00 while the collector's calendar goes on to its next tries, so what should be stored
# is known exactly: from a run of the same days without any trouble, and from the simulator.
#
# One thing cannot be mended by anybody but the artist: a rotated refresh token whose answer was lost on its way. Such an
# account must say needs_reauth, and no other may; here the artist then authorises again and the day goes on.

package Chaos;

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(max);
use Time::HiRes qw(sleep time);

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

our @EXPORT = qw(run_chaos);
our @EXPORT_OK = qw(connect_accounts);

# Platforms with tokens that end and are renewed; those of the last three rotate.
my @renewed = qw(spotify youtube tiktok soundcloud twitter);
my @kinds = (
	{ kind => '"delay", "seconds": 0.2' }, { kind => '"reset"' }, { kind => '"truncate"' }, { kind => '"garbage"' },
	{ kind => '"5xx"' }, { kind => '"429", "retry_after": 45' }, { kind => '"401"' });
my $share = 0.2;

my @settings = ("shared_preload_libraries = 'dreamsuite'", 'dreamsuite.max_connections = 32',
	'dreamsuite.max_host_connections = 16', 'dreamsuite.request_timeout = 5s', 'log_statement = none', 'fsync = off');

# retries for as long as the server recovers
sub ask
{
	my ($node, $query) = @_;

	for (1 .. 600)
	{
		my ($code, $out) = $node->psql('postgres', $query, timeout => 60);
		return $out if defined $code && $code == 0;
		sleep 0.1;
	}
	die "no answer to: $query";
}

sub set_calendar
{
	my ($node, $now) = @_;

	ask($node, "ALTER SYSTEM SET dreamsuite.test_now = '$now'");
	ask($node, 'SELECT pg_reload_conf()');
	for (1 .. 200)
	{
		return if ask($node, "SELECT dreamsuite.calendar_now() = '$now'") eq 't';
		sleep 0.02;
	}
	die "the calendar stands still";
}

# connect_sql(FROM, CONDITION): connects artists; the source has the columns i, p, access, refresh and expires
sub connect_sql
{
	my ($source) = @_;

	return qq{
SELECT count(dreamsuite.connect_account(('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, p,
         CASE WHEN p IN ('deezer', 'tidal', 'apple_music') THEN i::text END, access, refresh, expires,
         settings => CASE p WHEN 'spotify' THEN jsonb_build_object('artist_id', 'sim' || lpad(i::text, 19, '0')) ELSE '{}' END))
  FROM $source};
}

# connect_accounts(NODE, USERS, DAY): artists 1 to USERS on each platform; tokens that end do so on that day
sub connect_accounts
{
	my ($node, $users, $day) = @_;
	my $renewed = join ',', @renewed;

	foreach my $platform (@renewed, 'tidal')
	{
		ask($node, "SELECT dreamsuite.register_app('$platform', 'client-$platform', 'secret-$platform', 'https://app.example/back')");
	}
	ask($node, connect_sql(qq{(SELECT i, p, CASE WHEN p <> 'deezer' THEN 'tok-' || p || '-' || i END,
	 CASE WHEN p = ANY ('{$renewed}') THEN 'ref-' || p || '-' || i END,
	 CASE WHEN p = ANY ('{$renewed}') THEN timestamptz '$day 06:05+00' END
	 FROM generate_series(1, $users) i, (SELECT name FROM dreamsuite.platforms WHERE has_api) AS t(p)) s(i, p, access, refresh, expires)}));
	return;
}

# The artists of accounts that say so authorise again. Returns "platform/number" of each.
sub authorise_again
{
	my ($node, $day) = @_;
	my @lost = split /\n/,
	  ask($node, "SELECT platform || '/' || right(user_id::text, 12)::bigint FROM dreamsuite.accounts WHERE status = 'needs_reauth' ORDER BY 1");
	my @values;

	foreach (@lost)
	{
		my ($platform, $number) = split m{/};
		my $issued = control('issue', qq({"platform": "$platform", "artist": "$number", "client_id": "client-$platform", "life": 7200}));
		my ($access) = $issued =~ /"access_token": ?"(.*?)"/;
		my ($refresh) = $issued =~ /"refresh_token": ?"(.*?)"/;

		push @values, "($number, '$platform', '$access', '$refresh', timestamptz '$day 08:00+00')";
	}
	ask($node, connect_sql('(VALUES ' . join(', ', @values) . ') s(i, p, access, refresh, expires)')) if @values;
	return @lost;
}

# The faults: each kind as often as the others, together a fifth.
sub faults
{
	my $each = $share / @kinds;

	return '[' . join(', ', map { sprintf '{"kind": %s, "probability": %.5f}', $kinds[$_]{kind}, $each / (1 - $_ * $each) } 0 .. $#kinds) . ']';
}

# run_chaos(users =>, days =>, kills =>, crashes =>, seed =>, seconds => of a day at most)
sub run_chaos
{
	my %of = @_;
	my ($users, @days) = ($of{users}, map { sprintf '2026-03-%02d', $_ } 1 .. $of{days});
	my $base = start_simulator('--now', "$days[0]T06:00:00Z", '--seed', $of{seed}, '--scale', '0-99999999:posts=3,cadence=1');
	my $total = 10 * $users;
	my $began = time;

	# ---- the same days without any trouble

	my $calm = new_node('calm', @settings);
	set_now($calm, "$days[0]T06:00:00Z");
	connect_accounts($calm, $users, $days[0]);
	foreach my $day (@days)
	{
		set_now($calm, "${day}T06:00:00Z");
		collect($calm);
	}
	is($calm->safe_psql('postgres', 'SELECT count(*) FROM dreamsuite.daily_metrics'), $total * @days, 'without trouble every account-day is stored');
	my $least = simulator_stats('total');
	# one day more, for those whose day in the storm ended after the midnight of California: see compare()
	set_now($calm, sprintf '2026-03-%02dT06:00:00Z', @days + 1);
	collect($calm);
	my $dump = PostgreSQL::Test::Utils::tempdir() . '/calm.copy';
	$calm->safe_psql('postgres', "COPY (SELECT user_id, platform, date, follower_count, engagement_total, content_count, metrics FROM dreamsuite.daily_metrics) TO '$dump'");
	$calm->stop;
	note(sprintf('without trouble: %d requests, %.0f s', $least, time - $began));

	# ---- and with it

	my $node = new_node('chaos', @settings);
	control('now', qq({"now": "$days[0]T06:00:00Z"}));
	control('reset', '{}');
	set_calendar($node, "$days[0]T06:00:00Z");
	connect_accounts($node, $users, $days[0]);
	control('faults', faults());

	my $blows = $of{kills} + $of{crashes};
	my ($struck, $kills, $crashes, $jumps, @reauthorised) = (0, 0, 0, 0);
	# whichever crashes, spread among the kills
	my %is_crash = map { int(($_ - 0.5) * $blows / $of{crashes}) => 1 } 1 .. $of{crashes};

	# Each time that a further part of the work is done and some is under way, the collector is killed or the server crashes.
	my $strike = sub {
		my ($done, $under_way) = @_;

		return if $struck >= $blows || !$under_way || $done < ($struck + 0.5) * $total * @days / $blows;
		if ($is_crash{$struck})
		{
			$node->stop('immediate');
			$node->start;
			$crashes++;
			$struck++;
			return;
		}
		my $pid = ask($node, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'");
		return unless $pid =~ /^\d+$/ && kill('KILL', $pid);
		$kills++;
		$struck++;
		return;
	};

	# Lets the day go on until every account has ended it.
	my $live = sub {
		my ($day, $before) = @_;
		my $now = "${day}T06:00:00Z";
		my $deadline = time + $of{seconds};

		control('now', qq({"now": "$now"}));
		set_calendar($node, $now);
		while (time < $deadline)
		{
			ask($node, 'SELECT dreamsuite.collect_due()');
			# what can be done at this hour
			while (time < $deadline)
			{
				my ($done, $under_way, $due) = split /\|/, ask($node, "SELECT count(*) FILTER (WHERE s.done_on = '$day'),
					 count(s.lease_token), count(*) FILTER (WHERE s.next_due_at <= '$now' AND coalesce(s.blocked_until, '-infinity') <= '$now'
					  AND coalesce(b.blocked_until, '-infinity') <= '$now' AND a.status <> 'needs_reauth')
					 FROM dreamsuite.account_state s JOIN dreamsuite.accounts a USING (user_id, platform)
					 LEFT JOIN dreamsuite.bucket_state b ON b.bucket = s.platform");

				last if $under_way + $due == 0;
				$strike->($before + $done, $under_way);
				sleep 0.05;
			}
			my @again = authorise_again($node, $day);
			push @reauthorised, @again;
			next if @again;
			last if ask($node, "SELECT count(*) FROM dreamsuite.account_state WHERE done_on IS DISTINCT FROM '$day'") eq '0';
			# then shortly after the hour at which something waits to be tried again
			my $next = ask($node, "SELECT to_char(min(greatest(s.next_due_at, s.blocked_until, b.blocked_until)) AT TIME ZONE 'UTC' + interval '2 min', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
				 FROM dreamsuite.account_state s LEFT JOIN dreamsuite.bucket_state b ON b.bucket = s.platform WHERE s.done_on IS DISTINCT FROM '$day'");
			last if $next !~ /^$day/;
			$now = $next;
			$jumps++;
			set_calendar($node, $now);
		}
		note(sprintf('%s: until %s, after %.0f s, %d requests', $day, $now, time - $began, simulator_stats('total')));
		my $open = ask($node, "SELECT platform, user_id, next_due_at, blocked_until, attempts, last_error_class, last_error FROM dreamsuite.account_state
			WHERE done_on IS DISTINCT FROM '$day' ORDER BY 1, 2 LIMIT 20");
		diag("not done on $day:\n$open") if $open ne '';
		return ask($node, "SELECT count(*) FROM dreamsuite.account_state WHERE done_on = '$day'");
	};

	foreach my $n (0 .. $#days)
	{
		is($live->($days[$n], $n * $total), $total, "$days[$n]: every account has ended its day");
	}
	my $made = simulator_stats('total');
	is($kills, $of{kills}, "the collector was killed $of{kills} times");
	is($crashes, $of{crashes}, "the server crashed $of{crashes} times");

	# ---- every account-day once, with the right values

	is(ask($node, 'SELECT count(*), count(DISTINCT (user_id, platform, date)) FROM dreamsuite.daily_metrics'),
		$total * @days . '|' . $total * @days, 'every account-day is there, once');
	is(ask($node, 'SELECT count(*) FROM dreamsuite.account_state WHERE lease_token IS NOT NULL'), '0', 'no lease is left behind');
	compare($node, $dump);
	compare_with_truth($node, $base, $users, @days);

	# ---- what it cost

	note(sprintf('requests: %d, without trouble %d, ratio %.2f; the calendar went on %d times', $made, $least, $made / $least, $jumps));
	cmp_ok($made, '<=', 1.5 * $least, 'the requests are within 1.5 times the least');

	# ---- tokens; a last day without trouble shows every one that is lost

	control('faults', '[]');
	my $last = sprintf '2026-03-%02d', $of{days} + 1;
	is($live->($last, $total * @days), $total, 'on a day without trouble everything is well');
	my $stats = control('stats');
	my ($reused) = $stats =~ /"refresh_tokens_reused": ?\[(.*?)\]/;
	my ($answers) = $stats =~ /"refresh_answers_lost": ?\[(.*?)\]/;
	my %by_fault = map { $_ => 1 } accounts($answers);
	my %known = map { $_ => 1 } accounts($reused);
	my %said = map { $_ => 1 } @reauthorised;
	unlike($reused, qr/"lost": ?false/, 'no refresh token was used twice, where the answer to its first use had come');
	is(join(' ', sort keys %said), join(' ', sort keys %known), 'those who must authorise again are those whose new token was lost');
	is(join(' ', grep { !$said{$_} } sort keys %by_fault), '', 'every one that the simulator lost says so');
	my @by_blow = grep { !$by_fault{$_} } sort keys %said;
	note(scalar(@reauthorised) . ' authorised again, of them ' . @by_blow . ' after a kill or a crash');
	cmp_ok(scalar @by_blow, '<=', 16 * $blows, 'few were lost with a collector');
	is(ask($node, "SELECT count(*) FROM dreamsuite.accounts WHERE status <> 'active'"), '0', 'no account was lost');

	$node->stop;
	unlike(slurp_file($node->logfile), qr/was terminated by signal (?:4|6|7|8|11)\b/, 'no process ended by itself');
	return;
}

# "platform/number" of the entries of one of the simulator's lists
sub accounts
{
	my ($list) = @_;

	return $list =~ /"platform": ?"(\w+)", ?"artist": ?(\d+)/ ? map { s/", ?"artist": ?/\//r } $list =~ /"platform": ?"(\w+", ?"artist": ?\d+)/g : ();
}

# What was stored is what a run without trouble stored.
sub compare
{
	my ($node, $dump) = @_;

	ask($node, 'CREATE TABLE calm (user_id uuid, platform text, date date, follower_count bigint, engagement_total bigint, content_count integer, metrics jsonb)');
	ask($node, "COPY calm FROM '$dump'");
	# What depends on the hour of the observation is left out, and likes that Instagram hides: they are learned from the
	# insights of some posts in each run.
	ask($node, q{
CREATE TABLE compared AS
SELECT c.user_id, c.platform, c.date, m.key, m.value AS calm, d.metrics -> m.key AS stormy
  FROM calm c JOIN dreamsuite.daily_metrics d USING (user_id, platform, date), jsonb_each(c.metrics) m
 WHERE m.key !~ '(24h|7d|30d)$' AND m.key !~ '^top_' AND NOT (c.platform = 'twitter' AND m.key ~ '_received$|link_clicks')
   AND NOT (c.platform = 'instagram' AND m.key IN ('likes_total', 'engagement_rate'))
UNION ALL
SELECT c.user_id, c.platform, c.date, 'core', to_jsonb(c.follower_count), to_jsonb(d.follower_count)
  FROM calm c JOIN dreamsuite.daily_metrics d USING (user_id, platform, date)});
	# Sums over old posts rest on when they were read last: a day that read them again is a little newer. Watch time that came a day
	# late is worked out from reports that are rounded, a minute for each of their days; and what was asked of YouTube after the
	# midnight of California tells of one day more.
	ask($node, q{
CREATE VIEW different AS SELECT * FROM compared AS c
 WHERE calm <> 'null' AND stormy <> 'null' AND stormy IS DISTINCT FROM calm
   AND NOT (key ~ '^total_|_total$|^average_|^engagement_' AND jsonb_typeof(calm) = 'number' AND jsonb_typeof(stormy) = 'number'
            AND abs(calm::text::numeric - stormy::text::numeric) <= 0.01 * calm::text::numeric + 1)
   AND NOT (key IN ('watch_time_minutes', 'average_view_duration')
            AND EXISTS (SELECT FROM calm n WHERE (n.user_id, n.platform) = (c.user_id, c.platform) AND n.date IN (c.date, c.date + 1)
             AND abs((n.metrics ->> key)::numeric - stormy::text::numeric) <= CASE key WHEN 'watch_time_minutes' THEN 10 ELSE 1 END))});
	is(ask($node, 'SELECT count(*) FROM different'), '0', 'no value is another than without the trouble')
	  or diag(ask($node, 'SELECT platform, key, date, user_id, calm, stormy FROM different LIMIT 20') . "\n"
		. ask($node, 'SELECT r.* FROM dreamsuite.collection_runs r JOIN (SELECT DISTINCT user_id, platform FROM different LIMIT 3) d USING (user_id, platform) ORDER BY r.run_id'));
	is(ask($node, q{SELECT count(*) FROM compared WHERE calm = 'null' AND stormy <> 'null'}), '0', 'nothing was made up')
	  or diag(ask($node, q{SELECT platform, key, date, user_id, calm, stormy FROM compared WHERE calm = 'null' AND stormy <> 'null' LIMIT 20}));
	is(ask($node, q{SELECT count(*) FROM (SELECT DISTINCT user_id, platform, date FROM compared WHERE calm <> 'null' AND coalesce(stormy, 'null') = 'null') t
		WHERE NOT EXISTS (SELECT FROM dreamsuite.collection_runs r WHERE (r.user_id, r.platform, r.date) = (t.user_id, t.platform, t.date)
		 AND r.outcome IN ('partial', 'failed') AND r.error IS NOT NULL)}), '0', 'what is null was refused, and the run says so');
	my $nulls = ask($node, q{SELECT count(*) FROM compared WHERE calm <> 'null' AND coalesce(stormy, 'null') = 'null'});
	my $all = ask($node, q{SELECT count(*) FROM compared WHERE calm <> 'null'});
	note("$nulls of $all values are null");
	diag(ask($node, q{SELECT c.platform, c.key, c.date, right(c.user_id::text, 4), r.outcome, r.error FROM compared c LEFT JOIN dreamsuite.collection_runs r USING (user_id, platform, date)
		WHERE calm <> 'null' AND coalesce(stormy, 'null') = 'null' ORDER BY 1,2,3,4, r.run_id LIMIT 30})) if $nulls;
	cmp_ok($nulls, '<=', $all * 0.001, 'fewer than one in a thousand values were refused to the last');
	return;
}

# ... and what the simulator holds
sub compare_with_truth
{
	my ($node, $base, $users, @days) = @_;
	my $config = PostgreSQL::Test::Utils::tempdir() . '/truth.curl';
	my $truth = PostgreSQL::Test::Utils::tempdir() . '/truth.json';
	my @some = map { max(1, int($_ * $users / 10)) } 1 .. 10;
	my $asked = 0;

	open my $file, '>', $config or die;
	foreach my $day (@days)
	{
		foreach my $platform (grep { !/apple/ } split /\n/, ask($node, 'SELECT name FROM dreamsuite.platforms WHERE has_api'))
		{
			print $file qq(url = "$base/_control/truth?platform=$platform&artist=$_&at=${day}T06:00:00Z"\n) foreach @some;
			$asked += @some;
		}
	}
	close $file;
	system("curl -s -w '\\n' -K $config > $truth") == 0 or die 'no truth';
	ask($node, 'CREATE TABLE truth (t jsonb)');
	ask($node, "COPY truth FROM '$truth' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')");
	is(ask($node, q{
SELECT count(*), count(*) FILTER (WHERE d.follower_count <> (t->>'followers')::bigint)
  FROM truth JOIN dreamsuite.daily_metrics d ON d.platform = t->>'platform' AND d.date = left(t->>'at', 10)::date
   AND d.user_id = ('00000000-0000-4000-8000-' || lpad(t->>'number', 12, '0'))::uuid}),
		"$asked|0", 'audiences are those that the simulator holds');
	return;
}

1;
