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
