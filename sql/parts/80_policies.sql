
-- Who may do what. access_rules() says it by name, grant_access() grants it, and what has no rule is granted to nobody.

CREATE FUNCTION access_rules()
RETURNS TABLE (name text, rule text)
LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT unnest(names), rule
      FROM (VALUES
        -- its own user: rows by policy, writing by functions that check the user
        ('own', ARRAY[
            'accounts', 'account_state', 'collection_runs', 'content_history', 'content_items', 'daily_metrics', 'goals',
            'imported_days', 'metric_quarantine', 'metric_revisions', 'request_log',
            'amazon_music_daily', 'apple_music_daily', 'deezer_daily', 'facebook_daily', 'instagram_daily',
            'soundcloud_daily', 'spotify_daily', 'tidal_daily', 'tiktok_daily', 'twitter_daily', 'youtube_daily',
            'authorize_url', 'complete_authorization', 'pause_account', 'resume_account', 'disconnect_account',
            'record_metrics', 'import_csv', 'set_goal', 'drop_goal',
            'growth', 'growth_row', 'growth_leaders', 'growth_streaks', 'metric_series', 'milestones', 'record_high',
            'fact', 'insight_facts', 'top_facts', 'explain_fact', 'fact_in_full', 'compare_posts', 'goal_status',
            'agent_context', 'agent_tools', 'check_claims', 'dashboard', 'dashboard_page', 'text/html', 'data_health',
            'current_user_id', 'sees_all_users', 'calendar_now']),
        -- no rows of users: for every role that was let in
        ('any', ARRAY[
            'platforms', 'platform_catalog', 'metric_catalog', 'normalise', 'account_day',
            'adjust_pvalues', 'anomaly_scores', 'compare_groups', 'detect_changepoints', 'forecast', 'goal_eta', 'lead_lag']),
        -- what runs the house, and every user: with all_users alone
        ('all_users', ARRAY[
            'bucket_state', 'platform_settings', 'collection_cycle', 'collection_summary', 'endpoint_summary', 'stale_accounts',
            'register_app', 'connect_account', 'forget_user', 'repair_changes',
            'collect_due', 'collect', 'make_due', 'schedule_collection', 'unschedule_collection', 'status',
            'quota_status', 'platform_limits', 'classify_answer', 'plan_requests']),
        -- secrets, keys, and who may do what: the owner of the extension alone
        ('owner', ARRAY[
            'account_secrets', 'apps', 'oauth_states', 'revocations', 'key_checks', 'access_roles',
            'key_status', 'rotate_keys', 'grant_access', 'revoke_access', 'apply_policies', 'link_auth_users', 'distribute',
            'access_rules', 'access_objects', 'check_user', 'account_must_exist', 'platform_needs_token', 'platform_revokes', 'merge_known',
            'wake_collector', 'remind_collector', 'collect_time',
            'check_encoding', 'check_schedule', 'cron_is_here', 'unschedule_before_drop', 'growth_support',
            'repair_changes_trigger', 'access_roles_trigger'])) AS r (rule, names)
$$;
COMMENT ON FUNCTION access_rules() IS
'Who may use which table, view, type or function. own: granted roles, for the user of the request; any: granted roles; all_users: roles granted all users; owner: nobody else.';

CREATE FUNCTION access_objects()
RETURNS TABLE (kind text, name text, object text, rule text)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.kind, o.name, o.object,
           -- a view without security_invoker (PostgreSQL 14 has none) shows every row to whoever may read it
           CASE WHEN o.shows_all AND r.rule = 'own' THEN 'all_users' WHEN o.kind = 'SEQUENCE' THEN 'owner' ELSE r.rule END
      FROM (SELECT CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relname::text, format('dreamsuite.%I', c.relname),
                   c.relkind = 'v' AND NOT ('security_invoker=true' = ANY (COALESCE(c.reloptions, '{}'))), 'pg_class'::regclass, c.oid
              FROM pg_class AS c
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
            UNION ALL
            SELECT 'ROUTINE', p.proname::text, p.oid::regprocedure::text, false, 'pg_proc'::regclass, p.oid
              FROM pg_proc AS p
            UNION ALL
            SELECT 'TYPE', t.typname::text, format('dreamsuite.%I', t.typname), false, 'pg_type'::regclass, t.oid
              FROM pg_type AS t
             WHERE t.typrelid = 0 AND t.typelem = 0
                OR EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind = 'c')
           ) AS o (kind, name, object, shows_all, classid, objid)
      JOIN pg_depend AS d ON d.classid = o.classid AND d.objid = o.objid AND d.objsubid = 0 AND d.deptype = 'e'
       AND d.refclassid = 'pg_extension'::regclass
       AND d.refobjid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'dreamsuite')
      LEFT JOIN dreamsuite.access_rules() AS r ON r.name = o.name
     ORDER BY o.kind, o.object
$$;
COMMENT ON FUNCTION access_objects() IS 'Every table, view, sequence, routine and type of the extension with its rule of access_rules(); null: it has none.';

-- Row level security on every table. own_rows needs no name of a role; all_users names those that see everything, at first
-- the owner alone, so that their queries are planned as if there were no policy. Tables that have it keep theirs: an update
-- alters policies by hand.
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT o.object, o.rule,
               EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = o.object::pg_catalog.regclass AND a.attname = 'user_id') AS has_user
          FROM dreamsuite.access_objects() AS o
          JOIN pg_catalog.pg_class AS c ON c.oid = o.object::pg_catalog.regclass AND c.relkind IN ('r', 'p')
         WHERE o.kind = 'TABLE' AND NOT c.relrowsecurity
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.object);
        IF t.rule IN ('own', 'all_users') THEN
            EXECUTE pg_catalog.format('CREATE POLICY all_users ON %s FOR SELECT TO CURRENT_USER USING (true)', t.object);
            EXECUTE pg_catalog.format('COMMENT ON POLICY all_users ON %s IS %L', t.object, 'Roles of grant_access(role, all_users => true).');
        END IF;
        IF t.rule = 'own' AND t.has_user THEN
            EXECUTE pg_catalog.format(
                'CREATE POLICY own_rows ON %s FOR SELECT USING (user_id = (SELECT dreamsuite.current_user_id()))', t.object);
            EXECUTE pg_catalog.format('COMMENT ON POLICY own_rows ON %s IS %L', t.object, 'The rows of the user that the request speaks for.');
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION apply_policies() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted  oid[];
    missing text;
    p       record;
BEGIN
    SELECT string_agg(format('"%s"', a.role_name), ', ' ORDER BY a.role_name) INTO missing
      FROM dreamsuite.access_roles AS a
     WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = a.role_name);
    IF missing IS NOT NULL THEN
        RAISE WARNING 'access of roles that do not exist is left out: %', missing
            USING HINT = 'Create them and call dreamsuite.grant_access() again, or forget them with DELETE FROM dreamsuite.access_roles.';
    END IF;
    SELECT array_agg(r.oid ORDER BY r.oid) INTO wanted
      FROM pg_roles AS r
     WHERE r.oid = (SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'dreamsuite')
        OR EXISTS (SELECT FROM dreamsuite.access_roles AS a WHERE a.role_name = r.rolname AND a.all_users);
    -- a change of a policy locks its table: only where it is needed
    FOR p IN
        SELECT y.polrelid::regclass AS relation
          FROM pg_policy AS y
          JOIN pg_class AS c ON c.oid = y.polrelid AND c.relnamespace = 'dreamsuite'::regnamespace
         WHERE y.polname = 'all_users'
           AND (SELECT array_agg(x ORDER BY x) FROM unnest(y.polroles) AS x) IS DISTINCT FROM wanted
         ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER POLICY all_users ON %s TO %s', p.relation,
            (SELECT string_agg(format('%I', r.rolname), ', ') FROM pg_roles AS r WHERE r.oid = ANY (wanted)));
    END LOOP;
END
$$;
COMMENT ON FUNCTION apply_policies() IS 'Makes the policies say what access_roles says.';

CREATE FUNCTION access_roles_trigger() RETURNS trigger
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM dreamsuite.apply_policies();
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION access_roles_trigger() IS 'Calls apply_policies() when a restore fills access_roles.';
CREATE TRIGGER apply_policies AFTER INSERT OR UPDATE OR DELETE ON access_roles
    FOR EACH STATEMENT EXECUTE FUNCTION access_roles_trigger();
COMMENT ON TRIGGER apply_policies ON access_roles IS 'The policies follow, also when the table is restored.';

CREATE FUNCTION revoke_access(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o     record;
    known name;
BEGIN
    IF revoke_access.role IS NULL THEN
        RAISE EXCEPTION 'role must not be null' USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the role, as in ''authenticated''.';
    END IF;
    IF NOT pg_has_role((SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'dreamsuite'), 'USAGE') THEN
        RAISE EXCEPTION 'permission denied to say who may use dreamsuite'
            USING ERRCODE = 'insufficient_privilege', HINT = 'The owner of the extension may.';
    END IF;
    FOR o IN SELECT a.kind, a.object FROM dreamsuite.access_objects() AS a LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', o.kind, o.object, revoke_access.role);
    END LOOP;
    EXECUTE format('REVOKE ALL ON SCHEMA dreamsuite FROM %s', revoke_access.role);
    known := (SELECT r.rolname FROM pg_roles AS r WHERE r.oid = revoke_access.role);    -- Citus deletes by no catalog
    DELETE FROM dreamsuite.access_roles AS a WHERE a.role_name = known;
    PERFORM dreamsuite.apply_policies();
END
$$;
COMMENT ON FUNCTION revoke_access(regrole) IS 'Takes back everything that grant_access() gave to a role.';

CREATE FUNCTION grant_access(
    role      regrole,
    all_users boolean DEFAULT false)   -- true: it sees and manages every user, and runs the house
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o     record;
    known name;
BEGIN
    IF grant_access.all_users IS NULL THEN
        RAISE EXCEPTION 'all_users must not be null'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Leave it out for a role that sees its own user alone.';
    END IF;
    PERFORM dreamsuite.revoke_access(grant_access.role);    -- a second call may give less than the first
    EXECUTE format('GRANT USAGE ON SCHEMA dreamsuite TO %s', grant_access.role);
    FOR o IN
        SELECT a.kind, a.object, CASE a.kind WHEN 'ROUTINE' THEN 'EXECUTE' WHEN 'TYPE' THEN 'USAGE' ELSE 'SELECT' END AS privilege
          FROM dreamsuite.access_objects() AS a
         WHERE a.rule IN ('own', 'any') OR (a.rule = 'all_users' AND grant_access.all_users)
    LOOP
        EXECUTE format('GRANT %s ON %s %s TO %s', o.privilege, o.kind, o.object, grant_access.role);
    END LOOP;
    known := (SELECT r.rolname FROM pg_roles AS r WHERE r.oid = grant_access.role);
    INSERT INTO dreamsuite.access_roles (role_name, all_users) VALUES (known, grant_access.all_users);
    PERFORM dreamsuite.apply_policies();
END
$$;
COMMENT ON FUNCTION grant_access(regrole, boolean) IS
'Lets a role in: it reads and manages the user of its requests (request.jwt.claims), with all_users every user and the house itself. It writes through functions alone and never sees a secret.';

CREATE FUNCTION link_auth_users() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t     record;
    alone bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute AS a
                     JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisunique AND i.indpred IS NULL
                                       AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
                    WHERE a.attrelid = to_regclass('auth.users') AND a.attname = 'id' AND a.atttypid = 'uuid'::regtype) THEN
        RAISE EXCEPTION 'there is no table auth.users with a unique id of type uuid'
            USING ERRCODE = 'undefined_table',
                  DETAIL = 'Supabase keeps its users there; every user_id would reference it.',
                  HINT = 'Without it nothing is to be linked: user_id is any uuid, and dreamsuite.forget_user() removes a user.';
    END IF;
    FOR t IN
        SELECT c.oid::regclass AS relation, c.relname
          FROM pg_class AS c
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
         WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p')
           AND NOT EXISTS (SELECT FROM pg_constraint AS k
                            WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid = to_regclass('auth.users'))
         ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT count(DISTINCT t.user_id) FROM %s AS t WHERE t.user_id IS NOT NULL'
                       ' AND NOT EXISTS (SELECT FROM auth.users AS u WHERE u.id = t.user_id)', t.relation) INTO alone;
        IF alone > 0 THEN
            RAISE EXCEPTION '% users of % are not in auth.users', alone, t.relation
                USING ERRCODE = 'foreign_key_violation',
                      HINT = 'Add them to auth.users, or remove their rows with dreamsuite.forget_user().';
        END IF;
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE',
                       t.relation, t.relname || '_user_id_fkey');
    END LOOP;
END
$$;
COMMENT ON FUNCTION link_auth_users() IS
'Lets every user_id reference auth.users(id), ON DELETE CASCADE: who is deleted there is forgotten here. CREATE EXTENSION does so where the table exists.';

DO $$
BEGIN
    -- an update links what is new where the rest is linked
    IF NULLIF(pg_catalog.current_setting('dreamsuite_update.rules', true), '') IS NULL
        OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                    WHERE k.conrelid = 'dreamsuite.daily_metrics'::pg_catalog.regclass AND k.contype = 'f'
                      AND k.confrelid = pg_catalog.to_regclass('auth.users')) THEN
        PERFORM dreamsuite.link_auth_users();
    END IF;
EXCEPTION WHEN undefined_table THEN
    NULL;   -- not Supabase; link_auth_users() can be called later
END
$$;
