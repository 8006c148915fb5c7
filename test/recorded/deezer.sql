-- Recorded answers of Deezer. psql -v fixtures=DIR -f deezer.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.deezer(step text, body text, artist text DEFAULT '27', "of" text DEFAULT NULL) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('deezer', jsonb_build_object(step, jsonb_build_array(
  CASE WHEN "of" IS NULL THEN body::jsonb ELSE jsonb_build_object('of', "of", 'body', body::jsonb) END)),
  '2026-11-24 06:00+00', jsonb_build_object('external_id', artist)) $$;

\set body `cat :'fixtures'/deezer/artist_27.json`
SELECT 'artist', m -> 'fans_count', m -> 'album_count', m -> 'track_count' FROM (SELECT pg_temp.deezer('artist', :'body') -> 'metrics' AS m) AS x;

\set body `cat :'fixtures'/deezer/artist_albums_page1.json`
SELECT 'albums', count(*), count(*) FILTER (WHERE c ->> 'kind' = 'single'), min(c ->> 'published_at'), max(c ->> 'published_at'), sum((c ->> 'likes')::int)
FROM jsonb_array_elements(pg_temp.deezer('albums', :'body') -> 'content') AS c;
SELECT 'first album', c ->> 'content_id', c ->> 'title', c ->> 'url', c -> 'collaborators'
FROM (SELECT pg_temp.deezer('albums', :'body') #> '{content,0}' AS c) AS x;
SELECT 'track_count of an unfinished listing', pg_temp.deezer('albums', :'body') #> '{metrics,track_count}';

\set body `cat :'fixtures'/deezer/artist_albums_limit1.json`
SELECT 'one album a page', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'likes'
FROM jsonb_array_elements(pg_temp.deezer('albums', :'body') -> 'content') AS c;

\set body `cat :'fixtures'/deezer/album_302127.json`
SELECT 'album', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'likes', c -> 'collaborators', c -> 'extra'
FROM (SELECT pg_temp.deezer('album', :'body', '27', '302127') #> '{content,0}' AS c) AS x;
SELECT 'its tracks', count(*), min(c ->> 'content_id'), max(c ->> 'content_id'), min(c ->> 'published_at')
FROM jsonb_array_elements(pg_temp.deezer('album', :'body', '27', '302127') -> 'content') AS c WHERE c ->> 'kind' = 'track';
SELECT 'as a catalogue of one', dreamsuite.normalise('deezer', jsonb_build_object('albums', '[{"data": [{"id": 302127}]}]'::jsonb,
  'album', jsonb_build_array(jsonb_build_object('of', '302127', 'body', :'body'::jsonb))), now(), '{"external_id": "27"}') #> '{metrics,track_count}';

\set body `cat :'fixtures'/deezer/artist_playlists_page1.json`
SELECT 'artist_playlists', pg_temp.deezer('artist_playlists', :'body') #> '{metrics,playlist_placements}';

\set body `cat :'fixtures'/deezer/playlist_tracks_page1.json`
SELECT 'tracked playlist', artist, pg_temp.deezer('tracked_playlists', :'body', artist, '9200461') #> '{metrics,playlist_placements}'
FROM unnest(ARRAY['901', '612', '27']) AS artist;

\set body `cat :'fixtures'/deezer/user_me_tracks.json`
SELECT 'favorite_tracks', pg_temp.deezer('favorite_tracks', :'body') #> '{metrics,favorite_tracks}';

\set body `cat :'fixtures'/deezer/user_playlists_25.json`
SELECT 'playlists', pg_temp.deezer('playlists', :'body') #> '{metrics,playlists_count}';

\set body `cat :'fixtures'/deezer/user_me.json`
SELECT 'user', pg_temp.deezer('user', :'body') -> 'core';

\set body `cat :'fixtures'/deezer/empty_list.json`
SELECT 'empty list', pg_temp.deezer('albums', :'body') #> '{metrics,track_count}', pg_temp.deezer('favorite_tracks', :'body') #> '{metrics,favorite_tracks}',
  pg_temp.deezer('artist_playlists', :'body') #> '{metrics,playlist_placements}';

-- Errors come with HTTP 200.
\set body `cat :'fixtures'/deezer/error_800_no_data.json`
SELECT 'error 800', dreamsuite.classify_answer('deezer', 200, :'body') ->> 'error_class', pg_temp.deezer('artist', :'body') #> '{metrics,fans_count}';

\set body `cat :'fixtures'/deezer/error_500_wrong_parameter.json`
SELECT 'error 500', dreamsuite.classify_answer('deezer', 200, :'body') ->> 'error_class';

\set body `cat :'fixtures'/deezer/success_with_empty_error_array.json`
SELECT 'empty error', dreamsuite.classify_answer('deezer', 200, :'body') ->> 'error_class';

-- The artist's best tracks: not a step's own answer, but a page of tracks like that of a playlist. Guests count, whoever is listed.
\set body `cat :'fixtures'/deezer/artist_top_page1.json`
SELECT 'top tracks', dreamsuite.classify_answer('deezer', 200, :'body') ->> 'error_class';
SELECT 'top tracks as a tracked playlist', artist, pg_temp.deezer('tracked_playlists', :'body', artist, '1') #> '{metrics,playlist_placements}'
FROM unnest(ARRAY['27', '295821', '103', '901']) AS artist;
-- as the tracks within an album: a rank is not a count
SELECT 'top tracks in an album', c ->> 'content_id', c ->> 'title', c -> 'collaborators', c -> 'likes', c -> 'views'
FROM jsonb_array_elements(pg_temp.deezer('album', jsonb_build_object('id', 302127, 'type', 'album', 'release_date', '2001-03-07', 'tracks', :'body'::jsonb)::text,
  '27', '302127') -> 'content') AS c WHERE c ->> 'kind' = 'track';
-- 100 is the most that the platform tells of them: never the artist's number of tracks
SELECT 'top tracks as albums', r #> '{metrics,track_count}', r -> 'content' FROM (SELECT pg_temp.deezer('albums', :'body') AS r) AS x;
-- the next page is asked while no track is the artist's
SELECT 'next page', artist, r FROM unnest(ARRAY['27', '901']) AS artist LEFT JOIN LATERAL (
  SELECT r FROM jsonb_array_elements_text(dreamsuite.plan_requests('deezer',
    jsonb_build_object('external_id', artist, 'settings', '{"tracked_playlists": ["1"]}'::jsonb),
    jsonb_build_object(format('https://api.deezer.com/artist/%s/playlists?limit=100', artist), '{"data": []}'::jsonb,
      'https://api.deezer.com/playlist/1/tracks?limit=100', :'body'::jsonb)) -> 'requests') AS r WHERE r LIKE '%index=5%') AS page ON true;

-- One track: no list of any sort, so nothing is known where a list was asked for, and its number is not the artist's.
\set body `cat :'fixtures'/deezer/track_3135556.json`
SELECT 'track', dreamsuite.classify_answer('deezer', 200, :'body') ->> 'error_class';
SELECT 'track as', step, (SELECT count(*) FROM jsonb_each(r -> 'metrics') AS m WHERE m.value <> 'null'), r -> 'content'
FROM unnest(ARRAY['artist', 'albums', 'artist_playlists', 'favorite_tracks', 'playlists', 'user']) AS step,
  LATERAL (SELECT pg_temp.deezer(step, :'body') AS r) AS x;
SELECT 'track as', 'tracked_playlists', pg_temp.deezer('tracked_playlists', :'body', '27', '1') #> '{metrics,playlist_placements}';
SELECT 'track as', 'album', pg_temp.deezer('album', :'body', '27', '3135556') -> 'content';
-- A track within an album is dated by the album.
SELECT 'track in its album', c ->> 'content_id', c ->> 'title', c ->> 'url', c ->> 'published_at', c -> 'collaborators', c -> 'likes', c #>> '{extra,album_id}'
FROM jsonb_array_elements(pg_temp.deezer('album', jsonb_build_object('id', 302127, 'type', 'album', 'release_date', '2001-03-07',
  'tracks', jsonb_build_object('data', jsonb_build_array(:'body'::jsonb)))::text, '27', '302127') -> 'content') AS c WHERE c ->> 'kind' = 'track';
