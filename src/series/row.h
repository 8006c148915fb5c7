/*
 * row.h
 *    A row of daily_metrics as growth() reads it: its place in the order of all rows and the asked numbers, in one
 *    short string of bytes.
 *
 * Sorting the rows of a big table by account and day would drag their wide jsonb along. The numbers are therefore
 * taken out first, where the row is read (in parallel workers too), and what is sorted is about 40 bytes. The first
 * eight decide nearly always, and they are what the server's sort keeps at hand:
 *
 *     4 bytes   hash of user_id
 *     1 byte    place of the platform in the registry, or ROW_STRANGER
 *     3 bytes   date, in the order of bytes
 *     16 bytes  user_id
 *     ...       of a stranger: name of the platform, with its closing zero
 *     n bytes   per metric: ROW_UNKNOWN, ROW_BIG or 1 + scale * 8 + length of the value - 1
 *     ...       per metric: the value, 1 to 8 bytes of a zigzag mantissa; or a numeric with its header
 *
 * Users whose hashes are equal are mixed in this order: the reader keeps them apart by user_id.
 */
#ifndef DREAMSUITE_ROW_H
#define DREAMSUITE_ROW_H

#include "postgres.h"

#include "series/metric.h"
#include "utils/date.h"

#define ROW_STRANGER 255
#define ROW_UNKNOWN  0
#define ROW_BIG      255

/* Rows of different accounts that have this much in common follow each other mixed. */
#define ROW_PREFIX   5
#define ROW_PLATFORM 4
#define ROW_DATE     5
#define ROW_USER     8
#define ROW_NAME     24

/* Dates beyond these, infinite ones among them, are no days of an account. */
#define ROW_MAX_DATE ((1 << 23) - 1)
#define ROW_MIN_DATE (-(1 << 23))

static inline DateADT
row_date(const char *row)
{
	const unsigned char *bytes = (const unsigned char *) row + ROW_DATE;

	return (DateADT) ((bytes[0] << 16) | (bytes[1] << 8) | bytes[2]) + ROW_MIN_DATE;
}

/* The name of a platform that is not compiled in; NULL where it is. */
static inline const char *
row_stranger(const char *row)
{
	return (unsigned char) row[ROW_PLATFORM] == ROW_STRANGER ? row + ROW_NAME : NULL;
}

/* Where the tags of the metrics begin. */
static inline const char *
row_tags(const char *row)
{
	const char *name = row_stranger(row);

	return name ? name + strlen(name) + 1 : row + ROW_NAME;
}

/*
 * The value with this tag at *at, which is moved behind it. Values are read in the order of the metrics, the first lies
 * behind the last tag. `big` is palloc'd.
 */
extern Number row_big_number(const char **at);

static inline Number
row_number(unsigned char tag, const char **at)
{
	uint64 zigzag = 0;
	int length;

	if (tag == ROW_UNKNOWN)
		return NUMBER_UNKNOWN;
	if (unlikely(tag == ROW_BIG))
		return row_big_number(at);
	length = ((tag - 1) & 7) + 1;
	for (int i = 0; i < length; i++)
		zigzag |= (uint64) (unsigned char) (*at)[i] << (8 * i);
	*at += length;
	return (Number){
		.known = true,
		.scale = (tag - 1) >> 3,
		.mantissa = (int64) (zigzag >> 1) ^ -(int64) (zigzag & 1),
	};
}

#endif
