# As PostgREST does it: one login that may do nothing, SET LOCAL ROLE and the claims of the request in each transaction.
# An artist connects, the service collects, the artist reads; nobody else does.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my $base = start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '3');
my $node = new_node('roles');
set_now($node, '2026-03-01T06:00:00Z');
my ($ann, $bob) = (user_id(1), user_id(2));

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE authenticator LOGIN NOINHERIT;
CREATE ROLE anon;
CREATE ROLE authenticated;
CREATE ROLE service_role;
GRANT anon, authenticated, service_role TO authenticator;
SELECT dreamsuite.grant_access('authenticated');
SELECT dreamsuite.grant_access('service_role', all_users => true);
SQL

# One request; its answer, or the error and its hint
sub request
{
	my ($role, $sub, $sql) = @_;
	my $claims = $sub ? qq({"sub": "$sub", "role": "$role"}) : qq({"role": "$role"});
	my ($code, $out, $err) = $node->psql(
		'postgres',
		"BEGIN;\nSELECT set_config('request.jwt.claims', '$claims', true), set_config('search_path', 'dreamsuite, public', true);\nSET LOCAL ROLE $role;\n$sql;\nCOMMIT;",
		extra_params => [ '-U', 'authenticator' ]);

	return $code == 0 ? $out =~ s/^.*\n?//r : $err;
}

# The operator registers an app through the service's role, and nobody else does
like(request('authenticated', $ann, "SELECT register_app('spotify', 'c', 's', 'https://example.org')"), qr/permission denied for function register_app/, 'an artist registers no app');
is(request('service_role', undef, "SELECT register_app('tiktok', 'client-of-the-operator', 'secret-of-the-operator', 'https://example.org/callback')"), '', 'the service does');

# The artist connects by consent
like(request('anon', undef, "SELECT authorize_url('tiktok')"), qr/function authorize_url\(unknown\) does not exist/, 'nobody begins without signing in');
my $url = request('authenticated', $ann, "SELECT authorize_url('tiktok')");
like($url, qr{^https://www\.tiktok\.com/}, 'the artist gets the page of consent');
my ($rest) = $url =~ m{^https://(.*)$};
my $head = qx(curl -s -o /dev/null -D - '$base/$rest');
my ($state) = $head =~ /[?&]state=([^&\s]*)/;
my ($code) = $head =~ /[?&]code=([^&\s]*)/;
like(request('authenticated', $bob, "SELECT complete_authorization('$state', '$code')"), qr/the state belongs to another user/, 'somebody else does not end what the artist began');
is(request('authenticated', $ann, "SELECT complete_authorization('$state', '$code')"), '', 'the artist does');
ok(eventually($node, "SELECT status FROM dreamsuite.accounts WHERE user_id = '$ann'", 'active'), 'and the account is active');
like(request('authenticated', $ann, "SELECT connect_account('$ann', 'deezer', '4711')"), qr/permission denied for function connect_account/, 'accounts without a consent are made by the service');
is(request('service_role', undef, "SELECT connect_account(u, 'deezer', '4711') FROM unnest('{$ann,$bob}'::uuid[]) AS u"), "\n", 'which makes them');

# The service collects
sub collect_as
{
	my ($role, $arguments) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "SET ROLE $role;\nCALL dreamsuite.collect($arguments)", timeout => 60, extra_params => [ '-U', 'authenticator' ]);

	return $err;
}
like(collect_as('authenticated', "'$ann'"), qr/permission denied for procedure collect/, 'an artist does not run the collector');
set_now($node, '2026-03-02T06:00:00Z');
like(collect_as('service_role', ''), qr/3 of 3 accounts collected/, 'the service does');
like(request('service_role', undef, 'SELECT collect_due()'), qr/^\d+$/, 'and wakes it for what is due');
like(request('service_role', undef, "SELECT string_agg(item, ' ') FROM status()"), qr/version.*collector.*accounts: active/, 'and asks how things are');
like(request('service_role', undef, "SELECT value FROM status() WHERE item = 'collector'"), qr/^(running as process \d+ since|not running)/, 'whether a collector runs, too');
like(request('service_role', undef, "SELECT schedule_collection()"), qr/pg_cron is not installed/, 'schedules are its business');
like(request('service_role', undef, 'SELECT rotate_keys()'), qr/permission denied for function rotate_keys/, 'keys are not');
like(request('service_role', undef, 'SELECT access_token FROM account_secrets'), qr/permission denied for table account_secrets/, 'and secrets are nobody\'s');

# Everyone reads what is theirs
is(request('authenticated', $ann, 'SELECT DISTINCT user_id FROM daily_metrics'), $ann, 'rows');
is(request('authenticated', $bob, 'SELECT DISTINCT user_id FROM growth()'), $bob, 'growth');
is(request('authenticated', $bob, "SELECT count(*) FROM growth('$ann')"), '0', 'of nobody else');
like(request('authenticated', $ann, 'SELECT count(*) FROM tiktok_daily'),
	$node->safe_psql('postgres', 'SHOW server_version_num') >= 150000 ? qr/^2$/ : qr/permission denied for view/, 'views, or none on PostgreSQL 14');
is(request('service_role', undef, 'SELECT count(DISTINCT user_id) FROM deezer_daily'), '2', 'the service reads all');
like(request('anon', undef, 'SELECT count(*) FROM platforms'), qr/relation "platforms" does not exist/, 'and who is not signed in nothing');

# Everyone writes what is theirs
is(request('authenticated', $ann, "SELECT record_metrics('$ann', 'amazon_music', '2026-03-01', '{\"playlist_placements\": 3}')"), '', 'numbers by hand');
like(request('authenticated', $bob, "SELECT record_metrics('$ann', 'amazon_music', '2026-03-01', '{\"playlist_placements\": 3}')"),
	qr/permission denied for user "$ann".*The request speaks for user "$bob".*HINT/s, 'for nobody else');
like(request('authenticated', $ann, "INSERT INTO daily_metrics (user_id, platform, date, metrics) VALUES ('$ann', 'deezer', '2026-01-01', '{}')"), qr/permission denied for table daily_metrics/, 'through functions alone');
is(request('authenticated', $ann, "SELECT pause_account('$ann', 'deezer')"), '', 'an account is paused');
is(request('authenticated', $ann, "SELECT status FROM accounts WHERE platform = 'deezer'"), 'paused', 'which its owner sees');
is(request('authenticated', $ann, "SELECT resume_account('$ann', 'deezer')"), '', 'resumed');
like(request('authenticated', $bob, "SELECT disconnect_account('$ann', 'tiktok')"), qr/permission denied for user/, 'not disconnected by somebody else');
is(request('authenticated', $ann, "SELECT disconnect_account('$ann', 'tiktok')"), '', 'but by its owner');
is($node->safe_psql('postgres', "SELECT count(*) FROM dreamsuite.account_secrets WHERE user_id = '$ann'"), '0', 'with its tokens');
like(request('authenticated', $ann, "SELECT forget_user('$ann')"), qr/permission denied for function forget_user/, 'to be forgotten is asked of the service');
like(request('service_role', undef, "SELECT forget_user('$ann')"), qr/^\d+$/, 'which forgets');

# Whoever may send SQL can take any advisory lock that SQL knows, but not the collector's
ok(eventually($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'", '0', 30), 'no collector runs');
set_now($node, '2026-03-09T06:00:00Z');
my ($code, $out, $err) = $node->psql('postgres', 'SELECT pg_advisory_lock(1685217619, 1), pg_advisory_lock((1685217619::bigint << 32) + 1); CALL dreamsuite.collect()', timeout => 60);
like($err, qr/([1-9]\d*) of \1 accounts collected/, 'locks of a session keep no collector away');

$node->stop;
done_testing();
