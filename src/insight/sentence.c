/*
 * sentence.c
 *    How numbers, metrics and days are said. Facts use these words alone, so that a sentence reads the same everywhere.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "lib/stringinfo.h"
#include "utils/datetime.h"

#include "insight/insight.h"

/* Puts commas between thousands of a text of digits. */
static const char *
with_commas(const char *digits)
{
	StringInfoData out;
	int length = strlen(digits);

	initStringInfo(&out);
	for (int i = 0; i < length; i++)
	{
		appendStringInfoChar(&out, digits[i]);
		if (i < length - 1 && (length - 1 - i) % 3 == 0)
			appendStringInfoChar(&out, ',');
	}
	return out.data;
}

/* Takes the zeros of a fraction away: 3.0 is 3, 2.50 is 2.5. */
static char *
without_zeros(char *text)
{
	int length = strlen(text);

	if (strchr(text, '.') == NULL)
		return text;
	while (text[length - 1] == '0')
		text[--length] = '\0';
	if (text[length - 1] == '.')
		text[--length] = '\0';
	return text;
}

const char *
say_number(double value)
{
	double size = fabs(value);
	const char *sign = value < 0 ? "-" : "";
	int digits = 0;

	if (size >= 100 || size == floor(size))
		return psprintf("%s%s", sign, with_commas(psprintf("%.0f", size)));
	/* three figures */
	for (double scaled = size; scaled < 100 && digits < 6; scaled *= 10)
		digits++;
	return psprintf("%s%s", sign, without_zeros(psprintf("%.*f", digits, size)));
}

const char *
say_target(double value)
{
	if (value >= 1e6 && fmod(value, 1e5) == 0)
		return psprintf("%sM", without_zeros(psprintf("%.1f", value / 1e6)));
	if (value >= 1e3 && value < 1e6 && fmod(value, 1e2) == 0)
		return psprintf("%sk", without_zeros(psprintf("%.1f", value / 1e3)));
	return say_number(value);
}

const char *
say_percent(double percent)
{
	double size = fabs(percent);

	return psprintf("%s%%", without_zeros(psprintf("%.*f", size >= 9.95 ? 0 : size >= 0.095 ? 1 : 2, size)));
}

const char *
say_ratio(double ratio)
{
	return psprintf("%sx", without_zeros(psprintf("%.*f", ratio >= 9.95 ? 0 : 1, ratio)));
}

const char *
say_date(DateADT day)
{
	struct pg_tm tm;
	static const char *const names[] = {"January",   "February", "March",    "April",
										"May",       "June",     "July",     "August",
										"September", "October",  "November", "December"};

	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	return psprintf("%d %s %d", tm.tm_mday, names[tm.tm_mon - 1], tm.tm_year);
}

const char *
say_weekday(int day)
{
	static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
										"Friday", "Saturday", "Sunday"};

	return names[day];
}

/* "followers", "monthly listeners": the metric as people say it. */
static const char *
say_measure(const Platform *platform, const char *metric)
{
	char *words;
	char *end;

	if (metric == NULL)
		return "numbers";
	if (strcmp(metric, "follower_count") == 0 && platform && platform->audience)
		metric = platform->audience;
	if (platform && platform->audience && strcmp(metric, platform->audience) == 0)
	{
		const FieldDef *field = platform_field(platform, metric);

		return field && field->unit ? field->unit : "followers";
	}
	words = pstrdup(strncmp(metric, "total_", 6) == 0 ? metric + 6 : metric);
	end = words + strlen(words);
	if (end - words > 6 && (strcmp(end - 6, "_total") == 0 || strcmp(end - 6, "_count") == 0))
		end[-6] = '\0';
	for (char *c = words; *c; c++)
	{
		if (*c == '_')
			*c = ' ';
	}
	return words;
}

const char *
say_metric(const Platform *platform, const char *metric)
{
	return psprintf("%s %s", platform->label, say_measure(platform, metric));
}

const char *
say_of_day(const Track *track, DateADT day)
{
	const Series *series = track->series;

	if (series->kind == KIND_ROLLING && series->field && series->field->window_days > 1 &&
		strncmp(series->metric, "monthly_", strlen("monthly_")) != 0)
		return psprintf("in the %d days to %s", series->field->window_days, say_date(day));
	return psprintf("on %s", say_date(day));
}

const char *
say_gains(const Platform *platform, const Track *track)
{
	char *words = pstrdup(say_measure(platform, track->series->metric));
	int length = strlen(words);

	if (track->role != ROLE_AUDIENCE)
		return words;
	/* followers: follower growth */
	if (length > 1 && words[length - 1] == 's')
		words[length - 1] = '\0';
	return psprintf("%s growth", words);
}

const char *
say_kind(const char *kind, bool capital)
{
	char *words = psprintf("%s%s", kind,
						   strcmp(kind, "status") == 0  ? " posts"
						   : strcmp(kind, "story") == 0 ? ""
														: "s");

	if (strcmp(kind, "story") == 0)
		words = pstrdup("stories");
	else if (strcmp(kind, "reply") == 0)
		words = pstrdup("replies");
	if (capital)
		words[0] = toupper((unsigned char) words[0]);
	return words;
}
