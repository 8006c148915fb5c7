# Every input of the fuzzers' corpus once, under sanitizers. Sourced by check; make fuzz looks for new ones.
if wanted fuzz; then
    need_packages clang libclang-rt-dev
    as_user make -s -C "$WORK/tree/test/fuzz" ROOT="$ROOT" PG_CONFIG="$PG_CONFIG" replay >"$WORK/fuzz.tap" 2>"$WORK/fuzz.err"
    status=$?
    [ $status -ne 0 ] && tail -n 20 "$WORK/fuzz.err"
    count_tap "$WORK/fuzz.tap" "parsers on the fuzzers' corpus" $status
fi
