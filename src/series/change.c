/*
 * change.c
 *    The one rule of change over N days.
 */
#include "postgres.h"

#include <math.h>

#include "dreamsuite.h"

#include "series/change.h"

const int change_periods[CHANGE_PERIODS] = {1, 7, 30};

const char *
quality_word(Quality quality)
{
	switch (quality)
	{
		case QUALITY_EXACT:
			return "exact";
		case QUALITY_GAP:
			return "gap";
		case QUALITY_ROUNDED:
			return "rounded";
		case QUALITY_ROLLING:
			return "rolling";
		case QUALITY_RESET:
			return "reset";
	}
	pg_unreachable();
}

void
history_init(History *history, MemoryContext context)
{
	memset(history, 0, sizeof(*history));
	history->context = context;
	history_clear(history);
}

void
history_clear(History *history)
{
	for (int i = 0; i < HISTORY_DAYS; i++)
	{
		if (history->values[i].big)
			pfree(history->values[i].big);
		history->values[i].big = NULL;
		history->dates[i] = HISTORY_EMPTY;
	}
}

void
history_put(History *history, DateADT date, const Number *value)
{
	uint32 place = (uint32) date & (HISTORY_DAYS - 1);
	Number *kept = &history->values[place];

	if (!value->known)
		return;
	if (unlikely(kept->big != NULL))
		pfree(kept->big);
	*kept = *value;
	if (unlikely(value->big != NULL))
	{
		MemoryContext before = MemoryContextSwitchTo(history->context);

		kept->big = number_palloc_numeric(value);
		MemoryContextSwitchTo(before);
	}
	history->dates[place] = date;
}

const Number *
change_baseline(const History *history, DateADT date, int days, bool *exact)
{
	for (int late = 0; late <= days / 7; late++)
	{
		const Number *base = history_at(history, date - days - late);

		if (base)
		{
			if (exact)
				*exact = late == 0;
			return base;
		}
	}
	return NULL;
}

/* The nearest observation before the day, not further back than CHANGE_NEAR. */
static const Number *
observation_before(const History *history, DateADT date)
{
	for (int back = 1; back <= CHANGE_NEAR; back++)
	{
		const Number *value = history_at(history, date - back);

		if (value)
			return value;
	}
	return NULL;
}

void
change_compute(const History *history, DateADT date, const Number *value, FieldKind kind, Change *change)
{
	bool counter = kind == KIND_COUNTER || kind == KIND_ROUNDED;
	bool gap = false;
	bool older = false; /* an observation older than the period's day is at hand */
	bool reset = false;

	/* the longest period first, so that a shorter one knows whether the series is older than its day */
	for (int i = CHANGE_PERIODS - 1; i >= 0; i--)
	{
		bool exact = false;
		const Number *base = change_baseline(history, date, change_periods[i], &exact);

		if (base)
		{
			change->change[i] = number_subtract(value, base);
			change->percent[i] = number_percent(&change->change[i], base);
			if (counter && number_under_half(value, base))
				reset = true;
			older = true;
		}
		else
		{
			change->change[i] = NUMBER_UNKNOWN;
			change->percent[i] = NAN;
		}

		if (!exact)
		{
			if (i == 0)
			{
				const Number *before = observation_before(history, date);

				older |= before != NULL;
				if (before && counter && number_under_half(value, before))
					reset = true;
			}
			gap |= older;
		}
	}

	if (reset)
		change->quality = QUALITY_RESET;
	else if (kind == KIND_ROLLING)
		change->quality = QUALITY_ROLLING;
	else if (kind == KIND_ROUNDED)
		change->quality = QUALITY_ROUNDED;
	else
		change->quality = gap ? QUALITY_GAP : QUALITY_EXACT;
}
