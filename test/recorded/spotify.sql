-- Recorded answers of Spotify. psql -v fixtures=DIR -f spotify.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.spotify(step text, body text, artist text DEFAULT '0TnOYISbd1XYRBk9myaseg', "of" text DEFAULT NULL) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('spotify', jsonb_build_object(step, jsonb_build_array(
  CASE WHEN "of" IS NULL THEN body::jsonb ELSE jsonb_build_object('of', "of", 'body', body::jsonb) END)),
  '2026-11-24 06:00+00', jsonb_build_object('artist_id', artist)) $$;
CREATE FUNCTION pg_temp.verdict(status int, body text) RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope') FROM dreamsuite.classify_answer('spotify', status, body) AS v $$;

-- The followers of the user are not those of the artist.
\set body `cat :'fixtures'/spotify/me__extended__joostlek.json`
SELECT 'me', pg_temp.spotify('me', :'body') #> '{metrics,follower_count}', pg_temp.spotify('me', :'body') #> '{core,follower_count}';
\set body `cat :'fixtures'/spotify/me__documented__spotify-web-api-java.json`
SELECT 'me, documented', pg_temp.spotify('me', :'body') #> '{metrics,follower_count}';

\set body `cat :'fixtures'/spotify/me_tracks__jwilsson.json`
SELECT 'saved tracks', pg_temp.spotify('saved_tracks', :'body') #> '{metrics,saved_tracks_count}';
\set body `cat :'fixtures'/spotify/me_tracks__documented__spotify-web-api-java.json`
SELECT 'saved tracks, one of', pg_temp.spotify('saved_tracks', :'body') #> '{metrics,saved_tracks_count}';
\set body `cat :'fixtures'/spotify/me_playlists_page1__items_and_tracks__joostlek.json`
SELECT 'playlists', pg_temp.spotify('playlists', :'body') #> '{metrics,playlists_count}';
\set body `cat :'fixtures'/spotify/me_following_artists__jwilsson.json`
SELECT 'following', pg_temp.spotify('following', :'body') #> '{metrics,following_count}';
\set body `cat :'fixtures'/spotify/me_following_artists_empty__spotify-web-api-java.json`
SELECT 'following nobody', pg_temp.spotify('following', :'body') #> '{metrics,following_count}';

\set body `cat :'fixtures'/spotify/artist__extended__joostlek.json`
SELECT 'artist', pg_temp.spotify('artist', :'body') #> '{metrics,follower_count}', pg_temp.spotify('artist', :'body') #> '{core,follower_count}';
SELECT 'artist, development mode', pg_temp.spotify('artist', (:'body'::jsonb - 'followers' - 'popularity')::text) #> '{metrics,follower_count}';
\set body `cat :'fixtures'/spotify/artist__old__zmb3.json`
SELECT 'artist, old', pg_temp.spotify('artist', :'body') #> '{metrics,follower_count}';

\set body `cat :'fixtures'/spotify/artist_albums_page1__joostlek.json`
SELECT 'albums', count(*), count(*) FILTER (WHERE c ->> 'kind' = 'single'), count(*) FILTER (WHERE jsonb_array_length(c -> 'collaborators') > 0),
  sum((c #>> '{extra,total_tracks}')::int), count(*) FILTER (WHERE c -> 'likes' <> 'null')
FROM jsonb_array_elements(pg_temp.spotify('albums', :'body') -> 'content') AS c;
SELECT 'an album', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'collaborators'
FROM (SELECT pg_temp.spotify('albums', :'body') #> '{content,0}' AS c) AS x;
SELECT 'of a year', c ->> 'content_id', c ->> 'published_at', c -> 'extra' -> 'release_date_precision'
FROM jsonb_array_elements(pg_temp.spotify('albums', :'body') -> 'content') AS c WHERE c -> 'extra' ? 'release_date_precision';

\set body `cat :'fixtures'/spotify/album__joostlek.json`
SELECT 'album with tracks', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c -> 'collaborators', c -> 'extra'
FROM (SELECT pg_temp.spotify('album_tracks', :'body', '3jULn43a6xfzqleyeFjPIq', '3IqzqH6ShrRtie9Yd2ODyG') #> '{content,0}' AS c) AS x;

\set body `cat :'fixtures'/spotify/error_400__kaaes.json`
SELECT 'error 400', pg_temp.verdict(400, :'body'), pg_temp.spotify('artist', :'body') #> '{metrics,follower_count}';
\set body `cat :'fixtures'/spotify/error_401__kaaes.json`
SELECT 'error 401', pg_temp.verdict(401, :'body'), pg_temp.spotify('saved_tracks', :'body') #> '{metrics,saved_tracks_count}';
\set body `cat :'fixtures'/spotify/error_429_rate_limit__joostlek.json`
SELECT 'error 429', pg_temp.verdict(429, :'body'), pg_temp.verdict(0, :'body');
\set body `cat :'fixtures'/spotify/token_error_invalid_client__kaaes.json`
SELECT 'invalid client', pg_temp.verdict(400, :'body');

-- Answers that no step asks for. What an app is told of the best tracks is their order: no streams, so no top_tracks.
\set body `cat :'fixtures'/spotify/artist_top_tracks__zmb3.json`
SELECT 'top tracks', pg_temp.verdict(200, :'body');
SELECT 'top tracks as', step, (SELECT count(*) FROM jsonb_each(r -> 'metrics') AS m WHERE m.value <> 'null'), r -> 'content'
FROM unnest(ARRAY['me', 'artist', 'albums', 'saved_tracks', 'playlists', 'following']) AS step, LATERAL (SELECT pg_temp.spotify(step, :'body') AS r) AS x;
-- as the tracks of a release: its guests, each once, the artist not among them
SELECT 'top tracks as those of a release', c ->> 'content_id', c -> 'collaborators'
FROM jsonb_array_elements(dreamsuite.normalise('spotify', jsonb_build_object(
  'albums', jsonb_build_array(jsonb_build_object('items', jsonb_build_array(:'body'::jsonb #> '{tracks,0,album}'))),
  'album_tracks', jsonb_build_array(jsonb_build_object('of', '34EYk8vvJHCUlNrpGxepea', 'body', jsonb_build_object('items', :'body'::jsonb -> 'tracks')))),
  '2026-11-24 06:00+00', '{"artist_id": "43ZHCT0cAZBISjO8DG9PnE"}') -> 'content') AS c;

-- Saved albums: each within an entry of its own, so the page is no list of the artist's releases.
\set body `cat :'fixtures'/spotify/me_albums__zmb3.json`
SELECT 'saved albums', pg_temp.verdict(200, :'body'), pg_temp.spotify('albums', :'body') -> 'content';
SELECT 'a saved album', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'collaborators', c -> 'likes', c -> 'extra'
FROM jsonb_array_elements(:'body'::jsonb -> 'items') AS i, jsonb_array_elements(pg_temp.spotify('album_tracks', (i -> 'album')::text,
  '5y2Xq6xcjJb2jVM54GHK3t', i #>> '{album,id}') -> 'content') AS c;

-- Whom the user listens to: neither those the user follows nor the artist's tracks, and nobody's followers.
\set body `cat :'fixtures'/spotify/me_top_artists__jwilsson.json`
SELECT 'top artists', pg_temp.verdict(200, :'body');
SELECT 'top artists as', step, (SELECT count(*) FROM jsonb_each(r -> 'metrics') AS m WHERE m.value <> 'null'), r #> '{core,follower_count}'
FROM unnest(ARRAY['me', 'artist', 'following', 'album_tracks']) AS step, LATERAL (SELECT pg_temp.spotify(step, :'body') AS r) AS x;

-- One playlist, with its tracks under both names: the followers are not the artist's, a total is not told.
\set body `cat :'fixtures'/spotify/playlist__items_and_tracks__joostlek.json`
SELECT 'playlist', pg_temp.verdict(200, :'body');
SELECT 'playlist as', step, (SELECT count(*) FROM jsonb_each(r -> 'metrics') AS m WHERE m.value <> 'null'), r #> '{core,follower_count}', r -> 'content'
FROM unnest(ARRAY['playlists', 'saved_tracks', 'following', 'albums', 'artist']) AS step, LATERAL (SELECT pg_temp.spotify(step, :'body') AS r) AS x;
SELECT 'its track', key, c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c -> 'collaborators', c -> 'extra'
FROM (VALUES ('item', :'body'::jsonb #> '{items,items,0,item}'), ('track', :'body'::jsonb #> '{tracks,items,0,track}')) AS t(key, track),
  LATERAL jsonb_array_elements(dreamsuite.normalise('spotify', jsonb_build_object(
    'albums', jsonb_build_array(jsonb_build_object('items', jsonb_build_array(track -> 'album'))),
    'album_tracks', jsonb_build_array(jsonb_build_object('of', track #>> '{album,id}', 'body', jsonb_build_object('items', jsonb_build_array(track))))),
    '2026-11-24 06:00+00', '{"artist_id": "7zrkALJ9ayRjzysp4QYoEg"}') -> 'content') AS c;
