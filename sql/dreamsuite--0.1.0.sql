-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION dreamsuite" to load this file. \quit

-- Whoever owns the schema could add functions and operators that ours would call; whoever filled it did.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
                    WHERE n.nspname OPERATOR(pg_catalog.=) 'dreamsuite' AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER)) THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'schema "dreamsuite" belongs to another role',
            HINT = 'Drop the schema: CREATE EXTENSION makes it.';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n
                WHERE n.nspname OPERATOR(pg_catalog.=) 'dreamsuite'
                  AND (EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.pronamespace OPERATOR(pg_catalog.=) n.oid)
                    OR EXISTS (SELECT FROM pg_catalog.pg_operator AS o WHERE o.oprnamespace OPERATOR(pg_catalog.=) n.oid)
                    OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.typnamespace OPERATOR(pg_catalog.=) n.oid)
                    OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid))) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_schema', MESSAGE = 'schema "dreamsuite" is not empty',
            HINT = 'Drop the schema or what is in it: CREATE EXTENSION makes everything it needs.';
    END IF;
END
$$;

CREATE FUNCTION check_encoding() RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_check_encoding' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION check_encoding() IS 'Raises an error unless the database is in UTF8.';
SELECT check_encoding();

-- Tables. An account is (user_id, platform): the key everywhere, so that all rows of a user live together and
-- the tables can be distributed by user_id. There are no foreign keys between these tables: a parallel restore
-- loads them in any order, and forget_user() and the collector keep them together. Where the database has
-- auth.users, link_auth_users() lets every user_id reference it.

-- The product of the house

CREATE TABLE daily_metrics (
    id                  uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    user_id             uuid,
    platform            text NOT NULL,
    date                date NOT NULL,
    follower_count      bigint,
    follower_change_24h integer,
    engagement_total    bigint,
    content_count       integer,
    metrics             jsonb NOT NULL,
    collected_at        timestamptz DEFAULT pg_catalog.now(),
    created_at          timestamptz DEFAULT pg_catalog.now(),
    UNIQUE (user_id, platform, date)
);
CREATE INDEX idx_daily_metrics_user_platform ON daily_metrics (user_id, platform);
CREATE INDEX idx_daily_metrics_date ON daily_metrics (date DESC);
CREATE INDEX idx_daily_metrics_platform ON daily_metrics (platform);
COMMENT ON TABLE daily_metrics IS 'One row per account and day: what the platform said on that day. Null is unknown, never zero.';
COMMENT ON COLUMN daily_metrics.date IS 'Day of the observation in the time zone of the account.';
COMMENT ON COLUMN daily_metrics.follower_count IS 'Audience of the account: followers, subscribers or fans.';
COMMENT ON COLUMN daily_metrics.follower_change_24h IS 'follower_count minus that of the day before; null without one.';
COMMENT ON COLUMN daily_metrics.metrics IS 'Every field of the platform (see metric_catalog()), null where unknown.';

CREATE TABLE content_items (
    user_id            uuid NOT NULL,
    platform           text NOT NULL,
    content_id         text NOT NULL,
    kind               text NOT NULL,
    published_at       timestamptz,
    title              text,
    url                text,
    collaborators      text[],
    likes              bigint,
    comments           bigint,
    shares             bigint,
    views              bigint,
    reach              bigint,
    saves              bigint,
    watch_time_minutes bigint,
    first_seen         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_seen          timestamptz NOT NULL DEFAULT pg_catalog.now(),
    extra              jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (user_id, platform, content_id)
);
COMMENT ON TABLE content_items IS 'Posts, videos, tracks, albums and the like of each account, with their newest counts.';
COMMENT ON COLUMN content_items.collaborators IS 'Names of the other artists, in the order of the platform.';
COMMENT ON COLUMN content_items.last_seen IS 'When a listing of the platform last contained the item.';

CREATE TABLE content_history (
    user_id    uuid NOT NULL,
    platform   text NOT NULL,
    content_id text NOT NULL,
    date       date NOT NULL,
    likes      bigint,
    comments   bigint,
    shares     bigint,
    views      bigint,
    PRIMARY KEY (user_id, platform, content_id, date)
);
COMMENT ON TABLE content_history IS 'Counts per day of items younger than 30 days, so that posts can be compared at equal age.';

CREATE TABLE goals (
    user_id    uuid NOT NULL,
    goal_id    uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    platform   text NOT NULL,
    metric     text NOT NULL,
    target     numeric NOT NULL,
    period     text CHECK (period IN ('week', 'month')),
    starts_on  date NOT NULL,
    deadline   date,
    baseline   numeric,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    reached_on date,
    PRIMARY KEY (user_id, goal_id)
);
COMMENT ON TABLE goals IS 'What an artist wants to reach: a level of a metric, or a gain per week or month.';

-- Accounts and what the collector knows of them

CREATE TABLE accounts (
    user_id        uuid NOT NULL,
    platform       text NOT NULL,
    external_id    text,
    handle         text,
    status         text NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('active', 'paused', 'needs_reauth', 'pending', 'failed')),
    status_reason  text,
    granted_scopes text[],
    settings       jsonb NOT NULL DEFAULT '{}',
    connected_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (user_id, platform)
);
COMMENT ON TABLE accounts IS 'Connected accounts. No secret is kept here.';
COMMENT ON COLUMN accounts.external_id IS 'The account at the platform: channel, page, professional account, user or artist.';
COMMENT ON COLUMN accounts.settings IS 'artist_id, profile_id, storefronts, tracked_playlists, time_zone, login.';

CREATE TABLE account_secrets (
    user_id            uuid NOT NULL,
    platform           text NOT NULL,
    access_token       bytea,
    refresh_token      bytea,
    expires_at         timestamptz,
    refresh_expires_at timestamptz,
    key_id             integer,
    updated_at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (user_id, platform)
);
COMMENT ON TABLE account_secrets IS 'Sealed tokens. Only the owner of the extension can read them, only the collector can open them.';

-- Narrow and hot: half-empty pages and an eager vacuum keep the claims HOT and the table small.
CREATE TABLE account_state (
    user_id          uuid NOT NULL,
    platform         text NOT NULL,
    next_due_at      timestamptz,
    requested_at     timestamptz,
    blocked_until    timestamptz,
    lease_token      uuid,
    lease_until      timestamptz,
    attempts         integer NOT NULL DEFAULT 0,
    tried_on         date,
    done_on          date,
    last_started_at  timestamptz,
    last_finished_at timestamptz,
    last_outcome     text,
    last_error_class text,
    last_error       text,
    PRIMARY KEY (user_id, platform)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX account_state_due ON account_state (platform, next_due_at) WHERE next_due_at IS NOT NULL;
CREATE INDEX account_state_blocked ON account_state (platform, blocked_until) WHERE blocked_until IS NOT NULL;
COMMENT ON TABLE account_state IS 'When each account is due, who works on it and how the last run ended.';
COMMENT ON COLUMN account_state.next_due_at IS 'Due at or after this time; null: not scheduled.';
COMMENT ON COLUMN account_state.requested_at IS 'When somebody last asked for a run; one asked for during a run is not lost.';
COMMENT ON COLUMN account_state.blocked_until IS 'The platform asked not to be called before this time.';
COMMENT ON COLUMN account_state.lease_token IS 'Whoever holds it may store; a collector that lost it writes nothing.';
COMMENT ON COLUMN account_state.attempts IS 'Tries of the day tried_on that count: waiting as a platform asked is none.';
COMMENT ON COLUMN account_state.done_on IS 'Newest metric date that is finished, well or not: nothing more is asked for it.';

CREATE TABLE bucket_state (
    bucket        text PRIMARY KEY,
    platform      text NOT NULL,
    blocked_until timestamptz,
    reason        text,
    error_class   text,
    used          numeric,
    quota         numeric,
    resets_at     timestamptz,
    updated_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE bucket_state IS 'What is known of each rate limit, so that a restart does not forget it.';
COMMENT ON COLUMN bucket_state.bucket IS 'A host, or the name of a platform for what concerns its whole app.';
COMMENT ON COLUMN bucket_state.blocked_until IS 'Nothing is asked before this time; set it to null to go on earlier.';
COMMENT ON COLUMN bucket_state.error_class IS 'Of the block: rate_limited, quota_exhausted or operator.';
COMMENT ON COLUMN bucket_state.used IS 'Units of the quota''s day that are used up, or the percentage that the platform tells.';

CREATE TABLE collection_cycle (
    one_row    boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    done       bigint NOT NULL DEFAULT 0,
    failed     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
COMMENT ON TABLE collection_cycle IS 'The cycle under way, or the last one: from the first due account to the moment when none is due.';
COMMENT ON COLUMN collection_cycle.done IS 'Runs that have ended, those that failed included.';

CREATE TABLE metric_quarantine (
    user_id  uuid NOT NULL,
    platform text NOT NULL,
    metric   text NOT NULL,
    since    timestamptz NOT NULL,
    until    timestamptz NOT NULL,
    reason   text,
    PRIMARY KEY (user_id, platform, metric)
);
COMMENT ON TABLE metric_quarantine IS 'Metrics that a platform refuses for an account: not asked again before until.';

CREATE TABLE metric_revisions (
    revision_id bigint GENERATED ALWAYS AS IDENTITY,
    user_id     uuid NOT NULL,
    platform    text NOT NULL,
    date        date NOT NULL,
    metric      text NOT NULL,
    old_value   jsonb,
    new_value   jsonb,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, revision_id)
);
CREATE INDEX metric_revisions_day ON metric_revisions (user_id, platform, date);
COMMENT ON TABLE metric_revisions IS 'Former values of days that a platform, an import or a hand corrected later.';

-- Apps and authorisation

CREATE TABLE platform_settings (
    platform text PRIMARY KEY,
    enabled  boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE platform_settings IS 'What the operator changed of a platform; see the view platforms.';

CREATE TABLE apps (
    platform      text PRIMARY KEY,
    client_id     text NOT NULL,
    client_secret bytea,
    redirect_uri  text,
    extra         jsonb NOT NULL DEFAULT '{}',
    key_id        integer,
    updated_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE apps IS 'The operator''s app at each platform; its secret or signing key is sealed.';

CREATE TABLE oauth_states (
    state_hash   bytea PRIMARY KEY,
    user_id      uuid NOT NULL,
    platform     text NOT NULL,
    scopes       text[],
    redirect_uri text,
    settings     jsonb NOT NULL DEFAULT '{}',
    verifier     bytea,
    code         bytea,
    key_id       integer,
    created_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    expires_at   timestamptz NOT NULL,
    completed_at timestamptz
);
CREATE INDEX oauth_states_account ON oauth_states (user_id, platform);
COMMENT ON TABLE oauth_states IS 'Authorisations under way: a hash of the state, the sealed PKCE verifier and the sealed code.';

-- The ledger

CREATE TABLE collection_runs (
    run_id      bigint GENERATED BY DEFAULT AS IDENTITY,
    user_id     uuid NOT NULL,
    platform    text NOT NULL,
    date        date NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    outcome     text CHECK (outcome IN ('ok', 'partial', 'failed', 'placeholder', 'manual')),
    requests    integer NOT NULL DEFAULT 0,
    bytes       bigint NOT NULL DEFAULT 0,
    quota_cost  numeric NOT NULL DEFAULT 0,
    error_class text,
    error       text,
    quarantined text[],
    PRIMARY KEY (user_id, run_id)
);
CREATE INDEX collection_runs_account ON collection_runs (user_id, platform, date);
CREATE INDEX collection_runs_started ON collection_runs (started_at);
COMMENT ON TABLE collection_runs IS 'One row per try to collect an account; error names what is missing of a partial one.';

CREATE TABLE request_log (
    request_id  bigint GENERATED BY DEFAULT AS IDENTITY,
    run_id      bigint NOT NULL,
    user_id     uuid NOT NULL,
    platform    text NOT NULL,
    endpoint    text NOT NULL,
    at          timestamptz NOT NULL,
    http_status integer,
    error_class text,
    ms          numeric,
    bytes       bigint,
    quota_cost  numeric,
    PRIMARY KEY (user_id, request_id)
);
CREATE INDEX request_log_at ON request_log (at);
COMMENT ON TABLE request_log IS 'One row per request that was made; never an address, a header or a body.';

-- Dump and restore keep every row and every sequence's place.
SELECT pg_catalog.pg_extension_config_dump('daily_metrics', '');
SELECT pg_catalog.pg_extension_config_dump('content_items', '');
SELECT pg_catalog.pg_extension_config_dump('content_history', '');
SELECT pg_catalog.pg_extension_config_dump('goals', '');
SELECT pg_catalog.pg_extension_config_dump('accounts', '');
SELECT pg_catalog.pg_extension_config_dump('account_secrets', '');
SELECT pg_catalog.pg_extension_config_dump('account_state', '');
SELECT pg_catalog.pg_extension_config_dump('bucket_state', '');
SELECT pg_catalog.pg_extension_config_dump('collection_cycle', '');
SELECT pg_catalog.pg_extension_config_dump('metric_quarantine', '');
SELECT pg_catalog.pg_extension_config_dump('metric_revisions', '');
SELECT pg_catalog.pg_extension_config_dump('metric_revisions_revision_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('platform_settings', '');
SELECT pg_catalog.pg_extension_config_dump('apps', '');
SELECT pg_catalog.pg_extension_config_dump('oauth_states', '');
SELECT pg_catalog.pg_extension_config_dump('collection_runs', '');
SELECT pg_catalog.pg_extension_config_dump('collection_runs_run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('request_log', '');
SELECT pg_catalog.pg_extension_config_dump('request_log_request_id_seq', '');


-- Whose request it is

CREATE FUNCTION current_user_id() RETURNS uuid
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULLIF(NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid
$$;
COMMENT ON FUNCTION current_user_id() IS
'The user that the request speaks for: "sub" of request.jwt.claims, as PostgREST sets it; null where nobody is signed in.';

-- Which roles grant_access() let in. The table is dumped, and its trigger (80_policies.sql) puts the policies right when
-- it is restored: pg_dump keeps grants on the objects of an extension, but not changes of its policies.
CREATE TABLE access_roles (
    role_name text PRIMARY KEY,
    all_users boolean NOT NULL
);
COMMENT ON TABLE access_roles IS 'The roles of grant_access(): all_users says whether they see and manage every user. Change it through grant_access() and revoke_access().';
SELECT pg_catalog.pg_extension_config_dump('access_roles', '');

-- The role of the request is the one that SET ROLE chose, else that of the session: as the user_id it is a property of the
-- request, and does not change inside of functions that run with the rights of their owner.
CREATE FUNCTION sees_all_users() RETURNS boolean
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_roles AS me
         WHERE me.rolname = CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END
           AND (pg_has_role(me.oid, (SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'dreamsuite'), 'USAGE')
                OR EXISTS (SELECT FROM dreamsuite.access_roles AS a
                             JOIN pg_roles AS r ON r.rolname = a.role_name
                            WHERE a.all_users AND pg_has_role(me.oid, r.oid, 'USAGE'))))
$$;
COMMENT ON FUNCTION sees_all_users() IS
'Does the role of the request see and manage every user? The owner of the extension does, and roles of grant_access(role, all_users => true).';

CREATE FUNCTION check_user(user_id uuid) RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine uuid;
BEGIN
    IF check_user.user_id IS NULL OR dreamsuite.sees_all_users() THEN
        RETURN;     -- what null means is for the caller to say
    END IF;
    mine := dreamsuite.current_user_id();
    IF mine = check_user.user_id THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'permission denied for user "%"', check_user.user_id
        USING ERRCODE = 'insufficient_privilege',
              DETAIL = COALESCE('The request speaks for user "' || mine || '".', 'The request speaks for nobody: request.jwt.claims has no "sub".'),
              HINT = 'A role manages the user of its request alone; the owner of the extension lets it manage every user with dreamsuite.grant_access(role, all_users => true).';
END
$$;
COMMENT ON FUNCTION check_user(uuid) IS
'Raises an error unless the user is that of the request, or the role of the request manages every user. For functions that run with the rights of the owner.';
-- Platforms: pure functions over answers.

CREATE FUNCTION normalise(
    platform    text,
    responses   jsonb,                 -- step -> array of bodies, or of {"of": parameter, "body": body}
    observed_at timestamptz,
    settings    jsonb DEFAULT '{}')    -- the account's: external_id, artist_id, ...
RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_normalise' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION normalise(text, jsonb, timestamptz, jsonb) IS
'What a platform''s answers say: {"metrics", "core", "content"}. Unknown is null; a missing step leaves its fields null.';

-- What a platform would do, without a network.

CREATE FUNCTION classify_answer(
    platform    text,
    status      integer,               -- HTTP; 0: not known
    body        text,
    headers     jsonb       DEFAULT '{}',  -- names in lower case
    answered_at timestamptz DEFAULT '2026-03-01 06:00:00+00',
    step        text        DEFAULT '')    -- which request was answered; '': not known
RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_classify_answer' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION classify_answer(text, integer, text, jsonb, timestamptz, text) IS
'What an answer of a platform means: {"error_class", "scope", "wait_until", "message"}; null for a platform without an API.';

CREATE FUNCTION plan_requests(
    platform text,
    account  jsonb,                    -- external_id, settings, has_token, scopes, quarantined, observed_at, known, max_pages
    answers  jsonb DEFAULT '{}')       -- address -> body, or {"status", "body", "headers"}
RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_plan_requests' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION plan_requests(text, jsonb, jsonb) IS
'The requests of one account-day where the platform answers as given: {"requests", "missing", "bounded", "refused", "quota_cost", "normalised"}.';

-- Secrets: sealed with keys that are in no table. See key_status().

CREATE TABLE key_checks (
    key_id      integer PRIMARY KEY,
    check_value bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE key_checks IS 'One row per key that sealed something here, so that a wrong or missing key is known by name.';
COMMENT ON COLUMN key_checks.check_value IS 'Keyed BLAKE2b of the key''s id: tells nothing of the key.';
COMMENT ON COLUMN key_checks.created_at IS 'When the key first sealed a value of this database.';
SELECT pg_catalog.pg_extension_config_dump('key_checks', '');

CREATE FUNCTION key_status()
RETURNS TABLE (
    key_id        integer,       -- null in the one row that tells why there is no key
    created_at    timestamptz,
    loaded        boolean,       -- in the keyring file, and the key that sealed here under this id
    is_current    boolean,       -- seals what is new
    sealed_values bigint,        -- values of this database that wait for this key
    file          text,
    hint          text)
AS 'MODULE_PATHNAME', 'dreamsuite_key_status' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION key_status() IS
'The keys of the keyring file and those that this database needs: which are there, and what to do. Never a key itself.';
REVOKE ALL ON FUNCTION key_status() FROM PUBLIC;

CREATE FUNCTION rotate_keys() RETURNS bigint
AS 'MODULE_PATHNAME', 'dreamsuite_rotate_keys' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION rotate_keys() IS
'Adds a key to the keyring file and seals every value of this database anew; returns how many. Old keys stay in the file.';
REVOKE ALL ON FUNCTION rotate_keys() FROM PUBLIC;
-- Connecting by OAuth: no token travels through SQL.

CREATE TABLE revocations (
    user_id       uuid NOT NULL,
    revocation_id bigint GENERATED ALWAYS AS IDENTITY,
    platform      text NOT NULL,
    access_token  bytea,
    refresh_token bytea,
    key_id        integer,
    attempts      integer NOT NULL DEFAULT 0,
    next_at       timestamptz NOT NULL,
    PRIMARY KEY (user_id, revocation_id)
);
COMMENT ON TABLE revocations IS 'Sealed tokens of disconnected accounts, until the collector has revoked them at the platform.';
SELECT pg_catalog.pg_extension_config_dump('revocations', '');
SELECT pg_catalog.pg_extension_config_dump('revocations_revocation_id_seq', '');

CREATE FUNCTION register_app(
    platform      text,
    client_id     text,
    client_secret text,                -- Apple: the text of the .p8 file; null for public clients of X, Spotify and Tidal
    redirect_uri  text,                -- exactly as at the platform
    extra         jsonb DEFAULT '{}')  -- apple_music: team_id, key_id; instagram: login; Meta: config_id
RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_register_app' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION register_app(text, text, text, text, jsonb) IS
'Registers the operator''s app at a platform; its secret is sealed. The server may log the statement: switch log_statement off for the session.';

CREATE FUNCTION authorize_url(
    platform text,
    user_id  uuid   DEFAULT dreamsuite.current_user_id(),
    scopes   text[] DEFAULT NULL)  -- null: those that the platform's numbers need
RETURNS text
AS 'MODULE_PATHNAME', 'dreamsuite_authorize_url' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION authorize_url(text, uuid, text[]) IS
'The page of the platform where the artist consents. Its state is good for ten minutes and one complete_authorization().';

CREATE FUNCTION complete_authorization(state text, code text) RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_complete_authorization' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION complete_authorization(text, text) IS
'Takes the code that the platform gave for a state. The collector exchanges it: the account turns active, or failed with the reason.';

CREATE FUNCTION platform_revokes(platform text) RETURNS boolean
AS 'MODULE_PATHNAME', 'dreamsuite_platform_revokes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION platform_revokes(text) IS 'Can a consent be ended at the platform by a request?';

CREATE FUNCTION wake_collector() RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_wake_collector' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION wake_collector() IS 'Wakes the collector when this transaction commits, or starts one.';
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
        SELECT k.user_id, k.platform, k.access_token, k.refresh_token, k.key_id, dreamsuite.calendar_now()
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
END
$$;
COMMENT ON FUNCTION disconnect_account(uuid, text) IS
'Forgets the tokens of an account, revokes them where the platform can, and stops collecting it. Its numbers stay; see forget_user().';

CREATE FUNCTION forget_user(user_id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owned   regclass;
    removed bigint := 0;
    n       bigint;
BEGIN
    IF forget_user.user_id IS NULL THEN
        RAISE EXCEPTION 'user_id must not be null'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the user to be forgotten.';
    END IF;
    -- every table of the house with a user_id, so that a new one is not forgotten
    FOR owned IN
        SELECT c.oid::regclass FROM pg_class c
          JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'user_id' AND NOT t.attisdropped
         WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p')
         ORDER BY array_position('{oauth_states,account_state,account_secrets,accounts}'::name[], c.relname), c.relname
    LOOP
        EXECUTE format('DELETE FROM %s WHERE user_id = $1', owned) USING forget_user.user_id;
        GET DIAGNOSTICS n = ROW_COUNT;
        removed := removed + n;
    END LOOP;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION forget_user(uuid) IS 'Removes every row of a user and returns how many there were.';

CREATE FUNCTION collect_due() RETURNS integer
AS 'MODULE_PATHNAME', 'dreamsuite_collect_due' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION collect_due() IS
'Makes accounts due whose day is not done, wakes or starts the collector, and returns how many are due. What a schedule calls.';

-- A procedure that commits cannot run with the rights of the owner; this step of it needs them.
CREATE FUNCTION make_due(users uuid[], platforms text[], due_at timestamptz, requested_at timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH changed AS (
        UPDATE dreamsuite.account_state AS s SET next_due_at = make_due.due_at, requested_at = make_due.requested_at,
               attempts = 0
          FROM (SELECT o.user_id, o.platform
                  FROM unnest(make_due.users, make_due.platforms) AS j (user_id, platform)
                  JOIN dreamsuite.account_state AS o ON o.user_id = j.user_id AND o.platform = j.platform
                 ORDER BY o.user_id, o.platform FOR NO KEY UPDATE OF o) AS l
         WHERE s.user_id = l.user_id AND s.platform = l.platform
        RETURNING s.user_id)
    SELECT count(*) FROM changed
$$;
COMMENT ON FUNCTION make_due(uuid[], text[], timestamptz, timestamptz) IS 'Used by collect(): makes accounts due; returns how many there were.';

CREATE PROCEDURE collect(user_id uuid DEFAULT NULL, platform text DEFAULT NULL)
AS 'MODULE_PATHNAME', 'dreamsuite_collect' LANGUAGE C;
COMMENT ON PROCEDURE collect(uuid, text) IS
'Collects the selected accounts now and waits until each has an outcome; raises if one failed, after the others are stored.';


-- Numbers that come by hand or by file.

CREATE FUNCTION record_metrics(
    user_id  uuid,
    platform text,
    date     date,   -- the day on which the numbers were seen
    metrics  jsonb)  -- some keys of metric_catalog(); the others stay as they are
RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_record_metrics' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION record_metrics(uuid, text, date, jsonb) IS
'Merges numbers into a day by hand, with or without a connected account. Unknown keys, wrong types and nulls are refused by name; changes follow by themselves.';

CREATE TABLE imported_days (
    user_id  uuid NOT NULL,
    platform text NOT NULL,
    metric   text NOT NULL,
    subject  text NOT NULL DEFAULT '',
    date     date NOT NULL,
    gain     double precision NOT NULL,
    total    bigint,
    PRIMARY KEY (user_id, platform, metric, subject, date)
);
COMMENT ON TABLE imported_days IS 'What imported files say of single days where metrics holds a total since the beginning.';
COMMENT ON COLUMN imported_days.subject IS 'What the gain belongs to: the title of a song; empty for the account itself.';
COMMENT ON COLUMN imported_days.total IS 'The total in metrics that was derived for the day; a different one there is an observation.';
SELECT pg_catalog.pg_extension_config_dump('imported_days', '');

CREATE FUNCTION import_csv(
    user_id  uuid,
    platform text,   -- spotify (Spotify for Artists) or youtube (YouTube Studio)
    kind     text,   -- audience, songs, song, playlists; table, chart, totals; null: recognised by the columns
    csv      text)   -- the text of the file
RETURNS TABLE (date date, action text)
AS 'MODULE_PATHNAME', 'dreamsuite_import_csv' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION import_csv(uuid, text, text, text) IS
'Fills days from an exported file and tells of each of its rows what became of it: inserted, updated, unchanged, or skipped and why. A file that is not known is refused with its columns.';

-- The compiled registry, and a typed view of daily_metrics per platform

CREATE FUNCTION metric_catalog()
RETURNS TABLE (platform text, metric text, json_type text, nullable boolean, kind text, unit text, source text,
    description text)
AS 'MODULE_PATHNAME', 'dreamsuite_metric_catalog' LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 150;
COMMENT ON FUNCTION metric_catalog() IS 'Every key of metrics by platform. kind: counter, gauge, rolling (a total over the last days), rounded (by the platform), rate, change, list.';

CREATE FUNCTION platform_catalog()
RETURNS TABLE (place integer, name text, label text, status text, has_api boolean, scopes text[])
AS 'MODULE_PATHNAME', 'dreamsuite_platform_catalog' LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 11;
COMMENT ON FUNCTION platform_catalog() IS 'The compiled platforms; see the view platforms.';

CREATE VIEW platforms AS
SELECT c.name, c.label, c.status, c.has_api, c.scopes, COALESCE(s.enabled, true) AS enabled
  FROM platform_catalog() AS c
  LEFT JOIN platform_settings AS s ON s.platform = c.name
 ORDER BY c.place;
COMMENT ON VIEW platforms IS 'The platforms: status is information, enabled is what the operator chose (platform_settings).';

-- A column per key of metrics. Keys that a row lacks are null, as unknown ones are.

CREATE VIEW instagram_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'follower_change_24h')::numeric::bigint AS follower_change_24h,
       (d.metrics ->> 'follower_change_7d')::numeric::bigint AS follower_change_7d,
       (d.metrics ->> 'follower_change_30d')::numeric::bigint AS follower_change_30d,
       (d.metrics ->> 'likes_total')::numeric::bigint AS likes_total,
       (d.metrics ->> 'comments_total')::numeric::bigint AS comments_total,
       (d.metrics ->> 'engagement_rate')::double precision AS engagement_rate,
       (d.metrics ->> 'posts_count')::numeric::bigint AS posts_count,
       (d.metrics ->> 'stories_count')::numeric::bigint AS stories_count,
       (d.metrics ->> 'reels_count')::numeric::bigint AS reels_count,
       d.metrics ->> 'top_post_id' AS top_post_id,
       (d.metrics ->> 'top_post_likes')::numeric::bigint AS top_post_likes,
       (d.metrics ->> 'top_post_comments')::numeric::bigint AS top_post_comments,
       (d.metrics ->> 'profile_views')::numeric::bigint AS profile_views,
       (d.metrics ->> 'reach')::numeric::bigint AS reach,
       (d.metrics ->> 'impressions')::numeric::bigint AS impressions,
       (d.metrics ->> 'website_clicks')::numeric::bigint AS website_clicks
  FROM daily_metrics AS d
 WHERE d.platform = 'instagram';
COMMENT ON VIEW instagram_daily IS 'What Instagram said, a row per user and day; null is unknown.';

CREATE VIEW facebook_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'page_followers')::numeric::bigint AS page_followers,
       (d.metrics ->> 'page_likes')::numeric::bigint AS page_likes,
       (d.metrics ->> 'post_engagement')::numeric::bigint AS post_engagement,
       (d.metrics ->> 'reactions_total')::numeric::bigint AS reactions_total,
       (d.metrics ->> 'comments_total')::numeric::bigint AS comments_total,
       (d.metrics ->> 'shares_total')::numeric::bigint AS shares_total,
       (d.metrics ->> 'posts_count')::numeric::bigint AS posts_count,
       (d.metrics ->> 'videos_count')::numeric::bigint AS videos_count,
       (d.metrics ->> 'page_views')::numeric::bigint AS page_views,
       (d.metrics ->> 'page_reach')::numeric::bigint AS page_reach,
       (d.metrics ->> 'page_impressions')::numeric::bigint AS page_impressions
  FROM daily_metrics AS d
 WHERE d.platform = 'facebook';
COMMENT ON VIEW facebook_daily IS 'What Facebook said, a row per user and day; null is unknown.';

CREATE VIEW spotify_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'monthly_listeners')::numeric::bigint AS monthly_listeners,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'total_streams')::numeric::bigint AS total_streams,
       (d.metrics ->> 'streams_change_24h')::numeric::bigint AS streams_change_24h,
       (d.metrics ->> 'streams_change_7d')::numeric::bigint AS streams_change_7d,
       (d.metrics ->> 'streams_change_30d')::numeric::bigint AS streams_change_30d,
       NULLIF(d.metrics -> 'top_tracks', 'null') AS top_tracks,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements,
       (d.metrics ->> 'editorial_playlists')::numeric::bigint AS editorial_playlists,
       CASE pg_catalog.jsonb_typeof(d.metrics -> 'top_cities') WHEN 'array' THEN
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.metrics -> 'top_cities')) END AS top_cities,
       CASE pg_catalog.jsonb_typeof(d.metrics -> 'top_countries') WHEN 'array' THEN
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.metrics -> 'top_countries')) END AS top_countries,
       (d.metrics ->> 'saved_tracks_count')::numeric::bigint AS saved_tracks_count,
       (d.metrics ->> 'playlists_count')::numeric::bigint AS playlists_count,
       (d.metrics ->> 'following_count')::numeric::bigint AS following_count
  FROM daily_metrics AS d
 WHERE d.platform = 'spotify';
COMMENT ON VIEW spotify_daily IS 'What Spotify said, a row per user and day; null is unknown.';

CREATE VIEW youtube_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'subscriber_count')::numeric::bigint AS subscriber_count,
       (d.metrics ->> 'subscriber_change_24h')::numeric::bigint AS subscriber_change_24h,
       (d.metrics ->> 'subscriber_change_7d')::numeric::bigint AS subscriber_change_7d,
       (d.metrics ->> 'subscriber_change_30d')::numeric::bigint AS subscriber_change_30d,
       (d.metrics ->> 'total_views')::numeric::bigint AS total_views,
       (d.metrics ->> 'views_change_24h')::numeric::bigint AS views_change_24h,
       (d.metrics ->> 'views_change_7d')::numeric::bigint AS views_change_7d,
       (d.metrics ->> 'views_change_30d')::numeric::bigint AS views_change_30d,
       (d.metrics ->> 'likes_total')::numeric::bigint AS likes_total,
       (d.metrics ->> 'comments_total')::numeric::bigint AS comments_total,
       (d.metrics ->> 'shares_total')::numeric::bigint AS shares_total,
       (d.metrics ->> 'videos_count')::numeric::bigint AS videos_count,
       (d.metrics ->> 'uploads_24h')::numeric::bigint AS uploads_24h,
       NULLIF(d.metrics -> 'top_videos', 'null') AS top_videos,
       (d.metrics ->> 'watch_time_minutes')::numeric::bigint AS watch_time_minutes,
       (d.metrics ->> 'average_view_duration')::double precision AS average_view_duration,
       (d.metrics ->> 'click_through_rate')::double precision AS click_through_rate
  FROM daily_metrics AS d
 WHERE d.platform = 'youtube';
COMMENT ON VIEW youtube_daily IS 'What YouTube said, a row per user and day; null is unknown.';

CREATE VIEW tiktok_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'follower_change_24h')::numeric::bigint AS follower_change_24h,
       (d.metrics ->> 'following_count')::numeric::bigint AS following_count,
       (d.metrics ->> 'total_views')::numeric::bigint AS total_views,
       (d.metrics ->> 'total_likes')::numeric::bigint AS total_likes,
       (d.metrics ->> 'total_comments')::numeric::bigint AS total_comments,
       (d.metrics ->> 'total_shares')::numeric::bigint AS total_shares,
       (d.metrics ->> 'video_count')::numeric::bigint AS video_count,
       (d.metrics ->> 'videos_posted_24h')::numeric::bigint AS videos_posted_24h,
       NULLIF(d.metrics -> 'top_videos', 'null') AS top_videos,
       (d.metrics ->> 'engagement_rate')::double precision AS engagement_rate,
       (d.metrics ->> 'average_views_per_video')::double precision AS average_views_per_video
  FROM daily_metrics AS d
 WHERE d.platform = 'tiktok';
COMMENT ON VIEW tiktok_daily IS 'What TikTok said, a row per user and day; null is unknown.';

CREATE VIEW soundcloud_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'follower_change_24h')::numeric::bigint AS follower_change_24h,
       (d.metrics ->> 'total_plays')::numeric::bigint AS total_plays,
       (d.metrics ->> 'plays_change_24h')::numeric::bigint AS plays_change_24h,
       (d.metrics ->> 'plays_change_7d')::numeric::bigint AS plays_change_7d,
       (d.metrics ->> 'plays_change_30d')::numeric::bigint AS plays_change_30d,
       (d.metrics ->> 'likes_total')::numeric::bigint AS likes_total,
       (d.metrics ->> 'reposts_total')::numeric::bigint AS reposts_total,
       (d.metrics ->> 'comments_total')::numeric::bigint AS comments_total,
       (d.metrics ->> 'tracks_count')::numeric::bigint AS tracks_count,
       (d.metrics ->> 'tracks_uploaded_24h')::numeric::bigint AS tracks_uploaded_24h,
       NULLIF(d.metrics -> 'top_tracks', 'null') AS top_tracks
  FROM daily_metrics AS d
 WHERE d.platform = 'soundcloud';
COMMENT ON VIEW soundcloud_daily IS 'What SoundCloud said, a row per user and day; null is unknown.';

CREATE VIEW twitter_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'follower_change_24h')::numeric::bigint AS follower_change_24h,
       (d.metrics ->> 'following_count')::numeric::bigint AS following_count,
       (d.metrics ->> 'tweets_count')::numeric::bigint AS tweets_count,
       (d.metrics ->> 'tweets_24h')::numeric::bigint AS tweets_24h,
       (d.metrics ->> 'likes_received')::numeric::bigint AS likes_received,
       (d.metrics ->> 'retweets_received')::numeric::bigint AS retweets_received,
       (d.metrics ->> 'replies_received')::numeric::bigint AS replies_received,
       NULLIF(d.metrics -> 'top_tweets', 'null') AS top_tweets,
       (d.metrics ->> 'profile_views')::numeric::bigint AS profile_views,
       (d.metrics ->> 'link_clicks')::numeric::bigint AS link_clicks
  FROM daily_metrics AS d
 WHERE d.platform = 'twitter';
COMMENT ON VIEW twitter_daily IS 'What X said, a row per user and day; null is unknown.';

CREATE VIEW apple_music_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements,
       CASE pg_catalog.jsonb_typeof(d.metrics -> 'editorial_placements') WHEN 'array' THEN
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.metrics -> 'editorial_placements')) END AS editorial_placements,
       NULLIF(d.metrics -> 'chart_positions', 'null') AS chart_positions,
       (d.metrics ->> 'library_songs_count')::numeric::bigint AS library_songs_count,
       (d.metrics ->> 'playlists_count')::numeric::bigint AS playlists_count
  FROM daily_metrics AS d
 WHERE d.platform = 'apple_music';
COMMENT ON VIEW apple_music_daily IS 'What Apple Music said, a row per user and day; null is unknown.';

CREATE VIEW deezer_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'fans_count')::numeric::bigint AS fans_count,
       (d.metrics ->> 'album_count')::numeric::bigint AS album_count,
       (d.metrics ->> 'track_count')::numeric::bigint AS track_count,
       (d.metrics ->> 'favorite_tracks')::numeric::bigint AS favorite_tracks,
       (d.metrics ->> 'playlists_count')::numeric::bigint AS playlists_count,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements
  FROM daily_metrics AS d
 WHERE d.platform = 'deezer';
COMMENT ON VIEW deezer_daily IS 'What Deezer said, a row per user and day; null is unknown.';

CREATE VIEW amazon_music_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements,
       CASE pg_catalog.jsonb_typeof(d.metrics -> 'editorial_features') WHEN 'array' THEN
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.metrics -> 'editorial_features')) END AS editorial_features
  FROM daily_metrics AS d
 WHERE d.platform = 'amazon_music';
COMMENT ON VIEW amazon_music_daily IS 'What Amazon Music said, a row per user and day; null is unknown.';

CREATE VIEW tidal_daily AS
SELECT d.user_id, d.date,
       (d.metrics ->> 'follower_count')::numeric::bigint AS follower_count,
       (d.metrics ->> 'playlist_placements')::numeric::bigint AS playlist_placements
  FROM daily_metrics AS d
 WHERE d.platform = 'tidal';
COMMENT ON VIEW tidal_daily IS 'What Tidal said, a row per user and day; null is unknown.';

-- The views show what the caller may see of daily_metrics. PostgreSQL 14 lacks the option: there they are for the owner
-- of the extension alone, and others read daily_metrics itself.
DO $$
DECLARE
    view_name text;
BEGIN
    IF pg_catalog.current_setting('server_version_num')::integer < 150000 THEN
        RETURN;
    END IF;
    FOR view_name IN
        SELECT c.name || '_daily' FROM dreamsuite.platform_catalog() AS c
    LOOP
        EXECUTE pg_catalog.format('ALTER VIEW dreamsuite.%I SET (security_invoker = true)', view_name);
    END LOOP;
END
$$;

-- Growth: changes over 1, 7 and 30 days

CREATE FUNCTION repair_changes(user_id uuid, platform text) RETURNS bigint
AS 'MODULE_PATHNAME', 'dreamsuite_repair_changes' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION repair_changes(uuid, text) IS 'Recomputes the stored change fields of an account, after rows were written by plain INSERT or COPY; returns how many rows changed.';

CREATE FUNCTION repair_changes_trigger() RETURNS trigger
AS 'MODULE_PATHNAME', 'dreamsuite_repair_changes_trigger' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION repair_changes_trigger() IS 'Repairs the stored change fields that depended on deleted or corrected days.';

-- An INSERT has no such trigger: a restore or a bulk load keeps the values it brings.
CREATE TRIGGER repair_after_delete AFTER DELETE ON daily_metrics
    REFERENCING OLD TABLE AS touched_old
    FOR EACH STATEMENT EXECUTE FUNCTION repair_changes_trigger();
COMMENT ON TRIGGER repair_after_delete ON daily_metrics IS 'Later days do not keep a change against a day that is gone.';
CREATE TRIGGER repair_after_update AFTER UPDATE ON daily_metrics
    REFERENCING OLD TABLE AS touched_old NEW TABLE AS touched_new
    FOR EACH STATEMENT EXECUTE FUNCTION repair_changes_trigger();
COMMENT ON TRIGGER repair_after_update ON daily_metrics IS 'Later days follow a corrected day.';

CREATE FUNCTION growth_row(user_id uuid, platform text, date date, follower_count bigint, follower_change_24h integer,
    engagement_total bigint, content_count integer, metrics jsonb, names text[]) RETURNS bytea
AS 'MODULE_PATHNAME', 'dreamsuite_growth_row' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION growth_row(uuid, text, date, bigint, integer, bigint, integer, jsonb, text[]) IS 'Used by growth(): account, day and the named numbers of a row, in an order of bytes.';

CREATE FUNCTION growth_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'dreamsuite_growth_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION growth_support(internal) IS 'Lets the planner stream the rows of growth().';

CREATE FUNCTION growth(
    user_id  uuid   DEFAULT NULL,   -- null: every row the caller may see
    platform text   DEFAULT NULL,   -- null: every platform
    metrics  text[] DEFAULT '{follower_count}',
    since    date   DEFAULT NULL,
    until    date   DEFAULT NULL)
RETURNS TABLE (user_id uuid, platform text, metric text, date date, value numeric,
    change_24h numeric, change_7d numeric, change_30d numeric,
    pct_24h double precision, pct_7d double precision, pct_30d double precision, quality text)
AS 'MODULE_PATHNAME', 'dreamsuite_growth' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 10000 ROWS 10000 SUPPORT growth_support;
COMMENT ON FUNCTION growth(uuid, text, text[], date, date) IS 'Values of metrics by day with their change over 1, 7 and 30 days; null where there is no baseline. A row per known value.';

CREATE FUNCTION metric_series(user_id uuid, platform text, metric text, since date DEFAULT NULL, until date DEFAULT NULL)
RETURNS TABLE (date date, value numeric, quality text)
AS 'MODULE_PATHNAME', 'dreamsuite_metric_series' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 1000 ROWS 400;
COMMENT ON FUNCTION metric_series(uuid, text, text, date, date) IS 'The known values of one metric by day; a day without a row is unknown.';

CREATE FUNCTION record_high(user_id uuid, platform text, metric text)
RETURNS TABLE (value numeric, date date, previous_value numeric, previous_date date, days integer, since date,
    is_latest boolean)
AS 'MODULE_PATHNAME', 'dreamsuite_record_high' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 1000 ROWS 1;
COMMENT ON FUNCTION record_high(uuid, text, text) IS 'The highest value and the day that first had it, the record before it, the number of observed days and the first of them; is_latest: the newest observation is a new record.';

CREATE FUNCTION growth_streaks(user_id uuid, platform text, metric text)
RETURNS TABLE (direction text, since date, until date, days integer, change numeric, is_latest boolean)
AS 'MODULE_PATHNAME', 'dreamsuite_growth_streaks' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 1000 ROWS 20;
COMMENT ON FUNCTION growth_streaks(uuid, text, text) IS 'Runs of two or more days that each rose (up) or each fell (down) against the day before; an unknown day ends one.';

CREATE FUNCTION milestones(user_id uuid, platform text, metric text)
RETURNS TABLE (milestone numeric, date date, value numeric)
AS 'MODULE_PATHNAME', 'dreamsuite_milestones' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 1000 ROWS 3;
COMMENT ON FUNCTION milestones(uuid, text, text) IS 'The day on which a metric first reached 1,000, 10,000, 100,000 ...; what was reached before the first observation is left out.';

CREATE FUNCTION growth_leaders(
    as_of    date    DEFAULT NULL,               -- null: the newest day that the caller may see
    metric   text    DEFAULT 'follower_count',
    period   text    DEFAULT '7d',               -- 24h, 7d or 30d
    only_platform text DEFAULT NULL,             -- null: every platform
    k        integer DEFAULT 20)
RETURNS TABLE (place bigint, user_id uuid, platform text, value numeric, change numeric, pct double precision,
    quality text)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    day date := growth_leaders.as_of;
BEGIN
    IF growth_leaders.period IS NULL OR growth_leaders.period NOT IN ('24h', '7d', '30d') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('unknown period "%s"', growth_leaders.period),
            DETAIL = 'The periods are 24h, 7d and 30d.';
    END IF;
    IF growth_leaders.metric IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'metric must not be null',
            HINT = 'Leave it out for follower_count; see dreamsuite.metric_catalog().';
    END IF;
    IF growth_leaders.k IS NULL OR growth_leaders.k < 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('k must be 1 or more, not %s', COALESCE(growth_leaders.k::text, 'null'));
    END IF;
    IF day IS NULL THEN
        SELECT max(d.date) INTO day FROM dreamsuite.daily_metrics AS d;
        day := COALESCE(day, CURRENT_DATE);
    END IF;
    RETURN QUERY
    SELECT row_number() OVER (ORDER BY r.change DESC, r.user_id, r.platform), r.user_id, r.platform, r.value, r.change,
           r.pct, r.quality
      FROM (SELECT g.user_id, g.platform, g.value, g.quality,
                   CASE growth_leaders.period WHEN '24h' THEN g.change_24h WHEN '7d' THEN g.change_7d
                        ELSE g.change_30d END AS change,
                   CASE growth_leaders.period WHEN '24h' THEN g.pct_24h WHEN '7d' THEN g.pct_7d
                        ELSE g.pct_30d END AS pct
              FROM dreamsuite.growth(NULL, growth_leaders.only_platform, ARRAY[growth_leaders.metric], day, day) AS g) AS r
     WHERE r.change IS NOT NULL
     ORDER BY 1
     LIMIT growth_leaders.k;
END
$$;
COMMENT ON FUNCTION growth_leaders(date, text, text, text, integer) IS 'The accounts that gained most on a day over 24h, 7d or 30d, the first k of those the caller may see.';
/*
 * Statistics over arrays: pure functions of their arguments. Arrays are in order of time; null and NaN elements are
 * missing. Too little data gives null or no rows, never an invented result.
 */

CREATE FUNCTION detect_changepoints(series float8[]) RETURNS int[]
AS 'MODULE_PATHNAME', 'dreamsuite_detect_changepoints' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION detect_changepoints(float8[]) IS
    'Where a series changed its level: the 0-based index of the first value of each new segment. Empty when it never did, null below 14 known values.';

CREATE FUNCTION anomaly_scores(
    series float8[],
    period int DEFAULT 7)   -- 7: weekly pattern of daily values; 1: none
RETURNS float8[]
AS 'MODULE_PATHNAME', 'dreamsuite_anomaly_scores' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION anomaly_scores(float8[], int) IS
    'How surprising each value is, 0 to 1, judged by earlier values alone: 0.5 is expected once in 100 ordinary values, 0.9 once in 1,000. Null for a missing value and where fewer than 14 of the 28 values before are known.';

CREATE FUNCTION compare_groups(
    a float8[],
    b float8[],
    OUT p_value     float8,  -- Mann-Whitney, two-sided, exact up to 400 pairs
    OUT ratio       float8,  -- of a to b, Hodges-Lehmann on logarithms
    OUT ratio_lo    float8,  -- 90 % interval
    OUT ratio_hi    float8,
    OUT superiority float8)  -- how often a value of a beats one of b
AS 'MODULE_PATHNAME', 'dreamsuite_compare_groups' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION compare_groups(float8[], float8[]) IS
    'Compares two groups of positive values by ranks: p-value, ratio with a 90 % interval, and how often a beats b. The interval is null where so few values allow none.';

CREATE FUNCTION adjust_pvalues(p_values float8[]) RETURNS float8[]
AS 'MODULE_PATHNAME', 'dreamsuite_adjust_pvalues' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION adjust_pvalues(float8[]) IS
    'q-values of Benjamini and Hochberg, in the order of the p-values. Null stays null and is not counted as a test.';

CREATE FUNCTION lead_lag(
    x       float8[],
    y       float8[],
    max_lag int DEFAULT 14)
RETURNS TABLE (
    lag     int,             -- y is this many days later than x
    r       float8,
    p_value float8)          -- per lag; see adjust_pvalues()
AS 'MODULE_PATHNAME', 'dreamsuite_lead_lag' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 15;
COMMENT ON FUNCTION lead_lag(float8[], float8[], int) IS
    'Correlation of daily increments x with y some days later, after removing weekday, trend and autocorrelation. No row for a lag with fewer than 30 pairs of days.';

CREATE FUNCTION forecast(
    series  float8[],
    horizon int,
    level   float8 DEFAULT 0.8,  -- coverage of the interval
    period  int    DEFAULT 7)    -- 7: weekly pattern of daily values; 1: none
RETURNS TABLE (
    step int,
    mean float8,
    lo   float8,
    hi   float8)
AS 'MODULE_PATHNAME', 'dreamsuite_forecast' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 30;
COMMENT ON FUNCTION forecast(float8[], int, float8, int) IS
    'The next values of a series with an interval from its own past forecast errors. No row below 10 known values, and none further ahead than twice their number.';

CREATE FUNCTION goal_eta(
    series   float8[],
    target   float8,
    level    float8 DEFAULT 0.8,  -- coverage of the interval
    OUT days float8,              -- from the last element of the series
    OUT lo   float8,
    OUT hi   float8)
AS 'MODULE_PATHNAME', 'dreamsuite_goal_eta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION goal_eta(float8[], float8, float8) IS
    'Days until a growing counter reaches a target, with an interval from how its pace changed in the past. 0 when reached; null where it is not reached at the present pace, is too far, or history is too short.';
-- Insight: facts with their evidence, and goals

CREATE TYPE fact AS (
    fact_id         text,      -- kind:subject:window:hash; the same for the same data
    category        text,      -- growth, content, cross_platform, trend, goal, data_quality
    kind            text,
    direction       text,
    platform        text,
    metric          text,
    subject         jsonb,
    window_start    date,
    window_end      date,
    as_of           date,
    settled_through date,      -- last day whose numbers do not change any more
    value           float8,
    baseline        float8,
    unit            text,
    effect          float8,
    effect_lo       float8,
    effect_hi       float8,
    effect_kind     text,      -- ratio, difference, percent, r, days
    n               int,
    n_baseline      int,
    n_missing       int,
    method          text,
    evidence_class  text,      -- exact, tested, forecast, heuristic
    p_value         float8,
    q_value         float8,
    family          text,
    tests_in_family int,
    confidence      text,      -- high, medium, low
    evidence        jsonb,     -- status, parameters, rows, content
    score           float8,
    score_parts     jsonb,
    sentence        text,
    caveats         text[],
    suggested_action text);
COMMENT ON TYPE fact IS 'One statement about an artist with everything that is needed to check it.';

CREATE FUNCTION insight_facts(
    user_id    uuid,
    as_of      date   DEFAULT NULL,   -- null: the newest stored day
    categories text[] DEFAULT NULL)   -- null: all
RETURNS SETOF fact
AS 'MODULE_PATHNAME', 'dreamsuite_insight_facts' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 10000 ROWS 50;
COMMENT ON FUNCTION insight_facts(uuid, date, text[]) IS
'What the numbers of an artist say on a day, best first: only settled days, tested where chance is possible, with evidence. evidence ->> ''status'' is new, continuing or resolved.';

CREATE FUNCTION top_facts(
    user_id uuid,
    as_of   date DEFAULT NULL,        -- null: the newest stored day
    k       int  DEFAULT 10)
RETURNS SETOF fact
AS 'MODULE_PATHNAME', 'dreamsuite_top_facts' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 10000 ROWS 10;
COMMENT ON FUNCTION top_facts(uuid, date, int) IS
'The k facts most worth telling: at most two of a platform, every category that has something to say, none twice.';

CREATE FUNCTION fact_in_full(user_id uuid, fact_id text) RETURNS SETOF fact
AS 'MODULE_PATHNAME', 'dreamsuite_fact_in_full' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 20000 ROWS 1;
COMMENT ON FUNCTION fact_in_full(uuid, text) IS 'Used by explain_fact(): one fact with every row of its evidence.';

CREATE FUNCTION explain_fact(user_id uuid, fact_id text) RETURNS jsonb
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'fact_id', f.fact_id,
        'sentence', f.sentence,
        'category', f.category,
        'kind', f.kind,
        'direction', f.direction,
        'status', f.evidence -> 'status',
        'subject', f.subject,
        'window', jsonb_build_object('start', f.window_start, 'end', f.window_end, 'as_of', f.as_of,
            'settled_through', f.settled_through),
        'numbers', jsonb_build_object('value', f.value, 'baseline', f.baseline, 'unit', f.unit, 'effect', f.effect,
            'effect_lo', f.effect_lo, 'effect_hi', f.effect_hi, 'effect_kind', f.effect_kind, 'n', f.n,
            'n_baseline', f.n_baseline, 'n_missing', f.n_missing),
        'method', f.method,
        'parameters', COALESCE(f.evidence -> 'parameters', '{}'),
        'test', jsonb_build_object('evidence_class', f.evidence_class, 'p_value', f.p_value, 'q_value', f.q_value,
            'family', f.family, 'tests_in_family', f.tests_in_family, 'confidence', f.confidence),
        'evidence', f.evidence - 'parameters' - 'status',
        'score', jsonb_build_object('score', f.score, 'parts', f.score_parts),
        'caveats', to_jsonb(f.caveats),
        'suggested_action', f.suggested_action)
      FROM dreamsuite.fact_in_full(explain_fact.user_id, explain_fact.fact_id) AS f
$$;
COMMENT ON FUNCTION explain_fact(uuid, text) IS
'Everything behind a fact: its numbers, the method and its parameters, the test, and all rows of the evidence.';

CREATE FUNCTION set_goal(
    user_id  uuid,
    platform text,
    metric   text,
    target   numeric,
    period   text DEFAULT NULL,   -- week, month: a gain within it; null: a level to be reached
    deadline date DEFAULT NULL)
RETURNS uuid
AS 'MODULE_PATHNAME', 'dreamsuite_set_goal' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION set_goal(uuid, text, text, numeric, text, date) IS
'Sets a goal on any metric and remembers where it starts; returns its id.';

CREATE FUNCTION drop_goal(goal_id uuid) RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_drop_goal' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION drop_goal(uuid) IS 'Forgets a goal.';

CREATE FUNCTION goal_status(
    user_id uuid,
    as_of   date DEFAULT NULL)        -- null: the newest stored day
RETURNS TABLE (
    goal_id        uuid,
    platform       text,
    metric         text,
    target         numeric,
    value          numeric,           -- the level, or the gain within the period
    percent        float8,            -- of the target
    remaining      numeric,
    needed_per_day float8,            -- until the deadline or the end of the period
    pace           float8,            -- per day, over the last 7 days
    eta            date,              -- at the pace of now, as pace changed in the past
    eta_lo         date,              -- 80 % interval
    eta_hi         date,
    on_track       boolean,
    sentence       text)
AS 'MODULE_PATHNAME', 'dreamsuite_goal_status' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 5000 ROWS 5;
COMMENT ON FUNCTION goal_status(uuid, date) IS
'Where each goal stands, what is needed a day, and when it will be reached; null where that cannot be known.';

CREATE FUNCTION compare_posts(
    user_id  uuid,
    platform text,
    by       text)             -- kind, weekday, daypart, shared (with other artists or alone)
RETURNS TABLE (
    a           text,
    b           text,
    n_a         int,
    n_b         int,
    ratio       float8,        -- of a to b, among posts that are neighbours in time
    ratio_lo    float8,        -- 90 % interval
    ratio_hi    float8,
    superiority float8,        -- how often a post of a beats one of b
    p_value     float8,
    q_value     float8)        -- over the rows of this call
AS 'MODULE_PATHNAME', 'dreamsuite_compare_posts' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 5000 ROWS 7;
COMMENT ON FUNCTION compare_posts(uuid, text, text) IS
'Compares an artist''s posts on one platform by their interactions (times of posting: by their views, where known). Groups that are too small have no p-value: 5 posts each in 3 weeks, 20 in all.';
-- The agent: what a language model is told, what it may ask, and whether its answer stands on facts

CREATE FUNCTION check_claims(
    user_id uuid,
    answer  text,                     -- at most 64 kB
    as_of   date DEFAULT NULL)        -- null: facts of the newest day, then those of earlier days
RETURNS TABLE (
    claim   text,                     -- the number as it is written
    fact_id text,                     -- the fact that was judged by; null: none was cited
    ok      boolean,
    reason  text)
AS 'MODULE_PATHNAME', 'dreamsuite_check_claims' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 20000 ROWS 10;
COMMENT ON FUNCTION check_claims(uuid, text, date) IS
'Judges every number of a text by the fact that it cites as [F:fact_id]: said by the fact as exactly as it is written, contradicted, of an unknown fact, or without one.';

CREATE FUNCTION agent_context(
    user_id uuid,
    as_of   date DEFAULT NULL)        -- null: the newest stored day
RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_agent_context' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 20000;
COMMENT ON FUNCTION agent_context(uuid, date) IS
'What a language model should know of an artist before it is asked anything: freshness, newest numbers, top facts with their ids, goals, blind spots, glossary. At most 24,000 bytes as text.';

CREATE FUNCTION agent_tools() RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_agent_tools' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION agent_tools() IS
'The tools of an agent for LangChain and MCP: name, description, inputSchema, outputSchema, annotations, and the SQL function that is called. user_id is no argument of a tool: whoever runs the model says it.';


-- The picture

CREATE FUNCTION dashboard(
    user_id uuid,
    as_of   date DEFAULT NULL)        -- null: the newest stored day
RETURNS text
AS 'MODULE_PATHNAME', 'dreamsuite_dashboard' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 20000;
COMMENT ON FUNCTION dashboard(uuid, date) IS
'One self-contained HTML page of an artist: no script, nothing loaded. Shows what the caller may see.';

-- PostgREST answers a request that accepts a media type with a function that returns a domain of its name. The domain is
-- found in its own schema alone, so one of the same name elsewhere is none of its business.
CREATE DOMAIN "text/html" AS text;
COMMENT ON DOMAIN "text/html" IS 'Text that PostgREST serves as a page.';

CREATE FUNCTION dashboard_page(
    user_id uuid DEFAULT NULL,        -- null: the user of the request
    as_of   date DEFAULT NULL)
RETURNS "text/html"
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT dreamsuite.dashboard(COALESCE(dashboard_page.user_id, dreamsuite.current_user_id()), dashboard_page.as_of)::dreamsuite."text/html"
$$;
COMMENT ON FUNCTION dashboard_page(uuid, date) IS
'dashboard() for PostgREST: GET /rpc/dashboard_page with Accept: text/html gives the page of the user who asks.';
-- What goes on, for the operator.

CREATE FUNCTION status()
RETURNS TABLE (item text, value text, hint text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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
                to_char(worker.backend_start, 'YYYY-MM-DD HH24:MI'), worker.state), NULL::text;
    END IF;

    RETURN QUERY SELECT 'accounts: ' || a.status, count(*)::text,
            CASE a.status WHEN 'pending' THEN 'they wait for credentials'
                          WHEN 'needs_reauth' THEN 'the artists must authorise again: see accounts.status_reason'
                          WHEN 'failed' THEN 'see accounts.status_reason' END
       FROM dreamsuite.accounts a GROUP BY a.status ORDER BY a.status;

    SELECT count(*) FILTER (WHERE s.lease_until > clock_timestamp()) AS running,
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
                    THEN 'expected end ' || to_char(clock_timestamp() + (clock_timestamp() - c.started_at) / c.done * (n.running + n.due), 'YYYY-MM-DD HH24:MI:SSOF') END
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
       FROM dreamsuite.collection_runs r WHERE r.started_at > clock_timestamp() - interval '24 hours'
      GROUP BY r.outcome ORDER BY r.outcome;

    IF current_setting('dreamsuite.test_base_url', true) <> '' OR current_setting('dreamsuite.test_now', true) <> '' THEN
        RETURN QUERY SELECT 'test settings', 'on', 'dreamsuite.test_base_url and dreamsuite.test_now are for tests and demos';
    END IF;
END
$$;
COMMENT ON FUNCTION status() IS 'Is the collector alive, what is due, what waits and why; with a hint where something is to be done.';

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
    cost_per_account  numeric,      -- units a day, as the last seven days were
    accounts_that_fit bigint)       -- further ones, every day
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH now AS MATERIALIZED (SELECT dreamsuite.calendar_now() AS at),
    costs AS (
        SELECT r.platform, sum(r.cost) / count(*) AS cost
          FROM (SELECT c.platform, sum(c.quota_cost) AS cost FROM dreamsuite.collection_runs c
                 WHERE c.started_at > clock_timestamp() - interval '7 days' AND c.outcome IN ('ok', 'partial', 'failed')
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
    SELECT k.bucket, k.platform, k.used, greatest(k.quota - k.used, 0), k.resets_at, k.blocked_until, k.reason,
           k.per_second, COALESCE(n.accounts, 0), COALESCE(n.blocked, 0), round(c.cost, 2),
           -- the narrower of what a day's quota and a day at the allowed pace hold
           CASE WHEN c.cost > 0 AND (k.daily IS NOT NULL OR k.per_second IS NOT NULL)
                THEN greatest(floor(least(k.daily, k.per_second::numeric * 86400) / c.cost) - COALESCE(n.accounts, 0), 0)::bigint END
      FROM known k LEFT JOIN costs c ON c.platform = k.platform LEFT JOIN counts n ON n.platform = k.platform
     ORDER BY k.platform, k.bucket
$$;
COMMENT ON FUNCTION quota_status() IS
'Each limit of the platforms: what is used and left, when it begins anew, what is blocked and why, and how many more accounts fit.';

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
        SELECT p.name, p.label, p.has_api, p.enabled, p.scopes, c.user_id IS NOT NULL AS connected, c.status, c.status_reason,
               c.granted_scopes, s.blocked_until, s.last_error,
               c.status = 'active' AND p.has_api AND p.enabled AS collects,
               dreamsuite.account_day(now_, COALESCE(c.settings, '{}')) AS today,
               (SELECT max(d.date) FROM dreamsuite.daily_metrics d
                 WHERE d.user_id = whose AND d.platform = p.name AND jsonb_strip_nulls(d.metrics) <> '{}') AS last_day
          FROM dreamsuite.platform_catalog() k
          JOIN dreamsuite.platforms p ON p.name = k.name
          LEFT JOIN dreamsuite.accounts c ON c.user_id = whose AND c.platform = p.name
          LEFT JOIN dreamsuite.account_state s ON s.user_id = whose AND s.platform = p.name
         WHERE c.user_id IS NOT NULL
            OR EXISTS (SELECT FROM dreamsuite.daily_metrics d WHERE d.user_id = whose AND d.platform = p.name)
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
                         THEN 'let the artist authorise: dreamsuite.authorize_url()' END
              FROM dreamsuite.metric_catalog() WITH ORDINALITY
                   AS k (platform, metric, json_type, nullable, kind, unit, source, description, place)
             CROSS JOIN LATERAL (SELECT COALESCE(substring(k.source FROM '^(?:sum of )?([a-z_]+)'), '') AS name) AS step
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
-- Schedules, through pg_cron where the database has it.

CREATE FUNCTION check_schedule(schedule text) RETURNS void
LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    names  CONSTANT text[] := '{minute,hour,day of the month,month,day of the week}';
    lowest CONSTANT integer[] := '{0,0,1,1,0}';
    most   CONSTANT integer[] := '{59,23,31,12,7}';
    words  CONSTANT text[] := '{"","","","jan feb mar apr may jun jul aug sep oct nov dec","sun mon tue wed thu fri sat"}';
    example CONSTANT text := 'Five fields: minute, hour, day of the month, month, day of the week. ''0 6 * * *'' is 06:00 each day, ''30 */6 * * *'' every six hours.';
    fields text[];
    part   text;
    ends   text[];
    value  text;
    n      integer;
    before integer;
    wrong  text;
BEGIN
    IF schedule IS NULL THEN
        RAISE EXCEPTION 'schedule must not be null' USING ERRCODE = 'null_value_not_allowed', HINT = example;
    END IF;
    IF lower(btrim(schedule)) IN ('@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually') THEN
        RETURN;
    END IF;
    fields := regexp_split_to_array(btrim(schedule, E' \t\r\n'), '\s+');
    IF cardinality(fields) <> 5 OR fields[1] = '' THEN
        RAISE EXCEPTION 'invalid schedule "%"', schedule
            USING ERRCODE = 'invalid_parameter_value', HINT = example,
                  DETAIL = format('It has %s fields, not 5.', CASE WHEN fields[1] = '' THEN 0 ELSE cardinality(fields) END);
    END IF;
    FOR i IN 1 .. 5 LOOP
        FOREACH part IN ARRAY string_to_array(fields[i], ',') LOOP
            wrong := NULL;
            ends := regexp_match(part, '^(\*|([0-9]{1,9}|[a-zA-Z]{3})(?:-([0-9]{1,9}|[a-zA-Z]{3}))?)(?:/([0-9]{1,9}))?$');
            IF ends IS NULL THEN
                wrong := format('"%s" is not *, a value, a range such as 1-5, or one of them with a step such as */6.', part);
            ELSIF ends[4] IS NOT NULL AND ends[1] <> '*' AND ends[3] IS NULL THEN
                wrong := format('The step of "%s" needs * or a range before it.', part);
            ELSIF ends[4]::integer NOT BETWEEN 1 AND most[i] THEN
                wrong := format('The step of "%s" is not between 1 and %s.', part, most[i]);
            ELSE
                before := NULL;
                FOREACH value IN ARRAY ends[2:3] LOOP
                    CONTINUE WHEN value IS NULL OR wrong IS NOT NULL;
                    n := CASE WHEN value ~ '^[0-9]+$' THEN value::integer
                              ELSE array_position(string_to_array(words[i], ' '), lower(value)) - 1 + lowest[i] END;
                    IF n IS NULL OR n NOT BETWEEN lowest[i] AND most[i] THEN
                        wrong := format('"%s" is not between %s and %s%s.', value, lowest[i], most[i],
                                        CASE WHEN words[i] <> '' THEN ', nor one of ' || words[i] ELSE '' END);
                    ELSIF before > n THEN
                        wrong := format('The range "%s" ends before it begins.', part);
                    END IF;
                    before := n;
                END LOOP;
            END IF;
            IF wrong IS NOT NULL THEN
                RAISE EXCEPTION 'invalid % in schedule "%"', names[i], schedule
                    USING ERRCODE = 'invalid_parameter_value', DETAIL = wrong, HINT = example;
            END IF;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION check_schedule(text) IS 'Raises an error that says what is wrong, and where, unless the text is a schedule for cron.';

CREATE FUNCTION cron_is_here() RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_regclass('cron.job') IS NOT NULL AND EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_cron')
$$;
COMMENT ON FUNCTION cron_is_here() IS 'Is pg_cron installed in this database?';

CREATE FUNCTION unschedule_collection() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF dreamsuite.cron_is_here() THEN
        -- not cron.unschedule(): it knows only the jobs of the one who calls
        EXECUTE 'DELETE FROM cron.job WHERE jobname = $1' USING 'dreamsuite: ' || current_database();
    END IF;
END
$$;
COMMENT ON FUNCTION unschedule_collection() IS 'Ends what schedule_collection() began; nothing happens where nothing is scheduled.';

CREATE FUNCTION schedule_collection(schedule text DEFAULT '0 6 * * *') RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    home text := current_setting('cron.database_name', true);
    job  bigint;
BEGIN
    PERFORM dreamsuite.check_schedule(schedule);
    IF NOT dreamsuite.cron_is_here() THEN
        RAISE EXCEPTION 'pg_cron is not installed in database "%"', current_database()
            USING ERRCODE = 'undefined_object',
                  DETAIL = 'A schedule is a job of pg_cron that calls dreamsuite.collect_due().',
                  HINT = CASE
                      WHEN home IS NULL THEN 'Add pg_cron to shared_preload_libraries, restart, CREATE EXTENSION pg_cron. '
                          || 'Or preload dreamsuite alone and set dreamsuite.collect_at.'
                      WHEN home = current_database() THEN 'CREATE EXTENSION pg_cron.'
                      ELSE format('pg_cron lives in database "%s" (cron.database_name). There: SELECT cron.schedule_in_database(%L, %L, %L, %L).',
                                  home, 'dreamsuite: ' || current_database(), schedule, 'SELECT dreamsuite.collect_due()', current_database())
                  END;
    END IF;
    PERFORM dreamsuite.unschedule_collection();
    EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job
        USING 'dreamsuite: ' || current_database(), lower(btrim(schedule, E' \t\r\n')), 'SELECT dreamsuite.collect_due()';
    RETURN job;
END
$$;
COMMENT ON FUNCTION schedule_collection(text) IS
'Collects by a schedule of pg_cron (its times are those of cron.timezone, else UTC). A second call replaces the first. Returns the job''s id.';

-- A job must not outlive the extension. A member of the extension is gone when sql_drop fires, so this looks ahead.
CREATE FUNCTION unschedule_before_drop() RETURNS event_trigger
AS 'MODULE_PATHNAME', 'dreamsuite_unschedule_before_drop' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION unschedule_before_drop() IS 'Ends the schedule when a command is about to drop the extension.';

CREATE EVENT TRIGGER dreamsuite_unschedule ON ddl_command_start
    WHEN TAG IN ('DROP EXTENSION', 'DROP SCHEMA', 'DROP OWNED')
    EXECUTE FUNCTION unschedule_before_drop();
COMMENT ON EVENT TRIGGER dreamsuite_unschedule IS 'Ends the schedule when a command is about to drop the extension.';
-- The ledger, read for its questions. Days are those of the clock, in UTC; metric dates are in collection_runs.

CREATE VIEW collection_summary AS
WITH runs AS (
    SELECT (r.started_at AT TIME ZONE 'UTC')::date AS day, r.platform, count(DISTINCT r.user_id) AS accounts, count(*) AS runs,
           count(*) FILTER (WHERE r.outcome = 'ok') AS ok, count(*) FILTER (WHERE r.outcome = 'partial') AS partial,
           count(*) FILTER (WHERE r.outcome = 'failed') AS failed, count(*) FILTER (WHERE r.outcome = 'placeholder') AS placeholder,
           sum(r.requests) AS requests, sum(r.bytes) AS bytes, sum(r.quota_cost) AS quota_cost,
           pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.finished_at - r.started_at)) AS seconds
      FROM collection_runs r
     WHERE r.outcome <> 'manual'
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
SELECT a.user_id, a.platform, a.status, s.done_on AS last_day, t.today - s.done_on AS days_behind,
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
 CROSS JOIN LATERAL (SELECT calendar_now() AS now, account_day(calendar_now(), a.settings) AS today) t
 WHERE s.done_on IS NULL OR s.done_on < t.today - 1 OR s.last_outcome = 'failed' OR a.status IN ('needs_reauth', 'failed')
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

-- More than one server holds: Citus.

CREATE FUNCTION distribute() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- The collector claims accounts under row locks, in the order in which they are due, whoever they belong to. Citus locks
    -- no rows across shards; and these tables have one row per account, not one per day.
    claimed CONSTANT text[] := '{accounts,account_state,account_secrets,oauth_states,revocations,metric_quarantine}';
    citus   text := (SELECT n.nspname FROM pg_extension AS e
                       JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass
                       JOIN pg_proc AS p ON p.oid = d.objid AND p.proname = 'create_distributed_table'
                       JOIN pg_namespace AS n ON n.oid = p.pronamespace
                      WHERE e.extname = 'citus' LIMIT 1);
    t       record;
    n       bigint;
BEGIN
    IF NOT pg_has_role((SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'dreamsuite'), 'USAGE') THEN
        RAISE EXCEPTION 'permission denied to distribute the tables of dreamsuite'
            USING ERRCODE = 'insufficient_privilege', HINT = 'The owner of the extension may.';
    END IF;
    IF citus IS NULL THEN
        RAISE EXCEPTION 'Citus is not installed in database "%"', current_database()
            USING ERRCODE = 'undefined_object',
                  DETAIL = 'The tables would be spread over its nodes by user_id.',
                  HINT = 'Add citus to shared_preload_libraries, restart, CREATE EXTENSION citus, add the nodes, and call this again. One server goes far: see docs/scaling.md.';
    END IF;
    SELECT count(*) INTO n FROM dreamsuite.daily_metrics AS d WHERE d.user_id IS NULL;
    IF n > 0 THEN
        RAISE EXCEPTION '% rows of daily_metrics have no user_id', n
            USING ERRCODE = 'not_null_violation', HINT = 'A row without a user has no place among the nodes: give it one, or delete it.';
    END IF;
    SELECT count(*) INTO n FROM pg_constraint AS k
      JOIN pg_class AS c ON c.oid = k.conrelid AND c.relnamespace = 'dreamsuite'::regnamespace
     WHERE k.contype = 'f' AND k.confrelid = to_regclass('auth.users') AND c.relname <> ALL (claimed);
    IF n > 0 THEN
        RAISE EXCEPTION 'tables of dreamsuite reference auth.users'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'A distributed table cannot reference a table of one node.',
                  HINT = 'Drop the constraints to auth.users, and call dreamsuite.forget_user() for a user who is deleted there.';
    END IF;

    -- What Citus does not know on distributed tables: keys without user_id, triggers, and policies with a subquery.
    IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'dreamsuite.daily_metrics'::regclass AND contype = 'p') THEN
        ALTER TABLE dreamsuite.daily_metrics DROP CONSTRAINT daily_metrics_pkey, ALTER COLUMN user_id SET NOT NULL,
            ADD PRIMARY KEY (user_id, id);
    END IF;
    DROP TRIGGER IF EXISTS repair_after_delete ON dreamsuite.daily_metrics;
    DROP TRIGGER IF EXISTS repair_after_update ON dreamsuite.daily_metrics;
    FOR t IN
        SELECT c.oid::regclass AS relation, c.oid = 'dreamsuite.daily_metrics'::regclass AS first
          FROM pg_class AS c
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
         WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> ALL (claimed)
         ORDER BY 2 DESC, c.relname
    LOOP
        EXECUTE format('SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = %L::regclass', t.relation) INTO n;
        CONTINUE WHEN n > 0;
        EXECUTE format('ALTER POLICY own_rows ON %s USING (user_id = dreamsuite.current_user_id())', t.relation);
        IF t.first THEN
            EXECUTE format('SELECT %I.create_distributed_table(%L, ''user_id'')', citus, t.relation);
        ELSE
            EXECUTE format('SELECT %I.create_distributed_table(%L, ''user_id'', colocate_with => ''dreamsuite.daily_metrics'')', citus, t.relation);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION distribute() IS
'Spreads what grows by the day over the nodes of Citus, by user_id and co-located; what is claimed stays on the coordinator. See docs/scaling.md.';

-- Who may do what. access_rules() says it by name, grant_access() grants it, and what has no rule is granted to nobody.

CREATE FUNCTION access_rules()
RETURNS TABLE (name text, rule text)
LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT unnest(names), rule
      FROM (VALUES
        -- its own user: rows by policy, writing by functions that check the user
        ('own', ARRAY[
            'accounts', 'account_state', 'collection_runs', 'content_history', 'content_items', 'daily_metrics', 'goals',
            'imported_days', 'metric_quarantine', 'metric_revisions', 'request_log',
            'amazon_music_daily', 'apple_music_daily', 'deezer_daily', 'facebook_daily', 'instagram_daily',
            'soundcloud_daily', 'spotify_daily', 'tidal_daily', 'tiktok_daily', 'twitter_daily', 'youtube_daily',
            'authorize_url', 'complete_authorization', 'pause_account', 'resume_account', 'disconnect_account',
            'record_metrics', 'import_csv', 'set_goal', 'drop_goal',
            'growth', 'growth_row', 'growth_leaders', 'growth_streaks', 'metric_series', 'milestones', 'record_high',
            'fact', 'insight_facts', 'top_facts', 'explain_fact', 'fact_in_full', 'compare_posts', 'goal_status',
            'agent_context', 'agent_tools', 'check_claims', 'dashboard', 'dashboard_page', 'text/html', 'data_health',
            'current_user_id', 'sees_all_users', 'calendar_now']),
        -- no rows of users: for every role that was let in
        ('any', ARRAY[
            'platforms', 'platform_catalog', 'metric_catalog', 'normalise', 'account_day',
            'adjust_pvalues', 'anomaly_scores', 'compare_groups', 'detect_changepoints', 'forecast', 'goal_eta', 'lead_lag']),
        -- what runs the house, and every user: with all_users alone
        ('all_users', ARRAY[
            'bucket_state', 'platform_settings', 'collection_cycle', 'collection_summary', 'endpoint_summary', 'stale_accounts',
            'register_app', 'connect_account', 'forget_user', 'repair_changes',
            'collect_due', 'collect', 'make_due', 'schedule_collection', 'unschedule_collection', 'status',
            'quota_status', 'platform_limits', 'classify_answer', 'plan_requests']),
        -- secrets, keys, and who may do what: the owner of the extension alone
        ('owner', ARRAY[
            'account_secrets', 'apps', 'oauth_states', 'revocations', 'key_checks', 'access_roles',
            'key_status', 'rotate_keys', 'grant_access', 'revoke_access', 'apply_policies', 'link_auth_users', 'distribute',
            'access_rules', 'access_objects', 'check_user', 'account_must_exist', 'platform_needs_token', 'platform_revokes', 'merge_known',
            'wake_collector', 'collect_time',
            'check_encoding', 'check_schedule', 'cron_is_here', 'unschedule_before_drop', 'growth_support',
            'repair_changes_trigger', 'access_roles_trigger'])) AS r (rule, names)
$$;
COMMENT ON FUNCTION access_rules() IS
'Who may use which table, view, type or function. own: granted roles, for the user of the request; any: granted roles; all_users: roles granted all users; owner: nobody else.';

CREATE FUNCTION access_objects()
RETURNS TABLE (kind text, name text, object text, rule text)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.kind, o.name, o.object,
           -- a view without security_invoker (PostgreSQL 14 has none) shows every row to whoever may read it
           CASE WHEN o.shows_all AND r.rule = 'own' THEN 'all_users' WHEN o.kind = 'SEQUENCE' THEN 'owner' ELSE r.rule END
      FROM (SELECT CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relname::text, format('dreamsuite.%I', c.relname),
                   c.relkind = 'v' AND NOT ('security_invoker=true' = ANY (COALESCE(c.reloptions, '{}'))), 'pg_class'::regclass, c.oid
              FROM pg_class AS c
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
            UNION ALL
            SELECT 'ROUTINE', p.proname::text, p.oid::regprocedure::text, false, 'pg_proc'::regclass, p.oid
              FROM pg_proc AS p
            UNION ALL
            SELECT 'TYPE', t.typname::text, format('dreamsuite.%I', t.typname), false, 'pg_type'::regclass, t.oid
              FROM pg_type AS t
             WHERE t.typrelid = 0 AND t.typelem = 0
                OR EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind = 'c')
           ) AS o (kind, name, object, shows_all, classid, objid)
      JOIN pg_depend AS d ON d.classid = o.classid AND d.objid = o.objid AND d.objsubid = 0 AND d.deptype = 'e'
       AND d.refclassid = 'pg_extension'::regclass
       AND d.refobjid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'dreamsuite')
      LEFT JOIN dreamsuite.access_rules() AS r ON r.name = o.name
     ORDER BY o.kind, o.object
$$;
COMMENT ON FUNCTION access_objects() IS 'Every table, view, sequence, routine and type of the extension with its rule of access_rules(); null: it has none.';

-- Row level security on every table. own_rows needs no name of a role; all_users names those that see everything, at first
-- the owner alone, so that their queries are planned as if there were no policy.
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT o.object, o.rule,
               EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = o.object::pg_catalog.regclass AND a.attname = 'user_id') AS has_user
          FROM dreamsuite.access_objects() AS o
          JOIN pg_catalog.pg_class AS c ON c.oid = o.object::pg_catalog.regclass AND c.relkind IN ('r', 'p')
         WHERE o.kind = 'TABLE'
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.object);
        IF t.rule IN ('own', 'all_users') THEN
            EXECUTE pg_catalog.format('CREATE POLICY all_users ON %s FOR SELECT TO CURRENT_USER USING (true)', t.object);
            EXECUTE pg_catalog.format('COMMENT ON POLICY all_users ON %s IS %L', t.object, 'Roles of grant_access(role, all_users => true).');
        END IF;
        IF t.rule = 'own' AND t.has_user THEN
            EXECUTE pg_catalog.format(
                'CREATE POLICY own_rows ON %s FOR SELECT USING (user_id = (SELECT dreamsuite.current_user_id()))', t.object);
            EXECUTE pg_catalog.format('COMMENT ON POLICY own_rows ON %s IS %L', t.object, 'The rows of the user that the request speaks for.');
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION apply_policies() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted  oid[];
    missing text;
    p       record;
BEGIN
    SELECT string_agg(format('"%s"', a.role_name), ', ' ORDER BY a.role_name) INTO missing
      FROM dreamsuite.access_roles AS a
     WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = a.role_name);
    IF missing IS NOT NULL THEN
        RAISE WARNING 'access of roles that do not exist is left out: %', missing
            USING HINT = 'Create them and call dreamsuite.grant_access() again, or forget them with DELETE FROM dreamsuite.access_roles.';
    END IF;
    SELECT array_agg(r.oid ORDER BY r.oid) INTO wanted
      FROM pg_roles AS r
     WHERE r.oid = (SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'dreamsuite')
        OR EXISTS (SELECT FROM dreamsuite.access_roles AS a WHERE a.role_name = r.rolname AND a.all_users);
    -- a change of a policy locks its table: only where it is needed
    FOR p IN
        SELECT y.polrelid::regclass AS relation
          FROM pg_policy AS y
          JOIN pg_class AS c ON c.oid = y.polrelid AND c.relnamespace = 'dreamsuite'::regnamespace
         WHERE y.polname = 'all_users'
           AND (SELECT array_agg(x ORDER BY x) FROM unnest(y.polroles) AS x) IS DISTINCT FROM wanted
         ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER POLICY all_users ON %s TO %s', p.relation,
            (SELECT string_agg(format('%I', r.rolname), ', ') FROM pg_roles AS r WHERE r.oid = ANY (wanted)));
    END LOOP;
END
$$;
COMMENT ON FUNCTION apply_policies() IS 'Makes the policies say what access_roles says.';

CREATE FUNCTION access_roles_trigger() RETURNS trigger
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM dreamsuite.apply_policies();
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION access_roles_trigger() IS 'Calls apply_policies() when a restore fills access_roles.';
CREATE TRIGGER apply_policies AFTER INSERT OR UPDATE OR DELETE ON access_roles
    FOR EACH STATEMENT EXECUTE FUNCTION access_roles_trigger();
COMMENT ON TRIGGER apply_policies ON access_roles IS 'The policies follow, also when the table is restored.';

CREATE FUNCTION revoke_access(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o record;
BEGIN
    IF revoke_access.role IS NULL THEN
        RAISE EXCEPTION 'role must not be null' USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the role, as in ''authenticated''.';
    END IF;
    IF NOT pg_has_role((SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'dreamsuite'), 'USAGE') THEN
        RAISE EXCEPTION 'permission denied to say who may use dreamsuite'
            USING ERRCODE = 'insufficient_privilege', HINT = 'The owner of the extension may.';
    END IF;
    FOR o IN SELECT a.kind, a.object FROM dreamsuite.access_objects() AS a LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', o.kind, o.object, revoke_access.role);
    END LOOP;
    EXECUTE format('REVOKE ALL ON SCHEMA dreamsuite FROM %s', revoke_access.role);
    DELETE FROM dreamsuite.access_roles AS a
     WHERE a.role_name = (SELECT r.rolname FROM pg_roles AS r WHERE r.oid = revoke_access.role);
END
$$;
COMMENT ON FUNCTION revoke_access(regrole) IS 'Takes back everything that grant_access() gave to a role.';

CREATE FUNCTION grant_access(
    role      regrole,
    all_users boolean DEFAULT false)   -- true: it sees and manages every user, and runs the house
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o record;
BEGIN
    IF grant_access.all_users IS NULL THEN
        RAISE EXCEPTION 'all_users must not be null'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Leave it out for a role that sees its own user alone.';
    END IF;
    PERFORM dreamsuite.revoke_access(grant_access.role);    -- a second call may give less than the first
    EXECUTE format('GRANT USAGE ON SCHEMA dreamsuite TO %s', grant_access.role);
    FOR o IN
        SELECT a.kind, a.object, CASE a.kind WHEN 'ROUTINE' THEN 'EXECUTE' WHEN 'TYPE' THEN 'USAGE' ELSE 'SELECT' END AS privilege
          FROM dreamsuite.access_objects() AS a
         WHERE a.rule IN ('own', 'any') OR (a.rule = 'all_users' AND grant_access.all_users)
    LOOP
        EXECUTE format('GRANT %s ON %s %s TO %s', o.privilege, o.kind, o.object, grant_access.role);
    END LOOP;
    INSERT INTO dreamsuite.access_roles (role_name, all_users)
    SELECT r.rolname, grant_access.all_users FROM pg_roles AS r WHERE r.oid = grant_access.role;
END
$$;
COMMENT ON FUNCTION grant_access(regrole, boolean) IS
'Lets a role in: it reads and manages the user of its requests (request.jwt.claims), with all_users every user and the house itself. It writes through functions alone and never sees a secret.';

CREATE FUNCTION link_auth_users() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t     record;
    alone bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute AS a
                     JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisunique AND i.indpred IS NULL
                                       AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
                    WHERE a.attrelid = to_regclass('auth.users') AND a.attname = 'id' AND a.atttypid = 'uuid'::regtype) THEN
        RAISE EXCEPTION 'there is no table auth.users with a unique id of type uuid'
            USING ERRCODE = 'undefined_table',
                  DETAIL = 'Supabase keeps its users there; every user_id would reference it.',
                  HINT = 'Without it nothing is to be linked: user_id is any uuid, and dreamsuite.forget_user() removes a user.';
    END IF;
    FOR t IN
        SELECT c.oid::regclass AS relation, c.relname
          FROM pg_class AS c
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
         WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p')
           AND NOT EXISTS (SELECT FROM pg_constraint AS k
                            WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid = to_regclass('auth.users'))
         ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT count(DISTINCT t.user_id) FROM %s AS t WHERE t.user_id IS NOT NULL'
                       ' AND NOT EXISTS (SELECT FROM auth.users AS u WHERE u.id = t.user_id)', t.relation) INTO alone;
        IF alone > 0 THEN
            RAISE EXCEPTION '% users of % are not in auth.users', alone, t.relation
                USING ERRCODE = 'foreign_key_violation',
                      HINT = 'Add them to auth.users, or remove their rows with dreamsuite.forget_user().';
        END IF;
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE',
                       t.relation, t.relname || '_user_id_fkey');
    END LOOP;
END
$$;
COMMENT ON FUNCTION link_auth_users() IS
'Lets every user_id reference auth.users(id), ON DELETE CASCADE: who is deleted there is forgotten here. CREATE EXTENSION does so where the table exists.';

DO $$
BEGIN
    PERFORM dreamsuite.link_auth_users();
EXCEPTION WHEN undefined_table THEN
    NULL;   -- not Supabase; link_auth_users() can be called later
END
$$;

-- Last: nothing is granted to PUBLIC, nor to roles that default privileges of the database favour. Who may do what is said
-- by grant_access() alone.

DO $$
DECLARE
    g record;
BEGIN
    FOR g IN
        SELECT DISTINCT o.kind, o.object, a.grantee
          FROM (SELECT x.kind, x.object, c.relacl AS acl, c.relowner AS owner
                  FROM dreamsuite.access_objects() AS x
                  JOIN pg_catalog.pg_class AS c ON c.oid = x.object::pg_catalog.regclass
                 WHERE x.kind IN ('TABLE', 'SEQUENCE')
                UNION ALL
                SELECT x.kind, x.object, COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner)), p.proowner
                  FROM dreamsuite.access_objects() AS x
                  JOIN pg_catalog.pg_proc AS p ON p.oid = x.object::pg_catalog.regprocedure
                 WHERE x.kind = 'ROUTINE'
                UNION ALL
                SELECT x.kind, x.object, COALESCE(t.typacl, pg_catalog.acldefault('T', t.typowner)), t.typowner
                  FROM dreamsuite.access_objects() AS x
                  JOIN pg_catalog.pg_type AS t ON t.oid = x.object::pg_catalog.regtype
                 WHERE x.kind = 'TYPE') AS o
         CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
         WHERE a.grantee <> o.owner
        UNION ALL
        SELECT DISTINCT 'SCHEMA', 'dreamsuite', a.grantee
          FROM pg_catalog.pg_namespace AS n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
         WHERE n.nspname = 'dreamsuite' AND a.grantee <> n.nspowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', g.kind, g.object,
            CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::pg_catalog.regrole::text END);
    END LOOP;
END
$$;
