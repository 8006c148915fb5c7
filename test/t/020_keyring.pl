# The keyring file: made once, closed to others, outside of the data directory; lost, wrong and rotated keys.
use strict;
use warnings;

use Fcntl ':flock';
use File::Basename;
use File::stat;
use POSIX 'mkfifo';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $probe = $ENV{SEAL_PROBE};
plan skip_all => 'SEAL_PROBE does not name the library of test/modules/seal_probe' unless $probe;

my $ann = "'11111111-1111-1111-1111-111111111111'";
my $bob = "'22222222-2222-2222-2222-222222222222'";
my %raw = ($ann => "'\\x" . '11' x 16 . "'::bytea", $bob => "'\\x" . '22' x 16 . "'::bytea");

my $node = PostgreSQL::Test::Cluster->new('keyring');
$node->init(extra => [ "--encoding=UTF8", "--locale=C.UTF-8" ]);
$node->append_conf('postgresql.conf', "session_preload_libraries = dreamsuite\nlog_min_messages = debug5\nlog_error_verbosity = verbose\n");
$node->start;
my $data = $node->safe_psql('postgres', 'SHOW data_directory');
my $default = "$data.keyring";

# Runs SQL; returns its output, and on an error its message, detail and hint.
sub run
{
	my ($sql, %options) = @_;
	my ($code, $out, $err) =
	  $node->psql($options{database} // 'postgres', $sql, extra_params => ['-v', 'VERBOSITY=verbose']);
	return $code == 0 ? $out : $err;
}

sub write_file
{
	my ($path, $text, $mode) = @_;
	unlink $path;
	open my $file, '>', $path or die "$path: $!";
	print $file $text;
	close $file;
	chmod $mode // 0600, $path;
	return;
}

sub seal { return "probe_seal('A', $raw{$_[0]}, 'tiktok', '$_[1]', '$_[2]')"; }
sub opens { return "probe_opens('A', $raw{$_[0]}, 'tiktok', '$_[1]', $_[1], '$_[2]')"; }

sub prepare
{
	my ($database) = @_;
	run(<<"SQL", database => $database);
CREATE EXTENSION IF NOT EXISTS dreamsuite;
CREATE FUNCTION probe_seal("char", bytea, text, text, text) RETURNS bytea AS '$probe' LANGUAGE C VOLATILE;
CREATE FUNCTION probe_opens("char", bytea, text, text, bytea, text) RETURNS boolean AS '$probe' LANGUAGE C VOLATILE;
CREATE FUNCTION probe_wipes("char", bytea, text, text, bytea) RETURNS boolean AS '$probe' LANGUAGE C VOLATILE;
SQL
	return;
}
prepare('postgres');

# Nothing sealed yet
is(run('SELECT key_id IS NULL, loaded, is_current, sealed_values, hint FROM dreamsuite.key_status()'),
	't|f|f|0|The file is made when something is sealed first.', 'no file is made by looking');
ok(!-e $default, 'there is no file before the first use');

# First use, by several backends at once
$node->pgbench(
	'--no-vacuum --client=8 --jobs=2 --transactions=1',
	0, [qr{processed: 8/8}], [qr{^$}],
	'eight backends seal their first value at once',
	{ first_use => "INSERT INTO dreamsuite.account_secrets (user_id, platform, access_token) VALUES "
		  . "(pg_catalog.gen_random_uuid(), 'deezer', " . seal($ann, 'access_token', 'first') . ");\n" });
ok(-f $default, 'the file is made beside the data directory');
is(sprintf('%04o', stat($default)->mode & 07777), '0600', 'its mode is 0600');
my @left = glob "$default.*";
is(scalar @left, 0, 'nothing else is left beside it');
my $lines = () = slurp_file($default) =~ /^\d+ /mg;
is($lines, 1, 'a race for the first use ends with one key');
is(run("SELECT count(DISTINCT substr(access_token, 1, 5)) FROM dreamsuite.account_secrets"), '1', 'all used it');
is(run('SELECT count(*) FROM dreamsuite.key_checks'), '1', 'one check value is kept');
run('TRUNCATE dreamsuite.account_secrets');

# What opens, and what does not
run("INSERT INTO dreamsuite.account_secrets (user_id, platform, access_token, refresh_token) VALUES "
	  . "($ann, 'tiktok', " . seal($ann, 'access_token', 'ann-access-7f3a') . ", " . seal($ann, 'refresh_token', 'ann-refresh-19bc') . "), "
	  . "($bob, 'tiktok', " . seal($bob, 'access_token', 'bob-access-5e01') . ", NULL)");
my $from = 'FROM dreamsuite.account_secrets WHERE user_id =';
is(run('SELECT ' . opens($ann, 'access_token', 'ann-access-7f3a') . " $from $ann"), 't', 'a sealed value opens');
is(run('SELECT ' . opens($ann, 'access_token', 'other') . " $from $ann"), 'f', 'to itself alone');
is(run("SELECT probe_wipes('A', $raw{$ann}, 'tiktok', 'access_token', access_token) $from $ann"), 't',
	'it is wiped with its memory context');
like(run('SELECT ' . opens($bob, 'access_token', 'ann-access-7f3a') . " $from $ann"),
	qr/XX001: sealed "access_token" of platform "tiktok" failed authentication/, 'it does not open for another user');
like(run("SELECT probe_opens('A', $raw{$ann}, 'tiktok', 'refresh_token', access_token, '') $from $ann"),
	qr/XX001: .*failed authentication/, 'nor in another column');
like(run("SELECT probe_opens('A', $raw{$ann}, 'tiktok', 'access_token', '\\x0102', '')"),
	qr/XX001: .*is damaged/, 'what is no envelope is damaged');
is(run("SELECT position('ann-access-7f3a'::bytea IN access_token) $from $ann"), '0', 'no clear text is stored');
is(run("SELECT probe_opens('A', $raw{$ann}, 'tiktok', 'f', probe_seal('A', $raw{$ann}, 'tiktok', 'f', repeat('x', 8192)), repeat('x', 8192))"),
	't', 'a secret of 8 kB');
like(run("SELECT probe_seal('A', $raw{$ann}, 'tiktok', 'f', repeat('x', 65537))"), qr/54000: secret "f" is too long/,
	'a secret that is too long is refused');

# A file that others can read, that is inside, or that is nonsense
chmod 0644, $default;
like(run('SELECT ' . opens($ann, 'access_token', 'ann-access-7f3a') . " $from $ann"),
	qr/F0000: could not use keyring file "\Q$default\E".*Group or others have a right to it.*0600/s,
	'a file that others can read is refused');
like(run('SELECT hint FROM dreamsuite.key_status()'), qr/Group or others have a right to it/, 'key_status tells that too');
chmod 0600, $default;
my $right = slurp_file($default);
my ($key) = $right =~ /^(\d+) /m;

sub use_file
{
	my ($path) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET dreamsuite.keyring_file = '$path'");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('dreamsuite.keyring_file') = '$path'");
	return;
}
my $inside = "$data/keyring";
use_file($inside);
like(run('SELECT ' . seal($ann, 'f', 'x')), qr/55000: key $key is not loaded.*"\Q$inside\E" does not exist/s,
	'no second file is made where values wait for another');
run('DELETE FROM dreamsuite.key_checks');
like(run('SELECT ' . seal($ann, 'f', 'x')), qr/F0000: .*It is inside the data directory/s, 'no file is made inside the data directory');
ok(!-e $inside, 'really none');
write_file($inside, $right);
like(run('SELECT ' . seal($ann, 'f', 'x')), qr/F0000: .*It is inside the data directory/s, 'nor is one read there');
my $link = dirname($data) . '/link.keyring';
symlink $inside, $link;
use_file($link);
like(run('SELECT ' . seal($ann, 'f', 'x')), qr/F0000: .*It is inside the data directory/s, 'nor through a link');
unlink $inside;
use_file('keyring');
like(run('SELECT ' . seal($ann, 'f', 'x')), qr/F0000: .*It is inside the data directory/s, 'nor by a relative path');
use_file(dirname($data) . '/nowhere/keyring');
like(run('SELECT ' . seal($ann, 'f', 'x')), qr/F0000: .*The system said: No such file or directory.*HINT: .*directory in which the server's user may write/s,
	'a directory that is not there is told');
my $other = dirname($data) . '/other.keyring';
use_file($other);
my @keys_of_many = map { "$_ 2026-01-01T00:00:00Z " . 'A' x 43 . "=\n" } 1 .. 64;

# is_refused(NAME, DETAIL, HINT): the file that is in place now seals nothing, and key_status() says the same
sub is_refused
{
	my ($name, $detail, $hint) = @_;

	like(run('SELECT ' . seal($ann, 'f', 'x')), qr/F0000: could not use keyring file.*DETAIL: +$detail.*HINT: +$hint/s, "$name is refused");
	like(run('SELECT DISTINCT hint FROM dreamsuite.key_status() WHERE NOT loaded'), qr/^$detail.*$hint/, 'key_status tells why');
	return;
}
my ($backup, $owner) = (qr/Put the file back from its backup/, qr/Its owner must be the server's user/);
for my $case (
	[ 'no header', "$key\n", qr/Its first line is not/, $backup ],
	[ 'nothing in it', '', qr/Its first line is not/, $backup ],
	[ 'no key', "dreamsuite-keyring 1\n", qr/There is no key in it/, $backup ],
	[ 'a torn line', "dreamsuite-keyring 1\n7 2026-01-01T00:00:00Z QUJD\n", qr/Line 2 is not/, $backup ],
	[ 'an id twice', $right . ($right =~ /^(\d+ .*\n)/m)[0], qr/Line 4 has the id/, $backup ],
	[ 'too many keys', join('', $right, @keys_of_many), qr/It cannot have more than 64 keys/, qr/Remove lines of old keys/ ],
	[ 'too much in it', $right . '#' x 32768, qr/It has more than 32768 bytes/, $backup ])
{
	write_file($other, $case->[1]);
	is_refused("a file with $case->[0]", @$case[ 2, 3 ]);
}
write_file($other, $right, 0000);
is_refused('a file that the server may not read', qr/The system said: Permission denied/, qr/Let dreamsuite.keyring_file name a file in a directory/);
unlink $other;
mkdir $other, 0700;
is_refused('a directory', qr/It is not a regular file/, $backup);
rmdir $other;
mkfifo($other, 0600);
is_refused('a pipe, which nobody fills,', qr/It is not a regular file/, $backup);
unlink $other;
symlink '/etc/passwd', $other;
is_refused('a file of another user', qr/It belongs to another user than the server runs as/, $owner);
write_file($other, $right);
is(run('SELECT ' . opens($ann, 'access_token', 'ann-access-7f3a') . " $from $ann"), 't', 'a file elsewhere does');
run('SELECT ' . seal($ann, 'f', 'x'));
unlink $other;
like(run('SELECT hint FROM dreamsuite.key_status()'), qr/^The file does not exist\. Put the file back from its backup, or let dreamsuite\.keyring_file name/,
	'key_status tells of a file that was lost');
like(run('SELECT ' . opens($ann, 'access_token', 'ann-access-7f3a') . " $from $ann"), qr/55000: key $key is not loaded.*"\Q$other\E" does not exist/s,
	'what was sealed does not open without it');

# A lost key, and a wrong one under its id
write_file($other, "dreamsuite-keyring 1\n12 2026-01-01T00:00:00Z " . 'A' x 43 . "=\n");
my $lost = run('SELECT ' . opens($ann, 'access_token', 'ann-access-7f3a') . " $from $ann");
like($lost, qr/55000: key $key is not loaded/, 'a lost key is named');
like($lost, qr/not in keyring file "\Q$other\E".*backup.*authorised again/s, 'with the file and the way back');
like(run('SELECT hint FROM dreamsuite.key_status() WHERE NOT loaded'), qr/line of key $key back/, 'key_status tells');
write_file($other, "dreamsuite-keyring 1\n$key 2026-01-01T00:00:00Z " . 'A' x 43 . "=\n");
like(run('SELECT ' . opens($ann, 'access_token', 'ann-access-7f3a') . " $from $ann"),
	qr/F0000: key $key of the keyring is another key/, 'another key under the same id is known');
like(run('SELECT ' . seal($ann, 'f', 'x')), qr/F0000: key $key of the keyring is another key/, 'and seals nothing');
is(run("SELECT loaded, hint LIKE 'The file has another key%' FROM dreamsuite.key_status() WHERE key_id = $key"), 'f|t',
	'key_status tells that too');
write_file($other, $right);

# Rotation
write_file($other, join('', $right, @keys_of_many[ 0 .. 62 ]));
my $full = slurp_file($other);
like(run('SELECT dreamsuite.rotate_keys()'), qr/F0000: .*It cannot have more than 64 keys.*Remove lines of old keys.*key_status/s,
	'a file that is full takes no further key');
is(slurp_file($other), $full, 'and stays as it is');
write_file($other, $right);
run("INSERT INTO dreamsuite.apps (platform, client_id, client_secret) VALUES ('tiktok', 'id', probe_seal('P', '', 'tiktok', 'client_secret', 'app-secret-90aa'))");
run("INSERT INTO dreamsuite.oauth_states (state_hash, user_id, platform, verifier, expires_at) VALUES "
	  . "('\\xabcd', $ann, 'tiktok', probe_seal('S', '\\xabcd', 'tiktok', 'verifier', 'verifier-33cd'), now() + '10 min')");
is(run('SELECT key_id, loaded, is_current, sealed_values, hint FROM dreamsuite.key_status()'), "$key|t|t|5|",
	'key_status counts what waits for the key');
is(run('SELECT dreamsuite.rotate_keys()'), '5', 'rotation seals every value again');
is(run("SELECT is_current, sealed_values, key_id <> $key FROM dreamsuite.key_status() ORDER BY created_at DESC"),
	"t|5|t\nf|0|f", 'nothing is left with the old key');
like(slurp_file($other), qr/\Q$right\E\d+ /, 'the lines of the file stay, one is new');
is(sprintf('%04o', stat($other)->mode & 07777), '0600', 'its mode stays 0600');
is(run('SELECT ' . opens($ann, 'refresh_token', 'ann-refresh-19bc') . " $from $ann"), 't', 'an account still opens');
is(run("SELECT probe_opens('P', '', 'tiktok', 'client_secret', client_secret, 'app-secret-90aa') FROM dreamsuite.apps"), 't', 'an app too');
is(run("SELECT probe_opens('S', state_hash, 'tiktok', 'verifier', verifier, 'verifier-33cd') FROM dreamsuite.oauth_states"), 't', 'a state too');
is(run('SELECT bool_and(s.key_id = k.key_id) FROM dreamsuite.account_secrets s, dreamsuite.key_status() k WHERE k.is_current'),
	't', 'the rows name their key');

run("INSERT INTO dreamsuite.account_secrets (user_id, platform, access_token) SELECT md5(i::text)::uuid, 'deezer',"
	  . " probe_seal('A', decode(md5(i::text), 'hex'), 'deezer', 'access_token', 'token-' || i) FROM generate_series(1, 1300) i");
is(run('SELECT dreamsuite.rotate_keys()'), '1305', 'in batches');
is(run("SELECT count(*) FROM generate_series(1, 1300) i JOIN dreamsuite.account_secrets ON user_id = md5(i::text)::uuid "
	  . "WHERE probe_opens('A', decode(md5(i::text), 'hex'), 'deezer', 'access_token', access_token, 'token-' || i)"), '1300', 'each opens to what it was');

run("UPDATE dreamsuite.account_secrets SET access_token = '\\x00' WHERE user_id = $bob");
like(($node->psql('postgres', 'SELECT dreamsuite.rotate_keys()'))[2],
	qr/WARNING:  1 sealed values were left as they are/, 'a damaged value is left and told');
is(run('SELECT sealed_values FROM dreamsuite.key_status() WHERE key_id IS NULL'), '1', 'and counted');

# Two rotations at once, in two databases: both keys are in the file
$node->safe_psql('postgres', 'CREATE DATABASE second');
prepare('second');
my @before = slurp_file($other) =~ /^(\d+) /mg;
my @runs = map { IPC::Run::start(['psql', '-XAtq', '-d', $node->connstr($_), '-c', 'SELECT dreamsuite.rotate_keys()'],
		'>', \my $out, '2>', \my $err) } ('postgres', 'second');
$_->finish for @runs;
my $after = () = slurp_file($other) =~ /^\d+ /mg;
is($after, @before + 2, 'two rotations at once add two keys');
is(run('SELECT sum(sealed_values) FROM dreamsuite.key_status() WHERE loaded AND key_id NOT IN (' . join(', ', @before) . ')'),
	'1304', 'and whichever sealed, nothing is left with a key from before');

# Whoever else changes the file is waited for
open my $held, '<', $other or die $!;
flock $held, LOCK_EX or die $!;
my $keys_before = () = slurp_file($other) =~ /^\d+ /mg;
like(run("SET statement_timeout = '300ms'; SELECT dreamsuite.rotate_keys()"), qr/57014: canceling statement due to statement timeout/,
	'a rotation that waits for the file can be cancelled');
is(scalar(() = slurp_file($other) =~ /^\d+ /mg), $keys_before, 'and has changed nothing');
my $waiting = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT dreamsuite.rotate_keys()' ],
	'>', \my $rotated, '2>', \my $warned);
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%rotate_keys()' AND wait_event_type = 'Extension'");
close $held;
$waiting->finish;
like($rotated, qr/^1304$/, 'when it has the file to itself it goes on');

# Who may
run('CREATE ROLE artist');
for my $function ('key_status', 'rotate_keys')
{
	like(run("SET ROLE artist; SELECT * FROM dreamsuite.$function()"), qr/42501: permission denied/, "nobody else runs $function");
	run("GRANT USAGE ON SCHEMA dreamsuite TO artist; GRANT EXECUTE ON FUNCTION dreamsuite.$function TO artist");
	like(run("SET ROLE artist; SELECT * FROM dreamsuite.$function()"), qr/42501: .*Only the owner of the extension/s,
		"not even by a grant");
}

# Dump and restore
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my $dump = dirname($data) . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'dump');
$node->command_ok([ 'psql', '-XqAt', '-f', $dump, '-d', $node->connstr('restored') ], 'restore');
is(run("SELECT probe_opens('A', decode(md5('7'), 'hex'), 'deezer', 'access_token', access_token, 'token-7') "
	  . "FROM dreamsuite.account_secrets WHERE user_id = md5('7')::uuid", database => 'restored'), 't', 'sealed values outlive a dump');
is(run('SELECT count(*) FROM dreamsuite.key_checks', database => 'restored'), run('SELECT count(*) FROM dreamsuite.key_checks'),
	'and so do the check values');

# No key in the log at any level
$node->stop;
my $log = slurp_file($node->logfile);
my @keys = map { (split / /)[2] } grep { /^\d+ / } split /\n/, slurp_file($other);
is(scalar(grep { index($log, $_) >= 0 } @keys), 0, 'no key is in the server log');

done_testing();
