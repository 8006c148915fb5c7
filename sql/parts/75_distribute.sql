
-- More than one server holds: Citus.

CREATE FUNCTION distribute() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- The collector claims accounts under row locks, in the order in which they are due, whoever they belong to. Citus locks
    -- no rows across shards; and these tables have one row per account, not one per day.
    claimed CONSTANT text[] := '{accounts,account_state,account_secrets,oauth_states,revocations,metric_quarantine}';
    citus   text := (SELECT n.nspname FROM pg_extension AS e
                       JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass
                       JOIN pg_proc AS p ON p.oid = d.objid AND p.proname = 'create_distributed_table'
                       JOIN pg_namespace AS n ON n.oid = p.pronamespace
                      WHERE e.extname = 'citus' LIMIT 1);
    t       record;
    n       bigint;
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
    SELECT count(*) INTO n FROM pg_constraint AS k
      JOIN pg_class AS c ON c.oid = k.conrelid AND c.relnamespace = 'dreamsuite'::regnamespace
     WHERE k.contype = 'f' AND k.confrelid = to_regclass('auth.users') AND c.relname <> ALL (claimed);
    IF n > 0 THEN
        RAISE EXCEPTION 'tables of dreamsuite reference auth.users'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'A distributed table cannot reference a table of one node.',
                  HINT = 'Drop the constraints to auth.users, and call dreamsuite.forget_user() for a user who is deleted there.';
    END IF;

    -- What Citus does not know on distributed tables: keys without user_id, triggers, and policies with a subquery.
    IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'dreamsuite.daily_metrics'::regclass AND contype = 'p') THEN
        ALTER TABLE dreamsuite.daily_metrics DROP CONSTRAINT daily_metrics_pkey, ALTER COLUMN user_id SET NOT NULL,
            ADD PRIMARY KEY (user_id, id);
    END IF;
    DROP TRIGGER IF EXISTS repair_after_delete ON dreamsuite.daily_metrics;
    DROP TRIGGER IF EXISTS repair_after_update ON dreamsuite.daily_metrics;
    FOR t IN
        SELECT c.oid::regclass AS relation, c.oid = 'dreamsuite.daily_metrics'::regclass AS first
          FROM pg_class AS c
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
         WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> ALL (claimed)
         ORDER BY 2 DESC, c.relname
    LOOP
        EXECUTE format('SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = %L::regclass', t.relation) INTO n;
        CONTINUE WHEN n > 0;
        EXECUTE format('ALTER POLICY own_rows ON %s USING (user_id = dreamsuite.current_user_id())', t.relation);
        IF t.first THEN
            EXECUTE format('SELECT %I.create_distributed_table(%L, ''user_id'')', citus, t.relation);
        ELSE
            EXECUTE format('SELECT %I.create_distributed_table(%L, ''user_id'', colocate_with => ''dreamsuite.daily_metrics'')', citus, t.relation);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION distribute() IS
'Spreads what grows by the day over the nodes of Citus, by user_id and co-located; what is claimed stays on the coordinator. See docs/scaling.md.';
