-- What the extension is: a line for each object and each of its properties, in words that do not depend on oids. Compared
-- between an updated installation and a fresh one by test/t/065_update.pl.

SET LOCAL search_path = pg_catalog;

CREATE TEMP VIEW ours AS
SELECT d.classid, d.objid, d.objsubid
  FROM pg_depend AS d
  JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'dreamsuite'
 WHERE d.deptype = 'e';

CREATE TEMP VIEW relations AS
SELECT c.*, c.oid::regclass::text AS name FROM pg_class AS c WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind <> 'c';

-- members of the extension, and what of it pg_dump keeps
SELECT 'member', pg_describe_object(o.classid, o.objid, o.objsubid) FROM ours AS o ORDER BY 2;
SELECT 'dumped', t.id::regclass, t.condition
  FROM pg_extension AS e CROSS JOIN LATERAL unnest(e.extconfig, e.extcondition) AS t (id, condition)
 WHERE e.extname = 'dreamsuite' ORDER BY 2;
SELECT 'extension', extversion, extrelocatable, extnamespace::regnamespace FROM pg_extension WHERE extname = 'dreamsuite';

-- tables, views, sequences
SELECT 'relation', name, relkind, relowner::regrole, relpersistence, relrowsecurity, relforcerowsecurity, relreplident, relispartition,
       array_to_string(ARRAY(SELECT unnest(reloptions) ORDER BY 1), ',')
  FROM relations ORDER BY 2;
SELECT 'column', r.name, row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attidentity, a.attgenerated, a.attstorage, a.attcollation::regcollation, a.attstattarget, a.attacl, pg_get_expr(d.adbin, d.adrelid)
  FROM relations AS r
  JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE r.relkind NOT IN ('i', 'I') ORDER BY 2, 3;
SELECT 'constraint', r.name, k.conname, k.contype, k.condeferrable, k.convalidated, pg_get_constraintdef(k.oid)
  FROM relations AS r JOIN pg_constraint AS k ON k.conrelid = r.oid ORDER BY 2, 3;
SELECT 'index', r.name, i.indisunique, i.indisprimary, i.indisvalid, pg_get_indexdef(i.indexrelid)
  FROM relations AS r JOIN pg_index AS i ON i.indexrelid = r.oid ORDER BY 2;
SELECT 'view', name, pg_get_viewdef(oid) FROM relations WHERE relkind = 'v' ORDER BY 2;
SELECT 'sequence', r.name, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle,
       (SELECT d.refobjid::regclass || '.' || a.attname FROM pg_depend AS d
          JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i'))
  FROM relations AS r JOIN pg_sequence AS s ON s.seqrelid = r.oid ORDER BY 2;
SELECT 'trigger', r.name, t.tgenabled, pg_get_triggerdef(t.oid)
  FROM relations AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal ORDER BY 2, 4;
SELECT 'policy', r.name, p.polname, p.polcmd, p.polpermissive, ARRAY(SELECT x::regrole::text FROM unnest(p.polroles) AS x ORDER BY 1),
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
  FROM relations AS r JOIN pg_policy AS p ON p.polrelid = r.oid ORDER BY 2, 3;
SELECT 'rule', r.name, pg_get_ruledef(w.oid) FROM relations AS r JOIN pg_rewrite AS w ON w.ev_class = r.oid WHERE r.relkind <> 'v' ORDER BY 2, 3;

-- functions, types, event triggers
SELECT 'function', p.oid::regprocedure, p.prokind, p.proowner::regrole, p.provolatile, p.proisstrict, p.proparallel, p.prosecdef, p.proleakproof,
       p.procost, p.prorows, p.prosupport, p.proconfig, p.prosrc, p.probin, p.proretset, p.prorettype::regtype, pg_get_function_arguments(p.oid),
       pg_get_function_result(p.oid), (SELECT lanname FROM pg_language WHERE oid = p.prolang), pg_get_function_sqlbody(p.oid)
  FROM pg_proc AS p WHERE p.pronamespace = 'dreamsuite'::regnamespace ORDER BY 2;
SELECT 'type', t.oid::regtype, t.typtype, t.typowner::regrole, t.typnotnull, t.typbasetype::regtype, t.typdefault
  FROM pg_type AS t WHERE t.typnamespace = 'dreamsuite'::regnamespace AND t.typelem = 0 ORDER BY 2;
SELECT 'attribute', t.oid::regtype, row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod)
  FROM pg_type AS t
  JOIN pg_class AS c ON c.oid = t.typrelid AND c.relkind = 'c'
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE t.typnamespace = 'dreamsuite'::regnamespace ORDER BY 2, 3;
SELECT 'event trigger', v.evtname, v.evtevent, v.evtowner::regrole, v.evtfoid::regprocedure, v.evtenabled, v.evttags
  FROM pg_event_trigger AS v JOIN ours AS o ON o.classid = 'pg_event_trigger'::regclass AND o.objid = v.oid ORDER BY 2;

-- who may do what, and what is said of each
SELECT 'grant on relation', r.name, ARRAY(SELECT unnest(COALESCE(r.relacl, acldefault(CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", r.relowner)))::text ORDER BY 1)
  FROM relations AS r WHERE r.relkind NOT IN ('i', 'I') ORDER BY 2;
SELECT 'grant on function', p.oid::regprocedure, ARRAY(SELECT unnest(COALESCE(p.proacl, acldefault('f', p.proowner)))::text ORDER BY 1)
  FROM pg_proc AS p WHERE p.pronamespace = 'dreamsuite'::regnamespace ORDER BY 2;
SELECT 'grant on type', t.oid::regtype, ARRAY(SELECT unnest(COALESCE(t.typacl, acldefault('T', t.typowner)))::text ORDER BY 1)
  FROM pg_type AS t WHERE t.typnamespace = 'dreamsuite'::regnamespace AND t.typelem = 0 ORDER BY 2;
SELECT 'grant on schema', ARRAY(SELECT unnest(nspacl)::text ORDER BY 1) FROM pg_namespace WHERE nspname = 'dreamsuite';
SELECT 'initial grant', pg_describe_object(i.classoid, i.objoid, i.objsubid), i.privtype, ARRAY(SELECT unnest(i.initprivs)::text ORDER BY 1)
  FROM pg_init_privs AS i JOIN ours AS o ON o.classid = i.classoid AND o.objid = i.objoid ORDER BY 2;
SELECT 'comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
  FROM pg_description AS d
 WHERE EXISTS (SELECT FROM ours AS o WHERE o.classid = d.classoid AND o.objid = d.objoid)
    OR d.classoid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM pg_trigger AS t JOIN relations AS r ON r.oid = t.tgrelid WHERE t.oid = d.objoid)
    OR d.classoid = 'pg_policy'::regclass AND EXISTS (SELECT FROM pg_policy AS p JOIN relations AS r ON r.oid = p.polrelid WHERE p.oid = d.objoid)
 ORDER BY 2;
