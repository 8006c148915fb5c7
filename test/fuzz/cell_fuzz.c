/* cell_fuzz.c: any text as a cell of an export. What is known is in range. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "imports/cell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char name[64];
	int64_t count;
	double number;
	int year, month, day;

	memcpy(text, data, size);
	text[size] = '\0';
	if (cell_count(text, &count) == CELL_KNOWN)
		assert(count >= 0 && count < INT64_C(1000000000000000000));
	if (cell_number(text, &number) == CELL_KNOWN)
		assert(isfinite(number) && number >= 0);
	if (cell_percent(text, &number) == CELL_KNOWN)
		assert(number >= 0 && number <= 1);
	if (cell_seconds(text, &number) == CELL_KNOWN)
		assert(isfinite(number) && number >= 0);
	if (cell_day(text, &year, &month, &day) == CELL_KNOWN)
		assert(month >= 1 && month <= 12 && day >= 1 && day <= 31);
	cell_name(text, name, sizeof(name));
	assert(strlen(name) < sizeof(name));
	free(text);
	return 0;
}
