# Statistics: simulations of src/stats, then false alarms and recall of insight facts on generated artists. Sourced by check;
# more artists: ARTISTS=200 NULLS=900, or make bench ONLY=statistics.
if wanted statistics; then
    as_user make -s -C "$WORK/tree/test/sim_stats" ROOT="$ROOT" check >"$WORK/sim_stats.tap" 2>&1
    count_tap "$WORK/sim_stats.tap" "simulations of the statistics" $?
    start_cluster
    as_user env ARTISTS="${ARTISTS:-20}" NULLS="${NULLS:-8}" JOBS=2 timeout 600 "$WORK/tree/test/insight/statistics.sh" \
        >"$WORK/insight.tap" 2>"$WORK/insight.err"
    status=$?
    [ $status -ne 0 ] && tail -n 20 "$WORK/insight.err"
    grep '^#' "$WORK/insight.tap"
    count_tap "$WORK/insight.tap" "false alarms and recall of insight facts" $status
    stop_cluster
    rm -rf "$WORK/db"
fi
