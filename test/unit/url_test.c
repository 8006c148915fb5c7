/*
 * url_test.c
 *    Addresses and redaction of src/http/url.c.
 */
#include "http/url.h"

#include "unit.h"

/* In a server what is palloc'd goes with its context: nothing to look for here. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

static void
check_encode(const char *text, const char *wanted)
{
	StringInfoData out;

	initStringInfo(&out);
	url_encode(&out, text);
	is_text(out.data, wanted, psprintf("encode %s", wanted));
}

static void
check_redact(const char *text, const char *wanted)
{
	is_text(url_redact(text), wanted, psprintf("redact %s", wanted));
}

static void
test_building(void)
{
	StringInfoData out;

	check_encode("", "");
	check_encode("AZaz09-._~", "AZaz09-._~");
	check_encode("a b/c?d&e=f+g%h", "a%20b%2Fc%3Fd%26e%3Df%2Bg%25h");
	check_encode("\xc3\xa9\xff\x01", "%C3%A9%FF%01");

	initStringInfo(&out);
	url_pair(&out, "grant_type", "authorization_code");
	url_pair(&out, "code", "a b&c");
	is_text(out.data, "grant_type=authorization_code&code=a%20b%26c", "a form");
	resetStringInfo(&out);
	appendStringInfoString(&out, "https://a.test/x?");
	url_pair(&out, "filter[id]", "1");
	is_text(out.data, "https://a.test/x?filter%5Bid%5D=1", "a query after its question mark");
}

static void
test_parts(void)
{
	is_text(url_origin("https://a.test/x?y=http://b.test/"), "https://a.test",
			"origin of an address with a path");
	is_text(url_origin("https://a.test:8443?x"), "https://a.test:8443", "origin with a port");
	is_text(url_origin("https://u:p@a.test/"), "https://a.test", "origin without the user");
	is_text(url_origin("/x"), "", "a relative address has no origin");
	is_text(url_origin("/x?to=https://a.test/"), "", "an address in a query is not the origin");
	is_text(url_host("https://a.test:8443/x"), "a.test", "host without a port");
	is_text(url_host("http://[::1]:80/x"), "[::1]", "an IPv6 host");
	is_text(url_host("https://good.test@evil.test/"), "evil.test", "the host is what follows the user");
	is_text(url_host("https:///x"), "", "no host");

	ok(url_same_origin("https://a.test/x", "https://A.test:443/y"), "same origin: case and the default port");
	ok(url_same_origin("http://a.test", "http://a.test:80/"), "same origin: http's port");
	ok(!url_same_origin("https://a.test/", "http://a.test/"), "another scheme");
	ok(!url_same_origin("https://a.test/", "https://a.test:444/"), "another port");
	ok(!url_same_origin("https://a.test/", "https://a.test.evil.test/"), "a longer host");
	ok(!url_same_origin("https://a.test/", "https://b.a.test/"), "a host below");
	ok(!url_same_origin("https://a.test/", "https://a.test@evil.test/"), "the host as a user");
	ok(!url_same_origin("https://a.test/", "https://u@a.test/"), "a user");
	ok(!url_same_origin("https://a.test/", "https://a.test\\@evil.test/") ||
		   !url_is_plain_https("https://a.test\\@evil.test/"),
	   "a backslash");
	ok(!url_same_origin("https://a.test/", "//a.test/"), "no scheme");

	ok(url_is_plain_https("https://graph.facebook.com/v24.0/me?fields=id%2Cname&limit=5"), "a usual address");
	ok(url_is_plain_https("https://a.test"), "no path");
	ok(url_is_plain_https("https://a.test:8443/"), "a port");
	ok(!url_is_plain_https("http://a.test/"), "http is not https");
	ok(url_is_plain_https("Https://a.test/"), "capitals are the same scheme");
	ok(!url_is_plain_https("https://u@a.test/"), "no user");
	ok(!url_is_plain_https("https://a.test/ b"), "no blank");
	ok(!url_is_plain_https("https://a.test/\r\nX: y"), "no line break");
	ok(!url_is_plain_https("https://a.test\\b"), "no backslash");
	ok(!url_is_plain_https("https://a.test/#f"), "no fragment");
	ok(!url_is_plain_https("https://a.t\xc3\xa9st/"), "no other letters");
	ok(!url_is_plain_https("https://a.test:99999999/"), "no endless port");
	ok(!url_is_plain_https("https://a.test:8x/"), "no odd port");
	ok(!url_is_plain_https("https://%61.test/"), "no encoded host");
	ok(!url_is_plain_https("https://[::1]/"), "no address of a machine in brackets");
	ok(!url_is_plain_https("https://"), "no empty host");
	ok(!url_is_plain_https(""), "not nothing");

	is_text(url_without_param("https://a.test/x?a=1&access_token=t&b=2", "access_token"),
			"https://a.test/x?a=1&b=2", "a parameter is left out");
	is_text(url_without_param("https://a.test/x?access_token=t", "access_token"), "https://a.test/x",
			"the only one");
	is_text(url_without_param("https://a.test/x?access_token&b=2", "access_token"), "https://a.test/x?b=2",
			"one without a value");
	is_text(url_without_param("https://a.test/x?my_access_token=t", "access_token"),
			"https://a.test/x?my_access_token=t", "another that ends alike stays");
	is_text(url_without_param("https://a.test/x", "a"), "https://a.test/x", "no query");

	is_text(url_under_base("https://api.deezer.com/artist/27?x=1", "http://127.0.0.1:8000"),
			"http://127.0.0.1:8000/api.deezer.com/artist/27?x=1", "under the test base");
	is_text(url_under_base("Https://a.test/x", "http://127.0.0.1:8000"), "http://127.0.0.1:8000/a.test/x",
			"capitals in its scheme");
	is_text(url_under_base("https://a.test/x", "http://127.0.0.1:8000/"), "http://127.0.0.1:8000/a.test/x",
			"a slash at its end is no other base");
}

static void
test_redaction(void)
{
	check_redact("", "");
	check_redact("nothing secret in here", "nothing secret in here");
	check_redact("https://a.test/x?access_token=EAAB&limit=5", "https://a.test/x?access_token=***&limit=5");
	check_redact("fields=id&appsecret_proof=0a1b", "fields=id&appsecret_proof=***");
	check_redact("{\"access_token\":\"ya29.A0\",\"expires_in\":3599}",
				 "{\"access_token\":\"***\",\"expires_in\":3599}");
	check_redact("{\"refresh_token\" : \"1//0g\" , \"x\":1}", "{\"refresh_token\" : \"***\" , \"x\":1}");
	check_redact("{\\\"client_secret\\\":\\\"abc\\\"}", "{\\\"client_secret\\\":\\\"***\\\"}");
	check_redact("Authorization: Bearer abc", "Authorization: Bearer ***");
	check_redact("authorization: OAuth 2-29-abc", "authorization: OAuth ***");
	check_redact("Authorization: abc", "Authorization: ***");
	check_redact("Authorization: Basic dXNlcjpwYXNz, next", "Authorization: Basic ***, next");
	check_redact("Music-User-Token: Atb+1c/==", "Music-User-Token: ***");
	check_redact("grant_type=authorization_code&code=AQD-x_y&code_verifier=v1",
				 "grant_type=authorization_code&code=***&code_verifier=***");
	check_redact("redirect=https%3A%2F%2Fa.test%2F%3Fcode%3Dabc%26b%3D1",
				 "redirect=https%3A%2F%2Fa.test%2F%3Fcode%3D***%26b%3D1");
	check_redact("key=AIzaSy&part=id", "key=***&part=id");
	check_redact("api_key=1&apikey=x&x-api-key: abcdefgh1", "api_key=1&apikey=***&x-api-key: ***");
	check_redact("password=hunter2;", "password=***;");
	check_redact("oauth_token=a&oauth_signature=b", "oauth_token=***&oauth_signature=***");
	check_redact("userAccessToken=abc", "userAccessToken=***");

	/* Error codes and sentences stay: they are what the reader needs. */
	check_redact("{\"error\":{\"code\":190,\"error_subcode\":463}}",
				 "{\"error\":{\"code\":190,\"error_subcode\":463}}");
	check_redact("(#100) error code 190: Invalid OAuth access token.",
				 "(#100) error code 190: Invalid OAuth access token.");
	check_redact("Invalid token: expired", "Invalid token: expired");
	check_redact("the access token has expired", "the access token has expired");
	check_redact("{\"token\":null}", "{\"token\":null}");
	check_redact("token_type=bearer", "token_type=bearer");
	check_redact("keyboard, monkey, codec=aac", "keyboard, monkey, codec=aac");
	check_redact("Malformed access token EAABsbCS1iHgBAKZAz", "Malformed access token ***");
	check_redact("see eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyMyJ9abcdef0123", "see ***");
	check_redact("id 4f9a-11ee of the request", "id 4f9a-11ee of the request");
	check_redact("code=", "code=");
	check_redact("token", "token");
	check_redact("Bearer", "Bearer");
	check_redact("token=\"", "token=\"");
	check_redact("key=%", "key=***");
	check_redact("caf\xc3\xa9 \xff code=x1", "caf\xc3\xa9 \xff code=***");
}

int
main(void)
{
	test_building();
	test_parts();
	test_redaction();
	return done();
}
