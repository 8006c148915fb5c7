# The page on a standby, and of a role without any right on the insight functions.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use DreamSuite;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tree = $ENV{PGTEST_TREE} // '.';
my $artist = "'00000000-0000-0000-0000-0000000000a1'";

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$primary->append_conf('postgresql.conf', "dreamsuite.test_now = '2026-03-31T08:00:00Z'");
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION dreamsuite');
$primary->safe_psql('postgres', slurp_file("$tree/test/browser/pages.sql"));

$primary->backup('page');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'page', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

my $page = $primary->safe_psql('postgres', "SELECT dreamsuite.dashboard($artist)");
like($page, qr/Mira Vale/, 'the page is of the artist');
like($page, qr/<h2 id="h-facts">/, 'it tells facts');
ok($standby->safe_psql('postgres', "SELECT dreamsuite.dashboard($artist)") eq $page, 'a standby draws the same page');

# what a caller may not use is left out
$primary->safe_psql('postgres', q{
	CREATE ROLE reader;
	GRANT USAGE ON SCHEMA dreamsuite TO reader;
	GRANT SELECT ON dreamsuite.daily_metrics, dreamsuite.accounts, dreamsuite.content_items TO reader;
	CREATE POLICY reads ON dreamsuite.daily_metrics FOR SELECT TO reader USING (true);
	CREATE POLICY reads ON dreamsuite.accounts FOR SELECT TO reader USING (true);
	CREATE POLICY reads ON dreamsuite.content_items FOR SELECT TO reader USING (true);
	GRANT EXECUTE ON FUNCTION dreamsuite.dashboard(uuid, date) TO reader});
my $plain = $primary->safe_psql('postgres', "SET ROLE reader; SELECT dreamsuite.dashboard($artist)");
like($plain, qr/Mira Vale/, 'numbers alone make a page');
unlike($plain, qr/id="h-(facts|goals|formats|health)"/, 'without what needs more rights');

$standby->stop;
$primary->stop;
done_testing();
