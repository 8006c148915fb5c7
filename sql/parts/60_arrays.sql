/*
 * Statistics over arrays: pure functions of their arguments. Arrays are in order of time; null and NaN elements are
 * missing. Too little data gives null or no rows, never an invented result.
 */

CREATE FUNCTION detect_changepoints(series float8[]) RETURNS int[]
AS 'MODULE_PATHNAME', 'dreamsuite_detect_changepoints' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION detect_changepoints(float8[]) IS
    'Where a series changed its level: the 0-based index of the first value of each new segment. Empty when it never did, null below 14 known values.';

CREATE FUNCTION anomaly_scores(
    series float8[],
    period int DEFAULT 7)   -- 7: weekly pattern of daily values; 1: none
RETURNS float8[]
AS 'MODULE_PATHNAME', 'dreamsuite_anomaly_scores' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION anomaly_scores(float8[], int) IS
    'How surprising each value is, 0 to 1, judged by earlier values alone: 0.5 is expected once in 100 ordinary values, 0.9 once in 1,000. Null for a missing value and where fewer than 14 of the 28 values before are known.';

CREATE FUNCTION compare_groups(
    a float8[],
    b float8[],
    OUT p_value     float8,  -- Mann-Whitney, two-sided, exact up to 400 pairs
    OUT ratio       float8,  -- of a to b, Hodges-Lehmann on logarithms
    OUT ratio_lo    float8,  -- 90 % interval
    OUT ratio_hi    float8,
    OUT superiority float8)  -- how often a value of a beats one of b
AS 'MODULE_PATHNAME', 'dreamsuite_compare_groups' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION compare_groups(float8[], float8[]) IS
    'Compares two groups of positive values by ranks: p-value, ratio with a 90 % interval, and how often a beats b. The interval is null where so few values allow none.';

CREATE FUNCTION adjust_pvalues(p_values float8[]) RETURNS float8[]
AS 'MODULE_PATHNAME', 'dreamsuite_adjust_pvalues' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION adjust_pvalues(float8[]) IS
    'q-values of Benjamini and Hochberg, in the order of the p-values. Null stays null and is not counted as a test.';

CREATE FUNCTION lead_lag(
    x       float8[],
    y       float8[],
    max_lag int DEFAULT 14)
RETURNS TABLE (
    lag     int,             -- y is this many days later than x
    r       float8,
    p_value float8)          -- per lag; see adjust_pvalues()
AS 'MODULE_PATHNAME', 'dreamsuite_lead_lag' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 15;
COMMENT ON FUNCTION lead_lag(float8[], float8[], int) IS
    'Correlation of daily increments x with y some days later, after removing weekday, trend and autocorrelation. No row for a lag with fewer than 30 pairs of days.';

CREATE FUNCTION forecast(
    series  float8[],
    horizon int,
    level   float8 DEFAULT 0.8,  -- coverage of the interval
    period  int    DEFAULT 7)    -- 7: weekly pattern of daily values; 1: none
RETURNS TABLE (
    step int,
    mean float8,
    lo   float8,
    hi   float8)
AS 'MODULE_PATHNAME', 'dreamsuite_forecast' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 30;
COMMENT ON FUNCTION forecast(float8[], int, float8, int) IS
    'The next values of a series with an interval from its own past forecast errors. No row below 10 known values, and none further ahead than twice their number.';

CREATE FUNCTION goal_eta(
    series   float8[],
    target   float8,
    level    float8 DEFAULT 0.8,  -- coverage of the interval
    OUT days float8,              -- from the last element of the series
    OUT lo   float8,
    OUT hi   float8)
AS 'MODULE_PATHNAME', 'dreamsuite_goal_eta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION goal_eta(float8[], float8, float8) IS
    'Days until a growing counter reaches a target, with an interval from how its pace changed in the past, in a short history from how that of other counters does. 0 when reached; null where it is not reached at the present pace, is too far, or fewer than eight days are known.';
