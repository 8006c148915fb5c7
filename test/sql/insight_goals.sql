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

-- reached before it was set: noted with the day on which it began, and nothing is told of it
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 9000) IS NOT NULL;
SELECT reached_on, starts_on FROM dreamsuite.goals WHERE user_id = :artist;
SELECT percent, remaining, needed_per_day, eta, on_track, sentence FROM dreamsuite.goal_status(:artist);
SELECT count(*) FROM generate_series('2026-06-01'::timestamp, '2026-07-09', '1 day') d, dreamsuite.insight_facts(:artist, d::date, '{goal}') WHERE kind = 'goal_reached';
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;

-- reached: noted when the day is stored, by hand here
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 10200) IS NOT NULL;
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'following_count', 305) IS NOT NULL;
SELECT dreamsuite.record_metrics(:artist, 'tiktok', day, jsonb_build_object('follower_count', followers, 'following_count', following)) IS NOT NULL
  FROM (VALUES (DATE '2026-07-01', 10100, 308), ('2026-07-02', 10199, 306)) d(day, followers, following);
SELECT metric, reached_on FROM dreamsuite.goals WHERE user_id = :artist ORDER BY metric;
SELECT dreamsuite.record_metrics(:artist, 'tiktok', day, jsonb_build_object('follower_count', followers, 'following_count', following)) IS NOT NULL
  FROM (VALUES (DATE '2026-07-03', 10210, 305), ('2026-07-04', 10300, 300)) d(day, followers, following);
SELECT metric, reached_on FROM dreamsuite.goals WHERE user_id = :artist ORDER BY metric;
-- told once, then no more
SELECT as_of, kind, evidence ->> 'status', sentence FROM generate_series('2026-07-02'::timestamp, '2026-07-12', '1 day') d, dreamsuite.insight_facts(:artist, d::date, '{goal}')
 WHERE kind = 'goal_reached' OR metric = 'follower_count' ORDER BY as_of, kind, sentence;
SELECT metric, percent, remaining, eta, on_track, sentence FROM dreamsuite.goal_status(:artist) ORDER BY metric;
-- a later fall undoes nothing, and a second rise is no second time
SELECT dreamsuite.record_metrics(:artist, 'tiktok', day, jsonb_build_object('follower_count', followers)) IS NOT NULL
  FROM (VALUES (DATE '2026-07-05', 10150), ('2026-07-06', 10160)) d(day, followers);
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
SELECT percent, remaining, needed_per_day, eta, on_track, sentence FROM dreamsuite.goal_status(:artist) WHERE metric = 'follower_count';
SELECT dreamsuite.record_metrics(:artist, 'tiktok', '2026-07-07', '{"follower_count": 10500}') IS NOT NULL;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
SELECT count(*) FROM generate_series('2026-07-05'::timestamp, '2026-07-12', '1 day') d, dreamsuite.insight_facts(:artist, d::date, '{goal}') WHERE kind = 'goal_reached';
-- a correction of the day itself moves the note: to the next day that is at the target, and to none
SELECT dreamsuite.record_metrics(:artist, 'tiktok', '2026-07-03', '{"follower_count": 10190}') IS NOT NULL;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
DELETE FROM dreamsuite.daily_metrics WHERE user_id = :artist AND platform = 'tiktok' AND date IN ('2026-07-04', '2026-07-07');
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
-- an earlier day that comes late is the first; one from before the goal began counts nothing
SELECT dreamsuite.record_metrics(:artist, 'tiktok', day, jsonb_build_object('follower_count', followers)) IS NOT NULL
  FROM (VALUES (DATE '2026-07-08', 10250), ('2026-07-07', 10240), ('2026-03-31', 99999)) d(day, followers);
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
-- by plain SQL: an UPDATE at once, an INSERT with repair_changes()
UPDATE dreamsuite.daily_metrics SET follower_count = 10205, metrics = metrics || '{"follower_count": 10205}' WHERE user_id = :artist AND platform = 'tiktok' AND date = '2026-07-06';
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
UPDATE dreamsuite.goals SET reached_on = NULL, target = 10600 WHERE user_id = :artist;
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics) VALUES (:artist, 'tiktok', '2026-07-10', 10600, '{"follower_count": 10600}');
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
SELECT dreamsuite.repair_changes(:artist, 'tiktok') IS NOT NULL;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
-- by a file
UPDATE dreamsuite.goals SET reached_on = NULL, target = 10600 WHERE user_id = :artist;
SET dreamsuite.test_now = '2026-06-30 12:00Z';
SELECT dreamsuite.set_goal(:artist, 'spotify', 'follower_count', 1204) IS NOT NULL;
SET dreamsuite.test_now = '2026-07-15 12:00Z';
SELECT count(*) FROM dreamsuite.import_csv(:artist, 'spotify', 'audience', E'date,listeners,followers\n2026-07-01,9,1200\n2026-07-02,9,1204\n2026-07-03,9,1209\n');
RESET dreamsuite.test_now;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND platform = 'spotify';
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist AND platform = 'spotify';
-- a transaction that ends without storing the day leaves no note
UPDATE dreamsuite.goals SET target = 10700, reached_on = NULL WHERE user_id = :artist;
BEGIN;
SELECT dreamsuite.record_metrics(:artist, 'tiktok', '2026-07-11', '{"follower_count": 10700}') IS NOT NULL;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
ROLLBACK;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist AND metric = 'follower_count';
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;
-- reached too late: noted, and not on track
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 10700, deadline => '2026-07-11') IS NOT NULL;
SELECT dreamsuite.record_metrics(:artist, 'tiktok', '2026-07-12', '{"follower_count": 10700}') IS NOT NULL;
SELECT g.reached_on, s.on_track, s.sentence FROM dreamsuite.goals g JOIN dreamsuite.goal_status(:artist) s USING (goal_id) WHERE user_id = :artist;
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;

-- a gain is reached anew in each week: weeks begin on 13, 20 and 27 July
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 70, 'week') IS NOT NULL;
SELECT dreamsuite.record_metrics(:artist, 'tiktok', DATE '2026-07-12' + i, jsonb_build_object('follower_count', 10700 + CASE WHEN i <= 7 THEN 20 * i WHEN i <= 14 THEN 140 + 5 * (i - 7) ELSE 175 + 35 * (i - 14) END)) IS NOT NULL
  FROM generate_series(1, 5) i;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist;
SELECT sentence FROM dreamsuite.goal_status(:artist);
SELECT dreamsuite.record_metrics(:artist, 'tiktok', DATE '2026-07-12' + i, jsonb_build_object('follower_count', 10700 + CASE WHEN i <= 7 THEN 20 * i WHEN i <= 14 THEN 140 + 5 * (i - 7) ELSE 175 + 35 * (i - 14) END)) IS NOT NULL
  FROM generate_series(6, 15) i;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist;
SELECT sentence FROM dreamsuite.goal_status(:artist);
SELECT dreamsuite.record_metrics(:artist, 'tiktok', '2026-07-28', '{"follower_count": 10945}') IS NOT NULL;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist;
SELECT as_of, sentence FROM generate_series('2026-07-13'::timestamp, '2026-07-30', '1 day') d, dreamsuite.insight_facts(:artist, d::date, '{goal}') WHERE kind = 'goal_reached' ORDER BY as_of;
-- the day before the week is corrected: its gain is smaller, and the note goes back to the week that has one
SELECT dreamsuite.record_metrics(:artist, 'tiktok', '2026-07-26', '{"follower_count": 10905}') IS NOT NULL;
SELECT reached_on FROM dreamsuite.goals WHERE user_id = :artist;
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;
-- days that are missing: told on the first stored day on which the one that reached it is settled
SELECT dreamsuite.record_metrics(:artist, 'instagram', '2026-07-28', '{"follower_count": 590}') IS NOT NULL;
SELECT dreamsuite.set_goal(:artist, 'instagram', 'follower_count', 600) IS NOT NULL;
SELECT dreamsuite.record_metrics(:artist, 'instagram', day, jsonb_build_object('follower_count', followers)) IS NOT NULL
  FROM (VALUES (DATE '2026-07-30', 600), ('2026-08-05', 601), ('2026-08-06', 602)) d(day, followers);
SELECT as_of, sentence FROM unnest('{2026-07-30,2026-08-05,2026-08-06}'::date[]) d, dreamsuite.insight_facts(:artist, d, '{goal}') WHERE kind = 'goal_reached';
SELECT dreamsuite.drop_goal(goal_id) FROM dreamsuite.goals WHERE user_id = :artist;
DELETE FROM dreamsuite.daily_metrics WHERE user_id = :artist AND date > '2026-06-30';

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
SELECT dreamsuite.set_goal(:artist, 'tiktok', 'follower_count', 1e40);
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

SELECT dreamsuite.forget_user(:artist) > 0;
