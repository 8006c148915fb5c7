# Every input of the fuzzers' corpus once: the programs under sanitizers, what needs a server in one with its ordinary build.
# Sourced by check; make fuzz looks for new ones.
if wanted fuzz; then
    need_packages clang libclang-rt-dev
    as_user make -s -C "$WORK/tree/test/fuzz" ROOT="$ROOT" PG_CONFIG="$PG_CONFIG" replay >"$WORK/fuzz.tap" 2>"$WORK/fuzz.err"
    status=$?
    [ $status -ne 0 ] && tail -n 20 "$WORK/fuzz.err"
    count_tap "$WORK/fuzz.tap" "parsers on the fuzzers' corpus" $status

    if build_module fuzz_replay; then
        cp test/modules/fuzz_replay/fuzz_replay.so "$WORK/"
        start_cluster "dreamsuite.test_now = '2026-03-01 12:00:00+00'"
        # the library with the fuzzers stands in for the extension's
        as_user psql -X -q -c 'CREATE EXTENSION dreamsuite' \
            -c "UPDATE pg_proc SET probin = '$WORK/fuzz_replay' WHERE probin = '\$libdir/dreamsuite'"
        # in a session of its own: one library alone can have the settings
        as_user psql -X -q -c "CREATE FUNCTION fuzz(text, text[]) RETURNS integer AS '$WORK/fuzz_replay', 'dreamsuite_fuzz' LANGUAGE C STRICT"
        for corpus in "$WORK"/tree/test/fuzz/corpus/{answers_*,headers,import,cron}; do
            n=$(as_user psql -X -At -c "SELECT fuzz('$(basename "$corpus")', '{$corpus}')" 2>>"$WORK/fuzz.err")
            [ "${n:-0}" = "$(ls "$corpus" | wc -l)" ] && echo "ok - the corpus of $(basename "$corpus")" ||
                echo "not ok - the corpus of $(basename "$corpus"): $(grep "^$(basename "$corpus"): " "$WORK/server.log" | tail -n 1)"
        done >"$WORK/fuzz_replay.tap"
        count_tap "$WORK/fuzz_replay.tap" "platforms, headers, imports and schedules on the fuzzers' corpus" 0
        stop_cluster
        rm -rf "$WORK/db"
    fi
fi
