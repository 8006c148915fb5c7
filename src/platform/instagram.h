/*
 * instagram.h
 *    What the requests and the values of Instagram share.
 */
#ifndef DREAMSUITE_INSTAGRAM_H
#define DREAMSUITE_INSTAGRAM_H

#include "postgres.h"

#include "platform/platform.h"

/* What a batch asks of a post besides its insights; the entry's parameter ends with it. */
#define INSTAGRAM_GUESTS "/collaborators"

/* After so many days a window's insights do not change any more. */
#define INSTAGRAM_SETTLED_DAYS 2

/* The professional account's id; NULL where the answer has none. */
extern char *instagram_profile_id(const JsonbContainer *profile);

/* The account itself, or among the Pages of a person the first that has one; NULL where it is not there. */
extern const JsonbContainer *instagram_own_profile(const JsonbContainer *body, const Account *account);

/* The kind of content that a post is; NULL where it is none that is counted. */
extern const char *instagram_kind_of(const JsonbContainer *post);

/* As Platform has it. */
extern void instagram_normalise(const Responses *responses, Normalised *out);

#endif
