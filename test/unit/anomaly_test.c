/*
 * anomaly_test.c
 *    Scores, day tests, events.
 */
#include "unit.h"
#include "stats/stats.h"
#include "stats/anomaly.h"

/* Days of some 100 with a quieter week and louder weekends. */
static void
usual_days(double *x, int n, uint64_t seed)
{
	StatsRandom random = {seed};

	for (int i = 0; i < n; i++)
		x[i] = floor((i % 7 >= 5 ? 140.0 : 90.0) * (0.8 + 0.4 * stats_random_uniform(&random)));
}

static void
test_scores(void)
{
	double x[1000], score[1000], again[1000];
	StatsRandom random = {1};
	bool causal = true;
	bool inside = true;
	int loud = 0;
	double copy[1000];

	usual_days(x, 400, 3);
	x[200] *= 4.0;
	ok(stats_anomaly_scores(x, 400, 7, score) == STATS_OK, "scoring");
	ok(score[200] > 0.9, "four times the usual is an anomaly");
	for (int i = 14; i < 400; i++)
	{
		loud += score[i] >= 0.5;
		inside = inside && score[i] >= 0.0 && score[i] <= 1.0;
	}
	ok(inside, "scores lie between 0 and 1");
	ok(loud <= 6, "one in a hundred ordinary days or so reaches one half");
	ok(isnan(score[13]) && !isnan(score[14]), "no score before 14 values are known");

	/* Causal for any prefix: cutting the series anywhere, or changing what follows, changes no earlier score. */
	for (int kind = 0; kind < 5; kind++)
	{
		int period = kind == 4 ? 1 : (kind == 3 ? 24 : 7);

		for (int i = 0; i < 300; i++)
		{
			x[i] = kind == 0 ? stats_random_below(&random, 3) : 50.0 + 20.0 * stats_random_uniform(&random);
			x[i] = kind == 1 ? floor(x[i]) : x[i];
			if (kind == 2)
				x[i] = i < 150 ? floor(x[i] * 3.0) : x[i] - 60.0;
			if (stats_random_below(&random, 15) == 0)
				x[i] = NAN;
		}
		stats_anomaly_scores(x, 300, period, score);
		for (int cut = 1; cut < 300; cut += 7)
		{
			memcpy(copy, x, sizeof(copy));
			for (int i = cut; i < 300; i++)
				copy[i] = 1e6 * stats_random_uniform(&random);
			stats_anomaly_scores(copy, cut % 2 == 0 ? cut : 300, period, again);
			causal = causal && memcmp(score, again, sizeof(double) * cut) == 0;
		}
	}
	ok(causal, "scores never depend on later values");

	for (int i = 0; i < 100; i++)
		x[i] = 7.0;
	stats_anomaly_scores(x, 100, 7, score);
	ok(score[50] < 0.02, "a constant does not surprise");
	x[60] = NAN;
	x[99] = 700.0;
	stats_anomaly_scores(x, 100, 7, score);
	ok(isnan(score[60]) && score[61] < 0.02, "a missing value has no score and does not disturb");
	ok(score[99] > 0.9, "a spike after a constant does");
	for (int i = 0; i < 100; i++)
		x[i] = i == 70 ? 1.0 : 0.0;
	stats_anomaly_scores(x, 100, 7, score);
	ok(score[70] < 0.5, "the first 1 after zeros is no anomaly");
	for (int i = 0; i < 100; i++)
		x[i] = 0.25;
	x[80] = 0.5;
	stats_anomaly_scores(x, 100, 1, score);
	ok(score[79] < 0.02 && score[80] > 0.5, "a rate that never moved, and then did");
	for (int i = 0; i < 100; i++)
		x[i] = 0.0;
	x[80] = 0.001;
	stats_anomaly_scores(x, 100, 1, score);
	ok(score[79] < 0.02 && score[80] > 0.5 && score[80] <= 1.0, "no spread at all is not divided by");
	ok(stats_anomaly_scores(x, 0, 7, score) == STATS_OK, "empty");
	ok(stats_anomaly_scores(x, 1, 7, score) == STATS_OK && isnan(score[0]), "one value has no score");

	/* A new level becomes normal. */
	for (int i = 0; i < 200; i++)
		x[i] = (i < 100 ? 100.0 : 300.0) + stats_random_below(&random, 20);
	stats_anomaly_scores(x, 200, 1, score);
	ok(score[100] > 0.9 && score[150] < 0.5, "a new level is a surprise once");
}

static void
test_days(void)
{
	double x[100];
	DayTest test;

	for (int i = 0; i < 60; i++)
		x[i] = i % 2 == 0 ? 90.0 : 110.0;
	x[50] = 300.0;
	ok(stats_day_test(x, 50, 1, STATS_SCALE_LOG, &test) == STATS_OK && test.n == 28, "a day against 28");
	/* By hand: logs of 90 and 110, median log sqrt(9900), every deviation log(110 / 90) / 2; the median of 28 adds pi / 56. */
	near(test.baseline, sqrt(9900.0), 1e-9, "its baseline");
	near(test.z,
		 log(300.0 / sqrt(9900.0)) / (1.4826022185056018 * 0.5 * log(110.0 / 90.0) * sqrt(1.0 + M_PI / 56.0)),
		 1e-9, "its distance");
	ok(test.p_value < 0.001 && test.upper > 110.0 && test.lower < 90.0, "p-value and band");
	ok(stats_day_test(x, 13, 1, STATS_SCALE_LOG, &test) == STATS_TOO_FEW && isnan(test.z) && test.n == 13,
	   "13 days are too few");
	x[50] = 0.0;
	ok(stats_day_test(x, 50, 1, STATS_SCALE_LOG, &test) == STATS_TOO_FEW, "0 has no logarithm");
	ok(stats_day_test(x, 50, 7, STATS_SCALE_COUNTS, &test) == STATS_OK && test.z < -3, "but is a count");
	for (int i = 0; i < 60; i++)
		x[i] = 0.0;
	x[50] = 1.0;
	ok(stats_day_test(x, 50, 7, STATS_SCALE_COUNTS, &test) == STATS_OK && test.p_value > 0.05,
	   "a window without spread does not alarm on + 1");
}

static void
test_events(void)
{
	double x[400];
	SpikeRule rule = {0.01, 1.3, 10.0};
	SpikeEvent events[10];
	int count, tests;

	usual_days(x, 200, 5);
	/* A release with a long tail, and a new peak in it. */
	for (int i = 0; i < 12; i++)
		x[100 + i] += 600.0 * pow(0.75, i);
	x[150] = 5.0;
	ok(stats_spike_events(x, 200, 7, STATS_SCALE_COUNTS, &rule, events, 10, &count, &tests) == STATS_OK,
	   "events");
	ok(count == 2, "one spike and one drop");
	ok(events[0].up && events[0].open == 100 && events[0].peak == 100, "opens at the release");
	ok(events[0].close >= 103 && events[0].close <= 112 && !events[0].still_open,
	   "its tail is the same event");
	ok(fabs(events[0].lift - 2400.0) < 500.0, "its lift is what was added");
	ok(!events[1].up && events[1].open == 150 && events[1].close == 150, "a day of almost nothing");
	ok(tests > 150 && tests < 186, "days within an event are not tested");
	ok(stats_spike_events(x, 105, 7, STATS_SCALE_COUNTS, &rule, events, 10, &count, NULL) == STATS_OK &&
		   count == 1 && events[0].still_open,
	   "an event that has not ended");
	for (int i = 101; i < 140; i++)
		x[i] = i % 3 == 0 ? NAN : 800.0;
	stats_spike_events(x, 200, 7, STATS_SCALE_COUNTS, &rule, events, 10, &count, NULL);
	ok(count >= 1 && events[0].new_level && events[0].known < events[0].close - events[0].open + 1,
	   "weeks of it are a new level, gaps or not");
	stats_spike_events(x, 200, 7, STATS_SCALE_COUNTS, &rule, events, 0, &count, NULL);
	ok(count == 0, "no room, no event");
	ok(stats_spike_events(x, 0, 7, STATS_SCALE_COUNTS, &rule, events, 10, &count, NULL) == STATS_OK &&
		   count == 0,
	   "empty");
	for (int i = 0; i < 100; i++)
		x[i] = 3.0;
	stats_spike_events(x, 100, 7, STATS_SCALE_COUNTS, &rule, events, 10, &count, NULL);
	ok(count == 0, "constant");
	/* Rounded subscribers: nothing for days, then a step. */
	for (int i = 0; i < 100; i++)
		x[i] = i % 9 == 8 ? 100.0 : 0.0;
	stats_spike_events(x, 100, 7, STATS_SCALE_COUNTS, &(SpikeRule){0.05, 1.3, 10.0}, events, 10, &count,
					   NULL);
	ok(count <= 1 && (count == 0 || events[0].open < 28), "steps of a rounded counter are no spikes");
}

int
main(void)
{
	test_scores();
	test_days();
	test_events();
	return done();
}
