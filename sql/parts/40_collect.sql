-- Accounts and their collection.
--
-- Who changes an account waits for the collector, and it for them: all lock oauth_states, account_state, account_secrets,
-- accounts in this order, and of account_state many rows by user and platform.

CREATE FUNCTION merge_known(older jsonb, newer jsonb) RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_merge_known' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION merge_known(jsonb, jsonb) IS
'The newer object, with the older one''s value where the newer says null or nothing.';

CREATE FUNCTION connect_account(
    user_id       uuid,
    platform      text,
    external_id   text        DEFAULT NULL,  -- channel, page, professional account, user or artist
    access_token  text        DEFAULT NULL,
    refresh_token text        DEFAULT NULL,
    expires_at    timestamptz DEFAULT NULL,  -- of the access token
    settings      jsonb       DEFAULT '{}',
    scopes        text[]      DEFAULT NULL)  -- granted; null: the platform's own list
RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_connect_account' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION connect_account(uuid, text, text, text, text, timestamptz, jsonb, text[]) IS
'Connects an account whose tokens are held already, or whose data are public. The server may log the statement: prefer authorize_url().';

CREATE FUNCTION platform_needs_token(platform text) RETURNS boolean
AS 'MODULE_PATHNAME', 'dreamsuite_platform_needs_token' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION platform_needs_token(text) IS 'Does the platform answer nothing without a token of the artist?';

CREATE FUNCTION calendar_now() RETURNS timestamptz
AS 'MODULE_PATHNAME', 'dreamsuite_calendar_now' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calendar_now() IS 'The time that metric dates and due times follow: the clock''s, or dreamsuite.test_now.';

CREATE FUNCTION account_day(at timestamptz, settings jsonb) RETURNS date
AS 'MODULE_PATHNAME', 'dreamsuite_account_day' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION account_day(timestamptz, jsonb) IS 'The metric date of the instant for an account with these settings.';

CREATE FUNCTION collect_time(user_id uuid, settings jsonb, day date) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'dreamsuite_collect_time' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION collect_time(uuid, jsonb, date) IS
'When the account is due on that day by dreamsuite.collect_at, with its share of the spread; null where that is not set.';

CREATE FUNCTION account_must_exist(user_id uuid, platform text) RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF account_must_exist.user_id IS NULL OR account_must_exist.platform IS NULL THEN
        RAISE EXCEPTION '% must not be null', CASE WHEN account_must_exist.user_id IS NULL THEN 'user_id' ELSE 'platform' END
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the user and the platform of the account.';
    END IF;
    PERFORM dreamsuite.platform_needs_token(account_must_exist.platform);  -- an unknown platform is an error there
    IF NOT EXISTS (SELECT FROM dreamsuite.accounts a
                   WHERE a.user_id = account_must_exist.user_id AND a.platform = account_must_exist.platform) THEN
        RAISE EXCEPTION 'user "%" has no account on "%"', account_must_exist.user_id, account_must_exist.platform
            USING ERRCODE = 'undefined_object', HINT = 'Connect it with dreamsuite.connect_account() or dreamsuite.authorize_url().';
    END IF;
END
$$;
COMMENT ON FUNCTION account_must_exist(uuid, text) IS 'Raises an error, with a hint, unless the account is connected.';

CREATE FUNCTION pause_account(user_id uuid, platform text) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM dreamsuite.check_user(pause_account.user_id);
    PERFORM dreamsuite.account_must_exist(pause_account.user_id, pause_account.platform);
    UPDATE dreamsuite.account_state s SET next_due_at = NULL
     WHERE s.user_id = pause_account.user_id AND s.platform = pause_account.platform;
    UPDATE dreamsuite.accounts a SET status = 'paused', status_reason = 'paused by hand'
     WHERE a.user_id = pause_account.user_id AND a.platform = pause_account.platform AND a.status <> 'paused';
END
$$;
COMMENT ON FUNCTION pause_account(uuid, text) IS 'Leaves an account alone until resume_account().';

CREATE FUNCTION resume_account(user_id uuid, platform text) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM dreamsuite.check_user(resume_account.user_id);
    PERFORM dreamsuite.account_must_exist(resume_account.user_id, resume_account.platform);
    PERFORM FROM dreamsuite.account_state s
      WHERE s.user_id = resume_account.user_id AND s.platform = resume_account.platform FOR NO KEY UPDATE;
    UPDATE dreamsuite.accounts a
       SET status = CASE WHEN dreamsuite.platform_needs_token(a.platform)
                              AND NOT EXISTS (SELECT FROM dreamsuite.account_secrets k
                                              WHERE k.user_id = a.user_id AND k.platform = a.platform)
                         THEN 'pending' ELSE 'active' END,
           status_reason = NULL
     WHERE a.user_id = resume_account.user_id AND a.platform = resume_account.platform
       AND a.status IN ('paused', 'failed');
    IF FOUND THEN
        UPDATE dreamsuite.account_state s SET next_due_at = dreamsuite.calendar_now(), attempts = 0
         WHERE s.user_id = resume_account.user_id AND s.platform = resume_account.platform;
        IF current_setting('dreamsuite.collect_at') <> '' THEN  -- elsewhere collect_due() finds it
            PERFORM dreamsuite.wake_collector();
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION resume_account(uuid, text) IS 'Makes a paused or failed account active and due again.';

CREATE FUNCTION disconnect_account(user_id uuid, platform text) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_ timestamptz := dreamsuite.calendar_now();
BEGIN
    PERFORM dreamsuite.check_user(disconnect_account.user_id);
    PERFORM dreamsuite.account_must_exist(disconnect_account.user_id, disconnect_account.platform);
    -- a run or an exchange of tokens that is being stored comes first: what it stores is what must go
    DELETE FROM dreamsuite.oauth_states o
     WHERE o.user_id = disconnect_account.user_id AND o.platform = disconnect_account.platform;
    DELETE FROM dreamsuite.account_state s
     WHERE s.user_id = disconnect_account.user_id AND s.platform = disconnect_account.platform;
    PERFORM FROM dreamsuite.account_secrets k
      WHERE k.user_id = disconnect_account.user_id AND k.platform = disconnect_account.platform FOR UPDATE;
    -- the sealed tokens wait there until the collector has ended the consent at the platform
    IF dreamsuite.platform_revokes(disconnect_account.platform) THEN
        INSERT INTO dreamsuite.revocations (user_id, platform, access_token, refresh_token, key_id, next_at)
        SELECT k.user_id, k.platform, k.access_token, k.refresh_token, k.key_id, now_
          FROM dreamsuite.account_secrets k
         WHERE k.user_id = disconnect_account.user_id AND k.platform = disconnect_account.platform;
        IF FOUND THEN
            PERFORM dreamsuite.wake_collector();
        END IF;
    END IF;
    DELETE FROM dreamsuite.account_secrets k
     WHERE k.user_id = disconnect_account.user_id AND k.platform = disconnect_account.platform;
    DELETE FROM dreamsuite.metric_quarantine q
     WHERE q.user_id = disconnect_account.user_id AND q.platform = disconnect_account.platform;
    DELETE FROM dreamsuite.accounts a
     WHERE a.user_id = disconnect_account.user_id AND a.platform = disconnect_account.platform;
    -- answers that wait in its memory for the rest of a run
    PERFORM dreamsuite.remind_collector();
END
$$;
COMMENT ON FUNCTION disconnect_account(uuid, text) IS
'Forgets the tokens of an account, revokes them where the platform can, and stops collecting it. Its numbers stay; see forget_user().';

CREATE FUNCTION forget_user(user_id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_    timestamptz := dreamsuite.calendar_now();
    owned   regclass;
    removed bigint := 0;
    n       bigint;
BEGIN
    IF forget_user.user_id IS NULL THEN
        RAISE EXCEPTION 'user_id must not be null'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the user to be forgotten.';
    END IF;
    -- every table of the house with a user_id, so that a new one is not forgotten; but for the sealed tokens that wait to be
    -- revoked, which the collector removes when it has ended the consent at the platform, or tried
    FOR owned IN
        SELECT c.oid::regclass FROM pg_class c
          JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'user_id' AND NOT t.attisdropped
         WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'revocations'
         ORDER BY array_position('{oauth_states,account_state,account_secrets,accounts}'::name[], c.relname), c.relname
    LOOP
        IF owned = 'dreamsuite.account_secrets'::regclass THEN
            -- first whoever renews a token: the newest is what must go
            PERFORM FROM dreamsuite.account_secrets k WHERE k.user_id = forget_user.user_id ORDER BY k.platform FOR UPDATE;
            INSERT INTO dreamsuite.revocations (user_id, platform, access_token, refresh_token, key_id, next_at)
            SELECT k.user_id, k.platform, k.access_token, k.refresh_token, k.key_id, now_
              FROM dreamsuite.account_secrets k
             WHERE k.user_id = forget_user.user_id AND dreamsuite.platform_revokes(k.platform);
            IF FOUND THEN
                PERFORM dreamsuite.wake_collector();
            END IF;
        END IF;
        EXECUTE format('DELETE FROM %s WHERE user_id = $1', owned) USING forget_user.user_id;
        GET DIAGNOSTICS n = ROW_COUNT;
        removed := removed + n;
    END LOOP;
    -- answers that wait in its memory for the rest of a run
    PERFORM dreamsuite.remind_collector();
    RETURN removed;
END
$$;
COMMENT ON FUNCTION forget_user(uuid) IS 'Removes every row of a user and returns how many there were. Consents are ended at the platforms that can; see disconnect_account().';

CREATE FUNCTION collect_due() RETURNS integer
AS 'MODULE_PATHNAME', 'dreamsuite_collect_due' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION collect_due() IS
'Makes accounts due whose day is not done, wakes or starts the collector, and returns how many are due. What a schedule calls.';

-- A procedure that commits cannot run with the rights of the owner; this step of it needs them.
CREATE FUNCTION make_due(users uuid[], platforms text[], due_at timestamptz, requested_at timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    a       record;
    changed bigint := 0;
    n       bigint;
BEGIN
    BEGIN
        UPDATE dreamsuite.account_state AS s SET next_due_at = make_due.due_at, requested_at = make_due.requested_at,
               attempts = 0
          FROM (SELECT o.user_id, o.platform
                  FROM unnest(make_due.users, make_due.platforms) AS j (user_id, platform)
                  JOIN dreamsuite.account_state AS o ON o.user_id = j.user_id AND o.platform = j.platform
                 ORDER BY o.user_id, o.platform FOR NO KEY UPDATE OF o) AS l
         WHERE s.user_id = l.user_id AND s.platform = l.platform;
        GET DIAGNOSTICS changed = ROW_COUNT;
        RETURN changed;
    EXCEPTION WHEN query_canceled OR lock_not_available THEN
        RAISE;
    WHEN OTHERS THEN
        NULL;   -- one row that cannot be written does not stop the others
    END;
    FOR a IN SELECT j.user_id, j.platform FROM unnest(make_due.users, make_due.platforms) AS j (user_id, platform) ORDER BY 1, 2 LOOP
        BEGIN
            UPDATE dreamsuite.account_state AS s SET next_due_at = make_due.due_at, requested_at = make_due.requested_at,
                   attempts = 0
             WHERE s.user_id = a.user_id AND s.platform = a.platform;
            GET DIAGNOSTICS n = ROW_COUNT;
            changed := changed + n;
        EXCEPTION WHEN query_canceled OR lock_not_available THEN
            RAISE;
        WHEN OTHERS THEN
            RAISE WARNING 'could not make platform "%" of user "%" due: %', a.platform, a.user_id, SQLERRM
                USING ERRCODE = SQLSTATE, DETAIL = 'The others are collected.';
        END;
    END LOOP;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION make_due(uuid[], text[], timestamptz, timestamptz) IS 'Used by collect(): makes accounts due; returns how many there were.';

CREATE PROCEDURE collect(user_id uuid DEFAULT NULL, platform text DEFAULT NULL)
AS 'MODULE_PATHNAME', 'dreamsuite_collect' LANGUAGE C;
COMMENT ON PROCEDURE collect(uuid, text) IS
'Collects the selected accounts now and waits until each has an outcome; raises if one failed, after the others are stored.';

