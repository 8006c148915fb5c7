/*
 * pooled.c
 *    Makes the table of src/stats/goal.c: how the pace of counters changes, for artists whose own history is too short
 *    to tell. Counters are drawn broadly: a level of pace that wanders, jumps, bursts with releases that fade, grows or
 *    declines, with weekdays and daily noise; each of them more or less, and often not at all. Not one of the kinds on
 *    which cover.c tests the intervals. They are drawn so broadly that the pace of the two weeks to come is
 *    off by a sixth in the middle case, twice as far as public stream counts of well-known artists were.
 *
 *    make -C test/sim_stats table
 */
#include "draw.h"
#include "stats/robust.h"

#define DAYS     420
#define COUNTERS 20000

static const int horizon_of[] = {1, 2, 4, 7, 14, 28, 56, 112, 180};
#define HORIZONS ((int) (sizeof(horizon_of) / sizeof(horizon_of[0])))

/* A number from 0 to most that is often nothing. */
static double
sometimes(double most)
{
	return uniform() < 0.4 ? 0.0 : most * uniform();
}

static void
make_counter(double *x)
{
	double base = 50.0 * exp(normal());
	double keeps = 0.94 + 0.055 * uniform();
	double wander_sd = 0.5 * uniform();
	double jumps = sometimes(0.03);
	double jump_sd = 0.1 + 0.4 * uniform();
	double releases = sometimes(0.03);
	double release_most = 4.0 * uniform();
	double fades = 0.7 + 0.25 * uniform();
	double drift = sometimes(0.008) * (uniform() < 0.7 ? 1.0 : -1.0);
	double noise = 0.05 + 0.35 * uniform();
	double weekend = exp(0.2 * normal());
	double wander = normal();
	double jump = 0.0;
	double burst = 0.0;
	double level = 0.0;

	for (int t = 0; t < DAYS; t++)
	{
		wander = keeps * wander + sqrt(1.0 - keeps * keeps) * normal();
		if (uniform() < jumps)
			jump = jump_sd * normal();
		burst = fades * burst + (uniform() < releases ? release_most * uniform() : 0.0);
		level += poisson(base * (1.0 + burst) * (t % 7 >= 5 ? weekend : 1.0) *
						 exp(wander_sd * wander + jump + drift * (t - DAYS / 2) + noise * normal()));
		x[t] = level;
	}
}

int
main(void)
{
	static double ratio[COUNTERS];
	double x[DAYS];

	printf("/* horizon, 10 %%, median, 90 %% */\n");
	for (int h = 0; h < HORIZONS; h++)
	{
		int m = 0;

		draw.state = 9000;
		while (m < COUNTERS)
		{
			int at = 28 + stats_random_below(&draw, 180);
			double pace;

			make_counter(x);
			pace = (x[at] - x[at - 7]) / 7.0;
			/* what small counts add is known without a table */
			if (pace < 20.0)
				continue;
			ratio[m++] = log(fmax((x[at + horizon_of[h]] - x[at]) / horizon_of[h] / pace, 1e-6));
		}
		stats_sort(ratio, m);
		printf("{%d, %.3f, %.3f, %.3f},\n", horizon_of[h], stats_quantile_sorted(ratio, m, 0.1),
			   stats_quantile_sorted(ratio, m, 0.5), stats_quantile_sorted(ratio, m, 0.9));
	}
	return 0;
}
