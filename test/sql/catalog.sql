-- Every object is described, labelled, kept by pg_dump, and granted to nobody.
\pset tuples_only on

SELECT 'no comment', pg_describe_object(d.classid, d.objid, d.objsubid)
  FROM pg_depend d
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dreamsuite')
   AND d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
   AND obj_description(d.objid, d.classid::regclass::name) IS NULL
   AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid AND d.classid = 'pg_class'::regclass AND c.relkind IN ('i', 'S', 'c'))
   AND NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = d.objid AND d.classid = 'pg_type'::regclass AND (t.typelem <> 0 OR t.typrelid <> 0 AND (SELECT relkind FROM pg_class WHERE oid = t.typrelid) <> 'c'))
 ORDER BY 2;

SELECT 'granted to public', p.oid::regprocedure FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 WHERE p.pronamespace = 'dreamsuite'::regnamespace AND a.grantee = 0 ORDER BY 2;
SELECT 'granted to public', c.oid::regclass FROM pg_class c, aclexplode(c.relacl) a
 WHERE c.relnamespace = 'dreamsuite'::regnamespace AND a.grantee = 0 ORDER BY 2;

SELECT 'not kept by pg_dump', c.oid::regclass FROM pg_class c
 WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'S', 'p')
   AND NOT c.oid = ANY ((SELECT extconfig FROM pg_extension WHERE extname = 'dreamsuite')::oid[]) ORDER BY 2;

SELECT 'search_path not pinned', p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = 'dreamsuite'::regnamespace AND l.lanname IN ('sql', 'plpgsql')
   AND NOT coalesce(p.proconfig::text, '') LIKE '%search_path=pg_catalog, pg_temp%' AND p.prosqlbody IS NULL ORDER BY 2;

-- a label promises no more than what the function calls: what the body names, unless in a text
SELECT 'label too strong', p.oid::regprocedure, g.proname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_proc g ON g.oid <> p.oid
 WHERE p.pronamespace = 'dreamsuite'::regnamespace AND l.lanname IN ('sql', 'plpgsql')
   AND regexp_replace(p.prosrc, '''[^'']*''', '', 'g') ~ ('\m' || regexp_replace(g.proname, '\W', '', 'g') || '\(')
   AND g.pronamespace IN ('pg_catalog'::regnamespace, 'dreamsuite'::regnamespace)
   AND ((p.provolatile = 's' AND g.provolatile = 'v') OR (p.proparallel = 's' AND g.proparallel <> 's') OR (p.proparallel = 'r' AND g.proparallel = 'u'))
 ORDER BY 2, 3;
SELECT 'label too strong', p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'dreamsuite'::regnamespace AND p.prosrc ~ 'pg_stat_activity' AND p.proparallel = 's';
