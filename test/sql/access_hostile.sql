-- A search_path that somebody else arranged, operators and functions that shadow those of the server, tables of the same
-- names in pg_temp: nothing of them is ever called, and the answers stay the same.
\set VERBOSITY terse
\set SHOW_CONTEXT never
BEGIN;
LOAD 'dreamsuite';
SET LOCAL dreamsuite.test_now = '2026-03-02 12:00+00';
CREATE ROLE victim;
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO victim;
SELECT dreamsuite.grant_access('victim', all_users => true);

-- A trap for every function and operator of the server over the types that we use
CREATE TEMP TABLE types AS SELECT unnest('{uuid,text,name,date,timestamptz,interval,int4,int8,oid,numeric,float8,bool,jsonb,json,bytea,regclass,regrole,text[],uuid[],date[],int4[],float8[]}'::regtype[]) AS type;
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN
        SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, p.proretset, p.prorettype::regtype AS result
          FROM pg_proc p
         WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.provariadic = 0
           AND p.prorettype IN (SELECT type FROM types) AND p.proargmodes IS NULL
           AND p.proargtypes::oid[] <@ ARRAY(SELECT type::oid FROM types)
    LOOP
        EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s%s LANGUAGE plpgsql AS %L', f.proname, f.arguments,
                       CASE WHEN f.proretset THEN 'SETOF ' END, f.result, format('BEGIN RAISE EXCEPTION ''the trap %s was sprung''; END', f.proname));
    END LOOP;
    FOR f IN
        SELECT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, p.proname
          FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
         WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft IN (SELECT type FROM types) AND o.oprright IN (SELECT type FROM types)
           AND EXISTS (SELECT FROM pg_proc t WHERE t.pronamespace = 'hostile'::regnamespace AND t.proname = p.proname AND t.proargtypes = p.proargtypes)
    LOOP
        EXECUTE format('CREATE OPERATOR hostile.%s (FUNCTION = hostile.%I, LEFTARG = %s, RIGHTARG = %s)', f.oprname, f.proname, f.l, f.r);
    END LOOP;
END
$$;
SELECT count(*) > 500 AS functions FROM pg_proc WHERE pronamespace = 'hostile'::regnamespace;
SELECT count(*) > 100 AS operators FROM pg_operator WHERE oprnamespace = 'hostile'::regnamespace;
-- the traps work
SAVEPOINT s;
SET LOCAL search_path = hostile, pg_catalog;
SELECT '2026-03-01'::date = '2026-03-01'::date;
ROLLBACK TO s;

-- Tables that answer to our names
CREATE TEMP TABLE daily_metrics (LIKE dreamsuite.daily_metrics);
CREATE TEMP TABLE accounts (LIKE dreamsuite.accounts);
CREATE TEMP TABLE account_state (LIKE dreamsuite.account_state);
CREATE TEMP TABLE access_roles (role_name text, all_users boolean);
INSERT INTO access_roles VALUES ('victim', true);
CREATE TEMP TABLE pg_roles AS SELECT * FROM pg_catalog.pg_roles;
CREATE TEMP TABLE pg_extension AS SELECT * FROM pg_catalog.pg_extension;

INSERT INTO dreamsuite.accounts (user_id, platform, external_id, status) VALUES ('aaaaaaaa-0000-4000-8000-00000000000a', 'deezer', '27', 'active');
INSERT INTO dreamsuite.account_state (user_id, platform) VALUES ('aaaaaaaa-0000-4000-8000-00000000000a', 'deezer');
INSERT INTO dreamsuite.daily_metrics (user_id, platform, date, follower_count, metrics)
SELECT 'aaaaaaaa-0000-4000-8000-00000000000a', 'deezer', '2026-01-01'::date + i, 1000 + 3 * i, jsonb_build_object('fans_count', 1000 + 3 * i) FROM generate_series(0, 59) AS i;

CREATE FUNCTION pg_temp.sample(type regtype, name text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN name = 'user_id' THEN '''aaaaaaaa-0000-4000-8000-00000000000a''::pg_catalog.uuid'
                WHEN name = 'platform' THEN '''deezer''::pg_catalog.text'
                WHEN name = 'metric' THEN '''follower_count''::pg_catalog.text'
                WHEN name = 'metrics' AND type = 'jsonb'::regtype THEN '''{"fans_count": 7}''::pg_catalog.jsonb'
                WHEN name = 'schedule' THEN '''0 6 * * *''::pg_catalog.text'
                WHEN name = 'role' THEN '''victim''::pg_catalog.regrole'
                WHEN type = 'date'::regtype THEN '''2026-03-01''::pg_catalog.date'
                WHEN type = 'timestamptz'::regtype THEN '''2026-03-01 06:00+00''::pg_catalog.timestamptz'
                WHEN type = 'text'::regtype THEN '''x''::pg_catalog.text'
                WHEN type = 'jsonb'::regtype THEN '''{}''::pg_catalog.jsonb'
                WHEN type = 'uuid'::regtype THEN '''cccccccc-0000-4000-8000-00000000000c''::pg_catalog.uuid'
                WHEN type = 'boolean'::regtype THEN 'true'
                WHEN type = 'float8[]'::regtype THEN '''{1,2,3,5,4,6,8,9,7,8,10,12,11,13,15,14,16,18,17,19}''::pg_catalog.float8[]'
                WHEN type = 'uuid[]'::regtype THEN '''{aaaaaaaa-0000-4000-8000-00000000000a}''::pg_catalog.uuid[]'
                WHEN type = 'text[]'::regtype THEN '''{deezer}''::pg_catalog.text[]'
                WHEN type IN ('integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'float8'::regtype) THEN '1'
                ELSE 'NULL' END
$$;
CREATE TEMP TABLE calls AS
SELECT p.oid::regprocedure::text AS routine,
       format('SELECT pg_catalog.jsonb_agg(r)::pg_catalog.text FROM (SELECT * FROM dreamsuite.%I(%s)) AS r', p.proname,
              (SELECT string_agg(format('%I => %s', n.name, pg_temp.sample(n.type, n.name)), ', ')
                 FROM unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY AS n (name, type, place)
                WHERE n.name = 'user_id' OR n.place <= p.pronargs - p.pronargdefaults)) AS statement
  FROM dreamsuite.access_objects() AS o JOIN pg_proc p ON p.oid = o.object::regprocedure
 WHERE o.kind = 'ROUTINE' AND p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
   AND o.name NOT IN ('status', 'key_status', 'rotate_keys');
INSERT INTO calls SELECT o.object, format('SELECT pg_catalog.jsonb_agg(r)::pg_catalog.text FROM %s AS r', o.object)
  FROM dreamsuite.access_objects() AS o JOIN pg_class c ON c.oid = o.object::regclass WHERE o.kind = 'TABLE' AND c.relkind = 'v';
INSERT INTO calls VALUES ('delete a day', 'WITH d AS (DELETE FROM dreamsuite.daily_metrics RETURNING user_id) SELECT pg_catalog.max(d.user_id::text) FROM d'),
                         ('correct a day', 'WITH d AS (UPDATE dreamsuite.daily_metrics SET follower_count = 5 RETURNING user_id) SELECT pg_catalog.max(d.user_id::text) FROM d');

-- Runs it under a search_path and undoes it
CREATE FUNCTION pg_temp.under(path text, role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    BEGIN
        PERFORM pg_catalog.setseed(0.5);
        PERFORM pg_catalog.set_config('request.jwt.claims', '{"sub": "aaaaaaaa-0000-4000-8000-00000000000a"}', true);
        EXECUTE pg_catalog.format('SET LOCAL ROLE %I', role);
        PERFORM pg_catalog.set_config('search_path', path, true);
        EXECUTE statement INTO result;
        RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = COALESCE(result, 'null');
    EXCEPTION
        WHEN SQLSTATE 'ZZ000' THEN
            RETURN SQLERRM;
        WHEN OTHERS THEN
            RETURN SQLSTATE OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) SQLERRM;
    END;
END
$$;

-- ids are made at random, and are no part of an answer
CREATE FUNCTION pg_temp.plainly(answer text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(answer, '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-(?!00000000000a)[0-9a-f]{12}', '?', 'g')
$$;
SELECT c.routine, r.role, h.got, t.got AS wanted
  FROM calls AS c CROSS JOIN (VALUES ('postgres'), ('victim')) AS r (role)
 CROSS JOIN LATERAL (SELECT pg_temp.plainly(pg_temp.under('pg_catalog', CASE r.role WHEN 'postgres' THEN CURRENT_USER ELSE r.role END, c.statement))) AS t (got)
 CROSS JOIN LATERAL (SELECT pg_temp.plainly(pg_temp.under('hostile, pg_temp, pg_catalog', CASE r.role WHEN 'postgres' THEN CURRENT_USER ELSE r.role END, c.statement))) AS h (got)
 WHERE h.got IS DISTINCT FROM t.got;
-- the calls were worth making
SELECT count(*) FILTER (WHERE pg_temp.under('pg_catalog', CURRENT_USER, statement) !~ '^[0-9A-Z]{5} ') > 30 AS "answers" FROM calls;
ROLLBACK;

-- CREATE EXTENSION does not build on what somebody left for it
\set home :DBNAME
CREATE ROLE mallory;
CREATE DATABASE trap ENCODING 'UTF8' TEMPLATE template0;
\c trap
SET client_min_messages = error;
CREATE SCHEMA dreamsuite AUTHORIZATION mallory;
CREATE EXTENSION dreamsuite;
ALTER SCHEMA dreamsuite OWNER TO CURRENT_USER;
CREATE FUNCTION dreamsuite.current_user_id() RETURNS uuid LANGUAGE sql AS 'SELECT ''aaaaaaaa-0000-4000-8000-00000000000a''::uuid';
CREATE EXTENSION dreamsuite;
DROP FUNCTION dreamsuite.current_user_id();

-- and grants nothing to those that default privileges of the database favour
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
CREATE EXTENSION dreamsuite;
SELECT o.object FROM dreamsuite.access_objects() AS o
 WHERE CASE o.kind WHEN 'ROUTINE' THEN has_function_privilege('mallory', o.object, 'EXECUTE')
                   WHEN 'SEQUENCE' THEN has_sequence_privilege('mallory', o.object, 'SELECT, UPDATE, USAGE')
                   WHEN 'TYPE' THEN has_type_privilege('mallory', o.object, 'USAGE')
                   ELSE has_table_privilege('mallory', o.object, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') END;
\c :home
DROP DATABASE trap;
DROP ROLE mallory;
