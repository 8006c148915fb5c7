-- Deezer: what its answers say, which requests an account-day takes, what an error means.
\pset format unaligned
\pset tuples_only on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.deezer(responses jsonb, settings jsonb DEFAULT '{"external_id": "27"}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('deezer', responses, '2026-11-24 06:00+00', settings) $$;

-- every field is there and null where nothing is known
SELECT pg_temp.deezer('{}');

-- the artist; counts come as numbers and as digits, an absent or negative one is unknown, 0 is 0
SELECT d -> 'metrics' ->> 'fans_count', d -> 'metrics' ->> 'album_count', d -> 'core'
FROM (SELECT pg_temp.deezer('{"artist": [{"id": 27, "name": "Nova Quay", "nb_fan": 15320, "nb_album": "7"}]}') AS d) AS x;
SELECT d -> 'metrics' -> 'fans_count', d -> 'metrics' -> 'album_count'
FROM (SELECT pg_temp.deezer('{"artist": [{"id": 27, "nb_fan": 0, "nb_album": -1}]}') AS d) AS x;

-- the three shapes of an error are missing answers; an empty "error" is none
SELECT pg_temp.deezer('{"artist": [{"error": {"type": "DataException", "message": "no data", "code": 800}, "nb_fan": 5}]}') #> '{metrics,fans_count}',
       pg_temp.deezer('{"artist": [{"error": {"type": "Exception", "message": "An error has occured"}, "nb_fan": 5}]}') #> '{metrics,fans_count}',
       pg_temp.deezer('{"artist": [{"error": "Not Found", "nb_fan": 5}]}') #> '{metrics,fans_count}',
       pg_temp.deezer('{"artist": [{"error": [], "id": 27, "nb_fan": 5}]}') #> '{metrics,fans_count}';

-- track_count: the sum over the artist's own albums, an album listed twice counts once, another's album not at all
CREATE FUNCTION pg_temp.tracks(albums jsonb, album jsonb) RETURNS text LANGUAGE SQL AS $$
SELECT concat_ws(' ', coalesce(d #>> '{metrics,track_count}', 'unknown'), coalesce(d #>> '{core,content_count}', 'unknown'))
FROM pg_temp.deezer(jsonb_build_object('albums', albums, 'album', album)) AS d $$;
SELECT pg_temp.tracks('[{"data": [{"id": 1}, {"id": 2}], "next": "https://api.deezer.com/artist/27/albums?index=2"}, {"data": [{"id": 2}, {"id": 3}, null]}]',
  '[{"of": "1", "body": {"id": 1, "nb_tracks": 14, "artist": {"id": 27}}}, {"of": "2", "body": {"id": 2, "nb_tracks": "5", "artist": {"id": 27}}},
    {"of": "3", "body": {"id": 3, "nb_tracks": 40, "artist": {"id": 5080, "name": "Various"}}}]');
-- ... unknown where an album was lost, where its size is missing, where a page is missing; 0 where there is none
SELECT pg_temp.tracks('[{"data": [{"id": 1}, {"id": 2}]}]',
  '[{"of": "1", "body": {"id": 1, "nb_tracks": 14}}, {"of": "2", "body": {"error": {"code": 4, "message": "Quota limit exceeded"}}}]');
SELECT pg_temp.tracks('[{"data": [{"id": 1}]}]', '[{"of": "1", "body": {"id": 1, "nb_tracks": null}}]');
SELECT pg_temp.tracks('[{"data": [{"id": 1}], "total": 2, "next": "https://api.deezer.com/artist/27/albums?index=1"}]', '[{"of": "1", "body": {"id": 1, "nb_tracks": 14}}]');
SELECT pg_temp.tracks('[{"data": [{"id": 1}], "next": "https://x"}, {"error": {"code": 700}}]', '[{"of": "1", "body": {"id": 1, "nb_tracks": 14}}]');
SELECT pg_temp.tracks('[]', '[{"of": "1", "body": {"id": 1, "nb_tracks": 14}}]');
SELECT pg_temp.tracks('[{"data": [], "total": 0}]', '[]');

-- releases: kinds, placeholder dates, ids beyond 2^53, collaborators without the artist, tracks of an album
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'collaborators', c -> 'likes', c -> 'extra'
FROM jsonb_array_elements(pg_temp.deezer('{"albums": [{"data": [
    {"id": 9007199254740993, "title": "Tidewater", "link": "https:\/\/www.deezer.com\/album\/1", "fans": 412, "release_date": "2026-10-02", "record_type": "ep"},
    {"id": 880002, "title": "Glass", "release_date": "0000-00-00", "record_type": "single"},
    {"id": 880003, "title": "All", "release_date": "1900-01-01", "record_type": "compile", "fans": null}]}],
  "album": [{"of": "9007199254740993", "body": {"id": 9007199254740993, "title": "Tidewater", "nb_tracks": 2, "fans": 413, "release_date": "2026-10-02", "record_type": "ep",
    "artist": {"id": 27}, "contributors": [{"id": 27, "name": "Nova Quay", "role": "Main"}, {"id": 990002, "name": "Kite", "role": "Featured"}, {"id": 990002, "name": "Kite", "role": "Featured"}],
    "tracks": {"data": [{"id": 770001, "title": "Paper Lanterns", "link": "https://www.deezer.com/track/770001", "rank": 301245, "artist": {"id": 27}},
      {"id": 770002, "title": "Guest alone", "artist": {"id": 990002}}, {"id": 880002, "title": "Shares a number", "artist": {"id": 27}}]}}},
    {"of": "880003", "body": {"id": 880003, "nb_tracks": 30, "record_type": "compilation", "artist": {"id": 5080, "name": "Various"}, "contributors": [{"id": 5080, "name": "Various"}]}}]}') -> 'content') AS c;

-- favourites and playlists of the profile: totals; an empty list is 0, a private profile is unknown
SELECT d -> 'favorite_tracks', d -> 'playlists_count'
FROM (SELECT pg_temp.deezer('{"favorite_tracks": [{"data": [{"id": 1}], "total": 58}], "playlists": [{"data": [], "total": 0}]}') -> 'metrics' AS d) AS x;
SELECT d -> 'favorite_tracks', d -> 'playlists_count'
FROM (SELECT pg_temp.deezer('{"favorite_tracks": [{"error": {"code": 200, "message": "An active access token must be used"}}], "playlists": [{"data": []}]}') -> 'metrics' AS d) AS x;

-- placements: distinct playlists, those that Deezer found and tracked ones with a track of the artist
CREATE FUNCTION pg_temp.placements(responses jsonb, artist text DEFAULT '27') RETURNS jsonb LANGUAGE SQL AS $$
SELECT pg_temp.deezer(responses, jsonb_build_object('external_id', artist)) #> '{metrics,playlist_placements}' $$;
SELECT pg_temp.placements('{"artist_playlists": [{"data": [{"id": 1}, {"id": 2}, {"id": 1}, null], "total": 100}]}'),
       pg_temp.placements('{"artist_playlists": [{"data": [{"id": 1}]}], "tracked_playlists": [{"of": "1", "body": {"data": [{"artist": {"id": 27}}]}},
         {"of": "7", "body": {"data": [{"artist": {"id": 5}}]}}, {"of": "7", "body": {"data": [{"artist": {"id": "27"}}]}}]}'),
       pg_temp.placements('{"tracked_playlists": [{"of": 7, "body": {"data": [{"artist": {"id": 5}, "contributors": [{"id": 27}]}]}}]}'),
       pg_temp.placements('{"tracked_playlists": [{"of": 7, "body": {"id": 7, "tracks": {"data": [{"artist": {"id": 27}}]}}}]}'),
       pg_temp.placements('{"tracked_playlists": [{"of": 7, "body": {"data": [{"artist": {"id": 5}}]}}]}'),
       pg_temp.placements('{"artist_playlists": [{"data": [], "total": 0}]}'),
       pg_temp.placements('{"artist_playlists": [{"error": {"code": 4}}], "tracked_playlists": [{"of": 7, "body": {"data": [{"artist": {"id": 27}}]}}]}'),
       pg_temp.placements('{"tracked_playlists": [{"of": 7, "body": {"error": {"code": 800}}}]}'),
       pg_temp.placements('{"tracked_playlists": [{"data": [{"artist": {"id": 27}}]}]}');
-- ... a tracked playlist that is gone holds nothing; one that did not come may hold the artist, so the number is unknown
SELECT pg_temp.placements('{"tracked_playlists": [{"of": "7", "body": {"data": [{"artist": {"id": 27}}]}}, {"of": "8", "body": {"error": {"code": 800}}}]}'),
       pg_temp.placements('{"tracked_playlists": [{"of": "7", "body": {"data": [{"artist": {"id": 27}}]}}, {"of": "8", "body": {"error": {"code": 700}}}]}');
SELECT answer, p #> '{normalised,metrics,playlist_placements}', p -> 'missing'
FROM (VALUES ('gone', '{"error": {"code": 800, "message": "no data"}}'::jsonb), ('busy', '{"error": {"code": 700, "message": "service busy"}}')) AS v (answer, body),
 LATERAL dreamsuite.plan_requests('deezer', '{"external_id": 27, "settings": {"tracked_playlists": ["5", "6"]}}', jsonb_build_object(
  'https://api.deezer.com/artist/27', '{"id": 27}'::jsonb, 'https://api.deezer.com/artist/27/albums?limit=100', '{"data": []}'::jsonb,
  'https://api.deezer.com/artist/27/playlists?limit=100', '{"data": [{"id": 1}]}'::jsonb,
  'https://api.deezer.com/playlist/5/tracks?limit=100', '{"data": [{"artist": {"id": 27}}]}'::jsonb, 'https://api.deezer.com/playlist/6/tracks?limit=100', body)) AS p;

-- odd content never fails
SELECT pg_temp.deezer('{"artist": [[], {"id": {}, "nb_fan": "many"}], "albums": [{"data": {"a": 1}}, {"data": [[], 1, {"id": null}, {"id": "x", "release_date": 7, "title": ["t"]}]}],
  "album": [{"of": "y", "body": {}}, {"of": null, "body": {"contributors": {}}}], "artist_playlists": [{"data": [{}]}], "tracked_playlists": [{"body": []}]}', '{}') -> 'metrics';

-- Requests

CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT jsonb_array_elements_text(dreamsuite.plan_requests('deezer', account, answers) -> 'requests') $$;

-- an artist alone needs no token; a profile is asked by its number, or by a token; nothing known asks nothing
SELECT * FROM pg_temp.asked('{"external_id": 27}');
SELECT * FROM pg_temp.asked('{"external_id": 27, "settings": {"profile_id": 990}}');
SELECT * FROM pg_temp.asked('{"settings": {"profile_id": "990"}}');
SELECT * FROM pg_temp.asked('{"has_token": true}');
SELECT count(*) FROM pg_temp.asked('{}');

-- pages to the end, an album's page once and never again, tracked playlists where Deezer has not found them, up to the first hit
SELECT jsonb_array_elements_text(p -> 'requests') FROM (SELECT dreamsuite.plan_requests('deezer',
'{"external_id": 27, "settings": {"tracked_playlists": ["5", "6", "8"]}, "known": [{"content_id": "1", "kind": "album", "extra": {"nb_tracks": 5}}, {"content_id": "3", "kind": "album"}]}',
'{"https://api.deezer.com/artist/27/albums?limit=100": {"data": [{"id": 1}, {"id": 2}], "next": "https://api.deezer.com/artist/27/albums?limit=100&access_token=SECRET&index=100"},
  "https://api.deezer.com/artist/27/albums?limit=100&index=100": {"data": [{"id": 3}]},
  "https://api.deezer.com/artist/27/playlists?limit=100": {"data": [{"id": 5}, {"id": 7}], "total": 2},
  "https://api.deezer.com/playlist/6/tracks?limit=100": {"data": [{"artist": {"id": 27}}], "next": "https://api.deezer.com/playlist/6/tracks?limit=100&index=100"},
  "https://api.deezer.com/playlist/8/tracks?limit=100": {"data": [{"artist": {"id": 4}}], "next": "https://api.deezer.com/playlist/8/tracks?limit=100&index=100"}}') AS p) AS x;

-- what is known of an album counts on
SELECT dreamsuite.plan_requests('deezer', '{"external_id": 27, "known": [{"content_id": "1", "kind": "album", "extra": {"nb_tracks": 5}},
  {"content_id": "2", "kind": "album", "extra": {"nb_tracks": 9, "artist_id": "4"}}, {"content_id": "gone", "kind": "album", "extra": {"nb_tracks": 100}}]}',
 '{"https://api.deezer.com/artist/27/albums?limit=100": {"data": [{"id": 1}, {"id": 2}]}}') #> '{normalised,metrics,track_count}';

-- a listing cut off by max_pages is no whole listing
SELECT p -> 'bounded', p #> '{normalised,metrics,track_count}' FROM (SELECT dreamsuite.plan_requests('deezer',
 '{"external_id": 27, "max_pages": 1, "known": [{"content_id": "1", "kind": "album", "extra": {"nb_tracks": 5}}]}',
 '{"https://api.deezer.com/artist/27/albums?limit=100": {"data": [{"id": 1}], "next": "https://api.deezer.com/artist/27/albums?limit=100&index=100"}}') AS p) AS x;

-- ... nor is a tracked playlist that was not read to its end one without a track of the artist
SELECT p -> 'bounded', p #> '{normalised,metrics,playlist_placements}' FROM (SELECT dreamsuite.plan_requests('deezer', '{"external_id": "27", "settings": {"tracked_playlists": ["900"]}, "max_pages": 1}', '{
 "https://api.deezer.com/artist/27/playlists?limit=100": {"data": []},
 "https://api.deezer.com/playlist/900/tracks?limit=100": {"data": [{"id": 1, "artist": {"id": 5}}], "next": "https://api.deezer.com/playlist/900/tracks?limit=100&index=100"}}') AS p) AS x;

-- a link to another host is not followed, however it is written
SELECT link, p -> 'missing' ? 'albums: next page on a foreign host', p #> '{normalised,metrics,track_count}'
FROM unnest('{https://api.deezer.com.example.org/x,https://api.deezer.com@example.org/x,"https://api.deezer.com\\@example.org/x",https://api.deezer.com#/x}'::text[]) AS link,
 LATERAL (SELECT dreamsuite.plan_requests('deezer', '{"external_id": 27}', jsonb_build_object(
  'https://api.deezer.com/artist/27/albums?limit=100', jsonb_build_object('data', '[]'::jsonb, 'next', link))) AS p) AS x;

-- Errors

CREATE FUNCTION pg_temp.verdict(status int, body text, headers jsonb DEFAULT '{}') RETURNS text LANGUAGE SQL AS $$
SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope', v ->> 'wait_until', '(' || (v ->> 'message') || ')')
FROM dreamsuite.classify_answer('deezer', status, body, headers) AS v $$;

SELECT pg_temp.verdict(200, '{"data": [], "total": 0}');
SELECT pg_temp.verdict(200, '{"error": [], "results": true}');
SELECT code, pg_temp.verdict(200, format('{"error": {"type": "X", "message": "M", "code": %s}}', code))
FROM unnest(ARRAY[4, 100, 200, 300, 500, 501, 600, 700, 800, 901, 12345]) AS code;
SELECT pg_temp.verdict(200, '{"error": {"type": "Exception", "message": "An error has occured"}}');
SELECT pg_temp.verdict(404, '{"error": "Not Found"}');
SELECT pg_temp.verdict(0, '{"error": "Not Found"}');
SELECT pg_temp.verdict(200, '{"error": "Something"}');
SELECT pg_temp.verdict(200, '{"error": ["x"]}');
SELECT pg_temp.verdict(200, 'true');
SELECT pg_temp.verdict(200, 'access_token=x&expires=0');
SELECT pg_temp.verdict(403, '<html>Are you a robot?</html>');
SELECT pg_temp.verdict(429, '<html></html>', '{"retry-after": "7"}');
SELECT pg_temp.verdict(503, '');
