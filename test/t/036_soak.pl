# Thirty accounts for thirty simulated days. Five hundred for two hundred days: make bench ONLY=soak

use strict;
use warnings;

use Test::More;

use Soak;

run_soak(users => 3, days => 30, samples => 6);
done_testing();
