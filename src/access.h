/*
 * access.h
 *    Who may act for which user.
 */
#ifndef DREAMSUITE_ACCESS_H
#define DREAMSUITE_ACCESS_H

#include "utils/uuid.h"

/*
 * access_check_user
 *    What dreamsuite.check_user() is for SQL: raises ERRCODE_INSUFFICIENT_PRIVILEGE unless the user is that of the
 *    request, or the role of the request manages every user. A function with the rights of the owner (SECURITY DEFINER)
 *    that every granted role may call begins with it.
 */
extern void access_check_user(const pg_uuid_t *user_id);

#endif
