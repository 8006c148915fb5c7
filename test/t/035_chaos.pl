# A hundred accounts on ten platforms for two days, a fifth of all requests goes wrong, the collector is killed three times and
# the server crashes once. The full size of it: make chaos.

use strict;
use warnings;

use Test::More;

use Chaos;

run_chaos(users => 10, days => 2, kills => 3, crashes => 1, seed => $ENV{CHAOS_SEED} // 7, seconds => 100);
done_testing();
