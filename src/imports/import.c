/*
 * import.c
 *    import_csv(): recognises a file by its columns, has it read, stores its days, and reports each row's fate.
 *
 * Everything happens in the caller's transaction: an error leaves nothing behind. A cell that cannot be understood costs
 * its row alone; a file that cannot be understood is refused.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include <math.h>

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/uuid.h"

#include "access.h"
#include "imports/cell.h"
#include "imports/import.h"
#include "series/repair.h"
#include "srf.h"

#define MAX_BYTES   (16 * 1024 * 1024)
#define MAX_ROWS    200000
#define NAME_BYTES  64
#define SHOWN_BYTES 40
#define MAX_TITLE   200

DREAMSUITE_FUNCTION(dreamsuite_import_csv);

static const FileKind *const kinds_of_platforms[] = {spotify_files, youtube_files};

/* ---- Names and kinds ---- */

/* Is the word in the comma-separated list? */
static bool
in_list(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at != NULL && *at != '\0';)
	{
		const char *end = strchrnul(at, ',');

		if ((size_t) (end - at) == length && strncmp(at, word, length) == 0)
			return true;
		at = *end == '\0' ? NULL : end + 1;
	}
	return false;
}

static const FileKind *
kinds_of(const Platform *platform)
{
	for (int i = 0; i < lengthof(kinds_of_platforms); i++)
	{
		if (strcmp(kinds_of_platforms[i][0].platform, platform->name) == 0)
			return kinds_of_platforms[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("no file of platform \"%s\" can be imported", platform->name),
			 errdetail("Files of spotify (Spotify for Artists) and youtube (YouTube Studio) are known."),
			 errhint("Use dreamsuite.record_metrics().")));
}

/* "audience (date, listeners), songs (song, streams)" */
static char *
kind_list(const FileKind *kinds)
{
	StringInfoData text;

	initStringInfo(&text);
	for (const FileKind *kind = kinds; kind->name != NULL; kind++)
	{
		appendStringInfo(&text, "%s%s (", kind == kinds ? "" : ", ", kind->name);
		for (const char *s = kind->needs; *s != '\0'; s++)
			appendStringInfo(&text, *s == ',' ? ", " : "%c", *s);
		appendStringInfoString(&text, kind->any[0] == '\0' ? ")" : ", a metric)");
	}
	return text.data;
}

static const FileKind *
kind_by_name(const FileKind *kinds, const char *name)
{
	for (const FileKind *kind = kinds; kind->name != NULL; kind++)
	{
		if (strcmp(kind->name, name) == 0 || in_list(kind->also, name))
			return kind;
	}
	return NULL;
}

/*
 * The kind that the caller names, as "songs", "songs: all", "songs-all" or "Table data.csv"; what stands behind the name
 * goes to *parameter.
 */
static const FileKind *
named_kind(const FileKind *kinds, const char *given, const char **parameter)
{
	char *copy = pstrdup(given), *colon = strchr(copy, ':');
	char name[NAME_BYTES];
	const FileKind *kind;

	*parameter = NULL;
	if (colon != NULL)
	{
		*colon++ = '\0';
		while (*colon == ' ')
			colon++;
		if (*colon != '\0')
			*parameter = colon;
	}
	for (char *s = copy; *s != '\0'; s++)
	{
		if (*s == '-')
			*s = ' ';
	}
	cell_name(copy, name, sizeof(name));
	if (strlen(name) > 4 && strcmp(name + strlen(name) - 4, ".csv") == 0)
		name[strlen(name) - 4] = '\0';
	kind = kind_by_name(kinds, name);
	if (kind == NULL && *parameter == NULL && strrchr(name, ' ') != NULL)
	{
		char *blank = strrchr(name, ' ');

		*blank = '\0';
		kind = kind_by_name(kinds, name);
		*parameter = pstrdup(blank + 1);
	}
	if (kind == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unknown kind \"%s\" of file for platform \"%s\"",
							   text_clip(given, SHOWN_BYTES), kinds->platform),
						errdetail("The kinds, with columns that tell them, are %s.", kind_list(kinds)),
						errhint("Pass one of them, or null to have the file recognised.")));
	if (*parameter != NULL && (kind->parameter == NULL || strlen(*parameter) > MAX_TITLE))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid kind \"%s\"", text_clip(given, SHOWN_BYTES)),
						kind->parameter == NULL ? errdetail("Nothing may stand behind \"%s\".", kind->name)
												: errdetail("Behind \"%s:\" may stand %s, at most %d bytes.",
															kind->name, kind->parameter, MAX_TITLE),
						errhint("Pass \"%s\".", kind->name)));
	return kind;
}

int
import_column(const Import *import, const char *name)
{
	for (int i = 0; i < import->columns; i++)
	{
		if (strcmp(import->names[i], name) == 0)
			return i;
	}
	return -1;
}

static bool
fits(const Import *import, const FileKind *kind)
{
	char *copy = pstrdup(kind->needs), *rest = NULL;
	bool any = kind->any[0] == '\0';

	for (char *name = strtok_r(copy, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
	{
		if (import_column(import, name) < 0)
			return false;
	}
	for (int i = 0; i < import->columns; i++)
	{
		if (in_list(kind->lacks, import->names[i]))
			return false;
		any |= in_list(kind->any, import->names[i]);
	}
	return any;
}

static char *
column_list(const Import *import)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < import->columns; i++)
		appendStringInfo(&text, "%s\"%s\"", i == 0 ? "" : ", ", text_clip(import->titles[i], SHOWN_BYTES));
	return text.data;
}

/* Which kind the columns make the file; an error unless it is the one that the caller names. */
static void
recognise(Import *import, const FileKind *kinds, const FileKind *named)
{
	const FileKind *found = kinds;

	if (named != NULL && fits(import, named))
	{
		import->kind = named;
		return;
	}
	while (found->name != NULL && !fits(import, found))
		found++;
	if (found->name == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the file is none that is known of platform \"%s\"", import->platform->name),
						errdetail("It has the columns %s.", column_list(import)),
						errhint("The kinds, with columns that tell them, are %s. Export in English.",
								kind_list(kinds))));
	if (named != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the file is of the kind \"%s\", not \"%s\"", found->name, named->name),
						errdetail("It has the columns %s.", column_list(import)),
						errhint("Pass the kind \"%s\".", found->name)));
	import->kind = found;
}

/* ---- Rows ---- */

pg_noreturn static void
refuse_text(const Csv *csv)
{
	ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					errmsg("the file cannot be read: %s in line %d", csv->error, csv->line),
					errhint("Pass the file as it was exported, in UTF-8.")));
}

static void
read_header(Import *import)
{
	CsvResult result = csv_next(&import->csv);

	if (result == CSV_ERROR)
		refuse_text(&import->csv);
	if (result == CSV_END)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the file is empty"),
						errhint("Pass the text of the file, with the line of its column names.")));
	import->columns = import->csv.count;
	import->names = palloc(sizeof(char *) * import->columns);
	import->titles = palloc(sizeof(char *) * import->columns);
	for (int i = 0; i < import->columns; i++)
	{
		import->titles[i] = import->csv.fields[i];
		import->names[i] = palloc(NAME_BYTES);
		cell_name(import->csv.fields[i], import->names[i], NAME_BYTES);
	}
	/* commas at the end of the line are no columns */
	while (import->columns > 1 && import->names[import->columns - 1][0] == '\0')
		import->columns--;
}

RowFate *
import_row(Import *import)
{
	return &import->rows[import->row_count - 1];
}

void
import_skip(Import *import, const char *format, ...)
{
	StringInfoData text;

	initStringInfo(&text);
	for (;;)
	{
		va_list args;
		int more;

		va_start(args, format);
		more = appendStringInfoVA(&text, format, args);
		va_end(args);
		if (more == 0)
			break;
		enlargeStringInfo(&text, more);
	}
	import_row(import)->skipped = text.data;
}

bool
import_next(Import *import)
{
	bool undated = import_column(import, "date") < 0;

	for (;;)
	{
		CsvResult result = csv_next(&import->csv);
		bool empty = true;

		CHECK_FOR_INTERRUPTS();
		if (result == CSV_ERROR)
			refuse_text(&import->csv);
		if (result == CSV_END)
			return false;
		for (int i = 0; i < import->csv.count; i++)
			empty &= import->csv.fields[i][0] == '\0';
		if (empty)
			continue;
		if (import->row_count == MAX_ROWS)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("the file has more than %d rows", MAX_ROWS),
							errhint("Import it in parts, each with the line of the column names.")));
		if (import->row_count == import->row_room)
		{
			import->row_room = Max(64, import->row_room * 2);
			import->rows = import->rows == NULL ? palloc(sizeof(RowFate) * import->row_room)
												: repalloc(import->rows, sizeof(RowFate) * import->row_room);
		}
		import->rows[import->row_count++] =
			(RowFate){.dated = undated, .date = import->today, .fate = DAY_UNCHANGED};
		for (int i = import->columns; i < import->csv.count; i++)
		{
			if (import->csv.fields[i][0] != '\0' && import_row(import)->skipped == NULL)
				import_skip(import, "line %d has more fields than there are columns", import->csv.line);
		}
		if (import_row(import)->skipped == NULL)
			return true;
	}
}

const char *
import_cell(const Import *import, int column)
{
	return column < 0 || column >= import->csv.count ? "" : import->csv.fields[column];
}

static bool
judge_cell(Import *import, int column, CellState state, const char *rule)
{
	if (state != CELL_BAD)
		return true;
	import_skip(import, "\"%s\" in column \"%s\" of line %d is %s",
				text_clip(import_cell(import, column), SHOWN_BYTES),
				text_clip(import->titles[column], SHOWN_BYTES), import->csv.line, rule);
	return false;
}

bool
import_count(Import *import, int column, int64 *value)
{
	int64_t count = 0;
	CellState state = cell_count(import_cell(import, column), &count);

	*value = state == CELL_KNOWN ? count : COUNT_UNKNOWN;
	return judge_cell(import, column, state, "no count");
}

bool
import_number(Import *import, int column, double *value)
{
	CellState state = cell_number(import_cell(import, column), value);

	if (state != CELL_KNOWN)
		*value = NAN;
	return judge_cell(import, column, state, "no number");
}

bool
import_percent(Import *import, int column, double *ratio)
{
	CellState state = cell_percent(import_cell(import, column), ratio);

	if (state != CELL_KNOWN)
		*ratio = NAN;
	return judge_cell(import, column, state, "no percentage");
}

bool
import_seconds(Import *import, int column, double *seconds)
{
	CellState state = cell_seconds(import_cell(import, column), seconds);

	if (state != CELL_KNOWN)
		*seconds = NAN;
	return judge_cell(import, column, state, "no duration");
}

bool
import_date(Import *import, int column, DateADT *date)
{
	int year, month, day;
	CellState state = cell_day(import_cell(import, column), &year, &month, &day);

	if (!judge_cell(import, column, state, "no day, or may be read as two"))
		return false;
	if (state == CELL_BLANK)
	{
		import_skip(import, "line %d has no date", import->csv.line);
		return false;
	}
	*date = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	import_row(import)->dated = true;
	import_row(import)->date = *date;
	if (*date > import->today)
	{
		import_skip(import, "the day is in the future");
		return false;
	}
	return true;
}

int64
import_whole(double value)
{
	value = rint(value);
	return !isnan(value) && FLOAT8_FITS_IN_INT64(value) ? (int64) value : COUNT_UNKNOWN;
}

/* ---- Days ---- */

Day *
import_find_day(const Import *import, DateADT date)
{
	int at = import->day_at[date - IMPORT_FIRST_DAY];

	return at == 0 ? NULL : &import->days[at - 1];
}

Day *
import_day(Import *import, DateADT date)
{
	Day *day = import_find_day(import, date);

	if (day != NULL)
		return day;
	if (import->day_count == import->day_room)
	{
		import->day_room = Max(64, import->day_room * 2);
		import->days = import->days == NULL ? palloc(sizeof(Day) * import->day_room)
											: repalloc(import->days, sizeof(Day) * import->day_room);
	}
	day = &import->days[import->day_count++];
	day_init(day, import->platform, date);
	import->day_at[date - IMPORT_FIRST_DAY] = import->day_count;
	return day;
}

void
import_row_of_day(Import *import)
{
	import_row(import)->of_day = true;
}

static int
compare_days(const void *left, const void *right)
{
	const Day *a = left, *b = right;

	return (a->date > b->date) - (a->date < b->date);
}

/* Stores the days of which something is known, in their order. */
static void
store_days(Import *import)
{
	int kept = 0;

	memset(import->day_at, 0, sizeof(int) * IMPORT_DAYS(import));
	for (int i = 0; i < import->day_count; i++)
	{
		if (!day_is_empty(&import->days[i], import->platform))
			import->days[kept++] = import->days[i];
	}
	import->day_count = kept;
	if (kept == 0)
		return;
	qsort(import->days, kept, sizeof(Day), compare_days);
	for (int i = 0; i < kept; i++)
		import->day_at[import->days[i].date - IMPORT_FIRST_DAY] = i + 1;
	days_store(import->user_id, import->platform, import->days, kept);
}

/* What the caller is told of the row. */
static char *
row_action(const Import *import, const RowFate *row)
{
	const Day *day;

	if (row->skipped != NULL)
		return psprintf("skipped: %s", row->skipped);
	day = row->of_day ? import_find_day(import, row->date) : NULL;
	if (day == NULL)
		return pstrdup(fate_name(row->fate));
	if (day->fate == DAY_UNCHANGED && row->fate != DAY_UNCHANGED)
		return pstrdup(fate_name(DAY_UPDATED));
	return pstrdup(fate_name(day->fate));
}

static void
report(const Import *import, ReturnSetInfo *info)
{
	for (int i = 0; i < import->row_count; i++)
	{
		const RowFate *row = &import->rows[i];
		Datum values[2] = {DateADTGetDatum(row->date), CStringGetTextDatum(row_action(import, row))};
		bool nulls[2] = {!row->dated, false};

		tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
	}
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const arguments[] = {"user_id", "platform", NULL, "csv"};
	static const char *const hints[] = {"Pass the uuid of the artist's user.",
										"See the view dreamsuite.platforms.", NULL,
										"Pass the text of the exported file."};

	for (int i = 0; i < lengthof(arguments); i++)
	{
		if (arguments[i] != NULL && PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not be null", arguments[i]), errhint("%s", hints[i])));
	}
}

/* import_csv(user_id uuid, platform text, kind text, csv text) returns table(date date, action text) */
Datum
dreamsuite_import_csv(PG_FUNCTION_ARGS)
{
	Import *import = palloc0(sizeof(Import));
	const FileKind *kinds, *named = NULL;
	ReturnSetInfo *info;
	text *file;
	char *bytes;

	if (!PG_ARGISNULL(0))
		access_check_user(PG_GETARG_UUID_P(0));
	check_arguments(fcinfo);
	info = srf_begin(fcinfo);
	import->user_id = PG_GETARG_DATUM(0);
	import->platform = platform_get(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	kinds = kinds_of(import->platform);
	if (!PG_ARGISNULL(2))
		named = named_kind(kinds, text_to_cstring(PG_GETARG_TEXT_PP(2)), &import->parameter);
	file = PG_GETARG_TEXT_PP(3);
	if (VARSIZE_ANY_EXHDR(file) > MAX_BYTES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the file is larger than %d bytes", MAX_BYTES),
						errhint("Import it in parts, each with the line of the column names.")));
	bytes = text_to_cstring(file);
	if (!csv_open(&import->csv, bytes, VARSIZE_ANY_EXHDR(file)))
		refuse_text(&import->csv);
	read_header(import);
	recognise(import, kinds, named);

	/* Whoever else works on the account's series waits from here on. */
	series_lock(import->user_id, import->platform->name);
	import->today = day_today(import->user_id, import->platform);
	import->day_at = palloc0(sizeof(int) * IMPORT_DAYS(import));
	import->kind->read(import);
	store_days(import);
	report(import, info);
	return (Datum) 0;
}
