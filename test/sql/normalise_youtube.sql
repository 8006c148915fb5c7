-- YouTube: what its answers say, which requests an account-day takes, what an error means.
\pset format unaligned
\pset tuples_only on
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE FUNCTION pg_temp.youtube(responses jsonb, settings jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('youtube', responses, '2026-11-24 06:00+00', settings) $$;

-- every field is there and null where nothing is known
SELECT jsonb_pretty(pg_temp.youtube('{}') -> 'metrics');

-- the channel: counts are strings; zeros are counts
SELECT m -> 'subscriber_count', m -> 'total_views', m -> 'videos_count', c
FROM (SELECT d -> 'metrics' AS m, d -> 'core' AS c FROM pg_temp.youtube('{"channel": [{"items": [{"id": "UCnova",
  "statistics": {"viewCount": "4812345", "subscriberCount": "12300", "hiddenSubscriberCount": false, "videoCount": "187"}}]}]}') AS d) AS x;
SELECT m -> 'subscriber_count', m -> 'total_views', m -> 'videos_count'
FROM (SELECT pg_temp.youtube('{"channel": [{"items": [{"id": "UCnova",
  "statistics": {"viewCount": 0, "subscriberCount": "0", "videoCount": "0"}}]}]}') -> 'metrics' AS m) AS x;

-- hidden subscribers are unknown, whatever number stands beside
SELECT d #> '{metrics,subscriber_count}', d #> '{core,follower_count}', d #> '{metrics,total_views}'
FROM pg_temp.youtube('{"channel": [{"items": [{"id": "UCnova", "statistics": {"viewCount": "981", "hiddenSubscriberCount": true,
  "subscriberCount": "0", "videoCount": "3"}}]}]}') AS d;

-- counts that are none: negative, words, absent, a channel without statistics
SELECT m -> 'subscriber_count', m -> 'total_views', m -> 'videos_count'
FROM (SELECT pg_temp.youtube('{"channel": [{"items": [{"id": "UCnova",
  "statistics": {"viewCount": "-1", "subscriberCount": "many"}}]}]}') -> 'metrics' AS m) AS x;
SELECT pg_temp.youtube('{"channel": [{"items": [{"id": "UCnova", "snippet": {"title": "Nova"}}]}]}') #> '{metrics,total_views}';

-- the settings tell which entry is the account's; another channel's numbers are never taken
SELECT pg_temp.youtube(a, '{"external_id": "UCnova"}') #> '{metrics,total_views}', pg_temp.youtube(a, '{"external_id": "UCelse"}') #> '{metrics,total_views}'
FROM (VALUES ('{"channel": [{"items": [{"id": "UCother", "statistics": {"viewCount": "1"}}, {"id": "UCnova", "statistics": {"viewCount": "2"}}]}]}'::jsonb)) AS v (a);

-- a channel that is not there: no items at all
SELECT pg_temp.youtube('{"channel": [{"kind": "youtube#channelListResponse", "pageInfo": {"totalResults": 0}}]}') #> '{metrics,videos_count}';

-- videos: hidden likes, closed comments, a short, a live stream to come, a wide video of two minutes, a video of a day
CREATE TEMP TABLE answers AS SELECT '{
 "uploads": [{"nextPageToken": "p2", "items": [
  {"contentDetails": {"videoId": "v1", "videoPublishedAt": "2026-11-23T15:00:03Z"}, "status": {"privacyStatus": "public"}},
  {"contentDetails": {"videoId": "v2"}, "status": {"privacyStatus": "private"}, "snippet": {"title": "Private video"}},
  {"contentDetails": {"videoId": "v3", "videoPublishedAt": "2026-11-23T09:00:00Z"}, "status": {"privacyStatus": "unlisted"}},
  {"contentDetails": {"videoId": "v4", "videoPublishedAt": "2026-10-02T12:00:00.000Z"}, "status": {"privacyStatus": "public"}}]},
  {"items": [
  {"contentDetails": {"videoId": "v5", "videoPublishedAt": "2026-09-01T12:00:00Z"}, "status": {"privacyStatus": "public"}},
  {"contentDetails": {"videoId": "v6", "videoPublishedAt": "2026-11-21T12:00:00Z"}, "status": {"privacyStatus": "public"}},
  {"contentDetails": {"videoId": "v7"}, "status": {"privacyStatus": "public"}, "snippet": {"title": "Deleted video"}}]}],
 "videos": [{"items": [
  {"id": "v1", "snippet": {"publishedAt": "2026-11-23T15:00:03Z", "title": "Glass Road", "liveBroadcastContent": "none"},
   "contentDetails": {"duration": "PT3M21S"}, "statistics": {"viewCount": "1820", "likeCount": "97", "favoriteCount": "0", "commentCount": "14"}},
  {"id": "v4", "snippet": {"publishedAt": "2026-10-02T12:00:00Z", "title": "Teaser"}, "contentDetails": {"duration": "PT31S"},
   "statistics": {"viewCount": "40211", "favoriteCount": "0", "commentCount": "3"}}]},
  {"items": [
  {"id": "v5", "snippet": {"publishedAt": "2026-09-01T12:00:00Z", "title": "Lullaby"}, "contentDetails": {"duration": "PT1H2M"},
   "statistics": {"viewCount": 900, "likeCount": 12.0, "dislikeCount": "1"}},
  {"id": "v6", "snippet": {"publishedAt": "2026-11-21T12:00:00Z", "title": "Release party", "liveBroadcastContent": "upcoming"},
   "contentDetails": {"duration": "P0D"}, "liveStreamingDetails": {"scheduledStartTime": "2026-11-28T20:00:00Z"}, "statistics": {"favoriteCount": "0"}},
  {"id": "v8", "snippet": {"title": "Secret"}, "status": {"privacyStatus": "unlisted"}, "statistics": {"likeCount": "1000"}},
  {"id": "v9", "snippet": {"publishedAt": "2026-08-01T12:00:00Z", "title": "Two minutes"}, "contentDetails": {"duration": "PT2M"},
   "player": {"embedWidth": "1280", "embedHeight": "720"}, "statistics": {"viewCount": "5", "likeCount": "1", "commentCount": "0"}},
  {"id": "v10", "snippet": {"publishedAt": "2026-08-01T12:00:00Z", "title": "Upright"}, "contentDetails": {"duration": "PT2M59S"},
   "player": {"embedWidth": "405", "embedHeight": "720"}, "statistics": {"viewCount": "6"}},
  {"id": "v11", "contentDetails": {"duration": "P1DT2H3M4S"}}]}]}'::jsonb AS a;
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c ->> 'views', c ->> 'likes', c ->> 'comments', c -> 'extra'
FROM answers, jsonb_array_elements(pg_temp.youtube(a) -> 'content') AS c;

-- totals leave out what is hidden; private, unlisted and deleted uploads are no content
SELECT d #> '{metrics,likes_total}', d #> '{metrics,comments_total}', d #> '{metrics,uploads_24h}', d -> 'core'
FROM answers, pg_temp.youtube(a) AS d;

-- the top of the last 30 days without Analytics: videos published since, hidden numbers null; it has no watch time
SELECT jsonb_pretty(pg_temp.youtube(a) #> '{metrics,top_videos}') FROM answers;

-- nothing in the window is an empty list, a missing listing is null
SELECT pg_temp.youtube('{"uploads": [{"items": []}]}') -> 'metrics' ->> 'top_videos', pg_temp.youtube('{"uploads": [{"items": []}]}') -> 'metrics' ->> 'likes_total',
  pg_temp.youtube('{"uploads": [{"items": []}]}') -> 'metrics' ->> 'uploads_24h', pg_temp.youtube('{"channel": [{"items": [{"id": "UC"}]}]}') #> '{metrics,top_videos}';

-- a page that was lost takes the totals with it, not the items that came
SELECT d #> '{metrics,likes_total}', d #> '{metrics,uploads_24h}', d #> '{metrics,top_videos}', jsonb_array_length(d -> 'content')
FROM answers, pg_temp.youtube(jsonb_set(a, '{uploads,1}', '{"error": {"code": 500, "message": "x"}}')) AS d;
SELECT d #> '{metrics,likes_total}', d #> '{metrics,uploads_24h}', jsonb_array_length(d -> 'content')
FROM answers, pg_temp.youtube(jsonb_set(a, '{videos,1}', '{"error": {"code": 500, "message": "x"}}')) AS d;

-- uploads alone are content whose counts are unknown; the older shape has the id in the snippet and no time
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c -> 'likes' FROM jsonb_array_elements(pg_temp.youtube('{"uploads": [{"items": [
  {"snippet": {"publishedAt": "2026-11-20T09:00:00Z", "title": "Old shape", "resourceId": {"videoId": "o1"}}}]}]}') -> 'content') AS c;
SELECT m -> 'likes_total', m -> 'uploads_24h', m -> 'top_videos' FROM (SELECT pg_temp.youtube('{"uploads": [{"items": [
  {"snippet": {"resourceId": {"videoId": "o1"}}}]}]}') -> 'metrics' AS m) AS x;

-- Analytics: columns by name whatever their order; the daily report is not the lifetime
SELECT m -> 'shares_total', m -> 'watch_time_minutes', m -> 'average_view_duration', e
FROM (SELECT d -> 'metrics' AS m, d #> '{core,engagement_total}' AS e FROM pg_temp.youtube('{"analytics": [
  {"of": "daily", "body": {"columnHeaders": [{"name": "day"}, {"name": "shares"}], "rows": [["2026-11-19", 5]]}},
  {"of": "lifetime", "body": {"columnHeaders": [{"name": "averageViewDuration"}, {"name": "shares"}, {"name": "estimatedMinutesWatched"}],
   "rows": [[93.5, 412, 70211]]}}]}') AS d) AS x;

-- without rows, or with an error, nothing is known
SELECT m -> 'shares_total', m -> 'watch_time_minutes' FROM (SELECT pg_temp.youtube('{"analytics": [{"of": "lifetime",
  "body": {"columnHeaders": [{"name": "shares"}]}}, {"of": "x", "body": {"error": {"code": 403, "message": "x", "status": "PERMISSION_DENIED"}}}]}') -> 'metrics' AS m) AS x;

-- the top of Analytics: most viewed first, then more comments, then the id; what was taken back may be negative; titles are the videos'
SELECT t FROM answers, jsonb_array_elements(pg_temp.youtube(a || '{"analytics_videos": [{"columnHeaders": [{"name": "video"}, {"name": "views"}, {"name": "likes"},
  {"name": "comments"}, {"name": "estimatedMinutesWatched"}], "rows": [["v1", 10, 1, 0, 30], ["zz", 90, 2, 1, 45], ["v5", 90, -2, 3, 90], ["aa", 90, 0, 1, 0]]}]}') #> '{metrics,top_videos}') AS t;
SELECT pg_temp.youtube(a || '{"analytics_videos": [{"columnHeaders": [], "rows": []}]}') #> '{metrics,top_videos}',
  jsonb_array_length(pg_temp.youtube(jsonb_build_object('analytics_videos', jsonb_build_array(jsonb_build_object('columnHeaders', '[{"name": "video"}, {"name": "views"}]'::jsonb,
    'rows', (SELECT jsonb_agg(jsonb_build_array('v' || i, i)) FROM generate_series(1, 12) AS i))))) #> '{metrics,top_videos}') FROM answers;

-- odd content never fails
SELECT pg_temp.youtube('{"channel": [{"items": [[], {"id": {}, "statistics": [], "snippet": 5}]}], "uploads": [{"items": [1, {"contentDetails": {"videoId": 5}}, {"status": 7}]}],
  "videos": [{"items": [{"id": "x", "contentDetails": {"duration": "PT99999999999S"}, "statistics": "no", "player": {"embedWidth": "-"}}, {"id": ""}]}, [], {}],
  "analytics": [{"of": null, "body": {"columnHeaders": 5, "rows": [[], 1, {}]}}, [1]], "analytics_videos": [{"columnHeaders": [{"name": "video"}], "rows": [[5], ["only"]]}]}') -> 'metrics' ->> 'top_videos';

-- Requests

\set channel https://www.googleapis.com/youtube/v3/channels?part=id,snippet,statistics,contentDetails&fields=kind,items(id,snippet(title,customUrl,publishedAt),statistics,contentDetails(relatedPlaylists))
\set uploads https://www.googleapis.com/youtube/v3/playlistItems?part=contentDetails,status&maxResults=50&fields=nextPageToken,items(contentDetails,status)&playlistId=UUnova
SELECT set_config('t.channel', :'channel', false) <> '', set_config('t.uploads', :'uploads', false) <> '';

-- The channel by id with so many videos, and pages of uploads: each [[id, published], ...].
CREATE FUNCTION pg_temp.answers(videos int, pages jsonb) RETURNS jsonb LANGUAGE SQL AS $$
  SELECT jsonb_build_object(current_setting('t.channel') || '&id=UCnova', jsonb_build_object('items', jsonb_build_array(jsonb_build_object('id', 'UCnova',
      'snippet', '{"publishedAt": "2019-05-01T10:00:00Z"}'::jsonb, 'statistics', jsonb_build_object('videoCount', videos::text),
      'contentDetails', '{"relatedPlaylists": {"uploads": "UUnova"}}'::jsonb)))) ||
    (SELECT jsonb_object_agg(current_setting('t.uploads') || CASE WHEN i > 1 THEN '&pageToken=p' || i ELSE '' END,
       jsonb_strip_nulls(jsonb_build_object('nextPageToken', CASE WHEN i < jsonb_array_length(pages) THEN 'p' || i + 1 END,
         'items', (SELECT jsonb_agg(jsonb_build_object('contentDetails', jsonb_build_object('videoId', v ->> 0, 'videoPublishedAt', v ->> 1),
           'status', '{"privacyStatus": "public"}'::jsonb)) FROM jsonb_array_elements(page) AS v))))
     FROM jsonb_array_elements(pages) WITH ORDINALITY AS p (page, i)) $$;
-- step, and what of its address matters
CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT regexp_replace(regexp_replace(r, 'https://[^?]*\?', ''), '&?(part|fields|maxHeight)=[^&]*', '', 'g')
  FROM jsonb_array_elements_text(dreamsuite.plan_requests('youtube', '{"external_id": "UCnova", "has_token": true, "observed_at": "2026-11-24T06:00:00Z"}' || account, answers) -> 'requests') AS r $$;

-- the first crawl reads all pages; Analytics needs its scope, and asks for days of California that are over
SELECT * FROM pg_temp.asked('{}', pg_temp.answers(3, '[[["v1", "2026-11-22T00:00:00Z"], ["v2", "2020-01-01T00:00:00Z"]], [["v3", "2019-01-01T00:00:00Z"]]]'));
SELECT * FROM pg_temp.asked('{"scopes": ["https://www.googleapis.com/auth/youtube.readonly"]}', pg_temp.answers(1, '[[["v1", "2026-11-22T00:00:00Z"]]]'));

-- until its id is known, the channel is the token's own
SELECT * FROM pg_temp.asked('{"external_id": null}');

-- later days stop at a page without anything new or recent; a list that was not read to its end is read on
CREATE TEMP TABLE pages AS SELECT '[[["v1", "2026-11-22T00:00:00Z"], ["v2", "2020-01-01T00:00:00Z"]], [["v3", "2019-01-01T00:00:00Z"]], [["v4", "2018-01-01T00:00:00Z"]]]'::jsonb AS p;
SELECT 'all known', r FROM pages, pg_temp.asked('{"scopes": ["x"], "known": [{"content_id": "v1"}, {"content_id": "v2"}, {"content_id": "v3"}, {"content_id": "v4", "extra": {"listing_end": 1}}]}', pg_temp.answers(4, p)) AS r WHERE r NOT LIKE 'channel%';
SELECT 'first crawl broke off', r FROM pages, pg_temp.asked('{"scopes": ["x"], "known": [{"content_id": "v1"}, {"content_id": "v2"}, {"content_id": "v3"}]}', pg_temp.answers(4, p)) AS r WHERE r LIKE 'uploads%';

-- pages are bounded, and the run says so
SELECT dreamsuite.plan_requests('youtube', '{"external_id": "UCnova", "has_token": true, "max_pages": 2}', pg_temp.answers(4, p)) -> 'bounded' FROM pages;

-- what stands in place of a list is no empty list, whatever stands beside it
SELECT answer, n #> '{metrics,likes_total}', n #> '{metrics,uploads_24h}', n #> '{metrics,top_videos}'
FROM (VALUES ('{"items": {"a": 1}, "pageInfo": {"totalResults": 3}}'::jsonb), ('{"items": "x", "nextPageToken": "p"}'), ('{"items": [1, "x"], "pageInfo": {}}'), ('{"items": null, "pageInfo": {}}'), ('{"pageInfo": {}}')) AS v (answer),
 LATERAL dreamsuite.normalise('youtube', jsonb_build_object('uploads', jsonb_build_array(answer)), '2026-11-24 06:00+00') AS n;

-- a channel that never uploaded has no list of uploads: nothing is missing, and there are no uploads
SELECT r -> 'missing', r #> '{normalised,metrics,uploads_24h}', r #> '{normalised,metrics,likes_total}'
FROM dreamsuite.plan_requests('youtube', '{"external_id": "UCnova", "has_token": true, "scopes": ["x"]}', pg_temp.answers(0, '[[]]') ||
  jsonb_build_object(:'uploads', '{"status": 404, "body": {"error": {"code": 404, "message": "x", "errors": [{"reason": "playlistNotFound"}]}}}'::jsonb)) AS r;

-- a page's token that died begins the list anew, once; a report that is refused is asked without the shares, once
SELECT 'anew', r FROM pages, pg_temp.asked('{"scopes": ["x"]}', pg_temp.answers(4, p) || jsonb_build_object(:'uploads' || '&pageToken=p2',
  '{"status": 400, "body": {"error": {"code": 400, "message": "x", "errors": [{"reason": "invalidPageToken"}]}}}'::jsonb)) AS r WHERE r LIKE 'uploads%';
\set reports https://youtubeanalytics.googleapis.com/v2/reports
\set lifetime :reports '?ids=channel%3D%3DUCnova&startDate=2019-05-01&endDate=2026-11-19&metrics='
\set days :reports '?dimensions=day&ids=channel%3D%3DUCnova&startDate=2026-11-10&endDate=2026-11-19&metrics='
SELECT set_config('t.lifetime', :'lifetime', false) <> '', set_config('t.days', :'days', false) <> '';
CREATE FUNCTION pg_temp.refused() RETURNS jsonb LANGUAGE SQL AS $$ SELECT '{"status": 400, "body": {"error": {"code": 400, "message": "The query is not supported.", "status": "INVALID_ARGUMENT"}}}'::jsonb $$;
SELECT r FROM pg_temp.asked('{}', pg_temp.answers(1, '[[]]') || jsonb_build_object(:'lifetime' || 'shares%2CestimatedMinutesWatched%2CaverageViewDuration', pg_temp.refused(),
  :'lifetime' || 'estimatedMinutesWatched%2CaverageViewDuration', pg_temp.refused(), :'days' || 'shares%2CestimatedMinutesWatched', pg_temp.refused())) AS r WHERE r ~ '^analytics(_days)? ';

-- a channel of three days has no report yet, one of a week has one since it began
SELECT began, r FROM unnest(ARRAY['2026-11-20', '2026-11-15']) AS began, pg_temp.asked('{}', replace(pg_temp.answers(1, '[[]]')::text, '2019-05-01', began)::jsonb) AS r WHERE r ~ '^analytics(_days)? ';

-- What the total is by now through earlier days: columns by name, days in any order, a day without a row had nothing, a row's minutes are rounded.
CREATE FUNCTION pg_temp.told(days jsonb, lifetime jsonb DEFAULT '[[93.5, 412, 70211]]') RETURNS TABLE (missing jsonb, earlier text) LANGUAGE SQL AS $$
  SELECT jsonb_path_query_array(p, '$.missing[*] ? (@ like_regex "analytics_days")'), e
  FROM dreamsuite.plan_requests('youtube', jsonb_build_object('external_id', 'UCnova', 'has_token', true, 'observed_at', '2026-11-24T06:00:00Z'), pg_temp.answers(1, '[[]]') || jsonb_build_object(
    current_setting('t.lifetime') || 'shares%2CestimatedMinutesWatched%2CaverageViewDuration', jsonb_build_object('kind', 'youtubeAnalytics#resultTable',
      'columnHeaders', '[{"name": "averageViewDuration"}, {"name": "shares"}, {"name": "estimatedMinutesWatched"}]'::jsonb, 'rows', lifetime),
    current_setting('t.days') || 'shares%2CestimatedMinutesWatched', days)) AS p LEFT JOIN LATERAL jsonb_array_elements_text(p -> 'earlier') AS e ON true $$;
CREATE FUNCTION pg_temp.days(VARIADIC days text[]) RETURNS jsonb LANGUAGE SQL AS $$
  SELECT jsonb_build_object('columnHeaders', '[{"name": "estimatedMinutesWatched"}, {"name": "day"}, {"name": "shares"}]'::jsonb, 'rows', jsonb_agg(d::jsonb)) FROM unnest(days) AS d $$;
SELECT * FROM pg_temp.told(pg_temp.days('[700, "2026-11-18", 4]', '[650, "2026-11-19", 5]', '[90, "2026-11-10", 0]'));

-- a report that is lost, refused, empty or odd says nothing of earlier days, and is not missed; nor do days without the total
SELECT what, t.* FROM (VALUES ('lost', 'null'::jsonb), ('refused', pg_temp.refused()), ('no rows', pg_temp.days('[]') - 'rows'), ('none', '{"rows": [], "columnHeaders": []}'), ('no columns', pg_temp.days('[1, "2026-11-19", 5]') - 'columnHeaders'),
  ('a day not asked for', pg_temp.days('[1, "2026-11-19", 5]', '[1, "2026-11-20", 5]')), ('a day twice', pg_temp.days('[1, "2026-11-19", 5]', '[1, "2026-11-19", 5]')), ('less than nothing', pg_temp.days('[-1, "2026-11-19", -9000000000000000000]')),
  ('without a number', pg_temp.days('["x", "2026-11-19", null]')), ('not what was asked', '[]'), ('no list', '{"rows": 5}')) AS v (what, days), pg_temp.told(days) AS t;
SELECT * FROM pg_temp.told(pg_temp.days('[650, "2026-11-19", 5]'), '[]');
-- no total falls below nothing
SELECT * FROM pg_temp.told(pg_temp.days('[650, "2026-11-19", 5]', '[7, "2026-11-18", 0]'), '[[1, 4, 652]]');

-- Errors

CREATE FUNCTION pg_temp.verdict(status int, body text, headers jsonb DEFAULT '{}', at timestamptz DEFAULT '2026-11-24 06:00+00') RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope', v ->> 'wait_until') FROM dreamsuite.classify_answer('youtube', status, body, headers, at) AS v $$;
SELECT reason, pg_temp.verdict(status, jsonb_build_object('error', jsonb_build_object('code', status, 'message', 'm', 'errors', jsonb_build_array(jsonb_build_object('reason', reason))))::text)
FROM (VALUES (400, 'invalidPageToken'), (400, 'badRequest'), (400, 'keyInvalid'), (400, 'missingRequiredParameter'), (401, 'authError'), (401, 'youtubeSignupRequired'),
  (403, 'quotaExceeded'), (403, 'dailyLimitExceeded'), (403, 'rateLimitExceeded'), (403, 'userRateLimitExceeded'), (403, 'accessNotConfigured'), (403, 'insufficientPermissions'),
  (403, 'forbidden'), (403, 'playlistItemsNotAccessible'), (403, 'authenticatedUserAccountSuspended'), (403, 'never heard of'), (404, 'channelNotFound'), (404, 'videoNotFound'),
  (500, 'backendError'), (503, 'SERVICE_UNAVAILABLE')) AS v (status, reason);

-- new services tell the reason in details, or the status alone
SELECT pg_temp.verdict(403, '{"error": {"code": 403, "message": "m", "status": "PERMISSION_DENIED", "details": [{"@type": "x"}, {"reason": "SERVICE_DISABLED"}]}}'),
  pg_temp.verdict(403, '{"error": {"code": 403, "message": "m", "status": "PERMISSION_DENIED", "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}'),
  pg_temp.verdict(429, '{"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}', '{"retry-after": "90"}'),
  pg_temp.verdict(401, '{"error": {"code": 401, "message": "m", "status": "UNAUTHENTICATED"}}'),
  pg_temp.verdict(400, '{"error": {"code": 400, "message": "The query is not supported.", "status": "INVALID_ARGUMENT"}}');

-- a limit of the day is a quota, and the quota's day ends at midnight in California, in summer, in winter and when the clocks change
SELECT at, pg_temp.verdict(429, '{"error": {"code": 429, "message": "Quota exceeded for quota metric Queries and limit Queries per day", "errors": [{"reason": "rateLimitExceeded"}]}}', at => at)
FROM (VALUES ('2026-07-01 06:59:59+00'::timestamptz), ('2026-07-01 07:00+00'), ('2026-12-01 07:59+00'), ('2026-12-01 08:00+00'), ('2026-03-08 12:00+00'), ('2026-11-01 06:30+00'), ('2026-11-01 12:00+00')) AS v (at);

-- the token endpoint; links in messages are dropped; what is no JSON
SELECT pg_temp.verdict(400, '{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}'), pg_temp.verdict(401, '{"error": "invalid_client"}'), pg_temp.verdict(400, '{"error": "invalid_request"}');
SELECT dreamsuite.classify_answer('youtube', 403, '{"error": {"code": 403, "message": "exceeded your <a href=\"/youtube/v3/getting-started#quota\">quota</a>. 1 < 2", "errors": [{"reason": "quotaExceeded"}]}}') ->> 'message';
SELECT pg_temp.verdict(200, '<html>'), pg_temp.verdict(502, '<html>'), pg_temp.verdict(200, '{"items": []}'), pg_temp.verdict(200, '{"error": {}}'), pg_temp.verdict(200, '{"kind": "youtube#channelListResponse"}');
