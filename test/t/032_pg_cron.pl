# Schedules through a real pg_cron: texts checked, a second call replaces, a tick collects, nothing outlives the extension.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');

# ---- without pg_cron

my $bare = new_node('without_cron');
my ($code, $out, $err) = $bare->psql('postgres', 'SELECT dreamsuite.schedule_collection()');
like($err, qr/pg_cron is not installed in database "postgres".*shared_preload_libraries/s, 'where pg_cron is absent a hint says what to do');
is($bare->safe_psql('postgres', 'SELECT dreamsuite.unschedule_collection()'), '', 'unscheduling nothing is no error');

sub refusal
{
	my ($schedule) = @_;
	my ($code, $out, $err) = $bare->psql('postgres', "SELECT dreamsuite.check_schedule('$schedule')");

	return $code == 0 ? 'accepted' : $err;
}
like(refusal('0 6 * *'), qr/It has 4 fields, not 5.*HINT:  Five fields/s, 'a missing field is told');
like(refusal(''), qr/It has 0 fields/, 'so is an empty text');
like(refusal('0 24 * * *'), qr/invalid hour in schedule "0 24 \* \* \*".*"24" is not between 0 and 23\./s, 'so is an hour that no day has');
like(refusal('61 6 * * *'), qr/invalid minute.*between 0 and 59/s, 'a minute');
like(refusal('0 6 0 * *'), qr/invalid day of the month.*between 1 and 31/s, 'a day');
like(refusal('0 6 * foo *'), qr/invalid month.*nor one of jan feb/s, 'a month');
like(refusal('0 6 * * 8'), qr/invalid day of the week.*between 0 and 7, nor one of sun/s, 'a day of the week');
like(refusal('0 6 * * fri-mon'), qr/The range "fri-mon" ends before it begins/, 'a range that runs backwards');
like(refusal('*/0 * * * *'), qr/The step of "\*\/0" is not between 1 and 59/, 'a step of 0');
like(refusal('5/10 * * * *'), qr/needs \* or a range before it/, 'a step of a single value');
like(refusal('0 6 * * mon,'), qr/invalid day of the week/, 'a list with nothing in it');
is(refusal($_), 'accepted', "\"$_\" is a schedule")
  foreach ('0 6 * * *', '30 */6 * * *', "  0\t6 1,15 jan-jun MON-FRI ", '@daily', '0-59/5 1-3,5 * * 0,7');
$bare->stop;

# ---- with it

my $node = new_node('with_cron', "shared_preload_libraries = 'pg_cron,dreamsuite'", "cron.database_name = 'postgres'",
	'cron.use_background_workers = on');
set_now($node, '2026-03-01T06:00:00Z');
my $jobs = "SELECT count(*) FROM cron.job WHERE jobname LIKE 'dreamsuite%'";

($code, $out, $err) = $node->psql('postgres', 'SELECT dreamsuite.schedule_collection()');
like($err, qr/HINT:  CREATE EXTENSION pg_cron\./, 'pg_cron that is loaded but not installed is told apart');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION dreamsuite');
($code, $out, $err) = $node->psql('other', 'SELECT dreamsuite.schedule_collection()');
like($err, qr/pg_cron lives in database "postgres".*schedule_in_database\('dreamsuite: other'/s, 'so is another database, with the call to make there');

$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
my $first = $node->safe_psql('postgres', 'SELECT dreamsuite.schedule_collection()');
like($first, qr/^\d+$/, 'schedule_collection() returns the id of the job');
is($node->safe_psql('postgres', "SELECT schedule, command, database FROM cron.job WHERE jobid = $first"),
	'0 6 * * *|SELECT dreamsuite.collect_due()|postgres', 'which calls collect_due() at 06:00');
my $second = $node->safe_psql('postgres', "SELECT dreamsuite.schedule_collection('* * * * *')");
is($node->safe_psql('postgres', "$jobs AND schedule = '* * * * *'"), '1', 'a second call replaces it');
is($node->safe_psql('postgres', $jobs), '1', 'and leaves one');
($code, $out, $err) = $node->psql('postgres', "SELECT dreamsuite.schedule_collection('daily')");
isnt($code, 0, 'a wrong schedule is refused');
is($node->safe_psql('postgres', "$jobs AND schedule = '* * * * *'"), '1', 'and changes nothing');

$node->safe_psql('postgres', "SELECT dreamsuite.connect_account('" . user_id(1) . "', 'deezer', '4711')");
ok(eventually($node, 'SELECT count(*) FROM dreamsuite.daily_metrics', '1', 90), 'the job collects what is due within its minute');
is($node->safe_psql('postgres', 'SELECT dreamsuite.collect_due()'), '0', 'a further tick finds nothing due');

$node->safe_psql('postgres', 'SELECT dreamsuite.unschedule_collection()');
is($node->safe_psql('postgres', $jobs), '0', 'unschedule_collection() removes the job');

# ---- what drops the extension ends the schedule; what fails to leaves it

my $drop = sub {
	my ($command, $left, $what) = @_;

	$node->safe_psql('postgres', 'CREATE EXTENSION IF NOT EXISTS dreamsuite');
	$node->safe_psql('postgres', 'SELECT dreamsuite.schedule_collection()');
	$node->psql('postgres', $command);
	is($node->safe_psql('postgres', $jobs), $left, $what);
};
$drop->('BEGIN; DROP EXTENSION dreamsuite; ROLLBACK;', '1', 'a DROP EXTENSION that is taken back keeps the job');
$drop->('CREATE EXTENSION cube; DROP EXTENSION cube', '1', 'so does the DROP of another extension');
$drop->('DROP SCHEMA dreamsuite', '1', 'and a DROP SCHEMA that is refused');
$node->safe_psql('postgres', 'CREATE ROLE somebody; CREATE ROLE landlord SUPERUSER');
$drop->('DROP OWNED BY somebody', '1', 'and the DROP OWNED of somebody else');
$drop->('DROP EXTENSION dreamsuite', '0', 'DROP EXTENSION leaves no job behind');
$drop->('DROP SCHEMA dreamsuite CASCADE', '0', 'nor does DROP SCHEMA CASCADE');
$node->safe_psql('postgres', 'SET ROLE landlord; CREATE EXTENSION dreamsuite');
$drop->('DROP OWNED BY somebody, landlord', '0', 'nor does DROP OWNED by the owner of the extension');

$node->stop;
done_testing();
