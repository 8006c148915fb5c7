-- Recorded answers of Facebook. psql -v fixtures=DIR -f facebook.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.facebook(step text, body text, settings jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('facebook', jsonb_build_object(step, jsonb_build_array(body::jsonb)), '2026-03-05 00:00+00', settings) $$;
CREATE FUNCTION pg_temp.verdict(status int, body text, headers jsonb DEFAULT '{}') RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope', v ->> 'wait_until') FROM dreamsuite.classify_answer('facebook', status, body, headers, '2026-03-05 00:00+00') AS v $$;

\set body `cat :'fixtures'/facebook/page_fan_and_followers_v23.json`
SELECT 'page', d #> '{metrics,page_followers}', d #> '{metrics,page_likes}', d -> 'core' FROM pg_temp.facebook('page', :'body') AS d;
SELECT 'page of another', pg_temp.facebook('page', :'body', '{"external_id": "1"}') #> '{metrics,page_likes}';
\set body `cat :'fixtures'/facebook/page_with_instagram_v2_11.json`
SELECT 'page without counts', pg_temp.facebook('page', :'body') #> '{metrics,page_likes}';
\set body `cat :'fixtures'/facebook/me_accounts_v23.json`
SELECT 'list of pages', pg_temp.facebook('page', :'body', '{"external_id": "473032723088889"}') #> '{metrics,page_likes}';
\set body `cat :'fixtures'/facebook/me_accounts_paged_v11.json`
SELECT 'old list of pages', pg_temp.facebook('page', :'body') #> '{metrics,page_followers}';

\set body `cat :'fixtures'/facebook/page_insights_multi_period_v23.json`
SELECT 'insights, all periods', m -> 'post_engagement', m -> 'page_followers', m -> 'page_reach' FROM (SELECT pg_temp.facebook('insights', :'body') -> 'metrics' AS m) AS x;
\set body `cat :'fixtures'/facebook/page_insights_reach_week_v23_since_removed.json`
SELECT 'insights since removed', m -> 'page_reach', m -> 'page_impressions' FROM (SELECT pg_temp.facebook('insights', :'body') -> 'metrics' AS m) AS x;

\set body `cat :'fixtures'/facebook/posts_comments_summary_page1_v23.json`
SELECT 'comments', jsonb_array_length(d -> 'content'), m -> 'comments_total', m -> 'reactions_total', m -> 'shares_total', m -> 'posts_count'
FROM pg_temp.facebook('posts', :'body') AS d, LATERAL (SELECT d -> 'metrics' AS m) AS x;
\set body `cat :'fixtures'/facebook/posts_reactions_love_summary_page1_v23.json`
SELECT 'reactions', d #> '{metrics,reactions_total}', d #> '{metrics,comments_total}', d #> '{core,engagement_total}' FROM pg_temp.facebook('posts', :'body') AS d;
\set body `cat :'fixtures'/facebook/posts_shares_permalink_page1_v23_trimmed.json`
SELECT 'shares', d #> '{metrics,shares_total}', d #> '{metrics,posts_count}' FROM pg_temp.facebook('posts', :'body') AS d;
SELECT 'kinds by address', c ->> 'kind', count(*) FROM jsonb_array_elements(pg_temp.facebook('posts', :'body') -> 'content') AS c GROUP BY 2 ORDER BY 2;
\set body `cat :'fixtures'/facebook/feed_fields_comments_insights_v23.json`
SELECT 'feed', c ->> 'content_id', c ->> 'kind', c ->> 'published_at', c ->> 'comments', c ->> 'shares', c -> 'views' FROM jsonb_array_elements(pg_temp.facebook('posts', :'body') -> 'content') AS c;
\set body `cat :'fixtures'/facebook/feed_post_media_view_by_is_from_ads_v23.json`
SELECT 'a breakdown under another name', c ->> 'content_id', c -> 'views' FROM jsonb_array_elements(pg_temp.facebook('posts', :'body') -> 'content') AS c;
-- We never ask for a breakdown; its points are no total of people, so none is made of them.
SELECT 'the breakdown under its own', c -> 'views' FROM jsonb_array_elements(pg_temp.facebook('posts', replace(:'body', 'post_media_view_from_ads_new', 'insights')) -> 'content') AS c;
\set body `cat :'fixtures'/facebook/post_insights_media_view_v23.json`
SELECT 'views of a post', pg_temp.facebook('posts', jsonb_build_object('data', jsonb_build_array(jsonb_build_object('id', '177057932317550_1494547909342025', 'insights', :'body'::jsonb)))::text) #> '{content,0,views}';
\set body `cat :'fixtures'/facebook/feed_empty_v23.json`
SELECT 'no posts', m -> 'reactions_total', m -> 'comments_total', m -> 'shares_total', m -> 'posts_count' FROM (SELECT pg_temp.facebook('posts', :'body') -> 'metrics' AS m) AS x;

\set body `cat :'fixtures'/facebook/videos_v23.json`
SELECT 'videos', pg_temp.facebook('videos', :'body') #> '{metrics,videos_count}';
\set body `cat :'fixtures'/facebook/video_insights_v16.json`
SELECT 'insights of a video', pg_temp.facebook('posts', :'body') #> '{metrics,shares_total}';

\set body `cat :'fixtures'/facebook/error_invalid_insights_metric_v23.json`
SELECT 'refused metric', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/facebook/error_no_metric_specified_v23.json`
SELECT 'no metric', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/facebook/error_user_token_on_page_feed_v23.json`
SELECT 'token of a person', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/facebook/error_insights_needs_page_token_v23.json`
SELECT 'token of a person, insights', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/facebook/error_missing_permission_200_v23.json`
SELECT 'right missing', pg_temp.verdict(403, :'body');
\set body `cat :'fixtures'/facebook/error_190_460.json`
SELECT 'password changed', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/facebook/error_190_463.json`
SELECT 'expired', pg_temp.verdict(400, :'body'), pg_temp.facebook('page', :'body') #> '{metrics,page_likes}';
\set body `cat :'fixtures'/facebook/error_2_transient.json`
SELECT 'transient', pg_temp.verdict(500, :'body');
\set body `cat :'fixtures'/facebook/batch_first_error_v2_3.json`
SELECT 'batch', pg_temp.verdict(200, :'body'), pg_temp.verdict((:'body'::jsonb #>> '{0,code}')::int, :'body'::jsonb #>> '{0,body}');
\set header `cat :'fixtures'/facebook/header_business_use_case_usage.json`
SELECT 'usage', pg_temp.verdict(400, '{"error": {"code": 80001, "message": "x"}}', jsonb_build_object('x-business-use-case-usage', :'header'));
\set body `cat :'fixtures'/facebook/long_lived_token.json`
SELECT 'token', pg_temp.verdict(200, :'body');
\set body `cat :'fixtures'/facebook/debug_token_never_expires.json`
SELECT 'debugged token', pg_temp.verdict(200, :'body');
