
-- Growth: changes over 1, 7 and 30 days

CREATE FUNCTION repair_changes(user_id uuid, platform text) RETURNS bigint
AS 'MODULE_PATHNAME', 'dreamsuite_repair_changes' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION repair_changes(uuid, text) IS 'Recomputes the stored change fields of an account, after rows were written by plain INSERT or COPY; returns how many rows changed.';

CREATE FUNCTION repair_changes_trigger() RETURNS trigger
AS 'MODULE_PATHNAME', 'dreamsuite_repair_changes_trigger' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION repair_changes_trigger() IS 'Repairs the stored change fields that depended on deleted or corrected days.';

-- Install only: distribute() drops them, as Citus has none on distributed tables
-- An INSERT has no such trigger: a restore or a bulk load keeps the values it brings.
CREATE TRIGGER repair_after_delete AFTER DELETE ON daily_metrics
    REFERENCING OLD TABLE AS touched_old
    FOR EACH STATEMENT EXECUTE FUNCTION repair_changes_trigger();
COMMENT ON TRIGGER repair_after_delete ON daily_metrics IS 'Later days do not keep a change against a day that is gone.';
CREATE TRIGGER repair_after_update AFTER UPDATE ON daily_metrics
    REFERENCING OLD TABLE AS touched_old NEW TABLE AS touched_new
    FOR EACH STATEMENT EXECUTE FUNCTION repair_changes_trigger();
COMMENT ON TRIGGER repair_after_update ON daily_metrics IS 'Later days follow a corrected day.';
-- End of install only

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

CREATE FUNCTION metric_series(user_id uuid, platform text, metric text, since date DEFAULT NULL, until date DEFAULT NULL)
RETURNS TABLE (date date, value numeric, quality text)
AS 'MODULE_PATHNAME', 'dreamsuite_metric_series' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 1000 ROWS 400;
COMMENT ON FUNCTION metric_series(uuid, text, text, date, date) IS 'The known values of one metric by day; a day without a row is unknown.';

CREATE FUNCTION record_high(user_id uuid, platform text, metric text)
RETURNS TABLE (value numeric, date date, previous_value numeric, previous_date date, days integer, since date,
    is_latest boolean)
AS 'MODULE_PATHNAME', 'dreamsuite_record_high' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 1000 ROWS 1;
COMMENT ON FUNCTION record_high(uuid, text, text) IS 'The highest value and the day that first had it, the record before it, the number of observed days and the first of them; is_latest: the newest observation is a new record.';

CREATE FUNCTION growth_streaks(user_id uuid, platform text, metric text)
RETURNS TABLE (direction text, since date, until date, days integer, change numeric, is_latest boolean)
AS 'MODULE_PATHNAME', 'dreamsuite_growth_streaks' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 1000 ROWS 20;
COMMENT ON FUNCTION growth_streaks(uuid, text, text) IS 'Runs of two or more days that each rose (up) or each fell (down) against the day before; an unknown day ends one.';

CREATE FUNCTION milestones(user_id uuid, platform text, metric text)
RETURNS TABLE (milestone numeric, date date, value numeric)
AS 'MODULE_PATHNAME', 'dreamsuite_milestones' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 1000 ROWS 3;
COMMENT ON FUNCTION milestones(uuid, text, text) IS 'The day on which a metric first reached 1,000, 10,000, 100,000 ...; what was reached before the first observation is left out.';

CREATE FUNCTION growth_leaders(
    as_of    date    DEFAULT NULL,               -- null: the newest day that the caller may see
    metric   text    DEFAULT 'follower_count',
    period   text    DEFAULT '7d',               -- 24h, 7d or 30d
    only_platform text DEFAULT NULL,             -- null: every platform
    k        integer DEFAULT 20)
RETURNS TABLE (place bigint, user_id uuid, platform text, value numeric, change numeric, pct double precision,
    quality text)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    day date := growth_leaders.as_of;
BEGIN
    IF growth_leaders.period IS NULL OR growth_leaders.period NOT IN ('24h', '7d', '30d') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('unknown period "%s"', growth_leaders.period),
            DETAIL = 'The periods are 24h, 7d and 30d.',
            HINT = 'Leave it out for 7d.';
    END IF;
    IF growth_leaders.metric IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'metric must not be null',
            HINT = 'Leave it out for follower_count; see dreamsuite.metric_catalog().';
    END IF;
    IF growth_leaders.k IS NULL OR growth_leaders.k < 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('k must be 1 or more, not %s', COALESCE(growth_leaders.k::text, 'null')),
            HINT = 'Leave it out for 20.';
    END IF;
    IF day IS NULL THEN
        SELECT max(d.date) INTO day FROM dreamsuite.daily_metrics AS d;
        day := COALESCE(day, CURRENT_DATE);
    END IF;
    RETURN QUERY
    SELECT row_number() OVER (ORDER BY r.change DESC, r.user_id, r.platform), r.user_id, r.platform, r.value, r.change,
           r.pct, r.quality
      FROM (SELECT g.user_id, g.platform, g.value, g.quality,
                   CASE growth_leaders.period WHEN '24h' THEN g.change_24h WHEN '7d' THEN g.change_7d
                        ELSE g.change_30d END AS change,
                   CASE growth_leaders.period WHEN '24h' THEN g.pct_24h WHEN '7d' THEN g.pct_7d
                        ELSE g.pct_30d END AS pct
              FROM dreamsuite.growth(NULL, growth_leaders.only_platform, ARRAY[growth_leaders.metric], day, day) AS g) AS r
     WHERE r.change IS NOT NULL
     ORDER BY 1
     LIMIT growth_leaders.k;
END
$$;
COMMENT ON FUNCTION growth_leaders(date, text, text, text, integer) IS 'The accounts that gained most on a day over 24h, 7d or 30d, the first k of those the caller may see.';
