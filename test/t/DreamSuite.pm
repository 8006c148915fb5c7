# What the TAP tests share: a private cluster with the extension, the simulator, and waiting for what must happen.

package DreamSuite;

use strict;
use warnings;

use Exporter 'import';
use Time::HiRes qw(sleep time);
use IPC::Run ();

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(start_simulator simulator_address control simulator_stats new_node set_now collect consent keep_counts eventually within user_id);

# A server that is stopped at once loses what its processes have counted: make coverage asks for a fast stop.
if (my $mode = $ENV{STOP_MODE})
{
	no warnings 'redefine';
	*PostgreSQL::Test::Cluster::teardown_node = sub { my ($self, %params) = @_; $self->stop($mode, %params); };
	my $stop = \&PostgreSQL::Test::Cluster::stop;
	*PostgreSQL::Test::Cluster::stop = sub {
		my ($self, $how, @rest) = @_;
		keep_counts($self) if ($how // '') eq 'immediate';
		return $stop->($self, $how, @rest);
	};
}

# pg_ctl restart would start the program itself that was running, without the checker that was put before it.
if ($ENV{SERVER_IS_WRAPPED})
{
	no warnings 'redefine';
	*PostgreSQL::Test::Cluster::restart = sub { my ($self) = @_; $self->stop; $self->start; };
}

my $tree = $ENV{PGTEST_TREE} // '.';
my ($simulator, $port);

# start_simulator(OPTION...): starts it once; it ends with the test. Returns its address.
sub start_simulator
{
	my @options = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/port';

	$simulator = IPC::Run::start(
		[ 'python3', "$tree/test/simulator/simulator.py", '--port', '0', '--port-file', $file, '--with-parent', @options ],
		'>', \my $out, '2>&1');
	for (1 .. 200)
	{
		$port = -s $file ? slurp_file($file) : undef;
		last if defined $port;
		sleep 0.05;
	}
	die "the simulator did not start" unless defined $port;
	chomp $port;
	return simulator_address();
}

sub simulator_address { return "http://127.0.0.1:$port"; }

# control(PATH, JSON): one of the simulator's control requests; POST where there is a body.
sub control
{
	my ($path, $body) = @_;
	my @command = ('curl', '-sf', "http://127.0.0.1:$port/_control/$path");

	push @command, '-d', $body if defined $body;
	IPC::Run::run(\@command, '>', \my $out) or die "the simulator refused $path";
	return $out;
}

# simulator_stats(KEY): a number of its counts, 0 where it counted nothing
sub simulator_stats
{
	my ($key) = @_;
	my $stats = control('stats');

	return $stats =~ /"\Q$key\E": ?(\d+)/ ? $1 : 0;
}

# new_node(NAME, SETTING...): a running cluster with the extension in "postgres"
sub new_node
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	$node->append_conf('postgresql.conf', $_) foreach (
		"dreamsuite.keyring_file = '" . $node->basedir . "/keyring'",
		'max_worker_processes = 16', 'restart_after_crash = on',
		(defined $port ? "dreamsuite.test_base_url = 'http://127.0.0.1:$port'" : ()),
		@settings);
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION dreamsuite');
	return $node;
}

# set_now(NODE, TIME): the calendar of the extension and of the simulator
sub set_now
{
	my ($node, $now) = @_;

	control('now', qq({"now": "$now"}));
	# a session knows the setting once it has loaded the library
	$node->safe_psql('postgres', "LOAD 'dreamsuite'; ALTER SYSTEM SET dreamsuite.test_now = '$now'");
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	eventually($node, "SELECT dreamsuite.calendar_now() = '$now'", 't');
	return;
}

# collect(NODE [, ARGUMENTS]): CALL collect; returns what psql said on standard error
sub collect
{
	my ($node, $arguments) = @_;
	my ($code, $out, $err) = $node->psql('postgres', 'CALL dreamsuite.collect(' . ($arguments // '') . ')', timeout => 120);

	return $err;
}

# consent(URL): the artist's browser on the page of authorize_url(); returns the state, the code, and the head of the answer
sub consent
{
	my ($url) = @_;
	my ($rest) = $url =~ m{^https://(.*)$};
	my $head = qx(curl -s -o /dev/null -D - '@{[ simulator_address() ]}/$rest');
	my ($state) = $head =~ /[?&]state=([^&\s]*)/;
	my ($code) = $head =~ /[?&]code=([^&\s]*)/;

	return ($state, $code, $head);
}

# keep_counts(NODE): before a test kills what is running. Under make coverage the collectors end well first, so that what
# they have counted until now is not lost; nothing otherwise.
sub keep_counts
{
	my ($node) = @_;
	my $collectors = "pg_stat_activity WHERE backend_type = 'dreamsuite collector'";

	return unless $ENV{STOP_MODE};
	my $pids = $node->safe_psql('postgres', "SELECT coalesce(string_agg(pid::text, ', '), '0') FROM $collectors");
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM $collectors");
	eventually($node, "SELECT count(*) FROM pg_stat_activity WHERE pid IN ($pids)", '0');
	return;
}

# eventually(NODE, QUERY, EXPECTED [, SECONDS]): true when the query gives the expected text in time
sub eventually
{
	my ($node, $query, $expected, $seconds) = @_;
	my $deadline = time + ($seconds // 15);
	my $got;

	while (time < $deadline)
	{
		$got = $node->safe_psql('postgres', $query);
		return 1 if $got eq $expected;
		sleep 0.05;
	}
	diag("waited for \"$expected\", the last answer was \"" . ($got // '') . '"');
	return 0;
}

# within(SECONDS, CODE): true when the code returned in time
sub within
{
	my ($seconds, $code) = @_;
	my $began = time;

	$code->();
	my $took = time - $began;
	diag(sprintf('took %.2f s', $took)) if $took > $seconds;
	return $took <= $seconds;
}

# user_id(N): the uuid of the Nth test user
sub user_id
{
	return sprintf('00000000-0000-4000-8000-%012d', shift);
}

1;
