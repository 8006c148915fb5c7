-- Artists for the browser test. The page of an artist without data needs no rows.

-- An artist with a bit of everything: eleven platforms that grow at their own pace, two releases, posts that differ by kind.
\set artist '''00000000-0000-0000-0000-0000000000a1'''
INSERT INTO dreamsuite.accounts (user_id, platform, handle, status, status_reason)
SELECT :artist::uuid, p.name, CASE WHEN p.name = 'spotify' THEN 'Mira Vale' ELSE 'miravale' END,
       CASE p.name WHEN 'soundcloud' THEN 'needs_reauth' WHEN 'tidal' THEN 'paused' ELSE 'active' END,
       CASE p.name WHEN 'soundcloud' THEN 'the artist took back the permission' END
  FROM dreamsuite.platforms AS p;
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, engagement_total, content_count, metrics)
SELECT :artist::uuid, v.p, d.day, x.audience, (x.audience * 4.2 + n * 31)::bigint, 100 + n / 3,
       CASE WHEN v.k IS NULL THEN '{}' ELSE jsonb_build_object(v.k, x.audience) END
           || CASE WHEN v.k2 IS NULL THEN '{}' ELSE jsonb_build_object(v.k2, (v.f2 * (1 + 0.2 * sin(n / 9.0)) + n * v.f2 / 400)::bigint) END
  FROM (VALUES ('instagram', 'follower_count', 28400, 0.10, 'reach', 82000), ('facebook', 'page_followers', 9120, -0.02, 'page_reach', 15000),
               ('spotify', 'follower_count', 15300, 0.17, 'monthly_listeners', 61000), ('youtube', 'subscriber_count', 12100, 0.06, 'total_views', 1930000),
               ('tiktok', 'follower_count', 55200, 0.31, 'total_likes', 910000), ('soundcloud', 'follower_count', 4030, 0.03, 'total_plays', 220000),
               ('twitter', 'follower_count', 6710, 0.005, 'likes_received', 1800), ('deezer', 'fans_count', 2210, 0.08, 'album_count', 7),
               ('apple_music', NULL, NULL, NULL, 'playlist_placements', 11), ('tidal', 'follower_count', 880, 0.12, NULL, NULL)) AS v(p, k, f, g, k2, f2),
       generate_series(0, 119) AS n, LATERAL (SELECT '2025-12-02'::date + n AS day) AS d,
       LATERAL (SELECT (v.f * (1 + v.g * (n / 119.0 + 0.25 / (1 + exp((66 - n) / 2.0)) + 0.18 / (1 + exp((105 - n) / 1.5)))
                         + 0.002 * v.g * (n % 7)))::bigint AS audience) AS x
 WHERE NOT (v.p = 'soundcloud' AND n > 101) AND NOT (v.p = 'twitter' AND n BETWEEN 40 AND 52);
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title, url, likes, comments, views)
SELECT :artist::uuid, v.p, v.p || n, k.kind, '2025-08-20'::timestamptz + n * interval '31 hours' + (n % 5) * interval '3 hours',
       CASE WHEN n % 9 > 0 THEN (ARRAY['Studio diary', 'Night Drive, live in one take', 'How I wrote the bridge', 'Rehearsal', 'Behind the cover of Paper Lanterns',
              'Tour dates are out: twelve cities, all ages, and a string quartet on three of the nights'])[1 + n % 6] || ' #' || n END,
       'https://example.com/' || v.p || '/' || n, r.likes, r.likes / 20, r.likes * 13
  FROM (VALUES ('instagram', 'reel', 'photo', 'carousel', 900), ('tiktok', 'video', 'photo', 'video', 2600), ('youtube', 'short', 'video', 'short', 420),
               ('facebook', 'video', 'photo', 'link', 140)) AS v(p, a, b, c, f),
       generate_series(1, 170) AS n,
       LATERAL (SELECT CASE n % 3 WHEN 0 THEN v.a WHEN 1 THEN v.b ELSE v.c END AS kind) AS k,
       LATERAL (SELECT (v.f * exp(0.7 * sin(n * n * 1.7) + CASE k.kind WHEN 'reel' THEN 0.9 WHEN 'link' THEN -0.8 WHEN 'short' THEN 0.5 ELSE 0 END
                                  + CASE WHEN extract(isodow FROM '2025-08-20'::timestamptz + n * interval '31 hours') = 5 THEN 0.4 ELSE 0 END))::bigint AS likes) AS r;
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title)
SELECT :artist::uuid, p, t, k, d::timestamptz, t
  FROM (VALUES ('Night Drive', 'single', '2026-02-06'), ('Paper Lanterns', 'album', '2026-03-17')) AS v(t, k, d), unnest('{spotify,deezer,apple_music,tidal}'::text[]) AS p;
DO $$
BEGIN
    IF to_regprocedure('dreamsuite.set_goal(uuid,text,text,numeric,text,date)') IS NOT NULL THEN
        PERFORM dreamsuite.set_goal('00000000-0000-0000-0000-0000000000a1', 'instagram', 'follower_count', 35000, deadline => '2026-06-30');
        PERFORM dreamsuite.set_goal('00000000-0000-0000-0000-0000000000a1', 'spotify', 'monthly_listeners', 100000);
        PERFORM dreamsuite.set_goal('00000000-0000-0000-0000-0000000000a1', 'youtube', 'subscriber_count', 100, period => 'month');
    END IF;
END $$;

-- An artist whose every text is hostile, and whose numbers are extreme.
\set hostile '''00000000-0000-0000-0000-0000000000a2'''
INSERT INTO dreamsuite.accounts (user_id, platform, handle, status, status_reason)
SELECT :hostile::uuid, name, v.handle, v.status, v.reason
  FROM (VALUES ('instagram', '</title><script>window.pwned=1</script>', 'active', NULL),
               ('facebook', '"''><svg/onload=window.pwned=1>', 'failed', '<img src=x onerror=window.pwned=1>' || repeat('W', 500)),
               ('youtube', E'\u202Egnitirw sdrawkcab\u2066', 'active', NULL),
               ('deezer', repeat('W', 10000), 'active', NULL),
               ('tiktok', E'\u05E9\u05DC\u05D5\u05DD \U0001F469\u200D\U0001F3A4', 'needs_reauth', NULL),
               ('spotify', repeat('long name ', 1000), 'active', NULL)) AS v(name, handle, status, reason);
-- a week, then a reset, a gap, and very large numbers
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, engagement_total, metrics)
SELECT :hostile::uuid, p, '2026-01-01'::date + n, (f * exp(n * g))::bigint, (f * n)::bigint, jsonb_build_object(k, (f * exp(n * g))::bigint)
  FROM (VALUES ('instagram', 'follower_count', 123456789012.0, 0.02), ('facebook', 'page_followers', 5.0, 0.03),
               ('youtube', 'subscriber_count', 999999.0, -0.01), ('deezer', 'fans_count', 1000.0, 0.0),
               ('tiktok', 'follower_count', 77.0, 0.08), ('spotify', 'follower_count', 31415926.0, 0.001)) AS v(p, k, f, g),
       generate_series(0, 89) AS n
 WHERE NOT (p = 'deezer' AND n BETWEEN 30 AND 50);
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title, url, likes, comments)
SELECT :hostile::uuid, v.p, v.p || n, CASE n % 3 WHEN 0 THEN 'photo' WHEN 1 THEN 'reel' ELSE 'carousel' END,
       '2025-09-01'::timestamptz + n * interval '31 hours',
       (ARRAY['<script>window.pwned=1</script>', '<img src=x onerror=window.pwned=1>', '"''><svg/onload=window.pwned=1>',
              E'\u202Eright to left \u05E9\u05DC\u05D5\u05DD\u2069\u2069', repeat('x', 10000), repeat(E'a\u0301\u0301\u0301\u0301\u0301\u0301\u0301', 1000),
              repeat(E'\U0001F469\u200D\U0001F3A4', 500), '</table></section></main>', repeat(E'\u0645\u0631\u062D\u0628\u0627 ', 2000)])[1 + n % 9],
       (ARRAY['javascript:window.pwned=1', 'https://www.instagram.com/p/"onmouseover="window.pwned=1', NULL])[1 + n % 3],
       (1000 * exp(sin(n * n * 1.7)))::bigint, n % 11
  FROM (VALUES ('instagram'), ('facebook'), ('tiktok'), ('youtube')) AS v(p), generate_series(1, 160) AS n;
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title)
SELECT :hostile::uuid, 'deezer', 'r' || n, 'album', '2026-01-02'::timestamptz + n * interval '3 days',
       (ARRAY['</b></ol><script>window.pwned=1</script>', repeat('W', 10000)])[1 + n % 2] || n
  FROM generate_series(1, 25) AS n;
DO $$
BEGIN
    IF to_regprocedure('dreamsuite.set_goal(uuid,text,text,numeric,text,date)') IS NOT NULL THEN
        PERFORM dreamsuite.set_goal('00000000-0000-0000-0000-0000000000a2', 'instagram', 'follower_count', 999999999999999);
        PERFORM dreamsuite.set_goal('00000000-0000-0000-0000-0000000000a2', 'tiktok', 'follower_count', 0.5, deadline => '2027-01-01');
    END IF;
END $$;
