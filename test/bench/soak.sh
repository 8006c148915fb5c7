#!/usr/bin/env bash
# soak.sh: the collector's memory and the size of the tables over many simulated days, with a little trouble in each.
#
#   test/bench/soak.sh                              500 accounts on ten platforms for 200 days
#   ACCOUNTS=100 DAYS=30 test/bench/soak.sh         fewer
#
# Makes a cluster of its own. Prints the curve and what does not level off.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

PLACE=${PLACE:-$(mktemp -d)}
mkdir -p "$PLACE/soak"
PERL5LIB="$PGXS_TESTS/perl:$PWD/test/t" PG_REGRESS="$PGXS_TESTS/regress/pg_regress" TESTDIR="$PLACE/soak" \
    TESTDATADIR="$PLACE/soak/data" TESTLOGDIR="$PLACE/soak/log" PGTEST_TREE="$PWD" with_ssl=no \
    perl test/bench/soak.pl | grep --line-buffered -v '^ok'
exit "${PIPESTATUS[0]}"
