-- growth(): changes over 1, 7 and 30 days, what they are worth, and what is refused.
\pset format unaligned
\pset tuples_only on
SET DateStyle = 'ISO';
SET TimeZone = 'UTC';
SET client_min_messages = warning;

-- a row as the collector stores it: days counted from 2026-03-01
CREATE FUNCTION pg_temp.day(account text, platform text, day int, followers bigint, metrics jsonb DEFAULT '{}')
RETURNS void LANGUAGE SQL AS $$
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
VALUES (md5(account)::uuid, platform, DATE '2026-03-01' + day, followers, metrics) $$;
CREATE FUNCTION pg_temp.growth(account text, platform text DEFAULT NULL, metrics text[] DEFAULT '{follower_count}',
    since date DEFAULT NULL, until date DEFAULT NULL)
RETURNS TABLE (metric text, day int, value numeric, c1 numeric, c7 numeric, c30 numeric, p1 numeric, p7 numeric,
    p30 numeric, quality text) LANGUAGE SQL AS $$
SELECT metric, date - DATE '2026-03-01', value, change_24h, change_7d, change_30d, round(pct_24h::numeric, 3),
       round(pct_7d::numeric, 3), round(pct_30d::numeric, 3), quality
  FROM dreamsuite.growth(md5(account)::uuid, platform, metrics, since, until) $$;

-- no gap: every change is exact
SELECT pg_temp.day('steady', 'instagram', d, 1000 + 10 * d) FROM generate_series(0, 31) AS d \g /dev/null
SELECT * FROM pg_temp.growth('steady') WHERE day IN (0, 1, 6, 7, 29, 30, 31);

-- a gap of two days leaves the 24 h change null and the 7 day change exact
SELECT pg_temp.day('gap', 'instagram', d, 1000 + 10 * d) FROM generate_series(0, 10) AS d WHERE d NOT IN (7, 8) \g /dev/null
SELECT * FROM pg_temp.growth('gap') WHERE day >= 6;

-- the 7 day change reaches back 8 days and no further, the 30 day change 34
SELECT pg_temp.day('reach 8', 'instagram', d, 100 + d) FROM unnest('{0,8}'::int[]) AS d \g /dev/null
SELECT pg_temp.day('reach 9', 'instagram', d, 100 + d) FROM unnest('{0,9}'::int[]) AS d \g /dev/null
SELECT pg_temp.day('reach 34', 'instagram', d, 100 + d) FROM unnest('{0,34}'::int[]) AS d \g /dev/null
SELECT pg_temp.day('reach 35', 'instagram', d, 100 + d) FROM unnest('{0,35}'::int[]) AS d \g /dev/null
SELECT a, g.* FROM unnest('{reach 8,reach 9,reach 34,reach 35}'::text[]) AS a, pg_temp.growth(a) AS g WHERE g.day > 0;

-- of two days that may stand in the nearer one is the baseline
SELECT pg_temp.day('nearer', 'instagram', d, 100 + d) FROM unnest('{0,2,34}'::int[]) AS d \g /dev/null
SELECT * FROM pg_temp.growth('nearer') WHERE day = 34;

-- an unknown value is no observation: no row, and no baseline
SELECT pg_temp.day('unknown', 'instagram', d, CASE WHEN d <> 1 THEN 50 + d END) FROM generate_series(0, 2) AS d \g /dev/null
SELECT * FROM pg_temp.growth('unknown');

-- a base of 0 gives a change and no percent; 0 is a value
SELECT pg_temp.day('zero', 'instagram', d, f) FROM (VALUES (0, 0), (1, 5), (2, 0)) AS v (d, f) \g /dev/null
SELECT * FROM pg_temp.growth('zero');

-- a fall is negative; one by more than half is the plain difference and says reset
SELECT pg_temp.day('reset', 'instagram', d, f) FROM (VALUES (0, 1000), (1, 900), (2, 450), (3, 224), (4, 230)) AS v (d, f) \g /dev/null
SELECT * FROM pg_temp.growth('reset');
-- also where the days between are missing
SELECT pg_temp.day('late reset', 'instagram', d, f) FROM (VALUES (0, 1000), (4, 400)) AS v (d, f) \g /dev/null
SELECT * FROM pg_temp.growth('late reset');

-- rounded, rolling and rates say so; a level is no counter and does not reset
SELECT pg_temp.day('kinds', 'youtube', d, NULL, jsonb_build_object('subscriber_count', 1000 - 600 * d, 'total_views', 10 * d,
    'average_view_duration', 90.25 - 60.5 * d, 'videos_count', 10 - 8 * d)) FROM generate_series(0, 1) AS d \g /dev/null
SELECT pg_temp.day('kinds', 'youtube', 2, NULL, '{"subscriber_count": 410, "total_views": null}') \g /dev/null
SELECT * FROM pg_temp.growth('kinds', 'youtube', '{subscriber_count,total_views,average_view_duration,videos_count}');
SELECT pg_temp.day('kinds', 'spotify', d, NULL, jsonb_build_object('monthly_listeners', 900 - 600 * d)) FROM generate_series(0, 1) AS d \g /dev/null
SELECT * FROM pg_temp.growth('kinds', 'spotify', '{monthly_listeners}');
-- engagement_total is what it adds up: on X posts of the last 30 days, on TikTok all that there was
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, engagement_total, metrics)
SELECT md5('kinds')::uuid, p, date '2026-03-01' + d, 900 - 600 * d, '{}' FROM unnest('{twitter,tiktok}'::text[]) AS p, generate_series(0, 1) AS d;
SELECT platform, value, change_24h, quality FROM dreamsuite.growth(md5('kinds')::uuid, metrics => '{engagement_total}') ORDER BY platform, date;

-- follower_count is the platform's audience, from the column or from its field
SELECT * FROM pg_temp.growth('kinds', 'youtube');
SELECT pg_temp.day('audience', p, 0, NULL, m) FROM (VALUES ('facebook', '{"page_followers": 3}'::jsonb),
    ('deezer', '{"fans_count": 4}'), ('tidal', '{"follower_count": 5}'), ('apple_music', '{"playlists_count": 6}')) AS v (p, m) \g /dev/null
SELECT platform, value FROM dreamsuite.growth(md5('audience')::uuid) ORDER BY 1;

-- several metrics, one named twice; those that a platform lacks give no row
SELECT metric, platform, value FROM dreamsuite.growth(md5('audience')::uuid, metrics => '{playlists_count,follower_count,fans_count,fans_count}') ORDER BY 1, 2;

-- core columns
UPDATE dreamsuite.daily_metrics SET engagement_total = 40, content_count = 7 WHERE user_id = md5('steady')::uuid AND date >= '2026-03-31';
SELECT dreamsuite.repair_changes(md5('steady')::uuid, 'instagram') \g /dev/null
SELECT metric, day, value, c1, quality FROM pg_temp.growth('steady', 'instagram', '{engagement_total,content_count,follower_change_24h}', '2026-03-31') ORDER BY 1, 2;

-- fractions stay exact, numbers beyond bigint too
SELECT pg_temp.day('big', 'instagram', d, NULL, jsonb_build_object('engagement_rate', 0.1 + d * 0.2, 'likes_total', 123456789012345678901234567890 + d))
  FROM generate_series(0, 1) AS d \g /dev/null
SELECT * FROM pg_temp.growth('big', NULL, '{engagement_rate,likes_total}') ORDER BY 1, 2;
SELECT pg_temp.day('edge', 'instagram', d, CASE d WHEN 0 THEN -9223372036854775808 ELSE 9223372036854775807 END) FROM generate_series(0, 1) AS d \g /dev/null
SELECT metric, day, value, c1 FROM pg_temp.growth('edge');

-- what is no number in the row is unknown
SELECT pg_temp.day('nonsense', 'instagram', d, NULL, m) FROM (VALUES (0, '{"likes_total": "5"}'::jsonb), (1, '{"likes_total": true}'),
    (2, '{"likes_total": [5]}'), (3, '[]'), (4, '7'), (5, '{"likes_total": 5}')) AS v (d, m) \g /dev/null
SELECT * FROM pg_temp.growth('nonsense', NULL, '{likes_total,follower_count}');

-- since and until cut what is shown, not what is compared with
SELECT * FROM pg_temp.growth('steady', since => '2026-03-31', until => '2026-03-31');
SELECT day FROM pg_temp.growth('steady', since => '2026-03-30');
SELECT max(day) FROM pg_temp.growth('steady', until => '2026-03-05');
SELECT count(*) FROM pg_temp.growth('steady', since => '-infinity', until => 'infinity');

-- rows of a platform that is not compiled in have the core columns
SELECT pg_temp.day('stranger', 'myspace', d, 10 + d, '{"likes_total": 4}') FROM generate_series(0, 1) AS d \g /dev/null
SELECT * FROM pg_temp.growth('stranger', NULL, '{follower_count,likes_total}');

-- two users whose hashes are equal, and two strangers, come mixed and are kept apart
SELECT pg_temp.day(a, p, d, f + d) FROM (VALUES ('5775', 100), ('29166', 9000)) AS v (a, f), unnest('{tidal,myspace,lastfm}'::text[]) AS p, generate_series(0, 8) AS d \g /dev/null
SELECT count(*), count(change_7d), min(change_7d), max(change_7d), sum(change_24h) FROM dreamsuite.growth() WHERE user_id IN (md5('5775')::uuid, md5('29166')::uuid);
SELECT uuid_hash(md5('5775')::uuid) = uuid_hash(md5('29166')::uuid);
SELECT platform, value, change_24h, change_7d FROM dreamsuite.growth(since => '2026-03-09', until => '2026-03-09')
 WHERE user_id IN (md5('5775')::uuid, md5('29166')::uuid) ORDER BY value, platform;

-- an infinite date is no day
SELECT pg_temp.day('endless', 'tidal', 0, 5) \g /dev/null
UPDATE dreamsuite.daily_metrics SET date = 'infinity' WHERE user_id = md5('endless')::uuid;
SELECT count(*) FROM pg_temp.growth('endless');

-- refused: by name, with what there is
\set SHOW_CONTEXT never
CREATE FUNCTION pg_temp.refused(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; message text; detail text; hint text;
BEGIN
    EXECUTE call;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', state || ' ' || message, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT pg_temp.refused('SELECT * FROM dreamsuite.growth(' || call || ')') FROM unnest(ARRAY[
    $$platform => 'tidal', metrics => '{likes}'$$,
    $$platform => 'tidal', metrics => '{follower_count,subscriber_count}'$$,
    $$platform => 'spotify', metrics => '{top_cities}'$$,
    $$metrics => '{likes}'$$,
    $$metrics => '{top_tracks}'$$,
    $$metrics => '{}'$$,
    $$metrics => NULL$$,
    $$metrics => '{follower_count,NULL}'$$,
    $$platform => 'myspace'$$,
    $$since => '2026-03-02', until => '2026-03-01'$$]) AS call;

-- it can be joined, limited, asked in a subquery, in a cursor, and once per row of something else
SELECT count(*) FROM (SELECT * FROM dreamsuite.growth(md5('steady')::uuid) LIMIT 3) AS x;
SELECT a, (SELECT max(value) FROM dreamsuite.growth(md5(a)::uuid)) FROM unnest('{steady,gap,nobody}'::text[]) AS a;
SELECT a, count(*) FROM unnest('{steady,gap,nobody}'::text[]) AS a, dreamsuite.growth(md5(a)::uuid) GROUP BY a ORDER BY a;
SELECT count(g) FROM dreamsuite.growth(md5('gap')::uuid) AS g;
SELECT count(*) FROM dreamsuite.growth(md5('gap')::uuid) WITH ORDINALITY;
SELECT count(*), count(DISTINCT x) FROM generate_series(1, 3) AS x LEFT JOIN dreamsuite.growth(md5('gap')::uuid) AS g ON g.value <> x;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT date FROM dreamsuite.growth(md5('gap')::uuid);
FETCH 2 FROM c;
FETCH LAST FROM c;
FETCH FIRST FROM c;
COMMIT;
CREATE TEMP TABLE taken AS SELECT * FROM dreamsuite.growth(md5('gap')::uuid);
INSERT INTO taken SELECT * FROM dreamsuite.growth(md5('gap')::uuid);
SELECT count(*) FROM taken;
-- an error half way leaves nothing behind
DO $$ DECLARE r record; BEGIN
    FOR n IN 1 .. 3 LOOP
        BEGIN
            FOR r IN SELECT * FROM dreamsuite.growth(md5('gap')::uuid) LOOP RAISE division_by_zero; END LOOP;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;
SELECT count(*) FROM dreamsuite.growth(md5('gap')::uuid) WHERE 1 / (value - 1010) = 0;
SELECT count(*) FROM dreamsuite.growth(md5('gap')::uuid);
PREPARE by_account(text) AS SELECT count(*) FROM dreamsuite.growth(md5($1)::uuid);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_account('gap');
EXECUTE by_account('steady');
RESET plan_cache_mode;
EXPLAIN (COSTS OFF) SELECT * FROM dreamsuite.growth(md5('gap')::uuid) WHERE value > 3;

-- the shape of the answer
SELECT string_agg(name || ' ' || type::regtype, ', ' ORDER BY n)
  FROM pg_proc AS p, unnest(p.proargnames, p.proallargtypes, p.proargmodes) WITH ORDINALITY AS a (name, type, mode, n)
 WHERE p.oid = 'dreamsuite.growth'::regproc AND mode = 't';

-- rights: row security applies to whoever asks, and so do the privileges on the table
CREATE ROLE regress_growth_artist;
REVOKE ALL ON FUNCTION dreamsuite.growth, dreamsuite.growth_row FROM PUBLIC;
GRANT USAGE ON SCHEMA dreamsuite TO regress_growth_artist;
SET ROLE regress_growth_artist;
SELECT pg_temp.refused('SELECT * FROM dreamsuite.growth()');
RESET ROLE;
GRANT EXECUTE ON FUNCTION dreamsuite.growth, dreamsuite.growth_row TO regress_growth_artist;
SET ROLE regress_growth_artist;
SELECT pg_temp.refused('SELECT * FROM dreamsuite.growth()');
RESET ROLE;
BEGIN;
GRANT SELECT ON dreamsuite.daily_metrics TO regress_growth_artist;
GRANT EXECUTE ON FUNCTION dreamsuite.current_user_id TO regress_growth_artist;
SELECT set_config('request.jwt.claims', json_build_object('sub', md5('gap')::uuid)::text, true) <> '';
SET LOCAL ROLE regress_growth_artist;
SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.growth();
SELECT count(*) FROM dreamsuite.growth(md5('steady')::uuid);
SELECT count(*) FROM dreamsuite.growth(since => '2026-03-11', until => '2026-03-11');
SELECT count(*) FROM (SELECT dreamsuite.growth()) AS x;
ROLLBACK;
REVOKE ALL ON FUNCTION dreamsuite.growth, dreamsuite.growth_row FROM regress_growth_artist;
REVOKE ALL ON SCHEMA dreamsuite FROM regress_growth_artist;
DROP ROLE regress_growth_artist;

DELETE FROM dreamsuite.daily_metrics;
