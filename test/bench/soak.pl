# What soak.sh runs.

use strict;
use warnings;

use Test::More;

use Soak;

run_soak(users => ($ENV{ACCOUNTS} // 500) / 10, days => $ENV{DAYS} // 200, samples => $ENV{SAMPLES} // 20);
done_testing();
