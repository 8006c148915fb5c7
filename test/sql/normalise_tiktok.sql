-- TikTok: what its answers say, which requests an account-day takes, what an error means.
\pset format unaligned
\pset tuples_only on
\pset null unknown
SET TimeZone = 'UTC';

-- bodies in the envelope that every answer has
CREATE FUNCTION pg_temp.ok(data jsonb) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT jsonb_build_object('data', data, 'error', '{"code": "ok", "message": "", "log_id": "L"}'::jsonb) $$;
CREATE FUNCTION pg_temp.profile(fields jsonb) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT pg_temp.ok(jsonb_build_object('user', fields)) $$;
CREATE FUNCTION pg_temp.page(videos jsonb, more jsonb DEFAULT '{"cursor": 1763800000000, "has_more": false}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT pg_temp.ok(jsonb_build_object('videos', videos) || more) $$;
CREATE FUNCTION pg_temp.tiktok(VARIADIC pages jsonb[]) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('tiktok', jsonb_build_object('videos', to_jsonb(pages)), '2026-11-24 06:00+00') $$;

-- every field is there and null where nothing is known
SELECT jsonb_pretty(dreamsuite.normalise('tiktok', '{}', '2026-11-24 06:00+00') -> 'metrics');

-- the profile; total_likes is the account's, and a counter that is absent is unknown, not 0
SELECT m -> 'follower_count', m -> 'following_count', m -> 'total_likes', m -> 'video_count', m -> 'total_views', n -> 'core'
FROM (SELECT n, n -> 'metrics' AS m FROM dreamsuite.normalise('tiktok', jsonb_build_object('user', jsonb_build_array(
  pg_temp.profile('{"open_id": "-0a", "display_name": "Nova", "follower_count": 18450, "following_count": 0, "likes_count": 402118}'))), '2026-11-24 06:00+00') AS n) AS x;

-- likes of the profile and comments and shares of the videos make the engagement; both steps have their own part
SELECT n -> 'core' FROM dreamsuite.normalise('tiktok', jsonb_build_object('user', jsonb_build_array(pg_temp.profile('{"follower_count": 5, "likes_count": 1000, "video_count": 9}')),
  'videos', jsonb_build_array(pg_temp.page('[{"id": "1", "like_count": 1, "comment_count": 20, "share_count": 3, "view_count": 50}]'))), '2026-11-24 06:00+00') AS n;

-- seconds and milliseconds, ids beyond 2^53, tracking parameters, photo posts, a description in place of a title
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'views', c -> 'likes', c -> 'comments', c -> 'shares', c -> 'collaborators'
FROM jsonb_array_elements(pg_temp.tiktok(pg_temp.page('[
  {"id": "7570000000000000003", "create_time": 1763800000, "title": "Studio clip", "video_description": "Studio clip #wip",
   "share_url": "https://www.tiktok.com/@novareed/video/7570000000000000003?utm_campaign=client_share&utm_source=KEY", "like_count": 120, "comment_count": 8, "share_count": 3, "view_count": 2400},
  {"id": 7570000000000000001, "create_time": 1763800000000, "title": "", "video_description": "Tour photos", "share_url": "https://www.tiktok.com/@novareed/photo/7570000000000000001#top", "like_count": "7", "view_count": 0},
  null,
  {"title": "no id"}]')) -> 'content') AS c;

-- sums know the unknown: the second video has no views, so it has no part in the rates
SELECT m -> 'total_views', m -> 'total_comments', m -> 'total_shares', m -> 'engagement_rate', m -> 'average_views_per_video'
FROM (SELECT pg_temp.tiktok(pg_temp.page('[{"id": "1", "like_count": 10, "comment_count": 4, "share_count": 1, "view_count": 100},
  {"id": "2", "like_count": 900, "comment_count": 5, "share_count": null}, {"id": "3", "like_count": 3, "comment_count": 1, "share_count": 1, "view_count": 300}]')) -> 'metrics' AS m) AS x;

-- no video: sums are 0, rates are unknown, the top list is empty; views of 0 give no rate
SELECT m -> 'total_views', m -> 'total_comments', m -> 'videos_posted_24h', m -> 'top_videos', m -> 'engagement_rate', m -> 'average_views_per_video'
FROM (SELECT pg_temp.tiktok(pg_temp.page('[]')) -> 'metrics' AS m) AS x;
SELECT m -> 'engagement_rate', m -> 'average_views_per_video'
FROM (SELECT pg_temp.tiktok(pg_temp.page('[{"id": "1", "like_count": 0, "comment_count": 0, "share_count": 0, "view_count": 0}]')) -> 'metrics' AS m) AS x;

-- the windows end at the observation: 24 hours and 7 days; best first, then comments, then id; at most ten
SELECT m -> 'videos_posted_24h', jsonb_path_query_array(m, '$.top_videos[*].video_id')
FROM (SELECT pg_temp.tiktok(pg_temp.page(jsonb_agg(jsonb_build_object('id', id, 'create_time', extract(epoch FROM timestamptz '2026-11-24 06:00+00' - age)::bigint,
  'view_count', views, 'comment_count', comments)))) -> 'metrics' AS m
  FROM (VALUES ('a', interval '1 hour', 5, 0), ('b', interval '23:59:59', 90, 0), ('c', interval '24 hours', 70, 1), ('d', interval '6 days 23:59:59', 70, 2), ('e', interval '7 days', 999, 0),
               ('f', interval '-1 hour', 999, 0), ('g', interval '2 days', 70, 1), ('h', interval '2 days', NULL, 9)) AS v (id, age, views, comments)) AS x;
SELECT m #> '{top_videos,0}', jsonb_array_length(m -> 'top_videos')
FROM (SELECT pg_temp.tiktok(pg_temp.page(jsonb_agg(jsonb_build_object('id', i::text, 'create_time', 1795500000 - i, 'view_count', i, 'like_count', 2, 'share_count', 0)))) -> 'metrics' AS m
  FROM generate_series(1, 12) AS i) AS x;

-- without any time nobody knows what is new
SELECT m -> 'videos_posted_24h', m -> 'top_videos', m -> 'total_views' FROM (SELECT pg_temp.tiktok(pg_temp.page('[{"id": "1", "view_count": 4}]')) -> 'metrics' AS m) AS x;

-- a video on two pages counts once; a page that was lost leaves the sums unknown, and its videos stay content
SELECT m -> 'total_views' FROM (SELECT pg_temp.tiktok(pg_temp.page('[{"id": "1", "view_count": 4}, {"id": "2", "view_count": 5}]'), pg_temp.page('[{"id": "2", "view_count": 6}]')) -> 'metrics' AS m) AS x;
SELECT n #> '{metrics,total_views}', n #> '{metrics,top_videos}', n #> '{core,engagement_total}', jsonb_array_length(n -> 'content')
FROM pg_temp.tiktok(pg_temp.page('[{"id": "1", "view_count": 4, "comment_count": 1}]'), '{"data": {}, "error": {"code": "internal_error", "message": "", "log_id": "L"}}') AS n;

-- an error envelope is no page, whatever else it holds; 0 is an old "ok"; empty data are an empty page
SELECT pg_temp.tiktok('{"data": {"videos": [{"id": "1", "view_count": 4}]}, "error": {"code": "access_token_invalid"}}') #> '{metrics,total_views}',
       pg_temp.tiktok('{"data": {"videos": [{"id": "1", "view_count": 4}], "has_more": false}, "error": {"code": 0, "message": ""}}') #> '{metrics,total_views}',
       pg_temp.tiktok('{"data": {}, "error": {"code": "ok"}}') #> '{metrics,total_views}';

-- odd content is unknown, never an error
SELECT m -> 'total_views', m -> 'follower_count', m -> 'videos_posted_24h'
FROM (SELECT dreamsuite.normalise('tiktok', jsonb_build_object('user', '[{"data": {"user": [1]}, "error": {"code": "ok"}}]'::jsonb, 'videos', jsonb_build_array(
  pg_temp.page('[{"id": "1", "create_time": 99999999999999999, "view_count": -4, "like_count": 1.5, "share_url": 7}, {"id": {"a": 1}}, 3, "x"]'))), '2026-11-24 06:00+00') -> 'metrics' AS m) AS x;

-- which requests
CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT jsonb_array_elements_text(dreamsuite.plan_requests('tiktok', '{"has_token": true, "observed_at": "2026-11-24T06:00:00Z"}' || account, answers) -> 'requests') $$;
-- the address of a page of videos
CREATE FUNCTION pg_temp.videos_at(cursor bigint DEFAULT NULL) RETURNS text
LANGUAGE SQL AS $$ SELECT 'https://open.tiktokapis.com/v2/video/list/?fields=id%2Ccreate_time%2Ctitle%2Cvideo_description%2Cshare_url%2Clike_count%2Ccomment_count%2Cshare_count%2Cview_count '
  || CASE WHEN cursor IS NULL THEN '{"max_count": 20}' ELSE format('{"max_count": 20, "cursor": %s}', cursor) END $$;
CREATE FUNCTION pg_temp.short(request text) RETURNS text
LANGUAGE SQL AS $$ SELECT regexp_replace(request, 'https://open.tiktokapis.com/v2/video/list/\?fields=\S+', 'LIST') $$;

-- only what the granted scopes unlock is asked for; without a token's scopes all
SELECT * FROM pg_temp.asked('{}');
SELECT * FROM pg_temp.asked('{"scopes": ["user.info.basic", "user.info.stats"]}');
SELECT * FROM pg_temp.asked('{"scopes": ["user.info.basic", "video.list"], "external_id": "-0a"}');
SELECT * FROM pg_temp.asked('{"scopes": ["user.info.basic"]}');

-- short and empty pages are no end, has_more is; the cursor goes back as it came
SELECT pg_temp.short(r) FROM pg_temp.asked('{"scopes": ["video.list"], "external_id": "-0a"}', jsonb_build_object(
  pg_temp.videos_at(), pg_temp.page('[{"id": "1", "create_time": 1795500000}]', '{"cursor": 1795500000000, "has_more": true}'),
  pg_temp.videos_at(1795500000000), pg_temp.page('[]', '{"cursor": 1795400000000, "has_more": true}'),
  pg_temp.videos_at(1795400000000), pg_temp.page('[{"id": "2", "create_time": 1700000000}]', '{"cursor": 1700000000000, "has_more": false}'))) AS r;

-- a cursor that stands still ends the walk, and the run says so
SELECT jsonb_array_length(p -> 'requests'), p -> 'missing', p #> '{normalised,metrics,total_views}' FROM dreamsuite.plan_requests('tiktok', '{"has_token": true, "scopes": ["video.list"], "external_id": "-0a"}', jsonb_build_object(
  pg_temp.videos_at(), pg_temp.page('[{"id": "1", "view_count": 1}]', '{"cursor": 1795500000000, "has_more": true}'),
  pg_temp.videos_at(1795500000000), pg_temp.page('[{"id": "2", "view_count": 1}]', '{"cursor": 1795500000000, "has_more": true}'))) AS p;
SELECT jsonb_array_length(p -> 'requests'), p -> 'missing' FROM dreamsuite.plan_requests('tiktok', '{"has_token": true, "scopes": ["video.list"], "external_id": "-0a"}', jsonb_build_object(
  pg_temp.videos_at(), pg_temp.page('[{"id": "1", "view_count": 1}]', '{"has_more": true}'))) AS p;

-- max_pages bounds the walk: sums over some of the videos are no totals, the last days are known
SELECT jsonb_array_length(p -> 'requests'), p -> 'bounded', p -> 'missing', p #> '{normalised,metrics,total_views}', p #> '{normalised,metrics,average_views_per_video}', p #>> '{normalised,metrics,top_videos,0,video_id}', p #> '{normalised,core,engagement_total}' FROM dreamsuite.plan_requests('tiktok', '{"has_token": true, "scopes": ["video.list"], "external_id": "-0a", "max_pages": 1, "observed_at": "2026-11-24T06:00:00Z"}', jsonb_build_object(
  pg_temp.videos_at(), pg_temp.page('[{"id": "1", "view_count": 1, "comment_count": 1, "create_time": 1795500000}]', '{"cursor": 1795500000000, "has_more": true}'))) AS p;

-- every day all pages are read: an old video may be seen by many again
SELECT p #> '{normalised,metrics,total_views}', jsonb_array_length(p -> 'requests') FROM dreamsuite.plan_requests('tiktok', '{"has_token": true, "scopes": ["video.list"], "external_id": "-0a", "observed_at": "2026-11-24T06:00:00Z",
  "known": [{"content_id": "1", "kind": "video", "views": 60, "published_at": "2026-09-01T00:00:00Z", "extra": {"listing_end": 1}}, {"content_id": "2", "kind": "video", "views": 9, "published_at": "2026-09-02T00:00:00Z"}]}', jsonb_build_object(
  pg_temp.videos_at(), pg_temp.page('[{"id": "2", "view_count": 9, "create_time": 1788307200}]', '{"cursor": 1788307200000, "has_more": true}'),
  pg_temp.videos_at(1788307200000), pg_temp.page('[{"id": "1", "view_count": 500, "create_time": 1788220800}]'))) AS p;

-- what is known counts in the totals, even when it was not listed today
SELECT n #> '{metrics,total_views}', n #> '{metrics,total_comments}', n #>> '{metrics,top_videos,0,video_id}', n #> '{metrics,engagement_rate}', jsonb_array_length(n -> 'content') FROM (SELECT dreamsuite.plan_requests('tiktok', '{"has_token": true, "scopes": ["video.list"], "external_id": "-0a",
  "observed_at": "2026-11-24T06:00:00Z", "known": [{"content_id": "1", "kind": "video", "views": 60, "likes": 1, "comments": 2, "shares": 3, "published_at": "2026-11-20T06:00:00Z"},
            {"content_id": "2", "kind": "video", "views": 9, "comments": 9}]}', jsonb_build_object(pg_temp.videos_at(), pg_temp.page('[{"id": "2", "view_count": 40, "comment_count": 4}]'))) -> 'normalised' AS n) AS x;

-- one field too many loses the whole answer: once more without the profile's name
SELECT * FROM pg_temp.asked('{"scopes": []}', '{"https://open.tiktokapis.com/v2/user/info/?fields=open_id%2Cdisplay_name%2Cusername%2Cfollower_count%2Cfollowing_count%2Clikes_count%2Cvideo_count":
  {"status": 400, "body": {"data": {}, "error": {"code": "scope_permission_missed", "message": "", "log_id": "L"}}},
 "https://open.tiktokapis.com/v2/user/info/?fields=open_id%2Cdisplay_name%2Cfollower_count%2Cfollowing_count%2Clikes_count%2Cvideo_count":
  {"status": 400, "body": {"data": {}, "error": {"code": "scope_permission_missed", "message": "", "log_id": "L"}}}}') AS r WHERE r LIKE 'user%';

-- a field that TikTok names as unknown is left out, the rest is kept
SELECT pg_temp.short(r) FROM pg_temp.asked('{"scopes": ["video.list"], "external_id": "-0a"}', jsonb_build_object(
  pg_temp.videos_at(), '{"status": 400, "body": {"data": {}, "error": {"code": "invalid_params", "message": "Invalid fields: share_count", "log_id": "L"}}}'::jsonb)) AS r;
SELECT r LIKE '%share\_count%', r LIKE '%view\_count {"max_count": 20}' FROM pg_temp.asked('{"scopes": ["video.list"], "external_id": "-0a"}', jsonb_build_object(
  pg_temp.videos_at(), '{"status": 400, "body": {"data": {}, "error": {"code": "invalid_params", "message": "Invalid fields: share_count", "log_id": "L"}}}'::jsonb)) AS r;

-- what an error means: the code decides, not the status
SELECT what, v ->> 'error_class', v ->> 'scope', v ->> 'wait_until', v ->> 'message'
FROM (VALUES
  ('ok', 200, '{"data": {}, "error": {"code": "ok", "message": "", "log_id": "L"}}', '{}'),
  ('token', 200, '{"data": {}, "error": {"code": "access_token_invalid", "message": "m", "log_id": "L"}}', '{}'),
  ('scope not granted', 401, '{"data": {}, "error": {"code": "scope_not_authorized", "message": "m", "log_id": "L"}}', '{}'),
  ('scope missed', 400, '{"error": {"code": "scope_permission_missed", "message": "m", "log_id": "L"}}', '{}'),
  ('params', 400, '{"error": {"code": "invalid_params", "message": "max_count", "log_id": "L"}}', '{}'),
  ('minute', 429, '{"error": {"code": "rate_limit_exceeded", "message": "m", "log_id": "L"}}', '{}'),
  ('minute under 200', 200, '{"error": {"code": "rate_limit_exceeded", "message": "m", "log_id": "L"}}', '{"retry-after": "7"}'),
  ('429 without a body', 429, '', '{}'),
  ('internal', 500, '{"error": {"code": "internal_error", "message": "m", "log_id": "L"}}', '{}'),
  ('internal under 200', 200, '{"error": {"code": "internal_error"}}', '{}'),
  ('page', 502, '<html>bad gateway</html>', '{}'),
  ('page under 200', 200, ' <html>hello</html>', '{}'),
  ('no code', 200, '{"data": {}, "error": {"message": "m"}}', '{}'),
  ('no code under 401', 401, '{"error": {"message": "m"}}', '{}'),
  ('other', 200, '{"error": {"code": "spam_risk_too_many_posts", "message": "m", "log_id": "L"}}', '{}'),
  ('nothing', 200, '{}', '{}'),
  ('grant', 400, '{"error": "invalid_grant", "error_description": "d", "log_id": "L"}', '{}'),
  ('client', 400, '{"error": "invalid_client", "error_description": "d", "log_id": "L"}', '{}'),
  ('redirect', 400, '{"error": "invalid_request", "error_description": "d", "log_id": "L"}', '{}'),
  ('tokens', 200, '{"access_token": "a", "expires_in": 7200, "open_id": "-0a", "refresh_token": "r", "scope": "user.info.basic,video.list"}', '{}'),
  ('first version', 200, '{"data": {"error_code": 10010, "description": "d"}, "message": "error"}', '{}'),
  ('first version', 200, '{"data": {"error_code": 2190001, "description": "d"}, "message": "error"}', '{}')) AS c (what, status, body, headers),
  dreamsuite.classify_answer('tiktok', status, body, headers::jsonb) AS v;
