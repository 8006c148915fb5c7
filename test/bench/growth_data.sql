-- growth_data.sql: accounts x days of daily_metrics as the collector stores them, in the order of days.
-- psql -v users=10000 -v days=90
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, engagement_total, content_count, metrics)
SELECT pg_catalog.md5('user ' || u)::uuid,
       p.platform,
       DATE '2026-01-01' + d,
       v.followers,
       v.likes + v.comments,
       v.posts,
       CASE p.platform
       WHEN 'instagram' THEN pg_catalog.jsonb_build_object(
           'follower_count', v.followers, 'follower_change_24h', NULL, 'follower_change_7d', NULL,
           'follower_change_30d', NULL, 'likes_total', v.likes, 'comments_total', v.comments,
           'engagement_rate', pg_catalog.round((v.likes + v.comments)::numeric / v.followers, 6),
           'posts_count', v.posts, 'stories_count', v.posts % 7, 'reels_count', v.posts / 3,
           'top_post_id', 'p' || v.posts, 'top_post_likes', v.likes / 9, 'top_post_comments', v.comments / 9,
           'profile_views', v.views / 40, 'reach', v.views / 2, 'impressions', v.views, 'website_clicks', v.posts / 5)
       WHEN 'youtube' THEN pg_catalog.jsonb_build_object(
           'subscriber_count', v.followers, 'subscriber_change_24h', NULL, 'subscriber_change_7d', NULL,
           'subscriber_change_30d', NULL, 'total_views', v.views, 'views_change_24h', NULL, 'views_change_7d', NULL,
           'views_change_30d', NULL, 'likes_total', v.likes, 'comments_total', v.comments, 'shares_total', v.comments / 3,
           'videos_count', v.posts, 'uploads_24h', 0, 'top_videos', NULL, 'watch_time_minutes', v.views * 3,
           'average_view_duration', 180.5, 'click_through_rate', NULL)
       ELSE pg_catalog.jsonb_build_object(
           'follower_count', v.followers, 'follower_change_24h', NULL, 'total_plays', v.views, 'plays_change_24h', NULL,
           'plays_change_7d', NULL, 'plays_change_30d', NULL, 'likes_total', v.likes, 'reposts_total', v.likes / 5,
           'comments_total', v.comments, 'tracks_count', v.posts, 'tracks_uploaded_24h', 0, 'top_tracks', NULL)
       END
  FROM pg_catalog.generate_series(0, :days - 1) AS d
 CROSS JOIN pg_catalog.generate_series(1, :users) AS u
 CROSS JOIN (VALUES (0, 'instagram'), (1, 'youtube'), (2, 'soundcloud')) AS p (n, platform)
 CROSS JOIN LATERAL (
     SELECT 1000 + u * 7 + d * (u % 23) + p.n * 100 AS followers,
            (50000 + u * 11 + d * (u % 101))::bigint AS likes,
            (4000 + u * 3 + d * (u % 13))::bigint AS comments,
            100 + d / 3 AS posts,
            (1000000 + u * 101 + d * (u % 997))::bigint AS views) AS v
 WHERE (u * 31 + d * 17 + p.n) % 29 <> 0; -- some days are missing
