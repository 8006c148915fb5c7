/*
 * json_tokens.h
 *    What is between the two passes of json_parse(): a flat list of values, as the text has them.
 */
#ifndef DREAMSUITE_JSON_TOKENS_H
#define DREAMSUITE_JSON_TOKENS_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef enum TokenKind
{
	TOKEN_NULL,
	TOKEN_FALSE,
	TOKEN_TRUE,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_ARRAY,
	TOKEN_OBJECT
} TokenKind;

/* A value; what is inside of a container follows it, keys before their values. */
typedef struct Token
{
	TokenKind kind;
	uint32 length;    /* bytes of text; values in an array, members of an object */
	const char *text; /* of a number or string, in the body or among the `copies` */
	uint32 next;      /* index of what follows the whole value */
} Token;

/*
 * jsonb of the values that begin with tokens[0], palloc'd; `length` is about that of the text. Raises where a number is none
 * that numeric can hold.
 */
extern Jsonb *json_write(const Token *tokens, size_t length);

#endif
