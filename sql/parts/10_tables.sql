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
COMMENT ON COLUMN daily_metrics.collected_at IS 'When the platform was asked last, or somebody recorded or imported numbers of the day.';
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
COMMENT ON COLUMN goals.reached_on IS 'First day, from starts_on, whose number is at the target; of a weekly or monthly goal, in the last period in which it was. Noted when the day is stored; a correction of that day moves it or takes it back, a later fall does not.';

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
CREATE INDEX account_state_due ON account_state (platform, next_due_at, user_id) WHERE next_due_at IS NOT NULL;
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
COMMENT ON TABLE collection_runs IS 'One row per try to collect an account, and per day that was recorded or imported lately; error names what is missing of a partial one.';

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

