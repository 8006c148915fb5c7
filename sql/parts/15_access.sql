
-- Whose request it is

CREATE FUNCTION current_user_id() RETURNS uuid
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULLIF(NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid
$$;
COMMENT ON FUNCTION current_user_id() IS
'The user that the request speaks for: "sub" of request.jwt.claims, as PostgREST sets it; null where nobody is signed in.';

-- Which roles grant_access() let in. The table is dumped, and its trigger (80_policies.sql) puts the policies right when
-- it is restored: pg_dump keeps grants on the objects of an extension, but not changes of its policies.
CREATE TABLE access_roles (
    role_name text PRIMARY KEY,
    all_users boolean NOT NULL
);
COMMENT ON TABLE access_roles IS 'The roles of grant_access(): all_users says whether they see and manage every user. Change it through grant_access() and revoke_access().';
SELECT pg_catalog.pg_extension_config_dump('access_roles', '');

-- The role of the request is the one that SET ROLE chose, else that of the session: as the user_id it is a property of the
-- request, and does not change inside of functions that run with the rights of their owner.
CREATE FUNCTION sees_all_users() RETURNS boolean
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_roles AS me
         WHERE me.rolname = CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END
           AND (pg_has_role(me.oid, (SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'dreamsuite'), 'USAGE')
                OR EXISTS (SELECT FROM dreamsuite.access_roles AS a
                             JOIN pg_roles AS r ON r.rolname = a.role_name
                            WHERE a.all_users AND pg_has_role(me.oid, r.oid, 'USAGE'))))
$$;
COMMENT ON FUNCTION sees_all_users() IS
'Does the role of the request see and manage every user? The owner of the extension does, and roles of grant_access(role, all_users => true).';

CREATE FUNCTION check_user(user_id uuid) RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine uuid;
BEGIN
    IF check_user.user_id IS NULL OR dreamsuite.sees_all_users() THEN
        RETURN;     -- what null means is for the caller to say
    END IF;
    mine := dreamsuite.current_user_id();
    IF mine = check_user.user_id THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'permission denied for user "%"', check_user.user_id
        USING ERRCODE = 'insufficient_privilege',
              DETAIL = COALESCE('The request speaks for user "' || mine || '".', 'The request speaks for nobody: request.jwt.claims has no "sub".'),
              HINT = 'A role manages the user of its request alone; the owner of the extension lets it manage every user with dreamsuite.grant_access(role, all_users => true).';
END
$$;
COMMENT ON FUNCTION check_user(uuid) IS
'Raises an error unless the user is that of the request, or the role of the request manages every user. For functions that run with the rights of the owner.';
