-- insight_facts: what must not be told, and how facts live
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA insight_rules;
SET search_path = insight_rules, public;
CREATE FUNCTION noise(i int, salt text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT sqrt(-2 * ln((1 + ('x' || substr(md5(salt || i), 1, 7))::bit(28)::int) / 268435457.0))
           * cos(6.283185307179586 * ('x' || substr(md5(salt || i), 8, 7))::bit(28)::int / 268435456.0)
$$;
CREATE FUNCTION gain(i int, salt text, mean float8, spread float8 DEFAULT 0.25) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT round(mean * exp(spread * noise(i, salt)))::bigint
$$;
CREATE VIEW days AS SELECT i, DATE '2025-12-30' + i AS day FROM generate_series(1, 182) i;
CREATE FUNCTION artist(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '7'))::uuid $$;
CREATE FUNCTION told(n int, kinds text DEFAULT '', on_day date DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT kind || ': ' || sentence FROM dreamsuite.insight_facts(artist(n), on_day) WHERE kind ~ kinds ORDER BY kind, fact_id
$$;
CREATE FUNCTION followers(n int, levels bigint[]) RETURNS SETOF void LANGUAGE sql AS $$
    INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
    SELECT artist(n), 'tiktok', day, levels[i], jsonb_build_object('follower_count', levels[i]) FROM days WHERE levels[i] IS NOT NULL
$$;
CREATE FUNCTION total(gains bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(s ORDER BY i) FROM (SELECT i, 10000 + sum(g) OVER (ORDER BY i) AS s FROM unnest(gains) WITH ORDINALITY u(g, i)) t
$$;

-- nobody, and no data: no facts
SELECT count(*) FROM dreamsuite.insight_facts(artist(99));
SELECT count(*) FROM dreamsuite.top_facts(artist(99));

-- one new follower among days without any is no spike
SELECT followers(1, total(ARRAY(SELECT CASE WHEN i IN (40, 90, 181) THEN 1 ELSE 0 END FROM days ORDER BY i)));
SELECT told(1, 'spike|unusual|change');

-- a total over 28 days: the big day that leaves the window is no drop, and no week's loss
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics)
SELECT artist(2), 'spotify', day, jsonb_build_object('monthly_listeners', 50000 + i + CASE WHEN i BETWEEN 150 AND 177 THEN 40000 ELSE 0 END) FROM days;
SELECT told(2, '');

-- days that are missing: the gain of nine days is no gain of one; the gap is told
SELECT followers(3, ARRAY(SELECT CASE WHEN i BETWEEN 165 AND 172 THEN NULL ELSE l END
                            FROM unnest(total(ARRAY(SELECT gain(i, 'f', 100) FROM days ORDER BY i))) WITH ORDINALITY u(l, i) ORDER BY i));
SELECT told(3, 'spike|gaps|week_growth');

-- a counter that starts again: a reset, no fall of a week
SELECT followers(4, ARRAY(SELECT CASE WHEN i >= 178 THEN 50 + i ELSE l END
                            FROM unnest(total(ARRAY(SELECT gain(i, 'f', 100) FROM days ORDER BY i))) WITH ORDINALITY u(l, i) ORDER BY i));
SELECT told(4, 'spike|reset|week|unusual|need');

-- YouTube rounds: a step is no spike, of subscribers there is no daily fact at all
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT artist(5), 'youtube', day, s, jsonb_build_object('subscriber_count', s) FROM (SELECT day, 10000 + i / 90 * 1000 AS s FROM days) d;
SELECT told(5, 'spike|unusual|change|weekend|week_growth');
UPDATE dreamsuite.daily_metrics SET follower_count = 11000, metrics = '{"subscriber_count": 11000}' WHERE user_id = artist(5) AND date BETWEEN '2026-05-01' AND '2026-06-24';
UPDATE dreamsuite.daily_metrics SET follower_count = 12000, metrics = '{"subscriber_count": 12000}' WHERE user_id = artist(5) AND date > '2026-06-24';
SELECT told(5, 'spike|unusual|change|weekend|week_growth');
SELECT caveats FROM dreamsuite.insight_facts(artist(5)) WHERE kind = 'week_growth';

-- nothing after the settled day: Instagram's last two days are not looked at
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT artist(6), 'instagram', day, l, jsonb_build_object('follower_count', l)
  FROM (SELECT day, 10000 + 10 * least(i, 180) + CASE WHEN i > 180 THEN 5000 ELSE 0 END AS l FROM days) d;
SELECT window_end, settled_through, as_of, sentence FROM dreamsuite.insight_facts(artist(6)) WHERE kind = 'week_growth';
SELECT bool_and(window_end <= settled_through AND settled_through <= as_of) FROM dreamsuite.insight_facts(artist(6));

-- young posts: all posts of the last week are reels, and have had no time to be liked
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, likes)
SELECT artist(7), 'tiktok', 'p' || i, CASE WHEN i <= 12 OR i % 2 = 0 THEN 'video' ELSE 'photo' END, TIMESTAMPTZ '2026-06-30 12:00Z' - make_interval(hours => 14 * i),
       CASE WHEN i <= 12 THEN 2 ELSE gain(i, 'p', 100, 0.6) END FROM generate_series(0, 90) i;
SELECT followers(7, total(ARRAY(SELECT gain(i, 'f', 100) FROM days ORDER BY i)));
SELECT told(7, 'format|daypart|weekday');

-- growth: the account grew tenfold and took up videos late; that is not the merit of videos
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, likes)
SELECT artist(8), 'tiktok', 'p' || i, CASE WHEN i > 50 AND i % 6 > 0 THEN 'video' ELSE 'photo' END, TIMESTAMPTZ '2026-01-10 12:00Z' + make_interval(hours => 40 * i),
       gain(i, 'p', 50 * exp(2.5 * i / 95), 0.4) FROM generate_series(0, 95) i;
SELECT followers(8, total(ARRAY(SELECT gain(i, 'f', 100) FROM days ORDER BY i)));
SELECT told(8, 'format');

-- equal age: with few posts those of 7 days count, not what old posts have gathered since
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, likes)
SELECT artist(9), 'tiktok', 'p' || i, CASE WHEN i % 3 = 0 THEN 'video' ELSE 'photo' END, TIMESTAMPTZ '2026-06-22 12:00Z' - make_interval(hours => 60 * i),
       500 FROM generate_series(0, 40) i;
INSERT INTO dreamsuite.content_history (user_id, platform, content_id, date, likes)
SELECT user_id, platform, content_id, published_at::date + 7, CASE kind WHEN 'video' THEN 300 ELSE 100 END + length(content_id)
  FROM dreamsuite.content_items WHERE user_id = artist(9);
SELECT followers(9, total(ARRAY(SELECT gain(i, 'f', 100) FROM days ORDER BY i)));
SELECT kind, n, n_baseline, evidence -> 'parameters' -> 'equal_age' FROM dreamsuite.insight_facts(artist(9)) WHERE kind = 'format_effect';

-- too little: how much more is needed
SELECT followers(10, (total(ARRAY(SELECT 5 FROM days ORDER BY i)))[1:182]) FROM generate_series(1, 1);
DELETE FROM dreamsuite.daily_metrics WHERE user_id = artist(10) AND date < '2026-06-20';
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, likes)
SELECT artist(10), 'tiktok', 'p' || i, 'video', TIMESTAMPTZ '2026-06-20 12:00Z' - make_interval(days => i), 10 FROM generate_series(1, 12) i;
SELECT told(10, 'need');
SELECT evidence -> 'needs' -> 0 FROM dreamsuite.insight_facts(artist(10)) WHERE kind = 'need_days';
-- numbers that stopped coming
SELECT told(10, 'stale', '2026-07-20');

-- a day on which five accounts jump is the platform's
SELECT followers(20 + n, total(ARRAY(SELECT gain(i, 'f' || n, 30) + CASE WHEN i = 180 AND n <= 6 THEN 900 ELSE 0 END FROM days ORDER BY i))) FROM generate_series(1, 9) n;
SELECT told(21, 'spike|shock');
SELECT evidence -> 'accounts_moved', evidence -> 'accounts_looked_at' FROM dreamsuite.insight_facts(artist(21)) WHERE kind = 'platform_shock';
-- one that others do not share is its own
DELETE FROM dreamsuite.daily_metrics WHERE user_id IN (SELECT artist(20 + n) FROM generate_series(2, 6) n);
SELECT told(21, 'spike|shock');

-- life: new on the first day that it can be told, then continuing, then grown old
SELECT d::date, (SELECT string_agg(kind || ' ' || (evidence ->> 'status'), ', ') FROM dreamsuite.insight_facts(artist(21), d::date) WHERE kind ~ 'spike')
  FROM generate_series('2026-06-27'::timestamp, '2026-07-01', '1 day') d;
SELECT count(*) FROM dreamsuite.insight_facts(artist(21), '2026-08-10') WHERE kind ~ 'spike';

-- advice does not flicker: over three weeks of looks each answer changes once at most
SELECT count(*) FILTER (WHERE told IS DISTINCT FROM before) - 1 <= 1
  FROM (SELECT told, lag(told) OVER (ORDER BY d) AS before
          FROM (SELECT d, EXISTS (SELECT FROM dreamsuite.insight_facts(artist(9), d::date) WHERE kind = 'format_effect') AS told
                  FROM generate_series('2026-06-10'::timestamp, '2026-06-30', '1 day') d) t) u;

-- the same data, byte by byte; and a filter changes nothing but what is shown
SELECT count(*) >= 3 FROM dreamsuite.insight_facts(artist(9));
SELECT count(*) FROM (SELECT f::text FROM dreamsuite.insight_facts(artist(9)) f EXCEPT SELECT f::text FROM dreamsuite.insight_facts(artist(9), '2026-06-30') f) d;
SELECT count(*) FROM (SELECT f::text FROM dreamsuite.insight_facts(artist(9), NULL, '{content,growth}') f EXCEPT SELECT f::text FROM dreamsuite.insight_facts(artist(9)) f) d;
SELECT DISTINCT category FROM dreamsuite.insight_facts(artist(9), NULL, '{content,growth}') ORDER BY 1;
-- the same when the rows lie in another order, as after a restore
CREATE TABLE told_before AS SELECT f::text FROM dreamsuite.insight_facts(artist(9)) f;
CREATE TABLE kept_days AS SELECT * FROM dreamsuite.daily_metrics WHERE user_id = artist(9);
CREATE TABLE kept_items AS SELECT * FROM dreamsuite.content_items WHERE user_id = artist(9);
DELETE FROM dreamsuite.daily_metrics WHERE user_id = artist(9);
DELETE FROM dreamsuite.content_items WHERE user_id = artist(9);
INSERT INTO dreamsuite.daily_metrics SELECT * FROM kept_days ORDER BY md5(date::text);
INSERT INTO dreamsuite.content_items SELECT * FROM kept_items ORDER BY md5(content_id);
SELECT count(*) FROM (TABLE told_before EXCEPT SELECT f::text FROM dreamsuite.insight_facts(artist(9)) f) d;
SELECT count(*) FROM told_before EXCEPT SELECT count(*) FROM dreamsuite.insight_facts(artist(9));

-- every fact has what a reader needs
SELECT count(*) FROM dreamsuite.insight_facts(artist(9)) WHERE fact_id !~ '^[a-z_]+:[^:]+:[0-9-]+\.\.[0-9-]+:[0-9a-f]{8}$' OR sentence IS NULL OR method IS NULL
    OR evidence ->> 'status' IS NULL OR score NOT BETWEEN 0 AND 1 OR (evidence_class = 'tested') <> (q_value IS NOT NULL AND family IS NOT NULL AND tests_in_family > 0);
SELECT count(*) = count(DISTINCT fact_id) FROM dreamsuite.insight_facts(artist(9));

-- explain_fact: every fact can be looked up, with all posts and days behind it
SELECT count(*) FROM dreamsuite.insight_facts(artist(9)) f, dreamsuite.explain_fact(artist(9), f.fact_id) e WHERE e ->> 'sentence' IS DISTINCT FROM f.sentence;
SELECT jsonb_array_length(f.evidence -> 'content'), jsonb_array_length(e -> 'evidence' -> 'content'), e -> 'parameters' ->> 'strata'
  FROM dreamsuite.insight_facts(artist(9)) f, dreamsuite.explain_fact(artist(9), f.fact_id) e WHERE f.kind = 'format_effect';
-- also a fact of an earlier day
SELECT e ->> 'kind' FROM (SELECT fact_id FROM dreamsuite.insight_facts(artist(9), '2026-06-15') WHERE kind = 'week_growth') f, dreamsuite.explain_fact(artist(9), f.fact_id) e;

-- top_facts: the best, different ones
SELECT count(*) <= 3, min(score) >= 0 FROM dreamsuite.top_facts(artist(9), k => 3);

-- errors say what is wrong
SELECT * FROM dreamsuite.insight_facts(NULL);
SELECT * FROM dreamsuite.insight_facts(artist(9), 'infinity');
SELECT * FROM dreamsuite.insight_facts(artist(9), NULL, '{growth,luck}');
SELECT * FROM dreamsuite.top_facts(artist(9), k => 0);
SELECT dreamsuite.explain_fact(artist(9), 'no:such:fact');
SELECT * FROM dreamsuite.compare_posts(artist(9), 'tiktok', 'mood');
SELECT * FROM dreamsuite.compare_posts(artist(9), 'myspace', 'kind');

DROP SCHEMA insight_rules CASCADE;
DELETE FROM dreamsuite.daily_metrics WHERE user_id::text LIKE '%-77777777%';
DELETE FROM dreamsuite.content_items WHERE user_id::text LIKE '%-77777777%';
DELETE FROM dreamsuite.content_history WHERE user_id::text LIKE '%-77777777%';
