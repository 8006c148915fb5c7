#!/usr/bin/env bash
# null_artists.sh: how many artists without any truth are told a tested fact, for every combination of posts (30, 60, 120),
# autocorrelation (0, 0.6, 0.8) and counts a day (0.5, 5, 50, 300). TAP on standard output, with the tables as comments.
#
#   ARTISTS=900 JOBS=2 test/insight/null_artists.sh     on the server that PGHOST and PGPORT name
#
# Uses databases null_artists_1 .. JOBS, made and dropped. A combination's share has a standard error of
# sqrt(share (1 - share) / ARTISTS), that of all together a sixth of it. The limits: the share of artists that get any tested
# fact is at most 0.10 + 0.02, and a family's at most its level + 0.02; each plus two of these errors, for a single combination
# three, since there are 36 of them. Artists come from generate.py, and are the same in every run.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")"
ARTISTS=${ARTISTS:-8} JOBS=${JOBS:-1} BATCH=100
run() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
number=0
ok() { number=$((number + 1)); [ "$1" = t ] && echo "ok $number - $2" || echo "not ok $number - $2"; }
drop() { for job in $(seq "$JOBS"); do run -d postgres -c "DROP DATABASE IF EXISTS null_artists_$job"; done; }
WORK=$(mktemp -d)
trap 'drop; rm -rf "$WORK"' EXIT

combinations() {
    for posts in 30 60 120; do for rho in 0 0.6 0.8; do for mean in 0.5 5 50 300; do echo "$posts $rho $mean"; done; done; done
}

# job NUMBER: every JOBSth combination, a batch of artists at a time; one line per artist and family that told something
job() {
    export PGDATABASE=null_artists_$1
    run -c 'CREATE EXTENSION dreamsuite' || return 1
    combinations | awk -v jobs="$JOBS" -v job="$1" 'NR % jobs == job % jobs' | while read -r posts rho mean; do
        for first in $(seq 1 $BATCH "$ARTISTS"); do
            count=$((ARTISTS - first + 1 < BATCH ? ARTISTS - first + 1 : BATCH))
            { python3 generate.py --truth none --artists "$count" --first "$first" --posts "$posts" --rho "$rho" --mean "$mean"
              echo 'ANALYZE dreamsuite.daily_metrics;'
              echo "SELECT '$posts', '$rho', '$mean', u.user_id, coalesce(f.family, '-') FROM (SELECT DISTINCT user_id FROM dreamsuite.daily_metrics) u
                      LEFT JOIN LATERAL dreamsuite.insight_facts(u.user_id) f ON f.evidence_class = 'tested';"
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

echo "# share of artists without a truth that get any tested fact, $ARTISTS for each combination"
echo '#'
sort -t'|' -u -k1,1n -k2,2n -k3,3n -k4 "$WORK"/told_* | awk -F'|' -v artists="$ARTISTS" '
    function error(p, n) { return sqrt(p * (1 - p) / n) }
    function line(what, told, n, limit, errors,    share) {
        share = told / n
        printf "%-44s %5d of %6d  %.3f  (standard error %.3f)\n", "# " what, told, n, share, error(share, n)
        if (share > limit + errors * error(limit, n)) beyond = beyond what ": " share "; "
    }
    { setting = $1 " posts, rho " $2 ", " $3 " a day"
      if (!((setting, $4) in seen)) { seen[setting, $4] = 1; if (!(setting in n)) order[++settings] = setting; n[setting]++; N++ }
      if ($5 == "-") next
      family[$5]++
      if (!((setting, $4) in any)) { any[setting, $4] = 1; told[setting]++; all++
          margin[$1 " posts"]++; margin["rho " $2]++; margin[$3 " a day"]++ } }
    END {
        for (i = 1; i <= settings; i++) line(order[i], told[order[i]], n[order[i]], 0.12, 3)
        print "#"
        split("30 posts,60 posts,120 posts", posts, ","); for (i = 1; i <= 3; i++) line(posts[i], margin[posts[i]], N / 3, 0.12, 2)
        split("rho 0,rho 0.6,rho 0.8", rho, ","); for (i = 1; i <= 3; i++) line(rho[i], margin[rho[i]], N / 3, 0.12, 2)
        split("0.5 a day,5 a day,50 a day,300 a day", mean, ","); for (i = 1; i <= 4; i++) line(mean[i], margin[mean[i]], N / 4, 0.12, 2)
        line("all", all, N, 0.12, 2)
        print "#"
        split("spikes,past_spikes,weeks,change_points,weekend,posts,platform_pairs,promotion", names, ",")
        for (i = 1; i <= 8; i++) line("family " names[i], family[names[i]] + 0, N, (names[i] ~ /spikes/ ? 0.05 : 0.10) + 0.02, 2)
        print "artists " N
        print "beyond " beyond
    }' >"$WORK/table"
grep '^#' "$WORK/table"
counted=$(sed -n 's/^artists //p' "$WORK/table")
ok "$([ "$counted" = $((ARTISTS * 36)) ] && echo t || echo f)" "$counted artists of 36 combinations looked at"
beyond=$(sed -n 's/^beyond //p' "$WORK/table")
ok "$([ -z "$beyond" ] && echo t || echo f)" "false alarms within their level + 0.02 and the error of sampling${beyond:+; beyond: $beyond}"
echo "1..$number"
