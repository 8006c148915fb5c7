/*
 * url.h
 *    Addresses: encoding, the test base, and texts from which secrets are taken out.
 *
 * Results are palloc'd in the current memory context.
 */
#ifndef DREAMSUITE_URL_H
#define DREAMSUITE_URL_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* Appends text, percent-encoded but for the unreserved characters of RFC 3986. */
extern void url_encode(StringInfo out, const char *text);

/* Appends name=value to a form or query, with '&' where something stands before it. */
extern void url_pair(StringInfo out, const char *name, const char *value);

/* scheme://host[:port] of an absolute address; the empty text for any other. */
extern char *url_origin(const char *url);

/* The host of an absolute address, without a port. */
extern char *url_host(const char *url);

/* The address without a parameter of its query. */
extern char *url_without_param(const char *url, const char *name);

/* https://HOST/PATH as {base}/HOST/PATH. */
extern char *url_under_base(const char *url, const char *base);

/*
 * A text with the values of secrets replaced by "***": parameters and members named access_token, refresh_token, code,
 * client_secret, secret, key, token, password and the like, and what follows Authorization, Bearer, OAuth and Basic. For
 * everything that is logged or stored of what a platform says.
 */
extern char *url_redact(const char *text);

#endif
