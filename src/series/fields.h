/*
 * fields.h
 *    The change fields of a platform and what they are made of; shared by fill.c and repair.c.
 */
#ifndef DREAMSUITE_FIELDS_H
#define DREAMSUITE_FIELDS_H

#include "postgres.h"

#include "series/change.h"

/* Fields that a platform keeps changes of. */
#define MAX_SOURCES 8
#define AUDIENCE    0 /* the first source: follower_count, for follower_change_24h */

typedef struct ChangeField
{
	const FieldDef *field;
	int source;
} ChangeField;

/* The values whose history is needed, and the fields that are changes of them. */
typedef struct Sources
{
	const Platform *platform; /* NULL: not compiled in */
	int source_count;
	const char *names[MAX_SOURCES]; /* of metrics; NULL for AUDIENCE */
	int field_count;
	ChangeField *fields;
	bool days_needed[CHANGE_PERIODS]; /* is there a change over that period? */
} Sources;

/* Looks up the change fields; platform may be NULL. palloc'd. */
extern Sources *sources_of(const Platform *platform);

/* The values of a row that changes are made of: one per source. */
extern void read_sources(const Sources *sources, const Number *follower_count, const JsonbContainer *metrics,
						 Number *values);

/* The change of a value over some days; unknown without a baseline. */
extern Number change_over(const History *history, DateADT date, const Number *value, int days);

/* The change as an integer; false where it is unknown. *fits tells whether follower_change_24h can hold it. */
extern bool change_as_int32(const Number *change, int32 *value, bool *fits);

/* What to say of one that does not fit. */
extern char *overflow_text(Datum user_id, const char *platform, DateADT date, const Number *change);

/* Adds a change field to an object under construction. */
extern void push_change(JsonbParseState **state, const char *name, const Number *change);

/* An array of values that are not null. */
extern Datum array_of(Datum *values, int count, Oid type);

/* The key of the account's lock. */
extern int64 account_key(Datum user_id, const char *platform);

#endif
