-- Instagram: what its answers say, which requests an account-day takes, what an error means.
\pset format unaligned
\pset tuples_only on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.instagram(responses jsonb, settings jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('instagram', responses, '2026-11-24 06:00+00', settings) $$;

-- every field is there and null where nothing is known
SELECT jsonb_pretty(pg_temp.instagram('{}') -> 'metrics');

-- the profile, alone: no posts are known, so there is no rate
SELECT m -> 'follower_count', m -> 'posts_count', m -> 'engagement_rate', m -> 'likes_total', c
FROM (SELECT d -> 'metrics' AS m, d -> 'core' AS c FROM pg_temp.instagram('{"profile": [{"id": "17841400000000001", "username": "nova",
  "followers_count": 1520, "media_count": 87}]}') AS d) AS x;

-- by Instagram login user_id is the account; from a person's Pages the one that the settings name; another's numbers are never taken
SELECT pg_temp.instagram('{"profile": [{"user_id": "178", "id": "9", "followers_count": 5}]}', '{"external_id": "178"}') #> '{metrics,follower_count}',
  pg_temp.instagram('{"profile": [{"data": [{"id": "1"}, {"instagram_business_account": {"id": "177", "followers_count": 1}}, {"instagram_business_account": {"id": "178", "followers_count": 2}}]}]}',
    '{"external_id": "178"}') #> '{metrics,follower_count}',
  pg_temp.instagram('{"profile": [{"data": [{"id": "1"}, {"instagram_business_account": {"id": "177", "followers_count": 1}}]}]}') #> '{metrics,follower_count}',
  pg_temp.instagram('{"profile": [{"id": "179", "followers_count": 5}]}', '{"external_id": "178"}') #> '{metrics,follower_count}';

-- posts: hidden likes, a reel told by its address alone, an advertisement, no caption, a story, an offset without a colon
CREATE TEMP TABLE answers AS SELECT '{
 "profile": [{"id": "178", "followers_count": 100, "media_count": 6}],
 "media": [{"data": [
  {"id": "m1", "media_type": "VIDEO", "media_product_type": "REELS", "caption": "tour teaser", "permalink": "https://www.instagram.com/reel/AAA/",
   "timestamp": "2026-11-19T18:00:00+0000", "like_count": 310, "comments_count": 12},
  {"id": "m2", "media_type": "CAROUSEL_ALBUM", "media_product_type": "FEED", "permalink": "https://www.instagram.com/p/BBB/",
   "timestamp": "2026-11-10T09:30:00+0200", "comments_count": 4, "children": {"data": [{"id": "child"}]}},
  {"id": "ad", "media_type": "IMAGE", "media_product_type": "AD", "like_count": 9999, "comments_count": 9999}],
  "paging": {"cursors": {"after": "a1"}, "next": "https://graph.facebook.com/…&after=a1"}},
  {"data": [
  {"id": "m3", "media_type": "VIDEO", "permalink": "https://www.instagram.com/reel/CCC/", "timestamp": "2025-01-01T00:00:00+0000", "like_count": 310, "comments_count": 13},
  {"id": "m4", "media_type": "IMAGE", "permalink": "https://www.instagram.com/p/DDD/", "like_count": 0, "comments_count": 0},
  {"id": "m5", "media_type": "VIDEO", "permalink": "https://www.instagram.com/p/EEE/", "like_count": "7", "comments_count": null}]}],
 "stories": [{"data": [{"id": "s1", "media_type": "IMAGE", "permalink": "https://instagram.com/stories/nova/1", "timestamp": "2026-11-24T05:00:00+0000"},
  {"id": "s2", "media_type": "VIDEO", "media_product_type": "STORY", "like_count": 50}]}],
 "media_insights": [
  {"of": "m1", "body": {"data": [{"name": "reach", "period": "lifetime", "values": [{"value": 2201}]}, {"name": "views", "values": [{"value": 4000}]},
   {"name": "saved", "values": [{"value": 37}]}, {"name": "shares", "values": [{"value": 5}]}, {"name": "likes", "values": [{"value": 1}]},
   {"name": "ig_reels_video_view_total_time", "values": [{"value": 30017581}]}]}},
  {"of": "m2/collaborators", "body": {"data": []}},
  {"of": "m1/collaborators", "body": {"data": [{"id": "1", "username": "guest_singer", "invite_status": "Accpeted"}, {"id": "2", "username": "waits", "invite_status": "Pending"}]}},
  {"of": "m2", "body": {"data": [{"name": "likes", "period": "lifetime", "values": [{"value": 20}]}]}},
  {"of": "m3", "body": {"data": []}},
  {"of": "m4", "body": {"error": {"message": "Invalid parameter", "code": 100, "error_subcode": 2108006}}},
  {"of": "s1", "body": {"data": [{"name": "views", "values": [{"value": 44}]}, {"name": "navigation", "values": [{"value": 25}],
   "total_value": {"value": 25, "breakdowns": [{"results": [{"value": 19}]}]}}]}},
  {"of": "not listed", "body": {"data": [{"name": "views", "values": [{"value": 1}]}]}}]}'::jsonb AS a;
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'collaborators',
  c ->> 'likes', c ->> 'comments', c ->> 'shares', c ->> 'views', c ->> 'reach', c ->> 'saves', c ->> 'watch_time_minutes'
FROM answers, jsonb_array_elements(pg_temp.instagram(a) -> 'content') AS c;

-- the end of the list is marked where it was read, and only there
SELECT c ->> 'content_id' FROM answers, jsonb_array_elements(pg_temp.instagram(a) -> 'content') AS c WHERE c -> 'extra' ? 'listing_end';
SELECT count(*) FROM answers, jsonb_array_elements(pg_temp.instagram(a #- '{media,1}') -> 'content') AS c WHERE c -> 'extra' ? 'listing_end';

-- totals: hidden likes come from the post's insights; stories are no posts; the top post by likes, then comments
SELECT m ->> 'likes_total', m ->> 'comments_total', m ->> 'engagement_rate', m ->> 'posts_count', m ->> 'stories_count', m ->> 'reels_count',
  m ->> 'top_post_id', m ->> 'top_post_likes', m ->> 'top_post_comments', c
FROM answers, LATERAL (SELECT d -> 'metrics' AS m, d -> 'core' AS c FROM pg_temp.instagram(a) AS d) AS x;

-- likes that are hidden everywhere are left out; where all are, nothing is known, and no post is the top
SELECT m -> 'likes_total', m -> 'comments_total', m -> 'top_post_id', m -> 'engagement_rate', e
FROM (SELECT d -> 'metrics' AS m, d #> '{core,engagement_total}' AS e FROM pg_temp.instagram('{"profile": [{"id": "178", "followers_count": 100}],
  "media": [{"data": [{"id": "m2", "media_type": "IMAGE", "comments_count": 4}]}]}') AS d) AS x;

-- no rate without followers, and none of zero followers
SELECT pg_temp.instagram(a - 'profile') #> '{metrics,engagement_rate}', pg_temp.instagram(jsonb_set(a, '{profile,0,followers_count}', '0')) #> '{metrics,engagement_rate}' FROM answers;

-- reels cannot be told from videos where no post tells its product or address; without posts there are none
SELECT pg_temp.instagram('{"media": [{"data": [{"id": "m1", "media_type": "VIDEO", "like_count": 1, "comments_count": 0}]}]}') #> '{metrics,reels_count}',
  pg_temp.instagram('{"media": [{"data": []}]}') #> '{metrics,reels_count}', pg_temp.instagram('{"media": [{"data": []}]}') #> '{metrics,likes_total}';

-- no story is a true zero; a lost answer is not
SELECT pg_temp.instagram('{"stories": [{"data": []}]}') #> '{metrics,stories_count}',
  pg_temp.instagram('{"stories": [{"error": {"message": "x", "code": 2}}]}') #> '{metrics,stories_count}';

-- a lost page takes the totals with it, not the items that came
SELECT m -> 'likes_total', m -> 'comments_total', m -> 'reels_count', m -> 'top_post_id', m -> 'follower_count', n
FROM answers, LATERAL (SELECT d -> 'metrics' AS m, jsonb_array_length(d -> 'content') AS n
  FROM pg_temp.instagram(jsonb_set(a, '{media,1}', '{"error": {"message": "x", "code": 1}}')) AS d) AS x;

-- insights: totals of two answers; impressions are the views
SELECT m -> 'reach', m -> 'impressions', m -> 'profile_views', m -> 'website_clicks' FROM (SELECT pg_temp.instagram('{"insights": [
  {"data": [{"name": "reach", "period": "day", "total_value": {"value": 4312}}, {"name": "views", "period": "day", "total_value": {"value": 9120}}], "paging": {"next": "https://graph.facebook.com/…"}},
  {"data": [{"name": "profile_views", "period": "day", "total_value": {"value": 0}}, {"name": "website_clicks", "period": "day", "total_value": {"value": 12}}]}]}') -> 'metrics' AS m) AS x;

-- a refused pair leaves the other; a daily series is no total; a metric may come without any value; nothing is not zero
SELECT m -> 'reach', m -> 'impressions', m -> 'profile_views' FROM (SELECT pg_temp.instagram('{"insights": [{"error": {"message": "(#100) metric[0] must be one of the following values: reach", "code": 100}},
  {"data": [{"name": "reach", "total_value": {"value": 1}}]}]}') -> 'metrics' AS m) AS x;
SELECT m -> 'reach', m -> 'impressions', m -> 'profile_views' FROM (SELECT pg_temp.instagram('{"insights": [{"data": [
  {"name": "reach", "period": "day", "values": [{"value": 140, "end_time": "2026-11-20T08:00:00+0000"}, {"value": 151, "end_time": "2026-11-21T08:00:00+0000"}]},
  {"name": "views", "period": "day", "title": "t"}]}, {"data": []}]}') -> 'metrics' AS m) AS x;

-- odd content never fails
SELECT pg_temp.instagram('{"profile": [[], {"data": 5}], "media": [{"data": [1, null, {"id": {}}, {"id": 5, "permalink": 7, "like_count": -3, "timestamp": "never", "collaborators": {"data": [1]}}]}, {"data": {}}],
  "stories": [{}], "media_insights": [{"of": "5", "body": {"data": [{"name": "reach", "values": 5}, {"name": "views", "values": [{"value": {"a": -1}}]}]}}, {"of": null, "body": {}}],
  "insights": [{"data": [{"name": 5}, {"name": "reach", "total_value": 7}]}]}') #> '{content,0,likes}';

-- Requests

CREATE FUNCTION pg_temp.plan(account jsonb, answers jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.plan_requests('instagram', '{"external_id": "178", "has_token": true, "observed_at": "2026-11-24T06:00:00Z"}' || account, answers) $$;
CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT jsonb_array_elements_text(pg_temp.plan(account, answers) -> 'requests') $$;
-- The parts of a batch: what stands behind the last "relative_url" of each.
CREATE FUNCTION pg_temp.parts(request text) RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT replace(replace(replace(replace(replace(m[1], '%252C', ' '), '%3F', '?'), '%3D', '='), '%2F', '/'), '%26', '&') FROM regexp_matches(request, 'relative_url%22%3A%22(.*?)%22%7D', 'g') AS m $$;

-- one account-day: closed days in seconds, two calls for insights; a batch also where no post is to be asked for, of the window two days before
SELECT * FROM pg_temp.asked('{}');

-- by Instagram login the host is another; until the account is known it is asked for, and the rest follows
SELECT * FROM pg_temp.asked('{"settings": {"login": "instagram"}}');
SELECT * FROM pg_temp.asked('{"external_id": null}', '{"https://graph.facebook.com/v25.0/me/accounts?fields=instagram_business_account%7Bid,username,followers_count,media_count%7D&limit=100":
  {"data": [{"id": "1"}, {"instagram_business_account": {"id": "177"}}]}}');
SELECT * FROM pg_temp.asked('{"external_id": null, "settings": {"login": "instagram"}}', '{"https://graph.instagram.com/v25.0/me?fields=user_id,username,followers_count,media_count": {"user_id": "178", "id": "9"}}');

\set media https://graph.facebook.com/v25.0/178/media?fields=id,caption,media_type,media_product_type,permalink,timestamp,like_count,comments_count&limit=100
\set stories https://graph.facebook.com/v25.0/178/stories?fields=id,media_type,media_product_type,permalink,timestamp,caption&limit=100
CREATE TEMP TABLE listings AS SELECT jsonb_build_object(:'stories', '{"data": [{"id": "s1", "media_type": "IMAGE"}]}'::jsonb, :'media', '{"data": [
  {"id": "m1", "media_type": "VIDEO", "media_product_type": "REELS", "timestamp": "2026-11-22T00:00:00+0000", "like_count": 1, "comments_count": 0},
  {"id": "m2", "media_type": "IMAGE", "timestamp": "2026-11-01T00:00:00+0000", "comments_count": 0},
  {"id": "m3", "media_type": "IMAGE", "timestamp": "2020-11-01T00:00:00+0000", "like_count": 1, "comments_count": 0}],
  "paging": {"cursors": {"after": "a1"}, "next": "https://graph.facebook.com/v25.0/178/media?access_token=SECRET&after=a1"}}'::jsonb) AS l;

-- the batch: stories first, metrics that fit the kind, likes where they are hidden, the account two days before, and the guests of new posts
SELECT p FROM listings, pg_temp.asked('{}', l) AS r, pg_temp.parts(r) AS p WHERE r LIKE '%batch=%';

-- the next page by its cursor: the link has the token in it
SELECT r FROM listings, pg_temp.asked('{}', l) AS r WHERE r LIKE 'media [%';

-- later days: of known posts the recent ones, guests of the last week, quarantined metrics not
SELECT p FROM listings, pg_temp.asked('{"known": [{"content_id": "m1"}, {"content_id": "m2"}, {"content_id": "m3"}], "quarantined": ["saved"]}', l) AS r, pg_temp.parts(r) AS p WHERE r LIKE '%batch=%';

-- paging stops at a page that holds nothing new or recent, once the list was read to its end; not before
SELECT k, count(*) FILTER (WHERE r LIKE 'media [%') FROM (VALUES ('[{"content_id": "m1", "extra": {"listing_end": 1}}, {"content_id": "m3"}]'), ('[{"content_id": "m1", "extra": {"listing_end": 1}}]'), ('[{"content_id": "m1"}, {"content_id": "m3"}]')) AS v (k),
  pg_temp.asked(jsonb_build_object('known', k::jsonb), jsonb_build_object('https://graph.facebook.com/v25.0/178?fields=id,username,followers_count,media_count', '{"id": "178", "media_count": 2}'::jsonb,
    :'media', '{"data": [{"id": "m3", "timestamp": "2020-11-01T00:00:00+0000", "like_count": 1}], "paging": {"cursors": {"after": "a1"}, "next": "x"}}'::jsonb)) AS r GROUP BY k ORDER BY k;

-- a batch comes apart: a part that timed out is asked alone, a refused metric is left out and the rest asked again, posts without insights are none missing,
-- nor is the account of two days before
CREATE TEMP TABLE batch AS SELECT l || jsonb_build_object(replace(r, 'media_insights [user] ', ''), '[
  {"code": 400, "body": "{\"error\":{\"message\":\"(#10) Not enough viewers for the media to show insights\",\"type\":\"OAuthException\",\"code\":10}}"},
  null,
  {"code": 400, "body": "{\"error\":{\"message\":\"(#100) metric[2] must be one of the following values: reach, views, shares, likes\",\"code\":100}}"},
  {"code": 200, "body": "{\"data\":[{\"name\":\"reach\",\"values\":[{\"value\":7}]}]}"},
  {"code": 200, "body": "{\"data\":[{\"name\":\"views\",\"total_value\":{\"value\":31}},{\"name\":\"reach\",\"total_value\":{\"value\":12}}]}"},
  {"code": 400, "body": "{\"error\":{\"message\":\"(#100) metric[0] must be one of the following values: reach, website_clicks\",\"code\":100}}"},
  {"code": 200, "body": "{\"data\":[{\"username\":\"kite\",\"invite_status\":\"Accepted\"}]}"},
  {"code": 400, "body": "{\"error\":{\"message\":\"x\",\"code\":10}}"},
  {"code": 400, "body": "{\"error\":{\"message\":\"x\",\"code\":10}}"}]'::jsonb) AS b FROM listings, pg_temp.asked('{}', l) AS r WHERE r LIKE '%batch=%';
SELECT i, coalesce(p, r) FROM batch, pg_temp.asked('{}', b) WITH ORDINALITY AS a (r, i) LEFT JOIN LATERAL pg_temp.parts(r) AS p ON true WHERE r LIKE 'media_insights%';
CREATE TEMP TABLE whole AS SELECT b || jsonb_object_agg(replace(r, 'media_insights [user] ', ''), '[{"code": 200, "body": "{\"data\":[{\"name\":\"reach\",\"values\":[{\"value\":8}]}]}"},
    {"code": 500, "body": "{\"error\":{\"message\":\"x\",\"code\":100}}"}]'::jsonb) || jsonb_object_agg('https://graph.facebook.com/v25.0/m1/insights?metric=reach%2Cviews%2Csaved%2Cshares%2Cig_reels_video_view_total_time', '{"data": []}'::jsonb) AS b
  FROM batch, pg_temp.asked('{}', b) AS r WHERE r LIKE '%batch=%' AND NOT b ? replace(r, 'media_insights [user] ', '') GROUP BY b;
SELECT p -> 'earlier', p -> 'refused', c -> 'content_id', c -> 'reach', c -> 'collaborators' FROM whole, LATERAL (SELECT pg_temp.plan('{}', b) AS p) AS x, jsonb_array_elements(p #> '{normalised,content}') AS c;
SELECT m FROM whole, jsonb_array_elements(pg_temp.plan('{}', b) -> 'missing') AS m WHERE m::text LIKE '%media_insights%' OR m::text LIKE '%settled%';

-- by Instagram login there are no batches
SELECT r FROM listings, pg_temp.asked('{"settings": {"login": "instagram"}}', replace(l::text, 'https://graph.facebook.com/v25.0/178', 'https://graph.instagram.com/v25.0/178')::jsonb) AS r WHERE r LIKE 'media_insights%';

-- of the window two days before, which has requests of its own there, what is known is for the day that told of it; what is refused or lost is not missed
SELECT p -> 'earlier', p -> 'refused', jsonb_path_query_array(p, '$.missing[*] ? (@ starts with "settled")'), jsonb_path_query_array(p, '$.requests[*] ? (@ like_regex "metric=website")')
FROM pg_temp.plan('{"settings": {"login": "instagram"}}', '{
  "https://graph.instagram.com/v25.0/178/insights?period=day&metric_type=total_value&since=1792713600&until=1795305600&metric=reach%2Cviews": {"data": [{"name": "reach", "total_value": {"value": 12}}, {"name": "views"}]},
  "https://graph.instagram.com/v25.0/178/insights?period=day&metric_type=total_value&since=1792713600&until=1795305600&metric=profile_views%2Cwebsite_clicks": {"status": 400,
    "body": {"error": {"code": 100, "message": "(#100) metric[0] must be one of the following values: reach, website_clicks"}}}}') AS p;

-- a refused metric of the account: the rest is asked again, named by its place, by the list, or by the older words
SELECT message, r FROM (VALUES ('(#100) metric[1] must be one of the following values: reach, profile_views'), ('(#100) metric[0] must be one of the following values: profile_views'),
  ('(#100) The views metric is no longer supported for the queried user'), ('(#100) metric[1] must be one of the following values: reach, views'), ('(#100) metric[9] must be one of the following values: reach, views')) AS v (message),
  pg_temp.asked('{}', jsonb_build_object('https://graph.facebook.com/v25.0/178/insights?metric=reach%2Cviews&period=day&metric_type=total_value&since=1792886400&until=1795478400',
    jsonb_build_object('status', 400, 'body', jsonb_build_object('error', jsonb_build_object('code', 100, 'message', message))))) WITH ORDINALITY AS r (r, i)
WHERE r LIKE 'insights%' AND r NOT LIKE '%clicks%' AND r NOT LIKE '%reach%2Cviews%';

-- too much at once: half of it
SELECT r FROM pg_temp.asked('{}', jsonb_build_object(:'media', '{"status": 500, "body": {"error": {"code": 1, "message": "Please reduce the amount of data you''re asking for, then retry your request"}}}'::jsonb)) AS r WHERE r LIKE 'media [%';

-- Errors

CREATE FUNCTION pg_temp.verdict(error jsonb, status int DEFAULT 400, headers jsonb DEFAULT '{}', step text DEFAULT '') RETURNS text LANGUAGE SQL AS $$
  SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope', v ->> 'wait_until')
  FROM dreamsuite.classify_answer('instagram', status, jsonb_build_object('error', error)::text, headers, '2026-11-24 06:00+00', step) AS v $$;
SELECT code, subcode, message, pg_temp.verdict(jsonb_build_object('code', code, 'error_subcode', subcode, 'message', message))
FROM (VALUES (190, 458, 'removed'), (190, 460, 'password'), (190, 463, 'expired'), (190, 467, 'invalid'), (190, NULL, 'dead'), (190, 492, 'role'), (190, 2069032, 'User access token is not supported'),
  (190, NULL, '(#190) This method must be called with a Page Access Token'), (102, NULL, 'login'), (10, NULL, '(#10) Not enough viewers for the media to show insights'), (10, NULL, 'permission'),
  (3, NULL, 'capability'), (200, NULL, 'Requires permission'), (294, NULL, 'x'), (100, NULL, '(#100) metric[2] must be one of the following values: reach'),
  (100, NULL, '(#100) The following metrics (views) should be specified with parameter metric_type=total_value'),
  (100, NULL, 'Starting from version v22.0, the impressions metric is no longer supported for the queried media'), (100, 2108006, 'Invalid parameter'), (100, 33, 'Unsupported get request.'),
  (100, NULL, 'API calls from the server require an appsecret_proof argument'), (100, 2874010, 'Not enough users'), (2500, NULL, 'Unknown path components: /x'), (1, NULL, 'unknown'), (2, NULL, 'down'),
  (1, NULL, 'Please reduce the amount of data'), (1, 2853006, 'task'), (4, NULL, 'app'), (17, NULL, 'user'), (32, NULL, 'page'), (613, NULL, 'custom'), (341, NULL, 'limit'), (80002, NULL, 'busy'), (80014, NULL, 'busy'),
  (368, NULL, 'abuse'), (101, NULL, 'app'), (987654, NULL, 'new')) AS v (code, subcode, message);

-- transient by its own word; a deleted post is not found, the account itself must be linked again; a code that was blanked is read from the message
SELECT pg_temp.verdict('{"code": 987654, "message": "x", "is_transient": true}'), pg_temp.verdict('{"code": 100, "error_subcode": 33, "message": "x"}', step => 'media_insights'),
  pg_temp.verdict('{"code": 100, "error_subcode": 33, "message": "x"}', step => 'profile'), pg_temp.verdict('{"code": "REDACTED", "message": "(#10) x"}'), pg_temp.verdict('{}'), pg_temp.verdict('{"code": 190, "message": "x"}', 200);

-- how long to wait, in minutes, the longest of the use cases told; Retry-After where no header tells it
SELECT pg_temp.verdict('{"code": 80002, "message": "x"}', 400, jsonb_build_object('x-business-use-case-usage',
    '{"178": [{"type": "instagram", "call_count": 100, "estimated_time_to_regain_access": 10}, {"type": "pages", "estimated_time_to_regain_access": 25}], "179": [{"estimated_time_to_regain_access": 0}]}')),
  pg_temp.verdict('{"code": 4, "message": "x"}', 403, '{"x-app-usage": "{\"call_volume\":100,\"cpu_time\":1}"}'), pg_temp.verdict('{"code": 4, "message": "x"}', 403, '{"retry-after": "60"}'),
  pg_temp.verdict('{"code": 80002, "message": "x"}', 400, '{"x-business-use-case-usage": "[not json"}');

-- the exchange of a code has its own shape; status alone
SELECT v ->> 'error_class', v ->> 'message' FROM dreamsuite.classify_answer('instagram', 400, '{"error_type":"OAuthException","code":400,"error_message":"Error validating verification code."}') AS v;
SELECT s, v ->> 'error_class', v ->> 'scope' FROM unnest(ARRAY[200, 401, 404, 429, 503]) AS s, dreamsuite.classify_answer('instagram', s, '{}') AS v;
