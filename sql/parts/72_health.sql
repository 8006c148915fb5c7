
-- What is to be known of a user's data before it is believed.

CREATE FUNCTION data_health(user_id uuid)
RETURNS TABLE (platform text, item text, state text, detail text, hint text)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    whose CONSTANT uuid := data_health.user_id;
    now_  CONSTANT timestamptz := dreamsuite.calendar_now();
    a     record;  -- the account, or the platform that has days without one
    r     record;  -- its last run
    n     record;
BEGIN
    IF whose IS NULL THEN
        RAISE EXCEPTION 'user_id must not be null'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Pass the uuid of the artist''s user.';
    END IF;

    FOR a IN
        -- apart from what is joined below, because Citus joins no table of several nodes with one of the coordinator
        WITH days AS MATERIALIZED (
            SELECT k.name,
                   (SELECT max(d.date) FROM dreamsuite.daily_metrics d
                     WHERE d.user_id = whose AND d.platform = k.name AND jsonb_strip_nulls(d.metrics) <> '{}') AS last,
                   EXISTS (SELECT FROM dreamsuite.daily_metrics d WHERE d.user_id = whose AND d.platform = k.name) AS some
              FROM dreamsuite.platform_catalog() k)
        SELECT p.name, p.label, p.has_api, p.enabled, p.scopes, c.user_id IS NOT NULL AS connected, c.status, c.status_reason,
               c.granted_scopes, c.settings, s.blocked_until, s.last_error,
               c.status = 'active' AND p.has_api AND p.enabled AS collects,
               dreamsuite.account_day(now_, COALESCE(c.settings, '{}')) AS today,
               y.last AS last_day
          FROM dreamsuite.platform_catalog() k
          JOIN dreamsuite.platforms p ON p.name = k.name
          JOIN days y ON y.name = k.name
          LEFT JOIN dreamsuite.accounts c ON c.user_id = whose AND c.platform = p.name
          LEFT JOIN dreamsuite.account_state s ON s.user_id = whose AND s.platform = p.name
         WHERE c.user_id IS NOT NULL OR y.some
         ORDER BY k.place
    LOOP
        -- the account
        RETURN QUERY SELECT a.name, 'account',
            CASE WHEN NOT a.connected OR (a.status = 'active' AND a.enabled) THEN 'ok'
                 WHEN a.status IN ('needs_reauth', 'failed') THEN 'problem' ELSE 'warning' END,
            CASE WHEN NOT a.connected THEN 'no account is connected; the days were recorded or imported'
                 WHEN a.status = 'active' AND NOT a.enabled THEN 'the operator switched the platform off'
                 ELSE a.status || COALESCE(': ' || a.status_reason, '') END,
            CASE WHEN a.status IN ('needs_reauth', 'pending') THEN 'let the artist authorise: dreamsuite.authorize_url()'
                 WHEN a.status = 'failed' THEN 'mend what the reason says, then dreamsuite.resume_account()'
                 WHEN a.status = 'paused' THEN 'dreamsuite.resume_account() goes on' END;

        -- scopes that were not granted
        IF a.connected AND a.granted_scopes IS NOT NULL AND NOT a.granted_scopes @> a.scopes THEN
            RETURN QUERY SELECT a.name, 'scopes', 'warning',
                'not granted: ' || (SELECT string_agg(w, ', ' ORDER BY w) FROM unnest(a.scopes) w
                                     WHERE w <> ALL (a.granted_scopes)),
                'some metrics need them: let the artist authorise again';
        END IF;

        -- how old the newest numbers are
        RETURN QUERY SELECT a.name, 'freshness',
            CASE WHEN a.last_day IS NULL THEN 'unknown'
                 WHEN a.today - a.last_day <= CASE WHEN a.collects THEN 1 ELSE 31 END THEN 'ok'
                 WHEN a.collects AND a.today - a.last_day > 3 THEN 'problem' ELSE 'warning' END,
            CASE WHEN a.last_day IS NULL THEN 'no day with a known number yet'
                 ELSE format('the newest day is %s, %s day(s) ago', to_char(a.last_day, 'YYYY-MM-DD'), a.today - a.last_day) END,
            CASE WHEN a.last_day IS NULL AND NOT a.has_api THEN 'no API tells them: use dreamsuite.record_metrics()'
                 WHEN a.collects AND (a.last_day IS NULL OR a.today - a.last_day > 1) THEN 'see the item run, and dreamsuite.status()'
                 WHEN a.last_day IS NOT NULL AND NOT a.collects AND a.today - a.last_day > 31
                     THEN 'record or import newer numbers' END;

        -- days that nobody collected
        IF a.collects AND a.last_day IS NOT NULL THEN
            SELECT count(*) AS days, string_agg(to_char(g.day, 'YYYY-MM-DD'), ', ' ORDER BY g.day) AS names INTO n
              FROM generate_series(
                       GREATEST(a.last_day - 29, (SELECT min(d.date) FROM dreamsuite.daily_metrics d
                                                   WHERE d.user_id = whose AND d.platform = a.name))::timestamp,
                       a.last_day::timestamp, interval '1 day') AS g (day)
             WHERE NOT EXISTS (SELECT FROM dreamsuite.daily_metrics d
                                WHERE d.user_id = whose AND d.platform = a.name AND d.date = g.day::date
                                  AND jsonb_strip_nulls(d.metrics) <> '{}');
            RETURN QUERY SELECT a.name, 'gaps',
                CASE WHEN n.days = 0 THEN 'ok' WHEN n.days <= 3 THEN 'warning' ELSE 'problem' END,
                CASE WHEN n.days = 0 THEN 'none in the 30 days up to the newest'
                     ELSE format('%s of the 30 days up to the newest: %s', n.days,
                                 CASE WHEN n.days <= 5 THEN n.names ELSE left(n.names, 58) || ', ...' END) END,
                CASE WHEN n.days > 0 THEN 'changes over a gap are null; what is known of the days can be recorded or imported' END;
        END IF;

        -- the last run
        SELECT c.date, c.outcome, c.error_class, c.error INTO r
          FROM dreamsuite.collection_runs c
         WHERE c.user_id = whose AND c.platform = a.name AND c.outcome <> 'manual'
         ORDER BY c.started_at DESC, c.run_id DESC LIMIT 1;
        IF FOUND THEN
            RETURN QUERY SELECT a.name, 'run',
                CASE r.outcome WHEN 'failed' THEN 'problem' WHEN 'partial' THEN 'warning' ELSE 'ok' END,
                format('%s on %s', r.outcome, to_char(r.date, 'YYYY-MM-DD')) || COALESCE(': ' || r.error_class, '') || COALESCE(', ' || r.error, ''),
                CASE WHEN r.error_class = 'permission' THEN 'a right is missing: let the artist authorise again'
                     WHEN r.error_class IN ('auth_expired', 'auth_revoked') THEN 'let the artist authorise: dreamsuite.authorize_url()'
                     WHEN r.error_class = 'operator' THEN 'the app needs its operator: see dreamsuite.status()'
                     WHEN r.outcome IN ('failed', 'partial') THEN 'it is tried again by itself' END;
            IF r.error LIKE '%bounded by dreamsuite.max_pages%' THEN
                RETURN QUERY SELECT a.name, 'listing', 'warning',
                    'only the first pages were read of ' || (SELECT string_agg(m[1], ', ' ORDER BY m[1])
                        FROM regexp_matches(r.error, '(\w+): bounded by dreamsuite\.max_pages', 'g') AS m),
                    'totals over content lack the rest: raise dreamsuite.max_pages';
            END IF;
        END IF;
        IF a.blocked_until > now_ THEN
            RETURN QUERY SELECT a.name, 'blocked', 'warning',
                format('the platform asked to wait until %s', to_char(a.blocked_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
                'nothing is to be done';
        END IF;

        -- metrics that the platform refuses
        RETURN QUERY SELECT a.name, 'quarantine: ' || q.metric, 'warning',
                format('refused since %s, asked again after %s', to_char(q.since AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
                       to_char(q.until AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
                || COALESCE(': ' || q.reason, ''),
                'it is null meanwhile; the other metrics are not touched'
           FROM dreamsuite.metric_quarantine q
          WHERE q.user_id = whose AND q.platform = a.name AND q.until > now_
          ORDER BY q.metric;

        -- fields that nothing fills, and why
        IF a.last_day IS NOT NULL THEN
            RETURN QUERY SELECT a.name, 'metric: ' || k.metric, 'unknown',
                CASE WHEN k.source IN ('by hand', 'import or by hand') THEN 'no API tells it'
                     WHEN NOT a.connected THEN 'nobody recorded it, and no account is connected'
                     WHEN a.status = 'pending' THEN 'the account waits for its credentials'
                     WHEN r.error ~ ('missing ' || step.name || '\M') THEN
                         'the last run lacks it: ' || substring(r.error FROM 'missing (' || step.name || '[^;]*)')
                     WHEN NOT a.settings ? needs.setting THEN format('it is not asked for: the account has no %s in its settings', needs.setting)
                     WHEN a.granted_scopes IS NOT NULL AND NOT a.granted_scopes @> a.scopes THEN
                         'the platform does not tell it; perhaps it needs a scope that was not granted'
                     ELSE 'the platform does not tell it to this app, or the account hides it' END,
                CASE WHEN k.metric = 'total_streams' AND k.source = 'import or by hand' THEN
                         'import the songs of all time once (kind "songs: all"); the audience timeline then continues it'
                     WHEN k.source = 'import or by hand' THEN
                         format('dreamsuite.import_csv() with an export of %s, or dreamsuite.record_metrics()',
                                CASE a.name WHEN 'spotify' THEN 'Spotify for Artists' ELSE 'YouTube Studio' END)
                     WHEN k.source = 'by hand' THEN 'dreamsuite.record_metrics()'
                     WHEN NOT a.connected THEN 'connect the account, or dreamsuite.record_metrics()'
                     WHEN a.status = 'pending' OR (a.granted_scopes IS NOT NULL AND NOT a.granted_scopes @> a.scopes)
                         THEN 'let the artist authorise: dreamsuite.authorize_url()'
                     WHEN r.error ~ ('missing ' || step.name || '\M') THEN NULL
                     WHEN NOT a.settings ? needs.setting THEN
                         'pass its settings with this one to dreamsuite.connect_account(), or use dreamsuite.record_metrics()' END
              FROM dreamsuite.metric_catalog() WITH ORDINALITY
                   AS k (platform, metric, json_type, nullable, kind, unit, source, description, place)
             CROSS JOIN LATERAL (SELECT COALESCE(substring(k.source FROM '^(?:sum of )?([a-z_]+)'), '') AS name) AS step
             CROSS JOIN LATERAL (SELECT CASE WHEN k.source LIKE 'tracked playlists%' THEN 'tracked_playlists'
                                             WHEN a.name = 'spotify' AND step.name = 'artist' THEN 'artist_id'
                                             WHEN a.name = 'deezer' AND step.name IN ('favorite_tracks', 'playlists') THEN 'profile_id' END AS setting) AS needs
             WHERE k.platform = a.name AND k.kind <> 'change'
               AND NOT EXISTS (SELECT FROM dreamsuite.daily_metrics d
                                WHERE d.user_id = whose AND d.platform = a.name AND d.date > a.last_day - 30
                                  AND d.metrics ->> k.metric IS NOT NULL)
             ORDER BY k.place;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION data_health(uuid) IS
'Per platform of a user: how fresh and whole the numbers are, and which are missing and why. state: ok, warning, problem, unknown.';
