-- Recorded answers of X. psql -v fixtures=DIR -f twitter.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset null null
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.twitter(step text, body jsonb, observed_at timestamptz) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('twitter', jsonb_build_object(step, jsonb_build_array(body)), observed_at) $$;
CREATE FUNCTION pg_temp.windows(n jsonb) RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', m -> 'tweets_24h', m -> 'likes_received', m -> 'retweets_received', m -> 'replies_received', m -> 'link_clicks',
  n #> '{core,engagement_total}', jsonb_array_length(nullif(m -> 'top_tweets', 'null')), jsonb_array_length(n -> 'content')) FROM (SELECT n -> 'metrics' AS m) AS x $$;
CREATE FUNCTION pg_temp.judged(answer jsonb, answered_at timestamptz) RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope', v ->> 'wait_until', v ->> 'message')
  FROM dreamsuite.classify_answer('twitter', (answer ->> 'status')::int, answer ->> 'body', answer -> 'headers', answered_at) AS v $$;

\set body `cat :'fixtures'/twitter/user_public_metrics_2021.json`
SELECT 'user', m -> 'follower_count', m -> 'following_count', m -> 'tweets_count', m -> 'likes_received'
FROM (SELECT pg_temp.twitter('me', :'body', '2021-12-01') -> 'metrics' AS m) AS x;
\set body `cat :'fixtures'/twitter/user_public_metrics_protected.json`
SELECT 'protected', m -> 'follower_count', m -> 'following_count', m -> 'tweets_count'
FROM (SELECT pg_temp.twitter('me', :'body', '2021-12-01') -> 'metrics' AS m) AS x;
\set body `cat :'fixtures'/twitter/users_me_expanded_pinned.json`
SELECT 'no metrics', pg_temp.twitter('me', :'body', '2021-12-01') -> 'core', dreamsuite.classify_answer('twitter', 200, :'body') ->> 'error_class';

-- tweets_24h, likes, retweets, replies, clicks, engagement, top tweets, items
\set body `cat :'fixtures'/twitter/user_timeline_replies_quotes.json`
SELECT 'timeline', pg_temp.windows(pg_temp.twitter('tweets', :'body', '2020-12-18 06:00+00'));
SELECT 'later', pg_temp.windows(pg_temp.twitter('tweets', :'body', '2021-01-13 06:00+00'));
SELECT 'kinds', c ->> 'kind', count(*), sum((c #>> '{extra,quotes}')::int) FROM jsonb_array_elements(pg_temp.twitter('tweets', :'body', '2020-12-18 06:00+00') -> 'content') AS c GROUP BY 2;
SELECT 'top', t ->> 'tweet_id', t -> 'likes', t -> 'replies', t -> 'impressions' FROM jsonb_array_elements(pg_temp.twitter('tweets', :'body', '2020-12-18 06:00+00') #> '{metrics,top_tweets}') AS t;

\set body `cat :'fixtures'/twitter/tweets_with_retweets_array.json`
SELECT 'without retweets', pg_temp.windows(pg_temp.twitter('tweets', jsonb_build_object('data', :'body'::jsonb), '2021-06-03 06:00+00'));
SELECT 'own', c ->> 'content_id', c ->> 'kind', c -> 'views' FROM jsonb_array_elements(pg_temp.twitter('tweets', jsonb_build_object('data', :'body'::jsonb), '2021-06-03 06:00+00') -> 'content') AS c;

\set body `cat :'fixtures'/twitter/tweet_single_replied_to.json`
SELECT 'one post', pg_temp.windows(pg_temp.twitter('tweets', jsonb_build_object('data', jsonb_build_array(:'body'::jsonb)), '2020-01-01 06:00+00'));

\set answer `cat :'fixtures'/twitter/users_id_tweets_2022.http.json`
SELECT 'no times', pg_temp.windows(pg_temp.twitter('tweets', :'answer'::jsonb -> 'body', '2022-10-07 23:07:41+00')), pg_temp.judged(:'answer', '2022-10-07 23:07:41+00');

\set answer `cat :'fixtures'/twitter/tweet_deleted_200_errors_only.http.json`
SELECT 'deleted', pg_temp.judged(:'answer', '2020-06-26 14:19:40+00');
\set answer `cat :'fixtures'/twitter/user_not_found_200_errors_only.http.json`
SELECT 'unknown user', pg_temp.judged(:'answer', '2020-06-26 16:22:36+00');
SELECT 'as an entry', pg_temp.windows(pg_temp.twitter('tweets', :'answer'::jsonb -> 'body', '2020-06-27'));
\set answer `cat :'fixtures'/twitter/rate_limit_429_text_plain.http.json`
SELECT 'limited', pg_temp.judged(:'answer', '2020-06-26 15:19:39+00');
SELECT 'our clock an hour ahead', pg_temp.judged(:'answer', '2020-06-26 16:19:39+00');
\set answer `cat :'fixtures'/twitter/unauthorized_401_problem.http.json`
SELECT 'unauthorised', pg_temp.judged(:'answer', '2020-06-18 15:25:01+00');
\set body `cat :'fixtures'/twitter/users_me_401.json`
SELECT 'by the body alone', dreamsuite.classify_answer('twitter', 0, :'body') ->> 'error_class';
\set body `cat :'fixtures'/twitter/oauth_token_success_redacted.json`
SELECT 'token', dreamsuite.classify_answer('twitter', 200, :'body') ->> 'error_class';
