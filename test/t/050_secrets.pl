# No secret leaves: after days of collecting on every platform with everything logged, none of the codes, tokens, app secrets
# and keys that were used stands in the server log, in a table, in a view, in pg_stat_statements or in pg_stat_activity.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use DreamSuite;

my $base = start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('secrets', "shared_preload_libraries = 'pg_stat_statements,dreamsuite'",
	"dreamsuite.test_now = '2026-03-01T06:00:00Z'", 'log_min_messages = debug5', 'log_statement = all',
	'log_min_duration_statement = 0', 'pg_stat_statements.track = all', 'max_worker_processes = 16');
set_now($node, '2026-03-01T06:00:00Z');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');

my $user = user_id(1);
my $p8 = qx(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null);
my @platforms = qw(instagram facebook spotify youtube tiktok soundcloud twitter deezer tidal);
my %secrets;

# The server itself logs a statement before an extension sees it: who hands a secret in switches that off.
sub handing_in
{
	return $node->safe_psql('postgres',
		"SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_messages = warning; " . shift);
}

foreach my $platform (@platforms)
{
	my $secret = "app-secret-of-$platform-" . int(rand(1e9));

	$secrets{$secret} = "app secret of $platform";
	handing_in("SELECT dreamsuite.register_app('$platform', 'client-$platform', '$secret', 'https://app.example/back')");
}
handing_in("SELECT dreamsuite.register_app('apple_music', 'media.example', \$key\$$p8\$key\$, null,"
	  . " '{\"team_id\": \"A1B2C3D4E5\", \"key_id\": \"F6G7H8I9J0\"}')");
$secrets{$_} = 'line of the signing key' foreach grep { length > 20 && !/PRIVATE/ } split /\n/, $p8;

foreach my $platform (@platforms)
{
	$node->safe_psql('postgres', "SELECT dreamsuite.connect_account('$user', '$platform', '4711')")
	  if $platform =~ /deezer|tidal/;
	my $url = $node->safe_psql('postgres', "SELECT dreamsuite.authorize_url('$platform', '$user')");
	my ($rest) = $url =~ m{^https://(.*)$};
	my $head = qx(curl -s -o /dev/null -D - '$base/$rest');
	my ($state) = $head =~ /[?&]state=([^&\s]*)/;
	my ($code) = $head =~ /[?&]code=([^&\s]*)/;

	$secrets{$code} = "code of $platform";
	$secrets{$state} = "state of $platform" unless $url =~ /\Q$state\E/;
	handing_in("SELECT dreamsuite.complete_authorization('$state', '$code')");
}
handing_in("SELECT dreamsuite.connect_account('$user', 'apple_music', '4711', 'tok-apple_music-4711')");
$secrets{'tok-apple_music-4711'} = 'music user token';

collect($node);
is( $node->safe_psql('postgres', "SELECT count(*) FROM dreamsuite.accounts WHERE status = 'active'"), '10',
	'ten platforms are connected')
  || diag($node->safe_psql('postgres', "SELECT platform, status, status_reason FROM dreamsuite.accounts WHERE status <> 'active'"));

# days pass, tokens end and are renewed; platforms fail in ways that make people print things
foreach my $day (2 .. 5)
{
	set_now($node, "2026-03-0${day}T06:00:00Z");
	control('faults', $day == 3
		? '[{"kind": "401", "probability": 0.2}, {"kind": "garbage", "probability": 0.2}, {"kind": "403", "probability": 0.1}]'
		: '[]');
	collect($node);
}
control('faults', '[]');
my ($code, $out, $err) = $node->psql('postgres',
	"SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_error_statement = panic; SET log_min_messages = panic; SELECT dreamsuite.connect_account('$user', 'youtube', access_token => 'wrong-token-0123456789 x')");
unlike($err =~ s/^LINE.*$//mgr, qr/wrong-token-0123456789/, 'an error does not repeat a token');
$node->safe_psql('postgres', "SELECT dreamsuite.disconnect_account('$user', 'twitter')");
$node->safe_psql('postgres', 'SELECT dreamsuite.rotate_keys()');
sleep 2;

# what was used: everything that the simulator issued, and the keys
my $issued = control('secrets');
$secrets{$_} = 'code or token issued' foreach grep { length >= 12 } $issued =~ /"((?:[^"\\]|\\.){12,})"/g;
delete $secrets{$_} foreach grep { /^(client-|https?:|UC\d|[a-z._-]+$)/ && $secrets{$_} eq 'code or token issued' } keys %secrets;
foreach my $line (split /\n/, slurp_file($node->basedir . '/keyring'))
{
	$secrets{$_} = 'key' foreach grep { length >= 40 } split ' ', $line;
}
cmp_ok(scalar(keys %secrets), '>', 40, scalar(keys %secrets) . ' secrets are looked for');
ok((grep { $_ eq 'key' } values %secrets) >= 2, 'keys among them');

my %places = (
	'the server log' => slurp_file($node->logfile),
	'a dump of every table' => do {
		my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
		$node->command_ok([ 'pg_dump', '--no-sync', '-f', $file, $node->connstr('postgres') ], 'a dump is made');
		slurp_file($file);
	},
	'pg_stat_statements' => $node->safe_psql('postgres', 'SELECT query FROM pg_stat_statements'),
	'pg_stat_activity' => $node->safe_psql('postgres', 'SELECT a::text FROM pg_stat_activity a'),
	'the views' => join("\n",
		map { $node->safe_psql('postgres', "SELECT v::text FROM $_ v") } split /\n/, $node->safe_psql('postgres',
			"SELECT oid::regclass FROM pg_class WHERE relnamespace = 'dreamsuite'::regnamespace AND relkind = 'v'")),
	'the functions that tell' => join("\n",
		map { $node->safe_psql('postgres', "SELECT v::text FROM $_ v") } 'dreamsuite.status()', 'dreamsuite.key_status()'),
);
foreach my $place (sort keys %places)
{
	my @found = grep { index($places{$place}, $_) >= 0 } keys %secrets;

	is(scalar(@found), 0, "no secret in $place") || diag(join("\n", map { "$secrets{$_}: $_" } @found));
	# bytea is shown in hex
	my @hex = grep { index($places{$place}, unpack('H*', $_)) >= 0 } keys %secrets;
	is(scalar(@hex), 0, "nor in hex in $place") || diag(join("\n", map { "$secrets{$_}: $_" } @hex));
}
like($places{'the server log'}, qr/dreamsuite/, 'the log was read');
cmp_ok(length($places{'the server log'}), '>', 100_000, 'everything was logged');
like($places{'a dump of every table'}, qr/client-youtube/, 'the search finds what is there');

$node->stop;
done_testing();
