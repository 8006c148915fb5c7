-- check_claims(): which numbers of an answer stand on the facts that it cites.
\pset format unaligned
\pset tuples_only on
SET DateStyle = 'ISO';
SET client_min_messages = warning;
\set SHOW_CONTEXT never

-- Instagram grows from 10,870 to 11,975 in its last settled week; Spotify loses followers, and its listeners hit a record.
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT md5('artist')::uuid, 'instagram', DATE '2026-03-01' + n, f, jsonb_build_object('follower_count', f)
  FROM (SELECT n, 10000 + 15 * n + CASE WHEN n > 60 THEN 200 * (n - 60) ELSE 0 END AS f FROM generate_series(0, 67) AS n) AS d;
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics)
SELECT md5('artist')::uuid, 'spotify', DATE '2026-03-01' + n, jsonb_build_object('follower_count', 2000 - n, 'monthly_listeners', 5000 + 10 * n)
  FROM generate_series(0, 67) AS n;
SELECT dreamsuite.set_goal(md5('artist')::uuid, 'instagram', 'follower_count', 15000, deadline => '2026-06-30') IS NOT NULL;

SELECT fact_id AS grew, sentence FROM dreamsuite.insight_facts(md5('artist')::uuid) WHERE kind = 'week_growth' AND platform = 'instagram' \gset
\echo :sentence
SELECT fact_id AS fell, sentence FROM dreamsuite.insight_facts(md5('artist')::uuid) WHERE kind = 'week_growth' AND platform = 'spotify' \gset
\echo :sentence
SELECT fact_id AS record, sentence FROM dreamsuite.insight_facts(md5('artist')::uuid) WHERE kind = 'new_record' \gset
\echo :sentence
SELECT fact_id AS goal, sentence FROM dreamsuite.insight_facts(md5('artist')::uuid) WHERE kind = 'goal_progress' \gset
\echo :sentence

CREATE FUNCTION pg_temp.judge(answer text, OUT claim text, OUT fact text, OUT ok boolean, OUT reason text) RETURNS SETOF record LANGUAGE sql AS $$
SELECT claim, split_part(fact_id, ':', 1), ok, reason FROM dreamsuite.check_claims(md5('artist')::uuid, answer) $$;

-- every sentence of every fact is borne out by its own fact, one by one and as one text
SELECT count(*) > 5, count(*) FILTER (WHERE NOT c.ok)
  FROM dreamsuite.insight_facts(md5('artist')::uuid) AS f,
       dreamsuite.check_claims(md5('artist')::uuid, f.sentence || ' [F:' || f.fact_id || ']') AS c;
SELECT count(*) FILTER (WHERE NOT c.ok)
  FROM (SELECT string_agg(sentence || ' [F:' || fact_id || ']', ' ') AS answer FROM dreamsuite.insight_facts(md5('artist')::uuid)) AS x,
       dreamsuite.check_claims(md5('artist')::uuid, x.answer) AS c;

-- the same numbers in other words
SELECT * FROM pg_temp.judge('Instagram grew 10.2% to 11,975 [F:' || :'grew' || ']. That is 1,105 more in 7 days [F:' || :'grew' || '].');
SELECT * FROM pg_temp.judge('About 12k followers, up from over 10,800 [F:' || :'grew' || '].');
SELECT * FROM pg_temp.judge('Spotify lost 7 followers, 0.36% [F:' || :'fell' || '], while listeners reached 5.67k [F:' || :'record' || '].');
SELECT * FROM pg_temp.judge('The goal of fifteen thousand is 79.8% done, with 3,025 to go and 54 a day needed [F:' || :'goal' || '].');

-- lies
SELECT * FROM pg_temp.judge('Instagram grew 15% [F:' || :'grew' || '].');
SELECT * FROM pg_temp.judge('Instagram fell 10% [F:' || :'grew' || ']. Spotify gained 7 followers [F:' || :'fell' || '].');
SELECT * FROM pg_temp.judge('Instagram followers doubled [F:' || :'grew' || '].');
SELECT * FROM pg_temp.judge('Instagram grew 0.4% [F:' || :'grew' || '] and Spotify fell 10% [F:' || :'fell' || '].');
SELECT * FROM pg_temp.judge('You have exactly 12,000 followers [F:' || :'grew' || '].');

-- that nothing was missing is no zero followers, and that one day was looked at is no single follower
SELECT claim, ok FROM pg_temp.judge('You have 0 followers [F:' || :'grew' || ']. You have 1 follower [F:' || :'grew' || '].');
-- ... and a p-value near 0 is none
SELECT fact_id AS unusual, p_value < 0.05 AS clear FROM dreamsuite.insight_facts(md5('artist')::uuid) WHERE p_value IS NOT NULL ORDER BY fact_id LIMIT 1 \gset
SELECT claim, ok, :'clear' FROM pg_temp.judge('You have 0 followers [F:' || :'unusual' || '].');

-- no fact, and facts that do not exist
SELECT * FROM pg_temp.judge('Instagram grew 10% this week.');
SELECT * FROM pg_temp.judge('Instagram grew 10% [F:week_growth:instagram.follower_count:2026-04-28..2026-05-05:00000000].');
SELECT * FROM pg_temp.judge('All is well [F:made up].');
SELECT * FROM pg_temp.judge('Instagram grew 10% [F:made up, ' || :'grew' || '].');

-- dates, times, lists and periods are no claims
SELECT count(*) FROM pg_temp.judge(E'1. Post on 12 May at 18:00.\n2. Look again in the last 7 days of 2026-05.\n3. See [F:' || :'grew' || '].');

-- an answer about an earlier day: its facts are found, told with that day or without it
SELECT fact_id AS early, window_end FROM dreamsuite.insight_facts(md5('artist')::uuid, '2026-04-10') WHERE kind = 'week_growth' AND platform = 'instagram' \gset
SELECT claim, ok, reason FROM dreamsuite.check_claims(md5('artist')::uuid, 'It grew 1% [F:' || :'early' || '].', '2026-04-10');
SELECT claim, ok, reason FROM dreamsuite.check_claims(md5('artist')::uuid, 'It grew 1% [F:' || :'early' || '].');

-- a fact of another artist is no fact
SELECT claim, ok, reason FROM dreamsuite.check_claims(md5('nobody')::uuid, 'It grew 10% [F:' || :'grew' || '].');

-- what is refused; how much is taken
SELECT * FROM dreamsuite.check_claims(NULL, 'x');
SELECT * FROM dreamsuite.check_claims(md5('artist')::uuid, NULL);
SELECT * FROM dreamsuite.check_claims(md5('artist')::uuid, 'x', 'infinity');
SELECT count(*) FROM dreamsuite.check_claims(md5('artist')::uuid, '');
SELECT count(*) FROM dreamsuite.check_claims(md5('artist')::uuid, repeat('x', 65536));
SELECT count(*) FROM dreamsuite.check_claims(md5('artist')::uuid, repeat('x', 65537));
SELECT count(*), bool_or(ok) FROM dreamsuite.check_claims(md5('artist')::uuid, repeat('12 ', 4096));
SELECT count(*) FROM dreamsuite.check_claims(md5('artist')::uuid, repeat('12 ', 4097));
SELECT * FROM pg_temp.judge(U&'\0661\0665% \+01F3B5 12\202F345 \202E 3% [F:\00E9\FFFD]');

DELETE FROM dreamsuite.goals;
DELETE FROM dreamsuite.daily_metrics;
