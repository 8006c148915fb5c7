/*
 * release.c
 *    What the music platforms share: release dates and the artists of a release.
 */
#include "postgres.h"

#include "platform/release.h"

/* Digits only, in the given number? */
static bool
all_digits(const char *text, int count)
{
	for (int i = 0; i < count; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

void
release_date(ContentItem *item, const char *date)
{
	char day[11] = "0000-01-01";
	const char *precision;
	TimestampTz time;

	if (date == NULL || strnlen(date, 4) < 4 || !all_digits(date, 4))
		return;
	memcpy(day, date, 4);
	if (date[4] == '\0')
		precision = "year";
	else if (date[4] == '-' && strnlen(date + 5, 2) == 2 && all_digits(date + 5, 2))
	{
		memcpy(day + 5, date + 5, 2);
		if (date[7] == '\0')
			precision = "month";
		else if (date[7] == '-' && strnlen(date + 8, 2) == 2 && all_digits(date + 8, 2) &&
				 (date[10] == '\0' || date[10] == 'T' || date[10] == ' '))
		{
			memcpy(day + 8, date + 8, 2);
			precision = "day";
		}
		else
			return;
	}
	else
		return;

	if (strncmp(day, "0000", 4) == 0 || strcmp(day, "1900-01-01") == 0)
		return;
	time = time_from_iso(day);
	if (time == TIME_UNKNOWN)
		return;
	item->published_at = time;
	/* A day needs no word, unless a coarser one was stored before. */
	if (strcmp(precision, "day") != 0 || json_has(release_extra(item), "release_date_precision"))
		content_extra_text(item, "release_date_precision", precision);
}

void
release_guests(ContentItem *item, const JsonbContainer *artists, const char *own)
{
	JsonItems items = json_items(artists);
	const JsonbContainer *artist;

	if (artists == NULL)
		return;
	while (json_next_object(&items, &artist))
	{
		char *id = json_id(artist, "id");
		char *name = json_text(artist, "name");

		if (name != NULL && name[0] != '\0' && (own == NULL || id == NULL || strcmp(id, own) != 0))
			item->collaborators = append_distinct(item->collaborators, name);
	}
	item->collaborators_known = true;
}

void
release_artists(ContentItem *item, const JsonbContainer *artists, const char *own)
{
	if (artists == NULL)
		return;
	item->collaborators = NIL;
	release_guests(item, artists, own);
}

bool
holds_id(const JsonbContainer *array, const char *id)
{
	JsonItems items = json_items(array);
	const JsonbContainer *entry;

	while (id != NULL && json_next_object(&items, &entry))
	{
		char *other = json_id(entry, "id");

		if (other != NULL && strcmp(other, id) == 0)
			return true;
	}
	return false;
}

const JsonbContainer *
release_extra(const ContentItem *item)
{
	return item != NULL && item->extra != NULL ? &item->extra->root : NULL;
}

List *
append_distinct(List *texts, char *text)
{
	ListCell *cell;

	foreach (cell, texts)
		if (strcmp(lfirst(cell), text) == 0)
			return texts;
	return lappend(texts, text);
}
