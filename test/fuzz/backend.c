/*
 * backend.c
 *    The fuzzers of what needs a server: answers of the platforms, headers and token answers, imported files, schedules.
 *
 * The file becomes a part of the extension's library (see the script "fuzz" beside it), built with libFuzzer and the
 * sanitizers, and runs in a server of one process. With FUZZ_REPLAY it goes through the files of the corpus once, without
 * either, as make check does.
 *
 * Memory comes from malloc(), piece by piece, so that the address sanitizer sees the end of each (PostgreSQL 15 and
 * earlier; later servers choose the kinds of contexts themselves).
 *
 * What must hold of any input: no crash, no error but those that a caller is meant to see, every metric of a platform is in
 * its document, counts are not negative, texts are UTF-8, no named wait is longer than a year.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <dirent.h>
#include <sys/stat.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/memnodes.h"
#include "parser/parse_func.h"
#include "storage/fd.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "http/url.h"
#include "oauth/oauth.h"
#include "platform/platform.h"

#define MOST_REQUESTS 60
#define MOST_SECTIONS 100
#define LONGEST_WAIT  (367 * USECS_PER_DAY)

DREAMSUITE_FUNCTION(dreamsuite_fuzz);

/* ---- Memory, piece by piece ---- */

#if PG_VERSION_NUM < 160000
typedef struct Piece
{
	struct Piece *previous, *next;
	Size size;
	MemoryContext context; /* directly before the piece, where pfree() looks for it */
} Piece;

typedef struct PieceContext
{
	MemoryContextData header;
	Piece pieces; /* a ring */
} PieceContext;

static void *
piece_alloc(MemoryContext context, Size size)
{
	PieceContext *owner = (PieceContext *) context;
	Piece *piece = malloc(sizeof(Piece) + size);

	if (piece == NULL)
		return NULL;
	piece->size = size;
	piece->context = context;
	piece->previous = &owner->pieces;
	piece->next = owner->pieces.next;
	piece->next->previous = owner->pieces.next = piece;
	context->isReset = false;
	return piece + 1;
}

static void
piece_free(MemoryContext context, void *pointer)
{
	Piece *piece = (Piece *) pointer - 1;

	piece->previous->next = piece->next;
	piece->next->previous = piece->previous;
	free(piece);
}

static void *
piece_realloc(MemoryContext context, void *pointer, Size size)
{
	void *grown = piece_alloc(context, size);

	if (grown != NULL)
	{
		memcpy(grown, pointer, Min(size, ((Piece *) pointer - 1)->size));
		piece_free(context, pointer);
	}
	return grown;
}

static void
piece_reset(MemoryContext context)
{
	PieceContext *owner = (PieceContext *) context;

	while (owner->pieces.next != &owner->pieces)
		piece_free(context, owner->pieces.next + 1);
}

static void
piece_delete(MemoryContext context)
{
	piece_reset(context);
	free(context);
}

static Size
piece_space(MemoryContext context, void *pointer)
{
	return ((Piece *) pointer - 1)->size + sizeof(Piece);
}

static bool
piece_is_empty(MemoryContext context)
{
	return ((PieceContext *) context)->pieces.next == &((PieceContext *) context)->pieces;
}

static void
piece_stats(MemoryContext context, MemoryStatsPrintFunc print, void *arg, MemoryContextCounters *totals,
			bool to_stderr)
{
}

static const MemoryContextMethods piece_methods = {
	.alloc = piece_alloc,
	.free_p = piece_free,
	.realloc = piece_realloc,
	.reset = piece_reset,
	.delete_context = piece_delete,
	.get_chunk_space = piece_space,
	.is_empty = piece_is_empty,
	.stats = piece_stats,
};

static MemoryContext
pieces_create(void)
{
	PieceContext *context = calloc(1, sizeof(PieceContext));

	context->pieces.previous = context->pieces.next = &context->pieces;
	MemoryContextCreate((MemoryContext) context, T_AllocSetContext, &piece_methods, TopMemoryContext, "fuzz");
	return (MemoryContext) context;
}
#else
static MemoryContext
pieces_create(void)
{
	return AllocSetContextCreate(TopMemoryContext, "fuzz", ALLOCSET_DEFAULT_SIZES);
}
#endif

/* ---- The target ---- */

static const char *running;         /* its name, for messages */
static const Platform *of_platform; /* whose answers; NULL: of_text is asked */
static void (*of_text)(char *);

/* ---- What must hold ---- */

static void
violated(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s: %s\n", running, what, detail != NULL ? detail : "");
	abort();
}

static void
check_text(const char *what, const char *text)
{
	if (text != NULL && !pg_verify_mbstr(PG_UTF8, text, strlen(text), true))
		violated(what, "is no UTF-8");
}

static void
check_wait(const char *what, TimestampTz until, TimestampTz at)
{
	if (until != 0 && until > at + LONGEST_WAIT)
		violated(what, "is more than a year ahead");
}

/* ---- A recorded conversation ---- */

/*
 * The first line is the account, as JSON. Then come answers, parted by lines of "====": a line "PATH STATUS", headers, an
 * empty line, the body.
 */
typedef struct Section
{
	char *path;
	int status;
	char *headers; /* lines */
	char *body;
	size_t length;
	bool used;
} Section;

static char *
cut(char **rest, const char *mark)
{
	char *start = *rest, *at = start != NULL ? strstr(start, mark) : NULL;

	*rest = at != NULL ? at + strlen(mark) : NULL;
	if (at != NULL)
		*at = '\0';
	return start;
}

static int
read_sections(char *text, Section *sections)
{
	int n = 0;

	while (text != NULL && n < MOST_SECTIONS)
	{
		char *rest = cut(&text, "\n====\n");
		Section *section = &sections[n++];
		char *space;

		section->path = cut(&rest, "\n");
		space = strrchr(section->path, ' ');
		section->status = space != NULL ? atoi(space + 1) : 0;
		if (space != NULL)
			*space = '\0';
		section->headers = "";
		section->body = rest != NULL ? rest : "";
		if (section->body[0] == '\n')
			section->body++;
		else if (rest != NULL && strstr(rest, "\n\n") != NULL)
		{
			section->headers = cut(&rest, "\n\n");
			section->body = rest;
		}
		section->length = strlen(section->body);
		section->used = false;
	}
	return n;
}

static const char *
section_header(const Answer *answer, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = answer->header_arg; line != NULL && line[0] != '\0';)
	{
		const char *end = strchrnul(line, '\n');

		if (pg_strncasecmp(line, name, n) == 0 && line[n] == ':')
		{
			line += n + 1 + strspn(line + n + 1, " \t");
			return pnstrdup(line, end > line ? end - line : 0);
		}
		line = *end == '\n' ? end + 1 : end;
	}
	return NULL;
}

/* The first unused answer to the address's path, else the first unused one. */
static Section *
section_for(Section *sections, int count, const char *url)
{
	const char *path = strchr(url + strlen("https://"), '/');
	size_t n = path != NULL ? strcspn(path, "?") : 0;
	Section *first = NULL;

	for (int i = 0; i < count; i++)
	{
		if (sections[i].used)
			continue;
		if (path != NULL && strncmp(sections[i].path, path, n) == 0 && sections[i].path[n] == '\0')
			return &sections[i];
		if (first == NULL)
			first = &sections[i];
	}
	return first;
}

static Answer
answer_of(const Section *section, const Request *request, TimestampTz at)
{
	Jsonb *parsed = json_parse(section->body, section->length, NULL);

	return (Answer){.request = request,
					.status = section->status,
					.body = parsed != NULL ? &parsed->root : NULL,
					.text = section->body,
					.header = section_header,
					.header_arg = section->headers,
					.at = at};
}

static void
check_limits(const Platform *platform, const Answer *answer)
{
	LimitsSeen seen = {LIMIT_UNSEEN, LIMIT_UNSEEN, LIMIT_UNSEEN, LIMIT_UNSEEN};
	const LimitSeen *all[] = {&seen.app, &seen.bucket, &seen.account, &seen.step};

	if (platform->limits == NULL)
		return;
	platform->limits(answer, &seen);
	for (int i = 0; i < lengthof(all); i++)
	{
		check_wait("a pause", all[i]->pause_until, answer->at);
		check_wait("a reset", all[i]->resets_at, answer->at);
		if (isinf(all[i]->used) || isinf(all[i]->quota) || isinf(all[i]->tokens) || isinf(all[i]->rate))
			violated("a limit", "is infinite");
	}
}

static Verdict
judge(const Platform *platform, const Answer *answer)
{
	Verdict verdict = platform->classify(answer);
	ListCell *cell;

	check_text("a verdict's message", verdict.message);
	check_wait("a verdict's wait", verdict.wait_until, answer->at);
	foreach (cell, verdict.metrics)
		check_text("a retired metric", lfirst(cell));
	return verdict;
}

/* Every metric is there, no count is negative, all text is UTF-8, no item has an empty id. */
static void
check_document(const Platform *platform, const Normalised *out)
{
	Jsonb *document = normalised_document(out);
	const JsonbContainer *metrics = json_object_in(&document->root, "metrics");

	check_text("a document", JsonbToCString(NULL, &document->root, VARSIZE(document)));
	for (int i = 0; platform->fields[i].name != NULL; i++)
	{
		const MetricValue *value = &out->values[i];

		if (!json_has(metrics, platform->fields[i].name))
			violated("a metric is missing", platform->fields[i].name);
		if (value->known && platform->fields[i].type == FIELD_COUNT && value->count < 0 &&
			platform->fields[i].kind != KIND_CHANGE)
			violated("a negative count", platform->fields[i].name);
		if (value->known && platform->fields[i].type == FIELD_NUMBER && platform->fields[i].at_most > 0 &&
			value->number > platform->fields[i].at_most)
			violated("a number beyond its bound", platform->fields[i].name);
	}
	if ((out->follower_count < 0 && out->follower_count != COUNT_UNKNOWN) ||
		(out->engagement_total < 0 && out->engagement_total != COUNT_UNKNOWN) ||
		(out->content_count < 0 && out->content_count != COUNT_UNKNOWN))
		violated("a negative count", "of the core");
	for (int i = 0; i < out->content->count; i++)
	{
		const ContentItem *item = out->content->items[i];

		if (item->content_id == NULL || item->content_id[0] == '\0')
			violated("an item", "has no id");
		if (contents_find(out->content, item->content_id) != item)
			violated("an item is there twice", item->content_id);
	}
}

/* A run as the collector makes it: requests, answers, further requests, the document. */
static Contents *
converse(const Platform *platform, const Account *account, Section *sections, int count, Contents *known)
{
	RequestPlan *plan = plan_create(platform, account, known, 5);
	Normalised *out;

	for (int i = 0; i < count; i++)
		sections[i].used = false;
	plan_begin(plan);
	for (int asked = 0; plan->pending != NIL && asked < MOST_REQUESTS; asked++)
	{
		Request *request = linitial(plan->pending);
		Section *section = section_for(sections, count, request->url);
		Answer answer;
		Verdict verdict;

		plan->pending = list_delete_first(plan->pending);
		if (!url_is_plain_https(request->url))
			violated("a request's address", request->url);
		if (section == NULL)
		{
			plan_drop(plan, request);
			continue;
		}
		section->used = true;
		answer = answer_of(section, request, account->observed_at);
		check_limits(platform, &answer);
		verdict = judge(platform, &answer);
		if (verdict.error == ERROR_NONE && answer.body != NULL)
			plan_accept(plan, request, &answer);
		else
			plan_fail(plan, request, &verdict);
	}
	out = platform_normalise(platform, account, plan->responses, known);
	check_document(platform, out);
	return out->content;
}

static void
fuzz_answers(const Platform *platform, char *text)
{
	static const char *const by_default = "{\"external_id\": \"27\", \"settings\": {\"artist_id\": \"27\"}}";
	Section *sections = palloc0(sizeof(Section) * MOST_SECTIONS);
	char *rest = text, *line = cut(&rest, "\n");
	Jsonb *given = json_parse(line, strlen(line), NULL);
	Account account = {.has_token = true, .observed_at = time_from_iso("2026-03-01T06:00:00Z")};
	JsonItems scopes;
	char *scope;
	Contents *known;
	int count;

	if (given == NULL)
		given = json_parse(by_default, strlen(by_default), NULL);
	account.external_id = json_id(&given->root, "external_id");
	if (account.external_id != NULL && platform->valid_id != NULL && !platform->valid_id(account.external_id))
		account.external_id = "27";
	account.settings = json_object_in(&given->root, "settings");
	scopes = json_items(json_array_in(&given->root, "scopes"));
	while (json_next_text(&scopes, &scope))
		account.scopes = lappend(account.scopes, scope);
	account.local_midnight = local_midnight(account.observed_at, account_setting(&account, "time_zone"));
	count = read_sections(rest, sections);
	known = converse(platform, &account, sections, count, contents_create());
	/* the next day, with what is stored by now */
	if (json_bool(&given->root, "again", false))
	{
		for (int i = 0; i < known->count; i++)
			known->items[i]->listed = false;
		account.observed_at += USECS_PER_DAY;
		account.local_midnight += USECS_PER_DAY;
		converse(platform, &account, sections, count, known);
	}
}

/* ---- Headers and token answers, for every platform ---- */

static void
fuzz_headers(char *text)
{
	Section *sections = palloc0(sizeof(Section) * MOST_SECTIONS);
	int count = read_sections(text, sections);
	TimestampTz at = time_from_iso("2026-03-01T06:00:00Z");

	for (int i = 0; i < Min(count, 4); i++)
	{
		for (const Platform *const *p = platforms; *p != NULL; p++)
		{
			Request request = {.step = (*p)->steps, .url = "https://example.com/"};
			Answer answer = answer_of(&sections[i], &request, at);

			if (!(*p)->has_api)
				continue;
			check_wait("Retry-After", retry_after(&answer), at);
			(void) answer_date(&answer);
			check_limits(*p, &answer);
			judge(*p, &answer);
			for (const OAuthDef *def = (*p)->oauth; def != NULL; def = def->by_login)
			{
				for (TokenPurpose purpose = TOKENS_FOR_CODE; purpose <= TOKENS_OF_APP; purpose++)
				{
					TokenAnswer tokens = oauth_read_tokens(def, purpose, &answer);

					check_text("a token answer's message", tokens.message);
					check_wait("a token answer's wait", tokens.wait_until, at);
					if (tokens.error == ERROR_NONE && tokens.access_token == NULL)
						violated("a token answer", "is good and has no token");
				}
			}
		}
	}
}

/* ---- What SQL takes as text ---- */

static void fuzz_cron(char *text);

/* An error that a caller is meant to see: wrong data, or too much of it; of a schedule the function's own alone. */
static bool
error_is_meant(int sqlstate)
{
	if (of_text == fuzz_cron)
		return sqlstate == ERRCODE_INVALID_PARAMETER_VALUE;
	return sqlstate == ERRCODE_FEATURE_NOT_SUPPORTED ||
		   ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_DATA_EXCEPTION ||
		   ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/* import_csv() as the executor calls it; the first line is "PLATFORM KIND" (the kind may be left out). */
static void
fuzz_import(char *text)
{
	static FmgrInfo function;
	static Oid types[] = {UUIDOID, TEXTOID, TEXTOID, TEXTOID};
	LOCAL_FCINFO(fcinfo, 4);
	FmgrInfo info;
	ReturnSetInfo result = {.type = T_ReturnSetInfo,
							.allowedModes = SFRM_Materialize | SFRM_Materialize_Random};
	char *rest = text, *line = cut(&rest, "\n"), *kind = strchr(line, ' ');

	if (rest == NULL)
		return;
	if (function.fn_oid == InvalidOid)
		fmgr_info_cxt(
			LookupFuncName(list_make2(makeString("dreamsuite"), makeString("import_csv")), 4, types, false),
			&function, TopMemoryContext);
	if (kind != NULL)
		*kind++ = '\0';
	fmgr_info_copy(&info, &function, CurrentMemoryContext);
	result.econtext = CreateStandaloneExprContext();
	InitFunctionCallInfoData(*fcinfo, &info, 4, InvalidOid, NULL, (Node *) &result);
	fcinfo->args[0].isnull = fcinfo->args[1].isnull = fcinfo->args[3].isnull = false;
	fcinfo->args[0].value =
		DirectFunctionCall1(uuid_in, CStringGetDatum("00000000-0000-4000-8000-000000000002"));
	fcinfo->args[1].value = CStringGetTextDatum(line);
	fcinfo->args[2].value = kind != NULL ? CStringGetTextDatum(kind) : (Datum) 0;
	fcinfo->args[2].isnull = kind == NULL;
	fcinfo->args[3].value = CStringGetTextDatum(rest);
	FunctionCallInvoke(fcinfo);
}

static void
fuzz_cron(char *text)
{
	Oid types[] = {TEXTOID};
	Datum values[] = {CStringGetTextDatum(text)};

	SPI_connect();
	SPI_execute_with_args("SELECT dreamsuite.check_schedule($1)", 1, types, values, NULL, true, 0);
	SPI_finish();
}

/* ---- The targets ---- */

static MemoryContext pieces;

static void
run_one(const char *data, size_t size)
{
	char *text = MemoryContextAlloc(pieces, size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	MemoryContextSwitchTo(pieces);
	if (of_platform != NULL)
		fuzz_answers(of_platform, text);
	else
		of_text(text);
}

/* Text comes to functions of SQL as the server's encoding has it, and what they do is undone. */
static bool
is_sql(void)
{
	return of_text == fuzz_import || of_text == fuzz_cron;
}

int fuzz_one(const uint8_t *data, size_t size);

int
fuzz_one(const uint8_t *data, size_t size)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	if (is_sql() &&
		(memchr(data, '\0', size) != NULL || !pg_verify_mbstr(PG_UTF8, (const char *) data, size, true)))
		return 0;
	if (is_sql())
		BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		run_one((const char *) data, size);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(TopMemoryContext);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (is_sql())
	{
		RollbackAndReleaseCurrentSubTransaction();
		CurrentResourceOwner = owner;
	}
	MemoryContextSwitchTo(old);
	if (error != NULL)
	{
		if (!is_sql() || !error_is_meant(error->sqlerrcode))
			violated(unpack_sql_state(error->sqlerrcode), error->message);
		FreeErrorData((ErrorData *) error);
	}
	MemoryContextReset(pieces);
	return 0;
}

#ifdef FUZZ_REPLAY
/* Every file of the directories once; the number of files. */
static int
run_driver(int argc, char **argv)
{
	int n = 0;

	for (int i = 1; i < argc; i++)
	{
		DIR *directory = AllocateDir(argv[i]);
		struct dirent *entry;

		while ((entry = ReadDir(directory, argv[i])) != NULL)
		{
			char *path = psprintf("%s/%s", argv[i], entry->d_name);
			struct stat about;
			FILE *file;
			uint8_t *data;
			size_t size;

			if (stat(path, &about) != 0 || !S_ISREG(about.st_mode))
				continue;
			file = AllocateFile(path, "rb");
			if (file == NULL)
				ereport(ERROR, (errcode_for_file_access(), errmsg("could not open \"%s\": %m", path)));
			data = palloc(about.st_size + 1);
			size = fread(data, 1, about.st_size, file);
			FreeFile(file);
			fuzz_one(data, size);
			n++;
		}
		FreeDir(directory);
	}
	return n;
}
#else
extern int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *data, size_t size));

/* libFuzzer ends the process when it has done. */
static int
run_driver(int argc, char **argv)
{
	return LLVMFuzzerRunDriver(&argc, &argv, fuzz_one);
}
#endif

/* fuzz(target text, arguments text[]) returns integer: the arguments are those of libFuzzer, or directories */
Datum
dreamsuite_fuzz(PG_FUNCTION_ARGS)
{
	char *target = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Datum *texts;
	int count;
	char **argv;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL, &count);
	argv = palloc0(sizeof(char *) * (count + 2));
	argv[0] = "fuzz";
	for (int i = 0; i < count; i++)
		argv[i + 1] = TextDatumGetCString(texts[i]);
	running = target;
	of_platform = NULL;
	if (strncmp(target, "answers_", 8) == 0)
		of_platform = platform_get(target + 8);
	else if (strcmp(target, "headers") == 0)
		of_text = fuzz_headers;
	else if (strcmp(target, "import") == 0)
		of_text = fuzz_import;
	else if (strcmp(target, "cron") == 0)
		of_text = fuzz_cron;
	else
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown target \"%s\"", target)));
	pieces = pieces_create();
	count = run_driver(count + 1, argv);
	MemoryContextDelete(pieces);
	PG_RETURN_INT32(count);
}
