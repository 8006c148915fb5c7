
-- More than one server holds: Citus.

CREATE FUNCTION distribute() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
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
       AND k.confrelid <> ALL (spread);
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
    IF 'dreamsuite.oauth_states'::regclass <> ALL (spread) THEN
        ALTER TABLE dreamsuite.oauth_states DROP CONSTRAINT oauth_states_pkey;
        ALTER TABLE dreamsuite.oauth_states ADD PRIMARY KEY (state_hash, user_id);
    END IF;
    -- grant_access() and revoke_access() do by themselves what the trigger is for: a restore
    IF 'dreamsuite.access_roles'::regclass <> ALL (spread) THEN
        DROP TRIGGER IF EXISTS apply_policies ON dreamsuite.access_roles;
    END IF;
    FOR t IN
        SELECT c.oid::regclass AS relation,
               EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped) AS has_user,
               EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'own_rows') AS has_own
          FROM pg_class AS c
         WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind = 'r'
           AND c.oid <> ALL (spread)
         ORDER BY c.oid <> first, 2 DESC, c.relname
    LOOP
        is_new := true;
        IF NOT t.has_user THEN
            EXECUTE format('SELECT %I.create_reference_table(%L)', citus, t.relation);
            EXECUTE format('SELECT %I.truncate_local_data_after_distributing_table(%L)', citus, t.relation);
            CONTINUE;
        END IF;
        IF t.has_own THEN   -- Citus takes no policy with a subquery, and rights on functions stay on the coordinator: current_user_id() itself
            EXECUTE format('ALTER POLICY own_rows ON %s USING (user_id = (NULLIF(NULLIF(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'', ''''))::uuid)',
                           t.relation);
        END IF;
        EXECUTE format('SELECT %I.create_distributed_table(%L, ''user_id''%s)', citus, t.relation,
                       CASE WHEN t.relation <> first THEN ', colocate_with => ''dreamsuite.daily_metrics''' END);
        -- what was here stays on the disk unless it is told to go, and forget_user() would not find it
        EXECUTE format('SELECT %I.truncate_local_data_after_distributing_table(%L)', citus, t.relation);
    END LOOP;
    -- Citus hands on what is granted from now on: who was let in before is let in on the other nodes
    IF is_new THEN
        PERFORM dreamsuite.grant_access(r.oid::regrole, a.all_users)
           FROM dreamsuite.access_roles AS a JOIN pg_roles AS r ON r.rolname = a.role_name;
    END IF;
END
$$;
COMMENT ON FUNCTION distribute() IS
'Spreads every table with a user_id over the nodes of Citus, by user_id and co-located; the others are on every node. See docs/scaling.md.';
