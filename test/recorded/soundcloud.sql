-- Recorded answers of SoundCloud. psql -v fixtures=DIR -f soundcloud.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset null null
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.soundcloud(step text, body jsonb) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('soundcloud', jsonb_build_object(step, jsonb_build_array(body)), '2026-11-24 06:00+00') $$;

\set body `cat :'fixtures'/soundcloud/me_2018.json`
SELECT 'me', m -> 'follower_count', m -> 'tracks_count', m -> 'likes_total', m -> 'reposts_total', m -> 'comments_total', m -> 'top_tracks'
FROM (SELECT pg_temp.soundcloud('me', :'body') -> 'metrics' AS m) AS x;

\set body `cat :'fixtures'/soundcloud/user_null_counts_2015.json`
SELECT 'null counters', n #> '{metrics,follower_count}', n #> '{metrics,tracks_count}', n #> '{metrics,reposts_total}', n -> 'core'
FROM (SELECT pg_temp.soundcloud('me', :'body') AS n) AS x;

\set body `cat :'fixtures'/soundcloud/track_2022.json`
SELECT 'one track', m -> 'total_plays', m -> 'likes_total', m -> 'reposts_total', m -> 'comments_total', m -> 'tracks_uploaded_24h', m -> 'top_tracks'
FROM (SELECT pg_temp.soundcloud('tracks', jsonb_build_array(:'body'::jsonb)) -> 'metrics' AS m) AS x;
SELECT 'its item', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c ->> 'views', c ->> 'likes', c ->> 'comments', c ->> 'shares'
FROM (SELECT pg_temp.soundcloud('tracks', jsonb_build_object('collection', jsonb_build_array(:'body'::jsonb), 'next_href', null)) #> '{content,0}' AS c) AS x;

\set body `cat :'fixtures'/soundcloud/track_list_plain_array_2016.json`
SELECT 'a bare array', m -> 'total_plays', m -> 'likes_total', m -> 'reposts_total', m -> 'comments_total'
FROM (SELECT pg_temp.soundcloud('tracks', :'body') -> 'metrics' AS m) AS x;
SELECT 'top track', t ->> 'track_id', t -> 'plays', t -> 'likes', t -> 'reposts', t -> 'comments'
FROM jsonb_array_elements(pg_temp.soundcloud('tracks', :'body') #> '{metrics,top_tracks}') AS t;
SELECT 'core', pg_temp.soundcloud('tracks', :'body') -> 'core';

\set body `cat :'fixtures'/soundcloud/users_collection_next_href.json`
SELECT 'next page', r FROM jsonb_array_elements_text(dreamsuite.plan_requests('soundcloud', '{"has_token": true}',
  jsonb_build_object('https://api.soundcloud.com/me/tracks?limit=200&linked_partitioning=true', :'body'::jsonb)) -> 'requests') AS r
WHERE r LIKE '%cursor=%';

\set answer `cat :'fixtures'/soundcloud/me_401_empty_body.http.json`
SELECT 'empty body', v ->> 'error_class'
FROM dreamsuite.classify_answer('soundcloud', (:'answer'::jsonb ->> 'status')::int, :'answer'::jsonb ->> 'body', :'answer'::jsonb -> 'headers') AS v;

\set body `cat :'fixtures'/soundcloud/track_404_legacy_errors.json`
SELECT 'not found', dreamsuite.classify_answer('soundcloud', 404, :'body') ->> 'error_class', dreamsuite.classify_answer('soundcloud', 0, :'body') ->> 'error_class',
       dreamsuite.classify_answer('soundcloud', 0, :'body') ->> 'message';

\set body `cat :'fixtures'/soundcloud/oauth_bundle_string_expires_in.json`
SELECT 'token', dreamsuite.classify_answer('soundcloud', 200, :'body'::jsonb #>> '{items,0,contentJson}') ->> 'error_class';
SELECT 'its me', pg_temp.soundcloud('me', :'body'::jsonb #> '{items,1,contentJson}') -> 'core';
