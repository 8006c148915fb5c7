-- Install only: an update begins with sql/updates/begin.sql
-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION dreamsuite" to load this file. \quit

-- Whoever owns the schema could add functions and operators that ours would call; whoever filled it did.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
                    WHERE n.nspname OPERATOR(pg_catalog.=) 'dreamsuite' AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER)) THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'schema "dreamsuite" belongs to another role',
            HINT = 'Drop the schema: CREATE EXTENSION makes it.';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n
                WHERE n.nspname OPERATOR(pg_catalog.=) 'dreamsuite'
                  AND (EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.pronamespace OPERATOR(pg_catalog.=) n.oid)
                    OR EXISTS (SELECT FROM pg_catalog.pg_operator AS o WHERE o.oprnamespace OPERATOR(pg_catalog.=) n.oid)
                    OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.typnamespace OPERATOR(pg_catalog.=) n.oid)
                    OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid))) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_schema', MESSAGE = 'schema "dreamsuite" is not empty',
            HINT = 'Drop the schema or what is in it: CREATE EXTENSION makes everything it needs.';
    END IF;
END
$$;
-- End of install only

CREATE FUNCTION check_encoding() RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_check_encoding' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION check_encoding() IS 'Raises an error unless the database is in UTF8.';
SELECT check_encoding();

