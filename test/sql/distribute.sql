-- Without Citus the tables stay where they are, and it is said what is missing.
\set SHOW_CONTEXT never
SELECT dreamsuite.distribute();
CREATE ROLE distribute_nobody;
GRANT USAGE ON SCHEMA dreamsuite TO distribute_nobody;
GRANT EXECUTE ON FUNCTION dreamsuite.distribute TO distribute_nobody;
SET ROLE distribute_nobody;
SELECT dreamsuite.distribute();
RESET ROLE;
REVOKE ALL ON FUNCTION dreamsuite.distribute FROM distribute_nobody;
REVOKE ALL ON SCHEMA dreamsuite FROM distribute_nobody;
DROP ROLE distribute_nobody;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'dreamsuite.daily_metrics'::regclass AND tgname LIKE 'repair%';
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'dreamsuite.daily_metrics'::regclass AND contype = 'p';

-- A stand-in for Citus, which is not here: it distributes nothing, but refuses what Citus documents to refuse. (Where Citus is
-- installed, test/t/063_citus.pl runs on it.)
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA citus_stand_in;
CREATE ROLE distribute_reader;
CREATE TEMP TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char", partkey text);
CREATE FUNCTION citus_stand_in.create_distributed_table(relation regclass, distribution_column text, colocate_with text DEFAULT 'default') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    place smallint := (SELECT attnum FROM pg_attribute WHERE attrelid = relation AND attname = distribution_column);
BEGIN
    IF EXISTS (SELECT FROM pg_index WHERE indrelid = relation AND (indisunique OR indisexclusion) AND NOT place = ANY (indkey::smallint[])) THEN
        RAISE EXCEPTION 'cannot create constraint on "%"', relation
            USING DETAIL = 'Distributed relations cannot have UNIQUE, EXCLUDE, or PRIMARY KEY constraints that do not include the partition column';
    END IF;
    IF NOT (SELECT attnotnull FROM pg_attribute WHERE attrelid = relation AND attnum = place) THEN
        RAISE EXCEPTION '"%" may be null in "%"', distribution_column, relation;
    END IF;
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal) THEN
        RAISE EXCEPTION 'triggers are not supported on distributed tables: "%"', relation;
    END IF;
    IF EXISTS (SELECT FROM pg_policy WHERE polrelid = relation AND pg_get_expr(polqual, polrelid) LIKE '%SELECT%') THEN
        RAISE EXCEPTION 'cannot create policy on "%"', relation USING DETAIL = 'Subqueries are not supported in policies on distributed tables';
    END IF;
    IF EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = relation AND k.contype = 'f'
                  AND NOT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = k.confrelid
                                     AND (p.partmethod = 'n' OR p.partmethod = 'h' AND place = ANY (k.conkey)))) THEN
        RAISE EXCEPTION 'cannot create foreign key constraint of "%"', relation
            USING DETAIL = 'A distributed table may reference reference tables, and co-located tables by the distribution column';
    END IF;
    IF colocate_with <> 'default' AND NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass AND partmethod = 'h') THEN
        RAISE EXCEPTION 'relation % is not distributed', colocate_with;
    END IF;
    INSERT INTO pg_dist_partition VALUES (relation, 'h', distribution_column);
END
$$;
CREATE FUNCTION citus_stand_in.create_reference_table(relation regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal) THEN
        RAISE EXCEPTION 'triggers are not supported on reference tables: "%"', relation;
    END IF;
    IF EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = relation AND k.contype = 'f'
                  AND NOT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = k.confrelid AND p.partmethod = 'n')) THEN
        RAISE EXCEPTION 'a reference table may reference reference tables alone: "%"', relation;
    END IF;
    INSERT INTO pg_dist_partition VALUES (relation, 'n', NULL);
END
$$;
CREATE FUNCTION citus_stand_in.truncate_local_data_after_distributing_table(relation regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = relation) THEN
        RAISE EXCEPTION 'supplied parameter is not a distributed relation: "%"', relation;
    END IF;
END
$$;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 'citus_stand_in'::regnamespace::oid, 'citus', 10, 'citus_stand_in'::regnamespace, false, 'stand-in';
INSERT INTO pg_depend
SELECT 'pg_proc'::regclass, 'citus_stand_in.create_distributed_table'::regproc, 0, 'pg_extension'::regclass, 'citus_stand_in'::regnamespace::oid, 0, 'e';

-- a key without the user, a row without one, a reference to a table of one node: nothing of it is distributed
SAVEPOINT whole;
ALTER TABLE dreamsuite.goals ADD UNIQUE (goal_id);
SELECT dreamsuite.distribute();
ROLLBACK TO whole;
CREATE TABLE kinds (kind text PRIMARY KEY);
ALTER TABLE dreamsuite.content_items ADD FOREIGN KEY (kind) REFERENCES kinds;
SELECT dreamsuite.distribute();
ROLLBACK TO whole;
CREATE TRIGGER watch BEFORE INSERT ON dreamsuite.goals FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT dreamsuite.distribute();
ROLLBACK TO whole;
INSERT INTO dreamsuite.daily_metrics (platform, date, metrics) VALUES ('deezer', '2026-01-01', '{}');
SELECT dreamsuite.distribute();
ROLLBACK TO whole;

-- what is shipped follows the rules; a second call leaves all as it is
SELECT dreamsuite.distribute();
SELECT dreamsuite.distribute();
SELECT logicalrelid, partmethod, partkey FROM pg_dist_partition ORDER BY logicalrelid::text;
-- every table with a user is distributed by it, every other one is everywhere
SELECT c.relname AS "is not where it should be"
  FROM pg_class AS c LEFT JOIN pg_dist_partition AS d ON d.logicalrelid = c.oid
 WHERE c.relnamespace = 'dreamsuite'::regnamespace AND c.relkind = 'r'
   AND d.partmethod IS DISTINCT FROM CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'user_id')
                                          THEN 'h' ELSE 'n' END;
-- what the triggers did is done by the functions
SELECT dreamsuite.grant_access('distribute_reader', all_users => true);
SELECT count(*) FROM pg_policy WHERE polname = 'all_users' AND NOT 'distribute_reader'::regrole = ANY (polroles);
SELECT dreamsuite.revoke_access('distribute_reader');
SELECT count(*) FROM pg_policy WHERE polname = 'all_users' AND 'distribute_reader'::regrole = ANY (polroles);
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'dreamsuite.oauth_states'::regclass AND contype = 'p';
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'dreamsuite.daily_metrics'::regclass AND contype = 'p';
SELECT DISTINCT pg_get_expr(p.polqual, p.polrelid) FROM pg_policy AS p JOIN pg_dist_partition AS d ON d.logicalrelid = p.polrelid WHERE p.polname = 'own_rows';
ROLLBACK;
