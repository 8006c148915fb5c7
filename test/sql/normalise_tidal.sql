-- Tidal: what its answers say, which requests an account-day takes, what an error means.
\pset format unaligned
\pset tuples_only on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.tidal(responses jsonb, settings jsonb DEFAULT '{"external_id": "7000001"}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('tidal', responses, '2026-11-24 06:00+00', settings) $$;

-- every field is there and null where nothing is known
SELECT pg_temp.tidal('{}');

-- followers: an attribute that is left out is unknown, 0 is 0; one artist, or several asked for by id
SELECT pg_temp.tidal('{"artist": [{"data": {"id": "7000001", "type": "artists", "attributes": {"name": "Nova Quay", "popularity": 0.31, "numberOfFollowers": 1284}}}]}') -> 'core',
       pg_temp.tidal('{"artist": [{"data": {"id": "7000001", "type": "artists", "attributes": {"name": "Nova Quay", "popularity": 0.31}}}]}') #> '{metrics,follower_count}',
       pg_temp.tidal('{"artist": [{"data": {"id": "7000001", "attributes": {"numberOfFollowers": 0}}}]}') #> '{metrics,follower_count}',
       pg_temp.tidal('{"artist": [{"data": [{"id": "7000001", "attributes": {"numberOfFollowers": 7}}]}]}') #> '{metrics,follower_count}',
       pg_temp.tidal('{"artist": [{"errors": [{"status": "404"}]}]}') #> '{metrics,follower_count}';

-- releases: in the order of data, from an included that has none and repeats itself; what it lacks is passed over
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'collaborators', c -> 'extra', c -> 'views'
FROM jsonb_array_elements(pg_temp.tidal('{"albums": [{"data": [{"id": "1", "type": "albums"}, {"id": "2", "type": "albums"}, null, {"id": "404", "type": "albums"}, {"id": "3", "type": "albums"}, {"id": "4", "type": "videos"}],
 "included": [
  {"id": "7000002", "type": "artists", "attributes": {"name": "Kite"}},
  {"id": "2", "type": "tracks", "attributes": {"title": "No album"}},
  {"id": "2", "type": "albums", "attributes": {"title": "Glass", "version": "Remix", "albumType": "SINGLE", "releaseDate": "2025-03", "numberOfItems": 1},
   "relationships": {"artists": {"data": [{"id": "7000003", "type": "artists"}, {"id": "7000001", "type": "artists"}, {"id": "7000002", "type": "artists"}]}}},
  {"id": "3", "type": "albums", "attributes": {"title": "Old", "type": "EP", "releaseDate": null}},
  {"id": "7000001", "type": "artists", "attributes": {"name": "Nova Quay"}},
  {"id": "7000001", "type": "artists", "attributes": {"name": "Nova Quay"}},
  {"id": "1", "type": "albums", "attributes": {"title": "Tidewater", "version": null, "albumType": "ALBUM", "releaseDate": "2026-10-02", "barcodeId": "00602475093060", "popularity": 0.0,
   "externalLinks": [{"href": "https://example.org", "meta": {"type": "WEBSITE"}}, {"href": "https://tidal.com/browse/album/1", "meta": {"type": "TIDAL_SHARING"}}]},
   "relationships": {"artists": {"data": [{"id": "7000001", "type": "artists"}]}}}]}]}') -> 'content') AS c;

-- placements: tracked playlists with a track of the artist on any page; none where every playlist is gone, or one did not come; 0 where there is no track
CREATE FUNCTION pg_temp.placements(entries jsonb) RETURNS jsonb LANGUAGE SQL AS $$
SELECT pg_temp.tidal(jsonb_build_object('tracked_playlists', entries)) #> '{metrics,playlist_placements}' $$;
SELECT pg_temp.placements(format('[{"of": "u1", "body": %s}, {"of": "u1", "body": %s}, {"of": "u2", "body": %s}]', hit, hit, miss)::jsonb),
       pg_temp.placements(format('[{"of": "u1", "body": %s}, {"of": "u1", "body": %s}, {"of": "u2", "body": %s}]', miss, hit, hit)::jsonb),
       pg_temp.placements(format('[{"of": "u1", "body": %s}]', miss)::jsonb),
       pg_temp.placements(format('[{"of": "u1", "body": %s}, {"of": "u2", "body": {"errors": [{"status": "404"}]}}]', hit)::jsonb),
       pg_temp.placements('[{"of": "u2", "body": {"errors": [{"status": "404"}]}}]'),
       pg_temp.placements(format('[{"of": "u1", "body": %s}, {"of": "u2", "body": {"errors": [{"status": "500"}]}}]', hit)::jsonb)
FROM (SELECT '{"data": [{"id": "61", "type": "tracks"}, {"id": "62", "type": "tracks"}], "included": [{"id": "62", "type": "tracks", "attributes": {"title": "Paper Lanterns"},
   "relationships": {"artists": {"data": [{"id": "7000002", "type": "artists"}, {"id": "7000001", "type": "artists"}]}}}]}' AS hit,
  '{"data": [{"id": "61", "type": "tracks"}], "included": [{"id": "61", "type": "tracks", "relationships": {"artists": {"data": [{"id": "7000002", "type": "artists"}]}}},
   {"id": "62", "type": "tracks", "relationships": {"artists": {"data": [{"id": "7000001", "type": "artists"}]}}}]}' AS miss) AS x;

-- the artist's tracks of a tracked playlist are content
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'title', c -> 'collaborators', c -> 'extra'
FROM jsonb_array_elements(pg_temp.tidal('{"tracked_playlists": [{"of": "u1", "body": {"data": [{"id": "62", "type": "tracks"}, {"id": "61", "type": "tracks"}],
 "included": [{"id": "61", "type": "tracks", "relationships": {"artists": {"data": [{"id": "7000002", "type": "artists"}]}}},
  {"id": "7000002", "type": "artists", "attributes": {"name": "Kite"}},
  {"id": "62", "type": "tracks", "attributes": {"title": "Paper Lanterns", "isrc": "QZAAA2600001"}, "relationships": {"artists": {"data": [{"id": "7000001", "type": "artists"}, {"id": "7000002", "type": "artists"}]}}}]}}]}') -> 'content') AS c;

-- odd content never fails
SELECT pg_temp.tidal('{"artist": [[], {"data": [7]}, {"data": {"id": 7, "attributes": []}}], "albums": [{"data": {"id": 1}, "included": 5}, {"data": [{"id": "1", "type": 5}, {"id": "2", "type": "albums", "attributes": {"externalLinks": [1, {"href": 7}], "type": 1}}], "included": [null]}],
  "tracked_playlists": [{"of": null, "body": {}}, {"body": {"data": [[], {"type": "tracks"}]}}]}') -> 'metrics';

-- Requests

CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT jsonb_array_elements_text(dreamsuite.plan_requests('tidal', account, answers) -> 'requests') $$;

SELECT count(*) FROM pg_temp.asked('{}');
SELECT * FROM pg_temp.asked('{"external_id": 7, "settings": {"storefronts": ["de", "fr"]}}');

-- pages go on by cursor with what was included, whichever link tells it, and end where it repeats itself
SELECT a FROM pg_temp.asked('{"external_id": 7}',
 '{"https://openapi.tidal.com/v2/artists/7/relationships/albums?include=albums.artists&countryCode=US":
     {"data": [], "links": {"next": "/artists/7/relationships/albums?countryCode=US&page%5Bcursor%5D=3nI1", "meta": {"nextCursor": "3nI1"}}},
   "https://openapi.tidal.com/v2/artists/7/relationships/albums?include=albums.artists&countryCode=US&page%5Bcursor%5D=3nI1":
     {"data": [], "links": {"next": "/artists/7/relationships/albums?countryCode=US&page%5Bcursor%5D=a%2Bb"}},
   "https://openapi.tidal.com/v2/artists/7/relationships/albums?include=albums.artists&countryCode=US&page%5Bcursor%5D=a%2Bb":
     {"data": [], "links": {"next": "/artists/7/relationships/albums?page[cursor]=zz&countryCode=US"}},
   "https://openapi.tidal.com/v2/artists/7/relationships/albums?include=albums.artists&countryCode=US&page%5Bcursor%5D=zz":
     {"data": [], "links": {"next": "/artists/7/relationships/albums?page[cursor]=zz", "meta": {"nextCursor": "zz"}}}}') AS a WHERE a LIKE 'albums%';
-- ... a cursor without a link is the last page's
SELECT count(*) FROM pg_temp.asked('{"external_id": 7}',
 '{"https://openapi.tidal.com/v2/artists/7/relationships/albums?include=albums.artists&countryCode=US": {"data": [], "links": {"meta": {"nextCursor": "3nI1"}}}}');

-- tracked playlists are searched for the artist's name, page by page up to the first hit; where the filter is refused, without it
SELECT a FROM pg_temp.asked('{"external_id": 7, "settings": {"tracked_playlists": ["u1", "u2", "u3"]}}',
 '{"https://openapi.tidal.com/v2/artists/7?countryCode=US": {"data": {"id": "7", "attributes": {"name": "Nova & Kite"}}},
   "https://openapi.tidal.com/v2/playlists/u1/relationships/items?include=items.artists&countryCode=US&filter%5Bquery%5D=Nova%20%26%20Kite": {"data": [{"id": "1", "type": "tracks"}],
     "included": [{"id": "1", "type": "tracks", "relationships": {"artists": {"data": [{"id": "7"}]}}}], "links": {"next": "/x?page%5Bcursor%5D=c1"}},
   "https://openapi.tidal.com/v2/playlists/u2/relationships/items?include=items.artists&countryCode=US&filter%5Bquery%5D=Nova%20%26%20Kite": {"data": [], "links": {"next": "/x?page%5Bcursor%5D=c2"}},
   "https://openapi.tidal.com/v2/playlists/u3/relationships/items?include=items.artists&countryCode=US&filter%5Bquery%5D=Nova%20%26%20Kite": {"status": 400, "body": {"errors": [{"status": "400"}]}}}') AS a
WHERE a LIKE 'tracked%';
-- ... one that max_pages cut off may still hold one
SELECT p -> 'bounded', p #> '{normalised,metrics,playlist_placements}' FROM (SELECT dreamsuite.plan_requests('tidal', '{"external_id": 7, "settings": {"tracked_playlists": ["u2"]}, "max_pages": 1}',
 '{"https://openapi.tidal.com/v2/artists/7?countryCode=US": {"data": {"id": "7", "attributes": {"name": "Nova"}}},
   "https://openapi.tidal.com/v2/playlists/u2/relationships/items?include=items.artists&countryCode=US&filter%5Bquery%5D=Nova": {"data": [], "links": {"next": "/x?page%5Bcursor%5D=c2"}}}') AS p) AS x;
-- ... without the artist's name all items are read; without the artist none
SELECT a FROM unnest(ARRAY['{"status": 500, "body": {}}', '{"status": 404, "body": {}}']) AS answer,
 pg_temp.asked('{"external_id": 7, "settings": {"tracked_playlists": ["u1"]}}', jsonb_build_object('https://openapi.tidal.com/v2/artists/7?countryCode=US', answer::jsonb)) AS a
WHERE a LIKE 'tracked%';

-- Errors

CREATE FUNCTION pg_temp.verdict(status int, body text, headers jsonb DEFAULT '{}') RETURNS text LANGUAGE SQL AS $$
SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope', v ->> 'wait_until', '(' || (v ->> 'message') || ')')
FROM dreamsuite.classify_answer('tidal', status, body, headers) AS v $$;

SELECT pg_temp.verdict(200, '{"data": []}');
SELECT pg_temp.verdict(400, '{"errors": [{"status": "400", "detail": "include too deep"}]}');
SELECT pg_temp.verdict(401, '{"errors": [{"status": "401", "code": "UNAUTHORIZED"}]}');
SELECT pg_temp.verdict(0, '{"status": 401, "subStatus": 11003, "userMessage": "Token has expired"}');
SELECT pg_temp.verdict(403, '{"errors": [{"status": "403", "code": "FORBIDDEN", "detail": "tier"}]}');
SELECT pg_temp.verdict(404, '{"errors": [{"status": "404", "code": "NOT_FOUND", "detail": "gone"}]}');
SELECT pg_temp.verdict(0, '{"errors": [{"detail": "no status"}]}');
SELECT pg_temp.verdict(429, '{"errors": [{"status": "429", "detail": "Rate limit exceeded"}]}');
SELECT pg_temp.verdict(429, '{}', '{"retry-after": "9", "x-ratelimit-requested-tokens": "5", "x-ratelimit-replenish-rate": "0.5"}');
SELECT pg_temp.verdict(429, '{}', '{"x-ratelimit-requested-tokens": "5", "x-ratelimit-replenish-rate": "0.4"}');
SELECT pg_temp.verdict(429, '{}', '{"x-ratelimit-requested-tokens": "5", "x-ratelimit-replenish-rate": "0"}');
SELECT pg_temp.verdict(503, '<html>');
SELECT pg_temp.verdict(400, '{"status": 400, "error": "invalid_grant", "sub_status": 11101, "error_description": "Token could not be verified"}');
SELECT pg_temp.verdict(401, '{"status": 401, "error": "invalid_client", "error_description": "Unknown client"}');
