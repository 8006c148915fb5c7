#!/usr/bin/env bash
# memory.sh: what the collector and the session that calls it hold for themselves at 1, 100 and 10,000 accounts, with answers of nearly
# 8 MiB, and over many runs.
#
#   test/bench/memory.sh                  on the server that PGHOST and PGPORT name, as its superuser
#   MEMORY_SIZES="1 100" CYCLES=50 test/bench/memory.sh        fewer
#
# Three requests an account, the last a page of 60 kB, or of BIG_BYTES for BIG_SIZE accounts. Memory is RssAnon of the process: without what it shares with the
# server. PLACE is a directory for what is built. Makes the database bench_memory; sets and resets dreamsuite.test_base_url,
# test_now and databases (so that one process stays through all of it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

MEMORY_SIZES=${MEMORY_SIZES:-1 100 10000} CYCLES=${CYCLES:-200} CYCLE_SIZE=${CYCLE_SIZE:-20}
BIG_SIZE=${BIG_SIZE:-40} BIG_BYTES=${BIG_BYTES:-8380000}
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

mb() { awk -v k="$1" 'BEGIN { printf "%.1f", k / 1024 }'; }
line() { printf '%-46s %8s MB  %-28s %8s MB  ratio %s%s\n' "$1" "$(mb "$2")" "$3" "$(mb "$4")" "$(awk -v a="$2" -v b="$4" 'BEGIN { printf "%.2f", a / b }')" "${5:-}"; }

# peaks: runs all accounts once; sets `collector_peak` and `session_peak`, the most that each held, in kB
peaks() {
    local fifo out now session pid
    fifo=$(mktemp -u) out=$(mktemp)
    mkfifo "$fifo"
    sql <"$fifo" >"$out" 2>&1 &
    local job=$!
    exec 7>"$fifo"
    echo 'SELECT pg_backend_pid();' >&7
    for _ in $(seq 100); do [ -s "$out" ] && break; sleep 0.05; done
    session=$(head -n 1 "$out")
    # and stays for a look, however soon it is done
    echo "CALL dreamsuite.collect(platform => 'youtube'); SELECT pg_sleep(0.3);" >&7
    exec 7>&-
    collector_peak=0 session_peak=0 pid=
    while kill -0 "$job" 2>/dev/null; do
        [ -n "$pid" ] || pid=$(collector)
        now=$([ -n "$pid" ] && anon "$pid" || echo 0)
        [ "${now:-0}" -gt "$collector_peak" ] && collector_peak=$now
        now=$(anon "$session")
        [ "${now:-0}" -gt "$session_peak" ] && session_peak=$now
        sleep 0.05
    done
    wait "$job" || { cat "$out" >&2; exit 1; }
    rm -f "$fifo" "$out"
}

first=
for size in $MEMORY_SIZES; do
    connect "$size"
    [ -n "$(collector)" ] || sql -c 'SELECT dreamsuite.collect_due()' >/dev/null
    peaks
    first=${first:-$collector_peak} first_session=${first_session:-$session_peak}
    line "collector, $size accounts, at most" "$collector_peak" 'at one account' "$first" "$([ "$size" -ge 10000 ] && echo ' (aim under 100 MB)')"
    line "session of collect(), $size accounts, at most" "$session_peak" 'at one account' "$first_session"
done

# Answers that are as large as they may be
sql -c "SELECT count(dreamsuite.forget_user(user_id)) FROM (SELECT user_id FROM dreamsuite.accounts ORDER BY user_id OFFSET $BIG_SIZE) AS a" >/dev/null
curl -sf -X POST "http://127.0.0.1:$port/size/$BIG_BYTES" -o /dev/null
peaks
stored=$(sql -c "SELECT count(*) FROM dreamsuite.collection_runs WHERE bytes > $BIG_BYTES AND outcome = 'ok'")
line "collector, $stored answers of $(mb $((BIG_BYTES / 1024))) MB at once" "$collector_peak" 'all these answers' $((stored * BIG_BYTES / 1024))
line "session of collect() meanwhile" "$session_peak" 'at one account' "$first_session"
curl -sf -X POST "http://127.0.0.1:$port/size/0" -o /dev/null

# Many runs of a few accounts: what a run leaves behind would add up
sql -c "SELECT count(dreamsuite.forget_user(user_id)) FROM (SELECT user_id FROM dreamsuite.accounts ORDER BY user_id OFFSET $CYCLE_SIZE) AS a" >/dev/null
pid=$(collector) early=0
for n in $(seq "$CYCLES"); do
    sql -c "CALL dreamsuite.collect(platform => 'youtube')" >/dev/null
    [ "$n" = $((CYCLES / 10 + 1)) ] && early=$(anon "$pid")
done
late=$(anon "$pid")
line "collector after $CYCLES runs" "$late" "after $((CYCLES / 10 + 1)) runs" "$early" ' (aim 1)'
