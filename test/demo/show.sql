\pset footer off
\echo The newest days of daily_metrics
SELECT platform, date, follower_count, follower_change_24h, engagement_total, content_count
  FROM dreamsuite.daily_metrics WHERE user_id = :user_id AND date > (SELECT max(date) - 3 FROM dreamsuite.daily_metrics)
 ORDER BY platform, date;

\echo Growth on the newest day
SELECT platform, value, change_24h, change_7d, change_30d, round(pct_30d::numeric, 1) AS pct_30d, quality
  FROM dreamsuite.growth(:user_id) g
 WHERE date = (SELECT max(date) FROM dreamsuite.daily_metrics) ORDER BY platform;

\echo Runs
SELECT platform, outcome, count(*) AS runs, sum(requests) AS requests, min(error) AS error
  FROM dreamsuite.collection_runs GROUP BY 1, 2 ORDER BY 1, 2;

\echo Status
SELECT * FROM dreamsuite.status();

\echo A goal: half as many Instagram followers again
SELECT dreamsuite.set_goal(:user_id, 'instagram', 'follower_count', round(1.5 * follower_count, -2)) IS NOT NULL AS set
  FROM dreamsuite.daily_metrics WHERE user_id = :user_id AND platform = 'instagram' AND follower_count > 0 ORDER BY date DESC LIMIT 1;
SELECT platform, metric, target, value, round(percent::numeric) AS percent, pace, eta, eta_lo, eta_hi, sentence FROM dreamsuite.goal_status(:user_id);

\echo What the numbers say: the top facts
SELECT row_number() OVER (ORDER BY score DESC, fact_id) AS place, category, sentence, evidence_class AS class, confidence,
       round(q_value::numeric, 4) AS q, tests_in_family AS tests
  FROM dreamsuite.top_facts(:user_id) ORDER BY place;

\echo and their evidence
SELECT row_number() OVER (ORDER BY score DESC, fact_id) AS place, fact_id,
       left(jsonb_strip_nulls(evidence - 'parameters')::text, 300) AS evidence
  FROM dreamsuite.top_facts(:user_id) ORDER BY place;

\echo How much was looked at to find them
SELECT sentence FROM dreamsuite.insight_facts(:user_id, categories => '{data_quality}') WHERE kind = 'tests_run';

\echo The first one in full
SELECT jsonb_pretty(dreamsuite.explain_fact(:user_id, fact_id)) AS explained FROM dreamsuite.top_facts(:user_id, k => 1);
