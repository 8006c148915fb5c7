-- Spotify: what its answers say, which requests an account-day takes, what an error means.
\pset format unaligned
\pset tuples_only on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.spotify(responses jsonb, settings jsonb DEFAULT '{"artist_id": "NovaReyes"}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('spotify', responses, '2026-11-24 06:00+00', settings) $$;

-- every field is there and null where nothing is known
SELECT jsonb_pretty(pg_temp.spotify('{}') -> 'metrics');

-- the library counts are the totals of listings, not the number of entries; an empty list is 0
SELECT m ->> 'saved_tracks_count', m ->> 'playlists_count', m ->> 'following_count'
FROM (SELECT pg_temp.spotify('{"saved_tracks": [{"items": [{"track": {"id": "a"}}], "total": 845, "next": "https://api.spotify.com/v1/me/tracks?offset=1&limit=1"}],
  "playlists": [{"items": [{"id": "b", "items": {"total": 12}, "tracks": {"total": 11}}, null], "total": 3}],
  "following": [{"artists": {"items": [], "total": 0, "cursors": {"after": null}}}]}') -> 'metrics' AS m) AS x;

-- a count that is no number is unknown; a float without a fraction is a number
SELECT m ->> 'saved_tracks_count', m ->> 'playlists_count', coalesce(m ->> 'following_count', 'unknown')
FROM (SELECT pg_temp.spotify('{"saved_tracks": [{"total": 845.0}], "playlists": [{"total": "57"}],
  "following": [{"artists": {"total": null}}]}') -> 'metrics' AS m) AS x;

-- followers are the artist's; those of the user are not, and an app in development mode sees none
SELECT pg_temp.spotify('{"me": [{"id": "nova1", "followers": {"href": null, "total": 312}}]}') -> 'metrics' -> 'follower_count',
       pg_temp.spotify('{"artist": [{"id": "NovaReyes", "name": "Nova", "followers": {"href": null, "total": 18422}, "popularity": 41}]}')
         #> '{core,follower_count}',
       pg_temp.spotify('{"artist": [{"id": "NovaReyes", "name": "Nova"}]}') -> 'metrics' -> 'follower_count',
       pg_temp.spotify('{"artist": [{"id": "NovaReyes", "followers": {"total": 0}}]}') -> 'metrics' -> 'follower_count';

-- releases: null entries, dates of a year, a month and none, groups, a release taken down, the same one twice
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'collaborators', c -> 'extra',
       c -> 'likes', c -> 'views'
FROM jsonb_array_elements(pg_temp.spotify('{"albums": [{"items": [
  {"album_type": "single", "album_group": "single", "total_tracks": 1, "id": "s1", "name": "Glass Road", "release_date": "2026-10-30",
   "release_date_precision": "day", "artists": [{"id": "NovaReyes", "name": "Nova"}, {"id": "j", "name": "Juno Park"}],
   "external_urls": {"spotify": "https://open.spotify.com/album/s1"}},
  null,
  {"album_type": "album", "id": "a1", "name": "Salt", "release_date": "2024", "release_date_precision": "year",
   "artists": [{"id": "NovaReyes", "name": "Nova"}]},
  {"album_type": "album", "id": "a2", "name": "Tide", "release_date": "2025-09", "release_date_precision": "month",
   "artists": [{"id": "NovaReyes", "name": "Nova"}]}], "next": "https://api.spotify.com/v1/x", "total": 5},
  {"items": [
  {"album_type": "compilation", "album_group": "appears_on", "id": "c1", "name": "", "release_date": "0000",
   "artists": [{"id": "v", "name": "Various Artists"}]},
  {"album_type": "compilation", "id": "c2", "name": "Hits", "release_date": "2020-02-30",
   "artists": [{"id": "v", "name": "Various Artists"}]},
  {"album_type": "album", "id": "a1", "name": "Salt", "release_date": "2024", "artists": [{"id": "NovaReyes", "name": "Nova"}]},
  {"name": "without an id"}], "next": null, "total": 5}]}') -> 'content') AS c;

-- guests stand on tracks: those of the artist's own tracks are collaborators, those of other tracks are not
SELECT c ->> 'content_id', c -> 'collaborators', c -> 'extra'
FROM jsonb_array_elements(pg_temp.spotify('{"albums": [{"items": [
  {"album_type": "album", "id": "a1", "name": "Salt", "release_date": "2024-01-05", "artists": [{"id": "NovaReyes", "name": "Nova"}, {"id": "k", "name": "Kite"}]}]}],
  "album_tracks": [{"of": "a1", "body": {"items": [
    {"id": "t1", "artists": [{"id": "NovaReyes", "name": "Nova"}, {"id": "j", "name": "Juno Park"}]}, null,
    {"id": "t2", "artists": [{"id": "o", "name": "Other"}, {"id": "p", "name": "Someone"}]},
    {"id": "t3", "artists": [{"id": "k", "name": "Kite"}, {"id": "NovaReyes", "name": "Nova"}]}]}},
    {"of": "not listed", "body": {"items": []}}]}') -> 'content') AS c;

-- an error body in place of an answer is a missing answer
SELECT pg_temp.spotify('{"saved_tracks": [{"error": {"status": 403, "message": "Insufficient client scope"}}]}') -> 'metrics' -> 'saved_tracks_count';

-- odd content never fails
SELECT pg_temp.spotify('{"me": [[]], "artist": [{"followers": 7, "name": 5}], "albums": [{"items": {"a": 1}}, {"items": [[], 1, "x", {"id": 5, "artists": 7, "release_date": 2024}]}],
  "album_tracks": [{"of": null, "body": {}}, {"of": "5", "body": {"items": [{"artists": [null, {"name": ""}]}]}}], "following": [{"artists": []}]}') #> '{content,0}';

-- Requests

CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT jsonb_array_elements_text(dreamsuite.plan_requests('spotify', account, answers) -> 'requests') $$;

-- a listener without an artist: who it is only while that is unknown
SELECT * FROM pg_temp.asked('{"has_token": true}');
SELECT * FROM pg_temp.asked('{"has_token": true, "external_id": "nova1", "scopes": ["user-read-private"]}');

-- the artist's id is found in a URI and in an address; a text that holds none asks nothing
SELECT a FROM unnest(ARRAY['6ggGGG', 'spotify:artist:6ggGGG', 'https://open.spotify.com/artist/6ggGGG?si=1', 'no id', '']) AS given,
  pg_temp.asked(jsonb_build_object('has_token', true, 'external_id', 'n', 'settings', jsonb_build_object('artist_id', given))) AS a
WHERE a LIKE 'artist%';

-- an app in development mode reads 10 albums a page; pages go on to the end; known credits are not asked again
SELECT * FROM pg_temp.asked('{"has_token": true, "external_id": "n", "scopes": ["x"], "settings": {"artist_id": "N"}, "known": [{"content_id": "a1", "extra": {"credits": "tracks"}}]}',
 '{"https://api.spotify.com/v1/artists/N": {"id": "N", "name": "Nova"},
   "https://api.spotify.com/v1/artists/N/albums?include_groups=album,single,compilation,appears_on&limit=10":
     {"items": [{"id": "a1", "artists": [{"id": "N"}]}, {"id": "a2", "artists": [{"id": "N"}]}], "total": 3,
      "next": "https://api.spotify.com/v1/artists/N/albums?include_groups=album,single,compilation,appears_on&limit=10&offset=10&locale=en"},
   "https://api.spotify.com/v1/artists/N/albums?include_groups=album,single,compilation,appears_on&limit=10&offset=10&locale=en":
     {"items": [{"id": "a3", "artists": [{"id": "V"}]}], "total": 3, "next": null}}');

-- elsewhere 50 a page and the tracks of 20 albums at once
SELECT * FROM pg_temp.asked('{"has_token": true, "external_id": "n", "scopes": ["x"], "settings": {"artist_id": "N"}}',
 jsonb_build_object('https://api.spotify.com/v1/artists/N', '{"id": "N", "followers": {"total": 5}}'::jsonb,
   'https://api.spotify.com/v1/artists/N/albums?include_groups=album,single,compilation,appears_on&limit=50',
   (SELECT jsonb_build_object('total', 21, 'next', null, 'items', jsonb_agg(jsonb_build_object('id', 'a' || i, 'artists', '[{"id": "N"}]'::jsonb)))
    FROM generate_series(1, 21) AS i)));

-- a batch is taken apart
SELECT jsonb_path_query(dreamsuite.plan_requests('spotify', '{"has_token": true, "external_id": "n", "scopes": ["x"], "settings": {"artist_id": "N"}}',
 '{"https://api.spotify.com/v1/artists/N": {"id": "N", "followers": {"total": 5}},
   "https://api.spotify.com/v1/artists/N/albums?include_groups=album,single,compilation,appears_on&limit=50":
     {"items": [{"id": "a1", "artists": [{"id": "N"}]}, {"id": "a2", "artists": [{"id": "N"}]}], "next": null},
   "https://api.spotify.com/v1/albums?ids=a1,a2": {"albums": [null, {"id": "a2", "album_type": "single", "name": "Two",
     "artists": [{"id": "N"}], "tracks": {"items": [{"artists": [{"id": "N"}, {"id": "x", "name": "Xan"}]}]}}]}}'),
 '$.normalised.content[*].collaborators');

-- the listing does not take back the guests that were found on tracks: it leaves the collaborators that are stored
SELECT jsonb_path_query(dreamsuite.plan_requests('spotify', '{"has_token": true, "external_id": "n", "scopes": ["x"], "settings": {"artist_id": "N"},
  "known": [{"content_id": "a1", "kind": "album", "extra": {"credits": "tracks"}}, {"content_id": "a2", "kind": "album"}]}',
 '{"https://api.spotify.com/v1/artists/N": {"id": "N"},
   "https://api.spotify.com/v1/artists/N/albums?include_groups=album,single,compilation,appears_on&limit=10":
     {"items": [{"id": "a1", "artists": [{"id": "N"}]}, {"id": "a2", "artists": [{"id": "N"}, {"id": "k", "name": "Kite"}]}], "next": null}}'),
 '$.normalised.content[*].collaborators');

-- a limit that is refused is lowered once
SELECT * FROM pg_temp.asked('{"has_token": true, "external_id": "n", "scopes": ["x"], "settings": {"artist_id": "N"}}',
 '{"https://api.spotify.com/v1/artists/N": {"id": "N", "followers": {"total": 5}},
   "https://api.spotify.com/v1/artists/N/albums?include_groups=album,single,compilation,appears_on&limit=50":
     {"status": 400, "body": {"error": {"status": 400, "message": "Invalid limit"}}}}');

-- of many releases that are all known only what may be new is read; a new one brings the rest of the pages
CREATE FUNCTION pg_temp.long_list(known int) RETURNS SETOF text LANGUAGE SQL AS $$
SELECT a FROM pg_temp.asked(jsonb_build_object('has_token', true, 'external_id', 'n', 'scopes', '["x"]'::jsonb, 'settings', '{"artist_id": "N"}'::jsonb, 'known',
   (SELECT jsonb_agg(jsonb_build_object('content_id', 'a' || i, 'extra', '{"credits": "tracks"}'::jsonb)) FROM generate_series(1, known) AS i)),
 jsonb_build_object('https://api.spotify.com/v1/artists/N', '{"id": "N"}'::jsonb,
   'https://api.spotify.com/v1/artists/N/albums?include_groups=album,single,compilation,appears_on&limit=10',
   (SELECT jsonb_build_object('total', 44, 'next', 'https://api.spotify.com/v1/artists/N/albums?include_groups=album%2Csingle&offset=10&limit=10',
      'items', jsonb_agg(jsonb_build_object('id', 'a' || i))) FROM generate_series(1, 10) AS i))) AS a
WHERE a LIKE 'albums%' $$;
SELECT * FROM pg_temp.long_list(44);
SELECT * FROM pg_temp.long_list(9);
SELECT * FROM pg_temp.long_list(30);

-- Errors

CREATE FUNCTION pg_temp.verdict(status int, body text, headers jsonb DEFAULT '{}') RETURNS text LANGUAGE SQL AS $$
SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope', v ->> 'wait_until', '(' || (v ->> 'message') || ')')
FROM dreamsuite.classify_answer('spotify', status, body, headers) AS v $$;

SELECT pg_temp.verdict(200, '{"items": []}');
SELECT pg_temp.verdict(200, '<html>');
SELECT pg_temp.verdict(400, '{"error": {"type": "bad_field", "description": "wrong id"}}');
SELECT pg_temp.verdict(401, '{"error": {"status": 401, "message": "The access token expired"}}');
SELECT pg_temp.verdict(0, '{"error": {"status": 401, "message": "The access token expired"}}');
SELECT pg_temp.verdict(403, '{"error": {"status": 403, "message": "Insufficient client scope"}}');
SELECT pg_temp.verdict(403, 'User not registered in the Developer Dashboard');
SELECT pg_temp.verdict(404, '{"error": {"status": 404, "message": "Resource not found"}}');
SELECT pg_temp.verdict(429, '{"error": {"status": 429, "message": "API rate limit exceeded"}}');
SELECT pg_temp.verdict(429, '', '{"retry-after": "120"}');
SELECT pg_temp.verdict(429, '{"error": {"status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}}', '{"retry-after": "43200"}');
SELECT pg_temp.verdict(502, '<html>Bad Gateway</html>');
SELECT pg_temp.verdict(400, '{"error": "invalid_grant", "error_description": "Refresh token expired"}');
SELECT pg_temp.verdict(400, '{"error": "invalid_client", "error_description": "Invalid client"}');
