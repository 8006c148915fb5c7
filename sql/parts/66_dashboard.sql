
-- The picture

CREATE FUNCTION dashboard(
    user_id uuid,
    as_of   date DEFAULT NULL)        -- null: the newest stored day
RETURNS text
AS 'MODULE_PATHNAME', 'dreamsuite_dashboard' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 20000;
COMMENT ON FUNCTION dashboard(uuid, date) IS
'One self-contained HTML page of an artist: no script, nothing loaded. Shows what the caller may see.';

-- PostgREST answers a request that accepts a media type with a function that returns a domain of its name. The domain is
-- found in its own schema alone, so one of the same name elsewhere is none of its business.
-- Install only
CREATE DOMAIN "text/html" AS text;
-- End of install only
COMMENT ON DOMAIN "text/html" IS 'Text that PostgREST serves as a page.';

CREATE FUNCTION dashboard_page(
    user_id uuid DEFAULT NULL,        -- null: the user of the request
    as_of   date DEFAULT NULL)
RETURNS "text/html"
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT dreamsuite.dashboard(COALESCE(dashboard_page.user_id, dreamsuite.current_user_id()), dashboard_page.as_of)::dreamsuite."text/html"
$$;
COMMENT ON FUNCTION dashboard_page(uuid, date) IS
'dashboard() for PostgREST: GET /rpc/dashboard_page with Accept: text/html gives the page of the user who asks.';
