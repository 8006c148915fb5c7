# Connecting by OAuth: every platform's flow, what the artist refuses, states that cannot be used, renewals that rotate,
# crashes between any two steps, and consents that end.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('oauth', "shared_preload_libraries = 'dreamsuite, pg_stat_statements'", "dreamsuite.databases = 'postgres'",
	'log_statement = all', 'log_min_messages = debug5', 'log_error_verbosity = verbose', 'pg_stat_statements.track = all',
	'dreamsuite.request_timeout = 20s');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
set_now($node, '2026-03-01T06:00:00Z');

my $collector = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'";
my @secrets;

# A statement that hands a secret in is logged by the server itself where log_statement says so, before any extension
# sees it: these sessions switch it off.
my $quietly = "SET log_statement = none;\n";

sub sql
{
	my ($sql) = @_;

	return $node->safe_psql('postgres',
		($sql =~ /register_app|connect_account|complete_authorization/ ? $quietly : '') . $sql);
}

# The error of a statement, without its context
sub error_of
{
	my ($code, $out, $err) = $node->psql('postgres', $quietly . shift);
	return $code == 0 ? 'no error' : $err;
}

# agree(URL): consent(), whose code is one of the secrets
sub agree
{
	my ($state, $code, $head) = consent(@_);

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
	my ($state, $code) = agree(authorize($platform, $user, $scopes));

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


my @rotating = qw(tiktok soundcloud twitter);
my @expiring = qw(spotify youtube tiktok soundcloud twitter);

# ---- Instagram's own login

my $other = user_id(2);
sql("SELECT dreamsuite.connect_account('$other', 'instagram', settings => '{\"login\": \"instagram\"}')");
like(authorize('instagram', $other), qr{^https://www\.instagram\.com/oauth/authorize\?.*instagram_business_basic}, 'settings.login chooses the page of consent');
connect_by_oauth('instagram', $other);
status_is('instagram', $other, 'active', 'Instagram login: the account is active');
ok(stored('instagram', $other, '2026-03-01'), 'Instagram login: its numbers are collected');
is( sql("SELECT expires_at > '2026-04-20' FROM dreamsuite.account_secrets WHERE user_id = '$other'"),
	't', 'Instagram login: the short-lived token was exchanged for a long-lived one');

# ---- states

my $again = user_id(3);
my ($state, $code) = agree(authorize('tiktok', $again));
like(error_of("SELECT dreamsuite.complete_authorization('nonsense', '$code')"), qr/unknown state/, 'an unknown state is refused');
like(error_of("SET request.jwt.claims = '{\"sub\": \"" . user_id(4) . "\"}'; SELECT dreamsuite.complete_authorization('$state', '$code')"),
	qr/belongs to another user/, 'a foreign state is refused');
like(error_of("SELECT dreamsuite.complete_authorization('$state', '')"), qr/invalid code/, 'an empty code is refused');
like(error_of("SELECT dreamsuite.complete_authorization('$state', null)"), qr/did not consent/, 'a missing code is refused');
is(error_of("SET request.jwt.claims = '{\"sub\": \"$again\"}'; SELECT dreamsuite.complete_authorization('$state', '$code')"),
	'no error', 'the user who began ends it');
like(error_of("SELECT dreamsuite.complete_authorization('$state', '$code')"), qr/was used already/, 'a replayed state is refused');
status_is('tiktok', $again, 'active', 'and changes nothing');
($state, $code) = agree(authorize('tiktok', $again));
set_now($node, '2026-03-01T06:10:00Z');
like(error_of("SELECT dreamsuite.complete_authorization('$state', '$code')"), qr/has expired/, 'a state expires after ten minutes');
set_now($node, '2026-03-01T06:09:59Z');
is(error_of("SELECT dreamsuite.complete_authorization('$state', '$code')"), 'no error', 'and not before');
status_is('tiktok', $again, 'active', 'an account is authorised anew');
($state, $code) = agree(authorize('tiktok', user_id(5)));
sql("SELECT dreamsuite.disconnect_account('" . user_id(5) . "', 'tiktok')");
like(error_of("SELECT dreamsuite.complete_authorization('$state', '$code')"), qr/unknown state/, 'a disconnected account takes its states along');

# ---- what artists refuse

control('consent', '{"platform": "*", "artist": "4711", "deny": true}');
my (undef, $none, $head) = agree(authorize('spotify', $again));
ok(!defined $none && $head =~ /error=access_denied/, 'who refuses gives no code');
control('consent', '{"platform": "*", "artist": "4711"}');
is(sql("SELECT status FROM dreamsuite.accounts WHERE user_id = '$again' AND platform = 'spotify'"), 'pending', 'the account waits on');

control('consent', '{"platform": "youtube", "artist": "4711", "untick": ["https://www.googleapis.com/auth/yt-analytics.readonly"]}');
control('consent', '{"platform": "tiktok", "artist": "4711", "untick": ["user.info.stats"]}');
control('consent', '{"platform": "facebook", "artist": "4711", "untick": ["read_insights"]}');
foreach my $platform (qw(youtube tiktok facebook))
{
	connect_by_oauth($platform, $again);
	status_is($platform, $again, 'active', "$platform: connected with less than was asked for");
}
is( sql("SELECT string_agg(platform || ' ' || array_length(granted_scopes, 1), ', ' ORDER BY platform) FROM dreamsuite.accounts"
		  . " WHERE user_id = '$again' AND platform IN ('youtube', 'tiktok', 'facebook')"),
	'facebook 4, tiktok 3, youtube 1', 'the scopes that were granted are known');
ok(stored('youtube', $again, '2026-03-01'), 'youtube: the rest is collected');
control('consent', "{\"platform\": \"$_\", \"artist\": \"4711\"}") foreach qw(youtube tiktok facebook);

# ---- codes that come to nothing

my $wrong = user_id(6);
foreach my $platform (@platforms)
{
	my ($fresh) = agree(authorize($platform, $wrong));

	sql("SELECT dreamsuite.complete_authorization('$fresh', 'code-that-is-wrong-$platform#_')");
	status_is($platform, $wrong, 'failed', "$platform: a wrong code fails");
}
is( sql("SELECT count(*) FILTER (WHERE status_reason LIKE 'the authorisation failed: %'), count(*) FILTER (WHERE status_reason LIKE '%is-wrong%')"
		  . " FROM dreamsuite.accounts WHERE user_id = '$wrong'"),
	'9|0', 'with the reason, never with the code');
connect_by_oauth('twitter', $wrong);
status_is('twitter', $wrong, 'active', 'a new code mends it');

sql("SELECT dreamsuite.connect_account('" . user_id(7) . "', 'deezer', '4711')");
($state) = agree(authorize('deezer', user_id(7)));
sql("SELECT dreamsuite.complete_authorization('$state', 'wrong')");
ok(stored('deezer', user_id(7), '2026-03-01'), 'deezer: a wrong code does not stop public data');
like(sql("SELECT status, status_reason FROM dreamsuite.accounts WHERE user_id = '" . user_id(7) . "'"),
	qr/^active\|the authorisation failed/, 'and is told');

control('faults', '[{"kind": "5xx", "path": "/2/oauth2/token", "times": 2}]');
connect_by_oauth('twitter', user_id(7));
status_is('twitter', user_id(7), 'active', 'an exchange is tried again at once where the platform stumbles');
control('faults', '[]');

# ---- renewal, day by day

sql("SELECT dreamsuite.forget_user('" . user_id($_) . "')") foreach 3 .. 7;
sql("SELECT dreamsuite.register_app('tidal', 'client-tidal', null, 'https://app.example/back')");
control('clients', '{"platform": "tidal", "client_id": "client-tidal"}');
my $public = user_id(8);
sql("SELECT dreamsuite.connect_account('$public', 'tidal', '4711')");
connect_by_oauth('tidal', $public);
status_is('tidal', $public, 'active', 'tidal: an app without a secret connects');

foreach my $day (2 .. 5)
{
	set_now($node, "2026-03-0${day}T06:00:00Z");
	collect($node);
}
is( sql("SELECT string_agg(DISTINCT platform, ' ' ORDER BY platform) FROM dreamsuite.request_log WHERE endpoint = 'refresh' AND http_status = 200 AND error_class = 'ok'"),
	'facebook instagram soundcloud spotify tidal tiktok twitter youtube', 'tokens that have ended are renewed');
is( sql("SELECT count(*) FROM dreamsuite.request_log WHERE error_class IN ('auth_expired', 'auth_revoked')"
		  . " AND user_id IN ('" . user_id(1) . "', '$other', '$public')"),
	'0', 'ahead of their end, so that no request is refused');
is( sql("SELECT string_agg(platform || ' ' || n, ', ' ORDER BY platform, n) FROM (SELECT platform, user_id, count(*) AS n FROM dreamsuite.daily_metrics"
		  . " WHERE user_id IN ('" . user_id(1) . "', '$other', '$public') AND date >= '2026-03-02' GROUP BY 1, 2) t WHERE n <> 4"),
	'', 'and every day is stored');
like(control('stats'), qr/"refresh_tokens_reused": ?\[\]/, 'no refresh token was used twice');

# ---- a refusal

my $user = user_id(1);
set_now($node, '2026-03-06T06:00:00Z');
control('faults', '[{"kind": "401", "host": "open.tiktokapis.com", "path": "/v2/user/info", "times": 1}, {"kind": "401", "host": "api.x.com", "path": "/2/tweets", "times": 1},'
	. ' {"kind": "401", "host": "api.x.com", "path": "/2/users", "times": 1}, {"kind": "401", "host": "api.soundcloud.com", "times": 1}]');
sql("UPDATE dreamsuite.account_secrets SET expires_at = '2026-03-07' WHERE platform IN ('tiktok', 'twitter', 'soundcloud')");
collect($node);
is( sql("SELECT string_agg(platform || ' ' || last_outcome, ', ' ORDER BY platform) FROM dreamsuite.account_state WHERE user_id = '$user'"
		  . " AND platform IN ('tiktok', 'twitter', 'soundcloud', 'youtube', 'spotify')"),
	'soundcloud ok, spotify ok, tiktok ok, twitter ok, youtube ok', 'a token that is refused is renewed once, and the request asked again');
control('faults', '[{"kind": "401", "host": "open.tiktokapis.com", "path": "/v2/user/info"}]');
set_now($node, '2026-03-07T06:00:00Z');
collect($node, "'$user', 'tiktok'");
status_is('tiktok', $user, 'needs_reauth', 'a second refusal means that the consent has ended');
control('faults', '[]');
connect_by_oauth('tiktok', $user);
status_is('tiktok', $user, 'active', 'a new consent mends it');
ok(stored('tiktok', $user, '2026-03-07'), 'and the day is collected');

# ---- the user withdraws

foreach my $platform (@expiring)
{
	my $tokens = control('issue', qq({"platform": "$platform", "artist": "4711", "client_id": "client-$platform", "life": 60}));
	my ($access) = $tokens =~ /"access_token": ?"([^"]*)"/;
	my ($refresh) = $tokens =~ /"refresh_token": ?"([^"]*)"/;

	push @secrets, $access, $refresh;
	sql("SELECT dreamsuite.connect_account('" . user_id(9) . "', '$platform', access_token => '$access', refresh_token => '$refresh', expires_at => '2026-03-07 06:01Z')");
	control('revoke', qq({"platform": "$platform", "token": "$refresh"}));
}
collect($node, "'" . user_id(9) . "'");
foreach my $platform (@expiring)
{
	status_is($platform, user_id(9), 'needs_reauth', "$platform: a withdrawn consent needs a new one");
	connect_by_oauth($platform, user_id(9));
	status_is($platform, user_id(9), 'active', "$platform: and goes on with it");
}

# what needs no token goes on without
my $tokens = control('issue', '{"platform": "deezer", "artist": "4711", "client_id": "client-deezer"}');
my ($dead) = $tokens =~ /"access_token": ?"([^"]*)"/;
control('revoke', qq({"platform": "deezer", "token": "$dead"}));
sql("SELECT dreamsuite.connect_account('" . user_id(9) . "', 'deezer', '4711', access_token => '$dead', settings => '{\"profile_id\": 4711}')");
collect($node, "'" . user_id(9) . "', 'deezer'");
like(sql("SELECT a.status || ' ' || a.status_reason || ' ' || (d.metrics->>'fans_count' IS NOT NULL) FROM dreamsuite.accounts a"
		. " JOIN dreamsuite.daily_metrics d USING (user_id, platform) WHERE user_id = '" . user_id(9) . "' AND platform = 'deezer'"),
	qr/^active the artist must authorise again.* true$/, 'deezer: a dead token does not stop public data');
sql("SELECT dreamsuite.connect_account('" . user_id(9) . "', 'apple_music', '4711', access_token => 'dead-music-user-token')");
push @secrets, 'dead-music-user-token', $dead;
collect($node, "'" . user_id(9) . "', 'apple_music'");
like(sql("SELECT a.status || ' ' || a.status_reason || ' ' || (d.metrics->>'chart_positions' IS NOT NULL) || ' ' || (d.metrics->>'library_songs_count' IS NULL)"
		. " FROM dreamsuite.accounts a JOIN dreamsuite.daily_metrics d USING (user_id, platform) WHERE user_id = '" . user_id(9) . "' AND platform = 'apple_music'"),
	qr/^active the artist must authorise again.* true true$/, 'apple_music: a dead token does not stop public data');
control('faults', '[{"kind": "401", "host": "api.music.apple.com"}]');
collect($node, "'$user', 'apple_music'");
is(sql("SELECT last_error_class FROM dreamsuite.account_state WHERE platform = 'apple_music' AND user_id = '$user'"), 'operator',
	'apple_music: a developer token that is refused twice is the operator\'s to mend');
control('faults', '[]');

# ---- Meta's proof

control('clients', qq({"platform": "$_", "client_id": "client-meta", "client_secret": "secret-of-meta"})) foreach qw(facebook instagram);
sql("SELECT dreamsuite.register_app('$_', 'client-meta', 'secret-of-meta', 'https://app.example/back')") foreach qw(facebook instagram);
push @secrets, 'secret-of-meta';
control('proof', '{"required": true}');
foreach my $platform (qw(facebook instagram))
{
	connect_by_oauth($platform, user_id(9));
	status_is($platform, user_id(9), 'active', "$platform: connects where a proof is demanded");
	ok(stored($platform, user_id(9), '2026-03-07'), "$platform: and collects");
}
control('proof', '{"required": false}');

# ---- which of the Pages

my $manager = user_id(10);
control('modes', '{"pages": [4712, 4713, 4714, 4715]}');
foreach my $platform (qw(facebook instagram))
{
	connect_by_oauth($platform, $manager);
	status_is($platform, $manager, 'failed', "$platform: of several Pages one must be named");
	my $reason = sql("SELECT status_reason FROM dreamsuite.accounts WHERE user_id = '$manager' AND platform = '$platform'");
	my ($fourth) = control('artist?artist=4714') =~ /"$platform": ?"(\d+)"/;

	like($reason, qr/several.*\Q$fourth\E \(.*name one as external_id/, "$platform: the reason lists them, those of further pages too");
	# the simulator lets a person's token read the person's own professional account alone
	my ($chosen) = $platform eq 'facebook' ? $fourth : control('artist?artist=4711') =~ /"$platform": ?"(\d+)"/;
	sql("SELECT dreamsuite.connect_account('$manager', '$platform', '$chosen')");
	collect($node, "'$manager', '$platform'");
	is(sql("SELECT status, external_id FROM dreamsuite.accounts WHERE user_id = '$manager' AND platform = '$platform'"),
		"active|$chosen", "$platform: once it is named, the consent is used again");
	ok(stored($platform, $manager, '2026-03-07'), "$platform: and its numbers are collected");
	sql("SELECT dreamsuite.disconnect_account('$manager', '$platform')");
	sql("SELECT dreamsuite.connect_account('$manager', '$platform', '99')");
	connect_by_oauth($platform, $manager);
	status_is($platform, $manager, 'failed', "$platform: one that the consent does not cover is refused");
}
control('modes', '{"pages": []}');
sql("SELECT dreamsuite.forget_user('$manager')");

# ---- an account that is connected anew while a run with its old token is under way

control('faults', '[{"kind": "delay", "seconds": 1.5, "host": "open.tiktokapis.com", "path": "/v2/user/info", "times": 1}]');
sql("SELECT dreamsuite.connect_account('$manager', 'tiktok', access_token => 'a-token-that-is-dead')");
control('stats', '{}');
sql('SELECT dreamsuite.collect_due()');
sleep 0.1 until control('stats') =~ /"GET open.tiktokapis.com/;
sql("SELECT dreamsuite.connect_account('$manager', 'tiktok', access_token => 'tok-tiktok-4711')");
sql('SELECT dreamsuite.collect_due()');
ok(stored('tiktok', $manager, '2026-03-07'), 'tokens that came meanwhile are used');
is(sql("SELECT status FROM dreamsuite.accounts WHERE user_id = '$manager' AND platform = 'tiktok'"), 'active',
	'and the refusal of the old one does not count');
control('faults', '[]');
sql("SELECT dreamsuite.forget_user('$manager')");

# ---- disconnecting

control('stats', '{}');
sql("SELECT dreamsuite.disconnect_account('" . user_id(9) . "', '$_')") foreach (@expiring, 'facebook');
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.revocations', '0'), 'what was left to be revoked is worked off');
my $stats = control('stats');
foreach my $path ('oauth2.googleapis.com/revoke', 'open.tiktokapis.com/v2/oauth/revoke', 'secure.soundcloud.com/sign-out', 'api.x.com/{}/{}/revoke')
{
	like($stats, qr/POST \Q$path\E/, "revoked at $path");
}

# ---- a user who is forgotten

control('stats', '{}');
sql("SELECT dreamsuite.connect_account('$manager', 'tiktok', access_token => 'tok-tiktok-4711')");
cmp_ok(sql("SELECT dreamsuite.forget_user('$manager')"), '>=', 3, 'a user is forgotten');
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.revocations', '0'), 'nothing is left, not even what was to be revoked');
like(control('stats'), qr/POST \Qopen.tiktokapis.com\E\/v2\/oauth\/revoke/, 'and the consent is ended at the platform');

# ---- crashes, which forget what pg_stat_statements has seen

keep_counts($node);
my $statements = 'SELECT query FROM pg_stat_statements UNION ALL SELECT query FROM pg_stat_activity';
my $views = sql($statements);

# crash(): kill -9 of the collector; returns when the server and a collector are back
sub crash
{
	my $pid = sql($collector);

	kill 'KILL', $pid;
	$node->poll_query_until('postgres', "SELECT pid <> $pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'")
	  or die 'no collector came back';
	return;
}

# asked(PATH): waits until the simulator has been asked for that path
sub asked
{
	my ($path) = @_;

	for (1 .. 200)
	{
		return 1 if control('stats') =~ /"\Q$path\E"/;
		sleep 0.05;
	}
	return 0;
}

my $day = 8;
my $known_reuse = 0;

# How many refresh tokens the platforms saw a second time
sub reused
{
	my ($list) = control('stats') =~ /"refresh_tokens_reused": ?\[(.*?)\]/;

	return scalar(() = $list =~ /platform/g);
}

# begin_day(FAULT, PATH): the next day, in which the fault holds a step of the three platforms that rotate
sub begin_day
{
	my ($faults, @paths) = @_;

	set_now($node, sprintf('2026-03-%02dT06:00:00Z', $day++));
	control('faults', $faults);
	control('stats', '{}');
	sql('SELECT dreamsuite.collect_due()');
	ok(asked($_), "held at $_") foreach @paths;
	sleep 0.3;
	return;
}

sub ends_well
{
	my ($what, @of) = @_;
	my $list = join ', ', map { "'$_'" } @of;

	ok( eventually($node,
			"SELECT count(*) FROM dreamsuite.daily_metrics d JOIN dreamsuite.account_state s USING (user_id, platform)"
			  . " JOIN dreamsuite.accounts a USING (user_id, platform) WHERE d.user_id = '$user' AND platform IN ($list)"
			  . " AND date = dreamsuite.calendar_now()::date AND s.lease_token IS NULL AND a.status = 'active'", scalar @of, 30),
		$what)
	  || diag(sql("SELECT platform, status, status_reason, last_error, next_due_at FROM dreamsuite.accounts JOIN dreamsuite.account_state USING (user_id, platform) WHERE user_id = '$user'"));
	is(reused(), $known_reuse, 'and no refresh token was used twice');
	return;
}
my $hang = sub { join ', ', map { qq({"kind": "hang", "host": "$_->[0]", "path": "$_->[1]"}) } @_ };

# committed and not yet used
begin_day('[' . $hang->([ 'open.tiktokapis.com', '/v2/user' ], [ 'api.soundcloud.com', '/me' ], [ 'api.x.com', '/2/users' ]) . ']',
	'POST open.tiktokapis.com/v2/oauth/token/', 'GET open.tiktokapis.com/v2/user/info/', 'GET api.soundcloud.com/me', 'GET api.x.com/{}/users/me');
control('faults', '[]');
crash();
ends_well('killed between the commit of new tokens and their first use, nothing is lost', @rotating);

# in the middle of the run that follows
begin_day('[' . $hang->([ 'open.tiktokapis.com', '/v2/video' ], [ 'api.soundcloud.com', '/me/tracks' ], [ 'api.x.com', '/tweets' ]) . ']',
	'POST open.tiktokapis.com/v2/video/list/', 'GET api.soundcloud.com/me/tracks');
control('faults', '[]');
crash();
ends_well('killed after their first use, nothing is lost', @rotating);

# terminated while the platform is answering
set_now($node, sprintf('2026-03-%02dT06:00:00Z', $day++));
control('faults', '[' . join(', ', map { qq({"kind": "delay", "seconds": 0.4, "path": "$_"}) } qw(/2/oauth2/token /v2/oauth/token /oauth/token)) . ']');
control('stats', '{}');
sql('SELECT dreamsuite.collect_due()');
ok(asked('POST secure.soundcloud.com/oauth/token') && asked('POST open.tiktokapis.com/v2/oauth/token/') && asked('POST api.x.com/{}/{}/token'),
	'the platforms are asked for new tokens');
my $ending = sql($collector);
ok( within(1,
		sub {
			sql("SELECT pg_terminate_backend($ending)");
			eventually($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $ending", '0');
		}),
	'a collector that is terminated ends within a second');
control('faults', '[]');
ends_well('but keeps the tokens that were on their way', @rotating);

# before the platform has answered: it refuses for a while, so that no token was given
begin_day('[' . join(', ', map { qq({"kind": "5xx", "host": "$_"}) } qw(secure.soundcloud.com accounts.spotify.com oauth2.googleapis.com)) . ', '
	  . join(', ', map { qq({"kind": "5xx", "path": "$_"}) } qw(/2/oauth2/token /v2/oauth/token)) . ']',
	'POST secure.soundcloud.com/oauth/token', 'POST open.tiktokapis.com/v2/oauth/token/');
is(sql("SELECT status FROM dreamsuite.accounts WHERE user_id = '$user' AND platform = 'tiktok'"), 'active',
	'a token server in trouble ends no consent');
control('faults', '[]');
crash();
sql("UPDATE dreamsuite.account_state SET next_due_at = dreamsuite.calendar_now() WHERE user_id = '$user'");
sql('SELECT dreamsuite.collect_due()');
ends_well('killed before a token was given, nothing is lost', @expiring);

# answered, and not yet committed: the one moment that the platform alone could close
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN');
set_now($node, sprintf('2026-03-%02dT06:00:00Z', $day++));
control('stats', '{}');
$locker->query_safe('LOCK TABLE dreamsuite.account_secrets IN EXCLUSIVE MODE');
sql('SELECT dreamsuite.collect_due()');
ok(asked('POST open.tiktokapis.com/v2/oauth/token/') && asked('POST oauth2.googleapis.com/token'), 'held before the commit');
sleep 0.3;
is(sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector' AND query = 'dreamsuite: keeping new tokens' AND wait_event_type = 'Lock'"),
	'1', 'by a lock');
unlike(control('stats'), qr{GET api\.soundcloud\.com/me"|user/info|GET api\.x\.com}, 'a new token is not used before its commit');
crash();
$locker->{run}->finish if $locker->{run};
status_is($_, $user, 'needs_reauth', "$_: the account says that it needs a new consent") foreach @rotating;
$known_reuse = reused();
is($known_reuse, 3, 'the old token is the only one to try, once');
ends_well('platforms that leave the old token in force lose nothing then', qw(spotify youtube));
foreach my $platform (@rotating)
{
	connect_by_oauth($platform, $user);
	status_is($platform, $user, 'active', "$platform: and goes on with it");
}

# the steps of Meta's way, each held by a hanging answer to the next
foreach my $hold ([ 'facebook', '/me/permissions', 'me/permissions' ], [ 'facebook', '/me/accounts', 'me/accounts' ],
	[ 'instagram', '/me/permissions', 'me/permissions' ])
{
	my ($platform, $path, $seen) = @$hold;

	sql("SELECT dreamsuite.disconnect_account('$user', '$platform')");
	control('stats', '{}');
	control('faults', '[{"kind": "hang", "host": "graph.facebook.com", "path": "' . $path . '"}]');
	connect_by_oauth($platform, $user);
	ok(asked("GET graph.facebook.com/v25.0/$seen"), "$platform: held at $path");
	sleep 0.3;
	control('faults', '[]');
	crash();
	status_is($platform, $user, 'active', "$platform: killed there, the authorisation goes on without a new code");
}

# ---- two collectors, and many who ask

set_now($node, sprintf('2026-03-%02dT06:00:00Z', $day++));
control('faults', '[{"kind": "delay", "seconds": 0.4, "path": "oauth"}]');
control('stats', '{}');
my @askers = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 4;
$_->query_until(qr/asked/, "SELECT dreamsuite.collect_due();\n\\echo asked\n") foreach @askers, @askers;
is(sql("SELECT count(*) FROM ($collector) c"), '1', 'there is one collector whoever asks');
ends_well('accounts are collected once', @rotating);
like(control('stats'), qr{"POST \Q$_\E":1\b}, "$_ was asked once") foreach ('open.tiktokapis.com/v2/oauth/token/', 'api.x.com/{}/{}/token');
$_->quit foreach @askers;
control('faults', '[]');

# ---- tokens of sixty days

foreach ([ $other, '2026-04-27' ], [ $user, '2026-05-05' ])
{
	my ($who, $date) = @$_;

	set_now($node, "${date}T06:00:00Z");
	collect($node, "'$who', 'instagram'");
	is( sql("SELECT expires_at > dreamsuite.calendar_now() + interval '59 days' FROM dreamsuite.account_secrets WHERE platform = 'instagram' AND user_id = '$who'"),
		't', 'instagram: a token is renewed some days before it ends, whichever the login');
	is( sql("SELECT last_outcome FROM dreamsuite.account_state WHERE platform = 'instagram' AND user_id = '$who'"),
		'ok', 'and is good');
}
set_now($node, '2026-06-20T06:00:00Z');
is(collect($node, "'$user', 'facebook'") =~ /1 of 1 accounts collected/, 1, 'facebook: a Page token does not end');

unlike(control('stats'), qr/apple developer token/, 'apple_music: no request went without a good developer token');

# ---- secrets

my $given = control('secrets');
push @secrets, $given =~ /"((?:access|refresh|code|page)-[^"]+)"/g;
my %secret = map { $_ => 1 } grep { length > 6 } @secrets;
my $log = slurp_file($node->logfile);
my $dump = qx(pg_dump -h @{[$node->host]} -p @{[$node->port]} postgres);
cmp_ok(scalar keys %secret, '>', 100, 'many secrets were used');
is(scalar(grep { index($dump, $_) >= 0 } keys %secret), 0, 'none is in a table');
is(join(' ', grep { index($log, $_) >= 0 } keys %secret), '', 'none is in the log, errors of statements that held one included');
$views .= sql($statements);
is(join(' ', grep { index($views, $_) >= 0 } keys %secret), '', 'none is in pg_stat_statements or pg_stat_activity');
like($views, qr/complete_authorization/, 'which were looked at');
like($dump, qr/COPY dreamsuite\.account_secrets .*\n[0-9a-f-]{36}\t/, 'the tables were looked at');

done_testing();
