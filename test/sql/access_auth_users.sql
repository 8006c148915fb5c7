-- Supabase keeps its users in auth.users: there, a user who is deleted is forgotten here.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set home :DBNAME
SELECT dreamsuite.link_auth_users();

CREATE DATABASE supabase ENCODING 'UTF8' TEMPLATE template0;
\c supabase
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);

-- CREATE EXTENSION finds the table
CREATE EXTENSION dreamsuite;
SELECT c.oid::regclass AS "not linked" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id'
 WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p')
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid = 'auth.users'::regclass AND k.confdeltype = 'c' AND k.convalidated);
SELECT count(*) >= 12 AS linked FROM pg_constraint WHERE confrelid = 'auth.users'::regclass;
-- again changes nothing
SELECT dreamsuite.link_auth_users();
SELECT count(DISTINCT conrelid) = count(*) AS once FROM pg_constraint WHERE confrelid = 'auth.users'::regclass;

\set VERBOSITY sqlstate
SELECT dreamsuite.connect_account('aaaaaaaa-0000-4000-8000-00000000000a', 'deezer', '27');
\set VERBOSITY default
INSERT INTO auth.users VALUES ('aaaaaaaa-0000-4000-8000-00000000000a', 'ann'), ('bbbbbbbb-0000-4000-8000-00000000000b', 'bob');
SELECT dreamsuite.connect_account(id, 'deezer', '27') FROM auth.users;
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, metrics) SELECT id, 'deezer', '2026-03-01', '{}' FROM auth.users;
DELETE FROM auth.users WHERE email = 'ann';
SELECT 'accounts' AS "table", user_id FROM dreamsuite.accounts UNION ALL SELECT 'account_state', user_id FROM dreamsuite.account_state
UNION ALL SELECT 'daily_metrics', user_id FROM dreamsuite.daily_metrics ORDER BY 1;

-- later: users that are nowhere are named first
DROP EXTENSION dreamsuite;
ALTER SCHEMA auth RENAME TO auth_later;
CREATE EXTENSION dreamsuite;
SELECT count(*) FROM pg_constraint WHERE confrelid = 'auth_later.users'::regclass;
SELECT dreamsuite.connect_account('aaaaaaaa-0000-4000-8000-00000000000a', 'deezer', '27');
ALTER SCHEMA auth_later RENAME TO auth;
SELECT dreamsuite.link_auth_users();
SELECT count(*) FROM pg_constraint WHERE confrelid = 'auth.users'::regclass;
SELECT dreamsuite.forget_user('aaaaaaaa-0000-4000-8000-00000000000a');
SELECT dreamsuite.link_auth_users();
SELECT count(*) >= 12 AS linked FROM pg_constraint WHERE confrelid = 'auth.users'::regclass;

-- a table of that name that is something else
DROP EXTENSION dreamsuite;
DROP TABLE auth.users;
CREATE TABLE auth.users (id bigint PRIMARY KEY);
CREATE EXTENSION dreamsuite;
SELECT dreamsuite.link_auth_users();
\c :home
DROP DATABASE supabase;
