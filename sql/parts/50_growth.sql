
-- Growth: changes over 1, 7 and 30 days

CREATE FUNCTION repair_changes(user_id uuid, platform text) RETURNS bigint
AS 'MODULE_PATHNAME', 'dreamsuite_repair_changes' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION repair_changes(uuid, text) IS 'Recomputes the stored change fields of an account, after rows were written by plain INSERT or COPY; returns how many rows changed.';

CREATE FUNCTION repair_changes_trigger() RETURNS trigger
AS 'MODULE_PATHNAME', 'dreamsuite_repair_changes_trigger' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION repair_changes_trigger() IS 'Repairs the stored change fields that depended on deleted or corrected days.';

-- An INSERT has no such trigger: a restore or a bulk load keeps the values it brings.
CREATE TRIGGER repair_after_delete AFTER DELETE ON daily_metrics
    REFERENCING OLD TABLE AS touched_old
    FOR EACH STATEMENT EXECUTE FUNCTION repair_changes_trigger();
COMMENT ON TRIGGER repair_after_delete ON daily_metrics IS 'Later days do not keep a change against a day that is gone.';
CREATE TRIGGER repair_after_update AFTER UPDATE ON daily_metrics
    REFERENCING OLD TABLE AS touched_old NEW TABLE AS touched_new
    FOR EACH STATEMENT EXECUTE FUNCTION repair_changes_trigger();
COMMENT ON TRIGGER repair_after_update ON daily_metrics IS 'Later days follow a corrected day.';

CREATE FUNCTION growth_row(user_id uuid, platform text, date date, follower_count bigint, follower_change_24h integer,
    engagement_total bigint, content_count integer, metrics jsonb, names text[]) RETURNS bytea
AS 'MODULE_PATHNAME', 'dreamsuite_growth_row' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION growth_row(uuid, text, date, bigint, integer, bigint, integer, jsonb, text[]) IS 'Used by growth(): account, day and the named numbers of a row, in an order of bytes.';

CREATE FUNCTION growth_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'dreamsuite_growth_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION growth_support(internal) IS 'Lets the planner stream the rows of growth().';

CREATE FUNCTION growth(
    user_id  uuid   DEFAULT NULL,   -- null: every row the caller may see
    platform text   DEFAULT NULL,   -- null: every platform
    metrics  text[] DEFAULT '{follower_count}',
    since    date   DEFAULT NULL,
    until    date   DEFAULT NULL)
RETURNS TABLE (user_id uuid, platform text, metric text, date date, value numeric,
    change_24h numeric, change_7d numeric, change_30d numeric,
    pct_24h double precision, pct_7d double precision, pct_30d double precision, quality text)
AS 'MODULE_PATHNAME', 'dreamsuite_growth' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 10000 ROWS 10000 SUPPORT growth_support;
COMMENT ON FUNCTION growth(uuid, text, text[], date, date) IS 'Values of metrics by day with their change over 1, 7 and 30 days; null where there is no baseline. A row per known value.';
