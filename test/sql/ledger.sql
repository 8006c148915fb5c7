-- The ledger: what a day cost, which endpoint is slow, why an account is behind. The numbers are worked out by hand beside them.
\set ann '''00000000-0000-4000-8000-0000000000a1'''
\set bob '''00000000-0000-4000-8000-0000000000b2'''
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset format unaligned
\pset null -
SET TimeZone = 'Asia/Tokyo';    -- days are those of UTC, whoever asks
SET DateStyle = 'German';
BEGIN;
SET LOCAL dreamsuite.test_now = '2026-03-03 12:00:00+00';

-- ---- what a day cost

SELECT * FROM dreamsuite.collection_summary;
INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, finished_at, outcome, requests, bytes, quota_cost, error_class)
VALUES -- the first: three accounts (Ann twice), four runs of 1, 2, 4 and 9 s; the last second of the day counts
       (:ann, 'youtube', '2026-03-01', '2026-03-01 00:00:00+00', '2026-03-01 00:00:01+00', 'failed', 1, 100, 1, 'timeout'),
       (:ann, 'youtube', '2026-03-01', '2026-03-01 00:05:00+00', '2026-03-01 00:05:02+00', 'ok', 6, 9000, 8, NULL),
       (:bob, 'youtube', '2026-03-01', '2026-03-01 00:00:00+00', '2026-03-01 00:00:04+00', 'partial', 5, 7000, 7.5, 'permission'),
       ('00000000-0000-4000-8000-0000000000c3', 'youtube', '2026-03-02', '2026-03-01 23:59:59+00', '2026-03-02 00:00:08+00', 'failed', 3, 900, 3, 'timeout'),
       -- another platform; one that has no API
       (:ann, 'deezer', '2026-03-01', '2026-03-01 06:00:00+00', '2026-03-01 06:00:00.25+00', 'ok', 3, 500, 3, NULL),
       (:ann, 'amazon_music', '2026-03-01', '2026-03-01 06:00:00+00', '2026-03-01 06:00:00+00', 'placeholder', 0, 0, 0, NULL),
       -- by hand is no run of the collector
       (:bob, 'deezer', '2026-03-01', '2026-03-01 06:00:00+00', '2026-03-01 06:00:00+00', 'manual', 0, 0, 0, NULL),
       -- one that a crash broke off has no end, and no outcome
       (:bob, 'deezer', '2026-03-02', '2026-03-02 06:00:00+00', NULL, NULL, 2, 40, 2, NULL),
       -- errors: most first, then by name
       (:ann, 'tiktok', '2026-03-02', '2026-03-02 06:00:00+00', '2026-03-02 06:00:02+00', 'failed', 1, 10, 1, 'server_error'),
       (:bob, 'tiktok', '2026-03-02', '2026-03-02 06:00:00+00', '2026-03-02 06:00:04+00', 'failed', 1, 10, 1, 'network'),
       (:bob, 'tiktok', '2026-03-02', '2026-03-02 07:00:00+00', '2026-03-02 07:00:06+00', 'partial', 1, 10, 1, 'server_error');
-- youtube on the first: 15 requests, 17000 bytes, 19.5 units, the median of 1, 2, 4 and 9 s is 3
SELECT * FROM dreamsuite.collection_summary;

-- ---- which endpoint is slow

INSERT INTO dreamsuite.request_log (run_id, user_id, platform, endpoint, at, http_status, error_class, ms, bytes, quota_cost)
SELECT 1, :ann, 'youtube', 'channel', '2026-03-01 23:59:59+00', 200, 'ok', ms, 10, 1 FROM generate_series(10, 100, 10) AS ms;
INSERT INTO dreamsuite.request_log (run_id, user_id, platform, endpoint, at, http_status, error_class, ms, bytes, quota_cost)
VALUES (2, :bob, 'youtube', 'analytics', '2026-03-01 06:00:00+00', 503, 'server_error', 900, 0, 0),
       (2, :bob, 'youtube', 'analytics', '2026-03-01 06:00:02+00', NULL, 'timeout', 30000, 0, 0),
       (2, :bob, 'youtube', 'analytics', '2026-03-01 06:00:40+00', 200, 'ok', 300, 700, 0),
       (3, :ann, 'youtube', 'channel', '2026-03-02 00:00:00+00', 200, 'ok', 5, 10, 1);
-- of 10, 20, ... 100 the median is 55 and the 95th percentile 95.5; of 300, 900 and 30000 they are 900 and 27090
SELECT * FROM dreamsuite.endpoint_summary;

-- ---- why is an account behind

INSERT INTO dreamsuite.accounts (user_id, platform, status, status_reason, settings, connected_at)
SELECT :ann, p, s, r, z::jsonb, '2026-02-01'
  FROM (VALUES ('deezer', 'active', NULL, '{}'), ('youtube', 'active', NULL, '{}'), ('tiktok', 'active', NULL, '{}'),
               ('spotify', 'paused', 'paused by hand', '{}'), ('facebook', 'needs_reauth', 'the consent was withdrawn', '{}'),
               ('instagram', 'active', NULL, '{}'), ('twitter', 'active', NULL, '{}'), ('soundcloud', 'active', NULL, '{}'),
               ('tidal', 'active', NULL, '{}'), ('apple_music', 'failed', NULL, '{}'),
               ('amazon_music', 'active', NULL, '{"time_zone": "Pacific/Kiritimati"}')) AS a (p, s, r, z);
INSERT INTO dreamsuite.account_state (user_id, platform, done_on, next_due_at, blocked_until, lease_token, lease_until, attempts, last_outcome, last_error_class)
VALUES (:ann, 'deezer', '2026-03-03', '2026-03-04 06:00+00', NULL, NULL, NULL, 0, 'ok', NULL),                    -- done: not listed
       (:ann, 'youtube', '2026-03-01', '2026-03-03 12:30+00', NULL, NULL, NULL, 3, 'failed', 'server_error'),     -- two days behind
       (:ann, 'tiktok', '2026-03-01', '2026-03-03 13:00+00', '2026-03-03 14:00+00', NULL, NULL, 0, 'failed', 'rate_limited'),
       (:ann, 'spotify', '2026-02-20', NULL, NULL, NULL, NULL, 0, 'ok', NULL),
       (:ann, 'facebook', '2026-03-03', NULL, NULL, NULL, NULL, 0, 'failed', 'auth_revoked'),
       (:ann, 'instagram', '2026-02-28', '2026-03-03 06:00+00', NULL, gen_random_uuid(), now() + interval '1 hour', 1, 'ok', NULL),
       (:ann, 'twitter', '2026-02-27', '2026-03-03 11:00+00', NULL, NULL, NULL, 0, 'ok', NULL),
       (:ann, 'soundcloud', NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL),                                         -- never collected
       (:ann, 'tidal', '2026-02-26', '2026-03-03 11:00+00', NULL, NULL, NULL, 0, 'ok', NULL),
       (:ann, 'apple_music', '2026-02-25', NULL, NULL, NULL, NULL, 0, 'failed', 'permission'),
       (:ann, 'amazon_music', '2026-03-02', '2026-03-04 06:00+00', NULL, NULL, NULL, 0, 'placeholder', NULL);     -- its today is the 4th
INSERT INTO dreamsuite.platform_settings VALUES ('twitter', false);
INSERT INTO dreamsuite.bucket_state (bucket, platform, blocked_until, reason) VALUES ('tidal', 'tidal', '2026-03-03 18:00+00', 'too many requests');
SELECT platform, last_day, days_behind, last_outcome, last_error_class, attempts, next_try AT TIME ZONE 'UTC' AS next_try, reason
  FROM dreamsuite.stale_accounts;
-- yesterday that is done is not behind; the day before is
UPDATE dreamsuite.account_state SET done_on = '2026-03-02' WHERE platform = 'instagram';
SELECT count(*) FROM dreamsuite.stale_accounts WHERE platform = 'instagram';

-- ---- who may ask

-- ---- how many more accounts fit

-- X: 0.06 dollars and 3 requests a day at 10 requests a second; YouTube: 10,000 units a day at 8 for an account
INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, outcome, requests, quota_cost)
VALUES (:ann, 'twitter', current_date, now(), 'ok', 3, 0.06), (:ann, 'youtube', current_date, now(), 'ok', 9, 8);
SELECT bucket, used, "left", per_second, accounts, cost_per_account, accounts_that_fit FROM dreamsuite.quota_status() WHERE platform IN ('twitter', 'youtube');

CREATE ROLE ledger_all;
CREATE ROLE ledger_own;
SELECT dreamsuite.grant_access('ledger_all', all_users => true);
SELECT dreamsuite.grant_access('ledger_own');
SET LOCAL ROLE ledger_all;
SELECT (SELECT sum(accounts) FROM dreamsuite.collection_summary) AS accounts, (SELECT sum(requests) FROM dreamsuite.endpoint_summary) AS requests,
       (SELECT count(*) FROM dreamsuite.stale_accounts) AS stale;
-- a signed-in user reads his runs, and no summary of the house
SET LOCAL ROLE ledger_own;
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-4000-8000-0000000000b2"}';
SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.collection_runs;
SELECT count(*), count(DISTINCT user_id) FROM dreamsuite.request_log;
SAVEPOINT s;
SELECT FROM dreamsuite.collection_summary;
ROLLBACK TO s;
SELECT FROM dreamsuite.endpoint_summary;
ROLLBACK TO s;
SELECT FROM dreamsuite.stale_accounts;
ROLLBACK;
