-- Connecting by OAuth: apps, pages of consent, states. What is refused, each with its own reason, and never with a secret.
\set user '''00000000-0000-4000-8000-000000000001'''
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';

-- no collector runs here: what is due stays due
LOAD 'dreamsuite';
ALTER SYSTEM SET dreamsuite.enabled = off;
SELECT pg_reload_conf();
SELECT pg_sleep(0.2);

-- apps that are refused
SELECT dreamsuite.register_app(NULL, 'id', 'secret', 'https://app.example/back');
SELECT dreamsuite.register_app('myspace', 'id', 'secret', 'https://app.example/back');
SELECT dreamsuite.register_app('amazon_music', 'id', 'secret', 'https://app.example/back');
SELECT dreamsuite.register_app('tiktok', NULL, 'secret', 'https://app.example/back');
SELECT dreamsuite.register_app('tiktok', 'two words', 'secret', 'https://app.example/back');
SELECT dreamsuite.register_app('tiktok', 'id', NULL, 'https://app.example/back');
SELECT dreamsuite.register_app('tiktok', 'id', 'hidden value', 'https://app.example/back');
SELECT dreamsuite.register_app('tiktok', 'id', 'secret', NULL);
SELECT dreamsuite.register_app('tiktok', 'id', 'secret', 'http://app.example/back');
SELECT dreamsuite.register_app('tiktok', 'id', 'secret', 'http://127.0.0.1.app.example/back');
SELECT dreamsuite.register_app('tiktok', 'id', 'secret', 'https://app.example/back#here');
SELECT dreamsuite.register_app('tiktok', 'id', 'secret', 'https://app.example/back', '[]');
SELECT dreamsuite.register_app('tiktok', 'id', 'secret', 'https://app.example/back', '{"colour": "blue"}');
SELECT dreamsuite.register_app('tiktok', 'id', 'secret', 'https://app.example/back', '{"team_id": "A1B2C3D4E5"}');
SELECT dreamsuite.register_app('instagram', 'id', 'secret', 'https://app.example/back', '{"login": "google"}');
SELECT dreamsuite.register_app('apple_music', 'media.example', 'no key', NULL);
SELECT dreamsuite.register_app('apple_music', 'media.example', 'no key', NULL, '{"team_id": "A1B2C3D4E5", "key_id": "F6G7H8I9J0"}');
SELECT dreamsuite.register_app('apple_music', 'media.example', 'no key', NULL, '{"team_id": "short", "key_id": "F6G7H8I9J0"}');
SELECT count(*) AS apps FROM dreamsuite.apps;

-- without an app there is no page
SELECT dreamsuite.authorize_url('tiktok', :user);
SELECT count(*) AS accounts FROM dreamsuite.accounts;

-- apps
SELECT dreamsuite.register_app(p, 'id-of-' || p, 'secret-of-' || p, 'https://app.example/back?for=' || p)
  FROM unnest('{instagram,facebook,youtube,tiktok,soundcloud,deezer}'::text[]) p;
SELECT dreamsuite.register_app(p, 'id-of-' || p, NULL, 'http://127.0.0.1:8080/back')
  FROM unnest('{spotify,twitter,tidal}'::text[]) p;
SELECT platform, client_id, client_secret IS NOT NULL AS sealed, position('secret'::bytea IN client_secret) > 0 AS clear, redirect_uri, extra
  FROM dreamsuite.apps ORDER BY platform;

-- pages of consent, without what is random
CREATE FUNCTION masked(url text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(url, 'state=[A-Za-z0-9_-]{43}(&|$)', 'state=STATE\1'),
        'code_challenge=[0-9a-f]{64}(&|$)', 'code_challenge=HEX\1'), 'code_challenge=[A-Za-z0-9_-]{43}(&|$)', 'code_challenge=BASE64\1')
$$;
SELECT p || ': ' || masked(dreamsuite.authorize_url(p, :user)) AS page
  FROM unnest('{instagram,facebook,spotify,youtube,tiktok,soundcloud,twitter,deezer,tidal}'::text[]) p;
SELECT masked(dreamsuite.authorize_url('spotify', :user, '{user-follow-read,user-library-read}')) AS two_scopes;
SELECT masked(dreamsuite.authorize_url('spotify', :user, '{}')) AS no_scope;
SELECT dreamsuite.register_app('facebook', 'id-of-facebook', 'secret', 'https://app.example/back', '{"config_id": 4711}');
SELECT masked(dreamsuite.authorize_url('facebook', :user)) AS for_business;
SELECT dreamsuite.register_app('instagram', 'id-of-instagram', 'secret', 'https://app.example/back', '{"login": "instagram"}');
SELECT masked(dreamsuite.authorize_url('instagram', '00000000-0000-4000-8000-000000000002')) AS instagram_login;
SELECT settings FROM dreamsuite.accounts WHERE user_id = '00000000-0000-4000-8000-000000000002';
SELECT platform, status, external_id FROM dreamsuite.accounts WHERE user_id = :user ORDER BY platform;
SELECT count(*) AS states, count(DISTINCT state_hash) AS different, bool_and(octet_length(state_hash) = 32) AS hashed,
       count(verifier) AS verifiers, min(expires_at - created_at) AS life FROM dreamsuite.oauth_states;

-- pages that are refused
SELECT dreamsuite.authorize_url(NULL, :user);
SELECT dreamsuite.authorize_url('myspace', :user);
SELECT dreamsuite.authorize_url('amazon_music', :user);
SELECT dreamsuite.authorize_url('apple_music', :user);
SELECT dreamsuite.authorize_url('tiktok', NULL);
SELECT dreamsuite.authorize_url('tiktok');
SELECT dreamsuite.authorize_url('tiktok', :user, '{"two words"}');
SELECT dreamsuite.authorize_url('tiktok', :user, '{NULL}');

-- the user of the request
SELECT dreamsuite.current_user_id() IS NULL AS nobody;
SET request.jwt.claims = '{"sub": "00000000-0000-4000-8000-000000000003", "role": "authenticated"}';
SELECT dreamsuite.current_user_id();
SELECT masked(dreamsuite.authorize_url('tiktok')) AS for_the_user_of_the_request;
SELECT platform, status FROM dreamsuite.accounts WHERE user_id = dreamsuite.current_user_id();

-- states
CREATE FUNCTION state_of(url text) RETURNS text LANGUAGE sql AS $$ SELECT substring(url FROM 'state=([A-Za-z0-9_-]{43})') $$;
SELECT state_of(dreamsuite.authorize_url('tiktok')) AS state \gset
SELECT dreamsuite.complete_authorization(NULL, 'a-code');
SELECT dreamsuite.complete_authorization(:'state', NULL);
SELECT dreamsuite.complete_authorization(:'state', '');
SELECT dreamsuite.complete_authorization(:'state', 'two words');
SELECT dreamsuite.complete_authorization('forged', 'a-code');
SET request.jwt.claims = '{"sub": "00000000-0000-4000-8000-000000000004"}';
SELECT dreamsuite.complete_authorization(:'state', 'a-code');
RESET request.jwt.claims;
SET dreamsuite.test_now = '2100-01-01T00:00:00Z';
SELECT dreamsuite.complete_authorization(:'state', 'a-code');
RESET dreamsuite.test_now;
SELECT dreamsuite.complete_authorization(:'state', 'a%2Fcode%21#_');
SELECT dreamsuite.complete_authorization(:'state', 'a-code');
SELECT a.status, o.code IS NOT NULL AS sealed, position('code'::bytea IN o.code) > 0 AS clear, octet_length(o.code) - 45 AS length,
       s.next_due_at <= now() AS due
  FROM dreamsuite.oauth_states o JOIN dreamsuite.accounts a USING (user_id, platform) JOIN dreamsuite.account_state s USING (user_id, platform)
 WHERE o.completed_at IS NOT NULL;
SELECT state_of(dreamsuite.authorize_url('tiktok', '00000000-0000-4000-8000-000000000003')) AS later \gset
SELECT dreamsuite.complete_authorization(:'later', 'another-code');
SELECT count(*) AS completed, count(code) AS waiting FROM dreamsuite.oauth_states WHERE completed_at IS NOT NULL;

-- disconnecting leaves what can be revoked, sealed as it was
SELECT dreamsuite.connect_account(:user, 'tiktok', access_token => 'an-access-token', refresh_token => 'a-refresh-token');
SELECT dreamsuite.connect_account(:user, 'spotify', access_token => 'an-access-token');
SELECT dreamsuite.disconnect_account(:user, 'tiktok');
SELECT dreamsuite.disconnect_account(:user, 'spotify');
SELECT dreamsuite.disconnect_account(:user, 'youtube');
SELECT platform, access_token IS NOT NULL AS access, refresh_token IS NOT NULL AS refresh, attempts FROM dreamsuite.revocations;
SELECT dreamsuite.rotate_keys() > 0 AS rotated;
SELECT count(*) AS waiting_for_old_keys FROM dreamsuite.key_status() WHERE NOT is_current AND sealed_values > 0;
-- and so does forgetting the user
SELECT dreamsuite.connect_account(:user, 'tiktok', access_token => 'another-access-token');
SELECT dreamsuite.forget_user(:user) > 0 AS forgotten;
SELECT count(*) AS revocations FROM dreamsuite.revocations;
DELETE FROM dreamsuite.revocations;

SELECT count(dreamsuite.forget_user(u::uuid)) FROM unnest('{00000000-0000-4000-8000-000000000002,00000000-0000-4000-8000-000000000003}'::text[]) u;
DELETE FROM dreamsuite.apps;
DROP FUNCTION masked, state_of;
ALTER SYSTEM RESET dreamsuite.enabled;
SELECT pg_reload_conf();
