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
