/*
 * aims.c
 *    What the functions over arrays reach, each with its one setting for all series, beside a simple method: change
 *    points by F1 and cover, anomaly scores by F1, forecasts by error (OWA), and their intervals by score (MSIS), as in
 *    the M4 competition (Makridakis et al. 2020, 10.1016/j.ijforecast.2019.04.014), dates of goals by width. Kinds of
 *    series on which no setting was tuned one by one; the limits keep what is reached.
 */
#include "draw.h"
#include "series.h"
#include "stats/anomaly.h"
#include "stats/changepoint.h"
#include "stats/forecast.h"
#include "stats/goal.h"
#include "stats/robust.h"

/* A measure of ours and of the simple method; `better` says which way. */
static void
beside(const char *what, double ours, double simple, double least, double most)
{
	char line[140];

	snprintf(line, sizeof(line), "%s (simple: %.3f)", what, simple);
	report(line, ours, least, most);
}

/* ---- Change points ---- */

static const char *const change_kinds[] = {
	"one step",        "two steps",       "step in rho .5", "step under weekdays",
	"step on a trend", "spikes, no step", "nothing"};
#define CHANGE_KINDS ((int) (sizeof(change_kinds) / sizeof(change_kinds[0])))

static int
make_steps(int kind, double *x, int n, int *at)
{
	double noise = 0.0;
	int steps = kind == 1 ? 2 : kind >= 5 ? 0 : 1;

	for (int i = 0; i < steps; i++)
		at[i] = n * (i + 1) / (steps + 1) - n / 10 + stats_random_below(&draw, n / 5);
	for (int i = 0; i < n; i++)
	{
		noise = kind == 2 ? 0.5 * noise + 0.87 * normal() : normal();
		x[i] = noise;
		if (kind == 3)
			x[i] += i % 7 >= 5 ? 1.5 : 0.0;
		if (kind == 4)
			x[i] += 0.02 * i;
		if (kind == 5 && uniform() < 0.03)
			x[i] += 8.0 * uniform();
		for (int k = 0; k < steps; k++)
			x[i] += i >= at[k] ? (k == 0 ? 2.5 : -3.0) : 0.0;
	}
	return steps;
}

/* F1 of the changes found, the start counted as one, within five places. */
static double
f1_of(const int *found, int m, const int *truth, int k)
{
	int right = 1, met = 1;
	double precision, recall;

	for (int i = 0; i < m; i++)
	{
		for (int j = 0; j < k; j++)
		{
			if (abs(found[i] - truth[j]) <= 5)
			{
				right++;
				break;
			}
		}
	}
	for (int j = 0; j < k; j++)
	{
		for (int i = 0; i < m; i++)
		{
			if (abs(found[i] - truth[j]) <= 5)
			{
				met++;
				break;
			}
		}
	}
	precision = (double) right / (m + 1);
	recall = (double) met / (k + 1);
	return 2.0 * precision * recall / (precision + recall);
}

/* How well the found segments lie on the true ones: their largest Jaccard index, weighted by length. */
static double
cover_of(const int *found, int m, const int *truth, int k, int n)
{
	double sum = 0.0;

	for (int j = 0; j <= k; j++)
	{
		int a = j == 0 ? 0 : truth[j - 1];
		int b = j == k ? n : truth[j];
		double best = 0.0;

		for (int i = 0; i <= m; i++)
		{
			int c = i == 0 ? 0 : found[i - 1];
			int d = i == m ? n : found[i];
			int shared = (b < d ? b : d) - (a > c ? a : c);

			if (shared > 0)
				best = fmax(best, (double) shared / ((b > d ? b : d) - (a < c ? a : c)));
		}
		sum += best * (b - a);
	}
	return sum / n;
}

static void
changes(void)
{
	char what[100];
	double all[4] = {0.0};

	for (int kind = 0; kind < CHANGE_KINDS; kind++)
	{
		double sum[4] = {0.0};
		int runs = 200;

		draw.state = 5000 + kind;
		for (int run = 0; run < runs; run++)
		{
			int n = 80 + stats_random_below(&draw, 220);
			double x[MOST], scaled[MOST];
			double mean, sd;
			int truth[2], found[MOST];
			int steps, count;

			steps = make_steps(kind, x, n, truth);
			stats_detect_changepoints(x, n, found, &count);
			sum[0] += f1_of(found, count, truth, steps);
			sum[1] += cover_of(found, count, truth, steps, n);
			/* least squares on values of unit variance, 3 log n a change */
			mean = stats_mean(x, n);
			sd = stats_sd(x, n);
			for (int i = 0; i < n; i++)
				scaled[i] = (x[i] - mean) / sd;
			stats_pelt(scaled, n, 3.0 * log(n), 1, found, &count);
			sum[2] += f1_of(found, count, truth, steps);
			sum[3] += cover_of(found, count, truth, steps, n);
		}
		snprintf(what, sizeof(what), "change points, %s: F1", change_kinds[kind]);
		beside(what, sum[0] / runs, sum[2] / runs, 0.6, 1.0);
		for (int i = 0; i < 4; i++)
			all[i] += sum[i] / runs / CHANGE_KINDS;
	}
	beside("change points, all kinds: F1", all[0], all[2], 0.85, 1.0);
	beside("change points, all kinds: cover", all[1], all[3], 0.85, 1.0);
}

/* ---- Anomaly scores ---- */

static const char *const anomaly_kinds[] = {"counts, one release", "sparse counts", "drifting level",
											"a rate that jumps"};
#define ANOMALY_KINDS ((int) (sizeof(anomaly_kinds) / sizeof(anomaly_kinds[0])))

/* Two events in 400 values, in the second half; returns their first days. */
static void
make_events(int kind, double *x, int n, int *at)
{
	double wander = 0.0;

	at[0] = n / 2 + stats_random_below(&draw, n / 6);
	at[1] = at[0] + n / 5 + stats_random_below(&draw, n / 10);
	for (int t = 0; t < n; t++)
	{
		double event = 0.0;

		for (int k = 0; k < 2; k++)
			event += t >= at[k] && t < at[k] + 4 ? pow(0.6, t - at[k]) : 0.0;
		wander = 0.9 * wander + 0.1 * normal();
		switch (kind)
		{
			case 0:
				x[t] = daily_count(60.0 * (t % 7 >= 5 ? 1.4 : 0.9) * exp(wander) * (1.0 + 6.0 * event));
				break;
			case 1:
				x[t] = poisson(0.7 + 9.0 * event);
				break;
			case 2:
				x[t] = 100.0 + 10.0 * wander + normal() + 12.0 * event;
				break;
			default:
				x[t] = 0.05 * exp(0.5 * wander + 0.1 * normal() + 0.9 * event);
		}
	}
}

/* An event is found by an alarm in its four days; alarms of others are false, once in a week at most. */
static void
count_alarms(const bool *alarm, int n, const int *at, int *found, int *wrong)
{
	bool met[2] = {false, false};
	int last = -7;

	for (int t = n / 4; t < n; t++)
	{
		bool inside = false;

		if (!alarm[t])
			continue;
		for (int k = 0; k < 2; k++)
		{
			if (t >= at[k] && t < at[k] + 4)
			{
				met[k] = true;
				inside = true;
			}
		}
		if (!inside && t >= last + 7)
		{
			(*wrong)++;
			last = t;
		}
	}
	*found += met[0] + met[1];
}

static double
f1_of_counts(int found, int wrong, int planted)
{
	return 2.0 * found / (double) (found + wrong + planted);
}

static void
anomalies(void)
{
	char what[100];
	double ours = 0.0, simple = 0.0;

	for (int kind = 0; kind < ANOMALY_KINDS; kind++)
	{
		int runs = 150, n = 400;
		int found = 0, wrong = 0, simply_found = 0, simply_wrong = 0;

		draw.state = 6000 + kind;
		for (int run = 0; run < runs; run++)
		{
			double x[400], score[400];
			bool alarm[400];
			int at[2];

			make_events(kind, x, n, at);
			stats_anomaly_scores(x, n, 7, score);
			for (int t = 0; t < n; t++)
				alarm[t] = score[t] >= 0.5;
			count_alarms(alarm, n, at, &found, &wrong);
			/* Hampel: 3.5 scaled MAD from the median of the 28 days before */
			for (int t = 0; t < n; t++)
			{
				double window[28], work[28], middle;

				alarm[t] = false;
				if (t < 28)
					continue;
				memcpy(window, x + t - 28, sizeof(window));
				middle = stats_median(window, 28, work);
				alarm[t] = fabs(x[t] - middle) > 3.5 * STATS_MAD_TO_SD * stats_mad(window, 28, middle, work);
			}
			count_alarms(alarm, n, at, &simply_found, &simply_wrong);
		}
		snprintf(what, sizeof(what), "anomaly score >= .5, %s: F1", anomaly_kinds[kind]);
		beside(what, f1_of_counts(found, wrong, 2 * runs), f1_of_counts(simply_found, simply_wrong, 2 * runs),
			   0.5, 1.0);
		ours += f1_of_counts(found, wrong, 2 * runs) / ANOMALY_KINDS;
		simple += f1_of_counts(simply_found, simply_wrong, 2 * runs) / ANOMALY_KINDS;
	}
	beside("anomaly score >= .5, all kinds: F1", ours, simple, 0.7, 1.0);
}

/* ---- Forecasts ---- */

/* What a year or more of weeks says of the next 13. */
static void
forecasts(void)
{
	char what[100];
	double all_owa = 0.0, all_score = 0.0, all_simple = 0.0;

	for (Kind kind = 0; kind < KINDS; kind++)
	{
		double smape = 0.0, naive_smape = 0.0, mase = 0.0, naive_mase = 0.0, score = 0.0, simple = 0.0;
		int runs = 150, horizon = 13;

		draw.state = 7000 + kind;
		for (int run = 0; run < runs; run++)
		{
			int n = 80 + stats_random_below(&draw, 180);
			double x[MOST];
			ForecastStep step[13], wide[13];
			double scale = 0.0, squares = 0.0;
			int steps;

			make_series(kind, x, n + horizon);
			stats_forecast(x, n, horizon, 0.8, 1, step, &steps);
			stats_forecast(x, n, horizon, 0.95, 1, wide, &steps);
			for (int t = 1; t < n; t++)
			{
				scale += fabs(x[t] - x[t - 1]) / (n - 1);
				squares += (x[t] - x[t - 1]) * (x[t] - x[t - 1]) / (n - 1);
			}
			for (int h = 0; h < horizon; h++)
			{
				double truth = x[n + h];
				double last = x[n - 1];
				double half = 1.96 * sqrt(squares * (h + 1));

				smape += 2.0 * fabs(truth - step[h].mean) / (fabs(truth) + fabs(step[h].mean) + 1e-9);
				naive_smape += 2.0 * fabs(truth - last) / (fabs(truth) + fabs(last) + 1e-9);
				mase += fabs(truth - step[h].mean) / scale;
				naive_mase += fabs(truth - last) / scale;
				score += (wide[h].hi - wide[h].lo +
						  40.0 * (fmax(wide[h].lo - truth, 0.0) + fmax(truth - wide[h].hi, 0.0))) /
						 scale;
				simple += (2.0 * half + 40.0 * fmax(fabs(truth - last) - half, 0.0)) / scale;
			}
		}
		snprintf(what, sizeof(what), "forecast, %s, 13 ahead: OWA", kind_names[kind]);
		beside(what, 0.5 * (smape / naive_smape + mase / naive_mase), 1.0, 0, 1.1);
		all_owa += 0.5 * (smape / naive_smape + mase / naive_mase) / KINDS;
		all_score += score / runs / horizon / KINDS;
		all_simple += simple / runs / horizon / KINDS;
	}
	beside("forecast, all kinds, 13 ahead: OWA", all_owa, 1.0, 0, 0.926);
	beside("its 95 % intervals, all kinds: MSIS", all_score, all_simple, 0, 0.9 * all_simple);
}

/* ---- Dates of goals ---- */

/* Width of 80 % intervals in parts of the days until the goal; those of the table of other counters stand beside them. */
static void
goals(void)
{
	static const int ahead_of[] = {14, 28, 56};
	char what[100];

	for (int a = 0; a < 3; a++)
	{
		double width[2][300];
		double work[300];
		int n[2] = {0, 0};

		draw.state = 8000 + a;
		for (int run = 0; run < 300; run++)
		{
			double x[MOST];
			GoalEta eta;

			make_series(GROWING, x, 365 + ahead_of[a]);
			for (int short_one = 0; short_one < 2; short_one++)
			{
				int known = short_one ? 45 : 365;

				stats_goal_eta(x + 365 - known, known, x[364 + ahead_of[a]], 0.8, &eta);
				if (!isnan(eta.lo) && !isnan(eta.hi))
					width[short_one][n[short_one]++] = (eta.hi - eta.lo) / ahead_of[a];
			}
		}
		snprintf(what, sizeof(what), "goal %d days ahead: width of 80 %% against the days", ahead_of[a]);
		beside(what, stats_median(width[0], n[0], work), stats_median(width[1], n[1], work), 0, 1.2);
	}
}

int
main(void)
{
	changes();
	anomalies();
	forecasts();
	goals();
	printf(failures == 0 ? "the array functions reach what they reached\n"
						 : "the array functions fall short\n");
	return failures > 0;
}
