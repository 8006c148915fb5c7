-- Recorded answers of YouTube. psql -v fixtures=DIR -f youtube.sql; the expectations are worked out by hand.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.youtube(step text, VARIADIC bodies text[]) RETURNS jsonb
LANGUAGE SQL AS $$ SELECT dreamsuite.normalise('youtube', jsonb_build_object(step, (SELECT jsonb_agg(b::jsonb) FROM unnest(bodies) AS b)), '2013-11-01 00:00+00', '{}') $$;
CREATE FUNCTION pg_temp.verdict(status int, body text) RETURNS text
LANGUAGE SQL AS $$ SELECT concat_ws(' ', v ->> 'error_class', v ->> 'scope') FROM dreamsuite.classify_answer('youtube', status, body) AS v $$;

\set body `cat :'fixtures'/youtube/channels_list_statistics__sns-sdks.json`
SELECT 'channel', d #> '{metrics,subscriber_count}', d #> '{metrics,total_views}', d #> '{metrics,videos_count}', d #> '{metrics,comments_total}', d -> 'core'
FROM pg_temp.youtube('channel', :'body') AS d;
\set body `cat :'fixtures'/youtube/channels_list_snippet_only__sns-sdks.json`
SELECT 'channel, snippet alone', d #> '{metrics,subscriber_count}', d #> '{metrics,total_views}', d #> '{metrics,videos_count}' FROM pg_temp.youtube('channel', :'body') AS d;
\set details `cat :'fixtures'/youtube/part_channel_contentDetails__joostlek.json`
\set status `cat :'fixtures'/youtube/part_channel_status__joostlek.json`
SELECT 'uploads of the channel', regexp_replace(r, '^.*&', '') FROM jsonb_array_elements_text(dreamsuite.plan_requests('youtube', '{"external_id": "UC_x5XG1OV2P6uZZ5FSM9Ttw", "has_token": true, "scopes": ["x"]}',
  jsonb_build_object('https://www.googleapis.com/youtube/v3/channels?part=id,snippet,statistics,contentDetails&fields=kind,items(id,snippet(title,customUrl,publishedAt),statistics,contentDetails(relatedPlaylists))&id=UC_x5XG1OV2P6uZZ5FSM9Ttw',
    jsonb_build_object('items', jsonb_build_array(jsonb_build_object('id', 'UC_x5XG1OV2P6uZZ5FSM9Ttw', 'contentDetails', :'details'::jsonb, 'status', :'status'::jsonb))))) -> 'requests') AS r WHERE r LIKE 'uploads%';

\set body `cat :'fixtures'/youtube/playlistItems_list_page1__sns-sdks.json`
\set second `cat :'fixtures'/youtube/playlistItems_list_page2__sns-sdks.json`
SELECT 'uploads', count(*), min(c ->> 'content_id'), max(c ->> 'content_id'), count(c ->> 'published_at'), count(c ->> 'views') FROM jsonb_array_elements(pg_temp.youtube('uploads', :'body', :'second') -> 'content') AS c;
SELECT 'uploads, no time is told', d #> '{metrics,uploads_24h}', d #> '{metrics,likes_total}', d #> '{content,0,title}' FROM pg_temp.youtube('uploads', :'body') AS d;

\set body `cat :'fixtures'/youtube/videos_list_page1__joostlek.json`
SELECT 'videos', c ->> 'content_id', c ->> 'published_at', c ->> 'views', c ->> 'likes', c ->> 'comments', c #>> '{extra,duration_seconds}' FROM jsonb_array_elements(pg_temp.youtube('videos', :'body') -> 'content') AS c;
SELECT 'videos, totals', d #> '{metrics,likes_total}', d #> '{metrics,comments_total}', d #> '{core,engagement_total}', d #> '{metrics,top_videos}' FROM pg_temp.youtube('videos', :'body') AS d;
\set body `cat :'fixtures'/youtube/videos_list_with_dislikeCount__sns-sdks.json`
SELECT 'video with dislikes', c ->> 'kind', c ->> 'url', c ->> 'views', c ->> 'likes', c ->> 'comments', c #>> '{extra,duration_seconds}' FROM jsonb_array_elements(pg_temp.youtube('videos', :'body') -> 'content') AS c;
\set body `cat :'fixtures'/youtube/videos_list_snippet_page1__sns-sdks.json`
SELECT 'videos without statistics', jsonb_array_length(d -> 'content'), d #>> '{content,0,title}', d #> '{content,0,views}', d #> '{metrics,likes_total}' FROM pg_temp.youtube('videos', :'body') AS d;
\set statistics `cat :'fixtures'/youtube/part_video_statistics__joostlek.json`
\set details `cat :'fixtures'/youtube/part_video_contentDetails__joostlek.json`
\set status `cat :'fixtures'/youtube/part_video_status__joostlek.json`
SELECT 'video in parts', c ->> 'kind', c ->> 'views', c ->> 'likes', c ->> 'comments', c #>> '{extra,duration_seconds}' FROM jsonb_array_elements(pg_temp.youtube('videos', jsonb_build_object('items',
  jsonb_build_array(jsonb_build_object('id', 'x', 'statistics', :'statistics'::jsonb, 'contentDetails', :'details'::jsonb, 'status', :'status'::jsonb)))::text) -> 'content') AS c;

\set body `cat :'fixtures'/youtube/error_403_permission__sns-sdks.json`
SELECT 'error 403', pg_temp.verdict(403, :'body'), pg_temp.verdict(0, :'body'), pg_temp.youtube('channel', :'body') #> '{metrics,total_views}';
\set body `cat :'fixtures'/youtube/error_400_keyInvalid__sns-sdks.json`
SELECT 'error 400', pg_temp.verdict(400, :'body');
\set body `cat :'fixtures'/youtube/token_refresh__joostlek.json`
SELECT 'token', pg_temp.verdict(200, :'body');
\set body `cat :'fixtures'/youtube/token_response__sns-sdks.json`
SELECT 'stored token', pg_temp.verdict(200, :'body');
