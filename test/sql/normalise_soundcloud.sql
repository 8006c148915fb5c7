-- SoundCloud: what its answers say, which requests an account-day takes, what an error means.
\pset format unaligned
\pset tuples_only on
\pset null unknown
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.soundcloud(tracks jsonb, me jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('soundcloud', jsonb_build_object('me', jsonb_build_array(me), 'tracks', jsonb_build_array(tracks)), '2026-11-24 06:00+00') $$;
CREATE FUNCTION pg_temp.sums(n jsonb) RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', m -> 'total_plays', m -> 'likes_total', m -> 'reposts_total', m -> 'comments_total', m -> 'tracks_count', m -> 'tracks_uploaded_24h',
  n #> '{core,engagement_total}') FROM (SELECT n -> 'metrics' AS m) AS x $$;

-- every field is there and null where nothing is known
SELECT jsonb_pretty(dreamsuite.normalise('soundcloud', '{}', '2026-11-24 06:00+00') -> 'metrics');

-- the profile; its own likes, reposts and comments are what the user gave
SELECT m -> 'follower_count', m -> 'tracks_count', m -> 'likes_total', m -> 'reposts_total', m -> 'comments_total', n -> 'core'
FROM (SELECT n, n -> 'metrics' AS m FROM dreamsuite.normalise('soundcloud', '{"me": [{"urn": "soundcloud:users:90000001", "username": "Nova", "followers_count": 4120, "track_count": 2,
  "private_tracks_count": 1, "reposts_count": 14, "likes_count": 57, "public_favorites_count": 57, "comments_count": 0}]}', '2026-11-24 06:00+00') AS n) AS x;

-- urn without id and id without urn, beyond 2^53; a urn that ends in no number stays text, and the top list has no number for it
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'views', c -> 'likes', c -> 'comments', c -> 'shares', c -> 'collaborators'
FROM jsonb_array_elements(pg_temp.soundcloud('{"collection": [
  {"kind": "track", "urn": "soundcloud:tracks:9007199254740993", "title": "Low Tide", "created_at": "2026/11/22 18:05:00 +0000", "permalink_url": "https://soundcloud.com/nova/low-tide?utm_medium=api&utm_source=id_1",
   "playback_count": 310, "favoritings_count": 21, "reposts_count": 4, "comment_count": 2},
  {"kind": "track", "id": 9223372036854775807, "title": "Old one", "created_at": "2015-03-01T12:00:00Z", "playback_count": 5},
  {"kind": "track", "urn": "soundcloud:tracks:abc-7", "id": 7, "title": "Strange", "created_at": "soon"},
  {"kind": "playlist", "urn": "soundcloud:playlists:5"}, null, {"title": "no id"}], "next_href": null}') -> 'content') AS c;
SELECT t -> 'track_id', t ->> 'title' FROM jsonb_array_elements(pg_temp.soundcloud('{"collection": [
  {"urn": "soundcloud:tracks:9007199254740993", "title": "a", "playback_count": 3}, {"id": 9223372036854775807, "title": "b", "playback_count": 2}, {"urn": "soundcloud:tracks:abc-7", "title": "c", "playback_count": 1},
  {"urn": "soundcloud:tracks:99999999999999999999", "title": "d", "playback_count": 0}]}') #> '{metrics,top_tracks}') AS t;

-- a page may be a bare array
SELECT pg_temp.sums(pg_temp.soundcloud('[{"urn": "soundcloud:tracks:1", "playback_count": 4, "favoritings_count": 1, "reposts_count": 2, "comment_count": 3, "created_at": "2026/11/24 05:00:00 +0000"}]'));

-- hidden is unknown: null, absent, and 0 where the statistics are not revealed; what is told is taken
SELECT pg_temp.sums(pg_temp.soundcloud('{"collection": [{"id": 1, "playback_count": null, "favoritings_count": null, "reposts_count": 1}]}'));
SELECT pg_temp.sums(pg_temp.soundcloud('{"collection": [{"id": 1, "playback_count": 0, "favoritings_count": 0, "comment_count": 0, "reveal_stats": false, "reveal_comments": false}]}'));
SELECT pg_temp.sums(pg_temp.soundcloud('{"collection": [{"id": 1, "playback_count": 8, "favoritings_count": 2, "comment_count": 1, "reveal_stats": false, "reveal_comments": false},
  {"id": 2, "playback_count": 0, "favoritings_count": 0, "comment_count": 0, "reveal_stats": true}]}'));

-- favoritings are the likes; likes_count stands in only where there are none given
SELECT pg_temp.sums(pg_temp.soundcloud('[{"id": 1, "favoritings_count": 0, "likes_count": 50}]')), pg_temp.sums(pg_temp.soundcloud('[{"id": 1, "favoritings_count": null, "likes_count": 50}]')),
       pg_temp.sums(pg_temp.soundcloud('[{"id": 1, "likes_count": "50"}]'));

-- tracks_count counts public tracks; where the profile does not tell it, those of the listing
SELECT pg_temp.sums(pg_temp.soundcloud('[{"id": 1, "sharing": "private"}, {"id": 2, "sharing": "public"}, {"id": 3}]', '{"track_count": 7}')),
       pg_temp.sums(pg_temp.soundcloud('[{"id": 1, "sharing": "private"}, {"id": 2, "sharing": "public"}, {"id": 3}]', '{"followers_count": 1}'));

-- top tracks are of all time: most plays, then comments, then id; at most ten; none is the empty list
SELECT jsonb_path_query_array(pg_temp.soundcloud(jsonb_agg(jsonb_build_object('id', i, 'playback_count', CASE WHEN i > 9 THEN 9 ELSE i END, 'comment_count', i % 3, 'created_at', '2011/01/01 00:00:00 +0000'))),
  '$.metrics.top_tracks[*].track_id') FROM generate_series(1, 12) AS i;
SELECT pg_temp.soundcloud('{"collection": []}') #> '{metrics,top_tracks}', pg_temp.sums(pg_temp.soundcloud('{"collection": []}', '{"track_count": 0}'));

-- both date formats, and an upload exactly 24 hours ago is none of the last 24
SELECT m -> 'tracks_uploaded_24h' FROM (SELECT pg_temp.soundcloud('[{"id": 1, "created_at": "2026/11/23 06:00:01 +0000"}, {"id": 2, "created_at": "2026-11-24T05:59:59.000Z"},
  {"id": 3, "created_at": "2026/11/23 06:00:00 +0000"}, {"id": 4, "created_at": "2026/11/24 09:00:00 +0400"}]') -> 'metrics' AS m) AS x;

-- an error is no answer; a page that was lost leaves the sums unknown
SELECT pg_temp.sums(pg_temp.soundcloud('{"code": 401, "message": "m", "link": "l"}', '{"errors": [{"error_message": "404 - Not Found"}]}'));
SELECT pg_temp.sums(n), n #> '{metrics,top_tracks}', jsonb_array_length(n -> 'content') FROM dreamsuite.normalise('soundcloud',
  '{"tracks": [{"collection": [{"id": 1, "playback_count": 4}], "next_href": "https://api.soundcloud.com/me/tracks?cursor=c"}, {"code": 500, "message": "m"}]}', '2026-11-24 06:00+00') AS n;

-- odd content is unknown, never an error
SELECT pg_temp.sums(pg_temp.soundcloud('{"collection": [{"id": -1}, {"id": {"a": 1}}, [1], "x", {"id": 5, "playback_count": "many", "favoritings_count": -1, "reposts_count": 1e30, "comment_count": true, "created_at": 5, "permalink_url": []}]}',
  '{"followers_count": [], "track_count": "x"}'));

-- which requests: pages to the end along next_href, never to another host
CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT jsonb_array_elements_text(dreamsuite.plan_requests('soundcloud', '{"has_token": true, "observed_at": "2026-11-24T06:00:00Z"}' || account, answers) -> 'requests') $$;
SELECT * FROM pg_temp.asked('{}', '{"https://api.soundcloud.com/me/tracks?limit=200&linked_partitioning=true":
  {"collection": [{"id": 2}], "next_href": "https://api.soundcloud.com/me/tracks?page_size=200&cursor=2018-02-27T14%3A37%3A10.000Z%2Ctracks%2C00405959469"},
 "https://api.soundcloud.com/me/tracks?page_size=200&cursor=2018-02-27T14%3A37%3A10.000Z%2Ctracks%2C00405959469": {"collection": [{"id": 1}], "next_href": null}}');
SELECT jsonb_array_length(p -> 'requests'), p -> 'missing' FROM dreamsuite.plan_requests('soundcloud', '{"has_token": true}', '{"https://api.soundcloud.com/me": {"username": "n"},
  "https://api.soundcloud.com/me/tracks?limit=200&linked_partitioning=true": {"collection": [{"id": 2}], "next_href": "http://api.soundcloud.com/me/tracks?cursor=c"}}') AS p;

-- max_pages bounds the listing: sums over some of the tracks are no totals
SELECT p -> 'bounded', pg_temp.sums(p -> 'normalised') FROM dreamsuite.plan_requests('soundcloud', '{"has_token": true, "max_pages": 1}',
  '{"https://api.soundcloud.com/me/tracks?limit=200&linked_partitioning=true": {"collection": [{"id": 2, "playback_count": 9, "favoritings_count": 1, "created_at": "2025/09/02 00:00:00 +0000"}], "next_href": "https://api.soundcloud.com/me/tracks?cursor=c"}}') AS p;

-- every day all pages are read: most plays come to tracks that are known and old
SELECT pg_temp.sums(p -> 'normalised'), jsonb_array_length(p -> 'requests') FROM dreamsuite.plan_requests('soundcloud', '{"has_token": true, "observed_at": "2026-11-24T06:00:00Z",
  "known": [{"content_id": "1", "kind": "track", "views": 60, "published_at": "2026-09-01T00:00:00Z", "extra": {"listing_end": 1}}, {"content_id": "2", "kind": "track", "views": 9, "published_at": "2026-09-02T00:00:00Z"}]}',
  '{"https://api.soundcloud.com/me/tracks?limit=200&linked_partitioning=true": {"collection": [{"id": 2, "playback_count": 9, "created_at": "2026/09/02 00:00:00 +0000"}], "next_href": "https://api.soundcloud.com/me/tracks?cursor=c"},
    "https://api.soundcloud.com/me/tracks?cursor=c": {"collection": [{"id": 1, "playback_count": 500, "created_at": "2026/09/01 00:00:00 +0000"}]}}') AS p;
SELECT pg_temp.sums(dreamsuite.plan_requests('soundcloud', '{"has_token": true, "known": [{"content_id": "1", "kind": "track", "views": 60, "likes": 1, "comments": 2, "shares": 3}, {"content_id": "2", "kind": "track", "views": 9, "likes": 9}]}',
  '{"https://api.soundcloud.com/me/tracks?limit=200&linked_partitioning=true": {"collection": [{"id": 2, "playback_count": 40, "favoritings_count": 10}]}}') -> 'normalised');

-- what an error means
SELECT what, v ->> 'error_class', v ->> 'scope', v ->> 'wait_until', v ->> 'message'
FROM (VALUES
  ('401', 401, '{"code": 401, "message": "m", "link": "l"}', '{}'),
  ('401 without a body', 401, '', '{}'),
  ('grant', 400, '{"error": "invalid_grant"}', '{}'),
  ('grant, old host', 401, '{"code": 401, "message": "invalid_grant", "link": "l", "error_code": "invalid_grant"}', '{}'),
  ('client', 401, '{"error": "invalid_client"}', '{}'),
  ('client, old host', 401, '{"code": 401, "message": "invalid_client", "link": "l", "error_code": "invalid_client"}', '{}'),
  ('403', 403, '{"code": 403, "message": "m"}', '{}'),
  ('403 without a body', 403, '', '{}'),
  ('403 with a page', 403, '<!DOCTYPE HTML><TITLE>ERROR: The request could not be satisfied</TITLE>', '{}'),
  ('404', 404, '{"code": 404, "message": "m"}', '{}'),
  ('404, old', 404, '{"errors": [{"error_message": "404 - Not Found"}]}', '{}'),
  ('422', 422, '{"code": 422, "message": "m"}', '{}'),
  ('400', 400, '{"code": 400, "message": "m", "errors": [], "status": "400 - Bad Request"}', '{}'),
  ('429, time named', 429, '{"errors": [{"meta": {"rate_limit": {"group": "plays", "max_nr_of_requests": 15000, "time_window": "PT24H"}, "remaining_requests": 0, "reset_time": "2026/03/01 09:30:00 +0000"}}]}', '{}'),
  ('429, time inside', 429, '{"errors": [{"meta": {"rate_limit": {"group": "plays", "reset_time": "2026/03/01 09:30:00 +0000"}}}]}', '{}'),
  ('429, time past', 429, '{"errors": [{"meta": {"reset_time": "2026/02/01 09:30:00 +0000"}}]}', '{"retry-after": "90"}'),
  ('429, spam', 429, '{"code": 429, "message": "m", "link": "l", "spam_warning_urn": "u"}', '{"x-ratelimit-reset": "1772346600"}'),
  ('429, gateway', 429, '{"error": "Rate Limit Exceeded"}', '{"x-ratelimit-limit": "-1", "x-ratelimit-reset": "0"}'),
  ('429, edge', 429, 'Please slow down.', '{}'),
  ('token host', 429, '{"code": 429, "message": "rate_limit_exceeded"}', '{"x-ratelimit-reset": "120"}'),
  ('500', 500, '{"code": 500, "message": "m"}', '{}'),
  ('502 with a page', 502, '<html>', '{}'),
  ('200 with a page', 200, '<html>', '{}'),
  ('200 without JSON', 200, 'hello', '{}'),
  ('an error under 200', 200, '{"error": "something"}', '{}'),
  ('tokens', 200, '{"access_token": "a", "expires_in": "3599", "refresh_token": "r", "scope": "", "token_type": "bearer"}', '{}')) AS c (what, status, body, headers),
  dreamsuite.classify_answer('soundcloud', status, body, headers::jsonb) AS v;
