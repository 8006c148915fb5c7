-- What goes on, for the operator.

CREATE FUNCTION status()
RETURNS TABLE (item text, value text, hint text)
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_       timestamptz := dreamsuite.calendar_now();
    preloaded  boolean := EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dreamsuite launcher');
    worker     record;
    n          record;
BEGIN
    RETURN QUERY SELECT 'version', e.extversion, NULL::text FROM pg_extension e WHERE e.extname = 'dreamsuite';

    RETURN QUERY SELECT 'enabled', current_setting('dreamsuite.enabled'),
        CASE WHEN current_setting('dreamsuite.enabled')::boolean THEN NULL
             ELSE 'nothing is collected: ALTER SYSTEM SET dreamsuite.enabled = on, and reload' END;

    RETURN QUERY SELECT 'launcher', CASE WHEN preloaded THEN 'running' ELSE 'not running' END,
        CASE WHEN NOT preloaded THEN 'collect_due() starts a collector when it is needed; preload the library for a standing one' END;

    SELECT a.pid, a.state, a.query, a.backend_start INTO worker
      FROM pg_stat_activity a WHERE a.backend_type = 'dreamsuite collector' AND a.datname = current_database();
    IF worker.pid IS NULL THEN
        RETURN QUERY SELECT 'collector', 'not running',
            CASE WHEN (SELECT count(*) FROM pg_stat_activity
                        WHERE backend_type NOT IN ('client backend', 'standalone backend', 'autovacuum launcher', 'autovacuum worker',
                               'background writer', 'checkpointer', 'walwriter', 'walsender', 'walreceiver', 'startup', 'archiver',
                               'logger', 'slotsync worker', 'walsummarizer', 'io worker'))
                      >= current_setting('max_worker_processes')::integer
                 THEN 'every worker slot is taken: raise max_worker_processes'
                 WHEN preloaded AND NOT (current_database() = ANY (string_to_array(replace(current_setting('dreamsuite.databases'), ' ', ''), ',')))
                 THEN 'add this database to dreamsuite.databases, or call collect_due()' END;
    ELSE
        RETURN QUERY SELECT 'collector', format('running as process %s since %s, %s', worker.pid,
                to_char(worker.backend_start, 'YYYY-MM-DD HH24:MI'), worker.state),
            CASE WHEN worker.query LIKE 'dreamsuite: another server on this machine %'
                 THEN 'it waits: another server on this machine collects a copy of this database; stop one, or set dreamsuite.enabled to off' END;
    END IF;

    RETURN QUERY SELECT 'accounts: ' || a.status, count(*)::text,
            CASE a.status WHEN 'pending' THEN 'they wait for credentials'
                          WHEN 'needs_reauth' THEN 'the artists must authorise again: see accounts.status_reason'
                          WHEN 'failed' THEN 'see accounts.status_reason' END
       FROM dreamsuite.accounts a GROUP BY a.status ORDER BY a.status;

    SELECT count(*) FILTER (WHERE s.lease_until > statement_timestamp()) AS running,
           count(*) FILTER (WHERE s.next_due_at <= now_ AND s.lease_until IS NULL
                              AND (s.blocked_until IS NULL OR s.blocked_until <= now_)
                              AND (b.blocked_until IS NULL OR b.blocked_until <= now_)) AS due,
           count(*) FILTER (WHERE s.next_due_at > now_ OR s.blocked_until > now_) AS later,
           min(greatest(s.next_due_at, s.blocked_until)) FILTER (WHERE s.next_due_at > now_ OR s.blocked_until > now_) AS next,
           count(*) FILTER (WHERE s.blocked_until > now_) AS blocked,
           -- behind its day, and not because of us
           count(*) FILTER (WHERE s.lease_until IS NULL AND (s.next_due_at > now_ AND s.attempts > 0 OR s.blocked_until > now_
                              OR s.next_due_at <= now_ AND b.blocked_until > now_)) AS waiting
      INTO n FROM dreamsuite.account_state s
      JOIN dreamsuite.accounts a ON a.user_id = s.user_id AND a.platform = s.platform AND a.status IN ('active', 'pending')
      LEFT JOIN dreamsuite.bucket_state b ON b.bucket = s.platform;
    RETURN QUERY VALUES ('running', n.running::text, NULL::text),
        ('due', n.due::text, CASE WHEN n.due > 0 AND worker.pid IS NULL THEN 'call collect_due()' END),
        ('again later', n.later::text, CASE WHEN n.later > 0 THEN 'the next at ' || to_char(n.next, 'YYYY-MM-DD HH24:MI:SSOF') END),
        ('told to wait by the platform', n.blocked::text, NULL::text);

    RETURN QUERY
        SELECT 'cycle', format('%s done, %s failed, %s waiting, %s under way, %s remaining since %s', c.done, c.failed, n.waiting, n.running,
                               n.due, to_char(c.started_at, 'YYYY-MM-DD HH24:MI:SSOF')),
               CASE WHEN c.done > 0
                    THEN 'expected end ' || to_char(statement_timestamp() + (statement_timestamp() - c.started_at) / c.done * (n.running + n.due), 'YYYY-MM-DD HH24:MI:SSOF') END
          FROM dreamsuite.collection_cycle c WHERE c.ended_at IS NULL AND n.running + n.due > 0
        UNION ALL
        SELECT 'last cycle', format('%s done, %s failed from %s to %s', c.done, c.failed, to_char(c.started_at, 'YYYY-MM-DD HH24:MI:SSOF'),
                                    to_char(c.ended_at, 'YYYY-MM-DD HH24:MI:SSOF')),
               CASE WHEN n.waiting > 0 THEN format('%s accounts are tried again later', n.waiting) END
          FROM dreamsuite.collection_cycle c WHERE c.ended_at IS NOT NULL;

    RETURN QUERY SELECT 'paused: ' || b.bucket, 'until ' || to_char(b.blocked_until, 'YYYY-MM-DD HH24:MI:SSOF'), b.reason
       FROM dreamsuite.bucket_state b WHERE b.blocked_until > now_ ORDER BY b.bucket;

    RETURN QUERY SELECT 'metrics in quarantine', count(*)::text,
            CASE WHEN count(*) > 0 THEN 'platforms refuse them: see metric_quarantine' END
       FROM dreamsuite.metric_quarantine q WHERE q.until > now_;

    RETURN QUERY SELECT 'runs of the last 24 hours: ' || r.outcome, format('%s, %s requests', count(*), sum(r.requests)),
            CASE WHEN r.outcome = 'failed' THEN 'most often ' || mode() WITHIN GROUP (ORDER BY r.error_class) END
       FROM dreamsuite.collection_runs r WHERE r.started_at > statement_timestamp() - interval '24 hours'
      GROUP BY r.outcome ORDER BY r.outcome;

    IF current_setting('dreamsuite.test_base_url', true) <> '' OR current_setting('dreamsuite.test_now', true) <> '' THEN
        RETURN QUERY SELECT 'test settings', 'on', 'dreamsuite.test_base_url and dreamsuite.test_now are for tests and demos';
    END IF;
END
$$;
COMMENT ON FUNCTION status() IS 'Is the collector alive, what is due, what waits and why; with a hint where something is to be done.';

