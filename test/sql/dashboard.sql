-- dashboard: one HTML page, whatever an artist and the platforms write into it
SET client_min_messages = warning;
SET dreamsuite.test_now = '2026-03-31T08:00:00Z';

-- what the checks below ask of a page
CREATE FUNCTION pg_temp.has(page text, wanted text) RETURNS boolean LANGUAGE sql AS $$ SELECT position(wanted IN page) > 0 $$;
CREATE FUNCTION pg_temp.times(page text, pattern text) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM regexp_matches(page, pattern, 'g') $$;
-- names of all elements, in the order of the alphabet
CREATE FUNCTION pg_temp.elements(page text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(DISTINCT lower(m[1]), ' ' ORDER BY lower(m[1])) FROM regexp_matches(page, '<([a-zA-Z][^\s/>]*)', 'g') AS m $$;

-- nobody is refused: an unknown user gets the page that explains the next step
SELECT dreamsuite.dashboard('00000000-0000-4000-8000-00000000dead') AS page \gset
SELECT :'page' LIKE '<!DOCTYPE html>%</html>' || E'\n' AS whole, pg_temp.has(:'page', 'Nothing to show yet') AS says_so,
    pg_temp.has(:'page', 'dreamsuite.authorize_url(') AS next_step, pg_temp.times(:'page', '<svg') AS drawings;

-- an account without a number yet
\set artist '''00000000-0000-4000-8000-0000000000a1'''
INSERT INTO dreamsuite.accounts (user_id, platform, handle, status, status_reason)
VALUES (:artist, 'soundcloud', 'Nova Reed', 'pending', 'waiting for the artist to allow access');
SELECT dreamsuite.dashboard(:artist) AS page \gset
SELECT pg_temp.has(:'page', 'Waiting for the first numbers') AS says_so, pg_temp.has(:'page', 'waiting for the artist to allow access') AS reason,
    pg_temp.has(:'page', '<h1><bdi>Nova Reed</bdi></h1>') AS name;

-- numbers of 120 days on three platforms, one with a gap; posts; releases
INSERT INTO dreamsuite.accounts (user_id, platform, handle, status)
VALUES (:artist, 'instagram', 'nova.reed', 'active'), (:artist, 'youtube', '@novareed', 'active'), (:artist, 'spotify', NULL, 'active');
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT :artist::uuid, 'instagram', '2025-12-02'::date + n, 10000 + n * 20, jsonb_build_object('follower_count', 10000 + n * 20, 'reach', 52345)
  FROM generate_series(0, 119) AS n
UNION ALL
SELECT :artist::uuid, 'youtube', '2025-12-02'::date + n, 2000 + n, jsonb_build_object('subscriber_count', 2000 + n)
  FROM generate_series(0, 116) AS n WHERE n NOT BETWEEN 60 AND 70
UNION ALL
SELECT :artist::uuid, 'spotify', '2025-12-02'::date + n, NULL, '{"follower_count": null, "monthly_listeners": null}'::jsonb
  FROM generate_series(0, 119) AS n;
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title, url, likes, comments)
SELECT :artist::uuid, 'instagram', 'p' || n, CASE WHEN n % 3 = 0 THEN 'photo' ELSE 'reel' END, '2025-10-01'::timestamptz + n * interval '1.7 days',
       'Post ' || n, 'https://www.instagram.com/p/' || n, 100 + n % 7 * 30, n % 5
  FROM generate_series(1, 106) AS n;
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title)
VALUES (:artist, 'spotify', 'a1', 'single', '2026-02-06', 'Night Drive'), (:artist, 'apple_music', 'a1', 'single', '2026-02-06', 'Night Drive - Single');

SELECT dreamsuite.dashboard(:artist) AS page \gset
SELECT pg_temp.times(:'page', '<li class="card ') AS cards, pg_temp.has(:'page', 'title="12,380">12.4k</data>') AS followers,
    pg_temp.has(:'page', '+140</span> <span class="pct">+1.1%') AS week, pg_temp.has(:'page', 'title="52,345">52.3k') AS reach,
    pg_temp.has(:'page', '<time datetime="2026-03-31">31 Mar 2026</time>') AS freshness, pg_temp.has(:'page', '3 days behind') AS late;
-- the number of a platform that tells none is no zero
SELECT substring(:'page' FROM '<li class="card k\d+?"><h3><span class="key" aria-hidden="true"></span>Spotify</h3>(.*?)</li>') AS spotify;
-- parts of the page, in order
SELECT string_agg(m[1], ', ' ORDER BY n) AS parts FROM regexp_matches(:'page', '<h2 id="[^"]*">([^<]*)', 'g') WITH ORDINALITY AS t(m, n)
 WHERE m[1] NOT IN ('What the numbers say', 'Goals', 'Formats compared', 'Health of the data');
-- one release, though two platforms have it
SELECT pg_temp.times(:'page', 'Release: ') AS releases, pg_temp.has(:'page', '<bdi>Night Drive</bdi></b> <span class="muted">Spotify, Apple Music</span>') AS both;
-- what an assistive reader and a careful browser find
SELECT pg_temp.times(:'page', '<svg[^>]*role="img"') = pg_temp.times(:'page', '<svg[^>]*role="img"[^>]*><title') AS drawings_have_titles,
    pg_temp.has(:'page', '<html lang="en">') AS language, pg_temp.times(:'page', '<h1>') AS h1, pg_temp.has(:'page', 'default-src ''none''') AS policy,
    pg_temp.times(:'page', '\s(src|srcset|background)=|@import|[:\s]url\(') AS outside;
SELECT pg_temp.elements(:'page') ~ '\m(script|iframe|img|object|embed|form|input|base|audio|video)\M' AS forbidden;
SELECT octet_length(:'page') < 300000 AS small_enough;
-- whatever the time zone of the session, also with a post at the edge of what is read
BEGIN;
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, likes)
VALUES (:artist, 'instagram', 'edge', 'photo', TIMESTAMPTZ '2026-03-31 00:00Z' - interval '365 days', 100);
SET LOCAL TimeZone = 'Pacific/Honolulu';
SELECT dreamsuite.dashboard(:artist) AS west \gset
SET LOCAL TimeZone = 'Pacific/Kiritimati';
SELECT dreamsuite.dashboard(:artist) = :'west' AS same;
ROLLBACK;

-- a number that stopped long ago, beside others of today: the card says how old it is, and its last change is no change of this week
\set quiet '''00000000-0000-4000-8000-0000000000a3'''
INSERT INTO dreamsuite.accounts (user_id, platform, status) VALUES (:quiet, 'instagram', 'active'), (:quiet, 'spotify', 'active');
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT :quiet::uuid, 'instagram', '2026-01-01'::date + n, 10000 + n * 20, jsonb_build_object('follower_count', 10000 + n * 20)
  FROM generate_series(0, 89) AS n
UNION ALL
SELECT :quiet::uuid, 'spotify', '2026-01-01'::date + n, f, jsonb_build_object('follower_count', f, 'saved_tracks_count', 7, 'monthly_listeners', CASE WHEN n < 40 THEN 52345 END)
  FROM (SELECT n, CASE WHEN n < 50 THEN 5000 + n * 100 END AS f FROM generate_series(0, 89) AS n) AS s;
SELECT dreamsuite.dashboard(:quiet) AS page \gset
SELECT pg_temp.has(:'page', '40 days behind') AS late, pg_temp.has(:'page', '+140</span>') AS change_of_the_week, pg_temp.times(:'page', 'known of 1 of 2 platforms') AS known,
    pg_temp.has(:'page', '<dt>saved tracks</dt>') AS newer_second, pg_temp.has(:'page', '52,345') AS older_second;

-- a day in the past shows nothing newer
SELECT dreamsuite.dashboard(:artist, '2026-01-31') AS page \gset
SELECT pg_temp.has(:'page', '>11.2k</data>') AS followers_then, pg_temp.has(:'page', 'Night Drive') AS later_release, pg_temp.has(:'page', '2026-03') AS march;
-- before the first day there is nothing
SELECT pg_temp.has(dreamsuite.dashboard(:artist, '2020-01-01'), 'Waiting for the first numbers') AS waiting;

-- hostile texts appear as text: names, titles, captions, reasons, addresses
\set hostile '''00000000-0000-4000-8000-0000000000a2'''
INSERT INTO dreamsuite.accounts (user_id, platform, handle, status, status_reason) VALUES
    (:hostile, 'instagram', '</title><script>window.pwned=1</script>', 'active', NULL),
    (:hostile, 'tiktok', '"''><svg/onload=window.pwned=1>', 'failed', '<img src=x onerror=window.pwned=1>'),
    (:hostile, 'youtube', E'\u202Egnitirw sdrawkcab\u2066', 'active', NULL),
    (:hostile, 'deezer', repeat('W', 10000), 'active', NULL);
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT :hostile::uuid, p, '2026-03-01'::date + n, 1000 + n, jsonb_build_object(k, 1000 + n)
  FROM (VALUES ('instagram', 'follower_count'), ('youtube', 'subscriber_count'), ('deezer', 'fans_count'), ('tiktok', 'follower_count')) AS v(p, k),
       generate_series(0, 30) AS n;
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title, url, likes) VALUES
    (:hostile, 'instagram', '1', 'reel', '2026-03-20', '<script>window.pwned=1</script>', 'javascript:window.pwned=1', 900),
    (:hostile, 'instagram', '2', 'reel', '2026-03-21', '<img src=x onerror=window.pwned=1>', 'https://www.instagram.com/p/"onmouseover="window.pwned=1', 800),
    (:hostile, 'instagram', '3', 'reel', '2026-03-22', '"''><svg/onload=window.pwned=1>', 'data:text/html,<script>window.pwned=1</script>', 700),
    (:hostile, 'instagram', '4', 'reel', '2026-03-23', E'\u202Eright to left\u200F \u05E9\u05DC\u05D5\u05DD \u2069\u2069', 'https://www.instagram.com/p/4', 600),
    (:hostile, 'instagram', '5', 'reel', '2026-03-24', E'\U0001F469\u200D\U0001F3A4 emoji \U0001F3B6 & more', 'https://www.instagram.com/p/5?a=1&b=2', 500),
    (:hostile, 'instagram', '6', 'reel', '2026-03-25', repeat('x', 10000), NULL, 400),
    (:hostile, 'instagram', '7', E'<b>re\u0001el', '2026-03-26', repeat(E'a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301', 1000), NULL, 300),
    (:hostile, 'instagram', '8', 'reel', '2026-03-27', E'two\nlines\tand\u2028more text' , 'https://www.instagram.com/a b', 200);
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title)
VALUES (:hostile, 'deezer', '1', 'album', '2026-03-13', '</b></ol><script>window.pwned=1</script>');

SELECT dreamsuite.dashboard(:hostile) AS page \gset
SELECT pg_temp.times(:'page', '<(script|img|b>re)') AS elements, pg_temp.times(:'page', '<[^>]*\son[a-z]+\s*=') AS handlers,
    pg_temp.times(:'page', 'href="(javascript|data:text)') AS links, pg_temp.times(:'page', '</title>') = pg_temp.times(:'page', '<title') AS titles_end;
SELECT pg_temp.elements(:'page');
SELECT pg_temp.has(:'page', '<bdi>&lt;script&gt;window.pwned=1&lt;/script&gt;</bdi>') AS script,
    pg_temp.has(:'page', '&lt;img src=x onerror=window.pwned=1&gt;') AS img, pg_temp.has(:'page', '&quot;&#39;&gt;&lt;svg/onload=') AS quotes,
    pg_temp.has(:'page', E'<bdi>right to left\u200F \u05E9\u05DC\u05D5\u05DD</bdi>') AS right_to_left,
    pg_temp.has(:'page', E'\U0001F469\u200D\U0001F3A4 emoji \U0001F3B6 &amp; more') AS emoji,
    pg_temp.has(:'page', 'href="https://www.instagram.com/p/5?a=1&amp;b=2"') AS link,
    pg_temp.has(:'page', 'two lines and more text') AS one_line;
SELECT pg_temp.times(:'page', '[\u202A-\u202E\u2066-\u2069]') AS controls, pg_temp.times(:'page', '[\x01-\x09\x0b-\x1f]') AS control_characters,
    pg_temp.times(:'page', 'x{141}|W{61}|\u0301{5}') AS endless, octet_length(:'page') < 300000 AS small_enough;

-- PostgREST's domain holds the same page; without a user it is that of the request
SELECT pg_typeof(dreamsuite.dashboard_page(:hostile)), dreamsuite.dashboard_page(:hostile)::text = :'page' AS same;
SELECT set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-0000000000a2"}', false) IS NOT NULL AS set;
SELECT dreamsuite.dashboard_page()::text = :'page' AS same;
RESET request.jwt.claims;

-- the same call gives the same page, in a read-only transaction too
BEGIN READ ONLY;
SELECT dreamsuite.dashboard(:hostile) = :'page' AS same;
COMMIT;

-- arguments
SELECT dreamsuite.dashboard(NULL);
SELECT dreamsuite.dashboard(:artist, 'infinity');
SELECT dreamsuite.dashboard(:artist, '4713-01-01 BC');

-- a role of grant_access() sees the page of the user of its request, and of nobody else
CREATE ROLE regress_dashboard;
SELECT dreamsuite.grant_access('regress_dashboard');
SET ROLE regress_dashboard;
SELECT set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-0000000000a2"}', false) IS NOT NULL AS set;
SELECT dreamsuite.dashboard_page()::text = :'page' AS own;
SELECT pg_temp.has(dreamsuite.dashboard(:artist), 'Nothing to show yet') AS nothing_of_others;
RESET ROLE;
RESET request.jwt.claims;
SELECT dreamsuite.revoke_access('regress_dashboard');
DROP ROLE regress_dashboard;

-- nobody may call it who was not granted it
CREATE ROLE dashboard_stranger;
GRANT USAGE ON SCHEMA dreamsuite TO dashboard_stranger;
SET ROLE dashboard_stranger;
SELECT dreamsuite.dashboard('00000000-0000-4000-8000-0000000000a2');
RESET ROLE;
REVOKE ALL ON SCHEMA dreamsuite FROM dashboard_stranger;
DROP ROLE dashboard_stranger;

DELETE FROM dreamsuite.content_items WHERE user_id IN (:artist, :hostile);
DELETE FROM dreamsuite.daily_metrics WHERE user_id IN (:artist, :hostile, :quiet);
DELETE FROM dreamsuite.accounts WHERE user_id IN (:artist, :hostile, :quiet);
