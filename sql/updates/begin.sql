-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION dreamsuite UPDATE" to load this file. \quit

-- Who updates owns what is new, and must be the owner of the rest. What there is now is remembered with its rule: the end of
-- the script (90_access.sql) gives new objects, and those with another rule, the grants that their rule says.
DO $$
DECLARE
    owner text := (SELECT r.rolname FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_roles AS r ON r.oid = e.extowner
                    WHERE e.extname = 'dreamsuite');
BEGIN
    IF owner <> CURRENT_USER THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = pg_catalog.format('extension "dreamsuite" belongs to role "%s"', owner),
            HINT = pg_catalog.format('SET ROLE %I, and update again.', owner);
    END IF;
    PERFORM pg_catalog.set_config('dreamsuite_update.rules',
        (SELECT pg_catalog.jsonb_object_agg(o.kind || ' ' || o.object,
                    CASE o.kind WHEN 'ROUTINE' THEN o.object::pg_catalog.regprocedure::oid WHEN 'TYPE' THEN o.object::pg_catalog.regtype::oid
                                ELSE o.object::pg_catalog.regclass::oid END || COALESCE(' ' || o.rule, ''))
           FROM dreamsuite.access_objects() AS o)::text, true);
END
$$;

