#!/usr/bin/env bash
# statistics.sh: what insight_facts() finds of planted truths, and what it finds where there is none. TAP on standard
# output, with the tables as comments.
#
#   ARTISTS=20 test/insight/statistics.sh          on the server and database that PGHOST, PGPORT and PGDATABASE name
#
# Artists come from generate.py. The limits: a family's share of artists without a truth that get any of its facts is at
# most its level + 0.02, that of all families together at most 0.12, each plus what chance adds to so few artists (two
# standard errors); of the planted truths at least a stated share is found.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")"
ARTISTS=${ARTISTS:-20}
run() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
number=0
ok() { number=$((number + 1)); [ "$1" = t ] && echo "ok $number - $2" || echo "not ok $number - $2"; }

run -c 'CREATE EXTENSION IF NOT EXISTS dreamsuite' -c 'DROP TABLE IF EXISTS told' \
    -c 'CREATE TABLE told (setting text, user_id uuid, truth int, family text, kind text, direction text, platform text, metric text, evidence_class text, level float8)' || exit 1

# look SETTING: the facts of all artists that are loaded, which then make room
look() {
    run -v setting="$1" <<'SQL'
ANALYZE dreamsuite.daily_metrics;
INSERT INTO told
SELECT :'setting', u.user_id, substr(u.user_id::text, 5, 4)::int, f.family, f.kind, f.direction, f.platform, f.metric, f.evidence_class,
       CASE WHEN f.family ~ 'spikes' THEN 0.05 ELSE 0.10 END
  FROM (SELECT DISTINCT user_id FROM dreamsuite.daily_metrics) u
  LEFT JOIN LATERAL dreamsuite.insight_facts(u.user_id) f ON f.evidence_class = 'tested' OR f.kind IN ('gaps', 'counter_reset');
TRUNCATE dreamsuite.daily_metrics, dreamsuite.content_items;
SQL
}

# Without a truth: posts, autocorrelation and counts a day, each at its ends and in the middle
for setting in '30 0 30' '60 0.6 3' '120 0.8 300' '60 0.8 30' '30 0.6 0.5' '120 0 10'; do
    read -r posts rho mean <<<"$setting"
    python3 generate.py --truth none --artists "$ARTISTS" --posts "$posts" --rho "$rho" --mean "$mean" | run || exit 1
    look "$setting"
done
echo '# share of artists without a truth that get any tested fact, by family and for all'
run -F ' ' <<'SQL' | sed 's/^/# /'
SELECT rpad(coalesce(family, 'all'), 16), round(count(DISTINCT (setting, user_id)) FILTER (WHERE evidence_class = 'tested') /
       (SELECT count(DISTINCT (setting, user_id)) FROM told WHERE truth = 0)::numeric, 3)
  FROM told WHERE truth = 0 GROUP BY ROLLUP (family) HAVING family IS NOT NULL OR grouping(family) = 1 ORDER BY 1;
SQL
echo '# and by setting: posts, autocorrelation, count a day'
run -F ' ' <<'SQL' | sed 's/^/# /'
SELECT rpad(setting, 16), round(count(DISTINCT user_id) FILTER (WHERE evidence_class = 'tested') / count(DISTINCT user_id)::numeric, 3)
  FROM told WHERE truth = 0 GROUP BY setting ORDER BY setting;
SQL
while IFS='|' read -r family good share; do
    ok "$good" "false alarms of ${family:-all families}: $share"
done < <(run <<'SQL'
WITH all_artists AS (SELECT count(DISTINCT (setting, user_id))::float8 AS n FROM told WHERE truth = 0),
     shares AS (SELECT f.family, f.level, n, count(DISTINCT (t.setting, t.user_id)) FILTER (WHERE t.user_id IS NOT NULL) / n AS share
                  FROM (VALUES ('spikes', 0.05), ('past_spikes', 0.05), ('weeks', 0.1), ('change_points', 0.1), ('weekend', 0.1), ('posts', 0.1),
                               ('platform_pairs', 0.1), ('promotion', 0.1), (NULL, 0.1)) AS f(family, level)
                  CROSS JOIN all_artists
                  LEFT JOIN told t ON t.truth = 0 AND t.evidence_class = 'tested' AND (f.family IS NULL OR t.family = f.family)
                 GROUP BY f.family, f.level, n)
SELECT family, share <= level + 0.02 + 2 * sqrt((level + 0.02) * (1 - level - 0.02) / n), round(share::numeric, 3) FROM shares;
SQL
)

# Planted truths: TRUTH NUMBER KIND DIRECTION LEAST-RECALL
echo '# planted truths: share found, and of the artists told of it the share that has it'
while read -r truth kind direction least; do
    python3 generate.py --truth "$truth" --artists "$ARTISTS" --posts 60 --rho 0 --mean 30 --seed 2 | run || exit 1
    look "$truth"
    IFS='|' read -r recall precision good <<<"$(run -v truth="$truth" -v kind="$kind" -v direction="$direction" -v artists="$ARTISTS" -v least="$least" <<'SQL'
SELECT round(found / :artists::numeric, 2), round(found / greatest(found + elsewhere, 1)::numeric, 2), found / :artists::numeric >= :least
  FROM (SELECT count(DISTINCT user_id) FILTER (WHERE setting = :'truth') AS found,
               count(DISTINCT (setting, user_id)) FILTER (WHERE truth = 0) AS elsewhere
          FROM told WHERE kind = :'kind' AND coalesce(direction, '-') = :'direction') c;
SQL
)"
    printf '# %-16s %-18s recall %s  precision %s\n' "$truth" "$kind" "${recall:-none}" "${precision:-none}"
    ok "${good:-f}" "$truth: $kind found of ${recall:-none}, precision ${precision:-none} beside six times as many artists without it"
done <<'TRUTHS'
format format_effect up 0.5
collaboration spike_up up 0.2
level change_point up 0.7
weekend weekend_effect down 0.8
lead lead_lag up 0.8
release release_promotion up 0.8
week unusual_week up 0.6
gap gaps - 0.9
reset counter_reset down 0.9
TRUTHS

# Traps: nothing of the kind may be told, whatever the level
while read -r truth kind platform metric; do
    python3 generate.py --truth "$truth" --artists "$ARTISTS" --posts 60 --rho 0 --mean 30 --seed 3 | run || exit 1
    look "trap $truth"
    wrong=$(run -v truth="trap $truth" -v kind="$kind" -v platform="$platform" -v metric="$metric" <<'SQL'
SELECT count(DISTINCT user_id) FROM told WHERE setting = :'truth' AND evidence_class = 'tested' AND kind ~ :'kind' AND platform = :'platform'
   AND (:'metric' = '-' OR metric = :'metric');
SQL
)
    # a trap that is no more than an artist without a truth may still meet a false alarm of its family
    ok "$([ "$wrong" -le $((ARTISTS / 10)) ] && echo t || echo f)" "$truth: $kind of $platform told of $wrong in $ARTISTS"
done <<'TRAPS'
zero spike|unusual|change instagram follower_count
gap spike|unusual instagram -
reset spike|unusual|change instagram follower_count
rounding spike|unusual|change|weekend youtube subscriber_count
echo spike|unusual|change spotify -
young format instagram -
growth_format format instagram -
TRAPS
run -c 'DROP TABLE told'
echo "1..$number"
