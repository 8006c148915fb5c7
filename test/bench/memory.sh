#!/usr/bin/env bash
# memory.sh: what the collector holds for itself at 1, 100 and 10,000 accounts and over many runs.
#
#   test/bench/memory.sh                  on the server that PGHOST and PGPORT name, as its superuser
#   MEMORY_SIZES="1 100" CYCLES=50 test/bench/memory.sh        fewer
#
# Three requests an account, the last a page of 60 kB. Memory is RssAnon of the process: without what it shares with the
# server. PLACE is a directory for what is built. Makes the database bench_memory; sets and resets dreamsuite.test_base_url,
# test_now and databases (so that one process stays through all of it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

MEMORY_SIZES=${MEMORY_SIZES:-1 100 10000} CYCLES=${CYCLES:-200} CYCLE_SIZE=${CYCLE_SIZE:-20}
PLACE=${PLACE:-$(mktemp -d)}
DATABASE=bench_memory

sql() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$DATABASE" "$@"; }

cc -O2 -o "$PLACE/server" test/bench/server.c
rm -f "$PLACE/port"
"$PLACE/server" --port-file "$PLACE/port" --day 2026-03-01 &
for _ in $(seq 100); do [ -s "$PLACE/port" ] && break; sleep 0.05; done
read -r port server_pid <"$PLACE/port"

settings=(test_base_url test_now databases)
configure() { psql -X -q -d postgres -c "LOAD 'dreamsuite'" "$@" -c 'SELECT pg_reload_conf()' >/dev/null; }
finish() {
    local reset=() s
    for s in "${settings[@]}"; do reset+=(-c "ALTER SYSTEM RESET dreamsuite.$s"); done
    configure "${reset[@]}"
    kill "$server_pid" 2>/dev/null || true
    psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)"
}
trap finish EXIT

psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)" -c "CREATE DATABASE $DATABASE" 2>/dev/null
sql -c 'CREATE EXTENSION dreamsuite' \
    -c "SELECT dreamsuite.register_app('youtube', 'bench', 'secret', 'https://example.com/', '{\"daily_quota\": \"900000000\"}')" >/dev/null
configure -c "ALTER SYSTEM SET dreamsuite.test_base_url = 'http://127.0.0.1:$port'" \
    -c "ALTER SYSTEM SET dreamsuite.test_now = '2026-03-01T06:00:00Z'" -c "ALTER SYSTEM SET dreamsuite.databases = '$DATABASE'"

connect() {
    sql -c "SELECT count(dreamsuite.connect_account(md5('user ' || i)::uuid, 'youtube', 'account' || i, access_token => 'account' || i,
                scopes => '{https://www.googleapis.com/auth/youtube.readonly}', expires_at => '2027-01-01'))
            FROM generate_series((SELECT count(*) + 1 FROM dreamsuite.accounts), $1) AS i" >/dev/null
}
collector() { sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector' AND datname = '$DATABASE'"; }
anon() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status" 2>/dev/null || echo 0; }

first=
for size in $MEMORY_SIZES; do
    connect "$size"
    pid=$(collector)
    [ -n "$pid" ] || sql -c 'SELECT dreamsuite.collect_due()' >/dev/null
    sql -c "CALL dreamsuite.collect(platform => 'youtube')" &
    job=$! peak=0
    while kill -0 $job 2>/dev/null; do
        [ -n "$pid" ] || pid=$(collector)
        now=$([ -n "$pid" ] && anon "$pid" || echo 0)
        [ "${now:-0}" -gt "$peak" ] && peak=$now
        sleep 0.05
    done
    wait $job
    first=${first:-$peak}
    printf '%-46s %8.1f MB  %-28s %8.1f MB  ratio %s%s\n' "collector, $size accounts, at most" "$(awk -v k="$peak" 'BEGIN { print k / 1024 }')" \
        'at one account' "$(awk -v k="$first" 'BEGIN { print k / 1024 }')" "$(awk -v a="$peak" -v b="$first" 'BEGIN { printf "%.2f", a / b }')" \
        "$([ "$size" -ge 10000 ] && echo ' (aim under 100 MB)')"
done

# Many runs of a few accounts: what a run leaves behind would add up
sql -c "SELECT count(dreamsuite.forget_user(user_id)) FROM (SELECT user_id FROM dreamsuite.accounts ORDER BY user_id OFFSET $CYCLE_SIZE) AS a" >/dev/null
pid=$(collector) early=0
for n in $(seq "$CYCLES"); do
    sql -c "CALL dreamsuite.collect(platform => 'youtube')" >/dev/null
    [ "$n" = $((CYCLES / 10 + 1)) ] && early=$(anon "$pid")
done
late=$(anon "$pid")
printf '%-46s %8.1f MB  %-28s %8.1f MB  ratio %s (aim 1)\n' "collector after $CYCLES runs" "$(awk -v k="$late" 'BEGIN { print k / 1024 }')" \
    "after $((CYCLES / 10 + 1)) runs" "$(awk -v k="$early" 'BEGIN { print k / 1024 }')" "$(awk -v a="$late" -v b="$early" 'BEGIN { printf "%.2f", a / b }')"
