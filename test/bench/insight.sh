#!/usr/bin/env bash
# insight.sh: insight_facts() of one artist on all platforms, with where the time goes.
#
#   test/bench/insight.sh                                 730 days, 2,000 posts with their first 30 days
#   DAYS=365 POSTS=500 ROUNDS=20 test/bench/insight.sh    less
#
# Makes the database bench_insight on the server that PGHOST and PGPORT name, and drops it. Times are the median and the
# best of the rounds; the profile is that of the best.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

DAYS=${DAYS:-730} POSTS=${POSTS:-2000} ROUNDS=${ROUNDS:-31}
ARTIST=00000000-0000-4000-8000-000000000001
run() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 -d bench_insight "$@"; }

psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS bench_insight' -c 'CREATE DATABASE bench_insight' 2>/dev/null
trap 'psql -X -q -d postgres -c "DROP DATABASE IF EXISTS bench_insight"' EXIT
run -c 'CREATE EXTENSION dreamsuite'
run -o /dev/null -v user_id="$ARTIST" -v days="$DAYS" -v posts="$POSTS" -f test/bench/insight_data.sql
run -c 'VACUUM ANALYZE'

# times CALL: "median best" in ms of one session's rounds, the first left out; debug messages are the profile
times() {
    { echo 'SET client_min_messages = debug1;'; echo '\o /dev/null'; echo '\timing on'
      for _ in $(seq $((ROUNDS + 1))); do echo "SELECT * FROM $1;"; done; } | run >"$OUT" 2>&1
    sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$OUT" | tail -n "$ROUNDS" | sort -n |
        awk '{ t[NR] = $1 } END { printf "%.1f %.1f", t[int((NR + 1) / 2)], t[1] }'
}
OUT=$(mktemp)

echo "11 platforms x $DAYS days, $POSTS posts, $ROUNDS rounds"
for call in insight_facts top_facts goal_status; do
    read -r median best <<<"$(times "dreamsuite.$call('$ARTIST')")"
    printf '%-16s median %7.1f ms   best %7.1f ms%s\n' "$call()" "$median" "$best" "$([ $call = insight_facts ] && echo '   (aim: under 20 ms)')"
    # the profile of the round that took least
    [ $call = insight_facts ] && profile=$(grep -o 'insight in ms: .*' "$OUT" | sed 1d |
        awk '{ s = 0; for (i = 1; i <= NF; i++) if ($i ~ /^[0-9.]+,?$/) s += $i; if (best == "" || s < best) { best = s; line = $0 } } END { print line }')
done
echo "where the time of insight_facts() goes, ${profile:-unknown}"
rm -f "$OUT"
