#!/usr/bin/env bash
# dashboard.sh: the page of one artist with eleven platforms, on the server that PGHOST and PGPORT name, as its superuser.
#
#   test/bench/dashboard.sh
#   DAYS=90 POSTS=400 ROUNDS=5 test/bench/dashboard.sh
#
# The best of the rounds counts, and the parts of the page are timed beside it. Makes the database bench_dashboard.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

DAYS=${DAYS:-730} POSTS=${POSTS:-2000} ROUNDS=${ROUNDS:-9}
DATABASE=bench_dashboard
USER_ID=00000000-0000-4000-8000-00000000da54

sql() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$DATABASE" "$@"; }
trap 'psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)"' EXIT
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)" -c "CREATE DATABASE $DATABASE" 2>/dev/null

sql -c 'CREATE EXTENSION dreamsuite'
sql -v user_id="$USER_ID" -v days="$DAYS" -v posts="$POSTS" -f test/bench/insight_data.sql >/dev/null
sql -c 'VACUUM ANALYZE'

# best EXPRESSION: milliseconds, in one session that has run it once before
best() {
    { echo "SELECT $1;"; echo '\timing on'; for _ in $(seq "$ROUNDS"); do echo "SELECT $1;"; done; } | sql |
        awk '/^Time: / && (t == "" || $2 < t) { t = $2 } END { printf "%.1f", t }'
}
line() { printf '%-62s %8s ms%s\n' "$1" "$2" "${3:+  (aim $3)}"; }

page="length(dreamsuite.dashboard('$USER_ID'))"
line "dashboard(), $DAYS days, $POSTS posts, $(sql -c "SELECT octet_length(dreamsuite.dashboard('$USER_ID')) / 1000") kB" "$(best "$page")" 50
line '  of this top_facts()' "$(best "count(*) FROM dreamsuite.top_facts('$USER_ID')")"
line '          goal_status()' "$(best "count(*) FROM dreamsuite.goal_status('$USER_ID')")"
line '          data_health()' "$(best "count(*) FROM dreamsuite.data_health('$USER_ID')")"
