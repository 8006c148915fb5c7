-- Settings: a wrong value is refused with the reason.
\set SHOW_CONTEXT never
LOAD 'dreamsuite';
SET dreamsuite.test_now = 'yesterday-ish';
SET dreamsuite.test_now = '2026-03-01T06:00:00Z';
SELECT dreamsuite.calendar_now() = '2026-03-01 06:00:00+00' AS frozen;
SET dreamsuite.test_now = '2026-03-01 06:00:00+02';
SELECT dreamsuite.calendar_now() = '2026-03-01 04:00:00+00' AS frozen;
-- parallel workers take the setting over
SELECT count(set_config(name, 'on', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT dreamsuite.calendar_now() = '2026-03-01 04:00:00+00' AS frozen;
SELECT count(set_config(name, 'off', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SET dreamsuite.test_now = '';
SELECT dreamsuite.calendar_now() - clock_timestamp() < interval '1 minute' AS runs;
SET dreamsuite.test_base_url = 'http://example.com';
SET dreamsuite.test_base_url = 'https://127.0.0.1:80';
SET dreamsuite.test_base_url = 'http://127.0.0.1:80/path';
SET dreamsuite.test_base_url = 'http://127.0.0.1:99999';
SET dreamsuite.test_base_url = 'http://localhost:8080';
RESET dreamsuite.test_base_url;
ALTER SYSTEM SET dreamsuite.collect_at = '25:00';
ALTER SYSTEM SET dreamsuite.collect_at = 'noon';
ALTER SYSTEM SET dreamsuite.databases = '"broken';
ALTER SYSTEM SET dreamsuite.proxy = 'proxy.example.org';
ALTER SYSTEM SET dreamsuite.proxy = 'http://proxy.example.org:3128/path';
ALTER SYSTEM SET dreamsuite.proxy = 'http://';
ALTER SYSTEM SET dreamsuite.proxy = 'http://proxy.example.org:3128/';
ALTER SYSTEM SET dreamsuite.proxy = 'socks5h://user:word@[::1]:1080';
ALTER SYSTEM RESET dreamsuite.proxy;
ALTER SYSTEM SET dreamsuite.max_connections = 0;
-- servers word these two differently
\set VERBOSITY sqlstate
ALTER SYSTEM SET dreamsuite.request_timeout = '0';
\set VERBOSITY default
DO $$
BEGIN
    SET dreamsuite.no_such_setting = 1;
    ASSERT current_setting('server_version_num')::int < 150000, 'accepted';  -- 14 keeps it as a setting of nobody
EXCEPTION WHEN invalid_name THEN
    NULL;
END
$$;
SET dreamsuite.max_connections = 5;
CREATE ROLE settings_nobody;
SET ROLE settings_nobody;
SET dreamsuite.test_base_url = 'http://localhost:8080';
SET dreamsuite.test_now = '2026-03-01T06:00:00Z';
\set VERBOSITY sqlstate
SHOW dreamsuite.keyring_file;
\set VERBOSITY default
RESET ROLE;
DROP ROLE settings_nobody;
SELECT name, setting, unit, context FROM pg_settings WHERE name LIKE 'dreamsuite.%' AND name NOT LIKE '%test%' ORDER BY name;
