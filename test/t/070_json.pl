# The parser of answers gives what the server's jsonb_in() gives, byte by byte, and what jsonb cannot hold as U+FFFD.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use DreamSuite;

my $probe = $ENV{JSON_PROBE};
plan skip_all => 'JSON_PROBE does not name the library of test/modules/json_probe' unless $probe;

my $node = new_node('json');
$node->safe_psql('postgres', qq(
	CREATE FUNCTION probe_json(bytea) RETURNS jsonb AS '$probe' LANGUAGE C STRICT;
	CREATE FUNCTION probe_json_refusal(bytea) RETURNS text AS '$probe' LANGUAGE C STRICT;
	CREATE FUNCTION probe_json_is(bytea, jsonb) RETURNS boolean AS '$probe' LANGUAGE C STRICT;
	CREATE TABLE texts (text text);));

my $same = q(probe_json_is(convert_to(text, 'UTF8'), text::jsonb));

# gives(TEXT, NAME): the parser agrees with the server
sub gives
{
	my ($text, $name) = @_;
	my $quoted = $text =~ s/'/''/gr;

	is($node->safe_psql('postgres', "SELECT $same FROM (SELECT '$quoted'::text) AS t"), 't', $name);
	return;
}

gives('{}', 'an empty object');
gives('[]', 'an empty array');
gives("\t[ 1 ,\r\n 2 ]  ", 'blanks');
gives('{"b":1,"a":2,"bb":3,"":4}', 'the order of keys');
gives('{"a":1,"a":{"x":[1]},"b":2,"a":3,"b":[4]}', 'the last of equal keys');
gives('[0,-0,1,-1,999999999999999999,-999999999999999999,9223372036854775807,9223372036854775808,10000,1e5,1E-5,1.50,-0.0,'
	. '123456789012345678901234567890.0123,1e300]', 'numbers');
gives('["","a","\u00e9\ud83c\udfb5\"\\\\\/\b\f\n\r\t\u000b","\u4e2d plain ' . ('x' x 300) . '"]', 'escapes');
gives('["é中🎵","' . ('é' x 200) . '"]', 'characters that are no ASCII');
gives('[' . join(',', map { "{\"id\":$_,\"n\":\"" . ('x' x ($_ % 11)) . '","f":' . $_ * 0.5 . '}' } 1 .. 500) . ']',
	'more values than one offset covers');
gives('{' . join(',', map { '"k' . ($_ * 7919 % 1009) . "\":[$_,null,true,false]" } 1 .. 900) . '}', 'many keys');
gives('[' x 64 . ']' x 64, 'the deepest nesting');

# documents of every shape, made by chance but always the same
srand(20260301);
sub document
{
	my ($depth) = @_;
	my $kind = int(rand($depth > 0 ? 9 : 7));

	return ('null', 'true', 'false')[ int(rand(3)) ] if $kind == 0;
	return int(rand(2000)) - 1000 if $kind == 1;
	return (int(rand(1e6)) / 1000) . (rand() < 0.2 ? 'e' . int(rand(20)) : '') if $kind == 2;
	return '"' . join('', map { ('a', 'é', '\\n', '\\u00e9', '🎵', ' ', '\\"', 'zz')[ int(rand(8)) ] } 1 .. int(rand(40))) . '"'
		if $kind < 7;
	my @inside = map { document($depth - 1) } 1 .. int(rand(rand() < 0.1 ? 80 : 8));
	return '[' . join(',', @inside) . ']' if $kind == 7;
	return '{' . join(',', map { '"' . ('k' x int(rand(4))) . int(rand(12)) . "\" : $_" } @inside) . '}';
}
my @documents = map { '[' . document(5) . ']' } 1 .. 1500;
my $file = PostgreSQL::Test::Utils::tempdir() . '/documents';
append_to_file($file, join('', map { s/\\/\\\\/gr . "\n" } @documents));
$node->safe_psql('postgres', "\\copy texts FROM '$file'");
is($node->safe_psql('postgres', "SELECT count(*), count(*) FILTER (WHERE $same) FROM texts"), '1500|1500',
	'1,500 documents made by chance');

# every cut of a document is refused, as the server refuses it
is( $node->safe_psql('postgres', q(
	SELECT count(*) FILTER (WHERE probe_json(convert_to(left(t, n), 'UTF8')) IS NOT NULL), count(*)
	FROM (SELECT '{"a" : [1.5e3, true, null, "x\u00e9\n"], "b": {"c": false}}'::text AS t) AS d, generate_series(1, length(t) - 1) AS n)),
	'0|58', 'a document that ends early');

# refuses(BYTES, REASON, NAME)
sub refuses
{
	my ($hex, $reason, $name) = @_;

	is($node->safe_psql('postgres', "SELECT probe_json_refusal('\\x$hex')"), $reason, $name);
	return;
}
my $invalid = 'not valid JSON';
refuses(unpack('H*', $_), $invalid, "refused: $_")
	foreach ('', ' ', '[1,]', '[,1]', '{"a"}', '{"a":}', '{a:1}', '{"a":1,}', '[01]', '[+1]', '[1.]', '[.5]', '[1e]', '[-]', '[1 2]',
	'["\x"]', '["\u12g4"]', "[\"\t\"]", '[tru]', '[nullx]', '[1]x', '[1]]', '[1e200000]', 'NaN', '["a]', "['a']");
refuses(unpack('H*', '[' x 65 . ']' x 65), 'nested too deeply', 'refused: deeper than 64 levels');
refuses(unpack('H*', '"text"'), 'not an object or array', 'refused: a bare scalar');
refuses('5b00315d', $invalid, 'refused: NUL between values');

# becomes(HEX, JSON, NAME)
sub becomes
{
	my ($hex, $json, $name) = @_;

	is($node->safe_psql('postgres', "SELECT probe_json('\\x$hex') = '$json'::jsonb"), 't', $name);
	return;
}
becomes(unpack('H*', '["a\u0000b"]'), '["a\ufffdb"]', 'an escaped NUL');
becomes('5b22610062225d', '["a\ufffdb"]', 'a NUL');
becomes(unpack('H*', '["\ud83c","\udfb5","\ud83c\ud83c\udfb5","\ud83cx"]'), '["\ufffd","\ufffd","\ufffd\ud83c\udfb5","\ufffdx"]',
	'lone surrogates');
becomes('5b22ffc341e4b8225d', '["\ufffd\ufffdA\ufffd\ufffd"]', 'bytes that are no UTF-8');
becomes('5b22eda080225d', '["\ufffd\ufffd\ufffd"]', 'a surrogate in UTF-8');
becomes('efbbbf5b315d', '[1]', 'a byte order mark');

$node->stop;
done_testing();
