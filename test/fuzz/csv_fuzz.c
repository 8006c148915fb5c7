/* csv_fuzz.c: any bytes as a CSV file. Every field lies within the text and ends; the end stays the end. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "imports/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	Csv csv;

	memcpy(text, data, size);
	text[size] = '?';
	if (csv_open(&csv, text, size))
	{
		CsvResult result;

		while ((result = csv_next(&csv)) == CSV_RECORD)
		{
			assert(csv.count > 0 && csv.count <= CSV_MAX_COLUMNS);
			for (int i = 0; i < csv.count; i++)
			{
				assert(csv.fields[i] >= text && csv.fields[i] <= text + size);
				assert(csv.fields[i] + strlen(csv.fields[i]) <= text + size);
			}
		}
		assert(result == CSV_END || csv.error != NULL);
		assert(csv_next(&csv) == result);
	}
	else
		assert(csv.error != NULL);
	free(text);
	return 0;
}
