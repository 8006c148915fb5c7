-- growth() and the stored changes against plain SQL, row by row, on generated data with missing days, unknown values,
-- resets, falls and rows that came late. A smaller cut here; test/bench runs it with -v users=500 -v days=400.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
\if :{?users}
\else
\set users 5
\set days 80
\endif
BEGIN;
-- a number from 0 to n - 1 that depends on nothing but its text
CREATE FUNCTION pg_temp.pick(n bigint, VARIADIC seed text[]) RETURNS bigint LANGUAGE SQL IMMUTABLE
RETURN pg_catalog.mod(pg_catalog.abs(pg_catalog.hashtextextended(pg_catalog.array_to_string(seed, ' '), 0)::numeric), n)::bigint;

CREATE TEMP TABLE tried (platform text, metric text, key text, kind text);
INSERT INTO tried VALUES
    ('instagram', 'follower_count', 'follower_count', 'counter'), ('instagram', 'likes_total', 'likes_total', 'counter'),
    ('instagram', 'engagement_rate', 'engagement_rate', 'rate'), ('instagram', 'reach', 'reach', 'rolling'),
    ('facebook', 'follower_count', 'page_followers', 'counter'),
    ('spotify', 'follower_count', 'follower_count', 'counter'), ('spotify', 'monthly_listeners', 'monthly_listeners', 'rolling'),
    ('spotify', 'total_streams', 'total_streams', 'counter'),
    ('youtube', 'follower_count', 'subscriber_count', 'rounded'), ('youtube', 'total_views', 'total_views', 'counter'),
    ('youtube', 'likes_total', 'likes_total', 'counter'),
    ('tiktok', 'follower_count', 'follower_count', 'counter'), ('tiktok', 'total_views', 'total_views', 'counter'),
    ('tiktok', 'engagement_rate', 'engagement_rate', 'rate'),
    ('soundcloud', 'follower_count', 'follower_count', 'counter'), ('soundcloud', 'likes_total', 'likes_total', 'counter'),
    ('twitter', 'follower_count', 'follower_count', 'counter'),
    ('apple_music', 'playlists_count', 'playlists_count', 'gauge'),
    ('deezer', 'follower_count', 'fans_count', 'counter'), ('deezer', 'playlists_count', 'playlists_count', 'gauge'),
    ('tidal', 'follower_count', 'follower_count', 'counter');

-- what was observed: values grow, sometimes fall, are sometimes unknown, and some days are missing
CREATE TEMP TABLE observed AS
SELECT md5('growth ' || u)::uuid AS user_id, t.platform, t.metric, t.key, t.kind, DATE '2026-01-01' + d AS date,
       CASE WHEN pg_temp.pick(17, 'unknown', u::text, t.platform, t.metric, d::text) = 0 THEN NULL
            WHEN t.kind = 'rate' THEN round(pg_temp.pick(100000, 'rate', u::text, t.platform, d::text)::numeric / 1000000, 6)
            WHEN pg_temp.pick(41, 'base', u::text, t.platform, t.metric) = 0 AND d < 30 THEN 0
            ELSE greatest(0, (1000 + u * 13 + d * (pg_temp.pick(40, 'slope', u::text, t.platform, t.metric) - 8)
                              + pg_temp.pick(200, 'noise', u::text, t.platform, t.metric, d::text))
                 -- removed content: less than half is left for good
                 / CASE WHEN d > 20 + pg_temp.pick(:days, 'reset', u::text, t.platform, t.metric) THEN 3 ELSE 1 END)::numeric
       END AS value
  FROM generate_series(1, :users) AS u
 CROSS JOIN generate_series(0, :days - 1) AS d
  JOIN tried AS t ON true
 WHERE pg_temp.pick(13, 'missing', u::text, t.platform, d::text) > 0
   AND NOT (pg_temp.pick(4, 'outage', u::text, t.platform) = 0 AND d BETWEEN 37 AND 40 + pg_temp.pick(30, 'length', u::text, t.platform));

INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT user_id, platform, date, max(value) FILTER (WHERE metric = 'follower_count'), jsonb_object_agg(key, value)
  FROM observed
 GROUP BY user_id, platform, date
 ORDER BY hashtext(date::text), user_id, platform;
ANALYZE dreamsuite.daily_metrics;

DELETE FROM observed WHERE value IS NULL;
CREATE INDEX ON observed (user_id, platform, metric, date);
ANALYZE observed;

-- the rule in plain SQL: the observation N days earlier, else the nearest at most N/7 days older
CREATE TEMP VIEW reference AS
SELECT o.user_id, o.platform, o.metric, o.date, o.value,
       o.value - b1.value AS change_24h, o.value - b7.value AS change_7d, o.value - b30.value AS change_30d,
       (o.value - b1.value)::float8 * 100 / nullif(b1.value, 0)::float8 AS pct_24h,
       (o.value - b7.value)::float8 * 100 / nullif(b7.value, 0)::float8 AS pct_7d,
       (o.value - b30.value)::float8 * 100 / nullif(b30.value, 0)::float8 AS pct_30d,
       CASE WHEN o.kind IN ('counter', 'rounded')
                 AND o.value * 2 < coalesce(greatest(b1.value, b7.value, b30.value), before.value) THEN 'reset'
            WHEN o.kind IN ('rolling', 'rounded') THEN o.kind
            WHEN b1.date IS NULL AND before.oldest < o.date - 1
                 OR b7.date IS DISTINCT FROM o.date - 7 AND before.oldest < o.date - 7
                 OR b30.date IS DISTINCT FROM o.date - 30 AND before.oldest < o.date - 30 THEN 'gap'
            ELSE 'exact'
       END AS quality
  FROM observed AS o
  LEFT JOIN observed AS b1
    ON b1.user_id = o.user_id AND b1.platform = o.platform AND b1.metric = o.metric AND b1.date = o.date - 1
  LEFT JOIN LATERAL (SELECT b.value, b.date FROM observed AS b
                      WHERE b.user_id = o.user_id AND b.platform = o.platform AND b.metric = o.metric
                        AND b.date BETWEEN o.date - 8 AND o.date - 7 ORDER BY b.date DESC LIMIT 1) AS b7 ON true
  LEFT JOIN LATERAL (SELECT b.value, b.date FROM observed AS b
                      WHERE b.user_id = o.user_id AND b.platform = o.platform AND b.metric = o.metric
                        AND b.date BETWEEN o.date - 34 AND o.date - 30 ORDER BY b.date DESC LIMIT 1) AS b30 ON true
  LEFT JOIN LATERAL (SELECT (array_agg(b.value ORDER BY b.date DESC))[1] AS value, min(b.date) AS oldest
                       FROM observed AS b
                      WHERE b.user_id = o.user_id AND b.platform = o.platform AND b.metric = o.metric
                        AND b.date BETWEEN o.date - 34 AND o.date - 1) AS before ON true;
CREATE TEMP TABLE expected AS SELECT * FROM reference;

CREATE TEMP TABLE answer AS
SELECT g.* FROM dreamsuite.growth(metrics => ARRAY(SELECT DISTINCT metric FROM tried)) AS g
 WHERE g.user_id IN (SELECT user_id FROM observed) AND (g.platform, g.metric) IN (SELECT platform, metric FROM tried);

-- every kind of row is there
SELECT count(*) > 1000, count(DISTINCT quality), count(*) FILTER (WHERE change_24h < 0) > 10,
       count(*) FILTER (WHERE change_30d IS NOT NULL AND pct_30d IS NULL) > 0 FROM expected;
-- and growth() gives the same
SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE answer) AS missing;
SELECT count(*) FROM (TABLE answer EXCEPT ALL TABLE expected) AS invented;

-- the same through the other ways to ask: a function call, one user, one day, a window, one platform
SELECT count(*) FROM (
    SELECT * FROM expected WHERE metric = 'follower_count'
    EXCEPT ALL
    SELECT (x.g).* FROM (SELECT dreamsuite.growth() AS g OFFSET 0) AS x) AS missing;
SELECT count(*) FROM (
    SELECT * FROM expected WHERE user_id = md5('growth 3')::uuid AND metric = 'follower_count'
    EXCEPT ALL
    SELECT * FROM dreamsuite.growth(md5('growth 3')::uuid)) AS missing;
SELECT d, count(*) FROM generate_series(DATE '2026-01-02', '2026-03-10', interval '11 days') AS s (d)
 CROSS JOIN LATERAL (
    (SELECT * FROM expected WHERE date = d::date AND metric IN ('follower_count', 'likes_total', 'reach')
     EXCEPT ALL
     SELECT * FROM dreamsuite.growth(metrics => '{follower_count,likes_total,reach}', since => d::date, until => d::date))
    UNION ALL
    (SELECT g.* FROM dreamsuite.growth(metrics => '{follower_count,likes_total,reach}', since => d::date, until => d::date) AS g
      WHERE g.user_id IN (SELECT user_id FROM observed)
        AND (g.platform, g.metric) IN (SELECT platform, metric FROM tried)
     EXCEPT ALL
     SELECT * FROM expected WHERE date = d::date AND metric IN ('follower_count', 'likes_total', 'reach'))) AS x
 GROUP BY d;
SELECT count(*) FROM (
    SELECT * FROM expected WHERE date BETWEEN '2026-02-10' AND '2026-02-16' AND metric = 'follower_count'
    EXCEPT ALL
    SELECT * FROM dreamsuite.growth(since => '2026-02-10', until => '2026-02-16')) AS missing;
SELECT count(*) FROM (
    SELECT * FROM expected WHERE date >= '2026-02-10' AND platform = 'youtube' AND metric = 'total_views'
    EXCEPT ALL
    SELECT * FROM dreamsuite.growth(platform => 'youtube', metrics => '{total_views}', since => '2026-02-10')) AS missing;

-- the stored changes follow the same rule ...
CREATE TEMP VIEW stored AS
SELECT d.user_id, d.platform, c.metric, d.date, c.change
  FROM dreamsuite.daily_metrics AS d
 CROSS JOIN LATERAL (VALUES
    ('follower_count 24h', d.follower_change_24h::numeric),
    ('subscriber 30d', CASE d.platform WHEN 'youtube' THEN (d.metrics ->> 'subscriber_change_30d')::numeric END),
    ('total_views 7d', CASE d.platform WHEN 'youtube' THEN (d.metrics ->> 'views_change_7d')::numeric END),
    ('total_streams 30d', CASE d.platform WHEN 'spotify' THEN (d.metrics ->> 'streams_change_30d')::numeric END),
    ('follower_count 7d', CASE d.platform WHEN 'instagram' THEN (d.metrics ->> 'follower_change_7d')::numeric END))
    AS c (metric, change)
 WHERE c.change IS NOT NULL AND d.user_id IN (SELECT user_id FROM observed);
CREATE TEMP VIEW wanted AS
SELECT e.user_id, e.platform, c.metric, e.date, c.change
  FROM reference AS e
 CROSS JOIN LATERAL (VALUES
    ('follower_count 24h', CASE WHEN e.metric = 'follower_count' THEN e.change_24h END),
    ('subscriber 30d', CASE WHEN e.platform = 'youtube' AND e.metric = 'follower_count' THEN e.change_30d END),
    ('total_views 7d', CASE WHEN e.platform = 'youtube' AND e.metric = 'total_views' THEN e.change_7d END),
    ('total_streams 30d', CASE WHEN e.platform = 'spotify' AND e.metric = 'total_streams' THEN e.change_30d END),
    ('follower_count 7d', CASE WHEN e.platform = 'instagram' AND e.metric = 'follower_count' THEN e.change_7d END))
    AS c (metric, change)
 WHERE c.change IS NOT NULL;
SELECT sum(dreamsuite.repair_changes(user_id, platform)) > 100 FROM (SELECT DISTINCT user_id, platform FROM observed) AS a;
SELECT count(*) > 100 FROM stored;
SELECT count(*) FROM (TABLE stored EXCEPT ALL TABLE wanted) AS x;
SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE stored) AS x;
-- ... a second repair has nothing to do ...
SELECT sum(dreamsuite.repair_changes(user_id, platform)) FROM (SELECT DISTINCT user_id, platform FROM observed) AS a;
-- ... and stay right when days go and are corrected
CREATE TEMP TABLE gone AS
SELECT DISTINCT user_id, platform, date FROM observed WHERE pg_temp.pick(9, 'gone', user_id::text, platform, date::text) = 0;
DELETE FROM dreamsuite.daily_metrics AS d USING gone AS g
 WHERE d.user_id = g.user_id AND d.platform = g.platform AND d.date = g.date;
DELETE FROM observed AS o USING gone AS g WHERE o.user_id = g.user_id AND o.platform = g.platform AND o.date = g.date;
CREATE TEMP TABLE corrected AS
SELECT user_id, platform, date, key, value + 77 AS value FROM observed
 WHERE metric = 'follower_count' AND pg_temp.pick(8, 'corrected', user_id::text, platform, date::text) = 0;
UPDATE dreamsuite.daily_metrics AS d SET follower_count = c.value, metrics = d.metrics || jsonb_build_object(c.key, c.value)
  FROM corrected AS c WHERE d.user_id = c.user_id AND d.platform = c.platform AND d.date = c.date;
UPDATE observed AS o SET value = c.value FROM corrected AS c
 WHERE o.user_id = c.user_id AND o.platform = c.platform AND o.date = c.date AND o.metric = 'follower_count';
SELECT count(*) > 10 FROM gone;
SELECT count(*) > 10 FROM corrected;
SELECT count(*) FROM (TABLE stored EXCEPT ALL TABLE wanted) AS x;
SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE stored) AS x;
ROLLBACK;
