-- Accounts: what connect_account() and its kin take, and what they refuse without changing anything.
\set user '''00000000-0000-4000-8000-000000000001'''
SET TimeZone = 'UTC';

-- each refused, each with its own reason
\set SHOW_CONTEXT never
SELECT dreamsuite.connect_account(NULL, 'deezer', '27');
SELECT dreamsuite.connect_account(:user, NULL, '27');
SELECT dreamsuite.connect_account(:user, 'myspace', '27');
SELECT dreamsuite.connect_account(:user, 'deezer', NULL);
SELECT dreamsuite.connect_account(:user, 'deezer', '');
SELECT dreamsuite.connect_account(:user, 'deezer', 'twenty seven');
SELECT dreamsuite.connect_account(:user, 'deezer', '27/../28');
SELECT dreamsuite.connect_account(:user, 'deezer', 'abc');
SELECT dreamsuite.connect_account(:user, 'deezer', '27', settings => '{"colour": "blue"}');
SELECT dreamsuite.connect_account(:user, 'deezer', '27', settings => '[1]');
SELECT dreamsuite.connect_account(:user, 'deezer', '27', settings => '{"time_zone": "Mars/Olympus"}');
SELECT dreamsuite.connect_account(:user, 'deezer', '27', settings => '{"tracked_playlists": "one"}');
SELECT dreamsuite.connect_account(:user, 'deezer', '27', settings => '{"profile_id": 1.5}');
SELECT dreamsuite.connect_account(:user, 'deezer', '27', settings => '{"login": "facebook"}');
SELECT dreamsuite.connect_account(:user, 'youtube', access_token => 'secret with blanks');
SELECT dreamsuite.connect_account(:user, 'youtube', refresh_token => '');
SELECT dreamsuite.pause_account(:user, 'deezer');
SELECT dreamsuite.pause_account(NULL, 'deezer');
SELECT dreamsuite.pause_account(:user, 'myspace');
SELECT dreamsuite.resume_account(:user, 'deezer');
SELECT dreamsuite.disconnect_account(:user, 'deezer');
SELECT dreamsuite.forget_user(NULL);
CALL dreamsuite.collect(:user);
CALL dreamsuite.collect(NULL, 'myspace');
BEGIN;
CALL dreamsuite.collect();
ROLLBACK;
SELECT count(*) AS accounts FROM dreamsuite.accounts;
SELECT count(*) AS states FROM dreamsuite.account_state;

-- the SQLSTATEs
CREATE FUNCTION sqlstate_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
SELECT statement, sqlstate_of(statement) FROM unnest(ARRAY[
    $$SELECT dreamsuite.connect_account(NULL, 'deezer', '27')$$,
    $$SELECT dreamsuite.connect_account('00000000-0000-4000-8000-000000000001', 'myspace', '27')$$,
    $$SELECT dreamsuite.connect_account('00000000-0000-4000-8000-000000000001', 'deezer', 'a b')$$,
    $$SELECT dreamsuite.connect_account('00000000-0000-4000-8000-000000000001', 'deezer', '27', settings => '{"x": 1}')$$,
    $$SELECT dreamsuite.pause_account('00000000-0000-4000-8000-000000000001', 'deezer')$$,
    $$CALL dreamsuite.collect('00000000-0000-4000-8000-000000000001')$$]) AS statement;
DROP FUNCTION sqlstate_of(text);

-- taken: ids as text or number, settings checked
SELECT dreamsuite.connect_account(:user, 'deezer', '27', settings => '{"profile_id": 2529, "tracked_playlists": [908622995, "1313621735"], "time_zone": "Europe/Berlin"}');
SELECT dreamsuite.connect_account(:user, 'youtube');
SELECT dreamsuite.connect_account(:user, 'amazon_music', 'B0EXAMPLE1');
SELECT platform, external_id, status, granted_scopes, settings FROM dreamsuite.accounts ORDER BY platform;
SELECT platform, next_due_at IS NOT NULL AS due, attempts FROM dreamsuite.account_state ORDER BY platform;

-- connecting again replaces the settings and keeps the id
SELECT dreamsuite.connect_account(:user, 'deezer', NULL, settings => '{"profile_id": "2529"}');
SELECT external_id, settings FROM dreamsuite.accounts WHERE platform = 'deezer';

-- pause and resume
SELECT dreamsuite.pause_account(:user, 'deezer');
SELECT dreamsuite.pause_account(:user, 'deezer');
SELECT a.status, a.status_reason, s.next_due_at FROM dreamsuite.accounts a JOIN dreamsuite.account_state s USING (user_id, platform) WHERE platform = 'deezer';
SELECT dreamsuite.resume_account(:user, 'deezer');
SELECT dreamsuite.resume_account(:user, 'youtube');
SELECT platform, a.status, a.status_reason, s.next_due_at IS NOT NULL AS due FROM dreamsuite.accounts a JOIN dreamsuite.account_state s USING (user_id, platform) ORDER BY platform;

-- forgetting
SELECT dreamsuite.disconnect_account(:user, 'youtube');
SELECT platform FROM dreamsuite.accounts ORDER BY platform;
SELECT dreamsuite.forget_user(:user);
SELECT count(*) FROM dreamsuite.accounts;

-- what is known is never overwritten by an unknown; lists keep their nulls
SELECT dreamsuite.merge_known('{"a": 1, "b": 2, "c": [1]}', '{"a": null, "b": 3, "c": [{"x": null}], "d": null}');
SELECT dreamsuite.merge_known('{"a": 1}', '[1]');

-- new settings leave an account that has its tokens as it is
SELECT dreamsuite.connect_account(:user, 'spotify', access_token => 'tok', scopes => '{user-read-private}');
-- scopes are words, and a token ends at a time or not at all
SELECT dreamsuite.connect_account(:user, 'spotify', access_token => 'tok', scopes => '{user-read-private,NULL}');
SELECT dreamsuite.connect_account(:user, 'spotify', access_token => 'tok', scopes => '{user-read-private user-follow-read}');
SELECT dreamsuite.connect_account(:user, 'spotify', access_token => 'tok', expires_at => 'infinity');
SELECT dreamsuite.connect_account(:user, 'spotify', access_token => 'tok', expires_at => '-infinity');
SELECT dreamsuite.connect_account(:user, 'spotify', settings => '{"artist_id": "0000000000000000000001"}');
SELECT status, granted_scopes, settings FROM dreamsuite.accounts WHERE platform = 'spotify';
SELECT dreamsuite.forget_user(:user);
