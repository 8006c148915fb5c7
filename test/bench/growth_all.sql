-- growth_all.sql: the best plain SQL for the changes of four metrics, every row: the numbers are taken out where the rows
-- are read, in parallel, the narrow rows are sorted in parallel, and range frames find the baselines. Values that are
-- unknown are not handled: there are none in the data.
SELECT count(*), count(change_24h), sum(change_7d), count(change_30d), sum(pct_24h), sum(pct_7d), sum(pct_30d)
  FROM (SELECT w.user_id, w.platform, l.metric, w.date, l.value, l.value - b1 AS change_24h, l.value - b7 AS change_7d,
               l.value - b30 AS change_30d, (l.value - b1)::float8 * 100 / nullif(b1, 0) AS pct_24h,
               (l.value - b7)::float8 * 100 / nullif(b7, 0) AS pct_7d, (l.value - b30)::float8 * 100 / nullif(b30, 0) AS pct_30d
          FROM (SELECT n.user_id, n.platform, n.date, a, b, c, d,
                       last_value(a) OVER day AS a1, last_value(a) OVER week AS a7, last_value(a) OVER month AS a30,
                       last_value(b) OVER day AS b1_, last_value(b) OVER week AS b7_, last_value(b) OVER month AS b30_,
                       last_value(c) OVER day AS c1, last_value(c) OVER week AS c7, last_value(c) OVER month AS c30,
                       last_value(d) OVER day AS d1, last_value(d) OVER week AS d7, last_value(d) OVER month AS d30
                  FROM (SELECT user_id, platform, date, follower_count AS a, engagement_total AS b,
                               (metrics ->> 'likes_total')::bigint AS c, (metrics ->> 'comments_total')::bigint AS d
                          FROM dreamsuite.daily_metrics ORDER BY user_id, platform, date OFFSET 0) AS n
                WINDOW account AS (PARTITION BY n.user_id, n.platform ORDER BY n.date),
                       day AS (account RANGE BETWEEN INTERVAL '1 day' PRECEDING AND INTERVAL '1 day' PRECEDING),
                       week AS (account RANGE BETWEEN INTERVAL '8 days' PRECEDING AND INTERVAL '7 days' PRECEDING),
                       month AS (account RANGE BETWEEN INTERVAL '34 days' PRECEDING AND INTERVAL '30 days' PRECEDING)) AS w
         CROSS JOIN LATERAL (VALUES ('follower_count', a, a1, a7, a30), ('engagement_total', b, b1_, b7_, b30_),
                                    ('likes_total', c, c1, c7, c30), ('comments_total', d, d1, d7, d30))
                         AS l (metric, value, b1, b7, b30)
         WHERE l.value IS NOT NULL) AS g;
