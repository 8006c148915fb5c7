-- collect_due(): whose day is not done becomes due, by the day where the account lives.
\set one '''00000000-0000-4000-8000-000000000001'''
\set two '''00000000-0000-4000-8000-000000000002'''
SET dreamsuite.test_now = '2026-07-01T22:30:00Z';

-- the platform is switched off, so that nothing is collected here
INSERT INTO dreamsuite.platform_settings VALUES ('deezer', false);
SELECT dreamsuite.connect_account(:one, 'deezer', '27', settings => '{"time_zone": "CET"}');
SELECT dreamsuite.connect_account(:two, 'deezer', '28');
UPDATE dreamsuite.account_state SET next_due_at = NULL, done_on = '2026-07-01';

-- in summer it is past midnight in CET, the zone; in CET, the abbreviation, it would not be
SELECT dreamsuite.collect_due();
SELECT user_id, next_due_at IS NOT NULL AS due FROM dreamsuite.account_state ORDER BY user_id;
SELECT detail FROM dreamsuite.data_health(:one) WHERE item = 'account';

-- one account with a zone that the server lost does not keep the others from being collected
UPDATE dreamsuite.accounts SET settings = '{"time_zone": "Mars/Olympus"}' WHERE user_id = :one;
UPDATE dreamsuite.account_state SET next_due_at = NULL, done_on = CASE WHEN user_id = :one THEN date '2026-07-01' ELSE '2026-06-30' END;
SELECT dreamsuite.collect_due();
SELECT user_id, next_due_at IS NOT NULL AS due FROM dreamsuite.account_state ORDER BY user_id;
SELECT detail FROM dreamsuite.data_health(:one) WHERE item = 'account';

DELETE FROM dreamsuite.platform_settings;
SELECT dreamsuite.forget_user(:one), dreamsuite.forget_user(:two);
