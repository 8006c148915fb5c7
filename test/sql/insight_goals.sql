-- goals: set, dropped, measured
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set artist '''00000000-0000-4000-8000-888888888888'''
CREATE TEMP TABLE days AS SELECT i, DATE '2026-03-31' + i AS day FROM generate_series(1, 91) i;   -- to 2026-06-30
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT :artist, 'tiktok', day, 5450 + 50 * i, jsonb_build_object('follower_count', 5450 + 50 * i, 'following_count', 400 - i) FROM days;
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics)
SELECT :artist, 'spotify', day, jsonb_build_object('playlist_placements', 20 + i / 9, 'monthly_listeners', 60000 - 100 * i) FROM days;

-- a level: 10,000 of 12,500 are 80 %, 50 a day bring the rest in 50 days
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 12500, deadline => '2026-07-30') IS NOT NULL;
SELECT platform, metric, target, value, percent, remaining, round(needed_per_day::numeric, 2), pace, eta, eta_lo, eta_hi, on_track, sentence FROM dreamsuite.goal_status(:artist);
-- the baseline is remembered, with its day
SELECT starts_on, baseline, period IS NULL, deadline FROM dreamsuite.goals WHERE user_id = :artist;
-- on an earlier day
SELECT value, percent, on_track FROM dreamsuite.goal_status(:artist, '2026-05-31');
-- before anything is known
SELECT value, percent, eta, sentence FROM dreamsuite.goal_status(:artist, '2026-01-01');

-- a later deadline is met
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 12500, NULL, '2026-12-31') IS NOT NULL;
SELECT on_track FROM dreamsuite.goal_status(:artist);
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;

-- a month: 10 placements more in June, gained since the end of May
SELECT dreamsuite.set_goal(:artist, 'spotify', 'playlist_placements', 10, 'month') IS NOT NULL;
SELECT value, round(percent::numeric, 1), remaining, needed_per_day, on_track, sentence FROM dreamsuite.goal_status(:artist, '2026-06-20');
SELECT sentence FROM dreamsuite.goal_status(:artist, '2026-06-30');
SELECT kind, sentence, suggested_action FROM dreamsuite.insight_facts(:artist, '2026-06-20', '{goal}');
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;

-- a week begins on Monday
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 300, 'week') IS NOT NULL;
SELECT value, remaining, needed_per_day, pace, on_track, sentence FROM dreamsuite.goal_status(:artist, '2026-06-24');
SELECT value, remaining, on_track, sentence FROM dreamsuite.goal_status(:artist, '2026-06-28');
SELECT value FROM dreamsuite.goal_status(:artist, '2026-06-29');
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;

-- a level that falls: not reached at this pace, no date is invented
SELECT dreamsuite.set_goal(:artist, 'spotify', 'monthly_listeners', 80000) IS NOT NULL;
SELECT value, pace, eta, on_track FROM dreamsuite.goal_status(:artist);
SELECT kind, sentence FROM dreamsuite.insight_facts(:artist, NULL, '{goal}') ORDER BY 1;
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;

-- less of something is a goal too
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'following_count', 300) IS NOT NULL;
UPDATE dreamsuite.goals SET baseline = 400 WHERE user_id = :artist;
SELECT value, percent, remaining, eta, sentence FROM dreamsuite.goal_status(:artist);
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;

-- reached: told with one fact_id for a week, then no more
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 9000) IS NOT NULL;
SELECT percent, remaining, needed_per_day, eta, on_track, sentence FROM dreamsuite.goal_status(:artist);
SELECT count(*), count(DISTINCT fact_id), min(as_of), max(as_of), min(sentence)
  FROM generate_series('2026-06-01'::timestamp, '2026-06-30', '1 day') d, dreamsuite.insight_facts(:artist, d::date, '{goal}') WHERE kind = 'goal_reached';
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;

-- a metric without a number yet
SELECT dreamsuite.set_goal(:artist, 'instagram', 'reach', 1000) IS NOT NULL;
SELECT value, percent, sentence FROM dreamsuite.goal_status(:artist);
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;

-- errors; nothing is stored by them
SELECT dreamsuite.set_goal(NULL, 'tiktok', 'follower_count', 1);
SELECT dreamsuite.set_goal(:artist, 'myspace', 'follower_count', 1);
SELECT dreamsuite.set_goal(:artist, 'tidal', 'happiness', 1);
SELECT dreamsuite.set_goal(:artist, 'spotify', 'top_cities', 1);
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 'NaN');
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 'infinity');
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', -1);
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 0, 'week');
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 0.5, 'week') IS NOT NULL;
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 1, 'year');
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 20000, NULL, '2026-06-30');
SELECT dreamsuite.drop_goal('00000000-0000-4000-8000-000000000000');
SELECT dreamsuite.drop_goal(NULL);
SELECT * FROM dreamsuite.goal_status(NULL);
SELECT count(*) FROM dreamsuite.goals WHERE user_id = :artist;

DELETE FROM dreamsuite.daily_metrics WHERE user_id = :artist;
