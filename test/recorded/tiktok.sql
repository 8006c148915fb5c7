-- Recorded answers of TikTok. psql -v fixtures=DIR -f tiktok.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset null null
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.tiktok(body text) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('tiktok', jsonb_build_object('user', jsonb_build_array(body::jsonb)), '2026-11-24 06:00+00') $$;
CREATE FUNCTION pg_temp.counters(body text) RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', m -> 'follower_count', m -> 'following_count', m -> 'total_likes', m -> 'video_count', m -> 'total_views',
  m -> 'top_videos') || ' ' || (n -> 'core')::text FROM (SELECT n, n -> 'metrics' AS m FROM pg_temp.tiktok(body) AS n) AS x $$;

\set body `cat :'fixtures'/tiktok/user_info_basic.json`
SELECT 'the basic scope alone', pg_temp.counters(:'body');
SELECT 'is an answer', dreamsuite.classify_answer('tiktok', 200, :'body') ->> 'error_class';

\set body `cat :'fixtures'/tiktok/user_info_stats_no_video_count.json`
SELECT 'no video_count', pg_temp.counters(:'body');

\set body `cat :'fixtures'/tiktok/user_info_err_access_token_invalid.json`
SELECT 'token invalid', pg_temp.counters(:'body');
SELECT 'under HTTP 401', v ->> 'error_class', v ->> 'message' FROM dreamsuite.classify_answer('tiktok', 401, :'body') AS v;
SELECT 'under HTTP 200', v ->> 'error_class' FROM dreamsuite.classify_answer('tiktok', 200, :'body') AS v;

\set body `cat :'fixtures'/tiktok/error_envelope_without_data.json`
SELECT 'envelope without data', v ->> 'error_class', v ->> 'message' FROM dreamsuite.classify_answer('tiktok', 200, :'body') AS v;

\set body `cat :'fixtures'/tiktok/legacy_v1_token_success.json`
SELECT 'first version, error_code 0', v ->> 'error_class' FROM dreamsuite.classify_answer('tiktok', 200, :'body') AS v;

\set body `cat :'fixtures'/tiktok/legacy_v1_refresh_token_expired.json`
SELECT 'first version, error_code 10010', v ->> 'error_class', v ->> 'message' FROM dreamsuite.classify_answer('tiktok', 200, :'body') AS v;
