/*
 * series.h
 *    Kinds of daily or weekly series on which forecasts are tried. One setting has to do for all of them.
 */
#ifndef SERIES_H
#define SERIES_H

#include "draw.h"

#define MOST 600

typedef enum Kind
{
	WALK,
	DRIFT,
	LEVEL,
	DAMPED,
	PACE,
	WEEKLY,
	LINE,
	BURSTS,
	ROLLING,
	GROWING,
	KINDS
} Kind;

static const char *const kind_names[] = {
	"random walk",    "walk with drift", "noisy level",        "damped trend",     "counter, changing pace",
	"weekly pattern", "noise on a line", "bursts of releases", "total of 28 days", "growing growth"};

static inline void
make_series(Kind kind, double *x, int n)
{
	double level = 1000.0;
	double trend = 0.0;
	double pace = 20.0 + 60.0 * uniform();
	double wander = 0.0;
	double drift = 4.0 * (uniform() - 0.3);
	double burst = 0.0;
	double gains[28] = {0.0};

	for (int t = 0; t < n; t++)
	{
		/* Now and then a day is three times as wild. */
		double shock = normal() * (uniform() < 0.03 ? 3.0 : 1.0);

		switch (kind)
		{
			case WALK:
				x[t] = level += 5.0 * shock;
				break;
			case DRIFT:
				x[t] = level += drift + 5.0 * shock;
				break;
			case LEVEL:
				x[t] = level + 10.0 * shock;
				level += 4.0 * shock;
				break;
			case DAMPED:
				trend = 0.9 * trend + 1.5 * normal();
				level += trend;
				x[t] = level + 5.0 * shock;
				break;
			case PACE:
				if (uniform() < 0.02)
					pace = 20.0 + 60.0 * uniform();
				x[t] = level += floor(pace * exp(0.4 * shock) * (t % 7 >= 5 ? 1.3 : 0.9));
				break;
			case WEEKLY:
				wander = 0.5 * wander + 0.15 * shock;
				x[t] = floor(300.0 * exp(wander + 0.0005 * drift * t) * (t % 7 >= 5 ? 1.4 : 0.9));
				break;
			case BURSTS:
				burst = 0.8 * burst + (uniform() < 0.03 ? 400.0 * uniform() : 0.0);
				x[t] = poisson((30.0 + burst) * (t % 7 >= 5 ? 1.3 : 0.9) * exp(0.2 * normal()));
				break;
			case ROLLING:
				/* a day's listeners enter the total and leave it 28 days later; the first days fill it */
				wander = 0.97 * wander + 0.08 * normal();
				for (int day = t == 0 ? 0 : 27; day < 28; day++)
				{
					int place = (t + day + 1) % 28;

					level -= gains[place];
					gains[place] = poisson(100.0 * exp(wander + 0.3 * normal()));
					level += gains[place];
				}
				x[t] = level - 1000.0;
				break;
			case GROWING:
				wander = 0.97 * wander + 0.08 * normal();
				x[t] = level += poisson(40.0 * exp(0.004 * t + 0.7 * wander + 0.3 * normal()));
				break;
			default:
				x[t] = level + drift * t + 20.0 * shock;
		}
	}
}

#endif
