# The install script in the form that an update runs over what is there: see docs/releasing.md.
/^-- Install only/,/^-- End of install only/d
s/^CREATE TABLE /CREATE TABLE IF NOT EXISTS /
s/^CREATE INDEX /CREATE INDEX IF NOT EXISTS /
s/^CREATE FUNCTION /CREATE OR REPLACE FUNCTION /
s/^CREATE PROCEDURE /CREATE OR REPLACE PROCEDURE /
s/^CREATE VIEW /CREATE OR REPLACE VIEW /
s/^CREATE TRIGGER /CREATE OR REPLACE TRIGGER /
