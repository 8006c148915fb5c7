# What token endpoints may say beyond what was recorded: refusals in every dialect, odd lifetimes and scopes, tokens with escapes;
# what becomes of an account whose token was not to be had; and a database that refuses to keep a new token.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use DreamSuite;

my $probe = $ENV{TOKEN_PROBE};
plan skip_all => 'TOKEN_PROBE does not name the library of test/modules/token_probe' unless $probe;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('token_answers', 'log_statement = none');
$node->safe_psql('postgres', "CREATE FUNCTION probe_tokens(text, text, int, text, jsonb) RETURNS jsonb AS '$probe' LANGUAGE C STRICT");

# reads(PLATFORM, PURPOSE, STATUS, BODY, EXPECTED, NAME [, FIELDS]): the fields of what is read, "~" for null
sub reads
{
	my ($platform, $purpose, $status, $body, $expected, $name, $fields) = @_;
	my $list = join(', ', map { "coalesce(t->>'$_', '~')" } split / /, $fields // 'error_class message');

	is($node->safe_psql('postgres', "SELECT concat_ws('|', $list) FROM probe_tokens('$platform', '$purpose', $status, \$b\$$body\$b\$, '{}') AS t"),
		$expected, $name);
	return;
}

# ---- refusals by the words of RFC 6749

my %codes = (invalid_grant => 'auth_revoked', access_denied => 'auth_revoked', admin_policy_enforced => 'auth_revoked', invalid_client => 'operator',
	unauthorized_client => 'operator', invalid_request => 'operator', redirect_uri_mismatch => 'operator', temporarily_unavailable => 'server_error',
	slow_down => 'rate_limited');
reads('spotify', 'renewal', 400, qq({"error": "$_", "error_description": "so it is"}), "$codes{$_}|$_ (so it is)", "$_ is $codes{$_}")
  foreach sort keys %codes;
reads('spotify', 'renewal', 400, '{"error": "something_new"}', 'bad_response|something_new', 'a word that nobody knows ends no consent');
reads('spotify', 'renewal', 400, '{"error": "something_new", "error_description": ""}', 'bad_response|something_new', 'nor does one without a description');
reads('spotify', 'renewal', 401, '{"error": "something_new"}', 'operator|something_new', 'with 401 it is the app that is refused');
reads('spotify', 'renewal', 401, '{}', 'operator|HTTP 401', 'so it is where nothing is said');
reads('spotify', 'renewal', 503, '{"error": "invalid_grant"}', 'server_error', 'a server in trouble is not believed', 'error_class');
reads('spotify', 'renewal', 429, '{"error": "invalid_grant"}', 'rate_limited', 'nor one that is asked too much', 'error_class');
reads('spotify', 'renewal', 400, '{"access_token": "abcdef", "error": "invalid_grant"}', 'auth_revoked|~', 'a token in a refusal is none', 'error_class access_token');
reads('spotify', 'renewal', 200, '<html>Please log in</html>', 'server_error|the answer is not JSON', 'a page in between is worth another try');

reads('twitter', 'renewal', 400, '{"error": "invalid_request", "error_description": "Value passed for the token was invalid."}', 'auth_revoked', 'X: a dead token', 'error_class');
reads('twitter', 'code', 400, '{"error": "invalid_request", "error_description": "Value passed for the authorization code was invalid."}',
	'auth_revoked', 'X: a dead code, which is not for the operator', 'error_class');
reads('twitter', 'code', 400, '{"error": "invalid_request", "error_description": "Value passed for the redirect uri did not match the uri of the authorization code."}',
	'operator', 'X: another redirect address, which is', 'error_class');

# ---- Meta's object

sub meta { my ($members) = @_; return qq({"error": {"message": "because", $members}}); }
reads('facebook', 'renewal', 400, meta('"code": 190'), 'auth_revoked|because', 'Meta: 190 ends the consent');
reads('facebook', 'renewal', 400, meta("\"code\": $_"), 'rate_limited|because', "Meta: $_ is a limit") foreach 4, 17, 32, 341, 368, 613, 80002;
reads('facebook', 'renewal', 400, meta('"code": 2'), 'server_error|because', 'Meta: 2 is trouble of its own');
reads('facebook', 'renewal', 400, meta('"code": 1, "is_transient": true'), 'server_error|because', 'Meta: so is 1 that passes');
reads('facebook', 'renewal', 400, meta('"code": 1, "is_transient": false'), 'operator|because', 'Meta: 1 that stays is for the operator');
reads('facebook', 'renewal', 400, meta('"code": 101'), 'operator|because', 'Meta: so is an app that it does not know');
reads('facebook', 'renewal', 400, '{"error": {"message": "Error validating client secret.", "code": 1, "is_transient": true}}',
	'operator', 'Meta: so is a wrong secret', 'error_class');
reads('youtube', 'renewal', 400, meta('"code": 190'), 'bad_response', 'the same object of another platform ends no consent', 'error_class');
reads('instagram', 'code', 400, '{"error_type": "OAuthException", "code": 400, "error_message": "Matching code was not found or was already used"}',
	'auth_revoked|Matching code was not found or was already used', 'the old object of Instagram');

# ---- Deezer's plain words, in bytes that may be anything

reads('deezer', 'code', 200, 'wrong code', 'auth_revoked|wrong code', 'plain words refuse a code');
reads('deezer', 'code', 200, 'wrong cöde', 'auth_revoked|wrong c??de', 'what is not ASCII does not get into the ledger');
reads('deezer', 'code', 200, '!', 'server_error|the answer is not JSON', 'a mark is no refusal');
reads('spotify', 'code', 200, 'wrong code', 'server_error|the answer is not JSON', 'nor are words where JSON was asked for');

# ---- lifetimes

sub lives { my ($platform, $purpose, $members, $expected, $name) = @_; reads($platform, $purpose, 200, qq({"access_token": "abcdef"$members}), $expected, $name, 'lifetime refresh_lifetime'); return; }
lives('spotify', 'renewal', ', "expires_in": 1800', '1800|0', 'a lifetime');
lives('spotify', 'renewal', ', "expires_in": "1800"', '1800|0', 'in a string');
lives('spotify', 'renewal', '', '3600|0', 'none told: that of the platform');
lives('spotify', 'renewal', ', "expires_in": -5', '3600|0', 'one that cannot be is none');
lives('spotify', 'renewal', ', "expires_in": null', '3600|0', 'nor is null');
lives('spotify', 'renewal', ', "expires_in": 9000000000000000000', '3153600000|0', 'one beyond the calendar is a hundred years');
lives('deezer', 'code', ', "expires": 600', '600|0', 'by the name that Deezer gives it');
lives('facebook', 'code', '', '3600|0', 'Meta: what comes for a code is short-lived');
lives('tiktok', 'renewal', ', "expires_in": 86400, "refresh_expires_in": 31536000', '86400|31536000', 'that of the refresh token');
lives('youtube', 'code', ', "expires_in": 3599, "refresh_token_expires_in": 604799', '3599|604799', 'by the name that Google gives it');

# ---- scopes and wrappings

sub scoped { my ($members, $expected, $name) = @_; reads('youtube', 'code', 200, qq({"access_token": "abcdef"$members}), $expected, $name, 'scopes'); return; }
scoped('', '~', 'scopes that are not told are not known');
scoped(', "scope": ""', '', 'none given is another thing');
scoped(', "scope": "a b,c  d"', 'a b c d', 'blanks or commas are between them');
scoped(', "scope": ["a", "b"]', 'a b', 'or they are a list');
reads('instagram', 'code', 200, '{"data": [{"access_token": "abcdef"}]}', 'ok|abcdef', 'a token in a list', 'error_class access_token');

# ---- the text of a token

sub token { my ($text, $expected, $name) = @_; reads('spotify', 'renewal', 200, qq({"access_token" : "$text", "refresh_token":"zyxwvu"}), $expected, $name, 'access_token refresh_token'); return; }
token('a\\/b\\"c\\\\d', 'a/b"c\\d|zyxwvu', 'escapes are undone');
token('\\u0041\\u007a\\u002D', 'Az-|zyxwvu', 'those by number too');
token('a\\u00e9b', '~|~', 'a token of other characters is none');
token($_, '~|~', "\"$_\" is no token") foreach 'a\\nb', 'a b', 'aé', '', 'x', '\\uZZZZab', 'ab\\u00';
reads('spotify', 'renewal', 200, '{"access_token": "abc', 'server_error|~', 'one that was cut off is none', 'error_class access_token');
reads('spotify', 'renewal', 200, '{"access_token": "abc\\', 'server_error|~', 'not even behind a backslash', 'error_class access_token');
reads('spotify', 'renewal', 200, '{"access_token"', 'server_error|~', 'nor its name alone', 'error_class access_token');
reads('spotify', 'renewal', 200, '{"access_token": 123456}', 'bad_response|an answer without a token', 'a number is no token');
reads('spotify', 'renewal', 200, '{"note": "\\"access_token\\": \\"in a text\\"", "access_token": "abcdef", "id_token": "of.no.use"}', 'ok|abcdef',
	'what stands in a text is text', 'error_class access_token');

# ---- a database that refuses to keep a new token: the account waits, the others do not

my @users = map { user_id($_) } 1 .. 12;
sub sql { return $node->safe_psql('postgres', "SET log_statement = none; " . shift); }
set_now($node, '2026-03-01T06:00:00Z');
my $ends = '2026-03-01 06:01Z';
my %refresh;
foreach my $platform (qw(spotify youtube))
{
	sql("SELECT dreamsuite.register_app('$platform', 'client-$platform', 'secret-of-$platform', 'https://app.example/back')");
	control('clients', qq({"platform": "$platform", "client_id": "client-$platform", "client_secret": "secret-of-$platform"}));
	foreach my $user (@users)
	{
		my $tokens = control('issue', qq({"platform": "$platform", "artist": "4711", "client_id": "client-$platform", "life": 60}));
		my ($access) = $tokens =~ /"access_token": ?"([^"]*)"/;
		my ($refresh) = $tokens =~ /"refresh_token": ?"([^"]*)"/;

		$refresh{"$user $platform"} = $refresh;
		sql("SELECT dreamsuite.connect_account('$user', '$platform', access_token => '$access', refresh_token => '$refresh', expires_at => '$ends')");
	}
}
my $refused = $users[5];
my $its = "platform = 'spotify' AND user_id = '$refused'";
sub outcomes
{
	my ($of) = @_;

	return sql("SELECT DISTINCT s.last_outcome, s.last_error_class, a.status FROM dreamsuite.account_state s JOIN dreamsuite.accounts a USING (user_id, platform) WHERE $of");
}

sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk of secrets is full'; END $$;
	CREATE TRIGGER refuse BEFORE UPDATE ON dreamsuite.account_secrets FOR EACH ROW WHEN (NEW.platform = 'spotify' AND NEW.user_id = '} . $refused . q{') EXECUTE FUNCTION refuse()});
my $said = collect($node);
like($said, qr/new tokens could not be kept: the disk of secrets is full/, 'whoever asked for the run is told');
is(outcomes($its), 'failed|operator|active', 'the run fails, the consent stays');
is(outcomes("NOT ($its)"), 'ok||active', 'tokens that came at the same time are kept');
is(sql("SELECT string_agg(platform || ' ' || user_id, ' ') FROM dreamsuite.account_secrets WHERE expires_at = '$ends'"), "spotify $refused", 'row by row');
my $log = slurp_file($node->logfile);
like($log, qr/WARNING:  could not keep new tokens of platform "spotify": the disk of secrets is full.*HINT:  If the account is refused from now on, its artist must authorise again/s,
	'the log says what may follow');
unlike($log, qr/\Q$refresh{"$refused spotify"}\E/, 'and no token');
sql('DROP TRIGGER refuse ON dreamsuite.account_secrets');
set_now($node, '2026-03-02T06:00:00Z');
collect($node);
is(outcomes('true'), 'ok||active', 'when the database takes it again the account goes on by itself');

# ---- what becomes of an account whose token was not to be had

sql("SELECT dreamsuite.forget_user('$_')") foreach @users;
set_now($node, '2026-03-03T06:00:00Z');

# app(PLATFORM [, SECRET]): the operator registers it, with a secret that the platform takes or another one
sub app
{
	my ($platform, $secret) = @_;

	$secret //= "secret-of-$platform";
	sql("SELECT dreamsuite.register_app('$platform', 'client-$platform', '$secret', 'https://app.example/back')");
	return;
}

# agreed(PLATFORM, USER): the artist consents, and the code is handed over
sub agreed
{
	my ($platform, $user) = @_;
	my ($state, $code) = consent(sql("SELECT dreamsuite.authorize_url('$platform', '$user')"));

	sql("SELECT dreamsuite.complete_authorization('$state', '$code')");
	return;
}

# held(PLATFORM, USER, LIFE [, refresh => 1] [, told => 0]): connects with an access token that lives so many seconds, and with one
# that renews it; whether its end is told
sub held
{
	my ($platform, $user, $life, %with) = @_;
	my $tokens = control('issue', qq({"platform": "$platform", "artist": "4711", "client_id": "client-$platform", "life": $life}));
	my %token = $tokens =~ /"(access|refresh)_token": ?"([^"]*)"/g;
	my $refresh = $with{refresh} ? ", refresh_token => '$token{refresh}'" : '';
	my $ends = $with{told} // 1 ? ", expires_at => dreamsuite.calendar_now() + interval '$life s'" : '';

	sql("SELECT dreamsuite.connect_account('$user', '$platform', access_token => '$token{access}'$refresh$ends)");
	return \%token;
}

sub of { my ($platform, $user) = @_; return "platform = '$platform' AND user_id = '$user'"; }

# becomes(PLATFORM, USER, EXPECTED, NAME [, COLUMNS]): the account and its state, in time
sub becomes
{
	my ($platform, $user, $expected, $name, $columns) = @_;

	$columns //= 'a.status, s.last_error_class';
	return ok(eventually($node, "SELECT $columns FROM dreamsuite.accounts a JOIN dreamsuite.account_state s USING (user_id, platform) WHERE " . of($platform, $user)
				. ' AND s.lease_token IS NULL', $expected), $name);
}
sub reason { my ($platform, $user) = @_; return sql('SELECT status_reason FROM dreamsuite.accounts WHERE ' . of($platform, $user)); }
sub error { my ($platform, $user) = @_; return sql('SELECT last_error FROM dreamsuite.account_state WHERE ' . of($platform, $user)); }

app($_), control('clients', qq({"platform": "$_", "client_id": "client-$_", "client_secret": "secret-of-$_"})) foreach qw(tiktok soundcloud);
my ($ann, $bob, $cid) = map { user_id($_) } 21 .. 23;

# a code
control('faults', '[{"kind": "429", "host": "accounts.spotify.com", "path": "/api/token", "retry_after": 300, "times": 1}]');
agreed('spotify', $ann);
becomes('spotify', $ann, 'pending|rate_limited|00:05:00|f', 'a code that may not be exchanged yet waits for the time that the platform named',
	'a.status, s.last_error_class, s.blocked_until - dreamsuite.calendar_now(), s.done_on IS NOT NULL');
like(error('spotify', $ann), qr/^the code could not be exchanged: /, 'and says so');
set_now($node, '2026-03-03T06:05:00Z');
becomes('spotify', $ann, 'active|', 'then it is exchanged');

control('faults', '[{"kind": "5xx", "host": "oauth2.googleapis.com", "times": 3}]');
control('stats', '{}');
agreed('youtube', $cid);
becomes('youtube', $cid, 'pending|server_error|1', 'so does one whose platform is in trouble', 'a.status, s.last_error_class, s.attempts');
is(simulator_stats('POST oauth2.googleapis.com/token'), 3, 'after three tries');
set_now($node, '2026-03-03T06:06:01Z');
becomes('youtube', $cid, 'active|', 'a minute later it is exchanged');

agreed('tiktok', $ann);
becomes('tiktok', $ann, 'active|', 'an account is connected');
my $tokens = sql('SELECT md5(access_token) FROM dreamsuite.account_secrets WHERE ' . of('tiktok', $ann));
control('consent', '{"platform": "tiktok", "artist": "4712"}');
agreed('tiktok', $ann);
becomes('tiktok', $ann, 'active|auth_revoked', 'who consents with another account of the platform');
like(reason('tiktok', $ann), qr/another account of the platform consented/, 'is told');
is(sql('SELECT md5(access_token) FROM dreamsuite.account_secrets WHERE ' . of('tiktok', $ann)), $tokens, 'and the tokens stay those of the account that is connected');
control('consent', '{"platform": "tiktok", "artist": "4711"}');
sql("SELECT dreamsuite.connect_account('$bob', 'tiktok', (SELECT external_id FROM dreamsuite.accounts WHERE " . of('tiktok', $ann) . '))');
control('consent', '{"platform": "tiktok", "artist": "4712"}');
agreed('tiktok', $bob);
becomes('tiktok', $bob, 'failed|auth_revoked', 'without tokens that are held the authorisation fails');
control('consent', '{"platform": "tiktok", "artist": "4711"}');

my ($state, $code) = consent(sql("SELECT dreamsuite.authorize_url('soundcloud', '$ann')"));
sql("DELETE FROM dreamsuite.apps WHERE platform = 'soundcloud'");
sql("SELECT dreamsuite.complete_authorization('$state', '$code')");
becomes('soundcloud', $ann, 'failed|operator', 'a code of an app that is registered no more fails');
like(reason('soundcloud', $ann), qr/no app is registered any more: see register_app/, 'and names the way out');

# a token that has ended
held('soundcloud', $bob, 60);
held('soundcloud', $cid, 60, refresh => 1);
set_now($node, '2026-03-03T07:00:00Z');
control('stats', '{}');
collect($node, "'$_', 'soundcloud'") foreach $bob, $cid;
becomes('soundcloud', $bob, 'needs_reauth|auth_revoked|the token has ended', 'one that nothing renews needs a new consent', 'a.status, s.last_error_class, a.status_reason');
becomes('soundcloud', $cid, 'active|operator', 'one that an app could renew waits for its operator');
like(error('soundcloud', $cid), qr/no app is registered to renew it: see register_app/, 'and says so');
is(simulator_stats('total'), 0, 'the platform is not asked');
app('soundcloud');
sql('SELECT dreamsuite.collect_due()');
becomes('soundcloud', $cid, 'active|', 'when the app is registered the account goes on by itself');

my $token = held('youtube', $ann, 60, refresh => 1);
control('revoke', qq({"platform": "youtube", "token": "$token->{refresh}"}));
set_now($node, '2026-03-03T08:00:00Z');
collect($node, "'$ann', 'youtube'");
becomes('youtube', $ann, 'needs_reauth|auth_revoked', 'one whose consent was withdrawn needs a new one');
like(reason('youtube', $ann), qr/^the token could not be renewed: /, 'and says why');
control('faults', '[{"kind": "429", "host": "oauth2.googleapis.com", "retry_after": 900, "times": 1}]');
held('youtube', $bob, 60, refresh => 1);
set_now($node, '2026-03-03T08:02:00Z');
collect($node, "'$bob', 'youtube'");
becomes('youtube', $bob, 'active|rate_limited|00:15:00', 'a renewal waits for the time that the platform named',
	'a.status, s.last_error_class, s.blocked_until - dreamsuite.calendar_now()');
set_now($node, '2026-03-03T08:17:00Z');
becomes('youtube', $bob, 'active|', 'and follows then');

# no other token than the one that renews
sql("SELECT dreamsuite.connect_account('$cid', 'spotify', refresh_token => 'ref-spotify-4711')");
collect($node, "'$cid', 'spotify'");
becomes('spotify', $cid, 'active|ok|', 'a refresh token is enough to connect', 'a.status, s.last_outcome, s.last_error_class');
is(sql("SELECT count(*) FROM dreamsuite.request_log WHERE error_class <> 'ok' AND " . of('spotify', $cid)), '0', 'nothing is asked without the other');

# an app that the platform refuses
my @many = map { user_id($_) } 41 .. 45;
sub status_of { return sql("SELECT hint FROM dreamsuite.status() WHERE item = 'paused: $_[0]'"); }
sub ended
{
	held('youtube', $_[0], 60, refresh => 1);
	sql("UPDATE dreamsuite.account_secrets SET expires_at = dreamsuite.calendar_now() WHERE user_id = '$_[0]'");
	return;
}
app('youtube', 'not-the-secret');
foreach (@many[ 0, 1, 2 ])
{
	is(status_of('youtube'), '', 'a platform may be wrong once, or twice');
	ended($_);
	collect($node, "'$_', 'youtube'");
	becomes('youtube', $_, 'active|operator', 'an account of an app that is refused waits');
}
like(status_of('youtube'), qr/^the token could not be renewed: invalid_client/, 'status() says why, when three were refused one after the other');
ended($_) foreach @many[ 3, 4 ];
like(collect($node, "'$many[3]', 'youtube'"), qr/is not asked before 2026-03-03 09:17.*invalid_client/s, 'and all others of the app wait');
is(sql("SELECT count(*) FROM dreamsuite.request_log WHERE user_id = '$many[3]'"), '0', 'which need not find out');
control('faults', '[{"kind": "answer", "status": 400, "host": "oauth2.googleapis.com", "body": "{\\"error\\": \\"invalid_request\\"}", "times": 1}]');
app('youtube');
sql('SELECT dreamsuite.collect_due()');
ok(eventually($node, "SELECT string_agg(s.last_outcome || coalesce(' ' || s.last_error_class, ''), ', ' ORDER BY s.last_outcome) FROM dreamsuite.account_state s"
		. " WHERE user_id = ANY ('{@{[ join ',', @many ]}}') AND lease_token IS NULL", 'failed operator, ok, ok, ok, ok'), 'what may be about one token holds up no other account');
is(status_of('youtube'), '', 'nor the app');

# a refusal of the token before, which comes late
held('spotify', $bob, 60, refresh => 1, told => 0);
control('faults', '[{"kind": "delay", "seconds": 1, "host": "api.spotify.com", "path": "/v1/me/playlists", "times": 1}]');
set_now($node, '2026-03-03T09:00:00Z');
collect($node, "'$bob', 'spotify'");
becomes('spotify', $bob, 'active|', 'a late refusal of the old token does not count against the new one');
is(sql("SELECT count(*) FILTER (WHERE endpoint = 'refresh'), count(*) FILTER (WHERE endpoint = 'playlists' AND error_class = 'auth_expired') FROM dreamsuite.request_log WHERE " . of('spotify', $bob)),
	'1|1', 'which is asked for once');
control('faults', '[]');

# the Pages of the person
sub pages_go_wrong { my ($user, $fault) = @_; control('faults', "[{$fault}]"); agreed('facebook', $user); return; }
app('facebook');
set_now($node, '2026-03-03T10:00:00Z');
pages_go_wrong($ann, '"kind": "5xx", "path": "/me/accounts", "times": 1');
becomes('facebook', $ann, 'pending|server_error|1', 'Pages that cannot be listed for trouble of the platform are asked for again', 'a.status, s.last_error_class, s.attempts');
like(error('facebook', $ann), qr/^the Pages could not be listed: /, 'and the reason is told');
set_now($node, '2026-03-03T10:01:01Z');
becomes('facebook', $ann, 'active|', 'without another consent');
pages_go_wrong($bob, '"kind": "429", "path": "/me/accounts", "retry_after": 600, "times": 1');
becomes('facebook', $bob, 'pending|rate_limited|00:10:00', 'those that may not be listed yet wait for the time that the platform named',
	'a.status, s.last_error_class, s.blocked_until - dreamsuite.calendar_now()');
set_now($node, '2026-03-03T10:11:01Z');
becomes('facebook', $bob, 'active|', 'and follow then');
pages_go_wrong($cid, '"kind": "401", "path": "/me/accounts", "times": 1');
becomes('facebook', $cid, 'needs_reauth|auth_revoked', 'a consent that ended before they were listed needs a new one');
pages_go_wrong($cid, '"kind": "answer", "path": "/me/accounts", "status": 401, "body": "Unauthorized", "times": 1');
becomes('facebook', $cid, 'pending|server_error', 'a refusal that is not Meta\'s ends none');
pages_go_wrong($cid, '"kind": "answer", "path": "/me/accounts", "status": 400, "times": 1,'
	  . ' "body": "{\\"error\\": {\\"message\\": \\"Invalid appsecret_proof provided in the API argument\\", \\"code\\": 100}}"');
becomes('facebook', $cid, 'pending|operator', 'a proof that is refused is the operator\'s to mend');
like(status_of('facebook'), qr/^the Pages could not be listed: Invalid appsecret_proof/, 'as status() says');
app('facebook');
pages_go_wrong($cid, '"kind": "answer", "path": "/me/accounts", "body": "{\\"data\\": [{\\"id\\": \\"812\\", \\"name\\": \\"A Page\\"}]}"');
becomes('facebook', $cid, 'failed|the consent gives no token of the Page 812', 'a Page whose token does not come cannot be collected', 'a.status, a.status_reason');
pages_go_wrong($cid, '"kind": "5xx", "path": "/me/permissions"');
becomes('facebook', $cid, 'active||5', 'where the permissions are not told, those asked for count as given', 'a.status, s.last_error_class, cardinality(a.granted_scopes)');

# tokens of the app itself
control('faults', '[]');
foreach my $platform (qw(tidal apple_music))
{
	my $early = user_id(34);

	sql("SELECT dreamsuite.connect_account('$early', '$platform', '4711')");
	collect($node, "'$early', '$platform'");
	becomes($platform, $early, 'active|operator', "$platform: public data that need an app's token wait for an operator who registers one");
	like(status_of($platform), qr/^no app is registered: see register_app\(\)/, 'as status() says');
	sql("SELECT dreamsuite.forget_user('$early')");
}
control('clients', '{"platform": "tidal", "client_id": "client-tidal", "client_secret": "secret-of-tidal"}');
app('tidal', 'not-the-secret');
held('tidal', $bob, 3600, refresh => 1);
like(collect($node, "'$bob', 'tidal'"), qr/tidal of user $bob: not_found, nothing says whose numbers to ask for: name the artist as external_id/, 'a run in which nothing can be asked says so');
sql("SELECT dreamsuite.connect_account('$bob', 'tidal', '4711')");
collect($node, "'$bob', 'tidal'");
becomes('tidal', $bob, 'active|ok|', 'where the app gets no token the one of the artist serves', 'a.status, s.last_outcome, s.last_error_class');
sql("SELECT dreamsuite.connect_account('$_', 'tidal', '4711')") foreach $ann, $cid;
collect($node, "platform => 'tidal'");
becomes('tidal', $_, 'active|operator', 'without one the account waits for its operator') foreach $ann, $cid;
like(sql("SELECT hint FROM dreamsuite.status() WHERE item = 'paused: tidal'"), qr/^the app got no token: invalid_client/, 'and status() says why');
app('tidal');
control('faults', '[{"kind": "5xx", "host": "auth.tidal.com", "times": 1}]');
sql('SELECT dreamsuite.collect_due()');
becomes('tidal', $ann, 'active|server_error', 'trouble of the token server is no fault of the app');
set_now($node, '2026-03-03T10:13:00Z');
becomes('tidal', $_, 'active|', 'when it has passed the account is collected') foreach $ann, $cid;
is(sql("SELECT count(*) FROM dreamsuite.request_log WHERE platform = 'tidal' AND endpoint = 'token' AND error_class = 'ok'"), '1', 'one token serves all');
set_now($node, '2026-03-04T06:00:00Z');
collect($node, "'$bob', 'tidal'");
becomes('tidal', $bob, 'active|ok|', 'and an artist whose own has ended', 'a.status, s.last_outcome, s.last_error_class');
is(sql("SELECT count(*) FROM dreamsuite.request_log WHERE endpoint = 'refresh' AND " . of('tidal', $bob)), '0', 'which is not renewed where nothing needs it');

# an account that goes, or is connected anew, while its token is on its way
my $endpoint = 'POST open.tiktokapis.com/v2/oauth/token/';
my $revoked = 'POST open.tiktokapis.com/v2/oauth/revoke/';

# meanwhile(SQL): when the platform has been asked for a token, which it takes its time to give
sub meanwhile
{
	my ($sql) = @_;

	sleep 0.05 until simulator_stats($endpoint);
	sql($sql);
	return;
}
control('faults', '[{"kind": "delay", "seconds": 1, "host": "open.tiktokapis.com", "path": "/oauth/token"}]');
foreach my $way (qw(code renewal))
{
	my $leaver = user_id(35);

	control('stats', '{}');
	if ($way eq 'code')
	{
		agreed('tiktok', $leaver);
	}
	else
	{
		held('tiktok', $leaver, 60, refresh => 1);
		sql("UPDATE dreamsuite.account_secrets SET expires_at = dreamsuite.calendar_now() WHERE user_id = '$leaver'; SELECT dreamsuite.collect_due()");
	}
	meanwhile("SELECT dreamsuite.disconnect_account('$leaver', 'tiktok')");
	my $wanted = $way eq 'code' ? 1 : 2;
	for (1 .. 100) { last if simulator_stats($revoked) >= $wanted; sleep 0.05; }
	is(simulator_stats($revoked), $wanted, "$way: the token that comes then is revoked at the platform");
	is(sql("SELECT count(*) FROM dreamsuite.account_secrets WHERE user_id = '$leaver'"), '0', "$way: and kept nowhere");
}
my $back = user_id(36);
held('tiktok', $back, 60, refresh => 1);
sql("UPDATE dreamsuite.account_secrets SET expires_at = dreamsuite.calendar_now() WHERE user_id = '$back'");
control('stats', '{}');
sql('SELECT dreamsuite.collect_due()');
meanwhile("SELECT dreamsuite.connect_account('$back', 'tiktok', access_token => 'tok-tiktok-4711', refresh_token => 'ref-tiktok-4711')");
my $newer = sql('SELECT md5(access_token) FROM dreamsuite.account_secrets WHERE ' . of('tiktok', $back));
ok(eventually($node, "SELECT count(*) FROM dreamsuite.request_log WHERE endpoint = 'refresh' AND user_id = '$back'", '1'), 'an account is connected anew');
is(sql('SELECT md5(access_token) FROM dreamsuite.account_secrets WHERE ' . of('tiktok', $back)), $newer, 'the token that it was given stays');

$node->stop;
done_testing();
