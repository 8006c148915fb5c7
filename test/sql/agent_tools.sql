-- agent_tools(): one table in the code, compared with the functions that it names.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
\set SHOW_CONTEXT never

CREATE TEMP VIEW tools AS
SELECT t ->> 'name' AS name, t -> 'call' AS call, t -> 'inputSchema' AS input, t -> 'outputSchema' AS output, t -> 'annotations' AS hints, t
  FROM jsonb_array_elements(dreamsuite.agent_tools()) AS t;
SELECT name, call ->> 'function', call ->> 'returns', hints ->> 'readOnlyHint', length(t ->> 'description') > 20 FROM tools;

-- Arguments and columns of each function as the catalog has them: name, type, in their order.
CREATE TEMP VIEW functions AS
SELECT t.name, p.oid, p.provolatile, p.pronargs, p.pronargdefaults,
       (SELECT jsonb_agg(jsonb_build_object('name', p.proargnames[i], 'type', format_type(p.proargtypes[i - 1], NULL)) ORDER BY i)
          FROM generate_series(1, p.pronargs) AS i) AS arguments,
       CASE WHEN c.oid IS NOT NULL THEN
                (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
                   FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
            ELSE (SELECT jsonb_agg(jsonb_build_object('name', p.proargnames[i], 'type', format_type(p.proallargtypes[i], NULL)) ORDER BY i)
                    FROM generate_subscripts(p.proargmodes, 1) AS i WHERE p.proargmodes[i] = 't') END AS columns,
       p.proretset, format_type(p.prorettype, NULL) AS returns
  FROM tools AS t
  JOIN pg_proc AS p ON p.pronamespace = 'dreamsuite'::regnamespace AND format('dreamsuite.%I', p.proname) = t.call ->> 'function'
  LEFT JOIN pg_class AS c ON c.reltype = p.prorettype AND c.relkind = 'c';
SELECT count(*), count(DISTINCT name) FROM functions;
-- each row is a drift: none
SELECT t.name, 'arguments', t.call -> 'arguments', f.arguments FROM tools AS t LEFT JOIN functions AS f USING (name)
 WHERE t.call -> 'arguments' IS DISTINCT FROM f.arguments;
SELECT t.name, 'columns', t.call -> 'columns', f.columns FROM tools AS t LEFT JOIN functions AS f USING (name)
 WHERE t.call ->> 'returns' = 'rows' AND (t.call -> 'columns' IS DISTINCT FROM f.columns OR NOT f.proretset);
SELECT t.name, f.returns FROM tools AS t LEFT JOIN functions AS f USING (name)
 WHERE (t.call ->> 'returns' = 'object' AND (f.returns <> 'jsonb' OR f.proretset))
    OR (t.call ->> 'returns' = 'value' AND (f.returns <> t.call #>> '{columns,0,type}' OR f.proretset));
-- what has no default is required, and user_id is no argument of a tool
SELECT t.name, t.input -> 'required' FROM tools AS t JOIN functions AS f USING (name)
 WHERE jsonb_array_length(t.input -> 'required') <> f.pronargs - f.pronargdefaults - 1
    OR f.arguments -> 0 <> '{"name": "user_id", "type": "uuid"}' OR t.input -> 'properties' ? 'user_id'
    OR (SELECT jsonb_agg(a ->> 'name') FROM jsonb_array_elements(f.arguments) WITH ORDINALITY AS a (a, n) WHERE n BETWEEN 2 AND f.pronargs - f.pronargdefaults)
       IS DISTINCT FROM NULLIF(t.input -> 'required', '[]');
-- the schemas name the same fields as the call, and only what writes is not read-only
SELECT t.name FROM tools AS t JOIN functions AS f USING (name)
 WHERE (SELECT jsonb_agg(k ORDER BY k) FROM jsonb_object_keys(t.input -> 'properties') AS k)
       IS DISTINCT FROM (SELECT jsonb_agg(a ->> 'name' ORDER BY a ->> 'name') FROM jsonb_array_elements(t.call -> 'arguments') AS a WHERE a ->> 'name' <> 'user_id')
    OR (SELECT jsonb_agg(k ORDER BY k) FROM jsonb_object_keys(COALESCE(t.output #> '{properties,rows,items,properties}', t.output -> 'properties')) AS k)
       IS DISTINCT FROM (SELECT jsonb_agg(a ->> 'name' ORDER BY a ->> 'name') FROM jsonb_array_elements(t.call -> 'columns') AS a)
    OR (t.hints ->> 'readOnlyHint')::boolean <> (f.provolatile <> 'v');
SELECT t.input #> '{properties,platform,enum}' = (SELECT jsonb_agg(name) FROM dreamsuite.platforms) FROM tools AS t WHERE name = 'set_goal';
-- a drift would be seen
SELECT f.name FROM functions AS f JOIN tools AS t USING (name) WHERE f.name = 'goal_status' AND f.columns - 3 IS DISTINCT FROM t.call -> 'columns';

-- What the functions really give keeps the schemas.
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT md5('artist')::uuid, 'instagram', DATE '2026-03-01' + n, 10000 + 15 * n, jsonb_build_object('follower_count', 10000 + 15 * n) FROM generate_series(0, 67) AS n;
INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title, likes, comments)
SELECT md5('artist')::uuid, 'instagram', 'post' || n, CASE n % 2 WHEN 0 THEN 'reel' ELSE 'photo' END, TIMESTAMPTZ '2026-03-02 12:00Z' + n * interval '1 day',
       'A title', CASE n % 2 WHEN 0 THEN 400 + n * 7 % 40 ELSE 100 + n * 7 % 20 END, 5 FROM generate_series(0, 63) AS n;
INSERT INTO dreamsuite.accounts (user_id, platform, external_id, status) VALUES (md5('artist')::uuid, 'instagram', '1', 'active');
SELECT dreamsuite.set_goal(md5('artist')::uuid, 'instagram', 'follower_count', 15000) IS NOT NULL;
SELECT dreamsuite.set_goal(md5('artist')::uuid, 'spotify', 'monthly_listeners', 15000) IS NOT NULL;

CREATE FUNCTION pg_temp.breaks(schema jsonb, v jsonb) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(e, ', ') FROM (
    SELECT format('%s is missing', r) AS e FROM jsonb_array_elements_text(schema -> 'required') AS r WHERE NOT v ? r
    UNION ALL SELECT format('%s is too much', k) FROM jsonb_object_keys(v) AS k WHERE NOT schema -> 'properties' ? k
    UNION ALL SELECT format('%s is %s', k, jsonb_typeof(x)) FROM jsonb_each(v) AS m (k, x)
     WHERE NOT CASE jsonb_typeof(schema #> ARRAY['properties', k, 'type']) WHEN 'array' THEN schema #> ARRAY['properties', k, 'type'] ELSE jsonb_build_array(schema #> ARRAY['properties', k, 'type']) END
               ? CASE WHEN jsonb_typeof(x) = 'number' AND NOT schema #> ARRAY['properties', k, 'type'] @> '"number"' THEN 'integer' ELSE jsonb_typeof(x) END) AS broken $$;
CREATE TEMP TABLE given AS
          SELECT 'top_facts' AS name, to_jsonb(x) AS v FROM dreamsuite.top_facts(md5('artist')::uuid, NULL, 100) AS x
UNION ALL SELECT 'explain_fact', dreamsuite.explain_fact(md5('artist')::uuid, x.fact_id) FROM dreamsuite.top_facts(md5('artist')::uuid) AS x
UNION ALL SELECT 'metric_series', to_jsonb(x) FROM dreamsuite.metric_series(md5('artist')::uuid, 'instagram', 'follower_count') AS x
UNION ALL SELECT 'compare_posts', to_jsonb(x) FROM unnest('{kind,weekday,daypart,shared}'::text[]) AS b, dreamsuite.compare_posts(md5('artist')::uuid, 'instagram', b) AS x
UNION ALL SELECT 'goal_status', to_jsonb(x) FROM dreamsuite.goal_status(md5('artist')::uuid) AS x
UNION ALL SELECT 'data_health', to_jsonb(x) FROM dreamsuite.data_health(md5('artist')::uuid) AS x
UNION ALL SELECT 'set_goal', jsonb_build_object('goal_id', dreamsuite.set_goal(md5('artist')::uuid, 'instagram', 'reach', 10, 'week'));
SELECT name, count(*) > 0 FROM given GROUP BY name ORDER BY name;
SELECT g.name, g.v, pg_temp.breaks(COALESCE(t.output #> '{properties,rows,items}', t.output), g.v) FROM given AS g JOIN tools AS t USING (name)
 WHERE pg_temp.breaks(COALESCE(t.output #> '{properties,rows,items}', t.output), g.v) IS NOT NULL;
-- the check itself can fail
SELECT pg_temp.breaks(output #> '{properties,rows,items}', '{"date": 3, "value": null, "extra": 1}') FROM tools WHERE name = 'metric_series';

-- labels of the agent's own functions
SELECT proname, provolatile, proparallel, proisstrict, has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc
 WHERE pronamespace = 'dreamsuite'::regnamespace AND proname IN ('agent_context', 'agent_tools', 'check_claims') ORDER BY 1;

DELETE FROM dreamsuite.goals;
DELETE FROM dreamsuite.accounts;
DELETE FROM dreamsuite.content_items;
DELETE FROM dreamsuite.daily_metrics;
