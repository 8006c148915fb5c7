/*
 * transfer.c
 *    One request on its way: its copy, its libcurl handle, and what its end means.
 *
 * The callbacks run inside libcurl: they never raise and never palloc. They write to malloc'd buffers, set a flag and
 * return.
 *
 * libcurl: https://curl.se/libcurl/c/curl_easy_setopt.html, https://curl.se/libcurl/c/libcurl-errors.html
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "http/transfer.h"

#define MAX_HEADERS (64 * 1024)
#define RECEIVE     (64 * 1024) /* bytes asked of the kernel at once: a page of a listing in one call */
#define TOKEN_BODY  (16 * 1024) /* bodies of answers that bring tokens are smaller than this by far */

/* ---- Copies ---- */

/* Moves `length` bytes and a NUL to *free_space; returns where they are now. */
static char *
put(char **free_space, const char *data, size_t length)
{
	char *at = *free_space;

	if (length > 0)
		memcpy(at, data, length);
	at[length] = '\0';
	*free_space = at + length + 1;
	return at;
}

HttpTransfer *
transfer_create(const HttpRequest *request, const char *url)
{
	static const char type_name[] = "Content-Type: ";
	const char *type =
		request->content_type != NULL ? request->content_type : "application/x-www-form-urlencoded";
	bool post = request->method == HTTP_POST;
	int lines = list_length(request->headers) + (post ? 1 : 0);
	size_t url_length = strlen(url), type_length = strlen(type);
	size_t size = sizeof(HttpTransfer) + lines * sizeof(struct curl_slist) + url_length + 1;
	HttpTransfer *transfer;
	struct curl_slist *line;
	char *free_space;
	ListCell *cell;

	foreach (cell, request->headers)
		size += strlen(lfirst(cell)) + 1;
	if (post)
		size += sizeof(type_name) + type_length + request->body_length + 1;
	transfer = malloc(size);
	if (transfer == NULL)
		return NULL;
	memset(transfer, 0, sizeof(HttpTransfer));
	transfer->size = size;
	transfer->method = request->method;
	transfer->timeout_ms = request->timeout_ms;

	line = (struct curl_slist *) (transfer + 1);
	free_space = (char *) (line + lines);
	transfer->url = put(&free_space, url, url_length);
	transfer->request_headers = lines > 0 ? line : NULL;
	foreach (cell, request->headers)
	{
		line->data = put(&free_space, lfirst(cell), strlen(lfirst(cell)));
		line->next = --lines > 0 ? line + 1 : NULL;
		line++;
	}
	if (post)
	{
		line->data = free_space;
		line->next = NULL;
		memcpy(free_space, type_name, sizeof(type_name) - 1);
		free_space += sizeof(type_name) - 1;
		put(&free_space, type, type_length);
		transfer->request_body = put(&free_space, request->body, request->body_length);
		transfer->request_length = request->body_length;
	}
	Assert(free_space == (char *) transfer + size);
	return transfer;
}

void
transfer_free(HttpTransfer *transfer)
{
	buffer_free(&transfer->body, transfer->body.length <= TOKEN_BODY);
	buffer_free(&transfer->headers, false);
	explicit_bzero(transfer, transfer->size);
	free(transfer);
}

void
http_request_wipe(HttpRequest *request)
{
	ListCell *cell;

	foreach (cell, request->headers)
	{
		char *line = lfirst(cell);
		size_t name = strcspn(line, ":");

		if ((name >= 13 && pg_strncasecmp(line + name - 13, "authorization", 13) == 0) ||
			(name >= 5 && pg_strncasecmp(line + name - 5, "token", 5) == 0))
			explicit_bzero(line, strlen(line));
	}
}

/* ---- libcurl's callbacks ---- */

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	HttpHandle *handle = arg;
	HttpTransfer *transfer = handle->transfer;
	curl_off_t announced = 0;

	/* A body that says how long it is finds its room at once. */
	if (transfer->body.room == 0 &&
		curl_easy_getinfo(handle->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced) == CURLE_OK &&
		announced > 0)
		buffer_expect(&transfer->body, (size_t) announced);
	switch (buffer_append(&transfer->body, data, size * count))
	{
		case BUFFER_OK:
			return size * count;
		case BUFFER_FULL:
			transfer->too_large = true;
			break;
		case BUFFER_NO_MEMORY:
			transfer->no_memory = true;
			break;
	}
	return 0;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	HttpTransfer *transfer = ((HttpHandle *) arg)->transfer;
	HttpBuffer *headers = &transfer->headers;
	size_t length = size * count, kept = length;

	/* A new status line begins a new response: an interim one said nothing that counts. */
	if (length >= 5 && memcmp(data, "HTTP/", 5) == 0)
		buffer_reset(headers, MAX_HEADERS, false);
	/* A NUL inside a line would end it early; that is all it could do. */
	while (kept > 0 && strchr(" \t\r\n", data[kept - 1]) != NULL)
		kept--;
	if (kept == 0)
		return length;
	switch (buffer_append(headers, data, kept))
	{
		case BUFFER_OK:
			if (buffer_append(headers, "", 1) == BUFFER_OK)
				return length;
			/* FALLTHROUGH */
		case BUFFER_FULL:
			transfer->headers_too_large = true;
			break;
		case BUFFER_NO_MEMORY:
			transfer->no_memory = true;
			break;
	}
	return 0;
}

/* ---- Handles ---- */

HttpHandle *
handle_create(void)
{
	HttpHandle *handle = calloc(1, sizeof(HttpHandle));

	if (handle != NULL && (handle->easy = curl_easy_init()) == NULL)
	{
		free(handle);
		handle = NULL;
	}
	return handle;
}

/* What is the same for every transfer that goes the same way. */
static bool
set_constant_options(HttpHandle *handle, bool plain, const HttpOptions *options, CURLSH *share)
{
	CURL *easy = handle->easy;
	bool ok = true;

#define SET(option, value) (ok = curl_easy_setopt(easy, option, value) == CURLE_OK && ok)
	curl_easy_reset(easy);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, handle);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, handle);
	SET(CURLOPT_SHARE, share);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_ACCEPT_ENCODING, "");
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) options->connect_timeout_ms);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, (long) options->idle_timeout_s);
	SET(CURLOPT_DNS_CACHE_TIMEOUT, 300L);
	SET(CURLOPT_BUFFERSIZE, (long) RECEIVE);
	/* A body that announces itself as too large is not even begun. */
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) options->max_body);
	/* The environment has no say: neither in which proxy is used nor for which hosts. */
	SET(CURLOPT_PROXY, options->proxy != NULL && !plain ? options->proxy : "");
	SET(CURLOPT_NOPROXY, "");
	if (options->ca_file != NULL)
		SET(CURLOPT_CAINFO, options->ca_file);
	if (options->user_agent != NULL)
		SET(CURLOPT_USERAGENT, options->user_agent);
		/* The one way to plain http is the test base, which leads to a port of this machine. */
#if CURL_AT_LEAST_VERSION(7, 85, 0)
	SET(CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
#else
	SET(CURLOPT_PROTOCOLS, (long) (plain ? CURLPROTO_HTTP : CURLPROTO_HTTPS));
#endif
	/* A second transfer waits until the first knows whether the host speaks HTTP/2, and then shares its connection. */
	SET(CURLOPT_HTTP_VERSION, (long) (plain ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
	SET(CURLOPT_PIPEWAIT, plain ? 0L : 1L);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
	/* A name that does not resolve must not hold up the end of the process. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
#undef SET
	return ok;
}

bool
handle_load(HttpHandle *handle, HttpTransfer *transfer, const HttpOptions *options, int generation,
			CURLSH *share)
{
	CURL *easy = handle->easy;
	bool ok = true;

#define SET(option, value) (ok = curl_easy_setopt(easy, option, value) == CURLE_OK && ok)
	if (handle->generation != generation || handle->plain != transfer->plain)
	{
		handle->generation = 0;
		if (!set_constant_options(handle, transfer->plain, options, share))
			return false;
		handle->generation = generation;
		handle->plain = transfer->plain;
	}
	transfer->handle = handle;
	transfer->body.cap = options->max_body;
	transfer->headers.cap = MAX_HEADERS;
	handle->transfer = transfer;
	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->error);
	SET(CURLOPT_URL, transfer->url);
	SET(CURLOPT_TIMEOUT_MS, (long) transfer->timeout_ms);
	SET(CURLOPT_HTTPHEADER, transfer->request_headers);
	if (transfer->method == HTTP_POST)
	{
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) transfer->request_length);
		SET(CURLOPT_POSTFIELDS, transfer->request_body);
	}
	else
	{
		SET(CURLOPT_POSTFIELDS, NULL);
		SET(CURLOPT_HTTPGET, 1L);
	}
#undef SET
	return ok;
}

void
handle_unload(HttpHandle *handle)
{
	/* They point into the transfer, which is about to go. */
	curl_easy_setopt(handle->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDS, NULL);
	if (handle->transfer != NULL)
		handle->transfer->handle = NULL;
	handle->transfer = NULL;
}

void
handle_free(HttpHandle *handle)
{
	handle_unload(handle);
	curl_easy_cleanup(handle->easy);
	free(handle);
}

/* ---- Ends ---- */

/*
 * In which phase a transfer was when it ended: the first whose mark is missing. The time of the connection is no mark:
 * newer versions of libcurl set it when TLS is done as well. A local port is there as soon as TCP is.
 */
static const char *
phase_of(CURL *easy, bool plain)
{
	curl_off_t name = 0, secured = 0, sent = 0, first = 0;
	long port = 0;

	curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &name);
	curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port);
	curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
	curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
	/* On a connection that was open already the earlier phases have no time of their own. */
	if (sent > 0)
		return first > 0 ? "receiving the answer" : "waiting for the answer";
	if (name == 0)
		return "resolving the name";
	if (port <= 0)
		return "connecting";
	if (secured == 0 && !plain)
		return "securing the connection (TLS)";
	return "sending the request";
}

/* What the end of a transfer was, and a text that says it. */
static ErrorClass
classify_end(HttpTransfer *transfer, CURLcode result)
{
	const char *phase, *detail;
	char *text = transfer->text;
	size_t room = sizeof(transfer->text);

	if (result == CURLE_OK)
		return ERROR_NONE;
	if (transfer->headers_too_large)
	{
		snprintf(text, room, "the headers of the answer are larger than %d bytes", MAX_HEADERS);
		return ERROR_TOO_LARGE;
	}
	if (transfer->too_large || result == CURLE_FILESIZE_EXCEEDED)
	{
		snprintf(text, room, "the answer is larger than %zu bytes", transfer->body.cap);
		return ERROR_TOO_LARGE;
	}
	phase = phase_of(transfer->handle->easy, transfer->plain);
	detail = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(result);
	switch (result)
	{
		case CURLE_OPERATION_TIMEDOUT:
			snprintf(text, room, "timed out while %s: %s", phase, detail);
			return ERROR_TIMEOUT;
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_BAD_CONTENT_ENCODING:
		case CURLE_UNSUPPORTED_PROTOCOL:
			snprintf(text, room, "what came is not an HTTP answer: %s", detail);
			return ERROR_BAD_RESPONSE;
		default:
			if (transfer->no_memory)
				detail = "out of memory";
			snprintf(text, room, "failed while %s: %s", phase, detail);
			return ERROR_NETWORK;
	}
}

void
transfer_end(HttpTransfer *transfer, CURLcode result)
{
	CURL *easy = transfer->handle->easy;
	HttpAnswer *answer = &transfer->answer;
	long status = 0, connects = 0, header_size = 0, version = 0;
	curl_off_t total = 0, received = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &header_size);
	curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &total);
	curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
	*answer = (HttpAnswer){.body = "", .transfer = transfer, .status = (int) status};
	answer->error = classify_end(transfer, result);
	answer->error_text = answer->error != ERROR_NONE ? transfer->text : NULL;
	/* Half a body is none: nobody should take it for the platform's word. */
	if (answer->error == ERROR_NONE && transfer->body.length > 0)
	{
		answer->body = transfer->body.data;
		answer->length = transfer->body.length;
	}
	answer->total_ms = total / 1000.0;
	answer->bytes = received + header_size;
	answer->reused = connects == 0 && status != 0;
	answer->http_version = version == CURL_HTTP_VERSION_2_0   ? 20
						   : version == CURL_HTTP_VERSION_1_1 ? 11
						   : version == CURL_HTTP_VERSION_1_0 ? 10
															  : 0;
}

void
transfer_give_up(HttpTransfer *transfer, const char *why)
{
	snprintf(transfer->text, sizeof(transfer->text), "the request was given up: %s", why);
	transfer->answer =
		(HttpAnswer){.body = "", .transfer = transfer, .error = ERROR_NETWORK, .error_text = transfer->text};
}

const char *
http_answer_header(const HttpAnswer *answer, const char *name)
{
	const HttpTransfer *transfer = answer->transfer;
	const HttpBuffer *headers = &transfer->headers;
	size_t n = strlen(name);

	if (headers->length == 0)
		return NULL;
	for (const char *line = headers->data; line < headers->data + headers->length; line += strlen(line) + 1)
	{
		if (pg_strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " \t");
	}
	return NULL;
}
