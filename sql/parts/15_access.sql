
-- Whose request it is

CREATE FUNCTION current_user_id() RETURNS uuid
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULLIF(NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid
$$;
COMMENT ON FUNCTION current_user_id() IS
'The user that the request speaks for: "sub" of request.jwt.claims, as PostgREST sets it; null where nobody is signed in.';
