#!/usr/bin/env bash
# scaling.sh: how the cost of growth(), insight_facts() and dashboard() grows with the rows, on the server that PGHOST and PGPORT
# name, as its superuser.
#
#   test/bench/scaling.sh                                      rows x 1, 10 and 100
#   SCALING_USERS='50 500' SCALING_DAYS='73 730' test/bench/scaling.sh     less
#
# growth() over all rows of so many users on three platforms with 90 days. The other two for one artist on eleven platforms, with
# so many days and posts of the same number per day, while the rows of the largest number of users are there too. The ratio is that of the
# time per row to the time per row of the first line: 1 is a cost that is in line with the rows, less is better. Times are the
# best of ROUNDS. Makes the database bench_scaling and drops it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

SCALING_USERS=${SCALING_USERS:-50 500 5000} SCALING_DAYS=${SCALING_DAYS:-73 730 7300} ROUNDS=${ROUNDS:-5}
METRICS='{follower_count,engagement_total,likes_total,comments_total}'
DATABASE=bench_scaling

run() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 -d $DATABASE "$@"; }

# best STATEMENT: milliseconds in one session, the first time left out
best() {
    { echo '\o /dev/null'; echo "$1;"; echo '\timing on'; for _ in $(seq "$ROUNDS"); do echo "$1;"; done; } | run |
        awk '/^Time: / && (t == "" || $2 < t) { t = $2 } END { printf "%.1f", t }'
}

# line NAME ROWS MS: with the ratio to the first line of the name
declare -A first
line() {
    local each
    each=$(awk -v t="$3" -v n="$2" 'BEGIN { printf "%.6f", 1000 * t / n }')
    first[${1%%,*}]=${first[${1%%,*}]:-$each}
    printf '%-46s %9d rows %9.1f ms %9.3f us a row  ratio %s\n' "$1" "$2" "$3" "$each" \
        "$(awk -v a="$each" -v b="${first[${1%%,*}]}" 'BEGIN { printf "%.2f", a / b }')"
}

psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $DATABASE" -c "CREATE DATABASE $DATABASE" 2>/dev/null
trap 'psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)"' EXIT
run -c 'CREATE EXTENSION dreamsuite'

for users in $SCALING_USERS; do
    run -c 'TRUNCATE dreamsuite.daily_metrics'
    run -v users="$users" -v days=90 -f test/bench/growth_data.sql
    run -c 'VACUUM ANALYZE dreamsuite.daily_metrics'
    line "growth(), $users users" "$(run -c 'SELECT count(*) FROM dreamsuite.daily_metrics')" \
        "$(best "SELECT count(*), sum(change_7d) FROM dreamsuite.growth(metrics => '$METRICS')")"
done

n=0
for days in $SCALING_DAYS; do
    n=$((n + 1))
    artist=00000000-0000-4000-8000-00000000000$n posts=$((days * 2000 / 730))
    run -o /dev/null -v user_id="$artist" -v days="$days" -v posts="$posts" -f test/bench/insight_data.sql
    run -c 'VACUUM ANALYZE'
    rows=$(run -c "SELECT (SELECT count(*) FROM dreamsuite.daily_metrics WHERE user_id = '$artist')
                        + (SELECT count(*) FROM dreamsuite.content_items WHERE user_id = '$artist')")
    line "insight_facts(), $days days, $posts posts" "$rows" "$(best "SELECT count(*) FROM dreamsuite.insight_facts('$artist')")"
    line "dashboard(), $days days, $posts posts" "$rows" "$(best "SELECT length(dreamsuite.dashboard('$artist'))")"
done
