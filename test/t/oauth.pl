# Connecting by OAuth: every platform's flow, what the artist refuses, states that cannot be used, renewals that rotate,
# crashes between any two steps, and consents that end.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use DreamSuite;

my $base = start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('oauth', "shared_preload_libraries = 'dreamsuite'", "dreamsuite.databases = 'postgres'",
	'log_statement = none', 'log_min_messages = debug1', 'dreamsuite.request_timeout = 20s');
set_now($node, '2026-03-01T06:00:00Z');

my $collector = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'";
my @secrets;

sub sql { return $node->safe_psql('postgres', shift); }

# The error of a statement, without its context
sub error_of
{
	my ($code, $out, $err) = $node->psql('postgres', shift);
	return $code == 0 ? 'no error' : $err;
}

# consent(URL): the artist's browser; returns (state, code), or what the page said
sub consent
{
	my ($url) = @_;
	my ($rest) = $url =~ m{^https://(.*)$};
	my $head = qx(curl -s -o /dev/null -D - '$base/$rest');
	my ($state) = $head =~ /[?&]state=([^&\s]*)/;
	my ($code) = $head =~ /[?&]code=([^&\s]*)/;

	push @secrets, $code if defined $code;
	return ($state, $code, $head);
}

sub authorize
{
	my ($platform, $user, $scopes) = @_;

	return sql("SELECT dreamsuite.authorize_url('$platform', '$user'" . (defined $scopes ? ", '$scopes'" : '') . ')');
}

# connect_by_oauth(PLATFORM, USER): the whole way; returns the state
sub connect_by_oauth
{
	my ($platform, $user, $scopes) = @_;
	my ($state, $code) = consent(authorize($platform, $user, $scopes));

	sql("SELECT dreamsuite.complete_authorization('$state', '$code')");
	return $state;
}

sub status_is
{
	my ($platform, $user, $expected, $what) = @_;

	return ok(
		eventually(
			$node, "SELECT status FROM dreamsuite.accounts WHERE platform = '$platform' AND user_id = '$user'",
			$expected, 20),
		$what)
	  || diag(sql("SELECT a.platform, a.status, a.status_reason, s.last_error FROM dreamsuite.accounts a"
			  . " JOIN dreamsuite.account_state s USING (user_id, platform)"
			  . " WHERE platform = '$platform' AND user_id = '$user'"));
}

# The run that began with a code has been stored
sub stored
{
	my ($platform, $user, $date) = @_;

	return eventually($node,
		"SELECT count(*) FROM dreamsuite.daily_metrics d JOIN dreamsuite.account_state s USING (user_id, platform)"
		  . " WHERE platform = '$platform' AND user_id = '$user' AND date = '$date' AND s.lease_token IS NULL"
		  . " AND d.metrics <> '{}' AND s.last_outcome IN ('ok', 'partial')", '1', 20);
}

# ---- apps

my $p8 = qx(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null);
my @platforms = qw(instagram facebook spotify youtube tiktok soundcloud twitter deezer tidal);

foreach my $platform (@platforms)
{
	sql("SELECT dreamsuite.register_app('$platform', 'client-$platform', 'secret-of-$platform', 'https://app.example/back')");
	my $control = qq({"platform": "$platform", "client_id": "client-$platform", "client_secret": "secret-of-$platform"});
	control('clients', $control) unless $platform =~ /instagram|facebook/;
	push @secrets, "secret-of-$platform";
}
sql("SELECT dreamsuite.register_app('apple_music', 'media.example', \$key\$$p8\$key\$, null,"
	  . " '{\"team_id\": \"A1B2C3D4E5\", \"key_id\": \"F6G7H8I9J0\"}')");

# ---- the flow, platform by platform

my %id = (tiktok => 1, instagram => 1, facebook => 1, youtube => 1, soundcloud => 1, twitter => 1, spotify => 1);
foreach my $platform (@platforms)
{
	my $user = user_id(1);

	sql("SELECT dreamsuite.connect_account('$user', '$platform', '4711')") if $platform =~ /deezer|tidal/;
	connect_by_oauth($platform, $user);
	status_is($platform, $user, 'active', "$platform: the account is active");
	ok(stored($platform, $user, '2026-03-01'), "$platform: its numbers are collected");
	is( sql("SELECT k.access_token IS NOT NULL AND k.access_token::text NOT LIKE '%'||encode('access','hex')||'%'"
			  . " FROM dreamsuite.account_secrets k WHERE platform = '$platform' AND user_id = '$user'"),
		't', "$platform: a sealed token is held");
	is( sql("SELECT external_id IS NOT NULL FROM dreamsuite.accounts WHERE platform = '$platform' AND user_id = '$user'"),
		't', "$platform: the account is known");
	is( sql("SELECT count(*) FROM dreamsuite.oauth_states WHERE platform = '$platform' AND (code IS NOT NULL OR verifier IS NOT NULL)"),
		'0', "$platform: nothing is left of the code");
}

sql("SELECT dreamsuite.connect_account('" . user_id(1) . "', 'apple_music', '4711', 'tok-apple_music-4711')");
collect($node, "'" . user_id(1) . "', 'apple_music'");
is( sql("SELECT metrics->>'library_songs_count' IS NOT NULL AND metrics->>'chart_positions' IS NOT NULL"
		  . " FROM dreamsuite.daily_metrics WHERE platform = 'apple_music'"),
	't', 'apple_music: the developer token is accepted, and so is the music user token');
unlike(control('stats'), qr/apple developer token/, 'apple_music: the simulator finds nothing wrong with it');

done_testing();
