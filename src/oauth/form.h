/*
 * form.h
 *    Names and values on their way into an address or a body, in memory that is wiped.
 */
#ifndef DREAMSUITE_FORM_H
#define DREAMSUITE_FORM_H

#include "postgres.h"

#define FORM_PAIRS 16

typedef struct Form
{
	int count;
	struct
	{
		const char *name;
		const char *value;
	} pairs[FORM_PAIRS]; /* not copied */
} Form;

/* Adds a pair; a NULL value adds nothing. */
extern void form_add(Form *form, const char *name, const char *value);

/* name=value&..., percent-encoded (RFC 3986), with `start` before it. Lies in CurrentMemoryContext and is wiped with it. */
extern char *form_text(const char *start, const Form *form);

/* The address with the pairs as further parameters of its query. The same memory. */
extern char *form_url(const char *url, const Form *form);

/* {"name": "value"} of one pair. The same memory. */
extern char *form_json(const char *name, const char *value);

#endif
