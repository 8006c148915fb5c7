#!/usr/bin/env bash
# statistics.sh: what insight_facts() finds of planted truths, and what it finds where there is none. TAP on standard
# output, with the tables as comments.
#
#   test/insight/statistics.sh                                   on the server that PGHOST and PGPORT name
#   ARTISTS=200 NULLS=900 JOBS=2 test/insight/statistics.sh      more artists for each truth, and for each combination without
#
# Artists come from generate.py. First those without a truth (null_artists.sh); then for each kind of fact the share of artists
# with the planted truth that are told of it (recall), the share of those without that are told the same, and from both the
# precision among as many with as without; at last the traps, of which nothing may be told.
# Uses databases null_artists_N and statistics, made and dropped.
#
# What artists must be able to rely on is held here and in: no more false alarms than stated (null_artists.sh), no alarm of the
# first one after zeros (trap zero), recall of days of two and three times (spike2, spike3; test/sim_stats/cover.c), no echo of a
# 28-day total (echo), gaps and resets (gap, reset), steps of a rounded counter (rounding), dates of goals that hold in 72 to 88
# of 100 cases (test/sim_stats/cover.c), young posts (young), formats that came late to a growing account (growth_format); the
# same facts for the same data, byte by byte, in test/sql/insight_rules.sql; every sentence in test/sql/insight_sentences.sql.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")"
ARTISTS=${ARTISTS:-20} NULLS=${NULLS:-8} JOBS=${JOBS:-1} BATCH=40
WORK=$(mktemp -d)
trap 'run -d postgres -c "DROP DATABASE IF EXISTS statistics"; rm -rf "$WORK"' EXIT
run() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
number=0
ok() { number=$((number + 1)); [ "$1" = t ] && echo "ok $number - $2" || echo "not ok $number - $2"; }

TOLD=$WORK/none ARTISTS=$NULLS JOBS=$JOBS ./null_artists.sh >"$WORK/tap" || exit 1
while read -r line; do
    case $line in
        'ok '*) ok t "${line#*- }" ;;
        'not ok '*) ok f "${line#*- }" ;;
        '#'*) echo "$line" ;;
    esac
done <"$WORK/tap"

run -d postgres -c 'DROP DATABASE IF EXISTS statistics' -c 'CREATE DATABASE statistics' || exit 1
export PGDATABASE=statistics
run -c 'CREATE EXTENSION dreamsuite' || exit 1

# told TRUTH POSTS MEAN SEED: user|kind|direction|platform|metric of every tested or telling fact; batches, since a day on which
# many accounts jump is the platform's
told() {
    for first in $(seq 1 $BATCH "$ARTISTS"); do
        count=$((ARTISTS - first + 1 < BATCH ? ARTISTS - first + 1 : BATCH))
        { python3 generate.py --truth "$1" --artists "$count" --first "$first" --posts "$2" --rho 0 --mean "$3" --seed "$4"
          echo 'ANALYZE dreamsuite.daily_metrics;'
          echo "SELECT u.user_id, f.kind, coalesce(f.direction, '-'), f.platform, coalesce(f.metric, '-')
                  FROM (SELECT DISTINCT user_id FROM dreamsuite.daily_metrics) u, dreamsuite.insight_facts(u.user_id) f
                 WHERE f.evidence_class = 'tested' OR f.kind IN ('new_record', 'gaps', 'counter_reset');"
          echo 'TRUNCATE dreamsuite.daily_metrics, dreamsuite.content_items;'; } | run || exit 1
    done
}

# Planted truths: TRUTH POSTS MEAN KIND DIRECTION LEAST-RECALL; 0 where no more is promised than that nothing false is told
echo "# planted truths, $ARTISTS artists each: recall, the share of $((36 * NULLS)) artists without it that are told the same, and"
echo '# precision among as many with as without'
while read -r truth posts mean kind direction least; do
    told "$truth" "$posts" "$mean" 2 >"$WORK/told"
    found=$(awk -F'|' -v kind="$kind" -v way="$direction" '$2 == kind && $3 == way { print $1 }' "$WORK/told" | sort -u | wc -l)
    wrong=$(awk -F'|' -v kind="$kind" -v way="$direction" '$6 == kind && $7 == way { print $1, $2, $3, $4 }' "$WORK/none" | sort -u | wc -l)
    read -r recall rate precision good <<<"$(awk -v f="$found" -v a="$ARTISTS" -v w="$wrong" -v n=$((36 * NULLS)) -v least="$least" \
        'BEGIN { r = f / a; p = w / n; printf "%.2f %.3f %s %s", r, p, (r + p > 0 ? sprintf("%.2f", r / (r + p)) : "none"), (r >= least ? "t" : "f") }')"
    printf '# %-14s %3d posts %4s a day  %-20s %-5s recall %s  elsewhere %s  precision %s\n' \
        "$truth" "$posts" "$mean" "$kind" "$direction" "$recall" "$rate" "$precision"
    ok "$good" "$truth: $kind $direction found of $recall (at least $least), elsewhere $rate"
done <<'TRUTHS'
spike 60 30 spike_up up 0.8
spike 60 300 spike_up up 0.8
spike2 60 30 spike_up up 0
spike3 60 30 spike_up up 0
spike2 60 300 spike_up up 0
spike3 60 300 spike_up up 0
drop 60 300 spike_down down 0
collaboration 60 30 spike_up up 0.8
level 60 30 change_point up 0.7
weekend 60 30 weekend_effect down 0.8
week 60 30 unusual_week up 0.6
record 60 30 new_record up 0.9
format 60 30 format_effect up 0.5
format2 60 30 format_effect up 0
format2 120 30 format_effect up 0.4
weekday2 120 30 weekday_effect up 0
weekday3 60 30 weekday_effect up 0
weekday3 120 30 weekday_effect up 0.3
daypart3 120 30 daypart_effect up 0.8
together3 120 30 collaboration_effect up 0.8
lead 60 30 lead_lag up 0.9
release 60 30 release_promotion up 0.9
gap 60 30 gaps - 0.9
reset 60 30 counter_reset down 0.9
TRUTHS

# Traps: nothing of the kind may be told, whatever the level
while read -r truth kind platform metric; do
    told "$truth" 60 30 3 >"$WORK/told"
    wrong=$(awk -F'|' -v kind="$kind" -v platform="$platform" -v metric="$metric" \
        '$2 ~ kind && $4 == platform && (metric == "-" || $5 == metric) && $2 !~ /gaps|counter_reset|new_record/ { print $1 }' "$WORK/told" | sort -u | wc -l)
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
echo "1..$number"
