-- Recorded answers of Apple Music. psql -v fixtures=DIR -f apple_music.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.apple(responses jsonb, artist text) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('apple_music', responses, '2026-11-24 06:00+00', jsonb_build_object('external_id', artist)) $$;

-- The recorded chart names no artists, so the artist's albums tell what is the artist's.
\set body `cat :'fixtures'/apple_music/charts_us_songs_albums_genre20_limit1.json`
SELECT 'charts', album, pg_temp.apple(jsonb_build_object('albums', jsonb_build_array(jsonb_build_object('data', jsonb_build_array(jsonb_build_object('id', album)))),
  'charts', jsonb_build_array(jsonb_build_object('of', 'us', 'body', :'body'::jsonb))), '1') #> '{metrics,chart_positions}'
FROM unnest(ARRAY['1256684768', '1233502263', '1']) AS album;

-- Not a step's own answer, but its albums have the shape of ours.
\set body `cat :'fixtures'/apple_music/catalog_search_artists_albums.json`
SELECT 'album', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'collaborators', c -> 'extra'
FROM jsonb_array_elements(pg_temp.apple(jsonb_build_object('albums', jsonb_build_array(:'body'::jsonb #> '{results,albums}')), '117118') -> 'content') AS c;

\set body `cat :'fixtures'/apple_music/catalog_playlist_editorial.json`
SELECT 'playlist found', m -> 'playlist_placements', m -> 'editorial_placements'
FROM (SELECT pg_temp.apple(jsonb_build_object('playlists', jsonb_build_array(:'body'::jsonb)), '1') -> 'metrics' AS m) AS x;
-- Its only song is 1043322098, on the album 1043321686.
SELECT 'playlist tracked', album, m -> 'playlist_placements', m -> 'editorial_placements'
FROM unnest(ARRAY['1043322098', '1043321686', '1']) AS album, LATERAL (SELECT pg_temp.apple(jsonb_build_object(
  'albums', jsonb_build_array(jsonb_build_object('data', jsonb_build_array(jsonb_build_object('id', album)))),
  'tracked_playlists', jsonb_build_array(jsonb_build_object('of', 'pl.acc464c750b94302b8806e5fcbe56e17', 'body', :'body'::jsonb))), '1') -> 'metrics' AS m) AS x;

-- Two songs with their artists, as on a further page of a tracked playlist.
\set body `cat :'fixtures'/apple_music/catalog_songs_multiple.json`
SELECT 'songs', artist, pg_temp.apple(jsonb_build_object('tracked_playlists', jsonb_build_array(jsonb_build_object('of', 'pl.x', 'body', :'body'::jsonb))), artist)
  #> '{metrics,playlist_placements}' FROM unnest(ARRAY['178834', '462006', '203709340']) AS artist;

\set body `cat :'fixtures'/apple_music/me_library_albums_meta_total.json`
SELECT 'library total', pg_temp.apple(jsonb_build_object('library_songs', jsonb_build_array(:'body'::jsonb)), '1') #> '{metrics,library_songs_count}';
\set body `cat :'fixtures'/apple_music/me_library_songs_page_next.json`
SELECT 'library songs, more to come', pg_temp.apple(jsonb_build_object('library_songs', jsonb_build_array(:'body'::jsonb)), '1') #> '{metrics,library_songs_count}';
SELECT 'library songs, the last page', pg_temp.apple(jsonb_build_object('library_songs', jsonb_build_array(:'body'::jsonb - 'next')), '1') #> '{metrics,library_songs_count}';
SELECT 'library songs, next page', r FROM jsonb_array_elements_text(dreamsuite.plan_requests('apple_music', '{"has_token": true}',
  jsonb_build_object('https://api.music.apple.com/v1/me/library/songs?limit=1', :'body'::jsonb)) -> 'requests') AS r WHERE r LIKE '%offset%';
\set body `cat :'fixtures'/apple_music/me_library_playlists_page_next.json`
SELECT 'library playlists, more to come', pg_temp.apple(jsonb_build_object('library_playlists', jsonb_build_array(:'body'::jsonb)), '1') #> '{metrics,playlists_count}';

\set body `cat :'fixtures'/apple_music/error_400_40005_invalid_parameter.json`
SELECT 'error 400', v ->> 'error_class', v ->> 'message' FROM dreamsuite.classify_answer('apple_music', 400, :'body', step => 'charts') AS v;

-- An artist with a first page of albums that tells nothing but their ids: the rest of each is unknown.
\set body `cat :'fixtures'/apple_music/catalog_artist_with_albums_rel.json`
SELECT 'artist', dreamsuite.classify_answer('apple_music', 200, :'body') ->> 'error_class';
SELECT 'artist as', step, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(r -> 'metrics') WHERE value <> 'null'), r -> 'content'
FROM unnest(ARRAY['albums', 'playlists', 'charts']) AS step, LATERAL (SELECT pg_temp.apple(jsonb_build_object(step, jsonb_build_array(
  CASE step WHEN 'charts' THEN jsonb_build_object('of', 'us', 'body', :'body'::jsonb) ELSE :'body'::jsonb END)), '178834') AS r) AS x;
SELECT 'its albums', c ->> 'content_id', c ->> 'kind', c -> 'title', c -> 'published_at', c -> 'url', c -> 'collaborators', c -> 'extra'
FROM jsonb_array_elements(pg_temp.apple(jsonb_build_object('albums', jsonb_build_array(:'body'::jsonb #> '{data,0,relationships,albums}')), '178834') -> 'content') AS c;
SELECT 'albums, next page', r FROM jsonb_array_elements_text(dreamsuite.plan_requests('apple_music', '{"external_id": "178834"}',
  jsonb_build_object('https://api.music.apple.com/v1/catalog/us/artists/178834/albums?limit=100&include=artists',
    :'body'::jsonb #> '{data,0,relationships,albums}')) -> 'requests') AS r WHERE r LIKE '%offset%';

-- The token-free look-up speaks another dialect: nothing of it is taken for the catalogue's.
\set body `cat :'fixtures'/apple_music/itunes_lookup_album_songs_us.json`
SELECT 'look-up', dreamsuite.classify_answer('apple_music', 200, :'body') ->> 'error_class';
SELECT 'look-up as', step, (SELECT count(*) FROM jsonb_each(r -> 'metrics') AS m WHERE m.value <> 'null'), r -> 'content'
FROM unnest(ARRAY['albums', 'playlists', 'charts', 'tracked_playlists', 'library_songs', 'library_playlists']) AS step,
  LATERAL (SELECT pg_temp.apple(jsonb_build_object(step, jsonb_build_array(CASE WHEN step IN ('charts', 'tracked_playlists')
    THEN jsonb_build_object('of', 'us', 'body', :'body'::jsonb) ELSE :'body'::jsonb END)), '1194912387') AS r) AS x;
-- Its numbers are those of the catalogue: a song of a tracked playlist is known by the album in its address.
SELECT 'songs of the album', placements, count(*) FROM (SELECT pg_temp.apple(jsonb_build_object('albums', jsonb_build_array(jsonb_build_object('data', jsonb_build_array(
    jsonb_build_object('id', s ->> 'collectionId', 'type', 'albums')))), 'tracked_playlists', jsonb_build_array(jsonb_build_object('of', 'pl.x', 'body',
    jsonb_build_object('data', jsonb_build_array(jsonb_build_object('id', s ->> 'trackId', 'type', 'songs', 'attributes', jsonb_build_object('url', s ->> 'trackViewUrl'))))))),
    '1194912387') #> '{metrics,playlist_placements}' AS placements
  FROM jsonb_array_elements(:'body'::jsonb -> 'results') AS s WHERE s ->> 'wrapperType' = 'track') AS x GROUP BY 1, 2;

-- Every storefront that there is can be named, and each has charts of its own.
\set body `cat :'fixtures'/apple_music/storefront_codes.json`
SELECT 'storefronts', count(DISTINCT r), count(DISTINCT substring(r FROM '/v1/catalog/([a-z]{2})/charts\?')) FROM jsonb_array_elements_text(dreamsuite.plan_requests('apple_music',
  jsonb_build_object('external_id', '1', 'settings', jsonb_build_object('storefronts', (SELECT jsonb_agg(s -> 'code') FROM jsonb_array_elements(:'body'::jsonb) AS s)))) -> 'requests') AS r
WHERE r LIKE '%/charts?%';
SELECT 'their charts', count(*), count(DISTINCT p ->> 'country'), bool_and(p ->> 'country' ~ '^[A-Z]{2}$'), min(p ->> 'country'), max(p ->> 'country'), max((p ->> 'position')::int)
FROM jsonb_array_elements(pg_temp.apple(jsonb_build_object('charts', (SELECT jsonb_agg(jsonb_build_object('of', s ->> 'code', 'body',
  '{"results": {"songs": [{"chart": "most-played", "data": [{"id": "1", "relationships": {"artists": {"data": [{"id": "1"}]}}}]}]}}'::jsonb))
  FROM jsonb_array_elements(:'body'::jsonb) AS s)), '1') #> '{metrics,chart_positions}') AS p;
SELECT 'codes as', step, (SELECT count(*) FROM jsonb_each(r -> 'metrics') AS m WHERE m.value <> 'null'), r -> 'content'
FROM unnest(ARRAY['albums', 'playlists', 'library_songs']) AS step, LATERAL (SELECT pg_temp.apple(jsonb_build_object(step, jsonb_build_array(:'body'::jsonb)), '1') AS r) AS x;

-- The listener's storefront: no library, no release, no playlist; its id is what settings.storefronts takes.
\set body `cat :'fixtures'/apple_music/me_storefront.json`
SELECT 'storefront', dreamsuite.classify_answer('apple_music', 200, :'body') ->> 'error_class';
SELECT 'storefront as', step, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(r -> 'metrics') WHERE value <> 'null'), r -> 'content'
FROM unnest(ARRAY['albums', 'charts', 'library_songs', 'library_playlists']) AS step, LATERAL (SELECT pg_temp.apple(jsonb_build_object(step, jsonb_build_array(
  CASE step WHEN 'charts' THEN jsonb_build_object('of', 'us', 'body', :'body'::jsonb) ELSE :'body'::jsonb END)), '1') AS r) AS x;
SELECT 'named by its id', r FROM jsonb_array_elements_text(dreamsuite.plan_requests('apple_music', jsonb_build_object('external_id', '1',
  'settings', jsonb_build_object('storefronts', jsonb_build_array(:'body'::jsonb #> '{data,0,id}')))) -> 'requests') AS r WHERE r LIKE 'playlists%';
