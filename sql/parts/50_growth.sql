
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
