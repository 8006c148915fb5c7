#!/usr/bin/env bash
# collect.sh: accounts per second of the collector, rows stored, in one run with
#   - the limit: bare curl_multi doing only the GETs, then COPY and upsert of the same rows: of all that the collector inserted, and
#     of the numbers alone, without its ledger of runs and requests
#   - a well-written Node.js script over the same number of connections (where node and npm's pg are there)
#   - a loop of single requests
#
#   test/bench/collect.sh                                 on the server that PGHOST and PGPORT name, as its superuser
#   SIZES='2000' KINDS='one' DELAYS='0' ROUNDS=1 test/bench/collect.sh
#
# One account is one request (a TikTok profile) or three, each after the answer of the one before, the last a page of 60 kB
# with 50 videos (a YouTube channel). Every round begins with empty tables; the ways take turns, and the best of a way's
# rounds counts. PLACE is a directory for what is built; NODE_PATH leads to pg. Makes the database bench_collect, sets and
# resets dreamsuite.test_base_url, test_now and the numbers of connections.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

SIZES=${SIZES:-2000 20000} KINDS=${KINDS:-one three} DELAYS=${DELAYS:-0 50} ROUNDS=${ROUNDS:-2} CONNECTIONS=${CONNECTIONS:-100}
SINGLE=${SINGLE:-300}
PLACE=${PLACE:-$(mktemp -d)}
DATABASE=bench_collect
DAY_TABLES='daily_metrics content_items content_history' LEDGER_TABLES='collection_runs request_log'

sql() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$DATABASE" "$@"; }
# seconds that the statements on standard input took together
timed() { { echo '\timing on'; cat; } | sql | awk '/^Time: / { t += $2 } END { printf "%.6f\n", t / 1000 }'; }
best() { awk -v a="$1" -v b="$2" 'BEGIN { print (a == "" || b + 0 < a + 0) ? b : a }'; }
rate() { awk -v n="$1" -v s="$2" 'BEGIN { printf "%.0f", n / s }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b / a }'; }
line() { printf '%-46s %8s /s  %-28s %8s /s  ratio %s%s\n' "$1" "$2" "$3" "$4" "$5" "${6:+ (aim $6)}"; }

cc -O2 -o "$PLACE/server" test/bench/server.c
cc -O2 -o "$PLACE/bare_curl" test/bench/bare_curl.c -lcurl
rm -f "$PLACE/port"
"$PLACE/server" --port-file "$PLACE/port" --day 2026-03-01 &
for _ in $(seq 100); do [ -s "$PLACE/port" ] && break; sleep 0.05; done
read -r port server_pid <"$PLACE/port"
BASE=http://127.0.0.1:$port

settings=(enabled test_base_url test_now max_connections max_host_connections)
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
configure -c "ALTER SYSTEM SET dreamsuite.test_base_url = '$BASE'" \
    -c "ALTER SYSTEM SET dreamsuite.test_now = '2026-03-01T06:00:00Z'" \
    -c "ALTER SYSTEM SET dreamsuite.max_connections = $CONNECTIONS" \
    -c "ALTER SYSTEM SET dreamsuite.max_host_connections = $CONNECTIONS"
sql -c 'CREATE EXTENSION dreamsuite' -c 'CREATE SCHEMA bench' \
    -c "SELECT dreamsuite.register_app('youtube', 'bench', 'secret', 'https://example.com/', '{\"daily_quota\": \"900000000\"}')" >/dev/null
for t in $DAY_TABLES $LEDGER_TABLES; do sql -c "CREATE TABLE bench.$t (LIKE dreamsuite.$t INCLUDING ALL)"; done

# connect PLATFORM N: accounts 1..N
connect() {
    local scopes="'{user.info.basic,user.info.stats}'"
    [ "$1" = youtube ] && scopes="'{https://www.googleapis.com/auth/youtube.readonly}'"
    sql -c "SELECT count(dreamsuite.connect_account(md5('user ' || i)::uuid, '$1', 'account' || i,
                access_token => 'account' || i, scopes => $scopes, expires_at => '2027-01-01'))
            FROM generate_series((SELECT count(*) + 1 FROM dreamsuite.accounts WHERE platform = '$1'), $2) AS i" \
        -c 'VACUUM ANALYZE' >/dev/null
}

empty() {
    local all="$DAY_TABLES $LEDGER_TABLES"
    sql -c "TRUNCATE $(printf 'dreamsuite.%s, ' $all) $(printf 'bench.%s, ' $all | sed 's/, $//')" \
        -c 'VACUUM dreamsuite.account_state' -c CHECKPOINT
}

columns_of() {
    sql -c "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = 'dreamsuite.$1'::regclass AND attnum > 0 AND NOT attisdropped"
}
keys_of() { case $1 in daily_metrics) echo user_id, platform, date ;; content_items) echo user_id, platform, content_id ;;
    content_history) echo user_id, platform, content_id, date ;; collection_runs) echo user_id, run_id ;;
    request_log) echo user_id, request_id ;; esac; }

# copy_seconds TABLE ...: the rows that the collector stored, copied into a table without indexes and upserted from there
copy_seconds() {
    local t c s
    for t; do sql -c "COPY dreamsuite.$t TO '$PLACE/$t.copy'"; done
    {
        echo 'SET synchronous_commit = off;'
        for t; do
            [ -s "$PLACE/$t.copy" ] || continue
            c=$(columns_of "$t")
            s=$(sed 's/\([a-z_0-9]*\)/\1 = excluded.\1/g' <<<"${c//, /,}" | sed 's/,/, /g')
            echo "CREATE TEMP TABLE new_$t (LIKE dreamsuite.$t); COPY new_$t FROM '$PLACE/$t.copy';"
            echo "INSERT INTO bench.$t ($c) SELECT * FROM new_$t ON CONFLICT ($(keys_of "$t")) DO UPDATE SET $s;"
        done
    } | timed
    rm -f "$PLACE"/*.copy
}

collector_seconds() {
    local seconds stored
    seconds=$(timed <<<"CALL dreamsuite.collect(platform => '$1');")
    stored=$(sql -c "SELECT count(*) FROM dreamsuite.daily_metrics")
    [ "$stored" = "$2" ] || { echo "only $stored of $2 accounts were stored" >&2; exit 1; }
    echo "$seconds"
}

has_script=no
if command -v node >/dev/null && node -e "require('pg')" 2>/dev/null; then has_script=yes; fi
script() { PGDATABASE=$DATABASE node test/bench/script.js "$BASE" "$@"; }

for size in $SIZES; do
    for kind in $KINDS; do
        platform=tiktok requests='1 request' limit_aim=0.70 latency_aim=0.95
        [ "$kind" = three ] && platform=youtube requests='3 requests' limit_aim=0.50 latency_aim=0.90
        connect $platform "$size"
        for delay in $DELAYS; do
            curl -sf -X POST "$BASE/delay/$delay" >/dev/null
            bare='' numbers='' ledger='' ours='' node=''
            for _ in $(seq "$ROUNDS"); do
                empty
                bare=$(best "$bare" "$("$PLACE/bare_curl" "$BASE" "$kind" "$size" "$CONNECTIONS")")
                ours=$(best "$ours" "$(collector_seconds $platform "$size")")
                numbers=$(best "$numbers" "$(copy_seconds $DAY_TABLES)")
                ledger=$(best "$ledger" "$(copy_seconds $LEDGER_TABLES)")
                empty
                [ $has_script = no ] || node=$(best "$node" "$(script "$kind" "$size" "$CONNECTIONS" 500)")
            done
            limit=$(awk -v a="$bare" -v b="$numbers" -v c="$ledger" 'BEGIN { print a + b + c }')
            without=$(awk -v a="$bare" -v b="$numbers" 'BEGIN { print a + b }')
            name="$size accounts, $requests, $delay ms"
            mine=$(rate "$size" "$ours")
            line "$name" "$mine" 'bare curl, COPY and upsert' "$(rate "$size" "$limit")" "$(ratio "$ours" "$limit")" \
                "$([ "$delay" = 0 ] && echo "$limit_aim")"
            line "" "" 'the same without the ledger' "$(rate "$size" "$without")" "$(ratio "$ours" "$without")"
            line "" "" 'bare curl_multi alone' "$(rate "$size" "$bare")" "$(ratio "$ours" "$bare")" \
                "$([ "$delay" = 0 ] || echo "$latency_aim")"
            [ $has_script = no ] ||
                line "" "" 'Node.js script' "$(rate "$size" "$node")" "$(ratio "$ours" "$node")" 'over 1'
            if [ $has_script = yes ]; then
                empty
                single=$(rate "$SINGLE" "$(script "$kind" "$SINGLE" 1 1)")
                line "" "" 'loop of single requests' "$single" "$(awk -v a="$mine" -v b="$single" 'BEGIN { printf "%.0f", a / b }')"
            fi
        done
    done
done
[ $has_script = yes ] || echo 'The Node.js script was not run: it needs node, and npm install pg with NODE_PATH set.'
