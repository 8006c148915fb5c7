-- Recorded answers of Tidal. psql -v fixtures=DIR -f tidal.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.tidal(step text, body text, artist text, "of" text DEFAULT NULL) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('tidal', jsonb_build_object(step, jsonb_build_array(
  CASE WHEN "of" IS NULL THEN body::jsonb ELSE jsonb_build_object('of', "of", 'body', body::jsonb) END)),
  '2026-11-24 06:00+00', jsonb_build_object('external_id', artist)) $$;

-- The artists lie the other way round in the answer than in the release.
\set body `cat :'fixtures'/tidal/albums_single_two_artists_gb.json`
SELECT 'single', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'collaborators', c -> 'extra'
FROM jsonb_array_elements(pg_temp.tidal('albums', :'body', '3534754') -> 'content') AS c;
SELECT 'collaborators by artist', artist, pg_temp.tidal('albums', :'body', artist) #> '{content,0,collaborators}'
FROM unnest(ARRAY['3658521', '1']) AS artist;

\set body `cat :'fixtures'/tidal/albums_46_items_first_page_us.json`
SELECT 'album', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c -> 'collaborators', c -> 'extra'
FROM jsonb_array_elements(pg_temp.tidal('albums', :'body', '5664171') -> 'content') AS c;

-- A page of tracks with their artists, as a tracked playlist's page is.
\set body `cat :'fixtures'/tidal/album_items_page2_us.json`
SELECT 'items', artist, d #> '{metrics,playlist_placements}', jsonb_array_length(d -> 'content')
FROM unnest(ARRAY['5664171', '3534754']) AS artist, pg_temp.tidal('tracked_playlists', :'body', artist, 'u1') AS d;
SELECT 'first track', c ->> 'content_id', c ->> 'kind', c ->> 'title', c ->> 'url', c -> 'collaborators', c -> 'extra'
FROM (SELECT pg_temp.tidal('tracked_playlists', :'body', '5664171', 'u1') #> '{content,0}' AS c) AS x;
SELECT 'next page', r FROM jsonb_array_elements_text(dreamsuite.plan_requests('tidal', '{"external_id": "1", "settings": {"tracked_playlists": ["u1"]}}',
  jsonb_build_object('https://openapi.tidal.com/v2/artists/1?countryCode=US', '{"data": {"id": "1"}}'::jsonb,
    'https://openapi.tidal.com/v2/playlists/u1/relationships/items?include=items.artists&countryCode=US', :'body'::jsonb)) -> 'requests') AS r
WHERE r LIKE '%cursor%';

-- Videos are not releases.
\set body `cat :'fixtures'/tidal/videos_gb.json`
SELECT 'videos', pg_temp.tidal('albums', :'body', '3557299') -> 'content';

\set body `cat :'fixtures'/tidal/error_401_sub11003_v1.json`
SELECT 'expired token', dreamsuite.classify_answer('tidal', 401, :'body') ->> 'error_class', dreamsuite.classify_answer('tidal', 0, :'body') ->> 'message',
  pg_temp.tidal('artist', :'body', '1') #> '{metrics,follower_count}';
