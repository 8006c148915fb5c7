-- The change fields that are stored: inside metrics, and follower_change_24h.
\pset format unaligned
\pset tuples_only on
SET DateStyle = 'ISO';
SET client_min_messages = warning;
\set SHOW_CONTEXT never

CREATE FUNCTION pg_temp.day(account text, platform text, day int, followers bigint, metrics jsonb DEFAULT '{}')
RETURNS void LANGUAGE SQL AS $$
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
VALUES (md5(account)::uuid, platform, DATE '2026-03-01' + day, followers, metrics) $$;
CREATE FUNCTION pg_temp.changes(account text) RETURNS TABLE (day int, followers bigint, change int, metrics jsonb) LANGUAGE SQL AS $$
SELECT date - DATE '2026-03-01', follower_count, follower_change_24h, metrics
  FROM dreamsuite.daily_metrics WHERE user_id = md5(account)::uuid ORDER BY date $$;

-- rows of a bulk load keep what they bring until they are repaired; the repair fills every change field of the platform
SELECT pg_temp.day('artist', 'soundcloud', d, 100 + d, jsonb_build_object('follower_count', 100 + d, 'follower_change_24h', 99,
    'total_plays', 1000 + 3 * d, 'plays_change_24h', NULL, 'plays_change_7d', NULL, 'plays_change_30d', NULL)) FROM generate_series(0, 31) AS d \g /dev/null
SELECT * FROM pg_temp.changes('artist') WHERE day IN (0, 31);
SELECT dreamsuite.repair_changes(md5('artist')::uuid, 'soundcloud');
SELECT * FROM pg_temp.changes('artist') WHERE day IN (0, 1, 7, 30, 31);
SELECT dreamsuite.repair_changes(md5('artist')::uuid, 'soundcloud');

-- a deleted day takes its changes with it: 24 h unknown, 7 and 30 days from the nearest earlier day
DELETE FROM dreamsuite.daily_metrics WHERE user_id = md5('artist')::uuid AND date = '2026-03-02';
SELECT * FROM pg_temp.changes('artist') WHERE day IN (2, 8, 31);

-- a day that comes late is one too
SELECT pg_temp.day('artist', 'soundcloud', 1, 100, '{"follower_count": 100, "total_plays": 900}') \g /dev/null
SELECT dreamsuite.repair_changes(md5('artist')::uuid, 'soundcloud');
SELECT * FROM pg_temp.changes('artist') WHERE day IN (1, 2, 8, 31);

-- a corrected day corrects the days that depend on it, and no other row is written
CREATE TEMP TABLE before AS SELECT date, ctid AS place FROM dreamsuite.daily_metrics WHERE user_id = md5('artist')::uuid;
UPDATE dreamsuite.daily_metrics SET follower_count = 105, metrics = metrics || '{"follower_count": 105, "total_plays": 1010}'
 WHERE user_id = md5('artist')::uuid AND date = '2026-03-02';
SELECT * FROM pg_temp.changes('artist') WHERE day IN (1, 2, 8, 31);
SELECT array_agg(d.date - DATE '2026-03-01' ORDER BY d.date) FROM dreamsuite.daily_metrics AS d JOIN before AS b USING (date)
 WHERE d.user_id = md5('artist')::uuid AND d.ctid <> b.place;

-- a repair reaches as far as the rule: 34 days back for a day's own change, and 34 days on
SELECT pg_temp.day('far', 'soundcloud', d, NULL, jsonb_build_object('total_plays', 10 + d, 'plays_change_30d', NULL)) FROM unnest('{0,34}'::int[]) AS d \g /dev/null
UPDATE dreamsuite.daily_metrics SET metrics = metrics || '{"total_plays": 50}' WHERE user_id = md5('far')::uuid AND date = '2026-04-04';
SELECT day, metrics FROM pg_temp.changes('far');
UPDATE dreamsuite.daily_metrics SET metrics = metrics || '{"total_plays": 20}' WHERE user_id = md5('far')::uuid AND date = '2026-03-01';
SELECT day, metrics FROM pg_temp.changes('far');
DELETE FROM dreamsuite.daily_metrics WHERE user_id = md5('far')::uuid AND date = '2026-03-01';
SELECT day, metrics FROM pg_temp.changes('far');

-- a change set by hand is what the rule says again
UPDATE dreamsuite.daily_metrics SET follower_change_24h = 7777 WHERE user_id = md5('artist')::uuid AND date = '2026-03-10';
SELECT change FROM pg_temp.changes('artist') WHERE day = 9;

-- several accounts in one statement; an account that moves leaves no trace
SELECT pg_temp.day('other', 'tidal', d, 10 * d) FROM generate_series(0, 3) AS d \g /dev/null
SELECT dreamsuite.repair_changes(md5('other')::uuid, 'tidal');
DELETE FROM dreamsuite.daily_metrics WHERE date = '2026-03-03' AND user_id IN (md5('artist')::uuid, md5('other')::uuid);
SELECT * FROM pg_temp.changes('other');
SELECT * FROM pg_temp.changes('artist') WHERE day = 3;
UPDATE dreamsuite.daily_metrics SET user_id = md5('moved')::uuid WHERE user_id = md5('other')::uuid AND date = '2026-03-02';
SELECT * FROM pg_temp.changes('other');
SELECT * FROM pg_temp.changes('moved');

-- the audience is taken from its field where the column is unknown
SELECT pg_temp.day('fans', 'deezer', d, NULL, jsonb_build_object('fans_count', 5 + d)) FROM generate_series(0, 1) AS d \g /dev/null
SELECT dreamsuite.repair_changes(md5('fans')::uuid, 'deezer');
SELECT * FROM pg_temp.changes('fans');

-- a change that follower_change_24h cannot hold is an error that names account and day, and nothing is changed
SELECT pg_temp.day('huge', 'tidal', d, CASE d WHEN 0 THEN 0 WHEN 1 THEN 2147483647 ELSE 10 END) FROM generate_series(0, 2) AS d \g /dev/null
SELECT dreamsuite.repair_changes(md5('huge')::uuid, 'tidal');
SELECT * FROM pg_temp.changes('huge');
UPDATE dreamsuite.daily_metrics SET follower_count = 2147483648 WHERE user_id = md5('huge')::uuid AND date = '2026-03-02';
SELECT * FROM pg_temp.changes('huge');
-- growth() has no such limit
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics) VALUES (md5('huge')::uuid, 'tidal', '2026-03-04', 9000000000000000000, '{}');
SELECT change_24h FROM dreamsuite.growth(md5('huge')::uuid, since => '2026-03-04');

-- refused by name
SELECT dreamsuite.repair_changes(md5('artist')::uuid, 'myspace');

-- an artist who may delete own rows need not be able to update them
CREATE ROLE regress_changes_artist;
GRANT USAGE ON SCHEMA dreamsuite TO regress_changes_artist;
GRANT SELECT, DELETE ON dreamsuite.daily_metrics TO regress_changes_artist;
GRANT EXECUTE ON FUNCTION dreamsuite.current_user_id TO regress_changes_artist;
CREATE POLICY regress_changes ON dreamsuite.daily_metrics TO regress_changes_artist USING (true);
SET ROLE regress_changes_artist;
DELETE FROM dreamsuite.daily_metrics WHERE user_id = md5('fans')::uuid AND date = '2026-03-01';
RESET ROLE;
SELECT * FROM pg_temp.changes('fans');
DROP POLICY regress_changes ON dreamsuite.daily_metrics;
REVOKE ALL ON FUNCTION dreamsuite.current_user_id FROM regress_changes_artist;
REVOKE ALL ON dreamsuite.daily_metrics FROM regress_changes_artist;
REVOKE ALL ON SCHEMA dreamsuite FROM regress_changes_artist;
DROP ROLE regress_changes_artist;

DELETE FROM dreamsuite.daily_metrics;
