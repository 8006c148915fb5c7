# A soak: accounts on ten platforms for many simulated days, with a little trouble in each. The collector's memory and the
# tables that are no series level off. Shared by 036_soak.pl and, in full size, test/bench/soak.pl.
#
# The ledger is dated by the real clock, so that each simulated day makes it a day older.

package Soak;

use strict;
use warnings;

use Exporter 'import';
use Time::HiRes qw(sleep time);

use PostgreSQL::Test::Utils;
use Test::More;

use Chaos qw(connect_accounts);
use DreamSuite;

our @EXPORT = qw(run_soak);

my $retention = 7;
# New values and new posts every day, kept for ever; of the rest each row is replaced or pruned.
my @series = qw(daily_metrics content_items content_history metric_revisions);

# memory(NODE, PID): bytes in use in the collector's memory contexts, kB of their blocks, and kB of memory that is its own; of one that
# rests
sub memory
{
	my ($node, $pid) = @_;
	my $from = -s $node->logfile;

	sleep 1.5;    # after a second it has given back what the day needed
	my ($anon) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;

	$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)");
	for (1 .. 100)
	{
		return ($2, $1 / 1024, $anon) if slurp_file($node->logfile, $from) =~ /Grand total: (\d+) bytes .* free \(\d+ chunks\); (\d+) used/;
		sleep 0.05;
	}
	die 'the collector does not tell its memory';
}

# the lower of the two in the middle where there are two
sub median
{
	my @values = sort { $a <=> $b } @_;

	return $values[$#values / 2];
}

# sizes(NODE): bytes of each table of the extension, with indexes
sub sizes
{
	my ($node) = @_;

	return { map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{SELECT relname, pg_total_relation_size(oid) FROM pg_class
		 WHERE relnamespace = 'dreamsuite'::regnamespace AND relkind = 'r'}) };
}

# run_soak(users => of each of ten platforms, days =>, samples =>)
sub run_soak
{
	my %of = @_;
	my $total = 10 * $of{users};
	my $began = time;

	start_simulator('--now', '2026-01-01T06:00:00Z', '--scale', '0-99999999:posts=2,cadence=0');
	my $node = new_node('soak', "shared_preload_libraries = 'dreamsuite'", 'dreamsuite.max_connections = 32', 'dreamsuite.max_host_connections = 16',
		"dreamsuite.run_retention = $retention", 'log_statement = none', 'fsync = off', 'autovacuum_naptime = 1s', 'shared_buffers = 128MB');
	my $sql = sub { return $node->safe_psql('postgres', shift) };
	my $collector = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'";

	set_now($node, '2026-01-01T06:00:00Z');
	connect_accounts($node, $of{users}, '2026-01-01');
	control('faults', '[{"kind": "delay", "seconds": 0, "path": "token"}, {"kind": "5xx", "probability": 0.01}, {"kind": "reset", "probability": 0.01},
		{"kind": "429", "retry_after": 60, "probability": 0.002}]');

	my $pid;
	my $wait = sub {
		my ($now) = @_;

		set_now($node, $now);
		$sql->('SELECT dreamsuite.collect_due()');
		ok(0, "$now: the work does not end") unless eventually($node, qq{SELECT count(*) FROM dreamsuite.account_state s LEFT JOIN dreamsuite.bucket_state b ON b.bucket = s.platform
			 WHERE s.lease_token IS NOT NULL OR (s.next_due_at <= '$now' AND coalesce(s.blocked_until, '-infinity') <= '$now'
			  AND coalesce(b.blocked_until, '-infinity') <= '$now')}, '0', 120);
	};
	my @samples;
	my $every = int($of{days} / $of{samples}) || 1;

	foreach my $day (1 .. $of{days})
	{
		my $date = $sql->("SELECT date '2026-01-01' + $day - 1");

		$sql->("UPDATE dreamsuite.request_log SET at = at - interval '1 day'");
		$sql->("UPDATE dreamsuite.collection_runs SET started_at = started_at - interval '1 day', finished_at = finished_at - interval '1 day'");
		# hour by hour, until what met trouble has got through
		foreach my $hour (6 .. 22)
		{
			$wait->(sprintf '%sT%02d:00:00Z', $date, $hour);
			last if $sql->("SELECT count(*) FROM dreamsuite.account_state WHERE done_on IS DISTINCT FROM '$date'") eq '0';
		}
		my $now_pid = $sql->($collector);
		$pid //= $now_pid;
		is($now_pid, $pid, "$date: the collector is the same") if $now_pid ne $pid;
		next if $day % $every;

		my ($used, $blocks, $anon) = memory($node, $pid);
		push @samples, { day => $day, used => $used, blocks => $blocks, anon => $anon, sizes => sizes($node),
			rows => { map { $_ => $sql->("SELECT count(*) FROM dreamsuite.$_") } @series } };
		my $s = $samples[-1];
		my $other = 0;
		foreach my $table (keys %{ $s->{sizes} })
		{
			$other += $s->{sizes}{$table} unless grep { $_ eq $table } @series;
		}
		note(sprintf('day %3d: contexts %7.1f kB in blocks of %7.1f kB, RssAnon %6d kB; request_log %6.1f MB, collection_runs %5.1f MB, all tables but series %6.1f MB, daily_metrics %6.1f MB, %.0f bytes a row; %.0f s',
			$day, $used / 1024, $blocks, $anon, $s->{sizes}{request_log} / 1048576, $s->{sizes}{collection_runs} / 1048576, $other / 1048576,
			$s->{sizes}{daily_metrics} / 1048576, $s->{sizes}{daily_metrics} / $s->{rows}{daily_metrics}, time - $began));
	}

	# What is there after a third of the days is all that there will be. What a single day leaves of memory varies.
	my ($early) = grep { $_->{day} >= $of{days} / 3 } @samples;
	my $late = $samples[-1];
	my @middle = grep { $_->{day} > $of{days} / 3 && $_->{day} <= $of{days} * 2 / 3 } @samples;
	my @last = grep { $_->{day} > $of{days} * 2 / 3 } @samples;
	my @used = map { median(map { $_->{used} } @$_) } \@middle, \@last;
	my @blocks = map { median(map { $_->{blocks} } @$_) } \@middle, \@last;
	my @others = map { median(map { $_->{anon} - $_->{blocks} } @$_) } \@middle, \@last;
	note(sprintf('other memory in the second third of the days %.0f kB, in the last %.0f kB', @others));
	is($sql->('SELECT count(*) FROM dreamsuite.daily_metrics'), $total * $of{days}, 'every account-day is stored');
	cmp_ok($used[1], '<=', $used[0] * 1.03 + 65536, "the collector's memory contexts level off");
	# one that is full takes a further block of 1 MB
	cmp_ok($blocks[1], '<=', $blocks[0] * 1.03 + 1024, 'so do their blocks');
	cmp_ok($others[1], '<=', $others[0] * 1.03 + 64, 'and all other memory that it takes from the machine');
	# a day is pruned when it is over, and the rows of the last day are not yet a day old
	is($sql->("SELECT count(*) FROM dreamsuite.request_log WHERE at < now() - interval '$retention days 1 hour'"), '0', 'request_log is pruned');
	is($sql->("SELECT count(*) FROM dreamsuite.collection_runs WHERE started_at < now() - interval '$retention days 1 hour'"), '0', 'so is collection_runs');
	foreach my $table (sort keys %{ $late->{sizes} })
	{
		next if grep { $_ eq $table } @series;
		cmp_ok($late->{sizes}{$table}, '<=', $early->{sizes}{$table} * 1.3 + 262144, "the size of $table levels off");
	}
	foreach my $table (qw(daily_metrics content_items))
	{
		cmp_ok($late->{sizes}{$table} / $late->{rows}{$table}, '<=', 1.1 * $early->{sizes}{$table} / $early->{rows}{$table},
			"$table grows by its rows alone");
	}
	$node->stop;
	return;
}

1;
