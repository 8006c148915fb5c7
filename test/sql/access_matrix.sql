-- Who may do what: every table, view, sequence, type and function of the extension, as each role that PostgREST would
-- play. The matrix comes from the catalog, so a new object without a rule fails here. Violations are printed, and nothing
-- else: an object that keeps its rule needs no line.
\set VERBOSITY terse
\set SHOW_CONTEXT never
BEGIN;
CREATE ROLE anon;
CREATE ROLE authenticated;
CREATE ROLE service_role;
CREATE ROLE plain;
SELECT dreamsuite.grant_access('authenticated');
SELECT dreamsuite.grant_access('service_role', all_users => true);

-- every object has a rule
SELECT kind, object AS "has no rule" FROM dreamsuite.access_objects() WHERE rule IS NULL;
-- and one alone
SELECT name AS "has two rules" FROM dreamsuite.access_rules() GROUP BY name HAVING count(*) > 1;
-- and none is left of an object that is gone
SELECT r.name AS "is gone" FROM dreamsuite.access_rules() AS r
 WHERE NOT EXISTS (SELECT FROM dreamsuite.access_objects() AS o WHERE o.name = r.name);
-- and no view shows more than its reader may see; those of 14 do, so that they have another rule there
SELECT o.object AS "shows everything" FROM dreamsuite.access_objects() AS o JOIN dreamsuite.access_rules() AS r USING (name)
 WHERE o.rule <> r.rule AND NOT (current_setting('server_version_num')::int < 150000 AND o.rule = 'all_users' AND o.object LIKE '%\_daily');

CREATE TEMP TABLE callers (caller text, role name, claims text, rules text[], sees uuid[]);
INSERT INTO callers VALUES
    ('anon', 'anon', '{"role": "anon"}', '{}', '{}'),
    ('nobody', 'authenticated', '', '{own,any}', '{}'),
    ('ann', 'authenticated', '{"sub": "aaaaaaaa-0000-4000-8000-00000000000a", "role": "authenticated"}', '{own,any}', '{aaaaaaaa-0000-4000-8000-00000000000a}'),
    ('bob', 'authenticated', '{"sub": "bbbbbbbb-0000-4000-8000-00000000000b", "role": "authenticated"}', '{own,any}', '{bbbbbbbb-0000-4000-8000-00000000000b}'),
    ('service', 'service_role', '{"role": "service_role"}', '{own,any,all_users}',
     '{aaaaaaaa-0000-4000-8000-00000000000a,bbbbbbbb-0000-4000-8000-00000000000b}'),
    ('plain', 'plain', '', '{}', '{}');

-- Runs a statement as a caller; its result as text, or its SQLSTATE and message. What it did is undone.
CREATE FUNCTION pg_temp.as_caller(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c      record;
    result text;
BEGIN
    SELECT * INTO STRICT c FROM callers WHERE caller = who;
    BEGIN
        PERFORM set_config('request.jwt.claims', c.claims, true);
        EXECUTE format('SET LOCAL ROLE %I', c.role);
        EXECUTE statement INTO result;
        RESET ROLE;
        RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = COALESCE(result, 'null');
    EXCEPTION
        WHEN SQLSTATE 'ZZ000' THEN
            RETURN SQLERRM;
        WHEN OTHERS THEN
            RETURN SQLSTATE || ' ' || SQLERRM;
    END;
END
$$;

-- A value of a type, for a column that wants one or an argument.
CREATE FUNCTION pg_temp.sample(type regtype, name text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN name = 'platform' THEN '''deezer''::text'
                WHEN name = 'kind' THEN '''track''::text'
                WHEN name IN ('metric', 'only_platform') THEN CASE name WHEN 'metric' THEN '''follower_count''::text' ELSE 'NULL' END
                WHEN type = 'date'::regtype THEN '''2026-03-01''::date'
                WHEN type = 'timestamptz'::regtype THEN '''2026-03-01 06:00+00''::timestamptz'
                WHEN type = 'text'::regtype THEN '''x''::text'
                WHEN type = 'jsonb'::regtype THEN '''{}''::jsonb'
                WHEN type = 'uuid'::regtype THEN 'gen_random_uuid()'
                WHEN type = 'bytea'::regtype THEN '''\x00''::bytea'
                WHEN type = 'boolean'::regtype THEN 'true'
                WHEN type IN ('integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'float8'::regtype) THEN '1::' || type
                ELSE 'NULL::' || type END
$$;

-- One row of each user in every table
DO $$
DECLARE
    t record;
    u uuid;
BEGIN
    FOR t IN
        SELECT c.oid::regclass AS relation, string_agg(quote_ident(a.attname), ', ') AS columns,
               string_agg(CASE WHEN a.attname = 'user_id' THEN '$1' ELSE pg_temp.sample(a.atttypid, a.attname) END, ', ') AS samples
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = ''
               AND (a.attname = 'user_id' OR (a.attnotnull AND NOT a.atthasdef) OR a.attname = 'follower_count')
         WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind = 'r'
           AND EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = c.oid AND b.attname = 'user_id')
         GROUP BY c.oid ORDER BY c.relname
    LOOP
        FOREACH u IN ARRAY '{aaaaaaaa-0000-4000-8000-00000000000a,bbbbbbbb-0000-4000-8000-00000000000b}'::uuid[] LOOP
            EXECUTE format('INSERT INTO %s (%s) VALUES (%s)', t.relation, t.columns,
                           CASE WHEN t.relation = 'dreamsuite.oauth_states'::regclass
                                THEN replace(t.samples, '''\x00''', format('''\x%s''', replace(u::text, '-', ''))) ELSE t.samples END) USING u;
        END LOOP;
    END LOOP;
END
$$;

-- ---- Tables and views: each caller sees its rows and no others, and writes none

SELECT c.caller, o.object, c.sees AS wanted,
       pg_temp.as_caller(c.caller, CASE WHEN u.has THEN
           format('SELECT COALESCE(array_agg(DISTINCT user_id ORDER BY user_id), ''{}'')::text FROM %s WHERE user_id IN (%L, %L)', o.object,
                  'aaaaaaaa-0000-4000-8000-00000000000a', 'bbbbbbbb-0000-4000-8000-00000000000b')
           ELSE format('SELECT count(*) >= 0 FROM %s', o.object) END) AS got
  INTO TEMP seen
  FROM dreamsuite.access_objects() AS o CROSS JOIN callers AS c
 CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = o.object::regclass AND a.attname = 'user_id')) AS u (has)
 WHERE o.kind = 'TABLE';
SELECT s.caller, s.object, s.got
  FROM seen AS s JOIN callers AS c USING (caller) JOIN dreamsuite.access_objects() AS o USING (object)
 WHERE CASE WHEN o.rule <> ALL (c.rules) THEN s.got NOT LIKE '42501 permission denied for %'
            WHEN s.got = 'true' THEN false
            WHEN o.object LIKE '%\_daily' AND o.object <> 'dreamsuite.deezer_daily' THEN s.got <> '{}'
            ELSE s.got <> s.wanted::text END;
-- the samples were there to be seen
SELECT caller, count(*) FILTER (WHERE got LIKE '{%aaaa%}') > 8 AS ann, count(*) FILTER (WHERE got LIKE '{%bbbb%}') > 8 AS bob FROM seen GROUP BY caller ORDER BY caller;

SELECT c.caller, o.object, w.statement, r.got
  FROM dreamsuite.access_objects() AS o CROSS JOIN callers AS c
  CROSS JOIN (VALUES ('INSERT INTO %s DEFAULT VALUES'), ('UPDATE %1$s SET %2$I = %2$I'), ('DELETE FROM %s'), ('TRUNCATE %s'),
                     ('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE'), ('ALTER TABLE %s DISABLE ROW LEVEL SECURITY')) AS w (statement)
  CROSS JOIN LATERAL (SELECT pg_temp.as_caller(c.caller, format(w.statement, o.object,
        (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = o.object::regclass AND a.attnum > 0 AND a.attidentity = '' ORDER BY a.attnum LIMIT 1)))) AS r (got)
 WHERE o.kind = 'TABLE' AND EXISTS (SELECT FROM pg_class k WHERE k.oid = o.object::regclass AND k.relkind = 'r')
   AND r.got NOT LIKE '42501 %';
SELECT c.caller, o.object FROM dreamsuite.access_objects() AS o CROSS JOIN callers AS c
 WHERE o.kind = 'TABLE'
   AND has_any_column_privilege(c.role, o.object, 'INSERT, UPDATE, REFERENCES');
SELECT c.caller, o.object FROM dreamsuite.access_objects() AS o CROSS JOIN callers AS c
 WHERE o.kind = 'SEQUENCE' AND has_sequence_privilege(c.role, o.object, 'USAGE, SELECT, UPDATE');

-- every table is under row level security, and those with a user have the two policies
SELECT c.relname AS "without row level security" FROM pg_class c
 WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity;
SELECT o.object, p.policies
  FROM dreamsuite.access_objects() AS o
  JOIN pg_class c ON c.oid = o.object::regclass AND c.relkind IN ('r', 'p')
  CROSS JOIN LATERAL (SELECT string_agg(y.polname, ' ' ORDER BY y.polname) FROM pg_policy y WHERE y.polrelid = c.oid) AS p (policies)
 WHERE o.kind = 'TABLE'
   AND p.policies IS DISTINCT FROM CASE o.rule WHEN 'own' THEN 'all_users own_rows' WHEN 'all_users' THEN 'all_users' END;

-- ---- Functions and types: granted as their rule says, to nobody else

SELECT c.caller, o.object, o.rule, g.granted
  FROM dreamsuite.access_objects() AS o CROSS JOIN callers AS c
 CROSS JOIN LATERAL (SELECT CASE o.kind WHEN 'ROUTINE' THEN has_function_privilege(c.role, o.object, 'EXECUTE')
                                        ELSE has_type_privilege(c.role, o.object, 'USAGE') END) AS g (granted)
 WHERE o.kind IN ('ROUTINE', 'TYPE') AND g.granted <> (o.rule = ANY (c.rules));
SELECT c.caller, has_schema_privilege(c.role, 'dreamsuite', 'USAGE') AS usage, has_schema_privilege(c.role, 'dreamsuite', 'CREATE') AS "create" FROM callers AS c ORDER BY 1;

-- what runs with the rights of the owner cannot be led astray, and is for its rule's callers alone
SELECT o.object AS "search_path is not pinned" FROM dreamsuite.access_objects() AS o JOIN pg_proc p ON p.oid = o.object::regprocedure
 WHERE o.kind = 'ROUTINE' AND (p.prosecdef OR p.prolang IN (SELECT l.oid FROM pg_language l WHERE l.lanname IN ('sql', 'plpgsql')))
   AND NOT 'search_path=pg_catalog, pg_temp' = ANY (COALESCE(p.proconfig, '{}'));
SELECT o.object AS "reads past the policies" FROM dreamsuite.access_objects() AS o JOIN pg_proc p ON p.oid = o.object::regprocedure
 WHERE o.kind = 'ROUTINE' AND p.prosecdef AND o.rule IN ('own', 'any') AND p.provolatile <> 'v' AND o.name <> 'sees_all_users';

-- ---- Calls: every function with a user_id that a signed-in user may call

CREATE FUNCTION pg_temp.call_of(routine regprocedure, u text) RETURNS text LANGUAGE sql AS $$
    SELECT format('SELECT pg_catalog.jsonb_agg(r)::text FROM (SELECT * FROM dreamsuite.%I(%s)) AS r', p.proname,
                  string_agg(format('%I => %s', n.name, CASE n.name WHEN 'user_id' THEN quote_literal(u) || '::uuid' ELSE pg_temp.sample(n.type, n.name) END), ', '))
      FROM pg_proc p
     CROSS JOIN LATERAL unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY AS n (name, type, place)
     WHERE p.oid = routine AND (n.name = 'user_id' OR n.place <= p.pronargs - p.pronargdefaults)
     GROUP BY p.proname
$$;
SELECT o.object, p.prosecdef, p.oid::regprocedure AS routine
  INTO TEMP personal
  FROM dreamsuite.access_objects() AS o JOIN pg_proc p ON p.oid = o.object::regprocedure
 WHERE o.kind = 'ROUTINE' AND o.rule = 'own' AND 'user_id' = ANY (p.proargnames[:p.pronargs]) AND o.name <> 'growth_row';
SELECT count(*) >= 4 AS "writing functions", count(*) FILTER (WHERE NOT prosecdef) >= 4 AS "reading functions" FROM personal;

-- writing for somebody else is refused before anything else is looked at
SELECT f.object, r.got FROM personal AS f
 CROSS JOIN LATERAL (SELECT pg_temp.as_caller('ann', pg_temp.call_of(f.routine, 'bbbbbbbb-0000-4000-8000-00000000000b'))) AS r (got)
 WHERE f.prosecdef AND r.got <> '42501 permission denied for user "bbbbbbbb-0000-4000-8000-00000000000b"';
SELECT f.object, r.got FROM personal AS f
 CROSS JOIN LATERAL (SELECT pg_temp.as_caller('nobody', pg_temp.call_of(f.routine, 'bbbbbbbb-0000-4000-8000-00000000000b'))) AS r (got)
 WHERE f.prosecdef AND r.got <> '42501 permission denied for user "bbbbbbbb-0000-4000-8000-00000000000b"';
-- for oneself, and for all users, it is not
SELECT c.caller, f.object, r.got FROM personal AS f CROSS JOIN (VALUES ('bob'), ('service')) AS c (caller)
 CROSS JOIN LATERAL (SELECT pg_temp.as_caller(c.caller, pg_temp.call_of(f.routine, 'bbbbbbbb-0000-4000-8000-00000000000b'))) AS r (got)
 WHERE r.got LIKE '42501 %';
-- asking about somebody else tells as much as asking about a user who never was
SELECT f.object, other.got AS other, stranger.got AS stranger FROM personal AS f
 CROSS JOIN LATERAL (SELECT replace(pg_temp.as_caller('ann', pg_temp.call_of(f.routine, 'bbbbbbbb-0000-4000-8000-00000000000b')), 'bbbbbbbb-0000-4000-8000-00000000000b', '?')) AS other (got)
 CROSS JOIN LATERAL (SELECT replace(pg_temp.as_caller('ann', pg_temp.call_of(f.routine, 'cccccccc-0000-4000-8000-00000000000c')), 'cccccccc-0000-4000-8000-00000000000c', '?')) AS stranger (got)
 WHERE NOT f.prosecdef AND other.got IS DISTINCT FROM stranger.got;
-- though there is something to be told
SELECT count(*) > 0 AS "bob hears of himself" FROM personal AS f
 WHERE NOT f.prosecdef AND pg_temp.as_caller('bob', pg_temp.call_of(f.routine, 'bbbbbbbb-0000-4000-8000-00000000000b'))
    IS DISTINCT FROM pg_temp.as_caller('ann', pg_temp.call_of(f.routine, 'bbbbbbbb-0000-4000-8000-00000000000b'));

-- ---- What names its user by something else: a goal, a state

SELECT format('SELECT dreamsuite.drop_goal(%L)::text', goal_id) AS drop_goal FROM dreamsuite.goals WHERE user_id = 'bbbbbbbb-0000-4000-8000-00000000000b' \gset
SELECT caller, regexp_replace(pg_temp.as_caller(caller, :'drop_goal'), '"[0-9a-f-]{36}"', '?') AS "drops a goal of bob" FROM callers WHERE caller IN ('ann', 'bob', 'nobody', 'service') ORDER BY 1;
SELECT dreamsuite.register_app('spotify', 'client', 'secret', 'https://example.org/callback');
SELECT format('SELECT dreamsuite.complete_authorization(%L, ''code'')::text', substring(dreamsuite.authorize_url('spotify', 'bbbbbbbb-0000-4000-8000-00000000000b') FROM 'state=([^&]*)')) AS complete \gset
SELECT caller, pg_temp.as_caller(caller, :'complete') AS "ends what bob began" FROM callers WHERE caller IN ('ann', 'bob', 'nobody', 'service') ORDER BY 1;
SELECT caller, left(pg_temp.as_caller(caller, 'SELECT dreamsuite.authorize_url(''spotify'')'), 62) AS "begins" FROM callers WHERE caller IN ('ann', 'anon', 'bob', 'nobody', 'service') ORDER BY 1;

-- ---- growth() over "every row the caller may see", on both of its ways

SELECT caller, pg_temp.as_caller(caller, 'SELECT count(DISTINCT user_id) FROM dreamsuite.growth() WHERE user_id IN (''aaaaaaaa-0000-4000-8000-00000000000a'', ''bbbbbbbb-0000-4000-8000-00000000000b'')') AS "in FROM",
       pg_temp.as_caller(caller, 'SELECT count(DISTINCT (g).user_id) FROM (SELECT dreamsuite.growth() AS g OFFSET 0) AS s WHERE (g).user_id IN (''aaaaaaaa-0000-4000-8000-00000000000a'', ''bbbbbbbb-0000-4000-8000-00000000000b'')') AS "in SELECT"
  FROM callers ORDER BY caller;

-- ---- One session plays many: a plan that was made for one role or user serves no other

CREATE FUNCTION pg_temp.turns() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    FOR i IN 1 .. 7 LOOP   -- more than the five that custom plans are tried for
        FOR c IN SELECT * FROM callers WHERE role IN ('authenticated', 'service_role') ORDER BY caller LOOP
            PERFORM set_config('request.jwt.claims', c.claims, true);
            EXECUTE format('SET LOCAL ROLE %I', c.role);
            RETURN NEXT c.caller || ' ' || (SELECT count(DISTINCT user_id) FROM dreamsuite.accounts WHERE user_id IN ('aaaaaaaa-0000-4000-8000-00000000000a', 'bbbbbbbb-0000-4000-8000-00000000000b'))
                || ' ' || (SELECT count(*) FROM dreamsuite.metric_series('bbbbbbbb-0000-4000-8000-00000000000b', 'deezer', 'follower_count'));
            RESET ROLE;
        END LOOP;
    END LOOP;
END
$$;
SELECT turn, count(*) FROM pg_temp.turns() AS turn GROUP BY turn ORDER BY turn;

-- ---- Claims that name nobody

INSERT INTO callers VALUES ('no sub', 'authenticated', '{"role": "authenticated"}'), ('null sub', 'authenticated', '{"sub": null}'),
    ('empty sub', 'authenticated', '{"sub": ""}'), ('not a uuid', 'authenticated', '{"sub": "auth0|1"}'), ('not an object', 'authenticated', '[1]'), ('not json', 'authenticated', 'x');
SELECT caller, pg_temp.as_caller(caller, 'SELECT count(*) FROM dreamsuite.daily_metrics') AS got FROM callers WHERE rules IS NULL ORDER BY caller;

-- ---- Less is granted by a second call, nothing is left by revoke_access

SELECT dreamsuite.grant_access('service_role');
SELECT pg_temp.as_caller('service', 'SELECT count(*) FROM dreamsuite.accounts') AS rows, pg_temp.as_caller('service', 'SELECT dreamsuite.collect_due()') AS due;
SELECT dreamsuite.revoke_access('service_role');
SELECT pg_temp.as_caller('service', 'SELECT count(*) FROM dreamsuite.accounts') AS rows;
SELECT dreamsuite.revoke_access('authenticated');
SELECT role_name FROM dreamsuite.access_roles;
SELECT count(*) AS "dependencies of the roles" FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass
   AND refobjid IN ('anon'::regrole, 'authenticated'::regrole, 'service_role'::regrole, 'plain'::regrole);

-- ---- Membership counts, as everywhere in PostgreSQL

SELECT dreamsuite.grant_access('service_role', all_users => true);
GRANT service_role TO plain;
SELECT pg_temp.as_caller('plain', 'SELECT count(DISTINCT user_id) FROM dreamsuite.accounts WHERE user_id IN (''aaaaaaaa-0000-4000-8000-00000000000a'', ''bbbbbbbb-0000-4000-8000-00000000000b'')') AS rows,
       pg_temp.as_caller('plain', 'SELECT dreamsuite.pause_account(''aaaaaaaa-0000-4000-8000-00000000000a'', ''deezer'')::text') AS paused;

-- ---- Errors

SAVEPOINT s;
SELECT dreamsuite.grant_access(NULL);
ROLLBACK TO s;
SELECT dreamsuite.grant_access('plain', NULL);
ROLLBACK TO s;
SELECT dreamsuite.grant_access('nobody at all');
ROLLBACK TO s;
\set VERBOSITY default
SET LOCAL ROLE plain;
SELECT dreamsuite.grant_access('plain');
ROLLBACK TO s;
GRANT EXECUTE ON FUNCTION dreamsuite.grant_access(regrole, boolean), dreamsuite.revoke_access(regrole) TO plain;
SET LOCAL ROLE plain;
SELECT dreamsuite.grant_access('plain');
ROLLBACK TO s;
SELECT dreamsuite.grant_access('authenticated');
SET LOCAL ROLE authenticated;
SET LOCAL request.jwt.claims = '{"sub": "aaaaaaaa-0000-4000-8000-00000000000a"}';
SELECT dreamsuite.pause_account('bbbbbbbb-0000-4000-8000-00000000000b', 'deezer');
ROLLBACK TO s;
SELECT dreamsuite.grant_access('authenticated');
SET LOCAL ROLE authenticated;
SELECT dreamsuite.pause_account('bbbbbbbb-0000-4000-8000-00000000000b', 'deezer');
ROLLBACK;
