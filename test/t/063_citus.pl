# Where Citus is installed: the tables are spread by user_id over a cluster of one node, and everything goes on.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my $lib = qx(pg_config --pkglibdir);
chomp $lib;
plan skip_all => 'Citus is not installed here: distribute() is not tested' unless -e "$lib/citus.so";

start_simulator('--now', '2026-03-01T06:00:00Z', '--posts', '2');
my $node = new_node('citus', "shared_preload_libraries = 'citus'");
set_now($node, '2026-03-01T06:00:00Z');
$node->safe_psql('postgres', 'CREATE EXTENSION citus');
$node->safe_psql('postgres', "SELECT dreamsuite.connect_account('" . user_id($_) . "', 'deezer', '" . (100 + $_) . "')") foreach 1 .. 5;
like(collect($node), qr/5 of 5 accounts collected/, 'a day before');
$node->safe_psql('postgres', 'SELECT dreamsuite.distribute()');
is($node->safe_psql('postgres', "SELECT count(DISTINCT colocationid) FROM pg_dist_partition WHERE logicalrelid::text LIKE 'dreamsuite.%' AND partmethod = 'h'"), '1', 'the tables lie together');
$node->safe_psql('postgres', 'SELECT dreamsuite.distribute()');
set_now($node, '2026-03-02T06:00:00Z');
like(collect($node), qr/5 of 5 accounts collected/, 'the day after');
is($node->safe_psql('postgres', 'SELECT count(*) FROM dreamsuite.daily_metrics'), '10', 'every day is there');
is($node->safe_psql('postgres', 'SELECT count(*) FROM dreamsuite.growth()'), '10', 'growth of all');
is($node->safe_psql('postgres', "SELECT count(change_24h) FROM dreamsuite.growth('" . user_id(1) . "')"), '1', 'growth of one');
$node->stop;
done_testing();
