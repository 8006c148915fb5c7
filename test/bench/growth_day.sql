-- growth_day.sql: the best plain SQL for one day of all artists, psql -v day=2026-03-31: the nine days that count come by
-- the index on date, and one aggregation finds the baselines.
SELECT count(*), count(change_24h), sum(change_7d), count(change_30d), sum(pct_24h), sum(pct_7d), sum(pct_30d)
  FROM (SELECT w.user_id, w.platform, l.metric, l.v[1] AS value, l.v[1] - l.v[2] AS change_24h,
               l.v[1] - coalesce(l.v[3], l.v[4]) AS change_7d,
               l.v[1] - coalesce(l.v[5], l.v[6], l.v[7], l.v[8], l.v[9]) AS change_30d,
               (l.v[1] - l.v[2])::float8 * 100 / nullif(l.v[2], 0) AS pct_24h,
               (l.v[1] - coalesce(l.v[3], l.v[4]))::float8 * 100 / nullif(coalesce(l.v[3], l.v[4]), 0) AS pct_7d,
               (l.v[1] - coalesce(l.v[5], l.v[6], l.v[7], l.v[8], l.v[9]))::float8 * 100
                   / nullif(coalesce(l.v[5], l.v[6], l.v[7], l.v[8], l.v[9]), 0) AS pct_30d
          FROM (SELECT user_id, platform,
                       ARRAY[max(a) FILTER (WHERE back = 0), max(a) FILTER (WHERE back = 1), max(a) FILTER (WHERE back = 7),
                             max(a) FILTER (WHERE back = 8), max(a) FILTER (WHERE back = 30), max(a) FILTER (WHERE back = 31),
                             max(a) FILTER (WHERE back = 32), max(a) FILTER (WHERE back = 33), max(a) FILTER (WHERE back = 34)] AS a,
                       ARRAY[max(b) FILTER (WHERE back = 0), max(b) FILTER (WHERE back = 1), max(b) FILTER (WHERE back = 7),
                             max(b) FILTER (WHERE back = 8), max(b) FILTER (WHERE back = 30), max(b) FILTER (WHERE back = 31),
                             max(b) FILTER (WHERE back = 32), max(b) FILTER (WHERE back = 33), max(b) FILTER (WHERE back = 34)] AS b,
                       ARRAY[max(c) FILTER (WHERE back = 0), max(c) FILTER (WHERE back = 1), max(c) FILTER (WHERE back = 7),
                             max(c) FILTER (WHERE back = 8), max(c) FILTER (WHERE back = 30), max(c) FILTER (WHERE back = 31),
                             max(c) FILTER (WHERE back = 32), max(c) FILTER (WHERE back = 33), max(c) FILTER (WHERE back = 34)] AS c,
                       ARRAY[max(d) FILTER (WHERE back = 0), max(d) FILTER (WHERE back = 1), max(d) FILTER (WHERE back = 7),
                             max(d) FILTER (WHERE back = 8), max(d) FILTER (WHERE back = 30), max(d) FILTER (WHERE back = 31),
                             max(d) FILTER (WHERE back = 32), max(d) FILTER (WHERE back = 33), max(d) FILTER (WHERE back = 34)] AS d
                  FROM (SELECT user_id, platform, DATE :'day' - date AS back, follower_count AS a, engagement_total AS b,
                               (metrics ->> 'likes_total')::bigint AS c, (metrics ->> 'comments_total')::bigint AS d
                          FROM dreamsuite.daily_metrics
                         WHERE date = ANY (ARRAY(SELECT DATE :'day' - n FROM unnest('{0,1,7,8,30,31,32,33,34}'::int[]) AS n))
                        OFFSET 0) AS n
                 GROUP BY user_id, platform) AS w
         CROSS JOIN LATERAL (VALUES ('follower_count', w.a), ('engagement_total', w.b), ('likes_total', w.c),
                                    ('comments_total', w.d)) AS l (metric, v)
         WHERE l.v[1] IS NOT NULL) AS g;
