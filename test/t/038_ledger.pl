# The ledger is pruned by dreamsuite.run_retention, a batch at a time, and waits for nobody meanwhile.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my $node = new_node('ledger', "shared_preload_libraries = 'dreamsuite'", "dreamsuite.databases = ''", 'log_statement = none');
my $ann = user_id(1);

sub sql { return $node->safe_psql('postgres', $_[0]); }

sql(<<"SQL");
INSERT INTO dreamsuite.request_log (run_id, user_id, platform, endpoint, at, error_class)
SELECT i, '$ann', 'deezer', 'artist', now() - interval '31 days' - i * interval '1 s', 'ok' FROM generate_series(1, 12000) i;
INSERT INTO dreamsuite.request_log (run_id, user_id, platform, endpoint, at, error_class)
SELECT i, '$ann', 'deezer', 'artist', now() - interval '29 days', 'ok' FROM generate_series(1, 10) i;
INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, outcome)
SELECT '$ann', 'deezer', current_date - 31 - i % 3, now() - interval '31 days' - i * interval '1 s', 'ok' FROM generate_series(1, 300) i;
INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, outcome)
SELECT '$ann', 'deezer', current_date, now() - interval '29 days', 'ok' FROM generate_series(1, 5) i;
INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, outcome)
SELECT '$ann', 'deezer', current_date - i, now() - i * interval '1 day', 'manual' FROM generate_series(1, 60) i;
CREATE TABLE removed (xid xid8 DEFAULT pg_current_xact_id(), n bigint);
CREATE FUNCTION note_removed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.removed (n) SELECT count(*) FROM gone; RETURN NULL; END';
CREATE TRIGGER note_removed AFTER DELETE ON dreamsuite.request_log REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_removed();
SQL
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; SELECT FROM dreamsuite.request_log WHERE run_id = 7 AND at < now() - interval '30 days' FOR UPDATE");
sql("ALTER SYSTEM SET dreamsuite.run_retention = 30");
sql("ALTER SYSTEM SET dreamsuite.databases = 'postgres'");
sql('SELECT pg_reload_conf()');

ok(eventually($node, "SELECT count(*) FROM dreamsuite.request_log WHERE at < now() - interval '30 days'", '1', 70), 'old requests go, but for one that somebody holds');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.collection_runs WHERE started_at < now() - interval '30 days'", '0'), 'so do old runs');
is(sql('SELECT (SELECT count(*) FROM dreamsuite.request_log), (SELECT count(*) FROM dreamsuite.collection_runs)'), '11|34', 'what is younger stays');
is(sql('SELECT max(n), sum(n), count(DISTINCT xid) = count(*) FROM removed WHERE n > 0'), '5000|11999|t', 'never more than 5,000 in a transaction');
$holder->query_safe('COMMIT');
$holder->quit;
sql('SELECT pg_reload_conf()');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.request_log WHERE at < now() - interval '30 days'", '0'), 'the last one goes when it is free');

# ---- a platform corrects the last two weeks: until then it must be known which of their days were recorded by hand

sql('ALTER SYSTEM SET dreamsuite.run_retention = 1');
sql('SELECT pg_reload_conf()');
ok(eventually($node, "SELECT count(*) FROM dreamsuite.collection_runs WHERE started_at < now() - interval '1 day' AND outcome <> 'manual'", '0'), 'runs of the collector go after a day');
ok(eventually($node, "SELECT max(current_date - date) < 20 FROM dreamsuite.collection_runs", 't'), 'those by hand later');
is(sql("SELECT count(*) FROM dreamsuite.collection_runs WHERE outcome = 'manual' AND date >= current_date - 14"), '14', 'and none of the last two weeks');

$node->stop;
done_testing();
