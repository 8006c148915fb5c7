/*
 * url.h
 *    Addresses: encoding, the test base, and texts from which secrets are taken out.
 *
 * Results are palloc'd in the current memory context. Compiled with FRONTEND it needs no server: unit tests do so.
 */
#ifndef DREAMSUITE_URL_H
#define DREAMSUITE_URL_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

/* Appends text, percent-encoded but for the unreserved characters of RFC 3986. */
extern void url_encode(StringInfo out, const char *text);

/* The same as a text of its own, palloc'd. */
extern char *url_encoded(const char *text);

/* An address with what no address may hold (blanks, controls, bytes beyond ASCII, "\\", "#") percent-encoded, palloc'd. */
extern char *url_plain(const char *url);

/* Appends name=value to a form or query, with '&' where something stands before it. */
extern void url_pair(StringInfo out, const char *name, const char *value);

/*
 * Is it https://host[:port] with or without a path and query, and nothing that could lead elsewhere: no user, no fragment,
 * no space, no control or non-ASCII character, no backslash?
 */
extern bool url_is_plain_https(const char *url);

/* scheme://host[:port] of an absolute address, without a user; the empty text for any other. */
extern char *url_origin(const char *url);

/* Do two absolute addresses share scheme, host and port? The default port may be written or not. */
extern bool url_same_origin(const char *a, const char *b);

/* The host of an absolute address, without a port; the empty text where there is none. */
extern char *url_host(const char *url);

/* The address without a parameter of its query. */
extern char *url_without_param(const char *url, const char *name);

/* https://HOST/PATH as {base}/HOST/PATH. */
extern char *url_under_base(const char *url, const char *base);

/*
 * A text with the values of secrets replaced by "***": what is assigned to parameters, members and headers whose name is or
 * ends in token, secret, password, key, code, signature and the like, plain or percent-encoded; what follows
 * Authorization, Bearer, OAuth and Basic; and any run of 40 or more characters that looks like a key. Numbers of fewer than
 * 8 digits stay: error codes are wanted. For everything that is logged or stored of what a platform says.
 */
extern char *url_redact(const char *text);

#endif
