-- Recorded answers of token endpoints, read as the collector reads them; the expectations are worked out by hand.
-- psql -v fixtures=DIR -v token_probe=LIBRARY -f tokens.sql, in a session that has not loaded the extension itself.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset null unknown
\set ON_ERROR_STOP on
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.read(platform text, purpose text, status int, body text, settings jsonb) RETURNS jsonb
AS :'token_probe', 'probe_tokens' LANGUAGE C STRICT;
CREATE FUNCTION pg_temp.pages(status int, body text, accounts boolean) RETURNS jsonb AS :'token_probe', 'probe_pages' LANGUAGE C STRICT;
CREATE FUNCTION pg_temp.tokens(platform text, purpose text, status int, body text, settings jsonb DEFAULT '{}') RETURNS TABLE (
    error_class text, access_token text, refresh_token text, lifetime text, refresh_lifetime text, scopes text, account_id text, message text)
LANGUAGE SQL AS $$ SELECT t.* FROM jsonb_to_record(pg_temp.read(platform, purpose, status, body, settings)) AS t(
    error_class text, access_token text, refresh_token text, lifetime text, refresh_lifetime text, scopes text, account_id text, message text) $$;

-- Spotify names a new refresh token when it wants to; where it names none, the old one stays.
\set body `cat :'fixtures'/spotify/token_authorization_code__jwilsson.json`
SELECT 'spotify, for a code', t.* FROM pg_temp.tokens('spotify', 'code', 200, :'body') AS t;
\set body `cat :'fixtures'/spotify/token_refresh_rotated__jwilsson.json`
SELECT 'spotify, renewed and rotated', t.* FROM pg_temp.tokens('spotify', 'renewal', 200, :'body') AS t;
\set body `cat :'fixtures'/spotify/token_refresh_not_rotated__jwilsson.json`
SELECT 'spotify, renewed', t.* FROM pg_temp.tokens('spotify', 'renewal', 200, :'body') AS t;
-- An answer that broke on its way is worth another try, and nothing of it is taken for a token.
SELECT 'spotify, cut', n, t.error_class, t.access_token, t.message
  FROM unnest(ARRAY[0, 1, 20, 60, length(:'body') - 3]) AS n, pg_temp.tokens('spotify', 'renewal', 200, left(:'body', n)) AS t;
SELECT 'spotify, without a token', t.error_class, t.message
  FROM pg_temp.tokens('spotify', 'renewal', 200, (:'body'::jsonb - 'access_token')::text) AS t;
\set body `cat :'fixtures'/spotify/token_error_invalid_client__kaaes.json`
SELECT 'spotify, app refused', t.error_class, t.access_token, t.message FROM pg_temp.tokens('spotify', 'renewal', 400, :'body') AS t;

\set body `cat :'fixtures'/youtube/token_refresh__joostlek.json`
SELECT 'youtube, renewed', t.* FROM pg_temp.tokens('youtube', 'renewal', 200, :'body') AS t;
-- as a library stores it: the scopes are an array
\set body `cat :'fixtures'/youtube/token_response__sns-sdks.json`
SELECT 'youtube, stored', t.* FROM pg_temp.tokens('youtube', 'code', 200, :'body') AS t;

-- a lifetime in a string
\set body `cat :'fixtures'/soundcloud/oauth_bundle_string_expires_in.json`
SELECT 'soundcloud', t.* FROM pg_temp.tokens('soundcloud', 'code', 200, :'body'::jsonb #>> '{items,0,contentJson}') AS t;

\set body `cat :'fixtures'/twitter/oauth_token_success_redacted.json`
SELECT 'twitter', t.* FROM pg_temp.tokens('twitter', 'code', 200, :'body') AS t;

\set body `cat :'fixtures'/facebook/long_lived_token.json`
SELECT 'facebook, exchanged', t.* FROM pg_temp.tokens('facebook', 'renewal', 200, :'body') AS t;

-- What Instagram gives for a code lives for an hour, and says so nowhere.
\set body `cat :'fixtures'/instagram/iglogin_short_token.json`
SELECT 'instagram, for a code', t.* FROM pg_temp.tokens('instagram', 'code', 200, :'body', '{"login": "instagram"}') AS t;
\set body `cat :'fixtures'/instagram/iglogin_oauth_code_error.json`
SELECT 'instagram, code refused', t.error_class, t.access_token, t.message
  FROM pg_temp.tokens('instagram', 'code', 400, :'body', '{"login": "instagram"}') AS t;

-- TikTok's first version is retired: what it says is not taken for tokens, and its tokens are not repeated.
\set body `cat :'fixtures'/tiktok/legacy_v1_token_success.json`
SELECT 'tiktok, first version', t.error_class, t.access_token, t.refresh_token, t.message FROM pg_temp.tokens('tiktok', 'code', 200, :'body') AS t;
\set body `cat :'fixtures'/tiktok/legacy_v1_refresh_token_expired.json`
SELECT 'tiktok, first version, ended', t.error_class, t.access_token, t.message FROM pg_temp.tokens('tiktok', 'renewal', 200, :'body') AS t;

-- The Pages of who consented, each with its own token; the link to more of them repeats the token of the request.
\set body `cat :'fixtures'/facebook/me_accounts_v23.json`
SELECT 'pages', pg_temp.pages(200, :'body', false);
\set body `cat :'fixtures'/facebook/me_accounts_paged_v11.json`
SELECT 'pages, more to come', pg_temp.pages(200, :'body', false);
SELECT 'no professional account among them', pg_temp.pages(200, :'body', true);
\set body `cat :'fixtures'/facebook/error_190_460.json`
SELECT 'pages, password changed', pg_temp.pages(400, :'body', false);
