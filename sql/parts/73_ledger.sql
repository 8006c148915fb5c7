-- The ledger, read for its questions. Days are those of the clock, in UTC; metric dates are in collection_runs.

CREATE VIEW collection_summary AS
WITH runs AS (
    SELECT (r.started_at AT TIME ZONE 'UTC')::date AS day, r.platform, count(DISTINCT r.user_id) AS accounts, count(*) AS runs,
           count(*) FILTER (WHERE r.outcome = 'ok') AS ok, count(*) FILTER (WHERE r.outcome = 'partial') AS partial,
           count(*) FILTER (WHERE r.outcome = 'failed') AS failed, count(*) FILTER (WHERE r.outcome = 'placeholder') AS placeholder,
           sum(r.requests) AS requests, sum(r.bytes) AS bytes, sum(r.quota_cost) AS quota_cost,
           pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.finished_at - r.started_at)) AS seconds
      FROM collection_runs r
     WHERE r.outcome IS DISTINCT FROM 'manual'
     GROUP BY 1, 2),
errors AS (
    SELECT e.day, e.platform, pg_catalog.string_agg(e.error_class || ' ' || e.n, ', ' ORDER BY e.n DESC, e.error_class) AS errors
      FROM (SELECT (r.started_at AT TIME ZONE 'UTC')::date AS day, r.platform, r.error_class, count(*) AS n
              FROM collection_runs r WHERE r.error_class IS NOT NULL GROUP BY 1, 2, 3) e
     GROUP BY e.day, e.platform)
SELECT r.day, r.platform, r.accounts, r.runs, r.ok, r.partial, r.failed, r.placeholder, r.requests, r.bytes, r.quota_cost,
       pg_catalog.round(r.seconds::numeric, 2) AS median_seconds, e.errors
  FROM runs r LEFT JOIN errors e ON e.day = r.day AND e.platform = r.platform
 ORDER BY r.day DESC, r.platform;
COMMENT ON VIEW collection_summary IS 'What each day cost on each platform: accounts, runs by outcome, requests, bytes, quota units, and which errors.';

CREATE VIEW endpoint_summary AS
SELECT (l.at AT TIME ZONE 'UTC')::date AS day, l.platform, l.endpoint, count(*) AS requests,
       count(*) FILTER (WHERE l.error_class <> 'ok') AS failed,
       pg_catalog.round((pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY l.ms))::numeric, 1) AS median_ms,
       pg_catalog.round((pg_catalog.percentile_cont(0.95) WITHIN GROUP (ORDER BY l.ms))::numeric, 1) AS p95_ms,
       max(l.ms) AS most_ms, sum(l.bytes) AS bytes, sum(l.quota_cost) AS quota_cost
  FROM request_log l
 GROUP BY 1, 2, 3
 ORDER BY 1 DESC, 7 DESC;
COMMENT ON VIEW endpoint_summary IS 'Which endpoint is slow, fails or costs most: requests of each day by platform and endpoint, slowest first.';

CREATE VIEW stale_accounts AS
WITH t AS MATERIALIZED (SELECT calendar_now() AS now)    -- Citus asks every node with it
SELECT a.user_id, a.platform, a.status, s.done_on AS last_day, account_day(t.now, a.settings) - s.done_on AS days_behind,
       s.last_outcome, s.last_error_class, s.last_error, s.attempts, s.last_finished_at,
       CASE WHEN a.status IN ('active', 'pending') THEN GREATEST(s.next_due_at, s.blocked_until, b.blocked_until) END AS next_try,
       CASE WHEN a.status = 'paused' THEN 'paused by hand: see resume_account()'
            WHEN a.status = 'needs_reauth' THEN 'the artist must authorise again: ' || COALESCE(a.status_reason, 'the consent has ended')
            WHEN a.status = 'failed' THEN COALESCE(a.status_reason, 'connecting it has failed')
            WHEN NOT COALESCE(o.enabled, true) THEN 'the platform is switched off: see platform_settings'
            WHEN b.blocked_until > t.now THEN 'the platform is left alone: ' || COALESCE(b.reason, 'it asked for a pause')
            WHEN s.blocked_until > t.now THEN 'the platform asked for a pause for this account'
            WHEN s.lease_token IS NOT NULL THEN 'it is being collected'
            WHEN s.next_due_at IS NULL THEN 'nothing makes it due: see schedule_collection() and dreamsuite.collect_at'
            WHEN s.next_due_at <= t.now THEN 'it is due: see status() for the collector'
            WHEN s.attempts > 0 THEN 'try ' || s.attempts || ' of the day failed: another follows'
            ELSE 'the next day is scheduled' END AS reason
  FROM accounts a
  JOIN account_state s ON s.user_id = a.user_id AND s.platform = a.platform
  LEFT JOIN platform_settings o ON o.platform = a.platform
  LEFT JOIN bucket_state b ON b.bucket = a.platform
 CROSS JOIN t
 WHERE s.done_on IS NULL OR s.done_on < account_day(t.now, a.settings) - 1 OR s.last_outcome = 'failed' OR a.status IN ('needs_reauth', 'failed')
 ORDER BY s.done_on NULLS FIRST, a.user_id, a.platform;
COMMENT ON VIEW stale_accounts IS 'Why an account is behind: those whose yesterday is not finished or whose last run failed, with the reason and the next try.';

-- As of the typed views: what the caller may see.
DO $$
DECLARE
    view_name text;
BEGIN
    IF pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN
        FOREACH view_name IN ARRAY ARRAY['collection_summary', 'endpoint_summary', 'stale_accounts'] LOOP
            EXECUTE pg_catalog.format('ALTER VIEW dreamsuite.%I SET (security_invoker = true)', view_name);
        END LOOP;
    END IF;
END
$$;
