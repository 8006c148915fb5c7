# A thousand accounts on ten platforms for five days, a fifth of all requests goes wrong, the collector is killed ten times and
# the server crashes twice. CHAOS_SEED=N chooses other accidents.

use strict;
use warnings;

use Test::More;

use Chaos;

run_chaos(users => 100, days => 5, kills => 10, crashes => 2, seed => $ENV{CHAOS_SEED} // 7, seconds => 400);
done_testing();
