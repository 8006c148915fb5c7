/*
 * lift.h
 *    Takes tokens out of a JSON text before it is parsed, so that the parser and what it makes hold none.
 */
#ifndef DREAMSUITE_LIFT_H
#define DREAMSUITE_LIFT_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct Lifted
{
	char *body; /* the text, each token in it replaced by "#N" and blanks */
	size_t length;
	List *tokens; /* char *: the Nth */
} Lifted;

/*
 * The values of members named access_token, refresh_token and id_token, wherever they stand. All of it lies in
 * CurrentMemoryContext and is wiped with it.
 */
extern Lifted lift_tokens(const char *body, size_t length);

/* The token that a "#N" stands for; NULL where `mark` is NULL or no mark. */
extern char *lifted_token(const Lifted *lifted, const char *mark);

#endif
