-- record_metrics: numbers by hand are checked by name and type, merged into the day, and never lost.
\set user '''00000000-0000-4000-8000-000000000001'''
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET dreamsuite.test_now = '2026-03-10 12:00:00+00';

-- each refused, each with its own reason
SELECT dreamsuite.record_metrics(NULL, 'spotify', '2026-03-01', '{"monthly_listeners": 1}');
SELECT dreamsuite.record_metrics(:user, NULL, '2026-03-01', '{"monthly_listeners": 1}');
SELECT dreamsuite.record_metrics(:user, 'spotify', NULL, '{"monthly_listeners": 1}');
SELECT dreamsuite.record_metrics(:user, 'spotify', '2026-03-01', NULL);
SELECT dreamsuite.record_metrics(:user, 'myspace', '2026-03-01', '{"monthly_listeners": 1}');
SELECT dreamsuite.record_metrics(:user, 'spotify', 'infinity', '{"monthly_listeners": 1}');
SELECT dreamsuite.record_metrics(:user, 'spotify', '-infinity', '{"monthly_listeners": 1}');
SELECT dreamsuite.record_metrics(:user, 'spotify', '2026-03-11', '{"monthly_listeners": 1}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '[1]');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '"playlist_placements"');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"follower_count": 1}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": null}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": -1}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": 1.5}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": "1"}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": true}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": [1]}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": 9223372036854775808}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"editorial_features": "Fresh"}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"editorial_features": {"a": "Fresh"}}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"editorial_features": ["Fresh", 1]}');
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-01', '{"top_post_id": 17}');
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-01', '{"engagement_rate": -0.1}');
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-01', '{"engagement_rate": 1e400}');
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-01', '{"follower_change_7d": 5}');
SELECT dreamsuite.record_metrics(:user, 'youtube', '2026-03-01', '{"click_through_rate": 5.1}');
SELECT dreamsuite.record_metrics(:user, 'spotify', '2026-03-01', '{"top_tracks": [7]}');
SELECT dreamsuite.record_metrics(:user, 'spotify', '2026-03-01', '{"top_tracks": [{"track_name": "Tide"}]}');
SELECT dreamsuite.record_metrics(:user, 'spotify', '2026-03-01', '{"top_tracks": [{"track_id": "1", "track_name": "Tide", "streams": "many", "saves": 0, "playlist_adds": 0}]}');
SELECT dreamsuite.record_metrics(:user, 'spotify', '2026-03-01', '{"top_tracks": [{"track_id": "1", "track_name": "Tide", "streams": 5, "saves": 0, "playlist_adds": 0, "plays": 1}]}');
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-01', '{"posts_count": 3000000000}');
SELECT count(*) AS rows FROM dreamsuite.daily_metrics;
SELECT count(*) AS runs FROM dreamsuite.collection_runs;

-- the SQLSTATEs
CREATE FUNCTION sqlstate_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
SELECT sqlstate_of(format($$SELECT dreamsuite.record_metrics(%s)$$, arguments)) AS sqlstate, arguments FROM unnest(ARRAY[
    $$NULL, 'spotify', '2026-03-01', '{"monthly_listeners": 1}'$$,
    $$gen_random_uuid(), 'myspace', '2026-03-01', '{"monthly_listeners": 1}'$$,
    $$gen_random_uuid(), 'spotify', '2026-03-11', '{"monthly_listeners": 1}'$$,
    $$gen_random_uuid(), 'spotify', '2026-03-01', '{"monthly_listeners": null}'$$,
    $$gen_random_uuid(), 'spotify', '2026-03-01', '{"listeners": 1}'$$,
    $$gen_random_uuid(), 'instagram', '2026-03-01', '{"posts_count": 3000000000}'$$]) AS arguments;
DROP FUNCTION sqlstate_of(text);

-- without an account, for a platform without an API: the row has every key, what was not given is null
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": 4}');
SELECT date, follower_count, engagement_total, content_count, metrics FROM dreamsuite.daily_metrics;
-- merged: what was given before stays
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"editorial_features": ["Fresh Finds", "Chill"]}');
SELECT metrics FROM dreamsuite.daily_metrics;
SELECT platform, date, outcome, requests, error FROM dreamsuite.collection_runs ORDER BY run_id;
SELECT * FROM dreamsuite.amazon_music_daily;

-- the same again changes nothing, not even the ledger
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": 4.0, "editorial_features": ["Fresh Finds", "Chill"]}');
SELECT count(*) AS runs FROM dreamsuite.collection_runs;
SELECT count(*) AS revisions FROM dreamsuite.metric_revisions;

-- a correction keeps the former value
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-01', '{"playlist_placements": 6, "editorial_features": []}');
SELECT platform, date, metric, old_value, new_value, observed_at FROM dreamsuite.metric_revisions ORDER BY revision_id;
SELECT metrics FROM dreamsuite.daily_metrics;

-- the core columns and the changes follow; a late day repairs the later ones
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-08', '{"follower_count": 1200, "likes_total": 500, "posts_count": 40}');
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-09', '{"follower_count": 1250, "likes_total": 520, "comments_total": 30}');
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-02', '{"follower_count": 1000}');
SELECT date, follower_count, follower_change_24h, engagement_total, content_count, metrics -> 'follower_change_24h' AS h24, metrics -> 'follower_change_7d' AS d7
  FROM dreamsuite.daily_metrics WHERE platform = 'instagram' ORDER BY date;
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-02', '{"follower_count": 1100}');
SELECT date, follower_count, follower_change_24h, metrics -> 'follower_change_7d' AS d7
  FROM dreamsuite.daily_metrics WHERE platform = 'instagram' ORDER BY date;
SELECT value, change_24h, change_7d FROM dreamsuite.growth(:user, 'instagram') ORDER BY date;
-- other fields leave a core column that came from elsewhere alone
UPDATE dreamsuite.daily_metrics SET engagement_total = 99, content_count = 7 WHERE platform = 'instagram' AND date = '2026-03-09';
SELECT dreamsuite.record_metrics(:user, 'instagram', '2026-03-09', '{"reach": 10}');
SELECT engagement_total, content_count FROM dreamsuite.daily_metrics WHERE platform = 'instagram' AND date = '2026-03-09';

-- every kind of value
SELECT dreamsuite.record_metrics(:user, 'spotify', '2026-03-09', '{"top_tracks": [{"track_id": null, "track_name": "Tide", "streams": 5, "saves": 0, "playlist_adds": null}], "top_cities": ["Lima"], "monthly_listeners": 3820, "follower_count": 1204}');
SELECT dreamsuite.record_metrics(:user, 'youtube', '2026-03-09', '{"click_through_rate": 0.051, "average_view_duration": 93.4, "watch_time_minutes": 3690, "top_videos": []}');
SELECT platform, follower_count, jsonb_strip_nulls(metrics) FROM dreamsuite.daily_metrics WHERE date = '2026-03-09' AND platform IN ('spotify', 'youtube') ORDER BY platform;

-- the keys of every platform's row are those of the catalogue
SELECT dreamsuite.record_metrics(:user, c.platform, '2026-03-05', jsonb_build_object(min(c.metric), 3))
  FROM dreamsuite.metric_catalog() c WHERE c.json_type = 'number' AND c.kind NOT IN ('change', 'rate') GROUP BY c.platform ORDER BY c.platform;
SELECT d.platform FROM dreamsuite.daily_metrics d
 WHERE (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(d.metrics) k)
       IS DISTINCT FROM (SELECT array_agg(c.metric ORDER BY c.metric) FROM dreamsuite.metric_catalog() c WHERE c.platform = d.platform);
SELECT count(DISTINCT platform) AS platforms FROM dreamsuite.daily_metrics WHERE date = '2026-03-05';

-- today is the account's own day: in Auckland it is tomorrow already
SET dreamsuite.test_now = '2026-03-10 23:30:00+00';
SELECT dreamsuite.connect_account(:user, 'amazon_music', settings => '{"time_zone": "Pacific/Auckland"}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-11', '{"playlist_placements": 7}');
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-12', '{"playlist_placements": 7}');
SELECT dreamsuite.record_metrics(:user, 'tidal', '2026-03-11', '{"playlist_placements": 7}');

-- as the collector stores a day: its nulls leave what was recorded
INSERT INTO dreamsuite.daily_metrics AS d (user_id, platform, date, metrics) VALUES (:user, 'amazon_music', '2026-03-11', '{"playlist_placements": null, "editorial_features": null}')
ON CONFLICT (user_id, platform, date) DO UPDATE SET metrics = dreamsuite.merge_known(d.metrics, excluded.metrics) RETURNING metrics;

SELECT dreamsuite.forget_user(:user) > 0 AS forgotten;
SELECT count(*) FROM dreamsuite.metric_revisions;
