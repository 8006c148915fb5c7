/* url_fuzz.c: any text as an address, and as a message out of which secrets are taken. */
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = palloc(size + 1), *origin, *host, *without, *redacted;
	StringInfoData out;

	memcpy(text, data, size);
	text[size] = '\0';
	origin = url_origin(text);
	host = url_host(text);
	without = url_without_param(text, "access_token");
	redacted = url_redact(text);
	if (strlen(without) > strlen(text))
		abort();
	if (url_is_plain_https(text))
	{
		/* What may be sent is an address of one host, which its own base serves. */
		if (host[0] == '\0' || origin[0] == '\0' || !url_same_origin(text, text))
			abort();
		pfree(url_under_base(text, "http://127.0.0.1:1"));
	}
	initStringInfo(&out);
	url_encode(&out, text);
	for (int i = 0; i < out.len; i++)
	{
		if ((unsigned char) out.data[i] <= ' ' || (unsigned char) out.data[i] >= 0x7F)
			abort();
	}
	pfree(out.data);
	pfree(origin);
	pfree(host);
	pfree(without);
	pfree(redacted);
	pfree(text);
	return 0;
}
