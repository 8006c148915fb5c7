/*
 * change.c
 *    The one rule of change over N days.
 */
#include "postgres.h"

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
	history->context = context;
	for (int i = 0; i < HISTORY_DAYS; i++)
	{
		history->values[i].big = NULL;
		history->dates[i] = HISTORY_EMPTY;
	}
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

/* Is there an observation more than `days` before the date, within reach? */
static bool
reaches_back(const History *history, DateADT date, int days)
{
	for (int back = CHANGE_REACH; back > days; back--)
	{
		if (history_at(history, date - back))
			return true;
	}
	return false;
}

/* The nearest observation before the date, within reach. */
static const Number *
observation_before(const History *history, DateADT date)
{
	for (int back = 1; back <= CHANGE_REACH; back++)
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
	bool any = false;
	bool gap = false;
	bool reset = false;

	for (int i = 0; i < CHANGE_PERIODS; i++)
	{
		bool exact = false;
		const Number *base = change_baseline(history, date, change_periods[i], &exact);

		if (base)
		{
			any = true;
			change->change[i] = number_subtract(value, base);
			change->percent[i] = number_percent(&change->change[i], base);
			reset |= counter && number_under_half(value, base);
		}
		else
		{
			change->change[i] = NUMBER_UNKNOWN;
			change->percent[i] = NAN;
		}
		if (!exact && !gap)
			gap = reaches_back(history, date, change_periods[i]);
	}
	if (counter && !any && gap)
		reset = number_under_half(value, observation_before(history, date));

	if (reset)
		change->quality = QUALITY_RESET;
	else if (kind == KIND_ROLLING)
		change->quality = QUALITY_ROLLING;
	else if (kind == KIND_ROUNDED)
		change->quality = QUALITY_ROUNDED;
	else
		change->quality = gap ? QUALITY_GAP : QUALITY_EXACT;
}
