#!/usr/bin/env bash
# profile.sh: what the collector's own time goes to, in both its threads, by samples of their stacks (perf), for accounts of one request
# and of three, against a local server that answers at once.
#
#   test/bench/profile.sh                 on the server that PGHOST and PGPORT name, as its superuser; as root, or perf may not see
#                                         the kernel's part of the network
#   PROFILE_ONE=5000 PROFILE_THREE=500 test/bench/profile.sh      fewer accounts
#
# PLACE is a directory for what is built. Makes the database bench_profile; sets and resets dreamsuite.test_base_url, test_now,
# max_connections, max_host_connections and databases (so that one process stays through all of it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

PROFILE_ONE=${PROFILE_ONE:-20000} PROFILE_THREE=${PROFILE_THREE:-2000}
PLACE=${PLACE:-$(mktemp -d)}
DATABASE=bench_profile

sql() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$DATABASE" "$@"; }

if ! command -v perf >/dev/null || ! perf record -q -e cpu-clock -o "$PLACE/perf.data" true >/dev/null 2>&1; then
    echo 'left out: perf is not there (Debian: linux-perf), or may not be used here'
    exit 0
fi

cc -O2 -o "$PLACE/server" test/bench/server.c
rm -f "$PLACE/port"
"$PLACE/server" --port-file "$PLACE/port" --day 2026-03-01 &
for _ in $(seq 100); do [ -s "$PLACE/port" ] && break; sleep 0.05; done
read -r port server_pid <"$PLACE/port"

settings=(test_base_url test_now max_connections max_host_connections databases)
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
    -c "ALTER SYSTEM SET dreamsuite.test_now = '2026-03-01T06:00:00Z'" -c 'ALTER SYSTEM SET dreamsuite.max_connections = 100' \
    -c 'ALTER SYSTEM SET dreamsuite.max_host_connections = 100' -c "ALTER SYSTEM SET dreamsuite.databases = '$DATABASE'"

# connect PLATFORM N SCOPES
connect() {
    sql -c "SELECT count(dreamsuite.connect_account(md5('user ' || i)::uuid, '$1', 'account' || i, access_token => 'account' || i,
                scopes => '$3', expires_at => '2027-01-01')) FROM generate_series(1, $2) AS i" -c 'VACUUM ANALYZE' >/dev/null
}
collector() { sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector' AND datname = '$DATABASE'"; }
# the time of all threads of a process; that of the network is there from the first request until a second after the last
ran_ns() { awk '{ t += $1 } END { printf "%.0f", t }' "/proc/$1"/task/*/schedstat; }

# parts: from `perf script`, a line for each part: its samples of all, and its name. A sample belongs to the first that its stack names.
parts() {
    awk '
        function sample(   i) {
            if (stack == "") return
            all++
            for (i = 1; i <= n; i++) if (stack ~ pattern[i]) { count[i]++; break }
            stack = ""
        }
        BEGIN {
            # the innermost first: what is stored at once is part of store_jobs
            part("storing: days and their changes", " rows_store_days[ +]")
            part("storing: content and its history", " rows_store_content[ +]")
            part("storing: the ledger", " ledger_store[ +]")
            part("storing: leases, accounts, commit", " store_jobs[ +]")
            part("claiming", " claim_due[ +]")
            part("the network: libcurl, in its thread", " (drive|start_thread|multi_drive|curl_[a-z_]+|transfer_end)[ +]")
            part("waiting for it, handing over", " (WaitEventSetWait|network_[a-z_]+)[ +]")
            part("reading answers, asking on", " (answered|plan_[a-z_]+|platform_normalise|json_parse|job_[a-z_]+|send_[a-z_]+)[ +]")
            part("the rest", ".")
        }
        function part(name, regex) { names[++n] = name; pattern[n] = regex }
        /^$/ { sample(); next }
        /^[^ \t]/ { next }
        { stack = stack " " $2 " " }
        END { sample(); for (i = 1; i <= n; i++) printf "%d %d %s\n", count[i], all, names[i] }'
}

# profile NAME PLATFORM N: the second day of N accounts
profile() {
    local pid before after us
    sql -c "CALL dreamsuite.collect(platform => '$2')" >/dev/null
    configure -c "ALTER SYSTEM SET dreamsuite.test_now = '2026-03-02T06:00:00Z'"
    pid=$(collector)
    perf record -q -e cpu-clock -F 500 --call-graph dwarf,16000 -p "$pid" -o "$PLACE/perf.data" >/dev/null 2>&1 &
    local recorder=$!
    until [ -s "$PLACE/perf.data" ] || ! kill -0 "$recorder" 2>/dev/null; do sleep 0.1; done
    sleep 1
    before=$(ran_ns "$pid")
    sql -c "CALL dreamsuite.collect(platform => '$2')"
    after=$(ran_ns "$pid")
    kill -INT "$recorder"
    wait "$recorder" 2>/dev/null || true
    us=$(awk -v a="$before" -v b="$after" -v n="$3" 'BEGIN { printf "%.1f", (b - a) / 1000 / n }')
    printf '%s: %s us of the process an account\n' "$1" "$us"
    perf script --no-inline -F ip,sym -i "$PLACE/perf.data" 2>/dev/null | sed 's/$/ /; s/^ $//' | parts | while read -r count all name; do
        awk -v c="$count" -v a="$all" -v us="$us" -v name="$name" \
            'BEGIN { if (c > 0) printf "  %-44s %7.1f us %27s %4.1f %%\n", name, us * c / a, "", 100 * c / a }'
    done
    rm -f "$PLACE/perf.data"
}

connect tiktok "$PROFILE_ONE" '{user.info.basic,user.info.stats}'
profile "$PROFILE_ONE accounts, 1 request, 0 ms" tiktok "$PROFILE_ONE"
configure -c "ALTER SYSTEM SET dreamsuite.test_now = '2026-03-01T06:00:00Z'"
connect youtube "$PROFILE_THREE" '{https://www.googleapis.com/auth/youtube.readonly}'
profile "$PROFILE_THREE accounts, 3 requests, 0 ms" youtube "$PROFILE_THREE"
