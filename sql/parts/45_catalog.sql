
-- The compiled registry, and a typed view of daily_metrics per platform

CREATE FUNCTION metric_catalog()
RETURNS TABLE (platform text, metric text, json_type text, nullable boolean, kind text, unit text, source text,
    description text)
AS 'MODULE_PATHNAME', 'dreamsuite_metric_catalog' LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 150;
COMMENT ON FUNCTION metric_catalog() IS 'Every key of metrics by platform. kind: counter, gauge, rolling (a total over the last days), rounded (by the platform), rate, change, list.';

CREATE FUNCTION platform_catalog()
RETURNS TABLE (place integer, name text, label text, status text, has_api boolean, scopes text[])
AS 'MODULE_PATHNAME', 'dreamsuite_platform_catalog' LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 11;
COMMENT ON FUNCTION platform_catalog() IS 'The compiled platforms; see the view platforms.';

CREATE VIEW platforms AS
SELECT c.name, c.label, c.status, c.has_api, c.scopes, COALESCE(s.enabled, true) AS enabled
  FROM platform_catalog() AS c
  LEFT JOIN platform_settings AS s ON s.platform = c.name
 ORDER BY c.place;
COMMENT ON VIEW platforms IS 'The platforms: status is information, enabled is what the operator chose (platform_settings).';

-- A column per key of metrics. Keys that a row lacks are null, as unknown ones are.

CREATE VIEW instagram_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'follower_change_24h')::numeric::bigint AS follower_change_24h,
       (d.metrics ->> 'follower_change_7d')::numeric::bigint AS follower_change_7d,
       (d.metrics ->> 'follower_change_30d')::numeric::bigint AS follower_change_30d,
       (d.metrics ->> 'likes_total')::numeric::bigint AS likes_total,
       (d.metrics ->> 'comments_total')::numeric::bigint AS comments_total,
       (d.metrics ->> 'engagement_rate')::double precision AS engagement_rate,
       (d.metrics ->> 'posts_count')::numeric::bigint AS posts_count,
       (d.metrics ->> 'stories_count')::numeric::bigint AS stories_count,
       (d.metrics ->> 'reels_count')::numeric::bigint AS reels_count,
       d.metrics ->> 'top_post_id' AS top_post_id,
       (d.metrics ->> 'top_post_likes')::numeric::bigint AS top_post_likes,
       (d.metrics ->> 'top_post_comments')::numeric::bigint AS top_post_comments,
       (d.metrics ->> 'profile_views')::numeric::bigint AS profile_views,
       (d.metrics ->> 'reach')::numeric::bigint AS reach,
       (d.metrics ->> 'impressions')::numeric::bigint AS impressions,
       (d.metrics ->> 'website_clicks')::numeric::bigint AS website_clicks
  FROM daily_metrics AS d
 WHERE d.platform = 'instagram';
COMMENT ON VIEW instagram_daily IS 'What Instagram said, a row per user and day; null is unknown.';

CREATE VIEW facebook_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'page_followers')::numeric::bigint AS page_followers,
       (d.metrics ->> 'page_likes')::numeric::bigint AS page_likes,
       (d.metrics ->> 'post_engagement')::numeric::bigint AS post_engagement,
       (d.metrics ->> 'reactions_total')::numeric::bigint AS reactions_total,
       (d.metrics ->> 'comments_total')::numeric::bigint AS comments_total,
       (d.metrics ->> 'shares_total')::numeric::bigint AS shares_total,
       (d.metrics ->> 'posts_count')::numeric::bigint AS posts_count,
       (d.metrics ->> 'videos_count')::numeric::bigint AS videos_count,
       (d.metrics ->> 'page_views')::numeric::bigint AS page_views,
       (d.metrics ->> 'page_reach')::numeric::bigint AS page_reach,
       (d.metrics ->> 'page_impressions')::numeric::bigint AS page_impressions
  FROM daily_metrics AS d
 WHERE d.platform = 'facebook';
COMMENT ON VIEW facebook_daily IS 'What Facebook said, a row per user and day; null is unknown.';

CREATE VIEW spotify_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'monthly_listeners')::numeric::bigint AS monthly_listeners,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'total_streams')::numeric::bigint AS total_streams,
       (d.metrics ->> 'streams_change_24h')::numeric::bigint AS streams_change_24h,
       (d.metrics ->> 'streams_change_7d')::numeric::bigint AS streams_change_7d,
       (d.metrics ->> 'streams_change_30d')::numeric::bigint AS streams_change_30d,
       NULLIF(d.metrics -> 'top_tracks', 'null') AS top_tracks,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements,
       (d.metrics ->> 'editorial_playlists')::numeric::bigint AS editorial_playlists,
       CASE pg_catalog.jsonb_typeof(d.metrics -> 'top_cities') WHEN 'array' THEN
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.metrics -> 'top_cities')) END AS top_cities,
       CASE pg_catalog.jsonb_typeof(d.metrics -> 'top_countries') WHEN 'array' THEN
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.metrics -> 'top_countries')) END AS top_countries,
       (d.metrics ->> 'saved_tracks_count')::numeric::bigint AS saved_tracks_count,
       (d.metrics ->> 'playlists_count')::numeric::bigint AS playlists_count,
       (d.metrics ->> 'following_count')::numeric::bigint AS following_count
  FROM daily_metrics AS d
 WHERE d.platform = 'spotify';
COMMENT ON VIEW spotify_daily IS 'What Spotify said, a row per user and day; null is unknown.';

CREATE VIEW youtube_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'subscriber_count')::numeric::bigint AS subscriber_count,
       (d.metrics ->> 'subscriber_change_24h')::numeric::bigint AS subscriber_change_24h,
       (d.metrics ->> 'subscriber_change_7d')::numeric::bigint AS subscriber_change_7d,
       (d.metrics ->> 'subscriber_change_30d')::numeric::bigint AS subscriber_change_30d,
       (d.metrics ->> 'total_views')::numeric::bigint AS total_views,
       (d.metrics ->> 'views_change_24h')::numeric::bigint AS views_change_24h,
       (d.metrics ->> 'views_change_7d')::numeric::bigint AS views_change_7d,
       (d.metrics ->> 'views_change_30d')::numeric::bigint AS views_change_30d,
       (d.metrics ->> 'likes_total')::numeric::bigint AS likes_total,
       (d.metrics ->> 'comments_total')::numeric::bigint AS comments_total,
       (d.metrics ->> 'shares_total')::numeric::bigint AS shares_total,
       (d.metrics ->> 'videos_count')::numeric::bigint AS videos_count,
       (d.metrics ->> 'uploads_24h')::numeric::bigint AS uploads_24h,
       NULLIF(d.metrics -> 'top_videos', 'null') AS top_videos,
       (d.metrics ->> 'watch_time_minutes')::numeric::bigint AS watch_time_minutes,
       (d.metrics ->> 'average_view_duration')::double precision AS average_view_duration,
       (d.metrics ->> 'click_through_rate')::double precision AS click_through_rate
  FROM daily_metrics AS d
 WHERE d.platform = 'youtube';
COMMENT ON VIEW youtube_daily IS 'What YouTube said, a row per user and day; null is unknown.';

CREATE VIEW tiktok_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'follower_change_24h')::numeric::bigint AS follower_change_24h,
       (d.metrics ->> 'following_count')::numeric::bigint AS following_count,
       (d.metrics ->> 'total_views')::numeric::bigint AS total_views,
       (d.metrics ->> 'total_likes')::numeric::bigint AS total_likes,
       (d.metrics ->> 'total_comments')::numeric::bigint AS total_comments,
       (d.metrics ->> 'total_shares')::numeric::bigint AS total_shares,
       (d.metrics ->> 'video_count')::numeric::bigint AS video_count,
       (d.metrics ->> 'videos_posted_24h')::numeric::bigint AS videos_posted_24h,
       NULLIF(d.metrics -> 'top_videos', 'null') AS top_videos,
       (d.metrics ->> 'engagement_rate')::double precision AS engagement_rate,
       (d.metrics ->> 'average_views_per_video')::double precision AS average_views_per_video
  FROM daily_metrics AS d
 WHERE d.platform = 'tiktok';
COMMENT ON VIEW tiktok_daily IS 'What TikTok said, a row per user and day; null is unknown.';

CREATE VIEW soundcloud_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'follower_change_24h')::numeric::bigint AS follower_change_24h,
       (d.metrics ->> 'total_plays')::numeric::bigint AS total_plays,
       (d.metrics ->> 'plays_change_24h')::numeric::bigint AS plays_change_24h,
       (d.metrics ->> 'plays_change_7d')::numeric::bigint AS plays_change_7d,
       (d.metrics ->> 'plays_change_30d')::numeric::bigint AS plays_change_30d,
       (d.metrics ->> 'likes_total')::numeric::bigint AS likes_total,
       (d.metrics ->> 'reposts_total')::numeric::bigint AS reposts_total,
       (d.metrics ->> 'comments_total')::numeric::bigint AS comments_total,
       (d.metrics ->> 'tracks_count')::numeric::bigint AS tracks_count,
       (d.metrics ->> 'tracks_uploaded_24h')::numeric::bigint AS tracks_uploaded_24h,
       NULLIF(d.metrics -> 'top_tracks', 'null') AS top_tracks
  FROM daily_metrics AS d
 WHERE d.platform = 'soundcloud';
COMMENT ON VIEW soundcloud_daily IS 'What SoundCloud said, a row per user and day; null is unknown.';

CREATE VIEW twitter_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'follower_change_24h')::numeric::bigint AS follower_change_24h,
       (d.metrics ->> 'following_count')::numeric::bigint AS following_count,
       (d.metrics ->> 'tweets_count')::numeric::bigint AS tweets_count,
       (d.metrics ->> 'tweets_24h')::numeric::bigint AS tweets_24h,
       (d.metrics ->> 'likes_received')::numeric::bigint AS likes_received,
       (d.metrics ->> 'retweets_received')::numeric::bigint AS retweets_received,
       (d.metrics ->> 'replies_received')::numeric::bigint AS replies_received,
       NULLIF(d.metrics -> 'top_tweets', 'null') AS top_tweets,
       (d.metrics ->> 'profile_views')::numeric::bigint AS profile_views,
       (d.metrics ->> 'link_clicks')::numeric::bigint AS link_clicks
  FROM daily_metrics AS d
 WHERE d.platform = 'twitter';
COMMENT ON VIEW twitter_daily IS 'What X said, a row per user and day; null is unknown.';

CREATE VIEW apple_music_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements,
       CASE pg_catalog.jsonb_typeof(d.metrics -> 'editorial_placements') WHEN 'array' THEN
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.metrics -> 'editorial_placements')) END AS editorial_placements,
       NULLIF(d.metrics -> 'chart_positions', 'null') AS chart_positions,
       (d.metrics ->> 'library_songs_count')::numeric::bigint AS library_songs_count,
       (d.metrics ->> 'playlists_count')::numeric::bigint AS playlists_count
  FROM daily_metrics AS d
 WHERE d.platform = 'apple_music';
COMMENT ON VIEW apple_music_daily IS 'What Apple Music said, a row per user and day; null is unknown.';

CREATE VIEW deezer_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'fans_count')::numeric::bigint AS fans_count,
       (d.metrics ->> 'album_count')::numeric::bigint AS album_count,
       (d.metrics ->> 'track_count')::numeric::bigint AS track_count,
       (d.metrics ->> 'favorite_tracks')::numeric::bigint AS favorite_tracks,
       (d.metrics ->> 'playlists_count')::numeric::bigint AS playlists_count,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements
  FROM daily_metrics AS d
 WHERE d.platform = 'deezer';
COMMENT ON VIEW deezer_daily IS 'What Deezer said, a row per user and day; null is unknown.';

CREATE VIEW amazon_music_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements,
       CASE pg_catalog.jsonb_typeof(d.metrics -> 'editorial_features') WHEN 'array' THEN
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.metrics -> 'editorial_features')) END AS editorial_features
  FROM daily_metrics AS d
 WHERE d.platform = 'amazon_music';
COMMENT ON VIEW amazon_music_daily IS 'What Amazon Music said, a row per user and day; null is unknown.';

CREATE VIEW tidal_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements
  FROM daily_metrics AS d
 WHERE d.platform = 'tidal';
COMMENT ON VIEW tidal_daily IS 'What Tidal said, a row per user and day; null is unknown.';

-- The views show what the caller may see of daily_metrics. PostgreSQL 14 lacks the option: there they are for the owner
-- of the extension alone, and others read daily_metrics itself.
DO $$
DECLARE
    view_name text;
BEGIN
    IF pg_catalog.current_setting('server_version_num')::integer < 150000 THEN
        RETURN;
    END IF;
    FOR view_name IN
        SELECT c.name || '_daily' FROM dreamsuite.platform_catalog() AS c
    LOOP
        EXECUTE pg_catalog.format('ALTER VIEW dreamsuite.%I SET (security_invoker = true)', view_name);
    END LOOP;
END
$$;
