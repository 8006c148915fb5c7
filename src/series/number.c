/*
 * number.c
 *    Exact decimal numbers in a machine word.
 *
 * Reads and writes the stored form of numeric (utils/adt/numeric.c of the server; the same since PostgreSQL 9.1, as
 * pg_upgrade needs it to be): a 16-bit header with sign, weight and display scale, then base-10000 digits.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "series/number.h"
#include "utils/builtins.h"

/* The header of the short form; every value that fits a Number has it. */
#define SHORT_FORM_MASK   0xC000
#define SHORT_FORM        0x8000
#define SHORT_NEGATIVE    0x2000
#define SHORT_SCALE_MASK  0x1F80
#define SHORT_SCALE_SHIFT 7
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT_MASK 0x003F
#define DIGIT_BASE        10000
#define DIGIT_DECIMALS    4
#define MAX_SCALE         18

static const int64 power_of_ten[MAX_SCALE + 1] = {
	INT64CONST(1),
	INT64CONST(10),
	INT64CONST(100),
	INT64CONST(1000),
	INT64CONST(10000),
	INT64CONST(100000),
	INT64CONST(1000000),
	INT64CONST(10000000),
	INT64CONST(100000000),
	INT64CONST(1000000000),
	INT64CONST(10000000000),
	INT64CONST(100000000000),
	INT64CONST(1000000000000),
	INT64CONST(10000000000000),
	INT64CONST(100000000000000),
	INT64CONST(1000000000000000),
	INT64CONST(10000000000000000),
	INT64CONST(100000000000000000),
	INT64CONST(1000000000000000000),
};

/* Decodes the short form; false where the value does not fit. */
static bool
decode_short(Numeric value, Number *number)
{
	const char *payload = VARDATA_ANY(value);
	int bytes = VARSIZE_ANY_EXHDR(value);
	int digit_count = (bytes - (int) sizeof(uint16)) / (int) sizeof(int16);
	uint16 header;
	int weight;
	int scale;
	int fraction_groups;
	int64 mantissa = 0;
	int64 excess;

	memcpy(&header, payload, sizeof(header));
	if ((header & SHORT_FORM_MASK) != SHORT_FORM)
		return false;
	scale = (header & SHORT_SCALE_MASK) >> SHORT_SCALE_SHIFT;
	if (scale > MAX_SCALE)
		return false;
	weight = header & SHORT_WEIGHT_MASK;
	if (header & SHORT_WEIGHT_SIGN)
		weight -= SHORT_WEIGHT_MASK + 1;

	/* digit i counts 10000^(weight - i); go on to the last group that the scale reaches */
	fraction_groups = (scale + DIGIT_DECIMALS - 1) / DIGIT_DECIMALS;
	for (int i = 0; i <= weight + fraction_groups; i++)
	{
		int16 digit = 0;

		if (i < digit_count)
			memcpy(&digit, payload + sizeof(uint16) + i * sizeof(int16), sizeof(digit));
		if (__builtin_mul_overflow(mantissa, (int64) DIGIT_BASE, &mantissa) ||
			__builtin_add_overflow(mantissa, (int64) digit, &mantissa))
			return false;
	}

	/* digits behind the scale are zero, so this divides without a rest */
	excess = power_of_ten[fraction_groups * DIGIT_DECIMALS - scale];
	if (excess > 1)
		mantissa /= excess;
	number->known = true;
	number->scale = scale;
	number->mantissa = (header & SHORT_NEGATIVE) ? -mantissa : mantissa;
	number->big = NULL;
	return true;
}

Number
number_from_numeric(Numeric value)
{
	Number number;

	if (decode_short(value, &number))
		return number;
	if (numeric_is_nan(value) || numeric_is_inf(value))
		return NUMBER_UNKNOWN;
	return (Number){.known = true, .big = value};
}

/* Brings both to one scale; false where that does not fit. */
static bool
align(const Number *a, const Number *b, int64 *left, int64 *right, int16 *scale)
{
	if (a->big || b->big)
		return false;
	*left = a->mantissa;
	*right = b->mantissa;
	*scale = Max(a->scale, b->scale);
	if (likely(a->scale == b->scale))
		return true;
	return !__builtin_mul_overflow(*left, power_of_ten[*scale - a->scale], left) &&
		   !__builtin_mul_overflow(*right, power_of_ten[*scale - b->scale], right);
}

Number
number_subtract_slow(const Number *a, const Number *b)
{
	int64 left;
	int64 right;
	Number result = {.known = true};

	if (!a->known || !b->known)
		return NUMBER_UNKNOWN;
	if (likely(align(a, b, &left, &right, &result.scale)) &&
		!__builtin_sub_overflow(left, right, &result.mantissa))
		return result;

	result = number_from_numeric(DatumGetNumeric(DirectFunctionCall2(
		numeric_sub, NumericGetDatum(number_palloc_numeric(a)), NumericGetDatum(number_palloc_numeric(b)))));
	return result;
}

int
number_compare(const Number *a, const Number *b)
{
	int64 left;
	int64 right;
	int16 scale;

	if (likely(align(a, b, &left, &right, &scale)))
		return (left > right) - (left < right);
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(number_palloc_numeric(a)),
											 NumericGetDatum(number_palloc_numeric(b))));
}

double
number_to_double_slow(const Number *number)
{
	if (!number->known)
		return NAN;
	if (number->big)
		return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number->big)));
	return (double) number->mantissa / (double) power_of_ten[number->scale];
}

bool
number_to_int64(const Number *number, int64 *value)
{
	int64 divisor;

	if (!number->known || number->big)
		return false;
	divisor = power_of_ten[number->scale];
	if (number->mantissa % divisor != 0)
		return false;
	*value = number->mantissa / divisor;
	return true;
}

Numeric
number_to_numeric(const Number *number, void *buffer)
{
	int16 groups[8];
	int first = lengthof(groups);
	int last = lengthof(groups);
	int fraction_groups = (number->scale + DIGIT_DECIMALS - 1) / DIGIT_DECIMALS;
	uint16 header = SHORT_FORM | (number->scale << SHORT_SCALE_SHIFT);
	int weight = -1 - fraction_groups;
	char *payload;

	if (number->big)
		return number->big;

	if (number->mantissa != 0)
	{
		uint64 rest = number->mantissa < 0 ? -(uint64) number->mantissa : (uint64) number->mantissa;

		/* the lowest group is filled up to four decimals, so that groups and decimal point meet */
		if (number->scale > 0)
		{
			int missing = fraction_groups * DIGIT_DECIMALS - number->scale;
			uint64 low = power_of_ten[DIGIT_DECIMALS - missing];

			groups[--first] = (int16) (rest % low * power_of_ten[missing]);
			rest /= low;
			weight++;
		}
		while (rest > 0)
		{
			groups[--first] = (int16) (rest % DIGIT_BASE);
			rest /= DIGIT_BASE;
			weight++;
		}
		while (groups[first] == 0)
		{
			first++;
			weight--;
		}
		while (groups[last - 1] == 0)
			last--;
		if (number->mantissa < 0)
			header |= SHORT_NEGATIVE;
		header |= weight & (SHORT_WEIGHT_SIGN | SHORT_WEIGHT_MASK);
	}

	SET_VARSIZE(buffer, VARHDRSZ + sizeof(uint16) + (last - first) * sizeof(int16));
	payload = VARDATA(buffer);
	memcpy(payload, &header, sizeof(header));
	memcpy(payload + sizeof(uint16), groups + first, (last - first) * sizeof(int16));
	return (Numeric) buffer;
}

Numeric
number_palloc_numeric(const Number *number)
{
	if (number->big)
	{
		Numeric copy = palloc(VARSIZE_ANY(number->big));

		memcpy(copy, number->big, VARSIZE_ANY(number->big));
		return copy;
	}
	return number_to_numeric(number, palloc(NUMBER_BYTES));
}
