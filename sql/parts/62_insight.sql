-- Insight: facts with their evidence, and goals

-- Install only: an update adds attributes with ALTER TYPE
CREATE TYPE fact AS (
    fact_id         text,      -- kind:subject:window:hash; the same for the same data
    category        text,      -- growth, content, cross_platform, trend, goal, data_quality
    kind            text,
    direction       text,
    platform        text,
    metric          text,
    subject         jsonb,
    window_start    date,
    window_end      date,
    as_of           date,
    settled_through date,      -- last day whose numbers do not change any more
    value           float8,
    baseline        float8,
    unit            text,
    effect          float8,
    effect_lo       float8,
    effect_hi       float8,
    effect_kind     text,      -- ratio, difference, percent, r, days
    n               int,
    n_baseline      int,
    n_missing       int,
    method          text,
    evidence_class  text,      -- exact, tested, forecast, heuristic
    p_value         float8,
    q_value         float8,
    family          text,
    tests_in_family int,
    confidence      text,      -- high, medium, low
    evidence        jsonb,     -- status, parameters, rows, content
    score           float8,
    score_parts     jsonb,
    sentence        text,
    caveats         text[],
    suggested_action text);
-- End of install only
COMMENT ON TYPE fact IS 'One statement about an artist with everything that is needed to check it.';

CREATE FUNCTION insight_facts(
    user_id    uuid,
    as_of      date   DEFAULT NULL,   -- null: the newest stored day
    categories text[] DEFAULT NULL)   -- null: all
RETURNS SETOF fact
AS 'MODULE_PATHNAME', 'dreamsuite_insight_facts' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 10000 ROWS 50;
COMMENT ON FUNCTION insight_facts(uuid, date, text[]) IS
'What the numbers of an artist say on a day, best first: only settled days, tested where chance is possible, with evidence. evidence ->> ''status'' is new, continuing or resolved.';

CREATE FUNCTION top_facts(
    user_id uuid,
    as_of   date DEFAULT NULL,        -- null: the newest stored day
    k       int  DEFAULT 10)
RETURNS SETOF fact
AS 'MODULE_PATHNAME', 'dreamsuite_top_facts' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 10000 ROWS 10;
COMMENT ON FUNCTION top_facts(uuid, date, int) IS
'The k facts most worth telling: at most two of a platform, every category that has something to say, none twice.';

CREATE FUNCTION fact_in_full(user_id uuid, fact_id text) RETURNS SETOF fact
AS 'MODULE_PATHNAME', 'dreamsuite_fact_in_full' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 20000 ROWS 1;
COMMENT ON FUNCTION fact_in_full(uuid, text) IS 'Used by explain_fact(): one fact with every row of its evidence.';

CREATE FUNCTION explain_fact(user_id uuid, fact_id text) RETURNS jsonb
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'fact_id', f.fact_id,
        'sentence', f.sentence,
        'category', f.category,
        'kind', f.kind,
        'direction', f.direction,
        'status', f.evidence -> 'status',
        'subject', f.subject,
        'window', jsonb_build_object('start', f.window_start, 'end', f.window_end, 'as_of', f.as_of,
            'settled_through', f.settled_through),
        'numbers', jsonb_build_object('value', f.value, 'baseline', f.baseline, 'unit', f.unit, 'effect', f.effect,
            'effect_lo', f.effect_lo, 'effect_hi', f.effect_hi, 'effect_kind', f.effect_kind, 'n', f.n,
            'n_baseline', f.n_baseline, 'n_missing', f.n_missing),
        'method', f.method,
        'parameters', COALESCE(f.evidence -> 'parameters', '{}'),
        'test', jsonb_build_object('evidence_class', f.evidence_class, 'p_value', f.p_value, 'q_value', f.q_value,
            'family', f.family, 'tests_in_family', f.tests_in_family, 'confidence', f.confidence),
        'evidence', f.evidence - 'parameters' - 'status',
        'score', jsonb_build_object('score', f.score, 'parts', f.score_parts),
        'caveats', to_jsonb(f.caveats),
        'suggested_action', f.suggested_action)
      FROM dreamsuite.fact_in_full(explain_fact.user_id, explain_fact.fact_id) AS f
$$;
COMMENT ON FUNCTION explain_fact(uuid, text) IS
'Everything behind a fact: its numbers, the method and its parameters, the test, and all rows of the evidence.';

CREATE FUNCTION set_goal(
    user_id  uuid,
    platform text,
    metric   text,
    target   numeric,
    period   text DEFAULT NULL,   -- week, month: a gain within it; null: a level to be reached
    deadline date DEFAULT NULL)
RETURNS uuid
AS 'MODULE_PATHNAME', 'dreamsuite_set_goal' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION set_goal(uuid, text, text, numeric, text, date) IS
'Sets a goal on any metric and remembers where it starts; returns its id.';

CREATE FUNCTION drop_goal(goal_id uuid) RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_drop_goal' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION drop_goal(uuid) IS 'Forgets a goal.';

CREATE FUNCTION goal_status(
    user_id uuid,
    as_of   date DEFAULT NULL)        -- null: the newest stored day
RETURNS TABLE (
    goal_id        uuid,
    platform       text,
    metric         text,
    target         numeric,
    value          numeric,           -- the level, or the gain within the period
    percent        float8,            -- of the target
    remaining      numeric,
    needed_per_day float8,            -- until the deadline or the end of the period
    pace           float8,            -- per day, over the last 7 days
    eta            date,              -- at the pace of now, as pace changed in the past
    eta_lo         date,              -- 80 % interval
    eta_hi         date,
    on_track       boolean,
    sentence       text)
AS 'MODULE_PATHNAME', 'dreamsuite_goal_status' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 5000 ROWS 5;
COMMENT ON FUNCTION goal_status(uuid, date) IS
'Where each goal stands, what is needed a day, and when it will be reached; null where that cannot be known.';

CREATE FUNCTION compare_posts(
    user_id  uuid,
    platform text,
    by       text)             -- kind, weekday, daypart, shared (with other artists or alone)
RETURNS TABLE (
    a           text,
    b           text,
    n_a         int,
    n_b         int,
    ratio       float8,        -- of a to b, among posts that are neighbours in time
    ratio_lo    float8,        -- 90 % interval
    ratio_hi    float8,
    superiority float8,        -- how often a post of a beats one of b
    p_value     float8,
    q_value     float8)        -- over the rows of this call
AS 'MODULE_PATHNAME', 'dreamsuite_compare_posts' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 5000 ROWS 7;
COMMENT ON FUNCTION compare_posts(uuid, text, text) IS
'Compares an artist''s posts on one platform by their interactions (times of posting: by their views, where known). Groups that are too small have no p-value: 5 posts each in 3 weeks, 20 in all.';
