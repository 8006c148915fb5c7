/*
 * cover.c
 *    Planted truths: whether 80 % intervals of forecasts and goal dates hold what they promise on series whose pace
 *    changes, what share of planted spikes and changes is found, and how forecasts compare with repeating the last
 *    value. One setting for all kinds of series.
 */
#include "draw.h"
#include "series.h"
#include "stats/anomaly.h"
#include "stats/changepoint.h"
#include "stats/forecast.h"
#include "stats/goal.h"

static void
forecasts(void)
{
	static const struct
	{
		int n, horizon;
	} sizes[] = {{30, 7}, {60, 14}, {120, 28}, {300, 14}};
	char what[100];

	for (int k = 0; k < 4; k++)
	{
		double all_covered = 0.0;

		for (Kind kind = 0; kind < KINDS; kind++)
		{
			int n = sizes[k].n, horizon = sizes[k].horizon;
			int runs = 400;
			int covered = 0, made = 0;
			double error = 0.0, naive = 0.0;

			draw.state = 1000 + 10 * k + kind;
			for (int run = 0; run < runs; run++)
			{
				double x[MOST];
				ForecastStep step[28];
				int steps;

				make_series(kind, x, n + horizon);
				stats_forecast(x, n, horizon, 0.8, 7, step, &steps);
				for (int h = 0; h < steps; h++)
				{
					double truth = x[n + h];

					made++;
					covered += step[h].lo <= truth && truth <= step[h].hi;
					error += fabs(step[h].mean - truth);
					naive += fabs(x[n - 1] - truth);
				}
			}
			all_covered += (double) covered / made / KINDS;
			snprintf(what, sizeof(what), "forecast %s, %d days, %d ahead: error against naive",
					 kind_names[kind], n, horizon);
			report(what, error / naive, 0, 1.15);
			snprintf(what, sizeof(what), "forecast %s, %d days, %d ahead: 80 %% covers", kind_names[kind], n,
					 horizon);
			report(what, (double) covered / made, 0.72, 0.88);
		}
		snprintf(what, sizeof(what), "forecast, %d days, all kinds: 80 %% covers", sizes[k].n);
		report(what, all_covered, 0.75, 0.85);
	}
}


static const char *const pace_names[] = {"wandering pace", "jumping pace", "bursts",      "growing pace",
										 "declining pace", "few a day",    "weekly posts"};
#define PACES ((int) (sizeof(pace_names) / sizeof(pace_names[0])))

/* Levels of a counter whose pace changes in one way. */
static void
make_counter(int kind, double *x, int n)
{
	double level = 1000.0, wander = 0.0, pace = 20.0 + 60.0 * uniform(), burst = 0.0;

	for (int t = 0; t < n; t++)
	{
		double mean = 0.0;

		wander = 0.97 * wander + 0.08 * normal();
		if (uniform() < 0.02)
			pace = 20.0 + 60.0 * uniform();
		burst = 0.8 * burst + (uniform() < 0.02 ? 100.0 * uniform() : 0.0);
		switch (kind)
		{
			case 0:
				mean = 50.0 * exp(1.2 * wander);
				break;
			case 1:
				mean = pace;
				break;
			case 2:
				mean = 30.0 + burst;
				break;
			case 3:
				mean = 40.0 * exp(0.004 * t + 0.7 * wander);
				break;
			case 4:
				mean = 60.0 * exp(-0.004 * t + 0.7 * wander);
				break;
			case 5:
				mean = 2.0 * exp(0.7 * wander);
				break;
			default:
				mean = t % 7 == 3 ? 120.0 * exp(wander) : 20.0 * exp(wander);
		}
		level += poisson(mean * (t % 7 >= 5 ? 1.3 : 0.9) * exp(0.3 * normal()));
		x[t] = level;
	}
}

/*
 * Dates of goals: of every kind of pace, whether the history is long enough for windows of its own or the table of other
 * counters answers. What is not dated is not counted; an interval without an end holds whatever comes.
 */
static void
goals(void)
{
	static const int days_of[] = {10, 21, 45, 90, 120, 200, 400};
	static const int ahead_of[] = {7, 14, 28, 56};
	char what[100];
	int kind_covered[PACES] = {0}, kind_dated[PACES] = {0};

	for (int k = 0; k < 7; k++)
	{
		for (int a = 0; a < 4; a++)
		{
			int n = days_of[k], ahead = ahead_of[a];
			int runs = 150;
			int covered = 0, dated = 0, open = 0, pooled = 0;

			if (ahead > n)
				continue;
			for (int kind = 0; kind < PACES; kind++)
			{
				draw.state = 2000 + 100 * k + 10 * a + kind;
				for (int run = 0; run < runs; run++)
				{
					double x[MOST];
					GoalEta eta;
					bool held;
					int truth;

					make_counter(kind, x, n + ahead);
					for (truth = 1; x[n - 1 + truth] < x[n - 1 + ahead]; truth++)
						;
					stats_goal_eta(x, n, x[n - 1 + ahead], 0.8, &eta);
					if (isnan(eta.lo))
						continue;
					held = eta.lo <= truth && !(eta.hi < truth);
					dated++;
					covered += held;
					open += isnan(eta.hi);
					pooled += eta.pooled;
					kind_dated[kind]++;
					kind_covered[kind] += held;
				}
			}
			snprintf(what, sizeof(what), "goal %d days ahead, %d known%s: 80 %% covers", ahead, n,
					 pooled > dated / 2 ? " (pooled)" : "");
			report(what, (double) covered / dated, 0.72, 0.88);
			snprintf(what, sizeof(what), "goal %d days ahead, %d known: without an end", ahead, n);
			report(what, (double) open / dated, 0, 0.35);
		}
	}
	for (int kind = 0; kind < PACES; kind++)
	{
		snprintf(what, sizeof(what), "goal, %s: 80 %% covers", pace_names[kind]);
		report(what, (double) kind_covered[kind] / kind_dated[kind], 0.72, 0.88);
	}
}

/* Spikes planted in days of counts. */
static void
spikes(void)
{
	static const double means[] = {3.0, 20.0, 300.0};
	static const double factors[] = {2.0, 3.0, 5.0};
	static const double least[3][3] = {{0.0, 0.1, 0.6}, {0.2, 0.6, 0.9}, {0.3, 0.7, 0.95}};
	char what[100];

	for (int m = 0; m < 3; m++)
	{
		for (int f = 0; f < 3; f++)
		{
			int runs = 300;
			int tested = 0, scored = 0;

			draw.state = 3000 + 10 * m + f;
			for (int run = 0; run < runs; run++)
			{
				double x[120], score[120];
				int day = 60 + stats_random_below(&draw, 60);
				DayTest test;

				for (int i = 0; i < 120; i++)
					x[i] = poisson(means[m] * (i % 7 >= 5 ? 1.4 : 0.84) * exp(0.25 * normal()));
				x[day] = floor(x[day] * factors[f] + 0.5);
				stats_day_test(x, day, 7, STATS_SCALE_COUNTS, &test);
				tested += test.p_value <= 0.05 && test.z > 0.0;
				stats_anomaly_scores(x, 120, 7, score);
				scored += score[day] >= 0.5;
			}
			snprintf(what, sizeof(what), "a day x %g on %g a day: p <= .05", factors[f], means[m]);
			report(what, (double) tested / runs, least[m][f], 1.0);
			snprintf(what, sizeof(what), "a day x %g on %g a day: score >= 0.5", factors[f], means[m]);
			report(what, (double) scored / runs, 0.25 * least[m][f], 1.0);
		}
	}
}

/* Harmonic mean of the share of changes found and the share of findings that are changes, within five days. */
static void
changes(void)
{
	static const char *const names[] = {"a step of 3 sd",        "steps of 3 sd in rho .5",
										"a step on a trend",     "the start of growth",
										"a step among outliers", "nothing on a trend"};
	char what[100];

	for (int kind = 0; kind < 6; kind++)
	{
		int runs = 300;
		int planted = 0, found = 0, right = 0;

		draw.state = 4000 + kind;
		for (int run = 0; run < runs; run++)
		{
			double x[400];
			int n = 60 + stats_random_below(&draw, 300);
			int at = n / 4 + stats_random_below(&draw, n / 2);
			int changed[400];
			int count;
			double noise = 0.0;

			for (int i = 0; i < n; i++)
			{
				noise = kind == 1 ? 0.5 * noise + 0.87 * normal() : normal();
				x[i] = noise + (kind == 4 && uniform() < 0.05 ? 8.0 * normal() : 0.0);
				if (kind == 2 || kind == 5)
					x[i] += 0.05 * i;
				if (i >= at && kind != 5)
					x[i] += kind == 3 ? 0.3 * (i - at) : 3.0;
			}
			stats_detect_changepoints(x, n, changed, &count);
			planted += kind != 5;
			found += count;
			for (int i = 0; i < count; i++)
				right += kind != 5 && abs(changed[i] - at) <= 5;
		}
		if (kind == 5)
		{
			snprintf(what, sizeof(what), "change points, %s: found per series", names[kind]);
			report(what, (double) found / runs, 0, 0.12);
			continue;
		}
		snprintf(what, sizeof(what), "change points, %s: precision", names[kind]);
		report(what, (double) right / found, 0.8, 1.0);
		snprintf(what, sizeof(what), "change points, %s: recall", names[kind]);
		report(what, (double) right / planted, 0.75, 1.0);
	}
}

int
main(void)
{
	forecasts();
	goals();
	spikes();
	changes();
	printf(failures == 0 ? "planted truths are found and covered\n" : "planted truths are missed\n");
	return failures > 0;
}
