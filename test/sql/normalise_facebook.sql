-- Facebook: what its answers say, which requests an account-day takes, what an error means.
\pset format unaligned
\pset tuples_only on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.facebook(responses jsonb, settings jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('facebook', responses, '2026-11-24 06:00+00', settings) $$;

-- every field is there and null where nothing is known
SELECT jsonb_pretty(pg_temp.facebook('{}') -> 'metrics');

-- the Page
SELECT m -> 'page_followers', m -> 'page_likes', m -> 'posts_count', c
FROM (SELECT d -> 'metrics' AS m, d -> 'core' AS c FROM pg_temp.facebook('{"page": [{"id": "100", "name": "Demo Band", "fan_count": 815, "followers_count": 820,
  "published_posts": {"data": [], "summary": {"total_count": 142}}}]}') AS d) AS x;

-- of a person's Pages the one that the settings name; another's numbers are never taken
SELECT pg_temp.facebook(a, '{"external_id": 2}') #> '{metrics,page_likes}', pg_temp.facebook(a, '{"external_id": "3"}') #> '{metrics,page_likes}',
  pg_temp.facebook('{"page": [{"id": "1", "fan_count": 5}]}', '{"external_id": "2"}') #> '{metrics,page_likes}', pg_temp.facebook('{"page": [{"data": []}]}') #> '{metrics,page_likes}'
FROM (VALUES ('{"page": [{"data": [{"id": "1", "fan_count": 5}, {"id": "2", "fan_count": 6}]}]}'::jsonb)) AS v (a);

-- posts: kinds by address and attachment, one never shared, reactions not told, no message, insights with a breakdown
CREATE TEMP TABLE answers AS SELECT '{
 "page": [{"id": "100", "followers_count": 820}],
 "posts": [{"data": [
  {"id": "100_501", "message": "new single out", "created_time": "2026-11-18T17:00:00+0000", "permalink_url": "https://www.facebook.com/900/posts/501", "shares": {"count": 3},
   "attachments": {"data": [{"media_type": "photo", "type": "photo"}]}, "reactions": {"data": [], "summary": {"total_count": 41}}, "comments": {"data": [], "summary": {"total_count": 5}},
   "insights": {"data": [{"name": "post_media_view", "period": "lifetime", "values": [{"value": 194}]}, {"name": "post_total_media_view_unique", "period": "lifetime", "values": [{"value": 120}]}]}},
  {"id": "100_500", "created_time": "2026-11-10T08:00:00+0000", "permalink_url": "https://www.facebook.com/reel/500/", "attachments": {"data": [{"media_type": "video"}]},
   "reactions": {"data": [], "summary": {"total_count": 12}}, "comments": {"data": [], "summary": {"total_count": 0}},
   "insights": {"data": [{"name": "post_media_view", "values": [{"value": 69, "is_from_ads": "0"}, {"value": 125, "is_from_ads": "1"}]}]}}],
  "paging": {"cursors": {"after": "a"}, "next": "https://graph.facebook.com/x"}},
  {"data": [
  {"id": "100_4", "message": "listen", "attachments": {"data": [{"type": "share"}]}, "comments": {"data": []}, "insights": {"data": [{"name": "post_media_view", "values": [{"value": {"like": 9, "love": 2}}]}]}},
  {"id": "100_3", "message": "words", "reactions": {"data": []}},
  {"id": "100_2", "attachments": {"data": [{"media_type": "album"}]}},
  {"id": "100_1", "attachments": {"data": [{"type": "video_inline"}]}}]}],
 "videos": [{"data": [{"id": "700", "length": 31.5, "published": true}, {"id": "701", "published": false}], "paging": {"next": "x"}}, {"data": [{"id": "702"}]}]}'::jsonb AS a;
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c ->> 'likes', c ->> 'comments', c ->> 'shares', c ->> 'views', c ->> 'reach', c -> 'collaborators'
FROM answers, jsonb_array_elements(pg_temp.facebook(a) -> 'content') AS c;

-- totals; without a summary the posts that were read are counted; videos that are not out are not
SELECT m -> 'reactions_total', m -> 'comments_total', m -> 'shares_total', m -> 'posts_count', m -> 'videos_count', c
FROM answers, LATERAL (SELECT d -> 'metrics' AS m, d -> 'core' AS c FROM pg_temp.facebook(a) AS d) AS x;

-- no posts are zero of everything; reactions that no post tells are unknown
SELECT m -> 'reactions_total', m -> 'shares_total', m -> 'posts_count', m -> 'videos_count' FROM (SELECT pg_temp.facebook('{"posts": [{"data": []}], "videos": [{"data": []}]}') -> 'metrics' AS m) AS x;
SELECT m -> 'reactions_total', m -> 'comments_total', m -> 'shares_total' FROM (SELECT pg_temp.facebook('{"posts": [{"data": [{"id": "1"}]}]}') -> 'metrics' AS m) AS x;

-- a lost page takes the totals with it
SELECT m -> 'reactions_total', m -> 'shares_total', m -> 'posts_count', m -> 'videos_count', m -> 'page_followers'
FROM answers, LATERAL (SELECT pg_temp.facebook(jsonb_set(jsonb_set(a, '{posts,1}', '{"error": {"code": 2, "message": "x"}}'), '{videos,0}', '{"error": {"code": 2, "message": "x"}}')) -> 'metrics' AS m) AS x;

-- insights: by name and period, the last point, never the sum; what was replaced is not taken
SELECT m -> 'page_impressions', m -> 'page_reach', m -> 'page_views', m -> 'post_engagement', m -> 'page_followers' FROM (SELECT pg_temp.facebook('{"insights": [{"data": [
  {"name": "page_follows", "period": "lifetime", "values": [{"value": 1406}]},
  {"name": "page_media_view", "period": "day", "values": [{"value": 3, "end_time": "2026-11-22T08:00:00+0000"}]},
  {"name": "page_media_view", "period": "days_28", "values": [{"value": 5100, "end_time": "2026-11-21T08:00:00+0000"}, {"value": 5230, "end_time": "2026-11-22T08:00:00+0000"}]},
  {"name": "page_impressions", "period": "days_28", "values": [{"value": 99999}]},
  {"name": "page_total_media_view_unique", "period": "days_28", "values": [{"value": 0, "end_time": "2026-11-22T08:00:00+0000"}]},
  {"name": "page_views_total", "period": "week", "values": [{"value": 7}]},
  {"name": "page_follows", "period": "days_28", "values": [{"value": 819}, {"value": 820}]}], "paging": {"next": "https://graph.facebook.com/x"}},
  {"data": [{"name": "page_post_engagements", "period": "days_28", "values": [{"value": 615, "end_time": "2026-11-22T08:00:00+0000"}]}]}]}') -> 'metrics' AS m) AS x;

-- a Page with few followers has no insights: empty, not zero; the newest point may be unknown
SELECT pg_temp.facebook('{"insights": [{"data": []}]}') #> '{metrics,page_reach}',
  pg_temp.facebook('{"insights": [{"data": [{"name": "page_media_view", "period": "days_28", "values": [{"value": 5}, {"end_time": "x"}]}]}]}') #> '{metrics,page_impressions}';

-- odd content never fails
SELECT pg_temp.facebook('{"page": [[], 5], "posts": [{"data": [1, {"id": {}}, {"id": 7, "shares": 5, "attachments": {"data": [1, {"media_type": 5}]}, "reactions": [], "insights": {"data": [{"name": "post_media_view", "values": {}}]}}]}, {"data": "x"}],
  "videos": [{"data": {}}], "insights": [{"data": [{"name": null, "values": [[]]}]}]}') -> 'content' -> 0;

-- Requests

CREATE FUNCTION pg_temp.plan(account jsonb, answers jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.plan_requests('facebook', '{"external_id": "100", "has_token": true, "observed_at": "2026-11-24T06:00:00Z"}' || account, answers) $$;
CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT jsonb_array_elements_text(pg_temp.plan(account, answers) -> 'requests') $$;

-- one account-day; until the Page is known, it is the token's own
SELECT * FROM pg_temp.asked('{}');
SELECT r FROM pg_temp.asked('{"external_id": null}', '{"https://graph.facebook.com/v25.0/me?fields=id,name,username,fan_count,followers_count,published_posts.limit(0).summary(total_count)": {"id": "100", "fan_count": 5}}') AS r;

-- a person's token is answered with the person, who is no Page
SELECT p -> 'missing', jsonb_array_length(p -> 'requests') FROM (SELECT pg_temp.plan('{"external_id": null}', '{"https://graph.facebook.com/v25.0/me?fields=id,name,username,fan_count,followers_count,published_posts.limit(0).summary(total_count)": {"id": "77", "name": "Nova"}}') AS p) AS x;

-- posts go on by cursor, stop where there is no next page, at an empty one, and on later days at what is known and old
\set posts https://graph.facebook.com/v25.0/100/published_posts?fields=id,message,created_time,permalink_url,shares,attachments%7Bmedia_type,type%7D,reactions.limit(0).summary(total_count),comments.limit(0).summary(total_count)
\set views ',insights.metric(post_media_view%2Cpost_total_media_view_unique)&limit=100'
CREATE FUNCTION pg_temp.pages(account jsonb, first jsonb, posts text) RETURNS bigint LANGUAGE SQL AS $$ SELECT count(*) FROM pg_temp.asked(account, jsonb_build_object(posts, first,
  'https://graph.facebook.com/v25.0/100?fields=id,name,username,fan_count,followers_count,published_posts.limit(0).summary(total_count)', '{"id": "100", "published_posts": {"summary": {"total_count": 2}}}'::jsonb)) AS r WHERE r LIKE 'posts%' $$;
SELECT pg_temp.pages('{}', '{"data": [{"id": "1", "created_time": "2020-01-01T00:00:00+0000"}], "paging": {"cursors": {"after": "a"}, "next": "x"}}', :'posts' || :'views'),
  pg_temp.pages('{}', '{"data": [{"id": "1"}], "paging": {"cursors": {"after": "a"}}}', :'posts' || :'views'),
  pg_temp.pages('{}', '{"data": [], "paging": {"cursors": {"after": "a"}, "next": "x"}}', :'posts' || :'views'),
  pg_temp.pages('{"known": [{"content_id": "1"}, {"content_id": "2", "extra": {"listing_end": 1}}]}', '{"data": [{"id": "1", "created_time": "2020-01-01T00:00:00+0000"}], "paging": {"cursors": {"after": "a"}, "next": "x"}}', :'posts' || :'views'),
  pg_temp.pages('{"known": [{"content_id": "1"}, {"content_id": "2", "extra": {"listing_end": 1}}]}', '{"data": [{"id": "1", "created_time": "2026-11-01T00:00:00+0000"}], "paging": {"cursors": {"after": "a"}, "next": "x"}}', :'posts' || :'views'),
  pg_temp.pages('{"known": [{"content_id": "1"}]}', '{"data": [{"id": "1", "created_time": "2020-01-01T00:00:00+0000"}], "paging": {"cursors": {"after": "a"}, "next": "x"}}', :'posts' || :'views');

-- videos that max_pages cut off are not all
SELECT p -> 'bounded', p #> '{normalised,metrics,videos_count}' FROM (SELECT pg_temp.plan('{"max_pages": 1}', '{"https://graph.facebook.com/v25.0/100/videos?fields=id,published&limit=100": {"data": [{"id": "1"}], "paging": {"cursors": {"after": "a"}, "next": "x"}}}') AS p) AS x;

-- insights pages are never followed
SELECT count(*) FROM pg_temp.asked('{}', '{"https://graph.facebook.com/v25.0/100/insights?metric=page_media_view%2Cpage_total_media_view_unique%2Cpage_views_total%2Cpage_post_engagements%2Cpage_follows&period=days_28&since=1794873600&until=1795500000":
  {"data": [], "paging": {"cursors": {"after": "a"}, "next": "https://graph.facebook.com/x"}}}') AS r WHERE r LIKE 'insights%';

-- one of five metrics is gone and the answer does not say which: it is found in halves, the others are kept
CREATE FUNCTION pg_temp.insights(gone text, metrics text) RETURNS jsonb LANGUAGE SQL AS $$
  SELECT jsonb_build_object('https://graph.facebook.com/v25.0/100/insights?metric=' || metrics || '&period=days_28&since=1794873600&until=1795500000', CASE WHEN metrics ~ gone
    THEN '{"status": 400, "body": {"error": {"code": 100, "message": "(#100) The value must be a valid insights metric"}}}'::jsonb
    ELSE jsonb_build_object('data', (SELECT jsonb_agg(jsonb_build_object('name', m, 'period', 'days_28', 'values', '[{"value": 5}]'::jsonb)) FROM regexp_split_to_table(metrics, '%2C') AS m)) END) $$;
SELECT gone, p -> 'refused', (SELECT count(*) FROM jsonb_array_elements_text(p -> 'requests') AS r WHERE r LIKE 'insights%'),
  (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_each(p #> '{normalised,metrics}') WHERE value = '5')
FROM unnest(ARRAY['page_media_view', 'page_total_media_view_unique', 'page_views_total', 'page_post_engagements']) AS gone, LATERAL (SELECT pg_temp.plan('{}',
  pg_temp.insights(gone, 'page_media_view%2Cpage_total_media_view_unique%2Cpage_views_total%2Cpage_post_engagements%2Cpage_follows') ||
  pg_temp.insights(gone, 'page_media_view%2Cpage_total_media_view_unique') || pg_temp.insights(gone, 'page_media_view') || pg_temp.insights(gone, 'page_total_media_view_unique') ||
  pg_temp.insights(gone, 'page_total_media_view_unique%2Cpage_views_total%2Cpage_post_engagements%2Cpage_follows') ||
  pg_temp.insights(gone, 'page_views_total%2Cpage_post_engagements%2Cpage_follows') || pg_temp.insights(gone, 'page_views_total') || pg_temp.insights(gone, 'page_post_engagements') ||
  pg_temp.insights(gone, 'page_post_engagements%2Cpage_follows') || pg_temp.insights(gone, 'page_follows')) AS p) AS x;

-- posts outlive their insights: a metric that is gone is searched for, a missing right leaves the posts
SELECT i, r FROM (VALUES (1, 'post_total_media_view_unique'), (2, 'post_media_view'), (3, 'post_')) AS v (i, gone), LATERAL (SELECT jsonb_object_agg(:'posts' || m,
    CASE WHEN m ~ gone THEN '{"status": 400, "body": {"error": {"code": 100, "message": "The value must be a valid insights metric"}}}'::jsonb ELSE '{"data": []}' END) AS a
  FROM unnest(ARRAY[:'views', ',insights.metric(post_media_view)&limit=100', ',insights.metric(post_total_media_view_unique)&limit=100', '&limit=100']) AS m) AS x,
  LATERAL (SELECT pg_temp.plan('{}', a) AS p) AS y, LATERAL (SELECT p ->> 'refused' AS r UNION ALL SELECT regexp_replace(t, '^.*total_count\)', '') FROM jsonb_array_elements_text(p -> 'requests') AS t WHERE t LIKE 'posts%') AS z;
\set denied '{"status": 403, "body": {"error": {"code": 200, "message": "(#200) Requires permission"}}}'
\set shares '{"data": [{"id": "1", "shares": {"count": 4}}]}'
SELECT p -> 'missing', p #> '{normalised,metrics,shares_total}' FROM (SELECT pg_temp.plan('{}', jsonb_build_object(:'posts' || :'views', :'denied'::jsonb, :'posts' || '&limit=100', :'shares'::jsonb)) AS p) AS x;
SELECT p -> 'missing', p #> '{normalised,metrics,shares_total}', p #> '{normalised,metrics,comments_total}' FROM (SELECT pg_temp.plan('{}', jsonb_build_object(:'posts' || :'views', :'denied'::jsonb,
  :'posts' || '&limit=100', :'denied'::jsonb, regexp_replace(:'posts', ',reactions.*', '&limit=100'), :'shares'::jsonb)) AS p) AS x;

-- a Page with fewer than 100 followers lacks nothing but its insights
SELECT pg_temp.plan('{}', '{"https://graph.facebook.com/v25.0/100/insights?metric=page_media_view%2Cpage_total_media_view_unique%2Cpage_views_total%2Cpage_post_engagements%2Cpage_follows&period=days_28&since=1794873600&until=1795500000":
  {"status": 400, "body": {"error": {"code": 100, "error_subcode": 2874008, "message": "x"}}}}') -> 'missing';

-- too much at once is asked in halves, down to ten
SELECT regexp_replace(r, '^.*limit=', '') FROM pg_temp.asked('{}', (SELECT jsonb_object_agg(:'posts' || replace(:'views', '100', n::text), '{"status": 500, "body": {"error": {"code": 1, "message": "Please reduce the amount of data"}}}'::jsonb)
  FROM unnest(ARRAY[100, 50, 25, 12, 10]) AS n)) AS r WHERE r LIKE 'posts%';

-- Errors

CREATE FUNCTION pg_temp.verdict(error jsonb, status int DEFAULT 400, headers jsonb DEFAULT '{}', step text DEFAULT '') RETURNS text LANGUAGE SQL AS $$
  SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope', v ->> 'wait_until')
  FROM dreamsuite.classify_answer('facebook', status, jsonb_build_object('error', error)::text, headers, '2026-11-24 06:00+00', step) AS v $$;
SELECT code, subcode, message, pg_temp.verdict(jsonb_build_object('code', code, 'error_subcode', subcode, 'message', message))
FROM (VALUES (100, NULL, '(#100) The value must be a valid insights metric'), (100, NULL, 'The value must be a valid insights metric'), (3001, 1504028, 'Invalid query'), (190, 2069032, 'Invalid OAuth 2.0 Access Token'),
  (200, 2069030, 'new Pages'), (200, NULL, '(#200) Requires permission: pages_messaging'), (1, 2853006, 'task'), (2874008, NULL, 'few'), (21, NULL, 'moved'), (32, NULL, 'page limit'), (80001, NULL, 'pages'),
  (1705, NULL, 'as a person')) AS v (code, subcode, message);
-- an unpublished Page must be linked again; a blanked code is told by the subcode
SELECT pg_temp.verdict('{"code": 100, "error_subcode": 33, "message": "x"}', step => 'page'), pg_temp.verdict('{"code": 100, "error_subcode": 33, "message": "x"}', step => 'posts'),
  pg_temp.verdict('{"code": "REDACTED", "error_subcode": 2069032, "message": "Invalid OAuth 2.0 Access Token"}');
