/*
 * unit.h
 *    Assertions of the C unit tests: each prints one line of the Test Anything Protocol. Every test program is one file
 *    with a main() that ends with `return done();`.
 */
#ifndef UNIT_H
#define UNIT_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int unit_count;
static int unit_failed;

static inline bool
ok_at(bool passed, const char *name, const char *file, int line)
{
	unit_count++;
	printf("%sok %d - %s\n", passed ? "" : "not ", unit_count, name);
	if (!passed)
	{
		unit_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	return passed;
}

/* Two NaN are the same here: both are unknown. */
static inline bool
near_at(double got, double wanted, double tolerance, const char *name, const char *file, int line)
{
	bool same = (isnan(got) && isnan(wanted)) || got == wanted || fabs(got - wanted) <= tolerance;

	if (!ok_at(same, name, file, line))
		printf("# got %.17g, wanted %.17g within %g\n", got, wanted, tolerance);
	return same;
}

static inline bool
text_at(const char *got, const char *wanted, const char *name, const char *file, int line)
{
	bool same = got == wanted || (got != NULL && wanted != NULL && strcmp(got, wanted) == 0);

	if (!ok_at(same, name, file, line))
		printf("# got    \"%s\"\n# wanted \"%s\"\n", got ? got : "(null)", wanted ? wanted : "(null)");
	return same;
}

#define ok(passed, name)                   ok_at((passed), (name), __FILE__, __LINE__)
#define near(got, wanted, tolerance, name) near_at((got), (wanted), (tolerance), (name), __FILE__, __LINE__)
#define is_text(got, wanted, name)         text_at((got), (wanted), (name), __FILE__, __LINE__)

/* The plan, and the exit status of the program. */
static inline int
done(void)
{
	printf("1..%d\n", unit_count);
	if (unit_failed > 0)
		printf("# %d of %d failed\n", unit_failed, unit_count);
	return unit_failed > 0;
}

#endif
