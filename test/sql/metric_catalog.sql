-- The compiled registry: the view platforms, metric_catalog() and the typed views.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET DateStyle = 'ISO';

SELECT name, label, status, has_api, enabled FROM dreamsuite.platforms;
SELECT name FROM dreamsuite.platforms WHERE scopes IS NULL;
INSERT INTO dreamsuite.platform_settings VALUES ('tidal', false);
SELECT name FROM dreamsuite.platforms WHERE NOT enabled;
DELETE FROM dreamsuite.platform_settings;

-- the words of the catalog
SELECT array_agg(DISTINCT json_type ORDER BY json_type) FROM dreamsuite.metric_catalog();
SELECT array_agg(DISTINCT kind ORDER BY kind) FROM dreamsuite.metric_catalog();
SELECT count(*), count(DISTINCT (platform, metric)), count(*) FILTER (WHERE unit IS NULL OR source IS NULL OR description IS NULL OR nullable IS NULL)
  FROM dreamsuite.metric_catalog();
-- lists and texts are no numbers, and a change names what it is the change of by its own name
SELECT platform, metric, json_type, kind FROM dreamsuite.metric_catalog() WHERE (json_type = 'number') = (kind = 'list');

-- a view has user_id, date and exactly the fields of the catalog, in their order and type; fractions are of kind rate
SELECT v.platform, v.name, v.type FROM (
    SELECT p.name AS platform, a.attname::text AS name, a.attnum - 2 AS place, a.atttypid::regtype::text AS type
      FROM dreamsuite.platforms AS p
      JOIN pg_attribute AS a ON a.attrelid = format('dreamsuite.%I', p.name || '_daily')::regclass AND a.attnum > 2) AS v
  FULL JOIN (
    SELECT platform, metric AS name, row_number() OVER (PARTITION BY platform ORDER BY n) AS place, json_type, kind
      FROM dreamsuite.metric_catalog() WITH ORDINALITY AS c (platform, metric, json_type, nullable, kind, unit, source, description, n)) AS c
    ON c.platform = v.platform AND c.name = v.name AND c.place = v.place
   AND v.type = CASE WHEN c.kind = 'rate' THEN 'double precision'
                     ELSE CASE c.json_type WHEN 'number' THEN 'bigint' WHEN 'string' THEN 'text' WHEN 'string[]' THEN 'text[]' WHEN 'array' THEN 'jsonb' END END
 WHERE c.name IS NULL OR v.name IS NULL;
SELECT count(*) FROM dreamsuite.platforms AS p JOIN pg_attribute AS a
    ON a.attrelid = format('dreamsuite.%I', p.name || '_daily')::regclass AND (a.attnum, a.attname, a.atttypid::regtype::text) IN ((1, 'user_id', 'uuid'), (2, 'date', 'date'));
-- (14 has no such option; there the views are the owner's alone)
SELECT count(*) FROM pg_class WHERE relnamespace = 'dreamsuite'::regnamespace AND relkind = 'v' AND relname LIKE '%\_daily' AND
    (reloptions @> '{security_invoker=true}' OR current_setting('server_version_num')::int < 150000);

-- values: whole numbers, fractions, texts, lists; null, absent and an empty list are told apart as far as they differ
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics) VALUES
    (md5('a')::uuid, 'spotify', '2026-03-01', '{"monthly_listeners": 12, "top_cities": ["Oslo", "Köln"], "top_countries": [], "top_tracks": [{"id": "t1"}]}'),
    (md5('a')::uuid, 'spotify', '2026-03-02', '{"monthly_listeners": null, "top_cities": null, "top_tracks": null}'),
    (md5('a')::uuid, 'instagram', '2026-03-01', '{"engagement_rate": 0.0425, "likes_total": 9000000000, "top_post_id": "p1"}');
SELECT date, monthly_listeners, top_cities, top_countries, top_tracks, total_streams IS NULL FROM dreamsuite.spotify_daily ORDER BY date;
SELECT engagement_rate, likes_total, top_post_id FROM dreamsuite.instagram_daily;
SELECT count(*) FROM dreamsuite.tidal_daily;
DELETE FROM dreamsuite.daily_metrics;
