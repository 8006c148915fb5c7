# What an account-day costs in requests: the table of docs/collect.md, measured.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my $tree = $ENV{PGTEST_TREE} // '.';
start_simulator('--now', '2026-02-10T06:00:00Z', '--seed', '11');
my $node = new_node('requests', "shared_preload_libraries = 'dreamsuite'", 'log_statement = none',
	"dreamsuite.test_now = '2026-02-10T06:00:00Z'");
set_now($node, '2026-02-10T06:00:00Z');

my $user = user_id(1);
my $ids = control('artist?artist=4711');
my $p8 = qx(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null);

$node->safe_psql('postgres',
	"SELECT dreamsuite.register_app('apple_music', 'media.example', \$key\$$p8\$key\$, null,"
	  . " '{\"team_id\": \"A1B2C3D4E5\", \"key_id\": \"F6G7H8I9J0\"}');"
	  . "SELECT dreamsuite.register_app('tidal', 'client-tidal', 'secret', 'https://app.example/back')");
foreach my $platform (qw(instagram facebook spotify youtube tiktok soundcloud twitter apple_music deezer tidal))
{
	my ($id) = $ids =~ /"$platform": ?"([^"]+)"/;
	my $token = $platform =~ /deezer|tidal/ ? 'null' : "'tok-$platform-4711'";
	my $settings = $platform eq 'spotify' ? qq({"artist_id": "$id"}) : '{}';
	$id = undef if $platform eq 'spotify';

	$node->safe_psql('postgres',
		"SELECT dreamsuite.connect_account('$user', '$platform', " . (defined $id ? "'$id'" : 'null')
		  . ", $token, settings => '$settings')");
}

# the documented table: | platform | first day | later day |
my %documented;
open(my $doc, '<', "$tree/docs/collect.md") or die "docs/collect.md: $!";
while (<$doc>)
{
	$documented{$1} = [ $2, $3 ] if /^\| (\w+) \| (\d+) \| (\d+) \|/;
}
close($doc);

sub costs_are
{
	my ($date, $column, $what) = @_;
	my %measured = map { split /\|/ } split /\n/, $node->safe_psql('postgres',
		"SELECT platform, sum(requests) FROM dreamsuite.collection_runs WHERE date = '$date' GROUP BY 1");

	foreach my $platform (sort keys %documented)
	{
		is($measured{$platform}, $documented{$platform}[$column], "$platform: requests of $what");
	}
	is(join(',', sort keys %measured), join(',', sort keys %documented), "every platform has its row, $what");
	return;
}

unlike(collect($node), qr/failed|ERROR/, 'every platform is collected');
costs_are('2026-02-10', 0, 'the first day');
set_now($node, '2026-02-11T06:00:00Z');
unlike(collect($node), qr/failed|ERROR/, 'and again the day after');
costs_are('2026-02-11', 1, 'a later day');
is( $node->safe_psql('postgres', 'SELECT count(*) FROM dreamsuite.collection_runs WHERE outcome <> \'ok\''), '0',
	'every run is ok');

# The simulator counts what really came: nothing is asked that the ledger does not know.
is(simulator_stats('total'), $node->safe_psql('postgres', 'SELECT sum(requests) FROM dreamsuite.collection_runs'),
	'the ledger knows every request');

$node->stop;
done_testing();
