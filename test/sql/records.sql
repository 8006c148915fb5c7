-- What one series tells exactly: its values, its record, its streaks, its milestones; and who gained most.
\pset format unaligned
\pset tuples_only on
SET DateStyle = 'ISO';
SET client_min_messages = warning;
\set SHOW_CONTEXT never

CREATE FUNCTION pg_temp.days(account text, platform text, followers bigint[]) RETURNS void LANGUAGE SQL AS $$
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT md5(account)::uuid, platform, DATE '2026-03-01' + (n - 1)::int, f, '{}' FROM unnest(followers) WITH ORDINALITY AS f (f, n) WHERE f <> -1 $$;
-- -1: no row that day
SELECT pg_temp.days('artist', 'tidal', '{900,950,1000,990,980,970,-1,1200,1300,1300,1400,NULL,99000,100500,100200}') \g /dev/null

SELECT * FROM dreamsuite.metric_series(md5('artist')::uuid, 'tidal', 'follower_count', '2026-03-06', '2026-03-13');
SELECT count(*) FROM dreamsuite.metric_series(md5('artist')::uuid, 'tidal', 'follower_count');
SELECT count(*) FROM dreamsuite.metric_series(md5('nobody')::uuid, 'tidal', 'follower_count');

-- the record, the day that first had it, the record before; is it the newest observation?
SELECT * FROM dreamsuite.record_high(md5('artist')::uuid, 'tidal', 'follower_count');
SELECT pg_temp.days('climber', 'tidal', '{5,7,7,9}') \g /dev/null
SELECT * FROM dreamsuite.record_high(md5('climber')::uuid, 'tidal', 'follower_count');
SELECT pg_temp.days('flat', 'tidal', '{7,7,7}') \g /dev/null
SELECT * FROM dreamsuite.record_high(md5('flat')::uuid, 'tidal', 'follower_count');
SELECT * FROM dreamsuite.record_high(md5('nobody')::uuid, 'tidal', 'follower_count');

-- runs of days that each rose or fell; an unknown day, a missing one and a day without change end them
SELECT * FROM dreamsuite.growth_streaks(md5('artist')::uuid, 'tidal', 'follower_count');
SELECT * FROM dreamsuite.growth_streaks(md5('climber')::uuid, 'tidal', 'follower_count');

-- 1,000 was first reached on the third day and counts once; what was reached before the first day has none
SELECT * FROM dreamsuite.milestones(md5('artist')::uuid, 'tidal', 'follower_count');
SELECT pg_temp.days('star', 'tidal', '{5000,4000,999,12000,9223372036854775807}') \g /dev/null
SELECT * FROM dreamsuite.milestones(md5('star')::uuid, 'tidal', 'follower_count') LIMIT 3;
SELECT count(*), max(milestone) FROM dreamsuite.milestones(md5('star')::uuid, 'tidal', 'follower_count');

-- who gained most
SELECT pg_temp.days('quick', 'deezer', '{10,-1,-1,-1,-1,-1,-1,40,50}') \g /dev/null
SELECT pg_temp.days('slow', 'deezer', '{1000,-1,-1,-1,-1,-1,-1,1010,1009}') \g /dev/null
SELECT place, user_id = md5('quick')::uuid AS quick, platform, value, change, round(pct::numeric, 2), quality FROM dreamsuite.growth_leaders('2026-03-08', only_platform => 'deezer');
SELECT place, user_id = md5('quick')::uuid AS quick, change FROM dreamsuite.growth_leaders('2026-03-09', period => '24h', only_platform => 'deezer');
SELECT count(*) FROM dreamsuite.growth_leaders('2026-03-09', period => '30d', only_platform => 'deezer');
SELECT count(*) FROM dreamsuite.growth_leaders('2026-03-08', k => 1);
SELECT user_id = md5('artist')::uuid AS artist, change FROM dreamsuite.growth_leaders();

-- refused
SELECT * FROM dreamsuite.metric_series(NULL, 'tidal', 'follower_count');
SELECT * FROM dreamsuite.metric_series(md5('artist')::uuid, NULL, 'follower_count');
SELECT * FROM dreamsuite.record_high(md5('artist')::uuid, 'tidal', NULL);
SELECT * FROM dreamsuite.record_high(md5('artist')::uuid, 'tidal', 'fans_count');
SELECT * FROM dreamsuite.milestones(md5('artist')::uuid, 'myspace', 'follower_count');
SELECT * FROM dreamsuite.growth_leaders(period => 'week');
SELECT * FROM dreamsuite.growth_leaders(metric => 'fame');
SELECT * FROM dreamsuite.growth_leaders(metric => NULL);
SELECT * FROM dreamsuite.growth_leaders(k => 0);

DELETE FROM dreamsuite.daily_metrics;
