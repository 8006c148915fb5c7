-- One artist on all platforms: :days days, :posts posts with their first 30 days. psql variables: user_id, days, posts.
SELECT setseed(0.42);

INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, engagement_total, content_count, metrics)
SELECT :'user_id', p.name, DATE '2026-06-30' - :days + i, f.followers, f.engagement, 100 + i / 10,
       (SELECT jsonb_object_agg(c.metric, CASE
                   WHEN c.json_type LIKE '%[]' OR c.json_type NOT LIKE 'number%' THEN 'null'::jsonb
                   WHEN c.kind = 'rate' THEN to_jsonb(0.05 + 0.001 * (i % 7))
                   WHEN c.kind = 'rolling' THEN to_jsonb(20000 + (2000 * sin(i / 20.0))::bigint + (i * 7919) % 300)
                   WHEN c.kind = 'rounded' THEN to_jsonb(((f.followers / 1000) * 1000))
                   WHEN c.metric IN ('total_views', 'total_streams', 'total_plays') THEN to_jsonb(f.views)
                   WHEN c.kind = 'change' THEN 'null'::jsonb
                   ELSE to_jsonb(f.followers) END)
          FROM dreamsuite.metric_catalog() c WHERE c.platform = p.name)
  FROM (SELECT name, row_number() OVER () AS place FROM dreamsuite.platforms) p,
       LATERAL (SELECT i, 5000 * p.place + sum(30 + 10 * (i % 7) + floor(20 * random())) OVER w AS followers,
                       100000 + sum(300 + 50 * (i % 7) + floor(200 * random())) OVER w AS engagement,
                       1000000 + sum(3000 + 500 * (i % 7) + floor(1500 * random())) OVER w AS views
                  FROM generate_series(1, :days) i WINDOW w AS (ORDER BY i)) f;

INSERT INTO dreamsuite.content_items (user_id, platform, content_id, kind, published_at, title, likes, comments, shares, views)
SELECT :'user_id', (ARRAY['instagram', 'tiktok', 'youtube', 'facebook', 'soundcloud'])[1 + i % 5], 'post' || i,
       CASE i % 5 WHEN 0 THEN (ARRAY['reel', 'photo', 'carousel'])[1 + (i / 5) % 3] WHEN 3 THEN (ARRAY['photo', 'video'])[1 + (i / 5) % 2]
            WHEN 4 THEN 'track' ELSE 'video' END,
       TIMESTAMPTZ '2026-06-30 12:00Z' - make_interval(days => :days) * (i::float8 / :posts) + make_interval(hours => (24 * random())::int),
       'Post number ' || i, (100 * exp(random() * 2))::bigint, (20 * random())::bigint, (10 * random())::bigint, (2000 * exp(random() * 2))::bigint
  FROM generate_series(1, :posts) i;

INSERT INTO dreamsuite.content_history (user_id, platform, content_id, date, likes, comments, shares, views)
SELECT user_id, platform, content_id, (published_at AT TIME ZONE 'UTC')::date + age, likes * age / 30, comments * age / 30, shares * age / 30,
       views * age / 30
  FROM dreamsuite.content_items, generate_series(0, 29) age WHERE user_id = :'user_id';
