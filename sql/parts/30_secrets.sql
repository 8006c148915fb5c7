
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
