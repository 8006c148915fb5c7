-- Apple Music: what its answers say, which requests an account-day takes, what an error means.
\pset format unaligned
\pset tuples_only on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.apple(responses jsonb, settings jsonb DEFAULT '{"external_id": "900"}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('apple_music', responses, '2026-11-24 06:00+00', settings) $$;

-- every field is there and null where nothing is known
SELECT pg_temp.apple('{}');

-- library: the total where it is told, else the count of all pages; never an estimate; an error is unknown
CREATE FUNCTION pg_temp.library(pages jsonb) RETURNS jsonb LANGUAGE SQL AS $$
SELECT jsonb_build_array(m -> 'library_songs_count', m -> 'playlists_count')
FROM (SELECT pg_temp.apple(jsonb_build_object('library_songs', pages, 'library_playlists', pages)) -> 'metrics' AS m) AS x $$;
SELECT pg_temp.library('[{"next": "/v1/me/library/songs?offset=1", "data": [{"id": "i.A"}], "meta": {"total": 1432}}]');
SELECT pg_temp.library('[{"data": [], "meta": {"total": 0}}]');
SELECT pg_temp.library('[{"data": [{"id": "i.A"}], "next": "/v1/me/library/songs?offset=1"}]');
SELECT pg_temp.library('[{"data": [{"id": "i.A"}], "next": "/v1/me/library/songs?offset=1"}, {"data": [{"id": "i.B"}, {"id": "i.C"}]}]');
SELECT pg_temp.library('[{"data": []}]');
SELECT pg_temp.library('[{"errors": [{"status": "403", "code": "40300", "detail": "Invalid authentication"}]}]');
SELECT pg_temp.library('[{"errors": [{"status": "404", "code": "40400", "title": "Resource Not Found"}]}]');

-- charts: rank = offset + index + 1, the artist found by id, both types, several storefronts and pages, best first
CREATE FUNCTION pg_temp.charts(entries jsonb, settings jsonb DEFAULT '{"external_id": "900"}') RETURNS SETOF text LANGUAGE SQL AS $$
SELECT concat_ws(' ', p ->> 'chart_name', p ->> 'position', p ->> 'country')
FROM jsonb_array_elements(pg_temp.apple(jsonb_build_object('charts', entries), settings) #> '{metrics,chart_positions}') AS p $$;
SELECT pg_temp.charts('[{"of": "us", "body": {"results": {"songs": [
   {"chart": "city", "data": [{"id": "1", "relationships": {"artists": {"data": [{"id": "900"}]}}}]},
   {"chart": "most-played", "name": "Most Played Songs on Apple Music", "href": "/v1/catalog/us/charts?types=songs&chart=most-played&limit=2",
    "next": "/v1/catalog/us/charts?types=songs&chart=most-played&offset=2",
    "data": [null, {"id": "2", "attributes": {"artistName": "Nova Quay"}, "relationships": {"artists": {"data": [{"id": "77"}, {"id": "900"}]}}}]}],
   "albums": [{"chart": "most-played", "data": [{"id": "3", "relationships": {"artists": {"data": [{"id": "77"}]}}}]}]}}},
 {"of": "us", "body": {"results": {"songs": [{"chart": "most-played", "next": "/v1/catalog/us/charts?types=songs&offset=4",
    "data": [{"id": "4", "relationships": {"artists": {"data": [{"id": "900"}]}}}, {"id": "5"}]}]}}},
 {"of": "gb", "body": {"results": {"albums": [{"chart": "most-played", "href": "/v1/catalog/gb/charts?types=albums&offset=150&limit=50",
    "data": [{"id": "6", "relationships": {"artists": {"data": [{"id": "900"}]}}}]}]}}},
 {"of": "us", "body": {"results": {"songs": [{"chart": "most-played", "data": [{"id": "7", "relationships": {"artists": {"data": [{"id": "900"}]}}}]}]}}},
 {"of": "de", "body": {"results": {}}}]');
-- ... nowhere is [], no artist is unknown, no answer is unknown, a lost storefront keeps what the others say
SELECT pg_temp.apple('{"charts": [{"of": "us", "body": {"results": {}}}]}') #> '{metrics,chart_positions}',
       pg_temp.apple('{"charts": [{"of": "us", "body": {"results": {}}}]}', '{}') #> '{metrics,chart_positions}',
       pg_temp.apple('{"charts": [{"of": "us", "body": {"errors": [{"status": "500", "code": "50001"}]}}]}') #> '{metrics,chart_positions}',
       pg_temp.apple('{"charts": [{"of": "us", "body": {"errors": [{"status": "404", "code": "40403"}]}}]}') #> '{metrics,chart_positions}';
-- ... and where the others say nothing, it is not known that there is none
SELECT pg_temp.apple('{"charts": [{"of": "us", "body": {"results": {}}}, {"of": "gb", "body": {"errors": [{"status": "500", "code": "50001"}]}}]}') #> '{metrics,chart_positions}';
SELECT pg_temp.charts('[{"of": "jp", "body": {"errors": [{"status": "429"}]}}, {"of": "us", "body": {"results": {"albums": [{"data": [{"id": "6", "relationships": {"artists": {"data": [{"id": "900"}]}}}]}]}}}]');
-- ... without artists in the answer the artist's albums tell: by id, and by the album in a song's address
SELECT concat_ws(' ', p ->> 'chart_name', p ->> 'position') FROM jsonb_array_elements(pg_temp.apple('{"albums": [{"data": [{"id": "10", "type": "albums", "attributes": {"name": "Tidewater"}}]}],
 "charts": [{"of": "us", "body": {"results": {"songs": [{"chart": "most-played", "data": [
   {"id": "1", "attributes": {"artistName": "Nova Quay", "url": "https://music.apple.com/us/album/other/11?i=1"}},
   {"id": "2", "attributes": {"url": "https://music.apple.com/us/album/tidewater/10?i=2"}},
   {"id": "3", "attributes": {"url": "https://itunes.apple.com/us/album/tidewater/id10?i=3"}}]}],
   "albums": [{"chart": "most-played", "data": [{"id": "10"}]}]}}}]}') #> '{metrics,chart_positions}') AS p;

-- placements: distinct playlists of all sources; editorial ones by name, charts are not editorial
SELECT m -> 'playlist_placements', m -> 'editorial_placements' FROM (SELECT pg_temp.apple('{"playlists": [{"data": [
   {"id": "pl.1", "type": "playlists", "attributes": {"name": "Nova Quay Essentials", "playlistType": "editorial", "isChart": false}},
   {"id": "pl.2", "type": "playlists", "attributes": {"name": "Top 100", "playlistType": "editorial", "isChart": true}},
   {"id": "pl.3", "type": "playlists", "attributes": {"name": "By a fan", "playlistType": "user-shared"}}, null]},
  {"data": [{"id": "pl.1", "type": "playlists", "attributes": {"name": "Nova Quay Essentials", "playlistType": "editorial"}}]}],
 "tracked_playlists": [
  {"of": "pl.1", "body": {"data": [{"id": "pl.1", "type": "playlists", "relationships": {"tracks": {"data": [{"id": "5", "relationships": {"artists": {"data": [{"id": "900"}]}}}]}}}]}},
  {"of": "pl.8", "body": {"data": [{"id": "pl.8", "type": "playlists", "attributes": {"name": "New Music", "playlistType": "editorial"}, "relationships": {"tracks": {"data": [{"id": "6"}], "next": "/v1/x?offset=100"}}}]}},
  {"of": "pl.8", "body": {"data": [{"id": "5", "type": "songs", "relationships": {"artists": {"data": [{"id": "900"}]}}}]}},
  {"of": "pl.9", "body": {"data": [{"id": "pl.9", "type": "playlists", "attributes": {"name": "Not there", "playlistType": "editorial"}, "relationships": {"tracks": {"data": [{"id": "6"}]}}}]}},
  {"of": "pl.0", "body": {"errors": [{"status": "404", "code": "40400"}]}}]}') -> 'metrics' AS m) AS x;
-- ... a tracked playlist that did not come may hold the artist
SELECT m -> 'playlist_placements', m -> 'editorial_placements' FROM (SELECT pg_temp.apple('{"playlists": [{"data": [{"id": "pl.1", "type": "playlists"}]}],
 "tracked_playlists": [{"of": "pl.0", "body": {"errors": [{"status": "500", "code": "50001"}]}}]}') -> 'metrics' AS m) AS x;
-- ... a 404 that says "nothing related" is an empty list, any other error is unknown
SELECT m -> 'playlist_placements', m -> 'editorial_placements' FROM unnest(ARRAY[
 '[{"errors": [{"status": "404", "code": "40403", "title": "No related resources"}]}]', '[{"data": []}]',
 '[{"errors": [{"status": "500", "code": "50001"}]}]', '[{"data": []}, {"errors": [{"status": "504"}]}]', '[]']) AS pages,
 LATERAL (SELECT pg_temp.apple(jsonb_build_object('playlists', pages::jsonb)) -> 'metrics' AS m) AS x;

-- releases: kinds, dates of every precision and with a time, co-artists by name, null where a name is missing
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'collaborators', c -> 'extra'
FROM jsonb_array_elements(pg_temp.apple('{"albums": [{"next": "/v1/catalog/us/artists/900/albums?offset=2", "data": [
  {"id": "10", "type": "albums", "attributes": {"name": "Tidewater - EP", "artistName": "Nova Quay & Kite", "releaseDate": "2026-10-02", "trackCount": 5, "isSingle": false,
    "isCompilation": false, "upc": "000000000000", "url": "https://music.apple.com/us/album/tidewater/10"},
   "relationships": {"artists": {"data": [{"id": "900", "type": "artists", "attributes": {"name": "Nova Quay"}}, {"id": "901", "type": "artists", "attributes": {"name": "Kite"}}]}}},
  {"id": "11", "type": "albums", "attributes": {"name": "Glass - Single", "releaseDate": "2025", "isSingle": true}, "relationships": {"artists": {"data": [{"id": "900"}]}}},
  null, {"id": "12", "attributes": {"name": "Hits", "releaseDate": "2018-05-10T07:00:00Z", "isCompilation": true}, "relationships": {"artists": {"data": [{"id": "900"}, {"id": "902"}]}}}]},
  {"data": [{"id": "13", "attributes": {"releaseDate": "soon"}}]}]}') -> 'content') AS c;

-- odd content never fails
SELECT pg_temp.apple('{"albums": [[], {"data": [[], {"id": 5, "attributes": 7}, {"attributes": {}}]}], "charts": [{"body": {}}, {"of": "us", "body": {"results": {"songs": {}, "albums": [1, {"data": {}}, {"data": [1, {"relationships": {"artists": {"data": [null]}}}]}]}}}],
  "playlists": [{"data": [7, {}]}], "tracked_playlists": [{"of": null, "body": {"data": [{"type": "playlists"}]}}, {"of": "x", "body": []}], "library_songs": [{"meta": {"total": "x"}, "data": {}}]}') -> 'metrics';

-- Requests

CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT jsonb_array_elements_text(dreamsuite.plan_requests('apple_music', account, answers) -> 'requests') $$;

-- a listener; an artist in one storefront; storefronts as they are written; an account without either
SELECT * FROM pg_temp.asked('{"has_token": true}');
SELECT * FROM pg_temp.asked('{"external_id": 900}');
SELECT count(*) FROM pg_temp.asked('{}');

-- a library that does not tell its total is counted in hundreds
SELECT p -> 'requests' -> 2, p -> 'requests' -> 3, p #> '{normalised,metrics,library_songs_count}' FROM (SELECT dreamsuite.plan_requests('apple_music', '{"has_token": true}',
 '{"https://api.music.apple.com/v1/me/library/songs?limit=1": {"data": [{"id": "i.1"}], "next": "/v1/me/library/songs?offset=1"},
   "https://api.music.apple.com/v1/me/library/songs?limit=100&offset=1": {"data": [{"id": "i.2"}, {"id": "i.3"}], "next": "/v1/me/library/songs?offset=101"},
   "https://api.music.apple.com/v1/me/library/songs?limit=100&offset=101": {"data": [{"id": "i.4"}]},
   "https://api.music.apple.com/v1/me/library/playlists?limit=1": {"data": [], "meta": {"total": 9}}}') AS p) AS x;

-- playlists that max_pages cut off are not all
SELECT p -> 'bounded', p #> '{normalised,metrics,playlist_placements}', p #> '{normalised,metrics,editorial_placements}' FROM (SELECT dreamsuite.plan_requests('apple_music', '{"external_id": 900, "max_pages": 1}',
 '{"https://api.music.apple.com/v1/catalog/us/artists/900/view/featured-playlists?limit=100": {"data": [{"id": "pl.1", "type": "playlists"}], "next": "/v1/catalog/us/artists/900/view/featured-playlists?offset=100"}}') AS p) AS x;

-- charts go on while there is more, to rank 200; a link that does not advance ends a listing
SELECT a FROM (SELECT '{"results": {"albums": [{"chart": "most-played", "next": "/v1/catalog/us/charts?types=albums&chart=most-played&offset=50", "data": []}]}}'::jsonb AS more,
   'https://api.music.apple.com/v1/catalog/us/charts?types=songs,albums&chart=most-played&limit=50&include%5Bsongs%5D=artists&include%5Balbums%5D=artists' AS url) AS c,
 pg_temp.asked('{"external_id": 900, "settings": {"storefronts": ["US", "us", "gb", "nowhere"]}}', jsonb_build_object(
   url, more, url || '&offset=50', more, url || '&offset=100', more, url || '&offset=150', more,
   'https://api.music.apple.com/v1/catalog/us/artists/900/albums?limit=100&include=artists', '{"data": [], "next": "/v1/catalog/us/artists/900/albums?offset=100"}'::jsonb,
   'https://api.music.apple.com/v1/catalog/us/artists/900/albums?limit=100&include=artists&offset=100', '{"data": [], "next": "/v1/catalog/us/artists/900/albums?offset=100"}'::jsonb)) AS a;

-- tracked playlists after all storefronts, where these have not found them; the tracks beyond the first page until a hit
SELECT a FROM pg_temp.asked('{"external_id": 900, "settings": {"storefronts": ["us", "gb"], "tracked_playlists": ["pl.1", "pl.2", "pl.3"]}}',
 '{"https://api.music.apple.com/v1/catalog/us/artists/900/view/featured-playlists?limit=100": {"data": [], "next": "/v1/catalog/us/artists/900/view/featured-playlists?offset=100"},
   "https://api.music.apple.com/v1/catalog/us/artists/900/view/featured-playlists?limit=100&offset=100": {"data": [{"id": "pl.1", "type": "playlists"}]},
   "https://api.music.apple.com/v1/catalog/gb/artists/900/view/featured-playlists?limit=100": {"status": 404, "body": {"errors": [{"status": "404", "code": "40403"}]}},
   "https://api.music.apple.com/v1/catalog/us/playlists/pl.2?include=tracks&include%5Bsongs%5D=artists": {"data": [{"id": "pl.2", "type": "playlists", "relationships": {"tracks": {"data": [{"id": "1"}], "next": "/v1/catalog/us/playlists/pl.2/tracks?offset=100"}}}]},
   "https://api.music.apple.com/v1/catalog/us/playlists/pl.2/tracks?limit=100&include%5Bsongs%5D=artists&offset=100": {"data": [{"id": "2"}], "next": "/v1/catalog/us/playlists/pl.2/tracks?offset=200"},
   "https://api.music.apple.com/v1/catalog/us/playlists/pl.2/tracks?limit=100&include%5Bsongs%5D=artists&offset=200": {"data": [{"id": "3", "relationships": {"artists": {"data": [{"id": "900"}]}}}], "next": "/v1/catalog/us/playlists/pl.2/tracks?offset=300"}}') AS a
WHERE a LIKE '%playlists%';

-- charts that are too much with their artists are asked without
SELECT a FROM pg_temp.asked('{"external_id": 900}',
 '{"https://api.music.apple.com/v1/catalog/us/charts?types=songs,albums&chart=most-played&limit=50&include%5Bsongs%5D=artists&include%5Balbums%5D=artists": {"status": 504, "body": {}}}') AS a WHERE a LIKE 'charts%';

-- a view that refuses a hundred at once gives its own pages
SELECT a FROM pg_temp.asked('{"external_id": 900, "settings": {"tracked_playlists": ["pl.1", "pl.2"]}}',
 '{"https://api.music.apple.com/v1/catalog/us/artists/900/view/featured-playlists?limit=100": {"status": 400, "body": {"errors": [{"status": "400", "code": "40005"}]}},
   "https://api.music.apple.com/v1/catalog/us/artists/900/view/featured-playlists": {"data": [], "next": "/v1/catalog/us/artists/900/view/featured-playlists?offset=10"},
   "https://api.music.apple.com/v1/catalog/us/artists/900/view/featured-playlists?offset=10": {"data": [{"id": "pl.1"}], "next": "/v1/catalog/us/artists/900/view/featured-playlists?offset=20"},
   "https://api.music.apple.com/v1/catalog/us/artists/900/view/featured-playlists?offset=20": {"data": []}}') AS a WHERE a LIKE '%playlists%';

-- Errors

CREATE FUNCTION pg_temp.verdict(step text, status int, body text, headers jsonb DEFAULT '{}') RETURNS text LANGUAGE SQL AS $$
SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope', v ->> 'wait_until', '(' || (v ->> 'message') || ')')
FROM dreamsuite.classify_answer('apple_music', status, body, headers, step => step) AS v $$;

SELECT pg_temp.verdict('charts', 200, '{"results": {}}');
SELECT pg_temp.verdict('charts', 400, '{"errors": [{"id": "ID", "title": "Invalid Parameter Value", "detail": "Invalid language tag", "status": "400", "code": "40005"}]}');
SELECT pg_temp.verdict('library_songs', 400, '{"errors": [{"title": "No privilege", "status": "400", "code": "40015"}]}');
SELECT pg_temp.verdict('charts', 401, '');
SELECT pg_temp.verdict('library_songs', 403, '{"errors": [{"title": "Forbidden", "detail": "Invalid authentication", "status": "403", "code": "40300"}]}');
SELECT pg_temp.verdict('charts', 403, '{"errors": [{"title": "Forbidden", "status": "403", "code": "40300"}]}');
SELECT pg_temp.verdict('', 0, '{"errors": [{"title": "Forbidden", "status": "403", "code": "40300"}]}');
SELECT step, pg_temp.verdict(step, 404, '{"errors": [{"title": "Resource Not Found", "status": "404", "code": "40400"}]}'),
  pg_temp.verdict(step, 404, '{"errors": [{"title": "No related resources", "status": "404", "code": "40403"}]}')
FROM unnest(ARRAY['charts', 'playlists', 'tracked_playlists', 'albums', 'library_songs']) AS step;
SELECT pg_temp.verdict('playlists', 404, '<html>');
SELECT pg_temp.verdict('charts', 429, '{"message": "API capacity exceeded"}');
SELECT pg_temp.verdict('charts', 429, '', '{"retry-after": "60"}');
SELECT pg_temp.verdict('charts', 500, '{"errors": [{"title": "Upstream Service Error", "status": "500", "code": "50001"}]}');
SELECT pg_temp.verdict('charts', 504, '');
