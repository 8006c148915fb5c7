-- Recorded answers of Instagram. psql -v fixtures=DIR -f instagram.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.instagram(step text, VARIADIC bodies text[]) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('instagram', jsonb_build_object(step, (SELECT jsonb_agg(b::jsonb) FROM unnest(bodies) AS b)), '2026-05-20 00:00+00', '{}') $$;
-- The insights of one reel.
CREATE FUNCTION pg_temp.reel(body text) RETURNS jsonb LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('instagram', jsonb_build_object('media', '[{"data": [{"id": "1", "media_product_type": "REELS"}]}]'::jsonb,
  'media_insights', jsonb_build_array(jsonb_build_object('of', '1', 'body', body::jsonb))), '2026-05-20 00:00+00', '{}') #> '{content,0}' $$;
CREATE FUNCTION pg_temp.verdict(status int, body text, headers jsonb DEFAULT '{}') RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope') FROM dreamsuite.classify_answer('instagram', status, body, headers) AS v $$;

\set body `cat :'fixtures'/instagram/user_fields_v25.json`
SELECT 'profile', d #> '{metrics,follower_count}', d #> '{metrics,posts_count}', d -> 'core' FROM pg_temp.instagram('profile', :'body') AS d;

\set body `cat :'fixtures'/instagram/media_page1_v25_trimmed.json`
SELECT 'media', m -> 'likes_total', m -> 'comments_total', m -> 'reels_count', m -> 'top_post_id', m -> 'top_post_likes', m -> 'top_post_comments' FROM (SELECT pg_temp.instagram('media', :'body') -> 'metrics' AS m) AS x;
SELECT 'media', c ->> 'kind', count(*) FROM jsonb_array_elements(pg_temp.instagram('media', :'body') -> 'content') AS c GROUP BY 2 ORDER BY 2;
SELECT 'first post', c ->> 'content_id', c ->> 'published_at', c ->> 'url', left(c ->> 'title', 9) FROM (SELECT pg_temp.instagram('media', :'body') #> '{content,0}' AS c) AS x;
\set profile `cat :'fixtures'/instagram/user_fields_v25.json`
SELECT 'rate', round(n, 6) FROM (SELECT (dreamsuite.normalise('instagram', jsonb_build_object('profile', jsonb_build_array(:'profile'::jsonb), 'media', jsonb_build_array(:'body'::jsonb)), '2026-05-20 00:00+00') #>> '{metrics,engagement_rate}')::numeric AS n) AS x;
\set body `cat :'fixtures'/instagram/media_last_page_v6.json`
SELECT 'last page', c ->> 'content_id', c ->> 'kind', c ->> 'likes', c ->> 'comments' FROM jsonb_array_elements(pg_temp.instagram('media', :'body') -> 'content') AS c;

\set body `cat :'fixtures'/instagram/stories_empty_v25.json`
SELECT 'no stories', pg_temp.instagram('stories', :'body') #> '{metrics,stories_count}';
\set body `cat :'fixtures'/instagram/stories_v11.json`
SELECT 'stories', pg_temp.instagram('stories', :'body') #> '{metrics,stories_count}';
SELECT 'stories', c ->> 'content_id', c ->> 'kind', c ->> 'published_at' FROM jsonb_array_elements(pg_temp.instagram('stories', :'body') -> 'content') AS c;

\set body `cat :'fixtures'/instagram/user_insights_total_value_v23.json`
SELECT 'insights', m -> 'reach', m -> 'impressions', m -> 'profile_views', m -> 'website_clicks' FROM (SELECT pg_temp.instagram('insights', :'body') -> 'metrics' AS m) AS x;
SELECT 'insights of the window before', dreamsuite.plan_requests('instagram', '{"external_id": "1", "has_token": true, "settings": {"login": "instagram"}, "observed_at": "2026-05-20T00:00:00Z"}',
  jsonb_build_object('https://graph.instagram.com/v25.0/1/insights?period=day&metric_type=total_value&since=1776470400&until=1779062400&metric=reach%2Cviews', :'body'::jsonb)) -> 'earlier';
\set body `cat :'fixtures'/instagram/user_insights_reach_time_series_v23.json`
SELECT 'insights by day', pg_temp.instagram('insights', :'body') #> '{metrics,reach}';
\set body `cat :'fixtures'/instagram/user_insights_reach_breakdown_v18.json`
SELECT 'insights by follower', pg_temp.instagram('insights', :'body') #> '{metrics,reach}';
\set body `cat :'fixtures'/instagram/synthetic_user_insights_follower_count_day.json`
SELECT 'new followers are not followers', pg_temp.instagram('insights', :'body') #> '{metrics,follower_count}';

\set body `cat :'fixtures'/instagram/media_insights_reel.json`
SELECT 'reel', c -> 'reach', c -> 'views', c -> 'saves', c -> 'shares', c -> 'likes', c -> 'comments', c -> 'watch_time_minutes' FROM (SELECT pg_temp.reel(:'body') AS c) AS x;
\set body `cat :'fixtures'/instagram/media_insights_lifetime_old.json`
SELECT 'old insights', c -> 'reach', c -> 'views', c -> 'saves', c -> 'shares' FROM (SELECT pg_temp.reel(:'body') AS c) AS x;
\set body `cat :'fixtures'/instagram/story_navigation_insight_node_v16.json`
SELECT 'navigation is no view', pg_temp.reel(jsonb_build_object('data', jsonb_build_array(:'body'::jsonb))::text) -> 'views';
\set body `cat :'fixtures'/instagram/webhook_story_insights.json`
SELECT 'a webhook is no answer', pg_temp.reel(:'body') -> 'reach';

\set body `cat :'fixtures'/instagram/error_user_metric_not_in_list_v25.json`
SELECT 'refused metric', pg_temp.verdict(400, :'body'), pg_temp.instagram('insights', :'body') #> '{metrics,reach}';
-- metric[1] of profile_views and website_clicks is named, though the list has it; of the first pair it is views
SELECT 'asked again', regexp_replace(r, '^.*metric=(.*)&period.*$', '\1') FROM jsonb_array_elements_text(dreamsuite.plan_requests('instagram', '{"external_id": "1", "has_token": true, "observed_at": "2026-05-20T00:00:00Z"}',
  jsonb_build_object('https://graph.facebook.com/v25.0/1/insights?metric=reach%2Cviews&period=day&metric_type=total_value&since=1776643200&until=1779235200', jsonb_build_object('status', 400, 'body', :'body'::jsonb))) -> 'requests') AS r WHERE r LIKE 'insights%';
\set body `cat :'fixtures'/instagram/error_media_metric_not_in_list_v25.json`
SELECT 'refused metric of a post', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/instagram/error_needs_total_value_v25.json`
SELECT 'no total asked', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/instagram/error_iglogin_2500.json`
SELECT 'unknown path', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/instagram/synthetic_error_100_2108006.json`
SELECT 'older than the account', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/instagram/iglogin_oauth_code_error.json`
SELECT 'code refused', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/instagram/iglogin_short_token.json`
SELECT 'token', pg_temp.verdict(200, :'body');
