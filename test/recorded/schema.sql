-- The product's list of metrics: the catalogue, the typed views and what normalise() gives have exactly its fields.
\pset format unaligned
\pset tuples_only on
\set schema `cat :fixtures/../schema/metrics.json`
CREATE TEMP TABLE asked AS
SELECT p.key AS platform, f.key AS metric, f.value ->> 'type' AS json_type, (f.value ->> 'nullable')::boolean AS nullable, f.value -> 'items' AS items
  FROM json_each(:'schema') AS p, json_each(p.value -> 'fields') AS f;

SELECT count(*) > 100, count(DISTINCT platform) FROM asked;

\echo asked for and not in the catalogue, or of another type
SELECT a.platform, a.metric, a.json_type, a.nullable, c.json_type, c.nullable
  FROM asked AS a LEFT JOIN dreamsuite.metric_catalog() AS c USING (platform, metric)
 WHERE c.metric IS NULL OR a.json_type <> c.json_type OR a.nullable <> c.nullable ORDER BY 1, 2;

\echo in the catalogue and not asked for
SELECT c.platform, c.metric FROM dreamsuite.metric_catalog() AS c LEFT JOIN asked AS a USING (platform, metric) WHERE a.metric IS NULL ORDER BY 1, 2;

\echo columns of the typed views that are missing, too many or of another type
WITH columns AS (
    SELECT replace(c.relname, '_daily', '') AS platform, a.attname::text AS metric, format_type(a.atttypid, a.atttypmod) AS type
      FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind = 'v' AND c.relname LIKE '%\_daily' AND a.attname NOT IN ('user_id', 'date'))
SELECT coalesce(a.platform, v.platform), coalesce(a.metric, v.metric), a.json_type, v.type
  FROM asked AS a FULL JOIN columns AS v USING (platform, metric)
 WHERE a.metric IS NULL OR v.metric IS NULL
    OR NOT v.type = ANY (CASE a.json_type WHEN 'number' THEN '{bigint,double precision}'::text[] WHEN 'string' THEN '{text}'
                                          WHEN 'string[]' THEN '{text[]}' ELSE '{jsonb}' END)
 ORDER BY 1, 2;

\echo keys that normalise() lacks or adds
SELECT coalesce(a.platform, n.platform), coalesce(a.metric, n.metric)
  FROM asked AS a
  FULL JOIN (SELECT p.name AS platform, k AS metric FROM dreamsuite.platforms AS p,
                    jsonb_object_keys(dreamsuite.normalise(p.name, '{}', '2026-11-24 06:00+00') -> 'metrics') AS k) AS n USING (platform, metric)
 WHERE a.metric IS NULL OR n.metric IS NULL ORDER BY 1, 2;
