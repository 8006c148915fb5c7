
-- Last: nothing is granted to PUBLIC, nor to roles that default privileges of the database favour. Who may do what is said
-- by grant_access() alone. An update does so with what is new or has another rule than before (see updates/begin.sql), and
-- grants it to the roles that were let in.

DO $$
DECLARE
    before jsonb := NULLIF(pg_catalog.current_setting('dreamsuite_update.rules', true), '');
    o      record;
    g      record;
BEGIN
    FOR o IN
        SELECT x.kind, x.object, x.rule, c.acl, c.owner
          FROM dreamsuite.access_objects() AS x
         CROSS JOIN LATERAL (
                SELECT c.oid, c.relacl, c.relowner
                  FROM pg_catalog.pg_class AS c
                 WHERE x.kind IN ('TABLE', 'SEQUENCE') AND c.oid = pg_catalog.to_regclass(x.object)
                UNION ALL
                SELECT p.oid, COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner)), p.proowner
                  FROM pg_catalog.pg_proc AS p
                 WHERE x.kind = 'ROUTINE' AND p.oid = pg_catalog.to_regprocedure(x.object)
                UNION ALL
                SELECT t.oid, COALESCE(t.typacl, pg_catalog.acldefault('T', t.typowner)), t.typowner
                  FROM pg_catalog.pg_type AS t
                 WHERE x.kind = 'TYPE' AND t.oid = pg_catalog.to_regtype(x.object)) AS c (id, acl, owner)
         WHERE before ->> (x.kind || ' ' || x.object) IS DISTINCT FROM c.id || COALESCE(' ' || x.rule, '')
    LOOP
        FOR g IN SELECT DISTINCT a.grantee FROM pg_catalog.aclexplode(o.acl) AS a WHERE a.grantee <> o.owner LOOP
            EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', o.kind, o.object,
                CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::pg_catalog.regrole::text END);
        END LOOP;
        FOR g IN
            SELECT r.role_name
              FROM dreamsuite.access_roles AS r
              JOIN pg_catalog.pg_roles AS s ON s.rolname = r.role_name
             WHERE o.rule IN ('own', 'any') OR (o.rule = 'all_users' AND r.all_users)
        LOOP
            EXECUTE pg_catalog.format('GRANT %s ON %s %s TO %I', CASE o.kind WHEN 'ROUTINE' THEN 'EXECUTE' WHEN 'TYPE' THEN 'USAGE' ELSE 'SELECT' END,
                o.kind, o.object, g.role_name);
        END LOOP;
    END LOOP;
    IF before IS NULL THEN
        FOR g IN
            SELECT DISTINCT a.grantee
              FROM pg_catalog.pg_namespace AS n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
             WHERE n.nspname = 'dreamsuite' AND a.grantee <> n.nspowner
        LOOP
            EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA dreamsuite FROM %s',
                CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::pg_catalog.regrole::text END);
        END LOOP;
    END IF;
    PERFORM pg_catalog.set_config('dreamsuite_update.rules', '', true);
END
$$;
SELECT apply_policies();
