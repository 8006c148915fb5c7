/* claims_fuzz.c: any bytes as the text of a language model. Claims and citations lie within it, in order. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/claims.h"

#define MOST 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size > 0 ? size : 1);
	Claim claims[MOST];
	Citation citations[MOST];
	int citation_count = 0, count;

	memcpy(text, data, size);
	count = claims_find(text, (int) size, claims, MOST, citations, MOST, &citation_count);
	assert(count >= -1 && count <= MOST);
	for (int i = 0; i < count; i++)
	{
		const Claim *claim = &claims[i];

		assert(claim->start >= 0 && claim->length > 0 && (size_t) claim->start + claim->length <= size);
		assert(i == 0 || claim->start >= claims[i - 1].start);
		assert(!isnan(claim->value) && claim->value >= 0);
		assert(claim->cited_count >= 0 && claim->cited >= 0);
		assert(claim->cited_count == 0 || claim->cited + claim->cited_count <= citation_count);
		(void) claim_fit(claim, 3.5, false);
		(void) claim_fit(claim, -1e9, true);
	}
	for (int i = 0; count >= 0 && i < citation_count; i++)
		assert(citations[i].start >= 0 && (size_t) citations[i].start + citations[i].length <= size);
	free(text);
	return 0;
}
