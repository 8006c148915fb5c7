# The documentation: every SQL example of README.md and docs/ runs, tables are held against the server and the source, and
# the twelfth platform is compiled. Sourced by check.
#
#   make check ONLY=docs PAGES="docs/growth.md README.md"     some pages
if wanted docs; then
    # the worked example of a twelfth platform, in a cluster whose sessions have not loaded the extension itself
    if build_module twelfth_platform; then
        start_cluster
        cp test/modules/twelfth_platform/twelfth_platform.so "$WORK/"
        as_user psql -X -v library="$WORK/twelfth_platform.so" -f "$WORK/tree/test/modules/twelfth_platform/check.sql" \
            >"$WORK/twelfth.tap" 2>&1
        status=$?
        grep -q ERROR "$WORK/twelfth.tap" && status=1
        count_tap "$WORK/twelfth.tap" "a twelfth platform" $status
        stop_cluster
        rm -rf "$WORK/db"
    fi

    LAST_DAY=2026-03-01 DAYS=${DOCS_DAYS:-66}
    FIRST_TIME=$(date -u -d "$LAST_DAY - $((DAYS - 1)) days" +%FT06:00:00Z)
    start_simulator --now "$FIRST_TIME" --seed 11
    start_cluster "shared_preload_libraries = 'dreamsuite'" "dreamsuite.test_base_url = '$SIMULATOR'" \
        "dreamsuite.test_now = '$FIRST_TIME'" "dreamsuite.keyring_file = '$WORK/keyring'"
    . test/docs/fill
    as_user psql -X -q -d template1 -c 'CREATE ROLE anon NOLOGIN' -c 'CREATE ROLE authenticated NOLOGIN' \
        -c 'CREATE ROLE service_role NOLOGIN BYPASSRLS'
    # a database can be copied while nobody is in it
    as_user psql -X -q -c 'ALTER SYSTEM SET dreamsuite.enabled = off' -c 'SELECT pg_reload_conf()' >/dev/null
    for n in $(seq 50); do
        [ "$(as_user psql -X -At -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dreamsuite collector'")" = 0 ] && break
        sleep 0.1
    done
    as_user psql -X -q -d template1 -c 'CREATE DATABASE filled TEMPLATE postgres' -c 'ALTER SYSTEM RESET dreamsuite.enabled' \
        -c 'SELECT pg_reload_conf()' >/dev/null
    cp README.md "$WORK/tree/" && cp -a src "$WORK/tree/"
    as_user timeout 500 python3 "$WORK/tree/test/docs/run_pages.py" filled "$WORK/tree" ${PAGES:-} >"$WORK/docs.tap" 2>"$WORK/docs.err"
    status=$?
    [ $status -ne 0 ] && tail -n 20 "$WORK/docs.err"
    count_tap "$WORK/docs.tap" "documentation" $status
    if grep -q '^# not run' "$WORK/docs.tap"; then
        sed -n 's/^# not run/  &/p' "$WORK/docs.tap"
        skip "$(grep -c '^# not run' "$WORK/docs.tap") blocks of the documentation, for the reasons above"
    fi
    stop_simulator
    stop_cluster
    rm -rf "$WORK/db"
fi
