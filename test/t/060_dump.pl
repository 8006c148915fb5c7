# Dumped and restored, plain, custom and in parallel jobs, or taken over by pg_upgrade: every row, sequence, grant and
# policy is there, and with the keyring file beside it the next day is collected as if nothing had happened. Without the
# file the error names the key, and connecting again is the way on.

use strict;
use warnings;

use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '3');
my $cron = -e qx(pg_config --pkglibdir | tr -d '\\n') . '/pg_cron.so';
my @settings = ("timezone = 'UTC'", 'dreamsuite.request_timeout = 20s');
push @settings, "shared_preload_libraries = 'pg_cron'", "cron.database_name = 'postgres'" if $cron;
my $source = new_node('source', @settings);
my ($ann, $bob) = (user_id(1), user_id(2));

# ---- A database full of everything

sub run_days
{
	my ($node, @days) = @_;

	foreach my $day (@days)
	{
		set_now($node, "${day}T06:00:00Z");
		collect($node);
	}
	return;
}

# The same, of another database of the node
sub collect_in
{
	my ($node, $database) = @_;
	my ($code, $out, $err) = $node->psql($database, 'CALL dreamsuite.collect()', timeout => 120);

	return $err;
}

$source->safe_psql('postgres', <<"SQL");
SELECT dreamsuite.register_app('spotify', 'client', 'a-secret-of-the-app', 'https://example.org/callback');
SELECT dreamsuite.connect_account(u, 'deezer', a) FROM (VALUES ('$ann'::uuid, '4711'), ('$bob', '12')) AS c (u, a);
SELECT dreamsuite.connect_account('$ann', p, access_token => 'tok-' || p || '-4711', refresh_token => 'ref-' || p || '-4711',
    settings => CASE p WHEN 'tiktok' THEN '{"time_zone": "Europe/Berlin"}' ELSE '{}' END::jsonb)
  FROM unnest('{tiktok,youtube,twitter,soundcloud}'::text[]) AS p;
SELECT dreamsuite.connect_account('$bob', 'amazon_music');
SELECT dreamsuite.authorize_url('spotify', '$bob');
SQL
run_days($source, '2026-03-01', '2026-03-02', '2026-03-03');
$source->safe_psql('postgres', <<"SQL");
SELECT dreamsuite.record_metrics('$bob', 'amazon_music', '2026-03-02', '{"playlist_placements": 3}');
SELECT dreamsuite.record_metrics('$bob', 'amazon_music', '2026-03-02', '{"playlist_placements": 4}');
SELECT dreamsuite.set_goal('$ann', 'deezer', 'follower_count', 1000000);
SELECT dreamsuite.pause_account('$ann', 'soundcloud');
INSERT INTO dreamsuite.platform_settings VALUES ('tidal', false);
CREATE ROLE authenticated;
CREATE ROLE service_role;
SELECT dreamsuite.grant_access('authenticated');
SELECT dreamsuite.grant_access('service_role', all_users => true);
GRANT SELECT ON dreamsuite.accounts TO authenticated WITH GRANT OPTION;
SQL
$source->safe_psql('postgres', "CREATE EXTENSION pg_cron; SELECT dreamsuite.schedule_collection('30 5 * * *')") if $cron;
ok(eventually($source, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'", '0', 30), 'the collector rests');

# A database whose users are those of auth.users
$source->safe_psql('postgres', 'CREATE DATABASE linked TEMPLATE template0');
$source->safe_psql('linked', <<"SQL");
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY);
INSERT INTO auth.users VALUES ('$ann');
CREATE EXTENSION dreamsuite;
SELECT dreamsuite.connect_account('$ann', 'deezer', '4711');
SQL
my $links = "SELECT count(*) > 10 FROM pg_constraint WHERE confrelid = 'auth.users'::regclass AND confdeltype = 'c'";
is($source->safe_psql('linked', $links), 't', 'user_id references auth.users');

# Every row of every table, every place of a sequence
sub contents
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, <<'SQL');
CREATE FUNCTION pg_temp.digest(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    digest text;
BEGIN
    EXECUTE format('SELECT count(*) || '' '' || COALESCE(md5(string_agg(t::text, E''\n'' ORDER BY t::text)), '''') FROM %s AS t', relation) INTO digest;
    RETURN digest;
END
$$;
SELECT c.relname, CASE c.relkind WHEN 'S' THEN pg_sequence_last_value(c.oid)::text ELSE pg_temp.digest(c.oid) END
  FROM pg_class c WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p', 'S') ORDER BY 1;
SQL
}

# Who may do what: grants and policies, in words
sub access
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, <<'SQL');
SELECT o.object, array_to_string(ARRAY(SELECT unnest(COALESCE(c.relacl, acldefault((CASE o.kind WHEN 'SEQUENCE' THEN 's' ELSE 'r' END)::"char", c.relowner)))::text ORDER BY 1), ' ') FROM dreamsuite.access_objects() AS o JOIN pg_class c ON c.oid = o.object::regclass WHERE o.kind IN ('TABLE', 'SEQUENCE') ORDER BY 1;
SELECT o.object, array_to_string(ARRAY(SELECT unnest(COALESCE(p.proacl, acldefault('f', p.proowner)))::text ORDER BY 1), ' ') FROM dreamsuite.access_objects() AS o JOIN pg_proc p ON p.oid = o.object::regprocedure WHERE o.kind = 'ROUTINE' ORDER BY 1;
SELECT array_to_string(ARRAY(SELECT unnest(nspacl)::text ORDER BY 1), ' ') FROM pg_namespace WHERE nspname = 'dreamsuite';
SELECT tablename, policyname, ARRAY(SELECT unnest(roles) ORDER BY 1), cmd, qual FROM pg_policies WHERE schemaname = 'dreamsuite' ORDER BY 1, 2;
SELECT relname, relrowsecurity FROM pg_class WHERE relnamespace = 'dreamsuite'::regnamespace AND relkind = 'r' ORDER BY 1;
SQL
}

# What a request sees
sub sees
{
	my ($node, $database, $role, $sub) = @_;

	return $node->safe_psql($database,
		"SET request.jwt.claims = '" . ($sub ? qq({"sub": "$sub"}) : '{}') . "'; SET ROLE $role; SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.daily_metrics");
}

my ($rows, $rights) = (contents($source, 'postgres'), access($source, 'postgres'));
like($rows, qr/^daily_metrics\|24 /m, 'there are days');
like($rows, qr/^$_\|[1-9]/m, "there is something in $_")
  foreach qw(access_roles account_secrets accounts account_state apps collection_runs content_items goals key_checks metric_revisions oauth_states platform_settings request_log collection_runs_run_id_seq request_log_request_id_seq);
is(sees($source, 'postgres', 'authenticated', $bob), $source->safe_psql('postgres', "SELECT count(*), 1 FROM dreamsuite.daily_metrics WHERE user_id = '$bob'"), 'a user sees the own rows');

# ---- Dump

my $dir = PostgreSQL::Test::Utils::tempdir();
$source->command_ok([ 'pg_dumpall', '--globals-only', '--file', "$dir/globals.sql" ], 'the roles are dumped');
$source->command_ok([ 'pg_dump', '--file', "$dir/plain.sql", 'postgres' ], 'plain');
$source->command_ok([ 'pg_dump', '--format=custom', '--file', "$dir/custom.dump", 'postgres' ], 'custom');
$source->command_ok([ 'pg_dump', '--format=directory', '--jobs=2', '--file', "$dir/directory", 'postgres' ], 'a directory, in two jobs');
$source->command_ok([ 'pg_dump', '--file', "$dir/linked.sql", 'linked' ], 'one with users of Supabase');
my $dumped = slurp_file("$dir/plain.sql");
unlike($dumped, qr/tok-(tiktok|youtube|twitter|soundcloud)-4711|a-secret-of-the-app/, 'no secret is in the dump');

# The day after, in the source: what the copies must come to as well
run_days($source, '2026-03-04');
my $fourth_day = "SELECT user_id, platform, follower_count, follower_change_24h, engagement_total, content_count, metrics FROM dreamsuite.daily_metrics WHERE date = '2026-03-04' ORDER BY 1, 2";
my $next_day = $source->safe_psql('postgres', $fourth_day);
is(() = $next_day =~ /\n/g, 6, 'seven accounts have a fourth day');

# ---- Restore

my $target = new_node('target', @settings);
my $cron_there = $cron ? 'CREATE EXTENSION pg_cron' : 'SELECT';
$target->safe_psql('postgres', 'DROP EXTENSION dreamsuite; DROP SCHEMA dreamsuite');
$target->command_ok([ 'psql', '-X', '--quiet', '--file', "$dir/globals.sql", 'postgres' ], 'roles first');
my %restore = (
	plain => [ 'psql', '-X', '--quiet', '--set=ON_ERROR_STOP=1', '--file', "$dir/plain.sql" ],
	custom => [ 'pg_restore', '--exit-on-error', "$dir/custom.dump" ],
	jobs => [ 'pg_restore', '--exit-on-error', '--jobs=4', "$dir/directory" ]);
foreach my $way (sort keys %restore)
{
	# the scheduler lives in one database; elsewhere a dump without it is restored
	my $database = $way eq 'plain' ? 'postgres' : $way;
	my @command = @{ $restore{$way} };

	$target->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0") if $database ne 'postgres';
	if ($cron && $database ne 'postgres')
	{
		my $list = qx(pg_restore --list $command[-1]);
		$list = join "\n", grep { !/pg_cron|cron/ } split /\n/, $list;
		append_to_file("$dir/$way.list", "$list\n");
		splice @command, 1, 0, '--use-list', "$dir/$way.list";
	}
	$target->command_ok([ @command, $command[0] eq 'psql' ? '--dbname' : '-d', $database ], "$way is restored");
	is(contents($target, $database), $rows, 'every row and every sequence is there');
	is(access($target, $database), $rights, 'so are grants and policies');
	is(sees($target, $database, 'authenticated', $ann), $target->safe_psql($database, "SELECT count(*), 1 FROM dreamsuite.daily_metrics WHERE user_id = '$ann'"), 'a user sees the own rows');
	is(sees($target, $database, 'service_role'), $target->safe_psql($database, 'SELECT count(*), 2 FROM dreamsuite.daily_metrics'), 'the service sees all');
}
is($target->safe_psql('postgres', 'SELECT jobname, schedule, command FROM cron.job'), 'dreamsuite: postgres|30 5 * * *|SELECT dreamsuite.collect_due()', 'the schedule is there') if $cron;

$target->safe_psql('postgres', 'CREATE DATABASE linked TEMPLATE template0');
$target->command_ok([ 'psql', '-X', '--quiet', '--set=ON_ERROR_STOP=1', '--file', "$dir/linked.sql", 'linked' ], 'the one with users of Supabase is restored');
is(contents($target, 'linked'), contents($source, 'linked'), 'every row is there');
is($target->safe_psql('linked', "SELECT dreamsuite.link_auth_users(); $links"), "\nt", 'link_auth_users() lets them reference auth.users again');

# ---- Without the key

set_now($target, '2026-03-04T06:00:00Z');
my $said = collect($target);
like($said, qr/key \d+ is not loaded/, 'without the keyring file the error names the key');
is($target->safe_psql('postgres', "SELECT count(*) FROM dreamsuite.daily_metrics WHERE user_id = '$ann' AND platform = 'deezer' AND date = '2026-03-04'"), '1', 'what needs no token is collected all the same');
is($target->safe_psql('postgres', 'SELECT DISTINCT loaded, hint IS NOT NULL FROM dreamsuite.key_status()'), 'f|t', 'key_status() says what is missing');
is($target->safe_psql('postgres', "SELECT count(*) FROM dreamsuite.account_secrets WHERE user_id = '$ann' AND access_token IS NOT NULL"), '4', 'nothing is thrown away for it');

# Lost for good: the database is told so, and connecting again is the way on, under a new key
my ($code, $out, $err) = $target->psql('postgres', "SELECT dreamsuite.connect_account('$ann', 'tiktok', access_token => 'tok-tiktok-4711')");
like($err, qr/key \d+ is not loaded.*HINT: .*DELETE FROM dreamsuite\.key_checks/s, 'nothing is sealed with another key by mistake');
$target->safe_psql('postgres', 'DELETE FROM dreamsuite.key_checks');
($code, $out, $err) = $target->psql('postgres', "SELECT dreamsuite.connect_account('$ann', 'tiktok', access_token => 'tok-tiktok-4711')");
is($code, 0, 'an account is connected again') or diag($err);
is($target->safe_psql('postgres', 'SELECT count(*) FROM dreamsuite.key_checks'), '1', 'under a key of its own');
$target->safe_psql('postgres', "UPDATE dreamsuite.account_state SET next_due_at = NULL, done_on = '2026-03-03' WHERE platform <> 'tiktok'");
($code, $out, $err) = $target->psql('postgres', "CALL dreamsuite.collect('$ann', 'tiktok')", timeout => 60);
like($err, qr/1 of 1 accounts collected/, 'and collected');

# ---- With the key: the file is put in its place, readable by nobody else

unlink $target->basedir . '/keyring';
copy($source->basedir . '/keyring', $target->basedir . '/keyring') or die $!;
chmod 0600, $target->basedir . '/keyring';
foreach my $database ('custom', 'jobs')
{
	is($target->safe_psql($database, 'SELECT DISTINCT loaded, is_current FROM dreamsuite.key_status()'), 't|t', "$database: the key is there");
	like(collect_in($target, $database), qr/7 of 7 accounts collected/, 'the next day is collected');
	is($target->safe_psql($database, $fourth_day), $next_day, 'and says what it says in the source');
}
$target->stop;

# ---- pg_upgrade

$source->stop;
my $upgraded = PostgreSQL::Test::Cluster->new('upgraded');
$upgraded->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
my $conf = slurp_file($source->data_dir . '/postgresql.conf');
$upgraded->append_conf('postgresql.conf', join "\n", grep { /^(dreamsuite|shared_preload|cron|timezone|max_worker)/ } split /\n/, $conf);
chdir $dir;
my $bindir = qx(pg_config --bindir);
chomp $bindir;
command_ok([ 'pg_upgrade', '--no-sync', '-d', $source->data_dir, '-D', $upgraded->data_dir, '-b', $bindir, '-B', $bindir,
		'-s', $upgraded->host, '-p', $source->port, '-P', $upgraded->port ], 'pg_upgrade takes the cluster over');
$source->start;
my ($rows_before, $rights_before) = (contents($source, 'postgres'), access($source, 'postgres'));
$source->stop;
$upgraded->start;
is(contents($upgraded, 'postgres'), $rows_before, 'every row and every sequence is there');
is(access($upgraded, 'postgres'), $rights_before, 'so are grants and policies');
is($upgraded->safe_psql('postgres', "SELECT count(*) FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dreamsuite')") > 100, 1, 'the objects belong to the extension');
is($upgraded->safe_psql('linked', $links), 't', 'and references to auth.users are as they were');
set_now($upgraded, '2026-03-05T06:00:00Z');
like(collect($upgraded), qr/7 of 7 accounts collected/, 'the next day is collected');
is($upgraded->safe_psql('postgres', 'SELECT count(*) FROM (SELECT FROM dreamsuite.collection_runs GROUP BY run_id HAVING count(*) > 1) AS twice'), '0', 'no number of a run is given twice');
$upgraded->safe_psql('postgres', 'DROP EXTENSION dreamsuite CASCADE');
$upgraded->stop;

done_testing();
