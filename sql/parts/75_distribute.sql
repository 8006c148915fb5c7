
-- More than one server holds: Citus.

CREATE FUNCTION distribute() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- The collector claims accounts under row locks, in the order in which they are due, whoever they belong to. Citus locks
    -- no rows of several nodes; and these tables have one row per account, not one per day.
    claimed CONSTANT text[] := '{accounts,account_state,account_secrets,oauth_states,revocations,metric_quarantine}';
    -- what is read beside them, a row per platform or less
    beside  CONSTANT text[] := '{access_roles,apps,bucket_state,collection_cycle,key_checks,platform_settings}';
    first   CONSTANT regclass := 'dreamsuite.daily_metrics';
    citus   text := (SELECT n.nspname FROM pg_extension AS e
                       JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass
                       JOIN pg_proc AS p ON p.oid = d.objid AND p.proname = 'create_distributed_table'
                       JOIN pg_namespace AS n ON n.oid = p.pronamespace
                      WHERE e.extname = 'citus' LIMIT 1);
    spread  oid[];
    t       record;
    n       bigint;
    is_new  boolean := false;
BEGIN
    IF NOT pg_has_role((SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'dreamsuite'), 'USAGE') THEN
        RAISE EXCEPTION 'permission denied to distribute the tables of dreamsuite'
            USING ERRCODE = 'insufficient_privilege', HINT = 'The owner of the extension may.';
    END IF;
    IF citus IS NULL THEN
        RAISE EXCEPTION 'Citus is not installed in database "%"', current_database()
            USING ERRCODE = 'undefined_object',
                  DETAIL = 'The tables would be spread over its nodes by user_id.',
                  HINT = 'Add citus to shared_preload_libraries, restart, CREATE EXTENSION citus, add the nodes, and call this again. One server goes far: see docs/scaling.md.';
    END IF;
    SELECT count(*) INTO n FROM dreamsuite.daily_metrics AS d WHERE d.user_id IS NULL;
    IF n > 0 THEN
        RAISE EXCEPTION '% rows of daily_metrics have no user_id', n
            USING ERRCODE = 'not_null_violation', HINT = 'A row without a user has no place among the nodes: give it one, or delete it.';
    END IF;
    EXECUTE 'SELECT COALESCE(array_agg(p.logicalrelid::oid), ''{}'') FROM pg_dist_partition AS p' INTO spread;
    SELECT count(*) INTO n FROM pg_constraint AS k
     WHERE k.contype = 'f' AND k.connamespace = 'dreamsuite'::regnamespace AND k.confrelid = to_regclass('auth.users')
       AND k.confrelid <> ALL (spread)
       AND (SELECT c.relname FROM pg_class AS c WHERE c.oid = k.conrelid) <> ALL (claimed);
    IF n > 0 THEN
        RAISE EXCEPTION 'tables of dreamsuite reference auth.users'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'A distributed table cannot reference a table of one node.',
                  HINT = 'Drop the constraints to auth.users, and call dreamsuite.forget_user() for a user who is deleted there.';
    END IF;

    -- What Citus does not know on distributed tables: keys without the column they are distributed by, and triggers.
    IF first <> ALL (spread) THEN
        ALTER TABLE dreamsuite.daily_metrics DROP CONSTRAINT daily_metrics_pkey;
        ALTER TABLE dreamsuite.daily_metrics ALTER COLUMN user_id SET NOT NULL;
        ALTER TABLE dreamsuite.daily_metrics ADD PRIMARY KEY (user_id, id);
        DROP TRIGGER IF EXISTS repair_after_delete ON dreamsuite.daily_metrics;
        DROP TRIGGER IF EXISTS repair_after_update ON dreamsuite.daily_metrics;
    END IF;
    FOR t IN
        SELECT c.oid::regclass AS relation,
               EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped) AS has_user,
               EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'own_rows') AS has_own
          FROM pg_class AS c
         WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind = 'r' AND c.relname <> ALL (claimed || beside)
           AND c.oid <> ALL (spread)
         ORDER BY c.oid <> first, 2 DESC, c.relname
    LOOP
        is_new := true;
        IF NOT t.has_user THEN
            EXECUTE format('SELECT %I.create_reference_table(%L)', citus, t.relation);
            CONTINUE;
        END IF;
        IF t.has_own THEN   -- Citus takes no policy with a subquery, and rights on functions stay on the coordinator: current_user_id() itself
            EXECUTE format('ALTER POLICY own_rows ON %s USING (user_id = (NULLIF(NULLIF(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'', ''''))::uuid)',
                           t.relation);
        END IF;
        EXECUTE format('SELECT %I.create_distributed_table(%L, ''user_id''%s)', citus, t.relation,
                       CASE WHEN t.relation <> first THEN ', colocate_with => ''dreamsuite.daily_metrics''' END);
    END LOOP;
    -- Citus hands on what is granted from now on: who was let in before is let in on the other nodes
    IF is_new THEN
        PERFORM dreamsuite.grant_access(r.oid::regrole, a.all_users)
           FROM dreamsuite.access_roles AS a JOIN pg_roles AS r ON r.rolname = a.role_name;
    END IF;
END
$$;
COMMENT ON FUNCTION distribute() IS
'Spreads what grows by the day over the nodes of Citus, by user_id and co-located; what is claimed stays on the coordinator. See docs/scaling.md.';
