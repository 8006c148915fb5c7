-- Statistics over arrays: what they answer, and what they refuse.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dreamsuite;
RESET client_min_messages;
SET search_path = dreamsuite, public;
\pset null '(null)'

-- detect_changepoints: 0-based first index of each new segment
SELECT detect_changepoints(array_agg(CASE WHEN i < 60 THEN 10 ELSE 20 END + (i * 7919 % 13) / 3.0 ORDER BY i))
FROM generate_series(0, 119) i;
-- gaps count as places, null and NaN alike
SELECT detect_changepoints(array_agg(CASE WHEN i % 5 = 1 THEN NULL WHEN i % 5 = 3 THEN 'NaN'::float8
    WHEN i < 60 THEN 10 ELSE 20 END + (i * 7919 % 13) / 3.0 ORDER BY i))
FROM generate_series(0, 119) i;
-- steady growth and a constant have none
SELECT detect_changepoints(array_agg(5.0 * i + i * 7919 % 13 ORDER BY i)) AS growth,
       detect_changepoints(array_agg(7.0)) AS constant
FROM generate_series(0, 119) i;
-- too little is unknown, not none
SELECT detect_changepoints('{}') AS empty, detect_changepoints('{1}') AS one, detect_changepoints(NULL) AS nothing,
       detect_changepoints(array_fill(NULL::float8, ARRAY[100])) AS missing,
       detect_changepoints(array_fill(1::float8, ARRAY[13])) AS thirteen,
       detect_changepoints(array_fill(1::float8, ARRAY[14])) AS fourteen;

-- anomaly_scores: one per element, 0 to 1, null where unknown
CREATE TEMP TABLE days AS
SELECT array_agg(CASE WHEN i = 70 THEN 900 WHEN i = 80 THEN NULL ELSE (CASE WHEN i % 7 >= 5 THEN 140 ELSE 90 END)
    + i * 7919 % 23 END::float8 ORDER BY i) AS x
FROM generate_series(0, 119) i;
SELECT cardinality(anomaly_scores(x)) AS elements,
       (SELECT array_agg(o - 1 ORDER BY o) FROM unnest(anomaly_scores(x)) WITH ORDINALITY s(s, o) WHERE s >= 0.5) AS anomalies,
       (SELECT array_agg(o - 1 ORDER BY o) FROM unnest(anomaly_scores(x)) WITH ORDINALITY s(s, o) WHERE s IS NULL) AS unknown,
       (SELECT bool_and(s BETWEEN 0 AND 1) FROM unnest(anomaly_scores(x)) s) AS inside
FROM days;
-- appending days changes no earlier score
SELECT bool_and(anomaly_scores(x[1:n]) = (anomaly_scores(x))[1:n]) AS causal
FROM days, generate_series(1, 120) n;
SELECT bool_and(anomaly_scores(x[1:n] || '{1e9, -5, 0.5}'::float8[])::text = (anomaly_scores(x[1:n]) ||
    (anomaly_scores(x[1:n] || '{1e9, -5, 0.5}'::float8[]))[n + 1:])::text) AS causal_whatever_follows
FROM days, generate_series(1, 120) n;
SELECT anomaly_scores('{}') AS empty, anomaly_scores('{5}') AS one, anomaly_scores(NULL) AS nothing,
       (SELECT max(s) < 0.02 FROM unnest(anomaly_scores(array_fill(3::float8, ARRAY[60]))) s) AS constant;
-- a 1 after zeros is no anomaly
SELECT (anomaly_scores(array_fill(0::float8, ARRAY[60]) || '{1}'::float8[], 7))[61] < 0.5 AS quiet;

-- compare_groups: Hollander and Wolfe's membranes, W = 35, p = .2544
SELECT round(p_value::numeric, 4) AS p_value, superiority
FROM compare_groups('{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}', '{1.15, 0.88, 0.90, 0.74, 1.21}');
-- three times as much is a ratio of 3
SELECT p_value < 0.001 AS differs, round(ratio::numeric, 6) AS ratio, ratio_lo < 3 AND ratio_hi > 3 AS inside, superiority
FROM compare_groups('{30, 33, 36, 39, 42, 45, 48, 51, null, NaN}', '{10, 11, 12, 13, 14, 15, 16, 17}');
-- too few for an interval, equal groups, an empty group, nothing
SELECT * FROM compare_groups('{2}', '{1}');
SELECT p_value, ratio, ratio_lo, ratio_hi, superiority
FROM compare_groups('{5, 5, 5, 5, 5}', '{5, 5, 5, 5, 5}');
SELECT * FROM compare_groups('{}', '{1, 2}');
SELECT * FROM compare_groups('{null, NaN}', '{1, 2}');
SELECT compare_groups(NULL, '{1, 2}') IS NULL AS nothing;

-- adjust_pvalues: the example of Benjamini and Hochberg 1995 rejects four at .05
SELECT count(*) FILTER (WHERE q <= 0.05) AS rejected
FROM unnest(adjust_pvalues('{.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1}')) q;
-- null stays null and is no test
SELECT array_remove(adjust_pvalues('{0.01, null, 0.04, NaN, 0.03}'), null) = adjust_pvalues('{0.01, 0.04, 0.03}') AS same,
       adjust_pvalues('{0.01, null, 0.04}') AS q, adjust_pvalues('{}') AS empty, adjust_pvalues('{null}') AS unknown,
       adjust_pvalues(NULL) AS nothing;

-- lead_lag: y follows x after two days
CREATE TEMP TABLE pairs AS
SELECT array_agg((i * 7919 % 101)::float8 ORDER BY i) AS x,
       array_agg((((i - 2) * 7919 % 101) + i * 31 % 7)::float8 ORDER BY i) AS y
FROM generate_series(1, 100) i;
SELECT lag, round(r::numeric, 1) AS r, p_value < 1e-10 AS clear FROM pairs, lead_lag(x, y, 4) ORDER BY lag;
SELECT count(*) AS lags, min(lag), max(lag) FROM pairs, lead_lag(x, y);
SELECT count(*) AS too_short FROM pairs, lead_lag(x[1:29], y[1:29]);
SELECT count(*) AS constant FROM pairs, lead_lag(x, array_fill(1::float8, ARRAY[100]));
SELECT count(*) AS empty FROM lead_lag('{}', '{}');
SELECT count(*) AS nothing FROM lead_lag(NULL, '{1}');

-- forecast: a line goes on, a constant stays, ten values are the least
SELECT step, round(mean) AS mean, lo <= mean AND mean <= hi AS inside
FROM forecast((SELECT array_agg((20 + 3 * i)::float8 ORDER BY i) FROM generate_series(1, 100) i), 3);
SELECT DISTINCT mean, lo, hi FROM forecast(array_fill(7::float8, ARRAY[50]), 30);
SELECT count(*) AS nine FROM forecast(array_fill(7::float8, ARRAY[9]), 5);
SELECT max(step) AS no_further_than_twice_the_history FROM forecast('{3, 1, 4, 1, 5, 9, 2, 6, 5, 3}', 100);
SELECT count(*) AS empty FROM forecast('{}', 5);
SELECT count(*) AS nothing FROM forecast(NULL, 5);
SELECT bool_and(w.hi - w.lo > n.hi - n.lo) AS more_certain_is_wider
FROM days, forecast(x, 14) n JOIN forecast((SELECT x FROM days), 14, 0.95) w USING (step);
SELECT round(max(mean) / min(mean), 1) > 1.2 AS weekends_are_foreseen FROM days, LATERAL (SELECT mean::numeric FROM forecast(x, 7)) f;

-- goal_eta: 300 more at 10 a day
CREATE TEMP TABLE levels AS SELECT array_agg((1000 + 10 * i)::float8 ORDER BY i) AS x FROM generate_series(0, 199) i;
SELECT round(days::numeric, 6) AS days, round(lo::numeric, 6) AS lo, round(hi::numeric, 6) AS hi
FROM levels, goal_eta(x, 1000 + 10 * 229);
SELECT g.* FROM levels, goal_eta(x, 2000) g;                                    -- reached
SELECT g.* FROM levels, goal_eta(x, 1e9) g;                                     -- too far
SELECT round(days) AS days, lo < days AND days < hi AS as_other_counters FROM levels, goal_eta(x[1:40], 1690) g; -- too short a history of its own
SELECT g.* FROM levels, goal_eta(x[1:7], 1100) g;                               -- too little history
SELECT * FROM goal_eta(array_fill(500::float8, ARRAY[200]), 600);               -- not at this pace
SELECT * FROM goal_eta('{}', 600);
SELECT goal_eta(NULL, 600) IS NULL AS nothing;

-- what is refused
SELECT detect_changepoints('{1, Infinity, 2}');
SELECT detect_changepoints('{{1, 2}, {3, 4}}');
SELECT anomaly_scores('{1, 2, -Infinity}');
SELECT anomaly_scores('{1, 2}', 0);
SELECT anomaly_scores('{1, 2}', 367);
SELECT compare_groups('{1, 0}', '{1, 2}');
SELECT compare_groups('{1, 2}', '{1, -2}');
SELECT compare_groups('{1, 2}', '{Infinity}');
SELECT adjust_pvalues('{0.5, 1.5}');
SELECT adjust_pvalues('{{0.5}}');
SELECT * FROM lead_lag('{1, 2}', '{1}');
SELECT * FROM lead_lag('{1, 2}', '{1, 2}', -1);
SELECT * FROM forecast('{1, 2}', 0);
SELECT * FROM forecast('{1, 2}', 5, 1.0);
SELECT * FROM forecast('{1, 2}', 5, 'NaN');
SELECT * FROM forecast('{1, 2}', 5, 0.8, 0);
SELECT * FROM goal_eta('{1, 2}', 'Infinity');
SELECT * FROM goal_eta('{1, 2}', 5, 0);
-- the state of an error is that of a wrong argument
DO $$
BEGIN
    PERFORM dreamsuite.forecast('{1, 2}', -5);
EXCEPTION WHEN invalid_parameter_value THEN
    RAISE NOTICE 'invalid_parameter_value';
END
$$;

-- pure: the planner may fold them, workers may run them
SELECT proname, provolatile, proparallel, proisstrict FROM pg_proc
WHERE pronamespace = 'dreamsuite'::regnamespace
  AND proname IN ('detect_changepoints', 'anomaly_scores', 'compare_groups', 'adjust_pvalues', 'lead_lag', 'forecast', 'goal_eta')
ORDER BY proname;
RESET search_path;
