/*
 * null.c
 *    What the tests say of artists with nothing to say: the share of false findings must stay within the stated level
 *    plus 0.02, whatever the number of posts, the autocorrelation and the size of the counts.
 */
#include "draw.h"
#include "stats/anomaly.h"
#include "stats/changepoint.h"
#include "stats/counts.h"
#include "stats/leadlag.h"
#include "stats/multiplicity.h"
#include "stats/placebo.h"
#include "stats/ranks.h"

#define SLACK 0.02

static const int posts_of[] = {30, 60, 120};
static const double rho_of[] = {0.0, 0.6, 0.8};
static const double mean_of[] = {0.5, 3.0, 20.0, 300.0};

static bool
any_at_most(const double *q, int n, double level)
{
	for (int i = 0; i < n; i++)
	{
		if (q[i] <= level)
			return true;
	}
	return false;
}

/* Posts with labels that mean nothing: every label against the rest, adjusted over the family. */
static void
posts(int labels, const char *name)
{
	char what[100];

	for (int k = 0; k < 3; k++)
	{
		int n = posts_of[k];
		int runs = 2000;
		int found = 0;

		draw.state = 100 + 10 * labels + k;
		for (int run = 0; run < runs; run++)
		{
			double y[120], in[120], out[120], p[7];
			int label[120];

			for (int i = 0; i < n; i++)
			{
				y[i] = 5.0 + 0.9 * normal();
				label[i] = stats_random_below(&draw, labels);
			}
			for (int l = 0; l < labels; l++)
			{
				MannWhitney test;
				int n_in = 0, n_out = 0;

				for (int i = 0; i < n; i++)
				{
					if (label[i] == l)
						in[n_in++] = y[i];
					else
						out[n_out++] = y[i];
				}
				p[l] = STATS_UNKNOWN;
				if (n_in >= 5 && n_out >= 5 && stats_mann_whitney(in, n_in, out, n_out, &test) == STATS_OK)
					p[l] = test.p_value;
			}
			stats_adjust_bh(p, labels, 0, p);
			found += any_at_most(p, labels, 0.10);
		}
		snprintf(what, sizeof(what), "%s, %d posts: any q <= .10", name, n);
		report(what, (double) found / runs, 0, 0.10 + SLACK);
	}
}

/* Single comparisons and their intervals. */
static void
groups(void)
{
	static const int sizes[][2] = {{5, 5}, {8, 20}, {30, 60}};
	char what[100];

	for (int k = 0; k < 3; k++)
	{
		int na = sizes[k][0], nb = sizes[k][1];
		int runs = 2000;
		int ranks = 0, munzel = 0, permuted = 0, strata = 0, covered = 0, intervals = 0;

		draw.state = 200 + k;
		for (int run = 0; run < runs; run++)
		{
			double a[30], b[60], y[90];
			bool in_a[90];
			int stratum[90];
			MannWhitney test;
			BrunnerMunzel other;
			Stratified stratified;
			Shift shift;

			for (int i = 0; i < na; i++)
				a[i] = 0.9 * normal();
			for (int i = 0; i < nb; i++)
				b[i] = 0.9 * normal();
			stats_mann_whitney(a, na, b, nb, &test);
			ranks += test.p_value <= 0.05;
			stats_hodges_lehmann(a, na, b, nb, 0.9, &shift);
			if (!isnan(shift.lo))
			{
				intervals++;
				covered += shift.lo <= 0.0 && shift.hi >= 0.0;
			}
			if (na >= 10)
			{
				stats_brunner_munzel(a, na, b, nb, &other);
				munzel += other.p_value <= 0.05;
			}
			else
			{
				stats_brunner_munzel_permuted(a, na, b, nb, 199, run, &other);
				permuted += other.p_value <= 0.05;
			}
			for (int i = 0; i < na + nb; i++)
			{
				/* Weekdays differ, and group a is posted more on some of them. */
				in_a[i] = i < na;
				stratum[i] = in_a[i] ? stats_random_below(&draw, 2) : stats_random_below(&draw, 4);
				y[i] = (i < na ? a[i] : b[i - na]) + stratum[i];
			}
			if (stats_van_elteren(y, in_a, stratum, na + nb, 0.9, &stratified) == STATS_OK)
				strata += stratified.p_value <= 0.05;
		}
		snprintf(what, sizeof(what), "Mann-Whitney, %d against %d: p <= .05", na, nb);
		report(what, (double) ranks / runs, 0, 0.05 + SLACK);
		snprintf(what, sizeof(what), "Hodges-Lehmann, %d against %d: 90 %% interval covers", na, nb);
		report(what, (double) covered / intervals, 0.88, 1.0);
		snprintf(what, sizeof(what), "Brunner-Munzel%s, %d against %d: p <= .05", na >= 10 ? "" : " permuted",
				 na, nb);
		report(what, (double) (na >= 10 ? munzel : permuted) / runs, 0, 0.05 + SLACK);
		snprintf(what, sizeof(what), "van Elteren under confounding, %d against %d: p <= .05", na, nb);
		report(what, (double) strata / runs, 0, 0.05 + SLACK);
	}
}

/* Weekends that are no different, in series whose days hang together. */
static void
weekends(void)
{
	char what[100];

	for (int r = 0; r < 3; r++)
	{
		for (int k = 0; k < 2; k++)
		{
			int n = k == 0 ? 60 : 120;
			int runs = 2000;
			int found = 0;

			draw.state = 300 + 10 * r + k;
			for (int run = 0; run < runs; run++)
			{
				double x[120], weeks[20];
				SignedRank test;

				autoregression(x, n, rho_of[r]);
				stats_signed_rank(weeks, stats_week_differences(x, n, run % 7, 0x60, weeks), 0.9, &test);
				found += test.p_value <= 0.05;
			}
			snprintf(what, sizeof(what), "weekend by signed ranks, %d days, rho %.1f: p <= .05", n,
					 rho_of[r]);
			report(what, (double) found / runs, 0, 0.05 + SLACK);
		}
	}
}

/* Change points of series that do not change: found, and kept after verification. */
static void
changes(void)
{
	char what[100];

	for (int r = 0; r < 3; r++)
	{
		for (int k = 0; k < 3; k++)
		{
			int n = k == 0 ? 30 : (k == 1 ? 60 : 365);
			int runs = 1000;
			int found = 0, kept = 0;

			draw.state = 400 + 10 * r + k;
			for (int run = 0; run < runs; run++)
			{
				double x[365], p[365];
				int at[365];
				int count;

				autoregression(x, n, rho_of[r]);
				stats_detect_changepoints(x, n, at, &count);
				found += count > 0;
				for (int i = 0; i < count; i++)
				{
					BreakCheck check;

					stats_check_break(x, i == 0 ? 0 : at[i - 1], at[i], i == count - 1 ? n : at[i + 1], 999,
									  1, &check);
					p[i] = check.p_value;
				}
				stats_adjust_bh(p, count, 0, p);
				kept += any_at_most(p, count, 0.10);
			}
			snprintf(what, sizeof(what), "change points, %d days, rho %.1f: any found", n, rho_of[r]);
			report(what, (double) found / runs, 0, 0.10 + SLACK);
			snprintf(what, sizeof(what), "change points, %d days, rho %.1f: any kept at q <= .10", n,
					 rho_of[r]);
			report(what, (double) kept / runs, 0, 0.10 + SLACK);
		}
	}
}

/* Pairs of platforms that have nothing to do with each other. */
static void
pairs(void)
{
	char what[100];

	for (int r = 0; r < 3; r++)
	{
		for (int k = 0; k < 2; k++)
		{
			int n = k == 0 ? 60 : 120;
			int runs = 1000;
			int found = 0;

			draw.state = 500 + 10 * r + k;
			for (int run = 0; run < runs; run++)
			{
				double x[120], y[120], correlation[15], p[15];

				autoregression(x, n, rho_of[r]);
				autoregression(y, n, rho_of[r]);
				for (int i = 0; i < n; i++)
				{
					x[i] = floor(100.0 * exp(0.3 * x[i]) * (i % 7 >= 5 ? 1.4 : 0.84) + 0.5 * i);
					y[i] = floor(50.0 * exp(0.3 * y[i]) * (i % 7 >= 5 ? 1.4 : 0.84) + 0.2 * i);
				}
				stats_lead_lag(x, y, n, 14, correlation, p);
				stats_adjust_bh(p, 15, 0, p);
				found += any_at_most(p, 15, 0.10);
			}
			snprintf(what, sizeof(what), "lead and lag, %d days, rho %.1f: any q <= .10 of 15 lags", n,
					 rho_of[r]);
			report(what, (double) found / runs, 0, 0.10 + SLACK);
		}
	}
}

/* Ordinary days of counts, from sparse to many. */
static void
days(void)
{
	char what[100];

	for (int k = 0; k < 4; k++)
	{
		for (int r = 0; r < 3; r += 2)
		{
			int n = 120;
			int runs = 150;
			int tested = 0, alarms = 0, guarded = 0, scored = 0, loud = 0;

			draw.state = 600 + 10 * k + r;
			for (int run = 0; run < runs; run++)
			{
				double x[120], drift[120], score[120];

				autoregression(drift, n, rho_of[r]);
				for (int i = 0; i < n; i++)
					x[i] = daily_count(mean_of[k] * (i % 7 >= 5 ? 1.4 : 0.84) *
									   exp(r > 0 ? 0.15 * drift[i] : 0.0));
				stats_anomaly_scores(x, n, 7, score);
				for (int i = 28; i < n; i++)
				{
					DayTest test;

					scored += !isnan(score[i]);
					loud += score[i] >= 0.5;
					if (stats_day_test(x, i, 7, STATS_SCALE_COUNTS, &test) != STATS_OK)
						continue;
					tested++;
					alarms += test.p_value <= 0.05;
					guarded +=
						test.p_value <= 0.05 && x[i] >= 1.3 * test.baseline && x[i] - test.baseline >= 10.0;
				}
			}
			snprintf(what, sizeof(what), "days of %g, rho %.1f: p <= .05", mean_of[k], rho_of[r]);
			report(what, (double) alarms / tested, 0, 0.05 + SLACK);
			snprintf(what, sizeof(what), "days of %g, rho %.1f: with ratio and gain, upwards", mean_of[k],
					 rho_of[r]);
			report(what, (double) guarded / tested, 0, 0.05 + SLACK);
			snprintf(what, sizeof(what), "days of %g, rho %.1f: score >= 0.5 (once in 100)", mean_of[k],
					 rho_of[r]);
			report(what, (double) loud / scored, 0, 0.01 + SLACK);
		}
	}
}

/* A window of zeros does not alarm on 1, nor a rounded counter on its steps. */
static void
sparse(void)
{
	int tested = 0, alarms = 0, steps = 0;

	draw.state = 700;
	for (int run = 0; run < 200; run++)
	{
		double x[120];
		SpikeEvent events[20];
		SpikeRule rule = {0.05, 1.3, 10.0};
		double subscribers = 50000.0;
		double shown = 50000.0;
		int count;

		for (int i = 0; i < 120; i++)
			x[i] = poisson(0.02);
		for (int i = 28; i < 120; i++)
		{
			DayTest test;

			if (x[i] == 1.0 && stats_day_test(x, i, 7, STATS_SCALE_COUNTS, &test) == STATS_OK)
			{
				tested++;
				alarms += test.p_value <= 0.05;
			}
		}
		for (int i = 0; i < 120; i++)
		{
			double before = shown;

			subscribers += daily_count(12.0);
			shown = floor(subscribers / 100.0) * 100.0;
			x[i] = shown - before;
		}
		stats_spike_events(x, 120, 7, STATS_SCALE_COUNTS, &rule, events, 20, &count, NULL);
		steps += count > 0;
	}
	report("a 1 after zeros: p <= .05", (double) alarms / tested, 0, 0.0);
	report("steps of a rounded counter: any spike event", (double) steps / 200, 0, 0.05 + SLACK);
}

/* Events and posts that only happen to meet. */
static void
attribution(void)
{
	int runs = 2000;
	int found = 0;

	draw.state = 800;
	for (int run = 0; run < runs; run++)
	{
		Candidate candidates[80];
		Placebo placebo;
		int event = 20 + stats_random_below(&draw, 340);

		for (int i = 0; i < 80; i++)
			candidates[i] = (Candidate){stats_random_below(&draw, 365), uniform(), uniform() < 0.5};
		stats_placebo(365, event, &event, 1, candidates, 80, 7, 2, 999, 1, &placebo);
		found += placebo.p_value <= 0.05;
	}
	report("attribution to a post by chance: p <= .05", (double) found / runs, 0, 0.05 + SLACK);
}

int
main(void)
{
	posts(7, "weekdays");
	posts(3, "formats");
	groups();
	weekends();
	changes();
	pairs();
	days();
	sparse();
	attribution();
	printf(failures == 0 ? "all rates within their level + %.2f\n" : "rates beyond their level + %.2f\n",
		   SLACK);
	return failures > 0;
}
