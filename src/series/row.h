/*
 * row.h
 *    A row of daily_metrics as growth() reads it: its place in the order of all rows and the asked numbers, in one
 *    short string of bytes.
 *
 * Sorting the rows of a big table by account and day would drag their wide jsonb along. The numbers are therefore
 * taken out first, where the row is read (in parallel workers too), and what is sorted is 60 bytes and compares with
 * memcmp:
 *
 *     16 bytes  user_id
 *     ...       platform, with its closing zero
 *     4 bytes   date, in the order of bytes
 *     n bytes   per metric: 0 unknown, 1..19 scale + 1, ROW_BIG a numeric
 *     8n bytes  per metric: mantissa, or for a numeric its place from the beginning
 *     ...       numerics
 */
#ifndef DREAMSUITE_ROW_H
#define DREAMSUITE_ROW_H

#include "postgres.h"

#include "port/pg_bswap.h"
#include "series/metric.h"
#include "utils/date.h"

#define ROW_UNKNOWN  0
#define ROW_BIG      255
#define ROW_USER     0
#define ROW_PLATFORM 16

/* The length of the part that names the account, from the beginning of the row: equal for all of its days. */
static inline int
row_account_length(const char *row)
{
	return ROW_PLATFORM + strlen(row + ROW_PLATFORM) + 1;
}

static inline DateADT
row_date(const char *row, int account_length)
{
	uint32 bits;

	memcpy(&bits, row + account_length, sizeof(bits));
	return (DateADT) (pg_ntoh32(bits) ^ 0x80000000);
}

/* Is the value of metric i known? */
static inline bool
row_knows(const char *row, int account_length, int i)
{
	return row[account_length + sizeof(uint32) + i] != ROW_UNKNOWN;
}

/* The value of metric i of n. `big` of it points into the row where that is aligned, else it is palloc'd. */
extern Number row_number(const char *row, int account_length, int i, int n);

#endif
