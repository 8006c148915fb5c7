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

CREATE FUNCTION remind_collector() RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_remind_collector' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION remind_collector() IS 'Wakes the collector when this transaction commits, where there is one: accounts are gone.';
