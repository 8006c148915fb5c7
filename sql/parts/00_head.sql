-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION dreamsuite" to load this file. \quit

CREATE FUNCTION check_encoding() RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_check_encoding' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION check_encoding() IS 'Raises an error unless the database is in UTF8.';
SELECT check_encoding();

