
-- Last: nothing is granted to PUBLIC, nor to roles that default privileges of the database favour. Who may do what is said
-- by grant_access() alone.

DO $$
DECLARE
    g record;
BEGIN
    FOR g IN
        SELECT DISTINCT o.kind, o.object, a.grantee
          FROM (SELECT x.kind, x.object, c.relacl AS acl, c.relowner AS owner
                  FROM dreamsuite.access_objects() AS x
                  JOIN pg_catalog.pg_class AS c ON c.oid = x.object::pg_catalog.regclass
                 WHERE x.kind IN ('TABLE', 'SEQUENCE')
                UNION ALL
                SELECT x.kind, x.object, COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner)), p.proowner
                  FROM dreamsuite.access_objects() AS x
                  JOIN pg_catalog.pg_proc AS p ON p.oid = x.object::pg_catalog.regprocedure
                 WHERE x.kind = 'ROUTINE'
                UNION ALL
                SELECT x.kind, x.object, COALESCE(t.typacl, pg_catalog.acldefault('T', t.typowner)), t.typowner
                  FROM dreamsuite.access_objects() AS x
                  JOIN pg_catalog.pg_type AS t ON t.oid = x.object::pg_catalog.regtype
                 WHERE x.kind = 'TYPE') AS o
         CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
         WHERE a.grantee <> o.owner
        UNION ALL
        SELECT DISTINCT 'SCHEMA', 'dreamsuite', a.grantee
          FROM pg_catalog.pg_namespace AS n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
         WHERE n.nspname = 'dreamsuite' AND a.grantee <> n.nspowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', g.kind, g.object,
            CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::pg_catalog.regrole::text END);
    END LOOP;
END
$$;
