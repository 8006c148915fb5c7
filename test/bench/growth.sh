#!/usr/bin/env bash
# growth.sh: growth() against the best plain SQL, in one run on the server that PGHOST and PGPORT name.
#
#   test/bench/growth.sh                                 10,000 users x 3 platforms x 90 days
#   USERS=1000 test/bench/growth.sh                      fewer
#   REFERENCE=1 test/bench/growth.sh                     first compare all rows of 500 users x 11 platforms x 400 days
#
# Makes the database bench_growth and drops it. The times are the best of two to five; only ratios mean anything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

USERS=${USERS:-10000} DAYS=${DAYS:-90}
METRICS='{follower_count,engagement_total,likes_total,comments_total}'
LAST=$(date -u -d "2026-01-01 + $((DAYS - 1)) days" +%F)
COLUMNS_READ='count(*), count(change_24h), sum(change_7d), count(change_30d), sum(pct_24h), sum(pct_7d), sum(pct_30d)'

run() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d bench_growth "$@"; }

# ms SQL [TIMES]: the best of two or more times, in milliseconds
ms() {
    local sql
    sql=$(for _ in $(seq "${2:-2}"); do printf '%s\n' "$1"; done)
    run -v day="$LAST" <<SQL | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | sort -n | head -n 1
SET jit = off;
SET work_mem = '64MB';
\o /dev/null
\timing on
$sql
SQL
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
line() { printf '%-34s %9.1f ms  plain SQL %9.1f ms  ratio %s (aim %s)\n' "$1" "$2" "$3" "$(ratio "$2" "$3")" "$4"; }

psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS bench_growth' -c 'CREATE DATABASE bench_growth' 2>/dev/null
trap 'psql -X -q -d postgres -c "DROP DATABASE IF EXISTS bench_growth"' EXIT
run -c 'CREATE EXTENSION dreamsuite'

if [ -n "${REFERENCE:-}" ]; then
    echo "growth() and plain SQL, row by row (t and 0 throughout):"
    run -v users=500 -v days=400 -f test/sql/growth_reference.sql | tr '\n' ' '
    echo
fi

run -v users="$USERS" -v days="$DAYS" -f test/bench/growth_data.sql
run -c 'VACUUM ANALYZE dreamsuite.daily_metrics'
echo "growth(): $(run -c 'SELECT count(*) FROM dreamsuite.daily_metrics') rows, four metrics"

all="SELECT $COLUMNS_READ FROM dreamsuite.growth(metrics => '$METRICS');"
pass="SELECT sum(follower_count), sum(engagement_total), sum((metrics ->> 'likes_total')::bigint),
             sum((metrics ->> 'comments_total')::bigint) FROM dreamsuite.daily_metrics;"
pass_ms=$(ms "$pass")
ours=$(ms "$all")
line 'all rows' "$ours" "$(ms '\i test/bench/growth_all.sql')" '0.33 or less'
printf '%-34s %9.1f ms  ratio %s (aim 2)\n' 'one pass that reads the numbers' "$pass_ms" "$(ratio "$ours" "$pass_ms")"

# 200 artists, one after the other
artist_sql=$(sed -e '/^--/d' -e 's/;$//' -e 's/FROM dreamsuite.daily_metrics/& WHERE user_id = artist/' test/bench/growth_all.sql)
each() { printf '%s' "DO \$\$ DECLARE artist uuid; BEGIN FOR artist IN SELECT md5('user ' || u)::uuid FROM generate_series(1, 200) AS u LOOP PERFORM * FROM ($1) AS x; END LOOP; END \$\$;"; }
line 'one artist (200 times)' "$(ms "$(each "SELECT $COLUMNS_READ FROM dreamsuite.growth(artist, metrics => '$METRICS')")")" \
    "$(ms "$(each "$artist_sql")")" '1 or less'

line 'one day of all artists' \
    "$(ms "SELECT $COLUMNS_READ FROM dreamsuite.growth(metrics => '$METRICS', since => :'day', until => :'day');" 5)" \
    "$(ms '\i test/bench/growth_day.sql' 5)" '0.50 or less'

# Memory that is the backend's own (the shared buffers that it has met are not), ten times a second
fifo=$(mktemp -u) out=$(mktemp)
mkfifo "$fifo"
run <"$fifo" >"$out" &
exec 7>"$fifo"
echo 'SELECT pg_backend_pid(); SELECT count(*) FROM dreamsuite.growth(until => DATE '"'2026-01-02'"', since => DATE '"'2026-01-02'"');' >&7
for _ in $(seq 100); do [ "$(wc -l <"$out")" -ge 2 ] && break; sleep 0.1; done
pid=$(head -n 1 "$out")
anon() { awk '/^RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null || echo 0; }
start=$(anon) peak=0
echo "SELECT $COLUMNS_READ FROM dreamsuite.growth(metrics => '$METRICS'); \\q" >&7
exec 7>&-
while kill -0 "$pid" 2>/dev/null; do
    now=$(anon)
    [ "${now:-0}" -gt "$peak" ] && peak=$now
    sleep 0.1
done
wait
rm -f "$fifo" "$out"
printf '%-34s %9.1f MB above its start (aim under 64)\n' 'memory of the backend, all rows' \
    "$(awk -v a="$peak" -v b="$start" 'BEGIN { print (a - b) / 1024 }')"
