# The LangChain agent and the MCP server of examples/, against a database that a short run of the demo filled. Sourced by check.
if wanted examples; then
    node_major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
    if [ "$node_major" -lt 20 ] || [ -z "$(command -v npm)" ]; then
        skip "the examples: there is no Node.js 20 with npm"
    else
        # what they depend on, as the lock files say
        ready=yes
        for example in langchain mcp; do
            if ! (as_user bash -c "cd '$WORK/tree/examples/$example' && rm -rf node_modules && timeout 400 npm ci --no-audit --no-fund") \
                >"$WORK/npm-$example.log" 2>&1; then
                ready=no failed=$((failed + 1))
                say "--- npm ci of examples/$example"
                tail -n 20 "$WORK/npm-$example.log"
            fi
        done
        # a lock file names packages and their sums, not where they are downloaded from
        if grep -l '"resolved"' examples/*/package-lock.json; then
            failed=$((failed + 1)); say "a lock file names a download host"
        else
            passed=$((passed + 1))
        fi

        if [ $ready = yes ]; then
            ARTIST=4711 USER_ID=00000000-0000-4000-8000-000000004711
            sql() { as_user psql -X -q -v ON_ERROR_STOP=1 "$@"; }
            start_simulator --now 2026-02-01T06:00:00Z --seed 11
            start_cluster "shared_preload_libraries = 'dreamsuite'" "dreamsuite.databases = 'postgres'" \
                "dreamsuite.test_base_url = '$SIMULATOR'" "dreamsuite.test_now = '2026-02-01T06:00:00Z'" \
                "dreamsuite.keyring_file = '$WORK/keyring'"
            sql -c 'CREATE EXTENSION dreamsuite'
            . test/demo/connect
            for n in $(seq 0 "${EXAMPLE_DAYS:-20}"); do
                now=$(date -u -d "2026-02-01 + $n days" +%FT06:00:00Z)
                control now "{\"now\": \"$now\"}"
                sql -c "ALTER SYSTEM SET dreamsuite.test_now = '$now'" -c 'SELECT pg_reload_conf()' >/dev/null
                sql -c 'SET client_min_messages = warning' -c 'CALL dreamsuite.collect()' >>"$WORK/examples.log" 2>&1
            done
            # the examples come as a role that sees its own user alone
            sql -o /dev/null -c "SELECT dreamsuite.set_goal('$USER_ID', 'instagram', 'follower_count', 31000, deadline => '2026-06-30')" \
                -c 'CREATE ROLE career_agent LOGIN' -c "SELECT dreamsuite.grant_access('career_agent')"
            for example in mcp langchain; do
                as_user env DREAM_SUITE_USER=$USER_ID DREAM_SUITE_ROLE=career_agent \
                    timeout 300 bash -c "cd '$WORK/tree/examples/$example' && node --test --test-reporter=tap test/" \
                    >"$WORK/example-$example.tap" 2>&1
                count_tap "$WORK/example-$example.tap" "examples/$example" $?
            done
            stop_simulator
            stop_cluster
            rm -rf "$WORK/db"
        fi
    fi
fi
