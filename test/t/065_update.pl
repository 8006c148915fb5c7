# Updated from every released version, the extension is object by object what a fresh installation makes, and nothing that it
# kept is lost: rows, tokens, grants, schedules. The comparison is shown to see what is missing or different.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $cron = -e qx(pg_config --pkglibdir | tr -d '\\n') . '/pg_cron.so';
my $node = new_node('update', $cron ? ("shared_preload_libraries = 'pg_cron'", "cron.database_name = 'postgres'") : ());
my ($ann, $bob) = (user_id(1), user_id(2));

# Everything of the catalog that the extension makes, a line for each thing. Objects have no oid and no place in it.
my $catalog = slurp_file("$ENV{PGTEST_TREE}/test/update/catalog.sql");

sub catalog
{
	my ($database, @before) = @_;
	my ($code, $out, $err) = $node->psql($database, join '', 'BEGIN;', (map { "$_;" } @before), $catalog, 'ROLLBACK');

	die $err if $err =~ /ERROR/;
	return $out;
}

# difference(A, B): the lines that only one of them has, each with its sign
sub difference
{
	my ($old, $new) = @_;
	my %old = map { $_ => 1 } split /\n/, $old;
	my %new = map { $_ => 1 } split /\n/, $new;

	return join "\n", (map { "- $_" } grep { !$old{$_} } sort keys %new), (map { "+ $_" } grep { !$new{$_} } sort keys %old);
}

$node->safe_psql('postgres', 'CREATE ROLE authenticated; CREATE ROLE service_role; CREATE ROLE by_hand; CREATE ROLE favoured');
my $newest = $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'dreamsuite'");
my @released = split /\n/, $node->safe_psql('postgres',
	"SELECT version FROM pg_available_extension_versions WHERE name = 'dreamsuite' AND version <> '$newest' ORDER BY string_to_array(version, '.')::int[]");
is($released[0], '0.1.0', 'the first release is there to begin with');

# Default privileges favour a role for what is made: an update takes that away too, as an installation does.
my $defaults = 'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO favoured; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO favoured; ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO favoured';

# ---- What the comparison sees

$node->safe_psql('postgres', 'CREATE DATABASE fresh TEMPLATE template0');
$node->safe_psql('fresh', "$defaults; CREATE EXTENSION dreamsuite");
my $fresh = catalog('fresh');
cmp_ok(scalar(split /\n/, $fresh), '>', 900, 'a fresh installation has many objects');
my %changes = (
	'a missing function' => 'ALTER EXTENSION dreamsuite DROP FUNCTION dreamsuite.growth_leaders(date, text, text, text, integer)',
	'another body' => "CREATE OR REPLACE FUNCTION dreamsuite.cron_is_here() RETURNS boolean LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'SELECT false'",
	'another label' => 'ALTER FUNCTION dreamsuite.status() VOLATILE',
	'a pin that is gone' => 'ALTER FUNCTION dreamsuite.forget_user(uuid) RESET search_path',
	'a missing column' => 'ALTER TABLE dreamsuite.goals DROP COLUMN reached_on',
	'another type' => 'ALTER TABLE dreamsuite.accounts ALTER COLUMN handle TYPE varchar',
	'another default' => 'ALTER TABLE dreamsuite.goals ALTER COLUMN created_at DROP DEFAULT',
	'a missing constraint' => 'ALTER TABLE dreamsuite.accounts DROP CONSTRAINT accounts_status_check',
	'a missing index' => 'DROP INDEX dreamsuite.account_state_due',
	'another storage parameter' => 'ALTER TABLE dreamsuite.account_state RESET (fillfactor)',
	'a missing view' => 'ALTER EXTENSION dreamsuite DROP VIEW dreamsuite.deezer_daily; DROP VIEW dreamsuite.deezer_daily',
	'another view' => 'CREATE OR REPLACE VIEW dreamsuite.tidal_daily WITH (security_invoker) AS SELECT user_id, date, NULL::bigint AS follower_count, NULL::bigint AS playlist_placements FROM dreamsuite.daily_metrics',
	'a view with the rights of its owner' => 'ALTER VIEW dreamsuite.tidal_daily RESET (security_invoker)',
	'a missing trigger' => 'DROP TRIGGER repair_after_update ON dreamsuite.daily_metrics',
	'a missing event trigger' => 'ALTER EXTENSION dreamsuite DROP EVENT TRIGGER dreamsuite_unschedule; DROP EVENT TRIGGER dreamsuite_unschedule',
	'a disabled event trigger' => 'ALTER EVENT TRIGGER dreamsuite_unschedule DISABLE',
	'a missing policy' => 'DROP POLICY own_rows ON dreamsuite.goals',
	'another policy' => 'ALTER POLICY own_rows ON dreamsuite.goals USING (true)',
	'no row security' => 'ALTER TABLE dreamsuite.goals DISABLE ROW LEVEL SECURITY',
	'a grant' => 'GRANT SELECT ON dreamsuite.apps TO PUBLIC',
	'a right to execute' => 'GRANT EXECUTE ON FUNCTION dreamsuite.rotate_keys() TO PUBLIC',
	'a missing comment' => 'COMMENT ON COLUMN dreamsuite.daily_metrics.metrics IS NULL',
	'a table that is no member' => 'ALTER EXTENSION dreamsuite DROP TABLE dreamsuite.goals',
	'a table that is not dumped' => "UPDATE pg_extension SET extconfig = extconfig[2:], extcondition = extcondition[2:] WHERE extname = 'dreamsuite'",
	'a sequence that is not dumped' => "UPDATE pg_extension SET extconfig = array_remove(extconfig, 'dreamsuite.request_log_request_id_seq'::regclass::oid), extcondition = extcondition[2:] WHERE extname = 'dreamsuite'",
	'another sequence' => 'ALTER SEQUENCE dreamsuite.request_log_request_id_seq CACHE 10',
	'another type of facts' => 'ALTER TYPE dreamsuite.fact DROP ATTRIBUTE caveats',
	'another owner' => 'ALTER TABLE dreamsuite.goals OWNER TO favoured');
SKIP:
{
	skip 'views have the rights of their owner on PostgreSQL 14', 2
	  if $node->safe_psql('postgres', 'SHOW server_version_num') < 150000 && delete @changes{'another view', 'a view with the rights of its owner'};
}
foreach my $change (sort keys %changes)
{
	isnt(catalog('fresh', $changes{$change}), $fresh, "the comparison sees $change");
}

# ---- From each released version to the newest

my $granted = "SELECT dreamsuite.grant_access('authenticated'); SELECT dreamsuite.grant_access('service_role', all_users => true)";
$node->safe_psql('fresh', $granted);
my $fresh_granted = catalog('fresh');

# the rows of a table as of its columns in the first release, whatever has come since
my %columns;
sub rows
{
	my ($database) = @_;

	%columns = map { split /\|/ } split /\n/, $node->safe_psql($database, <<'SQL') unless %columns;
SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY 1
SQL
	return join "\n", map {
		"$_ " . $node->safe_psql($database, "SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM (SELECT $columns{$_} FROM dreamsuite.$_) t")
	} sort keys %columns;
}

set_now($node, '2026-03-01T06:00:00Z');
$node->safe_psql('postgres', 'DROP EXTENSION dreamsuite; DROP SCHEMA dreamsuite CASCADE');
foreach my $version (@released)
{
	my $database = $version eq $released[0] ? 'postgres' : "v$version";

	%columns = ();
	$node->safe_psql('postgres', qq(CREATE DATABASE "$database" TEMPLATE template0)) if $database ne 'postgres';
	$node->safe_psql($database, "$defaults; CREATE EXTENSION dreamsuite VERSION '$version'");
	$node->safe_psql($database, <<"SQL");
SELECT dreamsuite.register_app('spotify', 'client', 'a-secret-of-the-app', 'https://example.org/callback');
SELECT dreamsuite.connect_account('$ann', 'deezer', '4711');
SELECT dreamsuite.connect_account('$ann', 'tiktok', access_token => 'tok-tiktok-4711', refresh_token => 'ref-tiktok-4711');
SELECT dreamsuite.connect_account('$bob', 'amazon_music');
SELECT dreamsuite.authorize_url('spotify', '$bob');
SELECT dreamsuite.record_metrics('$ann', 'deezer', d::date, jsonb_build_object('fans_count', 1000 + 10 * (d::date - date '2026-01-30')))
  FROM generate_series(timestamp '2026-01-30', '2026-02-28', '1 day') d;
SELECT dreamsuite.record_metrics('$ann', 'deezer', '2026-02-20', '{"fans_count": 1213}');
SELECT dreamsuite.set_goal('$ann', 'deezer', 'follower_count', 1000000);
INSERT INTO dreamsuite.platform_settings VALUES ('tidal', false);
SQL
	$node->safe_psql($database, $granted);
	$node->safe_psql($database, 'GRANT SELECT ON dreamsuite.goals TO by_hand');
	$node->safe_psql($database, "CREATE EXTENSION pg_cron; SELECT dreamsuite.schedule_collection('30 5 * * *')") if $cron && $database eq 'postgres';
	my $before = rows($database);
	like($before, qr/^daily_metrics 30\|/m, "$version: there are days");

	my ($code, $out, $err) = $node->psql($database, 'CREATE ROLE another SUPERUSER; SET ROLE another; ALTER EXTENSION dreamsuite UPDATE');
	like($err, qr/extension "dreamsuite" belongs to role.*HINT: +SET ROLE/s, "$version: another role does not update it");
	$node->safe_psql($database, 'DROP ROLE another');
	$node->safe_psql($database, 'ALTER EXTENSION dreamsuite UPDATE');
	is($node->safe_psql($database, "SELECT extversion FROM pg_extension WHERE extname = 'dreamsuite'"), $newest, "$version is updated to $newest");
	is(rows($database), $before, "$version: every row is as it was");
	is($node->safe_psql($database, "SELECT has_table_privilege('by_hand', 'dreamsuite.goals', 'SELECT')"), 't', "$version: so is what was granted by hand");
	is(difference(catalog($database, 'REVOKE SELECT ON dreamsuite.goals FROM by_hand'), $fresh_granted), '', "$version: the catalog is that of a fresh installation");

	next if $database ne 'postgres';
	is($node->safe_psql('postgres', 'SELECT jobname, schedule, command FROM cron.job'), 'dreamsuite: postgres|30 5 * * *|SELECT dreamsuite.collect_due()', 'the schedule is there') if $cron;
	like(collect($node), qr/4 of 4 accounts collected/, 'the day is collected, with the token of before');
	is($node->safe_psql('postgres', "SELECT count(*) FROM dreamsuite.growth('$ann', 'deezer') WHERE change_7d IS NOT NULL"), '24', 'growth knows the days of before');
	is($node->safe_psql('postgres', "SET request.jwt.claims = '{\"sub\": \"$bob\"}'; SET ROLE authenticated; SELECT DISTINCT user_id FROM dreamsuite.daily_metrics"), $bob, 'a user sees the own rows');
	$node->safe_psql('postgres', 'DROP EXTENSION dreamsuite CASCADE');
}
$node->stop;
done_testing();
