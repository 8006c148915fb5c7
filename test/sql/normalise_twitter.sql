-- X: what its answers say, which requests an account-day takes and what they cost, what an error means.
\pset format unaligned
\pset tuples_only on
\pset null unknown
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.twitter(VARIADIC pages jsonb[]) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('twitter', jsonb_build_object('me', '[{"data": {"id": "1590000000000000001", "username": "novareed"}}]'::jsonb, 'tweets', to_jsonb(pages)),
  '2026-11-24 06:00+00') $$;
-- tweets_24h, likes, retweets, replies, clicks, engagement, number of top tweets, number of items
CREATE FUNCTION pg_temp.windows(n jsonb) RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', m -> 'tweets_24h', m -> 'likes_received', m -> 'retweets_received', m -> 'replies_received', m -> 'link_clicks',
  n #> '{core,engagement_total}', CASE WHEN m -> 'top_tweets' = 'null' THEN 'null' ELSE jsonb_array_length(m -> 'top_tweets')::text END, jsonb_array_length(n -> 'content')) FROM (SELECT n -> 'metrics' AS m) AS x $$;

-- every field is there and null where nothing is known
SELECT jsonb_pretty(dreamsuite.normalise('twitter', '{}', '2026-11-24 06:00+00') -> 'metrics');

-- the profile in both vocabularies; like_count is what the user gave
SELECT m -> 'follower_count', m -> 'following_count', m -> 'tweets_count', m -> 'likes_received', n -> 'core'
FROM (VALUES ('{"me": [{"data": {"id": "1590000000000000001", "username": "novareed", "public_metrics": {"followers_count": 9120, "following_count": 310, "tweet_count": 2044, "listed_count": 12, "like_count": 880}}}]}'::jsonb),
             ('{"me": [{"data": {"id": "1590000000000000001", "username": "novareed", "public_metrics": {"followers_count": 9120, "following_count": 310, "post_count": 2044, "like_count": null}}}]}')) AS v (r),
     LATERAL dreamsuite.normalise('twitter', r, '2026-11-24 06:00+00') AS n, LATERAL (SELECT n -> 'metrics' AS m) AS x;

-- posts: kinds, text of long ones, entities, views, saves, quotes and clicks; one that quotes and replies is a reply
SELECT c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'title', c ->> 'url', c -> 'likes', c -> 'comments', c -> 'shares', c -> 'views', c -> 'saves', c -> 'extra'
FROM jsonb_array_elements(pg_temp.twitter('{"data": [
  {"id": "1992000000000000011", "text": "New single &amp; tour &lt;soon&gt; &amp;lt; &copy; &", "created_at": "2026-11-22T09:30:00.000Z", "edit_history_tweet_ids": ["1992000000000000011"],
   "public_metrics": {"retweet_count": 4, "reply_count": 3, "like_count": 57, "quote_count": 1, "bookmark_count": 2, "impression_count": 3100}, "non_public_metrics": {"impression_count": 3105, "url_link_clicks": 19}},
  {"id": "1992000000000000012", "text": "The first 280 characters", "note_tweet": {"text": "The first 280 characters and the rest"}, "created_at": "2026-11-21T00:00:00Z", "referenced_tweets": [{"type": "quoted", "id": "5"}],
   "public_metrics": {"like_count": 1}, "non_public_metrics": {"impression_count": 8}},
  {"id": "1992000000000000013", "text": "@a yes", "created_at": "2026-11-20T00:00:00Z", "referenced_tweets": [{"type": "quoted", "id": "5"}, {"type": "replied_to", "id": "6"}], "public_metrics": {"like_count": 0}},
  {"id": "1992000000000000014", "text": "cut", "note_post": {"text": "Renamed"}, "created_at": "2026-11-19T00:00:00Z", "referenced_posts": [{"type": "quoted", "id": "5"}], "public_metrics": {"repost_count": 6, "reply_count": 2}},
  {"id": "1600", "text": "before views", "created_at": "2022-12-14T23:59:59Z", "public_metrics": {"impression_count": 0}},
  {"id": "1700", "text": "after", "created_at": "2022-12-15T00:00:00Z", "public_metrics": {"impression_count": 0}},
  null, {"text": "no id"}]}') -> 'content') AS c;

-- a repost carries the original's counters: it is neither content nor counted, by either name
SELECT pg_temp.windows(pg_temp.twitter('{"data": [
  {"id": "1", "text": "RT @a: x", "created_at": "2026-11-24T05:00:00Z", "referenced_tweets": [{"type": "retweeted", "id": "9"}], "public_metrics": {"retweet_count": 4000, "like_count": 0, "reply_count": 0}},
  {"id": "2", "text": "RT @b: y", "created_at": "2026-11-24T05:00:00Z", "referenced_posts": [{"type": "reposted", "id": "9"}], "public_metrics": {"repost_count": 4000, "like_count": 0, "reply_count": 0}},
  {"id": "3", "text": "own", "created_at": "2026-11-24T05:00:00Z", "public_metrics": {"repost_count": 2, "like_count": 5, "reply_count": 1, "quote_count": 70}}]}'));

-- the windows: a day, a week for the top, 30 days for the sums; what is older or not yet there counts nowhere
SELECT pg_temp.windows(n), jsonb_path_query_array(n, '$.metrics.top_tweets[*].tweet_id')
FROM (SELECT pg_temp.twitter(jsonb_build_object('data', jsonb_agg(jsonb_build_object('id', id, 'text', id, 'created_at', to_char(timestamptz '2026-11-24 06:00+00' - age, 'YYYY-MM-DD"T"HH24:MI:SS.000"Z"'),
    'public_metrics', jsonb_build_object('like_count', likes, 'retweet_count', 1, 'reply_count', replies))))) AS n
  FROM (VALUES ('a', interval '1 second', 1, 0), ('b', interval '23:59:59', 20, 1), ('c', interval '24 hours', 20, 2), ('d', interval '6 days 23:59:59', 20, 1), ('e', interval '7 days', 300, 0),
               ('f', interval '29 days 23:59:59', 4000, 0), ('g', interval '30 days', 50000, 0), ('h', interval '-1 second', 600000, 0)) AS v (id, age, likes, replies)) AS x;
SELECT pg_temp.twitter('{"data": [{"id": "1", "text": "t", "created_at": "2026-11-24T05:00:00Z", "public_metrics": {"like_count": 5}}]}') #> '{metrics,top_tweets,0}';

-- only posts with a link have clicks: none is not 0
SELECT pg_temp.windows(pg_temp.twitter('{"data": [{"id": "1", "created_at": "2026-11-23T05:00:00Z", "public_metrics": {"like_count": 1, "retweet_count": 0, "reply_count": 0}, "non_public_metrics": {"impression_count": 3}}]}')),
       pg_temp.windows(pg_temp.twitter('{"data": [{"id": "1", "created_at": "2026-11-23T05:00:00Z", "non_public_metrics": {"url_link_clicks": 0}}, {"id": "2", "created_at": "2026-11-03T05:00:00Z", "non_public_metrics": {"url_link_clicks": 7}},
         {"id": "3", "created_at": "2026-10-03T05:00:00Z", "non_public_metrics": {"url_link_clicks": 100}}]}'));

-- an empty page is no loss; no times at all leave every window unknown; "errors" beside data name single posts
SELECT pg_temp.windows(pg_temp.twitter('{"meta": {"result_count": 0}}')),
       pg_temp.windows(pg_temp.twitter('{"data": [{"id": "1", "text": "no fields"}], "meta": {"result_count": 1}}')),
       pg_temp.windows(pg_temp.twitter('{"data": [{"id": "1", "created_at": "2026-11-23T05:00:00Z", "public_metrics": {"like_count": 1}}], "errors": [{"title": "Field Authorization Error", "type": "https://api.twitter.com/2/problems/not-authorized-for-field"}]}'));

-- an error is no answer; a page that was lost leaves the windows unknown, but not when only older posts were lost
SELECT pg_temp.windows(pg_temp.twitter('{"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}')),
       pg_temp.windows(pg_temp.twitter('{"data": [{"id": "1", "created_at": "2026-11-23T05:00:00Z", "public_metrics": {"like_count": 1}}], "meta": {"next_token": "t"}}', '{"errors": [{"title": "Internal Error"}]}')),
       pg_temp.windows(pg_temp.twitter('{"data": [{"id": "1", "created_at": "2026-11-23T05:00:00Z", "public_metrics": {"like_count": 1}}], "meta": {}}', '{"of": "older", "body": {"title": "Too Many Requests"}}'));

-- odd content is unknown, never an error
SELECT pg_temp.windows(pg_temp.twitter('{"data": [{"id": 7, "text": 5, "created_at": "yesterday", "public_metrics": [], "referenced_tweets": {}}, {"id": {}}, [], {"id": "8", "created_at": "2026-11-24T05:00:00Z", "text": "&am",
  "public_metrics": {"like_count": -1, "reply_count": 1.5, "retweet_count": "x", "impression_count": null}, "note_tweet": "n", "referenced_tweets": ["x", {"type": 1}]}]}'));

-- which requests
CREATE FUNCTION pg_temp.plan(account jsonb, answers jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.plan_requests('twitter', '{"has_token": true, "observed_at": "2026-11-24T06:00:00Z"}' || account, answers) $$;
CREATE FUNCTION pg_temp.asked(account jsonb, answers jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE SQL AS $$ SELECT jsonb_array_elements_text(pg_temp.plan(account, answers) -> 'requests') $$;
-- the address of the posts of user 7
CREATE FUNCTION pg_temp.tweets_at(rest text, fields text DEFAULT 'tweet.fields=created_at,public_metrics,referenced_tweets,note_tweet,non_public_metrics') RETURNS text
LANGUAGE SQL AS $$ SELECT 'https://api.x.com/2/users/7/tweets?max_results=100&exclude=retweets&' || fields || rest $$;

-- a known account is asked at once, an unknown one once the profile told its id
SELECT * FROM pg_temp.asked('{"external_id": "7"}');
SELECT * FROM pg_temp.asked('{}');
SELECT count(*) FROM pg_temp.asked('{}', '{"https://api.x.com/2/users/me?user.fields=public_metrics,protected,username,verified": {"data": {"id": "7"}}}');
SELECT count(*) FROM pg_temp.asked('{"external_id": "../7"}');

-- the first run reads the last 30 days, with clicks, and then what is older, without: pages to their end, short and empty ones too
SELECT * FROM pg_temp.asked('{"external_id": "7"}', jsonb_build_object(
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"data": [{"id": "5", "created_at": "2026-11-23T00:00:00Z"}], "meta": {"next_token": "t1"}}'::jsonb,
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z&pagination_token=t1'), '{"meta": {"result_count": 0, "next_token": "t2"}}'::jsonb,
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z&pagination_token=t2'), '{"data": [{"id": "4", "created_at": "2026-11-01T00:00:00Z"}], "meta": {}}'::jsonb,
  pg_temp.tweets_at('&end_time=2026-10-25T06%3A10%3A00Z', 'tweet.fields=created_at,public_metrics,referenced_tweets,note_tweet'), '{"data": [{"id": "3", "created_at": "2026-09-01T00:00:00Z"}], "meta": {"next_token": "t3"}}'::jsonb,
  pg_temp.tweets_at('&end_time=2026-10-25T06%3A10%3A00Z&pagination_token=t3', 'tweet.fields=created_at,public_metrics,referenced_tweets,note_tweet'), '{"meta": {"result_count": 0}}'::jsonb));

-- the end is marked, at the oldest post, and then nothing older is asked; cut off before, it goes on at the oldest known post
SELECT c ->> 'content_id', c #> '{extra,listing_end}' FROM jsonb_array_elements(pg_temp.twitter('{"data": [{"id": "5", "created_at": "2026-11-23T00:00:00Z"}], "meta": {}}',
  '{"of": "older", "body": {"data": [{"id": "3", "created_at": "2026-09-01T00:00:00Z"}, {"id": "2", "created_at": "2026-08-01T00:00:00Z"}], "meta": {}}}') -> 'content') AS c;
SELECT count(*) FROM pg_temp.asked('{"external_id": "7", "known": [{"content_id": "2", "extra": {"listing_end": 1}}]}', jsonb_build_object(
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"meta": {"result_count": 0}}'::jsonb));
SELECT * FROM pg_temp.asked('{"external_id": "7", "known": [{"content_id": "5", "published_at": "2026-09-01T12:00:00Z"}, {"content_id": "4", "published_at": "2026-10-01T12:00:00Z"}]}', jsonb_build_object(
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"meta": {"result_count": 0}}'::jsonb)) AS r WHERE r LIKE '%end_time%';

-- max_pages inside of the 30 days: a sum over some of their posts is no sum of them
SELECT p -> 'bounded', pg_temp.windows(p -> 'normalised') FROM pg_temp.plan('{"external_id": "7", "max_pages": 1, "known": [{"content_id": "2", "extra": {"listing_end": 1}}]}', jsonb_build_object(
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"data": [{"id": "5", "created_at": "2026-11-23T00:00:00Z", "public_metrics": {"like_count": 1, "retweet_count": 0, "reply_count": 0}}], "meta": {"next_token": "t1"}}'::jsonb)) AS p;

-- each day lists the windows whole: a known post that is listed no more was deleted, and no longer counts
SELECT pg_temp.windows(pg_temp.plan('{"external_id": "7", "known": [{"content_id": "6", "kind": "tweet", "published_at": "2026-11-24T01:00:00Z", "likes": 900, "shares": 9, "comments": 9, "extra": {"listing_end": 1}}]}', jsonb_build_object(
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"data": [{"id": "5", "created_at": "2026-11-23T00:00:00Z", "public_metrics": {"like_count": 1, "retweet_count": 0, "reply_count": 0}}], "meta": {}}'::jsonb)) -> 'normalised');

-- clicks that are not told today are not those of an earlier day
SELECT pg_temp.windows(pg_temp.plan('{"external_id": "7", "known": [{"content_id": "5", "kind": "tweet", "published_at": "2026-11-23T00:00:00Z", "extra": {"listing_end": 1, "link_clicks": 19}}]}', jsonb_build_object(
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"data": [{"id": "5", "created_at": "2026-11-23T00:00:00Z", "public_metrics": {"like_count": 1, "retweet_count": 0, "reply_count": 0}}], "meta": {}}'::jsonb)) -> 'normalised');

-- where the old words are refused, once with the new ones; where the clicks are, once without; nothing else is repeated
SELECT * FROM pg_temp.asked('{"external_id": "7"}', jsonb_build_object(
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"status": 400, "body": {"title": "Invalid Request", "type": "https://api.x.com/2/problems/invalid-request",
    "errors": [{"parameters": {"tweet.fields": ["created_at"]}, "message": "The query parameter [tweet.fields] is not one of [post.fields]"}]}}'::jsonb)) AS r WHERE r LIKE 'tweets%';
SELECT * FROM pg_temp.asked('{"external_id": "7"}', jsonb_build_object(
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"errors": [{"title": "Field Authorization Error", "section": "data", "field": "non_public_metrics.impression_count", "type": "https://api.twitter.com/2/problems/not-authorized-for-field"}]}'::jsonb)) AS r WHERE r LIKE 'tweets%';
SELECT count(*), (pg_temp.plan('{"external_id": "7"}', jsonb_build_object(pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"status": 401, "body": {"title": "Unauthorized"}}'::jsonb)) -> 'missing')
FROM pg_temp.asked('{"external_id": "7"}', jsonb_build_object(pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"status": 401, "body": {"title": "Unauthorized"}}'::jsonb));

-- each post and the profile are paid for, a failure is not
SELECT pg_temp.plan('{"external_id": "7", "known": [{"content_id": "2", "extra": {"listing_end": 1}}]}', jsonb_build_object(
  'https://api.x.com/2/users/me?user.fields=public_metrics,protected,username,verified', '{"data": {"id": "7"}}'::jsonb,
  pg_temp.tweets_at('&start_time=2026-10-25T06%3A10%3A00Z'), '{"data": [{"id": "5"}, {"id": "4"}, {"id": "3"}], "meta": {}}'::jsonb)) -> 'quota_cost', pg_temp.plan('{"external_id": "7"}') -> 'quota_cost';

-- what an error means
SELECT what, v ->> 'error_class', v ->> 'scope', v ->> 'wait_until', v ->> 'message'
FROM (VALUES
  ('data and errors', 200, '{"data": [], "errors": [{"title": "Not Found Error", "type": "https://api.twitter.com/2/problems/resource-not-found"}]}', '{}'),
  ('errors alone', 200, '{"errors": [{"title": "Not Found Error", "detail": "d", "type": "https://api.twitter.com/2/problems/resource-not-found"}]}', '{}'),
  ('not its owner', 200, '{"errors": [{"title": "Field Authorization Error", "detail": "d", "type": "https://api.twitter.com/2/problems/not-authorized-for-field"}]}', '{}'),
  ('empty page', 200, '{"meta": {"result_count": 0}}', '{}'),
  ('nothing', 200, '{}', '{}'),
  ('our request', 400, '{"errors": [{"parameters": {"max_results": ["3"]}, "message": "m"}], "title": "Invalid Request", "detail": "d", "type": "https://api.x.com/2/problems/invalid-request"}', '{}'),
  ('401', 401, '{"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}', '{}'),
  ('no credits', 402, '{"account_id": 1590000000000000777, "title": "CreditsDepleted", "detail": "d", "type": "https://api.x.com/2/problems/credits"}', '{}'),
  ('no credits, by the body', 0, '{"account_id": "1590000000000000777", "title": "CreditsDepleted", "detail": "d", "type": "https://api.twitter.com/2/problems/credits"}', '{}'),
  ('app not enrolled', 403, '{"client_id": "1", "detail": "d", "registration_url": "u", "title": "Client Forbidden", "required_enrollment": "e", "reason": "client-not-enrolled", "type": "https://api.twitter.com/2/problems/client-forbidden"}', '{}'),
  ('wrong kind of token', 403, '{"title": "Unsupported Authentication", "detail": "d", "type": "https://api.twitter.com/2/problems/unsupported-authentication", "status": 403}', '{}'),
  ('missing scope', 403, '{"title": "Forbidden", "detail": "Your token lacks the scope tweet.read", "status": 403, "type": "about:blank"}', '{}'),
  ('oauth1', 403, '{"title": "Forbidden", "detail": "d", "type": "https://api.twitter.com/2/problems/oauth1-permissions"}', '{}'),
  ('suspended', 403, '{"title": "Forbidden", "detail": "d", "type": "about:blank", "status": 403}', '{}'),
  ('gone', 404, '{"title": "Not Found", "detail": "d", "type": "about:blank", "status": 404}', '{}'),
  ('window', 429, '{"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429}', '{"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1772345400", "date": "Sun, 01 Mar 2026 06:00:00 GMT"}'),
  ('window, no date', 429, '{"title": "Too Many Requests"}', '{"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1772345400"}'),
  ('window, our clock an hour behind', 429, '{"title": "Too Many Requests"}', '{"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1772349000", "date": "Sun, 01 Mar 2026 07:00:00 GMT"}'),
  ('code 88', 429, '{"errors": [{"code": 88, "message": "Rate limit exceeded"}]}', '{"x-rate-limit-reset": "1772345400"}'),
  ('text', 429, 'Rate limit exceeded', '{}'),
  ('day of the user', 429, '{"title": "Too Many Requests"}', '{"x-rate-limit-remaining": "74", "x-rate-limit-reset": "1772345400", "x-user-limit-24hour-remaining": "0", "x-user-limit-24hour-reset": "1772402400"}'),
  ('day of the app', 429, '{"title": "Too Many Requests"}', '{"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1772345400", "x-app-limit-24hour-remaining": "0", "x-app-limit-24hour-reset": "1772402400"}'),
  ('retry-after', 429, '{"title": "Too Many Requests"}', '{"retry-after": "40"}'),
  ('cap', 429, '{"title": "UsageCapExceeded", "detail": "d", "period": "Monthly", "scope": "Product", "type": "https://api.twitter.com/2/problems/usage-capped"}', '{"x-rate-limit-remaining": "899", "x-rate-limit-reset": "1772345400"}'),
  ('overload', 503, '{"title": "Service Unavailable", "detail": "d", "type": "about:blank", "status": 503}', '{}'),
  ('page', 502, '<html>', '{}'),
  ('page under 200', 200, '<html>', '{}'),
  ('internal', 200, '{"errors": [{"title": "Internal Error", "type": "https://api.x.com/2/problems/internal-error"}]}', '{}'),
  ('token ended', 400, '{"error": "invalid_request", "error_description": "Value passed for the token was invalid."}', '{}'),
  ('token request', 400, '{"error": "invalid_request", "error_description": "Missing required parameter [code_verifier]."}', '{}'),
  ('client', 401, '{"error": "unauthorized_client", "error_description": "Missing valid authorization header"}', '{}'),
  ('tokens', 200, '{"token_type": "bearer", "expires_in": 7200, "access_token": "a", "scope": "users.read", "refresh_token": "r"}', '{}')) AS c (what, status, body, headers),
  dreamsuite.classify_answer('twitter', status, body, headers::jsonb) AS v;
