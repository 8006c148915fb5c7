# False alarms and recall of insight facts on generated artists. Sourced by check; more artists: ARTISTS=200.
if wanted statistics; then
    start_cluster
    as_user env PGDATABASE=postgres ARTISTS="${ARTISTS:-20}" timeout 300 "$WORK/tree/test/insight/statistics.sh" \
        >"$WORK/insight.tap" 2>"$WORK/insight.err"
    status=$?
    [ $status -ne 0 ] && tail -n 20 "$WORK/insight.err"
    grep '^#' "$WORK/insight.tap"
    count_tap "$WORK/insight.tap" "false alarms and recall of insight facts" $status
    stop_cluster
    rm -rf "$WORK/db"
fi
