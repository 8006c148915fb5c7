-- Who asks.

CREATE FUNCTION current_user_id() RETURNS uuid
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claims  text := nullif(current_setting('request.jwt.claims', true), '');
    subject text;
BEGIN
    IF claims IS NULL THEN
        RETURN NULL;
    END IF;
    BEGIN
        subject := nullif(claims::jsonb ->> 'sub', '');
    EXCEPTION WHEN data_exception THEN
        RAISE EXCEPTION 'request.jwt.claims is not a JSON object'
            USING ERRCODE = 'invalid_text_representation', HINT = 'Whoever serves the request sets it, as PostgREST does.';
    END;
    RETURN subject::uuid;
EXCEPTION WHEN invalid_text_representation THEN
    IF subject IS NULL THEN
        RAISE;
    END IF;
    RAISE EXCEPTION 'the sub claim of request.jwt.claims is not a uuid'
        USING ERRCODE = 'invalid_text_representation', HINT = 'Users are named by uuid, as in Supabase.';
END
$$;
COMMENT ON FUNCTION current_user_id() IS 'The user that the request is made for: sub of request.jwt.claims; null without claims.';
