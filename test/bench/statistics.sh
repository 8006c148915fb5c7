#!/usr/bin/env bash
# statistics.sh: how good the statistics are. False alarms of artists without any truth, for every combination of posts,
# autocorrelation and counts; recall and precision of every kind of fact; coverage of intervals; what the array functions reach.
#
#   make bench ONLY=statistics                    900 artists for each of 36 combinations (standard error 0.01), 200 for each truth
#   NULLS=100 ARTISTS=40 test/bench/statistics.sh    fewer
#
# Some twenty minutes on two cores. Every number is the same in every run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

make -s -C test/sim_stats BUILD="$(mktemp -d)" check | sed 's/^ok     //'
ARTISTS=${ARTISTS:-200} NULLS=${NULLS:-900} JOBS=${JOBS:-$(nproc)} test/insight/statistics.sh | sed -e '/^ok/d' -e '/^1\.\./d' -e 's/^# //'
