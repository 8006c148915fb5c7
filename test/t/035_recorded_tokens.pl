# Recorded answers of Spotify's token endpoint, all the way into the sealed secrets: a refresh token that comes is kept, where
# none comes the old one stays, and an answer that broke on its way costs neither.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my $probe = $ENV{SEAL_PROBE};
my $recorded = ($ENV{PGTEST_SHARED} // '../shared') . '/fixtures/spotify';
plan skip_all => 'SEAL_PROBE does not name the library of test/modules/seal_probe' unless $probe;
plan skip_all => "there are no recorded answers in $recorded" unless -d $recorded;

my $base = start_simulator('--now', '2026-03-01T06:00:00Z');
my $node = new_node('recorded_tokens', "shared_preload_libraries = 'dreamsuite'", "dreamsuite.databases = 'postgres'");
my $user = user_id(1);
my $raw = "decode(replace('$user', '-', ''), 'hex')";

# What the recorded answers hold, read by eye
my %first = (access => '75a25c2be83fdfa0bb221b04cf3a4525e9f1203a', refresh => '030b53252ef9f646d2981f9a2bc92353c32f5f22');
my %renewed = (access => '64b2b6d12bfe4baae7dad3d018f8cbf6b0e7a044', refresh => '4c82f23d91a75961f4d08134fc5ad0dfe6a4c36a');

set_now($node, '2026-03-01T06:00:00Z');
$node->safe_psql('postgres', qq(
	CREATE FUNCTION probe_opens("char", bytea, text, text, bytea, text) RETURNS boolean AS '$probe' LANGUAGE C VOLATILE;
	SELECT dreamsuite.register_app('spotify', 'client-spotify', 'secret-of-spotify', 'https://app.example/back');));

# Tokens that the simulator takes for good ones
sub issue
{
	my ($access, $refresh) = @_;

	control('issue', qq({"platform": "spotify", "artist": "4711", "client_id": "client-spotify", "access": "$access", "refresh": "$refresh",
		"scopes": ["user-library-read", "user-follow-read"]}));
	return;
}
issue($first{access}, $first{refresh});
issue($renewed{access}, $renewed{refresh});

# answers(FILE or undef): what the token endpoint says from now on
sub answers
{
	my ($file) = @_;

	if (!defined $file)
	{
		control('faults', '[]');
		return;
	}
	my $body = slurp_file("$recorded/$file") =~ s/(["\\])/\\$1/gr =~ s/\n/\\n/gr =~ s/\t/\\t/gr;

	control('faults', qq([{"kind": "answer", "path": "/api/token", "body": "$body"}]));
	return;
}

# holds(ACCESS, REFRESH, WHAT): the secrets open to these
sub holds
{
	my ($access, $refresh, $what) = @_;

	is( $node->safe_psql('postgres',
			"SELECT probe_opens('A', $raw, 'spotify', 'access_token', access_token, '$access'),"
			  . " probe_opens('A', $raw, 'spotify', 'refresh_token', refresh_token, '$refresh') FROM dreamsuite.account_secrets"),
		't|t', $what);
	return;
}

# A day later: the token has ended
sub next_day
{
	my ($day) = @_;

	set_now($node, "2026-03-0${day}T06:00:00Z");
	collect($node);
	return;
}

sub value
{
	return $node->safe_psql('postgres', 'SELECT ' . shift);
}

# How the renewals of a day ended
sub renewals
{
	my ($day) = @_;

	return value("string_agg(l.error_class, ' ' ORDER BY l.request_id) FROM dreamsuite.request_log l"
		  . " JOIN dreamsuite.collection_runs r USING (run_id) WHERE l.endpoint = 'refresh' AND r.date = '2026-03-0$day'");
}

# ---- a code

answers('token_authorization_code__jwilsson.json');
my ($rest) = value("dreamsuite.authorize_url('spotify', '$user')") =~ m{^https://(.*)$};
my $head = qx(curl -s -o /dev/null -D - '$base/$rest');
my ($state) = $head =~ /[?&]state=([^&\s]*)/;
my ($code) = $head =~ /[?&]code=([^&\s]*)/;
$node->safe_psql('postgres', "SELECT dreamsuite.complete_authorization('$state', '$code')");
ok(eventually($node, "SELECT count(*) FROM dreamsuite.daily_metrics WHERE metrics ->> 'saved_tracks_count' IS NOT NULL", '1'),
	'the day is collected with the recorded token');
holds($first{access}, $first{refresh}, 'both tokens of the answer to a code are kept');
is(value('expires_at FROM dreamsuite.account_secrets'), '2026-03-01 07:00:00+00', 'it lives for the 3600 seconds that were told');
is(value("array_to_string(granted_scopes, ' ') FROM dreamsuite.accounts"),
	'user-follow-read user-follow-modify user-library-read user-library-modify', 'the scopes are those that were granted');

# ---- renewals

answers('token_refresh_not_rotated__jwilsson.json');
next_day(2);
holds($renewed{access}, $first{refresh}, 'where no refresh token comes the old one stays');
is(value("array_to_string(granted_scopes, ' ') FROM dreamsuite.accounts"), 'user-follow-read user-follow-modify', 'scopes that were taken back are known');
is(value("metrics -> 'following_count' IS DISTINCT FROM 'null', metrics -> 'saved_tracks_count' = 'null' FROM dreamsuite.daily_metrics WHERE date = '2026-03-02'"),
	't|t', 'and what they opened is unknown, the rest is collected');

answers(undef);
next_day(3);
is(renewals(3), 'ok', 'and it is used: the platform takes it');

# ---- an answer that broke

control('faults', '[{"kind": "garbage", "path": "/api/token", "times": 1}]');
next_day(4);
# whoever of the two came first, collect() or the collector by itself, met the fault
$node->safe_psql('postgres', "UPDATE dreamsuite.account_state SET next_due_at = '2026-03-04 06:00Z', blocked_until = NULL");
collect($node);
is(renewals(4), 'server_error ok', 'one that is no JSON is a trouble of the server, and passes');
is(value('status FROM dreamsuite.accounts'), 'active', 'the account stays');
is(value("count(*) FROM dreamsuite.daily_metrics WHERE date = '2026-03-04'"), '1', 'with the refresh token that is still held');

answers('token_refresh_rotated__jwilsson.json');
next_day(5);
holds($renewed{access}, $renewed{refresh}, 'a refresh token that comes takes the place of the old one');
answers(undef);
next_day(6);
is(renewals(6), 'ok', 'and is used the next time');

$node->stop;
done_testing();
