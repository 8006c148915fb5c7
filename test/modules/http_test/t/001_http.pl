# The HTTP engine inside a server, against a server that misbehaves (server.py).

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = dirname(dirname(abs_path(__FILE__)));
my $scratch = $PostgreSQL::Test::Utils::tmp_check;
my @servers;

# Starts server.py; gives its port.
sub start_server
{
	my @arguments = @_;
	my $portfile = "$scratch/port" . scalar(@servers);
	my $pid = fork();
	die "fork: $!" unless defined $pid;
	if ($pid == 0)
	{
		open(STDOUT, '>', '/dev/null');
		exec('python3', "$directory/server.py", @arguments, $portfile) or die "python3: $!";
	}
	push @servers, $pid;
	for (1 .. 100)
	{
		return slurp_file($portfile) if -e $portfile;
		usleep(50_000);
	}
	die "server.py did not start";
}

END
{
	my $status = $?;
	kill 'TERM', @servers if @servers;
	$? = $status;
}

my $port = start_server();
my $base = "http://127.0.0.1:$port";

my $node = PostgreSQL::Test::Cluster->new('http');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nlog_min_messages = debug1\n");
# What the environment says about proxies must not count.
$ENV{https_proxy} = $ENV{http_proxy} = $ENV{all_proxy} = 'http://127.0.0.1:1';
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION http_test');

# These columns of http_test() for these paths of one host; `more` are further arguments.
sub fetch
{
	my ($columns, $paths, $more) = @_;
	my $urls = join(',', map { "'https://host.invalid/$_'" } split(/ /, $paths));
	return $node->safe_psql('postgres',
		"SELECT $columns FROM http_test(ARRAY[$urls], '$base'" . ($more ? ", $more" : '') . ')');
}

# A number that the server has counted.
sub stats
{
	my ($key) = @_;
	return fetch("body::jsonb->>'$key'", 'stats');
}

# Seconds that a piece of code takes.
sub seconds
{
	my ($code) = @_;
	my $start = time();
	$code->();
	return time() - $start;
}

note 'answers';
is(fetch('status, error, body, length, http_version', 'ok'), '200|ok|{"ok": true}|12|11', 'an answer arrives whole');
is(fetch("body::jsonb->>'path'", 'a%2Fb/echo?x=1'), '/host.invalid/a%2Fb/echo',
	'the host becomes the first word under the test base, the path stays as it is');
is( fetch("body::jsonb->>'method', body::jsonb->>'body', body::jsonb->'headers'->>'content-type'", 'echo',
		"post => 'a=1&b=2'"),
	'POST|a=1&b=2|application/x-www-form-urlencoded', 'a POST sends its form');
is( fetch("body::jsonb->'headers'->>'content-type'", 'echo', "post => '{}', content_type => 'application/json'"),
	'application/json', 'a POST names its content type');
is( fetch("body::jsonb->'headers'->>'authorization', body::jsonb->'headers'->>'user-agent'", 'echo',
		"headers => '{Authorization: Bearer abc}'"),
	'Bearer abc|http_test/1.0', 'request headers are sent');
is(fetch('length, bytes < 1000', 'gzip'), '50000|t', 'a compressed body is unpacked');
is(fetch('status, error, retry_after, early, body', 'interim'), '429|ok|77||final',
	'headers are found whatever their case, and only those of the final response');
is(fetch('status, error', 'redirect'), '302|ok', 'a redirect is told and not followed');
is(fetch('status, error, length', 'empty'), '204|ok|0', 'an empty answer is an answer');
is(fetch('status, error, body', 'error'), '503|ok|{"error": 1}', 'a status is no error of the engine');

note 'failures';
my %failures = (
	reset => 'network|failed while waiting for the answer%',
	close => 'network|failed while%',
	truncated => 'network|failed while receiving the answer%',
	garbage => 'bad_response|what came is not an HTTP answer%',
	badgzip => 'bad_response|what came is not an HTTP answer%',
	bomb => 'too_large|the answer is larger than 8388608 bytes',
	big => 'too_large|the answer is larger than 8388608 bytes',
	bigchunked => 'too_large|the answer is larger than 8388608 bytes',
	headers => 'too_large|the headers of the answer are larger than 65536 bytes',
	hang => 'timeout|timed out while waiting for the answer%',
	stall => 'timeout|timed out while receiving the answer%');
foreach my $path (sort keys %failures)
{
	my ($error, $text) = split(/\|/, $failures{$path});
	is(fetch("error, error_text LIKE '$text', length", $path, 'timeout_ms => 700'), "$error|t|0",
		"$path is $error, says in which phase, and gives no body");
}
is(fetch('error, length', 'atcap?bytes=5000', 'max_body => 5000'), 'ok|5000', 'a body of exactly the cap is taken');
is(fetch('error, length', 'atcap?bytes=5001', 'max_body => 5000'), 'too_large|0', 'one byte more is too large');
is(fetch('error, ms < 15000', 'stall', 'timeout_ms => 30000, idle_timeout_s => 1'), 'timeout|t',
	'silence ends a transfer before its total time-out');
is( $node->safe_psql('postgres',
		"SELECT status, error, error_text LIKE 'failed while connecting%' FROM http_test('{https://a.invalid/}', 'http://127.0.0.1:1')"),
	'0|network|t', 'a refused connection is a network error');
is( $node->safe_psql('postgres',
		"SELECT error, error_text LIKE 'failed while resolving the name%' FROM http_test('{https://nothing.invalid/}')"),
	'network|t', 'a name that does not exist is a network error');

note 'what is refused';
foreach my $url ('http://a.invalid/', 'ftp://a.invalid/', 'https://user@a.invalid/', 'https://a.invalid/ b',
	'https://a.invalid\\@b.invalid/', '//a.invalid/', 'file:///etc/passwd')
{
	my ($result, $out, $err) = $node->psql('postgres', "SELECT * FROM http_test(ARRAY['$url'], '$base')");
	like($err, qr/address is not https/, "$url is refused");
}
{
	my ($result, $out, $err) = $node->psql('postgres',
		"SELECT * FROM http_test('{https://a.invalid/}', '$base', headers => ARRAY[E'A: b\\nAuthorization: s3cret'])");
	like($err, qr/not one line/, 'a line break in a header is refused');
	unlike($err, qr/s3cret/, 'and its value is not told');
	($result, $out, $err) =
	  $node->psql('postgres', "SELECT * FROM http_test('{https://a.invalid/}', '$base', timeout_ms => 0)");
	like($err, qr/out of range: 0 ms/, 'a transfer without end is refused');
	($result, $out, $err) =
	  $node->psql('postgres', "SELECT * FROM http_test('{http://a.invalid/?access_token=EAAB12345}', '$base')");
	like($err, qr/access_token=\*\*\*/, 'an error does not tell a token');
}

note 'many at once';
fetch('1', 'forget');
is(fetch('count(*), bool_and(status = 200)', 'slow?s=0.02', 'repeat => 500, max_connections => 40'), '500|t',
	'500 requests through 40 connections are all answered');
cmp_ok(stats('open_max'), '<=', 41, 'no more connections were open than allowed');
cmp_ok(stats('active_max'), '>=', 30, 'and they were used at once');
fetch('1', 'forget');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM http_test('{https://a.invalid/slow?s=0.02,https://b.invalid/slow?s=0.02}', '$base', repeat => 50, max_host_connections => 7)"),
	'100', 'two hosts are asked side by side');
cmp_ok(stats('active_max'), '<=', 14, 'each within its own limit');
is( fetch("count(*) FILTER (WHERE error = 'ok')", 'slow?s=0.3', 'repeat => 10, max_connections => 1, timeout_ms => 800'),
	'10', 'time in the queue is not counted');
is(fetch('count(*) FILTER (WHERE NOT reused), count(*) FILTER (WHERE reused)', 'ok', 'repeat => 30, max_connections => 3'),
	'3|27', 'connections are used again');
is(fetch('max(n)', 'ok', "repeat => 3, follow => 'https://host.invalid/echo'"), '4', 'done may send further requests');
{
	my ($result, $out, $err) = $node->psql('postgres',
		"SELECT count(*) FROM http_test('{https://a.invalid/ok}', '$base', repeat => 20, max_connections => 2, fail_at => 5)");
	is($out, '20', 'when done raises the others are answered all the same');
	like($err, qr/done has raised/, 'and the error is passed on');
}
is(fetch('count(*)', 'ok hang', 'repeat => 20, cancel_at => 3'), '3', 'done may cancel everything');

note 'TLS';
SKIP:
{
	skip 'openssl is not there', 5
	  if system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
		  . "subjectAltName=DNS:localhost -keyout $scratch/key.pem -out $scratch/cert.pem >/dev/null 2>&1") != 0;
	my $tls = start_server('--tls', "$scratch/cert.pem", "$scratch/key.pem");
	my $https = sub {
		my ($columns, $host, $more) = @_;
		return $node->safe_psql('postgres', "SELECT $columns FROM http_test('{https://$host:$tls/ok}'$more)");
	};
	is($https->("error, error_text LIKE 'failed while securing the connection (TLS): %'", 'localhost', ''),
		'network|t', 'a certificate that nobody vouches for is refused');
	is($https->('status, error', 'localhost', ", ca_file => '$scratch/cert.pem'"), '200|ok',
		'the file of authorities vouches for it');
	is($https->('error', '127.0.0.1', ", ca_file => '$scratch/cert.pem'"), 'network',
		'a certificate of another host is refused');
	is($https->("error, error_text LIKE '%/nowhere.pem%'", 'localhost', ", ca_file => '/nowhere.pem'"), 'network|t',
		'a file that is not there is named');
	is( $node->safe_psql('postgres',
			"SELECT error FROM http_test('{https://localhost:$port/ok}', ca_file => '$scratch/cert.pem')"),
		'network', 'plain http where TLS is due is refused');
}

note 'interrupts';
{
	my ($result, $out, $err);
	foreach my $count (1, 100)
	{
		my $took = seconds(sub {
			($result, $out, $err) = $node->psql('postgres',
				"SET statement_timeout = 500; SELECT * FROM http_test('{https://a.invalid/hang}', '$base', repeat => $count)");
		});
		like($err, qr/canceling statement due to statement timeout/, "statement_timeout ends $count hanging");
		cmp_ok($took, '<', 1.5, "within a second ($took s)");
	}
}

# A worker that hangs: its process id, once the server holds its request.
sub hanging_worker
{
	my $pid = $node->safe_psql('postgres', "SELECT http_worker('https://a.invalid/hang', '$base')");
	for (1 .. 100)
	{
		last if stats('active') >= 2;
		usleep(20_000);
	}
	return $pid;
}

{
	my $pid = hanging_worker();
	is($node->safe_psql('postgres', "SELECT wait_event_type FROM pg_stat_activity WHERE pid = $pid"),
		'Extension', 'a waiting worker says so');
	my $took = seconds(sub {
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
		$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
	});
	cmp_ok($took, '<', 1, "pg_terminate_backend ends a worker during a hang ($took s)");

	$pid = hanging_worker();
	$node->safe_psql('postgres', 'CREATE DATABASE other');
	$took = seconds(sub { $node->safe_psql('postgres', 'DROP DATABASE other'); });
	cmp_ok($took, '<', 1, "DROP DATABASE of another database is not held up ($took s)");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), '1', 'the worker goes on');

	$took = seconds(sub { $node->stop('fast'); });
	cmp_ok($took, '<', 3, "a fast shutdown is not held up ($took s)");
	$node->start;
}

note 'memory';
{
	my $grown = $node->safe_psql('postgres', qq{
		DO \$\$
		DECLARE
			before bigint;
			failed int;
		BEGIN
			SELECT failures INTO failed FROM http_bench('https://a.invalid/ok', '$base', 500, 20);
			before := http_memory();
			SELECT failures INTO failed FROM http_bench('https://a.invalid/ok', '$base', 5000, 20);
			PERFORM set_config('test.grown', (http_memory() - before)::text, false);
			PERFORM set_config('test.failed', failed::text, false);
		END
		\$\$;
		SELECT current_setting('test.failed') || '|' || current_setting('test.grown');});
	my ($failed, $bytes) = split(/\|/, $grown);
	is($failed, '0', '5000 requests are answered');
	cmp_ok($bytes, '<', 200_000, "and leave no memory behind ($bytes bytes)");
}
{
	my $open = "SELECT count(*) FROM pg_ls_dir('/proc/self/fd')";
	my ($before, undef, $after) = split(/\n/, $node->safe_psql('postgres',
			"$open; SELECT count(*) FROM http_test('{https://a.invalid/hang}', '$base', repeat => 20, timeout_ms => 100); $open"));
	is($after, $before, 'an engine that is thrown away closes its descriptors');
	my ($result, $out, $err) = $node->psql('postgres',
		"$open; SET statement_timeout = 200; SELECT count(*) FROM http_test('{https://a.invalid/hang}', '$base', repeat => 20); $open",
		on_error_stop => 0);
	($before, $after) = split(/\n/, $out);
	is($after, $before, 'and so does one that an error throws away');
}
{
	my ($result, $out, $err) = $node->psql('postgres',
		"SELECT count(*) FROM http_test('{https://a.invalid/ok}', '$base', max_connections => 100000)");
	is($out, '1', 'more connections than the server has descriptors for are not used');
	like($err, qr/connections of 100000 can be open at once/, 'and it says so');
}

note 'the thread';
{
	my $threads = "SELECT count(*) FROM pg_ls_dir('/proc/self/task')";
	my ($before, $seen, $after) = split(/\n/, $node->safe_psql('postgres', qq{
		$threads;
		SELECT * FROM http_unattended('https://a.invalid/ok', '$base', 10, 2000, 1);
		$threads}));
	my ($answers, undef, $there, $with_signals) = split(/\|/, $seen);
	is($answers, '10', 'what is sent is answered while the process does something else, one after the other');
	is($there, $before + 1, 'one thread does it');
	is($with_signals, '0', 'and takes no signals');
	is($after, $before, 'it ends with its engine');
	my ($result, $out, $err) = $node->psql('postgres',
		"SET statement_timeout = 200; SELECT count(*) FROM http_test('{https://a.invalid/hang}', '$base'); $threads",
		on_error_stop => 0);
	is($out, $before, 'and with one that an error throws away');

	$seen = $node->safe_psql('postgres',
		"SELECT answers < 20, bytes < 100 * 1024 * 1024, all_answers FROM http_unattended('https://a.invalid/atcap?bytes=8000000', '$base', 20, 1500, 4)");
	is($seen, 't|t|20', 'bodies that nobody hears do not fill the memory: the others are asked for when they are');
}
{
	my $text = $node->safe_psql('postgres', qq{SELECT http_forbid_threads();
		SELECT DISTINCT error, error_text, count(*) OVER () FROM http_test('{https://a.invalid/ok}', '$base', repeat => 3)});
	is($text, "t\nnetwork|the request was given up: no thread can be started|3",
		'where no thread can be started the requests fail like those of a network that is down');
}

$node->stop;
done_testing();
