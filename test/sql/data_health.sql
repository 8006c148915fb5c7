-- data_health: how fresh and whole a user's numbers are, which are missing and why.
\set user '''00000000-0000-4000-8000-000000000005'''
\set SHOW_CONTEXT never
\pset format unaligned
SET TimeZone = 'UTC';
-- texts do not depend on how dates are shown
SET DateStyle = 'German';
SET dreamsuite.test_now = '2026-03-20 12:00:00+00';

SELECT * FROM dreamsuite.data_health(NULL);
-- a stranger has no data and so no health
SELECT * FROM dreamsuite.data_health(:user);

-- by hand alone
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-19', '{"playlist_placements": 4}');
SELECT * FROM dreamsuite.data_health(:user);
SELECT dreamsuite.record_metrics(:user, 'amazon_music', '2026-03-19', '{"editorial_features": ["Fresh"]}');
SET dreamsuite.test_now = '2026-06-01 12:00:00+00';
SELECT * FROM dreamsuite.data_health(:user);
SET dreamsuite.test_now = '2026-03-20 12:00:00+00';
SELECT dreamsuite.forget_user(:user) > 0 AS forgotten;

-- connected, nothing collected yet; and one that waits for its credentials
SELECT dreamsuite.connect_account(:user, 'deezer', '27');
SELECT dreamsuite.connect_account(:user, 'tiktok');
SELECT * FROM dreamsuite.data_health(:user);
-- a placeholder row is no number
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics) VALUES (:user, 'tiktok', '2026-03-20', '{"follower_count": null}');
SELECT * FROM dreamsuite.data_health(:user) WHERE platform = 'tiktok';

-- collected every day but some; fields without a source; a bounded listing; what a run lacks
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics)
SELECT :user, 'deezer', d::date, jsonb_build_object('fans_count', 5, 'favorite_tracks', NULL)
  FROM generate_series(timestamp '2026-03-01', timestamp '2026-03-19', interval '1 day') d WHERE d::date NOT IN ('2026-03-05', '2026-03-06');
INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, outcome, error_class, error)
VALUES (:user, 'deezer', '2026-03-18', '2026-03-18 06:00+00', 'ok', NULL, NULL),
       (:user, 'deezer', '2026-03-19', '2026-03-19 06:00+00', 'partial', 'permission', 'missing favorite_tracks: permission; albums: bounded by dreamsuite.max_pages'),
       (:user, 'deezer', '2026-03-19', '2026-03-19 07:00+00', 'manual', NULL, NULL);
SELECT * FROM dreamsuite.data_health(:user) WHERE platform = 'deezer';
-- more gaps, older numbers
DELETE FROM dreamsuite.daily_metrics WHERE platform = 'deezer' AND date BETWEEN '2026-03-08' AND '2026-03-12';
SELECT item, state, detail FROM dreamsuite.data_health(:user) WHERE platform = 'deezer' AND item IN ('freshness', 'gaps');
DELETE FROM dreamsuite.daily_metrics WHERE platform = 'deezer' AND date >= '2026-03-18';
SELECT item, state, detail FROM dreamsuite.data_health(:user) WHERE platform = 'deezer' AND item IN ('freshness', 'gaps');
SET dreamsuite.test_now = '2026-03-22 12:00:00+00';
SELECT item, state, detail FROM dreamsuite.data_health(:user) WHERE platform = 'deezer' AND item IN ('freshness', 'gaps');
SET dreamsuite.test_now = '2026-03-20 12:00:00+00';

-- what nobody asks for without a setting is not hidden by the platform
SELECT dreamsuite.forget_user(:user) > 0 AS forgotten;
SELECT dreamsuite.connect_account(:user, p, '27', a, settings => s::jsonb)
  FROM (VALUES ('tidal', NULL, '{}'), ('spotify', 'token', '{}'), ('deezer', NULL, '{"profile_id": "9"}')) AS v (p, a, s);
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics) SELECT :user, p, '2026-03-20', m::jsonb
  FROM (VALUES ('tidal', '{"follower_count": 5}'), ('spotify', '{"playlists_count": 5}'), ('deezer', '{"fans_count": 5}')) AS v (p, m);
SELECT platform, item, state, detail, hint FROM dreamsuite.data_health(:user)
 WHERE (platform, item) IN (('tidal', 'metric: playlist_placements'), ('spotify', 'metric: follower_count'), ('deezer', 'metric: favorite_tracks'));

-- every account has full marks when all is well
SELECT dreamsuite.forget_user(:user) > 0 AS forgotten;
SELECT dreamsuite.connect_account(:user, 'tidal', '1566', settings => '{"time_zone": "Pacific/Auckland"}');
SELECT dreamsuite.record_metrics(:user, 'tidal', '2026-03-21', '{"follower_count": 8, "playlist_placements": 0}');
INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, outcome) VALUES (:user, 'tidal', '2026-03-21', '2026-03-20 11:00+00', 'ok');
SELECT item, state, detail FROM dreamsuite.data_health(:user);

-- troubles, one by one
UPDATE dreamsuite.accounts SET status = 'needs_reauth', status_reason = 'the artist withdrew the consent' WHERE user_id = :user;
SELECT * FROM dreamsuite.data_health(:user) WHERE item = 'account';
UPDATE dreamsuite.accounts SET status = 'failed', status_reason = 'no such artist' WHERE user_id = :user;
SELECT * FROM dreamsuite.data_health(:user) WHERE item = 'account';
SELECT dreamsuite.resume_account(:user, 'tidal');
SELECT dreamsuite.pause_account(:user, 'tidal');
SELECT * FROM dreamsuite.data_health(:user) WHERE item = 'account';
SELECT dreamsuite.resume_account(:user, 'tidal');
INSERT INTO dreamsuite.platform_settings VALUES ('tidal', false);
SELECT * FROM dreamsuite.data_health(:user) WHERE item = 'account';
DELETE FROM dreamsuite.platform_settings;
UPDATE dreamsuite.account_state SET blocked_until = '2026-03-20 18:00+00' WHERE user_id = :user;
SELECT * FROM dreamsuite.data_health(:user) WHERE item = 'blocked';
INSERT INTO dreamsuite.metric_quarantine VALUES
    (:user, 'tidal', 'numberOfFollowers', '2026-03-18 06:00+00', '2026-03-25 06:00+00', 'refused by the platform'),
    (:user, 'tidal', 'over', '2026-03-01 06:00+00', '2026-03-08 06:00+00', 'refused by the platform');
SELECT * FROM dreamsuite.data_health(:user) WHERE item LIKE 'quarantine%';
INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, outcome, error_class, error) VALUES (:user, 'tidal', '2026-03-21', '2026-03-20 12:00+00', 'failed', 'operator', 'the app is switched off');
SELECT * FROM dreamsuite.data_health(:user) WHERE item = 'run';

-- what no API tells, and what a scope would
SELECT dreamsuite.connect_account(:user, 'youtube', 'UCsyntheticAAAAAAAAAAAAA', access_token => 'x', scopes => '{https://www.googleapis.com/auth/youtube.readonly}');
SELECT dreamsuite.record_metrics(:user, 'youtube', '2026-03-20', '{"subscriber_count": 8}');
SELECT dreamsuite.record_metrics(:user, 'spotify', '2026-03-20', '{"follower_count": 8}');
SELECT * FROM dreamsuite.data_health(:user) WHERE platform IN ('youtube', 'spotify') AND (item LIKE 'metric%' OR item = 'scopes');

SELECT DISTINCT state FROM dreamsuite.data_health(:user) WHERE state NOT IN ('ok', 'warning', 'problem', 'unknown');
SELECT dreamsuite.forget_user(:user) > 0 AS forgotten;
