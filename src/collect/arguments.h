/*
 * arguments.h
 *    Arguments of SQL functions about apps and accounts, read and checked. Errors name the argument.
 */
#ifndef DREAMSUITE_ARGUMENTS_H
#define DREAMSUITE_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"

#include "platform/platform.h"

/* Text argument number i, palloc'd; NULL for null. */
extern char *text_argument(FunctionCallInfo fcinfo, int i);

/* The same in memory that is wiped when it is freed. */
extern char *secret_argument(FunctionCallInfo fcinfo, int i);

/*
 * The platform of argument number i, one that artists consent at. Errors: ERRCODE_NULL_VALUE_NOT_ALLOWED,
 * ERRCODE_INVALID_PARAMETER_VALUE for an unknown one, ERRCODE_FEATURE_NOT_SUPPORTED for one without authorisation.
 */
extern const Platform *platform_argument(FunctionCallInfo fcinfo, int i);

/* char *: the scopes of argument number i, which is not null. Errors: ERRCODE_INVALID_PARAMETER_VALUE. */
extern List *scopes_argument(FunctionCallInfo fcinfo, int i);

/* 1 to `most` characters of ASCII, without blanks? */
extern bool is_visible(const char *text, size_t most);

#endif
