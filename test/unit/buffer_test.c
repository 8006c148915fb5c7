/*
 * buffer_test.c
 *    The cap, the growth and the wiping of src/http/buffer.c.
 */
#include "http/buffer.h"

#include "unit.h"

static bool
is_wiped(const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (data[i] != '\0')
			return false;
	}
	return true;
}

int
main(void)
{
	HttpBuffer buffer = {.cap = 100000};
	HttpBuffer tiny = {.cap = 3};
	HttpBuffer none = {.cap = 0};
	char block[7000];
	bool same = true;
	char *kept;

	memset(block, 'x', sizeof(block));
	ok(buffer_append(&buffer, "", 0) == BUFFER_OK, "nothing can be added");
	is_text(buffer.data, "", "and leaves an empty text");
	ok(buffer_append(&buffer, "abc", 3) == BUFFER_OK, "bytes are added");
	ok(buffer_append(&buffer, "d\0f", 3) == BUFFER_OK, "a NUL among them too");
	ok(buffer.length == 6 && memcmp(buffer.data, "abcd\0f", 7) == 0, "and they end with a NUL of their own");

	for (int i = 0; i < 14; i++)
		same = buffer_append(&buffer, block, sizeof(block)) == BUFFER_OK && same;
	ok(same && buffer.length == 98006, "it grows as needed");
	ok(memcmp(buffer.data, "abcd\0f", 6) == 0 && buffer.data[98005] == 'x', "and keeps what it holds");
	ok(buffer_append(&buffer, block, 1995) == BUFFER_FULL && buffer.length == 98006,
	   "over the cap nothing is added");
	ok(buffer_append(&buffer, block, 1994) == BUFFER_OK && buffer.length == 100000,
	   "the cap itself is reached");
	ok(buffer_append(&buffer, "x", 1) == BUFFER_FULL, "and not passed");
	ok(buffer_append(&buffer, "x", (size_t) -1) == BUFFER_FULL, "a length that would wrap around is refused");
	ok(buffer_append(&buffer, "", 0) == BUFFER_OK, "nothing still fits");

	buffer_reset(&buffer, 1000, true);
	ok(buffer.data == NULL && buffer.room == 0 && buffer.length == 0, "memory over the limit is given back");
	ok(buffer_append(&buffer, "secret", 6) == BUFFER_OK, "it is used again");
	kept = buffer.data;
	buffer_reset(&buffer, 100000, true);
	ok(buffer.data == kept && buffer.length == 0, "memory under the limit stays");
	ok(is_wiped(kept, buffer.room < 7 ? buffer.room : 7), "and is wiped");
	ok(buffer_append(&buffer, "public", 6) == BUFFER_OK, "once more");
	buffer_reset(&buffer, 100000, false);
	ok(buffer.data[0] == '\0' && buffer.data[1] == 'u', "what is no secret is not wiped");
	buffer_free(&buffer, true);
	buffer_free(&buffer, true);
	ok(buffer.data == NULL, "it can be freed twice");

	ok(buffer_append(&tiny, "abcd", 4) == BUFFER_FULL && tiny.length == 0,
	   "a first piece over the cap is refused");
	ok(buffer_append(&tiny, "abc", 3) == BUFFER_OK, "one of the cap's size is taken");
	ok(buffer_append(&none, "a", 1) == BUFFER_FULL, "a cap of nothing holds nothing");
	buffer_free(&tiny, false);
	buffer_free(&none, false);
	return done();
}
