/*
 * number.h
 *    Values of metrics: exact decimal numbers that are cheap to read out of jsonb, to subtract and to hand back.
 *
 * Nearly every value is a whole number or a short decimal fraction. Those are held as mantissa / 10^scale in a machine
 * word; whatever does not fit keeps its numeric. Nothing is ever rounded.
 */
#ifndef DREAMSUITE_NUMBER_H
#define DREAMSUITE_NUMBER_H

#include "postgres.h"

#include <math.h>

#include "utils/numeric.h"

typedef struct Number
{
	bool known;
	int16 scale;    /* digits after the decimal point, 0..18 */
	int64 mantissa; /* the value is mantissa / 10^scale */
	Numeric big;    /* not NULL: the value, which does not fit */
} Number;

/* Room for the numeric of any Number without `big`. */
#define NUMBER_BYTES 32

#define NUMBER_UNKNOWN ((Number){.known = false})

static inline Number
number_from_int64(int64 value)
{
	return (Number){.known = true, .mantissa = value};
}

/* The value of a numeric. `big`, where it is needed, points to the argument itself. NaN and infinity are unknown. */
extern Number number_from_numeric(Numeric value);

/* a - b; unknown where one of them is. A `big` result is palloc'd. */
extern Number number_subtract_slow(const Number *a, const Number *b);

static inline Number
number_subtract(const Number *a, const Number *b)
{
	Number result = {.known = true, .scale = a->scale};

	if (likely(a->known && b->known && a->scale == b->scale && !a->big && !b->big) &&
		!__builtin_sub_overflow(a->mantissa, b->mantissa, &result.mantissa))
		return result;
	return number_subtract_slow(a, b);
}

/* -1, 0, 1; both must be known. */
extern int number_compare(const Number *a, const Number *b);

/* Nearest double; NaN where unknown. */
extern double number_to_double_slow(const Number *number);

static inline double
number_to_double(const Number *number)
{
	if (likely(number->known && number->scale == 0 && !number->big))
		return (double) number->mantissa;
	return number_to_double_slow(number);
}

/* Percent that `change` is of `base`; NaN where one is unknown or the base is 0. */
static inline double
number_percent(const Number *change, const Number *base)
{
	double divisor = number_to_double(base);

	if (divisor == 0)
		return NAN;
	return number_to_double(change) * 100.0 / divisor;
}

/* Is 2 * value < base? Both must be known. */
static inline bool
number_under_half(const Number *value, const Number *base)
{
	return number_to_double(value) * 2 < number_to_double(base);
}

/* As int64; false where unknown, with a fraction or out of range. */
extern bool number_to_int64(const Number *number, int64 *value);

/* The numeric, in `buffer` (NUMBER_BYTES, aligned as an int) unless it is `big`. Must be known. */
extern Numeric number_to_numeric(const Number *number, void *buffer);

/* The same, palloc'd. */
extern Numeric number_palloc_numeric(const Number *number);

#endif
