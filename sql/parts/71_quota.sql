-- How much of each platform's limits is used up, and what is left.

CREATE FUNCTION platform_limits()
RETURNS TABLE (platform text, bucket text, per_second double precision, burst integer, units_a_day double precision, resets_at timestamptz)
AS 'MODULE_PATHNAME', 'dreamsuite_platform_limits' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION platform_limits() IS 'The pace and the quota of a day that are compiled in for each platform.';

CREATE FUNCTION quota_status()
RETURNS TABLE (
    bucket            text,
    platform          text,
    used              numeric,      -- units of the day, or the percentage that the platform tells
    "left"            numeric,
    resets_at         timestamptz,
    blocked_until     timestamptz,
    reason            text,
    per_second        double precision,
    accounts          bigint,       -- active and pending
    blocked_accounts  bigint,       -- told to wait for themselves
    cost_per_account  numeric,      -- units a day (X: dollars), as the last seven days were
    accounts_that_fit bigint)       -- further ones, every day
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH now AS MATERIALIZED (SELECT dreamsuite.calendar_now() AS at),
    costs AS (
        SELECT r.platform, sum(r.cost) / count(*) AS cost, sum(r.requests) / count(*) AS requests
          FROM (SELECT c.platform, sum(c.quota_cost) AS cost, sum(c.requests)::numeric AS requests FROM dreamsuite.collection_runs c
                 WHERE c.started_at > statement_timestamp() - interval '7 days' AND c.outcome IN ('ok', 'partial', 'failed')
                 GROUP BY c.platform, c.user_id, c.date) r
         GROUP BY r.platform),
    counts AS (
        SELECT a.platform, count(*) AS accounts, count(*) FILTER (WHERE s.blocked_until > (SELECT at FROM now)) AS blocked
          FROM dreamsuite.accounts a
          JOIN dreamsuite.account_state s ON s.user_id = a.user_id AND s.platform = a.platform
         WHERE a.status IN ('active', 'pending')
         GROUP BY a.platform),
    limits AS (
        SELECT l.platform, l.bucket, l.per_second, l.resets_at,
               CASE WHEN l.units_a_day IS NULL THEN NULL
                    WHEN p.extra ->> 'daily_quota' ~ '^[0-9]{1,15}$' AND (p.extra ->> 'daily_quota')::numeric > 0
                    THEN (p.extra ->> 'daily_quota')::numeric
                    ELSE l.units_a_day::numeric END AS quota
          FROM dreamsuite.platform_limits() l LEFT JOIN dreamsuite.apps p ON p.platform = l.platform),
    known AS (
        SELECT COALESCE(b.bucket, l.bucket) AS bucket, COALESCE(b.platform, l.platform) AS platform,
               -- a quota's day that has ended leaves nothing used
               CASE WHEN l.quota IS NOT NULL THEN CASE WHEN b.resets_at > (SELECT at FROM now) THEN b.used ELSE 0 END
                    ELSE b.used END AS used,
               COALESCE(l.quota, b.quota) AS quota,
               COALESCE(l.resets_at, b.resets_at) AS resets_at,
               CASE WHEN b.blocked_until > (SELECT at FROM now) THEN b.blocked_until END AS blocked_until,
               CASE WHEN b.blocked_until > (SELECT at FROM now) THEN b.reason END AS reason,
               l.quota AS daily, l.per_second
          FROM limits l FULL JOIN dreamsuite.bucket_state b ON b.bucket = l.bucket)
    -- greatest() and least() pass over what is unknown
    SELECT k.bucket, k.platform, k.used, CASE WHEN k.quota - k.used IS NOT NULL THEN greatest(k.quota - k.used, 0) END,
           k.resets_at, k.blocked_until, k.reason, k.per_second, COALESCE(n.accounts, 0), COALESCE(n.blocked, 0), round(c.cost, 2),
           CASE WHEN f.accounts IS NOT NULL THEN greatest(floor(f.accounts) - COALESCE(n.accounts, 0), 0)::bigint END
      FROM known k LEFT JOIN costs c ON c.platform = k.platform LEFT JOIN counts n ON n.platform = k.platform
     -- the narrower of what a day's quota and a day at the allowed pace hold; X's cost is no pace
     CROSS JOIN LATERAL (SELECT least(k.daily / NULLIF(c.cost, 0), k.per_second::numeric * 86400 / NULLIF(greatest(c.cost, c.requests), 0))) AS f (accounts)
     ORDER BY k.platform, k.bucket
$$;
COMMENT ON FUNCTION quota_status() IS
'Each limit of the platforms: what is used and left, when it begins anew, what is blocked and why, and how many more accounts fit.';
