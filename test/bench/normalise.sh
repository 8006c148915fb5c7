#!/usr/bin/env bash
# normalise.sh: normalise() of the largest recorded answer of each platform against jsonb_in() of the same text.
#
#   test/bench/normalise.sh                on the server that PGHOST and PGPORT name
#   FIXTURES=DIR SECONDS_EACH=0.5 ...      where the recorded answers are (default: ../shared/fixtures)
#
# The answers are jsonb already, as normalise() takes them; "from text" is the ratio with jsonb_in() before it. Makes the database bench_normalise and drops it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

FIXTURES=${FIXTURES:-$PWD/../shared/fixtures}
SECONDS_EACH=${SECONDS_EACH:-0.4}
[ -d "$FIXTURES" ] || { echo "There are no recorded answers at $FIXTURES: nothing to measure."; exit 0; }

psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS bench_normalise' -c 'CREATE DATABASE bench_normalise' 2>/dev/null
trap 'psql -X -q -d postgres -c "DROP DATABASE IF EXISTS bench_normalise"' EXIT
sql() { psql -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 -d bench_normalise "$@"; }

sql <<'SQL'
CREATE EXTENSION dreamsuite;
CREATE TABLE answers (platform text, step text, name text, settings jsonb, body text);

-- microseconds of one execution of each, in turns, the best of seven; `body` is the text, `parsed` the jsonb
CREATE FUNCTION us(statements text[], body text, seconds float8) RETURNS float8[]
LANGUAGE plpgsql AS $$
DECLARE
    parsed jsonb := body::jsonb;
    began timestamptz;
    n bigint[] := array_fill(1::bigint, ARRAY[array_length(statements, 1)]);
    best float8[] := array_fill('infinity'::float8, ARRAY[array_length(statements, 1)]);
    took float8;
BEGIN
    FOR turn IN 0 .. 7 LOOP
        FOR i IN 1 .. array_length(statements, 1) LOOP
            LOOP
                began := clock_timestamp();
                EXECUTE format('SELECT count(%s) FROM (SELECT $1 AS body, $2 AS parsed FROM generate_series(1, $3) OFFSET 0) AS s',
                    statements[i]) USING body, parsed, n[i];
                took := extract(epoch FROM clock_timestamp() - began);
                EXIT WHEN turn > 0 OR took > seconds / 16;
                n[i] := n[i] * 2;
            END LOOP;
            best[i] := least(best[i], took / n[i] * 1e6);
        END LOOP;
    END LOOP;
    RETURN best;
END
$$;
SQL

# PLATFORM STEP FILE SETTINGS: the file is one page of the step
while read -r platform step file settings; do
    [ -f "$FIXTURES/$platform/$file" ] || continue
    sql -v platform="$platform" -v step="$step" -v name="$file" -v settings="$settings" -v path="$FIXTURES/$platform/$file" <<'SQL'
\set body `cat :'path'`
INSERT INTO answers VALUES (:'platform', :'step', :'name', :'settings',
    CASE WHEN :'step' = 'tracked_playlists' THEN jsonb_build_object(:'step', jsonb_build_array(jsonb_build_object('of', '1', 'body', :'body'::jsonb)))
         ELSE jsonb_build_object(:'step', jsonb_build_array(:'body'::jsonb)) END::text);
SQL
done <<'TABLE'
apple_music charts charts_us_songs_albums_genre20_limit1.json {"external_id":"1"}
deezer albums artist_albums_page1.json {"external_id":"27"}
deezer tracked_playlists playlist_tracks_page1.json {"external_id":"27"}
facebook posts feed_fields_comments_insights_v23.json {}
facebook posts posts_shares_permalink_page1_v23_trimmed.json {}
instagram media media_page1_v25_trimmed.json {}
soundcloud tracks track_list_plain_array_2016.json {}
spotify albums artist_albums_page1__joostlek.json {"artist_id":"0TnOYISbd1XYRBk9myaseg"}
spotify playlists me_playlists_page1__items_and_tracks__joostlek.json {"artist_id":"0TnOYISbd1XYRBk9myaseg"}
tidal albums albums_46_items_first_page_us.json {"external_id":"1566"}
tiktok user user_info_stats_no_video_count.json {}
twitter tweets user_timeline_replies_quotes.json {}
youtube uploads playlistItems_list_page1__sns-sdks.json {}
youtube videos videos_list_page1__joostlek.json {}
TABLE

sql -v seconds="$SECONDS_EACH" <<'SQL'
SELECT format('%-46s %8s /s %7s MB/s  jsonb_in() %8s /s   ratio %s (aim 1.5), from text %s',
    platform || ' ' || step || ', ' || round(length(body) / 1024.0, 1) || ' kB',
    round((1e6 / us[1])::numeric), round((octet_length(body) / us[1])::numeric, 1), round((1e6 / us[2])::numeric),
    to_char(us[1] / us[2], 'FM990.00'), to_char(us[3] / us[2], 'FM990.00'))
FROM (SELECT a.*, us(ARRAY[format('dreamsuite.normalise(%L, parsed, ''2026-03-01 00:00+00'', %L)', platform, settings), 'body::jsonb',
              format('dreamsuite.normalise(%L, body::jsonb, ''2026-03-01 00:00+00'', %L)', platform, settings)], body, :seconds) AS us
      FROM answers AS a) AS measured
ORDER BY platform, step, length(body);
SQL
