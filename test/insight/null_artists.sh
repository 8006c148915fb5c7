#!/usr/bin/env bash
# null_artists.sh: how many artists without any truth are told a tested fact, for every combination of posts (30, 60, 120),
# autocorrelation (0, 0.6, 0.8) and counts a day (0.5, 5, 50, 300). TAP on standard output, with the tables as comments.
#
#   ARTISTS=900 JOBS=2 test/insight/null_artists.sh     on the server that PGHOST and PGPORT name
#   TOLD=FILE test/insight/null_artists.sh              also leaves what was told: combination|user|family|kind|direction
#
# Uses databases null_artists_1 .. JOBS, made and dropped. Artists come from generate.py and are the same in every run. The
# limits: the share of artists that get any tested fact is at most 0.10 + 0.02, and a family's at most its level + 0.02; each
# plus two standard errors of that share among so many artists, and for a single combination three, since there are 36.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")"
ARTISTS=${ARTISTS:-8} JOBS=${JOBS:-1} BATCH=100
WORK=$(mktemp -d)
TOLD=${TOLD:-$WORK/told}
run() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
number=0
ok() { number=$((number + 1)); [ "$1" = t ] && echo "ok $number - $2" || echo "not ok $number - $2"; }
drop() { for job in $(seq "$JOBS"); do run -d postgres -c "DROP DATABASE IF EXISTS null_artists_$job"; done; }
trap 'drop; rm -rf "$WORK"' EXIT

combinations() {
    for posts in 30 60 120; do for rho in 0 0.6 0.8; do for mean in 0.5 5 50 300; do echo "$posts $rho $mean"; done; done; done
}

# job NUMBER: every JOBSth combination, a batch of artists at a time; a line for each artist and tested fact
job() {
    export PGDATABASE=null_artists_$1
    run -c 'CREATE EXTENSION dreamsuite' || return 1
    combinations | awk -v jobs="$JOBS" -v job="$1" 'NR % jobs == job % jobs' | while read -r posts rho mean; do
        for first in $(seq 1 $BATCH "$ARTISTS"); do
            count=$((ARTISTS - first + 1 < BATCH ? ARTISTS - first + 1 : BATCH))
            { python3 generate.py --truth none --artists "$count" --first "$first" --posts "$posts" --rho "$rho" --mean "$mean"
              echo 'ANALYZE dreamsuite.daily_metrics;'
              echo "SELECT '$posts', '$rho', '$mean', u.user_id, coalesce(f.family, '-'), coalesce(f.kind, '-'), coalesce(f.direction, '-')
                      FROM (SELECT DISTINCT user_id FROM dreamsuite.daily_metrics) u
                      LEFT JOIN LATERAL dreamsuite.insight_facts(u.user_id) f ON f.evidence_class = 'tested' OR f.kind IN ('new_record', 'gaps', 'counter_reset');"
              echo 'TRUNCATE dreamsuite.daily_metrics, dreamsuite.content_items;'; } | run >>"$WORK/told_$1" || return 1
        done
    done
}

drop
for job in $(seq "$JOBS"); do
    run -d postgres -c "CREATE DATABASE null_artists_$job" || exit 1
    job "$job" &
done
wait
sort -t'|' -u -k1,1n -k2,2n -k3,3n -k4 "$WORK"/told_* >"$TOLD"

echo "# share of artists without a truth that get any tested fact, $ARTISTS for each combination"
awk -F'|' '
    function error(p, n) { return sqrt(p * (1 - p) / n) }
    function line(what, told, n, limit, errors,    share) {
        share = told / n
        printf "%-40s %5d of %6d  %.3f  (standard error %.3f)\n", "# " what, told, n, share, error(share, n)
        if (share > limit + errors * error(limit, n)) beyond = beyond what ": " share "; "
    }
    function margins(list, part,    i, names, count) {
        count = split(list, names, ",")
        for (i = 1; i <= count; i++) line(names[i] part, margin[names[i] part], N / count, 0.12, 2)
    }
    { setting = $1 " posts, rho " $2 ", " $3 " a day"
      if (!((setting, $4) in seen)) { seen[setting, $4] = 1; if (!(setting in n)) order[++settings] = setting; n[setting]++; N++ }
      if ($5 == "-") next
      if (!((setting, $4, $5) in in_family)) { in_family[setting, $4, $5] = 1; family[$5]++ }
      if (!((setting, $4) in any)) { any[setting, $4] = 1; told[setting]++; all++
          margin[$1 " posts"]++; margin["rho " $2]++; margin[$3 " a day"]++ } }
    END {
        for (i = 1; i <= settings; i++) line(order[i], told[order[i]], n[order[i]], 0.12, 3)
        margins("30 posts,60 posts,120 posts"); margins("rho 0,rho 0.6,rho 0.8"); margins("0.5 a day,5 a day,50 a day,300 a day")
        line("all", all, N, 0.12, 2)
        split("spikes,past_spikes,weeks,change_points,weekend,posts,platform_pairs,promotion", names, ",")
        for (i = 1; i <= 8; i++) line("family " names[i], family[names[i]] + 0, N, (names[i] ~ /spikes/ ? 0.05 : 0.10) + 0.02, 2)
        print "artists " N
        print "beyond " beyond
    }' "$TOLD" >"$WORK/table"
grep '^#' "$WORK/table"
counted=$(sed -n 's/^artists //p' "$WORK/table")
beyond=$(sed -n 's/^beyond //p' "$WORK/table")
ok "$([ "$counted" = $((ARTISTS * 36)) ] && echo t || echo f)" "$counted artists of 36 combinations looked at"
ok "$([ -z "$beyond" ] && echo t || echo f)" "false alarms within their level + 0.02 and the error of sampling${beyond:+; beyond: $beyond}"
echo "1..$number"
