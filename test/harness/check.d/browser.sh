# The dashboard in a headless Chromium. Screenshots stay in output/browser. Sourced by check.
if wanted browser; then
    if [ -z "$(command -v chromium chromium-browser google-chrome | head -n 1)" ]; then
        # in a shell of its own: a machine that cannot install it skips the test
        (need_packages chromium fonts-dejavu-core) || true
    fi
    if [ -z "$(command -v chromium chromium-browser google-chrome | head -n 1)" ]; then
        skip "the dashboard in a browser: there is no Chromium"
    else
        start_cluster "dreamsuite.test_now = '2026-03-31T08:00:00Z'"
        as_user mkdir -p "$WORK/pages" "$WORK/shots"
        as_user psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION dreamsuite' -f "$WORK/tree/test/browser/pages.sql" >"$WORK/pages.log" 2>&1 ||
            { failed=$((failed + 1)); tail -n 20 "$WORK/pages.log"; }
        for artist in artist:a1 hostile:a2 empty:dead; do
            as_user psql -X -q -At -o "$WORK/pages/${artist%:*}.html" \
                -c "SELECT dreamsuite.dashboard(lpad('${artist#*:}', 32, '0')::uuid)"
        done
        as_user timeout 300 python3 "$WORK/tree/test/browser/dashboard.py" "$WORK/shots" \
            "$WORK"/pages/artist.html "$WORK"/pages/hostile.html "$WORK"/pages/empty.html >"$WORK/browser.tap" 2>"$WORK/browser.err"
        status=$?
        [ $status -ne 0 ] && tail -n 20 "$WORK/browser.err"
        count_tap "$WORK/browser.tap" "dashboard in a browser" $status
        mkdir -p output/browser && cp "$WORK"/shots/*.png "$WORK"/pages/*.html output/browser/ && say "screenshots: $ROOT/output/browser"
        stop_cluster
        rm -rf "$WORK/db"
    fi
fi
