\echo Use "CREATE EXTENSION http_test" to load this file. \quit

-- Sends every address at once, each `repeat` times, and gives one row per answer in the order in which they came.
CREATE FUNCTION http_test(
    urls                 text[],
    base                 text    DEFAULT NULL,    -- dreamsuite.test_base_url
    timeout_ms           integer DEFAULT 5000,
    max_connections      integer DEFAULT 100,
    max_host_connections integer DEFAULT 100,
    connect_timeout_ms   integer DEFAULT 2000,
    idle_timeout_s       integer DEFAULT 30,
    max_body             bigint  DEFAULT 8388608,
    ca_file              text    DEFAULT NULL,
    proxy                text    DEFAULT NULL,
    headers              text[]  DEFAULT '{}',
    post                 text    DEFAULT NULL,    -- a POST with this body
    content_type         text    DEFAULT NULL,
    repeat               integer DEFAULT 1,
    fail_at              integer DEFAULT 0,       -- `done` raises at this answer, and the loop goes on
    cancel_at            integer DEFAULT 0,       -- `done` cancels everything at this answer
    follow               text    DEFAULT NULL)    -- `done` of the first answers sends this address
RETURNS TABLE (n integer, url text, status integer, error text, error_text text, body text, length bigint,
               ms float8, bytes bigint, reused boolean, http_version integer, retry_after text, early text)
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

-- Sends a number of requests through an engine that is kept, and tells the seconds and the failures.
CREATE FUNCTION http_bench(url text, base text, requests integer, connections integer)
RETURNS TABLE (seconds float8, failures integer)
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- Bytes that malloc() has given out.
CREATE FUNCTION http_memory() RETURNS bigint AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- Starts a background worker that waits for an address and gives its process id.
CREATE FUNCTION http_worker(url text, base text) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- Sends an address so many times and does nothing for so many milliseconds; tells the answers that were there then, the bytes of
-- their bodies, the threads of the process and those that take signals, and all the answers.
CREATE FUNCTION http_unattended(url text, base text, requests integer, ms integer, connections integer)
RETURNS TABLE (answers integer, bytes bigint, threads integer, with_signals integer, all_answers integer)
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- From now on this session can start no thread.
CREATE FUNCTION http_forbid_threads() RETURNS boolean AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
